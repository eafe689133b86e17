// SPDX-License-Identifier: MPL-2.0

//! Makes a package's MP4 from its segments, without encoding. A class may last a day: only a few
//! bytes per frame stay in memory.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use gstlecture::package::chapters::Chapter;
use gstlecture::package::hls::playlist;
use gstlecture::package::manifest::{Manifest, MediaEntry, MovieEntry};
use gstlecture::package::mp4::progressive::Movie;
use gstlecture::package::names;

use crate::error::Error;
use crate::stop::Stop;

/// Writes the movie of the package in `folder`: its largest video rendition and its first audio
/// rendition.
pub fn write(
    folder: &Path,
    manifest: &Manifest,
    chapters: &[Chapter],
    stop: &Stop,
) -> Result<MovieEntry, Error> {
    let (video, audio) = (manifest.video.first(), manifest.audio.first());
    let mut movie = Movie::new();
    let mut segments = Vec::new();
    let media = video.map(|video| &video.media);
    for media in media.into_iter().chain(audio.map(|audio| &audio.media)) {
        add(folder, media, &mut movie, &mut segments)?;
    }
    movie.set_chapters(
        chapters
            .iter()
            .map(|chapter| (chapter.span.start, chapter.title.clone())),
    );
    let (head, parts) = movie.finish().map_err(|error| broken(folder, error))?;

    let path = folder.join(names::MOVIE);
    let write = |error: io::Error| Error::writing(&path, &error);
    let mut file = BufWriter::new(File::create(&path).map_err(write)?);
    file.write_all(&head).map_err(write)?;
    let mut bytes = head.len() as u64;
    for part in parts {
        stop.check()?;
        let segment = &segments[part.segment];
        let read = |error: io::Error| Error::reading(segment, &error);
        let mut source = File::open(segment).map_err(read)?;
        source
            .seek(SeekFrom::Start(part.range.start))
            .map_err(read)?;
        let length = part.range.end - part.range.start;
        let copied = io::copy(&mut source.take(length), &mut file).map_err(write)?;
        if copied != length {
            return Err(broken(segment, "it is shorter than its boxes declare"));
        }
        bytes += length;
    }
    file.flush().map_err(write)?;
    Ok(MovieEntry {
        file: names::MOVIE.into(),
        bytes,
        video: video.map(|video| video.name.clone()),
        audio: audio.map(|audio| audio.label.clone()),
    })
}

/// Adds the track of a rendition, and its segments' paths to `segments`.
fn add(
    folder: &Path,
    media: &MediaEntry,
    movie: &mut Movie,
    segments: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    let read = |path: &Path| fs::read(path).map_err(|error| Error::reading(path, &error));
    let path = folder.join(&media.playlist);
    let (init, names) = playlist::files(&read(&path)?)
        .ok_or_else(|| broken(&path, "it is not a media playlist"))?;
    let init = path.with_file_name(init);
    let track = movie
        .add_track(&read(&init)?)
        .map_err(|error| broken(&init, error))?;
    for name in names {
        let segment = path.with_file_name(name);
        movie
            .add_segment(track, &read(&segment)?)
            .map_err(|error| broken(&segment, error))?;
        segments.push(segment);
    }
    Ok(())
}

fn broken(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::request(
        format!("the package's MP4 cannot be made: {error}"),
        path.display().to_string(),
        "report this with the recording",
    )
}
