// SPDX-License-Identifier: MPL-2.0

//! `captions-draft`: makes draft captions from the transcript of a live class.

use std::fs;
use std::path::{Path, PathBuf};

use gstlecture::captions::draft::{self, Change, Draft, Transcript};
use gstlecture::edit::{Review, Status};
use gstlecture::timeline::{Span, Time};
use gstlecture::webvtt::{self, Timestamp};
use once_cell::sync::Lazy;
use schemars::JsonSchema;
use serde::Serialize;

use super::recording::RecordingOptions;
use super::summary::Summary;
use super::{Request, facts, set_input};
use crate::engine::description::Description;
use crate::engine::pipeline;
use crate::error::Error;
use crate::fs::AtomicFile;
use crate::media::probe::Input;
use crate::options::{FromText, Options, Wrong, options};
use crate::print;
use crate::print::counted;

pub static DESCRIPTION: Lazy<Description> =
    Lazy::new(|| Description::read(include_str!("../../../../pipelines/captions-draft.launch")));

options! {
    /// Variables of `captions-draft`.
    pub struct CaptionsDraftOptions {
        /// transcript: WebVTT, SRT, or JSON of Whisper, whisper.cpp, Vosk or LiveKit
        "transcript" (required) => transcript: PathBuf,
        /// the recording; without it the words keep their times
        "input" (optional) => input: Option<String>,
        /// the file to write
        "output" (default "captions.vtt") => output: PathBuf,
        /// language of the transcript as a BCP 47 tag; tells the encoding of files that are not in UTF-8
        "language" (optional) => language: Option<String>,
        /// words that only fill a pause, such as "um": keep or drop
        "fillers" (default "keep") => fillers: Fillers,
    }
    groups { recording: RecordingOptions }
}

/// Treatment of words that only fill a pause.
#[derive(Debug, PartialEq, Eq)]
pub enum Fillers {
    Keep,
    Drop,
}

impl FromText for Fillers {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text {
            "keep" => Ok(Fillers::Keep),
            "drop" => Ok(Fillers::Drop),
            _ => Err(Wrong::Form("write keep or drop")),
        }
    }
}

/// Results of `captions-draft`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CaptionsDraftResults {
    /// The file that was written.
    pub output: String,
    /// Number of cues.
    pub cues: usize,
    /// Number of words in the transcript.
    pub words: usize,
    /// Number of those words in the cues.
    pub words_kept: usize,
    /// Number of cues that are too fast to read, because the speech is.
    pub fast: usize,
    /// Everything that was changed, in order of time.
    pub changes: Vec<ListedChange>,
}

/// A change to the transcript.
#[derive(Serialize, JsonSchema)]
pub struct ListedChange {
    /// Seconds of the recording.
    time: f64,
    text: String,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = CaptionsDraftOptions::parse(&request.values)?;
    let place = options.transcript.display().to_string();
    let bytes = fs::read(&options.transcript)
        .map_err(|error| Error::reading(&options.transcript, &error))?;
    let transcript = Transcript::read(&bytes, options.language.as_deref())
        .map_err(|error| Error::request(error.to_string(), place, "name another transcript"))?;
    check_output(&options.output)?;
    let speech = match &options.input {
        Some(input) => {
            let input = options.recording.open(input, request)?;
            listen(request, &options, &input)?
        }
        None => None,
    };
    if request.print {
        return Ok(());
    }
    let choices = draft::Options {
        drop_fillers: options.fillers == Fillers::Drop,
    };
    let made = draft::draft(&transcript, speech.as_deref(), choices);
    let mut document = made.document();
    document.set_review(&Review::default());
    AtomicFile::write(&options.output, document.to_string())?;
    report(request, &made, &options.output, summary);
    Ok(())
}

/// Refuses to replace captions that a person has approved, and files that are none.
fn check_output(output: &Path) -> Result<(), Error> {
    let Ok(bytes) = fs::read(output) else {
        return Ok(());
    };
    let review = webvtt::read(&bytes).map(|document| document.review());
    let what = match review {
        Ok(Ok(Some(review))) if review.status == Status::Approved => "these captions are approved",
        Ok(Ok(Some(_))) => return Ok(()),
        _ if bytes.is_empty() => return Ok(()),
        _ => "this file is not a draft of captions",
    };
    Err(Error::request(
        what,
        output.display().to_string(),
        "it is kept; name another file: output=",
    ))
}

/// Returns the speech of a recording; `None` if it has no audio, or if only the line is printed.
fn listen(
    request: &Request,
    options: &CaptionsDraftOptions,
    input: &Input,
) -> Result<Option<Vec<Span>>, Error> {
    if input.audio.is_empty() {
        request.note("the recording has no audio: the words keep their times");
        return Ok(None);
    }
    let mut values = request.values.clone();
    set_input(&mut values, input);
    let described = DESCRIPTION.pipeline(&facts(input), &values);
    request.say(&described);
    if request.print {
        return Ok(None);
    }
    let made = pipeline::make(&described)?;
    pipeline::decode_only(&made, "audio/x-raw");
    let mut speech = Vec::new();
    let hear = |message: &gst::StructureRef| {
        let time = |name| message.get(name).ok().map(Time::from_nanos);
        if message.name() == "silencetrim-speech"
            && let (Some(start), Some(end)) = (time("start"), time("end"))
        {
            speech.push(Span::new(start, end));
        }
    };
    options
        .recording
        .run(request, "captions-draft", &made, input, hear)?;
    speech.sort();
    Ok(Some(speech))
}

fn report(request: &Request, made: &Draft, output: &Path, summary: &mut Summary) {
    for change in &made.changes {
        print::answer(format_args!("{}\t{change}", Timestamp(change.time())));
    }
    let changes = made.changes.iter();
    let fast = changes.filter(|change| matches!(change, Change::Fast { .. }));
    let fast = fast.count();
    request.note(&format!(
        "{}: {}, {} of {} words, {}; check them: lecture captions-check captions={}",
        output.display(),
        counted(made.cues.len(), "cue", "cues"),
        made.kept,
        made.words,
        counted(fast, "cue too fast to read", "cues too fast to read"),
        output.display(),
    ));
    summary.add(&CaptionsDraftResults {
        output: output.display().to_string(),
        cues: made.cues.len(),
        words: made.words,
        words_kept: made.kept,
        fast,
        changes: made
            .changes
            .iter()
            .map(|change| ListedChange {
                time: change.time().secs_f64(),
                text: change.to_string(),
            })
            .collect(),
    });
}
