// SPDX-License-Identifier: MPL-2.0

//! Runs rclone and interprets its errors. Remotes and secrets are configured in rclone: in its
//! configuration file and its environment.

use std::collections::BTreeSet;
use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::batch::{Batch, Sent};
use crate::engine::process;
use crate::error::{Error, disk_full};
use crate::stop::Stop;

/// Settings used if the user does not set them: rclone's own retries suit people who watch it.
const DEFAULTS: [(&str, &str); 7] = [
    ("RCLONE_RETRIES", "2"),
    ("RCLONE_LOW_LEVEL_RETRIES", "5"),
    ("RCLONE_CONTIMEOUT", "15s"),
    ("RCLONE_TIMEOUT", "60s"),
    ("RCLONE_TRANSFERS", "8"),
    // A user who may write to a bucket may not always create one, and nobody would own a new one.
    ("RCLONE_S3_NO_CHECK_BUCKET", "true"),
    ("RCLONE_GCS_NO_CHECK_BUCKET", "true"),
];

/// Longest time that rclone may take to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Exit status of rclone if a folder does not exist.
const NO_FOLDER: i32 = 3;

/// A remote of rclone and a path there.
pub struct Rclone {
    to: String,
}

/// Result of an rclone run.
#[derive(Default)]
struct Ended {
    status: Option<i32>,
    out: Vec<u8>,
    /// Errors that rclone reported.
    errors: Vec<String>,
    sent: Sent,
}

impl Rclone {
    pub fn new(to: &str) -> Self {
        Rclone {
            to: to.trim_end_matches('/').to_owned(),
        }
    }

    /// Returns the remote without the parameters of a connection string, which may be secrets.
    pub fn shown(&self) -> String {
        match (self.to.find(','), self.to.rfind(':')) {
            (Some(comma), Some(colon)) if comma < colon => {
                format!("{}{}", &self.to[..comma], &self.to[colon..])
            }
            _ => self.to.clone(),
        }
    }

    /// Returns the address of a file or folder at the remote.
    fn place(&self, path: &str) -> String {
        let slash = if self.to.ends_with(':') { "" } else { "/" };
        format!("{}{slash}{path}", self.to)
    }

    pub fn names(&self, stop: &Stop) -> Result<BTreeSet<String>, Error> {
        let ended = self.run(&["lsf", "--", &self.to], "", stop, |_| {})?;
        match ended.status {
            Some(0) => {
                let names = String::from_utf8_lossy(&ended.out).into_owned();
                let names = names.lines().map(|name| name.trim_end_matches('/'));
                Ok(names.map(str::to_owned).collect())
            }
            Some(NO_FOLDER) => Ok(BTreeSet::new()),
            _ => Err(self.error(&ended)),
        }
    }

    pub fn read(&self, path: &str, stop: &Stop) -> Result<Vec<u8>, Error> {
        let place = self.place(path);
        let ended = self.run(&["cat", "--", &place], "", stop, |_| {})?;
        self.done(ended).map(|ended| ended.out)
    }

    pub fn send(
        &self,
        batch: &Batch<'_>,
        stop: &Stop,
        progress: impl FnMut(u64),
    ) -> Result<Sent, Error> {
        let headers = [
            format!("Content-Type: {}", batch.content_type),
            format!("Cache-Control: {}", batch.cache_control),
        ];
        // Without it rclone compares size and time, and the content's hash if the time differs. A
        // destination without hashes would get the file again.
        let compare = match batch.by_name {
            true => "--size-only",
            false => "--no-update-modtime",
        };
        let root = batch.root.display().to_string();
        let arguments = [
            "copy",
            compare,
            "--files-from-raw",
            "-",
            // Half a file with the full size would look whole.
            "--multi-thread-streams",
            "0",
            "--header-upload",
            &headers[0],
            "--header-upload",
            &headers[1],
            "--",
            &root,
            &self.to,
        ];
        let ended = self.run(&arguments, &lines(&batch.paths), stop, progress)?;
        self.done(ended).map(|ended| ended.sent)
    }

    pub fn remove(&self, paths: &[String], stop: &Stop) -> Result<(), Error> {
        let arguments = ["delete", "--files-from-raw", "-", "--", &self.to];
        let ended = self.run(&arguments, &lines(paths), stop, |_| {})?;
        if ended.status == Some(NO_FOLDER) {
            return Ok(());
        }
        self.done(ended)?;
        let folders: BTreeSet<&str> = paths
            .iter()
            .filter_map(|path| Some(path.split_once('/')?.0))
            .collect();
        for folder in folders {
            let place = self.place(folder);
            // Object storage has no folders; elsewhere an empty folder does no harm.
            self.run(&["rmdirs", "--", &place], "", stop, |_| {})?;
        }
        Ok(())
    }

    fn done(&self, ended: Ended) -> Result<Ended, Error> {
        match ended.status {
            Some(0) => Ok(ended),
            _ => Err(self.error(&ended)),
        }
    }

    /// Runs rclone to its end, with `input` as its standard input.
    fn run(
        &self,
        arguments: &[&str],
        input: &str,
        stop: &Stop,
        mut progress: impl FnMut(u64),
    ) -> Result<Ended, Error> {
        stop.check()?;
        let mut child = self.start(arguments)?;
        let stdin = child.stdin.take();
        let input = input.to_owned();
        let writer = thread::spawn(move || {
            if let Some(mut stdin) = stdin {
                // If rclone ended early, its own messages state why.
                let _ = stdin.write_all(input.as_bytes());
            }
        });
        let stdout = child.stdout.take();
        let reader = thread::spawn(move || {
            let mut out = Vec::new();
            if let Some(mut stdout) = stdout {
                let _ = stdout.read_to_end(&mut out);
            }
            out
        });
        let (said, lines) = mpsc::channel();
        let stderr = child.stderr.take();
        let listener = thread::spawn(move || {
            let lines = stderr
                .into_iter()
                .flat_map(|stderr| BufReader::new(stderr).lines());
            for line in lines.map_while(Result::ok) {
                if said.send(line).is_err() {
                    break;
                }
            }
        });

        let mut ended = Ended::default();
        let mut asked: Option<Instant> = None;
        loop {
            match lines.recv_timeout(Duration::from_millis(100)) {
                Ok(line) => ended.hear(&line, &mut progress),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            match asked {
                None if stop.check().is_err() => {
                    asked = Some(Instant::now());
                    // rclone removes what it has begun to write.
                    signal(&child, Signal::TERM);
                }
                Some(since) if since.elapsed() > GRACE => signal(&child, Signal::KILL),
                _ => {}
            }
        }
        let status = child.wait().map_err(|error| cannot_run(&error))?;
        ended.status = status.code();
        ended.out = reader.join().unwrap_or_default();
        // Both threads end with the process.
        let _ = (writer.join(), listener.join());
        stop.check()?;
        Ok(ended)
    }

    fn start(&self, arguments: &[&str]) -> Result<Child, Error> {
        let mut command = Command::new("rclone");
        command
            .args([
                "--use-json-log",
                "-v",
                "--stats",
                "1s",
                "--ask-password=false",
            ])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in DEFAULTS {
            if env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        // rclone 1.60 does not support the AWS variable, but has one of its own.
        if let Some(bundle) = env::var_os("AWS_CA_BUNDLE") {
            command.env_remove("AWS_CA_BUNDLE");
            if env::var_os("RCLONE_CA_CERT").is_none() {
                command.env("RCLONE_CA_CERT", bundle);
            }
        }
        // Ctrl-C is for this program, which asks rclone to stop.
        process::end_with_parent(&mut command);
        command.spawn().map_err(|error| cannot_run(&error))
    }

    /// Returns the error for the user that corresponds to rclone's messages.
    fn error(&self, ended: &Ended) -> Error {
        let words = ended.errors.join("; ");
        let lower = words.to_lowercase();
        let says = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
        let place = self.shown();
        let first = ended
            .errors
            .first()
            .map_or("rclone gave no reason", String::as_str);
        let first = self.without_secrets(first);
        if says(&[
            "no space left",
            "remaining disk space",
            "quota",
            "insufficientstorage",
            "insufficient storage",
        ]) {
            return disk_full(place);
        }
        if says(&[
            "didn't find section in config file",
            "didn't find backend called",
        ]) {
            return Error::request(
                "rclone has no such remote",
                place,
                "`rclone listremotes` lists them, `rclone config` makes one",
            );
        }
        if says(&["nosuchbucket", "bucket does not exist"]) {
            return Error::request(
                "there is no such bucket",
                place,
                "create it first, with the access that its viewers need",
            );
        }
        let is_denied = says(&[
            "accessdenied",
            "access denied",
            "forbidden",
            "permission denied",
            "unauthorized",
            "invalidaccesskeyid",
            "signaturedoesnotmatch",
            "nocredentialproviders",
            "invalid credentials",
            "authentication failed",
            "status code: 401",
            "status code: 403",
        ]);
        if is_denied || says(&["read-only file system"]) {
            return Error::request(
                format!("cannot write there ({first})"),
                place,
                "check the remote's credentials and their permissions: `rclone config`",
            );
        }
        Error::later(
            format!("cannot reach the destination ({first})"),
            place,
            "check the network and the address, then run the same command again",
        )
    }

    /// Removes the parameters of a connection string from a message.
    fn without_secrets(&self, message: &str) -> String {
        let escaped = self.to.replace('\\', "\\\\").replace('"', "\\\"");
        let shown = self.shown();
        message.replace(&escaped, &shown).replace(&self.to, &shown)
    }
}

impl Ended {
    /// Reads a line of rclone's log.
    fn hear(&mut self, line: &str, progress: &mut impl FnMut(u64)) {
        let Ok(said) = serde_json::from_str::<Value>(line) else {
            // Lines that rclone writes before its log is set up, and at its end.
            let text = line.get("2006/01/02 15:04:05 ".len()..).unwrap_or(line);
            self.errors.push(text.to_owned());
            return;
        };
        let stats = &said["stats"];
        if let Some(bytes) = stats["bytes"].as_u64() {
            self.sent = Sent {
                files: stats["transfers"].as_u64().unwrap_or_default(),
                bytes,
            };
            progress(bytes);
        }
        if let (Some("error" | "critical"), Some(text)) =
            (said["level"].as_str(), said["msg"].as_str())
        {
            // The first line has the cause; the request's number follows.
            let text = text
                .lines()
                .take(2)
                .map(str::trim)
                .collect::<Vec<_>>()
                .join(" ");
            self.errors.push(text);
        }
    }
}

/// Joins paths, one per line.
fn lines<S: AsRef<str>>(paths: &[S]) -> String {
    paths
        .iter()
        .map(|path| format!("{}\n", path.as_ref()))
        .collect()
}

fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = Pid::from_raw(child.id().cast_signed()) {
        // The process has not been waited for, so its number is still its own.
        let _ = kill_process(pid, signal);
    }
}

fn cannot_run(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::request(
            "rclone is not installed",
            "",
            "install it: sudo apt-get install rclone",
        ),
        _ => Error::later(
            format!("cannot run rclone ({error})"),
            "",
            "try again later",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> (Error, String) {
        let rclone = Rclone::new(":s3,secret_access_key='a:\"b',provider=AWS:class/7/");
        let mut ended = Ended::default();
        for line in lines {
            ended.hear(line, &mut |_| {});
        }
        let error = rclone.error(&ended);
        let text = error.to_string();
        (error, text)
    }

    #[test]
    fn parameters_of_a_connection_string_are_not_said() {
        let (error, text) = said(&[
            "2026/11/21 09:38:28 Failed to create file system for \":s3,secret_access_key='a:\\\"b',provider=AWS:class/7\": broken",
        ]);
        assert_eq!(error.status(), 75);
        assert!(text.contains(":s3:class/7\": broken"), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn another_try_can_help_or_not() {
        for (message, status, what) in [
            (
                "RequestError: send request failed\\ncaused by: dial tcp: connection refused",
                75,
                "connection refused",
            ),
            (
                "NoSuchBucket: The specified bucket does not exist",
                1,
                "no such bucket",
            ),
            (
                "AccessDenied: Access Denied\\n\\tstatus code: 403",
                1,
                "credentials",
            ),
            (
                "Failed to copy: preallocate: file too big for remaining disk space",
                75,
                "no space left",
            ),
            ("open /a: read-only file system", 1, "cannot write"),
            ("didn't find section in config file", 1, "rclone config"),
        ] {
            let (error, text) = said(&[&format!("{{\"level\":\"error\",\"msg\":\"{message}\"}}")]);
            assert_eq!(error.status(), status, "{message}: {text}");
            assert!(text.contains(what), "{text}");
        }
    }
}
