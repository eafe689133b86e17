// SPDX-License-Identifier: MPL-2.0

//! A frame, or its upper part, prepared for a recogniser.

use fast_image_resize as resize;
use fast_image_resize::images::{Image, ImageRef};

use super::ground;

/// Part of the frame's height, from the top, in which a title is. The titles of section pages, in
/// the middle, are in it.
pub(super) const TITLE_PART: f32 = 0.62;
/// Heights of a frame that is read in its size: letters of a title are 15 to 40 pixels high, which
/// is the size that recognisers are trained with. Others are scaled.
const LEAST_HEIGHT: usize = 600;
const MOST_HEIGHT: usize = 1000;
const SCALED_HEIGHT: usize = 800;
/// Brightness below which a pixel of an evened sheet is a stroke.
const DARK: u8 = 140;
/// Least percentage of a page that has the brightness of its ground.
const PLAIN: usize = 35;
/// Part of a frame's pixels that a line of text changes; a pointer changes fewer.
const CHANGED: f32 = 0.0008;
/// Difference of brightness that no codec makes in a still frame, and distance of compared pixels.
const CLEAR: u8 = 32;
const APART: usize = 7;

/// Brightness of a frame from its top, or of a strip of it, one byte per pixel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sheet {
    width: usize,
    rows: usize,
    pixels: Vec<u8>,
    /// Height of the whole frame in these pixels.
    frame_height: usize,
    /// Number of the frame's rows above.
    above: usize,
}

/// A sheet that waits, compressed.
pub struct PackedSheet {
    sheet: Sheet,
    data: Vec<u8>,
}

impl Sheet {
    /// Returns the number of rows, from the top, of a frame of `height` rows that are read for its
    /// title.
    pub fn rows_of(height: usize) -> usize {
        ((height as f32 * TITLE_PART).ceil() as usize).clamp(1, height.max(1))
    }

    /// Takes the upper part of a frame of `width * height` bytes without padding; the rows below
    /// [`Sheet::rows_of`] may be left out. Returns `None` if there are fewer, or none.
    pub fn of_frame(width: usize, height: usize, pixels: &[u8]) -> Option<Self> {
        Self::of_rows(width, height, Self::rows_of(height), pixels)
    }

    /// Takes a whole frame. Returns `None` if there are fewer pixels, or none.
    pub fn of_whole_frame(width: usize, height: usize, pixels: &[u8]) -> Option<Self> {
        Self::of_rows(width, height, height, pixels)
    }

    fn of_rows(width: usize, height: usize, rows: usize, pixels: &[u8]) -> Option<Self> {
        let count = width
            .checked_mul(rows)
            .filter(|count| *count > 0 && height > 0)?;
        let part = pixels.get(..count)?;
        let frame_height = match height {
            LEAST_HEIGHT..=MOST_HEIGHT => height,
            _ => SCALED_HEIGHT,
        };
        let sheet = Sheet {
            width,
            rows,
            pixels: part.to_vec(),
            frame_height: height,
            above: 0,
        };
        if frame_height == height {
            return Some(sheet);
        }
        sheet.scaled(frame_height)
    }

    fn scaled(&self, frame_height: usize) -> Option<Self> {
        let scale = frame_height as f32 / self.frame_height as f32;
        let side = |side: usize| ((side as f32 * scale).round() as u32).max(1);
        let (width, rows) = (side(self.width), side(self.rows));
        let from = ImageRef::new(
            u32::try_from(self.width).ok()?,
            u32::try_from(self.rows).ok()?,
            &self.pixels,
            resize::PixelType::U8,
        );
        let mut to = Image::new(width, rows, resize::PixelType::U8);
        let filter = resize::ResizeAlg::Convolution(resize::FilterType::CatmullRom);
        let options = resize::ResizeOptions::new().resize_alg(filter);
        let mut resizer = resize::Resizer::new();
        resizer.resize(&from.ok()?, &mut to, &options).ok()?;
        Some(Sheet {
            width: width as usize,
            rows: rows as usize,
            pixels: to.into_vec(),
            frame_height,
            above: 0,
        })
    }

    /// Returns the pixels of the part in which a title is.
    fn upper(&self) -> &[u8] {
        let count = Self::rows_of(self.frame_height).saturating_mul(self.width);
        self.pixels.get(..count).unwrap_or(&self.pixels)
    }

    /// Returns the part of the upper pixels that differ clearly, of one in seven that are compared;
    /// all if the sizes differ.
    pub(super) fn difference(&self, other: &Sheet) -> f32 {
        if (self.width, self.rows) != (other.width, other.rows) {
            return 1.0;
        }
        let upper = self.upper();
        let pairs = upper.iter().zip(&other.pixels).step_by(APART);
        let (mut differ, mut all) = (0, 0);
        for (one, other) in pairs {
            all += 1;
            differ += u32::from(one.abs_diff(*other) > CLEAR);
        }
        differ as f32 / all.max(1) as f32
    }

    /// Returns whether the frame shows more or less than another one anywhere: a line of text, but not
    /// a pointer.
    pub fn has_changed_since(&self, other: &Sheet) -> bool {
        if (self.width, self.rows) != (other.width, other.rows) {
            return true;
        }
        let pairs = self.pixels.iter().zip(&other.pixels).step_by(APART);
        let differ = pairs.filter(|(one, other)| one.abs_diff(**other) > CLEAR);
        differ.count() as f32 > CHANGED * (self.pixels.len() / APART) as f32
    }

    /// Returns whether much of the sheet has one brightness, as pages have and views of a camera do
    /// not.
    pub(super) fn is_plain(&self) -> bool {
        let mut levels = [0usize; 32];
        for pixel in self.upper().iter().step_by(APART) {
            levels[usize::from(*pixel / 8)] += 1;
        }
        let all: usize = levels.iter().sum();
        let most = levels.windows(2).map(|pair| pair.iter().sum()).max();
        most.unwrap_or(0) * 100 >= all * PLAIN
    }

    /// Returns the sheet with dark text on white, whatever its colours are.
    pub fn evened(&self) -> Sheet {
        Sheet {
            pixels: ground::even(self.width, self.rows, &self.pixels),
            ..self.clone()
        }
    }

    /// Returns the rows between two heights, given in heights of the frame; `None` if there are
    /// none.
    pub fn strip(&self, top: f32, bottom: f32) -> Option<Sheet> {
        let row = |height: f32| {
            let row = (height * self.frame_height as f32).max(0.0) as usize;
            row.saturating_sub(self.above).min(self.rows)
        };
        let (first, end) = (row(top), row(bottom));
        let pixels = self.pixels.get(first * self.width..end * self.width)?;
        (first < end).then(|| Sheet {
            width: self.width,
            rows: end - first,
            pixels: pixels.to_vec(),
            frame_height: self.frame_height,
            above: self.above + first,
        })
    }

    /// Returns the part of a rectangle's pixels that is dark; the rectangle is in heights of the
    /// frame, from the frame's corner.
    pub(super) fn darkness(&self, left: f32, top: f32, right: f32, bottom: f32) -> f32 {
        let pixel = |height: f32| (height * self.frame_height as f32).max(0.0) as usize;
        let start = pixel(left).min(self.width);
        let columns = start..pixel(right).clamp(start, self.width);
        let row = |height| pixel(height).saturating_sub(self.above).min(self.rows);
        let rows = (row(top)..row(bottom)).filter_map(|row| {
            let start = row * self.width;
            self.pixels.get(start + columns.start..start + columns.end)
        });
        let (mut dark, mut all) = (0, 0);
        for row in rows {
            all += row.len();
            dark += row.iter().filter(|pixel| **pixel < DARK).count();
        }
        dark as f32 / all.max(1) as f32
    }

    /// Converts a place on this sheet in pixels to heights of the frame, from the frame's corner.
    pub(super) fn place(&self, left: f32, top: f32) -> (f32, f32) {
        let height = self.frame_height.max(1) as f32;
        (left / height, (top + self.above as f32) / height)
    }

    /// Compresses the sheet.
    pub fn pack(mut self) -> PackedSheet {
        let data = miniz_oxide::deflate::compress_to_vec(&self.pixels, 1);
        self.pixels = Vec::new();
        PackedSheet { sheet: self, data }
    }

    /// Writes a picture in the format PGM (Netpbm), which every recogniser reads.
    pub fn to_pgm(&self) -> Vec<u8> {
        let mut file = format!("P5\n{} {}\n255\n", self.width, self.rows).into_bytes();
        file.extend_from_slice(&self.pixels);
        file
    }
}

impl PackedSheet {
    /// Returns its size in bytes.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    /// Returns the sheet as it was; `None` if its data is damaged.
    pub fn unpack(self) -> Option<Sheet> {
        let pixels = miniz_oxide::inflate::decompress_to_vec(&self.data).ok()?;
        Some(Sheet {
            pixels,
            ..self.sheet
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(width: usize, height: usize) -> Sheet {
        let pixels: Vec<u8> = (0..width * height).map(|at| (at % 251) as u8).collect();
        Sheet::of_frame(width, height, &pixels).expect("a sheet")
    }

    #[test]
    fn the_upper_part_of_a_usual_frame_keeps_its_pixels() {
        let sheet = frame(1280, 720);
        assert_eq!(
            (sheet.width, sheet.rows, sheet.frame_height),
            (1280, 447, 720)
        );
        assert_eq!(sheet.pixels[1280], (1280 % 251) as u8);
        assert_eq!(sheet.clone().pack().unpack(), Some(sheet));
    }

    #[test]
    fn small_and_large_frames_are_scaled() {
        for (width, height) in [(640, 360), (3840, 2160), (1, 1), (5000, 3)] {
            let sheet = frame(width, height);
            assert_eq!(sheet.frame_height, SCALED_HEIGHT);
            assert_eq!(sheet.pixels.len(), sheet.width * sheet.rows);
        }
        assert_eq!(Sheet::of_frame(0, 9, &[]), None);
        assert_eq!(Sheet::of_frame(9, 9, &[0; 50]), None);
        assert_eq!(Sheet::of_frame(9, 0, &[0; 50]), None);
        assert_eq!(Sheet::of_frame(usize::MAX, 2, &[0; 80]), None);
    }

    #[test]
    fn a_strip_knows_its_place() {
        let strip = frame(1280, 720).strip(0.1, 0.2).expect("a strip");
        assert_eq!((strip.rows, strip.above), (72, 72));
        assert_eq!(strip.place(360.0, 36.0), (0.5, 0.15));
        assert_eq!(frame(1280, 720).strip(0.9, 1.0), None);
        assert_eq!(frame(1280, 720).strip(0.3, 0.2), None);
    }

    #[test]
    fn a_picture_is_its_header_and_its_pixels() {
        let sheet = frame(30, 700);
        let file = sheet.to_pgm();
        let pixels = file.strip_prefix(b"P5\n30 434\n255\n");
        assert_eq!(pixels, Some(&sheet.pixels[..]));
    }
}
