// SPDX-License-Identifier: MPL-2.0

//! A choice of participants: `only=role:host`, `without=ada,ben`.

use std::fmt;
use std::str::FromStr;

use super::{EventKind, Participant, Session};
use crate::record::layout::Role;

/// Participants, named one by one or by their role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Selection(Vec<Who>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Who {
    Role(Role),
    Participant(String),
}

/// A reason why a choice cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SelectionError {
    /// Nobody is named.
    Empty,
    /// A role is not known.
    UnknownRole(String),
    /// Nobody in the session has this identifier or role.
    Nobody {
        named: String,
        /// The identifiers of everybody in the session.
        known: Vec<String>,
    },
    /// No track is left.
    NoTracks,
}

impl fmt::Display for SelectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(
                f,
                "nobody is named; write participants or roles with commas between"
            ),
            Self::UnknownRole(role) => write!(
                f,
                "role:{role} is unknown; use role:host, role:participant or role:interpreter"
            ),
            Self::Nobody { named, known } => write!(
                f,
                "nobody in the session is {named}; name some of {}",
                known.join(", ")
            ),
            Self::NoTracks => write!(f, "no track is left; name fewer or other participants"),
        }
    }
}

impl std::error::Error for SelectionError {}

impl FromStr for Selection {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        let words = text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let who = words.map(|word| match word.strip_prefix("role:") {
            None => Ok(Who::Participant(word.to_owned())),
            Some("host") => Ok(Who::Role(Role::Host)),
            Some("participant") => Ok(Who::Role(Role::Participant)),
            Some("interpreter") => Ok(Who::Role(Role::Interpreter)),
            Some(role) => Err(SelectionError::UnknownRole(role.to_owned())),
        });
        let who: Vec<Who> = who.collect::<Result<_, _>>()?;
        if who.is_empty() {
            return Err(SelectionError::Empty);
        }
        Ok(Selection(who))
    }
}

impl Selection {
    fn names(&self, participant: &Participant) -> bool {
        self.0.iter().any(|who| who.is(participant))
    }

    /// Fails if somebody is named who did not take part.
    fn check(&self, session: &Session) -> Result<(), SelectionError> {
        let participants = &session.participants;
        let absent = self
            .0
            .iter()
            .find(|who| !participants.iter().any(|someone| who.is(someone)));
        match absent {
            None => Ok(()),
            Some(who) => Err(SelectionError::Nobody {
                named: who.to_string(),
                known: participants.iter().map(|who| who.id.clone()).collect(),
            }),
        }
    }
}

impl Who {
    fn is(&self, participant: &Participant) -> bool {
        match self {
            Who::Role(role) => participant.role == *role,
            Who::Participant(id) => participant.id == *id,
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Role(Role::Host) => write!(f, "role:host"),
            Who::Role(Role::Participant) => write!(f, "role:participant"),
            Who::Role(Role::Interpreter) => write!(f, "role:interpreter"),
            Who::Participant(id) => write!(f, "{id}"),
        }
    }
}

impl Session {
    /// Keeps those of `only`, and takes those of `without` out: their tracks, names and events.
    ///
    /// # Errors
    /// Somebody is named who did not take part, or no track is left.
    pub fn select(
        mut self,
        only: Option<&Selection>,
        without: Option<&Selection>,
    ) -> Result<Session, SelectionError> {
        for selection in [only, without].into_iter().flatten() {
            selection.check(&self)?;
        }
        self.participants.retain(|participant| {
            only.is_none_or(|only| only.names(participant))
                && !without.is_some_and(|without| without.names(participant))
        });
        let participants = &self.participants;
        let is_kept = |id: &str| participants.iter().any(|someone| someone.id == id);
        self.tracks.retain(|track| is_kept(&track.participant));
        for event in &mut self.events {
            // While somebody speaks who is taken out, nobody else does.
            if let EventKind::Speaker { participant } = &mut event.kind {
                *participant = participant.take().filter(|id| is_kept(id));
            }
        }
        self.events
            .retain(|event| event.kind.participant().is_none_or(is_kept));
        if self.tracks.is_empty() {
            return Err(SelectionError::NoTracks);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        let json = r#"{"version": 1, "room": "7",
            "participants": [{"id": "ada", "role": "host"}, {"id": "ben"}, {"id": "cy"}],
            "tracks": [{"file": "a.webm", "participant": "ada", "source": "camera"},
                {"file": "b.webm", "participant": "ben", "source": "microphone"},
                {"file": "c.webm", "participant": "cy", "source": "camera"}],
            "events": [{"time": 1, "type": "speaker", "participant": "ada"},
                {"time": 2, "type": "speaker", "participant": "ben"},
                {"time": 3, "type": "caption", "participant": "ben", "text": "I, ben"}]}"#;
        Session::read(json.as_bytes()).expect("a session")
    }

    fn select(only: Option<&str>, without: Option<&str>) -> Result<Session, SelectionError> {
        let parse = |text: &str| text.parse::<Selection>();
        let only = only.map(parse).transpose()?;
        let without = without.map(parse).transpose()?;
        session().select(only.as_ref(), without.as_ref())
    }

    fn files(session: &Session) -> Vec<&str> {
        let tracks = session.tracks.iter();
        tracks.map(|track| track.file.as_str()).collect()
    }

    #[test]
    fn only_the_host_is_left() {
        let left = select(Some("role:host"), None).expect("a session");
        assert_eq!(files(&left), ["a.webm"]);
        assert!(!left.to_json().contains("ben"), "{}", left.to_json());
        let nobody = EventKind::Speaker { participant: None };
        assert_eq!(left.events.last().map(|event| &event.kind), Some(&nobody));
    }

    #[test]
    fn somebody_is_taken_out() {
        let left = select(None, Some("ben, cy")).expect("a session");
        assert_eq!(files(&left), ["a.webm"]);
        let left = select(Some("ben,cy"), Some("cy")).expect("a session");
        assert_eq!(files(&left), ["b.webm"]);
        assert_eq!(select(None, None).expect("a session"), session());
    }

    #[test]
    fn a_wrong_choice_is_one_clear_error() {
        for (only, without, part) in [
            (Some(""), None, "nobody is named"),
            (Some("role:teacher"), None, "role:teacher is unknown"),
            (Some("dan"), None, "name some of ada, ben, cy"),
            (None, Some("role:interpreter"), "role:interpreter"),
            (None, Some("ada,ben,cy"), "no track is left"),
        ] {
            let error = select(only, without).expect_err(part).to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
