// SPDX-License-Identifier: MPL-2.0

//! `chapters`: makes a chapter file from a recording, or from a transcript alone.

use std::path::{Path, PathBuf};

use gstlecture::edit::Review;
use gstlecture::record::inside::Chapter;
use gstlecture::timeline::Time;
use gstlecture::webvtt::Document;
use once_cell::sync::Lazy;
use schemars::JsonSchema;
use serde::Serialize;

use super::recording::RecordingOptions;
use super::summary::Summary;
use super::{Request, facts, set_input};
use crate::class::texts::Transcript;
use crate::engine::description::{Description, Facts};
use crate::engine::pipeline;
use crate::engine::progress::Progress;
use crate::engine::run::run_to_end;
use crate::error::Error;
use crate::fs::AtomicFile;
use crate::media::own_chapters;
use crate::media::probe::Input;
use crate::media::survey;
use crate::options::{Options, options};
use crate::print::counted;

pub static DESCRIPTION: Lazy<Description> =
    Lazy::new(|| Description::read(include_str!("../../../../pipelines/chapters.launch")));

options! {
    /// Variables of `chapters`.
    pub struct ChaptersOptions {
        /// the recording
        "input" (optional) => input: Option<String>,
        /// WebVTT or SRT transcript; the source of topics and chapter titles
        "transcript" (optional) => transcript: Option<String>,
        /// the file to write
        "output" (default "chapters.vtt") => output: PathBuf,
        /// language of the transcript and of the slides as a BCP 47 tag, for example en
        "language" (optional) => language: Option<String>,
        /// source of the chapter titles: none; transcript; ocr reads the slides with Tesseract, and uses
        /// the transcript for other chapters; auto is ocr where Tesseract is installed
        "titles" (default "auto"),
    }
    groups { recording: RecordingOptions }
}

/// Results of `chapters`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ChaptersResults {
    /// The file that was written.
    pub output: String,
    /// Number of chapters.
    pub chapters: usize,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = ChaptersOptions::parse(&request.values)?;
    let input = options.input.as_deref();
    let input = input
        .map(|input| options.recording.open(input, request))
        .transpose()?;
    let length = input.as_ref().and_then(|input| input.duration);
    let transcript = options.transcript.as_deref();
    let transcript = transcript
        .map(|path| Transcript::read(path, options.language.as_deref(), length))
        .transpose()?;
    if input.is_none() && transcript.is_none() {
        return Err(Error::usage(
            "there is nothing to find chapters in",
            "lecture chapters",
            "give input=, transcript= or both",
        ));
    }
    let mut facts = input.as_ref().map_or_else(Facts::default, facts);
    facts.set("input", input.is_some());
    facts.set("transcript", transcript.is_some());
    let describe = |to: &Path, transcript: Option<&Path>| {
        let mut values = request.values.clone();
        if let Some(transcript) = transcript {
            values.set("transcript", transcript.display().to_string());
        }
        if let Some(input) = &input {
            set_input(&mut values, input);
        }
        values.set("output", to.display().to_string());
        DESCRIPTION.pipeline(&facts, &values)
    };
    let output = &*options.output;
    request.say(&describe(output, transcript.as_ref().map(Transcript::path)));
    if request.print {
        return Ok(());
    }
    if let Some(input) = &input
        && let own = own_chapters::find(input)
        && !own.is_empty()
    {
        return write_own(request, input, &own, output, summary);
    }
    let file = AtomicFile::new(output)?;
    let copy = AtomicFile::new(&output.with_extension("transcript.vtt"))?;
    let transcript = transcript.map(|transcript| transcript.readable(copy.path()));
    let transcript = transcript.transpose()?;
    let made = pipeline::make(&describe(file.path(), transcript.as_deref()))?;
    let mut chapters = 0;
    let count = |message: &gst::StructureRef| {
        chapters += usize::from(message.name() == "chapterdetect-chapter");
    };
    match &input {
        Some(input) => {
            survey::spare(&made, input, &request.stop)?;
            options
                .recording
                .run(request, "chapters", &made, input, count)?
        }
        None => run_to_end(
            &made,
            Progress::start("chapters", None),
            &request.stop,
            count,
        )?,
    };
    file.commit(output)?;
    report(request, chapters, output, summary);
    Ok(())
}

/// Writes the chapters that the recording itself has.
fn write_own(
    request: &Request,
    input: &Input,
    own: &[Chapter],
    output: &Path,
    summary: &mut Summary,
) -> Result<(), Error> {
    let last = own.last().map(|last| last.start).unwrap_or_default();
    let end = input.duration.unwrap_or(last.saturating_add(Time::SECOND));
    let cues = own_chapters::cues(own, end);
    let count = cues.len();
    let mut document = Document::new(cues);
    document.set_review(&Review::default());
    AtomicFile::write(output, document.to_string())?;
    request.note("the chapters are the recording's own");
    report(request, count, output, summary);
    Ok(())
}

fn report(request: &Request, chapters: usize, output: &Path, summary: &mut Summary) {
    request.note(&format!(
        "{}: {}",
        output.display(),
        counted(chapters, "chapter", "chapters")
    ));
    summary.add(&ChaptersResults {
        output: output.display().to_string(),
        chapters,
    });
}
