// SPDX-License-Identifier: MPL-2.0

//! Decisions of a person about a recording: the drafts that they correct and approve, and the analysis that the
//! drafts come from.

mod analysis;
pub mod assist;
mod caption_text;
pub mod passages;
mod review;
mod rewrite;
pub mod summary_file;
pub mod trim_file;

pub use analysis::{Analysis, CONTENT, DESCRIBED, LANGUAGE, WRITTEN};
pub use caption_text::CaptionText;
pub use review::{Review, Status};
pub use rewrite::rewrite;
