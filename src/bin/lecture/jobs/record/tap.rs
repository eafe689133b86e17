// SPDX-License-Identifier: MPL-2.0

//! Copies the stream of a pad to a source of another pipeline, and its requests back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use gst::prelude::*;

/// Makes a decoder ask for the key frame that it lacks. On a busy machine the first one is gone before the
/// decoder is ready.
pub fn wait_for_key_frames(decoder: &gst::Element) {
    let Some(bin) = decoder.downcast_ref::<gst::Bin>() else {
        return;
    };
    bin.connect_element_added(|_, element| {
        for name in ["request-keyframe", "wait-for-keyframe"] {
            if element.find_property(name).is_some() {
                element.set_property(name, true);
            }
        }
    });
}

/// Hands requests for key frames that reach a source on to the sender.
fn hand_on_requests(source: &gst_app::AppSrc, pad: &gst::Pad) {
    let (own, sender) = (source.static_pad("src"), pad.downgrade());
    if let Some(own) = own {
        own.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            if let Some(gst::PadProbeData::Event(event)) = &info.data
                && gst_video::ForceKeyUnitEvent::is(event)
                && let Some(pad) = sender.upgrade()
            {
                request_key_frame(&pad);
            }
            gst::PadProbeReturn::Ok
        });
    }
}

/// Asks the sender behind a pad for a key frame.
pub fn request_key_frame(pad: &gst::Pad) {
    let caps = pad.current_caps();
    let mut first = caps.iter().filter_map(|caps| caps.structure(0));
    // With all headers an RTP session sends FIR in place of PLI, which not every server passes on.
    let is_rtp = first.any(|first| first.has_name("application/x-rtp"));
    let event = gst_video::UpstreamForceKeyUnitEvent::builder();
    // A sender that cannot make one goes on as it does.
    let _ = pad.send_event(event.all_headers(!is_rtp).build());
}

/// Copies what passes a pad to a source, with running times. The offsets of the copies count them, so that
/// what a full source drops is noticed.
pub fn tap(pad: &gst::Pad, source: gst_app::AppSrc) {
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    let has_begun = AtomicBool::new(false);
    let count = AtomicU64::new(0);
    let caps = Mutex::new(None);
    hand_on_requests(&source, pad);
    let source = source.downgrade();
    pad.add_probe(mask, move |pad, info| {
        // The pad may go on with the track of another person.
        let Some(source) = source.upgrade() else {
            return gst::PadProbeReturn::Remove;
        };
        // They come before the first buffer: a decoder that is chosen by the announced ones, which
        // lack what it asks for, is the wrong one or none.
        let current = pad.current_caps();
        if !has_begun.swap(true, Ordering::Relaxed) {
            request_key_frame(pad);
        }
        let before = {
            let mut caps = caps.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *caps, current.clone())
        };
        if before != current {
            source.set_caps(current.as_ref());
        }
        let segment = pad.sticky_event::<gst::event::Segment>(0);
        let segment = segment
            .as_ref()
            .and_then(|event| event.segment().downcast_ref::<gst::ClockTime>());
        match (&info.data, segment) {
            (Some(gst::PadProbeData::Buffer(buffer)), Some(segment)) => {
                push(&source, buffer.clone(), segment, &count);
            }
            (Some(gst::PadProbeData::BufferList(list)), Some(segment)) => {
                for buffer in list.iter_owned() {
                    push(&source, buffer, segment, &count);
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

fn push(
    source: &gst_app::AppSrc,
    mut buffer: gst::Buffer,
    segment: &gst::FormattedSegment<gst::ClockTime>,
    count: &AtomicU64,
) {
    let running = |time: Option<gst::ClockTime>| segment.to_running_time(time?);
    let (pts, dts) = (running(buffer.pts()), running(buffer.dts()));
    let copy = buffer.make_mut();
    copy.set_pts(pts);
    copy.set_dts(dts);
    copy.set_offset(count.fetch_add(1, Ordering::Relaxed));
    // A source that has ended takes nothing.
    let _ = source.push_buffer(buffer);
}
