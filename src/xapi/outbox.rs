// SPDX-License-Identifier: MPL-2.0

//! Decides what to send next, and interprets answers: batches, retries, rejected statements.
//! Statements are numbers here; the delivery has their bytes and uses HTTP.

use std::collections::VecDeque;

use serde_json::Value;

use super::{journal::Fate, units};

/// Statements per request. They are small; an LRS that accepts fewer answers 413.
const BATCH: usize = 50;
/// Number of statements rejected one by one, with none accepted before or between, that indicates a
/// configuration error.
const SUSPECTS: usize = 8;
/// Milliseconds before the first retry; doubled each time, up to the longest.
const FIRST_WAIT: u64 = 1000;
const LONGEST_WAIT: u64 = 300_000;
/// Longest wait that a server may request, in milliseconds.
const LONGEST_RETRY_AFTER: u64 = 3_600_000;

/// Answer of an LRS, or of the network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// All are stored, now or already before.
    Accepted,
    /// At least one of them is rejected (400, 422); contains the server's message.
    Refused(String),
    /// Too many bytes at once (413).
    TooLarge(String),
    /// One of them is stored with other contents, or seems to be (409).
    Conflict(String),
    /// Try later (429, 5xx, no answer); `after` is the wait in milliseconds that the server
    /// requests.
    Later { after: Option<u64>, words: String },
    /// The endpoint or the credentials are wrong (401, 403, 404, a redirect, a page that is not
    /// JSON).
    Misconfigured(String),
}

/// Answer to "is the stored statement ours?".
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Comparison {
    Same,
    Different,
    /// The question could not be asked.
    Later(String),
}

/// The next action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// POST these.
    Post(Vec<u64>),
    /// GET this one by its id and compare.
    Compare(u64),
    /// Do nothing before this time (milliseconds).
    Wait(u64),
    /// There is nothing to send.
    Idle,
}

/// State of the delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    Working,
    /// Requests are retried; contains the last message.
    Retrying(String),
    /// A person must correct the configuration; nothing is dropped.
    Held(String),
}

/// The statements that are not delivered yet.
#[derive(Debug)]
pub struct Outbox {
    /// Statements not tried yet, or to be tried again.
    queue: VecDeque<u64>,
    /// Parts of a rejected batch, to be tried one after the other.
    parts: Vec<Vec<u64>>,
    /// Statements rejected individually, as long as no others have been accepted.
    suspects: Vec<(u64, String)>,
    /// Statements of the last request.
    posted: Vec<u64>,
    comparing: Option<(u64, String)>,
    accepted_before: bool,
    batch: usize,
    failures: u32,
    not_before: u64,
    state: State,
}

impl Default for Outbox {
    fn default() -> Self {
        Outbox {
            queue: VecDeque::new(),
            parts: Vec::new(),
            suspects: Vec::new(),
            posted: Vec::new(),
            comparing: None,
            accepted_before: false,
            batch: BATCH,
            failures: 0,
            not_before: 0,
            state: State::Working,
        }
    }
}

impl Outbox {
    pub fn push(&mut self, number: u64) {
        self.queue.push_back(number);
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns the action for this time (milliseconds of any clock). Each action is answered by
    /// [`Outbox::posted`] or [`Outbox::compared`] before the next call.
    pub fn next(&mut self, now: u64) -> Action {
        if self.queue.is_empty()
            && self.parts.is_empty()
            && self.suspects.is_empty()
            && self.comparing.is_none()
        {
            return Action::Idle;
        }
        if now < self.not_before {
            return Action::Wait(self.not_before);
        }
        if let Some((number, _)) = &self.comparing {
            return Action::Compare(*number);
        }
        self.posted = match self.parts.pop() {
            Some(part) => part,
            None => {
                // Statements rejected individually are tried again after all others.
                if self.queue.is_empty() {
                    self.queue
                        .extend(self.suspects.drain(..).map(|(number, _)| number));
                }
                let count = self.batch.min(self.queue.len());
                self.queue.drain(..count).collect()
            }
        };
        Action::Post(self.posted.clone())
    }

    /// Handles the answer to a POST. `random` is any number; it spreads the retries of many
    /// players.
    pub fn posted(&mut self, answer: Answer, now: u64, random: u64) -> Vec<(u64, Fate)> {
        let posted = std::mem::take(&mut self.posted);
        let mut fates = Vec::new();
        match answer {
            Answer::Accepted => {
                self.accepted_before = true;
                self.failures = 0;
                self.state = State::Working;
                fates.extend(posted.into_iter().map(|number| (number, Fate::Delivered)));
                // The configuration is correct, so the statement itself was the reason for the
                // rejection.
                fates.extend(
                    self.suspects
                        .drain(..)
                        .map(|(number, words)| (number, Fate::Dead(words))),
                );
            }
            Answer::Refused(words) => match posted[..] {
                [number] if self.accepted_before => fates.push((number, Fate::Dead(words))),
                [number] => {
                    self.suspects.push((number, words.clone()));
                    let all_tried = self.queue.is_empty() && self.parts.is_empty();
                    if all_tried || self.suspects.len() >= SUSPECTS {
                        self.queue.extend(self.parts.drain(..).rev().flatten());
                        self.queue
                            .extend(self.suspects.drain(..).map(|(number, _)| number));
                        self.state = State::Held(words);
                        self.wait(None, now, random);
                    }
                }
                _ => self.halve(posted),
            },
            Answer::TooLarge(words) => match posted[..] {
                [number] => fates.push((number, Fate::Dead(words))),
                _ => {
                    self.batch = (posted.len() / 2).max(1);
                    self.halve(posted);
                }
            },
            Answer::Conflict(words) => match posted[..] {
                [number] => self.comparing = Some((number, words)),
                _ => self.halve(posted),
            },
            Answer::Later { after, words } => {
                self.parts.push(posted);
                self.state = State::Retrying(words);
                self.wait(after, now, random);
            }
            Answer::Misconfigured(words) => {
                self.parts.push(posted);
                self.state = State::Held(words);
                self.wait(None, now, random);
            }
        }
        fates
    }

    /// Handles the answer to a comparison.
    pub fn compared(&mut self, answer: Comparison, now: u64, random: u64) -> Vec<(u64, Fate)> {
        let Some((number, words)) = self.comparing.take() else {
            return Vec::new();
        };
        match answer {
            Comparison::Same => vec![(number, Fate::Delivered)],
            Comparison::Different => vec![(number, Fate::Dead(words))],
            Comparison::Later(trouble) => {
                self.comparing = Some((number, words));
                self.state = State::Retrying(trouble);
                self.wait(None, now, random);
                Vec::new()
            }
        }
    }

    /// Tries both halves separately, the first one first.
    fn halve(&mut self, mut posted: Vec<u64>) {
        let second = posted.split_off(posted.len() / 2);
        self.parts.push(second);
        self.parts.push(posted);
    }

    /// Waits twice as long as before, randomised between half of that and all of it.
    fn wait(&mut self, after: Option<u64>, now: u64, random: u64) {
        let longest = (FIRST_WAIT << self.failures.min(16)).min(LONGEST_WAIT);
        self.failures += 1;
        let jittered = longest / 2 + random % (longest / 2 + 1);
        let asked = after.unwrap_or(0).min(LONGEST_RETRY_AFTER);
        self.not_before = now.saturating_add(jittered.max(asked));
    }
}

/// Interprets an answer to a POST of statements. `body` is its beginning, for the server's message.
pub fn answer(status: u16, retry_after: Option<u64>, body: &str) -> Answer {
    let words = || said(status, body);
    match status {
        // An array of ids. Their count is meaningless (known duplicates), but a login page or a
        // proxy's greeting must not pass for an LRS.
        200 => match serde_json::from_str::<Value>(body) {
            Ok(Value::Array(_)) => Answer::Accepted,
            _ => Answer::Misconfigured(format!("the endpoint is not an LRS: {}", words())),
        },
        204 => Answer::Accepted,
        400 | 422 => Answer::Refused(words()),
        409 => Answer::Conflict(words()),
        413 => Answer::TooLarge(words()),
        408 | 425 | 429 | 500.. => Answer::Later {
            after: retry_after,
            words: words(),
        },
        _ => Answer::Misconfigured(words()),
    }
}

/// Parses a Retry-After header (RFC 9110, 10.2.3): seconds, or a date. Returns the milliseconds to
/// wait from `now` (milliseconds since 1970).
pub fn retry_after(header: &str, now: u64) -> Option<u64> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return seconds.checked_mul(1000);
    }
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, date) = header.split_once(", ")?;
    let parts: Vec<&str> = date.split(' ').collect();
    let [day, month, year, time, "GMT"] = parts[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let at = units::timestamp_from_text(&format!("{year}-{month:02}-{day}T{time}Z"))?;
    Some(at.saturating_sub(now))
}

/// Returns the server's message, on one line and shortened.
pub fn said(status: u16, body: &str) -> String {
    let words: Vec<&str> = body.split_whitespace().collect();
    let words: String = words.join(" ").chars().take(500).collect();
    if words.is_empty() {
        format!("HTTP {status}")
    } else {
        format!("HTTP {status}: {words}")
    }
}

/// Chooses the xAPI version from the answer of an LRS's `about` resource. An LRS without that
/// resource is assumed to use 1.0.3.
pub fn version(about: Option<&str>) -> &'static str {
    let about = about.and_then(|body| serde_json::from_str::<Value>(body).ok());
    let versions = about
        .as_ref()
        .and_then(|about| about.get("version")?.as_array());
    let speaks = |prefix: &str| {
        versions
            .into_iter()
            .flatten()
            .any(|v| v.as_str().is_some_and(|v| v.starts_with(prefix)))
    };
    if speaks("2.0") && !speaks("1.0") {
        "2.0.0"
    } else {
        "1.0.3"
    }
}

/// Returns whether a stored statement is equivalent to ours. The LRS adds properties (stored,
/// authority) and may write numbers and times differently.
pub fn same(ours: &Value, stored: &Value) -> bool {
    match (ours, stored) {
        (Value::Object(ours), Value::Object(stored)) => ours
            .iter()
            .all(|(name, value)| stored.get(name).is_some_and(|other| same(value, other))),
        (Value::Array(ours), Value::Array(stored)) => {
            ours.len() == stored.len() && ours.iter().zip(stored).all(|(a, b)| same(a, b))
        }
        (Value::Number(ours), Value::Number(stored)) => ours.as_f64() == stored.as_f64(),
        (Value::String(ours), Value::String(stored)) => {
            let time = |text: &str| units::timestamp_from_text(text);
            ours == stored || time(ours).is_some_and(|ours| time(stored) == Some(ours))
        }
        _ => ours == stored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    /// A simulated LRS that stores whole batches or nothing, with failures.
    #[derive(Default)]
    struct Lrs {
        stored: BTreeSet<u64>,
        poison: BTreeSet<u64>,
        largest: usize,
        /// Among eight requests, those with a set bit fail.
        weather: u8,
        requests: u32,
        /// Whether it stores, and the answer gets lost.
        forgetful: bool,
    }

    impl Lrs {
        fn post(&mut self, numbers: &[u64]) -> Answer {
            self.requests += 1;
            let bad = self.weather >> (self.requests % 8) & 1 == 1;
            if bad && !self.forgetful {
                return Answer::Later {
                    after: None,
                    words: "busy".into(),
                };
            }
            if numbers.len() > self.largest {
                return Answer::TooLarge("too large".into());
            }
            if numbers.iter().any(|number| self.poison.contains(number)) {
                return Answer::Refused("poison".into());
            }
            self.stored.extend(numbers);
            if bad {
                return Answer::Later {
                    after: None,
                    words: "no answer".into(),
                };
            }
            Answer::Accepted
        }
    }

    fn run(outbox: &mut Outbox, lrs: &mut Lrs, turns: usize) -> Vec<(u64, Fate)> {
        let mut now = 0;
        let mut fates = Vec::new();
        for turn in 0..turns as u64 {
            match outbox.next(now) {
                Action::Post(numbers) => {
                    assert!(!numbers.is_empty(), "an LRS is never sent an empty array");
                    let answer = lrs.post(&numbers);
                    fates.extend(outbox.posted(answer, now, turn * 7919));
                }
                Action::Wait(until) => now = until,
                Action::Compare(_) => unreachable!("nothing conflicts here"),
                Action::Idle => break,
            }
        }
        fates
    }

    proptest! {
        #[test]
        fn every_statement_arrives_or_is_refused_for_itself(
            count in 1u64..200,
            poison in prop::collection::btree_set(0u64..200, 0..12),
            largest in 1usize..60,
            weather in 0u8..=254,
            forgetful: bool,
        ) {
            let mut lrs = Lrs { poison, largest, weather, forgetful, ..Lrs::default() };
            let good = (0..count).filter(|number| !lrs.poison.contains(number)).count();
            let mut outbox = Outbox::default();
            (0..count).for_each(|number| outbox.push(number));
            let fates = run(&mut outbox, &mut lrs, 20_000);
            if good > 0 {
                prop_assert_eq!(outbox.next(u64::MAX), Action::Idle);
                prop_assert_eq!(fates.len() as u64, count);
            }
            for (number, fate) in &fates {
                let expected = lrs.poison.contains(number);
                prop_assert_eq!(matches!(fate, Fate::Dead(_)), expected);
            }
            prop_assert_eq!(lrs.stored.len(), good);
        }
    }

    #[test]
    fn when_every_one_is_refused_nothing_is_dropped() {
        let mut outbox = Outbox::default();
        (0..30).for_each(|number| outbox.push(number));
        let mut lrs = Lrs {
            poison: (0..30).collect(),
            largest: 100,
            ..Lrs::default()
        };
        assert_eq!(run(&mut outbox, &mut lrs, 1000), []);
        assert_eq!(outbox.state(), &State::Held("poison".into()));
        // Someone corrects the configuration.
        lrs.poison = BTreeSet::from([3]);
        let fates = run(&mut outbox, &mut lrs, 1000);
        assert_eq!(fates.len(), 30);
        assert!(fates.contains(&(3, Fate::Dead("poison".into()))));
    }

    #[test]
    fn waiting_grows_and_heeds_the_server() {
        let mut outbox = Outbox::default();
        outbox.push(0);
        let mut waits = Vec::new();
        for _ in 0..12 {
            assert_eq!(outbox.next(0), Action::Post(vec![0]));
            outbox.posted(
                Answer::Later {
                    after: None,
                    words: "busy".into(),
                },
                0,
                u64::MAX,
            );
            let Action::Wait(until) = outbox.next(0) else {
                panic!("it waits")
            };
            waits.push(until);
            outbox.not_before = 0;
        }
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]), "{waits:?}");
        assert!(
            (500..=1000).contains(&waits[0]) && waits[11] <= LONGEST_WAIT,
            "{waits:?}"
        );
        outbox.next(0);
        outbox.posted(
            Answer::Later {
                after: Some(600_000),
                words: "busy".into(),
            },
            0,
            0,
        );
        assert_eq!(outbox.next(0), Action::Wait(600_000));
    }

    #[test]
    fn a_conflict_is_looked_into() {
        for (found, fate) in [
            (Comparison::Same, Fate::Delivered),
            (Comparison::Different, Fate::Dead("exists".into())),
        ] {
            let mut outbox = Outbox::default();
            outbox.push(0);
            outbox.next(0);
            assert_eq!(outbox.posted(Answer::Conflict("exists".into()), 0, 0), []);
            assert_eq!(outbox.next(0), Action::Compare(0));
            assert_eq!(outbox.compared(found, 0, 0), [(0, fate)]);
            assert_eq!(outbox.next(0), Action::Idle);
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(retry_after("120", 0), Some(120_000));
        assert_eq!(
            retry_after("Fri, 02 Jan 1970 00:00:10 GMT", 86_400_000),
            Some(10_000)
        );
        assert_eq!(
            retry_after("Fri, 02 Jan 1970 00:00:10 GMT", u64::MAX),
            Some(0)
        );
        assert_eq!(retry_after("soon", 0), None);
    }

    #[test]
    fn answers_and_versions() {
        assert_eq!(answer(200, None, "[]"), Answer::Accepted);
        assert_eq!(answer(204, None, ""), Answer::Accepted);
        assert!(matches!(
            answer(200, None, "<html>Sign in</html>"),
            Answer::Misconfigured(_)
        ));
        assert!(matches!(answer(302, None, ""), Answer::Misconfigured(_)));
        assert!(matches!(answer(401, None, ""), Answer::Misconfigured(_)));
        assert_eq!(
            answer(503, Some(2000), " a\n b "),
            Answer::Later {
                after: Some(2000),
                words: "HTTP 503: a b".into()
            }
        );
        assert_eq!(version(None), "1.0.3");
        assert_eq!(version(Some("<html>")), "1.0.3");
        assert_eq!(version(Some(r#"{"version":["1.0.3","2.0.0"]}"#)), "1.0.3");
        assert_eq!(version(Some(r#"{"version":["2.0.0"]}"#)), "2.0.0");
    }

    #[test]
    fn a_stored_statement_may_hold_more() {
        let ours = json!({"a": 1, "timestamp": "2026-01-01T00:00:00.000Z"});
        assert!(same(
            &ours,
            &json!({"a": 1.0, "timestamp": "2026-01-01T01:00:00+01:00", "stored": "x"})
        ));
        assert!(!same(
            &ours,
            &json!({"a": 2, "timestamp": "2026-01-01T00:00:00Z"})
        ));
    }
}
