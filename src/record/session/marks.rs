// SPDX-License-Identifier: MPL-2.0

//! What people did while the class was recorded: they marked its start, its end and its chapters, and
//! paused the recording.

use super::{EventKind, Session};
use crate::edit::passages::{Kind, Passage};
use crate::timeline::{Span, Time};

/// Label of the mark at the start of the class. It proposes the trim, and is no chapter.
pub(super) const CLASS_START: &str = "class-start";
/// Label of the mark at the end of the class.
pub(super) const CLASS_END: &str = "class-end";

const BEFORE: &str = "before the marked start of the class";
const AFTER: &str = "after the marked end of the class";
const PAUSED: &str = "the recording was paused";

/// The part of a session that people wanted to be recorded as the class.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// The marked start.
    pub start: Option<Time>,
    /// The marked end.
    pub end: Option<Time>,
    /// The pauses, in order of time; the last one may last to the end.
    pub pauses: Vec<(Time, Option<Time>)>,
}

/// What people did while a session was recorded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Marked {
    /// The chapters that they marked: their times and titles.
    pub chapters: Vec<(Time, String)>,
    pub wanted: Wanted,
}

impl Session {
    /// Returns what people did while it was recorded.
    pub fn marked(&self) -> Marked {
        Marked {
            chapters: self.chapters(),
            wanted: self.wanted(),
        }
    }

    /// Returns the chapters that the labelled marks are, with the time of each. What comes before the
    /// first one has the name of the room. The marks of the start and the end of the class are none.
    pub fn chapters(&self) -> Vec<(Time, String)> {
        let marks = self.events.iter().filter_map(|event| match &event.kind {
            EventKind::Mark { label: Some(label) } => Some((event.time, label.trim())),
            _ => None,
        });
        let titled = marks.filter(|(_, label)| !["", CLASS_START, CLASS_END].contains(label));
        let mut chapters: Vec<(Time, String)> = titled
            .map(|(time, label)| (Time::from_nanos(time), label.to_owned()))
            .collect();
        if chapters.first().is_some_and(|(time, _)| *time > Time::ZERO) {
            chapters.insert(0, (Time::ZERO, self.room.clone()));
        }
        chapters
    }

    /// Returns the part that people wanted to be recorded: from the first mark of the start to the last
    /// mark of the end, without the pauses.
    pub fn wanted(&self) -> Wanted {
        let mut wanted = Wanted::default();
        for event in &self.events {
            let time = Time::from_nanos(event.time);
            match &event.kind {
                EventKind::Mark { label: Some(label) } if label.trim() == CLASS_START => {
                    wanted.start.get_or_insert(time);
                }
                EventKind::Mark { label: Some(label) } if label.trim() == CLASS_END => {
                    wanted.end = Some(time);
                }
                EventKind::Pause if wanted.is_running() => wanted.pauses.push((time, None)),
                EventKind::Resume => {
                    if let Some((_, end @ None)) = wanted.pauses.last_mut() {
                        *end = Some(time);
                    }
                }
                _ => {}
            }
        }
        // A mark that was set too late, and then again, leaves nothing.
        if wanted.start >= wanted.end {
            wanted.end = None;
        }
        wanted
    }
}

impl Wanted {
    fn is_running(&self) -> bool {
        self.pauses.last().is_none_or(|(_, end)| end.is_some())
    }

    /// Returns whether people have marked or paused nothing.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the passages of a draft of a recording that lasts until `end`, as people wanted them:
    /// their marks are in place of what was found at the edges, and each pause is cut.
    pub fn apply(&self, found: Vec<Passage>, end: Time) -> Vec<Passage> {
        let start = self.start.unwrap_or(Time::ZERO);
        let until = self.end.unwrap_or(end).min(end);
        if start >= until {
            return found;
        }
        let class = Span::new(start, until);
        let mut passages: Vec<Passage> = found
            .into_iter()
            .filter_map(|passage| self.within(passage, class))
            .collect();
        let paused = self.pauses.iter().filter_map(|(from, to)| {
            let pause = Span::new(*from, to.unwrap_or(end).max(*from));
            pause.intersection(class).map(|pause| (pause, PAUSED))
        });
        let edges = [
            (Span::new(Time::ZERO, class.start), BEFORE),
            (Span::new(class.end, end), AFTER),
        ];
        let cuts = edges.into_iter().chain(paused);
        let cuts = cuts.filter(|(span, _)| span.start < span.end);
        passages.extend(cuts.map(|(span, reason)| Passage {
            kind: Kind::Cut,
            start: span.start.millis(),
            end: span.end.millis(),
            reason: reason.to_owned(),
            ..Passage::default()
        }));
        passages.sort_by_key(|passage| (passage.start, passage.end));
        passages
    }

    /// Returns a passage as far as it lies in the class. A cut at an edge that was marked is not one
    /// of the class.
    fn within(&self, mut passage: Passage, class: Span) -> Option<Passage> {
        let (start, end) = (class.start.millis(), class.end.millis());
        if passage.kind == Kind::Cut {
            let is_marked = self.start.is_some() && passage.start <= start
                || self.end.is_some() && passage.end >= end;
            if is_marked {
                return None;
            }
        }
        passage.start = passage.start.max(start);
        passage.end = passage.end.min(end);
        (passage.start < passage.end).then_some(passage)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Event, VERSION};
    use super::*;

    fn session(events: &[(u64, EventKind)]) -> Session {
        let events = events.iter().map(|(seconds, kind)| Event {
            time: Time::from_secs(*seconds).nanos(),
            kind: kind.clone(),
        });
        Session {
            version: VERSION,
            room: "math".into(),
            started: None,
            state: None,
            participants: Vec::new(),
            tracks: Vec::new(),
            composite: None,
            outputs: Vec::new(),
            events: events.collect(),
        }
    }

    fn mark(label: &str) -> EventKind {
        EventKind::Mark {
            label: Some(label.into()),
        }
    }

    /// The cuts of a session of 100 s in seconds, when these were found.
    fn cuts(session: &Session, found: &[(u64, u64)]) -> Vec<(u64, u64)> {
        let found = found.iter().map(|(start, end)| Passage {
            start: start * 1000,
            end: end * 1000,
            ..Passage::default()
        });
        let end = Time::from_secs(100);
        let passages = session.wanted().apply(found.collect(), end);
        passages
            .iter()
            .map(|passage| (passage.start / 1000, passage.end / 1000))
            .collect()
    }

    #[test]
    fn marks_are_in_place_of_what_was_found() {
        let marked = session(&[(10, mark(CLASS_START)), (90, mark(CLASS_END))]);
        assert_eq!(cuts(&marked, &[(0, 25), (80, 100)]), [(0, 10), (90, 100)]);
        // A break inside is still one.
        assert_eq!(cuts(&marked, &[(40, 50)]), [(0, 10), (40, 50), (90, 100)]);
        let begun = session(&[(10, mark(CLASS_START))]);
        assert_eq!(cuts(&begun, &[(0, 5), (80, 100)]), [(0, 10), (80, 100)]);
        assert_eq!(cuts(&session(&[]), &[(0, 5)]), [(0, 5)]);
    }

    #[test]
    fn pauses_are_cut() {
        let paused = session(&[
            (20, EventKind::Pause),
            (21, EventKind::Pause),
            (30, EventKind::Resume),
            (31, EventKind::Resume),
            (70, EventKind::Pause),
        ]);
        assert_eq!(cuts(&paused, &[(0, 5)]), [(0, 5), (20, 30), (70, 100)]);
        // The end of the class lies before the last pause.
        let mut ended = paused.clone();
        ended.events.push(Event {
            time: Time::from_secs(60).nanos(),
            kind: mark(CLASS_END),
        });
        assert_eq!(cuts(&ended, &[]), [(20, 30), (60, 100)]);
    }

    #[test]
    fn marks_that_contradict_each_other_cut_little() {
        let swapped = session(&[(10, mark(CLASS_END)), (90, mark(CLASS_START))]);
        assert_eq!(cuts(&swapped, &[]), [(0, 90)]);
        let late = session(&[(200, mark(CLASS_START))]);
        assert_eq!(cuts(&late, &[(0, 5)]), [(0, 5)]);
    }
}
