// SPDX-License-Identifier: MPL-2.0

//! The pipeline that makes a package, or a part of its media.

use std::path::{Path, PathBuf};

use gstlecture::package::text::TextRole;
use gstlecture::timeline::Time;
use once_cell::sync::Lazy;

use super::PackageOptions;
use crate::class::drafts::{CHAPTERS, Corrected, TRIM};
use crate::engine::description::{Description, Facts, Pipeline};
use crate::jobs::session_input::room;
use crate::jobs::{Request, facts, set_input};
use crate::media::probe::Input;
use crate::options::Values;

pub static DESCRIPTION: Lazy<Description> = Lazy::new(|| {
    Description::read(include_str!("../../../../../pipelines/package.launch")).behind(room())
});

/// Returns the pipeline that writes the package to `folder`.
pub fn describe(
    request: &Request,
    options: &PackageOptions,
    input: &Input,
    corrected: &Corrected,
    folder: &Path,
) -> Pipeline {
    describe_part(request, options, input, corrected, folder, None)
}

/// The part of a package's media that a pipeline makes.
pub struct Part {
    pub picture: bool,
    pub sound: bool,
    pub descriptions: bool,
    /// Cut list to apply instead of the draft.
    pub cuts: Option<PathBuf>,
    /// Slide changes, as in [`Corrected::slides`].
    pub slides: String,
    /// Length of the whole programme, if it is known.
    pub duration: Option<Time>,
}

impl Part {
    /// Leaves out of a package's pipeline what is not of the part.
    fn restrict(&self, values: &mut Values, facts: &mut Facts, is_room: bool) {
        let is_main = self.picture || self.sound;
        facts.set("recording", is_main);
        if is_room {
            facts.set("room", is_main);
        }
        for (is_part, words) in [
            (self.picture, &["video", "room-video"][..]),
            (self.sound, &["audio"]),
            // Who speaks may be shown large.
            (is_main, &["room-audio"]),
            (self.descriptions, &["described"]),
            (false, &["text", "chapters"]),
        ] {
            let left_out = words.iter().filter(|_| !is_part);
            left_out.for_each(|word| facts.set(word, false));
        }
        if let Some(cuts) = &self.cuts {
            values.set("cuts", cuts.display().to_string());
        }
        if self.slides.is_empty() {
            values.remove("slides");
        } else {
            values.set("slides", &self.slides);
        }
        if let Some(duration) = self.duration {
            values.set("duration", duration.secs_f64().to_string());
        }
    }
}

/// Like [`describe`], for a part of the media.
pub fn describe_part(
    request: &Request,
    options: &PackageOptions,
    input: &Input,
    corrected: &Corrected,
    folder: &Path,
    part: Option<&Part>,
) -> Pipeline {
    let mut values = request.values.clone();
    set_input(&mut values, input);
    values.set("package", folder.display().to_string());
    values.set("cuts", corrected.path(TRIM).display().to_string());
    values.set("chapters", corrected.path(CHAPTERS).display().to_string());
    if let Some(video) = &input.video {
        let (num, den) = video.frame_rate;
        values.set("frame-rate", format!("{num}/{den}"));
    }
    if !corrected.slides.is_empty() {
        values.set("slides", corrected.slides.clone());
    }
    values.set("ladder", ladder(options, corrected));
    if let Some(language) = &corrected.language {
        values.set("audio-language.0", language);
    }
    for (n, audio) in input.audio.iter().enumerate() {
        if let Some(title) = &audio.title {
            values.set(format!("label.{n}"), title);
        }
        if let Some(gains) = corrected.gains.get(n) {
            values.set(format!("gains.{n}"), gains);
        }
    }
    set_texts(&mut values, corrected);
    let mut facts = facts(input);
    facts.set("cuts", corrected.has_cuts);
    facts.set("chapters", corrected.has_chapters);
    facts.count("text", corrected.texts.iter().count());
    facts.count("described", corrected.described.len());
    if let Some(part) = part {
        part.restrict(&mut values, &mut facts, input.room.is_some());
    }
    DESCRIPTION.pipeline(&facts, &values)
}

/// Sets the variables of texts and of recorded descriptions.
fn set_texts(values: &mut Values, corrected: &Corrected) {
    for (n, text) in corrected.texts.iter().enumerate() {
        values.set(format!("text.{n}"), text.path.display().to_string());
        values.set(format!("text-language.{n}"), &text.rendition.language);
        let role = match text.rendition.role {
            TextRole::Captions => "captions",
            TextRole::Subtitles => "subtitles",
            TextRole::Descriptions => "descriptions",
            // The pipeline does not read it.
            TextRole::Slides => continue,
        };
        values.set(format!("text-role.{n}"), role);
        if text.rendition.role == TextRole::Descriptions {
            values.set(format!("trim-role.{n}"), "description");
        }
    }
    for (n, described) in corrected.described.iter().enumerate() {
        let path = described.path.display().to_string();
        values.set(format!("described.{n}"), path);
        values.set(format!("described-language.{n}"), &described.language);
        if let Some(gains) = corrected.described_gains.get(n) {
            values.set(format!("described-gains.{n}"), gains);
        }
    }
}

/// Returns the requested ladder, or the one that fits the content.
pub fn ladder<'a>(options: &'a PackageOptions, corrected: &Corrected) -> &'a str {
    match &*options.ladder.0 {
        "auto" if corrected.is_screen => "screen",
        asked => asked,
    }
}
