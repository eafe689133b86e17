// SPDX-License-Identifier: MPL-2.0

//! The command that goes on with a recording that has ended.

use std::os::unix::process::ExitStatusExt;
use std::path::{self, Path};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::engine::process;
use crate::error::Error;
use crate::options::options;
use crate::print;

/// Interval at which the command is looked at.
const POLL: Duration = Duration::from_millis(50);

options! {
    /// The command that goes on with a recording.
    pub struct CompleteOptions {
        /// a shell command that is run with the finished session: its folder is in the variable
        /// LECTURE_SESSION and its state, for example EGRESS_COMPLETE, in LECTURE_STATE
        "on-complete" (optional) => command: Option<String>,
        /// on-complete: the command is ended after this many seconds
        "on-complete-timeout" (default "3600") => timeout: Duration,
    }
}

impl CompleteOptions {
    /// Runs the command, if there is one, and returns its exit status. A command that was ended by a
    /// signal has the status that shells give it.
    ///
    /// # Errors
    /// It cannot be started, or its time is over.
    pub fn run(&self, session: &Path, state: &str) -> Result<Option<i32>, Error> {
        let Some(command) = &self.command else {
            return Ok(None);
        };
        let session = path::absolute(session).map_err(|error| Error::reading(session, &error))?;
        print::note(format_args!("on-complete: {command}"));
        let failed = |error: std::io::Error| {
            Error::request(
                format!("the command does not run ({error})"),
                &**command,
                REMEDY,
            )
        };
        let mut child = start(command, &session, state).map_err(failed)?;
        let deadline = Instant::now() + self.timeout;
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait().map_err(failed)? {
                let signal = status.signal().map(|signal| 128 + signal);
                return Ok(status.code().or(signal));
            }
            std::thread::sleep(POLL);
        }
        process::end(&mut child);
        let seconds = self.timeout.as_secs_f64();
        let what = format!("the command was ended after {seconds} s");
        let remedy =
            "the recording is whole: run the command by hand, or give on-complete-timeout= more";
        Err(Error::later(what, &**command, remedy))
    }

    /// Turns a status that is not 0 into an error.
    ///
    /// # Errors
    /// The command failed.
    pub fn check(&self, ended: Result<Option<i32>, Error>) -> Result<(), Error> {
        match ended? {
            None | Some(0) => Ok(()),
            Some(status) => {
                let what = format!("the command ended with status {status}");
                Err(Error::request(
                    what,
                    self.command.clone().unwrap_or_default(),
                    REMEDY,
                ))
            }
        }
    }
}

const REMEDY: &str = "the recording is whole: correct on-complete=, and run the command by hand";

fn start(command: &str, session: &Path, state: &str) -> std::io::Result<Child> {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .env("LECTURE_SESSION", session)
        .env("LECTURE_STATE", state)
        .stdin(Stdio::null())
        // Standard output is for the results of this job.
        .stdout(std::io::stderr());
    process::end_with_parent(&mut shell);
    shell.spawn()
}
