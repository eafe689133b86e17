// SPDX-License-Identifier: MPL-2.0

//! Encryption of whole segments by RFC 8216 section 4.3.2.4, METHOD=AES-128: AES with a 128-bit
//! key, cipher block chaining, PKCS #7 padding.

use std::collections::BTreeMap;

use aes::Aes128;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockEncryptMut, KeyIvInit};
use m3u8_rs::{Key, KeyMethod};
use sha2::{Digest, Sha256};

use crate::package::hls::written;
use crate::package::names::ContentName;

/// An AES-128 key. It cannot be printed.
pub struct SegmentKey([u8; 16]);

impl SegmentKey {
    /// Returns the key with these bytes, or `None` unless they are 16.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(SegmentKey)
    }

    /// Encrypts a segment.
    ///
    /// The initialization vector is derived from key and content. The same segment becomes the same
    /// file each time, so that an interrupted publication can be resumed, and no two segments share
    /// a vector.
    pub fn seal(&self, segment: &[u8], extension: &str) -> (Sealed, Vec<u8>) {
        let mut digest = Sha256::new();
        // The key is hashed so that the same key does not serve two purposes.
        digest.update(Sha256::digest(self.0));
        digest.update(segment);
        let digest = digest.finalize();
        let mut iv = [0; 16];
        iv.copy_from_slice(&digest[..16]);
        let bytes = cbc::Encryptor::<Aes128>::new(&self.0.into(), &iv.into())
            .encrypt_padded_vec_mut::<Pkcs7>(segment);
        let mut name = ContentName::default();
        name.update(&bytes);
        let name = name.finish(extension);
        (Sealed { name, iv }, bytes)
    }
}

/// An encrypted segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// Name of the file, in the folder of the clear one.
    pub name: String,
    /// The initialization vector.
    pub iv: [u8; 16],
}

/// The encrypted segments of a package.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sealing {
    /// URI from which players get the key.
    pub key_uri: String,
    /// Segments by the paths of the clear ones in the package.
    pub files: BTreeMap<String, Sealed>,
}

/// Returns a media playlist with its segments encrypted; `sealed` finds them by their URIs. Returns
/// `None` if it is not a media playlist, or has an unknown segment.
pub(super) fn playlist<'a>(
    playlist: &[u8],
    sealed: impl Fn(&str) -> Option<&'a Sealed>,
    key_uri: &str,
) -> Option<Vec<u8>> {
    let mut playlist = m3u8_rs::parse_media_playlist_res(playlist).ok()?;
    let key = |sealed: &Sealed| {
        let digits: String = sealed.iv.iter().map(|byte| format!("{byte:02x}")).collect();
        Key {
            method: KeyMethod::AES128,
            uri: Some(key_uri.to_owned()),
            iv: Some(format!("0x{digits}")),
            ..Key::default()
        }
    };
    for segment in &mut playlist.segments {
        let of = sealed(&segment.uri)?;
        segment.uri.clone_from(&of.name);
        segment.key = Some(key(of));
    }
    let first = playlist.segments.first_mut()?;
    // A key also applies to the EXT-X-MAP that follows it (section 4.3.2.5), which has a vector of
    // its own.
    let map = match &mut first.map {
        Some(map) => {
            let of = sealed(&map.uri)?;
            map.uri.clone_from(&of.name);
            Some((first.map.take()?, key(of)))
        }
        None => None,
    };
    let bytes = written(|bytes| playlist.write_to(bytes));
    let Some((map, key)) = map else {
        return Some(bytes);
    };
    // The crate writes one key per segment; that of the map is written before it.
    let mut head = b"#EXT-X-KEY:".to_vec();
    key.write_attributes_to(&mut head).ok()?;
    head.extend_from_slice(format!("\n#EXT-X-MAP:URI=\"{}\"\n", map.uri).as_bytes());
    let text = String::from_utf8(bytes).ok()?;
    let at = text.find("#EXT-X-KEY:")?;
    let head = String::from_utf8(head).ok()?;
    Some(format!("{}{head}{}", &text[..at], &text[at..]).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_segment_becomes_the_same_file() {
        assert!(SegmentKey::new(b"short").is_none());
        let key = |byte| SegmentKey::new(&[byte; 16]).expect("16 bytes");
        let (one, bytes) = key(1).seal(b"segment", "m4s");
        assert_eq!((one.clone(), bytes.clone()), key(1).seal(b"segment", "m4s"));
        assert_eq!(bytes.len(), 16);
        assert!(crate::package::names::holds(&one.name, &bytes));
        for (other, _) in [
            key(2).seal(b"segment", "m4s"),
            key(1).seal(b"Segment", "m4s"),
        ] {
            assert!(other.iv != one.iv && other.name != one.name);
        }
    }

    #[test]
    fn every_file_of_a_playlist_has_its_own_vector() {
        let clear = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n\
            #EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:6,\na.m4s\n#EXTINF:2,\nb.m4s\n#EXT-X-ENDLIST\n";
        let files: BTreeMap<&str, Sealed> = [("init.mp4", 1), ("a.m4s", 2), ("b.m4s", 3)]
            .into_iter()
            .map(|(name, byte)| {
                let (name, iv) = (name, [byte; 16]);
                (
                    name,
                    Sealed {
                        name: format!("sealed-{name}"),
                        iv,
                    },
                )
            })
            .collect();
        let sealed = playlist(clear.as_bytes(), |uri| files.get(uri), "https://k/1");
        let key = |digit: &str| {
            let iv = digit.repeat(16);
            format!("#EXT-X-KEY:METHOD=AES-128,URI=\"https://k/1\",IV=0x{iv}\n")
        };
        let expected = format!(
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n{}\
             #EXT-X-MAP:URI=\"sealed-init.mp4\"\n{}#EXTINF:6,\nsealed-a.m4s\n{}#EXTINF:2,\n\
             sealed-b.m4s\n#EXT-X-ENDLIST\n",
            key("01"),
            key("02"),
            key("03")
        );
        let sealed = sealed.and_then(|bytes| String::from_utf8(bytes).ok());
        assert_eq!(sealed, Some(expected));
        assert_eq!(playlist(clear.as_bytes(), |_| None, "https://k/1"), None);
    }
}
