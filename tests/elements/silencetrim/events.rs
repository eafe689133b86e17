// SPDX-License-Identifier: MPL-2.0

//! Events, gaps and cues in the moved time.

use gst::prelude::*;

use super::{AUDIO, PICTURES, block, cut_list, harness, picture, redactions};
use crate::harness::init;

fn event_types(harness: &mut gst_check::Harness) -> Vec<gst::EventType> {
    let mut types = Vec::new();
    while let Some(event) = harness.try_pull_event() {
        types.push(event.type_());
    }
    types
}

#[test]
fn eos_without_data_passes() {
    let mut h = harness("");
    h.set_src_caps_str(AUDIO);
    assert!(h.push_event(gst::event::Eos::new()));
    let mut types = Vec::new();
    while types.last() != Some(&gst::EventType::Eos) {
        types.push(h.pull_event().expect("event").type_());
    }
    use gst::EventType::{Caps, Eos, Segment, StreamStart};
    assert_eq!(types, [StreamStart, Caps, Segment, Eos]);
}

#[test]
fn a_flush_forgets_and_the_stream_goes_on() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(200, 400)]);
    let mut h = harness(&format!("cuts-location={cuts}"));
    h.set_src_caps_str(AUDIO);
    for at in [0, 100, 200, 300] {
        h.push(block(at)).expect("push");
    }
    assert_eq!(h.pull().expect("first").pts(), Some(gst::ClockTime::ZERO));
    assert!(h.push_event(gst::event::FlushStart::new()));
    assert!(h.push_event(gst::event::FlushStop::builder(true).build()));
    while h.try_pull().is_some() {}
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(h.push_event(gst::event::Segment::new(&segment)));
    for at in [100, 200, 300, 400] {
        h.push(block(at)).expect("push");
    }
    h.push_event(gst::event::Eos::new());
    let first = h.pull().expect("after the flush");
    assert_eq!(first.pts(), Some(gst::ClockTime::ZERO));
    assert!(first.flags().contains(gst::BufferFlags::DISCONT));
    assert_eq!(
        h.pull().expect("second").pts(),
        Some(gst::ClockTime::from_mseconds(100))
    );
}

#[test]
fn a_gap_is_moved_and_new_caps_come_in_order() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(200, 1000)]);
    let mut h = harness(&format!("cuts-location={cuts}"));
    h.set_src_caps_str(AUDIO);
    h.push(block(100)).expect("push");
    h.push_event(
        gst::event::Gap::builder(gst::ClockTime::from_mseconds(150))
            .duration(gst::ClockTime::from_mseconds(150))
            .build(),
    );
    h.push(block(300)).expect("push");
    h.push_event(gst::event::Caps::new(
        &gst::Caps::builder("audio/x-raw")
            .field("format", "S16LE")
            .field("rate", 96_000)
            .field("channels", 1)
            .field("layout", "interleaved")
            .build(),
    ));
    let mut half = block(400);
    half.make_mut()
        .set_duration(gst::ClockTime::from_mseconds(50));
    h.push(half).expect("push");
    h.push_event(gst::event::Eos::new());
    let mut gap = None;
    let mut caps = 0;
    loop {
        let event = h.pull_event().expect("event");
        match event.view() {
            gst::EventView::Gap(event) => gap = Some(event.get()),
            gst::EventView::Caps(_) => caps += 1,
            gst::EventView::Eos(_) => break,
            _ => {}
        }
    }
    let ms = gst::ClockTime::from_mseconds;
    assert_eq!(gap, Some((ms(0), Some(ms(100)))));
    assert_eq!(caps, 2);
    let times: Vec<_> = std::iter::from_fn(|| h.try_pull())
        .map(|b| b.pts())
        .collect();
    assert_eq!(times, [Some(ms(100)), Some(ms(200))]);
}

#[test]
fn a_gap_keeps_its_seqnum_and_flags() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(200, 1000)]);
    for settings in [format!("cuts-location={cuts}"), "mode=detect".to_owned()] {
        let mut h = harness(&settings);
        h.set_src_caps_str(AUDIO);
        let sent = gst::event::Gap::builder(gst::ClockTime::from_mseconds(300))
            .duration(gst::ClockTime::from_mseconds(100))
            .gap_flags(gst::GapFlags::DATA)
            .build();
        let seqnum = sent.seqnum();
        h.push_event(sent);
        loop {
            let event = h.pull_event().expect("event");
            if let gst::EventView::Gap(gap) = event.view() {
                assert_eq!(gap.gap_flags(), gst::GapFlags::DATA);
                assert_eq!(event.seqnum(), seqnum);
                break;
            }
        }
    }
}

/// What is not in the cut list that is written would be cut by it.
#[test]
fn a_track_that_ends_in_gaps_is_as_long_as_they_are() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("trim.vtt");
    let mut h = harness(&format!("mode=detect report-location={}", path.display()));
    h.set_src_caps_str(AUDIO);
    h.push(block(0)).expect("taken");
    for at in [100, 5_000] {
        h.push_event(
            gst::event::Gap::builder(gst::ClockTime::from_mseconds(at))
                .duration(gst::ClockTime::from_mseconds(4_900))
                .build(),
        );
    }
    h.push_event(gst::event::Eos::new());
    let list = std::fs::read_to_string(&path).expect("a cut list");
    assert!(
        list.contains("00:00:00.000 --> 00:00:09.900\nkeep"),
        "{list}"
    );
}

#[test]
fn cues_are_clipped_and_moved() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(1000, 2000), (5000, 6000)]);
    let mut h = harness(&format!("cuts-location={cuts}"));
    h.set_src_caps_str("text/x-raw,format=utf8");
    for (start, end) in [
        (0, 900),
        (500, 1500),
        (1500, 5500),
        (2500, 3000),
        (5900, 7000),
    ] {
        let mut cue = gst::Buffer::from_slice(format!("{start}").into_bytes());
        let cue_ref = cue.make_mut();
        cue_ref.set_pts(gst::ClockTime::from_mseconds(start));
        cue_ref.set_duration(gst::ClockTime::from_mseconds(end - start));
        h.push(cue).expect("push");
    }
    h.push_event(gst::event::Eos::new());
    while h.pull_event().expect("event").type_() != gst::EventType::Eos {}
    let cues: Vec<_> = std::iter::from_fn(|| h.try_pull())
        .map(|cue| {
            let ms = |t: Option<gst::ClockTime>| t.expect("time").mseconds();
            (ms(cue.pts()), ms(cue.duration()))
        })
        .collect();
    assert_eq!(cues, [(0, 500), (500, 1000), (1900, 100)]);
}

/// Subtitles of DVB and titles of chapters come without an end, and so do pictures of some cameras.
#[test]
fn what_has_no_duration_is_moved_and_sent_without_one() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(1000, 2000), (5000, 6000)]);
    for caps in ["subpicture/x-dvb", "text/x-raw,format=utf8", PICTURES] {
        let mut h = harness(&format!("cuts-location={cuts}"));
        h.set_src_caps_str(caps);
        for at in [500, 1500, 3000, 5500, 7000] {
            let mut buffer = picture(at, 100);
            buffer.make_mut().set_duration(gst::ClockTime::NONE);
            h.push(buffer).expect("push");
            let gap = gst::ClockTime::from_mseconds(at + 200);
            h.push_event(gst::event::Gap::new(gap, gst::ClockTime::NONE));
        }
        h.push_event(gst::event::Eos::new());
        let mut gaps = Vec::new();
        loop {
            let event = h.pull_event().expect("event");
            match event.view() {
                gst::EventView::Gap(gap) => gaps.push(gap.get()),
                gst::EventView::Eos(_) => break,
                _ => {}
            }
        }
        let ms = gst::ClockTime::from_mseconds;
        assert_eq!(gaps, [(ms(700), None), (ms(1700), None)], "{caps}");
        let sent: Vec<_> = std::iter::from_fn(|| h.try_pull())
            .map(|buffer| (buffer.pts(), buffer.duration()))
            .collect();
        assert_eq!(
            sent,
            [(Some(ms(500)), None), (Some(ms(1500)), None)],
            "{caps}"
        );
    }
}

#[test]
fn a_cue_without_an_end_is_refused_before_what_is_muted() {
    let folder = tempfile::tempdir().expect("folder");
    let trim = redactions(folder.path(), "00:05.000 --> 00:07.000\nmute: a name\n");
    for (at, role, is_refused) in [
        (1_000, "main", true),
        (6_000, "main", true),
        (7_000, "main", false),
        (1_000, "chapters", false),
    ] {
        let mut h = harness(&trim);
        let element = h.element().expect("element");
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let pad = element.static_pad("sink_0").expect("pad");
        pad.set_property_from_str("role", role);
        h.set_src_caps_str("text/x-raw,format=utf8");
        let mut cue = picture(at, b'a');
        cue.make_mut().set_duration(gst::ClockTime::NONE);
        h.push(cue).expect("held");
        h.push_event(gst::event::Eos::new());
        if is_refused {
            let wait = gst::ClockTime::from_seconds(10);
            let error = bus.timed_pop_filtered(wait, &[gst::MessageType::Error]);
            assert!(error.is_some(), "{at} {role}");
        } else {
            h.pull().expect("a cue");
        }
    }
}

#[test]
fn a_segment_without_time_is_refused() {
    let mut h = harness("");
    h.set_src_caps_str(AUDIO);
    let bytes = gst::FormattedSegment::<gst::format::Bytes>::new();
    h.push_event(gst::event::Segment::new(&bytes));
    assert_eq!(h.push(block(0)), Err(gst::FlowError::Error));
    assert!(!event_types(&mut h).contains(&gst::EventType::Segment));
}

#[test]
fn quality_of_service_of_the_output_stays_behind() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(200, 400)]);
    for (settings, passes) in [
        (format!("cuts-location={cuts}"), false),
        ("mode=detect".to_owned(), true),
    ] {
        let mut h = harness(&settings);
        h.set_src_caps_str(AUDIO);
        h.push_upstream_event(gst::event::Qos::new(
            gst::QOSType::Underflow,
            2.0,
            10_000_000,
            Some(gst::ClockTime::SECOND),
        ));
        let mut found = false;
        while let Some(event) = h.try_pull_upstream_event() {
            found |= event.type_() == gst::EventType::Qos;
        }
        assert_eq!(found, passes, "{settings}");
    }
}

#[test]
fn a_table_of_contents_is_moved() {
    init();
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(1000, 2000), (5000, 6000)]);
    let mut toc = gst::Toc::new(gst::TocScope::Global);
    for (uid, start, stop) in [("a", 0, 1_500), ("b", 1_500, 5_500), ("cut", 2_500, 3_000)] {
        let mut entry = gst::TocEntry::new(gst::TocEntryType::Chapter, uid);
        entry
            .make_mut()
            .set_start_stop_times(start * 1_000_000, stop * 1_000_000);
        toc.make_mut().append_entry(entry);
    }
    let all = [("a", 0, 1_500), ("b", 1_500, 5_500), ("cut", 2_500, 3_000)];
    for (settings, expected) in [
        (
            format!("cuts-location={cuts}"),
            &[("a", 0, 500), ("b", 500, 1_500)][..],
        ),
        // It comes before anything is decided; nobody speaks, and all is kept.
        (String::new(), &all[..]),
        ("mode=detect".to_owned(), &all[..]),
    ] {
        let mut h = harness(&settings);
        h.set_src_caps_str(AUDIO);
        h.push_event(gst::event::Toc::new(&toc, false));
        h.push(block(1000)).expect("push");
        h.push_event(gst::event::Eos::new());
        let mut found = None;
        loop {
            let event = h.pull_event().expect("event");
            match event.view() {
                gst::EventView::Toc(toc) => {
                    let (toc, _) = toc.toc();
                    let entry = |entry: &gst::TocEntry| {
                        let (start, stop) = entry.start_stop_times().expect("times");
                        (entry.uid().to_owned(), start / 1_000_000, stop / 1_000_000)
                    };
                    found = Some(toc.entries().iter().map(entry).collect::<Vec<_>>());
                }
                gst::EventView::Eos(_) => break,
                _ => {}
            }
        }
        let owned = |&(uid, start, stop): &(&str, i64, i64)| (uid.to_owned(), start, stop);
        let expected: Vec<_> = expected.iter().map(owned).collect();
        assert_eq!(found, Some(expected), "{settings}");
    }
}
