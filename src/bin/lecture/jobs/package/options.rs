// SPDX-License-Identifier: MPL-2.0

//! Variables of `package`.

use std::path::PathBuf;

use gstlecture::package::coding::{Codecs, CodecsError};
use gstlecture::package::cost::Pricing;
use gstlecture::package::ladder::Ladder;

use crate::class::texts::TextOptions;
use crate::jobs::recording::SourceOptions;
use crate::media::loudness::Target;
use crate::media::voice::SpeakCommand;
use crate::options::{FromText, Wrong, options};

options! {
    /// Variables of `package`.
    pub struct PackageOptions {
        /// the recording, or the folder of a session; without it the sample class of the repository
        "input" (optional) => input: Option<String>,
        /// the class's folder
        "output" (default "OUT") => output: PathBuf,
        /// the class's title; default: the title tag of the recording, else its file name
        "title" (optional) => title: Option<String>,
        /// renditions: camera (1080p, 720p, 540p, 360p), screen (all at the size of the source, so that
        /// text stays legible; the lower one has fewer frames per second), auto (screen if the analysis
        /// found one, else camera), or heights separated by commas
        "ladder" (default "auto") => ladder: LadderText,
        /// codecs of each rendition, separated by commas: h264, which every player supports, and also
        /// h265 or av1, which need fewer bytes and several times the encoding time; players choose the
        /// last one that they support
        "codecs" (default "h264") as Codecs,
        /// x264 rate factor below the bitrate ceilings of the ladder; lower is better and larger (the
        /// ladders camera and screen derive a value for each rendition)
        "quality" (default "23"),
        /// encoder effort, from ultrafast to veryslow; slower makes smaller files
        "preset" (default "veryfast"),
        /// segment duration in seconds
        "segment-duration" (default "6") => segment_duration: Seconds,
        /// longest interval between key frames in seconds
        "keyframe-interval" (default "6"),
        /// target loudness in LUFS, from the measurement of analyse; raises quiet speakers and keeps
        /// true peaks below -1 dBTP; off leaves the audio as it is
        "loudness" (default "-16") => loudness: Target,
        /// true speaks the WebVTT descriptions of the drafts into an audio description, in each language
        /// without a recorded one
        "speak" (default "false") => speak: bool,
        /// the program that speaks: a text on its input, WAV on its output; {language} is replaced by
        /// the language tag; no shell is involved, quotes keep words together
        "speak-command" (default "espeak-ng --stdin --stdout -v {language}") => speak_command: SpeakCommand,
        /// longest time in seconds that the program may take for one text
        "speak-timeout" (default "60") => speak_timeout: Seconds,
        /// the H.264 encoder element
        "video-encoder" (default "x264enc"),
        /// true adds class.mp4, the whole class in one file with its chapters
        "mp4" (default "false") => mp4: bool,
        /// share of the video to watch for completion, 0 to 1
        "completion-threshold" (default "0.9") => completion_threshold: Share,
        /// number of views, for the cost estimate in the manifest
        "views" (default "1000") => views: u64,
        /// USD per GB (10^9 bytes) stored per month; the default is the list price of Amazon S3
        /// Standard, us-east-1, first 50 TB
        "storage-rate" (default "0.023") => storage_rate: Price,
        /// USD per GB delivered; the default is the list price of Amazon CloudFront, United States and
        /// Europe, first 10 TB per month
        "delivery-rate" (default "0.085") => delivery_rate: Price,
    }
    groups { texts: TextOptions, source: SourceOptions }
}

impl PackageOptions {
    /// Returns the rates for the cost estimate.
    pub fn pricing(&self) -> Pricing {
        Pricing::new(self.views, self.storage_rate.0, self.delivery_rate.0)
    }
}

/// A valid [`Ladder`] as it was written; catalogsink takes the text.
#[derive(Clone, Debug)]
pub struct LadderText(pub String);

impl FromText for LadderText {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text.parse::<Ladder>() {
            Ok(_) => Ok(LadderText(text.to_owned())),
            Err(error) => Err(Wrong::Because(error.to_string())),
        }
    }
}

impl FromText for Codecs {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        text.parse()
            .map_err(|error: CodecsError| Wrong::Because(error.to_string()))
    }
}

/// A number of seconds, at least 0.
#[derive(Clone, Copy, Debug)]
pub struct Seconds(pub f64);

impl FromText for Seconds {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        number(text, f64::MAX)
            .map(Seconds)
            .ok_or(Wrong::Form("write a number of seconds"))
    }
}

/// A share, 0 to 1.
#[derive(Clone, Copy, Debug)]
pub struct Share(pub f64);

impl FromText for Share {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        number(text, 1.0)
            .map(Share)
            .ok_or(Wrong::Form("write a number from 0 to 1"))
    }
}

/// A price in USD per GB, up to a million.
#[derive(Clone, Copy, Debug)]
pub struct Price(f64);

impl FromText for Price {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        number(text, 1e6)
            .map(Price)
            .ok_or(Wrong::Form("write a price in USD per GB, for example 0.05"))
    }
}

/// Parses a number from 0 to `largest`.
fn number(text: &str, largest: f64) -> Option<f64> {
    let number = text.parse().ok()?;
    (0.0..=largest).contains(&number).then_some(number)
}
