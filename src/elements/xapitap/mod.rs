// SPDX-License-Identifier: MPL-2.0

//! # xapitap
//!
//! Reports what a viewer does with a video to a Learning Record Store, as statements of the xAPI
//! Video Profile 1.0.3. It passes any stream through unchanged and derives play, pause, seek, rate
//! and end from clock, segments and events. It therefore fits into any playback pipeline, for
//! example as `audio-filter` of playbin.
//!
//! ```text
//! gst-launch-1.0 filesrc location=class.mkv ! decodebin ! audioconvert ! \
//!   xapitap actor=mailto:ada@example.org activity-id=https://example.org/class/7 \
//!     journal=/var/lib/player/xapi endpoint=https://lrs.example.org/xapi \
//!     username=player password=file:/etc/player/lrs-password ! autoaudiosink
//! ```

mod active;
mod imp;
mod messages;
mod position;
mod properties;
mod settings;

use gst::glib;
use gst::prelude::*;

glib::wrapper! {
    pub struct XapiTap(ObjectSubclass<imp::XapiTap>) @extends gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    settings::Version::static_type().mark_as_plugin_api(gst::PluginAPIFlags::empty());
    gst::Element::register(
        Some(plugin),
        "xapitap",
        gst::Rank::NONE,
        XapiTap::static_type(),
    )
}
