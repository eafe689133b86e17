// SPDX-License-Identifier: MPL-2.0

//! `silencetrim` finds the dead air of a recorded class and cuts it from any number of streams at
//! once: before the class, after it and, if wanted, in long breaks. With `mode=detect` everything
//! passes, and a cut list is written that a person can correct and `cuts-location` applies.
//!
//! ```sh
//! gst-launch-1.0 silencetrim name=trim mode=detect report-location=trim.vtt \
//!   filesrc location=class.mkv ! decodebin ! audio/x-raw ! queue ! trim.sink_0 \
//!   trim.src_0 ! fakesink
//! ```

use gst::glib;
use gst::prelude::*;

mod audio;
mod gops;
mod imp;
mod item;
mod pads;
mod plan;
mod report;
mod session;
mod settings;

glib::wrapper! {
    pub struct SilenceTrim(ObjectSubclass<imp::SilenceTrim>)
        @extends gst::Element, gst::Object;
}

pub fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    gst::Element::register(
        Some(plugin),
        "silencetrim",
        gst::Rank::NONE,
        SilenceTrim::static_type(),
    )
}
