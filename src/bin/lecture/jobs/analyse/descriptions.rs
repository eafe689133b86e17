// SPDX-License-Identifier: MPL-2.0

//! The draft of audio descriptions: slides that nobody names.

use std::fs;
use std::path::Path;

use gstlecture::descriptions::{Class, Slide, document, draft};
use gstlecture::edit::{Analysis, Review};
use gstlecture::package::text::TextRole;
use gstlecture::timeline::{CutList, Time};
use gstlecture::topics::Sentence;
use gstlecture::webvtt::captions;

use super::Request;
use crate::class::drafts::{Drafts, text_name};
use crate::error::Error;
use crate::print::counted;

/// An analysed class.
pub struct Analysed<'a> {
    pub analysis: &'a Analysis,
    /// Cuts in the drafts.
    pub cuts: &'a CutList,
    /// The transcript as WebVTT, if there is one.
    pub transcript: Option<&'a Path>,
    pub language: &'a str,
    /// End of the recording.
    pub end: Time,
    /// Fingerprint of the recording.
    pub recording: &'a str,
}

/// Writes the draft of descriptions, unless a person has changed the one that is there.
pub fn write(request: &Request, drafts: &mut Drafts, class: &Analysed) -> Result<(), Error> {
    let transcript = transcript(drafts, class)?;
    if transcript.is_none() {
        request.note(
            "warning: there is no transcript: each slide is described, as nothing tells which are named",
        );
    }
    let slides = slides(class.analysis);
    if slides.is_empty() {
        request.note(
            "warning: no title of a slide was read: nothing is described; titles=ocr reads them",
        );
    }
    let drafted = draft(&Class {
        slides: &slides,
        said: &transcript.unwrap_or_default(),
        speech: class.analysis.speech.as_deref().unwrap_or_default(),
        cuts: class.cuts,
        language: Some(class.language),
        end: class.end,
    });
    let mut made = document(&drafted);
    made.set_review(&Review {
        input: Some(class.recording.to_owned()),
        ..Review::default()
    });
    let name = text_name(TextRole::Descriptions, class.language);
    if !drafts.import(&name, made.to_string().as_bytes())? {
        let path = drafts.path(&name);
        request.note(&format!(
            "{} was changed by a person and is kept",
            path.display()
        ));
        return Ok(());
    }
    let extended = drafted.iter().filter(|draft| draft.is_extended).count();
    request.note(&format!(
        "{}: {}, of which {extended} fit no pause",
        drafts.path(&name).display(),
        counted(drafted.len(), "description", "descriptions"),
    ));
    Ok(())
}

/// Returns the slides whose titles are certain.
fn slides(analysis: &Analysis) -> Vec<Slide> {
    let certain = analysis.titles.iter().filter(|title| !title.needs_title);
    let slides = certain.map(|title| Slide {
        span: title.span,
        title: title.title.clone(),
    });
    slides.collect()
}

/// Returns what is said: the transcript of the analysis, else the captions that have a draft.
fn transcript(drafts: &Drafts, class: &Analysed) -> Result<Option<Vec<Sentence>>, Error> {
    let bytes = match class.transcript {
        Some(path) => Some(fs::read(path).map_err(|error| Error::reading(path, &error))?),
        None => drafts.read(&text_name(TextRole::Captions, class.language))?,
    };
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    let document = captions::read_in(&bytes, Some(class.language))
        .map_err(|error| Error::request(error.to_string(), "the transcript", "correct it"))?;
    let sentences = document.cues().map(|cue| Sentence {
        span: Some(cue.span),
        text: cue.plain_text(),
    });
    Ok(Some(sentences.collect()))
}
