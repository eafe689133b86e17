// SPDX-License-Identifier: MPL-2.0

//! The current playback position, derived from segments and running time. Passing buffers are up to
//! a second ahead of it and only limit it.

use std::collections::VecDeque;

use crate::xapi::Input;

/// Largest move in milliseconds that counts as the same position: a flush to change a filter, the
/// rounding of a seek. It is a frame at 25 frames per second.
const SAME_PLACE: u64 = 40;
/// Tolerance in milliseconds: a change of rate is a seek to the position that the player queried a
/// moment ago.
const RATE_CHANGE: u64 = 500;
/// Time in milliseconds for which the position follows the clock after this stream has ended,
/// because other streams of the pipeline may continue a little.
pub const OVERRUN: u64 = 1000;

/// Events derived from the positions.
#[derive(Debug, PartialEq)]
pub enum Happening {
    Did(Input),
    /// Another medium begins; contains the positions in the old one and in the new one.
    NewStream {
        from: u64,
        to: u64,
    },
}

/// A segment, and its part that has passed.
#[derive(Debug)]
struct Piece {
    segment: gst::FormattedSegment<gst::ClockTime>,
    /// Start in milliseconds of stream time.
    start: u64,
    passed: u64,
    ended: bool,
    /// Whether it belongs to another medium than the previous piece.
    new_stream: bool,
}

/// A rate that was changed without a seek, and its start (GST_SEEK_FLAG_INSTANT_RATE_CHANGE).
#[derive(Clone, Copy, Debug)]
struct InstantRate {
    multiplier: f64,
    running_time: gst::ClockTime,
    upstream_running_time: gst::ClockTime,
}

/// Follows one pad.
#[derive(Debug, Default)]
pub struct Track {
    /// The piece that is being played, then those that buffers have reached already.
    pieces: VecDeque<Piece>,
    latency: gst::ClockTime,
    instant: Option<InstantRate>,
    /// Playback position while the clock gives none.
    held: u64,
    playing: bool,
    /// Base time at the last flush; until there is another one, running time is meaningless.
    frozen: Option<gst::ClockTime>,
    /// Playback position before the flush.
    flushed_at: Option<u64>,
    seqnum: Option<gst::Seqnum>,
    stream: Option<String>,
    new_stream: bool,
    /// Rate of the last segment.
    last_rate: Option<f64>,
    /// Duration of the last buffer, in milliseconds.
    frame: u64,
    /// Whether a buffer or a gap has passed.
    saw_media: bool,
}

impl Piece {
    fn rate(&self) -> f64 {
        self.segment.rate()
    }

    fn base(&self) -> gst::ClockTime {
        self.segment.base().unwrap_or(gst::ClockTime::ZERO)
    }

    /// Returns the farthest position that can be played.
    fn limit(&self) -> u64 {
        if self.ended {
            self.passed + OVERRUN
        } else {
            self.passed
        }
    }
}

impl Track {
    /// Returns whether something can be played.
    pub fn has_segment(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// Returns the running time to use, or `None` if it gives no position.
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

    /// Returns the speed of the media.
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

    /// Returns whether everything of the last medium has passed.
    pub fn ended(&self) -> bool {
        self.pieces.len() == 1 && self.pieces[0].ended
    }

    /// Returns the position, in milliseconds, at this running time.
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

    /// Returns the farthest position that can be played once everything has passed, at most the
    /// length.
    pub fn end(&self, length: Option<u64>) -> Option<u64> {
        let end = self.pieces.back().filter(|_| self.ended())?.limit();
        Some(length.map_or(end, |length| end.min(length)))
    }

    /// Returns the time at which the next piece begins to play.
    pub fn next_piece(&self) -> Option<gst::ClockTime> {
        self.pieces.get(1).map(|piece| piece.base() + self.latency)
    }

    /// Moves to the piece that is played at this running time.
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
        // A demuxer's streams are named after their file: the part before the slash is the same for
        // another audio track of the same file.
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
        // The same segment again, for example on a change of caps, is ignored.
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

    /// Handles a buffer.
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

    /// Handles a gap.
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

    /// Handles the start of a flush. `asked` is the position reported by downstream, which knows it
    /// best.
    pub fn flush_start(
        &mut self,
        base_time: Option<gst::ClockTime>,
        running_time: Option<gst::ClockTime>,
        asked: Option<u64>,
    ) {
        let limit = self.pieces.front().map_or(0, Piece::limit);
        let worked_out = self.position(running_time);
        let shown = asked.filter(|asked| running_time.is_some() && self.playing && *asked <= limit);
        // If several flushes precede a segment, the first one left the old position.
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

    /// Handles a change of speed from this running time on.
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

    /// Handles PLAYING: the base time is valid from now on.
    pub fn play(&mut self) {
        self.playing = true;
        self.frozen = None;
    }

    pub fn pause(&mut self, running_time: Option<gst::ClockTime>) {
        self.held = self.position(running_time);
        self.playing = false;
    }

    /// Returns the media time due at this running time, on the segments' scale.
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

/// Returns the happening for a move from one position to another.
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
