// SPDX-License-Identifier: MPL-2.0

//! Lines that stay from slide to slide: course names, footers, page numbers, logos, window title
//! bars, names under webcams.

use super::lines::Line;

/// Largest distance between the places of a line on two slides, in heights of the frame.
const SAME_PLACE: f32 = 0.025;
/// Number of slides on which a line has to stand.
const LEAST: usize = 3;
/// Percentage of the slides on which it has to stand.
const PART: usize = 40;
/// Percentage of the slides on which it stays even if it is the largest line: nothing else is a
/// title there, or a template has a large name.
const NEARLY_ALL: usize = 80;
/// Number of slides that shows this.
const MANY: usize = 6;
/// Number of slides before and after one that it is compared with: a long recording has several
/// decks.
const AROUND: usize = 20;
/// Ratio of type sizes from which a line is smaller than another one.
const SMALLER: f32 = 1.1;
/// Size of the type, in heights of the frame, below which nothing is a title.
const SMALLEST: f32 = 0.018;

/// Removes these lines from the slides.
pub(super) fn remove(slides: &mut [Vec<Line>]) {
    let without: Vec<Vec<Line>> = slides
        .iter()
        .enumerate()
        .map(|(index, lines)| without(lines, index, slides))
        .collect();
    for (lines, without) in slides.iter_mut().zip(without) {
        *lines = without;
    }
}

/// Returns the other lines of a frame that shows the slide of this index.
pub(super) fn without(lines: &[Line], index: usize, slides: &[Vec<Line>]) -> Vec<Line> {
    let end = index.saturating_add(AROUND + 1).min(slides.len());
    let near = slides.get(index.saturating_sub(AROUND)..end);
    let near = near.unwrap_or_default();
    let keys: Vec<Vec<String>> = near
        .iter()
        .map(|lines| lines.iter().map(|line| key(&line.text())).collect())
        .collect();
    let is_of_slide =
        |line: &&Line| line.size >= SMALLEST && !stays(line, &key(&line.text()), near, &keys);
    lines.iter().filter(is_of_slide).cloned().collect()
}

/// Returns whether a line is on many slides, at one place, beside something larger.
fn stays(line: &Line, key: &str, slides: &[Vec<Line>], keys: &[Vec<String>]) -> bool {
    let (mut count, mut beside_larger) = (0, 0);
    for (lines, keys) in slides.iter().zip(keys) {
        let mut same = lines.iter().zip(keys);
        let Some((found, _)) =
            same.find(|(other, other_key)| is_same_place(line, other) && are_alike(key, other_key))
        else {
            continue;
        };
        count += 1;
        let is_larger = |other: &Line| other.size >= found.size * SMALLER && other.letters() > 2;
        beside_larger += usize::from(lines.iter().any(is_larger));
    }
    let is_frequent = count >= LEAST && count * 100 >= slides.len() * PART;
    let is_on_all = count >= MANY && count * 100 >= slides.len() * NEARLY_ALL;
    is_on_all || is_frequent && beside_larger * 2 > count
}

fn is_same_place(one: &Line, other: &Line) -> bool {
    let is_near = |a: f32, b: f32| (a - b).abs() <= SAME_PLACE;
    let is_aligned = is_near(one.left, other.left)
        || is_near(one.right, other.right)
        || is_near(one.left + one.right, other.left + other.right);
    is_near(one.middle(), other.middle()) && is_aligned
}

/// Returns the letters of a text, with one sign for any number: pages and minutes are counted.
fn key(text: &str) -> String {
    let mut key = String::new();
    for character in text.chars().filter(|c| c.is_alphanumeric()) {
        if !character.is_numeric() {
            key.extend(character.to_lowercase());
        } else if !key.ends_with('0') {
            key.push('0');
        }
    }
    key
}

/// Returns whether two texts are the same but for a letter in five, as a recogniser reads them.
pub(super) fn are_alike(one: &str, other: &str) -> bool {
    one == other || super::wording::distance(one, other) * 5 <= one.len().min(other.len())
}
