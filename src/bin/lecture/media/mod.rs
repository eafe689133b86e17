// SPDX-License-Identifier: MPL-2.0

//! The content of media files.

pub mod delivered;
pub mod line21;
pub mod loudness;
mod measured_rate;
pub mod movie;
pub mod mp4;
pub mod own_chapters;
pub mod peaks;
pub mod playable;
pub mod probe;
pub mod room;
pub mod session;
pub mod stills;
pub mod subtitles;
pub mod survey;
pub mod thumbnails;
pub mod truncated;
pub mod verify;
pub mod voice;
