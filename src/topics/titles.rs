// SPDX-License-Identifier: MPL-2.0

//! Chapter titles from what is said.
//!
//! A title is a phrase whose words are said more often in the chapter than in others (log odds with
//! a prior: B. Monroe, M. Colaresi, K. Quinn, "Fightin' Words", 2008). It is said often, early, or
//! after words that announce a topic ("let's talk about …"). It names something: it does not begin
//! or end with a verb ("press the key").

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::Sentence;
use super::words::{Language, split};

/// Largest length of a title in characters, which lists show in full.
pub const MAX_TITLE: usize = 49;

/// Largest number of words in a phrase.
const LONGEST: usize = 5;
/// Number of first sentences of a chapter, in which a topic is named.
const EARLY: usize = 6;
/// Least weight of a title: the sum of its words' z-scores.
const LEAST_WORTH: f64 = 1.5;

/// Returns a title for each chapter, given as ranges of sentences in order. A title is a phrase
/// that is said in the chapter and distinguishes it from the others. It is `None` if there is no
/// good one. No title is used twice.
pub fn titles(
    sentences: &[Sentence],
    chapters: &[Range<usize>],
    language: Option<&str>,
) -> Vec<Option<String>> {
    let language = Language::new(language, sentences);
    let verbs = Verbs::read(sentences, &language);
    let read: Vec<Chapter> = chapters
        .iter()
        .map(|chapter| {
            let said = sentences.get(chapter.clone()).unwrap_or_default();
            Chapter::read(said, &language, &verbs)
        })
        .collect();
    let mut totals: HashMap<&str, usize> = HashMap::new();
    for chapter in &read {
        for (stem, count) in &chapter.stems {
            *totals.entry(stem).or_default() += count;
        }
    }
    let forms = Forms::read(sentences);
    let mut taken: Vec<Vec<String>> = Vec::new();
    read.iter()
        .map(|chapter| {
            let best = chapter.longer(chapter.best(&totals, &taken)?);
            taken.push(best.key.clone());
            let title = forms.title(&best.written);
            if best.key.len() > 1 {
                return Some(title);
            }
            // A single word is not informative: the next best phrase is added, or replaces it if it
            // contains the word.
            match chapter.best(&totals, &taken) {
                Some(second) if second.key.contains(&best.key[0]) => Some(if second.count > 1 {
                    forms.title(&second.written)
                } else {
                    title
                }),
                Some(second) => {
                    let both = format!("{title}, {}", forms.written(&second.written));
                    Some(if both.chars().count() <= MAX_TITLE {
                        both
                    } else {
                        title
                    })
                }
                None => Some(title),
            }
        })
        .collect()
}

/// Words that are verbs in most places where the adjacent words show it: "to press", "press the".
struct Verbs(HashSet<String>);

impl Verbs {
    /// Number of times that a word has to appear as a verb to count as one.
    const SURE: usize = 2;

    fn read(sentences: &[Sentence], language: &Language) -> Self {
        let mut uses: HashMap<String, (usize, usize)> = HashMap::new();
        for sentence in sentences {
            let words = split(&sentence.text);
            let lower = |(word, _): &(&str, &str)| word.to_lowercase();
            for pair in words.windows(2).filter(|pair| pair[1].1 == " ") {
                let (before, word) = (lower(&pair[0]), lower(&pair[1]));
                let is_name = pair[1].0.chars().next().is_some_and(char::is_uppercase);
                if language.precedes_verb(&before) && !is_name {
                    uses.entry(word.clone()).or_default().0 += 1;
                }
                if language.precedes_noun(&before) {
                    uses.entry(word.clone()).or_default().1 += 1;
                }
                if language.follows_verb(&word) {
                    uses.entry(before).or_default().0 += 1;
                }
            }
        }
        uses.retain(|_, (verb, noun)| *verb >= Self::SURE && verb > noun);
        Verbs(uses.into_keys().collect())
    }

    /// Returns whether neither end of a phrase is a verb.
    fn are_within(&self, phrase: &[Word]) -> bool {
        let ends = [phrase.first(), phrase.last()];
        let mut ends = ends.into_iter().flatten();
        !ends.any(|word| self.0.contains(&word.lower))
    }
}

/// Spellings of words within sentences: at a sentence's start every word has a capital.
struct Forms(HashMap<String, HashMap<String, usize>>);

impl Forms {
    fn read(sentences: &[Sentence]) -> Self {
        let mut forms: HashMap<String, HashMap<String, usize>> = HashMap::new();
        for sentence in sentences {
            for (word, between) in split(&sentence.text) {
                let starts = between.is_empty() || between.contains(['.', '!', '?', '¿', '¡', ':']);
                // Words after an apostrophe or within one ("3D") start nothing.
                if !starts {
                    let written = forms.entry(word.to_lowercase()).or_default();
                    *written.entry(word.to_owned()).or_default() += 1;
                }
            }
        }
        Forms(forms)
    }

    /// Returns the phrase as it is written within a sentence, with a capital.
    fn title(&self, words: &[(String, String)]) -> String {
        let title = self.written(words);
        let mut letters = title.chars();
        match letters.next() {
            Some(first) => first.to_uppercase().chain(letters).collect(),
            None => title,
        }
    }

    /// Returns the phrase as it is written within a sentence.
    fn written(&self, words: &[(String, String)]) -> String {
        let mut title = String::new();
        for (index, (between, word)) in words.iter().enumerate() {
            if index > 0 {
                title.push_str(between);
            }
            let lower = word.to_lowercase();
            let usual = self.0.get(&lower).and_then(|forms| {
                forms
                    .iter()
                    .max_by(|(a, m), (b, n)| m.cmp(n).then_with(|| a.cmp(b)))
            });
            title.push_str(usual.map_or(word.as_str(), |(form, _)| form));
        }
        title
    }
}

/// A run of words that may be a title.
struct Phrase {
    /// Stems of its content words.
    key: Vec<String>,
    /// The text before each word, and the word.
    written: Vec<(String, String)>,
    count: usize,
    early: bool,
    announced: bool,
}

/// Speech of a chapter.
struct Chapter {
    stems: HashMap<String, usize>,
    phrases: Vec<Phrase>,
}

impl Chapter {
    fn read(said: &[Sentence], language: &Language, verbs: &Verbs) -> Self {
        let mut chapter = Chapter {
            stems: HashMap::new(),
            phrases: Vec::new(),
        };
        let mut known: HashMap<Vec<String>, usize> = HashMap::new();
        for (index, sentence) in said.iter().enumerate() {
            let words: Vec<Word> = split(&sentence.text)
                .into_iter()
                .map(|(word, between)| Word::new(word, between, language))
                .collect();
            for word in words.iter().filter(|word| word.content) {
                *chapter.stems.entry(word.stem.clone()).or_default() += 1;
            }
            for start in 0..words.len() {
                let announced = words[..start]
                    .iter()
                    .rev()
                    .take(3)
                    .any(|word| language.announces(&word.lower));
                for phrase in runs(&words[start..]).filter(|phrase| verbs.are_within(phrase)) {
                    let key: Vec<String> = phrase
                        .iter()
                        .filter(|word| word.content)
                        .map(|word| word.stem.clone())
                        .collect();
                    let early = index < EARLY;
                    match known.get(&key) {
                        Some(&at) => {
                            let old = &mut chapter.phrases[at];
                            old.count += 1;
                            old.announced |= announced;
                        }
                        None => {
                            known.insert(key.clone(), chapter.phrases.len());
                            chapter.phrases.push(Phrase {
                                key,
                                written: phrase
                                    .iter()
                                    .map(|word| (word.between.to_owned(), word.written.to_owned()))
                                    .collect(),
                                count: 1,
                                early,
                                announced,
                            });
                        }
                    }
                }
            }
        }
        chapter
    }

    /// Returns the longest phrase around this one, if this one is nearly always said within it.
    fn longer<'a>(&'a self, phrase: &'a Phrase) -> &'a Phrase {
        self.phrases
            .iter()
            .filter(|longer| {
                longer.key.len() > phrase.key.len()
                    && longer.count >= 2
                    && longer.count * 5 >= phrase.count * 3
                    && longer
                        .key
                        .windows(phrase.key.len())
                        .any(|part| part == phrase.key)
            })
            .max_by_key(|longer| (longer.key.len(), longer.count))
            .unwrap_or(phrase)
    }

    /// Returns the most characteristic phrase of the chapter, other than those taken.
    fn best(&self, totals: &HashMap<&str, usize>, taken: &[Vec<String>]) -> Option<&Phrase> {
        let here: usize = self.stems.values().sum();
        let everywhere: usize = totals.values().sum();
        // Without another chapter to compare with, takes what is said often.
        let alone = here == everywhere;
        let weight = |stem: &String| {
            let count = self.stems.get(stem).copied().unwrap_or(0);
            let total = totals.get(stem.as_str()).copied().unwrap_or(count);
            if alone {
                (count as f64).sqrt()
            } else {
                z_score(count, here, total - count, everywhere - here)
            }
        };
        self.phrases
            .iter()
            .filter(|phrase| {
                // Neither a title again nor a part of one.
                !taken
                    .iter()
                    .any(|other| phrase.key.iter().all(|stem| other.contains(stem)))
            })
            .filter_map(|phrase| {
                let words = phrase.key.len() as f64;
                let enough = if phrase.key.len() == 1 { 3 } else { 2 };
                if phrase.count < enough && !phrase.announced {
                    return None;
                }
                let mut worth = phrase.key.iter().map(weight).sum::<f64>() / words.sqrt();
                worth *= 1.0 + (phrase.count as f64).ln();
                if phrase.key.len() == 1 {
                    worth *= 0.6;
                }
                if phrase.early {
                    worth *= 1.2;
                }
                if phrase.announced {
                    worth *= 1.3;
                }
                (worth > LEAST_WORTH).then_some((worth, phrase))
            })
            // Among equals, takes the one said first.
            .reduce(|best, other| if other.0 > best.0 { other } else { best })
            .map(|(_, phrase)| phrase)
    }
}

/// Returns how much more often a word is said here than elsewhere, in standard deviations.
fn z_score(here: usize, words_here: usize, elsewhere: usize, words_elsewhere: usize) -> f64 {
    /// Added to the counts of each word on either side.
    const PRIOR: f64 = 0.5;
    let side = |count: usize, words: usize| {
        let count = count as f64 + PRIOR;
        (
            (count / (words as f64 + 1.0 - count).max(PRIOR)).ln(),
            1.0 / count,
        )
    };
    let (a, b) = (side(here, words_here), side(elsewhere, words_elsewhere));
    (a.0 - b.0) / (a.1 + b.1).sqrt()
}

struct Word<'a> {
    written: &'a str,
    between: &'a str,
    lower: String,
    stem: String,
    /// Whether it names something; else it is grammar or filler.
    content: bool,
    /// Whether it may be within a phrase: "conservation of energy".
    link: bool,
}

impl<'a> Word<'a> {
    fn new(written: &'a str, between: &'a str, language: &Language) -> Self {
        let lower = written.to_lowercase();
        let filler = language.is_opener(&lower) || language.is_filler(&lower);
        let number = !lower.chars().any(char::is_alphabetic);
        let letters = lower.chars().count();
        let short = letters == 1 && lower.is_ascii();
        let link = language.is_link(&lower);
        let grammar = language.is_function_word(&lower) || language.precedes_verb(&lower);
        let content = !filler && !short && !number && !grammar;
        Word {
            written,
            between,
            stem: language.stem(&lower),
            lower,
            content: content && !link,
            link,
        }
    }
}

/// Returns the phrases that begin with the first word. They begin and end with content words, have
/// at most two linking words in a row, and only a space or a hyphen between words.
fn runs<'a, 'b>(words: &'b [Word<'a>]) -> impl Iterator<Item = &'b [Word<'a>]> {
    const LINKS: usize = 2;
    let (mut longest, mut links, mut length) = (0, 0, 0);
    for (index, word) in words.iter().take(LONGEST).enumerate() {
        length += word.written.chars().count();
        if index > 0 {
            length += word.between.chars().count();
            if !word.between.chars().all(|c| c == ' ' || c == '-') {
                break;
            }
        }
        links = if word.content { 0 } else { links + 1 };
        let starts_or_links = word.content || (word.link && index > 0);
        if length > MAX_TITLE || !starts_or_links || links > LINKS {
            break;
        }
        longest = index + 1;
    }
    (1..=longest)
        .map(move |length| &words[..length])
        .filter(|phrase| phrase.last().is_some_and(|word| word.content))
}
