// SPDX-License-Identifier: MPL-2.0

//! Chapters in, a chapter file out.

mod properties;
mod toc;

use std::process::Command;

use gst::prelude::*;
use gst_check::Harness;
use gstlecture::webvtt;

use crate::harness::init;

const HEADER: &str = "WEBVTT\n\nNOTE\nstatus: draft\n";

fn seconds(seconds: u64) -> gst::ClockTime {
    gst::ClockTime::from_seconds(seconds)
}

fn chapter(start: u64, duration: Option<u64>, title: &str) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(title.to_owned().into_bytes());
    let writable = buffer.make_mut();
    writable.set_pts(seconds(start));
    writable.set_duration(duration.map(seconds));
    buffer
}

fn text(buffers: &[gst::Buffer]) -> String {
    let read = |buffer: &gst::Buffer| {
        let map = buffer.map_readable().expect("readable");
        String::from_utf8(map.to_vec()).expect("UTF-8")
    };
    buffers.iter().map(read).collect()
}

/// One input, fed step by step.
struct Mux {
    harness: Harness,
    bus: gst::Bus,
    /// The seqnums of the gaps up to the end.
    gaps: Vec<gst::Seqnum>,
}

impl Mux {
    fn new() -> Self {
        init();
        let mux = gst::ElementFactory::make("webvttchaptermux")
            .build()
            .expect("the element");
        let bus = gst::Bus::new();
        mux.set_bus(Some(&bus));
        let mut harness = Harness::with_element(&mux, Some("sink_0"), Some("src"));
        harness.set_src_caps_str("text/x-raw,format=utf8");
        let gaps = Vec::new();
        Mux { harness, bus, gaps }
    }

    fn push(&mut self, buffer: gst::Buffer) {
        self.harness.push(buffer).expect("taken");
    }

    fn gap(&mut self, from: u64, to: u64) {
        let gap = gst::event::Gap::builder(seconds(from)).duration(seconds(to - from));
        assert!(self.harness.push_event(gap.build()));
    }

    /// Everything up to the end of the stream.
    fn finish(&mut self) -> String {
        self.harness.push_event(gst::event::Eos::new());
        loop {
            let event = self.harness.pull_event().expect("an end");
            match event.type_() {
                gst::EventType::Eos => break,
                gst::EventType::Gap => self.gaps.push(event.seqnum()),
                _ => {}
            }
        }
        let buffers: Vec<gst::Buffer> = std::iter::from_fn(|| self.harness.try_pull()).collect();
        text(&buffers)
    }

    fn messages(&self) -> Vec<String> {
        let text = |message: gst::Message| match message.view() {
            gst::MessageView::Warning(warning) => Some(format!("warning: {}", warning.error())),
            gst::MessageView::Error(error) => Some(format!("error: {}", error.error())),
            _ => None,
        };
        self.bus.iter().filter_map(text).collect()
    }
}

/// Runs a pipeline of several inputs: pad, caps, chapters.
fn muxed(properties: &str, inputs: &[(&str, &str, Vec<gst::Buffer>)]) -> String {
    init();
    let mut description =
        format!("webvttchaptermux name=mux {properties} ! appsink name=out sync=false");
    for (pad, caps, _) in inputs {
        description += &format!(" appsrc name={pad} format=time caps={caps} ! mux.{pad}");
    }
    let pipeline = gst::parse::launch(&description)
        .expect("a pipeline")
        .downcast::<gst::Pipeline>()
        .expect("a pipeline");
    let by_name = |name: &str| pipeline.by_name(name).expect("an element");
    let out = by_name("out")
        .downcast::<gst_app::AppSink>()
        .expect("an appsink");
    pipeline.set_state(gst::State::Playing).expect("plays");
    for (pad, _, chapters) in inputs {
        let source = by_name(pad)
            .downcast::<gst_app::AppSrc>()
            .expect("an appsrc");
        for chapter in chapters {
            source.push_buffer(chapter.clone()).expect("taken");
        }
        source.end_of_stream().expect("ended");
    }
    let mut buffers = Vec::new();
    while let Ok(sample) = out.pull_sample() {
        buffers.push(sample.buffer_owned().expect("a buffer"));
    }
    pipeline.set_state(gst::State::Null).expect("stops");
    let file = text(&buffers);
    let document = webvtt::read(file.as_bytes()).expect("WebVTT");
    assert_eq!(document.problems, [], "{file}");
    assert_eq!(webvtt::chapters::check(&document), [], "{file}");
    file
}

const UTF8: &str = "text/x-raw,format=utf8";

#[test]
fn the_header_is_there_before_any_chapter() {
    let mut mux = Mux::new();
    let header = mux.harness.pull().expect("a header");
    assert_eq!(text(&[header]), HEADER);
}

#[test]
fn a_chapter_is_written_once_it_is_certain() {
    let mut mux = Mux::new();
    mux.harness.pull().expect("a header");
    mux.push(chapter(0, Some(10), "Intro & <welcome>"));
    mux.gap(0, 9);
    mux.gap(9, 10);
    let written = mux.harness.pull().expect("a chapter, and no end is needed");
    assert_eq!(written.duration(), Some(seconds(10)));
    assert_eq!(
        text(&[written]),
        "\n00:00:00.000 --> 00:00:10.000\nIntro &amp; &lt;welcome&gt;\n"
    );
    mux.push(chapter(10, None, "Sets"));
    mux.push(chapter(20, None, "Maps"));
    let written = mux.harness.pull().expect("the chapter before the next one");
    assert_eq!(text(&[written]), "\n00:00:10.000 --> 00:00:20.000\nSets\n");
    mux.gap(20, 33);
    assert_eq!(mux.finish(), "\n00:00:20.000 --> 00:00:33.000\nMaps\n");
    assert_eq!(mux.messages(), Vec::<String>::new());
}

#[test]
fn an_end_without_data_makes_a_file_without_chapters() {
    let mut mux = Mux::new();
    assert_eq!(mux.finish(), HEADER);
}

#[test]
fn a_flush_starts_the_file_again() {
    let mut mux = Mux::new();
    mux.push(chapter(0, Some(5), "gone"));
    mux.push(chapter(5, Some(5), "gone too"));
    mux.harness.push_event(gst::event::FlushStart::new());
    mux.harness.push_event(gst::event::FlushStop::new(true));
    while mux.harness.try_pull().is_some() {}
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    mux.harness.push_event(gst::event::Segment::new(&segment));
    mux.push(chapter(0, Some(5), "kept"));
    assert_eq!(
        mux.finish(),
        format!("{HEADER}\n00:00:00.000 --> 00:00:05.000\nkept\n")
    );
}

#[test]
fn caps_may_change_to_markup() {
    let mut mux = Mux::new();
    mux.push(chapter(0, Some(5), "a &amp; <b>"));
    let caps = gst::Caps::builder("text/x-raw")
        .field("format", "pango-markup")
        .build();
    mux.harness.push_event(gst::event::Caps::new(&caps));
    mux.push(chapter(
        5,
        Some(5),
        "<span color=\"red\">a &amp;\n<b>b</b></span>",
    ));
    assert_eq!(
        mux.finish(),
        format!(
            "{HEADER}\n00:00:00.000 --> 00:00:05.000\na &amp;amp; &lt;b&gt;\n\
             \n00:00:05.000 --> 00:00:10.000\na &amp; b\n"
        )
    );
}

#[test]
fn it_is_reusable_after_ready() {
    let mut mux = Mux::new();
    mux.push(chapter(0, Some(5), "before"));
    let element = mux.harness.element().expect("the element");
    element.set_state(gst::State::Ready).expect("READY");
    while mux.harness.try_pull().is_some() {}
    while mux.harness.try_pull_event().is_some() {}
    element.set_state(gst::State::Playing).expect("PLAYING");
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    mux.harness
        .push_event(gst::event::StreamStart::new("again"));
    mux.harness.push_event(gst::event::Segment::new(&segment));
    mux.push(chapter(0, Some(5), "after"));
    assert_eq!(
        mux.finish(),
        format!("{HEADER}\n00:00:00.000 --> 00:00:05.000\nafter\n")
    );
}

#[test]
fn times_are_those_of_the_stream_and_clipped_to_the_segment() {
    let mut mux = Mux::new();
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(seconds(100));
    segment.set_time(seconds(40));
    segment.set_stop(seconds(200));
    mux.harness.push_event(gst::event::Segment::new(&segment));
    mux.push(chapter(90, Some(5), "before"));
    mux.push(chapter(95, Some(15), "first"));
    mux.push(chapter(110, Some(500), "last"));
    assert_eq!(
        mux.finish(),
        format!(
            "{HEADER}\n00:00:40.000 --> 00:00:50.000\nfirst\n\
             \n00:00:50.000 --> 00:02:20.000\nlast\n"
        )
    );
}

#[test]
fn a_duration_without_bounds_ends_with_the_next_chapter() {
    let mut mux = Mux::new();
    let mut endless = chapter(5, None, "endless");
    let longest = gst::ClockTime::MAX;
    endless.make_mut().set_duration(longest);
    mux.push(endless);
    mux.push(chapter(10, Some(5), "next"));
    assert_eq!(
        mux.finish(),
        format!(
            "{HEADER}\n00:00:05.000 --> 00:00:10.000\nendless\n\
             \n00:00:10.000 --> 00:00:15.000\nnext\n"
        )
    );
    assert_eq!(mux.messages(), Vec::<String>::new());
}

#[test]
fn gaps_have_the_seqnum_of_the_segment() {
    let mut mux = Mux::new();
    mux.gap(0, 9);
    mux.finish();
    let pad = mux
        .harness
        .element()
        .and_then(|mux| mux.static_pad("src"))
        .expect("a pad");
    let segment = pad.sticky_event::<gst::event::Segment>(0);
    assert_eq!(mux.gaps, [segment.expect("a segment").seqnum()]);
}

#[test]
fn what_has_no_time_is_one_clear_error() {
    let mut mux = Mux::new();
    let _ = mux.harness.push(gst::Buffer::from_slice(b"no time"));
    mux.harness.push_event(gst::event::Eos::new());
    while mux.harness.pull_event().expect("an end").type_() != gst::EventType::Eos {}
    assert_eq!(
        mux.messages(),
        ["error: A chapter on sink_0 has no timestamp"]
    );

    let mut mux = Mux::new();
    let segment = gst::FormattedSegment::<gst::format::Bytes>::new();
    mux.harness.push_event(gst::event::Segment::new(&segment));
    let error = mux
        .bus
        .timed_pop_filtered(None, &[gst::MessageType::Error])
        .expect("an error");
    let gst::MessageView::Error(error) = error.view() else {
        panic!("an error");
    };
    assert_eq!(
        error.error().to_string(),
        "Chapters need a segment in time format; sink_0 has one in Bytes"
    );
}

#[test]
fn what_is_left_out_is_said() {
    let mut mux = Mux::new();
    mux.push(chapter(5, Some(5), "A"));
    mux.push(chapter(5, Some(5), "A again"));
    mux.push(chapter(20, None, " \n"));
    let file = mux.finish();
    assert_eq!(
        file,
        format!("{HEADER}\n00:00:05.000 --> 00:00:10.000\nA\n")
    );
    assert_eq!(
        mux.messages(),
        [
            "warning: The chapter \"A again\" at 00:00:05.000 is left out: another one of its \
             level starts at the same time",
            "warning: The chapter \"\" at 00:00:20.000 is left out: it has no title"
        ]
    );
}

#[test]
fn inner_chapters_lie_inside_outer_ones() {
    let outer = vec![chapter(0, None, "Part 1"), chapter(100, None, "Part 2")];
    let inner = vec![
        chapter(0, Some(40), "One"),
        chapter(40, Some(80), "Two\nlines --> one"),
        chapter(100, Some(50), "Three"),
    ];
    let properties = "sink_3::level=1 status=approved input=\"a b\"";
    let file = muxed(
        properties,
        &[("sink_3", UTF8, inner), ("sink_1", UTF8, outer)],
    );
    assert_eq!(
        file,
        "WEBVTT\n\nNOTE\nstatus: approved\ninput: a b\n\
         \n00:00:00.000 --> 00:01:40.000\nPart 1\n\
         \n00:00:00.000 --> 00:00:40.000\nOne\n\
         \n00:00:40.000 --> 00:01:40.000\nTwo lines --&gt; one\n\
         \n00:01:40.000 --> 00:02:30.000\nPart 2\n"
    );
}

#[test]
fn another_reader_takes_the_file() {
    let chapters = vec![
        chapter(0, Some(30), "Intro & more"),
        chapter(30, Some(30), "Sets"),
    ];
    let file = muxed("", &[("sink_0", UTF8, chapters)]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("chapters.vtt");
    std::fs::write(&path, &file).expect("written");
    let probe = Command::new("ffprobe")
        .args(["-v", "error", "-of", "csv=p=0"])
        .args(["-show_entries", "packet=pts_time,duration_time"])
        .arg(&path)
        .output()
        .expect("ffprobe runs");
    assert_eq!(String::from_utf8_lossy(&probe.stderr), "");
    let packets = String::from_utf8_lossy(&probe.stdout);
    let packets: Vec<&str> = packets
        .lines()
        .map(|line| line.trim_end_matches(','))
        .collect();
    assert_eq!(packets, ["0.000000,30.000000", "30.000000,30.000000"]);
}
