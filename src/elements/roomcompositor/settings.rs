// SPDX-License-Identifier: MPL-2.0

//! The element's properties.

use std::path::PathBuf;

use gst::glib;
use gst::prelude::*;

use crate::record::layout::{Color, LayoutName, Size};
use crate::timeline::Time;

#[derive(Clone)]
pub struct Settings {
    /// The layout as the user wrote it; parsed when a run starts, so that a wrong one is one clear
    /// error.
    pub layout: String,
    pub layout_location: Option<PathBuf>,
    pub session_location: Option<PathBuf>,
    pub follow_location: Option<PathBuf>,
    pub timeline_location: Option<PathBuf>,
    pub width: u32,
    pub height: u32,
    pub framerate: gst::Fraction,
    pub background: String,
    pub labels: bool,
    pub avatar: String,
    pub latency: gst::ClockTime,
    pub duration: gst::ClockTime,
    pub live: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            layout: LayoutName::default().to_string(),
            layout_location: None,
            session_location: None,
            follow_location: None,
            timeline_location: None,
            width: 1280,
            height: 720,
            framerate: gst::Fraction::new(30, 1),
            background: AUTO.into(),
            labels: false,
            avatar: "initials".into(),
            latency: gst::ClockTime::from_mseconds(200),
            duration: gst::ClockTime::ZERO,
            live: false,
        }
    }
}

const AUTO: &str = "auto";

fn location(name: &str, nick: &str, blurb: &str) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .nick(nick)
        .blurb(blurb)
        .mutable_ready()
        .build()
}

fn text(name: &str, nick: &str, blurb: &str, default: &str) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .nick(nick)
        .blurb(blurb)
        .default_value(Some(default))
        .mutable_ready()
        .build()
}

fn length(name: &str, nick: &str, blurb: &str, default: u32) -> glib::ParamSpec {
    glib::ParamSpecUInt::builder(name)
        .nick(nick)
        .blurb(blurb)
        .minimum(64)
        .maximum(16_384)
        .default_value(default)
        .mutable_ready()
        .build()
}

impl Settings {
    pub fn properties() -> Vec<glib::ParamSpec> {
        let default = Settings::default();
        let mut properties = vec![
            text(
                "layout",
                "Layout",
                "Layout: grid, speaker, single-speaker, slides, side-by-side or interpreter, each \
                 also with -light, or custom with layout-location",
                &default.layout,
            ),
            text(
                "background",
                "Background",
                "Color of everything that no video fills, as #rrggbb, or auto for that of the layout",
                &default.background,
            ),
            text(
                "avatar",
                "Avatar",
                "Stand-in for a camera that is off: initials, none, or a folder of PNG files named \
                 by participant; who has no file there gets initials",
                &default.avatar,
            ),
            length(
                "width",
                "Width",
                "Width of the video in pixels, even",
                default.width,
            ),
            length(
                "height",
                "Height",
                "Height of the video in pixels, even",
                default.height,
            ),
        ];
        properties.extend(Self::locations());
        properties.extend(Self::times(&default));
        properties
    }

    fn locations() -> [glib::ParamSpec; 4] {
        [
            location(
                "layout-location",
                "Layout location",
                "Layout file (JSON) for layout=custom",
            ),
            location(
                "session-location",
                "Session location",
                "session.json whose names, roles and events are followed; pads belong to its tracks \
                 by participant and source",
            ),
            location(
                "follow-location",
                "Follow location",
                "layout.vtt to follow wherever it decides something",
            ),
            location(
                "timeline-location",
                "Timeline location",
                "File to write the layouts and speakers to (WebVTT metadata, a draft for \
                 follow-location)",
            ),
        ]
    }

    fn times(default: &Settings) -> [glib::ParamSpec; 5] {
        [
            gst::ParamSpecFraction::builder("framerate")
                .nick("Framerate")
                .blurb("Frames per second of the video")
                .minimum(gst::Fraction::new(1, 1))
                .maximum(gst::Fraction::new(240, 1))
                .default_value(default.framerate)
                .mutable_ready()
                .build(),
            glib::ParamSpecBoolean::builder("labels")
                .nick("Labels")
                .blurb("Whether each tile shows the name of its participant")
                .default_value(default.labels)
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt64::builder("latency")
                .nick("Latency")
                .blurb("Time in ns that live tracks may be late, for pads added later too")
                .default_value(default.latency.nseconds())
                .mutable_ready()
                .build(),
            glib::ParamSpecUInt64::builder("duration")
                .nick("Duration")
                .blurb(
                    "Shortest duration of the video in ns, for sessions whose audio or events go \
                     on longer (0: until the last video ends)",
                )
                .default_value(default.duration.nseconds())
                .mutable_ready()
                .build(),
            glib::ParamSpecBoolean::builder("live")
                .nick("Live")
                .blurb(
                    "Whether to output at the speed of the clock without waiting for any pad, so \
                     that an empty room and late joiners work",
                )
                .default_value(default.live)
                .construct_only()
                .build(),
        ]
    }

    pub fn set(&mut self, name: &str, value: &glib::Value) {
        let text = || value.get::<Option<String>>().ok().flatten();
        let path = || text().filter(|path| !path.is_empty()).map(PathBuf::from);
        let time = || gst::ClockTime::from_nseconds(value.get().unwrap_or_default());
        match name {
            "layout" => self.layout = text().unwrap_or_default(),
            "layout-location" => self.layout_location = path(),
            "session-location" => self.session_location = path(),
            "follow-location" => self.follow_location = path(),
            "timeline-location" => self.timeline_location = path(),
            "width" => self.width = value.get().unwrap_or(self.width),
            "height" => self.height = value.get().unwrap_or(self.height),
            "framerate" => self.framerate = value.get().unwrap_or(self.framerate),
            "background" => self.background = text().unwrap_or_default(),
            "labels" => self.labels = value.get().unwrap_or_default(),
            "avatar" => self.avatar = text().unwrap_or_default(),
            "latency" => self.latency = time(),
            "duration" => self.duration = time(),
            "live" => self.live = value.get().unwrap_or_default(),
            _ => {}
        }
    }

    pub fn get(&self, name: &str) -> glib::Value {
        match name {
            "layout" => self.layout.to_value(),
            "layout-location" => self.layout_location.to_value(),
            "session-location" => self.session_location.to_value(),
            "follow-location" => self.follow_location.to_value(),
            "timeline-location" => self.timeline_location.to_value(),
            "width" => self.width.to_value(),
            "height" => self.height.to_value(),
            "framerate" => self.framerate.to_value(),
            "background" => self.background.to_value(),
            "labels" => self.labels.to_value(),
            "avatar" => self.avatar.to_value(),
            "latency" => self.latency.nseconds().to_value(),
            "duration" => self.duration.nseconds().to_value(),
            _ => self.live.to_value(),
        }
    }

    /// Returns the duration of a frame.
    pub fn frame_duration(&self) -> Time {
        let (frames, seconds) = (self.framerate.numer(), self.framerate.denom());
        let frame = gst::ClockTime::SECOND.mul_div_floor(
            seconds.unsigned_abs().into(),
            frames.unsigned_abs().max(1).into(),
        );
        Time::from_nanos(frame.unwrap_or(gst::ClockTime::SECOND).nseconds())
    }

    /// Returns the size of the video.
    pub fn size(&self) -> Result<Size, gst::ErrorMessage> {
        Size::new(self.width, self.height)
            .map_err(|error| gst::error_msg!(gst::LibraryError::Settings, ("{error}")))
    }

    /// Returns the color that replaces that of the layout.
    pub fn color(&self) -> Result<Option<Color>, gst::ErrorMessage> {
        if self.background == AUTO {
            return Ok(None);
        }
        let color = Color::try_from(self.background.clone());
        color.map(Some).map_err(|error| {
            gst::error_msg!(
                gst::LibraryError::Settings,
                ("background: {error}, or auto")
            )
        })
    }
}
