// SPDX-License-Identifier: MPL-2.0

//! `compose`: one video of the tracks of a session.

use std::fs;
use std::path::{Path, PathBuf};

use gstlecture::edit::Status;
use gstlecture::record::layout::LayoutDraft;
use once_cell::sync::Lazy;
use schemars::JsonSchema;
use serde::Serialize;

use super::session_input::SessionInput;
use super::summary::Summary;
use super::{Request, output};
use crate::engine::description::{Description, Facts};
use crate::error::Error;
use crate::media::room::Room;
use crate::options::{Options, Values, options};
use crate::print::counted;

pub static DESCRIPTION: Lazy<Description> =
    Lazy::new(|| Description::read(include_str!("../../../../pipelines/compose.launch")));

options! {
    /// Variables of `compose`.
    pub struct ComposeOptions {
        /// the file to write; its extension selects the container, .mkv or .mp4
        "output" (required) => output: PathBuf,
        /// grid, speaker, single-speaker, slides, side-by-side or interpreter, each also with -light; or
        /// custom with layout-file=
        "layout" (default "grid"),
        /// a layout file (JSON), for layout=custom
        "layout-file" (optional),
        /// width of the video in pixels
        "width" (default "1280") as u64,
        /// height of the video in pixels
        "height" (default "720") as u64,
        /// frames per second
        "framerate" (default "30"),
        /// color of everything that no video fills, as #rrggbb; auto is that of the layout
        "background" (default "auto"),
        /// true shows the name of each participant
        "labels" (default "false") as bool,
        /// stand-in for a camera that is off: initials, none, or a folder of PNG files
        "avatar" (default "initials"),
        /// effort of the encoder, from ultrafast to veryslow
        "preset" (default "veryfast"),
        /// quality of the video; lower is better and larger
        "quality" (default "23"),
    }
    groups { session: SessionInput }
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
    let room = options.session.open()?;
    let output = &*options.output;
    let mut facts = container(output)?;
    facts.set("video", true);
    let mut values = request.values.clone();
    room.describe(&mut facts, &mut values)?;
    choose_timeline(request, &room, options.session.is_whole(), &mut values)?;
    let describe = |to: &Path| {
        let mut values = values.clone();
        values.set("output", to.display().to_string());
        DESCRIPTION.pipeline(&facts, &values)
    };
    let place = |made: &gst::Pipeline| room.place(made);
    if !output::write(request, ("compose", None), output, describe, place)? {
        return Ok(());
    }
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

/// Follows the layout that a person has approved; without a file there, a draft of the whole room is
/// written.
fn choose_timeline(
    request: &Request,
    room: &Room,
    is_whole: bool,
    values: &mut Values,
) -> Result<(), Error> {
    let drafts = room.folder.join("drafts");
    let path = drafts.join("layout.vtt");
    let place = path.display().to_string();
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if !is_whole {
                return Ok(());
            }
            if !request.print {
                fs::create_dir_all(&drafts).map_err(|error| Error::writing(&drafts, &error))?;
            }
            values.set("timeline", place);
            return Ok(());
        }
        Err(error) => return Err(Error::reading(&path, &error)),
    };
    let ids: Vec<&str> = room.ids.iter().map(String::as_str).collect();
    let draft = LayoutDraft::read(&bytes, None, Some(&ids)).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Error::request(lines.join("\n"), &*place, "correct these lines")
    })?;
    let is_approved = draft
        .review
        .is_some_and(|review| review.status == Status::Approved);
    if is_approved {
        values.set("follow", place);
    } else {
        request.note(&format!(
            "{place} is not followed: approve it (status: approved), or delete it for a new draft"
        ));
    }
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
