// SPDX-License-Identifier: MPL-2.0

//! Boxes of an MP4 (ISO/IEC 14496-12): the declared size (4.2), the length of its tracks (8.2 to
//! 8.4), and the start of playback in them (8.6.6).

use std::io::{self, Read, Seek, SeekFrom};

/// Returns the number of bytes that the boxes of an MP4 declare, and the actual number. Returns
/// `None` if the file is not an MP4.
pub fn promised_bytes(file: &mut (impl Read + Seek)) -> Option<(u64, u64)> {
    let there = file.seek(SeekFrom::End(0)).ok()?;
    let mut at = 0;
    while at < there {
        let (kind, size) = header(file, at).ok()?;
        if at == 0 && kind != *b"ftyp" {
            return None;
        }
        // Size 0 is a last box that extends to the end of the file, wherever that is.
        at = match size {
            0 => there,
            _ => at.checked_add(size.max(8))?,
        };
    }
    Some((at, there))
}

/// Returns how many bytes are missing at the end of an MP4 of fragments (8.8), which is read up to there:
/// none if it is whole, or another file.
pub fn missing_of_fragments(file: &mut (impl Read + Seek)) -> u64 {
    let mut missing = || {
        let (promised, there) = promised_bytes(file)?;
        let movie = find(file, (0, there), b"moov")?;
        find(file, movie, b"mvex")?;
        Some(promised.saturating_sub(there))
    };
    missing().unwrap_or(0)
}

/// Returns the end of the last media box (8.1.1) that is whole; 0 if there is none. What follows was
/// cut off.
///
/// # Errors
/// The file cannot be read.
pub fn end_of_media(file: &mut (impl Read + Seek)) -> io::Result<u64> {
    let there = file.seek(SeekFrom::End(0))?;
    let (mut at, mut end) = (0_u64, 0);
    while there.saturating_sub(at) >= 8 {
        let (kind, size) = match header(file, at) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            header => header?,
        };
        let next = at.checked_add(size).filter(|next| *next <= there);
        let Some(next) = next.filter(|_| size >= 8) else {
            break;
        };
        if kind == *b"mdat" {
            end = next;
        }
        at = next;
    }
    Ok(end)
}

/// A track of video or audio.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Track {
    pub is_video: bool,
    /// Length of its media in seconds, without the empty part at the start of its edit list.
    pub lasts: f64,
    /// Start of its edit list in its media, in seconds: the largest of several.
    pub skips: f64,
}

/// Returns the length of the whole in seconds, and the tracks of video and audio. Returns `None` if
/// the file is not an MP4 or has no index.
pub fn tracks(file: &mut (impl Read + Seek)) -> Option<(f64, Vec<Track>)> {
    let there = file.seek(SeekFrom::End(0)).ok()?;
    let (from, to) = find(file, (0, there), b"moov")?;
    let whole = find(file, (from, to), b"mvhd").and_then(|at| length(file, at.0))?;
    let mut tracks = Vec::new();
    let mut rest = (from, to);
    while let Some(track) = find(file, rest, b"trak") {
        rest.0 = track.1;
        let Some(media) = find(file, track, b"mdia") else {
            continue;
        };
        let kind = find(file, media, b"hdlr").and_then(|at| bytes::<4>(file, at.0 + 8));
        let is_video = match kind.as_ref() {
            Some(b"vide") => true,
            Some(b"soun") => false,
            _ => continue,
        };
        let Some(header) = find(file, media, b"mdhd") else {
            continue;
        };
        let edits = find(file, track, b"edts").and_then(|edits| find(file, edits, b"elst"));
        let first = edits.and_then(|at| furthest_edit(file, at)).unwrap_or(0);
        let skips = length(file, header.0).zip(scale(file, header.0));
        tracks.extend(skips.map(|(lasts, scale)| Track {
            is_video,
            lasts,
            skips: first as f64 / f64::from(scale),
        }));
    }
    Some((whole, tracks))
}

/// Finds the first box of a kind; returns the start and end of its content.
fn find(file: &mut (impl Read + Seek), within: (u64, u64), kind: &[u8; 4]) -> Option<(u64, u64)> {
    let mut at = within.0;
    while at + 8 <= within.1 {
        let (found, size) = header(file, at).ok()?;
        let end = match size {
            0 => within.1,
            _ => at.checked_add(size.max(8))?,
        };
        if found == *kind {
            return Some((at + 8, end.min(within.1)));
        }
        at = end;
    }
    None
}

/// Returns the largest media time at which the edits of a list begin, in units of the media
/// (8.6.6). Empty edits have none.
fn furthest_edit(file: &mut (impl Read + Seek), (from, to): (u64, u64)) -> Option<u64> {
    let is_long = bytes::<1>(file, from)? == [1];
    let count = u64::from(u32::from_be_bytes(bytes(file, from + 4)?));
    let (size, time) = if is_long { (20, 8) } else { (12, 4) };
    let edits = (0..count).map(|index| from + 8 + index * size);
    let mut furthest = None;
    for edit in edits.take_while(|edit| edit + size <= to) {
        let begins = if is_long {
            i64::from_be_bytes(bytes(file, edit + time)?)
        } else {
            i64::from(i32::from_be_bytes(bytes(file, edit + time)?))
        };
        furthest = furthest.max(u64::try_from(begins).ok());
    }
    furthest
}

/// Returns the length in seconds from a header of a movie or of media (8.2.2, 8.4.2).
fn length(file: &mut (impl Read + Seek), at: u64) -> Option<f64> {
    let is_long = bytes::<1>(file, at)? == [1];
    let duration = if is_long {
        u64::from_be_bytes(bytes(file, at + 24)?)
    } else {
        u64::from(u32::from_be_bytes(bytes(file, at + 16)?))
    };
    Some(duration as f64 / f64::from(scale(file, at)?))
}

/// Returns the units per second of the same header.
fn scale(file: &mut (impl Read + Seek), at: u64) -> Option<u32> {
    let is_long = bytes::<1>(file, at)? == [1];
    let scale = bytes(file, at + if is_long { 20 } else { 12 })?;
    Some(u32::from_be_bytes(scale)).filter(|scale| *scale > 0)
}

fn bytes<const N: usize>(file: &mut (impl Read + Seek), at: u64) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
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
