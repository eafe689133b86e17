// SPDX-License-Identifier: MPL-2.0

//! SECTION: `roomcompositor`
//!
//! Shows a room in one video and mixes it into one audio stream, in any layout. It is a bin of the
//! stock compositor and audiomixer: every video is cropped and scaled to the exact size of its tile
//! in front of the compositor, which then only copies.
//!
//! Request pads `video_%u` and `audio_%u` have the properties `participant` (default: the number of
//! the pad), `label`, `source`, `role` and `muted`. Times are running times, so a track that starts
//! later has that offset on its pad. Pads may come and go.
//!
//! Layout changes are exact to the frame: frames are fitted by the picture of their own time, and a
//! frame that stays longer is fitted again when its tile changes. Offline, that order is kept by
//! waiting: a pad that neither delivers buffers, GAP events nor EOS stalls the whole. A side without
//! pads outputs nothing until the other ends. With `live=true` nothing waits, and an empty room works.
//!
//! Messages (times are running times in ns):
//! - `roomcompositor-layout`: `time`, `layout`, `tiles` (array of structures with `participant`,
//!   `source`, `x`, `y`, `width`, `height`);
//! - `roomcompositor-speaker`: `time`, `participant` (absent if nobody has the stage).
//!
//! ## Example
//!
//! ```sh
//! gst-launch-1.0 roomcompositor name=room layout=speaker video_0::participant=ada audio_0::participant=ada \
//!   room.video_src ! queue ! x264enc ! matroskamux name=mux ! filesink location=class.mkv \
//!   room.audio_src ! queue ! audioconvert ! opusenc ! mux. \
//!   filesrc location=ada.mkv ! decodebin name=ada ada. ! queue ! video/x-raw ! room.video_0 \
//!   ada. ! queue ! audio/x-raw ! room.audio_0
//! ```

use gst::glib;
use gst::prelude::*;
use once_cell::sync::Lazy;

use crate::elements::shared::track_kind;

mod audio;
mod avatar;
mod bin;
mod branch;
mod fitter;
mod frames;
mod imp;
mod pad;
mod room;
mod settings;
mod shown;
mod sides;
mod stage;
mod timeline;
mod video;

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "roomcompositor",
        gst::DebugColorFlags::empty(),
        Some("Room compositor"),
    )
});

glib::wrapper! {
    pub struct RoomCompositor(ObjectSubclass<imp::RoomCompositor>)
        @extends gst::Bin, gst::Element, gst::Object, @implements gst::ChildProxy;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    track_kind::mark_as_plugin_api();
    pad::RoomPad::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(
        Some(plugin),
        "roomcompositor",
        gst::Rank::NONE,
        RoomCompositor::static_type(),
    )
}
