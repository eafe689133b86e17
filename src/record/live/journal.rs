// SPDX-License-Identifier: MPL-2.0

//! The description of a session while it is recorded.

use std::collections::{BTreeMap, BTreeSet};

use crate::record::layout::{Role, Source};
use crate::record::session::{
    Event, EventKind, Output, Participant, Session, State, Track, VERSION,
};
use crate::timeline::Time;

/// Longest part of a participant's identifier in a file name, in characters.
const LONGEST_NAME: usize = 48;

/// A session so far. All times are since its start.
#[derive(Debug)]
pub struct Journal {
    session: Session,
    /// The number of tracks that each participant has now.
    present: BTreeMap<String, usize>,
    /// The ends of tracks that ended before others of the same time had begun: sources that are not
    /// live hand on their data one after the other.
    ended: BTreeMap<String, Time>,
    names: BTreeSet<String>,
}

impl Journal {
    /// Starts a session. `composite` is the file of the whole room, if there is one.
    pub fn new(room: &str, composite: Option<String>) -> Self {
        Journal {
            session: Session {
                version: VERSION,
                room: room.to_owned(),
                started: None,
                state: Some(State::Starting),
                composite,
                outputs: Vec::new(),
                participants: Vec::new(),
                tracks: Vec::new(),
                events: Vec::new(),
            },
            present: BTreeMap::new(),
            ended: BTreeMap::new(),
            names: BTreeSet::new(),
        }
    }

    pub fn session(&self) -> &Session {
        &self.session
    }

    pub fn set_started(&mut self, started: String) {
        self.session.started = Some(started);
    }

    /// Records that a participant starts a track. Returns the event if they enter the room by that.
    pub fn publish(&mut self, now: Time, participant: Participant) -> Option<Event> {
        let id = participant.id.clone();
        let known = self.session.participants.iter_mut();
        match known.into_iter().find(|other| other.id == id) {
            Some(known) => {
                known.label = known.label.take().or(participant.label);
                // A track without a role has the default one.
                if known.role == Role::default() {
                    known.role = participant.role;
                }
            }
            None => self.session.participants.push(participant),
        }
        let tracks = self.present.entry(id.clone()).or_default();
        *tracks += 1;
        let is_first = *tracks == 1;
        if self.session.composite.is_some() {
            self.session.state = Some(State::Active);
        }
        if !is_first || self.take_back_leave(now, &id) {
            return None;
        }
        Some(self.push(now, EventKind::Join { participant: id }))
    }

    /// Removes the last leave of a participant if it comes after `now`: they have not left. Returns
    /// whether there was one.
    fn take_back_leave(&mut self, now: Time, id: &str) -> bool {
        let events = &mut self.session.events;
        let last = events.iter().rposition(|event| {
            event.time >= now.nanos()
                && matches!(&event.kind, EventKind::Leave { participant } if participant == id)
        });
        let Some(at) = last else {
            return false;
        };
        let end = Time::from_nanos(events.remove(at).time);
        self.ended.insert(id.to_owned(), end);
        true
    }

    /// Records that a participant ends a track. Returns the event if they leave the room by that.
    pub fn unpublish(&mut self, now: Time, participant: &str) -> Option<Event> {
        let tracks = self.present.get_mut(participant)?;
        *tracks -= 1;
        if *tracks > 0 {
            return None;
        }
        self.present.remove(participant);
        let now = self
            .ended
            .remove(participant)
            .map_or(now, |end| end.max(now));
        let participant = participant.to_owned();
        Some(self.push(now, EventKind::Leave { participant }))
    }

    /// Returns a name for the next file of a track, relative to the folder of the session.
    pub fn name_file(&mut self, participant: &str, source: Source) -> String {
        let source = match source {
            Source::Camera => "camera",
            Source::Microphone => "microphone",
            Source::Screen => "screen",
            Source::ScreenAudio => "screen-audio",
        };
        let participant = as_name(participant);
        let name = (0_u32..)
            .map(|number| format!("tracks/{participant}-{source}-{number}.mkv"))
            .find(|name| !self.names.contains(name))
            .unwrap_or_default();
        self.names.insert(name.clone());
        name
    }

    /// Adds a track at its first frame.
    pub fn add_track(&mut self, track: Track) {
        self.session.tracks.push(track);
        self.session.state = Some(State::Active);
    }

    /// Records the outputs of the composite as they are now.
    pub fn set_outputs(&mut self, outputs: Vec<Output>) {
        self.session.outputs = outputs;
    }

    /// Records an event.
    ///
    /// # Errors
    /// The event names a participant who was never in the room, or breaks a rule of the session. It
    /// is not recorded; the text is the rule.
    pub fn add(&mut self, now: Time, kind: EventKind) -> Result<Event, String> {
        let event = self.push(now, kind);
        let Some(problem) = self.session.event_problem(&event) else {
            return Ok(event);
        };
        if let Some(at) = self
            .session
            .events
            .iter()
            .rposition(|other| *other == event)
        {
            self.session.events.remove(at);
        }
        Err(problem)
    }

    /// Ends the session: everybody leaves.
    pub fn end(&mut self, now: Time) -> Vec<Event> {
        let present = std::mem::take(&mut self.present);
        let mut ended = std::mem::take(&mut self.ended);
        let leave = present.into_keys().map(|participant| {
            let now = ended.remove(&participant).map_or(now, |end| end.max(now));
            let kind = EventKind::Leave { participant };
            self.push(now, kind)
        });
        let events = leave.collect();
        let has_composite =
            self.session.composite.is_some() && !self.session.participants.is_empty();
        let is_empty = self.session.tracks.is_empty() && !has_composite;
        self.session.state = Some(if is_empty {
            State::Aborted
        } else {
            State::Complete
        });
        events
    }

    /// Inserts an event after those of the same time.
    fn push(&mut self, time: Time, kind: EventKind) -> Event {
        let time = time.nanos();
        let event = Event { time, kind };
        let events = &mut self.session.events;
        let at = events.partition_point(|other| other.time <= time);
        events.insert(at, event.clone());
        event
    }
}

/// Returns an identifier as a part of a file name: no separator, nothing hidden, not too long.
fn as_name(id: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "-_".contains(character);
    let name: String = id
        .chars()
        .take(LONGEST_NAME)
        .map(|character| if is_plain(character) { character } else { '_' })
        .collect();
    if name.is_empty() {
        "participant".into()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn participant(id: &str) -> Participant {
        Participant {
            id: id.into(),
            label: None,
            role: Role::Participant,
        }
    }

    fn track(file: String, id: &str) -> Track {
        Track {
            file,
            stream: None,
            participant: id.into(),
            source: Source::Camera,
            start: 5,
            estimated: false,
            codec: Some("vp8".into()),
            languages: Vec::new(),
        }
    }

    fn at(seconds: u64) -> Time {
        Time::from_secs(seconds)
    }

    #[test]
    fn tracks_of_one_time_that_come_one_after_the_other_are_one_stay() {
        let mut journal = Journal::new("7", None);
        assert!(journal.publish(at(0), participant("ada")).is_some());
        assert!(journal.unpublish(at(5), "ada").is_some());
        assert!(journal.publish(at(1), participant("ada")).is_none());
        assert!(journal.unpublish(at(4), "ada").is_some());
        let events = &journal.session().events;
        let times: Vec<u64> = events.iter().map(|event| event.time).collect();
        assert_eq!(times, [0, at(5).nanos()]);
    }

    #[test]
    fn somebody_joins_with_the_first_track_and_leaves_with_the_last() {
        let mut journal = Journal::new("7", None);
        assert!(journal.publish(at(1), participant("ada")).is_some());
        assert!(journal.publish(at(2), participant("ada")).is_none());
        assert!(journal.unpublish(at(3), "ada").is_none());
        assert!(journal.unpublish(at(4), "ada").is_some());
        assert!(journal.unpublish(at(4), "ada").is_none());
        assert!(journal.publish(at(5), participant("ada")).is_some());
        let file = journal.name_file("ada", Source::Camera);
        journal.add_track(track(file, "ada"));
        assert_eq!(journal.session().state, Some(State::Active));
        assert_eq!(journal.end(at(6)).len(), 1);
        assert_eq!(journal.session().state, Some(State::Complete));
        let read = Session::read(journal.session().to_json().as_bytes());
        let times: Vec<u64> = read
            .expect("valid")
            .events
            .iter()
            .map(|event| event.time / 1_000_000_000)
            .collect();
        assert_eq!(times, [1, 4, 5, 6]);
        assert_eq!(journal.session().participants.len(), 1);
    }

    #[test]
    fn a_session_without_tracks_is_aborted() {
        let mut journal = Journal::new("7", None);
        journal.end(at(1));
        assert_eq!(journal.session().state, Some(State::Aborted));
    }

    #[test]
    fn a_composite_alone_is_complete_if_somebody_came() {
        let named = || Journal::new("7", Some("composite.mkv".into()));
        let mut journal = named();
        journal.end(at(1));
        assert_eq!(journal.session().state, Some(State::Aborted));
        let mut journal = named();
        journal.publish(at(1), participant("ada"));
        assert_eq!(journal.session().state, Some(State::Active));
        journal.end(at(2));
        assert_eq!(journal.session().state, Some(State::Complete));
        let read = Session::read(journal.session().to_json().as_bytes());
        assert_eq!(
            read.expect("valid").composite.as_deref(),
            Some("composite.mkv")
        );
    }

    #[test]
    fn every_file_has_a_name_of_its_own_in_the_folder() {
        let mut journal = Journal::new("7", None);
        let mut name = |id: &str| journal.name_file(id, Source::Camera);
        assert_eq!(name("ada"), "tracks/ada-camera-0.mkv");
        assert_eq!(name("ada"), "tracks/ada-camera-1.mkv");
        assert_eq!(name("../a b"), "tracks/___a_b-camera-0.mkv");
        assert_eq!(name("./.a b"), "tracks/___a_b-camera-1.mkv");
        assert_eq!(name(""), "tracks/participant-camera-0.mkv");
        assert!(name(&"ü".repeat(500)).len() < 255);
    }

    #[test]
    fn an_event_that_breaks_a_rule_is_not_recorded() {
        let mut journal = Journal::new("7", None);
        let leave = EventKind::Leave {
            participant: "ben".into(),
        };
        let error = journal.add(at(1), leave).expect_err("nobody");
        assert!(error.contains("ben"), "{error}");
        let layout = EventKind::Layout {
            layout: "mosaic".into(),
        };
        assert!(journal.add(at(1), layout).is_err());
        let mark = EventKind::Mark { label: None };
        assert!(journal.add(at(1), mark).is_ok());
        assert_eq!(journal.session().events.len(), 1);
    }
}
