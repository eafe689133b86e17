// SPDX-License-Identifier: MPL-2.0

//! Holes, late starts and variable rates keep their time.

use std::process::Command;

use gst::prelude::*;

use super::{audio, beeps, decoded, ended, flashes, package, probe, run, video};
use crate::catalogsink::feed::{push_frames, with_appsrc};
use crate::harness::init;

#[test]
fn sound_and_picture_stay_in_step() {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = folder.path().join("flash.mkv");
    for rate in [15, 30] {
        let flash = format!(
            "color=black:s=320x240:r={rate}:d=9,drawbox=color=white:t=fill:\
             enable='eq(mod(n,{}),{rate})'",
            rate * 2
        );
        let beep = "aevalsrc='if(between(mod(t,2),1,1.03),0.9*sin(2*PI*1000*t),0)':s=48000:d=9";
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-y", "-f", "lavfi", "-i", &flash])
            .args([
                "-f",
                "lavfi",
                "-i",
                beep,
                "-c:v",
                "libx264",
                "-c:a",
                "pcm_s16le",
            ])
            .arg(&source)
            .status()
            .expect("ffmpeg is installed");
        assert!(made.success());
        let package = package(
            "",
            &format!(
                "filesrc location={} ! matroskademux name=d \
                 d.video_0 ! queue ! avdec_h264 ! p.video \
                 d.audio_0 ! queue ! p.audio_0",
                source.display()
            ),
        );
        let master = package.path("master.m3u8");
        let (beeps, flashes) = (beeps(&master), flashes(&master, f64::from(rate)));
        assert_eq!(
            (beeps.len(), flashes.len()),
            (4, 4),
            "{beeps:?} {flashes:?}"
        );
        for (beep, flash) in beeps.iter().zip(&flashes) {
            assert!(
                (beep - flash).abs() < 0.005,
                "at {rate} fps: {beep} {flash}"
            );
            assert!((beep.rem_euclid(2.0) - 1.0).abs() < 0.005, "{beep}");
        }
    }
}

#[test]
fn the_rate_is_constant_and_at_most_30() {
    for (rate, expected, frames) in [("60/1", "30/1", 60), ("30000/1001", "30000/1001", 120)] {
        let package = package("", &video((160, 90), rate, 120));
        let playlist = package.path("video/90p/playlist.m3u8");
        let found = probe(&playlist, &["-show_entries", "stream=r_frame_rate"]);
        assert_eq!(found[0][0], expected);
        let packets = package.packets("video/90p/playlist.m3u8", "pts_time");
        assert!(
            packets.len().abs_diff(frames) <= 1,
            "{rate}: {}",
            packets.len()
        );
    }
}

#[test]
fn a_variable_rate_and_a_hole_become_constant() {
    let (folder, pipeline, source) = with_appsrc("");
    let size = (160, 90);
    let frames: Vec<_> = [0, 20, 110, 140, 400, 433, 5400, 5500, 6000]
        .map(|millis| (millis, size))
        .to_vec();
    push_frames(&source, &frames);
    let ended = ended(&pipeline);
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let playlist = folder.path().join("package/video/90p/playlist.m3u8");
    let found = probe(&playlist, &["-show_entries", "packet=pts_time"]);
    let mut times: Vec<f64> = found
        .iter()
        .map(|packet| packet[0].parse().expect("a number"))
        .collect();
    times.sort_by(f64::total_cmp);
    assert!((180..=182).contains(&times.len()), "{}", times.len());
    for (number, time) in times.iter().enumerate() {
        assert!(
            (time - number as f64 / 30.0).abs() < 1e-4,
            "{number}: {time}"
        );
    }
}

#[test]
fn another_size_in_the_middle_keeps_the_renditions() {
    let (folder, pipeline, source) = with_appsrc("ladder=90");
    let frames: Vec<_> = (0..60)
        .map(|frame| {
            let size = if frame < 30 { (320, 180) } else { (120, 160) };
            (frame * 33, size)
        })
        .collect();
    push_frames(&source, &frames);
    let ended = ended(&pipeline);
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let playlist = folder.path().join("package/video/90p/playlist.m3u8");
    let arguments = ["-pix_fmt", "gray", "-f", "rawvideo"];
    let bytes = decoded(&playlist, &arguments);
    let (width, height) = (160, 90);
    let frames: Vec<&[u8]> = bytes.chunks_exact(width * height).collect();
    let corner = |frame: &[u8]| frame[width * 45 + 4];
    let middle = |frame: &[u8]| frame[width * 45 + 80];
    let (first, last) = (frames[10], frames[frames.len() - 5]);
    assert!(corner(first) > 180 && middle(first) > 180);
    assert!(
        corner(last) < 40 && middle(last) > 180,
        "{} {}",
        corner(last),
        middle(last)
    );
}

#[test]
fn late_sound_and_holes_keep_their_time() {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let description = format!(
        "catalogsink name=p location={}/package {} \
         appsrc name=s format=time caps=audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1 ! p.audio_0",
        folder.path().display(),
        video((160, 90), "10/1", 60)
    );
    let pipeline = gst::parse::launch(&description).expect("parses");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let source = pipeline.by_name("s").expect("named");
    let source = source.downcast::<gst_app::AppSrc>().expect("an appsrc");
    // A beep of 100 ms at 0.8 s, and one at 4 s; nothing in between.
    for start in [800, 4000] {
        let samples: Vec<u8> = (0..4800)
            .flat_map(|at: i32| if at / 24 % 2 == 0 { 20000i16 } else { -20000 }.to_le_bytes())
            .collect();
        let mut buffer = gst::Buffer::from_mut_slice(samples);
        let time = buffer.get_mut().expect("new");
        time.set_pts(gst::ClockTime::from_mseconds(start));
        time.set_duration(gst::ClockTime::from_mseconds(100));
        source.push_buffer(buffer).expect("taken");
    }
    source.end_of_stream().expect("taken");
    let ended = ended(&pipeline);
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let found = beeps(&folder.path().join("package/audio/main/playlist.m3u8"));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        (found[0] - 0.8).abs() < 0.003 && (found[1] - 4.0).abs() < 0.003,
        "{found:?}"
    );
}

#[test]
fn the_shorter_stream_is_filled_up() {
    let package = package(
        "",
        &(video((160, 90), "10/1", 20) + &audio("audio_0", 9, 1)),
    );
    let frames = package.packets("video/90p/playlist.m3u8", "pts_time");
    assert_eq!(frames.len(), 90);
    let package = self::package(
        "",
        &(video((160, 90), "10/1", 90) + &audio("audio_0", 2, 1)),
    );
    let bytes = decoded(&package.path("audio/main/playlist.m3u8"), &["-f", "s16le"]);
    let seconds = bytes.len() as f64 / 2.0 / 48_000.0;
    assert!((seconds - 9.0).abs() < 0.03, "{seconds}");
}

#[test]
fn gains_level_the_sound_and_wrong_ones_are_one_error() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let line = |name: &str, gains: &str| {
        format!(
            "catalogsink name=catalog location={} audio_0::gains={gains} \
             audiotestsrc wave=sine freq=1000 volume=0.1 num-buffers=200 samplesperbuffer=1024 \
             ! audio/x-raw,rate=48000,channels=2 ! catalog.audio_0",
            folder.path().join(name).display()
        )
    };
    let ended = run(&line("level", "0:6,2:6,2.1:-6"));
    assert_eq!(ended.errors, 0);
    let playlist = folder.path().join("level/audio/main/playlist.m3u8");
    let loudness = |span: &str| {
        let filter = format!("atrim={span},volumedetect");
        let ended = Command::new("ffmpeg")
            .args(["-hide_banner", "-i"])
            .arg(&playlist)
            .args(["-af", &filter, "-f", "null", "-"])
            .output()
            .expect("ffmpeg is installed");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        let (_, rest) = said.split_once("mean_volume:").expect("measured");
        let number = rest.split_whitespace().next().expect("a number");
        number.parse::<f64>().expect("a number")
    };
    // A sine's root mean square lies 3 dB below its peak.
    assert!((loudness("0.2:1.8") + 17.0).abs() < 0.3);
    assert!((loudness("2.3:4") + 29.0).abs() < 0.3);
    let ended = run(&line("wrong", "1:loud"));
    let (_, error) = ended.error.expect("an error");
    assert!(error.to_string().contains("1:loud"), "{error}");
    assert_eq!(ended.errors, 1);
}
