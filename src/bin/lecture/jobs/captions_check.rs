// SPDX-License-Identifier: MPL-2.0

//! `captions-check`: checks captions against the standard for prerecorded captions.

use std::path::Path;

use gstlecture::captions::Profile;
use gstlecture::timeline::Time;
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
use crate::options::{FromText, Options, Wrong, options};
use crate::print;
use crate::print::counted;

pub static DESCRIPTION: Lazy<Description> =
    Lazy::new(|| Description::read(include_str!("../../../../pipelines/captions-check.launch")));

options! {
    /// Variables of `captions-check`.
    pub struct CaptionsCheckOptions {
        /// WebVTT or SRT captions
        "captions" (required) => captions: String,
        /// the recording; without it only the cues themselves are checked
        "input" (optional) => input: Option<String>,
        /// limits of the rules: wcag, dcmp, bbc, netflix-en, or a JSON file with limits of your own
        "profile" (default "wcag") => profile: Limits,
        /// file for the findings: WebVTT for a caption editor if its name ends in .vtt, else JSON
        "report" (optional),
        /// language of the captions as a BCP 47 tag; tells the encoding of files that are not in UTF-8
        "language" (optional) => language: Option<String>,
    }
    groups { recording: RecordingOptions }
}

/// The limits of the rules.
#[derive(Debug)]
pub enum Limits {
    /// A built-in profile; the element takes its name.
    BuiltIn,
    /// The path of a file.
    File(String),
}

impl FromText for Limits {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match Profile::named(text) {
            Some(_) => Ok(Limits::BuiltIn),
            None if Path::new(text).is_file() => Ok(Limits::File(text.to_owned())),
            None => Err(Wrong::Form(
                "write wcag, dcmp, bbc, netflix-en or the path of a JSON file",
            )),
        }
    }
}

/// Results of `captions-check`. Times are in seconds. What was not measured is absent.
#[derive(Default, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CaptionsCheckResults {
    /// Name of the profile.
    pub profile: String,
    /// Number of cues.
    pub cues: u32,
    /// Number of findings that make the captions unfit to be published.
    pub fails: u32,
    /// Number of findings that a person should look at.
    pub warnings: u32,
    /// Share of the speech under a cue, 0 to 1.
    pub coverage: Option<f64>,
    /// Longest speech without a cue.
    pub longest_uncaptioned: Option<f64>,
    /// Time by which the cues are late; negative if they are early.
    pub offset: Option<f64>,
    /// Error of the offset.
    pub offset_error: Option<f64>,
    /// Parts per million by which the cues become later.
    pub drift_ppm: Option<f64>,
    /// Error of the drift.
    pub drift_error_ppm: Option<f64>,
    /// Broken rules in order of time.
    pub findings: Vec<FoundCaption>,
}

/// A broken rule.
#[derive(Serialize, JsonSchema)]
pub struct FoundCaption {
    start: f64,
    end: f64,
    /// Name of the rule.
    rule: String,
    /// fail or warn.
    severity: String,
    /// Origin of the rule: wcag or profile.
    basis: String,
    /// Number of the cue in the file, from 1; absent for a passage.
    cue: Option<u32>,
    /// Measured value, and the limit.
    text: String,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = CaptionsCheckOptions::parse(&request.values)?;
    let input = options.input.as_deref();
    let input = input
        .map(|input| options.recording.open(input, request))
        .transpose()?;
    let length = input.as_ref().and_then(|input| input.duration);
    let captions = Transcript::read(&options.captions, options.language.as_deref(), length)?;
    let mut facts = input.as_ref().map_or_else(Facts::default, facts);
    let has_audio = input.as_ref().is_some_and(|input| !input.audio.is_empty());
    let is_rewritten = has_audio && facts.is("edits");
    facts.set("edits", is_rewritten);
    let describe = |captions: &Path| {
        let mut values = request.values.clone();
        values.set("captions", captions.display().to_string());
        if let Limits::File(path) = &options.profile {
            values.remove("profile");
            values.set("profile-location", path);
        }
        if let Some(input) = &input {
            set_input(&mut values, input);
        }
        DESCRIPTION.pipeline(&facts, &values)
    };
    request.say(&describe(captions.path()));
    if request.print {
        return Ok(());
    }
    if input.is_some() && !has_audio {
        request.note("the recording has no audio: the rules about speech are not checked");
    }
    // Removed at the end.
    let name = format!("lecture-captions-{}.vtt", std::process::id());
    let copy = AtomicFile::new(&std::env::temp_dir().join(name))?;
    let readable = captions.readable(copy.path())?;
    let made = pipeline::make(&describe(&readable))?;
    let mut results = CaptionsCheckResults::default();
    let on_message = |message: &gst::StructureRef| results.take(message);
    match input.as_ref().filter(|_| has_audio) {
        Some(input) => {
            pipeline::decode_only(&made, "audio/x-raw");
            options
                .recording
                .run(request, "captions-check", &made, input, on_message)?;
        }
        None => {
            let progress = Progress::start("captions-check", None);
            run_to_end(&made, progress, &request.stop, on_message)?;
        }
    }
    report(request, &options, results, summary)
}

fn report(
    request: &Request,
    options: &CaptionsCheckOptions,
    results: CaptionsCheckResults,
    summary: &mut Summary,
) -> Result<(), Error> {
    for finding in &results.findings {
        print::answer(finding.line());
    }
    request.note(&results.numbers(&options.captions));
    summary.add(&results);
    if results.fails == 0 {
        return Ok(());
    }
    let fails = usize::try_from(results.fails).unwrap_or(usize::MAX);
    Err(Error::request(
        format!("the captions fail in {}", counted(fails, "place", "places")),
        options.captions.clone(),
        "each one is listed on its own line",
    ))
}

impl CaptionsCheckResults {
    /// Takes over a message of the element.
    fn take(&mut self, message: &gst::StructureRef) {
        let seconds = |name| Some(Time::from_nanos(message.get(name).ok()?).secs_f64());
        let signed = |name| Some(message.get::<i64>(name).ok()? as f64 / 1e9);
        let text = |name| message.get::<String>(name).unwrap_or_default();
        match message.name().as_str() {
            "captioncheck-finding" => self.findings.push(FoundCaption {
                start: seconds("time").unwrap_or_default(),
                end: seconds("end").unwrap_or_default(),
                rule: text("rule"),
                severity: text("severity"),
                basis: text("basis"),
                cue: message.get("cue").ok(),
                text: text("text"),
            }),
            "captioncheck-summary" => {
                self.profile = text("profile");
                self.cues = message.get("cues").unwrap_or_default();
                self.fails = message.get("fails").unwrap_or_default();
                self.warnings = message.get("warnings").unwrap_or_default();
                self.coverage = message.get("coverage").ok();
                self.longest_uncaptioned = seconds("longest-uncaptioned");
                self.offset = signed("offset");
                self.offset_error = signed("offset-error");
                self.drift_ppm = message.get("drift-ppm").ok();
                self.drift_error_ppm = message.get("drift-error-ppm").ok();
            }
            _ => {}
        }
    }

    /// Returns the numbers on one line.
    fn numbers(&self, captions: &str) -> String {
        let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let mut parts = vec![
            counted(count(self.cues), "cue", "cues"),
            counted(count(self.fails), "fail", "fails"),
            counted(count(self.warnings), "warning", "warnings"),
        ];
        if let Some(coverage) = self.coverage {
            parts.push(format!("{:.1} % of the speech has a cue", coverage * 100.0));
        }
        if let (Some(offset), Some(error)) = (self.offset, self.offset_error) {
            parts.push(format!("offset {offset:+.2} s (± {error:.2})"));
        }
        let drift = self.drift_ppm.zip(self.drift_error_ppm);
        if let Some((drift, error)) = drift.filter(|(drift, error)| drift.abs() > *error) {
            parts.push(format!("drift {drift:+.0} ppm (± {error:.0})"));
        }
        format!("{captions}: {}", parts.join(", "))
    }
}

impl FoundCaption {
    fn line(&self) -> String {
        let time = gstlecture::webvtt::Timestamp(Time::from_secs_f64(self.start));
        let cue = self.cue.map(|cue| format!("cue {cue}: "));
        format!(
            "{time}\t{}\t{}\t{}{}",
            self.severity,
            self.rule,
            cue.unwrap_or_default(),
            self.text
        )
    }
}
