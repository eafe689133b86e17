// SPDX-License-Identifier: MPL-2.0

//! Raw audio → when somebody speaks.

use crate::timeline::{Span, Time};

/// What the speech network takes.
const RATE: u32 = 16_000;
const FRAME: usize = 256;
/// Above this somebody speaks; once somebody does, until it stays below `STOPS`.
const STARTS: f32 = 0.5;
const STOPS: f32 = 0.3;
/// Shorter gaps are breath, shorter sounds are no speech.
const GAP: Time = Time::from_millis(400);
const SHORTEST: Time = Time::from_millis(200);

/// Listens to one stream of samples.
pub struct Listener {
    rate: u32,
    network: earshot::Detector,
    /// The samples of a frame at 16 kHz, and the time of the next one.
    frame: Vec<i16>,
    next: Option<Time>,
    /// The mean that the next sample is made of.
    sum: f32,
    count: u32,
    phase: u32,
    speaking: Option<Span>,
    spans: Vec<Span>,
}

impl Listener {
    /// For mono samples at `rate` Hz.
    pub fn new(rate: u32) -> Self {
        Listener {
            rate: rate.max(1),
            network: earshot::Detector::default(),
            frame: Vec::with_capacity(FRAME),
            next: None,
            sum: 0.0,
            count: 0,
            phase: 0,
            speaking: None,
            spans: Vec::new(),
        }
    }

    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// Takes samples, 1 being full scale, the first of them at `time`.
    pub fn push(&mut self, time: Time, samples: impl Iterator<Item = f32>) {
        let expected = self.next.unwrap_or(time);
        if expected.abs_diff(time) > Time::from_millis(100) {
            self.frame.clear();
            self.next = Some(time);
        }
        self.next.get_or_insert(time);
        for sample in samples {
            self.sum += sample;
            self.count += 1;
            self.phase += RATE;
            while self.phase >= self.rate {
                self.phase -= self.rate;
                if self.count > 0 {
                    let mean = self.sum / self.count as f32;
                    self.frame.push((mean * f32::from(i16::MAX)) as i16);
                    (self.sum, self.count) = (0.0, 0);
                } else if let Some(&last) = self.frame.last() {
                    self.frame.push(last);
                }
                self.hear();
            }
        }
    }

    fn hear(&mut self) {
        let (Ok(frame), Some(start)) = (<&[i16; FRAME]>::try_from(&self.frame[..]), self.next)
        else {
            return;
        };
        let score = self.network.predict_i16(frame);
        self.frame.clear();
        let length = Time::from_nanos(FRAME as u64 * Time::SECOND.nanos() / u64::from(RATE));
        let end = start.saturating_add(length);
        self.next = Some(end);
        let threshold = match self.speaking {
            Some(span) if start.saturating_sub(span.end) < GAP => STOPS,
            _ => STARTS,
        };
        if score < threshold {
            return;
        }
        match &mut self.speaking {
            Some(span) if start.saturating_sub(span.end) < GAP => span.end = end,
            speaking => {
                self.spans.extend(speaking.replace(Span::new(start, end)));
            }
        }
    }

    /// When somebody spoke.
    pub fn finish(mut self) -> Vec<Span> {
        self.spans.extend(self.speaking);
        self.spans.retain(|span| span.duration() >= SHORTEST);
        self.spans
    }
}
