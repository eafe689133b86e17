// SPDX-License-Identifier: MPL-2.0

//! The bin: pads, states and messages.
//!
//! Everything behind the pads is made anew for every run, in READY→PAUSED or when a pad is
//! requested later, and thrown away in PAUSED→READY.
//!
//! Lock order: `run`, then a track's writer, then the settings of element and pads. None is held
//! while elements are added, linked or change state, or while something is posted or pushed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::{fs, io};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use super::branch;
use super::finish::Finished;
use super::ladder::LadderElement;
use super::pad::{AudioPad, AudioRole, AudioSettings};
use super::settings::Settings;
use super::writer::{TrackWriter, WriteError};
use crate::package::chapters::Mark;
use crate::package::codec::Media;
use crate::package::grid::Grid;
use crate::package::ladder::{Ladder, Rung};
use crate::package::names::{folder_name, unique};
use crate::package::playlist::{Audio, Role, UNKNOWN_LANGUAGE, Video};
use crate::timeline::{Span, Time};

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "catalogsink",
        gst::DebugColorFlags::empty(),
        Some("Writes a package for a catalog"),
    )
});

const VIDEO: &str = "video";
const CHAPTERS: &str = "chapters";

/// What a pad's stream becomes.
enum Output {
    Video { rung: Rung, rate: (u32, u32) },
    Audio,
}

struct Track {
    input: String,
    folder: String,
    output: Output,
    writer: Arc<Mutex<TrackWriter>>,
}

/// How far the stream of a pad is.
#[derive(Default)]
struct Input {
    /// Collectors that have not seen its end.
    open: usize,
    ended: bool,
    language: Option<String>,
}

/// One run, from READY→PAUSED to PAUSED→READY.
struct Run {
    location: PathBuf,
    ladder: Ladder,
    asked: Vec<Time>,
    settings: Settings,
    inputs: BTreeMap<String, Input>,
    tracks: Vec<Track>,
    marks: Vec<Mark>,
    seqnum: Option<gst::Seqnum>,
    failed: bool,
    complete: bool,
    finishing: Option<JoinHandle<()>>,
}

#[derive(Default)]
pub struct CatalogSink {
    settings: Mutex<Settings>,
    run: Mutex<Option<Run>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CatalogSink {
    /// Posts an error, once a run: what follows from it is no news.
    fn fail(&self, error: gst::ErrorMessage) {
        if let Some(run) = lock(&self.run).as_mut()
            && std::mem::replace(&mut run.failed, true)
        {
            return;
        }
        self.post_error_message(error);
    }

    fn fail_to_write(&self, error: &WriteError) {
        self.fail(match error {
            WriteError::File(_, io) if io.kind() == io::ErrorKind::StorageFull => gst::error_msg!(
                gst::ResourceError::NoSpaceLeft,
                ("{error}; free some space or take another location")
            ),
            WriteError::File(..) => gst::error_msg!(gst::ResourceError::Write, ("{error}")),
            WriteError::Codec(_) | WriteError::Fragment(_) => {
                gst::error_msg!(gst::StreamError::Encode, ("{error}"))
            }
        });
    }

    /// Checks everything that can be wrong before a stream arrives.
    fn start(&self) -> Result<Run, gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        let wrong = |what: String| gst::error_msg!(gst::LibraryError::Settings, ("{what}"));
        let ladder = settings
            .ladder
            .parse()
            .map_err(|error: crate::package::ladder::LadderError| wrong(error.to_string()))?;
        let asked = settings.asked().map_err(|part| {
            wrong(format!("\"{part}\" in keyframe-times is no time in seconds; write, for example, \"12.5,80\""))
        })?;
        let location = settings.location.clone().ok_or_else(|| {
            wrong("catalogsink has no location; set it to an empty folder".into())
        })?;
        open(&location)?;
        Ok(Run {
            location,
            ladder,
            asked,
            settings,
            inputs: BTreeMap::new(),
            tracks: Vec::new(),
            marks: Vec::new(),
            seqnum: None,
            failed: false,
            complete: false,
            finishing: None,
        })
    }

    fn missing(&self) -> Option<String> {
        let settings = lock(&self.settings).clone();
        branch::required(&settings)
            .into_iter()
            .find(|name| gst::ElementFactory::find(name).is_none())
            .map(str::to_owned)
    }

    /// Makes what stands behind a pad.
    fn build(&self, pad: &gst::GhostPad) -> Result<(), glib::BoolError> {
        let name = pad.name().to_string();
        let settings = {
            let mut run = lock(&self.run);
            let Some(run) = run.as_mut() else {
                return Ok(());
            };
            run.inputs.insert(name.clone(), Input::default());
            run.settings.clone()
        };
        let bin = self.obj();
        let bin = bin.upcast_ref::<gst::Bin>();
        let target = match name.as_str() {
            VIDEO => {
                let head = branch::video(bin)?;
                self.await_picture(&head.end);
                let filter = head.filter;
                self.watch(pad, move |caps| {
                    filter.set_property("caps", branch::video_format(caps));
                });
                head.sink
            }
            CHAPTERS => {
                let (sink, collector) = branch::text(bin)?;
                self.open_output(&name);
                self.collect_marks(&collector);
                self.watch(pad, |_| {});
                sink
            }
            _ => {
                let (head, encoder) = branch::audio(bin, &settings)?;
                self.add_track(&name, Output::Audio, &head.end);
                let filter = head.filter;
                self.watch(pad, move |caps| {
                    filter.set_property("caps", branch::audio_format(caps, &encoder));
                });
                head.sink
            }
        };
        pad.set_target(Some(&target))
    }

    /// Looks at the events that come into a pad. `first_caps` is told its first caps.
    fn watch(
        &self,
        pad: &gst::GhostPad,
        first_caps: impl Fn(&gst::CapsRef) + Send + Sync + 'static,
    ) {
        let this = self.downgrade();
        let known = Mutex::new(false);
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
            let (Some(this), Some(event)) = (this.upgrade(), info.event()) else {
                return gst::PadProbeReturn::Ok;
            };
            match event.view() {
                gst::EventView::Caps(caps) if !std::mem::replace(&mut *lock(&known), true) => {
                    first_caps(caps.caps());
                }
                gst::EventView::Segment(segment)
                    if segment.segment().format() != gst::Format::Time =>
                {
                    this.fail(gst::error_msg!(
                        gst::StreamError::Format,
                        (
                            "{} got a segment in {:?}; catalogsink needs times, put a demuxer or \
                             parser before it",
                            pad.name(),
                            segment.segment().format()
                        )
                    ));
                    return gst::PadProbeReturn::Drop;
                }
                gst::EventView::Tag(tags) => {
                    if let Some(language) = tags.tag().get::<gst::tags::LanguageCode>()
                        && let Some(run) = lock(&this.run).as_mut()
                        && let Some(input) = run.inputs.get_mut(pad.name().as_str())
                    {
                        input.language = Some(language.get().to_owned());
                    }
                }
                gst::EventView::Eos(eos) => {
                    if let Some(run) = lock(&this.run).as_mut() {
                        run.seqnum = Some(eos.seqnum());
                    }
                    if !pad.has_current_caps() {
                        gst::info!(CAT, imp = this, "{} is absent", pad.name());
                        this.end_input(&pad.name());
                    }
                }
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Adds the renditions when the first picture arrives: only then is it known how it is turned.
    fn await_picture(&self, ladder: &LadderElement) {
        let Some(pad) = ladder.static_pad("sink") else {
            return;
        };
        let this = self.downgrade();
        let ladder = ladder.downgrade();
        let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
        pad.add_probe(mask, move |_, info| {
            let (Some(this), Some(ladder)) = (this.upgrade(), ladder.upgrade()) else {
                return gst::PadProbeReturn::Ok;
            };
            if info
                .event()
                .is_some_and(|event| event.type_() == gst::EventType::Eos)
                && !ladder.is_configured()
            {
                this.end_input(VIDEO);
            }
            if info.buffer().is_none() {
                return gst::PadProbeReturn::Ok;
            }
            if let Err(error) = this.add_rungs(&ladder) {
                this.fail(gst::error_msg!(gst::CoreError::Failed, ("{error}")));
            }
            gst::PadProbeReturn::Remove
        });
    }

    fn add_rungs(&self, ladder: &LadderElement) -> Result<(), glib::BoolError> {
        let (Some(picture), Some(rate)) = (ladder.picture(), ladder.frame_rate()) else {
            return Err(glib::bool_error!("the first picture has no caps"));
        };
        let (rungs, grid, settings) = {
            let run = lock(&self.run);
            let Some(run) = run.as_ref() else {
                return Ok(());
            };
            let mut grid = Grid::new(run.settings.segment(), run.settings.interval());
            run.asked.iter().for_each(|&time| grid.ask(time));
            (run.ladder.rungs(picture), grid, run.settings.clone())
        };
        gst::info!(CAT, imp = self, "{picture:?} at {rate:?} becomes {rungs:?}");
        let pads = ladder.configure(&rungs, grid)?;
        let bin = self.obj();
        for (rung, pad) in rungs.into_iter().zip(pads) {
            let collector = branch::rung(bin.upcast_ref(), &pad, &rung, rate, &settings)?;
            self.add_track(VIDEO, Output::Video { rung, rate }, &collector);
        }
        Ok(())
    }

    fn open_output(&self, input: &str) {
        if let Some(run) = lock(&self.run).as_mut()
            && let Some(input) = run.inputs.get_mut(input)
        {
            input.open += 1;
        }
    }

    /// Adds a rendition that comes out of `collector`.
    fn add_track(&self, input: &str, output: Output, collector: &gst_app::AppSink) {
        self.open_output(input);
        let settings = self.audio_settings().remove(input).unwrap_or_default();
        let folder = [settings.label.as_deref(), settings.language.as_deref()]
            .into_iter()
            .flatten()
            .map(folder_name)
            .find(|name| !name.is_empty())
            .unwrap_or_else(|| Role::from(settings.role).name().to_owned());
        let writer = {
            let mut run = lock(&self.run);
            let Some(run) = run.as_mut() else {
                return;
            };
            let folder = match &output {
                Output::Video { rung, .. } => format!("video/{}", rung.name()),
                Output::Audio => format!("audio/{folder}"),
            };
            let taken = |folder: &str| run.tracks.iter().any(|track| track.folder == folder);
            let folder = unique(&folder, taken);
            let writer = TrackWriter::new(&run.location, &folder);
            let writer = Arc::new(Mutex::new(writer));
            run.tracks.push(Track {
                input: input.to_owned(),
                folder,
                output,
                writer: writer.clone(),
            });
            writer
        };
        if let Some(pad) = collector.static_pad("sink") {
            let writer = writer.clone();
            pad.add_probe(gst::PadProbeType::EVENT_FLUSH, move |_, info| {
                if info
                    .event()
                    .is_some_and(|event| event.type_() == gst::EventType::FlushStop)
                {
                    lock(&writer).restart();
                }
                gst::PadProbeReturn::Ok
            });
        }
        let input = input.to_owned();
        self.collect(collector, input, move |sample| {
            let Some(list) = sample.buffer_list() else {
                return Ok(());
            };
            write(&mut lock(&writer), list, sample)
        });
    }

    fn collect_marks(&self, collector: &gst_app::AppSink) {
        let this = self.downgrade();
        self.collect(collector, CHAPTERS.into(), move |sample| {
            if let Some(this) = this.upgrade()
                && let Some(mark) = mark(sample)
                && let Some(run) = lock(&this.run).as_mut()
            {
                run.marks.push(mark);
            }
            Ok(())
        });
        let this = self.downgrade();
        if let Some(pad) = collector.static_pad("sink") {
            pad.add_probe(gst::PadProbeType::EVENT_FLUSH, move |_, info| {
                if info
                    .event()
                    .is_some_and(|event| event.type_() == gst::EventType::FlushStop)
                    && let Some(this) = this.upgrade()
                    && let Some(run) = lock(&this.run).as_mut()
                {
                    run.marks.clear();
                }
                gst::PadProbeReturn::Ok
            });
        }
    }

    /// Hands what a collector gets to `take`, and its end to the input.
    fn collect(
        &self,
        collector: &gst_app::AppSink,
        input: String,
        take: impl Fn(&gst::Sample) -> Result<(), WriteError> + Send + Sync + 'static,
    ) {
        let (on_sample, on_eos) = (self.downgrade(), self.downgrade());
        let callbacks = gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                take(&sample).map_err(|error| {
                    if let Some(this) = on_sample.upgrade() {
                        this.fail_to_write(&error);
                    }
                    gst::FlowError::Error
                })?;
                Ok(gst::FlowSuccess::Ok)
            })
            .eos(move |_| {
                if let Some(this) = on_eos.upgrade() {
                    this.close_output(&input);
                }
            })
            .build();
        collector.set_callbacks(callbacks);
    }

    fn close_output(&self, input: &str) {
        let ended = lock(&self.run)
            .as_mut()
            .and_then(|run| run.inputs.get_mut(input))
            .is_some_and(|input| {
                input.open = input.open.saturating_sub(1);
                input.open == 0
            });
        if ended {
            self.end_input(input);
        }
    }

    /// Notes that nothing more comes of a pad; after the last one the package is finished.
    fn end_input(&self, input: &str) {
        let mut run = lock(&self.run);
        let Some(run) = run.as_mut() else {
            return;
        };
        if let Some(input) = run.inputs.get_mut(input) {
            input.ended = true;
        }
        let open = run.inputs.values().any(|input| !input.ended);
        if open || run.failed || run.finishing.is_some() {
            return;
        }
        let this = self.ref_counted();
        run.finishing = Some(std::thread::spawn(move || this.finish()));
    }

    /// Runs in its own thread: the disk may be slow, and streaming threads must stay stoppable.
    fn finish(&self) {
        let (finished, seqnum) = {
            let run = lock(&self.run);
            let Some(run) = run.as_ref() else {
                return;
            };
            (run.finished(&self.audio_settings()), run.seqnum)
        };
        if finished.video.is_empty() && finished.audio.is_empty() {
            self.fail(gst::error_msg!(
                gst::StreamError::WrongType,
                ("no picture and no sound arrived, so there is nothing to package; check that the \
                  input has a stream that can be decoded")
            ));
            return;
        }
        match finished.write() {
            Ok(package) => {
                if let Some(run) = lock(&self.run).as_mut() {
                    run.complete = true;
                }
                let obj = self.obj();
                let message = gst::message::Element::builder(package).src(&*obj).build();
                // Fails only without a bus, when nobody listens.
                let _ = obj.post_message(message);
                let eos = gst::message::Eos::builder().src(&*obj);
                let eos = match seqnum {
                    Some(seqnum) => eos.seqnum(seqnum),
                    None => eos,
                };
                let _ = obj.post_message(eos.build());
            }
            Err(error) => self.fail_to_write(&error),
        }
    }

    fn audio_settings(&self) -> BTreeMap<String, AudioSettings> {
        let pads = self.obj().sink_pads();
        let audio = pads
            .into_iter()
            .filter_map(|pad| pad.downcast::<AudioPad>().ok());
        audio
            .map(|pad| (pad.name().to_string(), pad.settings()))
            .collect()
    }

    /// Ends a run; what it left is removed unless the package is complete.
    fn stop(&self) {
        let finishing = lock(&self.run)
            .as_mut()
            .and_then(|run| run.finishing.take());
        if let Some(thread) = finishing
            && thread.join().is_err()
        {
            gst::error!(CAT, imp = self, "the last files could not be written");
        }
        let obj = self.obj();
        for pad in obj.sink_pads() {
            if let Ok(pad) = pad.downcast::<gst::GhostPad>() {
                // A pad without a target has nothing to fail on.
                let _ = pad.set_target(None::<&gst::Pad>);
            }
        }
        for child in obj.children() {
            let _ = child.set_state(gst::State::Null);
            let _ = obj.remove(&child);
        }
        if let Some(run) = lock(&self.run).take()
            && !run.complete
        {
            run.remove_files();
        }
    }
}

impl Run {
    /// What the streams left, in the order of playlists: pictures from large to small, sound with
    /// the main one first.
    fn finished(&self, settings: &BTreeMap<String, AudioSettings>) -> Finished {
        let mut finished = Finished {
            location: self.location.clone(),
            video: Vec::new(),
            audio: Vec::new(),
            chapters: self.marks.clone(),
        };
        for track in &self.tracks {
            let writer = lock(&track.writer);
            let Some((segments, description)) = writer.finished() else {
                continue;
            };
            match (&track.output, description.media) {
                (Output::Video { rung, rate }, _) => finished.video.push(Video {
                    track: segments.clone(),
                    lines: rung.lines,
                    width: rung.width,
                    height: rung.height,
                    frame_rate: *rate,
                }),
                (Output::Audio, Media::Audio { channels, rate }) => {
                    let settings = settings.get(&track.input).cloned().unwrap_or_default();
                    let told = self.inputs.get(&track.input);
                    let language = settings
                        .language
                        .or_else(|| told.and_then(|input| input.language.clone()))
                        .unwrap_or_else(|| UNKNOWN_LANGUAGE.into());
                    let label = settings
                        .label
                        .unwrap_or_else(|| label(&language, settings.role));
                    let taken =
                        |label: &str| finished.audio.iter().any(|audio| audio.label == label);
                    finished.audio.push(Audio {
                        track: segments.clone(),
                        label: unique(&label, taken),
                        language,
                        role: settings.role.into(),
                        channels,
                        rate,
                    });
                }
                (Output::Audio, Media::Video { .. }) => {}
            }
        }
        finished.audio.sort_by_key(|audio| audio.role);
        finished
    }

    /// The folder was empty when the run started: what these folders hold is the run's.
    fn remove_files(&self) {
        for folder in ["video", "audio"] {
            let path = self.location.join(folder);
            if path.exists()
                && let Err(error) = fs::remove_dir_all(&path)
            {
                gst::warning!(CAT, "{} is left behind: {error}", path.display());
            }
        }
    }
}

/// The label of a rendition that nobody named.
fn label(language: &str, role: AudioRole) -> String {
    let language = match language {
        UNKNOWN_LANGUAGE => "Audio",
        language => language,
    };
    match role {
        AudioRole::Main => language.to_owned(),
        AudioRole::Description => format!("{language} (described video)"),
    }
}

/// Makes the folder where it is missing, and makes sure that it is empty and can be written.
fn open(location: &Path) -> Result<(), gst::ErrorMessage> {
    let cannot = |what: &str, error: io::Error| {
        gst::error_msg!(
            gst::ResourceError::OpenWrite,
            (
                "the folder {} cannot be {what}: {error}",
                location.display()
            )
        )
    };
    fs::create_dir_all(location).map_err(|error| cannot("made", error))?;
    let mut entries = fs::read_dir(location).map_err(|error| cannot("read", error))?;
    if entries.next().is_some() {
        return Err(gst::error_msg!(
            gst::ResourceError::OpenWrite,
            (
                "the folder {} is not empty; catalogsink writes a whole package into an empty one",
                location.display()
            )
        ));
    }
    let probe = location.join(".catalogsink");
    fs::write(&probe, b"")
        .and_then(|()| fs::remove_file(&probe))
        .map_err(|error| cannot("written", error))
}

/// Writes what the muxer handed on: a header before the first fragment, and a fragment.
fn write(
    writer: &mut TrackWriter,
    list: &gst::BufferListRef,
    sample: &gst::Sample,
) -> Result<(), WriteError> {
    let is_header = |buffer: &gst::BufferRef| {
        let header = gst::BufferFlags::DISCONT | gst::BufferFlags::HEADER;
        buffer.flags().contains(header)
    };
    let unreadable = |_| WriteError::Fragment("that cannot be read");
    let mut fragment = list.iter().filter(|buffer| !is_header(buffer));
    let first = fragment.next();
    if let Some(header) = list.iter().find(|buffer| is_header(buffer)) {
        let delay = first.and_then(|first| first.pts()?.checked_sub(first.dts()?));
        let delay = Time::from_nanos(delay.unwrap_or_default().nseconds());
        writer.write_init(&header.map_readable().map_err(unreadable)?, delay)?;
    }
    let Some(first) = first else {
        return Ok(());
    };
    let span = span_of(first, sample).ok_or(WriteError::Fragment("without times"))?;
    let boxes = first.map_readable().map_err(unreadable)?;
    let media = fragment
        .map(gst::BufferRef::map_readable)
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable)?;
    let media: Vec<&[u8]> = media.iter().map(|map| map.as_slice()).collect();
    writer.write_segment(&boxes, &media, span)
}

/// The running time that a buffer covers.
fn span_of(buffer: &gst::BufferRef, sample: &gst::Sample) -> Option<Span> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let start = segment.to_running_time(buffer.pts()?)?.nseconds();
    let end = start.checked_add(buffer.duration()?.nseconds())?;
    Some(Span::new(Time::from_nanos(start), Time::from_nanos(end)))
}

/// The chapter that a text buffer says.
fn mark(sample: &gst::Sample) -> Option<Mark> {
    let buffer = sample.buffer()?;
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let start = segment.to_running_time(buffer.pts()?)?.nseconds();
    let end = buffer
        .duration()
        .and_then(|duration| start.checked_add(duration.nseconds()));
    let map = buffer.map_readable().ok()?;
    Some(Mark {
        start: Time::from_nanos(start),
        end: end.map(Time::from_nanos),
        title: String::from_utf8_lossy(&map).into_owned(),
    })
}

#[glib::object_subclass]
impl ObjectSubclass for CatalogSink {
    const NAME: &'static str = "GstCatalogSink";
    type Type = super::CatalogSink;
    type ParentType = gst::Bin;
    type Interfaces = (gst::ChildProxy,);
}

impl ObjectImpl for CatalogSink {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(Settings::properties);
        PROPERTIES.as_ref()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(pspec.name(), value);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        lock(&self.settings).get(pspec.name())
    }

    fn constructed(&self) {
        self.parent_constructed();
        // A sink from the start: what makes it one to a bin is added only when a run starts.
        let obj = self.obj();
        obj.set_suppressed_flags(gst::ElementFlags::SINK | gst::ElementFlags::SOURCE);
        obj.set_element_flags(gst::ElementFlags::SINK);
    }
}

impl GstObjectImpl for CatalogSink {}

impl ElementImpl for CatalogSink {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "Catalog sink",
                "Sink/File",
                "Writes picture, sound and chapters of a class as an HLS package for a catalog",
                "gst-plugin-lecture",
            )
        });
        Some(&*METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let request = gst::PadPresence::Request;
            let sink = gst::PadDirection::Sink;
            let raw = |name| gst::Caps::new_empty_simple(name);
            let text = gst::Caps::builder("text/x-raw")
                .field("format", "utf8")
                .build();
            [
                gst::PadTemplate::new(VIDEO, sink, request, &raw("video/x-raw")),
                gst::PadTemplate::with_gtype(
                    "audio_%u",
                    sink,
                    request,
                    &raw("audio/x-raw"),
                    AudioPad::static_type(),
                ),
                gst::PadTemplate::new(CHAPTERS, sink, request, &text),
            ]
            .into_iter()
            .flatten()
            .collect()
        });
        TEMPLATES.as_ref()
    }

    fn request_new_pad(
        &self,
        template: &gst::PadTemplate,
        name: Option<&str>,
        _caps: Option<&gst::Caps>,
    ) -> Option<gst::Pad> {
        let obj = self.obj();
        let pad: gst::GhostPad = if template.name_template() == "audio_%u" {
            let free = || {
                (0..)
                    .map(|number: u32| format!("audio_{number}"))
                    .find(|name| obj.static_pad(name).is_none())
            };
            let name = name.map(str::to_owned).or_else(free)?;
            let pad = gst::PadBuilder::<AudioPad>::from_template(template).name(name);
            pad.build().upcast()
        } else {
            let name = template.name_template();
            gst::GhostPad::builder_from_template(template)
                .name(name)
                .build()
        };
        if obj.static_pad(&pad.name()).is_some() {
            gst::warning!(CAT, imp = self, "there is a pad {} already", pad.name());
            return None;
        }
        if let Err(error) = self.build(&pad) {
            gst::error!(CAT, imp = self, "{} cannot be made: {error}", pad.name());
            return None;
        }
        // A bin's pads are inactive until it runs.
        if lock(&self.run).is_some() && pad.set_active(true).is_err() {
            return None;
        }
        obj.add_pad(&pad).ok()?;
        obj.child_added(pad.upcast_ref::<gst::Object>(), &pad.name());
        Some(pad.upcast())
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let obj = self.obj();
        let name = pad.name();
        if let Some(pad) = pad.downcast_ref::<gst::GhostPad>() {
            let _ = pad.set_target(None::<&gst::Pad>);
        }
        if obj.remove_pad(pad).is_ok() {
            obj.child_removed(pad.upcast_ref::<gst::Object>(), &name);
        }
        // What it delivered so far stays; it delivers no more.
        self.end_input(&name);
        self.parent_release_pad(pad);
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::NullToReady => {
                if let Some(missing) = self.missing() {
                    let obj = self.obj();
                    let message = gst_pbutils::MissingPluginMessage::builder_for_element(&missing);
                    let _ = obj.post_message(message.src(&*obj).build());
                    self.post_error_message(gst::error_msg!(
                        gst::CoreError::MissingPlugin,
                        ("there is no element \"{missing}\"; install the plugin that has it")
                    ));
                    return Err(gst::StateChangeError);
                }
            }
            gst::StateChange::ReadyToPaused => {
                let run = self.start().map_err(|error| {
                    self.post_error_message(error);
                    gst::StateChangeError
                })?;
                *lock(&self.run) = Some(run);
                for pad in self.obj().sink_pads() {
                    if let Ok(pad) = pad.downcast::<gst::GhostPad>()
                        && let Err(error) = self.build(&pad)
                    {
                        self.fail(gst::error_msg!(gst::CoreError::Failed, ("{error}")));
                        return Err(gst::StateChangeError);
                    }
                }
            }
            _ => {}
        }
        let changed = self.parent_change_state(transition);
        if transition == gst::StateChange::PausedToReady {
            self.stop();
        }
        changed
    }
}

impl BinImpl for CatalogSink {
    fn handle_message(&self, message: gst::Message) {
        match message.view() {
            // The end is told when the package is complete.
            gst::MessageView::Eos(_) => {}
            gst::MessageView::Error(error) => {
                let told = lock(&self.run)
                    .as_mut()
                    .is_some_and(|run| std::mem::replace(&mut run.failed, true));
                if told {
                    gst::info!(CAT, imp = self, "followed by: {}", error.error());
                } else {
                    self.parent_handle_message(message);
                }
            }
            _ => self.parent_handle_message(message),
        }
    }
}

impl ChildProxyImpl for CatalogSink {
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
