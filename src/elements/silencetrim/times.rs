// SPDX-License-Identifier: MPL-2.0

//! Times of GStreamer and of the pure modules.

use crate::timeline::Time;

pub fn time(at: gst::ClockTime) -> Time {
    Time::from_nanos(at.nseconds())
}

/// Times at the end of time become the latest one that GStreamer can say.
pub fn clock(at: Time) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(at.nanos().min(u64::MAX - 1))
}
