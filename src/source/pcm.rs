// SPDX-License-Identifier: MPL-2.0

//! Uncompressed audio in QuickTime files.
//!
//! The sample entries `in32`, `fl32` and `fl64` hold samples in big-endian order unless an `enda` box
//! reverses it (QuickTime File Format, "Sound Sample Descriptions"). qtdemux (1.22) reads that box for
//! `in24` only, and the others become noise or silence. They are written anew as `lpcm`, of which it
//! reads the order.

use super::boxes::{self, Atom, Content};
use super::chunks;

/// Length of the fields of version 0 that every sound sample description begins with, in bytes.
const BASE: usize = 28;
/// Length of the fields that version 1 adds.
const VERSION_1: usize = 16;
/// The flags of `lpcm`: floating point; signed integers that fill their bytes.
const FLOAT: u32 = 1;
const SIGNED: u32 = 4 | 8;

/// Changes the audio tracks of a movie header whose sample order or times qtdemux misreads; returns
/// whether there are any.
pub(super) fn rewrite(movie: &mut Atom) -> bool {
    let Content::Boxes(tracks) = &mut movie.content else {
        return false;
    };
    let mut is_changed = false;
    for track in tracks.iter_mut().filter(|track| track.kind == *b"trak") {
        let Some(table) = track.find_mut(&[b"mdia", b"minf", b"stbl", b"stsd"]) else {
            continue;
        };
        if let Some(written) = reversed(table.bytes()) {
            table.content = Content::Bytes(written);
            is_changed = true;
        }
        if is_linear(table.bytes()) == Some(true) {
            is_changed |= chunks::join_samples(track).is_some();
        }
    }
    is_changed
}

/// Returns whether the only entry of a sample description box is `lpcm` of version 2, whose times are
/// misread.
fn is_linear(table: &[u8]) -> Option<bool> {
    let entry = table.get(8..)?;
    let (kind, header, _) = boxes::header(entry)?;
    let is_second = entry.get(header..)?.get(8..10)? == 2u16.to_be_bytes();
    Some(table.get(4..8)? == 1u32.to_be_bytes() && kind == *b"lpcm" && is_second)
}

/// Returns a sample description box whose only entry is little-endian in a way that is misread, with
/// an entry that is not.
fn reversed(table: &[u8]) -> Option<Vec<u8>> {
    let (head, entry) = table.split_at_checked(8)?;
    if head.get(4..)? != 1u32.to_be_bytes() {
        return None;
    }
    let (kind, header, size) = boxes::header(entry)?;
    let (bits, flags) = match &kind {
        b"in32" => (32, SIGNED),
        b"fl32" => (32, FLOAT),
        b"fl64" => (64, FLOAT),
        _ => return None,
    };
    let entry = entry.get(header..usize::try_from(size).ok()?)?;
    if entry.get(8..10)? != 1u16.to_be_bytes() || !is_little_endian(entry)? {
        return None;
    }
    let channels = u16::from_be_bytes(*entry.get(16..)?.first_chunk()?);
    let rate = u32::from_be_bytes(*entry.get(24..)?.first_chunk()?) >> 16;
    let written = Atom::leaf(
        b"lpcm",
        linear(entry.get(..8)?, channels, rate, bits, flags),
    );
    let mut table = head.to_vec();
    written.write(&mut table)?;
    Some(table)
}

/// Returns whether the extensions of an entry of version 1 say that its samples are little-endian.
fn is_little_endian(entry: &[u8]) -> Option<bool> {
    let extensions = boxes::read(entry.get(BASE + VERSION_1..)?)?;
    let wave = extensions.iter().find(|atom| atom.kind == *b"wave")?;
    let inner = boxes::read(wave.bytes())?;
    let order = inner.iter().find(|atom| atom.kind == *b"enda")?;
    Some(order.bytes().get(..2)? == [0, 1])
}

/// Writes the fields of a sound sample description of version 2. `head` are the reserved bytes and the
/// data reference that every entry begins with.
fn linear(head: &[u8], channels: u16, rate: u32, bits: u32, flags: u32) -> Vec<u8> {
    /// Size of the whole description, from its own size on.
    const SIZE: u32 = 72;
    let mut bytes = head.to_vec();
    // Version, revision and vendor.
    bytes.extend([0, 2, 0, 0, 0, 0, 0, 0]);
    // Constants: three channels of 16 bits, compression -2, packet size 0, rate 1.
    bytes.extend([0, 3, 0, 16, 0xff, 0xfe, 0, 0, 0, 1, 0, 0]);
    bytes.extend(SIZE.to_be_bytes());
    bytes.extend(f64::from(rate).to_be_bytes());
    bytes.extend(u32::from(channels).to_be_bytes());
    bytes.extend([0x7f, 0, 0, 0]);
    bytes.extend(bits.to_be_bytes());
    bytes.extend(flags.to_be_bytes());
    bytes.extend((u32::from(channels) * bits / 8).to_be_bytes());
    // One frame in a packet.
    bytes.extend(1u32.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes the description of stereo at 48 kHz.
    fn table(kind: &[u8; 4], order: u8) -> Vec<u8> {
        let mut entry = vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];
        entry.extend([0, 2, 0, 16, 0, 0, 0, 0, 0xbb, 0x80, 0, 0]);
        entry.extend([0; VERSION_1]);
        let enda = Atom::leaf(b"enda", vec![0, order]);
        let mut inner = Vec::new();
        enda.write(&mut inner).expect("small");
        Atom::leaf(b"wave", inner).write(&mut entry).expect("small");
        let mut table = vec![0, 0, 0, 0, 0, 0, 0, 1];
        Atom::leaf(kind, entry).write(&mut table).expect("small");
        table
    }

    #[test]
    fn little_endian_samples_become_linear_pcm() {
        for (kind, bits, flags) in [(b"in32", 32, 12), (b"fl32", 32, 1), (b"fl64", 64, 1)] {
            let written = reversed(&table(kind, 1)).expect("a description");
            let (kind, header, size) = boxes::header(&written[8..]).expect("an entry");
            assert_eq!((&kind, size), (b"lpcm", 72));
            let entry = &written[8 + header..];
            let number = |at: usize| u32::from_be_bytes(*entry[at..].first_chunk().expect("four"));
            assert_eq!(entry[32..40], 48_000f64.to_be_bytes());
            assert_eq!((number(40), number(48), number(52)), (2, bits, flags));
            assert_eq!(number(56), 2 * bits / 8);
        }
    }

    #[test]
    fn others_stay_as_they_are() {
        assert_eq!(reversed(&table(b"fl32", 0)), None);
        assert_eq!(reversed(&table(b"in24", 1)), None);
        assert_eq!(reversed(&table(b"mp4a", 1)), None);
        assert_eq!(reversed(&table(b"fl32", 1)[..60]), None);
        assert_eq!(reversed(b""), None);
    }
}
