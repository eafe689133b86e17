// SPDX-License-Identifier: MPL-2.0

//! The file of a track: the elements that write it, in a bin with a thread of its own.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;

use super::codec::{self, Stream};
use crate::elements::shared::lock::lock;
use crate::record::live::{Gate, Pass, Pauses};
use crate::record::session::Track;
use crate::timeline::Time;

/// Interval at which a file is brought to the disk itself, against a loss of power.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

/// Calls of a writer while it writes, from its own thread.
pub trait Observer: Send + Sync + 'static {
    /// Decides on a frame.
    fn pass(&self, gate: &mut Gate, time: Time, is_key: bool) -> Pass;
    /// The first frame is about to be written.
    fn start(&self, track: &Track);
    /// The size of the video changes.
    fn resize(&self, track: &Track, time: Time, size: (u32, u32));
    /// The sender is to make a key frame.
    fn request_key_frame(&self);
}

pub struct Writer {
    pub bin: gst::Bin,
    pub path: PathBuf,
    source: gst_app::AppSrc,
    state: Mutex<State>,
}

struct State {
    track: Track,
    gate: Gate,
    frames: u64,
    /// The time of the last frame.
    last: Time,
    size: Option<(u32, u32)>,
    /// Whether `size` is not reported yet.
    is_resized: bool,
    has_ended: bool,
}

impl Writer {
    /// Makes the elements. `track` has no start yet.
    pub fn new(stream: &Stream, track: Track, path: &Path) -> Result<Self, glib::Error> {
        let bin = codec::make_bin(stream)?;
        let missing = || glib::Error::new(gst::CoreError::Failed, "the bin is incomplete");
        let source = bin
            .by_name("source")
            .and_then(|source| source.downcast().ok());
        let file = bin.by_name("file").ok_or_else(missing)?;
        file.set_property("location", path);
        let source: gst_app::AppSrc = source.ok_or_else(missing)?;
        // The state of the recorder is that of its sources; a file is written to its end.
        bin.set_locked_state(true);
        bin.set_suppressed_flags(gst::ElementFlags::SOURCE | gst::ElementFlags::SINK);
        let gate = Gate::new(stream.is_video);
        Ok(Writer {
            bin,
            path: path.to_path_buf(),
            source,
            state: Mutex::new(State {
                track,
                gate,
                frames: 0,
                last: Time::ZERO,
                size: None,
                is_resized: false,
                has_ended: false,
            }),
        })
    }

    /// Connects the observer, before the writer starts.
    pub fn observe(self: &std::sync::Arc<Self>, observer: impl Observer) {
        let observer = std::sync::Arc::new(observer);
        let muxed = self.bin.by_name("muxer").map(|muxer| muxer.sink_pads());
        for pad in muxed.into_iter().flatten() {
            let (this, observer) = (std::sync::Arc::downgrade(self), observer.clone());
            let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
            pad.add_probe(mask, move |_, info| {
                let Some(this) = this.upgrade() else {
                    return gst::PadProbeReturn::Ok;
                };
                match &info.data {
                    Some(gst::PadProbeData::Buffer(buffer)) => this.probe_frame(buffer, &*observer),
                    Some(gst::PadProbeData::Event(event)) => {
                        this.probe_event(event);
                        gst::PadProbeReturn::Ok
                    }
                    _ => gst::PadProbeReturn::Ok,
                }
            });
        }
        if let Some(pad) = self.source.static_pad("src") {
            pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
                if let Some(gst::PadProbeData::Event(event)) = &info.data
                    && gst_video::ForceKeyUnitEvent::is(event)
                {
                    observer.request_key_frame();
                }
                gst::PadProbeReturn::Ok
            });
        }
        let sink = self.bin.by_name("file");
        if let Some(pad) = sink.and_then(|sink| sink.static_pad("sink")) {
            let synced = Mutex::new(Instant::now());
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
                let mut synced = lock(&synced);
                if synced.elapsed() >= SYNC_INTERVAL
                    && let Some(buffer) = info.buffer_mut()
                {
                    buffer.make_mut().set_flags(gst::BufferFlags::SYNC_AFTER);
                    *synced = Instant::now();
                }
                gst::PadProbeReturn::Ok
            });
        }
    }

    /// Takes a buffer whose times are running times. A writer that has ended or failed drops it.
    pub fn push(&self, buffer: gst::Buffer) {
        let _ = self.source.push_buffer(buffer);
    }

    /// Changes the caps of what is pushed from now on.
    pub fn set_caps(&self, caps: &gst::Caps) {
        self.source.set_caps(Some(caps));
    }

    /// Ends the file after what was pushed.
    pub fn finish(&self) {
        let was_ended = std::mem::replace(&mut lock(&self.state).has_ended, true);
        if !was_ended {
            let _ = self.source.end_of_stream();
        }
    }

    /// Returns the track as it is described, the end of its last frame, and the number of its frames.
    pub fn written(&self) -> (Track, Time, u64) {
        let state = lock(&self.state);
        (state.track.clone(), state.last, state.frames)
    }

    /// Lets a frame pass or not. (`Handled` drops it; after `Drop`, GStreamer 1.22 releases what the
    /// bindings have released already.)
    fn probe_frame(&self, buffer: &gst::Buffer, observer: &impl Observer) -> gst::PadProbeReturn {
        let Some(time) = buffer.pts().or(buffer.dts()) else {
            return gst::PadProbeReturn::Handled;
        };
        let time = Time::from_nanos(time.nseconds());
        let is_key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let mut state = lock(&self.state);
        let pass = observer.pass(&mut state.gate, time, is_key);
        let is_first = pass == Pass::Write && state.frames == 0;
        if pass == Pass::Write {
            state.frames += 1;
            state.last = state.last.max(time);
        }
        if is_first {
            state.track.start = time.nanos();
        }
        let is_resized = pass == Pass::Write && std::mem::take(&mut state.is_resized);
        let (track, size) = (state.track.clone(), state.size.filter(|_| is_resized));
        drop(state);
        match pass {
            Pass::Write => {
                if is_first {
                    observer.start(&track);
                }
                if let Some(size) = size {
                    observer.resize(&track, time, size);
                }
                gst::PadProbeReturn::Ok
            }
            Pass::Drop => gst::PadProbeReturn::Handled,
            Pass::Request => {
                observer.request_key_frame();
                gst::PadProbeReturn::Handled
            }
        }
    }

    /// Notes the size of the frames to come.
    fn probe_event(&self, event: &gst::Event) {
        let gst::EventView::Caps(caps) = event.view() else {
            return;
        };
        let Some(structure) = caps.caps().structure(0) else {
            return;
        };
        let side = |name| {
            let side = structure.get::<i32>(name).ok()?;
            u32::try_from(side).ok().filter(|side| *side > 0)
        };
        let size = side("width").zip(side("height"));
        let mut state = lock(&self.state);
        state.is_resized |= size.is_some() && state.size != size;
        state.size = size.or(state.size);
    }
}

/// Decides on a frame by the pauses and the gate of its track.
pub fn pass(gate: &mut Gate, pauses: &Mutex<Pauses>, time: Time, is_key: bool) -> Pass {
    gate.pass(time, is_key, &lock(pauses))
}
