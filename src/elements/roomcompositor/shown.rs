// SPDX-License-Identifier: MPL-2.0

//! The way that a track is shown, and the compositor's pad for it.

use gst::prelude::*;

use crate::record::layout::{Crop, Placement, Rect, Tile, VideoSize};
use crate::timeline::Time;

/// Side of the frames of a track without a tile.
pub const HIDDEN: u32 = 16;

/// The way that a frame is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    Hidden,
    Avatar(Rect),
    Video(Placement),
}

/// A frame on its way to the compositor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown {
    pub time: Time,
    /// The tile that it was fitted for.
    pub tile: Option<Rect>,
    pub look: Look,
}

/// The properties of a pad of the compositor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PadLook {
    rect: Option<Rect>,
    z: u32,
    /// The frame was fitted for another tile.
    keeps_aspect: bool,
}

impl PadLook {
    /// Returns the properties for a frame in a tile.
    pub fn new(tile: Option<&Tile>, shown: Option<Shown>) -> Self {
        let hidden = PadLook {
            rect: None,
            z: 0,
            keeps_aspect: false,
        };
        let (Some(tile), Some(shown)) = (tile, shown) else {
            return hidden;
        };
        let rect = match shown.look {
            Look::Hidden => return hidden,
            Look::Avatar(rect) | Look::Video(Placement { rect, .. }) => rect,
        };
        let is_fitted = shown.tile == Some(tile.rect);
        PadLook {
            rect: Some(if is_fitted { rect } else { tile.rect }),
            z: tile.z + 1,
            keeps_aspect: !is_fitted,
        }
    }

    /// Sets the properties.
    pub fn set(self, pad: &gst::Pad) {
        let Some(rect) = self.rect else {
            pad.set_property("alpha", 0.0f64);
            return;
        };
        for (name, value) in [
            ("xpos", rect.x),
            ("ypos", rect.y),
            ("width", rect.width),
            ("height", rect.height),
        ] {
            pad.set_property(name, i32::try_from(value).unwrap_or(i32::MAX));
        }
        pad.set_property("zorder", self.z);
        let policy = if self.keeps_aspect {
            "keep-aspect-ratio"
        } else {
            "none"
        };
        pad.set_property_from_str("sizing-policy", policy);
        pad.set_property("alpha", 1.0f64);
    }
}

/// Returns a small piece of the middle: a track without a tile delivers frames all the same.
pub fn hidden(size: VideoSize) -> Placement {
    let (width, height) = (size.width.min(HIDDEN), size.height.min(HIDDEN));
    let halves = |rest: u32| (rest / 4 * 2, rest - rest / 4 * 2);
    let (left, right) = halves(size.width - width);
    let (top, bottom) = halves(size.height - height);
    Placement {
        crop: Crop {
            left,
            top,
            right,
            bottom,
        },
        rect: Rect::new(0, 0, width, height),
    }
}
