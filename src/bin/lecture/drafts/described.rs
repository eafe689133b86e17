// SPDX-License-Identifier: MPL-2.0

//! Audio descriptions beside the drafts: what a person gave once is in every later package, until
//! the file is taken away.

use std::fs;
use std::path::{Path, PathBuf};

use gstlecture::package::language;

use super::Drafts;
use crate::error::Error;
use crate::files;

/// A name is this, a language and an ending that says what kind of sound it is.
const PREFIX: &str = "descriptions.";
/// The ending where the given file has none.
const SOUND: &str = "audio";
/// The ending of descriptions in words.
const WORDS: &str = "vtt";

impl Drafts {
    /// The language and file of each audio description. Two of a language are refused, and those
    /// that were given for another recording.
    pub fn described(&self, recording: &str) -> Result<Vec<(String, PathBuf)>, Error> {
        let mut found: Vec<(String, PathBuf)> = Vec::new();
        for (language, name) in self.described_names()? {
            let path = self.path(&name);
            if self.described.get(&name).is_some_and(|of| of != recording) {
                return Err(Error::request(
                    "this audio description was given for another recording",
                    path.display().to_string(),
                    "choose another output=, or move it away, or name one for this recording",
                ));
            }
            if found.last().is_some_and(|(known, _)| *known == language) {
                return Err(Error::request(
                    "this is the second audio description of its language",
                    path.display().to_string(),
                    "keep one of them",
                ));
            }
            found.push((language, path));
        }
        Ok(found)
    }

    /// Puts a file that a person gave beside the drafts, in the place of the one given before.
    pub fn import_described(
        &mut self,
        language: &str,
        from: &Path,
        recording: &str,
    ) -> Result<(), Error> {
        let ending = from.extension().and_then(|ending| ending.to_str());
        let ending = ending.filter(|ending| !ending.eq_ignore_ascii_case(WORDS));
        let name = format!("{PREFIX}{language}.{}", ending.unwrap_or(SOUND));
        for (of, old) in self.described_names()? {
            if of == language && old != name && self.described.remove(&old).is_some() {
                files::remove(&self.path(&old))?;
            }
        }
        self.described.insert(name.clone(), recording.to_owned());
        self.write_notes()?;
        let to = self.path(&name);
        let is_there =
            fs::canonicalize(&to).is_ok_and(|to| fs::canonicalize(from).ok() == Some(to));
        if is_there {
            return Ok(());
        }
        let part = self.path(&format!(".{name}.new"));
        files::remove(&part)?;
        // A link takes no room. Between two disks there is none.
        if fs::hard_link(from, &part).is_err() {
            fs::copy(from, &part).map_err(|error| Error::writing(&part, &error))?;
        }
        self.put(&part, &name)?;
        // Two links to one file are not renamed.
        files::remove(&part)
    }

    /// The languages and names of the files that are audio descriptions, sorted.
    fn described_names(&self) -> Result<Vec<(String, String)>, Error> {
        let mut names: Vec<(String, String)> = self
            .names()?
            .into_iter()
            .filter_map(|name| {
                let (language, ending) = name.strip_prefix(PREFIX)?.rsplit_once('.')?;
                let is_described =
                    ending != WORDS && language::tag(language).as_deref() == Some(language);
                is_described.then(|| (language.to_owned(), name.clone()))
            })
            .collect();
        names.sort();
        Ok(names)
    }
}
