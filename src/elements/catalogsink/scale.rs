// SPDX-License-Identifier: MPL-2.0

//! Scales planes, or parts of them.
//!
//! The scaler is several times as fast down columns as along rows. Rows are therefore scaled as
//! columns of the transposed plane; even with both transpositions that takes less than half the
//! time.

use std::array;
use std::ops::Range;

use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{CropBox, FilterType, ResizeAlg, ResizeOptions, Resizer, SrcCropping};

use super::plane::{Plane, PlaneMut, Region};
use crate::package::ladder::Picture;

/// Number of samples on either side in the filter, in the coarser of both grids.
const SUPPORT: f64 = 2.0;

/// Position of a frame in one of another shape: even sides and offsets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place(Region);

impl Place {
    /// Returns the largest position with the frame's shape in the middle of `width` x `height`, or
    /// `None` if it already has that size. Up to two pixels beside it count as rounding, not as a
    /// border.
    pub fn of(picture: Picture, width: usize, height: usize) -> Option<Place> {
        let (num, den) = picture.pixel_aspect;
        if (picture.width as usize, picture.height as usize, num) == (width, height, den) {
            return None;
        }
        let aspect = f64::from(picture.width) * f64::from(num)
            / (f64::from(picture.height) * f64::from(den));
        let (w, h) = (width as f64, height as f64);
        let (wide, high) = if aspect * h > w {
            (w, w / aspect)
        } else {
            (h * aspect, h)
        };
        let fit = |length: f64, room: usize| {
            let even = ((length / 2.0).round() as usize * 2).clamp(2, room.max(2));
            let length = if room - even <= 2 { room } else { even };
            let from = (room - length) / 4 * 2;
            (from, from + length)
        };
        let ((left, right), (top, bottom)) = (fit(wide, width), fit(high, height));
        Some(Place(Region {
            left,
            top,
            right,
            bottom,
        }))
    }

    /// Returns the part of the target that it covers.
    pub fn region(&self) -> Region {
        self.0
    }

    /// Returns whether it leaves no border.
    pub fn fills(&self, width: usize, height: usize) -> bool {
        self.0 == Region::whole(width, height)
    }

    /// Returns the part of the target in which this part of a frame of `width` x `height` is shown.
    /// It includes the spread of the filter in planes of half the size.
    pub fn shows(&self, part: Region, width: usize, height: usize) -> Region {
        let along = |from: usize, to: usize, length: usize, start: usize, end: usize| {
            let scale = (end - start) as f64 / length as f64;
            let margin = 2.0 * (SUPPORT * scale.max(1.0) + 1.0);
            let from = start as f64 + from as f64 * scale - margin;
            let to = start as f64 + to as f64 * scale + margin;
            (
                (from.max(start as f64).floor() as usize) & !1,
                (to.ceil() as usize).min(end),
            )
        };
        let Region {
            left,
            top,
            right,
            bottom,
        } = self.0;
        let (left, right) = along(part.left, part.right, width, left, right);
        let (top, bottom) = along(part.top, part.bottom, height, top, bottom);
        Region {
            left,
            top,
            right,
            bottom,
        }
    }
}

/// Scales with the instructions that the processor has.
pub struct Scaler {
    resizer: Resizer,
    /// The part with all of its rows, but none of its columns scaled; transposed; scaled again.
    buffers: [Vec<u8>; 3],
}

impl Default for Scaler {
    fn default() -> Self {
        Scaler {
            resizer: Resizer::new(),
            buffers: Default::default(),
        }
    }
}

/// One direction of scaling: `target` samples from `start` on, each `scale` source samples.
struct Axis {
    start: f64,
    scale: f64,
    target: usize,
}

impl Scaler {
    /// Writes `part` of the target plane, in which `source` is at `place`; the part is inside the
    /// place. The subsampling of both planes is `sub`. Returns `None` if a size does not fit.
    pub fn scale(
        &mut self,
        source: &Plane<'_>,
        target: &mut PlaneMut<'_>,
        place: Place,
        part: Region,
        sub: usize,
    ) -> Option<()> {
        let (place, part) = (place.0.subsampled(sub), part.subsampled(sub));
        let right = part.right.min(target.width);
        let bottom = part.bottom.min(target.height);
        if right <= part.left || bottom <= part.top {
            return Some(());
        }
        let across = source.width as f64 / place.width() as f64;
        let down = source.height as f64 / place.height() as f64;
        let start =
            |from: usize, place: usize, scale: f64| from.saturating_sub(place) as f64 * scale;
        let left = start(part.left, place.left, across);
        // The columns of the source from which the part is made.
        let margin = SUPPORT * across.max(1.0) + 1.0;
        let first = (left - margin).max(0.0) as usize;
        let end = left + (right - part.left) as f64 * across + margin;
        let end = source.width.min(end.ceil() as usize);
        let columns = end.checked_sub(first)?;

        let [rows, turned, scaled] = &mut self.buffers;
        let vertical = Axis {
            start: start(part.top, place.top, down),
            scale: down,
            target: bottom - part.top,
        };
        columns_scaled(&mut self.resizer, source, first..end, &vertical, rows)?;
        let rows = Plane::new(rows, columns, columns, vertical.target)?;
        turned.resize(columns * vertical.target, 0);
        transpose(&rows, turned, vertical.target);
        let turned = Plane::new(turned, vertical.target, vertical.target, columns)?;
        let horizontal = Axis {
            start: left - first as f64,
            scale: across,
            target: right - part.left,
        };
        let all = 0..vertical.target;
        columns_scaled(&mut self.resizer, &turned, all, &horizontal, scaled)?;
        let scaled = Plane::new(scaled, vertical.target, vertical.target, horizontal.target)?;
        let to = target
            .pixels
            .get_mut(part.top * target.stride + part.left..)?;
        transpose(&scaled, to, target.stride);
        Some(())
    }
}

/// Scales some columns of a plane along their length.
fn columns_scaled(
    resizer: &mut Resizer,
    source: &Plane<'_>,
    columns: Range<usize>,
    axis: &Axis,
    target: &mut Vec<u8>,
) -> Option<()> {
    let length = |length: usize| u32::try_from(length).ok();
    target.resize(columns.len() * axis.target, 0);
    let top = axis.start.min(source.height as f64);
    let crop = CropBox {
        left: 0.0,
        top,
        width: columns.len() as f64,
        height: (axis.target as f64 * axis.scale).min(source.height as f64 - top),
    };
    let options = ResizeOptions {
        algorithm: ResizeAlg::Convolution(FilterType::CatmullRom),
        cropping: SrcCropping::Crop(crop),
        mul_div_alpha: false,
    };
    let (width, height) = (length(columns.len())?, length(axis.target)?);
    let mut target = TypedImage::<U8>::from_buffer(width, height, target).ok()?;
    let (stride, rows) = (length(source.stride)?, length(source.height)?);
    let whole = TypedImageRef::<U8>::from_buffer(stride, rows, source.pixels).ok()?;
    let source = TypedCroppedImage::new(whole, length(columns.start)?, 0, width, rows).ok()?;
    resizer.resize_typed(&source, &mut target, &options).ok()
}

/// Turns rows into columns, in squares that the compiler can keep in registers.
fn transpose(source: &Plane<'_>, target: &mut [u8], stride: usize) {
    const SIDE: usize = 16;
    for top in (0..source.height).step_by(SIDE) {
        let high = SIDE.min(source.height - top);
        for left in (0..source.width).step_by(SIDE) {
            let wide = SIDE.min(source.width - left);
            let mut rows = [[0; SIDE]; SIDE];
            for (down, row) in rows.iter_mut().take(high).enumerate() {
                let pixels = &source.row(top + down)[left..];
                match pixels.first_chunk() {
                    Some(pixels) => *row = *pixels,
                    None => row[..wide].copy_from_slice(pixels),
                }
            }
            let square: [[u8; SIDE]; SIDE] =
                array::from_fn(|across| array::from_fn(|down| rows[down][across]));
            for (across, column) in square.iter().take(wide).enumerate() {
                let at = (left + across) * stride + top;
                target[at..at + high].copy_from_slice(&column[..high]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(size: (u32, u32), pixel_aspect: (u32, u32), room: (usize, usize)) -> Option<Region> {
        let picture = Picture {
            width: size.0,
            height: size.1,
            pixel_aspect,
        };
        Place::of(picture, room.0, room.1).map(|place| place.0)
    }

    fn region(left: usize, top: usize, width: usize, height: usize) -> Option<Region> {
        Some(Region {
            left,
            top,
            right: left + width,
            bottom: top + height,
        })
    }

    #[test]
    fn a_picture_of_another_shape_gets_borders() {
        assert_eq!(place((1280, 720), (1, 1), (1280, 720)), None);
        let whole = place((1280, 720), (1, 1), (640, 360));
        assert_eq!(whole, region(0, 0, 640, 360));
        let square = place((640, 480), (1, 1), (1280, 720));
        assert_eq!(square, region(160, 0, 960, 720));
        let upright = place((1080, 1920), (1, 1), (1280, 720));
        assert_eq!(upright, region(436, 0, 406, 720));
        let stretched = place((720, 576), (64, 45), (1024, 576));
        assert_eq!(stretched, region(0, 0, 1024, 576));
    }

    #[test]
    fn rounding_is_no_border() {
        let whole = place((1366, 768), (1, 1), (1280, 720));
        assert_eq!(whole, region(0, 0, 1280, 720));
    }

    /// Makes a frame with every kind of edge in it.
    fn pattern(width: usize, height: usize) -> Vec<u8> {
        (0..width * height)
            .map(|at| (((at % width) * 7) ^ ((at / width) * 13)) as u8)
            .collect()
    }

    fn scaled(source: &[u8], size: (usize, usize), target: &mut [u8], part: Region) {
        let to = (100, 60);
        let picture = Picture {
            width: size.0 as u32,
            height: size.1 as u32,
            pixel_aspect: (1, 1),
        };
        let place = Place::of(picture, to.0, to.1).expect("another size");
        let source = Plane::new(source, size.0, size.0, size.1).expect("fits");
        let mut target = PlaneMut::new(target, to.0, to.0, to.1).expect("fits");
        Scaler::default()
            .scale(&source, &mut target, place, part, 1)
            .expect("fits");
    }

    #[test]
    fn what_is_scaled_looks_like_the_source() {
        let (width, height) = (150, 90);
        let source: Vec<u8> = (0..width * height)
            .map(|at| (at % width + at / width) as u8)
            .collect();
        let mut target = vec![0; 100 * 60];
        scaled(
            &source,
            (width, height),
            &mut target,
            Region::whole(100, 60),
        );
        for (at, pixel) in target.iter().enumerate() {
            let (across, down) = ((at % 100) as f64 + 0.5, (at / 100) as f64 + 0.5);
            let expected = across * 1.5 - 0.5 + down * 1.5 - 0.5;
            assert!((f64::from(*pixel) - expected).abs() < 1.6, "{at}: {pixel}");
        }
    }

    #[test]
    fn parts_are_what_the_whole_would_be() {
        let (width, height) = (133, 77);
        let mut source = pattern(width, height);
        let mut target = vec![0; 100 * 60];
        let whole = Region::whole(100, 60);
        scaled(&source, (width, height), &mut target, whole);
        let change = Region {
            left: 64,
            top: 16,
            right: 96,
            bottom: 32,
        };
        for row in change.top..change.bottom {
            source[row * width..][change.left..change.right].fill(200);
        }
        let picture = Picture {
            width: width as u32,
            height: height as u32,
            pixel_aspect: (1, 1),
        };
        let place = Place::of(picture, 100, 60).expect("another size");
        let part = place.shows(change, width, height);
        assert!(part.area() < whole.area() / 2, "{part:?}");
        scaled(&source, (width, height), &mut target, part);
        let mut expected = vec![0; 100 * 60];
        scaled(&source, (width, height), &mut expected, whole);
        for (at, (found, expected)) in target.iter().zip(&expected).enumerate() {
            assert!(found.abs_diff(*expected) <= 1, "{at}: {found}, {expected}");
        }
    }
}
