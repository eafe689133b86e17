// SPDX-License-Identifier: MPL-2.0

//! The rules, and findings of cues that break them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::timeline::Span;

/// A rule of the gate for prerecorded captions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Two cues are shown at the same time.
    Overlap,
    /// A cue has too many lines.
    Lines,
    /// A line is too long.
    LineLength,
    /// A cue is shown too briefly.
    TooShort,
    /// A cue is shown too long.
    TooLong,
    /// A cue has more text than can be read in its time.
    ReadingSpeed,
    /// The pause between two cues is too short to be seen as one.
    Gap,
    /// All cues are early or late.
    Offset,
    /// The cues run faster or slower than the speech.
    Drift,
    /// Speech without a cue.
    Uncaptioned,
    /// A cue while nobody speaks.
    OverSilence,
    /// A new speaker is not named.
    NoSpeaker,
    /// Sound that is not speech, such as music, is not named.
    NoSoundLabel,
}

/// The origin of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// WCAG 2.1, success criterion 1.2.2: captions contain all speech, its speakers and meaningful
    /// sounds, in sync with the audio. The number of the limit is the profile's.
    Wcag,
    /// The profile alone.
    Profile,
}

/// The consequence of a finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// A person should look at it.
    Warn,
    /// The captions are not good enough to be published.
    Fail,
}

/// A cue or a passage that breaks a rule.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    pub rule: Rule,
    pub severity: Severity,
    /// The time of the cue or passage, as the captions count it.
    pub span: Span,
    /// Index of the cue among those that were checked; `None` for a passage without one.
    pub cue: Option<usize>,
    /// The measured value, and the limit.
    pub text: String,
}

impl Rule {
    pub const ALL: [Rule; 13] = [
        Rule::Overlap,
        Rule::Lines,
        Rule::LineLength,
        Rule::TooShort,
        Rule::TooLong,
        Rule::ReadingSpeed,
        Rule::Gap,
        Rule::Offset,
        Rule::Drift,
        Rule::Uncaptioned,
        Rule::OverSilence,
        Rule::NoSpeaker,
        Rule::NoSoundLabel,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Rule::Overlap => "overlap",
            Rule::Lines => "lines",
            Rule::LineLength => "line-length",
            Rule::TooShort => "too-short",
            Rule::TooLong => "too-long",
            Rule::ReadingSpeed => "reading-speed",
            Rule::Gap => "gap",
            Rule::Offset => "offset",
            Rule::Drift => "drift",
            Rule::Uncaptioned => "uncaptioned",
            Rule::OverSilence => "over-silence",
            Rule::NoSpeaker => "no-speaker",
            Rule::NoSoundLabel => "no-sound-label",
        }
    }

    pub const fn basis(self) -> Basis {
        match self {
            Rule::Offset
            | Rule::Drift
            | Rule::Uncaptioned
            | Rule::NoSpeaker
            | Rule::NoSoundLabel => Basis::Wcag,
            Rule::Overlap
            | Rule::Lines
            | Rule::LineLength
            | Rule::TooShort
            | Rule::TooLong
            | Rule::ReadingSpeed
            | Rule::Gap
            | Rule::OverSilence => Basis::Profile,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Basis {
    pub const fn as_str(self) -> &'static str {
        match self {
            Basis::Wcag => "wcag",
            Basis::Profile => "profile",
        }
    }
}

impl Severity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Warn => "warn",
            Severity::Fail => "fail",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
