// SPDX-License-Identifier: MPL-2.0

//! Measures how far the streams of a source have come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gstlecture::timeline::Time;

use crate::engine::mpeg_clock;
use crate::engine::repair;

/// Extent of the source's streams, in nanoseconds.
#[derive(Default)]
pub struct Reach {
    start: AtomicU64,
    end: AtomicU64,
}

impl Reach {
    /// Returns the start of the latest stream.
    pub fn start(&self) -> Time {
        Time::from_nanos(self.start.load(Ordering::Relaxed))
    }

    /// Returns the end of the longest stream, so far.
    pub fn end(&self) -> Time {
        Time::from_nanos(self.end.load(Ordering::Relaxed))
    }
}

/// Records how far the streams of `source` get.
pub fn measure(source: &gst::Element, reach: &Arc<Reach>) {
    let reach = reach.clone();
    source.connect_pad_added(move |source, pad| {
        let from_first = source.downcast_ref::<gst::Bin>().is_some_and(|bin| {
            bin.iterate_recurse()
                .into_iter()
                .flatten()
                .any(|e| mpeg_clock::is_clocked(&e))
        }) || repair::follows_edits(source);
        measure_pad(pad, from_first, &reach);
    });
}

/// Measures how far a pad has come; `from_first` if headers count from its first timestamp.
pub fn measure_pad(pad: &gst::Pad, from_first: bool, reach: &Arc<Reach>) {
    let reach = reach.clone();
    let kinds = gst::PadProbeType::BUFFER
        | gst::PadProbeType::EVENT_DOWNSTREAM
        | gst::PadProbeType::EVENT_FLUSH;
    let position = Mutex::new(Position {
        segment: gst::FormattedSegment::new(),
        is_first: true,
        from_first,
    });
    pad.add_probe(kinds, move |_, info| {
        let mut position = position
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        match &info.data {
            Some(gst::PadProbeData::Event(event)) => position.follow(event),
            Some(gst::PadProbeData::Buffer(buffer)) => position.measure(buffer, &reach),
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// Position in a pad's stream.
struct Position {
    segment: gst::FormattedSegment<gst::ClockTime>,
    /// No buffer has come since the start or the last flush.
    is_first: bool,
    from_first: bool,
}

impl Position {
    fn follow(&mut self, event: &gst::Event) {
        match event.view() {
            gst::EventView::Segment(event) => {
                if let Some(new) = event.segment().downcast_ref::<gst::ClockTime>() {
                    self.segment = new.clone();
                }
            }
            gst::EventView::FlushStop(_) => self.is_first = true,
            _ => {}
        }
    }

    fn measure(&mut self, buffer: &gst::BufferRef, reach: &Reach) {
        let pts = buffer.pts().or(buffer.dts());
        let start = self.segment.to_stream_time(pts);
        if std::mem::take(&mut self.is_first)
            && let Some(start) = start
        {
            reach.start.fetch_max(start.nseconds(), Ordering::Relaxed);
        }
        let end = pts.map(|pts| pts + buffer.duration().unwrap_or(gst::ClockTime::ZERO));
        let streamed = self.segment.to_stream_time(end);
        // Headers count from the first timestamp or from zero.
        let end = if self.from_first {
            streamed
        } else {
            end.max(streamed)
        };
        if let Some(end) = end {
            reach.end.fetch_max(end.nseconds(), Ordering::Relaxed);
        }
    }
}
