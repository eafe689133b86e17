// SPDX-License-Identifier: MPL-2.0

//! `chapterdetect` detects where the chapters of a recorded class begin, from slide changes, pauses
//! in the speech and the topics of a transcript. Video, audio and text pass through unchanged. The
//! chapters are pushed on `chapter_src` when all streams have ended, and posted as messages.
//!
//! With `titles=ocr` or `auto` the text of each new slide is read by the program `tesseract`, in a
//! thread of its own. The chapters may then come some seconds after the end of the streams; only if
//! `chapter_src` is not linked does the end of the last stream wait for them.
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
mod reader;
mod report;
mod settings;
mod slides;
mod streams;
mod tesseract;

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
