// SPDX-License-Identifier: MPL-2.0

//! The branch of an audio track: converted and resampled in front of the mixer, and measured.

use std::sync::{Arc, Mutex};

use gst::glib;
use gst::prelude::*;

use super::bin;
use super::pad::{RoomPad, Track};
use super::stage::Stage;
use crate::elements::shared::lock::lock;
use crate::record::layout::{Change, Event, Source};
use crate::timeline::Time;

/// Rate of the mix in Hz.
pub const RATE: i32 = 48_000;
/// Channels of the mix.
pub const CHANNELS: i32 = 2;
/// A level is measured over this time.
const WINDOW: Time = Time::from_millis(100);
/// The lowest level, in dBFS.
const SILENCE: f64 = -127.0;

/// Returns the caps of the mix. Samples are numbers beyond 1, so that loud voices add up unharmed
/// until the limiter.
pub fn mix_caps() -> gst::Caps {
    gst::Caps::builder("audio/x-raw")
        .field("format", "F32LE")
        .field("rate", RATE)
        .field("channels", CHANNELS)
        .field("layout", "interleaved")
        .build()
}

#[derive(Default)]
struct State {
    is_published: bool,
    /// The running time at which the measured window started.
    since: Option<Time>,
    squares: f64,
    samples: u64,
    end: Time,
}

pub struct AudioBranch {
    pad: glib::WeakRef<RoomPad>,
    name: String,
    pub elements: Vec<gst::Element>,
    pub sink: gst::Pad,
    stage: Mutex<Option<Arc<Stage>>>,
    state: Mutex<State>,
}

impl AudioBranch {
    /// Makes the elements of a pad and links them to the mixer.
    pub fn new(
        parent: &gst::Bin,
        mixer: &gst::Element,
        pad: &RoomPad,
    ) -> Result<Arc<Self>, glib::BoolError> {
        let convert = bin::make("audioconvert")?;
        let resample = bin::make("audioresample")?;
        let filter = bin::make("capsfilter")?;
        filter.set_property("caps", mix_caps());
        let elements = vec![convert.clone(), resample, filter.clone()];
        let sink = bin::request(mixer)?;
        let linked = bin::add(parent, &elements).and_then(|()| {
            bin::static_pad(&filter, "src")?
                .link(&sink)
                .map_err(|error| glib::bool_error!("the mixer is not linked: {error}"))?;
            pad.set_target(Some(&bin::static_pad(&convert, "sink")?))
        });
        if let Err(error) = linked {
            bin::remove(parent, &elements);
            mixer.release_request_pad(&sink);
            return Err(error);
        }
        let branch = Arc::new(AudioBranch {
            pad: pad.downgrade(),
            name: pad.name().to_string(),
            elements,
            sink,
            stage: Mutex::default(),
            state: Mutex::default(),
        });
        branch.listen();
        Ok(branch)
    }

    fn listen(self: &Arc<Self>) {
        let this = Arc::downgrade(self);
        let kinds = gst::PadProbeType::BUFFER
            | gst::PadProbeType::EVENT_DOWNSTREAM
            | gst::PadProbeType::EVENT_FLUSH;
        self.sink.add_probe(kinds, move |pad, info| {
            let Some(this) = this.upgrade() else {
                return gst::PadProbeReturn::Ok;
            };
            if let Some(buffer) = info.buffer() {
                this.hear(pad, buffer);
            } else if let Some(event) = info.event() {
                match event.type_() {
                    gst::EventType::Eos => this.end(),
                    gst::EventType::FlushStop => this.reset(),
                    _ => {}
                }
            }
            gst::PadProbeReturn::Ok
        });
    }

    fn stage(&self) -> Option<Arc<Stage>> {
        lock(&self.stage).clone()
    }

    /// Starts or ends a run.
    pub fn set_stage(&self, stage: Option<Arc<Stage>>) {
        *lock(&self.stage) = stage;
        *lock(&self.state) = State::default();
        let is_muted = self.track().is_some_and(|track| track.is_muted);
        self.sink.set_property("mute", is_muted);
    }

    fn track(&self) -> Option<Track> {
        Some(self.pad.upgrade()?.track())
    }

    /// Silences the track, and tells the room.
    pub fn set_muted(&self, muted: bool) {
        self.sink.set_property("mute", muted);
        if let (Some(stage), Some(track)) = (self.stage(), self.track()) {
            let change = Change::Mute {
                participant: track.participant,
                source: track.source,
                muted,
            };
            let time = stage.horizon();
            stage.tell(&self.name, [Event { time, change }]);
        }
    }

    fn hear(&self, pad: &gst::Pad, buffer: &gst::Buffer) {
        let (Some(stage), Some(track)) = (self.stage(), self.track()) else {
            return;
        };
        let Some(time) = running_time(pad, buffer) else {
            return;
        };
        let is_new = !std::mem::replace(&mut lock(&self.state).is_published, true);
        if is_new {
            self.announce(&stage, &track, time);
        }
        if track.source != Source::Microphone || stage.room.has_speakers {
            return;
        }
        if let Some((time, decibels)) = self.measure(time, buffer) {
            let change = Change::Level {
                participant: track.participant,
                decibels,
            };
            stage.tell_once(Event { time, change });
        }
    }

    fn announce(&self, stage: &Stage, track: &Track, time: Time) {
        let participant = track.participant.clone();
        let role = stage.room.role(&participant).unwrap_or(track.role);
        let mut events = vec![
            Change::Join { participant, role },
            Change::Publish {
                participant: track.participant.clone(),
                source: track.source,
            },
        ];
        if track.is_muted {
            events.push(Change::Mute {
                participant: track.participant.clone(),
                source: track.source,
                muted: true,
            });
        }
        let events = events.into_iter().map(|change| Event { time, change });
        stage.tell(&self.name, events);
    }

    /// Adds samples, and returns the level in dBFS and its time when a window is full.
    fn measure(&self, time: Time, buffer: &gst::Buffer) -> Option<(Time, f32)> {
        let map = buffer.map_readable().ok()?;
        let is_silent = buffer.flags().contains(gst::BufferFlags::GAP);
        let samples = map.as_slice().chunks_exact(4);
        let mut squares = 0.0;
        let mut count = 0;
        for bytes in samples {
            let sample = <[u8; 4]>::try_from(bytes).map_or(0.0, f32::from_le_bytes);
            if sample.is_finite() && !is_silent {
                squares += f64::from(sample) * f64::from(sample);
            }
            count += 1;
        }
        let mut state = lock(&self.state);
        let is_late = state.since.is_some_and(|since| time < since);
        if is_late || time > state.end.saturating_add(WINDOW) {
            (state.since, state.squares, state.samples) = (None, 0.0, 0);
        }
        let since = *state.since.get_or_insert(time);
        state.squares += squares;
        state.samples += count;
        let duration = buffer.duration().unwrap_or_default();
        state.end = time.saturating_add(Time::from_nanos(duration.nseconds()));
        if state.end.saturating_sub(since) < WINDOW {
            return None;
        }
        let power = state.squares / state.samples.max(1) as f64;
        (state.since, state.squares, state.samples) = (None, 0.0, 0);
        let decibels = (10.0 * power.log10()).max(SILENCE);
        Some((state.end, decibels as f32))
    }

    fn reset(&self) {
        *lock(&self.state) = State::default();
        if let Some(stage) = self.stage() {
            stage.forget(&self.name);
        }
    }

    /// Takes the track out of the room.
    pub fn end(&self) {
        let (Some(stage), Some(track)) = (self.stage(), self.track()) else {
            return;
        };
        let end = {
            let mut state = lock(&self.state);
            let is_published = std::mem::take(&mut state.is_published);
            is_published.then_some(state.end)
        };
        if let Some(end) = end {
            let change = Change::Unpublish {
                participant: track.participant,
                source: track.source,
            };
            let time = end.max(stage.now());
            stage.tell(&self.name, [Event { time, change }]);
        }
    }
}

fn running_time(pad: &gst::Pad, buffer: &gst::Buffer) -> Option<Time> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = event.segment().downcast_ref::<gst::ClockTime>()?;
    let time = segment.to_running_time(buffer.pts()?)?;
    Some(Time::from_nanos(time.nseconds()))
}
