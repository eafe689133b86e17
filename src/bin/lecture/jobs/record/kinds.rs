// SPDX-License-Identifier: MPL-2.0

//! Where a recording comes from, and what is written of it.

use crate::options::{FromText, Wrong};

/// The source of a recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum From {
    LiveKit,
    Rtp,
    Whip,
    Web,
    Test,
}

impl FromText for From {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text {
            "livekit" => Ok(From::LiveKit),
            "rtp" => Ok(From::Rtp),
            "whip" => Ok(From::Whip),
            "web" => Ok(From::Web),
            "test" => Ok(From::Test),
            _ => Err(Wrong::Form("write livekit, rtp, whip, web or test")),
        }
    }
}

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Tracks,
    Composite,
    Auto,
    Audio,
}

impl Mode {
    /// Returns whether every track has a file.
    pub fn has_tracks(self) -> bool {
        matches!(self, Mode::Tracks | Mode::Auto)
    }

    /// Returns the file of the whole room, if there is one.
    pub fn file(self) -> Option<&'static str> {
        match self {
            Mode::Tracks => None,
            Mode::Composite | Mode::Auto => Some("composite.mkv"),
            Mode::Audio => Some("audio.mka"),
        }
    }
}

impl FromText for Mode {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text {
            "tracks" => Ok(Mode::Tracks),
            "composite" => Ok(Mode::Composite),
            "auto" => Ok(Mode::Auto),
            "audio" => Ok(Mode::Audio),
            _ => Err(Wrong::Form("write tracks, composite, auto or audio")),
        }
    }
}
