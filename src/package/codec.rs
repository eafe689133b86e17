// SPDX-License-Identifier: MPL-2.0

//! What an initialization segment says of its track, read from the sample description itself, so
//! that a playlist declares what a decoder will get.

use std::fmt;
use std::io::Cursor;

use mp4_atom::{Atom, Avcc, AvccExt, Codec, Ftyp, Moov, ReadFrom};

/// High profile by its number (ITU-T H.264 section A.2.4).
const HIGH_PROFILE: u8 = 100;

/// The sample description of a track.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SampleDescription {
    /// The codec by RFC 6381, as in `avc1.64001F` or `mp4a.40.2`.
    pub codec: String,
    /// What the samples are.
    pub media: Media,
    /// Ticks a second of the track's times.
    pub timescale: u32,
}

/// What the samples of a track are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Media {
    /// Coded size of a picture in pixels.
    Video { width: u16, height: u16 },
    /// Channels, and samples a second.
    Audio { channels: u16, rate: u32 },
}

/// Why an initialization segment cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CodecError {
    /// It cannot be read; the text says why.
    Malformed(String),
    /// Its sample entry is of a codec that packages do not hold.
    Unsupported,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodecError::Malformed(why) => {
                write!(f, "the initialization segment cannot be read: {why}")
            }
            CodecError::Unsupported => f.write_str(
                "the encoder made something that is neither H.264 nor AAC; use another encoder",
            ),
        }
    }
}

impl std::error::Error for CodecError {}

/// Reads the first track of an initialization segment (`ftyp` and `moov`, ISO/IEC 14496-12).
pub fn sample_description(init: &[u8]) -> Result<SampleDescription, CodecError> {
    let malformed = |error: mp4_atom::Error| CodecError::Malformed(error.to_string());
    let mut input = Cursor::new(init);
    Ftyp::read_from(&mut input).map_err(malformed)?;
    let moov = Moov::read_from(&mut input).map_err(malformed)?;
    let none = || CodecError::Malformed("it describes no samples".into());
    let mdia = &moov.trak.first().ok_or_else(none)?.mdia;
    let entry = mdia.minf.stbl.stsd.codecs.first().ok_or_else(none)?;
    let codec = codec_string(entry).ok_or(CodecError::Unsupported)?;
    let media = match (entry.visual(), entry.audio()) {
        (Some(visual), _) => Media::Video {
            width: visual.width,
            height: visual.height,
        },
        (None, Some(audio)) => Media::Audio {
            channels: audio.channel_count,
            rate: audio.sample_rate.integer().into(),
        },
        (None, None) => return Err(CodecError::Unsupported),
    };
    Ok(SampleDescription {
        codec,
        media,
        timescale: mdia.mdhd.timescale,
    })
}

/// The H.264 decoder configuration of an initialization segment (ISO/IEC 14496-15 section 5.3.3.1).
/// `None` where its track is of another codec.
pub fn avc_configuration(init: &[u8]) -> Option<Vec<u8>> {
    let mut input = Cursor::new(init);
    Ftyp::read_from(&mut input).ok()?;
    let moov = Moov::read_from(&mut input).ok()?;
    let entries = &moov.trak.first()?.mdia.minf.stbl.stsd.codecs;
    let Codec::Avc1(avc1) = entries.first()? else {
        return None;
    };
    let mut bytes = Vec::new();
    avc1.avcc.encode_body(&mut bytes).ok()?;
    Some(bytes)
}

/// An H.264 decoder configuration with the sampling of colours and the bits a sample, which ISO/IEC
/// 14496-15 section 5.3.3.1.2 asks for in High profile and encoders leave out. `configuration` is of
/// a picture of 4:2:0, the one kind with colours that this profile knows. `None` where nothing is
/// missing, and where the bytes are none.
pub fn complete_avc_configuration(configuration: &[u8]) -> Option<Vec<u8>> {
    let mut avcc = Avcc::decode_body(&mut Cursor::new(configuration)).ok()?;
    if avcc.avc_profile_indication != HIGH_PROFILE || avcc.ext.is_some() {
        return None;
    }
    avcc.ext = Some(AvccExt::default());
    let mut bytes = Vec::new();
    avcc.encode_body(&mut bytes).ok()?;
    Some(bytes)
}

/// The CODECS value of a sample entry: RFC 6381 section 3.3, ISO/IEC 14496-15 annex E. `None` for
/// one that is not known here.
pub fn codec_string(codec: &Codec) -> Option<String> {
    let avc = |kind: &str, avcc: &mp4_atom::Avcc| {
        format!(
            "{kind}.{:02X}{:02X}{:02X}",
            avcc.avc_profile_indication, avcc.profile_compatibility, avcc.avc_level_indication
        )
    };
    match codec {
        Codec::Avc1(avc1) => Some(avc("avc1", &avc1.avcc)),
        Codec::Avc3(avc3) => Some(avc("avc3", &avc3.avcc)),
        Codec::Mp4a(mp4a) => {
            let decoder = &mp4a.esds.es_desc.dec_config;
            match decoder.object_type_indication {
                0x40 => decoder
                    .dec_specific
                    .as_ref()
                    .map(|specific| format!("mp4a.40.{}", specific.profile)),
                other => Some(format!("mp4a.{other:02X}")),
            }
        }
        Codec::Opus(_) => Some("opus".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_initialization_segment_is_refused() {
        for bytes in [&b""[..], b"not an mp4 file", b"\0\0\0\x10ftypcmf2\0\0\0\0"] {
            let found = sample_description(bytes);
            assert!(matches!(found, Err(CodecError::Malformed(_))), "{found:?}");
        }
    }

    #[test]
    fn high_profile_says_its_sampling_and_depth() {
        let made: &[u8] = b"\x01\x64\x00\x1f\xff\xe1\x00\x04\x67\x64\x00\x1f\x01\x00\x02\x68\xef";
        let whole = complete_avc_configuration(made).unwrap();
        assert_eq!(whole, [made, b"\xfd\xf8\xf8\x00"].concat());
        assert_eq!(complete_avc_configuration(&whole), None);
        let main: &[u8] = b"\x01\x4d\x40\x1f\xff\xe1\x00\x04\x67\x4d\x40\x1f\x01\x00\x02\x68\xef";
        assert_eq!(complete_avc_configuration(main), None);
        assert_eq!(complete_avc_configuration(&made[..9]), None);
    }
}
