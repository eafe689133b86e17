// SPDX-License-Identifier: MPL-2.0

//! Captions and descriptions: as given to a job, as drafts, and as files of a package.

mod draft;
mod given;

pub use draft::DraftTexts;
pub use given::{Described, GivenTexts};
