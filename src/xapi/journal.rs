// SPDX-License-Identifier: MPL-2.0

//! Format of the journal: statements and sessions on disk before they are sent. This module handles
//! bytes only; the delivery decides where and when they are written.
//!
//! A journal is a header (`LECTXAPI` and a version) and records. A record is a marker, the length
//! of its payload, the CRC-32 of length and payload, and the payload; integers are little-endian. A
//! payload is one of:
//!
//! - a *step* of a session: the key of its progress, the state after the step, and the statements
//!   that it made. They are one record, so that no crash can separate a statement from the state
//!   that includes it.
//! - *settled*: statements that were delivered, or rejected for good, with the server's message.

use std::{collections::BTreeMap, fmt, ops::Range};

use super::{Statement, Uuid};

const MAGIC: &[u8; 8] = b"LECTXAPI";
const VERSION: u32 = 1;
/// Marks the start of a record, so that reading can continue after damage.
const MARKER: [u8; 4] = [0xa9, b'L', b'X', 0x1a];
/// Size of marker, length and checksum.
const FRAME: usize = 12;
/// Largest payload: a longer one is damage, because a session's state and a few statements are
/// never that long.
const LONGEST: usize = 64 << 20;
const STEP: u8 = 1;
const SETTLED: u8 = 2;

/// A file that cannot be read as a journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JournalError {
    /// It does not start like a journal.
    NotAJournal,
    /// A later version of this program has written it.
    Newer(u32),
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JournalError::NotAJournal => {
                f.write_str("this file is not a journal of xAPI statements")
            }
            JournalError::Newer(version) => write!(
                f,
                "the journal has version {version}, this program reads versions up to {VERSION}: use a \
                 later version of it, or another folder"
            ),
        }
    }
}

impl std::error::Error for JournalError {}

/// Fate of a statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    Delivered,
    /// Rejected for good, with the server's message.
    Dead(String),
}

/// Position of a statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Number of the statement, in the order of their creation.
    pub number: u64,
    pub id: Uuid,
    /// Its bytes in the journal.
    pub bytes: Range<u64>,
}

/// Contents of a journal.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Contents {
    /// Last state of each key, as it was written.
    pub states: BTreeMap<String, Range<u64>>,
    /// Statements that are not settled, in order.
    pub pending: BTreeMap<u64, Entry>,
    /// Statements rejected for good, with the server's message.
    pub dead: Vec<(Entry, String)>,
    pub delivered: u64,
    /// Number of the next statement.
    pub next: u64,
    /// Passages that are not records: overwritten, or with flipped bits.
    pub damaged: Vec<Range<u64>>,
    /// Offset of the next record. Data after it is incomplete or damaged.
    pub end: u64,
}

/// Returns the beginning of every journal.
pub fn header() -> Vec<u8> {
    [&MAGIC[..], &VERSION.to_le_bytes()].concat()
}

/// Writes a step of a session: its key, its state as JSON, the number of the first of its
/// statements.
pub fn step(key: &str, state: &[u8], first: u64, statements: &[Statement]) -> Vec<u8> {
    let mut payload = vec![STEP];
    put(&mut payload, key.as_bytes());
    put(&mut payload, state);
    payload.extend(first.to_le_bytes());
    payload.extend((statements.len() as u32).to_le_bytes());
    for statement in statements {
        put(&mut payload, statement.id.as_bytes());
        put(&mut payload, statement.json.as_bytes());
    }
    record(&payload)
}

/// Writes the fate of statements.
pub fn settled(fates: &[(u64, Fate)]) -> Vec<u8> {
    let mut payload = vec![SETTLED];
    payload.extend((fates.len() as u32).to_le_bytes());
    for (number, fate) in fates {
        payload.extend(number.to_le_bytes());
        match fate {
            Fate::Delivered => payload.push(0),
            Fate::Dead(words) => {
                payload.push(1);
                put(&mut payload, words.as_bytes());
            }
        }
    }
    record(&payload)
}

/// Parses a journal. An unfinished record ends it; damage in the middle is skipped. An empty file
/// and the beginning of a header are an empty journal.
pub fn read(bytes: &[u8]) -> Result<Contents, JournalError> {
    let mut contents = Contents::default();
    let header = header();
    if bytes.len() < header.len() {
        return if header.starts_with(bytes) {
            Ok(contents)
        } else {
            Err(JournalError::NotAJournal)
        };
    }
    if !bytes.starts_with(MAGIC) {
        return Err(JournalError::NotAJournal);
    }
    let mut cursor = Cursor {
        bytes,
        at: MAGIC.len(),
    };
    let version = cursor.u32().unwrap_or(0);
    if version != VERSION {
        return Err(JournalError::Newer(version));
    }
    let mut at = header.len();
    contents.end = at as u64;
    while at < bytes.len() {
        match payload_at(bytes, at)
            .filter(|payload| contents.take(bytes, payload.clone()).is_some())
        {
            Some(payload) => {
                if contents.end < at as u64 {
                    contents.damaged.push(contents.end..at as u64);
                }
                at = payload.end;
                contents.end = at as u64;
            }
            // The next marker may start the next record.
            None => match find(&bytes[at + 1..]) {
                Some(offset) => at += 1 + offset,
                None => break,
            },
        }
    }
    let end = contents.end as usize;
    if end < bytes.len() && !is_torn(bytes, end) {
        contents.damaged.push(contents.end..bytes.len() as u64);
    }
    Ok(contents)
}

/// Returns the journal without settled and superseded records. States and numbers stay.
pub fn compact(bytes: &[u8], contents: &Contents) -> Vec<u8> {
    let slice = |range: &Range<u64>| {
        bytes
            .get(range.start as usize..range.end as usize)
            .unwrap_or_default()
    };
    let statement = |entry: &Entry| Statement {
        id: entry.id,
        verb: super::Verb::Initialized,
        json: String::from_utf8_lossy(slice(&entry.bytes)).into_owned(),
    };
    let mut compacted = header();
    for (key, state) in &contents.states {
        compacted.extend(step(key, slice(state), contents.next, &[]));
    }
    for (entry, words) in &contents.dead {
        compacted.extend(step("", &[], entry.number, &[statement(entry)]));
        compacted.extend(settled(&[(entry.number, Fate::Dead(words.clone()))]));
    }
    for entry in contents.pending.values() {
        compacted.extend(step("", &[], entry.number, &[statement(entry)]));
    }
    compacted
}

impl Contents {
    /// Adds the contents of a payload; returns `None` if it is malformed.
    pub fn take(&mut self, bytes: &[u8], payload: Range<usize>) -> Option<()> {
        let mut cursor = Cursor {
            bytes: bytes.get(..payload.end)?,
            at: payload.start,
        };
        match cursor.u8()? {
            STEP => {
                let key = cursor.slice()?;
                let key = std::str::from_utf8(&bytes[key]).ok()?.to_owned();
                let state = cursor.slice()?;
                let first = cursor.u64()?;
                let next = first.checked_add(cursor.u32()?.into())?;
                let mut entries = Vec::new();
                for number in first..next {
                    let id = cursor.slice()?;
                    let id = Uuid::from_bytes(bytes[id].try_into().ok()?);
                    let json = cursor.slice()?;
                    let bytes = json.start as u64..json.end as u64;
                    entries.push((number, Entry { number, id, bytes }));
                }
                self.next = self.next.max(next);
                self.pending.extend(entries);
                if !key.is_empty() {
                    self.states
                        .insert(key, state.start as u64..state.end as u64);
                }
            }
            SETTLED => {
                let mut fates = Vec::new();
                for _ in 0..cursor.u32()? {
                    let number = cursor.u64()?;
                    let fate = match cursor.u8()? {
                        0 => Fate::Delivered,
                        _ => {
                            let words = cursor.slice()?;
                            Fate::Dead(String::from_utf8_lossy(&bytes[words]).into_owned())
                        }
                    };
                    fates.push((number, fate));
                }
                for (number, fate) in fates {
                    self.settle(number, fate);
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// Marks a statement as delivered or dead.
    pub fn settle(&mut self, number: u64, fate: Fate) {
        if let Some(entry) = self.pending.remove(&number) {
            match fate {
                Fate::Delivered => self.delivered += 1,
                Fate::Dead(words) => self.dead.push((entry, words)),
            }
        }
    }
}

fn put(payload: &mut Vec<u8>, bytes: &[u8]) {
    payload.extend((bytes.len() as u32).to_le_bytes());
    payload.extend(bytes);
}

fn record(payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_le_bytes();
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length);
    hasher.update(payload);
    [
        &MARKER[..],
        &length,
        &hasher.finalize().to_le_bytes(),
        payload,
    ]
    .concat()
}

/// Returns the payload of the record that starts here, if there is one with a correct checksum.
pub fn payload_at(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let mut cursor = Cursor {
        bytes,
        at: at + MARKER.len(),
    };
    if !bytes.get(at..)?.starts_with(&MARKER) {
        return None;
    }
    let length = cursor.u32()? as usize;
    let checksum = cursor.u32()?;
    let payload = at + FRAME..(at + FRAME).checked_add(length)?;
    if length > LONGEST {
        return None;
    }
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(length as u32).to_le_bytes());
    hasher.update(bytes.get(payload.clone())?);
    (hasher.finalize() == checksum).then_some(payload)
}

/// Returns whether a record starts here and the bytes end before it does.
fn is_torn(bytes: &[u8], at: usize) -> bool {
    let left = &bytes[at..];
    if left.len() < FRAME {
        return left.starts_with(&MARKER) || MARKER.starts_with(left);
    }
    let mut cursor = Cursor {
        bytes: left,
        at: MARKER.len(),
    };
    let length = cursor.u32().unwrap_or(0) as usize;
    left.starts_with(&MARKER) && length <= LONGEST && left.len() < FRAME + length
}

fn find(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(MARKER.len())
        .position(|window| window == MARKER)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = self
            .bytes
            .get(self.at..self.at.checked_add(N)?)?
            .try_into()
            .ok()?;
        self.at += N;
        Some(array)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Reads a length and that many bytes; returns their range.
    fn slice(&mut self) -> Option<Range<usize>> {
        let length = self.u32()? as usize;
        let range = self.at..self.at.checked_add(length)?;
        if range.end > self.bytes.len() {
            return None;
        }
        self.at = range.end;
        Some(range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xapi::Verb;
    use proptest::prelude::*;

    fn statement(number: u8) -> Statement {
        Statement {
            id: Uuid::v4([number; 16]),
            verb: Verb::Played,
            json: format!(r#"{{"number":{number}}}"#),
        }
    }

    /// Makes three steps of two statements each, the first statement delivered, the second
    /// rejected.
    fn journal() -> (Vec<u8>, Vec<usize>) {
        let mut bytes = header();
        let mut ends = vec![bytes.len()];
        for turn in 0..3 {
            let said = [statement(turn * 2), statement(turn * 2 + 1)];
            bytes.extend(step("ada", &[b'0' + turn], u64::from(turn) * 2, &said));
            ends.push(bytes.len());
        }
        bytes.extend(settled(&[
            (0, Fate::Delivered),
            (1, Fate::Dead("no such verb".into())),
        ]));
        ends.push(bytes.len());
        (bytes, ends)
    }

    fn text(bytes: &[u8], range: &Range<u64>) -> String {
        String::from_utf8_lossy(&bytes[range.start as usize..range.end as usize]).into_owned()
    }

    #[test]
    fn what_is_written_reads_back() {
        let (bytes, _) = journal();
        for bytes in [
            bytes.clone(),
            compact(&bytes, &read(&bytes).expect("a journal")),
        ] {
            let contents = read(&bytes).expect("a journal");
            assert_eq!(
                contents.pending.keys().copied().collect::<Vec<_>>(),
                [2, 3, 4, 5]
            );
            assert_eq!(text(&bytes, &contents.pending[&3].bytes), r#"{"number":3}"#);
            assert_eq!(contents.dead[0].0.id, Uuid::v4([1; 16]));
            assert_eq!(contents.dead[0].1, "no such verb");
            assert_eq!(text(&bytes, &contents.states["ada"]), "2");
            assert_eq!((contents.next, contents.end), (6, bytes.len() as u64));
            assert_eq!(contents.damaged, []);
        }
    }

    #[test]
    fn other_files_are_not_touched() {
        assert_eq!(read(b"RIFF"), Err(JournalError::NotAJournal));
        assert_eq!(
            read(b"something else entirely"),
            Err(JournalError::NotAJournal)
        );
        let newer = [&MAGIC[..], &7_u32.to_le_bytes()].concat();
        assert_eq!(read(&newer), Err(JournalError::Newer(7)));
        assert_eq!(read(b""), Ok(Contents::default()));
        assert_eq!(read(&header()[..5]), Ok(Contents::default()));
    }

    #[test]
    fn every_prefix_is_a_journal_of_whole_steps() {
        let (bytes, ends) = journal();
        for cut in 0..=bytes.len() {
            let contents = read(&bytes[..cut]).expect("a torn journal is a journal");
            let end = ends
                .iter()
                .copied()
                .filter(|end| *end <= cut)
                .max()
                .unwrap_or(0);
            assert_eq!(contents.end, end as u64, "cut at {cut}");
            assert_eq!(
                contents,
                Contents {
                    ..read(&bytes[..end]).expect("whole")
                }
            );
        }
    }

    #[test]
    fn damage_at_the_end_is_no_torn_record() {
        let (bytes, ends) = journal();
        for tail in [&[0; 40][..], b"something else"] {
            let contents = read(&[&bytes, tail].concat()).expect("a journal");
            let end = bytes.len() as u64;
            assert_eq!(contents.damaged, vec![end..end + tail.len() as u64]);
            assert_eq!(contents.end, end);
        }
        let mut flipped = bytes.clone();
        flipped[ends[3] + FRAME] ^= 1;
        let contents = read(&flipped).expect("a journal");
        assert_eq!(contents.damaged, vec![ends[3] as u64..bytes.len() as u64]);
    }

    #[test]
    fn a_flipped_bit_costs_one_record() {
        let (bytes, ends) = journal();
        for at in ends[1]..ends[2] {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let contents = read(&flipped).expect("still a journal");
                let record = ends[1] as u64..ends[2] as u64;
                assert_eq!(contents.damaged, vec![record], "{at}");
                assert_eq!(contents.pending.keys().copied().collect::<Vec<_>>(), [4, 5]);
                assert_eq!(contents.dead.len(), 1);
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_fail(junk in prop::collection::vec(any::<u8>(), 0..400), at in 0usize..300) {
            let (mut bytes, _) = journal();
            let at = at.min(bytes.len());
            bytes.splice(at.max(12)..at.max(12), junk);
            let contents = read(&bytes).expect("the header is whole");
            prop_assert!(contents.end as usize <= bytes.len());
        }
    }

    #[test]
    fn a_step_past_the_last_number_is_damage() {
        let mut bytes = header();
        bytes.extend(step("key", b"{}", u64::MAX, &[statement(1)]));
        let contents = read(&bytes).expect("a journal");
        assert_eq!(contents.pending.len() + contents.states.len(), 0);
        assert_eq!(contents.damaged.len(), 1);
    }
}
