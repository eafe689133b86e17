// SPDX-License-Identifier: MPL-2.0

//! A whole recording as one small file that every browser plays.

use std::fs;
use std::path::Path;

use gstlecture::package::names;

use super::{PackageOptions, describe};
use crate::class::drafts::{Corrected, Drafts};
use crate::class::folder;
use crate::engine::pipeline;
use crate::error::Error;
use crate::jobs::Request;
use crate::media::movie;
use crate::media::probe::Input;
use crate::options::Options;

/// Variables of `package` for it. Many key frames let a browser seek at once.
const SETTINGS: [(&str, &str); 6] = [
    ("ladder", "360"),
    ("codecs", "h264"),
    ("quality", "26"),
    ("preset", "ultrafast"),
    ("keyframe-interval", "2"),
    ("accept-truncated", "true"),
];

/// Makes the file: nothing is cut, so that it has the times of the recording. It has 360 lines,
/// H.264 and AAC, and its index in front. `staging` is an empty folder in the file system of `file`.
///
/// # Errors
/// The recording cannot be decoded, or the file cannot be written.
pub fn write(request: &Request, input: &Input, staging: &Path, file: &Path) -> Result<(), Error> {
    let mut request = request.clone();
    for (name, value) in SETTINGS {
        request.values.set(name, value);
    }
    let options = PackageOptions::parse(&request.values)?;
    let nothing = Corrected::nothing(&Drafts::open(staging.join("drafts")));
    let described = describe(&request, &options, input, &nothing, staging);
    let made = pipeline::make(&described)?;
    input.place(&made)?;
    let recording = &options.source.recording;
    recording.run(&request, "copy for browsers", &made, input, |_| {})?;
    drop(made);
    let manifest = folder::written_manifest(staging)?;
    movie::write(staging, &manifest, &[], &request.stop)?;
    let movie = staging.join(names::MOVIE);
    fs::rename(&movie, file).map_err(|error| Error::writing(file, &error))
}
