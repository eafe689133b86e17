// SPDX-License-Identifier: MPL-2.0

//! Transcripts of live captions and of recognisers, read as words with times.
//!
//! WebVTT and SubRip (also those of Zoom and Teams, with their speaker names), and the JSON of
//! Whisper, whisper.cpp, Vosk and LiveKit. If only passages have times, words share the time of
//! their passage by their length.

use std::fmt;

use serde_json::Value;
use unicode_width::UnicodeWidthChar;

use super::is_unspaced;
use crate::timeline::{Span, Time};
use crate::webvtt::{Cue, captions};

/// A word as it was written, with its punctuation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    pub text: String,
    pub span: Span,
    /// Whether the time is a share of a passage's.
    pub is_estimated: bool,
    pub speaker: Option<String>,
}

/// The words of a class, in order of time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Transcript {
    pub words: Vec<Word>,
    /// Passages as the file divides them: cues, segments, utterances.
    pub passages: Vec<Span>,
}

/// Reason why a file is not a transcript.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TranscriptError {
    /// Neither captions nor JSON.
    Captions(String),
    /// JSON of no known recogniser.
    UnknownJson,
    /// No words are in it.
    NoWords,
}

impl fmt::Display for TranscriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TranscriptError::Captions(error) => f.write_str(error),
            TranscriptError::UnknownJson => f.write_str(
                "this JSON is not that of Whisper, whisper.cpp, Vosk or LiveKit; write WebVTT",
            ),
            TranscriptError::NoWords => f.write_str("no words with times are in the file"),
        }
    }
}

/// Longest name of a speaker before a colon, in characters and in words.
const NAME_LENGTH: usize = 40;
const NAME_WORDS: usize = 4;

impl Transcript {
    /// Reads a file; `language` is a BCP 47 tag that tells the encoding of captions.
    pub fn read(bytes: &[u8], language: Option<&str>) -> Result<Self, TranscriptError> {
        let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        let mut transcript = match first {
            Some(b'{' | b'[') => from_json(bytes)?,
            _ => from_captions(bytes, language)?,
        };
        transcript.words.sort_by_key(|word| word.span.start);
        transcript.passages.sort();
        if transcript.words.is_empty() {
            return Err(TranscriptError::NoWords);
        }
        Ok(transcript)
    }

    /// Adds a passage without times of its words.
    fn add_passage(&mut self, span: Span, text: &str, speaker: Option<&str>) {
        let words: Vec<&str> = text.split_whitespace().flat_map(pieces).collect();
        let letters = |word: &str| word.chars().count() as f64 + 1.0;
        let total: f64 = words.iter().map(|word| letters(word)).sum();
        let (start, length) = (span.start.secs_f64(), span.duration().secs_f64());
        let mut before = 0.0;
        for word in &words {
            let at = |share: f64| Time::from_secs_f64(start + length * share / total);
            let after = before + letters(word);
            self.words.push(Word {
                text: (*word).to_owned(),
                span: Span::new(at(before), at(after)),
                is_estimated: true,
                speaker: speaker.map(str::to_owned),
            });
            before = after;
        }
        if !words.is_empty() {
            self.passages.push(span);
        }
    }

    fn add_word(&mut self, text: &str, span: Span, speaker: Option<&str>) {
        // A recogniser's word may contain a space, or be one.
        let text: Vec<&str> = text.split_whitespace().collect();
        if !text.is_empty() {
            self.words.push(Word {
                text: text.join("\u{a0}"),
                span,
                is_estimated: false,
                speaker: speaker.map(str::to_owned),
            });
        }
    }
}

/// Divides text without spaces into its characters, each with its combining marks.
fn pieces(text: &str) -> Vec<&str> {
    if !text.chars().any(is_unspaced) {
        return vec![text];
    }
    let mut starts: Vec<usize> = text
        .char_indices()
        .filter(|(_, character)| character.width() != Some(0))
        .map(|(at, _)| at)
        .collect();
    starts.retain(|at| *at > 0);
    let mut pieces = Vec::with_capacity(starts.len() + 1);
    let mut from = 0;
    for at in starts.into_iter().chain([text.len()]) {
        pieces.extend(text.get(from..at));
        from = at;
    }
    pieces
}

fn from_captions(bytes: &[u8], language: Option<&str>) -> Result<Transcript, TranscriptError> {
    let document = captions::read_in(bytes, language)
        .map_err(|error| TranscriptError::Captions(error.to_string()))?;
    let mut transcript = Transcript::default();
    let cues: Vec<&Cue> = document.cues().filter(|cue| !cue.span.is_empty()).collect();
    // A colon ends a name if most cues begin with one, as those of Zoom do.
    let named = cues
        .iter()
        .filter(|cue| name_before_colon(&cue.plain_text()).is_some());
    let has_names = named.count() * 2 > cues.len();
    for cue in cues {
        let text = cue.plain_text();
        let (name, spoken) = match name_before_colon(&text).filter(|_| has_names) {
            Some((name, spoken)) => (Some(name.to_owned()), spoken.to_owned()),
            None => (cue.voice(), text.clone()),
        };
        transcript.add_passage(cue.span, &spoken, name.as_deref());
    }
    Ok(transcript)
}

/// Returns the name and the words of a text like `Ada Lovelace: Hello`.
fn name_before_colon(text: &str) -> Option<(&str, &str)> {
    let (name, spoken) = text.split_once(':')?;
    let is_name = name.chars().count() <= NAME_LENGTH
        && (1..=NAME_WORDS).contains(&name.split_whitespace().count())
        && name.starts_with(char::is_uppercase)
        && !name.contains(['.', ',', '?', '!', '\n'])
        && spoken.starts_with(char::is_whitespace);
    is_name.then_some((name, spoken))
}

/// Reads one or several JSON values, as Vosk writes one for each utterance.
fn from_json(bytes: &[u8]) -> Result<Transcript, TranscriptError> {
    let mut transcript = Transcript::default();
    let mut is_known = false;
    for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
        let value = value.map_err(|_| TranscriptError::UnknownJson)?;
        is_known |= add_json(&mut transcript, &value, None);
    }
    if is_known {
        Ok(transcript)
    } else {
        Err(TranscriptError::UnknownJson)
    }
}

/// Adds what a JSON value contains; returns whether its form is known.
fn add_json(transcript: &mut Transcript, value: &Value, speaker: Option<&str>) -> bool {
    if let Some(values) = value.as_array() {
        let known = values
            .iter()
            .map(|value| add_json(transcript, value, speaker));
        return known.fold(false, |known, one| known | one);
    }
    let name = ["speaker", "participantIdentity", "participant_identity"]
        .iter()
        .find_map(|key| value[key].as_str());
    let speaker = name.or(speaker);
    // Whisper and LiveKit: segments; whisper.cpp: transcription; Vosk: result, alternatives.
    for key in ["segments", "transcription", "alternatives"] {
        if let Some(parts) = value[key].as_array() {
            // Alternatives are readings of the same audio, the best one first.
            let parts = if key == "alternatives" {
                parts.get(..1).unwrap_or_default()
            } else {
                &parts[..]
            };
            let known = parts.iter().map(|part| add_json(transcript, part, speaker));
            return known.fold(parts.is_empty(), |known, one| known | one);
        }
    }
    let words = ["words", "result"]
        .iter()
        .find_map(|key| value[key].as_array());
    let words = words.filter(|words| !words.is_empty());
    if let Some(words) = words {
        return add_words(transcript, words, speaker);
    }
    if value["final"] == Value::Bool(false) {
        // LiveKit repeats a segment until it is final.
        return true;
    }
    match (span(value), value["text"].as_str()) {
        (Some(span), Some(text)) => {
            transcript.add_passage(span, text, speaker);
            true
        }
        // Vosk writes this for silence.
        (None, Some(text)) => text.trim().is_empty(),
        _ => false,
    }
}

fn add_words(transcript: &mut Transcript, words: &[Value], speaker: Option<&str>) -> bool {
    let mut passage: Option<Span> = None;
    for word in words {
        let text = ["punctuated_word", "word", "text"]
            .iter()
            .find_map(|key| word[key].as_str());
        let Some((text, span)) = text.zip(span(word)) else {
            continue;
        };
        let speaker = word["speaker"].as_str().or(speaker);
        transcript.add_word(text, span, speaker);
        let whole = passage.get_or_insert(span);
        whole.end = whole.end.max(span.end);
    }
    transcript.passages.extend(passage);
    passage.is_some()
}

/// Reads the times of a word or segment: seconds, or milliseconds where the names say so.
fn span(value: &Value) -> Option<Span> {
    let seconds = |keys: [&str; 2]| {
        let time = |key: &str| value[key].as_f64();
        Some((time(keys[0])?, time(keys[1])?))
    };
    let (start, end) = if let Some(times) = seconds(["start", "end"]) {
        times
    } else if let Some(offsets) = value["offsets"].as_object() {
        let millis = |key: &str| Some(offsets.get(key)?.as_f64()? / 1000.0);
        (millis("from")?, millis("to")?)
    } else {
        let (start, end) =
            seconds(["startTime", "endTime"]).or_else(|| seconds(["start_time", "end_time"]))?;
        (start / 1000.0, end / 1000.0)
    };
    let span = Span::new(Time::from_secs_f64(start), Time::from_secs_f64(end));
    (span.end >= span.start).then_some(span)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, u64, u64, Option<String>)> {
        let transcript = Transcript::read(text.as_bytes(), Some("en")).expect("a transcript");
        let words = transcript.words.into_iter();
        let millis = |time: Time| (time.nanos() + 500_000) / 1_000_000;
        words
            .map(|word| {
                let span = word.span;
                (
                    word.text,
                    millis(span.start),
                    millis(span.end),
                    word.speaker,
                )
            })
            .collect()
    }

    fn word(text: &str, start: u64, end: u64) -> (String, u64, u64, Option<String>) {
        (text.into(), start, end, None)
    }

    #[test]
    fn recognisers_write_words_with_times() {
        let whisper = r#"{"text": " Hello world.", "language": "en", "segments": [{"id": 0, "start": 1.0,
            "end": 2.0, "text": " Hello world.", "words": [
            {"word": " Hello", "start": 1.0, "end": 1.4, "probability": 0.9},
            {"word": " world.", "start": 1.5, "end": 2.0, "probability": 0.9}]}]}"#;
        let cpp = r#"{"systeminfo": "", "transcription": [
            {"timestamps": {"from": "00:00:01,000", "to": "00:00:01,400"},
             "offsets": {"from": 1000, "to": 1400}, "text": " Hello"},
            {"offsets": {"from": 1500, "to": 2000}, "text": " world."}]}"#;
        let vosk = r#"{"result": [{"conf": 1.0, "end": 1.4, "start": 1.0, "word": "Hello"},
            {"conf": 1.0, "end": 2.0, "start": 1.5, "word": "world."}], "text": "hello world"}
            {"text": ""}"#;
        let best = r#"{"alternatives": [{"confidence": 3, "text": "Hello world.", "result": [
            {"end": 1.4, "start": 1.0, "word": "Hello"}, {"end": 2.0, "start": 1.5, "word": "world."}]},
            {"text": "yellow world", "result": [{"end": 1.4, "start": 1.0, "word": "yellow"}]}]}"#;
        let expected = [word("Hello", 1000, 1400), word("world.", 1500, 2000)];
        for text in [whisper, cpp, vosk, best] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn livekit_repeats_segments_until_they_are_final() {
        let text = r#"[{"participantIdentity": "Ada", "segments": [
            {"id": "a", "text": "Hell", "startTime": 1000, "endTime": 1200, "final": false},
            {"id": "a", "text": "Hello", "startTime": 1000, "endTime": 1600, "final": true}]}]"#;
        let expected = ("Hello".to_owned(), 1000, 1600, Some("Ada".to_owned()));
        assert_eq!(read(text), [expected]);
    }

    #[test]
    fn meetings_name_their_speakers() {
        let named = |text: &str, start, end, name: &str| {
            (text.to_owned(), start, end, Some(name.to_owned()))
        };
        let zoom = "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\nAda L.: Hi\n\n\
                    2\n00:00:02.000 --> 00:00:03.000\nBo: At 10:30\n";
        // A point ends no name of Zoom's.
        let zoom = zoom.replace("Ada L.", "Ada Lovelace");
        let teams = "WEBVTT\n\na/1-0\n00:00:01.000 --> 00:00:02.000\n<v Ada Lovelace>Hi</v>\n\n\
                     a/2-0\n00:00:02.000 --> 00:00:03.000\n<v Bo>At 10:30</v>\n";
        for text in [&zoom, teams] {
            assert_eq!(
                read(text),
                [
                    named("Hi", 1000, 2000, "Ada Lovelace"),
                    named("At", 2000, 2333, "Bo"),
                    named("10:30", 2333, 3000, "Bo"),
                ]
            );
        }
    }

    #[test]
    fn other_files_are_refused_with_a_reason() {
        for (text, part) in [
            ("{\"a\": 1}", "Whisper"),
            ("[1, 2]", "Whisper"),
            ("{\"segments\": [", "Whisper"),
            ("{\"segments\": []}", "no words"),
            ("{\"text\": \"\"}", "no words"),
            ("hello", ""),
        ] {
            let error = Transcript::read(text.as_bytes(), None).expect_err(text);
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }
}
