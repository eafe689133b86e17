// SPDX-License-Identifier: MPL-2.0

//! Spans in which somebody may be speaking over music.
//!
//! Music is not speech, even if a detector mistakes it for a voice. But a voice over music adds
//! energy that no steady partial explains: the audio becomes louder and less tonal than before. So
//! does music whose drums set in, hence the result is only a hint.

use std::collections::VecDeque;

use super::activity::{FRAME, Frame};
use crate::timeline::{Span, Time};

/// Number of frames (0.75 s) over which the present is averaged: some syllables.
const PRESENT: usize = 47;
/// Number of frames (4 s) after which the usual values of this music are known.
const KNOWN: usize = 250;
/// Number of frames over which the usual values adapt: 8 s, and 40 s during a possible voice.
const USUAL: f32 = 500.0;
const USUAL_WITH_VOICE: f32 = 2500.0;
/// A voice leaves less than this part of the usual tonality, …
const LESS_TONAL: f32 = 0.4;
/// … makes the music louder by at least this many decibels, …
const LOUDER: f32 = 1.0;
/// … and has frames that score at least this on average.
const SCORE: f32 = 0.7;
/// Longest time of music alone between two words over music.
const HANG: Time = Time::from_millis(800);
const MIN_SPEECH: Time = Time::SECOND;

/// A frame of the music.
#[derive(Clone, Copy)]
struct Heard {
    start: Time,
    score: f32,
    power: f32,
    tonality: f32,
}

/// Follows one passage of music.
#[derive(Default)]
pub struct VoiceOver {
    present: VecDeque<Heard>,
    /// Usual tonality, and level in dBFS.
    usual: (f32, f32),
    frames: usize,
    open: Option<Span>,
}

impl VoiceOver {
    /// Adds the next frame of the music; `tonality` is the part of its energy in steady partials.
    /// Returns a span in which somebody may have spoken.
    pub fn push(&mut self, frame: Frame, tonality: f32) -> Option<Span> {
        if self.present.len() == PRESENT {
            self.present.pop_front();
        }
        self.present.push_back(Heard {
            start: frame.start,
            score: frame.score,
            power: 10f32.powf(frame.level / 10.0),
            tonality,
        });
        let count = self.present.len() as f32;
        let mean = |of: fn(&Heard) -> f32| self.present.iter().map(of).sum::<f32>() / count;
        let level = 10.0 * (mean(|heard| heard.power) + 1e-10).log10();
        let tonality = mean(|heard| heard.tonality);
        let (usually_tonal, usual_level) = self.usual;
        let voice = self.frames >= KNOWN
            && tonality < LESS_TONAL * usually_tonal
            && level > usual_level + LOUDER
            && mean(|heard| heard.score) >= SCORE;
        self.frames += 1;
        let slowness = if voice { USUAL_WITH_VOICE } else { USUAL };
        let step = 1.0 / slowness.min(self.frames as f32);
        self.usual.0 += step * (tonality - usually_tonal);
        self.usual.1 += step * (level - usual_level);

        let end = frame.start.saturating_add(FRAME);
        if voice {
            let first = self
                .present
                .front()
                .map_or(frame.start, |heard| heard.start);
            self.open.get_or_insert(Span::new(first, end)).end = end;
            return None;
        }
        let ended = self
            .open
            .is_some_and(|span| frame.start.saturating_sub(span.end) >= HANG);
        if ended { self.close() } else { None }
    }

    /// Ends the music.
    pub fn finish(&mut self) -> Option<Span> {
        let ended = self.close();
        *self = VoiceOver::default();
        ended
    }

    fn close(&mut self) -> Option<Span> {
        let span = self.open.take()?;
        (span.duration() >= MIN_SPEECH).then_some(span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Analyses passages of (frames, level, tonality) that all score as a voice.
    fn run(stretches: &[(usize, f32, f32)]) -> Vec<Span> {
        let mut over = VoiceOver::default();
        let mut found = Vec::new();
        let mut at = 0;
        for &(count, level, tonality) in stretches {
            for _ in 0..count {
                let frame = Frame {
                    start: Time::from_nanos(FRAME.nanos() * at),
                    score: 0.9,
                    level,
                    floor: -60.0,
                };
                at += 1;
                found.extend(over.push(frame, tonality));
            }
        }
        found.extend(over.finish());
        found
    }

    #[test]
    fn a_voice_makes_music_louder_and_less_tonal() {
        let spans = run(&[(600, -28.0, 0.6), (200, -25.0, 0.08), (600, -28.0, 0.6)]);
        assert_eq!(spans.len(), 1);
        let start = Time::from_nanos(FRAME.nanos() * 600);
        assert!(spans[0].start.abs_diff(start) < Time::SECOND, "{spans:?}");
        assert!(spans[0].duration() > Time::from_secs(2), "{spans:?}");
    }

    #[test]
    fn a_louder_chord_and_a_softer_drum_are_no_voice() {
        assert_eq!(run(&[(600, -28.0, 0.6), (300, -22.0, 0.7)]), []);
        assert_eq!(run(&[(600, -28.0, 0.6), (300, -34.0, 0.05)]), []);
    }

    #[test]
    fn a_stretch_of_music_begins_anew() {
        assert_eq!(run(&[(100, -40.0, 0.9), (50, -25.0, 0.1)]), []);
    }
}
