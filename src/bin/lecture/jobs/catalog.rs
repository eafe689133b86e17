// SPDX-License-Identifier: MPL-2.0

//! `catalog`: makes drafts and a package from a recording.

use super::{Request, Summary, analyse, package};
use crate::class::folder::ClassFolder;
use crate::class::texts::GivenTexts;
use crate::error::Error;

pub const ABOUT: &str = "\
Makes the catalog package of a recording: analyse, then package.
Without input=, it uses the small sample class of the repository, with its captions.";

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let request = &request.or_sample();
    let input = request.recording()?;
    package::check(request, &input)?;
    let texts = GivenTexts::read(&request.values, &input)?;
    if request.print {
        analyse::say(request, &input, &texts)?;
        return package::say_with_drafts(request, &input, &texts);
    }
    let folder = ClassFolder::open(request.value("output"))?;
    analyse::into(request, &input, &texts, &folder, summary)?;
    package::into(request, &input, &texts, &folder, summary).map_err(|error| {
        error.where_stopped(
            "the drafts are written, the package is unchanged",
            "",
            package::AGAIN,
        )
    })
}
