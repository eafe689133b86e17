// SPDX-License-Identifier: MPL-2.0

//! Writes the files that refer to the segments, once all segments are complete.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gst::prelude::*;

use super::writer::WriteError;
use crate::language;
use crate::package::chapters::{self, Mark};
use crate::package::manifest::Manifest;
use crate::package::names;
use crate::package::programme::{Audio, Programme, Video};
use crate::package::text::Text;
use crate::package::track::{Rates, Track};
use crate::package::transcript;
use crate::timeline::CutList;
use crate::webvtt::{Document, captions};

/// Results of all streams.
pub struct Finished {
    pub location: PathBuf,
    pub video: Vec<Video>,
    pub audio: Vec<Audio>,
    /// Texts and their cues.
    pub texts: Vec<(Text, Document)>,
    pub chapters: Vec<Mark>,
}

impl Finished {
    /// Writes playlists, chapters and manifest, the manifest last; returns the message that
    /// describes the package.
    pub fn write(self) -> Result<gst::Structure, WriteError> {
        let tracks = || {
            let video = self.video.iter().map(|video| &video.track);
            video.chain(self.audio.iter().map(|audio| &audio.track))
        };
        let duration = tracks().map(Track::end).max().unwrap_or_default();
        let mut writer = Writer {
            location: &self.location,
            files: 0,
            bytes: 0,
        };
        for track in tracks() {
            writer.count(track)?;
        }
        let chapters = chapters::chapters(self.chapters, duration);
        let language = self
            .audio
            .first()
            .map_or(language::UNDETERMINED, |audio| &audio.language);
        if !chapters.is_empty() {
            writer.write(
                names::CHAPTERS_JSON,
                &chapters::json(&chapters, language, &[]),
            )?;
            writer.write(names::CHAPTERS_VTT, &chapters::vtt(&chapters))?;
        }
        // Like the video's, else like those of the audio.
        let grid = tracks().next().map(Track::grid).unwrap_or_default();
        for (text, cues) in &self.texts {
            let cues = captions::retime(cues, &CutList::keep_all(), &[], duration);
            for (path, bytes) in text.files(&cues, &grid) {
                writer.write(&path, &bytes)?;
            }
            if let Some(path) = text.transcript() {
                let material = transcript::Material {
                    captions: Some(&cues),
                    chapters: &chapters,
                    ..transcript::Material::default()
                };
                let page = transcript::html(&text.label, text, material);
                writer.write(&path, page.as_bytes())?;
            }
        }
        let programme = Programme {
            video: self.video,
            audio: self.audio,
            text: self.texts.into_iter().map(|(text, _)| text).collect(),
            chapters: !chapters.is_empty(),
        }
        .with_shared_target();
        for (path, bytes) in programme.files() {
            writer.write(&path, &bytes)?;
        }
        let manifest = Manifest::of_media(&programme, &chapters, duration);
        writer.write(names::MANIFEST, &manifest.to_json())?;

        let renditions = programme.tracks();
        Ok(gst::Structure::builder("catalogsink-package")
            .field("location", self.location.to_string_lossy().as_ref())
            .field("files", writer.files)
            .field("bytes", writer.bytes)
            .field("duration", duration.nanos())
            .field("renditions", gst::Array::new(renditions.map(rendition)))
            .build())
    }
}

/// Returns a rendition as a field of the message.
fn rendition(track: &Track) -> gst::glib::SendValue {
    let Rates { average, peak } = track.rates();
    gst::Structure::builder("rendition")
        .field("playlist", track.playlist())
        .field("codec", track.codec.as_str())
        .field("segments", track.segments.len() as u64)
        .field("bytes", track.bytes())
        .field("average-rate", average)
        .field("peak-rate", peak)
        .field("duration", track.end().nanos())
        .build()
        .to_send_value()
}

struct Writer<'a> {
    location: &'a Path,
    files: u64,
    bytes: u64,
}

impl Writer<'_> {
    /// Counts the segments written before, and checks that they are complete.
    fn count(&mut self, track: &Track) -> Result<(), WriteError> {
        let folder = self.location.join(&track.folder);
        let init = (track.init.as_str(), None);
        let segments = track.segments.iter();
        let segments = segments.map(|segment| (segment.name.as_str(), Some(segment.bytes)));
        for (name, bytes) in std::iter::once(init).chain(segments) {
            let path = folder.join(name);
            let found =
                fs::metadata(&path).map_err(|error| WriteError::File(path.clone(), error))?;
            if bytes.is_some_and(|bytes| bytes != found.len()) {
                let error = io::Error::other(format!("it contains only {} bytes", found.len()));
                return Err(WriteError::File(path, error));
            }
            self.files += 1;
            self.bytes += found.len();
        }
        Ok(())
    }

    /// Writes a file under another name first, so that it is either complete or missing.
    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let path = self.location.join(name);
        let part = self.location.join(format!("{name}.part"));
        let folder = path.parent().unwrap_or(self.location);
        let written = fs::create_dir_all(folder)
            .and_then(|()| fs::write(&part, bytes))
            .and_then(|()| fs::rename(&part, &path));
        written.map_err(|error| {
            // No partial file is left behind.
            let _ = fs::remove_file(&part);
            WriteError::File(path, error)
        })?;
        self.files += 1;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}
