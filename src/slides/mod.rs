// SPDX-License-Identifier: MPL-2.0

//! Pictures of a lecture → lasting changes of what is shown.
//!
//! A lecture changes in regions: a bullet is added, a slide is replaced beside a talking head. What
//! counts is a change that lasts, of content that was still before. So pictures are compared in
//! small blocks, each with the content that it held last; a change is reported once its blocks
//! have held still, with the time at which they changed. Regions that keep moving (webcams, videos)
//! are left out, and so is what is as small as a cursor and does not grow. While the whole picture
//! moves for seconds a camera is pointed at something else, and no slide changes.
//!
//! Pictures may come as densely or sparsely as one likes: every frame, key frames only, or a mix.

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
