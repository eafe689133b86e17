// SPDX-License-Identifier: MPL-2.0

//! Measures the loudness of phrases.

use ebur128::{EbuR128, Mode};

use crate::timeline::{Span, Time};

/// Interval of measurement: the step of BS.1770's gating blocks.
const BLOCK: Time = Time::from_millis(100);
const BLOCKS_PER_SECOND: u32 = 10;

/// Level below which nothing counts as sound (the absolute gate of BS.1770), in LUFS.
const SILENCE: f32 = -70.0;
/// Least distance of sound from the noise around it, in LU.
const ABOVE_NOISE: f32 = 6.0;
/// Number of blocks on either side in which the noise is measured: 15 s.
const AROUND: usize = 150;
/// Share of these blocks that is at most as loud as the noise.
const QUIETEST: f64 = 0.1;
/// Number of blocks of a pause that ends a phrase.
const PAUSE: usize = 3;
/// Number of blocks of the longest phrase: speakers who follow each other without a pause are
/// separated.
const LONGEST: usize = 30;

/// Sound between two pauses.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Phrase {
    pub span: Span,
    /// Loudness in LUFS.
    pub level: f64,
    /// Distance from the noise around it, in LU.
    pub above_noise: f64,
}

/// Measures interleaved samples.
pub struct Meter {
    filter: EbuR128,
    channels: usize,
    rate: u32,
    /// Samples per block.
    block: usize,
    /// Samples of the block that is not full yet.
    filled: usize,
    /// Time of the next sample; `None` before the first one.
    next: Option<Time>,
    /// Loudness by block of time, in LUFS; [`f32::NEG_INFINITY`] if there was no sound.
    levels: Vec<f32>,
}

impl Meter {
    /// Returns `None` for a rate or channel count that BS.1770 does not define.
    pub fn new(rate: u32, channels: usize) -> Option<Self> {
        let mut filter = EbuR128::new(channels.try_into().ok()?, rate, Mode::M).ok()?;
        filter.set_max_window(400).ok()?;
        let block = usize::try_from(rate / BLOCKS_PER_SECOND).ok()? * channels;
        (block > 0).then_some(Meter {
            filter,
            channels,
            rate,
            block,
            filled: 0,
            next: None,
            levels: Vec::new(),
        })
    }

    /// Adds samples that begin at `time`.
    pub fn add(&mut self, time: Time, mut samples: &[f32]) {
        if self.next.is_none_or(|next| next.abs_diff(time) > BLOCK) {
            // A block that was begun before a hole is not measured.
            self.filter.reset();
            self.filled = 0;
            self.next = Some(time);
        }
        while !samples.is_empty() {
            let count = samples.len().min(self.block - self.filled);
            let (now, rest) = samples.split_at(count);
            samples = rest;
            // Only a count that is not a multiple of the channels is refused.
            let _ = self.filter.add_frames_f32(now);
            self.filled += now.len();
            if self.filled == self.block {
                self.filled = 0;
                self.end_block();
            }
            let frames = (count / self.channels) as u64;
            let length = Time::from_nanos(frames * 1_000_000_000 / u64::from(self.rate));
            self.next = self.next.map(|next| next.saturating_add(length));
        }
    }

    fn end_block(&mut self) {
        let level = self.filter.loudness_window(BLOCK.millis() as u32);
        let level = level.map_or(f32::NEG_INFINITY, |level| level as f32);
        let Some(next) = self.next else {
            return;
        };
        let index = usize::try_from(next.nanos() / BLOCK.nanos()).unwrap_or(usize::MAX);
        // A timestamp of years would fill the memory.
        let limit = self.levels.len() + 3600 * BLOCKS_PER_SECOND as usize;
        if index < limit {
            let length = self.levels.len().max(index + 1);
            self.levels.resize(length, f32::NEG_INFINITY);
            if let Some(place) = self.levels.get_mut(index) {
                *place = place.max(level);
            }
        }
    }

    /// Returns the phrases, in order.
    pub fn phrases(&self) -> Vec<Phrase> {
        let noise = noise(&self.levels);
        let is_sound = |n: usize| {
            let level = self.levels.get(n).copied().unwrap_or(SILENCE);
            level > SILENCE && level > noise.get(n).copied().unwrap_or(SILENCE) + ABOVE_NOISE
        };
        let mut phrases = Vec::new();
        let mut begun: Option<usize> = None;
        let mut pause = 0;
        for n in 0..self.levels.len() + PAUSE {
            pause = if is_sound(n) { 0 } else { pause + 1 };
            match begun {
                None if pause == 0 => begun = Some(n),
                Some(start) if pause == PAUSE || n + 1 - start == LONGEST => {
                    let end = n + 1 - pause;
                    phrases.extend(self.phrase(start, end, &noise));
                    begun = None;
                }
                _ => {}
            }
        }
        phrases
    }

    fn phrase(&self, start: usize, end: usize, noise: &[f32]) -> Option<Phrase> {
        let level = mean(self.levels.get(start..end)?)?;
        let noise = mean(noise.get(start..end)?).unwrap_or(f64::from(SILENCE));
        let at = |n: usize| Time::from_nanos(BLOCK.nanos() * n as u64);
        Some(Phrase {
            span: Span::new(at(start), at(end)),
            level,
            above_noise: level - noise.max(f64::from(SILENCE)),
        })
    }
}

/// Returns the energy mean of loudnesses, or `None` if there are none.
fn mean(levels: &[f32]) -> Option<f64> {
    let energy: f64 = levels
        .iter()
        .map(|&level| 10f64.powf(f64::from(level) / 10.0))
        .sum();
    let mean = 10.0 * (energy / levels.len() as f64).log10();
    mean.is_finite().then_some(mean)
}

/// Returns the noise level at each block.
fn noise(levels: &[f32]) -> Vec<f32> {
    // The noise does not change from one block to the next.
    const STEP: usize = 10;
    let mut noise = Vec::with_capacity(levels.len());
    for middle in (0..levels.len()).step_by(STEP) {
        let from = middle.saturating_sub(AROUND);
        let to = (middle + AROUND).min(levels.len());
        let mut around: Vec<f32> = levels.get(from..to).unwrap_or_default().to_vec();
        let index = (around.len() as f64 * QUIETEST) as usize;
        let level = match around.is_empty() {
            true => SILENCE,
            false => *around.select_nth_unstable_by(index, f32::total_cmp).1,
        };
        let level = level.max(SILENCE);
        noise.extend(std::iter::repeat_n(level, STEP.min(levels.len() - middle)));
    }
    noise
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    /// Makes a tone at 1 kHz, which K-weighting leaves nearly unchanged.
    fn tone(seconds: f64, amplitude: f32) -> Vec<f32> {
        let count = (seconds * f64::from(RATE)) as usize;
        let sample = |n| (n as f32 * 1000.0 * std::f32::consts::TAU / RATE as f32).sin();
        (0..count).map(|n| amplitude * sample(n)).collect()
    }

    #[test]
    fn phrases_are_where_there_is_sound_and_as_loud() {
        let mut sound = tone(2.0, 0.0);
        sound.extend(tone(2.0, 0.5));
        sound.extend(tone(1.0, 0.0001));
        sound.extend(tone(4.0, 0.05));
        sound.extend(tone(2.0, 0.0));
        let mut meter = Meter::new(RATE, 1).expect("a usual rate");
        // Blocks of an odd size, and a hole of ten seconds before the first.
        let start = Time::from_secs(10);
        for (n, piece) in sound.chunks(1111).enumerate() {
            let time = Time::from_secs_f64((n * 1111) as f64 / f64::from(RATE));
            meter.add(start.saturating_add(time), piece);
        }
        let phrases = meter.phrases();
        let spans: Vec<(u64, u64)> = phrases
            .iter()
            .map(|phrase| (phrase.span.start.millis(), phrase.span.end.millis()))
            .collect();
        let near = |a: u64, b: u64| a.abs_diff(b) <= 100;
        assert_eq!(spans.len(), 3, "{spans:?}");
        for (&(a, b), (c, d)) in
            spans
                .iter()
                .zip([(12_000, 14_000), (15_000, 18_000), (18_000, 19_000)])
        {
            assert!(near(a, c) && near(b, d), "{spans:?}");
        }
        // A full-scale sine has -3 LUFS (BS.1770-4).
        let wanted = [-3.0 - 6.0, -3.0 - 26.0, -3.0 - 26.0];
        for (phrase, wanted) in phrases.iter().zip(wanted) {
            assert!((phrase.level - wanted).abs() < 0.5, "{phrase:?}");
            assert!(phrase.above_noise > 30.0, "{phrase:?}");
        }
    }

    #[test]
    fn what_cannot_be_measured_is_no_phrase() {
        assert!(Meter::new(0, 1).is_none());
        assert!(Meter::new(RATE, 0).is_none());
        let mut meter = Meter::new(RATE, 2).expect("a usual rate");
        assert!(meter.phrases().is_empty());
        meter.add(Time::MAX, &[0.1; 9601]);
        meter.add(Time::from_secs(1), &[f32::NAN; 9600]);
        assert!(meter.phrases().is_empty());
    }
}
