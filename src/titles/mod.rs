// SPDX-License-Identifier: MPL-2.0

//! Titles of slides, from the words that a recogniser reads on them.
//!
//! A title is large, near the top, and belongs to its slide: a course name, a footer or a window's
//! title bar stays from slide to slide. [`choose`] weighs these properties. It returns no title
//! instead of a doubtful one, which a person would have to find and correct. Code editors,
//! terminals, whiteboards and photographs have none.

mod furniture;
mod ground;
mod lines;
mod models;
mod pick;
mod reading;
mod sheet;
mod shown;
mod still;
mod text;
mod tsv;
mod wording;

#[cfg(test)]
mod tests;

pub use models::{lacks_latin, models};
pub use reading::{Arrangement, read};
pub use sheet::{PackedSheet, Sheet};
pub use shown::{Reading, Shown, SlideStart, over_time};
pub use still::Stills;
pub use text::{ShownText, text_over_time};
pub use tsv::read_tsv;
pub use wording::{MAX_TITLE, is_same};

/// Least confidence of a title; below it a person has to name the chapter.
pub const SURE: f32 = 0.5;

/// A word on a slide. Its box is in heights of the frame, from the frame's upper left corner.
#[derive(Clone, PartialEq, Debug)]
pub struct Word {
    pub text: String,
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
    /// Probability that it was read correctly, from 0 to 1.
    pub confidence: f32,
    /// Number of the line that the recogniser put it in. Words of a line are in reading order.
    pub line: usize,
}

/// A title that was read from a slide.
#[derive(Clone, PartialEq, Debug)]
pub struct Title {
    /// Text on one line, at most [`MAX_TITLE`] characters, without its number.
    pub text: String,
    /// Number before the text: "3.2", "Chapter 4".
    pub number: Option<String>,
    /// Probability that a person would read the same title, from 0 to 1.
    pub confidence: f32,
}

impl Title {
    /// Returns whether it may be used without a person's look.
    pub fn is_sure(&self) -> bool {
        self.confidence >= SURE
    }
}

/// Returns the words among which a title is.
fn upper(words: &[Word]) -> Vec<Word> {
    let is_upper = |word: &&Word| word.top < sheet::TITLE_PART;
    words.iter().filter(is_upper).cloned().collect()
}

/// Returns the title of each slide, given as the words of all slides of a recording in order.
/// Returns `None` for a slide without anything like a title; doubtful ones have a confidence below
/// [`SURE`].
pub fn choose(slides: &[Vec<Word>]) -> Vec<Option<Title>> {
    let mut slides: Vec<Vec<lines::Line>> = slides
        .iter()
        .map(|words| lines::group(&upper(words)))
        .collect();
    furniture::remove(&mut slides);
    let mut titles: Vec<Option<Title>> = slides
        .iter()
        .map(|lines| pick::find(lines).map(|found| found.title))
        .collect();
    wording::unify(&mut titles);
    titles
}
