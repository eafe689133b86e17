// SPDX-License-Identifier: MPL-2.0

//! `control`: controls a recording that runs.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::Request;
use super::record::control::{Command, ask};
use super::summary::Summary;
use crate::error::Error;
use crate::options::{FromText, Options, Wrong, options};

pub const ABOUT: &str = "\
Controls a recording that runs: ends it, marks a moment, pauses and resumes it.

Between pause and resume nothing is written. Marks and layouts are events in session.json.";

options! {
    /// Variables of `control`.
    pub struct ControlOptions {
        /// the folder of the session that is being recorded
        "input" (required) => input: PathBuf,
        /// the request: stop, mark, pause, resume, layout, or status for the state alone
        "do" (required) => action: Action,
        /// do=mark: a label, for example the title of a chapter
        "label" (optional) => label: Option<String>,
        /// do=layout: the layout from now on, for example speaker
        "layout" (optional) => layout: Option<String>,
    }
}

/// A request without its details.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    Stop,
    Mark,
    Pause,
    Resume,
    Layout,
    Status,
}

impl FromText for Action {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Ok(match text {
            "stop" => Action::Stop,
            "mark" => Action::Mark,
            "pause" => Action::Pause,
            "resume" => Action::Resume,
            "layout" => Action::Layout,
            "status" => Action::Status,
            _ => {
                return Err(Wrong::Form(
                    "write stop, mark, pause, resume, layout or status",
                ));
            }
        })
    }
}

/// Results of `control`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ControlResults {
    /// State of the recording by the names of LiveKit Egress.
    pub state: String,
    /// Length of the recording so far, in seconds.
    pub seconds: f64,
    /// Number of tracks that were started.
    pub tracks: usize,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = ControlOptions::parse(&request.values)?;
    let command = match options.action {
        Action::Stop => Command::Stop,
        Action::Mark => Command::Mark {
            label: options.label,
        },
        Action::Pause => Command::Pause,
        Action::Resume => Command::Resume,
        Action::Layout => Command::Layout {
            layout: options.layout.ok_or_else(|| {
                Error::usage(
                    "layout= is missing",
                    "do=layout",
                    "name a layout, for example speaker",
                )
            })?,
        },
        Action::Status => Command::Status,
    };
    let answer = ask(&options.input, &command)?;
    request.note(&format!(
        "{}: {}, {:.1} s",
        options.input.display(),
        answer.state,
        answer.seconds
    ));
    summary.add(&ControlResults {
        state: answer.state,
        seconds: answer.seconds,
        tracks: answer.tracks,
    });
    Ok(())
}
