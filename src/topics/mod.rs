// SPDX-License-Identifier: MPL-2.0

//! A transcript to topic boundaries and titles.
//!
//! Boundaries come from the words alone: [`segment`] compares all ways to cut the transcript by how
//! well each piece's words hang together, and "no boundary" is one of them. Titles are phrases that
//! are said, see [`titles`].

use crate::timeline::{Span, Time};

mod bayes;
mod openers;
mod said;
#[cfg(test)]
mod tests;
mod titles;
mod words;

pub use said::Said;
pub use titles::{MAX_TITLE, titles};

/// What is said at once: a sentence, or a caption cue.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sentence {
    /// When it is said, where that is known.
    pub span: Option<Span>,
    /// Plain text.
    pub text: String,
}

/// How boundaries are looked for.
#[derive(Clone, PartialEq, Debug)]
pub struct Options {
    /// BCP 47 tag of the language; detected from the text where it is not given.
    pub language: Option<String>,
    /// How readily a boundary is reported, from 0 (only the clearest) to 1 (every shift); 0.5 by
    /// default.
    pub sensitivity: f64,
    /// The number of topics where it is known; else it is found.
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

/// A new topic starts here.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Boundary {
    /// Index of the first sentence of the new topic, never 0.
    pub sentence: usize,
    /// When that sentence starts, where that is known.
    pub time: Option<Time>,
    /// Probability that a topic starts at or within a sentence or two of here, from 0 to 1.
    pub confidence: f64,
}

/// Finds where topics change: boundaries in order, none where the transcript is one topic or too
/// short to tell.
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
