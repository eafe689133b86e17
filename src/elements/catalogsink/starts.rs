// SPDX-License-Identifier: MPL-2.0

//! Starts of segments.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::elements::shared::lock::lock;
use crate::package::grid::Grid;
use crate::timeline::Time;

/// Starts of video segments, in running time: decided before encoding, and read after every
/// encoder.
#[derive(Clone, Default)]
pub struct Starts(Arc<Mutex<BTreeSet<Time>>>);

impl Starts {
    pub fn add(&self, time: Time) {
        lock(&self.0).insert(time);
    }

    /// Returns the starts for one encoder.
    pub fn taken(&self) -> TakenStarts {
        TakenStarts {
            starts: self.clone(),
            until: Time::ZERO,
        }
    }
}

pub struct TakenStarts {
    starts: Starts,
    until: Time,
}

/// Decides whether a segment starts at a key frame. Times must not decrease.
pub trait Segments {
    fn start_at(&mut self, time: Time) -> bool;
    fn restart(&mut self);
}

impl Segments for Grid {
    fn start_at(&mut self, time: Time) -> bool {
        self.at(time).segment
    }

    fn restart(&mut self) {
        Grid::restart(self);
    }
}

impl Segments for TakenStarts {
    fn start_at(&mut self, time: Time) -> bool {
        /// Tolerance: encoders and parsers round times.
        const ROUNDING: Time = Time::from_millis(1);
        let until = time.saturating_add(ROUNDING);
        if until <= self.until {
            return false;
        }
        let starts = lock(&self.starts.0);
        let any = starts.range(self.until..until).next().is_some();
        drop(starts);
        self.until = until;
        any
    }

    fn restart(&mut self) {
        self.until = Time::ZERO;
    }
}
