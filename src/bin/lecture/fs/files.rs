// SPDX-License-Identifier: MPL-2.0

//! Files that are replaced whole, never overwritten in place: another package may share the current
//! ones.

use std::fs;
use std::io;
use std::path::Path;

use crate::error::Error;

/// Writes a file and makes the folders above it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    remove(path)?;
    path.parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, bytes))
        .map_err(|error| Error::writing(path, &error))
}

/// Like [`write`], but keeps the file if its content is already `bytes`.
pub fn put(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    write(path, bytes)
}

/// Removes a file if it exists.
pub fn remove(path: &Path) -> Result<(), Error> {
    if_there(fs::remove_file(path)).map_err(|error| Error::writing(path, &error))
}

/// Removes a folder with its content, if it exists.
pub fn remove_folder(path: &Path) -> io::Result<()> {
    if_there(fs::remove_dir_all(path))
}

fn if_there(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_package_shares_is_not_written_into() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (new, old) = (folder.path().join("new/file"), folder.path().join("old"));
        fs::write(&old, "old").expect("written");
        write(&new, b"first").expect("written");
        remove(&new).expect("removed");
        remove(&new).expect("it may be gone");
        fs::hard_link(&old, &new).expect("linked");
        put(&new, b"new").expect("written");
        assert_eq!(fs::read(&old).expect("read"), b"old");
        assert_eq!(fs::read(&new).expect("read"), b"new");
    }
}
