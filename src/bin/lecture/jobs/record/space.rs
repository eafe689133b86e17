// SPDX-License-Identifier: MPL-2.0

//! The space that a recording takes, and that the disk has left.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::usage;
use crate::error::Error;
use crate::print;

/// Interval at which the space is measured.
const INTERVAL: Duration = Duration::from_secs(1);

/// The space of a session, and its limits.
pub struct Space {
    folder: PathBuf,
    /// Largest size of the files in bytes.
    limit: Option<u64>,
    /// Space in bytes that the disk keeps.
    keeps: u64,
    measured: Option<Instant>,
    /// Bytes of the files, as they were measured.
    pub size: u64,
    /// Bytes that are free, as they were measured.
    pub free: Option<u64>,
}

impl Space {
    pub fn new(folder: &Path, limit: Option<u64>, keeps: u64) -> Self {
        Space {
            folder: folder.to_path_buf(),
            limit,
            keeps,
            measured: None,
            size: 0,
            free: None,
        }
    }

    /// Refuses to start on a disk that is nearly full.
    ///
    /// # Errors
    /// The disk is nearly full.
    pub fn check(&self) -> Result<(), Error> {
        let mut folder = &*self.folder;
        while let (false, Some(parent)) = (folder.is_dir(), folder.parent()) {
            folder = parent;
        }
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        match usage::free_space(folder) {
            Some(free) if free < self.keeps => Err(Error::later(
                format!("only {} MB are free on the disk", free / usage::MB),
                self.folder.display().to_string(),
                "free some space, or give keep-free=MB",
            )),
            _ => Ok(()),
        }
    }

    /// Returns whether the recording is too large, or the disk nearly full. Looks once per second.
    pub fn is_used_up(&mut self) -> bool {
        if self.measured.is_some_and(|last| last.elapsed() < INTERVAL) {
            return false;
        }
        self.measured = Some(Instant::now());
        self.size = usage::size(&self.folder) + usage::size(&self.folder.join("tracks"));
        self.free = usage::free_space(&self.folder);
        if self.limit.is_some_and(|limit| self.size >= limit) {
            print::note("max-size= is reached");
            return true;
        }
        let is_full = self.free.is_some_and(|free| free < self.keeps);
        if is_full {
            print::note("warning: the disk is nearly full, the recording ends; see keep-free=");
        }
        is_full
    }
}
