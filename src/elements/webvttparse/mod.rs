// SPDX-License-Identifier: MPL-2.0

//! `webvttparse` parses WebVTT into cues: one text buffer per cue, with identifier, settings and
//! markup attached as meta. Every bad block is reported with its line, and reading continues.
//!
//! ```text
//! gst-launch-1.0 filesrc location=class.vtt ! webvttparse ! fakesink dump=true
//! ```

use gst::glib;
use gst::prelude::*;

mod imp;

glib::wrapper! {
    pub struct WebVttParse(ObjectSubclass<imp::WebVttParse>)
        @extends gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "webvttparse",
        gst::Rank::NONE,
        WebVttParse::static_type(),
    )
}
