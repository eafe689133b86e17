// SPDX-License-Identifier: MPL-2.0

//! A copy of the recording for browsers that cannot play it: `drafts/review/recording-….mp4`. It is
//! private, and is made again only if the recording was changed.

use std::fs;
use std::path::{Path, PathBuf};

use super::class::{Class, Recording};
use crate::class::fingerprint::of_input;
use crate::class::folder::Staging;
use crate::error::Error;
use crate::fs::AtomicFile;
use crate::fs::files;
use crate::jobs::Request;
use crate::jobs::package::{PackageOptions, uncut};
use crate::options::Options;

/// The copy of a recording.
#[derive(Clone)]
pub struct Copy {
    folder: PathBuf,
    name: String,
    fingerprint: String,
}

impl Copy {
    /// Returns the copy of a class's recording, which may not be there yet.
    pub fn of(class: &Class, recording: &Recording) -> Self {
        Copy {
            folder: class.folder.join("review"),
            name: format!("recording-{}.mp4", recording.fingerprint),
            fingerprint: recording.fingerprint.clone(),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Makes the copy, unless it is there. It appears whole or not at all. The variables of `request`
    /// name the recording.
    ///
    /// # Errors
    /// The recording was changed or cannot be decoded, the copy cannot be written, or another run
    /// makes it.
    pub fn make(&self, request: &Request) -> Result<(), Error> {
        let path = self.path();
        fs::create_dir_all(&self.folder).map_err(|error| Error::writing(&self.folder, &error))?;
        // Its lock keeps other runs away.
        let _lock = AtomicFile::new(&path)?;
        if path.is_file() {
            return Ok(());
        }
        let options = PackageOptions::parse(&request.values)?;
        let input = options.input.as_deref();
        let input = options.source.open_or_sample(input, request)?;
        if of_input(&input)? != self.fingerprint {
            return Err(Error::request(
                "the recording was changed",
                input.path.display().to_string(),
                "open the page again",
            ));
        }
        let staging = Staging::new(self.folder.join(format!(".{}", self.fingerprint)))?;
        uncut::write(request, &input, staging.path(), &path)?;
        drop(staging);
        self.remove_others();
        Ok(())
    }

    /// Removes copies of other recordings, and what killed runs left of them.
    fn remove_others(&self) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            if !name.to_string_lossy().contains(&self.fingerprint) {
                // One that cannot be removed takes space only.
                let _ = remove(&entry.path());
            }
        }
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    match path.is_dir() {
        true => files::remove_folder(path).map_err(|error| Error::writing(path, &error)),
        false => files::remove(path),
    }
}
