// SPDX-License-Identifier: MPL-2.0

//! Files that are sent to a destination together.

use std::path::Path;

/// Files that are sent together.
pub struct Batch<'a> {
    /// Folder of the files.
    pub root: &'a Path,
    /// Paths of the files, the same here and at the destination.
    pub paths: Vec<&'a str>,
    /// Content type with which they are served.
    pub content_type: &'static str,
    pub cache_control: &'static str,
    /// Whether files with the same name and size count as equal.
    pub by_name: bool,
}

/// Files that were missing and had to be sent.
#[derive(Clone, Copy, Default, Debug)]
pub struct Sent {
    pub files: u64,
    pub bytes: u64,
}

impl std::ops::AddAssign for Sent {
    fn add_assign(&mut self, other: Sent) {
        self.files += other.files;
        self.bytes += other.bytes;
    }
}
