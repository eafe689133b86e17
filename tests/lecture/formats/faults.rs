// SPDX-License-Identifier: MPL-2.0

//! Recordings whose times or codecs demuxers of GStreamer 1.22 spoil, in all jobs that read one.

use std::path::Path;

use tempfile::TempDir;

use super::{RATE, check_whole, frames, make};
use crate::harness::{self, done, json, lecture, said, tool, value};

/// Runs the four jobs that read a recording; returns what each prints.
fn jobs(file: &Path, folder: &Path) -> Vec<(&'static str, Option<i32>, String)> {
    let run = |job: &'static str, output: &str| {
        let mut arguments = vec![
            job.into(),
            value("input", file),
            value("output", &folder.join(output)),
        ];
        if job == "catalog" {
            arguments.push("preset=ultrafast".into());
        }
        let output = lecture(arguments);
        (job, output.status.code(), said(&output))
    };
    vec![
        run("catalog", "class"),
        run("analyse", "drafts"),
        run("trim", "short.mkv"),
        run("chapters", "chapters.vtt"),
    ]
}

fn replace(file: &Path, from: &[u8], to: &[u8], place: usize) {
    let mut bytes = std::fs::read(file).expect("a recording");
    let found = bytes.windows(from.len()).enumerate();
    let places: Vec<usize> = found
        .filter(|(_, part)| *part == from)
        .map(|(at, _)| at)
        .collect();
    let at = places[place];
    bytes[at..at + from.len()].copy_from_slice(to);
    std::fs::write(file, bytes).expect("written");
}

const TWO_SOUNDS: &str = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=2 \
    -f lavfi -i sine=duration=2 -map 0 -map 1 -map 1 -c:v libx264 -preset ultrafast -c:a aac";

#[test]
fn audio_that_cannot_be_decoded_is_named_and_the_rest_goes_on() {
    let folder = TempDir::new().expect("a folder");
    for place in [0, 1] {
        let file = folder.path().join(format!("{place}.mov"));
        harness::make(&file, TWO_SOUNDS);
        // The name of the second sample entry, behind that of the first.
        replace(
            &file,
            b"mp4a\0\0\0\0\0\0\0\x01",
            b"apac\0\0\0\0\0\0\0\x01",
            place,
        );
        let out = TempDir::new().expect("a folder");
        for (job, status, said) in jobs(&file, out.path()) {
            assert_eq!(status, Some(0), "{job} {place}: {said}");
            let named = said.matches("there is no decoder for apac").count();
            assert_eq!(named, 1, "{job} {place}: {said}");
        }
        let manifest = json(&out.path().join("class/package/manifest.json"));
        assert_eq!(manifest["audio"].as_array().map(Vec::len), Some(1));
    }
    let file = folder.path().join("unknown.mkv");
    harness::make(&file, &TWO_SOUNDS.replace("-c:a aac", "-c:a ac3"));
    replace(&file, b"A_AC3", b"A_XYZ", 0);
    for (job, status, said) in jobs(&file, folder.path()) {
        assert_eq!(status, Some(0), "{job}: {said}");
        assert!(said.contains("no decoder for A_XYZ"), "{job}: {said}");
    }
}

#[test]
fn a_codec_without_a_decoder_is_no_damage() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("class.m4a");
    harness::make(
        &file,
        "-f lavfi -i sine=duration=2:sample_rate=48000 -c:a aac",
    );
    // An AudioSpecificConfig of xHE-AAC in the place of AAC LC.
    replace(
        &file,
        &[0x05, 0x80, 0x80, 0x80, 0x05, 0x11, 0x88],
        &[0x05, 0x80, 0x80, 0x80, 0x05, 0xf9, 0x46],
        0,
    );
    for (job, status, said) in jobs(&file, folder.path()) {
        assert_eq!(status, Some(1), "{job}: {said}");
        assert!(
            said.contains("there is no decoder for xHE-AAC"),
            "{job}: {said}"
        );
        assert!(!said.contains("record it again"), "{job}: {said}");
    }
}

/// A file of two parts, as a recorder leaves it that was paused.
fn join(file: &Path, ffmpeg: &str, extension: &str) {
    let folder = TempDir::new().expect("a folder");
    let part = folder.path().join(format!("part.{extension}"));
    harness::make(&part, ffmpeg);
    let part = std::fs::read(part).expect("a part");
    std::fs::write(file, [&part[..], &part].concat()).expect("written");
}

#[test]
fn joined_webm_is_read_to_its_end() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("class.webm");
    let part = "-f lavfi -i mandelbrot=size=160x120:rate=25 -f lavfi -i sine=sample_rate=48000 -t 3 \
        -c:v libvpx -deadline realtime -c:a libopus -live 1";
    join(&file, part, "webm");
    let out = folder.path().join("class");
    done(&[
        "package".into(),
        value("input", &file),
        value("output", &out),
    ]);
    let manifest = json(&out.join("package/manifest.json"));
    let seconds = manifest["duration"].as_f64().expect("a duration");
    assert!((seconds - 6.0).abs() < 0.2, "{seconds} s");
    let video = manifest["video"][0]["playlist"]
        .as_str()
        .expect("a playlist");
    let (all, different) = frames(&out.join("package").join(video));
    assert!(
        all >= 148 && different >= 73,
        "{all} frames, {different} different"
    );
    let short = folder.path().join("short.mkv");
    done(&[
        "trim".into(),
        value("input", &file),
        value("output", &short),
    ]);
    assert!(harness::picture_packets(&short, "pts_time").len() >= 148);
}

#[test]
fn chained_ogg_is_read_to_its_end_or_refused() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("class.ogg");
    // The links of a chain have serial numbers of their own.
    let part = |frequency: u32, name: &str| {
        let part = folder.path().join(name);
        let sine = format!("-f lavfi -i sine=frequency={frequency}:duration=3 -c:a libopus");
        harness::make(&part, &format!("{sine} -serial_offset {frequency}"));
        std::fs::read(part).expect("a part")
    };
    let chain = [part(440, "a.ogg"), part(880, "b.ogg")].concat();
    std::fs::write(&file, chain).expect("written");
    check_whole(&file, (false, true), 6.0);
}

#[test]
fn adpcm_and_96_khz_keep_all_samples_in_every_job() {
    let folder = TempDir::new().expect("a folder");
    let wav = folder.path().join("class.wav");
    harness::make(
        &wav,
        "-f lavfi -i sine=sample_rate=16000:duration=6 -c:a adpcm_ima_wav",
    );
    // The last block is filled up.
    let whole = harness::samples(&wav, "anull").len() as f64 / RATE as f64;
    assert!((whole - 6.0).abs() < 0.13, "{whole} s");
    check_whole(&wav, (false, true), whole);
    let short = folder.path().join("short.mkv");
    done(&["trim".into(), value("input", &wav), value("output", &short)]);
    let seconds = harness::samples(&short, "anull").len() as f64 / RATE as f64;
    assert!((seconds - whole).abs() < 0.01, "{seconds} of {whole} s");
    let mov = folder.path().join("class.mov");
    let words = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=2 -f lavfi -i \
        sine=sample_rate=96000:duration=2 -c:v libx264 -preset ultrafast -c:a pcm_s16le";
    harness::make(&mov, words);
    check_whole(&mov, (true, true), 2.0);
}

#[test]
fn a_wav_that_ends_with_a_padding_byte_is_read() {
    let folder = TempDir::new().expect("a folder");
    // Data of an odd size: one sample more, or 101 blocks of 65 bytes.
    for (n, (rate, codec)) in [
        (8000, "-af atrim=end_sample=16001 -c:a pcm_u8"),
        (48_000, "-af atrim=end_sample=96001 -c:a pcm_s24le"),
        (8000, "-af atrim=end_sample=16160 -c:a libgsm_ms"),
    ]
    .into_iter()
    .enumerate()
    {
        let file = folder.path().join(format!("{n}.wav"));
        let sine = format!("-f lavfi -i sine=sample_rate={rate}:duration=3");
        harness::make(&file, &format!("{sine} {codec}"));
        check_whole(&file, (false, true), 2.0);
        let out = TempDir::new().expect("a folder");
        for (job, status, said) in jobs(&file, out.path()) {
            // Not each of them can be muxed.
            let is_refused = job == "trim" && said.contains("cannot hold");
            assert!(status == Some(0) || is_refused, "{codec} {job}: {said}");
        }
    }
}

#[test]
fn trim_keeps_the_frames_of_avi() {
    let folder = TempDir::new().expect("a folder");
    let video = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=4";
    for (n, codec) in [
        "-c:v mpeg4 -g 12",
        "-c:v mpeg4 -bf 2 -g 12",
        "-c:v libx264 -preset veryfast -bf 3 -g 25",
        "-c:v msmpeg4v2 -g 12",
    ]
    .into_iter()
    .enumerate()
    {
        let file = folder.path().join(format!("{n}.avi"));
        harness::make(&file, &format!("{video} {codec}"));
        let short = folder.path().join(format!("{n}.mkv"));
        done(&[
            "trim".into(),
            value("input", &file),
            value("output", &short),
        ]);
        let (all, different) = frames(&short);
        assert!(
            different >= 99 && all <= 101,
            "{codec}: {all} frames, {different} different"
        );
        // In the order in which they went in.
        let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let (old, new) = (path(&file), path(&short));
        let list = |name: &str| {
            tool(
                "ffmpeg",
                &[
                    "-i",
                    name,
                    "-fps_mode",
                    "passthrough",
                    "-f",
                    "framemd5",
                    "-",
                ],
            )
        };
        let sums = |name: &str| -> Vec<String> {
            let listed = String::from_utf8_lossy(&list(name)).into_owned();
            let lines = listed.lines().filter(|line| !line.starts_with('#'));
            lines
                .filter_map(|line| Some(line.rsplit(',').next()?.trim().to_owned()))
                .collect()
        };
        assert_eq!(sums(&old), sums(&new), "{codec}");
    }
}

#[test]
fn a_codec_that_no_container_of_trim_holds_is_one_error() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("class.flv");
    make(&file, "flv", "libmp3lame -ar 44100");
    let short = folder.path().join("short.mkv");
    let output = lecture([
        "trim".into(),
        value("input", &file),
        value("output", &short),
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("cannot hold"), "{}", said(&output));
    assert!(!short.exists());
}

#[test]
fn mpeg4_without_a_frame_rate_keeps_its_frames() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("class.mkv");
    let video = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=4 -c:v mpeg4";
    harness::make(&file, &format!("{video} -vtag DIVX -allow_raw_vfw 1"));
    // The track's DefaultDuration becomes a Void of the same size (RFC 8794, 11.3.2).
    let bytes = std::fs::read(&file).expect("a recording");
    let at = bytes
        .windows(4)
        .position(|part| part == [0x23, 0xe3, 0x83, 0x84]);
    let at = at.expect("a DefaultDuration");
    let from = &bytes[at..at + 8];
    replace(&file, from, &[0xec, 0x86, 0, 0, 0, 0, 0, 0], 0);
    check_whole(&file, (true, false), 4.0);
}

/// The same transport stream without a clock (ISO/IEC 13818-1, 2.4.3.4).
fn without_clock(file: &Path) {
    let mut bytes = std::fs::read(file).expect("a recording");
    for packet in bytes.chunks_exact_mut(188) {
        let has_field = packet[3] & 0x20 != 0 && packet[4] > 0;
        if has_field && packet[5] & 0x10 != 0 {
            packet[5] &= !0x10;
            packet[6..12].fill(0xff);
        }
    }
    std::fs::write(file, bytes).expect("written");
}

#[test]
fn a_transport_stream_without_a_clock_is_no_frozen_frame() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("class.ts");
    make(&file, "libx264 -preset ultrafast", "aac");
    without_clock(&file);
    for (job, status, said) in jobs(&file, folder.path()) {
        assert_eq!(status, Some(1), "{job}: {said}");
        assert!(said.contains("no time of their own"), "{job}: {said}");
    }
    assert!(!folder.path().join("class/package").exists());
}
