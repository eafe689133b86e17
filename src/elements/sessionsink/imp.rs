// SPDX-License-Identifier: MPL-2.0

//! The bin: properties, states, messages and the end.
//!
//! Every lock is held for a few statements. Only a writer's state and the pauses are held together, in
//! this order. None is held across a push, a message, or a change of pads or states.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

mod run;
mod tracks;
mod writers;

use super::branch::Branch;
use super::messages;
use super::pad::SessionPad;
use super::recording::{Counts, Recording, count};
use super::writer::Writer;
use super::{CAT, codec};
use crate::elements::shared::lock::lock;
use crate::elements::shared::{pad_children, request_pads};
use crate::record::session::{Event, EventKind};
use crate::timeline::Time;

const DEFAULT_ROOM: &str = "room";

#[derive(Clone)]
struct Settings {
    location: Option<PathBuf>,
    room: String,
    composite: Option<String>,
    outputs: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            location: None,
            room: DEFAULT_ROOM.into(),
            composite: None,
            outputs: None,
        }
    }
}

/// The course of a run.
#[derive(Default)]
struct Run {
    is_playing: bool,
    /// An EOS event was sent to the element.
    is_ended: bool,
    has_posted_eos: bool,
    seqnum: Option<gst::Seqnum>,
}

#[derive(Default)]
pub struct SessionSink {
    settings: Mutex<Settings>,
    names: request_pads::Names,
    recording: Mutex<Option<Arc<Recording>>>,
    run: Mutex<Run>,
    /// The tracks, by the names of their pads.
    branches: Mutex<BTreeMap<String, Arc<Branch>>>,
    writers: Mutex<Vec<Arc<Writer>>>,
    /// A writer has gone.
    retired: Condvar,
}

impl SessionSink {
    fn recording(&self) -> Option<Arc<Recording>> {
        lock(&self.recording).clone()
    }

    fn branches(&self) -> Vec<Arc<Branch>> {
        lock(&self.branches).values().cloned().collect()
    }

    /// Returns the time of the session.
    fn now(&self) -> Time {
        let now = self.obj().current_running_time().unwrap_or_default();
        Time::from_nanos(now.nseconds())
    }

    fn post(&self, structure: gst::Structure) {
        let obj = self.obj();
        let message = gst::message::Element::builder(structure).src(&*obj);
        let _ = obj.post_message(message.build());
    }

    fn post_event(&self, event: Event) {
        self.post(messages::event(&event));
    }

    /// Reports that `session.json` could not be written; the next event tries again.
    fn check_written(&self, written: std::io::Result<()>) {
        if let Err(error) = written {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Write,
                ("session.json cannot be written: {error}")
            );
        }
    }

    /// Records an event of the room, as an application reports it.
    fn record_event(&self, structure: &gst::StructureRef) -> Result<(), String> {
        let recording = self.recording().ok_or("nothing is recorded now")?;
        let kind = messages::kind(structure)?;
        let now = self.now();
        match kind {
            EventKind::Pause if !lock(&recording.pauses).pause(now) => {
                return Err("the recording pauses already".into());
            }
            EventKind::Resume if !lock(&recording.pauses).resume(now) => {
                return Err("the recording does not pause".into());
            }
            _ => {}
        }
        let is_resumed = kind == EventKind::Resume;
        let (event, written) = recording.update(|journal| journal.add(now, kind));
        self.check_written(written);
        self.post_event(event?);
        if is_resumed {
            for pad in self.session_pads().iter().filter(|pad| pad.is_video()) {
                count(&recording.counts.requests);
                pad.request_key_frame();
            }
        }
        Ok(())
    }

    /// Writes the outputs of the composite into `session.json`, if a session is recorded.
    fn record_outputs(&self, text: Option<&str>) {
        let outputs = serde_json::from_str(text.unwrap_or("[]"));
        match (outputs, self.recording()) {
            (Ok(outputs), Some(recording)) => {
                let (_, written) = recording.update(|journal| journal.set_outputs(outputs));
                self.check_written(written);
            }
            (Ok(_), None) => {}
            (Err(error), _) => gst::warning!(CAT, imp = self, "outputs are not a list: {error}"),
        }
    }

    fn stats(&self) -> gst::Structure {
        let recording = self.recording();
        let number = |of: fn(&Counts) -> &AtomicU64| {
            let counts = recording.as_ref().map(|recording| &recording.counts);
            counts.map_or(0, |counts| of(counts).load(Ordering::Relaxed))
        };
        gst::Structure::builder("stats")
            .field("frames", number(|counts| &counts.frames))
            .field("dropped", number(|counts| &counts.dropped))
            .field("key-frame-requests", number(|counts| &counts.requests))
            .field("losses", number(|counts| &counts.losses))
            .build()
    }

    fn session_pads(&self) -> Vec<SessionPad> {
        let pads = self.obj().sink_pads().into_iter();
        pads.filter_map(|pad| pad.downcast().ok()).collect()
    }

    fn query_latency(&self, latency: &mut gst::query::Latency) {
        let (mut is_live, mut min, mut max) = (false, gst::ClockTime::ZERO, None);
        for pad in self.obj().sink_pads() {
            let mut query = gst::query::Latency::new();
            if !pad.peer_query(&mut query) {
                continue;
            }
            let (live, own_min, own_max) = query.result();
            if live {
                is_live = true;
                min = min.max(own_min);
                max = [max, own_max].into_iter().flatten().min();
            }
        }
        latency.set(is_live, min, max);
    }
}

#[glib::object_subclass]
impl ObjectSubclass for SessionSink {
    const NAME: &'static str = "GstLectureSessionSink";
    type Type = super::SessionSink;
    type ParentType = gst::Bin;
    type Interfaces = (gst::ChildProxy,);
}

impl ObjectImpl for SessionSink {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            vec![
                glib::ParamSpecString::builder("location")
                    .nick("Location")
                    .blurb("Folder of the session, without a recorded session in it")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("room")
                    .nick("Room")
                    .blurb("Name of the room, for session.json")
                    .default_value(Some(DEFAULT_ROOM))
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("composite")
                    .nick("Composite")
                    .blurb("File of the whole room that is written beside, for session.json (default: none)")
                    .mutable_ready()
                    .build(),
                glib::ParamSpecString::builder("outputs")
                    .nick("Outputs")
                    .blurb("Further outputs of the composite as they are now, the JSON list of session.json (default: none)")
                    .mutable_playing()
                    .build(),
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb("Numbers of the run: frames, dropped, key-frame-requests and losses")
                    .read_only()
                    .build(),
            ]
        });
        PROPERTIES.as_ref()
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: Lazy<Vec<glib::subclass::Signal>> = Lazy::new(|| {
            // Returns whether the event was recorded.
            vec![
                glib::subclass::Signal::builder("event")
                    .action()
                    .param_types([gst::Structure::static_type()])
                    .return_type::<bool>()
                    .class_handler(|values| {
                        let element = values.first()?.get::<super::SessionSink>().ok()?;
                        let structure = values.get(1)?.get::<gst::Structure>().ok()?;
                        let recorded = element.imp().record_event(&structure);
                        if let Err(error) = &recorded {
                            gst::warning!(CAT, obj = element, "{structure}: {error}");
                        }
                        Some(recorded.is_ok().to_value())
                    })
                    .build(),
            ]
        });
        SIGNALS.as_ref()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let text = value.get::<Option<String>>().ok().flatten();
        let text = text.filter(|text| !text.trim().is_empty());
        if pspec.name() == "outputs" {
            lock(&self.settings).outputs.clone_from(&text);
            self.record_outputs(text.as_deref());
            return;
        }
        let mut settings = lock(&self.settings);
        match pspec.name() {
            "location" => settings.location = text.map(PathBuf::from),
            "composite" => settings.composite = text,
            "room" => settings.room = text.unwrap_or_else(|| DEFAULT_ROOM.into()),
            _ => {}
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "stats" {
            return self.stats().to_value();
        }
        let settings = lock(&self.settings);
        match pspec.name() {
            "composite" => settings.composite.to_value(),
            "outputs" => settings.outputs.to_value(),
            "location" => {
                let location = settings.location.as_ref();
                location.and_then(|path| path.to_str()).to_value()
            }
            _ => settings.room.to_value(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        let obj = self.obj();
        // Sources and sinks inside of it come and go; it is a sink at all times.
        obj.set_suppressed_flags(gst::ElementFlags::SOURCE | gst::ElementFlags::SINK);
        obj.set_element_flags(gst::ElementFlags::SINK);
    }
}

impl GstObjectImpl for SessionSink {}

impl ElementImpl for SessionSink {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "Session sink",
                "Sink/Network/File",
                "Records the tracks of a room, each in a file, and describes them as a session",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            [("video_%u", true), ("audio_%u", false)]
                .into_iter()
                .filter_map(|(name, is_video)| {
                    gst::PadTemplate::with_gtype(
                        name,
                        gst::PadDirection::Sink,
                        gst::PadPresence::Request,
                        &codec::pad_caps(is_video),
                        SessionPad::static_type(),
                    )
                    .ok()
                })
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
        let prefix = template.name_template().strip_suffix("%u")?;
        let Some(reserved) = self.names.reserve(&*obj, prefix, name) else {
            gst::warning!(CAT, imp = self, "There is a pad of this name already");
            return None;
        };
        let name = &reserved.name;
        let pad = Self::make_pad(template, name);
        lock(&self.branches).insert(name.clone(), Arc::default());
        let is_running = self.recording().is_some();
        if is_running && pad.set_active(true).is_err() || obj.add_pad(&pad).is_err() {
            lock(&self.branches).remove(name);
            return None;
        }
        obj.child_added(pad.upcast_ref::<gst::Object>(), name);
        Some(pad.upcast())
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let obj = self.obj();
        let name = pad.name();
        // Waits for the buffer that is passing.
        let _ = pad.set_active(false);
        let branch = lock(&self.branches).remove(&*name);
        if let Some(branch) = branch {
            self.end_branch(&branch);
        }
        if obj.remove_pad(pad).is_ok() {
            obj.child_removed(pad.upcast_ref::<gst::Object>(), &name);
        }
        self.check_end();
    }

    fn send_event(&self, event: gst::Event) -> bool {
        if event.type_() != gst::EventType::Eos {
            return self.parent_send_event(event);
        }
        let seqnum = event.seqnum();
        self.obj()
            .call_async(move |this| this.imp().end_all(seqnum));
        true
    }

    fn query(&self, query: &mut gst::QueryRef) -> bool {
        match query.view_mut() {
            gst::QueryViewMut::Latency(latency) => {
                self.query_latency(latency);
                true
            }
            _ => self.parent_query(query),
        }
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::ReadyToPaused => self.start().map_err(|error| {
                self.post_error_message(error);
                gst::StateChangeError
            })?,
            gst::StateChange::PlayingToPaused => lock(&self.run).is_playing = false,
            _ => {}
        }
        let changed = self.parent_change_state(transition);
        match transition {
            gst::StateChange::PausedToPlaying if changed.is_ok() => {
                self.date();
                lock(&self.run).is_playing = true;
                self.check_end();
            }
            // The pads are not active any more: nothing comes.
            gst::StateChange::PausedToReady => self.stop(),
            gst::StateChange::ReadyToPaused if changed.is_err() => self.stop(),
            _ => {}
        }
        changed
    }
}

impl BinImpl for SessionSink {
    fn handle_message(&self, message: gst::Message) {
        let writer = self.writer_of(message.src());
        match (message.view(), writer) {
            (gst::MessageView::Eos(_), Some(writer)) => self.retire(writer),
            (gst::MessageView::Error(error), Some(writer)) => {
                gst::info!(CAT, imp = self, "{:?}", error.debug());
                self.fail_writer(writer, &error.error().to_string());
            }
            // Sinks that come and go are nobody's concern.
            (gst::MessageView::StreamStart(_) | gst::MessageView::Tag(_), Some(_)) => {}
            _ => self.parent_handle_message(message),
        }
    }
}

impl ChildProxyImpl for SessionSink {
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
