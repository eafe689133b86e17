// SPDX-License-Identifier: MPL-2.0

//! Renditions, playlists, chapters and the manifest of a package.
//!
//! A package is a folder of CMAF segments with HLS playlists over them. This module says which
//! renditions are made ([`ladder`]) in which codecs ([`coding`]), where segments start ([`grid`]),
//! what a finished track holds and is measured at ([`codec`], [`fragment`], [`chunks`], [`track`]),
//! and what the files say that lead to it ([`playlist`], [`dash`], [`text`], [`transcript`],
//! [`chapters`], [`manifest`]).
//! [`pictures`] chooses and lays out stills, [`progressive`] makes one file of a package, [`reuse`]
//! says what of an old package can be in a new one, [`cost`] what it costs to keep and deliver it,
//! [`release`] what of it is published and in which order ([`listing`] what lies there for that,
//! [`encryption`] how segments are encrypted for it), and [`check`] reads a package and finds what is
//! wrong with it.

mod av1;
mod boxes;
pub mod chapters;
pub mod check;
pub mod chunks;
pub mod codec;
pub mod coding;
pub mod cost;
pub mod dash;
pub mod encryption;
pub mod fragment;
pub mod grid;
pub mod ladder;
pub mod language;
pub mod listing;
pub mod manifest;
pub mod names;
pub mod pictures;
pub mod playlist;
pub mod progressive;
pub mod release;
pub mod reuse;
pub mod text;
pub mod track;
pub mod transcript;
