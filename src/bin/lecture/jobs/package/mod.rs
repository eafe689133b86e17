// SPDX-License-Identifier: MPL-2.0

//! `package`: makes a package from a recording and its drafts.

mod describe;
pub mod finish;
mod incremental;
mod options;
mod spoken;

use std::path::Path;

use gstlecture::package::cost::Cost;
use gstlecture::package::manifest::{Completion, MadeFrom, Manifest, SpokenEntry};
use gstlecture::package::mp4::chunks::SEGMENT_FORMAT;
use gstlecture::timeline::{Content, Span, Time};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

pub use self::describe::DESCRIPTION;
use self::describe::{describe, ladder};
use self::finish::Wanted;
use self::incremental::Republish;
pub use self::options::PackageOptions;
use self::spoken::Spoken;
use super::summary::Summary;
use super::{Request, absolute};
use crate::class::drafts::{Corrected, Drafts};
use crate::class::fingerprint::{of_bytes, of_input};
use crate::class::folder::{self, ClassFolder, Staging};
use crate::class::texts::GivenTexts;
use crate::engine::description::Pipeline;
use crate::engine::pipeline;
use crate::error::Error;
use crate::media::probe::Input;
use crate::media::verify;
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
    let given = GivenTexts::read(&options.texts, None, &input)?;
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
    into(request, &options, &input, &given, &folder, summary)
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
pub fn into(
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
    let mut corrected = Corrected::read(
        &drafts,
        input,
        &recording,
        options.loudness.0,
        &GivenTexts::default(),
    )?;
    for said in corrected.texts.not_approved() {
        request.note(&said);
    }
    for said in corrected.summary_notes(&drafts) {
        request.note(&said);
    }
    let (cuts, redaction) = (&corrected.cuts, &corrected.redaction);
    for said in corrected.texts.remove_unseen(cuts, redaction, end(input)) {
        request.note(&said);
    }
    let held = folder.drafts_staging()?;
    let source = (input, &*recording);
    let spoken = Spoken::plan(request, options, source, &mut corrected, held.path());
    let (made_from, each_made_from) = made_from(request, options, (input, &recording), &corrected);
    for said in corrected.texts.over_cuts(&corrected.cuts, end(input)) {
        request.note(&said);
    }
    for said in corrected.texts.left_out(&corrected.redaction) {
        request.note(&said);
    }
    for said in corrected.hide_titles(&drafts) {
        request.note(&said);
    }
    let package = folder.package();
    let old = folder::manifest(&package);
    let mut making = Making {
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
    if !old.as_ref().is_some_and(|old| making.is_same(old)) {
        making.level()?;
    }
    request.say(&making.describe(&package));
    making.corrected.hold(held.path())?;
    let mut reused = None;
    let again = old.map_or(Ok(None), |old| making.again(old, &mut reused));
    let again = match again {
        Err(why @ Error::Request(_)) => making.in_doubt(&why),
        again => again,
    };
    let (staging, manifest) = match again? {
        Some(made) => made,
        None => {
            reused = None;
            making.anew()?
        }
    };
    request.stop.check()?;
    folder.exchange(staging)?;
    let cost = manifest.cost.as_ref();
    let stored = cost.map_or(manifest.bytes, |cost| cost.stored_bytes);
    request.note(&format!(
        "{}: {}, {}, {:.1} MB",
        package.display(),
        counted(manifest.video.len(), "video rendition", "video renditions"),
        counted(manifest.audio.len(), "audio rendition", "audio renditions"),
        stored as f64 / 1e6,
    ));
    if let Some(cost) = &manifest.cost {
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
    Ok(())
}

/// Returns the sum of a number of spoken descriptions, if there are any.
fn count(manifest: &Manifest, number: impl Fn(&SpokenEntry) -> usize) -> Option<usize> {
    let spoken = &manifest.spoken;
    (!spoken.is_empty()).then(|| spoken.iter().map(number).sum())
}

/// A package in the making.
struct Making<'a> {
    request: &'a Request,
    options: &'a PackageOptions,
    input: &'a Input,
    folder: &'a ClassFolder,
    corrected: Corrected,
    /// Folder of the drafts in use.
    held: &'a Path,
    spoken: Spoken,
    made_from: String,
    each_made_from: MadeFrom,
}

impl Making<'_> {
    /// Returns whether the old package was made from the same input and settings.
    fn is_same(&self, old: &Manifest) -> bool {
        old.made_from.as_ref() == Some(&self.made_from)
    }

    fn describe(&self, folder: &Path) -> Pipeline {
        let (request, options) = (self.request, self.options);
        describe(request, options, self.input, &self.corrected, folder)
    }

    /// Makes the package from the intact parts of the old one. Returns `None` if everything has to
    /// be encoded.
    fn again(
        &self,
        mut old: Manifest,
        reused: &mut Option<ReusedSegments>,
    ) -> Result<Option<(Staging, Manifest)>, Error> {
        let (request, package) = (self.request, self.folder.package());
        match verify::media(&package, &old, &request.stop) {
            Err(Error::Stopped) => return Err(Error::Stopped),
            Err(damage) => return self.in_doubt(&damage),
            Ok(()) => {}
        }
        let staging = self.folder.package_staging()?;
        let media = if self.is_same(&old) {
            request.note("the media stay unchanged: only chapters, texts and manifest are written");
            finish::link(&package, staging.path())
                .map_err(|error| Error::writing(&package, &error))?;
            if let Err(damage) = verify::pictures(&package, &old) {
                let note = format!("the still images are made again: {}", damage.finding());
                request.note(&note);
                old.thumbnails = None;
            }
            old
        } else {
            let parts = Republish {
                request,
                options: self.options,
                input: self.input,
                corrected: &self.corrected,
                old: &package,
                staging: staging.path(),
            };
            match parts.make(&old, &self.each_made_from, reused)? {
                Some(media) => media,
                None => return Ok(None),
            }
        };
        let manifest = self.complete(staging.path(), media)?;
        Ok(Some((staging, manifest)))
    }

    /// Reports why the old package is not used.
    fn in_doubt<T>(&self, why: &Error) -> Result<Option<T>, Error> {
        self.request.note(&format!(
            "the old package cannot be reused, everything is encoded: {}",
            why.finding()
        ));
        Ok(None)
    }

    /// Makes the package with everything encoded.
    fn anew(&mut self) -> Result<(Staging, Manifest), Error> {
        self.level()?;
        let (request, input) = (self.request, self.input);
        let staging = self.folder.package_staging()?;
        let made = pipeline::make(&self.describe(staging.path()))?;
        input.place(&made)?;
        let recording = &self.options.source.recording;
        recording.run(request, "package", &made, input, |_| {})?;
        let media = folder::manifest(staging.path()).ok_or_else(|| {
            Error::request(
                "catalogsink wrote no manifest",
                staging.path().display().to_string(),
                "report this",
            )
        })?;
        let manifest = self.complete(staging.path(), media)?;
        Ok((staging, manifest))
    }

    /// Speaks the descriptions that are texts, and measures all that are encoded, once.
    fn level(&mut self) -> Result<(), Error> {
        let (request, corrected) = (self.request, &mut self.corrected);
        self.spoken
            .make(request, self.options, self.input, corrected, self.held)?;
        let target = self.options.loudness.0;
        match target.filter(|_| self.corrected.described_gains.is_empty()) {
            Some(target) => self.corrected.level_described(target, &self.request.stop),
            None => Ok(()),
        }
    }

    fn completion(&self) -> Completion {
        let threshold = self.options.completion_threshold.0;
        Completion { threshold }
    }

    /// Adds the files that need no encoding to the media, and checks the package against the rules.
    fn complete(&self, staging: &Path, media: Manifest) -> Result<Manifest, Error> {
        let (request, corrected) = (self.request, &self.corrected);
        let mut manifest = Manifest {
            title: Some(title(self.options, self.input)),
            completion: Some(self.completion()),
            made_from: Some(self.made_from.clone()),
            each_made_from: Some(self.each_made_from.clone()),
            ..corrected.complete(media)
        };
        if let Some(spoken) = self.spoken.entries() {
            manifest.spoken = spoken.to_vec();
        }
        let wanted = Wanted {
            mp4: self.options.mp4,
            pricing: self.options.pricing(),
        };
        let manifest = finish::write(staging, corrected, manifest, wanted, &request.stop)?;
        verify::rules(staging)?;
        Ok(manifest)
    }
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

fn title(options: &PackageOptions, input: &Input) -> String {
    let given = options.title.clone().or_else(|| input.title.clone());
    given.unwrap_or_else(|| input.name.clone())
}
