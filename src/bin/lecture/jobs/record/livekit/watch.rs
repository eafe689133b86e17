// SPDX-License-Identifier: MPL-2.0

//! Asks the server who is in the room, in a thread of its own.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gstlecture::record::live::livekit::{Owner, Roster};

use super::server::{Fault, Presence, Server};

/// Interval at which the server is asked.
const POLL: Duration = Duration::from_secs(1);
/// Shortest interval, while somebody waits for the answer.
const SHORTEST: Duration = Duration::from_millis(100);

/// What the server says of the room after the connection was lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    Open,
    Closed,
    /// The server answers; it does not tell of the room.
    Unknown,
    /// The server does not answer, or refuses the recorder.
    Gone(String),
}

/// The thread. It ends soon after this is dropped.
pub struct Watch(Arc<Inner>);

struct Inner {
    server: Arc<Server>,
    roster: Mutex<Roster>,
    /// The roster is a new one.
    listed: Condvar,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    is_stopped: bool,
    /// Somebody waits for the next list.
    is_asked: bool,
    is_lost: bool,
    verdict: Option<Verdict>,
    /// Number of lists so far.
    count: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watch {
    pub fn start(server: Arc<Server>) -> Self {
        let inner = Arc::new(Inner {
            server,
            roster: Mutex::default(),
            listed: Condvar::new(),
            state: Mutex::default(),
            wake: Condvar::new(),
        });
        let own = inner.clone();
        std::thread::spawn(move || own.run());
        Watch(inner)
    }

    /// Returns the newest roster.
    pub fn roster(&self) -> MutexGuard<'_, Roster> {
        lock(&self.0.roster)
    }

    /// Returns the number of lists so far.
    pub fn count(&self) -> u64 {
        lock(&self.0.state).count
    }

    /// Returns whose a track is. The server may know it a moment after it offers the track.
    pub fn owner(&self, track: &str, patience: Duration) -> Option<Owner> {
        let deadline = Instant::now() + patience;
        let mut roster = lock(&self.0.roster);
        loop {
            let owner = roster.owner(track);
            let left = deadline.saturating_duration_since(Instant::now());
            if owner.is_some() || left.is_zero() || !self.0.server.can_look() {
                return owner;
            }
            lock(&self.0.state).is_asked = true;
            self.0.wake.notify_all();
            let waited = self.0.listed.wait_timeout(roster, left);
            roster = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Asks for the room itself from now on, or for the people in it again.
    pub fn set_lost(&self, is_lost: bool) {
        let mut state = lock(&self.0.state);
        (state.is_lost, state.verdict, state.is_asked) = (is_lost, None, is_lost);
        self.0.wake.notify_all();
    }

    /// Returns the next answer about a room that was lost.
    pub fn verdict(&self) -> Option<Verdict> {
        lock(&self.0.state).verdict.take()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.0.state).is_stopped = true;
        self.0.wake.notify_all();
    }
}

impl Inner {
    fn run(&self) {
        loop {
            let mut state = lock(&self.state);
            if !state.is_asked && !state.is_stopped {
                let waited = self.wake.wait_timeout(state, POLL);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            if state.is_stopped {
                return;
            }
            state.is_asked = false;
            let is_lost = state.is_lost;
            drop(state);
            if is_lost {
                let verdict = self.judge();
                lock(&self.state).verdict = Some(verdict);
            } else if self.server.can_look() {
                self.list();
            }
            std::thread::sleep(SHORTEST);
        }
    }

    fn list(&self) {
        // A server that does not answer ends the connection, too.
        if let Ok(people) = self.server.people() {
            lock(&self.roster).set(people);
            lock(&self.state).count += 1;
        }
        self.listed.notify_all();
    }

    fn judge(&self) -> Verdict {
        match self.server.presence() {
            Ok(Presence::Open) => Verdict::Open,
            Ok(Presence::Closed) | Err(Fault::Refused { status: 404, .. }) => Verdict::Closed,
            Ok(Presence::Unknown) => Verdict::Unknown,
            Err(Fault::Gone(text) | Fault::Refused { text, .. }) => Verdict::Gone(text),
        }
    }
}
