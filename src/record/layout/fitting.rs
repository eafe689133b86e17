// SPDX-License-Identifier: MPL-2.0

//! The part of a video that a tile shows, and the pixels that it fills.

use super::geometry::{even_down, scaled};
use super::{Fit, Rect};

/// The pixels to remove from each side of a video; all even.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Crop {
    pub left: u32,
    pub top: u32,
    pub right: u32,
    pub bottom: u32,
}

/// A video in its tile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Placement {
    pub crop: Crop,
    /// The pixels that the cropped video fills; inside the tile.
    pub rect: Rect,
}

/// A video's size in pixels, upright, and the shape of its pixels (width : height).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VideoSize {
    pub width: u32,
    pub height: u32,
    pub pixel_aspect: (u32, u32),
}

impl VideoSize {
    /// Returns the size after a turn by a quarter.
    #[must_use]
    pub const fn turned(self) -> Self {
        VideoSize {
            width: self.height,
            height: self.width,
            pixel_aspect: (self.pixel_aspect.1, self.pixel_aspect.0),
        }
    }

    /// The shape of the shown video, as width and height without a common unit.
    fn shape(self) -> (u128, u128) {
        let (x, y) = (self.pixel_aspect.0.max(1), self.pixel_aspect.1.max(1));
        (
            u128::from(self.width) * u128::from(x),
            u128::from(self.height) * u128::from(y),
        )
    }
}

/// Places a video in a tile.
pub fn place(fit: Fit, tile: Rect, video: VideoSize) -> Placement {
    match fit {
        Fit::Cover => Placement {
            crop: crop_to(tile, video),
            rect: tile,
        },
        Fit::Contain => Placement {
            crop: Crop::default(),
            rect: contain(tile, video),
        },
    }
}

/// The largest part in the middle of a video that has the shape of the tile.
fn crop_to(tile: Rect, video: VideoSize) -> Crop {
    let (width, height) = video.shape();
    let (wanted_width, wanted_height) = (u128::from(tile.width), u128::from(tile.height));
    if width == 0 || height == 0 || wanted_width == 0 || wanted_height == 0 {
        return Crop::default();
    }
    let mut crop = Crop::default();
    if width * wanted_height > height * wanted_width {
        let kept = u128::from(video.width) * wanted_width * height / (wanted_height * width);
        (crop.left, crop.right) = halves(video.width, kept);
    } else {
        let kept = u128::from(video.height) * wanted_height * width / (wanted_width * height);
        (crop.top, crop.bottom) = halves(video.height, kept);
    }
    crop
}

/// Splits what is not kept of a length into two even halves.
fn halves(length: u32, kept: u128) -> (u32, u32) {
    let kept = u32::try_from(kept)
        .unwrap_or(length)
        .clamp(2, length.max(2));
    let removed = length.saturating_sub(kept);
    let first = even_down(removed / 2);
    (first, even_down(removed - first))
}

/// The largest rectangle in the middle of the tile that has the shape of the video.
fn contain(tile: Rect, video: VideoSize) -> Rect {
    let (width, height) = video.shape();
    let divisor = (width.max(height) >> 31).max(1);
    let shorten = |length: u128| u32::try_from(length / divisor).unwrap_or(u32::MAX).max(1);
    let (width, height) = (shorten(width), shorten(height));
    let full_width = scaled(tile.height, width, height);
    if full_width <= tile.width {
        tile.centered(full_width.max(2), tile.height)
    } else {
        tile.centered(tile.width, scaled(tile.width, height, width).max(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TILE: Rect = Rect::new(640, 360, 640, 360);

    fn video(width: u32, height: u32) -> VideoSize {
        VideoSize {
            width,
            height,
            pixel_aspect: (1, 1),
        }
    }

    #[test]
    fn a_video_of_the_shape_of_its_tile_is_whole() {
        for fit in [Fit::Cover, Fit::Contain] {
            let placement = place(fit, TILE, video(1280, 720));
            assert_eq!(placement.crop, Crop::default());
            assert_eq!(placement.rect, TILE);
        }
    }

    #[test]
    fn a_wide_video_loses_its_sides_and_a_narrow_one_top_and_bottom() {
        let square = Rect::new(0, 0, 300, 300);
        let wide = place(Fit::Cover, square, video(640, 360)).crop;
        assert_eq!(
            (wide.left, wide.right, wide.top, wide.bottom),
            (140, 140, 0, 0)
        );
        let old = place(Fit::Cover, TILE, video(640, 480)).crop;
        assert_eq!((old.left, old.right, old.top, old.bottom), (0, 0, 60, 60));
    }

    #[test]
    fn a_phone_held_upright_is_whole_in_the_middle() {
        let placement = place(Fit::Contain, TILE, video(1280, 720).turned());
        assert_eq!(placement.rect, Rect::new(858, 360, 202, 360));
        assert_eq!(placement.crop, Crop::default());
    }

    #[test]
    fn the_shape_of_pixels_counts() {
        let wide = VideoSize {
            width: 720,
            height: 576,
            pixel_aspect: (64, 45),
        };
        assert_eq!(place(Fit::Contain, TILE, wide).rect, TILE);
    }

    proptest! {
        #[test]
        fn a_video_stays_in_its_tile_and_keeps_its_shape(
            width in 2u32..8000, height in 2u32..8000,
            tile_width in 2u32..1000, tile_height in 2u32..1000,
            is_cover: bool,
        ) {
            let tile = Rect::new(10, 20, tile_width * 2, tile_height * 2);
            let fit = if is_cover { Fit::Cover } else { Fit::Contain };
            let Placement { crop, rect } = place(fit, tile, video(width, height));
            prop_assert!(rect.x >= tile.x && rect.right() <= tile.right());
            prop_assert!(rect.y >= tile.y && rect.bottom() <= tile.bottom());
            prop_assert!(!rect.is_empty());
            prop_assert!(crop.left + crop.right < width && crop.top + crop.bottom < height);
            for side in [crop.left, crop.top, rect.width, rect.height, rect.x, rect.y] {
                prop_assert_eq!(side % 2, 0);
            }
            // Two pixels of rounding on either side.
            let kept = (f64::from(width - crop.left - crop.right), f64::from(height - crop.top - crop.bottom));
            let shown = (f64::from(rect.width), f64::from(rect.height));
            let wrong_x = (kept.0 * shown.1 / kept.1 - shown.0).abs();
            let wrong_y = (kept.1 * shown.0 / kept.0 - shown.1).abs();
            let pixel = (shown.0 / kept.0).max(shown.1 / kept.1).max(1.0);
            prop_assert!(wrong_x <= 4.0 * pixel || wrong_y <= 4.0 * pixel, "{} {}", wrong_x, wrong_y);
        }
    }
}
