// SPDX-License-Identifier: MPL-2.0

//! Moves words whose times are estimated to the speech of their passage.

use super::Word;
use crate::timeline::{Span, Time};

/// Smallest share of a passage that must be speech: below it, the detector missed the voice.
const SPOKEN: f64 = 0.3;

/// Spreads the estimated words of each passage over its speech, so that none lies in a pause. Words
/// and passages are in order of time.
pub fn to_speech(words: &mut [Word], passages: &[Span], speech: &[Span]) {
    for passage in passages {
        let from = words.partition_point(|word| word.span.start < passage.start);
        let to = words.partition_point(|word| word.span.start < passage.end);
        let Some(inside) = words.get_mut(from..to) else {
            continue;
        };
        let first = speech.partition_point(|voice| voice.end <= passage.start);
        let near = speech.iter().skip(first);
        let spoken: Vec<Span> = near
            .take_while(|voice| voice.start < passage.end)
            .filter_map(|voice| voice.intersection(*passage))
            .collect();
        let total: f64 = spoken.iter().map(|span| span.duration().secs_f64()).sum();
        let length = passage.duration().secs_f64();
        if total < SPOKEN * length || !inside.iter().all(|word| word.is_estimated) {
            continue;
        }
        let share = |time: Time| time.saturating_sub(passage.start).secs_f64() / length * total;
        for word in inside {
            let (start, end) = (share(word.span.start), share(word.span.end));
            word.span = Span::new(at(&spoken, start, false), at(&spoken, end, true));
        }
    }
}

/// Returns the time at which this much has been spoken. Between two spans that is the start of the
/// later one, or the end of the earlier one.
fn at(spoken: &[Span], seconds: f64, is_end: bool) -> Time {
    let mut left = seconds;
    for span in spoken {
        let length = span.duration().secs_f64();
        if left < length || (is_end && left <= length + 1e-9) {
            return span.start.saturating_add(Time::from_secs_f64(left));
        }
        left -= length;
    }
    spoken.last().map_or(Time::ZERO, |last| last.end)
}
