// SPDX-License-Identifier: MPL-2.0

//! Frames as planes of bytes, and the grid of square blocks in which they are compared.

use super::Sensitivity;

/// Side of a block in pixels. A line of small text is about one block high.
const BLOCK: usize = 16;
/// Number of pixels below which a frame has small letters, and blocks of half the size.
const SMALL_PICTURE: usize = 640 * 400;
/// Largest difference of an unchanged byte: the noise of a codec in a still frame.
const DEAD_ZONE: u8 = 14;

/// Layout of one plane's bytes in a block of `BLOCK` x `BLOCK` pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlaneFormat {
    /// Bytes per row of 16 pixels: 16 for luma, 8 for a halved chroma plane, 16 for interleaved
    /// halved chroma, 32 for packed 4:2:2, 64 for packed 32-bit RGB.
    pub row_bytes: usize,
    /// Rows per 16 rows of pixels.
    pub rows: usize,
}

/// Plane formats of the usual 8-bit layouts.
impl PlaneFormat {
    /// A plane with one byte per pixel: luma, or chroma that is not subsampled.
    pub const FULL: PlaneFormat = PlaneFormat {
        row_bytes: 16,
        rows: 16,
    };
    /// One chroma component, halved in both directions (4:2:0 planar).
    pub const QUARTER: PlaneFormat = PlaneFormat {
        row_bytes: 8,
        rows: 8,
    };
    /// One chroma component, halved horizontally (4:2:2 planar).
    pub const HALF: PlaneFormat = PlaneFormat {
        row_bytes: 8,
        rows: 16,
    };
    /// Both chroma components interleaved, halved in both directions (NV12, NV21).
    pub const INTERLEAVED: PlaneFormat = PlaneFormat {
        row_bytes: 16,
        rows: 8,
    };
    /// Luma and chroma packed, 4:2:2 (YUY2, UYVY).
    pub const PACKED_422: PlaneFormat = PlaneFormat {
        row_bytes: 32,
        rows: 16,
    };
    /// Four bytes per pixel (RGBx and similar).
    pub const PACKED_32: PlaneFormat = PlaneFormat {
        row_bytes: 64,
        rows: 16,
    };
}

/// A plane of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    pub format: PlaneFormat,
}

/// A decoded frame. Any 8-bit layout works, since frames are only compared with each other.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// The first plane contains the luma.
    pub planes: &'a [Plane<'a>],
}

/// Returns the planes of a frame in a raw video format of GStreamer, given by its name. `plane`
/// returns the bytes and the stride of each one. The result is empty for a format whose bytes
/// cannot be compared as they are.
pub fn planes<'a>(
    format: &str,
    plane: impl Fn(usize) -> Option<(&'a [u8], usize)>,
) -> Vec<Plane<'a>> {
    use PlaneFormat as P;
    let formats: &[PlaneFormat] = match format {
        "I420" | "YV12" => &[P::FULL, P::QUARTER, P::QUARTER],
        "NV12" | "NV21" => &[P::FULL, P::INTERLEAVED],
        "Y42B" => &[P::FULL, P::HALF, P::HALF],
        "Y444" => &[P::FULL, P::FULL, P::FULL],
        "YUY2" | "UYVY" | "YVYU" => &[P::PACKED_422],
        "GRAY8" => &[P::FULL],
        "BGRx" | "RGBx" | "xRGB" | "xBGR" | "BGRA" | "RGBA" | "ARGB" | "ABGR" => &[P::PACKED_32],
        _ => &[],
    };
    formats
        .iter()
        .enumerate()
        .filter_map(|(index, &format)| {
            let (data, stride) = plane(index)?;
            Some(Plane {
                data,
                stride,
                format,
            })
        })
        .collect()
}

type Residual = fn(&[u8], usize, &[u8]) -> u32;

#[derive(Clone, Copy)]
struct GridPlane {
    format: PlaneFormat,
    row_bytes: usize,
    rows: usize,
    /// Offset of the plane's bytes in a kept block.
    offset: usize,
    residual: Residual,
}

impl GridPlane {
    fn len(&self) -> usize {
        self.row_bytes * self.rows
    }
}

/// The grid of whole blocks in frames of one size and layout. A remainder at the right and lower
/// edge that is smaller than a block is ignored.
pub(super) struct Grid {
    width: usize,
    height: usize,
    pub columns: usize,
    pub rows: usize,
    planes: Vec<GridPlane>,
    /// Bytes of one kept block: all planes, one after the other.
    pub block_len: usize,
    moved: u32,
}

impl Grid {
    pub fn new(picture: &Picture, sensitivity: Sensitivity) -> Self {
        let small = picture.width * picture.height < SMALL_PICTURE;
        let divisor = if small { 2 } else { 1 };
        let side = BLOCK / divisor;
        let mut block_len = 0;
        let planes = picture
            .planes
            .iter()
            .filter_map(|plane| {
                let row_bytes = plane.format.row_bytes / divisor;
                let plane = GridPlane {
                    format: plane.format,
                    row_bytes,
                    rows: plane.format.rows / divisor,
                    offset: block_len,
                    residual: residual_for(row_bytes)?,
                };
                block_len += plane.len();
                Some(plane)
            })
            .collect();
        Grid {
            width: picture.width,
            height: picture.height,
            columns: picture.width / side,
            rows: picture.height / side,
            planes,
            block_len,
            moved: sensitivity.moved() / (divisor * divisor) as u32,
        }
    }

    /// Returns whether a frame can be compared on this grid.
    pub fn fits(&self, picture: &Picture) -> bool {
        self.width == picture.width
            && self.height == picture.height
            && self.planes.len() == picture.planes.len()
            && self
                .planes
                .iter()
                .zip(picture.planes)
                .all(|(ours, theirs)| ours.format == theirs.format)
    }

    pub fn blocks(&self) -> usize {
        self.columns * self.rows
    }

    fn parts<'a>(
        &'a self,
        picture: &'a Picture,
        column: usize,
        row: usize,
    ) -> impl Iterator<Item = (&'a GridPlane, &'a [u8], usize)> {
        self.planes
            .iter()
            .zip(picture.planes)
            .map(move |(ours, plane)| {
                let start = row * ours.rows * plane.stride + column * ours.row_bytes;
                (
                    ours,
                    plane.data.get(start..).unwrap_or_default(),
                    plane.stride.max(1),
                )
            })
    }

    /// Returns the difference between a block of the frame and a kept one, beyond codec noise.
    pub fn residual(&self, picture: &Picture, column: usize, row: usize, kept: &[u8]) -> u32 {
        self.parts(picture, column, row)
            .map(|(plane, data, stride)| {
                (plane.residual)(data, stride, &kept[plane.offset..][..plane.len()])
            })
            .sum()
    }

    /// Returns the difference between two kept blocks.
    pub fn residual_kept(&self, a: &[u8], b: &[u8]) -> u32 {
        self.planes
            .iter()
            .map(|plane| {
                let range = plane.offset..plane.offset + plane.len();
                (plane.residual)(&a[range.clone()], plane.row_bytes, &b[range])
            })
            .sum()
    }

    /// Returns whether a residual is more than codec noise.
    pub fn is_moved(&self, residual: u32) -> bool {
        residual > self.moved
    }

    /// Returns whether a residual is clearly more than that.
    pub fn is_clear(&self, residual: u32) -> bool {
        residual > self.moved * 2
    }

    /// Copies a block of the frame.
    pub fn keep(&self, picture: &Picture, column: usize, row: usize, kept: &mut [u8]) {
        for (plane, data, stride) in self.parts(picture, column, row) {
            let kept = &mut kept[plane.offset..][..plane.len()];
            for (from, to) in data
                .chunks(stride)
                .zip(kept.chunks_exact_mut(plane.row_bytes))
            {
                let count = from.len().min(to.len());
                to[..count].copy_from_slice(&from[..count]);
            }
        }
    }

    /// Copies all blocks of the frame, one after the other.
    pub fn keep_all(&self, picture: &Picture, kept: &mut [u8]) {
        for (index, kept) in kept.chunks_exact_mut(self.block_len.max(1)).enumerate() {
            self.keep(picture, index % self.columns, index / self.columns, kept);
        }
    }

    /// Returns whether two different blocks show the same content in another quality: a frame that
    /// sharpens after a cut, or a key frame that encodes the same text anew. The squared difference
    /// is then small compared with the contrast, in every plane.
    pub fn same_content(&self, a: &[u8], b: &[u8]) -> bool {
        /// Relative to the blocks' own energy; a replaced text has about 1, a sharpened one 0.1 to
        /// 0.2.
        const SHARE: f32 = 0.22;
        /// Squared noise of a flat plane, for each byte.
        const FLOOR: f32 = 60.0;
        self.planes.iter().all(|plane| {
            let range = plane.offset..plane.offset + plane.len();
            let (a, b) = (&a[range.clone()], &b[range]);
            let count = a.len() as f32;
            let difference: u32 = a
                .iter()
                .zip(b)
                .map(|(&a, &b)| u32::from(a.abs_diff(b)).pow(2))
                .sum();
            difference as f32 <= SHARE * (energy(a) + energy(b)) + FLOOR * count
        })
    }

    /// Returns whether luma has a plane of its own.
    pub fn has_luma(&self) -> bool {
        let plane = self.planes.first();
        plane.is_some_and(|plane| plane.format == PlaneFormat::FULL)
    }

    /// Returns the rows of a kept block's luma; none if luma has no plane of its own.
    pub fn luma<'a>(&self, kept: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let plane = self.planes.first();
        let plane = plane.filter(|plane| plane.format == PlaneFormat::FULL);
        let (len, row_bytes) = plane.map_or((0, 1), |plane| (plane.len(), plane.row_bytes));
        kept.get(..len).unwrap_or_default().chunks(row_bytes.max(1))
    }

    /// Returns whether a kept block has so much contrast that it changes when it moves.
    pub fn has_contrast(&self, kept: &[u8]) -> bool {
        /// The difference between a bright edge and its shadow.
        const CONTRAST: u8 = 60;
        let luma = || self.luma(kept).flatten();
        match (luma().min(), luma().max()) {
            (Some(darkest), Some(brightest)) => brightest - darkest >= CONTRAST,
            _ => true,
        }
    }

    /// Returns four means of the block's first plane, one for each quarter.
    pub fn means(&self, kept: &[u8]) -> [u8; 4] {
        let Some(plane) = self.planes.first() else {
            return [0; 4];
        };
        let mut sums = [0u32; 4];
        for (index, &byte) in kept[..plane.len()].iter().enumerate() {
            let right = (index % plane.row_bytes) * 2 / plane.row_bytes;
            let lower = (index / plane.row_bytes) * 2 / plane.rows;
            sums[lower * 2 + right] += u32::from(byte);
        }
        let count = (plane.len() / 4).max(1) as u32;
        sums.map(|sum| (sum / count) as u8)
    }
}

/// Returns the sum of squared distances from the mean.
fn energy(bytes: &[u8]) -> f32 {
    let sum: u32 = bytes.iter().map(|&byte| u32::from(byte)).sum();
    let squares: u32 = bytes.iter().map(|&byte| u32::from(byte).pow(2)).sum();
    squares as f32 - (sum as f32).powi(2) / bytes.len() as f32
}

fn residual_for(row_bytes: usize) -> Option<Residual> {
    match row_bytes {
        4 => Some(residual::<4>),
        8 => Some(residual::<8>),
        16 => Some(residual::<16>),
        32 => Some(residual::<32>),
        64 => Some(residual::<64>),
        _ => None,
    }
}

/// Returns the sum of the differences beyond the dead zone. Written for the vectoriser: fixed
/// width, 16-bit lanes (16 rows of at most 255 fit).
fn residual<const W: usize>(data: &[u8], stride: usize, kept: &[u8]) -> u32 {
    let mut sums = [0u16; W];
    for (row, kept) in data.chunks(stride).zip(kept.as_chunks::<W>().0) {
        let Some(row) = row.first_chunk::<W>() else {
            break;
        };
        for ((sum, &byte), &kept) in sums.iter_mut().zip(row).zip(kept) {
            *sum += u16::from(byte.abs_diff(kept).saturating_sub(DEAD_ZONE));
        }
    }
    sums.iter().map(|&sum| u32::from(sum)).sum()
}
