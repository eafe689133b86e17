// SPDX-License-Identifier: MPL-2.0

//! Closed captions (CEA-608) in the frames of a recording become its captions draft. They are put into
//! frames here, coded by x264 with frames out of order, and read by FFmpeg, too.

use std::collections::BTreeMap;

use gst::prelude::*;
use gst_video::{VideoCaptionMeta, VideoCaptionType};

use crate::harness::place::Place;
use crate::harness::tool;

const RATE: u64 = 25;
const POP_ON: [u8; 2] = [0x14, 0x20];
const CLEAR: [u8; 2] = [0x14, 0x2e];
const ROW_14: [u8; 2] = [0x14, 0x40];
const ROW_15: [u8; 2] = [0x14, 0x60];
const SHOW: [u8; 2] = [0x14, 0x2f];
const ERASE: [u8; 2] = [0x14, 0x2c];

fn with_parity(byte: u8) -> u8 {
    match byte.count_ones().is_multiple_of(2) {
        true => byte | 0x80,
        false => byte,
    }
}

/// The pair of each frame that has one.
#[derive(Default)]
struct Pairs(BTreeMap<u64, [u8; 2]>);

impl Pairs {
    /// Sends pairs one a frame, the last of them with the frame `until`.
    fn send(&mut self, until: u64, pairs: &[[u8; 2]]) {
        let first = until + 1 - pairs.len() as u64;
        for (at, pair) in pairs.iter().enumerate() {
            let taken = self.0.insert(first + at as u64, pair.map(with_parity));
            assert_eq!(taken, None, "one pair a frame");
        }
    }

    /// A caption that pops on with this frame.
    fn pop_on(&mut self, frame: u64, lines: &[&str]) {
        let mut pairs = vec![POP_ON, POP_ON, CLEAR, CLEAR];
        let rows = [ROW_14, ROW_15];
        for (line, row) in lines.iter().zip(&rows[2 - lines.len()..]) {
            pairs.extend([*row, *row]);
            for pair in line.as_bytes().chunks(2) {
                pairs.push([pair[0], pair.get(1).copied().unwrap_or_default()]);
            }
        }
        // What a decoder reads twice counts once: the caption is there with the first.
        pairs.push(SHOW);
        self.send(frame, &pairs);
    }
}

/// Makes a recording of so many frames; its captions are in CEA-708 packets, as encoders write them.
fn recording(place: &Place, name: &str, muxer: &str, frames: u64, pairs: Pairs) {
    gst::init().expect("GStreamer");
    let pipeline = gst::parse::launch(&format!(
        "{muxer} name=mux ! filesink location={} \
         videotestsrc name=pictures num-buffers={frames} pattern=ball \
         ! video/x-raw,format=I420,width=320,height=240,framerate={RATE}/1 \
         ! x264enc bframes=3 b-adapt=false key-int-max=50 ! h264parse ! queue ! mux. \
         audiotestsrc num-buffers={} samplesperbuffer=1920 volume=0.2 \
         ! audio/x-raw,rate=48000,channels=1 ! avenc_aac ! aacparse ! queue ! mux.",
        place.path(name).display(),
        frames
    ))
    .expect("a pipeline")
    .downcast::<gst::Pipeline>()
    .expect("a pipeline");
    let source = pipeline.by_name("pictures").expect("a source");
    let pad = source.static_pad("src").expect("a pad");
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer_mut() {
            let pair = pairs.0.get(&buffer.offset());
            let [first, second] = *pair.unwrap_or(&[0x80, 0x80]);
            // The second field has none.
            let triples = [0xfc, first, second, 0xf9, 0x80, 0x80];
            VideoCaptionMeta::add(buffer.make_mut(), VideoCaptionType::Cea708Raw, &triples);
        }
        gst::PadProbeReturn::Ok
    });
    pipeline.set_state(gst::State::Playing).expect("playing");
    let bus = pipeline.bus().expect("a bus");
    let kinds = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = bus.timed_pop_filtered(gst::ClockTime::from_seconds(120), &kinds);
    let ended = message.is_some_and(|message| message.type_() == gst::MessageType::Eos);
    pipeline.set_state(gst::State::Null).expect("stopped");
    assert!(ended, "{name} is written");
}

/// Returns the start, in milliseconds, and the text of each caption that FFmpeg reads.
fn read_by_ffmpeg(place: &Place, name: &str) -> Vec<(u64, String)> {
    let srt = tool(
        "ffmpeg",
        &[
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            &format!("movie={}[out+subcc]", place.path(name).display()),
            "-map",
            "0:s",
            "-f",
            "webvtt",
            "-",
        ],
    );
    cues(&String::from_utf8(srt).expect("UTF-8"))
}

/// Returns the start, in milliseconds, and the text of each cue.
fn cues(webvtt: &str) -> Vec<(u64, String)> {
    let blocks = webvtt.split("\n\n").filter_map(|block| {
        let (times, text) = block.trim().split_once('\n')?;
        let (start, _) = times.split_once(" --> ")?;
        let parts = start.split([':', '.']).map(|part| part.parse::<u64>());
        let parts: Vec<u64> = parts.collect::<Result<_, _>>().ok()?;
        let clock = parts.iter().rev().skip(1).zip([1, 60, 3600]);
        let seconds: u64 = clock.map(|(part, unit)| part * unit).sum();
        let text = text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
        Some((seconds * 1000 + parts.last()?, text))
    });
    blocks.collect()
}

/// Two captions, one erased and one replaced, at these frames.
fn script() -> Pairs {
    let mut pairs = Pairs::default();
    pairs.pop_on(60, &["WHAT IS A FORCE?"]);
    pairs.pop_on(110, &["Mass times", "acceleration."]);
    pairs.send(200, &[ERASE]);
    pairs.pop_on(280, &["Thank you!"]);
    pairs
}

const TEXTS: [&str; 3] = [
    "WHAT IS A FORCE?",
    "Mass times\nacceleration.",
    "Thank you!",
];

#[test]
fn captions_in_the_frames_are_the_captions_draft() {
    let place = Place::new();
    for (name, muxer) in [
        ("class.mp4", "mp4mux"),
        ("class.ts", "mpegtsmux"),
        ("class.mkv", "matroskamux"),
    ] {
        recording(&place, name, muxer, 300, script());
        place.done(&[
            "analyse",
            &format!("input={name}"),
            &format!("output={name}.out"),
            "language=en",
        ]);
        let draft = place.read(&format!("{name}.out/drafts/captions.en.vtt"));
        assert!(draft.contains("status: draft"), "{name}: {draft}");
        let found = cues(&draft);
        let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, TEXTS, "{name}");
        // To a frame, whatever the container puts in front.
        for ((start, text), frame) in found.iter().zip([60, 110, 280]) {
            let expected = frame * 1000 / RATE;
            assert!(
                start.abs_diff(expected) <= 40,
                "{name}: {text} at {start} ms"
            );
        }
        assert!(
            draft.contains("--> 00:00:08.0"),
            "{name}: erased at 8 s: {draft}"
        );
        let others = read_by_ffmpeg(&place, name);
        let texts: Vec<&str> = others.iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(texts, TEXTS, "FFmpeg reads the same of {name}");
    }
}

#[test]
fn captions_in_the_frames_are_packaged_and_given_ones_come_first() {
    let place = Place::new();
    recording(&place, "class.mp4", "mp4mux", 300, script());
    place.write("given.vtt", "WEBVTT\n\n00:02.000 --> 00:05.000\nGiven\n");
    let arguments = ["package", "input=class.mp4", "ladder=240"];
    place.done(&[&arguments[..], &["output=own"]].concat());
    let captions = place.read("own/package/captions/captions.und.vtt");
    assert!(captions.contains("WHAT IS A FORCE?"), "{captions}");
    place.done(&[&arguments[..], &["output=given", "captions.und=given.vtt"]].concat());
    let captions = place.read("given/package/captions/captions.und.vtt");
    assert!(captions.contains("Given"), "{captions}");
    assert!(!captions.contains("FORCE"), "{captions}");
}
