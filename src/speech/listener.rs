// SPDX-License-Identifier: MPL-2.0

//! Detects speech and music in samples.

use std::collections::VecDeque;

use earshot::Detector;

use super::activity::{Activity, FRAME, Frame};
use super::mono::{Mono, RATE};
use super::music::{HOP, Music};
use super::voice_over::VoiceOver;
use crate::timeline::{Span, Time};

/// Largest jump of a stream after which it is continued.
const JUMP: Time = Time::from_millis(40);
/// Level (dBFS) to which quiet voices are raised for the detector …
const VOICE_LEVEL: f32 = -26.0;
/// … but never by more than this many decibels, …
const MAX_GAIN: f32 = 36.0;
/// … nor so far that the noise exceeds this level: loud noise scores as a voice.
const NOISE_LEVEL: f32 = -58.0;
/// Decay of the loudest level, in decibels per second.
const FORGET: f32 = 0.3;
/// The noise floor is the lowest smoothed level of this many blocks of `FLOOR_BLOCK` frames: 12 s,
/// longer than anybody speaks without taking breath.
const FLOOR_BLOCKS: usize = 24;
const FLOOR_BLOCK: usize = 32;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Speech,
    Music,
    /// Somebody may be speaking over music.
    SpeechOverMusic,
}

/// A detected sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sound {
    pub kind: Kind,
    pub span: Span,
}

/// Analyses a stream of samples. Results are some seconds late.
pub struct Listener {
    format: Option<(u32, usize)>,
    mono: Option<Mono>,
    /// Samples at 16 kHz that do not fill a frame yet.
    samples: Vec<f32>,
    /// Time at which the stream was last joined, and samples (at its own rate) since.
    joined: Time,
    pushed: u64,
    frames: u64,
    detector: Box<Detector>,
    music: Music,
    activity: Activity,
    levels: Levels,
    /// Frames that wait for the decision about music.
    waiting: VecDeque<Frame>,
    /// Tonality of those frames, as far as it is known, oldest first.
    tonalities: VecDeque<f32>,
    over_music: VoiceOver,
    /// Music that is currently playing.
    playing: Option<Span>,
    heard: Vec<Sound>,
}

impl Listener {
    /// Makes a listener; `threshold` is the score (0 to 1) from which a frame counts as a voice.
    pub fn new(threshold: f32) -> Self {
        Listener {
            format: None,
            mono: None,
            samples: Vec::new(),
            joined: Time::ZERO,
            pushed: 0,
            frames: 0,
            detector: Box::default(),
            music: Music::default(),
            activity: Activity::new(threshold),
            levels: Levels::default(),
            waiting: VecDeque::new(),
            tonalities: VecDeque::new(),
            over_music: VoiceOver::default(),
            playing: None,
            heard: Vec::new(),
        }
    }

    /// Adds interleaved samples (-1 to 1); `time` is that of the first one. A rate or a channel
    /// count of zero is ignored.
    pub fn push(&mut self, time: Time, rate: u32, channels: usize, samples: &[f32]) {
        let expected = self.joined.saturating_add(duration(self.pushed, rate));
        if self.format != Some((rate, channels)) || expected.abs_diff(time) > JUMP {
            self.join(time, rate, channels);
        }
        let Some(mono) = &mut self.mono else { return };
        self.pushed += (samples.len() / channels) as u64;
        mono.push(samples, &mut self.samples);
        let mut samples = std::mem::take(&mut self.samples);
        let whole = samples.len() / HOP * HOP;
        for frame in samples[..whole].chunks_exact_mut(HOP) {
            self.frame(frame);
        }
        samples.drain(..whole);
        self.samples = samples;
    }

    /// Decides everything undecided, because the stream ends or jumps.
    pub fn finish(&mut self) {
        let mut decided = Vec::new();
        self.music.finish(|music| decided.push(music));
        self.settle(decided);
        if let Some(span) = self.activity.finish() {
            self.speech(span);
        }
        self.end_music();
        self.waiting.clear();
        self.tonalities.clear();
        self.music = Music::default();
        self.detector.reset();
        self.samples.clear();
        self.format = None;
        self.mono = None;
    }

    /// Returns the sounds since the last call, each kind in order of time.
    pub fn drain(&mut self) -> Vec<Sound> {
        std::mem::take(&mut self.heard)
    }

    fn join(&mut self, time: Time, rate: u32, channels: usize) {
        self.finish();
        self.format = Some((rate, channels));
        self.mono = Mono::new(rate, channels);
        self.joined = time;
        self.pushed = 0;
        self.frames = 0;
    }

    fn frame(&mut self, samples: &mut [f32]) {
        let start = self
            .joined
            .saturating_add(Time::from_nanos(FRAME.nanos() * self.frames));
        self.frames += 1;
        // Also removes invalid samples: NaN and values beyond full scale.
        for sample in samples.iter_mut() {
            *sample = if sample.is_nan() {
                0.0
            } else {
                sample.clamp(-1.0, 1.0)
            };
        }
        let power = samples.iter().map(|s| s * s).sum::<f32>() / HOP as f32;
        let level = 10.0 * (power + 1e-10).log10();
        let (gain, floor) = self.levels.push(level);
        let mut decided = Vec::new();
        let tonality = self.music.push(samples, |music| decided.push(music));
        self.tonalities.extend(tonality);
        for sample in samples.iter_mut() {
            *sample = (*sample * gain).clamp(-1.0, 1.0);
        }
        let score = self.detector.predict_f32(samples);
        self.waiting.push_back(Frame {
            start,
            score,
            level,
            floor,
        });
        self.settle(decided);
    }

    fn settle(&mut self, decided: Vec<bool>) {
        for music in decided {
            let Some(mut frame) = self.waiting.pop_front() else {
                return;
            };
            let end = frame.start.saturating_add(FRAME);
            let tonality = self.tonalities.pop_front();
            if music {
                let playing = self.playing.get_or_insert(Span::new(frame.start, end));
                playing.end = end;
                let over = tonality.and_then(|tonality| self.over_music.push(frame, tonality));
                self.over_music(over);
                frame.score = 0.0;
            } else {
                self.end_music();
            }
            let ended = self.activity.push(frame);
            if let Some(span) = ended {
                self.speech(span);
            }
        }
    }

    fn speech(&mut self, span: Span) {
        let kind = Kind::Speech;
        self.heard.push(Sound { kind, span });
    }

    fn over_music(&mut self, span: Option<Span>) {
        let kind = Kind::SpeechOverMusic;
        self.heard.extend(span.map(|span| Sound { kind, span }));
    }

    fn end_music(&mut self) {
        let over = self.over_music.finish();
        self.over_music(over);
        if let Some(span) = self.playing.take() {
            let kind = Kind::Music;
            self.heard.push(Sound { kind, span });
        }
    }
}

fn duration(samples: u64, rate: u32) -> Time {
    let nanos = u128::from(samples) * 1_000_000_000 / u128::from(rate.max(1));
    Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Follows the loudest and the lowest level.
struct Levels {
    loudest: f32,
    smooth: f32,
    lowest: f32,
    count: usize,
    blocks: VecDeque<f32>,
}

impl Default for Levels {
    fn default() -> Self {
        Levels {
            loudest: -90.0,
            smooth: -90.0,
            lowest: 0.0,
            count: 0,
            blocks: VecDeque::with_capacity(FLOOR_BLOCKS),
        }
    }
}

impl Levels {
    /// Adds a frame's level; returns the gain for the detector (factor) and the floor (dBFS).
    fn push(&mut self, level: f32) -> (f32, f32) {
        self.smooth = if self.count == 0 && self.blocks.is_empty() {
            level
        } else {
            self.smooth + 0.2 * (level - self.smooth)
        };
        self.loudest = (self.loudest - FORGET * FRAME.secs_f64() as f32).max(self.smooth);
        self.lowest = self.lowest.min(self.smooth);
        self.count += 1;
        if self.count == FLOOR_BLOCK {
            if self.blocks.len() == FLOOR_BLOCKS {
                self.blocks.pop_front();
            }
            self.blocks.push_back(self.lowest);
            self.lowest = 0.0;
            self.count = 0;
        }
        let floor = self.blocks.iter().copied().fold(self.lowest, f32::min);
        // Digital silence is not a noise floor against which a voice could be measured.
        let floor = floor.max(-75.0);
        let gain = (VOICE_LEVEL - self.loudest)
            .min(NOISE_LEVEL - floor)
            .clamp(0.0, MAX_GAIN);
        (10f32.powf(gain / 20.0), floor)
    }
}

const _: () = assert!(HOP as u64 * 1_000_000_000 / RATE as u64 == FRAME.nanos());
