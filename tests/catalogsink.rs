// SPDX-License-Identifier: MPL-2.0

//! catalogsink, its packages read back by ffprobe and ffmpeg.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gst::prelude::*;
use gstlecture::package::check::{self, Finding};
use gstlecture::package::manifest::Manifest;
use tempfile::TempDir;

fn init() {
    use std::sync::Once;
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        gst::init().expect("GStreamer starts");
        gstfmp4::plugin_register_static().expect("cmafmux registers");
        gstlecture::plugin_register_static().expect("our elements register");
    });
}

/// How a run ended.
struct Ended {
    error: Option<(String, gst::glib::Error)>,
    package: Option<gst::Structure>,
    errors: usize,
}

/// Runs a description to its end or first error.
fn run(description: &str) -> Ended {
    init();
    let pipeline = gst::parse::launch(description).expect(description);
    ended(pipeline.downcast_ref().expect("a pipeline"))
}

fn ended(pipeline: &gst::Pipeline) -> Ended {
    let bus = pipeline.bus().expect("pipelines have a bus");
    let started = pipeline.set_state(gst::State::Playing);
    let mut ended = Ended {
        error: None,
        package: None,
        errors: 0,
    };
    loop {
        let wait = if started.is_err() || ended.error.is_some() {
            gst::ClockTime::from_mseconds(300)
        } else {
            gst::ClockTime::from_seconds(120)
        };
        let Some(message) = bus.timed_pop(wait) else {
            assert!(ended.error.is_some(), "neither end nor error");
            break;
        };
        match message.view() {
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(error) => {
                ended.errors += 1;
                let source = message.src().map(|src| src.name().to_string());
                if ended.error.is_none() {
                    ended.error = Some((source.unwrap_or_default(), error.error()));
                }
            }
            gst::MessageView::Element(element) => {
                let structure = element.structure().expect("element messages have one");
                if structure.name() == "catalogsink-package" {
                    ended.package = Some(structure.to_owned());
                }
            }
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null).expect("stops");
    ended
}

struct Package {
    folder: TempDir,
    message: gst::Structure,
}

/// Packages what `branches` deliver to the sink `p`; the package keeps the rules of HLS.
fn package(settings: &str, branches: &str) -> Package {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let location = folder.path().join("package");
    let ended = run(&format!(
        "catalogsink name=p location={} preset=ultrafast {settings} {branches}",
        location.display()
    ));
    if let Some((source, error)) = ended.error {
        panic!("{source}: {error}");
    }
    let package = Package {
        folder,
        message: ended.package.expect("told of the package"),
    };
    // What Apple asks beside, such as several renditions, a small package cannot keep.
    let mut findings = package.findings();
    findings.retain(|finding| finding.starts_with("HLS"));
    assert_eq!(findings, [""; 0], "{branches}");
    package
}

impl Package {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("package").join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    fn manifest(&self) -> Manifest {
        serde_json::from_str(&self.text("manifest.json")).expect("a manifest")
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let root = self.path("");
        let mut files = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("readable").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&root).expect("inside").display();
                    files.insert(name.to_string(), fs::read(&path).expect("readable"));
                }
            }
        }
        files
    }

    /// What the rules find wrong, or advise of what is listed first.
    fn findings(&self) -> Vec<String> {
        let report = check::check(&self.files(), "master.m3u8");
        let first = |finding: &&Finding| finding.rule.number == "Apple 1.32";
        report
            .broken()
            .chain(report.advice().filter(first))
            .map(|finding| format!("{} {}: {}", finding.rule.number, finding.file, finding.what))
            .collect()
    }

    fn duration(&self) -> f64 {
        self.message.get::<u64>("duration").expect("told") as f64 / 1e9
    }

    /// Fields of the packets of a media playlist, a line a packet.
    fn packets(&self, playlist: &str, fields: &str) -> Vec<Vec<String>> {
        probe(
            &self.path(playlist),
            &["-show_entries", &format!("packet={fields}")],
        )
    }

    fn key_frames(&self, playlist: &str) -> Vec<String> {
        let packets = self.packets(playlist, "pts_time,flags");
        let keys = packets
            .into_iter()
            .filter(|packet| packet[1].starts_with('K'));
        keys.map(|packet| packet[0].clone()).collect()
    }
}

/// Asks ffprobe; it must have nothing to complain about.
fn probe(path: &Path, arguments: &[&str]) -> Vec<Vec<String>> {
    let output = Command::new("ffprobe")
        .args(["-v", "warning", "-of", "csv=p=0"])
        .args(arguments)
        .arg(path)
        .output()
        .expect("ffprobe is installed");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.trim().is_empty(), "{}: {told}", path.display());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

/// Decodes one stream to raw bytes.
fn decoded(path: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(arguments)
        .arg("-")
        .output()
        .expect("ffmpeg is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// When samples rise over half of full scale after a second below, in seconds.
fn beeps(path: &Path) -> Vec<f64> {
    let bytes = decoded(
        path,
        &["-map", "0:a:0", "-ac", "1", "-ar", "48000", "-f", "s16le"],
    );
    let loud = bytes
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]).unsigned_abs() > 8000);
    rises(loud, 48_000.0)
}

/// When the picture turns bright, in seconds.
fn flashes(path: &Path, rate: f64) -> Vec<f64> {
    let arguments = [
        "-map",
        "0:v:0",
        "-vf",
        "scale=1:1",
        "-pix_fmt",
        "gray",
        "-f",
        "rawvideo",
    ];
    let bytes = decoded(path, &arguments);
    rises(bytes.into_iter().map(|level| level > 128), rate)
}

fn rises(levels: impl Iterator<Item = bool>, rate: f64) -> Vec<f64> {
    let mut found = Vec::new();
    let mut last = None;
    for (at, _) in levels.enumerate().filter(|(_, level)| *level) {
        let at = at as f64 / rate;
        if last.is_none_or(|last| at - last > 0.5) {
            found.push(at);
        }
        last = Some(at);
    }
    found
}

fn video(size: (u32, u32), rate: &str, frames: u32) -> String {
    let (width, height) = size;
    format!(
        "videotestsrc num-buffers={frames} pattern=ball ! \
         video/x-raw,format=I420,width={width},height={height},framerate={rate} ! p.video "
    )
}

fn audio(pad: &str, seconds: u32, channels: u32) -> String {
    format!(
        "audiotestsrc num-buffers={} samplesperbuffer=4800 volume=0.1 ! \
         audio/x-raw,rate=48000,channels={channels} ! p.{pad} ",
        seconds * 10
    )
}

#[test]
fn a_package_is_complete() {
    let branches = video((1280, 720), "15/1", 195) + &audio("audio_0", 13, 2);
    let settings = "keyframe-interval=2 keyframe-times=3.3,7 audio_0::language=en \
                    audio_0::label=English";
    let package = package(settings, &branches);
    assert_eq!(package.findings(), [""; 0]);

    let keys = package.key_frames("video/720p/playlist.m3u8");
    let expected = [
        "0.000000", "2.000000", "3.333333", "4.000000", "6.000000", "7.000000",
    ];
    assert_eq!(keys[..6], expected);
    for rung in ["540p", "360p"] {
        assert_eq!(
            package.key_frames(&format!("video/{rung}/playlist.m3u8")),
            keys
        );
    }
    let frames = package.packets("video/540p/playlist.m3u8", "duration_time");
    assert_eq!(frames.len(), 195);

    let manifest = package.manifest();
    let sizes: Vec<_> = manifest
        .video
        .iter()
        .map(|video| (video.width, video.height))
        .collect();
    assert_eq!(sizes, [(1280, 720), (960, 540), (640, 360)]);
    assert!(
        (manifest.duration - 13.0).abs() < 0.02,
        "{}",
        manifest.duration
    );
    for video in &manifest.video {
        let found = probe(
            &package.path(&video.media.playlist),
            &[
                "-show_entries",
                "stream=profile,width,height,level,r_frame_rate",
            ],
        );
        let level = u8::from_str_radix(&video.media.codec[9..], 16).expect("hexadecimal");
        assert!(video.media.codec.starts_with("avc1."));
        assert!(
            found[0].contains(&level.to_string()),
            "{found:?} {}",
            video.media.codec
        );
        assert!(found[0].contains(&"15/1".to_owned()), "{found:?}");
    }
    let [sound] = &manifest.audio[..] else {
        panic!("one rendition of sound")
    };
    assert_eq!(
        (sound.label.as_str(), sound.language.as_str()),
        ("English", "en")
    );
    assert_eq!(
        (sound.media.codec.as_str(), sound.channels),
        ("mp4a.40.2", 2)
    );
    assert_eq!(sound.media.playlist, "audio/english/playlist.m3u8");
    let first = package.text("master.m3u8");
    let first = first
        .lines()
        .find(|line| line.ends_with(".m3u8") && !line.starts_with('#'));
    // All of a test picture is far below 2 Mbit/s.
    assert_eq!(first, Some("video/720p/playlist.m3u8"));

    assert_eq!(manifest.dash.as_deref(), Some("manifest.mpd"));
    let dash = probe(
        &package.path("manifest.mpd"),
        &["-show_entries", "program_stream=codec_name,width,height"],
    );
    let expected = ["h264,1280,720", "h264,960,540", "h264,640,360", "aac"];
    let found: Vec<String> = dash.iter().map(|stream| stream.join(",")).collect();
    assert!(
        found.join(" ").starts_with(&expected.join(" ")),
        "{found:?}"
    );
    let times = |playlist| package.packets(playlist, "stream_index,pts_time");
    let of = |packets: &[Vec<String>], index: &str| -> Vec<String> {
        let of_stream = packets.iter().filter(|packet| packet[0] == index);
        of_stream.map(|packet| packet[1].clone()).collect()
    };
    let first = of(&times("video/720p/playlist.m3u8"), "0");
    assert_eq!(of(&times("manifest.mpd"), "0"), first);

    let files = package.files();
    let bytes: usize = files.values().map(Vec::len).sum();
    assert_eq!(package.message.get::<u64>("files"), Ok(files.len() as u64));
    assert_eq!(package.message.get::<u64>("bytes"), Ok(bytes as u64));
}

#[test]
fn key_frames_before_an_encoder_says_anything_use_up_no_other() {
    let branches = video((1280, 720), "15/1", 75);
    for preset in ["ultrafast", "veryfast", "slow"] {
        let settings = format!("keyframe-interval=2 keyframe-times=0.4,1,1.2 preset={preset}");
        let package = package(&settings, &branches);
        for rung in ["720p", "540p", "360p"] {
            let keys = package.key_frames(&format!("video/{rung}/playlist.m3u8"));
            let wanted = [
                "0.000000", "0.400000", "1.000000", "1.200000", "2.000000", "4.000000",
            ];
            assert_eq!(keys, wanted, "{preset} {rung}");
        }
    }
}

#[test]
fn few_pictures_a_second_have_no_edit_list() {
    let branches = video((640, 360), "30/1", 391);
    let package = package("ladder=screen preset=veryfast", &branches);
    let files = package.files();
    for (folder, is_edited) in [("video/360p/", true), ("video/360p5/", false)] {
        let of_folder = files.iter().filter(|(name, _)| name.starts_with(folder));
        let mut inits = of_folder.filter(|(name, _)| name.ends_with(".mp4"));
        let (_, init) = inits.next().expect("an initialization segment");
        let has_edits = init.windows(4).any(|kind| kind == b"elst");
        assert_eq!(has_edits, is_edited, "{folder}");
    }
}

#[test]
fn a_screen_keeps_its_size_at_every_rate() {
    // 29.97 frames a second fall beside the segments' starts, and the last of five a second is cut
    // short by the end.
    for (rate, shown) in [
        ("30/1", "FRAME-RATE=5,"),
        ("30000/1001", "FRAME-RATE=4.995,"),
    ] {
        let branches = video((640, 360), rate, 391) + &audio("audio_0", 13, 1);
        let package = package("ladder=screen keyframe-times=3.31,7.05", &branches);
        assert_eq!(package.findings(), [""; 0]);
        let names: Vec<_> = package
            .manifest()
            .video
            .into_iter()
            .map(|v| v.name)
            .collect();
        assert_eq!(names, ["360p", "360p5"]);
        let (all, few) = ("video/360p/playlist.m3u8", "video/360p5/playlist.m3u8");
        // Counted anew from each key frame, the sixth is shown.
        for (playlist, count) in [(all, 391), (few, 68)] {
            let fields = ["-show_entries", "stream=width,height"];
            let found = probe(&package.path(playlist), &fields);
            assert_eq!(found[0][..2], ["640", "360"]);
            assert_eq!(package.key_frames(playlist), package.key_frames(all));
            let packets = package.packets(playlist, "pts_time");
            assert_eq!(packets.len(), count);
        }
        let keys = package.key_frames(all);
        let keys: Vec<f64> = keys
            .iter()
            .map(|key| key.parse().expect("a time"))
            .collect();
        assert_eq!(keys.len(), 5, "{keys:?}");
        // A slide that changes between two pictures of the lower one is seen at once in both.
        for (key, asked) in keys.iter().zip([0.0, 3.31, 6.0, 7.05, 12.0]) {
            assert!((key - asked).abs() < 0.5 / 29.97 + 1e-6, "{keys:?}");
        }
        let listed = package.text("master.m3u8");
        assert!(listed.contains(shown), "{listed}");
        // A player that switches shows the same picture at the same time.
        let at_last = |playlist| {
            let arguments = [
                "-ss",
                "12",
                "-frames:v",
                "1",
                "-pix_fmt",
                "gray",
                "-f",
                "rawvideo",
            ];
            decoded(&package.path(playlist), &arguments)
        };
        let (one, other) = (at_last(all), at_last(few));
        let apart = one
            .iter()
            .zip(&other)
            .map(|(a, b)| f64::from(a.abs_diff(*b)));
        assert_eq!(one.len(), other.len());
        assert!(apart.sum::<f64>() / (one.len() as f64) < 4.0, "{rate}");
    }
}

#[test]
fn every_key_frame_can_be_fetched_alone() {
    let branches = video((320, 180), "15/1", 195);
    each_key_frame_alone(&package("preset=veryfast keyframe-times=3.3,7", &branches));
}

/// hls.js stops before a last segment of one picture.
#[test]
fn a_last_segment_of_a_picture_is_joined_to_the_one_before() {
    let branches = [video((320, 180), "15/1", 181), audio("audio_0", 12, 1)].concat();
    let package = package("preset=veryfast", &branches);
    let lengths = |playlist: &str| {
        let text = package.text(playlist);
        let lengths = text
            .lines()
            .filter_map(|line| line.strip_prefix("#EXTINF:"));
        let seconds = |line: &str| line.trim_end_matches(',').parse::<f64>().expect("seconds");
        lengths
            .map(seconds)
            .map(|s| (s * 100.0).round() / 100.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(lengths("video/180p/playlist.m3u8"), [6.0, 6.07]);
    assert_eq!(lengths("audio/main/playlist.m3u8").len(), 2);
    each_key_frame_alone(&package);
}

/// The I-frame playlist against the pictures that ffmpeg finds.
fn each_key_frame_alone(package: &Package) {
    let folder = package.path("video/180p");
    let text = fs::read(folder.join("iframes.m3u8")).expect("written");
    let playlist = m3u8_rs::parse_media_playlist_res(&text).expect("a playlist");
    assert!(playlist.i_frames_only);
    let init = playlist.segments[0].map.as_ref().expect("a map");
    let init = fs::read(folder.join(&init.uri)).expect("there");
    let (mut at, mut starts) = (0.0, Vec::new());
    for frame in &playlist.segments {
        let range = frame.byte_range.as_ref().expect("a range");
        let start = range.offset.expect("an offset") as usize;
        let segment = fs::read(folder.join(&frame.uri)).expect("there");
        let alone = package.path("alone.mp4");
        fs::write(
            &alone,
            [&init, &segment[start..start + range.length as usize]].concat(),
        )
        .expect("written");
        let entries = "frame=key_frame,pts_time,pict_type";
        let frames = probe(&alone, &["-show_entries", entries]);
        let [found] = &frames[..] else {
            panic!("{} frames in {}", frames.len(), frame.uri);
        };
        assert_eq!((&found[0][..], &found[2][..]), ("1", "I"));
        let shown: f64 = found[1].parse().expect("a time");
        assert!((shown - at).abs() < 0.002, "{shown} is said to be {at}");
        starts.push(found[1].clone());
        at += f64::from(frame.duration);
    }
    assert!((at - package.duration()).abs() < 0.001, "{at}");
    assert_eq!(starts, package.key_frames("video/180p/playlist.m3u8"));
    let packets = package.packets("video/180p/iframes.m3u8", "flags");
    assert_eq!(packets.len(), starts.len());
}

#[test]
fn sound_and_picture_stay_in_step() {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = folder.path().join("flash.mkv");
    for rate in [15, 30] {
        let flash = format!(
            "color=black:s=320x240:r={rate}:d=9,drawbox=color=white:t=fill:\
             enable='eq(mod(n,{}),{rate})'",
            rate * 2
        );
        let beep = "aevalsrc='if(between(mod(t,2),1,1.03),0.9*sin(2*PI*1000*t),0)':s=48000:d=9";
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-f", "lavfi", "-i", &flash])
            .args([
                "-f",
                "lavfi",
                "-i",
                beep,
                "-c:v",
                "libx264",
                "-c:a",
                "pcm_s16le",
            ])
            .arg(&source)
            .status()
            .expect("ffmpeg is installed");
        assert!(made.success());
        let package = package(
            "",
            &format!(
                "filesrc location={} ! matroskademux name=d \
                 d.video_0 ! queue ! avdec_h264 ! p.video \
                 d.audio_0 ! queue ! p.audio_0",
                source.display()
            ),
        );
        let master = package.path("master.m3u8");
        let (beeps, flashes) = (beeps(&master), flashes(&master, f64::from(rate)));
        assert_eq!(
            (beeps.len(), flashes.len()),
            (4, 4),
            "{beeps:?} {flashes:?}"
        );
        for (beep, flash) in beeps.iter().zip(&flashes) {
            assert!(
                (beep - flash).abs() < 0.005,
                "at {rate} fps: {beep} {flash}"
            );
            assert!((beep.rem_euclid(2.0) - 1.0).abs() < 0.005, "{beep}");
        }
    }
}

#[test]
fn sound_alone_is_a_package() {
    let package = package("", &(audio("audio_0", 8, 1) + &audio("audio_1", 8, 6)));
    let manifest = package.manifest();
    assert!(manifest.video.is_empty());
    let channels: Vec<u16> = manifest.audio.iter().map(|audio| audio.channels).collect();
    assert_eq!(channels, [1, 2]);
    assert!(
        package
            .text("master.m3u8")
            .contains("CODECS=\"mp4a.40.2\",AUDIO=\"audio\"")
    );
    let found = probe(
        &package.path("master.m3u8"),
        &["-show_entries", "stream=codec_name"],
    );
    assert!(
        found.iter().flatten().all(|name| name == "aac"),
        "{found:?}"
    );
}

#[test]
fn a_picture_alone_is_a_package() {
    let package = package("", &video((320, 180), "25/1", 60));
    assert!(!package.text("master.m3u8").contains("AUDIO"));
    assert!((package.duration() - 2.4).abs() < 1e-6);
    assert!(!package.path("chapters.vtt").exists());
}

#[test]
fn audio_renditions_are_told_apart() {
    let branches = (0..3).fold(video((320, 180), "15/1", 100), |branches, pad| {
        branches + &audio(&format!("audio_{pad}"), 7, 2)
    });
    let package = package(
        "audio_0::role=description audio_0::language=de audio_1::language=de \
         audio_2::language=en audio_2::label=\"Ünglish \\\"fast\\\"\"",
        &branches,
    );
    let manifest = package.manifest();
    let labels: Vec<_> = manifest
        .audio
        .iter()
        .map(|audio| audio.label.as_str())
        .collect();
    assert_eq!(
        labels,
        ["Deutsch", "Ünglish \"fast\"", "Deutsch (described video)"]
    );
    let master = package.text("master.m3u8");
    assert_eq!(master.matches("DEFAULT=YES").count(), 1);
    assert!(master.contains("CHARACTERISTICS=\"public.accessibility.describes-video\""));
    assert!(master.contains("NAME=\"Ünglish 'fast'\""));
    let ours = |finding: &String| !finding.starts_with("Apple 9.9");
    let findings: Vec<_> = package.findings().into_iter().filter(ours).collect();
    assert_eq!(findings, [""; 0]);
}

#[test]
fn chapters_are_written_in_both_forms() {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let location = folder.path().join("package");
    let description = format!(
        "catalogsink name=p location={} {} \
         appsrc name=chapters format=time caps=text/x-raw,format=utf8 ! p.chapters",
        location.display(),
        video((160, 90), "10/1", 100)
    );
    let pipeline = gst::parse::launch(&description).expect("parses");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let chapters = pipeline.by_name("chapters").expect("named");
    let chapters = chapters.downcast::<gst_app::AppSrc>().expect("an appsrc");
    for (start, end, title) in [(0, 4, "Start & <end>"), (4, 30, "日本語\nzwei")] {
        let mut buffer = gst::Buffer::from_slice(title);
        let time = buffer.get_mut().expect("new");
        time.set_pts(gst::ClockTime::from_seconds(start));
        time.set_duration(gst::ClockTime::from_seconds(end - start));
        chapters.push_buffer(buffer).expect("taken");
    }
    chapters.end_of_stream().expect("taken");
    let ended = ended(&pipeline);
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let text = fs::read_to_string(location.join("chapters.vtt")).expect("written");
    let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:04.000\nStart &amp; &lt;end&gt;\n\n\
                    00:00:04.000 --> 00:00:10.000\n日本語 zwei\n";
    assert_eq!(text, expected);
    let json = fs::read_to_string(location.join("chapters.json")).expect("written");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json[1]["titles"][0]["title"], "日本語 zwei");
    assert_eq!(json[1]["start-time"], 4.0);
    let master = fs::read_to_string(location.join("master.m3u8")).expect("written");
    assert!(master.contains("DATA-ID=\"com.apple.hls.chapters\",URI=\"chapters.json\""));
}

const CAPTIONS: &str = "\
WEBVTT

intro
00:00:01.000 --> 00:00:07.500 line:0 position:20%,line-left align:start
<v Ada>Hello &amp; <i>welcome</i></v>
second line

00:00:09.000 --> 00:00:10.000
over the next boundary? no

00:00:11.500 --> 00:00:40.000
past the end
";

/// What ffmpeg reads of a WebVTT file or playlist, as WebVTT.
fn cues(path: &Path) -> String {
    let read = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-f", "webvtt", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert_eq!(
        String::from_utf8_lossy(&read.stderr),
        "",
        "{}",
        path.display()
    );
    String::from_utf8(read.stdout).expect("UTF-8")
}

#[test]
fn texts_are_renditions_of_the_same_segments() {
    let sources = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = sources.path().join(name);
        fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let english = write("en.vtt", CAPTIONS);
    let arabic = write(
        "ar.srt",
        "1\n00:00:02,000 --> 00:00:03,000\n<i>مرحبا</i> &\n",
    );
    let seen = write(
        "seen.vtt",
        "WEBVTT\n\n00:04.000 --> 00:05.000\nA map of Europe.\n",
    );
    let package = package(
        "ladder=180,90 text_0::language=en text_1::language=ar text_1::role=subtitles \
         text_2::language=en text_2::role=descriptions",
        &format!(
            "{} {} filesrc location={english} ! webvttparse ! p.text_0 \
             filesrc location={arabic} ! subparse ! p.text_1 \
             filesrc location={seen} ! webvttparse ! p.text_2",
            video((320, 180), "10/1", 130),
            audio("audio_0", 13, 1)
        ),
    );
    let of_text = |finding: &String| finding.contains("captions") || finding.contains("SUBTITLES");
    let findings: Vec<_> = package.findings().into_iter().filter(of_text).collect();
    assert_eq!(findings, [""; 0]);

    let whole = package.text("captions/captions.en.vtt");
    assert_eq!(whole, CAPTIONS.replace("00:00:40.000", "00:00:13.000"));
    assert_eq!(
        package.text("captions/captions.ar.vtt"),
        "WEBVTT\n\n00:00:02.000 --> 00:00:03.000\n<i>مرحبا</i> &amp;\n"
    );
    assert!(
        package
            .text("descriptions/descriptions.en.vtt")
            .contains("Europe")
    );
    let playlist = package.path("captions/en/playlist.m3u8");
    assert_eq!(
        cues(&playlist),
        cues(&package.path("captions/captions.en.vtt"))
    );
    let durations = |name: &str| -> Vec<String> {
        let playlist = package.text(name);
        let lines = playlist
            .lines()
            .filter(|line| line.contains("DURATION") || line.contains("EXTINF"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(
        durations("captions/en/playlist.m3u8"),
        durations("video/180p/playlist.m3u8")
    );
    assert!(
        package
            .text("transcript.en.html")
            .contains("Hello &amp; welcome second line")
    );
    assert!(package.text("transcript.ar.html").contains("dir=\"rtl\""));

    let manifest = package.manifest();
    let labels: Vec<&str> = manifest
        .captions
        .iter()
        .map(|text| text.label.as_str())
        .collect();
    assert_eq!(labels, ["English", "العربية"]);
    assert_eq!(
        manifest.descriptions[0].file,
        Some("descriptions/descriptions.en.vtt".into())
    );
    let master = package.text("master.m3u8");
    assert_eq!(master.matches("TYPE=SUBTITLES").count(), 2);
    assert_eq!(master.matches(",SUBTITLES=\"text\"").count(), 2);
}

/// An audio description is as long as the programme, whatever was delivered.
#[test]
fn an_audio_description_covers_the_programme_and_no_more() {
    for seconds in [4, 21] {
        let package = package(
            "ladder=90 audio_0::language=de audio_1::language=de audio_1::role=description",
            &[
                &video((160, 90), "10/1", 160),
                &audio("audio_0", 16, 1),
                &audio("audio_1", seconds, 1),
            ]
            .map(String::as_str)
            .concat(),
        );
        assert!(
            (package.duration() - 16.0).abs() < 0.03,
            "{}",
            package.duration()
        );
        let end = |playlist: &str| -> f64 {
            let packets = package.packets(playlist, "pts_time,duration_time");
            let last = packets.last().expect("packets");
            last.iter()
                .map(|time| time.parse::<f64>().expect("a time"))
                .sum()
        };
        let described = "audio/de-description/playlist.m3u8";
        let (main, described_end) = (end("audio/de/playlist.m3u8"), end(described));
        // 16 s are whole frames of AAC: one sample too few is a frame too few, for which a player
        // that has the picture to the end waits.
        assert!(
            (main - 16.0).abs() < 1e-4 && (main - described_end).abs() < 1e-4,
            "{seconds}: {main} {described_end}"
        );
        let findings = package.findings();
        let of_sound = findings.iter().filter(|finding| finding.contains("audio"));
        assert_eq!(of_sound.count(), 0, "{seconds}: {findings:?}");
        // Every file is named.
        let named = package.text(described);
        for file in package
            .files()
            .keys()
            .filter(|file| file.contains("description"))
        {
            let name = file.rsplit('/').next().expect("a name");
            assert!(
                named.contains(name) || name == "playlist.m3u8",
                "{seconds}: {file}"
            );
        }
        let master = package.text("master.m3u8");
        assert!(
            master.contains(
                "LANGUAGE=\"de\",NAME=\"Deutsch (described video)\",AUTOSELECT=YES,\
             CHARACTERISTICS=\"public.accessibility.describes-video\""
            ),
            "{master}"
        );
    }
}

#[test]
fn odd_sizes_and_pixels_become_even_and_square() {
    for (caps, size) in [
        ("width=319,height=241", (320, 242)),
        ("width=720,height=576,pixel-aspect-ratio=16/15", (720, 540)),
        ("width=506,height=900", (506, 900)),
    ] {
        let branch = format!(
            "videotestsrc num-buffers=10 ! video/x-raw,format=NV12,framerate=10/1,{caps} ! p.video"
        );
        let manifest = package("", &branch).manifest();
        assert_eq!(
            (manifest.video[0].width, manifest.video[0].height),
            size,
            "{caps}"
        );
    }
}

#[test]
fn an_orientation_tag_turns_the_picture() {
    let package = package(
        "",
        "videotestsrc num-buffers=10 ! video/x-raw,width=320,height=180,framerate=10/1 ! \
         taginject tags=image-orientation=rotate-90 ! p.video",
    );
    let video = &package.manifest().video[0];
    assert_eq!(
        (video.name.as_str(), video.width, video.height),
        ("180p", 180, 320)
    );
}

#[test]
fn the_rate_is_constant_and_at_most_30() {
    for (rate, expected, frames) in [("60/1", "30/1", 60), ("30000/1001", "30000/1001", 120)] {
        let package = package("", &video((160, 90), rate, 120));
        let playlist = package.path("video/90p/playlist.m3u8");
        let found = probe(&playlist, &["-show_entries", "stream=r_frame_rate"]);
        assert_eq!(found[0][0], expected);
        let packets = package.packets("video/90p/playlist.m3u8", "pts_time");
        assert!(
            packets.len().abs_diff(frames) <= 1,
            "{rate}: {}",
            packets.len()
        );
    }
}

/// Frames of one colour each, at these milliseconds, in these sizes.
fn push_frames(source: &gst_app::AppSrc, frames: &[(u64, (u32, u32))]) {
    for &(millis, (width, height)) in frames {
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height)
            .fps(gst::Fraction::new(0, 1))
            .build()
            .expect("valid");
        let mut buffer = gst::Buffer::from_mut_slice(vec![200; info.size()]);
        let time = buffer.get_mut().expect("new");
        time.set_pts(gst::ClockTime::from_mseconds(millis));
        let caps = info.to_caps().expect("valid");
        let sample = gst::Sample::builder().buffer(&buffer).caps(&caps).build();
        source.push_sample(&sample).expect("taken");
    }
    source.end_of_stream().expect("taken");
}

fn with_appsrc(settings: &str) -> (TempDir, gst::Pipeline, gst_app::AppSrc) {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let description = format!(
        "catalogsink name=p location={}/package preset=ultrafast {settings} \
         appsrc name=s format=time ! p.video",
        folder.path().display()
    );
    let pipeline = gst::parse::launch(&description).expect("parses");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let source = pipeline.by_name("s").expect("named");
    (folder, pipeline, source.downcast().expect("an appsrc"))
}

#[test]
fn a_variable_rate_and_a_hole_become_constant() {
    let (folder, pipeline, source) = with_appsrc("");
    let size = (160, 90);
    let frames: Vec<_> = [0, 20, 110, 140, 400, 433, 5400, 5500, 6000]
        .map(|millis| (millis, size))
        .to_vec();
    push_frames(&source, &frames);
    let ended = ended(&pipeline);
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let playlist = folder.path().join("package/video/90p/playlist.m3u8");
    let found = probe(&playlist, &["-show_entries", "packet=pts_time"]);
    let mut times: Vec<f64> = found
        .iter()
        .map(|packet| packet[0].parse().expect("a number"))
        .collect();
    times.sort_by(f64::total_cmp);
    assert!((180..=182).contains(&times.len()), "{}", times.len());
    for (number, time) in times.iter().enumerate() {
        assert!(
            (time - number as f64 / 30.0).abs() < 1e-4,
            "{number}: {time}"
        );
    }
}

#[test]
fn another_size_in_the_middle_keeps_the_renditions() {
    let (folder, pipeline, source) = with_appsrc("ladder=90");
    let frames: Vec<_> = (0..60)
        .map(|frame| {
            let size = if frame < 30 { (320, 180) } else { (120, 160) };
            (frame * 33, size)
        })
        .collect();
    push_frames(&source, &frames);
    let ended = ended(&pipeline);
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let playlist = folder.path().join("package/video/90p/playlist.m3u8");
    let arguments = ["-pix_fmt", "gray", "-f", "rawvideo"];
    let bytes = decoded(&playlist, &arguments);
    let (width, height) = (160, 90);
    let frames: Vec<&[u8]> = bytes.chunks_exact(width * height).collect();
    let corner = |frame: &[u8]| frame[width * 45 + 4];
    let middle = |frame: &[u8]| frame[width * 45 + 80];
    let (first, last) = (frames[10], frames[frames.len() - 5]);
    assert!(corner(first) > 180 && middle(first) > 180);
    assert!(
        corner(last) < 40 && middle(last) > 180,
        "{} {}",
        corner(last),
        middle(last)
    );
}

#[test]
fn late_sound_and_holes_keep_their_time() {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let description = format!(
        "catalogsink name=p location={}/package {} \
         appsrc name=s format=time caps=audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1 ! p.audio_0",
        folder.path().display(),
        video((160, 90), "10/1", 60)
    );
    let pipeline = gst::parse::launch(&description).expect("parses");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let source = pipeline.by_name("s").expect("named");
    let source = source.downcast::<gst_app::AppSrc>().expect("an appsrc");
    // A beep of 100 ms at 0.8 s, and one at 4 s; nothing in between.
    for start in [800, 4000] {
        let samples: Vec<u8> = (0..4800)
            .flat_map(|at: i32| if at / 24 % 2 == 0 { 20000i16 } else { -20000 }.to_le_bytes())
            .collect();
        let mut buffer = gst::Buffer::from_mut_slice(samples);
        let time = buffer.get_mut().expect("new");
        time.set_pts(gst::ClockTime::from_mseconds(start));
        time.set_duration(gst::ClockTime::from_mseconds(100));
        source.push_buffer(buffer).expect("taken");
    }
    source.end_of_stream().expect("taken");
    let ended = ended(&pipeline);
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let found = beeps(&folder.path().join("package/audio/main/playlist.m3u8"));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        (found[0] - 0.8).abs() < 0.003 && (found[1] - 4.0).abs() < 0.003,
        "{found:?}"
    );
}

#[test]
fn the_shorter_stream_is_filled_up() {
    let package = package(
        "",
        &(video((160, 90), "10/1", 20) + &audio("audio_0", 9, 1)),
    );
    let frames = package.packets("video/90p/playlist.m3u8", "pts_time");
    assert_eq!(frames.len(), 90);
    let package = self::package(
        "",
        &(video((160, 90), "10/1", 90) + &audio("audio_0", 2, 1)),
    );
    let bytes = decoded(&package.path("audio/main/playlist.m3u8"), &["-f", "s16le"]);
    let seconds = bytes.len() as f64 / 2.0 / 48_000.0;
    assert!((seconds - 9.0).abs() < 0.03, "{seconds}");
}

#[test]
fn streams_without_data_are_absent() {
    let branches = video((160, 90), "10/1", 20)
        + "appsrc name=none ! audio/x-raw ! p.audio_0 \
           appsrc name=empty num-buffers=0 ! text/x-raw,format=utf8 ! p.chapters ";
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let location = folder.path().join("package");
    let description = format!(
        "catalogsink name=p location={} {branches}",
        location.display()
    );
    let pipeline = gst::parse::launch(&description).expect("parses");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    for name in ["none", "empty"] {
        let source = pipeline.by_name(name).expect("named");
        let source = source.downcast::<gst_app::AppSrc>().expect("an appsrc");
        source.end_of_stream().expect("taken");
    }
    let ended = ended(&pipeline);
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let master = fs::read_to_string(location.join("master.m3u8")).expect("written");
    assert!(!master.contains("AUDIO") && !master.contains("chapters"));
}

#[test]
fn nothing_at_all_is_an_error() {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let location = folder.path().join("package");
    let ended = run(&format!(
        "catalogsink name=p location={} videotestsrc num-buffers=0 ! p.video \
         audiotestsrc num-buffers=0 ! p.audio_0",
        location.display()
    ));
    let (_, error) = ended.error.expect("an error");
    assert!(error.matches(gst::StreamError::WrongType), "{error}");
    assert_eq!(fs::read_dir(&location).expect("made").count(), 0);
}

#[test]
fn what_cannot_be_written_is_one_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let full = folder.path().join("full");
    fs::create_dir(&full).expect("made");
    fs::write(full.join("other"), b"kept").expect("written");
    let file = folder.path().join("file");
    fs::write(&file, b"").expect("written");
    let branches = video((160, 90), "10/1", 20);
    for location in [full.clone(), file.join("below"), "/proc/catalogsink".into()] {
        let ended = run(&format!(
            "catalogsink name=p location={} {branches}",
            location.display()
        ));
        let (source, error) = ended.error.expect("an error");
        assert_eq!((source.as_str(), ended.errors), ("p", 1));
        assert!(error.matches(gst::ResourceError::OpenWrite), "{error}");
    }
    assert_eq!(fs::read(full.join("other")).expect("still there"), b"kept");
    for (settings, part) in [
        ("", "no location"),
        ("location=/tmp ladder=big", "\"big\""),
        ("location=/tmp keyframe-times=1,x", "\"x\""),
    ] {
        let ended = run(&format!("catalogsink name=p {settings} {branches}"));
        let (_, error) = ended.error.expect("an error");
        assert!(error.matches(gst::LibraryError::Settings), "{error}");
        assert!(error.message().contains(part), "{error}");
    }
}

#[test]
fn a_missing_encoder_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ended = run(&format!(
        "catalogsink name=p location={} video-encoder=nosuchenc {}",
        folder.path().display(),
        video((160, 90), "10/1", 20)
    ));
    let (_, error) = ended.error.expect("an error");
    assert!(error.matches(gst::CoreError::MissingPlugin), "{error}");
}

#[test]
fn a_full_disk_is_one_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=200k", "tmpfs"])
        .arg(folder.path())
        .stderr(std::process::Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("skipped: mounting a small disk takes root");
        return;
    }
    let location = folder.path().join("package");
    let ended = run(&format!(
        "catalogsink name=p location={} videotestsrc pattern=snow num-buffers=400 ! \
         video/x-raw,width=640,height=360,framerate=25/1 ! p.video",
        location.display()
    ));
    let left: Vec<_> = fs::read_dir(&location).expect("there").collect();
    let unmounted = Command::new("umount").arg(folder.path()).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    let (source, error) = ended.error.expect("an error");
    assert_eq!(source, "p");
    assert!(error.matches(gst::ResourceError::NoSpaceLeft), "{error}");
    assert!(left.is_empty(), "{left:?}");
}

/// A manifest without what x264 does not make alike twice: under a ceiling its threads look at how far
/// the others have come.
fn without_sizes(mut manifest: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match &mut manifest {
        Value::Object(fields) => {
            fields
                .retain(|name, _| !matches!(name.as_str(), "bytes" | "average-rate" | "peak-rate"));
            fields
                .values_mut()
                .for_each(|field| *field = without_sizes(field.take()));
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| *item = without_sizes(item.take())),
        _ => {}
    }
    manifest
}

#[test]
fn the_element_can_be_used_again() {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let description = format!(
        "catalogsink name=p {} {}",
        video((160, 90), "10/1", 70),
        audio("audio_0", 7, 1)
    );
    let pipeline = gst::parse::launch(&description).expect("parses");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let sink = pipeline.by_name("p").expect("named");
    let mut manifests = Vec::new();
    for run in ["one", "two"] {
        let location = folder.path().join(run);
        sink.set_property("location", location.to_str().expect("UTF-8"));
        let ended = ended(&pipeline);
        assert!(ended.error.is_none(), "{:?}", ended.error);
        let text = fs::read_to_string(location.join("manifest.json")).expect("written");
        manifests.push(without_sizes(serde_json::from_str(&text).expect("JSON")));
    }
    assert_eq!(manifests[0], manifests[1]);
}

#[test]
fn stopping_in_the_middle_leaves_nothing() {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let location = folder.path().join("package");
    let description = format!(
        "catalogsink name=p location={} segment-duration=1 keyframe-interval=1 \
         videotestsrc ! video/x-raw,width=160,height=90,framerate=10/1 ! p.video",
        location.display()
    );
    let pipeline = gst::parse::launch(&description).expect("parses");
    pipeline.set_state(gst::State::Playing).expect("starts");
    let segments = location.join("video/90p");
    while fs::read_dir(&segments).map_or(0, Iterator::count) < 4 {
        std::thread::yield_now();
    }
    pipeline.set_state(gst::State::Null).expect("stops");
    assert_eq!(fs::read_dir(&location).expect("there").count(), 0);
}

#[test]
fn a_flush_starts_again() {
    let (folder, pipeline, source) = with_appsrc("segment-duration=1 keyframe-interval=1");
    let size = (160, 90);
    let frames = |count: u64| {
        (0..count)
            .map(|frame| (frame * 100, size))
            .collect::<Vec<_>>()
    };
    for &(millis, _) in &frames(40) {
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, 160, 90)
            .fps(gst::Fraction::new(10, 1))
            .build()
            .expect("valid");
        source.set_caps(Some(&info.to_caps().expect("valid")));
        let mut buffer = gst::Buffer::from_mut_slice(vec![90; info.size()]);
        buffer
            .get_mut()
            .expect("new")
            .set_pts(gst::ClockTime::from_mseconds(millis));
        source.push_buffer(buffer).expect("taken");
    }
    pipeline.set_state(gst::State::Playing).expect("starts");
    let segments = folder.path().join("package/video/90p");
    while fs::read_dir(&segments).map_or(0, Iterator::count) < 3 {
        std::thread::yield_now();
    }
    source.send_event(gst::event::FlushStart::new());
    source.send_event(gst::event::FlushStop::new(true));
    push_frames(&source, &frames(20));
    let ended = ended(&pipeline);
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let package = folder.path().join("package");
    let manifest = fs::read_to_string(package.join("manifest.json")).expect("written");
    let manifest: Manifest = serde_json::from_str(&manifest).expect("a manifest");
    assert!(
        (manifest.duration - 2.0).abs() < 0.11,
        "{}",
        manifest.duration
    );
    let listed = manifest.video[0].media.segments + 3;
    assert_eq!(fs::read_dir(&segments).expect("there").count(), listed);
}

#[test]
fn the_description_is_complete() {
    init();
    let sink = gst::ElementFactory::make("catalogsink")
        .build()
        .expect("registered");
    for property in sink.list_properties() {
        if property.owner_type() == sink.type_() {
            assert!(
                property.blurb().is_some_and(|blurb| blurb.len() > 10),
                "{}",
                property.name()
            );
        }
    }
    let pad = sink.request_pad_simple("audio_7").expect("a pad");
    assert_eq!(pad.name(), "audio_7");
    let proxy = sink
        .dynamic_cast_ref::<gst::ChildProxy>()
        .expect("a child proxy");
    proxy.set_child_property("audio_7::language", "fr");
    assert_eq!(pad.property::<String>("language"), "fr");
    sink.release_request_pad(&pad);
    assert_eq!(sink.num_sink_pads(), 0);
}

#[test]
fn gains_level_the_sound_and_wrong_ones_are_one_error() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let line = |name: &str, gains: &str| {
        format!(
            "catalogsink name=catalog location={} audio_0::gains={gains} \
             audiotestsrc wave=sine freq=1000 volume=0.1 num-buffers=200 samplesperbuffer=1024 \
             ! audio/x-raw,rate=48000,channels=2 ! catalog.audio_0",
            folder.path().join(name).display()
        )
    };
    let ended = run(&line("level", "0:6,2:6,2.1:-6"));
    assert_eq!(ended.errors, 0);
    let playlist = folder.path().join("level/audio/main/playlist.m3u8");
    let loudness = |span: &str| {
        let filter = format!("atrim={span},volumedetect");
        let ended = Command::new("ffmpeg")
            .args(["-hide_banner", "-i"])
            .arg(&playlist)
            .args(["-af", &filter, "-f", "null", "-"])
            .output()
            .expect("ffmpeg is installed");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        let (_, rest) = said.split_once("mean_volume:").expect("measured");
        let number = rest.split_whitespace().next().expect("a number");
        number.parse::<f64>().expect("a number")
    };
    // A sine's root mean square lies 3 dB below its peak.
    assert!((loudness("0.2:1.8") + 17.0).abs() < 0.3);
    assert!((loudness("2.3:4") + 29.0).abs() < 0.3);
    let ended = run(&line("wrong", "1:loud"));
    let (_, error) = ended.error.expect("an error");
    assert!(error.to_string().contains("1:loud"), "{error}");
    assert_eq!(ended.errors, 1);
}

/// The element with nothing before it: the test feeds its pads.
struct Fed {
    folder: TempDir,
    pipeline: gst::Pipeline,
    sink: gst::Element,
}

impl Fed {
    fn new() -> Self {
        init();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let location = folder.path().join("package");
        let sink = gst::ElementFactory::make("catalogsink")
            .property("location", location.to_str().expect("UTF-8"))
            .property_from_str("preset", "ultrafast")
            .build()
            .expect("registered");
        let pipeline = gst::Pipeline::new();
        pipeline.add(&sink).expect("added");
        Fed {
            folder,
            pipeline,
            sink,
        }
    }

    fn start(&self) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        self.pipeline.set_state(gst::State::Playing)
    }

    /// Pads with streams of these caps, once it plays.
    fn play(&self, pads: &[(&str, &str)]) -> Vec<gst::Pad> {
        let request = |name| self.sink.request_pad_simple(name).expect(name);
        let requested: Vec<_> = pads.iter().map(|(name, _)| request(name)).collect();
        self.start().expect("starts");
        for (pad, (_, caps)) in requested.iter().zip(pads) {
            begin(pad, caps);
        }
        requested
    }

    /// Waits for the package.
    fn package(self) -> Package {
        let ended = ended(&self.pipeline);
        if let Some((source, error)) = ended.error {
            panic!("{source}: {error}");
        }
        Package {
            folder: self.folder,
            message: ended.package.expect("told of the package"),
        }
    }
}

/// Begins a stream of these caps on a pad.
fn begin(pad: &gst::Pad, caps: &str) {
    let caps: gst::Caps = caps.parse().expect("caps");
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(pad.send_event(gst::event::StreamStart::new(&pad.name())));
    assert!(pad.send_event(gst::event::Caps::new(&caps)));
    assert!(pad.send_event(gst::event::Segment::new(&segment)));
}

const PICTURES: &str = "video/x-raw,format=I420,width=320,height=180,framerate=10/1";
const SOUND: &str = "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1";
const TEXT: &str = "text/x-raw,format=utf8";

fn timed(bytes: Vec<u8>, start: u64, millis: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(bytes);
    let time = buffer.get_mut().expect("new");
    time.set_pts(gst::ClockTime::from_mseconds(start));
    time.set_duration(gst::ClockTime::from_mseconds(millis));
    buffer
}

/// Feeds these seconds of pictures, ten a second.
fn feed_pictures(pad: &gst::Pad, seconds: u64) {
    for frame in 0..seconds * 10 {
        let picture = vec![frame as u8; 320 * 180 * 3 / 2];
        pad.chain(timed(picture, frame * 100, 100)).expect("taken");
    }
}

fn feed_sound(pad: &gst::Pad, seconds: u64) {
    for second in 0..seconds {
        let silence = vec![0; 96_000];
        pad.chain(timed(silence, second * 1000, 1000))
            .expect("taken");
    }
}

#[test]
fn a_flush_after_the_end_leaves_the_package_and_is_one_error() {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let location = folder.path().join("package");
    let description = format!(
        "catalogsink name=p location={} preset=ultrafast videotestsrc name=source num-buffers=20 ! \
         video/x-raw,format=I420,width=160,height=90,framerate=10/1 ! p.video",
        location.display()
    );
    let pipeline = gst::parse::launch(&description).expect("parses");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let source = pipeline.by_name("source").expect("named");
    let bus = pipeline.bus().expect("pipelines have a bus");
    pipeline.set_state(gst::State::Playing).expect("starts");
    let until = [gst::MessageType::Eos, gst::MessageType::Error];
    let ended = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &until);
    assert_eq!(ended.map(|end| end.type_()), Some(gst::MessageType::Eos));
    let files = || fs::read_dir(location.join("video/90p")).map_or(0, Iterator::count);
    let written = files();

    let _ = source.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::ZERO);
    let refused = bus.timed_pop_filtered(gst::ClockTime::from_seconds(20), &until);
    let refused = refused.expect("an error");
    let gst::MessageView::Error(error) = refused.view() else {
        panic!("{refused:?}");
    };
    assert!(error.error().message().contains("READY"), "{error:?}");
    let more = bus.timed_pop_filtered(gst::ClockTime::from_mseconds(300), &until);
    assert!(more.is_none(), "{more:?}");
    pipeline.set_state(gst::State::Null).expect("stops");
    assert!(written > 0);
    assert_eq!(files(), written);
    assert!(location.join("manifest.json").exists());
}

#[test]
fn a_released_pad_is_written_to_its_end() {
    let fed = Fed::new();
    let pads = fed.play(&[("video", PICTURES)]);
    feed_pictures(&pads[0], 20);
    fed.sink.release_request_pad(&pads[0]);
    let package = fed.package();
    assert!(
        (package.duration() - 20.0).abs() < 0.01,
        "{}",
        package.duration()
    );
    let listed = package.manifest().video[0].media.segments;
    assert_eq!(listed, 4);
}

#[test]
fn a_released_pad_keeps_what_was_said_of_it() {
    let fed = Fed::new();
    let pads = fed.play(&[("audio_0", SOUND), ("audio_1", SOUND), ("text_0", TEXT)]);
    let [main, description, text] = &pads[..] else {
        panic!("three pads");
    };
    // As applications do that request pads while it plays.
    description.set_property_from_str("role", "description");
    description.set_property("language", "de");
    text.set_property("label", "What is said");
    text.set_property("language", "de");
    feed_sound(description, 3);
    text.chain(timed(b"Guten Tag".to_vec(), 1000, 1000))
        .expect("taken");
    for pad in [description, text] {
        fed.sink.release_request_pad(pad);
    }
    feed_sound(main, 3);
    main.send_event(gst::event::Eos::new());
    let package = fed.package();
    let manifest = package.manifest();
    let labels: Vec<_> = manifest.audio.iter().map(|audio| &audio.label).collect();
    assert_eq!(labels, ["Audio", "Deutsch (described video)"]);
    let captions: Vec<_> = manifest.captions.iter().map(|text| &text.label).collect();
    assert_eq!(captions, ["What is said"]);
    assert!(
        package
            .text("captions/captions.de.vtt")
            .contains("Guten Tag")
    );
}

#[test]
fn a_start_that_failed_can_be_repeated() {
    let fed = Fed::new();
    let pad = fed.sink.request_pad_simple("audio_0").expect("a pad");
    pad.set_property("gains", "1:loud");
    assert!(fed.start().is_err());
    let bus = fed.pipeline.bus().expect("a bus");
    let failed = bus.timed_pop_filtered(gst::ClockTime::SECOND, &[gst::MessageType::Error]);
    assert!(failed.is_some());
    pad.set_property("gains", "0:1");
    fed.start().expect("starts");
    begin(&pad, SOUND);
    feed_sound(&pad, 2);
    pad.send_event(gst::event::Eos::new());
    assert_eq!(fed.package().manifest().audio.len(), 1);
}

#[test]
fn an_end_that_cannot_be_written_leaves_nothing() {
    let fed = Fed::new();
    let location = fed.folder.path().join("package");
    let pads = fed.play(&[("audio_0", SOUND)]);
    // Where the last file shall be there is a folder.
    fs::create_dir(location.join("manifest.json")).expect("made");
    feed_sound(&pads[0], 2);
    pads[0].send_event(gst::event::Eos::new());
    let ended = ended(&fed.pipeline);
    let (_, error) = ended.error.expect("an error");
    assert!(error.matches(gst::ResourceError::Write), "{error}");
    assert_eq!(fs::read_dir(&location).expect("there").count(), 0);
}
