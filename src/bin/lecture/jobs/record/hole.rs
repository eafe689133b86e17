// SPDX-License-Identifier: MPL-2.0

//! The pauses of a composite: nothing that was captured in one is written.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;
use gstlecture::record::live::{Gate, Pass, Pauses};
use gstlecture::timeline::Time;

/// The pauses so far, by running times.
#[derive(Clone, Default)]
pub struct Holes(Arc<Mutex<Pauses>>);

impl Holes {
    /// Keeps what lies in a pause from a muxer.
    pub fn watch(&self, muxer: &gst::Element) {
        for pad in muxer.sink_pads() {
            let is_video = pad.name().starts_with("video");
            let gate = Mutex::new(Gate::new(is_video));
            let own = self.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
                let Some((buffer, time)) = info
                    .buffer()
                    .and_then(|buffer| Some((buffer, buffer.dts_or_pts()?)))
                else {
                    return gst::PadProbeReturn::Ok;
                };
                let time = buffer.pts().unwrap_or(time);
                let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
                let pass = {
                    let mut gate = gate.lock().unwrap_or_else(PoisonError::into_inner);
                    gate.pass(Time::from_nanos(time.nseconds()), is_key, &own.lock())
                };
                if pass == Pass::Request {
                    let event = gst_video::UpstreamForceKeyUnitEvent::builder();
                    // An encoder that cannot make one makes the next one by itself.
                    let _ = pad.push_event(event.all_headers(true).build());
                }
                match pass {
                    Pass::Write => gst::PadProbeReturn::Ok,
                    Pass::Drop | Pass::Request => gst::PadProbeReturn::Handled,
                }
            });
        }
    }

    /// Looks at the pauses so far.
    pub fn with<R>(&self, look: impl FnOnce(&Pauses) -> R) -> R {
        look(&self.lock())
    }

    /// Starts a pause, or ends it.
    pub fn pause(&self, is_paused: bool, now: gst::ClockTime) {
        let now = Time::from_nanos(now.nseconds());
        // Asked for twice, it is refused elsewhere.
        let _ = match is_paused {
            true => self.lock().pause(now),
            false => self.lock().resume(now),
        };
    }

    fn lock(&self) -> MutexGuard<'_, Pauses> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
