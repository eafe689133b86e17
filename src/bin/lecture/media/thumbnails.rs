// SPDX-License-Identifier: MPL-2.0

//! Writes the still images of a package: poster, sheets of tiles with their track, and one image
//! per chapter.

use std::path::Path;

use gstlecture::package::chapters::{Chapter, Image};
use gstlecture::package::manifest::{Manifest, ThumbnailsEntry, TilesEntry, VideoEntry};
use gstlecture::package::names::{self, ContentName};
use gstlecture::package::pictures::{self, Picture, Poster};
use gstlecture::timeline::Time;

use crate::error::Error;
use crate::fs::files;
use crate::media::stills::Stills;
use crate::stop::Stop;

/// Least number of lines of a rendition for a chapter's image.
const CHAPTER_LINES: u32 = 360;

/// Writes poster, sheets and their track; returns `None` if the package has no video.
pub fn write(
    package: &Path,
    manifest: &Manifest,
    stop: &Stop,
) -> Result<Option<ThumbnailsEntry>, Error> {
    let videos = manifest.played_by_all();
    let (Some(large), Some(small)) = (videos.first(), videos.last()) else {
        return Ok(None);
    };
    let (Some(large), Some(small)) = (Stills::open(package, large)?, Stills::open(package, small)?)
    else {
        return Ok(None);
    };
    let duration = Time::from_secs_f64(manifest.duration);
    let times = small.times();
    let wanted = pictures::spaced(&times, duration);
    let mut sheets = Sheets::new(package);
    let mut poster = Poster::default();
    let mut shown = Vec::with_capacity(wanted.len());
    small.decode(&wanted, pictures::TILE, stop, |number, tile| {
        poster.look(times[number], &tile);
        shown.push(times[number]);
        sheets.add(tile)
    })?;
    let (sheets, (width, height)) = sheets.finish()?;
    if sheets.is_empty() {
        return Ok(None);
    }
    let track = pictures::track(&shown, (width, height), &sheets, duration);
    files::put(&package.join(names::THUMBNAILS_VTT), &track)?;

    // Key frames have the same times in all renditions.
    let best = poster.best(duration).map(|best| shown[best]);
    let best = large.times().iter().position(|&time| Some(time) >= best);
    let mut written = None;
    large.decode(
        &[best.unwrap_or(0)],
        pictures::POSTER,
        stop,
        |_, picture| {
            written = Some(names::POSTER.to_owned());
            files::put(&package.join(names::POSTER), &jpeg(&picture)?)
        },
    )?;
    Ok(Some(ThumbnailsEntry {
        poster: written,
        track: names::THUMBNAILS_VTT.into(),
        tiles: TilesEntry {
            columns: pictures::COLUMNS,
            rows: pictures::ROWS,
            width,
            height,
        },
        sheets: sheets.iter().map(|name| in_folder(name)).collect(),
    }))
}

/// Writes the image of every chapter that has one.
pub fn write_of_chapters(
    package: &Path,
    manifest: &Manifest,
    chapters: &[Chapter],
    stop: &Stop,
) -> Result<Vec<Option<Image>>, Error> {
    let mut images = vec![None; chapters.len()];
    let large_enough = |video: &&VideoEntry| video.height.min(video.width) >= CHAPTER_LINES;
    let videos = manifest.played_by_all();
    let video = videos.iter().rev().find(large_enough).or(videos.first());
    let Some(stills) = video.map_or(Ok(None), |video| Stills::open(package, video))? else {
        return Ok(images);
    };
    let times = stills.times();
    let of_chapter: Vec<Option<usize>> = chapters
        .iter()
        .map(|chapter| pictures::of_chapter(&times, chapter.span))
        .collect();
    let mut wanted: Vec<usize> = of_chapter.iter().flatten().copied().collect();
    wanted.sort_unstable();
    wanted.dedup();
    stills.decode(&wanted, pictures::CHAPTER, stop, |number, picture| {
        let image = Image {
            url: in_folder(&write_named(package, &jpeg(&picture)?)?),
            width: picture.width,
            height: picture.height,
        };
        for (slot, _) in images
            .iter_mut()
            .zip(&of_chapter)
            .filter(|(_, of)| **of == Some(number))
        {
            *slot = Some(image.clone());
        }
        Ok(())
    })?;
    Ok(images)
}

/// Tiles on their way to sheets: only those of one sheet are in memory.
struct Sheets<'a> {
    package: &'a Path,
    tiles: Vec<Picture>,
    size: (usize, usize),
    names: Vec<String>,
}

impl<'a> Sheets<'a> {
    fn new(package: &'a Path) -> Self {
        Sheets {
            package,
            tiles: Vec::new(),
            size: (0, 0),
            names: Vec::new(),
        }
    }

    fn add(&mut self, tile: Picture) -> Result<(), Error> {
        self.size = (tile.width, tile.height);
        self.tiles.push(tile);
        match self.tiles.len() < pictures::COLUMNS * pictures::ROWS {
            true => Ok(()),
            false => self.write(),
        }
    }

    fn write(&mut self) -> Result<(), Error> {
        let tiles = std::mem::take(&mut self.tiles);
        if let Some(sheet) = pictures::sheet(&tiles) {
            let bytes = pictures::jpeg_of_sheet(&sheet).map_err(cannot_encode)?;
            self.names.push(write_named(self.package, &bytes)?);
        }
        Ok(())
    }

    /// Returns the sheets' names in their folder, and a tile's size.
    fn finish(mut self) -> Result<(Vec<String>, (usize, usize)), Error> {
        self.write()?;
        Ok((self.names, self.size))
    }
}

fn jpeg(picture: &Picture) -> Result<Vec<u8>, Error> {
    pictures::jpeg(picture).map_err(cannot_encode)
}

fn cannot_encode(error: impl std::fmt::Display) -> Error {
    Error::request(
        format!("an image cannot be written: {error}"),
        "",
        "report this with the recording",
    )
}

fn in_folder(name: &str) -> String {
    format!("{}/{name}", names::THUMBNAILS)
}

/// Writes an image under a name that changes with its content; returns the name.
fn write_named(package: &Path, bytes: &[u8]) -> Result<String, Error> {
    let mut name = ContentName::default();
    name.update(bytes);
    let name = name.finish("jpg");
    files::put(&package.join(in_folder(&name)), bytes)?;
    Ok(name)
}
