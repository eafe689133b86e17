// SPDX-License-Identifier: MPL-2.0

//! Times and numbers as statements contain them. Internally, media and wall time are whole
//! milliseconds.

use serde_json::{Number, Value};

/// Converts milliseconds to seconds with at most three decimals; whole seconds are written without
/// a point.
pub fn seconds(ms: u64) -> Value {
    if ms.is_multiple_of(1000) {
        Value::from(ms / 1000)
    } else {
        // A quotient of an integer below 2^53 and 1000 prints with three decimals at most.
        Number::from_f64(ms as f64 / 1000.0).map_or(Value::Null, Value::Number)
    }
}

/// Formats milliseconds as the text `12.5`, for played-segments.
pub fn seconds_text(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1000, ms % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Reads a JSON number that is not negative and has at most three decimals, as thousandths.
pub fn thousandths(value: &Value) -> Option<u64> {
    if let Some(whole) = value.as_u64() {
        return whole.checked_mul(1000);
    }
    let number = value.as_f64().filter(|n| (0.0..1e12).contains(n))?;
    let thousandths = (number * 1000.0).round();
    (thousandths / 1000.0 == number).then_some(thousandths as u64)
}

/// Parses `12.5`: digits, and at most three decimals.
pub fn seconds_from_text(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 3 {
        return None;
    }
    let thousandths: u64 = format!("{decimals:0<3}").parse().ok()?;
    whole
        .parse::<u64>()
        .ok()?
        .checked_mul(1000)?
        .checked_add(thousandths)
}

/// Formats milliseconds since 1970 as an RFC 3339 time in UTC with three decimals.
pub fn timestamp(ms: u64) -> String {
    let (days, ms) = (ms / 86_400_000, ms % 86_400_000);
    let (year, month, day) = civil(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        ms / 3_600_000,
        ms / 60_000 % 60,
        ms / 1000 % 60,
        ms % 1000
    )
}

/// Parses an RFC 3339 time with its offset from UTC (`Z`, `+HH:MM`), as milliseconds since 1970. A
/// time without an offset is meaningless (xAPI 1.0.3, 4.2.7), and times before 1970 do not occur.
pub fn timestamp_from_text(text: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| -> Option<u64> {
        let part = text.get(range)?;
        part.bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| part.parse().ok())?
    };
    let bytes = text.as_bytes();
    for (index, separator) in [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')] {
        if bytes.get(index) != Some(&separator) {
            return None;
        }
    }
    if !matches!(bytes.get(10), Some(b'T' | b't')) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year < 1970 || !(1..=days_of_month).contains(&day) || hour > 23 || minute > 59 || second > 60
    {
        return None;
    }
    let rest = text.get(19..)?;
    let (fraction, offset) = rest.split_at(rest.find(['Z', 'z', '+', '-'])?);
    let fraction_ms = match fraction.strip_prefix('.') {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
            format!("{digits:0<3}").get(..3)?.parse().ok()?
        }
        None if fraction.is_empty() => 0,
        _ => return None,
    };
    let offset_minutes = match offset.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign, h1, h2, b':', m1, m2] => {
            let digit = |b: &u8| (*b as char).to_digit(10).map(i64::from);
            let hours = digit(h1)? * 10 + digit(h2)?;
            let minutes = digit(m1)? * 10 + digit(m2)?;
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let ms =
        ((days(year, month, day) * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + fraction_ms;
    ms.checked_add_signed(-offset_minutes * 60_000)
}

/// Formats milliseconds as an ISO 8601 duration in seconds, at most two decimals (xAPI 1.0.3,
/// 4.2.7: more may be lost), rounded down.
pub fn duration(ms: u64) -> String {
    format!("PT{}S", seconds_text(ms / 10 * 10))
}

/// Parses an ISO 8601 duration of weeks, days, hours, minutes and seconds, as milliseconds. Years
/// and months have no fixed length and do not occur as time spent.
pub fn duration_from_text(text: &str) -> Option<u64> {
    let text = text.strip_prefix('P')?;
    let (date, time) = match text.split_once('T') {
        Some((_, "")) => return None,
        Some((date, time)) => (date, time),
        None => (text, ""),
    };
    let mut total = 0_u64;
    let mut parts = 0;
    for (part, units) in [
        (date, &[('W', 604_800), ('D', 86_400)][..]),
        (time, &[('H', 3600), ('M', 60), ('S', 1)]),
    ] {
        let mut rest = part;
        for &(unit, length) in units {
            let Some((amount, after)) = rest.split_once(unit) else {
                continue;
            };
            // Only seconds have decimals here; after three they are truncated.
            let amount = match amount.split_once('.') {
                Some((whole, decimals)) if unit == 'S' && !decimals.is_empty() => {
                    seconds_from_text(&format!(
                        "{whole}.{}",
                        decimals.get(..3).unwrap_or(decimals)
                    ))?
                }
                Some(_) => return None,
                None => seconds_from_text(amount)?,
            };
            total = total.checked_add(amount.checked_mul(length)?)?;
            parts += 1;
            rest = after;
        }
        if !rest.is_empty() {
            return None;
        }
    }
    (parts > 0).then_some(total)
}

/// A wall clock that never goes back: it follows the system's clock forward and continues by itself
/// if that jumps back.
#[derive(Clone, Copy, Debug, Default)]
pub struct SteadyClock {
    /// The last returned time, and the monotonic time of that moment.
    last: Option<(u64, u64)>,
}

impl SteadyClock {
    /// Returns the time to use. Arguments are the system's wall clock (milliseconds since 1970) and
    /// a monotonic clock (milliseconds since any start).
    pub fn now(&mut self, wall: u64, monotonic: u64) -> u64 {
        let now = match self.last {
            Some((said, at)) => wall.max(said + monotonic.saturating_sub(at)),
            None => wall,
        };
        self.last = Some((now, monotonic));
        now
    }
}

/// Returns year, month and day of a number of days since 1970 (Hinnant, "chrono-compatible
/// low-level date algorithms": years start in March, so that the leap day is the last one).
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

/// Returns the days since 1970 of a date; the inverse of [`civil`].
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_have_three_decimals_at_most() {
        assert_eq!(seconds(12_500).to_string(), "12.5");
        assert_eq!(seconds(60_000).to_string(), "60");
        assert_eq!(seconds(1).to_string(), "0.001");
        assert_eq!(seconds_text(0), "0");
        assert_eq!(seconds_text(10_050), "10.05");
        assert_eq!(thousandths(&serde_json::json!(46.613333)), None);
        assert_eq!(thousandths(&serde_json::json!(-1)), None);
        assert_eq!(thousandths(&serde_json::json!("1.0")), None);
        assert_eq!(seconds_from_text("1."), None);
        assert_eq!(seconds_from_text("1.2345"), None);
    }

    #[test]
    fn timestamps() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(timestamp(1_709_210_096_789), "2024-02-29T12:34:56.789Z");
        let at = |text| timestamp_from_text(text);
        assert_eq!(at("2024-02-29T12:34:56.789Z"), Some(1_709_210_096_789));
        assert_eq!(
            at("2024-02-29T14:34:56.7891+02:00"),
            Some(1_709_210_096_789)
        );
        for bad in [
            "2024-02-29T12:34:56",
            "2023-02-29T12:34:56Z",
            "2024-02-29",
            "2024-02-29 12:34:56Z",
            "2024-02-29T24:34:56Z",
            "2024-02-29T12:34:56.Z",
            "2024-02-29T12:34:56+0200",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration(218_000), "PT218S");
        assert_eq!(duration(1_239), "PT1.23S");
        for (text, ms) in [
            ("PT218S", 218_000),
            ("P1DT1M", 86_460_000),
            ("PT1.2345S", 1234),
            ("P1W", 604_800_000),
        ] {
            assert_eq!(duration_from_text(text), Some(ms), "{text}");
        }
        for bad in [
            "", "P", "PT", "P1DT", "218S", "PT5", "PT1S1H", "PT-1S", "P1Y", "PT1.5H",
        ] {
            assert_eq!(duration_from_text(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_clock_set_back_an_hour_goes_on() {
        let mut clock = SteadyClock::default();
        assert_eq!(clock.now(10_000_000, 0), 10_000_000);
        assert_eq!(clock.now(10_000_000 - 3_600_000, 500), 10_000_500);
        assert_eq!(clock.now(10_000_000 - 3_599_000, 1500), 10_001_500);
        assert_eq!(clock.now(20_000_000, 1600), 20_000_000);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(ms in 0u64..4_102_444_800_000) {
            prop_assert_eq!(timestamp_from_text(&timestamp(ms)), Some(ms));
            prop_assert_eq!(thousandths(&seconds(ms)), Some(ms));
            prop_assert_eq!(seconds_from_text(&seconds_text(ms)), Some(ms));
            prop_assert_eq!(duration_from_text(&duration(ms)), Some(ms / 10 * 10));
        }
    }
}
