// SPDX-License-Identifier: MPL-2.0

//! The rules of a layout file.

use std::fmt;

use super::{LayoutFile, Region, Show, WHOLE};
use crate::record::layout::Role;

const VERSION: u32 = 1;
const MAX_REGIONS: usize = 64;
const MAX_Z: u32 = 100;
/// The smallest side of a region, in per cent.
const MIN_SIDE: f64 = 5.0;
/// A sixth of the width in hundredths of a per cent.
const SIXTH: u32 = 1_667;

/// The reason why a layout file cannot be used, and what to do. Regions are counted from one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LayoutFileError {
    /// Not JSON of this form; the message has line and column.
    Malformed(String),
    Version(u32),
    /// None, or too many.
    RegionCount(usize),
    OffPicture {
        region: usize,
    },
    TooSmall {
        region: usize,
    },
    TooHigh {
        region: usize,
        z: u32,
    },
    Overlap {
        region: usize,
        other: usize,
    },
    /// The same people are asked for twice.
    Repeated {
        region: usize,
        other: usize,
        show: Show,
    },
    NarrowInterpreter {
        region: usize,
    },
    CoveredInterpreter {
        region: usize,
        other: usize,
    },
}

impl fmt::Display for LayoutFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayoutFileError::Malformed(message) => write!(
                f,
                "not a layout file: {message}; layout.schema.json lists what it may contain"
            ),
            LayoutFileError::Version(version) => {
                write!(f, "version {version} is unknown; use version {VERSION}")
            }
            LayoutFileError::RegionCount(count) => {
                write!(f, "the file has {count} regions; use 1 to {MAX_REGIONS}")
            }
            LayoutFileError::OffPicture { region } => write!(
                f,
                "region {region} lies partly off the picture; keep x, y, x + width and y + height \
                 between 0 and 100"
            ),
            LayoutFileError::TooSmall { region } => write!(
                f,
                "region {region} is too small; make width and height at least {MIN_SIDE}"
            ),
            LayoutFileError::TooHigh { region, z } => {
                write!(f, "region {region} has z {z}; use 0 to {MAX_Z}")
            }
            LayoutFileError::Overlap { region, other } => write!(
                f,
                "region {region} overlaps region {other} with the same z; move it, or give the one \
                 in front a higher z"
            ),
            LayoutFileError::Repeated {
                region,
                other,
                show,
            } => write!(
                f,
                "region {region} shows {show} like region {other}; every video is shown once, show \
                 another"
            ),
            LayoutFileError::NarrowInterpreter { region } => write!(
                f,
                "region {region} is too narrow for an interpreter; make width at least 16.67"
            ),
            LayoutFileError::CoveredInterpreter { region, other } => write!(
                f,
                "region {region} for an interpreter is covered by region {other}; move one of them, \
                 or give region {region} the higher z"
            ),
        }
    }
}

impl std::error::Error for LayoutFileError {}

impl LayoutFile {
    /// Returns the first rule that is broken.
    pub(super) fn check(&self) -> Result<(), LayoutFileError> {
        if self.version != VERSION {
            return Err(LayoutFileError::Version(self.version));
        }
        if self.regions.is_empty() || self.regions.len() > MAX_REGIONS {
            return Err(LayoutFileError::RegionCount(self.regions.len()));
        }
        for (region, number) in self.regions.iter().zip(1..) {
            region.check(number)?;
            for (other, other_number) in self.regions.iter().zip(1..number) {
                region.check_beside(number, other, other_number)?;
            }
        }
        Ok(())
    }
}

impl Region {
    fn check(&self, region: usize) -> Result<(), LayoutFileError> {
        let is_inside = |start: f64, length: f64| {
            start >= 0.0 && length >= 0.0 && start + length <= 100.0 + 1.0 / f64::from(WHOLE)
        };
        if !is_inside(self.x, self.width) || !is_inside(self.y, self.height) {
            return Err(LayoutFileError::OffPicture { region });
        }
        if self.width < MIN_SIDE || self.height < MIN_SIDE {
            return Err(LayoutFileError::TooSmall { region });
        }
        if self.z > MAX_Z {
            return Err(LayoutFileError::TooHigh { region, z: self.z });
        }
        let [left, _, right, _] = self.edges();
        if self.is_of_interpreter() && right - left < SIXTH {
            return Err(LayoutFileError::NarrowInterpreter { region });
        }
        Ok(())
    }

    fn check_beside(
        &self,
        region: usize,
        other: &Region,
        other_number: usize,
    ) -> Result<(), LayoutFileError> {
        let is_single = !matches!(self.show, Show::Screen | Show::Role(_));
        if is_single && self.show == other.show {
            return Err(LayoutFileError::Repeated {
                region,
                other: other_number,
                show: self.show.clone(),
            });
        }
        if self.is_of_interpreter() && self.is_covered_by(other) {
            return Err(LayoutFileError::CoveredInterpreter {
                region,
                other: other_number,
            });
        }
        if other.is_of_interpreter() && other.is_covered_by(self) {
            return Err(LayoutFileError::CoveredInterpreter {
                region: other_number,
                other: region,
            });
        }
        if self.z == other.z && self.overlaps(other) {
            return Err(LayoutFileError::Overlap {
                region,
                other: other_number,
            });
        }
        Ok(())
    }

    fn is_of_interpreter(&self) -> bool {
        self.show == Show::Role(Role::Interpreter)
    }
}
