// SPDX-License-Identifier: MPL-2.0

//! Words of a transcript, to find out whether a phrase is said near a time.

use std::collections::HashSet;

use super::Sentence;
use super::words::{Language, split};
use crate::timeline::Span;

/// Share of a phrase's content words that are said where the phrase is.
const SAID: f64 = 2.0 / 3.0;

/// The stems of what is said, by time.
pub struct SpokenWords {
    language: Language,
    /// Sentences with a known time.
    sentences: Vec<(Span, HashSet<String>)>,
}

impl SpokenWords {
    /// Reads a transcript in a language, given as a BCP 47 tag, or else detected from the text.
    pub fn new(language: Option<&str>, sentences: &[Sentence]) -> Self {
        let language = Language::new(language, sentences);
        let read = |sentence: &Sentence| {
            let stems = stems(&language, &sentence.text);
            Some((sentence.span?, stems))
        };
        let sentences = sentences.iter().filter_map(read).collect();
        SpokenWords {
            language,
            sentences,
        }
    }

    /// Returns whether most content words of a phrase are said in sentences that overlap `window`. A
    /// phrase without content words is not said.
    pub fn names(&self, phrase: &str, window: Span) -> bool {
        let wanted = stems(&self.language, phrase);
        let near = self
            .sentences
            .iter()
            .filter(|(span, _)| span.intersection(window).is_some());
        let near: Vec<&HashSet<String>> = near.map(|(_, stems)| stems).collect();
        let is_said = |stem: &&String| near.iter().any(|stems| stems.contains(*stem));
        let said = wanted.iter().filter(is_said).count();
        said > 0 && said as f64 >= SAID * wanted.len() as f64
    }
}

/// Returns the stems of the words that are not grammar.
fn stems(language: &Language, text: &str) -> HashSet<String> {
    let words = split(text).into_iter().map(|(word, _)| word.to_lowercase());
    words
        .filter(|word| !language.is_function_word(word))
        .map(|word| language.stem(&word))
        .collect()
}

/// Returns the number of words of a text, also in scripts without spaces.
pub fn count_words(text: &str) -> usize {
    split(text).len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Time;

    fn sentence(start: u64, text: &str) -> Sentence {
        Sentence {
            span: Some(Span::new(
                Time::from_secs(start),
                Time::from_secs(start + 5),
            )),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_phrase_is_said_if_most_of_its_words_are_said_near_it() {
        let said = [
            sentence(0, "Today we sort the arrays"),
            sentence(60, "and this one halves what it searches"),
        ];
        let spoken = SpokenWords::new(Some("en"), &said);
        let at = |start| Span::new(Time::from_secs(start), Time::from_secs(start + 10));
        for (phrase, start, expected) in [
            ("Sorting an array", 0, true),
            ("Sorting an array", 60, false),
            ("Sorting an array quickly in place", 0, false),
            ("Binary search", 60, false),
            ("The", 0, false),
            ("", 0, false),
        ] {
            assert_eq!(
                spoken.names(phrase, at(start)),
                expected,
                "{phrase} {start}"
            );
        }
        let chinese = SpokenWords::new(Some("zh"), &[sentence(0, "今天我们讲递归")]);
        assert!(chinese.names("递归", at(0)));
        assert_eq!(count_words("Slide: Binary search"), 3);
    }
}
