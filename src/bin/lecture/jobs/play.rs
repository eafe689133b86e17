// SPDX-License-Identifier: MPL-2.0

//! `play`: plays something and reports what is watched.

use std::path::Path;

use gst::{glib, prelude::*};
use gst_pbutils::Discoverer;
use once_cell::sync::Lazy;

use super::{Request, Summary};
use crate::engine::description::{Description, Facts};
use crate::engine::pipeline;
use crate::engine::progress::Progress;
use crate::engine::watch::Patience;
use crate::error::Error;

pub static DESCRIPTION: Lazy<Description> =
    Lazy::new(|| Description::read("play", include_str!("../../../../pipelines/play.launch")));

/// Longest time in which an input has to be recognised.
const TIMEOUT: gst::ClockTime = gst::ClockTime::from_seconds(30);

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let place = request.value("input");
    let folder = Path::new(place);
    let is_package = folder.join("master.m3u8").exists();
    let uri = uri(place, is_package)?;
    let mut facts = streams(&uri, place)?;
    facts.set("headless", request.is_on("headless")?);
    facts.set("report", request.values.get("actor").is_some());

    let mut values = request.values.clone();
    values.set("input", &uri);
    if values.get("activity-id").is_none() {
        values.set("activity-id", &uri);
    }
    let own = folder.join("manifest.json");
    if is_package && values.get("manifest").is_none() && read(&own)["kept"].is_array() {
        // A manifest of an older package does not list what it kept.
        values.set("manifest", own.display().to_string());
    }
    if values.get("completion-threshold").is_none()
        && let Some(manifest) = values.get("manifest").map(read)
        && let Some(threshold) = manifest["completion"]["threshold"].as_f64()
    {
        values.set("completion-threshold", threshold.to_string());
    }
    // Messages must not contain a secret, but may contain its location.
    let secrets =
        ["username", "password", "token"].map(|name| (name, values.get(name).map(str::to_owned)));
    for (name, value) in &secrets {
        let told = value
            .as_deref()
            .is_some_and(|v| v.starts_with("env:") || v.starts_with("file:"));
        if value.is_some() && !told {
            values.remove(name);
        }
    }
    let pipeline = DESCRIPTION.pipeline(&facts, &values);
    request.say(&pipeline);
    if request.print {
        return Ok(());
    }
    let made = pipeline::make(&pipeline)?;
    if let Some(tap) = made.by_name("tap") {
        for (name, value) in &secrets {
            if let Some(value) = value {
                tap.set_property(name, value);
            }
        }
    }
    let mut verbs = Vec::new();
    let progress = Progress::start("play", None);
    let patience = patience(values.get("input").unwrap_or_default());
    let outcome =
        pipeline::run_watched(&made, None, patience, progress, &request.stop, |message| {
            if message.name() == "xapitap-statement" {
                verbs.extend(message.get::<String>("verb"));
            }
        });
    if let Some(tap) = made.by_name("tap") {
        let stats = tap.property::<gst::Structure>("stats");
        for name in [
            "statements",
            "delivered",
            "pending",
            "dead-letters",
            "failures",
            "lost",
            "troubles",
        ] {
            let count: u64 = stats.get(name).unwrap_or_default();
            summary.insert(name.into(), count.into());
        }
        summary.insert("verbs".into(), verbs.into());
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
