// SPDX-License-Identifier: MPL-2.0

//! Properties, pads and use after READY.

use gst::prelude::*;

use super::{AUDIO, block, collect, cut_list, harness, pipeline, run, try_run};
use crate::harness::init;

#[test]
fn a_cut_list_to_apply_is_refused_where_cuts_are_looked_for() {
    let folder = tempfile::tempdir().expect("folder");
    let p = pipeline(&format!(
        "audiotestsrc num-buffers=5 ! silencetrim mode=detect cuts-location={} ! fakesink",
        cut_list(folder.path(), &[(0, 1000)])
    ));
    let error = try_run(&p).expect_err("refused");
    assert!(error.contains("mode=detect looks for cuts"), "{error}");
}

#[test]
fn a_malformed_cut_list_is_one_clear_error() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("trim.vtt");
    std::fs::write(&path, "WEBVTT\n\n00:01.000 --> 00:02.000\nremove\n").expect("file");
    let p = pipeline(&format!(
        "audiotestsrc num-buffers=5 ! silencetrim cuts-location={} ! fakesink",
        path.display()
    ));
    let error = try_run(&p).expect_err("refused");
    assert!(error.contains("trim.vtt: line 3: "), "{error}");
}

#[test]
fn it_is_reusable_after_ready() {
    let p = pipeline(
        "audiotestsrc num-buffers=50 ! audio/x-raw,rate=16000 ! silencetrim mode=detect ! fakesink name=a async=false",
    );
    let got = collect(&p, "a");
    for round in 1..=2 {
        let (messages, _) = run(&p);
        assert_eq!(got.lock().expect("lock").len(), 50 * round);
        assert!(messages.iter().any(|m| m.name() == "silencetrim-summary"));
    }
}

#[test]
fn a_second_stream_after_eos_is_a_new_session() {
    let mut h = harness("mode=detect");
    for _ in 0..2 {
        h.push_event(gst::event::StreamStart::new("again"));
        h.set_src_caps_str(AUDIO);
        h.push_event(gst::event::Segment::new(&gst::FormattedSegment::<
            gst::ClockTime,
        >::new()));
        h.push(block(0)).expect("push");
        h.push_event(gst::event::Eos::new());
        while h.pull_event().expect("event").type_() != gst::EventType::Eos {}
        assert!(h.pull().is_ok());
    }
}

#[test]
fn a_requested_number_is_honoured() {
    init();
    let element = gst::ElementFactory::make("silencetrim")
        .build()
        .expect("element");
    let pad = element.request_pad_simple("sink_7").expect("pad");
    assert_eq!(pad.name(), "sink_7");
    assert!(element.static_pad("src_7").is_some());
    element.release_request_pad(&pad);
    assert!(element.static_pad("src_7").is_none());
}
