// SPDX-License-Identifier: MPL-2.0

//! Streams of a file that decodebin really delivers. Caps are not enough: a decoder may refuse what
//! its template accepts, and a demuxer may announce a stream of which it reads nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_pbutils::DiscovererStreamInfo;
use gst_pbutils::prelude::*;

use crate::engine::pipeline::{self, Running};

/// Longest time until a file shows all its streams.
const LIMIT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// Result of decodebin for a file.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Identifiers of the streams that come out decoded.
    ids: BTreeSet<String>,
    /// Codecs of audio and video that no element decodes, each once.
    pub unknown: Vec<String>,
}

impl Delivered {
    /// Opens `path` until all its streams are found; with `in_one_go`, nothing seeks in it. Problems of the file are reported elsewhere;
    /// in that case fewer streams, or none, are delivered.
    pub fn ask(path: &Path, in_one_go: bool) -> Self {
        let delivered = Arc::new(Mutex::new(Delivered::default()));
        let tee = if in_one_go { "! tee" } else { "" };
        let description = format!("filesrc name=recording {tee} ! decodebin name=source");
        let asked = pipeline::parse(&description).ok();
        if let Some(made) = asked {
            find(&made, path, &delivered);
        }
        let mut delivered = delivered.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *delivered)
    }

    /// Returns whether a stream is delivered decoded.
    pub fn has(&self, stream: &DiscovererStreamInfo) -> bool {
        stream
            .stream_id()
            .is_some_and(|id| self.ids.contains(id.as_str()))
    }
}

fn find(made: &gst::Pipeline, path: &Path, delivered: &Arc<Mutex<Delivered>>) -> Option<()> {
    let running = Running(made);
    made.by_name("recording")?.set_property("location", path);
    let source = made.by_name(pipeline::SOURCE)?;
    source.connect("unknown-type", false, {
        let delivered = delivered.clone();
        move |arguments| {
            let caps = arguments.get(2)?.get::<gst::Caps>().ok()?;
            let media = caps.structure(0)?.name();
            if media.starts_with("audio/") || media.starts_with("video/") {
                let mut delivered = delivered.lock().unwrap_or_else(PoisonError::into_inner);
                let name = codec(&caps);
                if !delivered.unknown.contains(&name) {
                    delivered.unknown.push(name);
                }
            }
            None
        }
    });
    let (found, all_found) = mpsc::channel();
    source.connect_no_more_pads(move |_| {
        // If this fails, nobody waits any more.
        let _ = found.send(());
    });
    let _ = made.set_state(gst::State::Paused);
    let bus = made.bus()?;
    let started = Instant::now();
    while all_found.recv_timeout(POLL).is_err() {
        let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
        if bus.pop_filtered(&kinds).is_some() || started.elapsed() > LIMIT {
            break;
        }
    }
    let pads = source.src_pads().into_iter();
    // A pad without caps has reached its end without any data.
    let pads = pads.filter(|pad| pad.current_caps().is_some());
    let ids = pads.filter_map(|pad| Some(pad.stream_id()?.to_string()));
    let mut delivered = delivered.lock().unwrap_or_else(PoisonError::into_inner);
    delivered.ids = ids.collect();
    drop(delivered);
    drop(running);
    Some(())
}

/// Returns the name of a codec for people.
pub fn codec(caps: &gst::CapsRef) -> String {
    let Some(stream) = caps.structure(0) else {
        return "unknown".into();
    };
    let media = stream.name().as_str();
    if let Some((_, fourcc)) = media.split_once("/x-gst-fourcc-") {
        return fourcc.into();
    }
    if media.ends_with("/x-unknown")
        && let Ok(id) = stream.get::<String>("codec-id")
    {
        return id;
    }
    let configuration = stream.get::<gst::Buffer>("codec_data").ok();
    let configuration = configuration.and_then(|data| data.into_mapped_buffer_readable().ok());
    let is_aac = media == "audio/mpeg" && stream.get::<i32>("mpegversion") == Ok(4);
    if is_aac && configuration.and_then(|data| audio_object_type(&data)) == Some(USAC) {
        return "xHE-AAC".into();
    }
    if media == "audio/mpeg" && stream.get::<&str>("stream-format") == Ok("loas") {
        return "AAC in LATM".into();
    }
    // No pipeline can be made from these caps alone, but they can be described.
    gst_pbutils::pb_utils_get_codec_description(caps).to_string()
}

/// Unified Speech and Audio Coding: ISO/IEC 14496-3, table 1.17.
const USAC: u8 = 42;

/// Reads the audio object type of an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).
fn audio_object_type(configuration: &[u8]) -> Option<u8> {
    let (first, second) = (*configuration.first()?, configuration.get(1));
    match first >> 3 {
        31 => Some(32 + ((first & 7) << 3 | second? >> 5)),
        kind => Some(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codecs_have_names() {
        gst::init().expect("GStreamer");
        let name = |caps: gst::Caps| codec(&caps);
        let media = |name: &str| gst::Caps::builder(name);
        assert_eq!(name(media("audio/x-gst-fourcc-apac").build()), "apac");
        let unknown = media("audio/x-unknown").field("codec-id", "A_XYZ");
        assert_eq!(name(unknown.build()), "A_XYZ");
        let aac = |configuration: [u8; 2]| {
            media("audio/mpeg")
                .field("mpegversion", 4i32)
                .field("codec_data", gst::Buffer::from_slice(configuration))
                .build()
        };
        assert_eq!(name(aac([0xf9, 0x46])), "xHE-AAC");
        assert!(name(aac([0x11, 0x88])).contains("AAC"));
        let latm = media("audio/mpeg").field("stream-format", "loas");
        assert_eq!(name(latm.build()), "AAC in LATM");
    }

    #[test]
    fn a_file_that_is_none_delivers_nothing() {
        gst::init().expect("GStreamer");
        let folder = tempfile::tempdir().expect("a folder");
        let delivered = Delivered::ask(&folder.path().join("none"), false);
        assert!(delivered.ids.is_empty() && delivered.unknown.is_empty());
    }
}
