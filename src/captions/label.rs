// SPDX-License-Identifier: MPL-2.0

//! Labels in cue texts: names of speakers and of sounds.

use crate::webvtt::Cue;

/// Longest name of a speaker before a colon, in characters and in words.
const NAME_LENGTH: usize = 30;
const NAME_WORDS: usize = 4;

/// Returns whether a cue names its speaker, or marks that the speaker changes: `<v Ada>`, `ADA:`,
/// `[Ada]`, `>>`, a dash.
pub fn names_speaker(cue: &Cue) -> bool {
    cue.voice().is_some() || cue.plain_text().lines().any(starts_with_speaker)
}

fn starts_with_speaker(line: &str) -> bool {
    let line = line.trim();
    if [">>", "- ", "– ", "— "]
        .iter()
        .any(|mark| line.starts_with(mark))
    {
        return true;
    }
    let bracketed = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    if let Some((name, spoken)) = bracketed {
        return name.chars().next().is_some_and(char::is_uppercase) && is_word(spoken);
    }
    let Some((name, _)) = line.split_once(':') else {
        return false;
    };
    let is_capital = |word: &str| {
        word.chars()
            .next()
            .is_some_and(|first| !first.is_lowercase())
    };
    name.chars().count() <= NAME_LENGTH
        && name.chars().any(char::is_alphabetic)
        && name.split_whitespace().count() <= NAME_WORDS
        && name.split_whitespace().all(is_capital)
}

/// Returns whether a text names a sound: `[music]`, `(applause)`, notes.
pub fn names_sound(text: &str) -> bool {
    let has = |open, close| {
        let mut parts = text.split(open).skip(1);
        parts.any(|part: &str| {
            part.split_once(close)
                .is_some_and(|(name, _)| is_word(name))
        })
    };
    has('[', ']') || has('(', ')') || text.contains(['♪', '♫', '♩', '♬'])
}

fn is_word(text: &str) -> bool {
    text.chars().any(char::is_alphabetic)
}

/// Returns whether a text consists of labels of sounds only, and contains no speech.
pub fn is_sound_only(text: &str) -> bool {
    let mut depth = 0_i32;
    let mut has_notes = false;
    let spoken = text.chars().any(|character| {
        match character {
            '[' | '(' => depth += 1,
            ']' | ')' => depth -= 1,
            '♪' | '♫' | '♩' | '♬' => has_notes = true,
            _ => {}
        }
        depth <= 0 && character.is_alphanumeric() && !has_notes
    });
    !spoken && (has_notes || names_sound(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Span;

    #[test]
    fn speakers_are_found_in_all_common_forms() {
        for (text, is_named) in [
            ("<v Ada>Hello</v>", true),
            ("ADA: Hello", true),
            ("Dr. Ada Lovelace: Hello", true),
            ("[Ada] Hello", true),
            ("[music]", false),
            ("[Music]", false),
            ("[laughter] Hello", false),
            (">> Hello", true),
            ("Hello\n- Hi", true),
            ("The result is this: two", false),
            ("Hello", false),
            ("It was 10:30", false),
        ] {
            let cue = Cue {
                text: text.replace(">>", "&gt;&gt;"),
                span: Span::default(),
                ..Cue::default()
            };
            assert_eq!(names_speaker(&cue), is_named, "{text}");
        }
    }

    #[test]
    fn sounds_are_told_from_speech() {
        for (text, names, only) in [
            ("[music]", true, true),
            ("(applause)", true, true),
            ("♪ la la la ♪", true, true),
            ("[laughter] Well", true, false),
            ("f(3) is []", false, false),
            ("Hello", false, false),
            ("...", false, false),
        ] {
            assert_eq!(names_sound(text), names, "{text}");
            assert_eq!(is_sound_only(text), only, "{text}");
        }
    }
}
