// SPDX-License-Identifier: MPL-2.0

//! Slide changes, pauses and topic boundaries weighed together into chapters.
//!
//! No one of them is enough: slides change several times within a chapter, people pause to think,
//! and words shift slowly. [`plan`] adds up what speaks for a chapter at each place and takes the
//! set of places that has most, under a shortest chapter and a largest number an hour. That there
//! is one chapter only is an answer. [`name`] then gives titles from what is said.

use std::fmt;
use std::ops::Range;

use crate::timeline::{Span, Time};
use crate::topics::{self, Sentence};

mod plan;
#[cfg(test)]
mod tests;

pub use plan::plan;

/// A lasting change of what the slide shows.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SlideChange {
    /// When the new content is first seen.
    pub time: Time,
    /// Share of the picture that changed, from 0 to 1: a build changes little, a new slide much.
    pub difference: f64,
    /// Whether the same slide was shown before, as an agenda between sections is.
    pub seen_before: bool,
    /// Whether a camera's picture gave way to another camera's: it begins no chapter by itself.
    pub is_camera_cut: bool,
}

/// A topic starts in what is said.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TopicStart {
    /// When its first sentence starts.
    pub time: Time,
    /// Probability, from 0 to 1.
    pub confidence: f64,
}

/// What is known of a recording. Each list is in order of time; what is not known is empty.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Material {
    /// Length of the recording.
    pub duration: Time,
    /// The class within the recording, where it is known: no chapter starts outside.
    pub class: Option<Span>,
    /// Changes of the slide.
    pub slides: Vec<SlideChange>,
    /// When someone speaks.
    pub speech: Vec<Span>,
    /// Where topics start in the transcript.
    pub topics: Vec<TopicStart>,
}

/// What chapters may be made.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Options {
    /// Shortest chapter. In a class of less than ten times as much, a tenth of the class, and
    /// never below 10 s.
    pub min_chapter: Time,
    /// Most chapters an hour; a class of less than an hour may have as many.
    pub max_per_hour: u32,
    /// How much has to speak for a chapter, from 0 (much) to 1 (little).
    pub sensitivity: f64,
}

impl Default for Options {
    /// 2 min, 12 an hour, 0.5.
    fn default() -> Self {
        Options {
            min_chapter: Time::from_secs(120),
            max_per_hour: 12,
            sensitivity: 0.5,
        }
    }
}

/// What speaks for the start of a chapter.
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
}

/// `slide,pause,topic`.
impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (self.start, "start"),
            (self.slide, "slide"),
            (self.pause, "pause"),
            (self.topic, "topic"),
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
    /// From its start to that of the next one.
    pub span: Span,
    /// A title, at most [`topics::MAX_TITLE`] characters; `None` where a person has to give one.
    pub title: Option<String>,
    /// Probability that a person would start a chapter here, from 0 to 1.
    pub confidence: f64,
    /// What speaks for it.
    pub evidence: Evidence,
}

impl Chapter {
    /// Whether a person has to give the title.
    pub fn needs_title(&self) -> bool {
        self.title.is_none()
    }

    /// The title, or for want of one "Chapter 3"; `index` counts from 0.
    pub fn shown_title(&self, index: usize) -> String {
        self.title
            .clone()
            .unwrap_or_else(|| format!("Chapter {}", index + 1))
    }
}

/// Gives the chapters titles from what is said in them, in the language of the BCP 47 tag or the
/// one that the text looks like. Sentences without times are passed over.
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
