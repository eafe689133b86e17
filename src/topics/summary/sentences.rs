// SPDX-License-Identifier: MPL-2.0

//! Sentences of a transcript, whose cues break them anywhere.

use super::Sentence;
use crate::timeline::{Span, Time};

/// Signs that end a sentence, and signs that may follow them.
const ENDS: [char; 10] = ['.', '!', '?', '…', '。', '！', '？', '؟', '।', '۔'];
const CLOSING: [char; 6] = ['"', '\'', ')', '”', '’', '»'];
/// Words before which a full stop ends no sentence.
const SHORT: [&str; 14] = [
    "dr.", "mr.", "mrs.", "ms.", "prof.", "st.", "vs.", "e.g.", "i.e.", "etc.", "cf.", "z.b.",
    "d.h.", "bzw.",
];
/// Share of cues that contain the end of a sentence in a transcript with punctuation.
const PUNCTUATED: f64 = 0.1;
/// Pause, and length in characters, after which speech without punctuation is divided.
const PAUSE: Time = Time::from_millis(900);
const LONG: usize = 180;

/// A sentence as it was said.
pub(super) struct Spoken {
    pub span: Span,
    pub text: String,
    /// Whether its start and end are known.
    pub is_whole: bool,
}

/// Returns the sentences of a transcript that have times.
pub(super) fn join(transcript: &[Sentence]) -> Vec<Spoken> {
    let timed: Vec<(Span, String)> = transcript
        .iter()
        .filter_map(|cue| Some((cue.span?, words(&cue.text))))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let ends = timed.iter().filter(|(_, text)| text.contains(ENDS)).count();
    let is_punctuated = ends as f64 >= PUNCTUATED * timed.len() as f64;
    let mut sentences = Vec::new();
    let mut open: Option<(Span, String)> = None;
    for (span, text) in timed {
        if !is_punctuated
            && let Some((before, said)) = &open
            && (span.start.saturating_sub(before.end) >= PAUSE || said.len() >= LONG)
        {
            sentences.extend(open.take().map(|open| spoken(open, false)));
        }
        for (from, until, part) in parts(&text) {
            let at = |place: usize| {
                let part = place as f64 / text.len().max(1) as f64;
                let past = span.duration().nanos() as f64 * part;
                span.start.saturating_add(Time::from_nanos(past as u64))
            };
            let part_span = Span::new(at(from), at(until));
            let (whole, said) = match open.take() {
                Some((before, said)) => (
                    Span::new(before.start, part_span.end.max(before.end)),
                    format!("{said} {part}"),
                ),
                None => (part_span, part.to_owned()),
            };
            if is_punctuated && is_end(part) {
                sentences.push(spoken((whole, said), true));
            } else {
                open = Some((whole, said));
            }
        }
    }
    sentences.extend(open.map(|open| spoken(open, false)));
    sentences
}

fn spoken((span, text): (Span, String), is_whole: bool) -> Spoken {
    Spoken {
        span,
        text,
        is_whole,
    }
}

/// Returns the words on one line, without notes on sounds in brackets.
fn words(text: &str) -> String {
    let mut depth = 0usize;
    let mut said = String::new();
    for character in text.chars() {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if depth == 0 => said.push(if character.is_control() {
                ' '
            } else {
                character
            }),
            _ => {}
        }
    }
    let words: Vec<&str> = said
        .split_whitespace()
        .filter(|word| *word != "♪")
        .collect();
    words.join(" ")
}

/// Splits a text after the ends of sentences: offsets in bytes, and the part.
fn parts(text: &str) -> Vec<(usize, usize, &str)> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut at = 0;
    for word in text.split_inclusive(' ') {
        at += word.len();
        if is_end(word.trim_end()) {
            parts.extend(text.get(start..at).map(|part| (start, at, part.trim())));
            start = at;
        }
    }
    if start < text.len() {
        parts.extend(
            text.get(start..)
                .map(|part| (start, text.len(), part.trim())),
        );
    }
    parts
}

/// Returns whether a sentence ends with this text.
fn is_end(text: &str) -> bool {
    let bare = text.trim_end_matches(CLOSING);
    let word = bare.rsplit(' ').next().unwrap_or(bare).to_lowercase();
    let is_initial = word.chars().count() == 2 && word.ends_with('.');
    bare.ends_with(ENDS) && !is_initial && !SHORT.contains(&&*word)
}
