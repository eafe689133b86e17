// SPDX-License-Identifier: MPL-2.0

//! `captioncheck` checks captions against the standard for prerecorded captions. Text and audio pass
//! through unchanged. When both have ended, each broken rule is posted as the message
//! `captioncheck-finding`, and all numbers as `captioncheck-summary`.
//!
//! Without audio, only the rules about the cues themselves are checked.
//!
//! ```text
//! gst-launch-1.0 -m captioncheck name=c profile=bbc \
//!   filesrc location=captions.vtt ! webvttparse ! c.text_sink  c.text_src ! fakesink \
//!   filesrc location=class.mkv ! decodebin ! audioconvert ! c.audio_sink  c.audio_src ! fakesink
//! ```

use gst::glib;
use gst::prelude::*;

mod imp;
mod messages;
mod settings;
mod streams;

glib::wrapper! {
    pub struct CaptionCheck(ObjectSubclass<imp::CaptionCheck>) @extends gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    settings::NamedProfile::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(
        Some(plugin),
        "captioncheck",
        gst::Rank::NONE,
        CaptionCheck::static_type(),
    )
}
