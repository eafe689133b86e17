// SPDX-License-Identifier: MPL-2.0

//! Converts frame scores and levels to spans of speech, with hysteresis.

use std::collections::VecDeque;

use crate::timeline::{Span, Time};

/// Length of a frame: 256 samples at 16 kHz.
pub const FRAME: Time = Time::from_millis(16);

/// Number of frames over which score and level are smoothed.
const SMOOTH: usize = 5;
/// Part of the threshold above which a span continues.
const CONTINUE: f32 = 0.6;
/// Decibels above the noise floor below which sound is noise: a steady fan may sound like a voice
/// to the detector, but it never rises above itself.
const ABOVE_FLOOR: f32 = 4.0;
/// Longest pause inside a word or between two words.
const HANG: Time = Time::from_millis(300);
/// Number of frames before detection at which a span may start: the first sound of a word scores
/// low.
const BACK: usize = 16;
/// Shortest speech: clicks and knocks are shorter than any word.
const MIN_SPEECH: Time = Time::from_millis(240);

#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub start: Time,
    /// Probability that this frame contains a voice, 0 to 1.
    pub score: f32,
    /// Level in dBFS.
    pub level: f32,
    /// Level of the background in dBFS.
    pub floor: f32,
}

/// Finds the spans in a sequence of frames.
pub struct Activity {
    threshold: f32,
    recent: VecDeque<Frame>,
    open: Option<Span>,
    /// End of the last span, or start of this part of the stream: spans never begin before it.
    not_before: Time,
}

impl Activity {
    pub fn new(threshold: f32) -> Self {
        Activity {
            threshold,
            recent: VecDeque::with_capacity(BACK + 1),
            open: None,
            not_before: Time::ZERO,
        }
    }

    /// Adds the next frame; returns a span that ended.
    pub fn push(&mut self, frame: Frame) -> Option<Span> {
        if self.recent.len() > BACK {
            self.recent.pop_front();
        }
        self.recent.push_back(frame);
        let count = self.recent.len().min(SMOOTH) as f32;
        let (score, level) = self
            .recent
            .iter()
            .rev()
            .take(SMOOTH)
            .fold((0.0, 0.0), |sum, f| (sum.0 + f.score, sum.1 + f.level));
        let (score, level) = (score / count, level / count);
        let heard = level > frame.floor + ABOVE_FLOOR;
        let end = frame.start.saturating_add(FRAME);
        match &mut self.open {
            Some(span) => {
                if heard && score >= self.threshold * CONTINUE {
                    span.end = end;
                    None
                } else if frame.start.saturating_sub(span.end) >= HANG {
                    self.close()
                } else {
                    None
                }
            }
            None => {
                if heard && score >= self.threshold {
                    let start = self.onset().max(self.not_before);
                    self.open = Some(Span::new(start, end));
                }
                None
            }
        }
    }

    /// Ends the sequence, because the next frames do not continue it; returns the span that this
    /// ends.
    pub fn finish(&mut self) -> Option<Span> {
        let ended = self.close();
        self.recent.clear();
        ended
    }

    fn onset(&self) -> Time {
        let mut start = self.recent.back().map_or(Time::ZERO, |frame| frame.start);
        let mut doubtful = 0;
        for frame in self.recent.iter().rev() {
            let possible =
                frame.level > frame.floor + ABOVE_FLOOR && frame.score >= self.threshold * 0.4;
            if possible {
                start = frame.start;
                doubtful = 0;
            } else {
                doubtful += 1;
                if doubtful > 2 {
                    break;
                }
            }
        }
        start
    }

    fn close(&mut self) -> Option<Span> {
        let span = self.open.take()?;
        self.not_before = span.end;
        (span.duration() >= MIN_SPEECH).then_some(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(frames: impl IntoIterator<Item = (f32, f32)>) -> Vec<Span> {
        let mut activity = Activity::new(0.5);
        let mut spans = Vec::new();
        for (index, (score, level)) in frames.into_iter().enumerate() {
            let start = Time::from_nanos(FRAME.nanos() * index as u64);
            spans.extend(activity.push(Frame {
                start,
                score,
                level,
                floor: -60.0,
            }));
        }
        spans.extend(activity.finish());
        spans
    }

    fn repeat(count: usize, score: f32, level: f32) -> impl Iterator<Item = (f32, f32)> {
        std::iter::repeat_n((score, level), count)
    }

    #[test]
    fn a_doubtful_middle_does_not_end_a_span() {
        let spans = run(repeat(50, 0.9, -30.0)
            .chain(repeat(50, 0.35, -35.0))
            .chain(repeat(50, 0.9, -30.0)));
        assert_eq!(spans.len(), 1);
        assert_eq!(spans[0].duration().nanos(), 150 * FRAME.nanos());
    }

    #[test]
    fn a_click_is_no_speech() {
        let spans = run(repeat(50, 0.1, -60.0)
            .chain(repeat(3, 0.9, -20.0))
            .chain(repeat(50, 0.1, -60.0)));
        assert_eq!(spans, []);
    }

    #[test]
    fn noise_that_sounds_like_a_voice_is_no_speech() {
        assert_eq!(run(repeat(500, 0.8, -59.0)), []);
    }

    #[test]
    fn the_first_soft_sound_belongs_to_the_word() {
        let spans = run(repeat(50, 0.1, -60.0)
            .chain(repeat(8, 0.25, -45.0))
            .chain(repeat(50, 0.9, -30.0)));
        assert_eq!(spans[0].start.nanos(), 50 * FRAME.nanos());
    }
}
