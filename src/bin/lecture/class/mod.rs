// SPDX-License-Identifier: MPL-2.0

//! A class's folder on disk: its drafts, texts and packages.

pub mod drafts;
pub mod fingerprint;
pub mod folder;
pub mod texts;
