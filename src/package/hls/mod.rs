// SPDX-License-Identifier: MPL-2.0

//! The HLS playlists of a package (RFC 8216), by Apple's authoring specification.

pub mod live;
pub(in crate::package) mod multivariant;
pub mod playlist;

/// EXT-X-VERSION: EXT-X-MAP in a playlist with media segments requires version 6; fragmented MP4
/// came with version 7.
pub(in crate::package) const VERSION: usize = 7;

/// Makes a text valid in a quoted string, without quotes and line ends (RFC 8216 section 4.2).
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
