// SPDX-License-Identifier: MPL-2.0

//! The change to PAUSED that lasts until the first data arrives, as that of every sink.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::elements::shared::lock::lock;

/// Whether the bin still waits for its first data.
///
/// A pipeline whose sinks reach PAUSED at once is told so by another element's thread, and an
/// application that starts to play at this very moment overtakes it: GstBin (1.22) then believes that it
/// is in PAUSED, and keeps the end of the stream to itself for ever. Sinks that wait for data and hold
/// back PLAYING until they have told their state avoid that.
#[derive(Default)]
pub struct Preroll {
    is_pending: AtomicBool,
    telling: Mutex<()>,
}

impl Preroll {
    /// Begins to wait. `tell` posts `async-start`.
    pub fn start(&self, tell: impl FnOnce()) {
        self.is_pending.store(true, Ordering::SeqCst);
        tell();
    }

    /// Ends the wait if there is one. `tell` posts `async-done`.
    pub fn finish(&self, tell: impl FnOnce()) {
        if !self.is_pending() {
            return;
        }
        let _telling = lock(&self.telling);
        if self.is_pending.swap(false, Ordering::SeqCst) {
            tell();
        }
    }

    pub fn is_pending(&self) -> bool {
        self.is_pending.load(Ordering::SeqCst)
    }

    /// Returns when no thread is telling that the wait is over.
    pub fn wait_until_told(&self) {
        drop(lock(&self.telling));
    }
}
