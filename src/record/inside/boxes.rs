// SPDX-License-Identifier: MPL-2.0

//! Boxes of an MP4 in memory (ISO/IEC 14496-12, section 4.2).

use std::io::{Read, Seek};

use super::read_at;

/// No index of a recording is larger.
pub const LARGEST: u64 = 256 << 20;

/// The boxes that lie behind each other in some bytes: kind and content.
pub struct Boxes<'a>(pub &'a [u8]);

impl<'a> Iterator for Boxes<'a> {
    type Item = ([u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let kind: [u8; 4] = bytes(self.0, 4)?;
        let (head, size) = match u32::from_be_bytes(bytes(self.0, 0)?) {
            0 => (8, self.0.len()),
            1 => (
                16,
                usize::try_from(u64::from_be_bytes(bytes(self.0, 8)?)).ok()?,
            ),
            size => (8, usize::try_from(size).ok()?),
        };
        let content = self.0.get(head..size)?;
        self.0 = self.0.get(size..)?;
        Some((kind, content))
    }
}

/// The content of the first box of a kind.
pub fn child<'a>(content: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    Boxes(content)
        .find(|(found, _)| found == kind)
        .map(|(_, content)| content)
}

/// The content of the box at the end of a path.
pub fn descend<'a>(content: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter()
        .try_fold(content, |content, kind| child(content, kind))
}

/// A number of bytes at a place.
pub fn bytes<const N: usize>(content: &[u8], at: usize) -> Option<[u8; N]> {
    content.get(at..at.checked_add(N)?)?.try_into().ok()
}

pub fn u32_at(content: &[u8], at: usize) -> Option<u32> {
    bytes(content, at).map(u32::from_be_bytes)
}

pub fn u64_at(content: &[u8], at: usize) -> Option<u64> {
    bytes(content, at).map(u64::from_be_bytes)
}

/// Returns whether a file is QuickTime's, by its brand; files without one are.
pub fn is_quicktime(file: &mut (impl Read + Seek)) -> bool {
    let mut head = [0; 12];
    let read = read_at(file, 0, &mut head);
    read.is_ok() && (head[4..8] != *b"ftyp" || head[8..] == *b"qt  ")
}

/// Reads the content of the `moov` box of a file; `None` if it has none.
pub fn moov(file: &mut (impl Read + Seek)) -> Option<Vec<u8>> {
    Some(place_of_moov(file)?.1)
}

/// Reads where the `moov` box of a file starts, and its content; `None` if it has none.
pub fn place_of_moov(file: &mut (impl Read + Seek)) -> Option<(u64, Vec<u8>)> {
    let mut at = 0u64;
    loop {
        let mut head = [0; 16];
        read_at(file, at, &mut head[..8]).ok()?;
        let kind: [u8; 4] = bytes(&head, 4)?;
        let (length, size) = match u32_at(&head, 0)? {
            // The last box runs to the end of the file.
            0 => return None,
            1 => {
                read_at(file, at, &mut head).ok()?;
                (16, u64_at(&head, 8)?)
            }
            size => (8, u64::from(size)),
        };
        let content = size.checked_sub(length)?;
        if kind == *b"moov" {
            if content > LARGEST {
                return None;
            }
            let mut moov = vec![0; usize::try_from(content).ok()?];
            read_at(file, at + length, &mut moov).ok()?;
            return Some((at, moov));
        }
        at = at.checked_add(size)?;
    }
}
