// SPDX-License-Identifier: MPL-2.0

//! The MP4 container: boxes, codec headers, fragments, and the single progressive file of a
//! package.

mod av1;
pub(in crate::package) mod boxes;
pub mod chunks;
pub mod codec;
mod decode_times;
pub mod fragment;
pub mod live;
pub mod progressive;
