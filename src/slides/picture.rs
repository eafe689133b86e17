// SPDX-License-Identifier: MPL-2.0

//! Pictures as planes of bytes, and the grid of square blocks that they are compared in.

use super::Sensitivity;

/// The side of a block in pixels. A line of small text is about one block high.
const BLOCK: usize = 16;
/// Pictures with fewer pixels than this have small letters, and blocks of half the size.
const SMALL_PICTURE: usize = 640 * 400;
/// A byte that differs by no more than this is unchanged: what a codec does to a still picture.
const DEAD_ZONE: u8 = 14;

/// How the bytes of one plane lie under a block of `BLOCK` x `BLOCK` pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlaneFormat {
    /// Bytes of one row under 16 pixels: 16 for luma, 8 for a halved chroma plane, 16 for
    /// interleaved halved chroma, 32 for packed 4:2:2, 64 for packed 32-bit RGB.
    pub row_bytes: usize,
    /// Rows under 16 rows of pixels.
    pub rows: usize,
}

/// The plane formats of the usual 8-bit layouts.
impl PlaneFormat {
    /// A plane with one byte per pixel: luma, or chroma that is not subsampled.
    pub const FULL: PlaneFormat = PlaneFormat {
        row_bytes: 16,
        rows: 16,
    };
    /// One chroma component, halved both ways (4:2:0 planar).
    pub const QUARTER: PlaneFormat = PlaneFormat {
        row_bytes: 8,
        rows: 8,
    };
    /// One chroma component, halved horizontally (4:2:2 planar).
    pub const HALF: PlaneFormat = PlaneFormat {
        row_bytes: 8,
        rows: 16,
    };
    /// Both chroma components interleaved, halved both ways (NV12, NV21).
    pub const INTERLEAVED: PlaneFormat = PlaneFormat {
        row_bytes: 16,
        rows: 8,
    };
    /// Luma and chroma packed, 4:2:2 (YUY2, UYVY).
    pub const PACKED_422: PlaneFormat = PlaneFormat {
        row_bytes: 32,
        rows: 16,
    };
    /// Four bytes per pixel (RGBx and its kin).
    pub const PACKED_32: PlaneFormat = PlaneFormat {
        row_bytes: 64,
        rows: 16,
    };
}

/// One plane of a picture.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    pub format: PlaneFormat,
}

/// A decoded picture. Any 8-bit layout will do: pictures are only compared with each other.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// The first plane is the one that holds the luma.
    pub planes: &'a [Plane<'a>],
}

/// The planes of a picture in a raw video format of GStreamer's, given by its name. `plane` gives
/// the bytes and the stride of each. Empty for a format whose bytes cannot be compared as they are.
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
    /// Where the plane's bytes start in a kept block.
    offset: usize,
    residual: Residual,
}

impl GridPlane {
    fn len(&self) -> usize {
        self.row_bytes * self.rows
    }
}

/// The grid of whole blocks in pictures of one size and layout. A remainder at the right and
/// lower edge that is smaller than a block is not looked at.
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

    /// Whether a picture can be compared on this grid.
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

    /// How far the block of the picture differs from a kept one, beyond what a codec does.
    pub fn residual(&self, picture: &Picture, column: usize, row: usize, kept: &[u8]) -> u32 {
        self.parts(picture, column, row)
            .map(|(plane, data, stride)| {
                (plane.residual)(data, stride, &kept[plane.offset..][..plane.len()])
            })
            .sum()
    }

    /// How far two kept blocks differ.
    pub fn residual_kept(&self, a: &[u8], b: &[u8]) -> u32 {
        self.planes
            .iter()
            .map(|plane| {
                let range = plane.offset..plane.offset + plane.len();
                (plane.residual)(&a[range.clone()], plane.row_bytes, &b[range])
            })
            .sum()
    }

    /// Whether a residual is more than a codec's doing.
    pub fn is_moved(&self, residual: u32) -> bool {
        residual > self.moved
    }

    /// Whether a residual is clearly more than that.
    pub fn is_clear(&self, residual: u32) -> bool {
        residual > self.moved * 2
    }

    /// Keeps a block of the picture.
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

    /// Keeps all blocks of the picture, one after the other.
    pub fn keep_all(&self, picture: &Picture, kept: &mut [u8]) {
        for (index, kept) in kept.chunks_exact_mut(self.block_len.max(1)).enumerate() {
            self.keep(picture, index % self.columns, index / self.columns, kept);
        }
    }

    /// Whether two blocks that differ show the same thing in another quality: a picture that
    /// sharpens after a cut, or a key frame that encodes the same text anew. The squared
    /// difference is then small beside the contrast, in every plane.
    pub fn same_content(&self, a: &[u8], b: &[u8]) -> bool {
        /// Of the blocks' own energy; a replaced text has about 1, a sharpened one 0.1 to 0.2.
        const SHARE: f32 = 0.22;
        /// Noise of a flat plane, squared, for each byte.
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

    /// Whether luma has a plane of its own.
    pub fn has_luma(&self) -> bool {
        let plane = self.planes.first();
        plane.is_some_and(|plane| plane.format == PlaneFormat::FULL)
    }

    /// The rows of a kept block's luma; none if luma has no plane of its own.
    pub fn luma<'a>(&self, kept: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let plane = self.planes.first();
        let plane = plane.filter(|plane| plane.format == PlaneFormat::FULL);
        let (len, row_bytes) = plane.map_or((0, 1), |plane| (plane.len(), plane.row_bytes));
        kept.get(..len).unwrap_or_default().chunks(row_bytes.max(1))
    }

    /// Whether a kept block has so much contrast that it changes when it moves.
    pub fn has_contrast(&self, kept: &[u8]) -> bool {
        /// As much as a bright edge and its shadow.
        const CONTRAST: u8 = 60;
        let luma = || self.luma(kept).flatten();
        match (luma().min(), luma().max()) {
            (Some(darkest), Some(brightest)) => brightest - darkest >= CONTRAST,
            _ => true,
        }
    }

    /// Four means of the block's first plane, one of each quarter.
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

/// The sum of squared distances from the mean.
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

/// The sum of what each byte differs beyond the dead zone. Written for the vectoriser: fixed
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
