// SPDX-License-Identifier: MPL-2.0

//! The pads of `livekitwebrtcsrc`: none may fail, and none may be refused, or all end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gst::prelude::*;

/// What happens to the data of a pad.
#[derive(Default)]
pub struct Gate {
    is_open: AtomicBool,
    has_passed: AtomicBool,
}

impl Gate {
    /// Lets the data of another track through.
    pub fn open(&self) {
        self.has_passed.store(false, Ordering::Relaxed);
        self.is_open.store(true, Ordering::Release);
    }

    pub fn close(&self) {
        self.is_open.store(false, Ordering::Release);
    }

    /// Returns whether data of the track have come.
    pub fn has_passed(&self) -> bool {
        self.has_passed.load(Ordering::Relaxed)
    }
}

/// Drops what comes while a gate is closed. A pad that is not linked would end all of them.
pub fn guard(pad: &gst::Pad, gate: Arc<Gate>) {
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(mask, move |_, _| {
        if !gate.is_open.load(Ordering::Acquire) {
            return gst::PadProbeReturn::Handled;
        }
        gate.has_passed.store(true, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
}

/// Answers for all RTP caps. webrtcbin 1.22 asks the pad of another track which codecs it may offer, and a
/// place that is refused by that ends the process.
pub fn take_all(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
        let Some(gst::PadProbeData::Query(query)) = &mut info.data else {
            return gst::PadProbeReturn::Ok;
        };
        let gst::QueryViewMut::Caps(caps) = query.view_mut() else {
            return gst::PadProbeReturn::Ok;
        };
        let filter = caps.filter().map(gst::CapsRef::to_owned);
        let all = || gst::Caps::new_empty_simple("application/x-rtp");
        caps.set_result(&filter.unwrap_or_else(all));
        gst::PadProbeReturn::Handled
    });
}

/// Returns whether a ghost pad shows this pad, also through others.
pub fn leads_to(outer: &gst::Pad, inner: &gst::Pad) -> bool {
    let mut next = Some(outer.clone());
    while let Some(pad) = next {
        if pad == *inner {
            return true;
        }
        let ghost = pad.downcast_ref::<gst::GhostPad>();
        next = ghost.and_then(GhostPadExt::target);
    }
    false
}
