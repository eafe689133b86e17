// SPDX-License-Identifier: MPL-2.0

//! WebVTT in, cues out.

mod trouble;

use gst::prelude::*;
use gst_check::Harness;

use crate::harness::init;

const FILE: &str = "WEBVTT - a class\n\nSTYLE\n::cue { color: white }\n\n\
    NOTE\nstatus: draft\n\n\
    intro\n00:00:01.000 --> 00:00:04.500 line:0 align:start\n<v Ada>Hello &amp; <i>welcome</i>\nto sets\n\n\
    00:00:10.000 --> 00:00:20.000\nA set is a collection\n\n\
    outro\n00:01:00.000 --> 00:01:05.000\nBye\n";

#[derive(Debug, PartialEq)]
struct Cue {
    start_ms: u64,
    duration_ms: u64,
    plain: String,
    id: String,
    settings: String,
    text: String,
}

fn cue(buffer: &gst::BufferRef) -> Cue {
    let meta = gst::meta::CustomMeta::from_buffer(buffer, "LectureCueMeta").expect("a cue meta");
    let field = |name| meta.structure().get::<String>(name).expect("a string");
    let map = buffer.map_readable().expect("readable");
    Cue {
        start_ms: buffer.pts().expect("a start").mseconds(),
        duration_ms: buffer.duration().expect("a duration").mseconds(),
        plain: String::from_utf8(map.to_vec()).expect("UTF-8"),
        id: field("id"),
        settings: field("settings"),
        text: field("text"),
    }
}

fn expected() -> Vec<Cue> {
    let cue = |start_ms, duration_ms, plain: &str, id: &str, settings: &str, text: &str| Cue {
        start_ms,
        duration_ms,
        plain: plain.to_owned(),
        id: id.to_owned(),
        settings: settings.to_owned(),
        text: text.to_owned(),
    };
    vec![
        cue(
            1000,
            3500,
            "Hello & welcome\nto sets",
            "intro",
            "line:0 align:start",
            "<v Ada>Hello &amp; <i>welcome</i>\nto sets",
        ),
        cue(
            10_000,
            10_000,
            "A set is a collection",
            "",
            "",
            "A set is a collection",
        ),
        cue(60_000, 5000, "Bye", "outro", "", "Bye"),
    ]
}

/// The element fed as filesrc feeds it, and the messages it posts.
struct Parser {
    harness: Harness,
    bus: gst::Bus,
}

impl Parser {
    fn new() -> Self {
        init();
        let mut harness = Harness::new("webvttparse");
        let bus = gst::Bus::new();
        let element = harness.element().expect("the element");
        element.set_bus(Some(&bus));
        harness.play();
        harness.push_event(
            gst::event::StreamStart::builder("class")
                .group_id(gst::GroupId::next())
                .build(),
        );
        harness.push_event(bytes_segment());
        Parser { harness, bus }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.harness.push(gst::Buffer::from_slice(bytes.to_vec()))
    }

    fn eos(&mut self) {
        self.harness.push_event(gst::event::Eos::new());
    }

    fn cues(&mut self) -> Vec<Cue> {
        let mut cues = Vec::new();
        while let Some(buffer) = self.harness.try_pull() {
            cues.push(cue(&buffer));
        }
        cues
    }

    fn messages(&self) -> Vec<String> {
        let text = |message: gst::Message| match message.view() {
            gst::MessageView::Warning(warning) => Some(format!("warning: {}", warning.error())),
            gst::MessageView::Error(error) => Some(format!("error: {}", error.error())),
            _ => None,
        };
        self.bus.iter().filter_map(text).collect()
    }

    fn events(&mut self) -> Vec<gst::Event> {
        std::iter::from_fn(|| self.harness.try_pull_event()).collect()
    }
}

fn bytes_segment() -> gst::Event {
    gst::event::Segment::new(&gst::FormattedSegment::<gst::format::Bytes>::new())
}

#[test]
fn cues_come_out_wherever_the_input_is_cut() {
    for size in [1, 7, 64, 4096] {
        let mut parser = Parser::new();
        for piece in FILE.as_bytes().chunks(size) {
            parser.push(piece).expect("taken");
        }
        parser.eos();
        assert_eq!(parser.cues(), expected(), "pieces of {size}");
        assert_eq!(parser.messages(), Vec::<String>::new());
    }
}

#[test]
fn downstream_hears_of_a_sparse_text_stream_in_time() {
    let mut parser = Parser::new();
    parser.push(FILE.as_bytes()).expect("taken");
    parser.eos();
    let events = parser.events();
    let types: Vec<gst::EventType> = events.iter().map(|event| event.type_()).collect();
    assert_eq!(
        types,
        [
            gst::EventType::StreamStart,
            gst::EventType::Caps,
            gst::EventType::Segment,
            gst::EventType::Eos
        ]
    );
    let gst::EventView::StreamStart(stream_start) = events[0].view() else {
        panic!("a stream start");
    };
    assert_eq!(stream_start.stream_id(), "class");
    assert!(
        stream_start
            .stream_flags()
            .contains(gst::StreamFlags::SPARSE)
    );
    assert!(stream_start.group_id().is_some());
    let gst::EventView::Segment(segment) = events[2].view() else {
        panic!("a segment");
    };
    assert_eq!(segment.segment().format(), gst::Format::Time);
    let mut query = gst::query::Duration::new(gst::Format::Time);
    let pad = parser
        .harness
        .element()
        .and_then(|element| element.static_pad("src"));
    assert!(pad.expect("a src pad").query(&mut query));
    assert_eq!(query.result(), gst::ClockTime::from_seconds(65).into());
}

#[test]
fn the_stream_of_stream_start_goes_on() {
    let mut parser = Parser::new();
    let stream = gst::Stream::new(
        Some("said"),
        None,
        gst::StreamType::TEXT,
        gst::StreamFlags::empty(),
    );
    let start = gst::event::StreamStart::builder("said").stream(stream);
    parser.harness.push_event(start.build());
    let starts = parser.events().into_iter().filter_map(|event| {
        let gst::EventView::StreamStart(start) = event.view() else {
            return None;
        };
        Some(start.stream()?.stream_id()?.to_string())
    });
    assert_eq!(starts.collect::<Vec<_>>(), ["said"]);
}

/// What was shown before a seek without a flush counts as shown.
#[test]
fn a_seek_without_a_flush_goes_on_in_running_time() {
    let mut parser = Parser::new();
    let element = parser.harness.element().expect("the element");
    let sink = element.static_pad("sink").expect("a pad");
    // As a file does, it takes seeks in bytes.
    let source = sink.peer().expect("the harness's pad");
    source.add_probe(gst::PadProbeType::EVENT_UPSTREAM, |_, info| {
        match info.event().map(|event| event.type_()) {
            Some(gst::EventType::Seek) => gst::PadProbeReturn::Handled,
            _ => gst::PadProbeReturn::Ok,
        }
    });
    // Two cues, to 20 s.
    let (two, _) = FILE.split_once("outro").expect("three cues");
    parser.push(two.as_bytes()).expect("taken");
    parser.events();
    let seek = gst::event::Seek::new(
        1.0,
        gst::SeekFlags::SEGMENT,
        gst::SeekType::Set,
        gst::ClockTime::from_seconds(10),
        gst::SeekType::Set,
        gst::ClockTime::from_seconds(15),
    );
    let src = element.static_pad("src").expect("a pad");
    assert!(src.send_event(seek));
    parser.harness.push_event(bytes_segment());
    let base = |events: Vec<gst::Event>| {
        let mut segments = events.into_iter().filter_map(|event| {
            let gst::EventView::Segment(segment) = event.view() else {
                return None;
            };
            let segment = segment.segment().downcast_ref::<gst::ClockTime>()?;
            segment.base()
        });
        segments.next_back()
    };
    assert_eq!(
        base(parser.events()),
        Some(gst::ClockTime::from_seconds(20))
    );
}

#[test]
fn a_flush_forgets_what_was_read() {
    let mut parser = Parser::new();
    parser.push(&FILE.as_bytes()[..150]).expect("taken");
    parser.harness.push_event(gst::event::FlushStart::new());
    parser.harness.push_event(gst::event::FlushStop::new(true));
    parser.harness.push_event(bytes_segment());
    parser.cues();
    parser.push(FILE.as_bytes()).expect("taken");
    parser.eos();
    assert_eq!(parser.cues(), expected());
    assert_eq!(parser.messages(), Vec::<String>::new());
}

#[test]
fn another_file_follows_on_the_same_pad() {
    let mut parser = Parser::new();
    parser.push(FILE.as_bytes()).expect("taken");
    parser.eos();
    assert_eq!(parser.cues(), expected());
    parser
        .harness
        .push_event(gst::event::StreamStart::new("next"));
    parser.harness.push_event(bytes_segment());
    parser.push(FILE.as_bytes()).expect("taken");
    parser.eos();
    assert_eq!(parser.cues(), expected());
    let types: Vec<gst::EventType> = parser.events().iter().map(|event| event.type_()).collect();
    let starts = types
        .iter()
        .filter(|&&type_| type_ == gst::EventType::StreamStart);
    assert_eq!(starts.count(), 2);
}

#[test]
fn it_is_reusable_after_ready() {
    let mut parser = Parser::new();
    parser.push(&FILE.as_bytes()[..100]).expect("taken");
    let element = parser.harness.element().expect("the element");
    element.set_state(gst::State::Ready).expect("READY");
    element.set_state(gst::State::Playing).expect("PLAYING");
    parser
        .harness
        .push_event(gst::event::StreamStart::new("again"));
    parser.harness.push_event(bytes_segment());
    parser.cues();
    parser.push(FILE.as_bytes()).expect("taken");
    parser.eos();
    assert_eq!(parser.cues(), expected());
}

#[test]
fn a_time_segment_clips_and_its_gaps_pass() {
    let mut parser = Parser::new();
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::from_seconds(12));
    segment.set_stop(gst::ClockTime::from_seconds(30));
    parser
        .harness
        .push_event(gst::event::Segment::new(&segment));
    let gap = gst::event::Gap::builder(gst::ClockTime::from_seconds(12)).build();
    parser.harness.push_event(gap);
    parser.push(FILE.as_bytes()).expect("taken");
    parser.eos();
    let cues = parser.cues();
    assert_eq!(cues.len(), 1);
    assert_eq!((cues[0].start_ms, cues[0].duration_ms), (12_000, 8000));
    let events = parser.events();
    assert!(
        events
            .iter()
            .any(|event| event.type_() == gst::EventType::Gap)
    );
}

fn pull(sink: &gst_app::AppSink) -> Cue {
    let sample = sink.pull_sample().expect("a cue");
    cue(sample.buffer().expect("a buffer"))
}

#[test]
fn a_seek_reads_again_and_clips() {
    init();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("class.vtt");
    std::fs::write(&file, FILE).expect("written");
    // typefind names the stream as WebVTT, the queue shows that the meta travels.
    let pipeline = gst::parse::launch(
        "filesrc name=src ! typefind ! webvttparse ! queue ! appsink name=sink sync=false",
    )
    .expect("a pipeline")
    .downcast::<gst::Pipeline>()
    .expect("a pipeline");
    let source = pipeline.by_name("src").expect("a source");
    source.set_property("location", file.to_str().expect("UTF-8"));
    let sink = pipeline
        .by_name("sink")
        .and_then(|sink| sink.downcast::<gst_app::AppSink>().ok());
    let sink = sink.expect("an appsink");
    pipeline.set_state(gst::State::Playing).expect("plays");
    assert_eq!([pull(&sink), pull(&sink), pull(&sink)], expected()[..]);
    assert!(sink.pull_sample().is_err());

    let mut query = gst::query::Seeking::new(gst::Format::Time);
    assert!(pipeline.query(&mut query) && query.result().0);
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
    pipeline
        .seek(
            1.0,
            flags,
            gst::SeekType::Set,
            gst::ClockTime::from_seconds(15),
            gst::SeekType::Set,
            gst::ClockTime::from_seconds(50),
        )
        .expect("seeks");
    let cue = pull(&sink);
    assert_eq!((cue.start_ms, cue.duration_ms), (15_000, 5000));
    assert_eq!(cue.plain, "A set is a collection");
    assert!(sink.pull_sample().is_err());
    let backwards = pipeline.seek(
        -1.0,
        flags,
        gst::SeekType::Set,
        gst::ClockTime::ZERO,
        gst::SeekType::Set,
        gst::ClockTime::from_seconds(50),
    );
    assert!(backwards.is_err());
    pipeline.set_state(gst::State::Null).expect("stops");
}
