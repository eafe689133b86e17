// SPDX-License-Identifier: MPL-2.0

//! The command of the user's that proposes titles, chapters, a summary and key points.

use std::process::Command;
use std::time::Duration;

use gstlecture::edit::assist::MOST_BYTES;

use crate::engine::program::{self, Failure, Limits};
use crate::error::Error;
use crate::options::options;
use crate::stop::Stop;

options! {
    /// The command that proposes titles and a summary.
    pub struct AssistOptions {
        /// a shell command, for example one that asks a language model: it reads transcript, slides and
        /// chapters as JSON and writes titles, chapters, summary and key points as JSON, which become
        /// drafts; lecture schema assist-request and assist-reply describe both
        "assist-command" (optional) => command: Option<String>,
        /// assist-command: it is ended after this many seconds
        "assist-timeout" (default "300") => timeout: Duration,
    }
}

/// Gives the request to the command and returns what it writes, or a part of a sentence about what went
/// wrong. Its messages are shown.
///
/// # Errors
/// The job was stopped.
pub fn ask(
    command: &str,
    timeout: Duration,
    request: Vec<u8>,
    stop: &Stop,
) -> Result<Result<Vec<u8>, String>, Error> {
    let limits = Limits {
        time: timeout,
        bytes: MOST_BYTES as u64,
    };
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    let ended = program::run(shell, request, limits, stop)?;
    Ok(ended.map_err(|failure| match failure {
        Failure::Missing => "there is no shell (sh)".into(),
        Failure::Start(error) => format!("it does not run ({error})"),
        Failure::Time => "it was ended because its time is over; give assist-timeout= more".into(),
        Failure::Bytes => format!("it writes more than {MOST_BYTES} bytes"),
        Failure::Status(status, _) => format!("it ended with {status}"),
    }))
}
