// SPDX-License-Identifier: MPL-2.0

//! The class that is reviewed: its folder, its recording, its length.

use std::fs;
use std::path::{Path, PathBuf};

use gstlecture::edit::Analysis;
use gstlecture::timeline::{FrameRate, Time};
use gstlecture::webvtt;

use crate::class::drafts::{ANALYSIS, CHAPTERS, Drafts, TRIM};
use crate::class::fingerprint::of_input;
use crate::class::texts::GivenTexts;
use crate::error::Error;
use crate::jobs::Request;
use crate::jobs::package::PackageOptions;
use crate::media::playable::{self, Playable};
use crate::media::probe::Input;

/// A class under review.
pub struct Class {
    pub name: String,
    pub output: PathBuf,
    pub folder: PathBuf,
    /// The recording; `None` if it is not found.
    pub recording: Option<Recording>,
    /// Length of the recording, as far as it is known.
    pub duration: Time,
    /// What the analysis found.
    pub analysis: Analysis,
}

/// The recording of a class.
pub struct Recording {
    /// The path by which it is packaged.
    pub path: PathBuf,
    pub fingerprint: String,
    pub frame_rate: Option<FrameRate>,
    pub has_audio: bool,
    /// The file that browsers may play.
    pub media: PathBuf,
    pub playable: Playable,
}

impl Class {
    /// Opens the folder of a class and looks for its recording.
    ///
    /// # Errors
    /// The folder has no drafts, or `input=` is not the recording of its drafts.
    pub fn open(request: &Request, options: &PackageOptions) -> Result<Self, Error> {
        let mut class = Class::glance(&options.output)?;
        let drafts = class.drafts();
        let found = find(request, options, &class.analysis, &class.output, &drafts)?;
        let title = options.title.clone();
        let Some((recording, input)) = found else {
            class.name = title.unwrap_or(class.name);
            return Ok(class);
        };
        let length = input.length(drafts.analysed(&recording.fingerprint));
        class.duration = length.or(input.duration).unwrap_or(class.duration);
        class.name = title.or(input.title).unwrap_or(class.name);
        class.recording = Some(recording);
        Ok(class)
    }

    /// Opens the folder of a class without its recording.
    ///
    /// # Errors
    /// The folder has no drafts.
    pub fn glance(output: &Path) -> Result<Self, Error> {
        let output = fs::canonicalize(output).map_err(|error| Error::reading(output, &error))?;
        let drafts = Drafts::open(output.join("drafts"));
        let analysis = Analysis::read(&drafts.read(ANALYSIS)?.unwrap_or_default());
        if drafts.read(TRIM)?.is_none() && drafts.read(CHAPTERS)?.is_none() {
            return Err(Error::request(
                "there are no drafts to review in this folder",
                output.display().to_string(),
                "make them: lecture catalog input=RECORDING output=FOLDER",
            ));
        }
        let file = analysis.recording.file.as_ref().map(Path::new);
        let stem = file.and_then(|file| Some(file.file_stem()?.to_string_lossy().into_owned()));
        let folder = output.file_name().unwrap_or_default().to_string_lossy();
        Ok(Class {
            name: stem.unwrap_or_else(|| folder.into_owned()),
            folder: drafts.path(""),
            duration: analysis.length.unwrap_or_else(|| last(&drafts)),
            output,
            recording: None,
            analysis,
        })
    }

    pub fn drafts(&self) -> Drafts {
        Drafts::open(self.folder.clone())
    }
}

/// Finds the recording: the one that the user names, else the one that was analysed, where it was or
/// beside the folder.
fn find(
    request: &Request,
    options: &PackageOptions,
    analysis: &Analysis,
    output: &Path,
    drafts: &Drafts,
) -> Result<Option<(Recording, Input)>, Error> {
    let open = |path: &Path| {
        let input = options
            .source
            .open_or_sample(Some(&path.to_string_lossy()), request)?;
        let fingerprint = of_input(&input)?;
        drafts.check_all_are_of(&fingerprint, &GivenTexts::default())?;
        let recording = Recording {
            path: path.to_owned(),
            fingerprint,
            frame_rate: input.frame_rate(),
            has_audio: !input.audio.is_empty(),
            media: input.path.clone(),
            playable: playable::of_input(&input),
        };
        Ok::<_, Error>((recording, input))
    };
    if let Some(path) = &options.input {
        return open(Path::new(path)).map(Some);
    }
    let known = &analysis.recording;
    let mut places: Vec<PathBuf> = known.path.iter().cloned().collect();
    if let Some(file) = &known.file {
        let beside = output.ancestors().take(2);
        places.extend(beside.map(|folder| folder.join(file)));
    }
    for place in places.iter().filter(|place| place.is_file()) {
        match open(place) {
            Ok((recording, input)) if analysis.is_of(&recording.fingerprint) => {
                return Ok(Some((recording, input)));
            }
            Ok(_) => {}
            Err(error) => request.note(&format!("warning: {}", error.finding())),
        }
    }
    request.note("warning: the recording is not found: name it with input= to see and hear it");
    Ok(None)
}

/// Returns the end of the last cue of the cut list and the chapters.
fn last(drafts: &Drafts) -> Time {
    let read = |name| webvtt::read(&drafts.read(name).ok()??).ok();
    let documents = [TRIM, CHAPTERS].into_iter().filter_map(read);
    let ends = documents.filter_map(|document| document.cues().map(|cue| cue.span.end).max());
    ends.max().unwrap_or_default()
}
