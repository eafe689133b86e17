// SPDX-License-Identifier: MPL-2.0

//! The gate before publishing: what a package lacks for a standard of accessible recordings.
//!
//! A machine can only list what was checked and what a person signed. Nothing here states that a
//! package conforms to WCAG.

use std::fmt;

use super::manifest::Manifest;
use super::programme::Role;
use super::text::TextRole;

/// Word in `signed:` of a review NOTE: nothing that is only seen needs a description.
pub const NOTHING_TO_DESCRIBE: &str = "nothing-to-describe";

/// What a package has to have before it is published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standard {
    /// WCAG 2.1 level A, 1.2.2: approved captions in the class's language without a failed rule.
    A,
    /// Level AA, 1.2.5: also audio description, or a person's word that nothing needs it.
    Aa,
}

/// Something that a package lacks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Missing {
    /// Nobody approved this draft.
    Approval(String),
    /// There are no captions in the class's language.
    Captions,
    /// These captions were not checked: an earlier version made the package.
    Check(String),
    /// These captions fail rules.
    Failed {
        file: String,
        fails: usize,
        rules: Vec<String>,
    },
    /// There is no audio description, and nobody signed that none is needed.
    Description,
}

/// Returns what a package lacks for a standard.
pub fn missing(manifest: &Manifest, standard: Standard) -> Vec<Missing> {
    let mut missing = drafts(manifest);
    // Without audio nothing is said that needs captions.
    if !manifest.audio.is_empty() {
        missing.extend(captions(manifest));
    }
    if standard == Standard::Aa && !is_described(manifest) {
        missing.push(Missing::Description);
    }
    missing
}

/// Returns the drafts that nobody approved.
pub fn drafts(manifest: &Manifest) -> Vec<Missing> {
    let drafts = manifest.review.iter().filter(|review| !review.approved);
    drafts
        .map(|review| Missing::Approval(review.file.clone()))
        .collect()
}

fn captions(manifest: &Manifest) -> Vec<Missing> {
    let captions = manifest.captions.iter();
    let files: Vec<String> = captions
        .filter(|text| text.role == TextRole::Captions)
        .map(|text| format!("captions.{}.vtt", text.language))
        .collect();
    if files.is_empty() {
        return vec![Missing::Captions];
    }
    let wrong = files.into_iter().filter_map(|file| {
        let check = manifest.checked.iter().find(|check| check.file == file);
        match check {
            None => Some(Missing::Check(file)),
            Some(check) if check.fails > 0 => Some(Missing::Failed {
                file,
                fails: check.fails,
                rules: check.failed.clone(),
            }),
            Some(_) => None,
        }
    });
    wrong.collect()
}

fn is_described(manifest: &Manifest) -> bool {
    let mut audio = manifest.audio.iter();
    let mut reviews = manifest.review.iter();
    audio.any(|audio| audio.role == Role::Description)
        || !manifest.descriptions.is_empty()
        || reviews.any(|review| {
            let signs = review.signed.iter().any(|word| word == NOTHING_TO_DESCRIBE);
            signs && review.approved && review.by.is_some()
        })
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Approval(file) => write!(f, "nobody has approved {file}"),
            Missing::Captions => write!(f, "there are no captions in the class's language"),
            Missing::Check(file) => write!(f, "{file} was not checked"),
            Missing::Failed { file, fails, rules } => {
                write!(f, "{file} fails in {fails} ")?;
                f.write_str(if *fails == 1 { "place" } else { "places" })?;
                write!(f, " ({})", rules.join(", "))
            }
            Missing::Description => write!(
                f,
                "there is no audio description, and nobody has signed {NOTHING_TO_DESCRIBE}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::manifest::{AudioEntry, CheckEntry, MediaEntry, ReviewEntry, TextEntry};
    use crate::timeline::Time;

    fn review(file: &str, by: Option<&str>, signed: &[&str]) -> ReviewEntry {
        ReviewEntry {
            file: file.into(),
            approved: by.is_some(),
            by: by.filter(|by| !by.is_empty()).map(str::to_owned),
            signed: signed.iter().map(|word| (*word).to_owned()).collect(),
            on: None,
        }
    }

    fn audio(role: Role) -> AudioEntry {
        AudioEntry {
            label: "English".into(),
            language: "en".into(),
            role,
            channels: 2,
            sample_rate: 48_000,
            media: MediaEntry {
                playlist: "audio/en/playlist.m3u8".into(),
                codec: "mp4a.40.2".into(),
                average_rate: 1,
                peak_rate: 1,
                bytes: 1,
                segments: 1,
            },
        }
    }

    fn captions(role: TextRole) -> TextEntry {
        TextEntry {
            role,
            language: "en".into(),
            label: "English".into(),
            file: None,
            playlist: None,
            transcript: None,
            approved: Some(true),
        }
    }

    fn check(fails: usize) -> CheckEntry {
        CheckEntry {
            file: "captions.en.vtt".into(),
            profile: "wcag".into(),
            with_audio: true,
            fails,
            warnings: 3,
            failed: vec!["offset".into(); fails.min(1)],
            coverage: Some(0.99),
        }
    }

    /// A package that lacks nothing for level A.
    fn good() -> Manifest {
        let mut manifest = Manifest::of_media(&Default::default(), &[], Time::ZERO);
        manifest.audio = vec![audio(Role::Main)];
        manifest.captions = vec![captions(TextRole::Captions)];
        manifest.checked = vec![check(0)];
        manifest.review = vec![
            review("trim.vtt", Some("Ada"), &[]),
            review("captions.en.vtt", Some("Ada"), &["words"]),
        ];
        manifest
    }

    #[test]
    fn each_thing_that_is_missing_is_named() {
        assert_eq!(missing(&good(), Standard::A), []);
        let mut draft = good();
        draft.review[0].approved = false;
        let file = || "captions.en.vtt".to_owned();
        let mut subtitles = good();
        subtitles.captions = vec![captions(TextRole::Subtitles)];
        let mut unchecked = good();
        unchecked.checked.clear();
        let mut failed = good();
        failed.checked = vec![check(2)];
        let fails = Missing::Failed {
            file: file(),
            fails: 2,
            rules: vec!["offset".into()],
        };
        assert_eq!(
            fails.to_string(),
            "captions.en.vtt fails in 2 places (offset)"
        );
        for (manifest, expected) in [
            (draft, Missing::Approval("trim.vtt".into())),
            (subtitles, Missing::Captions),
            (unchecked, Missing::Check(file())),
            (failed, fails),
        ] {
            assert_eq!(missing(&manifest, Standard::A), [expected]);
        }
    }

    #[test]
    fn a_class_without_audio_needs_no_captions() {
        let mut silent = good();
        silent.audio.clear();
        silent.captions.clear();
        assert_eq!(missing(&silent, Standard::A), []);
    }

    #[test]
    fn a_description_or_a_named_persons_word_is_needed_for_aa() {
        assert_eq!(missing(&good(), Standard::Aa), [Missing::Description]);
        let mut described = good();
        described.audio.push(audio(Role::Description));
        assert_eq!(missing(&described, Standard::Aa), []);
        let mut told = good();
        told.descriptions = vec![captions(TextRole::Descriptions)];
        assert_eq!(missing(&told, Standard::Aa), []);
        for (by, expected) in [("Ada", vec![]), ("", vec![Missing::Description])] {
            let mut signed = good();
            signed.review[0] = review("trim.vtt", Some(by), &[NOTHING_TO_DESCRIBE]);
            assert_eq!(missing(&signed, Standard::Aa), expected);
        }
    }
}
