// SPDX-License-Identifier: MPL-2.0

//! The copy of a recording that browsers cannot play.

use serde_json::Value;

use super::Review;
use crate::harness::place::Place;
use crate::harness::{probe, samples, tool};

/// White from second 3 on, for 0.4 seconds; a tone from second 5 on, for 0.2 seconds.
const FLASH: &str = "color=black:size=640x480:rate=25:duration=8,\
    drawbox=t=fill:color=white:enable='between(t,3,3.39)'";
const BEEP: &str = "aevalsrc=if(between(t\\,5\\,5.2)\\,0.5*sin(6283*t)\\,0):d=8";

const TRIM: &str = "WEBVTT\n\n00:00.000 --> 00:05.000\nkeep\n";

/// Makes a recording whose video and audio begin at these seconds.
fn recording(place: &Place, name: &str, [video, audio]: [&str; 2], codecs: &[&str]) {
    place.ffmpeg(&[
        &["-itsoffset", video, "-f", "lavfi", "-i", FLASH],
        &["-itsoffset", audio, "-f", "lavfi", "-i", BEEP],
        codecs,
        &[name],
    ]);
}

/// The seconds at which the flash and the beep begin in a file, counted from its beginning.
fn begins(place: &Place, name: &str) -> [f64; 2] {
    let path = place.path(name);
    let file = path.to_str().expect("a path in UTF-8");
    let filter = "fps=100:start_time=0,scale=1:1:flags=area,format=gray";
    let video = ["-i", file, "-vf", filter];
    let pixels = tool(
        "ffmpeg",
        &[&video[..], &["-an", "-f", "rawvideo", "-"]].concat(),
    );
    let flash = pixels.iter().position(|pixel| *pixel > 128);
    // The first sample is at zero: what lies before it is silent.
    let samples = samples(&path, "aresample=async=1:first_pts=0");
    let beep = samples
        .iter()
        .position(|sample| sample.unsigned_abs() > 3000);
    [
        flash.expect("a flash") as f64 / 100.0,
        beep.expect("a beep") as f64 / 48_000.0,
    ]
}

/// Opens the page of `name` and waits until its copy is made; returns the file's name.
fn make(place: &Place, review: &Review) -> String {
    assert_eq!(review.ask("POST", "/api/copy", "").0, 202);
    let mut state = Value::Null;
    place.wait_for("the copy", || {
        state = review.get("/api/copy").1;
        state["state"] != "running"
    });
    assert_eq!(state["state"], "done", "{state}");
    let names = place.names("OUT/drafts/review");
    assert_eq!(names.len(), 1, "{names:?}");
    names.into_iter().next().expect("a name")
}

#[test]
fn a_copy_has_the_times_of_the_recording() {
    let mpeg2 = ["-c:v", "mpeg2video", "-bf", "2", "-c:a", "ac3"];
    let hevc = [
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-x265-params",
        "log-level=none",
    ];
    let hevc = [&hevc[..], &["-tag:v", "hvc1", "-c:a", "aac"]].concat();
    for (name, starts, codecs) in [
        ("both.mkv", ["0", "0"], &mpeg2[..]),
        ("picture-late.mkv", ["1.5", "0"], &mpeg2),
        ("sound-late.mkv", ["0", "1.5"], &mpeg2),
        ("all-late.mkv", ["1.2", "2.4"], &mpeg2),
        ("whole.mp4", ["0", "0.5"], &hevc),
        ("edited.mp4", ["0", "0"], &hevc),
    ] {
        let place = Place::new();
        recording(&place, name, starts, codecs);
        if name == "edited.mp4" {
            std::fs::rename(place.path(name), place.path("long.mp4")).expect("renamed");
            let part = ["-ss", "2.3", "-i", "long.mp4", "-c", "copy", name];
            place.ffmpeg(&[&part]);
        }
        place.write("OUT/drafts/trim.vtt", TRIM);
        let input = format!("input={name}");
        let review = Review::open(&place, &["output=OUT", &input]);
        let (_, loaded) = review.get("/api/class");
        assert_eq!(loaded["playable"], "unsure", "{name}");
        assert_eq!(review.get("/copy").0, 404);
        let copy = format!("OUT/drafts/review/{}", make(&place, &review));
        review.end();
        let (wanted, found) = (begins(&place, name), begins(&place, &copy));
        let [flash, beep] = [0, 1].map(|part| (wanted[part] - found[part]).abs());
        // A frame of 25 per second, and a frame of AAC.
        assert!(
            flash <= 0.04 && beep <= 0.03,
            "{name}: {wanted:?}, {found:?}"
        );
    }
}

#[test]
fn a_copy_is_made_once_is_whole_and_is_private() {
    let place = Place::new();
    let codecs = ["-c:v", "mpeg2video", "-c:a", "ac3"];
    recording(&place, "class.mkv", ["0", "0"], &codecs);
    place.write("OUT/drafts/trim.vtt", TRIM);
    // What a killed run left, and the copy of another recording.
    place.write("OUT/drafts/review/.recording-0.mp4.part", "half");
    place.write("OUT/drafts/review/recording-0.mp4", "old");
    let variables = ["output=OUT", "input=class.mkv"];
    let review = Review::open(&place, &variables);
    assert_eq!(review.get("/copy").0, 404, "no file of another recording");
    let name = make(&place, &review);
    let (status, head, bytes) = review.send("GET", "/copy", "Range: bytes=4-7\r\n", "");
    assert_eq!((status, &*bytes), (206, &b"ftyp"[..]), "{head}");
    assert!(head.contains("Content-Type: video/mp4"), "{head}");
    let (refused, ..) = review.send("POST", "/api/copy", "", "");
    assert_eq!(refused, 403, "another page may not start it");
    review.end();

    let path = format!("OUT/drafts/review/{name}");
    let probed = probe(&place.path(&path));
    let streams = probed["streams"].as_array().expect("streams");
    let codecs: Vec<_> = streams.iter().map(|stream| &stream["codec_name"]).collect();
    assert_eq!(codecs, ["h264", "aac"]);
    assert_eq!(streams[0]["height"], 360);
    let bytes = std::fs::read(place.path(&path)).expect("read");
    let box_at = |name: &[u8; 4]| bytes.windows(4).position(|four| four == name);
    assert!(box_at(b"moov") < box_at(b"mdat"), "its index is in front");

    // The same recording: the same file.
    let before = place.files("OUT/drafts/review");
    let review = Review::open(&place, &variables);
    assert_eq!(review.get("/copy").0, 200);
    assert_eq!(make(&place, &review), name);
    review.end();
    assert_eq!(place.files("OUT/drafts/review"), before);

    // It is in no package.
    place.write("OUT/drafts/trim.vtt", TRIM);
    place.done(&[
        "package",
        "output=OUT",
        "input=class.mkv",
        "ladder=120",
        "preset=ultrafast",
    ]);
    let packaged = place.files("OUT/package");
    let is_copy = |path: &std::path::PathBuf| path.to_string_lossy().contains("recording-");
    assert!(!packaged.is_empty() && !packaged.keys().any(is_copy));

    // Another recording: another file, and only that.
    recording(
        &place,
        "class.mkv",
        ["0", "1"],
        &["-c:v", "mpeg2video", "-c:a", "ac3"],
    );
    place.write("OUT/drafts/trim.vtt", TRIM);
    let review = Review::open(&place, &variables);
    assert_ne!(make(&place, &review), name);
    review.end();
}

#[test]
fn a_recording_that_browsers_play_is_played_itself() {
    let place = Place::new();
    place.recording("class.mp4", "2");
    place.write("OUT/drafts/trim.vtt", TRIM);
    let review = Review::open(&place, &["output=OUT", "input=class.mp4"]);
    assert_eq!(review.get("/api/class").1["playable"], "everywhere");
    let (status, _, bytes) = review.ask("GET", "/media", "");
    let file = std::fs::read(place.path("class.mp4")).expect("read");
    assert!(status == 200 && bytes == file);
    review.end();
    assert!(!place.path("OUT/drafts/review").exists());
}

#[test]
fn a_copy_that_cannot_be_made_says_why_and_leaves_nothing() {
    let place = Place::new();
    recording(
        &place,
        "class.mkv",
        ["0", "0"],
        &["-c:v", "mpeg2video", "-c:a", "ac3"],
    );
    place.write("OUT/drafts/trim.vtt", TRIM);
    let review = Review::open(&place, &["output=OUT", "input=class.mkv"]);
    recording(
        &place,
        "class.mkv",
        ["1", "0"],
        &["-c:v", "mpeg2video", "-c:a", "ac3"],
    );
    review.ask("POST", "/api/copy", "");
    let mut state = Value::Null;
    place.wait_for("its end", || {
        state = review.get("/api/copy").1;
        state["state"] != "running"
    });
    let error = state["error"].as_str().unwrap_or_default();
    assert!(error.contains("the recording was changed"), "{state}");
    assert_eq!(review.get("/copy").0, 404);
    review.end();
    assert_eq!(place.files("OUT/drafts/review").len(), 0);
}

#[test]
fn a_session_of_tracks_is_played_from_a_copy_of_its_composition() {
    let place = Place::new();
    std::fs::create_dir(place.path("tracks")).expect("made");
    let picture = "testsrc2=size=640x360:rate=15:duration=4";
    let x264 = ["-c:v", "libx264", "-preset", "ultrafast"];
    let screen = "tracks/ada-screen-0.mkv";
    place.ffmpeg(&[&["-f", "lavfi", "-i", picture], &x264, &[screen]]);
    let tone = "sine=frequency=440:duration=3";
    let voice = "tracks/ada-microphone-1000.ogg";
    place.ffmpeg(&[&["-f", "lavfi", "-i", tone, "-c:a", "libopus", voice]]);
    let pattern = "pattern={participant}-{source}-{start-ms}.{*}";
    place.done(&["session", "input=tracks", "output=class", pattern]);
    place.done(&["analyse", "input=class", "output=OUT", "titles=none"]);
    let review = Review::open(&place, &["output=OUT"]);
    assert_eq!(review.get("/api/class").1["playable"], "unsure");
    let name = make(&place, &review);
    let (status, _, peaks) = review.ask("GET", "/api/peaks", "");
    assert_eq!(status, 200);
    let first = peaks.iter().position(|peak| *peak > 10);
    assert!(
        first.is_some_and(|first| (9..=11).contains(&first)),
        "{first:?}"
    );
    review.end();
    let probed = probe(&place.path(&format!("OUT/drafts/review/{name}")));
    let duration = probed["format"]["duration"].as_str().expect("a duration");
    let duration: f64 = duration.parse().expect("a number");
    assert!((duration - 4.0).abs() < 0.1, "{duration}");
}
