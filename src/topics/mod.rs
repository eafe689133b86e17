// SPDX-License-Identifier: MPL-2.0

//! Finds topic boundaries and titles in a transcript, and sentences for a summary.
//!
//! Boundaries come from the words alone: [`segment`] compares all ways to split the transcript by
//! how well each piece's words belong together, and "no boundary" is one of them. Titles are
//! phrases that are said, see [`titles`].

use crate::timeline::{Span, Time};

mod bayes;
mod lists;
mod said;
mod spoken;
mod summary;
#[cfg(test)]
mod tests;
mod titles;
mod words;

pub use said::Said;
pub use spoken::{SpokenWords, count_words};
pub use summary::{Caption, Point, Source, Summary, summarise};
pub use titles::{MAX_TITLE, titles};

/// A unit of speech: a sentence, or a caption cue.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sentence {
    /// Time at which it is said, if known.
    pub span: Option<Span>,
    /// Plain text.
    pub text: String,
}

/// Settings of the search for boundaries.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// BCP 47 tag of the language; detected from the text if it is not given.
    pub language: Option<String>,
    /// Sensitivity, from 0 (only the clearest boundaries) to 1 (every shift); 0.5 by default.
    pub sensitivity: f64,
    /// Number of topics, if known; else it is found.
    pub topics: Option<usize>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            language: None,
            sensitivity: 0.5,
            topics: None,
        }
    }
}

/// Start of a new topic.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Boundary {
    /// Index of the first sentence of the new topic, never 0.
    pub sentence: usize,
    /// Start of that sentence, if known.
    pub time: Option<Time>,
    /// Probability that a topic starts at or within a sentence or two of here, from 0 to 1.
    pub confidence: f64,
}

/// Finds topic boundaries in order; none if the transcript is one topic or is too short.
pub fn segment(sentences: &[Sentence], options: &Options) -> Vec<Boundary> {
    let words = words::Words::read(sentences, options.language.as_deref());
    bayes::boundaries(&words, options)
        .into_iter()
        .map(|(sentence, confidence)| Boundary {
            sentence,
            time: sentences[sentence].span.map(|span| span.start),
            confidence,
        })
        .collect()
}
