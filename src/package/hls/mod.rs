// SPDX-License-Identifier: MPL-2.0

//! The HLS playlists of a package (RFC 8216 and Apple's authoring specification).

pub mod playlist;
