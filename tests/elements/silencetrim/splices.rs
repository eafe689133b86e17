// SPDX-License-Identifier: MPL-2.0

//! Streams stay in step at every splice.

use std::sync::{Arc, Mutex};

use gst::prelude::*;

use super::{
    SECOND, SOURCES, beeps, collect, count_segments, cut_list, feed, ffmpeg, flash_and_beep,
    flashes, harness, pipeline, push_all, run,
};
use crate::harness::init;

#[test]
fn raw_streams_stay_in_step_at_every_splice() {
    let folder = tempfile::tempdir().expect("folder");
    // The cuts lie off the grid of frames, blocks and samples.
    let kept = [(1_513, 3_377), (4_901, 5_349), (7_777, 11_111)];
    let cuts = cut_list(folder.path(), &kept);
    let p = pipeline(&format!(
        "{SOURCES} silencetrim name=trim cuts-location={cuts} \
         frames. ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! trim.sink_0 trim.src_0 ! fakesink name=v async=false \
         blocks. ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! trim.sink_1 trim.src_1 ! fakesink name=a async=false"
    ));
    let (video, audio) = (collect(&p, "v"), collect(&p, "a"));
    let segments = count_segments(&p, "a");
    feed(&p, 13);
    run(&p);
    // Seconds 2, 3, 5, 8, 9, 10, 11 are kept; every one of them at its place.
    let place = |ms: u64| {
        let mut before = 0;
        for (start, end) in kept {
            if ms < end {
                return (before + ms - start) * 1_000_000;
            }
            before += end - start;
        }
        unreachable!()
    };
    let expected: Vec<u64> = [2, 3, 5, 8, 9, 10, 11]
        .iter()
        .map(|s| place(s * 1000))
        .collect();
    assert_eq!(flashes(&video), expected);
    let beeps = beeps(&audio);
    assert_eq!(beeps.len(), expected.len());
    for (beep, expected) in beeps.iter().zip(&expected) {
        assert!(
            beep.abs_diff(*expected) <= SECOND / 48_000 + 2,
            "{beep} {expected}"
        );
    }
    // Neither gap nor overlap of more than a sample, and the whole length is there.
    let audio = audio.lock().expect("lock");
    for pair in audio.windows(2) {
        let (end, next) = (pair[0].0 + pair[0].1, pair[1].0);
        assert!(end.abs_diff(next) <= SECOND / 48_000 + 2, "{end} {next}");
    }
    let total: u64 = kept.iter().map(|(a, b)| b - a).sum::<u64>() * 1_000_000;
    let end = audio.last().map(|last| last.0 + last.1).expect("audio");
    assert!(end.abs_diff(total) <= SECOND / 48_000 + 2, "{end} {total}");
    assert_eq!(segments.lock().expect("lock").len(), 1);
    let splices = audio.iter().filter(|block| block.3).count();
    assert!((2..=3).contains(&splices), "{splices}");
}

#[test]
fn encoded_streams_grow_to_key_frames_and_stay_in_step() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("flash.mkv");
    let p = pipeline(&format!(
        "{SOURCES} matroskamux name=mux ! filesink location={} \
         frames. ! videoconvert ! x264enc bframes=3 b-adapt=false key-int-max=20 speed-preset=ultrafast option-string=open-gop=0:scenecut=0 ! h264parse ! queue ! mux. \
         blocks. ! audioconvert ! audioresample ! opusenc ! queue ! mux.",
        file.display()
    ));
    feed(&p, 20);
    run(&p);
    let cuts = cut_list(folder.path(), &[(3_300, 6_100), (11_900, 15_100)]);
    for (muxer, name) in [
        ("matroskamux", "out.mkv"),
        // Matroska holds no decoding times, MP4 wants them.
        ("mp4mux", "out.mp4"),
    ] {
        let out = folder.path().join(name);
        let p = pipeline(&format!(
            "silencetrim name=trim cuts-location={cuts} {muxer} name=mux ! filesink location={} \
             filesrc location={} ! parsebin name=source \
             source. ! queue ! capsfilter caps=video/x-h264 ! trim.sink_0 trim.src_0 ! h264parse ! h264timestamper ! queue ! mux. \
             source. ! queue ! capsfilter caps=audio/x-opus ! trim.sink_1 trim.src_1 ! queue ! mux.",
            out.display(),
            file.display()
        ));
        let (messages, _) = run(&p);
        let summary = messages
            .iter()
            .find(|m| m.name() == "silencetrim-summary")
            .expect("summary");
        // 0.8 s GOPs: 3.2 to 6.4 and 11.2 to 15.2.
        let kept: u64 = summary.get("kept").expect("kept");
        assert!(kept.abs_diff(7200 * 1_000_000) < SECOND / 20, "{kept}");
        let p = pipeline(&format!(
            "filesrc location={} ! decodebin name=source \
             source. ! queue ! videoconvert ! video/x-raw,format=GRAY8 ! fakesink name=v async=false sync=false \
             source. ! queue ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! fakesink name=a async=false sync=false",
            out.display()
        ));
        let (video, audio) = (collect(&p, "v"), collect(&p, "a"));
        run(&p);
        let (flashes, beeps) = (flashes(&video), beeps(&audio));
        assert_eq!(flashes.len(), 3 + 4, "{name} {flashes:?}");
        assert_eq!(beeps.len(), flashes.len(), "{name} {beeps:?}");
        for (flash, beep) in flashes.iter().zip(&beeps) {
            assert!(
                flash.abs_diff(*beep) < SECOND / 25,
                "{name}: {flash} {beep}"
            );
        }
        let frames = video.lock().expect("lock").len();
        assert_eq!(frames, 180, "{name}");
    }
}

#[test]
fn streams_with_holes_stay_in_step() {
    let folder = tempfile::tempdir().expect("folder");
    let kept = [(1_200, 6_400), (7_720, 12_560)];
    let list = cut_list(folder.path(), &kept);
    // Nothing of a stream comes in these spans, in ms.
    for (what, video, audio) in [
        ("sound starts 800 ms late", 0..0, 0..800),
        ("sound starts 10 s late", 0..0, 0..10_000),
        ("a hole in the sound", 0..0, 2_900..5_940),
        ("a hole in the pictures", 3_040..5_960, 0..0),
    ] {
        let p = pipeline(&format!(
            "{SOURCES} silencetrim name=trim cuts-location={list} \
             frames. ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! trim.sink_0 trim.src_0 ! fakesink name=v async=false sync=false \
             blocks. ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! trim.sink_1 trim.src_1 ! fakesink name=a async=false sync=false"
        ));
        let (frames, blocks) = (collect(&p, "v"), collect(&p, "a"));
        let outside = |hole: &std::ops::Range<u64>| {
            let hole = hole.clone();
            move |buffer: &gst::Buffer| !hole.contains(&buffer.pts().expect("pts").mseconds())
        };
        let (mut all_frames, mut all_blocks) = flash_and_beep(13);
        all_frames.retain(outside(&video));
        all_blocks.retain(outside(&audio));
        p.set_state(gst::State::Paused).expect("paused");
        push_all(&p, all_frames, all_blocks);
        run(&p);
        let place = |hole: &std::ops::Range<u64>| -> Vec<u64> {
            (0..13)
                .map(|second| second * 1000)
                .filter(|ms| !hole.contains(ms))
                .filter_map(|ms| {
                    let (start, end) = kept[0];
                    let (start2, end2) = kept[1];
                    match ms {
                        ms if (start..end).contains(&ms) => Some(ms - start),
                        ms if (start2..end2).contains(&ms) => Some(end - start + ms - start2),
                        _ => None,
                    }
                })
                .map(|ms| ms * 1_000_000)
                .collect()
        };
        assert_eq!(flashes(&frames), place(&video), "{what}");
        let (beeps, expected) = (beeps(&blocks), place(&audio));
        assert_eq!(beeps.len(), expected.len(), "{what}: {beeps:?}");
        for (beep, expected) in beeps.iter().zip(&expected) {
            assert!(
                beep.abs_diff(*expected) <= SECOND / 48_000 + 2,
                "{what}: {beep} {expected}"
            );
        }
    }
}

#[test]
fn ffmpeg_finds_each_beep_at_the_sample_where_its_flash_begins() {
    let folder = tempfile::tempdir().expect("folder");
    let list = cut_list(
        folder.path(),
        &[(1_513, 3_377), (4_901, 5_349), (7_777, 11_111)],
    );
    let (seen, heard) = (folder.path().join("v.mkv"), folder.path().join("a.wav"));
    let p = pipeline(&format!(
        "{SOURCES} silencetrim name=trim cuts-location={list} frame-rate=25/1 \
         frames. ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! trim.sink_0 trim.src_0 \
         ! videoconvert ! x264enc qp-max=10 speed-preset=ultrafast ! matroskamux ! filesink location={} \
         blocks. ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! trim.sink_1 trim.src_1 \
         ! wavenc ! filesink location={}",
        seen.display(),
        heard.display()
    ));
    feed(&p, 13);
    run(&p);
    let frames = ffmpeg(&seen, &["-vf", "scale=1:1,format=gray", "-f", "rawvideo"]);
    let samples = ffmpeg(&heard, &["-f", "s16le"]);
    let flashes: Vec<usize> = (0..frames.len()).filter(|&at| frames[at] > 120).collect();
    let mut beeps: Vec<usize> = Vec::new();
    for (at, sample) in samples.chunks_exact(2).enumerate() {
        let loud = i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > 4000;
        if loud && beeps.last().is_none_or(|last| at > last + 9_600) {
            beeps.push(at);
        }
    }
    assert_eq!(flashes.len(), 7, "{flashes:?}");
    let expected: Vec<usize> = flashes.iter().map(|frame| frame * 48_000 / 25).collect();
    for (beep, expected) in beeps.iter().zip(&expected) {
        assert!(beep.abs_diff(*expected) <= 1, "{beeps:?} {expected:?}");
    }
    assert_eq!(beeps.len(), expected.len());
    assert_eq!(samples.len() / 2, frames.len() * 48_000 / 25);
}

#[test]
fn words_with_times_are_moved_and_cut() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(2000, 4000), (6000, 9000)]);
    let file = folder.path().join("words.vtt");
    std::fs::write(
        &file,
        "WEBVTT\n\nname\n00:03.000 --> 00:08.000 align:start\n<v Ada>One <00:03.500>two <00:04.200>three <00:05.800>four\n",
    )
    .expect("cues");
    let p = pipeline(&format!(
        "filesrc location={} ! webvttparse ! silencetrim cuts-location={cuts} ! fakesink name=t async=false sync=false",
        file.display()
    ));
    let got = collect(&p, "t");
    let texts = Arc::new(Mutex::new(Vec::new()));
    let copy = Arc::clone(&texts);
    p.by_name("t")
        .and_then(|sink| sink.static_pad("sink"))
        .expect("sink")
        .add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let buffer = info.buffer().expect("a buffer");
            let meta = gst::meta::CustomMeta::from_buffer(buffer, "LectureCueMeta").expect("meta");
            let field = |name| meta.structure().get::<String>(name).expect("a field");
            copy.lock()
                .expect("lock")
                .push((field("id"), field("settings"), field("text")));
            gst::PadProbeReturn::Ok
        });
    run(&p);
    let got = got.lock().expect("lock");
    let plain: Vec<_> = got
        .iter()
        .map(|cue| {
            let text = String::from_utf8_lossy(&cue.2).into_owned();
            (cue.0 / 1_000_000, cue.1 / 1_000_000, text)
        })
        .collect();
    assert_eq!(plain, [(1000, 3000, "One two four".to_owned())]);
    let written = "<v Ada>One <00:00:01.500>two <00:00:02.000>four";
    assert_eq!(
        *texts.lock().expect("lock"),
        [(
            "name".to_owned(),
            "align:start".to_owned(),
            written.to_owned()
        )]
    );
}

#[test]
fn sound_in_planes_and_many_channels_is_cut_to_the_sample() {
    use gst_audio::{AudioBufferRef, AudioInfo, AudioLayout, AudioMeta};
    init();
    let folder = tempfile::tempdir().expect("folder");
    let list = cut_list(folder.path(), &[(151, 399), (550, 800)]);
    for (channels, layout) in [
        (1, AudioLayout::NonInterleaved),
        (2, AudioLayout::NonInterleaved),
        (6, AudioLayout::NonInterleaved),
        (6, AudioLayout::Interleaved),
    ] {
        let info = AudioInfo::builder(gst_audio::AUDIO_FORMAT_F32, 48_000, channels)
            .layout(layout)
            .build()
            .expect("info");
        // Says which sample of which channel it is.
        let value = |sample: usize, channel: usize| sample as f32 / 65_536.0 + channel as f32;
        let mut h = harness(&format!("cuts-location={list}"));
        let trim = h.element().expect("element");
        h.set_src_caps(info.to_caps().expect("caps"));
        for block in 0..10 {
            let mut bytes = Vec::new();
            let mut put = |at: usize, channel: usize| {
                bytes.extend(value(block * 4800 + at, channel).to_ne_bytes());
            };
            if layout == AudioLayout::Interleaved {
                (0..4800).for_each(|at| (0..channels as usize).for_each(|c| put(at, c)));
            } else {
                (0..channels as usize).for_each(|c| (0..4800).for_each(|at| put(at, c)));
            }
            let mut buffer = gst::Buffer::from_mut_slice(bytes);
            let plain = buffer.make_mut();
            plain.set_pts(gst::ClockTime::from_mseconds(block as u64 * 100));
            if layout == AudioLayout::NonInterleaved {
                AudioMeta::add(plain, &info, 4800, &[]).expect("planes");
            }
            h.push(buffer).expect("push");
        }
        h.push_event(gst::event::Eos::new());
        while h.pull_event().expect("event").type_() != gst::EventType::Eos {}
        drop(trim);
        let mut found = vec![Vec::new(); channels as usize];
        while let Some(buffer) = h.try_pull() {
            let audio = AudioBufferRef::from_buffer_ref_readable(&buffer, &info).expect("audio");
            let planes = if layout == AudioLayout::Interleaved {
                1
            } else {
                channels
            };
            for plane in 0..planes {
                let bytes = audio.plane_data(plane).expect("a plane");
                for (at, sample) in bytes.chunks_exact(4).enumerate() {
                    let sample = f32::from_ne_bytes(sample.try_into().expect("four bytes"));
                    let channel = match layout {
                        AudioLayout::Interleaved => at % channels as usize,
                        _ => plane as usize,
                    };
                    found[channel].push(sample);
                }
            }
        }
        let kept: Vec<usize> = (151 * 48..399 * 48).chain(550 * 48..800 * 48).collect();
        // 5 ms at each side of a splice fade.
        let fades = |at: usize| {
            [151, 399, 550, 800]
                .iter()
                .any(|edge: &usize| at.abs_diff(edge * 48) <= 240)
        };
        for (channel, found) in found.iter().enumerate() {
            assert_eq!(found.len(), kept.len(), "{channels} {layout:?}");
            for (found, at) in found.iter().zip(&kept).filter(|(_, at)| !fades(**at)) {
                let expected = value(*at, channel);
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{channels} {layout:?} {at}"
                );
            }
        }
    }
}
