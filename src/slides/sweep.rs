// SPDX-License-Identifier: MPL-2.0

//! Times in which the whole frame moves: a camera that pans, zooms or is held by hand.
//!
//! The frame is divided into cells. In a sweep something moves in many of them and at every side of
//! the frame, and nothing with contrast is still. A page that fades into the next one looks the
//! same, but not for as long. Next to a webcam, a page is still.

use std::collections::VecDeque;

use crate::timeline::{Span, Time};

/// Length of the windows in which motion is counted, or one frame if frames are further apart.
const WINDOW: Time = Time::from_millis(500);
/// Number of windows of motion that no transition between two pages lasts: 1.5 s touch at most
/// four.
const WINDOWS: u32 = 5;
/// Time between two frames above which they show motion by themselves.
const LASTING: Time = Time::from_secs(2);
/// Time after which ended sweeps are dropped.
const KNOWN: Time = Time::from_secs(60);
/// Cells in each direction.
const CELLS: usize = 4;
/// Number of cells in which something must move, and of cells in which something may be still.
const MOVING: usize = 8;
const STILL: usize = 2;
/// Number of cells that move while a camera slows down.
const SLOW: usize = 6;
/// Number of blocks that decide about a cell.
const BLOCKS: usize = 3;

/// Amount of motion in a window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Motion {
    /// Something is still, or little moves.
    Part,
    /// Not enough for a sweep, but a sweep may continue.
    Most,
    /// All of it.
    All,
}

/// The sweeps of a stream of frames.
pub(super) struct Sweeps {
    window: Time,
    /// Whether this is the first window, before which nothing is known about motion.
    is_first: bool,
    /// The possible current sweep, and the number of windows in it.
    run: Option<(Span, u32)>,
    past: VecDeque<Span>,
}

impl Sweeps {
    pub fn new(time: Time) -> Self {
        Sweeps {
            window: time,
            is_first: true,
            run: None,
            past: VecDeque::new(),
        }
    }

    /// Returns the start of the window that ends with the frame of this time, if one does.
    pub fn ended_window(&mut self, time: Time) -> Option<Time> {
        if time < self.window.saturating_add(WINDOW) {
            return None;
        }
        let start = std::mem::replace(&mut self.window, time);
        (!std::mem::take(&mut self.is_first)).then_some(start)
    }

    /// Adds a window: the times of its first and last frame, and its amount of motion.
    pub fn add(&mut self, window: Span, motion: Motion) {
        match motion {
            Motion::All => {
                let (run, count) = self.run.get_or_insert((window, 0));
                run.end = window.end;
                *count += 1;
            }
            Motion::Most => {}
            Motion::Part => {
                let ended = self.run.take();
                let sweep = ended.filter(|&(run, count)| is_sweep(run, count));
                self.past.extend(sweep.map(|(run, _)| run));
            }
        }
        let is_known = |past: &Span| past.end.saturating_add(KNOWN) >= window.end;
        self.past.retain(is_known);
    }

    /// Returns whether there was a sweep at this time.
    pub fn was_at(&self, time: Time) -> bool {
        let now = self.run.filter(|&(run, count)| is_sweep(run, count));
        let mut all = self.past.iter().chain(now.as_ref().map(|(run, _)| run));
        all.any(|sweep| {
            let from = sweep.start.saturating_sub(WINDOW);
            (from..=sweep.end.saturating_add(WINDOW)).contains(&time)
        })
    }
}

fn is_sweep(run: Span, windows: u32) -> bool {
    let lasts = run.duration() >= LASTING;
    // A window of one frame: nothing else was seen in between.
    let is_sparse = run.duration().nanos() >= u64::from(windows) * WINDOW.nanos() * 2;
    lasts && (windows >= WINDOWS || is_sparse && windows >= 2)
}

/// Returns the amount of motion in a frame whose grid has this many columns and rows. `moved`
/// returns whether a block has moved; `has_contrast` returns whether a still block would show
/// motion.
pub(super) fn motion(
    columns: usize,
    rows: usize,
    moved: impl Fn(usize) -> bool,
    has_contrast: impl Fn(usize) -> bool,
) -> Motion {
    let moving = Cells::count(columns, rows, &moved);
    let moves = |x: usize, y: usize| moving.at(x, y) >= BLOCKS;
    // Contrast is expensive to find, and motion is rare.
    if cells().filter(|&(x, y)| moves(x, y)).count() < SLOW {
        return Motion::Part;
    }
    let still = Cells::count(columns, rows, |block| !moved(block) && has_contrast(block));
    let holds = |x: usize, y: usize| still.at(x, y) >= BLOCKS && still.at(x, y) >= moving.at(x, y);
    if cells().filter(|&(x, y)| holds(x, y)).count() > STILL {
        return Motion::Part;
    }
    match covers(|x, y| moves(x, y) && !holds(x, y)) {
        true => Motion::All,
        false => Motion::Most,
    }
}

/// Returns whether this many cells qualify, and some at each side of the frame.
fn covers(holds: impl Fn(usize, usize) -> bool) -> bool {
    let is_side: [fn(usize, usize) -> bool; 4] = [
        |x, _| x == 0,
        |x, _| x == CELLS - 1,
        |_, y| y == 0,
        |_, y| y == CELLS - 1,
    ];
    let on = |side: &fn(usize, usize) -> bool| cells().any(|(x, y)| side(x, y) && holds(x, y));
    cells().filter(|&(x, y)| holds(x, y)).count() >= MOVING && is_side.iter().all(on)
}

fn cells() -> impl Iterator<Item = (usize, usize)> {
    (0..CELLS).flat_map(|y| (0..CELLS).map(move |x| (x, y)))
}

/// Numbers of blocks by cell.
struct Cells([usize; CELLS * CELLS]);

impl Cells {
    fn count(columns: usize, rows: usize, counts: impl Fn(usize) -> bool) -> Self {
        let mut cells = [0; CELLS * CELLS];
        for block in (0..columns * rows).filter(|&block| counts(block)) {
            let (x, y) = (
                block % columns * CELLS / columns,
                block / columns * CELLS / rows,
            );
            if let Some(cell) = cells.get_mut(y * CELLS + x) {
                *cell += 1;
            }
        }
        Cells(cells)
    }

    fn at(&self, x: usize, y: usize) -> usize {
        self.0.get(y * CELLS + x).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds windows of half a second, `wide` ones from `start` on and then still ones.
    fn add(sweeps: &mut Sweeps, start: u64, wide: u32) {
        for window in 0..=wide {
            let from = Time::from_millis(start + 500 * u64::from(window));
            let to = from.saturating_add(Time::from_millis(420));
            let motion = match window {
                _ if window == wide => Motion::Part,
                2 => Motion::Most,
                _ => Motion::All,
            };
            sweeps.add(Span::new(from, to), motion);
        }
    }

    #[test]
    fn a_pan_is_a_sweep_and_a_fade_is_none() {
        let mut sweeps = Sweeps::new(Time::ZERO);
        add(&mut sweeps, 10_000, 5);
        assert!(!sweeps.was_at(Time::from_secs(11)));
        add(&mut sweeps, 20_000, 6);
        assert!(sweeps.was_at(Time::from_secs(21)));
        assert!(sweeps.was_at(Time::from_secs(23)) && !sweeps.was_at(Time::from_secs(25)));
        add(&mut sweeps, 200_000, 0);
        assert!(!sweeps.was_at(Time::from_secs(21)));
    }

    #[test]
    fn pictures_far_apart_that_all_differ_are_a_sweep() {
        let mut sweeps = Sweeps::new(Time::ZERO);
        for second in [10, 14] {
            let at = Time::from_secs(second);
            sweeps.add(Span::new(at, at), Motion::All);
            assert_eq!(sweeps.was_at(at), second == 14);
        }
    }

    #[test]
    fn the_picture_moves_as_a_whole_or_not() {
        let (columns, rows) = (40, 24);
        let in_box = |block: usize| block % columns >= 14;
        let is_word = |block: usize| block.is_multiple_of(7);
        let motion = |moved: &dyn Fn(usize) -> bool, has_contrast: &dyn Fn(usize) -> bool| {
            motion(columns, rows, moved, has_contrast)
        };
        assert_eq!(motion(&|_| true, &|_| true), Motion::All);
        assert_eq!(motion(&|_| false, &|_| false), Motion::Part);
        // A board with a few words that moves.
        assert_eq!(motion(&is_word, &|_| false), Motion::All);
        assert_eq!(motion(&is_word, &|_| true), Motion::Part);
        // A page with a word here and there next to a large webcam; an empty one.
        assert_eq!(motion(&in_box, &is_word), Motion::Part);
        assert_eq!(motion(&in_box, &|_| false), Motion::Most);
        for (columns, rows) in [(0, 0), (3, 2)] {
            let tiny = super::motion(columns, rows, |_| true, |_| true);
            assert_eq!(tiny, Motion::Part);
        }
    }
}
