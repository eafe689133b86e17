// SPDX-License-Identifier: MPL-2.0

//! Properties of the pads that take the tracks of a room.

use gst::glib;
use gst::prelude::*;

use crate::record::layout::{Role, Source};

/// Content of a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstLectureTrackSource")]
pub enum PadSource {
    #[default]
    #[enum_value(name = "Camera of the participant", nick = "camera")]
    Camera,
    #[enum_value(name = "Microphone of the participant", nick = "microphone")]
    Microphone,
    #[enum_value(name = "Screen that the participant shares", nick = "screen")]
    Screen,
    #[enum_value(name = "Audio of the shared screen", nick = "screen-audio")]
    ScreenAudio,
}

/// Part that the participant has in the room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstLectureTrackRole")]
pub enum PadRole {
    #[enum_value(name = "Gives the class", nick = "host")]
    Host,
    #[default]
    #[enum_value(name = "Takes part in the class", nick = "participant")]
    Participant,
    #[enum_value(
        name = "Interprets into sign language, and is always seen",
        nick = "interpreter"
    )]
    Interpreter,
}

impl From<PadRole> for Role {
    fn from(role: PadRole) -> Self {
        match role {
            PadRole::Host => Role::Host,
            PadRole::Participant => Role::Participant,
            PadRole::Interpreter => Role::Interpreter,
        }
    }
}

impl PadSource {
    /// Returns the source, corrected by the kind of the pad: a screen on an audio pad is its audio.
    pub fn of(self, is_video: bool) -> Source {
        let is_screen = matches!(self, PadSource::Screen | PadSource::ScreenAudio);
        match (is_video, is_screen) {
            (true, false) => Source::Camera,
            (true, true) => Source::Screen,
            (false, false) => Source::Microphone,
            (false, true) => Source::ScreenAudio,
        }
    }
}

/// Marks the types as part of the plugin's interface.
pub fn mark_as_plugin_api() {
    PadSource::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    PadRole::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
}
