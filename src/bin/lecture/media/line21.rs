// SPDX-License-Identifier: MPL-2.0

//! Closed captions in the frames of a recording's video, or in a track of their own (MP4).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_video::{VideoCaptionMeta, VideoCaptionType};
use gstlecture::record::inside::TextTrack;
use gstlecture::record::inside::line21::{Packing, Reader, pairs};
use gstlecture::timeline::Time;

use crate::engine::pipeline::{self, Running};
use crate::engine::progress::Progress;
use crate::engine::run::run_to_end;
use crate::error::Error;
use crate::media::probe::Input;
use crate::stop::Stop;

/// The part in which captions are looked for: encoders send empty ones with every frame, so that a
/// video without any at its start has none.
const LOOKED_AT: Time = Time::from_secs(30);
/// Longest time that looking takes.
const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(5);

/// Codecs whose frames may carry captions.
const CODECS: [&str; 3] = ["video/x-h264", "video/x-h265", "video/mpeg"];

/// A pair and when it is shown.
type Pair = (Time, usize, [u8; 2]);

/// Returns the captions of each channel; nothing is decoded. A recording that cannot be read has
/// none here: its error shows when it is analysed.
///
/// # Errors
/// The user has stopped the job.
pub fn find(input: &Input, stop: &Stop) -> Result<Vec<TextTrack>, Error> {
    let video = input.video.as_ref();
    let may_carry = video.is_some_and(|video| CODECS.contains(&&*video.caps));
    if !may_carry || input.room.is_some() {
        return Ok(Vec::new());
    }
    if !carries_any(input, stop)? {
        return Ok(Vec::new());
    }
    let reading = Reading::new(input)?;
    let progress = Progress::start("captions", input.duration);
    if run_to_end(&reading.pipeline, progress, stop, |_| {}).is_err() {
        stop.check()?;
    }
    let mut all = reading.take();
    // Frames come in the order in which they are coded.
    all.sort_by_key(|(time, ..)| *time);
    let end = all.last().map_or(Time::ZERO, |(time, ..)| *time);
    let mut reader = Reader::default();
    for (time, field, pair) in all {
        reader.push(time, field, pair);
    }
    Ok(reader.finish(input.duration.unwrap_or(end)))
}

/// Returns whether frames at the start of the video carry pairs, be they empty.
fn carries_any(input: &Input, stop: &Stop) -> Result<bool, Error> {
    let reading = Reading::new(input)?;
    let Some(bus) = reading.pipeline.bus() else {
        return Ok(false);
    };
    let running = Running(&reading.pipeline);
    let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
    let started = Instant::now();
    let _ = reading.pipeline.set_state(gst::State::Playing);
    loop {
        stop.check()?;
        let message = bus.timed_pop_filtered(gst::ClockTime::try_from(POLL).ok(), &kinds);
        let found = lock(&reading.found);
        let is_over = message.is_some() || found.reached >= LOOKED_AT;
        if !found.pairs.is_empty() || is_over || started.elapsed() >= LIMIT {
            let carries = !found.pairs.is_empty();
            drop(found);
            drop(running);
            return Ok(carries);
        }
    }
}

/// A recording whose packets are read.
struct Reading {
    pipeline: gst::Pipeline,
    found: Arc<Mutex<Found>>,
}

#[derive(Default)]
struct Found {
    pairs: Vec<Pair>,
    /// The latest time of a frame.
    reached: Time,
}

impl Reading {
    fn new(input: &Input) -> Result<Self, Error> {
        let made = pipeline::parse(&format!("{} ! parsebin name=source", input.reader()))?;
        if let Some(recording) = made.by_name("recording") {
            recording.set_property("location", input.path.display().to_string());
        }
        let found: Arc<Mutex<Found>> = Arc::default();
        if let Some(source) = made.by_name(pipeline::SOURCE) {
            let (bin, found) = (made.downgrade(), Arc::clone(&found));
            source.connect_pad_added(move |_, pad| {
                note_pairs(pad, Arc::clone(&found));
                // Without a sink the demuxer would stop.
                let _ = bin.upgrade().and_then(|bin| pipeline::discard(&bin, pad));
            });
        }
        let pipeline = made;
        Ok(Reading { pipeline, found })
    }

    fn take(self) -> Vec<Pair> {
        std::mem::take(&mut lock(&self.found).pairs)
    }
}

fn lock(found: &Mutex<Found>) -> MutexGuard<'_, Found> {
    found.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note_pairs(pad: &gst::Pad, found: Arc<Mutex<Found>>) {
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(buffer) = info.buffer()
            && let Some(time) = stream_time(pad, buffer)
        {
            let pairs = pairs_of(pad, buffer);
            let mut found = lock(&found);
            found.reached = found.reached.max(time);
            let timed = pairs.into_iter().map(|(field, pair)| (time, field, pair));
            found.pairs.extend(timed);
        }
        gst::PadProbeReturn::Ok
    });
}

fn stream_time(pad: &gst::Pad, buffer: &gst::BufferRef) -> Option<Time> {
    let segment = pad.sticky_event::<gst::event::Segment>(0)?;
    let segment = segment.segment().downcast_ref::<gst::ClockTime>()?;
    let time = segment.to_stream_time(buffer.pts()?)?;
    Some(Time::from_nanos(time.nseconds()))
}

/// Returns what a frame carries, or what a buffer of a caption track is.
fn pairs_of(pad: &gst::Pad, buffer: &gst::BufferRef) -> Vec<(usize, [u8; 2])> {
    if let Some(packing) = packing_of_track(pad) {
        let map = buffer.map_readable();
        return map.map_or_else(|_| Vec::new(), |map| pairs(packing, &map));
    }
    let metas = buffer.iter_meta::<VideoCaptionMeta>();
    metas
        .flat_map(|meta| {
            let packing = match meta.caption_type() {
                VideoCaptionType::Cea608Raw => Packing::Raw,
                VideoCaptionType::Cea608S3341a => Packing::S334,
                VideoCaptionType::Cea708Raw => Packing::CcData,
                VideoCaptionType::Cea708Cdp => Packing::Cdp,
                _ => return Vec::new(),
            };
            pairs(packing, meta.data())
        })
        .collect()
}

fn packing_of_track(pad: &gst::Pad) -> Option<Packing> {
    let caps = pad.current_caps()?;
    let structure = caps.structure(0)?;
    let format = structure.get::<&str>("format").ok()?;
    match (structure.name().as_str(), format) {
        ("closedcaption/x-cea-608", "raw") => Some(Packing::Raw),
        ("closedcaption/x-cea-608", "s334-1a") => Some(Packing::S334),
        ("closedcaption/x-cea-708", "cc_data") => Some(Packing::CcData),
        ("closedcaption/x-cea-708", "cdp") => Some(Packing::Cdp),
        _ => None,
    }
}
