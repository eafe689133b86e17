// SPDX-License-Identifier: MPL-2.0

//! The streams of an input, found before a pipeline is made for it.

mod discovered;
mod input;
mod refused;

use std::fs::{self, File, Metadata};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use gst::glib;
use gst_pbutils::prelude::*;
use gst_pbutils::{DiscovererInfo, DiscovererVideoInfo};
use gstlecture::record::inside;
use gstlecture::record::session::Marked;
use gstlecture::source::edits::{self, Overlay};
use gstlecture::source::orientation::Orientation;
use gstlecture::source::wav;

use self::discovered::{is_delivered, videos};
pub use self::input::{Audio, Input, Text, Video};
use crate::error::Error;
use crate::media::delivered::Delivered;

impl Input {
    /// Opens `path` and finds its streams; of several videos it takes the one of the number `wanted`, from
    /// 1, or the largest.
    pub fn probe(path: &str, wanted: Option<usize>) -> Result<Self, Error> {
        let given = Path::new(path);
        let name = given.file_stem().unwrap_or_default().to_string_lossy();
        let (path, metadata) = open(given)?;
        let place = path.display().to_string();
        let uri = glib::filename_to_uri(&path, None)
            .map_err(|error| Error::request(error.to_string(), &*place, "rename the file"))?;
        let (info, error) =
            discovered::discover(&uri).map_err(|error| refused::unreadable(&path, &error))?;
        if discovered::is_encrypted(&info) {
            return Err(refused::encrypted(&place));
        }
        let is_padded = File::open(&path).is_ok_and(|mut file| wav::ends_padded(&mut file));
        let delivered = Delivered::ask(&path, is_padded);
        let undecodable = discovered::undecodable(&path, &info, &delivered);
        let has = |is_video| match is_video {
            true => videos(&info).any(|video| discovered::is_decodable(video.upcast_ref())),
            false => !info.audio_streams().is_empty(),
        };
        let overlay = File::open(&path)
            .ok()
            .and_then(|mut file| edits::overlay(&mut file));
        let has_edits = overlay.as_ref().is_some_and(Overlay::changes_edits);
        if let Some(error) = refused::left_out(&path, has_edits, has) {
            return Err(error);
        }
        if let Some(error) = error {
            if let Some(error) = refused::no_decoder(&place, &undecodable) {
                return Err(error);
            }
            return Err(
                refused::cut_off(&path).unwrap_or_else(|| refused::unreadable(&path, &error))
            );
        }
        let mut input = Input {
            size: metadata.len(),
            duration: discovered::duration(&info),
            promised: discovered::promised(&info),
            // A time of the recording is not one of its media then.
            is_indexed: discovered::is_indexed(&info) && !has_edits,
            is_rewritten: overlay.is_some(),
            is_padded,
            has_edits,
            title: discovered::file_title(&info),
            other_videos: Vec::new(),
            texts: texts(&info),
            video: None,
            audio: audios(&path, &info, &delivered),
            undecodable,
            room: None,
            marked: Marked::default(),
            path,
            name: name.into_owned(),
        };
        input.take_video(&info, &delivered, wanted)?;
        if input.video.is_none() && input.audio.is_empty() {
            let error = refused::cut_off(&input.path)
                .or_else(|| refused::no_decoder(&place, &input.undecodable));
            return Err(error.unwrap_or_else(|| refused::no_stream(&place, &info)));
        }
        Ok(input)
    }

    /// Takes the video of this number, or the largest one.
    fn take_video(
        &mut self,
        info: &DiscovererInfo,
        delivered: &Delivered,
        wanted: Option<usize>,
    ) -> Result<(), Error> {
        let delivered = |video: &DiscovererVideoInfo| is_delivered(video.upcast_ref(), delivered);
        let found = videos(info).filter(delivered);
        // A stream in two forms is listed with both.
        let (sized, others): (Vec<_>, Vec<_>) = found.partition(|video| video.width() > 0);
        let found = match sized.is_empty() {
            true => others.into_iter().take(1).collect(),
            false => sized,
        };
        let found: Vec<Video> = found.into_iter().enumerate().map(Video::new).collect();
        let count = found.len();
        // The first of several that are equally large.
        let area = |video: &Video| u64::from(video.size.0) * u64::from(video.size.1);
        let largest = found.iter().rev().max_by_key(|video| area(video));
        let number = wanted.or(largest.map(|video| video.number));
        for video in found {
            if Some(video.number) == number {
                self.video = Some(video);
            } else {
                let (width, height) = video.size;
                self.other_videos
                    .push((video.number, format!("{width}x{height}")));
            }
        }
        if let Some(video) = self
            .video
            .as_mut()
            .filter(|video| video.orientation.is_none())
        {
            let file = File::open(&self.path).ok();
            let read = |mut file| {
                Orientation::read_matroska(&mut file, video.number)
                    .or_else(|| Orientation::read_mp4(&mut file, video.number))
            };
            video.orientation = file.and_then(read);
            video.is_rolled = video.orientation.is_some();
        }
        if let Some(video) = &mut self.video {
            video.measure_rate(&self.path);
        }
        match (&self.video, wanted) {
            (None, Some(wanted)) => Err(Error::request(
                format!("there is no video {wanted}, the recording has {count}"),
                self.path.display().to_string(),
                "name another one, or leave out video=",
            )),
            _ => Ok(()),
        }
    }
}

/// Opens a file for a look at it. Returns its whole path.
///
/// # Errors
/// It is missing, empty, a folder, or cannot be read more than once.
fn open(given: &Path) -> Result<(PathBuf, Metadata), Error> {
    let path = fs::canonicalize(given).map_err(|error| Error::reading(given, &error))?;
    let place = path.display().to_string();
    let metadata = fs::metadata(&path).map_err(|error| Error::reading(&path, &error))?;
    if metadata.is_dir() {
        return Err(Error::request("this is a folder", place, "name a file"));
    }
    // To open a pipe is to wait for its writer, and what comes of it comes only once.
    if !metadata.is_file() {
        let what = "this is a pipe or a device, but a recording is read more than once";
        return Err(Error::request(what, place, "name a file"));
    }
    File::open(&path).map_err(|error| Error::reading(&path, &error))?;
    if metadata.len() == 0 {
        return Err(Error::request(
            "the file is empty",
            place,
            "record or copy it again",
        ));
    }
    Ok((path, metadata))
}

/// Returns the text streams.
fn texts(info: &DiscovererInfo) -> Vec<Text> {
    let texts = info.subtitle_streams().into_iter();
    let texts = texts.map(|text| Text {
        caps: discovered::media_type(text.upcast_ref()),
        language: text.language().map(|language| language.to_string()),
    });
    texts.collect()
}

/// Returns the audio streams that are delivered.
fn audios(path: &Path, info: &DiscovererInfo, delivered: &Delivered) -> Vec<Audio> {
    let file = File::open(path).ok();
    let named = file.and_then(|file| inside::languages(&mut BufReader::new(file)));
    let has_titles = discovered::names_tracks(info);
    let audios = info.audio_streams().into_iter();
    let audios = audios.filter(|audio| is_delivered(audio.upcast_ref(), delivered));
    let audios = audios.map(|audio| Audio {
        caps: discovered::media_type(audio.upcast_ref()),
        codec: discovered::codec(audio.upcast_ref()),
        title: audio
            .tags()
            .and_then(discovered::title)
            .filter(|_| has_titles),
        language: discovered::spoken(&audio, named.as_ref()),
    });
    audios.collect()
}
