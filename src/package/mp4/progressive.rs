// SPDX-License-Identifier: MPL-2.0

//! Makes a progressive MP4 with chapters from the segments of a package, without encoding.
//!
//! Chapters are written twice because no player reads both forms: as a text track to which the
//! other tracks refer with `chap` (QuickTime, Apple's players), and as a `chpl` box (VLC). Box
//! names are those of ISO/IEC 14496-12.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use mp4_atom::{
    Any, Atom, Chpl, ChplEntry, Co64, Codec, Ctts, CttsEntry, Edts, Elst, ElstEntry, Encode,
    FixedPoint, FourCC, Ftyp, Hdlr, Mdat, Mdhd, Moof, Moov, Nmhd, Stbl, Stsc, StscEntry, Stss,
    StszSamples, SttsEntry, TrackReferenceTypeBox, Trak, Tref, Tx3g, Udta,
};

use super::boxes::{self, SAMPLE_IS_NON_SYNC};
use super::decode_times::even_times;
use crate::timeline::Time;

/// Movie time is in milliseconds.
const MOVIE_TIMESCALE: u32 = 1000;
/// Largest number of `chpl` entries: their count is one byte.
const MAX_CHPL: usize = 255;

/// A segment that cannot be used in an MP4.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<mp4_atom::Error> for Error {
    fn from(error: mp4_atom::Error) -> Self {
        Error(format!("a box cannot be read or written: {error}"))
    }
}

/// Bytes to copy after the head of the movie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Index of the segment over all tracks, in the order of [`Movie::add_segment`].
    pub segment: usize,
    /// Range of the segment's bytes.
    pub range: Range<u64>,
}

/// A movie in the making: tracks, their segments, chapters.
#[derive(Default, Debug)]
pub struct Movie {
    tracks: Vec<Track>,
    segments: usize,
    chapters: Vec<(Time, String)>,
}

#[derive(Debug)]
struct Track {
    trak: Trak,
    default_duration: u32,
    default_size: u32,
    default_flags: u32,
    duration: u64,
    samples: Vec<Sample>,
    chunks: Vec<Chunk>,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    duration: u32,
    size: u32,
    composition_offset: i64,
    sync: bool,
}

/// Samples that are stored one after the other.
#[derive(Debug)]
struct Chunk {
    /// Decode time of the first sample, in ticks of the track.
    start: u64,
    samples: u32,
    part: Part,
}

impl Movie {
    pub fn new() -> Self {
        Movie::default()
    }

    /// Adds a track by the initialization segment of its rendition; returns its index.
    pub fn add_track(&mut self, init: &[u8]) -> Result<usize, Error> {
        let moov = boxes::read(init)
            .map_err(Error)?
            .into_iter()
            .find_map(|(_, atom)| match atom {
                Any::Moov(moov) => Some(moov),
                _ => None,
            })
            .ok_or_else(|| Error("the initialization segment has no moov box".to_owned()))?;
        let [trak] = &moov.trak[..] else {
            return Err(Error(format!(
                "a rendition has {} tracks instead of one",
                moov.trak.len()
            )));
        };
        let trex = moov.mvex.as_ref().and_then(|mvex| mvex.trex.first());
        self.tracks.push(Track {
            trak: trak.clone(),
            default_duration: trex.map_or(0, |trex| trex.default_sample_duration),
            default_size: trex.map_or(0, |trex| trex.default_sample_size),
            default_flags: trex.map_or(0, |trex| trex.default_sample_flags),
            duration: 0,
            samples: Vec::new(),
            chunks: Vec::new(),
        });
        Ok(self.tracks.len() - 1)
    }

    /// Adds the next segment of a track. Only its boxes are kept, not its media.
    pub fn add_segment(&mut self, track: usize, bytes: &[u8]) -> Result<(), Error> {
        let segment = self.segments;
        let track = self
            .tracks
            .get_mut(track)
            .ok_or_else(|| Error(format!("there is no track {track}")))?;
        for (offset, atom) in boxes::read(bytes).map_err(Error)? {
            if let Any::Moof(moof) = atom {
                track.add(&moof, offset, segment, bytes.len() as u64)?;
            }
        }
        self.segments += 1;
        Ok(())
    }

    /// Sets the chapters: start and title, in order. If several start together, the first one
    /// stays: a movie's chapters are a plain list.
    pub fn set_chapters(&mut self, chapters: impl IntoIterator<Item = (Time, String)>) {
        self.chapters = chapters.into_iter().collect();
        self.chapters.dedup_by_key(|(start, _)| *start);
    }

    /// Returns the head of the file, and the parts to copy after it.
    pub fn finish(self) -> Result<(Vec<u8>, Vec<Part>), Error> {
        let titles: Vec<Vec<u8>> = self
            .chapters
            .iter()
            .map(|(_, title)| text_sample(title))
            .collect();
        let mut moov = self.moov(&titles);
        let mut head = Vec::new();
        Ftyp {
            major_brand: FourCC::new(b"isom"),
            minor_version: 0x200,
            compatible_brands: [b"isom", b"iso2", b"avc1", b"mp41"].map(FourCC::new).into(),
        }
        .encode(&mut head)?;

        // Offsets have a fixed width, so that filling them in does not change the size of the box.
        let mut draft = Vec::new();
        moov.encode(&mut draft)?;
        let text: u64 = titles.iter().map(|title| title.len() as u64).sum();
        let order = self.order();
        let media: u64 = order
            .iter()
            .map(|(_, chunk)| length(&chunk.part.range))
            .sum();
        // The size of mdat is written in 64 bits: a class of some hours exceeds 4 GB.
        let mdat = head.len() as u64 + draft.len() as u64;
        let mut at = mdat + 16;
        if let Some(co64) = chapter_offsets(&mut moov, self.tracks.len()) {
            for (offset, title) in co64.iter_mut().zip(&titles) {
                *offset = at;
                at += title.len() as u64;
            }
        }
        for trak in moov.trak.iter_mut().take(self.tracks.len()) {
            trak.mdia
                .minf
                .stbl
                .co64
                .get_or_insert_default()
                .entries
                .clear();
        }
        let mut parts = Vec::with_capacity(order.len());
        for (track, chunk) in order {
            if let Some(co64) = moov
                .trak
                .get_mut(track)
                .and_then(|trak| trak.mdia.minf.stbl.co64.as_mut())
            {
                co64.entries.push(at);
            }
            at += length(&chunk.part.range);
            parts.push(chunk.part.clone());
        }
        moov.encode(&mut head)?;
        1u32.encode(&mut head)?;
        Mdat::KIND.encode(&mut head)?;
        (16 + text + media).encode(&mut head)?;
        head.extend(titles.concat());
        Ok((head, parts))
    }

    /// Returns the chunks of all tracks in the order of their times, so that a player reads
    /// forward.
    fn order(&self) -> Vec<(usize, &Chunk)> {
        let mut order: Vec<(usize, &Chunk)> = self
            .tracks
            .iter()
            .enumerate()
            .flat_map(|(index, track)| track.chunks.iter().map(move |chunk| (index, chunk)))
            .collect();
        order.sort_by_key(|(index, chunk)| (self.tracks[*index].millis(chunk.start), *index));
        order
    }

    fn moov(&self, titles: &[Vec<u8>]) -> Moov {
        let duration = self
            .tracks
            .iter()
            .map(|track| track.millis(track.duration))
            .max()
            .unwrap_or_default();
        let mut moov = Moov::default();
        moov.mvhd.timescale = MOVIE_TIMESCALE;
        moov.mvhd.duration = duration;
        for (track, id) in self.tracks.iter().zip(1..) {
            moov.trak.push(track.trak(id));
        }
        if !self.chapters.is_empty() {
            let id = self.tracks.len() as u32 + 1;
            for trak in &mut moov.trak {
                trak.tref = Some(Tref {
                    track_reference_type_boxes: vec![TrackReferenceTypeBox {
                        reference_type: FourCC::new(b"chap"),
                        track_ids: vec![id],
                    }],
                });
            }
            moov.trak.push(self.chapter_track(id, duration, titles));
            moov.udta = Some(Udta {
                chpl: Some(Chpl {
                    entries: self
                        .chapters
                        .iter()
                        .take(MAX_CHPL)
                        .map(chpl_entry)
                        .collect(),
                }),
                ..Udta::default()
            });
        }
        moov.mvhd.next_track_id = moov.trak.len() as u32 + 1;
        moov
    }

    fn chapter_track(&self, id: u32, duration: u64, titles: &[Vec<u8>]) -> Trak {
        let mut trak = Trak::default();
        trak.tkhd.track_id = id;
        trak.tkhd.duration = duration;
        // Not enabled: it is read through `chap`, not shown as subtitles.
        trak.tkhd.enabled = false;
        trak.tkhd.in_movie = true;
        trak.mdia.mdhd = Mdhd {
            timescale: MOVIE_TIMESCALE,
            duration,
            language: "und".to_owned(),
            ..Mdhd::default()
        };
        trak.mdia.hdlr = Hdlr {
            handler: FourCC::new(b"text"),
            name: "Chapters".to_owned(),
        };
        trak.mdia.minf.nmhd = Some(Nmhd::default());
        // All data is in this file, like that of the other tracks.
        if let Some(other) = self.tracks.first() {
            trak.mdia.minf.dinf = other.trak.mdia.minf.dinf.clone();
        }
        let starts: Vec<u64> = self
            .chapters
            .iter()
            .map(|(start, _)| start.millis())
            .collect();
        let ends = starts.iter().skip(1).copied().chain([duration]);
        let durations = starts
            .iter()
            .zip(ends)
            .map(|(start, end)| end.saturating_sub(*start) as u32);
        let stbl = &mut trak.mdia.minf.stbl;
        stbl.stsd.codecs.push(Codec::Tx3g(Tx3g::default()));
        stbl.stts.entries = runs(durations, |count, delta| SttsEntry {
            sample_count: count,
            sample_delta: delta,
        });
        stbl.stsz.samples = StszSamples::Different {
            sizes: titles.iter().map(|title| title.len() as u32).collect(),
        };
        stbl.stsc = chunk_runs(titles.iter().map(|_| 1));
        stbl.co64 = Some(Co64 {
            entries: vec![0; titles.len()],
        });
        // If the first chapter starts later than the movie, an empty edit is needed.
        if let Some(first) = starts.first().copied().filter(|first| *first > 0) {
            let edit = |segment_duration, media_time| ElstEntry {
                segment_duration,
                media_time,
                media_rate: FixedPoint::new(1, 0),
            };
            trak.edts = Some(Edts {
                elst: Some(Elst {
                    entries: vec![
                        edit(first, None),
                        edit(duration.saturating_sub(first), Some(0)),
                    ],
                }),
            });
        }
        trak
    }
}

fn chapter_offsets(moov: &mut Moov, index: usize) -> Option<&mut Vec<u64>> {
    let trak = moov.trak.get_mut(index)?;
    Some(&mut trak.mdia.minf.stbl.co64.as_mut()?.entries)
}

fn chpl_entry((start, title): &(Time, String)) -> ChplEntry {
    // The length of a title is one byte.
    let mut end = title.len().min(255);
    while !title.is_char_boundary(end) {
        end -= 1;
    }
    ChplEntry {
        start: start.nanos() / 100,
        title: title[..end].to_owned(),
    }
}

/// Returns a sample of timed text, 3GPP TS 26.245 section 5.17: its length and UTF-8.
fn text_sample(title: &str) -> Vec<u8> {
    let mut end = title.len().min(u16::MAX.into());
    while !title.is_char_boundary(end) {
        end -= 1;
    }
    let mut sample = (end as u16).to_be_bytes().to_vec();
    sample.extend_from_slice(&title.as_bytes()[..end]);
    sample
}

impl Track {
    fn add(&mut self, moof: &Moof, offset: u64, segment: usize, length: u64) -> Result<(), Error> {
        for traf in &moof.traf {
            let mut at = offset;
            for trun in &traf.trun {
                if let Some(data_offset) = trun.data_offset {
                    at = offset.saturating_add_signed(data_offset.into());
                }
                let start = at;
                let first = self.samples.len();
                let chunk_start = self.duration;
                for sample in trun.samples.iter() {
                    let defaults = &traf.tfhd;
                    let flags = sample
                        .flags
                        .or(defaults.default_sample_flags)
                        .unwrap_or(self.default_flags);
                    let sample = Sample {
                        duration: sample
                            .duration
                            .or(defaults.default_sample_duration)
                            .unwrap_or(self.default_duration),
                        size: sample
                            .size
                            .or(defaults.default_sample_size)
                            .unwrap_or(self.default_size),
                        composition_offset: sample.cts.unwrap_or(0),
                        sync: flags & SAMPLE_IS_NON_SYNC == 0,
                    };
                    at = at.saturating_add(sample.size.into());
                    self.duration = self.duration.saturating_add(sample.duration.into());
                    self.samples.push(sample);
                }
                if at > length {
                    return Err(Error(format!(
                        "a segment ends at byte {length}, but its samples end at byte {at}"
                    )));
                }
                self.chunks.push(Chunk {
                    start: chunk_start,
                    samples: (self.samples.len() - first) as u32,
                    part: Part {
                        segment,
                        range: start..at,
                    },
                });
            }
        }
        Ok(())
    }

    fn millis(&self, ticks: u64) -> u64 {
        let timescale = u128::from(self.trak.mdia.mdhd.timescale.max(1));
        u64::try_from(u128::from(ticks) * u128::from(MOVIE_TIMESCALE) / timescale)
            .unwrap_or(u64::MAX)
    }

    /// Returns the samples decoded at an even pace, and by how many ticks later each is shown then. In one
    /// file an edit list corrects that for every reader, and frames that last equally long say so.
    fn evenly_decoded(&self) -> (Cow<'_, [Sample]>, i64) {
        if self
            .samples
            .iter()
            .all(|sample| sample.composition_offset == 0)
        {
            return (Cow::Borrowed(&self.samples), 0);
        }
        let mut decoded = 0_i64;
        let shown = self.samples.iter().map(|sample| {
            let shown = decoded.saturating_add(sample.composition_offset);
            decoded = decoded.saturating_add(sample.duration.into());
            shown
        });
        let shown: Vec<i64> = shown.collect();
        let (order, delay) = even_times(&shown);
        let first = order.first().copied().unwrap_or_default();
        let ends = order.iter().skip(1).copied();
        let ends = ends.chain([first.saturating_add_unsigned(self.duration)]);
        let times = shown.iter().zip(order.iter().zip(ends));
        let samples = self
            .samples
            .iter()
            .zip(times)
            .map(|(sample, (shown, (time, end)))| Sample {
                duration: u32::try_from(end - time).unwrap_or(sample.duration),
                composition_offset: shown - time + delay,
                ..*sample
            });
        (samples.collect(), delay - first)
    }

    fn trak(&self, id: u32) -> Trak {
        let mut trak = self.trak.clone();
        trak.tkhd.track_id = id;
        trak.tkhd.duration = self.millis(self.duration);
        trak.tkhd.enabled = true;
        trak.tkhd.in_movie = true;
        trak.mdia.mdhd.duration = self.duration;
        let (samples, later) = self.evenly_decoded();
        set_edits(&mut trak, later);
        let samples = || samples.iter();
        let stbl = &mut trak.mdia.minf.stbl;
        *stbl = Stbl {
            stsd: stbl.stsd.clone(),
            ..Stbl::default()
        };
        stbl.stts.entries = runs(samples().map(|sample| sample.duration), |count, delta| {
            SttsEntry {
                sample_count: count,
                sample_delta: delta,
            }
        });
        if samples().any(|sample| sample.composition_offset != 0) {
            let offsets = samples().map(|sample| sample.composition_offset);
            stbl.ctts = Some(Ctts {
                entries: runs(offsets, |count, offset| CttsEntry {
                    sample_count: count,
                    sample_offset: offset,
                }),
            });
        }
        if samples().any(|sample| !sample.sync) {
            let numbered = samples().zip(1..);
            stbl.stss = Some(Stss {
                entries: numbered
                    .filter(|(sample, _)| sample.sync)
                    .map(|(_, number)| number)
                    .collect(),
            });
        }
        stbl.stsz.samples = StszSamples::Different {
            sizes: samples().map(|sample| sample.size).collect(),
        };
        stbl.stsc = chunk_runs(self.chunks.iter().map(|chunk| chunk.samples));
        stbl.co64 = Some(Co64 {
            entries: vec![0; self.chunks.len()],
        });
        trak
    }
}

/// Run-length encodes values, as most sample tables do.
fn runs<V: PartialEq + Copy, E>(
    values: impl Iterator<Item = V>,
    entry: impl Fn(u32, V) -> E,
) -> Vec<E> {
    let mut runs: Vec<(u32, V)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((count, last)) if *last == value => *count += 1,
            _ => runs.push((1, value)),
        }
    }
    runs.into_iter()
        .map(|(count, value)| entry(count, value))
        .collect()
}

/// Returns the number of samples of each chunk as runs; a run starts with its first chunk.
fn chunk_runs(samples: impl Iterator<Item = u32>) -> Stsc {
    let mut entries: Vec<StscEntry> = Vec::new();
    for (samples_per_chunk, first_chunk) in samples.zip(1..) {
        if entries
            .last()
            .is_none_or(|last| last.samples_per_chunk != samples_per_chunk)
        {
            entries.push(StscEntry {
                first_chunk,
                samples_per_chunk,
                sample_description_index: 1,
            });
        }
    }
    Stsc { entries }
}

/// Lets a track's edits start this many ticks later in its media, and last as long as it does: in a
/// fragmented file their duration is zero.
fn set_edits(trak: &mut Trak, later: i64) {
    if later != 0 && trak.edts.is_none() {
        let entries = vec![ElstEntry {
            segment_duration: 0,
            media_time: Some(0),
            media_rate: FixedPoint::new(1, 0),
        }];
        trak.edts = Some(Edts {
            elst: Some(Elst { entries }),
        });
    }
    let length = trak.tkhd.duration;
    let lists = trak.edts.iter_mut().flat_map(|edts| &mut edts.elst);
    for edit in lists.flat_map(|list| &mut list.entries) {
        let Some(start) = &mut edit.media_time else {
            continue;
        };
        *start = start.saturating_add_signed(later);
        if edit.segment_duration == 0 {
            edit.segment_duration = length;
        }
    }
}

fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}
