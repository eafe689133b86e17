// SPDX-License-Identifier: MPL-2.0

//! Parts of joined and chained files, which GStreamer's demuxers let end the stream or overlap.

use std::sync::{Arc, Mutex};

use gst::prelude::*;

use super::{lock, media};

/// Largest step back that is ignored: frames are not stored in presentation order.
const STEP_BACK: gst::ClockTime = gst::ClockTime::from_mseconds(500);

/// Makes the second of two joined Matroska files follow the first: the demuxer begins a segment
/// where the first part ended, but its running time and the times of its packets begin again at zero.
pub(super) fn join_parts(demuxer: &gst::Element) {
    demuxer.connect_pad_added(|_, pad| {
        let previous: Mutex<Option<gst::FormattedSegment<gst::ClockTime>>> = Mutex::default();
        let moved = Mutex::new(None);
        let kinds = gst::PadProbeType::BUFFER
            | gst::PadProbeType::EVENT_DOWNSTREAM
            | gst::PadProbeType::EVENT_FLUSH;
        pad.add_probe(kinds, move |_, info| {
            match &mut info.data {
                Some(gst::PadProbeData::Event(event)) => match event.view() {
                    gst::EventView::FlushStop(_) => *lock(&previous) = None,
                    gst::EventView::Segment(_) => {
                        if let Some(joined) = following(event, &mut lock(&previous)) {
                            *event = joined;
                        }
                        *lock(&moved) = None;
                    }
                    _ => {}
                },
                Some(gst::PadProbeData::Buffer(buffer)) => {
                    let begins = lock(&previous).as_ref().and_then(|segment| segment.start());
                    move_behind(buffer, begins.unwrap_or_default(), &mut lock(&moved));
                }
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
    });
}

/// Notes a segment; returns it with the running time that it has behind the one before.
fn following(
    event: &gst::Event,
    previous: &mut Option<gst::FormattedSegment<gst::ClockTime>>,
) -> Option<gst::Event> {
    let gst::EventView::Segment(new) = event.view() else {
        return None;
    };
    let mut segment = new.segment().downcast_ref::<gst::ClockTime>()?.clone();
    let base = previous
        .as_ref()
        .and_then(|previous| previous.to_running_time(segment.start()));
    let joined = base
        .filter(|base| segment.base() < Some(*base))
        .map(|base| {
            segment.set_base(base);
            gst::event::Segment::builder(&segment)
                .seqnum(event.seqnum())
                .build()
        });
    *previous = Some(segment);
    joined
}

/// Moves a packet that lies before its segment to its place in it.
fn move_behind(
    buffer: &mut gst::Buffer,
    begins: gst::ClockTime,
    moved: &mut Option<gst::ClockTime>,
) {
    let Some(time) = buffer.dts_or_pts() else {
        return;
    };
    let is_behind = time.saturating_add(STEP_BACK) < begins;
    let by = *moved.get_or_insert(match is_behind {
        true => begins,
        false => gst::ClockTime::ZERO,
    });
    if by > gst::ClockTime::ZERO {
        let buffer = buffer.make_mut();
        buffer.set_pts(buffer.pts().map(|time| time.saturating_add(by)));
        buffer.set_dts(buffer.dts().map(|time| time.saturating_add(by)));
    }
}
/// Connects each further link of a chained file to the elements of the one before: the demuxer
/// gives it pads of its own, and a description links the first ones only.
pub(super) fn relink_next_chain(source: &gst::Element) {
    struct Link {
        pad: gst::Pad,
        to: gst::Pad,
    }
    let links: Arc<Mutex<Vec<Link>>> = Arc::default();
    source.connect_pad_added({
        let links = links.clone();
        move |_, pad| {
            if !pad.is_linked() {
                let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
                let own = media(Some(caps));
                let is_free = |to: &gst::Pad| !to.is_linked() && media(to.current_caps()) == own;
                let before: Vec<gst::Pad> =
                    lock(&links).iter().map(|link| link.to.clone()).collect();
                if let Some(to) = before.into_iter().find(is_free) {
                    // Incompatible data is reported by the element that receives it.
                    let _ = pad.link(&to);
                }
            }
            let Some(to) = pad.peer() else {
                return;
            };
            let mut links = lock(&links);
            links.retain(|link| link.to != to);
            links.push(Link {
                pad: pad.clone(),
                to,
            });
        }
    });
    source.connect_pad_removed(move |_, pad| {
        lock(&links).retain(|link| link.pad != *pad || !link.to.is_linked());
    });
}
