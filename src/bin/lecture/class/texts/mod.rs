// SPDX-License-Identifier: MPL-2.0

//! Captions and descriptions: as given to a job, as drafts, and as files of a package.

mod checked;
mod draft;
mod given;
mod inside;
mod of_tracks;
mod transcript;

pub use checked::check;
pub use draft::DraftTexts;
pub use given::{Described, GivenTexts, TextOptions};
pub use transcript::Transcript;
