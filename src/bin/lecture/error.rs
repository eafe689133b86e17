// SPDX-License-Identifier: MPL-2.0

//! Errors that end a job: a message for the user and the exit status, which tells whether another
//! try can help.

use std::fmt;
use std::io;
use std::path::Path;

/// Error message: what failed, where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    what: String,
    place: String,
    remedy: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Wrong command line. Exit status 2.
    Usage(Report),
    /// The input or the request cannot work; another try does not help. Exit status 1.
    Request(Report),
    /// The disk, the network or another run is in the way; try again later. Exit status 75.
    Later(Report),
    /// Ctrl-C or SIGTERM before anything was changed. A job that has changed something reports it
    /// with [`Error::where_stopped`]. Exit status 75.
    Stopped,
}

impl Error {
    pub fn usage(
        what: impl Into<String>,
        place: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Error::Usage(Report::new(what, place, remedy))
    }

    pub fn request(
        what: impl Into<String>,
        place: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Error::Request(Report::new(what, place, remedy))
    }

    pub fn later(
        what: impl Into<String>,
        place: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Error::Later(Report::new(what, place, remedy))
    }

    /// Returns the error for a failed operation on a file or folder of the result.
    pub fn writing(path: &Path, error: &io::Error) -> Self {
        let place = path.display().to_string();
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => disk_full(place),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Error::request(
                "cannot write",
                place,
                "choose a folder that you may write to",
            ),
            io::ErrorKind::NotFound
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::IsADirectory => Error::request(
                "cannot write",
                place,
                "a file is in the place of a folder, or the parent folder is missing: choose another output=",
            ),
            _ if is_name_at_fault(error) => Error::request(
                format!("cannot write ({error})"),
                place,
                "choose another name",
            ),
            _ => Error::later(format!("cannot write ({error})"), place, "try again later"),
        }
    }

    /// Returns the error for a failed operation on a file that the user named.
    pub fn reading(path: &Path, error: &io::Error) -> Self {
        let place = path.display().to_string();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Error::request("there is no such file", place, "check the name")
            }
            io::ErrorKind::InvalidData => Error::request(
                format!("this is another kind of file ({error})"),
                place,
                "name another file",
            ),
            io::ErrorKind::PermissionDenied => {
                Error::request("cannot read", place, "check the file's permissions")
            }
            io::ErrorKind::IsADirectory => Error::request("this is a folder", place, "name a file"),
            _ if is_name_at_fault(error) => {
                Error::request(format!("cannot read ({error})"), place, "check the name")
            }
            _ => Error::later(format!("cannot read ({error})"), place, "try again later"),
        }
    }

    /// Returns the error for a job stopped halfway: the state it left and what to do next.
    pub fn where_stopped(self, what: &str, place: &str, remedy: &str) -> Self {
        match self {
            Error::Stopped => Error::later(format!("stopped: {what}"), place, remedy),
            error => error,
        }
    }

    /// Returns place and cause without the remedy, for a job that has a remedy of its own.
    pub fn finding(&self) -> String {
        match self {
            Error::Usage(report) | Error::Request(report) | Error::Later(report) => {
                Report::new(&*report.what, &*report.place, "").to_string()
            }
            Error::Stopped => self.to_string(),
        }
    }

    /// Returns the exit status of the process.
    pub fn status(&self) -> u8 {
        match self {
            Error::Usage(_) => 2,
            Error::Request(_) => 1,
            Error::Later(_) | Error::Stopped => 75,
        }
    }
}

/// Returns whether the name itself is invalid: too long, with a NUL, or with links that form a
/// loop.
fn is_name_at_fault(error: &io::Error) -> bool {
    let kinds = [io::ErrorKind::InvalidFilename, io::ErrorKind::InvalidInput];
    kinds.contains(&error.kind()) || error.raw_os_error() == Some(libc::ELOOP)
}

/// Returns the error for a full disk at `place`.
pub fn disk_full(place: impl Into<String>) -> Error {
    Error::later(
        "no space left on the disk",
        place,
        "free some space, then run the same command again",
    )
}

impl Report {
    fn new(what: impl Into<String>, place: impl Into<String>, remedy: impl Into<String>) -> Self {
        Report {
            what: what.into(),
            place: place.into(),
            remedy: remedy.into(),
        }
    }
}

/// Formats the report on one line, in the style of the elements: `where: what; what to do`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = self.what.clone();
        if !self.place.is_empty() {
            line = format!("{}: {line}", self.place);
        }
        if !self.remedy.is_empty() {
            line = format!("{line}; {}", self.remedy);
        }
        f.write_str(&line.replace(['\n', '\r'], " "))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(report) | Error::Request(report) | Error::Later(report) => report.fmt(f),
            Error::Stopped => {
                f.write_str("stopped, nothing was changed; run the same command again")
            }
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_and_has_a_status() {
        let error = Error::request("no such\nfile", "a\rb", "check");
        assert_eq!(error.to_string(), "a b: no such file; check");
        assert_eq!(error.status(), 1);
        assert_eq!(error.finding(), "a b: no such file");
        assert_eq!(Error::usage("a", "", "b").to_string(), "a; b");
        assert_eq!(Error::usage("a", "", "b").status(), 2);
        assert_eq!(Error::Stopped.status(), 75);
    }

    #[test]
    fn a_name_that_can_never_work_is_not_tried_again() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("file"), [0xff]).expect("written");
        std::os::unix::fs::symlink("circle", at("circle")).expect("linked");
        for path in [
            at("file/x"),
            at(&"x".repeat(300)),
            at("a\0b"),
            at("circle"),
            at("file"),
        ] {
            let error = std::fs::read_to_string(&path).expect_err("not to be read");
            assert_eq!(Error::reading(&path, &error).status(), 1, "{error}");
        }
        for path in [at("file/x"), at(&"x".repeat(300)), at("circle/x")] {
            let error = std::fs::create_dir_all(&path).expect_err("not to be written");
            assert_eq!(Error::writing(&path, &error).status(), 1, "{error}");
        }
    }

    #[test]
    fn a_stopped_job_says_what_is_true() {
        let stopped = Error::Stopped.where_stopped("half is done", "a", "go on");
        assert_eq!(stopped.to_string(), "a: stopped: half is done; go on");
        assert_eq!(stopped.status(), 75);
        let other = Error::usage("a", "", "b");
        assert_eq!(other.clone().where_stopped("", "", ""), other);
    }

    #[test]
    fn a_full_disk_is_tried_again_and_a_forbidden_folder_is_not() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let forbidden = io::Error::from(io::ErrorKind::PermissionDenied);
        assert_eq!(Error::writing(Path::new("x"), &full).status(), 75);
        assert_eq!(Error::writing(Path::new("x"), &forbidden).status(), 1);
    }
}
