// SPDX-License-Identifier: MPL-2.0

//! Ctrl-C and SIGTERM: the first one asks the job to stop, the second ends the process at once. The
//! next run removes leftovers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::error::Error;

#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Starts listening for the signals.
    pub fn listen() -> Self {
        let stop = Stop::default();
        for signal in [SIGINT, SIGTERM] {
            // Handlers run in the order of their registration, so the first signal finds the flag
            // unset. Registration fails only for signals that cannot be caught.
            let status = i32::from(Error::Stopped.status());
            let _ =
                signal_hook::flag::register_conditional_shutdown(signal, status, stop.0.clone());
            let _ = signal_hook::flag::register(signal, stop.0.clone());
        }
        stop
    }

    pub fn check(&self) -> Result<(), Error> {
        if self.0.load(Ordering::SeqCst) {
            Err(Error::Stopped)
        } else {
            Ok(())
        }
    }
}
