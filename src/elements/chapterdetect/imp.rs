// SPDX-License-Identifier: MPL-2.0

//! The shell: pads, properties, events.
//!
//! Locks, in this order, none held across a push or a post: `settings`; `state`; the chapter
//! stream's queue.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_audio::AudioInfo;
use gst_video::{VideoFrameRef, VideoInfo};
use once_cell::sync::Lazy;

use super::analysis::{Analysis, FORMATS, Naming};
use super::chapter_stream::ChapterStream;
use super::report;
use crate::chapters::{Chapter, Options};
use crate::slides::Change;
use crate::timeline::{Span, Time};

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "chapterdetect",
        gst::DebugColorFlags::empty(),
        Some("Chapter detection"),
    )
});

const DEFAULT_MIN_CHAPTER: gst::ClockTime = gst::ClockTime::from_seconds(120);
const DEFAULT_MAX_PER_HOUR: u32 = 12;
const DEFAULT_SENSITIVITY: f64 = 0.5;

/// Where titles come from.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstChapterDetectTitles")]
pub enum Titles {
    #[enum_value(name = "None: chapters are numbered", nick = "none")]
    None,
    #[enum_value(name = "Transcript: what is said on text_sink", nick = "transcript")]
    Transcript,
    #[default]
    #[enum_value(name = "Auto: the best source there is, else numbers", nick = "auto")]
    Auto,
}

#[derive(Clone)]
struct Settings {
    min_chapter: gst::ClockTime,
    max_per_hour: u32,
    sensitivity: f64,
    titles: Titles,
    language: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            min_chapter: DEFAULT_MIN_CHAPTER,
            max_per_hour: DEFAULT_MAX_PER_HOUR,
            sensitivity: DEFAULT_SENSITIVITY,
            titles: Titles::default(),
            language: None,
        }
    }
}

impl Settings {
    fn options(&self) -> Options {
        Options {
            min_chapter: Time::from_nanos(self.min_chapter.nseconds()),
            max_per_hour: self.max_per_hour,
            sensitivity: self.sensitivity,
        }
    }

    fn naming(&self) -> Naming {
        match self.titles {
            Titles::None => Naming::Numbers,
            Titles::Transcript | Titles::Auto => Naming::Transcript(self.language.clone()),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Medium {
    Video,
    Audio,
    Text,
}

impl Medium {
    const ALL: [Medium; 3] = [Medium::Video, Medium::Audio, Medium::Text];

    fn sink(self) -> &'static str {
        match self {
            Medium::Video => "video_sink",
            Medium::Audio => "audio_sink",
            Medium::Text => "text_sink",
        }
    }

    fn src(self) -> &'static str {
        match self {
            Medium::Video => "video_src",
            Medium::Audio => "audio_src",
            Medium::Text => "text_src",
        }
    }

    fn caps(self) -> gst::Caps {
        match self {
            Medium::Video => gst_video::VideoCapsBuilder::new()
                .format_list(FORMATS)
                .build(),
            Medium::Audio => gst_audio::AudioCapsBuilder::new_interleaved()
                .format_list([gst_audio::AudioFormat::S16le, gst_audio::AudioFormat::F32le])
                .build(),
            Medium::Text => text_caps(),
        }
    }
}

fn text_caps() -> gst::Caps {
    gst::Caps::builder("text/x-raw")
        .field("format", "utf8")
        .build()
}

/// What the stream's caps say, as far as it is looked at.
enum Format {
    Video(VideoInfo),
    Audio(AudioInfo),
    Text,
}

/// One pair of pads and what is known of its stream.
struct Pair {
    medium: Medium,
    sink: gst::Pad,
    src: gst::Pad,
    format: Option<Format>,
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    eos: bool,
}

#[derive(Default)]
struct State {
    pairs: Vec<Pair>,
    analysis: Option<Analysis>,
    /// The first stream's segment is that of the chapters too.
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    /// STREAM_START and CAPS of the chapters are on their way.
    started: bool,
    /// The chapters and EOS are on their way.
    finished: bool,
    /// The flush that has been passed to `chapter_src` already.
    flush: Option<gst::Seqnum>,
}

impl State {
    fn pair(&mut self, medium: Medium) -> Option<&mut Pair> {
        self.pairs.iter_mut().find(|pair| pair.medium == medium)
    }

    /// Forgets what was seen, heard and read; the pads stay.
    fn forget(&mut self) {
        self.analysis = None;
        self.segment = None;
        self.finished = false;
        for pair in &mut self.pairs {
            pair.segment = None;
            pair.eos = false;
        }
    }
}

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
        let sensitivity = self.settings().sensitivity;
        let mut state = self.state();
        let (changes, reached) = match state.analyse(medium, &buffer, sensitivity) {
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
            // The analysis goes on where nobody takes the stream.
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
                    pair.format = format(medium, caps.caps());
                }
            }
            gst::EventView::Segment(segment) => {
                let Some(segment) = segment.segment().downcast_ref::<gst::ClockTime>() else {
                    gst::element_imp_error!(
                        self,
                        gst::StreamError::Format,
                        (
                            "{} needs a segment in time, not in {:?}: put a parser or demuxer before it",
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
        // An event is done with where nobody takes the stream.
        gst::Pad::event_default(pad, Some(&*self.obj()), event) || unlinked
    }

    fn start(&self, medium: Medium, event: &gst::event::StreamStart) {
        let mut state = self.state();
        if state.finished {
            state.forget();
            state.started = false;
        }
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
        // Queued under the lock: another pad's thread must not bring its segment before the caps.
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
        if state.flush == Some(event.seqnum()) {
            return;
        }
        state.flush = Some(event.seqnum());
        drop(state);
        self.stream.stop();
        self.chapter_src.push_event(event.clone());
        let _ = self.chapter_src.stop_task();
    }

    fn flush_stop(&self, medium: Medium, event: &gst::Event) {
        let mut state = self.state();
        if state.flush == Some(event.seqnum()) {
            // The other pads' FLUSH_STOP belongs to the same flush.
            state.forget();
            state.flush = None;
            drop(state);
            self.chapter_src.push_event(event.clone());
            if let Err(error) = self.stream.start(&self.chapter_src) {
                gst::error!(CAT, imp = self, "{error}");
            }
        } else if let Some(pair) = state.pair(medium) {
            pair.eos = false;
        }
    }

    /// A stream has ended; with the last one come the chapters.
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
        drop(state);

        // Told before the last EOS goes on: with it an application may stop to listen.
        let chapters = analysis.map_or_else(Vec::new, |mut analysis| {
            analysis.chapters(&settings.options(), &settings.naming())
        });
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
            self.stream
                .chapter(chapter_buffer(index, chapter, segment.as_ref()));
        }
        self.stream
            .send(gst::event::Eos::builder().seqnum(seqnum).build());
    }

    /// The pads that a pad's events and queries go to.
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

impl State {
    /// Notes how far a stream has come; returns that as a position of the chapters' segment.
    fn reach(&mut self, medium: Medium, end: gst::ClockTime) -> Option<gst::ClockTime> {
        let segment = self.pair(medium)?.segment.as_ref()?;
        let end = segment.to_stream_time(segment.stop().map_or(end, |stop| end.min(stop)))?;
        self.analysis
            .as_mut()?
            .reach(Time::from_nanos(end.nseconds()));
        self.segment.as_ref()?.position_from_stream_time(end)
    }

    /// Analyses a buffer; returns new slide changes and how far the stream has come.
    fn analyse(
        &mut self,
        medium: Medium,
        buffer: &gst::BufferRef,
        sensitivity: f64,
    ) -> Result<(Vec<Change>, Option<gst::ClockTime>), String> {
        let State {
            pairs, analysis, ..
        } = self;
        let analysis = analysis.get_or_insert_with(|| Analysis::new(sensitivity));
        let Some(pair) = pairs.iter().find(|pair| pair.medium == medium) else {
            return Ok((Vec::new(), None));
        };
        // Without a time, outside of the segment and backwards there is nothing to learn.
        let (Some(pts), Some(segment)) = (buffer.pts(), &pair.segment) else {
            return Ok((Vec::new(), None));
        };
        let Some(time) = segment.to_stream_time(pts).filter(|_| segment.rate() > 0.0) else {
            return Ok((Vec::new(), None));
        };
        let time = Time::from_nanos(time.nseconds());
        let duration = buffer.duration().map(|d| Time::from_nanos(d.nseconds()));
        let mut changes = Vec::new();
        match &pair.format {
            Some(Format::Video(info)) => {
                let frame =
                    VideoFrameRef::from_buffer_ref_readable(buffer, info).map_err(|error| {
                        format!("video_sink got a frame that does not fit its caps: {error}")
                    })?;
                changes = analysis.look(&frame, time, duration);
            }
            Some(Format::Audio(info)) => {
                let map = buffer.map_readable().map_err(|error| {
                    format!("audio_sink got a buffer that cannot be read: {error}")
                })?;
                if !buffer.flags().contains(gst::BufferFlags::GAP) {
                    analysis.listen(info, &map, time);
                }
            }
            Some(Format::Text) => {
                let map = buffer.map_readable().map_err(|error| {
                    format!("text_sink got a buffer that cannot be read: {error}")
                })?;
                let end = time.saturating_add(duration.unwrap_or_default());
                analysis.read(Span::new(time, end), &String::from_utf8_lossy(&map));
            }
            None => return Err(format!("{} got data before caps", medium.sink())),
        }
        let end = pts.saturating_add(buffer.duration().unwrap_or(gst::ClockTime::ZERO));
        Ok((changes, self.reach(medium, end)))
    }
}

fn format(medium: Medium, caps: &gst::CapsRef) -> Option<Format> {
    match medium {
        Medium::Video => VideoInfo::from_caps(caps).ok().map(Format::Video),
        Medium::Audio => AudioInfo::from_caps(caps).ok().map(Format::Audio),
        Medium::Text => Some(Format::Text),
    }
}

/// A chapter as a cue; its times are moved from stream time to the segment.
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
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            vec![
                glib::ParamSpecUInt64::builder("min-chapter")
                    .nick("Minimum chapter")
                    .blurb("Shortest chapter in ns; in a class of less than ten times as much, a tenth of the class")
                    .maximum(gst::ClockTime::MAX.nseconds())
                    .default_value(DEFAULT_MIN_CHAPTER.nseconds())
                    .mutable_ready()
                    .build(),
                glib::ParamSpecUInt::builder("max-per-hour")
                    .nick("Maximum per hour")
                    .blurb("Most chapters in an hour; a shorter class may have as many")
                    .minimum(1)
                    .maximum(3600)
                    .default_value(DEFAULT_MAX_PER_HOUR)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecDouble::builder("sensitivity")
                    .nick("Sensitivity")
                    .blurb("How small a change of a slide counts and how little has to speak for a chapter, from 0 (only what is clear) to 1 (every hint)")
                    .minimum(0.0)
                    .maximum(1.0)
                    .default_value(DEFAULT_SENSITIVITY)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecEnum::builder::<Titles>("titles")
                    .nick("Titles")
                    .blurb("Where the titles of chapters come from")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("language")
                    .nick("Language")
                    .blurb("Language of the transcript as a BCP 47 tag; unset: the one that the text looks like")
                    .mutable_ready()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = self.settings();
        // GObject has checked type and range.
        match pspec.name() {
            "min-chapter" => {
                if let Ok(nanos) = value.get() {
                    settings.min_chapter = gst::ClockTime::from_nseconds(nanos);
                }
            }
            "max-per-hour" => settings.max_per_hour = value.get().unwrap_or(DEFAULT_MAX_PER_HOUR),
            "sensitivity" => settings.sensitivity = value.get().unwrap_or(DEFAULT_SENSITIVITY),
            "titles" => settings.titles = value.get().unwrap_or_default(),
            "language" => settings.language = value.get().unwrap_or_default(),
            _ => (),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let settings = self.settings();
        match pspec.name() {
            "min-chapter" => settings.min_chapter.nseconds().to_value(),
            "max-per-hour" => settings.max_per_hour.to_value(),
            "sensitivity" => settings.sensitivity.to_value(),
            "titles" => settings.titles.to_value(),
            _ => settings.language.to_value(),
        }
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
                "Finds where the chapters of a recorded class begin, from slides, pauses and transcript",
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
            state.pairs.push(Pair {
                medium,
                sink: sink.clone(),
                src: src.clone(),
                format: None,
                segment: None,
                eos: false,
            });
        }
        let obj = self.obj();
        let runs = obj.current_state().max(obj.pending_state()) > gst::State::Ready;
        let added = [&src, &sink].into_iter().try_for_each(|pad| {
            if runs {
                pad.set_active(true)?;
            }
            obj.add_pad(pad)
        });
        if let Err(error) = added {
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
        for pad in [pair.sink, pair.src] {
            let _ = pad.set_active(false);
            let _ = self.obj().remove_pad(&pad);
        }
        // The others may have waited for this one's end.
        self.finish(gst::Seqnum::next());
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        let success = self.parent_change_state(transition)?;
        if transition == gst::StateChange::PausedToReady {
            let mut state = self.state();
            state.forget();
            state.started = false;
            state.flush = None;
            for pair in &mut state.pairs {
                pair.format = None;
            }
        }
        Ok(success)
    }
}
