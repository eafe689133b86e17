// SPDX-License-Identifier: MPL-2.0

//! Captions and descriptions: as a job is given them, as drafts, as files of a package.

mod draft;
mod given;

pub use draft::DraftTexts;
pub use given::{Described, GivenTexts};
