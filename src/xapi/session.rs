// SPDX-License-Identifier: MPL-2.0

//! A session: turns the viewer's actions into statements.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Facts, History, Statement, Uuid, Verb,
    facts::speed,
    iri, segments,
    statement::{Draft, add_played, speed_context, times},
    units,
};

/// Milliseconds within which consecutive seeks count as one: the viewer scrubs.
const SCRUB: u64 = 500;
/// Tolerance in milliseconds: containers correct their length by a frame at the end, which must not
/// undo the completion.
const LENGTH_JITTER: u64 = 100;
/// Largest number of actions that are remembered before the length of the video is known.
const WAITING: usize = 1000;

/// Subject of the reports, the viewer, and the completion rule.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// An Agent, as [`super::actor`] parses it.
    pub actor: Value,
    /// IRI of the video.
    pub activity_id: String,
    pub activity_name: Option<String>,
    /// Share of the video required for completion, in thousandths (0 to 1000).
    pub threshold: u16,
    /// Whether completion requires a passed check, too.
    pub require_check: bool,
    /// Whether a passed check completes, whatever was watched.
    #[serde(default)]
    pub check_suffices: bool,
    /// Lowest and highest playback rate at which media counts as watched.
    pub rates: (f64, f64),
}

/// An action of the viewer or the player; `at` is the position in the video, in milliseconds.
#[derive(Clone, PartialEq, Debug)]
pub enum Input {
    /// The length of the video in milliseconds is known, or has changed.
    Length(u64),
    /// Playback starts or continues at this rate.
    Play { at: u64, rate: f64 },
    /// Playback stops.
    Pause { at: u64 },
    /// The position was moved.
    Seek { from: u64, to: u64 },
    /// Playback continues at another rate.
    Rate { at: u64, rate: f64 },
    /// The viewer used the player in another way; `facts` is the player's state after that.
    Interact { at: u64, facts: Facts },
    /// Time has passed.
    Tick { at: u64 },
    /// The media ended. A position less than one frame (in milliseconds) before the length is the
    /// end of the video.
    End { at: u64, frame: u64 },
    /// The viewer passed the knowledge check.
    CheckPassed { at: u64 },
    /// The session is over.
    Terminate { at: u64 },
}

/// Time at which the session needs the next [`Input::Tick`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Due {
    /// Wall time (milliseconds since 1970).
    pub wall: Option<u64>,
    /// Position in the video (milliseconds) that playback reaches.
    pub position: Option<u64>,
}

/// A segment of media that is being played.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Open {
    from: u64,
    at: u64,
}

/// A seek that is not reported yet.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
struct Scrub {
    from: u64,
    to: u64,
    wall: u64,
}

/// A session of one viewer with one video. It can be serialised at any time (serde) and, after a
/// crash, be closed from that.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Session {
    plan: Plan,
    history: History,
    facts: Facts,
    length: Option<u64>,
    /// Id of the initialized statement.
    id: Option<Uuid>,
    /// Whether the player plays; the rate decides whether that counts.
    playing: bool,
    /// Whether the media ended and the position was not moved since.
    ended: bool,
    rate: f64,
    /// The segment that is being watched. Its start was reported in a statement.
    open: Option<Open>,
    scrub: Option<Scrub>,
    /// The last known position.
    position: u64,
    /// Timestamp of the last statement.
    stamped: u64,
    /// The last known wall time.
    heard: u64,
    closed: bool,
    /// Actions before the length was known.
    #[serde(skip)]
    waiting: Vec<(Input, u64)>,
}

struct Out<'a> {
    statements: Vec<Statement>,
    new_id: &'a mut dyn FnMut() -> Uuid,
}

impl Session {
    /// Makes a session that has not begun; initialized is sent once the length is known.
    pub fn new(plan: Plan, history: History, facts: Facts) -> Self {
        Session {
            plan,
            history,
            facts,
            length: None,
            id: None,
            playing: false,
            ended: false,
            rate: 1.0,
            open: None,
            scrub: None,
            position: 0,
            stamped: 0,
            heard: 0,
            closed: false,
            waiting: Vec::new(),
        }
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the id of the initialized statement, once that was made.
    pub fn id(&self) -> Option<Uuid> {
        self.id
    }

    /// Returns whether initialized was made and terminated was not.
    pub fn is_open(&self) -> bool {
        self.id.is_some() && !self.closed
    }

    /// Returns the progress in thousandths, rounded down.
    pub fn progress(&self) -> u16 {
        let length = self.length.unwrap_or(0);
        segments::progress(segments::covered(self.played(), length), length)
    }

    /// Returns the length of the video in milliseconds, zero while it is unknown.
    pub fn length(&self) -> u64 {
        self.length.unwrap_or(0)
    }

    /// Returns the last known position, in milliseconds.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Returns when the next tick is needed.
    pub fn due(&self) -> Due {
        let waits_for_media =
            !self.history.completed && (self.history.check_passed || !self.plan.require_check);
        Due {
            wall: self.scrub.map(|scrub| scrub.wall.saturating_add(SCRUB)),
            position: self
                .open
                .zip(self.length)
                .filter(|_| waits_for_media)
                .and_then(|(open, length)| {
                    segments::reached_at(self.played(), length, self.plan.threshold, open.at)
                }),
        }
    }

    /// Applies an action at a wall time (milliseconds since 1970, see [`units::SteadyClock`]) and
    /// returns the resulting statements. `new_id` makes random UUIDs.
    pub fn apply(
        &mut self,
        input: Input,
        wall: u64,
        new_id: &mut dyn FnMut() -> Uuid,
    ) -> Vec<Statement> {
        let mut out = Out {
            statements: Vec::new(),
            new_id,
        };
        let wall = wall.max(self.heard);
        self.heard = wall;
        if !self.closed {
            match (self.length, input) {
                (Some(_), input) => self.handle(input, wall, &mut out),
                (None, Input::Length(length)) if length > 0 => {
                    self.length = Some(length);
                    let waiting = std::mem::take(&mut self.waiting);
                    let begun = waiting.first().map_or(wall, |(_, wall)| *wall);
                    self.initialize(begun, &mut out);
                    for (input, wall) in waiting {
                        self.handle(input, wall, &mut out);
                    }
                }
                (None, Input::Terminate { .. }) => self.closed = true,
                (None, input) => self.wait(input, wall),
            }
        }
        out.statements
    }

    /// Closes a session whose player is gone, as of the last known moment.
    pub fn abandon(&mut self, new_id: &mut dyn FnMut() -> Uuid) -> Vec<Statement> {
        let at = self.open.map_or(self.position, |open| open.at);
        self.apply(Input::Terminate { at }, self.heard, new_id)
    }

    fn wait(&mut self, input: Input, wall: u64) {
        let is_tick = |input: &Input| matches!(input, Input::Tick { .. });
        if is_tick(&input) && self.waiting.last().is_some_and(|(last, _)| is_tick(last)) {
            self.waiting.pop();
        }
        if self.waiting.len() < WAITING {
            self.waiting.push((input, wall));
        }
    }

    fn handle(&mut self, input: Input, wall: u64, out: &mut Out<'_>) {
        let due = |scrub: Scrub| wall >= scrub.wall.saturating_add(SCRUB);
        match (&input, self.scrub) {
            (_, None) | (Input::Seek { .. } | Input::Length(_), _) => {}
            (Input::Tick { .. }, Some(scrub)) if !due(scrub) => return,
            _ => self.end_scrub(out),
        }
        match input {
            Input::Length(length) => {
                if length > 0 && length.abs_diff(self.length()) > LENGTH_JITTER {
                    self.length = Some(length);
                }
            }
            Input::Play { at, rate } => {
                self.advance(at, wall, out);
                self.playing = true;
                self.rate = rate;
                self.resume(wall, out);
            }
            Input::Pause { at } => {
                self.advance(at, wall, out);
                self.playing = false;
                self.pause(wall, out);
            }
            Input::Seek { from, to } => {
                if self.scrub.is_none() {
                    self.advance(from, wall, out);
                    self.close();
                }
                self.scrub = Some(Scrub {
                    from: self.scrub.map_or(self.position, |scrub| scrub.from),
                    to: to.min(self.length()),
                    wall,
                });
            }
            Input::Rate { at, rate } => {
                self.advance(at, wall, out);
                if self.rate != rate {
                    self.rate = rate;
                    if !self.counts() {
                        self.pause(wall, out);
                    }
                    self.interacted(wall, out);
                    self.resume(wall, out);
                }
            }
            Input::Interact { at, facts } => {
                self.advance(at, wall, out);
                self.facts.update(facts);
                self.interacted(wall, out);
            }
            Input::Tick { at } => self.advance(at, wall, out),
            Input::End { at, frame } => {
                let length = self.length();
                let at = if at.saturating_add(frame) >= length {
                    length
                } else {
                    at
                };
                self.advance(at, wall, out);
                self.ended = true;
                self.pause(wall, out);
            }
            Input::CheckPassed { at } => {
                self.history.check_passed = true;
                self.advance(at, wall, out);
                self.complete(wall, out);
            }
            Input::Terminate { at } => {
                self.advance(at, wall, out);
                self.pause(wall, out);
                let mut result = times(&[(iri::TIME, self.position)]);
                add_played(&mut result, &self.history.played, self.length());
                self.say(Verb::Terminated, wall, result, Map::new(), out);
                self.closed = true;
            }
        }
    }

    /// Returns whether playback counts: only media that runs forward, near its own speed, is
    /// watched.
    fn counts(&self) -> bool {
        let (lowest, highest) = self.plan.rates;
        self.playing && !self.ended && self.rate > 0.0 && (lowest..=highest).contains(&self.rate)
    }

    /// Returns the played segments, in order, including the current one.
    pub fn played(&self) -> Vec<segments::Segment> {
        let open = self.open.filter(|open| open.from < open.at);
        let mut played = self.history.played.clone();
        played.extend(open.map(|open| (open.from, open.at)));
        played
    }

    /// Advances the position. While media is watched it never goes back without a seek.
    fn advance(&mut self, at: u64, wall: u64, out: &mut Out<'_>) {
        let at = at.min(self.length());
        let Some(open) = &mut self.open else {
            self.position = at;
            return;
        };
        let forward = at.saturating_sub(open.at);
        self.history.spent += (forward as f64 * 1000.0 / self.rate) as u64;
        open.at = open.at.max(at);
        self.position = open.at;
        self.complete(wall, out);
    }

    /// Ends the current segment without a statement. Returns true if there was one.
    fn close(&mut self) -> bool {
        let Some(open) = self.open.take() else {
            return false;
        };
        if open.from < open.at {
            self.history.played.push((open.from, open.at));
        }
        true
    }

    fn pause(&mut self, wall: u64, out: &mut Out<'_>) {
        if self.close() {
            let mut result = times(&[(iri::TIME, self.position)]);
            add_played(&mut result, &self.history.played, self.length());
            self.say(Verb::Paused, wall, result, Map::new(), out);
        }
    }

    fn resume(&mut self, wall: u64, out: &mut Out<'_>) {
        if self.open.is_none() && self.counts() {
            let at = self.position;
            self.open = Some(Open { from: at, at });
            let result = times(&[(iri::TIME, at)]);
            self.say(Verb::Played, wall, result, speed_context(self.rate), out);
        }
    }

    /// Reports the seek that scrubbing resulted in, and continues playing there.
    fn end_scrub(&mut self, out: &mut Out<'_>) {
        let Some(scrub) = self.scrub.take() else {
            return;
        };
        self.position = scrub.to;
        self.ended = false;
        let mut result = times(&[(iri::TIME_FROM, scrub.from), (iri::TIME_TO, scrub.to)]);
        add_played(&mut result, &self.history.played, self.length());
        self.say(Verb::Seeked, scrub.wall, result, Map::new(), out);
        self.resume(scrub.wall, out);
    }

    fn initialize(&mut self, wall: u64, out: &mut Out<'_>) {
        let id = (out.new_id)();
        self.id = Some(id);
        self.history.sessions += 1;
        let mut context = speed_context(self.rate);
        self.facts.write(&mut context);
        self.say_as(id, Verb::Initialized, wall, Map::new(), context, out);
    }

    fn interacted(&mut self, wall: u64, out: &mut Out<'_>) {
        let mut context = Map::from_iter([(iri::SPEED.to_owned(), speed(self.rate))]);
        self.facts.snapshot().write(&mut context);
        let result = times(&[(iri::TIME, self.position)]);
        self.say(Verb::Interacted, wall, result, context, out);
    }

    /// Makes the completed statement if the rule is met for the first time.
    fn complete(&mut self, wall: u64, out: &mut Out<'_>) {
        let length = self.length();
        let passed = self.history.check_passed;
        if self.history.completed || (self.plan.require_check && !passed) {
            return;
        }
        let played = self.played();
        let covered = segments::covered(played.iter().copied(), length);
        let watched = segments::reached(covered, length, self.plan.threshold);
        let by_check = passed && self.plan.check_suffices;
        if !watched && !by_check {
            return;
        }
        self.history.completed = true;
        let mut extensions = times(&[(iri::TIME, self.position)]);
        add_played(&mut extensions, &played, length);
        self.say(Verb::Completed, wall, extensions, Map::new(), out);
    }

    fn say(
        &mut self,
        verb: Verb,
        wall: u64,
        extensions: Map<String, Value>,
        context: Map<String, Value>,
        out: &mut Out<'_>,
    ) {
        let id = (out.new_id)();
        self.say_as(id, verb, wall, extensions, context, out);
    }

    fn say_as(
        &mut self,
        id: Uuid,
        verb: Verb,
        wall: u64,
        extensions: Map<String, Value>,
        context: Map<String, Value>,
        out: &mut Out<'_>,
    ) {
        let Some(session) = self.id else {
            return;
        };
        let mut result = Map::new();
        if verb == Verb::Completed {
            result.insert("completion".into(), true.into());
            let spent = units::duration(self.history.spent / 1000);
            result.insert("duration".into(), spent.into());
        }
        if !extensions.is_empty() {
            result.insert("extensions".into(), extensions.into());
        }
        self.stamped = wall.max(self.stamped + 1);
        let draft = Draft {
            verb,
            id,
            timestamp: self.stamped,
            session,
            registration: self.history.registration,
            subregistration: self.history.sessions > 1,
            length: self.length(),
            result,
            context,
            plan: &self.plan,
        };
        out.statements.push(draft.finish());
    }
}

/// Returns the key of the progress: a person, a video and, if given, a registration.
pub fn key(actor: &Value, activity_id: &str, registration: Option<Uuid>) -> String {
    let person = super::actor::identity(actor);
    match registration {
        Some(registration) => format!("{registration}\n{activity_id}\n{person}"),
        None => format!("\n{activity_id}\n{person}"),
    }
}
