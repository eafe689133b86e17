// SPDX-License-Identifier: MPL-2.0

//! Pads that wait for one another, and how much is held meanwhile.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;

use super::{
    AUDIO, Got, begin, block, collect, cut_list, cuts, discovered, flash_and_beep, harness,
    pipeline, push_segment, run, sample, sources, trim_file, truth,
};

#[test]
fn unlinked_and_sparse_pads_are_not_waited_for() {
    let p = pipeline(&format!(
        "silencetrim name=trim mode=detect \
         filesrc location={} ! decodebin name=source \
         source. ! queue ! video/x-raw ! trim.sink_0 trim.src_0 ! fakesink name=v async=false sync=false \
         source. ! queue ! audio/x-raw ! trim.sink_1 \
         appsrc name=text format=time caps=text/x-raw,format=utf8 ! trim.sink_2 trim.src_2 ! fakesink async=false sync=false",
        sample().display()
    ));
    let video = collect(&p, "v");
    let text = p.by_name("text").expect("text");
    let end = text.clone();
    p.by_name("v")
        .and_then(|v| v.static_pad("sink"))
        .expect("sink")
        .add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            // The text says nothing before the video has ended.
            if info
                .event()
                .is_some_and(|e| e.type_() == gst::EventType::Eos)
            {
                let flow = end.emit_by_name::<gst::FlowReturn>("end-of-stream", &[]);
                assert_eq!(flow, gst::FlowReturn::Ok);
            }
            gst::PadProbeReturn::Ok
        });
    run(&p);
    assert!(video.lock().expect("lock").len() > 100);
}

#[test]
fn a_dense_recording_behind_decodebin_passes_sinks_that_wait_for_each_other() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("dense.mkv");
    run(&pipeline(&format!(
        "matroskamux name=mux ! filesink location={} \
         videotestsrc pattern=snow num-buffers=300 ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc speed-preset=ultrafast bitrate=12000 key-int-max=250 ! h264parse ! queue ! mux. \
         audiotestsrc num-buffers=560 ! audio/x-raw,rate=48000 ! opusenc ! queue ! mux.",
        file.display()
    )));
    for mode in [
        "mode=detect".to_owned(),
        format!("cuts-location={}", cut_list(folder.path(), &[(2000, 9000)])),
    ] {
        // Sinks with preroll: each holds its branch until all have data.
        let p = pipeline(&format!(
            "silencetrim name=trim {mode} filesrc location={} ! decodebin name=source \
             source. ! video/x-raw ! queue ! trim.sink_0 trim.src_0 ! fakesink name=v sync=false \
             source. ! audio/x-raw ! queue ! trim.sink_1 trim.src_1 ! fakesink sync=false",
            file.display()
        ));
        let video = collect(&p, "v");
        run(&p);
        let frames = video.lock().expect("lock").len();
        assert_eq!(frames, if mode == "mode=detect" { 300 } else { 175 });
    }
}

#[test]
fn a_slow_sink_holds_the_source_back() {
    // The second sound is sent as it comes: none of it ever waits beside the picture.
    for sound in ["num-buffers=375", "num-buffers=80 is-live=true"] {
        let most = held_before_a_slow_sink(sound);
        // Four megabytes and what came before the sound had begun; all 200 frames are 276.
        assert!(most > 0 && most < 64 << 20, "{sound}: {most}");
    }
}

fn held_before_a_slow_sink(sound: &str) -> u64 {
    let folder = tempfile::tempdir().expect("folder");
    let p = pipeline(&format!(
        "silencetrim name=trim cuts-location={} \
         videotestsrc num-buffers=200 ! video/x-raw,width=1280,height=720,framerate=25/1 ! trim.sink_0 \
         trim.src_0 ! identity name=slow sleep-time=5000 ! fakesink async=false sync=false \
         audiotestsrc {sound} samplesperbuffer=1024 ! audio/x-raw,rate=48000 ! trim.sink_1 trim.src_1 ! fakesink async=false sync=false",
        cut_list(folder.path(), &[(0, 8000)])
    ));
    let trim = p.by_name("trim").expect("trim").downgrade();
    let most = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&most);
    p.by_name("slow")
        .and_then(|slow| slow.static_pad("sink"))
        .expect("sink")
        .add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            // A source that gets no processor is slower than the sink: the first frame is kept
            // back until others wait behind it.
            let deadline = Instant::now() + Duration::from_secs(60);
            while let Some(trim) = trim.upgrade() {
                let stats: gst::Structure = trim.property("stats");
                let held: u64 = stats.get("held-bytes").expect("held-bytes");
                let mut most = seen.lock().expect("lock");
                *most = held.max(*most);
                if *most > 0 || Instant::now() > deadline {
                    break;
                }
                drop(most);
                std::thread::sleep(Duration::from_millis(5));
            }
            gst::PadProbeReturn::Ok
        });
    run(&p);
    *most.lock().expect("lock")
}

#[test]
fn a_hold_that_grows_too_large_keeps_and_warns() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("out.mkv");
    let p = trim_file(&sample(), &out, "max-hold-time=8000000000");
    let (messages, warnings) = run(&p);
    assert!(!warnings.is_empty());
    assert!(
        cuts(&messages).iter().all(|cut| cut.0 > 0.0),
        "the start was given up"
    );
    assert!(discovered(&out) > truth()["class_end"].as_f64().expect("end"));
}

/// A muxer takes pictures no faster than sound, and one thread brings both.
#[test]
fn a_small_hold_does_not_stop_the_thread_that_feeds_all_pads() {
    let pipeline = pipeline(
        "silencetrim name=trim max-hold-bytes=4000 filesrc name=file ! matroskademux name=source \
         source.video_0 ! trim.sink_0 source.audio_0 ! opusdec ! trim.sink_1 \
         matroskamux name=mux ! fakesink name=sink \
         trim.src_0 ! h264parse ! mux. trim.src_1 ! audioconvert ! vorbisenc ! mux.",
    );
    let file = pipeline.by_name("file").expect("file");
    file.set_property("location", sample());
    let (structures, warnings) = run(&pipeline);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("max-hold-bytes"), "{warnings:?}");
    assert!(structures.iter().any(|s| s.name() == "silencetrim-summary"));
}

/// Sinks that preroll take nothing until both have something, and one thread brings the pictures of
/// five seconds before the sound.
#[test]
fn a_thread_that_feeds_two_pads_never_waits_for_itself() {
    for late in [false, true] {
        feed_two_pads(late);
    }
}

/// With the sound's stream begun at once or when its first block comes.
fn feed_two_pads(late: bool) {
    let folder = tempfile::tempdir().expect("folder");
    let p = pipeline(&format!(
        "silencetrim name=trim max-hold-bytes=20000 cuts-location={} \
         trim.src_0 ! fakesink name=v sync=false trim.src_1 ! fakesink name=a sync=false",
        cut_list(folder.path(), &[(1000, 19_000)])
    ));
    let (frames, sounds) = (collect(&p, "v"), collect(&p, "a"));
    let trim = p.by_name("trim").expect("trim");
    let pads = [
        (
            "sink_0",
            "video/x-raw,format=GRAY8,width=64,height=64,framerate=25/1",
        ),
        (
            "sink_1",
            "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1",
        ),
    ]
    .map(|(name, caps)| {
        let pad = gst::Pad::builder(gst::PadDirection::Src).build();
        pad.set_active(true).expect("active");
        let sink = trim.request_pad_simple(name).expect("a pad");
        pad.link(&sink).expect("linked");
        let caps = caps.parse::<gst::Caps>().expect("caps");
        (pad, name, caps)
    });
    let (video, audio) = flash_and_beep(20);
    p.set_state(gst::State::Paused).expect("paused");
    let feeder = std::thread::spawn(move || {
        let begin = |(pad, name, caps): &(gst::Pad, &str, gst::Caps)| {
            pad.push_event(gst::event::StreamStart::new(name));
            pad.push_event(gst::event::Caps::new(caps));
            push_segment(pad);
        };
        begin(&pads[0]);
        if !late {
            begin(&pads[1]);
        }
        let fifths = |buffers: Vec<gst::Buffer>| {
            let part = buffers.len() / 4;
            buffers.chunks(part).map(<[_]>::to_vec).collect::<Vec<_>>()
        };
        for parts in fifths(video).into_iter().zip(fifths(audio)) {
            for (source, part) in pads.iter().zip([parts.0, parts.1]) {
                if late
                    && source
                        .0
                        .sticky_event::<gst::event::StreamStart>(0)
                        .is_none()
                {
                    begin(source);
                }
                for buffer in part {
                    source.0.push(buffer).expect("taken");
                }
            }
        }
        for (pad, ..) in &pads {
            pad.push_event(gst::event::Eos::new());
        }
    });
    run(&p);
    feeder.join().expect("fed");
    assert_eq!(frames.lock().expect("lock").len(), 18 * 25);
    assert!(!sounds.lock().expect("lock").is_empty());
}

/// A seek flushes one pad after the other, and the first one goes on before the last is flushed.
#[test]
fn a_flush_of_all_pads_is_one_and_pictures_lead_behind_it() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(1200, 1700)]);
    let p = pipeline(&format!(
        "silencetrim name=trim cuts-location={cuts} \
         trim.src_0 ! fakesink name=v sync=false async=false \
         trim.src_1 ! fakesink name=a sync=false async=false"
    ));
    let (frames, blocks) = (collect(&p, "v"), collect(&p, "a"));
    let pads = sources(&p, &["sink_0", "sink_1"]);
    p.set_state(gst::State::Paused).expect("paused");
    begin(
        &pads[0],
        "video/x-h264,stream-format=byte-stream,alignment=au",
    );
    begin(&pads[1], AUDIO);
    let seqnum = gst::Seqnum::next();
    for pad in &pads {
        pad.push_event(gst::event::FlushStart::builder().seqnum(seqnum).build());
        pad.push_event(gst::event::FlushStop::builder(true).seqnum(seqnum).build());
        push_segment(pad);
        for index in 0..20 {
            let mut buffer = block(index * 100);
            if index % 5 != 0 {
                buffer.make_mut().set_flags(gst::BufferFlags::DELTA_UNIT);
            }
            pad.push(buffer).expect("taken");
        }
    }
    for pad in &pads {
        pad.push_event(gst::event::Eos::new());
    }
    run(&p);
    // From the key frame at 1.0 s to that at 2.0 s.
    assert_eq!(frames.lock().expect("lock").len(), 10);
    assert_eq!(blocks.lock().expect("lock").len(), 10);
}

#[test]
fn a_pad_that_is_released_is_not_waited_for() {
    let p = pipeline("silencetrim name=trim trim.src_0 ! fakesink name=a async=false sync=false");
    let got = collect(&p, "a");
    let pads = sources(&p, &["sink_0", "sink_1"]);
    p.set_state(gst::State::Paused).expect("paused");
    for pad in &pads {
        begin(pad, AUDIO);
    }
    pads[0].push(block(0)).expect("taken");
    pads[0].push_event(gst::event::Eos::new());
    let trim = p.by_name("trim").expect("trim");
    trim.release_request_pad(&trim.static_pad("sink_1").expect("pad"));
    run(&p);
    assert_eq!(got.lock().expect("lock").len(), 1);
}

#[test]
fn a_stream_that_has_started_is_waited_for_until_it_ends() {
    let p = pipeline("silencetrim name=trim trim.src_0 ! fakesink name=a async=false sync=false");
    let got = collect(&p, "a");
    let pads = sources(&p, &["sink_0", "sink_1"]);
    p.set_state(gst::State::Playing).expect("playing");
    begin(&pads[0], AUDIO);
    pads[0].push(block(0)).expect("taken");
    pads[0].push_event(gst::event::Eos::new());
    pads[1].push_event(gst::event::StreamStart::new("late"));
    // Longer than a link that waits for a decoder may take.
    std::thread::sleep(Duration::from_millis(6000));
    assert_eq!(got.lock().expect("lock").len(), 0);
    pads[1].push_event(gst::event::Eos::new());
    run(&p);
    assert_eq!(got.lock().expect("lock").len(), 1);
}

/// Whoever hears of an error may ask the element something at once.
#[test]
fn latency_is_what_may_be_held() {
    let upstream = gst::ClockTime::from_mseconds(20);
    let half_an_hour = gst::ClockTime::from_seconds(1800);
    for (settings, own) in [
        ("mode=detect", gst::ClockTime::ZERO),
        ("", half_an_hour),
        ("max-hold-time=7000000", gst::ClockTime::from_mseconds(7)),
    ] {
        let mut h = harness(settings);
        h.set_upstream_latency(upstream);
        h.set_src_caps_str(AUDIO);
        assert_eq!(h.query_latency(), Some(upstream + own), "{settings}");
    }
    let mut h = harness("max-hold-time=18446744073709551615");
    h.set_upstream_latency(upstream);
    h.set_src_caps_str(AUDIO);
    assert_eq!(
        h.query_latency(),
        Some(gst::ClockTime::from_nseconds(u64::MAX - 1))
    );
}

#[test]
fn a_live_stream_keeps_its_running_time() {
    let p = pipeline(
        "audiotestsrc is-live=true num-buffers=20 samplesperbuffer=960 ! audio/x-raw,rate=48000 \
         ! tee name=t t. ! queue ! silencetrim mode=detect ! fakesink name=a \
         t. ! queue ! fakesink name=source",
    );
    let (got, expected) = (collect(&p, "a"), collect(&p, "source"));
    run(&p);
    let times = |got: &Got| -> Vec<u64> {
        let got = got.lock().expect("lock");
        got.iter().map(|buffer| buffer.0).collect()
    };
    assert_eq!(times(&got), times(&expected));
    assert_eq!(times(&got).len(), 20);
}
