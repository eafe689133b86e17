// SPDX-License-Identifier: MPL-2.0

//! Words of a cue that have times of their own: `<00:00:01.500>` in its text (§4.2.2, "WebVTT cue
//! timestamp").

use crate::timeline::Span;
use crate::webvtt::{Timestamp, timing};

/// Moves the times in the text of a cue. The words up to the next time have a span, which `to`
/// converts. Words without a new span are removed; their tags stay.
pub fn retime(text: &str, span: Span, to: impl Fn(Span) -> Option<Span>) -> String {
    let parts = parts(text, span);
    if parts.len() < 2 {
        return text.to_owned();
    }
    let mut written = String::with_capacity(text.len());
    let mut at = None;
    for (words, part) in parts {
        match to(words) {
            Some(moved) => {
                // A time is later than the one before it, and than the start of the cue.
                if at.is_some_and(|at| moved.start > at) {
                    written.push_str(&format!("<{}>", Timestamp(moved.start)));
                }
                at = at.max(Some(moved.start));
                written.push_str(part);
            }
            None if words.is_empty() => written.push_str(part),
            None => written.push_str(&tags(part)),
        }
    }
    written
}

/// Returns the parts of a text between its times, with their spans.
fn parts(text: &str, span: Span) -> Vec<(Span, &str)> {
    let mut parts = Vec::new();
    let (mut start, mut from) = (span.start, 0);
    let mut search = 0;
    while let Some(open) = text[search..].find('<').map(|at| search + at) {
        let Some(close) = text[open..].find('>').map(|at| open + at) else {
            break;
        };
        if let Some(time) = timing::timestamp_only(&text[open + 1..close]) {
            let time = time.clamp(start, span.end.max(start));
            parts.push((Span::new(start, time), &text[from..open]));
            (start, from) = (time, close + 1);
        }
        search = close + 1;
    }
    parts.push((Span::new(start, span.end), &text[from..]));
    parts
}

/// Returns a text without its words.
fn tags(text: &str) -> String {
    let mut tags = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('<') {
        let Some(length) = rest[open..].find('>') else {
            break;
        };
        tags.push_str(&rest[open..=open + length]);
        rest = &rest[open + length + 1..];
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Time;

    fn millis(start: u64, end: u64) -> Span {
        Span::new(Time::from_millis(start), Time::from_millis(end))
    }

    #[test]
    fn times_move_and_cut_words_go() {
        let text = "<v Ada>One <00:00:01.500>two <i><00:00:02.000>three</i> <00:00:03.000>four";
        let moved = retime(text, millis(1000, 4000), |span| {
            let from = |time: Time| time.saturating_sub(Time::from_millis(500));
            (span.start != Time::from_millis(2000))
                .then(|| Span::new(from(span.start), from(span.end)))
        });
        assert_eq!(
            moved,
            "<v Ada>One <00:00:01.000>two <i></i><00:00:02.500>four"
        );
    }

    #[test]
    fn a_text_without_times_stays() {
        let text = "a <b>b</b> < 1 <c";
        assert_eq!(retime(text, millis(0, 1000), |_| None), text);
    }

    #[test]
    fn the_first_words_lose_their_time() {
        let text = "One <00:00:01.500>two <00:00:02.000>three";
        let moved = retime(text, millis(1000, 4000), |span| {
            let kept = span.intersection(millis(1500, 4000))?;
            let from = |time: Time| time.saturating_sub(Time::from_millis(1500));
            Some(Span::new(from(kept.start), from(kept.end)))
        });
        assert_eq!(moved, "two <00:00:00.500>three");
    }
}
