// SPDX-License-Identifier: MPL-2.0

//! `compose`: one video of the tracks of a session.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;
use gstlecture::edit::Status;
use gstlecture::record::layout::{LayoutDraft, Source};
use gstlecture::record::session::{FILE_NAME, Session, Track};
use once_cell::sync::Lazy;
use schemars::JsonSchema;
use serde::Serialize;

use super::summary::Summary;
use super::{Request, absolute};
use crate::engine::description::{Description, Facts};
use crate::engine::pipeline;
use crate::engine::progress::Progress;
use crate::error::Error;
use crate::fs::AtomicFile;
use crate::options::{Options, Values, options};

pub static DESCRIPTION: Lazy<Description> =
    Lazy::new(|| Description::read(include_str!("../../../../pipelines/compose.launch")));

options! {
    /// Variables of `compose`.
    pub struct ComposeOptions {
        /// the session: a folder with session.json, or that file
        "input" (required) => input: PathBuf,
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

/// A session on the disk.
struct Opened {
    folder: PathBuf,
    file: PathBuf,
    session: Session,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = ComposeOptions::parse(&request.values)?;
    let opened = open(&options.input)?;
    let output = &*options.output;
    let is_video = |track: &&Track| matches!(track.source, Source::Camera | Source::Screen);
    let (videos, audios): (Vec<&Track>, Vec<&Track>) =
        opened.session.tracks.iter().partition(is_video);
    let mut facts = container(output)?;
    facts.set("video", true);
    facts.count("video", videos.len());
    facts.count("audio", audios.len());
    let mut values = request.values.clone();
    values.set("session", opened.file.display().to_string());
    choose_timeline(request, &opened, &mut values)?;
    for (name, tracks) in [("video", &videos), ("audio", &audios)] {
        for (n, track) in tracks.iter().enumerate() {
            let file = opened.folder.join(&track.file);
            fs::metadata(&file).map_err(|error| Error::reading(&file, &error))?;
            values.set(format!("{name}-file.{n}"), file.display().to_string());
        }
    }
    let describe = |to: &Path| {
        let mut values = values.clone();
        values.set("output", to.display().to_string());
        DESCRIPTION.pipeline(&facts, &values)
    };
    request.say(&describe(output));
    if request.print {
        return Ok(());
    }
    let file = AtomicFile::new(output)?;
    let made = pipeline::make(&describe(file.path()))?;
    let room = made.by_name("room");
    for (name, tracks) in [("video", &videos), ("audio", &audios)] {
        for (n, track) in tracks.iter().enumerate() {
            let pad = room
                .as_ref()
                .and_then(|room| room.static_pad(&format!("{name}_{n}")));
            if let Some(pad) = pad {
                set_track(&pad, track);
            }
        }
    }
    place_in_time(&made, &videos, &audios);
    let progress = Progress::start("compose", None);
    let outcome = pipeline::run(&made, progress, &request.stop, |_| {})?;
    for warning in &outcome.warnings {
        request.note(&format!("warning: {warning}"));
    }
    drop(made);
    file.commit(output)?;
    request.note(&format!(
        "{}: {} videos, {} voices",
        output.display(),
        videos.len(),
        audios.len()
    ));
    summary.add(&ComposeResults {
        output: output.display().to_string(),
        videos: videos.len(),
        audios: audios.len(),
    });
    Ok(())
}

/// Reads the session that `input` names.
fn open(input: &Path) -> Result<Opened, Error> {
    let input = absolute(input)?;
    let file = if input.is_dir() {
        input.join(FILE_NAME)
    } else {
        input
    };
    let bytes = fs::read(&file).map_err(|error| Error::reading(&file, &error))?;
    let session = Session::read(&bytes).map_err(|error| {
        Error::request(
            error.to_string(),
            file.display().to_string(),
            "correct it, or make it again: lecture session",
        )
    })?;
    if let Some(track) = session.tracks.iter().find(|track| track.stream.is_some()) {
        return Err(Error::request(
            format!(
                "the track {} is one of several streams of its file",
                track.file
            ),
            file.display().to_string(),
            "write each stream to a file of its own: ffmpeg -i FILE -map 0:N -c copy TRACK.mkv",
        ));
    }
    let folder = file.parent().unwrap_or(Path::new("/")).to_path_buf();
    Ok(Opened {
        folder,
        file,
        session,
    })
}

/// Follows the layout that a person has approved; without a file there, a draft is written.
fn choose_timeline(request: &Request, opened: &Opened, values: &mut Values) -> Result<(), Error> {
    let drafts = opened.folder.join("drafts");
    let path = drafts.join("layout.vtt");
    let place = path.display().to_string();
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if !request.print {
                fs::create_dir_all(&drafts).map_err(|error| Error::writing(&drafts, &error))?;
            }
            values.set("timeline", place);
            return Ok(());
        }
        Err(error) => return Err(Error::reading(&path, &error)),
    };
    let ids: Vec<&str> = opened
        .session
        .participants
        .iter()
        .map(|p| p.id.as_str())
        .collect();
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

fn set_track(pad: &gst::Pad, track: &Track) {
    pad.set_property("participant", &track.participant);
    let source = match track.source {
        Source::Camera => "camera",
        Source::Microphone => "microphone",
        Source::Screen => "screen",
        Source::ScreenAudio => "screen-audio",
    };
    pad.set_property_from_str("source", source);
}

/// Moves each track to its start: its first packet, whatever time the file gives it.
fn place_in_time(made: &gst::Pipeline, videos: &[&Track], audios: &[&Track]) {
    let mut starts = BTreeMap::new();
    for (name, tracks) in [("video", videos), ("audio", audios)] {
        for (n, track) in tracks.iter().enumerate() {
            let queue = made.by_name(&format!("{name}-queue{n}"));
            if let Some(pad) = queue.and_then(|queue| queue.static_pad("src")) {
                starts.insert(format!("{name}-source{n}"), (track.start, pad));
            }
        }
    }
    let starts = Arc::new(Mutex::new(starts));
    made.connect_deep_element_added(move |_, bin, element| {
        let is_mjr = is_of(element, "mjrdemux");
        if is_mjr {
            element.set_property_from_str("clock", "arrival");
        }
        let is_demuxer = element
            .factory()
            .is_some_and(|factory| factory.has_type(gst::ElementFactoryType::DEMUXER));
        // The parts of a demuxer are not demuxers of the file.
        if !is_demuxer || is_of(bin.upcast_ref(), "mjrdemux") {
            return;
        }
        let starts = starts.clone();
        element.connect_pad_added(move |element, pad| {
            let source = element.parent().map(|parent| parent.name().to_string());
            let start = source.and_then(|source| {
                let mut starts = starts.lock().unwrap_or_else(PoisonError::into_inner);
                starts.remove(&source)
            });
            if let Some((start, queue)) = start {
                move_to(pad, is_mjr, start, queue);
            }
        });
    });
}

fn is_of(element: &gst::Element, name: &str) -> bool {
    element
        .factory()
        .is_some_and(|factory| factory.name() == name)
}

/// Gives `queue` the offset that brings the first packet of `pad` to `start`. The zero of a Janus
/// recording is that time already.
fn move_to(pad: &gst::Pad, is_mjr: bool, start: u64, queue: gst::Pad) {
    let start = i64::try_from(start).unwrap_or(i64::MAX);
    if is_mjr {
        queue.set_offset(start);
        return;
    }
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let segment = pad.sticky_event::<gst::event::Segment>(0);
        let segment = segment
            .as_ref()
            .and_then(|event| event.segment().downcast_ref::<gst::ClockTime>());
        let time = info.buffer().and_then(|buffer| buffer.dts_or_pts());
        let first = segment.and_then(|segment| segment.to_running_time(time?));
        let first = i64::try_from(first.unwrap_or_default().nseconds()).unwrap_or(0);
        queue.set_offset(start.saturating_sub(first));
        gst::PadProbeReturn::Remove
    });
}
