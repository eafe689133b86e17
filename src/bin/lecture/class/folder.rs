// SPDX-License-Identifier: MPL-2.0

//! A class's folder: only one run writes to it at a time, and results appear whole or not at all.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use gstlecture::package::manifest::Manifest;
use gstlecture::package::names;
use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};

use crate::error::Error;
use crate::fs::files::remove_folder;

/// Folder in which a new package is made.
const STAGING: &str = ".package.new";
/// Name of the old package between two renames.
const PREVIOUS: &str = ".package.old";
/// Folder for files made only for publishing.
const PUBLICATION: &str = ".publication.new";
/// Folder in which new drafts are made.
const NEW_DRAFTS: &str = ".drafts.new";

/// The folder of a class, locked for this run.
pub struct ClassFolder {
    path: PathBuf,
    created: bool,
    /// The lock file. The lock lasts until the file is closed, which the system does if the process
    /// is killed.
    _lock: File,
}

impl ClassFolder {
    /// Opens or makes the folder, locks it and repairs what a killed run left.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let created = !path.exists();
        fs::create_dir_all(path).map_err(|error| Error::writing(path, &error))?;
        let path = fs::canonicalize(path).map_err(|error| Error::writing(path, &error))?;
        let lock = File::open(&path).map_err(|error| Error::writing(&path, &error))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            Error::later(
                "another run is writing to this folder",
                path.display().to_string(),
                "wait until it ends",
            )
        })?;
        let folder = ClassFolder {
            path,
            created,
            _lock: lock,
        };
        folder
            .mend()
            .map_err(|error| Error::writing(&folder.path, &error))?;
        Ok(folder)
    }

    pub fn package(&self) -> PathBuf {
        self.path.join("package")
    }

    pub fn drafts(&self) -> PathBuf {
        self.path.join("drafts")
    }

    /// Makes an empty folder for a package; removed on drop.
    pub fn package_staging(&self) -> Result<Staging, Error> {
        Staging::new(self.path.join(STAGING))
    }

    /// Makes an empty folder for drafts; removed on drop.
    pub fn drafts_staging(&self) -> Result<Staging, Error> {
        Staging::new(self.path.join(NEW_DRAFTS))
    }

    /// Makes an empty folder for files that are only published; removed on drop.
    pub fn publication_staging(&self) -> Result<Staging, Error> {
        Staging::new(self.path.join(PUBLICATION))
    }

    /// Replaces the current package with the one in `staging`, in one step.
    pub fn exchange(&self, staging: Staging) -> Result<(), Error> {
        let package = self.package();
        exchange(&staging.path, &package, &self.path.join(PREVIOUS))
            .map_err(|error| Error::writing(&package, &error))
    }

    /// Removes what a killed run left. If it was killed between two renames, restores the old
    /// package.
    fn mend(&self) -> io::Result<()> {
        let previous = self.path.join(PREVIOUS);
        if previous.exists() && !self.package().exists() {
            fs::rename(&previous, self.package())?;
        }
        for name in [STAGING, PREVIOUS, NEW_DRAFTS, PUBLICATION] {
            remove_folder(&self.path.join(name))?;
        }
        Ok(())
    }
}

impl Drop for ClassFolder {
    fn drop(&mut self) {
        if self.created {
            // Succeeds only if the run left nothing in it.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// Returns the manifest of the package in this folder, if there is one.
pub fn manifest(package: &Path) -> Option<Manifest> {
    serde_json::from_slice(&fs::read(package.join(names::MANIFEST)).ok()?).ok()
}

/// Returns the manifest that a run of a package's pipeline has written into this folder.
///
/// # Errors
/// There is none.
pub fn written_manifest(folder: &Path) -> Result<Manifest, Error> {
    manifest(folder).ok_or_else(|| {
        Error::request(
            "catalogsink wrote no manifest",
            folder.display().to_string(),
            "report this",
        )
    })
}

/// A folder that is removed on drop.
pub struct Staging {
    path: PathBuf,
}

impl Staging {
    /// Makes an empty folder at `path`, in place of what a killed run left there.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(path: PathBuf) -> Result<Self, Error> {
        let made = remove_folder(&path).and_then(|()| fs::create_dir(&path));
        made.map_err(|error| Error::writing(&path, &error))?;
        Ok(Staging { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // A folder that cannot be removed now is removed by the next run.
        let _ = remove_folder(&self.path);
    }
}

/// Swaps `new` and `current`.
fn exchange(new: &Path, current: &Path, previous: &Path) -> io::Result<()> {
    if !current.exists() {
        return fs::rename(new, current);
    }
    if renameat_with(CWD, new, CWD, current, RenameFlags::EXCHANGE).is_ok() {
        return Ok(());
    }
    exchange_in_steps(new, current, previous)
}

/// Like [`exchange`], for file systems without an atomic exchange. `ClassFolder::mend` completes an
/// interrupted one.
fn exchange_in_steps(new: &Path, current: &Path, previous: &Path) -> io::Result<()> {
    fs::rename(current, previous)?;
    if let Err(error) = fs::rename(new, current) {
        let _ = fs::rename(previous, current);
        return Err(error);
    }
    // A folder that cannot be removed now is removed by the next run.
    let _ = remove_folder(previous);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(at: &tempfile::TempDir) -> ClassFolder {
        ClassFolder::open(at.path()).expect("writable")
    }

    #[test]
    fn a_package_is_replaced_whole() {
        let at = tempfile::tempdir().expect("temporary folder");
        let folder = folder(&at);
        for text in ["first", "second"] {
            let staging = folder.package_staging().expect("staging");
            fs::write(staging.path().join("file"), text).expect("written");
            folder.exchange(staging).expect("exchanged");
            assert_eq!(
                fs::read_to_string(folder.package().join("file")).expect("read"),
                text
            );
        }
        let left: Vec<_> = fs::read_dir(at.path()).expect("read").collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn a_package_is_replaced_where_folders_cannot_be_exchanged() {
        let at = tempfile::tempdir().expect("temporary folder");
        let paths = ["new", "current", "previous"].map(|name| at.path().join(name));
        let [new, current, previous] = &paths;
        for path in [new, current] {
            fs::create_dir(path).expect("made");
            fs::write(path.join("file"), path.display().to_string()).expect("written");
        }
        exchange_in_steps(new, current, previous).expect("exchanged");
        let text = || fs::read_to_string(current.join("file")).expect("read");
        assert_eq!(text(), new.display().to_string());
        assert_eq!(fs::read_dir(at.path()).expect("read").count(), 1);

        // The new package is gone.
        exchange_in_steps(new, current, previous).expect_err("not exchanged");
        assert_eq!(text(), new.display().to_string());
        assert_eq!(fs::read_dir(at.path()).expect("read").count(), 1);
    }

    #[test]
    fn the_second_run_on_a_folder_is_refused() {
        let at = tempfile::tempdir().expect("temporary folder");
        let first = folder(&at);
        let path = at.path();
        let refused = ClassFolder::open(path).err().expect("refused");
        assert_eq!(refused.status(), 75);
        drop(first);
        assert!(ClassFolder::open(path).is_ok());
    }

    #[test]
    fn what_a_killed_run_left_is_mended() {
        let at = tempfile::tempdir().expect("temporary folder");
        for name in [STAGING, PREVIOUS, NEW_DRAFTS, PUBLICATION] {
            fs::create_dir(at.path().join(name)).expect("made");
            fs::write(at.path().join(name).join("file"), name).expect("written");
        }
        drop(folder(&at));
        assert_eq!(
            fs::read_to_string(at.path().join("package/file")).expect("the old package is back"),
            PREVIOUS
        );
        assert_eq!(fs::read_dir(at.path()).expect("read").count(), 1);
    }

    #[test]
    fn a_folder_that_nothing_was_written_to_is_not_left() {
        let at = tempfile::tempdir().expect("temporary folder");
        let path = at.path().join("new");
        let opened = ClassFolder::open(&path).expect("writable");
        drop(opened.package_staging().expect("staging"));
        drop(opened);
        assert!(!path.exists());
    }
}
