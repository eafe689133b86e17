// SPDX-License-Identifier: MPL-2.0

//! Files of a package that need no encoding.

use std::fs;
use std::io;
use std::path::Path;

use gstlecture::package::chapters::{self, Chapter, Image};
use gstlecture::package::cost::Pricing;
use gstlecture::package::manifest::Manifest;
use gstlecture::package::names;
use gstlecture::package::slides::Slides;
use gstlecture::timeline::Time;
use gstlecture::webvtt;

use crate::class::drafts::Corrected;
use crate::error::Error;
use crate::fs::files;
use crate::media::movie;
use crate::media::thumbnails;
use crate::stop::Stop;

/// Requests that need no encoding.
pub struct Wanted {
    /// Whether to make the class as one file, too.
    pub mp4: bool,
    pub pricing: Pricing,
}

/// Writes the files that need no encoding: chapters, the movie and the manifest, which is written
/// last and returned.
pub fn write(
    folder: &Path,
    corrected: &Corrected,
    mut manifest: Manifest,
    wanted: Wanted,
    stop: &Stop,
) -> Result<Manifest, Error> {
    let duration = Time::from_secs_f64(manifest.duration);
    let chapters = chapters::chapters(corrected.marks(), duration);
    // Another package may share the old files, which must not be overwritten.
    for name in [
        names::CHAPTERS_VTT,
        names::CHAPTERS_JSON,
        names::SLIDES_JSON,
        names::MOVIE,
        names::MANIFEST,
    ] {
        files::remove(&folder.join(name))?;
    }
    let write = |name: &str, bytes: Vec<u8>| {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|error| Error::writing(&path, &error))
    };
    let texts = &corrected.texts;
    texts.write(
        folder,
        &corrected.cuts,
        &corrected.redaction,
        &manifest,
        &chapters,
    )?;
    let images = write_pictures(folder, &mut manifest, &chapters, stop)?;
    let slides = slide_texts(folder, corrected, &manifest);
    if !slides.tracks.is_empty() {
        write(names::SLIDES_JSON, slides.to_json())?;
    }
    if !chapters.is_empty() {
        let language = corrected.language_of(&manifest);
        write(names::CHAPTERS_VTT, chapters::vtt(&chapters))?;
        write(
            names::CHAPTERS_JSON,
            chapters::json(&chapters, language, &images),
        )?;
    }
    manifest.mp4 = match wanted.mp4 {
        true => Some(movie::write(folder, &manifest, &chapters, stop)?),
        false => None,
    };
    let stored = bytes(folder).map_err(|error| Error::reading(folder, &error))?;
    manifest.cost = Some(manifest.estimate_cost(stored, wanted.pricing));
    write(names::MANIFEST, manifest.to_json())?;
    Ok(manifest)
}

/// Returns the text of the slides, with the small images that show them.
fn slide_texts(folder: &Path, corrected: &Corrected, manifest: &Manifest) -> Slides {
    let duration = Time::from_secs_f64(manifest.duration);
    let (cuts, redaction) = (&corrected.cuts, &corrected.redaction);
    let mut tracks = corrected.texts.slide_tracks(cuts, redaction, duration);
    let images = fs::read(folder.join(names::THUMBNAILS_VTT)).ok();
    let images = images.and_then(|bytes| webvtt::read(&bytes).ok());
    if let Some(images) = images.filter(|_| manifest.thumbnails.is_some()) {
        for track in &mut tracks {
            track.add_images(&images, names::THUMBNAILS);
        }
    }
    Slides::new(tracks)
}

/// Returns the size of all files in a folder, in bytes.
fn bytes(folder: &Path) -> io::Result<u64> {
    fs::read_dir(folder)?.try_fold(0, |sum, entry| {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let size = match metadata.is_dir() {
            true => bytes(&entry.path())?,
            false => metadata.len(),
        };
        Ok(sum + size)
    })
}

/// Writes the still images that the media do not have yet, and replaces those of the chapters;
/// returns the latter.
fn write_pictures(
    folder: &Path,
    manifest: &mut Manifest,
    chapters: &[Chapter],
    stop: &Stop,
) -> Result<Vec<Option<Image>>, Error> {
    if manifest.thumbnails.is_none() {
        manifest.thumbnails = thumbnails::write(folder, manifest, stop)?;
    }
    let images = thumbnails::write_of_chapters(folder, manifest, chapters, stop)?;
    let old = std::mem::take(&mut manifest.chapters);
    manifest.chapters = chapters.iter().map(Into::into).collect();
    for (entry, image) in manifest.chapters.iter_mut().zip(&images) {
        entry.image = image.as_ref().map(|image| image.url.clone());
    }
    let is_used = |image: &String| {
        let sheets = manifest.thumbnails.iter().flat_map(|entry| &entry.sheets);
        let new = manifest.chapters.iter().flat_map(|entry| &entry.image);
        new.chain(sheets).any(|used| used == image)
    };
    for image in old.iter().filter_map(|entry| entry.image.as_ref()) {
        if !is_used(image) {
            files::remove(&folder.join(image))?;
        }
    }
    Ok(images)
}

/// Fills `to` with the files of `from` without copying them.
pub fn link(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            link(&entry.path(), &target)?;
        } else {
            link_file(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Gives a file a second name.
pub fn link_file(from: &Path, to: &Path) -> io::Result<()> {
    if fs::hard_link(from, to).is_err() {
        // Not every file system has hard links.
        fs::copy(from, to)?;
    }
    Ok(())
}
