// SPDX-License-Identifier: MPL-2.0

//! The detector: keeps the last content of each block, and decides which changes are slide changes.

use super::content::{self, Block as Look};
use super::picture::{Grid, Picture};
use super::region::{CLEAR_BLOCKS, Region, WORD_GAP};
use super::restless::Restless;
use super::shown::{Reduced, Shown};
use super::sweep::{self, Motion, Sweeps};
use crate::timeline::{Span, Time};

/// Time after which an unchanged block has settled.
const HOLD: Time = Time::from_millis(1500);
/// Time between a change and its evaluation, after which it is known whether its surroundings move.
const JUDGE: Time = Time::from_millis(7000);
/// Longest time that a small passing object is visible: a notice that pops up, a resting pointer,
/// somebody who walks past the screen.
const PASSING: Time = Time::from_millis(9000);
/// Least percentage of a passing object's blocks that show their previous content again: a slide
/// may have changed behind it.
const PASSED: usize = 60;
/// Longest time between block changes that belong to one change.
const TOGETHER: Time = Time::from_millis(700);
/// Interval at which activity is counted, or one frame if frames are further apart.
const TICK: Time = Time::SECOND;
/// Time before a change in which moving blocks are searched for, and the least number of ticks for
/// it.
const BEFORE: Time = Time::from_secs(24);
const TICKS_BEFORE: u32 = 4;
/// Time before and after a change within which moving blocks may be the change itself.
const TURNS: Time = Time::from_millis(1500);
/// Exact number of ticks after a change in which moving blocks are searched for, however far apart
/// they are.
const TICKS_AFTER: u32 = 6;
const LEAST_TICKS_AFTER: u32 = 3;

/// Sensitivity to small differences, from 0 (only large ones) to 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sensitivity(f64);

impl Sensitivity {
    pub fn new(value: f64) -> Self {
        Sensitivity(value.clamp(0.0, 1.0))
    }

    /// Returns the residual of a block of 16 x 16 pixels that counts as a change. At the default of
    /// 0.5 it is a few letters in light grey.
    pub(super) fn moved(self) -> u32 {
        (420.0 * (8f64).powf(1.0 - 2.0 * self.0)) as u32
    }
}

impl Default for Sensitivity {
    fn default() -> Self {
        Sensitivity(0.5)
    }
}

/// A lasting change of the content.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Change {
    /// Time of the change: the first frame that shows it, the middle of a transition.
    pub time: Time,
    /// The last time at which the earlier content was seen. If every frame is available, this is
    /// one frame before `time`. With key frames only, the change happened somewhere in between.
    pub after: Time,
    /// Part of the frame that changed, without what moves all the time: above 0, at most 1.
    pub difference: f64,
    /// Time when this content was first shown, if it was shown before.
    pub same_as: Option<Time>,
    /// Whether most of one camera frame was replaced by another: a cut between two cameras, or
    /// between two photographs.
    pub is_camera_cut: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Holds its settled content.
    Settled,
    /// Has left its settled content, and has not been still since.
    Changing,
}

/// State of a block. Its pixels are in `Detector::{latest, settled, earlier}`.
#[derive(Clone, Copy)]
struct Block {
    state: State,
    /// Time when the latest content was first seen.
    since: Time,
    /// Time when it last left its settled content.
    left: Time,
    /// Time of the strongest change since the block left its settled content, its strength, and the
    /// time of the frame before it.
    peak: Time,
    peak_residual: u32,
    peak_after: Time,
    /// One bit per tick, the present one lowest: whether the block changed without having been
    /// still.
    activity: u64,
    /// A change since the last slide change that is too small to be distinguished from a cursor.
    small: Option<Record>,
}

/// A block that changed and became still.
#[derive(Clone, Copy, Debug)]
struct Record {
    block: usize,
    time: Time,
    after: Time,
    /// Start of the change.
    left: Time,
    weight: u32,
    /// Means of its earlier content.
    before: [u8; 4],
    /// Whether it returned to its earlier content.
    reverted: bool,
}

/// State of a stream of frames of one size.
struct Field {
    grid: Grid,
    blocks: Vec<Block>,
    /// Pixels of each block: last changed content, settled content, settled content before that.
    latest: Vec<u8>,
    settled: Vec<u8>,
    earlier: Vec<u8>,
    /// Start of the present tick, and number of ticks so far.
    tick_start: Time,
    /// Start of each tick that `Block::activity` still contains, latest last.
    ticks: std::collections::VecDeque<Time>,
    records: Vec<Record>,
    /// Regions of passing objects, with their end times.
    passing: Vec<(Region, Time)>,
    restless: Restless,
    sweeps: Sweeps,
    /// Times of the last change and of earlier ones that matter for the motion before it.
    found: std::collections::VecDeque<Time>,
}

/// Finds lasting changes in a stream of frames.
pub struct Detector {
    sensitivity: Sensitivity,
    field: Option<Field>,
    shown: Shown,
    /// Time of the last frame, and the time until which it is known to have been shown.
    last_seen: Time,
    last_until: Time,
    /// Time of the last reported change.
    last_change: Option<Time>,
}

impl Detector {
    pub fn new(sensitivity: Sensitivity) -> Self {
        Detector {
            sensitivity,
            field: None,
            shown: Shown::default(),
            last_seen: Time::ZERO,
            last_until: Time::ZERO,
            last_change: None,
        }
    }

    /// Discards all state.
    pub fn reset(&mut self) {
        *self = Detector::new(self.sensitivity);
    }

    /// Adds the next frame. `shown_for` is the time for which it is known to be on screen; `None`
    /// means until the next one. Returns the changes that are now certain; they are in the past.
    ///
    /// A frame with an earlier time than the last one starts a new stream.
    pub fn push(&mut self, picture: &Picture, time: Time, shown_for: Option<Time>) -> Vec<Change> {
        if time < self.last_seen {
            self.reset();
        }
        let mut changes = Vec::new();
        if !matches!(&self.field, Some(field) if field.grid.fits(picture)) {
            changes = self.finish();
            let field = Field::new(picture, time, self.sensitivity);
            let live = Region::new(field.grid.columns, field.grid.rows);
            self.shown.recall(time, field.reduced(), live);
            self.field = Some(field);
        } else {
            let (seen, until) = (
                self.last_seen,
                self.last_until.min(time).max(self.last_seen),
            );
            if let Some(field) = &mut self.field {
                field.look(picture, time, seen, until);
            }
            changes.extend(self.judge(time, false));
        }
        self.last_seen = time;
        self.last_until = shown_for.map_or(Time::MAX, |shown_for| time.saturating_add(shown_for));
        changes
    }

    /// Ends the stream: evaluates everything that has been still until now.
    pub fn finish(&mut self) -> Vec<Change> {
        let changes = self.judge(self.last_seen, true);
        self.field = None;
        changes
    }

    /// Evaluates the changes that are old enough, or all.
    fn judge(&mut self, now: Time, all: bool) -> Vec<Change> {
        let mut changes = Vec::new();
        let Some(field) = &mut self.field else {
            return changes;
        };
        while let Some(group) = field.next_group(now, all) {
            let Some(found) = field.judge(&group) else {
                continue;
            };
            let picture = field.reduced();
            let same_as = self.shown.recall(found.time, picture, found.live);
            if self.last_change.is_none_or(|last| found.time > last) {
                self.last_change = Some(found.time);
                changes.push(Change {
                    time: found.time,
                    after: found.after,
                    difference: found.difference,
                    same_as,
                    is_camera_cut: found.is_camera_cut,
                });
            }
        }
        changes
    }
}

/// A group of records that is a change.
struct Found {
    time: Time,
    after: Time,
    difference: f64,
    is_camera_cut: bool,
    live: Region,
}

impl Field {
    fn new(picture: &Picture, time: Time, sensitivity: Sensitivity) -> Self {
        let grid = Grid::new(picture, sensitivity);
        let block = Block {
            state: State::Settled,
            since: time,
            left: time,
            peak: time,
            peak_residual: 0,
            peak_after: time,
            activity: 0,
            small: None,
        };
        let mut latest = vec![0; grid.blocks() * grid.block_len];
        grid.keep_all(picture, &mut latest);
        let restless = Restless::new(grid.columns, grid.rows);
        Field {
            blocks: vec![block; grid.blocks()],
            settled: latest.clone(),
            earlier: latest.clone(),
            latest,
            grid,
            tick_start: time,
            ticks: [time].into(),
            records: Vec::new(),
            passing: Vec::new(),
            restless,
            sweeps: Sweeps::new(time),
            found: std::collections::VecDeque::new(),
        }
    }

    /// Compares every block with its last content. `seen` is the time of the previous frame,
    /// `until` the time until which it is known to have been shown.
    fn look(&mut self, picture: &Picture, time: Time, seen: Time, until: Time) {
        let next_tick = time >= self.tick_start.saturating_add(TICK);
        if next_tick {
            self.tick_start = time;
            self.ticks.push_back(time);
            if self.ticks.len() > u64::BITS as usize {
                self.ticks.pop_front();
            }
        }
        if let Some(start) = self.sweeps.ended_window(time) {
            let window = Span::new(start, seen.max(start));
            self.sweeps.add(window, self.window_motion(start));
        }
        let grid = &self.grid;
        let len = grid.block_len;
        for (index, block) in self.blocks.iter_mut().enumerate() {
            if next_tick {
                block.activity <<= 1;
            }
            let (column, row) = (index % grid.columns, index / grid.columns);
            let range = index * len..(index + 1) * len;
            let latest = &mut self.latest[range.clone()];
            let residual = grid.residual(picture, column, row, latest);
            let moved = grid.is_moved(residual);
            if block.state == State::Changing {
                let held = if moved { until } else { time };
                if held >= block.since.saturating_add(HOLD) {
                    let (settled, earlier) = (
                        &mut self.settled[range.clone()],
                        &mut self.earlier[range.clone()],
                    );
                    if !grid.same_content(settled, latest) {
                        self.records.push(Record {
                            block: index,
                            time: block.peak,
                            after: block.peak_after,
                            left: block.left,
                            weight: grid.residual_kept(settled, latest),
                            before: grid.means(settled),
                            reverted: !grid.is_moved(grid.residual_kept(earlier, latest)),
                        });
                        earlier.copy_from_slice(settled);
                    }
                    settled.copy_from_slice(latest);
                    block.state = State::Settled;
                }
            }
            if !moved {
                continue;
            }
            if until < block.since.saturating_add(HOLD) {
                block.activity |= 1;
            }
            let age = time.saturating_sub(block.peak);
            if block.state == State::Settled
                || residual > block.peak_residual
                || (age > Time::from_secs(2) && residual * 2 >= block.peak_residual)
                || age > Time::from_secs(5)
            {
                block.peak = time;
                block.peak_residual = residual;
                block.peak_after = seen;
            }
            block.since = time;
            grid.keep(picture, column, row, latest);
            if block.state == State::Settled {
                block.left = time;
            }
            let settled = &self.settled[range];
            block.state = if grid.is_moved(grid.residual_kept(settled, latest)) {
                State::Changing
            } else {
                State::Settled
            };
        }
    }

    /// Returns the next records that belong together and can be evaluated.
    fn next_group(&mut self, now: Time, all: bool) -> Option<Vec<Record>> {
        self.records.sort_by_key(|record| record.time);
        let first = self.records.first()?.time;
        let ticks_after = self.ticks.iter().filter(|&&start| start > first).count();
        let surroundings_known =
            now >= first.saturating_add(PASSING) && ticks_after > LEAST_TICKS_AFTER as usize;
        if !all && !surroundings_known {
            return None;
        }
        let mut last = first;
        let count = self
            .records
            .iter()
            .take_while(|record| {
                let together = record.time <= last.saturating_add(TOGETHER);
                if together {
                    last = record.time;
                }
                together
            })
            .count();
        Some(self.records.drain(..count).collect())
    }

    /// Returns the change that a group of records is, or `None`.
    fn judge(&mut self, group: &[Record]) -> Option<Found> {
        let time = median(group, |record| record.time)?;
        let (before, after) = self.motion(time);
        let mut live = before.joined(&after).boxed();
        for way in before.without(&after).ways(&after.without(&before)) {
            live.insert_rect(way);
        }
        let changed = before.with(group.iter().map(|record| record.block));

        let inset = Self::insets(&changed, &before, &after);
        let records: Vec<Record> = group
            .iter()
            .copied()
            .filter(|record| !live.contains(record.block) && !inset.contains(record.block))
            // A block that began to change with the last slide and has not been still since,
            // because a pointer moved over it, belongs to that slide.
            .filter(|record| self.found.back().is_none_or(|found| record.left > *found))
            .collect();
        let records = self.resting(records);
        let records = self.lasting(records, &live.joined(&inset));
        let region = before.with(records.iter().map(|record| record.block));
        let clear = records.iter();
        let clear = clear.filter(|record| self.grid.is_clear(record.weight));
        let clear = before.with(clear.map(|record| record.block));
        // A pointer that moves slightly leaves one position and takes another.
        let left = records.iter().filter(|record| record.reverted);
        let left = before.with(left.map(|record| record.block));
        let taken = region.without(&left);
        let records = if left.is_content(&clear) || taken.is_content(&clear) {
            records
        } else {
            self.grown(&records)?
        };
        for block in &mut self.blocks {
            block.small = None;
        }
        self.found(&records, live)
    }

    /// Returns the rectangles of insets that appear or vanish: many of their changed blocks move
    /// only before or only after.
    fn insets(changed: &Region, before: &Region, after: &Region) -> Region {
        let is_toggled = |block: usize| before.contains(block) != after.contains(block);
        let mut switched = changed.clone();
        for block in (0..before.grid_len()).filter(|&block| is_toggled(block)) {
            switched.insert(block);
        }
        let mut insets = changed.with([]);
        for piece in switched.pieces(1) {
            let toggled = piece.blocks.iter().filter(|&&block| is_toggled(block));
            if before.is_inset(piece.bounds) && toggled.count() * 5 >= piece.blocks.len() {
                insets.insert_rect(piece.bounds);
            }
        }
        insets
    }

    /// Returns the change that these records are, or `None` if they come from a moving camera.
    fn found(&mut self, records: &[Record], live: Region) -> Option<Found> {
        let time = median(records, |record| record.time)?;
        let (was_screen, is_screen) = self.looks(records);
        // A moving camera may be cut to a page, or a page to it.
        if was_screen == is_screen && self.sweeps.was_at(time) {
            return None;
        }
        let counts = |found: &Time| found.saturating_add(BEFORE) >= time;
        self.found.retain(counts);
        self.found.push_back(time);
        let still = (self.blocks.len().saturating_sub(live.len())).max(1);
        let is_whole = records.len() * 2 > self.blocks.len();
        let are_cameras = self.grid.has_luma() && !was_screen && !is_screen;
        Some(Found {
            time,
            after: median(records, |record| record.after)?,
            difference: (records.len() as f64 / still as f64).min(1.0),
            is_camera_cut: is_whole && are_cameras,
            live,
        })
    }

    /// Returns how much of the frame moved in the window since `start`.
    fn window_motion(&self, start: Time) -> Motion {
        let len = self.grid.block_len;
        let moved = |index: usize| self.blocks.get(index).is_some_and(|b| b.since >= start);
        let has_contrast = |index: usize| {
            let kept = self.latest.get(index * len..(index + 1) * len);
            kept.is_some_and(|kept| self.grid.has_contrast(kept))
        };
        sweep::motion(self.grid.columns, self.grid.rows, moved, has_contrast)
    }

    /// Returns whether the frame looked like a screen before these changes, and whether it does
    /// now.
    fn looks(&self, records: &[Record]) -> (bool, bool) {
        let len = self.grid.block_len;
        let changed = Region::new(self.grid.columns, self.grid.rows)
            .with(records.iter().map(|record| record.block));
        let block = |all: &[u8], index: usize| {
            let kept = all.get(index * len..(index + 1) * len)?;
            let rows: Vec<&[u8]> = self.grid.luma(kept).collect();
            Look::look(&rows)
        };
        let before = (0..self.blocks.len()).map(|index| match changed.contains(index) {
            true => block(&self.earlier, index),
            false => block(&self.settled, index),
        });
        let now = (0..self.blocks.len()).map(|index| block(&self.latest, index));
        (content::is_screen(before), content::is_screen(now))
    }

    /// Removes records in places where something small is replaced again and again.
    fn resting(&mut self, mut records: Vec<Record>) -> Vec<Record> {
        let Some(time) = records.iter().map(|record| record.time).min() else {
            return records;
        };
        let none = Region::new(self.grid.columns, self.grid.rows);
        let changed = none.with(records.iter().map(|record| record.block));
        if !changed.is_band() {
            return records;
        }
        let soon = self.soon_replaced(time);
        let places = self.restless.take(time, changed, &soon);
        records.retain(|record| !places.contains(record.block));
        records
    }

    /// Returns the small changes that follow within the time of a passing object.
    fn soon_replaced(&self, time: Time) -> Vec<Region> {
        let none = Region::new(self.grid.columns, self.grid.rows);
        let until = time.saturating_add(PASSING);
        let mut soon: Vec<Region> = Vec::new();
        let mut last = None;
        for record in self.records.iter().filter(|record| record.time <= until) {
            if last.is_none_or(|last: Time| record.time > last.saturating_add(TOGETHER)) {
                soon.push(none.clone());
            }
            last = Some(record.time);
            if let Some(group) = soon.last_mut() {
                group.insert(record.block);
            }
        }
        soon.retain(Region::is_band);
        soon
    }

    /// Removes records of a passing object.
    fn lasting(&mut self, mut records: Vec<Record>, moving: &Region) -> Vec<Record> {
        let Some(first) = records.iter().map(|record| record.time).min() else {
            return records;
        };
        let none = Region::new(self.grid.columns, self.grid.rows);
        self.passing.retain(|(_, until)| first <= *until);
        let behind = |record: &&Record| {
            let mut by = self.passing.iter();
            by.any(|(region, until)| region.contains(record.block) && record.time <= *until)
        };
        let behind = records.iter().filter(behind);
        let behind = none.with(behind.map(|record| record.block));
        let soon = first.saturating_add(PASSING);
        let gone = self.records.iter();
        let gone: Vec<&Record> = gone
            .filter(|record| record.reverted && record.time <= soon)
            .collect();
        let vanished = behind.joined(&none.with(gone.iter().map(|record| record.block)));

        let mut passing = none.clone();
        let mut until = None;
        let changed = none.with(records.iter().map(|record| record.block));
        for piece in changed.pieces(WORD_GAP) {
            let region = none.with(piece.blocks.iter().copied());
            let count = region.len() - region.without(&vanished).len();
            if !none.is_small(piece.bounds) || count * 100 < piece.blocks.len() * PASSED {
                continue;
            }
            let gone = gone.iter().filter(|record| region.contains(record.block));
            if let Some(last) = gone.map(|record| record.time).max() {
                // The next slide removes more than the object.
                let together = |record: &&Record| record.time.abs_diff(last) <= TOGETHER;
                let still = |record: &&Record| !moving.contains(record.block);
                let whole = self.records.iter().filter(together).filter(still);
                // A notice that was gone a frame before the page disappeared by itself.
                let began = whole.clone();
                let began = began.filter(|record| record.time <= last && !record.reverted);
                if whole.count() > 2 * records.len() && began.count() * 2 >= records.len() {
                    continue;
                }
                until = until.max(Some(last));
            }
            passing.insert_rect(piece.bounds);
        }
        records.retain(|record| !behind.contains(record.block) && !passing.contains(record.block));
        if let Some(until) = until {
            self.passing.push((passing, until.saturating_add(TOGETHER)));
        }
        records
    }

    /// Adds up small changes that are adjacent and stay, such as handwriting. Returns them once
    /// they are larger than a cursor.
    fn grown(&mut self, records: &[Record]) -> Option<Vec<Record>> {
        for record in records {
            self.blocks[record.block].small = (!record.reverted).then_some(*record);
        }
        let small = Region::new(self.grid.columns, self.grid.rows)
            .with((0..self.blocks.len()).filter(|&block| self.blocks[block].small.is_some()));
        let clear = |block: &&usize| {
            let small = self.blocks[**block].small.as_ref();
            small.is_some_and(|record| self.grid.is_clear(record.weight))
        };
        let piece = small.pieces(WORD_GAP).into_iter().find(|piece| {
            piece.bounds.is_content() && piece.blocks.iter().filter(clear).count() >= CLEAR_BLOCKS
        })?;
        Some(
            piece
                .blocks
                .iter()
                .filter_map(|&block| self.blocks[block].small)
                .collect(),
        )
    }

    /// Returns the blocks that move in the time before a change, and those that move after it.
    fn motion(&self, time: Time) -> (Region, Region) {
        let (columns, rows) = (self.grid.columns, self.grid.rows);
        // Bits of ticks that start after the change, without the first one: a transition may
        // continue into it.
        let later = self.ticks.iter().filter(|&&start| start > time).count() as u32;
        let judged = time.saturating_add(JUDGE);
        let until_judged = self.ticks.iter();
        let until_judged = until_judged.filter(|&&start| start > time && start < judged);
        let after = (until_judged.count() as u32).clamp(LEAST_TICKS_AFTER + 1, TICKS_AFTER + 1) - 1;
        let after_mask = mask(later.saturating_sub(1)) & !mask(later.saturating_sub(1 + after));
        let recent = time.saturating_sub(BEFORE);
        let recent = self.ticks.iter().filter(|&&start| start >= recent).count() as u32;
        let before = recent.saturating_sub(later + 2).max(TICKS_BEFORE);
        let before_mask = mask(later + 2 + before) & !mask(later + 2);
        let observed = mask(self.ticks.len() as u32);
        // A tick stands for the time since the previous one. If little is decoded, slide changes
        // have more ticks than the still time around them.
        let starts = self.ticks.iter().rev();
        let lengths: Vec<u64> = starts
            .clone()
            .zip(starts.skip(1))
            .map(|(start, before)| start.saturating_sub(*before).millis())
            .collect();
        let length = |bits: u64| -> u64 {
            let ticks = lengths.iter().enumerate();
            ticks
                .filter(|(bit, _)| bits.checked_shr(*bit as u32).unwrap_or(0) & 1 == 1)
                .map(|(_, length)| length)
                .sum()
        };
        let turns = self.turns();
        let moving = |mask: u64, part: u64| {
            // Blocks that move only when pages are turned are the pages.
            let besides = mask & observed & !turns;
            let is_known = besides.count_ones() >= TICKS_BEFORE;
            let besides = if is_known { besides } else { mask };
            let least = length(mask & observed) * part / 100;
            let moves = move |block: &Block| {
                let bits = block.activity & mask;
                bits.count_ones() >= 2 && bits & besides != 0 && length(bits) >= least
            };
            let blocks = self.blocks.iter().enumerate();
            let blocks = blocks.filter(|(_, block)| moves(block));
            Region::new(columns, rows).with(blocks.map(|(index, _)| index))
        };
        (moving(before_mask, 25), moving(after_mask, 50))
    }

    /// Returns the bits of the ticks in which the earlier changes happened.
    fn turns(&self) -> u64 {
        let mut next = Time::MAX;
        let mut bits = 0;
        for (bit, &start) in self.ticks.iter().rev().enumerate() {
            let turned = self.found.iter().any(|found| {
                start <= found.saturating_add(TURNS) && next >= found.saturating_sub(TURNS)
            });
            bits |= u64::from(turned) << bit;
            next = start;
        }
        bits
    }

    /// Returns the settled blocks, reduced, without the changes that are still to be evaluated.
    fn reduced(&self) -> Reduced {
        let mut reduced: Reduced = self
            .settled
            .chunks_exact(self.grid.block_len.max(1))
            .map(|kept| self.grid.means(kept))
            .collect();
        for record in self.records.iter().rev() {
            reduced[record.block] = record.before;
        }
        reduced
    }
}

/// Returns the lowest `count` bits.
fn mask(count: u32) -> u64 {
    1u64.checked_shl(count).map_or(u64::MAX, |bit| bit - 1)
}

/// Returns the weighted median of the records' times.
fn median(records: &[Record], time: impl Fn(&Record) -> Time) -> Option<Time> {
    let mut times: Vec<(Time, u64)> = records
        .iter()
        .map(|record| (time(record), u64::from(record.weight)))
        .collect();
    times.sort();
    let half = times.iter().map(|(_, weight)| weight).sum::<u64>() / 2;
    let mut sum = 0;
    times
        .into_iter()
        .find(|(_, weight)| {
            sum += weight;
            sum > half
        })
        .map(|(time, _)| time)
}
