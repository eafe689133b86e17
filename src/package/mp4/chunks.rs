// SPDX-License-Identifier: MPL-2.0

//! Splits a fragment into chunks (ISO/IEC 23000-19 section 7.3.2.3) so that every key frame is a
//! chunk of its own.
//!
//! An I-frame playlist refers to byte ranges in the segments that everybody plays (RFC 8216 section
//! 4.3.3.6). Each range must contain the `moof` box of its frame (Apple 6.10). A range with a whole
//! chunk is readable by any reader of fragmented MP4. Box names are those of ISO/IEC 14496-12.

use std::ops::Range;

use mp4_atom::{Atom, Encode, Mdat, Mfhd, Moof, Tfdt, Tfhd, Traf, Trun, TrunEntry, TrunSamples};

use super::boxes::{self, SAMPLE_IS_NON_SYNC, find};
use super::decode_times::{Frame, decode_times};

/// Consecutively decoded frames of a fragment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chunk {
    /// Bytes before its media.
    pub boxes: Vec<u8>,
    /// Its range of the fragment's media.
    pub media: Range<u64>,
    /// For a key frame: presentation time after the fragment's first frame, in ticks.
    pub key: Option<u64>,
}

/// Returns the media of a chunk, which for a key frame is that frame, or `None` if there is none.
pub fn media(chunk: &[u8]) -> Option<&[u8]> {
    let place = find(chunk, 0, chunk.len(), Mdat::KIND)?;
    chunk.get(place.content..place.end)
}

/// Changes when segments and initialization segments of an older program cannot stand beside new ones.
/// 2: every group of pictures is decoded in the time in which it is shown, without an edit list.
pub const SEGMENT_FORMAT: u32 = 2;

/// Size of a small box's header.
const HEADER: usize = 8;

/// Splits the fragment whose boxes before the media are given, and sets when its frames are decoded
/// ([`decode_times`]). A frame is shown for a multiple of `frame` ticks, and the fragment until `end`,
/// in ticks of the track. Returns `None` if the boxes are malformed or contain several tracks, or if
/// the fragment does not start with the frame that is shown first.
///
/// A chunk's number is that of the frame, counted from one, at or before which it is decoded. It rises
/// from chunk to chunk, and does not depend on how earlier frames were split.
pub fn split(boxes: &[u8], frame: u64, end: u64) -> Option<Vec<Chunk>> {
    let place = find(boxes, 0, boxes.len(), Moof::KIND)?;
    let moof = boxes::fragment(boxes.get(place.start..place.end)?)?;
    let [traf] = &moof.traf[..] else {
        return None;
    };
    let mut samples = samples(traf, boxes.len().checked_sub(place.start)?)?;
    let first = traf.tfdt.as_ref()?.base_media_decode_time;
    let first = set_times(&mut samples, first, frame, end)?;
    let mut chunks = Vec::new();
    for run in samples.chunk_by(|before, sample| !before.is_key() && !sample.is_key()) {
        let (head, tail) = (run.first()?, run.last()?);
        let media = head.at..tail.at + u64::from(tail.size);
        let mut written = match chunks.is_empty() {
            // Boxes before the fragment, such as the segment's type.
            true => boxes[..place.start].to_vec(),
            false => Vec::new(),
        };
        let decoded = first.checked_add(head.start)?;
        let number = u32::try_from(decoded.div_ceil(frame))
            .ok()?
            .checked_add(1)?;
        written.extend(header(
            &traf.tfhd,
            run,
            (number, decoded),
            media.end - media.start,
        )?);
        chunks.push(Chunk {
            boxes: written,
            media,
            key: match head.is_key() {
                true => Some(u64::try_from(head.shown()?).ok()?),
                false => None,
            },
        });
    }
    Some(chunks)
}

/// Removes the frames of a segment that are mostly later than `ticks` after its start, and returns
/// the rest with its duration; nothing if that is zero. Returns `None` unless the segment is a
/// single fragment of one track.
pub fn shorten(segment: &[u8], ticks: u64) -> Option<(Vec<u8>, u64)> {
    let mdat = find(segment, 0, segment.len(), Mdat::KIND)?;
    let boxes = segment.get(..mdat.content)?;
    let place = find(boxes, 0, mdat.start, Moof::KIND)?;
    let moof = boxes::fragment(boxes.get(place.start..place.end)?)?;
    let [traf] = &moof.traf[..] else {
        return None;
    };
    let samples = samples(traf, boxes.len().checked_sub(place.start)?)?;
    let is_kept = |sample: &Sample| sample.start + u64::from(sample.duration) / 2 < ticks;
    let kept = &samples[..samples.partition_point(is_kept)];
    let Some(last) = kept.last() else {
        return Some((Vec::new(), 0));
    };
    let media = last.at + u64::from(last.size);
    let mut written = boxes[..place.start].to_vec();
    let decoded = traf.tfdt.as_ref()?.base_media_decode_time;
    let place = (moof.mfhd.sequence_number, decoded);
    written.extend(header(&traf.tfhd, kept, place, media)?);
    let end = mdat.content.checked_add(usize::try_from(media).ok()?)?;
    written.extend(segment.get(mdat.content..end)?);
    Some((written, last.start + u64::from(last.duration)))
}

/// A frame, including the values that the boxes leave to defaults.
struct Sample {
    /// Offset in the fragment's media.
    at: u64,
    /// Decode time, in ticks since the fragment's start.
    start: u64,
    duration: u32,
    size: u32,
    flags: u32,
    offset: i64,
}

impl Sample {
    /// Returns the presentation time, in ticks since the fragment's start.
    fn shown(&self) -> Option<i64> {
        i64::try_from(self.start).ok()?.checked_add(self.offset)
    }

    fn is_key(&self) -> bool {
        self.flags & SAMPLE_IS_NON_SYNC == 0
    }
}

/// Returns the frames of a track fragment whose media starts at this byte after the `moof` box's
/// start.
fn samples(traf: &Traf, media: usize) -> Option<Vec<Sample>> {
    let defaults = &traf.tfhd;
    let (mut at, mut start) = (0, 0_u64);
    let mut samples = Vec::new();
    for trun in &traf.trun {
        if let Some(offset) = trun.data_offset
            && u64::try_from(offset).ok()? != media as u64 + at
        {
            return None;
        }
        for sample in trun.samples.iter() {
            let duration = sample.duration.or(defaults.default_sample_duration)?;
            let sample = Sample {
                at,
                start,
                duration,
                size: sample.size.or(defaults.default_sample_size)?,
                flags: sample.flags.or(defaults.default_sample_flags)?,
                offset: sample.cts.unwrap_or(0),
            };
            at += u64::from(sample.size);
            start += u64::from(sample.duration);
            samples.push(sample);
        }
    }
    Some(samples)
}

/// Returns the boxes before the media of a chunk. `place` is its sequence number and when its first
/// frame is decoded, in ticks.
fn header(tfhd: &Tfhd, run: &[Sample], place: (u32, u64), media: u64) -> Option<Vec<u8>> {
    let (sequence_number, base_media_decode_time) = place;
    let duration = common(run.iter().map(|sample| sample.duration));
    let size = common(run.iter().map(|sample| sample.size));
    let flags = common(run.iter().map(|sample| sample.flags));
    let offsets = run.iter().any(|sample| sample.offset != 0);
    let entries = || {
        let entry = |sample: &Sample| TrunEntry {
            duration: duration.is_none().then_some(sample.duration),
            size: size.is_none().then_some(sample.size),
            flags: flags.is_none().then_some(sample.flags),
            cts: offsets.then_some(sample.offset),
        };
        TrunSamples::Explicit(run.iter().map(entry).collect())
    };
    let samples = match (duration, size, flags, offsets) {
        (Some(_), Some(_), Some(_), false) => TrunSamples::Inherited {
            count: u32::try_from(run.len()).ok()?,
            first_flags: None,
        },
        _ => entries(),
    };
    let mut moof = Moof {
        mfhd: Mfhd { sequence_number },
        traf: vec![Traf {
            tfhd: Tfhd {
                default_sample_duration: duration,
                default_sample_size: size,
                default_sample_flags: flags,
                ..tfhd.clone()
            },
            tfdt: Some(Tfdt {
                base_media_decode_time,
            }),
            trun: vec![Trun {
                data_offset: Some(0),
                samples,
            }],
            ..Traf::default()
        }],
    };
    let mut bytes = Vec::new();
    moof.encode(&mut bytes).ok()?;
    // The offset does not change the size of its box.
    moof.traf[0].trun[0].data_offset = i32::try_from(bytes.len() + HEADER).ok();
    bytes.clear();
    moof.encode(&mut bytes).ok()?;
    u32::try_from(media + HEADER as u64)
        .ok()?
        .encode(&mut bytes)
        .ok()?;
    Mdat::KIND.encode(&mut bytes).ok()?;
    Some(bytes)
}

/// Sets when the samples of a fragment are decoded, and how long they last, for they are shown on
/// multiples of `frame` ticks and until `end`. `first` is when the muxer has the first one decoded, and
/// what is returned is when it is: muxers round times, and have a sample last until the next one is
/// decoded by the encoder's clock.
fn set_times(samples: &mut [Sample], first: u64, frame: u64, end: u64) -> Option<u64> {
    let nearest = |ticks: u64| Some((ticks.checked_add(frame / 2)? / frame) * frame);
    let shown = |sample: &Sample| nearest(first.checked_add_signed(sample.shown()?)?);
    let frames = samples.iter().map(|sample| {
        Some(Frame {
            shown: shown(sample)?,
            is_key: sample.is_key(),
        })
    });
    let frames = frames.collect::<Option<Vec<_>>>()?;
    let times = decode_times(&frames, end)?;
    let start = *times.first()?;
    let ends = times.iter().skip(1).copied().chain([end]);
    for ((sample, frame), (&time, end)) in
        samples.iter_mut().zip(frames).zip(times.iter().zip(ends))
    {
        sample.start = time.checked_sub(start)?;
        sample.duration = u32::try_from(end.checked_sub(time)?).ok()?;
        sample.offset = i64::try_from(frame.shown.checked_sub(time)?).ok()?;
    }
    Some(start)
}

/// Returns the value that all items have in common.
fn common<V: PartialEq>(mut values: impl Iterator<Item = V>) -> Option<V> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp4_atom::{Any, FourCC, Styp};

    const KEY: u32 = 0x0200_0000;
    const OTHER: u32 = 0x0101_0000;

    /// Returns the boxes before the media of a fragment with these frames: size, flags, composition
    /// offset.
    fn fragment(frames: &[(u32, u32, i64)]) -> Vec<u8> {
        let mut moof = Moof {
            mfhd: Mfhd { sequence_number: 7 },
            traf: vec![Traf {
                tfhd: Tfhd {
                    track_id: 1,
                    default_sample_duration: Some(100),
                    default_base_is_moof: true,
                    ..Tfhd::default()
                },
                tfdt: Some(Tfdt {
                    base_media_decode_time: 9000,
                }),
                trun: vec![Trun {
                    data_offset: Some(0),
                    samples: frames
                        .iter()
                        .map(|&(size, flags, cts)| TrunEntry {
                            duration: None,
                            size: Some(size),
                            flags: Some(flags),
                            cts: Some(cts),
                        })
                        .collect::<Vec<_>>()
                        .into(),
                }],
                ..Traf::default()
            }],
        };
        let mut bytes = Vec::new();
        let styp = Styp {
            major_brand: FourCC::new(b"cmf2"),
            minor_version: 0,
            compatible_brands: Vec::new(),
        };
        let media: u32 = frames.iter().map(|(size, _, _)| size).sum();
        for styp_size in [0, 16] {
            moof.traf[0].trun[0].data_offset = Some(bytes.len() as i32 - styp_size);
            bytes.clear();
            styp.encode(&mut bytes).expect("written");
            moof.encode(&mut bytes).expect("written");
            (media + 8).encode(&mut bytes).expect("written");
            Mdat::KIND.encode(&mut bytes).expect("written");
        }
        bytes
    }

    #[test]
    fn every_key_frame_is_a_chunk() {
        let boxes = fragment(&[
            (50, KEY, 0),
            (5, OTHER, 100),
            (6, OTHER, -100),
            (40, KEY, 0),
            (7, OTHER, 0),
        ]);
        let chunks = split(&boxes, 100, 9500).expect("well formed");
        let found: Vec<_> = chunks
            .iter()
            .map(|chunk| (chunk.media.clone(), chunk.key))
            .collect();
        let expected = [
            (0..50, Some(0)),
            (50..61, None),
            (61..101, Some(300)),
            (101..108, None),
        ];
        assert_eq!(found, expected);

        // The second frame is decoded halfway to the third, which is shown first.
        let times = [(9000, 91), (9050, 92), (9300, 94), (9400, 95)];
        for (index, (chunk, (start, number))) in chunks.iter().zip(times).enumerate() {
            let mut whole = chunk.boxes.clone();
            whole.resize(
                whole.len() + (chunk.media.end - chunk.media.start) as usize,
                0,
            );
            let length = chunk.media.end - chunk.media.start;
            assert_eq!(media(&whole).map(<[u8]>::len), Some(length as usize));
            let read = crate::package::mp4::boxes::read(&whole).expect("whole boxes");
            assert_eq!(read.len(), if index == 0 { 2 } else { 1 });
            let Some((at, Any::Moof(moof))) = read.last() else {
                panic!("no moof in {read:?}");
            };
            assert_eq!(moof.mfhd.sequence_number, number);
            let traf = &moof.traf[0];
            let tfdt = traf.tfdt.as_ref().expect("a decode time");
            assert_eq!(tfdt.base_media_decode_time, start);
            let offset = traf.trun[0].data_offset.expect("an offset") as usize;
            assert_eq!(*at as usize + offset, chunk.boxes.len());
        }
    }

    /// Frames as a muxer has them whose encoder counts decode times: the fragment lasts 430, and the
    /// muxer's durations of an uneven rate add up to something else.
    #[test]
    fn a_fragment_ends_where_it_is_told_to() {
        let boxes = fragment(&[
            (50, KEY, 0),
            (5, OTHER, 200),
            (6, OTHER, -100),
            (40, KEY, 30),
        ]);
        let chunks = split(&boxes, 10, 9430).expect("well formed");
        let mut end = 9000;
        for chunk in &chunks {
            let read = crate::package::mp4::boxes::read_start(&chunk.boxes).expect("boxes");
            let Some((_, Any::Moof(moof))) = read.last() else {
                panic!("no moof in {read:?}");
            };
            let traf = &moof.traf[0];
            let tfdt = traf.tfdt.as_ref().expect("a decode time");
            assert_eq!(tfdt.base_media_decode_time, end);
            for sample in traf.trun[0].samples.iter() {
                assert!(sample.cts.unwrap_or(0) >= 0, "{sample:?}");
                let duration = sample.duration.or(traf.tfhd.default_sample_duration);
                end += u64::from(duration.expect("a duration"));
            }
        }
        assert_eq!(end, 9430);
        assert_eq!(split(&boxes, 10, 9330), None);
    }

    #[test]
    fn a_segment_is_shortened_to_the_frame() {
        let mut segment = fragment(&[(5, KEY, 0), (6, KEY, 0), (7, KEY, 0)]);
        segment.extend(b"aaaaabbbbbbccccccc");
        for (ticks, media, length) in [
            (51, "aaaaa", 100),
            (150, "aaaaa", 100),
            (151, "aaaaabbbbbb", 200),
            (900, "aaaaabbbbbbccccccc", 300),
        ] {
            let (bytes, lasts) = shorten(&segment, ticks).expect("well formed");
            assert_eq!(lasts, length, "{ticks}");
            assert!(bytes.ends_with(media.as_bytes()), "{ticks}");
            let read = crate::package::mp4::boxes::read(&bytes).expect("whole boxes");
            let Some((at, Any::Moof(moof))) = read.get(1) else {
                panic!("no moof in {read:?}");
            };
            let offset = moof.traf[0].trun[0].data_offset.expect("an offset") as usize;
            assert_eq!(*at as usize + offset + media.len(), bytes.len(), "{ticks}");
        }
        assert_eq!(shorten(&segment, 50), Some((Vec::new(), 0)));
        assert_eq!(shorten(&segment[..60], 900), None);
    }

    #[test]
    fn malformed_boxes_are_refused() {
        let boxes = fragment(&[(50, KEY, 0)]);
        assert!(split(&boxes, 100, 9100).is_some());
        assert_eq!(split(&boxes[..40], 100, 9100), None);
        assert_eq!(split(b"", 100, 9100), None);
        // The media would be elsewhere.
        let mut longer = boxes.clone();
        longer.extend(b"more");
        assert_eq!(split(&longer, 100, 9100), None);
    }
}
