// SPDX-License-Identifier: MPL-2.0

//! Findings about the audio and video of a recording, and the runs of talk in it.

use crate::timeline::{Span, Time};

/// Findings about a recording, or about its part so far. All lists are sorted.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Evidence {
    pub speech: Vec<Span>,
    pub music: Vec<Span>,
    /// Spans in which somebody may be speaking over music.
    pub over_music: Vec<Span>,
    /// Slide changes: from the last frame of the old content to the first of the new.
    pub slides: Vec<Span>,
}

/// Longest pause between utterances of one run of talk.
const JOIN: Time = Time::from_secs(2);
/// Seconds of speech from which a run is not an interjection: just before the class it belongs to
/// it.
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
