// SPDX-License-Identifier: MPL-2.0

//! Containers and codecs: each frame and each sample that goes in comes out, or one error names what
//! cannot be read. ffmpeg makes the recordings and counts what a package holds.

use std::collections::BTreeSet;
use std::path::Path;

use tempfile::TempDir;

use crate::harness::{self, done_with_complaints, json, lecture, said, tool, value};

mod faults;
mod lengths;
mod packets;
mod table;

use table::TABLE;

/// Length of each recording in seconds.
const SECONDS: usize = 2;
const RATE: usize = 48_000;

/// Support of a codec in a container.
#[derive(Clone, Copy, PartialEq)]
enum Support {
    /// Every frame and every sample.
    Whole,
    /// Every frame; a warning names the audio, which is left out.
    Video,
    /// The job ends with one error.
    Refused,
}

use Support::{Refused, Video, Whole};

/// Makes the recording of a row; the sound is a tone without a pause.
fn make(file: &Path, video: &str, audio: &str) {
    let mut words = String::new();
    if video != "-" {
        words = format!("-f lavfi -i testsrc2=size=160x120:rate=25:duration={SECONDS} ");
    }
    if audio != "-" {
        words += &format!("-f lavfi -i sine=sample_rate={RATE}:duration={SECONDS} ");
    }
    if video != "-" {
        words += &format!("-c:v {video} ");
    }
    if audio != "-" {
        words += &format!("-c:a {audio} ");
    }
    harness::make(file, &format!("{words} -strict -2"));
}

/// Makes a package and holds it against what went in; returns what the job prints.
fn check_whole(file: &Path, has: (bool, bool), seconds: f64) -> String {
    let out = TempDir::new().expect("a folder");
    let made = done_with_complaints(&[
        "package".into(),
        value("input", file),
        value("output", out.path()),
        "preset=ultrafast".into(),
        "loudness=off".into(),
    ]);
    let package = out.path().join("package");
    let manifest = json(&package.join("manifest.json"));
    let playlist = |kind: &str| {
        let of_kind = manifest[kind].as_array().and_then(|all| all.first());
        let playlist = of_kind.and_then(|first| first["playlist"].as_str());
        playlist.map(|playlist| package.join(playlist))
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if has.0 {
        let playlist = playlist("video").unwrap_or_else(|| panic!("{name}: no video"));
        let (all, different) = frames(&playlist);
        let expected = (seconds * 25.0).round() as usize;
        assert!(
            different + 1 >= expected && all <= expected + 2,
            "{name}: {all} frames, {different} different, of {expected}"
        );
    }
    if has.1 {
        let playlist = playlist("audio").unwrap_or_else(|| panic!("{name}: no audio"));
        let samples = harness::samples(&playlist, "anull");
        let length = samples.len() as f64 / RATE as f64;
        assert!(
            (length - seconds).abs() < 0.15,
            "{name}: {length} s of audio"
        );
        // Between the edges there is no hole.
        let inner = &samples[RATE / 10..samples.len() - RATE / 5];
        let hole = inner
            .chunks_exact(RATE / 40)
            .position(|part| part.iter().all(|sample| sample.unsigned_abs() < 300));
        assert_eq!(hole, None, "{name}: a hole in the audio, in 25 ms");
    }
    said(&made)
}

/// Number of frames, and of different ones.
fn frames(playlist: &Path) -> (usize, usize) {
    let path = playlist.to_str().expect("a path in UTF-8");
    let listed = tool("ffmpeg", &["-i", path, "-f", "framemd5", "-"]);
    let listed = String::from_utf8_lossy(&listed);
    let sums: Vec<&str> = listed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit(',').next())
        .collect();
    let different: BTreeSet<&str> = sums.iter().copied().collect();
    (sums.len(), different.len())
}

fn check_container(container: &str) {
    let folder = TempDir::new().expect("a folder");
    let rows = TABLE.iter().filter(|row| row.0 == container).enumerate();
    let mut tried = 0;
    for (n, (_, video, audio, support)) in rows {
        tried += 1;
        let file = folder.path().join(format!("{n}.{container}"));
        make(&file, video, audio);
        match support {
            Whole => {
                check_whole(&file, (*video != "-", *audio != "-"), SECONDS as f64);
            }
            Video => {
                let said = check_whole(&file, (true, false), SECONDS as f64);
                assert_eq!(said.matches("warning: ").count(), 1, "{audio}: {said}");
            }
            Refused => {
                let out = folder.path().join("refused");
                let output = lecture([
                    "package".into(),
                    value("input", &file),
                    value("output", &out),
                ]);
                let said = said(&output);
                assert_eq!(output.status.code(), Some(1), "{video} {audio}: {said}");
                assert_eq!(said.matches("error: ").count(), 1, "{said}");
            }
        }
    }
    assert!(tried > 0, "{container} has no rows");
}

macro_rules! containers {
    ($($(#[$attribute:meta])* $name:ident $container:literal,)*) => {
        $(
            #[test]
            $(#[$attribute])*
            fn $name() {
                check_container($container);
            }
        )*

        #[test]
        fn every_row_is_tried() {
            let tried = [$($container),*];
            assert!(TABLE.iter().all(|row| tried.contains(&row.0)));
        }
    };
}

#[test]
fn quicktime_descriptions_of_version_2_are_read_whole() {
    let folder = TempDir::new().expect("a folder");
    let audios = [
        "pcm_s16le -ar 96000",
        "pcm_s24be -ar 96000",
        "pcm_s32le -ar 96000",
        "pcm_f32le",
    ];
    for (n, audio) in audios.iter().enumerate() {
        let file = folder.path().join(format!("{n}.mov"));
        make(&file, "qtrle", audio);
        check_whole(&file, (true, true), SECONDS as f64);
    }
}

containers! {
    mp4_is_read_whole "mp4",
    mov_is_read_whole "mov",
    m4a_is_read_whole "m4a",
    matroska_is_read_whole "mkv",
    webm_is_read_whole "webm",
    mpeg_ts_is_read_whole "ts",
    flv_is_read_whole "flv",
    avi_is_read_whole "avi",
    ogg_is_read_whole "ogg",
    wav_is_read_whole "wav",
    mp3_is_read_whole "mp3",
    flac_is_read_whole "flac",
}

/// Prints the table for the guide: `cargo test --test lecture the_table_as_markdown -- --nocapture`.
#[test]
fn the_table_as_markdown() {
    println!("| Container | Video | Audio | Support |\n|---|---|---|---|");
    for (container, video, audio, support) in TABLE {
        let codec = |words: &str| {
            let encoder = words.split(' ').next().unwrap_or_default();
            encoder.trim_start_matches("lib").to_owned()
        };
        let support = match support {
            Whole => "every frame and sample",
            Video => "every frame; the audio is left out and named",
            Refused => "one error",
        };
        println!(
            "| {container} | {} | {} | {support} |",
            codec(video),
            codec(audio)
        );
    }
}
