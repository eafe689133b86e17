// SPDX-License-Identifier: MPL-2.0

//! Sets of blocks on the grid, and the pieces that they fall into.

/// Blocks between two letters or words of one line.
pub(super) const WORD_GAP: usize = 2;
/// What is less wide and high than this (blocks) may be a cursor.
const CURSOR: usize = 5;
/// Blocks of a change that must differ clearly.
pub(super) const CLEAR_BLOCKS: usize = 3;
/// A region of this part of the picture is no inset.
const INSET: f64 = 0.6;
/// No larger part of the picture is what somebody covers on the way past the screen.
const WAY: f64 = 0.35;
/// No larger part of the picture is a line or two of captions.
const BAND: f64 = 0.15;
/// Nor are they higher than this part of the picture.
const BAND_HEIGHT: f64 = 0.2;
/// What changes again in this share (percent) of its blocks, or over this share of a line's width, is
/// replaced.
const REPLACED_PART: usize = 40;
/// No larger part of the picture is a notice or somebody who walks by.
const SMALL: f64 = 0.1;

/// A set of blocks.
#[derive(Clone)]
pub(super) struct Region {
    columns: usize,
    rows: usize,
    set: Vec<bool>,
}

/// A rectangle of blocks, both ends inclusive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Rect {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
}

impl Rect {
    pub fn width(self) -> usize {
        self.right - self.left + 1
    }

    pub fn height(self) -> usize {
        self.bottom - self.top + 1
    }

    /// Larger than a cursor.
    pub fn is_content(self) -> bool {
        self.width() >= CURSOR || self.height() >= CURSOR
    }

    pub fn area(self) -> usize {
        self.width() * self.height()
    }

    /// Whether at least half of either's rows are also the other's.
    fn is_beside(self, other: Rect) -> bool {
        let (top, bottom) = (self.top.max(other.top), self.bottom.min(other.bottom));
        let shared = (bottom + 1).saturating_sub(top);
        shared * 2 >= self.height().max(other.height())
    }

    /// How many blocks both have.
    pub fn shared(self, other: Rect) -> usize {
        let (left, right) = (self.left.max(other.left), self.right.min(other.right));
        let (top, bottom) = (self.top.max(other.top), self.bottom.min(other.bottom));
        (right + 1).saturating_sub(left) * (bottom + 1).saturating_sub(top)
    }

    /// The rectangle around both.
    pub fn joined(self, other: Rect) -> Rect {
        Rect {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

/// Blocks of a region that lie together.
pub(super) struct Piece {
    pub blocks: Vec<usize>,
    pub bounds: Rect,
}

impl Region {
    pub fn new(columns: usize, rows: usize) -> Self {
        Region {
            columns,
            rows,
            set: vec![false; columns * rows],
        }
    }

    /// These blocks on a grid of the same size.
    pub fn with(&self, blocks: impl IntoIterator<Item = usize>) -> Self {
        let mut region = Region::new(self.columns, self.rows);
        for block in blocks {
            region.insert(block);
        }
        region
    }

    pub fn insert(&mut self, block: usize) {
        if let Some(slot) = self.set.get_mut(block) {
            *slot = true;
        }
    }

    pub fn contains(&self, block: usize) -> bool {
        self.set.get(block).copied().unwrap_or(false)
    }

    pub fn insert_rect(&mut self, rect: Rect) {
        for row in rect.top..=rect.bottom.min(self.rows.saturating_sub(1)) {
            for column in rect.left..=rect.right.min(self.columns.saturating_sub(1)) {
                self.set[row * self.columns + column] = true;
            }
        }
    }

    /// The blocks of the whole grid.
    pub fn grid_len(&self) -> usize {
        self.set.len()
    }

    pub fn len(&self) -> usize {
        self.set.iter().filter(|&&set| set).count()
    }

    /// The blocks of both.
    pub fn joined(&self, other: &Region) -> Self {
        self.with((0..self.set.len()).filter(|&block| self.set[block] || other.set[block]))
    }

    /// The blocks that are not in the other.
    pub fn without(&self, other: &Region) -> Self {
        self.with((0..self.set.len()).filter(|&block| self.set[block] && !other.set[block]))
    }

    /// Whether a piece of the region is larger than a cursor, and has blocks in which the
    /// difference is so clear that no key frame's new encoding makes it.
    pub fn is_content(&self, clear: &Region) -> bool {
        self.pieces(WORD_GAP).iter().any(|piece| {
            let clear = piece.blocks.iter().filter(|&&block| clear.contains(block));
            piece.bounds.is_content() && clear.count() >= CLEAR_BLOCKS
        })
    }

    /// Whether a rectangle is small enough for a picture in the picture.
    pub fn is_inset(&self, rect: Rect) -> bool {
        (rect.area() as f64) < INSET * self.set.len() as f64
    }

    /// Whether the region is no larger than captions are.
    pub fn is_band(&self) -> bool {
        (self.len() as f64) < BAND * self.set.len() as f64
    }

    /// Whether a rectangle is no larger and no higher than captions are.
    pub fn is_lines(&self, rect: Rect) -> bool {
        (rect.area() as f64) < BAND * self.set.len() as f64
            && (rect.height() as f64) <= BAND_HEIGHT * self.rows as f64
    }

    /// Whether a change of these blocks replaces what a piece shows: many of its blocks, or, as the
    /// ground behind captions stays, blocks all along its line.
    pub fn replaces(&self, piece: &Piece) -> bool {
        let changed = piece.blocks.iter().filter(|&&block| self.contains(block));
        if changed.count() * 100 >= piece.blocks.len() * REPLACED_PART {
            return true;
        }
        let Rect {
            left,
            right,
            top,
            bottom,
        } = piece.bounds;
        let mut along = (left..=right)
            .filter(|column| (top..=bottom).any(|row| self.contains(row * self.columns + column)));
        let first = along.next();
        let span = first.map_or(0, |first| along.next_back().unwrap_or(first) + 1 - first);
        self.is_lines(piece.bounds) && span * 100 >= piece.bounds.width() * REPLACED_PART
    }

    /// Whether a rectangle is small enough for something that passes by.
    pub fn is_small(&self, rect: Rect) -> bool {
        (rect.area() as f64) < SMALL * self.set.len() as f64
    }

    /// The region of what moves with the rectangles around it: a picture in the picture is a
    /// rectangle of which parts rest for a while.
    pub fn boxed(&self) -> Self {
        let mut boxed = self.clone();
        for piece in self.pieces(2) {
            // A few blocks that moved along a line are a cursor's way.
            let dense = piece.blocks.len() * 6 >= piece.bounds.area();
            if piece.blocks.len() >= 4 && dense && self.is_inset(piece.bounds) {
                boxed.insert_rect(self.grown(piece.bounds, 1));
            }
        }
        boxed
    }

    /// The ways of what moved here and moves there afterwards: somebody who walks past the screen
    /// covers and uncovers what lies between.
    pub fn ways(&self, there: &Region) -> Vec<Rect> {
        let from = self.pieces(2);
        let to = there.pieces(2);
        let pairs = from
            .iter()
            .flat_map(|from| to.iter().map(move |to| (from, to)));
        pairs
            .filter(|(from, to)| from.blocks.len() >= CURSOR && to.blocks.len() >= CURSOR)
            .map(|(from, to)| (from.bounds, to.bounds))
            .filter(|(from, to)| from.is_beside(*to))
            .map(|(from, to)| self.grown(from.joined(to), 1))
            .filter(|way| (way.area() as f64) < WAY * self.set.len() as f64)
            .collect()
    }

    /// The rectangle, grown by `margin` blocks on every side within the grid.
    pub fn grown(&self, rect: Rect, margin: usize) -> Rect {
        Rect {
            left: rect.left.saturating_sub(margin),
            top: rect.top.saturating_sub(margin),
            right: (rect.right + margin).min(self.columns.saturating_sub(1)),
            bottom: (rect.bottom + margin).min(self.rows.saturating_sub(1)),
        }
    }

    /// The pieces of the region: blocks whose columns and rows are at most `reach` apart belong
    /// together.
    pub fn pieces(&self, reach: usize) -> Vec<Piece> {
        let mut left = self.set.clone();
        let mut pieces = Vec::new();
        let mut queue = Vec::new();
        for start in 0..left.len() {
            if !left[start] {
                continue;
            }
            left[start] = false;
            queue.push(start);
            let (column, row) = (start % self.columns, start / self.columns);
            let mut piece = Piece {
                blocks: Vec::new(),
                bounds: Rect {
                    left: column,
                    top: row,
                    right: column,
                    bottom: row,
                },
            };
            while let Some(block) = queue.pop() {
                piece.blocks.push(block);
                let (column, row) = (block % self.columns, block / self.columns);
                let here = Rect {
                    left: column,
                    top: row,
                    right: column,
                    bottom: row,
                };
                let bounds = &mut piece.bounds;
                bounds.left = bounds.left.min(column);
                bounds.right = bounds.right.max(column);
                bounds.top = bounds.top.min(row);
                bounds.bottom = bounds.bottom.max(row);
                let near = self.grown(here, reach);
                for row in near.top..=near.bottom {
                    for column in near.left..=near.right {
                        let neighbour = row * self.columns + column;
                        if left[neighbour] {
                            left[neighbour] = false;
                            queue.push(neighbour);
                        }
                    }
                }
            }
            pieces.push(piece);
        }
        pieces
    }
}
