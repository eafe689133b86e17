// SPDX-License-Identifier: MPL-2.0

//! Writes the segments of one track as they come from the muxer.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::package::codec::{CodecError, SampleDescription, sample_description};
use crate::package::fragment;
use crate::package::names::ContentName;
use crate::package::track::{Segment, Track};
use crate::timeline::{Span, Time};

/// Why a track cannot be written.
#[derive(Debug)]
pub enum WriteError {
    /// This file or folder cannot be written.
    File(PathBuf, io::Error),
    /// What the encoder made cannot go into a package.
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
    /// How late the first picture is shown after it is decoded, in ticks.
    delay: u32,
    description: Option<SampleDescription>,
}

impl TrackWriter {
    /// Writes into `folder`, a path relative to the package at `location`.
    pub fn new(location: &Path, folder: &str) -> Self {
        TrackWriter {
            folder: location.join(folder),
            track: Track {
                folder: folder.into(),
                ..Track::default()
            },
            delay: 0,
            description: None,
        }
    }

    /// What was written, if anything was.
    pub fn finished(&self) -> Option<(&Track, &SampleDescription)> {
        let description = self.description.as_ref()?;
        (!self.track.segments.is_empty()).then_some((&self.track, description))
    }

    /// Removes what was written.
    pub fn remove(&self) {
        // A folder that is not there is as good as removed.
        let _ = fs::remove_dir_all(&self.folder);
    }

    /// Writes the initialization segment of pictures that are shown this long after they are
    /// decoded.
    pub fn write_init(&mut self, bytes: &[u8], delay: Time) -> Result<(), WriteError> {
        let description = sample_description(bytes).map_err(WriteError::Codec)?;
        self.delay = (delay.secs_f64() * f64::from(description.timescale)).round() as u32;
        let moved = match self.delay {
            0 => bytes.to_vec(),
            delay => {
                fragment::delay_init(bytes, delay).ok_or(WriteError::Fragment("without a track"))?
            }
        };
        self.track.init = self.write_file(&[&moved], "mp4")?.0;
        self.track.codec.clone_from(&description.codec);
        self.description = Some(description);
        Ok(())
    }

    /// Writes a media segment that is shown in `span`: its boxes, and its media.
    pub fn write_segment(
        &mut self,
        boxes: &[u8],
        media: &[&[u8]],
        span: Span,
    ) -> Result<(), WriteError> {
        let mut boxes = boxes.to_vec();
        fragment::delay_fragment(&mut boxes, self.delay)
            .ok_or(WriteError::Fragment("with malformed boxes"))?;
        let parts: Vec<&[u8]> = std::iter::once(&boxes[..])
            .chain(media.iter().copied())
            .collect();
        if span.is_empty() {
            return Err(WriteError::Fragment("without a duration"));
        }
        let (name, bytes) = self.write_file(&parts, "m4s")?;
        self.track.segments.push(Segment { name, span, bytes });
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
