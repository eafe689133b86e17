// SPDX-License-Identifier: MPL-2.0

//! The pad of a track, with the participant that it belongs to.

use std::sync::Mutex;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use crate::elements::shared::lock::lock;
use crate::elements::shared::track_kind::{PadRole, PadSource};
use crate::record::layout::{Role, Source};

/// The user's settings of a track.
#[derive(Clone, Default)]
pub struct PadSettings {
    pub participant: Option<String>,
    pub label: Option<String>,
    pub source: PadSource,
    pub role: PadRole,
    pub is_muted: bool,
}

#[derive(Default)]
pub struct RoomPadImp {
    settings: Mutex<PadSettings>,
}

#[glib::object_subclass]
impl ObjectSubclass for RoomPadImp {
    const NAME: &'static str = "GstRoomCompositorPad";
    type Type = RoomPad;
    type ParentType = gst::GhostPad;
}

fn string(name: &str, nick: &str, blurb: &str) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .nick(nick)
        .blurb(blurb)
        .mutable_ready()
        .build()
}

impl ObjectImpl for RoomPadImp {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            vec![
                string(
                    "participant",
                    "Participant",
                    "Identifier of the participant; the pads of one person have the same (default: \
                     the number of the pad)",
                ),
                string(
                    "label",
                    "Label",
                    "Name to show (default: the name in session-location, else the participant)",
                ),
                glib::ParamSpecEnum::builder_with_default("source", PadSource::Camera)
                    .nick("Source")
                    .blurb("Content of the track; audio pads start as microphone")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("role", PadRole::Participant)
                    .nick("Role")
                    .blurb("Part that the participant has in the room")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecBoolean::builder("muted")
                    .nick("Muted")
                    .blurb(
                        "Whether the participant has turned the track off: a camera shows an \
                         avatar, a screen nothing, and a microphone never takes the stage",
                    )
                    .mutable_playing()
                    .explicit_notify()
                    .build(),
            ]
        });
        PROPERTIES.as_ref()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let text = || {
            let text = value.get::<Option<String>>().ok().flatten();
            text.filter(|text| !text.trim().is_empty())
        };
        let was_muted = {
            let mut settings = lock(&self.settings);
            let was_muted = settings.is_muted;
            match pspec.name() {
                "participant" => settings.participant = text(),
                "label" => settings.label = text(),
                "source" => settings.source = value.get().unwrap_or_default(),
                "role" => settings.role = value.get().unwrap_or_default(),
                "muted" => settings.is_muted = value.get().unwrap_or_default(),
                _ => {}
            }
            was_muted
        };
        if was_muted != lock(&self.settings).is_muted {
            self.obj().notify("muted");
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = lock(&self.settings);
        match pspec.name() {
            "participant" => settings.participant.to_value(),
            "label" => settings.label.to_value(),
            "source" => settings.source.to_value(),
            "role" => settings.role.to_value(),
            _ => settings.is_muted.to_value(),
        }
    }
}

impl GstObjectImpl for RoomPadImp {}
impl PadImpl for RoomPadImp {}
impl ProxyPadImpl for RoomPadImp {}
impl GhostPadImpl for RoomPadImp {}

glib::wrapper! {
    pub struct RoomPad(ObjectSubclass<RoomPadImp>)
        @extends gst::GhostPad, gst::ProxyPad, gst::Pad, gst::Object;
}

/// A track as the rest of the element knows it.
#[derive(Clone, Debug)]
pub struct Track {
    pub participant: String,
    pub label: Option<String>,
    pub source: Source,
    pub role: Role,
    pub is_muted: bool,
}

impl RoomPad {
    pub fn is_video(&self) -> bool {
        self.name().starts_with("video_")
    }

    /// Returns the settings, completed by the name and the kind of the pad.
    pub fn track(&self) -> Track {
        let settings = lock(&self.imp().settings).clone();
        let name = self.name();
        let number = name.rsplit('_').next().unwrap_or_default().to_owned();
        let source = settings.source.of(self.is_video());
        Track {
            participant: settings.participant.unwrap_or(number),
            label: settings.label,
            source,
            role: settings.role.into(),
            is_muted: settings.is_muted,
        }
    }
}
