// SPDX-License-Identifier: MPL-2.0

//! Captions and descriptions given to a job: read before any work is done, imported as drafts.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use gstlecture::edit::Review;
use gstlecture::language;
use gstlecture::package::manifest::Manifest;
use gstlecture::package::text::TextRole;
use gstlecture::timeline::{CutList, Span, Time};
use gstlecture::webvtt::{self, Document, Header, Problem, ReadError, captions};

use super::inside::{self, Inside};
use super::of_tracks;
use crate::class::drafts::{Cuts, Drafts, text_name};
use crate::class::fingerprint::{of_file, of_input};
use crate::class::folder::{self, ClassFolder};
use crate::error::Error;
use crate::media::probe::Input;
use crate::options::{ByLanguage, FromText, Wrong, options};
use crate::print::{self, counted};
use crate::stop::Stop;

options! {
    /// Variables of the texts of a class.
    pub struct TextOptions {
        /// captions as WebVTT or SRT, one file per language, for example captions.en=FILE or
        /// captions.pt-BR=FILE; the file becomes the draft OUT/drafts/captions.<lang>.vtt; without it
        /// the draft is packaged
        "captions.<lang>" (optional) => captions: ByLanguage,
        /// audio description: the whole audio of the class mixed with the description, or WebVTT that
        /// players speak; kept as OUT/drafts/descriptions.<lang>.*; without it the draft is packaged
        "descriptions.<lang>" (optional) => descriptions: ByLanguage,
        /// the time base of captions and WebVTT descriptions: source for the recording, output for the
        /// published package
        "captions-time" (default "source") => time_base: TimeBase,
    }
}

/// The timeline in which texts are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeBase {
    Source,
    Output,
}

impl FromText for TimeBase {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text {
            "source" => Ok(TimeBase::Source),
            "output" => Ok(TimeBase::Output),
            _ => Err(Wrong::Form("write source or output")),
        }
    }
}

/// Number of bytes that are enough to recognise captions.
const HEAD: u64 = 4096;
/// Largest size of a caption file, in bytes.
const LARGEST: u64 = 64 << 20;
/// Largest number of problems reported per file; the others are counted.
const SAID: usize = 10;

/// Files given to a job in addition to the recording.
#[derive(Default)]
pub struct GivenTexts {
    pub texts: Vec<GivenText>,
    pub described: Vec<Described>,
    /// Whether times are those of the published package.
    in_output_time: bool,
    /// Fingerprint of the recording.
    recording: String,
}

/// Captions, or descriptions to be spoken.
pub struct GivenText {
    pub role: TextRole,
    pub language: String,
    path: PathBuf,
    document: Document,
    review: Review,
    /// Whether the file is WebVTT in which nothing was mended: it can be read as it is.
    is_plain: bool,
    /// Whether the recording itself holds it.
    is_inside: bool,
}

/// Audio of the programme with a description of what is seen.
#[derive(Clone)]
pub struct Described {
    pub language: String,
    pub path: PathBuf,
    pub fingerprint: String,
    duration: Option<Time>,
}

impl GivenTexts {
    /// Reads the files that the options name, and warns about anything unusual in them. `language` is
    /// that of the class.
    pub fn read(
        options: &TextOptions,
        language: Option<&str>,
        input: &Input,
        stop: &Stop,
    ) -> Result<Self, Error> {
        let mut given = GivenTexts {
            in_output_time: options.time_base == TimeBase::Output,
            recording: of_input(input)?,
            ..GivenTexts::default()
        };
        let length = input.duration.filter(|_| !given.in_output_time);
        for (language, path) in &options.captions.0 {
            let text = GivenText::read(TextRole::Captions, language, path)?;
            let Some(text) = text else {
                return Err(Error::request(
                    ReadError::NotCaptions.to_string(),
                    path,
                    format!("name the captions: captions.{language}=FILE"),
                ));
            };
            given.add(text, length)?;
        }
        for (language, path) in &options.descriptions.0 {
            match GivenText::read(TextRole::Descriptions, language, path)? {
                Some(text) => given.add(text, length)?,
                None => {
                    let described = Described::read(language, path)?;
                    described.warn(input.duration);
                    given.described.push(described);
                }
            }
        }
        given.add_inside(input, language, stop)?;
        if input.audio.is_empty() && !given.texts.is_empty() {
            print::note("warning: the recording has no audio; captions are packaged unchanged");
        }
        Ok(given)
    }

    fn add(&mut self, mut text: GivenText, length: Option<Time>) -> Result<(), Error> {
        if let Some(made_for) = &text.review.input
            && *made_for != self.recording
        {
            return Err(Error::request(
                "this file was made and reviewed for another recording",
                text.path.display().to_string(),
                format!(
                    "if it fits this one, too, change its line to `input: {}`",
                    self.recording
                ),
            ));
        }
        if let Some(length) = length {
            text.fit(length)?;
        }
        text.warn(length);
        self.texts.push(text);
        Ok(())
    }

    /// Adds the captions that the recording holds in languages in which none are given.
    fn add_inside(
        &mut self,
        input: &Input,
        spoken: Option<&str>,
        stop: &Stop,
    ) -> Result<(), Error> {
        let found = match &input.room {
            Some(room) => of_tracks::find(room),
            None => inside::find(input, spoken, stop)?,
        };
        for Inside { language, track } in found {
            let mut text = GivenText {
                role: TextRole::Captions,
                language,
                path: input.path.clone(),
                document: Document::new(track.cues),
                review: Review::default(),
                is_plain: false,
                is_inside: true,
            };
            if self.has(&text.draft()) {
                continue;
            }
            match input.duration.map_or(Ok(()), |length| text.fit(length)) {
                Ok(()) => self.texts.push(text),
                Err(error) => print::note(format_args!("warning: {}", error.finding())),
            }
        }
        Ok(())
    }

    /// Imports the given files as drafts; texts are converted to the recording's time. A draft that
    /// a person has changed stays.
    pub fn import(&self, folder: &ClassFolder, input: &Input) -> Result<(), Error> {
        let mut drafts = Drafts::open(folder.drafts());
        for Described { language, path, .. } in &self.described {
            if let Some(old) = drafts.import_described(language, path, &self.recording)? {
                say_it_stays(&old, path);
            }
        }
        let are_given = self.texts.iter().any(|text| !text.is_inside);
        let published = match self.in_output_time && are_given {
            true => Some(published(folder, &drafts, input, &self.recording)?),
            false => None,
        };
        for text in &self.texts {
            let name = text.draft();
            // Whoever wrote the draft that is there knew better.
            if text.is_inside && drafts.is_there(&name, &self.recording)? {
                continue;
            }
            let mut document = match &published {
                Some(cuts) if !text.is_inside => captions::to_source(&text.document, cuts),
                _ => text.document.clone(),
            };
            document.header = Header::default();
            document.set_review(&Review {
                input: Some(self.recording.clone()),
                ..text.review.clone()
            });
            if text.is_inside {
                let which = match input.room {
                    Some(_) => "captions of the tracks",
                    None => "subtitles inside",
                };
                print::note(format_args!(
                    "{which} (language {}) are the draft {}",
                    text.language,
                    drafts.path(&name).display()
                ));
            }
            if !drafts.import(&name, document.to_string().as_bytes())? {
                say_it_stays(&drafts.path(&name), &text.path);
            }
        }
        Ok(())
    }

    /// Captions that tell what is spoken about, and their language: those in the language of the
    /// class, or the only ones, since others may be translations.
    pub fn transcript(&self, language: Option<&str>) -> Option<&GivenText> {
        if self.in_output_time {
            return None;
        }
        let captions = self
            .texts
            .iter()
            .filter(|text| text.role == TextRole::Captions);
        let captions: Vec<&GivenText> = captions.collect();
        match (language, &captions[..]) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(language), all) => {
                let exact = all.iter().find(|text| text.language == language);
                let same = |text: &&&GivenText| language::is_same(&text.language, language);
                exact.or_else(|| all.iter().find(same)).copied()
            }
        }
    }

    /// Returns whether a text is given that becomes this draft.
    pub fn has(&self, draft: &str) -> bool {
        self.texts.iter().any(|text| text.draft() == draft)
    }

    /// Returns whether an audio description in this language is given.
    pub fn describes(&self, language: &str) -> bool {
        let mut described = self.described.iter();
        described.any(|described| described.language == language)
    }

    /// Returns the path from which the text of a draft can be read before it is imported.
    pub fn path(&self, draft: &str) -> Option<&Path> {
        let mut texts = self.texts.iter();
        let text = texts.find(|text| text.draft() == draft)?;
        (text.is_plain && !self.in_output_time).then_some(&text.path)
    }
}

impl GivenText {
    /// Reads a text file; returns `None` if it is of another kind.
    fn read(role: TextRole, language: &str, path: &str) -> Result<Option<Self>, Error> {
        let place = Path::new(path);
        let reading = |error| Error::reading(place, &error);
        let mut file = File::open(path).map_err(reading)?;
        let mut bytes = Vec::new();
        let head = Read::by_ref(&mut file).take(HEAD);
        { head }.read_to_end(&mut bytes).map_err(reading)?;
        if bytes.is_empty() {
            return Err(Error::request("the file is empty", path, "check the name"));
        }
        if !captions::is_captions(&bytes) {
            return Ok(None);
        }
        file.take(LARGEST)
            .read_to_end(&mut bytes)
            .map_err(reading)?;
        if bytes.len() as u64 > LARGEST {
            let what = format!("the file is larger than {} MiB", LARGEST >> 20);
            return Err(Error::request(
                what,
                path,
                "captions are smaller; check the name",
            ));
        }
        let document = captions::read_in(&bytes, Some(language))
            .map_err(|error| Error::request(error.to_string(), path, "correct the file"))?;
        let review = document
            .review()
            .map_err(|problem| Error::request(problem.to_string(), path, ""))?;
        Ok(Some(GivenText {
            role,
            review: review.unwrap_or_default(),
            language: language.to_owned(),
            path: std::path::absolute(path).map_err(reading)?,
            is_plain: is_plain(&bytes, &document),
            is_inside: false,
            document,
        }))
    }

    /// Takes the hours off a timecode that does not begin at zero, and refuses captions of which a
    /// viewer of a recording of this length would see nothing.
    fn fit(&mut self, length: Time) -> Result<(), Error> {
        if let Some(hours) = captions::take_hours_off(&mut self.document, length) {
            self.is_plain = false;
            print::note(format_args!(
                "warning: {}: the timecode begins at {hours:02}:00:00, {} taken off all times",
                self.path.display(),
                counted(hours as usize, "hour is", "hours are"),
            ));
        }
        if captions::is_seen(&self.document, length) {
            return Ok(());
        }
        Err(Error::request(
            format!(
                "all cues lie past the end of the recording, which lasts {}",
                length.clock()
            ),
            self.path.display().to_string(),
            "name the captions of this recording, with times from its start",
        ))
    }

    /// The file that was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text as WebVTT.
    pub fn to_webvtt(&self) -> String {
        self.document.to_string()
    }

    pub fn draft(&self) -> String {
        text_name(self.role, &self.language)
    }

    fn warn(&self, length: Option<Time>) {
        let mut problems = self.document.problems.clone();
        problems.extend(captions::check(&self.document, length));
        warn(&self.path, &problems);
    }
}

/// Whether a file is WebVTT that every reader takes as `document`.
pub fn is_plain(bytes: &[u8], document: &Document) -> bool {
    let read = webvtt::read(bytes);
    read.is_ok_and(|read| read.blocks == document.blocks)
}

/// Warns that the given file is not imported because a person has changed the file it would
/// replace.
fn say_it_stays(draft: &Path, given: &Path) {
    print::note(format_args!(
        "warning: {} was changed by a person and is kept; to import {}, move the draft away",
        draft.display(),
        given.display()
    ));
}

/// Warns about problems in a file.
pub fn warn(path: &Path, problems: &[Problem]) {
    for problem in problems.iter().take(SAID) {
        print::note(format_args!("warning: {}: {problem}", path.display()));
    }
    if let more @ 1.. = problems.len().saturating_sub(SAID) {
        print::note(format_args!("warning: {}: and {more} more", path.display()));
    }
}

impl Described {
    /// Opens an audio file.
    fn read(language: &str, path: &str) -> Result<Self, Error> {
        let found = Input::probe(path, None)?;
        if found.audio.is_empty() {
            return Err(Error::request(
                "the file has no audio",
                path,
                format!("name a mixed audio file or a WebVTT file: descriptions.{language}=FILE"),
            ));
        }
        Ok(Described {
            language: language.to_owned(),
            duration: found.duration,
            fingerprint: of_file(&found.path)
                .map_err(|error| Error::reading(&found.path, &error))?,
            path: found.path,
        })
    }

    /// Returns a description whose file will be made of texts with this fingerprint.
    pub fn to_be_spoken(language: &str, path: PathBuf, fingerprint: String) -> Self {
        Described {
            language: language.to_owned(),
            path,
            fingerprint,
            duration: None,
        }
    }

    /// Returns the descriptions next to the drafts.
    pub fn of(drafts: &Drafts, recording: &str, anew: &GivenTexts) -> Result<Vec<Self>, Error> {
        let files = drafts.described(recording, anew)?.into_iter();
        files
            .map(|(language, path)| Described::read(&language, &path.to_string_lossy()))
            .collect()
    }

    /// Warns if the length differs from the recording's.
    fn warn(&self, wanted: Option<Time>) {
        let (Some(length), Some(wanted)) = (self.duration, wanted) else {
            return;
        };
        if length.abs_diff(wanted) <= Time::SECOND {
            return;
        }
        let what = match length < wanted {
            true => "silence is added",
            false => "the rest is left out",
        };
        print::note(format_args!(
            "warning: {} lasts {:.1} s and the recording {:.1} s; {what}",
            self.path.display(),
            length.secs_f64(),
            wanted.secs_f64()
        ));
    }
}

/// Returns the published spans of the recording: those the package lists, else those a package made
/// now would keep.
fn published(
    folder: &ClassFolder,
    drafts: &Drafts,
    input: &Input,
    recording: &str,
) -> Result<CutList, Error> {
    let is_of = |manifest: &Manifest| {
        let made_from = manifest.each_made_from.as_ref();
        let of = made_from.and_then(|made_from| made_from.recording.as_ref());
        of.is_none_or(|of| of == recording)
    };
    let package = folder::manifest(&folder.package()).filter(is_of);
    if let Some(kept) = package.and_then(|manifest| manifest.kept) {
        let spans = kept.iter().map(|span| {
            Span::new(
                Time::from_secs_f64(span.start),
                Time::from_secs_f64(span.end),
            )
        });
        if let Ok(cuts) = CutList::new(spans) {
            return Ok(cuts);
        }
    }
    let cuts = Cuts::read(drafts, input, recording)?;
    Ok(cuts.map_or_else(CutList::keep_all, |cuts| cuts.list))
}
