// SPDX-License-Identifier: MPL-2.0

//! A session as the events of a room layout.

use super::{EventKind, Session};
use crate::record::layout::{Change, Event, Role};
use crate::timeline::Time;

impl Session {
    /// Returns the events of the room in the order of their times, for
    /// [`Director`](crate::record::layout::Director). `ends` has the end of each track in session
    /// time, `None` if the track lasts to the end of the session.
    pub fn room_events(&self, ends: &[Option<Time>]) -> Vec<Event> {
        let mut events = self.joins();
        for (index, track) in self.tracks.iter().enumerate() {
            let participant = track.participant.clone();
            let source = track.source;
            events.push(Event {
                time: Time::from_nanos(track.start),
                change: Change::Publish {
                    participant: participant.clone(),
                    source,
                },
            });
            if let Some(time) = ends.get(index).copied().flatten() {
                let change = Change::Unpublish {
                    participant,
                    source,
                };
                events.push(Event { time, change });
            }
        }
        let mut speaker: Option<&str> = None;
        for event in &self.events {
            let time = Time::from_nanos(event.time);
            if let EventKind::Speaker { participant } = &event.kind {
                let next = participant.as_deref();
                let changes = [(speaker, false), (next, true)];
                for (participant, speaking) in changes {
                    if let Some(participant) = participant.filter(|_| speaker != next) {
                        let participant = participant.to_owned();
                        let change = Change::Speaking {
                            participant,
                            speaking,
                        };
                        events.push(Event { time, change });
                    }
                }
                speaker = next;
            } else if let Some(change) = self.change(&event.kind) {
                events.push(Event { time, change });
            }
        }
        // Stable: a participant joins before their track starts at the same time.
        events.sort_by_key(|event| event.time);
        events
    }

    /// Returns a join for each participant whom no event lets join: at their first track.
    fn joins(&self) -> Vec<Event> {
        let has_join = |id: &str| {
            self.events.iter().any(
                |event| matches!(&event.kind, EventKind::Join { participant } if participant == id),
            )
        };
        let first_track = |id: &str| {
            let tracks = self.tracks.iter();
            tracks
                .filter(|track| track.participant == id)
                .map(|track| track.start)
                .min()
        };
        self.participants
            .iter()
            .filter(|participant| !has_join(&participant.id))
            .filter_map(|participant| {
                Some(Event {
                    time: Time::from_nanos(first_track(&participant.id)?),
                    change: Change::Join {
                        participant: participant.id.clone(),
                        role: participant.role,
                    },
                })
            })
            .collect()
    }

    fn change(&self, kind: &EventKind) -> Option<Change> {
        let change = match kind.clone() {
            EventKind::Join { participant } => {
                let role = self
                    .participant(&participant)
                    .map_or(Role::default(), |participant| participant.role);
                Change::Join { participant, role }
            }
            EventKind::Leave { participant } => Change::Leave { participant },
            EventKind::Mute {
                participant,
                source,
            } => Change::Mute {
                participant,
                source,
                muted: true,
            },
            EventKind::Unmute {
                participant,
                source,
            } => Change::Mute {
                participant,
                source,
                muted: false,
            },
            EventKind::Layout { layout } => Change::Layout(layout.parse().ok()?),
            EventKind::Rotation {
                participant,
                source,
                degrees,
            } => Change::Rotation {
                participant,
                source,
                degrees,
            },
            EventKind::Size {
                participant,
                source,
                width,
                height,
            } => Change::Size {
                participant,
                source,
                width,
                height,
            },
            EventKind::Speaker { .. }
            | EventKind::Mark { .. }
            | EventKind::Pause
            | EventKind::Resume
            | EventKind::Caption { .. }
            | EventKind::Gap { .. }
            | EventKind::Unknown => return None,
        };
        Some(change)
    }
}
