// SPDX-License-Identifier: MPL-2.0

//! The part of a live composite that one of its outputs takes.

use super::gate::{Gate, Pass, Pauses};
use crate::timeline::Time;

/// Interval at which an output begins a part that can be played by itself.
const PART: Time = Time::from_secs(2);

/// The verdict on a frame for an output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    pub pass: Pass,
    /// The encoder is to make a key frame.
    pub needs_key_frame: bool,
}

/// Decides on the frames of one stream. Pauses are closed up: what comes after one is moved to its start.
#[derive(Debug)]
pub struct Feed {
    is_video: bool,
    gate: Gate,
    /// The last key frame, or the last request for one.
    last_key: Option<Time>,
}

impl Feed {
    pub fn new(is_video: bool) -> Self {
        Feed {
            is_video,
            gate: Gate::new(is_video),
            last_key: None,
        }
    }

    /// Records that frames are missing: what follows cannot be decoded until a key frame.
    pub fn lose(&mut self) {
        self.gate = Gate::new(self.is_video);
    }

    /// Decides on the next frame. `is_key` is whether it can be decoded without others.
    pub fn pass(&mut self, time: Time, is_key: bool, pauses: &Pauses) -> Verdict {
        let pass = self.gate.pass(time, is_key, pauses);
        let is_old = self
            .last_key
            .is_some_and(|last| time >= last.saturating_add(PART));
        let is_due = self.is_video && pass == Pass::Write && is_old && !is_key;
        if pass == Pass::Write && (is_key || is_due) {
            self.last_key = Some(time);
        }
        Verdict {
            pass,
            needs_key_frame: is_due || pass == Pass::Request,
        }
    }
}

/// Chooses the frames that become still images: one per interval, each a key frame.
#[derive(Debug)]
pub struct Snapshots {
    every: Time,
    /// The second of the next image.
    next: Time,
    requested: Option<Time>,
}

impl Snapshots {
    /// `every` is the interval in seconds, at least 1.
    pub fn new(every: u64) -> Self {
        Snapshots {
            every: Time::from_secs(every.max(1)),
            next: Time::ZERO,
            requested: None,
        }
    }

    /// Decides on the next frame of the video.
    pub fn pass(&mut self, time: Time, is_key: bool, pauses: &Pauses) -> Pass {
        if time < self.next || pauses.cover(time) {
            return Pass::Drop;
        }
        if is_key {
            self.next = self.slot(time).saturating_add(self.every);
            self.requested = None;
            return Pass::Write;
        }
        let is_early = self
            .requested
            .is_some_and(|last| time < last.saturating_add(Time::from_secs(1)));
        if is_early {
            return Pass::Drop;
        }
        self.requested = Some(time);
        Pass::Request
    }

    /// Returns the start of the interval that contains a time.
    pub fn slot(&self, time: Time) -> Time {
        let count = time.nanos() / self.every.nanos();
        Time::from_nanos(count * self.every.nanos())
    }

    /// Returns the name of the image of a time: the second at which its interval starts.
    pub fn name(&self, time: Time) -> String {
        format!("{:06}.jpg", self.slot(time).nanos() / 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn a_key_frame_is_asked_for_every_two_seconds() {
        let mut feed = Feed::new(true);
        let pauses = Pauses::default();
        let mut asked = |millis, is_key| {
            let verdict = feed.pass(at(millis), is_key, &pauses);
            (verdict.pass == Pass::Write, verdict.needs_key_frame)
        };
        assert_eq!(asked(0, false), (false, true));
        assert_eq!(asked(100, true), (true, false));
        assert_eq!(asked(2099, false), (true, false));
        assert_eq!(asked(2100, false), (true, true));
        assert_eq!(asked(2133, false), (true, false));
        assert_eq!(asked(2166, true), (true, false));
        assert_eq!(asked(4165, false), (true, false));
        assert_eq!(asked(4166, true), (true, false));
        let mut audio = Feed::new(false);
        for millis in [0, 5000] {
            let verdict = audio.pass(at(millis), true, &pauses);
            assert_eq!(
                (verdict.pass, verdict.needs_key_frame),
                (Pass::Write, false)
            );
        }
    }

    #[test]
    fn after_a_loss_a_key_frame_comes_first() {
        let mut feed = Feed::new(true);
        let pauses = Pauses::default();
        assert_eq!(feed.pass(at(0), true, &pauses).pass, Pass::Write);
        feed.lose();
        assert_eq!(feed.pass(at(33), false, &pauses).pass, Pass::Request);
        assert_eq!(feed.pass(at(66), true, &pauses).pass, Pass::Write);
    }

    #[test]
    fn there_is_one_image_per_interval_outside_of_pauses() {
        let mut shots = Snapshots::new(10);
        let mut pauses = Pauses::default();
        pauses.pause(at(20_000));
        pauses.resume(at(35_000));
        let mut passed = Vec::new();
        for millis in (500..60_000).step_by(500) {
            let is_key = millis % 1000 == 0;
            if shots.pass(at(millis), is_key, &pauses) == Pass::Write {
                passed.push((millis, shots.name(at(millis))));
            }
        }
        let expected = [
            (1000, "000000.jpg"),
            (10_000, "000010.jpg"),
            (35_000, "000030.jpg"),
            (40_000, "000040.jpg"),
            (50_000, "000050.jpg"),
        ];
        let expected = expected.map(|(millis, name)| (millis, name.to_owned()));
        assert_eq!(passed, expected);
    }

    #[test]
    fn a_key_frame_for_an_image_is_requested_once_per_second() {
        let mut shots = Snapshots::new(1);
        let pauses = Pauses::default();
        let mut pass = |millis| shots.pass(at(millis), false, &pauses);
        assert_eq!(pass(0), Pass::Request);
        assert_eq!(pass(500), Pass::Drop);
        assert_eq!(pass(1000), Pass::Request);
    }
}
