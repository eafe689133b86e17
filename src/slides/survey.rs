// SPDX-License-Identifier: MPL-2.0

//! Chooses the groups of pictures to decode.
//!
//! Key frames are cheap to decode. If two consecutive ones show the same, and no packet between
//! them is unusually large, nothing lasting happened in between, and the group need not be decoded.
//! Other groups are decoded in full, so that a change is found at its own frame.

use std::collections::VecDeque;

use super::detector::Sensitivity;
use super::picture::{Grid, Picture};
use super::region::Region;
use crate::timeline::{Span, Time};

/// Number of groups before and after a group that show what moves all the time.
const AROUND: usize = 8;
/// Share of these groups above which a differing block belongs to a webcam or a video.
const LIVE: f64 = 0.75;
/// Signs of temporary content in a group whose key frames are equal: a packet this many times as
/// large as the others, and at least this part of the key frame.
const SPIKE: u64 = 8;
const SPIKE_PART: u64 = 4;
/// Average group length above which, or number of packets below which, little would be left out.
const RARE: Time = Time::from_secs(15);
const DENSE: u64 = 4;
/// Number of packets after which this is known.
const KNOWN: u64 = 100;

/// A group from one key frame to the next.
struct Group {
    start: Time,
    key_bytes: u64,
    packets: u64,
    bytes: u64,
    largest: u64,
}

impl Group {
    fn has_spike(&self) -> bool {
        let others = self.packets.saturating_sub(1);
        others > 0
            && self.largest * others > SPIKE * (self.bytes - self.largest)
            && self.largest * SPIKE_PART > self.key_bytes
    }
}

/// The time between two key frames, and the blocks that differ.
struct Interval {
    span: Span,
    changed: Region,
    /// Blocks that differ more than a new encoding explains.
    clear: Region,
}

/// Analyses packets and key frames of a stream, and decides which groups to decode.
pub struct Survey {
    sensitivity: Sensitivity,
    group: Option<Group>,
    end: Time,
    packets: u64,
    grid: Option<Grid>,
    /// Blocks of the previous key frame.
    kept: Vec<u8>,
    last_picture: Time,
    /// A window over the intervals; the first `judged` of them have been evaluated.
    window: VecDeque<Interval>,
    judged: usize,
    chosen: Vec<Span>,
    /// Span of each group.
    spans: Vec<Span>,
}

impl Survey {
    pub fn new(sensitivity: Sensitivity) -> Self {
        Survey {
            sensitivity,
            group: None,
            end: Time::ZERO,
            packets: 0,
            grid: None,
            kept: Vec::new(),
            last_picture: Time::ZERO,
            window: VecDeque::new(),
            judged: 0,
            chosen: Vec::new(),
            spans: Vec::new(),
        }
    }

    /// Adds a packet of the encoded stream, in the stream's order. `time` is the presentation time
    /// of its frame. Returns whether that frame is needed: key frames are, as long as leaving out
    /// the others pays.
    pub fn packet(&mut self, time: Time, bytes: u64, key: bool) -> bool {
        self.end = self.end.max(time);
        self.packets += 1;
        if key {
            if let Some(group) = self.group.take() {
                let span = Span::new(group.start, time);
                self.spans.push(span);
                if group.has_spike() {
                    self.chosen.push(span);
                }
            }
            self.group = Some(Group {
                start: time,
                key_bytes: bytes,
                packets: 0,
                bytes: 0,
                largest: 0,
            });
        } else if let Some(group) = &mut self.group {
            group.packets += 1;
            group.bytes += bytes;
            group.largest = group.largest.max(bytes);
        }
        key && !self.is_dense()
    }

    fn is_dense(&self) -> bool {
        self.packets >= KNOWN && self.packets < self.spans.len() as u64 * DENSE
    }

    /// Adds a decoded key frame.
    pub fn picture(&mut self, picture: &Picture, time: Time) {
        let span = Span::new(self.last_picture, time);
        self.last_picture = time;
        let Some(grid) = self.grid.as_ref().filter(|grid| grid.fits(picture)) else {
            // The size is new: the content is not comparable, so the change has to be examined.
            let grid = Grid::new(picture, self.sensitivity);
            self.judge_rest();
            if self.grid.is_some() {
                self.chosen.push(span);
            }
            self.window.clear();
            self.judged = 0;
            self.kept = vec![0; grid.blocks() * grid.block_len];
            grid.keep_all(picture, &mut self.kept);
            self.grid = Some(grid);
            return;
        };
        let mut changed = Region::new(grid.columns, grid.rows);
        let mut clear = changed.clone();
        let mut latest = vec![0; grid.block_len];
        for (index, kept) in self.kept.chunks_exact_mut(grid.block_len).enumerate() {
            let (column, row) = (index % grid.columns, index / grid.columns);
            let residual = grid.residual(picture, column, row, kept);
            if !grid.is_moved(residual) {
                continue;
            }
            grid.keep(picture, column, row, &mut latest);
            if !grid.same_content(kept, &latest) {
                changed.insert(index);
                if grid.is_clear(residual) {
                    clear.insert(index);
                }
            }
            kept.copy_from_slice(&latest);
        }
        self.window.push_back(Interval {
            span,
            changed,
            clear,
        });
        if self.window.len() > self.judged + AROUND {
            self.judge();
        }
        if self.window.len() > 2 * AROUND + 1 {
            self.window.pop_front();
            self.judged -= 1;
        }
    }

    /// Evaluates the next interval in the window by those around it.
    fn judge(&mut self) {
        let Some(interval) = self.window.get(self.judged) else {
            return;
        };
        let live = |block: &usize| {
            let differs = self
                .window
                .iter()
                .filter(|other| other.changed.contains(*block));
            differs.count() as f64 >= (self.window.len() as f64 * LIVE).max(3.0)
        };
        let live = interval
            .changed
            .with((0..interval.changed.grid_len()).filter(live))
            .boxed();
        let changed = interval.changed.without(&live);
        if changed.is_content(&interval.clear) {
            self.chosen.push(interval.span);
        }
        self.judged += 1;
    }

    /// Returns groups shortened by an encoder of regular key frames because a new scene began.
    fn cut_short(&self) -> Vec<Span> {
        let longest = self.spans.iter().map(|span| span.duration()).max();
        let least = longest.unwrap_or_default().nanos() / 20 * 19;
        let short: Vec<Span> = self
            .spans
            .iter()
            .copied()
            .filter(|span| span.duration().nanos() < least)
            .collect();
        let is_regular = short.len() * 2 <= self.spans.len();
        if is_regular { short } else { Vec::new() }
    }

    fn judge_rest(&mut self) {
        while self.judged < self.window.len() {
            self.judge();
        }
    }

    /// Ends the stream: returns the spans whose groups are to be decoded, in order. Returns `None`
    /// if all are, because there are few or only key frames.
    pub fn finish(mut self) -> Option<Vec<Span>> {
        self.judge_rest();
        let average = self.end.nanos() / (self.spans.len() as u64 + 1);
        if self.spans.is_empty() || self.is_dense() || average > RARE.nanos() {
            return None;
        }
        let short = self.cut_short();
        self.chosen.extend(short);
        // The last group has no key frame after it.
        self.chosen.push(Span::new(self.last_picture, Time::MAX));
        self.chosen.sort();
        let mut spans: Vec<Span> = Vec::new();
        for span in self.chosen {
            match spans.last_mut() {
                Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
                _ => spans.push(span),
            }
        }
        Some(spans)
    }
}
