// SPDX-License-Identifier: MPL-2.0

//! The boxes of ISO/IEC 14496-12 files.

use mp4_atom::{Any, Atom, Decode, DecodeMaybe, FourCC, Header, Mdat};

/// Section 8.8.3.1: set in the flags of a sample that can't be decoded by itself.
pub(in crate::package) const SAMPLE_IS_NON_SYNC: u32 = 0x0001_0000;

/// The boxes of a file and where each starts; media is passed over. An error says what is wrong.
pub(in crate::package) fn read(bytes: &[u8]) -> Result<Vec<(u64, Any)>, String> {
    read_as(bytes, false)
}

/// As [`read`], of bytes that may end inside of media.
pub(in crate::package) fn read_start(bytes: &[u8]) -> Result<Vec<(u64, Any)>, String> {
    read_as(bytes, true)
}

fn read_as(bytes: &[u8], may_end: bool) -> Result<Vec<(u64, Any)>, String> {
    let mut boxes = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let broken = |error| format!("the box at byte {at} cannot be read: {error}");
        let mut rest = &bytes[at..];
        let header = Header::decode(&mut rest).map_err(broken)?;
        let head = bytes.len() - at - rest.len();
        let size = header.size.unwrap_or(rest.len());
        if size > rest.len() {
            if may_end && header.kind == Mdat::KIND {
                break;
            }
            return Err(format!("the {} box at byte {at} is cut short", header.kind));
        }
        let end = at + head + size;
        if header.kind != Mdat::KIND
            && let Some(atom) = Any::decode_maybe(&mut &bytes[at..end]).map_err(broken)?
        {
            boxes.push((at as u64, atom));
        }
        at = end;
    }
    Ok(boxes)
}

/// Where a box lies in a file.
pub(in crate::package) struct Place {
    pub start: usize,
    pub content: usize,
    pub end: usize,
}

/// The first box of this kind in a range.
pub(in crate::package) fn find(
    bytes: &[u8],
    start: usize,
    end: usize,
    kind: FourCC,
) -> Option<Place> {
    let mut at = start;
    loop {
        let within = bytes.get(at..end)?;
        let mut rest = within;
        let header = Header::decode(&mut rest).ok()?;
        let content = end - rest.len();
        let size = header.size.unwrap_or(rest.len());
        if size > rest.len() {
            return None;
        }
        if header.kind == kind {
            return Some(Place {
                start: at,
                content,
                end: content + size,
            });
        }
        at = content + size;
    }
}
