// SPDX-License-Identifier: MPL-2.0

//! Variables of the jobs: `KEY=VALUE` on the command line.
//!
//! The macro [`options!`] makes a struct of typed values and the table of their names from one list.
//! The command line is checked against the table, `--help` prints it, and a job parses its values once,
//! before it does any work.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Error;

/// Placeholder of the language in a variable's name.
const LANGUAGE: &str = "<lang>";

/// Placeholder of a file name in a variable's name.
const FILE: &str = "<file>";

/// A variable of a job. A name that ends in `<lang>` stands for one variable per language, and one that ends in
/// `<file>` for one per file.
#[derive(Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: &'static str,
    pub need: Need,
    pub text: &'static str,
    /// Whether the program itself reads it.
    #[cfg(test)]
    pub has_field: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Required,
    Optional,
    Default(&'static str),
}

impl Variable {
    /// Returns the prefix before the language or the file, if there is one such variable for each.
    pub fn family(&self) -> Option<&'static str> {
        let name = self.name;
        name.strip_suffix(LANGUAGE)
            .or_else(|| name.strip_suffix(FILE))
    }

    /// Returns whether there is one such variable per language.
    pub fn is_by_language(&self) -> bool {
        self.name.ends_with(LANGUAGE)
    }

    /// Returns the language or the file of a key of this family.
    pub fn member<'a>(&self, key: &'a str) -> Option<&'a str> {
        let member = key.strip_prefix(self.family()?)?;
        (self.is_by_language() || !member.is_empty()).then_some(member)
    }
}

/// The text of each variable that is given or has a default. A pipeline description takes its values
/// from here; its repeated lines look up `NAME.n` first.
#[derive(Clone, Debug, Default)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns whether there is a value of this name; one that ends with a point stands for all that
    /// begin so.
    pub fn has(&self, name: &str) -> bool {
        match name.ends_with('.') {
            true => self.of_family(name).next().is_some(),
            false => self.0.contains_key(name),
        }
    }

    /// Returns the values whose names begin so, each with the rest of its name.
    fn of_family(&self, family: &str) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter();
        all.filter_map(move |(name, value)| Some((name.strip_prefix(family)?, value.as_str())))
    }

    /// Returns the value for one repeat of a line.
    pub fn in_repeat(&self, name: &str, repeat: Option<usize>) -> Option<&str> {
        repeat
            .and_then(|n| self.get(&format!("{name}.{n}")))
            .or_else(|| self.get(name))
    }
}

/// A struct that [`options!`] makes.
pub trait Options: Sized {
    /// Returns the variables, each once.
    fn variables() -> Vec<&'static Variable>;

    /// Parses the values.
    fn parse(values: &Values) -> Result<Self, Error>;
}

/// Joins tables of variables; a name that stands in several is taken from the first.
pub fn join(tables: impl IntoIterator<Item = Vec<&'static Variable>>) -> Vec<&'static Variable> {
    let mut joined: Vec<&Variable> = Vec::new();
    for variable in tables.into_iter().flatten() {
        if !joined.iter().any(|other| other.name == variable.name) {
            joined.push(variable);
        }
    }
    joined
}

/// Declares the variables of a job, or of a group that several jobs have.
///
/// Each entry is the text for `--help` as a doc comment, the name, and `required`, `optional` or
/// `default "VALUE"`. A name without a field is only passed on to the pipeline description; the element
/// that takes it checks it, and before that the type after `as`, if there is one.
///
/// ```ignore
/// options! {
///     /// Variables of `trim`.
///     pub struct TrimOptions {
///         /// the file to write
///         "output" (required) => output: PathBuf,
///         /// start of the class: auto, speech or slide
///         "start-at" (default "auto"),
///     }
///     groups { recording: RecordingOptions }
/// }
/// ```
macro_rules! options {
    (
        $(#[$meta:meta])*
        pub struct $options:ident {
            $(
                $(#[doc = $text:literal])+
                $name:literal ($($need:tt)+) $(as $checked:ty)? $(=> $field:ident: $kind:ty)?
            ),* $(,)?
        }
        $(groups { $($group:ident: $group_options:ty),* $(,)? })?
    ) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $options {
            $($(pub $field: $kind,)?)*
            $($(pub $group: $group_options,)*)?
        }

        impl $crate::options::Options for $options {
            fn variables() -> Vec<&'static $crate::options::Variable> {
                static OWN: &[$crate::options::Variable] = &[$(
                    $crate::options::Variable {
                        name: $name,
                        need: $crate::options::need!($($need)+),
                        text: concat!($($text),+),
                        #[cfg(test)]
                        has_field: 0 $(+ stringify!($field).len())? > 0,
                    },
                )*];
                $crate::options::join([
                    OWN.iter().collect(),
                    $($(<$group_options as $crate::options::Options>::variables(),)*)?
                ])
            }

            fn parse(
                #[allow(unused_variables, reason = "some jobs only pass values on")]
                values: &$crate::options::Values,
            ) -> Result<Self, $crate::error::Error> {
                $($(<$checked as $crate::options::FromValues>::from_values(values, $name)?;)?)*
                Ok($options {
                    $($($field: $crate::options::FromValues::from_values(values, $name)?,)?)*
                    $($($group: $crate::options::Options::parse(values)?,)*)?
                })
            }
        }
    };
}
pub(crate) use options;

macro_rules! need {
    (required) => {
        $crate::options::Need::Required
    };
    (optional) => {
        $crate::options::Need::Optional
    };
    (default $value:literal) => {
        $crate::options::Need::Default($value)
    };
}
pub(crate) use need;

/// A reason why a text is not a value.
pub enum Wrong {
    /// The form that a value has, as an advice: "write true or false".
    Form(&'static str),
    /// An error that names the wrong part itself.
    Because(String),
}

/// The value of a variable.
pub trait FromText: Sized {
    fn from_text(text: &str) -> Result<Self, Wrong>;
}

/// A field that [`options!`] fills.
pub trait FromValues: Sized {
    fn from_values(values: &Values, name: &str) -> Result<Self, Error>;
}

/// A variable that is required or has a default.
impl<T: FromText> FromValues for T {
    fn from_values(values: &Values, name: &str) -> Result<Self, Error> {
        parse(values.get(name).unwrap_or_default(), name)
    }
}

impl<T: FromText> FromValues for Option<T> {
    fn from_values(values: &Values, name: &str) -> Result<Self, Error> {
        values.get(name).map(|text| parse(text, name)).transpose()
    }
}

fn parse<T: FromText>(text: &str, name: &str) -> Result<T, Error> {
    T::from_text(text).map_err(|wrong| {
        let place = format!("{name}={text}");
        match wrong {
            Wrong::Form(form) => {
                Error::usage(format!("{text} is not a value of {name}"), place, form)
            }
            Wrong::Because(words) => Error::usage(words, place, "see --help"),
        }
    })
}

/// Values of a variable that exists once per language: the language tag and the value of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByLanguage(pub Vec<(String, String)>);

impl FromValues for ByLanguage {
    fn from_values(values: &Values, name: &str) -> Result<Self, Error> {
        let family = name.strip_suffix(LANGUAGE).unwrap_or(name);
        let of_family = values.of_family(family);
        Ok(ByLanguage(
            of_family
                .map(|(language, value)| (language.to_owned(), value.to_owned()))
                .collect(),
        ))
    }
}

/// Values of a variable that exists once per file: the file name and the value of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByFile<T>(pub Vec<(String, T)>);

impl<T: FromText> FromValues for ByFile<T> {
    fn from_values(values: &Values, name: &str) -> Result<Self, Error> {
        let family = name.strip_suffix(FILE).unwrap_or(name);
        let of_family = values.of_family(family);
        let parsed = of_family.map(|(file, text)| {
            let value = parse(text, &format!("{family}{file}"))?;
            Ok((file.to_owned(), value))
        });
        Ok(ByFile(parsed.collect::<Result<_, _>>()?))
    }
}

impl FromText for String {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Ok(text.to_owned())
    }
}

impl FromText for PathBuf {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        Ok(text.into())
    }
}

impl FromText for bool {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(Wrong::Form("write true or false")),
        }
    }
}

impl FromText for u64 {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        text.parse()
            .map_err(|_| Wrong::Form("write a whole number"))
    }
}

impl FromText for Duration {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let seconds = text.parse().ok();
        let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        duration.ok_or(Wrong::Form("write a number of seconds"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    options! {
        /// A group.
        pub struct Common {
            /// true goes on
            "go-on" (default "false") => go_on: bool,
        }
    }

    options! {
        /// Variables of a test.
        pub struct Test {
            /// the file,
            /// of any kind
            "input" (required) => input: PathBuf,
            /// how often
            "count" (optional) => count: Option<u64>,
            /// passed on
            "preset" (default "medium"),
            /// passed on, and checked
            "size" (default "1") as u64,
            /// texts
            "text.<lang>" (optional) => texts: ByLanguage,
            /// lengths
            "length.<file>" (optional) => lengths: ByFile<Duration>,
        }
        groups { common: Common }
    }

    fn values(all: &[(&str, &str)]) -> Values {
        let mut values = Values::default();
        for (name, value) in all {
            values.set(*name, *value);
        }
        values
    }

    #[test]
    fn the_table_and_the_fields_come_from_one_list() {
        let names: Vec<_> = Test::variables()
            .iter()
            .map(|variable| (variable.name, variable.need))
            .collect();
        assert_eq!(
            names,
            [
                ("input", Need::Required),
                ("count", Need::Optional),
                ("preset", Need::Default("medium")),
                ("size", Need::Default("1")),
                ("text.<lang>", Need::Optional),
                ("length.<file>", Need::Optional),
                ("go-on", Need::Default("false")),
            ]
        );
        assert_eq!(Test::variables()[0].text, " the file, of any kind");
        let given = [
            ("input", "a"),
            ("size", "1"),
            ("go-on", "true"),
            ("text.en", "b"),
            ("text.de", "c"),
            ("length.a.webm", "1.5"),
        ];
        let test = Test::parse(&values(&given)).expect("valid");
        assert_eq!((test.input.to_str(), test.count), (Some("a"), None));
        assert!(test.common.go_on);
        let texts = [("de", "c"), ("en", "b")].map(|(tag, text)| (tag.into(), text.into()));
        assert_eq!(test.texts.0, texts);
        let lengths = [("a.webm".to_owned(), Duration::from_millis(1500))];
        assert_eq!(test.lengths.0, lengths);
        let wrong = Test::parse(&values(&[
            ("input", "a"),
            ("size", "1"),
            ("length.a.webm", "x"),
        ]));
        let error = wrong.expect_err("wrong").to_string();
        assert!(error.contains("length.a.webm"), "{error}");
    }

    #[test]
    fn a_wrong_value_is_named_with_its_form() {
        for (name, value, form) in [
            ("count", "-1", "write a whole number"),
            ("size", "-1", "write a whole number"),
            ("go-on", "yes", "write true or false"),
        ] {
            let given = values(&[
                ("input", "a"),
                ("size", "1"),
                ("go-on", "true"),
                (name, value),
            ]);
            let error = Test::parse(&given).expect_err("wrong");
            assert_eq!(error.status(), 2);
            let words = error.to_string();
            assert!(
                words.contains(&format!("{value} is not a value of {name}")),
                "{words}"
            );
            assert!(words.contains(form), "{words}");
        }
    }
}
