// SPDX-License-Identifier: MPL-2.0

//! Finds lasting changes of the content in the frames of a lecture.
//!
//! A lecture changes in regions: a bullet is added, a slide is replaced next to a talking head.
//! Only a lasting change of content that was still before counts. Frames are therefore compared in
//! small blocks, each with its last content. A change is reported once its blocks are still, with
//! the time at which they changed. Regions that keep moving (webcams, videos) are ignored, and so
//! are things as small as a cursor that do not grow. While the whole frame moves for seconds, the
//! camera is being pointed at something else, and no slide changes.
//!
//! Frames may be dense or sparse: every frame, key frames only, or a mix.

mod content;
mod detector;
mod disposable;
mod picture;
mod region;
mod restless;
mod shown;
mod survey;
mod sweep;

pub use content::Looks;
pub use detector::{Change, Detector, Sensitivity};
pub use disposable::is_disposable;
pub use picture::{Picture, Plane, PlaneFormat, planes};
pub use survey::Survey;

#[cfg(test)]
mod camera_tests;
#[cfg(test)]
mod tests;
