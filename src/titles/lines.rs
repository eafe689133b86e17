// SPDX-License-Identifier: MPL-2.0

//! Lines of words, with the size of their type.

use super::Word;

/// Widest gap between two words of a line, in sizes of its type; columns are further apart.
const COLUMN_GAP: f32 = 2.5;
/// Widest gap between two pieces of a line that the recogniser has split.
const PIECE_GAP: f32 = 1.7;
/// Largest ratio of the type sizes of two pieces of a line.
const SAME_SIZE: f32 = 1.3;
/// Confidence below which a word at the end of a line is no more than a texture.
const NOISE: f32 = 0.3;
/// Least width of a letter, in sizes of its type, on average over several letters.
const NARROW: f32 = 0.3;
const SEVERAL: usize = 4;
/// Confidence from which a line was read well.
const CLEAR: f32 = 0.7;
/// Confidence below which a short word at the end of a line is a logo or a bullet, and its largest
/// number of letters.
const STRAY: f32 = 0.7;
const SHORT: usize = 3;
/// Gap from which a short word of another size stands apart, in sizes of the type of its line.
const APART: f32 = 0.75;

/// Words beside each other in one size of type.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub words: Vec<Word>,
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
    /// Size of the type: the height from the ascenders to the descenders of a Latin letter.
    pub size: f32,
    /// Mean confidence of the words, weighted by their lengths.
    pub confidence: f32,
}

impl Line {
    fn new(words: Vec<Word>) -> Option<Self> {
        let first = words.first()?;
        let mut line = Line {
            left: first.left,
            top: first.top,
            right: first.right,
            bottom: first.bottom,
            size: size(&words)?,
            confidence: 0.0,
            words: Vec::new(),
        };
        let mut weight = 0.0;
        for word in &words {
            line.left = line.left.min(word.left);
            line.top = line.top.min(word.top);
            line.right = line.right.max(word.right);
            line.bottom = line.bottom.max(word.bottom);
            let length = word.text.chars().count() as f32;
            line.confidence += word.confidence * length;
            weight += length;
        }
        line.confidence /= weight.max(1.0);
        line.words = words;
        Some(line)
    }

    /// Returns the middle between its upper and lower edge.
    pub fn middle(&self) -> f32 {
        (self.top + self.bottom) / 2.0
    }

    /// Returns the text, without spaces between characters of scripts that use none.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for word in &self.words {
            push_word(&mut text, &word.text);
        }
        text
    }

    /// Returns whether it was read well.
    pub fn is_clear(&self) -> bool {
        self.confidence >= CLEAR
    }

    /// Returns the number of letters and digits.
    pub fn letters(&self) -> usize {
        let characters = self.words.iter().flat_map(|word| word.text.chars());
        characters.filter(|c| c.is_alphanumeric()).count()
    }

    /// Returns whether the other line is beside this one.
    fn is_beside(&self, other: &Line) -> bool {
        let shared = self.bottom.min(other.bottom) - self.top.max(other.top);
        let lower = (self.bottom - self.top).min(other.bottom - other.top);
        shared > lower * 0.6
    }
}

/// Adds a word to a text.
pub(super) fn push_word(text: &mut String, word: &str) {
    let joins = |character: Option<char>| character.is_some_and(is_unspaced);
    let is_joined = joins(text.chars().next_back()) && joins(word.chars().next());
    if !text.is_empty() && !is_joined {
        text.push(' ');
    }
    text.push_str(word);
}

/// Returns whether a character is of a script without spaces between words: kana, Han, full-width
/// forms.
pub(super) fn is_unspaced(character: char) -> bool {
    matches!(
        character,
        '\u{2e80}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
            | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}'
    )
}

/// Returns the lines of a slide from top to bottom.
pub(super) fn group(words: &[Word]) -> Vec<Line> {
    let mut rows: Vec<Vec<Word>> = Vec::new();
    for word in words {
        match rows.last_mut() {
            Some(row) if continues(row, word) => row.push(word.clone()),
            _ => rows.push(vec![word.clone()]),
        }
    }
    let lines = rows.into_iter().map(without_strays);
    let mut lines: Vec<Line> = lines.filter_map(Line::new).collect();
    lines.sort_by(|a, b| a.left.total_cmp(&b.left));
    let mut joined: Vec<Line> = Vec::new();
    for line in lines {
        let near = joined.iter_mut().find(|other| fits(other, &line));
        match near.and_then(|other| Some((join(other, &line)?, other))) {
            Some((whole, other)) => *other = whole,
            None => joined.push(line),
        }
    }
    joined.sort_by(|a, b| a.middle().total_cmp(&b.middle()));
    joined
}

/// Removes short words at the ends of a row that were read doubtfully, or that stand apart in another
/// size: logos, bullets, rules.
fn without_strays(mut row: Vec<Word>) -> Vec<Word> {
    let Some(usual) = size(&row) else {
        return row;
    };
    while let [.., before, last] = &*row
        && is_stray(last, before, usual)
    {
        row.pop();
    }
    while let [first, after, ..] = &*row
        && is_stray(first, after, usual)
    {
        row.remove(0);
    }
    row
}

/// Returns whether a word at the end of a row does not belong to it. `usual` is the size of the row's
/// type. The boxes of words that touch a rule are too high, so that the size alone shows nothing.
fn is_stray(word: &Word, neighbour: &Word, usual: f32) -> bool {
    let letters = word.text.chars().filter(|c| c.is_alphanumeric()).count();
    let ratio = word_size(word).map_or(1.0, |(size, _)| size.max(usual) / size.min(usual));
    let gap = (word.left - neighbour.right).max(neighbour.left - word.right);
    let is_apart = ratio > SAME_SIZE && gap > APART * usual;
    // Bullets are read as a small letter or a sign.
    let is_bullet = letters <= 1
        && !word
            .text
            .chars()
            .any(|c| c.is_uppercase() || c.is_numeric());
    let is_doubtful = word.confidence < STRAY || is_apart || is_bullet;
    let is_unspaced = word.text.chars().any(is_unspaced);
    word.confidence < NOISE || letters <= SHORT && is_doubtful && !is_unspaced
}

/// Returns whether a word belongs to the row that the recogniser put it in.
fn continues(row: &[Word], word: &Word) -> bool {
    let Some(last) = row.last().filter(|last| last.line == word.line) else {
        return false;
    };
    let gap = (word.left - last.right).max(last.left - word.right);
    let size = size(row).or_else(|| size(std::slice::from_ref(word)));
    gap <= COLUMN_GAP * size.unwrap_or(last.bottom - last.top)
}

/// Returns whether `right` continues `left`.
fn fits(left: &Line, right: &Line) -> bool {
    let size = left.size.max(right.size);
    let gap = right.left - left.right;
    let ratio = size / left.size.min(right.size);
    left.is_beside(right) && gap.abs() <= PIECE_GAP * size && ratio <= SAME_SIZE
}

/// Joins two pieces of a line, in the order of their script.
fn join(left: &Line, right: &Line) -> Option<Line> {
    let is_rtl = is_right_to_left(left) && is_right_to_left(right);
    let (first, second) = if is_rtl { (right, left) } else { (left, right) };
    Line::new(first.words.iter().chain(&second.words).cloned().collect())
}

/// Returns whether most letters are of a script that is written from right to left.
fn is_right_to_left(line: &Line) -> bool {
    let letters = line.words.iter().flat_map(|word| word.text.chars());
    let (mut all, mut rtl) = (0, 0);
    for letter in letters.filter(|c| c.is_alphabetic()) {
        all += 1;
        // Hebrew, Arabic, Syriac, Thaana, N'Ko and their presentation forms.
        let is_rtl = matches!(letter, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}');
        rtl += usize::from(is_rtl);
    }
    rtl * 2 > all
}

/// Returns the size of the type of words: the median over their characters; `None` if there is no
/// letter.
fn size(words: &[Word]) -> Option<f32> {
    let mut sizes: Vec<(f32, usize)> = words.iter().filter_map(word_size).collect();
    sizes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let all: usize = sizes.iter().map(|(_, count)| count).sum();
    let mut sum = 0;
    let median = sizes.iter().find(|(_, count)| {
        sum += count;
        sum * 2 >= all
    });
    median.map(|(size, _)| *size)
}

/// Returns the size of a word's type and the number of its letters. A box ends at the outermost
/// strokes: "sun" is lower than "Sun", and "Sunday" is higher than both.
fn word_size(word: &Word) -> Option<(f32, usize)> {
    let (mut letters, mut has_tall, mut has_deep, mut is_full) = (0, false, false, false);
    for character in word.text.chars().filter(|c| c.is_alphanumeric()) {
        letters += 1;
        is_full |= is_unspaced(character);
        has_deep |= "gjpqyçþрудцщ".contains(character);
        has_tall |= !character.is_lowercase() || "bdfhijkltßб".contains(character);
    }
    let part = match (is_full, has_tall, has_deep) {
        (true, ..) => 0.98,
        (_, true, true) => 1.0,
        (_, true, false) => 0.78,
        (_, false, true) => 0.78,
        (_, false, false) => 0.57,
    };
    let mut size = (word.bottom - word.top) / part;
    // A box that touches the next line is too high for its width.
    if letters >= SEVERAL {
        size = size.min((word.right - word.left) / (NARROW * letters as f32));
    }
    (letters > 0).then_some((size, letters))
}
