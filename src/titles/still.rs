// SPDX-License-Identifier: MPL-2.0

//! Still frames of a video, kept for a while.

use std::collections::VecDeque;

use super::Sheet;
use crate::timeline::{Span, Time};

/// Time between two kept frames.
const APART: Time = Time::from_millis(1500);
/// Number of kept frames: a slide change is certain some nine seconds after it, or some frames after
/// it where few are decoded.
const KEPT: usize = 10;
/// Time that a slide takes to become sharp: transitions, and encoders that refine a still frame.
const SHARP: Time = Time::from_millis(1800);
/// Part of a frame's pixels that a pointer changes, and that another page changes at least.
const STILL: f32 = 0.004;
const OTHER: f32 = 0.012;
/// Number of frames that show the same page: a camera that sways is still for one or two.
const SAME: usize = 3;

/// The last frames of a video, some time apart.
#[derive(Default)]
pub struct Stills(VecDeque<(Time, Sheet)>);

impl Stills {
    /// Returns whether the frame of this time is to be kept.
    pub fn wants(&self, time: Time) -> bool {
        let last = self.0.back();
        last.is_none_or(|(last, _)| time < *last || time >= last.saturating_add(APART))
    }

    /// Keeps a frame, and drops the oldest one of too many. A frame that is earlier than the last one
    /// starts a new stream.
    pub fn keep(&mut self, time: Time, frame: Sheet) {
        if self.0.back().is_some_and(|(last, _)| time < *last) {
            self.0.clear();
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((time, frame));
    }

    /// Returns the last frame, with its time, if it shows the same page as the two before and
    /// something else than `read`: a page that has come without a certain change, between two views
    /// of a camera that moves.
    pub fn new_page(&self, read: &Sheet) -> Option<(Time, &Sheet)> {
        let (time, frame) = self.0.back()?;
        let first = self.0.len().checked_sub(SAME)?;
        let mut before = self.0.range(first..).rev().skip(1);
        let is_page = frame.difference(read) > OTHER && frame.is_plain();
        let is_still = is_page && before.all(|(_, before)| frame.difference(before) < STILL);
        is_still.then_some((*time, frame))
    }

    /// Returns the frame, with its time, of a slide that is shown in this span: the first one in
    /// which it is sharp, else the last one of the span.
    pub fn of_slide(&self, shown: Span) -> Option<(Time, &Sheet)> {
        let sharp = shown.start.saturating_add(SHARP);
        let mut after = self.0.iter().filter(|(time, _)| shown.contains(*time));
        let first = after.clone().find(|(time, _)| *time >= sharp);
        let (time, frame) = first.or_else(|| after.next_back())?;
        Some((*time, frame))
    }

    /// Returns the last frame, with its time, before a time.
    pub fn before(&self, end: Time) -> Option<(Time, &Sheet)> {
        let (time, frame) = self.0.iter().rfind(|(time, _)| *time < end)?;
        Some((*time, frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(times: &[u64]) -> Stills {
        let mut stills = Stills::default();
        for &time in times {
            let time = Time::from_millis(time);
            if stills.wants(time) {
                stills.keep(time, Sheet::of_frame(1, 1, &[0]).expect("a frame"));
            }
        }
        stills
    }

    fn found(stills: &Stills, change: u64) -> Option<u64> {
        let found = stills.of_slide(Span::new(Time::from_millis(change), Time::MAX));
        found.map(|(time, _)| time.millis())
    }

    #[test]
    fn the_frame_of_a_change_is_the_first_sharp_one() {
        let every_half: Vec<u64> = (0..40).map(|frame| frame * 500).collect();
        let stills = kept(&every_half);
        assert_eq!(found(&stills, 9_800), Some(12_000));
        assert_eq!(found(&stills, 18_000), Some(19_500));
        assert_eq!(found(&stills, 19_600), None);
        let short = Span::new(Time::from_millis(9_800), Time::from_millis(11_000));
        let found = stills.of_slide(short).map(|(time, _)| time.millis());
        assert_eq!(found, Some(10_500));
    }

    #[test]
    fn a_page_that_stays_is_new_and_a_camera_that_moves_is_not() {
        let frame = |shade: u8| Sheet::of_frame(64, 64, &[shade; 64 * 64]).expect("a frame");
        let mut stills = Stills::default();
        let mut found = Vec::new();
        for (second, shade) in [10, 10, 90, 130, 160, 200, 200, 202, 10, 10]
            .into_iter()
            .enumerate()
        {
            stills.keep(Time::from_secs(2 * second as u64), frame(shade));
            found.extend(stills.new_page(&frame(10)).map(|(time, _)| time.secs_f64()));
        }
        assert_eq!(found, [14.0]);
    }

    #[test]
    fn few_frames_are_kept_and_none_of_an_earlier_stream() {
        let dense: Vec<u64> = (0..2000).map(|frame| frame * 100).collect();
        assert_eq!(kept(&dense).0.len(), KEPT);
        assert_eq!(
            found(&kept(&[0, 10_000, 20_000, 30_000]), 5_000),
            Some(10_000)
        );
        assert_eq!(found(&kept(&[50_000, 60_000, 1_000]), 0), Some(1_000));
    }
}
