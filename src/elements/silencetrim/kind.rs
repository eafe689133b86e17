// SPDX-License-Identifier: MPL-2.0

//! The kind of a stream, which decides where it can be cut.

use std::sync::Arc;

use gst_audio::AudioInfo;

use super::picture::Picture;
use crate::timeline::Redaction;

/// How the buffers of a stream are cut.
#[derive(Clone, Debug, Default)]
pub enum Kind {
    /// To the sample.
    RawAudio(Arc<AudioInfo>),
    /// Frames, the first one of a span shown from its start. The picture is there where some have to
    /// be covered.
    RawVideo(Option<Arc<Picture>>),
    /// Whole GOPs.
    EncodedVideo,
    /// Clipped cues; for long nothing may come.
    Text,
    /// Whole packets.
    #[default]
    Packets,
}

/// Media types of texts, by how they begin.
const TEXTS: [&str; 7] = [
    "text/",
    "subpicture/",
    "closedcaption/",
    "application/x-subtitle",
    "application/x-ass",
    "application/x-ssa",
    "application/x-usf",
];

impl Kind {
    /// How streams of these caps are cut, or what is wrong with the caps.
    pub fn of(caps: &gst::CapsRef, redaction: &Redaction) -> Result<Self, String> {
        let media = media_type(caps);
        Ok(match media {
            "audio/x-raw" => AudioInfo::from_caps(caps)
                .map(|info| Kind::RawAudio(Arc::new(info)))
                .map_err(|_| format!("caps that say too little: {caps}"))?,
            "video/x-raw" if redaction.covered().is_empty() => Kind::RawVideo(None),
            "video/x-raw" => Kind::RawVideo(Some(Arc::new(Picture::new(caps)?))),
            _ if media.starts_with("video/") || media.starts_with("image/") => Kind::EncodedVideo,
            _ if TEXTS.iter().any(|text| media.starts_with(text)) => Kind::Text,
            _ => Kind::Packets,
        })
    }
}

/// The media type of fixed caps, which have one structure.
pub fn media_type(caps: &gst::CapsRef) -> &str {
    caps.structure(0)
        .map_or("", |structure| structure.name().as_str())
}
