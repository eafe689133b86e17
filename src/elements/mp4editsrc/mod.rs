// SPDX-License-Identifier: MPL-2.0

//! `mp4editsrc` reads an MP4 or QuickTime file like filesrc, with its movie header written so that
//! qtdemux obeys its edit lists: what they hide stays hidden, and what they show is whole. Any other
//! file is read as it is.
//!
//! ```text
//! gst-launch-1.0 mp4editsrc location=trimmed.mov ! decodebin ! autovideosink
//! ```

use gst::glib;
use gst::prelude::*;

mod imp;

glib::wrapper! {
    pub struct Mp4EditSrc(ObjectSubclass<imp::Mp4EditSrc>)
        @extends gst_base::BaseSrc, gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "mp4editsrc",
        gst::Rank::NONE,
        Mp4EditSrc::static_type(),
    )
}
