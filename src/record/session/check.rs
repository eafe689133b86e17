// SPDX-License-Identifier: MPL-2.0

//! The rules that a session keeps beyond its JSON form.

use std::collections::HashSet;
use std::fmt;

use super::{Event, EventKind, Session, VERSION};
use crate::language;
use crate::record::layout::LayoutName;

/// A reason why a `session.json` cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SessionError {
    /// The bytes are not JSON of this form.
    Json {
        /// Counted from one.
        line: usize,
        /// Counted from one.
        column: usize,
        message: String,
    },
    /// Rules are broken, in the order of the file.
    Invalid(Vec<Problem>),
}

/// A broken rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// The place in the JSON, such as `tracks[2].participant`.
    pub place: String,
    /// The rule, and the remedy.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The message of serde_json ends with the line and the column.
            SessionError::Json { message, .. } => write!(f, "{message}; correct the JSON"),
            SessionError::Invalid(problems) => {
                let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
                write!(f, "{}", lines.join("\n"))
            }
        }
    }
}

impl std::error::Error for SessionError {}

impl Session {
    /// Returns every broken rule, in the order of the file.
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        if self.version != VERSION {
            problems.add(
                "version",
                format!(
                    "{} is not supported; this program reads version {VERSION}",
                    self.version
                ),
            );
        }
        if let Some("") = self.composite.as_deref() {
            problems.add("composite", "this is not a file name".into());
        }
        let ids = self.check_participants(&mut problems);
        self.check_tracks(&ids, &mut problems);
        self.check_events(&ids, &mut problems);
        problems.0
    }

    fn check_participants(&self, problems: &mut Problems) -> HashSet<&str> {
        let mut ids = HashSet::new();
        for (index, participant) in self.participants.iter().enumerate() {
            let place = format!("participants[{index}].id");
            if participant.id.is_empty() {
                problems.add(&place, "the identifier is empty; write one".into());
            } else if !ids.insert(participant.id.as_str()) {
                let text = format!("\"{}\" is used twice; rename one", participant.id);
                problems.add(&place, text);
            }
        }
        ids
    }

    fn check_tracks(&self, ids: &HashSet<&str>, problems: &mut Problems) {
        if self.tracks.is_empty() && self.composite.is_none() {
            problems.add("tracks", "there is no track; add one".into());
        }
        let mut files = HashSet::new();
        for (index, track) in self.tracks.iter().enumerate() {
            let place = |field: &str| format!("tracks[{index}].{field}");
            if track.file.is_empty() || track.file.contains('\0') {
                problems.add(&place("file"), "this is not a file name".into());
            } else if !files.insert((track.file.as_str(), track.stream)) {
                let text = format!(
                    "\"{}\" is a track already; name another file or stream",
                    track.file
                );
                problems.add(&place("file"), text);
            }
            problems.check_participant(&place("participant"), &track.participant, ids);
            for tag in &track.languages {
                if language::known(tag).is_none() {
                    let text = format!("\"{tag}\" is not a language tag; write for example en");
                    problems.add(&place("languages"), text);
                }
            }
        }
    }

    fn check_events(&self, ids: &HashSet<&str>, problems: &mut Problems) {
        for (index, event) in self.events.iter().enumerate() {
            check_event(event, &format!("events[{index}]"), ids, problems);
        }
    }

    /// Returns the first rule that an event of this session breaks.
    pub(in crate::record) fn event_problem(&self, event: &Event) -> Option<String> {
        let ids = self.participants.iter().map(|other| other.id.as_str());
        let mut problems = Problems::default();
        check_event(event, "event", &ids.collect(), &mut problems);
        problems.0.first().map(Problem::to_string)
    }
}

fn check_event(event: &Event, place: &str, ids: &HashSet<&str>, problems: &mut Problems) {
    let place = |field: &str| format!("{place}.{field}");
    if let Some(participant) = event.kind.participant() {
        problems.check_participant(&place("participant"), participant, ids);
    }
    match &event.kind {
        EventKind::Layout { layout } => {
            if let Err(error) = layout.parse::<LayoutName>() {
                problems.add(&place("layout"), error.to_string());
            }
        }
        EventKind::Rotation { degrees, .. } if ![0, 90, 180, 270].contains(degrees) => {
            let text = format!("{degrees} is not a rotation; write 0, 90, 180 or 270");
            problems.add(&place("degrees"), text);
        }
        EventKind::Size { width, height, .. } if *width == 0 || *height == 0 => {
            problems.add(&place("width"), "a size is at least 1x1; correct it".into());
        }
        _ => {}
    }
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, place: &str, text: String) {
        self.0.push(Problem {
            place: place.to_owned(),
            text,
        });
    }

    fn check_participant(&mut self, place: &str, id: &str, ids: &HashSet<&str>) {
        if !ids.contains(id) {
            let text = format!("\"{id}\" is not in participants; add it there");
            self.add(place, text);
        }
    }
}
