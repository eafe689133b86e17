// SPDX-License-Identifier: MPL-2.0

//! Audio descriptions (WCAG 2.1, success criterion 1.2.5): what only the video shows is spoken in a
//! pause of the speech.
//!
//! [`draft`] makes texts of slides whose titles nobody says. [`passages`] finds the time that each
//! text has once a person has corrected it. A [`Mixer`] adds the spoken texts to the audio, which is
//! lowered under them. A text that is too long for its pause is marked for an extended description,
//! for which a player has to pause the video (1.2.7). No text is ever cut to fit.

mod draft;
mod mix;
mod passage;

pub use draft::{Class, Drafted, Slide, document, draft};
pub use mix::{Mixer, Voice, loud_as, trimmed};
pub use passage::{Passage, Scene, passages};

use crate::timeline::{Span, Time, union};
use crate::topics::count_words;

/// Words of speech per second: 150 words per minute, the slower part of the 140 to 180 of
/// conversation (A. Wingfield et al., "Effects of adult aging and hearing loss on comprehension of
/// rapid speech", 2006). espeak-ng speaks 175 unless it is told otherwise.
pub const WORDS_PER_SECOND: f64 = 2.5;

/// Largest factor by which speech is made faster to fit its pause.
pub const FASTEST: f64 = 1.3;

/// Time in which the audio is lowered before a description, and raised after it.
pub const RAMP: Time = Time::from_millis(200);

/// Level of the audio under a description, in dB.
pub const DUCKED: f64 = -12.0;

/// Returns the time that it takes to speak a text at normal speed.
pub fn speaking_time(text: &str) -> Time {
    Time::from_secs_f64(count_words(text) as f64 / WORDS_PER_SECOND)
}

/// The speed at which a spoken text fits the time that it has.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fit {
    Normal,
    /// Faster by this factor, at most [`FASTEST`].
    Faster(f64),
    /// Too long: the video has to pause for it.
    Extended,
}

impl Fit {
    /// Returns the speed for speech of this length.
    pub fn new(spoken: Time, room: Time) -> Self {
        let factor = spoken.secs_f64() / room.secs_f64();
        if spoken <= room {
            Fit::Normal
        } else if factor <= FASTEST {
            Fit::Faster(factor)
        } else {
            Fit::Extended
        }
    }
}

/// Returns the parts of `whole` that are in none of `spans`, in order.
fn gaps(whole: Span, spans: impl Iterator<Item = Span>) -> Vec<Span> {
    let mut found = Vec::new();
    let mut at = whole.start;
    for span in union(spans.filter_map(|span| span.intersection(whole))) {
        if span.start > at {
            found.push(Span::new(at, span.start));
        }
        at = span.end;
    }
    if at < whole.end {
        found.push(Span::new(at, whole.end));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_is_at_most_three_tenths_faster() {
        let fit = |spoken, room| Fit::new(Time::from_millis(spoken), Time::from_millis(room));
        assert_eq!(fit(2000, 2000), Fit::Normal);
        assert_eq!(fit(2500, 2000), Fit::Faster(1.25));
        assert_eq!(fit(2600, 2000), Fit::Faster(1.3));
        assert_eq!(fit(2601, 2000), Fit::Extended);
        assert_eq!(fit(1, 0), Fit::Extended);
    }

    #[test]
    fn a_text_of_five_words_takes_two_seconds() {
        assert_eq!(
            speaking_time("Slide: how to sort lists"),
            Time::from_secs(2)
        );
    }
}
