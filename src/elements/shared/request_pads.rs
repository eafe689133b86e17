// SPDX-License-Identifier: MPL-2.0

//! Pads that come and go on request.

use std::collections::BTreeSet;
use std::sync::Mutex;

use gst::glib;
use gst::prelude::*;

use super::lock::lock;

/// The names of pads that are being made: threads of several senders may ask at the same time.
#[derive(Default)]
pub struct Names(Mutex<BTreeSet<String>>);

/// A name that nobody else gets, for as long as this is held.
pub struct Reserved<'a> {
    names: &'a Names,
    pub name: String,
}

impl Names {
    /// Returns the name of a new pad: the requested one, else `prefix` with the first number that is
    /// free. It is to be held until the pad is there. Returns `None` if there is a pad of this name
    /// already.
    pub fn reserve(
        &self,
        element: &impl IsA<gst::Element>,
        prefix: &str,
        requested: Option<&str>,
    ) -> Option<Reserved<'_>> {
        let mut names = lock(&self.0);
        let is_free = |name: &String| !names.contains(name) && element.static_pad(name).is_none();
        let name = match requested {
            Some(name) => Some(name.to_owned()).filter(is_free),
            None => (0..)
                .map(|number: u32| format!("{prefix}{number}"))
                .find(is_free),
        }?;
        names.insert(name.clone());
        drop(names);
        Some(Reserved { names: self, name })
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        lock(&self.names.0).remove(&self.name);
    }
}

/// Adds a src pad and its sink pad to an element, active if it runs.
///
/// # Errors
/// A pad cannot be activated or added; the other one may be there.
pub fn add_pair(
    element: &impl IsA<gst::Element>,
    src: &gst::Pad,
    sink: &gst::Pad,
) -> Result<(), glib::BoolError> {
    let runs = element.current_state().max(element.pending_state()) > gst::State::Ready;
    [src, sink].into_iter().try_for_each(|pad| {
        if runs {
            pad.set_active(true)?;
        }
        element.add_pad(pad)
    })
}

/// Removes a sink pad and its src pad. Either may be gone already, or never have been added.
pub fn remove_pair(element: &impl IsA<gst::Element>, sink: &gst::Pad, src: &gst::Pad) {
    for pad in [sink, src] {
        let _ = pad.set_active(false);
        let _ = element.remove_pad(pad);
    }
}
