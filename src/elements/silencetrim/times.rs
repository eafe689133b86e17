// SPDX-License-Identifier: MPL-2.0

//! Conversion between times of GStreamer and of the pure modules.

use crate::timeline::Time;

pub fn time(at: gst::ClockTime) -> Time {
    Time::from_nanos(at.nseconds())
}

/// Converts a time; times at the end of time become the latest one that GStreamer can represent.
pub fn clock(at: Time) -> gst::ClockTime {
    gst::ClockTime::from_nseconds(at.nanos().min(u64::MAX - 1))
}
