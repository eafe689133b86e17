// SPDX-License-Identifier: MPL-2.0

//! Titles over time: each from the change that brings its slide to the next one.

use super::{Title, Word, choose, is_same};
use crate::timeline::{Span, Time};

/// A title and the time in which its slide, or slides of the same title, are shown.
#[derive(Clone, PartialEq, Debug)]
pub struct Shown {
    pub span: Span,
    pub title: Title,
}

/// The start of a slide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlideStart {
    pub time: Time,
    /// Time when the same slide was shown first, if it was shown before.
    pub same_as: Option<Time>,
}

/// Words that were read from the frame of a time.
#[derive(Clone, PartialEq, Debug)]
pub struct Reading {
    pub time: Time,
    pub words: Vec<Word>,
    /// Whether it shows the end of a slide that was read before: it may have more text, but no other
    /// title.
    pub is_again: bool,
}

/// Returns the title of each slide of a recording that ends at `end`; slides without anything like
/// a title are left out. `starts` are in order of time; a slide shown again has its earlier title.
/// Readings between two starts may show that there was another slide.
pub fn over_time(starts: &[SlideStart], readings: &[Reading], end: Time) -> Vec<Shown> {
    let mut readings: Vec<&Reading> = readings.iter().filter(|one| !one.is_again).collect();
    readings.sort_by_key(|reading| reading.time);
    let words: Vec<Vec<Word>> = readings
        .iter()
        .map(|reading| reading.words.clone())
        .collect();
    let read: Vec<(Time, Option<Title>)> = readings
        .iter()
        .map(|reading| reading.time)
        .zip(choose(&words))
        .collect();
    let mut shown: Vec<Shown> = Vec::new();
    for (slide, span) in slides(starts, end) {
        let within = within(&read, span);
        let again = slide.same_as.filter(|_| within.is_empty());
        let known = again.and_then(|first| {
            let known = shown.iter().rfind(|shown| shown.span.contains(first));
            known.map(|shown| shown.title.clone())
        });
        match known {
            Some(title) => shown.push(Shown { span, title }),
            None => shown.extend(pages(span, within)),
        }
    }
    shown
}

/// Returns each slide of a recording that ends at `end` with its span; the first one begins with the
/// recording.
pub(super) fn slides(starts: &[SlideStart], end: Time) -> impl Iterator<Item = (SlideStart, Span)> {
    let first = SlideStart {
        time: Time::ZERO,
        same_as: None,
    };
    let ends = starts.iter().map(|start| start.time).chain([end]);
    let slides = [first].into_iter().chain(starts.iter().copied());
    slides
        .zip(ends)
        .map(|(slide, end)| (slide, Span::new(slide.time, end.max(slide.time))))
}

/// Returns what was read in a span; `read` is in order of time.
pub(super) fn within<T>(read: &[(Time, T)], span: Span) -> &[(Time, T)] {
    let from = read.partition_point(|(time, _)| *time < span.start);
    let until = read.partition_point(|(time, _)| *time < span.end);
    read.get(from..until).unwrap_or_default()
}

/// Returns the titles that were read between two changes, in order of time.
fn pages(span: Span, read: &[(Time, Option<Title>)]) -> Vec<Shown> {
    let mut pages: Vec<Shown> = Vec::new();
    let mut is_open = false;
    for (time, title) in read {
        let last = pages.last_mut().filter(|_| is_open);
        match (last, title) {
            (Some(last), Some(title)) if is_same(&last.title.text, &title.text) => {
                if title.confidence > last.title.confidence {
                    last.title = title.clone();
                }
            }
            (last, title) => {
                // A page of another title, or without one, is in its place.
                if let Some(last) = last {
                    last.span.end = *time;
                }
                is_open = title.is_some();
                let start = if pages.is_empty() { span.start } else { *time };
                pages.extend(title.iter().map(|title| Shown {
                    span: Span::new(start, span.end),
                    title: title.clone(),
                }));
            }
        }
    }
    pages
}
