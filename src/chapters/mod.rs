// SPDX-License-Identifier: MPL-2.0

//! Combines slide changes, pauses and topic boundaries into chapters.
//!
//! None of them is enough: slides change several times within a chapter, people pause to think, and
//! words shift slowly. [`plan`] adds up the evidence at each place and takes the best set of
//! places, subject to a shortest chapter and a largest number per hour. A single chapter is a valid
//! result. [`name`] then makes titles from what is said, and [`name_from_slides`] takes those on the
//! slides.

use std::fmt;
use std::ops::Range;

use crate::timeline::{Span, Time};
use crate::titles::{self, Shown};
use crate::topics::{self, Sentence};

mod after_cuts;
mod plan;
#[cfg(test)]
mod tests;

pub use after_cuts::rename_after_cuts;
pub use plan::plan;

/// A lasting change of the slide.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SlideChange {
    /// Time at which the new content is first seen.
    pub time: Time,
    /// Share of the frame that changed, from 0 to 1: a build changes little, a new slide much.
    pub difference: f64,
    /// Whether the same slide was shown before, like an agenda between sections.
    pub seen_before: bool,
    /// Whether the video switched to another camera, which begins no chapter by itself.
    pub is_camera_cut: bool,
}

/// Start of a topic in what is said.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TopicStart {
    /// Start of its first sentence.
    pub time: Time,
    /// Probability, from 0 to 1.
    pub confidence: f64,
}

/// Findings about a recording. Each list is in order of time; an unknown one is empty.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Material {
    /// Length of the recording.
    pub duration: Time,
    /// Span of the class within the recording, if known: no chapter starts outside.
    pub class: Option<Span>,
    /// Changes of the slide.
    pub slides: Vec<SlideChange>,
    /// Spans in which someone speaks.
    pub speech: Vec<Span>,
    /// Starts of topics in the transcript.
    pub topics: Vec<TopicStart>,
    /// Titles on the slides, as far as they are certain.
    pub titles: Vec<Shown>,
}

/// Settings for chapters.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Options {
    /// Shortest chapter. In a class of less than ten times as much, it is a tenth of the class, and
    /// never below 10 s.
    pub min_chapter: Time,
    /// Largest number of chapters per hour; a class of less than an hour may have as many.
    pub max_per_hour: u32,
    /// Evidence needed for a chapter, from 0 (much) to 1 (little).
    pub sensitivity: f64,
}

impl Default for Options {
    /// 2 min, 12 per hour, 0.5.
    fn default() -> Self {
        Options {
            min_chapter: Time::from_secs(120),
            max_per_hour: 14,
            sensitivity: 0.5,
        }
    }
}

/// Evidence for the start of a chapter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Evidence {
    /// The recording starts.
    pub start: bool,
    /// The slide changes.
    pub slide: bool,
    /// Nobody speaks for a while.
    pub pause: bool,
    /// The words change.
    pub topic: bool,
    /// The title of the slide changes.
    pub title: bool,
}

/// Formats as `slide,pause,topic,title`.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (self.start, "start"),
            (self.slide, "slide"),
            (self.pause, "pause"),
            (self.topic, "topic"),
            (self.title, "title"),
        ];
        let mut separator = "";
        for (_, name) in names.iter().filter(|(holds, _)| *holds) {
            write!(f, "{separator}{name}")?;
            separator = ",";
        }
        Ok(())
    }
}

/// A chapter. The chapters of a plan cover the recording without gap or overlap.
#[derive(Clone, PartialEq, Debug)]
pub struct Chapter {
    /// Time from its start to that of the next one.
    pub span: Span,
    /// Title, at most [`topics::MAX_TITLE`] characters; `None` if a person has to give one.
    pub title: Option<String>,
    /// Probability that a person would start a chapter here, from 0 to 1.
    pub confidence: f64,
    /// Evidence for it.
    pub evidence: Evidence,
}

impl Chapter {
    /// Returns whether a person has to give the title.
    pub fn needs_title(&self) -> bool {
        self.title.is_none()
    }

    /// Returns the title, or "Chapter 3" if there is none; `index` counts from 0.
    pub fn shown_title(&self, index: usize) -> String {
        self.title
            .clone()
            .unwrap_or_else(|| format!("Chapter {}", index + 1))
    }
}

/// Gives the chapters titles from what is said in them. The language is that of the BCP 47 tag, or
/// is detected from the text. Sentences without times are skipped.
pub fn name(chapters: &mut [Chapter], sentences: &[Sentence], language: Option<&str>) {
    let timed: Vec<Sentence> = sentences
        .iter()
        .filter(|sentence| sentence.span.is_some())
        .cloned()
        .collect();
    let middle = |sentence: &Sentence| {
        sentence.span.map_or(Time::ZERO, |span| {
            Time::from_nanos(span.start.nanos() / 2 + span.end.nanos() / 2)
        })
    };
    let ranges: Vec<Range<usize>> = chapters
        .iter()
        .map(|chapter| {
            let start = timed.partition_point(|s| middle(s) < chapter.span.start);
            let end = timed.partition_point(|s| middle(s) < chapter.span.end);
            start..end.max(start)
        })
        .collect();
    for (chapter, title) in chapters
        .iter_mut()
        .zip(topics::titles(&timed, &ranges, language))
    {
        chapter.title = title;
    }
}

/// Longest time from the start of a chapter to the slide that names it: the talk may begin before
/// its slide, or on a slide without a title.
const NAMED_WITHIN: Time = Time::from_secs(60);
/// Time by which a slide may end after the chapter has begun without being its slide.
const LEFT_OVER: Time = Time::from_secs(5);

/// Gives the chapters the titles of the slides with which they begin, in place of other titles. A
/// chapter does not get the title of the chapter before it if it has another slide.
pub fn name_from_slides(chapters: &mut [Chapter], titles: &[Shown]) {
    let mut last: Option<String> = None;
    for chapter in chapters {
        let begins = chapter.span.start;
        let is_first = begins == Time::ZERO;
        let until = match is_first {
            // A lobby page and greetings come before the class.
            true => chapter.span.end,
            false => chapter.span.end.min(begins.saturating_add(NAMED_WITHIN)),
        };
        let shown = titles.iter().filter(|shown| {
            shown.span.end > begins.saturating_add(LEFT_OVER) && shown.span.start < until
        });
        let is_last = |shown: &&Shown| {
            let last = last.as_deref();
            last.is_some_and(|last| titles::is_same(last, &shown.title.text))
        };
        let new = shown.clone().find(|shown| !is_last(shown));
        if let Some(shown) = new.or_else(|| shown.clone().next()) {
            chapter.title = Some(shown.title.text.clone());
        }
        last.clone_from(&chapter.title);
    }
}
