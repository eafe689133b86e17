// SPDX-License-Identifier: MPL-2.0

//! Sink pads, with the role of each stream.

use std::sync::atomic::{AtomicU8, Ordering};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use crate::timeline::Content;

/// Role of a stream, which decides when it is muted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstSilenceTrimRole")]
#[repr(u8)]
pub enum Role {
    #[default]
    #[enum_value(name = "The class itself: video, audio, captions", nick = "main")]
    Main = 0,
    #[enum_value(
        name = "A description of the video: also silent where the video is covered",
        nick = "description"
    )]
    Description = 1,
    #[enum_value(name = "Chapter titles: never left out", nick = "chapters")]
    Chapters = 2,
}

#[derive(Default)]
pub struct SinkPadImp {
    role: AtomicU8,
}

impl SinkPadImp {
    fn role(&self) -> Role {
        match self.role.load(Ordering::Relaxed) {
            1 => Role::Description,
            2 => Role::Chapters,
            _ => Role::Main,
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for SinkPadImp {
    const NAME: &'static str = "GstSilenceTrimSinkPad";
    type Type = SinkPad;
    type ParentType = gst::Pad;
}

impl ObjectImpl for SinkPadImp {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            vec![
                glib::ParamSpecEnum::builder_with_default("role", Role::default())
                    .nick("Role")
                    .blurb("Purpose of the stream, which decides where it is muted (default main)")
                    .mutable_ready()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, _pspec: &glib::ParamSpec) {
        let role = value.get::<Role>().unwrap_or_default();
        self.role.store(role as u8, Ordering::Relaxed);
    }

    fn property(&self, _id: usize, _pspec: &glib::ParamSpec) -> glib::Value {
        self.role().to_value()
    }
}

impl GstObjectImpl for SinkPadImp {}
impl PadImpl for SinkPadImp {}

glib::wrapper! {
    pub struct SinkPad(ObjectSubclass<SinkPadImp>)
        @extends gst::Pad, gst::Object;
}

impl SinkPad {
    pub fn content(&self) -> Content {
        match self.imp().role() {
            Role::Main => Content::Main,
            Role::Description => Content::Description,
            Role::Chapters => Content::Chapters,
        }
    }
}
