// SPDX-License-Identifier: MPL-2.0

//! Destinations of packages: a folder, or anything that rclone reaches.

mod batch;
mod rclone;

pub use batch::{Batch, Sent};

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf, absolute};

use crate::error::Error;
use crate::fs::files;
use crate::stop::Stop;
use rclone::Rclone;

/// A place to publish to.
pub enum Destination {
    /// A folder of this machine, in which each file appears whole.
    Folder(PathBuf),
    /// A remote of rclone.
    Remote(Rclone),
}

impl Destination {
    /// Opens the place that `to=` names.
    pub fn open(to: &str) -> Result<Self, Error> {
        if is_remote(to) {
            return Ok(Destination::Remote(Rclone::new(to)));
        }
        let path = Path::new(to);
        let path = absolute(path).map_err(|error| Error::writing(path, &error))?;
        match fs::metadata(&path) {
            Ok(found) if !found.is_dir() => {
                let error = io::Error::from(io::ErrorKind::NotADirectory);
                Err(Error::writing(&path, &error))
            }
            _ => Ok(Destination::Folder(path)),
        }
    }

    /// Returns the place for messages, without secrets.
    pub fn shown(&self) -> String {
        match self {
            Destination::Folder(path) => path.display().to_string(),
            Destination::Remote(rclone) => rclone.shown(),
        }
    }

    /// Returns the names at the top level; empty if there is nothing.
    pub fn names(&self, stop: &Stop) -> Result<BTreeSet<String>, Error> {
        match self {
            Destination::Folder(path) => match fs::read_dir(path) {
                Ok(entries) => entries
                    .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                    .collect::<io::Result<_>>()
                    .map_err(|error| Error::reading(path, &error)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
                Err(error) => Err(Error::reading(path, &error)),
            },
            Destination::Remote(rclone) => rclone.names(stop),
        }
    }

    /// Reads an existing file.
    pub fn read(&self, path: &str, stop: &Stop) -> Result<Vec<u8>, Error> {
        match self {
            Destination::Folder(folder) => {
                let path = folder.join(path);
                fs::read(&path).map_err(|error| Error::reading(&path, &error))
            }
            Destination::Remote(rclone) => rclone.read(path, stop),
        }
    }

    /// Sends the missing files of the batch; `progress` is called with the number of bytes sent.
    pub fn send(
        &self,
        batch: &Batch<'_>,
        stop: &Stop,
        progress: impl FnMut(u64),
    ) -> Result<Sent, Error> {
        match self {
            Destination::Folder(folder) => copy(folder, batch, stop, progress),
            Destination::Remote(rclone) => rclone.send(batch, stop, progress),
        }
    }

    /// Removes these files, and folders that are empty without them. A missing file counts as
    /// removed.
    pub fn remove(&self, paths: &[String], stop: &Stop) -> Result<(), Error> {
        if paths.is_empty() {
            return Ok(());
        }
        match self {
            Destination::Folder(folder) => remove(folder, paths, stop),
            Destination::Remote(rclone) => rclone.remove(paths, stop),
        }
    }
}

/// Returns whether rclone takes this as a remote: a name before a colon, with no slash before the
/// colon.
fn is_remote(to: &str) -> bool {
    to.split_once(':')
        .is_some_and(|(name, _)| !name.contains('/'))
}

fn copy(
    folder: &Path,
    batch: &Batch<'_>,
    stop: &Stop,
    mut progress: impl FnMut(u64),
) -> Result<Sent, Error> {
    let mut sent = Sent::default();
    for path in &batch.paths {
        stop.check()?;
        let (from, to) = (batch.root.join(path), folder.join(path));
        let size = fs::metadata(&from)
            .map_err(|error| Error::reading(&from, &error))?
            .len();
        let there = fs::symlink_metadata(&to).ok().filter(fs::Metadata::is_file);
        let is_there = there.is_some_and(|there| there.len() == size)
            && (batch.by_name || same(&from, &to).unwrap_or(false));
        if is_there {
            continue;
        }
        let part = part(&to);
        let copied = to
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::copy(&from, &part))
            .and_then(|_| fs::rename(&part, &to));
        copied.map_err(|error| {
            // The disk may be full.
            let _ = fs::remove_file(&part);
            Error::writing(&to, &error)
        })?;
        sent += Sent {
            files: 1,
            bytes: size,
        };
        progress(sent.bytes);
    }
    Ok(sent)
}

/// Returns the name of a file while it is written. It is always the same, so that the next run
/// overwrites what a killed one left.
fn part(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.part"))
}

/// Returns whether two files of the same size have the same content.
fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let mut files = [one, other].map(|path| File::open(path).map(BufReader::new));
    let [Ok(one), Ok(other)] = &mut files else {
        return Ok(false);
    };
    let mut buffers = [[0; 1 << 16]; 2];
    loop {
        let read = one.read(&mut buffers[0])?;
        if read == 0 {
            return Ok(true);
        }
        other.read_exact(&mut buffers[1][..read])?;
        if buffers[0][..read] != buffers[1][..read] {
            return Ok(false);
        }
    }
}

fn remove(folder: &Path, paths: &[String], stop: &Stop) -> Result<(), Error> {
    for path in paths {
        stop.check()?;
        let path = folder.join(path);
        files::remove(&part(&path))?;
        files::remove(&path)?;
        // Folders that are not empty stay.
        let above = path.ancestors().skip(1);
        for above in above.take_while(|above| *above != folder) {
            if fs::remove_dir(above).is_err() {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remotes_are_what_rclone_takes_for_them() {
        for (to, remote) in [
            ("s3:bucket/path", true),
            (":s3,endpoint='http://x:1':bucket", true),
            ("/srv/www", false),
            ("srv/a:b", false),
            ("./a:b", false),
            ("folder", false),
        ] {
            assert_eq!(is_remote(to), remote, "{to}");
        }
    }
}
