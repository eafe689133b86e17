// SPDX-License-Identifier: MPL-2.0

//! The loudness of packages, measured by ffmpeg: the sample class with a question asked far from
//! the microphone.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sample.mkv");

const PACKAGED: &str = "OUT/package/audio/main/playlist.m3u8";

/// When the question is asked, in the sample's seconds; pauses stand on both sides of it.
const QUESTION: (f64, f64) = (97.2, 102.9);

/// Talk before it and after it.
const TALK: [(f64, f64); 2] = [(70.0, 91.0), (105.0, 115.0)];

/// The pause right before the question.
const PAUSE: (f64, f64) = (96.75, 97.15);

fn run(program: &str, folder: &Path, arguments: &[&str]) -> String {
    let ended = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("G_DEBUG", "fatal-warnings")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{program} {arguments:?}: {said}");
    said
}

/// The sample with the question softer by this many dB, packaged with these variables.
fn packaged(softer: u32, more: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (from, to) = QUESTION;
    let soft = format!("volume=enable='between(t,{from},{to})':volume=-{softer}dB");
    let sound = ["-af", &soft, "-c:a", "flac", "class.mkv"];
    let copy = ["-v", "error", "-i", SAMPLE, "-c:v", "copy"];
    run("ffmpeg", folder.path(), &[&copy[..], &sound].concat());
    let job = [
        "catalog",
        "input=class.mkv",
        "ladder=180",
        "preset=ultrafast",
    ];
    let lecture = env!("CARGO_BIN_EXE_lecture");
    run(lecture, folder.path(), &[&job[..], more].concat());
    folder
}

/// Where the package begins in the recording, in seconds.
fn start(folder: &TempDir) -> f64 {
    let manifest = folder.path().join("OUT/package/manifest.json");
    let manifest = std::fs::read(manifest).expect("a manifest");
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
    manifest["kept"][0]["start"].as_f64().expect("a kept span")
}

/// Integrated loudness in LUFS and true peak in dBTP of what a filter leaves of a file.
fn measured(folder: &TempDir, file: &str, filter: &str) -> (f64, f64) {
    let meter = format!("{filter}ebur128=peak=true");
    let arguments = [
        "-nostats",
        "-hide_banner",
        "-i",
        file,
        "-af",
        &meter,
        "-f",
        "null",
        "-",
    ];
    let said = run("ffmpeg", folder.path(), &arguments);
    let (_, summary) = said.rsplit_once("Summary:").expect("a summary");
    let value = |name: &str| {
        let (_, rest) = summary.split_once(name).expect(name);
        let number = rest.split_whitespace().next().expect("a number");
        number.parse().expect("a number")
    };
    (value("I:"), value("Peak:"))
}

/// The package's sound between these seconds of the recording.
fn after(folder: &TempDir, (from, to): (f64, f64)) -> (f64, f64) {
    let start = start(folder);
    let cut = format!("atrim={}:{},", from - start, to - start);
    measured(folder, PACKAGED, &cut)
}

/// The recording's sound between these seconds.
fn before(folder: &TempDir, (from, to): (f64, f64)) -> (f64, f64) {
    measured(folder, "class.mkv", &format!("atrim={from}:{to},"))
}

#[test]
fn a_class_is_as_loud_as_asked_and_a_question_near_it() {
    let folder = packaged(14, &[]);
    let (whole, peak) = measured(&folder, PACKAGED, "");
    assert!((whole + 16.0).abs() < 1.0, "{whole}");
    assert!(peak <= -1.0, "{peak}");
    let loudness = |(level, _): (f64, f64)| level;
    let question = loudness(after(&folder, QUESTION));
    for talk in TALK {
        let apart = loudness(before(&folder, talk)) - loudness(before(&folder, QUESTION));
        assert!(apart > 8.0, "{apart}");
        let apart = loudness(after(&folder, talk)) - question;
        assert!(apart.abs() < 3.0, "{apart}");
    }
    // The pause is raised as the talk before it is, not as the question.
    let raised =
        |span, of: fn((f64, f64)) -> f64| of(after(&folder, span)) - of(before(&folder, span));
    let (pause, talk) = (
        raised(PAUSE, |found| found.1),
        raised(TALK[0], |found| found.0),
    );
    assert!(pause < talk + 2.0, "{pause} {talk}");
}

#[test]
fn another_loudness_is_as_loud_as_asked() {
    let folder = packaged(0, &["loudness=-23"]);
    let (whole, _) = measured(&folder, PACKAGED, "");
    assert!((whole + 23.0).abs() < 1.0, "{whole}");
}

#[test]
fn without_a_loudness_the_sound_is_as_it_was() {
    let folder = packaged(0, &["loudness=off"]);
    let (now, was) = (after(&folder, TALK[0]).0, before(&folder, TALK[0]).0);
    assert!((now - was).abs() < 0.5, "{now} {was}");
}

#[test]
fn a_loudness_that_is_none_is_wrong_usage() {
    let folder = tempfile::tempdir().expect("temporary folder");
    for wrong in ["loudness=loud", "loudness=3", "loudness=nan"] {
        let ended = Command::new(env!("CARGO_BIN_EXE_lecture"))
            .args(["catalog", wrong, &format!("input={SAMPLE}")])
            .current_dir(folder.path())
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{said}");
        assert!(said.contains("LUFS"), "{said}");
    }
}
