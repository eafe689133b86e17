// SPDX-License-Identifier: MPL-2.0

//! Detects music: its partials stay constant for as long as a note lasts, a voice's glide.

use std::collections::VecDeque;

/// Samples at 16 kHz between two frames.
pub const HOP: usize = 256;
/// Samples per transform: bins of 15.6 Hz.
const WINDOW: usize = 1024;
/// Range of bins: 94 Hz (above mains hum) to 4 kHz (above it a voice has no confusing partials).
const FIRST_BIN: usize = 6;
const LAST_BIN: usize = 256;
/// Frames for which a peak must stay in its bin to count as steady: 128 ms, longer than a voice
/// keeps its pitch within a bin.
const STEADY: u16 = 8;
/// Number of frames whose energies are added before the steady part is evaluated.
const SMOOTH: usize = 9;
/// Frames between a frame and its value: half the window and half the smoothing.
pub const DELAY: usize = 6;
/// Part of the energy in steady peaks above which a frame is more likely music.
const TONAL: f32 = 0.06;
/// Evidence needed for a change of state; one frame adds at most 2.
const CERTAIN: f32 = 25.0;
/// Largest number of undecided frames (4 s): after that the likelier state is used.
const MAX_UNDECIDED: usize = 250;
/// Shortest music in frames (3 s): anything shorter is a held vowel, a ring tone, or a jingle in a
/// talk.
const MIN_MUSIC: usize = 188;
/// Shortest pause in music, in frames (1.5 s): a shorter one is part of it.
const MIN_PAUSE: usize = 94;

/// Decides frame by frame, some frames late.
pub struct Music {
    samples: VecDeque<f32>,
    window: Vec<f32>,
    /// For each bin, the number of frames for which it has been a peak.
    runs: Vec<u16>,
    /// (steady energy, energy) of the last frames.
    energies: VecDeque<(f32, f32)>,
    /// Values still missing at the start of the stream.
    early: usize,
    changes: Changes,
    stretches: Stretches,
}

impl Default for Music {
    fn default() -> Self {
        let step = std::f32::consts::TAU / (WINDOW as f32 - 1.0);
        Music {
            samples: std::iter::repeat_n(0.0, WINDOW - HOP).collect(),
            window: (0..WINDOW)
                .map(|i| 0.5 - 0.5 * (i as f32 * step).cos())
                .collect(),
            runs: vec![0; LAST_BIN + 1],
            energies: VecDeque::with_capacity(SMOOTH),
            early: DELAY,
            changes: Changes::default(),
            stretches: Stretches::default(),
        }
    }
}

impl Music {
    /// Adds the next [`HOP`] samples; calls `decided` once for each frame that became certain.
    /// Returns the tonality of the frame [`DELAY`] before, once there is one.
    pub fn push(&mut self, frame: &[f32], mut decided: impl FnMut(bool)) -> Option<f32> {
        let tonality = self.tonality(frame);
        if self.early > 0 {
            self.early -= 1;
            return None;
        }
        let stretches = &mut self.stretches;
        self.changes
            .push(tonality, |music| stretches.push(music, &mut decided));
        Some(tonality)
    }

    /// Decides the remaining frames.
    pub fn finish(&mut self, mut decided: impl FnMut(bool)) {
        let missing = DELAY - self.early;
        let stretches = &mut self.stretches;
        self.changes
            .finish(|music| stretches.push(music, &mut decided));
        stretches.finish(missing, decided);
    }

    /// Returns the part of the energy around this frame in steady peaks, 0 to 1.
    fn tonality(&mut self, frame: &[f32]) -> f32 {
        self.samples.extend(frame);
        let mut block = [0.0f32; WINDOW];
        for ((out, sample), window) in block.iter_mut().zip(&self.samples).zip(&self.window) {
            *out = sample * window;
        }
        self.samples.drain(..frame.len().min(self.samples.len()));
        let spectrum = microfft::real::rfft_1024(&mut block);
        let mut power = [0.0f32; LAST_BIN + 3];
        for (power, bin) in power.iter_mut().zip(spectrum.iter()) {
            *power = bin.re * bin.re + bin.im * bin.im;
        }
        let (mut steady, mut total) = (0.0, 1e-12);
        let mut counted_to = 0;
        for bin in 3..=LAST_BIN {
            let here = power[bin];
            let peak = here >= power[bin - 1]
                && here > power[bin + 1]
                && here > 4.0 * power[bin - 2]
                && here > 4.0 * power[bin + 2];
            self.runs[bin] = if peak {
                self.runs[bin].saturating_add(1)
            } else {
                0
            };
            if bin < FIRST_BIN {
                continue;
            }
            total += here;
            if self.runs[bin] >= STEADY {
                let from = (bin - 2).max(counted_to).max(FIRST_BIN);
                steady += power[from..bin + 3].iter().sum::<f32>();
                counted_to = bin + 3;
            }
        }
        if self.energies.len() == SMOOTH {
            self.energies.pop_front();
        }
        self.energies.push_back((steady, total));
        let (steady, total) = self
            .energies
            .iter()
            .fold((0.0, 0.0), |sum, e| (sum.0 + e.0, sum.1 + e.1));
        (steady / total).min(1.0)
    }
}

/// Two states with a price for each change: evidence adds up until it is certain, and the change is
/// placed where the evidence began.
#[derive(Default)]
struct Changes {
    music: bool,
    evidence: f32,
    undecided: usize,
}

impl Changes {
    fn push(&mut self, tonality: f32, mut decided: impl FnMut(bool)) {
        let towards_music = ((tonality + 0.01) / TONAL).ln().clamp(-1.0, 1.0);
        let change = if self.music {
            -towards_music
        } else {
            towards_music
        };
        self.evidence = (self.evidence + 2.0 * change).clamp(0.0, 2.0 * CERTAIN);
        self.undecided += 1;
        if self.evidence == 0.0 {
            self.decide(&mut decided);
        } else if self.evidence >= 2.0 * CERTAIN
            || (self.undecided >= MAX_UNDECIDED && self.evidence > CERTAIN)
        {
            self.music = !self.music;
            self.evidence = 0.0;
            self.decide(&mut decided);
        } else if self.undecided >= MAX_UNDECIDED {
            self.decide(&mut decided);
        }
    }

    fn finish(&mut self, mut decided: impl FnMut(bool)) {
        if self.evidence > CERTAIN {
            self.music = !self.music;
        }
        self.evidence = 0.0;
        self.decide(&mut decided);
    }

    fn decide(&mut self, decided: &mut impl FnMut(bool)) {
        for _ in 0..std::mem::take(&mut self.undecided) {
            decided(self.music);
        }
    }
}

/// Removes runs that are too short to be real.
#[derive(Default)]
struct Stretches {
    music: bool,
    /// Frames of the other state since the last one of this state.
    other: usize,
}

impl Stretches {
    fn push(&mut self, music: bool, decided: &mut impl FnMut(bool)) {
        self.other += 1;
        if music == self.music {
            self.decide(self.other, decided);
        } else if self.other >= if music { MIN_MUSIC } else { MIN_PAUSE } {
            self.music = music;
            self.decide(self.other, decided);
        }
    }

    fn finish(&mut self, more: usize, mut decided: impl FnMut(bool)) {
        self.decide(self.other + more, &mut decided);
    }

    fn decide(&mut self, count: usize, decided: &mut impl FnMut(bool)) {
        for _ in 0..count {
            decided(self.music);
        }
        self.other = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn decide(samples: &[f32]) -> Vec<bool> {
        let mut music = Music::default();
        let mut decided = Vec::new();
        for frame in samples.chunks_exact(HOP) {
            music.push(frame, |is| decided.push(is));
        }
        music.finish(|is| decided.push(is));
        assert_eq!(decided.len(), samples.len() / HOP);
        decided
    }

    #[test]
    fn held_chords_are_music_and_gliding_harmonics_are_not() {
        let chords: Vec<f32> = (0..16_000 * 10)
            .map(|i| {
                let t = i as f32 / 16_000.0;
                let root = [220.0, 247.0, 196.0][(t / 0.8) as usize % 3];
                [1.0, 1.26, 1.5, 2.0]
                    .iter()
                    .map(|n| 0.1 * (TAU * root * n * t).sin())
                    .sum()
            })
            .collect();
        let decided = decide(&chords);
        let music = decided.iter().filter(|is| **is).count();
        assert!(music * 10 > decided.len() * 9, "{music}");

        let mut phase = 0.0f32;
        let glide: Vec<f32> = (0..16_000 * 10)
            .map(|i| {
                let t = i as f32 / 16_000.0;
                phase += (140.0 + 40.0 * (TAU * 1.7 * t).sin()) / 16_000.0;
                (1..15).map(|n| 0.05 * (TAU * phase * n as f32).sin()).sum()
            })
            .collect();
        assert!(decide(&glide).iter().all(|is| !is));
    }

    #[test]
    fn silence_and_a_short_tone_are_no_music() {
        assert!(decide(&[0.0; 16_000]).iter().all(|is| !is));
        let mut samples = vec![0.0; 16_000 * 6];
        for (i, sample) in samples[32_000..56_000].iter_mut().enumerate() {
            *sample = 0.2 * (TAU * 880.0 * i as f32 / 16_000.0).sin();
        }
        assert!(decide(&samples).iter().all(|is| !is));
    }
}
