// SPDX-License-Identifier: MPL-2.0

//! Files that are named by a pattern of the user's, such as
//! `{room}-{participant}-{source}-{start-ms}.webm`.
//!
//! Between two words in braces stands at least one character. A word takes as few characters as the
//! rest of the pattern allows. `{*}` takes any characters and means nothing.

use std::fmt;

use super::{Found, source_of};
use crate::record::layout::Source;

/// A part of a pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Text(String),
    Word(Word),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Word {
    Room,
    Participant,
    Label,
    Source,
    /// The start, in this many nanoseconds.
    Start(i64),
    Any,
}

const WORDS: [(&str, Word); 8] = [
    ("room", Word::Room),
    ("participant", Word::Participant),
    ("label", Word::Label),
    ("source", Word::Source),
    ("start-s", Word::Start(1_000_000_000)),
    ("start-ms", Word::Start(1_000_000)),
    ("start-us", Word::Start(1_000)),
    ("*", Word::Any),
];

/// A pattern of file names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern(Vec<Part>);

/// A reason why a pattern cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PatternError {
    /// A brace is not closed.
    Open(String),
    /// A word in braces is not known.
    UnknownWord(String),
    /// Two words in braces follow each other.
    Adjacent(String),
    /// A word that every track needs is missing.
    Missing(&'static str),
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(rest) => write!(f, "the brace in \"{rest}\" is not closed"),
            Self::UnknownWord(word) => {
                let words: Vec<String> = WORDS.map(|(word, _)| format!("{{{word}}}")).into();
                write!(f, "{{{word}}} is unknown; use {}", words.join(" "))
            }
            Self::Adjacent(word) => {
                write!(
                    f,
                    "nothing stands in front of {{{word}}}; separate the two words"
                )
            }
            Self::Missing(word) => write!(f, "{{{word}}} is missing"),
        }
    }
}

impl std::error::Error for PatternError {}

impl std::str::FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (before, after) = rest.split_once('{').unwrap_or((rest, ""));
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            if before.len() == rest.len() {
                break;
            }
            let Some((name, next)) = after.split_once('}') else {
                return Err(PatternError::Open(rest.to_owned()));
            };
            let word = WORDS.iter().find(|(word, _)| *word == name);
            let (_, word) = word.ok_or_else(|| PatternError::UnknownWord(name.to_owned()))?;
            if matches!(parts.last(), Some(Part::Word(_))) {
                return Err(PatternError::Adjacent(name.to_owned()));
            }
            parts.push(Part::Word(*word));
            rest = next;
        }
        let has = |wanted: Word| parts.contains(&Part::Word(wanted));
        if !has(Word::Participant) {
            return Err(PatternError::Missing("participant"));
        }
        if !has(Word::Source) {
            return Err(PatternError::Missing("source"));
        }
        Ok(Pattern(parts))
    }
}

/// A name that a pattern has read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    room: Option<String>,
    participant: String,
    label: Option<String>,
    source: Source,
    /// Nanoseconds, if the pattern has a start.
    pub start: Option<i64>,
}

impl Named {
    /// Returns the track with this start in nanoseconds.
    pub fn track(self, file: &str, start: i64, is_estimated: bool) -> Found {
        Found {
            file: file.to_owned(),
            room: self.room,
            participant: self.participant,
            label: self.label,
            source: self.source,
            codec: None,
            start,
            is_estimated,
            duration: None,
            events: Vec::new(),
        }
    }
}

impl Pattern {
    /// Reads a file name; `None` if the pattern does not fit, its source is not known, or its start
    /// is not a number.
    pub fn read(&self, name: &str) -> Option<Named> {
        let mut words = Vec::new();
        take(&self.0, name, &mut words).then_some(())?;
        let text = |wanted: Word| {
            let word = words.iter().find(|(word, _)| *word == wanted);
            word.map(|(_, text)| (*text).to_owned())
        };
        let start = words.iter().find_map(|(word, text)| match word {
            Word::Start(unit) => Some(text.parse::<i64>().ok()?.checked_mul(*unit)),
            _ => None,
        });
        let has_start = words.iter().any(|(word, _)| matches!(word, Word::Start(_)));
        if has_start && start.flatten().is_none() {
            return None;
        }
        Some(Named {
            room: text(Word::Room),
            participant: text(Word::Participant)?,
            label: text(Word::Label),
            source: source_of(&text(Word::Source)?)?,
            start: start.flatten(),
        })
    }
}

/// Takes a name apart, each word as short as the rest allows. Returns whether all of it fits.
fn take<'a>(parts: &[Part], name: &'a str, words: &mut Vec<(Word, &'a str)>) -> bool {
    let Some((part, rest)) = parts.split_first() else {
        return name.is_empty();
    };
    match part {
        Part::Text(text) => name
            .strip_prefix(text.as_str())
            .is_some_and(|name| take(rest, name, words)),
        Part::Word(word) => {
            let ends = name.char_indices().skip(1).map(|(index, _)| index);
            for end in ends.chain([name.len()]).filter(|end| *end > 0) {
                let (text, after) = name.split_at(end);
                let is_known = match word {
                    Word::Source => source_of(text).is_some(),
                    Word::Start(_) => text.parse::<u64>().is_ok(),
                    _ => true,
                };
                let length = words.len();
                words.push((*word, text));
                if is_known && take(rest, after, words) {
                    return true;
                }
                words.truncate(length);
            }
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: &str, name: &str) -> Option<Named> {
        let pattern: Pattern = pattern.parse().expect("a pattern");
        pattern.read(name)
    }

    #[test]
    fn names_are_read_by_the_pattern() {
        let daily = "{*}-{participant}-{source}-{start-ms}.webm";
        let name =
            "1703174279145-02ce3bcb-bf5b-423f-9699-63fca113a952-cam-audio-1703174279270.webm";
        let named = read(daily, name).expect("it fits");
        assert_eq!(named.participant, "02ce3bcb-bf5b-423f-9699-63fca113a952");
        assert_eq!(named.source, Source::Microphone);
        assert_eq!(named.start, Some(1_703_174_279_270_000_000));
        let named = read("{room}_{participant}_{source}.mkv", "7_Ana Díaz_screen.mkv");
        let named = named.expect("it fits");
        assert_eq!((named.source, named.start), (Source::Screen, None));
        assert_eq!(named.room.as_deref(), Some("7"));
    }

    #[test]
    fn a_name_that_does_not_fit_is_nothing() {
        for name in [
            "",
            "a.mkv",
            "a-what-5.mkv",
            "a-camera-x.mkv",
            "a-camera-5.webm",
        ] {
            assert_eq!(
                read("{participant}-{source}-{start-s}.mkv", name),
                None,
                "{name}"
            );
        }
    }

    #[test]
    fn a_wrong_pattern_is_one_clear_error() {
        for (pattern, part) in [
            ("{participant}-{source", "not closed"),
            ("{user}-{source}", "{user} is unknown"),
            ("{participant}{source}", "separate"),
            ("{participant}.mkv", "{source} is missing"),
            ("{source}.mkv", "{participant} is missing"),
            ("", "{participant} is missing"),
        ] {
            let error = pattern.parse::<Pattern>().expect_err(pattern).to_string();
            assert!(error.contains(part), "{pattern}: {error}");
        }
    }
}
