// SPDX-License-Identifier: MPL-2.0

//! Positions of key frames and segment starts. They are decided once for all renditions, from the
//! times of frames, so that a player can switch between renditions at every segment.

use std::collections::{BTreeMap, BTreeSet};

use crate::timeline::{Span, Time};

/// Length below which a segment at a splice is merged into its neighbour. A segment of six seconds
/// plus this and a frame still fits its target duration (RFC 8216 section 4.3.3.1: rounded).
const SHORT: Time = Time::from_millis(450);

/// Tolerance: times of frames and of splices are rounded separately.
const ROUNDING: Time = Time::from_nanos(5000);

/// Result for one frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Start {
    /// Whether the frame is a key frame.
    pub key: bool,
    /// Whether the frame is the first of a segment, and so a key frame, too.
    pub segment: bool,
}

/// Start of a kept span of the source in the package.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Splice {
    /// Its start in the package.
    pub at: Time,
    /// Its span of the source. The end may be unknown, which is [`Time::MAX`].
    pub source: Span,
}

/// Decides frame by frame where segments and key frames start.
///
/// Segments start at splices. They also start at the first frame at or after every multiple of the
/// segment duration in the source's time. A passage that another cut does not touch is therefore
/// split into the same segments. Without splices, the package's time is the source's. Key frames
/// are at segment starts and at requested times. They are also at multiples of the key-frame
/// interval within each multiple of the segment duration.
#[derive(Clone, Debug)]
pub struct Grid {
    segment: Time,
    interval: Time,
    asked: BTreeSet<Time>,
    splices: BTreeMap<Time, Span>,
    splice: Splice,
    /// The following times are in the source's time.
    next_segment: Time,
    next_key: Time,
    last_segment: Time,
}

impl Grid {
    /// Makes a grid with this segment duration and this longest time between key frames; both are
    /// at least a millisecond.
    pub fn new(segment: Time, interval: Time) -> Self {
        let least = Time::from_millis(1);
        Grid {
            segment: segment.max(least),
            interval: interval.max(least),
            asked: BTreeSet::new(),
            splices: BTreeMap::new(),
            splice: Splice {
                at: Time::ZERO,
                source: Span::new(Time::ZERO, Time::MAX),
            },
            next_segment: Time::ZERO,
            next_key: Time::ZERO,
            last_segment: Time::ZERO,
        }
    }

    /// Requests a key frame at the first frame at or after `time`. If `time` has already passed,
    /// the next frame becomes one.
    pub fn ask(&mut self, time: Time) {
        self.asked.insert(time);
    }

    /// Adds a splice; to be called before its first frame is passed to `at`.
    pub fn splice(&mut self, splice: Splice) {
        self.splices.insert(splice.at, splice.source);
    }

    /// Starts again at time zero, as if no frame had been seen.
    pub fn restart(&mut self) {
        let mut fresh = Grid::new(self.segment, self.interval);
        fresh.asked = std::mem::take(&mut self.asked);
        *self = fresh;
    }

    /// Returns what starts at the frame of this time. Times must not decrease.
    pub fn at(&mut self, time: Time) -> Start {
        let reached = time.saturating_add(ROUNDING);
        let mut start = Start::default();
        while let Some(next) = self.splices.first_entry()
            && *next.key() <= reached
        {
            let (at, source) = next.remove_entry();
            self.splice = Splice { at, source };
            start.segment = true;
        }
        let into = reached.saturating_sub(self.splice.at);
        let source = self.splice.source.start.saturating_add(into);
        let multiple =
            Time::from_nanos(source.nanos() / self.segment.nanos() * self.segment.nanos());
        if start.segment || source >= self.next_segment {
            start.segment |= self.is_apart(source);
            self.next_segment = multiple.saturating_add(self.segment);
            if start.segment {
                self.last_segment = source;
                self.next_key = multiple;
            } else {
                self.next_key = multiple.saturating_add(self.interval);
            }
        }
        if source >= self.next_key {
            let into = source.saturating_sub(self.next_key).nanos() / self.interval.nanos() + 1;
            let step = self.interval.nanos().saturating_mul(into);
            self.next_key = self.next_key.saturating_add(Time::from_nanos(step));
            start.key = true;
        }
        while self.asked.first().is_some_and(|&asked| asked <= time) {
            self.asked.pop_first();
            start.key = true;
        }
        start
    }

    /// Returns whether a segment may start at this source time. The rest up to a splice must be
    /// long enough for a segment, or not fit into the one before.
    fn is_apart(&self, source: Time) -> bool {
        let Span { start, end } = self.splice.source;
        let begins = start == Time::ZERO || source.saturating_sub(start) >= SHORT;
        let ends = end.saturating_sub(source) >= SHORT;
        let most = self.segment.saturating_add(SHORT);
        let has_room = end.saturating_sub(self.last_segment) <= most;
        begins && (ends || !has_room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the frame numbers at which key frames and segments start.
    fn starts(grid: &mut Grid, rate: (u64, u64), frames: u64) -> (Vec<u64>, Vec<u64>) {
        let (mut keys, mut segments) = (Vec::new(), Vec::new());
        for frame in 0..frames {
            let start = grid.at(Time::from_nanos(frame * 1_000_000_000 * rate.1 / rate.0));
            if start.key {
                keys.push(frame);
            }
            if start.segment {
                segments.push(frame);
            }
        }
        (keys, segments)
    }

    #[test]
    fn segments_and_key_frames_lie_on_multiples() {
        let mut grid = Grid::new(Time::from_secs(6), Time::from_secs(2));
        let (keys, segments) = starts(&mut grid, (10, 1), 130);
        assert_eq!(keys, [0, 20, 40, 60, 80, 100, 120]);
        assert_eq!(segments, [0, 60, 120]);
    }

    #[test]
    fn an_interval_that_does_not_divide_the_segment_starts_anew_in_each() {
        let mut grid = Grid::new(Time::from_secs(6), Time::from_secs(4));
        let (keys, segments) = starts(&mut grid, (10, 1), 130);
        assert_eq!(keys, [0, 40, 60, 100, 120]);
        assert_eq!(segments, [0, 60, 120]);
    }

    #[test]
    fn a_fractional_rate_does_not_drift() {
        let mut grid = Grid::new(Time::from_secs(6), Time::from_secs(6));
        let (keys, segments) = starts(&mut grid, (30000, 1001), 30 * 3600 * 8);
        assert_eq!(keys, segments);
        assert_eq!(segments.len(), 28_828_800usize.div_ceil(6000));
        for (index, frame) in segments.iter().enumerate() {
            let late = *frame as f64 * 1.001 / 30.0 - index as f64 * 6.0;
            assert!((-1e-6..0.0334).contains(&late), "{index}: {late}");
        }
    }

    #[test]
    fn asked_key_frames_are_extra() {
        let mut grid = Grid::new(Time::from_secs(6), Time::from_secs(6));
        grid.ask(Time::from_millis(2_450));
        let (keys, segments) = starts(&mut grid, (10, 1), 130);
        assert_eq!(keys, [0, 25, 60, 120]);
        assert_eq!(segments, [0, 60, 120]);
        grid.ask(Time::ZERO);
        assert!(grid.at(Time::from_millis(13_000)).key);
    }

    /// Returns the segment starts, in milliseconds, for ten frames per second and these spans of
    /// the source.
    fn spliced(kept: &[(u64, u64)], end: u64) -> Vec<u64> {
        let mut grid = Grid::new(Time::from_secs(6), Time::from_secs(6));
        let mut at = 0;
        for &(start, end) in kept {
            grid.splice(Splice {
                at: Time::from_millis(at),
                source: Span::new(Time::from_millis(start), Time::from_millis(end)),
            });
            at += end - start;
        }
        let frames = (0..at.min(end)).step_by(100);
        let starts = frames.filter(|&millis| {
            let start = grid.at(Time::from_millis(millis));
            assert!(start.key || !start.segment, "{millis}");
            start.segment
        });
        starts.collect()
    }

    #[test]
    fn segments_lie_on_multiples_of_the_sources_time() {
        // 13 to 27 and 40 to 50 of the source.
        let starts = spliced(&[(13_000, 27_000), (40_000, 50_000)], u64::MAX);
        assert_eq!(starts, [0, 5_000, 11_000, 14_000, 16_000, 22_000]);
        // The same, started two seconds later.
        let starts = spliced(&[(15_000, 27_000), (40_000, 50_000)], u64::MAX);
        assert_eq!(starts, [0, 3_000, 9_000, 12_000, 14_000, 20_000]);
    }

    #[test]
    fn a_splice_leaves_no_short_segment() {
        let starts = spliced(&[(5_800, 18_300), (23_900, 30_300)], u64::MAX);
        assert_eq!(starts, [0, 6_200, 12_500]);
        // Both together would be too long.
        let starts = spliced(&[(5_700, 12_400), (20_000, 30_000)], u64::MAX);
        assert_eq!(starts, [0, 6_300, 6_700, 10_700]);
        let open = u64::from(u32::MAX);
        assert_eq!(spliced(&[(4_000, open)], 10_000), [0, 2_000, 8_000]);
    }

    #[test]
    fn a_hole_in_the_frames_is_stepped_over() {
        let mut grid = Grid::new(Time::from_secs(6), Time::from_secs(2));
        assert!(grid.at(Time::ZERO).segment);
        assert!(grid.at(Time::from_secs(21)).segment);
        assert_eq!(grid.at(Time::from_millis(21_900)), Start::default());
        assert_eq!(
            grid.at(Time::from_secs(22)),
            Start {
                key: true,
                segment: false
            }
        );
        assert!(grid.at(Time::from_secs(24)).segment);
    }
}
