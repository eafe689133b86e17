// SPDX-License-Identifier: MPL-2.0

//! Drafts of a class: made by a machine, corrected and approved by a person. A file that a person
//! has changed is never overwritten.

mod corrected;
mod described;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gstlecture::edit::summary_file::SummaryFile;
use gstlecture::edit::{Analysis, DESCRIBED, Review, Status, WRITTEN};
use gstlecture::language;
use gstlecture::package::text::TextRole;
use gstlecture::timeline::Time;
use gstlecture::webvtt;
use serde_json::{Map, Value, json};

pub use corrected::{Corrected, Cuts};

use crate::class::fingerprint;
use crate::class::texts::GivenTexts;
use crate::error::Error;
use crate::fs::files;

/// The cut list.
pub const TRIM: &str = "trim.vtt";
/// The chapters, in the source's time.
pub const CHAPTERS: &str = "chapters.vtt";
/// The summary and the key points.
pub const SUMMARY: &str = "summary.md";
/// The analysis results and the fingerprints of the drafts it wrote.
pub const ANALYSIS: &str = "analysis.json";

/// Returns the file name of the draft of a text.
pub fn text_name(role: TextRole, language: &str) -> String {
    format!("{}.{language}.vtt", role.kind())
}

/// Last author of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    /// Unchanged since the machine wrote it.
    Machine,
    /// Changed by a person.
    Edited,
    /// Approved by a person.
    Approved,
}

pub struct Drafts {
    folder: PathBuf,
    /// Fingerprints of the files the machine wrote, by file name. Those of earlier runs are kept,
    /// since a run may be killed between writing the fingerprints and the drafts.
    written: BTreeMap<String, Vec<String>>,
    /// Recordings of the given audio descriptions, by file name.
    described: BTreeMap<String, String>,
    /// Fingerprint and length of the analysed recording.
    analysed: Option<(String, Time)>,
}

impl Drafts {
    pub fn open(folder: PathBuf) -> Self {
        let bytes = fs::read(folder.join(ANALYSIS)).unwrap_or_default();
        let analysis = Analysis::read(&bytes);
        Drafts {
            folder,
            written: analysis.written,
            described: analysis.described,
            analysed: analysis.recording.fingerprint.zip(analysis.length),
        }
    }

    /// Returns the length that the analysis found for this recording.
    pub fn analysed(&self, recording: &str) -> Option<Time> {
        let (_, length) = self.analysed.as_ref().filter(|(of, _)| of == recording)?;
        Some(*length)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns the bytes of a draft, or `None` if there is no such draft.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::reading(&path, &error)),
        }
    }

    fn state(&self, name: &str) -> Result<State, Error> {
        let Some(bytes) = self.read(name)? else {
            return Ok(State::Absent);
        };
        let hash = fingerprint::of_bytes(&bytes);
        let is_machines = self
            .written
            .get(name)
            .is_some_and(|hashes| hashes.contains(&hash));
        let is_approved = review(&bytes).is_some_and(|review| review.status == Status::Approved);
        Ok(match (is_machines, is_approved) {
            (true, _) => State::Machine,
            (false, true) => State::Approved,
            (false, false) => State::Edited,
        })
    }

    /// Refuses to analyse into a folder if a person has worked there on another recording, or has
    /// given texts for another one. Texts in `anew` replace the latter.
    pub fn check_are_of(&self, recording: &str, anew: &GivenTexts) -> Result<(), Error> {
        for name in [TRIM, CHAPTERS, SUMMARY] {
            if matches!(self.state(name)?, State::Edited | State::Approved) {
                self.check_is_of(name, recording)?;
            }
        }
        self.check_texts_are_of(recording, anew)
    }

    /// Refuses to package from a folder if any of its drafts belongs to another recording. Texts in
    /// `anew` replace theirs.
    pub fn check_all_are_of(&self, recording: &str, anew: &GivenTexts) -> Result<(), Error> {
        for name in [TRIM, CHAPTERS, SUMMARY] {
            self.check_is_of(name, recording)?;
        }
        self.check_texts_are_of(recording, anew)
    }

    fn check_texts_are_of(&self, recording: &str, anew: &GivenTexts) -> Result<(), Error> {
        for (role, language) in self.texts()? {
            let name = text_name(role, &language);
            // An analysis replaces what it has written itself.
            if role != TextRole::Slides || self.state(&name)? != State::Machine {
                self.text_is_of(&name, recording, anew)?;
            }
        }
        self.described(recording, anew).map(|_| ())
    }

    /// Like [`Drafts::check_is_of`], but returns `false` if the text belongs to another recording
    /// and `anew` replaces it.
    pub fn text_is_of(
        &self,
        name: &str,
        recording: &str,
        anew: &GivenTexts,
    ) -> Result<bool, Error> {
        match self.check_is_of(name, recording) {
            Err(_) if anew.has(name) && self.state(name)? == State::Machine => Ok(false),
            checked => checked.map(|()| true),
        }
    }

    /// Returns the texts that have drafts: captions, descriptions, the text of slides, each with its
    /// language.
    pub fn texts(&self) -> Result<Vec<(TextRole, String)>, Error> {
        let mut texts: Vec<(TextRole, String)> = self
            .names()?
            .iter()
            .filter_map(|name| {
                let (kind, language) = name.strip_suffix(".vtt")?.split_once('.')?;
                let role = match kind {
                    "captions" => TextRole::Captions,
                    "descriptions" => TextRole::Descriptions,
                    "slides" => TextRole::Slides,
                    _ => return None,
                };
                // Skips a copy that a person keeps, such as captions.en.old.vtt.
                (language::known(language).as_deref() == Some(language))
                    .then(|| (role, language.to_owned()))
            })
            .collect();
        texts.sort();
        Ok(texts)
    }

    fn names(&self) -> Result<Vec<String>, Error> {
        names(&self.folder)
    }

    /// Whether there is a draft of this name that is not of another recording.
    pub fn is_there(&self, name: &str, recording: &str) -> Result<bool, Error> {
        let is_of = self.check_is_of(name, recording).is_ok();
        Ok(is_of && self.read(name)?.is_some())
    }

    /// Replaces the draft of this name with a file given by the user. Returns `false` if a person
    /// has changed the draft, which then stays.
    pub fn import(&mut self, name: &str, bytes: &[u8]) -> Result<bool, Error> {
        if matches!(self.state(name)?, State::Edited | State::Approved) {
            return Ok(self.read(name)?.as_deref() == Some(bytes));
        }
        note_written(&mut self.written, name, fingerprint::of_bytes(bytes));
        self.write_notes()?;
        self.write(name, bytes)?;
        Ok(true)
    }

    /// Writes the notes on the drafts into the file of the analysis results.
    fn write_notes(&self) -> Result<(), Error> {
        let analysis = self.read(ANALYSIS)?.unwrap_or_default();
        self.write_analysis(serde_json::from_slice(&analysis).unwrap_or_default())
    }

    fn write_analysis(&self, mut analysis: Map<String, Value>) -> Result<(), Error> {
        fs::create_dir_all(&self.folder).map_err(|error| Error::writing(&self.folder, &error))?;
        analysis.insert(WRITTEN.into(), json!(self.written));
        if !self.described.is_empty() {
            analysis.insert(DESCRIBED.into(), json!(self.described));
        }
        let text = format!("{:#}\n", Value::Object(analysis));
        self.write(ANALYSIS, text.as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let part = self.path(&format!(".{name}.new"));
        fs::write(&part, bytes).map_err(|error| Error::writing(&part, &error))?;
        self.put(&part, name)
    }

    /// Refuses a draft whose NOTE names another recording.
    pub fn check_is_of(&self, name: &str, recording: &str) -> Result<(), Error> {
        let made_for = self
            .read(name)?
            .and_then(|bytes| review(&bytes))
            .and_then(|review| review.input);
        if made_for.is_none_or(|made_for| made_for == recording) {
            return Ok(());
        }
        Err(Error::request(
            "this draft was made and reviewed for another recording",
            self.path(name).display().to_string(),
            format!(
                "choose another output=, move the draft away, or, if it fits this recording, too, \
                 change its line to `input: {recording}`"
            ),
        ))
    }

    /// Moves new drafts from `staging` over those that no person has changed, and reports which
    /// stay. `analysis` contains the analysis results.
    pub fn replace(
        &mut self,
        staging: &Path,
        analysis: Map<String, Value>,
    ) -> Result<Vec<String>, Error> {
        let mut new = Vec::new();
        for name in names(staging)?.into_iter().filter(|name| is_found(name)) {
            let path = staging.join(&name);
            let bytes = fs::read(&path).map_err(|error| Error::reading(&path, &error))?;
            note_written(&mut self.written, &name, fingerprint::of_bytes(&bytes));
            new.push((name, path));
        }
        self.write_analysis(analysis)?;
        let mut kept = Vec::new();
        for (name, path) in new {
            // Checked at the last moment: a person may have saved the draft while the job ran.
            match self.state(&name)? {
                State::Absent | State::Machine => self.put(&path, &name)?,
                State::Edited | State::Approved => kept.push(name),
            }
        }
        Ok(kept)
    }

    /// Removes the text of slides and the summary that an analysis of another recording has left.
    pub fn remove_leftovers(&self, recording: &str) -> Result<(), Error> {
        for name in self.names()?.into_iter().filter(|name| is_found(name)) {
            if self.check_is_of(&name, recording).is_err() && self.state(&name)? == State::Machine {
                files::remove(&self.path(&name))?;
            }
        }
        Ok(())
    }

    /// Returns the bytes of a draft that a person has changed.
    pub fn persons(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        match self.state(name)? {
            State::Edited | State::Approved => self.read(name),
            State::Absent | State::Machine => Ok(None),
        }
    }

    fn put(&self, from: &Path, name: &str) -> Result<(), Error> {
        let to = self.path(name);
        fs::rename(from, &to).map_err(|error| Error::writing(&to, &error))
    }
}

/// Returns the names of the files in a folder, sorted; none if there is no such folder.
fn names(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::reading(folder, &error)),
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

/// Returns whether an analysis writes a draft of this name.
fn is_found(name: &str) -> bool {
    let is_slides = || name.starts_with("slides.") && name.ends_with(".vtt");
    [TRIM, CHAPTERS, SUMMARY].contains(&name) || is_slides()
}

fn note_written(written: &mut BTreeMap<String, Vec<String>>, name: &str, fingerprint: String) {
    let hashes = written.entry(name.to_string()).or_default();
    hashes.insert(0, fingerprint);
    hashes.truncate(8);
}

/// Returns the review NOTE of a file, if it can be read.
fn review(bytes: &[u8]) -> Option<Review> {
    match webvtt::read(bytes) {
        Ok(document) => document.review().ok()?,
        Err(_) => SummaryFile::review(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(status: &str, input: &str) -> String {
        format!(
            "WEBVTT\n\nNOTE\nstatus: {status}\ninput: {input}\n\n00:00.000 --> 00:10.000\nTitle\n"
        )
    }

    /// Makes a folder whose chapters were analysed as `first`.
    fn analysed(first: &str) -> (tempfile::TempDir, PathBuf) {
        let at = tempfile::tempdir().expect("temporary folder");
        let folder = at.path().join("drafts");
        replace(&at, first);
        (at, folder)
    }

    fn replace(at: &tempfile::TempDir, text: &str) -> Vec<String> {
        fs::write(at.path().join(CHAPTERS), text).expect("written");
        Drafts::open(at.path().join("drafts"))
            .replace(at.path(), Map::new())
            .expect("replaced")
    }

    #[test]
    fn an_untouched_draft_is_replaced() {
        let (at, folder) = analysed("first");
        assert!(replace(&at, "second").is_empty());
        assert!(replace(&at, "third").is_empty());
        let text = fs::read_to_string(folder.join(CHAPTERS)).expect("read");
        assert_eq!(text, "third");
    }

    #[test]
    fn an_edited_draft_stays_for_ever() {
        let (at, folder) = analysed("first");
        fs::write(folder.join(CHAPTERS), "edited").expect("written");
        for _ in 0..3 {
            assert_eq!(replace(&at, "new"), [CHAPTERS]);
            let text = fs::read_to_string(folder.join(CHAPTERS)).expect("read");
            assert_eq!(text, "edited");
        }
    }

    #[test]
    fn a_file_of_a_persons_own_stays() {
        let at = tempfile::tempdir().expect("temporary folder");
        let folder = at.path().join("drafts");
        fs::create_dir(&folder).expect("made");
        fs::write(folder.join(CHAPTERS), "own").expect("written");
        assert_eq!(replace(&at, "new"), [CHAPTERS]);
    }

    #[test]
    fn a_run_killed_between_its_writes_does_not_make_a_draft_look_edited() {
        let (at, folder) = analysed("first");
        assert!(replace(&at, "second").is_empty());
        fs::write(folder.join(CHAPTERS), "first").expect("written");
        assert!(replace(&at, "third").is_empty());
    }

    #[test]
    fn a_persons_work_on_another_recording_is_refused() {
        let (_at, folder) = analysed(&draft("draft", "one"));
        let drafts = Drafts::open(folder.clone());
        let nothing = GivenTexts::default();
        assert_eq!(drafts.check_are_of("two", &nothing), Ok(()));
        fs::write(folder.join(CHAPTERS), draft("approved", "one")).expect("written");
        assert_eq!(drafts.check_are_of("one", &nothing), Ok(()));
        let error = drafts
            .check_are_of("two", &nothing)
            .expect_err("another recording");
        assert_eq!(error.status(), 1);
        assert!(error.to_string().contains("input: two"), "{error}");
    }
}
