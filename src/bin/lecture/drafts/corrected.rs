// SPDX-License-Identifier: MPL-2.0

//! The drafts as a person left them, read for a package.

use gstlecture::package::chapters::Mark;
use gstlecture::package::manifest::{Manifest, ReviewEntry, SpanEntry};
use gstlecture::timeline::trim_file::TrimFile;
use gstlecture::timeline::{Content, CutList, Moved, Redaction, Span, Time, touches};
use gstlecture::webvtt::{self, Cue, Review, Status};
use serde_json::{Value, json};

use super::{ANALYSIS, CHAPTERS, CONTENT, Drafts, TRIM};
use crate::error::Error;
use crate::loudness;
use crate::probe::Input;
use crate::stop::Stop;
use crate::texts::{Described, DraftTexts, GivenTexts};

/// What is left of a chapter below this length belongs to its neighbour.
const SHORTEST_CHAPTER: Time = Time::from_secs(5);

/// A title may be drawn from what is said and seen this long after its chapter starts.
const TITLE_DRAWN: Time = Time::from_secs(5);

/// The drafts as a person left them.
pub struct Corrected {
    pub has_cuts: bool,
    pub has_chapters: bool,
    pub trim: TrimFile,
    pub cuts: CutList,
    /// What of what is kept is hidden.
    pub redaction: Redaction,
    /// In the source's time.
    chapters: Vec<Cue>,
    /// When slides change, in the source's time.
    pub slide_times: Vec<Time>,
    /// The same in seconds of the package, as catalogsink reads it.
    pub slides: String,
    /// What levels each of the recording's sounds.
    pub gains: Vec<String>,
    /// The analysis found that a screen is shown.
    pub is_screen: bool,
    pub texts: DraftTexts,
    /// Sound with a description of what is seen.
    pub described: Vec<Described>,
    pub described_gains: Vec<String>,
    review: Vec<ReviewEntry>,
}

impl Corrected {
    pub fn nothing() -> Self {
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
    /// The sound is levelled to `loudness`, in LUFS.
    pub fn read(
        drafts: &Drafts,
        input: &Input,
        recording: &str,
        loudness: Option<f64>,
    ) -> Result<Self, Error> {
        let mut corrected = Corrected::nothing();
        for name in [TRIM, CHAPTERS] {
            drafts.check_is_of(name, recording)?;
        }
        if let Some(bytes) = drafts.read(TRIM)? {
            let length = input.length(drafts.analysed(recording));
            let trim = TrimFile::read(&bytes, length)
                .map_err(|problems| malformed(drafts, TRIM, &problems))?;
            corrected.cuts = trim.cut_list(length);
            if let Some(rate) = input.frame_rate() {
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
            if let Some(target) = loudness {
                let (cuts, redaction) = (&corrected.cuts, &corrected.redaction);
                corrected.gains = loudness::gains(&analysis, cuts, redaction, target);
            }
        }
        Ok(corrected)
    }

    pub fn read_texts(&mut self, drafts: &Drafts, recording: &str) -> Result<(), Error> {
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

    /// Finds out what levels the sound with a description of what is seen, to `target` LUFS.
    pub fn level_described(&mut self, target: f64, stop: &Stop) -> Result<(), Error> {
        let gains = self.described.iter().map(|described| {
            let phrases = loudness::of_file(&described.path, stop)?;
            let (cuts, redaction) = (&self.cuts, &self.redaction);
            Ok(loudness::gain_of_whole(phrases, cuts, redaction, target))
        });
        self.described_gains = gains.collect::<Result<_, Error>>()?;
        Ok(())
    }

    /// Adds what was given as if it were imported.
    pub fn add_given(&mut self, given: &GivenTexts, drafts: &Drafts) {
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
    pub fn complete(&self, manifest: Manifest) -> Manifest {
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
    pub fn hide_titles(&mut self, drafts: &Drafts) -> Vec<String> {
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
    pub fn marks(&self) -> Vec<Mark> {
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

/// When slides change by the analysis.
fn slides(analysis: &Value) -> Vec<Time> {
    let slides = analysis["slides"].as_array().into_iter().flatten();
    slides
        .filter_map(|slide| slide["time"].as_f64())
        .map(Time::from_secs_f64)
        .collect()
}
