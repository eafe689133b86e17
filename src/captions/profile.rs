// SPDX-License-Identifier: MPL-2.0

//! Profiles: the numbers of the rules. Four are built in; a file may change any number of one.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rule::Severity;

/// The JSON schema (draft 2020-12) of a profile's file.
pub const SCHEMA: &str = include_str!("profile.schema.json");

/// Values from which a rule is broken. A severity without a value never happens.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn: Option<f64>,
}

/// Rounding of times to milliseconds, and of numbers, never breaks a rule.
const ROUNDING: f64 = 1e-6;

impl Limits {
    const NONE: Limits = Limits {
        fail: None,
        warn: None,
    };

    const fn fail(limit: f64) -> Self {
        Limits {
            fail: Some(limit),
            warn: None,
        }
    }

    const fn warn(limit: f64) -> Self {
        Limits {
            fail: None,
            warn: Some(limit),
        }
    }

    const fn both(fail: f64, warn: f64) -> Self {
        Limits {
            fail: Some(fail),
            warn: Some(warn),
        }
    }

    /// Returns the severity and the limit of a value that is too large.
    pub fn above(self, value: f64) -> Option<(Severity, f64)> {
        self.broken(|limit| value > limit + ROUNDING)
    }

    /// Returns the severity and the limit of a value that is too small.
    pub fn below(self, value: f64) -> Option<(Severity, f64)> {
        self.broken(|limit| value < limit - ROUNDING)
    }

    fn broken(self, is_broken: impl Fn(f64) -> bool) -> Option<(Severity, f64)> {
        let limits = [(Severity::Fail, self.fail), (Severity::Warn, self.warn)];
        let mut limits = limits
            .into_iter()
            .filter_map(|(severity, limit)| Some((severity, limit?)));
        limits.find(|(_, limit)| is_broken(*limit))
    }
}

/// The numbers of the rules. Times are in seconds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Profile {
    /// Name for reports.
    pub name: String,
    /// Cues that are shown at the same time.
    pub overlap: Option<Severity>,
    /// Largest number of lines of a cue.
    pub lines: Limits,
    /// Largest number of columns of a line; wide characters, such as Chinese ones, have two.
    pub line_length: Limits,
    /// Shortest time of a cue.
    pub too_short: Limits,
    /// Shortest time of a cue for each of its words.
    pub too_short_per_word: Limits,
    /// Longest time of a cue.
    pub too_long: Limits,
    /// Largest number of columns per second.
    pub characters_per_second: Limits,
    /// Largest number of words per minute, in languages that put spaces between words.
    pub words_per_minute: Limits,
    /// Shortest pause between two cues.
    pub gap: Limits,
    /// Whether two cues may follow each other without a pause.
    pub gap_may_be_none: bool,
    /// Largest time by which the cues are earlier than the speech.
    pub early: Limits,
    /// Largest time by which the cues are later than the speech.
    pub late: Limits,
    /// Largest time that the cues gain or lose from the first to the last.
    pub drift: Limits,
    /// Longest speech without a cue.
    pub uncaptioned: Limits,
    /// Cues while nobody speaks.
    pub over_silence: Option<Severity>,
    /// Speakers without a name.
    pub no_speaker: Option<Severity>,
    /// Sounds other than speech without a name.
    pub no_sound_label: Option<Severity>,
}

/// Two frames at 24 frames per second.
const TWO_FRAMES: f64 = 0.083;
/// Three frames at 24 frames per second.
const THREE_FRAMES: f64 = 0.125;

impl Profile {
    /// Names of the built-in profiles, the default first.
    pub const NAMES: [&str; 4] = ["wcag", "dcmp", "bbc", "netflix-en"];

    /// Returns a built-in profile.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "wcag" => Some(Profile::wcag()),
            "dcmp" => Some(Profile::dcmp()),
            "bbc" => Some(Profile::bbc()),
            "netflix-en" => Some(Profile::netflix_en()),
            _ => None,
        }
    }

    /// The default: fails what no common guideline allows, warns where one is stricter.
    pub fn wcag() -> Self {
        Profile {
            name: "wcag".to_owned(),
            overlap: Some(Severity::Fail),
            lines: Limits::fail(2.0),
            line_length: Limits::both(42.0, 32.0),
            too_short: Limits::both(0.83, 1.33),
            too_short_per_word: Limits::NONE,
            too_long: Limits::fail(7.0),
            characters_per_second: Limits::fail(20.0),
            words_per_minute: Limits::warn(160.0),
            gap: Limits::NONE,
            gap_may_be_none: true,
            early: Limits::fail(0.5),
            late: Limits::fail(0.5),
            drift: Limits::both(0.5, 0.1),
            uncaptioned: Limits::fail(3.0),
            over_silence: Some(Severity::Warn),
            no_speaker: Some(Severity::Warn),
            no_sound_label: Some(Severity::Warn),
        }
    }

    /// DCMP Captioning Key: upper level 160 words per minute, 32 characters, 1.33 to 6 seconds.
    fn dcmp() -> Self {
        Profile {
            name: "dcmp".to_owned(),
            line_length: Limits::fail(32.0),
            too_short: Limits::fail(1.33),
            too_long: Limits::fail(6.0),
            characters_per_second: Limits::NONE,
            words_per_minute: Limits::both(160.0, 140.0),
            ..Profile::wcag()
        }
    }

    /// BBC subtitle guidelines: 160 to 180 words per minute, 37 characters, 0.3 seconds per word.
    fn bbc() -> Self {
        Profile {
            name: "bbc".to_owned(),
            line_length: Limits::fail(37.0),
            too_short: Limits::NONE,
            too_short_per_word: Limits::fail(0.3),
            too_long: Limits::NONE,
            characters_per_second: Limits::NONE,
            words_per_minute: Limits::both(180.0, 160.0),
            gap: Limits::warn(1.0),
            early: Limits::fail(1.5),
            late: Limits::fail(2.0),
            ..Profile::wcag()
        }
    }

    /// Netflix timed text style guide, English: 20 characters per second, 42 characters, 2 frames
    /// between cues.
    fn netflix_en() -> Self {
        Profile {
            name: "netflix-en".to_owned(),
            line_length: Limits::fail(42.0),
            too_short: Limits::fail(0.83),
            words_per_minute: Limits::NONE,
            gap: Limits::fail(TWO_FRAMES),
            gap_may_be_none: false,
            early: Limits::fail(THREE_FRAMES),
            late: Limits::fail(THREE_FRAMES),
            ..Profile::wcag()
        }
    }

    /// Reads a file: a JSON object with the fields that differ from the profile `based-on`, which is
    /// `wcag` if it is not named.
    pub fn read(bytes: &[u8]) -> Result<Self, ProfileError> {
        let mut changes: serde_json::Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|error| ProfileError::Json(error.to_string()))?;
        let base = match changes.remove("based-on") {
            None => Profile::wcag(),
            Some(Value::String(name)) => {
                Profile::named(&name).ok_or(ProfileError::UnknownBase(name))?
            }
            Some(other) => return Err(ProfileError::UnknownBase(other.to_string())),
        };
        let mut whole = match serde_json::to_value(&base) {
            Ok(Value::Object(whole)) => whole,
            _ => serde_json::Map::new(),
        };
        changes.remove("$schema");
        whole.insert("name".to_owned(), "own".into());
        whole.extend(changes);
        let profile: Profile = serde_json::from_value(Value::Object(whole))
            .map_err(|error| ProfileError::Json(error.to_string()))?;
        profile.check()?;
        Ok(profile)
    }

    fn check(&self) -> Result<(), ProfileError> {
        let limits = [
            ("lines", self.lines),
            ("line-length", self.line_length),
            ("too-short", self.too_short),
            ("too-short-per-word", self.too_short_per_word),
            ("too-long", self.too_long),
            ("characters-per-second", self.characters_per_second),
            ("words-per-minute", self.words_per_minute),
            ("gap", self.gap),
            ("early", self.early),
            ("late", self.late),
            ("drift", self.drift),
            ("uncaptioned", self.uncaptioned),
        ];
        for (name, limits) in limits {
            let values = [limits.fail, limits.warn];
            if values.into_iter().flatten().any(|value| value < 0.0) {
                return Err(ProfileError::Negative(name));
            }
        }
        Ok(())
    }
}

/// Reason why a file is not a profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProfileError {
    /// It is not JSON of this form.
    Json(String),
    /// Its `based-on` is not a built-in profile.
    UnknownBase(String),
    /// A limit is below zero.
    Negative(&'static str),
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProfileError::Json(error) => write!(f, "the profile cannot be read: {error}"),
            ProfileError::UnknownBase(name) => write!(
                f,
                "based-on names no built-in profile: {name}; name one of {}",
                Profile::NAMES.join(", ")
            ),
            ProfileError::Negative(name) => {
                write!(f, "{name} is below zero; write a positive limit")
            }
        }
    }
}
