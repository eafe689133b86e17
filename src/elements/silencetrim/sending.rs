// SPDX-License-Identifier: MPL-2.0

//! Output: the kept part of each item, moved to its position in the output.

use gst::prelude::*;

use super::CAT;
use super::imp::SilenceTrim;
use super::item::{self, Kept};
use super::kind::Kind;
use super::pads::{Output, Pair};
use super::report;
use super::times::clock;
use crate::elements::shared::lock::lock;
use crate::elements::shared::{slide_event, splice_event};
use crate::package::grid::Splice;
use crate::timeline::{Decision, Span, Time};

impl SilenceTrim {
    pub(super) fn send_gap(
        &self,
        pair: &Pair,
        span: Span,
        event: &gst::Event,
        decision: &Decision,
    ) {
        let gst::EventView::Gap(gap) = event.view() else {
            return;
        };
        let Some(output) = item::kept_gap(span, decision) else {
            return;
        };
        self.send_owed(pair, gst::ClockTime::ZERO);
        let offset = lock(&pair.output).offset;
        let length = (!output.is_empty()).then(|| clock(output.duration()));
        let moved = gst::event::Gap::builder(clock(output.start).saturating_add(offset))
            .duration(length)
            .gap_flags(gap.gap_flags())
            .seqnum(event.seqnum())
            .build();
        pair.src.push_event(moved);
    }

    /// Sends the kept parts of a buffer.
    pub(super) fn send_kept(
        &self,
        pair: &Pair,
        buffer: gst::Buffer,
        span: Span,
        kind: &Kind,
        decision: &Decision,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let video = matches!(kind, Kind::EncodedVideo);
        item::kept(buffer, span, kind, decision)
            .into_iter()
            .try_fold(gst::FlowSuccess::Ok, |_, kept| {
                if let Kind::RawVideo(_) = kind {
                    self.announce(pair, &kept, decision);
                }
                self.send(pair, kept, video)
            })
    }

    pub(super) fn send_event(&self, pair: &Pair, event: gst::Event, decision: &Decision) {
        let event = match event.view() {
            gst::EventView::StreamStart(_) => {
                *lock(&pair.output) = Output::default();
                event
            }
            gst::EventView::Segment(_) => {
                // One segment from zero: a later one would only repeat the cut list.
                let mut output = lock(&pair.output);
                if output.source.is_none() && output.segment_due.is_none() {
                    output.segment_due = Some(event.seqnum());
                }
                return;
            }
            gst::EventView::CustomDownstream(custom) => {
                match custom.structure().and_then(slide_event::change) {
                    None => event,
                    Some(change) => {
                        let Some(time) = item::moved(change.end, decision) else {
                            return;
                        };
                        let after = item::moved(change.start, decision).unwrap_or(time);
                        let moved = slide_event::structure(Span::new(after, time));
                        gst::event::CustomDownstream::builder(moved)
                            .seqnum(event.seqnum())
                            .build()
                    }
                }
            }
            gst::EventView::Toc(_) if decision.until < Time::MAX => {
                // At the end all times are decided.
                lock(&pair.output).toc = Some(event);
                return;
            }
            gst::EventView::Toc(toc) => {
                lock(&pair.output).toc = None;
                let Some(moved) = moved_toc(toc, decision) else {
                    return;
                };
                moved
            }
            gst::EventView::Eos(_) => {
                self.send_owed(pair, gst::ClockTime::ZERO);
                self.send_held_toc(pair, decision);
                event
            }
            _ => event,
        };
        let sticky = event.is_sticky() && event.type_() > gst::EventType::Segment;
        let is_end = event.type_() == gst::EventType::Eos;
        {
            let mut output = lock(&pair.output);
            if sticky && !is_end && output.segment_due.is_some() {
                output.behind_segment.push(event);
                return;
            }
        }
        pair.src.push_event(event);
    }

    /// Sends the table of contents that arrived before its times were decided.
    fn send_held_toc(&self, pair: &Pair, decision: &Decision) {
        let Some(held) = lock(&pair.output).toc.take() else {
            return;
        };
        if let gst::EventView::Toc(toc) = held.view()
            && let Some(moved) = moved_toc(toc, decision)
        {
            pair.src.push_event(moved);
        } else {
            gst::debug!(CAT, obj = pair.src, "nothing is kept of its contents");
        }
    }

    /// Sends the segment and the events that follow it.
    pub(super) fn send_owed(&self, pair: &Pair, offset: gst::ClockTime) {
        let (segment, behind) = {
            let mut output = lock(&pair.output);
            let Some(seqnum) = output.segment_due.take() else {
                return;
            };
            output.offset = offset;
            let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
            segment.set_start(offset);
            segment.set_time(gst::ClockTime::ZERO);
            segment.set_position(offset);
            let event = gst::event::Segment::builder(&segment)
                .seqnum(seqnum)
                .build();
            (event, std::mem::take(&mut output.behind_segment))
        };
        pair.src.push_event(segment);
        for event in behind {
            pair.src.push_event(event);
        }
    }

    /// Sends the event for a kept span before its first frame.
    pub(super) fn announce(&self, pair: &Pair, kept: &Kept, decision: &Decision) {
        if lock(&pair.output).source == Some(kept.source) {
            return;
        }
        let spans = decision.kept.iter();
        let Some(source) = spans.copied().find(|span| span.start == kept.source) else {
            return;
        };
        let Some(at) = item::moved(source.start, decision) else {
            return;
        };
        self.send_owed(pair, gst::ClockTime::ZERO);
        let ends = source.end < decision.until;
        let end = if ends { source.end } else { Time::MAX };
        let splice = splice_event::structure(Splice {
            at,
            source: Span::new(source.start, end),
        });
        pair.src
            .push_event(gst::event::CustomDownstream::new(splice));
    }

    pub(super) fn send(
        &self,
        pair: &Pair,
        kept: Kept,
        video: bool,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let delta = kept.buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let (splice, late) = {
            let output = lock(&pair.output);
            let splice = output.source != Some(kept.source);
            // Frames that cannot be decoded until the next key frame.
            (splice, splice && video && delta)
        };
        if late {
            gst::debug!(CAT, obj = pair.src, "no key frame yet");
            return Ok(gst::FlowSuccess::Ok);
        }
        let start = clock(kept.output.start);
        // Decoding times precede presentation times by the reordering of the frames.
        let ahead = match (kept.buffer.pts(), kept.buffer.dts()) {
            (Some(pts), Some(dts)) => pts.saturating_sub(dts),
            _ => gst::ClockTime::ZERO,
        };
        self.send_owed(pair, ahead.saturating_sub(start));
        let offset = lock(&pair.output).offset;
        let mut buffer = kept.buffer;
        {
            let buffer = buffer.make_mut();
            let pts = buffer.pts();
            let dts = buffer.dts();
            let shown = start.saturating_add(offset);
            if pts.is_some() || dts.is_none() {
                buffer.set_pts(shown);
            }
            if let Some(dts) = dts {
                let moved = match pts {
                    Some(pts) if pts >= dts => shown.saturating_sub(pts - dts),
                    Some(pts) => shown.saturating_add(dts - pts),
                    None => shown,
                };
                buffer.set_dts(moved);
            }
            if !kept.output.is_empty() {
                buffer.set_duration(clock(kept.output.duration()));
            }
            if splice {
                buffer.set_flags(gst::BufferFlags::DISCONT);
                // Offsets count from the start of a stream that has ended.
                buffer.set_offset(u64::MAX);
                buffer.set_offset_end(u64::MAX);
            }
        }
        {
            let mut output = lock(&pair.output);
            output.source = Some(kept.source);
            output.position = clock(kept.output.end);
        }
        pair.src.push(buffer)
    }
}

/// Returns the event with its table of contents in the time of the output, or `None` if nothing is
/// left.
fn moved_toc(event: &gst::event::Toc, decision: &Decision) -> Option<gst::Event> {
    let (toc, updated) = event.toc_owned();
    let moved = report::moved_toc(&toc, decision)?;
    let event = gst::event::Toc::builder(&moved, updated)
        .seqnum(event.seqnum())
        .build();
    Some(event)
}
