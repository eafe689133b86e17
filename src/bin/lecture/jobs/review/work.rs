// SPDX-License-Identifier: MPL-2.0

//! Work that goes on while the page is open: packages, and copies for browsers.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use serde::Serialize;

use crate::engine::progress::Watched;
use crate::error::Error;
use crate::jobs::Request;

/// The state of a piece of work.
#[derive(Clone, Default, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Nothing was done since the page was opened.
    #[default]
    Idle,
    Running {
        /// Share of the work that is done, 0 to 100.
        percent: u32,
    },
    Done,
    Failed {
        error: String,
    },
}

/// Work of one kind, at most one piece at a time.
#[derive(Default)]
pub struct Work {
    watched: Watched,
    job: Mutex<Job>,
}

#[derive(Default)]
struct Job {
    running: Option<JoinHandle<State>>,
    last: State,
    made: usize,
}

impl Job {
    /// Takes over the result of the thread, after waiting for it if it still runs.
    fn join(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        self.last = running.join().unwrap_or_else(|_| State::Failed {
            error: "the work broke off; report this".to_owned(),
        });
        self.made += usize::from(matches!(self.last, State::Done));
    }
}

impl Work {
    fn job(&self) -> MutexGuard<'_, Job> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts it in a thread of its own, unless it goes on already.
    pub fn start(
        &self,
        request: &Request,
        run: impl FnOnce(&Request) -> Result<(), Error> + Send + 'static,
    ) {
        let mut job = self.job();
        if job
            .running
            .as_ref()
            .is_some_and(|running| !running.is_finished())
        {
            return;
        }
        job.join();
        self.watched.set(0, 1);
        let request = Request {
            watched: self.watched.clone(),
            ..request.clone()
        };
        job.running = Some(thread::spawn(move || match run(&request) {
            Ok(()) => State::Done,
            Err(error) => {
                request.note(&format!("error: {error}"));
                State::Failed {
                    error: error.to_string(),
                }
            }
        }));
    }

    pub fn state(&self) -> State {
        let mut job = self.job();
        if job
            .running
            .as_ref()
            .is_some_and(|running| !running.is_finished())
        {
            return State::Running {
                percent: self.watched.percent(),
            };
        }
        job.join();
        job.last.clone()
    }

    /// Waits until it is done; returns how often that was so.
    pub fn finish(&self) -> usize {
        let mut job = self.job();
        job.join();
        job.made
    }
}
