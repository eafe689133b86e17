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

/// Size of a small box's header.
const HEADER: usize = 8;

/// Splits the fragment whose boxes before the media are given. Returns `None` if the boxes are
/// malformed or contain several tracks.
///
/// A chunk has the number of its first frame, counted from one. The number rises from chunk to
/// chunk, and does not depend on how earlier frames were split.
pub fn split(boxes: &[u8]) -> Option<Vec<Chunk>> {
    let place = find(boxes, 0, boxes.len(), Moof::KIND)?;
    let moof = boxes::fragment(boxes.get(place.start..place.end)?)?;
    let [traf] = &moof.traf[..] else {
        return None;
    };
    let mut samples = samples(traf, boxes.len().checked_sub(place.start)?)?;
    last_as_shown(&mut samples)?;
    let first = samples.first()?.shown()?;
    let mut chunks = Vec::new();
    for run in samples.chunk_by(|before, sample| !before.is_key() && !sample.is_key()) {
        let (head, tail) = (run.first()?, run.last()?);
        let media = head.at..tail.at + u64::from(tail.size);
        let mut written = match chunks.is_empty() {
            // Boxes before the fragment, such as the segment's type.
            true => boxes[..place.start].to_vec(),
            false => Vec::new(),
        };
        written.extend(header(traf, run, head.number, media.end - media.start)?);
        chunks.push(Chunk {
            boxes: written,
            media,
            key: match head.is_key() {
                true => Some(u64::try_from(head.shown()?.checked_sub(first)?).ok()?),
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
    written.extend(header(traf, kept, moof.mfhd.sequence_number, media)?);
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
    /// Number in decoding order at a constant rate, counted from one.
    number: u32,
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
                number: number(traf, start, duration)?,
            };
            at += u64::from(sample.size);
            start += u64::from(sample.duration);
            samples.push(sample);
        }
    }
    Some(samples)
}

/// Returns the boxes before the media of a chunk.
fn header(traf: &Traf, run: &[Sample], sequence: u32, media: u64) -> Option<Vec<u8>> {
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
    let start = traf.tfdt.as_ref()?.base_media_decode_time;
    let mut moof = Moof {
        mfhd: Mfhd {
            sequence_number: sequence,
        },
        traf: vec![Traf {
            tfhd: Tfhd {
                default_sample_duration: duration,
                default_sample_size: size,
                default_sample_flags: flags,
                ..traf.tfhd.clone()
            },
            tfdt: Some(Tfdt {
                base_media_decode_time: start.checked_add(run.first()?.start)?,
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

/// Returns the number of a frame with this decode time after the fragment's start.
fn number(traf: &Traf, start: u64, duration: u32) -> Option<u32> {
    let fragment = traf.tfdt.as_ref()?.base_media_decode_time;
    let duration = u64::from(duration.max(1));
    let middle = fragment.checked_add(start)?.checked_add(duration / 2)?;
    let frames = middle / duration;
    u32::try_from(frames).ok()?.checked_add(1)
}

/// Sets the duration of each frame so that it lasts until the next one is shown, which is how
/// players interpret it. The muxer sets the time until the next one is decoded. In a rendition with
/// few frames per second, the frame before an early key frame would then be too short. Presentation
/// times do not change.
fn last_as_shown(samples: &mut [Sample]) -> Option<()> {
    let shown: Vec<i64> = samples.iter().map(Sample::shown).collect::<Option<_>>()?;
    let mut order: Vec<usize> = (0..samples.len()).collect();
    order.sort_by_key(|&index| shown[index]);
    for pair in order.windows(2) {
        let length = shown[pair[1]] - shown[pair[0]];
        // Two frames with the same time are an encoder fault that is not made worse.
        if length > 0 {
            samples[pair[0]].duration = u32::try_from(length).ok()?;
        }
    }
    let mut start = 0;
    for (sample, shown) in samples.iter_mut().zip(shown) {
        sample.start = start;
        sample.offset = shown.checked_sub_unsigned(start)?;
        start += u64::from(sample.duration);
    }
    Some(())
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
            (50, KEY, 200),
            (5, OTHER, 300),
            (6, OTHER, 100),
            (40, KEY, 200),
            (7, OTHER, 200),
        ]);
        let chunks = split(&boxes).expect("well formed");
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

        // The second frame is shown 100 before the fourth one, the third one 100 before the second.
        let times = [(9000, 91), (9100, 92), (9300, 94), (9400, 95)];
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

    #[test]
    fn a_frame_before_an_early_key_frame_is_short() {
        // Shown at 0, 600, 400, 200, 730 and 930; the muxer gives each one a duration of 200.
        let times = [0, 600, 400, 200, 730, 930];
        let mut samples: Vec<Sample> = times
            .iter()
            .enumerate()
            .map(|(index, time)| Sample {
                at: 0,
                start: index as u64 * 200,
                duration: 200,
                size: 1,
                flags: OTHER,
                offset: time - index as i64 * 200,
                number: 1,
            })
            .collect();
        last_as_shown(&mut samples).expect("in range");
        let durations: Vec<u32> = samples.iter().map(|sample| sample.duration).collect();
        assert_eq!(durations, [200, 130, 200, 200, 200, 200]);
        let starts: Vec<u64> = samples.iter().map(|sample| sample.start).collect();
        assert_eq!(starts, [0, 200, 330, 530, 730, 930]);
        let shown: Vec<i64> = samples.iter().filter_map(Sample::shown).collect();
        assert_eq!(shown, times);
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
        assert!(split(&boxes).is_some());
        assert_eq!(split(&boxes[..40]), None);
        assert_eq!(split(b""), None);
        // The media would be elsewhere.
        let mut longer = boxes.clone();
        longer.extend(b"more");
        assert_eq!(split(&longer), None);
    }
}
