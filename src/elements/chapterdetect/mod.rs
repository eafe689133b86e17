// SPDX-License-Identifier: MPL-2.0

//! `chapterdetect` detects where the chapters of a recorded class begin, from slide changes, pauses
//! in the speech and the topics of a transcript. Video, audio and text pass through unchanged. The
//! chapters are pushed on `chapter_src` when all streams have ended, and posted as messages.
//!
//! ```text
//! gst-launch-1.0 -m filesrc location=class.mkv ! decodebin name=d \
//!   chapterdetect name=c  c.chapter_src ! fakesink \
//!   d. ! queue ! videoconvert ! c.video_sink  c.video_src ! fakesink \
//!   d. ! queue ! audioconvert ! c.audio_sink  c.audio_src ! fakesink
//! ```

use gst::glib;
use gst::prelude::*;

mod analysis;
mod chapter_stream;
mod imp;
mod report;
mod settings;
mod streams;

glib::wrapper! {
    pub struct ChapterDetect(ObjectSubclass<imp::ChapterDetect>) @extends gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    settings::Titles::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(
        Some(plugin),
        "chapterdetect",
        gst::Rank::NONE,
        ChapterDetect::static_type(),
    )
}
