// SPDX-License-Identifier: MPL-2.0

//! The bin: pads, states and messages.
//!
//! Everything behind the pads is made anew for every run, in READY→PAUSED or when a pad is
//! requested later, and thrown away in PAUSED→READY.
//!
//! Lock order: `run`, then a track's writer, then the settings of element and pads. None is held
//! while elements are added, linked or change state, or while something is posted or pushed.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use super::CAT;
use super::branch;
use super::encoder;
use super::pad::{AudioPad, AudioSettings, TextPad, TextSettings};
use super::pad::{CHAPTERS, VIDEO};
use super::preroll::Preroll;
use super::run::Run;
use super::settings::Settings;
use super::writer::WriteError;
use crate::elements::shared::lock::lock;
use crate::elements::shared::{pad_children, request_pads};

#[derive(Default)]
pub struct CatalogSink {
    settings: Mutex<Settings>,
    names: request_pads::Names,
    run: Mutex<Option<Run>>,
    preroll: Preroll,
}

impl CatalogSink {
    /// Notes that data or an end has come to a pad: the state PAUSED is reached.
    pub fn finish_preroll(&self) {
        self.preroll.finish(|| {
            let done = gst::message::AsyncDone::builder().src(&*self.obj());
            self.parent_handle_message(done.build());
        });
    }

    /// Looks at or changes the run; `None` between runs.
    pub fn with_run<T>(&self, look: impl FnOnce(&mut Run) -> T) -> Option<T> {
        lock(&self.run).as_mut().map(look)
    }

    /// Posts an error, once a run: what follows from it is no news.
    pub fn fail(&self, error: gst::ErrorMessage) {
        if self.with_run(Run::fails) == Some(false) {
            return;
        }
        self.post_error_message(error);
    }

    pub fn fail_to_write(&self, error: &WriteError) {
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

    /// Notes that nothing more comes of a pad; after the last one the package is finished, in its
    /// own thread: the disk may be slow, and streaming threads must stay stoppable.
    pub fn end_input(&self, input: &str) {
        let this = self.ref_counted();
        self.with_run(|run| {
            if run.end(input) {
                run.finishing = Some(std::thread::spawn(move || this.finish()));
            }
        });
        self.complete_due();
    }

    /// Writes the package. It takes a while without a buffer, so its start and its end are posted as
    /// progress.
    fn finish(&self) {
        let post = |kind| {
            let obj = self.obj();
            let progress = gst::message::Progress::builder(kind, "package", "writing the package");
            // Fails only without a bus, when nobody listens.
            let _ = obj.post_message(progress.src(&*obj).build());
        };
        post(gst::ProgressType::Start);
        self.write_package();
        post(gst::ProgressType::Complete);
    }

    fn write_package(&self) {
        let (audio, texts) = (self.audio_settings(), self.text_settings());
        let writers = self.with_run(|run| run.writers()).unwrap_or_default();
        for writer in &writers {
            let finished = lock(writer).finish_segments();
            if let Err(error) = finished {
                self.fail_to_write(&error);
                return;
            }
        }
        let (described, end) = self
            .with_run(|run| run.described(&audio))
            .unwrap_or_default();
        for writer in described {
            let ended = lock(&writer).end_at(end);
            if let Err(error) = ended {
                self.fail_to_write(&error);
                return;
            }
        }
        for writer in writers {
            let joined = lock(&writer).join_tail();
            if let Err(error) = joined {
                self.fail_to_write(&error);
                return;
            }
        }
        let Some(finished) = self.with_run(|run| run.finished(&audio, &texts)) else {
            return;
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
                self.with_run(|run| run.complete = true);
                let obj = self.obj();
                let message = gst::message::Element::builder(package).src(&*obj).build();
                // Fails only without a bus, when nobody listens.
                let _ = obj.post_message(message);
                self.post_eos();
            }
            Err(error) => self.fail_to_write(&error),
        }
    }

    fn post_eos(&self) {
        let seqnum = self.with_run(|run| run.seqnum).flatten();
        let obj = self.obj();
        let eos = gst::message::Eos::builder().src(&*obj);
        let eos = match seqnum {
            Some(seqnum) => eos.seqnum(seqnum),
            None => eos,
        };
        // Fails only without a bus, when nobody listens.
        let _ = obj.post_message(eos.build());
    }

    /// Returns the settings of the audio pads, and of those that were released in this run.
    pub fn audio_settings(&self) -> BTreeMap<String, AudioSettings> {
        let released = self.with_run(|run| run.released_audio.clone());
        let mut audio = released.unwrap_or_default();
        let pads = self.obj().sink_pads().into_iter();
        audio.extend(
            pads.filter_map(|pad| pad.downcast::<AudioPad>().ok())
                .map(|pad| (pad.name().to_string(), pad.settings())),
        );
        audio
    }

    /// Returns the settings of the text pads that have or had a stream in this run, in the order of their
    /// numbers.
    fn text_settings(&self) -> Vec<(String, TextSettings)> {
        let released = self.with_run(|run| run.released_texts.clone());
        let mut texts = released.unwrap_or_default();
        let pads = self.obj().sink_pads().into_iter();
        texts.extend(
            pads.filter_map(|pad| pad.downcast::<TextPad>().ok())
                .filter(|pad| pad.has_current_caps())
                .map(|pad| (pad.name().to_string(), pad.settings())),
        );
        let mut texts: Vec<_> = texts.into_iter().collect();
        texts.sort_by_key(|(name, _)| (name.len(), name.clone()));
        texts
    }

    fn missing(&self) -> Option<String> {
        let settings = lock(&self.settings).clone();
        // A list that is wrong is told when a run starts.
        let codecs = settings.codecs.parse().unwrap_or_default();
        branch::required(&settings, &codecs)
            .into_iter()
            .find(|name| gst::ElementFactory::find(name).is_none())
            .map(str::to_owned)
    }

    /// Ends a run; what it left is removed unless the package is complete.
    fn stop(&self) {
        let finishing = self.with_run(|run| run.finishing.take()).flatten();
        if let Some(thread) = finishing
            && thread.join().is_err()
        {
            gst::error!(CAT, imp = self, "the last files could not be written");
        }
        let run = lock(&self.run).take();
        if let Some(run) = run {
            run.clean();
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
    }
}

/// Returns the advice for a missing element.
fn remedy(element: &str) -> String {
    match encoder::debian_package(element) {
        Some(package) => format!("install the plugin that has it, on Debian {package}"),
        None => "install the plugin that has it".to_owned(),
    }
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
                "Writes video, audio, captions and chapters of a class as an HLS and DASH package",
                env!("CARGO_PKG_REPOSITORY"),
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
            let cues = gst::Caps::builder("text/x-raw")
                .field("format", gst::List::new(["utf8", "pango-markup"]))
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
                gst::PadTemplate::with_gtype(
                    "text_%u",
                    sink,
                    request,
                    &cues,
                    TextPad::static_type(),
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
        let kind = template.name_template();
        let reserved = match kind.strip_suffix("%u") {
            Some(prefix) => self.names.reserve(&*obj, prefix, name),
            None => self.names.reserve(&*obj, kind, Some(kind)),
        };
        let Some(reserved) = reserved else {
            gst::warning!(CAT, imp = self, "There is a pad of this name already");
            return None;
        };
        let name = &*reserved.name;
        let pad: gst::GhostPad = match kind {
            "audio_%u" => {
                let pad = gst::PadBuilder::<AudioPad>::from_template(template);
                pad.name(name).build().upcast()
            }
            "text_%u" => {
                let pad = gst::PadBuilder::<TextPad>::from_template(template);
                pad.name(name).build().upcast()
            }
            _ => {
                let pad = gst::GhostPad::builder_from_template(template);
                pad.name(name).build()
            }
        };
        if let Err(error) = self.take(&pad) {
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
        if let Some(pad) = pad.downcast_ref() {
            self.release(pad);
        }
        if obj.remove_pad(pad).is_ok() {
            obj.child_removed(pad.upcast_ref::<gst::Object>(), &name);
        }
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
                        ("there is no element \"{missing}\"; {}", remedy(&missing))
                    ));
                    return Err(gst::StateChangeError);
                }
            }
            gst::StateChange::ReadyToPaused => {
                let settings = lock(&self.settings).clone();
                let run = Run::start(settings).map_err(|error| {
                    self.post_error_message(error);
                    gst::StateChangeError
                })?;
                *lock(&self.run) = Some(run);
                for pad in self.obj().sink_pads() {
                    if let Ok(pad) = pad.downcast::<gst::GhostPad>()
                        && let Err(error) = self.take(&pad)
                    {
                        self.fail(gst::error_msg!(gst::CoreError::Failed, ("{error}")));
                        self.stop();
                        return Err(gst::StateChangeError);
                    }
                }
                // A sink without a pad waits for nothing.
                if !self.obj().sink_pads().is_empty() {
                    self.preroll.start(|| {
                        let start = gst::message::AsyncStart::builder().src(&*self.obj());
                        self.parent_handle_message(start.build());
                    });
                }
            }
            gst::StateChange::PausedToPlaying => self.preroll.wait_until_posted(),
            _ => {}
        }
        let changed = self.parent_change_state(transition);
        // A bin that starts to play forgets the ends that it was told before.
        if transition == gst::StateChange::PausedToPlaying
            && self.with_run(|run| run.complete) == Some(true)
        {
            self.post_eos();
        }
        let failed = transition == gst::StateChange::ReadyToPaused && changed.is_err();
        if failed || transition == gst::StateChange::PausedToReady {
            self.finish_preroll();
            self.stop();
        }
        match changed {
            Ok(gst::StateChangeSuccess::Success)
                if transition == gst::StateChange::ReadyToPaused && self.preroll.is_pending() =>
            {
                Ok(gst::StateChangeSuccess::Async)
            }
            changed => changed,
        }
    }
}

impl BinImpl for CatalogSink {
    fn handle_message(&self, message: gst::Message) {
        match message.view() {
            // The end is told when the package is complete.
            gst::MessageView::Eos(_) => {}
            gst::MessageView::Error(error) => {
                if self.with_run(Run::fails) == Some(false) {
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
        pad_children::by_index(&*self.obj(), index)
    }

    fn child_by_name(&self, name: &str) -> Option<glib::Object> {
        pad_children::by_name(&*self.obj(), name)
    }

    fn children_count(&self) -> u32 {
        pad_children::count(&*self.obj())
    }
}
