// SPDX-License-Identifier: MPL-2.0

//! A strict validator of the Video Profile 1.0.3 and xAPI, for single statements and for the order
//! of a whole session.
//!
//! | Rule | Requirement |
//! |---|---|
//! | `id` `actor` `object` `timestamp` `version` `null` | xAPI 1.0.3, part 2: present and well-formed |
//! | `verb` | one of the seven verbs |
//! | `activity-type` `category` | the profile's type and category |
//! | `included` | everything that the verb's template includes |
//! | `recommended` | everything that the template recommends |
//! | `determining` | an interacted satisfies the templates that its determining properties choose |
//! | `format` | the form and range of each extension |
//! | `forbidden` | completion, time-from, time-to, length only in their places |
//! | `threshold` | given on the four verbs if it is not 1; a completed should reach it |
//! | `progress` `segments` | agree with each other and with the length |
//! | `order` | initialized first, terminated last, paused before it, played and paused in turn |
//! | `session` | one session-id, that of initialized; one actor, video, registration |
//! | `clock` | timestamps increase by a millisecond at least |
//! | `once` | completed once per registration |
//! | `said` | played-segments consist of the times in played, paused and seeked |

mod order;
mod statement;

use std::{collections::HashMap, fmt};

use serde_json::Value;

pub use order::session;
pub use statement::statement;

/// Requirement level of a rule.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Level {
    /// The profile or xAPI uses "should" or "recommended".
    Should,
    /// They use "must".
    Must,
}

/// A single problem.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    pub level: Level,
    /// Name of the rule in the table above.
    pub rule: &'static str,
    /// Index of the statement, counted from zero.
    pub index: usize,
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Should => "should",
            Level::Must => "must",
        };
        write!(
            f,
            "statement {}: {} ({level}): {}",
            self.index + 1,
            self.rule,
            self.message
        )
    }
}

/// Checks statements of any number of sessions, in the order in which they were made.
pub fn all(statements: &[Value]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut sessions: Vec<Vec<(usize, &Value)>> = Vec::new();
    let mut known = HashMap::new();
    for (index, value) in statements.iter().enumerate() {
        statement(value, index, &mut findings);
        let name = statement::session_name(value);
        let place = *known.entry(name).or_insert(sessions.len());
        match sessions.get_mut(place) {
            Some(members) => members.push((index, value)),
            None => sessions.push(vec![(index, value)]),
        }
    }
    for members in &sessions {
        session(members, &mut findings);
    }
    order::registrations(statements, &mut findings);
    findings.sort_by_key(|finding| finding.index);
    findings
}

#[cfg(test)]
mod tests;
