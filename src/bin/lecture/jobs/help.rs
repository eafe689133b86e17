// SPDX-License-Identifier: MPL-2.0

//! Help texts of the program, from the tables of the jobs.

use std::fmt::Write;

use crate::jobs::{JOBS, Job};
use crate::options::Need;

/// Returns the list of jobs.
pub fn overview() -> String {
    let mut text = String::from(
        "lecture JOB KEY=VALUE… [--print] [--json] [--help] [--version]\n\
         \n\
         Turns the recording of a class into a catalog package.\n\
         \n\
         Jobs:\n",
    );
    for job in JOBS {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {:12}  {}", job.name, job.summary());
    }
    text.push_str(
        "\n\
         lecture schema NAME prints the JSON schema of a file (manifest, slides, session, layout, …) or of the\n\
         results of a job.\n\
         \n\
         --print    only print the gst-launch-1.0 line\n\
         --json     print the result as one line of JSON\n\
         --help     after a job: list its variables\n\
         --version  print the version of the program\n\
         \n\
         Exit status: 0 done, 1 this input or request cannot work, 2 wrong usage,\n\
         75 try again later.",
    );
    text
}

/// Returns a job's description and its variables.
pub fn job(job: &Job) -> String {
    let mut text = format!(
        "lecture {} KEY=VALUE…\n\n{}\n\nVariables:\n",
        job.name,
        (job.about)()
    );
    for variable in (job.variables)() {
        let need = match variable.need {
            Need::Required => "required".to_string(),
            Need::Optional => "optional".to_string(),
            Need::Default(value) => format!("default {value}"),
        };
        let _ = writeln!(
            text,
            "  {} ({need})\n{}",
            variable.name,
            wrapped(variable.text)
        );
    }
    text.trim_end().to_string()
}

/// Indents and wraps lines for a terminal of 80 columns.
fn wrapped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= 80 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("      {word}")),
        }
    }
    lines.join("\n")
}
