// SPDX-License-Identifier: MPL-2.0

//! The bin: pads, properties and states.
//!
//! Lock order: `settings`, then `stage`, then `branches`; none is held across a push, a message, a property that is
//! set, or a change of pads or states.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

mod pads;

use super::avatar::{Avatars, plain};
use super::branch::Branch;
use super::pad::RoomPad;
use super::room::Room;
use super::settings::Settings;
use super::sides::Sides;
use super::stage::Stage;
use super::video::VideoBranch;
use super::{CAT, timeline};
use crate::elements::shared::lock::lock;
use crate::elements::shared::{pad_children, request_pads};
use crate::record::layout::{Color, Picture, Rect};
use crate::timeline::Time;

const VIDEO_SRC: &str = "video_src";
const AUDIO_SRC: &str = "audio_src";

#[derive(Default)]
pub struct RoomCompositor {
    settings: Mutex<Settings>,
    names: request_pads::Names,
    sides: OnceLock<Result<Arc<Sides>, glib::BoolError>>,
    stage: Mutex<Option<Arc<Stage>>>,
    /// The elements of each pad, by the name of the pad.
    branches: Mutex<BTreeMap<String, Branch>>,
    background: Mutex<Option<Color>>,
    announced: Mutex<Option<Option<String>>>,
}

impl RoomCompositor {
    fn sides(&self) -> Option<Arc<Sides>> {
        self.sides.get()?.as_ref().ok().cloned()
    }

    fn stage(&self) -> Option<Arc<Stage>> {
        lock(&self.stage).clone()
    }

    fn room_pads(&self) -> Vec<RoomPad> {
        let pads = self.obj().sink_pads().into_iter();
        pads.filter_map(|pad| pad.downcast().ok()).collect()
    }

    fn branch(&self, pad: &RoomPad) -> Option<Branch> {
        lock(&self.branches).get(&*pad.name()).cloned()
    }

    fn video_branches(&self) -> Vec<Arc<VideoBranch>> {
        let branches: Vec<Branch> = lock(&self.branches).values().cloned().collect();
        branches
            .into_iter()
            .filter_map(|branch| match branch {
                Branch::Video(branch) => Some(branch),
                Branch::Audio(_) => None,
            })
            .collect()
    }

    /// Makes the shared elements; an error is reported when the element starts.
    fn build(&self) -> Result<Arc<Sides>, glib::BoolError> {
        let obj = self.obj();
        let sides = Sides::new(lock(&self.settings).live)?;
        let (video, audio) = sides.add_to(obj.upcast_ref())?;
        for (name, target) in [(VIDEO_SRC, video), (AUDIO_SRC, audio)] {
            let template = obj
                .pad_template(name)
                .ok_or_else(|| glib::bool_error!("there is no template {name}"))?;
            let this = obj.downgrade();
            target.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
                let is_end = info
                    .event()
                    .is_some_and(|event| event.type_() == gst::EventType::Eos);
                if let Some(this) = this.upgrade().filter(|_| is_end) {
                    this.imp().end_of(name);
                }
                gst::PadProbeReturn::Ok
            });
            let pad = gst::GhostPad::builder_from_template_with_target(&template, &target)?
                .name(name)
                .build();
            obj.add_pad(&pad)?;
        }
        let this = obj.downgrade();
        sides
            .compositor
            .connect("samples-selected", false, move |values| {
                let this = this.upgrade()?;
                let segment = values.get(1)?.get::<gst::Segment>().ok()?;
                let pts = values.get(2)?.get::<u64>().ok()?;
                this.imp()
                    .compose(&segment, gst::ClockTime::from_nseconds(pts));
                None
            });
        Ok(sides)
    }

    /// Sets all tiles for the frame that is about to be composed.
    fn compose(&self, segment: &gst::Segment, pts: gst::ClockTime) {
        let Some((stage, sides)) = self.stage().zip(self.sides()) else {
            return;
        };
        let segment = segment.downcast_ref::<gst::ClockTime>();
        let Some(start) = segment.and_then(|segment| segment.to_running_time(pts)) else {
            return;
        };
        let start = Time::from_nanos(start.nseconds());
        let end = start.saturating_add(lock(&self.settings).frame_duration());
        let composed = stage.compose(start, end);
        self.set_background(&sides, &composed.picture);
        for branch in self.video_branches() {
            branch.apply(&composed.picture, end);
        }
        for (time, picture) in &composed.announcements {
            self.announce(*time, picture);
        }
        if composed.is_changed && stage.is_live() {
            self.refit(&stage);
        }
    }

    /// Fits what is shown to a new picture, apart from the compositor's thread.
    fn refit(&self, stage: &Arc<Stage>) {
        let stage = stage.clone();
        self.obj().call_async(move |this| {
            let until = stage.horizon();
            for pad in this.imp().room_pads() {
                if let Some(Branch::Video(branch)) = this.imp().branch(&pad) {
                    let _guard = pad.stream_lock();
                    let _ = branch.refit(&stage, until);
                }
            }
        });
    }

    fn set_background(&self, sides: &Sides, picture: &Picture) {
        let is_new = lock(&self.background).replace(picture.background) != Some(picture.background);
        if is_new {
            let is_white = picture.background == Color::WHITE;
            let name = if is_white { "white" } else { "black" };
            sides.compositor.set_property_from_str("background", name);
        }
    }

    fn announce(&self, time: Time, picture: &Picture) {
        self.post(timeline::layout_message(time, picture));
        let speaker = &picture.speaker;
        let is_new = lock(&self.announced).replace(speaker.clone()).as_ref() != Some(speaker);
        if is_new {
            self.post(timeline::speaker_message(time, picture));
        }
    }

    fn post(&self, structure: gst::Structure) {
        let obj = self.obj();
        let message = gst::message::Element::builder(structure).src(&*obj);
        let _ = obj.post_message(message.build());
    }

    /// Reacts to the end of an output.
    fn end_of(&self, name: &str) {
        let Some(sides) = self.sides() else {
            return;
        };
        if name == VIDEO_SRC {
            self.write_timeline();
            sides.end_empty(&sides.mixer);
        } else {
            sides.end_empty(&sides.compositor);
        }
    }

    fn write_timeline(&self) {
        let Some(path) = lock(&self.settings).timeline_location.clone() else {
            return;
        };
        let Some(stage) = self.stage() else {
            return;
        };
        let (pictures, end) = stage.pictures();
        if let Err(error) = timeline::write(&path, &pictures, end) {
            gst::element_imp_warning!(
                self,
                gst::ResourceError::Write,
                ("{}: {error}", path.display())
            );
        }
    }

    /// Reads what the settings name and starts a run.
    fn start(&self) -> Result<(), gst::ErrorMessage> {
        let settings = lock(&self.settings).clone();
        let room = Room::read(&settings)?;
        let avatars = Avatars::parse(&settings.avatar)?;
        settings.color()?;
        if let Some(path) = &settings.timeline_location {
            timeline::check(path).map_err(|error| {
                gst::error_msg!(
                    gst::ResourceError::OpenWrite,
                    ("{}: {error}", path.display())
                )
            })?;
        }
        let sides = self.sides().ok_or_else(|| {
            gst::error_msg!(
                gst::CoreError::MissingPlugin,
                ("a stock element is missing")
            )
        })?;
        sides.configure(&settings);
        self.renew_labels()
            .map_err(|error| gst::error_msg!(gst::CoreError::Failed, ("{error}")))?;
        let pads = self.room_pads();
        let waiting: BTreeSet<String> = pads
            .iter()
            .filter(|pad| pad.is_video() && !settings.live)
            .map(|pad| pad.name().to_string())
            .collect();
        let latency = settings
            .live
            .then(|| Time::from_nanos(settings.latency.nseconds()));
        let stage = Arc::new(Stage::new(
            room,
            waiting,
            settings.frame_duration(),
            latency,
        ));
        *lock(&self.stage) = Some(stage.clone());
        *lock(&self.background) = None;
        *lock(&self.announced) = None;
        for pad in pads {
            self.set_stage(&pad, Some(stage.clone()), avatars.clone());
        }
        Ok(())
    }

    /// Starts the frames of the bin's own, once its elements take them.
    fn start_own(&self) -> Result<(), gst::ErrorMessage> {
        let (settings, Some(sides)) = (lock(&self.settings).clone(), self.sides()) else {
            return Ok(());
        };
        let failed =
            |error: &dyn std::fmt::Display| gst::error_msg!(gst::CoreError::Failed, ("{error}"));
        let rect = Rect::new(0, 0, settings.width, settings.height);
        let stage = self.stage();
        let layout = stage.map(|stage| stage.pictures().0);
        let layout = layout.and_then(|pictures| Some(pictures.first()?.1.background));
        let color = settings.color()?.or(layout).unwrap_or(Color::BLACK);
        if color != Color::BLACK && color != Color::WHITE || settings.color()?.is_some() {
            let frame = plain(color, rect).map_err(|error| failed(&error))?;
            sides
                .start_background(&frame)
                .map_err(|error| failed(&error))?;
        }
        if settings.live {
            sides.start_pace().map_err(|error| failed(&error))?;
        }
        let has_video = self.room_pads().iter().any(RoomPad::is_video);
        if !settings.live && (has_video || settings.duration > gst::ClockTime::ZERO) {
            sides
                .start_duration(settings.duration)
                .map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    /// Wakes everybody who waits, so that the elements can stop.
    fn cancel(&self) {
        for branch in self.video_branches() {
            branch.cancel();
        }
    }

    fn stop(&self) {
        for pad in self.room_pads() {
            self.set_stage(&pad, None, Avatars::None);
        }
        *lock(&self.stage) = None;
        if let Some(sides) = self.sides() {
            sides.stop();
        }
    }

    fn set_stage(&self, pad: &RoomPad, stage: Option<Arc<Stage>>, avatars: Avatars) {
        if let Some(branch) = self.branch(pad) {
            branch.set_stage(stage, avatars);
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for RoomCompositor {
    const NAME: &'static str = "GstLectureRoomCompositor";
    type Type = super::RoomCompositor;
    type ParentType = gst::Bin;
    type Interfaces = (gst::ChildProxy,);
}

impl ObjectImpl for RoomCompositor {
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
        if lock(&self.settings).live {
            // The end that an application sends to its pipeline comes to the sources.
            self.obj().set_suppressed_flags(gst::ElementFlags::SOURCE);
            self.obj().set_element_flags(gst::ElementFlags::SOURCE);
        }
        let sides = self.build();
        let _ = self.sides.set(sides);
    }
}

impl GstObjectImpl for RoomCompositor {}

impl ElementImpl for RoomCompositor {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "Room compositor",
                "Filter/Editor/Video/Audio/Compositor",
                "Shows the tracks of a room in one video, in any layout, and mixes their audio",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let video = gst::Caps::new_empty_simple("video/x-raw");
            let audio = gst::Caps::new_empty_simple("audio/x-raw");
            let composed = gst::Caps::builder("video/x-raw")
                .field("format", "I420")
                .build();
            let always = gst::PadPresence::Always;
            let src = gst::PadDirection::Src;
            let room = |name, caps: &gst::Caps| {
                gst::PadTemplate::with_gtype(
                    name,
                    gst::PadDirection::Sink,
                    gst::PadPresence::Request,
                    caps,
                    RoomPad::static_type(),
                )
            };
            [
                room("video_%u", &video),
                room("audio_%u", &audio),
                gst::PadTemplate::new(VIDEO_SRC, src, always, &composed),
                gst::PadTemplate::new(AUDIO_SRC, src, always, &super::audio::mix_caps()),
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
        let prefix = template.name_template().strip_suffix("%u")?;
        let Some(reserved) = self.names.reserve(&*obj, prefix, name) else {
            gst::warning!(CAT, imp = self, "There is a pad of this name already");
            return None;
        };
        let name = &reserved.name;
        let pad = Self::make_pad(template, name);
        if let Err(error) = self.attach(&pad) {
            gst::error!(CAT, imp = self, "{name} cannot be made: {error}");
            return None;
        }
        if self.stage().is_some() && pad.set_active(true).is_err() {
            self.detach(&pad);
            return None;
        }
        if obj.add_pad(&pad).is_err() {
            self.detach(&pad);
            return None;
        }
        let this = obj.downgrade();
        pad.connect_notify(Some("muted"), move |pad, _| {
            let branch = this.upgrade().and_then(|this| this.imp().branch(pad));
            if let Some(branch) = branch {
                branch.set_muted(pad.track().is_muted);
            }
        });
        obj.child_added(pad.upcast_ref::<gst::Object>(), &pad.name());
        Some(pad.upcast())
    }

    fn release_pad(&self, pad: &gst::Pad) {
        let obj = self.obj();
        let name = pad.name();
        if let Some(pad) = pad.downcast_ref() {
            self.detach(pad);
        }
        if obj.remove_pad(pad).is_ok() {
            obj.child_removed(pad.upcast_ref::<gst::Object>(), &name);
        }
    }

    /// Ends a live room, which goes on whoever leaves.
    fn send_event(&self, event: gst::Event) -> bool {
        if event.type_() != gst::EventType::Eos || !lock(&self.settings).live {
            return self.parent_send_event(event);
        }
        // A sink may hold the event until it has shown what came before.
        self.obj().call_async(move |room| {
            for pad in room.src_pads() {
                pad.push_event(event.clone());
            }
        });
        true
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        match transition {
            gst::StateChange::NullToReady => {
                if let Some(Err(error)) = self.sides.get() {
                    let message = gst::error_msg!(gst::CoreError::MissingPlugin, ("{error}"));
                    self.post_error_message(message);
                    return Err(gst::StateChangeError);
                }
            }
            gst::StateChange::ReadyToPaused => {
                self.start().map_err(|error| {
                    self.post_error_message(error);
                    gst::StateChangeError
                })?;
            }
            gst::StateChange::PausedToReady => self.cancel(),
            _ => {}
        }
        let changed = self.parent_change_state(transition);
        match transition {
            gst::StateChange::ReadyToPaused if changed.is_ok() => {
                if let Err(error) = self.start_own() {
                    self.post_error_message(error);
                    return Err(gst::StateChangeError);
                }
            }
            gst::StateChange::ReadyToPaused | gst::StateChange::PausedToReady => self.stop(),
            _ => {}
        }
        changed
    }
}

impl BinImpl for RoomCompositor {}

impl ChildProxyImpl for RoomCompositor {
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
