// SPDX-License-Identifier: MPL-2.0

//! Lock order: `settings` before `state`; neither is held across a push, a pull, a query, a message
//! or a change of pads.
//!
//! Packets enter the chain of stock elements through the pad `feed` of [`Output`], which is no part
//! of the element. The pad `src` appears with the first buffer that leaves the chain.

use std::sync::{Arc, Mutex, MutexGuard};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;
use once_cell::sync::Lazy;

use super::Clock;
use super::flow::Stop;
use super::index::Index;
use super::source::{Block, Source};
use super::typefind::MEDIA_TYPE;
use crate::elements::shared::lock::lock;

pub static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "mjrdemux",
        gst::DebugColorFlags::empty(),
        Some("Janus recording demuxer"),
    )
});

/// Input that is pushed is held until its end, up to this many bytes.
const MAX_COLLECTED: usize = 256 * 1024 * 1024;

#[derive(Clone, Copy, Default)]
pub struct Settings {
    pub clock: Clock,
}

/// The way of the packets out of the element.
pub struct Output {
    /// Feeds the first element of the chain, or the ghost pad itself.
    pub feed: gst::Pad,
    pub elements: Vec<gst::Element>,
    /// Present once the chain has caps.
    pub ghost: Option<gst::GhostPad>,
}

#[derive(Default)]
pub struct State {
    /// Bytes that upstream pushed so far.
    collected: Vec<u8>,
    pub source: Option<Source>,
    pub block: Option<Block>,
    pub index: Option<Arc<Index>>,
    pub output: Option<Output>,
    /// The packet to send next.
    pub next: usize,
    pub segment: gst::FormattedSegment<gst::ClockTime>,
    pub needs_segment: bool,
    /// The seek in force.
    pub seqnum: Option<gst::Seqnum>,
    pub was_replaced: bool,
}

pub struct MjrDemux {
    pub sinkpad: gst::Pad,
    pub settings: Mutex<Settings>,
    state: Mutex<State>,
}

impl MjrDemux {
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn activate(&self, pad: &gst::Pad) -> Result<(), gst::LoggableError> {
        let mut query = gst::query::Scheduling::new();
        let can_pull = pad.peer_query(&mut query)
            && query
                .has_scheduling_mode_with_flags(gst::PadMode::Pull, gst::SchedulingFlags::SEEKABLE);
        let mode = if can_pull {
            gst::PadMode::Pull
        } else {
            gst::PadMode::Push
        };
        gst::debug!(CAT, obj = pad, "Reading in {mode:?} mode");
        pad.activate_mode(mode, true)?;
        Ok(())
    }

    fn activate_mode(
        &self,
        pad: &gst::Pad,
        mode: gst::PadMode,
        active: bool,
    ) -> Result<(), gst::LoggableError> {
        if mode != gst::PadMode::Pull {
            return Ok(());
        }
        if active {
            self.state().source = Some(Source::Pull(pad.clone()));
            self.start_task()
                .map_err(|_| gst::loggable_error!(CAT, "The task does not start"))
        } else {
            pad.stop_task()
                .map_err(|_| gst::loggable_error!(CAT, "The task does not stop"))
        }
    }

    pub fn start_task(&self) -> Result<(), glib::BoolError> {
        let this = self.obj().downgrade();
        self.sinkpad.start_task(move || {
            if let Some(this) = this.upgrade() {
                let this = this.imp();
                if let Err(stop) = this.step() {
                    let _ = this.sinkpad.pause_task();
                    this.stop(stop);
                }
            }
        })
    }

    fn sink_chain(&self, buffer: &gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let map = buffer.map_readable().map_err(|_| {
            gst::element_imp_error!(self, gst::ResourceError::Read, ("Failed to map the buffer"));
            gst::FlowError::Error
        })?;
        let is_too_long = {
            let mut state = self.state();
            let is_too_long = state.collected.len().saturating_add(map.len()) > MAX_COLLECTED;
            if !is_too_long {
                state.collected.extend_from_slice(&map);
            }
            is_too_long
        };
        if is_too_long {
            gst::element_imp_error!(
                self,
                gst::ResourceError::NoSpaceLeft,
                ("The recording is longer than {MAX_COLLECTED} bytes and its source cannot seek; save it to a file and read that with filesrc")
            );
            return Err(gst::FlowError::Error);
        }
        Ok(gst::FlowSuccess::Ok)
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        match event.view() {
            gst::EventView::Eos(_) => {
                {
                    let mut state = self.state();
                    let collected = std::mem::take(&mut state.collected);
                    state.source = Some(Source::Memory(Arc::new(collected)));
                }
                loop {
                    if let Err(stop) = self.step() {
                        self.stop(stop);
                        return true;
                    }
                }
            }
            gst::EventView::FlushStart(_) => {
                self.push_to_feed(event);
                true
            }
            gst::EventView::FlushStop(_) => {
                self.push_to_feed(event);
                // The input starts again.
                self.remove_output();
                *self.state() = State::default();
                true
            }
            // Ours are made when the recording is known.
            gst::EventView::StreamStart(_)
            | gst::EventView::Caps(_)
            | gst::EventView::Segment(_) => true,
            _ => gst::Pad::event_default(pad, Some(&*self.obj()), event),
        }
    }

    pub fn push_to_feed(&self, event: gst::Event) -> bool {
        let feed = self
            .state()
            .output
            .as_ref()
            .map(|output| output.feed.clone());
        feed.is_some_and(|feed| feed.push_event(event))
    }

    /// Ends the streaming thread's work.
    fn stop(&self, stop: Stop) {
        gst::debug!(CAT, imp = self, "Stopping: {stop:?}");
        match stop {
            Stop::Flushing => return,
            Stop::End => return self.finish(),
            Stop::Failed(message) => self.obj().post_error_message(message),
            Stop::Flow(error) => gst::element_imp_error!(
                self,
                gst::StreamError::Failed,
                ("Downstream did not take the recording; look for its own error above"),
                ["Flow {error:?}"]
            ),
        }
        self.push_to_feed(gst::event::Eos::new());
    }
}

#[glib::object_subclass]
impl ObjectSubclass for MjrDemux {
    const NAME: &'static str = "GstLectureMjrDemux";
    type Type = super::MjrDemux;
    type ParentType = gst::Bin;

    fn with_class(class: &Self::Class) -> Self {
        let template = class
            .pad_template("sink")
            .expect("the class has this template");
        let sinkpad = gst::Pad::builder_from_template(&template)
            .activate_function(|pad, parent| {
                MjrDemux::catch_panic_pad_function(
                    parent,
                    || Err(gst::loggable_error!(CAT, "Panic in activation")),
                    |demux| demux.activate(pad),
                )
            })
            .activatemode_function(|pad, parent, mode, active| {
                MjrDemux::catch_panic_pad_function(
                    parent,
                    || Err(gst::loggable_error!(CAT, "Panic in activation")),
                    |demux| demux.activate_mode(pad, mode, active),
                )
            })
            .chain_function(|_, parent, buffer| {
                MjrDemux::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |demux| demux.sink_chain(&buffer),
                )
            })
            .event_function(|pad, parent, event| {
                MjrDemux::catch_panic_pad_function(
                    parent,
                    || false,
                    |demux| demux.sink_event(pad, event),
                )
            })
            .build();
        Self {
            sinkpad,
            settings: Mutex::default(),
            state: Mutex::default(),
        }
    }
}

impl ObjectImpl for MjrDemux {
    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            vec![
                glib::ParamSpecEnum::builder_with_default("clock", Clock::default())
                    .nick("Clock")
                    .blurb("Clock that gives the times; arrival keeps recordings of one session aligned, and formats without arrival times follow rtp")
                    .mutable_ready()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, property: &glib::ParamSpec) {
        match (property.name(), value.get()) {
            ("clock", Ok(clock)) => lock(&self.settings).clock = clock,
            (name, _) => gst::error!(CAT, imp = self, "The property {name} is not known"),
        }
    }

    fn property(&self, _id: usize, property: &glib::ParamSpec) -> glib::Value {
        match property.name() {
            "clock" => lock(&self.settings).clock.to_value(),
            _ => property.default_value().clone(),
        }
    }

    fn constructed(&self) {
        self.parent_constructed();
        self.obj()
            .add_pad(&self.sinkpad)
            .expect("a new element has no pad of this name");
    }
}

impl GstObjectImpl for MjrDemux {}

impl ElementImpl for MjrDemux {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "Janus recording demuxer",
                "Codec/Demuxer",
                "Demuxes a recording of the Janus WebRTC server (.mjr) into its audio, video or text stream, in playing order and with exact times",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            let sink = gst::Caps::new_empty_simple(MEDIA_TYPE);
            let mut src = gst::Caps::new_empty();
            {
                let src = src.make_mut();
                for media in [
                    "video/x-vp8",
                    "video/x-vp9",
                    "video/x-h264, stream-format = avc3, alignment = au",
                    "video/x-h265, stream-format = hev1, alignment = au",
                    "video/x-av1",
                    "audio/x-opus",
                    "audio/x-alaw",
                    "audio/x-mulaw",
                    "audio/G722",
                    "audio/x-raw, format = S16BE, layout = interleaved",
                    "text/x-raw, format = utf8",
                ] {
                    src.append(media.parse::<gst::Caps>().expect("valid caps"));
                }
            }
            [
                (
                    "sink",
                    gst::PadDirection::Sink,
                    gst::PadPresence::Always,
                    sink,
                ),
                (
                    "src",
                    gst::PadDirection::Src,
                    gst::PadPresence::Sometimes,
                    src,
                ),
            ]
            .into_iter()
            .map(|(name, direction, presence, caps)| {
                gst::PadTemplate::new(name, direction, presence, &caps)
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
            *self.state() = State::default();
        }
        let success = self.parent_change_state(transition)?;
        if transition == gst::StateChange::PausedToReady {
            self.remove_output();
            *self.state() = State::default();
        }
        Ok(success)
    }
}

impl BinImpl for MjrDemux {}
