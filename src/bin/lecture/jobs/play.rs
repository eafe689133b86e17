// SPDX-License-Identifier: MPL-2.0

//! `play`: plays something and reports what is watched.

use std::path::{Path, PathBuf};

use gst::{glib, prelude::*};
use gst_pbutils::Discoverer;
use once_cell::sync::Lazy;
use schemars::JsonSchema;
use serde::Serialize;

use super::Request;
use super::summary::Summary;
use crate::engine::description::{Description, Facts};
use crate::engine::pipeline;
use crate::engine::progress::Progress;
use crate::engine::run::run_watched;
use crate::engine::watch::Patience;
use crate::error::Error;
use crate::options::{Options, Values, options};

pub static DESCRIPTION: Lazy<Description> =
    Lazy::new(|| Description::read(include_str!("../../../../pipelines/play.launch")));

options! {
    /// Variables of `play`.
    pub struct PlayOptions {
        /// a file, a package's folder, or a URL
        "input" (required) => input: String,
        /// bandwidth in kbit/s; the best rendition below it plays
        "connection-speed" (default "100000"),
        /// true plays in real time without a window and without audio output
        "headless" (default "false") => headless: bool,
        /// the viewer: mailto:… or an xAPI Agent as JSON
        "actor" (optional) => actor: Option<String>,
        /// IRI of the video; default: the URL of the input
        "activity-id" (optional) => activity_id: Option<String>,
        /// title of the video
        "activity-name" (optional),
        /// UUID that the sessions share, from the learning platform
        "registration" (optional),
        /// share of the video that must be played for completed; default: the threshold in the
        /// manifest, else 1
        "completion-threshold" (optional) => completion_threshold: Option<String>,
        /// true also requires a passed check
        "require-check" (default "false"),
        /// true completes after a passed check, whatever was watched
        "check-suffices" (default "false"),
        /// manifest.json of the package, so that progress survives a new cut; the manifest of a package
        /// is found without it
        "manifest" (optional) => manifest: Option<PathBuf>,
        /// folder for statements that are not delivered yet
        "journal" (optional),
        /// URL of the LRS
        "endpoint" (optional),
        /// user name for the LRS, or env:NAME or file:PATH
        "username" (optional) => username: Option<String>,
        /// password for the LRS, env:NAME or file:PATH
        "password" (optional) => password: Option<String>,
        /// bearer token for the LRS, env:NAME or file:PATH
        "token" (optional) => token: Option<String>,
    }
}

/// Longest time in which an input has to be recognised.
const TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(30);

/// Results of `play`; absent if nothing is reported.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlayResults {
    /// Number of statements.
    pub statements: u64,
    /// Number of statements that the LRS has taken.
    pub delivered: u64,
    /// Number of statements that are not delivered yet.
    pub pending: u64,
    /// Number of statements that the LRS rejects for good.
    pub dead_letters: u64,
    /// Number of failed deliveries.
    pub failures: u64,
    /// Number of statements that could not be written to the journal.
    pub lost: u64,
    /// Number of faults of the journal.
    pub troubles: u64,
    /// Verbs of the statements, in order.
    pub verbs: Vec<String>,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = PlayOptions::parse(&request.values)?;
    let place = &*options.input;
    let is_package = Path::new(place).join("master.m3u8").exists();
    let uri = uri(place, is_package)?;
    let mut facts = streams(&uri, place)?;
    facts.set("headless", options.headless);
    facts.set("report", options.actor.is_some());
    let pipeline = DESCRIPTION.pipeline(&facts, &values(request, &options, &uri, is_package));
    request.say(&pipeline);
    if request.print {
        return Ok(());
    }
    let made = pipeline::make(&pipeline)?;
    let tap = made.by_name("tap");
    if let Some(tap) = &tap {
        for (name, value) in secrets(&options) {
            if let Some(value) = value {
                tap.set_property(name, value);
            }
        }
    }
    let mut verbs = Vec::new();
    let progress = Progress::start("play", None);
    let patience = patience(&uri);
    let outcome = run_watched(&made, None, patience, progress, &request.stop, |message| {
        if message.name() == "xapitap-statement" {
            verbs.extend(message.get::<String>("verb"));
        }
    });
    if let Some(tap) = tap {
        summary.add(&results(&tap, verbs));
    }
    match outcome {
        // Leaving a video is how most viewers end it.
        Err(Error::Stopped) => {}
        outcome => {
            for warning in outcome?.warnings {
                request.note(&format!("warning: {warning}"));
            }
        }
    }
    Ok(())
}

/// Returns the variables of the pipeline, which is printed: without a secret, but with the place of
/// one. What is not given comes from the package's manifest.
fn values(request: &Request, options: &PlayOptions, uri: &str, is_package: bool) -> Values {
    let mut values = request.values.clone();
    values.set("input", uri);
    if options.activity_id.is_none() {
        values.set("activity-id", uri);
    }
    let own = Path::new(&options.input).join("manifest.json");
    let manifest = options.manifest.clone().or_else(|| {
        // A manifest of an older package does not list what it kept.
        (is_package && read(&own)["kept"].is_array()).then_some(own)
    });
    if let Some(manifest) = &manifest {
        values.set("manifest", manifest.display().to_string());
    }
    if options.completion_threshold.is_none()
        && let Some(manifest) = manifest.map(read)
        && let Some(threshold) = manifest["completion"]["threshold"].as_f64()
    {
        values.set("completion-threshold", threshold.to_string());
    }
    for (name, value) in secrets(options) {
        let is_place = |v: &str| v.starts_with("env:") || v.starts_with("file:");
        if value.is_some_and(|value| !is_place(value)) {
            values.remove(name);
        }
    }
    values
}

/// Returns the variables that may be secrets.
fn secrets(options: &PlayOptions) -> [(&'static str, Option<&str>); 3] {
    [
        ("username", options.username.as_deref()),
        ("password", options.password.as_deref()),
        ("token", options.token.as_deref()),
    ]
}

/// Returns the counts of the tap.
fn results(tap: &gst::Element, verbs: Vec<String>) -> PlayResults {
    let stats = tap.property::<gst::Structure>("stats");
    let count = |name| stats.get(name).unwrap_or_default();
    PlayResults {
        statements: count("statements"),
        delivered: count("delivered"),
        pending: count("pending"),
        dead_letters: count("dead-letters"),
        failures: count("failures"),
        lost: count("lost"),
        troubles: count("troubles"),
        verbs,
    }
}

/// Returns the patience for a source. A player waits for its clock, since a file may show one frame
/// for an hour; data from the network has to arrive all the same.
fn patience(uri: &str) -> Patience {
    match uri.starts_with("file:") {
        true => Patience::NONE,
        false => Patience::NETWORK,
    }
}

/// Returns the URI of a file or of a package's playlist; a URI is returned as it is.
fn uri(place: &str, is_package: bool) -> Result<String, Error> {
    if place.contains("://") {
        return Ok(place.to_owned());
    }
    let path = Path::new(place);
    let path = if is_package {
        path.join("master.m3u8")
    } else {
        path.to_owned()
    };
    let path = path
        .canonicalize()
        .map_err(|error| Error::reading(Path::new(place), &error))?;
    if path.is_dir() {
        return Err(Error::request(
            "this folder is not a package: there is no master.m3u8 in it",
            place,
            "name a file, a package's folder or a URL",
        ));
    }
    let uri = glib::filename_to_uri(&path, None)
        .map_err(|error| Error::request(error.to_string(), place, "rename the file"))?;
    Ok(uri.into())
}

/// Finds the streams that can be played.
fn streams(uri: &str, place: &str) -> Result<Facts, Error> {
    let info = Discoverer::new(TIMEOUT)
        .and_then(|discoverer| discoverer.discover_uri(uri))
        .map_err(|error| {
            Error::request(
                format!("cannot play this ({})", error.message()),
                place,
                "name a recording",
            )
        })?;
    let mut facts = Facts::default();
    facts.set(
        "video",
        info.video_streams().iter().any(|video| !video.is_image()),
    );
    facts.set("audio", !info.audio_streams().is_empty());
    Ok(facts)
}

/// Reads a package's manifest; returns null if it cannot be read, since the tap reports why.
fn read(manifest: impl AsRef<Path>) -> serde_json::Value {
    std::fs::read(manifest)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}
