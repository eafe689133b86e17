// SPDX-License-Identifier: MPL-2.0

//! The element's shell: pads, properties, events.
//!
//! Lock order, none held across a push or a post: `settings`; `state`; the reader's queue; the chapter
//! stream's queue.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use super::analysis::{Analysis, Findings};
use super::chapter_stream::ChapterStream;
use super::report;
use super::settings::Settings;
use super::slides::Trouble;
use super::streams::{Format, Medium, Pair, State, text_caps};
use crate::chapters::Chapter;
use crate::elements::shared::request_pads;
use crate::slides::Change;
use crate::timeline::Time;

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "chapterdetect",
        gst::DebugColorFlags::empty(),
        Some("Chapter detection"),
    )
});

pub struct ChapterDetect {
    chapter_src: gst::Pad,
    stream: Arc<ChapterStream>,
    settings: Mutex<Settings>,
    state: Mutex<State>,
}

impl ChapterDetect {
    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chain(
        &self,
        medium: Medium,
        buffer: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let (sensitivity, naming) = {
            let settings = self.settings();
            (settings.sensitivity, settings.naming())
        };
        let mut state = self.state();
        let (changes, reached) = match state.analyse(medium, &buffer, (sensitivity, &naming)) {
            Ok(result) => result,
            Err(error) => {
                drop(state);
                gst::element_imp_error!(self, gst::StreamError::Format, ("{error}"));
                return Err(gst::FlowError::NotNegotiated);
            }
        };
        let src = state.pair(medium).map(|pair| pair.src.clone());
        drop(state);

        self.report(&changes, src.as_ref());
        if let Some(reached) = reached {
            self.stream.reach(reached);
        }
        match src.map(|src| src.push(buffer)) {
            // The analysis continues if the pad is not linked.
            None | Some(Err(gst::FlowError::NotLinked)) => Ok(gst::FlowSuccess::Ok),
            Some(result) => result,
        }
    }

    fn report(&self, changes: &[Change], video_src: Option<&gst::Pad>) {
        for change in changes {
            gst::debug!(CAT, imp = self, "slide change {change:?}");
            self.post(report::slide_structure(change));
            if let Some(src) = video_src {
                src.push_event(report::slide_event(change));
            }
        }
    }

    fn post(&self, structure: gst::Structure) {
        let message = gst::message::Element::builder(structure)
            .src(&*self.obj())
            .build();
        let _ = self.obj().post_message(message);
    }

    fn sink_event(&self, medium: Medium, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::StreamStart(start) => self.start(medium, start),
            gst::EventView::Caps(caps) => {
                if let Some(pair) = self.state().pair(medium) {
                    pair.format = Format::of(medium, caps.caps());
                }
            }
            gst::EventView::Segment(segment) => {
                let Some(segment) = segment.segment().downcast_ref::<gst::ClockTime>() else {
                    gst::element_imp_error!(
                        self,
                        gst::StreamError::Format,
                        (
                            "{} needs a segment in time format, not in {:?}: put a parser or demuxer before it",
                            medium.sink(),
                            segment.segment().format()
                        )
                    );
                    return false;
                };
                self.segment(medium, segment, event.seqnum());
            }
            gst::EventView::FlushStart(_) => self.flush_start(&event),
            gst::EventView::FlushStop(_) => self.flush_stop(medium, &event),
            gst::EventView::Gap(gap) => {
                let (start, duration) = gap.get();
                let end = start.saturating_add(duration.unwrap_or(gst::ClockTime::ZERO));
                let reached = self.state().reach(medium, end);
                if let Some(reached) = reached {
                    self.stream.reach(reached);
                }
            }
            gst::EventView::Eos(_) => self.end(medium, event.seqnum()),
            _ => (),
        }
        let unlinked = self.linked(pad).iter().all(|src| !src.is_linked());
        // An event is handled even if the pad is not linked.
        gst::Pad::event_default(pad, Some(&*self.obj()), event) || unlinked
    }

    fn start(&self, medium: Medium, event: &gst::event::StreamStart) {
        let mut state = self.state();
        // Dropped after the lock.
        let _analysis = state.finished.then(|| {
            state.started = false;
            state.forget()
        });
        if let Some(pair) = state.pair(medium) {
            pair.eos = false;
        }
        if std::mem::replace(&mut state.started, true) {
            return;
        }
        let stream_id = format!("{}/chapters", event.stream_id());
        let start = gst::event::StreamStart::builder(&stream_id)
            .flags(gst::StreamFlags::SPARSE)
            .seqnum(event.seqnum());
        let start = match event.group_id() {
            Some(group_id) => start.group_id(group_id).build(),
            None => start.build(),
        };
        // Queued under the lock: another pad's thread must not send its segment before the caps.
        self.stream.send(start);
        self.stream.send(gst::event::Caps::new(&text_caps()));
        drop(state);
    }

    fn segment(
        &self,
        medium: Medium,
        segment: &gst::FormattedSegment<gst::ClockTime>,
        seqnum: gst::Seqnum,
    ) {
        let mut state = self.state();
        if let Some(pair) = state.pair(medium) {
            pair.segment = Some(segment.clone());
        }
        if state.segment.is_some() {
            return;
        }
        state.segment = Some(segment.clone());
        self.stream
            .send(gst::event::Segment::builder(segment).seqnum(seqnum).build());
        drop(state);
    }

    fn flush_start(&self, event: &gst::Event) {
        let mut state = self.state();
        let known = state.flush.replace(event.seqnum()) == Some(event.seqnum());
        if known || std::mem::replace(&mut state.flushing, true) {
            return;
        }
        drop(state);
        self.stop_reading();
        self.stream.stop();
        self.chapter_src.push_event(event.clone());
        let _ = self.chapter_src.stop_task();
    }

    /// Resumes the chapters at the first FLUSH_STOP from any pad: not every sender gives it the
    /// seqnum of the FLUSH_START.
    fn flush_stop(&self, medium: Medium, event: &gst::Event) {
        let mut state = self.state();
        let first = std::mem::take(&mut state.flushing);
        let analysis = first.then(|| state.forget_findings());
        if let Some(pair) = state.pair(medium) {
            pair.segment = None;
            pair.eos = false;
        }
        drop(state);
        drop(analysis);
        if first {
            self.chapter_src.push_event(event.clone());
            if let Err(error) = self.stream.resume(&self.chapter_src) {
                gst::error!(CAT, imp = self, "{error}");
            }
        }
    }

    /// Ends a stream; after the last one the chapters are sent.
    fn end(&self, medium: Medium, seqnum: gst::Seqnum) {
        let mut state = self.state();
        let changes = match (medium, &mut state.analysis) {
            (Medium::Video, Some(analysis)) => analysis.end_of_video(),
            _ => Vec::new(),
        };
        let src = state.pair(medium).map(|pair| {
            pair.eos = true;
            pair.src.clone()
        });
        drop(state);
        self.report(&changes, src.as_ref());
        self.finish(seqnum);
    }

    /// Sends the chapters if every stream has ended.
    fn finish(&self, seqnum: gst::Seqnum) {
        let settings = self.settings().clone();
        let mut state = self.state();
        if state.finished || state.pairs.is_empty() || state.pairs.iter().any(|pair| !pair.eos) {
            return;
        }
        state.finished = true;
        let segment = state.segment.clone();
        let analysis = state.analysis.take();
        state.reading = analysis.as_ref().and_then(Analysis::stopper);
        let is_reading = state.reading.is_some();
        drop(state);

        if is_reading && self.chapter_src.is_linked() {
            // Slides are still being read: no stream waits for that but the one of the chapters.
            let element = self.obj().downgrade();
            self.stream.call(move || {
                if let Some(element) = element.upgrade() {
                    element
                        .imp()
                        .deliver(analysis, segment.as_ref(), &settings, seqnum);
                }
            });
        } else {
            // Posted before the last EOS is pushed: an application may stop reading messages at EOS.
            self.deliver(analysis, segment.as_ref(), &settings, seqnum);
        }
    }

    /// Posts and queues the chapters and their end; nothing if reading was stopped.
    fn deliver(
        &self,
        analysis: Option<Analysis>,
        segment: Option<&gst::FormattedSegment<gst::ClockTime>>,
        settings: &Settings,
        seqnum: gst::Seqnum,
    ) {
        let is_reading = analysis
            .as_ref()
            .is_some_and(|found| found.stopper().is_some());
        self.post_progress(is_reading, gst::ProgressType::Start);
        let findings = match analysis {
            Some(found) => found.finish(&settings.options(), &settings.naming()),
            None => Some(Findings::default()),
        };
        self.post_progress(is_reading, gst::ProgressType::Complete);
        let Some(Findings {
            chapters,
            titles,
            texts,
            trouble,
        }) = findings
        else {
            return;
        };
        if let Some(trouble) = trouble {
            self.warn(&trouble, settings);
        }
        for title in &titles {
            self.post(report::title_structure(title));
        }
        for text in &texts {
            self.post(report::text_structure(text));
        }
        for (index, chapter) in chapters.iter().enumerate() {
            self.post(report::chapter_structure(index, chapter));
        }
        if !chapters.is_empty() {
            let message = gst::message::Toc::builder(&report::toc(&chapters), false)
                .src(&*self.obj())
                .build();
            let _ = self.obj().post_message(message);
        }
        for (index, chapter) in chapters.iter().enumerate() {
            self.stream.chapter(chapter_buffer(index, chapter, segment));
        }
        self.stream
            .send(gst::event::Eos::builder().seqnum(seqnum).build());
    }

    /// Posts that the element works on, or has ended, reading slides while nothing flows.
    fn post_progress(&self, is_reading: bool, kind: gst::ProgressType) {
        if is_reading {
            let progress = gst::message::Progress::builder(kind, "titles", "reading slides");
            let _ = self.obj().post_message(progress.src(&*self.obj()).build());
        }
    }

    /// Warns about slides that could not be read; that none can be only if the user wants it.
    fn warn(&self, trouble: &Trouble, settings: &Settings) {
        match trouble {
            Trouble::Unavailable(reason) if settings.requires_reading() => {
                gst::element_imp_warning!(self, gst::LibraryError::Init, ("{reason}"));
            }
            Trouble::Unavailable(reason) => gst::info!(CAT, imp = self, "{reason}"),
            Trouble::Failed(count) => gst::element_imp_warning!(
                self,
                gst::LibraryError::Failed,
                ("Tesseract could not read {count} of the slides: their titles and text are not known")
            ),
        }
    }

    /// Ends the reading of slides for which the chapters wait.
    fn stop_reading(&self) {
        let reading = self.state().reading.take();
        if let Some(reading) = reading {
            reading.stop();
        }
    }

    /// Returns the pads that receive a pad's events and queries.
    fn linked(&self, pad: &gst::Pad) -> Vec<gst::Pad> {
        let state = self.state();
        if *pad == self.chapter_src {
            return state.pairs.iter().map(|pair| pair.sink.clone()).collect();
        }
        let other = |pair: &Pair| match () {
            () if pair.sink == *pad => Some(pair.src.clone()),
            () if pair.src == *pad => Some(pair.sink.clone()),
            () => None,
        };
        state.pairs.iter().find_map(other).into_iter().collect()
    }
}

/// Makes a cue of a chapter; its times are converted from stream time to the segment.
fn chapter_buffer(
    index: usize,
    chapter: &Chapter,
    segment: Option<&gst::FormattedSegment<gst::ClockTime>>,
) -> gst::Buffer {
    let position = |time: Time| {
        let time = gst::ClockTime::from_nseconds(time.nanos());
        segment
            .and_then(|segment| segment.position_from_stream_time(time))
            .unwrap_or(time)
    };
    let (start, end) = (position(chapter.span.start), position(chapter.span.end));
    let mut buffer = gst::Buffer::from_slice(chapter.shown_title(index).into_bytes());
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(start);
        buffer.set_duration(end.saturating_sub(start));
    }
    buffer
}

#[glib::object_subclass]
impl ObjectSubclass for ChapterDetect {
    const NAME: &'static str = "GstChapterDetect";
    type Type = super::ChapterDetect;
    type ParentType = gst::Element;

    fn with_class(klass: &Self::Class) -> Self {
        let template = klass.pad_template("chapter_src");
        let builder = match &template {
            Some(template) => gst::Pad::builder_from_template(template),
            None => gst::Pad::builder(gst::PadDirection::Src).name("chapter_src"),
        };
        let chapter_src = builder
            .activatemode_function(|pad, parent, _mode, active| {
                ChapterDetect::catch_panic_pad_function(
                    parent,
                    || Err(gst::loggable_error!(CAT, "panicked")),
                    |imp| {
                        if active {
                            imp.stream.start(pad).map_err(Into::into)
                        } else {
                            imp.stream.stop();
                            pad.stop_task().map_err(Into::into)
                        }
                    },
                )
            })
            .iterate_internal_links_function(linked_pads)
            .build();
        ChapterDetect {
            chapter_src,
            stream: Arc::default(),
            settings: Mutex::default(),
            state: Mutex::default(),
        }
    }
}

fn linked_pads(pad: &gst::Pad, parent: Option<&gst::Object>) -> gst::Iterator<gst::Pad> {
    let linked = ChapterDetect::catch_panic_pad_function(parent, Vec::new, |imp| imp.linked(pad));
    gst::Iterator::from_vec(linked)
}

impl ObjectImpl for ChapterDetect {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(Settings::properties);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        self.settings().set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        self.settings().get(pspec.name())
    }

    fn constructed(&self) {
        self.parent_constructed();
        if let Err(error) = self.obj().add_pad(&self.chapter_src) {
            gst::error!(CAT, imp = self, "{error}");
        }
    }
}

impl GstObjectImpl for ChapterDetect {}

impl ElementImpl for ChapterDetect {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "Chapter detector",
                "Filter/Analyzer/Video/Audio",
                "Finds chapters of a recorded class from slide changes, pauses and the transcript, \
                 with titles from the slides",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let template = |name, direction, presence, caps: &gst::Caps| {
                gst::PadTemplate::new(name, direction, presence, caps)
            };
            let pairs = Medium::ALL.into_iter().flat_map(|medium| {
                let caps = medium.caps();
                [
                    template(
                        medium.sink(),
                        gst::PadDirection::Sink,
                        gst::PadPresence::Request,
                        &caps,
                    ),
                    template(
                        medium.src(),
                        gst::PadDirection::Src,
                        gst::PadPresence::Sometimes,
                        &caps,
                    ),
                ]
            });
            let chapters = template(
                "chapter_src",
                gst::PadDirection::Src,
                gst::PadPresence::Always,
                &text_caps(),
            );
            let templates: Result<Vec<_>, _> = pairs.chain([chapters]).collect();
            templates.unwrap_or_default()
        });
        &TEMPLATES
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        _name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let medium = Medium::ALL
            .into_iter()
            .find(|medium| medium.sink() == template.name_template())?;
        let src_template = self.obj().pad_template(medium.src())?;
        let flags = gst::PadFlags::PROXY_CAPS | gst::PadFlags::PROXY_ALLOCATION;
        let sink = gst::Pad::builder_from_template(template)
            .name(medium.sink())
            .flags(flags)
            .chain_function(move |_pad, parent, buffer| {
                ChapterDetect::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |imp| imp.chain(medium, buffer),
                )
            })
            .event_function(move |pad, parent, event| {
                ChapterDetect::catch_panic_pad_function(
                    parent,
                    || false,
                    |imp| imp.sink_event(medium, pad, event),
                )
            })
            .iterate_internal_links_function(linked_pads)
            .build();
        let src = gst::Pad::builder_from_template(&src_template)
            .name(medium.src())
            .flags(flags)
            .iterate_internal_links_function(linked_pads)
            .build();
        {
            let mut state = self.state();
            if state.pair(medium).is_some() {
                gst::warning!(CAT, imp = self, "{} is in use already", medium.sink());
                return None;
            }
            state.pairs.push(Pair::new(medium, &sink, &src));
        }
        if let Err(error) = request_pads::add_pair(&*self.obj(), &src, &sink) {
            gst::error!(CAT, imp = self, "{error}");
            self.release_pad(&sink);
            return None;
        }
        Some(sink)
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let mut state = self.state();
        let Some(index) = state.pairs.iter().position(|pair| pair.sink == *pad) else {
            return;
        };
        let pair = state.pairs.remove(index);
        drop(state);
        request_pads::remove_pair(&*self.obj(), &pair.sink, &pair.src);
        // The others may have waited for the end of this stream.
        self.finish(gst::Seqnum::next());
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        if transition == gst::StateChange::PausedToReady {
            // The pads' threads are waited for.
            self.stop_reading();
        }
        let success = self.parent_change_state(transition)?;
        if transition == gst::StateChange::PausedToReady {
            let mut state = self.state();
            let analysis = state.forget();
            state.started = false;
            state.flush = None;
            state.flushing = false;
            for pair in &mut state.pairs {
                pair.format = None;
            }
            drop(state);
            // Waits for the thread that reads slides.
            drop(analysis);
        }
        Ok(success)
    }
}
