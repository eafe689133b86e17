// SPDX-License-Identifier: MPL-2.0

//! Words at the ends of clauses, in English, German and French.

use super::Word;

/// Words that begin a clause: a cue had better end before them.
const OPENERS: [&str; 24] = [
    "and", "but", "or", "so", "because", "which", "that", "who", "when", "where", "while", "if",
    "then", "than", "und", "oder", "aber", "weil", "dass", "wenn", "denn", "sondern", "et", "mais",
];
/// Words that need the next one: a cue or line had better not end with them.
const LEADERS: [&str; 30] = [
    "a", "an", "the", "of", "to", "in", "on", "at", "for", "with", "by", "from", "my", "your",
    "our", "their", "his", "its", "this", "these", "is", "are", "not", "der", "die", "das", "ein",
    "eine", "von", "mit",
];

/// Returns whether a sentence ends with the word.
pub fn ends_sentence(word: &Word) -> bool {
    word.text.ends_with(['.', '?', '!', '…', '。', '？', '！'])
}

/// Returns whether a clause ends with the word.
pub fn ends_clause(word: &Word) -> bool {
    ends_sentence(word) || word.text.ends_with([',', ';', ':', '—', '–', '、', '，'])
}

/// Returns whether the word needs the next one.
pub fn leads(word: &Word) -> bool {
    LEADERS.contains(&&*plain(word))
}

/// Returns whether the word begins a clause.
pub fn opens_clause(word: &Word) -> bool {
    OPENERS.contains(&&*plain(word))
}

fn plain(word: &Word) -> String {
    word.text.to_lowercase()
}
