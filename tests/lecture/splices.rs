// SPDX-License-Identifier: MPL-2.0

//! Picture and sound stay together across cuts: a source that flashes and beeps at once is packaged
//! with a cut list, and ffmpeg finds the flashes and the beeps again.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::harness::{done, json, make, tool, value};

const FPS: f64 = 25.0;

const RATE: f64 = 48_000.0;

/// A flash and a beep begin in every second that is odd.
const SOURCE: &str = "-f lavfi -i color=black:size=320x180:rate=25:duration=60,format=gray,\
    geq=lum='if(lt(mod(T+1,2),0.1),235,16)',format=yuv420p \
    -f lavfi -i aevalsrc='if(lt(mod(t+1,2),0.1),0.5*sin(880*2*PI*t),0)':sample_rate=48000:duration=60 \
    -c:v libx264 -preset ultrafast -g 250";

/// What is kept of the source, in seconds.
const KEPT: [(f64, f64); 3] = [(2.35, 11.2), (17.77, 31.5), (40.04, 58.0)];

/// When something begins: the times at which `is_on` turns true.
fn onsets(is_on: impl Iterator<Item = bool>, rate: f64, quiet: usize) -> Vec<f64> {
    let mut found = Vec::new();
    let mut off = quiet;
    for (index, on) in is_on.enumerate() {
        if on {
            if off >= quiet {
                found.push(index as f64 / rate);
            }
            off = 0;
        } else {
            off += 1;
        }
    }
    found
}

fn flashes(playlist: &Path) -> Vec<f64> {
    let name = playlist.to_str().expect("a path in UTF-8");
    let filter = format!("fps={FPS},scale=1:1:flags=area,format=gray");
    let frames = tool(
        "ffmpeg",
        &[
            "-i", name, "-map", "0:v:0", "-vf", &filter, "-f", "rawvideo", "-",
        ],
    );
    onsets(frames.iter().map(|&luma| luma > 128), FPS, 2)
}

fn beeps(playlist: &Path) -> Vec<f64> {
    let name = playlist.to_str().expect("a path in UTF-8");
    let filter = "aresample=async=1:first_pts=0";
    let samples = tool(
        "ffmpeg",
        &[
            "-i", name, "-map", "0:a:0", "-af", filter, "-ac", "1", "-ar", "48000", "-f", "s16le",
            "-",
        ],
    );
    let loud = samples
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]).unsigned_abs() > 3000);
    onsets(loud, RATE, 9_600)
}

#[test]
fn picture_and_sound_stay_together() {
    let folder = TempDir::new().expect("a folder");
    let input = folder.path().join("flash.mkv");
    // Sound as it is, so that the source is exact.
    make(&input, &format!("{SOURCE} -c:a pcm_s16le"));
    let out = folder.path().join("out");
    done(&[
        "analyse".into(),
        value("input", &input),
        value("output", &out),
    ]);
    // A person corrects the cut list.
    let trim = out.join("drafts/trim.vtt");
    let draft = fs::read_to_string(&trim).expect("a cut list");
    let note = draft.split("\n\n").nth(1).expect("a note").to_owned();
    let cues: String = KEPT
        .iter()
        .map(|(start, end)| format!("00:{start:06.3} --> 00:{end:06.3}\nkeep\n\n"))
        .collect();
    fs::write(&trim, format!("WEBVTT\n\n{note}\n\n{cues}")).expect("the cut list is written");
    done(&[
        "package".into(),
        value("input", &input),
        value("output", &out),
        "preset=ultrafast".into(),
    ]);

    // Cuts are made between frames, and nothing that is cut is kept.
    let kept = KEPT.map(|(start, end)| {
        let frame = |time: f64| time * FPS;
        (
            (frame(start) - 1e-6).ceil() / FPS,
            (frame(end) + 1e-6).floor() / FPS,
        )
    });
    let package = out.join("package");
    let length: f64 = kept.iter().map(|(start, end)| end - start).sum();
    let duration = json(&package.join("manifest.json"))["duration"]
        .as_f64()
        .expect("a duration");
    assert!(
        (duration - length).abs() <= 1.0 / FPS + 0.03,
        "{duration} s instead of {length} s"
    );

    let mut expected = Vec::new();
    let mut before = 0.0;
    for (start, end) in kept {
        expected.extend(
            (0..30)
                .map(|n| f64::from(2 * n + 1))
                .filter(|time| (start..end - 0.1).contains(time))
                .map(|time| before + time - start),
        );
        before += end - start;
    }
    let master = package.join("master.m3u8");
    let (seen, heard) = (flashes(&master), beeps(&master));
    assert_eq!(
        seen.len(),
        expected.len(),
        "flashes at {seen:?}, expected at {expected:?}"
    );
    assert_eq!(
        heard.len(),
        expected.len(),
        "beeps at {heard:?}, expected at {expected:?}"
    );
    for ((expected, seen), heard) in expected.iter().zip(&seen).zip(&heard) {
        assert!(
            (seen - heard).abs() <= 1.0 / FPS,
            "the flash of {expected:.3} s is seen at {seen:.3} s and its beep heard at {heard:.3} s"
        );
        assert!(
            (heard - expected).abs() <= 1.0 / FPS,
            "the beep of {expected:.3} s is heard at {heard:.3} s"
        );
    }
}
