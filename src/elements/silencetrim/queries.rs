// SPDX-License-Identifier: MPL-2.0

//! Queries on either side, and events that go upstream.

use std::sync::{Arc, PoisonError};

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::imp::SilenceTrim;
use super::item;
use super::kind::Kind;
use super::pads::Pair;
use super::times::{clock, time};
use crate::elements::shared::lock::lock;
use crate::timeline::{Span, Time};

impl SilenceTrim {
    pub(super) fn sink_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Allocation(_) = query.view_mut() {
            let Some(pair) = self.pair_of(pad) else {
                return false;
            };
            // Downstream's pool is sized for buffers that pass; held buffers would exhaust it.
            let holds = matches!(lock(&pair.input).kind, Kind::RawVideo(Some(_)));
            return !holds && self.is_drained(&pair) && pair.src.peer_query(query);
        }
        gst::Pad::query_default(pad, Some(&*self.obj()), query)
    }

    /// Waits until downstream has received all events before this query, if that happens without
    /// waiting for others.
    pub(super) fn is_drained(&self, pair: &Pair) -> bool {
        let mut session = lock(&self.session);
        loop {
            if session.is_detecting() && !session.passes() {
                return false;
            }
            let Some(stream) = session.streams.get(&pair.id) else {
                return false;
            };
            if let Some(is_drained) = stream.is_drained() {
                return is_drained;
            }
            let wake = Arc::clone(&stream.wake);
            session = wake.wait(session).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn src_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        let Some(pair) = self.pair_of(pad) else {
            return false;
        };
        match event.view() {
            gst::EventView::Reconfigure(_) => {
                let linked = pair.src.is_linked();
                let mut session = lock(&self.session);
                if let Some(stream) = session.streams.get_mut(&pair.id) {
                    stream.linked = linked;
                    stream.wake.notify_all();
                }
            }
            // A cut time cannot be a seek target, nor does the source know times of the output.
            gst::EventView::Seek(_) if !lock(&self.session).passes() => return false,
            // Its running time is that of the output.
            gst::EventView::Qos(_) if !lock(&self.session).passes() => return true,
            _ => {}
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    pub(super) fn src_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        let Some(pair) = self.pair_of(pad) else {
            return false;
        };
        let (trims, hold) = {
            let settings = lock(&self.settings);
            let session = lock(&self.session);
            let trims = !session.passes();
            let hold = if trims && session.is_detecting() {
                clock(Time::from_nanos(settings.max_hold_time))
            } else {
                gst::ClockTime::ZERO
            };
            (trims, hold)
        };
        match query.view_mut() {
            gst::QueryViewMut::Latency(latency) => {
                let mut upstream = gst::query::Latency::new();
                if !pair.sink.peer_query(&mut upstream) {
                    return false;
                }
                let (live, min, max) = upstream.result();
                latency.set(
                    live,
                    min.saturating_add(hold),
                    max.map(|max| {
                        max.saturating_add(hold)
                            .saturating_add(gst::ClockTime::SECOND)
                    }),
                );
                true
            }
            gst::QueryViewMut::Position(position)
                if trims && position.format() == gst::Format::Time =>
            {
                let at = lock(&pair.output).position;
                position.set(at);
                true
            }
            gst::QueryViewMut::Duration(duration)
                if trims && duration.format() == gst::Format::Time =>
            {
                let mut upstream = gst::query::Duration::new(gst::Format::Time);
                if !pair.sink.peer_query(&mut upstream) {
                    return false;
                }
                let gst::GenericFormattedValue::Time(Some(length)) = upstream.result() else {
                    return false;
                };
                let decision = Arc::clone(&lock(&self.session).decision);
                if decision.until < Time::MAX {
                    return false;
                }
                let whole = Span::new(Time::ZERO, time(length));
                let left = item::kept_gap(whole, &decision).map_or(Time::ZERO, Span::duration);
                duration.set(clock(left));
                true
            }
            gst::QueryViewMut::Seeking(seeking) if trims => {
                let format = seeking.format();
                seeking.set(
                    false,
                    gst::GenericFormattedValue::none_for_format(format),
                    gst::GenericFormattedValue::none_for_format(format),
                );
                true
            }
            _ => gst::Pad::query_default(pad, Some(&*self.obj()), query),
        }
    }
}
