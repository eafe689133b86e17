// SPDX-License-Identifier: MPL-2.0

//! Selection of the title among the lines of a slide.

use super::lines::{Line, is_unspaced, push_word};
use super::{Title, wording};

/// Least confidence of a line that may be a title.
const READ: f32 = 0.5;
/// Least size of a title's type, in heights of the frame.
const LEAST_SIZE: f32 = 0.024;
/// Part of the largest type from which a line may be the title: figures contain large words.
const NEARLY_LARGEST: f32 = 0.72;
/// Largest ratio of the type sizes of a title's lines, and their largest distance in sizes.
const SAME_SIZE: f32 = 1.16;
const LINE_DISTANCE: f32 = 1.65;
/// Largest number of lines of a title.
const MOST_LINES: usize = 3;
/// Least number of letters of a title; a sign of a script without spaces counts as several.
const LEAST_LETTERS: usize = 3;
/// Confidence below which a word within a title was not read, and from which it was read well.
const HOLE: f32 = 0.35;
const WELL_READ: f32 = 0.8;
/// Largest distance, in sizes of the type, of something that may be a piece of the title's line.
const BESIDE: f32 = 6.0;
/// Number of letters below which a title is more likely a part of a figure.
const SHORT_TITLE: usize = 6;
/// Ratio of the type sizes of a title and of a body that is not there.
const ALONE: f32 = 1.3;
/// Percentage of signs of programs among all characters above which a slide shows code.
const CODE: usize = 9;
/// Signs that are frequent in programs and on terminals, and rare in prose.
const CODE_SIGNS: &str = "{}[]();=<>_/\\$@~|*#&";

/// A title and its place on the slide, in heights of the frame.
pub(super) struct Found {
    pub title: Title,
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
    /// Size of its type.
    pub size: f32,
    /// Whether its line may hold more than what was read.
    pub is_doubtful: bool,
}

/// Finds the title of a slide whose lines are given from top to bottom.
pub(super) fn find(lines: &[Line]) -> Option<Found> {
    let readable: Vec<&Line> = lines.iter().filter(|line| may_be_title(line)).collect();
    let clear = readable.iter().filter(|line| line.is_clear());
    let largest = clear.map(|line| line.size).fold(0.0, f32::max);
    let first = readable
        .iter()
        .filter(|line| line.size >= largest * NEARLY_LARGEST)
        .max_by(|a, b| merit(a, largest).total_cmp(&merit(b, largest)))?;
    let title = continued(first, &readable);
    let mut text = String::new();
    for word in title.iter().flat_map(|line| &line.words) {
        push_word(&mut text, &word.text);
    }
    let (number, text) = wording::shape(&text)?;
    let confidence = confidence(&title, lines, &text);
    Some(Found {
        left: title.iter().map(|line| line.left).fold(f32::MAX, f32::min),
        right: title.iter().map(|line| line.right).fold(0.0, f32::max),
        top: title.iter().map(|line| line.top).fold(f32::MAX, f32::min),
        bottom: title.iter().map(|line| line.bottom).fold(0.0, f32::max),
        size: title.iter().map(|line| line.size).fold(0.0, f32::max),
        is_doubtful: is_doubtful(&title, lines),
        title: Title {
            text,
            number,
            confidence,
        },
    })
}

/// Returns whether a word of a title was read badly, or something else is in its rows.
fn is_doubtful(title: &[&Line], lines: &[Line]) -> bool {
    let is_part = |line: &Line| title.iter().any(|part| std::ptr::eq(*part, line));
    let is_beside = |line: &Line| {
        let gap = |part: &Line| (line.left - part.right).max(part.left - line.right);
        let shares = |part: &Line| part.top < line.middle() && line.middle() < part.bottom;
        title
            .iter()
            .any(|part| shares(part) && gap(part) < BESIDE * part.size)
    };
    let is_bad = |line: &&Line| line.words.iter().any(|word| word.confidence < WELL_READ);
    let has_gap = |line: &&Line| {
        let mut pairs = line.words.windows(2);
        pairs.any(|pair| {
            (pair[1].left - pair[0].right).max(pair[0].left - pair[1].right) > line.size
        })
    };
    title.iter().any(|line| is_bad(line) || has_gap(line))
        || lines.iter().any(|line| !is_part(line) && is_beside(line))
}

/// Returns whether a line is large enough, long enough and read well enough for a title.
fn may_be_title(line: &Line) -> bool {
    let letters: usize = line.text().chars().map(weight).sum();
    line.confidence >= READ && line.size >= LEAST_SIZE && letters >= LEAST_LETTERS
}

/// Returns the number of letters that a character counts as.
fn weight(character: char) -> usize {
    match is_unspaced(character) {
        true => 2,
        false => usize::from(character.is_alphabetic()),
    }
}

/// Returns how much a line is like a title: large, near the top, of several letters, well read.
fn merit(line: &Line, largest: f32) -> f32 {
    let letters: usize = line.text().chars().map(weight).sum();
    let size = if largest > 0.0 {
        line.size / largest
    } else {
        1.0
    };
    size.min(1.1) - 1.2 * line.top + 0.04 * letters.min(10) as f32 + 0.7 * line.confidence.min(0.9)
}

/// Returns the lines of a title that begins at, or contains, `first`.
fn continued<'a>(first: &'a Line, lines: &[&'a Line]) -> Vec<&'a Line> {
    let mut title = vec![first];
    let mut grows = true;
    while grows && title.len() < MOST_LINES {
        grows = false;
        for line in lines {
            let is_new = !title.iter().any(|part| std::ptr::eq(*part, *line));
            let last = title.last().copied().unwrap_or(first);
            if is_new && line.middle() > last.middle() && is_next(last, line) {
                title.push(line);
                grows = true;
                break;
            }
            let top = title.first().copied().unwrap_or(first);
            if is_new && line.middle() < top.middle() && is_next(line, top) {
                title.insert(0, line);
                grows = true;
                break;
            }
        }
    }
    title
}

/// Returns whether `lower` is the next line of the text of `upper`.
fn is_next(upper: &Line, lower: &Line) -> bool {
    let size = upper.size.max(lower.size);
    let ratio = size / upper.size.min(lower.size);
    let distance = lower.middle() - upper.middle();
    let is_near = |a: f32, b: f32| (a - b).abs() <= size;
    let is_aligned = is_near(upper.left, lower.left)
        || is_near(upper.right, lower.right)
        || is_near(upper.left + upper.right, lower.left + lower.right);
    ratio <= SAME_SIZE && distance > 0.0 && distance <= LINE_DISTANCE * size && is_aligned
}

/// Returns the probability that these lines are the slide's title, by place, size and wording.
fn confidence(title: &[&Line], lines: &[Line], text: &str) -> f32 {
    let read = title.iter().map(|line| line.confidence).fold(1.0, f32::min);
    let size = title.iter().map(|line| line.size).fold(0.0, f32::max);
    let top = title.first().map_or(1.0, |line| line.top);
    let is_other = |line: &&Line| !title.iter().any(|part| std::ptr::eq(*part, *line));
    let others: Vec<&Line> = lines
        .iter()
        .filter(is_other)
        .filter(|line| line.letters() >= LEAST_LETTERS && line.is_clear())
        .collect();
    let mut sizes: Vec<f32> = others.iter().map(|line| line.size).collect();
    sizes.sort_by(f32::total_cmp);
    let body = sizes.get(sizes.len() / 2).copied();
    let ratio = body.map_or(ALONE, |body| size / body);
    let is_above = |line: &&&Line| line.bottom <= top && line.size >= size * NEARLY_LARGEST;
    let above = others.iter().filter(is_above).count() as f32;
    // Log odds. Type 1.2 times as large as the others', at the top of the frame, makes a title.
    let mut odds = -0.5 + 7.0 * (ratio - 1.12).clamp(-0.4, 0.35);
    odds += 2.5 * (0.28 - top).clamp(-0.4, 0.1);
    odds += 10.0 * (read - 0.82).clamp(-0.4, 0.1);
    odds -= 0.7 * above.min(3.0);
    odds -= 4.0 * (1.0 - words_part(text));
    let has_hole = |line: &&Line| line.words.iter().any(|word| word.confidence < HOLE);
    if title.iter().any(has_hole) {
        odds -= 2.0;
    }
    if is_code(lines) {
        odds -= 3.0;
    }
    if is_texture(lines) {
        odds -= 1.5;
    }
    if text.chars().next().is_some_and(char::is_lowercase) {
        odds -= 1.5;
    }
    if text.contains('=') {
        odds -= 2.0;
    }
    match text.chars().map(weight).sum::<usize>() {
        ..4 => odds -= 1.6,
        4..SHORT_TITLE => odds -= 0.8,
        _ => (),
    }
    1.0 / (1.0 + (-odds).exp())
}

/// Returns whether a slide shows a program or a terminal.
fn is_code(lines: &[Line]) -> bool {
    let (mut signs, mut all) = (0, 0);
    for character in lines
        .iter()
        .flat_map(|line| &line.words)
        .flat_map(|word| word.text.chars())
    {
        all += 1;
        signs += usize::from(CODE_SIGNS.contains(character));
    }
    all >= 60 && signs * 100 >= all * CODE
}

/// Returns whether most of what was read is hardly text: a photograph, handwriting, a drawing.
fn is_texture(lines: &[Line]) -> bool {
    let letters = |is_clear: bool| -> usize {
        let lines = lines.iter().filter(|line| line.is_clear() == is_clear);
        lines.map(Line::letters).sum()
    };
    letters(false) > letters(true)
}

/// Returns which part of a text's words looks like words: no single letters and signs.
fn words_part(text: &str) -> f32 {
    let words: Vec<&str> = text.split(' ').collect();
    let is_word = |word: &&&str| {
        let letters = word.chars().filter(|c| c.is_alphabetic()).count();
        let signs = word.chars().filter(|c| !c.is_alphanumeric()).count();
        let is_dash = matches!(**word, "-" | "–" | "—" | "&" | "/");
        let is_number = word.chars().all(char::is_numeric);
        is_dash || is_number || word.chars().any(is_unspaced) || letters >= 2 && signs <= letters
    };
    // An article, or the name of a quantity.
    let single = words
        .iter()
        .filter(|word| word.chars().count() == 1)
        .count()
        .min(1);
    let good = words.iter().filter(is_word).count() + single;
    (good as f32 / words.len() as f32).min(1.0)
}
