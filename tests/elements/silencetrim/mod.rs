// SPDX-License-Identifier: MPL-2.0

//! silencetrim: what it cuts, what stays in step, and that nobody waits for ever.

mod detection;
mod events;
mod output;
mod properties;
mod redaction;
mod splices;
mod waiting;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gst::prelude::*;

use crate::harness::init;

const SECOND: u64 = 1_000_000_000;

/// A pipeline that needs longer hangs.
const HANG: gst::ClockTime = gst::ClockTime::from_seconds(60);

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sample.mkv")
}

fn pipeline(description: &str) -> gst::Pipeline {
    init();
    let made = gst::parse::launch(description).expect("description");
    made.downcast::<gst::Pipeline>().expect("pipeline")
}

/// Runs to EOS; gives the element messages and the texts of warnings.
fn run(pipeline: &gst::Pipeline) -> (Vec<gst::Structure>, Vec<String>) {
    let result = try_run(pipeline);
    match result {
        Ok(found) => found,
        Err(error) => panic!("{error}"),
    }
}

fn try_run(pipeline: &gst::Pipeline) -> Result<(Vec<gst::Structure>, Vec<String>), String> {
    let bus = pipeline.bus().expect("bus");
    // A refused start says why on the bus.
    let _ = pipeline.set_state(gst::State::Playing);
    let (mut structures, mut warnings) = (Vec::new(), Vec::new());
    let result = loop {
        let Some(message) = bus.timed_pop(HANG) else {
            break Err("it hangs".to_owned());
        };
        match message.view() {
            gst::MessageView::Eos(_) => break Ok((structures, warnings)),
            gst::MessageView::Error(error) => break Err(error.error().to_string()),
            gst::MessageView::Warning(warning) => warnings.push(warning.error().to_string()),
            gst::MessageView::Element(element) => {
                structures.extend(element.structure().map(|s| s.to_owned()));
            }
            _ => {}
        }
    };
    pipeline.set_state(gst::State::Null).expect("null");
    result
}

/// What arrives at the fakesink or sink of this name: (pts, duration, bytes, discont).
type Got = Arc<Mutex<Vec<(u64, u64, Vec<u8>, bool)>>>;

fn collect(pipeline: &gst::Pipeline, sink: &str) -> Got {
    let got = Got::default();
    let copy = Arc::clone(&got);
    let pad = pipeline
        .by_name(sink)
        .and_then(|sink| sink.static_pad("sink"))
        .expect("sink");
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(buffer) = info.buffer() {
            let segment = pad
                .sticky_event::<gst::event::Segment>(0)
                .and_then(|event| event.segment().downcast_ref::<gst::ClockTime>().cloned())
                .expect("a time segment before the first buffer");
            let pts = segment
                .to_running_time(buffer.pts())
                .expect("inside the segment");
            let map = buffer.map_readable().expect("readable");
            copy.lock().expect("lock").push((
                pts.nseconds(),
                buffer.duration().map_or(0, gst::ClockTime::nseconds),
                map.to_vec(),
                buffer.flags().contains(gst::BufferFlags::DISCONT),
            ));
        }
        gst::PadProbeReturn::Ok
    });
    got
}

fn count_segments(pipeline: &gst::Pipeline, sink: &str) -> Arc<Mutex<Vec<gst::Event>>> {
    let segments = Arc::new(Mutex::new(Vec::new()));
    let copy = Arc::clone(&segments);
    let pad = pipeline
        .by_name(sink)
        .and_then(|sink| sink.static_pad("sink"))
        .expect("sink");
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(event) = info
            .event()
            .filter(|e| e.type_() == gst::EventType::Segment)
        {
            copy.lock().expect("lock").push(event.clone());
        }
        gst::PadProbeReturn::Ok
    });
    segments
}

/// A cut list that keeps these spans (in ms).
fn cut_list(folder: &Path, kept: &[(u64, u64)]) -> String {
    let stamp = |ms: u64| {
        format!(
            "{:02}:{:02}:{:02}.{:03}",
            ms / 3_600_000,
            ms / 60_000 % 60,
            ms / 1000 % 60,
            ms % 1000
        )
    };
    let cues: Vec<String> = kept
        .iter()
        .map(|(start, end)| format!("{} --> {}\nkeep\n", stamp(*start), stamp(*end)))
        .collect();
    let path = folder.join("trim.vtt");
    std::fs::write(&path, format!("WEBVTT\n\n{}", cues.join("\n"))).expect("cut list");
    path.to_str().expect("UTF-8").to_owned()
}

/// One frame of 40 ms is white at the start of every second; with it 20 ms of sound begin.
fn flash_and_beep(seconds: u64) -> (Vec<gst::Buffer>, Vec<gst::Buffer>) {
    let frames = (0..seconds * 25).map(|index| {
        let level = if index % 25 == 0 { 235 } else { 16 };
        let mut buffer = gst::Buffer::from_mut_slice(vec![level; 64 * 64]);
        let buffer_ref = buffer.make_mut();
        buffer_ref.set_pts(gst::ClockTime::from_mseconds(index * 40));
        buffer_ref.set_duration(gst::ClockTime::from_mseconds(40));
        buffer
    });
    // 20 ms blocks of 48 kHz.
    let blocks = (0..seconds * 50).map(|index| {
        let samples = (0..960).flat_map(|at| {
            let loud = index % 50 == 0;
            let sample = if loud {
                if at / 24 % 2 == 0 { 20_000i16 } else { -20_000 }
            } else {
                0
            };
            sample.to_le_bytes()
        });
        let mut buffer = gst::Buffer::from_mut_slice(samples.collect::<Vec<u8>>());
        let buffer_ref = buffer.make_mut();
        buffer_ref.set_pts(gst::ClockTime::from_mseconds(index * 20));
        buffer_ref.set_duration(gst::ClockTime::from_mseconds(20));
        buffer
    });
    (frames.collect(), blocks.collect())
}

const SOURCES: &str = "appsrc name=frames format=time max-bytes=0 \
     caps=video/x-raw,format=GRAY8,width=64,height=64,framerate=25/1 \
     appsrc name=blocks format=time max-bytes=0 \
     caps=audio/x-raw,format=S16LE,rate=48000,channels=1,layout=interleaved ";

fn feed(pipeline: &gst::Pipeline, seconds: u64) {
    let (frames, blocks) = flash_and_beep(seconds);
    pipeline.set_state(gst::State::Paused).expect("paused");
    push_all(pipeline, frames, blocks);
}

fn push_all(pipeline: &gst::Pipeline, frames: Vec<gst::Buffer>, blocks: Vec<gst::Buffer>) {
    for (name, buffers) in [("frames", frames), ("blocks", blocks)] {
        let source = pipeline.by_name(name).expect("source");
        for buffer in buffers {
            let flow = source.emit_by_name::<gst::FlowReturn>("push-buffer", &[&buffer]);
            assert_eq!(flow, gst::FlowReturn::Ok);
        }
        let flow = source.emit_by_name::<gst::FlowReturn>("end-of-stream", &[]);
        assert_eq!(flow, gst::FlowReturn::Ok);
    }
}

/// When the picture turns white.
fn flashes(got: &Got) -> Vec<u64> {
    let got = got.lock().expect("lock");
    let white = |frame: &&(u64, u64, Vec<u8>, bool)| frame.2[frame.2.len() / 3] > 120;
    got.iter().filter(white).map(|frame| frame.0).collect()
}

/// When sound begins after silence: S16LE mono, 48 kHz.
fn beeps(got: &Got) -> Vec<u64> {
    let mut beeps = Vec::new();
    let mut last = None;
    for (pts, _, bytes, _) in got.lock().expect("lock").iter() {
        for (index, sample) in bytes.chunks_exact(2).enumerate() {
            if i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > 4000 {
                let at = pts + index as u64 * SECOND / 48_000;
                if last.is_none_or(|last: u64| at > last + SECOND / 10) {
                    beeps.push(at);
                }
                last = Some(at);
            }
        }
    }
    beeps
}

/// What `trim` does with a recording: streams from a parser, a decoded copy to listen to.
fn trim_file(input: &Path, output: &Path, properties: &str) -> gst::Pipeline {
    pipeline(&format!(
        "silencetrim name=trim {properties} matroskamux name=mux ! filesink location=\"{}\" \
         filesrc location=\"{}\" ! parsebin name=source \
         source. ! queue ! capsfilter caps=video/x-h264 ! trim.sink_0 trim.src_0 ! h264parse ! queue ! mux. \
         source. ! queue ! capsfilter caps=audio/x-opus ! tee name=t ! queue ! trim.sink_1 trim.src_1 ! queue ! mux. \
         t. ! queue ! decodebin ! audio/x-raw ! trim.sink_2 trim.src_2 ! fakesink async=false sync=false",
        output.display(),
        input.display()
    ))
}

fn truth() -> serde_json::Value {
    let bytes = std::fs::read(sample().with_extension("truth.json")).expect("truth");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn cuts(messages: &[gst::Structure]) -> Vec<(f64, f64)> {
    let seconds = |s: &gst::Structure, field| s.get::<u64>(field).expect("time") as f64 / 1e9;
    messages
        .iter()
        .filter(|m| m.name() == "silencetrim-cut")
        .map(|m| (seconds(m, "start"), seconds(m, "end")))
        .collect()
}

fn discovered(path: &Path) -> f64 {
    let output = std::process::Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-show_entries",
            "format=duration",
            "-of",
            "csv=p=0",
        ])
        .arg(path)
        .output()
        .expect("ffprobe");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().expect("duration")
}

fn harness(description: &str) -> gst_check::Harness {
    init();
    let element = gst::ElementFactory::make("silencetrim")
        .build()
        .expect("element");
    for setting in description.split_whitespace() {
        let (name, value) = setting.split_once('=').expect("name=value");
        element.set_property_from_str(name, value);
    }
    gst_check::Harness::with_element(&element, Some("sink_0"), Some("src_0"))
}

const AUDIO: &str = "audio/x-raw,format=S16LE,rate=48000,channels=1,layout=interleaved";

fn block(at: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(vec![0u8; 9600]);
    let buffer_ref = buffer.make_mut();
    buffer_ref.set_pts(gst::ClockTime::from_mseconds(at));
    buffer_ref.set_duration(gst::ClockTime::from_mseconds(100));
    buffer
}

/// A cut list of these cues.
fn redactions(folder: &Path, cues: &str) -> String {
    let path = folder.join("trim.vtt");
    std::fs::write(&path, format!("WEBVTT\n\n{cues}")).expect("cut list");
    format!("cuts-location={}", path.display())
}

const PICTURES: &str = "video/x-raw,format=GRAY8,width=4,height=4,framerate=25/1";

/// A plain picture of 40 ms.
fn picture(at: u64, level: u8) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(vec![level; 16]);
    let buffer_ref = buffer.make_mut();
    buffer_ref.set_pts(gst::ClockTime::from_mseconds(at));
    buffer_ref.set_duration(gst::ClockTime::from_mseconds(40));
    buffer
}

/// Source pads of the test, each linked to a pad of the element `trim`.
fn sources(p: &gst::Pipeline, names: &[&str]) -> Vec<gst::Pad> {
    let trim = p.by_name("trim").expect("trim");
    let make = |name: &&str| {
        let pad = gst::Pad::builder(gst::PadDirection::Src).build();
        pad.set_active(true).expect("active");
        let sink = trim.request_pad_simple(name).expect("a pad");
        pad.link(&sink).expect("linked");
        pad
    };
    names.iter().map(make).collect()
}

/// A pipeline of nothing but the element `trim`.
fn alone() -> gst::Pipeline {
    init();
    let trim = gst::ElementFactory::make("silencetrim")
        .name("trim")
        .build()
        .expect("element");
    let made = gst::Pipeline::new();
    made.add(&trim).expect("added");
    made
}

/// Takes what `src_0` sends.
fn take(
    p: &gst::Pipeline,
    chain: impl Fn(gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> + Send + Sync + 'static,
) -> gst::Pad {
    let pad = gst::Pad::builder(gst::PadDirection::Sink)
        .chain_function(move |_, _, buffer| chain(buffer))
        .build();
    pad.set_active(true).expect("active");
    let trim = p.by_name("trim").expect("trim");
    let src = trim.static_pad("src_0").expect("src");
    src.link(&pad).expect("linked");
    pad
}

fn begin(pad: &gst::Pad, caps: &str) {
    pad.push_event(gst::event::StreamStart::new(caps));
    let caps = caps.parse::<gst::Caps>().expect("caps");
    pad.push_event(gst::event::Caps::new(&caps));
    push_segment(pad);
}

fn push_segment(pad: &gst::Pad) {
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    pad.push_event(gst::event::Segment::new(&segment));
}

/// Waits until `is` becomes true; a test that needs longer fails.
fn wait_for(what: &str, is: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !is() {
        assert!(start.elapsed().as_secs() < 20, "{what} does not come");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// What ffmpeg reads of a file, as raw bytes.
fn ffmpeg(file: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(arguments)
        .arg("-")
        .output()
        .expect("ffmpeg");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    output.stdout
}
