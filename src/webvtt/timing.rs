// SPDX-License-Identifier: MPL-2.0

//! Timestamps and the cue block that webvtt-parser reads (§6.3).

use std::fmt;

use webvtt_parser::Vtt;

use super::Cue;
use crate::timeline::{Span, Time};

/// The latest hour whose nanoseconds fit; later times are read as this one.
const LAST_HOUR: u64 = Time::MAX.nanos() / 3_600_000_000_000 - 1;

/// A time written as `HH:MM:SS.mmm`, to the nearest millisecond.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timestamp(pub Time);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.saturating_add(Time::from_nanos(500_000)).millis();
        let secs = millis / 1000;
        write!(
            f,
            "{:02}:{:02}:{:02}.{:03}",
            secs / 3600,
            secs / 60 % 60,
            secs % 60,
            millis % 1000
        )
    }
}

/// Returns whether a character is ASCII white space, as WebVTT defines it: vertical tab and U+00A0
/// are not.
pub(super) fn is_space(c: char) -> bool {
    c.is_ascii_whitespace()
}

/// Parses a cue block: its identifier, the line with the arrow, its text.
///
/// The standard is laxer than the crate (white space around the arrow, one digit of hours, settings
/// that the crate does not know), so the block is passed to it in its strict form.
pub(super) fn cue(id: &str, arrow: &str, text: &str, line: usize) -> Option<Cue> {
    let (start, rest) = timestamp(arrow.trim_start_matches(is_space))?;
    let rest = rest.trim_start_matches(is_space).strip_prefix("-->")?;
    let (end, settings) = timestamp(rest.trim_start_matches(is_space))?;
    let settings: Vec<&str> = settings.split_ascii_whitespace().collect();

    let strict = |first: &str, second: &str| {
        let id_line = if id.is_empty() { "" } else { "\n" };
        let block = format!("WEBVTT\n\n{id}{id_line}{first} --> {second}\n{text}");
        let vtt = Vtt::parse(&block).ok()?;
        let cue = vtt.cues.first()?;
        Some((
            Time::from_millis(cue.start.as_milliseconds()),
            Time::from_millis(cue.end.as_milliseconds()),
            cue.text.to_owned(),
        ))
    };
    // The crate refuses a cue that ends before it starts, which the standard keeps. Parsing it with
    // its times swapped distinguishes it from a malformed one.
    let (start, end, text) = strict(&start, &end).or_else(|| {
        let (end, start, text) = strict(&end, &start)?;
        Some((start, end, text))
    })?;
    Some(Cue {
        id: (!id.is_empty()).then(|| id.to_owned()),
        span: Span::new(start, end),
        settings: settings.join(" "),
        text,
        line,
    })
}

/// Parses the time in a tag of a cue's text (§6.4, "timestamp tag").
pub(super) fn timestamp_only(text: &str) -> Option<Time> {
    let (time, rest) = timestamp(text)?;
    if !rest.is_empty() {
        return None;
    }
    let cue = cue("", &format!("{time} --> {time}"), "", 0)?;
    Some(cue.span.start)
}

/// Parses a timestamp at the start of the text. Returns it with at least two digits of hours, and
/// the rest of the text. The crate decides whether its parts are in range.
fn timestamp(text: &str) -> Option<(String, &str)> {
    let dot = text.find(|c: char| !c.is_ascii_digit() && c != ':')?;
    let fraction = text[dot..].strip_prefix('.')?;
    let digits = fraction
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(fraction.len());
    let (clock, fraction, rest) = (&text[..dot], &fraction[..digits], &fraction[digits..]);
    let clock = match clock.split_once(':') {
        Some((hours, rest)) if rest.contains(':') && !hours.is_empty() => {
            let hours = hours.parse().unwrap_or(LAST_HOUR).min(LAST_HOUR);
            format!("{hours:02}:{rest}")
        }
        _ => clock.to_owned(),
    };
    Some((format!("{clock}.{fraction}"), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(arrow: &str) -> Option<(u64, u64)> {
        let cue = cue("", arrow, "text", 1)?;
        assert_eq!(cue.text, "text");
        Some((cue.span.start.millis(), cue.span.end.millis()))
    }

    #[test]
    fn the_timings_that_the_standard_takes() {
        for (arrow, millis) in [
            ("00:01.500 --> 00:02.000", (1500, 2000)),
            ("0:00:01.500-->1:00:02.000", (1500, 3_602_000)),
            ("000:00:01.500\t-->\x0c00:00:02.000 ", (1500, 2000)),
            ("60:00:00.000 --> 120:00:00.000", (216_000_000, 432_000_000)),
            ("  00:01.500 --> 00:02.000align:start", (1500, 2000)),
            ("00:02.000 --> 00:01.999", (2000, 1999)),
            ("00:02.000 --> 00:02.000", (2000, 2000)),
        ] {
            assert_eq!(span(arrow), Some(millis), "{arrow}");
        }
    }

    #[test]
    fn the_timings_that_the_standard_refuses() {
        for arrow in [
            "-->",
            "00:00.000 -->",
            "--> 00:01.000",
            "0:01.500 --> 00:02.000",
            "60:00.000 --> 00:02.000",
            "000:01.500 --> 00:02.000",
            "00:60.000 --> 01:02.000",
            "00:00:60.000 --> 00:01:02.000",
            "00:60:00.000 --> 00:01:02.000",
            "00:01.50 --> 00:02.000",
            "00:01.5000 --> 00:02.000",
            "00:01,500 --> 00:02,000",
            "00:01 --> 00:02.000",
            "-00:01.500 --> 00:02.000",
            "::00.000 --> 00:02.000",
            ":00:00.000 --> 00:02.000",
            "00:00:00:00.000 --> 00:02.000",
            "00:01.500 - -> --> 00:02.000",
            "\u{b}00:01.500 --> 00:02.000",
        ] {
            assert_eq!(span(arrow), None, "{arrow}");
        }
    }

    #[test]
    fn hours_without_end_become_the_last() {
        let (_, end) = span("00:00.000 --> 99999999999999999999999:00:00.000").expect("a cue");
        assert_eq!(end, LAST_HOUR * 3_600_000);
    }

    #[test]
    fn a_timestamp_is_rounded_to_the_millisecond() {
        let time = Time::from_nanos(3_661_000_499_999);
        assert_eq!(Timestamp(time).to_string(), "01:01:01.000");
        let time = Time::from_nanos(359_999_999_500_000);
        assert_eq!(Timestamp(time).to_string(), "100:00:00.000");
    }
}
