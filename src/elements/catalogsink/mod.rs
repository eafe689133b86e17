// SPDX-License-Identifier: MPL-2.0

//! `catalogsink` writes a class as a package for a catalog: renditions of picture and sound as
//! CMAF segments with HLS playlists, captions, chapters and a manifest, into one folder.
//!
//! Segments of the picture start at the splices that silencetrim's event `lecture-splice` tells of,
//! and between them at multiples of `segment-duration` in the source's time, so that what another cut
//! does not touch is cut into the same segments.
//!
//! ```sh
//! gst-launch-1.0 catalogsink name=package location=staging ladder=720,360 audio_0::language=en \
//!   uridecodebin3 uri=file:///class.mkv name=class \
//!   class. ! video/x-raw ! queue ! package.video \
//!   class. ! audio/x-raw ! queue ! package.audio_0
//! ```

use gst::glib;
use gst::prelude::*;
use once_cell::sync::Lazy;

mod bin;
mod branch;
mod changes;
mod colorimetry;
mod colour;
mod encoder;
mod finish;
mod imp;
mod ladder;

mod pad;
mod plane;
mod preroll;
mod run;
mod scale;
mod settings;
mod starts;
mod streams;
mod writer;

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "catalogsink",
        gst::DebugColorFlags::empty(),
        Some("Writes a package for a catalog"),
    )
});

glib::wrapper! {
    pub struct CatalogSink(ObjectSubclass<imp::CatalogSink>)
        @extends gst::Bin, gst::Element, gst::Object, @implements gst::ChildProxy;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    pad::AudioRole::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    pad::TextPadRole::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    pad::AudioPad::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    pad::TextPad::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    settings::Preset::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(
        Some(plugin),
        "catalogsink",
        gst::Rank::NONE,
        CatalogSink::static_type(),
    )
}
