// SPDX-License-Identifier: MPL-2.0

//! A recorded session on the disk, and its tracks in front of the roomcompositor of a pipeline.

use std::fs;
use std::path::{Path, PathBuf};

use gst::prelude::*;
use gstlecture::edit::Status;
use gstlecture::record::layout::{LayoutDraft, Source};
use gstlecture::record::session::{Marked, Participant, Session, Track};
use gstlecture::timeline::Time;

mod moving;
mod track;

pub use self::moving::{Reached, is_of};
use self::moving::{move_tracks, use_running_time};
pub use self::track::{RoomTrack, is_video};
use crate::engine::description::Facts;
use crate::engine::pipeline::ROOM;
use crate::error::Error;
use crate::options::Values;
use crate::print;

/// A session on the disk, with the tracks that are wanted of it.
#[derive(Clone, Debug)]
pub struct Room {
    pub file: PathBuf,
    /// The name of the room.
    pub name: String,
    pub videos: Vec<RoomTrack>,
    pub audios: Vec<RoomTrack>,
    /// Frames per second that the room is composed at.
    pub frame_rate: (u32, u32),
    /// Width and height of the composed video, in pixels.
    pub size: (u32, u32),
    /// What people did while it was recorded.
    pub marked: Marked,
    layout: LayoutFile,
    /// Everybody who took part.
    participants: Vec<Participant>,
    /// Whether nobody is left out.
    is_whole: bool,
    /// What the layout depends on beside the tracks: the session, the draft, and the options.
    look: Vec<u8>,
}

/// The part that the session's drafts/layout.vtt has in a run.
#[derive(Clone, Debug)]
enum LayoutFile {
    /// A person has approved it.
    Follow(PathBuf),
    /// There is none yet.
    Write(PathBuf),
    Leave,
}

impl Room {
    /// Makes a room of the tracks that are wanted. `session` is the content of its `file`; `is_whole` if
    /// nobody is left out of it.
    pub fn new(file: PathBuf, session: &Session, tracks: Vec<RoomTrack>, is_whole: bool) -> Self {
        let (videos, audios) = tracks
            .into_iter()
            .partition(|opened| is_video(&opened.track));
        Room {
            name: session.room.clone(),
            videos,
            audios,
            frame_rate: (30, 1),
            size: (0, 0),
            marked: session.marked(),
            layout: LayoutFile::Leave,
            participants: session.participants.clone(),
            is_whole,
            look: session.to_json().into_bytes(),
            file,
        }
    }

    /// Has the room composed: with this size and frame rate, all options as text, and the layout that a
    /// person has approved.
    ///
    /// # Errors
    /// The draft of the layout cannot be read.
    pub fn compose(
        &mut self,
        size: (u32, u32),
        frame_rate: (u32, u32),
        options: &str,
    ) -> Result<(), Error> {
        self.size = size;
        self.frame_rate = frame_rate;
        self.look.extend(options.as_bytes());
        let drafts = self.file.with_file_name("drafts");
        self.layout = LayoutFile::find(&drafts, &self.participants, self.is_whole)?;
        if let LayoutFile::Follow(path) = &self.layout {
            let draft = fs::read(path).map_err(|error| Error::reading(path, &error))?;
            self.look.extend(draft);
        }
        Ok(())
    }

    /// Returns what the composed video depends on beside the tracks.
    pub fn look(&self) -> &[u8] {
        &self.look
    }

    /// Returns the name of a participant, else their identifier.
    pub fn speaker(&self, id: &str) -> String {
        let mut participants = self.participants.iter();
        let named = participants.find(|participant| participant.id == id);
        let label = named.and_then(|participant| participant.label.clone());
        label.unwrap_or_else(|| id.to_owned())
    }

    /// Returns all tracks.
    pub fn tracks(&self) -> impl Iterator<Item = &RoomTrack> {
        self.videos.iter().chain(&self.audios)
    }

    /// Returns the time at which the last track ends, if any is known.
    pub fn end(&self) -> Option<Time> {
        self.tracks().filter_map(|opened| opened.end).max()
    }

    /// Returns the room as it is analysed: the shared screens, and everybody's audio.
    pub fn screens(&self) -> Self {
        let is_screen = |video: &RoomTrack| video.track.source == Source::Screen;
        let mut screens = self.clone();
        screens.videos.retain(is_screen);
        screens.layout = LayoutFile::Leave;
        screens
    }

    /// Returns the tracks by the names that a description has for them.
    fn kinds(&self) -> [(&'static str, &[RoomTrack]); 2] {
        [("video", &self.videos), ("audio", &self.audios)]
    }

    /// Sets the facts on which the lines of room.launch depend.
    pub fn set_facts(&self, facts: &mut Facts) {
        facts.set("room", true);
        for (name, tracks) in self.kinds() {
            facts.count(&format!("room-{name}"), tracks.len());
            facts.set_pad(name, format!("{ROOM}.{name}_src"));
        }
    }

    /// Sets the values that room.launch takes.
    pub fn set_values(&self, values: &mut Values) {
        values.set("session", self.file.display().to_string());
        for (name, tracks) in self.kinds() {
            for (n, opened) in tracks.iter().enumerate() {
                values.set(
                    format!("{name}-file.{n}"),
                    opened.file.display().to_string(),
                );
            }
        }
        if let Some(end) = self.end() {
            values.set("room-duration", end.nanos().to_string());
        }
        match &self.layout {
            LayoutFile::Follow(path) => values.set("follow", path.display().to_string()),
            LayoutFile::Write(path) => values.set("timeline", path.display().to_string()),
            LayoutFile::Leave => {}
        }
    }

    /// Sets up a pipeline with the room, which must have been made with the values of this room: the
    /// participant and the source of each pad, and the start of each track. That is the time of its first
    /// packet, whatever time the file gives it.
    ///
    /// # Errors
    /// The folder of the drafts cannot be made.
    pub fn place(&self, made: &gst::Pipeline) -> Result<(), Error> {
        let Some(room) = made.by_name(ROOM) else {
            return Ok(());
        };
        if let LayoutFile::Write(path) = &self.layout
            && let Some(drafts) = path.parent()
        {
            fs::create_dir_all(drafts).map_err(|error| Error::writing(drafts, &error))?;
        }
        let mut starts = Vec::new();
        for (name, tracks) in self.kinds() {
            for (n, opened) in tracks.iter().enumerate() {
                if let Some(pad) = room.static_pad(&format!("{name}_{n}")) {
                    set_track(&pad, &opened.track);
                }
                let voice = made.by_name(&format!("voice{n}"));
                let voice = voice.filter(|_| name == "audio");
                if let Some(pad) = voice.and_then(|voice| voice.static_pad("sink")) {
                    use_running_time(&pad);
                }
                let source = format!("{name}-source{n}");
                starts.push((source, opened.track.start, opened.reached.clone()));
            }
        }
        move_tracks(made, starts);
        Ok(())
    }

    /// Warns about tracks that turned out to be shorter than their headers promise.
    pub fn warn_of_truncated(&self) {
        for warning in self.tracks().filter_map(RoomTrack::truncated) {
            print::note(format_args!("warning: {warning}"));
        }
    }
}

impl LayoutFile {
    /// Follows the layout that a person has approved; without a file there, a draft of the whole room is
    /// written. It may name these `participants`.
    fn find(drafts: &Path, participants: &[Participant], is_whole: bool) -> Result<Self, Error> {
        let path = drafts.join("layout.vtt");
        let place = path.display().to_string();
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(match is_whole {
                    true => LayoutFile::Write(path),
                    false => LayoutFile::Leave,
                });
            }
            Err(error) => return Err(Error::reading(&path, &error)),
        };
        let ids = participants.iter().map(|participant| &*participant.id);
        let ids: Vec<&str> = ids.collect();
        let draft = LayoutDraft::read(&bytes, None, Some(&ids)).map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Error::request(lines.join("\n"), &*place, "correct these lines")
        })?;
        let is_approved = draft
            .review
            .is_some_and(|review| review.status == Status::Approved);
        if is_approved {
            return Ok(LayoutFile::Follow(path));
        }
        print::note(format_args!(
            "{place} is not followed: approve it (status: approved), or delete it for a new draft"
        ));
        Ok(LayoutFile::Leave)
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
