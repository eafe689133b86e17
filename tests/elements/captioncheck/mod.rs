// SPDX-License-Identifier: MPL-2.0

//! The element `captioncheck`: what passes through it, what it reports, and bad input.

use gst::prelude::*;
use gst_check::Harness;

use crate::harness::init;

const TEXT: &str = "text/x-raw,format=utf8";

fn element() -> (gst::Element, gst::Bus) {
    init();
    let element = gst::ElementFactory::make("captioncheck")
        .build()
        .expect("the element is made");
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    (element, bus)
}

/// A harness that feeds the text pads.
fn text() -> (Harness, gst::Bus) {
    let (element, bus) = element();
    let mut harness = Harness::with_element(&element, Some("text_sink"), Some("text_src"));
    harness.play();
    harness.set_src_caps_str(TEXT);
    (harness, bus)
}

fn cue(start_ms: u64, end_ms: u64, text: &str) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(text.to_owned().into_bytes());
    let writable = buffer.get_mut().expect("the only reference");
    writable.set_pts(gst::ClockTime::from_mseconds(start_ms));
    writable.set_duration(gst::ClockTime::from_mseconds(end_ms - start_ms));
    buffer
}

/// Structures of this name on the bus.
fn structures(bus: &gst::Bus, name: &str) -> Vec<gst::Structure> {
    let messages = std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Element]));
    messages
        .filter_map(|message| message.structure().map(ToOwned::to_owned))
        .filter(|structure| structure.name() == name || name.is_empty())
        .collect()
}

fn number(structure: &gst::Structure, field: &str) -> u32 {
    structure.get(field).expect("a number")
}

fn error(bus: &gst::Bus) -> String {
    let message = bus.pop_filtered(&[gst::MessageType::Error]);
    match message.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Error(error)) => error.error().to_string(),
        other => panic!("no error: {other:?}"),
    }
}

#[test]
fn cues_pass_unchanged_and_broken_rules_are_posted_before_the_end() {
    let (mut harness, bus) = text();
    let texts = ["One\ntwo\nthree", "A short line"];
    assert!(harness.push(cue(1000, 4000, texts[0])).is_ok());
    assert!(harness.push(cue(3500, 6000, texts[1])).is_ok());
    assert!(structures(&bus, "").is_empty());
    let element = harness.element().expect("the element");
    let src = element.static_pad("text_src").expect("a pad");
    let (told, posted) = std::sync::mpsc::channel();
    let at_end = bus.clone();
    src.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if info
            .event()
            .is_some_and(|event| event.type_() == gst::EventType::Eos)
        {
            told.send(structures(&at_end, "")).expect("the test waits");
        }
        gst::PadProbeReturn::Ok
    });
    assert!(harness.push_event(gst::event::Eos::new()));
    let posted = posted.recv().expect("EOS passes");
    let found: Vec<(String, String, Option<u32>)> = posted
        .iter()
        .filter(|structure| structure.name() == "captioncheck-finding")
        .map(|structure| {
            let text = |name| structure.get::<String>(name).expect("a text");
            (text("rule"), text("severity"), structure.get("cue").ok())
        })
        .filter(|(rule, ..)| rule != "no-speaker")
        .collect();
    let fail = |rule: &str, cue| (rule.to_owned(), "fail".to_owned(), Some(cue));
    assert_eq!(found, [fail("lines", 1), fail("overlap", 2)]);
    let summary = posted.last().expect("a summary");
    assert_eq!(summary.name(), "captioncheck-summary");
    assert_eq!((number(summary, "fails"), number(summary, "cues")), (2, 2));
    assert!(!summary.has_field("coverage"));
    for text in texts {
        let buffer = harness.pull().expect("a buffer");
        let map = buffer.map_readable().expect("readable");
        assert_eq!(map.as_slice(), text.as_bytes());
    }
}

#[test]
fn a_cue_is_checked_as_it_was_written() {
    init();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("captions.vtt");
    let text = "WEBVTT\n\n00:01.000 --> 00:04.000\n<v Ada>One <b>two</b></v>\n";
    std::fs::write(&path, text).expect("written");
    let line = format!(
        "captioncheck name=c filesrc location={} ! webvttparse ! c.text_sink c.text_src ! fakesink",
        path.display()
    );
    let pipeline = gst::parse::launch(&line).expect("a pipeline");
    pipeline.set_state(gst::State::Playing).expect("it starts");
    let bus = pipeline.bus().expect("a bus");
    let mut names = Vec::new();
    while let Some(message) = bus.timed_pop(gst::ClockTime::from_seconds(20)) {
        match message.view() {
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(error) => panic!("{error:?}"),
            gst::MessageView::Element(element) => {
                names.extend(element.structure().map(|found| found.name().to_string()));
            }
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null).expect("it stops");
    // The tags are no text, and one of them names the speaker.
    assert_eq!(names, ["captioncheck-summary"]);
}

#[test]
fn a_flush_forgets_the_cues_before_it() {
    let (mut harness, bus) = text();
    assert!(harness.push(cue(1000, 4000, "One\ntwo\nthree")).is_ok());
    assert!(harness.push_event(gst::event::FlushStart::new()));
    assert!(harness.push_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(harness.push_event(gst::event::Segment::new(&segment)));
    assert!(harness.push(cue(1000, 4000, "- One\ntwo")).is_ok());
    assert!(harness.push_event(gst::event::Eos::new()));
    let summary = structures(&bus, "captioncheck-summary");
    assert_eq!(summary.len(), 1);
    assert_eq!(
        (number(&summary[0], "cues"), number(&summary[0], "fails")),
        (1, 0)
    );
}

#[test]
fn the_end_without_data_is_a_summary_of_nothing() {
    let (mut harness, bus) = text();
    assert!(harness.push_event(gst::event::Gap::builder(gst::ClockTime::ZERO).build()));
    assert!(harness.push_event(gst::event::Eos::new()));
    let posted = structures(&bus, "");
    assert_eq!(posted.len(), 1);
    assert_eq!(number(&posted[0], "cues"), 0);
    let kinds: Vec<gst::EventType> = std::iter::from_fn(|| harness.try_pull_event())
        .map(|event| event.type_())
        .collect();
    assert!(kinds.contains(&gst::EventType::Gap), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&gst::EventType::Eos));
}

#[test]
fn another_stream_after_the_end_is_checked_by_itself() {
    let (mut harness, bus) = text();
    assert!(harness.push(cue(1000, 4000, "One\ntwo\nthree")).is_ok());
    assert!(harness.push_event(gst::event::Eos::new()));
    let _ = structures(&bus, "");
    let element = harness.element().expect("the element");
    // After READY, and without.
    for is_reused in [false, true] {
        if is_reused {
            for state in [gst::State::Ready, gst::State::Playing] {
                element.set_state(state).expect("the state changes");
            }
        }
        assert!(harness.push_event(gst::event::StreamStart::new("another")));
        assert!(harness.push_event(gst::event::Caps::new(
            &TEXT.parse::<gst::Caps>().expect("caps")
        )));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        assert!(harness.push_event(gst::event::Segment::new(&segment)));
        assert!(harness.push(cue(1000, 4000, "- One")).is_ok());
        assert!(harness.push_event(gst::event::Eos::new()));
        let posted = structures(&bus, "");
        assert_eq!(posted.len(), 1, "{posted:?}");
        assert_eq!(number(&posted[0], "cues"), 1);
    }
}

#[test]
fn audio_may_change_its_format_and_both_ends_are_waited_for() {
    let (mut text, bus) = text();
    let element = text.element().expect("the element");
    let mut audio = Harness::with_element(&element, Some("audio_sink"), Some("audio_src"));
    let mut time = gst::ClockTime::ZERO;
    for (rate, channels) in [(16_000, 1), (48_000, 2)] {
        audio.set_src_caps_str(&format!(
            "audio/x-raw,format=S16LE,layout=interleaved,rate={rate},channels={channels}"
        ));
        for _ in 0..30 {
            let mut buffer = gst::Buffer::from_slice(vec![0_u8; rate * channels * 2 / 10]);
            let writable = buffer.get_mut().expect("the only reference");
            writable.set_pts(time);
            writable.set_duration(gst::ClockTime::from_mseconds(100));
            time += gst::ClockTime::from_mseconds(100);
            assert!(audio.push(buffer).is_ok());
            assert!(audio.pull().is_ok());
        }
    }
    assert!(text.push(cue(1000, 4000, "- One\ntwo")).is_ok());
    assert!(text.push_event(gst::event::Eos::new()));
    assert!(structures(&bus, "").is_empty());
    assert!(audio.push_event(gst::event::Eos::new()));
    let posted = structures(&bus, "");
    let rules: Vec<Option<String>> = posted.iter().map(|found| found.get("rule").ok()).collect();
    assert_eq!(rules, [Some("over-silence".to_owned()), None]);
}

#[test]
fn a_report_is_written_in_the_form_of_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, part) in [
        ("report.json", "\"rule\": \"lines\""),
        ("report.vtt", "fail: lines (cue 1)"),
    ] {
        let path = folder.path().join(name);
        let (element, _bus) = element();
        element.set_property("report-location", path.to_str());
        element.set_property_from_str("profile", "bbc");
        let mut harness = Harness::with_element(&element, Some("text_sink"), Some("text_src"));
        harness.play();
        harness.set_src_caps_str(TEXT);
        assert!(harness.push(cue(1000, 4000, "One\ntwo\nthree")).is_ok());
        assert!(harness.push_event(gst::event::Eos::new()));
        let text = std::fs::read_to_string(&path).expect("it was written");
        assert!(
            text.contains(part) && text.contains("bbc allows 2"),
            "{text}"
        );
    }
}

#[test]
fn bad_settings_end_the_start_with_one_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let profile = folder.path().join("profile.json");
    std::fs::write(&profile, "{ \"lines\": 2 }").expect("written");
    for (property, value, part) in [
        (
            "profile-location",
            folder.path().join("none.json"),
            "cannot be read",
        ),
        (
            "profile-location",
            profile,
            "profile.json: the profile cannot be read",
        ),
        (
            "report-location",
            folder.path().join("no/report.json"),
            "does not exist",
        ),
    ] {
        let (element, bus) = element();
        element.set_property(property, value.to_str());
        assert!(element.set_state(gst::State::Paused).is_err());
        let error = error(&bus);
        assert!(error.contains(part), "{error}");
        element.set_state(gst::State::Null).expect("it stops");
    }
}

#[test]
fn data_that_cannot_be_placed_ends_with_one_error() {
    let (element, bus) = element();
    let mut harness = Harness::with_element(&element, Some("text_sink"), Some("text_src"));
    harness.play();
    harness.set_src_caps_str(TEXT);
    let segment = gst::FormattedSegment::<gst::format::Bytes>::new();
    harness.push_event(gst::event::Segment::new(&segment));
    assert!(error(&bus).contains("text_sink needs a segment in time format"));
}

#[test]
fn hostile_cues_are_data() {
    let (mut harness, bus) = text();
    let long = "x".repeat(1 << 20);
    for (index, text) in [
        "<script>alert(1)</script>",
        "\u{202e}\u{0}\u{feff}",
        &long,
        "",
    ]
    .into_iter()
    .enumerate()
    {
        let at = 5000 * index as u64;
        assert!(harness.push(cue(at, at + 4000, text)).is_ok());
    }
    let mut no_time = cue(0, 1000, "no time");
    no_time.get_mut().expect("the only reference").set_pts(None);
    assert!(harness.push(no_time).is_ok());
    let bytes = gst::Buffer::from_slice([0xff_u8, 0xfe, 0x80]);
    assert!(harness.push(bytes).is_ok());
    assert!(harness.push_event(gst::event::Eos::new()));
    let posted = structures(&bus, "");
    let long: Vec<_> = posted
        .iter()
        .filter(|found| found.get::<u32>("cue").ok() == Some(3))
        .collect();
    assert_eq!(long.len(), 2, "{posted:?}");
    assert_eq!(
        posted.last().map(|last| last.name().as_str()),
        Some("captioncheck-summary")
    );
}
