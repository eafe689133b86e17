// SPDX-License-Identifier: MPL-2.0

//! Input: buffers and events of the sink pads, until they are in their queue.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst::subclass::prelude::*;

use super::CAT;
use super::imp::SilenceTrim;
use super::item::Item;
use super::kind::Kind;
use super::pads::Pair;
use super::redact;
use super::report;
use super::session::Again;
use crate::elements::shared::lock::lock;
use crate::elements::shared::slide_event;
use crate::speech::{self, Listener, Sound};
use crate::timeline::{Span, Time};

/// Time without progress after which a backlog counts as waiting for other streams.
const STUCK: Duration = Duration::from_millis(400);

impl SilenceTrim {
    pub(super) fn sink_chain(
        &self,
        pad: &gst::Pad,
        buffer: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let pair = self.pair_of(pad).ok_or(gst::FlowError::Flushing)?;
        let (passes, redacts) = {
            let session = lock(&self.session);
            (session.passes(), !session.redaction.is_empty())
        };
        let received = {
            let mut input = lock(&pair.input);
            // Without caps it is unknown how to hide anything.
            if redacts && !input.accepted {
                return Err(gst::FlowError::NotNegotiated);
            }
            let is_placed = input.segment.is_some() || passes;
            is_placed.then(|| (input.receive(buffer, !passes), input.kind.clone()))
        };
        let Some((arrived, kind)) = received else {
            gst::element_imp_error!(
                self,
                gst::StreamError::Failed,
                ("{}: a buffer came before its segment", pad.name())
            );
            return Err(gst::FlowError::Error);
        };
        let Some(arrived) = arrived else {
            gst::trace!(CAT, obj = pad, "outside of the segment");
            return Ok(gst::FlowSuccess::Ok);
        };
        let key = !arrived
            .buffer
            .flags()
            .contains(gst::BufferFlags::DELTA_UNIT);
        let is_video = matches!(kind, Kind::EncodedVideo);
        let span = arrived.span;
        {
            let mut session = lock(&self.session);
            session.hear(&arrived.sounds);
            if is_video {
                session.see_frame(pair.id, span.start, key);
            }
        }
        self.tell(&arrived.sounds);
        if passes {
            self.pass(&pair, arrived.buffer, span)
        } else {
            self.enqueue(&pair, Item::Buffer(arrived.buffer, span, kind))
        }
    }

    /// Pushes a buffer at once. If nothing is cut, nothing has to wait for decisions, and in a
    /// queue frames would pile up whenever its task waits for a processor.
    fn pass(
        &self,
        pair: &Pair,
        buffer: gst::Buffer,
        span: Span,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.note(pair, Some(span))?;
        match pair.src.push(buffer) {
            // Listening continues if the pad is not linked.
            Err(gst::FlowError::NotLinked) => Ok(gst::FlowSuccess::Ok),
            flow => flow,
        }
    }

    /// Records data that is not queued.
    fn note(&self, pair: &Pair, span: Option<Span>) -> Result<(), gst::FlowError> {
        let fed = pair.sink.is_linked();
        let mut session = lock(&self.session);
        let stream = session.streams.get_mut(&pair.id);
        let stream = stream.ok_or(gst::FlowError::Flushing)?;
        if stream.flushing {
            return Err(gst::FlowError::Flushing);
        }
        stream.fed = fed;
        stream.reach(span);
        Ok(())
    }

    /// Puts an item into the pair's queue, once its backlog is small enough.
    fn enqueue(&self, pair: &Pair, item: Item) -> Result<gst::FlowSuccess, gst::FlowError> {
        let is_event = matches!(item, Item::Event(_));
        let linked = pair.src.is_linked();
        let fed = pair.sink.is_linked();
        let warning = {
            let mut session = lock(&self.session);
            let wake = match session.streams.get_mut(&pair.id) {
                Some(stream) => {
                    stream.linked = linked;
                    stream.fed = fed;
                    stream.fed_by = Some(std::thread::current().id());
                    Arc::clone(&stream.wake)
                }
                None => return Err(gst::FlowError::Flushing),
            };
            let mut rest = (Instant::now(), session.taken(pair.id));
            while !is_event && session.must_wait(pair.id) {
                session = wake
                    .wait_timeout(session, STUCK / 4)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
                let taken = session.taken(pair.id);
                if taken != rest.1 {
                    rest = (Instant::now(), taken);
                } else if rest.0.elapsed() >= STUCK {
                    session.give_way(pair.id);
                    rest.0 = Instant::now();
                }
            }
            let Some(stream) = session.streams.get_mut(&pair.id) else {
                return Err(gst::FlowError::Flushing);
            };
            if stream.flushing {
                return Err(gst::FlowError::Flushing);
            }
            match stream.flow {
                // Listening continues if the pad is not linked.
                None | Some(gst::FlowError::NotLinked) => {}
                // Downstream that has enough of a stream's data still accepts its end, and the next
                // stream.
                Some(gst::FlowError::Eos) if is_event => {}
                Some(error) => return Err(error),
            }
            if linked || is_event {
                stream.push(item);
            } else {
                stream.reach(item.span());
            }
            if session.decision.until < Time::MAX {
                session.refresh();
            }
            let warning = session.bound();
            wake.notify_all();
            warning
        };
        if let Some(warning) = warning {
            gst::element_imp_warning!(self, gst::ResourceError::NoSpaceLeft, ("{warning}"));
        }
        Ok(gst::FlowSuccess::Ok)
    }

    /// Posts the detected speech.
    pub(super) fn tell(&self, sounds: &[Sound]) {
        for sound in sounds.iter().filter(|s| s.kind == speech::Kind::Speech) {
            let message = gst::message::Element::builder(report::speech(sound.span))
                .src(&*self.obj())
                .build();
            // Without a bus nobody reads messages.
            let _ = self.obj().post_message(message);
        }
    }

    pub(super) fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        use gst::EventView;
        let Some(pair) = self.pair_of(pad) else {
            return false;
        };
        gst::log!(CAT, obj = pad, "{event:?}");
        let taken = match event.view() {
            EventView::FlushStart(_) => return self.start_flush(&pair, event),
            EventView::FlushStop(_) => return self.stop_flush(&pair, event),
            EventView::Gap(gap) => {
                let (start, length) = gap.get();
                let span = lock(&pair.input).gap(start, length);
                return self.take_gap(&pair, event, span);
            }
            EventView::StreamStart(start) => {
                let sparse = start.stream_flags().contains(gst::StreamFlags::SPARSE);
                self.begin_stream(&pair, sparse);
                Ok(())
            }
            EventView::Caps(caps) => self
                .take_caps(&pair, caps.caps())
                .map_err(|why| (gst::StreamError::Format, why)),
            EventView::Segment(segment) => self.take_segment(&pair, segment.segment()),
            EventView::CustomDownstream(custom) => {
                if let Some(slide) = custom.structure().and_then(slide_event::change) {
                    gst::debug!(CAT, obj = pad, "slide at {}", slide.end);
                    lock(&self.session).see_slide(slide);
                }
                Ok(())
            }
            EventView::Eos(_) => {
                self.end_stream(&pair);
                Ok(())
            }
            _ if !event.is_serialized() => return pair.src.push_event(event),
            _ => Ok(()),
        };
        if let Err((code, why)) = taken {
            gst::element_imp_error!(self, code, ("{}: {why}", pad.name()));
            return false;
        }
        let passes = lock(&self.session).passes();
        if passes {
            return self.pass_event(&pair, event, None);
        }
        self.enqueue(&pair, Item::Event(event)).is_ok()
    }

    /// Handles a GAP for this span, which is `None` outside of the segment.
    fn take_gap(&self, pair: &Pair, event: gst::Event, span: Option<Span>) -> bool {
        if lock(&self.session).passes() {
            return self.pass_event(pair, event, span);
        }
        span.is_none_or(|span| self.enqueue(pair, Item::Gap(span, event)).is_ok())
    }

    /// Pushes an event at once.
    fn pass_event(&self, pair: &Pair, event: gst::Event, span: Option<Span>) -> bool {
        let noted = self.note(pair, span).is_ok();
        if noted {
            pair.src.push_event(event);
        }
        noted
    }

    fn start_flush(&self, pair: &Pair, event: gst::Event) -> bool {
        self.set_flushing(pair, true);
        let taken = pair.src.push_event(event);
        // Returns once the task has left its function; it is awake.
        let _ = pair.src.pause_task();
        taken
    }

    fn stop_flush(&self, pair: &Arc<Pair>, event: gst::Event) -> bool {
        let seqnum = event.seqnum();
        let taken = pair.src.push_event(event);
        // The task holds it while it is in its function.
        let idle = pair.src.stream_lock();
        let owed = self.reset_pair(pair);
        drop(idle);
        for event in owed {
            // Only a pad that is deactivated stores none.
            let _ = pair.src.store_sticky_event(&event);
        }
        self.restart_session(Again::Flush(seqnum));
        self.set_flushing(pair, false);
        self.start_task(pair);
        taken
    }

    fn take_segment(
        &self,
        pair: &Pair,
        segment: &gst::Segment,
    ) -> Result<(), (gst::StreamError, String)> {
        let Some(time) = segment.downcast_ref::<gst::ClockTime>() else {
            let why = format!(
                "a segment in {:?}; put a parser or demuxer with times before it",
                segment.format()
            );
            return Err((gst::StreamError::Format, why));
        };
        if time.rate() < 0.0 && !lock(&self.session).passes() {
            let why = "reverse playback cannot be trimmed".to_owned();
            return Err((gst::StreamError::Failed, why));
        }
        lock(&pair.input).segment = Some(time.clone());
        Ok(())
    }

    /// Handles EOS: the audio up to the end counts, and after the last stream the cuts are certain.
    fn end_stream(&self, pair: &Pair) {
        let sounds = lock(&pair.input).finish();
        let ended = {
            let mut session = lock(&self.session);
            session.hear(&sounds);
            session.end_stream(pair.id);
            session.all_ended()
        };
        self.tell(&sounds);
        if ended == Some(true) {
            self.finish();
        }
    }

    pub(super) fn begin_stream(&self, pair: &Pair, sparse: bool) {
        self.wait_for_the_end(pair);
        let mut session = lock(&self.session);
        let again = session.finished;
        if let Some(stream) = session.streams.get_mut(&pair.id) {
            if stream.eos {
                stream.await_next();
            }
            if stream.flow == Some(gst::FlowError::Eos) {
                stream.flow = None;
            }
            stream.has_stream = true;
            stream.sparse = sparse;
        }
        drop(session);
        if again {
            self.restart_session(Again::AfterEos);
        }
    }

    /// Handles caps; the error states why such a stream cannot be processed.
    pub(super) fn take_caps(&self, pair: &Pair, caps: &gst::CapsRef) -> Result<(), String> {
        lock(&pair.input).accepted = false;
        let redaction = Arc::clone(&lock(&self.session).redaction);
        let kind = Kind::of(caps, &redaction)?;
        if let Some(why) = redact::refusal(caps, &kind, &redaction, pair.content()) {
            return Err(why.to_owned());
        }
        let is_raw_audio = matches!(kind, Kind::RawAudio(_));
        let threshold = lock(&self.settings).speech_threshold as f32;
        let sounds = {
            let mut input = lock(&pair.input);
            let sounds = if is_raw_audio {
                Vec::new()
            } else {
                input.finish()
            };
            if !is_raw_audio {
                input.listener = None;
            }
            input.kind = kind.clone();
            input.accepted = true;
            sounds
        };
        let listens = {
            let mut session = lock(&self.session);
            let listens = session.is_detecting() && is_raw_audio;
            session.hear(&sounds);
            if let Some(stream) = session.streams.get_mut(&pair.id) {
                stream.has_caps = true;
                stream.fed = true;
                stream.sparse |= matches!(kind, Kind::Text);
                stream.listened = listens;
                stream.looks_ahead = matches!(kind, Kind::RawVideo(Some(_)));
            }
            if let Kind::EncodedVideo = kind {
                session.offer_leader(pair.id);
            }
            session.refresh();
            session.wake_all();
            listens
        };
        if listens {
            lock(&pair.input)
                .listener
                .get_or_insert_with(|| Listener::new(threshold));
        }
        Ok(())
    }
}
