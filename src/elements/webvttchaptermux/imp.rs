// SPDX-License-Identifier: MPL-2.0

//! Lock order: `settings` before `state`; neither is held across a push, a query or a message.
//!
//! All serialized events and all buffers are handled in the aggregator's own thread, so their order
//! is preserved.

use std::collections::HashSet;
use std::sync::Mutex;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_base::prelude::*;
use gst_base::subclass::prelude::*;
use once_cell::sync::Lazy;

use super::{Status, WebVttChapterMuxPad, toc};
use crate::edit::{self, Review};
use crate::elements::shared::cue_meta::CueMeta;
use crate::elements::shared::lock::lock;
use crate::timeline::Time;
use crate::webvtt::chapters::{Chapter, Dropped, Reason, Rules, Sequence};
use crate::webvtt::{self, Cue, Document};

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "webvttchaptermux",
        gst::DebugColorFlags::empty(),
        Some("WebVTT chapter muxer"),
    )
});

const DEFAULT_MIN_DURATION: gst::ClockTime = gst::ClockTime::ZERO;

#[derive(Clone, Default)]
struct Settings {
    language: Option<String>,
    status: Status,
    input: Option<String>,
    fill_gaps: bool,
    start_at_zero: bool,
    min_duration: gst::ClockTime,
}

struct State {
    sequence: Sequence<String>,
    /// Tables of contents already used; a demuxer sends its own on every pad.
    tocs: Vec<Vec<Chapter>>,
    header_sent: bool,
    /// Position of the output.
    position: gst::ClockTime,
    ids: HashSet<String>,
}

impl State {
    fn new(settings: &Settings) -> Self {
        State {
            sequence: Sequence::new(Rules {
                fill_gaps: settings.fill_gaps,
                start_at_zero: settings.start_at_zero,
                min_duration: Time::from_nanos(settings.min_duration.nseconds()),
            }),
            tocs: Vec::new(),
            header_sent: false,
            position: gst::ClockTime::ZERO,
            ids: HashSet::new(),
        }
    }
}

pub struct WebVttChapterMux {
    settings: Mutex<Settings>,
    state: Mutex<State>,
}

impl WebVttChapterMux {
    fn reset(&self) {
        let settings = lock(&self.settings).clone();
        *lock(&self.state) = State::new(&settings);
    }

    fn pads(&self) -> Vec<WebVttChapterMuxPad> {
        let pads = self.obj().sink_pads().into_iter();
        pads.filter_map(|pad| pad.downcast().ok()).collect()
    }

    /// Pushes the first line and the review NOTE, once.
    fn push_header(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        if std::mem::replace(&mut lock(&self.state).header_sent, true) {
            return Ok(gst::FlowSuccess::Ok);
        }
        let settings = lock(&self.settings).clone();
        let obj = self.obj();
        obj.set_src_caps(&gst::Caps::builder("application/x-subtitle-vtt").build());
        obj.update_segment(&gst::FormattedSegment::<gst::ClockTime>::new());
        let review = Review {
            status: match settings.status {
                Status::Draft => edit::Status::Draft,
                Status::Approved => edit::Status::Approved,
            },
            input: settings.input,
            ..Review::default()
        };
        let mut document = Document::default();
        document.set_review(&review);
        let text = document.to_string();
        let mut buffer = gst::Buffer::from_slice(text.into_bytes());
        buffer.make_mut().set_flags(gst::BufferFlags::HEADER);
        buffer.make_mut().set_pts(gst::ClockTime::ZERO);
        let flow = obj.finish_buffer(buffer)?;
        if let Some(language) = settings.language {
            let mut tags = gst::TagList::new();
            let list = tags.make_mut();
            list.add::<gst::tags::LanguageCode>(&language.as_str(), gst::TagMergeMode::Replace);
            obj.src_pad().push_event(gst::event::Tag::new(tags));
        }
        Ok(flow)
    }

    fn push_cues(&self, cues: Vec<Cue>) -> Result<gst::FlowSuccess, gst::FlowError> {
        for mut cue in cues {
            let start = gst::ClockTime::from_nseconds(cue.span.start.nanos());
            let pts = {
                let mut state = lock(&self.state);
                cue.id = cue.id.filter(|id| state.ids.insert(id.clone()));
                state.position = state.position.max(start);
                state.position
            };
            // The empty line that ends the block before it.
            let mut buffer = gst::Buffer::from_slice(format!("\n{cue}").into_bytes());
            {
                let buffer = buffer.make_mut();
                buffer.set_pts(pts);
                buffer.set_duration(gst::ClockTime::from_nseconds(cue.span.duration().nanos()));
            }
            self.obj().finish_buffer(buffer)?;
        }
        Ok(gst::FlowSuccess::Ok)
    }

    /// Pushes a gap up to the time for which the chapters are known, while none can be written.
    fn push_gap(&self) {
        let src = self.obj().src_pad().clone();
        let segment = src.sticky_event::<gst::event::Segment>(0);
        let gap = {
            let mut state = lock(&self.state);
            let horizon = state.sequence.horizon();
            let from = state.position;
            let to = gst::ClockTime::from_nseconds(horizon.nanos());
            if horizon == Time::MAX || to <= from {
                return;
            }
            state.position = to;
            gst::event::Gap::builder(from)
                .duration(to - from)
                .seqnum_if_some(segment.map(|segment| segment.seqnum()))
                .build()
        };
        src.push_event(gap);
    }

    fn take_buffer(
        &self,
        pad: &WebVttChapterMuxPad,
        buffer: &gst::BufferRef,
    ) -> Result<(), gst::FlowError> {
        let segment = pad.segment();
        let stream_time = |time: Option<gst::ClockTime>| {
            let segment = segment.downcast_ref::<gst::ClockTime>()?;
            Some(Time::from_nanos(segment.to_stream_time(time?)?.nseconds()))
        };
        let Some(start) = stream_time(buffer.pts()) else {
            gst::element_imp_error!(
                self,
                gst::StreamError::Format,
                ("A chapter on {} has no timestamp", pad.name())
            );
            return Err(gst::FlowError::Error);
        };
        let end = buffer
            .duration()
            .zip(buffer.pts())
            .map(|(duration, pts)| pts.saturating_add(duration));
        let end = stream_time(end);
        let input = pad.name().to_string();
        if buffer.flags().contains(gst::BufferFlags::GAP) {
            let mut state = lock(&self.state);
            state.sequence.advance(&input, end.unwrap_or(start));
            return Ok(());
        }
        let map = buffer.map_readable().map_err(|_| {
            gst::element_imp_error!(self, gst::ResourceError::Read, ("Failed to map the buffer"));
            gst::FlowError::Error
        })?;
        let text = String::from_utf8_lossy(&map);
        let text = text.trim_end_matches('\0');
        let chapter = Chapter {
            start,
            end,
            level: pad.imp().level(),
            // Pango's tags and escapes are read like those of a cue.
            title: if pad.imp().is_markup() {
                webvtt::plain_text(text)
            } else {
                text.to_owned()
            },
            id: CueMeta::get(buffer).and_then(|meta| meta.id),
        };
        lock(&self.state).sequence.add(&input, chapter);
        Ok(())
    }

    fn take_toc(&self, pad: &WebVttChapterMuxPad, event: &gst::event::Toc) {
        let chapters = toc::chapters(event.toc().0);
        let level = pad.imp().level();
        let mut state = lock(&self.state);
        if state.tocs.contains(&chapters) {
            return;
        }
        gst::debug!(
            CAT,
            imp = self,
            "{} chapters in a table of contents",
            chapters.len()
        );
        let input = format!("{} toc {}", pad.name(), state.tocs.len());
        state.sequence.open_input(input.clone());
        for chapter in &chapters {
            let mut chapter = chapter.clone();
            chapter.level += level;
            state.sequence.add(&input, chapter);
        }
        state.sequence.close_input(&input);
        state.tocs.push(chapters);
    }

    fn report(&self, dropped: Vec<Dropped>) {
        for Dropped {
            title,
            start,
            reason,
        } in dropped
        {
            if reason == Reason::Short {
                gst::info!(
                    CAT,
                    imp = self,
                    "\"{title}\" at {start} is merged into its neighbour: {reason}"
                );
                continue;
            }
            gst::element_imp_warning!(
                self,
                gst::StreamError::Mux,
                (
                    "The chapter \"{title}\" at {} is left out: {reason}",
                    webvtt::Timestamp(start)
                )
            );
        }
    }

    /// Returns the end of the stream, as far as upstream knows it.
    fn upstream_end(&self) -> Option<Time> {
        let duration = |pad: &WebVttChapterMuxPad| pad.peer_query_duration::<gst::ClockTime>();
        let end = self.pads().iter().filter_map(duration).max()?;
        Some(Time::from_nanos(end.nseconds()))
    }
}

#[glib::object_subclass]
impl ObjectSubclass for WebVttChapterMux {
    const NAME: &'static str = "GstWebVttChapterMux";
    type Type = super::WebVttChapterMux;
    type ParentType = gst_base::Aggregator;
    type Interfaces = (gst::ChildProxy,);

    fn new() -> Self {
        let settings = Settings::default();
        WebVttChapterMux {
            state: Mutex::new(State::new(&settings)),
            settings: Mutex::new(settings),
        }
    }
}

impl ObjectImpl for WebVttChapterMux {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            vec![
                glib::ParamSpecString::builder("language")
                    .nick("Language")
                    .blurb(
                        "Language of the titles as a BCP 47 tag; sent as a tag event, because a \
                         chapter file cannot contain it (default: unknown)",
                    )
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder_with_default("status", Status::Draft)
                    .nick("Status")
                    .blurb("Review status that the NOTE under the first line contains")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("input")
                    .nick("Input")
                    .blurb(
                        "Fingerprint of the recording that the chapters belong to, written to \
                         the NOTE; an approval is valid for this recording only (default: none)",
                    )
                    .mutable_ready()
                    .build(),
                glib::ParamSpecBoolean::builder("fill-gaps")
                    .nick("Fill gaps")
                    .blurb(
                        "Extend each chapter to the start of the next one on its level, or to \
                         the end of the enclosing chapter",
                    )
                    .mutable_ready()
                    .build(),
                glib::ParamSpecBoolean::builder("start-at-zero")
                    .nick("Start at zero")
                    .blurb("Move the start of the first chapter to zero")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecUInt64::builder("min-duration")
                    .nick("Minimum duration")
                    .blurb(
                        "Merge a chapter that is shorter than this, in nanoseconds, into the one \
                         before it, the first into the one after it (0: keep all)",
                    )
                    .default_value(DEFAULT_MIN_DURATION.nseconds())
                    .mutable_ready()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = lock(&self.settings);
        let text = || {
            value
                .get::<Option<String>>()
                .ok()
                .flatten()
                .filter(|text| !text.is_empty())
        };
        match pspec.name() {
            "language" => settings.language = text(),
            "status" => settings.status = value.get().unwrap_or_default(),
            "input" => settings.input = text(),
            "fill-gaps" => settings.fill_gaps = value.get().unwrap_or_default(),
            "start-at-zero" => settings.start_at_zero = value.get().unwrap_or_default(),
            "min-duration" => {
                let min_duration = value.get().unwrap_or_default();
                settings.min_duration = gst::ClockTime::from_nseconds(min_duration);
            }
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = lock(&self.settings);
        match pspec.name() {
            "language" => settings.language.to_value(),
            "status" => settings.status.to_value(),
            "input" => settings.input.to_value(),
            "fill-gaps" => settings.fill_gaps.to_value(),
            "start-at-zero" => settings.start_at_zero.to_value(),
            _ => settings.min_duration.nseconds().to_value(),
        }
    }
}

impl GstObjectImpl for WebVttChapterMux {}

impl ElementImpl for WebVttChapterMux {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "WebVTT chapter muxer",
                "Muxer/Text",
                "Muxes chapters into a WebVTT chapter file",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let text = gst::Caps::builder("text/x-raw")
                .field("format", gst::List::new(["utf8", "pango-markup"]))
                .build();
            let vtt = gst::Caps::builder("application/x-subtitle-vtt").build();
            let sink = gst::PadTemplate::with_gtype(
                "sink_%u",
                gst::PadDirection::Sink,
                gst::PadPresence::Request,
                &text,
                WebVttChapterMuxPad::static_type(),
            );
            let src = gst::PadTemplate::with_gtype(
                "src",
                gst::PadDirection::Src,
                gst::PadPresence::Always,
                &vtt,
                gst_base::AggregatorPad::static_type(),
            );
            [sink, src]
                .map(|template| template.expect("a valid pad template"))
                .into()
        });
        &TEMPLATES
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        name: Option<&str>,
        caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let pad = self.parent_request_new_pad(template, name, caps)?;
        lock(&self.state).sequence.open_input(pad.name().into());
        self.obj().child_added(&pad, &pad.name());
        Some(pad)
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let name = pad.name();
        lock(&self.state).sequence.close_input(&name.to_string());
        self.obj().child_removed(pad, &name);
        self.parent_release_pad(pad);
    }
}

impl AggregatorImpl for WebVttChapterMux {
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        self.reset();
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        self.reset();
        Ok(())
    }

    fn flush(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.reset();
        self.parent_flush()
    }

    fn clip(&self, pad: &gst_base::AggregatorPad, mut buffer: gst::Buffer) -> Option<gst::Buffer> {
        let segment = pad.segment().downcast::<gst::ClockTime>().ok()?;
        let Some(start) = buffer.pts() else {
            return Some(buffer);
        };
        let duration = buffer.duration().unwrap_or(gst::ClockTime::ZERO);
        let end = start.saturating_add(duration);
        let (start, end) = match segment.clip(start, end)? {
            (Some(start), Some(end)) => (start, end),
            _ => return None,
        };
        let writable = buffer.make_mut();
        writable.set_pts(start);
        if writable.duration().is_some() {
            writable.set_duration(end.saturating_sub(start));
        }
        Some(buffer)
    }

    fn sink_event(&self, pad: &gst_base::AggregatorPad, event: gst::Event) -> bool {
        use gst::EventView;

        match event.view() {
            EventView::Segment(segment) => {
                let format = segment.segment().format();
                if format != gst::Format::Time {
                    gst::element_imp_error!(
                        self,
                        gst::StreamError::Format,
                        (
                            "Chapters need a segment in time format; {} has one in {format:?}",
                            pad.name()
                        )
                    );
                    return false;
                }
                // The file exists from the start, however late its first chapter is.
                if let Err(error) = self.push_header() {
                    gst::debug!(CAT, imp = self, "The header was not accepted: {error}");
                }
            }
            EventView::Caps(caps) => {
                if let Some(pad) = pad.downcast_ref::<WebVttChapterMuxPad>() {
                    pad.imp().set_caps(caps.caps());
                }
            }
            EventView::Toc(toc) => {
                if let Some(pad) = pad.downcast_ref() {
                    self.take_toc(pad, toc);
                }
                return true;
            }
            _ => {}
        }
        self.parent_sink_event(pad, event)
    }

    fn aggregate(&self, _timeout: bool) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.push_header()?;
        let pads = self.pads();
        for pad in &pads {
            if !pad.is_eos() {
                lock(&self.state).sequence.open_input(pad.name().into());
            }
            if let Some(buffer) = pad.pop_buffer() {
                self.take_buffer(pad, &buffer)?;
            }
            if pad.is_eos() {
                lock(&self.state)
                    .sequence
                    .close_input(&pad.name().to_string());
            }
        }
        let at_end = pads.iter().all(|pad| pad.is_eos());
        let end = if at_end { self.upstream_end() } else { None };
        let (cues, dropped) = {
            let sequence = &mut lock(&self.state).sequence;
            let cues = if at_end {
                sequence.finish(end)
            } else {
                sequence.certain()
            };
            (cues, sequence.take_dropped())
        };
        self.report(dropped);
        let is_idle = cues.is_empty();
        self.push_cues(cues)?;
        if at_end {
            return Err(gst::FlowError::Eos);
        }
        if is_idle {
            self.push_gap();
        }
        Ok(gst::FlowSuccess::Ok)
    }
}

impl ChildProxyImpl for WebVttChapterMux {
    fn child_by_index(&self, index: u32) -> Option<glib::Object> {
        let pads = self.obj().sink_pads();
        pads.get(index as usize).cloned().map(|pad| pad.upcast())
    }

    fn child_by_name(&self, name: &str) -> Option<glib::Object> {
        let mut pads = self.obj().sink_pads().into_iter();
        pads.find(|pad| pad.name() == name).map(|pad| pad.upcast())
    }

    fn children_count(&self) -> u32 {
        u32::from(self.obj().num_sink_pads())
    }
}
