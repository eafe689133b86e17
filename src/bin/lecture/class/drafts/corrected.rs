// SPDX-License-Identifier: MPL-2.0

//! Drafts as edited by a person, read for a package.

use std::fs;
use std::path::{Path, PathBuf};

use gstlecture::edit::summary_file::SummaryFile;
use gstlecture::edit::trim_file::TrimFile;
use gstlecture::edit::{Analysis, Review, Status};
use gstlecture::language;
use gstlecture::package::chapters::Mark;
use gstlecture::package::manifest::{Manifest, ReviewEntry, SpanEntry, SummaryEntry};
use gstlecture::package::standard::{self, Standard};
use gstlecture::timeline::{Content, CutList, Moved, Redaction, Span, Time, touches};
use gstlecture::webvtt::{self, Cue};

use super::{ANALYSIS, CHAPTERS, Drafts, SUMMARY, TRIM};
use crate::class::texts::{Described, DraftTexts, GivenTexts};
use crate::error::Error;
use crate::media::loudness;
use crate::media::probe::Input;
use crate::stop::Stop;

/// Length below which the rest of a chapter is merged into its neighbour.
const SHORTEST_CHAPTER: Time = Time::from_secs(5);

/// Longest time after a chapter's start from which its title may be drawn.
const TITLE_DRAWN: Time = Time::from_secs(5);

/// The cut list as edited by a person.
pub struct Cuts {
    bytes: Vec<u8>,
    trim: TrimFile,
    /// Published spans of the recording, in whole frames.
    pub list: CutList,
}

impl Cuts {
    /// Reads the cut list of the recording with this fingerprint, if there is one. Refuses the cut
    /// list of another recording.
    pub fn read(drafts: &Drafts, input: &Input, recording: &str) -> Result<Option<Self>, Error> {
        drafts.check_is_of(TRIM, recording)?;
        let Some(bytes) = drafts.read(TRIM)? else {
            return Ok(None);
        };
        let length = input.length(drafts.analysed(recording));
        let trim = TrimFile::read(&bytes, length)
            .map_err(|problems| malformed(drafts, TRIM, &problems))?;
        let list = trim.cut_list(length);
        let list = match input.frame_rate() {
            Some(rate) => list.aligned(rate),
            None => list,
        };
        Ok(Some(Cuts { bytes, trim, list }))
    }
}

/// The drafts as edited by a person.
pub struct Corrected {
    /// Folder from which pipelines read the cut list and the chapters.
    folder: PathBuf,
    /// Contents of the drafts that were read.
    files: Vec<(&'static str, Vec<u8>)>,
    pub has_cuts: bool,
    pub has_chapters: bool,
    pub trim: TrimFile,
    pub cuts: CutList,
    /// Hidden passages of the kept part.
    pub redaction: Redaction,
    /// Chapters in the source's time.
    chapters: Vec<Cue>,
    /// Times of the slide changes, in the source's time.
    pub slide_times: Vec<Time>,
    /// Times of the slide changes in seconds of the package, as catalogsink reads them.
    pub slides: String,
    /// Speech in the source's time, if the analysis listened for it.
    pub speech: Option<Vec<Span>>,
    /// Loudness of the first audio stream in LUFS, if it was measured.
    pub loudness: Option<f64>,
    /// Gains that level each audio stream of the recording.
    pub gains: Vec<String>,
    /// Whether the analysis found that a screen is shown.
    pub is_screen: bool,
    /// Spoken language, if the user set it.
    pub language: Option<String>,
    pub texts: DraftTexts,
    /// Audio descriptions: audio that describes what is seen.
    pub described: Vec<Described>,
    pub described_gains: Vec<String>,
    /// The summary, in the source's time.
    summary: SummaryFile,
    review: Vec<ReviewEntry>,
}

impl Corrected {
    pub fn nothing(drafts: &Drafts) -> Self {
        Corrected {
            folder: drafts.path(""),
            files: Vec::new(),
            has_cuts: false,
            has_chapters: false,
            trim: TrimFile::default(),
            cuts: CutList::keep_all(),
            redaction: Redaction::default(),
            chapters: Vec::new(),
            slide_times: Vec::new(),
            slides: String::new(),
            speech: None,
            loudness: None,
            gains: Vec::new(),
            is_screen: false,
            language: None,
            texts: DraftTexts::default(),
            described: Vec::new(),
            described_gains: Vec::new(),
            summary: SummaryFile::default(),
            review: Vec::new(),
        }
    }

    /// Reads the drafts of the recording with this fingerprint and refuses those of another one.
    /// Audio is levelled to `loudness`, in LUFS. Texts of another recording are left out if texts
    /// given in `anew` replace them.
    pub fn read(
        drafts: &Drafts,
        input: &Input,
        recording: &str,
        loudness: Option<f64>,
        anew: &GivenTexts,
    ) -> Result<Self, Error> {
        let mut corrected = Corrected::nothing(drafts);
        drafts.check_is_of(CHAPTERS, recording)?;
        if let Some(Cuts { bytes, trim, list }) = Cuts::read(drafts, input, recording)? {
            corrected.cuts = list;
            corrected.redaction = trim.redaction().within(&corrected.cuts);
            corrected.has_cuts = true;
            corrected.add_review(TRIM, trim.review.clone());
            corrected.trim = trim;
            corrected.files.push((TRIM, bytes));
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
            corrected.files.push((CHAPTERS, bytes));
        }
        if let Some(bytes) = drafts.read(SUMMARY)? {
            drafts.check_is_of(SUMMARY, recording)?;
            corrected.summary =
                SummaryFile::read(&bytes).map_err(|error| malformed(drafts, SUMMARY, &[error]))?;
            if corrected.summary.is_approved() {
                corrected.add_review(SUMMARY, Some(corrected.summary.review.clone()));
            }
        }
        let analysis = Analysis::read(&drafts.read(ANALYSIS)?.unwrap_or_default());
        let analysis = Some(analysis).filter(|analysis| analysis.is_of(recording));
        let language = analysis
            .as_ref()
            .and_then(|found| found.language.as_deref());
        corrected.read_texts(drafts, input, recording, language, anew)?;
        if let Some(analysis) = analysis {
            corrected.loudness = loudness::of_analysis(&analysis);
            if let Some(target) = loudness {
                let (cuts, redaction) = (&corrected.cuts, &corrected.redaction);
                corrected.gains = loudness::gains(&analysis, cuts, redaction, target);
            }
            corrected.slide_times = analysis.slides;
            corrected.speech = analysis.speech;
            corrected.slides = corrected.slides_in(&corrected.cuts);
            corrected.is_screen = analysis.is_screen;
        }
        Ok(corrected)
    }

    /// Copies the drafts that were read into `folder` and makes pipelines read them there, because
    /// a person may save a draft while a job runs.
    pub fn hold(&mut self, folder: &Path) -> Result<(), Error> {
        for (name, bytes) in &self.files {
            let path = folder.join(name);
            fs::write(&path, bytes).map_err(|error| Error::writing(&path, &error))?;
        }
        self.folder = folder.to_owned();
        self.texts.hold(folder)
    }

    /// Returns the path from which pipelines read this draft.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Reads the texts of the recording with this fingerprint; `language` is the spoken language,
    /// if the user set it.
    pub fn read_texts(
        &mut self,
        drafts: &Drafts,
        input: &Input,
        recording: &str,
        language: Option<&str>,
        anew: &GivenTexts,
    ) -> Result<(), Error> {
        self.language = language.map(str::to_owned);
        self.texts = DraftTexts::read(drafts, recording, input.spoken(language), anew)?;
        self.described = Described::of(drafts, recording, anew)?;
        let reviews: Vec<(String, Review)> = self
            .texts
            .published()
            .map(|text| (text.name.clone(), text.review.clone()))
            .collect();
        for (name, review) in reviews {
            self.add_review(&name, Some(review));
        }
        Ok(())
    }

    /// Measures the gains that level the audio descriptions to `target` LUFS.
    pub fn level_described(&mut self, target: f64, stop: &Stop) -> Result<(), Error> {
        let gains = self.described.iter().map(|described| {
            let phrases = loudness::of_file(&described.path, stop)?;
            let (cuts, redaction) = (&self.cuts, &self.redaction);
            Ok(loudness::gain_of_whole(phrases, cuts, redaction, target))
        });
        self.described_gains = gains.collect::<Result<_, Error>>()?;
        Ok(())
    }

    /// Adds the given texts as if they were imported.
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
            signed: review.signed,
            on: review.on,
        });
    }

    /// Returns whether the package has chapters.
    pub fn has_chapters(&self) -> bool {
        !self.marks().is_empty()
    }

    /// Returns the slide changes in the kept part, as catalogsink reads them.
    pub fn slides_in(&self, cuts: &CutList) -> String {
        let times = self.slide_times.iter().map(|&time| cuts.to_output(time));
        let times: Vec<String> = times
            .filter_map(Moved::kept)
            .map(|time| format!("{:.3}", time.secs_f64()))
            .collect();
        times.join(",")
    }

    /// Adds the content of the drafts to a manifest of the media.
    pub fn complete(&self, manifest: Manifest) -> Manifest {
        let end = self.cuts.to_source(Time::from_secs_f64(manifest.duration));
        // If the recording's length is unknown, the last span ends where the package ends.
        let kept = self
            .cuts
            .kept()
            .map(|span| Span::new(span.start, span.end.min(end)))
            // A span may reach past the end of a truncated recording.
            .filter(|span| span.start < span.end)
            .map(SpanEntry::from);
        let (captions, descriptions) = self.texts.entries();
        let duration = Time::from_secs_f64(manifest.duration);
        let speech = self.speech.as_deref();
        let mut manifest = Manifest {
            captions,
            descriptions,
            slides: self.texts.slide_entries(),
            summary: self.published_summary(),
            kept: Some(kept.collect()),
            review: self.review.clone(),
            checked: self
                .texts
                .check(&self.cuts, &self.redaction, duration, speech),
            ..manifest
        };
        for (name, level) in [("A", Standard::A), ("AA", Standard::Aa)] {
            let missing = standard::missing(&manifest, level);
            let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
            // An empty list would read as a statement that the level is met.
            if !missing.is_empty() {
                manifest.missing.insert(name.to_owned(), missing);
            }
        }
        manifest
    }

    /// Returns the summary in the package's time, if it is approved.
    fn published_summary(&self) -> Option<SummaryEntry> {
        let hidden = self.redaction.silent(Content::Description);
        let published = self.summary.published(&self.cuts, hidden);
        let is_published = self.summary.is_approved() && !published.is_empty();
        is_published.then(|| SummaryEntry::from(&published))
    }

    /// Returns notes on the summary: whether it is left out, and words of it that are said only in
    /// what is not published.
    pub fn summary_notes(&self, drafts: &Drafts) -> Vec<String> {
        let path = drafts.path(SUMMARY);
        let path = path.display();
        if self.summary.is_empty() {
            return Vec::new();
        }
        if !self.summary.is_approved() {
            return vec![format!(
                "{path} is left out: it is not approved; correct and approve it to publish it"
            )];
        }
        let said = self.texts.said(&self.cuts, &self.redaction);
        let hidden = self.redaction.silent(Content::Description);
        let published = self.summary.published(&self.cuts, hidden);
        let items = published.summary.iter().chain(&published.key_points);
        let words = items.filter_map(|item| said.reveals(&item.text));
        words
            .map(|word| {
                format!(
                    "warning: {path}: \"{word}\" is said only in cut or hidden passages; it is kept \
                     because the summary is approved"
                )
            })
            .collect()
    }

    /// Returns the language of the class: the user's setting, else the audio's language, else the
    /// language of the only captions.
    pub fn language_of<'a>(&'a self, manifest: &'a Manifest) -> &'a str {
        let sound = manifest.audio.first().map(|audio| &*audio.language);
        let sound = sound.filter(|language| *language != language::UNDETERMINED);
        let mut captions = manifest.captions.iter().map(|text| &*text.language);
        let caption = captions.next();
        let are_one = |first: &&str| captions.all(|other| language::is_same(first, other));
        self.language
            .as_deref()
            .or(sound)
            .or_else(|| caption.filter(are_one))
            .unwrap_or(language::UNDETERMINED)
    }

    /// Removes titles that may reveal something cut, muted or covered, unless a person has approved
    /// them. Returns one note for each.
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
                    format!("\"{word}\" is said only in cut or hidden passages")
                }
                None if !is_approved && touches(hidden, drawn) => {
                    "it may come from a hidden passage".to_owned()
                }
                None => continue,
            };
            let (path, line) = (path.display(), chapter.line);
            notes.push(if is_approved {
                format!("{path}: line {line}: {what}; the title is kept because it is approved")
            } else {
                chapter.text.clear();
                format!(
                    "{path}: line {line}: {what}; the title is left out; to keep it, approve the \
                     file"
                )
            });
        }
        notes
    }

    /// Returns the chapters in the package's time.
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

/// Returns the error for a malformed draft: each problem with its line and what to do.
fn malformed<P: std::fmt::Display>(drafts: &Drafts, name: &str, problems: &[P]) -> Error {
    let problems: Vec<String> = problems.iter().map(P::to_string).collect();
    Error::request(
        format!("{}: {}", drafts.path(name).display(), problems.join("; ")),
        "",
        "",
    )
}

#[cfg(test)]
mod tests {
    use gstlecture::package::programme::Programme;

    use super::*;

    #[test]
    fn what_a_recording_does_not_have_is_not_kept() {
        let span = |start, end| Span::new(Time::from_secs(start), Time::from_secs(end));
        let mut corrected = Corrected::nothing(&Drafts::open(PathBuf::new()));
        corrected.cuts = CutList::new([span(0, 5), span(25, 30), span(40, 60)]).expect("disjoint");
        for (seconds, expected) in [
            (5, vec![(0.0, 5.0)]),
            (7, vec![(0.0, 5.0), (25.0, 27.0)]),
            (30, vec![(0.0, 5.0), (25.0, 30.0), (40.0, 60.0)]),
        ] {
            let media = Manifest::of_media(&Programme::default(), &[], Time::from_secs(seconds));
            let kept = corrected.complete(media).kept.unwrap_or_default();
            let kept: Vec<(f64, f64)> = kept.iter().map(|span| (span.start, span.end)).collect();
            assert_eq!(kept, expected);
        }
    }
}
