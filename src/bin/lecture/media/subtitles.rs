// SPDX-License-Identifier: MPL-2.0

//! Subtitle tracks as their containers store them.

use std::sync::{Mutex, PoisonError};

use gst::prelude::*;
use gstlecture::webvtt;

/// Writes a subtitle track in the form of its container: demuxers escape markup characters in the
/// text of SubRip; MP4 has no tags.
pub fn write_plainly(pipeline: &gst::Pipeline, n: usize, without_tags: bool) {
    let filter = pipeline.by_name(&format!("text{n}"));
    let Some(pad) = filter.and_then(|filter| filter.static_pad("src")) else {
        return;
    };
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let is_markup = pad.current_caps().is_some_and(|caps| {
            let format = caps.structure(0).map(|caps| caps.get::<&str>("format"));
            matches!(format, Some(Ok("pango-markup")))
        });
        if is_markup && let Some(buffer) = info.buffer_mut() {
            let text = buffer.map_readable().map(|map| {
                let text = String::from_utf8_lossy(&map);
                if without_tags {
                    webvtt::plain_text(&text)
                } else {
                    webvtt::unescape(&text)
                }
            });
            if let Ok(text) = text {
                let cue = buffer.make_mut();
                cue.remove_all_memory();
                cue.append_memory(gst::Memory::from_slice(text.into_bytes()));
            }
        }
        gst::PadProbeReturn::Ok
    });
}

/// Writes an empty cue after each cue. Readers of MP4 that add an edit list to a sample's time,
/// such as FFmpeg, otherwise give the last cue of a track no duration.
pub fn end_cues(pipeline: &gst::Pipeline, n: usize) {
    let Some(words) = pipeline.by_name(&format!("words{n}")) else {
        return;
    };
    let (Some(sink), Some(src)) = (words.static_pad("sink"), words.static_pad("src")) else {
        return;
    };
    let end = Mutex::new(None);
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    let src = src.downgrade();
    sink.add_probe(kinds, move |_, info| {
        let mut end = end.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cue) = info.buffer() {
            *end = cue
                .pts()
                .zip(cue.duration())
                .map(|(start, length)| start.saturating_add(length));
        }
        let is_end =
            |event: &gst::Event| matches!(event.type_(), gst::EventType::Gap | gst::EventType::Eos);
        if info.event().is_some_and(is_end)
            && let Some(at) = end.take()
            && let Some(src) = src.upgrade()
        {
            drop(end);
            let mut nothing = gst::Buffer::new();
            let cue = nothing.make_mut();
            cue.set_pts(at);
            cue.set_duration(gst::ClockTime::from_mseconds(1));
            // A pad that accepts no more cues gets none.
            let _ = src.push(nothing);
        }
        gst::PadProbeReturn::Ok
    });
}
