// SPDX-License-Identifier: MPL-2.0

//! The tracks of a recorded session, in front of a roomcompositor.

use std::collections::BTreeMap;
use std::fs;
use std::path::{self, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gstlecture::record::layout::Source;
use gstlecture::record::session::{FILE_NAME, Selection, Session, Track};

use crate::engine::description::Facts;
use crate::error::Error;
use crate::options::Values;

/// A session on the disk, with the tracks that are wanted of it.
pub struct Room {
    pub folder: PathBuf,
    pub file: PathBuf,
    /// The identifiers of everybody who took part.
    pub ids: Vec<String>,
    pub videos: Vec<Track>,
    pub audios: Vec<Track>,
}

impl Room {
    /// Reads the session that `input` names, and what is wanted of it.
    pub fn open(
        input: &Path,
        only: Option<&Selection>,
        without: Option<&Selection>,
    ) -> Result<Self, Error> {
        let input = path::absolute(input).map_err(|error| Error::reading(input, &error))?;
        let file = if input.is_dir() {
            input.join(FILE_NAME)
        } else {
            input
        };
        let bytes = fs::read(&file).map_err(|error| Error::reading(&file, &error))?;
        let place = || file.display().to_string();
        let session = Session::read(&bytes).map_err(|error| {
            let remedy = "correct it, or make it again: lecture session";
            Error::request(error.to_string(), place(), remedy)
        })?;
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
        let participants = session.participants.iter();
        let ids = participants
            .map(|participant| participant.id.clone())
            .collect();
        let session = session.select(only, without).map_err(|error| {
            Error::usage(error.to_string(), place(), "correct only= and without=")
        })?;
        let folder = file.parent().unwrap_or(Path::new("/")).to_path_buf();
        let is_video = |track: &Track| matches!(track.source, Source::Camera | Source::Screen);
        let (videos, audios) = session.tracks.into_iter().partition(is_video);
        Ok(Room {
            folder,
            file,
            ids,
            videos,
            audios,
        })
    }

    /// Returns the tracks by the names that a description has for them.
    fn kinds(&self) -> [(&'static str, &[Track]); 2] {
        [("video", &self.videos), ("audio", &self.audios)]
    }

    /// Sets what a description takes from the session.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn describe(&self, facts: &mut Facts, values: &mut Values) -> Result<(), Error> {
        values.set("session", self.file.display().to_string());
        for (name, tracks) in self.kinds() {
            facts.count(name, tracks.len());
            for (n, track) in tracks.iter().enumerate() {
                let file = self.folder.join(&track.file);
                fs::metadata(&file).map_err(|error| Error::reading(&file, &error))?;
                values.set(format!("{name}-file.{n}"), file.display().to_string());
            }
        }
        Ok(())
    }

    /// Sets the participant and the source of each pad of the roomcompositor named `room`, and moves each
    /// track to its start: the time of its first packet, whatever time the file gives it.
    pub fn place(&self, made: &gst::Pipeline) {
        let room = made.by_name("room");
        let mut starts = BTreeMap::new();
        for (name, tracks) in self.kinds() {
            for (n, track) in tracks.iter().enumerate() {
                let pad = room.as_ref();
                let pad = pad.and_then(|room| room.static_pad(&format!("{name}_{n}")));
                if let Some(pad) = pad {
                    set_track(&pad, track);
                }
                let queue = made.by_name(&format!("{name}-queue{n}"));
                if let Some(pad) = queue.and_then(|queue| queue.static_pad("src")) {
                    starts.insert(format!("{name}-source{n}"), (track.start, pad));
                }
            }
        }
        move_tracks(made, starts);
    }
}

fn set_track(pad: &gst::Pad, track: &Track) {
    pad.set_property("participant", &track.participant);
    let source = match track.source {
        Source::Camera => "camera",
        Source::Microphone => "microphone",
        Source::Screen => "screen",
        Source::ScreenAudio => "screen-audio",
    };
    pad.set_property_from_str("source", source);
}

/// Moves each source to its start; `starts` has the time and the pad to move by the source's name.
fn move_tracks(made: &gst::Pipeline, starts: BTreeMap<String, (u64, gst::Pad)>) {
    let sources: Vec<String> = starts.keys().cloned().collect();
    let starts = Arc::new(Mutex::new(starts));
    let take = move |source: &str| {
        let mut starts = starts.lock().unwrap_or_else(PoisonError::into_inner);
        starts.remove(source)
    };
    for source in sources {
        let take = take.clone();
        let Some(decoder) = made.by_name(&source) else {
            continue;
        };
        // A file without a container (FLAC, MP3, AAC) has no demuxer: its frames are moved as they come out.
        decoder.connect_pad_added(move |_, pad| {
            if let Some((start, queue)) = take(&source) {
                move_to(pad, false, start, queue);
            }
        });
    }
    made.connect_deep_element_added(move |_, bin, element| {
        let is_mjr = is_of(element, "mjrdemux");
        if is_mjr {
            element.set_property_from_str("clock", "arrival");
        }
        let is_demuxer = element.factory().is_some_and(|factory| {
            let demuxer = gst::ElementFactoryType::DEMUXER;
            let of_tags = demuxer | gst::ElementFactoryType::MEDIA_METADATA;
            // What only takes tags off knows no times.
            factory.has_type(demuxer) && !factory.has_type(of_tags)
        });
        // The parts of a demuxer are not demuxers of the file.
        if !is_demuxer || is_of(bin.upcast_ref(), "mjrdemux") {
            return;
        }
        let take = take.clone();
        element.connect_pad_added(move |element, pad| {
            let source = element.parent().map(|parent| parent.name());
            if let Some((start, queue)) = source.and_then(|source| take(&source)) {
                move_to(pad, is_mjr, start, queue);
            }
        });
    });
}

fn is_of(element: &gst::Element, name: &str) -> bool {
    element
        .factory()
        .is_some_and(|factory| factory.name() == name)
}

/// Gives `queue` the offset that brings the first packet of `pad` to `start`. The zero of a Janus
/// recording is that time already.
fn move_to(pad: &gst::Pad, is_mjr: bool, start: u64, queue: gst::Pad) {
    let start = i64::try_from(start).unwrap_or(i64::MAX);
    if is_mjr {
        queue.set_offset(start);
        return;
    }
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let segment = pad.sticky_event::<gst::event::Segment>(0);
        let segment = segment
            .as_ref()
            .and_then(|event| event.segment().downcast_ref::<gst::ClockTime>());
        let time = info.buffer().and_then(|buffer| buffer.dts_or_pts());
        let first = segment.and_then(|segment| segment.to_running_time(time?));
        let first = i64::try_from(first.unwrap_or_default().nseconds()).unwrap_or(0);
        queue.set_offset(start.saturating_sub(first));
        gst::PadProbeReturn::Remove
    });
}
