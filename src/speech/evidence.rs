// SPDX-License-Identifier: MPL-2.0

//! What is heard and seen of a recording, and the runs of talk in it.

use crate::timeline::{Span, Time};

/// What is known of a recording, or of its part so far. All lists are sorted.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Evidence {
    pub speech: Vec<Span>,
    pub music: Vec<Span>,
    /// Where somebody may be speaking over music.
    pub over_music: Vec<Span>,
    /// Where a slide changes: from the last picture of what was shown to the first of what is new.
    pub slides: Vec<Span>,
}

/// Utterances closer than this are one run of talk.
const JOIN: Time = Time::from_secs(2);
/// A run with this many seconds of speech is no interjection: just before the class it belongs
/// to it.
pub(super) const NO_INTERJECTION: f64 = 5.0;

/// Utterances with no more than [`JOIN`] between them.
pub(super) struct Run {
    pub span: Span,
    /// Seconds of speech in it.
    pub speech: f64,
}

/// Joins utterances, which are in order, to runs.
pub(super) fn runs(speech: &[Span]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for span in speech {
        let seconds = span.duration().secs_f64();
        match runs.last_mut() {
            Some(run) if span.start.saturating_sub(run.span.end) < JOIN => {
                run.span.end = run.span.end.max(span.end);
                run.speech += seconds;
            }
            _ => runs.push(Run {
                span: *span,
                speech: seconds,
            }),
        }
    }
    runs
}
