// SPDX-License-Identifier: MPL-2.0

//! The file that a job writes with one pipeline.

use std::path::Path;

use gstlecture::timeline::Time;

use super::Request;
use crate::engine::description::Pipeline;
use crate::engine::pipeline;
use crate::engine::progress::Progress;
use crate::engine::run::run_to_end;
use crate::error::Error;
use crate::fs::AtomicFile;

/// Prints the line of the pipeline that writes `output`, and runs it unless only the line is wanted. The
/// file appears only once it is complete. `describe` returns the pipeline that writes to a path,
/// `prepare` sets up its elements, and `duration` is that of the file, if known. Returns whether
/// the file was written.
pub fn write(
    request: &Request,
    (job, duration): (&'static str, Option<Time>),
    output: &Path,
    describe: impl Fn(&Path) -> Pipeline,
    prepare: impl FnOnce(&gst::Pipeline) -> Result<(), Error>,
) -> Result<bool, Error> {
    request.say(&describe(output));
    if request.print {
        return Ok(false);
    }
    let file = AtomicFile::new(output)?;
    let made = pipeline::make(&describe(file.path()))?;
    prepare(&made)?;
    let progress = Progress::start(job, duration);
    let outcome = run_to_end(&made, progress, &request.stop, |_| {})?;
    for warning in &outcome.warnings {
        request.note(&format!("warning: {warning}"));
    }
    drop(made);
    file.commit(output)?;
    Ok(true)
}
