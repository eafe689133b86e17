// SPDX-License-Identifier: MPL-2.0

//! What a session knows of one pair: what waits in its queue, and how far its stream is.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar};
use std::thread::ThreadId;

use super::item::Item;
use super::redact::Shown;
use crate::timeline::{Decision, Span, Time};

/// How much waits in a queue although it is decided.
#[derive(Clone, Copy, Default)]
pub struct Backlog {
    pub time: Time,
    pub bytes: u64,
}

/// What a task has taken out of the queue and not yet sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sending {
    Event,
    /// A buffer, or a GAP in its place: downstream may keep it waiting for other streams.
    Data,
}

/// One pair's part.
#[derive(Default)]
pub struct Stream {
    pub queue: VecDeque<Item>,
    pub bytes: u64,
    pub sending: Option<Sending>,
    /// How many items were taken out of the queue.
    pub taken: u64,
    /// While other streams starve the backlog may become this large. Zero until it has failed to
    /// shrink, and again once the queue is empty.
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
    pub has_stream: bool,
    /// Caps came.
    pub has_caps: bool,
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
        self.has_stream = false;
        self.has_caps = false;
        self.sparse = false;
        self.listened = false;
        self.looks_ahead = false;
    }

    /// Forgets the stream that has ended: another one may come to the pad.
    pub fn await_next(&mut self) {
        self.has_stream = false;
        self.has_caps = false;
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

    /// Notes that downstream takes no more data. Where it has had enough of one stream, the next one
    /// that waits already is another matter.
    pub fn refuse(&mut self, error: gst::FlowError) {
        let begins = |item: &Item| matches!(item, Item::Event(event) if event.type_() == gst::EventType::StreamStart);
        let next = self.queue.iter().position(begins);
        let next = next.filter(|_| error == gst::FlowError::Eos);
        let kept = next.map_or_else(VecDeque::new, |next| self.queue.split_off(next));
        self.queue.retain(|item| matches!(item, Item::Event(_)));
        self.queue.extend(kept);
        self.bytes = self.queue.iter().map(Item::bytes).sum();
        if next.is_none() {
            self.flow = Some(error);
        }
    }

    /// Whether downstream has got all that came; `None` where it soon will have.
    pub fn is_drained(&self) -> Option<bool> {
        let only_events = self.sending != Some(Sending::Data)
            && self.queue.iter().all(|item| matches!(item, Item::Event(_)));
        if !only_events || !self.active || self.flushing || self.flow.is_some() {
            return Some(false);
        }
        (self.queue.is_empty() && self.sending.is_none()).then_some(true)
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
            Item::Gap(span, _) => Some(Shown {
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

#[cfg(test)]
mod tests {
    use super::super::kind::Kind;
    use super::*;

    fn packet() -> Item {
        let span = Span::new(Time::ZERO, Time::SECOND);
        Item::Buffer(gst::Buffer::from_slice([0; 10]), span, Kind::Packets)
    }

    fn start() -> Item {
        Item::Event(gst::event::StreamStart::new("next"))
    }

    #[test]
    fn it_is_drained_once_the_last_event_is_sent() {
        gst::init().expect("gst");
        let mut stream = Stream {
            active: true,
            ..Stream::default()
        };
        assert_eq!(stream.is_drained(), Some(true));
        stream.push(start());
        assert_eq!(stream.is_drained(), None);
        stream.queue.pop_front();
        stream.sending = Some(Sending::Event);
        assert_eq!(stream.is_drained(), None);
        stream.sending = Some(Sending::Data);
        assert_eq!(stream.is_drained(), Some(false));
        stream.sending = None;
        stream.push(packet());
        assert_eq!(stream.is_drained(), Some(false));
        stream.refuse(gst::FlowError::Flushing);
        stream.push(start());
        assert_eq!(stream.is_drained(), Some(false));
    }

    #[test]
    fn the_end_of_one_stream_takes_nothing_of_the_next() {
        gst::init().expect("gst");
        let mut stream = Stream::default();
        for item in [packet(), start(), packet()] {
            stream.push(item);
        }
        stream.refuse(gst::FlowError::Eos);
        assert_eq!((stream.queue.len(), stream.bytes), (2, 10));
        assert_eq!(stream.flow, None);
        stream.refuse(gst::FlowError::Error);
        assert_eq!((stream.queue.len(), stream.bytes), (1, 0));
        assert_eq!(stream.flow, Some(gst::FlowError::Error));
    }
}
