// SPDX-License-Identifier: MPL-2.0

//! Converts interleaved samples of any rate and channel count to one channel at 16 kHz.

use std::f32::consts::PI;

/// Samples per second for the detectors.
pub const RATE: u32 = 16_000;

/// Zero crossings of the windowed sinc on each side: enough for a stop band below the noise of a
/// room.
const CROSSINGS: usize = 12;

/// Number of positions between two input samples for which the filter is tabulated. Rates whose
/// ratio needs more use the nearest one; the error stays below -50 dB.
const MAX_PHASES: u64 = 512;

const LANES: usize = 8;

/// Seconds over which channels are compared: less than a syllable, so that no word is lost.
const COMPARED: f32 = 0.1;
/// Negative correlation of two channels beyond which they carry one voice with one of them
/// inverted: their sum would be silence.
const INVERTED: f32 = 0.7;

/// Frequency in Hz below which signals are removed: far below any voice.
const SLOWEST: f32 = 5.0;
/// Level below which a sample is silence: the smallest value of 24 bits is a million times larger.
const INAUDIBLE: f32 = 1e-13;

/// Mixes to one channel and resamples to [`RATE`].
#[derive(Clone, Debug)]
pub struct Mono {
    mix: Mix,
    rate: u64,
    /// One filter per position between two input samples.
    phases: Vec<Vec<f32>>,
    /// Input samples that the filter still needs, oldest first.
    history: Vec<f32>,
    /// Position of the next output sample after the first of `history`, in units of 1/RATE of an
    /// input sample.
    position: u64,
}

impl Mono {
    /// Returns `None` for a rate or channel count of zero.
    pub fn new(rate: u32, channels: usize) -> Option<Self> {
        if rate == 0 || channels == 0 {
            return None;
        }
        let (rate, target) = (u64::from(rate), u64::from(RATE));
        let count = (target / gcd(rate, target)).min(MAX_PHASES);
        // When downsampling, the filter cuts at half the output rate and grows longer by that
        // factor.
        let cutoff = (target as f32 / rate as f32).min(1.0);
        let half = (CROSSINGS as f32 / cutoff).ceil() as usize;
        let phases = (0..count)
            .map(|phase| {
                let shift = phase as f32 / count as f32;
                let mut taps: Vec<f32> = (0..2 * half)
                    .map(|tap| {
                        let x = tap as f32 - (half as f32 - 1.0) - shift;
                        let window = 0.5 + 0.5 * (PI * x / half as f32).clamp(-PI, PI).cos();
                        sinc(x * cutoff) * window
                    })
                    .collect();
                let sum: f32 = taps.iter().sum();
                taps.iter_mut().for_each(|tap| *tap /= sum);
                taps
            })
            .collect();
        Some(Mono {
            mix: Mix::new(rate as u32, channels),
            rate,
            phases,
            // The first output sample coincides with the first input sample.
            history: vec![0.0; half - 1],
            position: 0,
        })
    }

    /// Converts `samples` (interleaved) and appends the result to `out`.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        self.mix.push(samples, &mut self.history);
        let target = u64::from(RATE);
        let count = self.phases.len() as u64;
        loop {
            let first = (self.position / target) as usize;
            let phase = (self.position % target) * count / target;
            let taps = &self.phases[phase as usize];
            let Some(input) = self.history.get(first..first + taps.len()) else {
                break;
            };
            out.push(dot(input, taps));
            self.position += self.rate;
        }
        let used = ((self.position / target) as usize).min(self.history.len());
        self.history.drain(..used);
        self.position -= used as u64 * target;
    }
}

/// Removes a constant offset with a filter of one pole and a zero at 0 Hz: cheap sound cards add a
/// constant, next to which a voice would not matter.
#[derive(Clone, Copy, Debug)]
struct Offset {
    /// Remaining part of a constant from one sample to the next.
    left: f32,
    /// The previous input and output sample; `None` before the first.
    last: Option<(f32, f32)>,
}

impl Offset {
    fn new(rate: u32) -> Self {
        Offset {
            left: (1.0 - 2.0 * PI * SLOWEST / rate as f32).max(0.0),
            last: None,
        }
    }

    fn taken_from(&mut self, sample: f32) -> f32 {
        let (before, became) = self.last.unwrap_or((sample, 0.0));
        let becomes = sample - before + self.left * became;
        // A NaN would stay for ever, and denormal numbers are slow.
        let is_sound = (INAUDIBLE..f32::INFINITY).contains(&becomes.abs());
        let becomes = if is_sound { becomes } else { 0.0 };
        self.last = sample.is_finite().then_some((sample, becomes));
        becomes
    }
}

/// All channels in one, each with the right polarity.
#[derive(Clone, Debug)]
struct Mix {
    /// Weight of each channel: its share, negative if it is inverted.
    weights: Vec<f32>,
    offsets: Vec<Offset>,
    /// For each channel the sum of its squares, and of its products with the first one.
    sums: Vec<(f32, f32)>,
    seen: usize,
    /// Number of frames after which the channels are compared.
    compared: usize,
}

impl Mix {
    fn new(rate: u32, channels: usize) -> Self {
        Mix {
            weights: vec![1.0 / channels as f32; channels],
            offsets: vec![Offset::new(rate); channels],
            sums: vec![(0.0, 0.0); channels],
            seen: 0,
            compared: (rate as f32 * COMPARED) as usize,
        }
    }

    fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let channels = self.weights.len();
        for frame in samples.chunks_exact(channels) {
            let mut mixed = 0.0;
            let mut first = None;
            let of_channels = self
                .weights
                .iter()
                .zip(&mut self.offsets)
                .zip(&mut self.sums);
            for (&sample, ((weight, offset), sums)) in frame.iter().zip(of_channels) {
                let sample = offset.taken_from(sample);
                mixed += sample * weight;
                sums.0 += sample * sample;
                sums.1 += sample * *first.get_or_insert(sample);
            }
            out.push(mixed);
        }
        self.seen += samples.len() / channels;
        if self.seen >= self.compared {
            self.seen = 0;
            self.compare();
        }
    }

    /// Inverts channels that mirror the first one. The last result stays valid during silence.
    fn compare(&mut self) {
        let Some(&(first, _)) = self.sums.first() else {
            return;
        };
        for (weight, (energy, product)) in self.weights.iter_mut().zip(&self.sums) {
            let certain = INVERTED * (first * energy).sqrt();
            if product.abs() > certain && certain > 0.0 {
                *weight = weight.copysign(*product);
            }
        }
        self.sums.fill((0.0, 0.0));
    }
}

/// Returns the sum of products, in as many sums as a vector register contains: floating-point
/// additions are not reordered by the compiler.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a * b);
    sums.into_iter().chain(rest).sum()
}

fn sinc(x: f32) -> f32 {
    if x.abs() < 1e-6 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hz: f32, channels: usize) -> Vec<f32> {
        (0..rate as usize)
            .flat_map(|i| {
                let sample = (2.0 * PI * hz * i as f32 / rate as f32).sin();
                std::iter::repeat_n(sample, channels)
            })
            .collect()
    }

    fn rms(samples: &[f32]) -> f32 {
        (samples.iter().map(|x| x * x).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn every_rate_gives_sixteen_thousand_samples_a_second_of_the_same_tone() {
        for rate in [
            8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 47_999, 96_000,
        ] {
            let mut mono = Mono::new(rate, 2).expect("valid");
            let mut out = Vec::new();
            for chunk in tone(rate, 440.0, 2).chunks(2 * 997) {
                mono.push(chunk, &mut out);
            }
            assert!(out.len().abs_diff(16_000) < 40, "{rate}: {}", out.len());
            let expected = tone(RATE, 440.0, 1);
            let middle = 1000..out.len() - 1000;
            let error: Vec<f32> = middle.map(|i| out[i] - expected[i]).collect();
            assert!(rms(&error) < 0.02, "{rate}: error {}", rms(&error));
        }
    }

    #[test]
    fn what_sixteen_khz_cannot_hold_is_filtered_out() {
        let mut mono = Mono::new(48_000, 1).expect("valid");
        let mut out = Vec::new();
        mono.push(&tone(48_000, 11_000.0, 1), &mut out);
        assert!(rms(&out[500..]) < 0.01, "{}", rms(&out[500..]));
    }

    #[test]
    fn a_voice_in_two_channels_that_mirror_each_other_does_not_vanish() {
        for (left, right) in [(1.0, -1.0), (1.0, -0.5), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
            let mut mono = Mono::new(48_000, 2).expect("valid");
            let mut out = Vec::new();
            for chunk in tone(48_000, 440.0, 1).chunks(997).cycle().take(150) {
                let stereo: Vec<f32> = chunk.iter().flat_map(|s| [s * left, s * right]).collect();
                mono.push(&stereo, &mut out);
            }
            let loud = rms(&out[2 * RATE as usize..]);
            assert!(loud > 0.3, "{left} {right}: {loud}");
        }
    }

    #[test]
    fn a_constant_beside_a_voice_is_taken_away() {
        for right in [1.0, -1.0] {
            let mut mono = Mono::new(48_000, 2).expect("valid");
            let mut out = Vec::new();
            for chunk in tone(48_000, 440.0, 1).chunks(997).cycle().take(150) {
                let voice = chunk.iter().map(|sample| sample * 0.05);
                let stereo: Vec<f32> = voice
                    .flat_map(|sample| [sample + 0.3, sample * right - 0.2])
                    .collect();
                mono.push(&stereo, &mut out);
            }
            let loudest = |samples: &[f32]| samples.iter().fold(0.0f32, |a, b| a.max(b.abs()));
            assert!(loudest(&out) < 0.06, "{right}: {}", loudest(&out));
            let loud = rms(&out[2 * RATE as usize..]);
            assert!((loud - 0.035).abs() < 0.003, "{right}: {loud}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(Mono::new(0, 1).is_none());
        assert!(Mono::new(48_000, 0).is_none());
    }
}
