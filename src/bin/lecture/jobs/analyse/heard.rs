// SPDX-License-Identifier: MPL-2.0

//! The run of the analysis pipeline, and what came out of it.

use std::fs;
use std::path::Path;

use gst::prelude::*;
use gstlecture::edit::passages;
use gstlecture::edit::trim_file::TrimFile;
use gstlecture::edit::{CONTENT, LANGUAGE};
use gstlecture::record::session::Wanted;
use gstlecture::timeline::{CutList, Time};
use gstlecture::webvtt::Document;
use serde_json::{Map, Value, json};

use super::findings::Findings;
use super::{AnalyseOptions, Spoken, describe, read_draft};
use crate::class::drafts::{CHAPTERS, TRIM};
use crate::engine::memory::PicturesApart;
use crate::engine::pipeline;
use crate::error::Error;
use crate::jobs::{Request, absolute};
use crate::media::loudness::Meters;
use crate::media::own_chapters;
use crate::media::probe::Input;
use crate::media::survey::{self, Seen};

/// Name in the description of the element that analyses the video.
const DETECT: &str = "detect";

/// What came out of the analysis pipeline.
pub struct Heard {
    pub findings: Findings,
    meters: Meters,
    /// Absent if there is no video.
    seen: Option<Seen>,
    /// Length of what the pipeline delivered.
    pub delivered: Time,
    /// Length of the recording, in the time of its cut list.
    length: Option<Time>,
}

impl Heard {
    /// Runs the pipeline, which writes its drafts into `staging`.
    pub fn listen(
        request: &Request,
        options: &AnalyseOptions,
        input: &Input,
        spoken: &Spoken,
        staging: &Path,
    ) -> Result<Self, Error> {
        let made = pipeline::make(&describe(request, input, spoken, staging))?;
        let _apart = PicturesApart::new();
        input.place(&made)?;
        survey::spare(&made, input, &request.stop)?;
        let seen = made
            .by_name(DETECT)
            .and_then(|detect| detect.static_pad("video_sink"));
        let seen = seen.as_ref().map(Seen::watch);
        let meters = Meters::listen(&made, input.audio.len());
        let mut findings = Findings::default();
        let outcome =
            options
                .source
                .recording
                .run(request, "analyse", &made, input, |message| {
                    findings.hear(message);
                })?;
        Ok(Heard {
            length: input.length(findings.length()),
            delivered: outcome.delivered,
            findings,
            meters,
            seen,
        })
    }

    pub fn whole(&self) -> Time {
        self.length.unwrap_or(self.delivered)
    }

    /// Adds what was marked during the class to the draft of the cuts. Returns all cuts.
    pub fn cut(&mut self, wanted: &Wanted, staging: &Path) -> Result<CutList, Error> {
        let (path, whole) = (staging.join(TRIM), self.whole());
        mark_cuts(&path, &mut self.findings, wanted, whole)?;
        let bytes = fs::read(&path).ok();
        let trim = bytes.and_then(|bytes| TrimFile::read(&bytes, self.length).ok());
        Ok(trim.map_or_else(CutList::keep_all, |trim| trim.cut_list(self.length)))
    }

    /// Makes the recording's own chapters the draft, else gives those that were found better titles.
    /// Returns the number of the former.
    pub fn name_chapters(
        &mut self,
        input: &Input,
        cuts: &CutList,
        staging: &Path,
    ) -> Result<usize, Error> {
        let end = input.duration.unwrap_or(self.delivered);
        let own = own_chapters::cues(&own_chapters::find(input), end);
        let path = staging.join(CHAPTERS);
        if own.is_empty() {
            rename_chapters(&path, &mut self.findings, cuts)?;
        } else {
            let document = Document::new(own.iter().cloned());
            fs::write(&path, document.to_string())
                .map_err(|error| Error::writing(&path, &error))?;
        }
        Ok(own.len())
    }

    /// Returns the kind of the video.
    pub fn content(&self, cuts: &CutList) -> Option<&'static str> {
        let is_screen = self.seen.as_ref()?.is_screen(cuts);
        Some(if is_screen { "screen" } else { "camera" })
    }

    /// Returns the fields of `analysis.json`.
    pub fn into_analysis(
        self,
        options: &AnalyseOptions,
        input: &Input,
        recording: &str,
        content: Option<&str>,
    ) -> Result<Map<String, Value>, Error> {
        let mut analysis = Map::new();
        analysis.insert(
            "input".into(),
            json!({
                "path": absolute(&input.path)?,
                "file": input.path.file_name().map(|name| name.to_string_lossy()),
                "fingerprint": recording,
                "bytes": input.size,
                "seconds": self.delivered.secs_f64(),
            }),
        );
        if let Some(language) = &options.language {
            analysis.insert(LANGUAGE.into(), language.clone().into());
        }
        analysis.insert("loudness".into(), self.meters.to_json());
        if let Some(content) = content {
            analysis.insert(CONTENT.into(), content.into());
        }
        analysis.append(&mut self.findings.into_map());
        Ok(analysis)
    }
}

/// Cuts what people did not want to be recorded, in the findings and in their draft.
fn mark_cuts(
    path: &Path,
    findings: &mut Findings,
    wanted: &Wanted,
    end: Time,
) -> Result<(), Error> {
    if wanted.is_everything() {
        return Ok(());
    }
    // A room without audio has no draft of cuts.
    let document = read_draft(path)?.unwrap_or_else(passages::empty);
    let file = TrimFile::read(document.to_string().as_bytes(), Some(end)).unwrap_or_default();
    let found = passages::passages(&document, &file, end);
    let wanted = wanted.apply(found, end);
    findings.set_cuts(&wanted, end);
    let document = passages::with_passages(&document, &wanted, end);
    fs::write(path, document.to_string()).map_err(|error| Error::writing(path, &error))
}

/// Gives chapters that begin in a cut the titles of slides that are not cut.
fn rename_chapters(path: &Path, findings: &mut Findings, cuts: &CutList) -> Result<(), Error> {
    let Some(mut document) = read_draft(path)? else {
        return Ok(());
    };
    findings.rename_chapters(&mut document, cuts);
    fs::write(path, document.to_string()).map_err(|error| Error::writing(path, &error))
}
