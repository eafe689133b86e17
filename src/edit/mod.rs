// SPDX-License-Identifier: MPL-2.0

//! Decisions of a person about a recording: the drafts that they correct and approve.

mod review;
pub mod trim_file;

pub use review::{Review, Status};
