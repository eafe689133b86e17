// SPDX-License-Identifier: MPL-2.0

//! What is heard and seen now, worked out from segments and running time. The buffers that pass
//! are up to a second ahead of that and only bound it.

use std::collections::VecDeque;

use crate::xapi::Input;

/// A position moved by less than this is the same place: a flush to change a filter, the rounding
/// of a seek. Milliseconds; a frame at 25 frames a second.
const SAME_PLACE: u64 = 40;
/// A change of rate is a seek to where the player last asked for the position, a moment ago.
const RATE_CHANGE: u64 = 500;
/// When this stream has ended others of the pipeline may go on, a little; the position follows the
/// clock so far (milliseconds).
pub const OVERRUN: u64 = 1000;

/// What the positions say happened.
#[derive(Debug, PartialEq)]
pub enum Happening {
    Did(Input),
    /// Another medium begins; where the old one stands, and where the new one.
    NewStream {
        from: u64,
        to: u64,
    },
}

/// A segment, and what of it has passed.
#[derive(Debug)]
struct Piece {
    segment: gst::FormattedSegment<gst::ClockTime>,
    /// Milliseconds of stream time.
    start: u64,
    passed: u64,
    ended: bool,
    /// It belongs to another medium than the piece before.
    new_stream: bool,
}

/// A rate that was changed without a seek, and since when (GST_SEEK_FLAG_INSTANT_RATE_CHANGE).
#[derive(Clone, Copy, Debug)]
struct InstantRate {
    multiplier: f64,
    running_time: gst::ClockTime,
    upstream_running_time: gst::ClockTime,
}

/// Follows one pad.
#[derive(Debug, Default)]
pub struct Track {
    /// The one that is heard, then those that buffers have reached already.
    pieces: VecDeque<Piece>,
    latency: gst::ClockTime,
    instant: Option<InstantRate>,
    /// Where playback stands while the clock says nothing.
    held: u64,
    playing: bool,
    /// Flushed while this was the base time; until there is another one, running time says nothing.
    frozen: Option<gst::ClockTime>,
    /// Where playback stood before the flush.
    flushed_at: Option<u64>,
    seqnum: Option<gst::Seqnum>,
    stream: Option<String>,
    new_stream: bool,
    /// The rate of the last segment.
    last_rate: Option<f64>,
    /// Length of the last buffer, in milliseconds.
    frame: u64,
    /// A buffer or a gap has passed.
    saw_media: bool,
}

impl Piece {
    fn rate(&self) -> f64 {
        self.segment.rate()
    }

    fn base(&self) -> gst::ClockTime {
        self.segment.base().unwrap_or(gst::ClockTime::ZERO)
    }

    /// The farthest position that can be heard.
    fn limit(&self) -> u64 {
        if self.ended {
            self.passed + OVERRUN
        } else {
            self.passed
        }
    }
}

impl Track {
    /// Something can be played.
    pub fn has_segment(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// The running time to go by, `None` where it says nothing.
    pub fn clock(
        &mut self,
        base_time: Option<gst::ClockTime>,
        running_time: Option<gst::ClockTime>,
    ) -> Option<gst::ClockTime> {
        if self.frozen.is_some() && self.frozen == base_time {
            return None;
        }
        self.frozen = None;
        running_time
    }

    /// How fast the media runs.
    pub fn rate(&self) -> f64 {
        let multiplier = self.instant.map_or(1.0, |instant| instant.multiplier);
        self.pieces.front().map_or(1.0, Piece::rate) * multiplier
    }

    pub fn is_playing(&self) -> bool {
        self.playing
    }

    pub fn frame(&self) -> u64 {
        self.frame
    }

    pub fn saw_media(&self) -> bool {
        self.saw_media
    }

    /// Everything of the last medium has passed.
    pub fn ended(&self) -> bool {
        self.pieces.len() == 1 && self.pieces[0].ended
    }

    /// The position, in milliseconds, at this running time.
    pub fn position(&self, running_time: Option<gst::ClockTime>) -> u64 {
        let (Some(piece), Some(now)) = (self.pieces.front(), running_time) else {
            return self.held;
        };
        if !self.playing {
            return self.held;
        }
        let now = self.media_time(now);
        let position = piece
            .segment
            .position_from_running_time(now)
            .and_then(|position| piece.segment.to_stream_time(position))
            .map(gst::ClockTime::mseconds);
        match position {
            Some(position) if piece.rate() < 0.0 => position,
            Some(position) => position.clamp(piece.start, piece.limit().max(piece.start)),
            None if now < piece.base() => piece.start,
            None => piece.limit().max(piece.start),
        }
    }

    /// The farthest position that can be heard once everything has passed, at most the length.
    pub fn end(&self, length: Option<u64>) -> Option<u64> {
        let end = self.pieces.back().filter(|_| self.ended())?.limit();
        Some(length.map_or(end, |length| end.min(length)))
    }

    /// When the next piece begins to be heard.
    pub fn next_piece(&self) -> Option<gst::ClockTime> {
        self.pieces.get(1).map(|piece| piece.base() + self.latency)
    }

    /// Moves on to the piece that is heard at this running time.
    pub fn advance(&mut self, running_time: Option<gst::ClockTime>) -> Vec<Happening> {
        let mut happenings = Vec::new();
        let Some(now) = running_time.filter(|_| self.playing) else {
            return happenings;
        };
        let now = self.media_time(now);
        while self.pieces.get(1).is_some_and(|next| next.base() <= now) {
            let Some(old) = self.pieces.pop_front() else {
                break;
            };
            let (to, rate, new_stream) = {
                let new = &self.pieces[0];
                (new.start, new.rate(), new.new_stream)
            };
            if new_stream {
                happenings.push(Happening::Did(Input::End {
                    at: old.passed,
                    frame: self.frame,
                }));
                happenings.push(Happening::NewStream {
                    from: old.passed,
                    to,
                });
            } else {
                happenings.extend(jump(old.passed, to, old.rate(), rate));
            }
            self.held = to;
        }
        happenings
    }

    pub fn stream_start(&mut self, stream_id: &str) {
        // A demuxer's streams are called after their file: what stands before the slash is the
        // same for another audio track of the same file.
        let medium = stream_id.split('/').next().unwrap_or(stream_id);
        if self
            .stream
            .as_deref()
            .is_some_and(|before| before != medium)
        {
            self.new_stream = true;
        }
        self.stream = Some(medium.to_owned());
    }

    pub fn segment(
        &mut self,
        segment: gst::FormattedSegment<gst::ClockTime>,
        seqnum: gst::Seqnum,
    ) -> Vec<Happening> {
        let first = if segment.rate() < 0.0 {
            segment.stop()
        } else {
            segment.start()
        };
        let start = first
            .and_then(|first| segment.to_stream_time(first))
            .map_or(0, gst::ClockTime::mseconds);
        let known = self.seqnum.replace(seqnum) == Some(seqnum);
        let new_stream = std::mem::take(&mut self.new_stream);
        let rate = segment.rate();
        // The same segment again, as on a change of caps, says nothing.
        if !new_stream
            && self
                .pieces
                .back()
                .is_some_and(|piece| piece.segment == segment)
        {
            return Vec::new();
        }
        let mut happenings = Vec::new();
        let was_empty = self.pieces.is_empty();
        if was_empty {
            let from = self.flushed_at.take();
            if new_stream {
                let from = from.unwrap_or(self.held);
                happenings.push(Happening::NewStream { from, to: start });
            } else if let Some((from, old_rate)) = from.zip(self.last_rate)
                && !known
            {
                happenings.extend(jump(from, start, old_rate, rate));
            }
            self.held = start;
        }
        self.last_rate = Some(rate);
        self.pieces.push_back(Piece {
            segment,
            start,
            passed: start,
            ended: false,
            new_stream: new_stream && !was_empty,
        });
        happenings
    }

    /// A buffer passes.
    pub fn buffer(&mut self, buffer: &gst::BufferRef) {
        self.saw_media = true;
        let Some(piece) = self.pieces.back_mut() else {
            return;
        };
        let Some(pts) = buffer.pts().or(buffer.dts()) else {
            return;
        };
        let duration = buffer.duration().unwrap_or(gst::ClockTime::ZERO);
        let end = piece
            .segment
            .stop()
            .map_or(pts + duration, |stop| (pts + duration).min(stop));
        if let Some(end) = piece.segment.to_stream_time(end) {
            piece.passed = piece.passed.max(end.mseconds());
        }
        self.frame = duration.mseconds();
    }

    /// A gap passes.
    pub fn gap(&mut self, start: gst::ClockTime, duration: Option<gst::ClockTime>) {
        self.saw_media = true;
        if let Some(piece) = self.pieces.back_mut() {
            let end = start + duration.unwrap_or(gst::ClockTime::ZERO);
            if let Some(end) = piece.segment.to_stream_time(end) {
                piece.passed = piece.passed.max(end.mseconds());
            }
        }
    }

    pub fn eos(&mut self) {
        if let Some(piece) = self.pieces.back_mut() {
            piece.ended = true;
        }
    }

    /// `asked` is what is shown now by those downstream, who know it best.
    pub fn flush_start(
        &mut self,
        base_time: Option<gst::ClockTime>,
        running_time: Option<gst::ClockTime>,
        asked: Option<u64>,
    ) {
        let limit = self.pieces.front().map_or(0, Piece::limit);
        let worked_out = self.position(running_time);
        let shown = asked.filter(|asked| running_time.is_some() && self.playing && *asked <= limit);
        // Of several flushes before a segment the first one left the old position.
        if self.has_segment() {
            self.held = shown.unwrap_or(worked_out);
            self.flushed_at.get_or_insert(self.held);
        }
        self.pieces.clear();
        self.instant = None;
        self.frozen = base_time.filter(|_| self.playing);
    }

    pub fn latency(&mut self, latency: gst::ClockTime) {
        self.latency = latency;
    }

    /// From this running time on the media runs faster or slower.
    pub fn instant_rate(
        &mut self,
        multiplier: f64,
        running_time: gst::ClockTime,
        upstream_running_time: gst::ClockTime,
    ) {
        self.instant = Some(InstantRate {
            multiplier,
            running_time,
            upstream_running_time,
        });
    }

    /// The base time is right from now on.
    pub fn play(&mut self) {
        self.playing = true;
        self.frozen = None;
    }

    pub fn pause(&mut self, running_time: Option<gst::ClockTime>) {
        self.held = self.position(running_time);
        self.playing = false;
    }

    /// What part of the media is due at this running time, on the segments' scale.
    fn media_time(&self, running_time: gst::ClockTime) -> gst::ClockTime {
        let now = running_time.saturating_sub(self.latency);
        match self.instant {
            Some(instant) if now >= instant.running_time => {
                let since = (now - instant.running_time).nseconds() as f64 * instant.multiplier;
                instant.upstream_running_time + gst::ClockTime::from_nseconds(since.max(0.0) as u64)
            }
            _ => now,
        }
    }
}

/// What a move from one position to another is called.
fn jump(from: u64, to: u64, old_rate: f64, rate: f64) -> Vec<Happening> {
    let mut happenings = Vec::new();
    let back = if old_rate == rate {
        SAME_PLACE
    } else {
        RATE_CHANGE
    };
    if to > from + SAME_PLACE || to + back < from {
        happenings.push(Happening::Did(Input::Seek { from, to }));
    }
    if old_rate != rate {
        happenings.push(Happening::Did(Input::Rate { at: to, rate }));
    }
    happenings
}
