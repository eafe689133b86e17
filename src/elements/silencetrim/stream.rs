// SPDX-License-Identifier: MPL-2.0

//! What a session knows of one pair: what waits in its queue, and how far its stream is.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar};
use std::thread::ThreadId;

use super::gops::Decision;
use super::item::Item;
use super::redact::Shown;
use crate::timeline::{Span, Time};

/// How much waits in a queue although it is decided.
#[derive(Clone, Copy, Default)]
pub struct Backlog {
    pub time: Time,
    pub bytes: u64,
}

/// One pair's part.
#[derive(Default)]
pub struct Stream {
    pub queue: VecDeque<Item>,
    pub bytes: u64,
    /// How many items were taken out of the queue.
    pub taken: u64,
    /// What the backlog may reach while others starve, until the queue is empty.
    pub may_reach: Backlog,
    /// Wakes this pair's chain and task.
    pub wake: Arc<Condvar>,
    /// Something is linked to the sink pad.
    pub fed: bool,
    /// The thread that last brought something.
    pub fed_by: Option<ThreadId>,
    /// The source pad is linked, as far as is known.
    pub linked: bool,
    /// STREAM_START came: it goes on until EOS.
    pub started: bool,
    /// Caps came.
    pub begun: bool,
    pub eos: bool,
    pub flushing: bool,
    /// The source pad is active.
    pub active: bool,
    /// For long nothing may come: nobody waits for it.
    pub sparse: bool,
    /// Its speech is listened to.
    pub listened: bool,
    /// A picture waits for what follows it, which says until when it is shown.
    pub looks_ahead: bool,
    /// Start of the first and end of the last buffer.
    pub first: Option<Time>,
    pub end: Time,
    pub flow: Option<gst::FlowError>,
}

impl Stream {
    pub fn reset(&mut self) {
        self.flush();
        self.started = false;
        self.begun = false;
        self.sparse = false;
        self.listened = false;
        self.looks_ahead = false;
    }

    /// Forgets the stream that has ended: another one may come to the pad.
    pub fn await_next(&mut self) {
        self.started = false;
        self.begun = false;
        self.listened = false;
        self.eos = false;
        self.first = None;
        self.end = Time::ZERO;
    }

    /// Forgets what came, keeps what STREAM_START and caps said.
    pub fn flush(&mut self) {
        self.queue.clear();
        self.bytes = 0;
        self.may_reach = Backlog::default();
        self.eos = false;
        self.first = None;
        self.end = Time::ZERO;
        self.flow = None;
    }

    pub fn push(&mut self, item: Item) {
        self.bytes += item.bytes();
        self.reach(item.span());
        self.queue.push_back(item);
    }

    /// Notes how far the stream has come.
    pub fn reach(&mut self, span: Option<Span>) {
        if let Some(span) = span {
            self.first.get_or_insert(span.start);
            self.end = self.end.max(span.end);
        }
    }

    /// Whether all is known that the first item in the queue needs.
    pub fn has_decided(&self, decision: &Decision) -> bool {
        let is_known = |item: &Item| {
            let waits = self.looks_ahead && matches!(item, Item::Buffer(..));
            item.is_decided(decision) && (!waits || self.shown().is_some())
        };
        self.queue.front().is_some_and(is_known)
    }

    /// Until when the first picture in the queue is shown, where that is known.
    pub fn shown(&self) -> Option<Shown> {
        let is_end = |event: &gst::Event| {
            matches!(
                event.type_(),
                gst::EventType::Eos | gst::EventType::StreamStart
            )
        };
        self.queue.iter().skip(1).find_map(|item| match item {
            Item::Buffer(_, span, _) => Some(Shown {
                until: span.start,
                then_another: true,
            }),
            Item::Gap(span) => Some(Shown {
                until: span.start,
                then_another: false,
            }),
            Item::Event(event) => is_end(event).then_some(Shown {
                until: Time::MAX,
                then_another: false,
            }),
        })
    }
}
