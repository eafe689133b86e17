// SPDX-License-Identifier: MPL-2.0

//! Caption files: reading, conversion through a cut list and back, and checks.

use std::collections::HashMap;

mod decode;
mod near;
mod srt;
mod words;

use decode::{decode, decode_head};

use super::{Block, Cue, Document, Problem, ProblemKind, ReadError};
use crate::timeline::{CutList, Span, Time, touches};

/// Shortest rest of a cue. A shorter one is a flash that nobody reads, the time of a word (BBC
/// subtitle guidelines), if it is also less than half of the cue.
const FLASH: Time = Time::from_millis(300);

/// The length of an hour.
const HOUR: Time = Time::from_secs(3600);
/// The longest time by which captions may pass the end of the recording that they are made for.
const OVERRUN: Time = Time::from_secs(5);

/// Reads WebVTT or SubRip in any common encoding.
pub fn read(bytes: &[u8]) -> Result<Document, ReadError> {
    read_in(bytes, None)
}

/// Reads WebVTT or SubRip in Unicode or an encoding that files in `language`, a BCP 47 tag, are saved
/// in. Timing lines that are near to what the format asks for are read and reported.
pub fn read_in(bytes: &[u8], language: Option<&str>) -> Result<Document, ReadError> {
    let (text, problem) = decode(bytes, language)?;
    let mut document = if text.starts_with("WEBVTT") {
        let (text, mut problems) = near::mend_webvtt(&text);
        let mut document = super::read(text.as_bytes())?;
        problems.extend(document.problems.drain(..).map(near::explain));
        problems.sort_by_key(|problem| problem.line);
        document.problems = problems;
        document
    } else if srt::is_srt(&text) {
        srt::read(&text)
    } else if text.trim().is_empty() {
        return Err(ReadError::Empty);
    } else {
        return Err(ReadError::NotCaptions);
    };
    if document.cues().next().is_none() {
        let first = document.problems.first().cloned();
        return Err(ReadError::NoCue(first.map(Box::new)));
    }
    document.problems.splice(0..0, problem);
    Ok(document)
}

/// Returns whether a file that begins with these bytes can be read by [`read`].
pub fn is_captions(head: &[u8]) -> bool {
    let text = decode_head(head);
    text.starts_with("WEBVTT") || srt::is_srt(&text)
}

/// Returns the text of a SubRip cue as WebVTT writes it, and the cue settings that its codes stand
/// for.
pub fn from_srt(text: &str) -> (String, String) {
    srt::cue_text(text)
}

/// Takes whole hours off captions whose timecode does not begin at zero, as that of a broadcast begins
/// at 10:00:00, and returns how many. They are recognised if many cues lie past the end of a recording
/// of this length, and all of them in it without the hours.
pub fn take_hours_off(document: &mut Document, length: Time) -> Option<u64> {
    let cues = || document.cues().filter(|cue| !cue.span.is_empty());
    let first = cues().map(|cue| cue.span.start).min()?;
    let last = cues().map(|cue| cue.span.end).max()?;
    let beyond = cues().filter(|cue| cue.span.start >= length).count();
    let hours = first.nanos() / HOUR.nanos();
    let offset = Time::from_nanos(hours * HOUR.nanos());
    let fits = last.saturating_sub(offset) <= length.saturating_add(OVERRUN);
    if hours == 0 || !fits || beyond * 3 < cues().count() {
        return None;
    }
    let back = |span: Span| {
        Span::new(
            span.start.saturating_sub(offset),
            span.end.saturating_sub(offset),
        )
    };
    for block in &mut document.blocks {
        if let Block::Cue(cue) = block {
            cue.text = words::retime(&cue.text, cue.span, |span| Some(back(span)));
            cue.span = back(cue.span);
        }
    }
    Some(hours)
}

/// Returns a cue that is shown later by this time, as are the words of it that have times of their own.
pub fn shift(cue: &Cue, by: Time) -> Cue {
    let later = |span: Span| Span::new(span.start.saturating_add(by), span.end.saturating_add(by));
    Cue {
        text: words::retime(&cue.text, cue.span, |span| Some(later(span))),
        span: later(cue.span),
        ..cue.clone()
    }
}

/// Whether a viewer of a recording of this length would see any of the cues.
pub fn is_seen(document: &Document, length: Time) -> bool {
    let mut cues = document.cues();
    cues.any(|cue| !cue.span.is_empty() && cue.span.start < length)
}

/// Returns problems of cues that a viewer would not see as intended, in a recording of this length.
/// Problems reported by [`read`] are not repeated.
pub fn check(document: &Document, length: Option<Time>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut odd = |cue: &Cue, what: String| {
        problems.push(Problem {
            line: cue.line,
            kind: ProblemKind::Caption(what),
        });
    };
    let mut ids = HashMap::new();
    let mut before: Option<&Cue> = None;
    let mut longest: Option<&Cue> = None;
    for cue in document.cues().filter(|cue| !cue.span.is_empty()) {
        if let Some(id) = &cue.id
            && let Some(first) = ids.insert(id, cue.line)
        {
            let what = format!("the identifier \"{id}\" is already used in line {first}");
            odd(cue, format!("{what}; only the first cue keeps it"));
        }
        if let Some(before) = before.filter(|before| cue.span.start < before.span.start) {
            let what = format!("the cue starts before the cue of line {}", before.line);
            odd(cue, format!("{what}; it is moved to its place"));
        } else if let Some(other) = longest
            && let Some(shared) = cue.span.intersection(other.span)
        {
            let seconds = shared.duration().secs_f64();
            let what = format!(
                "the cue overlaps the cue of line {} by {seconds:.3} s",
                other.line
            );
            odd(cue, format!("{what}; both are shown"));
        }
        if let Some(length) = length.filter(|&length| cue.span.end > length) {
            let what = if cue.span.start < length {
                "the cue ends after the end of the recording; it is shortened"
            } else {
                "the cue starts after the end of the recording; it is left out"
            };
            odd(cue, what.to_owned());
        }
        before = Some(cue);
        if longest.is_none_or(|longest| cue.span.end >= longest.span.end) {
            longest = Some(cue);
        }
    }
    problems
}

/// Returns the cues of a source as they are published: clipped to the kept parts, moved, in order
/// of time. Cut cues are dropped, nothing is later than `duration`, and identifiers are unique.
/// Styles and regions stay; comments, which are not for viewers, do not.
///
/// A cue over a cut continues across the splice. Its words can only be separated if they have times
/// of their own: then the cut ones are removed. A cue that touches one of the `silent` spans, which
/// are sorted and disjoint, is removed.
pub fn retime(document: &Document, cuts: &CutList, silent: &[Span], duration: Time) -> Document {
    let programme = Span::new(Time::ZERO, duration);
    let moved = moved(document, |cue| {
        if touches(silent, cue.span) {
            return None;
        }
        let span = cuts.span_to_output(cue.span)?.intersection(programme)?;
        let left = span.duration();
        let whole = cue.span.duration();
        if left < FLASH && left.nanos() * 2 < whole.nanos() {
            return None;
        }
        let text = retime_words(&cue.text, cue.span, cuts);
        Some(Cue {
            span,
            text,
            ..cue.clone()
        })
    });
    let blocks = moved
        .blocks
        .into_iter()
        .filter(|block| !matches!(block, Block::Note { .. }));
    Document {
        blocks: blocks.collect(),
        ..Document::default()
    }
}

/// Returns the text of a cue as it is published: its times are moved, and cut words with times of
/// their own are removed.
pub fn retime_words(text: &str, span: Span, cuts: &CutList) -> String {
    words::retime(text, span, |words| cuts.span_to_output(words))
}

/// Iterates over cues that are kept in part although they overlap a cut: their text may be what was
/// cut. A cut that is shorter than a word does not count.
pub fn over_cuts<'a>(document: &'a Document, cuts: &[Span]) -> Vec<&'a Cue> {
    let is_over = |cue: &&Cue| {
        let parts = cuts.iter().filter_map(|cut| cut.intersection(cue.span));
        let cut: u64 = parts.map(|part| part.duration().nanos()).sum();
        let left = cue.span.duration().nanos().saturating_sub(cut);
        cut >= FLASH.nanos() && left > 0
    };
    document.cues().filter(is_over).collect()
}

/// Returns the cues of a published text in the time of its source: the inverse of [`retime`].
pub fn to_source(document: &Document, cuts: &CutList) -> Document {
    let back = |span: Span| {
        // The end belongs to the span before it.
        let last = span.end.saturating_sub(Time::from_nanos(1));
        let end = cuts.to_source(last).saturating_add(Time::from_nanos(1));
        let source = Span::new(cuts.to_source(span.start), end);
        (!span.is_empty() && !source.is_empty()).then_some(source)
    };
    moved(document, |cue| {
        let span = back(cue.span)?;
        let text = words::retime(&cue.text, cue.span, back);
        Some(Cue {
            span,
            text,
            ..cue.clone()
        })
    })
}

/// Returns the document with every cue moved; a cue without a new position is removed.
fn moved(document: &Document, mut to: impl FnMut(&Cue) -> Option<Cue>) -> Document {
    let (cues, others): (Vec<&Block>, Vec<&Block>) = document
        .blocks
        .iter()
        .partition(|block| matches!(block, Block::Cue(_)));
    let mut cues: Vec<Cue> = cues
        .into_iter()
        .filter_map(|block| match block {
            Block::Cue(cue) if !cue.span.is_empty() => to(cue),
            _ => None,
        })
        .collect();
    cues.sort_by_key(|cue| cue.span.start);
    let mut ids = std::collections::HashSet::new();
    for cue in &mut cues {
        cue.id = cue.id.take().filter(|id| ids.insert(id.clone()));
    }
    Document {
        header: document.header.clone(),
        blocks: others
            .into_iter()
            .cloned()
            .chain(cues.into_iter().map(Block::Cue))
            .collect(),
        problems: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
