// SPDX-License-Identifier: MPL-2.0

//! The stock elements that turn RTP packets into the codec's stream.

use gst::prelude::*;
use once_cell::sync::Lazy;

use crate::record::mjr::{Codec, Header, Recording};

/// The caps of the stream that is fed to the chain, and the chain itself.
pub struct Plan {
    pub caps: gst::Caps,
    /// Factories, in order, each with the caps that it has to produce.
    elements: Vec<(&'static str, Option<gst::Caps>)>,
}

/// The payload type that caps name for codecs without a fixed one: depayloaders check it in caps
/// only, and some refuse types below 96, which browsers use too.
const DYNAMIC_PAYLOAD_TYPE: u8 = 96;

static UTF8: Lazy<gst::Caps> = Lazy::new(|| {
    gst::Caps::builder("text/x-raw")
        .field("format", "utf8")
        .build()
});

static SUPER_FRAMES: Lazy<gst::Caps> = Lazy::new(|| {
    gst::Caps::builder("video/x-vp9")
        .field("alignment", "super-frame")
        .build()
});

impl Plan {
    /// Returns the chain for a recording.
    pub fn new(recording: &Recording) -> Result<Self, gst::ErrorMessage> {
        let header = recording.header();
        let payload_type = recording
            .packets()
            .first()
            .map_or(0, |first| first.payload_type);
        let parsed = |media: &str, format: &str, alignment: &str| {
            Some(
                gst::Caps::builder(media)
                    .field("stream-format", format)
                    .field("alignment", alignment)
                    .build(),
            )
        };
        let (name, elements) = match header.codec {
            Codec::Text => {
                let caps = UTF8.clone();
                return Ok(Self {
                    caps,
                    elements: Vec::new(),
                });
            }
            Codec::Binary => {
                return Err(gst::error_msg!(
                    gst::StreamError::Format,
                    ("The recording holds binary data messages, which no caps describe; read it with another program")
                ));
            }
            Codec::Vp8 => ("VP8", vec![("rtpvp8depay", None)]),
            // A hidden frame has no time of its own and stays with the frame that it serves.
            Codec::Vp9 => (
                "VP9",
                vec![
                    ("rtpvp9depay", None),
                    ("vp9parse", Some(SUPER_FRAMES.clone())),
                ],
            ),
            Codec::H264 => (
                "H264",
                vec![
                    ("rtph264depay", parsed("video/x-h264", "byte-stream", "au")),
                    // Parameter sets stay in the stream: the size may change.
                    ("h264parse", parsed("video/x-h264", "avc3", "au")),
                ],
            ),
            Codec::H265 => (
                "H265",
                vec![
                    ("rtph265depay", parsed("video/x-h265", "byte-stream", "au")),
                    ("h265parse", parsed("video/x-h265", "hev1", "au")),
                ],
            ),
            Codec::Av1 => (
                "AV1",
                vec![
                    ("rtpav1depay", None),
                    ("av1parse", parsed("video/x-av1", "obu-stream", "tu")),
                ],
            ),
            Codec::Opus => ("OPUS", vec![("rtpopusdepay", None), ("opusparse", None)]),
            Codec::MultiOpus => ("MULTIOPUS", vec![("rtpopusdepay", None)]),
            Codec::G711 if payload_type == 8 => ("PCMA", vec![("rtppcmadepay", None)]),
            Codec::G711 => ("PCMU", vec![("rtppcmudepay", None)]),
            Codec::G722 => ("G722", vec![("rtpg722depay", None)]),
            Codec::L16 | Codec::L16At48 => ("L16", vec![("rtpL16depay", None)]),
        };
        let caps = rtp_caps(header, name, payload_type);
        Ok(Self { caps, elements })
    }

    /// Makes the elements, adds them to `bin` and links them; they are not started yet.
    pub fn build(&self, bin: &gst::Bin) -> Result<Vec<gst::Element>, gst::ErrorMessage> {
        let mut chain: Vec<gst::Element> = Vec::new();
        for (factory, caps) in &self.elements {
            chain.push(make(factory)?);
            if let Some(caps) = caps {
                let filter = make("capsfilter")?;
                filter.set_property("caps", caps);
                chain.push(filter);
            }
        }
        let failed = |error: gst::glib::BoolError| {
            gst::error_msg!(
                gst::CoreError::Failed,
                ["The depayloader cannot be set up: {error}"]
            )
        };
        bin.add_many(&chain).map_err(failed)?;
        gst::Element::link_many(&chain).map_err(failed)?;
        Ok(chain)
    }
}

fn make(factory: &str) -> Result<gst::Element, gst::ErrorMessage> {
    gst::ElementFactory::make(factory).build().map_err(|_| {
        let plugin = match factory {
            "rtpav1depay" => "the plugin rsrtp of gst-plugins-rs (crate gst-plugin-rtp)",
            "h264parse" | "h265parse" | "vp9parse" | "av1parse" => "GStreamer's bad plugins",
            "opusparse" => "GStreamer's base or bad plugins",
            _ => "GStreamer's good plugins",
        };
        gst::error_msg!(
            gst::CoreError::MissingPlugin,
            ("The element {factory} is missing; install {plugin} and try again")
        )
    })
}

fn rtp_caps(header: &Header, encoding_name: &str, payload_type: u8) -> gst::Caps {
    let payload_type = match header.codec {
        Codec::G711 | Codec::G722 => payload_type,
        _ => DYNAMIC_PAYLOAD_TYPE,
    };
    let mut caps = gst::Caps::builder("application/x-rtp")
        .field("media", header.codec.kind().name())
        .field(
            "clock-rate",
            i32::try_from(header.codec.clock_rate()).unwrap_or(i32::MAX),
        )
        .field("encoding-name", encoding_name)
        .field("payload", i32::from(payload_type));
    let fmtp = header.fmtp.as_deref().unwrap_or_default();
    for (key, value) in parameters(fmtp) {
        if header.codec == Codec::MultiOpus && key == "channel_mapping" {
            let channels = value.split(',').count();
            caps = caps.field("encoding-params", channels.to_string());
        }
        caps = caps.field(key, value);
    }
    caps.build()
}

/// Returns the `key=value` pairs of an SDP `fmtp` line whose keys can be fields of caps.
fn parameters(fmtp: &str) -> impl Iterator<Item = (String, String)> + '_ {
    const OURS: [&str; 4] = ["media", "clock-rate", "encoding-name", "payload"];
    let is_name = |key: &str| {
        key.starts_with(|first: char| first.is_ascii_alphabetic())
            && key
                .chars()
                .all(|each| each.is_ascii_alphanumeric() || "-_".contains(each))
    };
    fmtp.split(';')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .filter(move |(key, value)| {
            is_name(key)
                && !OURS.contains(&key.as_str())
                && !value.is_empty()
                && !value.contains('\0')
        })
}
