// SPDX-License-Identifier: MPL-2.0

//! Flushes, and streams that follow one another.

use gst::prelude::*;
use gst_check::Harness;

use super::{FPS, HEIGHT, WIDTH, caps, show, structures, time, until_eos, video};
use crate::harness::init;

#[test]
fn a_flush_forgets_what_was_seen() {
    let (mut harness, bus) = video("chapter_src");
    show(&mut harness, 0, 30 * FPS, 10 * FPS);
    let seqnum = gst::Seqnum::next();
    let flush = gst::event::FlushStart::builder().seqnum(seqnum).build();
    assert!(harness.push_event(flush));
    let flush = gst::event::FlushStop::builder(true).seqnum(seqnum).build();
    assert!(harness.push_event(flush));
    let _ = structures(&bus, "");
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(harness.push_event(gst::event::Segment::new(&segment)));
    show(&mut harness, 0, 40 * FPS, 25 * FPS);
    assert!(harness.push_event(gst::event::Eos::new()));
    let (events, buffers) = until_eos(&mut harness);
    assert!(
        events
            .iter()
            .any(|event| event.type_() == gst::EventType::FlushStop)
    );
    assert!(!buffers.is_empty());
    let slides = structures(&bus, "chapterdetect-slide");
    let slides: Vec<u64> = slides.iter().map(|slide| time(slide, "time")).collect();
    assert_eq!(slides, [25_000_000_000]);
}

/// A seek of a pipeline comes up from one sink after the other.
#[test]
fn a_flush_that_comes_pad_by_pad_is_one() {
    let (mut video, bus) = video("chapter_src");
    let element = video.element().expect("the element");
    let mut text = Harness::with_element(&element, Some("text_sink"), None);
    text.set_src_caps_str("text/x-raw,format=utf8");
    show(&mut video, 0, 10 * FPS, 99 * FPS);
    let seqnum = gst::Seqnum::next();
    let flush = |harness: &mut Harness| {
        let start = gst::event::FlushStart::builder().seqnum(seqnum).build();
        assert!(harness.push_event(start));
        let stop = gst::event::FlushStop::builder(true).seqnum(seqnum).build();
        assert!(harness.push_event(stop));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        assert!(harness.push_event(gst::event::Segment::new(&segment)));
    };
    flush(&mut video);
    show(&mut video, 0, 10 * FPS, 25 * FPS);
    flush(&mut text);
    show(&mut video, 10 * FPS, 40 * FPS, 25 * FPS);
    assert!(video.push_event(gst::event::Eos::new()));
    assert!(text.push_event(gst::event::Eos::new()));
    let (events, _) = until_eos(&mut video);
    let stops = events
        .iter()
        .filter(|event| event.type_() == gst::EventType::FlushStop);
    assert_eq!(stops.count(), 1);
    let slides = structures(&bus, "chapterdetect-slide");
    let slides: Vec<u64> = slides.iter().map(|slide| time(slide, "time")).collect();
    assert_eq!(slides, [25_000_000_000]);
}

#[test]
fn a_flush_ends_whatever_its_seqnum() {
    let (mut harness, _bus) = video("chapter_src");
    show(&mut harness, 0, 10 * FPS, 99 * FPS);
    assert!(harness.push_event(gst::event::FlushStart::new()));
    assert!(harness.push_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(harness.push_event(gst::event::Segment::new(&segment)));
    show(&mut harness, 0, 40 * FPS, 25 * FPS);
    assert!(harness.push_event(gst::event::Eos::new()));
    let (_, buffers) = until_eos(&mut harness);
    assert!(!buffers.is_empty());
}

#[test]
fn a_flush_at_the_start_keeps_the_caps() {
    init();
    let element = gst::ElementFactory::make("chapterdetect")
        .build()
        .expect("the element is made");
    let mut harness = Harness::with_element(&element, Some("video_sink"), Some("chapter_src"));
    let (told, blocked) = std::sync::mpsc::channel();
    let pad = element.static_pad("chapter_src").expect("a pad");
    let mask = gst::PadProbeType::BLOCK | gst::PadProbeType::EVENT_DOWNSTREAM;
    let probe = pad.add_probe(mask, move |_, _| {
        // Only the first one is waited for.
        let _ = told.send(());
        gst::PadProbeReturn::Ok
    });
    harness.play();
    harness.set_src_caps(caps(WIDTH, HEIGHT));
    blocked.recv().expect("the first event");
    assert!(harness.push_event(gst::event::FlushStart::new()));
    pad.remove_probe(probe.expect("a probe"));
    assert!(harness.push_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(harness.push_event(gst::event::Segment::new(&segment)));
    show(&mut harness, 0, 10 * FPS, 99 * FPS);
    assert!(harness.push_event(gst::event::Eos::new()));
    let (events, _) = until_eos(&mut harness);
    let kinds: Vec<gst::EventType> = events.iter().map(|event| event.type_()).collect();
    let wanted = [
        gst::EventType::StreamStart,
        gst::EventType::Caps,
        gst::EventType::Segment,
    ];
    let found: Vec<_> = kinds.iter().filter(|kind| wanted.contains(kind)).collect();
    assert_eq!(found, wanted.iter().collect::<Vec<_>>(), "{kinds:?}");
    let seqnum = |kind| {
        let event = events.iter().find(|event| event.type_() == kind);
        event.expect("an event").seqnum()
    };
    assert_eq!(seqnum(gst::EventType::Gap), seqnum(gst::EventType::Segment));
}

#[test]
fn another_stream_after_eos_has_chapters_of_its_own() {
    let (mut harness, bus) = video("chapter_src");
    show(&mut harness, 0, 30 * FPS, 10 * FPS);
    assert!(harness.push_event(gst::event::Eos::new()));
    until_eos(&mut harness);
    let _ = structures(&bus, "");
    assert!(harness.push_event(gst::event::StreamStart::new("another")));
    assert!(harness.push_event(gst::event::Caps::new(&caps(WIDTH, HEIGHT))));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(harness.push_event(gst::event::Segment::new(&segment)));
    show(&mut harness, 0, 40 * FPS, 25 * FPS);
    assert!(harness.push_event(gst::event::Eos::new()));
    // A pad that says nothing would be waited for without end.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let mut kinds = Vec::new();
    while kinds.last() != Some(&gst::EventType::Eos) {
        assert!(std::time::Instant::now() < deadline, "{kinds:?}");
        match harness.try_pull_event() {
            Some(event) => kinds.push(event.type_()),
            None => std::thread::sleep(std::time::Duration::from_millis(10)),
        }
    }
    assert!(kinds.contains(&gst::EventType::StreamStart), "{kinds:?}");
    assert!(kinds.contains(&gst::EventType::Gap), "{kinds:?}");
    assert!(harness.try_pull().is_some());
    let slides = structures(&bus, "chapterdetect-slide");
    let slides: Vec<u64> = slides.iter().map(|slide| time(slide, "time")).collect();
    assert_eq!(slides, [25_000_000_000]);
}
