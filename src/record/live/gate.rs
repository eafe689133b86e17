// SPDX-License-Identifier: MPL-2.0

//! The frames of a track that are written.

use crate::timeline::Time;

/// Interval at which a key frame is requested again.
const REQUEST_INTERVAL: Time = Time::from_secs(1);

/// The pauses of a recording, by the times of its frames.
#[derive(Debug, Default)]
pub struct Pauses {
    closed: Vec<(Time, Time)>,
    open: Option<Time>,
}

impl Pauses {
    /// Starts a pause. Returns `false` if there is one already.
    pub fn pause(&mut self, now: Time) -> bool {
        let is_new = self.open.is_none();
        self.open.get_or_insert(now);
        is_new
    }

    /// Ends the pause. Returns `false` if there is none.
    pub fn resume(&mut self, now: Time) -> bool {
        let start = self.open.take();
        self.closed.extend(start.map(|start| (start, now)));
        start.is_some()
    }

    /// Returns the length of the pauses that ended by this time.
    pub fn before(&self, time: Time) -> Time {
        let ended = self.closed.iter().filter(|(_, end)| *end <= time);
        ended.fold(Time::ZERO, |sum, (start, end)| {
            sum.saturating_add(end.saturating_sub(*start))
        })
    }

    /// Returns whether a frame of this time was captured during a pause.
    pub fn cover(&self, time: Time) -> bool {
        self.open.is_some_and(|start| time >= start)
            || self
                .closed
                .iter()
                .any(|(start, end)| (*start..*end).contains(&time))
    }
}

/// The verdict on a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pass {
    Write,
    Drop,
    /// Drop, and ask the sender for a key frame.
    Request,
}

/// Decides which frames of a track are written.
#[derive(Debug)]
pub struct Gate {
    is_video: bool,
    needs_key_frame: bool,
    requested: Option<Time>,
}

impl Gate {
    pub fn new(is_video: bool) -> Self {
        Gate {
            is_video,
            needs_key_frame: is_video,
            requested: None,
        }
    }

    /// Decides on the next frame. `is_key` is whether it can be decoded without others.
    pub fn pass(&mut self, time: Time, is_key: bool, pauses: &Pauses) -> Pass {
        if pauses.cover(time) {
            self.needs_key_frame = self.is_video;
            self.requested = None;
            return Pass::Drop;
        }
        if is_key || !self.needs_key_frame {
            self.needs_key_frame = false;
            return Pass::Write;
        }
        let is_early = self
            .requested
            .is_some_and(|last| time < last.saturating_add(REQUEST_INTERVAL));
        if is_early {
            return Pass::Drop;
        }
        self.requested = Some(time);
        Pass::Request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn video_starts_with_a_key_frame_that_is_requested_once_per_second() {
        let mut gate = Gate::new(true);
        let pauses = Pauses::default();
        let passed: Vec<Pass> = [0, 500, 1000, 1500]
            .map(|time| gate.pass(at(time), false, &pauses))
            .into();
        assert_eq!(
            passed,
            [Pass::Request, Pass::Drop, Pass::Request, Pass::Drop]
        );
        assert_eq!(gate.pass(at(1600), true, &pauses), Pass::Write);
        assert_eq!(gate.pass(at(1700), false, &pauses), Pass::Write);
        assert_eq!(Gate::new(false).pass(at(0), false, &pauses), Pass::Write);
    }

    #[test]
    fn pauses_before_a_time_add_up() {
        let mut pauses = Pauses::default();
        for (start, end) in [(1000, 3000), (5000, 5500)] {
            pauses.pause(at(start));
            pauses.resume(at(end));
        }
        pauses.pause(at(9000));
        let before = [0, 2999, 3000, 5400, 5500, 10_000].map(|time| pauses.before(at(time)));
        assert_eq!(before, [0, 0, 2000, 2000, 2500, 2500].map(at));
    }

    /// Frames come late: what was captured before the pause is written, what was captured in it never.
    #[test]
    fn a_pause_is_a_hole_in_the_time_of_the_frames() {
        let mut pauses = Pauses::default();
        let (mut video, mut audio) = (Gate::new(true), Gate::new(false));
        assert_eq!(video.pass(at(0), true, &pauses), Pass::Write);
        assert!(pauses.pause(at(1000)) && !pauses.pause(at(1500)));
        assert_eq!(video.pass(at(900), false, &pauses), Pass::Write);
        assert_eq!(video.pass(at(1000), true, &pauses), Pass::Drop);
        assert_eq!(audio.pass(at(1100), true, &pauses), Pass::Drop);
        assert!(pauses.resume(at(2000)) && !pauses.resume(at(2500)));
        assert_eq!(video.pass(at(1999), true, &pauses), Pass::Drop);
        assert_eq!(audio.pass(at(1999), true, &pauses), Pass::Drop);
        assert_eq!(video.pass(at(2000), false, &pauses), Pass::Request);
        assert_eq!(audio.pass(at(2000), true, &pauses), Pass::Write);
        assert_eq!(video.pass(at(2100), true, &pauses), Pass::Write);
        assert_eq!(video.pass(at(2200), false, &pauses), Pass::Write);
    }
}
