// SPDX-License-Identifier: MPL-2.0

//! The element's properties.

use std::path::PathBuf;

use gst::glib;
use gst::prelude::*;

use super::pad::text;
use crate::package::coding::Codecs;
use crate::package::ladder::Ladder;
use crate::timeline::Time;

/// Time that x264 spends on a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstCatalogSinkPreset")]
#[rustfmt::skip]
pub enum Preset {
    #[enum_value(name = "Fastest, largest files", nick = "ultrafast")] Ultrafast,
    #[enum_value(name = "Very much faster", nick = "superfast")] Superfast,
    #[default]
    #[enum_value(name = "Much faster", nick = "veryfast")] Veryfast,
    #[enum_value(name = "Faster", nick = "faster")] Faster,
    #[enum_value(name = "A bit faster", nick = "fast")] Fast,
    #[enum_value(name = "The encoder's own default", nick = "medium")] Medium,
    #[enum_value(name = "Slow", nick = "slow")] Slow,
    #[enum_value(name = "Slower", nick = "slower")] Slower,
    #[enum_value(name = "Slowest, smallest files", nick = "veryslow")] Veryslow,
}

impl Preset {
    /// Returns x264's name of it.
    pub fn nick(self) -> String {
        let value = self.to_value();
        match glib::EnumValue::from_value(&value) {
            Some((_, value)) => value.nick().to_owned(),
            None => String::new(),
        }
    }
}

#[derive(Clone)]
pub struct Settings {
    pub location: Option<PathBuf>,
    /// The ladder as the user wrote it; parsed when a run starts, so that a wrong one is one clear
    /// error.
    pub ladder: String,
    /// The codecs as the user wrote them; parsed like the ladder.
    pub codecs: String,
    pub quality: u32,
    pub preset: Preset,
    pub segment_duration: f64,
    pub keyframe_interval: f64,
    pub keyframe_times: Option<String>,
    pub duration: f64,
    pub video_encoder: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            location: None,
            ladder: Ladder::Auto.to_string(),
            codecs: Codecs::default().to_string(),
            quality: 23,
            preset: Preset::default(),
            segment_duration: 6.0,
            keyframe_interval: 6.0,
            keyframe_times: None,
            duration: 0.0,
            video_encoder: "x264enc".into(),
        }
    }
}

impl Settings {
    pub fn properties() -> Vec<glib::ParamSpec> {
        let default = Settings::default();
        vec![
            glib::ParamSpecString::builder("location")
                .nick("Location")
                .blurb(
                    "Folder to write the package to; it is created if it is missing, and must be \
                     empty",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecString::builder("ladder")
                .nick("Ladder")
                .blurb(
                    "Video renditions: \"camera\" (1080p, 720p, 540p and 360p, up to the size of \
                     the source), \"screen\" (all at the size of the source, up to 1080p, so \
                     that text stays legible; the lower ones have fewer frames per second), \
                     \"auto\" (the same as camera, because the element does not analyse the \
                     video), or heights separated by commas",
                )
                .default_value(Some(default.ladder.as_str()))
                .mutable_ready()
                .build(),
            glib::ParamSpecString::builder("codecs")
                .nick("Codecs")
                .blurb(
                    "Codecs of each video rendition, separated by commas: \"h264\", which every \
                     player supports and which is always made, \"h265\" (x265enc) and \"av1\" \
                     (av1enc), which need fewer bytes and more time; players choose the last one \
                     that they support",
                )
                .default_value(Some(default.codecs.as_str()))
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt::builder("quality")
                .nick("Quality")
                .blurb(
                    "Constant quality as an x264 rate factor, below the bitrate ceiling of the \
                     ladder; lower is better and larger",
                )
                .minimum(1)
                .maximum(50)
                .default_value(default.quality)
                .mutable_ready()
                .build(),
            glib::ParamSpecEnum::builder_with_default("preset", default.preset)
                .nick("Preset")
                .blurb("Encoder effort; slower presets make smaller files")
                .mutable_ready()
                .build(),
            glib::ParamSpecDouble::builder("segment-duration")
                .nick("Segment duration")
                .blurb("Segment duration in seconds")
                .minimum(1.0)
                .maximum(60.0)
                .default_value(default.segment_duration)
                .mutable_ready()
                .build(),
            glib::ParamSpecDouble::builder("keyframe-interval")
                .nick("Key-frame interval")
                .blurb(
                    "Longest interval between two key frames in seconds; every segment starts \
                     with a key frame",
                )
                .minimum(0.1)
                .maximum(60.0)
                .default_value(default.keyframe_interval)
                .mutable_ready()
                .build(),
            glib::ParamSpecString::builder("keyframe-times")
                .nick("Key-frame times")
                .blurb(
                    "Times of additional key frames, for example slide changes, in seconds of \
                     the package, separated by commas (default: none)",
                )
                .mutable_ready()
                .build(),
            glib::ParamSpecDouble::builder("duration")
                .nick("Duration")
                .blurb(
                    "Duration of the package in seconds, if some of its streams are packaged \
                     separately: shorter audio and video are padded, a longer audio description \
                     is clipped (0: duration of the longest stream)",
                )
                .minimum(0.0)
                .maximum(1e9)
                .default_value(default.duration)
                .mutable_ready()
                .build(),
            glib::ParamSpecString::builder("video-encoder")
                .nick("Video encoder")
                .blurb(
                    "Factory name of the H.264 encoder; quality and preset apply to x264enc and \
                     to the encoders of other codecs, any other H.264 encoder gets the bitrate \
                     ceiling of the ladder",
                )
                .default_value(Some(default.video_encoder.as_str()))
                .mutable_ready()
                .build(),
        ]
    }

    pub fn set(&mut self, name: &str, value: &glib::Value) {
        let default = Settings::default();
        match name {
            "location" => self.location = text(value).map(PathBuf::from),
            "ladder" => self.ladder = text(value).unwrap_or(default.ladder),
            "codecs" => self.codecs = text(value).unwrap_or(default.codecs),
            "quality" => self.quality = value.get().unwrap_or(default.quality),
            "preset" => self.preset = value.get().unwrap_or_default(),
            "segment-duration" => {
                self.segment_duration = value.get().unwrap_or(default.segment_duration);
            }
            "keyframe-interval" => {
                self.keyframe_interval = value.get().unwrap_or(default.keyframe_interval);
            }
            "keyframe-times" => self.keyframe_times = text(value),
            "duration" => self.duration = value.get().unwrap_or(default.duration),
            "video-encoder" => self.video_encoder = text(value).unwrap_or(default.video_encoder),
            _ => {}
        }
    }

    pub fn get(&self, name: &str) -> glib::Value {
        match name {
            "location" => {
                let location = self.location.as_ref();
                location
                    .map(|path| path.to_string_lossy().into_owned())
                    .to_value()
            }
            "ladder" => self.ladder.to_value(),
            "codecs" => self.codecs.to_value(),
            "quality" => self.quality.to_value(),
            "preset" => self.preset.to_value(),
            "segment-duration" => self.segment_duration.to_value(),
            "keyframe-interval" => self.keyframe_interval.to_value(),
            "keyframe-times" => self.keyframe_times.to_value(),
            "duration" => self.duration.to_value(),
            _ => self.video_encoder.to_value(),
        }
    }

    pub fn segment(&self) -> Time {
        Time::from_secs_f64(self.segment_duration)
    }

    pub fn interval(&self) -> Time {
        Time::from_secs_f64(self.keyframe_interval)
    }

    /// Returns the length of the programme, if it was set.
    pub fn told_duration(&self) -> Option<Time> {
        (self.duration > 0.0).then(|| Time::from_secs_f64(self.duration))
    }

    /// Returns the requested key-frame times, or the part of the list that is not a time.
    pub fn asked(&self) -> Result<Vec<Time>, String> {
        let list = self.keyframe_times.as_deref().unwrap_or_default();
        list.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(|part| match part.parse::<f64>() {
                Ok(secs) if secs.is_finite() && secs >= 0.0 => Ok(Time::from_secs_f64(secs)),
                _ => Err(part.to_owned()),
            })
            .collect()
    }
}
