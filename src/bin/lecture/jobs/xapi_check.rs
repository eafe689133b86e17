// SPDX-License-Identifier: MPL-2.0

//! `xapi-check`: checks statements against the Video Profile.

use gstlecture::xapi::check::{self, Level};
use once_cell::sync::Lazy;
use serde_json::json;

use super::statements::{self, Found};
use super::{Request, Summary};
use crate::engine::description::Description;
use crate::error::Error;
use crate::print;

pub static DESCRIPTION: Lazy<Description> = Lazy::new(|| {
    Description::read(
        "xapi-check",
        "# Checks statements against the xAPI Video Profile 1.0.3, one line a finding.
#
# The exit status is 1 if a MUST is violated.
#
# Variables:
#   input (required): a file of statements (an array, or one on each line), a journal, or the URL of
#     an LRS
#   activity (optional): from an LRS, only statements about this video
#   username (optional): user name for the LRS, or env:NAME or file:PATH
#   password (optional): password for the LRS, env:NAME or file:PATH
#   token (optional): bearer token for the LRS, env:NAME or file:PATH
#   version (default auto): xAPI version to use: auto, 1.0.3 or 2.0.0
",
    )
});

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let (Found::Statements(statements) | Found::Journal(statements, _)) =
        statements::read(request)?;
    let findings = check::all(&statements);
    for finding in &findings {
        print::answer(finding);
    }
    let broken = findings
        .iter()
        .filter(|finding| finding.level == Level::Must)
        .count();
    summary.insert("statements".into(), statements.len().into());
    summary.insert("must".into(), broken.into());
    summary.insert("should".into(), (findings.len() - broken).into());
    let listed = findings.iter().map(|finding| {
        json!({"statement": finding.index + 1, "rule": finding.rule, "message": finding.message,
               "must": finding.level == Level::Must})
    });
    summary.insert("findings".into(), listed.collect());
    request.note(&format!(
        "{} statements: {broken} MUST violations, {} recommendations not followed",
        statements.len(),
        findings.len() - broken
    ));
    if broken > 0 {
        return Err(Error::request(
            "the statements violate the profile",
            request.value("input"),
            "correct the findings listed above",
        ));
    }
    Ok(())
}
