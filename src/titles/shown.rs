// SPDX-License-Identifier: MPL-2.0

//! Titles over time: each from the change that brings its slide to the next one.

use super::{Title, Word, choose};
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
}

/// Returns the title of each slide of a recording that ends at `end`; slides without anything like
/// a title are left out. `starts` are in order of time; a slide shown again has its earlier title.
pub fn over_time(starts: &[SlideStart], readings: &[Reading], end: Time) -> Vec<Shown> {
    let mut readings: Vec<&Reading> = readings.iter().collect();
    readings.sort_by_key(|reading| reading.time);
    let words: Vec<Vec<Word>> = readings
        .iter()
        .map(|reading| reading.words.clone())
        .collect();
    let times: Vec<Time> = [Time::ZERO]
        .into_iter()
        .chain(starts.iter().map(|start| start.time))
        .collect();
    let slide_at = |time: Time| {
        times
            .partition_point(|start| *start <= time)
            .saturating_sub(1)
    };
    let mut titles: Vec<Option<Title>> = vec![None; times.len()];
    for (reading, title) in readings.iter().zip(choose(&words)) {
        let Some(slot) = titles.get_mut(slide_at(reading.time)) else {
            continue;
        };
        let confidence = |title: &Option<Title>| title.as_ref().map_or(0.0, |t| t.confidence);
        if confidence(&title) > confidence(slot) {
            *slot = title;
        }
    }
    for (index, start) in starts.iter().enumerate() {
        let first = start.same_as.map(slide_at);
        let known = first.and_then(|first| titles.get(first)?.clone());
        if let (Some(slot @ None), Some(known)) = (titles.get_mut(index + 1), known) {
            *slot = Some(known);
        }
    }
    let ends = times.iter().skip(1).copied().chain([end]);
    let shown = titles.into_iter().zip(times.iter().zip(ends));
    shown
        .filter_map(|(title, (start, end))| {
            let span = Span::new(*start, end.max(*start));
            Some(Shown {
                span,
                title: title?,
            })
        })
        .collect()
}
