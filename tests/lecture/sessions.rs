// SPDX-License-Identifier: MPL-2.0

//! Sessions as the input of `catalog`, and the tracks that `compose` reads.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::media::{is_red, level, pixel, pixels};
use crate::harness::place::{Place, number, probe, streams};

const PATTERN: &str = "pattern={participant}-{source}-{start-ms}.{*}";

fn session(place: &Place) {
    place.done(&[
        "session",
        "input=tracks",
        "output=class",
        PATTERN,
        "host=ada",
    ]);
}

fn colored(place: &Place, name: &str, color: &str, seconds: &str, coding: &[&str]) {
    let picture = format!("color={color}:size=640x360:rate=15");
    let file = format!("tracks/{name}");
    place.ffmpeg(&[
        &["-f", "lavfi", "-t", seconds, "-i", &picture],
        &["-pix_fmt", "yuv420p"],
        coding,
        &[&file],
    ]);
}

fn sounding(place: &Place, name: &str, seconds: &str, coding: &[&str]) {
    let file = format!("tracks/{name}");
    place.ffmpeg(&[
        &["-f", "lavfi", "-t", seconds, "-i", "sine=frequency=440"],
        coding,
        &[&file],
    ]);
}

const X264: [&str; 4] = ["-c:v", "libx264", "-preset", "ultrafast"];
const VP8: [&str; 6] = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"];

#[test]
fn tracks_of_every_codec_are_composed() {
    let vp9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime"];
    let mpeg4 = ["-c:v", "mpeg4"];
    let h265 = [
        "-c:v",
        "libx265",
        "-preset",
        "ultrafast",
        "-x265-params",
        "log-level=none",
    ];
    let av1 = ["-c:v", "libaom-av1", "-cpu-used", "8"];
    let cases: [(&str, &[&str], &str, &[&str]); 7] = [
        ("mkv", &X264, "m4a", &["-c:a", "aac"]),
        ("mp4", &X264, "ogg", &["-c:a", "libvorbis"]),
        ("webm", &VP8, "mka", &["-c:a", "libopus"]),
        ("webm", &vp9, "mp3", &[]),
        ("mp4", &mpeg4, "wav", &[]),
        ("mkv", &h265, "flac", &[]),
        ("mkv", &av1, "mka", &["-c:a", "ac3"]),
    ];
    for (video, video_coding, audio, audio_coding) in cases {
        let place = Place::new();
        fs::create_dir(place.path("tracks")).expect("made");
        colored(
            &place,
            &format!("ada-camera-0.{video}"),
            "red",
            "1",
            video_coding,
        );
        sounding(
            &place,
            &format!("ada-microphone-0.{audio}"),
            "3",
            audio_coding,
        );
        session(&place);
        place.done(&["compose", "input=class", "output=a.mkv", "preset=ultrafast"]);
        let file = place.path("a.mkv");
        let codecs = format!("{video_coding:?} {audio_coding:?} {audio}");
        assert!(is_red(pixel(&file, "0.5", (640, 360))), "{codecs}");
        assert!(level(&file, 440.0, "1.5") > 0.1, "{codecs}");
        // The video goes on as long as somebody is heard, without the one who has left.
        let last = pixel(&file, "2.9", (100, 100));
        assert!(!is_red(last), "{codecs}: {last:?}");
    }
}

#[test]
fn a_track_that_is_cut_off_or_broken_is_named_and_the_others_are_composed() {
    let place = Place::new();
    fs::create_dir(place.path("tracks")).expect("made");
    colored(&place, "ada-camera-0.mkv", "red", "8", &X264);
    let whole = fs::read(place.path("tracks/ada-camera-0.mkv")).expect("read");
    let cut = &whole[..whole.len() / 2];
    fs::write(place.path("tracks/ben-camera-0.mkv"), cut).expect("written");
    fs::write(place.path("tracks/cy-camera-0.mkv"), "no video").expect("written");
    sounding(&place, "dan-camera-0.ogg", "2", &["-c:a", "libopus"]);
    session(&place);
    let ended = place.lecture(&["compose", "input=class", "output=a.mkv", "preset=ultrafast"]);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let warns_of = |words: [&str; 2]| {
        let mut lines = ended.err.lines();
        lines
            .any(|line| line.starts_with("warning") && words.iter().all(|word| line.contains(word)))
    };
    assert!(warns_of(["ben-camera-0.mkv", "cut off"]), "{ended:?}");
    assert!(warns_of(["cy-camera-0.mkv", "left out"]), "{ended:?}");
    assert!(warns_of(["dan-camera-0.ogg", "no video"]), "{ended:?}");
    let duration = number(&probe(&place.path("a.mkv"))["format"]["duration"]);
    assert!((7.9..8.2).contains(&duration), "{duration}");

    fs::remove_file(place.path("tracks/ben-camera-0.mkv")).expect("removed");
    place
        .lecture(&["compose", "input=class", "output=b.mkv"])
        .failed(1, &["ben-camera-0.mkv", "no such file"]);
}

/// The first minute of the sample class, as a room: its screen and its microphone begin after 5 s.
fn sample_room(place: &Place) {
    fs::create_dir(place.path("tracks")).expect("made");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sample.mkv");
    let sample = sample.display().to_string();
    place.ffmpeg(&[
        &["-t", "60", "-i", &sample],
        &["-map", "0:v", "-c", "copy", "tracks/ada-screen-5000.mkv"],
        &[
            "-map",
            "0:a",
            "-c",
            "copy",
            "tracks/ada-microphone-5000.mka",
        ],
        &["-map", "0", "-c", "copy", "whole.mkv"],
    ]);
    colored(place, "ada-camera-0.webm", "red", "65", &VP8);
    colored(place, "ben-camera-0.webm", "magenta", "65", &VP8);
    place.write(
        "tracks/ada-microphone-5000.en.vtt",
        "WEBVTT\n\n00:24.000 --> 00:53.800\nCongratulations.\n",
    );
    session(place);
}

fn starts(place: &Place, class: &str) -> (f64, Vec<f64>) {
    let analysis = place.read(&format!("{class}/drafts/analysis.json"));
    let analysis: Value = serde_json::from_str(&analysis).expect("JSON");
    let slides = analysis["slides"].as_array().expect("slides").iter();
    (
        analysis["cuts"][0]["end"].as_f64().expect("a cut"),
        slides.filter_map(|slide| slide["time"].as_f64()).collect(),
    )
}

#[test]
fn a_session_becomes_a_package() {
    let place = Place::new();
    sample_room(&place);
    let mut session: Value = serde_json::from_str(&place.read("class/session.json")).expect("JSON");
    session["events"] = serde_json::json!([
        {"time": 45_000_000_000_u64, "type": "mark", "label": "Answering machines"}
    ]);
    place.write("class/session.json", &session.to_string());
    let catalog = |arguments: &[&str]| {
        let base = ["catalog", "input=class", "preset=ultrafast", "titles=none"];
        place.done(&[&base, arguments].concat())
    };
    catalog(&["output=OUT", "layout=side-by-side", "language=en"]);
    place.done(&["analyse", "input=whole.mkv", "output=FILE", "titles=none"]);
    // What is found is what is found in the file, 5 s later.
    let ((room, room_slides), (file, file_slides)) =
        (starts(&place, "OUT"), starts(&place, "FILE"));
    assert!((room - file - 5.0).abs() < 0.15, "{room} {file}");
    for slide in &file_slides {
        let is_near = |other: &f64| (other - slide - 5.0).abs() < 0.15;
        assert!(room_slides.iter().any(is_near), "{slide}: {room_slides:?}");
    }
    let captions = place.read("OUT/drafts/captions.en.vtt");
    assert!(
        captions.contains("00:00:29.000 --> 00:00:58.800\n<v ada>Congratulations."),
        "{captions}"
    );

    let chapters = place.read("OUT/drafts/chapters.vtt");
    assert!(
        chapters.contains("00:00:45.000 --> 00:01:05") && chapters.contains("Answering machines"),
        "{chapters}"
    );

    // The screen is in its half at the time at which the file has it.
    let package = place.path("OUT/package/master.m3u8");
    let at = format!("{}", 40.0 - room);
    let probed = probe(&package);
    assert_eq!(streams(&probed, "audio").len() % 2, 1);
    assert!(
        is_red(pixel(&package, &at, (1240, 200))),
        "the camera is beside the screen"
    );

    // An approval is bound to the session, and survives another layout.
    let trim = place
        .read("OUT/drafts/trim.vtt")
        .replace("status: draft", "status: approved\nby: Ada");
    place.write("OUT/drafts/trim.vtt", &trim);
    place.done(&[
        "package",
        "input=class",
        "output=OUT",
        "preset=ultrafast",
        "layout=grid",
        "width=640",
        "height=360",
    ]);
    let manifest: Value =
        serde_json::from_str(&place.read("OUT/package/manifest.json")).expect("JSON");
    let review = manifest["review"].as_array().expect("review").iter();
    let mut approved = review.filter(|review| review["approved"] == true);
    assert!(
        approved.any(|review| review["file"] == "trim.vtt" || review["by"] == "Ada"),
        "{manifest}"
    );
    let video = streams(&probe(&package), "video")[0].clone();
    assert_eq!(video["width"], 640);

    // Somebody who is left out is not seen.
    catalog(&[
        "output=ALONE",
        "layout=grid",
        "width=640",
        "height=360",
        "without=ben",
    ]);
    let is_ben = |file: &Path| {
        let colors = pixels(file, "5");
        let magenta = colors
            .into_iter()
            .filter(|&[red, green, blue]| red > 180 && green < 70 && blue > 180);
        magenta.count() > 500
    };
    assert!(is_ben(&package));
    assert!(!is_ben(&place.path("ALONE/package/master.m3u8")));
}

#[test]
fn raw_tracks_of_daily_become_a_session() {
    let place = Place::new();
    fs::create_dir(place.path("tracks")).expect("made");
    let (ada, ben) = (
        "1703174279145-02ce3bcb-bf5b-423f-9699-63fca113a952-cam-audio-1703174279270",
        "1703174279145-7a1e3bcb-bf5b-423f-9699-63fca113a952-screen-video-1703174280270",
    );
    sounding(&place, &format!("{ada}.webm"), "3", &["-c:a", "libopus"]);
    colored(&place, &format!("{ben}.webm"), "red", "1", &VP8);
    place.write(
        "tracks/1703174279145.event.json",
        &format!(
            r#"{{"events": [
                {{"type": "track-added", "ts": 1703174279.2, "data": {{"trackSessionNum": 4, "displayName": "Ada"}}}},
                {{"type": "recording-media-started", "ts": 1703174279.3, "data": {{"trackSessionNum": 4, "uri": "{ada}"}}}},
                {{"type": "track-paused", "ts": 1703174281.27, "data": {{"trackSessionNum": 4}}}}]}}"#
        ),
    );
    place.done(&["session", "input=tracks", "output=class"]);
    let session: Value = serde_json::from_str(&place.read("class/session.json")).expect("JSON");
    assert_eq!(session["participants"][0]["label"], "Ada");
    assert_eq!(session["tracks"][1]["start"], 1_000_000_000);
    assert_eq!(session["events"][0]["type"], "mute");
    place.done(&["compose", "input=class", "output=a.mkv", "preset=ultrafast"]);
    let file = place.path("a.mkv");
    assert!(is_red(pixel(&file, "1.5", (640, 360))));
    assert!(!is_red(pixel(&file, "0.5", (640, 360))));
    assert!(level(&file, 440.0, "0.5") > 0.1);
}

#[test]
fn a_person_aligns_tracks_whose_recorder_gives_no_times() {
    let place = Place::new();
    fs::create_dir(place.path("tracks")).expect("made");
    sounding(&place, "ada-microphone.webm", "3", &["-c:a", "libopus"]);
    colored(&place, "ben-screen.webm", "red", "1", &VP8);
    place.write(
        "tracks/ada-microphone.en.vtt",
        "WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n",
    );
    let named = [
        "session",
        "input=tracks",
        "output=class",
        "pattern={participant}-{source}.webm",
    ];
    place
        .lecture(&named)
        .failed(2, &["ada-microphone.webm", "offset.FILE="]);
    let both = [
        "offset.ada-microphone.webm=0",
        "offset.ben-screen.webm=1.25",
    ];
    let given = [&named[..], &both].concat();
    place
        .lecture(&[&given[..], &["offset.cy-screen.webm=1"]].concat())
        .failed(2, &["cy-screen.webm", "ben-screen.webm"]);
    place.done(&[&given[..], &["copy=true"]].concat());
    let session: Value = serde_json::from_str(&place.read("class/session.json")).expect("JSON");
    let tracks = session["tracks"].as_array().expect("tracks");
    let start = |file: &str| {
        let track = tracks
            .iter()
            .find(|track| track["file"] == file)
            .expect("a copy");
        (track["start"].clone(), track["estimated"].clone())
    };
    assert_eq!(start("ada-microphone.webm"), (json!(0), json!(true)));
    assert_eq!(
        start("ben-screen.webm"),
        (json!(1_250_000_000), json!(true))
    );
    // The folder is whole without the one that was read.
    let copied = fs::read(place.path("class/ben-screen.webm")).expect("a copy");
    assert_eq!(
        copied,
        fs::read(place.path("tracks/ben-screen.webm")).expect("read")
    );
    fs::remove_dir_all(place.path("tracks")).expect("removed");
    assert!(place.read("class/ada-microphone.en.vtt").contains("Hello"));
    place.done(&["compose", "input=class", "output=a.mkv", "preset=ultrafast"]);
    let file = place.path("a.mkv");
    assert!(is_red(pixel(&file, "1.75", (640, 360))));
    assert!(!is_red(pixel(&file, "1.0", (640, 360))));
    assert!(level(&file, 440.0, "0.5") > 0.1);
}

#[test]
fn marks_and_pauses_of_the_class_are_its_cuts() {
    let place = Place::new();
    fs::create_dir(place.path("tracks")).expect("made");
    colored(&place, "screen.webm", "red", "22", &VP8);
    sounding(&place, "voice.webm", "22", &["-c:a", "libopus"]);
    let event = |seconds: u64, kind: &str| json!({ "time": seconds * 1_000_000_000, "type": kind });
    let mark = |seconds: u64, label: &str| json!({ "time": seconds * 1_000_000_000, "type": "mark", "label": label });
    let session = json!({
        "version": 1,
        "room": "math",
        "participants": [{ "id": "ada" }],
        "tracks": [
            { "file": "screen.webm", "participant": "ada", "source": "screen" },
            { "file": "voice.webm", "participant": "ada", "source": "microphone" },
        ],
        "events": [
            mark(2, "class-start"),
            event(8, "pause"),
            event(10, "resume"),
            mark(20, "class-end"),
        ],
    });
    place.write("tracks/session.json", &session.to_string());
    let made = place.done(&["analyse", "input=tracks", "output=OUT"]);
    assert_eq!(made["cuts"], 3, "{made}");
    let trim = place.read("OUT/drafts/trim.vtt");
    for cut in [
        "00:00:00.000 --> 00:00:02.000\ncut: before the marked start of the class",
        "00:00:08.000 --> 00:00:10.000\ncut: the recording was paused",
        "00:00:20.000 --> 00:00:22",
    ] {
        assert!(trim.contains(cut), "{cut}: {trim}");
    }
    place.done(&[
        "package",
        "input=tracks",
        "output=OUT",
        "ladder=360",
        "preset=ultrafast",
    ]);
    let duration = place.manifest()["duration"].as_f64().expect("seconds");
    assert!((duration - 16.0).abs() < 0.2, "{duration}");
}
