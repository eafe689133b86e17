// SPDX-License-Identifier: MPL-2.0

//! The text of slides over time, for a search in what is shown.

use super::furniture::{self, are_alike};
use super::lines::{self, Line};
use super::shown::{slides, within};
use super::{Reading, SlideStart};
use crate::timeline::{Span, Time};

/// Least confidence of a line of text, and of a word in it.
const READ: f32 = 0.6;
const WORD_READ: f32 = 0.3;
/// Least number of letters and digits of a line.
const LEAST_LETTERS: usize = 2;
/// Part of the letters of a line that may be signs: drawings and textures are read as such.
const SIGNS: f32 = 0.34;
/// Part of the lines of a page that a later page repeats if it is the same one.
const SHARED: f32 = 0.5;
/// Largest number of lines of a slide: a page of a newspaper has fewer.
const MOST_LINES: usize = 100;
/// Shortest time that a page is shown; others are transitions.
const SHORTEST: Time = Time::SECOND;

/// The text of a slide, and the time in which it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShownText {
    pub span: Span,
    /// Lines from top to bottom, not empty.
    pub lines: Vec<String>,
}

/// Returns the text of each slide of a recording that ends at `end`; slides without text are left
/// out. `starts` are in order of time; a slide shown again has its earlier text. Course names,
/// footers and page numbers are left out, as for titles.
pub fn text_over_time(starts: &[SlideStart], readings: &[Reading], end: Time) -> Vec<ShownText> {
    let mut readings: Vec<&Reading> = readings.iter().collect();
    readings.sort_by_key(|reading| reading.time);
    let first = readings.iter().filter(|reading| !reading.is_again);
    let pages: Vec<Vec<Line>> = first.map(|one| lines::group(&one.words)).collect();
    let mut count: usize = 0;
    let read = readings.iter().map(|reading| {
        count += usize::from(!reading.is_again);
        let lines = lines::group(&reading.words);
        let lines = furniture::without(&lines, count.saturating_sub(1), &pages);
        (reading.time, texts(&lines))
    });
    let read: Vec<(Time, Vec<String>)> = read.collect();
    let mut shown: Vec<ShownText> = Vec::new();
    for (slide, span) in slides(starts, end) {
        let within = within(&read, span);
        let again = slide.same_as.filter(|_| within.is_empty());
        let known = again.and_then(|first| shown.iter().rfind(|one| one.span.contains(first)));
        match known.cloned() {
            Some(known) => shown.push(ShownText { span, ..known }),
            None => shown.extend(texts_of(span, within)),
        }
    }
    shown.retain(|one| !one.lines.is_empty() && one.span.duration() >= SHORTEST);
    merge(shown)
}

/// Returns the lines that are text, in reading order.
fn texts(lines: &[Line]) -> Vec<String> {
    let is_text = |text: &String| {
        let is_letter = |character: &char| character.is_alphanumeric();
        let letters = text.chars().filter(is_letter).count();
        let signs = text.chars().filter(|c| !c.is_whitespace()).count() - letters;
        letters >= LEAST_LETTERS && signs as f32 <= SIGNS * letters as f32
    };
    let read = lines.iter().filter(|line| line.confidence >= READ);
    let read = read.map(|line| {
        let words = line
            .words
            .iter()
            .filter(|word| word.confidence >= WORD_READ);
        let mut text = String::new();
        words.for_each(|word| lines::push_word(&mut text, &word.text));
        text
    });
    read.filter(is_text).take(MOST_LINES).collect()
}

/// Returns the texts of the pages that were read between two changes. A page that repeats most of the one before
/// is the same, with more on it.
fn texts_of(span: Span, read: &[(Time, Vec<String>)]) -> Vec<ShownText> {
    let mut pages: Vec<ShownText> = Vec::new();
    for (time, lines) in read {
        let length = |lines: &[String]| lines.iter().map(String::len).sum::<usize>();
        match pages.last_mut() {
            Some(last) if repeats(&last.lines, lines) => {
                if length(lines) > length(&last.lines) {
                    last.lines.clone_from(lines);
                }
            }
            last => {
                let start = if last.is_some() { *time } else { span.start };
                if let Some(last) = last {
                    last.span.end = *time;
                }
                pages.push(ShownText {
                    span: Span::new(start, span.end),
                    lines: lines.clone(),
                });
            }
        }
    }
    pages
}

/// Returns whether a page has most lines of the one before.
fn repeats(before: &[String], lines: &[String]) -> bool {
    let found = shared(before, lines) as f32;
    found >= SHARED * before.len().min(lines.len()).max(1) as f32
}

/// Returns the number of lines of a page that a later one has, too.
fn shared(before: &[String], lines: &[String]) -> usize {
    let has = |one: &&String| lines.iter().any(|other| are_alike(one, other));
    before.iter().filter(has).count()
}

/// Joins texts that follow one another if the later one is the same, or the same with more lines: a
/// slide that is built up.
fn merge(shown: Vec<ShownText>) -> Vec<ShownText> {
    let mut merged: Vec<ShownText> = Vec::new();
    for text in shown {
        match merged.last_mut() {
            Some(last)
                if last.span.end == text.span.start
                    && text.lines.len() >= last.lines.len()
                    && shared(&last.lines, &text.lines) == last.lines.len() =>
            {
                last.span.end = text.span.end;
                last.lines = text.lines;
            }
            _ => merged.push(text),
        }
    }
    merged
}
