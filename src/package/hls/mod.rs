// SPDX-License-Identifier: MPL-2.0

//! The HLS playlists of a package (RFC 8216), by Apple's authoring specification.

pub(in crate::package) mod multivariant;
pub mod playlist;

/// EXT-X-MAP in a playlist with media segments asks for version 6, and 7 is what fragmented MP4
/// came with.
pub(in crate::package) const VERSION: usize = 7;

/// A quoted string holds no quotes and no line ends (RFC 8216 section 4.2).
pub(in crate::package) fn quotable(text: &str) -> String {
    text.chars()
        .filter_map(|character| match character {
            '"' => Some('\''),
            character if character.is_control() => None,
            character => Some(character),
        })
        .collect()
}

pub(in crate::package) fn written(
    write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into memory cannot fail.
    let _ = write(&mut bytes);
    bytes
}
