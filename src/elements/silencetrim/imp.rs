// SPDX-License-Identifier: MPL-2.0

//! The shell: pads, events, the task of each pair.
//!
//! Locks, in this order, none held across a push, query or post: `settings`; `pairs`; a pair's
//! `input` (sink side) or `output` (source side); `session`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_audio::AudioInfo;
use once_cell::sync::Lazy;

use super::gops::Decision;
use super::item::{self, Item, Kept, Kind};
use super::pads::{self, Input, Output, Pair, clock, time};
use super::redact::{self, Picture, Place};
use super::report;
use super::session::{Again, Session, Stream};
use super::settings::{self, Mode, Settings};
use super::sink_pad::SinkPad;
use crate::speech::{self, Listener, Sound};
use crate::timeline::{Span, Time};

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "silencetrim",
        gst::DebugColorFlags::empty(),
        Some("Dead air of a class"),
    )
});

/// How long after the end of all others a pad that leads to no source may take to be linked to one: a
/// link that waits for a decoder to be chosen shows nowhere but in the pad that is missing.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(5);

pub struct SilenceTrim {
    settings: Mutex<Settings>,
    session: Mutex<Session>,
    pairs: Mutex<Vec<Arc<Pair>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SilenceTrim {
    fn pair_of(&self, pad: &gst::Pad) -> Option<Arc<Pair>> {
        lock(&self.pairs)
            .iter()
            .find(|pair| pair.sink == *pad || pair.src == *pad)
            .cloned()
    }

    // ------------------------------------------------------------ sink side

    fn sink_chain(
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
    fn tell(&self, sounds: &[Sound]) {
        for sound in sounds.iter().filter(|s| s.kind == speech::Kind::Speech) {
            let message = gst::message::Element::builder(report::speech(sound.span))
                .src(&*self.obj())
                .build();
            // Without a bus nobody wants to know.
            let _ = self.obj().post_message(message);
        }
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
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

    fn begin_stream(&self, pair: &Pair, sparse: bool) {
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

    /// Waits until all of a session that is over has been sent: the next one decides otherwise.
    fn wait_for_the_end(&self, pair: &Pair) {
        let mut session = lock(&self.session);
        while session.finished && !session.passes() && !session.is_drained() {
            let stream = session.streams.get(&pair.id);
            let Some(stream) = stream.filter(|stream| !stream.flushing) else {
                return;
            };
            let wake = Arc::clone(&stream.wake);
            session = wake.wait(session).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn take_caps(&self, pair: &Pair, caps: &gst::CapsRef) -> Result<(), String> {
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

    fn sink_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        if let gst::QueryViewMut::Allocation(_) = query.view_mut() {
            let Some(pair) = self.pair_of(pad) else {
                return false;
            };
            // Downstream's pool is made for what passes; what is held would use it up.
            let holds = matches!(lock(&pair.input).kind, Kind::RawVideo(Some(_)));
            return !holds && self.is_drained(&pair) && pair.src.peer_query(query);
        }
        gst::Pad::query_default(pad, Some(&*self.obj()), query)
    }

    /// Waits until downstream has got all events before this query, if that comes without waiting
    /// for others.
    fn is_drained(&self, pair: &Pair) -> bool {
        let mut session = lock(&self.session);
        loop {
            let detecting = session.is_detecting() && !session.passes();
            let Some(stream) = session.streams.get(&pair.id) else {
                return false;
            };
            if stream.queue.is_empty() {
                return !detecting;
            }
            let only_events = stream.queue.iter().all(|i| matches!(i, Item::Event(_)));
            if detecting || !only_events || !stream.active || stream.flushing {
                return false;
            }
            let wake = Arc::clone(&stream.wake);
            session = wake.wait(session).unwrap_or_else(PoisonError::into_inner);
        }
    }

    // ---------------------------------------------------------- the session

    fn new_session(&self) -> Result<Session, String> {
        let settings = lock(&self.settings).clone();
        let given = match (&settings.cuts_location, settings.mode) {
            (Some(path), Mode::Trim) => {
                let (list, redaction) = report::read(path)?;
                let list = match settings.rate() {
                    Some(rate) => list.aligned(rate),
                    None => list,
                };
                Some((list, redaction))
            }
            _ => None,
        };
        Ok(Session::new(&settings, given))
    }

    /// Forgets what was found, keeps the pads.
    fn restart_session(&self, why: Again) {
        if !lock(&self.session).restarts(why) {
            return;
        }
        match self.new_session() {
            Ok(fresh) => {
                let mut session = lock(&self.session);
                if !session.restarts(why) {
                    return;
                }
                session.restart(fresh, why);
            }
            Err(error) => {
                gst::element_imp_error!(self, gst::ResourceError::Read, ("{error}"));
            }
        }
        let pairs = lock(&self.pairs).clone();
        for pair in pairs {
            lock(&pair.output).source = None;
        }
    }

    fn finish(&self) {
        let Some(outcome) = lock(&self.session).finish() else {
            return;
        };
        if outcome.silent {
            gst::element_imp_warning!(
                self,
                gst::StreamError::Failed,
                ("nobody speaks in the whole recording, everything is kept; was the microphone muted?")
            );
        }
        let location = lock(&self.settings).report_location.clone();
        if let Some(path) = location
            && let Err(error) = report::write(&path, &outcome)
        {
            gst::element_imp_error!(
                self,
                gst::ResourceError::Write,
                ("{}: {error}", path.display())
            );
        }
        report::post(&self.obj(), &outcome);
    }

    // ---------------------------------------------------------- source side

    fn start_task(&self, pair: &Arc<Pair>) {
        let weak = self.downgrade();
        let task_pair: Weak<Pair> = Arc::downgrade(pair);
        let started = pair.src.start_task(move || {
            let (Some(this), Some(pair)) = (weak.upgrade(), task_pair.upgrade()) else {
                return;
            };
            let imp: &Self = &this;
            imp.catch_panic(|| (), |imp| imp.turn(&pair));
        });
        if started.is_err() {
            gst::error!(CAT, obj = pair.src, "no task");
        }
    }

    /// One turn of a pair's task: waits for an item that is decided and sends it.
    fn turn(&self, pair: &Pair) {
        let mut alone_since: Option<Instant> = None;
        let mut session = lock(&self.session);
        let (item, decision, redaction, shown, passes) = loop {
            let decision = Arc::clone(&session.decision);
            let passes = session.passes();
            let ended = session.all_ended() == Some(false) && !session.finished;
            let Some(stream) = session.streams.get_mut(&pair.id) else {
                drop(session);
                let _ = pair.src.pause_task();
                return;
            };
            if !stream.active || stream.flushing {
                drop(session);
                let _ = pair.src.pause_task();
                return;
            }
            let ready = passes || !stream.linked || stream.has_decided(&decision);
            let shown = stream.looks_ahead.then(|| stream.shown()).flatten();
            if ready && let Some(item) = stream.queue.pop_front() {
                stream.bytes -= item.bytes();
                let wake = Arc::clone(&stream.wake);
                let starves = !stream.has_decided(&decision);
                wake.notify_all();
                if starves {
                    session.wake_all();
                }
                let redaction = Arc::clone(&session.redaction);
                break (item, decision, redaction, shown, passes);
            }
            let wake = Arc::clone(&stream.wake);
            if ended {
                // All ended but for a pad that nothing has come to.
                let since = *alone_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= BEGIN_TIMEOUT {
                    alone_since = None;
                    drop(session);
                    if self.none_can_start() {
                        self.finish();
                    }
                    session = lock(&self.session);
                    continue;
                }
                session = wake
                    .wait_timeout(session, BEGIN_TIMEOUT / 10)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0;
            } else {
                alone_since = None;
                session = wake.wait(session).unwrap_or_else(PoisonError::into_inner);
            }
        };
        drop(session);
        let flow = match item {
            Item::Event(event) if passes => {
                pair.src.push_event(event);
                Ok(gst::FlowSuccess::Ok)
            }
            Item::Buffer(buffer, ..) if passes => pair.src.push(buffer),
            Item::Event(event) => {
                self.send_event(pair, event, &decision);
                Ok(gst::FlowSuccess::Ok)
            }
            Item::Gap(span) => {
                let fill = lock(&pair.output).redactor.fill(span, &redaction);
                if let Some((picture, kind)) = fill {
                    self.send_kept(pair, picture, span, &kind, &decision)
                } else {
                    self.send_gap(pair, span, &decision);
                    Ok(gst::FlowSuccess::Ok)
                }
            }
            Item::Buffer(buffer, span, kind) => {
                let place = Place {
                    span,
                    shown,
                    is_kept: item::is_kept(span, &decision),
                };
                let content = pair.content();
                let redacted = lock(&pair.output)
                    .redactor
                    .apply(buffer, place, &kind, &redaction, content);
                match redacted {
                    Ok(Some(buffer)) => self.send_kept(pair, buffer, span, &kind, &decision),
                    Ok(None) => Ok(gst::FlowSuccess::Ok),
                    Err(why) => {
                        let text = format!("{}: {why}", pair.sink.name());
                        gst::element_imp_error!(self, gst::StreamError::Failed, ("{text}"));
                        Err(gst::FlowError::Error)
                    }
                }
            }
        };
        self.took(pair, flow);
    }

    /// None of the pads that nothing has come to leads to a source.
    fn none_can_start(&self) -> bool {
        let silent: Vec<u32> = lock(&self.session).silent().collect();
        let pairs = lock(&self.pairs).clone();
        pairs
            .iter()
            .filter(|pair| silent.contains(&pair.id))
            .all(|pair| !pads::has_source(&pair.sink))
    }

    fn send_gap(&self, pair: &Pair, span: Span, decision: &Decision) {
        let Some(output) = item::kept_gap(span, decision) else {
            return;
        };
        self.send_owed(pair, gst::ClockTime::ZERO);
        let offset = lock(&pair.output).offset;
        let gap = gst::event::Gap::builder(clock(output.start).saturating_add(offset))
            .duration(clock(output.duration()))
            .build();
        pair.src.push_event(gap);
    }

    /// Sends what is kept of a buffer.
    fn send_kept(
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

    /// Notes what downstream said.
    fn took(&self, pair: &Pair, flow: Result<gst::FlowSuccess, gst::FlowError>) {
        let Err(error) = flow else { return };
        let stops = {
            let mut session = lock(&self.session);
            let Some(stream) = session.streams.get_mut(&pair.id) else {
                return;
            };
            if error == gst::FlowError::NotLinked {
                stream.linked = false;
                false
            } else {
                // Where upstream has pushed its last there is nobody else to say so.
                let unsaid = stream.eos;
                let known = matches!(error, gst::FlowError::Flushing | gst::FlowError::Eos);
                stream.flow = Some(error);
                stream.queue.retain(|item| matches!(item, Item::Event(_)));
                stream.bytes = 0;
                session.wake_all();
                drop(session);
                if unsaid && !known {
                    gst::element_imp_error!(
                        self,
                        gst::StreamError::Failed,
                        (
                            "{}: what is downstream does not take the stream: {error}",
                            pair.src.name()
                        )
                    );
                }
                error == gst::FlowError::Flushing
            }
        };
        gst::debug!(CAT, obj = pair.src, "{error:?}");
        if stops {
            let _ = pair.src.pause_task();
        }
    }

    fn send_event(&self, pair: &Pair, event: gst::Event, decision: &Decision) {
        let event = match event.view() {
            gst::EventView::StreamStart(_) => {
                *lock(&pair.output) = Output::default();
                event
            }
            gst::EventView::Segment(_) => {
                // One segment from zero: a later one only says what the cut list says already.
                let mut output = lock(&pair.output);
                if output.source.is_none() && output.segment_due.is_none() {
                    output.segment_due = Some(event.seqnum());
                }
                return;
            }
            gst::EventView::CustomDownstream(custom) => {
                let time = custom
                    .structure()
                    .filter(|structure| structure.name() == "lecture-slide")
                    .and_then(|structure| structure.get::<u64>("time").ok());
                match time.map(|time| item::moved(Time::from_nanos(time), decision)) {
                    // Another event than ours.
                    None => event,
                    Some(None) => return,
                    Some(Some(moved)) => {
                        let structure = gst::Structure::builder("lecture-slide")
                            .field("time", moved.nanos())
                            .build();
                        gst::event::CustomDownstream::builder(structure)
                            .seqnum(event.seqnum())
                            .build()
                    }
                }
            }
            gst::EventView::Toc(toc) => {
                let (toc, updated) = toc.toc_owned();
                let Some(toc) = report::moved_toc(&toc, decision) else {
                    gst::debug!(
                        CAT,
                        obj = pair.src,
                        "a table of contents whose times are not decided"
                    );
                    return;
                };
                gst::event::Toc::builder(&toc, updated)
                    .seqnum(event.seqnum())
                    .build()
            }
            gst::EventView::Eos(_) => {
                self.send_owed(pair, gst::ClockTime::ZERO);
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

    /// Sends the segment and what belongs behind it.
    fn send_owed(&self, pair: &Pair, offset: gst::ClockTime) {
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

    /// Says before the first picture of a kept span what of the source it is.
    fn announce(&self, pair: &Pair, kept: &Kept, decision: &Decision) {
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
        let splice = gst::Structure::builder("lecture-splice")
            .field("time", at.nanos())
            .field("source", source.start.nanos())
            .field_if_some("source-end", ends.then_some(source.end.nanos()))
            .build();
        pair.src
            .push_event(gst::event::CustomDownstream::new(splice));
    }

    fn send(
        &self,
        pair: &Pair,
        kept: Kept,
        video: bool,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let delta = kept.buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let (splice, late) = {
            let output = lock(&pair.output);
            let splice = output.source != Some(kept.source);
            // Pictures that nothing can be decoded from until the next key frame.
            (splice, splice && video && delta)
        };
        if late {
            gst::debug!(CAT, obj = pair.src, "no key frame yet");
            return Ok(gst::FlowSuccess::Ok);
        }
        let start = clock(kept.output.start);
        // Decoding runs ahead of showing by as much as the pictures are reordered.
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
            if kept.output.start < kept.output.end {
                buffer.set_duration(clock(kept.output.duration()));
            }
            if splice {
                buffer.set_flags(gst::BufferFlags::DISCONT);
                // Offsets count from the start of a stream that is no more.
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

    fn src_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
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
            // What is cut away cannot be sought for, nor can a time of the output be asked of the
            // source.
            gst::EventView::Seek(_) if !lock(&self.session).passes() => return false,
            // Its running time is the output's.
            gst::EventView::Qos(_) if !lock(&self.session).passes() => return true,
            _ => {}
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    fn src_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
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

    // ---------------------------------------------------------------- pairs

    fn set_flushing(&self, pair: &Pair, flushing: bool) {
        let mut session = lock(&self.session);
        if let Some(stream) = session.streams.get_mut(&pair.id) {
            stream.flushing = flushing;
        }
        session.wake_all();
    }

    /// Forgets the pair's data. Its task is paused, its sink does not stream. Returns what was not
    /// sent of the events that a flush does not take away.
    fn reset_pair(&self, pair: &Pair) -> Vec<gst::Event> {
        lock(&pair.input).flush();
        let output = std::mem::take(&mut *lock(&pair.output));
        let mut owed = output.behind_segment;
        if let Some(stream) = lock(&self.session).streams.get_mut(&pair.id) {
            owed.extend(stream.queue.drain(..).filter_map(|item| match item {
                Item::Event(event) => Some(event),
                Item::Gap(_) | Item::Buffer(..) => None,
            }));
            stream.flush();
        }
        let passes = [gst::EventType::Segment, gst::EventType::Eos];
        owed.retain(|event| event.is_sticky() && !passes.contains(&event.type_()));
        owed
    }

    fn activate_src(&self, pad: &gst::Pad, active: bool) -> Result<(), gst::LoggableError> {
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

    fn activate_sink(&self, pad: &gst::Pad, active: bool) {
        if let Some(pair) = self.pair_of(pad) {
            self.set_flushing(&pair, !active);
        }
    }

    fn make_pair(&self, id: u32) -> Arc<Pair> {
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

    fn other_side(&self, pad: &gst::Pad) -> gst::Iterator<gst::Pad> {
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

/// The function that activates a pad of `element`. A pad that is requested while the element runs is
/// active before it has a parent.
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

#[glib::object_subclass]
impl ObjectSubclass for SilenceTrim {
    const NAME: &'static str = "GstLectureSilenceTrim";
    type Type = super::SilenceTrim;
    type ParentType = gst::Element;
    type Interfaces = (gst::ChildProxy,);

    fn new() -> Self {
        let settings = Settings::default();
        let session = Session::new(&settings, None);
        SilenceTrim {
            settings: Mutex::new(settings),
            session: Mutex::new(session),
            pairs: Mutex::default(),
        }
    }
}

impl ObjectImpl for SilenceTrim {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(settings::properties);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        if let Err(error) = lock(&self.settings).set(value, pspec) {
            gst::warning!(CAT, imp = self, "{}: {error}", pspec.name());
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "stats" {
            let session = lock(&self.session);
            return gst::Structure::builder("silencetrim-stats")
                .field("held-bytes", session.held_bytes())
                .field("held-time", session.held_time().nanos())
                .field("decided-until", session.decision.until.nanos())
                .field("speech", session.speech().nanos())
                .field(
                    "microphone-silent",
                    session.finished && session.speech() == Time::ZERO,
                )
                .build()
                .to_value();
        }
        let value = lock(&self.settings).get(pspec);
        value.unwrap_or_else(|| pspec.default_value().clone())
    }
}

impl GstObjectImpl for SilenceTrim {}

impl ElementImpl for SilenceTrim {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "Silence trimmer",
                "Filter/Analyzer/Audio",
                "Finds the dead air of a class and cuts it from any number of streams at once",
                "gst-plugin-lecture",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let any = gst::Caps::new_any();
            [
                gst::PadTemplate::with_gtype(
                    "sink_%u",
                    gst::PadDirection::Sink,
                    gst::PadPresence::Request,
                    &any,
                    SinkPad::static_type(),
                ),
                gst::PadTemplate::new(
                    "src_%u",
                    gst::PadDirection::Src,
                    gst::PadPresence::Sometimes,
                    &any,
                ),
            ]
            .into_iter()
            .flatten()
            .collect()
        });
        &TEMPLATES
    }

    fn request_new_pad(
        &self,
        templ: &gst::PadTemplate,
        name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        if templ.direction() != gst::PadDirection::Sink {
            return None;
        }
        let pair = {
            let mut pairs = lock(&self.pairs);
            let wanted = name.and_then(|name| name.strip_prefix("sink_")?.parse().ok());
            let id = wanted.unwrap_or_else(|| {
                (0..)
                    .find(|id| pairs.iter().all(|pair| pair.id != *id))
                    .unwrap_or(u32::MAX)
            });
            if pairs.iter().any(|pair| pair.id == id) {
                gst::warning!(CAT, imp = self, "sink_{id} is there already");
                return None;
            }
            let pair = self.make_pair(id);
            pairs.push(Arc::clone(&pair));
            pair
        };
        lock(&self.session).streams.insert(
            pair.id,
            Stream {
                fed: true,
                linked: true,
                ..Stream::default()
            },
        );
        lock(&self.session).wake_all();
        let active = self.obj().current_state() > gst::State::Ready
            || self.obj().pending_state() > gst::State::Ready;
        let added = [&pair.src, &pair.sink].into_iter().all(|pad| {
            (!active || pad.set_active(true).is_ok()) && self.obj().add_pad(pad).is_ok()
        });
        if added {
            let child = pair.sink.upcast_ref::<gst::Object>();
            self.obj().child_added(child, &pair.sink.name());
            Some(pair.sink.clone())
        } else {
            self.release_pad(&pair.sink);
            None
        }
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let Some(pair) = self.pair_of(pad) else {
            return;
        };
        let runs = pair.src.is_active();
        self.set_flushing(&pair, true);
        for pad in [&pair.sink, &pair.src] {
            // Not active any more is all that is wanted.
            let _ = pad.set_active(false);
        }
        let ended = {
            let mut session = lock(&self.session);
            session.remove_stream(pair.id);
            session.all_ended()
        };
        if runs && ended == Some(true) {
            self.finish();
        }
        lock(&self.pairs).retain(|other| other.id != pair.id);
        for pad in [&pair.sink, &pair.src] {
            if pad.parent().is_some() {
                let _ = self.obj().remove_pad(pad);
            }
        }
        let child = pair.sink.upcast_ref::<gst::Object>();
        self.obj().child_removed(child, &pair.sink.name());
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::ReadyToPaused {
            let location = lock(&self.settings).report_location.clone();
            if let Some(path) = location
                && let Err(error) = report::check(&path)
            {
                gst::element_imp_error!(
                    self,
                    gst::ResourceError::OpenWrite,
                    ("{}: {error}", path.display())
                );
                return Err(gst::StateChangeError);
            }
            match self.new_session() {
                Ok(mut fresh) => {
                    let pairs = lock(&self.pairs).clone();
                    for pair in pairs {
                        let fed = pair.sink.is_linked();
                        let linked = pair.src.is_linked();
                        fresh.streams.insert(
                            pair.id,
                            Stream {
                                fed,
                                linked,
                                ..Stream::default()
                            },
                        );
                    }
                    *lock(&self.session) = fresh;
                }
                Err(error) => {
                    gst::element_imp_error!(self, gst::ResourceError::Read, ("{error}"));
                    return Err(gst::StateChangeError);
                }
            }
        }
        let done = self.parent_change_state(transition)?;
        if transition == gst::StateChange::PausedToReady {
            let pairs = lock(&self.pairs).clone();
            for pair in pairs {
                *lock(&pair.input) = Input::default();
                *lock(&pair.output) = Output::default();
                if let Some(stream) = lock(&self.session).streams.get_mut(&pair.id) {
                    stream.reset();
                }
            }
        }
        Ok(done)
    }
}

impl ChildProxyImpl for SilenceTrim {
    fn child_by_index(&self, index: u32) -> Option<glib::Object> {
        let pads = self.obj().pads();
        let pad = pads.into_iter().nth(index as usize);
        pad.map(glib::object::Cast::upcast)
    }

    fn child_by_name(&self, name: &str) -> Option<glib::Object> {
        let pad = self.obj().static_pad(name);
        pad.map(glib::object::Cast::upcast)
    }

    fn children_count(&self) -> u32 {
        u32::from(self.obj().num_pads())
    }
}
