// SPDX-License-Identifier: MPL-2.0

//! The media files of a session, copied beside its description.

use std::fs;
use std::path::{Component, Path, PathBuf};

use gstlecture::record::session::sources::Found;

use crate::error::Error;
use crate::fs::AtomicFile;
use crate::jobs::Request;

/// Copies the files of a folder, with the captions beside them, and lets the tracks name the copies. What is in
/// `output` already stays as it is.
///
/// # Errors
/// A file cannot be read or written, or the user stops it. The copies that are there by then are whole.
pub fn files(
    request: &Request,
    found: &mut [Found],
    folder: &Path,
    output: &Path,
) -> Result<(), Error> {
    for found in found {
        let from = folder.join(&found.file);
        if from.starts_with(output) {
            continue;
        }
        let to = output.join(inside(&found.file));
        request.note(&format!("copying {}", from.display()));
        copy(request, &from, &to)?;
        for name in captions(&from) {
            copy(
                request,
                &from.with_file_name(&name),
                &to.with_file_name(&name),
            )?;
        }
        found.file = to.display().to_string();
    }
    Ok(())
}

/// Returns the place of a file in the folder of the copies.
fn inside(file: &str) -> PathBuf {
    let parts = Path::new(file).components();
    parts
        .filter(|part| matches!(part, Component::Normal(_)))
        .collect()
}

fn copy(request: &Request, from: &Path, to: &Path) -> Result<(), Error> {
    request.stop.check()?;
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|error| Error::writing(folder, &error))?;
    }
    let file = AtomicFile::new(to)?;
    // The copy does not tell which side has failed: a file that cannot be opened is named first.
    fs::File::open(from).map_err(|error| Error::reading(from, &error))?;
    fs::copy(from, file.path()).map_err(|error| Error::writing(to, &error))?;
    file.commit(to)
}

/// Returns the names of the captions beside a track: `TRACK.LANGUAGE.vtt`.
fn captions(track: &Path) -> Vec<String> {
    let (Some(folder), Some(stem)) = (track.parent(), track.file_stem()) else {
        return Vec::new();
    };
    let start = format!("{}.", stem.to_string_lossy());
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| name.starts_with(&start) && name.ends_with(".vtt"))
        .collect();
    names.sort();
    names
}
