// SPDX-License-Identifier: MPL-2.0

//! The change to PAUSED that lasts until the first data arrives, as that of every sink.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread::{self, ThreadId};

use crate::elements::shared::lock::lock;

/// Whether the bin still waits for its first data.
///
/// If all sinks of a pipeline reach PAUSED at once, the thread of another element posts that the pipeline
/// has, and an application that starts to play at this very moment overtakes the thread: GstBin (1.22)
/// then believes that it is in PAUSED, and keeps the end of the stream to itself for ever. Sinks that wait
/// for data, and hold back PLAYING until their own message is posted, avoid that.
#[derive(Default)]
pub struct Preroll {
    state: Mutex<State>,
    posted: Condvar,
}

#[derive(Default)]
struct State {
    is_pending: bool,
    /// The thread that is posting the end of the wait.
    poster: Option<ThreadId>,
}

impl Preroll {
    /// Begins to wait. `post` posts `async-start`.
    pub fn start(&self, post: impl FnOnce()) {
        lock(&self.state).is_pending = true;
        post();
    }

    /// Ends the wait if there is one. `post` posts `async-done`.
    pub fn finish(&self, post: impl FnOnce()) {
        {
            let mut state = lock(&self.state);
            if !std::mem::take(&mut state.is_pending) {
                return;
            }
            state.poster = Some(thread::current().id());
        }
        post();
        lock(&self.state).poster = None;
        self.posted.notify_all();
    }

    pub fn is_pending(&self) -> bool {
        lock(&self.state).is_pending
    }

    /// Returns when no other thread is posting the end of the wait. The posting thread itself goes on: an
    /// application may play from its handler of the message.
    pub fn wait_until_posted(&self) {
        let me = thread::current().id();
        let mut state = lock(&self.state);
        while state.poster.is_some_and(|poster| poster != me) {
            state = self
                .posted
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_end_is_posted_once_and_playing_waits_for_it() {
        let preroll = Preroll::default();
        preroll.finish(|| panic!("nothing was pending"));
        preroll.start(|| ());
        let (begun, posting) = mpsc::channel();
        let order = Mutex::new(Vec::new());
        let (preroll, order) = (&preroll, &order);
        thread::scope(|scope| {
            scope.spawn(move || {
                preroll.finish(|| {
                    // Playing from the handler of the message waits for nothing.
                    preroll.wait_until_posted();
                    begun.send(()).expect("received");
                    thread::sleep(Duration::from_millis(100));
                    lock(order).push("posted");
                });
            });
            posting.recv().expect("sent");
            preroll.wait_until_posted();
            lock(order).push("plays");
        });
        assert_eq!(*lock(order), ["posted", "plays"]);
        assert!(!preroll.is_pending());
        preroll.finish(|| panic!("it was posted already"));
    }
}
