// SPDX-License-Identifier: MPL-2.0

//! `compose`: one video of the tracks of a session.

use std::path::{Path, PathBuf};

use once_cell::sync::Lazy;
use schemars::JsonSchema;
use serde::Serialize;

use super::session_input::{RoomOptions, room};
use super::summary::Summary;
use super::{Request, output};
use crate::engine::description::{Description, Facts};
use crate::error::Error;
use crate::options::{Options, options};
use crate::print::counted;

pub static DESCRIPTION: Lazy<Description> = Lazy::new(|| {
    Description::read(include_str!("../../../../pipelines/compose.launch")).behind(room())
});

options! {
    /// Variables of `compose`.
    pub struct ComposeOptions {
        /// the session: a folder with session.json, or that file
        "input" (required) => input: PathBuf,
        /// the file to write; its extension selects the container, .mkv or .mp4
        "output" (required) => output: PathBuf,
        /// effort of the encoder, from ultrafast to veryslow
        "preset" (default "veryfast"),
        /// quality of the video; lower is better and larger
        "quality" (default "23"),
    }
    groups { room: RoomOptions }
}

/// Results of `compose`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ComposeResults {
    /// The file that was written.
    pub output: String,
    /// Number of video tracks in it.
    pub videos: usize,
    /// Number of audio tracks in it.
    pub audios: usize,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = ComposeOptions::parse(&request.values)?;
    let output = &*options.output;
    let mut facts = container(output)?;
    let room = options.room.open(&options.input, request)?;
    facts.set("audio", !room.audios.is_empty());
    let mut values = request.values.clone();
    room.set_facts(&mut facts);
    room.set_values(&mut values);
    let describe = |to: &Path| {
        let mut values = values.clone();
        values.set("output", to.display().to_string());
        DESCRIPTION.pipeline(&facts, &values)
    };
    let place = |made: &gst::Pipeline| room.place(made);
    if !output::write(request, ("compose", room.end()), output, describe, place)? {
        return Ok(());
    }
    room.warn_of_truncated();
    request.note(&format!(
        "{}: {}, {}",
        output.display(),
        counted(room.videos.len(), "video", "videos"),
        counted(room.audios.len(), "voice", "voices")
    ));
    summary.add(&ComposeResults {
        output: output.display().to_string(),
        videos: room.videos.len(),
        audios: room.audios.len(),
    });
    Ok(())
}

/// Returns the fact of the container to write.
fn container(output: &Path) -> Result<Facts, Error> {
    let extension = output.extension().and_then(|extension| extension.to_str());
    let mut facts = Facts::default();
    match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        "mkv" => facts.set("matroska", true),
        "mp4" | "m4v" | "mov" => facts.set("mp4", true),
        _ => {
            return Err(Error::usage(
                "the extension of this name is not that of a known container",
                output.display().to_string(),
                "write output=NAME.mkv or output=NAME.mp4",
            ));
        }
    }
    Ok(facts)
}
