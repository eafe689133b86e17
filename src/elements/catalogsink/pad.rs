// SPDX-License-Identifier: MPL-2.0

//! Pads of audio and of text renditions, with the data that listeners and viewers see.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use gst::prelude::*;

use crate::package::programme::Role;
use crate::package::text::TextRole;

/// The name of the pad for the video.
pub const VIDEO: &str = "video";
/// The name of the pad for the chapters.
pub const CHAPTERS: &str = "chapters";

/// Purpose of an audio rendition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstCatalogSinkRole")]
pub enum AudioRole {
    #[default]
    #[enum_value(name = "Main audio", nick = "main")]
    Main,
    #[enum_value(
        name = "Main audio mixed with an audio description",
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

/// Purpose of a text rendition.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstCatalogSinkTextRole")]
pub enum TextPadRole {
    #[default]
    #[enum_value(
        name = "Captions: speech and sounds, for viewers who do not hear",
        nick = "captions"
    )]
    Captions,
    #[enum_value(
        name = "Subtitles: speech, for viewers who do not understand the language",
        nick = "subtitles"
    )]
    Subtitles,
    #[enum_value(
        name = "Text descriptions of the video, for players that speak them",
        nick = "descriptions"
    )]
    Descriptions,
}

impl From<TextPadRole> for TextRole {
    fn from(role: TextPadRole) -> Self {
        match role {
            TextPadRole::Captions => TextRole::Captions,
            TextPadRole::Subtitles => TextRole::Subtitles,
            TextPadRole::Descriptions => TextRole::Descriptions,
        }
    }
}

/// The user's settings for a rendition.
#[derive(Clone, Default)]
pub struct PadSettings<R> {
    pub label: Option<String>,
    pub language: Option<String>,
    pub role: R,
    /// Gain curve of the audio as the user wrote it; parsed when the pad's stream is built.
    pub gains: String,
}

pub type AudioSettings = PadSettings<AudioRole>;
pub type TextSettings = PadSettings<TextPadRole>;

/// Returns a string property's value; an empty one counts as unset.
pub fn text(value: &glib::Value) -> Option<String> {
    value
        .get::<Option<String>>()
        .ok()
        .flatten()
        .filter(|text| !text.trim().is_empty())
}

/// Makes the property of audio pads with the gains that level them.
fn gains() -> Option<glib::ParamSpec> {
    let gains = glib::ParamSpecString::builder("gains")
        .nick("Gains")
        .blurb(
            "Gain curve over the time of the package as SECONDS:DB, separated by commas and \
             linear in between, for example 0:-1.5,80.25:4; limits true peaks to -1 dBTP \
             (default: none, the audio is not changed)",
        )
        .mutable_ready()
        .build();
    Some(gains)
}

/// Defines a ghost pad with the properties `label`, `language`, `role` and the given others.
macro_rules! rendition_pad {
    ($pad:ident, $imp:ident, $type_name:literal, $role:ty, $others:expr) => {
        #[derive(Default)]
        pub struct $imp {
            settings: Mutex<PadSettings<$role>>,
        }

        impl $imp {
            fn lock(&self) -> MutexGuard<'_, PadSettings<$role>> {
                self.settings.lock().unwrap_or_else(PoisonError::into_inner)
            }
        }

        #[glib::object_subclass]
        impl ObjectSubclass for $imp {
            const NAME: &'static str = $type_name;
            type Type = $pad;
            type ParentType = gst::GhostPad;
        }

        impl ObjectImpl for $imp {
            fn properties() -> &'static [glib::ParamSpec] {
                static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
                    let mut properties = vec![
                        glib::ParamSpecString::builder("label")
                            .nick("Label")
                            .blurb(
                                "Name of the rendition in the player's menu (default: made from \
                                 language and role)",
                            )
                            .mutable_ready()
                            .build(),
                        glib::ParamSpecString::builder("language")
                            .nick("Language")
                            .blurb(
                                "Language as a BCP 47 tag, for example \"en\" or \"pt-BR\" \
                                 (default: the language tag of the stream, else unknown)",
                            )
                            .mutable_ready()
                            .build(),
                        glib::ParamSpecEnum::builder_with_default("role", <$role>::default())
                            .nick("Role")
                            .blurb("Purpose of the rendition")
                            .mutable_ready()
                            .build(),
                    ];
                    properties.extend($others);
                    properties
                });
                PROPERTIES.as_ref()
            }

            fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
                let mut settings = self.lock();
                match pspec.name() {
                    "label" => settings.label = text(value),
                    "language" => settings.language = text(value),
                    "role" => settings.role = value.get().unwrap_or_default(),
                    "gains" => settings.gains = text(value).unwrap_or_default(),
                    _ => {}
                }
            }

            fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
                let settings = self.lock();
                match pspec.name() {
                    "label" => settings.label.to_value(),
                    "language" => settings.language.to_value(),
                    "gains" => Some(&settings.gains).to_value(),
                    _ => settings.role.to_value(),
                }
            }
        }

        impl GstObjectImpl for $imp {}
        impl PadImpl for $imp {}
        impl ProxyPadImpl for $imp {}
        impl GhostPadImpl for $imp {}

        impl $pad {
            pub fn settings(&self) -> PadSettings<$role> {
                self.imp().lock().clone()
            }
        }
    };
}

rendition_pad!(
    AudioPad,
    AudioPadImp,
    "GstCatalogSinkAudioPad",
    AudioRole,
    gains()
);
rendition_pad!(
    TextPad,
    TextPadImp,
    "GstCatalogSinkTextPad",
    TextPadRole,
    None
);

glib::wrapper! {
    pub struct AudioPad(ObjectSubclass<AudioPadImp>)
        @extends gst::GhostPad, gst::ProxyPad, gst::Pad, gst::Object;
}

glib::wrapper! {
    pub struct TextPad(ObjectSubclass<TextPadImp>)
        @extends gst::GhostPad, gst::ProxyPad, gst::Pad, gst::Object;
}
