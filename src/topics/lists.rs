// SPDX-License-Identifier: MPL-2.0

//! Word lists of languages: words that open a topic, continue a sentence, name nothing, announce a
//! name or stand beside verbs. The lists are data: `words.json`.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

const FILE: &str = include_str!("words.json");

/// The words of a language, in lower case. All lists are empty for a language that is not in the
/// file.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WordLists {
    /// Words that speakers open a topic with: "okay, now let's …". They move a boundary by a
    /// sentence or two and make none.
    pub open: HashSet<String>,
    /// Words that a sentence continues with: "and that …".
    pub go_on: HashSet<String>,
    /// Frequent words that name nothing: disfluencies, light verbs, vague nouns and adverbs.
    pub fillers: HashSet<String>,
    /// Words that a topic's name follows: "about", "called".
    pub announcers: HashSet<String>,
    /// Words that join the words of a name: "of", "the".
    pub links: HashSet<String>,
    /// Words that a verb mostly follows: "to", "please".
    pub before_verb: HashSet<String>,
    /// Words that a noun, or its attribute, follows: "the", "of".
    pub before_noun: HashSet<String>,
    /// Words that mostly follow a verb: the start or the whole of its object.
    pub after_verb: HashSet<String>,
}

impl WordLists {
    /// Reads the lists of the language with this ISO 639-1 code.
    pub fn read(code: &str) -> Self {
        let mut languages = parse().unwrap_or_default();
        languages.remove(code).unwrap_or_default()
    }

    /// Returns the log odds that a sentence's first words, in lower case, add to the start of a
    /// topic: openers add up, a word that continues a sentence counts against.
    pub fn opening(&self, words: &[String]) -> f64 {
        /// Openers stand at the very start.
        const FIRST: usize = 5;
        /// A third one says nothing new.
        const MOST: f64 = 2.0;
        let first = words.iter().take(FIRST);
        let opening = first.filter(|word| self.open.contains(*word)).count();
        let goes_on = words.first().is_some_and(|word| self.go_on.contains(word));
        (opening as f64 - f64::from(u8::from(goes_on))).min(MOST)
    }
}

fn parse() -> Result<HashMap<String, WordLists>, serde_json::Error> {
    serde_json::from_str(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_all_words_are_in_lower_case() {
        let languages = parse().expect("a valid file");
        assert!(languages.len() >= 10);
        for (code, lists) in &languages {
            assert!(!lists.open.is_empty() && !lists.go_on.is_empty(), "{code}");
            for word in lists.open.iter().chain(&lists.go_on).chain(&lists.fillers) {
                assert_eq!(*word, word.to_lowercase());
            }
        }
    }

    #[test]
    fn openers_add_up_and_a_sentence_that_goes_on_opens_nothing() {
        let english = WordLists::read("en");
        let odds = |text: &str| {
            let words: Vec<_> = text.split(' ').map(str::to_owned).collect();
            english.opening(&words)
        };
        assert_eq!(odds("okay now let's talk"), 2.0);
        assert_eq!(odds("next we turn it"), 2.0);
        assert_eq!(odds("and then it went"), -1.0);
        assert_eq!(odds("gravity is a force"), 0.0);
        assert_eq!(WordLists::read("xx").opening(&["okay".to_owned()]), 0.0);
    }
}
