// SPDX-License-Identifier: MPL-2.0

//! The threads between a player and an LRS. The player only puts steps into a queue. The *scribe*
//! thread writes them into the journal; the *sender* thread sends the journal's statements.
//!
//! Lock order: `desk`, then `journal`; neither is held while a notice is given or an HTTP request
//! runs.

use std::{
    collections::{BTreeMap, VecDeque, hash_map::RandomState},
    hash::BuildHasher,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::{Journal, Lrs};
use crate::xapi::{
    Session, Statement,
    journal::Fate,
    outbox::{Action, Answer, Comparison, Outbox, State},
};

/// Largest number of steps that wait for the disk. A hanging disk costs statements, never playback.
const DESK: usize = 10_000;

/// State of the delivery.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Delivery {
    /// `working`, `retrying`, `held`, or `offline` if there is no endpoint.
    pub state: &'static str,
    /// Last error message from the LRS, or from the network.
    pub words: String,
    pub pending: u64,
    pub delivered: u64,
    pub dead: u64,
    /// Failed requests: the LRS did not answer, or not as an LRS.
    pub failures: u64,
    /// Steps that never reached the queue.
    pub lost: u64,
    /// Statements that are only in memory because the disk does not accept them.
    pub unwritten: u64,
}

/// Events that the player may want to report.
#[derive(Clone, Debug)]
pub enum Notice {
    /// This statement is in the journal.
    Statement(Statement),
    /// The state of the delivery changed.
    Delivery(Delivery),
    /// The journal could not be written.
    Trouble(String),
}

struct Step {
    key: String,
    session: Session,
    statements: Vec<Statement>,
}

#[derive(Default)]
struct Desk {
    steps: VecDeque<Step>,
    /// Whether the journal contains new statements.
    fresh: bool,
    /// Whether no more statements will come.
    closing: bool,
    /// Whether nobody waits for the delivery any more.
    stopped: bool,
    status: Delivery,
}

struct Shared {
    desk: Mutex<Desk>,
    bell: Condvar,
    /// `None` after the courier has stopped, so that a hanging request cannot keep the journal
    /// locked.
    journal: Mutex<Option<Journal>>,
    notify: Box<dyn Fn(Notice) + Send + Sync>,
}

/// Moves statements into the journal and from there to the LRS.
pub struct Courier {
    shared: Arc<Shared>,
    scribe: Option<thread::JoinHandle<()>>,
    sends: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Courier {
    /// Starts with the pending statements of the journal.
    pub fn start(
        journal: Journal,
        lrs: Option<Lrs>,
        notify: impl Fn(Notice) + Send + Sync + 'static,
    ) -> Self {
        let sends = lrs.is_some();
        let status = Delivery {
            state: if sends { "working" } else { "offline" },
            pending: journal.contents().pending.len() as u64,
            dead: journal.contents().dead.len() as u64,
            ..Delivery::default()
        };
        let shared = Arc::new(Shared {
            desk: Mutex::new(Desk {
                status,
                fresh: true,
                ..Desk::default()
            }),
            bell: Condvar::new(),
            journal: Mutex::new(Some(journal)),
            notify: Box::new(notify),
        });
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            thread::Builder::new()
                .name(name.to_owned())
                .spawn(work)
                .ok()
        };
        let scribe = spawn(
            "xapi-scribe",
            Box::new({
                let shared = shared.clone();
                move || shared.scribe()
            }),
        );
        if let Some(lrs) = lrs {
            // Not joined: a request may hang for as long as the LRS likes.
            spawn(
                "xapi-sender",
                Box::new({
                    let shared = shared.clone();
                    move || shared.sender(lrs)
                }),
            );
        }
        Courier {
            shared,
            scribe,
            sends,
        }
    }

    /// Queues a step. Never blocks.
    pub fn step(&self, key: &str, session: &Session, statements: Vec<Statement>) {
        let mut desk = lock(&self.shared.desk);
        if desk.steps.len() < DESK {
            desk.steps.push_back(Step {
                key: key.to_owned(),
                session: session.clone(),
                statements,
            });
            drop(desk);
            self.shared.bell.notify_all();
        } else {
            desk.status.lost += statements.len() as u64;
        }
    }

    /// Returns the last session written for a key.
    pub fn session(&self, key: &str) -> Option<Session> {
        lock(&self.shared.journal).as_ref()?.session(key)
    }

    pub fn status(&self) -> Delivery {
        lock(&self.shared.desk).status.clone()
    }

    /// Waits until everything is written. Then waits until everything is delivered, the time is up,
    /// or the LRS cannot be reached. Closes the journal after that.
    pub fn finish(mut self, patience: Duration) -> Delivery {
        let deadline = Instant::now() + patience;
        let mut desk = lock(&self.shared.desk);
        desk.closing = true;
        self.shared.bell.notify_all();
        if let Some(scribe) = self.scribe.take() {
            drop(desk);
            // A scribe that panicked has nothing more to write.
            let _ = scribe.join();
            desk = lock(&self.shared.desk);
        }
        while self.sends && desk.status.state == "working" && desk.status.pending > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            desk = self
                .shared
                .bell
                .wait_timeout(desk, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        desk.stopped = true;
        let status = desk.status.clone();
        drop(desk);
        self.shared.bell.notify_all();
        lock(&self.shared.journal).take();
        status
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        let mut desk = lock(&self.shared.desk);
        desk.closing = true;
        desk.stopped = true;
        drop(desk);
        self.shared.bell.notify_all();
    }
}

impl Shared {
    fn scribe(&self) {
        let mut troubled = false;
        loop {
            let mut desk = lock(&self.desk);
            while desk.steps.is_empty() {
                if desk.closing {
                    return;
                }
                desk = self.bell.wait(desk).unwrap_or_else(PoisonError::into_inner);
            }
            let steps: Vec<Step> = desk.steps.drain(..).collect();
            drop(desk);
            for step in steps {
                let result = match &mut *lock(&self.journal) {
                    Some(journal) => {
                        let result = journal.append(&step.key, &step.session, &step.statements);
                        result.map_err(|error| error.to_string())
                    }
                    None => return,
                };
                match result {
                    Ok(()) => troubled = false,
                    // Reported once, not for every step.
                    Err(_) if troubled => {}
                    Err(error) => {
                        troubled = true;
                        (self.notify)(Notice::Trouble(format!(
                            "the journal cannot be written: {error}; statements stay in memory"
                        )));
                    }
                }
                self.count(|_| {});
                for statement in step.statements {
                    (self.notify)(Notice::Statement(statement));
                }
            }
            lock(&self.desk).fresh = true;
            self.bell.notify_all();
        }
    }

    /// Updates the status, and notifies the player if anything but a number changed.
    fn count(&self, change: impl FnOnce(&mut Delivery)) {
        let counts = lock(&self.journal).as_ref().map(|journal| {
            let contents = journal.contents();
            (
                contents.pending.len() as u64,
                contents.dead.len() as u64,
                journal.unwritten() as u64,
            )
        });
        let mut desk = lock(&self.desk);
        let before = desk.status.clone();
        if let Some((pending, dead, unwritten)) = counts {
            desk.status.pending = pending;
            desk.status.dead = dead;
            desk.status.unwritten = unwritten;
        }
        change(&mut desk.status);
        let now = desk.status.clone();
        drop(desk);
        self.bell.notify_all();
        let news = now.state != before.state
            || now.dead != before.dead
            || (now.pending == 0) != (before.pending == 0);
        if news {
            (self.notify)(Notice::Delivery(now));
        }
    }

    fn sender(&self, mut lrs: Lrs) {
        let started = Instant::now();
        let now = || u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let random = || RandomState::new().hash_one(now());
        let mut outbox = Outbox::default();
        let mut known = 0;
        loop {
            // New statements join the queue in the order of their numbers.
            match &*lock(&self.journal) {
                Some(journal) => {
                    for number in journal.contents().pending.range(known..).map(|(n, _)| *n) {
                        outbox.push(number);
                        known = number + 1;
                    }
                }
                None => return,
            }
            let fates = match outbox.next(now()) {
                Action::Idle => {
                    if !self.wait(None) {
                        return;
                    }
                    continue;
                }
                Action::Wait(until) => {
                    if !self.wait(Some(Duration::from_millis(until.saturating_sub(now())))) {
                        return;
                    }
                    continue;
                }
                Action::Post(numbers) => {
                    let Some(statements) = self.read(&numbers) else {
                        return;
                    };
                    let answer = if statements.len() == numbers.len() {
                        lrs.post(&statements.into_values().collect::<Vec<_>>())
                    } else {
                        Answer::Later {
                            after: None,
                            words: "the journal cannot be read".into(),
                        }
                    };
                    outbox.posted(answer, now(), random())
                }
                Action::Compare(number) => {
                    let Some(statements) = self.read(&[number]) else {
                        return;
                    };
                    let comparison = match statements.into_iter().next() {
                        Some(((_, id), ours)) => lrs.compare(id, &ours),
                        None => Comparison::Later("the journal cannot be read".into()),
                    };
                    outbox.compared(comparison, now(), random())
                }
            };
            let delivered = fates
                .iter()
                .filter(|(_, fate)| *fate == Fate::Delivered)
                .count();
            let settled = match &mut *lock(&self.journal) {
                Some(journal) => journal.settle(&fates),
                None => return,
            };
            if let Err(error) = settled {
                // The statements are delivered; after a restart they are sent once more, with the
                // same ids.
                (self.notify)(Notice::Trouble(format!(
                    "the journal cannot be written: {error}"
                )));
            }
            self.count(|status| {
                status.failures += u64::from(*outbox.state() != State::Working);
                status.delivered += delivered as u64;
                (status.state, status.words) = match outbox.state() {
                    State::Working => ("working", String::new()),
                    State::Retrying(words) => ("retrying", words.clone()),
                    State::Held(words) => ("held", words.clone()),
                };
            });
        }
    }

    /// Returns the bytes of statements, in order, or `None` once the journal is closed.
    fn read(&self, numbers: &[u64]) -> Option<BTreeMap<(u64, crate::xapi::Uuid), String>> {
        let journal = lock(&self.journal);
        let journal = journal.as_ref()?;
        let entries = numbers
            .iter()
            .filter_map(|number| journal.contents().pending.get(number));
        Some(
            entries
                .filter_map(|entry| {
                    Some(((entry.number, entry.id), journal.statement(entry).ok()?))
                })
                .collect(),
        )
    }

    /// Sleeps until there is something new, or until the time is up. Returns false when the courier
    /// stops.
    fn wait(&self, time: Option<Duration>) -> bool {
        let deadline = time.map(|time| Instant::now() + time);
        let mut desk = lock(&self.desk);
        loop {
            if desk.stopped {
                return false;
            }
            match deadline {
                None if std::mem::take(&mut desk.fresh) => return true,
                None => desk = self.bell.wait(desk).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return true;
                    }
                    desk = self
                        .bell
                        .wait_timeout(desk, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                }
            }
        }
    }
}
