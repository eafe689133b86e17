// SPDX-License-Identifier: MPL-2.0

//! The drafts as the page shows them, and as it saves them.
//!
//! A draft has a version, the fingerprint of its bytes. Whoever saves names the version that the
//! change is based on: if another one is on the disk, nothing is written and both are shown.

use std::fs;

use gstlecture::captions::draft::{Options, Transcript, draft};
use gstlecture::edit::passages::{self, Passage, passages, with_passages};
use gstlecture::edit::trim_file::{TrimFile, TrimFileError};
use gstlecture::edit::{CaptionText, Review, Status, rewrite};
use gstlecture::package::text::TextRole;
use gstlecture::timeline::{Span, Time};
use gstlecture::webvtt::{self, Cue, Document, Problem, ProblemKind, captions};
use serde::{Deserialize, Serialize};

use super::class::Class;
use crate::class::drafts::{CHAPTERS, TRIM, text_name};
use crate::class::fingerprint::of_bytes;
use crate::error::Error;
use crate::fs::AtomicFile;

/// Longest name of a person, in characters.
const LONGEST_NAME: usize = 200;

/// The kind of a draft.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Trim,
    Chapters,
    Captions,
    Descriptions,
    Slides,
}

/// A draft that waits for an approval.
#[derive(Serialize)]
pub struct Waiting {
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
}

/// A draft as the page shows it. Times are in milliseconds of the recording.
#[derive(Serialize)]
pub struct Shown {
    file: String,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    version: String,
    approved: bool,
    by: Option<String>,
    on: Option<String>,
    signed: Vec<String>,
    /// Reasons why it cannot be edited here.
    problems: Vec<String>,
    content: Content,
}

/// The content of a draft.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Content {
    Passages(Vec<Passage>),
    Cues(Vec<ShownCue>),
}

/// A cue, or a chapter.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownCue {
    start: u64,
    end: u64,
    #[serde(flatten)]
    text: CaptionText,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    settings: String,
    /// The text as it was written, if it differs from what the page would write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written: Option<String>,
}

/// What the page saves.
#[derive(Deserialize)]
pub struct Change {
    base: String,
    content: Content,
}

/// An approval.
#[derive(Deserialize)]
pub struct Approval {
    base: String,
    by: String,
    /// The date, as YYYY-MM-DD.
    on: String,
    #[serde(default)]
    signed: Vec<String>,
}

/// A reason why nothing was saved.
pub enum Refused {
    /// There is no such draft.
    Unknown,
    /// Another version is on the disk.
    Changed(Box<Shown>),
    /// It would break the rules of the file.
    Wrong(Vec<String>),
    Failed(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused::Failed(error)
    }
}

impl ShownCue {
    fn new(cue: &Cue) -> Self {
        let text = CaptionText::read(&cue.text);
        let written = (text.write(None) != cue.text).then(|| cue.text.clone());
        ShownCue {
            start: cue.span.start.millis(),
            end: cue.span.end.millis(),
            text,
            id: cue.id.clone(),
            settings: cue.settings.clone(),
            written,
        }
    }

    fn cue(&self) -> Cue {
        Cue {
            id: self.id.clone(),
            span: Span::new(Time::from_millis(self.start), Time::from_millis(self.end)),
            settings: self.settings.clone(),
            text: self.text.write(self.written.as_deref()),
            line: 0,
        }
    }
}

/// A draft as it is on the disk.
struct OnDisk {
    kind: Kind,
    language: Option<String>,
    version: String,
    document: Document,
    /// Its cut list, if it is one.
    trim: TrimFile,
    problems: Vec<String>,
}

impl Class {
    /// Returns all drafts, the cut list first.
    pub fn shown(&self) -> Result<Vec<Shown>, Error> {
        let names = self.names()?;
        let shown = names.iter().map(|(name, ..)| {
            self.on_disk(name)
                .map(|found| found.map(|found| self.show(name, found)))
        });
        Ok(shown
            .collect::<Result<Vec<_>, Error>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Returns the names of the drafts that a page may ask for.
    fn names(&self) -> Result<Vec<(String, Kind, Option<String>)>, Error> {
        let mut names = vec![
            (TRIM.to_owned(), Kind::Trim, None),
            (CHAPTERS.to_owned(), Kind::Chapters, None),
        ];
        names.extend(self.drafts().texts()?.into_iter().map(|(role, language)| {
            let kind = match role {
                TextRole::Descriptions => Kind::Descriptions,
                TextRole::Slides => Kind::Slides,
                TextRole::Captions | TextRole::Subtitles => Kind::Captions,
            };
            (text_name(role, &language), kind, Some(language))
        }));
        Ok(names)
    }

    /// Returns the drafts that nobody has approved, and the number of all.
    ///
    /// # Errors
    /// A draft cannot be read, or has to be corrected before it can be shown.
    pub fn waiting(&self) -> Result<(Vec<Waiting>, usize), Error> {
        let (mut waiting, mut count) = (Vec::new(), 0);
        for (name, kind, language) in self.names()? {
            let found = self.on_disk(&name)?;
            let Some(found) = found.filter(|found| !found.version.is_empty()) else {
                continue;
            };
            if let Some(problem) = found.problems.first() {
                let path = self.drafts().path(&name).display().to_string();
                return Err(Error::request(problem.as_str(), path, "correct the file"));
            }
            count += 1;
            let review = found.document.review().ok().flatten().unwrap_or_default();
            if review.status != Status::Approved {
                waiting.push(Waiting { kind, language });
            }
        }
        Ok((waiting, count))
    }

    /// Reads a draft; returns `None` if there is none of this name.
    fn on_disk(&self, name: &str) -> Result<Option<OnDisk>, Error> {
        let names = self.names()?;
        let known = names.into_iter().find(|(known, ..)| known == name);
        let Some((_, kind, language)) = known else {
            return Ok(None);
        };
        let bytes = self.drafts().read(name)?;
        let mut found = OnDisk {
            kind,
            language,
            version: bytes.as_deref().map(of_bytes).unwrap_or_default(),
            document: Document::default(),
            trim: TrimFile::default(),
            problems: Vec::new(),
        };
        let Some(bytes) = bytes else {
            if kind == Kind::Trim {
                found.document = passages::empty();
            }
            return Ok(Some(found));
        };
        let document = match kind {
            Kind::Trim | Kind::Chapters | Kind::Slides => webvtt::read(&bytes),
            Kind::Captions | Kind::Descriptions => captions::read(&bytes),
        };
        match document {
            Ok(document) => found.document = document,
            Err(error) => found.problems.push(error.to_string()),
        }
        if let Err(problem) = found.document.review() {
            found.problems.push(problem.to_string());
        }
        match kind {
            Kind::Trim if found.problems.is_empty() => {
                match TrimFile::read(&bytes, Some(self.duration)) {
                    Ok(trim) => found.trim = trim,
                    Err(errors) => found.problems = strings(&errors),
                }
            }
            Kind::Chapters | Kind::Slides => {
                let problems = found.document.problems.clone();
                found.problems.extend(strings(&problems));
            }
            Kind::Captions | Kind::Descriptions => {
                // Saving would lose what belongs to no cue.
                let problems = found.document.problems.iter();
                let lost: Vec<&Problem> = problems
                    .filter(|problem| {
                        matches!(problem.kind, ProblemKind::Timing(_) | ProblemKind::Stray(_))
                    })
                    .collect();
                found.problems.extend(strings(&lost));
            }
            Kind::Trim => {}
        }
        Ok(Some(found))
    }

    fn show(&self, name: &str, found: OnDisk) -> Shown {
        let review = found.document.review().ok().flatten().unwrap_or_default();
        let content = match found.kind {
            Kind::Trim => Content::Passages(passages(&found.document, &found.trim, self.duration)),
            _ => Content::Cues(found.document.cues().map(ShownCue::new).collect()),
        };
        Shown {
            file: name.to_owned(),
            kind: found.kind,
            language: found.language,
            version: found.version,
            approved: review.status == Status::Approved,
            by: review.by,
            on: review.on,
            signed: review.signed,
            problems: found.problems,
            content,
        }
    }

    /// Saves a change. Whatever it changes is a draft again.
    pub fn save(&self, name: &str, change: &Change) -> Result<Shown, Refused> {
        let found = self.of_version(name, &change.base)?;
        let document = self.changed(&found, &change.content)?;
        if self.is_same(&found, &change.content, &document) {
            return Ok(self.show(name, found));
        }
        let review = found.document.review().ok().flatten().unwrap_or_default();
        let draft = Review {
            input: review.input,
            ..Review::default()
        };
        self.write(name, document, draft)
    }

    /// Returns whether a change, and the document that it makes, change nothing.
    fn is_same(&self, found: &OnDisk, content: &Content, document: &Document) -> bool {
        if let Content::Passages(new) = content {
            // The file may leave out what is kept.
            return *new == passages(&found.document, &found.trim, self.duration);
        }
        let key = |cue: &Cue| {
            let (id, settings, text) = (cue.id.clone(), cue.settings.clone(), cue.text.clone());
            (cue.span, id, settings, text)
        };
        let before = found.document.cues().map(key);
        document.cues().map(key).eq(before)
    }

    /// Approves a draft as it is.
    pub fn approve(&self, name: &str, approval: Approval) -> Result<Shown, Refused> {
        let found = self.of_version(name, &approval.base)?;
        let by = approval.by.trim();
        if by.is_empty() || by.chars().count() > LONGEST_NAME {
            return Err(Refused::Wrong(vec!["Write your name first.".into()]));
        }
        let is_date = |text: &str| {
            let form = text
                .bytes()
                .map(|byte| if byte.is_ascii_digit() { b'0' } else { byte });
            form.eq(*b"0000-00-00")
        };
        let review = found.document.review().ok().flatten().unwrap_or_default();
        let words = approval.signed.into_iter();
        let approved = Review {
            status: Status::Approved,
            by: Some(by.to_owned()),
            signed: words.filter(|word| is_word(word)).collect(),
            on: Some(approval.on).filter(|on| is_date(on)),
            input: review.input,
        };
        let document = found.document.clone();
        self.write(name, document, approved)
    }

    /// Reads a draft that can be edited and has this version.
    fn of_version(&self, name: &str, version: &str) -> Result<OnDisk, Refused> {
        let found = self.on_disk(name)?.ok_or(Refused::Unknown)?;
        if found.version != version {
            return Err(Refused::Changed(Box::new(self.show(name, found))));
        }
        match found.problems.is_empty() {
            true => Ok(found),
            false => Err(Refused::Wrong(found.problems)),
        }
    }

    /// Returns a draft with other content, if that keeps the rules.
    fn changed(&self, found: &OnDisk, content: &Content) -> Result<Document, Refused> {
        let document = match (found.kind, content) {
            (Kind::Trim, Content::Passages(passages)) => {
                with_passages(&found.document, passages, self.duration)
            }
            (
                Kind::Chapters | Kind::Captions | Kind::Descriptions | Kind::Slides,
                Content::Cues(cues),
            ) => rewrite(&found.document, cues.iter().map(ShownCue::cue).collect()),
            _ => return Err(Refused::Unknown),
        };
        let problems = match found.kind {
            Kind::Trim => {
                let text = document.to_string();
                let read = TrimFile::read(text.as_bytes(), Some(self.duration));
                read.err().map(|errors| strings::<TrimFileError>(&errors))
            }
            Kind::Chapters => Some(strings(&webvtt::chapters::check(&document))),
            Kind::Captions | Kind::Descriptions | Kind::Slides => None,
        };
        match problems.unwrap_or_default() {
            problems if problems.is_empty() => Ok(document),
            problems => Err(Refused::Wrong(problems)),
        }
    }

    fn write(&self, name: &str, mut document: Document, review: Review) -> Result<Shown, Refused> {
        let recording = self.recording.as_ref();
        document.set_review(&Review {
            input: review
                .input
                .or_else(|| Some(recording?.fingerprint.clone())),
            ..review
        });
        fs::create_dir_all(&self.folder).map_err(|error| Error::writing(&self.folder, &error))?;
        AtomicFile::write(&self.folder.join(name), document.to_string())?;
        let found = self.on_disk(name)?.ok_or(Refused::Unknown)?;
        Ok(self.show(name, found))
    }

    /// Returns captions moved to the speech and divided at the ends of clauses, every word kept;
    /// nothing is saved. Returns `None` if there are no words.
    pub fn divided(&self, name: &str) -> Result<Option<Vec<ShownCue>>, Error> {
        let Some((document, _)) = self.captions(name)? else {
            return Ok(None);
        };
        let text = document.to_string();
        let Ok(transcript) = Transcript::read(text.as_bytes(), None) else {
            return Ok(None);
        };
        let speech = self.analysis.speech.as_deref();
        let made = draft(&transcript, speech, Options::default());
        Ok(Some(made.cues.iter().map(ShownCue::new).collect()))
    }

    /// Returns the cues of captions as they are on the disk, and the cut list.
    pub fn captions(&self, name: &str) -> Result<Option<(Document, TrimFile)>, Error> {
        let trim = self.on_disk(TRIM)?.map(|found| found.trim);
        let found = self
            .on_disk(name)?
            .filter(|found| found.kind == Kind::Captions);
        Ok(found.map(|found| (found.document, trim.unwrap_or_default())))
    }
}

/// Whether a word may stand in a list of signed words.
fn is_word(word: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    !word.is_empty() && word.bytes().all(is_letter)
}

fn strings<P: ToString>(problems: &[P]) -> Vec<String> {
    problems.iter().map(P::to_string).collect()
}
