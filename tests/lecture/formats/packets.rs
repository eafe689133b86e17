// SPDX-License-Identifier: MPL-2.0

//! Packets that `trim` copies: what it can hold is whole and in step, what it cannot is one clear error.

use std::path::Path;

use tempfile::TempDir;

use super::{RATE, frames};
use crate::harness::{self, done, lecture, said, value};

fn trim(file: &Path, short: &Path) {
    done(&["trim".into(), value("input", file), value("output", short)]);
}

/// The second of the loudest beginning: a tone behind silence.
fn tone(file: &Path) -> f64 {
    let samples = harness::samples(file, "aresample=async=1:first_pts=0");
    let first = samples
        .iter()
        .position(|sample| sample.unsigned_abs() > 3000);
    first.map_or(f64::NAN, |first| first as f64 / RATE as f64)
}

#[test]
fn the_delay_of_an_encoder_moves_no_audio() {
    let folder = TempDir::new().expect("a folder");
    let words = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=3 -f lavfi -i \
        aevalsrc=0.5*sin(2000*PI*t)*between(t\\,1\\,2):s=44100:d=3 -c:v libx264 -preset ultrafast";
    for (n, codec) in ["libmp3lame", "aac", "aac -ar 8000 -ac 1"]
        .iter()
        .enumerate()
    {
        let file = folder.path().join(format!("{n}.mp4"));
        harness::make(&file, &format!("{words} -c:a {codec}"));
        let short = folder.path().join(format!("{n}.mkv"));
        trim(&file, &short);
        let begins = tone(&short);
        assert!((begins - 1.0).abs() < 0.02, "{codec}: {begins}");
        let pictures = harness::picture_packets(&short, "pts_time");
        assert_eq!(pictures.len(), 75, "{codec}");
    }
}

#[test]
fn lossless_video_is_copied() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("class.mkv");
    super::make(&file, "ffv1", "pcm_s16le");
    let short = folder.path().join("short.mkv");
    trim(&file, &short);
    assert_eq!(frames(&short), frames(&file));
}

#[test]
fn aac_of_broadcasts_is_one_clear_error() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("class.ts");
    harness::make(
        &file,
        "-f lavfi -i testsrc2=size=160x120:rate=25:duration=2 -f lavfi -i sine=duration=2 \
         -c:v libx264 -preset ultrafast -c:a aac -mpegts_flags latm",
    );
    let short = folder.path().join("short.mkv");
    let output = lecture([
        "trim".into(),
        value("input", &file),
        value("output", &short),
    ]);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot hold AAC in LATM"), "{said}");
    assert!(!short.exists());
}
