// SPDX-License-Identifier: MPL-2.0

//! The header of a Janus recording in its three formats.

use serde_json::Value;

use super::Error;

/// The generation of the file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// No JSON: a first record holds `audio` or `video`.
    Meetecho,
    /// `MJR00001`: a JSON header, records without arrival times.
    Mjr1,
    /// `MJR00002`: a JSON header, records with arrival times.
    Mjr2,
}

impl Format {
    /// Returns whether records hold the time of their arrival.
    pub const fn has_arrival_times(self) -> bool {
        matches!(self, Self::Mjr2)
    }
}

/// The kind of media in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Audio,
    Video,
    /// Messages of a data channel.
    Data,
}

impl Kind {
    /// Returns the kind's name: `audio`, `video` or `data`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Data => "data",
        }
    }
}

/// A codec that Janus records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    Vp8,
    Vp9,
    H264,
    H265,
    Av1,
    Opus,
    /// Opus with more than two channels, as Chromium sends it.
    MultiOpus,
    /// G.711 of either law; the payload type of a packet tells which (RFC 3551, table 4).
    G711,
    G722,
    /// 16-bit samples at 16 kHz.
    L16,
    /// 16-bit samples at 48 kHz.
    L16At48,
    Text,
    Binary,
}

impl Codec {
    /// Returns the codec of this name in a header, in any case.
    fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "vp8" => Self::Vp8,
            "vp9" => Self::Vp9,
            "h264" => Self::H264,
            "h265" => Self::H265,
            "av1" => Self::Av1,
            "opus" => Self::Opus,
            "multiopus" => Self::MultiOpus,
            "g711" | "pcmu" | "pcma" => Self::G711,
            "g722" => Self::G722,
            "l16" => Self::L16,
            "l16-48" => Self::L16At48,
            "text" => Self::Text,
            "binary" => Self::Binary,
            _ => return None,
        })
    }

    /// Returns the codec's name, as headers write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vp8 => "vp8",
            Self::Vp9 => "vp9",
            Self::H264 => "h264",
            Self::H265 => "h265",
            Self::Av1 => "av1",
            Self::Opus => "opus",
            Self::MultiOpus => "multiopus",
            Self::G711 => "g711",
            Self::G722 => "g722",
            Self::L16 => "l16",
            Self::L16At48 => "l16-48",
            Self::Text => "text",
            Self::Binary => "binary",
        }
    }

    /// Returns the kind of media that the codec carries.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Vp8 | Self::Vp9 | Self::H264 | Self::H265 | Self::Av1 => Kind::Video,
            Self::Text | Self::Binary => Kind::Data,
            _ => Kind::Audio,
        }
    }

    /// Returns the ticks per second of packet timestamps: RTP's for media, 1000000 for data.
    ///
    /// G.722 counts 8000 for its 16000 samples (RFC 3551, 4.5.2).
    pub const fn clock_rate(self) -> u32 {
        match self.kind() {
            Kind::Video => 90_000,
            Kind::Data => 1_000_000,
            Kind::Audio => match self {
                Self::G711 | Self::G722 => 8_000,
                Self::L16 => 16_000,
                _ => 48_000,
            },
        }
    }

    /// Returns whether a packet of this RTP payload type belongs to the codec. Codecs of fixed
    /// types exclude comfort noise and telephone events.
    pub(super) const fn accepts(self, payload_type: u8) -> bool {
        match self {
            Self::G711 => matches!(payload_type, 0 | 8),
            Self::G722 => payload_type == 9,
            _ => true,
        }
    }
}

/// The header of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub format: Format,
    pub codec: Codec,
    /// Codec parameters as in an SDP `fmtp` line.
    pub fmtp: Option<String>,
    /// The description that the room's application gave the stream.
    pub description: Option<String>,
    /// Time at which the file was made, microseconds since 1970 UTC. Absent in the oldest format.
    pub created: Option<i64>,
    /// Time of the first record, microseconds since 1970 UTC. Absent in the oldest format.
    pub first_frame: Option<i64>,
    /// RTP payload type of packets with redundant audio (RFC 2198).
    pub(super) red_payload_type: Option<u8>,
    /// Identifier of the header extension with the audio level (RFC 6464).
    pub(super) audio_level_id: Option<u8>,
    /// Identifier of the header extension with the video's orientation (3GPP TS 26.114, 7.4.5).
    pub(super) orientation_id: Option<u8>,
}

impl Header {
    /// Returns the header of the oldest format, whose first record holds `name`.
    pub(super) fn from_name(name: &[u8]) -> Result<Self, Error> {
        let codec = match name {
            b"audio" => Codec::Opus,
            b"video" => Codec::Vp8,
            b"data" => Codec::Text,
            _ => {
                return Err(Error::UnknownKind(
                    String::from_utf8_lossy(name).into_owned(),
                ));
            }
        };
        Ok(Self {
            format: Format::Meetecho,
            codec,
            fmtp: None,
            description: None,
            created: None,
            first_frame: None,
            red_payload_type: None,
            audio_level_id: None,
            orientation_id: None,
        })
    }

    /// Parses the JSON of a header.
    pub(super) fn from_json(format: Format, json: &[u8]) -> Result<Self, Error> {
        let value: Value = serde_json::from_slice(json)
            .map_err(|error| Error::HeaderNotJson(error.to_string()))?;
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let number = |key: &str| value.get(key).and_then(Value::as_i64);
        if value.get("e").and_then(Value::as_bool) == Some(true) {
            return Err(Error::Encrypted);
        }
        let kind = text("t").ok_or(Error::HeaderField("t"))?;
        let kind = match kind.to_ascii_lowercase().as_str() {
            "a" => Kind::Audio,
            "v" => Kind::Video,
            "d" => Kind::Data,
            _ => return Err(Error::UnknownKind(kind)),
        };
        let name = text("c").ok_or(Error::HeaderField("c"))?;
        let codec = Codec::from_name(&name)
            .filter(|codec| codec.kind() == kind)
            .ok_or(Error::UnknownCodec(name))?;
        Ok(Self {
            format,
            codec,
            fmtp: text("f"),
            description: text("d"),
            created: Some(number("s").ok_or(Error::HeaderField("s"))?),
            first_frame: Some(number("u").ok_or(Error::HeaderField("u"))?),
            red_payload_type: number("or").and_then(|pt| u8::try_from(pt).ok()),
            audio_level_id: extension(&value, "urn:ietf:params:rtp-hdrext:ssrc-audio-level"),
            orientation_id: extension(&value, "urn:3gpp:video-orientation"),
        })
    }
}

/// Returns the identifier under which `uri` stands in the header's map of RTP header extensions.
fn extension(header: &Value, uri: &str) -> Option<u8> {
    let map = header.get("x")?.as_object()?;
    map.iter()
        .find(|(_, value)| {
            value
                .as_str()
                .is_some_and(|found| found.eq_ignore_ascii_case(uri))
        })
        .and_then(|(id, _)| id.trim().parse().ok())
        .filter(|id| *id > 0)
}
