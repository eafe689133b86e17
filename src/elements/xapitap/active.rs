// SPDX-License-Identifier: MPL-2.0

//! A session, and the courier that delivers its statements.

use std::time::{Duration, Instant};

use gst::glib;

use super::settings::Settings;
use crate::{
    delivery::{Courier, Delivery, Journal, Lrs, Notice, wall_clock},
    timeline::CutList,
    xapi::{Due, Facts, History, Input, Session, Uuid, key, units::SteadyClock},
};

/// Time without a length after which the user is warned that nothing can be reported.
const LENGTH_PATIENCE: Duration = Duration::from_secs(10);

pub struct Active {
    courier: Courier,
    session: Session,
    key: String,
    clock: SteadyClock,
    started: Instant,
    next_checkpoint: Instant,
    pub checkpoint: Duration,
    pub timer: Option<gst::SingleShotClockId>,
    /// Length in milliseconds.
    pub length: Option<u64>,
    /// Whether the end of the media was reported.
    pub ended: bool,
    /// Whether the application ended the session.
    pub terminated: bool,
    /// Whether the session knows that playback continues.
    pub told_play: bool,
    /// Whether the pipeline was set to PLAYING.
    pub played: bool,
    /// Number of statements so far.
    pub said: u64,
    /// Whether the user was warned that there is no length.
    warned: bool,
}

impl Active {
    /// Opens the journal, closes sessions in it that a crash left open, and begins a session. Also
    /// returns problems on the way; without a session nothing is reported.
    pub fn begin(
        settings: &Settings,
        facts: Facts,
        notify: impl Fn(Notice) + Send + Sync + 'static,
    ) -> (Option<Self>, Vec<String>) {
        let mut troubles = Vec::new();
        let journal = open(settings, &mut troubles);
        let lrs = settings.delivery().unwrap_or_else(|words| {
            troubles.push(words);
            None
        });
        let lrs =
            lrs.map(|(endpoint, credentials)| Lrs::new(endpoint, &credentials, settings.version()));
        let plan = settings
            .plan()
            .and_then(|plan| Ok((plan, settings.registration()?)));
        let (plan, registration) = match plan {
            Ok(plan) => plan,
            Err(words) => {
                troubles.push(words);
                return (None, troubles);
            }
        };
        let kept = settings.kept().unwrap_or_else(|words| {
            troubles.push(words);
            None
        });
        let key = key(&plan.actor, &plan.activity_id, registration);
        let before = journal.session(&key);
        let history = history(before.as_ref(), registration, kept.as_ref());
        let mut active = Active {
            courier: Courier::start(journal, lrs, notify),
            session: Session::new(plan, history, facts),
            key,
            clock: SteadyClock::default(),
            started: Instant::now(),
            next_checkpoint: Instant::now(),
            checkpoint: settings.checkpoint_interval.into(),
            timer: None,
            length: None,
            ended: false,
            terminated: false,
            told_play: false,
            played: false,
            said: 0,
            warned: false,
        };
        active.tell_length(settings.length);
        (Some(active), troubles)
    }

    /// Begins another session with the same journal, for another medium.
    pub fn renew(&mut self, settings: &Settings, facts: Facts) {
        // Problems with them were reported when the first session began.
        let (Ok(plan), Ok(registration)) = (settings.plan(), settings.registration()) else {
            return;
        };
        self.key = key(&plan.actor, &plan.activity_id, registration);
        let history = if plan.activity_id == self.session.plan().activity_id {
            // The session that ends may still be in the queue of the journal.
            self.session.history().clone()
        } else {
            let kept = settings.kept().unwrap_or_default();
            let before = self.courier.session(&self.key);
            history(before.as_ref(), registration, kept.as_ref())
        };
        self.session = Session::new(plan, history, facts);
        self.clock = SteadyClock::default();
        self.started = Instant::now();
        self.length = None;
        self.ended = false;
        self.terminated = false;
        self.told_play = false;
        self.warned = false;
        self.tell_length(settings.length);
    }

    /// Passes an input to the session, and its statements to the courier.
    pub fn tell(&mut self, input: Input) {
        if self.terminated {
            return;
        }
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let wall = self.clock.now(wall_clock(), elapsed);
        let statements = self.session.apply(input, wall, &mut new_id);
        self.said += statements.len() as u64;
        let due = self.session.is_open() && Instant::now() >= self.next_checkpoint;
        if !statements.is_empty() || due {
            self.next_checkpoint = Instant::now() + self.checkpoint;
            self.courier.step(&self.key, &self.session, statements);
        }
    }

    /// Passes the length given by the user to the session, if there is one.
    fn tell_length(&mut self, length: gst::ClockTime) {
        if !length.is_zero() {
            self.length = Some(length.mseconds());
            self.tell(Input::Length(length.mseconds()));
        }
    }

    /// Returns whether it is time to warn that there is no length; true once. At the end it does
    /// not wait.
    pub fn misses_length(&mut self, ends: bool) -> bool {
        let waited = ends || self.started.elapsed() > LENGTH_PATIENCE;
        let misses = self.played && self.length.is_none() && waited && !self.warned;
        self.warned |= misses;
        misses
    }

    pub fn due(&self) -> Due {
        self.session.due()
    }

    /// Returns the progress in thousandths.
    pub fn progress(&self) -> u16 {
        self.session.progress()
    }

    pub fn delivery(&self) -> Delivery {
        self.courier.status()
    }

    /// Closes the journal, after waiting this long for the LRS.
    pub fn finish(self, patience: Duration) -> Delivery {
        self.courier.finish(patience)
    }
}

/// Opens the journal named by the user; one in memory if that is not possible.
fn open(settings: &Settings, troubles: &mut Vec<String>) -> Journal {
    let Some(folder) = settings.folder() else {
        return Journal::in_memory();
    };
    let mut journal = match Journal::open(&folder) {
        Ok(journal) => journal,
        Err(error) => {
            troubles.push(format!("{error}; statements stay in memory"));
            return Journal::in_memory();
        }
    };
    if journal.damaged() > 0 {
        troubles.push("a part of the journal could not be read; a copy is kept next to it".into());
    }
    if let Err(error) = journal.close_abandoned(&mut new_id) {
        troubles.push(format!("the journal cannot be written: {error}"));
    }
    journal
}

/// Returns the history of earlier sessions, moved to the video with its current cuts.
fn history(
    before: Option<&Session>,
    registration: Option<Uuid>,
    kept: Option<&CutList>,
) -> History {
    match before {
        Some(before) => {
            let mut history = before.history().clone();
            history.recut(kept);
            history
        }
        None => History::new(registration.unwrap_or_else(new_id), kept),
    }
}

fn new_id() -> Uuid {
    Uuid::parse(&glib::uuid_string_random()).unwrap_or(Uuid::v4([0; 16]))
}
