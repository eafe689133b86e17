// SPDX-License-Identifier: MPL-2.0

//! A plane of a frame, and parts of it.

/// Eight-bit samples in rows.
#[derive(Clone, Copy)]
pub struct Plane<'a> {
    pub pixels: &'a [u8],
    pub stride: usize,
    pub width: usize,
    pub height: usize,
}

impl<'a> Plane<'a> {
    /// Returns `None` if there are fewer pixels than that.
    pub fn new(pixels: &'a [u8], stride: usize, width: usize, height: usize) -> Option<Self> {
        fits(pixels, stride, width, height).then_some(Plane {
            pixels,
            stride,
            width,
            height,
        })
    }

    pub fn row(&self, row: usize) -> &'a [u8] {
        &self.pixels[row * self.stride..][..self.width]
    }
}

/// Writable eight-bit samples in rows.
pub struct PlaneMut<'a> {
    pub pixels: &'a mut [u8],
    pub stride: usize,
    pub width: usize,
    pub height: usize,
}

impl<'a> PlaneMut<'a> {
    /// Returns `None` if there are fewer pixels than that.
    pub fn new(pixels: &'a mut [u8], stride: usize, width: usize, height: usize) -> Option<Self> {
        fits(pixels, stride, width, height).then_some(PlaneMut {
            pixels,
            stride,
            width,
            height,
        })
    }
}

fn fits(pixels: &[u8], stride: usize, width: usize, height: usize) -> bool {
    let rows = height.saturating_sub(1).checked_mul(stride);
    let size = rows.and_then(|rows| rows.checked_add(width));
    width <= stride && size.is_some_and(|size| size <= pixels.len())
}

/// A part of a plane: columns `left..right`, rows `top..bottom`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    pub left: usize,
    pub top: usize,
    pub right: usize,
    pub bottom: usize,
}

impl Region {
    /// Returns the region of a whole plane.
    pub fn whole(width: usize, height: usize) -> Self {
        Region {
            left: 0,
            top: 0,
            right: width,
            bottom: height,
        }
    }

    pub fn width(&self) -> usize {
        self.right.saturating_sub(self.left)
    }

    pub fn height(&self) -> usize {
        self.bottom.saturating_sub(self.top)
    }

    pub fn area(&self) -> usize {
        self.width() * self.height()
    }

    /// Returns the same part of a plane with `sub` times fewer rows and columns, rounded outward.
    pub fn subsampled(&self, sub: usize) -> Self {
        Region {
            left: self.left / sub,
            top: self.top / sub,
            right: self.right.div_ceil(sub),
            bottom: self.bottom.div_ceil(sub),
        }
    }
}
