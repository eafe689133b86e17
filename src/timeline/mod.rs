// SPDX-License-Identifier: MPL-2.0

//! Times, spans and the cut list: the only code that converts times of the source to times of the
//! output, and back.

use std::fmt;

mod cut_list;
mod frames;
mod gops;
pub mod h264_order;
pub mod hidden;
pub mod picture_order;
mod redaction;
mod sample_clock;
pub mod steady_rate;

pub use cut_list::{CutList, CutListError, Moved};
pub use frames::FrameRate;
pub use gops::{Decision, Gops};
pub use redaction::{Content, Cover, Redaction, touches};
pub use sample_clock::SampleClock;

/// A point in time or a duration, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(u64);

impl Time {
    pub const ZERO: Time = Time(0);
    pub const MAX: Time = Time(u64::MAX);
    pub const SECOND: Time = Time(1_000_000_000);

    pub const fn from_nanos(nanos: u64) -> Self {
        Time(nanos)
    }

    pub const fn from_millis(millis: u64) -> Self {
        Time(millis.saturating_mul(1_000_000))
    }

    pub const fn from_secs(secs: u64) -> Self {
        Time(secs.saturating_mul(1_000_000_000))
    }

    /// Rounds to the nearest nanosecond; negative and non-finite values become zero.
    pub fn from_secs_f64(secs: f64) -> Self {
        if secs.is_finite() && secs > 0.0 {
            Time((secs * 1e9).round() as u64)
        } else {
            Time::ZERO
        }
    }

    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// Returns whole milliseconds, rounded down.
    pub const fn millis(self) -> u64 {
        self.0 / 1_000_000
    }

    pub fn secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Formats whole seconds for people: `M:SS`, or `H:MM:SS` from an hour on.
    pub fn clock(self) -> String {
        let secs = self.0 / 1_000_000_000;
        let (hours, minutes, secs) = (secs / 3600, secs / 60 % 60, secs % 60);
        match hours {
            0 => format!("{minutes}:{secs:02}"),
            _ => format!("{hours}:{minutes:02}:{secs:02}"),
        }
    }

    pub const fn saturating_add(self, other: Time) -> Time {
        Time(self.0.saturating_add(other.0))
    }

    pub const fn saturating_sub(self, other: Time) -> Time {
        Time(self.0.saturating_sub(other.0))
    }

    pub const fn abs_diff(self, other: Time) -> Time {
        Time(self.0.abs_diff(other.0))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Formats as `H:MM:SS.nnnnnnnnn`, the way GStreamer prints a clock time.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = self.0 / 1_000_000_000;
        write!(
            f,
            "{}:{:02}:{:02}.{:09}",
            secs / 3600,
            secs / 60 % 60,
            secs % 60,
            self.0 % 1_000_000_000
        )
    }
}

/// A half-open span of time, `[start, end)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Span {
    pub start: Time,
    pub end: Time,
}

impl Span {
    pub const fn new(start: Time, end: Time) -> Self {
        Span { start, end }
    }

    /// Returns the length, zero if the end is before the start.
    pub const fn duration(self) -> Time {
        self.end.saturating_sub(self.start)
    }

    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    pub fn contains(self, time: Time) -> bool {
        self.start <= time && time < self.end
    }

    /// Returns the common part of both spans, or `None` if there is none.
    pub fn intersection(self, other: Span) -> Option<Span> {
        let shared = Span::new(self.start.max(other.start), self.end.min(other.end));
        (!shared.is_empty()).then_some(shared)
    }
}

/// Merges spans into disjoint ones, in order, without empty ones. Adjacent spans are merged.
pub(crate) fn union(spans: impl Iterator<Item = Span>) -> Vec<Span> {
    let mut spans: Vec<Span> = spans.filter(|span| !span.is_empty()).collect();
    spans.sort();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}
