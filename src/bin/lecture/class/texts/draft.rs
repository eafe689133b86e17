// SPDX-License-Identifier: MPL-2.0

//! Captions and descriptions as edited by a person, and the files a package makes of them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gstlecture::edit::{Review, Status};
use gstlecture::language;
use gstlecture::package::chapters::Chapter;
use gstlecture::package::manifest::{Manifest, TextEntry};
use gstlecture::package::text::{self, Text, TextRole};
use gstlecture::package::{dash, names, transcript};
use gstlecture::timeline::{Content, CutList, Redaction, Span, Time, touches};
use gstlecture::topics::Said;
use gstlecture::webvtt::{Block, Document, captions};

use super::GivenTexts;
use super::given::warn;
use crate::class::drafts::{Drafts, text_name};
use crate::error::Error;
use crate::fs::files;

/// Folders of a package that contain only texts.
const FOLDERS: [&str; 2] = ["captions", "descriptions"];
/// Prefix of transcript file names.
const TRANSCRIPT: &str = "transcript.";

/// The texts that have drafts, in the order in which a package lists them.
#[derive(Default)]
pub struct DraftTexts {
    texts: Vec<DraftText>,
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
            let document = captions::read(&bytes)
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
        let rendition = Text::new(role, Some(language.to_owned()), None, &self.renditions());
        self.texts.push(DraftText {
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
        for text in &mut self.texts {
            let path = folder.join(&text.name);
            files::put(&path, text.document.to_string().as_bytes())?;
            text.path = path;
        }
        Ok(())
    }

    pub fn iter(&self) -> impl Iterator<Item = &DraftText> {
        self.texts.iter()
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
        self.iter().filter_map(said).collect()
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
        let (seen, unseen) = std::mem::take(&mut self.texts)
            .into_iter()
            .partition(is_seen);
        self.texts = seen;
        let report = |text: DraftText| {
            format!(
                "warning: {} is left out: none of its cues lies in what is published",
                text.path.display()
            )
        };
        Vec::into_iter(unseen).map(report).collect()
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
        self.iter().filter_map(said).collect()
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
        for text in self.iter() {
            let silent = text.silent(redaction);
            let mut cues = captions::retime(&text.document, cuts, silent, duration);
            cues.blocks
                .retain(|block| said.reveals(&names(block)).is_none());
            written.extend(text.rendition.files(&cues, &grid));
            if let Some(path) = text.rendition.transcript() {
                let page = transcript::html(title, &text.rendition, &cues, chapters);
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
            TextRole::Descriptions => Content::Description,
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
