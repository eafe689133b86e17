// SPDX-License-Identifier: MPL-2.0

//! Takes the lead of an MPEG stream's clock away.

use std::sync::{Arc, OnceLock};

use gst::prelude::*;

/// Demuxers of MPEG streams, whose timestamps count from a clock that starts before the first
/// frame. The lead is the buffering time of a decoder: half a second or more. Their segment starts
/// at the first timestamp, which is also its stream time.
const CLOCKED: [&str; 2] = ["tsdemux", "mpegpsdemux"];

/// Makes the stream time of a recording with a clock start at its first video or audio frame, as in
/// other formats. All its streams are shifted by the same amount.
pub fn begin_at_zero(pipeline: &gst::Pipeline) {
    pipeline.connect_deep_element_added(|_, _, element| {
        if !is_clocked(element) {
            return;
        }
        let lead = Arc::new(OnceLock::new());
        let late = Arc::new(OnceLock::new());
        element.connect_pad_added(move |_, pad| {
            let (lead, late) = (Arc::clone(&lead), Arc::clone(&late));
            let kinds = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER;
            pad.add_probe(kinds, move |_, info| {
                if let Some(event) = info.event()
                    && let Some(moved) = without_lead(event, &lead)
                {
                    info.data = Some(gst::PadProbeData::Event(moved));
                }
                if lead.get() == Some(&gst::ClockTime::ZERO)
                    && let Some(buffer) = info.buffer_mut()
                {
                    begin_with_first(buffer, &late);
                }
                gst::PadProbeReturn::Ok
            });
        });
    });
}

/// Makes a buffer earlier by the time of the first one. After a playlist's demuxer, the segment
/// begins at zero, but the clock of the streams still starts before the first frame.
fn begin_with_first(buffer: &mut gst::Buffer, late: &OnceLock<gst::ClockTime>) {
    let Some(first) = buffer.dts_or_pts() else {
        return;
    };
    let late = *late.get_or_init(|| first);
    if late > gst::ClockTime::ZERO {
        let buffer = buffer.make_mut();
        buffer.set_pts(buffer.pts().map(|time| time.saturating_sub(late)));
        buffer.set_dts(buffer.dts().map(|time| time.saturating_sub(late)));
    }
}

/// Returns whether an element is such a demuxer.
pub fn is_clocked(element: &gst::Element) -> bool {
    let factory = element.factory();
    factory.is_some_and(|factory| CLOCKED.contains(&factory.name().as_str()))
}

/// Returns a segment whose stream time is earlier by the start of the first one.
fn without_lead(event: &gst::Event, lead: &OnceLock<gst::ClockTime>) -> Option<gst::Event> {
    let gst::EventView::Segment(segment) = event.view() else {
        return None;
    };
    let mut segment = segment.segment().downcast_ref::<gst::ClockTime>()?.clone();
    let time = segment.time()?;
    let lead = lead.get_or_init(|| time);
    segment.set_time(time.saturating_sub(*lead));
    let moved = gst::event::Segment::builder(&segment).seqnum(event.seqnum());
    Some(moved.build())
}
