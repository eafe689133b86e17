// SPDX-License-Identifier: MPL-2.0

//! `analyse`: makes drafts of cuts and chapters from a recording.

use std::fs;
use std::path::{Path, PathBuf};

use gst::glib;
use gst::prelude::*;
use gstlecture::edit::trim_file::TrimFile;
use gstlecture::edit::{Review, Status};
use gstlecture::timeline::{CutList, Time};
use gstlecture::webvtt::{self, Document};
use once_cell::sync::Lazy;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::recording::{RecordingOptions, SAMPLE_CAPTIONS};
use super::summary::Summary;
use super::{Request, absolute, facts, fingerprint, set_input};
use crate::class::drafts::{self, CHAPTERS, CONTENT, Drafts, LANGUAGE, TRIM};
use crate::class::folder::ClassFolder;
use crate::class::texts::{GivenTexts, TextOptions, Transcript};
use crate::engine::description::{Description, Pipeline};
use crate::engine::memory::PicturesApart;
use crate::engine::pipeline;
use crate::error::Error;
use crate::media::loudness::Meters;
use crate::media::own_chapters;
use crate::media::probe::Input;
use crate::media::survey::{self, Seen};
use crate::options::{Options, options};
use crate::print::counted;

pub static DESCRIPTION: Lazy<Description> =
    Lazy::new(|| Description::read(include_str!("../../../../pipelines/analyse.launch")));

options! {
    /// Variables of `analyse`.
    pub struct AnalyseOptions {
        /// the recording; without it the sample class of the repository
        "input" (optional) => input: Option<String>,
        /// the class's folder
        "output" (default "OUT") => output: PathBuf,
        /// WebVTT or SRT transcript; the source of topics and chapter titles; without it captions in the
        /// class's language are used
        "transcript" (optional) => transcript: Option<String>,
        /// language of the class, of the transcript and of the slides as a BCP 47 tag, for example en;
        /// captions in another language are packaged as subtitles
        "language" (optional) => language: Option<String>,
        /// source of the chapter titles: none; transcript; ocr reads the slides with Tesseract, and uses
        /// the transcript for other chapters; auto is ocr where Tesseract is installed
        "titles" (default "auto"),
        /// edges cuts before and after the class; all also cuts long breaks inside
        "scope" (default "edges"),
        /// start of the class: auto, speech or slide
        "start-at" (default "auto"),
    }
    groups { texts: TextOptions, recording: RecordingOptions }
}

impl AnalyseOptions {
    /// Adds the captions of the sample class, which is used if neither a recording nor a text of one is
    /// named.
    pub fn or_sample(mut self) -> Self {
        let texts = &mut self.texts;
        let names_none = self.input.is_none()
            && self.transcript.is_none()
            && texts.captions.0.is_empty()
            && texts.descriptions.0.is_empty();
        if names_none && Path::new(SAMPLE_CAPTIONS).exists() {
            texts.captions.0.push(("en".into(), SAMPLE_CAPTIONS.into()));
        }
        self
    }
}

/// Name of a readable copy of a transcript that pipelines cannot read as it was given.
const TRANSCRIPT: &str = "transcript.vtt";
/// Name in the description of the element that analyses the video.
const DETECT: &str = "detect";

/// Results of `analyse`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct AnalyseResults {
    /// The folder of the drafts.
    pub drafts: String,
    /// Kind of the video: screen or camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Number of cuts.
    pub cuts: usize,
    /// Length of all cuts, in seconds.
    pub removed: f64,
    /// Number of cuts that a person should look at.
    pub to_review: usize,
    /// Number of slide changes.
    pub slides: usize,
    /// Number of chapters.
    pub chapters: usize,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = AnalyseOptions::parse(&request.values)?.or_sample();
    let input = options
        .recording
        .open_or_sample(options.input.as_deref(), request)?;
    let texts = GivenTexts::read(&options.texts, options.language.as_deref(), &input)?;
    if request.print {
        return say(request, &options, &input, &texts);
    }
    let folder = ClassFolder::open(&options.output)?;
    into(request, &options, &input, &texts, &folder, summary)?;
    texts.import(&folder, &input)
}

/// Prints the line that writes the drafts.
pub fn say(
    request: &Request,
    options: &AnalyseOptions,
    input: &Input,
    texts: &GivenTexts,
) -> Result<(), Error> {
    let drafts = absolute(&options.output)?.join("drafts");
    let spoken = Spoken::of(options, input, texts)?;
    request.say(&describe(request, input, &spoken, &drafts));
    Ok(())
}

/// Analyses a recording into a folder that this run has locked.
pub fn into(
    request: &Request,
    options: &AnalyseOptions,
    input: &Input,
    texts: &GivenTexts,
    folder: &ClassFolder,
    summary: &mut Summary,
) -> Result<(), Error> {
    let recording = fingerprint(input)?;
    let mut drafts = Drafts::open(folder.drafts());
    drafts.check_are_of(&recording, texts)?;
    let mut spoken = Spoken::of(options, input, texts)?;
    request.say(&describe(request, input, &spoken, &folder.drafts()));
    let staging = folder.drafts_staging()?;
    spoken.make_readable(&staging.path().join(TRANSCRIPT))?;
    let made = pipeline::make(&describe(request, input, &spoken, staging.path()))?;
    let apart = PicturesApart::new();
    survey::spare(&made, input, &request.stop)?;
    let seen = made
        .by_name(DETECT)
        .and_then(|detect| detect.static_pad("video_sink"));
    let seen = seen.as_ref().map(Seen::watch);
    let meters = Meters::listen(&made, input.audio.len());
    let mut findings = Findings::default();
    let outcome = options
        .recording
        .run(request, "analyse", &made, input, |message| {
            findings.hear(message);
        })?;
    drop(apart);
    let end = input.duration.unwrap_or(outcome.delivered);
    let own = own_chapters::cues(&own_chapters::find(input), end);
    if !own.is_empty() {
        let path = staging.path().join(CHAPTERS);
        let document = Document::new(own.iter().cloned());
        fs::write(&path, document.to_string()).map_err(|error| Error::writing(&path, &error))?;
    }
    for name in [TRIM, CHAPTERS] {
        stamp(&staging.path().join(name), &recording)?;
    }
    let mut analysis = Map::new();
    analysis.insert(
        "input".into(),
        json!({
            "file": input.path.file_name().map(|name| name.to_string_lossy()),
            "fingerprint": recording,
            "bytes": input.size,
            "seconds": outcome.delivered.secs_f64(),
        }),
    );
    if let Some(language) = &options.language {
        analysis.insert(LANGUAGE.into(), language.clone().into());
    }
    analysis.insert("loudness".into(), meters.to_json());
    let mut kind = None;
    if let Some(seen) = seen {
        let cuts = fs::read(staging.path().join(TRIM)).ok();
        let length = input.length(findings.0.get("summary").and_then(drafts::length));
        let cuts = cuts.and_then(|bytes| TrimFile::read(&bytes, length).ok());
        let cuts = cuts.map_or_else(CutList::keep_all, |trim| trim.cut_list(length));
        let content = if seen.is_screen(&cuts) {
            "screen"
        } else {
            "camera"
        };
        analysis.insert(CONTENT.into(), content.into());
        kind = Some(content.to_owned());
    }
    findings.say(request);
    let folder = drafts.path("").display().to_string();
    let mut results = findings.results(folder, kind);
    if !own.is_empty() {
        request.note(&format!(
            "the recording's own {} are the draft, in place of those that were found",
            counted(own.len(), "chapter", "chapters")
        ));
        results.chapters = own.len();
    }
    analysis.append(&mut findings.0);
    for name in drafts.replace(staging.path(), analysis)? {
        let path = drafts.path(name);
        request.note(&format!(
            "{} was changed by a person and is kept",
            path.display()
        ));
    }
    summary.add(&results);
    Ok(())
}

/// The words of a class for its analysis.
#[derive(Default)]
struct Spoken {
    transcript: Option<Transcript>,
    /// The file that pipelines read.
    path: Option<PathBuf>,
}

impl Spoken {
    /// The transcript that the request names, else captions in the language of the class.
    fn of(options: &AnalyseOptions, input: &Input, texts: &GivenTexts) -> Result<Self, Error> {
        let language = options.language.as_deref();
        let named = options.transcript.as_deref();
        let named = named.map(|path| Transcript::read(path, language, input.duration));
        let named = named.transpose()?;
        let transcript = named.or_else(|| Transcript::of_captions(texts, language));
        Ok(Spoken {
            path: transcript.as_ref().map(|text| text.path().to_owned()),
            transcript,
        })
    }

    /// Writes what pipelines cannot read to `copy`.
    fn make_readable(&mut self, copy: &Path) -> Result<(), Error> {
        let path = self.transcript.as_ref().map(|text| text.readable(copy));
        self.path = path.transpose()?;
        Ok(())
    }
}

/// The pipeline that writes its drafts to `folder`.
fn describe(request: &Request, input: &Input, spoken: &Spoken, folder: &Path) -> Pipeline {
    let mut values = request.values.clone();
    if let Some(path) = &spoken.path {
        values.set("transcript", path.display().to_string());
    }
    let language = spoken
        .transcript
        .as_ref()
        .and_then(|text| text.language.as_ref());
    if let Some(language) = language
        && values.get(LANGUAGE).is_none()
    {
        values.set(LANGUAGE, language);
    }
    set_input(&mut values, input);
    values.set("cuts", folder.join(TRIM).display().to_string());
    values.set("chapters", folder.join(CHAPTERS).display().to_string());
    let mut facts = facts(input);
    facts.set("transcript", spoken.path.is_some());
    DESCRIPTION.pipeline(&facts, &values)
}

/// Findings from the elements' messages, by kind, in seconds.
#[derive(Default)]
struct Findings(Map<String, Value>);

impl Findings {
    fn hear(&mut self, message: &gst::StructureRef) {
        let (key, is_list) = match message.name().as_str() {
            "silencetrim-speech" => ("speech", true),
            "silencetrim-cut" => ("cuts", true),
            "silencetrim-summary" => ("summary", false),
            "chapterdetect-slide" => ("slides", true),
            "chapterdetect-title" => ("titles", true),
            "chapterdetect-chapter" => ("chapters", true),
            _ => return,
        };
        let found = to_json(message);
        match self.0.get_mut(key) {
            Some(Value::Array(list)) => list.push(found),
            _ if is_list => {
                self.0.insert(key.into(), Value::Array(vec![found]));
            }
            _ => {
                self.0.insert(key.into(), found);
            }
        }
    }

    fn list(&self, key: &str) -> &[Value] {
        self.0
            .get(key)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    fn removed(&self) -> f64 {
        self.0
            .get("summary")
            .and_then(|summary| summary.get("removed")?.as_f64())
            .unwrap_or_default()
    }

    fn results(&self, drafts: String, content: Option<String>) -> AnalyseResults {
        AnalyseResults {
            drafts,
            content,
            cuts: self.list("cuts").len(),
            removed: self.removed(),
            to_review: self.to_review(),
            slides: self.list("slides").len(),
            chapters: self.list("chapters").len(),
        }
    }

    fn to_review(&self) -> usize {
        let is_marked = |cut: &&Value| cut.get("review").and_then(Value::as_bool) == Some(true);
        self.list("cuts").iter().filter(is_marked).count()
    }

    fn say(&self, request: &Request) {
        request.note(&format!("found {}", self.words()));
    }

    fn words(&self) -> String {
        let cuts = self.list("cuts").len();
        let chapters = counted(self.list("chapters").len(), "chapter", "chapters");
        let length = Time::from_secs_f64(self.removed()).clock();
        let of = match (cuts, self.to_review()) {
            (0, _) => String::new(),
            (1, 0) => format!(" ({length})"),
            (1, _) => format!(" ({length}, to review)"),
            (_, review) => format!(" ({length} in total, {review} to review)"),
        };
        format!("{}{of} and {chapters}", counted(cuts, "cut", "cuts"))
    }
}

/// Converts a message to JSON. Its 64-bit numbers are times in nanoseconds and become seconds.
fn to_json(message: &gst::StructureRef) -> Value {
    let fields = message.iter().filter_map(|(name, value)| {
        let value = if let Ok(time) = value.get::<u64>() {
            json!(time as f64 / 1e9)
        } else if let Ok(number) = value.get::<f64>() {
            json!(number)
        } else if let Ok(is) = value.get::<bool>() {
            json!(is)
        } else {
            json!(value.get::<Option<glib::GString>>().ok()??.as_str())
        };
        Some((name.to_string(), value))
    });
    Value::Object(fields.collect())
}

/// Writes the recording's fingerprint into a draft.
fn stamp(path: &Path, recording: &str) -> Result<(), Error> {
    let Ok(bytes) = fs::read(path) else {
        // A recording without video and captions has no draft of chapters.
        return Ok(());
    };
    let mut document = webvtt::read(&bytes).map_err(|error| {
        Error::request(error.to_string(), path.display().to_string(), "report this")
    })?;
    let review = Review {
        status: Status::Draft,
        by: None,
        input: Some(recording.to_string()),
    };
    document.set_review(&review);
    fs::write(path, document.to_string()).map_err(|error| Error::writing(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_is_said_in_english() {
        let cut = |review: bool| json!({ "review": review });
        for (cuts, chapters, words) in [
            (vec![], 0, "0 cuts and 0 chapters"),
            (vec![cut(false)], 1, "1 cut (0:05) and 1 chapter"),
            (vec![cut(true)], 2, "1 cut (0:05, to review) and 2 chapters"),
            (
                vec![cut(true), cut(false)],
                2,
                "2 cuts (0:05 in total, 1 to review) and 2 chapters",
            ),
        ] {
            let mut findings = Findings::default();
            let found = [
                ("cuts", json!(cuts)),
                ("chapters", json!(vec![json!({}); chapters])),
                ("summary", json!({ "removed": 5.0 })),
            ];
            findings
                .0
                .extend(found.map(|(name, found)| (name.to_owned(), found)));
            assert_eq!(findings.words(), words);
        }
    }
}
