// SPDX-License-Identifier: MPL-2.0

//! `mjr`: a media file of a recording of the Janus server.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use gstlecture::record::mjr::{Clock, Codec, Recording, Scanner, Timeline};
use once_cell::sync::Lazy;
use schemars::JsonSchema;
use serde::Serialize;

use super::summary::Summary;
use super::{Request, output};
use crate::engine::description::{Description, Facts};
use crate::error::Error;
use crate::options::{Options, options};

pub static DESCRIPTION: Lazy<Description> =
    Lazy::new(|| Description::read(include_str!("../../../../pipelines/mjr.launch")));

options! {
    /// Variables of `mjr`.
    pub struct MjrOptions {
        /// the recording, .mjr or the .mjr.tmp of a server that was killed
        "input" (required) => input: PathBuf,
        /// the file to write; its extension selects the container: .mkv, .mka, .webm, .ogg or .opus
        "output" (required) => output: PathBuf,
        /// rtp keeps the sender's times; arrival keeps recordings of one room aligned
        "clock" (default "rtp"),
    }
}

/// Results of `mjr`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct MjrResults {
    /// The file that was written.
    pub output: String,
    /// Codec of its stream.
    pub codec: String,
    /// Its duration in seconds.
    pub seconds: f64,
}

/// Containers by extension: the fact of the description, and the codecs that the container holds.
const CONTAINERS: [(&[&str], &str, &[Codec]); 3] = [
    (
        &["mkv", "mka"],
        "matroska",
        &[
            Codec::Vp8,
            Codec::Vp9,
            Codec::Av1,
            Codec::H264,
            Codec::H265,
            Codec::Opus,
            Codec::G711,
            Codec::L16,
            Codec::L16At48,
        ],
    ),
    (
        &["webm"],
        "webm",
        &[Codec::Vp8, Codec::Vp9, Codec::Av1, Codec::Opus],
    ),
    (&["ogg", "opus"], "ogg", &[Codec::Opus]),
];

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = MjrOptions::parse(&request.values)?;
    let output = &*options.output;
    let recording = index(&options.input)?;
    let codec = recording.header().codec;
    let fact = container(output, codec)?;
    let mut facts = Facts::default();
    facts.set(fact, true);
    facts.set("h264", codec == Codec::H264);
    facts.set("h265", codec == Codec::H265);
    facts.set("opus", codec == Codec::Opus);
    let describe = |to: &Path| {
        let mut values = request.values.clone();
        values.set("output", to.display().to_string());
        DESCRIPTION.pipeline(&facts, &values)
    };
    if fs::canonicalize(output)
        .is_ok_and(|output| fs::canonicalize(&options.input).is_ok_and(|input| input == output))
    {
        return Err(Error::usage(
            "output= and input= are the same file",
            output.display().to_string(),
            "choose another name",
        ));
    }
    let timeline = Timeline::new(&recording, Clock::Rtp);
    let duration = timeline.duration();
    if !output::write(request, ("mjr", Some(duration)), output, describe, |_| {
        Ok(())
    })? {
        return Ok(());
    }
    request.note(&format!(
        "{}: {} of {}",
        output.display(),
        duration.clock(),
        codec.name()
    ));
    summary.add(&MjrResults {
        output: output.display().to_string(),
        codec: codec.name().to_owned(),
        seconds: duration.secs_f64(),
    });
    Ok(())
}

/// Reads the index of a recording.
pub(super) fn scan(
    path: &Path,
) -> Result<Result<Recording, gstlecture::record::mjr::Error>, Error> {
    let failed = |error: &std::io::Error| Error::reading(path, error);
    let mut file = File::open(path).map_err(|error| failed(&error))?;
    let mut scanner = Scanner::default();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = match file.read(&mut piece) {
            Ok(0) => return Ok(scanner.finish()),
            Ok(length) => length,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(&error)),
        };
        if let Err(error) = scanner.push(piece.get(..length).unwrap_or_default()) {
            return Ok(Err(error));
        }
    }
}

fn index(path: &Path) -> Result<Recording, Error> {
    scan(path)?.map_err(|error| {
        Error::request(
            error.to_string(),
            path.display().to_string(),
            "name a recording of the Janus server",
        )
    })
}

/// Returns the fact of the container to write.
fn container(output: &Path, codec: Codec) -> Result<&'static str, Error> {
    let extension = output.extension().and_then(|extension| extension.to_str());
    let extension = extension.unwrap_or_default().to_ascii_lowercase();
    let found = CONTAINERS
        .iter()
        .find(|(extensions, _, _)| extensions.contains(&&*extension));
    let Some((_, fact, codecs)) = found else {
        return Err(Error::usage(
            "the extension of this name is not that of a known container",
            output.display().to_string(),
            "write output=NAME.mkv, .mka, .webm, .ogg or .opus",
        ));
    };
    if !codecs.contains(&codec) {
        return Err(Error::request(
            format!("a file of this kind cannot hold {}", codec.name()),
            output.display().to_string(),
            "write output=NAME.mkv, which holds most codecs",
        ));
    }
    Ok(fact)
}
