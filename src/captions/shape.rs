// SPDX-License-Identifier: MPL-2.0

//! Rules that need the cues alone: their lines, their times, and the pauses between them.

use unicode_width::UnicodeWidthStr;

use super::profile::Profile;
use super::rule::{Finding, Rule, Severity};
use crate::timeline::Span;
use crate::webvtt::Cue;

/// Returns the findings of all cues, which are given in order of time with their indices.
pub fn check(cues: &[(usize, &Cue)], profile: &Profile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut last: Option<(usize, Span)> = None;
    for &(index, cue) in cues {
        let mut add = |rule, found: Option<(Severity, String)>| {
            findings.extend(found.map(|(severity, text)| Finding {
                rule,
                severity,
                span: cue.span,
                cue: Some(index),
                text,
            }));
        };
        let text = cue.plain_text();
        let name = &profile.name;
        add(Rule::Lines, lines(&text, profile));
        add(Rule::LineLength, line_length(&text, profile));
        let seconds = cue.span.duration().secs_f64();
        let long = profile.too_long.above(seconds);
        add(Rule::TooShort, too_short(&text, seconds, profile));
        add(
            Rule::TooLong,
            long.map(|(severity, limit)| {
                let text = format!("shown for {seconds:.2} s; {name} allows {limit} s");
                (severity, text)
            }),
        );
        add(Rule::ReadingSpeed, reading_speed(&text, seconds, profile));
        if let Some((_, before)) = last {
            add(Rule::Overlap, overlap(before, cue.span, profile));
            add(Rule::Gap, gap(before, cue.span, profile));
        }
        if last.is_none_or(|(_, before)| cue.span.end > before.end) {
            last = Some((index, cue.span));
        }
    }
    findings
}

fn lines(text: &str, profile: &Profile) -> Option<(Severity, String)> {
    let count = text.lines().filter(|line| !line.trim().is_empty()).count();
    let (severity, limit) = profile.lines.above(count as f64)?;
    let name = &profile.name;
    Some((severity, format!("{count} lines; {name} allows {limit}")))
}

fn line_length(text: &str, profile: &Profile) -> Option<(Severity, String)> {
    let longest = text.lines().map(|line| line.trim().width()).max()?;
    let (severity, limit) = profile.line_length.above(longest as f64)?;
    let name = &profile.name;
    let text = format!("{longest} characters in a line; {name} allows {limit}");
    Some((severity, text))
}

fn too_short(text: &str, seconds: f64, profile: &Profile) -> Option<(Severity, String)> {
    let name = &profile.name;
    let alone = profile.too_short.below(seconds);
    let words = words(text);
    let per_word = profile.too_short_per_word;
    let for_words = (words > 0).then(|| per_word.below(seconds / words as f64));
    let shown = format!("shown for {seconds:.2} s");
    let alone = alone.map(|(severity, limit)| {
        let text = format!("{shown}; {name} requires {limit} s");
        (severity, text)
    });
    let for_words = for_words.flatten().map(|(severity, limit)| {
        let text = format!("{shown} with {words} words; {name} requires {limit} s for each");
        (severity, text)
    });
    worst(alone, for_words)
}

fn reading_speed(text: &str, seconds: f64, profile: &Profile) -> Option<(Severity, String)> {
    if seconds <= 0.0 {
        return None;
    }
    let name = &profile.name;
    let columns: usize = text.lines().map(|line| line.trim().width()).sum();
    let speed = columns as f64 / seconds;
    let by_columns = profile.characters_per_second.above(speed);
    let by_columns = by_columns.map(|(severity, limit)| {
        let text = format!("{speed:.1} characters per second; {name} allows {limit}");
        (severity, text)
    });
    let rate = words(text) as f64 / seconds * 60.0;
    let by_words = profile.words_per_minute.above(rate);
    let by_words = by_words.map(|(severity, limit)| {
        let text = format!("{rate:.0} words per minute; {name} allows {limit}");
        (severity, text)
    });
    worst(by_columns, by_words)
}

fn overlap(before: Span, span: Span, profile: &Profile) -> Option<(Severity, String)> {
    let shared = before.intersection(span)?.duration().secs_f64();
    let severity = profile.overlap?;
    let text = format!("shown together with the cue before it for {shared:.3} s");
    Some((severity, text))
}

fn gap(before: Span, span: Span, profile: &Profile) -> Option<(Severity, String)> {
    if span.start < before.end || (profile.gap_may_be_none && span.start == before.end) {
        return None;
    }
    let pause = span.start.saturating_sub(before.end).secs_f64();
    let (severity, limit) = profile.gap.below(pause)?;
    let name = &profile.name;
    let or_none = if profile.gap_may_be_none {
        " or none"
    } else {
        ""
    };
    let text = format!("{pause:.3} s after the cue before it; {name} requires {limit} s{or_none}");
    Some((severity, text))
}

fn worst(
    one: Option<(Severity, String)>,
    other: Option<(Severity, String)>,
) -> Option<(Severity, String)> {
    let found = [one, other].into_iter().flatten();
    found.reduce(|one, other| if other.0 > one.0 { other } else { one })
}

/// Returns the number of words; zero in a script that puts no spaces between them.
fn words(text: &str) -> usize {
    if text.chars().any(is_unspaced) {
        return 0;
    }
    let words = text.split_whitespace();
    words
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .count()
}

/// Returns whether the character belongs to a script that puts no spaces between words: Thai, Lao,
/// Myanmar, Khmer, Chinese, Japanese.
pub fn is_unspaced(character: char) -> bool {
    matches!(character,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}
