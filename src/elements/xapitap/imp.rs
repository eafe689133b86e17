// SPDX-License-Identifier: MPL-2.0

//! The element's shell: pads, properties, events, the timer.
//!
//! Lock order: `state`, then `settings`. Neither is held across a push, query, post or state
//! change; queueing a step for the courier never blocks.

use std::{sync::Mutex, time::Duration};

use gst::{glib, prelude::*, subclass::prelude::*};
use once_cell::sync::Lazy;

use super::{
    active::Active,
    messages,
    position::{Happening, OVERRUN, Track},
    properties,
    settings::Settings,
};
use crate::{
    delivery::{Delivery, Notice, wall_clock},
    elements::shared::lock::lock,
    xapi::{Facts, Input},
};

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "xapitap",
        gst::DebugColorFlags::empty(),
        Some("xAPI playback reports"),
    )
});

/// Shortest interval of the timer.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
/// Interval of queries for the length until it is known.
const LENGTH_WAIT: Duration = Duration::from_secs(1);
/// Longest duration of a last frame, in milliseconds: ten frames per second.
const FRAME: u64 = 100;
const NO_LENGTH: &str =
    "the length of the video is unknown, so nothing can be reported: set the property length";

pub struct XapiTap {
    settings: Mutex<Settings>,
    state: Mutex<State>,
    sinkpad: gst::Pad,
    srcpad: gst::Pad,
}

#[derive(Default)]
struct State {
    track: Track,
    active: Option<Active>,
    /// Facts about the application's player.
    facts: Facts,
    /// Delivery and progress at the time the journal was closed.
    last: Delivery,
    progress: u16,
    /// Number of statements of closed sessions.
    said: u64,
    troubles: u64,
}

impl XapiTap {
    /// Returns the running time if it gives the position.
    fn running_time(&self, track: &mut Track) -> Option<gst::ClockTime> {
        let obj = self.obj();
        track.clock(obj.base_time(), obj.current_running_time())
    }

    fn sink_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        use gst::EventView;
        match event.view() {
            EventView::StreamStart(start) => {
                lock(&self.state).track.stream_start(start.stream_id());
            }
            EventView::Segment(segment) => {
                match segment.segment().downcast_ref::<gst::ClockTime>() {
                    Some(segment) => self.segment(segment.clone(), event.seqnum()),
                    // The stream is passed through all the same, but its times cannot be used.
                    None => self.trouble(format!(
                        "a segment in {:?} has no times: put xapitap after the demuxer",
                        segment.segment().format()
                    )),
                }
            }
            EventView::Gap(gap) => {
                let (start, duration) = gap.get();
                lock(&self.state).track.gap(start, duration);
            }
            EventView::Eos(_) => {
                let mut state = lock(&self.state);
                state.track.eos();
                self.arm(&mut state);
            }
            EventView::FlushStart(_) => {
                let asked = self.srcpad.peer_query_position::<gst::ClockTime>();
                let asked = asked.map(gst::ClockTime::mseconds);
                let mut state = lock(&self.state);
                let now = self.running_time(&mut state.track);
                state.track.flush_start(self.obj().base_time(), now, asked);
            }
            _ => {}
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    fn src_event(&self, pad: &gst::Pad, event: gst::Event) -> bool {
        use gst::EventView;
        match event.view() {
            EventView::Latency(latency) => lock(&self.state).track.latency(latency.latency()),
            EventView::InstantRateSyncTime(sync) => {
                let (multiplier, running_time, upstream) = sync.get();
                let mut state = lock(&self.state);
                state.track.instant_rate(multiplier, running_time, upstream);
                let now = self.running_time(&mut state.track);
                let at = state.track.position(now);
                let rate = state.track.rate();
                self.tell(&mut state, Input::Rate { at, rate });
                self.arm(&mut state);
            }
            _ => {}
        }
        gst::Pad::event_default(pad, Some(&*self.obj()), event)
    }

    fn segment(&self, segment: gst::FormattedSegment<gst::ClockTime>, seqnum: gst::Seqnum) {
        let mut state = lock(&self.state);
        let happenings = state.track.segment(segment, seqnum);
        self.take(&mut state, happenings);
        self.play(&mut state);
        self.arm(&mut state);
        drop(state);
        self.ask_length();
    }

    /// Applies the happenings derived from the positions to the session.
    fn take(&self, state: &mut State, happenings: Vec<Happening>) {
        for happening in happenings {
            match happening {
                Happening::Did(input) => {
                    if let (Input::Seek { .. }, Some(active)) = (&input, &mut state.active) {
                        active.ended = false;
                    }
                    self.tell(state, input);
                }
                Happening::NewStream { from, to } => self.renew(state, from, to),
            }
        }
    }

    fn tell(&self, state: &mut State, input: Input) {
        if let Some(active) = &mut state.active {
            active.tell(input);
        }
    }

    /// Reports that playback continues at its position, once there is something to play. The clock
    /// has advanced by a few milliseconds by now.
    fn play(&self, state: &mut State) {
        let (at, rate) = (state.track.position(None), state.track.rate());
        if let Some(active) = &mut state.active
            && state.track.is_playing()
            && state.track.has_segment()
            && !std::mem::replace(&mut active.told_play, true)
        {
            self.tell(state, Input::Play { at, rate });
        }
    }

    /// Ends the session at the old medium's position, and begins one at the new one's.
    fn renew(&self, state: &mut State, from: u64, to: u64) {
        self.tell(state, Input::Terminate { at: from });
        let (playing, rate) = (state.track.is_playing(), state.track.rate());
        let facts = state.facts.clone();
        let settings = lock(&self.settings).clone();
        if let Some(active) = &mut state.active {
            active.renew(&settings, facts);
            active.told_play = playing;
            if playing {
                active.tell(Input::Play { at: to, rate });
            }
        }
    }

    /// Queries upstream for the length of the medium.
    fn ask_length(&self) {
        if !lock(&self.settings).length.is_zero() {
            return;
        }
        let length = self.sinkpad.peer_query_duration::<gst::ClockTime>();
        let mut state = lock(&self.state);
        let Some(active) = &mut state.active else {
            return;
        };
        match length
            .map(gst::ClockTime::mseconds)
            .filter(|length| *length > 0)
        {
            Some(length) => {
                if active.length != Some(length) {
                    active.length = Some(length);
                    active.tell(Input::Length(length));
                    self.arm(&mut state);
                }
            }
            None => {
                let misses = active.misses_length(false);
                drop(state);
                if misses {
                    self.trouble(NO_LENGTH.into());
                }
            }
        }
    }

    /// Reports everything up to now, and sets the timer anew.
    fn tick(&self) {
        let mut state = lock(&self.state);
        let now = self.running_time(&mut state.track);
        self.catch_up(&mut state, now, false);
        self.arm(&mut state);
        drop(state);
        self.ask_length();
    }

    /// Passes the playback position to the session. A position that stops after all media has been
    /// shown is the end, whatever length the container declared.
    fn catch_up(&self, state: &mut State, now: Option<gst::ClockTime>, stops: bool) {
        // The rest of the old piece is reported with the beginning of the new one.
        let happenings = state.track.advance(now);
        self.take(state, happenings);
        let at = state.track.position(now);
        let frame = state.track.frame().max(FRAME);
        let Some(active) = &mut state.active else {
            return;
        };
        let slack = if stops { frame + OVERRUN } else { 1 };
        let end = state.track.end(active.length);
        if !active.ended && end.is_some_and(|end| at + slack >= end) {
            active.ended = true;
            self.tell(state, Input::End { at, frame });
        } else {
            self.tell(state, Input::Tick { at });
        }
    }

    /// Sets the timer to the next moment at which something is due.
    fn arm(&self, state: &mut State) {
        let running_time = self.running_time(&mut state.track);
        let at = state.track.position(running_time);
        let rate = state.track.rate();
        let playing = state.track.is_playing() && state.track.has_segment();
        let next_piece = state.track.next_piece();
        let Some(active) = &mut state.active else {
            return;
        };
        if let Some(timer) = active.timer.take() {
            timer.unschedule();
        }
        let mut waits = Vec::new();
        let due = active.due();
        if let Some(wall) = due.wall {
            waits.push(Duration::from_millis(
                wall.saturating_sub(wall_clock()).min(1000),
            ));
        }
        if playing && rate > 0.0 && !active.terminated {
            let until = |position: u64| {
                let secs = position.saturating_sub(at) as f64 / 1000.0 / rate;
                Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX)
            };
            waits.extend(due.position.map(until));
            waits.extend(
                state
                    .track
                    .end(active.length)
                    .filter(|_| !active.ended)
                    .map(until),
            );
            if let (Some(next), Some(now)) = (next_piece, running_time) {
                waits.push(next.saturating_sub(now).into());
            }
            waits.push(if active.length.is_some() {
                active.checkpoint
            } else {
                LENGTH_WAIT
            });
        }
        let Some(wait) = waits.into_iter().min() else {
            return;
        };
        let clock = self.obj().clock().unwrap_or_else(gst::SystemClock::obtain);
        let Ok(wait) = gst::ClockTime::try_from(wait.max(SHORTEST_WAIT)) else {
            return;
        };
        let timer = clock.new_single_shot_id(clock.time() + wait);
        let weak = self.obj().downgrade();
        let armed = timer.wait_async(move |_, time, _| {
            if let (Some(tap), Some(_)) = (weak.upgrade(), time) {
                tap.imp().tick();
            }
        });
        match armed {
            Ok(_) => active.timer = Some(timer),
            Err(error) => gst::warning!(CAT, imp = self, "the clock cannot set a timer: {error:?}"),
        }
    }

    /// Posts a warning about a reporting problem; playback continues.
    fn trouble(&self, words: String) {
        lock(&self.state).troubles += 1;
        gst::element_imp_warning!(self, gst::ResourceError::Settings, ("{}", words));
    }

    fn begin(&self) {
        let settings = lock(&self.settings).clone();
        let facts = lock(&self.state).facts.clone();
        let weak = self.obj().downgrade();
        let (active, troubles) = Active::begin(&settings, facts, move |notice| {
            if let Some(tap) = weak.upgrade() {
                tap.imp().notice(notice);
            }
        });
        lock(&self.state).active = active;
        for words in troubles {
            self.trouble(words);
        }
    }

    /// Posts the notices of the scribe and the sender on the bus.
    fn notice(&self, notice: Notice) {
        let structure = match notice {
            Notice::Statement(statement) => messages::statement(statement),
            Notice::Delivery(delivery) => messages::delivery(delivery),
            Notice::Trouble(words) => return self.trouble(words),
        };
        let obj = self.obj();
        let message = gst::message::Element::builder(structure).src(&*obj).build();
        // Without a bus nobody reads messages.
        let _ = obj.post_message(message);
    }

    fn end(&self) {
        let mut state = lock(&self.state);
        let at = state.track.position(None);
        self.tell(&mut state, Input::Terminate { at });
        let active = state.active.take();
        let saw_media = std::mem::take(&mut state.track).saw_media();
        drop(state);
        let Some(mut active) = active else {
            return;
        };
        if let Some(timer) = &active.timer {
            timer.unschedule();
        }
        if active.played && !saw_media {
            self.trouble("no media passed through the element, so nothing was reported".into());
        } else if active.misses_length(true) {
            self.trouble(NO_LENGTH.into());
        }
        let (said, progress) = (active.said, active.progress());
        let patience = lock(&self.settings).drain_timeout;
        let status = active.finish(patience.into());
        gst::info!(
            CAT,
            imp = self,
            "delivery ended as {}, {} pending",
            status.state,
            status.pending
        );
        let mut state = lock(&self.state);
        state.said += said;
        state.last = status;
        state.progress = progress;
    }

    fn stats(&self) -> gst::Structure {
        let state = lock(&self.state);
        let (status, progress, said) = match &state.active {
            Some(active) => (active.delivery(), active.progress(), active.said),
            None => (state.last.clone(), state.progress, 0),
        };
        messages::stats(&status, progress, state.said + said, state.troubles)
    }

    fn interacted(&self, structure: &gst::StructureRef) {
        let mut state = lock(&self.state);
        let now = self.running_time(&mut state.track);
        let at = state.track.position(now);
        let facts = messages::facts(structure);
        state.facts.update(facts.clone());
        self.tell(&mut state, Input::Interact { at, facts });
        self.arm(&mut state);
    }

    fn check_passed(&self) {
        let mut state = lock(&self.state);
        let now = self.running_time(&mut state.track);
        let at = state.track.position(now);
        self.tell(&mut state, Input::CheckPassed { at });
    }

    fn terminate(&self) {
        let mut state = lock(&self.state);
        let now = self.running_time(&mut state.track);
        self.catch_up(&mut state, now, true);
        let at = state.track.position(now);
        self.tell(&mut state, Input::Terminate { at });
        if let Some(active) = &mut state.active {
            active.terminated = true;
        }
    }
}

#[glib::object_subclass]
impl ObjectSubclass for XapiTap {
    const NAME: &'static str = "GstXapiTap";
    type Type = super::XapiTap;
    type ParentType = gst::Element;

    fn with_class(class: &Self::Class) -> Self {
        let flags = gst::PadFlags::PROXY_CAPS
            | gst::PadFlags::PROXY_ALLOCATION
            | gst::PadFlags::PROXY_SCHEDULING;
        let template = |name: &str| {
            class
                .pad_template(name)
                .expect("both templates are registered")
        };
        let sinkpad = gst::Pad::builder_from_template(&template("sink"))
            .chain_function(|_, parent, buffer| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |tap| {
                        lock(&tap.state).track.buffer(&buffer);
                        tap.srcpad.push(buffer)
                    },
                )
            })
            .chain_list_function(|_, parent, list| {
                Self::catch_panic_pad_function(
                    parent,
                    || Err(gst::FlowError::Error),
                    |tap| {
                        let mut state = lock(&tap.state);
                        list.iter().for_each(|buffer| state.track.buffer(buffer));
                        drop(state);
                        tap.srcpad.push_list(list)
                    },
                )
            })
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |tap| tap.sink_event(pad, event))
            })
            .flags(flags)
            .build();
        let srcpad = gst::Pad::builder_from_template(&template("src"))
            .event_function(|pad, parent, event| {
                Self::catch_panic_pad_function(parent, || false, |tap| tap.src_event(pad, event))
            })
            .flags(flags)
            .build();
        XapiTap {
            settings: Mutex::default(),
            state: Mutex::default(),
            sinkpad,
            srcpad,
        }
    }
}

impl ObjectImpl for XapiTap {
    fn constructed(&self) {
        self.parent_constructed();
        for pad in [&self.sinkpad, &self.srcpad] {
            self.obj().add_pad(pad).expect("a new element has no pads");
        }
    }

    fn properties() -> &'static [glib::ParamSpec] {
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(properties::properties);
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        lock(&self.settings).set(value, pspec);
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "stats" {
            return self.stats().to_value();
        }
        lock(&self.settings).get(pspec)
    }

    fn signals() -> &'static [glib::subclass::Signal] {
        static SIGNALS: Lazy<Vec<glib::subclass::Signal>> = Lazy::new(|| {
            let action = |name: &str| glib::subclass::Signal::builder(name).action();
            vec![
                // The viewer passed the knowledge check.
                action("check-passed")
                    .class_handler(|values| {
                        tap(values)?.imp().check_passed();
                        None
                    })
                    .build(),
                // The viewer used the player: a structure with the known ones of volume, captions,
                // captions-language, full-screen, screen-size, playback-size, quality, frame-rate,
                // track, user-agent.
                action("interacted")
                    .param_types([gst::Structure::static_type()])
                    .class_handler(|values| {
                        let structure = values.get(1)?.get::<gst::Structure>().ok()?;
                        tap(values)?.imp().interacted(&structure);
                        None
                    })
                    .build(),
                // The session is over; nothing more is reported until the next medium.
                action("terminate")
                    .class_handler(|values| {
                        tap(values)?.imp().terminate();
                        None
                    })
                    .build(),
            ]
        });
        &SIGNALS
    }
}

fn tap(values: &[glib::Value]) -> Option<super::XapiTap> {
    values.first()?.get().ok()
}

impl GstObjectImpl for XapiTap {}

impl ElementImpl for XapiTap {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: Lazy<gst::subclass::ElementMetadata> = Lazy::new(|| {
            gst::subclass::ElementMetadata::new(
                "xAPI playback reporter",
                "Filter/Analyzer",
                "Reports playback to a Learning Record Store as xAPI Video Profile statements",
                env!("CARGO_PKG_REPOSITORY"),
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: Lazy<Vec<gst::PadTemplate>> = Lazy::new(|| {
            [
                ("sink", gst::PadDirection::Sink),
                ("src", gst::PadDirection::Src),
            ]
            .into_iter()
            .filter_map(|(name, direction)| {
                let caps = gst::Caps::new_any();
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps).ok()
            })
            .collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        use gst::StateChange;
        match transition {
            StateChange::ReadyToPaused => self.begin(),
            StateChange::PlayingToPaused => {
                let mut state = lock(&self.state);
                let now = self.running_time(&mut state.track);
                self.catch_up(&mut state, now, true);
                let at = state.track.position(now);
                state.track.pause(now);
                if let Some(active) = &mut state.active {
                    active.told_play = false;
                }
                self.tell(&mut state, Input::Pause { at });
                self.arm(&mut state);
            }
            _ => {}
        }
        let result = self.parent_change_state(transition)?;
        match transition {
            StateChange::PausedToPlaying | StateChange::PlayingToPlaying => {
                let mut state = lock(&self.state);
                state.track.play();
                if let Some(active) = &mut state.active {
                    active.played = true;
                }
                self.play(&mut state);
                self.arm(&mut state);
            }
            StateChange::PausedToReady => self.end(),
            _ => {}
        }
        Ok(result)
    }
}
