// SPDX-License-Identifier: MPL-2.0

//! Drafts that an element writes for a person to correct.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::edit::{Review, Status};

/// Returns whether a draft can be written to `path`. Its folder must exist, and the file must be
/// missing, empty, or an earlier draft, which is replaced. `review` reads the review state of a file,
/// `None` if the file is not of this kind; `kind` names the kind in errors ("cut list").
pub fn check(
    path: &Path,
    kind: &str,
    review: impl FnOnce(&[u8]) -> Option<Review>,
) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "its folder does not exist; make it",
        ));
    }
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if bytes.is_empty() {
        return Ok(());
    }
    let why = match review(&bytes).map(|review| review.status) {
        Some(Status::Draft) => return Ok(()),
        Some(Status::Approved) => {
            format!("the {kind} is approved and is kept; move it away to make a new one")
        }
        None => format!(
            "the file is not a draft of a {kind} and is kept; choose another name or move it away"
        ),
    };
    Err(io::Error::new(io::ErrorKind::AlreadyExists, why))
}

/// Writes a draft that [`check`] has allowed; the file is replaced atomically.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let placed = written.and_then(|()| fs::rename(&beside, path));
    if placed.is_err() {
        // Already failed: a rest that cannot be removed either makes no difference.
        let _ = fs::remove_file(&beside);
    }
    placed
}
