// SPDX-License-Identifier: MPL-2.0

//! Renditions, playlists, chapters and the manifest of a package.

mod boxes;
pub mod check;
pub mod progressive;
