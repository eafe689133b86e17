// SPDX-License-Identifier: MPL-2.0

//! Packets at which a decoder can start.

use super::header::{Codec, Kind};

/// Returns whether a decoder can start at the packet with this payload.
pub(super) fn starts(codec: Codec, payload: &[u8]) -> bool {
    match codec {
        Codec::Vp8 => starts_vp8(payload).unwrap_or(false),
        Codec::Vp9 => starts_vp9(payload).unwrap_or(false),
        Codec::H264 => starts_h264(payload).unwrap_or(false),
        Codec::H265 => starts_h265(payload).unwrap_or(false),
        // Bit N: the first packet of a coded video sequence (AV1 RTP specification, 4.4).
        Codec::Av1 => payload.first().is_some_and(|first| first & 0x08 != 0),
        _ => codec.kind() != Kind::Video,
    }
}

/// RFC 7741, 4.2 and 4.3: the first partition starts here, and its bit P is 0.
fn starts_vp8(payload: &[u8]) -> Option<bool> {
    let first = *payload.first()?;
    let mut at = 1;
    if first & 0x80 != 0 {
        let extensions = *payload.get(at)?;
        at += 1;
        if extensions & 0x80 != 0 {
            at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
        }
        at += usize::from(extensions & 0x40 != 0);
        at += usize::from(extensions & 0x30 != 0);
    }
    let starts_frame = first & 0x10 != 0 && first & 0x07 == 0;
    Some(starts_frame && payload.get(at)? & 0x01 == 0)
}

/// RFC 9628, 4.2: bit B set (start of frame), bit P not set (no inter-picture prediction), lowest
/// spatial layer.
fn starts_vp9(payload: &[u8]) -> Option<bool> {
    let first = *payload.first()?;
    let has_picture_id = first & 0x80 != 0;
    let is_start = first & 0x08 != 0 && first & 0x40 == 0;
    if first & 0x20 == 0 {
        return Some(is_start);
    }
    let mut at = 1;
    if has_picture_id {
        at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
    }
    let spatial_layer = (payload.get(at)? >> 1) & 0x07;
    Some(is_start && spatial_layer == 0)
}

/// RFC 6184, 5.2: a sequence parameter set or an IDR slice, alone, aggregated or as the first
/// fragment.
fn starts_h264(payload: &[u8]) -> Option<bool> {
    let is_key = |unit: u8| matches!(unit & 0x1F, 5 | 7);
    Some(match payload.first()? & 0x1F {
        24 => is_key(*payload.get(3)?),
        28 => {
            let fragment = *payload.get(1)?;
            fragment & 0x80 != 0 && is_key(fragment)
        }
        _ => is_key(*payload.first()?),
    })
}

/// RFC 7798, 4.4: parameter sets (32 to 34) or an intra random access picture (16 to 23).
fn starts_h265(payload: &[u8]) -> Option<bool> {
    let is_key = |unit: u8| matches!(unit, 16..=23 | 32..=34);
    let unit = (payload.first()? >> 1) & 0x3F;
    Some(match unit {
        48 => is_key((payload.get(4)? >> 1) & 0x3F),
        49 => {
            let fragment = *payload.get(2)?;
            fragment & 0x80 != 0 && is_key(fragment & 0x3F)
        }
        _ => is_key(unit),
    })
}
