// SPDX-License-Identifier: MPL-2.0

//! The pads of an element as its children, so that `gst-launch-1.0` sets their properties
//! (`PAD::PROPERTY=VALUE`).

use gst::glib;
use gst::prelude::*;

pub fn by_index(element: &impl IsA<gst::Element>, index: u32) -> Option<glib::Object> {
    let pad = element.pads().into_iter().nth(usize::try_from(index).ok()?);
    pad.map(Cast::upcast)
}

pub fn by_name(element: &impl IsA<gst::Element>, name: &str) -> Option<glib::Object> {
    element.static_pad(name).map(Cast::upcast)
}

pub fn count(element: &impl IsA<gst::Element>) -> u32 {
    u32::from(element.num_pads())
}
