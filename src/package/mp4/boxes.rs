// SPDX-License-Identifier: MPL-2.0

//! The boxes of ISO/IEC 14496-12 files.

use mp4_atom::{Any, Atom, Decode, DecodeMaybe, FourCC, Header, Mdat, Moof, TrunSamples};

/// Section 8.8.3.1: flag of a sample that cannot be decoded by itself.
pub(in crate::package) const SAMPLE_IS_NON_SYNC: u32 = 0x0001_0000;

/// Largest number of samples of a file without a field of their own in its track runs (section
/// 8.8.8). Such a run takes twenty bytes for any number of samples, so a tiny file could request
/// billions. A second of PCM audio has 48 000.
pub(in crate::package) const MOST_SAMPLES: u32 = 1 << 20;

/// Returns the boxes of a file and their offsets; media is skipped. The error states what is wrong.
pub(in crate::package) fn read(bytes: &[u8]) -> Result<Vec<(u64, Any)>, String> {
    read_as(bytes, false)
}

/// Like [`read`], for bytes that may end inside of media.
pub(in crate::package) fn read_start(bytes: &[u8]) -> Result<Vec<(u64, Any)>, String> {
    read_as(bytes, true)
}

fn read_as(bytes: &[u8], may_end: bool) -> Result<Vec<(u64, Any)>, String> {
    let mut boxes = Vec::new();
    let (mut at, mut samples) = (0, 0_u32);
    while at < bytes.len() {
        let broken = |error| format!("the box at byte {at} cannot be read: {error}");
        let mut rest = &bytes[at..];
        let header = Header::decode(&mut rest).map_err(broken)?;
        let head = bytes.len() - at - rest.len();
        let size = header.size.unwrap_or(rest.len());
        if size > rest.len() {
            if may_end && header.kind == Mdat::KIND {
                break;
            }
            return Err(format!("the {} box at byte {at} is truncated", header.kind));
        }
        let end = at + head + size;
        if header.kind != Mdat::KIND
            && let Some(atom) = Any::decode_maybe(&mut &bytes[at..end]).map_err(broken)?
        {
            if let Any::Moof(moof) = &atom {
                samples = samples.saturating_add(samples_without_fields(moof));
            }
            if samples > MOST_SAMPLES {
                return Err(format!(
                    "up to the moof box at byte {at} it has {samples} samples without a field of \
                     their own, at most {MOST_SAMPLES} are read"
                ));
            }
            boxes.push((at as u64, atom));
        }
        at = end;
    }
    Ok(boxes)
}

/// Parses the bytes of a `moof` box. Returns `None` if it cannot be read or has more samples than
/// [`MOST_SAMPLES`].
pub(in crate::package) fn fragment(bytes: &[u8]) -> Option<Moof> {
    let moof = Moof::decode_maybe(&mut &bytes[..]).ok()??;
    (samples_without_fields(&moof) <= MOST_SAMPLES).then_some(moof)
}

/// Counts the samples that have no field of their own.
fn samples_without_fields(moof: &Moof) -> u32 {
    let runs = moof.traf.iter().flat_map(|traf| &traf.trun);
    let counts = runs.filter_map(|run| match run.samples {
        TrunSamples::Inherited { count, .. } => Some(count),
        TrunSamples::Explicit(_) => None,
    });
    counts.fold(0, u32::saturating_add)
}

/// Position of a box in a file.
pub(in crate::package) struct Place {
    pub start: usize,
    pub content: usize,
    pub end: usize,
}

/// Finds the first box of this kind in a range.
pub(in crate::package) fn find(
    bytes: &[u8],
    start: usize,
    end: usize,
    kind: FourCC,
) -> Option<Place> {
    let mut at = start;
    loop {
        let within = bytes.get(at..end)?;
        let mut rest = within;
        let header = Header::decode(&mut rest).ok()?;
        let content = end - rest.len();
        let size = header.size.unwrap_or(rest.len());
        if size > rest.len() {
            return None;
        }
        if header.kind == kind {
            return Some(Place {
                start: at,
                content,
                end: content + size,
            });
        }
        at = content + size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp4_atom::{Encode, Mfhd, Tfhd, Traf, Trun};

    /// Makes a fragment whose runs have these numbers of samples, without fields of their own.
    fn fragment_of(runs: &[u32]) -> Vec<u8> {
        let run = |&count: &u32| Trun {
            data_offset: Some(0),
            samples: TrunSamples::Inherited {
                count,
                first_flags: None,
            },
        };
        let moof = Moof {
            mfhd: Mfhd { sequence_number: 1 },
            traf: vec![Traf {
                tfhd: Tfhd::default(),
                trun: runs.iter().map(run).collect(),
                ..Traf::default()
            }],
        };
        let mut bytes = Vec::new();
        moof.encode(&mut bytes).expect("it can be written");
        bytes
    }

    #[test]
    fn a_few_bytes_do_not_ask_for_billions_of_samples() {
        for runs in [&[480_000][..], &[MOST_SAMPLES]] {
            assert!(read(&fragment_of(runs)).is_ok(), "{runs:?}");
            assert!(fragment(&fragment_of(runs)).is_some(), "{runs:?}");
        }
        for runs in [&[u32::MAX][..], &[u32::MAX; 2], &[MOST_SAMPLES, 1]] {
            let error = read(&fragment_of(runs)).expect_err("too many");
            assert!(error.contains("samples"), "{error}");
            assert!(fragment(&fragment_of(runs)).is_none(), "{runs:?}");
        }
        let many = [fragment_of(&[MOST_SAMPLES]), fragment_of(&[1])].concat();
        assert!(read(&many).is_err());
    }
}
