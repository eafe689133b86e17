// SPDX-License-Identifier: MPL-2.0

//! The program `tesseract`, which reads text in pictures.
//!
//! It runs once per picture: its start takes 0.07 s of CPU, a slide 0.15 s. A crash or a hang of it
//! does not concern this process, and its output is untrusted.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::titles::{self, Arrangement, Sheet, Word};

const PROGRAM: &str = "tesseract";
/// Longest wall time for one run.
const LIMIT: Duration = Duration::from_secs(30);
/// Interval at which a stop is noticed.
const GLANCE: Duration = Duration::from_millis(20);
/// Largest number of bytes that are read from the program.
const MOST_OUTPUT: u64 = 4 << 20;
/// Model that is used if the language is not known.
const USUAL: &str = "eng";

/// Reason why nothing can be read. Formats as what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unavailable {
    /// The program is not installed.
    Program,
    /// The language has no model.
    Language(String),
    /// The model is not installed.
    Model(String),
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unavailable::Program => write!(
                f,
                "Tesseract is not installed: no titles are read from slides. Install the package \
                 tesseract-ocr"
            ),
            Unavailable::Language(tag) => write!(
                f,
                "Tesseract has no model for the language {tag}: no titles are read from slides"
            ),
            Unavailable::Model(model) => write!(
                f,
                "Tesseract's model {model} is not installed: no titles are read from slides. \
                 Install the package tesseract-ocr-{}",
                model.replace('_', "-")
            ),
        }
    }
}

/// Failure of one run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The reader was stopped.
    Stopped,
    /// The program did not end in time.
    Slow,
    /// The program failed.
    Failed,
}

/// The program with the models that it uses.
pub struct Tesseract {
    models: String,
}

impl Tesseract {
    /// Finds the program and its models for a language, given as a BCP 47 tag. Ends the program early
    /// once `is_stopped` returns true; the result then is of no use.
    pub fn find(
        language: Option<&str>,
        is_stopped: impl Fn() -> bool,
    ) -> Result<Self, Unavailable> {
        let list = run(&["--list-langs"], Vec::new(), is_stopped);
        let list = list.map_err(|_| Unavailable::Program)?;
        let list = String::from_utf8_lossy(&list).into_owned();
        let is_installed = |model: &str| list.lines().any(|line| line.trim() == model);
        let models = match language {
            Some(language) => titles::models(language),
            None => vec![USUAL],
        };
        let best = models
            .first()
            .ok_or_else(|| Unavailable::Language(language.unwrap_or_default().to_owned()))?;
        let model = models.iter().find(|model| is_installed(model));
        let model = model.ok_or_else(|| Unavailable::Model((*best).to_owned()))?;
        let needs_latin = titles::lacks_latin(model) && is_installed(USUAL);
        Ok(Tesseract {
            models: match needs_latin {
                true => format!("{model}+{USUAL}"),
                false => (*model).to_owned(),
            },
        })
    }

    /// Reads a sheet. Ends the program early once `is_stopped` returns true.
    pub fn recognise(
        &self,
        sheet: &Sheet,
        arrangement: Arrangement,
        is_stopped: impl Fn() -> bool,
    ) -> Result<Vec<Word>, Failure> {
        let mode = match arrangement {
            Arrangement::Scattered => "11",
            Arrangement::Block => "6",
        };
        let arguments = ["-", "-", "-l", &self.models, "--psm", mode];
        let arguments = [&arguments[..], &["-c", "tessedit_create_tsv=1"]].concat();
        let table = run(&arguments, sheet.to_pgm(), is_stopped)?;
        Ok(titles::read_tsv(&String::from_utf8_lossy(&table), sheet))
    }
}

/// Runs the program with this input, and returns what it writes.
fn run(
    arguments: &[&str],
    input: Vec<u8>,
    is_stopped: impl Fn() -> bool,
) -> Result<Vec<u8>, Failure> {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        // One picture at a time: further threads would wait for each other.
        .env("OMP_THREAD_LIMIT", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|_| Failure::Failed)?;
    let output = exchange(&mut child, input, is_stopped);
    if output.is_err() {
        // Fails only if it has ended by itself.
        let _ = child.kill();
    }
    let status = child.wait().map_err(|_| Failure::Failed)?;
    let output = output?;
    status.success().then_some(output).ok_or(Failure::Failed)
}

/// Gives the input to the program and returns its output. The thread that does this is not waited for:
/// a process that the program has started may keep the pipes open for ever.
fn exchange(
    child: &mut Child,
    input: Vec<u8>,
    is_stopped: impl Fn() -> bool,
) -> Result<Vec<u8>, Failure> {
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        if let Some(mut stdin) = stdin {
            // The exit status shows whether the program could use it.
            let _ = stdin.write_all(&input);
        }
        let mut output = Vec::new();
        let read = stdout.map(|stdout| stdout.take(MOST_OUTPUT).read_to_end(&mut output));
        // Nobody receives after a stop.
        let _ = sender.send(match read {
            Some(Ok(_)) => Ok(output),
            _ => Err(Failure::Failed),
        });
    });
    let deadline = Instant::now() + LIMIT;
    loop {
        match receiver.recv_timeout(GLANCE) {
            Ok(output) => return output,
            Err(RecvTimeoutError::Disconnected) => return Err(Failure::Failed),
            Err(RecvTimeoutError::Timeout) if is_stopped() => return Err(Failure::Stopped),
            Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => {
                return Err(Failure::Slow);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
