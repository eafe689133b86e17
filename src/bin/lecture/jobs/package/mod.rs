// SPDX-License-Identifier: MPL-2.0

//! `package`: makes a package from a recording and its drafts.

mod describe;
pub mod finish;
mod incremental;
mod making;
mod options;
mod spoken;
pub mod uncut;

use std::path::Path;

use gstlecture::package::cost::Cost;
use gstlecture::package::manifest::{MadeFrom, Manifest, SpokenEntry};
use gstlecture::package::mp4::chunks::SEGMENT_FORMAT;
use gstlecture::timeline::{Content, Span, Time};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

pub use self::describe::DESCRIPTION;
use self::describe::{describe, ladder};
use self::making::Making;
pub use self::options::PackageOptions;
use self::spoken::Spoken;
use super::summary::Summary;
use super::{Request, absolute};
use crate::class::drafts::{Corrected, Drafts};
use crate::class::fingerprint::{of_bytes, of_input};
use crate::class::folder::ClassFolder;
use crate::class::texts::GivenTexts;
use crate::engine::pipeline;
use crate::error::Error;
use crate::media::probe::Input;
use crate::options::Options;
use crate::print::counted;

/// Advice after Ctrl-C.
pub const AGAIN: &str = "run the same command again to resume";

/// Variables on which the media depend.
const MEDIA_VARIABLES: [&str; 8] = [
    "video",
    "ladder",
    "codecs",
    "quality",
    "preset",
    "segment-duration",
    "keyframe-interval",
    "video-encoder",
];

/// Results of `package`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PackageResults {
    /// The folder of the package.
    pub package: String,
    /// Length of the package, in seconds.
    pub duration: f64,
    /// Size of all files, in bytes.
    pub bytes: u64,
    /// Whether a person approved everything in it.
    pub approved: bool,
    /// Number of descriptions that a program has spoken, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spoken: Option<usize>,
    /// Number of descriptions that are too long for their pauses and are not spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extended: Option<usize>,
    /// Estimate of the cost, as in the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, Value>>")]
    pub cost: Option<Cost>,
    /// Segments, if some of them were used again.
    #[serde(flatten)]
    pub reused: Option<ReusedSegments>,
}

/// Video segments of a package, of which some were used again.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ReusedSegments {
    /// Number of video segments.
    pub segments: usize,
    /// Number of video segments taken from the previous package.
    pub segments_reused: usize,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = PackageOptions::parse(&request.values)?;
    let input = options
        .source
        .open_or_sample(options.input.as_deref(), request)?;
    let given = GivenTexts::read(&options.texts, None, &input, &request.stop)?;
    if request.print {
        let class = absolute(&options.output)?;
        let drafts = Drafts::open(class.join("drafts"));
        let loudness = options.loudness.0;
        let mut corrected = Corrected::read(&drafts, &input, &of_input(&input)?, loudness, &given)?;
        corrected.add_given(&given, &drafts);
        let package = class.join("package");
        request.say(&describe(request, &options, &input, &corrected, &package));
        return Ok(());
    }
    check(request, &options, &input)?;
    let folder = ClassFolder::open(&options.output)?;
    make_in(request, &options, &input, &given, &folder, summary)
        .map_err(|error| error.where_stopped("the package is unchanged", "", AGAIN))
}

/// Prints the line that makes a package with the drafts of an analysis. `language` is that of the class.
pub fn say_with_drafts(
    request: &Request,
    options: &PackageOptions,
    language: Option<&str>,
    input: &Input,
    given: &GivenTexts,
) -> Result<(), Error> {
    let class = absolute(&options.output)?;
    let drafts = Drafts::open(class.join("drafts"));
    let mut corrected = Corrected::nothing(&drafts);
    corrected.has_cuts = true;
    corrected.has_chapters = true;
    corrected.read_texts(&drafts, input, &of_input(input)?, language, given)?;
    corrected.add_given(given, &drafts);
    let package = class.join("package");
    request.say(&describe(request, options, input, &corrected, &package));
    Ok(())
}

/// Checks that the elements take the values, before any other work is done.
pub fn check(request: &Request, options: &PackageOptions, input: &Input) -> Result<(), Error> {
    let drafts = Drafts::open(absolute(&options.output)?.join("drafts"));
    let nothing = Corrected::nothing(&drafts);
    let pipeline = describe(request, options, input, &nothing, Path::new("package"));
    pipeline::prepare(&pipeline::make(&pipeline)?)
}

/// Makes the package in a folder that this run has locked.
pub fn make_in(
    request: &Request,
    options: &PackageOptions,
    input: &Input,
    given: &GivenTexts,
    folder: &ClassFolder,
    summary: &mut Summary,
) -> Result<(), Error> {
    let recording = of_input(input)?;
    Drafts::open(folder.drafts()).check_all_are_of(&recording, given)?;
    given.import(folder, input)?;
    let drafts = Drafts::open(folder.drafts());
    let mut corrected = read_corrected(request, options, (input, &recording), &drafts)?;
    let held = folder.drafts_staging()?;
    let source = (input, &*recording);
    let spoken = Spoken::plan(request, options, source, &mut corrected, held.path());
    let (made_from, each_made_from) = made_from(request, options, (input, &recording), &corrected);
    hide_unseen(request, &mut corrected, input, &drafts);
    let making = Making {
        request,
        options,
        input,
        folder,
        corrected,
        held: held.path(),
        spoken,
        made_from,
        each_made_from,
    };
    let (staging, manifest, reused) = making.make()?;
    request.stop.check()?;
    folder.exchange(staging)?;
    report(request, &folder.package(), manifest, reused, summary);
    Ok(())
}

/// Reads what persons decided, without the texts of which nothing would be seen, and prints what is
/// not approved.
fn read_corrected(
    request: &Request,
    options: &PackageOptions,
    (input, recording): (&Input, &str),
    drafts: &Drafts,
) -> Result<Corrected, Error> {
    let loudness = options.loudness.0;
    let mut corrected =
        Corrected::read(drafts, input, recording, loudness, &GivenTexts::default())?;
    request.note_all(corrected.texts.not_approved());
    request.note_all(corrected.summary_notes(drafts));
    let (cuts, redaction) = (&corrected.cuts, &corrected.redaction);
    let removed = corrected.texts.remove_unseen(cuts, redaction, end(input));
    request.note_all(removed);
    Ok(corrected)
}

/// Removes from the texts what cuts and covers hide, and prints what that is.
fn hide_unseen(request: &Request, corrected: &mut Corrected, input: &Input, drafts: &Drafts) {
    request.note_all(corrected.texts.over_cuts(&corrected.cuts, end(input)));
    request.note_all(corrected.texts.left_out(&corrected.redaction));
    request.note_all(corrected.hide_titles(drafts));
}

/// Prints what was made and adds it to the results.
fn report(
    request: &Request,
    package: &Path,
    manifest: Manifest,
    reused: Option<ReusedSegments>,
    summary: &mut Summary,
) {
    let cost = manifest.cost.as_ref();
    let stored = cost.map_or(manifest.bytes, |cost| cost.stored_bytes);
    request.note(&format!(
        "{}: {}, {}, {:.1} MB",
        package.display(),
        counted(manifest.video.len(), "video rendition", "video renditions"),
        counted(manifest.audio.len(), "audio rendition", "audio renditions"),
        stored as f64 / 1e6,
    ));
    if let Some(cost) = cost {
        request.note(&cost.table());
    }
    summary.add(&PackageResults {
        package: package.display().to_string(),
        duration: manifest.duration,
        bytes: stored,
        approved: manifest.review.iter().all(|review| review.approved),
        spoken: count(&manifest, |entry| entry.spoken),
        extended: count(&manifest, |entry| entry.extended.len()),
        cost: manifest.cost,
        reused,
    });
}

/// Returns the sum of a number of spoken descriptions, if there are any.
fn count(manifest: &Manifest, number: impl Fn(&SpokenEntry) -> usize) -> Option<usize> {
    let spoken = &manifest.spoken;
    (!spoken.is_empty()).then(|| spoken.iter().map(number).sum())
}

/// Returns the end of the recording, as far as it is known.
fn end(input: &Input) -> Time {
    input.duration.unwrap_or(Time::MAX)
}

/// Returns a fingerprint of everything that the media are made from: if it is unchanged, they can
/// be reused.
fn made_from(
    request: &Request,
    options: &PackageOptions,
    (input, recording): (&Input, &str),
    corrected: &Corrected,
) -> (String, MadeFrom) {
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
    // The same tracks in another layout are other media.
    let media = match &input.room {
        Some(room) => format!("{recording} {}", of_bytes(room.look())),
        None => recording.to_owned(),
    };
    let of = |what: Value| {
        let version = (env!("CARGO_PKG_VERSION"), SEGMENT_FORMAT);
        let all = json!([version, settings, corrected.has_cuts, what]);
        of_bytes(all.to_string().as_bytes())
    };
    let each = MadeFrom {
        recording: Some(recording.to_owned()),
        picture: of(json!([media, slides, covered, ladder(options, corrected)])),
        sound: of(json!([
            media,
            silent(Content::Main),
            corrected.gains,
            corrected.language
        ])),
        descriptions: of(json!([
            described,
            silent(Content::Description),
            request.values.get("loudness"),
        ])),
        cuts: MadeFrom::spans(&corrected.cuts),
    };
    // The multivariant playlist refers to the chapters.
    let all = json!([each, corrected.has_chapters]);
    (of_bytes(all.to_string().as_bytes()), each)
}
