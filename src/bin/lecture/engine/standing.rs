// SPDX-License-Identifier: MPL-2.0

//! A last frame that stands, as a screen recorder leaves it while nothing changes.
//!
//! Its duration is in the container, but parsers (h264parse, h265parse in 1.22) replace it with that of
//! one frame at the constant rate, and the end of the recording would be lost.

use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;

/// The shortest duration that is kept: no frame rate comes near it.
const STANDS: gst::ClockTime = gst::ClockTime::SECOND;

/// The start and duration of the last frame that a demuxer sent, if it stands.
type Last = Arc<Mutex<Option<(gst::ClockTime, gst::ClockTime)>>>;

/// Has the parsers and decoders of a pipeline give back its duration to a frame that stands.
pub fn keep(pipeline: &gst::Pipeline) {
    let last = Last::default();
    pipeline.connect_deep_element_added(move |_, _, element| {
        let is = |kind| {
            let factory = element.factory();
            factory.is_some_and(|factory| factory.has_type(kind))
        };
        let video = gst::ElementFactoryType::MEDIA_VIDEO;
        if is(gst::ElementFactoryType::DEMUXER) {
            let last = last.clone();
            element.connect_pad_added(move |_, pad| note(pad, &last));
        } else if is(gst::ElementFactoryType::PARSER | video)
            || is(gst::ElementFactoryType::DECODER | video)
        {
            element
                .static_pad("src")
                .into_iter()
                .for_each(|pad| restore(&pad, &last));
        }
    });
}

/// Notes the last frame that comes of a demuxer's pad of video.
fn note(pad: &gst::Pad, last: &Last) {
    let last = last.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let caps = pad.current_caps();
        let is_video = caps.is_some_and(|caps| {
            let stream = caps.structure(0);
            stream.is_some_and(|stream| stream.name().starts_with("video/"))
        });
        if !is_video {
            return gst::PadProbeReturn::Remove;
        }
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
