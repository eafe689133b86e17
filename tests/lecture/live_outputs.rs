// SPDX-License-Identifier: MPL-2.0

//! Further outputs of a live composite, held against the Matroska file of the same run.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::harness::place::{Place, number, probe, streams};
use crate::harness::{json, tool};
use crate::live::{free_ports, signal};

/// What is never to be seen.
const KEY: &str = "s3cret-key";

const SMALL: [&str; 5] = [
    "from=test",
    "output=class",
    "preset=ultrafast",
    "width=320",
    "height=180",
];

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// The checksums of the decoded frames of a file. The picture shows a running clock: no two are equal.
fn frames(path: &Path) -> Vec<String> {
    let arguments = [
        "-i",
        text(path),
        "-map",
        "0:v:0",
        "-fps_mode",
        "passthrough",
        "-f",
        "framemd5",
        "-",
    ];
    let lines = tool("ffmpeg", &arguments);
    let lines = String::from_utf8_lossy(&lines);
    let lines = lines.lines().filter(|line| !line.starts_with('#'));
    let sums = lines.filter_map(|line| line.rsplit(',').next());
    sums.map(|sum| sum.trim().to_owned()).collect()
}

/// The times in seconds at which the packets of a file's video are shown, even of one that is cut off.
fn times(path: &Path) -> Vec<f64> {
    let shown = Command::new("ffprobe")
        .args(["-v", "quiet", "-select_streams", "v:0", "-of", "csv=p=0"])
        .args(["-show_entries", "packet=pts_time", text(path)])
        .output()
        .expect("ffprobe runs");
    let lines = String::from_utf8_lossy(&shown.stdout).into_owned();
    let times = lines.lines().filter_map(|line| line.split(',').next());
    let mut times: Vec<f64> = times.filter_map(|time| time.parse().ok()).collect();
    times.sort_by(f64::total_cmp);
    times
}

/// By how much the ticks of the audio are later than whole seconds of the video, from -0.5 to 0.5.
fn tick(path: &Path) -> f64 {
    let probed = probe(path);
    let start = |media| number(&streams(&probed, media)[0]["start_time"]);
    let arguments = [
        "-i",
        text(path),
        "-map",
        "0:a:0",
        "-ac",
        "1",
        "-ar",
        "48000",
    ];
    let samples = tool("ffmpeg", &[&arguments[..], &["-f", "s16le", "-"]].concat());
    let samples = samples.chunks_exact(2);
    let mut samples = samples.map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]]));
    let loud = samples.position(|sample| sample.unsigned_abs() > 1500);
    let loud = loud.expect("a tick") as f64 / 48_000.0;
    let offset = start("audio") + loud - start("video");
    offset - offset.round()
}

/// Takes an MPEG stream from a server that a recorder sends it to.
fn listen(place: &Place, url: &str, format: &str, file: &str) -> Child {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-y"]);
    if url.starts_with("rtmp") {
        ffmpeg.args(["-listen", "1", "-f", "flv"]);
    }
    ffmpeg.args(["-i", url, "-c", "copy", "-f", format]);
    let ffmpeg = ffmpeg.arg(place.path(file)).stderr(Stdio::null());
    ffmpeg.spawn().expect("ffmpeg is installed")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// The state of an output by its kind, as `session.json` has it now.
fn state(place: &Place, kind: &str) -> Option<String> {
    let text = fs::read(place.path("class/session.json")).ok()?;
    let session: Value = serde_json::from_slice(&text).ok()?;
    let outputs = session["outputs"].as_array()?;
    let own = outputs.iter().find(|output| output["kind"] == kind)?;
    own["state"].as_str().map(str::to_owned)
}

fn wait_for_state(place: &Place, kind: &str, wanted: &str) {
    place.wait_for(&format!("{kind} {wanted}"), || {
        state(place, kind).is_some_and(|state| state == wanted)
    });
}

fn start(place: &Place, arguments: &[&str]) -> Child {
    let errors = fs::File::create(place.path("said")).expect("a file");
    let mut recorder = place.command(&[&["record"], &SMALL[..], arguments].concat());
    if arguments.iter().any(|word| word.starts_with("rtmp=")) {
        // The server of ffmpeg leaves out a part of its answer, which rtmp2sink 1.22 complains of.
        recorder.env_remove("G_DEBUG");
    }
    recorder
        .stdout(errors.try_clone().expect("a file"))
        .stderr(errors)
        .spawn()
        .expect("it starts")
}

/// Waits until the playlist has this many segments.
fn wait_for_segments(place: &Place, count: usize) {
    place.wait_for("segments", || {
        let list = fs::read_to_string(place.path("class/hls/playlist.m3u8"));
        list.is_ok_and(|list| list.matches("#EXTINF").count() >= count)
    });
}

fn ends_well(place: &Place, mut child: Child) {
    signal(&child, "-INT");
    let code = child.wait().expect("it ends").code();
    assert_eq!(code, Some(0), "{}", place.read("said"));
}

/// Asserts that a part of a recording has the frames of the recording at the same distances.
fn is_part(whole: &Path, part: &Path) -> usize {
    let (all, own) = (frames(whole), frames(part));
    assert!(!own.is_empty(), "{}", part.display());
    // The first frames of a room are all black.
    let at = (0..all.len()).find(|at| all[*at..].starts_with(&own));
    let at = at.unwrap_or_else(|| panic!("{}: other frames", part.display()));
    let (all, own) = (times(whole), times(part));
    for (index, time) in own.iter().enumerate() {
        let expected = all[at + index] - all[at];
        let distance = (time - own[0] - expected).abs();
        assert!(distance < 0.002, "{}: {index}: {distance}", part.display());
    }
    let apart = tick(whole) - (all[at] - all[0]) - tick(part);
    let apart = (apart - apart.round()).abs();
    assert!(apart < 0.03, "{}: audio {apart} s apart", part.display());
    own.len()
}

#[test]
fn every_output_has_the_frames_of_the_composite() {
    let place = Place::new();
    let (rtmp, srt) = (free_port(), free_ports());
    let rtmp = format!("rtmp://127.0.0.1:{rtmp}/live/{KEY}");
    let srt = format!("srt://127.0.0.1:{srt}");
    let mut flv = listen(&place, &rtmp, "flv", "sent.flv");
    let mut ts = listen(&place, &format!("{srt}?mode=listener"), "mpegts", "sent.ts");
    let (to_rtmp, to_srt) = (format!("rtmp={rtmp}"), format!("srt={srt}"));
    let wanted = ["mode=auto", "mp4=true", "hls=true", "images=2", "--json"];
    let child = start(&place, &[&wanted[..], &[&to_rtmp, &to_srt]].concat());
    for kind in ["mp4", "hls", "images", "rtmp", "srt"] {
        wait_for_state(&place, kind, "active");
    }
    wait_for_segments(&place, 3);
    let growing = place.read("class/hls/playlist.m3u8");
    assert!(growing.contains("#EXT-X-PLAYLIST-TYPE:EVENT"), "{growing}");
    assert!(!growing.contains("ENDLIST"), "{growing}");
    ends_well(&place, child);
    for server in [&mut flv, &mut ts] {
        server.wait().expect("it ends with the stream");
    }
    let composite = place.path("class/composite.mkv");
    let all = frames(&composite).len();
    for file in ["class/composite.mp4", "class/hls/playlist.m3u8"] {
        assert_eq!(is_part(&composite, &place.path(file)), all, "{file}");
    }
    for file in ["sent.flv", "sent.ts"] {
        let sent = is_part(&composite, &place.path(file));
        assert!(sent > 60, "{file}: {sent} of {all} frames");
    }
    let ended = place.read("class/hls/playlist.m3u8");
    assert!(ended.starts_with(&growing) && ended.ends_with("#EXT-X-ENDLIST\n"));
    for kind in ["mp4", "hls", "images", "rtmp", "srt"] {
        assert_eq!(state(&place, kind).as_deref(), Some("complete"), "{kind}");
    }
    for text in [place.read("class/session.json"), place.read("said")] {
        assert!(!text.contains(KEY), "{text}");
        assert!(text.contains("/live/…"), "{text}");
    }
    images_show_the_composite(&place, &composite);
}

/// Each image is a frame of the composite in its interval.
fn images_show_the_composite(place: &Place, composite: &Path) {
    let end = *times(composite).last().expect("frames");
    let second = |name: &str| name.strip_suffix(".jpg").and_then(|name| name.parse().ok());
    let files = fs::read_dir(place.path("class/images")).expect("images");
    let names = files.map(|file| file.expect("a file").file_name());
    let names = names.filter_map(|name| second(name.to_str()?));
    let mut seconds: Vec<u32> = names.collect();
    seconds.sort_unstable();
    assert!(seconds.len() >= 3, "{seconds:?}");
    let every_two: Vec<u32> = (seconds[0]..).step_by(2).take(seconds.len()).collect();
    assert_eq!(seconds, every_two);
    assert!(f64::from(*seconds.last().expect("one")) <= end);
    for second in seconds {
        let image = place.path(&format!("class/images/{second:06}.jpg"));
        let probed = probe(&image);
        let stream = &streams(&probed, "video")[0];
        assert_eq!(
            (&stream["width"], &stream["height"]),
            (&320.into(), &180.into())
        );
        let own = pixels(&image, "null");
        let within = format!("select=between(t\\,{second}\\,{})", second + 2);
        let all = pixels(composite, &within);
        let apart = |frame: &[u8]| {
            let apart = own
                .iter()
                .zip(frame)
                .map(|(a, b)| u64::from(a.abs_diff(*b)));
            apart.sum::<u64>() as f64 / own.len() as f64
        };
        let nearest = all.chunks_exact(own.len()).map(apart);
        let nearest = nearest.fold(f64::MAX, f64::min);
        assert!(nearest < 4.0, "{second}: {nearest}");
    }
}

/// The colors of the frames that a filter leaves, with the times of the file.
fn pixels(file: &Path, filter: &str) -> Vec<u8> {
    let filter = format!("{filter},format=rgb24");
    let input = ["-copyts", "-i", text(file), "-map", "0:v:0"];
    let output = [
        "-fps_mode",
        "passthrough",
        "-vf",
        &filter,
        "-f",
        "rawvideo",
        "-",
    ];
    tool("ffmpeg", &[&input[..], &output].concat())
}

#[test]
fn files_of_a_killed_recorder_play() {
    let place = Place::new();
    let mut child = start(&place, &["mode=composite", "mp4=true", "hls=true"]);
    wait_for_segments(&place, 3);
    // In the middle of a segment.
    place.wait_for("the next segment", || {
        place.path("class/hls/00003.m4s").exists()
    });
    child.kill().expect("killed");
    child.wait().expect("it ends");
    let composite = times(&place.path("class/composite.mkv"));
    let length = |times: &[f64]| times.last().expect("frames") - times[0];
    let mp4 = place.path("class/composite.mp4");
    let lost = length(&composite) - length(&times(&mp4));
    assert!(lost < 1.5, "{lost} s of the MP4 are lost");
    let playlist = place.path("class/hls/playlist.m3u8");
    assert!(!place.read("class/hls/playlist.m3u8").contains("ENDLIST"));
    // Readers of a playlist without an end wait for more.
    let ended = place.path("class/hls/ended.m3u8");
    let list = fs::read_to_string(&playlist).expect("a playlist");
    fs::write(&ended, format!("{list}#EXT-X-ENDLIST\n")).expect("written");
    assert!(frames(&ended).len() >= 150);
    place.done(&["recover", "input=class"]);
    assert!(
        place
            .read("class/hls/playlist.m3u8")
            .ends_with("#EXT-X-ENDLIST\n")
    );
    let shown = frames(&playlist);
    assert_eq!(shown.len(), times(&playlist).len());
    let lost = length(&composite) - length(&times(&playlist));
    assert!(lost < 1.5, "{lost} s of the HLS stream are lost");
    // Nothing of the file is cut off any more.
    assert_eq!(frames(&mp4), shown);
    for kind in ["mp4", "hls"] {
        assert_eq!(state(&place, kind).as_deref(), Some("complete"), "{kind}");
    }
}

#[test]
fn a_server_that_goes_and_comes_back_disturbs_nobody() {
    let place = Place::new();
    let url = format!("rtmp://127.0.0.1:{}/live/{KEY}", free_port());
    place.write("key", &url);
    let child = start(&place, &["mode=composite", "mp4=true", "rtmp=file:key"]);
    wait_for_state(&place, "rtmp", "waiting");
    wait_for_state(&place, "mp4", "active");
    let mut server = listen(&place, &url, "flv", "first.flv");
    wait_for_state(&place, "rtmp", "active");
    server.kill().expect("killed");
    server.wait().expect("it ends");
    wait_for_state(&place, "rtmp", "waiting");
    let mut server = listen(&place, &url, "flv", "second.flv");
    wait_for_state(&place, "rtmp", "active");
    let enough = fs::metadata(place.path("class/composite.mp4"))
        .expect("a file")
        .len();
    place.wait_for("more", || {
        let now = fs::metadata(place.path("class/composite.mp4")).expect("a file");
        now.len() > enough + 400_000
    });
    ends_well(&place, child);
    server.wait().expect("it ends with the stream");
    let composite = place.path("class/composite.mkv");
    is_part(&composite, &place.path("second.flv"));
    is_part(&composite, &place.path("class/composite.mp4"));
    assert_eq!(state(&place, "rtmp").as_deref(), Some("complete"));
    let said = place.read("said");
    assert!(!said.contains(KEY), "{said}");
    assert!(!place.read("class/session.json").contains(KEY));
    // Said once before each connection, not at every attempt; a busy machine may lose one more.
    let warnings = said
        .lines()
        .filter(|line| line.contains("tried again"))
        .count();
    assert!(warnings >= 2, "{said}");
    assert_eq!(
        said.matches("/live/…: connected").count(),
        warnings,
        "{said}"
    );
    assert!(said.contains("/live/…: Connection refused"), "{said}");
    assert!(!said.contains("../gst"), "{said}");
}

#[test]
fn an_output_that_cannot_be_written_is_left_out() {
    let place = Place::new();
    place.write("class/hls", "a file in the place of the folder");
    let url = format!("srt=srt://127.0.0.1:{}?passphrase={KEY}", free_ports());
    let child = start(&place, &["mode=composite", "mp4=true", "hls=true", &url]);
    wait_for_state(&place, "hls", "failed");
    wait_for_state(&place, "mp4", "active");
    wait_for_state(&place, "srt", "waiting");
    ends_well(&place, child);
    let said = place.read("said");
    assert_eq!(said.matches("hls/playlist.m3u8: ").count(), 1, "{said}");
    assert!(!said.contains(KEY), "{said}");
    let composite = place.path("class/composite.mkv");
    is_part(&composite, &place.path("class/composite.mp4"));
    let session = json(&place.path("class/session.json"));
    assert_eq!(session["state"], "EGRESS_COMPLETE");
    assert_eq!(state(&place, "srt").as_deref(), Some("failed"));
    assert!(!session.to_string().contains(KEY), "{session}");
}

#[test]
fn a_pause_is_closed_up() {
    let place = Place::new();
    let child = start(&place, &["mode=composite", "mp4=true", "hls=true"]);
    wait_for_segments(&place, 1);
    let control = |what: &str| place.done(&["control", "input=class", what]);
    control("do=pause");
    std::thread::sleep(std::time::Duration::from_secs(3));
    control("do=resume");
    wait_for_segments(&place, 3);
    ends_well(&place, child);
    let composite = place.path("class/composite.mkv");
    let longest = |file: &Path| {
        let times = times(file);
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.fold(0.0, f64::max)
    };
    assert!(longest(&composite) > 2.5);
    for file in ["class/composite.mp4", "class/hls/playlist.m3u8"] {
        let file = place.path(file);
        let apart = (length_of(&composite) - longest(&composite) - length_of(&file)).abs();
        assert!(
            longest(&file) < longest(&composite) - 2.0,
            "{}",
            longest(&file)
        );
        assert!(apart < 2.0, "{apart}");
    }
}

fn length_of(file: &Path) -> f64 {
    let times = times(file);
    times.last().expect("frames") - times[0]
}

#[test]
fn wrong_outputs_are_one_clear_error_without_a_key() {
    let place = Place::new();
    let http = format!("rtmp=http://host/live/{KEY}");
    for (arguments, says) in [
        (
            &["mode=composite", &*http][..],
            &["rtmp=", "rtmp://HOST/APP/KEY"][..],
        ),
        (
            &["mode=composite", "srt=host:9000"],
            &["srt=", "srt://HOST:PORT"],
        ),
        (
            &["mode=composite", "rtmp=env:LECTURE_NOTHING"],
            &["LECTURE_NOTHING", "not set"],
        ),
        (&["mode=composite", "images=0"], &["images", "whole number"]),
        (&["mode=tracks", "hls=true"], &["hls=", "mode=composite"]),
        (&["mp4=true"], &["mp4=", "mode=auto"]),
    ] {
        let ended = place.lecture(&[&["record"], &SMALL[..], arguments].concat());
        ended.failed(2, says);
        assert!(!format!("{ended:?}").contains(KEY), "{ended:?}");
    }
    assert!(!place.path("class").exists());
}
