// SPDX-License-Identifier: MPL-2.0

//! Names of files and folders in a package.

use sha2::{Digest, Sha256};

/// The multivariant playlist.
pub const MULTIVARIANT: &str = "master.m3u8";
/// The DASH manifest.
pub const DASH: &str = "manifest.mpd";
/// The chapters as W3C WebVTT.
pub const CHAPTERS_VTT: &str = "chapters.vtt";
/// The chapters as in Apple's "Providing JSON chapters".
pub const CHAPTERS_JSON: &str = "chapters.json";
/// The text of the slides.
pub const SLIDES_JSON: &str = "slides.json";
/// The folder of still images.
pub const THUMBNAILS: &str = "thumbnails";
/// The image that represents the class.
pub const POSTER: &str = "thumbnails/poster.jpg";
/// The track with the sheet and the position of the image for each time.
pub const THUMBNAILS_VTT: &str = "thumbnails/thumbnails.vtt";
/// The progressive MP4.
pub const MOVIE: &str = "class.mp4";
/// The manifest.
pub const MANIFEST: &str = "manifest.json";
/// The media playlist inside a rendition's folder.
pub const PLAYLIST: &str = "playlist.m3u8";
/// The I-frame playlist inside a rendition's folder.
pub const I_FRAMES: &str = "iframes.m3u8";

/// Names a media file by its content, so that a cache never mixes two versions of a package.
#[derive(Clone, Default)]
pub struct ContentName(Sha256);

impl ContentName {
    /// Adds the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the file name for the bytes so far: 64 bits of their SHA-256, and `extension`.
    pub fn finish(self, extension: &str) -> String {
        let digest = self.0.finalize();
        let mut name = String::with_capacity(17 + extension.len());
        for byte in digest.iter().take(8) {
            name.push_str(&format!("{byte:02x}"));
        }
        name.push('.');
        name.push_str(extension);
        name
    }
}

/// Returns whether the file at `path` is named by its content.
pub fn is_content_name(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let stem = name.split('.').next().unwrap_or_default();
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    stem.len() == 16 && stem.bytes().all(is_digit)
}

/// Returns whether `bytes` match the content name at `path`; true for any other name.
pub fn holds(path: &str, bytes: &[u8]) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut of_bytes = ContentName::default();
    of_bytes.update(bytes);
    let extension = name.split_once('.').map_or("", |(_, extension)| extension);
    !is_content_name(path) || of_bytes.finish(extension) == name
}

/// Makes a folder's name from a label: ASCII letters and digits in lower case, a dash for
/// everything else. The name is empty if nothing of the label is left.
pub fn folder_name(label: &str) -> String {
    let mut name = String::new();
    for character in label.chars().take(64) {
        if character.is_ascii_alphanumeric() {
            name.push(character.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(name.trim_end_matches('-').len());
    name
}

/// Returns `wanted`, or if that is `taken`, the first free one of `wanted-2`, `wanted-3` ….
pub fn unique(wanted: &str, taken: impl Fn(&str) -> bool) -> String {
    let mut name = wanted.to_owned();
    let mut number = 2;
    while taken(&name) {
        name = format!("{wanted}-{number}");
        number += 1;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_has_one_name() {
        let mut whole = ContentName::default();
        whole.update(b"abc");
        let mut parts = ContentName::default();
        parts.update(b"a");
        parts.update(b"bc");
        let name = whole.finish("m4s");
        assert_eq!(name, "ba7816bf8f01cfea.m4s");
        assert_eq!(parts.finish("m4s"), name);
    }

    #[test]
    fn folder_names_are_plain() {
        assert_eq!(folder_name("English (main)"), "english-main");
        assert_eq!(folder_name("../../etc"), "etc");
        assert_eq!(folder_name("日本語"), "");
        assert_eq!(unique("main", |name| name == "main"), "main-2");
    }
}
