// SPDX-License-Identifier: MPL-2.0

//! Renditions, playlists, chapters and the manifest of a package.
//!
//! A package is a folder of CMAF segments with HLS playlists and a DASH manifest. Modules by task:
//!
//! - choice of renditions: [`ladder`], codecs: [`coding`], segment starts: [`grid`];
//! - contents and bit rates of a finished track: [`mp4::codec`], [`mp4::fragment`],
//!   [`mp4::chunks`], [`track`];
//! - files that refer to it: [`hls::playlist`], [`dash`], [`text`], [`transcript`], [`chapters`],
//!   [`manifest`];
//! - colour of decoded video: [`colour`];
//! - still images: [`pictures`], one file for a package: [`mp4::progressive`];
//! - reuse of an old package: [`reuse`], cost of storage and delivery: [`cost`];
//! - publishing in the right order: [`publication::release`], files at the destination:
//!   [`publication::listing`], encryption: [`publication::encryption`];
//! - checks of a finished package: [`check`].

pub mod chapters;
pub mod check;
pub mod coding;
pub mod colour;
pub mod cost;
pub mod dash;
mod files;
pub mod grid;
pub mod hls;
pub mod ladder;
pub mod manifest;
pub mod mp4;
pub mod names;
pub mod pictures;
pub mod programme;
pub mod publication;
pub mod reuse;
pub mod slides;
pub mod standard;
pub mod text;
pub mod track;
pub mod transcript;
