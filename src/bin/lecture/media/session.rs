// SPDX-License-Identifier: MPL-2.0

//! Sessions on the disk: which there are, and how their tracks are opened.

use std::fs;
use std::num::NonZeroUsize;
use std::path::{self, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use gst::prelude::*;
use gstlecture::record::session::{FILE_NAME, Selection, Session, Track};
use gstlecture::timeline::Time;

use crate::engine::pipeline::{self, Running};
use crate::error::Error;
use crate::media::probe::Input;
use crate::media::room::{Reached, Room, RoomTrack, is_of, is_video};
use crate::print;

/// Longest time until a file shows its first packet.
const LIMIT: gst::ClockTime = gst::ClockTime::from_seconds(20);

/// Returns whether a name is that of a session: a folder with a `session.json`, or the file.
pub fn is_session(input: &Path) -> bool {
    let is_file = input.file_name().is_some_and(|name| name == FILE_NAME);
    is_file || input.join(FILE_NAME).is_file()
}

/// Reads the session that `input` names, and opens the tracks of those who are wanted. Tracks that
/// cannot be read are left out with a warning.
///
/// # Errors
/// The session cannot be read, a file of it is missing, or no track can be read.
pub fn open_room(
    input: &Path,
    only: Option<&Selection>,
    without: Option<&Selection>,
) -> Result<Room, Error> {
    let (file, session) = read(input)?;
    let place = || file.display().to_string();
    if let (true, Some(composite)) = (session.tracks.is_empty(), &session.composite) {
        let composite = file.with_file_name(composite);
        return Err(Error::request(
            "the session has no tracks, only a composite",
            place(),
            format!("give the composite itself: input={}", composite.display()),
        ));
    }
    if let Some(track) = session.tracks.iter().find(|track| track.stream.is_some()) {
        return Err(Error::request(
            format!(
                "the track {} is one of several streams of its file",
                track.file
            ),
            place(),
            "write each stream to a file of its own: ffmpeg -i FILE -map 0:N -c copy TRACK.mkv",
        ));
    }
    let selected = session.clone().select(only, without);
    let selected = selected
        .map_err(|error| Error::usage(error.to_string(), place(), "correct only= and without="))?;
    let folder = file.parent().unwrap_or(Path::new("/"));
    let opened = open_tracks(folder, selected.tracks)?;
    if opened.is_empty() {
        return Err(Error::request(
            "no track of the session can be read",
            place(),
            "see the warnings",
        ));
    }
    let is_whole = only.is_none() && without.is_none();
    Ok(Room::new(file, &session, opened, is_whole))
}

/// Returns the composite of a session that has no tracks, and the session.
///
/// # Errors
/// The session cannot be read.
pub fn composite(input: &Path) -> Result<Option<(PathBuf, Session)>, Error> {
    let (file, session) = read(input)?;
    let composite = session.composite.as_ref();
    let composite = composite.filter(|_| session.tracks.is_empty());
    let composite = composite.map(|composite| file.with_file_name(composite));
    Ok(composite.map(|composite| (composite, session)))
}

/// Reads the session that `input` names, and returns it with its file.
fn read(input: &Path) -> Result<(PathBuf, Session), Error> {
    let input = path::absolute(input).map_err(|error| Error::reading(input, &error))?;
    let file = match input.is_dir() {
        true => input.join(FILE_NAME),
        false => input,
    };
    let bytes = fs::read(&file).map_err(|error| Error::reading(&file, &error))?;
    let session = Session::read(&bytes).map_err(|error| {
        let remedy = "correct it, or make it again: lecture session";
        Error::request(error.to_string(), file.display().to_string(), remedy)
    })?;
    Ok((file, session))
}

/// Opens the tracks of the session in `folder`, a few at a time. Those that cannot be read are reported
/// and left out; one that is missing is an error.
fn open_tracks(folder: &Path, tracks: Vec<Track>) -> Result<Vec<RoomTrack>, Error> {
    for track in &tracks {
        let file = folder.join(&track.file);
        fs::metadata(&file).map_err(|error| Error::reading(&file, &error))?;
    }
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut opened = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(track) = tracks.get(at) else {
                return opened;
            };
            opened.push((at, open_track(folder, track.clone())));
        }
    };
    let mut opened: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let done = workers.into_iter().map(|worker| worker.join());
        done.flat_map(Result::unwrap_or_default).collect()
    });
    opened.sort_by_key(|(at, _)| *at);
    let read = opened.into_iter().filter_map(|(_, opened)| match opened {
        Ok(opened) => Some(opened),
        Err(error) => {
            let why = error.finding();
            print::note(format_args!("warning: a track is left out: {why}"));
            None
        }
    });
    Ok(read.collect())
}

/// Opens the file of a track of the session in `folder`.
///
/// # Errors
/// The file cannot be read, or does not hold what the session says.
fn open_track(folder: &Path, track: Track) -> Result<RoomTrack, Error> {
    let file = folder.join(&track.file);
    let input = Input::probe(&file.to_string_lossy(), None)?;
    let is_video = is_video(&track);
    let is_there = match is_video {
        true => input.video.is_some(),
        false => !input.audio.is_empty(),
    };
    if !is_there {
        let kind = if is_video { "video" } else { "audio" };
        return Err(Error::request(
            format!("the track has no {kind}"),
            file.display().to_string(),
            "correct its source in the session",
        ));
    }
    let length = input.duration.map(|duration| {
        let first = first_time(&file).unwrap_or_default();
        Time::from_nanos(duration.nanos().saturating_sub(first.nseconds()))
    });
    Ok(RoomTrack {
        end: length.map(|length| Time::from_nanos(track.start).saturating_add(length)),
        size: input.size,
        promised: input.promised,
        reached: Reached::default(),
        track,
        file,
    })
}

/// Returns the running time of the first packet of a file. That of a Janus recording is counted from its
/// start, which is zero.
fn first_time(file: &Path) -> Option<gst::ClockTime> {
    let made = pipeline::parse("filesrc name=recording ! parsebin ! fakesink name=packets").ok()?;
    made.by_name("recording")?.set_property("location", file);
    let running = Running(&made);
    made.set_state(gst::State::Paused).ok()?;
    let (prerolled, ..) = made.state(LIMIT);
    prerolled.ok()?;
    if made
        .iterate_recurse()
        .into_iter()
        .flatten()
        .any(|element| is_of(&element, "mjrdemux"))
    {
        return None;
    }
    let packets = made.by_name("packets")?;
    let sample = packets.property::<Option<gst::Sample>>("last-sample")?;
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?.clone();
    let first = segment.to_running_time(sample.buffer()?.dts_or_pts()?);
    drop(running);
    first
}
