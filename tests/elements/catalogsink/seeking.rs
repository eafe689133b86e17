// SPDX-License-Identifier: MPL-2.0

//! A seek lands on the frame asked for: every frame shows its number, and every segment is decoded
//! from its start on.

use std::path::Path;
use std::process::Command;

use gst::prelude::*;
use gstlecture::package::check;

use super::{Package, decoded, ended, probe};
use crate::catalogsink::feed::with_appsrc;

const SIZE: (usize, usize) = (160, 96);
/// Bits of a frame's number, each in a column of this width.
const BITS: usize = 10;
const COLUMN: usize = 16;

/// A frame whose upper half shows its number in bits, and whose lower half moves.
fn numbered_frame(number: u64) -> Vec<u8> {
    let (width, height) = SIZE;
    let luma = (0..width * height).map(|at| {
        let (x, y) = (at % width, at / width);
        match y < height / 2 {
            true if number >> (x / COLUMN) & 1 == 1 => 235,
            true => 16,
            false => 60 + ((x as u64 + 2 * number) % 128) as u8,
        }
    });
    luma.chain(std::iter::repeat_n(128, width * height / 2))
        .collect()
}

/// The number that a decoded grey frame shows.
fn number_of(frame: &[u8]) -> u64 {
    let (width, height) = SIZE;
    let is_set = |bit: &usize| frame[height / 4 * width + bit * COLUMN + COLUMN / 2] > 128;
    (0..BITS).filter(is_set).map(|bit| 1 << bit).sum()
}

/// Packages so many numbered frames. The preset has frames decoded ahead.
fn numbered(settings: &str, rate: (i32, i32), frames: u64) -> Package {
    let settings = format!("preset=veryfast {settings}");
    let (folder, pipeline, source) = with_appsrc(&settings);
    let (width, height) = (SIZE.0 as u32, SIZE.1 as u32);
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, width, height)
        .fps(gst::Fraction::from(rate))
        .build()
        .expect("valid");
    source.set_caps(Some(&info.to_caps().expect("valid")));
    let second = gst::ClockTime::SECOND.nseconds();
    for number in 0..frames {
        let mut buffer = gst::Buffer::from_mut_slice(numbered_frame(number));
        let start = |number: u64| {
            let nanos = number.mul_div_round(second * rate.1 as u64, rate.0 as u64);
            gst::ClockTime::from_nseconds(nanos.expect("in range"))
        };
        let times = buffer.get_mut().expect("new");
        times.set_pts(start(number));
        times.set_duration(start(number + 1) - start(number));
        source.push_buffer(buffer).expect("taken");
    }
    source.end_of_stream().expect("taken");
    let ended = ended(&pipeline);
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let message = ended.package.expect("told of the package");
    Package { folder, message }
}

/// The lengths of a media playlist's segments, as FFmpeg adds them up: in microseconds, cut off.
fn lengths(playlist: &str) -> Vec<i64> {
    let lengths = playlist.lines().filter_map(|line| {
        let length = line.strip_prefix("#EXTINF:")?.split(',').next()?;
        Some((length.parse::<f64>().ok()? * 1e6) as i64)
    });
    lengths.collect()
}

/// FFmpeg's HLS demuxer goes to a segment, whose start is the sum of the lengths before it, and passes
/// over key frames that are decoded earlier.
fn is_decoded_from_its_start_on(package: &Package, playlist: &str) {
    let scale = probe(
        &package.path(playlist),
        &["-show_entries", "stream=time_base"],
    );
    let (_, scale) = scale[0][0].split_once('/').expect("a time base");
    let scale: i64 = scale.parse().expect("a number");
    let packets = package.packets(playlist, "pts,dts,flags");
    let packets: Vec<(i64, i64, bool)> = packets
        .iter()
        .map(|packet| {
            let ticks = |at: usize| packet[at].parse().expect("a time");
            (ticks(0), ticks(1), packet[2].starts_with('K'))
        })
        .collect();
    let mut start = 0;
    let lengths = lengths(&package.text(playlist));
    assert!(lengths.len() > 2, "{playlist}");
    for length in lengths {
        let first = packets
            .iter()
            .find(|&&(shown, _, is_key)| is_key && (shown * 1_000_000 / scale - start).abs() <= 1);
        let (shown, decoded, _) = first.expect("a key frame where a segment starts");
        assert_eq!(shown, decoded, "{playlist}");
        assert!(decoded * 1_000_000 / scale >= start, "{playlist}: {start}");
        start += length;
    }
    assert!(
        packets.iter().all(|(shown, decoded, _)| decoded <= shown),
        "{playlist}"
    );
    assert!(
        packets.is_sorted_by(|one, other| one.1 < other.1),
        "{playlist}"
    );
}

#[test]
fn every_segment_is_decoded_from_its_start_on() {
    for (codecs, rate, frames) in [
        ("h264", (15, 1), 230),
        ("h264", (30_000, 1001), 460),
        ("h264", (29, 1), 400),
        ("h264,h265", (15, 1), 230),
        ("h264,av1", (10, 1), 130),
    ] {
        let settings = format!("ladder=screen codecs={codecs} keyframe-times=3.31,5.1,7.05");
        let package = numbered(&settings, rate, frames);
        let video = package.manifest().video;
        assert!(video.len() >= 2, "{codecs}");
        for rendition in &video {
            is_decoded_from_its_start_on(&package, &rendition.media.playlist);
        }
        let files = package.files();
        let mut inits = files.iter().filter(|(name, _)| name.ends_with(".mp4"));
        assert!(
            inits.all(|(_, init)| !init.windows(4).any(|kind| kind == b"elst")),
            "readers disagree about edit lists"
        );
    }
}

/// The times at which this rendition's frames are shown, by the numbers that they show.
fn shown(path: &Path, stream: &str, rate: f64) -> Vec<f64> {
    let arguments = [
        "-map",
        stream,
        "-fps_mode",
        "passthrough",
        "-pix_fmt",
        "gray",
        "-f",
        "rawvideo",
    ];
    let frames = decoded(path, &arguments);
    let frames = frames.chunks_exact(SIZE.0 * SIZE.1);
    frames.map(|frame| number_of(frame) as f64 / rate).collect()
}

/// FFmpeg 5.1 seeks in no fragmented MP4 over HLS, not in its own either, but over DASH.
#[test]
fn a_seek_lands_on_the_frame_asked_for() {
    for rate in [(15, 1), (30_000, 1001)] {
        let package = numbered("ladder=screen keyframe-times=3.31,7.05", rate, 400);
        let rate = f64::from(rate.0) / f64::from(rate.1);
        let manifest = package.path("manifest.mpd");
        for (stream, playlist) in [("0:v:0", "video/96p"), ("0:v:1", "video/96p5")] {
            let all = shown(&manifest, stream, rate);
            assert_eq!(
                all,
                shown(
                    &package.path(&format!("{playlist}/playlist.m3u8")),
                    "0:v",
                    rate
                )
            );
            for time in [0.0, 1.5, 3.2, 3.33, 5.9, 6.0, 6.05, 7.9, 11.95, 12.05, 13.1] {
                let wanted = all.iter().find(|&&shown| shown > time - 1e-4);
                let output = Command::new("ffmpeg")
                    .args(["-v", "error", "-ss", &time.to_string(), "-i"])
                    .arg(&manifest)
                    .args(["-map", stream, "-frames:v", "1", "-pix_fmt", "gray"])
                    .args(["-f", "rawvideo", "-"])
                    .output()
                    .expect("ffmpeg is installed");
                assert_eq!(
                    output.stdout.len(),
                    SIZE.0 * SIZE.1,
                    "{playlist} at {time} s"
                );
                let found = number_of(&output.stdout) as f64 / rate;
                assert_eq!(Some(&found), wanted, "{playlist} at {time} s");
            }
        }
    }
}

/// Frames are shown when they should be, and segments follow each other, wherever key frames are.
#[test]
fn early_key_frames_move_no_other_frame() {
    for (rate, keys) in [
        ((30_000, 1001), "1.704,3.184,8.2"),
        ((30_000, 1001), "5.026,7.213,9.019,9.135"),
        ((15, 1), "0.591,0.994,2.175,3.931,5.349,8.623,11.8"),
        ((25, 1), "5.5,5.72,11.4,11.96"),
    ] {
        let settings = format!("ladder=screen keyframe-times={keys}");
        let package = numbered(&settings, rate, 390);
        let report = check::check(&package.files(), "master.m3u8");
        let broken: Vec<&str> = report
            .broken()
            .filter(|finding| finding.rule.number == "Apple 7.3")
            .map(|finding| &*finding.what)
            .collect();
        assert_eq!(broken, [""; 0], "{rate:?} {keys}");
        let playlist = "video/96p5/playlist.m3u8";
        let rate = f64::from(rate.0) / f64::from(rate.1);
        let numbers = shown(&package.path(playlist), "0:v", rate);
        let mut times: Vec<f64> = package
            .packets(playlist, "pts_time")
            .iter()
            .map(|packet| packet[0].parse().expect("a time"))
            .collect();
        times.sort_by(f64::total_cmp);
        assert_eq!(times.len(), numbers.len());
        for (time, number) in times.iter().zip(&numbers) {
            assert!(
                (time - number).abs() < 1e-3,
                "{keys}: {number} s is shown at {time} s"
            );
        }
    }
}
