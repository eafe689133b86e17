// SPDX-License-Identifier: MPL-2.0

//! Accounts of the decoded streams of a run: the amount of data, and the part of it without a
//! position in time.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use gstlecture::timeline::Time;

/// The accounts of all streams that a source has decoded.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<Mutex<Vec<Account>>>);

/// The account of one stream.
#[derive(Clone, Debug)]
pub struct Account {
    media: &'static str,
    entries: Arc<Mutex<Entries>>,
}

#[derive(Clone, Debug, Default)]
struct Entries {
    frames: u64,
    /// Number of frames whose time is missing or that of an earlier one.
    untimed: u64,
    samples: u64,
    length: Time,
    /// Length of the samples that overlap earlier ones.
    overlapped: Time,
}

/// A part of a stream that arrived and cannot be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    Frames { untimed: u64, all: u64 },
    Samples { overlapped: Time, all: Time },
}

impl Ledger {
    /// Opens the account of a stream.
    pub fn open(&self, media: &'static str) -> Account {
        let account = Account {
            media,
            entries: Arc::default(),
        };
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.push(account.clone());
        account
    }

    /// Returns the loss of each stream, if it is more than a recorder's own irregularities.
    pub fn losses(&self) -> Vec<Loss> {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().filter_map(Account::loss).collect()
    }
}

impl Account {
    /// Adds a frame, with or without a time of its own.
    pub fn add_frame(&self, has_own_time: bool) {
        self.enter(|entries| {
            entries.frames += 1;
            entries.untimed += u64::from(!has_own_time);
        });
    }

    /// Adds samples of this length. `overlapped` is the length of all that overlap earlier ones.
    pub fn add_samples(&self, samples: u64, length: Time, overlapped: Time) {
        self.enter(|entries| {
            entries.samples += samples;
            entries.length = entries.length.saturating_add(length);
            entries.overlapped = overlapped;
        });
    }

    fn enter(&self, change: impl FnOnce(&mut Entries)) {
        change(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn loss(&self) -> Option<Loss> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.loss(self.media)
    }
}

impl Entries {
    fn loss(&self, media: &str) -> Option<Loss> {
        // A few frames share a time if a recorder stumbles, and clocks drift by less.
        let frames = Loss::Frames {
            untimed: self.untimed,
            all: self.frames,
        };
        let samples = Loss::Samples {
            overlapped: self.overlapped,
            all: self.length,
        };
        match media {
            "video" => (self.untimed > 5 && self.untimed * 20 > self.frames).then_some(frames),
            _ => {
                let many = self.overlapped.nanos().saturating_mul(50) > self.length.nanos();
                (many && self.overlapped > Time::SECOND).then_some(samples)
            }
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Loss::Frames { untimed, all } => write!(
                f,
                "{untimed} of the {all} video frames have no time of their own in this file"
            ),
            Loss::Samples { overlapped, all } => write!(
                f,
                "{:.1} of {:.1} seconds of audio have the time of other audio in this file",
                overlapped.secs_f64(),
                all.secs_f64()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_samples_without_a_place_are_a_loss() {
        let ledger = Ledger::default();
        let (video, audio) = (ledger.open("video"), ledger.open("audio"));
        for n in 0..100 {
            video.add_frame(n % 50 != 0);
            audio.add_samples(48_000, Time::SECOND, Time::from_millis(900));
        }
        assert_eq!(ledger.losses(), []);
        for _ in 0..50 {
            video.add_frame(false);
        }
        audio.add_samples(48_000, Time::SECOND, Time::from_secs(5));
        let losses: Vec<String> = ledger.losses().iter().map(Loss::to_string).collect();
        assert_eq!(
            losses,
            [
                "52 of the 150 video frames have no time of their own in this file",
                "5.0 of 101.0 seconds of audio have the time of other audio in this file",
            ]
        );
    }
}
