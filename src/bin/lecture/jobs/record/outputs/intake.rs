// SPDX-License-Identifier: MPL-2.0

//! The frames that an output takes from the composite.

use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gstlecture::record::live::{Feed, Pass, Pauses, Snapshots};
use gstlecture::timeline::Time;

use super::super::hole::Holes;
use super::super::tap::{request_key_frame, tap};

/// The choice among the frames of a stream.
pub enum Choice {
    /// All outside of pauses, which are closed up.
    All(Feed),
    /// One per interval, at the time of the session.
    Snapshots(Arc<Mutex<Snapshots>>),
}

impl Choice {
    /// Decides on a frame. Returns by how much it is moved, unless it is dropped, and whether a key frame
    /// is needed.
    fn pass(&mut self, frame: &Frame, pauses: &Pauses) -> (Option<Time>, bool) {
        match self {
            Choice::All(feed) => {
                if frame.is_after_loss {
                    feed.lose();
                }
                let verdict = feed.pass(frame.time, frame.is_key, pauses);
                let is_written = verdict.pass == Pass::Write;
                let moved = is_written.then(|| pauses.before(frame.time));
                (moved, verdict.needs_key_frame)
            }
            Choice::Snapshots(shots) => {
                let mut shots = shots.lock().unwrap_or_else(PoisonError::into_inner);
                let pass = shots.pass(frame.time, frame.is_key, pauses);
                let moved = (pass == Pass::Write).then_some(Time::ZERO);
                (moved, pass == Pass::Request)
            }
        }
    }
}

struct Frame {
    time: Time,
    is_key: bool,
    is_after_loss: bool,
}

impl Frame {
    /// Describes a buffer; `last` is the number of the one before it.
    fn of(buffer: &gst::BufferRef, last: &mut Option<u64>) -> Option<Self> {
        let number = buffer.offset();
        let before = last.replace(number);
        let time = buffer.pts().or(buffer.dts())?;
        Some(Frame {
            time: Time::from_nanos(time.nseconds()),
            is_key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
            is_after_loss: before.is_some_and(|before| before.checked_add(1) != Some(number)),
        })
    }
}

/// Copies the stream of a pad of the composite to the source of an output.
pub fn connect(from: &gst::Pad, source: &gst_app::AppSrc, choice: Choice, holes: &Holes) {
    let Some(own) = source.static_pad("src") else {
        return;
    };
    let choice = Mutex::new((choice, None));
    let (holes, sender) = (holes.clone(), from.downgrade());
    own.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let Some(buffer) = info.buffer_mut() else {
            return gst::PadProbeReturn::Ok;
        };
        let (moved, needs_key_frame) = {
            let mut choice = choice.lock().unwrap_or_else(PoisonError::into_inner);
            let (choice, last) = &mut *choice;
            let Some(frame) = Frame::of(buffer, last) else {
                return gst::PadProbeReturn::Handled;
            };
            holes.with(|pauses| choice.pass(&frame, pauses))
        };
        if needs_key_frame && let Some(sender) = sender.upgrade() {
            request_key_frame(&sender);
        }
        let Some(moved) = moved else {
            return gst::PadProbeReturn::Handled;
        };
        let moved = gst::ClockTime::from_nseconds(moved.nanos());
        let buffer = buffer.make_mut();
        buffer.set_pts(buffer.pts().map(|time| time.saturating_sub(moved)));
        buffer.set_dts(buffer.dts().map(|time| time.saturating_sub(moved)));
        gst::PadProbeReturn::Ok
    });
    tap(from, source.clone());
}
