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
    /// Number of frames whose time is that of an earlier one, or missing in too long a row.
    untimed: u64,
    /// Number of frames without a time since the last one with a time.
    guessed: u64,
    samples: u64,
    length: Time,
    /// Length of the samples that overlap earlier ones.
    overlapped: Time,
}

/// The time that a frame has of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnTime {
    Present,
    /// None that can be used: that of an earlier frame, or none where a muxer drops such frames.
    Lost,
    /// None; the frames before it and their rate give it one.
    Missing,
}

/// Frames without a time in a row that the next frame with one confirms: a program stream has one time
/// in a packet of several frames.
const MOST_GUESSED: u64 = 30;

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
    /// Adds a frame.
    pub fn add_frame(&self, own: OwnTime) {
        self.enter(|entries| {
            entries.frames += 1;
            match own {
                OwnTime::Missing => entries.guessed += 1,
                OwnTime::Lost => entries.untimed += 1,
                OwnTime::Present => {
                    entries.untimed += entries.long_row();
                    entries.guessed = 0;
                }
            }
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
    /// Returns the number of frames in the present row without times, if it is too long.
    fn long_row(&self) -> u64 {
        match self.guessed > MOST_GUESSED {
            true => self.guessed,
            false => 0,
        }
    }

    fn loss(&self, media: &str) -> Option<Loss> {
        let untimed = self.untimed + self.long_row();
        // A few frames share a time if a recorder stumbles, and clocks drift by less.
        let frames = Loss::Frames {
            untimed,
            all: self.frames,
        };
        let samples = Loss::Samples {
            overlapped: self.overlapped,
            all: self.length,
        };
        match media {
            "video" => (untimed > 5 && untimed * 20 > self.frames).then_some(frames),
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

    const PRESENT: OwnTime = OwnTime::Present;

    #[test]
    fn frames_and_samples_without_a_place_are_a_loss() {
        let ledger = Ledger::default();
        let (video, audio) = (ledger.open("video"), ledger.open("audio"));
        for n in 0..100 {
            video.add_frame(if n % 50 == 0 { OwnTime::Lost } else { PRESENT });
            audio.add_samples(48_000, Time::SECOND, Time::from_millis(900));
        }
        assert_eq!(ledger.losses(), []);
        for _ in 0..50 {
            video.add_frame(OwnTime::Lost);
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

    #[test]
    fn missing_times_are_a_loss_unless_the_next_one_comes_soon() {
        let of_rows = |row: u64, rows: u64| {
            let ledger = Ledger::default();
            let video = ledger.open("video");
            for _ in 0..rows {
                video.add_frame(PRESENT);
                for _ in 1..row {
                    video.add_frame(OwnTime::Missing);
                }
            }
            ledger.losses()
        };
        assert_eq!(of_rows(15, 100), []);
        let all = |untimed, all| [Loss::Frames { untimed, all }];
        assert_eq!(of_rows(50, 1), all(49, 50));
        assert_eq!(of_rows(50, 2), all(98, 100));
    }
}
