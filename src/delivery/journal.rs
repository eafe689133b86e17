// SPDX-License-Identifier: MPL-2.0

//! The journal on disk: one file per folder, opened by one process at a time.
//!
//! A step with statements is on the disk (fdatasync) before [`Journal::append`] returns, and so
//! before any of it is sent. Checkpoints without statements, and marks of delivery, are written
//! without waiting for the disk. They survive the process; a power failure may cost the last of
//! them. A delivered statement whose mark is lost is sent again, with the same id. Steps that a
//! full disk refuses stay in memory and are written with the next step that it accepts.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

use crate::xapi::{
    Session, Statement, Uuid, Verb,
    journal::{self, Contents, Entry, Fate, JournalError},
};

const FILE: &str = "statements.journal";
/// Settled and superseded bytes above which the file is compacted on opening, if they also exceed
/// the rest.
const WASTE: u64 = 1 << 20;

/// Error when opening a journal.
#[derive(Debug)]
pub enum Trouble {
    /// Another process, or another element, has it open.
    Locked(PathBuf),
    /// The file cannot be created, read or written.
    Io(PathBuf, io::Error),
    /// The file is not a journal, or is one of a later version.
    Unreadable(PathBuf, JournalError),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Locked(folder) => write!(
                f,
                "the journal {} is in use by another process: give each player its own folder",
                folder.display()
            ),
            Trouble::Io(path, error) => write!(f, "the journal {}: {error}", path.display()),
            Trouble::Unreadable(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for Trouble {}

/// An open journal, on disk or only in memory.
#[derive(Debug)]
pub struct Journal {
    file: Option<File>,
    /// Holds the lock for as long as it is open.
    _lock: Option<File>,
    contents: Contents,
    /// Steps that could not be written, or are not meant to be.
    states: BTreeMap<String, Vec<u8>>,
    unwritten: BTreeMap<u64, String>,
    damaged: u64,
}

impl Journal {
    /// Makes a journal that is lost with the process.
    pub fn in_memory() -> Self {
        Journal {
            file: None,
            _lock: None,
            contents: Contents::default(),
            states: BTreeMap::new(),
            unwritten: BTreeMap::new(),
            damaged: 0,
        }
    }

    /// Opens the journal of a folder, which is created if necessary. An unfinished record at its
    /// end is cut off. Before damaged data is discarded, a copy is kept next to it.
    pub fn open(folder: &Path) -> Result<Self, Trouble> {
        let path = folder.join(FILE);
        let io = |error| Trouble::Io(path.clone(), error);
        fs::create_dir_all(folder).map_err(|error| Trouble::Io(folder.into(), error))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let lock = options.open(folder.join("lock")).map_err(io)?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
            if error == rustix::io::Errno::WOULDBLOCK {
                Trouble::Locked(folder.into())
            } else {
                io(error.into())
            }
        })?;

        let mut bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(io(error)),
        };
        let unreadable = |error| Trouble::Unreadable(path.clone(), error);
        let mut contents = journal::read(&bytes).map_err(unreadable)?;
        let damaged = contents.damaged.len() as u64;
        if damaged > 0 {
            fs::write(folder.join(format!("{FILE}.damaged")), &bytes).map_err(io)?;
        }
        let compacted = journal::compact(&bytes, &contents);
        let waste = (bytes.len() as u64).saturating_sub(compacted.len() as u64);
        if bytes.len() < compacted.len()
            || damaged > 0
            || (waste > WASTE && waste > compacted.len() as u64)
        {
            replace(folder, &path, &compacted).map_err(io)?;
            contents = journal::read(&compacted).map_err(unreadable)?;
            bytes = compacted;
        }
        let file = options.open(&path).map_err(io)?;
        if contents.end < bytes.len() as u64 {
            file.set_len(contents.end).map_err(io)?;
        }
        Ok(Journal {
            file: Some(file),
            _lock: Some(lock),
            contents,
            states: BTreeMap::new(),
            unwritten: BTreeMap::new(),
            damaged,
        })
    }

    /// Closes the sessions that a crash left open, as of their last checkpoint. Returns their
    /// number.
    pub fn close_abandoned(&mut self, new_id: &mut dyn FnMut() -> Uuid) -> io::Result<usize> {
        let mut closed = 0;
        let keys: Vec<String> = self.contents.states.keys().cloned().collect();
        for key in keys {
            let Some(mut session) = self.session(&key) else {
                continue;
            };
            if session.is_open() {
                let statements = session.abandon(new_id);
                self.append(&key, &session, &statements)?;
                closed += 1;
            }
        }
        Ok(closed)
    }

    /// Returns the last session of a key, as it was last written.
    pub fn session(&self, key: &str) -> Option<Session> {
        let state = match self.states.get(key) {
            Some(state) => state.clone(),
            None => self.bytes(self.contents.states.get(key)?).ok()?,
        };
        serde_json::from_slice(&state).ok()
    }

    /// Writes a step of a session. After an error the step stays in memory, so that it can still be
    /// delivered.
    pub fn append(
        &mut self,
        key: &str,
        session: &Session,
        statements: &[Statement],
    ) -> io::Result<()> {
        let state = serde_json::to_vec(session).map_err(io::Error::other)?;
        let first = self.contents.next;
        let record = journal::step(key, &state, first, statements);
        let written = self
            .write_late()
            .and_then(|()| self.write(&record, !statements.is_empty()));
        if !matches!(written, Ok(true)) {
            self.states.insert(key.to_owned(), state);
            for (number, statement) in (first..).zip(statements) {
                self.unwritten.insert(number, statement.json.clone());
                let entry = Entry {
                    number,
                    id: statement.id,
                    bytes: 0..0,
                };
                self.contents.pending.insert(number, entry);
            }
            self.contents.next = first + statements.len() as u64;
        } else {
            self.states.remove(key);
        }
        written.map(drop)
    }

    /// Writes the steps that could not be written before: the disk may have space again.
    fn write_late(&mut self) -> io::Result<()> {
        while self.file.is_some()
            && let Some((&number, json)) = self.unwritten.first_key_value()
        {
            if let Some(entry) = self.contents.pending.get(&number) {
                let statement = Statement {
                    id: entry.id,
                    verb: Verb::Initialized,
                    json: json.clone(),
                };
                self.write(&journal::step("", &[], number, &[statement]), true)?;
            }
            self.unwritten.remove(&number);
        }
        Ok(())
    }

    /// Records the fate of statements.
    pub fn settle(&mut self, fates: &[(u64, Fate)]) -> io::Result<()> {
        let written: Vec<_> = fates
            .iter()
            .filter(|(number, _)| !self.unwritten.contains_key(number))
            .cloned()
            .collect();
        let mut result = Ok(true);
        if !written.is_empty() {
            result = self.write(&journal::settled(&written), false);
        }
        for (number, fate) in fates {
            self.contents.settle(*number, fate.clone());
            if *fate == Fate::Delivered {
                self.unwritten.remove(number);
            }
        }
        result.map(drop)
    }

    /// Returns the exact bytes of a statement.
    pub fn statement(&self, entry: &Entry) -> io::Result<String> {
        if let Some(json) = self.unwritten.get(&entry.number) {
            return Ok(json.clone());
        }
        String::from_utf8(self.bytes(&entry.bytes)?).map_err(io::Error::other)
    }

    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Returns the number of statements that are only in memory.
    pub fn unwritten(&self) -> usize {
        self.unwritten.len()
    }

    /// Returns the number of passages that could not be read on opening.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    fn bytes(&self, range: &std::ops::Range<u64>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        match &self.file {
            Some(file) => file.read_exact_at(&mut bytes, range.start)?,
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        Ok(bytes)
    }

    /// Appends a record; returns false if there is no file. An incomplete record is removed, so
    /// that the next one does not follow half a record.
    fn write(&mut self, record: &[u8], sync: bool) -> io::Result<bool> {
        let Some(file) = &self.file else {
            return Ok(false);
        };
        let at = self.contents.end;
        let result = file
            .write_all_at(record, at)
            .and_then(|()| if sync { file.sync_data() } else { Ok(()) });
        if let Err(error) = result {
            file.set_len(at)?;
            return Err(error);
        }
        // Parses the written record from memory, with offsets shifted to its position in the file.
        let mut taken = Contents {
            next: self.contents.next,
            ..Contents::default()
        };
        if let Some(payload) = journal::payload_at(record, 0)
            && taken.take(record, payload).is_some()
        {
            let shift = |range: std::ops::Range<u64>| range.start + at..range.end + at;
            for (number, entry) in taken.pending {
                let bytes = shift(entry.bytes.clone());
                self.contents
                    .pending
                    .insert(number, Entry { bytes, ..entry });
            }
            for (key, range) in taken.states {
                self.contents.states.insert(key, shift(range));
            }
            self.contents.next = taken.next;
        }
        self.contents.end = at + record.len() as u64;
        Ok(true)
    }
}

/// Replaces the contents of the file in one step.
fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(folder)?.sync_all()
}
