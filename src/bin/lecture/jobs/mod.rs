// SPDX-License-Identifier: MPL-2.0

//! The jobs: their variables, the pipelines they run, and the use of the results.

use std::path::{self, Path, PathBuf};

use schemars::Schema;

use self::analyse::AnalyseOptions;
use self::captions_check::CaptionsCheckOptions;
use self::captions_draft::CaptionsDraftOptions;
use self::chapters::ChaptersOptions;
use self::check::CheckOptions;
use self::compose::ComposeOptions;
use self::control::ControlOptions;
use self::mix::MixOptions;
use self::mjr::MjrOptions;
use self::package::PackageOptions;
use self::play::PlayOptions;
use self::publish::PublishOptions;
use self::record::RecordOptions;
use self::recover::RecoverOptions;
use self::session::SessionOptions;
use self::summary::{Summary, schema_of};
use self::trim::TrimOptions;
use self::unpublish::UnpublishOptions;
use self::xapi_check::XapiCheckOptions;
use self::xapi_deliver::XapiDeliverOptions;
use self::xapi_report::XapiReportOptions;
use crate::engine::description::{Facts, Pipeline};
use crate::engine::progress::Watched;
use crate::engine::quote;
use crate::error::Error;
use crate::media::probe::Input;
use crate::options::{Options, Values, Variable};
use crate::print;
use crate::stop::Stop;

mod analyse;
pub mod arguments;
mod captions_check;
mod captions_draft;
mod catalog;
mod chapters;
mod check;
mod compose;
mod control;
pub mod help;
mod mix;
mod mjr;
mod output;
mod package;
mod play;
mod publish;
mod record;
mod recording;
mod recover;
mod review;
mod session;
mod session_input;
mod statements;
pub mod summary;
mod trim;
mod unpublish;
mod xapi_check;
mod xapi_deliver;
mod xapi_report;

/// A request for a job.
#[derive(Clone)]
pub struct Request {
    pub values: Values,
    /// Print the lines only.
    pub print: bool,
    /// Print results as lines of JSON.
    pub json: bool,
    pub stop: Stop,
    /// Progress of the job, for whoever waits for it.
    pub watched: Watched,
}

pub struct Job {
    pub name: &'static str,
    pub about: fn() -> &'static str,
    pub variables: fn() -> Vec<&'static Variable>,
    /// Returns the schema of the results.
    pub results: fn() -> Schema,
    pub run: fn(&Request, &mut Summary) -> Result<(), Error>,
}

/// All jobs, in the order in which they are listed.
pub static JOBS: &[Job] = &[
    Job {
        name: "catalog",
        about: || catalog::ABOUT,
        variables: catalog::variables,
        results: schema_of::<catalog::CatalogResults>,
        run: catalog::run,
    },
    Job {
        name: "analyse",
        about: || &analyse::DESCRIPTION.about,
        variables: AnalyseOptions::variables,
        results: schema_of::<analyse::AnalyseResults>,
        run: analyse::run,
    },
    Job {
        name: "package",
        about: || &package::DESCRIPTION.about,
        variables: PackageOptions::variables,
        results: schema_of::<package::PackageResults>,
        run: package::run,
    },
    Job {
        name: "review",
        about: || review::ABOUT,
        variables: review::variables,
        results: schema_of::<review::ReviewResults>,
        run: review::run,
    },
    Job {
        name: "trim",
        about: || &trim::DESCRIPTION.about,
        variables: TrimOptions::variables,
        results: schema_of::<trim::TrimResults>,
        run: trim::run,
    },
    Job {
        name: "chapters",
        about: || &chapters::DESCRIPTION.about,
        variables: ChaptersOptions::variables,
        results: schema_of::<chapters::ChaptersResults>,
        run: chapters::run,
    },
    Job {
        name: "record",
        about: || record::ABOUT,
        variables: RecordOptions::variables,
        results: schema_of::<record::RecordResults>,
        run: record::run,
    },
    Job {
        name: "control",
        about: || control::ABOUT,
        variables: ControlOptions::variables,
        results: schema_of::<control::ControlResults>,
        run: control::run,
    },
    Job {
        name: "recover",
        about: || recover::ABOUT,
        variables: RecoverOptions::variables,
        results: schema_of::<recover::RecoverResults>,
        run: recover::run,
    },
    Job {
        name: "session",
        about: || session::ABOUT,
        variables: SessionOptions::variables,
        results: schema_of::<session::SessionResults>,
        run: session::run,
    },
    Job {
        name: "compose",
        about: || &compose::DESCRIPTION.about,
        variables: ComposeOptions::variables,
        results: schema_of::<compose::ComposeResults>,
        run: compose::run,
    },
    Job {
        name: "mix",
        about: || &mix::DESCRIPTION.about,
        variables: MixOptions::variables,
        results: schema_of::<mix::MixResults>,
        run: mix::run,
    },
    Job {
        name: "mjr",
        about: || &mjr::DESCRIPTION.about,
        variables: MjrOptions::variables,
        results: schema_of::<mjr::MjrResults>,
        run: mjr::run,
    },
    Job {
        name: "check",
        about: || check::ABOUT,
        variables: CheckOptions::variables,
        results: schema_of::<check::CheckResults>,
        run: check::run,
    },
    Job {
        name: "captions-draft",
        about: || &captions_draft::DESCRIPTION.about,
        variables: CaptionsDraftOptions::variables,
        results: schema_of::<captions_draft::CaptionsDraftResults>,
        run: captions_draft::run,
    },
    Job {
        name: "captions-check",
        about: || &captions_check::DESCRIPTION.about,
        variables: CaptionsCheckOptions::variables,
        results: schema_of::<captions_check::CaptionsCheckResults>,
        run: captions_check::run,
    },
    Job {
        name: "publish",
        about: || publish::ABOUT,
        variables: PublishOptions::variables,
        results: schema_of::<publish::PublishResults>,
        run: publish::run,
    },
    Job {
        name: "unpublish",
        about: || unpublish::ABOUT,
        variables: UnpublishOptions::variables,
        results: schema_of::<unpublish::UnpublishResults>,
        run: unpublish::run,
    },
    Job {
        name: "play",
        about: || &play::DESCRIPTION.about,
        variables: PlayOptions::variables,
        results: schema_of::<play::PlayResults>,
        run: play::run,
    },
    Job {
        name: "xapi-deliver",
        about: || xapi_deliver::ABOUT,
        variables: XapiDeliverOptions::variables,
        results: schema_of::<xapi_deliver::XapiDeliverResults>,
        run: xapi_deliver::run,
    },
    Job {
        name: "xapi-report",
        about: || xapi_report::ABOUT,
        variables: XapiReportOptions::variables,
        results: schema_of::<xapi_report::XapiReportResults>,
        run: xapi_report::run,
    },
    Job {
        name: "xapi-check",
        about: || xapi_check::ABOUT,
        variables: XapiCheckOptions::variables,
        results: schema_of::<xapi_check::XapiCheckResults>,
        run: xapi_check::run,
    },
];

impl Job {
    pub fn find(name: &str) -> Option<&'static Job> {
        JOBS.iter().find(|job| job.name == name)
    }

    /// Returns the first line of what the job does.
    pub fn summary(&self) -> &'static str {
        (self.about)().lines().next().unwrap_or_default()
    }
}

impl Request {
    /// Prints a note for the user.
    fn note(&self, text: &str) {
        print::note(text);
    }

    fn note_all(&self, texts: Vec<String>) {
        texts.iter().for_each(|text| self.note(text));
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
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    path::absolute(path).map_err(|error| Error::writing(path, &error))
}

/// Sets the values that every description takes from an input.
fn set_input(values: &mut Values, input: &Input) {
    values.set("input", input.path.display().to_string());
    if let Some(orientation) = input.unread_orientation() {
        values.set("orientation", orientation);
    }
    let measured = input.video.as_ref().and_then(|video| video.measured_rate);
    if let Some((num, den)) = measured {
        values.set(
            "measured-caps",
            format!("video/x-raw,framerate={num}/{den}"),
        );
    }
    if let Some(room) = &input.room {
        room.set_values(values);
    }
}

/// Returns the facts of an input on which descriptions depend.
fn facts(input: &Input) -> Facts {
    let mut facts = Facts::default();
    facts.set("recording", true);
    facts.set("edits", input.is_rewritten);
    facts.set("padded", input.is_padded);
    facts.set("turned", input.is_turned());
    facts.set("rolled", input.unread_orientation().is_some());
    let measured = input.video.as_ref().and_then(|video| video.measured_rate);
    facts.set("measured", measured.is_some());
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
    if let Some(room) = &input.room {
        room.set_facts(&mut facts);
    }
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
    use crate::options::Need;

    #[test]
    fn every_variable_is_used() {
        for job in JOBS {
            let pipelines: String = [
                "analyse",
                "captions-check",
                "captions-draft",
                "chapters",
                "compose",
                "mix",
                "mjr",
                "package",
                "play",
                "record-composite",
                "record-copy",
                "record-rtp",
                "record-test",
                "record-web",
                "record-whip",
                "room",
                "trim",
            ]
            .iter()
            .filter(|name| match **name {
                "room" => {
                    ["analyse", "catalog", "compose", "package", "review"].contains(&job.name)
                }
                _ => {
                    **name == job.name
                        || name.split('-').next() == Some(job.name)
                        || job.name == "catalog"
                        || (job.name == "review" && **name == "package")
                }
            })
            .filter_map(|name| {
                let path = format!("{}/pipelines/{name}.launch", env!("CARGO_MANIFEST_DIR"));
                std::fs::read_to_string(path).ok()
            })
            .collect();
            for variable in (job.variables)() {
                assert!(
                    variable.has_field || pipelines.contains(&format!("${{{}}}", variable.name)),
                    "{}: {} has no use",
                    job.name,
                    variable.name
                );
            }
        }
    }

    #[test]
    fn every_job_and_variable_is_documented() {
        for job in JOBS {
            assert!(job.summary().ends_with('.'), "{}", job.name);
            for variable in (job.variables)() {
                assert!(!variable.text.is_empty(), "{} {}", job.name, variable.name);
                if let Need::Default(value) = variable.need {
                    assert!(!value.is_empty(), "{} {}", job.name, variable.name);
                }
            }
        }
    }
}
