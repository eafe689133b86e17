// SPDX-License-Identifier: MPL-2.0

//! Coded frames that an edit list hides, left out of a copy together with those that need them.

use super::{Span, Time};

/// What becomes of a coded frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is copied.
    Kept,
    /// It is not shown.
    Hidden,
    /// It is shown, but cannot be decoded without a frame that is hidden.
    Lost,
}

/// Decides on the frames of a stream, in the order of decoding.
#[derive(Clone, Debug)]
pub struct Copied {
    /// What the present edit shows of the media.
    shown: Span,
    /// The start of the key frame from which frames are copied; `None` while one is awaited.
    key: Option<Time>,
    /// Length of the frames that are lost.
    lost: Time,
}

impl Default for Copied {
    fn default() -> Self {
        Copied {
            shown: Span::new(Time::ZERO, Time::MAX),
            key: None,
            lost: Time::ZERO,
        }
    }
}

impl Copied {
    /// Begins an edit that shows this span of the media.
    pub fn begin(&mut self, shown: Span) {
        self.shown = shown;
        self.key = None;
    }

    /// Decides on the next frame, by its presentation in the media. `is_key` tells that it needs no
    /// other frame.
    pub fn decide(&mut self, frame: Span, is_key: bool) -> Fate {
        let is_shown = frame.end > self.shown.start && frame.start < self.shown.end;
        match (is_shown, is_key, self.key) {
            (true, true, _) => {
                self.key = Some(frame.start);
                Fate::Kept
            }
            // A frame that is decoded after its key frame and shown before may need an earlier one.
            (true, false, Some(key)) if frame.start >= key => Fate::Kept,
            (true, false, _) => {
                let shown = frame.end.min(self.shown.end);
                let length = shown.saturating_sub(frame.start.max(self.shown.start));
                self.lost = self.lost.saturating_add(length);
                Fate::Lost
            }
            (false, ..) => {
                // Those that follow may need it, unless it is one that is shown before its key frame.
                if is_key || self.key.is_some_and(|key| frame.start >= key) {
                    self.key = None;
                }
                Fate::Hidden
            }
        }
    }

    /// Returns the length of the frames that are lost so far.
    pub fn lost(&self) -> Time {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::Fate::{Hidden, Kept, Lost};
    use super::*;

    /// Frames of 40 ms.
    fn frame(number: u64) -> Span {
        Span::new(
            Time::from_millis(number * 40),
            Time::from_millis(number * 40 + 40),
        )
    }

    /// Decides on frames in the order of decoding; key frames are at multiples of ten.
    fn fates(shown: Span, order: &[u64]) -> (Vec<Fate>, Time) {
        let mut copied = Copied::default();
        copied.begin(shown);
        let decide = |number: &u64| copied.decide(frame(*number), number.is_multiple_of(10));
        let fates = order.iter().map(decide).collect();
        (fates, copied.lost())
    }

    fn span(first: u64, end: u64) -> Span {
        Span::new(frame(first).start, frame(end).start)
    }

    #[test]
    fn all_of_a_stream_without_edits_is_kept() {
        let mut copied = Copied::default();
        for number in [0, 3, 1, 2, 10, 13] {
            assert_eq!(copied.decide(frame(number), number % 10 == 0), Kept);
        }
    }

    #[test]
    fn an_edit_that_begins_at_a_key_frame_loses_nothing() {
        let (found, lost) = fates(span(10, 14), &[10, 11, 12, 13, 14, 15]);
        assert_eq!(found, [Kept, Kept, Kept, Kept, Hidden, Hidden]);
        assert_eq!(lost, Time::ZERO);
    }

    #[test]
    fn frames_behind_a_hidden_key_frame_are_lost_until_the_next() {
        let (found, lost) = fates(span(8, 12), &[7, 8, 9, 10, 11, 12]);
        assert_eq!(found, [Hidden, Lost, Lost, Kept, Kept, Hidden]);
        assert_eq!(lost, Time::from_millis(80));
    }

    #[test]
    fn frames_between_references_go_with_a_hidden_one() {
        // 13 is decoded before 11 and 12; 8 and 9 belong to the group before.
        let (found, lost) = fates(span(8, 13), &[10, 8, 9, 13, 11, 12]);
        assert_eq!(found, [Kept, Lost, Lost, Hidden, Lost, Lost]);
        assert_eq!(lost, Time::from_millis(160));
    }
}
