// SPDX-License-Identifier: MPL-2.0

//! `package`: a recording and its drafts become a package.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gstlecture::package::chapters::{self, Chapter, Image, Mark};
use gstlecture::package::coding::Codecs;
use gstlecture::package::cost::{Cost, Pricing};
use gstlecture::package::ladder::Ladder;
use gstlecture::package::manifest::{Completion, MadeFrom, Manifest, ReviewEntry, SpanEntry};
use gstlecture::package::text::TextRole;
use gstlecture::package::{names, playlist};
use gstlecture::timeline::trim_file::TrimFile;
use gstlecture::timeline::{Content, CutList, FrameRate, Moved, Redaction, Span, Time, touches};
use gstlecture::webvtt::{self, Cue, Review, Status};
use once_cell::sync::Lazy;
use serde_json::{Value, json};

use super::republish::Republish;
use super::{Request, Summary, absolute, facts, fingerprint};
use crate::description::{Description, Pipeline};
use crate::drafts::{ANALYSIS, CHAPTERS, CONTENT, Drafts, TRIM};
use crate::error::Error;
use crate::fingerprint::of_bytes;
use crate::folder::{self, ClassFolder};
use crate::loudness;
use crate::movie;
use crate::pipeline;
use crate::probe::Input;
use crate::texts::{Described, DraftTexts, GivenTexts};
use crate::thumbnails;
use crate::verify;

pub static DESCRIPTION: Lazy<Description> = Lazy::new(|| {
    Description::read(
        "package",
        include_str!("../../../../pipelines/package.launch"),
    )
});

/// What is left of a chapter below this length belongs to its neighbour.
const SHORTEST_CHAPTER: Time = Time::from_secs(5);

/// A title may be drawn from what is said and seen this long after its chapter starts.
const TITLE_DRAWN: Time = Time::from_secs(5);

/// The variables that the media depend on.
const MEDIA_VARIABLES: [&str; 7] = [
    "ladder",
    "codecs",
    "quality",
    "preset",
    "segment-duration",
    "keyframe-interval",
    "video-encoder",
];

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let input = request.recording()?;
    check_values(request)?;
    let given = GivenTexts::read(request, &input)?;
    if request.print {
        let class = absolute(request.value("output"))?;
        let drafts = Drafts::open(class.join("drafts"));
        let mut corrected = Corrected::read(request, &drafts, &input, &fingerprint(&input)?)?;
        corrected.add_given(&given, &drafts);
        let package = class.join("package");
        request.say(&describe(request, &input, &drafts, &corrected, &package));
        return Ok(());
    }
    let folder = ClassFolder::open(request.value("output"))?;
    into(request, &input, &given, &folder, summary)
}

/// Says the line that makes a package with the drafts that an analysis leaves.
pub fn say_with_drafts(request: &Request, input: &Input, given: &GivenTexts) -> Result<(), Error> {
    let class = absolute(request.value("output"))?;
    let drafts = Drafts::open(class.join("drafts"));
    let mut corrected = Corrected {
        has_cuts: true,
        has_chapters: true,
        ..Corrected::nothing()
    };
    corrected.read_texts(&drafts, &fingerprint(input)?)?;
    corrected.add_given(given, &drafts);
    let package = class.join("package");
    request.say(&describe(request, input, &drafts, &corrected, &package));
    Ok(())
}

/// Checks the request's values before anything else is done for them.
pub fn check(request: &Request, input: &Input) -> Result<(), Error> {
    check_values(request)?;
    let drafts = Drafts::open(absolute(request.value("output"))?);
    let nothing = Corrected::nothing();
    let pipeline = describe(request, input, &drafts, &nothing, Path::new("package"));
    pipeline::prepare(&pipeline::make(&pipeline)?)
}

fn check_values(request: &Request) -> Result<(), Error> {
    completion(request)?;
    pricing(request)?;
    loudness::target(request.value("loudness"))?;
    let read = |name: &str, read: Result<(), String>| {
        let given = || format!("{name}={}", request.value(name));
        read.map_err(|wrong| Error::usage(wrong, given(), "see --help"))
    };
    let ladder = request.value("ladder").parse::<Ladder>();
    read(
        "ladder",
        ladder.map(|_| ()).map_err(|error| error.to_string()),
    )?;
    let codecs = request.value("codecs").parse::<Codecs>();
    read(
        "codecs",
        codecs.map(|_| ()).map_err(|error| error.to_string()),
    )?;
    request.is_on("mp4").map(|_| ())
}

/// Makes the package in a folder that this run has locked.
pub fn into(
    request: &Request,
    input: &Input,
    given: &GivenTexts,
    folder: &ClassFolder,
    summary: &mut Summary,
) -> Result<(), Error> {
    let recording = fingerprint(input)?;
    given.import(folder, input)?;
    let drafts = Drafts::open(folder.drafts());
    let mut corrected = Corrected::read(request, &drafts, input, &recording)?;
    let (made_from, each_made_from) = made_from(request, &recording, &corrected);
    for said in corrected.texts.over_cuts(&corrected.cuts, end(input)) {
        request.note(&said);
    }
    for said in corrected.texts.left_out(&corrected.redaction) {
        request.note(&said);
    }
    for said in corrected.hide_titles(&drafts) {
        request.note(&said);
    }
    let mut staging = folder.package_staging()?;
    let package = folder.package();
    let old = folder::manifest(&package);
    let is_same = |old: &&Manifest| old.made_from.as_ref() == Some(&made_from);
    if old.as_ref().filter(is_same).is_none() {
        corrected.level_described(request)?;
    }
    let describe = |to: &Path| describe(request, input, &drafts, &corrected, to);
    request.say(&describe(&package));
    let manifest = if let Some(old) = old.as_ref().filter(is_same) {
        request.note("the media stay as they are: only chapters, texts and manifest are written");
        link(&package, staging.path()).map_err(|error| Error::writing(&package, &error))?;
        Some(old.clone())
    } else if let Some(old) = &old {
        let parts = Republish {
            request,
            input,
            drafts: &drafts,
            corrected: &corrected,
            old: &package,
            staging: staging.path(),
        };
        parts.make(old, &each_made_from, summary)?
    } else {
        None
    };
    let manifest = match manifest {
        Some(manifest) => manifest,
        None => {
            drop(staging);
            staging = folder.package_staging()?;
            let made = pipeline::make(&describe(staging.path()))?;
            request.run("package", &made, input, |_| {})?;
            folder::manifest(staging.path()).ok_or_else(|| {
                Error::request(
                    "catalogsink has left no manifest",
                    staging.path().display().to_string(),
                    "report this",
                )
            })?
        }
    };
    let manifest = Manifest {
        title: Some(title(request, input)),
        completion: Some(completion(request)?),
        made_from: Some(made_from),
        each_made_from: Some(each_made_from),
        ..corrected.complete(manifest)
    };
    let manifest = write_others(request, staging.path(), &corrected, manifest)?;
    verify::rules(staging.path())?;
    request.stop.check()?;
    folder.exchange(staging)?;
    let cost = manifest.cost.as_ref();
    let stored = cost.map_or(manifest.bytes, |cost| cost.stored_bytes);
    request.note(&format!(
        "{}: {} renditions of the picture, {} of the sound, {:.1} MB",
        package.display(),
        manifest.video.len(),
        manifest.audio.len(),
        stored as f64 / 1e6,
    ));
    if let Some(cost) = &manifest.cost {
        request.note(&cost.table());
        summary.insert("cost".into(), json!(cost));
    }
    summary.insert("package".into(), package.display().to_string().into());
    summary.insert("duration".into(), manifest.duration.into());
    summary.insert("bytes".into(), stored.into());
    let is_approved = manifest.review.iter().all(|review| review.approved);
    summary.insert("approved".into(), is_approved.into());
    Ok(())
}

/// The end of the recording, as far as is known.
fn end(input: &Input) -> Time {
    input.duration.unwrap_or(Time::MAX)
}

/// The frame rate of the renditions, where there is a picture: cuts are made between frames.
pub fn frame_rate(input: &Input) -> Option<FrameRate> {
    let (num, den) = input.video.as_ref()?.frame_rate;
    FrameRate::new(num, den)
}

/// The pipeline that writes its package to `folder`.
fn describe(
    request: &Request,
    input: &Input,
    drafts: &Drafts,
    corrected: &Corrected,
    folder: &Path,
) -> Pipeline {
    describe_part(request, input, drafts, corrected, folder, None)
}

/// What of a package's media a pipeline makes.
pub struct Part {
    pub picture: bool,
    pub sound: bool,
    pub descriptions: bool,
    /// The cut list to apply in the place of the draft.
    pub cuts: Option<PathBuf>,
    /// As [`Corrected::slides`].
    pub slides: String,
    /// The length of the whole programme, where it is known.
    pub duration: Option<Time>,
}

/// As [`describe`], of a part of the media alone.
pub fn describe_part(
    request: &Request,
    input: &Input,
    drafts: &Drafts,
    corrected: &Corrected,
    folder: &Path,
    part: Option<&Part>,
) -> Pipeline {
    let mut values = request.values.clone();
    values.set("input", input.path.display().to_string());
    values.set("package", folder.display().to_string());
    values.set("cuts", drafts.path(TRIM).display().to_string());
    values.set("chapters", drafts.path(CHAPTERS).display().to_string());
    if let Some(video) = &input.video {
        let (num, den) = video.frame_rate;
        values.set("frame-rate", format!("{num}/{den}"));
    }
    if !corrected.slides.is_empty() {
        values.set("slides", corrected.slides.clone());
    }
    values.set("ladder", ladder(request, corrected));
    for (n, audio) in input.audio.iter().enumerate() {
        if let Some(title) = &audio.title {
            values.set(format!("label.{n}"), title);
        }
        if let Some(gains) = corrected.gains.get(n) {
            values.set(format!("gains.{n}"), gains);
        }
    }
    for (n, text) in corrected.texts.iter().enumerate() {
        values.set(format!("text.{n}"), text.path.display().to_string());
        values.set(format!("text-language.{n}"), &text.rendition.language);
        let role = match text.rendition.role {
            TextRole::Captions => "captions",
            TextRole::Subtitles => "subtitles",
            TextRole::Descriptions => "descriptions",
        };
        values.set(format!("text-role.{n}"), role);
        if text.rendition.role == TextRole::Descriptions {
            values.set(format!("trim-role.{n}"), "description");
        }
    }
    for (n, described) in corrected.described.iter().enumerate() {
        values.set(
            format!("described.{n}"),
            described.path.display().to_string(),
        );
        values.set(format!("described-language.{n}"), &described.language);
        if let Some(gains) = corrected.described_gains.get(n) {
            values.set(format!("described-gains.{n}"), gains);
        }
    }
    let mut facts = facts(input);
    facts.set("cuts", corrected.has_cuts);
    facts.set("chapters", corrected.has_chapters);
    facts.count("text", corrected.texts.iter().count());
    facts.count("described", corrected.described.len());
    if let Some(part) = part {
        facts.set("recording", part.picture || part.sound);
        for (is_part, words) in [
            (part.picture, &["video"][..]),
            (part.sound, &["audio"]),
            (part.descriptions, &["described"]),
            (false, &["text", "chapters"]),
        ] {
            words
                .iter()
                .filter(|_| !is_part)
                .for_each(|word| facts.set(word, false));
        }
        if let Some(cuts) = &part.cuts {
            values.set("cuts", cuts.display().to_string());
        }
        if part.slides.is_empty() {
            values.remove("slides");
        } else {
            values.set("slides", &part.slides);
        }
        if let Some(duration) = part.duration {
            values.set("duration", duration.secs_f64().to_string());
        }
    }
    DESCRIPTION.pipeline(&facts, &values)
}

/// The drafts as a person left them.
pub struct Corrected {
    has_cuts: bool,
    has_chapters: bool,
    pub trim: TrimFile,
    pub cuts: CutList,
    /// What of what is kept is hidden.
    pub redaction: Redaction,
    /// In the source's time.
    chapters: Vec<Cue>,
    /// When slides change, in the source's time.
    slide_times: Vec<Time>,
    /// The same in seconds of the package, as catalogsink reads it.
    slides: String,
    /// What levels each of the recording's sounds.
    gains: Vec<String>,
    /// The analysis found that a screen is shown.
    is_screen: bool,
    texts: DraftTexts,
    /// Sound with a description of what is seen.
    pub described: Vec<Described>,
    described_gains: Vec<String>,
    review: Vec<ReviewEntry>,
}

impl Corrected {
    fn nothing() -> Self {
        Corrected {
            has_cuts: false,
            has_chapters: false,
            trim: TrimFile::default(),
            cuts: CutList::keep_all(),
            redaction: Redaction::default(),
            chapters: Vec::new(),
            slide_times: Vec::new(),
            slides: String::new(),
            gains: Vec::new(),
            is_screen: false,
            texts: DraftTexts::default(),
            described: Vec::new(),
            described_gains: Vec::new(),
            review: Vec::new(),
        }
    }

    /// Reads the drafts of a recording with this fingerprint; those of another one are refused.
    fn read(
        request: &Request,
        drafts: &Drafts,
        input: &Input,
        recording: &str,
    ) -> Result<Self, Error> {
        let mut corrected = Corrected::nothing();
        for name in [TRIM, CHAPTERS] {
            drafts.check_is_of(name, recording)?;
        }
        if let Some(bytes) = drafts.read(TRIM)? {
            let trim = TrimFile::read(&bytes, input.promised)
                .map_err(|problems| malformed(drafts, TRIM, &problems))?;
            corrected.cuts = trim.cut_list(input.promised);
            if let Some(rate) = frame_rate(input) {
                corrected.cuts = corrected.cuts.aligned(rate);
            }
            corrected.redaction = trim.redaction().within(&corrected.cuts);
            corrected.has_cuts = true;
            corrected.add_review(TRIM, trim.review.clone());
            corrected.trim = trim;
        }
        if let Some(bytes) = drafts.read(CHAPTERS)? {
            let document =
                webvtt::read(&bytes).map_err(|error| malformed(drafts, CHAPTERS, &[error]))?;
            let mut problems = document.problems.clone();
            problems.extend(webvtt::chapters::check(&document));
            if !problems.is_empty() {
                return Err(malformed(drafts, CHAPTERS, &problems));
            }
            let review = document
                .review()
                .map_err(|problem| malformed(drafts, CHAPTERS, &[problem]))?;
            corrected.chapters = document.cues().cloned().collect();
            corrected.has_chapters = !corrected.chapters.is_empty();
            corrected.add_review(CHAPTERS, review);
        }
        corrected.read_texts(drafts, recording)?;
        let analysis: Value =
            serde_json::from_slice(&drafts.read(ANALYSIS)?.unwrap_or_default()).unwrap_or_default();
        if analysis["input"]["fingerprint"] == json!(recording) {
            corrected.slide_times = slides(&analysis);
            corrected.slides = corrected.slides_in(&corrected.cuts);
            corrected.is_screen = analysis[CONTENT] == "screen";
            if let Some(target) = loudness::target(request.value("loudness"))? {
                let (cuts, redaction) = (&corrected.cuts, &corrected.redaction);
                corrected.gains = loudness::gains(&analysis, cuts, redaction, target);
            }
        }
        Ok(corrected)
    }

    fn read_texts(&mut self, drafts: &Drafts, recording: &str) -> Result<(), Error> {
        self.texts = DraftTexts::read(drafts, recording)?;
        self.described = Described::of(drafts, recording)?;
        let reviews: Vec<(String, Review)> = self
            .texts
            .iter()
            .map(|text| (text.name.clone(), text.review.clone()))
            .collect();
        for (name, review) in reviews {
            self.add_review(&name, Some(review));
        }
        Ok(())
    }

    /// Finds out what levels the sound with a description of what is seen.
    fn level_described(&mut self, request: &Request) -> Result<(), Error> {
        let Some(target) = loudness::target(request.value("loudness"))? else {
            return Ok(());
        };
        let gains = self.described.iter().map(|described| {
            let phrases = loudness::of_file(&described.path, &request.stop)?;
            let (cuts, redaction) = (&self.cuts, &self.redaction);
            Ok(loudness::gain_of_whole(phrases, cuts, redaction, target))
        });
        self.described_gains = gains.collect::<Result<_, Error>>()?;
        Ok(())
    }

    /// Adds what was given as if it were imported.
    fn add_given(&mut self, given: &GivenTexts, drafts: &Drafts) {
        self.texts.add_given(given, drafts);
        for described in &given.described {
            self.described
                .retain(|old| old.language != described.language);
            self.described.push(described.clone());
        }
    }

    fn add_review(&mut self, name: &str, review: Option<Review>) {
        let review = review.unwrap_or_default();
        self.review.push(ReviewEntry {
            file: name.into(),
            approved: review.status == Status::Approved,
            by: review.by,
        });
    }

    /// Whether there are chapters in the package.
    pub fn has_chapters(&self) -> bool {
        !self.marks().is_empty()
    }

    /// When slides change in what is kept, as catalogsink reads it.
    pub fn slides_in(&self, cuts: &CutList) -> String {
        let times = self.slide_times.iter().map(|&time| cuts.to_output(time));
        let times: Vec<String> = times
            .filter_map(Moved::kept)
            .map(|time| format!("{:.3}", time.secs_f64()))
            .collect();
        times.join(",")
    }

    /// Adds what the drafts say to what the media say.
    fn complete(&self, manifest: Manifest) -> Manifest {
        let end = self.cuts.to_source(Time::from_secs_f64(manifest.duration));
        // Where the recording's length is unknown the last span ends where the package ends.
        let kept = self
            .cuts
            .kept()
            .map(|span| SpanEntry::from(Span::new(span.start, span.end.min(end))));
        let (captions, descriptions) = self.texts.entries();
        Manifest {
            captions,
            descriptions,
            kept: Some(kept.collect()),
            review: self.review.clone(),
            ..manifest
        }
    }

    /// Leaves out titles that may hold something of what is cut, muted or covered, unless a person
    /// has approved them; says which.
    fn hide_titles(&mut self, drafts: &Drafts) -> Vec<String> {
        let path = drafts.path(CHAPTERS);
        let mut reviews = self.review.iter();
        let is_approved = reviews.any(|review| review.file == CHAPTERS && review.approved);
        let said = self.texts.said(&self.cuts, &self.redaction);
        let hidden = self.redaction.silent(Content::Description);
        let mut notes = Vec::new();
        for chapter in &mut self.chapters {
            let start = chapter.span.start;
            let drawn = Span::new(start, start.saturating_add(TITLE_DRAWN));
            let what = match said.reveals(&chapter.plain_text()) {
                Some(word) => {
                    format!("\"{word}\" is said only in what is cut or hidden")
                }
                None if !is_approved && touches(hidden, drawn) => {
                    "it may be drawn from what is hidden".to_owned()
                }
                None => continue,
            };
            let (path, line) = (path.display(), chapter.line);
            notes.push(if is_approved {
                format!("{path}: line {line}: {what}; the title stays, since it is approved")
            } else {
                chapter.text.clear();
                format!(
                    "{path}: line {line}: {what}; the title is left out, approve the file to keep \
                     what it says"
                )
            });
        }
        notes
    }

    /// The chapters in the package's time.
    fn marks(&self) -> Vec<Mark> {
        webvtt::chapters::retime(&self.chapters, &self.cuts, SHORTEST_CHAPTER)
            .into_iter()
            .enumerate()
            .map(|(index, chapter)| Mark {
                start: chapter.span.start,
                end: Some(chapter.span.end),
                title: match chapter.plain_text() {
                    title if title.trim().is_empty() => format!("Chapter {}", index + 1),
                    title => title,
                },
            })
            .collect()
    }
}

/// Every problem says its line and what to do.
fn malformed<P: std::fmt::Display>(drafts: &Drafts, name: &str, problems: &[P]) -> Error {
    let problems: Vec<String> = problems.iter().map(P::to_string).collect();
    Error::request(
        format!("{}: {}", drafts.path(name).display(), problems.join("; ")),
        "",
        "",
    )
}

/// The ladder that is asked for, or that fits what is shown.
fn ladder<'a>(request: &'a Request, corrected: &Corrected) -> &'a str {
    match request.value("ladder") {
        "auto" if corrected.is_screen => "screen",
        asked => asked,
    }
}

/// When slides change by the analysis.
fn slides(analysis: &Value) -> Vec<Time> {
    let slides = analysis["slides"].as_array().into_iter().flatten();
    slides
        .filter_map(|slide| slide["time"].as_f64())
        .map(Time::from_secs_f64)
        .collect()
}

/// Tells whether media can be used again: it changes with everything that they are made from.
fn made_from(request: &Request, recording: &str, corrected: &Corrected) -> (String, MadeFrom) {
    let settings: Vec<_> = MEDIA_VARIABLES
        .iter()
        .map(|name| request.values.get(name))
        .collect();
    let described = corrected.described.iter();
    let described: Vec<_> = described
        .map(|described| (&described.language, &described.fingerprint))
        .collect();
    let nanos = |span: &Span| (span.start.nanos(), span.end.nanos());
    let silent = |content| -> Vec<(u64, u64)> {
        corrected
            .redaction
            .silent(content)
            .iter()
            .map(nanos)
            .collect()
    };
    let covered = corrected.redaction.covered().iter();
    let covered: Vec<_> = covered
        .map(|cover| (nanos(&cover.span), cover.card))
        .collect();
    let slides = corrected.slide_times.iter();
    let slides: Vec<u64> = slides.map(|time| time.nanos()).collect();
    let of = |what: Value| {
        let version = env!("CARGO_PKG_VERSION");
        let all = json!([version, settings, corrected.has_cuts, what]);
        of_bytes(all.to_string().as_bytes())
    };
    let each = MadeFrom {
        picture: of(json!([
            recording,
            slides,
            covered,
            ladder(request, corrected)
        ])),
        sound: of(json!([recording, silent(Content::Main), corrected.gains])),
        descriptions: of(json!([
            described,
            silent(Content::Description),
            request.values.get("loudness"),
        ])),
        cuts: MadeFrom::spans(&corrected.cuts),
    };
    // The multivariant playlist leads to the chapters.
    let all = json!([each, corrected.has_chapters]);
    (of_bytes(all.to_string().as_bytes()), each)
}

fn title(request: &Request, input: &Input) -> String {
    let stem = || input.path.file_stem().unwrap_or_default().to_string_lossy();
    request
        .values
        .get("title")
        .map(String::from)
        .or_else(|| input.title.clone())
        .unwrap_or_else(|| stem().into_owned())
}

fn completion(request: &Request) -> Result<Completion, Error> {
    let name = "completion-threshold";
    let value = request.value(name);
    match value.parse() {
        Ok(threshold) if (0.0..=1.0).contains(&threshold) => Ok(Completion { threshold }),
        _ => Err(Error::usage(
            format!("{value} is no value for {name}"),
            format!("{name}={value}"),
            "write a number from 0 to 1",
        )),
    }
}

fn pricing(request: &Request) -> Result<Pricing, Error> {
    let wrong = |name: &str, write: &str| {
        let value = request.value(name);
        Error::usage(
            format!("{value} is no value for {name}"),
            format!("{name}={value}"),
            write,
        )
    };
    let rate = |name: &str| match request.value(name).parse() {
        Ok(rate) if (0.0..=1e6).contains(&rate) => Ok(rate),
        _ => Err(wrong(name, "write USD for a GB, as in 0.05")),
    };
    let views = request.value("views").parse();
    Ok(Pricing::new(
        views.map_err(|_| wrong("views", "write a whole number"))?,
        rate("storage-rate")?,
        rate("delivery-rate")?,
    ))
}

/// Writes the files that encode nothing: chapters, the movie and the manifest, which is last and
/// returned.
fn write_others(
    request: &Request,
    folder: &Path,
    corrected: &Corrected,
    mut manifest: Manifest,
) -> Result<Manifest, Error> {
    let duration = Time::from_secs_f64(manifest.duration);
    let chapters = chapters::chapters(corrected.marks(), duration);
    // Another package may share the old files: they must not be written into.
    for name in [
        names::CHAPTERS_VTT,
        names::CHAPTERS_JSON,
        names::MOVIE,
        names::MANIFEST,
    ] {
        remove(&folder.join(name))?;
    }
    let write = |name: &str, bytes: Vec<u8>| {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|error| Error::writing(&path, &error))
    };
    let texts = &corrected.texts;
    texts.write(
        folder,
        &corrected.cuts,
        &corrected.redaction,
        &manifest,
        &chapters,
    )?;
    let images = write_pictures(request, folder, &mut manifest, &chapters)?;
    if !chapters.is_empty() {
        let sound = manifest.audio.first();
        let language = sound.map_or(playlist::UNKNOWN_LANGUAGE, |audio| &audio.language);
        write(names::CHAPTERS_VTT, chapters::vtt(&chapters))?;
        write(
            names::CHAPTERS_JSON,
            chapters::json(&chapters, language, &images),
        )?;
    }
    manifest.mp4 = match request.is_on("mp4")? {
        true => Some(movie::write(folder, &manifest, &chapters, &request.stop)?),
        false => None,
    };
    let stored = bytes(folder).map_err(|error| Error::reading(folder, &error))?;
    manifest.cost = Some(Cost::of(&manifest, stored, pricing(request)?));
    write(names::MANIFEST, manifest.to_json())?;
    Ok(manifest)
}

/// The size of all files in a folder.
fn bytes(folder: &Path) -> io::Result<u64> {
    fs::read_dir(folder)?.try_fold(0, |sum, entry| {
        let entry = entry?;
        let metadata = entry.metadata()?;
        let size = match metadata.is_dir() {
            true => bytes(&entry.path())?,
            false => metadata.len(),
        };
        Ok(sum + size)
    })
}

/// Writes the still pictures that the media do not have yet, and those of the chapters in the place
/// of those that are there; returns the latter.
fn write_pictures(
    request: &Request,
    folder: &Path,
    manifest: &mut Manifest,
    chapters: &[Chapter],
) -> Result<Vec<Option<Image>>, Error> {
    if manifest.thumbnails.is_none() {
        manifest.thumbnails = thumbnails::write(folder, manifest, &request.stop)?;
    }
    let images = thumbnails::write_of_chapters(folder, manifest, chapters, &request.stop)?;
    let old = std::mem::take(&mut manifest.chapters);
    manifest.chapters = chapters.iter().map(Into::into).collect();
    for (entry, image) in manifest.chapters.iter_mut().zip(&images) {
        entry.image = image.as_ref().map(|image| image.url.clone());
    }
    let is_used = |image: &String| {
        let sheets = manifest.thumbnails.iter().flat_map(|entry| &entry.sheets);
        let new = manifest.chapters.iter().flat_map(|entry| &entry.image);
        new.chain(sheets).any(|used| used == image)
    };
    for image in old.iter().filter_map(|entry| entry.image.as_ref()) {
        if !is_used(image) {
            remove(&folder.join(image))?;
        }
    }
    Ok(images)
}

fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::writing(path, &error)),
        _ => Ok(()),
    }
}

/// Fills `to` with the files of `from` without copying them.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            link(&entry.path(), &target)?;
        } else {
            link_file(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// The same file under another name.
pub fn link_file(from: &Path, to: &Path) -> io::Result<()> {
    if fs::hard_link(from, to).is_err() {
        // Not every file system has hard links.
        fs::copy(from, to)?;
    }
    Ok(())
}
