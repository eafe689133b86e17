// SPDX-License-Identifier: MPL-2.0

//! A player with the tap in it, for tests of the element.

use std::{fs, path::Path, time::Duration};

use gst::prelude::*;
use gstlecture::xapi::{iri, segments};
use serde_json::Value;

use super::init;

pub const ACTOR: &str = "mailto:ada@example.org";
pub const ACTIVITY: &str = "https://example.org/class/7";

/// A WAV file of silence: mono, 8 kHz, 16 bit.
pub fn wav(folder: &Path, name: &str, ms: u32) -> String {
    let data = ms * 16;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + data).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(8000_u32.to_le_bytes());
    bytes.extend(16_000_u32.to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(data.to_le_bytes());
    bytes.resize(44 + data as usize, 0);
    let path = folder.join(name);
    fs::write(&path, bytes).expect("the file is written");
    path.display().to_string()
}

/// A pipeline with the tap in it, and what was heard from it.
pub struct Player {
    pub pipeline: gst::Pipeline,
    pub tap: gst::Element,
    pub statements: Vec<Value>,
    pub warnings: Vec<String>,
    pub deliveries: Vec<gst::Structure>,
}

impl Player {
    pub fn new(source: &str, properties: &str) -> Self {
        init();
        let description = format!(
            "{source} ! xapitap name=tap actor={ACTOR} activity-id={ACTIVITY} {properties} ! \
             fakesink name=sink sync=true"
        );
        let pipeline = gst::parse::launch(&description)
            .expect("the description is right")
            .downcast::<gst::Pipeline>()
            .expect("it is a pipeline");
        let tap = pipeline.by_name("tap").expect("it has a tap");
        Player {
            pipeline,
            tap,
            statements: vec![],
            warnings: vec![],
            deliveries: vec![],
        }
    }

    pub fn file(path: &str, properties: &str) -> Self {
        Player::new(
            &format!("filesrc location={path} blocksize=1600 ! wavparse"),
            properties,
        )
    }

    pub fn set(&mut self, state: gst::State) {
        self.pipeline.set_state(state).expect("the state changes");
        let (result, ..) = self.pipeline.state(gst::ClockTime::from_seconds(20));
        result.expect("the state is reached");
    }

    pub fn hear(&mut self, message: &gst::Message) {
        match message.view() {
            gst::MessageView::Error(error) => panic!("{error:?}"),
            gst::MessageView::Warning(warning) => self.warnings.push(warning.error().to_string()),
            gst::MessageView::Element(element) => {
                let structure = element.structure().expect("a structure");
                match structure.name().as_str() {
                    "xapitap-statement" => {
                        let json: String = structure.get("json").expect("json");
                        let value: Value = serde_json::from_str(&json).expect("JSON");
                        assert_eq!(value["id"], structure.get::<String>("id").expect("id"));
                        let verb: String = structure.get("verb").expect("verb");
                        assert!(
                            value["verb"]["id"]
                                .as_str()
                                .is_some_and(|id| id.ends_with(&verb))
                        );
                        self.statements.push(value);
                    }
                    "xapitap-delivery" => self.deliveries.push(structure.to_owned()),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Plays on until the end of the stream.
    pub fn play_to_the_end(&mut self) {
        let bus = self.pipeline.bus().expect("a bus");
        while let Some(message) = bus.timed_pop(gst::ClockTime::from_seconds(30)) {
            self.hear(&message);
            if message.type_() == gst::MessageType::Eos {
                return;
            }
        }
        panic!("the stream does not end");
    }

    /// Plays to the end of the stream, and stops.
    pub fn play(&mut self) {
        self.set(gst::State::Playing);
        self.play_to_the_end();
        self.stop();
    }

    /// Plays on until the position is reached.
    pub fn to(&self, ms: u64) {
        while self.position() < ms {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn position(&self) -> u64 {
        let position = self.pipeline.query_position::<gst::ClockTime>();
        position.map_or(0, gst::ClockTime::mseconds)
    }

    pub fn seek(&mut self, rate: f64, ms: u64) {
        self.pipeline
            .seek(
                rate,
                gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE,
                gst::SeekType::Set,
                gst::ClockTime::from_mseconds(ms),
                gst::SeekType::None,
                gst::ClockTime::NONE,
            )
            .expect("it seeks");
        let (result, ..) = self.pipeline.state(gst::ClockTime::from_seconds(20));
        result.expect("the seek is done");
    }

    /// Stops, and hears what was said until then.
    pub fn stop(&mut self) {
        self.set(gst::State::Ready);
        let bus = self.pipeline.bus().expect("a bus");
        while let Some(message) = bus.pop() {
            self.hear(&message);
        }
    }

    pub fn verbs(&self) -> Vec<&str> {
        self.statements
            .iter()
            .filter_map(|statement| statement["verb"]["display"]["en"].as_str())
            .collect()
    }

    pub fn played(&self) -> Vec<segments::Segment> {
        let last = self.statements.last().expect("something was said");
        let text = last["result"]["extensions"][iri::PLAYED_SEGMENTS]
            .as_str()
            .expect("a text");
        segments::from_text(text).expect("segments")
    }

    pub fn number(&self, name: &str) -> u64 {
        self.tap
            .property::<gst::Structure>("stats")
            .get(name)
            .expect("a number")
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Positions are read, and states changed, a moment apart.
pub fn near(a: u64, b: u64) -> bool {
    a.abs_diff(b) <= 150
}

pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}
