// SPDX-License-Identifier: MPL-2.0

//! A file that appears whole or not at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::error::Error;

/// A file written under a hidden temporary name next to its destination, and locked; removed on
/// drop unless committed.
pub struct AtomicFile {
    path: PathBuf,
    _lock: File,
}

impl AtomicFile {
    pub fn new(output: &Path) -> Result<Self, Error> {
        if output.is_dir() {
            let place = output.display().to_string();
            return Err(Error::request("this is a folder", place, "name a file"));
        }
        let name = output.file_name().unwrap_or_default().to_string_lossy();
        // The name is the same each time, so that what a killed run left is overwritten.
        let path = output.with_file_name(format!(".{name}.part"));
        let lock = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|error| Error::writing(&path, &error))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            Error::later(
                "another run is writing this file",
                output.display().to_string(),
                "wait until it ends",
            )
        })?;
        Ok(AtomicFile { path, _lock: lock })
    }

    /// Writes a file at once: whole, or not at all.
    ///
    /// # Errors
    /// The file cannot be written, or another run writes it.
    pub fn write(output: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        let file = AtomicFile::new(output)?;
        fs::write(&file.path, bytes).map_err(|error| Error::writing(output, &error))?;
        file.commit(output)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the file to its destination.
    pub fn commit(self, output: &Path) -> Result<(), Error> {
        fs::rename(&self.path, output).map_err(|error| Error::writing(output, &error))
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        // The file is gone after `commit`.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let output = folder.path().join("out.mkv");
        fs::write(&output, "old").expect("written");
        let file = AtomicFile::new(&output).expect("writable");
        fs::write(file.path(), "new").expect("written");
        let refused = AtomicFile::new(folder.path()).err().expect("a folder");
        assert_eq!(refused.status(), 1);
        let refused = AtomicFile::new(&output).err().expect("locked");
        assert_eq!(refused.status(), 75);
        drop(file);
        assert_eq!(fs::read_to_string(&output).expect("read"), "old");
        let file = AtomicFile::new(&output).expect("free again");
        fs::write(file.path(), "new").expect("written");
        file.commit(&output).expect("in its place");
        assert_eq!(fs::read_to_string(&output).expect("read"), "new");
        assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 1);
    }
}
