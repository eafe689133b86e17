// SPDX-License-Identifier: MPL-2.0

//! Fitness of a sentence to be read without those around it.

use crate::topics::words::{Language, split};

/// Words with which spoken sentences begin; without them the sentence is the same.
const OPENERS: [&str; 18] = [
    "so",
    "and",
    "but",
    "now",
    "okay",
    "ok",
    "well",
    "right",
    "all right",
    "alright",
    "yeah",
    "yes",
    "um",
    "uh",
    "like",
    "actually",
    "basically",
    "again",
];
/// Words at the start that refer to the sentence before.
const REFERRING: [&str; 33] = [
    "it",
    "this",
    "that",
    "they",
    "these",
    "those",
    "he",
    "she",
    "him",
    "her",
    "them",
    "its",
    "their",
    "his",
    "it's",
    "that's",
    "they're",
    "he's",
    "she's",
    "here",
    "here's",
    "there",
    "there's",
    "then",
    "because",
    "or",
    "also",
    "which",
    "who",
    "nor",
    "likewise",
    "otherwise",
    "either",
];
/// Words of talk about the moment, the room or the speaker.
const PERSONAL: [&str; 36] = [
    "i",
    "i'm",
    "i'll",
    "i've",
    "i'd",
    "me",
    "my",
    "you",
    "you're",
    "you'll",
    "you've",
    "your",
    "let's",
    "guys",
    "homework",
    "exam",
    "email",
    "e-mail",
    "today",
    "tomorrow",
    "yesterday",
    "slide",
    "slides",
    "microphone",
    "question",
    "questions",
    "please",
    "thank",
    "thanks",
    "hello",
    "sorry",
    "gonna",
    "wanna",
    "hi",
    "us",
    "our",
];
/// Words at the start of a sentence that mostly is a part of one.
const PARTS: [&str; 8] = ["how", "what", "why", "where", "when", "whether", "if", "of"];
/// Words of a loose thought.
const VAGUE: [&str; 25] = [
    "something",
    "somebody",
    "someone",
    "stuff",
    "whatever",
    "kind",
    "sort",
    "lot",
    "just",
    "really",
    "very",
    "going",
    "maybe",
    "we",
    "we're",
    "we'll",
    "i",
    "guess",
    "even",
    "know",
    "he",
    "she",
    "her",
    "him",
    "his",
];
/// Words, among the first three, of a sentence that continues a list or an argument.
const CONTINUING: [&str; 12] = [
    "another", "other", "second", "third", "next", "last", "example", "instance", "else", "one",
    "ones", "case",
];
/// Words that point at something.
const POINTING: [&str; 8] = [
    "here", "there", "this", "these", "those", "that", "thing", "things",
];
/// Words of a thought that a listener keeps.
const TELLING: [&str; 22] = [
    "called",
    "means",
    "mean",
    "defined",
    "define",
    "definition",
    "refers",
    "important",
    "key",
    "main",
    "idea",
    "reason",
    "because",
    "therefore",
    "difference",
    "consists",
    "example",
    "result",
    "always",
    "never",
    "depends",
    "requires",
];
/// Numbers of words between which a sentence is easy to read.
const SHORT: usize = 8;
const LONG: usize = 32;
const LONGEST: usize = 45;

/// Returns the sentence without the words with which only speech begins, its first letter a capital
/// one.
pub(super) fn clean(text: &str, language: &Language) -> String {
    let mut rest = text.trim();
    // A sentence of a language without capital letters stays.
    for _ in 0..3 {
        let end = rest.find([' ', ',']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let word = word.to_lowercase();
        let after = after.trim_start_matches([',', ' ']);
        let is_opener = language.is_english() && OPENERS.contains(&&*word);
        if !is_opener && !language.is_filler(&word) || after.is_empty() {
            break;
        }
        rest = after;
    }
    let mut letters = rest.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    let text = first.unwrap_or_default() + letters.as_str();
    without_repeats(&text)
}

/// Returns the text without a word, or two words, said twice in a row.
fn without_repeats(text: &str) -> String {
    let bare = |word: &str| word.trim_end_matches(',').to_lowercase();
    let mut words: Vec<&str> = Vec::new();
    for word in text.split(' ') {
        let count = words.len();
        let is_same = |back: usize, word: &str| {
            let at = count.checked_sub(back);
            at.and_then(|at| words.get(at))
                .is_some_and(|before| bare(before) == bare(word))
        };
        if is_same(1, word) && word.chars().any(char::is_alphabetic) {
            continue;
        }
        words.push(word);
        if count >= 3
            && let [.., a, b, c, d] = words[..]
            && bare(a) == bare(c)
            && bare(b) == bare(d)
        {
            words.truncate(count - 1);
        }
    }
    words.join(" ")
}

/// Returns how well a sentence can be read alone, from 0 to 1.
pub(super) fn quality(text: &str, is_whole: bool, language: &Language) -> f64 {
    let words: Vec<String> = split(text)
        .into_iter()
        .map(|(word, _)| word.to_lowercase().replace('’', "'"))
        .collect();
    let mut quality = match words.len() {
        count if !(SHORT / 2..=LONGEST).contains(&count) => return 0.0,
        count if count < SHORT => 0.5,
        count if count > LONG => 0.7,
        _ => 0.9,
    };
    if text.trim_end().ends_with(['?', '？', '؟']) {
        return 0.1;
    }
    if text.contains(['<', '>', '{', '}']) || text.contains("...") || text.contains("--") {
        quality *= 0.5;
    }
    if !is_whole {
        quality *= 0.8;
    }
    if !language.is_english() {
        return quality;
    }
    let is = |list: &[&str], word: &String| list.contains(&&**word);
    if words.first().is_some_and(|word| is(&REFERRING, word)) {
        quality *= 0.45;
    }
    let personal = words.iter().filter(|word| is(&PERSONAL, word)).count();
    quality *= match personal {
        0 => 1.0,
        1 => 0.65,
        2 => 0.5,
        _ => 0.25,
    };
    if words.first().is_some_and(|word| is(&PARTS, word)) {
        quality *= 0.7;
    }
    if words.iter().take(3).any(|word| is(&CONTINUING, word)) {
        quality *= 0.75;
    }
    let vague = words.iter().filter(|word| is(&VAGUE, word)).count();
    quality *= 0.9f64.powi(i32::try_from(vague).unwrap_or(i32::MAX));
    let pointing = words
        .iter()
        .skip(1)
        .filter(|word| is(&POINTING, word))
        .count();
    quality *= 0.85f64.powi(i32::try_from(pointing).unwrap_or(i32::MAX));
    if words.iter().any(|word| is(&TELLING, word)) {
        quality *= 1.15;
    }
    quality.min(1.0)
}
