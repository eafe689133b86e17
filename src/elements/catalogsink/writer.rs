// SPDX-License-Identifier: MPL-2.0

//! Writes the segments of one track as they come from the muxer.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::package::mp4::chunks::{self, Chunk};
use crate::package::mp4::codec::{
    CodecError, SampleDescription, complete_av1_configuration, sample_description,
};
use crate::package::mp4::fragment;
use crate::package::names::ContentName;
use crate::package::track::{KeyFrame, Segment, Track};
use crate::timeline::{FrameRate, Span, Time};

/// The most by which rounding moves the end of a stream.
const ROUNDING: Time = Time::from_millis(1);

/// Why a track cannot be written.
#[derive(Debug)]
pub enum WriteError {
    /// This file or folder cannot be written.
    File(PathBuf, io::Error),
    /// A package cannot contain the output of the encoder.
    Codec(CodecError),
    /// The muxer's output is not one fragment.
    Fragment(&'static str),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::File(path, error) => {
                write!(f, "{} cannot be written: {error}", path.display())
            }
            WriteError::Codec(error) => error.fmt(f),
            WriteError::Fragment(what) => write!(f, "the muxer made a fragment {what}"),
        }
    }
}

/// The files of one rendition.
pub struct TrackWriter {
    folder: PathBuf,
    track: Track,
    /// The frames that video is shown in, which may repeat; `None` for audio.
    rate: Option<FrameRate>,
    description: Option<SampleDescription>,
    /// The last segment, which ends where the next one starts.
    held: Option<Held>,
}

/// A segment that is not written yet.
struct Held {
    boxes: Vec<u8>,
    media: Vec<u8>,
    span: Span,
}

impl TrackWriter {
    /// Writes into `folder`, a path relative to the package at `location`. The frames of video are at
    /// the times of `rate`.
    pub fn new(location: &Path, folder: &str, rate: Option<FrameRate>) -> Self {
        TrackWriter {
            folder: location.join(folder),
            track: Track {
                folder: folder.into(),
                ..Track::default()
            },
            rate,
            description: None,
            held: None,
        }
    }

    /// Returns the written track; `None` if nothing was written.
    pub fn finished(&self) -> Option<(&Track, &SampleDescription)> {
        let description = self.description.as_ref()?;
        (!self.track.segments.is_empty()).then_some((&self.track, description))
    }

    /// Removes what was written.
    pub fn remove(&self) {
        // A folder that is not there is as good as removed.
        let _ = fs::remove_dir_all(&self.folder);
    }

    /// Writes the initialization segment.
    pub fn write_init(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let completed = complete_av1_configuration(bytes);
        let bytes = completed.as_deref().unwrap_or(bytes);
        let description = sample_description(bytes).map_err(WriteError::Codec)?;
        self.track.init = self
            .write_file(&[&fragment::without_dates(bytes)], "mp4")?
            .0;
        self.track.codec.clone_from(&description.codec);
        self.description = Some(description);
        Ok(())
    }

    /// Takes a media segment that is shown in `span`, its boxes and its media, and writes the one before
    /// it. That one ends where this one starts, whatever an encoder or a parser made of the last frame's
    /// duration.
    pub fn push_segment(
        &mut self,
        boxes: Vec<u8>,
        media: Vec<u8>,
        span: Span,
    ) -> Result<(), WriteError> {
        let next = Held { boxes, media, span };
        if let Some(mut held) = self.held.replace(next) {
            held.span.end = span.start;
            self.write_segment(held)?;
        }
        Ok(())
    }

    /// Writes the last segment once there is no other.
    pub fn finish_segments(&mut self) -> Result<(), WriteError> {
        match self.held.take() {
            Some(held) => self.write_segment(held),
            None => Ok(()),
        }
    }

    fn write_segment(&mut self, segment: Held) -> Result<(), WriteError> {
        let Held { boxes, media, span } = segment;
        if span.is_empty() {
            return Err(WriteError::Fragment("without a duration"));
        }
        let timescale = self.description.as_ref().map_or(1, |told| told.timescale);
        let chunks = match self.rate {
            Some(rate) => {
                let uneven = WriteError::Fragment("whose frames are no whole ticks");
                let ticks = rate.ticks(timescale).ok_or(uneven)?;
                let malformed = WriteError::Fragment("that cannot be cut at its key frames");
                chunks::split(&boxes, ticks, rate.nearest(span.end) * ticks).ok_or(malformed)?
            }
            None => vec![whole(boxes)],
        };
        let mut parts = Vec::new();
        let mut keys = Vec::new();
        let mut at = 0;
        for chunk in &chunks {
            let start = at;
            parts.push(&chunk.boxes[..]);
            let end = chunk.media.end.min(media.len() as u64);
            // Both are at most the length of the media.
            let of_chunk = media.get(chunk.media.start as usize..end as usize);
            parts.push(of_chunk.ok_or(WriteError::Fragment("without its media"))?);
            at = parts.iter().map(|part| part.len() as u64).sum();
            if let Some(ticks) = chunk.key {
                let into = Time::from_secs_f64(ticks as f64 / f64::from(timescale));
                keys.push(KeyFrame {
                    start: span.start.saturating_add(into),
                    range: start..at,
                });
            }
        }
        let (name, bytes) = self.write_file(&parts, "m4s")?;
        self.track.segments.push(Segment {
            name,
            span,
            bytes,
            keys,
        });
        Ok(())
    }

    /// Returns the end of the last segment.
    pub fn end(&self) -> Time {
        self.track.end()
    }

    /// Takes away what lies after `end`, to the nearest frame. What ends a sample before it ends there:
    /// Shaka Player waits for ever for what another rendition has.
    pub fn end_at(&mut self, end: Time) -> Result<(), WriteError> {
        let timescale = self.description.as_ref().map_or(1, |told| told.timescale);
        while let Some(segment) = self.track.segments.pop_if(|segment| segment.span.end > end) {
            let path = self.folder.join(&segment.name);
            let file = |error| WriteError::File(path.clone(), error);
            let start = segment.span.start;
            let wanted = end.saturating_sub(start).secs_f64() * f64::from(timescale);
            let malformed = WriteError::Fragment("that cannot be shortened");
            let whole = fs::read(&path).map_err(file)?;
            let (left, ticks) = chunks::shorten(&whole, wanted.round() as u64).ok_or(malformed)?;
            fs::remove_file(&path).map_err(file)?;
            if ticks > 0 {
                let length = Time::from_secs_f64(ticks as f64 / f64::from(timescale));
                let (name, bytes) = self.write_file(&[&left], "m4s")?;
                self.track.segments.push(Segment {
                    name,
                    span: Span::new(start, start.saturating_add(length).min(end)),
                    bytes,
                    keys: Vec::new(),
                });
            }
        }
        if let Some(last) = self.track.segments.last_mut()
            && end.saturating_sub(last.span.end) < ROUNDING
        {
            last.span.end = end;
        }
        Ok(())
    }

    /// Joins a last segment that is too short for a segment to the one before it.
    pub fn join_tail(&mut self) -> Result<(), WriteError> {
        let Some((last, tail)) = self.track.short_tail() else {
            return Ok(());
        };
        let read = |segment: &Segment| {
            let path = self.folder.join(&segment.name);
            fs::read(&path).map_err(|error| WriteError::File(path, error))
        };
        let (name, bytes) = self.write_file(&[&read(last)?, &read(tail)?], "m4s")?;
        let joined = last.joined(tail, name, bytes);
        for part in [last, tail] {
            let path = self.folder.join(&part.name);
            fs::remove_file(&path).map_err(|error| WriteError::File(path, error))?;
        }
        let kept = self.track.segments.len() - 2;
        self.track.segments.truncate(kept);
        self.track.segments.push(joined);
        Ok(())
    }

    fn write_file(&self, parts: &[&[u8]], extension: &str) -> Result<(String, u64), WriteError> {
        let mut name = ContentName::default();
        for part in parts {
            name.update(part);
        }
        let name = name.finish(extension);
        let path = self.folder.join(&name);
        let written = fs::create_dir_all(&self.folder)
            .and_then(|()| File::create(&path))
            .and_then(|mut file| parts.iter().try_for_each(|part| file.write_all(part)));
        match written {
            Ok(()) => Ok((name, parts.iter().map(|part| part.len() as u64).sum())),
            Err(error) => {
                // Half a file is worth nothing, and on a full disk its space is needed.
                let _ = fs::remove_file(&path);
                Err(WriteError::File(path, error))
            }
        }
    }
}

/// A fragment that is not cut.
fn whole(boxes: Vec<u8>) -> Chunk {
    Chunk {
        boxes,
        media: 0..u64::MAX,
        key: None,
    }
}
