// SPDX-License-Identifier: MPL-2.0

//! Creation, activation and flushing of a pair of pads.

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::CAT;
use super::imp::SilenceTrim;
use super::item::Item;
use super::pads::Pair;
use super::sink_pad::SinkPad;
use crate::elements::shared::lock::lock;

impl SilenceTrim {
    pub(super) fn set_flushing(&self, pair: &Pair, flushing: bool) {
        let mut session = lock(&self.session);
        if let Some(stream) = session.streams.get_mut(&pair.id) {
            stream.flushing = flushing;
        }
        session.wake_all();
    }

    /// Discards the pair's data. Its task is paused, its sink does not stream. Returns the unsent
    /// events that survive a flush.
    pub(super) fn reset_pair(&self, pair: &Pair) -> Vec<gst::Event> {
        lock(&pair.input).flush();
        let output = std::mem::take(&mut *lock(&pair.output));
        let (mut owed, mut toc) = (output.behind_segment, output.toc);
        if let Some(stream) = lock(&self.session).streams.get_mut(&pair.id) {
            let mut events: Vec<gst::Event> =
                stream.queue.drain(..).filter_map(Item::event).collect();
            // Its times are those of the source.
            let is_toc = |event: &mut gst::Event| event.type_() == gst::EventType::Toc;
            toc = events.extract_if(.., is_toc).last().or(toc);
            owed.extend(events);
            stream.flush();
        }
        let flushed = [gst::EventType::Segment, gst::EventType::Eos];
        owed.retain(|event| event.is_sticky() && !flushed.contains(&event.type_()));
        lock(&pair.output).toc = toc;
        owed
    }

    pub(super) fn activate_src(
        &self,
        pad: &gst::Pad,
        active: bool,
    ) -> Result<(), gst::LoggableError> {
        let Some(pair) = self.pair_of(pad) else {
            return Ok(());
        };
        {
            let mut session = lock(&self.session);
            if let Some(stream) = session.streams.get_mut(&pair.id) {
                stream.active = active;
            }
            session.wake_all();
        }
        if active {
            self.start_task(&pair);
            Ok(())
        } else {
            pair.src
                .stop_task()
                .map_err(|_| gst::loggable_error!(CAT, "the task does not stop"))
        }
    }

    pub(super) fn activate_sink(&self, pad: &gst::Pad, active: bool) {
        if let Some(pair) = self.pair_of(pad) {
            self.set_flushing(&pair, !active);
        }
    }

    pub(super) fn make_pair(&self, id: u32) -> Arc<Pair> {
        let obj = self.obj();
        let sink = gst::PadBuilder::<SinkPad>::from_template(&template(&obj, "sink_%u"))
            .name(format!("sink_{id}"))
            .chain_function(|pad, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |imp| imp.sink_chain(pad.upcast_ref(), buffer),
                )
            })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(
                    parent,
                    || false,
                    |imp| imp.sink_event(pad.upcast_ref(), event),
                )
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(
                    parent,
                    || false,
                    |imp| imp.sink_query(pad.upcast_ref(), query),
                )
            })
            .activatemode_function(activate(&obj, |imp, pad, active| {
                imp.activate_sink(pad, active);
                Ok(())
            }))
            .iterate_internal_links_function(|pad, parent| {
                Self::catch_panic_pad_function(
                    parent,
                    || gst::Iterator::from_vec(vec![]),
                    |imp| imp.other_side(pad.upcast_ref()),
                )
            })
            .flags(gst::PadFlags::PROXY_CAPS)
            .build()
            .upcast();
        let src = gst::Pad::builder_from_template(&template(&obj, "src_%u"))
            .name(format!("src_{id}"))
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |imp| imp.src_event(pad, event))
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(parent, || false, |imp| imp.src_query(pad, query))
            })
            .activatemode_function(activate(&obj, Self::activate_src))
            .iterate_internal_links_function(|pad, parent| {
                Self::catch_panic_pad_function(
                    parent,
                    || gst::Iterator::from_vec(vec![]),
                    |imp| imp.other_side(pad),
                )
            })
            .flags(gst::PadFlags::PROXY_CAPS | gst::PadFlags::FIXED_CAPS)
            .build();
        Arc::new(Pair {
            id,
            sink,
            src,
            input: Mutex::default(),
            output: Mutex::default(),
        })
    }

    pub(super) fn other_side(&self, pad: &gst::Pad) -> gst::Iterator<gst::Pad> {
        let other = self.pair_of(pad).map(|pair| {
            if pair.sink == *pad {
                pair.src.clone()
            } else {
                pair.sink.clone()
            }
        });
        gst::Iterator::from_vec(other.into_iter().collect())
    }
}

fn template(element: &super::SilenceTrim, name: &str) -> gst::PadTemplate {
    element
        .pad_template(name)
        .unwrap_or_else(|| unreachable!("{name} is a template of this class"))
}

/// Returns the function that activates a pad of `element`. A pad that is requested while the
/// element runs is activated before it has a parent.
fn activate<P: IsA<gst::Pad>>(
    element: &super::SilenceTrim,
    run: impl Fn(&SilenceTrim, &gst::Pad, bool) -> Result<(), gst::LoggableError>
    + Send
    + Sync
    + 'static,
) -> impl Fn(&P, Option<&gst::Object>, gst::PadMode, bool) -> Result<(), gst::LoggableError>
+ Send
+ Sync
+ 'static {
    let element = element.downgrade();
    move |pad: &P, _parent, _mode, active| {
        let Some(element) = element.upgrade() else {
            return Ok(());
        };
        SilenceTrim::catch_panic_pad_function(
            Some(element.upcast_ref()),
            || Err(gst::loggable_error!(CAT, "panicked")),
            |imp| run(imp, pad.upcast_ref(), active),
        )
    }
}
