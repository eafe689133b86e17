// SPDX-License-Identifier: MPL-2.0

//! `silencetrim` detects the dead air of a recorded class and cuts it from any number of streams at
//! once: before the class, after it and, optionally, in long breaks. With `mode=detect` everything
//! passes through at once, as in any filter. It then writes a cut list, which a person can correct
//! and `cuts-location` applies.
//!
//! Passages that the cut list mutes or covers are hidden, in raw audio and video and in cues. Audio
//! is silent in a muted span, to the sample, with a short fade outside of it; cues that touch the
//! span are left out. A frame shown during a covered span is replaced by the last frame at least a
//! second away from every such span, or by a plain card. Encoded streams that would have to be
//! hidden are refused, and so are cues of unknown duration before a muted span. The property `role`
//! of a sink pad distinguishes descriptions and chapters from the class itself.
//!
//! The event `lecture-splice` precedes the first raw frame of each kept span. Its fields are
//! `time`, the start of the span in the output, and `source` and, if known, `source-end`, in ns
//! (u64).
//!
//! ```sh
//! gst-launch-1.0 silencetrim name=trim mode=detect report-location=trim.vtt \
//!   filesrc location=class.mkv ! decodebin ! audio/x-raw ! queue ! trim.sink_0 \
//!   trim.src_0 ! fakesink
//! ```

use gst::glib;
use gst::prelude::*;
use once_cell::sync::Lazy;

mod audio;
mod course;
mod imp;
mod intake;
mod item;
mod kind;
mod pads;
mod pair_pads;
mod picture;
mod queries;
mod redact;
mod report;
mod sending;
mod session;
mod settings;
mod sink_pad;
mod stream;
mod task;
mod times;

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "silencetrim",
        gst::DebugColorFlags::empty(),
        Some("Dead air of a class"),
    )
});

glib::wrapper! {
    pub struct SilenceTrim(ObjectSubclass<imp::SilenceTrim>)
        @extends gst::Element, gst::Object, @implements gst::ChildProxy;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    settings::Mode::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    settings::Scope::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    settings::StartAt::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    sink_pad::Role::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    sink_pad::SinkPad::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(
        Some(plugin),
        "silencetrim",
        gst::Rank::NONE,
        SilenceTrim::static_type(),
    )
}
