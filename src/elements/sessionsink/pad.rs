// SPDX-License-Identifier: MPL-2.0

//! The pad of a track, with the participant that it belongs to.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use crate::elements::shared::lock::lock;
use crate::elements::shared::track_kind::{PadRole, PadSource};
use crate::record::layout::Source;
use crate::record::session::Participant;

#[derive(Clone)]
struct Settings {
    participant: Option<String>,
    label: Option<String>,
    source: PadSource,
    role: PadRole,
    is_recorded: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            participant: None,
            label: None,
            source: PadSource::default(),
            role: PadRole::default(),
            is_recorded: true,
        }
    }
}

#[derive(Default)]
pub struct SessionPadImp {
    settings: Mutex<Settings>,
    /// Number of key frames that the sender was asked for.
    requests: AtomicU32,
}

#[glib::object_subclass]
impl ObjectSubclass for SessionPadImp {
    const NAME: &'static str = "GstSessionSinkPad";
    type Type = SessionPad;
    type ParentType = gst::Pad;
}

impl ObjectImpl for SessionPadImp {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            vec![
                glib::ParamSpecString::builder("participant")
                    .nick("Participant")
                    .blurb(
                        "Identifier of the participant; the pads of one person have the same \
                         (default: the number of the pad)",
                    )
                    .mutable_playing()
                    .build(),
                glib::ParamSpecString::builder("label")
                    .nick("Label")
                    .blurb("Name of the participant to show (default: none)")
                    .mutable_playing()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("source", PadSource::Camera)
                    .nick("Source")
                    .blurb("Content of the track; audio pads start as microphone")
                    .mutable_playing()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("role", PadRole::Participant)
                    .nick("Role")
                    .blurb("Part that the participant has in the room")
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoolean::builder("recorded")
                    .nick("Recorded")
                    .blurb("Write the track; otherwise only its participant is described")
                    .default_value(true)
                    .mutable_ready()
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
        let mut settings = lock(&self.settings);
        match pspec.name() {
            "participant" => settings.participant = text(),
            "label" => settings.label = text(),
            "source" => settings.source = value.get().unwrap_or_default(),
            "role" => settings.role = value.get().unwrap_or_default(),
            "recorded" => settings.is_recorded = value.get().unwrap_or(true),
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = lock(&self.settings);
        match pspec.name() {
            "participant" => settings.participant.to_value(),
            "label" => settings.label.to_value(),
            "source" => settings.source.to_value(),
            "recorded" => settings.is_recorded.to_value(),
            _ => settings.role.to_value(),
        }
    }
}

impl GstObjectImpl for SessionPadImp {}
impl PadImpl for SessionPadImp {}

glib::wrapper! {
    pub struct SessionPad(ObjectSubclass<SessionPadImp>)
        @extends gst::Pad, gst::Object;
}

impl SessionPad {
    pub fn is_video(&self) -> bool {
        self.name().starts_with("video_")
    }

    /// Returns who sends the track, and its content.
    pub fn owner(&self) -> (Participant, Source) {
        let settings = lock(&self.imp().settings).clone();
        let name = self.name();
        let number = name.rsplit('_').next().unwrap_or_default().to_owned();
        let participant = Participant {
            id: settings.participant.unwrap_or(number),
            label: settings.label,
            role: settings.role.into(),
        };
        (participant, settings.source.of(self.is_video()))
    }

    /// Returns whether the track is written.
    pub fn is_recorded(&self) -> bool {
        lock(&self.imp().settings).is_recorded
    }

    /// Asks the sender for a key frame.
    pub fn request_key_frame(&self) {
        let caps = self.current_caps();
        let is_rtp = caps.is_some_and(|caps| {
            let first = caps.structure(0);
            first.is_some_and(|first| first.has_name("application/x-rtp"))
        });
        // With all headers, an RTP session sends FIR, which some servers do not pass on, in place of PLI.
        // A FIR with the number of the one before is a repetition.
        let count = self.imp().requests.fetch_add(1, Ordering::Relaxed);
        let event = gst_video::UpstreamForceKeyUnitEvent::builder()
            .all_headers(!is_rtp)
            .count(count)
            .build();
        // A sender that cannot make one goes on as it does.
        let _ = self.push_event(event);
    }
}
