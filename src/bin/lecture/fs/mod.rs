// SPDX-License-Identifier: MPL-2.0

//! Files that are replaced whole.

pub mod files;

mod atomic_file;

pub use atomic_file::AtomicFile;
