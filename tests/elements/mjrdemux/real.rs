// SPDX-License-Identifier: MPL-2.0

//! Real recordings, compared with janus-pp-rec.

use std::path::{Path, PathBuf};
use std::process::Command;

use gst::prelude::*;

use super::{HANG, Player};
use crate::harness::init;

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

/// Start in microseconds and size of every packet of a media file.
fn probed(file: &Path) -> Vec<(i64, u64)> {
    let entries = ["-show_entries", "packet=pts_time,size", "-of", "csv=p=0"];
    let output = Command::new("ffprobe")
        .args(["-v", "error"])
        .args(entries)
        .arg(file)
        .output();
    let output = String::from_utf8(output.expect("ffprobe runs").stdout).expect("text");
    let packet = |line: &str| {
        let mut fields = line.split(',');
        let seconds: f64 = fields.next()?.parse().ok()?;
        Some(((seconds * 1e6).round() as i64, fields.next()?.parse().ok()?))
    };
    output.lines().filter_map(packet).collect()
}

#[test]
fn real_recordings_give_the_frames_of_janus_pp_rec() {
    init();
    if Command::new("janus-pp-rec").arg("--help").output().is_err() {
        println!("skipped: janus-pp-rec (Debian: janus-tools) is not installed");
        return;
    }
    let cases = [
        ("audio-opus.mjr", "opus", 400),
        ("video-vp8.mjr", "webm", 119),
        ("video-vp9.mjr", "webm", 65),
        ("video-h264.mjr", "mp4", 61),
        ("old-mjr1-video-vp8.mjr", "webm", 119),
        ("old-meetecho-video-vp8.mjr", "webm", 119),
        ("old-meetecho-audio-opus.mjr", "opus", 400),
    ];
    for (name, extension, frames) in cases {
        let Some(file) = real(name) else { return };
        let folder = tempfile::tempdir().expect("a folder");
        let reference = folder.path().join("reference").with_extension(extension);
        let output = Command::new("janus-pp-rec")
            .args([&file, &reference])
            .output();
        assert!(output.expect("it runs").status.success(), "{name}");
        let ours = folder.path().join("ours.mkv");
        let sink = format!(
            "mjrdemux ! matroskamux ! filesink location={}",
            ours.display()
        );
        let line = format!("filesrc location={} ! {sink}", file.display());
        write(&line);
        let (ours, reference) = (probed(&ours), probed(&reference));
        assert_eq!((ours.len(), reference.len()), (frames, frames), "{name}");
        for (ours, reference) in ours.iter().zip(&reference) {
            // Matroska's milliseconds.
            assert!(
                ours.0.abs_diff(reference.0) <= 1000,
                "{name}: {ours:?} {reference:?}"
            );
            assert_eq!(ours.1, reference.1, "{name}");
        }
    }
}

/// Runs a description to its end.
fn write(line: &str) {
    let pipeline = gst::parse::launch(line).expect("a valid description");
    pipeline.set_state(gst::State::Playing).expect("it plays");
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline
        .bus()
        .expect("a bus")
        .timed_pop_filtered(HANG, &kinds);
    let is_eos = message.is_some_and(|message| message.type_() == gst::MessageType::Eos);
    pipeline.set_state(gst::State::Null).expect("it stops");
    assert!(is_eos, "{line}");
}

#[test]
fn the_file_of_a_killed_janus_gives_what_is_whole_and_one_warning() {
    let Some(file) = real("killed-video-vp8.mjr.tmp") else {
        return;
    };
    let seen = Player::new(&file, "mjrdemux").run();
    assert_eq!(seen.error, None);
    // janus-pp-rec counts 108 with the one that is cut; the last frame is not whole.
    assert_eq!(seen.messages[0].get::<u64>("packets"), Ok(107));
    assert_eq!(seen.buffers.len(), 65);
    assert_eq!(seen.warnings.len(), 1, "{:?}", seen.warnings);
    assert!(
        seen.warnings[0].contains("cut at byte"),
        "{:?}",
        seen.warnings
    );
}
