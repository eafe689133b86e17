// SPDX-License-Identifier: MPL-2.0

//! The description of a recorded session, `session.json`: who took part, which file holds which
//! track, and the events of the room.
//!
//! All times are nanoseconds since the start of the session. Readers ignore fields and event types
//! that they do not know, so that a later version can add some. `check` holds the rules, `replay`
//! turns a session into the events of a room layout. The JSON schema is `session.schema.json` next
//! to this file.

use serde::{Deserialize, Serialize};

pub mod captions;
mod check;
mod marks;
mod replay;
mod selection;
pub mod sources;

pub use check::{Problem, SessionError};
pub use marks::{Marked, Wanted};
pub use selection::{Selection, SelectionError};

use super::layout::{Role, Source};

/// The JSON schema (draft 2020-12) of a session.
pub const SCHEMA: &str = include_str!("session.schema.json");

/// The version of this form.
pub const VERSION: u32 = 1;

/// The name of the description in the folder of a session.
pub const FILE_NAME: &str = "session.json";

/// A recorded session.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Session {
    /// The version of this form, [`VERSION`].
    pub version: u32,
    /// The name of the room.
    pub room: String,
    /// The start of the session in UTC (RFC 3339), if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// The state of the recording, if a recorder of ours made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
    /// The file of the whole room in one video, or of all voices, if it was composed while the room was
    /// recorded; relative to the folder of the session or absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub composite: Option<String>,
    /// Where else the composite went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Output>,
    /// Everybody who took part.
    #[serde(default)]
    pub participants: Vec<Participant>,
    /// The recorded tracks.
    pub tracks: Vec<Track>,
    /// The events of the room, in the order of their times.
    #[serde(default)]
    pub events: Vec<Event>,
}

/// The state of a recording, by the names of LiveKit Egress (`EgressStatus`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum State {
    /// Nothing is recorded yet.
    #[serde(rename = "EGRESS_STARTING")]
    Starting,
    /// Tracks are recorded. Without a recorder that runs: it was killed.
    #[serde(rename = "EGRESS_ACTIVE")]
    Active,
    /// The recording has ended well.
    #[serde(rename = "EGRESS_COMPLETE")]
    Complete,
    /// The recording has ended before anything was recorded.
    #[serde(rename = "EGRESS_ABORTED")]
    Aborted,
    /// The recording has ended with an error. What was recorded until then is there.
    #[serde(rename = "EGRESS_FAILED")]
    Failed,
    /// The recording has ended at a limit of its length or of the disk.
    #[serde(rename = "EGRESS_LIMIT_REACHED")]
    LimitReached,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A further output of the composite.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    pub kind: OutputKind,
    /// The file or folder, relative to that of the session, or the server, without any key.
    pub to: String,
    pub state: OutputState,
    /// The last failure, if it is not over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The kinds of outputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputKind {
    /// A fragmented MP4 file.
    Mp4,
    /// A live HLS playlist and its segments.
    Hls,
    /// A server that takes RTMP.
    Rtmp,
    /// A server that takes SRT.
    Srt,
    /// A folder of still images.
    Images,
    /// A kind that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The state of an output.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputState {
    /// Nothing was written or sent yet.
    Starting,
    /// It is written or sent.
    Active,
    /// The server was lost, or not reached, and is tried again.
    Waiting,
    /// It has ended well.
    Complete,
    /// It has ended with an error.
    Failed,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Somebody who took part.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Participant {
    /// The identifier that tracks and events use; unique in the session.
    pub id: String,
    /// The name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    #[serde(default)]
    pub role: Role,
}

/// A recorded track.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Track {
    /// The media file, relative to the folder of the session or absolute.
    pub file: String,
    /// The index of the stream in the file, if the file holds several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<u32>,
    /// The identifier of the participant.
    pub participant: String,
    pub source: Source,
    /// The time of the first frame or sample, in nanoseconds since the start of the session.
    #[serde(default)]
    pub start: u64,
    /// Whether `start` is an estimate, for example from the time of a file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// The codec, as its RTP encoding name in lower case, such as `vp8` or `opus`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codec: Option<String>,
    /// The spoken languages as BCP 47 tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
}

/// Something that happened in the room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Nanoseconds since the start of the session.
    pub time: u64,
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The kinds of events; `type` in JSON.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum EventKind {
    /// A participant enters the room.
    Join { participant: String },
    /// A participant leaves the room; all their tracks end.
    Leave { participant: String },
    /// A track is muted.
    Mute { participant: String, source: Source },
    /// A muted track is back.
    Unmute { participant: String, source: Source },
    /// The active speaker changes; nobody speaks without a participant.
    Speaker {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        participant: Option<String>,
    },
    /// The layout of the room changes.
    Layout { layout: String },
    /// Somebody marks a moment, for example as the start of a chapter.
    Mark {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
    },
    /// The recording pauses.
    Pause,
    /// The recording goes on after a pause.
    Resume,
    /// The clockwise rotation with which a video is to be shown: 0, 90, 180 or 270 degrees.
    Rotation {
        participant: String,
        source: Source,
        degrees: u32,
    },
    /// The coded size of a video in pixels.
    Size {
        participant: String,
        source: Source,
        width: u32,
        height: u32,
    },
    /// A live caption.
    Caption {
        participant: String,
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    /// Media of a track are missing for `duration` nanoseconds.
    Gap {
        participant: String,
        source: Source,
        duration: u64,
    },
    /// An event of a type that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Session {
    /// Reads and checks a `session.json`. Events come back in the order of their times; events of
    /// unknown types are left out.
    ///
    /// # Errors
    /// Returns every broken rule, or the place where the JSON cannot be read.
    pub fn read(bytes: &[u8]) -> Result<Self, SessionError> {
        let mut session: Session =
            serde_json::from_slice(bytes).map_err(|error| SessionError::Json {
                line: error.line(),
                column: error.column(),
                message: error.to_string(),
            })?;
        session
            .events
            .retain(|event| event.kind != EventKind::Unknown);
        session.events.sort_by_key(|event| event.time);
        let problems = session.check();
        if problems.is_empty() {
            Ok(session)
        } else {
            Err(SessionError::Invalid(problems))
        }
    }

    /// Returns the text of the file, with a line end.
    pub fn to_json(&self) -> String {
        // A session has string keys and finite numbers only: writing it into memory cannot fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Returns the participant with this identifier.
    pub fn participant(&self, id: &str) -> Option<&Participant> {
        self.participants.iter().find(|other| other.id == id)
    }
}

impl EventKind {
    /// Returns the participant that the event names.
    pub fn participant(&self) -> Option<&str> {
        match self {
            EventKind::Join { participant }
            | EventKind::Leave { participant }
            | EventKind::Mute { participant, .. }
            | EventKind::Unmute { participant, .. }
            | EventKind::Rotation { participant, .. }
            | EventKind::Size { participant, .. }
            | EventKind::Caption { participant, .. }
            | EventKind::Gap { participant, .. } => Some(participant),
            EventKind::Speaker { participant } => participant.as_deref(),
            EventKind::Layout { .. }
            | EventKind::Mark { .. }
            | EventKind::Pause
            | EventKind::Resume
            | EventKind::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests;
