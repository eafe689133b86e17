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
mod print;
mod stop;

use error::Error;
use jobs::arguments::Arguments;
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
    let mut result = serde_json::Map::new();
    let done = lecture(&arguments, &mut result);
    if let Err(error) = &done {
        print::note(format_args!("error: {error}"));
    }
    let status = done.as_ref().err().map_or(0, Error::status);
    if arguments.json {
        result.insert("job".into(), arguments.job.into());
        result.insert("status".into(), status.into());
        if let Err(error) = &done {
            result.insert("error".into(), error.to_string().into());
        }
        print::answer(serde_json::Value::Object(result));
    }
    ExitCode::from(status)
}

fn lecture(arguments: &Arguments, result: &mut jobs::Summary) -> Result<(), Error> {
    if arguments.version {
        print::answer(concat!("lecture ", env!("CARGO_PKG_VERSION")));
        return Ok(());
    }
    let Some(name) = &arguments.job else {
        print::answer(help::overview());
        return Ok(());
    };
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
    let values = arguments.values_for(job.name, &job.variables())?;
    let stop = Stop::listen();
    register_elements()?;
    job.run(
        &Request {
            values,
            print: arguments.print,
            stop,
        },
        result,
    )
}

/// Registers the elements, which are part of the program: no plugin has to be installed.
fn register_elements() -> Result<(), Error> {
    let failed = |error: String| Error::request(error, "GStreamer", "check its installation");
    gst::init().map_err(|error| failed(error.to_string()))?;
    gstlecture::plugin_register_static()
        .and_then(|()| gstfmp4::plugin_register_static())
        .map_err(|error| failed(error.to_string()))
}
