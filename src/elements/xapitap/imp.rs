// SPDX-License-Identifier: MPL-2.0

//! The shell: pads, properties, events, the timer.
//!
//! Lock order: `state`, then `settings`. Neither is held across a push, query, post or state
//! change; handing a step to the courier never waits.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use gst::{glib, prelude::*, subclass::prelude::*};
use once_cell::sync::Lazy;

use super::{
    position::{Happening, OVERRUN, Track},
    settings::Settings,
};
use crate::{
    delivery::{Courier, Delivery, Journal, Lrs, Notice, wall_clock},
    xapi::{Facts, History, Input, Session, Uuid, key, units::SteadyClock},
};

static CAT: Lazy<gst::DebugCategory> = Lazy::new(|| {
    gst::DebugCategory::new(
        "xapitap",
        gst::DebugColorFlags::empty(),
        Some("xAPI playback reports"),
    )
});

/// The timer fires no more often than this.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
/// Until the length is known it is asked for this often.
const LENGTH_WAIT: Duration = Duration::from_secs(1);
/// A last frame is at most this long, in milliseconds: ten frames a second.
const FRAME: u64 = 100;
/// So long without a length, and the user is told that nothing can be reported.
const LENGTH_PATIENCE: u64 = 10_000;

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
    /// What the application said of its player.
    facts: Facts,
    /// What was counted before the journal was closed.
    last: Delivery,
    troubles: u64,
    said: u64,
}

/// A session and those who take its statements away.
struct Active {
    courier: Courier,
    session: Session,
    key: String,
    clock: SteadyClock,
    started: Instant,
    timer: Option<gst::SingleShotClockId>,
    checkpoint: Duration,
    next_checkpoint: Instant,
    length: Option<u64>,
    /// The end of the media was said.
    ended: bool,
    /// The application ended the session.
    terminated: bool,
    /// The session was told that playback goes on.
    told_play: bool,
    warned: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn new_id() -> Uuid {
    Uuid::parse(&glib::uuid_string_random()).unwrap_or(Uuid::v4([0; 16]))
}

impl Active {
    /// Tells the session, and hands over what it says; how many statements.
    fn tell(&mut self, input: Input) -> usize {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let wall = self.clock.now(wall_clock(), elapsed);
        let statements = self.session.apply(input, wall, &mut new_id);
        let said = statements.len();
        let due = self.session.is_open() && Instant::now() >= self.next_checkpoint;
        if said > 0 || due {
            self.next_checkpoint = Instant::now() + self.checkpoint;
            self.courier.step(&self.key, &self.session, statements);
        }
        said
    }
}

impl Active {
    /// Tells the session the length that the user gave, if there is one.
    fn tell_length(&mut self, length: gst::ClockTime) {
        if !length.is_zero() {
            self.length = Some(length.mseconds());
            self.tell(Input::Length(length.mseconds()));
        }
    }
}

impl XapiTap {
    /// The running time, where it says something about the position.
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
                    // The stream is passed through all the same; only its times say nothing.
                    None => self.trouble(format!(
                        "a segment in {:?} says no times: put xapitap behind the demuxer",
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

    /// Tells the session what the positions say.
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
        if let Some(active) = &mut state.active
            && !active.terminated
        {
            state.said += active.tell(input) as u64;
        }
    }

    /// Says that playback goes on where it stood, once there is something to play. The clock is a
    /// few milliseconds on by now.
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

    /// Ends the session where the old medium stands, and begins one where the new one does.
    fn renew(&self, state: &mut State, from: u64, to: u64) {
        self.tell(state, Input::Terminate { at: from });
        let (playing, rate) = (state.track.is_playing(), state.track.rate());
        let facts = state.facts.clone();
        let settings = lock(&self.settings).clone();
        let (Some(active), Ok(plan)) = (&mut state.active, settings.plan()) else {
            return;
        };
        let same = plan.activity_id == active.session.plan().activity_id;
        let registration = settings.registration().ok().flatten();
        active.key = key(&plan.actor, &plan.activity_id, registration);
        let history = if same {
            Some(active.session.history().clone())
        } else {
            active
                .courier
                .session(&active.key)
                .map(|session| session.history().clone())
        };
        let history =
            history.unwrap_or_else(|| History::new(registration.unwrap_or_else(new_id), None));
        active.session = Session::new(plan, history, facts);
        active.length = None;
        active.ended = false;
        active.terminated = false;
        active.warned = false;
        active.started = Instant::now();
        active.clock = SteadyClock::default();
        active.tell_length(settings.length);
        active.told_play = playing;
        if playing {
            active.tell(Input::Play { at: to, rate });
        }
    }

    /// Asks upstream how long the medium is.
    fn ask_length(&self) {
        if !lock(&self.settings).length.is_zero() {
            return;
        }
        let length = self.sinkpad.peer_query_duration::<gst::ClockTime>();
        let mut state = lock(&self.state);
        let waited = state.track.is_playing();
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
                    self.tell(&mut state, Input::Length(length));
                    self.arm(&mut state);
                }
            }
            None => {
                let waited =
                    waited && active.started.elapsed() > Duration::from_millis(LENGTH_PATIENCE);
                if active.length.is_none() && waited && !active.warned {
                    active.warned = true;
                    drop(state);
                    self.trouble(
                        "the length of the video is not known, so nothing can be reported: set \
                         the property length"
                            .into(),
                    );
                }
            }
        }
    }

    /// Says what happened up to now, and sets the timer anew.
    fn tick(&self) {
        let mut state = lock(&self.state);
        let now = self.running_time(&mut state.track);
        self.catch_up(&mut state, now, false);
        self.arm(&mut state);
        drop(state);
        self.ask_length();
    }

    /// Tells the session where playback stands. Where it stops now, having shown everything that
    /// there is, that is the end, whatever length the container promised.
    fn catch_up(&self, state: &mut State, now: Option<gst::ClockTime>, stops: bool) {
        // What was heard of the old piece is said by the new one's beginning.
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
        let due = active.session.due();
        if let Some(wall) = due.wall {
            waits.push(Duration::from_millis(
                wall.saturating_sub(wall_clock()).min(1000),
            ));
        }
        if playing && rate > 0.0 && !active.terminated {
            let until = |position: u64| {
                Duration::from_secs_f64(position.saturating_sub(at) as f64 / 1000.0 / rate)
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
            Err(error) => gst::warning!(CAT, imp = self, "the clock sets no timer: {error:?}"),
        }
    }

    /// Something is wrong with reporting. Playback goes on.
    fn trouble(&self, words: String) {
        lock(&self.state).troubles += 1;
        gst::element_imp_warning!(self, gst::ResourceError::Settings, ("{}", words));
    }

    fn begin(&self) {
        if let Err(words) = self.try_begin() {
            self.trouble(words);
        }
    }

    fn try_begin(&self) -> Result<(), String> {
        let settings = lock(&self.settings).clone();
        let mut journal = match settings.folder() {
            Some(folder) => Journal::open(&folder).map_err(|error| error.to_string()),
            None => Ok(Journal::in_memory()),
        }
        .or_else(|words| {
            self.trouble(format!("{words}; statements are kept in memory"));
            Ok::<_, String>(Journal::in_memory())
        })?;
        if journal.damaged() > 0 {
            self.trouble(
                "a part of the journal could not be read; a copy is kept beside it".into(),
            );
        }
        // What a crash left open is closed and sent, whatever becomes of this session.
        if let Err(error) = journal.close_abandoned(&mut new_id) {
            self.trouble(format!("the journal cannot be written: {error}"));
        }
        let lrs = match settings.delivery() {
            Ok(delivery) => delivery.map(|(endpoint, credentials)| {
                Lrs::new(endpoint, &credentials, settings.version())
            }),
            Err(words) => {
                self.trouble(words);
                None
            }
        };
        let plan = settings.plan()?;
        let registration = settings.registration()?;
        let kept = settings.kept().unwrap_or_else(|words| {
            self.trouble(words);
            None
        });
        let key = key(&plan.actor, &plan.activity_id, registration);
        let history = match journal.session(&key) {
            Some(before) => {
                let mut history = before.history().clone();
                history.recut(kept.as_ref());
                history
            }
            None => History::new(registration.unwrap_or_else(new_id), kept.as_ref()),
        };
        let weak = self.obj().downgrade();
        let courier = Courier::start(journal, lrs, move |notice| {
            if let Some(tap) = weak.upgrade() {
                tap.imp().notice(notice);
            }
        });
        let facts = lock(&self.state).facts.clone();
        let mut active = Active {
            courier,
            session: Session::new(plan, history, facts),
            key,
            clock: SteadyClock::default(),
            started: Instant::now(),
            timer: None,
            checkpoint: settings.checkpoint_interval.into(),
            next_checkpoint: Instant::now(),
            length: None,
            ended: false,
            terminated: false,
            told_play: false,
            warned: false,
        };
        active.tell_length(settings.length);
        lock(&self.state).active = Some(active);
        Ok(())
    }

    /// Says what the scribe and the sender have to tell, on the bus.
    fn notice(&self, notice: Notice) {
        let structure = match notice {
            Notice::Statement(statement) => gst::Structure::builder("xapitap-statement")
                .field("verb", statement.verb.name())
                .field("id", statement.id.to_string())
                .field("json", statement.json)
                .build(),
            Notice::Delivery(delivery) => gst::Structure::builder("xapitap-delivery")
                .field("state", delivery.state)
                .field("pending", delivery.pending)
                .field("dead-letters", delivery.dead)
                .field("reason", delivery.words)
                .build(),
            Notice::Trouble(words) => return self.trouble(words),
        };
        let obj = self.obj();
        let message = gst::message::Element::builder(structure).src(&*obj).build();
        // Without a bus nobody listens.
        let _ = obj.post_message(message);
    }

    fn end(&self) {
        let mut state = lock(&self.state);
        let at = state.track.position(None);
        self.tell(&mut state, Input::Terminate { at });
        let active = state.active.take();
        state.track = Track::default();
        drop(state);
        if let Some(active) = active {
            if let Some(timer) = &active.timer {
                timer.unschedule();
            }
            let patience = lock(&self.settings).drain_timeout;
            let status = active.courier.finish(patience.into());
            gst::info!(
                CAT,
                imp = self,
                "delivery ends {}, {} pending",
                status.state,
                status.pending
            );
            lock(&self.state).last = status;
        }
    }

    fn stats(&self) -> gst::Structure {
        let state = lock(&self.state);
        let status = match &state.active {
            Some(active) => active.courier.status(),
            None => state.last.clone(),
        };
        let progress = state
            .active
            .as_ref()
            .map_or(0, |active| active.session.progress());
        gst::Structure::builder("stats")
            .field("state", status.state)
            .field("progress", f64::from(progress) / 1000.0)
            .field("statements", state.said)
            .field("pending", status.pending)
            .field("delivered", status.delivered)
            .field("dead-letters", status.dead)
            .field("unwritten", status.unwritten)
            .field("lost", status.lost)
            .field("troubles", state.troubles)
            .build()
    }

    fn interacted(&self, structure: &gst::StructureRef) {
        let mut state = lock(&self.state);
        let now = self.running_time(&mut state.track);
        let at = state.track.position(now);
        let facts = facts(structure);
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

/// What an application says of its player.
fn facts(structure: &gst::StructureRef) -> Facts {
    let text = |name: &str| structure.get::<String>(name).ok();
    let size = |name: &str| {
        let text = text(name)?;
        let (width, height) = text.split_once('x')?;
        width.parse().ok().zip(height.parse().ok())
    };
    let whole = |name: &str| {
        structure
            .get::<i32>(name)
            .ok()
            .and_then(|n| u32::try_from(n).ok())
    };
    Facts {
        volume: structure.get("volume").ok(),
        captions: structure.get("captions").ok(),
        captions_language: text("captions-language"),
        full_screen: structure.get("full-screen").ok(),
        screen_size: size("screen-size"),
        playback_size: size("playback-size"),
        quality: whole("quality"),
        frame_rate: structure.get("frame-rate").ok(),
        track: text("track"),
        user_agent: text("user-agent"),
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
        static PROPERTIES: Lazy<Vec<glib::ParamSpec>> = Lazy::new(|| {
            let default = Settings::default();
            let text = |name: &'static str, nick: &str, blurb: &str| {
                glib::ParamSpecString::builder(name)
                    .nick(nick)
                    .blurb(blurb)
                    .mutable_ready()
                    .build()
            };
            let secret = |name: &'static str, nick: &str, blurb: &str| {
                glib::ParamSpecString::builder(name)
                    .nick(nick)
                    .blurb(blurb)
                    .write_only()
                    .mutable_ready()
                    .build()
            };
            let time = |name: &'static str, nick: &str, blurb: &str, default: gst::ClockTime| {
                glib::ParamSpecUInt64::builder(name)
                    .nick(nick)
                    .blurb(blurb)
                    .default_value(default.nseconds())
                    .mutable_ready()
                    .build()
            };
            let rate = |name: &'static str, nick: &str, blurb: &str, default: f64| {
                glib::ParamSpecDouble::builder(name)
                    .nick(nick)
                    .blurb(blurb)
                    .minimum(0.01)
                    .maximum(100.0)
                    .default_value(default)
                    .mutable_ready()
                    .build()
            };
            vec![
                text("activity-id", "Activity", "IRI of the video (required)"),
                text("activity-name", "Activity name", "Title of the video (default: none)"),
                text("actor", "Actor", "Who watches: mailto:… or an xAPI Agent as JSON (required)"),
                text(
                    "registration",
                    "Registration",
                    "UUID that sessions share, as the learning platform gives it (default: one for \
                     each actor and activity, kept in the journal)",
                ),
                time(
                    "length",
                    "Length",
                    "Length of the video in nanoseconds; 0 asks the stream",
                    default.length,
                ),
                glib::ParamSpecDouble::builder("completion-threshold")
                    .nick("Completion threshold")
                    .blurb(
                        "Share of the video that must have been played for completed, from 0 to 1 \
                         (rounded to thousandths); 0 leaves it to the check alone",
                    )
                    .maximum(1.0)
                    .minimum(0.0)
                    .default_value(default.completion_threshold)
                    .mutable_ready()
                    .build(),
                glib::ParamSpecBoolean::builder("require-check")
                    .nick("Require check")
                    .blurb("Completed takes the action signal check-passed as well")
                    .default_value(default.require_check)
                    .mutable_ready()
                    .build(),
                rate("min-rate", "Lowest rate", "Media played slower than this is not watched", default.min_rate),
                rate("max-rate", "Highest rate", "Media played faster than this is not watched", default.max_rate),
                text(
                    "manifest-location",
                    "Manifest",
                    "manifest.json of the package: its kept spans carry progress over a re-cut \
                     (default: none, the video is taken to stay as it is)",
                ),
                text("endpoint", "Endpoint", "URL of the LRS, above statements (default: none, nothing is sent)"),
                secret("username", "User name", "For the LRS; env:NAME and file:PATH read it from there"),
                secret("password", "Password", "For the LRS; env:NAME and file:PATH read it from there"),
                secret("token", "Token", "Bearer token for the LRS; env:NAME and file:PATH read it from there"),
                glib::ParamSpecEnum::builder_with_default("version", default.version)
                    .nick("xAPI version")
                    .blurb("Version of xAPI to speak to the LRS")
                    .mutable_ready()
                    .build(),
                text(
                    "journal",
                    "Journal",
                    "Folder that statements are kept in until they are delivered, one for each \
                     player (default: none, statements live in memory)",
                ),
                glib::ParamSpecUInt64::builder("checkpoint-interval")
                    .nick("Checkpoint interval")
                    .blurb("How often the position is noted in the journal, in nanoseconds")
                    .minimum(100_000_000)
                    .default_value(default.checkpoint_interval.nseconds())
                    .mutable_ready()
                    .build(),
                time(
                    "drain-timeout",
                    "Drain timeout",
                    "How long shutdown waits for the LRS, in nanoseconds; the journal keeps the rest",
                    default.drain_timeout,
                ),
                glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
                    .nick("Statistics")
                    .blurb(
                        "state, progress, statements, pending, delivered, dead-letters, unwritten, lost, \
                         troubles",
                    )
                    .read_only()
                    .build(),
            ]
        });
        &PROPERTIES
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let mut settings = lock(&self.settings);
        // GObject has checked types and ranges.
        let text = || {
            value
                .get::<Option<String>>()
                .ok()
                .flatten()
                .filter(|text| !text.is_empty())
        };
        let time = || gst::ClockTime::from_nseconds(value.get().unwrap_or_default());
        match pspec.name() {
            "activity-id" => settings.activity_id = text(),
            "activity-name" => settings.activity_name = text(),
            "actor" => settings.actor = text(),
            "registration" => settings.registration = text(),
            "length" => settings.length = time(),
            "completion-threshold" => {
                settings.completion_threshold = value.get().unwrap_or_default();
            }
            "require-check" => settings.require_check = value.get().unwrap_or_default(),
            "min-rate" => settings.min_rate = value.get().unwrap_or_default(),
            "max-rate" => settings.max_rate = value.get().unwrap_or_default(),
            "manifest-location" => settings.manifest_location = text(),
            "endpoint" => settings.endpoint = text(),
            "username" => settings.username = text(),
            "password" => settings.password = text(),
            "token" => settings.token = text(),
            "version" => settings.version = value.get().unwrap_or_default(),
            "journal" => settings.journal = text(),
            "checkpoint-interval" => settings.checkpoint_interval = time(),
            "drain-timeout" => settings.drain_timeout = time(),
            name => unreachable!("there is no property {name} to write"),
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        if pspec.name() == "stats" {
            return self.stats().to_value();
        }
        let settings = lock(&self.settings);
        match pspec.name() {
            "activity-id" => settings.activity_id.to_value(),
            "activity-name" => settings.activity_name.to_value(),
            "actor" => settings.actor.to_value(),
            "registration" => settings.registration.to_value(),
            "length" => settings.length.nseconds().to_value(),
            "completion-threshold" => settings.completion_threshold.to_value(),
            "require-check" => settings.require_check.to_value(),
            "min-rate" => settings.min_rate.to_value(),
            "max-rate" => settings.max_rate.to_value(),
            "manifest-location" => settings.manifest_location.to_value(),
            "endpoint" => settings.endpoint.to_value(),
            "version" => settings.version.to_value(),
            "journal" => settings.journal.to_value(),
            "checkpoint-interval" => settings.checkpoint_interval.nseconds().to_value(),
            "drain-timeout" => settings.drain_timeout.nseconds().to_value(),
            name => unreachable!("there is no property {name} to read"),
        }
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
                // The viewer used the player: a structure with what is known of volume, captions,
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
                "The gst-plugin-lecture authors",
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
                self.play(&mut state);
                self.arm(&mut state);
            }
            StateChange::PausedToReady => self.end(),
            _ => {}
        }
        Ok(result)
    }
}
