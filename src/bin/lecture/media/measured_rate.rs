// SPDX-License-Identifier: MPL-2.0

//! The frame rate of a video whose container names none, or a mean, measured on its first frames.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gstlecture::timeline::{Time, steady_rate};

use crate::engine::pipeline::{self, Running};

/// Number of frames that are looked at: 6 seconds at 25 per second.
const FRAMES: usize = 150;
/// Longest time that this takes.
const LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// Returns the constant frame rate of the stream with this identifier; `None` if it has none.
pub fn measure(path: &Path, stream_id: &str) -> Option<(u32, u32)> {
    steady_rate::of_times(&first_times(path, stream_id)?)
}

/// Returns whether frames of the stream with this identifier come faster than at this rate.
pub fn is_denser(path: &Path, stream_id: &str, rate: (u32, u32)) -> bool {
    let times = first_times(path, stream_id);
    times.is_some_and(|times| steady_rate::is_denser(&times, rate))
}

/// Returns the times of the first frames of a stream.
fn first_times(path: &Path, stream_id: &str) -> Option<Vec<Time>> {
    let made = pipeline::parse("filesrc name=recording ! parsebin name=source").ok()?;
    let running = Running(&made);
    made.by_name("recording")?.set_property("location", path);
    let source = made.by_name(pipeline::SOURCE)?;
    let times: Arc<Mutex<Vec<Time>>> = Arc::default();
    source.connect_pad_added({
        let bin = made.downgrade();
        let (times, wanted) = (times.clone(), stream_id.to_owned());
        move |_, pad| {
            if pad.stream_id().is_some_and(|id| id.as_str() == wanted) {
                note_times(pad, times.clone());
            }
            // Without a sink the demuxer would stop.
            let _ = bin.upgrade().and_then(|bin| pipeline::discard(&bin, pad));
        }
    });
    let _ = made.set_state(gst::State::Playing);
    let bus = made.bus()?;
    let started = Instant::now();
    let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
    let count = || times.lock().unwrap_or_else(PoisonError::into_inner).len();
    while count() < FRAMES && started.elapsed() < LIMIT {
        let wait = gst::ClockTime::try_from(POLL).ok();
        if bus.timed_pop_filtered(wait, &kinds).is_some() {
            break;
        }
    }
    drop(running);
    let times = times.lock().unwrap_or_else(PoisonError::into_inner);
    Some(times.clone())
}

fn note_times(pad: &gst::Pad, times: Arc<Mutex<Vec<Time>>>) {
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
        let time = info
            .buffer()
            .and_then(|buffer| buffer.pts().or(buffer.dts()));
        if let Some(time) = time
            && times.len() < FRAMES
        {
            times.push(Time::from_nanos(time.nseconds()));
        }
        gst::PadProbeReturn::Ok
    });
}
