// SPDX-License-Identifier: MPL-2.0

//! Tests of `sessionsink`: the files that it leaves, read back with ffprobe, and `session.json`.

use std::path::Path;
use std::process::Command;

use gst::prelude::*;
use gstlecture::record::session::{Event, EventKind, Session};
use tempfile::TempDir;

use crate::harness::init;

mod killed;
mod streams;
mod trouble;

/// Longest time that a test waits.
const HANG: gst::ClockTime = gst::ClockTime::from_seconds(60);

/// Duration of a buffer of [`Track::push`].
const STEP: u64 = 20;

/// A session that is recorded into a folder of its own.
struct Class {
    folder: TempDir,
    pipeline: gst::Pipeline,
    sink: gst::Element,
}

/// What the bus had until the end.
#[derive(Default, Debug)]
struct Told {
    error: Option<String>,
    warnings: Vec<String>,
    messages: Vec<gst::Structure>,
}

impl Class {
    /// A recorder without sources.
    fn new() -> Self {
        Class::of("sessionsink name=session")
    }

    /// A pipeline with a sessionsink named `session`.
    fn of(description: &str) -> Self {
        init();
        let made = gst::parse::launch(description).expect("a pipeline");
        let pipeline = made.downcast::<gst::Pipeline>().unwrap_or_else(|lone| {
            let pipeline = gst::Pipeline::new();
            pipeline.add(&lone).expect("added");
            pipeline
        });
        let folder = tempfile::tempdir().expect("a folder");
        let sink = pipeline.by_name("session").expect("a sessionsink");
        sink.set_property("location", folder.path().to_str());
        Class {
            folder,
            pipeline,
            sink,
        }
    }

    fn play(&self) {
        self.pipeline
            .set_state(gst::State::Playing)
            .expect("it plays");
    }

    /// Waits for the end and stops.
    fn wait(&self) -> Told {
        let told = self.wait_for(gst::MessageType::Eos);
        self.stop();
        told
    }

    /// Waits for a message of this type.
    fn wait_for(&self, kind: gst::MessageType) -> Told {
        let bus = self.pipeline.bus().expect("a bus");
        let mut told = Told::default();
        while let Some(message) = bus.timed_pop(HANG) {
            match message.view() {
                gst::MessageView::Error(error) => {
                    told.error = Some(error.error().to_string());
                    return told;
                }
                gst::MessageView::Warning(warning) => {
                    told.warnings.push(warning.error().to_string());
                }
                gst::MessageView::Element(element) => {
                    told.messages
                        .extend(element.structure().map(ToOwned::to_owned));
                }
                _ => {}
            }
            if message.type_() == kind {
                return told;
            }
        }
        panic!("no {kind:?} in {HANG}: {told:?}");
    }

    fn run(&self) -> Told {
        self.play();
        self.wait()
    }

    fn stop(&self) {
        self.pipeline.set_state(gst::State::Null).expect("it stops");
    }

    /// Ends the tracks that are left, and waits.
    fn end(&self) -> Told {
        assert!(self.sink.send_event(gst::event::Eos::new()));
        self.wait()
    }

    /// The session, with its tracks in the order of their names: they start in threads of their own.
    fn session(&self) -> Session {
        let mut session = read_session(self.folder.path());
        session.tracks.sort_by(|a, b| a.file.cmp(&b.file));
        session
    }

    /// The files of the session, in the order of their names.
    fn files(&self) -> Vec<Probed> {
        let tracks = self.session().tracks.into_iter();
        let probe =
            |track: gstlecture::record::session::Track| probe(&self.folder.path().join(track.file));
        tracks.map(probe).collect()
    }

    fn track(&self, pad: &str, participant: &str) -> Track {
        let pad = self.sink.request_pad_simple(pad).expect("a pad");
        pad.set_property("participant", participant);
        Track { pad }
    }

    fn emit(&self, event: gst::Structure) -> bool {
        self.sink.emit_by_name::<bool>("event", &[&event])
    }
}

impl Drop for Class {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn read_session(folder: &Path) -> Session {
    let text = std::fs::read(folder.join("session.json")).expect("session.json");
    Session::read(&text).expect("a valid session")
}

/// A pad that the test itself feeds.
struct Track {
    pad: gst::Pad,
}

impl Track {
    fn start(&self, caps: &str) -> &Self {
        assert!(
            self.pad
                .send_event(gst::event::StreamStart::new(&self.pad.name()))
        );
        self.caps(caps);
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        assert!(self.pad.send_event(gst::event::Segment::new(&segment)));
        self
    }

    fn caps(&self, caps: &str) {
        let caps = caps.parse::<gst::Caps>().expect("caps");
        assert!(self.pad.send_event(gst::event::Caps::new(&caps)));
    }

    /// Pushes µ-law audio from a time on, in ms.
    fn push(&self, from: u64, count: u64) -> &Self {
        for index in 0..count {
            let mut buffer = gst::Buffer::from_slice(vec![0x55_u8; 160]);
            let made = buffer.get_mut().expect("the only one");
            made.set_pts(gst::ClockTime::from_mseconds(from + index * STEP));
            made.set_duration(gst::ClockTime::from_mseconds(STEP));
            assert_eq!(self.pad.chain(buffer), Ok(gst::FlowSuccess::Ok));
        }
        self
    }

    fn end(&self) {
        assert!(self.pad.send_event(gst::event::Eos::new()));
    }
}

const MULAW: &str = "audio/x-mulaw,rate=8000,channels=1";

/// A file as ffprobe reads it.
#[derive(Debug)]
struct Probed {
    codec: String,
    /// Times of the packets in ms.
    times: Vec<i64>,
}

fn probe(file: &Path) -> Probed {
    probe_with(file, |complaints| complaints.is_empty())
}

/// Reads a file whose last frame may be cut off.
fn probe_killed(file: &Path) -> Probed {
    probe_with(file, |complaints| {
        let mut lines = complaints.lines();
        lines.all(|line| line.ends_with("File ended prematurely"))
    })
}

fn probe_with(file: &Path, is_right: impl Fn(&str) -> bool) -> Probed {
    let read = |entries: &str| {
        let output = Command::new("ffprobe")
            .args(["-v", "error", "-of", "csv=p=0", "-show_entries", entries])
            .arg(file)
            .output()
            .expect("ffprobe is installed");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && is_right(&complaints),
            "{output:?}"
        );
        String::from_utf8(output.stdout).expect("text")
    };
    let times = read("packet=pts_time");
    let times = times.lines().filter(|line| !line.is_empty());
    let times = times.map(|line| {
        let seconds: f64 = line.trim_matches(',').parse().expect("a time");
        (seconds * 1000.0).round() as i64
    });
    Probed {
        codec: read("stream=codec_name").trim().to_owned(),
        times: times.collect(),
    }
}

/// Decodes a file with ffmpeg, which must not complain, and counts its frames.
fn decoded(file: &Path) -> usize {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(file)
        .args(["-fps_mode", "passthrough", "-f", "framecrc", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().filter(|line| !line.starts_with('#')).count()
}

/// The types of the events, with their times in ms.
fn events(session: &Session) -> Vec<(u64, String)> {
    let name = |event: &Event| match &event.kind {
        EventKind::Size { width, height, .. } => format!("size {width}x{height}"),
        kind => {
            let json = serde_json::to_value(kind).expect("JSON");
            let participant = kind.participant().unwrap_or_default();
            format!("{} {participant}", json["type"].as_str().expect("a type"))
        }
    };
    let events = session.events.iter();
    events
        .map(|event| (event.time / 1_000_000, name(event).trim().to_owned()))
        .collect()
}
