// SPDX-License-Identifier: MPL-2.0

//! Moves the composition times of fragments so that no player sees pictures late.
//!
//! Pictures that are not shown in the order of their decoding need an offset. The muxer writes it
//! as negative composition offsets, which ffmpeg reads as a delay of all pictures against the
//! sound. What everybody reads alike is the older form: offsets from zero upwards, and an edit list
//! that takes the first of them away. A fragment is patched, not written anew.

use mp4_atom::{Atom, Moof, Moov, Tkhd, Traf, Trak, Trun};

use super::boxes::{Place, find};

/// Flags of a track run (ISO/IEC 14496-12 section 8.8.8.1): fields before the samples, and fields
/// of each sample, in their order.
const RUN_FIELDS: [u32; 2] = [0x0001, 0x0004];
const SAMPLE_FIELDS: [u32; 3] = [0x0100, 0x0200, 0x0400];
const SAMPLE_COMPOSITION: u32 = 0x0800;

/// An initialization segment whose first track starts `delay` ticks into its media: an edit list
/// (sections 8.6.5 and 8.6.6) of one entry behind the track's header. `None` where there is no
/// place for one.
pub fn delay_init(init: &[u8], delay: u32) -> Option<Vec<u8>> {
    let moov = find(init, 0, init.len(), Moov::KIND)?;
    let trak = find(init, moov.content, moov.end, Trak::KIND)?;
    let tkhd = find(init, trak.content, trak.end, Tkhd::KIND)?;
    let mut elst = Vec::new();
    // Version and flags, one entry, of unknown length, from `delay`, at normal speed.
    for field in [0, 1, 0, delay, 0x0001_0000] {
        elst.extend_from_slice(&u32::to_be_bytes(field));
    }
    let edts = boxed(*b"edts", &boxed(*b"elst", &elst));
    let mut output = init.to_vec();
    for outer in [moov.start, trak.start] {
        let size = output.get_mut(outer..outer + 4)?;
        let grown = u32::from_be_bytes((&*size).try_into().ok()?).checked_add(edts.len() as u32)?;
        size.copy_from_slice(&grown.to_be_bytes());
    }
    output.splice(tkhd.end..tkhd.end, edts);
    Some(output)
}

/// Adds `delay` ticks to every composition offset in the boxes before the media of a fragment.
/// Offsets that are left out are zero; they are written then, and the boxes grow. `None` where the
/// boxes are malformed; they may be changed in part then.
pub fn delay_fragment(header: &mut Vec<u8>, delay: u32) -> Option<()> {
    if delay == 0 {
        return Some(());
    }
    let moof = find(header, 0, header.len(), Moof::KIND)?;
    let traf = find(header, moof.content, moof.end, Traf::KIND)?;
    let (mut at, mut end) = (traf.content, traf.end);
    let mut runs = Vec::new();
    while let Some(trun) = find(header, at, end, Trun::KIND) {
        let grown = write_offsets(header, &trun)?;
        at = trun.end + grown;
        end += grown;
        delay_run(header.get_mut(trun.content..at)?, delay)?;
        runs.push(trun.content);
    }
    let grown = u32::try_from(end - traf.end).ok()?;
    for size in [moof.start, traf.start] {
        add(header, size, grown)?;
    }
    // The media lies farther from the start of the fragment.
    for run in runs {
        if word(header, run)? & RUN_FIELDS[0] != 0 {
            add(header, run + 8, grown)?;
        }
    }
    Some(())
}

/// Gives a track run composition offsets of zero where it has none; returns by how much it grew.
fn write_offsets(header: &mut Vec<u8>, trun: &Place) -> Option<usize> {
    let run = header.get(trun.content..trun.end)?;
    let flags = word(run, 0)?;
    if flags & SAMPLE_COMPOSITION != 0 {
        return Some(0);
    }
    let count = word(run, 4)? as usize;
    let (head, sample) = (
        8 + size_of(flags, &RUN_FIELDS),
        size_of(flags, &SAMPLE_FIELDS),
    );
    let mut written = (flags | SAMPLE_COMPOSITION).to_be_bytes().to_vec();
    written.extend_from_slice(run.get(4..head)?);
    for index in 0..count {
        let start = head + index.checked_mul(sample)?;
        written.extend_from_slice(run.get(start..start + sample)?);
        written.extend_from_slice(&[0; 4]);
    }
    let grown = written.len().checked_sub(run.len())?;
    header.splice(trun.content..trun.end, written);
    add(header, trun.start, u32::try_from(grown).ok()?)?;
    Some(grown)
}

/// The bytes that the fields take which the flags name.
fn size_of(flags: u32, fields: &[u32]) -> usize {
    fields.iter().filter(|&&field| flags & field != 0).count() * 4
}

/// Adds to the number at a place.
fn add(bytes: &mut [u8], at: usize, more: u32) -> Option<()> {
    let sum = word(bytes, at)?.checked_add(more)?;
    bytes
        .get_mut(at..at + 4)?
        .copy_from_slice(&sum.to_be_bytes());
    Some(())
}

/// A track run after its box header (section 8.8.8.2).
fn delay_run(run: &mut [u8], delay: u32) -> Option<()> {
    let flags = word(run, 0)? & 0x00ff_ffff;
    let count = word(run, 4)? as usize;
    let before = size_of(flags, &SAMPLE_FIELDS);
    let sample = before + 4;
    let samples = run.get_mut(8 + size_of(flags, &RUN_FIELDS)..)?;
    let samples = samples.get_mut(..count.checked_mul(sample)?)?;
    for sample in samples.chunks_exact_mut(sample) {
        let offset = word(sample, before)? as i32;
        let moved = offset.checked_add(i32::try_from(delay).ok()?)?;
        sample[before..].copy_from_slice(&moved.to_be_bytes());
    }
    Some(())
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(word.try_into().ok()?))
}

fn boxed(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
    let mut bytes = (content.len() as u32 + 8).to_be_bytes().to_vec();
    bytes.extend_from_slice(&kind);
    bytes.extend_from_slice(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp4_atom::{DecodeMaybe, Edts, Encode, Mfhd, Tfhd, TrunEntry, TrunSamples};

    fn encoded(atom: &impl Encode) -> Vec<u8> {
        let mut bytes = Vec::new();
        atom.encode(&mut bytes).expect("can be written");
        bytes
    }

    #[test]
    fn an_edit_list_is_added_to_the_first_track() {
        let mut moov = Moov {
            trak: vec![Trak::default()],
            ..Moov::default()
        };
        moov.trak[0].mdia.mdhd.language = "und".into();
        let mut init = boxed(*b"ftyp", b"cmf2\0\0\0\0");
        init.extend(encoded(&moov));
        let delayed = delay_init(&init, 200).expect("well formed");
        let read = Moov::decode_maybe(&mut &delayed[16..])
            .expect("well formed")
            .expect("whole");
        let edit = |read: &Moov| -> Option<(u64, Option<u64>)> {
            let Edts { elst } = read.trak.first()?.edts.as_ref()?;
            let entry = elst.as_ref()?.entries.first()?;
            Some((entry.segment_duration, entry.media_time))
        };
        assert_eq!(edit(&read), Some((0, Some(200))));
        moov.trak[0].edts.clone_from(&read.trak[0].edts);
        assert_eq!(read, moov);
        assert_eq!(delay_init(&init[16..30], 200), None);
        assert_eq!(delay_init(b"", 200), None);
    }

    fn moof(data_offset: i32, offsets: &[Option<i64>]) -> Moof {
        let sample = |&cts: &Option<i64>| TrunEntry {
            duration: Some(100),
            size: Some(7),
            flags: Some(0),
            cts,
        };
        Moof {
            mfhd: Mfhd { sequence_number: 1 },
            traf: vec![Traf {
                tfhd: Tfhd {
                    track_id: 1,
                    ..Tfhd::default()
                },
                trun: vec![Trun {
                    data_offset: Some(data_offset),
                    samples: TrunSamples::Explicit(offsets.iter().map(sample).collect()),
                }],
                ..Traf::default()
            }],
        }
    }

    #[test]
    fn composition_offsets_move() {
        let mut bytes = encoded(&moof(100, &[0, 200, -100, -200].map(Some)));
        delay_fragment(&mut bytes, 200).expect("well formed");
        let read = Moof::decode_maybe(&mut &bytes[..]).expect("well formed");
        assert_eq!(read, Some(moof(100, &[200, 400, 100, 0].map(Some))));
        bytes.truncate(bytes.len() - 3);
        assert_eq!(delay_fragment(&mut bytes, 200), None);
    }

    #[test]
    fn offsets_that_are_left_out_are_written() {
        let mut bytes = encoded(&moof(100, &[None; 3]));
        delay_fragment(&mut bytes, 200).expect("well formed");
        let read = Moof::decode_maybe(&mut &bytes[..]).expect("well formed");
        assert_eq!(read, Some(moof(112, &[Some(200); 3])));
    }
}
