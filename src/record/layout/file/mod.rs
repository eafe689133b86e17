// SPDX-License-Identifier: MPL-2.0

//! A layout of the user's own: regions of the picture and who fills them, as JSON. Its JSON schema
//! is `layout.schema.json` next to this file.
//!
//! `check` holds its rules and errors, `place` fills the regions. Every video is shown once.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::canvas::MAX_GRID;
use super::geometry::boundary;
use super::room::Role;
use super::{Color, Fit, Rect};

mod check;
mod place;

pub use check::LayoutFileError;

/// The JSON schema (draft 2020-12) of a layout file.
pub const SCHEMA: &str = include_str!("../layout.schema.json");

/// Regions are placed on a raster of a hundredth of a per cent, so that 33.33 + 33.33 meets 66.66.
const WHOLE: u32 = 10_000;

/// A layout file.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayoutFile {
    /// The version of this form, 1.
    pub version: u32,
    /// The colour of everything that no video fills; black by default.
    #[serde(default = "black")]
    pub background: Color,
    /// At least one region.
    pub regions: Vec<Region>,
}

/// A part of the picture. The four lengths are in per cent of the picture.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    /// Who fills it.
    pub show: Show,
    /// Who fills it if `show` finds nobody. Without it the region stays empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Show>,
    /// By default landscape cameras cover the region and everything else is contained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// Regions with a higher number cover those with a lower one; 0 to 100, 0 by default.
    #[serde(default)]
    pub z: u32,
}

/// Who fills a region.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Show {
    /// `screen`: a shared screen.
    Screen,
    /// `speaker`: the active speaker.
    Speaker,
    /// `number:N`: the N-th of the others, from 1.
    Number(u8),
    /// `participant:ID`: this participant's camera.
    Participant(String),
    /// `role:host`, `role:participant` or `role:interpreter`: the first of them.
    Role(Role),
    /// `rest`: all others, as a grid.
    Rest,
}

impl TryFrom<String> for Show {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let show = match text.split_once(':') {
            None => match text.as_str() {
                "screen" => Some(Show::Screen),
                "speaker" => Some(Show::Speaker),
                "rest" => Some(Show::Rest),
                _ => None,
            },
            Some(("number", number)) => {
                let number = number.parse().ok();
                let is_valid = |number: &u8| (1..=MAX_GRID).contains(&usize::from(*number));
                number.filter(is_valid).map(Show::Number)
            }
            Some(("participant", id)) if !id.is_empty() => Some(Show::Participant(id.to_owned())),
            Some(("role", "host")) => Some(Show::Role(Role::Host)),
            Some(("role", "participant")) => Some(Show::Role(Role::Participant)),
            Some(("role", "interpreter")) => Some(Show::Role(Role::Interpreter)),
            Some(_) => None,
        };
        show.ok_or_else(|| {
            format!(
                "\"{text}\" fills no region, use screen, speaker, rest, number:1 to number:{MAX_GRID}, \
                 participant:ID, role:host, role:participant or role:interpreter"
            )
        })
    }
}

impl fmt::Display for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Show::Screen => write!(f, "screen"),
            Show::Speaker => write!(f, "speaker"),
            Show::Number(number) => write!(f, "number:{number}"),
            Show::Participant(id) => write!(f, "participant:{id}"),
            Show::Role(Role::Host) => write!(f, "role:host"),
            Show::Role(Role::Participant) => write!(f, "role:participant"),
            Show::Role(Role::Interpreter) => write!(f, "role:interpreter"),
            Show::Rest => write!(f, "rest"),
        }
    }
}

impl From<Show> for String {
    fn from(show: Show) -> String {
        show.to_string()
    }
}

impl TryFrom<String> for Color {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = text.strip_prefix('#').filter(|digits| {
            digits.len() == 6 && digits.chars().all(|digit| digit.is_ascii_hexdigit())
        });
        let value = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let [_, red, green, blue] = value
            .ok_or_else(|| format!("\"{text}\" is not a colour, use for example #1a2b3c"))?
            .to_be_bytes();
        Ok(Color { red, green, blue })
    }
}

impl From<Color> for String {
    fn from(color: Color) -> String {
        format!("#{:02x}{:02x}{:02x}", color.red, color.green, color.blue)
    }
}

const fn black() -> Color {
    Color::BLACK
}

impl LayoutFile {
    /// Reads and checks a file.
    pub fn read(bytes: &[u8]) -> Result<Self, LayoutFileError> {
        let file: LayoutFile = serde_json::from_slice(bytes)
            .map_err(|error| LayoutFileError::Malformed(error.to_string()))?;
        file.check()?;
        Ok(file)
    }
}

impl Show {
    /// Whether it asks for this participant by identifier or role.
    fn names(&self, id: &str, role: Role) -> bool {
        match self {
            Show::Participant(named) => named == id,
            Show::Role(named) => *named == role,
            _ => false,
        }
    }

    fn number(&self) -> Option<usize> {
        match self {
            Show::Number(number) => Some(usize::from(*number)),
            _ => None,
        }
    }

    /// Whether it asks for people whom no other region names.
    fn is_of_others(&self) -> bool {
        matches!(self, Show::Number(_) | Show::Rest)
    }
}

impl Region {
    fn choices(&self) -> impl Iterator<Item = &Show> {
        [&self.show].into_iter().chain(&self.otherwise)
    }

    /// Left, top, right and bottom in hundredths of a per cent.
    fn edges(&self) -> [u32; 4] {
        let raster = |per_cent: f64| (per_cent * 100.0).round().clamp(0.0, f64::from(WHOLE)) as u32;
        [
            raster(self.x),
            raster(self.y),
            raster(self.x + self.width),
            raster(self.y + self.height),
        ]
    }

    fn overlaps(&self, other: &Region) -> bool {
        let ([left, top, right, bottom], [l, t, r, b]) = (self.edges(), other.edges());
        left < r && l < right && top < b && t < bottom
    }

    fn is_covered_by(&self, other: &Region) -> bool {
        other.z > self.z && self.overlaps(other)
    }

    /// Its pixels.
    fn rect(&self, area: Rect) -> Rect {
        let [left, top, right, bottom] = self.edges();
        let (left, right) = (
            boundary(area.width, left, WHOLE),
            boundary(area.width, right, WHOLE),
        );
        let (top, bottom) = (
            boundary(area.height, top, WHOLE),
            boundary(area.height, bottom, WHOLE),
        );
        Rect::new(area.x + left, area.y + top, right - left, bottom - top)
    }

    /// Its pixels, a pair of columns wider where rounding made it narrower.
    fn outer_rect(&self, area: Rect) -> Rect {
        let rect = self.rect(area);
        let [left, _, right, _] = self.edges();
        let exact = u64::from(area.width) * u64::from(right - left);
        if u64::from(rect.width) * u64::from(WHOLE) >= exact {
            return rect;
        }
        let x = if rect.right() < area.right() || rect.x < 2 {
            rect.x
        } else {
            rect.x - 2
        };
        let width = (rect.width + 2).min(area.right() - x);
        Rect { x, width, ..rect }
    }
}
