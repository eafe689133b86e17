// SPDX-License-Identifier: MPL-2.0

//! The text of a title: numbers apart, marks of continuation away, at most one line of a list.

use super::Title;
use super::lines::is_unspaced;

/// Largest length of a title in characters, which lists show in full.
pub const MAX_TITLE: usize = 49;
/// Ends a title that was cut.
const CUT: char = '…';
/// Words before the number of a part of a lecture.
const PARTS: [&str; 30] = [
    "chapter",
    "section",
    "part",
    "lecture",
    "lesson",
    "unit",
    "module",
    "week",
    "topic",
    "kapitel",
    "abschnitt",
    "teil",
    "vorlesung",
    "chapitre",
    "partie",
    "cours",
    "leçon",
    "capítulo",
    "parte",
    "tema",
    "lección",
    "capitolo",
    "lezione",
    "hoofdstuk",
    "deel",
    "rozdział",
    "глава",
    "лекция",
    "פרק",
    "الفصل",
];
/// Words in brackets after the title of a slide that continues the one before.
const CONTINUED: [&str; 8] = [
    "cont",
    "contd",
    "cont'd",
    "continued",
    "ctd",
    "forts",
    "fortsetzung",
    "suite",
];

/// Returns whether two titles are the same for a reader: letter case, punctuation, numbers of parts
/// and single misread letters do not matter.
pub fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (key(one), key(other));
    let digits = |key: &str| key.chars().filter(char::is_ascii_digit).collect::<String>();
    let letters = one.chars().count().min(other.chars().count());
    // "Example 1" and "Example 2" are two titles.
    one == other || digits(&one) == digits(&other) && distance(&one, &other) * 8 <= letters
}

fn key(text: &str) -> String {
    let letters = text.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Returns the number of letters to insert, remove or replace to make one text of the other.
pub(super) fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (column, against) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *against);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

/// Gives consecutive slides of one title the spelling that was read most surely.
pub(super) fn unify(titles: &mut [Option<Title>]) {
    for index in 1..titles.len() {
        let (before, from) = titles.split_at_mut(index);
        let (Some(Some(before)), Some(Some(title))) = (before.last_mut(), from.first_mut()) else {
            continue;
        };
        if !is_same(&before.text, &title.text) {
            continue;
        }
        if before.confidence >= title.confidence {
            title.text.clone_from(&before.text);
        } else {
            before.text.clone_from(&title.text);
        }
    }
}

/// Returns a title's number and text as they are shown; `None` if nothing is left.
pub(super) fn shape(text: &str) -> Option<(Option<String>, String)> {
    let text = trim(&without_continuation(text));
    let (number, rest) = split_number(&text);
    let rest = trim(rest);
    // A part without a name is named by its number.
    let (number, rest) = if rest.chars().filter(|c| c.is_alphabetic()).count() < 2 {
        (None, text.clone())
    } else {
        (number, rest)
    };
    let rest = cut(&rest);
    let has_letters = rest.chars().any(char::is_alphabetic);
    has_letters.then_some((number, rest))
}

/// Removes bullets, rules and connecting punctuation at the ends, and spaces in excess.
fn trim(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_start = |c: char| c.is_alphanumeric() || "([\"'“„«‘’¿¡#$.§「『（《".contains(c);
    let is_end = |c: char| {
        c.is_alphanumeric() || c.is_alphabetic() || ")]\"'”“»’?!%+#.…」』）》。？！".contains(c)
    };
    let text = text.trim_start_matches(|c| !is_start(c));
    let text = text.trim_end_matches(|c| !is_end(c));
    text.strip_suffix('.').unwrap_or(text).trim().to_owned()
}

/// Removes "(2/5)", "(continued)" and their like from the end.
fn without_continuation(text: &str) -> String {
    let Some((before, inside)) = text
        .trim_end()
        .strip_suffix([')', ']'])
        .and_then(|text| text.rsplit_once(['(', '[']))
    else {
        return text.to_owned();
    };
    let inside = inside.trim().trim_end_matches(['.', '…']).to_lowercase();
    let is_part = inside
        .split_once(['/', ' '])
        .is_some_and(|(one, all)| is_count(one) && is_count(all.trim_start_matches("of ")));
    let is_continued = is_part || CONTINUED.contains(&inside.as_str());
    let text = if is_continued && !before.trim().is_empty() {
        before
    } else {
        text
    };
    text.to_owned()
}

fn is_count(text: &str) -> bool {
    (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Splits "3.2 Filters", "Chapter 4: Filters" and "IV. Filters" into number and text. Numbers that
/// belong to the text ("3D graphics", "1984", "2-D filters", "10 rules") stay.
fn split_number(text: &str) -> (Option<String>, &str) {
    let Some((first, rest)) = text.split_once(' ') else {
        return (None, text);
    };
    let rest = rest.trim_start();
    let bare = first.trim_end_matches(['.', ')', ':']);
    if PARTS.contains(&first.to_lowercase().as_str()) {
        let (number, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let bare = number.trim_end_matches(['.', ')', ':', ',', '-', '–', '—']);
        let is_apart = bare.len() < number.len() || after.starts_with(['-', '–', '—', ':', '|']);
        if is_apart && (is_numbering(bare) || is_roman(bare)) {
            return (Some(format!("{first} {bare}")), after);
        }
        return (None, text);
    }
    let is_marked = bare.len() < first.len();
    let is_name = rest
        .chars()
        .next()
        .is_some_and(|c| !c.is_lowercase() && c.is_alphabetic());
    let is_number =
        is_numbering(bare) && (is_marked || bare.contains('.')) || is_marked && is_roman(bare);
    match is_number && is_name {
        true => (Some(bare.to_owned()), rest),
        false => (None, text),
    }
}

/// Returns whether a word is like "3" or "3.2.1".
fn is_numbering(word: &str) -> bool {
    !word.is_empty() && word.split('.').all(is_count)
}

fn is_roman(word: &str) -> bool {
    !word.is_empty() && word.len() <= 5 && word.bytes().all(|byte| b"IVXL".contains(&byte))
}

/// Shortens a text to [`MAX_TITLE`] characters at the end of a word.
fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_TITLE {
        return text.to_owned();
    }
    let short: String = text.chars().take(MAX_TITLE - 1).collect();
    let next = text.chars().nth(MAX_TITLE - 1);
    let ends_word = next.is_some_and(|next| next == ' ' || is_unspaced(next));
    let kept = match short.rfind(' ') {
        Some(space) if !ends_word && space > 0 => &short[..space],
        _ => &short,
    };
    let mut kept = trim(kept);
    kept.push(CUT);
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shaped(text: &str) -> (Option<String>, String) {
        shape(text).expect("a title")
    }

    #[test]
    fn numbers_of_parts_are_kept_apart_and_others_stay() {
        for (text, number, rest) in [
            ("3.2 Linear Filters", "3.2", "Linear Filters"),
            ("Chapter 4: The Heart", "Chapter 4", "The Heart"),
            ("Lecture 12 – Sorting", "Lecture 12", "– Sorting"),
            ("1. Einführung", "1", "Einführung"),
            ("IV. Results", "IV", "Results"),
            ("2.1 信号処理", "2.1", "信号処理"),
        ] {
            let rest = rest.trim_start_matches("– ");
            assert_eq!(shaped(text), (Some(number.to_owned()), rest.to_owned()));
        }
        for text in [
            "3D Graphics",
            "2-D Fourier Space",
            "1984 and after",
            "10 rules for slides",
            "Chapter 4",
            "Part of Speech Tagging",
        ] {
            assert_eq!(shaped(text), (None, text.to_owned()));
        }
    }

    #[test]
    fn marks_of_continuation_and_stray_signs_go() {
        for (text, title) in [
            ("Histograms (2/5)", "Histograms"),
            ("Histograms (cont.)", "Histograms"),
            ("Review &", "Review"),
            ("| Teams   Evolve over Time _", "Teams Evolve over Time"),
            ("“One Team” Mindset:", "“One Team” Mindset"),
            ("What is a Team?", "What is a Team?"),
            ("f(x) and C++", "f(x) and C++"),
            (".NET (part of it)", ".NET (part of it)"),
        ] {
            assert_eq!(shaped(text).1, title);
        }
        for text in ["", "—", "12", "3.2", "| _"] {
            assert_eq!(shape(text), None, "{text}");
        }
    }

    #[test]
    fn a_long_title_is_cut_at_a_word() {
        let (_, title) = shaped("The Effect of Team Dynamics on Software Development Processes");
        assert_eq!(title, "The Effect of Team Dynamics on Software…");
        let (_, title) = shaped(&"長い題名".repeat(20));
        assert_eq!(title.chars().count(), MAX_TITLE);
    }

    #[test]
    fn titles_are_the_same_in_spite_of_a_misread_letter() {
        assert!(is_same("Histogram Equalization", "Histogram Equalizatlon"));
        assert!(is_same("TEAM DYNAMICS", "Team dynamics:"));
        assert!(!is_same("Example 1", "Example 2"));
        assert!(!is_same("Forming", "Norming"));
    }

    proptest! {
        #[test]
        fn any_text_becomes_one_line_of_a_list(text in "\\PC{0,200}") {
            if let Some((_, title)) = shape(&text) {
                prop_assert!(title.chars().count() <= MAX_TITLE);
                prop_assert!(title.chars().any(char::is_alphabetic));
                prop_assert_eq!(title.trim(), &title);
                prop_assert!(!title.contains(['\n', '\t']));
            }
        }

        #[test]
        fn the_distance_of_texts_is_symmetric(one in "[a-d]{0,8}", other in "[a-d]{0,8}") {
            prop_assert_eq!(distance(&one, &other), distance(&other, &one));
            prop_assert_eq!(distance(&one, &other) == 0, one == other);
        }
    }
}
