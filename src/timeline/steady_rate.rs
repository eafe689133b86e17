// SPDX-License-Identifier: MPL-2.0

//! The frame rate of a recording whose container names none.

use super::Time;

/// Rates of cameras in frames per second, from low to high. Lower ones may rise later: a camera in the
/// dark, or a screen recorder while nothing moves.
const RATES: [(u32, u32); 10] = [
    (20, 1),
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (30, 1),
    (48, 1),
    (50, 1),
    (60_000, 1001),
    (60, 1),
];

/// Fewest frames that tell a rate from a chance.
const FEWEST: usize = 24;
/// Deviation of a time that is rounded to milliseconds from one that is, too.
const ROUNDED: f64 = 0.0011;
/// Share of the frames of a constant rate that may be missing: recorders drop some.
const DROPPED: f64 = 0.1;

/// Returns the constant rate at which frames at these times were taken, as a fraction; `None` if they
/// are too few, or come as they please.
pub fn of_times(times: &[Time]) -> Option<(u32, u32)> {
    let mut times: Vec<f64> = times.iter().map(|time| time.secs_f64()).collect();
    times.sort_unstable_by(f64::total_cmp);
    let first = *times.first().filter(|_| times.len() >= FEWEST)?;
    let fitting = |rate: f64| {
        let mut deviation = 0.0f64;
        let mut last = -1.0;
        for time in &times {
            let count = (time - first) * rate;
            // Two frames in one place are of a higher rate.
            if count.round() <= last {
                return None;
            }
            last = count.round();
            deviation = deviation.max((count - last).abs() / rate);
        }
        let taken = times.len() as f64 / (last + 1.0);
        (deviation <= ROUNDED && taken >= 1.0 - DROPPED).then_some(deviation)
    };
    let rates = RATES.iter().filter_map(|&(num, den)| {
        let deviation = fitting(f64::from(num) / f64::from(den))?;
        Some(((num, den), deviation))
    });
    // 24 and 23.976 lie a millisecond apart after a second.
    let closest = rates.min_by(|(_, one), (_, other)| one.total_cmp(other));
    closest.map(|(rate, _)| rate)
}

/// Returns whether most frames at these times follow each other faster than at this rate, a fraction:
/// it is then the mean of a rate that varies, at which some of the frames would be lost.
pub fn is_denser(times: &[Time], (num, den): (u32, u32)) -> bool {
    let mut times: Vec<f64> = times.iter().map(|time| time.secs_f64()).collect();
    times.sort_unstable_by(f64::total_cmp);
    let intervals = times.windows(2).filter_map(|pair| match pair {
        [one, next] => Some(next - one),
        _ => None,
    });
    let mut intervals: Vec<f64> = intervals.collect();
    intervals.sort_unstable_by(f64::total_cmp);
    let median = intervals.get(intervals.len() / 2);
    let median = median.filter(|_| times.len() >= FEWEST && num > 0);
    median.is_some_and(|median| *median + 2.0 * ROUNDED < f64::from(den) / f64::from(num))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(rate: f64, frames: u64) -> Vec<Time> {
        let at = |n: u64| Time::from_millis((n as f64 / rate * 1000.0).round() as u64 + 17);
        (0..frames).map(at).collect()
    }

    #[test]
    fn constant_rates_are_found_in_rounded_times() {
        for (num, den) in RATES {
            let rate = f64::from(num) / f64::from(den);
            assert_eq!(of_times(&rounded(rate, 120)), Some((num, den)), "{rate}");
        }
        // In the order of decoding, with two frames lost.
        let mut times = rounded(25.0, 100);
        times.swap(3, 5);
        times.remove(40);
        times.remove(70);
        assert_eq!(of_times(&times), Some((25, 1)));
    }

    #[test]
    fn frames_that_come_as_they_please_have_no_rate() {
        assert_eq!(of_times(&rounded(25.0, 10)), None);
        assert_eq!(of_times(&rounded(27.3, 100)), None);
        assert_eq!(of_times(&[Time::ZERO; 100]), None);
        let jitter = |n: u64| Time::from_millis(n * 33 + n * n % 13);
        assert_eq!(of_times(&(0..100).map(jitter).collect::<Vec<_>>()), None);
        // A screen recorder that sends each third frame only.
        let sparse: Vec<Time> = rounded(30.0, 300).into_iter().step_by(7).collect();
        assert_eq!(of_times(&sparse), None);
    }

    #[test]
    fn a_mean_of_a_rate_that_varies_is_found_out() {
        let mut times = rounded(25.0, 100);
        assert!(!is_denser(&times, (25, 1)));
        assert!(!is_denser(&times, (24, 1)));
        times.extend((0..40).map(|n| Time::from_millis(4000 + n * 200)));
        assert!(is_denser(&times, (12, 1)));
        assert!(!is_denser(&times, (30, 1)));
        assert!(!is_denser(&rounded(25.0, 10), (1, 1)));
    }
}
