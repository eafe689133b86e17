// SPDX-License-Identifier: MPL-2.0

//! Errors of files that cannot be read whole.

use std::fs::File;
use std::path::Path;

use gst::glib;
use gst_pbutils::{DiscovererInfo, DiscovererResult};
use gstlecture::timeline::Time;

use crate::error::Error;
use crate::media::mp4;

/// Returns the error of a file that GStreamer cannot read.
pub fn unreadable(path: &Path, error: &glib::Error) -> Error {
    let place = path.display().to_string();
    let place = place.as_str();
    // GStreamer gives WrongType for text.
    if error.matches(gst::StreamError::TypeNotFound) || error.matches(gst::StreamError::WrongType) {
        Error::request(
            "this is not audio or video of a known kind",
            place,
            "name the recording",
        )
    } else if error.matches(gst::StreamError::Decrypt)
        || error.matches(gst::StreamError::DecryptNokey)
    {
        encrypted(place)
    } else {
        Error::request(
            format!("the file cannot be read ({})", error.message()),
            place,
            "if it plays elsewhere, convert it: ffmpeg -i INPUT OUTPUT.mkv; if not, it is damaged or was \
             cut off while being written: copy or record it again",
        )
    }
}

/// Returns the error of an MP4 that ends inside a box: its index at the end is lost.
pub fn cut_off(path: &Path) -> Option<Error> {
    let (promised, there) = mp4::promised_bytes(&mut File::open(path).ok()?)?;
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    (there < promised).then(|| {
        Error::request(
            format!(
                "the recording is cut off: its header declares {}, but only {} are present, \
                 its index is missing",
                megabytes(promised),
                megabytes(there)
            ),
            path.display().to_string(),
            "copy it again",
        )
    })
}

/// Returns the error of an MP4 of which GStreamer would leave something out. A copy of its streams would
/// bring back what an edit list hides, so that the remedy is to encode it.
pub fn left_out(path: &Path, has_overlay: bool, has: impl Fn(bool) -> bool) -> Option<Error> {
    let (whole, tracks) = mp4::tracks(&mut File::open(path).ok()?)?;
    let why = taken_for_a_preview(whole, &tracks, has)
        .or_else(|| ends_early(&tracks).filter(|_| !has_overlay))?;
    Some(Error::request(
        why,
        path.display().to_string(),
        "export it again without an edit list, for example: ffmpeg -i INPUT -crf 18 OUTPUT.mkv",
    ))
}

/// GStreamer takes a track of an MP4 that lasts less than a fifth of the whole for a preview. One that
/// begins late, behind an empty edit, may be all that there is.
fn taken_for_a_preview(
    whole: f64,
    tracks: &[mp4::Track],
    has: impl Fn(bool) -> bool,
) -> Option<String> {
    let is_left_out = |track: &&mp4::Track| track.lasts * 5.0 <= whole && !has(track.is_video);
    let track = tracks.iter().find(is_left_out)?;
    let name = if track.is_video { "video" } else { "audio" };
    Some(format!(
        "the {name} of this MP4 lasts {} of {} and begins late or ends early: GStreamer takes so \
         short a track for a preview and leaves it out",
        Time::from_secs_f64(track.lasts).clock(),
        Time::from_secs_f64(whole).clock(),
    ))
}

/// GStreamer (1.22) ends a track of an MP4 where another is two seconds farther in its media, also where
/// an edit list has that one begin so far in: as cutting programs leave it that copy.
fn ends_early(tracks: &[mp4::Track]) -> Option<String> {
    const FARTHER: f64 = 2.0;
    let skips = tracks.iter().map(|track| track.skips).fold(0.0, f64::max);
    (tracks.len() > 1 && skips > FARTHER).then(|| {
        format!(
            "the edit list of this MP4 skips its first {}: GStreamer would leave out the end of the \
             audio or of the video",
            Time::from_secs_f64(skips).clock(),
        )
    })
}

/// Returns the error of an encrypted file.
pub fn encrypted(place: &str) -> Error {
    Error::request("the file is encrypted", place, "decrypt it first")
}

/// Returns the error of a file of which nothing can be decoded.
pub fn no_decoder(place: &str, undecodable: &[String]) -> Option<Error> {
    (!undecodable.is_empty()).then(|| {
        Error::request(
            format!("there is no decoder for {}", undecodable.join(", ")),
            place,
            "install the GStreamer plugin, or convert it: ffmpeg -i INPUT OUTPUT.mkv",
        )
    })
}

/// Returns the error of a file without audio and video.
pub fn no_stream(place: &str, info: &DiscovererInfo) -> Error {
    let missing = info.missing_elements_installer_details();
    // "gstreamer|1.0|PROGRAM|WHAT|TYPE", for package installers.
    let missing: Vec<&str> = missing
        .iter()
        .filter_map(|detail| detail.split('|').nth(3))
        .collect();
    if info.result() == DiscovererResult::MissingPlugins && !missing.is_empty() {
        Error::request(
            format!(
                "nothing here can decode it (missing: {})",
                missing.join(", ")
            ),
            place,
            "convert it, or install the GStreamer plugin",
        )
    } else {
        Error::request(
            "it contains neither audio nor video",
            place,
            "name the recording",
        )
    }
}
