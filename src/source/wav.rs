// SPDX-License-Identifier: MPL-2.0

//! WAV files ("Multimedia Programming Interface and Data Specifications 1.0", IBM and Microsoft 1991).

use std::io::{Read, Seek, SeekFrom};

/// Returns whether nothing but a padding byte follows the samples: chunks of an odd size have one.
///
/// wavparse (1.22), where it may seek, looks for a chunk after them, finds half a header and ends
/// without any data.
pub fn ends_padded(file: &mut (impl Read + Seek)) -> bool {
    find_end(file).unwrap_or(false)
}

fn find_end(file: &mut (impl Read + Seek)) -> Option<bool> {
    let length = file.seek(SeekFrom::End(0)).ok()?;
    let riff: [u8; 12] = read(file, 0)?;
    if !riff.starts_with(b"RIFF") || !riff.ends_with(b"WAVE") {
        return None;
    }
    let mut at = 12u64;
    loop {
        let header: [u8; 8] = read(file, at)?;
        let size = u64::from(u32::from_le_bytes(*header.last_chunk()?));
        let end = at + 8 + size;
        if header.starts_with(b"data") {
            return Some(size % 2 == 1 && end + 1 == length);
        }
        at = end + size % 2;
    }
}

fn read<const N: usize>(file: &mut (impl Read + Seek), at: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn a_last_chunk_of_an_odd_size_ends_padded() {
        let file = |size: u32, data: &[u8], after: &[u8]| {
            let mut bytes = b"RIFF....WAVELIST\x03\0\0\0abc\0data".to_vec();
            bytes.extend(size.to_le_bytes());
            bytes.extend(data);
            bytes.extend(after);
            ends_padded(&mut Cursor::new(bytes))
        };
        assert!(file(3, b"abc", b"\0"));
        assert!(!file(3, b"abc", b""));
        assert!(!file(4, b"abcd", b""));
        assert!(!file(3, b"abc", b"\0LIST\x04\0\0\0INFO"));
        assert!(!file(300, b"abc", b""));
        assert!(!ends_padded(&mut Cursor::new(b"RIFF....AVI ")));
    }
}
