// SPDX-License-Identifier: MPL-2.0

//! Speech against cues: speech without a cue, cues without speech.

use crate::timeline::{Span, Time, touches, union};

/// Sounds of a recording, as they were detected. All lists are sorted and disjoint.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    pub speech: Vec<Span>,
    pub music: Vec<Span>,
    /// Spans in which somebody may be speaking over music.
    pub over_music: Vec<Span>,
}

/// Tolerance of the detected start and end of speech.
const HEARD_WITHIN: Time = Time::from_millis(300);
/// Longest pause inside one passage without a cue.
const JOIN: Time = Time::from_secs(2);
/// Shortest music that has to be named: a jingle between two words is not.
const MUSIC: Time = Time::from_secs(3);
/// Longest pause inside one piece of music.
const MUSIC_PAUSE: Time = Time::from_secs(5);

/// Speech without a cue.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Uncaptioned {
    pub span: Span,
    /// Speech in it.
    pub speech: Time,
}

/// Returns the share of the speech that lies under cues, 0 to 1; `None` without speech.
pub fn share(speech: &[Span], cues: &[Span]) -> Option<f64> {
    let total: f64 = speech.iter().map(|span| span.duration().secs_f64()).sum();
    let cues = union(cues.iter().copied());
    let under = intersections(speech, &cues).map(|span| span.duration().secs_f64());
    (total > 0.0).then(|| (under.sum::<f64>() / total).min(1.0))
}

/// Returns the passages of speech without a cue. A cue covers the tolerance of detection, too.
pub fn uncaptioned(speech: &[Span], cues: &[Span]) -> Vec<Uncaptioned> {
    let cues = union(cues.iter().map(|cue| widened(*cue, HEARD_WITHIN)));
    let mut found: Vec<Uncaptioned> = Vec::new();
    for piece in difference(speech, &cues) {
        let speech = piece.duration();
        match found.last_mut() {
            Some(last)
                if piece.start.saturating_sub(last.span.end) < JOIN
                    && !touches(&cues, Span::new(last.span.end, piece.start)) =>
            {
                last.span.end = piece.end;
                last.speech = last.speech.saturating_add(speech);
            }
            _ => found.push(Uncaptioned {
                span: piece,
                speech,
            }),
        }
    }
    found
}

/// Returns whether nobody speaks during a cue.
pub fn is_over_silence(heard: &Heard, cue: Span) -> bool {
    let near = widened(cue, HEARD_WITHIN);
    !touches(&heard.speech, near) && !touches(&heard.over_music, near)
}

/// Returns the pieces of music that are long enough to be named, where no speech is more important.
pub fn music(heard: &Heard) -> Vec<Span> {
    let mut pieces: Vec<Span> = Vec::new();
    for span in &heard.music {
        match pieces.last_mut() {
            Some(last) if span.start.saturating_sub(last.end) < MUSIC_PAUSE => last.end = span.end,
            _ => pieces.push(*span),
        }
    }
    pieces.retain(|piece| piece.duration() >= MUSIC);
    pieces
}

/// Returns the span, longer by `by` on both sides.
pub fn widened(span: Span, by: Time) -> Span {
    Span::new(span.start.saturating_sub(by), span.end.saturating_add(by))
}

/// Returns spans that are in order of their starts, each ended by the next one, without empty ones.
pub fn disjoint(spans: impl Iterator<Item = Span>) -> Vec<Span> {
    let mut disjoint: Vec<Span> = Vec::new();
    for span in spans {
        if let Some(last) = disjoint.last_mut() {
            last.end = last.end.min(span.start);
        }
        disjoint.push(span);
    }
    disjoint.retain(|span| !span.is_empty());
    disjoint
}

/// Iterates over the common parts of two lists that are sorted and disjoint.
fn intersections<'a>(spans: &'a [Span], others: &'a [Span]) -> impl Iterator<Item = Span> + 'a {
    let mut first = 0;
    spans.iter().flat_map(move |span| {
        first += others
            .iter()
            .skip(first)
            .take_while(|other| other.end <= span.start)
            .count();
        let near = others.iter().skip(first);
        let near = near.take_while(|other| other.start < span.end);
        near.filter_map(|other| other.intersection(*span))
    })
}

/// Returns the parts of the spans that lie in none of the others; both are sorted and disjoint.
fn difference(spans: &[Span], others: &[Span]) -> Vec<Span> {
    let mut left = Vec::new();
    let mut first = 0;
    for span in spans {
        while others
            .get(first)
            .is_some_and(|other| other.end <= span.start)
        {
            first += 1;
        }
        let mut start = span.start;
        for other in others.iter().skip(first) {
            if other.start >= span.end {
                break;
            }
            left.push(Span::new(start, other.start.max(start)));
            start = start.max(other.end);
        }
        left.push(Span::new(start, span.end.max(start)));
    }
    left.retain(|span| !span.is_empty());
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(start: u64, end: u64) -> Span {
        Span::new(Time::from_millis(start), Time::from_millis(end))
    }

    #[test]
    fn speech_without_a_cue_is_one_passage_over_short_pauses() {
        let speech = [span(0, 5000), span(5500, 8000), span(20_000, 22_000)];
        let cues = [span(0, 1000), span(19_000, 23_000)];
        let found = uncaptioned(&speech, &cues);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].span, span(1300, 8000));
        assert_eq!(found[0].speech, Time::from_millis(6200));
        assert_eq!(share(&speech, &cues), Some(3.0 / 9.5));
    }

    fn spans() -> impl Strategy<Value = Vec<Span>> {
        proptest::collection::vec((0..10_000_u64, 1..500_u64), 0..30)
            .prop_map(|spans| union(spans.into_iter().map(|(at, long)| span(at, at + long))))
    }

    proptest! {
        #[test]
        fn what_is_shared_and_what_is_left_make_the_whole(a in spans(), b in spans()) {
            let total = |spans: &[Span]| spans.iter().map(|s| s.duration().nanos()).sum::<u64>();
            let shared: Vec<Span> = intersections(&a, &b).collect();
            let left = difference(&a, &b);
            prop_assert_eq!(total(&shared) + total(&left), total(&a));
            prop_assert!(left.iter().all(|span| !touches(&b, *span)));
        }
    }
}
