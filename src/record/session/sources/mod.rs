// SPDX-License-Identifier: MPL-2.0

//! Sessions from the files that other recorders leave: one module per recorder reads a file or its
//! name, [`assemble`] brings all files of a room together.

use std::collections::BTreeSet;
use std::fmt;

use super::{Event, EventKind, Participant, Session, Track, VERSION};
use crate::record::layout::{Role, Source};
use crate::timeline::Time;

pub mod bigbluebutton;
pub mod daily;
pub mod janus;
pub mod livekit;
pub mod pattern;

/// Tracks with nothing between them for longer than this belong to two sessions.
const LONGEST_PAUSE: i64 = 30 * 60 * 1_000_000_000;

/// A file of a recorder.
#[derive(Clone, PartialEq, Debug)]
pub struct Found {
    pub file: String,
    /// The name of the room, if the recorder has it.
    pub room: Option<String>,
    pub participant: String,
    pub label: Option<String>,
    pub source: Source,
    pub codec: Option<String>,
    /// The instant of the first frame, in nanoseconds since an instant that all files share.
    pub start: i64,
    /// Whether `start` is an estimate.
    pub is_estimated: bool,
    pub duration: Option<Time>,
    /// Events of the track, in time since its start.
    pub events: Vec<(Time, Happening)>,
}

/// A change of a participant that a track shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Happening {
    /// The rotation with which the video is to be shown, clockwise, in degrees.
    Rotation(u32),
    /// The participant starts or stops to speak.
    Speaking(bool),
    /// The track is muted, or no longer.
    Muted(bool),
}

/// A reason why files are not one session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AssembleError {
    /// There is no track.
    NoTracks,
    /// The files name several rooms.
    Rooms(Vec<String>),
    /// Nothing was recorded for a long time between two files.
    Pause {
        before: String,
        after: String,
        length: Time,
    },
}

impl fmt::Display for AssembleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTracks => write!(f, "there is no recorded track"),
            Self::Rooms(rooms) => write!(
                f,
                "the files are of several rooms: {}; name one of them",
                rooms.join(", ")
            ),
            Self::Pause {
                before,
                after,
                length,
            } => write!(
                f,
                "the files are of two sessions: nothing is recorded for {} between {before} and \
                 {after}; move one session to another folder",
                length.clock()
            ),
        }
    }
}

impl std::error::Error for AssembleError {}

/// Brings the files of a room together. The session starts with its earliest track; the result has
/// that instant beside the session, in the clock of [`Found::start`].
///
/// # Errors
/// The files are of several rooms or sessions, or there are none.
pub fn assemble(mut found: Vec<Found>) -> Result<(Session, i64), AssembleError> {
    found.sort_by(|a, b| (a.start, &a.file).cmp(&(b.start, &b.file)));
    let rooms: BTreeSet<&str> = found.iter().filter_map(|f| f.room.as_deref()).collect();
    if rooms.len() > 1 {
        let rooms = rooms.into_iter().map(str::to_owned).collect();
        return Err(AssembleError::Rooms(rooms));
    }
    let room = rooms.first().copied().unwrap_or("room").to_owned();
    let origin = found.first().ok_or(AssembleError::NoTracks)?.start;
    check_pauses(&found)?;
    let since = |found: &Found| u64::try_from(found.start.saturating_sub(origin)).unwrap_or(0);
    let participants = participants(&found);
    let events = events(&found, since);
    let tracks = found.iter().map(|found| Track {
        file: found.file.clone(),
        stream: None,
        participant: found.participant.clone(),
        source: found.source,
        start: since(found),
        estimated: found.is_estimated,
        codec: found.codec.clone(),
        languages: Vec::new(),
    });
    let session = Session {
        version: VERSION,
        room,
        started: None,
        state: None,
        composite: None,
        outputs: Vec::new(),
        participants,
        tracks: tracks.collect(),
        events,
    };
    Ok((session, origin))
}

/// Returns the participants in the order of their first files, with the first name that a file has.
fn participants(found: &[Found]) -> Vec<Participant> {
    let mut participants: Vec<Participant> = Vec::new();
    for found in found {
        match participants.iter_mut().find(|p| p.id == found.participant) {
            Some(known) => known.label = known.label.take().or_else(|| found.label.clone()),
            None => participants.push(Participant {
                id: found.participant.clone(),
                label: found.label.clone(),
                role: Role::default(),
            }),
        }
    }
    participants
}

/// Returns what happens in the files, in order; `since` is the time of a file's start.
fn events(found: &[Found], since: impl Fn(&Found) -> u64) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    let mut speaking = Vec::new();
    for found in found {
        for (time, happening) in &found.events {
            let time = since(found).saturating_add(time.nanos());
            let (participant, source) = (found.participant.clone(), found.source);
            let kind = match happening {
                Happening::Rotation(degrees) => EventKind::Rotation {
                    participant,
                    source,
                    degrees: *degrees,
                },
                Happening::Muted(true) => EventKind::Mute {
                    participant,
                    source,
                },
                Happening::Muted(false) => EventKind::Unmute {
                    participant,
                    source,
                },
                Happening::Speaking(is_speaking) => {
                    speaking.push((time, participant, *is_speaking));
                    continue;
                }
            };
            events.push(Event { time, kind });
        }
    }
    events.extend(speakers(speaking));
    events.sort_by_key(|event| event.time);
    events
}

/// Sets the starts of files to offsets that a person gives, in nanoseconds since the earliest start of the others.
///
/// # Errors
/// An offset is of a file that is not there: its name.
pub fn shift(found: &mut [Found], offsets: &[(String, i64)]) -> Result<(), String> {
    let offset_of = |file: &str| offsets.iter().find(|(name, _)| name == file);
    if let Some((name, _)) = offsets
        .iter()
        .find(|(name, _)| !found.iter().any(|found| found.file == *name))
    {
        return Err(name.clone());
    }
    let others = found
        .iter()
        .filter(|found| offset_of(&found.file).is_none());
    let origin = others.map(|found| found.start).min().unwrap_or(0);
    for found in found {
        if let Some((_, offset)) = offset_of(&found.file) {
            found.start = origin.saturating_add(*offset);
            found.is_estimated = true;
        }
    }
    Ok(())
}

/// Fails at a long pause between files, in the order of their starts.
fn check_pauses(found: &[Found]) -> Result<(), AssembleError> {
    let mut last: Option<(&Found, i64)> = None;
    for next in found {
        let Some(duration) = next.duration else {
            return Ok(());
        };
        let length = i64::try_from(duration.nanos()).unwrap_or(i64::MAX);
        let end = next.start.saturating_add(length);
        match last {
            Some((before, before_end)) if next.start.saturating_sub(before_end) > LONGEST_PAUSE => {
                let length = u64::try_from(next.start.saturating_sub(before_end)).unwrap_or(0);
                return Err(AssembleError::Pause {
                    before: before.file.clone(),
                    after: next.file.clone(),
                    length: Time::from_nanos(length),
                });
            }
            Some((_, before_end)) if before_end >= end => {}
            _ => last = Some((next, end)),
        }
    }
    Ok(())
}

/// Returns who speaks, from the speech of everybody: the last one to start of those who still do.
fn speakers(mut changes: Vec<(u64, String, bool)>) -> Vec<Event> {
    changes.sort_by_key(|(time, _, _)| *time);
    let mut talking: Vec<String> = Vec::new();
    let mut speaker: Option<String> = None;
    let mut events = Vec::new();
    for (time, participant, is_speaking) in changes {
        talking.retain(|other| *other != participant);
        if is_speaking {
            talking.push(participant);
        }
        if talking.last() != speaker.as_ref() {
            speaker = talking.last().cloned();
            events.push(Event {
                time,
                kind: EventKind::Speaker {
                    participant: speaker.clone(),
                },
            });
        }
    }
    events
}

/// Returns the source that a word of a recorder stands for.
pub fn source_of(word: &str) -> Option<Source> {
    let word = word.to_ascii_lowercase().replace(['_', ' '], "-");
    Some(match word.as_str() {
        "camera" | "cam" | "cam-video" | "video" => Source::Camera,
        "microphone" | "mic" | "cam-audio" | "audio" => Source::Microphone,
        "screen" | "screen-video" | "screen-share" | "screenshare" | "presentation" => {
            Source::Screen
        }
        "screen-audio" | "screen-share-audio" | "screenshare-audio" => Source::ScreenAudio,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn found(participant: &str, source: Source, start: i64, seconds: u64) -> Found {
        Found {
            file: format!("{participant}-{source:?}"),
            room: Some("7".into()),
            participant: participant.into(),
            label: None,
            source,
            codec: None,
            start,
            is_estimated: false,
            duration: Some(Time::from_secs(seconds)),
            events: Vec::new(),
        }
    }

    #[test]
    fn the_session_starts_with_its_earliest_track() {
        let late = found("b", Source::Camera, 5_000, 10);
        let early = found("a", Source::Microphone, 2_000, 10);
        let (session, origin) = assemble(vec![late, early]).expect("a session");
        assert_eq!(origin, 2_000);
        let starts: Vec<u64> = session.tracks.iter().map(|track| track.start).collect();
        assert_eq!(starts, [0, 3_000]);
        assert_eq!(session.room, "7");
        let read = Session::read(session.to_json().as_bytes()).expect("valid");
        assert_eq!(read, session);
    }

    #[test]
    fn a_persons_offsets_are_from_the_start_of_the_others() {
        let tracks = || {
            vec![
                found("a", Source::Camera, 5_000, 10),
                found("b", Source::Camera, 7_000, 10),
                found("c", Source::Camera, 0, 10),
            ]
        };
        let starts = |offsets: &[(&str, i64)]| {
            let mut tracks = tracks();
            let offsets = offsets.iter().map(|(name, at)| (name.to_string(), *at));
            let offsets: Vec<_> = offsets.collect();
            shift(&mut tracks, &offsets)?;
            let starts = tracks.iter().map(|found| (found.start, found.is_estimated));
            Ok::<Vec<_>, String>(starts.collect())
        };
        let estimated = |start| (start, true);
        assert_eq!(
            starts(&[]),
            Ok(vec![(5_000, false), (7_000, false), (0, false)])
        );
        assert_eq!(
            starts(&[("c-Camera", -100)]),
            Ok(vec![(5_000, false), (7_000, false), estimated(4_900)])
        );
        let all = [("a-Camera", 3), ("b-Camera", 1), ("c-Camera", 2)];
        assert_eq!(
            starts(&all),
            Ok(vec![estimated(3), estimated(1), estimated(2)])
        );
        assert_eq!(starts(&[("d-Camera", 3)]), Err("d-Camera".into()));
    }

    #[test]
    fn files_of_two_sessions_are_refused() {
        let other = Found {
            room: Some("8".into()),
            ..found("a", Source::Camera, 0, 1)
        };
        let error = assemble(vec![other, found("b", Source::Camera, 0, 1)]);
        assert_eq!(
            error,
            Err(AssembleError::Rooms(vec!["7".into(), "8".into()]))
        );
        let hour = 3_600_000_000_000;
        let error = assemble(vec![
            found("a", Source::Camera, 0, 1800),
            found("b", Source::Camera, 1_000, 60),
            found("a", Source::Microphone, hour, 60),
        ]);
        assert_eq!(error.map(|_| ()), Ok(()));
        let error = assemble(vec![
            found("a", Source::Camera, 0, 1700),
            found("a", Source::Microphone, hour, 60),
        ]);
        assert!(
            matches!(error, Err(AssembleError::Pause { .. })),
            "{error:?}"
        );
        assert_eq!(assemble(Vec::new()), Err(AssembleError::NoTracks));
    }

    #[test]
    fn the_last_to_start_speaking_is_the_speaker() {
        let change = |time, id: &str, is_speaking| (time, id.to_owned(), is_speaking);
        let events = speakers(vec![
            change(1, "a", true),
            change(2, "b", true),
            change(3, "b", false),
            change(4, "a", false),
        ]);
        let speakers: Vec<Option<&str>> = events
            .iter()
            .map(|event| event.kind.participant())
            .collect();
        assert_eq!(speakers, [Some("a"), Some("b"), Some("a"), None]);
    }
}
