// SPDX-License-Identifier: MPL-2.0

//! Renditions, playlists, chapters and the manifest of a package.
//!
//! A package is a folder of CMAF segments with HLS playlists over them. This module says which
//! renditions are made ([`ladder`]) in which codecs ([`coding`]), where segments start ([`grid`]),
//! what a finished track holds and is measured at ([`mp4::codec`], [`mp4::fragment`], [`mp4::chunks`], [`track`]),
//! and what the files say that lead to it ([`hls::playlist`], [`dash`], [`text`], [`transcript`],
//! [`chapters`], [`manifest`]).
//! [`pictures`] chooses and lays out stills, [`mp4::progressive`] makes one file of a package, [`reuse`]
//! says what of an old package can be in a new one, [`cost`] what it costs to keep and deliver it,
//! [`publication::release`] what of it is published and in which order ([`publication::listing`] what lies there for that,
//! [`publication::encryption`] how segments are encrypted for it), and [`check`] reads a package and finds what is
//! wrong with it.

pub mod chapters;
pub mod check;
pub mod coding;
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
pub mod text;
pub mod track;
pub mod transcript;
