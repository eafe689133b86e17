// SPDX-License-Identifier: MPL-2.0

//! The renditions of a package: the tracks that playlists and manifests list.

use serde::{Deserialize, Serialize};

use crate::package::text::Text;
use crate::package::track::{Rates, Track};
use crate::timeline::Time;

/// One rendition of the picture.
#[derive(Clone, PartialEq, Debug)]
pub struct Video {
    /// Its segments.
    pub track: Track,
    /// What it goes by beside the others, as in `720p`.
    pub name: String,
    /// The shorter side of the picture in pixels.
    pub lines: u32,
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames a second, as a fraction.
    pub frame_rate: (u32, u32),
}

/// What an audio rendition is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The programme's sound.
    #[default]
    Main,
    /// The programme's sound with a description of what is seen.
    Description,
}

impl Role {
    /// The name that it goes by in files.
    pub fn name(self) -> &'static str {
        match self {
            Role::Main => "main",
            Role::Description => "description",
        }
    }
}

/// One rendition of the sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audio {
    /// Its segments.
    pub track: Track,
    /// What a listener chooses it by.
    pub label: String,
    /// A language tag of BCP 47, [`language::UNDETERMINED`](crate::language::UNDETERMINED) where there is none: every rendition has a
    /// LANGUAGE [8.10].
    pub language: String,
    /// What it is for.
    pub role: Role,
    /// Number of channels.
    pub channels: u16,
    /// Samples a second.
    pub rate: u32,
}

/// What a multivariant playlist lists.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Programme {
    /// Renditions of the picture: those in H.264 first, of each codec the largest first.
    pub video: Vec<Video>,
    /// Renditions of the sound, the default first.
    pub audio: Vec<Audio>,
    /// Captions and other texts.
    pub text: Vec<Text>,
    /// Whether there are chapters beside the playlist.
    pub chapters: bool,
}

impl Programme {
    /// The tracks, in the order of the playlist.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        let video = self.video.iter().map(|video| &video.track);
        video.chain(self.audio.iter().map(|audio| &audio.track))
    }

    /// Where the longest track ends.
    pub fn duration(&self) -> Time {
        self.tracks().map(Track::end).max().unwrap_or_default()
    }

    /// The rates that a viewer of this rendition of the picture gets, sound included: the sum
    /// with the dearest audio rendition [9.1–9.15].
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

    /// The renditions of the picture by their codecs, in the order in which they stand.
    pub fn video_sets(&self) -> impl Iterator<Item = &[Video]> {
        self.video.chunk_by(|one, other| {
            sample_format(&one.track.codec) == sample_format(&other.track.codec)
        })
    }
}

/// The sample format that a codec's name starts with, as `avc1` does (RFC 6381).
pub(in crate::package) fn sample_format(codec: &str) -> &str {
    codec.split('.').next().unwrap_or(codec)
}
