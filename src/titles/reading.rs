// SPDX-License-Identifier: MPL-2.0

//! The order in which parts of a slide are read, so that one slide costs little.

use super::pick::{self, Found};
use super::{Sheet, Word, lines};

/// Arrangement of the text on a sheet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrangement {
    /// Text anywhere on the sheet.
    Scattered,
    /// One block of lines.
    Block,
}

/// Space above and below a title that is read again, in sizes of its type.
const MARGIN: f32 = 0.5;
/// Distance from a title, in sizes of its type, within which another word of its line would be, and
/// at which the blur of its own letters ends.
const BESIDE: f32 = 3.0;
const GAP: f32 = 0.15;
/// Part of an area that the strokes of letters cover.
const STROKES: std::ops::Range<f32> = 0.04..0.6;
/// Loss of confidence that a second look may bring: it saw more of the line.
const LOSS: f32 = 0.2;

/// Reads the words of a slide. `recognise` reads a sheet once, and is called one to three times: a
/// page without a title is read again in its own colours, and a title with gaps is read again alone.
pub fn read<E>(
    sheet: &Sheet,
    mut recognise: impl FnMut(&Sheet, Arrangement) -> Result<Vec<Word>, E>,
) -> Result<Vec<Word>, E> {
    let evened = sheet.evened();
    let (mut sheet, mut words) = (sheet, recognise(&evened, Arrangement::Scattered)?);
    let mut found = find(&words);
    if is_sure(found.as_ref()) {
        sheet = &evened;
    } else {
        let again = recognise(sheet, Arrangement::Scattered)?;
        let other = find(&again);
        if is_sure(other.as_ref()) {
            (words, found) = (again, other);
        }
    }
    let Some(found) = found.filter(|found| {
        is_sure(Some(found)) && (found.is_doubtful || has_strokes_beside(&evened, found))
    }) else {
        return Ok(words);
    };
    let margin = MARGIN * found.size;
    let (top, bottom) = (found.top - margin, found.bottom + margin);
    let Some(strip) = sheet.strip(top, bottom) else {
        return Ok(words);
    };
    let again = recognise(&strip, Arrangement::Block)?;
    let replaced = replace(&words, again, found.top, found.bottom);
    let letters = |found: &Found| {
        found
            .title
            .text
            .chars()
            .filter(|c| c.is_alphanumeric())
            .count()
    };
    let is_better = find(&replaced).is_some_and(|other| {
        let is_as_sure = other.title.confidence + LOSS >= found.title.confidence;
        is_as_sure && letters(&other) + 1 >= letters(&found)
    });
    Ok(if is_better { replaced } else { words })
}

/// Returns whether a title's line seems to go on to the left or right of what was read.
fn has_strokes_beside(evened: &Sheet, found: &Found) -> bool {
    let beside = |left: f32, right: f32| {
        let part = evened.darkness(left, found.top, right, found.bottom);
        STROKES.contains(&part)
    };
    let near = BESIDE * found.size;
    let gap = GAP * found.size;
    beside(found.left - near, found.left - gap) || beside(found.right + gap, found.right + near)
}

fn find(words: &[Word]) -> Option<Found> {
    pick::find(&lines::group(&super::upper(words)))
}

fn is_sure(found: Option<&Found>) -> bool {
    found.is_some_and(|found| found.title.is_sure())
}

/// Puts words in the place of those between two heights.
fn replace(words: &[Word], again: Vec<Word>, top: f32, bottom: f32) -> Vec<Word> {
    let is_within = |word: &Word| {
        let middle = (word.top + word.bottom) / 2.0;
        middle >= top && middle <= bottom
    };
    let mut replaced: Vec<Word> = words
        .iter()
        .filter(|word| !is_within(word))
        .cloned()
        .collect();
    let lines = words.iter().map(|word| word.line + 1).max().unwrap_or(0);
    replaced.extend(again.into_iter().filter(is_within).map(|mut word| {
        word.line += lines;
        word
    }));
    replaced
}
