// SPDX-License-Identifier: MPL-2.0

//! The blocks of a file and their written form (§4.1).

use std::fmt;

use super::{CueSettings, Timestamp, text};
use crate::timeline::{Span, Time};

/// A block of a file. `line` is its first line in the file it was read from, counted from one; zero
/// in a block that was not read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Block {
    Cue(Cue),
    /// A comment, without the word NOTE.
    Note {
        text: String,
        line: usize,
    },
    /// A style sheet, without the word STYLE.
    Style {
        css: String,
        line: usize,
    },
    /// A region's settings, without the word REGION.
    Region {
        settings: String,
        line: usize,
    },
}

/// A cue.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cue {
    pub id: Option<String>,
    pub span: Span,
    /// The settings as written, separated by single spaces.
    pub settings: String,
    /// The text as written, with its tags and escapes. Lines end with LF.
    pub text: String,
    /// The first line of its block, counted from one; zero if the cue was not read.
    pub line: usize,
}

impl Cue {
    /// Makes a cue with this plain text.
    pub fn new(span: Span, plain_text: &str) -> Self {
        Cue {
            span,
            text: text::escape(plain_text),
            ..Cue::default()
        }
    }

    /// Returns the text without tags, its escapes decoded (§6.5).
    pub fn plain_text(&self) -> String {
        text::plain_text(&self.text)
    }

    /// Returns the first speaker that the text names in a `<v>` tag.
    pub fn voice(&self) -> Option<String> {
        text::voice(&self.text)
    }

    pub fn settings(&self) -> CueSettings {
        CueSettings::parse(&self.settings)
    }

    /// Returns the cue as a file can contain it, which is what [`fmt::Display`] writes. Times are
    /// in whole milliseconds, the end is after the start, and no line of the text is empty. There
    /// is no arrow in the identifier or the text. A cue that was read changes only if it ends
    /// before it starts.
    pub fn canonical(&self) -> Cue {
        let millis = |time: Time| {
            let millis = time.saturating_add(Time::from_nanos(500_000)).millis();
            Time::from_millis(millis)
        };
        let start = millis(self.span.start);
        let end = millis(self.span.end).max(start.saturating_add(Time::from_millis(1)));
        let id = self.id.as_deref().unwrap_or_default();
        let id = clean(id, " ").replace("-->", "-- >");
        let settings = clean(&self.settings, " ");
        let settings: Vec<&str> = settings.split_ascii_whitespace().collect();
        Cue {
            id: (!id.is_empty()).then_some(id),
            span: Span::new(start, end),
            settings: settings.join(" "),
            text: clean(&self.text, "\n").replace("-->", "--&gt;"),
            line: self.line,
        }
    }
}

/// Returns the lines of a text that are not empty, without NUL.
fn clean(text: &str, separator: &str) -> String {
    let text = text.replace('\0', "\u{fffd}");
    let lines: Vec<&str> = text
        .split(['\n', '\r'])
        .filter(|line| !line.is_empty())
        .collect();
    lines.join(separator)
}

/// Writes the block, with the line end of its last line and without the empty line after it.
impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An arrow ends any other block.
        let (word, body) = match self {
            Block::Cue(cue) => return cue.fmt(f),
            Block::Note { text, .. } => ("NOTE", clean(text, "\n").replace("-->", "-- >")),
            Block::Style { css, .. } => ("STYLE", clean(css, "\n").replace("-->", "-- >")),
            Block::Region { settings, .. } => {
                ("REGION", clean(settings, "\n").replace("-->", "-- >"))
            }
        };
        match body.as_str() {
            "" => writeln!(f, "{word}"),
            body => writeln!(f, "{word}\n{body}"),
        }
    }
}

/// Writes the cue as a block, with the line end of its last line and without the empty line after
/// it. The output reads back as [`Cue::canonical`].
impl fmt::Display for Cue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cue = self.canonical();
        if let Some(id) = &cue.id {
            writeln!(f, "{id}")?;
        }
        let (start, end) = (Timestamp(cue.span.start), Timestamp(cue.span.end));
        write!(f, "{start} --> {end}")?;
        if !cue.settings.is_empty() {
            write!(f, " {}", cue.settings)?;
        }
        writeln!(f)?;
        if !cue.text.is_empty() {
            writeln!(f, "{}", cue.text)?;
        }
        Ok(())
    }
}
