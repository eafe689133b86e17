// SPDX-License-Identifier: MPL-2.0

//! Publishing a package: the files to send, their order, and their encryption.

pub mod encryption;
pub mod listing;
pub mod release;
