// SPDX-License-Identifier: MPL-2.0

//! Audio descriptions next to the drafts: once given, a description is in every later package until
//! its file is removed.

use std::fs;
use std::path::{Path, PathBuf};

use gstlecture::language;

use super::{Drafts, note_written};
use crate::class::fingerprint;
use crate::class::texts::GivenTexts;
use crate::error::Error;
use crate::fs::files;

/// Prefix of the file names; a language and an ending for the kind of file follow.
const PREFIX: &str = "descriptions.";
/// Ending if the given file has none.
const SOUND: &str = "audio";
/// Ending of descriptions that are text.
const WORDS: &str = "vtt";

impl Drafts {
    /// Returns the language and path of each audio description. Refuses two of the same language,
    /// and those given for another recording unless `anew` replaces them.
    pub fn described(
        &self,
        recording: &str,
        anew: &GivenTexts,
    ) -> Result<Vec<(String, PathBuf)>, Error> {
        let mut found: Vec<(String, PathBuf)> = Vec::new();
        for (language, name) in self.described_names()? {
            let path = self.path(&name);
            if self.described.get(&name).is_some_and(|of| of != recording) {
                if anew.describes(&language) && self.is_as_given(&name)? {
                    continue;
                }
                return Err(Error::request(
                    "this audio description was given for another recording",
                    path.display().to_string(),
                    "choose another output=, move the file away, or name one for this recording",
                ));
            }
            if found.last().is_some_and(|(known, _)| *known == language) {
                return Err(Error::request(
                    "this is the second audio description in the same language",
                    path.display().to_string(),
                    "keep one of them",
                ));
            }
            found.push((language, path));
        }
        Ok(found)
    }

    /// Copies a file given by the user next to the drafts, in place of the one given before. If a
    /// person has changed that one, it stays and is returned.
    pub fn import_described(
        &mut self,
        language: &str,
        from: &Path,
        recording: &str,
    ) -> Result<Option<PathBuf>, Error> {
        let ending = from.extension().and_then(|ending| ending.to_str());
        let ending = ending.filter(|ending| !ending.eq_ignore_ascii_case(WORDS));
        let name = format!("{PREFIX}{language}.{}", ending.unwrap_or(SOUND));
        let to = self.path(&name);
        let is_there =
            fs::canonicalize(&to).is_ok_and(|to| fs::canonicalize(from).ok() == Some(to));
        if is_there {
            self.described.insert(name, recording.to_owned());
            self.write_notes()?;
            return Ok(None);
        }
        let given = fingerprint::of_file(from).map_err(|error| Error::reading(from, &error))?;
        let names = self.described_names()?.into_iter();
        let old: Vec<String> = names
            .filter_map(|(of, old)| (of == language).then_some(old))
            .collect();
        for old in &old {
            let is_given = self.fingerprint(old)? == given;
            if !is_given && !self.is_as_given(old)? {
                return Ok(Some(self.path(old)));
            }
        }
        let part = self.path(&format!(".{name}.new"));
        note_written(&mut self.written, &name, given);
        self.described.insert(name.clone(), recording.to_owned());
        for old in old.iter().filter(|old| **old != name) {
            self.described.remove(old);
        }
        self.write_notes()?;
        // A copy, not a link: correcting one must not change the other.
        files::remove(&part)?;
        fs::copy(from, &part).map_err(|error| Error::writing(&part, &error))?;
        for old in old.iter().filter(|old| **old != name) {
            files::remove(&self.path(old))?;
        }
        self.put(&part, &name)?;
        Ok(None)
    }

    /// Returns whether a file is unchanged since it was given.
    fn is_as_given(&self, name: &str) -> Result<bool, Error> {
        let Some(given) = self.written.get(name) else {
            return Ok(false);
        };
        Ok(given.contains(&self.fingerprint(name)?))
    }

    fn fingerprint(&self, name: &str) -> Result<String, Error> {
        let path = self.path(name);
        fingerprint::of_file(&path).map_err(|error| Error::reading(&path, &error))
    }

    /// Returns the languages and names of the audio description files, sorted.
    fn described_names(&self) -> Result<Vec<(String, String)>, Error> {
        let mut names: Vec<(String, String)> = self
            .names()?
            .into_iter()
            .filter_map(|name| {
                let (language, ending) = name.strip_prefix(PREFIX)?.rsplit_once('.')?;
                let is_described =
                    ending != WORDS && language::known(language).as_deref() == Some(language);
                is_described.then(|| (language.to_owned(), name.clone()))
            })
            .collect();
        names.sort();
        Ok(names)
    }
}
