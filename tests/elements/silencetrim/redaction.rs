// SPDX-License-Identifier: MPL-2.0

//! Muted sound, covered frames, and captions beside them.

use gst::prelude::*;

use super::{AUDIO, PICTURES, block, harness, picture, redactions};

/// When pictures come and how bright they are; a card is 0.
fn pictures(h: &mut gst_check::Harness) -> Vec<(u64, u8)> {
    h.push_event(gst::event::Eos::new());
    while h.pull_event().expect("event").type_() != gst::EventType::Eos {}
    std::iter::from_fn(|| h.try_pull())
        .map(|buffer| {
            let map = buffer.map_readable().expect("readable");
            assert!(map.iter().all(|&pixel| pixel == map[0]));
            let level = if map[0] < 90 { 0 } else { map[0] };
            (buffer.pts().expect("a time").mseconds(), level)
        })
        .collect()
}

#[test]
fn a_slide_that_stays_into_a_covered_span_is_covered_whole() {
    let folder = tempfile::tempdir().expect("folder");
    let trim = redactions(
        folder.path(),
        "00:06.000 --> 00:08.000\ncover: a face\n\n00:20.000 --> 00:21.000\ncover: a face\ncard\n\n\
         00:22.500 --> 00:23.000\ncover: a face\n\n00:40.000 --> 00:41.000\ncover: behind the last\n\n\
         00:15.000 --> 00:16.000\ncut: with a cover\n\n00:15.000 --> 00:16.000\ncover: cut\n",
    );
    let mut h = harness(&trim);
    h.set_src_caps_str(PICTURES);
    let shown = [
        (0, 100),
        (1_000, 101),
        // Its 40 ms lie before the span, but nothing else comes until 9 s.
        (5_000, 200),
        (9_000, 102),
        (14_000, 103),
        (17_000, 104),
        (20_980, 201),
        (21_020, 105),
        (22_490, 202),
        (23_000, 106),
        (30_000, 203),
    ];
    for (at, level) in shown {
        h.push(picture(at, level)).expect("push");
    }
    assert_eq!(
        pictures(&mut h),
        [
            (0, 100),
            (1_000, 101),
            (5_000, 101),
            (9_000, 102),
            (14_000, 103),
            (16_000, 0),
            (19_980, 0),
            (20_020, 105),
            (21_490, 103),
            (22_000, 106),
            (29_000, 103),
        ]
    );
}

#[test]
fn a_picture_that_a_gap_holds_over_is_covered() {
    let folder = tempfile::tempdir().expect("folder");
    let trim = redactions(folder.path(), "00:05.000 --> 00:06.000\ncover\n");
    let mut h = harness(&trim);
    h.set_src_caps_str(PICTURES);
    h.push(picture(0, 100)).expect("push");
    for (start, length) in [(40, 3_960), (4_000, 2_000), (6_000, 1_000)] {
        h.push_event(
            gst::event::Gap::builder(gst::ClockTime::from_mseconds(start))
                .duration(gst::ClockTime::from_mseconds(length))
                .build(),
        );
    }
    h.push(picture(7_000, 101)).expect("push");
    assert_eq!(pictures(&mut h), [(0, 100), (4_000, 0), (7_000, 101)]);
}

#[test]
fn captions_inside_pictures_are_left_out_where_anything_is_muted() {
    use gst_video::{VideoCaptionMeta, VideoCaptionType};
    let folder = tempfile::tempdir().expect("folder");
    for (cues, stay) in [("mute", false), ("cover", true)] {
        let trim = redactions(folder.path(), &format!("00:05.000 --> 00:06.000\n{cues}\n"));
        let mut h = harness(&trim);
        h.set_src_caps_str(PICTURES);
        let mut buffer = picture(0, 100);
        let words = [0xfc, 0x41, 0x42];
        VideoCaptionMeta::add(buffer.make_mut(), VideoCaptionType::Cea708Raw, &words);
        h.push(buffer).expect("push");
        h.push(picture(40, 100)).expect("push");
        let buffer = h.pull().expect("a picture");
        h.push_event(gst::event::Eos::new());
        assert_eq!(buffer.meta::<VideoCaptionMeta>().is_some(), stay, "{cues}");
    }
}

#[test]
fn sound_is_muted_to_the_sample() {
    let folder = tempfile::tempdir().expect("folder");
    let trim = redactions(
        folder.path(),
        "00:00.150 --> 00:00.250\nmute: a name\n\n00:00.500 --> 00:00.600\ncover: a face\n\n\
         00:00.000 --> 00:00.100\ncut: before\n",
    );
    for role in ["main", "description", "chapters"] {
        let mut h = harness(&trim);
        let pad = h
            .element()
            .expect("element")
            .static_pad("sink_0")
            .expect("pad");
        pad.set_property_from_str("role", role);
        h.set_src_caps_str(AUDIO);
        for at in (0..1000).step_by(100) {
            let mut loud = block(at);
            let loud_ref = loud.make_mut();
            for sample in loud_ref
                .map_writable()
                .expect("writable")
                .chunks_exact_mut(2)
            {
                sample.copy_from_slice(&10_000i16.to_le_bytes());
            }
            h.push(loud).expect("push");
        }
        h.push_event(gst::event::Eos::new());
        while h.pull_event().expect("event").type_() != gst::EventType::Eos {}
        let samples: Vec<i16> = std::iter::from_fn(|| h.try_pull())
            .flat_map(|buffer| buffer.map_readable().expect("readable").to_vec())
            .collect::<Vec<u8>>()
            .chunks_exact(2)
            .map(|sample| i16::from_le_bytes([sample[0], sample[1]]))
            .collect();
        assert_eq!(samples.len(), 900 * 48);
        // In the time of the output, 100 ms earlier; a fade of 5 ms is no part of a span.
        for (from, to, is_silent) in [
            (10, 45, false),
            (50, 150, role != "chapters"),
            (155, 395, false),
            (400, 500, role == "description"),
            (505, 900, false),
        ] {
            let part = &samples[from * 48..to * 48];
            let wanted = if is_silent { 0 } else { 10_000 };
            let found = part.iter().position(|sample| sample.abs_diff(wanted) > 1);
            assert_eq!(found, None, "{role}: {from} to {to}");
        }
    }
}

#[test]
fn a_ragged_buffer_of_sound_is_muted_and_cut() {
    let folder = tempfile::tempdir().expect("folder");
    let trim = redactions(
        folder.path(),
        "00:00.010 --> 00:00.020\nmute\n\n00:00.030 --> 00:10.000\ncut\n",
    );
    let mut h = harness(&trim);
    h.set_src_caps_str(AUDIO);
    let mut ragged = gst::Buffer::from_mut_slice(vec![9u8; 4001]);
    ragged.make_mut().set_pts(gst::ClockTime::ZERO);
    h.push(ragged).expect("taken");
    h.push_event(gst::event::Eos::new());
    let sent = h.pull().expect("what is kept of it");
    let map = sent.map_readable().expect("readable");
    assert_eq!(map.len(), 1440 * 2);
    assert!(map[480 * 2..960 * 2].iter().all(|&byte| byte == 0));
}

#[test]
fn cues_that_touch_a_hidden_span_are_left_out_by_their_role() {
    let folder = tempfile::tempdir().expect("folder");
    let trim = redactions(
        folder.path(),
        "00:05.000 --> 00:07.000\nmute: a name\n\n00:10.000 --> 00:11.000\ncover: a face\n",
    );
    for (role, expected) in [
        ("main", &["before", "after", "covered"][..]),
        ("description", &["before", "after"]),
        (
            "chapters",
            &["before", "half", "inside", "over", "after", "covered"],
        ),
    ] {
        let mut h = harness(&trim);
        let pad = h
            .element()
            .expect("element")
            .static_pad("sink_0")
            .expect("pad");
        pad.set_property_from_str("role", role);
        h.set_src_caps_str("text/x-raw,format=utf8");
        for (start, end, text) in [
            (3_000, 5_000, "before"),
            (3_500, 5_001, "half"),
            (5_500, 6_000, "inside"),
            (6_999, 9_000, "over"),
            (7_000, 9_000, "after"),
            (9_500, 10_500, "covered"),
        ] {
            let mut cue = gst::Buffer::from_slice(text);
            let cue_ref = cue.make_mut();
            cue_ref.set_pts(gst::ClockTime::from_mseconds(start));
            cue_ref.set_duration(gst::ClockTime::from_mseconds(end - start));
            h.push(cue).expect("push");
        }
        h.push_event(gst::event::Eos::new());
        while h.pull_event().expect("event").type_() != gst::EventType::Eos {}
        let said: Vec<String> = std::iter::from_fn(|| h.try_pull())
            .map(|cue| String::from_utf8_lossy(&cue.map_readable().expect("readable")).into_owned())
            .collect();
        assert_eq!(said, expected, "{role}");
    }
}

#[test]
fn what_cannot_be_hidden_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    const AAC: &str = "audio/mpeg,mpegversion=4,rate=48000,channels=2";
    const AVC: &str = "video/x-h264,stream-format=avc,alignment=au";
    for (action, caps, is_refused) in [
        ("mute", AAC, true),
        ("cover", AAC, false),
        ("mute", AVC, false),
        ("cover", AVC, true),
        ("mute", "closedcaption/x-cea-708,format=cdp", true),
        ("cover", "meta/x-klv,parsed=true", true),
        ("mute", "meta/x-klv,parsed=true", true),
        (
            "cover",
            "video/x-raw(memory:GLMemory),format=RGBA,width=4,height=4,framerate=25/1",
            true,
        ),
        // What is hidden lies in the cut.
        (
            "cut: all of it\n\n00:05.000 --> 00:06.000\nmute",
            AAC,
            false,
        ),
    ] {
        let trim = redactions(
            folder.path(),
            &format!("00:05.000 --> 00:06.000\n{action}\n"),
        );
        let mut h = harness(&trim);
        let bus = gst::Bus::new();
        h.element().expect("element").set_bus(Some(&bus));
        h.set_src_caps_str(caps);
        let pushed = h.push(block(0));
        assert_eq!(pushed.is_err(), is_refused, "{action} {caps}");
        let error = bus.pop_filtered(&[gst::MessageType::Error]);
        assert_eq!(error.is_some(), is_refused, "{action} {caps}");
    }
    // Without caps nobody knows what it is.
    let trim = redactions(folder.path(), "00:05.000 --> 00:06.000\nmute\n");
    let mut h = harness(&trim);
    h.push_event(gst::event::StreamStart::new("unknown"));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    h.push_event(gst::event::Segment::new(&segment));
    assert_eq!(h.push(block(0)), Err(gst::FlowError::NotNegotiated));
}

#[test]
fn a_flush_keeps_hiding() {
    let folder = tempfile::tempdir().expect("folder");
    let trim = redactions(folder.path(), "00:00.000 --> 00:10.000\nmute\n");
    let mut h = harness(&trim);
    h.set_src_caps_str(AUDIO);
    assert!(h.push_event(gst::event::FlushStart::new()));
    assert!(h.push_event(gst::event::FlushStop::builder(true).build()));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(h.push_event(gst::event::Segment::new(&segment)));
    let mut loud = block(0);
    loud.make_mut().map_writable().expect("writable").fill(99);
    h.push(loud).expect("push");
    let silent = h.pull().expect("a block");
    assert!(
        silent
            .map_readable()
            .expect("readable")
            .iter()
            .all(|&byte| byte == 0)
    );
}
