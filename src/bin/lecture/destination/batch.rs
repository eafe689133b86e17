// SPDX-License-Identifier: MPL-2.0

//! Files to send to a destination together.

use std::path::Path;

/// Files to send together.
pub struct Batch<'a> {
    /// The folder that they are in.
    pub root: &'a Path,
    /// Their paths there and at the destination.
    pub paths: Vec<&'a str>,
    /// How they are served.
    pub content_type: &'static str,
    pub cache_control: &'static str,
    /// What has the same name and size is the same.
    pub by_name: bool,
}

/// What was not there yet and had to be sent.
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
