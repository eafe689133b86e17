// SPDX-License-Identifier: MPL-2.0

//! `catalog`: makes drafts and a package from a recording.

use schemars::JsonSchema;
use serde::Serialize;

use super::Request;
use super::analyse::{self, AnalyseOptions, AnalyseResults};
use super::package::{self, PackageOptions, PackageResults};
use super::summary::Summary;
use crate::class::folder::ClassFolder;
use crate::class::texts::GivenTexts;
use crate::error::Error;
use crate::options::{self, Options, Variable};

pub const ABOUT: &str = "\
Makes the catalog package of a recording or of a session: analyse, then package.
Without input=, it uses the small sample class of the repository, with its captions.";

/// Results of `catalog`: those of both jobs.
#[derive(Serialize, JsonSchema)]
pub struct CatalogResults {
    #[serde(flatten)]
    analyse: AnalyseResults,
    #[serde(flatten)]
    package: PackageResults,
}

/// Returns the variables of both jobs.
pub fn variables() -> Vec<&'static Variable> {
    options::join([AnalyseOptions::variables(), PackageOptions::variables()])
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = AnalyseOptions::parse(&request.values)?.or_sample();
    let package_options = PackageOptions::parse(&request.values)?;
    let input = options
        .source
        .open_or_sample(options.input.as_deref(), request)?;
    package::check(request, &package_options, &input)?;
    let texts = GivenTexts::read(
        &options.texts,
        options.language.as_deref(),
        &input,
        &request.stop,
    )?;
    if request.print {
        analyse::say(request, &options, &input, &texts)?;
        let language = options.language.as_deref();
        return package::say_with_drafts(request, &package_options, language, &input, &texts);
    }
    let folder = ClassFolder::open(&options.output)?;
    analyse::analyse_in(request, &options, &input, &texts, &folder, summary)?;
    package::make_in(request, &package_options, &input, &texts, &folder, summary).map_err(|error| {
        error.where_stopped(
            "the drafts are written, the package is unchanged",
            "",
            package::AGAIN,
        )
    })
}
