// SPDX-License-Identifier: MPL-2.0

//! `xapi-check`: checks statements against the Video Profile.

use gstlecture::xapi::check::{self, Finding, Level};
use schemars::JsonSchema;
use serde::Serialize;

use super::Request;
use super::statements::{self, Found, LrsOptions};
use super::summary::Summary;
use crate::error::Error;
use crate::options::{Options, options};
use crate::print;

pub const ABOUT: &str = "\
Checks statements against the xAPI Video Profile 1.0.3, one line a finding.

The exit status is 1 if a MUST is violated.";

options! {
    /// Variables of `xapi-check`.
    pub struct XapiCheckOptions {
        /// a file of statements (an array, or one on each line), a journal, or the URL of an LRS
        "input" (required) => input: String,
        /// from an LRS, only statements about this video
        "activity" (optional) => activity: Option<String>,
    }
    groups { lrs: LrsOptions }
}

/// Results of `xapi-check`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct XapiCheckResults {
    /// Number of statements.
    pub statements: usize,
    /// Number of requirements that are violated.
    pub must: usize,
    /// Number of recommendations that are not followed.
    pub should: usize,
    /// All of them.
    pub findings: Vec<FoundStatement>,
}

/// A statement that does not follow the profile.
#[derive(Serialize, JsonSchema)]
pub struct FoundStatement {
    /// Number of the statement, from 1.
    statement: usize,
    rule: String,
    message: String,
    /// Whether the profile requires it.
    must: bool,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = XapiCheckOptions::parse(&request.values)?;
    let (Found::Statements(statements) | Found::Journal(statements, _)) =
        statements::read(&options.input, options.activity.as_deref(), &options.lrs)?;
    let findings = check::all(&statements);
    for finding in &findings {
        print::answer(finding);
    }
    let broken = findings
        .iter()
        .filter(|finding| finding.level == Level::Must)
        .count();
    let found = |finding: &Finding| FoundStatement {
        statement: finding.index + 1,
        rule: finding.rule.to_string(),
        message: finding.message.clone(),
        must: finding.level == Level::Must,
    };
    summary.add(&XapiCheckResults {
        statements: statements.len(),
        must: broken,
        should: findings.len() - broken,
        findings: findings.iter().map(found).collect(),
    });
    request.note(&format!(
        "{} statements: {broken} MUST violations, {} recommendations not followed",
        statements.len(),
        findings.len() - broken
    ));
    if broken > 0 {
        return Err(Error::request(
            "the statements violate the profile",
            options.input,
            "correct the findings listed above",
        ));
    }
    Ok(())
}
