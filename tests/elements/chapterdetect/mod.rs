// SPDX-License-Identifier: MPL-2.0

//! The element `chapterdetect`: what comes out of its pads and what it reports.

mod flushes;

use gst::prelude::*;
use gst_check::Harness;

use crate::harness::init;

const WIDTH: usize = 320;

const HEIGHT: usize = 240;

const FPS: u64 = 5;

fn caps(width: usize, height: usize) -> gst::Caps {
    gst::Caps::builder("video/x-raw")
        .field("format", "GRAY8")
        .field("width", width as i32)
        .field("height", height as i32)
        .field("framerate", gst::Fraction::new(FPS as i32, 1))
        .build()
}

fn ms(ms: u64) -> gst::ClockTime {
    gst::ClockTime::from_mseconds(ms)
}

/// A frame that shows `lines` lines of something like text.
fn frame(number: u64, width: usize, height: usize, lines: usize) -> gst::Buffer {
    let mut pixels = vec![225; width * height];
    for y in 0..height {
        let line = y / 30;
        if line < lines && y % 30 < 14 {
            for x in 20..width - 40 {
                if (x / 2 + y / 5 + line) % 3 == 0 {
                    pixels[y * width + x] = 30;
                }
            }
        }
    }
    let mut buffer = gst::Buffer::from_slice(pixels);
    let buffer_ref = buffer.get_mut().expect("the only reference");
    buffer_ref.set_pts(ms(number * 1000 / FPS));
    buffer_ref.set_duration(ms(1000 / FPS));
    buffer
}

/// An element with its video pad fed by a harness, and a bus to hear it.
fn video(src: &str) -> (Harness, gst::Bus) {
    init();
    let element = gst::ElementFactory::make("chapterdetect")
        .property("min-chapter", 10_000_000_000u64)
        .build()
        .expect("the element is made");
    let bus = gst::Bus::new();
    element.set_bus(Some(&bus));
    let mut harness = Harness::with_element(&element, Some("video_sink"), Some(src));
    harness.play();
    harness.set_src_caps(caps(WIDTH, HEIGHT));
    (harness, bus)
}

/// Pushes frames `from..to`; the slide changes at `change`.
fn show(harness: &mut Harness, from: u64, to: u64, change: u64) {
    for number in from..to {
        let lines = if number < change { 2 } else { 5 };
        let pushed = harness.push(frame(number, WIDTH, HEIGHT, lines));
        assert_eq!(pushed, Ok(gst::FlowSuccess::Ok));
    }
}

fn structures(bus: &gst::Bus, name: &str) -> Vec<gst::Structure> {
    let messages = std::iter::from_fn(|| bus.pop());
    messages
        .filter_map(|message| Some(message.structure()?.to_owned()))
        .filter(|structure| structure.name() == name)
        .collect()
}

fn time(structure: &gst::StructureRef, field: &str) -> u64 {
    structure.get(field).expect("a time")
}

/// Events and buffers of a pad up to EOS.
fn until_eos(harness: &mut Harness) -> (Vec<gst::Event>, Vec<gst::Buffer>) {
    let mut events = Vec::new();
    loop {
        let event = harness.pull_event().expect("an event");
        let ended = event.type_() == gst::EventType::Eos;
        events.push(event);
        if ended {
            break;
        }
    }
    let buffers = std::iter::from_fn(|| harness.try_pull()).collect();
    (events, buffers)
}

#[test]
fn chapters_leave_after_gaps_and_before_eos() {
    let (mut harness, bus) = video("chapter_src");
    show(&mut harness, 0, 60 * FPS, 30 * FPS);
    assert!(harness.push_event(gst::event::Eos::new()));
    let (events, buffers) = until_eos(&mut harness);
    let kinds: Vec<gst::EventType> = events.iter().map(|event| event.type_()).collect();
    assert_eq!(
        kinds[..3],
        [
            gst::EventType::StreamStart,
            gst::EventType::Caps,
            gst::EventType::Segment
        ]
    );
    assert!(
        kinds[3..kinds.len() - 1]
            .iter()
            .all(|kind| *kind == gst::EventType::Gap)
    );
    assert!(kinds.len() > 4, "no gap came");

    let messages: Vec<gst::Message> = std::iter::from_fn(|| bus.pop()).collect();
    let found = |name: &str| -> Vec<gst::Structure> {
        let structures = messages.iter().filter_map(|message| message.structure());
        structures
            .filter(|structure| structure.name() == name)
            .map(|structure| structure.to_owned())
            .collect()
    };
    let slides = found("chapterdetect-slide");
    assert_eq!(slides.len(), 1);
    assert_eq!(time(&slides[0], "time"), 30_000_000_000);
    assert_eq!(slides[0].get("seen-before"), Ok(false));
    let chapters = found("chapterdetect-chapter");
    assert_eq!(chapters.len(), buffers.len());
    let mut at = 0;
    for (chapter, buffer) in chapters.iter().zip(&buffers) {
        assert_eq!(time(chapter, "start"), at);
        at = time(chapter, "end");
        assert_eq!(chapter.get("needs-title"), Ok(true));
        assert_eq!(
            buffer.pts().map(|pts| pts.nseconds()),
            Some(time(chapter, "start"))
        );
        let title: String = chapter.get("title").expect("a title");
        let map = buffer.map_readable().expect("readable");
        assert_eq!(map.as_slice(), title.as_bytes());
    }
    assert_eq!(at, 60_000_000_000);
    let toc = messages.iter().find_map(|message| match message.view() {
        gst::MessageView::Toc(toc) => Some(toc.toc().0),
        _ => None,
    });
    assert_eq!(
        toc.expect("a table of contents").entries().len(),
        chapters.len()
    );
}

#[test]
fn pictures_pass_and_the_slide_event_goes_with_them() {
    let (mut harness, _bus) = video("video_src");
    show(&mut harness, 0, 50 * FPS, 20 * FPS);
    assert!(harness.push_event(gst::event::Eos::new()));
    let (events, buffers) = until_eos(&mut harness);
    assert_eq!(buffers.len() as u64, 50 * FPS);
    assert_eq!(buffers[7].pts(), Some(ms(1400)));
    let slides: Vec<u64> = events
        .iter()
        .filter(|event| event.type_() == gst::EventType::CustomDownstream)
        .filter_map(|event| event.structure()?.get("time").ok())
        .collect();
    assert_eq!(slides, [20_000_000_000]);
}

#[test]
fn eos_without_data_is_only_eos() {
    let (mut harness, bus) = video("chapter_src");
    assert!(harness.push_event(gst::event::Eos::new()));
    let (_, buffers) = until_eos(&mut harness);
    assert!(buffers.is_empty());
    assert!(structures(&bus, "chapterdetect-chapter").is_empty());
}

#[test]
fn another_size_in_the_middle_is_taken() {
    let (mut harness, bus) = video("chapter_src");
    show(&mut harness, 0, 30 * FPS, 15 * FPS);
    harness.set_src_caps(caps(640, 480));
    for number in 30 * FPS..60 * FPS {
        let lines = if number < 45 * FPS { 5 } else { 9 };
        assert!(harness.push(frame(number, 640, 480, lines)).is_ok());
    }
    assert!(harness.push_event(gst::event::Eos::new()));
    until_eos(&mut harness);
    let slides = structures(&bus, "chapterdetect-slide");
    let slides: Vec<u64> = slides.iter().map(|slide| time(slide, "time")).collect();
    assert!(
        slides.contains(&15_000_000_000) && slides.contains(&45_000_000_000),
        "{slides:?}"
    );
}

#[test]
fn gaps_carry_the_chapters_on() {
    let (mut harness, bus) = video("chapter_src");
    show(&mut harness, 0, 10 * FPS, 99 * FPS);
    let gap = gst::event::Gap::builder(ms(10_000))
        .duration(ms(30_000))
        .build();
    assert!(harness.push_event(gap));
    assert!(harness.push_event(gst::event::Eos::new()));
    until_eos(&mut harness);
    let chapters = structures(&bus, "chapterdetect-chapter");
    assert_eq!(
        time(chapters.last().expect("a chapter"), "end"),
        40_000_000_000
    );
}

#[test]
fn a_segment_in_bytes_is_refused() {
    let (mut harness, bus) = video("chapter_src");
    let segment = gst::FormattedSegment::<gst::format::Bytes>::new();
    harness.push_event(gst::event::Segment::new(&segment));
    let error = std::iter::from_fn(|| bus.pop()).find_map(|message| match message.view() {
        gst::MessageView::Error(error) => {
            Some(error.error().to_string() + &error.debug().unwrap_or_default())
        }
        _ => None,
    });
    assert!(
        error
            .expect("an error")
            .contains("video_sink needs a segment in time")
    );
}

#[test]
fn latency_is_upstreams() {
    let (mut harness, _bus) = video("video_src");
    harness.set_upstream_latency(ms(70));
    assert_eq!(harness.query_latency(), Some(ms(70)));
}

#[test]
fn it_is_as_new_after_ready() {
    let (mut harness, bus) = video("chapter_src");
    let element = harness.element().expect("the element");
    for round in 0..2 {
        show(&mut harness, 0, 40 * FPS, 20 * FPS);
        assert!(harness.push_event(gst::event::Eos::new()));
        until_eos(&mut harness);
        assert_eq!(
            structures(&bus, "chapterdetect-slide").len(),
            1,
            "round {round}"
        );
        assert!(element.set_state(gst::State::Ready).is_ok());
        assert!(element.set_state(gst::State::Playing).is_ok());
        harness.push_event(gst::event::StreamStart::new("again"));
        harness.push_event(gst::event::Caps::new(&caps(WIDTH, HEIGHT)));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        harness.push_event(gst::event::Segment::new(&segment));
    }
}

/// Runs a pipeline to its end; returns the structures that its elements posted.
fn run(description: &str) -> Vec<gst::Structure> {
    init();
    let pipeline = gst::parse::launch(description).expect("a pipeline");
    let bus = pipeline.bus().expect("a bus");
    pipeline.set_state(gst::State::Playing).expect("it starts");
    let mut posted = Vec::new();
    for message in bus.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(error) => panic!("{error:?}"),
            gst::MessageView::Element(element) => {
                posted.extend(element.structure().map(|structure| structure.to_owned()));
            }
            _ => (),
        }
    }
    pipeline.set_state(gst::State::Null).expect("it stops");
    posted
}

#[test]
fn every_sink_prerolls_and_all_pads_together_end() {
    let posted = run("chapterdetect name=c \
         videotestsrc num-buffers=100 pattern=black ! video/x-raw,framerate=5/1 ! queue ! c.video_sink \
         audiotestsrc num-buffers=400 ! audio/x-raw,format=S16LE,rate=44100,channels=2 ! queue ! c.audio_sink \
         c.video_src ! queue ! fakesink c.audio_src ! queue ! fakesink c.chapter_src ! fakesink");
    let chapters = posted
        .iter()
        .filter(|structure| structure.name() == "chapterdetect-chapter");
    assert_eq!(chapters.count(), 1);
}

/// A demuxer's pads come while the pipeline runs, and only then ours are asked for.
#[test]
fn pads_are_requested_while_it_runs() {
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sample.mkv");
    let found = run(&format!(
        "chapterdetect name=detect filesrc location={} ! matroskademux name=source \
         source.audio_0 ! opusdec ! detect.audio_sink detect.audio_src ! fakesink \
         detect.chapter_src ! fakesink",
        sample.display()
    ));
    assert!(
        found
            .iter()
            .any(|found| found.name() == "chapterdetect-chapter")
    );
}

#[test]
fn src_pads_may_stay_unlinked() {
    let posted = run("chapterdetect name=c c.chapter_src ! fakesink \
         videotestsrc num-buffers=50 pattern=smpte ! video/x-raw,framerate=5/1,format=NV12 ! c.video_sink");
    assert!(
        posted
            .iter()
            .any(|structure| structure.name() == "chapterdetect-chapter")
    );
}
