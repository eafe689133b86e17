// SPDX-License-Identifier: MPL-2.0

//! What a packet carries beside its payload: header extensions (RFC 8285) and redundant audio
//! (RFC 2198).

use std::ops::Range;

/// Returns the data of the header extension `id`; `profile` tells one-byte from two-byte headers.
pub(super) fn extension(profile: u16, data: &[u8], id: u8) -> Option<&[u8]> {
    let one_byte = profile == 0xBEDE;
    if !one_byte && profile & 0xFFF0 != 0x1000 {
        return None;
    }
    let mut rest = data;
    loop {
        let (&first, after) = rest.split_first()?;
        // Padding between elements (RFC 8285, 4.2 and 4.3).
        if first == 0 {
            rest = after;
            continue;
        }
        let (found, length, body) = if one_byte {
            // 15 ends the list (RFC 8285, 4.2).
            if first >> 4 == 15 {
                return None;
            }
            (first >> 4, usize::from(first & 0x0F) + 1, after)
        } else {
            let (&length, body) = after.split_first()?;
            (first, usize::from(length), body)
        };
        let (element, after) = body.split_at_checked(length)?;
        if found == id {
            return Some(element);
        }
        rest = after;
    }
}

/// One block of a packet with redundant audio.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RedBlock {
    /// Ticks by which the block is older than the packet; 0 for the packet's own block.
    pub age: u32,
    /// Packets by which the block is older than the packet.
    pub generation: u16,
    /// Place of the block in the packet's payload.
    pub range: Range<usize>,
}

/// Returns the blocks of a payload with redundant audio (RFC 2198, 3), oldest first; nothing if it
/// is malformed.
pub(super) fn red_blocks(payload: &[u8]) -> Option<Vec<RedBlock>> {
    let mut lengths = Vec::new();
    let mut at = 0;
    while payload.get(at)? & 0x80 != 0 {
        let header = payload.get(at..at + 4)?;
        let word = u32::from_be_bytes(header.try_into().ok()?);
        lengths.push(((word >> 10) & 0x3FFF, (word & 0x03FF) as usize));
        at += 4;
    }
    at += 1;
    let mut blocks = Vec::with_capacity(lengths.len() + 1);
    let count = lengths.len();
    for (index, (age, length)) in lengths.into_iter().enumerate() {
        let generation = u16::try_from(count - index).ok()?;
        let range = at..at + length;
        at = range.end;
        blocks.push(RedBlock {
            age,
            generation,
            range,
        });
    }
    if at > payload.len() {
        return None;
    }
    let range = at..payload.len();
    blocks.push(RedBlock {
        age: 0,
        generation: 0,
        range,
    });
    Some(blocks)
}
