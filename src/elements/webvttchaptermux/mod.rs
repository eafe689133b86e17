// SPDX-License-Identifier: MPL-2.0

//! `webvttchaptermux` muxes chapters into a WebVTT chapter file. A chapter is a text buffer with
//! its title, or an entry of a table of contents. It is written once its end is certain.
//!
//! ```text
//! gst-launch-1.0 webvttchaptermux name=mux sink_1::level=1 ! filesink location=chapters.vtt \
//!     filesrc location=parts.vtt ! webvttparse ! mux.sink_0 \
//!     filesrc location=sections.vtt ! webvttparse ! mux.sink_1
//! ```

use gst::glib;
use gst::prelude::*;

mod imp;
mod pad;
mod toc;

/// Approval of the chapters by a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, glib::Enum)]
#[enum_type(name = "GstWebVttChapterMuxStatus")]
pub enum Status {
    #[default]
    #[enum_value(name = "Made by a machine, for a person to correct", nick = "draft")]
    Draft,
    #[enum_value(name = "A person has approved the chapters", nick = "approved")]
    Approved,
}

glib::wrapper! {
    pub struct WebVttChapterMux(ObjectSubclass<imp::WebVttChapterMux>)
        @extends gst_base::Aggregator, gst::Element, gst::Object, @implements gst::ChildProxy;
}

glib::wrapper! {
    pub struct WebVttChapterMuxPad(ObjectSubclass<pad::WebVttChapterMuxPad>)
        @extends gst_base::AggregatorPad, gst::Pad, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    Status::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    WebVttChapterMuxPad::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(
        Some(plugin),
        "webvttchaptermux",
        gst::Rank::NONE,
        WebVttChapterMux::static_type(),
    )
}
