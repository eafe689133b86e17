// SPDX-License-Identifier: MPL-2.0

//! What an analysis has found in a recording, as `analysis.json` has it for the jobs that follow.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::speech::loudness::Phrase;
use crate::timeline::{Span, Time};

/// Field with the kind of content, `screen` or `camera`.
pub const CONTENT: &str = "content";
/// Field with the spoken language, if the user set it.
pub const LANGUAGE: &str = "language";
/// Field with the fingerprints of the drafts that a machine wrote, by file name.
pub const WRITTEN: &str = "written";
/// Field with the given audio descriptions, each with the recording that it belongs to.
pub const DESCRIBED: &str = "described";

/// The findings. All times are those of the recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Analysis {
    pub recording: Recording,
    /// Length of the recording.
    pub length: Option<Time>,
    /// The spoken language as a BCP 47 tag, if the user set it.
    pub language: Option<String>,
    /// Whether the video is mostly a shared screen.
    pub is_screen: bool,
    /// Times at which a slide appears.
    pub slides: Vec<Time>,
    /// Titles that were read from slides.
    pub titles: Vec<SlideTitle>,
    /// Passages with speech; absent if the analysis did not listen.
    pub speech: Option<Vec<Span>>,
    /// The loudness of each audio stream.
    pub loudness: Vec<Vec<Phrase>>,
    /// Fingerprints of the drafts that a machine wrote, the newest first, by file name.
    pub written: BTreeMap<String, Vec<String>>,
    /// Fingerprints of the recordings of given audio descriptions, by file name.
    pub described: BTreeMap<String, String>,
}

/// The recording that was analysed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Recording {
    /// Where it was, as an absolute path.
    pub path: Option<PathBuf>,
    /// Its file name.
    pub file: Option<String>,
    pub fingerprint: Option<String>,
}

/// A title that was read from a slide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlideTitle {
    /// Time for which the slide is shown.
    pub span: Span,
    pub title: String,
    /// A person has to check it.
    pub needs_title: bool,
}

#[derive(Deserialize)]
struct Summary {
    kept: f64,
    removed: f64,
}

#[derive(Deserialize)]
struct Change {
    time: f64,
}

#[derive(Clone, Copy, Deserialize)]
struct Interval {
    start: f64,
    end: f64,
}

impl Interval {
    fn span(self) -> Span {
        Span::new(
            Time::from_secs_f64(self.start),
            Time::from_secs_f64(self.end),
        )
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Title {
    #[serde(flatten)]
    shown: Interval,
    title: String,
    #[serde(default)]
    needs_title: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Level {
    #[serde(flatten)]
    heard: Interval,
    level: f64,
    above_noise: f64,
}

impl Analysis {
    /// Reads `analysis.json`. What cannot be read of it is absent: the drafts count, and a person may
    /// have removed the file.
    pub fn read(bytes: &[u8]) -> Self {
        let fields: Map<String, Value> = serde_json::from_slice(bytes).unwrap_or_default();
        Analysis::of(&fields)
    }

    /// Takes the findings out of the fields of `analysis.json`.
    pub fn of(fields: &Map<String, Value>) -> Self {
        let list = |name: &str| fields.get(name).and_then(Value::as_array);
        let summary = field::<Option<Summary>>(fields, "summary");
        Analysis {
            recording: field(fields, "input"),
            length: summary.map(|summary| Time::from_secs_f64(summary.kept + summary.removed)),
            language: field(fields, LANGUAGE),
            is_screen: field::<Option<String>>(fields, CONTENT).as_deref() == Some("screen"),
            slides: entries(list("slides"), |change: Change| {
                Time::from_secs_f64(change.time)
            }),
            titles: entries(list("titles"), |read: Title| SlideTitle {
                span: read.shown.span(),
                title: read.title,
                needs_title: read.needs_title,
            }),
            speech: list("speech").map(|spans| entries(Some(spans), Interval::span)),
            loudness: list("loudness").map_or_else(Vec::new, |streams| {
                let streams = streams.iter().map(Value::as_array);
                streams.map(|levels| entries(levels, phrase)).collect()
            }),
            written: field(fields, WRITTEN),
            described: field(fields, DESCRIBED),
        }
    }

    /// Returns whether it is about the recording with this fingerprint.
    pub fn is_of(&self, recording: &str) -> bool {
        self.recording.fingerprint.as_deref() == Some(recording)
    }
}

fn phrase(level: Level) -> Phrase {
    Phrase {
        span: level.heard.span(),
        level: level.level,
        above_noise: level.above_noise,
    }
}

/// Returns a field, or the default of its type if it is absent or malformed.
fn field<T: DeserializeOwned + Default>(fields: &Map<String, Value>, name: &str) -> T {
    let value = fields.get(name).cloned();
    value
        .and_then(|value| serde_json::from_value(value).ok())
        .unwrap_or_default()
}

/// Returns the well-formed entries of a list.
fn entries<T: DeserializeOwned, E>(list: Option<&Vec<Value>>, make: impl Fn(T) -> E) -> Vec<E> {
    let entries = list.into_iter().flatten();
    entries
        .filter_map(|entry| T::deserialize(entry).ok())
        .map(make)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: u64, end: u64) -> Span {
        Span::new(Time::from_secs(start), Time::from_secs(end))
    }

    #[test]
    fn the_findings_are_read() {
        let analysis = Analysis::read(
            br#"{
            "input": {"path": "/a/b.mkv", "file": "b.mkv", "fingerprint": "f", "bytes": 3},
            "language": "en", "content": "screen",
            "summary": {"kept": 7.5, "removed": 2.5, "more": 1},
            "slides": [{"time": 3, "score": 0.9}, {"score": 0.9}],
            "titles": [{"start": 1, "end": 2, "title": "Roots"},
                {"start": 2, "end": 3, "title": "?", "needs-title": true}, {"start": 2}],
            "speech": [{"start": 1, "end": 2}],
            "loudness": [[{"start": 1, "end": 2, "level": -20.5, "above-noise": 30}], []],
            "written": {"trim.vtt": ["x", "y"]}, "described": {"descriptions.en.ogg": "f"}
        }"#,
        );
        assert!(analysis.is_of("f") && !analysis.is_of("g"));
        assert_eq!(analysis.recording.path, Some("/a/b.mkv".into()));
        assert_eq!(analysis.length, Some(Time::from_secs(10)));
        assert_eq!(analysis.language.as_deref(), Some("en"));
        assert!(analysis.is_screen);
        assert_eq!(analysis.slides, [Time::from_secs(3)]);
        let title = |start, end, title: &str, needs_title| SlideTitle {
            span: span(start, end),
            title: title.to_owned(),
            needs_title,
        };
        assert_eq!(
            analysis.titles,
            [title(1, 2, "Roots", false), title(2, 3, "?", true)]
        );
        assert_eq!(analysis.speech, Some(vec![span(1, 2)]));
        let heard = Phrase {
            span: span(1, 2),
            level: -20.5,
            above_noise: 30.0,
        };
        assert_eq!(analysis.loudness, [vec![heard], vec![]]);
        assert_eq!(analysis.written["trim.vtt"], ["x", "y"]);
        assert_eq!(analysis.described["descriptions.en.ogg"], "f");
    }

    #[test]
    fn what_is_malformed_is_absent_and_the_rest_is_read() {
        for bytes in [&b""[..], b"[]", b"{}", b"null", b"{\"input\": 3"] {
            assert_eq!(Analysis::read(bytes), Analysis::default());
        }
        let analysis = Analysis::read(
            br#"{"input": [], "summary": {"kept": 1}, "slides": {}, "speech": null,
            "loudness": 3, "written": {"a": 1}, "content": "camera", "language": "de"}"#,
        );
        let expected = Analysis {
            language: Some("de".into()),
            ..Analysis::default()
        };
        assert_eq!(analysis, expected);
        assert!(!Analysis::default().is_of(""));
    }
}
