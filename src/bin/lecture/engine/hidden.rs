// SPDX-License-Identifier: MPL-2.0

//! Frames that an edit list hides, where a video is copied.

use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gstlecture::timeline::hidden::{Copied, Fate};
use gstlecture::timeline::{Span, Time};

/// What was left out of a pad.
#[derive(Clone, Debug, Default)]
pub struct LeftOut(Arc<Mutex<Copied>>);

impl LeftOut {
    /// Returns the length of the frames that should be seen and cannot be decoded without hidden ones.
    pub fn lost(&self) -> Time {
        let copied = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        copied.lost()
    }
}

/// Leaves out the coded frames that the segments of a pad do not show, and those that need them.
pub fn leave_out(pad: &gst::Pad) -> LeftOut {
    let left_out = LeftOut::default();
    let copied = left_out.0.clone();
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(kinds, move |_, info| {
        let mut copied = copied.lock().unwrap_or_else(PoisonError::into_inner);
        match &info.data {
            Some(gst::PadProbeData::Event(event)) => {
                if let gst::EventView::Segment(event) = event.view()
                    && let Some(segment) = event.segment().downcast_ref::<gst::ClockTime>()
                {
                    copied.begin(shown(segment));
                }
            }
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
                if let Some(span) = span(buffer)
                    && copied.decide(span, is_key) != Fate::Kept
                {
                    // "Handled" and not "Drop": GStreamer would free again what is freed here.
                    return gst::PadProbeReturn::Handled;
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
    left_out
}

/// Returns the media that a segment shows.
fn shown(segment: &gst::FormattedSegment<gst::ClockTime>) -> Span {
    let end = segment.stop().map_or(Time::MAX, time);
    Span::new(segment.start().map_or(Time::ZERO, time), end)
}

/// Returns when a frame is shown in its media.
fn span(buffer: &gst::BufferRef) -> Option<Span> {
    let start = time(buffer.pts()?);
    // A frame without a duration is shown for an instant.
    let length = buffer.duration().map_or(Time::from_nanos(1), time);
    Some(Span::new(start, start.saturating_add(length)))
}

fn time(time: gst::ClockTime) -> Time {
    Time::from_nanos(time.nseconds())
}
