// SPDX-License-Identifier: MPL-2.0

//! Offset and drift of captions against the speech.
//!
//! A first estimate comes from the correlation of two activities: somebody speaks, a cue is shown.
//! Both are spans, so that the correlation is a sum of trapezoids: its second derivative is a few
//! pulses per pair of spans, and no Fourier transform is needed. The exact values come from the
//! starts: in pauses, a cue starts where the speech does. A line through the differences of these
//! starts gives offset, drift, and the error of both.

use crate::timeline::{Span, Time};

/// Largest offset that is looked for, in seconds.
const REACH: f64 = 60.0;
/// Step of the correlation, in seconds (100 Hz).
const STEP: f64 = 0.01;
/// Length of a part that is aligned by itself, in seconds, and its reach around the first estimate.
const PART: f64 = 300.0;
const PART_REACH: f64 = 15.0;
/// Standard deviations by which a correlation exceeds its mean if the captions belong to the audio.
const CLEAR: f64 = 4.0;
/// Ratios of speed that are tried besides 1: film at 24 and television at 25 frames per second.
const RATIOS: [f64; 3] = [1.0, 25.0 / 24.0, 24.0 / 25.0];
/// Largest difference of a pair of starts to the line, in each step of the fit, in seconds.
const FIT: [f64; 4] = [0.5, 0.35, 0.25, 0.25];
/// Half width of the most frequent difference, in seconds.
const MODE: f64 = 0.1;
/// Systematic error of the detected start of speech, in seconds.
const ONSET: f64 = 0.05;
/// Smallest number of pairs that tells an offset.
const PAIRS: usize = 6;

/// Offset and drift of captions.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sync {
    /// Seconds by which the cues are late in the middle of the captions; negative if they are early.
    pub offset: f64,
    /// Error of the offset in seconds, twice the standard deviation and that of the detection.
    pub offset_error: f64,
    /// Seconds that the cues gain per second of the recording; `5e-5` is 50 ppm.
    pub drift: f64,
    /// Error of the drift, three times its standard deviation.
    pub drift_error: f64,
    /// Middle of the captions, in seconds of the recording.
    middle: f64,
}

impl Sync {
    /// Returns the drift if it is larger than its error, else zero.
    pub fn certain_drift(&self) -> f64 {
        if self.drift.abs() > self.drift_error {
            self.drift
        } else {
            0.0
        }
    }

    /// Returns the time of the speech that belongs to a time of the captions. Offset and drift count
    /// only as far as they are certain.
    pub fn to_speech(&self, time: Time) -> Time {
        let drift = self.certain_drift();
        let offset = if self.offset.abs() > self.offset_error || drift != 0.0 {
            self.offset
        } else {
            0.0
        };
        // cue = speech + offset + drift × (speech − middle)
        let cue = time.secs_f64();
        Time::from_secs_f64((cue - offset + drift * self.middle) / (1.0 + drift))
    }

    /// Returns the span of the speech that belongs to a cue.
    pub fn span_to_speech(&self, span: Span) -> Span {
        Span::new(self.to_speech(span.start), self.to_speech(span.end))
    }
}

/// A span in seconds.
type Interval = (f64, f64);

/// A line: the offset at the time `middle`, and the drift.
#[derive(Clone, Copy, Debug)]
struct Line {
    offset: f64,
    drift: f64,
    middle: f64,
}

impl Line {
    fn at(&self, speech: f64) -> f64 {
        self.offset + self.drift * (speech - self.middle)
    }

    /// Returns the time of the speech that belongs to a time of the captions.
    fn to_speech(self, cue: f64) -> f64 {
        (cue - self.offset + self.drift * self.middle) / (1.0 + self.drift)
    }
}

/// Measures offset and drift of cues against speech; both are sorted and disjoint. Returns `None`
/// if the cues do not fit the speech anywhere, or are too few.
pub fn measure(speech: &[Span], cues: &[Span]) -> Option<Sync> {
    let seconds = |span: &Span| (span.start.secs_f64(), span.end.secs_f64());
    let speech: Vec<Interval> = speech.iter().map(seconds).collect();
    let cues: Vec<Interval> = cues.iter().map(seconds).collect();
    let (first, last) = (cues.first()?, cues.last()?);
    let middle = (first.0 + last.1) / 2.0;
    let mut lines = vec![Line {
        offset: 0.0,
        drift: 0.0,
        middle,
    }];
    lines.extend(
        RATIOS
            .iter()
            .filter_map(|&ratio| coarse(&speech, &cues, ratio)),
    );
    let fits = lines
        .into_iter()
        .filter_map(|line| fit(&speech, &cues, line));
    let best = fits.max_by(|one, other| one.1.total_cmp(&other.1))?;
    Some(best.0)
}

/// Returns the line on which the activities fit, if the captions run at about this ratio of speed.
fn coarse(speech: &[Interval], cues: &[Interval], ratio: f64) -> Option<Line> {
    let scaled: Vec<Interval> = cues
        .iter()
        .map(|cue| (cue.0 / ratio, cue.1 / ratio))
        .collect();
    let (global, _) = peak(speech, &scaled, (-REACH, REACH))?;
    let (first, last) = (scaled.first()?.0, scaled.last()?.1);
    let middle = (first + last) / 2.0;
    let count = ((last - first) / PART).round().max(1.0);
    let length = (last - first) / count;
    let mut points = Vec::new();
    for index in 0..count as usize {
        let start = first + index as f64 * length;
        let from = scaled.partition_point(|cue| cue.0 < start);
        let to = scaled.partition_point(|cue| cue.0 < start + length);
        let part = scaled.get(from..to).unwrap_or_default();
        let reach = (global - PART_REACH, global + PART_REACH);
        if let Some((lag, score)) = peak(speech, part, reach)
            && score >= CLEAR / 2.0
        {
            points.push((start + length / 2.0 - lag, lag));
        }
    }
    let (offset, drift) = robust_line(&points, middle).unwrap_or((global, 0.0));
    // The line of the scaled cues, as a line of the cues themselves.
    Some(Line {
        offset: (ratio - 1.0) * middle + ratio * offset,
        drift: (ratio - 1.0) + ratio * drift,
        middle,
    })
}

/// Returns offset and slope of the line through most of the points (Theil and Sen).
fn robust_line(points: &[(f64, f64)], middle: f64) -> Option<(f64, f64)> {
    if points.len() < 3 {
        return None;
    }
    let pairs = points.iter().enumerate().flat_map(|(index, one)| {
        points
            .iter()
            .skip(index + 1)
            .map(move |other| (other.1 - one.1) / (other.0 - one.0))
    });
    let slope = median(pairs.filter(|slope| slope.is_finite()).collect())?;
    let offsets = points
        .iter()
        .map(|(time, lag)| lag - slope * (time - middle));
    Some((median(offsets.collect())?, slope))
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Returns the lag at which most speech lies under cues, and by how many standard deviations it
/// exceeds the others. The cues are later than the speech by the lag.
fn peak(speech: &[Interval], cues: &[Interval], lags: Interval) -> Option<(f64, f64)> {
    let scores = correlation(speech, cues, lags);
    let count = scores.len() as f64;
    let mean = scores.iter().sum::<f64>() / count;
    let variance = scores.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / count;
    let (best, score) = scores
        .iter()
        .enumerate()
        .max_by(|one, other| one.1.total_cmp(other.1))?;
    let clear = (score - mean) / variance.sqrt();
    (variance > 0.0).then_some((lags.0 + best as f64 * STEP, clear))
}

/// Returns the seconds of speech under cues for each lag, in steps of [`STEP`].
fn correlation(speech: &[Interval], cues: &[Interval], (low, high): Interval) -> Vec<f64> {
    let count = ((high - low) / STEP).round() as usize + 1;
    let mut bends = vec![0.0; count + 1];
    let (mut value, mut slope) = (0.0, 0.0);
    for &(start, end) in cues {
        let from = speech.partition_point(|voice| voice.1 < start - high);
        let near = speech.iter().skip(from);
        for &(begin, finish) in near.take_while(|voice| voice.0 <= end - low) {
            // The overlap grows from the first bend, is flat between the middle ones, and shrinks.
            for (lag, change) in [
                (start - finish, 1.0),
                (start - begin, -1.0),
                (end - finish, -1.0),
                (end - begin, 1.0),
            ] {
                let at = (lag - low) / STEP;
                if at <= 0.0 {
                    slope += change;
                    value -= change * at * STEP;
                } else if let Some(bend) = bends.get_mut(at.round() as usize) {
                    *bend += change;
                }
            }
        }
    }
    let mut scores = Vec::with_capacity(count);
    for bend in bends.iter().take(count) {
        scores.push(value);
        slope += bend;
        value += slope * STEP;
    }
    scores
}

/// Fits a line through the differences of starts near `line`; returns it with the number of pairs
/// beyond chance, in standard deviations.
fn fit(speech: &[Interval], cues: &[Interval], mut line: Line) -> Option<(Sync, f64)> {
    let pairs = pairs(speech, cues, line, 1.5);
    line.offset += mode(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>())?;
    let mut fitted = None;
    for width in FIT {
        let pairs = self::pairs(speech, cues, line, width);
        let regression = Regression::of(&pairs, line.middle)?;
        line.offset += regression.offset;
        line.drift += regression.drift;
        fitted = Some((regression, pairs.len()));
    }
    let (regression, count) = fitted?;
    if count < PAIRS {
        return None;
    }
    // Pairs that would lie near any line by chance.
    let length = speech.last()?.1 - speech.first()?.0;
    let width = FIT.last()? * 2.0;
    let expected = cues.len() as f64 * (1.0 - (-width * speech.len() as f64 / length).exp());
    let beyond = (count as f64 - expected) / expected.max(1.0).sqrt();
    (beyond >= 2.0).then_some(())?;
    let sync = Sync {
        offset: line.offset,
        offset_error: 2.0 * regression.offset_error + ONSET,
        drift: line.drift,
        drift_error: 3.0 * regression.drift_error,
        middle: line.middle,
    };
    Some((sync, beyond))
}

/// Returns the starts of speech that lie nearest to those of cues, and by how much each cue is later
/// than `line` has it.
fn pairs(speech: &[Interval], cues: &[Interval], line: Line, width: f64) -> Vec<(f64, f64)> {
    let nearest = |cue: &Interval| {
        let expected = line.to_speech(cue.0);
        let next = speech.partition_point(|voice| voice.0 < expected);
        let candidates = [next.checked_sub(1), Some(next)].into_iter().flatten();
        let starts = candidates.filter_map(|index| Some(speech.get(index)?.0));
        let start = starts
            .min_by(|one, other| (one - expected).abs().total_cmp(&(other - expected).abs()))?;
        let late = cue.0 - start - line.at(start);
        (late.abs() <= width).then_some((start, late))
    };
    cues.iter().filter_map(nearest).collect()
}

/// Returns the value near which most values lie.
fn mode(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let near = |value: f64| {
        let from = sorted.partition_point(|other| *other < value - MODE);
        let to = sorted.partition_point(|other| *other <= value + MODE);
        sorted.get(from..to).unwrap_or_default()
    };
    let best = sorted.iter().max_by_key(|value| near(**value).len())?;
    median(near(*best).to_vec())
}

/// A least-squares line and the standard deviations of its values.
struct Regression {
    offset: f64,
    offset_error: f64,
    drift: f64,
    drift_error: f64,
}

impl Regression {
    fn of(pairs: &[(f64, f64)], middle: f64) -> Option<Self> {
        let count = pairs.len() as f64;
        if count < 3.0 {
            return None;
        }
        let mean_time = pairs.iter().map(|pair| pair.0).sum::<f64>() / count;
        let mean = pairs.iter().map(|pair| pair.1).sum::<f64>() / count;
        let spread: f64 = pairs.iter().map(|pair| (pair.0 - mean_time).powi(2)).sum();
        let shared: f64 = pairs
            .iter()
            .map(|pair| (pair.0 - mean_time) * (pair.1 - mean))
            .sum();
        if spread <= 0.0 {
            return None;
        }
        let drift = shared / spread;
        let offset = mean + drift * (middle - mean_time);
        let residuals = pairs.iter().map(|(time, late)| {
            let expected = mean + drift * (time - mean_time);
            (late - expected).powi(2)
        });
        // Starts of speech are known to a frame of the detector.
        let deviation = (residuals.sum::<f64>() / (count - 2.0)).sqrt().max(0.016);
        Some(Regression {
            offset,
            offset_error: deviation * (1.0 / count + (middle - mean_time).powi(2) / spread).sqrt(),
            drift,
            drift_error: deviation / spread.sqrt(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(start: f64, end: f64) -> Span {
        Span::new(Time::from_secs_f64(start), Time::from_secs_f64(end))
    }

    /// Speech with pauses of all lengths, and a cue for each utterance.
    fn class(lengths: &[(f64, f64)], to_cue: impl Fn(f64) -> f64) -> (Vec<Span>, Vec<Span>) {
        let mut time = 100.0;
        let (mut speech, mut cues) = (Vec::new(), Vec::new());
        for (spoken, pause) in lengths {
            let end = time + spoken;
            speech.push(span(time, end));
            // A cue stays a little longer than its words.
            cues.push(span(to_cue(time), to_cue(end + pause * 0.4)));
            time = end + pause;
        }
        (speech, cues)
    }

    fn lengths(count: usize) -> impl Strategy<Value = Vec<(f64, f64)>> {
        proptest::collection::vec((0.6..6.0_f64, 0.35..2.5_f64), count)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn an_offset_is_found_to_50_ms(lengths in lengths(60), offset in -30.0..40.0_f64) {
            let (speech, cues) = class(&lengths, |time| time + offset);
            let sync = measure(&speech, &cues).expect("measured");
            prop_assert!((sync.offset - offset).abs() < 0.05, "{sync:?}");
            prop_assert_eq!(sync.certain_drift(), 0.0);
        }

        #[test]
        fn a_drift_is_found_within_its_error(
            lengths in lengths(700),
            offset in -5.0..5.0_f64,
            ppm in prop_oneof![Just(0.0), 50.0..1500.0_f64, -1500.0..-50.0_f64],
        ) {
            let drift = ppm * 1e-6;
            let (speech, cues) = class(&lengths, |time| time + offset + drift * (time - 1500.0));
            let sync = measure(&speech, &cues).expect("measured");
            prop_assert!((sync.drift - drift).abs() < 50e-6, "{sync:?}");
            prop_assert!((sync.drift - drift).abs() <= sync.drift_error, "{sync:?}");
        }

        #[test]
        fn film_speed_is_recognised(lengths in lengths(300), faster in any::<bool>()) {
            let ratio = if faster { 24.0 / 25.0 } else { 25.0 / 24.0 };
            let (speech, cues) = class(&lengths, |time| time * ratio);
            let sync = measure(&speech, &cues).expect("measured");
            prop_assert!((sync.drift - (ratio - 1.0)).abs() < 5e-4, "{sync:?}");
            let moved = sync.to_speech(cues[200].start);
            prop_assert!(moved.abs_diff(speech[200].start) < Time::from_millis(50), "{sync:?}");
        }
    }

    #[test]
    fn captions_of_another_class_have_no_offset() {
        let steady: Vec<(f64, f64)> = (0..80).map(|n| (1.0 + f64::from(n % 7), 0.8)).collect();
        let (speech, _) = class(&steady, |time| time);
        let cues: Vec<Span> = (0..90)
            .map(|n| f64::from(n) * 3.7)
            .map(|at| span(at, at + 3.5))
            .collect();
        assert_eq!(measure(&speech, &cues), None);
    }

    #[test]
    fn the_correlation_is_the_shared_time() {
        let speech = [(10.0, 12.0), (20.0, 21.0)];
        let cues = [(11.0, 14.0), (22.0, 23.0)];
        let scores = correlation(&speech, &cues, (-5.0, 15.0));
        for (index, score) in scores.iter().enumerate().step_by(37) {
            let lag = -5.0 + index as f64 * STEP;
            let overlap =
                |a: Interval, b: Interval| (a.1.min(b.1 - lag) - a.0.max(b.0 - lag)).max(0.0);
            let shared: f64 = speech
                .iter()
                .flat_map(|voice| cues.iter().map(move |cue| overlap(*voice, *cue)))
                .sum();
            assert!((score - shared).abs() < 0.03, "{lag}: {score} and {shared}");
        }
    }
}
