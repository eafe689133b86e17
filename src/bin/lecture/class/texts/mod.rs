// SPDX-License-Identifier: MPL-2.0

//! Captions and descriptions: as given to a job, as drafts, and as files of a package.

mod draft;
mod given;
mod inside;
mod transcript;

pub use draft::DraftTexts;
pub use given::{Described, GivenTexts, TextOptions};
pub use transcript::Transcript;
