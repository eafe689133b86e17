// SPDX-License-Identifier: MPL-2.0

//! Timing lines as editors, translators and people write them, near to what SubRip or WebVTT asks
//! for.

use std::fmt;

use super::super::{Problem, ProblemKind, Timestamp, timing};
use crate::timeline::{Span, Time};

/// The arrow of both formats.
const ARROW: &str = "-->";
/// Arrows that word processors and translators put in its place, the longest first.
const OTHER_ARROWS: [&str; 10] = [
    "- ->", "-- >", "—->", "–->", "—>", "–>", "->", "→", "⟶", "⇒",
];

/// A line of two times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing<'a> {
    pub span: Span,
    /// The text after the times.
    pub rest: &'a str,
    /// Whether every reader of SubRip takes the line.
    pub is_usual: bool,
}

/// Why a line with an arrow is not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// There are not two times around the arrow.
    Form,
    /// `HH:MM:SS:FF`.
    Frames,
    /// Minutes or seconds above 59.
    Range,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Form => "a time is missing or malformed",
            Fault::Frames => "it counts frames, and their rate is not known",
            Fault::Range => "minutes and seconds end at 59",
        })
    }
}

/// Whether a line has the arrow that only timing lines have.
pub fn has_arrow(line: &str) -> bool {
    line.contains(ARROW)
}

/// Reads a timing line; `None` if the line has no arrow between two times.
pub fn timing(line: &str) -> Option<Result<Timing<'_>, Fault>> {
    if let Some((start, rest)) = line.split_once(ARROW) {
        return Some(times(start, rest));
    }
    let mut arrows = OTHER_ARROWS.iter();
    let (start, rest) = arrows.find_map(|arrow| line.split_once(arrow))?;
    let read = times(start, rest).ok()?;
    let is_usual = false;
    Some(Ok(Timing { is_usual, ..read }))
}

fn times<'a>(start: &str, rest: &'a str) -> Result<Timing<'a>, Fault> {
    let (start, is_usual, after) = time(start.trim())?;
    if !after.trim().is_empty() {
        return Err(Fault::Form);
    }
    let (end, is_usual_too, rest) = time(rest.trim())?;
    Ok(Timing {
        span: Span::new(start, end),
        rest: rest.trim(),
        is_usual: is_usual && is_usual_too,
    })
}

/// Reads a time at the start of the text: `HH:MM:SS,mmm` or `MM:SS,mmm`, with a comma or a point, one
/// digit or more in each field, the fraction or not, and white space between. Returns also whether it
/// is as SubRip has it, and what follows it.
fn time(text: &str) -> Result<(Time, bool, &str), Fault> {
    let mut fields: Vec<u64> = Vec::new();
    let mut rest = text;
    let mut has_space = false;
    loop {
        let (field, after) = number(rest).ok_or(Fault::Form)?;
        fields.push(field.parse().map_err(|_| Fault::Range)?);
        rest = after;
        let Some(after) = separator(rest, &[':']) else {
            break;
        };
        has_space |= after.1;
        rest = after.0;
    }
    let mut nanos = 0;
    let mut digits = 0;
    if let Some((after, spaced)) = separator(rest, &[',', '.'])
        && let Some((fraction, after)) = number(after)
    {
        has_space |= spaced;
        digits = fraction.len();
        let fraction: String = fraction
            .chars()
            .chain("000000000".chars())
            .take(9)
            .collect();
        nanos = fraction.parse().map_err(|_| Fault::Form)?;
        rest = after;
    }
    let (hours, minutes, seconds) = match fields[..] {
        [hours, minutes, seconds] => (hours, minutes, seconds),
        [minutes, seconds] => (0, minutes, seconds),
        [_, _, _, _] => return Err(Fault::Frames),
        _ => return Err(Fault::Form),
    };
    if minutes > 59 || seconds > 59 {
        return Err(Fault::Range);
    }
    let whole = hours.checked_mul(3600).ok_or(Fault::Range)?;
    let whole = Time::from_secs(whole.saturating_add(minutes * 60 + seconds));
    let is_usual = fields.len() == 3 && digits <= 3 && !has_space;
    Ok((
        whole.saturating_add(Time::from_nanos(nanos)),
        is_usual,
        rest,
    ))
}

fn number(text: &str) -> Option<(&str, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// Returns the text after one of these separators if a digit follows it, and whether there is white space
/// beside it.
fn separator<'a>(text: &'a str, separators: &[char]) -> Option<(&'a str, bool)> {
    let at = text.trim_start();
    let after = at.strip_prefix(separators)?;
    let next = after.trim_start();
    let is_number = next.starts_with(|c: char| c.is_ascii_digit());
    is_number.then_some((next, at.len() != text.len() || next.len() != after.len()))
}

/// Returns WebVTT with its near-miss timing lines as the standard has them, and reports each of them.
/// Lines keep their numbers.
pub fn mend_webvtt(text: &str) -> (String, Vec<Problem>) {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut problems = Vec::new();
    let mut mended: Vec<String> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let is_empty = |back: usize| {
            let before = index.checked_sub(back).and_then(|at| lines.get(at));
            before.is_none_or(|line| line.is_empty())
        };
        // Elsewhere in a block other arrows are text.
        let can_be = has_arrow(line) || is_empty(1) || is_empty(2);
        let is_standard = || timing::cue("", line, "", 0).is_some();
        match near(line).filter(|_| can_be && !is_standard()) {
            Some(timing) => {
                let strict = format!(
                    "{} {ARROW} {}",
                    Timestamp(timing.span.start),
                    Timestamp(timing.span.end)
                );
                let what =
                    format!("\"{line}\" is not a timing line of WebVTT; it is read as {strict}");
                problems.push(Problem {
                    line: index + 1,
                    kind: ProblemKind::Caption(what),
                });
                mended.push(format!("{strict} {}", timing.rest).trim_end().to_owned());
            }
            None => mended.push((*line).to_owned()),
        }
    }
    (mended.join("\n"), problems)
}

fn near(line: &str) -> Option<Timing<'_>> {
    timing(line)?.ok()
}

/// Names why a timing line is not read.
pub fn explain(problem: Problem) -> Problem {
    let ProblemKind::Timing(line) = &problem.kind else {
        return problem;
    };
    let Some(Err(fault)) = timing(line) else {
        return problem;
    };
    let what = format!(
        "\"{line}\" is not a timing line: {fault}; write it as 00:00:00.000 --> 00:00:01.000"
    );
    Problem {
        kind: ProblemKind::Caption(what),
        ..problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_read() {
        for (line, millis, rest) in [
            ("00:00:01,000 --> 00:00:02,500", (1000, 2500), ""),
            ("00:00,000 --> 00:02,000", (0, 2000), ""),
            ("00:01:39 --> 00:01:41", (99_000, 101_000), ""),
            (
                "00:01:39,5-->00:01:41.25 align:start",
                (99_500, 101_250),
                "align:start",
            ),
            ("0:0:1,5 --> 0:0:2", (1500, 2000), ""),
            ("00: 00: 01, 000 --> 00 : 00 : 02 , 000", (1000, 2000), ""),
            ("00:00:01.000 → 00:00:02.000", (1000, 2000), ""),
            ("00:00:01,000 -> 00:00:02,000 X1:10", (1000, 2000), "X1:10"),
            ("00:00:01,000 – > 00:00:02,000", (0, 0), "none"),
            ("00:00:01,123456 --> 00:00:02,000", (1123, 2000), ""),
        ] {
            let read = timing(line).and_then(Result::ok);
            if rest == "none" {
                assert_eq!(read, None, "{line}");
                continue;
            }
            let read = read.expect(line);
            let found = (read.span.start.millis(), read.span.end.millis());
            assert_eq!((found, read.rest), (millis, rest), "{line}");
        }
    }

    #[test]
    fn what_is_not_read_is_explained() {
        for (line, fault) in [
            ("00:00:01:12 --> 00:00:02:00", Fault::Frames),
            ("00:61:01,000 --> 00:00:02,000", Fault::Range),
            ("00:00:01,000 -->", Fault::Form),
            ("-00:00:01,000 --> 00:00:02,000", Fault::Form),
            ("text --> 00:00:02,000", Fault::Form),
        ] {
            assert_eq!(timing(line), Some(Err(fault)), "{line}");
        }
        assert_eq!(timing("Go to A -> B at 12:30"), None);
    }

    #[test]
    fn webvtt_is_mended_where_the_standard_would_drop_a_cue() {
        let text = "WEBVTT\n\n00:01:39 --> 00:01:41\nOne\n12:30 -> 12:40 is text\n\n2\n\
            00:00:01,5 → 00:00:02,5 line:0\nTwo\n\n00:03.000 --> 00:04.000\nThree";
        let (mended, problems) = mend_webvtt(text);
        assert_eq!(
            mended,
            "WEBVTT\n\n00:01:39.000 --> 00:01:41.000\nOne\n12:30 -> 12:40 is text\n\n2\n\
             00:00:01.500 --> 00:00:02.500 line:0\nTwo\n\n00:03.000 --> 00:04.000\nThree"
        );
        let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [3, 8]);
    }
}
