// SPDX-License-Identifier: MPL-2.0

//! The exchange with a command of the user's that proposes titles, chapters, a summary and key points.
//! JSON schemas: `assist-request.schema.json` and `assist-reply.schema.json` in this folder.
//!
//! The reply is untrusted: [`Reply::read`] refuses it as a whole if any part of it cannot be used.
//! Times are in seconds of the recording.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::summary_file::Item;
use crate::timeline::{Span, Time};

/// The JSON schemas (draft 2020-12) of both files.
pub const REQUEST_SCHEMA: &str = include_str!("assist-request.schema.json");
pub const REPLY_SCHEMA: &str = include_str!("assist-reply.schema.json");

/// Version of the format.
const VERSION: u32 = 1;
/// Largest size of a reply in bytes.
pub const MOST_BYTES: usize = 1 << 20;
/// Largest number of chapters, of titles, of sentences and of key points.
const MOST_CHAPTERS: usize = 200;
const MOST_POINTS: usize = 200;
/// Largest length of a title and of a sentence in characters.
const LONGEST_TITLE: usize = 200;
const LONGEST_TEXT: usize = 1000;
/// Largest distance in seconds between a chapter and the title for it.
const NEAR: f64 = 2.0;
/// Shortest time between the starts of two chapters, in seconds.
const SHORTEST: f64 = 1.0;
/// Time by which a reply may pass the end of the recording, in seconds: it is rounded.
const OVERRUN: f64 = 1.0;

/// Everything that the command is given.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Request {
    /// Version of this format, 1.
    pub version: u32,
    /// BCP 47 tag, if the language is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Length of the recording.
    pub duration: f64,
    /// Words that are said.
    pub transcript: Vec<Part>,
    /// Text and titles of slides.
    pub slides: Vec<Part>,
    /// Chapters; the text is their title, empty if nobody has named one.
    pub chapters: Vec<Part>,
}

/// A text and its time.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Part {
    pub start: f64,
    pub end: f64,
    pub text: String,
}

/// The answer of the command. Whatever is missing stays as it is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reply {
    /// Titles for chapters that start at these times.
    pub titles: Vec<(Time, String)>,
    /// Chapters in place of those that were found: start and title.
    pub chapters: Vec<(Time, String)>,
    pub summary: Vec<Item>,
    pub key_points: Vec<Item>,
}

/// Reason why a reply is refused. Formats as a part of a sentence.
#[derive(Clone, PartialEq, Debug)]
pub enum ReplyError {
    TooLong,
    NotJson(String),
    TooMany {
        kind: &'static str,
        count: usize,
        most: usize,
    },
    Outside {
        kind: &'static str,
        number: usize,
        seconds: f64,
    },
    Order {
        number: usize,
    },
    Empty {
        kind: &'static str,
        number: usize,
    },
    LongText {
        kind: &'static str,
        number: usize,
        most: usize,
    },
    NoChapter {
        number: usize,
    },
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplyError::TooLong => write!(f, "the reply is longer than {MOST_BYTES} bytes"),
            ReplyError::NotJson(error) => write!(f, "the reply is not as its schema asks: {error}"),
            ReplyError::TooMany { kind, count, most } => {
                write!(f, "{kind}: {count} entries, at most {most} are allowed")
            }
            ReplyError::Outside {
                kind,
                number,
                seconds,
            } => {
                write!(
                    f,
                    "{kind}: entry {number}: {seconds} s is outside of the recording"
                )
            }
            ReplyError::Order { number } => {
                write!(
                    f,
                    "chapters: entry {number} does not start after the one before"
                )
            }
            ReplyError::Empty { kind, number } => write!(f, "{kind}: entry {number} has no text"),
            ReplyError::LongText { kind, number, most } => {
                write!(f, "{kind}: entry {number} is longer than {most} characters")
            }
            ReplyError::NoChapter { number } => {
                write!(f, "titles: entry {number}: no chapter starts at that time")
            }
        }
    }
}

impl std::error::Error for ReplyError {}

/// The reply as it is written.
#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Written {
    titles: Vec<Titled>,
    chapters: Vec<Titled>,
    summary: Vec<Said>,
    key_points: Vec<Said>,
}

#[derive(Deserialize)]
struct Titled {
    start: f64,
    title: String,
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    start: Option<f64>,
    #[serde(default)]
    end: Option<f64>,
    text: String,
}

impl Request {
    /// Makes a request for a recording of this length.
    pub fn new(language: Option<String>, duration: Time) -> Self {
        Request {
            version: VERSION,
            language,
            duration: duration.secs_f64(),
            ..Request::default()
        }
    }

    /// Writes the file.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Part {
    pub fn new(span: Span, text: &str) -> Self {
        Part {
            start: span.start.secs_f64(),
            end: span.end.secs_f64(),
            text: text.to_owned(),
        }
    }
}

impl Reply {
    /// Parses the reply to a request. Control characters and marks of direction are removed.
    ///
    /// # Errors
    /// It is too long, is not JSON of this form, has too many or too long entries, or times outside
    /// of the recording.
    pub fn read(bytes: &[u8], request: &Request) -> Result<Self, ReplyError> {
        if bytes.len() > MOST_BYTES {
            return Err(ReplyError::TooLong);
        }
        let wrong = |error: serde_json::Error| ReplyError::NotJson(clean(&error.to_string()));
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(wrong)?;
        if !value.is_object() {
            return Err(ReplyError::NotJson("it is not an object".into()));
        }
        let written: Written = serde_json::from_value(value).map_err(wrong)?;
        let end = request.duration;
        let reply = Reply {
            titles: titled("titles", written.titles, end)?,
            chapters: titled("chapters", written.chapters, end)?,
            summary: said("summary", written.summary, end)?,
            key_points: said("key-points", written.key_points, end)?,
        };
        let starts = reply.chapters.iter().zip(reply.chapters.iter().skip(1));
        for (number, ((before, _), (start, _))) in starts.enumerate() {
            if start.secs_f64() < before.secs_f64() + SHORTEST {
                return Err(ReplyError::Order { number: number + 2 });
            }
        }
        if reply.chapters.is_empty() {
            for (number, (start, _)) in reply.titles.iter().enumerate() {
                if nearest(&request.chapters, *start).is_none() {
                    return Err(ReplyError::NoChapter { number: number + 1 });
                }
            }
        }
        Ok(reply)
    }

    /// Returns the chapters that follow from it: its own, else those of the request with its titles.
    /// Returns `None` if it changes none of them.
    pub fn chapters(&self, request: &Request) -> Option<Vec<Part>> {
        let mut chapters = match self.chapters.is_empty() {
            true => request.chapters.clone(),
            false => {
                let starts = self.chapters.iter().map(|(start, _)| start.secs_f64());
                let ends = starts.skip(1).chain([request.duration]);
                let parts = self.chapters.iter().zip(ends);
                let part = parts.map(|((start, title), end)| Part {
                    start: start.secs_f64(),
                    end: end.max(start.secs_f64()),
                    text: title.clone(),
                });
                part.collect()
            }
        };
        for (start, title) in &self.titles {
            if let Some(chapter) =
                nearest(&chapters, *start).and_then(|index| chapters.get_mut(index))
            {
                chapter.text.clone_from(title);
            }
        }
        (chapters != request.chapters).then_some(chapters)
    }
}

/// Returns the index of the chapter that starts at a time.
fn nearest(chapters: &[Part], start: Time) -> Option<usize> {
    let distance = |chapter: &Part| (chapter.start - start.secs_f64()).abs();
    let near = chapters.iter().enumerate();
    let near = near.min_by(|(_, one), (_, other)| distance(one).total_cmp(&distance(other)));
    near.filter(|(_, chapter)| distance(chapter) <= NEAR)
        .map(|(index, _)| index)
}

fn titled(
    kind: &'static str,
    written: Vec<Titled>,
    end: f64,
) -> Result<Vec<(Time, String)>, ReplyError> {
    check_count(kind, written.len(), MOST_CHAPTERS)?;
    let entry = |(index, one): (usize, Titled)| {
        let start = read_time(kind, index, one.start, end)?;
        Ok((start, read_text(kind, index, &one.title, LONGEST_TITLE)?))
    };
    written.into_iter().enumerate().map(entry).collect()
}

fn said(kind: &'static str, written: Vec<Said>, end: f64) -> Result<Vec<Item>, ReplyError> {
    check_count(kind, written.len(), MOST_POINTS)?;
    let entry = |(index, one): (usize, Said)| {
        let span = match one.start {
            None => None,
            Some(start) => {
                let until = read_time(kind, index, one.end.unwrap_or(start), end)?;
                let start = read_time(kind, index, start, end)?;
                Some(Span::new(start, until.max(start)))
            }
        };
        let text = read_text(kind, index, &one.text, LONGEST_TEXT)?;
        Ok(Item { span, text })
    };
    written.into_iter().enumerate().map(entry).collect()
}

fn check_count(kind: &'static str, count: usize, most: usize) -> Result<(), ReplyError> {
    match count > most {
        true => Err(ReplyError::TooMany { kind, count, most }),
        false => Ok(()),
    }
}

fn read_time(kind: &'static str, index: usize, seconds: f64, end: f64) -> Result<Time, ReplyError> {
    match (0.0..=end + OVERRUN).contains(&seconds) {
        true => Ok(Time::from_secs_f64(seconds.min(end))),
        false => Err(ReplyError::Outside {
            kind,
            number: index + 1,
            seconds,
        }),
    }
}

fn read_text(
    kind: &'static str,
    index: usize,
    text: &str,
    most: usize,
) -> Result<String, ReplyError> {
    let number = index + 1;
    let text = clean(text);
    match text.chars().count() {
        0 => Err(ReplyError::Empty { kind, number }),
        count if count > most => Err(ReplyError::LongText { kind, number, most }),
        _ => Ok(text),
    }
}

/// Returns the text on one line, without control characters and what only marks a direction of
/// writing (Unicode Bidi_Control) or takes no space.
fn clean(text: &str) -> String {
    let is_hidden = |character: char| {
        matches!(character, '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
    };
    let seen = text.chars().filter(|&character| !is_hidden(character));
    let seen: String = seen
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    seen.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request() -> Request {
        let span = |start, end| Span::new(Time::from_secs(start), Time::from_secs(end));
        Request {
            chapters: vec![Part::new(span(0, 30), "Waves"), Part::new(span(30, 60), "")],
            ..Request::new(Some("en".into()), Time::from_secs(60))
        }
    }

    fn read(text: &str) -> Result<Reply, ReplyError> {
        Reply::read(text.as_bytes(), &request())
    }

    #[test]
    fn titles_chapters_and_points_are_read_and_cleaned() {
        let reply = read(
            "{\"version\":1,\"titles\":[{\"start\":31,\"title\":\"Le\\u202ens\\u0000es\\n<b>\"}],\
             \"summary\":[{\"text\":\"All.\"}],\"key-points\":[{\"start\":3,\"end\":5,\"text\":\"A\"}]}",
        )
        .expect("a reply");
        let chapters = reply.chapters(&request()).expect("changed");
        assert_eq!(chapters[0].text, "Waves");
        assert_eq!(chapters[1].text, "Lens es <b>");
        assert_eq!(reply.summary[0].span, None);
        let span = Span::new(Time::from_secs(3), Time::from_secs(5));
        assert_eq!(reply.key_points[0].span, Some(span));
        let reply = read(
            "{\"chapters\":[{\"start\":0,\"title\":\"A\"},{\"start\":20,\"title\":\"B\"}],\
             \"titles\":[{\"start\":20,\"title\":\"C\"}]}",
        )
        .expect("a reply");
        let chapters = reply.chapters(&request()).expect("changed");
        let found: Vec<_> = chapters
            .iter()
            .map(|one| (one.start, one.end, &*one.text))
            .collect();
        assert_eq!(found, [(0.0, 20.0, "A"), (20.0, 60.0, "C")]);
        assert_eq!(read("{}").expect("a reply").chapters(&request()), None);
    }

    #[test]
    fn every_kind_of_bad_reply_is_refused_with_its_place() {
        let many = |kind: &str| {
            let entry = |at: usize| format!("{{\"start\":{},\"title\":\"x\"}}", at as f64 / 1e3);
            let entries: Vec<String> = (0..10_000).map(entry).collect();
            format!("{{\"{kind}\":[{}]}}", entries.join(","))
        };
        let long = format!("{{\"summary\":[{{\"text\":\"{}\"}}]}}", "x".repeat(1001));
        for (text, expected) in [
            (&*many("chapters"), "chapters: 10000 entries, at most 200"),
            (&many("titles"), "titles: 10000 entries"),
            (&long, "summary: entry 1 is longer than 1000 characters"),
            (
                "I think the chapters are:",
                "not as its schema asks: expected value at line 1",
            ),
            ("[]", "not as its schema asks"),
            (
                "{\"titles\":[{\"start\":\"x\",\"title\":\"A\"}]}",
                "not as its schema asks",
            ),
            (
                "{\"titles\":[{\"start\":0,\"title\":\"\\u200e \\u0007\"}]}",
                "titles: entry 1 has no text",
            ),
            (
                "{\"titles\":[{\"start\":12,\"title\":\"A\"}]}",
                "titles: entry 1: no chapter starts",
            ),
            (
                "{\"chapters\":[{\"start\":90,\"title\":\"A\"}]}",
                "chapters: entry 1: 90 s is outside",
            ),
            (
                "{\"chapters\":[{\"start\":-1,\"title\":\"A\"}]}",
                "entry 1: -1 s is outside",
            ),
            (
                "{\"summary\":[{\"start\":5,\"end\":1e30,\"text\":\"A\"}]}",
                "summary: entry 1: ",
            ),
            (
                "{\"chapters\":[{\"start\":9,\"title\":\"A\"},{\"start\":8,\"title\":\"B\"}]}",
                "chapters: entry 2 does not start after",
            ),
        ] {
            let error = read(text).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        let huge = vec![b' '; MOST_BYTES + 1];
        assert_eq!(Reply::read(&huge, &request()), Err(ReplyError::TooLong));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Reply::read(&bytes, &request());
        }
    }
}
