// SPDX-License-Identifier: MPL-2.0

//! Patches fragments: removes dates from an initialization segment, and moves the decode times of a
//! segment that is used again at another place.

use mp4_atom::{Any, Atom, Mdhd, Mdia, Mfhd, Moof, Moov, Mvhd, Tfdt, Tkhd, Traf, Trak};

use super::boxes::{self, Place, find};

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

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let word = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(word.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp4_atom::{Encode, Tfhd};

    fn boxed(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
        let mut bytes = (content.len() as u32 + 8).to_be_bytes().to_vec();
        bytes.extend_from_slice(&kind);
        bytes.extend_from_slice(content);
        bytes
    }

    fn encoded(atom: &impl Encode) -> Vec<u8> {
        let mut bytes = Vec::new();
        atom.encode(&mut bytes).expect("can be written");
        bytes
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
}
