// SPDX-License-Identifier: MPL-2.0

//! Rooms whose tracks were recorded apart: `session`, `compose` and `mjr`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::media::{is_green, is_red, level, pixel};
use crate::harness::place::{Place, number, probe, streams};
use crate::harness::tool;

/// A track of one color and one tone.
fn track(place: &Place, name: &str, color: &str, seconds: &str) {
    let picture = format!("color={color}:size=640x360:rate=30");
    place.ffmpeg(&[
        &["-f", "lavfi", "-t", seconds, "-i", &picture],
        &[
            "-c:v",
            "libvpx",
            "-deadline",
            "realtime",
            "-cpu-used",
            "8",
            name,
        ],
    ]);
}

fn tone(place: &Place, name: &str, frequency: u32, seconds: &str) {
    let sound = format!("sine=frequency={frequency}");
    place.ffmpeg(&[
        &["-f", "lavfi", "-t", seconds, "-i", &sound],
        &["-c:a", "libopus", name],
    ]);
}

/// The real recordings, if they are there.
fn real(name: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../shared/data/mjr")
        .join(name);
    let is_there = file.is_file();
    if !is_there {
        println!("skipped: {} is missing", file.display());
    }
    is_there.then_some(file)
}

#[test]
fn tracks_that_a_pattern_names_become_one_video() {
    let place = Place::new();
    fs::create_dir(place.path("tracks")).expect("made");
    track(&place, "tracks/ada-camera-10000.webm", "red", "4");
    tone(&place, "tracks/ada-microphone-10000.webm", 440, "4");
    track(&place, "tracks/ben-camera-12000.webm", "green", "2");
    let pattern = "pattern={participant}-{source}-{start-ms}.webm";
    let made = place.done(&[
        "session",
        "input=tracks",
        "output=class",
        pattern,
        "host=ada",
    ]);
    assert_eq!(made["tracks"], 3);
    let session: Value = serde_json::from_str(&place.read("class/session.json")).expect("JSON");
    let starts: Vec<u64> = session["tracks"]
        .as_array()
        .expect("tracks")
        .iter()
        .filter_map(|track| track["start"].as_u64())
        .collect();
    assert_eq!(starts, [0, 0, 2_000_000_000]);
    for output in ["class.mkv", "class.mp4"] {
        place.done(&[
            "compose",
            "input=class",
            &format!("output={output}"),
            "preset=ultrafast",
        ]);
        let file = place.path(output);
        let probed = probe(&file);
        let video = streams(&probed, "video")[0];
        assert_eq!(
            (&video["width"], &video["height"]),
            (&1280.into(), &720.into())
        );
        assert_eq!(streams(&probed, "audio").len(), 1);
        let duration = number(&probed["format"]["duration"]);
        assert!((3.9..4.2).contains(&duration), "{output}: {duration}");
        for (seconds, x, is_right) in [
            ("1", 100, is_red as fn([u8; 3]) -> bool),
            ("1", 1200, is_red),
            ("3", 100, is_red),
            ("3", 1200, is_green),
        ] {
            let found = pixel(&file, seconds, (x, 360));
            assert!(is_right(found), "{output} {seconds} {x}: {found:?}");
        }
    }
    let draft = place.read("class/drafts/layout.vtt");
    assert!(
        draft.contains("status: draft") && draft.contains("layout: grid"),
        "{draft}"
    );

    let approved = "WEBVTT\n\nNOTE\nstatus: approved\n\n00:00.000 --> 00:04.000\n\
                    layout: single-speaker\nspeaker: ben\n";
    place.write("class/drafts/layout.vtt", approved);
    place.done(&[
        "compose",
        "input=class",
        "output=again.mkv",
        "preset=ultrafast",
    ]);
    assert!(is_green(pixel(&place.path("again.mkv"), "3", (100, 360))));
    assert_eq!(place.read("class/drafts/layout.vtt"), approved);
}

/// A class of two with a camera and a tone each.
fn class_of_two(place: &Place) {
    fs::create_dir(place.path("tracks")).expect("made");
    for (name, color, frequency) in [("ada", "red", 440), ("ben", "green", 1000)] {
        track(place, &format!("tracks/{name}-camera-0.webm"), color, "3");
        tone(
            place,
            &format!("tracks/{name}-microphone-0.webm"),
            frequency,
            "3",
        );
    }
    place.done(&[
        "session",
        "input=tracks",
        "output=class",
        "pattern={participant}-{source}-{start-ms}.webm",
        "host=ada",
    ]);
}

#[test]
fn the_voices_of_a_room_are_mixed_into_one_file() {
    let place = Place::new();
    class_of_two(&place);
    for (output, codec) in [
        ("class.opus", "opus"),
        ("class.mka", "opus"),
        ("class.m4a", "aac"),
        ("class.mp3", "mp3"),
    ] {
        let made = place.done(&["mix", "input=class", &format!("output={output}")]);
        assert_eq!(made["audios"], 2, "{output}");
        let file = place.path(output);
        let probed = probe(&file);
        assert!(streams(&probed, "video").is_empty(), "{output}");
        assert_eq!(streams(&probed, "audio")[0]["codec_name"], codec);
        let duration = number(&probed["format"]["duration"]);
        assert!((2.9..3.2).contains(&duration), "{output}: {duration}");
        // ffmpeg's sine is an eighth of full scale.
        for frequency in [440.0, 1000.0] {
            let level = level(&file, frequency, "1");
            assert!(
                (0.1..0.15).contains(&level),
                "{output} {frequency}: {level}"
            );
        }
    }
}

/// A file without a container has no demuxer that could be asked for its first packet.
#[test]
fn a_track_without_a_container_begins_when_it_was_recorded() {
    let place = Place::new();
    fs::create_dir(place.path("tracks")).expect("made");
    tone(&place, "tracks/ada-microphone-1000.opus", 440, "4");
    for (name, codec) in [("ben", "flac"), ("cy", "mp3")] {
        let path = format!("tracks/{name}-microphone-3000.{codec}");
        place.ffmpeg(&[&["-f", "lavfi", "-t", "2", "-i", "sine=frequency=1000", &path]]);
        let only = format!("only={name},ada");
        place.done(&[
            "session",
            "input=tracks",
            "output=class",
            "pattern={participant}-{source}-{start-ms}.{*}",
        ]);
        place.done(&["mix", "input=class", "output=class.mka", &only]);
        let file = place.path("class.mka");
        // The tone is not there in the second second, and whole in the fourth.
        let (early, there) = (level(&file, 1000.0, "1"), level(&file, 1000.0, "2.7"));
        assert!(early < 0.005, "{codec}: {early}");
        assert!((0.1..0.15).contains(&there), "{codec}: {there}");
        fs::remove_file(&file).expect("removed");
    }
}

#[test]
fn only_those_who_are_wanted_are_seen_and_heard() {
    let place = Place::new();
    class_of_two(&place);
    for choice in ["only=role:host", "without=ben"] {
        place.done(&[
            "compose",
            "input=class",
            "output=ada.mkv",
            "preset=ultrafast",
            choice,
        ]);
        let file = place.path("ada.mkv");
        for x in [100, 1200] {
            assert!(is_red(pixel(&file, "1", (x, 360))), "{choice} {x}");
        }
        assert!(level(&file, 440.0, "1") > 0.1, "{choice}");
        assert!(level(&file, 1000.0, "1") < 0.005, "{choice}");
        // The draft of a layout is that of the whole room.
        assert!(!place.path("class/drafts").exists(), "{choice}");
        fs::remove_file(file).expect("removed");
    }
    let wrong = |choice: &str| place.lecture(&["mix", "input=class", "output=a.opus", choice]);
    wrong("only=dan").failed(2, &["dan", "ada, ben"]);
    wrong("only=role:teacher").failed(2, &["role:teacher", "role:host"]);
    wrong("without=ada,ben").failed(2, &["no track is left"]);
    place
        .lecture(&["mix", "input=class", "output=a.wma"])
        .failed(2, &["a.wma", ".opus"]);
}

#[test]
fn a_folder_of_janus_recordings_becomes_a_class() {
    let (Some(audio), Some(video)) = (real("audio-opus.mjr"), real("video-vp8.mjr")) else {
        return;
    };
    let place = Place::new();
    let base = "videoroom-7-user-ada-1795978729856869";
    fs::create_dir(place.path("rec")).expect("made");
    fs::copy(audio, place.path(&format!("rec/{base}-audio-0.mjr"))).expect("copied");
    fs::copy(video, place.path(&format!("rec/{base}-video-1.mjr"))).expect("copied");
    place.write("rec/empty-video-0.mjr", "MJR00002");
    let made = place.done(&["session", "input=rec", "output=rec"]);
    assert_eq!(
        (&made["participants"], &made["tracks"]),
        (&1.into(), &2.into())
    );
    let session: Value = serde_json::from_str(&place.read("rec/session.json")).expect("JSON");
    assert_eq!(
        (&session["room"], &session["participants"][0]["id"]),
        (&"7".into(), &"ada".into())
    );
    place.done(&[
        "compose",
        "input=rec",
        "output=class.mkv",
        "preset=ultrafast",
    ]);
    let probed = probe(&place.path("class.mkv"));
    assert_eq!(streams(&probed, "audio")[0]["codec_name"], "opus");
    let duration = number(&probed["format"]["duration"]);
    assert!((7.5..8.6).contains(&duration), "{duration}");
    // Chromium's fake camera is green.
    let [red, green, _] = pixel(&place.path("class.mkv"), "5", (200, 300));
    assert!(green > red, "{red} {green}");
}

#[test]
fn a_janus_recording_is_written_without_transcoding() {
    let cases = [
        ("video-vp8.mjr", "a.mkv", "vp8", 119),
        ("video-vp8.mjr", "a.webm", "vp8", 119),
        ("video-h264.mjr", "b.mkv", "h264", 61),
        ("audio-opus.mjr", "c.opus", "opus", 400),
    ];
    for (name, output, codec, packets) in cases {
        let Some(file) = real(name) else { return };
        let place = Place::new();
        let input = format!("input={}", file.display());
        let made = place.done(&["mjr", &input, &format!("output={output}")]);
        assert_eq!(made["codec"], codec, "{name}");
        let path = place.path(output).display().to_string();
        let counted = tool(
            "ffprobe",
            &[
                "-v",
                "error",
                "-count_packets",
                "-show_entries",
                "stream=codec_name,nb_read_packets",
                "-of",
                "csv=p=0",
                &path,
            ],
        );
        let counted = String::from_utf8(counted).expect("text");
        assert_eq!(
            counted.trim(),
            format!("{codec},{packets}"),
            "{name} {output}"
        );
    }
}

#[test]
fn every_job_takes_a_janus_recording() {
    let Some(file) = real("video-vp8.mjr") else {
        return;
    };
    let place = Place::new();
    let input = format!("input={}", file.display());
    place.done(&["catalog", &input, "output=OUT", "preset=ultrafast"]);
    let package = place.path("OUT/package/master.m3u8");
    let probed = probe(&package);
    assert!(!streams(&probed, "video").is_empty());
    let duration = number(&probed["format"]["duration"]);
    assert!((7.5..8.6).contains(&duration), "{duration}");
    let [red, green, _] = pixel(&package, "5", (200, 300));
    assert!(green > red, "{red} {green}");
    place.done(&["trim", &input, "output=a.mkv"]);
    let trimmed = number(&probe(&place.path("a.mkv"))["format"]["duration"]);
    assert!((7.5..8.6).contains(&trimmed), "{trimmed}");
}

#[test]
fn what_is_no_session_is_one_clear_error() {
    let place = Place::new();
    fs::create_dir(place.path("empty")).expect("made");
    let session =
        |arguments: &[&str]| place.lecture(&[&["session", "output=out"], arguments].concat());
    session(&["input=empty"]).failed(1, &["no recorded track", "pattern="]);
    session(&["input=missing"]).failed(1, &["missing"]);
    session(&["input=empty", "pattern={user}.mkv"]).failed(2, &["{user} is unknown"]);
    place.write("two/a-camera.mkv", "x");
    place.write("two/b-camera.mkv", "x");
    session(&["input=two", "pattern={participant}-{source}.mkv"])
        .failed(2, &["a-camera.mkv, b-camera.mkv", "{start-ms}"]);
    assert!(!place.path("out").exists());

    place.write("bad/session.json", "{");
    let compose = |arguments: &[&str]| place.lecture(&[&["compose"], arguments].concat());
    compose(&["input=bad", "output=a.mkv"]).failed(1, &["session.json", "line 1"]);
    place.write(
        "gone/session.json",
        r#"{"version": 1, "room": "7", "participants": [{"id": "a"}],
            "tracks": [{"file": "gone.mkv", "participant": "a", "source": "camera"}]}"#,
    );
    compose(&["input=gone", "output=a.mkv"]).failed(1, &["gone.mkv"]);
    compose(&["input=gone", "output=a.avi"]).failed(2, &["a.avi", ".mkv"]);
    place.write("text.mjr", "no recording");
    place
        .lecture(&["mjr", "input=text.mjr", "output=a.mkv"])
        .failed(1, &["text.mjr", "not a Janus recording"]);
    assert!(!place.path("a.mkv").exists());
}
