// SPDX-License-Identifier: MPL-2.0

//! `summary.md`: the summary and the key points of a class as Markdown, which a person corrects.
//!
//! The head between two lines `---` has the review state. An item of a list may begin with its time
//! in the recording, in brackets: `- [0:12:33-0:12:41] A sentence.`

use std::fmt;

use super::{Review, Status};
use crate::timeline::{CutList, Span, Time, touches};

/// Line before and after the head.
const FENCE: &str = "---";
/// Headings of the parts.
const SUMMARY: &str = "# Summary";
const KEY_POINTS: &str = "# Key points";
/// Signs with which an item begins.
const BULLETS: [&str; 3] = ["- ", "* ", "+ "];
/// Largest length of an item in characters, and largest number of items of a part.
const LONGEST: usize = 2000;
const MOST_ITEMS: usize = 200;

/// A sentence or a key point.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Item {
    /// Time in the recording in which it is said or shown; `None` if a person wrote it without one.
    pub span: Option<Span>,
    /// Text on one line.
    pub text: String,
}

/// The file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SummaryFile {
    pub review: Review,
    pub summary: Vec<Item>,
    pub key_points: Vec<Item>,
}

/// Reason why a file cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SummaryFileError {
    /// The file is not UTF-8.
    NotText,
    /// The head has no `status:`, or one that is neither draft nor approved.
    Status(String),
    /// The time at the start of an item in this line is not a time.
    Time { line: usize, text: String },
}

impl fmt::Display for SummaryFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SummaryFileError::NotText => write!(f, "the file is not UTF-8: save it as UTF-8"),
            SummaryFileError::Status(status) => write!(
                f,
                "the head has the status \"{status}\": write `status: draft` or `status: approved`"
            ),
            SummaryFileError::Time { line, text } => write!(
                f,
                "line {line}: \"{text}\" is not a time: write [0:12:33] or [0:12:33-0:12:41]"
            ),
        }
    }
}

impl std::error::Error for SummaryFileError {}

impl SummaryFile {
    /// Parses a file. Text before the heading of the key points is the summary; lines that are not
    /// items are sentences without a time.
    pub fn read(bytes: &[u8]) -> Result<Self, SummaryFileError> {
        let text = std::str::from_utf8(bytes).map_err(|_| SummaryFileError::NotText)?;
        let text = text.trim_start_matches('\u{feff}');
        let mut file = SummaryFile::default();
        let mut lines = text.lines().zip(1..).peekable();
        if lines
            .next_if(|(line, _)| line.trim_end() == FENCE)
            .is_some()
        {
            let head: Vec<&str> = lines
                .by_ref()
                .map(|(line, _)| line)
                .take_while(|line| line.trim_end() != FENCE)
                .collect();
            file.review = match Review::from_note(&head.join("\n")) {
                Some(Ok(review)) => review,
                Some(Err(status)) => return Err(SummaryFileError::Status(status)),
                None => Review::default(),
            };
        }
        let mut is_of_points = false;
        for (line, number) in lines {
            let line: String = line.chars().filter_map(readable).collect();
            let line = line.trim();
            if let Some(heading) = line.strip_prefix('#') {
                let heading = heading.trim_start_matches('#').trim().to_lowercase();
                is_of_points = heading == "key points";
                continue;
            }
            if line.is_empty() {
                continue;
            }
            let part = match is_of_points {
                true => &mut file.key_points,
                false => &mut file.summary,
            };
            let item = read_item(line, number)?;
            if part.len() < MOST_ITEMS && !item.text.is_empty() {
                part.push(item);
            }
        }
        Ok(file)
    }

    /// Returns the review state in the head of a file, if there is one.
    pub fn review(bytes: &[u8]) -> Option<Review> {
        let text = std::str::from_utf8(bytes).ok()?;
        let rest = text.strip_prefix(FENCE)?;
        let (head, _) = rest.split_once("\n---")?;
        Review::from_note(head)?.ok()
    }

    /// Returns whether a person has approved it.
    pub fn is_approved(&self) -> bool {
        self.review.status == Status::Approved
    }

    pub fn is_empty(&self) -> bool {
        self.summary.is_empty() && self.key_points.is_empty()
    }

    /// Returns the part of it that a package contains, in the package's time: items without a time,
    /// and those of which nothing is cut or touches one of the `hidden` spans.
    pub fn published(&self, cuts: &CutList, hidden: &[Span]) -> Self {
        let item = |item: &Item| match item.span {
            None => Some(item.clone()),
            Some(span) if touches(hidden, span) => None,
            Some(span) if span.is_empty() => {
                let moved = cuts.to_output(span.start).kept()?;
                Some(Item {
                    span: Some(Span::new(moved, moved)),
                    text: item.text.clone(),
                })
            }
            Some(span) => {
                let moved = cuts.span_to_output(span)?;
                // A sentence of which a part is cut is not the sentence that is heard.
                let is_whole = moved.duration().abs_diff(span.duration()) <= Time::from_millis(1);
                is_whole.then(|| Item {
                    span: Some(moved),
                    text: item.text.clone(),
                })
            }
        };
        SummaryFile {
            review: self.review.clone(),
            summary: self.summary.iter().filter_map(item).collect(),
            key_points: self.key_points.iter().filter_map(item).collect(),
        }
    }
}

/// Returns what stands for a character: whitespace is a space, other control characters are nothing.
fn readable(character: char) -> Option<char> {
    if character.is_whitespace() {
        Some(' ')
    } else {
        (!character.is_control()).then_some(character)
    }
}

fn read_item(line: &str, number: usize) -> Result<Item, SummaryFileError> {
    let text = BULLETS.iter().find_map(|bullet| line.strip_prefix(bullet));
    let text = text.unwrap_or(line).trim();
    let (span, text) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        // Only digits begin a time: [sic] is text.
        Some((time, text)) if time.starts_with(|first: char| first.is_ascii_digit()) => {
            let wrong = || SummaryFileError::Time {
                line: number,
                text: time.to_owned(),
            };
            (Some(read_span(time).ok_or_else(wrong)?), text)
        }
        _ => (None, text),
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    let text: String = words.join(" ").chars().take(LONGEST).collect();
    Ok(Item {
        span,
        text: text.trim_end().to_owned(),
    })
}

/// Parses a time, or two with a dash between them.
fn read_span(text: &str) -> Option<Span> {
    let (start, end) = text.split_once(['-', '–']).unwrap_or((text, text));
    let (start, end) = (read_time(start.trim())?, read_time(end.trim())?);
    (start <= end).then(|| Span::new(start, end))
}

/// Parses `1:02:03`, `2:03` or `3`, each with or without a fraction, to a millisecond.
fn read_time(text: &str) -> Option<Time> {
    let mut seconds = 0.0;
    for part in text.split(':') {
        let is_number = part
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number: f64 = part.parse().ok().filter(|_| is_number && part.len() < 10)?;
        seconds = seconds * 60.0 + number;
    }
    let time = (seconds < 1e7).then(|| Time::from_secs_f64(seconds))?;
    Some(Time::from_millis(
        time.saturating_add(Time::from_nanos(500_000)).millis(),
    ))
}

/// Writes the file.
impl fmt::Display for SummaryFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FENCE}\n{}\n{FENCE}", self.review)?;
        for (heading, items) in [(SUMMARY, &self.summary), (KEY_POINTS, &self.key_points)] {
            if items.is_empty() {
                continue;
            }
            writeln!(f, "\n{heading}\n")?;
            for item in items {
                let words: Vec<&str> = item.text.split_whitespace().collect();
                let text = words.join(" ");
                match item.span {
                    Some(span) if span.is_empty() => {
                        writeln!(f, "- [{}] {text}", clock(span.start))?;
                    }
                    Some(span) => {
                        let (start, end) = (clock(span.start), clock(span.end));
                        writeln!(f, "- [{start}-{end}] {text}")?;
                    }
                    None => writeln!(f, "- {text}")?,
                }
            }
        }
        Ok(())
    }
}

/// Formats a time with milliseconds: `0:12:33.250`.
fn clock(time: Time) -> String {
    let millis = time.millis();
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours}:{minutes:02}:{:02}.{millis:03}", seconds % 60)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: &str = "---\nstatus: approved\nby: Ada\ninput: abc\n---\n\n# Summary\n\n\
        - [0:00:05.000-0:00:09.000] Waves carry energy.\n- [sic] A person's words.\n\n\
        # Key points\n\n- [0:01:00.000] Lenses: made of glass.\n";

    fn millis(start: u64, end: u64) -> Option<Span> {
        Some(Span::new(Time::from_millis(start), Time::from_millis(end)))
    }

    #[test]
    fn what_a_person_writes_reads_back_after_it_is_written() {
        for item in [
            "- two  spaces\tand a\u{2028}line",
            "- nothing\u{0}\u{0} is lost",
            "\u{0}[12] no time behind a control character",
            "- [1.23456-2.9999] a time finer than a millisecond",
            "- - a bullet of its own",
            "- # no heading",
            "-",
        ] {
            let file = SummaryFile::read(item.as_bytes()).expect("a summary");
            assert_eq!(file.summary.len(), 1, "{item:?}");
            let again = SummaryFile::read(file.to_string().as_bytes());
            assert_eq!(again, Ok(file), "{item:?}");
        }
        let file = SummaryFile::read(b"- two \twords").expect("a summary");
        assert_eq!(file.summary[0].text, "two words");
        let long = format!("- {} {}", "a".repeat(LONGEST - 1), "b".repeat(9));
        let file = SummaryFile::read(long.as_bytes()).expect("a summary");
        let again = SummaryFile::read(file.to_string().as_bytes());
        assert_eq!(again, Ok(file));
    }

    #[test]
    fn a_file_reads_back_as_it_was_written() {
        let file = SummaryFile::read(FILE.as_bytes()).expect("a summary");
        assert!(file.is_approved());
        assert_eq!(file.review.by.as_deref(), Some("Ada"));
        assert_eq!(file.summary[0].span, millis(5000, 9000));
        assert_eq!(file.summary[1].span, None);
        assert_eq!(file.key_points[0].span, millis(60_000, 60_000));
        assert_eq!(file.to_string(), FILE);
        assert_eq!(SummaryFile::review(FILE.as_bytes()), Some(file.review));
        assert_eq!(SummaryFile::review(b"# Summary\n"), None);
    }

    #[test]
    fn what_a_person_writes_by_hand_is_read() {
        let text = "Just a sentence.\r\n## key Points\r\n* [2:03] B\r\n+ [1:00:00 \u{2013} 1:00:02.5] C\r\n";
        let file = SummaryFile::read(text.as_bytes()).expect("a summary");
        assert!(!file.is_approved());
        assert_eq!(file.summary[0].text, "Just a sentence.");
        let spans: Vec<_> = file.key_points.iter().map(|item| item.span).collect();
        assert_eq!(
            spans,
            [millis(123_000, 123_000), millis(3_600_000, 3_602_500)]
        );
        let wrong = |text: &str| {
            SummaryFile::read(text.as_bytes())
                .expect_err("wrong")
                .to_string()
        };
        assert!(wrong("\n- [12:x] B\n").contains("line 2: \"12:x\""));
        assert!(wrong("- [9-8] B\n").contains("line 1"));
        assert!(wrong("---\nstatus: aproved\n---\n").contains("aproved"));
    }

    #[test]
    fn a_sentence_of_a_cut_or_hidden_span_is_not_published() {
        let item = |start, end| Item {
            span: millis(start, end),
            text: start.to_string(),
        };
        let file = SummaryFile {
            summary: vec![
                item(0, 1000),
                item(9000, 11_000),
                item(10_000, 12_000),
                item(30_000, 31_000),
            ],
            key_points: vec![item(20_000, 20_000), Item::default()],
            ..SummaryFile::default()
        };
        let secs = Time::from_secs;
        let cuts = CutList::new([Span::new(secs(10), secs(60))]).expect("a cut list");
        let published = file.published(&cuts, &[Span::new(secs(30), secs(32))]);
        let texts: Vec<_> = published
            .summary
            .iter()
            .map(|item| (&*item.text, item.span))
            .collect();
        assert_eq!(texts, [("10000", millis(0, 2000))]);
        let points: Vec<_> = published.key_points.iter().map(|item| item.span).collect();
        assert_eq!(points, [millis(10_000, 10_000), None]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = SummaryFile::read(&bytes);
        }

        #[test]
        fn any_text_stays_one_item(text in "[a-z][a-z#\\[\\]0-9:. \n-]{1,60}") {
            let file = SummaryFile {
                summary: vec![Item { span: millis(0, 5), text }],
                ..SummaryFile::default()
            };
            let read = SummaryFile::read(file.to_string().as_bytes()).expect("a summary");
            prop_assert_eq!((read.summary.len(), read.key_points.len()), (1, 0));
        }
    }
}
