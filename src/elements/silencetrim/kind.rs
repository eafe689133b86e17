// SPDX-License-Identifier: MPL-2.0

//! Kind of a stream, which decides where it can be cut.

use std::sync::Arc;

use gst_audio::AudioInfo;

use super::picture::Picture;
use crate::timeline::Redaction;

/// Cutting method of a stream.
#[derive(Clone, Debug, Default)]
pub enum Kind {
    /// Cut to the sample.
    RawAudio(Arc<AudioInfo>),
    /// Cut at frames; the first frame of a span is shown from its start. Contains the layout if
    /// frames have to be covered.
    RawVideo(Option<Arc<Picture>>),
    /// Cut at whole GOPs.
    EncodedVideo,
    /// Clipped cues, which may be far apart.
    Text,
    /// Cut at whole packets.
    #[default]
    Packets,
}

/// Prefixes of the media types of texts.
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
    /// Returns the cutting method for these caps, or what is wrong with the caps.
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

/// Returns the media type of fixed caps, which have one structure.
pub fn media_type(caps: &gst::CapsRef) -> &str {
    caps.structure(0)
        .map_or("", |structure| structure.name().as_str())
}
