// SPDX-License-Identifier: MPL-2.0

//! The jobs: their variables, the pipelines they run, and the use of the results.

use std::path::{self, Path, PathBuf};

use gstlecture::timeline::Time;
use once_cell::sync::Lazy;
use serde_json::{Map, Value};

use crate::class::fingerprint::of_recording;
use crate::class::texts::Transcript;
use crate::engine::description::{Description, Facts, Pipeline, Values, Variable};
use crate::engine::ledger::Loss;
use crate::engine::pipeline::{self, Outcome};
use crate::engine::progress::Progress;
use crate::engine::quote;
use crate::error::Error;
use crate::media::probe::Input;
use crate::print;
use crate::stop::Stop;

mod analyse;
pub mod arguments;
mod catalog;
mod chapters;
mod check;
pub mod help;
mod package;
mod play;
mod publish;
mod statements;
mod trim;
mod unpublish;
mod xapi_check;
mod xapi_deliver;
mod xapi_report;

/// The sample class of the repository from which the program was built.
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sample.mkv");
const SAMPLE_CAPTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sample.vtt");

/// Results of a job, for `--json`.
pub type Summary = Map<String, Value>;

/// A request for a job.
#[derive(Clone)]
pub struct Request {
    pub values: Values,
    /// Print the lines only.
    pub print: bool,
    pub stop: Stop,
}

pub struct Job {
    pub name: &'static str,
    /// Description of a job that is a sequence of others.
    about: Option<&'static str>,
    /// Descriptions of the pipelines it runs, in order.
    descriptions: &'static [&'static Lazy<Description>],
    run: fn(&Request, &mut Summary) -> Result<(), Error>,
}

/// All jobs, in the order in which they are listed.
pub static JOBS: &[Job] = &[
    Job {
        name: "catalog",
        about: Some(catalog::ABOUT),
        descriptions: &[&analyse::DESCRIPTION, &package::DESCRIPTION],
        run: catalog::run,
    },
    Job {
        name: "analyse",
        about: None,
        descriptions: &[&analyse::DESCRIPTION],
        run: analyse::run,
    },
    Job {
        name: "package",
        about: None,
        descriptions: &[&package::DESCRIPTION],
        run: package::run,
    },
    Job {
        name: "trim",
        about: None,
        descriptions: &[&trim::DESCRIPTION],
        run: trim::run,
    },
    Job {
        name: "chapters",
        about: None,
        descriptions: &[&chapters::DESCRIPTION],
        run: chapters::run,
    },
    Job {
        name: "check",
        about: None,
        descriptions: &[&check::DESCRIPTION],
        run: check::run,
    },
    Job {
        name: "publish",
        about: None,
        descriptions: &[&publish::DESCRIPTION],
        run: publish::run,
    },
    Job {
        name: "unpublish",
        about: None,
        descriptions: &[&unpublish::DESCRIPTION],
        run: unpublish::run,
    },
    Job {
        name: "play",
        about: None,
        descriptions: &[&play::DESCRIPTION],
        run: play::run,
    },
    Job {
        name: "xapi-deliver",
        about: None,
        descriptions: &[&xapi_deliver::DESCRIPTION],
        run: xapi_deliver::run,
    },
    Job {
        name: "xapi-report",
        about: None,
        descriptions: &[&xapi_report::DESCRIPTION],
        run: xapi_report::run,
    },
    Job {
        name: "xapi-check",
        about: None,
        descriptions: &[&xapi_check::DESCRIPTION],
        run: xapi_check::run,
    },
];

impl Job {
    pub fn find(name: &str) -> Option<&'static Job> {
        JOBS.iter().find(|job| job.name == name)
    }

    pub fn about(&self) -> &str {
        match (self.about, self.descriptions) {
            (Some(about), _) => about,
            (None, [first, ..]) => &first.about,
            (None, []) => "",
        }
    }

    pub fn summary(&self) -> &str {
        self.about().lines().next().unwrap_or_default()
    }

    /// Returns the variables of all its descriptions, each once.
    pub fn variables(&self) -> Vec<Variable> {
        let mut variables: Vec<Variable> = Vec::new();
        for description in self.descriptions {
            for variable in &description.variables {
                if !variables.iter().any(|other| other.name == variable.name) {
                    variables.push(variable.clone());
                }
            }
        }
        variables
    }

    pub fn run(&self, request: &Request, summary: &mut Summary) -> Result<(), Error> {
        (self.run)(request, summary)
    }
}

impl Request {
    /// Returns a variable that is required or has a default.
    fn value(&self, name: &str) -> &str {
        self.values.get(name).unwrap_or_default()
    }

    /// Returns the value of a switch.
    fn is_on(&self, name: &str) -> Result<bool, Error> {
        match self.value(name) {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(Error::usage(
                format!("{other} is not a value of {name}"),
                format!("{name}={other}"),
                "write true or false",
            )),
        }
    }

    /// Returns the same request. If it names neither a recording nor a text of one, adds the
    /// captions of the sample class, which is used instead.
    fn or_sample(&self) -> Request {
        let mut request = self.clone();
        let texts = ["captions.", "descriptions."].map(|family| self.values.by_language(family));
        let names = ["input", "transcript"]
            .iter()
            .any(|name| self.values.get(name).is_some());
        if !names && texts.iter().all(Vec::is_empty) && Path::new(SAMPLE_CAPTIONS).exists() {
            request.values.set("captions.en", SAMPLE_CAPTIONS);
        }
        request
    }

    /// Opens the recording that `input=` names, or the sample class if it is not given.
    fn recording(&self) -> Result<Input, Error> {
        let input = match self.values.get("input") {
            Some(input) => input,
            None if Path::new(SAMPLE).exists() => SAMPLE,
            None => {
                return Err(Error::usage(
                    "input= is missing",
                    "",
                    "name the recording: input=FILE",
                ));
            }
        };
        self.open(input)
    }

    /// Opens a recording, after checking what to do if it is truncated.
    fn open(&self, input: &str) -> Result<Input, Error> {
        self.is_on("accept-truncated")?;
        let wanted = self.values.get("video").map(|number| {
            let parsed = number.parse().ok().filter(|number| *number > 0);
            parsed.ok_or_else(|| {
                Error::usage(
                    format!("{number} is not a value of video"),
                    format!("video={number}"),
                    "write the number of a video, the first is 1",
                )
            })
        });
        let input = Input::probe(input, wanted.transpose()?)?;
        for codec in &input.undecodable {
            self.note(&format!(
                "warning: there is no decoder for {codec}: this track is left out"
            ));
        }
        if let Some(video) = &input.video {
            for (number, size) in &input.other_videos {
                self.note(&format!(
                    "video {} is taken ({}x{}), not video {number} ({size}): video={number} takes that",
                    video.number, video.size.0, video.size.1,
                ));
            }
        }
        Ok(input)
    }

    /// Prints a note for the user.
    fn note(&self, text: &str) {
        print::note(text);
    }

    /// Reads the transcript that `transcript=` names for a recording of this length.
    fn transcript(&self, length: Option<Time>) -> Result<Option<Transcript>, Error> {
        let language = self.values.get("language");
        let path = self.values.get("transcript");
        path.map(|path| Transcript::read(path, language, length))
            .transpose()
    }

    /// Prints the line that does the same with stock tools, on standard output if that was all that
    /// was asked for.
    fn say(&self, pipeline: &Pipeline) {
        let line = quote::command_line(pipeline, plugin_folder().as_deref());
        if self.print {
            print::answer(line);
        } else {
            print::note(line);
        }
    }

    /// Runs a pipeline over `input`, and checks that all of the input arrived.
    fn run(
        &self,
        step: &'static str,
        pipeline: &gst::Pipeline,
        input: &Input,
        on_message: impl FnMut(&gst::StructureRef),
    ) -> Result<Outcome, Error> {
        let progress = Progress::start(step, input.duration);
        let outcome = pipeline::run(pipeline, progress, &self.stop, on_message)?;
        for warning in &outcome.warnings {
            self.note(&format!("warning: {warning}"));
        }
        self.check_delivery(input, &outcome)?;
        self.check_losses(input, &outcome.losses)?;
        Ok(outcome)
    }

    /// Reports frames and samples without a position in time, which are lost to everything that
    /// needs one.
    fn check_losses(&self, input: &Input, losses: &[Loss]) -> Result<(), Error> {
        let Some(loss) = losses.first() else {
            return Ok(());
        };
        if self.is_on("accept-truncated")? {
            self.note(&format!("warning: {loss}"));
            return Ok(());
        }
        Err(Error::request(
            loss.to_string(),
            input.path.display().to_string(),
            "give them times: ffmpeg -fflags +genpts -i INPUT -c copy OUTPUT.mkv; or go on without \
             them: accept-truncated=true",
        ))
    }

    /// Compares the delivered length with the header: a truncated file ends like a whole one.
    fn check_delivery(&self, input: &Input, outcome: &Outcome) -> Result<(), Error> {
        let Some((promised, delivered)) = input.truncated(outcome.delivered) else {
            return Ok(());
        };
        let what = format!(
            "the recording is cut off: its header declares {}, but only {} are present",
            promised.clock(),
            delivered.clock()
        );
        if self.is_on("accept-truncated")? {
            self.note(&format!("warning: {what}"));
            return Ok(());
        }
        Err(Error::request(
            what,
            input.path.display().to_string(),
            "copy it again, or use the part that is present: accept-truncated=true",
        ))
    }
}

fn fingerprint(input: &Input) -> Result<String, Error> {
    of_recording(&input.path).map_err(|error| Error::reading(&input.path, &error))
}

fn absolute(path: &str) -> Result<PathBuf, Error> {
    path::absolute(path).map_err(|error| Error::writing(Path::new(path), &error))
}

/// Sets the values that every description takes from an input.
fn set_input(values: &mut Values, input: &Input) {
    values.set("input", input.path.display().to_string());
    if let Some(orientation) = input.unread_orientation() {
        values.set("orientation", orientation);
    }
}

/// Returns the facts of an input on which descriptions depend.
fn facts(input: &Input) -> Facts {
    let mut facts = Facts::default();
    facts.set("recording", true);
    facts.set("edits", input.has_edits);
    facts.set("turned", input.is_turned());
    facts.set("rolled", input.unread_orientation().is_some());
    facts.set("video", input.video.is_some());
    facts.set(
        "interlaced",
        input.video.as_ref().is_some_and(|video| video.interlaced),
    );
    if let Some(pad) = input.video_pad() {
        facts.set_pad("video", pad);
    }
    facts.count("audio", input.audio.len());
    facts.count("other-audio", input.audio.len().saturating_sub(1));
    facts
}

/// Returns the folder of the program, which also contains the plugins built with it.
fn plugin_folder() -> Option<String> {
    let program: PathBuf = std::env::current_exe().ok()?;
    let folder = program.parent()?;
    folder
        .join("libgstlecture.so")
        .exists()
        .then(|| folder.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::description::Need;

    #[test]
    fn every_job_and_variable_is_documented() {
        for job in JOBS {
            assert!(job.summary().ends_with('.'), "{}", job.name);
            for variable in job.variables() {
                assert!(!variable.text.is_empty(), "{} {}", job.name, variable.name);
                if let Need::Default(value) = &variable.need {
                    assert!(!value.is_empty(), "{} {}", job.name, variable.name);
                }
            }
        }
    }
}
