// SPDX-License-Identifier: MPL-2.0

//! The outermost boxes of an MP4 (ISO/IEC 14496-12, 4.2), which say how large the file is to be.

use std::io::{self, Read, Seek, SeekFrom};

/// How many bytes the boxes of an MP4 say that there are, and how many there are. `None` for what
/// is no MP4.
pub fn promised_bytes(file: &mut (impl Read + Seek)) -> Option<(u64, u64)> {
    let there = file.seek(SeekFrom::End(0)).ok()?;
    let mut at = 0;
    while at < there {
        let (kind, size) = header(file, at).ok()?;
        if at == 0 && kind != *b"ftyp" {
            return None;
        }
        // Size 0 is a last box that runs to the end of the file, whatever that is.
        at = match size {
            0 => there,
            _ => at.checked_add(size.max(8))?,
        };
    }
    Some((at, there))
}

fn header(file: &mut (impl Read + Seek), at: u64) -> io::Result<([u8; 4], u64)> {
    file.seek(SeekFrom::Start(at))?;
    let mut size = [0; 4];
    let mut kind = [0; 4];
    file.read_exact(&mut size)?;
    file.read_exact(&mut kind)?;
    let size = match u32::from_be_bytes(size) {
        1 => {
            let mut large = [0; 8];
            file.read_exact(&mut large)?;
            u64::from_be_bytes(large)
        }
        size => u64::from(size),
    };
    Ok((kind, size))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn mp4(media: &[u8]) -> Vec<u8> {
        let mut bytes = b"\0\0\0\x10ftypiso5\0\0\0\0".to_vec();
        bytes.extend(media);
        bytes
    }

    #[test]
    fn a_box_past_the_end_is_seen() {
        let whole = mp4(b"\0\0\0\x0cmdatabcd");
        assert_eq!(promised_bytes(&mut Cursor::new(&whole)), Some((28, 28)));
        let cut = &whole[..25];
        assert_eq!(promised_bytes(&mut Cursor::new(cut)), Some((28, 25)));
        let large = mp4(b"\0\0\0\x01mdat\0\0\0\x01\0\0\0\0");
        let promised = (1 << 32) + 16;
        assert_eq!(
            promised_bytes(&mut Cursor::new(large)),
            Some((promised, 32))
        );
        let open = mp4(b"\0\0\0\0mdatabc");
        assert_eq!(promised_bytes(&mut Cursor::new(open)), Some((27, 27)));
    }

    #[test]
    fn other_files_promise_nothing() {
        assert_eq!(
            promised_bytes(&mut Cursor::new(b"\x1aE\xdf\xa3 and so on")),
            None
        );
        assert_eq!(promised_bytes(&mut Cursor::new(b"")), Some((0, 0)));
    }
}
