// SPDX-License-Identifier: MPL-2.0

//! `analyse`: makes drafts of cuts and chapters from a recording.

use std::fs;
use std::path::{Path, PathBuf};

use gstlecture::edit::{Analysis, LANGUAGE, Review, Status};
use gstlecture::language;
use gstlecture::webvtt::{self, Document};
use once_cell::sync::Lazy;
use schemars::JsonSchema;
use serde::Serialize;

use super::recording::{SAMPLE_CAPTIONS, SourceOptions};
use super::session_input::room;
use super::summary::Summary;
use super::{Request, absolute, facts, set_input};
use crate::class::drafts::{CHAPTERS, Drafts, TRIM};
use crate::class::fingerprint::of_input;
use crate::class::folder::ClassFolder;
use crate::class::texts::{GivenTexts, TextOptions, Transcript};
use crate::engine::description::{Description, Pipeline};
use crate::error::Error;
use crate::media::probe::Input;
use crate::options::{Options, options};
use crate::print::counted;

mod assist;
mod descriptions;
mod findings;
mod heard;
mod outline;

use assist::AssistOptions;
use descriptions::Analysed;
use heard::Heard;

pub static DESCRIPTION: Lazy<Description> = Lazy::new(|| {
    Description::read(include_str!("../../../../../pipelines/analyse.launch")).behind(room())
});

options! {
    /// Variables of `analyse`.
    pub struct AnalyseOptions {
        /// the recording, or the folder of a session; without it the sample class of the repository
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
        /// true drafts audio descriptions: texts for slides whose titles nobody says
        "descriptions" (default "false") => descriptions: bool,
        /// true reads all text of the slides with Tesseract into drafts/slides.LANGUAGE.vtt; once approved,
        /// learners can search in it
        "slide-text" (default "false") => slide_text: bool,
        /// edges cuts before and after the class; all also cuts long breaks inside
        "scope" (default "edges"),
        /// start of the class: auto, speech or slide
        "start-at" (default "auto"),
    }
    groups { texts: TextOptions, assist: AssistOptions, source: SourceOptions }
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
/// Language of slides if it is not known: the one that Tesseract reads then.
const USUAL: &str = "en";

/// Options of the roomcompositor in an analysis, which is about the shared screens.
const SCREENS: [(&str, &str); 5] = [
    ("layout", "single-speaker"),
    ("avatar", "none"),
    ("labels", "false"),
    ("background", "auto"),
    ("framerate", "10"),
];

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
    /// Number of slides whose text is in the draft, if it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slide_texts: Option<usize>,
    /// Number of sentences and key points in the draft of the summary.
    pub summary_points: usize,
    /// Changes that assist-command made to the drafts, if it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assisted: Option<Vec<String>>,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = AnalyseOptions::parse(&request.values)?.or_sample();
    let input = options
        .source
        .open_or_sample(options.input.as_deref(), request)?;
    let texts = GivenTexts::read(
        &options.texts,
        options.language.as_deref(),
        &input,
        &request.stop,
    )?;
    if request.print {
        return say(request, &options, &input, &texts);
    }
    let folder = ClassFolder::open(&options.output)?;
    analyse_in(request, &options, &input, &texts, &folder, summary)?;
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
    request.say(&describe(request, &input.analysed(), &spoken, &drafts));
    Ok(())
}

/// Analyses a recording into a folder that this run has locked.
pub fn analyse_in(
    request: &Request,
    options: &AnalyseOptions,
    input: &Input,
    texts: &GivenTexts,
    folder: &ClassFolder,
    summary: &mut Summary,
) -> Result<(), Error> {
    let recording = of_input(input)?;
    let input = &*input.analysed();
    let mut drafts = Drafts::open(folder.drafts());
    drafts.check_are_of(&recording, texts)?;
    let mut spoken = Spoken::of(options, input, texts)?;
    let described = described_language(options, &spoken, input)?;
    request.say(&describe(request, input, &spoken, &folder.drafts()));
    let staging = folder.drafts_staging()?;
    spoken.make_readable(&staging.path().join(TRANSCRIPT))?;
    let mut heard = Heard::listen(request, options, input, &spoken, staging.path())?;
    let cuts = heard.cut(&input.marked.wanted, staging.path())?;
    let own = heard.name_chapters(input, &cuts, staging.path())?;
    let outline = outline::write(
        &outline::Task {
            request,
            options,
            spoken: &spoken,
            drafts: &drafts,
            staging: staging.path(),
            recording: &recording,
            cuts: &cuts,
            length: heard.whole(),
            has_own_chapters: own > 0,
        },
        &mut heard.findings,
    )?;
    for name in [TRIM, CHAPTERS] {
        stamp(&staging.path().join(name), &recording)?;
    }
    heard.findings.say(request);
    let content = heard.content(&cuts);
    let folder = drafts.path("").display().to_string();
    let mut results = heard.findings.results(folder, content.map(str::to_owned));
    outline.add_to(&mut results);
    if own > 0 {
        request.note(&format!(
            "the recording's own {} are the draft, in place of those that were found",
            counted(own, "chapter", "chapters")
        ));
        results.chapters = own;
    }
    let end = input.duration.unwrap_or(heard.delivered);
    let analysis = heard.into_analysis(options, input, &recording, content)?;
    let found = Analysis::of(&analysis);
    drafts.remove_leftovers(&recording)?;
    for name in drafts.replace(staging.path(), analysis)? {
        let path = drafts.path(&name);
        request.note(&format!(
            "{} was changed by a person and is kept",
            path.display()
        ));
    }
    if let Some(language) = &described {
        let class = Analysed {
            analysis: &found,
            cuts: &cuts,
            transcript: spoken.path.as_deref(),
            language,
            end,
            recording: &recording,
        };
        descriptions::write(request, &mut drafts, &class)?;
    }
    summary.add(&results);
    Ok(())
}

/// Returns the language in which descriptions are drafted: that of the class.
///
/// # Errors
/// Descriptions are wanted, and the language is not known.
fn described_language(
    options: &AnalyseOptions,
    spoken: &Spoken,
    input: &Input,
) -> Result<Option<String>, Error> {
    if !options.descriptions {
        return Ok(None);
    }
    let transcript = spoken.transcript.as_ref();
    let language = options.language.clone();
    let language = language
        .or_else(|| transcript.and_then(|text| text.language.clone()))
        .or_else(|| input.spoken(None).into_iter().next());
    match language {
        Some(language) => Ok(Some(language)),
        None => Err(Error::usage(
            "the language of the descriptions is not known",
            "descriptions=true",
            "name the language of the class, for example language=en",
        )),
    }
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

    /// Returns the language of the slides, as far as it is known.
    fn language(&self, options: &AnalyseOptions) -> String {
        let known = self.known_language(options);
        known.unwrap_or_else(|| USUAL.to_owned())
    }

    /// Returns the language that the user names, else that of the transcript.
    fn known_language(&self, options: &AnalyseOptions) -> Option<String> {
        let transcript = self.transcript.as_ref();
        let spoken = transcript.and_then(|text| text.language.as_deref());
        let tag = options.language.as_deref().or(spoken);
        tag.and_then(language::known)
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
    if input.room.is_some() {
        facts.set("apart", true);
        for (name, value) in SCREENS {
            values.set(name, value);
        }
        values.remove("layout-file");
    }
    facts.set("transcript", spoken.path.is_some());
    DESCRIPTION.pipeline(&facts, &values)
}

/// Reads a draft that a pipeline has written. Returns `None` if it has written none: a recording
/// without video and captions has no draft of chapters.
fn read_draft(path: &Path) -> Result<Option<Document>, Error> {
    let Ok(bytes) = fs::read(path) else {
        return Ok(None);
    };
    let document = webvtt::read(&bytes).map_err(|error| {
        Error::request(error.to_string(), path.display().to_string(), "report this")
    })?;
    Ok(Some(document))
}

/// Writes the recording's fingerprint into a draft.
fn stamp(path: &Path, recording: &str) -> Result<(), Error> {
    let Some(mut document) = read_draft(path)? else {
        return Ok(());
    };
    let review = Review {
        status: Status::Draft,
        input: Some(recording.to_string()),
        ..Review::default()
    };
    document.set_review(&review);
    fs::write(path, document.to_string()).map_err(|error| Error::writing(path, &error))
}
