// SPDX-License-Identifier: MPL-2.0

//! Runs a program that the user names: bytes on its input, bytes on its output.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::process;
use crate::error::Error;
use crate::stop::Stop;

/// Interval at which the stop is looked at.
const POLL: Duration = Duration::from_millis(20);
/// Time in which messages arrive after the end of the output.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Largest number of bytes of messages that are kept.
const MESSAGES: u64 = 4096;

/// Bounds of a run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub time: Duration,
    /// Largest number of bytes on the output.
    pub bytes: u64,
}

/// A reason why a program gave no output.
#[derive(Debug)]
pub enum Failure {
    /// There is no program of this name.
    Missing,
    /// The program cannot be started.
    Start(io::Error),
    /// It took longer than allowed, and was ended.
    Time,
    /// It wrote more than allowed, and was ended.
    Bytes,
    /// It ended with this status and the last line of these messages.
    Status(ExitStatus, String),
}

/// Runs a program. It is ended if it takes too long, writes too much, or the job is stopped, and
/// whatever it has started ends with it. Its messages are a part of the failure if the command has a
/// pipe for them.
///
/// # Errors
/// The job was stopped. A fault of the program is the inner result.
pub fn run(
    mut command: Command,
    input: Vec<u8>,
    limits: Limits,
    stop: &Stop,
) -> Result<Result<Vec<u8>, Failure>, Error> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    process::end_with_parent(&mut command);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(Failure::Missing)),
        Err(error) => return Ok(Err(Failure::Start(error))),
    };
    let deadline = Instant::now() + limits.time;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read all of its input is no fault.
        thread::spawn(move || stdin.write_all(&input));
    }
    let output = child
        .stdout
        .take()
        .map(|stdout| collect(stdout, limits.bytes + 1));
    let messages = child.stderr.take().map(|stderr| collect(stderr, MESSAGES));
    let ended = wait(&mut child, output, deadline, limits.bytes, stop);
    process::kill(&mut child);
    let (status, bytes) = match ended? {
        Ok(ended) => ended,
        Err(failure) => return Ok(Err(failure)),
    };
    if status.success() {
        return Ok(Ok(bytes));
    }
    let messages = messages.and_then(|messages| messages.recv_timeout(LAST_WORDS).ok());
    let messages = messages.unwrap_or_default();
    let messages = String::from_utf8_lossy(&messages);
    let last = messages.lines().rfind(|line| !line.trim().is_empty());
    Ok(Err(Failure::Status(
        status,
        last.unwrap_or_default().trim().to_owned(),
    )))
}

/// Reads a stream to its end in a thread; keeps its first bytes.
fn collect(mut stream: impl Read + Send + 'static, most: u64) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A stream that breaks has ended.
        let _ = Read::by_ref(&mut stream).take(most).read_to_end(&mut bytes);
        // Nobody waits any more if the job was stopped.
        let _ = sender.send(bytes);
        let _ = io::copy(&mut stream, &mut io::sink());
    });
    receiver
}

/// Waits for the output and the end of a program.
fn wait(
    child: &mut Child,
    output: Option<Receiver<Vec<u8>>>,
    deadline: Instant,
    most: u64,
    stop: &Stop,
) -> Result<Result<(ExitStatus, Vec<u8>), Failure>, Error> {
    let mut bytes = None;
    loop {
        if bytes.is_none() {
            let received = output.as_ref().map(|output| output.recv_timeout(POLL));
            match received {
                Some(Err(RecvTimeoutError::Timeout)) => {}
                Some(Ok(received)) if received.len() as u64 > most => {
                    return Ok(Err(Failure::Bytes));
                }
                Some(Ok(received)) => bytes = Some(received),
                Some(Err(RecvTimeoutError::Disconnected)) | None => bytes = Some(Vec::new()),
            }
        } else {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(Ok((status, bytes.unwrap_or_default()))),
                Ok(None) => thread::sleep(POLL),
                Err(error) => return Ok(Err(Failure::Start(error))),
            }
        }
        stop.check()?;
        if Instant::now() >= deadline {
            return Ok(Err(Failure::Time));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, input: &str) -> Result<Vec<u8>, Failure> {
        let limits = Limits {
            time: Duration::from_secs(2),
            bytes: 1 << 20,
        };
        let mut command = Command::new("sh");
        command.args(["-c", script]).stderr(Stdio::piped());
        run(command, input.into(), limits, &Stop::default()).expect("nobody stops it")
    }

    #[test]
    fn a_text_goes_in_and_bytes_come_out() {
        let text = "-x \"quoted\" $HOME\n".repeat(50_000);
        assert_eq!(shell("cat", &text).expect("copied"), text.as_bytes());
        assert_eq!(
            shell("echo read nothing", &text).expect("written"),
            b"read nothing\n"
        );
    }

    #[test]
    fn each_failure_has_its_reason() {
        assert!(matches!(shell("sleep 60", ""), Err(Failure::Time)));
        // The output is still open after the program itself has ended.
        assert!(matches!(shell("sleep 60 & exit 0", ""), Err(Failure::Time)));
        assert!(matches!(shell("cat /dev/zero", ""), Err(Failure::Bytes)));
        let failed = shell("echo why >&2; echo; exit 3", "");
        assert!(
            matches!(&failed, Err(Failure::Status(status, why)) if status.code() == Some(3) && why == "why"),
            "{failed:?}"
        );
        let limits = Limits {
            time: Duration::from_secs(2),
            bytes: 1,
        };
        let missing = Command::new("no-such-program");
        let missing = run(missing, Vec::new(), limits, &Stop::default());
        assert!(matches!(missing, Ok(Err(Failure::Missing))), "{missing:?}");
    }
}
