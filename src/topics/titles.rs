// SPDX-License-Identifier: MPL-2.0

//! Chapter titles from what is said.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::Sentence;
use super::words::{Language, split};

/// A title's length in characters that lists show whole.
pub const MAX_TITLE: usize = 49;

/// Words in a phrase at most.
const LONGEST: usize = 4;

/// A title for each chapter, given as ranges of sentences in order: a phrase that is said in it and
/// tells it from the others. `None` where nothing said makes a good one. No title is given twice.
pub fn titles(
    sentences: &[Sentence],
    chapters: &[Range<usize>],
    language: Option<&str>,
) -> Vec<Option<String>> {
    let language = Language::new(language, sentences);
    let counts: Vec<HashMap<String, (f64, String)>> = chapters
        .iter()
        .map(|chapter| {
            let said = sentences.get(chapter.clone()).unwrap_or_default();
            phrases(said, &language)
        })
        .collect();
    let mut taken = HashSet::new();
    counts
        .iter()
        .map(|phrases| {
            let worth = |key: &String, count: f64| {
                let holding = counts
                    .iter()
                    .filter(|other| other.contains_key(key))
                    .count();
                let words = key.split(' ').count() as f64;
                (count - 1.0) * words.sqrt() * (1.0 + counts.len() as f64 / holding as f64).ln()
            };
            let (key, (_, title)) = phrases
                .iter()
                .filter(|(key, (count, _))| *count > 1.0 && !taken.contains(*key))
                .max_by(|(a, (m, _)), (b, (n, _))| {
                    worth(a, *m).total_cmp(&worth(b, *n)).then_with(|| b.cmp(a))
                })?;
            taken.insert(key.clone());
            let mut letters = title.chars();
            let first = letters.next()?;
            Some(first.to_uppercase().chain(letters).collect())
        })
        .collect()
}

/// Runs of content words by their stems: how often each is said and how it is first written.
fn phrases(said: &[Sentence], language: &Language) -> HashMap<String, (f64, String)> {
    let mut found: HashMap<String, (f64, String)> = HashMap::new();
    for sentence in said {
        let words = split(&sentence.text);
        let lower: Vec<String> = words.iter().map(|(word, _)| word.to_lowercase()).collect();
        for start in 0..words.len() {
            let (mut key, mut title) = (String::new(), String::new());
            for at in start..words.len().min(start + LONGEST) {
                let (word, between) = words[at];
                if language.is_function_word(&lower[at])
                    || language.is_opener(&lower[at])
                    || (at > start && !between.trim().is_empty())
                {
                    break;
                }
                if at > start {
                    key.push(' ');
                    title.push_str(between);
                }
                key.push_str(&language.stem(&lower[at]));
                title.push_str(word);
                if title.chars().count() > MAX_TITLE {
                    break;
                }
                found.entry(key.clone()).or_insert((0.0, title.clone())).0 += 1.0;
            }
        }
    }
    found
}
