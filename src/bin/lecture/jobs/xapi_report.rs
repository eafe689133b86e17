// SPDX-License-Identifier: MPL-2.0

//! `xapi-report`: reports what was watched most, what was dropped, and what was watched again.

use std::fs;
use std::path::Path;

use gstlecture::webvtt;
use gstlecture::xapi::report::{self, Report, clock};
use once_cell::sync::Lazy;
use serde_json::{Value, json};

use super::statements::{self, Found};
use super::{Request, Summary};
use crate::engine::description::Description;
use crate::error::Error;
use crate::fs::AtomicFile;
use crate::print;

pub static DESCRIPTION: Lazy<Description> = Lazy::new(|| {
    Description::read(
        "xapi-report",
        "# Reports for each video what was watched most, where viewers left, and what they watched again.
#
# Variables:
#   input (required): a journal, a file of statements, or the URL of an LRS
#   activity (optional): only this video
#   chapters (optional): WebVTT chapters of the video; without them, the report uses tenths
#   svg (optional): file for a plot of the views over time
#   username (optional): user name for the LRS, or env:NAME or file:PATH
#   password (optional): password for the LRS, env:NAME or file:PATH
#   token (optional): bearer token for the LRS, env:NAME or file:PATH
#   version (default auto): xAPI version to use: auto, 1.0.3 or 2.0.0
",
    )
});

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let mut viewings = match statements::read(request)? {
        Found::Statements(statements) => report::of_statements(&statements),
        Found::Journal(_, sessions) => sessions.iter().map(report::of_session).collect(),
    };
    if let Some(activity) = request.values.get("activity") {
        viewings.retain(|viewing| viewing.activity == activity);
    }
    let chapters = request
        .values
        .get("chapters")
        .map(chapters)
        .transpose()?
        .unwrap_or_default();
    let reports = report::reports(&viewings, &chapters);
    if reports.is_empty() {
        return Err(Error::request(
            "nobody watched anything here",
            request.value("input"),
            "name another input or activity",
        ));
    }
    for report in &reports {
        print::answer(text(report).trim_end());
    }
    summary.insert("videos".into(), reports.iter().map(as_json).collect());
    if let Some(svg) = request.values.get("svg") {
        let path = Path::new(svg);
        let file = AtomicFile::new(path)?;
        fs::write(file.path(), report::svg(&reports))
            .map_err(|error| Error::writing(path, &error))?;
        file.commit(path)?;
        summary.insert("svg".into(), svg.into());
    }
    Ok(())
}

fn chapters(path: &str) -> Result<Vec<(String, u64, u64)>, Error> {
    let bytes = fs::read(path).map_err(|error| Error::reading(Path::new(path), &error))?;
    let document = webvtt::read(&bytes)
        .map_err(|error| Error::request(error.to_string(), path, "name a WebVTT file"))?;
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

fn as_json(report: &Report) -> Value {
    let parts = report.parts.iter().map(|part| {
        json!({
            "title": part.title, "start": part.start as f64 / 1000.0, "end": part.end as f64 / 1000.0,
            "views": part.views, "viewers": part.viewers, "again": part.again, "dropped": part.dropped,
        })
    });
    json!({
        "activity": report.activity, "name": report.name, "seconds": report.length as f64 / 1000.0,
        "viewers": report.viewers, "sessions": report.sessions, "completed": report.completed,
        "progress": report.progress, "parts": parts.collect::<Vec<_>>(),
    })
}
