// SPDX-License-Identifier: MPL-2.0

//! Room layouts: turns the events of a room into pictures, each a list of placed tiles.
//!
//! A [`Director`] receives [`Event`]s in the order of their times and returns the next [`Picture`]
//! whenever it changes. It has no clock: [`Director::deadline`] is the time at which the picture
//! may change without an event. [`pictures`] runs a whole list of events.
//!
//! - `room`: who is in the room, and their tracks; `voice`: who speaks; `floor`: who holds the
//!   stage; `page`: which of many people have a tile.
//! - `geometry` and `canvas`: rectangles and tiles; `arrange`: those of each layout; `file`: a layout
//!   of the user's own.
//! - `schedule`: a director for programs that prepare frames ahead; `fitting`: a video in its tile;
//!   `avatar`: the stand-in for a camera that is off.
//! - `draft`: `layout.vtt`, the director's choices as a file that a person corrects.
//!
//! `grid`, `speaker`, `single-speaker` and their order follow the default template of LiveKit
//! Egress, so that a recording looks as its users know it. All coordinates and sizes are even,
//! because the chroma of I420 has half the resolution.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod arrange;
pub mod avatar;
mod canvas;
mod director;
mod draft;
mod file;
mod fitting;
mod floor;
mod geometry;
mod page;
mod room;
mod schedule;
#[cfg(test)]
mod tests;
mod voice;

pub use director::{Director, pictures};
pub use draft::{Decision, Entry, LayoutDraft, LayoutDraftError, ScreenChoice};
pub use file::{LayoutFile, LayoutFileError, Region, SCHEMA, Show};
pub use fitting::{Crop, Placement, VideoSize, place};
pub use floor::SwitchRules;
pub use geometry::{Rect, Size, SizeError};
pub use room::{Change, Event, Role, Source};
pub use schedule::Schedule;

/// A kind of layout.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Kind {
    /// Equal cells; `speaker` while a screen is shared.
    #[default]
    Grid,
    /// A column of thumbnails beside the stage.
    Speaker,
    /// The stage alone.
    SingleSpeaker,
    /// The screen, and the active speaker in a corner.
    Slides,
    /// The screen beside the active speaker.
    SideBySide,
    /// A third for the interpreter, the screen and the active speaker beside them.
    Interpreter,
    /// The user's own [`LayoutFile`].
    Custom,
}

/// A layout by name: `grid`, `speaker`, `single-speaker`, `slides`, `side-by-side` or
/// `interpreter`, each black or, with the suffix `-light`, white; or `custom`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LayoutName {
    pub kind: Kind,
    /// The background is white. Has no effect on `custom`, whose file has a background.
    pub light: bool,
}

const NAMES: [(&str, Kind); 7] = [
    ("grid", Kind::Grid),
    ("speaker", Kind::Speaker),
    ("single-speaker", Kind::SingleSpeaker),
    ("slides", Kind::Slides),
    ("side-by-side", Kind::SideBySide),
    ("interpreter", Kind::Interpreter),
    ("custom", Kind::Custom),
];

impl fmt::Display for LayoutName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(_, kind)| *kind == self.kind);
        f.write_str(name.map_or("grid", |(name, _)| name))?;
        f.write_str(if self.light { "-light" } else { "" })
    }
}

/// A name that is not a layout.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownLayout(pub String);

impl fmt::Display for UnknownLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the layout \"{}\" is unknown; use grid, speaker, single-speaker, slides, side-by-side \
             or interpreter (each also with -light), or custom with a layout file",
            self.0
        )
    }
}

impl std::error::Error for UnknownLayout {}

impl FromStr for LayoutName {
    type Err = UnknownLayout;

    fn from_str(text: &str) -> Result<Self, UnknownLayout> {
        let (base, light) = match text.strip_suffix("-light") {
            Some(base) => (base, true),
            None => (text, false),
        };
        NAMES
            .iter()
            .find(|(name, kind)| *name == base && !(light && *kind == Kind::Custom))
            .map(|(_, kind)| LayoutName { kind: *kind, light })
            .ok_or_else(|| UnknownLayout(text.to_owned()))
    }
}

/// A colour, 8 bits each of red, green and blue; `#rrggbb` in JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Color {
    pub red: u8,
    pub green: u8,
    pub blue: u8,
}

impl Color {
    pub const BLACK: Color = Color {
        red: 0,
        green: 0,
        blue: 0,
    };
    pub const WHITE: Color = Color {
        red: 255,
        green: 255,
        blue: 255,
    };
}

/// The video that a tile shows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum TileSource {
    Camera,
    Screen,
    /// A stand-in for a camera that is off.
    Avatar,
}

/// The way a video fills its tile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// Fills the tile; what reaches beyond it is cropped.
    Cover,
    /// Is shown whole; the background fills the rest.
    Contain,
}

/// A video of a participant at its place in the picture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tile {
    pub participant: String,
    pub source: TileSource,
    pub rect: Rect,
    pub fit: Fit,
    /// Tiles with a higher number cover those with a lower one.
    pub z: u32,
}

/// Everything that is shown at one time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    /// The chosen layout. `grid` stays `grid` while a shared screen shows it as `speaker`.
    pub layout: LayoutName,
    /// The active speaker.
    pub speaker: Option<String>,
    /// The participant whose screen comes first.
    pub screen: Option<String>,
    pub background: Color,
    pub tiles: Vec<Tile>,
}
