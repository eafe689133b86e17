// SPDX-License-Identifier: MPL-2.0

//! Reads the table of words that Tesseract writes (`tessedit_create_tsv`).

use super::{Sheet, Word};

/// Number of the column of each field; the first line of the table names them.
const LEVEL: usize = 0;
const LEFT: usize = 6;
const TOP: usize = 7;
const WIDTH: usize = 8;
const HEIGHT: usize = 9;
const CONFIDENCE: usize = 10;
const TEXT: usize = 11;
/// Level of a row that describes a word; lower levels are pages, blocks, paragraphs and lines.
const WORD: &str = "5";
/// Columns with the numbers of page, block, paragraph and line.
const LINE: std::ops::Range<usize> = 1..5;
/// Largest number of words on a slide; a film poster does not have as many.
const MOST_WORDS: usize = 2000;
/// Largest length of a word in characters.
const LONGEST: usize = 80;

/// Reads the words that were found on a sheet. Rows that do not fit the format are skipped: the text
/// comes from another program.
pub fn read_tsv(table: &str, sheet: &Sheet) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut last_line: Option<Vec<&str>> = None;
    let mut line = 0;
    for row in table.lines() {
        let fields: Vec<&str> = row.split('\t').collect();
        let Some((place, mut word)) = read_row(&fields, sheet) else {
            continue;
        };
        if last_line.as_ref().is_some_and(|last| last != &place) {
            line += 1;
        }
        last_line = Some(place);
        word.line = line;
        words.push(word);
        if words.len() == MOST_WORDS {
            break;
        }
    }
    words
}

/// Reads a row: the numbers of its line, and the word.
fn read_row<'a>(fields: &[&'a str], sheet: &Sheet) -> Option<(Vec<&'a str>, Word)> {
    if *fields.get(LEVEL)? != WORD {
        return None;
    }
    let number = |column: usize| {
        let number: f32 = fields.get(column)?.trim().parse().ok()?;
        number.is_finite().then_some(number)
    };
    let text: String = fields
        .get(TEXT)?
        .chars()
        .filter(|character| !character.is_control() && !is_direction_mark(*character))
        .take(LONGEST)
        .collect();
    let text = text.trim();
    let (left, top) = (number(LEFT)?, number(TOP)?);
    let (width, high) = (number(WIDTH)?, number(HEIGHT)?);
    if text.is_empty() || width <= 0.0 || high <= 0.0 {
        return None;
    }
    let ((right, bottom), (left, top)) = (
        sheet.place(left + width, top + high),
        sheet.place(left, top),
    );
    let word = Word {
        text: text.to_owned(),
        left,
        top,
        right,
        bottom,
        confidence: (number(CONFIDENCE)? / 100.0).clamp(0.0, 1.0),
        line: 0,
    };
    Some((fields.get(LINE)?.to_vec(), word))
}

/// Returns whether a character only marks a direction of writing (Unicode Bidi_Control).
fn is_direction_mark(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
