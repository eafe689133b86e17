// SPDX-License-Identifier: MPL-2.0

//! A live room: it may be empty, and nobody waits for anybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gst::prelude::*;

use super::{BLACK, Frame, GREEN, RED, Show};
use crate::harness::init;

/// How many frames to wait for a change: a minute, since a busy machine delivers live frames too late.
const LONGEST: usize = 1800;

/// Makes a live room. `live` can only be given when it is made.
fn live() -> (Show, gst_app::AppSink) {
    init();
    let room = gst::ElementFactory::make("roomcompositor")
        .name("room")
        .property("live", true)
        .build()
        .expect("a room");
    let sink = gst_app::AppSink::builder().sync(false).build();
    let pipeline = gst::Pipeline::new();
    pipeline
        .add_many([&room, sink.upcast_ref()])
        .expect("added");
    room.link_pads(Some("video_src"), &sink, None)
        .expect("linked");
    (Show { pipeline, room }, sink)
}

fn join(show: &Show, color: u32) -> (gst::Element, gst::Pad) {
    let line = format!(
        "videotestsrc is-live=true do-timestamp=true pattern=solid-color foreground-color={color} \
         ! video/x-raw,format=I420,width=640,height=360,framerate=15/1,colorimetry=bt601 ! queue"
    );
    let source = gst::parse::bin_from_description(&line, true).expect("a source");
    // A pipeline that is still on its way to PLAYING would start it before it is linked.
    source.set_locked_state(true);
    show.pipeline.add(&source).expect("added");
    let sink = show.room.request_pad_simple("video_%u").expect("a pad");
    let pad = source.static_pad("src").expect("a pad");
    pad.link(&sink).expect("linked");
    source.set_locked_state(false);
    source.sync_state_with_parent().expect("it plays");
    (source.upcast(), sink)
}

/// Waits for a frame with this color at this place.
fn wait_for(sink: &gst_app::AppSink, (x, y): (usize, usize), color: super::Color) -> bool {
    (0..LONGEST).any(|_| {
        let sample = sink.pull_sample().expect("a frame");
        Frame::new(&sample).is(x, y, color)
    })
}

#[test]
fn an_empty_room_is_black_and_late_joiners_are_seen() {
    let (show, sink) = live();
    show.pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    assert!(wait_for(&sink, (640, 360), BLACK));
    let (first, pad) = join(&show, 0xFFFF_0000);
    assert!(wait_for(&sink, (640, 360), RED));
    let (_second, _pad) = join(&show, 0xFF00_FF00);
    assert!(wait_for(&sink, (1200, 360), GREEN));
    assert!(wait_for(&sink, (100, 360), RED));
    first.set_state(gst::State::Null).expect("it stops");
    show.pipeline.remove(&first).expect("removed");
    show.room.release_request_pad(&pad);
    assert!(wait_for(&sink, (100, 360), GREEN));
}

#[test]
fn muting_a_live_camera_shows_its_avatar_at_once() {
    let (show, sink) = live();
    show.pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    let (_source, pad) = join(&show, 0xFFFF_0000);
    assert!(wait_for(&sink, (20, 20), RED));
    pad.set_property("muted", true);
    let is_avatar = (0..LONGEST).any(|_| {
        let frame = Frame::new(&sink.pull_sample().expect("a frame"));
        !frame.is(20, 20, RED) && !frame.is(20, 20, BLACK)
    });
    assert!(is_avatar);
    pad.set_property("muted", false);
    assert!(wait_for(&sink, (20, 20), RED));
}

/// A pad without data made the compositor forget the clock.
#[test]
fn somebody_silent_does_not_make_the_room_run_ahead() {
    let (show, sink) = live();
    show.pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    assert!(wait_for(&sink, (640, 360), BLACK));
    let _pad = show.room.request_pad_simple("video_%u").expect("a pad");
    for _ in 0..60 {
        let sample = sink.pull_sample().expect("a frame");
        let time = sample.buffer().and_then(|buffer| buffer.pts());
        let now = show.pipeline.current_running_time();
        let early = now.map(|now| now + gst::ClockTime::from_mseconds(100));
        assert!(time <= early, "{time:?} is composed at {now:?}");
    }
}

#[test]
fn an_end_that_is_sent_to_the_pipeline_ends_the_room() {
    let (show, sink) = live();
    show.pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    let (_source, _pad) = join(&show, 0xFFFF_0000);
    assert!(wait_for(&sink, (640, 360), RED));
    assert!(show.pipeline.send_event(gst::event::Eos::new()));
    assert!((0..LONGEST).any(|_| sink.pull_sample().is_err() && sink.is_eos()));
}

/// A source that negotiates while the elements behind the pad change found no common caps, and ended.
#[test]
fn what_changes_behind_a_pad_does_not_reach_its_source() {
    let (show, sink) = live();
    show.pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    let (source, pad) = join(&show, 0xFFFF_0000);
    assert!(wait_for(&sink, (20, 20), RED));
    let reconfigured = Arc::new(AtomicUsize::new(0));
    let counter = reconfigured.clone();
    let source_pad = source.static_pad("src").expect("a pad");
    source_pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
        if info.event().map(|event| event.type_()) == Some(gst::EventType::Reconfigure) {
            counter.fetch_add(1, Ordering::SeqCst);
        }
        gst::PadProbeReturn::Ok
    });
    pad.set_property("muted", true);
    assert!(
        (0..LONGEST)
            .any(|_| { !Frame::new(&sink.pull_sample().expect("a frame")).is(20, 20, RED) })
    );
    pad.set_property("muted", false);
    assert!(wait_for(&sink, (20, 20), RED));
    assert_eq!(reconfigured.load(Ordering::SeqCst), 0);
    let taken = pad.query_caps(None);
    let small = gst::Caps::builder("video/x-raw")
        .field("format", "NV12")
        .field("width", 2)
        .field("height", 2);
    assert!(taken.can_intersect(&small.build()), "{taken}");
}
