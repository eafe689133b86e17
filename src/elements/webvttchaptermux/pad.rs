// SPDX-License-Identifier: MPL-2.0

//! A sink pad, with the level of its chapters.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::subclass::prelude::*;
use once_cell::sync::Lazy;

const MAX_LEVEL: u32 = 15;

#[derive(Default)]
pub struct WebVttChapterMuxPad {
    level: AtomicU32,
    /// Whether the caps of the current buffer are markup; the pad's own caps may be ahead of its
    /// queue.
    is_markup: AtomicBool,
}

impl WebVttChapterMuxPad {
    pub fn level(&self) -> u32 {
        self.level.load(Ordering::Relaxed)
    }

    pub fn is_markup(&self) -> bool {
        self.is_markup.load(Ordering::Relaxed)
    }

    pub fn set_caps(&self, caps: &gst::CapsRef) {
        let format = caps
            .structure(0)
            .and_then(|caps| caps.get::<&str>("format").ok());
        let is_markup = format == Some("pango-markup");
        self.is_markup.store(is_markup, Ordering::Relaxed);
    }
}

#[glib::object_subclass]
impl ObjectSubclass for WebVttChapterMuxPad {
    const NAME: &'static str = "GstWebVttChapterMuxPad";
    type Type = super::WebVttChapterMuxPad;
    type ParentType = gst_base::AggregatorPad;
}

impl ObjectImpl for WebVttChapterMuxPad {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            vec![
                glib::ParamSpecUInt::builder("level")
                    .nick("Level")
                    .blurb(
                        "Nesting level of this pad's chapters; 0 is the outermost; a chapter \
                         lies inside chapters of lower levels and ends with them",
                    )
                    .maximum(MAX_LEVEL)
                    .mutable_ready()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        if let ("level", Ok(level)) = (pspec.name(), value.get()) {
            self.level.store(level, Ordering::Relaxed);
        }
    }

    fn property(&self, _id: usize, _pspec: &glib::ParamSpec) -> glib::Value {
        self.level().to_value()
    }
}

impl GstObjectImpl for WebVttChapterMuxPad {}
impl PadImpl for WebVttChapterMuxPad {}
impl AggregatorPadImpl for WebVttChapterMuxPad {}
