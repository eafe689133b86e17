// SPDX-License-Identifier: MPL-2.0

//! Who is in a room, as the server's API lists them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::source;
use crate::record::layout::Source;
use crate::record::session::EventKind;
use crate::timeline::Time;

/// Longest time from the publication of a track until its media come.
const LONGEST_WAIT: Time = Time::from_secs(10);

/// Somebody in a room (`ParticipantInfo`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Person {
    pub sid: String,
    pub identity: String,
    pub name: String,
    pub kind: String,
    pub permission: Option<Permission>,
    pub tracks: Vec<Published>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Permission {
    pub hidden: bool,
}

/// A track that somebody publishes (`TrackInfo`).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Published {
    pub sid: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub source: String,
    pub muted: bool,
    #[serde(alias = "mimeType")]
    pub mime_type: String,
    pub encryption: String,
}

impl Person {
    /// Returns whether the room is theirs: recorders and agents do not keep a class going.
    fn is_present(&self) -> bool {
        let is_hidden = self.permission.as_ref().is_some_and(|own| own.hidden);
        !is_hidden && !matches!(&*self.kind, "EGRESS" | "AGENT")
    }
}

impl Published {
    fn is_video(&self) -> bool {
        self.kind == "VIDEO"
    }

    fn source(&self) -> Source {
        source(&self.source, self.is_video())
    }

    fn is_media(&self) -> bool {
        matches!(&*self.kind, "AUDIO" | "VIDEO")
    }

    /// Returns whether only the people in the room can decode it.
    fn is_encrypted(&self) -> bool {
        !matches!(&*self.encryption, "" | "NONE")
    }
}

/// Reads the answer of `ListParticipants`.
///
/// # Errors
/// It is no such answer; the text is where.
pub fn read_participants(body: &str) -> Result<Vec<Person>, String> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        participants: Vec<Person>,
    }
    let answer: Answer = serde_json::from_str(body).map_err(|error| error.to_string())?;
    Ok(answer.participants)
}

/// Reads the answer of `ListRooms`: the names of the rooms.
///
/// # Errors
/// It is no such answer; the text is where.
pub fn read_rooms(body: &str) -> Result<Vec<String>, String> {
    #[derive(Deserialize)]
    struct Room {
        name: String,
    }
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        rooms: Vec<Room>,
    }
    let answer: Answer = serde_json::from_str(body).map_err(|error| error.to_string())?;
    Ok(answer.rooms.into_iter().map(|room| room.name).collect())
}

/// Whose track it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Owner {
    pub identity: String,
    pub label: Option<String>,
    pub source: Source,
    pub is_encrypted: bool,
}

/// A track that is muted now, or is not any more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    pub participant: String,
    pub source: Source,
    pub is_muted: bool,
}

impl Change {
    /// Returns the event of the session.
    pub fn event(&self) -> EventKind {
        let (participant, source) = (self.participant.clone(), self.source);
        match self.is_muted {
            true => EventKind::Mute {
                participant,
                source,
            },
            false => EventKind::Unmute {
                participant,
                source,
            },
        }
    }
}

/// The people of a room and what was reported of them.
#[derive(Debug, Default)]
pub struct Roster {
    people: Vec<Person>,
    /// The tracks that the session has as muted.
    muted: Vec<(String, Source)>,
    /// The time at which a track without media was first seen.
    waiting: BTreeMap<String, Time>,
    reported: BTreeSet<String>,
    has_had_people: bool,
}

impl Roster {
    /// Takes the newest list.
    pub fn set(&mut self, people: Vec<Person>) {
        self.has_had_people |= people.iter().any(Person::is_present);
        self.people = people;
    }

    /// Returns whether somebody of this identity is there.
    pub fn has(&self, identity: &str) -> bool {
        self.people.iter().any(|person| person.identity == identity)
    }

    /// Returns whether somebody was there, and nobody is now.
    pub fn is_left(&self) -> bool {
        self.has_had_people && !self.people.iter().any(Person::is_present)
    }

    /// Returns whose a track is.
    pub fn owner(&self, track: &str) -> Option<Owner> {
        let all = self.people.iter();
        let mut all = all.flat_map(|person| person.tracks.iter().map(move |own| (person, own)));
        let (person, own) = all.find(|(_, own)| own.sid == track)?;
        Some(Owner {
            identity: person.identity.clone(),
            label: Some(person.name.clone()).filter(|name| !name.trim().is_empty()),
            source: own.source(),
            is_encrypted: own.is_encrypted(),
        })
    }

    /// Returns the tracks whose mute state is not that of the session. [`Roster::confirm`] records that
    /// the session has it.
    pub fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for person in &self.people {
            for track in person.tracks.iter().filter(|track| track.is_media()) {
                let key = (person.identity.clone(), track.source());
                if self.muted.contains(&key) != track.muted {
                    changes.push(Change {
                        participant: key.0,
                        source: key.1,
                        is_muted: track.muted,
                    });
                }
            }
        }
        changes
    }

    /// Records that the session has a change.
    pub fn confirm(&mut self, change: &Change) {
        let key = (change.participant.clone(), change.source);
        self.muted.retain(|other| *other != key);
        if change.is_muted {
            self.muted.push(key);
        }
    }

    /// Returns what is to be reported of tracks that should be recorded and are not, each once: they are
    /// end-to-end encrypted, or no media come. `is_wanted` has the identity and the track, `is_here` the
    /// track.
    pub fn missing(
        &mut self,
        now: Time,
        is_wanted: impl Fn(&str, &str) -> bool,
        is_here: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let mut texts = Vec::new();
        let mut waiting = BTreeMap::new();
        for person in self.people.iter().filter(|person| person.is_present()) {
            for track in person.tracks.iter().filter(|track| track.is_media()) {
                let sid = &track.sid;
                let is_due = is_wanted(&person.identity, sid) && !self.reported.contains(sid);
                let is_silent = track.muted && !track.is_encrypted();
                if !is_due || is_silent || is_here(sid) {
                    continue;
                }
                let since = *self.waiting.get(sid).unwrap_or(&now);
                waiting.insert(sid.clone(), since);
                let what = if track.is_encrypted() {
                    "is end-to-end encrypted, which cannot be recorded".to_owned()
                } else if now.saturating_sub(since) >= LONGEST_WAIT {
                    format!("has sent nothing that is recorded ({})", track.mime_type)
                } else {
                    continue;
                };
                self.reported.insert(sid.clone());
                texts.push(format!("{}, track {sid}: it {what}", person.identity));
            }
        }
        self.waiting = waiting;
        texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As livekit-server 1.13.5 answers, shortened.
    fn people(is_muted: bool, encryption: &str) -> Vec<Person> {
        let body = format!(
            r#"{{"participants":[
            {{"sid":"PA_r","identity":"rec","kind":"EGRESS","tracks":[],"permission":{{"hidden":true}}}},
            {{"sid":"PA_a","identity":"ada","name":"Ada L","kind":"STANDARD","permission":null,"joined_at":"1795978729",
              "tracks":[{{"sid":"TR_m","type":"AUDIO","muted":{is_muted},"source":"MICROPHONE","mime_type":"audio/opus","encryption":"NONE"}},
                        {{"sid":"TR_s","type":"VIDEO","muted":false,"source":"SCREEN_SHARE","mimeType":"video/vp8","encryption":"{encryption}"}},
                        {{"sid":"TR_d","type":"DATA","muted":true,"source":"UNKNOWN"}}]}}]}}"#
        );
        read_participants(&body).expect("an answer")
    }

    #[test]
    fn a_track_has_its_owner() {
        let mut roster = Roster::default();
        assert_eq!(roster.owner("TR_m"), None);
        roster.set(people(false, "NONE"));
        let owner = roster.owner("TR_s").expect("known");
        assert_eq!(
            (&*owner.identity, owner.label.as_deref(), owner.source),
            ("ada", Some("Ada L"), Source::Screen)
        );
        assert_eq!(
            read_rooms(r#"{"rooms":[{"name":"a","sid":"RM"}]}"#),
            Ok(vec!["a".into()])
        );
        assert_eq!(read_rooms("{}"), Ok(Vec::new()));
        assert!(read_participants("<html>").is_err());
    }

    #[test]
    fn a_change_is_due_until_the_session_has_it() {
        let mut roster = Roster::default();
        roster.set(people(false, "NONE"));
        assert_eq!(roster.changes(), []);
        roster.set(people(true, "NONE"));
        let changes = roster.changes();
        assert_eq!(changes.len(), 1);
        assert!(matches!(changes[0].event(), EventKind::Mute { .. }));
        assert_eq!(roster.changes(), changes);
        roster.confirm(&changes[0]);
        assert_eq!(roster.changes(), []);
        // They leave muted and come back with another track that is not.
        roster.set(Vec::new());
        assert_eq!(roster.changes(), []);
        roster.set(people(false, "NONE"));
        let back = roster.changes();
        assert!(matches!(back[0].event(), EventKind::Unmute { .. }));
        roster.confirm(&back[0]);
        assert_eq!(roster.changes(), []);
    }

    #[test]
    fn a_room_is_left_when_only_recorders_stay() {
        let mut roster = Roster::default();
        assert!(!roster.is_left());
        let mut all = people(false, "NONE");
        roster.set(vec![all[0].clone()]);
        assert!(!roster.is_left(), "nobody came yet");
        roster.set(all.clone());
        assert!(!roster.is_left());
        assert!(roster.has("rec") && !roster.has("cy"));
        all.truncate(1);
        roster.set(all);
        assert!(roster.is_left());
    }

    #[test]
    fn a_track_that_is_not_recorded_is_reported_once() {
        let mut roster = Roster::default();
        let (all, none) = (|_: &str, _: &str| true, |_: &str| false);
        let at = Time::from_secs;
        roster.set(people(true, "GCM"));
        let texts = roster.missing(at(0), all, none);
        assert_eq!(texts.len(), 1, "a muted track sends nothing");
        assert!(texts[0].contains("ada, track TR_s") && texts[0].contains("encrypted"));
        assert!(roster.missing(at(99), all, none).is_empty());

        let mut roster = Roster::default();
        roster.set(people(false, "NONE"));
        assert!(roster.missing(at(5), all, none).is_empty());
        assert!(roster.missing(at(14), all, none).is_empty());
        let texts = roster.missing(at(15), all, |track| track == "TR_m");
        assert_eq!(texts.len(), 1);
        assert!(texts[0].contains("video/vp8"), "{texts:?}");
        assert!(roster.missing(at(99), |_, _| false, none).is_empty());
    }
}
