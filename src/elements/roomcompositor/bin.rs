// SPDX-License-Identifier: MPL-2.0

//! Elements inside of the bin.

use gst::glib;
use gst::prelude::*;

/// Makes an element; the error names the missing factory.
pub fn make(factory: &str) -> Result<gst::Element, glib::BoolError> {
    gst::ElementFactory::make(factory)
        .build()
        .map_err(|_| glib::bool_error!("there is no element \"{factory}\"; install its plugin"))
}

/// Adds elements to the bin, links them in order, and sets them to the state of the bin.
pub fn add(bin: &gst::Bin, elements: &[gst::Element]) -> Result<(), glib::BoolError> {
    bin.add_many(elements)?;
    gst::Element::link_many(elements)?;
    for element in elements.iter().rev() {
        element.sync_state_with_parent()?;
    }
    Ok(())
}

/// Stops elements and removes them from the bin.
pub fn remove(bin: &gst::Bin, elements: &[gst::Element]) {
    for element in elements {
        if element.parent().as_ref() != Some(bin.upcast_ref()) {
            // The bin itself is going.
            continue;
        }
        element.set_locked_state(true);
        let _ = element.set_state(gst::State::Null);
        let _ = bin.remove(element);
    }
}

/// Returns a static pad, or an error that names the element and the pad.
pub fn static_pad(element: &gst::Element, name: &str) -> Result<gst::Pad, glib::BoolError> {
    element
        .static_pad(name)
        .ok_or_else(|| glib::bool_error!("{} has no pad {name}", element.name()))
}

/// Requests a pad of an aggregator.
pub fn request(element: &gst::Element) -> Result<gst::Pad, glib::BoolError> {
    element
        .request_pad_simple("sink_%u")
        .ok_or_else(|| glib::bool_error!("{} has no more pads", element.name()))
}
