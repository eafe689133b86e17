// SPDX-License-Identifier: MPL-2.0

//! How far the streams of a composite have come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gst::prelude::*;

/// The time of the last buffer of each pad in ns, plus one; zero before the first.
#[derive(Default)]
pub struct Reached(Vec<Arc<AtomicU64>>);

impl Reached {
    /// Watches what leaves these pads, whose times are running times.
    pub fn watch(pads: impl IntoIterator<Item = gst::Pad>) -> Self {
        let watched = pads.into_iter().map(|pad| {
            let last = Arc::new(AtomicU64::new(0));
            let own = last.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                if let Some(time) = info.buffer().and_then(|buffer| buffer.pts()) {
                    own.fetch_max(time.nseconds().saturating_add(1), Ordering::Relaxed);
                }
                gst::PadProbeReturn::Ok
            });
            last
        });
        Reached(watched.collect())
    }

    /// Returns the time that all streams have reached which have begun, if any has.
    pub fn time(&self) -> Option<gst::ClockTime> {
        let times = self.0.iter().map(|last| last.load(Ordering::Relaxed));
        let begun = times.filter_map(|time| time.checked_sub(1));
        begun.min().map(gst::ClockTime::from_nseconds)
    }
}
