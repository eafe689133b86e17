// SPDX-License-Identifier: MPL-2.0

//! Renditions, playlists, chapters and the manifest of a package.

pub mod check;
