// SPDX-License-Identifier: MPL-2.0

//! The folder of a session that is being recorded.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};

use crate::elements::shared::lock::lock;
use crate::record::live::{Journal, LOCK_NAME, Pauses};
use crate::record::session::FILE_NAME;

/// A session on the disk. `session.json` is replaced whole at every change.
pub struct Recording {
    folder: PathBuf,
    journal: Mutex<Journal>,
    pub pauses: Mutex<Pauses>,
    pub counts: Counts,
    lock: Mutex<Option<File>>,
}

/// Numbers of a run.
#[derive(Default)]
pub struct Counts {
    /// Frames that were written.
    pub frames: AtomicU64,
    /// Frames that were not: before a key frame, or during a pause.
    pub dropped: AtomicU64,
    /// Key frames that senders were asked for.
    pub requests: AtomicU64,
    /// Times at which packets were lost.
    pub losses: AtomicU64,
}

/// Counts one more.
pub fn count(number: &AtomicU64) {
    number.fetch_add(1, Ordering::Relaxed);
}

impl Recording {
    /// Makes a session in a folder that has none, and locks it. `composite` is the file of the whole
    /// room, if there is one.
    pub fn open(folder: &Path, room: &str, composite: Option<String>) -> io::Result<Self> {
        fs::create_dir_all(folder.join("tracks"))?;
        let file = File::options()
            .create(true)
            .append(true)
            .open(folder.join(LOCK_NAME))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
            let text = "another recorder writes to this folder; choose another one";
            io::Error::new(io::ErrorKind::ResourceBusy, text)
        })?;
        if folder.join(FILE_NAME).exists() {
            let text = "there is a recorded session already; choose another folder";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        let recording = Recording {
            folder: folder.to_path_buf(),
            journal: Mutex::new(Journal::new(room, composite)),
            pauses: Mutex::default(),
            counts: Counts::default(),
            lock: Mutex::new(Some(file)),
        };
        recording.update(|_| ()).1?;
        Ok(recording)
    }

    /// Returns the path of a file of the session.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Changes the session and writes it. The second result is that of the disk.
    pub fn update<R>(&self, change: impl FnOnce(&mut Journal) -> R) -> (R, io::Result<()>) {
        // The lock keeps the order of the versions on the disk.
        let mut journal = lock(&self.journal);
        let changed = change(&mut journal);
        let written = self.write(&journal.session().to_json());
        (changed, written)
    }

    /// Changes the session without writing it, in a thread of a source: the next version on the disk,
    /// at the latest that of the first frame, has the change.
    pub fn change<R>(&self, change: impl FnOnce(&mut Journal) -> R) -> R {
        change(&mut lock(&self.journal))
    }

    /// Lets other recorders have the folder.
    pub fn close(&self) {
        if lock(&self.lock).take().is_some() {
            // An open lock file is harmless; it shows that the end was not reached.
            let _ = fs::remove_file(self.folder.join(LOCK_NAME));
        }
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let part = self.folder.join(format!(".{FILE_NAME}.part"));
        let mut file = File::create(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, self.folder.join(FILE_NAME))?;
        File::open(&self.folder)?.sync_all()
    }
}
