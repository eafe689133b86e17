// SPDX-License-Identifier: MPL-2.0

//! The track of a pad: its stream, its place in time, and the file that takes it.

use std::sync::{Arc, Mutex};

use super::codec::Stream;
use super::writer::Writer;
use crate::elements::shared::lock::lock;
use crate::record::layout::Source;
use crate::record::live::Retry;
use crate::record::session::Participant;
use crate::timeline::Time;

/// A track whose time jumps back by more than this gets another file. Frames that are shown in another
/// order than they are sent, and corrections of a clock, stay below it.
const LONGEST_STEP_BACK: Time = Time::from_secs(1);

/// The track of a pad.
#[derive(Default)]
pub struct Branch {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    segment: gst::FormattedSegment<gst::ClockTime>,
    caps: Option<gst::Caps>,
    stream: Option<Stream>,
    writer: Option<Arc<Writer>>,
    owner: Option<(Participant, Source)>,
    last: Time,
    is_discontinuous: bool,
    has_ended: bool,
    retry: Retry,
}

/// Treatment of a buffer.
pub enum Next {
    Push(Arc<Writer>),
    /// Its file is to be opened, after the one before is finished.
    Open(Stream, gst::Caps, Option<Arc<Writer>>),
    Drop,
}

impl Branch {
    /// Sets the segment. Returns `false` if it has another format than time.
    pub fn set_segment(&self, segment: &gst::Segment) -> bool {
        let Some(segment) = segment.downcast_ref::<gst::ClockTime>() else {
            return false;
        };
        lock(&self.state).segment = segment.clone();
        true
    }

    /// Sets the caps of the stream. Returns the file that they end, and the name of a codec that is not
    /// recorded as an error.
    pub fn set_caps(&self, caps: &gst::Caps) -> (Option<Arc<Writer>>, Result<(), String>) {
        let stream = Stream::from_caps(caps);
        let mut state = lock(&self.state);
        state.caps = Some(caps.clone());
        match stream {
            Ok(stream) => {
                let is_same = state.stream.as_ref() == Some(&stream);
                state.stream = Some(stream);
                if !is_same {
                    return (state.writer.take(), Ok(()));
                }
                let writer = state.writer.clone();
                drop(state);
                if let Some(writer) = writer {
                    writer.set_caps(caps);
                }
                (None, Ok(()))
            }
            Err(codec) => {
                state.stream = None;
                (state.writer.take(), Err(codec))
            }
        }
    }

    /// Gives a buffer running times instead of its own. Returns `None` for one that is outside of its
    /// segment.
    pub fn place(&self, mut buffer: gst::Buffer) -> Option<(gst::Buffer, Time)> {
        let mut state = lock(&self.state);
        if state.has_ended {
            return None;
        }
        let running = |time: Option<gst::ClockTime>| state.segment.to_running_time(time?);
        let (pts, dts) = (running(buffer.pts()), running(buffer.dts()));
        if buffer.dts_or_pts().is_some() && pts.or(dts).is_none() {
            return None;
        }
        let time = pts.or(dts).map(|time| Time::from_nanos(time.nseconds()));
        let time = time.unwrap_or(state.last);
        let is_discontinuous = std::mem::take(&mut state.is_discontinuous);
        drop(state);
        let placed = buffer.make_mut();
        placed.set_pts(pts);
        placed.set_dts(dts);
        if is_discontinuous {
            placed.set_flags(gst::BufferFlags::DISCONT);
        }
        Some((buffer, time))
    }

    /// Returns the treatment of a buffer of this time.
    pub fn next(&self, time: Time) -> Next {
        let mut state = lock(&self.state);
        let is_back = time.saturating_add(LONGEST_STEP_BACK) < state.last;
        state.last = if is_back { time } else { state.last.max(time) };
        match (&state.writer, &state.stream, &state.caps) {
            (Some(writer), _, _) if !is_back => Next::Push(writer.clone()),
            (_, Some(stream), Some(caps)) if state.retry.is_due(time) || is_back => {
                let (stream, caps) = (stream.clone(), caps.clone());
                Next::Open(stream, caps, state.writer.take())
            }
            _ => Next::Drop,
        }
    }

    /// Notes the time of a buffer that is not recorded: its participant leaves at the last one.
    pub fn pass(&self, time: Time) {
        let mut state = lock(&self.state);
        state.last = state.last.max(time);
    }

    pub fn set_writer(&self, writer: Arc<Writer>) {
        lock(&self.state).writer = Some(writer);
    }

    /// Records that a file has failed; another one is opened after a while. Returns whether the file
    /// is that of this track.
    pub fn fail(&self, failed: Option<&Arc<Writer>>) -> bool {
        let mut state = lock(&self.state);
        let is_own = match (&state.writer, failed) {
            (Some(writer), Some(failed)) => Arc::ptr_eq(writer, failed),
            (None, None) => true,
            _ => false,
        };
        if is_own {
            state.writer = None;
            let now = state.last;
            state.retry.fail(now);
        }
        is_own
    }

    /// Sets who sends the track, when its stream starts.
    pub fn set_owner(&self, owner: (Participant, Source)) {
        lock(&self.state).owner = Some(owner);
    }

    pub fn owner(&self) -> Option<(Participant, Source)> {
        lock(&self.state).owner.clone()
    }

    /// Ends the track. Returns its file and its owner, to be ended too, and the time of the end.
    pub fn end(&self) -> (Option<Arc<Writer>>, Option<Participant>, Time) {
        let mut state = lock(&self.state);
        state.has_ended = true;
        let owner = state.owner.take().map(|(participant, _)| participant);
        (state.writer.take(), owner, state.last)
    }

    pub fn has_ended(&self) -> bool {
        lock(&self.state).has_ended
    }

    /// Begins another stream on the pad.
    pub fn start_stream(&self) {
        lock(&self.state).has_ended = false;
    }

    /// Forgets the place in time.
    pub fn flush(&self) {
        let mut state = lock(&self.state);
        state.segment = gst::FormattedSegment::new();
        state.is_discontinuous = true;
    }
}
