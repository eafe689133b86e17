// SPDX-License-Identifier: MPL-2.0

//! Applies gains to samples, and keeps true peaks below a ceiling.

use std::collections::VecDeque;
use std::f64::consts::PI;

use super::curve::Curve;
use crate::timeline::Time;

/// Look-ahead of the limiter: its gain falls during this time, so that no peak is missed.
const AHEAD: Time = Time::from_millis(5);
/// Release time in seconds.
const RELEASE: f64 = 0.1;
/// Number of samples on either side of a gap from which the wave in it is interpolated.
const REACH: usize = 6;
/// Number of positions between two samples that are checked: four times the rate (BS.1770-4, Annex
/// 2).
const BETWEEN: usize = 3;
/// Share of the ceiling from which samples may have a higher wave between them.
const NEAR: f32 = 0.5;
/// Number of frames between calculated gains; in between, the gain is linear.
const STEP: usize = 48;

/// Applies a [`Curve`] to interleaved samples. The output is later than the input by
/// [`delay`](Leveller::delay) frames; [`finish`](Leveller::finish) returns the rest.
pub struct Leveller {
    channels: usize,
    rate: u32,
    curve: Curve,
    ceiling: f32,
    filters: [[f32; 2 * REACH]; BETWEEN],
    /// Number of frames so far.
    count: u64,
    start: Time,
    /// The gain at the last step and its increment per frame.
    gain: f32,
    slope: f32,
    /// Samples after their gain that are not returned yet.
    line: VecDeque<f32>,
    ahead: usize,
    /// Gains requested by the frames ahead, if lower than those of all later frames.
    asked: VecDeque<(u64, f32)>,
    /// The gain with slow release, of the last frames, and their sum.
    released: VecDeque<f32>,
    sum: f64,
    held: f32,
    /// Number of frames before the first input frame.
    skip: usize,
}

impl Leveller {
    /// Makes a leveller. `ceiling` is in dBTP; `start` is the curve's time of the first frame.
    pub fn new(
        rate: u32,
        channels: usize,
        curve: Curve,
        ceiling: f64,
        start: Time,
    ) -> Option<Self> {
        if rate == 0 || channels == 0 {
            return None;
        }
        let ahead = (AHEAD.secs_f64() * f64::from(rate)).ceil().max(1.0) as usize;
        let mut leveller = Leveller {
            channels,
            rate,
            curve,
            ceiling: 10f64.powf(ceiling / 20.0) as f32,
            filters: filters(),
            count: 0,
            start,
            gain: 0.0,
            slope: 0.0,
            line: VecDeque::new(),
            ahead,
            asked: VecDeque::new(),
            released: std::iter::repeat_n(1.0, ahead).collect(),
            sum: ahead as f64,
            held: 1.0,
            skip: 0,
        };
        leveller.skip = leveller.delay();
        leveller.line.resize(leveller.skip * channels, 0.0);
        Some(leveller)
    }

    /// Returns the delay in frames.
    pub fn delay(&self) -> usize {
        self.ahead - 1 + REACH
    }

    /// Adds samples, and appends those that are ready to `out`.
    pub fn process(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        for frame in samples.chunks_exact(self.channels) {
            self.take(frame, out);
        }
    }

    /// Appends the remaining samples to `out`.
    pub fn finish(&mut self, out: &mut Vec<f32>) {
        let silence = vec![0.0; self.channels];
        for _ in 0..self.delay() {
            self.take(&silence, out);
        }
    }

    fn take(&mut self, frame: &[f32], out: &mut Vec<f32>) {
        if self.count.is_multiple_of(STEP as u64) {
            self.step();
        }
        let gain = self.gain + self.slope * (self.count % STEP as u64) as f32;
        // A sample that is not a number would affect everything after it.
        let clean = |&sample: &f32| {
            if sample.is_finite() {
                sample * gain
            } else {
                0.0
            }
        };
        self.line.extend(frame.iter().map(clean));
        self.count += 1;
        let asks = self.asks();
        self.hold(asks);
        let limited = (self.sum / self.ahead as f64) as f32;
        let comes = self.line.drain(..self.channels);
        if self.skip > 0 {
            self.skip -= 1;
            drop(comes);
        } else {
            out.extend(comes.map(|sample| sample * limited));
        }
    }

    /// Calculates the curve's gain for the next frames.
    fn step(&mut self) {
        let at = |frames: u64| {
            let nanos = u128::from(frames) * 1_000_000_000 / u128::from(self.rate);
            let time = self.start.saturating_add(Time::from_nanos(nanos as u64));
            10f64.powf(self.curve.at(time) / 20.0)
        };
        let (from, to) = (at(self.count), at(self.count + STEP as u64));
        self.gain = from as f32;
        self.slope = ((to - from) / STEP as f64) as f32;
    }

    /// Returns the gain that brings the newest frame known on both sides, and the wave after it,
    /// below the ceiling.
    fn asks(&self) -> f32 {
        let mut peak = 0f32;
        let seen = 2 * REACH;
        for channel in 0..self.channels {
            let first = self.line.len().saturating_sub(seen * self.channels) + channel;
            let mut window = [0f32; 2 * REACH];
            let newest = self.line.range(first..).step_by(self.channels);
            for (place, &sample) in window.iter_mut().zip(newest) {
                *place = sample;
            }
            let largest = window
                .iter()
                .fold(0f32, |most, sample| most.max(sample.abs()));
            if largest < self.ceiling * NEAR {
                continue;
            }
            peak = peak.max(window[REACH - 1].abs());
            for filter in &self.filters {
                let wave: f32 = filter
                    .iter()
                    .zip(&window)
                    .map(|(tap, sample)| tap * sample)
                    .sum();
                peak = peak.max(wave.abs());
            }
        }
        if peak > self.ceiling {
            self.ceiling / peak
        } else {
            1.0
        }
    }

    /// Applies the gain requested by a frame: the lowest of the frames ahead, with slow release,
    /// interpolated linearly.
    fn hold(&mut self, asks: f32) {
        while self.asked.back().is_some_and(|&(_, other)| other >= asks) {
            self.asked.pop_back();
        }
        self.asked.push_back((self.count, asks));
        let oldest = self.count.saturating_sub(self.ahead as u64);
        while self
            .asked
            .front()
            .is_some_and(|&(count, _)| count <= oldest)
        {
            self.asked.pop_front();
        }
        let least = self.asked.front().map_or(1.0, |&(_, asks)| asks);
        let release = 1.0 - (-1.0 / (RELEASE * f64::from(self.rate))).exp() as f32;
        self.held = least.min(self.held + (1.0 - self.held) * release);
        self.released.push_back(self.held);
        self.sum += f64::from(self.held);
        if let Some(gone) = self.released.pop_front() {
            self.sum -= f64::from(gone);
        }
    }
}

/// Returns weights of the surrounding samples for the wave at each position between the two samples
/// in the middle.
fn filters() -> [[f32; 2 * REACH]; BETWEEN] {
    std::array::from_fn(|place| {
        let at = (place + 1) as f64 / (BETWEEN + 1) as f64;
        let mut taps: [f64; 2 * REACH] = std::array::from_fn(|tap| {
            let x = tap as f64 - (REACH - 1) as f64 - at;
            let window = 0.5 + 0.5 * (PI * x / (REACH as f64 + 0.5)).cos();
            (PI * x).sin() / (PI * x) * window
        });
        let sum: f64 = taps.iter().sum();
        taps.iter_mut().for_each(|tap| *tap /= sum);
        taps.map(|tap| tap as f32)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ebur128::{EbuR128, Mode};

    const RATE: u32 = 48_000;

    fn level(curve: &str, channels: usize, samples: &[f32]) -> Vec<f32> {
        let curve = curve.parse().expect("a curve");
        let mut leveller = Leveller::new(RATE, channels, curve, -2.0, Time::ZERO).expect("usual");
        let mut out = Vec::new();
        for piece in samples.chunks(channels * 1000) {
            leveller.process(piece, &mut out);
        }
        leveller.finish(&mut out);
        assert_eq!(out.len(), samples.len());
        out
    }

    fn true_peak(channels: usize, samples: &[f32]) -> f64 {
        let mut meter = EbuR128::new(channels as u32, RATE, Mode::TRUE_PEAK).expect("a usual rate");
        meter.add_frames_f32(samples).expect("whole frames");
        let peaks = (0..channels as u32).map(|channel| meter.true_peak(channel).expect("measured"));
        20.0 * peaks.fold(0.0, f64::max).log10()
    }

    /// Makes noise whose loudness jumps, in two different channels.
    fn noise(seconds: usize) -> Vec<f32> {
        let mut state = 7u32;
        (0..seconds * RATE as usize * 2)
            .map(|n| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let loud = if n / 20_000 % 3 == 0 { 1.0 } else { 0.1 };
                let side = if n & 1 == 0 { 1.0 } else { 0.3 };
                (state as f32 / u32::MAX as f32 * 2.0 - 1.0) * loud * side
            })
            .collect()
    }

    #[test]
    fn gains_are_applied_at_their_time() {
        let samples = vec![0.1f32; 3 * RATE as usize];
        let out = level("1:-6,2:6", 1, &samples);
        for (time, gain) in [
            (0.0, -6.0),
            (0.999, -6.0),
            (1.5, 0.0),
            (2.0, 6.0),
            (2.999, 6.0),
        ] {
            let sample = out[(time * f64::from(RATE)) as usize];
            let wanted = 0.1 * 10f64.powf(gain / 20.0);
            assert!(
                (f64::from(sample) - wanted).abs() < 1e-3,
                "{time}: {sample} {wanted}"
            );
        }
    }

    #[test]
    fn true_peaks_stay_under_the_ceiling() {
        let samples = noise(2);
        assert!(true_peak(2, &samples) > -2.0);
        for gain in ["0:0", "0:12", "0:-3,1:20"] {
            let peak = true_peak(2, &level(gain, 2, &samples));
            assert!((-3.0..=-1.9).contains(&peak), "{gain}: {peak}");
        }
        // Makes a wave whose samples are all below its peaks.
        let samples: Vec<f32> = (0..RATE)
            .map(|n| ((n as f32 + 0.5) * std::f32::consts::FRAC_PI_2).sin())
            .collect();
        let peak = true_peak(1, &level("0:0", 1, &samples));
        assert!((-2.5..=-1.9).contains(&peak), "{peak}");
    }

    #[test]
    fn what_is_below_the_ceiling_is_not_touched() {
        let samples: Vec<f32> = noise(1).iter().map(|sample| sample * 0.4).collect();
        let out = level("", 2, &samples);
        let differs = samples.iter().zip(&out).any(|(a, b)| (a - b).abs() > 1e-6);
        assert!(!differs);
        assert!(
            level("0:3", 2, &[f32::NAN, f32::INFINITY])
                .iter()
                .all(|&sample| sample == 0.0)
        );
        assert!(Leveller::new(0, 1, Curve::default(), 0.0, Time::ZERO).is_none());
    }
}
