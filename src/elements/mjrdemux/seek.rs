// SPDX-License-Identifier: MPL-2.0

//! Seeks and queries that come up the chain.

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::imp::{CAT, MjrDemux};
use super::index::clock_time;
use super::source::Source;
use crate::timeline::Time;

impl MjrDemux {
    pub fn feed_event(&self, event: &gst::Event) -> bool {
        match event.view() {
            gst::EventView::Seek(seek) => self.seek(seek),
            gst::EventView::Latency(_) | gst::EventView::Reconfigure(_) => true,
            _ => false,
        }
    }

    pub fn feed_query(&self, query: &mut gst::QueryRef) -> bool {
        use gst::QueryViewMut;

        let (duration, is_seekable) = {
            let state = self.state();
            let duration = state.index.as_ref().map(|index| index.duration());
            (duration, matches!(state.source, Some(Source::Pull(_))))
        };
        match query.view_mut() {
            QueryViewMut::Duration(query) if query.format() == gst::Format::Time => {
                query.set(duration);
                duration.is_some()
            }
            QueryViewMut::Seeking(query) if query.format() == gst::Format::Time => {
                query.set(is_seekable, gst::ClockTime::ZERO, duration);
                true
            }
            QueryViewMut::Latency(query) => {
                query.set(false, gst::ClockTime::ZERO, gst::ClockTime::NONE);
                true
            }
            _ => false,
        }
    }

    /// Goes on at another time, from the key frame before it.
    fn seek(&self, seek: &gst::event::Seek) -> bool {
        let (rate, flags, start_type, start, stop_type, stop) = seek.get();
        let seqnum = seek.seqnum();
        let (Ok(start), Ok(stop)) = (
            Option::<gst::ClockTime>::try_from(start),
            Option::<gst::ClockTime>::try_from(stop),
        ) else {
            gst::debug!(CAT, imp = self, "Only seeks in time can be done");
            return false;
        };
        let (index, mut segment) = {
            let state = self.state();
            let is_seekable = matches!(state.source, Some(Source::Pull(_)));
            let index = state.index.clone().filter(|_| is_seekable && rate > 0.0);
            (index, state.segment.clone())
        };
        let Some(index) = index else {
            gst::debug!(
                CAT,
                imp = self,
                "Cannot seek backwards, before the start, or in pushed input"
            );
            return false;
        };
        let is_flush = flags.contains(gst::SeekFlags::FLUSH);
        if is_flush {
            let event = gst::event::FlushStart::builder().seqnum(seqnum).build();
            self.sinkpad.push_event(event.clone());
            self.push_to_feed(event);
        }
        // Waits for the streaming thread; without a flush until it has sent its packet.
        let _ = self.sinkpad.pause_task();
        let is_done = {
            let _streaming = self.sinkpad.stream_lock();
            if is_flush {
                let event = gst::event::FlushStop::builder(true).seqnum(seqnum).build();
                self.sinkpad.push_event(event.clone());
                self.push_to_feed(event);
            }
            let is_done = segment
                .do_seek(rate, flags, start_type, start, stop_type, stop)
                .is_some();
            if is_done {
                let wanted = segment.start().unwrap_or_default();
                let wanted = Time::from_nanos(wanted.nseconds());
                let next = index.recording.seek_point(&index.timeline, wanted);
                if flags.contains(gst::SeekFlags::KEY_UNIT) {
                    let packets = index.recording.packets();
                    let time = clock_time(index.timeline.time(next, packets));
                    segment.set_start(time);
                    segment.set_time(time);
                    segment.set_position(time);
                }
                let mut state = self.state();
                state.segment = segment;
                state.next = next;
                state.seqnum = Some(seqnum);
            }
            self.state().needs_segment = true;
            is_done
        };
        is_done && self.start_task().is_ok()
    }
}
