// SPDX-License-Identifier: MPL-2.0

//! Changes the times of fragments: composition times so that no player shows frames late, and
//! decode times if a segment is reused at another position.
//!
//! Frames that are not shown in decoding order need an offset. The muxer writes negative
//! composition offsets, which ffmpeg and GStreamer (1.22) read as a delay of the video against the
//! audio. The older form has offsets from zero upwards and an edit list that subtracts the first of
//! them; all players show it in sync. Only hls.js ignores the edit list when it calculates which
//! segment contains a time. The error is negligible at usual frame rates. A fragment is patched,
//! not rewritten.

use mp4_atom::{Any, Atom, Mdhd, Mdia, Mfhd, Moof, Moov, Mvhd, Tfdt, Tkhd, Traf, Trak, Trun};

use super::boxes::{self, MOST_SAMPLES, Place, find};

/// Flags of a track run (ISO/IEC 14496-12 section 8.8.8.1): fields before the samples, and fields
/// of each sample, in their order.
const RUN_FIELDS: [u32; 2] = [0x0001, 0x0004];
const SAMPLE_FIELDS: [u32; 3] = [0x0100, 0x0200, 0x0400];
const SAMPLE_COMPOSITION: u32 = 0x0800;

/// Adds an edit list to an initialization segment, so that its first track starts `delay` ticks
/// into its media (sections 8.6.5 and 8.6.6). The list has one entry and follows the track's
/// header. Returns `None` if there is no position for it.
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

/// Removes the creation dates from an initialization segment (sections 8.2.2, 8.3.2 and 8.4.2), so
/// that the same encoding has the same bytes, and the same name, at any time. Malformed boxes stay.
pub fn without_dates(init: &[u8]) -> Vec<u8> {
    let mut output = init.to_vec();
    let within = |outer: Option<Place>, kind| {
        let outer = outer?;
        find(init, outer.content, outer.end, kind)
    };
    let moov = || find(init, 0, init.len(), Moov::KIND);
    let trak = || within(moov(), Trak::KIND);
    let headers = [
        within(moov(), Mvhd::KIND),
        within(trak(), Tkhd::KIND),
        within(within(trak(), Mdia::KIND), Mdhd::KIND),
    ];
    for header in headers.into_iter().flatten() {
        let size = match word(init, header.content).map(|version| version >> 24) {
            Some(1) => 16,
            _ => 8,
        };
        if let Some(dates) = output.get_mut(header.content + 4..header.content + 4 + size) {
            dates.fill(0);
        }
    }
    output
}

/// Adds `delay` ticks to every composition offset in the boxes before the media of a fragment.
/// Omitted offsets are zero; they are then written, and the boxes grow. Returns `None` if the boxes
/// are malformed, which may leave them partly changed.
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
    // The media moves away from the start of the fragment.
    for run in runs {
        if word(header, run)? & RUN_FIELDS[0] != 0 {
            add(header, run + 8, grown)?;
        }
    }
    Some(())
}

/// Moves a segment from frame number `from` to frame number `to`. This changes decode times
/// (section 8.8.12) and the numbers of chunks, which are those of their first frames. A frame lasts
/// this many `ticks`. Returns `None` if the segment is not as catalogsink writes it, which may leave
/// it partly changed.
pub fn retime(segment: &mut [u8], from: u64, to: u64, ticks: u64) -> Option<()> {
    let mut first = true;
    for (at, atom) in boxes::read(segment).ok()? {
        match atom {
            Any::Styp(_) => continue,
            Any::Moof(_) => {}
            // Another box may have times, too.
            _ => return None,
        }
        let at = usize::try_from(at).ok()?;
        let moof = find(segment, at, segment.len(), Moof::KIND)?;
        let mfhd = find(segment, moof.content, moof.end, Mfhd::KIND)?;
        let traf = find(segment, moof.content, moof.end, Traf::KIND)?;
        let tfdt = find(segment, traf.content, traf.end, Tfdt::KIND)?;
        let is_long = word(segment, tfdt.content)? >> 24 == 1;
        let old = match is_long {
            true => {
                let high = u64::from(word(segment, tfdt.content + 4)?);
                high << 32 | u64::from(word(segment, tfdt.content + 8)?)
            }
            false => word(segment, tfdt.content + 4)?.into(),
        };
        if std::mem::take(&mut first) && old != from.checked_mul(ticks)? {
            return None;
        }
        let into = old.checked_sub(from.checked_mul(ticks)?)?;
        let new = to.checked_mul(ticks)?.checked_add(into)?;
        let written = match is_long {
            true => new.to_be_bytes().to_vec(),
            false => u32::try_from(new).ok()?.to_be_bytes().to_vec(),
        };
        let place = tfdt.content + 4..tfdt.content + 4 + written.len();
        segment.get_mut(place)?.copy_from_slice(&written);
        let number = u64::from(word(segment, mfhd.content + 4)?);
        let number = u32::try_from(number.checked_add(to)?.checked_sub(from)?).ok()?;
        let place = mfhd.content + 4..mfhd.content + 8;
        segment
            .get_mut(place)?
            .copy_from_slice(&number.to_be_bytes());
    }
    (!first).then_some(())
}

/// Adds composition offsets of zero to a track run without offsets; returns by how much it grew.
fn write_offsets(header: &mut Vec<u8>, trun: &Place) -> Option<usize> {
    let run = header.get(trun.content..trun.end)?;
    let flags = word(run, 0)?;
    if flags & SAMPLE_COMPOSITION != 0 {
        return Some(0);
    }
    let count = word(run, 4)?;
    // Samples without fields grow here, although nothing of them is in the file.
    if count > MOST_SAMPLES {
        return None;
    }
    let count = count as usize;
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

/// Returns the number of bytes of the fields that the flags select.
fn size_of(flags: u32, fields: &[u32]) -> usize {
    fields.iter().filter(|&&field| flags & field != 0).count() * 4
}

/// Adds to the number at an offset.
fn add(bytes: &mut [u8], at: usize, more: u32) -> Option<()> {
    let sum = word(bytes, at)?.checked_add(more)?;
    bytes
        .get_mut(at..at + 4)?
        .copy_from_slice(&sum.to_be_bytes());
    Some(())
}

/// Changes a track run after its box header (section 8.8.8.2).
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
    use mp4_atom::{DecodeMaybe, Edts, Encode, Tfhd, TrunEntry, TrunSamples};

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

    #[test]
    fn dates_are_left_out() {
        let made = |time: u64| {
            let mut moov = Moov {
                trak: vec![Trak::default()],
                ..Moov::default()
            };
            moov.mvhd.creation_time = time;
            moov.mvhd.timescale = 90_000;
            let trak = &mut moov.trak[0];
            trak.tkhd.modification_time = time;
            trak.mdia.mdhd.creation_time = time;
            trak.mdia.mdhd.language = "und".into();
            [boxed(*b"ftyp", b"cmf2\0\0\0\0"), encoded(&moov)].concat()
        };
        assert_ne!(made(0), made(1_700_000_000));
        assert_eq!(without_dates(&made(1_700_000_000)), made(0));
        assert_eq!(without_dates(b"short"), b"short");
    }

    #[test]
    fn a_segment_is_moved_to_other_frames() {
        let chunk = |number: u32, start: u64| {
            let moof = Moof {
                mfhd: Mfhd {
                    sequence_number: number,
                },
                traf: vec![Traf {
                    tfhd: Tfhd {
                        track_id: 1,
                        ..Tfhd::default()
                    },
                    tfdt: Some(Tfdt {
                        base_media_decode_time: start,
                    }),
                    ..Traf::default()
                }],
            };
            [encoded(&moof), boxed(*b"mdat", b"moof tfdt mfhd")].concat()
        };
        let at = |first: u32| {
            let start = u64::from(first - 1) * 1001;
            [chunk(first, start), chunk(first + 7, start + 7007)].concat()
        };
        let mut segment = at(181);
        retime(&mut segment, 180, 30, 1001).expect("well formed");
        assert_eq!(segment, at(31));
        retime(&mut segment, 30, 180, 1001).expect("well formed");
        assert_eq!(segment, at(181));
        assert_eq!(retime(&mut segment, 30, 180, 1001), None);
        assert_eq!(retime(&mut segment[..60], 180, 30, 1001), None);
        assert_eq!(retime(&mut [], 0, 30, 1001), None);
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

    #[test]
    fn samples_that_are_not_in_the_file_do_not_grow() {
        let run = [0_u32.to_be_bytes(), u32::MAX.to_be_bytes()].concat();
        let traf = boxed(*b"traf", &boxed(*b"trun", &run));
        let mut header = boxed(*b"moof", &traf);
        assert_eq!(delay_fragment(&mut header, 100), None);
    }
}
