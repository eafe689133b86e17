// SPDX-License-Identifier: MPL-2.0

//! Lines and times of a cue.

use std::ops::Range;

use unicode_width::UnicodeWidthStr;

use super::phrase::{ends_clause, leads};
use super::{Word, columns, joined, markup};
use crate::timeline::{Span, Time};
use crate::webvtt::Cue;

/// Longest line in columns.
pub const COLUMNS: usize = 42;
/// Columns up to which a cue stays on one line.
const ONE_LINE: usize = 32;
/// Largest number of columns per second.
pub const SPEED: f64 = 20.0;
/// Shortest and longest time of a cue in seconds.
pub const SHORTEST: f64 = 0.83;
pub const LONGEST: f64 = 7.0;
/// Time for which a short cue is shown if a pause follows it, in seconds.
const COMFORTABLE: f64 = 1.34;
/// Words per minute at which a cue is comfortable if a pause follows it.
const WORDS_PER_MINUTE: f64 = 160.0;
/// Longest time by which a cue that is too brief may come before its words.
const EARLY: Time = Time::from_millis(300);
/// Longest pause between two cues that is closed: a shorter one is a flicker.
const FLICKER: Time = Time::from_millis(250);

/// Returns the lines of a cue: one, or two of similar length. `None` if the words do not fit.
pub fn lines(words: &[Word]) -> Option<Vec<String>> {
    let whole = columns(words);
    if whole <= ONE_LINE {
        return Some(vec![joined(words)]);
    }
    if whole > 2 * COLUMNS + 1 {
        return None;
    }
    let mut best: Option<(f64, usize)> = None;
    for at in 1..words.len() {
        let (Some(upper), Some(lower)) = (words.get(..at), words.get(at..)) else {
            continue;
        };
        let (first, second) = (columns(upper), columns(lower));
        let Some(last) = upper.last().filter(|_| first.max(second) <= COLUMNS) else {
            continue;
        };
        let clause = if ends_clause(last) { -12.0 } else { 0.0 };
        let leader = if leads(last) { 8.0 } else { 0.0 };
        let wide = first.max(second).saturating_sub(ONE_LINE) as f64;
        let cost = first.abs_diff(second) as f64 + clause + leader + 2.0 * wide;
        if best.is_none_or(|(least, _)| cost < least) {
            best = Some((cost, at));
        }
    }
    match best {
        Some((_, at)) => Some(vec![joined(words.get(..at)?), joined(words.get(at..)?)]),
        None => (whole <= COLUMNS).then(|| vec![joined(words)]),
    }
}

/// Returns the cues of these blocks of words, with their lines and times.
pub fn cues(words: &[Word], blocks: &[Range<usize>]) -> Vec<Cue> {
    let mut cues: Vec<Cue> = Vec::with_capacity(blocks.len());
    for (index, block) in blocks.iter().enumerate() {
        let Some((inside, first)) = words
            .get(block.clone())
            .and_then(|inside| Some((inside, inside.first()?)))
        else {
            continue;
        };
        let lines = lines(inside).unwrap_or_else(|| vec![joined(inside)]);
        let next = blocks.get(index + 1).and_then(|next| words.get(next.start));
        let next = next.map_or(Time::MAX, |next| next.span.start);
        let before = cues.last().map_or(Time::ZERO, |cue| cue.span.end);
        cues.push(Cue {
            span: times(inside, &lines, before, next),
            text: markup(&lines, first.speaker.as_deref()),
            ..Cue::default()
        });
    }
    cues
}

/// Returns the times of a cue between the one before it and the next: as long as its words, longer
/// if they take longer to read and a pause follows.
fn times(words: &[Word], lines: &[String], before: Time, next: Time) -> Span {
    let start = words
        .first()
        .map_or(before, |word| word.span.start)
        .max(before);
    let end = words.iter().map(|word| word.span.end).max();
    let end = end.unwrap_or(start).max(start);
    let columns: usize = lines.iter().map(|line| line.width()).sum();
    // A little more than needed, because times are rounded to milliseconds.
    let read = columns as f64 / SPEED + 0.002;
    let comfort = words.len() as f64 * 60.0 / WORDS_PER_MINUTE + 0.002;
    let after = |seconds: f64| start.saturating_add(Time::from_secs_f64(seconds));
    let needed = after(read.max(SHORTEST));
    let wanted = end.max(after(read.max(comfort).max(COMFORTABLE)));
    let mut span = Span::new(start, wanted.min(next).min(after(LONGEST)));
    if next.saturating_sub(span.end) < FLICKER && next <= after(LONGEST) {
        span.end = next;
    }
    if span.end < needed {
        let short = needed.saturating_sub(span.end);
        span.start = span.start.saturating_sub(short.min(EARLY)).max(before);
    }
    // Two words may begin at the same time.
    span.end = span
        .end
        .max(span.start.saturating_add(Time::from_millis(1)));
    span
}

/// Returns the columns per second of a cue.
pub fn speed(cue: &Cue) -> f64 {
    let text = cue.plain_text();
    let columns: usize = text.lines().map(UnicodeWidthStr::width).sum();
    let seconds = cue.span.duration().secs_f64();
    if seconds > 0.0 {
        columns as f64 / seconds
    } else {
        f64::INFINITY
    }
}
