// SPDX-License-Identifier: MPL-2.0

//! Mixes spoken descriptions into audio, which is lowered under them.

use super::{DUCKED, RAMP};
use crate::speech::loudness::{self, Meter};
use crate::timeline::Time;

/// Largest sample of a voice: with the audio under it, it stays below full scale.
const LOUDEST: f32 = 0.7;
/// Level below which a voice is silent: -50 dB.
const SILENT: f32 = 0.003;

/// A spoken description.
#[derive(Clone, PartialEq, Debug)]
pub struct Voice {
    /// Number of the first sample, counted from the start of the recording.
    pub start: u64,
    /// Samples of one channel.
    pub samples: Vec<f32>,
}

impl Voice {
    fn end(&self) -> u64 {
        self.start.saturating_add(self.samples.len() as u64)
    }
}

/// Adds voices to interleaved samples.
#[derive(Clone, Debug)]
pub struct Mixer {
    channels: usize,
    /// Samples of a ramp.
    ramp: u64,
    /// Voices in order of time. They do not overlap.
    voices: Vec<Voice>,
}

impl Mixer {
    /// Makes a mixer for audio with this many samples per second and channels. Of voices that
    /// overlap, all are heard.
    pub fn new(rate: u32, channels: usize, mut voices: Vec<Voice>) -> Self {
        voices.sort_by_key(|voice| voice.start);
        Mixer {
            channels: channels.max(1),
            ramp: u64::from(rate) * RAMP.millis() / 1000,
            voices,
        }
    }

    /// Returns the number of the sample after which nothing is changed.
    pub fn end(&self) -> u64 {
        let ends = self.voices.iter().map(Voice::end);
        ends.max().map_or(0, |end| end.saturating_add(self.ramp))
    }

    /// Mixes the samples that begin with the sample of number `first` in each channel.
    pub fn mix(&self, first: u64, samples: &mut [f32]) {
        let end = first.saturating_add((samples.len() / self.channels) as u64);
        let near = |voice: &&Voice| {
            voice.start.saturating_sub(self.ramp) < end
                && first < voice.end().saturating_add(self.ramp)
        };
        let voices: Vec<&Voice> = self.voices.iter().filter(near).collect();
        if voices.is_empty() {
            return;
        }
        for (place, frame) in (first..).zip(samples.chunks_exact_mut(self.channels)) {
            let nearest = voices.iter().map(|voice| distance(voice, place)).min();
            let gain = self.gain(nearest.unwrap_or(u64::MAX));
            let spoken: f32 = voices.iter().map(|voice| sample(voice, place)).sum();
            for sample in frame {
                *sample = *sample * gain + spoken;
            }
        }
    }

    /// Returns the factor for audio at this distance from a voice, in samples.
    fn gain(&self, distance: u64) -> f32 {
        if distance >= self.ramp {
            return 1.0;
        }
        let share = 1.0 - distance as f64 / self.ramp as f64;
        10f64.powf(DUCKED * share / 20.0) as f32
    }
}

/// Returns samples without the silence before the first word and after the last one.
pub fn trimmed(samples: &[f32]) -> &[f32] {
    let is_heard = |sample: &f32| sample.abs() > SILENT;
    let first = samples.iter().position(is_heard);
    let last = samples.iter().rposition(is_heard);
    match first.zip(last) {
        Some((first, last)) => samples.get(first..=last).unwrap_or_default(),
        None => &[],
    }
}

/// Makes voices as loud as the audio, whose loudness is given in LUFS, if it is known. All voices get
/// the same gain, and none is louder than fits on top of the audio.
pub fn loud_as(voices: &mut [Voice], loudness: Option<f64>, rate: u32) {
    let gain = match loudness.zip(loudness_of(voices, rate)) {
        Some((wanted, is)) => 10f64.powf((wanted - is) / 20.0) as f32,
        None => 1.0,
    };
    let samples = voices.iter().flat_map(|voice| &voice.samples);
    let peak = samples.fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    let gain = gain.min(LOUDEST / peak.max(f32::MIN_POSITIVE));
    let samples = voices.iter_mut().flat_map(|voice| &mut voice.samples);
    samples.for_each(|sample| *sample *= gain);
}

/// Returns the loudness of all voices together, in LUFS.
fn loudness_of(voices: &[Voice], rate: u32) -> Option<f64> {
    let mut meter = Meter::new(rate, 1)?;
    let mut at = Time::ZERO;
    for voice in voices {
        let seconds = voice.samples.len() as f64 / f64::from(rate);
        // The meter finds sound by its distance from the silence around it.
        let silence = Time::from_secs_f64(seconds.ceil());
        at = at.saturating_add(silence);
        meter.add(at, &voice.samples);
        at = at.saturating_add(silence);
    }
    loudness::loudness(&meter.phrases())
}

/// Returns the distance of a sample from a voice, zero within it.
fn distance(voice: &Voice, place: u64) -> u64 {
    let before = voice.start.saturating_sub(place);
    before.max((place + 1).saturating_sub(voice.end()))
}

/// Returns a voice's sample at this place.
fn sample(voice: &Voice, place: u64) -> f32 {
    let index = place.checked_sub(voice.start).map(usize::try_from);
    let index = index.and_then(Result::ok);
    let sample = index.and_then(|index| voice.samples.get(index));
    sample.copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 1000;

    fn voice(start: u64, length: usize) -> Voice {
        Voice {
            start,
            samples: vec![0.5; length],
        }
    }

    fn db(gain: f32) -> f64 {
        20.0 * f64::from(gain).log10()
    }

    #[test]
    fn audio_is_twelve_decibels_softer_under_a_voice_with_ramps_outside() {
        let mixer = Mixer::new(RATE, 1, vec![voice(1000, 500)]);
        assert_eq!(mixer.end(), 1700);
        let mut samples = vec![1.0; 2000];
        mixer.mix(0, &mut samples);
        assert!(samples.iter().take(800).all(|sample| *sample == 1.0));
        assert!(samples.iter().skip(1700).all(|sample| *sample == 1.0));
        assert!((db(samples[900]) + 6.0).abs() < 0.1);
        assert!((db(samples[1600]) + 6.0).abs() < 0.1);
        for place in [1000, 1250, 1499] {
            assert!((db(samples[place] - 0.5) + 12.0).abs() < 0.01, "{place}");
        }
    }

    #[test]
    fn voices_are_as_loud_as_the_audio_and_never_too_loud() {
        let tone = |n: usize| (n as f32 * 0.13).sin() * 0.1;
        let tones = || {
            let samples: Vec<f32> = (0..96_000).map(tone).collect();
            vec![Voice { start: 0, samples }]
        };
        let peak = |loudness| {
            let mut voices = tones();
            loud_as(&mut voices, loudness, 48_000);
            let samples = voices.iter().flat_map(|voice| &voice.samples);
            samples.fold(0.0f32, |peak, sample| peak.max(sample.abs()))
        };
        assert!((peak(None) - 0.1).abs() < 1e-3);
        let (soft, softer) = (peak(Some(-30.0)), peak(Some(-36.0)));
        assert!((db(soft) - db(softer) - 6.0).abs() < 0.1, "{soft} {softer}");
        assert!((peak(Some(0.0)) - LOUDEST).abs() < 1e-3);
    }

    #[test]
    fn silence_around_a_voice_is_removed() {
        let samples = [0.0, 0.001, -0.2, 0.0, 0.1, 0.002];
        assert_eq!(trimmed(&samples), [-0.2, 0.0, 0.1]);
        assert!(trimmed(&[0.0; 8]).is_empty());
    }

    #[test]
    fn pieces_are_mixed_like_the_whole() {
        let mixer = Mixer::new(RATE, 2, vec![voice(1200, 300), voice(100, 50)]);
        let whole: Vec<f32> = (0..4000).map(|n| n as f32 / 4000.0).collect();
        let mut at_once = whole.clone();
        mixer.mix(0, &mut at_once);
        let mut pieces = whole;
        for (n, piece) in pieces.chunks_mut(2 * 37).enumerate() {
            mixer.mix(37 * n as u64, piece);
        }
        assert_eq!(at_once, pieces);
    }

    #[test]
    fn the_audio_does_not_rise_between_two_near_voices() {
        let mixer = Mixer::new(RATE, 1, vec![voice(1000, 100), voice(1150, 100)]);
        let mut samples = vec![1.0; 1500];
        mixer.mix(0, &mut samples);
        let between = samples[1100..1150].iter().copied();
        assert!(between.fold(0.0, f32::max) < 0.36);
    }
}
