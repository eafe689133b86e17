// SPDX-License-Identifier: MPL-2.0

//! Rules for a single statement.

use serde_json::Value;

use super::{Finding, Level};
use crate::xapi::{Uuid, Verb, actor, iri, segments, units};

/// Context of a rule: the list of findings and the statement.
struct Checker<'a> {
    statement: &'a Value,
    index: usize,
    findings: &'a mut Vec<Finding>,
}

pub(super) fn result<'a>(statement: &'a Value, name: &str) -> Option<&'a Value> {
    statement.get("result")?.get("extensions")?.get(name)
}

pub(super) fn context<'a>(statement: &'a Value, name: &str) -> Option<&'a Value> {
    statement.get("context")?.get("extensions")?.get(name)
}

pub(super) fn verb(statement: &Value) -> Option<Verb> {
    Verb::from_iri(statement.get("verb")?.get("id")?.as_str()?)
}

/// Returns the name that statements of one session share: the session-id, else the registration.
pub(super) fn session_name(statement: &Value) -> String {
    context(statement, iri::SESSION_ID)
        .or_else(|| statement.get("context")?.get("registration"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_lowercase()
}

/// Checks one statement; `index` is its number.
pub fn statement(statement: &Value, index: usize, findings: &mut Vec<Finding>) {
    let mut checker = Checker {
        statement,
        index,
        findings,
    };
    checker.frame();
    let Some(verb) = verb(statement) else {
        let found = statement.get("verb").and_then(|verb| verb.get("id"));
        checker.must(
            "verb",
            format!("{} is not a verb of the profile", shown(found)),
        );
        return;
    };
    checker.template(verb);
    checker.formats();
    checker.forbidden(verb);
    checker.threshold(verb);
    checker.played();
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

impl Checker<'_> {
    fn must(&mut self, rule: &'static str, message: impl Into<String>) {
        self.report(Level::Must, rule, message.into());
    }

    fn should(&mut self, rule: &'static str, message: impl Into<String>) {
        self.report(Level::Should, rule, message.into());
    }

    fn report(&mut self, level: Level, rule: &'static str, message: String) {
        self.findings.push(Finding {
            level,
            rule,
            index: self.index,
            message,
        });
    }

    /// Checks the requirements of xAPI for every statement, and those of the profile for its own
    /// statements.
    fn frame(&mut self) {
        let statement = self.statement;
        let text = |name: &str| statement.get(name).and_then(Value::as_str);
        if text("id").and_then(Uuid::parse).is_none() {
            self.must(
                "id",
                format!("{} is not a UUID", shown(statement.get("id"))),
            );
        }
        match statement.get("actor") {
            Some(agent) => {
                if let Err(error) = actor::check(agent) {
                    self.must("actor", error.to_string());
                }
            }
            None => self.must("actor", "it is missing"),
        }
        match text("timestamp") {
            Some(time) if units::timestamp_from_text(time).is_none() => {
                self.must(
                    "timestamp",
                    format!("`{time}` is not an RFC 3339 time with an offset"),
                );
            }
            Some(time) if !time.ends_with(['Z', 'z']) && !time.ends_with("+00:00") => {
                self.should("timestamp", format!("`{time}` is not UTC"));
            }
            Some(_) => {}
            None => self.must("timestamp", "it is missing"),
        }
        if let Some(version) = statement.get("version") {
            let version = version.as_str().unwrap_or_default();
            if !version.starts_with("1.0.") && !version.starts_with("2.0.") {
                self.must("version", format!("`{version}` is neither 1.0.x nor 2.0.x"));
            }
        }
        if has_null(statement) {
            self.must("null", "a property is null");
        }
        self.object(statement.get("object").unwrap_or(&Value::Null));
        let context = statement.get("context").unwrap_or(&Value::Null);
        let categories = context
            .get("contextActivities")
            .and_then(|c| c.get("category"));
        let named =
            |activity: &Value| activity.get("id").and_then(Value::as_str) == Some(iri::PROFILE);
        let found = match categories {
            // xAPI 1.0 allowed a single activity instead of an array.
            Some(Value::Array(list)) => list.iter().any(named),
            Some(single) => named(single),
            None => false,
        };
        if !found {
            self.must("category", format!("{} is not among them", iri::PROFILE));
        }
        if let Some(registration) = context.get("registration")
            && registration.as_str().and_then(Uuid::parse).is_none()
        {
            self.must(
                "format",
                format!("registration {registration} is not a UUID"),
            );
        }
    }

    fn object(&mut self, object: &Value) {
        if !matches!(
            object.get("objectType").map(Value::as_str),
            None | Some(Some("Activity"))
        ) {
            self.must(
                "object",
                format!("objectType {} is not Activity", object["objectType"]),
            );
        }
        let id = object.get("id").and_then(Value::as_str);
        if !id.is_some_and(iri::is_iri) {
            self.must(
                "object",
                format!("{} is not an IRI", shown(object.get("id"))),
            );
        }
        let kind = object.get("definition").and_then(|d| d.get("type"));
        if kind.and_then(Value::as_str) != Some(iri::VIDEO) {
            self.must(
                "activity-type",
                format!("{} is not {}", shown(kind), iri::VIDEO),
            );
        }
    }

    /// Checks the templates of the profile, completed by the table in its text.
    fn template(&mut self, verb: Verb) {
        let (in_result, in_context): (&[&str], &[&str]) = match verb {
            Verb::Initialized => (&[], &[iri::LENGTH]),
            Verb::Played | Verb::Interacted => (&[iri::TIME], &[]),
            Verb::Seeked => (&[iri::TIME_FROM, iri::TIME_TO], &[]),
            Verb::Paused | Verb::Completed | Verb::Terminated => (
                &[iri::TIME, iri::PROGRESS, iri::PLAYED_SEGMENTS],
                &[iri::LENGTH],
            ),
        };
        for name in in_result {
            if result(self.statement, name).is_none() {
                self.must(
                    "included",
                    format!("{} has no {} in its result", verb.name(), short(name)),
                );
            }
        }
        for name in in_context {
            if context(self.statement, name).is_none() {
                self.must(
                    "included",
                    format!("{} has no {} in its context", verb.name(), short(name)),
                );
            }
        }
        if context(self.statement, iri::SESSION_ID).is_none() {
            self.should("recommended", "session-id is missing");
        }
        if matches!(verb, Verb::Played | Verb::Seeked)
            && context(self.statement, iri::LENGTH).is_none()
        {
            self.should(
                "recommended",
                format!("{} has no length in its context", verb.name()),
            );
        }
        if verb == Verb::Seeked {
            for name in [iri::PROGRESS, iri::PLAYED_SEGMENTS] {
                if result(self.statement, name).is_none() {
                    self.should("recommended", format!("seeked has no {}", short(name)));
                }
            }
        }
        if verb == Verb::Completed {
            let result = self.statement.get("result").unwrap_or(&Value::Null);
            if result.get("completion") != Some(&Value::Bool(true)) {
                self.must("included", "completed has no completion=true");
            }
            if result.get("duration").is_none() {
                self.must("included", "completed has no duration");
            }
        }
        if verb == Verb::Interacted {
            self.determining();
        }
    }

    /// Volume, screen and captions have one template each, all with the same determining
    /// properties. One must be satisfied. A statement that satisfies all of them is valid under
    /// every interpretation (xAPI Profiles, part 1, 7.0).
    fn determining(&mut self) {
        const TEMPLATES: [&[&str]; 3] = [
            &[iri::VOLUME],
            &[iri::FULL_SCREEN, iri::SCREEN_SIZE, iri::PLAYBACK_SIZE],
            &[iri::CC_ENABLED, iri::CC_SUBTITLE_LANG],
        ];
        let missing: Vec<&str> = TEMPLATES
            .into_iter()
            .flatten()
            .copied()
            .filter(|name| context(self.statement, name).is_none())
            .collect();
        let satisfied = TEMPLATES
            .iter()
            .filter(|names| names.iter().all(|name| !missing.contains(name)))
            .count();
        let names: Vec<&str> = missing.into_iter().map(short).collect();
        if satisfied == 0 {
            self.must(
                "determining",
                format!(
                    "no template of interacted fits: {} missing",
                    names.join(", ")
                ),
            );
        } else if satisfied < TEMPLATES.len() {
            self.should(
                "determining",
                format!(
                    "not every template of interacted fits: {} missing",
                    names.join(", ")
                ),
            );
        }
    }

    fn formats(&mut self) {
        let statement = self.statement;
        for (place, part) in [
            ("result", statement.get("result")),
            ("context", statement.get("context")),
        ] {
            let extensions = part
                .and_then(|part| part.get("extensions"))
                .and_then(Value::as_object);
            for (name, value) in extensions.into_iter().flatten() {
                if !iri::is_iri(name) {
                    self.must("format", format!("`{name}` in the {place} is not an IRI"));
                } else if let Some(expected) = misformed(name, value) {
                    self.must(
                        "format",
                        format!("{} is {value}, not {expected}", short(name)),
                    );
                } else if name.starts_with(iri::EXTENSIONS) && !known(name) {
                    self.should("format", format!("the profile has no {}", short(name)));
                }
            }
        }
        if let Some(duration) = statement
            .get("result")
            .and_then(|result| result.get("duration"))
            && duration
                .as_str()
                .and_then(units::duration_from_text)
                .is_none()
        {
            self.must("format", format!("duration is {duration}, not ISO 8601"));
        }
    }

    fn forbidden(&mut self, verb: Verb) {
        let statement = self.statement;
        let completion = statement
            .get("result")
            .and_then(|result| result.get("completion"));
        if verb != Verb::Completed && completion.is_some() {
            self.must("forbidden", format!("completion on {}", verb.name()));
        }
        if verb != Verb::Seeked {
            for name in [iri::TIME_FROM, iri::TIME_TO] {
                if result(statement, name).is_some() {
                    self.must("forbidden", format!("{} on {}", short(name), verb.name()));
                }
            }
        }
        if result(statement, iri::LENGTH).is_some() {
            self.must(
                "forbidden",
                "length is in the result instead of the context",
            );
        }
    }

    fn threshold(&mut self, verb: Verb) {
        let threshold = context(self.statement, iri::COMPLETION_THRESHOLD);
        let threshold = match threshold {
            Some(value) => match units::thousandths(value) {
                Some(threshold) => threshold,
                None => return,
            },
            None => 1000,
        };
        let progress = result(self.statement, iri::PROGRESS).and_then(units::thousandths);
        if verb == Verb::Completed && progress.is_some_and(|progress| progress < threshold) {
            // Completed too early, or by a rule that the profile does not cover, such as a passed
            // check.
            self.should("threshold", "completed below the threshold that it gives");
        }
    }

    /// Checks that length, positions, segments and progress agree.
    fn played(&mut self) {
        let statement = self.statement;
        let Some(length) = context(statement, iri::LENGTH).and_then(units::thousandths) else {
            return;
        };
        if length == 0 {
            self.must("format", "length is zero");
        }
        for name in [iri::TIME, iri::TIME_FROM, iri::TIME_TO] {
            let time = result(statement, name).and_then(units::thousandths);
            if time.is_some_and(|time| time > length) {
                self.must("format", format!("{} is past the length", short(name)));
            }
        }
        let Some(Ok(played)) = result(statement, iri::PLAYED_SEGMENTS)
            .and_then(Value::as_str)
            .map(segments::from_text)
        else {
            return;
        };
        if played.iter().any(|&(_, to)| to > length) {
            self.must("segments", "a segment ends past the length");
        }
        if let Some(said) = result(statement, iri::PROGRESS).and_then(units::thousandths) {
            let covered = segments::covered(played, length);
            let counted = u64::from(segments::progress(covered, length));
            if said > counted {
                self.must(
                    "progress",
                    format!("progress is {said} ‰, but the segments are {counted} ‰"),
                );
            } else if said < counted {
                self.should(
                    "progress",
                    format!("progress is {said} ‰, but the segments are {counted} ‰"),
                );
            }
        }
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        // Null is allowed inside extensions only (xAPI 1.0.3, part 2, 2.2).
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name != "extensions" && has_null(value)),
        _ => false,
    }
}

fn known(name: &str) -> bool {
    [
        iri::TIME,
        iri::TIME_FROM,
        iri::TIME_TO,
        iri::PROGRESS,
        iri::PLAYED_SEGMENTS,
        iri::LENGTH,
        iri::SESSION_ID,
        iri::COMPLETION_THRESHOLD,
        iri::SPEED,
        iri::VOLUME,
        iri::FULL_SCREEN,
        iri::SCREEN_SIZE,
        iri::PLAYBACK_SIZE,
        iri::CC_ENABLED,
        iri::CC_SUBTITLE_ENABLED,
        iri::CC_SUBTITLE_LANG,
        iri::FRAME_RATE,
        iri::QUALITY,
        iri::TRACK,
        iri::USER_AGENT,
    ]
    .contains(&name)
}

/// Returns the expected form if an extension is malformed.
fn misformed(name: &str, value: &Value) -> Option<&'static str> {
    let thousandths = units::thousandths(value);
    let text = value.as_str();
    let (fine, expected) = match name {
        iri::TIME | iri::TIME_FROM | iri::TIME_TO | iri::LENGTH => {
            (thousandths.is_some(), "seconds with three decimals at most")
        }
        iri::PROGRESS | iri::COMPLETION_THRESHOLD => (
            thousandths.is_some_and(|n| n <= 1000),
            "a number from 0 to 1 with three decimals at most",
        ),
        iri::VOLUME => (
            value.as_f64().is_some_and(|n| (0.0..=1.0).contains(&n)),
            "a number from 0 to 1",
        ),
        iri::FULL_SCREEN | iri::CC_ENABLED | iri::CC_SUBTITLE_ENABLED => {
            (value.is_boolean(), "true or false")
        }
        iri::PLAYED_SEGMENTS => (
            text.is_some_and(|text| segments::from_text(text).is_ok()),
            "segments such as 0[.]12.5[,]20[.]55",
        ),
        iri::SESSION_ID => (
            text.and_then(Uuid::parse).is_some_and(Uuid::is_v4),
            "a UUID of version 4",
        ),
        iri::SPEED => (text.is_some_and(is_speed), "a rate such as 1.5x"),
        iri::SCREEN_SIZE | iri::PLAYBACK_SIZE => {
            (text.is_some_and(is_size), "a size such as 640x360")
        }
        iri::CC_SUBTITLE_LANG => (text.is_some_and(is_language), "a language tag"),
        iri::FRAME_RATE => (value.as_f64().is_some_and(|n| n >= 0.0), "a number"),
        iri::QUALITY => (value.is_u64(), "a whole number"),
        iri::TRACK | iri::USER_AGENT => (text.is_some(), "a text"),
        iri::SUBREGISTRATION => (
            is_subregistration(value),
            "a list of profile and subregistration",
        ),
        _ => return None,
    };
    (!fine).then_some(expected)
}

fn is_speed(text: &str) -> bool {
    text.strip_suffix('x').is_some_and(|rate| {
        rate.bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'))
            && rate.parse::<f64>().is_ok()
    })
}

fn is_size(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once('x')
        .is_some_and(|(width, height)| number(width) && number(height))
}

/// Returns whether a text has the form of an RFC 5646 tag: subtags of one to eight letters and
/// digits, the first one of letters.
fn is_language(text: &str) -> bool {
    text.split('-').enumerate().all(|(index, part)| {
        (1..=8).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric())
            && (index > 0 || part.bytes().all(|b| b.is_ascii_alphabetic()))
    })
}

/// xAPI Profiles, part 2, 8.2.
fn is_subregistration(value: &Value) -> bool {
    value.as_array().is_some_and(|list| {
        !list.is_empty()
            && list.iter().all(|item| {
                let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
                iri::is_iri(text("profile"))
                    && Uuid::parse(text("subregistration")).is_some_and(Uuid::is_v4)
            })
    })
}
