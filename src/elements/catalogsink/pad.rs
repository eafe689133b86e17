// SPDX-License-Identifier: MPL-2.0

//! The pad of an audio rendition, with what a listener is told of it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use gst::prelude::*;

use crate::package::playlist::Role;

/// What an audio rendition is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstCatalogSinkRole")]
pub enum AudioRole {
    #[default]
    #[enum_value(name = "The programme's sound", nick = "main")]
    Main,
    #[enum_value(
        name = "The programme's sound with a description of what is seen",
        nick = "description"
    )]
    Description,
}

impl From<AudioRole> for Role {
    fn from(role: AudioRole) -> Self {
        match role {
            AudioRole::Main => Role::Main,
            AudioRole::Description => Role::Description,
        }
    }
}

/// What a user said of an audio rendition.
#[derive(Clone, Default)]
pub struct AudioSettings {
    pub label: Option<String>,
    pub language: Option<String>,
    pub role: AudioRole,
}

#[derive(Default)]
pub struct AudioPadImp {
    settings: Mutex<AudioSettings>,
}

impl AudioPadImp {
    fn lock(&self) -> MutexGuard<'_, AudioSettings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[glib::object_subclass]
impl ObjectSubclass for AudioPadImp {
    const NAME: &'static str = "GstCatalogSinkAudioPad";
    type Type = AudioPad;
    type ParentType = gst::GhostPad;
}

impl ObjectImpl for AudioPadImp {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            vec![
                glib::ParamSpecString::builder("label")
                    .nick("Label")
                    .blurb(
                        "What a listener chooses the rendition by (default: made of language and \
                         role)",
                    )
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("language")
                    .nick("Language")
                    .blurb(
                        "Language as a BCP 47 tag, for example \"en\" or \"pt-BR\" (default: that \
                         of the stream's tags, else unknown)",
                    )
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("role", AudioRole::Main)
                    .nick("Role")
                    .blurb("What the rendition is for")
                    .mutable_ready()
                    .build(),
            ]
        });
        PROPERTIES.as_ref()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = self.lock();
        match pspec.name() {
            "label" => settings.label = text(value),
            "language" => settings.language = text(value),
            "role" => settings.role = value.get().unwrap_or_default(),
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = self.lock();
        match pspec.name() {
            "label" => settings.label.to_value(),
            "language" => settings.language.to_value(),
            _ => settings.role.to_value(),
        }
    }
}

/// A string property's value; empty is as good as none.
pub fn text(value: &glib::Value) -> Option<String> {
    value
        .get::<Option<String>>()
        .ok()
        .flatten()
        .filter(|text| !text.trim().is_empty())
}

impl GstObjectImpl for AudioPadImp {}
impl PadImpl for AudioPadImp {}
impl ProxyPadImpl for AudioPadImp {}
impl GhostPadImpl for AudioPadImp {}

glib::wrapper! {
    pub struct AudioPad(ObjectSubclass<AudioPadImp>)
        @extends gst::GhostPad, gst::ProxyPad, gst::Pad, gst::Object;
}

impl AudioPad {
    pub fn settings(&self) -> AudioSettings {
        self.imp().lock().clone()
    }
}
