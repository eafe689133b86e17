// SPDX-License-Identifier: MPL-2.0

//! Text to words: languages, word breaks, function words and stems.

use std::collections::{HashMap, HashSet};

use icu_segmenter::{WordSegmenter, options::WordBreakInvariantOptions};
use rust_stemmers::{Algorithm, Stemmer};

use super::Sentence;

/// What is known of a language. An unknown language has no stemmer and no function words, and is
/// still broken into words.
pub(super) struct Language {
    stemmer: Option<Stemmer>,
    function_words: HashSet<&'static str>,
}

impl Language {
    /// The language of a BCP 47 tag; without a tag the one that the text looks like.
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
        }
    }

    /// Whether the word, in lower case, has grammar and no topic: "the", "would", "it's".
    pub fn is_function_word(&self, word: &str) -> bool {
        self.function_words.contains(word)
            || word
                .split_once(['\'', '’'])
                .is_some_and(|(head, tail)| tail.len() <= 2 && self.function_words.contains(head))
    }

    /// What the inflected forms of a word in lower case share.
    pub fn stem(&self, word: &str) -> String {
        match &self.stemmer {
            Some(stemmer) => stemmer.stem(word).into_owned(),
            None => word.to_owned(),
        }
    }
}

/// `pt-BR` → `pt`. Three-letter codes of languages that have a two-letter one are rare in tags
/// (BCP 47 asks for the shortest) and not mapped.
fn primary_subtag(tag: &str) -> String {
    let subtag = tag.split(['-', '_']).next().unwrap_or_default();
    match subtag.to_ascii_lowercase().as_str() {
        "nb" | "nn" => "no".to_owned(),
        other => other.to_owned(),
    }
}

/// ISO 639-1 code of the language that the text looks like; empty where that is not clear.
fn detect(sentences: &[Sentence]) -> String {
    /// Enough text for a sure answer, and no more work than that.
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

/// The two-letter code of an ISO 639-3 code, for the languages with function words or a stemmer.
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

/// Breaks text into words by the Unicode rules and, where no spaces are written, by dictionary.
/// Gives `(word as written, text since the last word)`.
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

/// A transcript as numbers: for each sentence its content words.
pub(super) struct Words {
    /// For each sentence the indices of its content words' stems.
    pub sentences: Vec<Vec<u32>>,
    /// Number of different stems.
    pub vocabulary: usize,
}

impl Words {
    /// Reads content words of sentences in the language of the tag.
    pub fn read(sentences: &[Sentence], tag: Option<&str>) -> Self {
        let language = Language::new(tag, sentences);
        let mut stems: HashMap<String, u32> = HashMap::new();
        let sentences = sentences
            .iter()
            .map(|sentence| {
                split(&sentence.text)
                    .into_iter()
                    .map(|(word, _)| word.to_lowercase())
                    .filter(|word| !language.is_function_word(word))
                    .map(|word| {
                        let next = stems.len() as u32;
                        *stems.entry(language.stem(&word)).or_insert(next)
                    })
                    .collect()
            })
            .collect();
        Words {
            sentences,
            vocabulary: stems.len(),
        }
    }
}
