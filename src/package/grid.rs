// SPDX-License-Identifier: MPL-2.0

//! Where key frames and segments start. The decision is made once for all renditions, on the
//! times of frames, so that a player can switch between renditions at every segment.

use std::collections::BTreeSet;

use crate::timeline::Time;

/// What starts at a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Start {
    /// The frame is a key frame.
    pub key: bool,
    /// The frame is the first of a segment, and so a key frame too.
    pub segment: bool,
}

/// Decides frame by frame what starts there.
///
/// Segments start at the first frame at or after every multiple of the segment duration. Key
/// frames stand there, at the multiples of the key-frame interval inside each segment, and where
/// somebody asked for one.
#[derive(Clone, Debug)]
pub struct Grid {
    segment: Time,
    interval: Time,
    asked: BTreeSet<Time>,
    next_segment: Time,
    next_key: Time,
}

impl Grid {
    /// `segment` is how long segments are, `interval` the longest time between two key frames;
    /// both are at least a millisecond.
    pub fn new(segment: Time, interval: Time) -> Self {
        let least = Time::from_millis(1);
        Grid {
            segment: segment.max(least),
            interval: interval.max(least),
            asked: BTreeSet::new(),
            next_segment: Time::ZERO,
            next_key: Time::ZERO,
        }
    }

    /// Asks for a key frame at the first frame at or after `time`. A time that lies behind the
    /// last frame asked about takes the next one.
    pub fn ask(&mut self, time: Time) {
        self.asked.insert(time);
    }

    /// Starts again at time zero, as if no frame had been seen.
    pub fn restart(&mut self) {
        self.next_segment = Time::ZERO;
        self.next_key = Time::ZERO;
    }

    /// What starts at the frame of this time. Times must not decrease.
    pub fn at(&mut self, time: Time) -> Start {
        let segment = time >= self.next_segment;
        if segment {
            let start =
                Time::from_nanos(time.nanos() / self.segment.nanos() * self.segment.nanos());
            self.next_segment = start.saturating_add(self.segment);
            self.next_key = start;
        }
        let mut key = segment;
        if time >= self.next_key {
            let into = time.saturating_sub(self.next_key).nanos() / self.interval.nanos() + 1;
            let step = self.interval.nanos().saturating_mul(into);
            self.next_key = self.next_key.saturating_add(Time::from_nanos(step));
            key = true;
        }
        while self.asked.first().is_some_and(|&asked| asked <= time) {
            self.asked.pop_first();
            key = true;
        }
        Start { key, segment }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frame numbers at which key frames and segments start.
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
