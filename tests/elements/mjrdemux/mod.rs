// SPDX-License-Identifier: MPL-2.0

//! Janus recordings in, streams out. Recordings are made with GStreamer's payloaders; real ones are
//! compared with janus-pp-rec.

use std::path::Path;
use std::sync::{Arc, Mutex};

use gst::prelude::*;

use crate::harness::init;

mod real;
mod streams;
mod trouble;

/// Longer than any of these pipelines takes; only a hang reaches it.
const HANG: gst::ClockTime = gst::ClockTime::from_seconds(120);

/// A recording of the present format with these packets, one per 20 ms.
fn mjr(header: &str, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"MJR00002".to_vec();
    file.extend((header.len() as u16).to_be_bytes());
    file.extend(header.as_bytes());
    for (index, packet) in packets.iter().enumerate() {
        file.extend(b"MEET");
        file.extend((index as u32 * 20).to_be_bytes());
        file.extend((packet.len() as u16).to_be_bytes());
        file.extend(packet);
    }
    file
}

fn header(kind: &str, codec: &str) -> String {
    format!(r#"{{"t": "{kind}", "c": "{codec}", "s": 1000000, "u": 1200000}}"#)
}

/// RTP packets of a test source; `encoder` ends with a payloader.
fn packets(encoder: &str) -> Vec<Vec<u8>> {
    init();
    let pipeline = gst::parse::launch(&format!("{encoder} ! appsink name=sink sync=false"))
        .expect("a valid description")
        .downcast::<gst::Pipeline>()
        .expect("a pipeline");
    let sink = pipeline
        .by_name("sink")
        .and_downcast::<gst_app::AppSink>()
        .expect("the sink");
    pipeline.set_state(gst::State::Playing).expect("it plays");
    let mut packets = Vec::new();
    while let Ok(sample) = sink.pull_sample() {
        let buffer = sample.buffer().expect("a buffer");
        packets.push(buffer.map_readable().expect("readable").to_vec());
    }
    pipeline.set_state(gst::State::Null).expect("it stops");
    assert!(packets.len() > 10, "{encoder}: {} packets", packets.len());
    packets
}

fn opus() -> Vec<Vec<u8>> {
    packets(
        "audiotestsrc num-buffers=50 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay timestamp-offset=4294960000 seqnum-offset=65520",
    )
}

fn vp8() -> Vec<Vec<u8>> {
    packets(
        "videotestsrc num-buffers=30 pattern=ball ! video/x-raw,width=320,height=240,framerate=30/1 ! vp8enc deadline=1 keyframe-max-dist=10 ! rtpvp8pay mtu=400 timestamp-offset=4294900000 seqnum-offset=65500",
    )
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    caps: String,
    /// Start in ns and size of each buffer.
    buffers: Vec<(u64, usize)>,
    gaps: Vec<(u64, u64)>,
    tags: Vec<String>,
    messages: Vec<gst::Structure>,
    warnings: Vec<String>,
    error: Option<String>,
    eos: bool,
}

struct Player {
    pipeline: gst::Pipeline,
    seen: Arc<Mutex<Seen>>,
}

impl Player {
    /// Plays a file through `elements`, which start with mjrdemux.
    fn new(file: &Path, elements: &str) -> Self {
        init();
        let description =
            format!("filesrc name=source ! {elements} ! fakesink name=sink sync=false");
        let pipeline = gst::parse::launch(&description)
            .expect("a valid description")
            .downcast::<gst::Pipeline>()
            .expect("a pipeline");
        pipeline
            .by_name("source")
            .expect("the source")
            .set_property("location", file);
        let seen = Arc::new(Mutex::new(Seen::default()));
        let pad = pipeline
            .by_name("sink")
            .and_then(|sink| sink.static_pad("sink"));
        let probed = Arc::clone(&seen);
        let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        pad.expect("the sink's pad")
            .add_probe(kinds, move |_, info| {
                let mut seen = probed.lock().expect("no panic");
                match &info.data {
                    Some(gst::PadProbeData::Buffer(buffer)) => {
                        let start = buffer.pts().expect("a start").nseconds();
                        seen.buffers.push((start, buffer.size()));
                    }
                    Some(gst::PadProbeData::Event(event)) => match event.view() {
                        gst::EventView::Caps(caps) => seen.caps = caps.caps().to_string(),
                        gst::EventView::Gap(gap) => {
                            let (start, length) = gap.get();
                            let length = length.map_or(0, gst::ClockTime::nseconds);
                            seen.gaps.push((start.nseconds(), length));
                        }
                        gst::EventView::Tag(tag) => {
                            let orientation = tag.tag().get::<gst::tags::ImageOrientation>();
                            seen.tags
                                .extend(orientation.map(|value| value.get().to_owned()));
                        }
                        _ => {}
                    },
                    _ => {}
                }
                gst::PadProbeReturn::Ok
            });
        Self { pipeline, seen }
    }

    /// Waits for the end or an error.
    fn wait(&self) -> Seen {
        let bus = self.pipeline.bus().expect("a bus");
        loop {
            let message = bus.timed_pop(HANG).expect("the pipeline hangs");
            let mut seen = self.seen.lock().expect("no panic");
            match message.view() {
                gst::MessageView::Eos(_) => seen.eos = true,
                gst::MessageView::Error(error) => {
                    seen.error = Some(error.error().message().to_owned())
                }
                gst::MessageView::Warning(warning) => {
                    seen.warnings.push(warning.error().message().to_owned());
                }
                gst::MessageView::Element(element) => {
                    seen.messages
                        .extend(element.structure().map(ToOwned::to_owned));
                }
                _ => {}
            }
            if seen.eos || seen.error.is_some() {
                return seen.clone();
            }
        }
    }

    fn run(&self) -> Seen {
        // An error may come before the state is reached.
        let _ = self.pipeline.set_state(gst::State::Playing);
        self.wait()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Writes the bytes to a file and plays it.
fn play(bytes: &[u8]) -> Seen {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.mjr");
    std::fs::write(&file, bytes).expect("written");
    Player::new(&file, "mjrdemux").run()
}

fn starts(seen: &Seen) -> Vec<u64> {
    seen.buffers.iter().map(|(start, _)| *start).collect()
}
