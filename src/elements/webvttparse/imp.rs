// SPDX-License-Identifier: MPL-2.0

//! Lock order: only `state`, never held across a push, a query or a message.

use std::sync::{Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use crate::elements::shared::cue_meta::CueMeta;
use crate::webvtt::{Block, Cue, Item, Problem, Reader};

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "webvttparse",
        gst::DebugColorFlags::empty(),
        Some("WebVTT parser"),
    )
});

/// Largest number of problems posted. A file with more is hardly WebVTT; the rest goes to the debug
/// log only, so that the bus does not fill up.
const MAX_REPORTED: usize = 100;

type TimeSegment = gst::FormattedSegment<gst::ClockTime>;

#[derive(Default)]
struct State {
    reader: Reader,
    /// Whether the input cannot be read any further.
    failed: bool,
    /// Whether upstream is a file: its segments are in bytes, ours is `segment`.
    upstream_bytes: bool,
    segment: TimeSegment,
    /// Segment of a seek, until upstream starts again at its first byte.
    pending_seek: Option<(TimeSegment, gst::Seqnum)>,
    /// Seqnum of the current seek; it arrives once from every sink.
    seek_seqnum: Option<gst::Seqnum>,
    discont: bool,
    problems: usize,
    last_end: gst::ClockTime,
    /// Duration, known once the whole file was read.
    duration: Option<gst::ClockTime>,
}

impl State {
    /// Discards the state, for input that starts again.
    fn restart(&mut self) {
        self.reader = Reader::new();
        self.failed = false;
        self.discont = true;
        self.problems = 0;
        self.last_end = gst::ClockTime::ZERO;
    }
}

pub struct WebVttParse {
    sinkpad: gst::Pad,
    srcpad: gst::Pad,
    state: Mutex<State>,
}

impl WebVttParse {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sink_chain(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let map = buffer.map_readable().map_err(|_| {
            gst::element_imp_error!(self, gst::ResourceError::Read, ("Failed to map the buffer"));
            gst::FlowError::Error
        })?;
        let read = {
            let mut state = self.lock();
            let read = state.reader.push(&map);
            state.failed = read.is_err();
            read
        };
        match read {
            Ok(items) => self.push_items(items),
            Err(error) => {
                gst::element_imp_error!(self, gst::StreamError::WrongType, ("{error}"));
                Err(gst::FlowError::Error)
            }
        }
    }

    fn push_items(&self, items: Vec<Item>) -> Result<gst::FlowSuccess, gst::FlowError> {
        for item in items {
            match item {
                Item::Problem(problem) => self.report(&problem),
                Item::Block(Block::Cue(cue)) => self.push_cue(&cue)?,
                Item::Header(_) | Item::Block(_) => {}
            }
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn push_cue(&self, cue: &Cue) -> Result<(), gst::FlowError> {
        // Reported already, and no buffer has a negative duration.
        if cue.span.is_empty() {
            return Ok(());
        }
        let start = gst::ClockTime::from_nseconds(cue.span.start.nanos());
        let end = gst::ClockTime::from_nseconds(cue.span.end.nanos());
        let (clipped, discont) = {
            let mut state = self.lock();
            state.last_end = state.last_end.max(end);
            let clipped = state.segment.clip(start, end);
            if let Some((_, Some(end))) = clipped {
                // A seek without a flush continues from here.
                let position = state.segment.position();
                state.segment.set_position(position.max(Some(end)));
            }
            let discont = clipped.is_some() && std::mem::take(&mut state.discont);
            (clipped, discont)
        };
        let Some((Some(start), Some(end))) = clipped else {
            gst::log!(CAT, imp = self, "Cue at {start} is outside the segment");
            return Ok(());
        };
        let mut buffer = gst::Buffer::from_slice(cue.plain_text().into_bytes());
        {
            let buffer = buffer.make_mut();
            buffer.set_pts(start);
            buffer.set_duration(end.saturating_sub(start));
            if discont {
                buffer.set_flags(gst::BufferFlags::DISCONT);
            }
            if let Err(error) = CueMeta::add(buffer, cue) {
                gst::warning!(CAT, imp = self, "Identifier and settings are lost: {error}");
            }
        }
        self.srcpad.push(buffer).map(|_| ())
    }

    fn report(&self, problem: &Problem) {
        let count = {
            let mut state = self.lock();
            state.problems += 1;
            state.problems
        };
        gst::info!(CAT, imp = self, "{problem}");
        if count > MAX_REPORTED {
            return;
        }
        let details = gst::Structure::builder("webvttparse-problem")
            .field("line", problem.line as u64)
            .field("problem", problem.kind.to_string())
            .build();
        gst::element_imp_warning!(
            self,
            gst::StreamError::Decode,
            ("{problem}"),
            details: details
        );
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        use gst::EventView;

        match event.view() {
            EventView::StreamStart(stream_start) => {
                {
                    let mut state = self.lock();
                    state.restart();
                    state.duration = None;
                }
                // Cues are far apart: downstream must not wait for the next one.
                let mut ours = gst::event::StreamStart::builder(stream_start.stream_id())
                    .flags(stream_start.stream_flags() | gst::StreamFlags::SPARSE)
                    .seqnum(event.seqnum());
                if let Some(group) = stream_start.group_id() {
                    ours = ours.group_id(group);
                }
                if let Some(stream) = stream_start.stream() {
                    ours = ours.stream(stream);
                }
                self.srcpad.push_event(ours.build())
            }
            // Our own events precede the segment.
            EventView::Caps(_) => true,
            EventView::Segment(segment) => self.sink_segment(segment),
            EventView::FlushStop(_) => {
                self.lock().restart();
                gst::Pad::event_default(pad, Some(&*self.obj()), event)
            }
            EventView::Eos(_) => self.sink_eos(pad, event),
            _ => gst::Pad::event_default(pad, Some(&*self.obj()), event),
        }
    }

    fn sink_segment(&self, event: &gst::event::Segment) -> bool {
        let upstream = event.segment();
        let is_bytes = match upstream.format() {
            gst::Format::Bytes => true,
            gst::Format::Time => false,
            format => {
                gst::element_imp_error!(
                    self,
                    gst::StreamError::Format,
                    ("Segments in {format:?} are not supported; use bytes or time")
                );
                return false;
            }
        };
        let (segment, seqnum) = {
            let mut state = self.lock();
            state.upstream_bytes = is_bytes;
            let (segment, seqnum) = match upstream.downcast_ref::<gst::ClockTime>() {
                Some(segment) => (segment.clone(), event.seqnum()),
                None => {
                    // A file always starts again at its first byte.
                    state.restart();
                    let seek = state.pending_seek.take();
                    seek.unwrap_or_else(|| (TimeSegment::new(), event.seqnum()))
                }
            };
            state.segment = segment.clone();
            (segment, seqnum)
        };
        if !self.srcpad.has_current_caps() {
            let caps = gst::Caps::builder("text/x-raw")
                .field("format", "utf8")
                .build();
            self.srcpad.push_event(gst::event::Caps::new(&caps));
        }
        let segment = gst::event::Segment::builder(&segment)
            .seqnum(seqnum)
            .build();
        self.srcpad.push_event(segment)
    }

    fn sink_eos(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        let read = {
            let mut state = self.lock();
            if state.failed {
                Ok(Vec::new())
            } else {
                state.reader.finish()
            }
        };
        match read {
            Ok(items) => {
                if let Err(error) = self.push_items(items) {
                    gst::debug!(CAT, imp = self, "The last cues were not accepted: {error}");
                }
            }
            Err(error) => {
                gst::element_imp_error!(self, gst::StreamError::WrongType, ("{error}"));
            }
        }
        let segment_done = {
            let mut state = self.lock();
            state.failed = true;
            state.duration = Some(state.last_end);
            let of_segment = state.segment.flags().contains(gst::SegmentFlags::SEGMENT);
            let wanted = state.upstream_bytes && of_segment;
            wanted.then(|| {
                let end = state.segment.stop().unwrap_or(state.last_end);
                state.segment.set_position(end);
                end
            })
        };
        let Some(position) = segment_done else {
            return gst::Pad::event_default(pad, Some(&*self.obj()), event);
        };
        let message = gst::message::SegmentDone::builder(position)
            .src(&*self.obj())
            .seqnum(event.seqnum());
        let done = gst::event::SegmentDone::builder(position).seqnum(event.seqnum());
        let _ = self.obj().post_message(message.build());
        self.srcpad.push_event(done.build())
    }

    fn src_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Seek(seek) if self.lock().upstream_bytes => self.seek(seek),
            _ => gst::Pad::event_default(pad, Some(&*self.obj()), event),
        }
    }

    /// Seeks by reading the file again from its start and clipping, since text is small.
    fn seek(&self, seek: &gst::event::Seek) -> bool {
        let (rate, flags, start_type, start, stop_type, stop) = seek.get();
        let seqnum = seek.seqnum();
        let (Ok(start), Ok(stop)) = (
            Option::<gst::ClockTime>::try_from(start),
            Option::<gst::ClockTime>::try_from(stop),
        ) else {
            gst::debug!(CAT, imp = self, "Only seeks in time format are supported");
            return false;
        };
        if rate <= 0.0 {
            gst::debug!(CAT, imp = self, "Reverse playback is not supported");
            return false;
        }
        {
            let mut state = self.lock();
            if state.seek_seqnum == Some(seqnum) {
                return true;
            }
            let mut segment = state.segment.clone();
            if segment
                .do_seek(rate, flags, start_type, start, stop_type, stop)
                .is_none()
            {
                return false;
            }
            // Set before upstream starts again, which happens in this call.
            state.pending_seek = Some((segment, seqnum));
            state.seek_seqnum = Some(seqnum);
        }
        let upstream = gst::event::Seek::builder(
            1.0,
            flags & gst::SeekFlags::FLUSH,
            gst::SeekType::Set,
            gst::format::Bytes::ZERO,
            gst::SeekType::None,
            gst::format::Bytes::NONE,
        );
        if self.sinkpad.push_event(upstream.seqnum(seqnum).build()) {
            return true;
        }
        let mut state = self.lock();
        state.pending_seek = None;
        state.seek_seqnum = None;
        false
    }

    fn src_query(&self, pad: &gst::Pad, query: &mut gst::QueryRef) -> bool {
        use gst::QueryViewMut;

        let (upstream_bytes, duration) = {
            let state = self.lock();
            (state.upstream_bytes, state.duration)
        };
        match query.view_mut() {
            QueryViewMut::Duration(query)
                if upstream_bytes && query.format() == gst::Format::Time && duration.is_some() =>
            {
                query.set(duration);
                true
            }
            QueryViewMut::Seeking(query)
                if upstream_bytes && query.format() == gst::Format::Time =>
            {
                let mut bytes = gst::query::Seeking::new(gst::Format::Bytes);
                let seekable = self.sinkpad.peer_query(&mut bytes) && bytes.result().0;
                query.set(seekable, gst::ClockTime::ZERO, duration);
                true
            }
            _ => gst::Pad::query_default(pad, Some(&*self.obj()), query),
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for WebVttParse {
    const NAME: &'static str = "GstWebVttParse";
    type Type = super::WebVttParse;
    type ParentType = gst::Element;

    fn with_class(klass: &Self::Class) -> Self {
        let template = |name| {
            klass
                .pad_template(name)
                .expect("the class has this template")
        };
        let sinkpad = gst::Pad::builder_from_template(&template("sink"))
            .chain_function(|_, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |parse| parse.sink_chain(buffer),
                )
            })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(
                    parent,
                    || false,
                    |parse| parse.sink_event(pad, event),
                )
            })
            .build();
        let srcpad = gst::Pad::builder_from_template(&template("src"))
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(
                    parent,
                    || false,
                    |parse| parse.src_event(pad, event),
                )
            })
            .query_function(|pad, parent, query| {
                Self::catch_panic_pad_function(
                    parent,
                    || false,
                    |parse| parse.src_query(pad, query),
                )
            })
            .flags(gst::PadFlags::FIXED_CAPS)
            .build();
        WebVttParse {
            sinkpad,
            srcpad,
            state: Mutex::default(),
        }
    }
}

impl ObjectImpl for WebVttParse {
    fn constructed(&self) {
        self.parent_constructed();
        for pad in [&self.sinkpad, &self.srcpad] {
            self.obj()
                .add_pad(pad)
                .expect("a new element has no pad of this name");
        }
    }
}

impl GstObjectImpl for WebVttParse {}

impl ElementImpl for WebVttParse {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "WebVTT parser",
                "Codec/Parser/Subtitle",
                "Reads WebVTT into cues, with identifiers, settings and markup",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let vtt = gst::Caps::builder("application/x-subtitle-vtt").build();
            let text = gst::Caps::builder("text/x-raw")
                .field("format", "utf8")
                .build();
            [
                ("sink", gst::PadDirection::Sink, vtt),
                ("src", gst::PadDirection::Src, text),
            ]
            .into_iter()
            .map(|(name, direction, caps)| {
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps)
                    .expect("a valid pad template")
            })
            .collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::ReadyToPaused {
            *self.lock() = State::default();
        }
        let success = self.parent_change_state(transition)?;
        if transition == gst::StateChange::PausedToReady {
            *self.lock() = State::default();
        }
        Ok(success)
    }
}
