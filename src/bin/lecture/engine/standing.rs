// SPDX-License-Identifier: MPL-2.0

//! A last frame that stands, as a screen recorder leaves it while nothing changes.
//!
//! Its duration is in the container, but parsers (h264parse, h265parse in 1.22) replace it with that of
//! one frame at the constant rate, and the end of the recording would be lost.

use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;

/// The shortest duration that is kept: no frame rate comes near it.
const STANDS: gst::ClockTime = gst::ClockTime::SECOND;

/// The start and duration of the last frame that came, if it stands.
type Last = Arc<Mutex<Option<(gst::ClockTime, gst::ClockTime)>>>;

/// Has the parsers and decoders of a pipeline keep the duration of a frame that stands.
pub fn keep(pipeline: &gst::Pipeline) {
    for element in pipeline.iterate_recurse().into_iter().flatten() {
        keep_in(&element);
    }
    pipeline.connect_deep_element_added(|_, _, element| keep_in(element));
}

fn keep_in(element: &gst::Element) {
    let is = |kind| {
        let factory = element.factory();
        factory.is_some_and(|factory| factory.has_type(kind))
    };
    let video = gst::ElementFactoryType::MEDIA_VIDEO;
    if !is(gst::ElementFactoryType::PARSER | video) && !is(gst::ElementFactoryType::DECODER | video)
    {
        return;
    }
    if let (Some(sink), Some(src)) = (element.static_pad("sink"), element.static_pad("src")) {
        let last = Last::default();
        note(&sink, &last);
        restore(&src, &last);
    }
}

/// Notes the last frame that comes to a pad.
fn note(pad: &gst::Pad, last: &Last) {
    let last = last.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let frame = info.buffer().and_then(|buffer| {
            let duration = buffer.duration().filter(|duration| *duration >= STANDS)?;
            Some((buffer.pts()?, duration))
        });
        *last.lock().unwrap_or_else(PoisonError::into_inner) = frame;
        gst::PadProbeReturn::Ok
    });
}

/// Gives the noted frame its duration where it comes out of a pad.
fn restore(pad: &gst::Pad, last: &Last) {
    let last = last.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let noted = *last.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some((start, duration)), Some(buffer)) = (noted, info.buffer_mut())
            && buffer.pts() == Some(start)
            && buffer.duration() < Some(duration)
        {
            buffer.make_mut().set_duration(duration);
        }
        gst::PadProbeReturn::Ok
    });
}
