// SPDX-License-Identifier: MPL-2.0

//! The boxes of ISO/IEC 14496-12 files.

use mp4_atom::{Any, Atom, Decode, DecodeMaybe, Header, Mdat};

/// Section 8.8.3.1: set in the flags of a sample that can't be decoded by itself.
pub(super) const SAMPLE_IS_NON_SYNC: u32 = 0x0001_0000;

/// The boxes of a file and where each starts; media is passed over. An error says what is wrong.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<(u64, Any)>, String> {
    let mut boxes = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let broken = |error| format!("the box at byte {at} cannot be read: {error}");
        let mut rest = &bytes[at..];
        let header = Header::decode(&mut rest).map_err(broken)?;
        let head = bytes.len() - at - rest.len();
        let size = header.size.unwrap_or(rest.len());
        if size > rest.len() {
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
