// SPDX-License-Identifier: MPL-2.0

//! `chapters`: makes a chapter file from a recording, or from a transcript alone.

use std::path::Path;

use once_cell::sync::Lazy;

use super::{Request, Summary, facts};
use crate::engine::description::{Description, Facts};
use crate::engine::pipeline;
use crate::engine::progress::Progress;
use crate::error::Error;
use crate::fs::AtomicFile;
use crate::media::survey;
use crate::print::counted;

pub static DESCRIPTION: Lazy<Description> = Lazy::new(|| {
    Description::read(
        "chapters",
        include_str!("../../../../pipelines/chapters.launch"),
    )
});

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let input = request.values.get("input");
    let input = input.map(|input| request.open(input)).transpose()?;
    let transcript = request.transcript()?;
    if input.is_none() && transcript.is_none() {
        return Err(Error::usage(
            "there is nothing to find chapters in",
            "lecture chapters",
            "give input=, transcript= or both",
        ));
    }
    let mut facts = input.as_ref().map_or_else(Facts::default, facts);
    facts.set("input", input.is_some());
    facts.set("transcript", transcript.is_some());
    let describe = |to: &Path| {
        let mut values = request.values.clone();
        if let Some(input) = &input {
            values.set("input", input.path.display().to_string());
        }
        values.set("output", to.display().to_string());
        DESCRIPTION.pipeline(&facts, &values)
    };
    let output = Path::new(request.value("output"));
    request.say(&describe(output));
    if request.print {
        return Ok(());
    }
    let file = AtomicFile::new(output)?;
    let made = pipeline::make(&describe(file.path()))?;
    let mut chapters = 0;
    let count = |message: &gst::StructureRef| {
        chapters += usize::from(message.name() == "chapterdetect-chapter");
    };
    match &input {
        Some(input) => {
            survey::spare(&made, input, &request.stop)?;
            request.run("chapters", &made, input, count)?
        }
        None => pipeline::run(
            &made,
            Progress::start("chapters", None),
            &request.stop,
            count,
        )?,
    };
    file.commit(output)?;
    request.note(&format!(
        "{}: {}",
        output.display(),
        counted(chapters, "chapter", "chapters")
    ));
    summary.insert("output".into(), output.display().to_string().into());
    summary.insert("chapters".into(), chapters.into());
    Ok(())
}
