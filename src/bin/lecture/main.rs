// SPDX-License-Identifier: MPL-2.0

//! `lecture`: runs the jobs that turn the recording of a class into a catalog package.

// `print` ignores a closed output; the standard macros would end the program.
#![warn(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

mod class;
mod destination;
mod engine;
mod error;
mod fs;
mod jobs;
mod media;
mod options;
mod print;
mod serve;
mod stop;

use error::Error;
use jobs::arguments::Arguments;
use jobs::summary::{self, Answer, Summary};
use jobs::{Job, Request, help};
use stop::Stop;

fn main() -> ExitCode {
    let arguments = match Arguments::read(std::env::args_os().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => {
            print::note(format_args!("error: {error}"));
            return ExitCode::from(error.status());
        }
    };
    let mut results = Summary::default();
    let done = lecture(&arguments, &mut results);
    if let Err(error) = &done {
        print::note(format_args!("error: {error}"));
    }
    let status = done.as_ref().err().map_or(0, Error::status);
    if arguments.json {
        let answer = serde_json::to_string(&Answer {
            results: Some(results),
            job: arguments.job,
            status,
            error: done.err().map(|error| error.to_string()),
        });
        print::answer(answer.unwrap_or_default());
    }
    ExitCode::from(status)
}

fn lecture(arguments: &Arguments, results: &mut Summary) -> Result<(), Error> {
    if arguments.version {
        print::answer(concat!("lecture ", env!("CARGO_PKG_VERSION")));
        return Ok(());
    }
    let Some(name) = &arguments.job else {
        print::answer(help::overview());
        return Ok(());
    };
    if name == "schema" {
        return print_schema(arguments.schema.as_deref());
    }
    let job = Job::find(name).ok_or_else(|| {
        Error::usage(
            "there is no such job",
            name,
            "`lecture` without arguments lists the jobs",
        )
    })?;
    if arguments.help {
        print::answer(help::job(job));
        return Ok(());
    }
    let values = arguments.values_for(job.name, &(job.variables)())?;
    let stop = Stop::listen();
    register_elements()?;
    (job.run)(
        &Request {
            values,
            print: arguments.print,
            json: arguments.json,
            stop,
            watched: Default::default(),
        },
        results,
    )
}

/// Prints a JSON schema.
fn print_schema(name: Option<&str>) -> Result<(), Error> {
    let schema = name.and_then(summary::schema).ok_or_else(|| {
        Error::usage(
            "there is no such schema",
            name.unwrap_or("lecture schema"),
            format!(
                "write lecture schema NAME with one of these names: {}",
                summary::names().join(", ")
            ),
        )
    })?;
    print::answer(schema);
    Ok(())
}

/// Registers the elements, which are part of the program: no plugin has to be installed.
fn register_elements() -> Result<(), Error> {
    let failed = |error: String| Error::request(error, "GStreamer", "check its installation");
    gst::init().map_err(|error| failed(error.to_string()))?;
    gstlecture::plugin_register_static()
        .and_then(|()| gstfmp4::plugin_register_static())
        .map_err(|error| failed(error.to_string()))
}
