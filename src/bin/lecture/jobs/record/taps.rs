// SPDX-License-Identifier: MPL-2.0

//! The uses of the streams that come in.

use std::sync::Arc;

use gst::prelude::*;

use super::composite::Composite;
use super::stream::Stream;

/// The uses of a stream: a track of its own, the composite, or both.
#[derive(Clone)]
pub struct Taps {
    pub composite: Option<Arc<Composite>>,
    pub keeps_tracks: bool,
}

impl Taps {
    /// Connects the composite with a pad, and prepares the pad of the session that takes its stream.
    pub fn add(&self, pad: &gst::Pad, sink: &gst::Pad, stream: &Stream) {
        sink.set_property("recorded", self.keeps_tracks);
        if let Some(composite) = &self.composite {
            composite.add(pad, stream);
        }
    }

    pub fn remove(&self, pad: &gst::Pad) {
        if let Some(composite) = &self.composite {
            composite.remove(pad);
        }
    }
}

/// Keeps the end of a stream from the session: the sender leaves when the pad is removed, and a room
/// that everybody has left goes on.
pub fn go_on(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| {
        match &info.data {
            Some(gst::PadProbeData::Event(event)) if event.type_() == gst::EventType::Eos => {
                gst::PadProbeReturn::Handled
            }
            _ => gst::PadProbeReturn::Ok,
        }
    });
}
