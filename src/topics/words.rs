// SPDX-License-Identifier: MPL-2.0

//! Splits text into words: languages, word breaks, function words and stems.

use std::collections::{HashMap, HashSet};

use icu_segmenter::{WordSegmenter, options::WordBreakInvariantOptions};
use rust_stemmers::{Algorithm, Stemmer};

use super::Sentence;
use super::lists::WordLists;

/// Properties of a language. An unknown language has no stemmer and no function words, and is still
/// split into words.
pub(super) struct Language {
    stemmer: Option<Stemmer>,
    function_words: HashSet<&'static str>,
    lists: WordLists,
    adverbs: bool,
}

impl Language {
    /// Returns the language of a BCP 47 tag, or without a tag the language detected from the text.
    pub fn new(tag: Option<&str>, sentences: &[Sentence]) -> Self {
        let code = match tag.map(primary_subtag) {
            Some(code) if !code.is_empty() && code != "und" => code,
            _ => detect(sentences),
        };
        Language {
            stemmer: algorithm(&code).map(Stemmer::create),
            function_words: stop_words::lookup(&code)
                .unwrap_or_default()
                .iter()
                .copied()
                .collect(),
            lists: WordLists::read(&code),
            adverbs: code == "en",
        }
    }

    /// Returns whether the language is English.
    pub fn is_english(&self) -> bool {
        self.adverbs
    }

    /// Returns the log odds that the first words of a sentence add to the start of a topic.
    pub fn opening(&self, words: &[String]) -> f64 {
        self.lists.opening(words)
    }

    /// Returns whether a sentence that starts with this word continues or opens a topic, while the
    /// word itself names none: "okay", "so", "and".
    pub fn is_opener(&self, word: &str) -> bool {
        self.lists.open.contains(word) || self.lists.go_on.contains(word)
    }

    /// Returns whether the word, in lower case, is grammar without a topic: "the", "would", "it's".
    pub fn is_function_word(&self, word: &str) -> bool {
        self.function_words.contains(word)
            || word
                .split_once(['\'', '’'])
                .is_some_and(|(head, tail)| tail.len() <= 2 && self.function_words.contains(head))
    }

    /// Returns whether the word names nothing: "um", "really", "going".
    pub fn is_filler(&self, word: &str) -> bool {
        self.lists.fillers.contains(word)
    }

    /// Returns whether the word may be between the words of a name, as in "conservation of energy".
    pub fn is_link(&self, word: &str) -> bool {
        self.lists.links.contains(word) || (self.adverbs && is_english_adverb(word))
    }

    /// Returns whether a topic's name follows the word: "about", "called".
    pub fn announces(&self, word: &str) -> bool {
        self.lists.announcers.contains(word)
    }

    /// Returns whether a verb mostly follows the word: "to", "please".
    pub fn precedes_verb(&self, word: &str) -> bool {
        self.lists.before_verb.contains(word)
    }

    /// Returns whether a noun, or its attribute, follows the word: "the", "of".
    pub fn precedes_noun(&self, word: &str) -> bool {
        self.lists.before_noun.contains(word)
    }

    /// Returns whether the word mostly follows a verb: the start or the whole of its object.
    pub fn follows_verb(&self, word: &str) -> bool {
        self.lists.after_verb.contains(word)
    }

    /// Returns the common part of the inflected forms of a word in lower case.
    pub fn stem(&self, word: &str) -> String {
        match &self.stemmer {
            Some(stemmer) => stemmer.stem(word).into_owned(),
            None => word.to_owned(),
        }
    }
}

/// Returns whether a word is an English adverb: "randomly" names nothing by itself.
fn is_english_adverb(word: &str) -> bool {
    const NOUNS: [&str; 8] = [
        "anomaly", "assembly", "family", "italy", "monopoly", "polly", "reply", "supply",
    ];
    word.len() > 4 && word.ends_with("ly") && !NOUNS.contains(&word)
}

/// Returns the primary subtag: `pt-BR` → `pt`. Three-letter codes of languages that have a
/// two-letter one are rare in tags (BCP 47 requires the shortest) and are not mapped.
fn primary_subtag(tag: &str) -> String {
    let subtag = tag.split(['-', '_']).next().unwrap_or_default();
    match subtag.to_ascii_lowercase().as_str() {
        "nb" | "nn" => "no".to_owned(),
        other => other.to_owned(),
    }
}

/// Returns the ISO 639-1 code of the language that is detected in the text; empty if that is
/// unclear.
fn detect(sentences: &[Sentence]) -> String {
    /// Number of bytes that are enough for a reliable result.
    const ENOUGH: usize = 20_000;
    let mut text = String::new();
    for sentence in sentences {
        text.push_str(&sentence.text);
        text.push('\n');
        if text.len() > ENOUGH {
            break;
        }
    }
    match whatlang::detect(&text) {
        Some(info) if info.is_reliable() => two_letters(info.lang().code()).to_owned(),
        _ => String::new(),
    }
}

/// Returns the two-letter code of an ISO 639-3 code, for the languages with function words or a
/// stemmer.
fn two_letters(code: &str) -> &str {
    const CODES: &[(&str, &str)] = &[
        ("afr", "af"),
        ("ara", "ar"),
        ("aze", "az"),
        ("bel", "be"),
        ("ben", "bn"),
        ("bul", "bg"),
        ("cat", "ca"),
        ("ces", "cs"),
        ("cmn", "zh"),
        ("dan", "da"),
        ("deu", "de"),
        ("ell", "el"),
        ("eng", "en"),
        ("epo", "eo"),
        ("est", "et"),
        ("fin", "fi"),
        ("fra", "fr"),
        ("guj", "gu"),
        ("heb", "he"),
        ("hin", "hi"),
        ("hrv", "hr"),
        ("hun", "hu"),
        ("hye", "hy"),
        ("ind", "id"),
        ("ita", "it"),
        ("jpn", "ja"),
        ("kor", "ko"),
        ("lat", "la"),
        ("lav", "lv"),
        ("lit", "lt"),
        ("mar", "mr"),
        ("nep", "ne"),
        ("nld", "nl"),
        ("nob", "no"),
        ("pes", "fa"),
        ("pol", "pl"),
        ("por", "pt"),
        ("ron", "ro"),
        ("rus", "ru"),
        ("slk", "sk"),
        ("slv", "sl"),
        ("spa", "es"),
        ("swe", "sv"),
        ("tam", "ta"),
        ("tgl", "tl"),
        ("tha", "th"),
        ("tur", "tr"),
        ("ukr", "uk"),
        ("urd", "ur"),
        ("uzb", "uz"),
        ("vie", "vi"),
        ("zul", "zu"),
    ];
    CODES
        .iter()
        .find(|(three, _)| *three == code)
        .map_or("", |(_, two)| two)
}

fn algorithm(code: &str) -> Option<Algorithm> {
    Some(match code {
        "ar" => Algorithm::Arabic,
        "da" => Algorithm::Danish,
        "de" => Algorithm::German,
        "el" => Algorithm::Greek,
        "en" => Algorithm::English,
        "es" => Algorithm::Spanish,
        "fi" => Algorithm::Finnish,
        "fr" => Algorithm::French,
        "hu" => Algorithm::Hungarian,
        "it" => Algorithm::Italian,
        "nl" => Algorithm::Dutch,
        "no" => Algorithm::Norwegian,
        "pt" => Algorithm::Portuguese,
        "ro" => Algorithm::Romanian,
        "ru" => Algorithm::Russian,
        "sv" => Algorithm::Swedish,
        "ta" => Algorithm::Tamil,
        "tr" => Algorithm::Turkish,
        _ => return None,
    })
}

/// Splits text into words by the Unicode rules, and by dictionary if no spaces are written. Returns
/// `(word as written, text since the last word)`.
pub(super) fn split(text: &str) -> Vec<(&str, &str)> {
    let segmenter = WordSegmenter::new_dictionary(WordBreakInvariantOptions::default());
    let mut found = Vec::new();
    let (mut start, mut between) = (0, 0);
    let mut breaks = segmenter.segment_str(text).iter_with_word_type();
    // The first break is the start of the text.
    breaks.next();
    for (end, kind) in breaks {
        if kind.is_word_like() {
            found.push((&text[start..end], &text[between..start]));
            between = end;
        }
        start = end;
    }
    found
}

/// A transcript as numbers: the content words of each sentence.
pub(super) struct Words {
    /// Indices of the content words' stems, for each sentence.
    pub sentences: Vec<Vec<u32>>,
    /// Number of different stems.
    pub vocabulary: usize,
    /// Log odds that the first words of each sentence, and the pause before it, add to the start of
    /// a topic.
    pub openings: Vec<f64>,
    /// Length of the transcript: content words and sentences.
    pub length: f64,
}

impl Words {
    /// Reads content words of sentences in the language of the tag.
    pub fn read(sentences: &[Sentence], tag: Option<&str>) -> Self {
        let language = Language::new(tag, sentences);
        let mut stems: HashMap<String, u32> = HashMap::new();
        let mut openings = Vec::with_capacity(sentences.len());
        let mut length = 0;
        let mut numbers: Vec<Vec<u32>> = Vec::with_capacity(sentences.len());
        for (index, sentence) in sentences.iter().enumerate() {
            let words: Vec<String> = split(&sentence.text)
                .into_iter()
                .map(|(word, _)| word.to_lowercase())
                .collect();
            openings.push(language.opening(&words) + pause(sentences, index));
            let content: Vec<u32> = words
                .iter()
                .filter(|word| !language.is_function_word(word))
                .map(|word| {
                    let next = stems.len() as u32;
                    *stems.entry(language.stem(word)).or_insert(next)
                })
                .collect();
            length += content.len() + 1;
            numbers.push(content);
        }
        let (sentences, vocabulary) = without_even(numbers, stems.len());
        Words {
            sentences,
            vocabulary,
            openings,
            length: length as f64,
        }
    }
}

/// Returns the log odds from the pause before a sentence.
fn pause(sentences: &[Sentence], index: usize) -> f64 {
    /// Longest pause in seconds that makes a difference.
    const LONGEST: f64 = 20.0;
    let end = |sentence: &Sentence| sentence.span.map(|span| span.end);
    let before = index
        .checked_sub(1)
        .and_then(|before| end(&sentences[before]));
    match (before, sentences[index].span) {
        (Some(end), Some(span)) => {
            (1.0 + span.start.saturating_sub(end).secs_f64().min(LONGEST)).ln()
        }
        _ => 0.0,
    }
}

/// Removes words that occur nearly everywhere: no list of function words is complete, and some
/// languages have none. Returns the sentences with the other words renumbered, and the number of
/// words.
fn without_even(mut sentences: Vec<Vec<u32>>, vocabulary: usize) -> (Vec<Vec<u32>>, usize) {
    /// Number of parts into which the transcript is divided.
    const PARTS: usize = 20;
    /// Largest share of parts that may contain a word; a more frequent one does not distinguish
    /// parts.
    const EVEN: f64 = 0.6;
    let parts = sentences.len().min(PARTS);
    let mut last_part = vec![usize::MAX; vocabulary];
    let mut spread = vec![0usize; vocabulary];
    for (index, sentence) in sentences.iter().enumerate() {
        let part = index * parts / sentences.len();
        for &word in sentence {
            if last_part[word as usize] != part {
                last_part[word as usize] = part;
                spread[word as usize] += 1;
            }
        }
    }
    // With few sentences every word is everywhere.
    let most = if parts < PARTS {
        parts
    } else {
        (EVEN * parts as f64) as usize
    };
    let mut kept = 0;
    let numbers: Vec<Option<u32>> = spread
        .iter()
        .map(|&spread| {
            (spread <= most).then(|| {
                kept += 1;
                kept - 1
            })
        })
        .collect();
    for sentence in &mut sentences {
        *sentence = sentence
            .iter()
            .filter_map(|&word| numbers[word as usize])
            .collect();
    }
    (sentences, kept as usize)
}
