// SPDX-License-Identifier: MPL-2.0

//! Rectangles with even coordinates.

use std::fmt;

/// The smallest picture, so that a cell of any layout has pixels.
const MIN_LENGTH: u32 = 64;
const MAX_LENGTH: u32 = 16_384;

/// The size of a picture in pixels: both even, from 64 to 16384.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Size {
    width: u32,
    height: u32,
}

/// A size that a picture cannot have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SizeError {
    pub width: u32,
    pub height: u32,
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a picture of {}x{} is not possible; use even numbers from {MIN_LENGTH} to {MAX_LENGTH}",
            self.width, self.height
        )
    }
}

impl std::error::Error for SizeError {}

impl Size {
    /// Returns the size, or an error if a length is odd or out of range.
    pub fn new(width: u32, height: u32) -> Result<Self, SizeError> {
        let is_valid =
            |length: u32| (MIN_LENGTH..=MAX_LENGTH).contains(&length) && length.is_multiple_of(2);
        if is_valid(width) && is_valid(height) {
            Ok(Size { width, height })
        } else {
            Err(SizeError { width, height })
        }
    }

    pub const fn width(self) -> u32 {
        self.width
    }

    pub const fn height(self) -> u32 {
        self.height
    }

    /// The whole picture.
    pub(super) const fn area(self) -> Rect {
        Rect::new(0, 0, self.width, self.height)
    }
}

/// A rectangle in pixels from the top left corner of the picture. All four numbers are even.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rect {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Rect {
    pub const fn new(x: u32, y: u32, width: u32, height: u32) -> Self {
        Rect {
            x,
            y,
            width,
            height,
        }
    }

    pub const fn right(self) -> u32 {
        self.x + self.width
    }

    pub const fn bottom(self) -> u32 {
        self.y + self.height
    }

    pub const fn is_empty(self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// Whether the rectangles share a pixel.
    pub const fn overlaps(self, other: Rect) -> bool {
        self.x < other.right()
            && other.x < self.right()
            && self.y < other.bottom()
            && other.y < self.bottom()
    }

    /// Whether it is wider than high. A square counts as portrait, as with LiveKit.
    pub(super) const fn is_landscape(self) -> bool {
        self.width > self.height
    }

    /// Splits at `part` of `whole` of the width into left and right.
    pub(super) fn split_width(self, part: u32, whole: u32) -> (Rect, Rect) {
        self.split_left(boundary(self.width, part, whole))
    }

    /// Splits at `part` of `whole` of the height into top and bottom.
    pub(super) fn split_height(self, part: u32, whole: u32) -> (Rect, Rect) {
        self.split_top(boundary(self.height, part, whole))
    }

    /// Splits into the left `width` pixels and the rest.
    pub(super) fn split_left(self, width: u32) -> (Rect, Rect) {
        let width = width.min(self.width);
        (
            Rect { width, ..self },
            Rect {
                x: self.x + width,
                width: self.width - width,
                ..self
            },
        )
    }

    /// Splits into the top `height` pixels and the rest.
    pub(super) fn split_top(self, height: u32) -> (Rect, Rect) {
        let height = height.min(self.height);
        (
            Rect { height, ..self },
            Rect {
                y: self.y + height,
                height: self.height - height,
                ..self
            },
        )
    }

    /// The rectangle of this size in its middle.
    pub(super) fn centered(self, width: u32, height: u32) -> Rect {
        let (width, height) = (width.min(self.width), height.min(self.height));
        Rect::new(
            self.x + even_down((self.width - width) / 2),
            self.y + even_down((self.height - height) / 2),
            width,
            height,
        )
    }
}

/// The even number nearest to `part` of `whole` of an even length, at most the length. Neighbours
/// share their boundary, so there are no seams.
pub(super) fn boundary(length: u32, part: u32, whole: u32) -> u32 {
    let (half, part, whole) = (
        u64::from(length / 2),
        u64::from(part),
        u64::from(whole.max(1)),
    );
    let rounded = 2 * ((2 * half * part + whole) / (2 * whole));
    u32::try_from(rounded).unwrap_or(length).min(length)
}

/// The smallest even number that is at least an n-th of the length.
pub(super) const fn even_share(length: u32, n: u32) -> u32 {
    length.div_ceil(2 * n) * 2
}

pub(super) const fn even_down(length: u32) -> u32 {
    length & !1
}

/// The even number nearest to `length * numerator / denominator`.
pub(super) fn scaled(length: u32, numerator: u32, denominator: u32) -> u32 {
    let product = u64::from(length) * u64::from(numerator);
    let denominator = u64::from(denominator.max(1));
    u32::try_from((product + denominator) / (2 * denominator) * 2).unwrap_or(u32::MAX - 1)
}

/// Equal cells for `count` tiles, row by row. Landscape: the columns are the square root of the
/// count, rounded up, and the rows follow; portrait: the rows are, and the columns follow.
pub(super) fn grid_cells(area: Rect, count: usize) -> Vec<Rect> {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    if count == 0 {
        return Vec::new();
    }
    let longer = (1..).find(|side| side * side >= u64::from(count));
    let longer = longer.and_then(|side| u32::try_from(side).ok());
    let longer = longer.unwrap_or(u32::MAX);
    let shorter = count.div_ceil(longer);
    let (columns, rows) = if area.is_landscape() {
        (longer, shorter)
    } else {
        (shorter, longer)
    };
    (0..count)
        .map(|index| cell(area, index % columns, columns, index / columns, rows))
        .collect()
}

/// One cell of a grid.
pub(super) fn cell(area: Rect, column: u32, columns: u32, row: u32, rows: u32) -> Rect {
    let left = boundary(area.width, column, columns);
    let right = boundary(area.width, column + 1, columns);
    let top = boundary(area.height, row, rows);
    let bottom = boundary(area.height, row + 1, rows);
    Rect::new(area.x + left, area.y + top, right - left, bottom - top)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_an_even_size() {
        assert!(Size::new(1280, 720).is_ok());
        for (width, height) in [(1281, 720), (1280, 719), (62, 720), (1280, 16_386), (0, 0)] {
            assert_eq!(Size::new(width, height), Err(SizeError { width, height }));
        }
    }

    #[test]
    fn boundaries_are_the_nearest_even_numbers() {
        let of = |length, whole| -> Vec<u32> {
            (0..=whole)
                .map(|part| boundary(length, part, whole))
                .collect()
        };
        assert_eq!(of(1280, 3), [0, 426, 854, 1280]);
        assert_eq!(of(720, 5), [0, 144, 288, 432, 576, 720]);
        assert_eq!(of(64, 5), [0, 12, 26, 38, 52, 64]);
        assert_eq!(even_share(1280, 6), 214);
        assert_eq!(even_share(1920, 6), 320);
        assert_eq!(scaled(214, 10, 16), 134);
    }

    #[test]
    fn the_columns_are_those_of_the_reference() {
        let columns = |area: Rect, count| {
            let cells = grid_cells(area, count);
            let mut lefts: Vec<u32> = cells.iter().map(|cell| cell.x).collect();
            lefts.sort_unstable();
            lefts.dedup();
            lefts.len()
        };
        let (landscape, portrait) = (Rect::new(0, 0, 1280, 720), Rect::new(0, 0, 720, 1280));
        for (counts, expected) in [
            (1..=1, 1),
            (2..=4, 2),
            (5..=9, 3),
            (10..=16, 4),
            (17..=25, 5),
        ] {
            for count in counts {
                assert_eq!(columns(landscape, count), expected, "{count}");
                assert_eq!(
                    columns(portrait, count),
                    count.div_ceil(expected),
                    "{count}"
                );
            }
        }
    }
}
