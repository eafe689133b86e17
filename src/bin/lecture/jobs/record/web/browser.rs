// SPDX-License-Identifier: MPL-2.0

//! Chromium, steered through pipes.

use std::io::PipeWriter;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use serde_json::Value;

use super::pipe;
use super::stage::{self, Stage};
use crate::engine::process;
use crate::error::Error;

/// What a browser needs to show a page without questions, bars and savings: everything is painted, and
/// sound plays, though nobody watches.
const FLAGS: [&str; 21] = [
    "--remote-debugging-pipe",
    "--kiosk",
    "--window-position=0,0",
    "--no-first-run",
    "--no-default-browser-check",
    "--noerrdialogs",
    "--test-type",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-breakpad",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-component-update",
    "--disable-renderer-backgrounding",
    "--disable-ipc-flooding-protection",
    "--disable-features=Translate,MediaRouter,AudioServiceSandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--force-color-profile=srgb",
    "--password-store=basic",
    "--hide-scrollbars",
];

/// A browser; it ends when this is dropped.
pub struct Browser {
    child: Child,
    to: PipeWriter,
    messages: Receiver<Value>,
}

/// What a browser has to report.
pub enum Next {
    Message(Value),
    Nothing,
    /// It has ended.
    Closed,
}

impl Browser {
    /// Starts a browser on a stage, with an empty page.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(stage: &Stage) -> Result<Self, Error> {
        let mut command = stage.command("chromium", "chromium", "chromium.log")?;
        let failed = |error: std::io::Error| {
            let what = format!("the browser does not start ({error})");
            Error::later(what, "chromium", "try again")
        };
        let (width, height) = stage.size;
        let profile = stage.folder().join("profile");
        command
            .args(FLAGS)
            .arg(format!("--window-size={width},{height}"))
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("about:blank")
            .env("DISPLAY", &stage.display)
            .env("PULSE_SERVER", &stage.sound)
            .env("PULSE_SINK", stage::SINK)
            .stdout(Stdio::null());
        let (to, from, ends) = pipe::open().map_err(failed)?;
        pipe::pass(&mut command, &ends);
        let child = command.spawn().map_err(failed)?;
        // Their copies of the child are the only ones then: the pipes close when it ends.
        drop(ends);
        Ok(Browser {
            child,
            to,
            messages: pipe::read(from),
        })
    }

    /// Sends a request.
    pub fn send(&mut self, request: &Value) {
        // That a browser has ended is known by what it reports.
        let _ = pipe::write(&mut self.to, request);
    }

    /// Waits for the next message.
    pub fn next(&self, wait: Duration) -> Next {
        match self.messages.recv_timeout(wait) {
            Ok(message) => Next::Message(message),
            Err(RecvTimeoutError::Timeout) => Next::Nothing,
            Err(RecvTimeoutError::Disconnected) => Next::Closed,
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        process::end(&mut self.child);
    }
}
