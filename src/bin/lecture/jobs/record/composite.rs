// SPDX-License-Identifier: MPL-2.0

//! The room in one video, composed while it is recorded. A web page is composed already: its streams
//! are copied.
//!
//! It is a pipeline of its own with the clock and the base time of the recorder, so that nothing that
//! happens to it reaches the tracks or their sources. It takes copies of the tracks' buffers; buffers
//! that it cannot take in time are dropped.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;

use super::hole::Holes;
use super::reached::Reached;
use super::stream::Stream;
use super::tap::{tap, wait_for_key_frames};
use crate::engine::gst_error;
use crate::error::Error;
use crate::print;

/// Longest time for which the end waits for the next frame of those that are still to be composed and
/// encoded.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Longest time for which the end waits at all.
const LONGEST_END: Duration = Duration::from_secs(60);

/// The last frames of a recording lie this close to its end.
const LAST: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// Interval at which the end looks how far the composite is.
const POLL: Duration = Duration::from_millis(20);

/// Largest backlog of a track in bytes.
const BACKLOG: u64 = 8 << 20;

/// What the encoder of AAC puts before the audio: 1024 samples at 48 kHz.
const PRIMING: gst::ClockTime = gst::ClockTime::from_nseconds(21_333_333);

pub struct Composite {
    pipeline: gst::Pipeline,
    /// The room that is composed; absent if streams are copied.
    room: Option<gst::Element>,
    has_pictures: bool,
    holes: Holes,
    reached: Reached,
    /// The end has reached these: the file, and the audio for further outputs.
    has_ended: Vec<Arc<AtomicBool>>,
    /// By the pads of their sources; the pads of two senders may have one name.
    tracks: Mutex<HashMap<gst::Pad, Branch>>,
}

/// The decoder of a track and its place in the room.
struct Branch {
    bin: gst::Bin,
    seat: gst::Pad,
}

impl Composite {
    /// Takes the pipeline of a room, or one that copies streams; `has_pictures` is whether there is
    /// video, or only audio.
    pub fn new(pipeline: gst::Pipeline, has_pictures: bool) -> Self {
        let holes = Holes::default();
        if let Some(muxer) = pipeline.by_name("mux") {
            holes.watch(&muxer);
        }
        without_priming(&pipeline);
        let room = pipeline.by_name("room");
        let pads = match &room {
            Some(room) => room.src_pads(),
            None => {
                let sources = ["video", "audio"].into_iter();
                let sources = sources.filter_map(|media| pipeline.by_name(media));
                sources
                    .filter_map(|source| source.static_pad("src"))
                    .collect()
            }
        };
        Composite {
            reached: Reached::watch(pads),
            has_ended: ["file", "aac-end"]
                .into_iter()
                .filter_map(|name| watch_end(&pipeline.by_name(name)?))
                .collect(),
            room,
            pipeline,
            has_pictures,
            holes,
            tracks: Mutex::default(),
        }
    }

    /// Returns the pad with the encoded video, for further outputs.
    pub fn coded(&self) -> Option<gst::Pad> {
        self.pipeline.by_name("coded")?.static_pad("src")
    }

    /// Returns the pad with the AAC audio, for further outputs.
    pub fn heard(&self) -> Option<gst::Pad> {
        self.pipeline.by_name("aac")?.static_pad("src")
    }

    pub fn holes(&self) -> &Holes {
        &self.holes
    }

    /// Starts a pause, or ends it: nothing that is captured in it is written.
    pub fn pause(&self, is_paused: bool, now: gst::ClockTime) {
        self.holes.pause(is_paused, now);
    }

    /// Starts with the time of a recorder that runs.
    pub fn start(&self, recorder: &gst::Pipeline) -> Result<(), Error> {
        self.pipeline.use_clock(recorder.clock().as_ref());
        self.pipeline.set_start_time(gst::ClockTime::NONE);
        self.pipeline
            .set_base_time(recorder.base_time().unwrap_or_default());
        if self.pipeline.set_state(gst::State::Playing).is_ok() {
            return Ok(());
        }
        let posted = self.pipeline.bus().as_ref().and_then(gst_error::posted);
        Err(posted.unwrap_or_else(|| {
            Error::request("the composite does not start", "", gst_error::SEE_MORE)
        }))
    }

    fn tracks(&self) -> MutexGuard<'_, HashMap<gst::Pad, Branch>> {
        self.tracks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows the stream of a pad in the room.
    pub fn add(&self, pad: &gst::Pad, stream: &Stream) {
        if stream.media == "video" && !self.has_pictures {
            return;
        }
        let Some(room) = &self.room else {
            if let Some(source) = self.source(&stream.media) {
                tap(pad, source);
            }
            return;
        };
        match self.branch(room, stream) {
            Ok((branch, source)) => {
                self.tracks().insert(pad.clone(), branch);
                tap(pad, source);
            }
            Err(error) => print::note(format_args!(
                "warning: a track of {} is not composed ({error})",
                stream.participant
            )),
        }
    }

    /// Returns the source of a stream that is copied.
    fn source(&self, media: &str) -> Option<gst_app::AppSrc> {
        self.pipeline.by_name(media)?.downcast().ok()
    }

    /// Ends the track of a pad.
    pub fn remove(&self, pad: &gst::Pad) {
        let branch = self.tracks().remove(pad);
        if let Some(branch) = branch {
            self.discard(&branch);
        }
    }

    fn discard(&self, branch: &Branch) {
        if let Some(room) = &self.room {
            room.release_request_pad(&branch.seat);
        }
        // Going down to NULL does not fail.
        let _ = branch.bin.set_state(gst::State::Null);
        let _ = self.pipeline.remove(&branch.bin);
    }

    /// Makes the decoder of a stream, and returns it with its source.
    fn branch(
        &self,
        room: &gst::Element,
        stream: &Stream,
    ) -> Result<(Branch, gst_app::AppSrc), glib::BoolError> {
        let seat = room
            .request_pad_simple(&format!("{}_%u", stream.media))
            .ok_or_else(|| glib::bool_error!("the room is full"))?;
        seat.set_property("participant", &stream.participant);
        seat.set_property_from_str("source", &stream.source);
        let made = self.connect(&seat);
        if made.is_err() {
            room.release_request_pad(&seat);
        }
        let (bin, source) = made?;
        Ok((Branch { bin, seat }, source))
    }

    fn connect(&self, seat: &gst::Pad) -> Result<(gst::Bin, gst_app::AppSrc), glib::BoolError> {
        let source = gst_app::AppSrc::builder()
            .format(gst::Format::Time)
            .is_live(true)
            .leaky_type(gst_app::AppLeakyType::Downstream)
            .max_bytes(BACKLOG)
            .build();
        let decoder = gst::ElementFactory::make("decodebin").build()?;
        let queue = gst::ElementFactory::make("queue").build()?;
        let bin = gst::Bin::new();
        // A decoder that waits for its first frame would take the pipeline back to PAUSED, and the live source
        // of the next track, which starts with the pipeline's state, would never deliver.
        bin.set_property("async-handling", true);
        bin.add_many([source.upcast_ref(), &decoder, &queue])?;
        source.link(&decoder)?;
        wait_for_key_frames(&decoder);
        let sink = queue.static_pad("sink");
        decoder.connect_pad_added(move |_, pad| {
            if let Some(sink) = sink.as_ref().filter(|sink| !sink.is_linked()) {
                // Another stream than the announced one is left out.
                let _ = pad.link(sink);
            }
        });
        let src = queue
            .static_pad("src")
            .ok_or_else(|| glib::bool_error!("a queue has no src pad"))?;
        let ghost = gst::GhostPad::with_target(&src)?;
        bin.add_pad(&ghost)?;
        self.pipeline.add(&bin)?;
        let linked = ghost.link(seat);
        if linked.is_err() || bin.sync_state_with_parent().is_err() {
            let _ = bin.set_state(gst::State::Null);
            let _ = self.pipeline.remove(&bin);
            return Err(glib::bool_error!("its decoder does not start"));
        }
        Ok((bin, source))
    }

    /// Looks for errors: a track that cannot be decoded is left out. Returns `false` once the composite
    /// as a whole has failed, and reports it.
    pub fn check(&self) -> bool {
        let Some(bus) = self.pipeline.bus() else {
            return false;
        };
        while let Some(message) = bus.pop_filtered(&[gst::MessageType::Error]) {
            let gst::MessageView::Error(error) = message.view() else {
                continue;
            };
            let failed = {
                let mut tracks = self.tracks();
                let own = tracks.iter().find(|(_, branch)| {
                    let bin = branch.bin.upcast_ref::<gst::Object>();
                    message.src().is_some_and(|src| src.has_as_ancestor(bin))
                });
                let pad = own.map(|(pad, _)| pad.clone());
                pad.and_then(|pad| tracks.remove(&pad))
            };
            let is_here = message.src().is_some_and(|src| {
                src == self.pipeline.upcast_ref::<gst::Object>()
                    || src.has_as_ancestor(&self.pipeline)
            });
            if failed.is_none() && !is_here {
                // Another error of a track that was left out.
                continue;
            }
            let text = gst_error::first(error, &bus);
            match failed {
                Some(branch) => {
                    print::note(format_args!(
                        "warning: a track is not composed any more: {text}"
                    ));
                    self.discard(&branch);
                }
                None => {
                    print::note(format_args!("warning: the composite ends here: {text}"));
                    return false;
                }
            }
        }
        true
    }

    /// Returns the size of the file in bytes.
    fn written(&self) -> Option<u64> {
        let file = self.pipeline.by_name("file")?;
        file.query_position::<gst::format::Bytes>().map(u64::from)
    }

    /// Ends the file with everything that came until `end`, a running time of the recorder. Whoever is
    /// behind on a busy machine gets the time that it needs, as long as it goes on.
    pub fn finish(&self, end: gst::ClockTime) {
        let deadline = Instant::now() + LONGEST_END;
        let end = end.saturating_sub(LAST);
        let is_composed = self.wait(deadline, || {
            self.reached.time().is_none_or(|time| time >= end)
        });
        self.send_end();
        let is_written = self.wait(deadline, || {
            self.has_ended.iter().all(|end| end.load(Ordering::Relaxed))
        });
        if is_composed && is_written {
            return;
        }
        let reached = self.reached.time().unwrap_or_default();
        print::note(format_args!(
            "warning: the composite may end early, at {:.1} s: the machine is too slow for it",
            reached.mseconds() as f64 / 1e3
        ));
    }

    /// Waits until this is so, as long as the composite goes on. Returns whether it is; a composite that
    /// has failed has reported it.
    fn wait(&self, deadline: Instant, is_so: impl Fn() -> bool) -> bool {
        let (mut before, mut since) = ((self.reached.time(), self.written()), Instant::now());
        while !is_so() {
            if !self.check() {
                return true;
            }
            let now = (self.reached.time(), self.written());
            if now != before {
                (before, since) = (now, Instant::now());
            }
            if since.elapsed() > LONGEST_WAIT || Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(POLL);
        }
        true
    }

    /// Ends the streams.
    fn send_end(&self) {
        match &self.room {
            Some(room) => {
                room.send_event(gst::event::Eos::new());
            }
            None => {
                let sources = ["video", "audio"].into_iter();
                for source in sources.filter_map(|media| self.source(media)) {
                    // One that has failed is reported as the error of the composite.
                    let _ = source.end_of_stream();
                }
            }
        }
    }
}

impl Drop for Composite {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Returns what becomes true when the end reaches a sink. The pipeline itself reports no end while one of
/// its decoders waits for the first key frame of a track.
fn watch_end(sink: &gst::Element) -> Option<Arc<AtomicBool>> {
    let pad = sink.static_pad("sink")?;
    let has_ended = Arc::new(AtomicBool::new(false));
    let own = has_ended.clone();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let event = info.event();
        if event.is_some_and(|event| event.type_() == gst::EventType::Eos) {
            own.store(true, Ordering::Relaxed);
        }
        gst::PadProbeReturn::Ok
    });
    Some(has_ended)
}

/// Removes what an encoder of AAC puts before the audio, frame and time, so that no player need know of it.
fn without_priming(pipeline: &gst::Pipeline) {
    let encoder = pipeline.by_name("aac");
    let Some(pad) = encoder.and_then(|encoder| encoder.static_pad("src")) else {
        return;
    };
    let has_begun = AtomicBool::new(false);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if !has_begun.swap(true, Ordering::Relaxed) {
            return gst::PadProbeReturn::Handled;
        }
        if let Some(buffer) = info.buffer_mut() {
            let buffer = buffer.make_mut();
            let pts = buffer.pts().map(|pts| pts.saturating_sub(PRIMING));
            buffer.set_pts(pts);
            buffer.set_dts(pts);
        }
        gst::PadProbeReturn::Ok
    });
}
