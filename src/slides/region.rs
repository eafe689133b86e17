// SPDX-License-Identifier: MPL-2.0

//! Sets of blocks on the grid, and the pieces into which they are divided.

/// Largest gap in blocks between two letters or words of one line.
pub(super) const WORD_GAP: usize = 2;
/// Width and height in blocks below which a region may be a cursor.
const CURSOR: usize = 5;
/// Number of a change's blocks that must differ clearly.
pub(super) const CLEAR_BLOCKS: usize = 3;
/// Part of the frame from which a region is not an inset.
const INSET: f64 = 0.6;
/// Largest part of the frame that somebody covers on the way past the screen.
const WAY: f64 = 0.35;
/// Largest part of the frame that one or two lines of captions cover.
const BAND: f64 = 0.15;
/// Largest height of captions, as a part of the frame.
const BAND_HEIGHT: f64 = 0.2;
/// Percentage of a piece's blocks, or of a line's width, above which it counts as replaced.
const REPLACED_PART: usize = 40;
/// Largest part of the frame that a notice, or somebody who walks by, covers.
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

    /// Returns whether it is larger than a cursor.
    pub fn is_content(self) -> bool {
        self.width() >= CURSOR || self.height() >= CURSOR
    }

    pub fn area(self) -> usize {
        self.width() * self.height()
    }

    /// Returns whether at least half of either's rows are also the other's.
    fn is_beside(self, other: Rect) -> bool {
        let (top, bottom) = (self.top.max(other.top), self.bottom.min(other.bottom));
        let shared = (bottom + 1).saturating_sub(top);
        shared * 2 >= self.height().max(other.height())
    }

    /// Returns the number of blocks that both have.
    pub fn shared(self, other: Rect) -> usize {
        let (left, right) = (self.left.max(other.left), self.right.min(other.right));
        let (top, bottom) = (self.top.max(other.top), self.bottom.min(other.bottom));
        (right + 1).saturating_sub(left) * (bottom + 1).saturating_sub(top)
    }

    /// Returns the rectangle around both.
    pub fn joined(self, other: Rect) -> Rect {
        Rect {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }
}

/// Adjacent blocks of a region.
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

    /// Returns a region of these blocks on a grid of the same size.
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

    /// Returns the number of blocks of the whole grid.
    pub fn grid_len(&self) -> usize {
        self.set.len()
    }

    pub fn len(&self) -> usize {
        self.set.iter().filter(|&&set| set).count()
    }

    /// Returns the blocks of both.
    pub fn joined(&self, other: &Region) -> Self {
        self.with((0..self.set.len()).filter(|&block| self.set[block] || other.set[block]))
    }

    /// Returns the blocks that are not in the other.
    pub fn without(&self, other: &Region) -> Self {
        self.with((0..self.set.len()).filter(|&block| self.set[block] && !other.set[block]))
    }

    /// Returns whether a piece of the region is larger than a cursor and has blocks that differ
    /// more clearly than a key frame's new encoding explains.
    pub fn is_content(&self, clear: &Region) -> bool {
        self.pieces(WORD_GAP).iter().any(|piece| {
            let clear = piece.blocks.iter().filter(|&&block| clear.contains(block));
            piece.bounds.is_content() && clear.count() >= CLEAR_BLOCKS
        })
    }

    /// Returns whether a rectangle is small enough for a picture in the picture.
    pub fn is_inset(&self, rect: Rect) -> bool {
        (rect.area() as f64) < INSET * self.set.len() as f64
    }

    /// Returns whether the region is no larger than captions.
    pub fn is_band(&self) -> bool {
        (self.len() as f64) < BAND * self.set.len() as f64
    }

    /// Returns whether a rectangle is no larger and no higher than captions.
    pub fn is_lines(&self, rect: Rect) -> bool {
        (rect.area() as f64) < BAND * self.set.len() as f64
            && (rect.height() as f64) <= BAND_HEIGHT * self.rows as f64
    }

    /// Returns whether a change of these blocks replaces the content of a piece. It contains many
    /// of its blocks, or blocks all along its line, since the ground behind captions stays.
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

    /// Returns whether a rectangle is small enough for a passing object.
    pub fn is_small(&self, rect: Rect) -> bool {
        (rect.area() as f64) < SMALL * self.set.len() as f64
    }

    /// Returns the moving region with the rectangles around it: parts of a picture in the picture
    /// rest for a while.
    pub fn boxed(&self) -> Self {
        let mut boxed = self.clone();
        for piece in self.pieces(2) {
            // A few blocks that moved along a line are the path of a cursor.
            let dense = piece.blocks.len() * 6 >= piece.bounds.area();
            if piece.blocks.len() >= 4 && dense && self.is_inset(piece.bounds) {
                boxed.insert_rect(self.grown(piece.bounds, 1));
            }
        }
        boxed
    }

    /// Returns the paths of objects that move from here to `there`: somebody who walks past the
    /// screen covers and uncovers the blocks between.
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

    /// Returns the rectangle, grown by `margin` blocks on every side within the grid.
    pub fn grown(&self, rect: Rect, margin: usize) -> Rect {
        Rect {
            left: rect.left.saturating_sub(margin),
            top: rect.top.saturating_sub(margin),
            right: (rect.right + margin).min(self.columns.saturating_sub(1)),
            bottom: (rect.bottom + margin).min(self.rows.saturating_sub(1)),
        }
    }

    /// Returns the pieces of the region: blocks whose columns and rows are at most `reach` apart
    /// belong together.
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
