// SPDX-License-Identifier: MPL-2.0

//! The command line: `lecture [JOB] [KEY=VALUE…] [--print] [--json] [--help] [--version]`, or
//! `lecture schema NAME`.

use std::ffi::OsString;

use gstlecture::language;

use crate::error::Error;
use crate::options::{Need, Values, Variable};

/// The variable whose value is a language.
const LANGUAGE: &str = "language";

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Arguments {
    pub job: Option<String>,
    pub values: Vec<(String, String)>,
    /// The name after `lecture schema`.
    pub schema: Option<String>,
    /// Print the `gst-launch-1.0` lines only.
    pub print: bool,
    /// End with one line of JSON.
    pub json: bool,
    pub help: bool,
    pub version: bool,
}

impl Arguments {
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, Error> {
        let mut read = Arguments::default();
        for argument in arguments {
            let argument = argument.into_string().map_err(|argument| {
                Error::usage(
                    "an argument is not UTF-8",
                    argument.to_string_lossy(),
                    "rename the file",
                )
            })?;
            match argument.as_str() {
                "--print" => read.print = true,
                "--json" => read.json = true,
                "--help" | "-h" => read.help = true,
                "--version" => read.version = true,
                option if option.starts_with('-') => {
                    return Err(Error::usage(
                        "there is no such option",
                        option,
                        "the options are --print, --json, --help and --version",
                    ));
                }
                word => match word.split_once('=') {
                    Some((key, value)) => {
                        if read.values.iter().any(|(other, _)| other == key) {
                            return Err(Error::usage(
                                format!("{key} is given twice"),
                                word,
                                "give it once",
                            ));
                        }
                        read.values.push((key.into(), value.into()));
                    }
                    None if read.job.is_none() => read.job = Some(argument),
                    None if read.job.as_deref() == Some("schema") && read.schema.is_none() => {
                        read.schema = Some(argument);
                    }
                    None => {
                        return Err(Error::usage(
                            "this is neither a job nor KEY=VALUE",
                            word,
                            "write KEY=VALUE, for example input=FILE",
                        ));
                    }
                },
            }
        }
        Ok(read)
    }

    /// Returns the values for a job that has `variables`, with defaults for those not given.
    pub fn values_for(&self, job: &str, variables: &[&Variable]) -> Result<Values, Error> {
        let mut values = Values::default();
        for variable in variables {
            if let Need::Default(value) = variable.need {
                values.set(variable.name, value);
            }
        }
        for (key, value) in &self.values {
            let place = || format!("{key}={value}");
            let family = variables.iter().find_map(|variable| {
                let (family, member) = (variable.family()?, variable.member(key)?);
                Some((family, member, variable.is_by_language()))
            });
            let name = match family {
                Some((family, file, false)) => format!("{family}{file}"),
                Some((family, language, true)) => {
                    let tag = known(language, place(), family)?;
                    let name = format!("{family}{tag}");
                    if values.get(&name).is_some() {
                        return Err(Error::usage(
                            format!("{name} is given twice"),
                            place(),
                            "give one file per language",
                        ));
                    }
                    name
                }
                None if variables.iter().any(|variable| variable.name == *key) => key.clone(),
                None => {
                    return Err(Error::usage(
                        format!("the job {job} has no variable {key}"),
                        place(),
                        format!("`lecture {job} --help` lists them"),
                    ));
                }
            };
            if value.is_empty() {
                return Err(Error::usage(
                    format!("{key} has no value"),
                    format!("{key}="),
                    "give one, or leave the variable out",
                ));
            }
            if name == LANGUAGE {
                values.set(name, known(value, place(), "language=")?);
                continue;
            }
            values.set(name, value);
        }
        for variable in variables {
            if variable.need == Need::Required && values.get(variable.name).is_none() {
                return Err(Error::usage(
                    format!("{}= is missing", variable.name),
                    format!("lecture {job}"),
                    format!("give it: {}", variable.text.trim_start()),
                ));
            }
        }
        Ok(values)
    }
}

/// Returns the canonical spelling of a language tag; `before` and `place` are for the error
/// message.
fn known(language: &str, place: String, before: &str) -> Result<String, Error> {
    language::known(language).ok_or_else(|| {
        let remedy = match language::code(language) {
            Some(code) => format!("write its code: {before}{code}"),
            None => format!("write a BCP 47 tag, for example {before}en or {before}pt-BR"),
        };
        Error::usage(format!("\"{language}\" is not a language"), place, remedy)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Arguments, Error> {
        Arguments::read(arguments.iter().map(OsString::from))
    }

    #[test]
    fn jobs_values_and_options_are_told_apart() {
        let read = read(&["--json", "package", "input=a=b.mkv", "--print"]).expect("valid");
        assert_eq!(read.job.as_deref(), Some("package"));
        assert_eq!(read.values, [("input".to_string(), "a=b.mkv".to_string())]);
        assert!(read.json && read.print && !read.help);
    }

    #[test]
    fn a_schema_is_named_without_a_key() {
        let named = read(&["schema", "manifest"]).expect("valid");
        assert_eq!(named.schema.as_deref(), Some("manifest"));
        assert!(read(&["schema", "manifest", "session"]).is_err());
    }

    #[test]
    fn wrong_usage_has_status_2() {
        for wrong in [
            &["package", "again"][..],
            &["--nope"],
            &["package", "a=1", "a=2"],
        ] {
            assert_eq!(read(wrong).expect_err("wrong").status(), 2, "{wrong:?}");
        }
    }

    #[test]
    fn a_variable_of_languages_takes_each_once() {
        let variables = [&Variable {
            name: "captions.<lang>",
            need: Need::Optional,
            text: "",
            has_field: true,
        }];
        let values = read(&["job", "captions.EN=a", "captions.pt-br=b"])
            .and_then(|read| read.values_for("job", &variables))
            .expect("valid");
        let captions = ["en", "pt-BR"].map(|tag| values.get(&format!("captions.{tag}")));
        assert_eq!(captions, [Some("a"), Some("b")]);
        for (arguments, what) in [
            (
                &["job", "captions.en=a", "captions.EN=b"][..],
                "captions.en is given twice",
            ),
            (&["job", "captions.en_GB=a"], "\"en_GB\" is not a language"),
            (&["job", "captions.=a"], "is not a language"),
            (&["job", "captions=a"], "no variable captions"),
            (&["job", "captions.en="], "has no value"),
        ] {
            let error = read(arguments)
                .and_then(|read| read.values_for("job", &variables))
                .expect_err("wrong");
            assert_eq!(error.status(), 2);
            assert!(error.to_string().contains(what), "{error}");
        }
    }

    #[test]
    fn unknown_and_missing_variables_are_named() {
        let variables = [
            &Variable {
                name: "input",
                need: Need::Required,
                text: "the recording",
                has_field: true,
            },
            &Variable {
                name: "preset",
                need: Need::Default("medium"),
                text: "",
                has_field: true,
            },
        ];
        let values = read(&["job", "input=a"])
            .and_then(|read| read.values_for("job", &variables))
            .expect("valid");
        assert_eq!(values.get("preset"), Some("medium"));
        for (arguments, what) in [
            (&["job", "inptu=a"][..], "no variable inptu"),
            (&["job"], "input= is missing"),
            (&["job", "input="], "input has no value"),
        ] {
            let error = read(arguments)
                .and_then(|read| read.values_for("job", &variables))
                .expect_err("wrong");
            assert_eq!(error.status(), 2);
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}
