// SPDX-License-Identifier: MPL-2.0

//! Recordings whose streams do not last alike, or whose frames come as they please: nothing is lost, and
//! the package keeps the rules.

use std::path::Path;

use tempfile::TempDir;

use super::{RATE, frames};
use crate::harness::{self, done, json, lecture, said, value};

/// Makes a package and returns the path of the playlist of its first rendition of a kind.
fn package(file: &Path, out: &Path, kind: &str) -> std::path::PathBuf {
    done(&[
        "package".into(),
        value("input", file),
        value("output", out),
        "preset=ultrafast".into(),
        "loudness=off".into(),
    ]);
    let manifest = json(&out.join("package/manifest.json"));
    let playlist = manifest[kind][0]["playlist"].as_str();
    out.join("package").join(playlist.expect("a rendition"))
}

#[test]
fn a_rate_that_is_a_mean_loses_no_frame() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("class.mp4");
    // 60 frames in two seconds, then one that stands for some.
    harness::make(
        &file,
        "-f lavfi -i testsrc2=size=160x120:rate=30:duration=6.03 -vf select='lt(n,60)+gt(n,179)' \
         -fps_mode vfr -c:v libx264 -preset ultrafast",
    );
    // FFmpeg writes the mean as the default duration.
    let remuxed = folder.path().join("class.mkv");
    harness::make(&remuxed, &format!("-i {} -c copy", file.display()));
    for file in [&file, &remuxed] {
        let out = TempDir::new().expect("a folder");
        let (all, different) = frames(&package(file, out.path(), "video"));
        assert!(
            different >= 61 && all <= 184,
            "{}: {all} frames, {different} different",
            file.display()
        );
    }
}

#[test]
fn audio_that_ends_early_is_followed_by_silence() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("class");
    let file = folder.path().join("class.mp4");
    harness::make(
        &file,
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=6 -f lavfi -i \
         sine=sample_rate=48000:duration=2 -c:v libx264 -preset ultrafast -c:a aac",
    );
    let samples = harness::samples(&package(&file, &out, "audio"), "anull");
    let seconds = samples.len() as f64 / RATE as f64;
    assert!((seconds - 6.0).abs() < 0.05, "{seconds} s");
    let (tone, silence) = samples.split_at(RATE * 21 / 10);
    assert!(
        tone[..RATE * 19 / 10]
            .iter()
            .any(|sample| sample.unsigned_abs() > 3000)
    );
    assert!(silence.iter().all(|sample| sample.unsigned_abs() < 300));
}

#[test]
fn a_class_of_one_segment_with_a_cut_keeps_the_rules() {
    let folder = TempDir::new().expect("a folder");
    let out = folder.path().join("class");
    let file = folder.path().join("class.mkv");
    harness::make(
        &file,
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=5 -f lavfi -i \
         sine=sample_rate=48000:duration=5 -c:v libx264 -preset ultrafast -c:a aac",
    );
    done(&[
        "analyse".into(),
        value("input", &file),
        value("output", &out),
    ]);
    let draft = out.join("drafts/trim.vtt");
    let text = std::fs::read_to_string(&draft).expect("a draft");
    let head = text.split("00:00:00.000 -->").next().expect("its notes");
    let cut = "00:00:02.000 --> 00:00:03.000\ncut: break\n";
    std::fs::write(&draft, format!("{head}{cut}")).expect("written");
    // It is held against the rules.
    package(&file, &out, "video");
    // Also after a package that encodes only what changed.
    let cut = "00:00:01.600 --> 00:00:03.000\ncut: break\n";
    std::fs::write(&draft, format!("{head}{cut}")).expect("written");
    package(&file, &out, "video");
}

#[test]
fn audio_that_a_demuxer_ignores_is_named() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("class.m2ts");
    // FFmpeg writes AAC in M2TS as a private stream.
    harness::make(
        &file,
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=2 -f lavfi -i sine=duration=2 \
         -c:v libx264 -preset ultrafast -c:a aac -f mpegts -mpegts_m2ts_mode 1",
    );
    let output = lecture([
        "package".into(),
        value("input", &file),
        value("output", &folder.path().join("class")),
    ]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("no decoder for AAC in MPEG-TS"), "{said}");
}

#[test]
fn a_last_fragment_that_is_cut_off_is_named() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("class.mp4");
    harness::make(
        &file,
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=4 -c:v libx264 -preset ultrafast -g 25 \
         -movflags +frag_keyframe+empty_moov",
    );
    let bytes = std::fs::read(&file).expect("a recording");
    std::fs::write(&file, &bytes[..bytes.len() * 7 / 10]).expect("written");
    let output = lecture([
        "package".into(),
        value("input", &file),
        value("output", &folder.path().join("class")),
        "preset=ultrafast".into(),
    ]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let named = said.matches("cut off inside its last fragment").count();
    assert_eq!(named, 1, "{said}");
}

#[test]
fn frames_of_a_program_stream_are_shown_in_their_order() {
    let folder = TempDir::new().expect("a folder");
    // Several small frames begin in one packet, and only the first of them has a time.
    for (name, video) in [("a.mpg", "mpeg1video -bf 2"), ("b.vob", "mpeg2video -bf 2")] {
        let file = folder.path().join(name);
        harness::make(
            &file,
            &format!(
                "-f lavfi -i testsrc2=size=320x180:rate=25:duration=6 -f lavfi -i \
                 sine=sample_rate=48000:duration=6 -c:v {video} -c:a mp2"
            ),
        );
        let out = folder.path().join(format!("{name}.class"));
        let (all, different) = frames(&package(&file, &out, "video"));
        assert!(
            different >= 149 && all <= 152,
            "{name}: {all} frames, {different} different"
        );
    }
}
