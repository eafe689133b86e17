// SPDX-License-Identifier: MPL-2.0

//! State of one pair in a session: its queue, and the position of its stream.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar};
use std::thread::ThreadId;

use super::item::Item;
use super::redact::Shown;
use crate::timeline::{Decision, Span, Time};

/// Size of the decided part of a queue.
#[derive(Clone, Copy, Default)]
pub struct Backlog {
    pub time: Time,
    pub bytes: u64,
}

/// An item that a task has taken out of the queue and not sent yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sending {
    Event,
    /// A buffer, or a GAP in its place: downstream may block it while it waits for other streams.
    Data,
}

/// One pair's part of a session.
#[derive(Default)]
pub struct Stream {
    pub queue: VecDeque<Item>,
    pub bytes: u64,
    pub sending: Option<Sending>,
    /// Number of items taken out of the queue.
    pub taken: u64,
    /// Size that the backlog may reach while other streams starve. Zero until it has failed to
    /// shrink, and again once the queue is empty.
    pub may_reach: Backlog,
    /// Wakes this pair's chain and task.
    pub wake: Arc<Condvar>,
    /// Whether the sink pad is linked.
    pub fed: bool,
    /// The thread that last brought data.
    pub fed_by: Option<ThreadId>,
    /// Whether the source pad is linked, as far as is known.
    pub linked: bool,
    /// Whether STREAM_START arrived; reset at EOS.
    pub has_stream: bool,
    /// Whether caps arrived.
    pub has_caps: bool,
    pub eos: bool,
    pub flushing: bool,
    /// Whether the source pad is active.
    pub active: bool,
    /// Whether data may be far apart, so that nobody waits for it.
    pub sparse: bool,
    /// Whether its audio is analysed.
    pub listened: bool,
    /// Whether a frame waits for the next one, which determines until when it is shown.
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

    /// Discards the stream that has ended: another one may arrive at the pad.
    pub fn await_next(&mut self) {
        self.has_stream = false;
        self.has_caps = false;
        self.listened = false;
        self.eos = false;
        self.first = None;
        self.end = Time::ZERO;
    }

    /// Discards the data, keeps the information from STREAM_START and caps.
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

    /// Takes the next item out of the queue to send it, and wakes a chain that waits for room.
    pub fn take_next(&mut self) -> Option<Item> {
        let item = self.queue.pop_front()?;
        self.bytes -= item.bytes();
        self.taken += 1;
        self.sending = Some(match item {
            Item::Event(_) => Sending::Event,
            Item::Gap(..) | Item::Buffer(..) => Sending::Data,
        });
        if self.queue.is_empty() {
            self.may_reach = Backlog::default();
        }
        self.wake.notify_all();
        Some(item)
    }

    /// Records that downstream accepts no more data. If it has enough of one stream, a queued next
    /// stream is not affected.
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

    /// Returns whether downstream has received everything; `None` if it soon will.
    pub fn is_drained(&self) -> Option<bool> {
        let only_events = self.sending != Some(Sending::Data)
            && self.queue.iter().all(|item| matches!(item, Item::Event(_)));
        if !only_events || !self.active || self.flushing || self.flow.is_some() {
            return Some(false);
        }
        (self.queue.is_empty() && self.sending.is_none()).then_some(true)
    }

    /// Records the position of the stream.
    pub fn reach(&mut self, span: Option<Span>) {
        if let Some(span) = span {
            self.first.get_or_insert(span.start);
            self.end = self.end.max(span.end);
        }
    }

    /// Returns whether everything is known that the first item in the queue needs.
    pub fn has_decided(&self, decision: &Decision) -> bool {
        let is_known = |item: &Item| {
            let waits = self.looks_ahead && matches!(item, Item::Buffer(..));
            item.is_decided(decision) && (!waits || self.shown().is_some())
        };
        self.queue.front().is_some_and(is_known)
    }

    /// Returns until when the first frame in the queue is shown, if known.
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
