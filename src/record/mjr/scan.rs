// SPDX-License-Identifier: MPL-2.0

//! Reads the records of a file that arrives in pieces.

use super::Error;
use super::header::{Format, Header, Kind};
use super::order::Intake;
use super::recording::{Problem, Recording};

const MARK_LENGTH: usize = 8;
/// Mark and length in front of a header and of each record.
const RECORD_LENGTH: usize = 10;

/// Builds the index of a recording from the bytes of its file.
///
/// It holds one record at most (64 KiB) beside what was pushed last, and 40 bytes per packet.
#[derive(Debug, Default)]
pub struct Scanner {
    /// Bytes that were not taken yet.
    pending: Vec<u8>,
    /// Position of `pending` in the file.
    position: u64,
    /// Present once the header is whole.
    intake: Option<Intake>,
    damaged: Option<u64>,
}

/// The outcome of reading at one place.
enum Step {
    /// This many bytes were read.
    Read(usize),
    /// The bytes end inside a header or record.
    Cut,
    /// No record starts here.
    Damaged,
}

impl Scanner {
    /// Reads the next bytes of the file.
    ///
    /// # Errors
    ///
    /// Any [`Error`] of the header, and [`Error::TooManyPackets`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.damaged.is_some() {
            return Ok(());
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        let mut read = 0;
        while let Some(rest) = pending.get(read..).filter(|rest| !rest.is_empty()) {
            let position = self.position + read as u64;
            match self.read(rest, position)? {
                Step::Read(length) => read += length,
                Step::Cut => break,
                Step::Damaged => {
                    self.damaged = Some(position);
                    return Ok(());
                }
            }
        }
        pending.drain(..read);
        self.position += read as u64;
        self.pending = pending;
        Ok(())
    }

    /// Returns the header once it was read.
    pub fn header(&self) -> Option<&Header> {
        self.intake.as_ref().map(Intake::header)
    }

    /// Returns the index after the last bytes of the file were pushed.
    ///
    /// # Errors
    ///
    /// Any [`Error`] of a file that ends too early to hold media.
    pub fn finish(self) -> Result<Recording, Error> {
        let Some(intake) = self.intake else {
            return Err(match self.pending.len() {
                0 => Error::Empty,
                MARK_LENGTH if format(&self.pending).is_some() => Error::Empty,
                _ if is_start_of_mark(&self.pending) => Error::HeaderCut,
                _ => Error::NotMjr,
            });
        };
        let problem = match self.damaged {
            Some(offset) => Some(Problem::Damaged { offset }),
            None if self.pending.is_empty() => None,
            None => Some(Problem::Truncated {
                offset: self.position,
            }),
        };
        intake.finish(problem)
    }

    fn read(&mut self, bytes: &[u8], position: u64) -> Result<Step, Error> {
        match &mut self.intake {
            Some(intake) => read_record(intake, bytes, position),
            None => match read_header(bytes)? {
                Some((header, length)) => {
                    self.intake = Some(Intake::new(header));
                    Ok(Step::Read(length))
                }
                None => Ok(Step::Cut),
            },
        }
    }
}

fn format(bytes: &[u8]) -> Option<Format> {
    match bytes.get(..MARK_LENGTH)? {
        b"MJR00002" => Some(Format::Mjr2),
        b"MEETECHO" => Some(Format::Meetecho),
        mark if mark.starts_with(b"MJR") => Some(Format::Mjr1),
        _ => None,
    }
}

fn is_start_of_mark(bytes: &[u8]) -> bool {
    format(bytes).is_some()
        || [b"MJR0000".as_slice(), b"MEETECH"]
            .iter()
            .any(|mark| mark.starts_with(bytes))
}

/// Returns the bytes behind mark and length, if all of them are there.
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let length = bytes.get(RECORD_LENGTH - 2..RECORD_LENGTH)?;
    let length = usize::from(u16::from_be_bytes(length.try_into().ok()?));
    bytes.get(RECORD_LENGTH..RECORD_LENGTH + length)
}

/// Reads the header and returns its length in the file; `None` if more bytes are needed.
fn read_header(bytes: &[u8]) -> Result<Option<(Header, usize)>, Error> {
    if !is_start_of_mark(bytes) {
        return Err(Error::NotMjr);
    }
    let (Some(format), Some(body)) = (format(bytes), body(bytes)) else {
        return Ok(None);
    };
    let header = match format {
        Format::Meetecho => Header::from_name(body)?,
        format => Header::from_json(format, body)?,
    };
    Ok(Some((header, RECORD_LENGTH + body.len())))
}

fn read_record(intake: &mut Intake, bytes: &[u8], position: u64) -> Result<Step, Error> {
    let has_arrival = intake.header().format.has_arrival_times();
    let mark: &[u8] = if has_arrival { b"MEET" } else { b"MEETECHO" };
    // A second header inside of the file is skipped.
    let is_header = bytes.starts_with(b"MJ");
    let seen = bytes.len().min(mark.len());
    if !is_header && bytes.get(..seen) != mark.get(..seen) {
        return Ok(if seen == 1 && bytes == b"M" {
            Step::Cut
        } else {
            Step::Damaged
        });
    }
    let Some(body) = body(bytes) else {
        return Ok(Step::Cut);
    };
    if !is_header {
        let arrival = bytes
            .get(4..MARK_LENGTH)
            .filter(|_| has_arrival)
            .and_then(|ms| ms.try_into().ok())
            .map(u32::from_be_bytes);
        let offset = position + RECORD_LENGTH as u64;
        if intake.header().codec.kind() == Kind::Data {
            intake.take_message(body, offset, arrival)?;
        } else {
            intake.take_rtp(body, offset, arrival)?;
        }
    }
    Ok(Step::Read(RECORD_LENGTH + body.len()))
}
