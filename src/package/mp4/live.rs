// SPDX-License-Identifier: MPL-2.0

//! Fragmented files that are being written: which part of one is whole, and how long it is.

use mp4_atom::{Any, Atom, Decode, Header, Mdat, Moof};

use super::boxes;
use crate::timeline::Time;

/// The first video track of an initialization segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VideoTrack {
    id: u32,
    /// Ticks per second.
    timescale: u32,
}

impl VideoTrack {
    /// Reads it from an initialization segment. Returns `None` if there is no video track.
    pub fn of(init: &[u8]) -> Option<Self> {
        let boxes = boxes::read(init).ok()?;
        let moov = boxes.into_iter().find_map(|(_, atom)| match atom {
            Any::Moov(moov) => Some(moov),
            _ => None,
        })?;
        let video = moov
            .trak
            .iter()
            .find(|trak| trak.mdia.minf.vmhd.is_some())?;
        let timescale = video.mdia.mdhd.timescale;
        (timescale > 0).then_some(VideoTrack {
            id: video.tkhd.track_id,
            timescale,
        })
    }
}

/// The whole fragments at the start of a file.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Whole {
    /// Bytes up to the end of the last whole fragment.
    pub bytes: u64,
    /// Duration of their video.
    pub duration: Time,
}

/// Finds the whole fragments of a file whose writer may have been killed. What cannot be read ends them.
pub fn whole(bytes: &[u8], video: VideoTrack) -> Whole {
    let mut found = Whole::default();
    let (mut at, mut ticks, mut pending) = (0_usize, 0_u64, 0_u64);
    while let Some((kind, end)) = next_box(bytes, at) {
        if kind == Moof::KIND {
            let Some(moof) = bytes.get(at..end).and_then(boxes::fragment) else {
                break;
            };
            pending = ticks_of(&moof, video.id);
        }
        if kind == Mdat::KIND {
            ticks = ticks.saturating_add(std::mem::take(&mut pending));
            found.bytes = end as u64;
        }
        at = end;
    }
    found.duration = Time::from_secs_f64(ticks as f64 / f64::from(video.timescale));
    found
}

/// Returns whether the first fragment of these bytes has frames of the track.
pub fn has_video(bytes: &[u8], video: VideoTrack) -> bool {
    let mut at = 0;
    while let Some((kind, end)) = next_box(bytes, at) {
        if kind == Moof::KIND {
            let moof = bytes.get(at..end).and_then(boxes::fragment);
            return moof.is_some_and(|moof| ticks_of(&moof, video.id) > 0);
        }
        at = end;
    }
    false
}

/// Returns the kind and the end of the box that starts at this byte; `None` if it is not whole.
fn next_box(bytes: &[u8], at: usize) -> Option<(mp4_atom::FourCC, usize)> {
    let mut rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
    let before = rest.len();
    let header = Header::decode(&mut rest).ok()?;
    let size = header.size.filter(|size| *size <= rest.len())?;
    Some((header.kind, at + (before - rest.len()) + size))
}

/// Returns the duration of a track in a fragment, in its ticks.
fn ticks_of(moof: &Moof, track: u32) -> u64 {
    let own = moof.traf.iter().filter(|traf| traf.tfhd.track_id == track);
    let samples = own.flat_map(|traf| {
        let default = traf.tfhd.default_sample_duration.unwrap_or_default();
        let runs = traf.trun.iter().flat_map(|run| run.samples.iter());
        runs.map(move |sample| u64::from(sample.duration.unwrap_or(default)))
    });
    samples.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp4_atom::{Encode, Mfhd, Moov, Tfhd, Traf, Trak, Trun, TrunEntry, TrunSamples, Vmhd};

    const VIDEO: VideoTrack = VideoTrack {
        id: 1,
        timescale: 1000,
    };

    fn encoded(atom: &impl Encode) -> Vec<u8> {
        let mut bytes = Vec::new();
        atom.encode(&mut bytes).expect("it can be written");
        bytes
    }

    /// A fragment of one track with samples of 40 ticks.
    fn fragment(track: u32, count: usize) -> Vec<u8> {
        let sample = TrunEntry {
            duration: Some(40),
            size: Some(2),
            ..TrunEntry::default()
        };
        let run = Trun {
            data_offset: Some(0),
            samples: TrunSamples::Explicit(vec![sample; count]),
        };
        let moof = Moof {
            mfhd: Mfhd { sequence_number: 1 },
            traf: vec![Traf {
                tfhd: Tfhd {
                    track_id: track,
                    ..Tfhd::default()
                },
                trun: vec![run],
                ..Traf::default()
            }],
        };
        let mdat = Mdat {
            data: vec![7; 2 * count],
        };
        [encoded(&moof), encoded(&mdat)].concat()
    }

    #[test]
    fn a_file_that_is_cut_off_anywhere_keeps_its_whole_fragments() {
        let (first, second) = (fragment(1, 10), fragment(1, 5));
        let file = [&first[..], &second[..]].concat();
        for length in 0..=file.len() {
            let (bytes, millis) = match length {
                length if length < first.len() => (0, 0),
                length if length < file.len() => (first.len(), 400),
                _ => (file.len(), 600),
            };
            let expected = Whole {
                bytes: bytes as u64,
                duration: Time::from_millis(millis),
            };
            assert_eq!(whole(&file[..length], VIDEO), expected, "{length}");
        }
    }

    #[test]
    fn only_the_video_counts() {
        let file = [fragment(2, 50), fragment(1, 5)].concat();
        assert_eq!(whole(&file, VIDEO).duration, Time::from_millis(200));
        assert!(has_video(&fragment(1, 1), VIDEO));
        assert!(!has_video(&fragment(2, 1), VIDEO));
        assert!(!has_video(b"junk", VIDEO));
    }

    #[test]
    fn the_video_track_is_found_in_the_header() {
        let mut moov = Moov {
            trak: vec![Trak::default(), Trak::default()],
            ..Moov::default()
        };
        for (number, trak) in moov.trak.iter_mut().enumerate() {
            trak.tkhd.track_id = number as u32 + 1;
            trak.mdia.mdhd.timescale = 48_000;
            trak.mdia.mdhd.language = "und".into();
        }
        assert_eq!(VideoTrack::of(&encoded(&moov)), None);
        moov.trak[1].mdia.minf.vmhd = Some(Vmhd::default());
        let expected = VideoTrack {
            id: 2,
            timescale: 48_000,
        };
        assert_eq!(VideoTrack::of(&encoded(&moov)), Some(expected));
        assert_eq!(VideoTrack::of(b""), None);
    }
}
