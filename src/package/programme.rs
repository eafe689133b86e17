// SPDX-License-Identifier: MPL-2.0

//! The renditions of a package: the tracks that playlists and manifests list.

use serde::{Deserialize, Serialize};

use crate::package::text::Text;
use crate::package::track::{Rates, Track};
use crate::timeline::Time;

/// A video rendition.
#[derive(Clone, PartialEq, Debug)]
pub struct Video {
    /// Its segments.
    pub track: Track,
    /// Name that distinguishes it from others, such as `720p`.
    pub name: String,
    /// Shorter side of the video in pixels.
    pub lines: u32,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames per second, as a fraction.
    pub frame_rate: (u32, u32),
}

/// Purpose of an audio rendition.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The programme's audio.
    #[default]
    Main,
    /// The programme's audio with a description of what is seen.
    Description,
}

impl Role {
    /// Returns the name used in files.
    pub fn name(self) -> &'static str {
        match self {
            Role::Main => "main",
            Role::Description => "description",
        }
    }
}

/// An audio rendition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audio {
    /// Its segments.
    pub track: Track,
    /// Label by which a listener chooses it.
    pub label: String,
    /// BCP 47 language tag, [`language::UNDETERMINED`](crate::language::UNDETERMINED) if unknown:
    /// every rendition has a LANGUAGE [8.10].
    pub language: String,
    /// Purpose.
    pub role: Role,
    /// Number of channels.
    pub channels: u16,
    /// Samples per second.
    pub rate: u32,
}

/// The content of a multivariant playlist.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Programme {
    /// Video renditions: those in H.264 first, for each codec the largest first.
    pub video: Vec<Video>,
    /// Audio renditions, the default first.
    pub audio: Vec<Audio>,
    /// Captions and other texts.
    pub text: Vec<Text>,
    /// Whether the package has chapters.
    pub chapters: bool,
}

impl Programme {
    /// Iterates over the tracks in the order of the playlist.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        let video = self.video.iter().map(|video| &video.track);
        video.chain(self.audio.iter().map(|audio| &audio.track))
    }

    /// Gives all tracks the same target duration, which players expect of renditions of one programme
    /// [8.2]: in a short one, segments of video end at a splice that segments of audio pass over.
    #[must_use]
    pub fn with_shared_target(mut self) -> Self {
        let target = self.tracks().map(Track::target_duration).max();
        let video = self.video.iter_mut().map(|video| &mut video.track);
        let audio = self.audio.iter_mut().map(|audio| &mut audio.track);
        for track in video.chain(audio) {
            track.shared_target = target.unwrap_or_default();
        }
        self
    }

    /// Returns the end of the longest track.
    pub fn duration(&self) -> Time {
        self.tracks().map(Track::end).max().unwrap_or_default()
    }

    /// Returns the bit rates of this video rendition including audio: the sum with the dearest
    /// audio rendition [9.1–9.15].
    pub fn rates_with_sound(&self, video: Rates) -> Rates {
        video + self.dearest_sound()
    }

    pub(in crate::package) fn dearest_sound(&self) -> Rates {
        let rates = || self.audio.iter().map(|audio| audio.track.rates());
        Rates {
            average: rates().map(|rates| rates.average).max().unwrap_or(0),
            peak: rates().map(|rates| rates.peak).max().unwrap_or(0),
        }
    }

    /// Iterates over the video renditions by codec, in their order.
    pub fn video_sets(&self) -> impl Iterator<Item = &[Video]> {
        self.video.chunk_by(|one, other| {
            sample_format(&one.track.codec) == sample_format(&other.track.codec)
        })
    }
}

/// Returns the sample format at the start of a codec string, such as `avc1` (RFC 6381).
pub(in crate::package) fn sample_format(codec: &str) -> &str {
    codec.split('.').next().unwrap_or(codec)
}
