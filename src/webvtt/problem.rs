// SPDX-License-Identifier: MPL-2.0

//! Problems in a file, with their lines.

use std::fmt;

/// A part of a file that is not used as it is. Reading continues after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Line, counted from one.
    pub line: usize,
    pub kind: ProblemKind,
}

/// Kind of problem.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProblemKind {
    /// Bytes that are not UTF-8 were replaced by U+FFFD.
    NotUtf8,
    /// An invalid timing line; its block is left out.
    Timing(String),
    /// The cue ends at or before its start. It stays in the document, but no player shows it.
    EndsBeforeStart,
    /// A cue setting without effect.
    Setting(String),
    /// Text that belongs to no cue; it is left out.
    Stray(String),
    /// STYLE or REGION after the first cue; it is left out.
    Late(&'static str),
    /// Bytes that are not UTF-8 were read in this encoding.
    Encoding(&'static str),
    /// Something of a caption file that a viewer would not see as it was meant; the words say what.
    Caption(String),
    /// A NOTE with a status that is neither `draft` nor `approved`.
    Status(String),
    /// A broken rule of chapter files (§4.6.1, §4.7.2, design); contains the description.
    Chapter(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.kind)
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProblemKind::NotUtf8 => {
                write!(
                    f,
                    "not UTF-8, the invalid bytes are replaced; save the file as UTF-8"
                )
            }
            ProblemKind::Timing(line) => write!(
                f,
                "\"{line}\" is not a timing line; write it like 00:00:00.000 --> 00:00:01.000"
            ),
            ProblemKind::EndsBeforeStart => {
                write!(f, "the cue does not end after its start; correct its times")
            }
            ProblemKind::Setting(setting) => {
                write!(f, "\"{setting}\" is not a cue setting and has no effect")
            }
            ProblemKind::Stray(text) => write!(
                f,
                "\"{text}\" belongs to no cue; put a timing line, for example 00:00:00.000 --> \
                 00:00:01.000, above it, or remove it"
            ),
            ProblemKind::Late(block) => {
                write!(
                    f,
                    "a {block} block has no effect after the first cue; move it up"
                )
            }
            ProblemKind::Encoding(name) => write!(
                f,
                "not UTF-8, read as {name}; if words look wrong save the file as UTF-8"
            ),
            ProblemKind::Caption(what) => write!(f, "{what}"),
            ProblemKind::Status(status) => {
                write!(f, "the status \"{status}\" is neither draft nor approved")
            }
            ProblemKind::Chapter(rule) => write!(f, "{rule}"),
        }
    }
}

/// Reason why a file cannot be read at all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadError {
    /// The file is empty.
    Empty,
    /// It does not start with `WEBVTT` (§6.1, steps 4 to 6).
    NotWebVtt,
    /// It is neither WebVTT nor SubRip.
    NotCaptions,
    /// There is no cue in it; with the first thing that is wrong with it.
    NoCue(Option<Box<Problem>>),
    /// It is not Unicode, and its encoding is in doubt.
    Encoding {
        /// Counted from one.
        line: usize,
        /// The number of the first byte beyond ASCII, counted from zero.
        at: usize,
        byte: u8,
    },
    /// It is UTF-16, which WebVTT is not.
    Utf16,
    /// A block is larger than any text.
    TooLong { line: usize },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Empty => write!(f, "the file is empty; WebVTT starts with a line WEBVTT"),
            ReadError::NotWebVtt => write!(f, "not WebVTT: its first line is not WEBVTT"),
            ReadError::NotCaptions => write!(
                f,
                "not a caption file: WebVTT starts with a line WEBVTT, SRT with a number and a \
                 line of times"
            ),
            ReadError::NoCue(None) => write!(f, "the file contains no cue"),
            ReadError::NoCue(Some(problem)) => write!(f, "the file contains no cue: {problem}"),
            ReadError::Encoding { line, at, byte } => write!(
                f,
                "line {line}: byte {byte:#04x} (number {at} of the file) is not UTF-8, and the \
                 encoding is in doubt; save the file as UTF-8"
            ),
            ReadError::Utf16 => write!(f, "the file is UTF-16; WebVTT is UTF-8, save it as UTF-8"),
            ReadError::TooLong { line } => {
                write!(f, "line {line}: the block is too long to be a cue")
            }
        }
    }
}

impl std::error::Error for ReadError {}
