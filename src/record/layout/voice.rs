// SPDX-License-Identifier: MPL-2.0

//! One person's voice: speaking or not, how loud, since when.

use crate::timeline::Time;

/// Loudness at which speech begins, in dBFS.
const SPEECH_ON: f32 = -40.0;
/// Loudness below which speech may end, in dBFS. Between the two nothing changes.
const SPEECH_OFF: f32 = -50.0;
/// Silence after which speech has ended. Opus sends nothing in silence, so missing levels count.
const RELEASE: Time = Time::from_millis(600);
/// Time constant of the smoothed loudness, in seconds.
const SMOOTHING: f32 = 0.5;
/// The lowest level that RFC 6464 knows.
const SILENCE: f32 = -127.0;

/// The end of what was heard so far.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Heard {
    /// Speaks until told otherwise.
    Open,
    /// The last level that counts as speech.
    Until(Time),
}

/// The state of a voice.
#[derive(Clone, Debug, Default)]
pub(super) struct Voice {
    /// Smoothed loudness in dBFS and when it was measured.
    level: Option<(f32, Time)>,
    speech: Option<(Time, Heard)>,
    /// Since when this voice has a claim on the stage; kept by the floor.
    pub(super) claim: Option<Time>,
    /// The start of its turn while it speaks, the end of its last turn otherwise. Speech shorter
    /// than the attack time is not a turn.
    pub(super) last_turn: Option<Time>,
    is_in_turn: bool,
}

impl Voice {
    /// Takes a measured level.
    pub(super) fn hear(&mut self, now: Time, decibels: f32) {
        let decibels = if decibels.is_finite() {
            decibels.clamp(SILENCE, 0.0)
        } else {
            SILENCE
        };
        self.level = Some(match self.level {
            Some((level, time)) => {
                let passed = now.saturating_sub(time).secs_f64() as f32;
                let weight = 1.0 - (-passed / SMOOTHING).exp();
                (level + (decibels - level) * weight, now)
            }
            None => (decibels, now),
        });
        match &mut self.speech {
            Some((_, heard)) if decibels >= SPEECH_OFF => *heard = Heard::Until(now),
            Some((_, heard)) if *heard == Heard::Open => *heard = Heard::Until(now),
            None if decibels >= SPEECH_ON => self.speech = Some((now, Heard::Until(now))),
            _ => {}
        }
    }

    pub(super) fn set_speaking(&mut self, now: Time, speaking: bool) {
        match (speaking, self.speech) {
            (true, Some((since, _))) => self.speech = Some((since, Heard::Open)),
            (true, None) => self.speech = Some((now, Heard::Open)),
            (false, _) => self.silence(now),
        }
    }

    /// Ends speech at once.
    pub(super) fn silence(&mut self, now: Time) {
        if self.is_in_turn {
            self.last_turn = Some(now);
        }
        self.is_in_turn = false;
        self.speech = None;
        self.claim = None;
        self.level = None;
    }

    /// Ends speech that was last heard too long ago, and notes speech that has become a turn.
    pub(super) fn settle(&mut self, now: Time, attack: Time) {
        if let Some((_, Heard::Until(time))) = self.speech
            && now >= time.saturating_add(RELEASE)
        {
            self.silence(time);
        }
        if let Some((since, _)) = self.speech
            && !self.is_in_turn
            && self.is_heard_since(since, now, attack)
        {
            self.is_in_turn = true;
            self.last_turn = Some(since);
        }
    }

    pub(super) fn is_speaking(&self) -> bool {
        self.speech.is_some()
    }

    /// Whether it has spoken for at least the attack time.
    pub(super) fn is_in_turn(&self) -> bool {
        self.is_in_turn
    }

    /// Whether speech was heard for at least `length` from `since` on.
    pub(super) fn is_heard_since(&self, since: Time, now: Time, length: Time) -> bool {
        let end = match self.speech {
            Some((_, Heard::Open)) => now,
            Some((_, Heard::Until(time))) => time,
            None => return false,
        };
        end >= since.saturating_add(length)
    }

    /// The time from which [`Voice::is_heard_since`] holds without another event; `None` if it
    /// depends on further levels.
    pub(super) fn heard_at(&self, since: Time, length: Time) -> Option<Time> {
        let time = since.saturating_add(length);
        match self.speech {
            Some((_, Heard::Open)) => Some(time),
            Some((_, Heard::Until(end))) if end >= time => Some(time),
            _ => None,
        }
    }

    /// The smoothed loudness in dBFS, if levels are known.
    pub(super) fn level(&self) -> Option<f32> {
        self.level.map(|(level, _)| level)
    }

    /// The times at which [`Voice::settle`] changes something without another event.
    pub(super) fn deadlines(&self, attack: Time) -> impl Iterator<Item = Time> {
        let times = match self.speech {
            Some((since, Heard::Open)) => [Some(since.saturating_add(attack)), None],
            Some((_, Heard::Until(time))) => [None, Some(time.saturating_add(RELEASE))],
            None => [None, None],
        };
        times.into_iter().flatten()
    }
}
