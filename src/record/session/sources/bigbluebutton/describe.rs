// SPDX-License-Identifier: MPL-2.0

//! A meeting as the participants and events of a session.

use std::collections::BTreeMap;

use super::super::super::marks::{CLASS_END, CLASS_START};
use super::super::super::{Event, EventKind, Participant, Session};
use super::super::speakers;
use super::{MIX, Meeting, PRESENTATION};
use crate::record::layout::{Role, Source};

impl Meeting {
    /// Adds names, the host, who speaks, and the sections that the moderators wanted to be kept to
    /// a session of these tracks, which starts at `origin`.
    pub fn describe(&self, session: &mut Session, origin: i64) {
        if let Some(room) = &self.room {
            session.room.clone_from(room);
        }
        let host = self.host();
        for person in &self.people {
            let role = match host == Some(person.id.as_str()) {
                true => Role::Host,
                false => Role::default(),
            };
            let has_spoken = self.speech.iter().any(|(_, id, _)| *id == person.id);
            match session.participants.iter_mut().find(|p| p.id == person.id) {
                Some(known) => {
                    known.label.clone_from(&person.label);
                    known.role = role;
                }
                None if has_spoken => session.participants.push(Participant {
                    role,
                    ..person.clone()
                }),
                None => {}
            }
        }
        for participant in &mut session.participants {
            if participant.id == MIX {
                participant.label = Some("Everybody".to_owned());
            }
        }
        let since = |time: i64| u64::try_from(time.saturating_sub(origin)).unwrap_or(0);
        let is_known = |id: &str| session.participants.iter().any(|p| p.id == id);
        let speech = self.speech.iter().filter(|(_, id, _)| is_known(id));
        let speech = speech.map(|(time, id, is_on)| (since(*time), id.clone(), *is_on));
        let mut events = speakers(speech.collect());
        events.extend(self.sections(since));
        if is_known(PRESENTATION) {
            events.extend(self.covers(since));
        }
        session.events.extend(events);
        session.events.sort_by_key(|event| event.time);
    }

    /// Returns who presented for the longest time.
    fn host(&self) -> Option<&str> {
        let mut times: BTreeMap<&str, i64> = BTreeMap::new();
        for (index, (time, id)) in self.presenters.iter().enumerate() {
            let next = self.presenters.get(index + 1);
            let end = next.map_or(self.end, |(next, _)| *next);
            let sum = times.entry(id).or_default();
            *sum = sum.saturating_add(end.saturating_sub(*time));
        }
        times
            .into_iter()
            .max_by_key(|(_, time)| *time)
            .map(|(id, _)| id)
    }

    /// Returns the sections that are to be kept: the class lies between the first and the last of
    /// them, and the recording pauses between two.
    fn sections(&self, since: impl Fn(i64) -> u64) -> Vec<Event> {
        let mut sections: Vec<(u64, u64)> = Vec::new();
        let mut start = None;
        for (time, is_on) in &self.switches {
            match (is_on, start) {
                (true, None) => start = Some(*time),
                (false, Some(from)) => {
                    sections.push((since(from), since(*time)));
                    start = None;
                }
                _ => {}
            }
        }
        if let Some(from) = start {
            sections.push((since(from), since(self.end)));
        }
        let mark = |label: &str| EventKind::Mark {
            label: Some(label.to_owned()),
        };
        let mut events = Vec::new();
        let last = sections.len().saturating_sub(1);
        for (index, (from, to)) in sections.into_iter().enumerate() {
            let (opens, closes) = (index == 0, index == last);
            let kinds = [
                (
                    from,
                    if opens {
                        mark(CLASS_START)
                    } else {
                        EventKind::Resume
                    },
                ),
                (
                    to,
                    if closes {
                        mark(CLASS_END)
                    } else {
                        EventKind::Pause
                    },
                ),
            ];
            events.extend(kinds.map(|(time, kind)| Event { time, kind }));
        }
        events
    }

    /// Returns the times at which shared screens cover the presentation.
    fn covers(&self, since: impl Fn(i64) -> u64) -> Vec<Event> {
        let mut open: Vec<&str> = Vec::new();
        let mut events = Vec::new();
        for (time, file, is_on) in &self.screens {
            let was_covered = !open.is_empty();
            open.retain(|other| other != file);
            if *is_on {
                open.push(file);
            }
            let (participant, source) = (PRESENTATION.to_owned(), Source::Screen);
            let kind = match (was_covered, open.is_empty()) {
                (false, false) => EventKind::Mute {
                    participant,
                    source,
                },
                (true, true) => EventKind::Unmute {
                    participant,
                    source,
                },
                _ => continue,
            };
            events.push(Event {
                time: since(*time),
                kind,
            });
        }
        events
    }
}
