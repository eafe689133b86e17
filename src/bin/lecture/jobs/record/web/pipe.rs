// SPDX-License-Identifier: MPL-2.0

//! The pipes between the program and a browser: each message is JSON and ends with a zero byte.

use std::io::{self, BufRead, BufReader, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};

use rustix::io::fcntl_dupfd_cloexec;
use serde_json::Value;

/// The file descriptors of a browser with `--remote-debugging-pipe`: it reads from the first.
const READ: RawFd = 3;
const WRITE: RawFd = 4;

/// File descriptors from this one on are not those of the browser.
const FREE: RawFd = 10;

/// Largest size of a message in bytes; larger ones are left out.
const LARGEST: usize = 16 << 20;

/// Number of messages that wait. A page that logs more is slowed down.
const WAITING: usize = 1000;

/// The ends of the browser.
pub struct Ends(OwnedFd, OwnedFd);

/// Opens the pipes: our ends, and those of the browser.
pub fn open() -> io::Result<(PipeWriter, PipeReader, Ends)> {
    let (reader, to) = io::pipe()?;
    let (from, writer) = io::pipe()?;
    let ends = Ends(
        fcntl_dupfd_cloexec(&reader, FREE)?,
        fcntl_dupfd_cloexec(&writer, FREE)?,
    );
    Ok((to, from, ends))
}

/// Hands the ends of a browser to the command that starts it. They must be kept until it has.
pub fn pass(command: &mut Command, ends: &Ends) {
    let pairs = [(ends.0.as_raw_fd(), READ), (ends.1.as_raw_fd(), WRITE)];
    // SAFETY: only system calls are made between fork and exec, with descriptors that are open.
    unsafe {
        command.pre_exec(move || {
            for (own, other) in pairs {
                if libc::dup2(own, other) < 0 {
                    return Err(io::Error::last_os_error());
                }
            }
            Ok(())
        });
    }
}

/// Reads messages in a thread of its own, until the browser ends.
pub fn read(from: PipeReader) -> Receiver<Value> {
    let (sender, messages) = mpsc::sync_channel(WAITING);
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        while let Ok(Some(bytes)) = next(&mut from) {
            let Ok(message) = serde_json::from_slice(&bytes) else {
                continue;
            };
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    messages
}

/// Returns the next message; one that is too large is empty.
fn next(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    if from.by_ref().take(limit).read_until(0, &mut bytes)? == 0 {
        return Ok(None);
    }
    if bytes.last() == Some(&0) {
        bytes.pop();
        return Ok(Some(bytes));
    }
    if bytes.len() < LARGEST {
        return Ok(None);
    }
    from.skip_until(0)?;
    Ok(Some(Vec::new()))
}

/// Writes a message.
pub fn write(to: &mut PipeWriter, message: &Value) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(message)?;
    bytes.push(0);
    to.write_all(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_end_with_a_zero_and_large_ones_are_left_out() {
        let mut bytes = b"{\"a\":1}\0".to_vec();
        bytes.extend(vec![b'x'; LARGEST + 10]);
        bytes.extend(b"\0{}\0cut");
        let mut from = &bytes[..];
        let mut all = Vec::new();
        while let Ok(Some(message)) = next(&mut from) {
            all.push(message);
        }
        assert_eq!(all, [b"{\"a\":1}".to_vec(), Vec::new(), b"{}".to_vec()]);
    }
}
