// SPDX-License-Identifier: MPL-2.0

//! A summary and key points of a class, as sentences that were said and words that were shown.
//!
//! Nothing is formulated anew: a person checks sentences against their times. The summary has
//! sentences whose words matter in many parts of the class, the key points one sentence of each
//! chapter that fits its title and slides.

mod clean;
mod sentences;

use std::collections::{HashMap, HashSet};

use self::sentences::Spoken;
use super::Sentence;
use super::words::{Language, split};
use crate::timeline::{Span, Time};

/// Time of a class that one sentence of the summary stands for, and bounds of their number.
const EACH: u64 = 7 * 60;
const FEWEST: usize = 3;
const MOST: usize = 8;
/// Largest number of key points.
const MOST_POINTS: usize = 30;
/// Least quality of a sentence, see [`clean::quality`].
const GOOD: f64 = 0.45;
/// Part of the words that two sentences of a summary may share.
const ALIKE: f64 = 0.4;
/// Weight of a word in the title of its chapter, and on the slide that is shown.
const TITLED: f64 = 2.0;
const SHOWN: f64 = 1.0;
/// Shortest stem that counts.
const SHORTEST: usize = 3;
/// Number of words from which a sentence is not preferred for more.
const FULL: f64 = 6.0;
/// Largest number of titles and lines of slides in a key point without a sentence, and the least
/// length of such a line in bytes.
const MOST_TITLES: usize = 3;
const SHORTEST_LINE: usize = 12;

/// A title, or the text of a slide, and the time in which it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caption {
    pub span: Span,
    pub text: String,
}

/// Everything that a summary is made from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Source<'a> {
    /// BCP 47 tag; detected from the text if it is not given.
    pub language: Option<&'a str>,
    /// Transcript, in order of time.
    pub transcript: &'a [Sentence],
    /// Chapters in order of time; without a title if nobody has named one.
    pub chapters: &'a [Caption],
    /// Titles of slides, in order of time.
    pub titles: &'a [Caption],
    /// Text of slides, in order of time.
    pub slides: &'a [Caption],
}

/// A sentence of a summary, with its time in the recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Point {
    pub span: Span,
    pub text: String,
}

/// A summary of a class.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Sentences about the whole class, in order of time.
    pub sentences: Vec<Point>,
    /// One point for each chapter.
    pub key_points: Vec<Point>,
}

/// A sentence that may stand in a summary.
struct Candidate {
    span: Span,
    text: String,
    stems: HashSet<String>,
    quality: f64,
    /// Index of its chapter.
    chapter: usize,
}

impl Candidate {
    /// Returns whether it has a word of a title, or two of a slide.
    fn is_about(&self, titled: &HashSet<String>, shown: &HashSet<String>) -> bool {
        let shared = |other: &HashSet<String>| self.stems.intersection(other).count();
        shared(titled) >= 1 || shared(shown) >= 2
    }
}

/// Makes a summary; it is empty if there is nothing to make it from.
pub fn summarise(source: &Source<'_>) -> Summary {
    let language = Language::new(source.language, source.transcript);
    let spoken = sentences::join(source.transcript);
    let candidates = candidates(&spoken, source, &language);
    let counts = Counts::new(&candidates, source.chapters.len().max(1));
    let mut points = Vec::new();
    let mut used: Vec<&Candidate> = Vec::new();
    for (index, chapter) in source.chapters.iter().enumerate().take(MOST_POINTS) {
        let titled = stems(&chapter.text, &language);
        let is_shown = source
            .slides
            .iter()
            .any(|slide| chapter.span.contains(slide.span.start));
        let best = best(
            candidates.iter().filter(|one| one.chapter == index),
            |one| {
                let shown = shown(source.slides, one.span, &language);
                match !is_shown || one.is_about(&titled, &shown) {
                    true => counts.of_chapter(one, &titled, &shown),
                    false => 0.0,
                }
            },
        );
        let sentence = best.filter(|best| !used.iter().any(|other| are_alike(best, other)));
        used.extend(sentence);
        points.extend(point(chapter, sentence, source));
    }
    Summary {
        sentences: overview(&candidates, &counts, source, &language),
        key_points: points,
    }
}

/// Returns the sentences of the summary.
fn overview(
    candidates: &[Candidate],
    counts: &Counts,
    source: &Source<'_>,
    language: &Language,
) -> Vec<Point> {
    let end = source.transcript.iter().filter_map(|one| one.span);
    let end = end.map(|span| span.end).max().unwrap_or_default();
    let wanted = usize::try_from(end.millis() / 1000 / EACH).unwrap_or(MOST);
    let wanted = wanted.clamp(FEWEST, MOST);
    let titles = source.chapters.iter().chain(source.titles);
    let titled: HashSet<String> = titles
        .flat_map(|title| stems(&title.text, language))
        .collect();
    let each = wanted.div_ceil(source.chapters.len().max(1));
    let mut chosen: Vec<&Candidate> = Vec::new();
    while chosen.len() < wanted {
        let free = candidates.iter().filter(|one| {
            let beside = chosen.iter().filter(|other| other.chapter == one.chapter);
            beside.count() < each && !chosen.iter().any(|other| are_alike(one, other))
        });
        match best(free, |one| counts.of_class(one, &titled)) {
            Some(next) => chosen.push(next),
            None => break,
        }
    }
    chosen.sort_by_key(|one| one.span);
    let points = chosen.into_iter().map(|one| Point {
        span: one.span,
        text: one.text.clone(),
    });
    points.collect()
}

/// Returns the point of a chapter: its title, and a sentence or what its slides are about.
fn point(chapter: &Caption, sentence: Option<&Candidate>, source: &Source<'_>) -> Option<Point> {
    let title = chapter.text.trim();
    let (span, text) = match sentence {
        Some(sentence) => (sentence.span, sentence.text.clone()),
        None => {
            let within = |all: &'_ &'_ Caption| chapter.span.contains(all.span.start);
            let titles = source.titles.iter().filter(within).map(|one| &*one.text);
            let slides = source.slides.iter().filter(within);
            let lines = slides.flat_map(|slide| slide.text.lines());
            let mut shown: Vec<&str> = Vec::new();
            for line in titles.chain(lines.filter(|line| line.len() >= SHORTEST_LINE)) {
                if line != title && !shown.contains(&line) && shown.len() < MOST_TITLES {
                    shown.push(line);
                }
            }
            (chapter.span, shown.join("; "))
        }
    };
    let text = match (title.is_empty(), text.is_empty()) {
        (true, true) => return None,
        (true, false) => text,
        (false, true) => title.to_owned(),
        (false, false) => format!("{title}: {text}"),
    };
    Some(Point { span, text })
}

fn candidates(spoken: &[Spoken], source: &Source<'_>, language: &Language) -> Vec<Candidate> {
    let chapter_of = |time: Time| {
        let after = source
            .chapters
            .partition_point(|one| one.span.start <= time);
        after.saturating_sub(1)
    };
    let candidate = |one: &Spoken| {
        let text = clean::clean(&one.text, language);
        let stems = stems(&text, language);
        Candidate {
            span: one.span,
            quality: clean::quality(&text, one.is_whole, language),
            chapter: chapter_of(one.span.start),
            stems,
            text,
        }
    };
    spoken.iter().map(candidate).collect()
}

/// Returns the stems of the words that name something.
fn stems(text: &str, language: &Language) -> HashSet<String> {
    let words = split(text).into_iter().map(|(word, _)| word.to_lowercase());
    let words = words.filter(|word| {
        !language.is_function_word(word)
            && !language.is_filler(word)
            && word.chars().any(char::is_alphabetic)
    });
    let stems = words.map(|word| language.stem(&word));
    stems.filter(|stem| stem.len() >= SHORTEST).collect()
}

/// Returns the stems on the slide that is shown with a sentence.
fn shown(slides: &[Caption], span: Span, language: &Language) -> HashSet<String> {
    let slide = slides.iter().rfind(|slide| slide.span.contains(span.start));
    slide
        .map(|slide| stems(&slide.text, language))
        .unwrap_or_default()
}

/// Returns the good sentence of the highest value; the first of equals.
fn best<'a>(
    candidates: impl Iterator<Item = &'a Candidate>,
    value: impl Fn(&Candidate) -> f64,
) -> Option<&'a Candidate> {
    let mut best: Option<(f64, &Candidate)> = None;
    for one in candidates.filter(|one| one.quality >= GOOD) {
        let value = value(one);
        if value > best.map_or(0.0, |(best, _)| best) {
            best = Some((value, one));
        }
    }
    best.map(|(_, one)| one)
}

fn are_alike(one: &Candidate, other: &Candidate) -> bool {
    let shared = one.stems.intersection(&other.stems).count() as f64;
    shared > ALIKE * one.stems.len().min(other.stems.len()).max(1) as f64
}

/// Numbers of sentences that contain a stem.
struct Counts {
    all: HashMap<String, f64>,
    by_chapter: Vec<HashMap<String, f64>>,
    chapters: f64,
}

impl Counts {
    fn new(candidates: &[Candidate], chapters: usize) -> Self {
        let mut counts = Counts {
            all: HashMap::new(),
            by_chapter: vec![HashMap::new(); chapters],
            chapters: chapters as f64,
        };
        for one in candidates {
            for stem in &one.stems {
                *counts.all.entry(stem.clone()).or_default() += 1.0;
                if let Some(chapter) = counts.by_chapter.get_mut(one.chapter) {
                    *chapter.entry(stem.clone()).or_default() += 1.0;
                }
            }
        }
        counts
    }

    /// Returns the value of a sentence for its chapter: words that are frequent there and not
    /// elsewhere, in its title and on the slide.
    fn of_chapter(
        &self,
        one: &Candidate,
        titled: &HashSet<String>,
        shown: &HashSet<String>,
    ) -> f64 {
        let own = self.by_chapter.get(one.chapter);
        self.value(one, |stem| {
            let count = own
                .and_then(|own| own.get(stem))
                .copied()
                .unwrap_or_default();
            let part = count / self.all.get(stem).copied().unwrap_or(1.0);
            let extra = TITLED * f64::from(u8::from(titled.contains(stem)))
                + SHOWN * f64::from(u8::from(shown.contains(stem)));
            count.ln_1p() * (0.3 + part) * (1.0 + extra)
        })
    }

    /// Returns the value of a sentence for the whole class: words that are frequent in many
    /// chapters, and those in titles.
    fn of_class(&self, one: &Candidate, titled: &HashSet<String>) -> f64 {
        self.value(one, |stem| {
            let chapters = self
                .by_chapter
                .iter()
                .filter(|chapter| chapter.contains_key(stem));
            let spread = chapters.count() as f64 / self.chapters;
            let count = self.all.get(stem).copied().unwrap_or_default();
            let extra = TITLED * f64::from(u8::from(titled.contains(stem)));
            count.ln_1p() * (0.5 + spread) * (1.0 + extra)
        })
    }

    fn value(&self, one: &Candidate, weight: impl Fn(&str) -> f64) -> f64 {
        // Sorted, so that the sum does not depend on the order of a hash table.
        let mut weights: Vec<f64> = one.stems.iter().map(|stem| weight(stem)).collect();
        weights.sort_by(f64::total_cmp);
        let sum: f64 = weights.iter().sum();
        one.quality * sum / (weights.len() as f64).max(FULL).powf(0.7)
    }
}

#[cfg(test)]
mod tests;
