// SPDX-License-Identifier: MPL-2.0

//! Captions for a recording, drafted from the transcript of a live class.
//!
//! Words are moved to the speech, divided into cues at the ends of clauses, and shown for as long as
//! they take to read. No word is ever left out to make a cue fit; a cue that is too fast to read is
//! marked. Every change is listed.

use std::fmt;

use unicode_width::UnicodeWidthStr;

use super::coverage;
use super::sync::{self, Sync};
use crate::timeline::{Span, Time};
use crate::webvtt::{self, Block, Cue, Document, Timestamp};

mod cut;
mod layout;
mod phrase;
mod retime;
mod transcript;

pub use transcript::{Transcript, TranscriptError, Word};

/// Words that fill a pause and mean nothing, in English and German.
const FILLERS: [&str; 12] = [
    "um", "uh", "uhm", "umm", "erm", "er", "hmm", "mm", "äh", "ähm", "öh", "hm",
];

/// Choices for a draft.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Leaves out words that fill a pause, such as "um".
    pub drop_fillers: bool,
}

/// Captions, and everything that was changed to make them.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Draft {
    pub cues: Vec<Cue>,
    pub changes: Vec<Change>,
    /// Number of words of the transcript, and of those in the cues.
    pub words: usize,
    pub kept: usize,
}

/// A change to a transcript. Times are those of the recording.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// All words were moved by the offset and drift of the transcript.
    Moved(Sync),
    /// A passage was divided into, or merged to, cues.
    Divided { passage: Span, cues: usize },
    /// A word that fills a pause was left out.
    Dropped { time: Time, word: String },
    /// A cue has more text than can be read in its time.
    Fast { span: Span, speed: f64 },
}

impl Change {
    /// Returns the time of the change.
    pub fn time(&self) -> Time {
        match self {
            Change::Moved(_) => Time::ZERO,
            Change::Divided { passage, .. } => passage.start,
            Change::Dropped { time, .. } => *time,
            Change::Fast { span, .. } => span.start,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Moved(sync) => {
                write!(f, "all words are moved by {:+.2} s", -sync.offset)?;
                match sync.certain_drift() {
                    0.0 => Ok(()),
                    drift => write!(f, ", and by {:+.0} ppm", -drift * 1e6),
                }
            }
            Change::Divided { passage, cues } => {
                let end = Timestamp(passage.end);
                write!(f, "the passage until {end} is now in {cues} cues")
            }
            Change::Dropped { word, .. } => write!(f, "\"{word}\" is left out"),
            Change::Fast { speed, .. } => write!(
                f,
                "{speed:.1} characters per second: the speech is faster than {} can be read",
                layout::SPEED
            ),
        }
    }
}

/// Drafts captions from a transcript. `speech` is that of the recording, if it was analysed: without
/// it the words keep their times.
pub fn draft(transcript: &Transcript, speech: Option<&[Span]>, options: Options) -> Draft {
    let mut draft = Draft {
        words: transcript.words.len(),
        ..Draft::default()
    };
    let mut words = transcript.words.clone();
    let mut passages = transcript.passages.clone();
    if let Some(speech) = speech {
        if let Some(sync) = sync::measure(speech, &coverage::disjoint(passages.iter().copied())) {
            let is_late = sync.offset.abs() > sync.offset_error || sync.certain_drift() != 0.0;
            if is_late {
                draft.changes.push(Change::Moved(sync));
            }
            for span in words
                .iter_mut()
                .map(|word| &mut word.span)
                .chain(&mut passages)
            {
                *span = sync.span_to_speech(*span);
            }
        }
        retime::to_speech(&mut words, &passages, speech);
    }
    if options.drop_fillers {
        drop_fillers(&mut words, &mut draft.changes);
    }
    draft.kept = words.len();
    let blocks = cut::blocks(&words);
    draft.cues = layout::cues(&words, &blocks);
    list_divided(&passages, &mut draft);
    for cue in &draft.cues {
        let speed = layout::speed(cue);
        if speed > layout::SPEED {
            let span = cue.span;
            draft.changes.push(Change::Fast { span, speed });
        }
    }
    draft.changes.sort_by_key(Change::time);
    draft
}

/// Removes words that fill a pause. The end of a sentence stays with the word before them.
fn drop_fillers(words: &mut Vec<Word>, changes: &mut Vec<Change>) {
    let mut kept: Vec<Word> = Vec::with_capacity(words.len());
    for word in words.drain(..) {
        let plain = word
            .text
            .trim_matches(|character: char| !character.is_alphanumeric())
            .to_lowercase();
        if !FILLERS.contains(&&*plain) {
            kept.push(word);
            continue;
        }
        let end = word.text.chars().last().filter(|end| ".?!".contains(*end));
        if let (Some(end), Some(last)) = (end, kept.last_mut())
            && last.text.ends_with(char::is_alphanumeric)
        {
            last.text.push(end);
        }
        changes.push(Change::Dropped {
            time: word.span.start,
            word: word.text,
        });
    }
    *words = kept;
}

/// Lists the passages that are no longer one cue.
fn list_divided(passages: &[Span], draft: &mut Draft) {
    for passage in passages {
        let from = draft
            .cues
            .partition_point(|cue| cue.span.end <= passage.start);
        let cues = draft.cues.iter().skip(from);
        let count = cues.take_while(|cue| cue.span.start < passage.end).count();
        if count != 1 {
            draft.changes.push(Change::Divided {
                passage: *passage,
                cues: count,
            });
        }
    }
}

impl Draft {
    /// Returns the captions as a document: a NOTE stands before each cue that is too fast to read.
    pub fn document(&self) -> Document {
        let mut blocks = Vec::with_capacity(self.cues.len());
        for cue in &self.cues {
            let speed = layout::speed(cue);
            if speed > layout::SPEED {
                let text = format!("too fast to read: {speed:.1} characters per second");
                blocks.push(Block::Note { text, line: 0 });
            }
            blocks.push(Block::Cue(cue.clone()));
        }
        Document {
            blocks,
            ..Document::default()
        }
    }
}

/// Returns the text of words on one line. Scripts that put no spaces between words get none.
fn joined(words: &[Word]) -> String {
    let mut text = String::new();
    for word in words {
        let is_glued = text.chars().last().is_some_and(is_unspaced)
            && word.text.chars().next().is_some_and(is_unspaced);
        if !text.is_empty() && !is_glued {
            text.push(' ');
        }
        text.push_str(&word.text);
    }
    text
}

/// Returns whether the character belongs to text without spaces, punctuation included.
fn is_unspaced(character: char) -> bool {
    super::shape::is_unspaced(character)
        || matches!(character, '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ffef}')
}

/// Returns the columns of words on one line.
fn columns(words: &[Word]) -> usize {
    joined(words).width()
}

/// Returns the text of a cue.
fn markup(lines: &[String], speaker: Option<&str>) -> String {
    let text = webvtt::escape(&lines.join("\n"));
    match speaker {
        Some(speaker) => format!("<v {}>{text}</v>", webvtt::escape(speaker)),
        None => text,
    }
}

#[cfg(test)]
mod tests;
