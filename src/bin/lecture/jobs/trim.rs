// SPDX-License-Identifier: MPL-2.0

//! `trim`: makes one shorter file from a recording, without encoding its video again.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use gst::prelude::*;
use gstlecture::timeline::{Span, Time};
use once_cell::sync::Lazy;
use schemars::JsonSchema;
use serde::Serialize;

use super::recording::RecordingOptions;
use super::summary::Summary;
use super::{Request, facts, set_input};
use crate::engine::description::{Description, Facts, Pipeline};
use crate::engine::frame_order;
use crate::engine::hidden::{self, LeftOut};
use crate::engine::ledger::Ledger;
use crate::engine::picture_times;
use crate::engine::pipeline;
use crate::engine::repair;
use crate::error::Error;
use crate::fs::AtomicFile;
use crate::media::delivered;
use crate::media::own_chapters;
use crate::media::probe::{Input, Text};
use crate::media::subtitles;
use crate::options::{Options, options};

pub static DESCRIPTION: Lazy<Description> =
    Lazy::new(|| Description::read(include_str!("../../../../pipelines/trim.launch")));

/// Longest video that may be left out because it needs frames that an edit list hides.
const MOST_LOST: Time = Time::from_secs(2);

options! {
    /// Variables of `trim`.
    pub struct TrimOptions {
        /// the recording
        "input" (required) => input: String,
        /// the file to write; its extension selects the container, .mkv or .mp4
        "output" (required) => output: PathBuf,
        /// edges cuts before and after the class; all also cuts long breaks inside
        "scope" (default "edges"),
        /// start of the class: auto, speech or slide
        "start-at" (default "auto"),
    }
    groups { recording: RecordingOptions }
}

/// Results of `trim`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TrimResults {
    /// The file that was written.
    pub output: String,
    /// Length of what was cut, in seconds.
    pub removed_seconds: f64,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = TrimOptions::parse(&request.values)?;
    let input = options.recording.open(&options.input, request)?;
    let output = &*options.output;
    let mut facts = streams(&input, output)?;
    let is_mp4 = facts.is("mp4");
    check_container(
        &input,
        output,
        if is_mp4 { "mp4mux" } else { "matroskamux" },
    )?;
    let texts = input.texts.iter().filter(|text| carries(text)).count();
    facts.count("text", texts);
    request.say(&describe(request, &input, &facts, output));
    if request.print {
        return Ok(());
    }
    say_what_is_lost(request, &input);
    let file = AtomicFile::new(output)?;
    let made = pipeline::make(&describe(request, &input, &facts, file.path()))?;
    let chapters = own_chapters::find(&input);
    if facts.is("matroska") {
        own_chapters::reserve(&made, &chapters);
    }
    for n in 0..texts {
        subtitles::write_plainly(&made, n, is_mp4);
        if is_mp4 {
            subtitles::end_cues(&made, n);
        }
    }
    let ledger = Ledger::default();
    let left_out = follow_video(&made, &input, &ledger);
    let mut done = Done::default();
    let run = options
        .recording
        .run(request, "trim", &made, &input, |message| done.read(message));
    let outcome = run?;
    let losses = ledger.losses();
    options.recording.check_losses(request, &input, &losses)?;
    drop(made);
    say_what_needs_hidden(request, &input, left_out.lost())?;
    let end = input.duration.unwrap_or(outcome.delivered);
    own_chapters::place(file.path(), &chapters, &done.cuts, end)?;
    turn(request, &input, file.path(), is_mp4)?;
    file.commit(output)?;
    let output = output.display().to_string();
    let (kept, removed) = (done.kept.clock(), done.removed.clock());
    request.note(&format!("{output}: {kept} kept, {removed} cut"));
    summary.add(&TrimResults {
        output,
        removed_seconds: done.removed.secs_f64(),
    });
    Ok(())
}

/// Returns the pipeline that writes the file `to`.
fn describe(request: &Request, input: &Input, facts: &Facts, to: &Path) -> Pipeline {
    let mut values = request.values.clone();
    set_input(&mut values, input);
    values.set("output", to.display().to_string());
    if let Some(video) = &input.video {
        values.set("video-caps", &video.caps);
    }
    for (n, audio) in input.audio.iter().enumerate() {
        values.set(format!("audio.{n}"), &audio.caps);
    }
    DESCRIPTION.pipeline(facts, &values)
}

/// Completes the times of the video's packets, counts them, and leaves out those that an edit list
/// hides.
fn follow_video(made: &gst::Pipeline, input: &Input, ledger: &Ledger) -> LeftOut {
    let filter = made.by_name("video");
    let pad = |name| filter.as_ref().and_then(|filter| filter.static_pad(name));
    let mut left_out = LeftOut::default();
    if let Some(pad) = pad("sink") {
        if input.has_edits {
            left_out = hidden::leave_out(&pad);
        }
        frame_order::order_frames(&pad, frame_order::Codec::of_packets);
    }
    if let Some(pad) = pad("src") {
        picture_times::complete(&pad);
        repair::count_frames(&pad, ledger.open("video"));
    }
    left_out
}

/// What silencetrim reports.
#[derive(Default)]
struct Done {
    cuts: Vec<Span>,
    kept: Time,
    removed: Time,
}

impl Done {
    fn read(&mut self, message: &gst::StructureRef) {
        self.cuts.extend(cut(message));
        if message.name() == "silencetrim-summary" {
            let time = |field| Time::from_nanos(message.get(field).unwrap_or_default());
            (self.kept, self.removed) = (time("kept"), time("removed"));
        }
    }
}

/// The part of the recording that a message of silencetrim reports as cut.
fn cut(message: &gst::StructureRef) -> Option<Span> {
    if message.name() != "silencetrim-cut" {
        return None;
    }
    let time = |field| message.get::<u64>(field).ok().map(Time::from_nanos);
    Some(Span::new(time("start")?, time("end")?))
}

/// Fails if the container to write supports no stream of one of the input's codecs.
fn check_container(input: &Input, output: &Path, muxer: &str) -> Result<(), Error> {
    let video = input.video.iter().map(|video| &video.codec);
    let mut all = video.chain(input.audio.iter().map(|audio| &audio.codec));
    let Some(refused) = all.find(|codec| !accepts(muxer, codec)) else {
        return Ok(());
    };
    Err(Error::request(
        format!(
            "a file of this kind cannot hold {}",
            delivered::codec(refused)
        ),
        output.display().to_string(),
        "write another kind (.mkv holds most codecs), or convert the recording first: ffmpeg -i \
         INPUT OUTPUT.mkv",
    ))
}

/// Returns whether a muxer has a pad for this codec.
fn accepts(muxer: &str, codec: &gst::Caps) -> bool {
    // A muxer that is missing is named when the pipeline is made.
    let Some(factory) = gst::ElementFactory::find(muxer) else {
        return true;
    };
    let templates = factory.static_pad_templates();
    templates
        .into_iter()
        .filter(|template| template.direction() == gst::PadDirection::Sink)
        .any(|template| template.caps().can_intersect(codec))
}

/// Writes the orientation of the video into the finished file: no muxer of GStreamer 1.22 does.
fn turn(request: &Request, input: &Input, path: &Path, is_mp4: bool) -> Result<(), Error> {
    let Some(orientation) = input.video.as_ref().and_then(|video| video.orientation) else {
        return Ok(());
    };
    let opened = OpenOptions::new().read(true).write(true).open(path);
    let written = opened.and_then(|mut file| match is_mp4 {
        true => orientation.write_mp4(&mut file),
        false => orientation.write_matroska(&mut file),
    });
    if !written.map_err(|error| Error::writing(path, &error))? {
        request.note(
            "warning: Matroska cannot say how the video is mirrored, and it is not upright: \
             write output=NAME.mp4",
        );
    }
    Ok(())
}

/// Names the frames that an edit list shows and that cannot be decoded without hidden ones; fails if they
/// are many. No container but MP4 can hide a frame, and what is hidden there is in the file.
fn say_what_needs_hidden(request: &Request, input: &Input, lost: Time) -> Result<(), Error> {
    if lost > MOST_LOST {
        return Err(Error::request(
            format!(
                "its edit list hides frames without which {:.1} s of what it shows cannot be copied",
                lost.secs_f64()
            ),
            input.path.display().to_string(),
            "package it, or encode it first: ffmpeg -i INPUT -crf 18 OUTPUT.mkv",
        ));
    }
    if lost > Time::ZERO {
        request.note(&format!(
            "warning: the edit list begins between key frames: {:.2} s of video in front of the next ones \
             are left out, the audio is whole",
            lost.secs_f64()
        ));
    }
    Ok(())
}

/// Returns whether a subtitle track arrives as text.
fn carries(text: &Text) -> bool {
    text.caps == "text/x-raw" || is_styled(text)
}

/// Returns whether parsebin turns the track into plain text.
fn is_styled(text: &Text) -> bool {
    ["application/x-ass", "application/x-ssa"].contains(&&*text.caps)
}

fn say_what_is_lost(request: &Request, input: &Input) {
    for text in &input.texts {
        let kind = match &*text.caps {
            "application/x-subtitle-unknown" => "WebVTT in Matroska, or another unknown kind",
            caps => caps,
        };
        let language = text.language.as_deref().unwrap_or("unknown");
        if !carries(text) {
            request.note(&format!(
                "warning: subtitles (language {language}) are left out: they are {kind}, which \
                 cannot be cut; give them to package as a caption file instead"
            ));
        } else if is_styled(text) {
            request.note(&format!(
                "warning: subtitles (language {language}) keep their text but not their styles"
            ));
        }
    }
}

/// Returns the facts of the input and of the container to write.
fn streams(input: &Input, output: &Path) -> Result<Facts, Error> {
    let extension = output
        .extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    let mut facts = facts(input);
    match extension.as_str() {
        "mkv" | "mka" | "webm" => facts.set("matroska", true),
        "mp4" | "m4v" | "m4a" | "mov" => facts.set("mp4", true),
        _ => {
            return Err(Error::usage(
                "the ending of this name is not that of a known container",
                output.display().to_string(),
                "write output=NAME.mkv or output=NAME.mp4",
            ));
        }
    }
    if fs::canonicalize(output).is_ok_and(|output| output == input.path) {
        return Err(Error::usage(
            "output= and input= are the same file",
            output.display().to_string(),
            "choose another name",
        ));
    }
    let caps = input.video.as_ref().map(|video| &*video.caps);
    facts.set("h264", caps == Some("video/x-h264"));
    facts.set("h265", caps == Some("video/x-h265"));
    // The demuxers of 1.22 spell the field for which the muxer asks in another way.
    facts.set("ffv1", caps == Some("video/x-ffv"));
    Ok(facts)
}
