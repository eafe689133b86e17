// SPDX-License-Identifier: MPL-2.0

//! Reads an initialization segment's sample description, so that a playlist declares what a decoder
//! will get.

use std::fmt;
use std::io::Cursor;

use mp4_atom::{
    Atom, Av01, Av1c, Avcc, AvccExt, Codec, Ftyp, Hvcc, Mdia, Minf, Moov, ReadFrom, Stbl, Stsd,
    Trak,
};

use super::av1::Sequence;
use super::boxes::find;

/// High profile by its number (ITU-T H.264 section A.2.4).
const HIGH_PROFILE: u8 = 100;

/// The sample description of a track.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SampleDescription {
    /// Codec by RFC 6381, such as `avc1.64001F` or `mp4a.40.2`.
    pub codec: String,
    /// Kind of samples.
    pub media: Media,
    /// Ticks per second of the track's times.
    pub timescale: u32,
}

/// Kind of samples of a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Media {
    /// Coded size of a frame in pixels.
    Video { width: u16, height: u16 },
    /// Channels, and samples per second.
    Audio { channels: u16, rate: u32 },
}

/// Reason why an initialization segment cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CodecError {
    /// It cannot be read; the text is the reason.
    Malformed(String),
    /// Its sample entry is of a codec that packages do not use.
    Unsupported,
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CodecError::Malformed(why) => {
                write!(f, "the initialization segment cannot be read: {why}")
            }
            CodecError::Unsupported => f.write_str(
                "the encoder's output is neither H.264, H.265, AV1 nor AAC; use another \
                 encoder",
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

/// Returns the H.264 decoder configuration of an initialization segment (ISO/IEC 14496-15 section
/// 5.3.3.1), or `None` if its track is of another codec.
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

/// Adds the chroma format and the bit depth to an H.264 decoder configuration. ISO/IEC 14496-15
/// section 5.3.3.1.2 requires them in High profile, and encoders omit them. `configuration` is that
/// of 4:2:0 video, the only chroma format of this profile. Returns `None` if nothing is missing or
/// the bytes are not a configuration.
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

/// Bytes of a visual sample entry before the boxes in it (ISO/IEC 14496-12 section 12.1.3).
const VISUAL_ENTRY: usize = 78;
/// Bytes of a list of sample entries before the first (section 8.5.2).
const ENTRY_LIST: usize = 8;

/// Returns the initialization segment with an AV1 configuration (`av1C`, "AV1 Codec ISO Media File
/// Format Binding" section 2.3) that matches its sequence header. A muxer that does not know the
/// level writes the lowest one, and a decoder that trusts it fails. Returns `None` for another
/// codec, or if nothing is wrong.
pub fn complete_av1_configuration(init: &[u8]) -> Option<Vec<u8>> {
    let mut place = find(init, 0, init.len(), Moov::KIND)?;
    for kind in [Trak::KIND, Mdia::KIND, Minf::KIND, Stbl::KIND, Stsd::KIND] {
        place = find(init, place.content, place.end, kind)?;
    }
    let entry = find(init, place.content + ENTRY_LIST, place.end, Av01::KIND)?;
    let place = find(init, entry.content + VISUAL_ENTRY, entry.end, Av1c::KIND)?;
    let configuration = init.get(place.content..place.end)?;
    let sequence = Sequence::read(configuration.get(4..)?)?;
    let bit = |flag: bool, place: u8| u8::from(flag) << place;
    let said = [
        sequence.profile << 5 | sequence.level,
        bit(sequence.high_tier, 7)
            | bit(sequence.depth > 8, 6)
            | bit(sequence.depth > 10, 5)
            | bit(sequence.monochrome, 4)
            | bit(sequence.subsampling.0, 3)
            | bit(sequence.subsampling.1, 2)
            | sequence.sample_position,
    ];
    if configuration.get(1..3)? == said {
        return None;
    }
    let mut completed = init.to_vec();
    completed
        .get_mut(place.content + 1..place.content + 3)?
        .copy_from_slice(&said);
    Some(completed)
}

/// ISO/IEC 14496-15 section E.3: profile, compatible profiles, tier and level, constraints.
fn hevc(kind: &str, hvcc: &Hvcc) -> String {
    let space = ["", "A", "B", "C"][usize::from(hvcc.general_profile_space & 3)];
    // The flag of the first profile is the lowest bit of the written value.
    let compatible = u32::from_be_bytes(hvcc.general_profile_compatibility_flags).reverse_bits();
    let tier = if hvcc.general_tier_flag { 'H' } else { 'L' };
    let constraints = &hvcc.general_constraint_indicator_flags;
    let said = constraints.iter().rposition(|&byte| byte != 0);
    let constraints = &constraints[..said.map_or(0, |last| last + 1)];
    let constraints: String = constraints
        .iter()
        .map(|byte| format!(".{byte:X}"))
        .collect();
    format!(
        "{kind}.{space}{}.{compatible:X}.{tier}{}{constraints}",
        hvcc.general_profile_idc, hvcc.general_level_idc
    )
}

/// Removes the parameter sets from an H.265 sample, which `hvc1` allows in the sample description
/// only (ISO/IEC 14496-15 section 8.4.1). Units are preceded by a size of four bytes. Returns
/// `None` if there are none, or if the sample is malformed.
pub fn without_parameter_sets(sample: &[u8]) -> Option<Vec<u8>> {
    /// VPS, SPS and PPS (ITU-T H.265 table 7-1).
    const PARAMETER_SETS: std::ops::RangeInclusive<u8> = 32..=34;
    let mut kept = Vec::with_capacity(sample.len());
    let mut rest = sample;
    while let Some((size, units)) = rest.split_first_chunk::<4>() {
        let size = usize::try_from(u32::from_be_bytes(*size)).ok()?;
        let kind = units.get(..size)?.first()? >> 1 & 0x3f;
        if !PARAMETER_SETS.contains(&kind) {
            kept.extend_from_slice(&rest[..4 + size]);
        }
        rest = &units[size..];
    }
    (rest.is_empty() && kept.len() < sample.len()).then_some(kept)
}

/// Returns the CODECS value of a sample entry: RFC 6381 section 3.3, ISO/IEC 14496-15 annex E, and
/// for AV1 [`Sequence::codec`]. Returns `None` for an unknown codec.
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
        Codec::Hvc1(hvc1) => Some(hevc("hvc1", &hvc1.hvcc)),
        Codec::Hev1(hev1) => Some(hevc("hev1", &hev1.hvcc)),
        Codec::Av01(av01) => Some(Sequence::read(&av01.av1c.config_obus)?.codec()),
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
    use mp4_atom::Encode;

    #[test]
    fn what_is_no_initialization_segment_is_refused() {
        for bytes in [&b""[..], b"not an mp4 file", b"\0\0\0\x10ftypcmf2\0\0\0\0"] {
            let found = sample_description(bytes);
            assert!(matches!(found, Err(CodecError::Malformed(_))), "{found:?}");
        }
    }

    #[test]
    fn h265_says_profile_tier_level_and_constraints() {
        let main = b"\x01\x01\x60\0\0\0\x90\0\0\0\0\0\x5d\xf0\0\xfc\xfd\xf8\xf8\0\0\x0f\0";
        let main = Hvcc::decode_body(&mut &main[..]).unwrap();
        assert_eq!(hevc("hvc1", &main), "hvc1.1.6.L93.90");
        let high = Hvcc {
            general_profile_space: 1,
            general_tier_flag: true,
            general_profile_idc: 2,
            general_profile_compatibility_flags: [0x20, 0, 0, 0],
            general_level_idc: 150,
            general_constraint_indicator_flags: [0xb0, 0, 0x23, 0, 0, 0],
            ..main.clone()
        };
        assert_eq!(hevc("hev1", &high), "hev1.A2.4.H150.B0.0.23");
        let none = Hvcc {
            general_constraint_indicator_flags: [0; 6],
            ..main
        };
        assert_eq!(hevc("hvc1", &none), "hvc1.1.6.L93");
    }

    #[test]
    fn h265_samples_lose_parameter_sets() {
        let unit = |kind: u8, size: u8| {
            [&[0, 0, 0, size, kind << 1][..], &vec![7; size as usize - 1]].concat()
        };
        let sample = [
            unit(32, 4),
            unit(33, 9),
            unit(34, 2),
            unit(39, 3),
            unit(20, 5),
        ]
        .concat();
        let kept = [unit(39, 3), unit(20, 5)].concat();
        assert_eq!(without_parameter_sets(&sample), Some(kept.clone()));
        assert_eq!(without_parameter_sets(&kept), None);
        assert_eq!(without_parameter_sets(&sample[..sample.len() - 1]), None);
    }

    #[test]
    fn the_configuration_of_av1_says_what_the_stream_says() {
        let header = b"\x0a\x0c\0\0\0\x2d\x4c\xff\xb3\xf8\x19\x5f\x20\x08";
        let mut moov = Moov {
            trak: vec![Trak::default()],
            ..Moov::default()
        };
        moov.trak[0].mdia.mdhd.language = "und".into();
        let entry = |level| {
            Codec::Av01(Av01 {
                av1c: Av1c {
                    seq_level_idx_0: level,
                    chroma_subsampling_x: true,
                    chroma_subsampling_y: true,
                    config_obus: header.to_vec(),
                    ..Av1c::default()
                },
                ..Av01::default()
            })
        };
        let mut init = |level| {
            moov.trak[0].mdia.minf.stbl.stsd.codecs = vec![entry(level)];
            let mut bytes = b"\0\0\0\x10ftypcmf2\0\0\0\0".to_vec();
            moov.encode(&mut bytes).unwrap();
            bytes
        };
        let wrong = init(0);
        assert_eq!(complete_av1_configuration(&wrong), Some(init(5)));
        assert_eq!(complete_av1_configuration(&init(5)), None);
        assert_eq!(complete_av1_configuration(&wrong[..wrong.len() - 20]), None);
        let described = sample_description(&init(5)).unwrap();
        assert_eq!(described.codec, "av01.0.05M.08");
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
