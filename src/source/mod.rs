// SPDX-License-Identifier: MPL-2.0

//! Containers of recordings: the parts of their headers that GStreamer 1.22's demuxers misread.

mod boxes;
mod chunks;
pub mod edits;
pub mod orientation;
pub mod pace;
mod pcm;
pub mod transport;
pub mod wav;
