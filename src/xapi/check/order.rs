// SPDX-License-Identifier: MPL-2.0

//! Rules for a whole session, or for all sessions of a registration.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    Finding, Level,
    statement::{context, result, verb},
};
use crate::xapi::{Uuid, Verb, iri, segments, units};

/// Follows a session statement by statement.
#[derive(Default)]
struct Follower<'a> {
    findings: Vec<Finding>,
    index: usize,
    first: Option<&'a Value>,
    initialized: bool,
    timestamp: Option<u64>,
    threshold: Option<&'a Value>,
    terminated: bool,
    /// Start of the segment that is being played.
    open: Option<u64>,
    /// Whether the position was just moved while playing: a played statement may then report that
    /// playback continues.
    moved: bool,
    /// Segments of earlier sessions, once they can be derived.
    earlier: Option<Vec<segments::Segment>>,
    /// Segments of this session according to played, paused and seeked.
    said: Vec<segments::Segment>,
}

/// Checks the statements of one session, each with its number, in their order.
pub fn session(statements: &[(usize, &Value)], findings: &mut Vec<Finding>) {
    let mut follower = Follower::default();
    for &(index, statement) in statements {
        follower.index = index;
        follower.common(statement);
        if let Some(verb) = verb(statement) {
            follower.order(statement, verb);
            follower.segments(statement, verb);
        }
        if follower.first.is_none() {
            follower.first = Some(statement);
        }
    }
    findings.append(&mut follower.findings);
}

/// Checks the rules for a registration over all of its sessions.
pub(super) fn registrations(statements: &[Value], findings: &mut Vec<Finding>) {
    let mut completed: HashSet<[&Value; 3]> = HashSet::new();
    for (index, statement) in statements.iter().enumerate() {
        if verb(statement) != Some(Verb::Completed) {
            continue;
        }
        let Some(registration) = statement.get("context").and_then(|c| c.get("registration"))
        else {
            continue;
        };
        let whose = [
            registration,
            &statement["actor"],
            &statement["object"]["id"],
        ];
        if !completed.insert(whose) {
            findings.push(Finding {
                level: Level::Must,
                rule: "once",
                index,
                message: format!("registration {registration} was completed before"),
            });
        }
    }
}

fn time(statement: &Value, name: &str) -> Option<u64> {
    result(statement, name).and_then(units::thousandths)
}

fn id(statement: &Value, name: Option<&Value>) -> Option<Uuid> {
    name.or_else(|| statement.get("id"))
        .and_then(Value::as_str)
        .and_then(Uuid::parse)
}

impl<'a> Follower<'a> {
    fn must(&mut self, rule: &'static str, message: impl Into<String>) {
        self.findings.push(Finding {
            level: Level::Must,
            rule,
            index: self.index,
            message: message.into(),
        });
    }

    /// Checks what all statements of a session have in common, and the clock.
    fn common(&mut self, statement: &'a Value) {
        if let Some(first) = self.first {
            let registration = |s: &'a Value| s.get("context").and_then(|c| c.get("registration"));
            for (what, same) in [
                ("actor", first["actor"] == statement["actor"]),
                ("object", first["object"]["id"] == statement["object"]["id"]),
                (
                    "registration",
                    registration(first) == registration(statement),
                ),
            ] {
                if !same {
                    self.must("session", format!("the {what} differs from the one before"));
                }
            }
        }
        let timestamp = statement
            .get("timestamp")
            .and_then(Value::as_str)
            .and_then(units::timestamp_from_text);
        if let (Some(before), Some(now)) = (self.timestamp, timestamp)
            && now <= before
        {
            self.must(
                "clock",
                format!(
                    "{} follows {}",
                    units::timestamp(now),
                    units::timestamp(before)
                ),
            );
        }
        self.timestamp = timestamp.or(self.timestamp);
    }

    fn order(&mut self, statement: &'a Value, verb: Verb) {
        if self.terminated {
            self.must("order", format!("{} after terminated", verb.name()));
        }
        match (verb, self.first) {
            (Verb::Initialized, None) => {
                let session = context(statement, iri::SESSION_ID);
                if session.is_some() && id(statement, session) != id(statement, None) {
                    self.must("session", "session-id is not the id of initialized");
                }
                self.initialized = true;
                self.threshold = context(statement, iri::COMPLETION_THRESHOLD);
            }
            (Verb::Initialized, Some(_)) => self.must("order", "a second initialized"),
            (_, None) => self.must("order", format!("{} before initialized", verb.name())),
            _ => {}
        }
        if matches!(verb, Verb::Paused | Verb::Completed | Verb::Terminated) {
            let threshold = context(statement, iri::COMPLETION_THRESHOLD);
            let same = threshold.and_then(units::thousandths).unwrap_or(1000)
                == self.threshold.and_then(units::thousandths).unwrap_or(1000);
            if !same && self.initialized {
                self.must(
                    "threshold",
                    format!(
                        "the threshold of {} differs from that of initialized",
                        verb.name()
                    ),
                );
            }
        }
        match verb {
            Verb::Played if self.open.is_some() && !self.moved => {
                self.must("order", "played while playing")
            }
            Verb::Paused if self.open.is_none() => self.must("order", "paused while not playing"),
            Verb::Terminated if self.open.is_some() => {
                self.must("order", "terminated while playing: paused is missing");
            }
            _ => {}
        }
        self.terminated |= verb == Verb::Terminated;
    }

    /// Derives the segments from the verbs and compares them with played-segments.
    fn segments(&mut self, statement: &'a Value, verb: Verb) {
        let at = time(statement, iri::TIME);
        match verb {
            Verb::Played => {
                if let (true, Some(expected), Some(at)) = (self.moved, self.open, at)
                    && at != expected
                {
                    self.must("said", "played does not start where seeked ended");
                }
                self.open = at.or(Some(0));
            }
            Verb::Paused => self.close(at),
            Verb::Seeked => {
                let playing = self.open.is_some();
                self.close(time(statement, iri::TIME_FROM));
                self.open = time(statement, iri::TIME_TO).filter(|_| playing);
            }
            _ => {}
        }
        self.moved = verb == Verb::Seeked && self.open.is_some();
        let Some(Ok(reported)) = result(statement, iri::PLAYED_SEGMENTS)
            .and_then(Value::as_str)
            .map(segments::from_text)
        else {
            return;
        };
        let mut own = self.said.clone();
        // While playing, a segment that ends here may already be in the list.
        if let (false, Some(from), Some(to)) = (verb == Verb::Seeked, self.open, at)
            && from < to
        {
            own.push((from, to));
        }
        let Some(count) = reported.len().checked_sub(own.len()) else {
            self.must("said", "a segment is missing");
            return;
        };
        let (earlier, reported) = reported.split_at(count);
        if reported != own {
            self.must(
                "said",
                format!(
                    "the segments are {}, but the verbs give {}",
                    segments::to_text(reported.iter().copied()),
                    segments::to_text(own)
                ),
            );
        }
        match &self.earlier {
            Some(known) if known != earlier => {
                self.must("said", "the segments of earlier sessions have changed");
            }
            _ => self.earlier = Some(earlier.to_vec()),
        }
    }

    fn close(&mut self, at: Option<u64>) {
        if let (Some(from), Some(to)) = (self.open.take(), at) {
            match from.cmp(&to) {
                std::cmp::Ordering::Less => self.said.push((from, to)),
                std::cmp::Ordering::Equal => {}
                std::cmp::Ordering::Greater => {
                    self.must("said", "what was played ends before it began");
                }
            }
        }
    }
}
