// SPDX-License-Identifier: MPL-2.0

//! The branch of a video track: turned, cropped and scaled to its tile, in front of the compositor.
//!
//! Frames lose their duration, so that the compositor shows each until the next. When the tile
//! changes between two frames, the last one is fitted again; while a track is silent, what was shown
//! last is repeated, so that the compositor can go on. Both happen on the track's own thread.
//!
//! Lock order: none of `state`, `shown` and `applied` is held together with another lock, or across
//! a push or a property that is set.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use gst::glib;
use gst::prelude::*;

mod showing;

use super::avatar::Avatars;
use super::fitter::Fitter;
use super::frames::{orientation, plain_segment, video_size, with_colors};
use super::pad::{RoomPad, Track};
use super::shown::{PadLook, Shown};
use super::stage::Stage;
use super::{CAT, bin};
use crate::elements::shared::lock::lock;
use crate::record::layout::{Change, Event, Rect, Role, Source, VideoSize};
use crate::timeline::Time;

/// A silent track pushes what it shows at least this often.
const STEP: Time = Time::from_millis(100);
/// A camera without frames for so long counts as off.
const ABSENCE: Time = Time::from_secs(2);
/// An ended track stays for so long, so that tracks that end together do not rearrange the others.
const LINGER: Time = Time::from_millis(500);

#[derive(Default)]
struct State {
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    /// The segment of what is pushed, until it is pushed itself.
    held_segment: Option<gst::Event>,
    caps: Option<gst::Caps>,
    size: Option<VideoSize>,
    /// The rotation that the stream itself names, in degrees clockwise.
    turned: Option<u32>,
    frame: Option<gst::Buffer>,
    /// The last frame as the compositor got it.
    fitted: Option<gst::Buffer>,
    fed_caps: Option<gst::Caps>,
    last: Option<Shown>,
    last_frame: Option<Time>,
    told_size: Option<VideoSize>,
    is_published: bool,
    is_absent: bool,
    avatar: Option<(Rect, gst::Sample)>,
}

pub struct VideoBranch {
    pad: glib::WeakRef<RoomPad>,
    name: String,
    feed: gst::Pad,
    pub fitter: Fitter,
    pub sink: gst::Pad,
    stage: Mutex<Option<Arc<Stage>>>,
    avatars: Mutex<Avatars>,
    /// The settings of the pad in this run, once they are read.
    track: Mutex<Option<Track>>,
    cancelled: AtomicBool,
    state: Mutex<State>,
    /// What was pushed and may not be composed yet.
    shown: Mutex<VecDeque<Shown>>,
    applied: Mutex<Option<PadLook>>,
}

/// Returns a value of the stage, or `Flushing` if no run is on.
macro_rules! stage {
    ($self:ident) => {
        $self.stage().ok_or(gst::FlowError::Flushing)?
    };
}

impl VideoBranch {
    /// Makes the elements of a pad and links them to the compositor.
    pub fn new(
        parent: &gst::Bin,
        compositor: &gst::Element,
        pad: &RoomPad,
        has_labels: bool,
    ) -> Result<Arc<Self>, glib::BoolError> {
        let fitter = Fitter::new(has_labels)?;
        let sink = bin::request(compositor)?;
        sink.set_property("alpha", 0.0f64);
        sink.set_property("repeat-after-eos", true);
        let linked = bin::add(parent, &fitter.elements).and_then(|()| {
            fitter
                .src()?
                .link(&sink)
                .map_err(|error| glib::bool_error!("the compositor is not linked: {error}"))?;
            pad.set_target(Some(&fitter.sink()?))
        });
        if let Err(error) = linked {
            bin::remove(parent, &fitter.elements);
            compositor.release_request_pad(&sink);
            return Err(error);
        }
        let feed = pad
            .internal()
            .ok_or_else(|| glib::bool_error!("{} has no inner pad", pad.name()))?;
        let branch = Arc::new(VideoBranch {
            pad: pad.downgrade(),
            name: pad.name().to_string(),
            feed: feed.upcast(),
            fitter,
            sink,
            stage: Mutex::default(),
            avatars: Mutex::new(Avatars::Initials),
            track: Mutex::default(),
            cancelled: AtomicBool::new(false),
            state: Mutex::default(),
            shown: Mutex::default(),
            applied: Mutex::default(),
        });
        branch.hold_back_reconfiguration();
        branch.keep_fitted_frames();
        Ok(branch)
    }

    /// Keeps the source of the track out of what changes behind the pad: it has nothing to negotiate again.
    fn hold_back_reconfiguration(&self) {
        self.feed
            .add_probe(gst::PadProbeType::EVENT_UPSTREAM, |_, info| {
                let is_reconfigure = info
                    .event()
                    .is_some_and(|event| event.type_() == gst::EventType::Reconfigure);
                if is_reconfigure {
                    gst::PadProbeReturn::Handled
                } else {
                    gst::PadProbeReturn::Ok
                }
            });
    }

    /// Keeps the last frame in front of the compositor, to repeat it.
    fn keep_fitted_frames(self: &Arc<Self>) {
        let this = Arc::downgrade(self);
        self.sink
            .add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                if let (Some(this), Some(buffer)) = (this.upgrade(), info.buffer()) {
                    lock(&this.state).fitted = Some(buffer.clone());
                }
                gst::PadProbeReturn::Ok
            });
    }

    fn stage(&self) -> Option<Arc<Stage>> {
        lock(&self.stage).clone()
    }

    /// Starts or ends a run.
    pub fn set_stage(&self, stage: Option<Arc<Stage>>, avatars: Avatars) {
        *lock(&self.avatars) = avatars;
        *lock(&self.track) = None;
        *lock(&self.stage) = stage;
        self.reset(State::default());
        self.cancelled.store(false, Ordering::Release);
    }

    fn reset(&self, state: State) {
        *lock(&self.state) = state;
        lock(&self.shown).clear();
        *lock(&self.applied) = None;
    }

    /// Ends all waiting, for a flush or the end of the run.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        if let Some(stage) = self.stage() {
            stage.wake();
        }
    }

    /// The track's settings as they are at its first data.
    fn track(&self) -> Track {
        if let Some(track) = &*lock(&self.track) {
            return track.clone();
        }
        let pad = self.pad.upgrade();
        let track = pad.map_or_else(
            || Track {
                participant: self.name.clone(),
                label: None,
                source: Source::Camera,
                role: Role::default(),
                is_muted: false,
            },
            |pad| pad.track(),
        );
        lock(&self.track).get_or_insert(track).clone()
    }

    fn label(&self, stage: &Stage, track: &Track) -> String {
        let label = track.label.as_deref();
        let label = label.or_else(|| stage.room.label(&track.participant));
        label.unwrap_or(&track.participant).to_owned()
    }

    /// Tells the room that the user has turned the track off or on.
    pub fn set_muted(&self, is_muted: bool) {
        if let Some(stage) = self.stage() {
            self.mute(&stage, stage.horizon(), is_muted);
        }
    }

    fn mute(&self, stage: &Stage, time: Time, muted: bool) {
        let Track {
            participant,
            source,
            ..
        } = self.track();
        let change = Change::Mute {
            participant,
            source,
            muted,
        };
        stage.tell(&self.name, [Event { time, change }]);
    }

    /// Takes an event of the sink pad; returns `None` if it has been dealt with.
    pub fn sink_event(&self, event: gst::Event) -> Result<Option<gst::Event>, gst::FlowError> {
        match event.view() {
            gst::EventView::Caps(caps) => {
                let mut state = lock(&self.state);
                state.caps = Some(with_colors(caps.caps_owned()));
                state.size = video_size(caps.caps());
                Ok(None)
            }
            gst::EventView::Segment(segment) => {
                let segment = segment.segment().downcast_ref::<gst::ClockTime>();
                let mut state = lock(&self.state);
                state.segment = segment.cloned();
                // It follows the caps of the next frame.
                state.held_segment = Some(plain_segment(event.seqnum()));
                if segment.is_none() {
                    gst::error!(CAT, "{}: a segment that is not in time", self.name);
                    return Err(gst::FlowError::Error);
                }
                Ok(None)
            }
            gst::EventView::Tag(tags) => {
                if let Some(turned) = orientation(tags.tag()) {
                    lock(&self.state).turned = Some(turned);
                }
                Ok(None)
            }
            gst::EventView::Gap(gap) => {
                let (start, duration) = gap.get();
                let end = start + duration.unwrap_or_default();
                let end = self
                    .running_time(Some(end))
                    .or(self.running_time(Some(start)));
                match end {
                    Some(end) => self.pass_gap(end).map(|()| None),
                    None => Ok(None),
                }
            }
            gst::EventView::FlushStart(_) => {
                self.cancel();
                Ok(Some(event))
            }
            gst::EventView::FlushStop(_) => {
                let kept = {
                    let state = lock(&self.state);
                    State {
                        caps: state.caps.clone(),
                        size: state.size,
                        turned: state.turned,
                        fed_caps: state.fed_caps.clone(),
                        ..State::default()
                    }
                };
                // Caps and tags outlive a flush.
                self.reset(kept);
                self.cancelled.store(false, Ordering::Release);
                if let Some(stage) = self.stage() {
                    stage.forget(&self.name);
                }
                Ok(Some(event))
            }
            gst::EventView::Eos(_) => {
                self.end();
                Ok(Some(event))
            }
            _ => Ok(Some(event)),
        }
    }

    fn running_time(&self, time: Option<gst::ClockTime>) -> Option<Time> {
        let state = lock(&self.state);
        let running = state.segment.as_ref()?.to_running_time(time?)?;
        Some(Time::from_nanos(running.nseconds()))
    }

    /// Takes a frame.
    pub fn chain(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
        let stage = stage!(self);
        let Some(time) = self.running_time(buffer.pts()) else {
            gst::debug!(CAT, "{}: a frame without a time in its segment", self.name);
            return Ok(gst::FlowSuccess::Ok);
        };
        if lock(&self.state).size.is_none() {
            return Err(gst::FlowError::NotNegotiated);
        }
        self.announce(&stage, time);
        self.settle(&stage, time)?;
        {
            let mut state = lock(&self.state);
            state.frame = Some(buffer);
            state.last_frame = Some(time);
        }
        self.show(&stage, time, true)
    }

    /// Tells the room about the frame at `time`: the track, its size, that it is back.
    fn announce(&self, stage: &Stage, time: Time) {
        let track = self.track();
        let mut events = Vec::new();
        let mut add = |change| events.push(Event { time, change });
        let (participant, source) = (track.participant.clone(), track.source);
        let role = stage.room.role(&participant).unwrap_or(track.role);
        let size = self.upright_size(stage, time, &track);
        {
            let mut state = lock(&self.state);
            if !state.is_published {
                state.is_published = true;
                add(Change::Join {
                    participant: participant.clone(),
                    role,
                });
                add(Change::Publish {
                    participant: participant.clone(),
                    source,
                });
                if track.is_muted {
                    add(Change::Mute {
                        participant: participant.clone(),
                        source,
                        muted: true,
                    });
                }
            }
            if std::mem::take(&mut state.is_absent) {
                add(Change::Mute {
                    participant: participant.clone(),
                    source,
                    muted: false,
                });
            }
            if let Some(size) = size.filter(|size| state.told_size != Some(*size)) {
                state.told_size = Some(size);
                let (x, y) = size.pixel_aspect;
                add(Change::Size {
                    participant,
                    source,
                    width: size.width.saturating_mul(x),
                    height: size.height.saturating_mul(y),
                });
            }
        }
        if !events.is_empty() {
            stage.tell(&self.name, events);
        }
        stage.arrive(&self.name);
    }

    fn turn_at(&self, stage: &Stage, time: Time, track: &Track) -> u32 {
        let own = lock(&self.state).turned;
        own.unwrap_or_else(|| {
            stage
                .room
                .rotation_at(time, &track.participant, track.source)
        })
    }

    fn upright_size(&self, stage: &Stage, time: Time, track: &Track) -> Option<VideoSize> {
        let is_turned = self.turn_at(stage, time, track) % 180 == 90;
        let size = lock(&self.state).size?;
        Some(if is_turned { size.turned() } else { size })
    }

    /// Lets the compositor go on through a gap.
    fn pass_gap(&self, end: Time) -> Result<(), gst::FlowError> {
        let stage = stage!(self);
        stage.arrive(&self.name);
        self.settle(&stage, end)?;
        if !stage.is_live() {
            let last = Time::from_nanos(end.nanos().saturating_sub(1));
            self.repeat(&stage, last)?;
        }
        Ok(())
    }

    /// Shows everything before `time`, and waits until the picture of `time` is settled.
    fn settle(&self, stage: &Stage, time: Time) -> Result<(), gst::FlowError> {
        while !stage.is_live() {
            let horizon = stage.horizon();
            if time < horizon {
                break;
            }
            if horizon > Time::ZERO {
                let last = Time::from_nanos(horizon.nanos() - 1);
                self.notice_absence(stage, last);
                self.refit(stage, last)?;
                self.repeat(stage, last)?;
            }
            let next = Time::from_nanos(time.nanos().saturating_add(1));
            if !stage.wait_for(next.min(horizon.saturating_add(STEP)), &self.cancelled) {
                return Err(gst::FlowError::Flushing);
            }
        }
        let before = Time::from_nanos(time.nanos().saturating_sub(1));
        self.refit(stage, before)
    }

    /// Counts a camera as off that has had no frame for a while.
    fn notice_absence(&self, stage: &Stage, time: Time) {
        let since = {
            let mut state = lock(&self.state);
            let since = state.last_frame.map(|last| last.saturating_add(ABSENCE));
            let is_new = since.is_some_and(|since| since <= time) && !state.is_absent;
            if is_new && self.track().source == Source::Camera {
                state.is_absent = true;
                since
            } else {
                None
            }
        };
        if let Some(since) = since {
            self.mute(stage, since, true);
        }
    }

    /// Takes the track out of the room.
    pub fn end(&self) {
        let Some(stage) = self.stage() else {
            return;
        };
        let Track {
            participant,
            source,
            ..
        } = self.track();
        let last = {
            let mut state = lock(&self.state);
            let is_published = std::mem::take(&mut state.is_published);
            state.last_frame.filter(|_| is_published)
        };
        if let Some(time) = last {
            let time = time.saturating_add(LINGER);
            let change = Change::Unpublish {
                participant,
                source,
            };
            let time = time.max(stage.now());
            stage.tell(&self.name, [Event { time, change }]);
        }
        stage.arrive(&self.name);
    }
}
