// SPDX-License-Identifier: MPL-2.0

//! The words of a class, as a file that pipelines read.

use std::fs;
use std::path::{Path, PathBuf};

use gstlecture::timeline::Time;
use gstlecture::webvtt::captions;

use super::GivenTexts;
use super::given::{self, GivenText};
use crate::error::Error;

/// The spoken words of a class, as WebVTT, SubRip or captions that were given.
pub struct Transcript {
    /// Language as a BCP 47 tag.
    pub language: Option<String>,
    path: PathBuf,
    /// The text as WebVTT, if the file cannot be read as it is.
    converted: Option<String>,
}

impl Transcript {
    /// Reads the file of a recording of this length, if that is known, and warns of what is odd in it.
    pub fn read(path: &str, language: Option<&str>, length: Option<Time>) -> Result<Self, Error> {
        let place = Path::new(path);
        let bytes = fs::read(place).map_err(|error| Error::reading(place, &error))?;
        let mut document = captions::read_in(&bytes, language).map_err(|error| {
            Error::request(error.to_string(), path, "name a WebVTT or SRT file")
        })?;
        given::warn(place, &document.problems);
        let is_plain = given::is_plain(&bytes, &document);
        let hours = length.and_then(|length| captions::take_hours_off(&mut document, length));
        Ok(Transcript {
            language: language.map(str::to_owned),
            path: place.to_owned(),
            converted: (!is_plain || hours.is_some()).then(|| document.to_string()),
        })
    }

    /// The captions that tell what is spoken about in a class in `language`, if they do.
    pub fn of_captions(given: &GivenTexts, language: Option<&str>) -> Option<Self> {
        let text: &GivenText = given.transcript(language)?;
        let plain = given.path(&text.draft());
        Some(Transcript {
            language: Some(text.language.clone()),
            path: plain.unwrap_or(text.path()).to_owned(),
            converted: plain.is_none().then(|| text.to_webvtt()),
        })
    }

    /// The file that was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns a file that pipelines read: the one that was given, or a copy as WebVTT at `copy`.
    pub fn readable(&self, copy: &Path) -> Result<PathBuf, Error> {
        let Some(text) = &self.converted else {
            return Ok(self.path.clone());
        };
        fs::write(copy, text).map_err(|error| Error::writing(copy, &error))?;
        Ok(copy.to_owned())
    }
}
