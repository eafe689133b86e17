// SPDX-License-Identifier: MPL-2.0

//! Incremental packaging: only what changed is encoded again.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::place::{AAC, H264, PACKAGE, Place, SOUND, class_with_a_cut, package, span};

/// The times at which the frames of a picture's playlist are shown, in seconds.
fn frame_times(playlist: &Path) -> Vec<f64> {
    let read = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-of",
            "csv=p=0",
            "-show_entries",
            "packet=pts_time",
        ])
        .args(["-select_streams", "v"])
        .arg(playlist)
        .output()
        .expect("ffprobe is installed");
    assert!(read.stderr.is_empty(), "{playlist:?}: {read:?}");
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    let times = text.lines().map(|line| line.trim_matches(',').parse());
    let mut times: Vec<f64> = times.collect::<Result<_, _>>().expect("times");
    times.sort_by(f64::total_cmp);
    times
}

/// A recording of 56 seconds whose every picture is of another grey than those beside it.
const GREYS: &str = "color=black:size=16x16:rate=25,format=gray,geq=lum='40+mod(N*53,160)',\
    scale=320:240:flags=neighbor,format=yuv420p";

/// How light the pictures of a file or playlist are, 0 to 255.
fn greys(path: &Path) -> Vec<u8> {
    let read = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(path)
        .args(["-map", "0:v:0", "-vf", "scale=1:1:flags=area,format=gray"])
        .args(["-fps_mode", "passthrough", "-f", "rawvideo", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(read.status.success(), "{path:?}: {read:?}");
    read.stdout
}

/// Copies the files of a folder over those of another one.
fn copy_over(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    let copied = Command::new("cp").arg("-rT").args([from, to]).status();
    assert!(copied.expect("cp").success());
}

/// The segments in a rendition's playlist, in order.
fn segments_of(playlist: &str) -> Vec<&str> {
    playlist
        .lines()
        .filter(|line| line.ends_with(".m4s"))
        .collect()
}

#[test]
fn another_cut_encodes_no_more_than_what_it_touches() {
    let place = Place::new();
    place.ffmpeg(&[
        &["-f", "lavfi", "-t", "56", "-i", GREYS],
        &["-f", "lavfi", "-t", "56", "-i", SOUND],
        H264,
        AAC,
        &["class.mp4"],
    ]);
    let source = greys(&place.path("class.mp4"));
    // These frames of the source, and none else.
    let shows = |playlist: &Path, kept: &[std::ops::Range<usize>]| {
        let kept = kept.iter().flat_map(|kept| &source[kept.clone()]);
        let shown = greys(playlist);
        assert_eq!(shown.len(), kept.clone().count(), "{playlist:?}");
        for (number, (shown, wanted)) in shown.iter().zip(kept).enumerate() {
            assert!(
                shown.abs_diff(*wanted) < 16,
                "{playlist:?} {number}: {shown} {wanted}"
            );
        }
    };
    let trim = |kept: &[(&str, &str)]| {
        let cues = kept
            .iter()
            .map(|(start, end)| format!("{start} --> {end}\nkeep\n\n"));
        place.write(
            "OUT/drafts/trim.vtt",
            &format!("WEBVTT\n\n{}", cues.collect::<String>()),
        );
    };
    let video = "OUT/package/video/240p/playlist.m3u8";
    let made = |more: &[&'static str]| place.done(&package(more));
    trim(&[("00:03.010", "00:50.000")]);
    made(&[]);
    let first = place.read(video);
    assert_eq!(segments_of(&first).len(), 9);
    let cdn = place.path("CDN");
    copy_over(&place.path("OUT/package"), &cdn);
    let old_frames = frame_times(&place.path(video));
    let old_files = place.files("CDN");

    // A break is cut out of the middle: it lies in one segment, and a part of another.
    trim(&[("00:03.010", "00:31.500"), ("00:34.250", "00:50.000")]);
    // A run that is killed on the way leaves the old package, and is made good.
    let mut job = place.start(&PACKAGE);
    place.wait_for("a part", || place.files("OUT/.package.new").len() > 1);
    job.kill().expect("killed");
    let _ = job.wait();
    assert_eq!(place.read(video), first, "killed too late");
    let done = made(&[]);
    assert_eq!(
        (&done["segments-reused"], &done["segments"]),
        (&8.into(), &10.into())
    );
    let second = place.read(video);
    let (old, new) = (segments_of(&first), segments_of(&second));
    // What does not move keeps its name; what does is another file.
    assert_eq!(old[..5], new[..5]);
    assert!(new[5..].iter().all(|name| !old.contains(name)));
    assert_eq!(place.names("OUT"), ["drafts", "package"]);
    assert!(
        !place
            .names("OUT/package")
            .iter()
            .any(|name| name.starts_with('.'))
    );

    // It is the package that all would have been encoded for.
    copy_over(&place.path("OUT/drafts"), &place.path("WHOLE/drafts"));
    made(&["output=WHOLE"]);
    for rendition in ["240p", "120p"] {
        let one = place.path(&format!("OUT/package/video/{rendition}/playlist.m3u8"));
        let other = place.path(&format!("WHOLE/package/video/{rendition}/playlist.m3u8"));
        let times = frame_times(&one);
        assert_eq!(times, frame_times(&other));
        // 28.44 and 15.72 seconds: nothing that is cut, no half of a frame.
        assert_eq!(times.len(), 711 + 393);
        for (number, time) in times.iter().enumerate() {
            assert!(
                (time - number as f64 / 25.0).abs() < 1e-3,
                "{number}: {time}"
            );
        }
        shows(&one, &[76..787, 857..1250]);
        let durations = |playlist: &str| -> Vec<String> {
            let lines = playlist.lines().filter(|line| line.starts_with("#EXTINF"));
            lines.map(str::to_owned).collect()
        };
        let text = |path: &Path| fs::read_to_string(path).expect("a playlist");
        assert_eq!(durations(&text(&one)), durations(&text(&other)));
    }
    let report = place.done(&["check", "input=OUT/package"]);
    let whole = place.done(&["check", "input=WHOLE/package"]);
    assert_eq!(report["findings"], whole["findings"]);
    let streams = |name: &str| place.read(name).replace(|c: char| c.is_ascii_digit(), "");
    assert_eq!(
        streams("OUT/package/master.m3u8"),
        streams("WHOLE/package/master.m3u8")
    );

    // On a server the new one is laid over the old one, whose viewers go on.
    copy_over(&place.path("OUT/package"), &cdn);
    for (path, (length, _)) in &old_files {
        let is_media = path
            .extension()
            .is_some_and(|end| end == "m4s" || end == "mp4");
        let now = path.metadata().map(|file| file.len()).ok();
        assert!(!is_media || now == Some(*length), "{path:?}");
    }
    place.write("CDN/video/240p/old.m3u8", &first);
    assert_eq!(
        frame_times(&place.path("CDN/video/240p/old.m3u8")),
        old_frames
    );
    let new_frames = frame_times(&place.path("CDN/video/240p/playlist.m3u8"));
    assert_eq!(new_frames, frame_times(&place.path(video)));

    // Both edges are moved; the cut stays.
    trim(&[("00:01.500", "00:31.500"), ("00:34.250", "00:54.900")]);
    let done = made(&[]);
    assert_eq!(
        (&done["segments-reused"], &done["segments"]),
        (&8.into(), &11.into())
    );
    copy_over(&place.path("OUT/drafts"), &place.path("WHOLE/drafts"));
    made(&["output=WHOLE"]);
    let (one, other) = (
        place.path(video),
        place.path(&video.replace("OUT", "WHOLE")),
    );
    assert_eq!(frame_times(&one), frame_times(&other));
    shows(&one, &[38..787, 857..1372]);
    let sound = |package: &str| {
        let manifest = place.read(&format!("{package}/package/manifest.json"));
        let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
        span(
            &place
                .path(&format!("{package}/package"))
                .join(manifest["audio"][0]["playlist"].as_str().expect("a path")),
        )
    };
    assert_eq!(sound("OUT"), sound("WHOLE"));
}

#[test]
fn another_description_encodes_nothing_else() {
    let place = class_with_a_cut();
    for (name, tone) in [("one.ogg", "660"), ("two.ogg", "880")] {
        let tone = format!("sine=frequency={tone}");
        place.ffmpeg(&[&["-f", "lavfi", "-t", "20", "-i", &tone, name]]);
    }
    place.done(&package(&["descriptions.en=one.ogg"]));
    let is_description = |path: &Path| path.display().to_string().contains("description");
    let media = |described: bool| {
        let mut files = place.files("OUT/package/video");
        files.extend(place.files("OUT/package/audio"));
        files.retain(|path, _| {
            path.extension() != Some("m3u8".as_ref()) && is_description(path) == described
        });
        files
    };
    let (others, described) = (media(false), media(true));
    let master = place.read("OUT/package/master.m3u8");
    place.done(&package(&["descriptions.en=two.ogg"]));
    // The same inodes.
    assert_eq!(media(false), others);
    assert!(!described.is_empty());
    let is_init = |path: &Path| path.extension() == Some("mp4".as_ref());
    assert!(
        media(true)
            .keys()
            .all(|path| is_init(path) || !described.contains_key(path))
    );
    let rates = |master: &str| master.replace(|c: char| c.is_ascii_digit(), "");
    assert_eq!(
        rates(&place.read("OUT/package/master.m3u8")),
        rates(&master)
    );
    let manifest = place.manifest();
    let playlist = manifest["audio"][1]["playlist"].as_str().expect("a path");
    let (start, end) = span(&place.path("OUT/package").join(playlist));
    assert!(start < 0.05 && (end - 14.0).abs() < 0.05, "{start} {end}");

    // One sentence of it is recorded again.
    let stereo = ["-i", "two.ogg", "-ac", "2", "-ar", "48000", "three.wav"];
    place.ffmpeg(&[&stereo]);
    let mut bytes = fs::read(place.path("three.wav")).expect("read");
    bytes[2_500_000..2_700_000].fill(0);
    fs::write(place.path("four.wav"), bytes).expect("written");
    place.done(&package(&["descriptions.en=three.wav"]));
    let described = media(true);
    place.done(&package(&["descriptions.en=four.wav"]));
    assert_eq!(media(false), others);
    assert_ne!(media(true), described);

    // Once it is taken away there is none, and the rest stays.
    fs::remove_file(place.path("OUT/drafts/descriptions.en.wav")).expect("it was kept");
    place.done(&PACKAGE);
    assert_eq!(media(false), others);
    assert!(media(true).is_empty());
}

/// A rendition of a screen that shows a fifth of the frames is used again like others.
#[test]
fn a_screens_pictures_stay_with_another_sound() {
    let place = class_with_a_cut();
    place.ffmpeg(&[&["-f", "lavfi", "-t", "20", "-i", SOUND, "one.ogg"]]);
    let screen = [
        "package",
        "input=class.mp4",
        "preset=ultrafast",
        "ladder=screen",
    ];
    place.done(&screen);
    let manifest = place.manifest();
    let rates: Vec<Option<f64>> = (0..2)
        .map(|at| manifest["video"][at]["frame-rate"].as_f64())
        .collect();
    assert_eq!(rates, [Some(25.0), Some(5.0)]);
    let pictures = || {
        let mut files = place.files("OUT/package/video");
        files.retain(|path, _| path.extension() != Some("m3u8".as_ref()));
        files
    };
    let old = pictures();
    let done = place.done(&[&screen[..], &["descriptions.en=one.ogg"]].concat());
    assert_eq!(done["segments"], done["segments-reused"], "{done}");
    assert_eq!(pictures(), old);
    assert_eq!(place.manifest()["video"], manifest["video"]);

    // After a changed cut other frames would be those that it shows.
    let cuts = place
        .read("OUT/drafts/trim.vtt")
        .replace("00:11.000", "00:12.000");
    place.write("OUT/drafts/trim.vtt", &cuts);
    let done = place.done(&screen);
    assert!(done.get("segments-reused").is_none(), "{done}");
}
