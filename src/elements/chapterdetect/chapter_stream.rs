// SPDX-License-Identifier: MPL-2.0

//! The data for `chapter_src`. A separate thread pushes it, so that a muxer that blocks the
//! chapters never blocks the video.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;

/// Interval of gap events in stream time.
const GAP_STEP: gst::ClockTime = gst::ClockTime::from_seconds(1);

/// The queue between the streams and the pad's thread. Its lock is held for a queue operation only,
/// never across a push.
#[derive(Default)]
pub struct ChapterStream {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    /// End of the last gap; `None` before the segment.
    gap_end: Option<gst::ClockTime>,
    /// Seqnum of the segment, which the gaps have, too.
    seqnum: Option<gst::Seqnum>,
    /// Position that the stream has to reach before the next gap is sent. It is `None` before the
    /// first gap, which is sent at once: until it comes, a sink blocks the other streams.
    next_gap: Option<gst::ClockTime>,
    /// Position of the stream that is not sent yet. Waiting gaps are merged.
    reached: Option<gst::ClockTime>,
    stopped: bool,
}

enum Item {
    Event(gst::Event),
    Buffer(gst::Buffer),
    Call(Box<dyn FnOnce() + Send>),
}

impl Item {
    fn stays_over_a_flush(&self) -> bool {
        let Item::Event(event) = self else {
            return false;
        };
        let ends = matches!(event.type_(), gst::EventType::Segment | gst::EventType::Eos);
        event.is_sticky() && !ends
    }
}

impl ChapterStream {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues an event.
    pub fn send(&self, event: gst::Event) {
        let mut queue = self.lock();
        if event.type_() == gst::EventType::Segment {
            // Positions of the previous stream have no meaning in the new one.
            queue.reached = None;
            queue.next_gap = None;
        }
        queue.items.push_back(Item::Event(event));
        drop(queue);
        self.wake.notify_one();
    }

    /// Queues a chapter.
    pub fn chapter(&self, buffer: gst::Buffer) {
        let mut queue = self.lock();
        // Chapters are earlier than the gaps already sent; no more gaps are sent between them.
        queue.reached = None;
        queue.items.push_back(Item::Buffer(buffer));
        drop(queue);
        self.wake.notify_one();
    }

    /// Has the pad's thread call a function after what is queued; it may queue more.
    pub fn call(&self, function: impl FnOnce() + Send + 'static) {
        self.lock().items.push_back(Item::Call(Box::new(function)));
        self.wake.notify_one();
    }

    /// Records that the streams have reached this position: there is no chapter before it yet.
    pub fn reach(&self, position: gst::ClockTime) {
        let mut queue = self.lock();
        if queue.reached.is_some_and(|reached| reached >= position) {
            return;
        }
        queue.reached = Some(position);
        let due = queue.next_gap.is_none_or(|next| position >= next);
        drop(queue);
        if due {
            self.wake.notify_one();
        }
    }

    /// Starts pushing the queue from now on.
    pub fn start(self: &Arc<Self>, pad: &gst::Pad) -> Result<(), gst::glib::BoolError> {
        *self.lock() = Queue::default();
        self.run(pad)
    }

    /// Starts again after a flush, with the queued sticky events that survive a flush: nobody sends
    /// them again.
    pub fn resume(self: &Arc<Self>, pad: &gst::Pad) -> Result<(), gst::glib::BoolError> {
        {
            let mut queue = self.lock();
            let mut items = std::mem::take(&mut queue.items);
            items.retain(Item::stays_over_a_flush);
            *queue = Queue {
                items,
                ..Queue::default()
            };
        }
        self.run(pad)
    }

    fn run(self: &Arc<Self>, pad: &gst::Pad) -> Result<(), gst::glib::BoolError> {
        let (stream, weak) = (Arc::clone(self), pad.downgrade());
        pad.start_task(move || {
            let Some(pad) = weak.upgrade() else {
                return;
            };
            let Some(item) = stream.next() else {
                let _ = pad.pause_task();
                return;
            };
            match item {
                // The thread waits even after EOS: another stream may begin.
                Item::Event(event) => {
                    pad.push_event(event);
                }
                Item::Call(function) => function(),
                // The pad may be unlinked, and a downstream element that stops reports it itself.
                Item::Buffer(buffer) => match pad.push(buffer) {
                    Err(gst::FlowError::Flushing) => {
                        let _ = pad.pause_task();
                    }
                    result => {
                        let _ = result;
                    }
                },
            }
        })
    }

    /// Makes the pad's thread leave `next`. Call `stop_task` after it.
    pub fn stop(&self) {
        let mut queue = self.lock();
        queue.stopped = true;
        drop(queue);
        self.wake.notify_all();
    }

    /// Waits for the next item to push; returns `None` once stopped.
    fn next(&self) -> Option<Item> {
        let mut queue = self.lock();
        loop {
            if queue.stopped {
                return None;
            }
            if let Some(item) = queue.items.pop_front() {
                if let Item::Event(event) = &item
                    && let gst::EventView::Segment(segment) = event.view()
                {
                    queue.seqnum = Some(segment.seqnum());
                    queue.gap_end = segment
                        .segment()
                        .downcast_ref::<gst::ClockTime>()
                        .and_then(|segment| segment.start());
                }
                return Some(item);
            }
            if let (Some(end), Some(reached)) = (queue.gap_end, queue.reached)
                && reached > end
                && queue.next_gap.is_none_or(|next| reached >= next)
            {
                queue.gap_end = Some(reached);
                queue.next_gap = Some(reached.saturating_add(GAP_STEP));
                let gap = gst::event::Gap::builder(end)
                    .duration(reached - end)
                    .seqnum_if_some(queue.seqnum)
                    .build();
                return Some(Item::Event(gap));
            }
            queue = self
                .wake
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
