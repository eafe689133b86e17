// SPDX-License-Identifier: MPL-2.0

//! A pair of pads: the stream's state on the sink side, the data sent on the source side.

use std::sync::Mutex;

use gst::prelude::*;
use gst_audio::AudioInfo;

use super::audio;
use super::kind::Kind;
use super::redact::Redactor;
use super::sink_pad::SinkPad;
use super::times::{clock, time};
use crate::speech::{Listener, Sound};
use crate::timeline::{Content, Span, Time};

/// A sink pad and its source pad.
pub struct Pair {
    pub id: u32,
    pub sink: gst::Pad,
    pub src: gst::Pad,
    /// Used by the sink's streaming thread.
    pub input: Mutex<Input>,
    /// Used by the source's task.
    pub output: Mutex<Output>,
}

impl Pair {
    /// Returns the content of the stream.
    pub fn content(&self) -> Content {
        let pad = self.sink.downcast_ref::<SinkPad>();
        pad.map_or(Content::Main, SinkPad::content)
    }
}

#[derive(Default)]
pub struct Input {
    /// Whether the last caps can be processed.
    pub accepted: bool,
    pub segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    pub kind: Kind,
    pub listener: Option<Listener>,
    /// End of the last buffer.
    last: Time,
}

/// A buffer and its span in the source.
pub struct Arrived {
    pub buffer: gst::Buffer,
    pub span: Span,
    pub sounds: Vec<Sound>,
}

impl Input {
    /// Discards the stream except for its caps, which survive a flush.
    pub fn flush(&mut self) {
        if let Some(listener) = &mut self.listener {
            listener.finish();
            listener.drain();
        }
        self.segment = None;
        self.last = Time::ZERO;
    }

    /// Places a buffer in the source and analyses it. Returns `None` if it is completely outside of
    /// the segment.
    pub fn receive(&mut self, buffer: gst::Buffer, clip: bool) -> Option<Arrived> {
        let Some(segment) = &self.segment else {
            return Some(Arrived {
                buffer,
                span: Span::new(self.last, self.last),
                sounds: Vec::new(),
            });
        };
        let info = match &self.kind {
            Kind::RawAudio(info) => Some(info),
            _ => None,
        };
        let buffer = match info {
            Some(info) if clip && buffer.pts().is_some() => {
                gst_audio::audio_buffer_clip(buffer, segment.upcast_ref(), info.rate(), info.bpf())?
            }
            _ => buffer,
        };
        let length = match info {
            Some(info) => duration(&buffer, info),
            None => buffer.duration().map_or(Time::ZERO, time),
        };
        let whole = matches!(self.kind, Kind::EncodedVideo);
        let span = match buffer.pts().or(buffer.dts()) {
            Some(pts) => {
                let end = pts.saturating_add(clock(length));
                if clip && !whole && info.is_none() {
                    let (start, end) = segment.clip(pts, end)?;
                    let span = Span::new(stream_time(segment, start?), stream_time(segment, end?));
                    // A packet is copied whole: one that is mostly outside would move those behind it.
                    let is_outside = span.duration().nanos() < length.nanos() / 2;
                    if is_outside && matches!(self.kind, Kind::Packets) {
                        return None;
                    }
                    span
                } else {
                    let start = stream_time(segment, pts);
                    Span::new(start, start.saturating_add(length))
                }
            }
            None => Span::new(self.last, self.last.saturating_add(length)),
        };
        self.last = span.end;
        let sounds = self.listen(&buffer, span);
        Some(Arrived {
            buffer,
            span,
            sounds,
        })
    }

    /// Returns the span of a GAP in the source.
    pub fn gap(&mut self, start: gst::ClockTime, length: Option<gst::ClockTime>) -> Option<Span> {
        let segment = self.segment.as_ref()?;
        let end = start.saturating_add(length.unwrap_or_default());
        let (start, end) = segment.clip(start, end)?;
        let span = Span::new(stream_time(segment, start?), stream_time(segment, end?));
        self.last = span.end;
        Some(span)
    }

    /// Returns the remaining sounds at the end.
    pub fn finish(&mut self) -> Vec<Sound> {
        match &mut self.listener {
            Some(listener) => {
                listener.finish();
                listener.drain()
            }
            None => Vec::new(),
        }
    }

    fn listen(&mut self, buffer: &gst::BufferRef, span: Span) -> Vec<Sound> {
        let (Kind::RawAudio(info), Some(listener)) = (&self.kind, &mut self.listener) else {
            return Vec::new();
        };
        if buffer.flags().contains(gst::BufferFlags::GAP) {
            // Its contents count as silence.
            let silence = vec![0.0; audio::count(buffer, info)];
            listener.push(span.start, info.rate(), 1, &silence);
        } else if let Some(samples) = audio::samples(buffer, info) {
            listener.push(span.start, info.rate(), info.channels() as usize, &samples);
        }
        listener.drain()
    }
}

/// Output state of the source side.
#[derive(Default)]
pub struct Output {
    /// Seqnum of the segment that is due before the next buffer.
    pub segment_due: Option<gst::Seqnum>,
    /// Sticky events to be sent after the segment.
    pub behind_segment: Vec<gst::Event>,
    /// A table of contents whose times were undecided when it arrived; it is sent at the end.
    pub toc: Option<gst::Event>,
    /// Offset added to all timestamps, so that decoding times before the first frame are not
    /// negative.
    pub offset: gst::ClockTime,
    /// The kept span of the last buffer.
    pub source: Option<Time>,
    /// End of the last buffer.
    pub position: gst::ClockTime,
    pub redactor: Redactor,
}

/// Returns whether a stream may still arrive at a pad: its upstream elements lead to one that
/// produces a stream and is not at EOS.
pub fn has_source(sink: &gst::Pad) -> bool {
    /// More than any pipeline has elements in a row.
    const FARTHEST: usize = 200;
    if sink.pad_flags().contains(gst::PadFlags::EOS) {
        return false;
    }
    let mut ahead = vec![(sink.clone(), 0)];
    while let Some((sink, far)) = ahead.pop() {
        let Some(src) = sink.peer() else { continue };
        if far == FARTHEST || src.parent().is_none() {
            return true;
        }
        let inside: Result<Vec<gst::Pad>, _> = src.iterate_internal_links().into_iter().collect();
        match inside {
            Ok(sinks) if !sinks.is_empty() => {
                ahead.extend(sinks.into_iter().map(|sink| (sink, far + 1)));
            }
            // It produces the stream itself, or changes during the search.
            _ => return true,
        }
    }
    false
}

fn stream_time(segment: &gst::FormattedSegment<gst::ClockTime>, at: gst::ClockTime) -> Time {
    match segment.to_stream_time_full(at) {
        Some(gst::Signed::Positive(at)) => time(at),
        _ => Time::ZERO,
    }
}

fn duration(buffer: &gst::BufferRef, info: &AudioInfo) -> Time {
    let samples = audio::count(buffer, info) as u128;
    let nanos = samples * 1_000_000_000 / u128::from(info.rate().max(1));
    Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
