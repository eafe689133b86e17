// SPDX-License-Identifier: MPL-2.0

//! Captions and descriptions as edited by a person, and the files a package makes of them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gstlecture::captions::Severity;
use gstlecture::edit::{Review, Status};
use gstlecture::language;
use gstlecture::package::chapters::Chapter;
use gstlecture::package::manifest::{CheckEntry, Manifest, TextEntry};
use gstlecture::package::slides::{Slide, SlideTrack};
use gstlecture::package::text::{self, Text, TextRole};
use gstlecture::package::{dash, names, transcript};
use gstlecture::timeline::{Content, CutList, Redaction, Span, Time, touches};
use gstlecture::topics::Said;
use gstlecture::webvtt::{self, Block, Cue, Document, captions};

use super::GivenTexts;
use super::checked::check;
use super::given::warn;
use crate::class::drafts::{Drafts, text_name};
use crate::error::Error;
use crate::fs::files;

/// Folders of a package that contain only texts.
const FOLDERS: [&str; 3] = ["captions", "descriptions", "slides"];
/// Prefix of transcript file names.
const TRANSCRIPT: &str = "transcript.";

/// The texts that have drafts, in the order in which a package lists them.
#[derive(Default)]
pub struct DraftTexts {
    texts: Vec<DraftText>,
    /// Text of the slides.
    slides: Vec<DraftText>,
    /// Spoken languages; empty if one of them is unknown.
    spoken: Vec<String>,
}

pub struct DraftText {
    pub name: String,
    /// Path from which pipelines read it.
    pub path: PathBuf,
    pub rendition: Text,
    pub review: Review,
    /// The text, in the recording's time.
    document: Document,
}

impl DraftTexts {
    /// Reads the drafts of the recording with this fingerprint, whose spoken languages are
    /// `spoken`, and warns about unreadable parts. Drafts of another recording are refused, or left
    /// out if texts given in `anew` replace them.
    pub fn read(
        drafts: &Drafts,
        recording: &str,
        spoken: Vec<String>,
        anew: &GivenTexts,
    ) -> Result<Self, Error> {
        let mut texts = DraftTexts {
            spoken,
            ..DraftTexts::default()
        };
        for (role, language) in drafts.texts()? {
            let name = text_name(role, &language);
            if !drafts.text_is_of(&name, recording, anew)? {
                continue;
            }
            let Some(bytes) = drafts.read(&name)? else {
                continue;
            };
            let path = drafts.path(&name);
            let place = path.display().to_string();
            let document = match role {
                // All its cues may have been deleted.
                TextRole::Slides => webvtt::read(&bytes),
                _ => captions::read(&bytes),
            };
            let document = document
                .map_err(|error| Error::request(error.to_string(), &*place, "correct it"))?;
            let review = document
                .review()
                .map_err(|problem| Error::request(problem.to_string(), &*place, "correct it"))?;
            warn(&path, &document.problems);
            texts.add(role, &language, path, review.unwrap_or_default(), document);
        }
        Ok(texts)
    }

    fn add(
        &mut self,
        role: TextRole,
        language: &str,
        path: PathBuf,
        review: Review,
        document: Document,
    ) {
        let name = text_name(role, language);
        let role = match role {
            TextRole::Captions if self.is_translation(language) => TextRole::Subtitles,
            role => role,
        };
        let texts = match role {
            TextRole::Slides => &mut self.slides,
            _ => &mut self.texts,
        };
        let others: Vec<Text> = texts.iter().map(|text| text.rendition.clone()).collect();
        let rendition = Text::new(role, Some(language.to_owned()), None, &others);
        texts.push(DraftText {
            name,
            path,
            rendition,
            review,
            document,
        });
    }

    /// Returns whether nobody speaks the language, as far as is known. Captions in a spoken
    /// language serve deaf viewers; a translation does not describe other sounds.
    fn is_translation(&self, language: &str) -> bool {
        let mut spoken = self.spoken.iter();
        !self.spoken.is_empty() && !spoken.any(|spoken| language::is_same(spoken, language))
    }

    /// Adds the given texts as if they were imported.
    pub fn add_given(&mut self, given: &GivenTexts, drafts: &Drafts) {
        for text in &given.texts {
            let name = text.draft();
            let path = given.path(&name).map(Path::to_owned);
            let path = path.unwrap_or_else(|| drafts.path(&name));
            match self.texts.iter_mut().find(|other| other.name == name) {
                Some(draft) => draft.path = path,
                None => {
                    let review = Review::default();
                    self.add(text.role, &text.language, path, review, Document::default());
                }
            }
        }
    }

    /// Like [`Corrected::hold`](crate::class::drafts::Corrected::hold), without the parts that
    /// could not be read.
    pub fn hold(&mut self, folder: &Path) -> Result<(), Error> {
        for text in self.texts.iter_mut().chain(&mut self.slides) {
            let path = folder.join(&text.name);
            files::put(&path, text.document.to_string().as_bytes())?;
            text.path = path;
        }
        Ok(())
    }

    /// Iterates over captions and descriptions.
    pub fn iter(&self) -> impl Iterator<Item = &DraftText> {
        self.texts.iter()
    }

    /// Iterates over all texts that a package contains: that of slides only once it is approved.
    pub fn published(&self) -> impl Iterator<Item = &DraftText> {
        self.iter().chain(self.slides())
    }

    fn slides(&self) -> impl Iterator<Item = &DraftText> {
        let slides = self.slides.iter();
        slides.filter(|text| text.review.status == Status::Approved)
    }

    /// Returns a note for each text of slides that is left out because nobody has approved it.
    pub fn not_approved(&self) -> Vec<String> {
        let waiting = self.slides.iter();
        let waiting = waiting.filter(|text| text.review.status != Status::Approved);
        waiting
            .map(|text| {
                let path = text.path.display();
                format!(
                    "{path} is left out: it is not approved; correct and approve it to publish it"
                )
            })
            .collect()
    }

    /// Returns the manifest entries of the text of slides.
    pub fn slide_entries(&self) -> Vec<TextEntry> {
        let entries = self.slides().map(|text| TextEntry {
            approved: Some(true),
            ..TextEntry::from(&text.rendition)
        });
        entries.collect()
    }

    /// Returns the published text of the slides, in the time of a package of this duration.
    pub fn slide_tracks(
        &self,
        cuts: &CutList,
        redaction: &Redaction,
        duration: Time,
    ) -> Vec<SlideTrack> {
        let tracks = self.slides().map(|text| {
            let silent = text.silent(redaction);
            let cues = captions::retime(&text.document, cuts, silent, duration);
            SlideTrack::new(&text.rendition, &cues)
        });
        tracks.collect()
    }

    /// Returns the manifest entries of captions and of descriptions.
    pub fn entries(&self) -> (Vec<TextEntry>, Vec<TextEntry>) {
        let (mut captions, mut descriptions) = TextEntry::of(&self.renditions());
        for entry in captions.iter_mut().chain(&mut descriptions) {
            let draft = self
                .iter()
                .find(|text| Some(text.rendition.file()) == entry.file);
            entry.approved = draft.map(|draft| draft.review.status == Status::Approved);
        }
        (captions, descriptions)
    }

    /// Checks the published part of captions in a spoken language against the rules for prerecorded
    /// captions. `speech` is in the recording's time, if it is known.
    pub fn check(
        &self,
        cuts: &CutList,
        redaction: &Redaction,
        duration: Time,
        speech: Option<&[Span]>,
    ) -> Vec<CheckEntry> {
        let captions = self
            .iter()
            .filter(|text| text.rendition.role == TextRole::Captions);
        let entry = |text: &DraftText| {
            let checked = check(&text.document, cuts, redaction, duration, speech);
            let report = checked.report;
            let mut failed: Vec<String> = report
                .findings
                .iter()
                .filter(|finding| finding.severity == Severity::Fail)
                .map(|finding| finding.rule.to_string())
                .collect();
            failed.sort();
            failed.dedup();
            CheckEntry {
                file: text.name.clone(),
                profile: report.profile,
                with_audio: checked.with_audio,
                fails: report.summary.fails,
                warnings: report.summary.warnings,
                failed,
                coverage: report.summary.coverage,
            }
        };
        captions.map(entry).collect()
    }

    /// Returns the language, the name and the cues, in order of time, of each draft of descriptions.
    pub fn descriptions(&self) -> impl Iterator<Item = (&str, &str, Vec<Cue>)> {
        let texts = self.iter();
        let texts = texts.filter(|text| text.rendition.role == TextRole::Descriptions);
        texts.map(|text| {
            let mut cues: Vec<Cue> = text.document.cues().cloned().collect();
            cues.sort_by_key(|cue| cue.span);
            (&*text.rendition.language, &*text.name, cues)
        })
    }

    fn renditions(&self) -> Vec<Text> {
        self.iter().map(|text| text.rendition.clone()).collect()
    }

    /// Returns warnings for a person to check: the text of a cue over a cut may be what was cut.
    pub fn over_cuts(&self, cuts: &CutList, end: Time) -> Vec<String> {
        let said = |text: &DraftText| {
            let over = captions::over_cuts(&text.document, &cuts.cuts(end));
            let first = over.first()?.line;
            Some(format!(
                "{}: cues that overlap a cut: {}, the first in line {first}; their text may \
                 contain what was cut",
                text.path.display(),
                over.len()
            ))
        };
        self.published().filter_map(said).collect()
    }

    /// Removes the texts of which nothing would be seen in the package, and reports each: a rendition
    /// without cues claims to transcribe what it does not. `end` is that of the recording.
    pub fn remove_unseen(
        &mut self,
        cuts: &CutList,
        redaction: &Redaction,
        end: Time,
    ) -> Vec<String> {
        let whole = cuts.span_to_output(Span::new(Time::ZERO, end));
        let duration = whole.map_or(Time::ZERO, |whole| whole.end);
        let is_seen = |text: &DraftText| {
            let silent = text.silent(redaction);
            let published = captions::retime(&text.document, cuts, silent, duration);
            published.cues().next().is_some()
        };
        let (seen, mut unseen): (Vec<_>, Vec<_>) = std::mem::take(&mut self.texts)
            .into_iter()
            .partition(is_seen);
        self.texts = seen;
        let (seen, slides): (Vec<_>, Vec<_>) = std::mem::take(&mut self.slides)
            .into_iter()
            .partition(is_seen);
        self.slides = seen;
        unseen.extend(slides);
        let report = |text: DraftText| {
            format!(
                "warning: {} is left out: none of its cues lies in what is published",
                text.path.display()
            )
        };
        // A draft without cues may state that nothing needs a description.
        let unseen = unseen.into_iter();
        let unseen = unseen.filter(|text: &DraftText| text.document.cues().next().is_some());
        unseen.map(report).collect()
    }

    /// Returns warnings about cues that are not published although they are not cut.
    pub fn left_out(&self, redaction: &Redaction) -> Vec<String> {
        let said = |text: &DraftText| {
            let silent = text.silent(redaction);
            let mut cues = text.document.cues();
            let first = cues.find(|cue| touches(silent, cue.span))?.line;
            let more = cues.filter(|cue| touches(silent, cue.span)).count();
            Some(format!(
                "{}: cues left out because they touch a hidden passage: {}, the first in line {first}",
                text.path.display(),
                more + 1
            ))
        };
        self.published().filter_map(said).collect()
    }

    /// Collects the words said in the published part, and those said only elsewhere.
    pub fn said(&self, cuts: &CutList, redaction: &Redaction) -> Said {
        let mut said = Said::default();
        for text in self.iter() {
            let silent = text.silent(redaction);
            let cues = text.document.cues().map(|cue| {
                let is_left_out =
                    touches(silent, cue.span) || cuts.span_to_output(cue.span).is_none();
                // Includes the tags, which name the speakers.
                (&cue.text, !is_left_out)
            });
            said.add(&text.rendition.language, cues);
        }
        said
    }

    /// Writes the texts of the package in `folder`, replacing the current ones, and lists them in
    /// its multivariant playlist and DASH manifest. Unchanged files are not touched.
    pub fn write(
        &self,
        folder: &Path,
        cuts: &CutList,
        redaction: &Redaction,
        manifest: &Manifest,
        chapters: &[Chapter],
    ) -> Result<(), Error> {
        let video = manifest.video.first().map(|video| &video.media);
        let media = video.or(manifest.audio.first().map(|audio| &audio.media));
        let playlist = media.map_or(names::MULTIVARIANT, |media| &media.playlist);
        let grid = text::grid(&read(folder, playlist)?).ok_or_else(|| unknown(folder, playlist))?;
        let duration = Time::from_secs_f64(manifest.duration);
        let title = manifest.title.as_deref().unwrap_or_default();
        let mut written = BTreeMap::new();
        let said = self.said(cuts, redaction);
        let slides = self.slide_tracks(cuts, redaction, duration);
        for text in self.published() {
            let silent = text.silent(redaction);
            let mut cues = captions::retime(&text.document, cuts, silent, duration);
            cues.blocks
                .retain(|block| said.reveals(&names(block)).is_none());
            written.extend(text.rendition.files(&cues, &grid));
            let is_spoken = text.rendition.is_rendition();
            // Captions come first: their page has the text of the slides, too.
            if let Some(path) = text.rendition.transcript()
                && !written.contains_key(&path)
            {
                let material = transcript::Material {
                    captions: is_spoken.then_some(&cues),
                    chapters,
                    slides: slides_of(&slides, &text.rendition.language),
                    summary: manifest.summary.as_ref(),
                };
                let page = transcript::html(title, &text.rendition, material);
                written.insert(path, page.into_bytes());
            }
        }
        type Relist = fn(&[u8], &[Text]) -> Option<Vec<u8>>;
        let lists = [
            (Some(names::MULTIVARIANT), text::relist as Relist),
            (manifest.dash.as_deref(), dash::relist),
        ];
        for (name, relist) in lists {
            let Some(name) = name else { continue };
            let listed = relist(&read(folder, name)?, &self.renditions());
            written.insert(name.into(), listed.ok_or_else(|| unknown(folder, name))?);
        }
        clean(folder, folder, &|path| !written.contains_key(path))
            .map_err(|error| Error::writing(folder, &error))?;
        for (path, bytes) in &written {
            files::put(&folder.join(path), bytes)?;
        }
        Ok(())
    }
}

/// Returns the text of the slides in this language, else in the first one.
fn slides_of<'a>(tracks: &'a [SlideTrack], language: &str) -> &'a [Slide] {
    let same = |track: &&SlideTrack| language::is_same(&track.language, language);
    let track = tracks.iter().find(same).or(tracks.first());
    track.map(|track| &*track.slides).unwrap_or_default()
}

/// Returns the names in a block that is not a cue: speakers of a style, the region itself.
fn names(block: &Block) -> String {
    match block {
        Block::Style { css, .. } => {
            let rules = css.split('}');
            let selectors = rules.filter_map(|rule| rule.split('{').next());
            selectors.collect::<Vec<_>>().join(" ")
        }
        Block::Region { settings, .. } => {
            let mut settings = settings.split_ascii_whitespace();
            let id = settings.find_map(|setting| setting.strip_prefix("id:"));
            id.unwrap_or_default().to_owned()
        }
        Block::Cue(_) | Block::Note { .. } => String::new(),
    }
}

impl DraftText {
    /// Returns the spans in which none of its text is published.
    fn silent<'a>(&self, redaction: &'a Redaction) -> &'a [Span] {
        redaction.silent(match self.rendition.role {
            TextRole::Captions | TextRole::Subtitles => Content::Main,
            // Both tell what is seen.
            TextRole::Descriptions | TextRole::Slides => Content::Description,
        })
    }
}

fn read(folder: &Path, name: &str) -> Result<Vec<u8>, Error> {
    let path = folder.join(name);
    fs::read(&path).map_err(|error| Error::reading(&path, &error))
}

fn unknown(folder: &Path, name: &str) -> Error {
    let place = folder.join(name).display().to_string();
    Error::request(
        "this program did not write the file",
        place,
        "remove the package",
    )
}

/// Removes the `stale` texts below `root`, and folders that are then empty.
fn clean(root: &Path, folder: &Path, stale: &impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy();
        let is_text = FOLDERS
            .iter()
            .any(|folder| name.split('/').next() == Some(folder));
        if path.is_dir() && is_text {
            clean(root, &path, stale)?;
            // Succeeds only if the folder is empty.
            let _ = fs::remove_dir(&path);
        } else if (is_text || name.starts_with(TRANSCRIPT)) && stale(&name) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
