// SPDX-License-Identifier: MPL-2.0

//! `xapi-report`: reports what was watched most, what was dropped, and what was watched again.

use std::fs;
use std::path::{Path, PathBuf};

use gstlecture::webvtt;
use gstlecture::xapi::report::{self, Report, clock};
use schemars::JsonSchema;
use serde::Serialize;

use super::Request;
use super::statements::{self, Found, LrsOptions};
use super::summary::Summary;
use crate::error::Error;
use crate::fs::AtomicFile;
use crate::options::{Options, options};
use crate::print;

pub const ABOUT: &str = "Reports for each video what was watched most, where viewers left, and what they watched again.";

options! {
    /// Variables of `xapi-report`.
    pub struct XapiReportOptions {
        /// a journal, a file of statements, or the URL of an LRS
        "input" (required) => input: String,
        /// only this video
        "activity" (optional) => activity: Option<String>,
        /// WebVTT chapters of the video; without them, the report uses tenths
        "chapters" (optional) => chapters: Option<PathBuf>,
        /// file for a plot of the views over time
        "svg" (optional) => svg: Option<PathBuf>,
    }
    groups { lrs: LrsOptions }
}

/// Results of `xapi-report`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct XapiReportResults {
    /// Each video that was watched.
    pub videos: Vec<WatchedVideo>,
    /// File of the plot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub svg: Option<String>,
}

/// A video and how it was watched.
#[derive(Serialize, JsonSchema)]
pub struct WatchedVideo {
    /// IRI of the video.
    activity: String,
    name: Option<String>,
    /// Length of the video.
    seconds: f64,
    viewers: usize,
    sessions: u32,
    completed: usize,
    /// Average share that was watched, 0 to 1.
    progress: f64,
    /// Chapters, or tenths.
    parts: Vec<WatchedPart>,
}

/// A part of a video and how it was watched.
#[derive(Serialize, JsonSchema)]
pub struct WatchedPart {
    title: String,
    /// Start in seconds.
    start: f64,
    /// End in seconds.
    end: f64,
    /// Average number of views of a moment of the part.
    views: f64,
    viewers: usize,
    /// Average number of repeated views.
    again: f64,
    /// Viewers who left in it.
    dropped: usize,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = XapiReportOptions::parse(&request.values)?;
    let activity = options.activity.as_deref();
    let mut viewings = match statements::read(&options.input, activity, &options.lrs)? {
        Found::Statements(statements) => report::of_statements(&statements),
        Found::Journal(_, sessions) => sessions.iter().map(report::of_session).collect(),
    };
    if let Some(activity) = activity {
        viewings.retain(|viewing| viewing.activity == activity);
    }
    let chapters = options.chapters.as_deref().map(chapters).transpose()?;
    let chapters = chapters.unwrap_or_default();
    let reports = report::reports(&viewings, &chapters);
    if reports.is_empty() {
        return Err(Error::request(
            "nobody watched anything here",
            options.input,
            "name another input or activity",
        ));
    }
    for report in &reports {
        print::answer(text(report).trim_end());
    }
    if let Some(path) = &options.svg {
        AtomicFile::write(path, report::svg(&reports))?;
    }
    summary.add(&XapiReportResults {
        videos: reports.iter().map(WatchedVideo::from).collect(),
        svg: options.svg.map(|path| path.display().to_string()),
    });
    Ok(())
}

fn chapters(path: &Path) -> Result<Vec<(String, u64, u64)>, Error> {
    let bytes = fs::read(path).map_err(|error| Error::reading(path, &error))?;
    let document = webvtt::read(&bytes).map_err(|error| {
        Error::request(
            error.to_string(),
            path.display().to_string(),
            "name a WebVTT file",
        )
    })?;
    let cues = document.cues();
    Ok(cues
        .map(|cue| {
            (
                cue.plain_text(),
                cue.span.start.millis(),
                cue.span.end.millis(),
            )
        })
        .collect())
}

fn text(report: &Report) -> String {
    let mut text = format!(
        "{} ({})\n  {} viewers, {} sessions, {} completed, {:.0} % watched on average\n",
        report.name.as_deref().unwrap_or("a video"),
        report.activity,
        report.viewers,
        report.sessions,
        report.completed,
        report.progress * 100.0
    );
    text.push_str("  from       to         views  viewers  again  left here\n");
    for part in &report.parts {
        text.push_str(&format!(
            "  {:<9}  {:<9}  {:>5.2}  {:>7}  {:>5.2}  {:>9}  {}\n",
            clock(part.start),
            clock(part.end),
            part.views,
            part.viewers,
            part.again,
            part.dropped,
            part.title
        ));
    }
    text
}

impl From<&Report> for WatchedVideo {
    fn from(report: &Report) -> Self {
        let parts = report.parts.iter().map(|part| WatchedPart {
            title: part.title.clone(),
            start: part.start as f64 / 1000.0,
            end: part.end as f64 / 1000.0,
            views: part.views,
            viewers: part.viewers,
            again: part.again,
            dropped: part.dropped,
        });
        WatchedVideo {
            activity: report.activity.clone(),
            name: report.name.clone(),
            seconds: report.length as f64 / 1000.0,
            viewers: report.viewers,
            sessions: report.sessions,
            completed: report.completed,
            progress: report.progress,
            parts: parts.collect(),
        }
    }
}
