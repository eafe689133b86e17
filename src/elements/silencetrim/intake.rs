// SPDX-License-Identifier: MPL-2.0

//! What comes in: buffers and events of the sink pads, until they stand in their queue.

use std::sync::{Arc, PoisonError};

use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_audio::AudioInfo;

use super::imp::{CAT, SilenceTrim, lock};
use super::item::{Item, Kind};
use super::pads::Pair;
use super::redact::{self, Picture};
use super::report;
use super::session::Again;
use crate::speech::{self, Listener, Sound};
use crate::timeline::Time;

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
        let (arrived, kind) = {
            let mut input = lock(&pair.input);
            // Without caps it is not known how to hide anything.
            if redacts && !input.accepted {
                return Err(gst::FlowError::NotNegotiated);
            }
            if input.segment.is_none() && !passes {
                gst::element_imp_error!(
                    self,
                    gst::StreamError::Failed,
                    ("{}: a buffer came before its segment", pad.name())
                );
                return Err(gst::FlowError::Error);
            }
            (input.receive(buffer, !passes), input.kind.clone())
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
        self.enqueue(&pair, Item::Buffer(arrived.buffer, span, kind))
    }

    /// Puts an item into the pair's queue, behind a backlog that is not too long.
    pub(super) fn enqueue(
        &self,
        pair: &Pair,
        item: Item,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
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
            while !is_event && session.must_wait(pair.id) {
                session = wake.wait(session).unwrap_or_else(PoisonError::into_inner);
            }
            let Some(stream) = session.streams.get_mut(&pair.id) else {
                return Err(gst::FlowError::Flushing);
            };
            if stream.flushing {
                return Err(gst::FlowError::Flushing);
            }
            match stream.flow {
                // Listening goes on where nobody wants the stream.
                None | Some(gst::FlowError::NotLinked) => {}
                Some(error) => return Err(error),
            }
            if linked || is_event {
                stream.push(item);
            } else if let Some(span) = item.span() {
                stream.first.get_or_insert(span.start);
                stream.end = stream.end.max(span.end);
            }
            if !session.passes() && session.decision.until < Time::MAX {
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

    /// Posts the speech that was heard.
    pub(super) fn tell(&self, sounds: &[Sound]) {
        for sound in sounds.iter().filter(|s| s.kind == speech::Kind::Speech) {
            let message = gst::message::Element::builder(report::speech(sound.span))
                .src(&*self.obj())
                .build();
            // Without a bus nobody wants to know.
            let _ = self.obj().post_message(message);
        }
    }

    pub(super) fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        use gst::EventView;
        let Some(pair) = self.pair_of(pad) else {
            return false;
        };
        gst::log!(CAT, obj = pad, "{event:?}");
        match event.view() {
            EventView::FlushStart(_) => {
                self.set_flushing(&pair, true);
                let taken = pair.src.push_event(event);
                // Returns once the task has left its function; it is awake.
                let _ = pair.src.pause_task();
                return taken;
            }
            EventView::FlushStop(_) => {
                let seqnum = event.seqnum();
                let taken = pair.src.push_event(event);
                // The task holds it for as long as it is in its function.
                let idle = pair.src.stream_lock();
                let owed = self.reset_pair(&pair);
                drop(idle);
                for event in owed {
                    // Only a pad that goes down keeps none.
                    let _ = pair.src.store_sticky_event(&event);
                }
                self.restart_session(Again::Flush(seqnum));
                self.set_flushing(&pair, false);
                self.start_task(&pair);
                return taken;
            }
            EventView::StreamStart(start) => {
                let sparse = start.stream_flags().contains(gst::StreamFlags::SPARSE);
                self.begin_stream(&pair, sparse);
            }
            EventView::Caps(caps) => {
                if let Err(error) = self.take_caps(&pair, caps.caps()) {
                    gst::element_imp_error!(self, gst::StreamError::Format, ("{error}"));
                    return false;
                }
            }
            EventView::Segment(segment) => {
                let Some(time) = segment.segment().downcast_ref::<gst::ClockTime>() else {
                    gst::element_imp_error!(
                        self,
                        gst::StreamError::Format,
                        (
                            "{}: a segment in {:?}; put a parser or demuxer before that gives times",
                            pad.name(),
                            segment.segment().format()
                        )
                    );
                    return false;
                };
                if time.rate() < 0.0 && !lock(&self.session).passes() {
                    gst::element_imp_error!(
                        self,
                        gst::StreamError::Failed,
                        ("{}: trimming backwards is not possible", pad.name())
                    );
                    return false;
                }
                lock(&pair.input).segment = Some(time.clone());
            }
            EventView::Gap(gap) if !lock(&self.session).passes() => {
                let (start, length) = gap.get();
                let span = lock(&pair.input).gap(start, length);
                return span.is_none_or(|span| self.enqueue(&pair, Item::Gap(span)).is_ok());
            }
            EventView::CustomDownstream(custom) => {
                let slide = custom
                    .structure()
                    .filter(|structure| structure.name() == "lecture-slide")
                    .and_then(|structure| structure.get::<u64>("time").ok());
                if let Some(slide) = slide {
                    gst::debug!(CAT, obj = pad, "slide at {slide}");
                    lock(&self.session).see_slide(Time::from_nanos(slide));
                }
            }
            EventView::Eos(_) => {
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
            _ if !event.is_serialized() => return pair.src.push_event(event),
            _ => {}
        }
        self.enqueue(&pair, Item::Event(event)).is_ok()
    }

    pub(super) fn begin_stream(&self, pair: &Pair, sparse: bool) {
        self.wait_for_the_end(pair);
        let mut session = lock(&self.session);
        let again = session.finished;
        if let Some(stream) = session.streams.get_mut(&pair.id) {
            let ended = stream.eos;
            stream.started = true;
            stream.eos = false;
            stream.sparse = sparse;
            if ended {
                stream.begun = false;
                stream.first = None;
                stream.end = Time::ZERO;
            }
        }
        drop(session);
        if again {
            self.restart_session(Again::AfterEos);
        }
    }

    pub(super) fn take_caps(&self, pair: &Pair, caps: &gst::CapsRef) -> Result<(), String> {
        lock(&pair.input).accepted = false;
        let redaction = Arc::clone(&lock(&self.session).redaction);
        let structure = caps.structure(0).ok_or("empty caps")?;
        let media = structure.name().as_str();
        let named = |why: &str| format!("{}: {why}", pair.sink.name());
        let kind = match media {
            "audio/x-raw" => {
                let info = AudioInfo::from_caps(caps).map_err(|_| {
                    format!("{}: caps that say too little: {caps}", pair.sink.name())
                })?;
                Kind::RawAudio(Arc::new(info))
            }
            "video/x-raw" if redaction.covered().is_empty() => Kind::RawVideo(None),
            "video/x-raw" => {
                let picture = Picture::new(caps).map_err(|why| named(&why))?;
                Kind::RawVideo(Some(Arc::new(picture)))
            }
            _ if media.starts_with("video/") || media.starts_with("image/") => Kind::EncodedVideo,
            _ if media.starts_with("text/")
                || media.starts_with("subpicture/")
                || media.starts_with("closedcaption/")
                || media.starts_with("application/x-subtitle")
                || [
                    "application/x-ass",
                    "application/x-ssa",
                    "application/x-usf",
                ]
                .contains(&media) =>
            {
                Kind::Text
            }
            _ => Kind::Packets,
        };
        if let Some(why) = redact::refusal(media, &kind, &redaction, pair.content()) {
            return Err(named(why));
        }
        let threshold = lock(&self.settings).speech_threshold as f32;
        let sounds = {
            let mut input = lock(&pair.input);
            let listens = matches!(kind, Kind::RawAudio(_));
            let sounds = if listens { Vec::new() } else { input.finish() };
            if !listens {
                input.listener = None;
            }
            input.kind = kind.clone();
            input.accepted = true;
            sounds
        };
        let listens = {
            let mut session = lock(&self.session);
            let detects = session.is_detecting();
            session.hear(&sounds);
            if let Some(stream) = session.streams.get_mut(&pair.id) {
                stream.begun = true;
                stream.fed = true;
                stream.sparse |= matches!(kind, Kind::Text);
                stream.listened = detects && matches!(kind, Kind::RawAudio(_));
                stream.looks_ahead = matches!(kind, Kind::RawVideo(Some(_)));
            }
            if let Kind::EncodedVideo = kind {
                session.offer_leader(pair.id);
            }
            session.refresh();
            session.wake_all();
            detects && matches!(kind, Kind::RawAudio(_))
        };
        if listens {
            lock(&pair.input)
                .listener
                .get_or_insert_with(|| Listener::new(threshold));
        }
        Ok(())
    }
}
