// SPDX-License-Identifier: MPL-2.0

//! Results of jobs, for `--json`, and the JSON schemas of all files and results.

use schemars::{JsonSchema, Schema, schema_for};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{JOBS, Job};

/// Schemas of files.
const FILES: [(&str, &str); 7] = [
    (
        "manifest",
        include_str!("../../../package/manifest.schema.json"),
    ),
    ("assist-request", gstlecture::edit::assist::REQUEST_SCHEMA),
    ("assist-reply", gstlecture::edit::assist::REPLY_SCHEMA),
    ("slides", gstlecture::package::slides::SCHEMA),
    (
        "session",
        include_str!("../../../record/session/session.schema.json"),
    ),
    (
        "caption-profile",
        include_str!("../../../captions/profile.schema.json"),
    ),
    (
        "layout",
        include_str!("../../../record/layout/layout.schema.json"),
    ),
];

/// The last line that a job prints with `--json`.
#[derive(Serialize, JsonSchema)]
pub struct Answer<R> {
    /// Results of the job; a job that fails may lack them.
    #[serde(flatten)]
    pub results: Option<R>,
    /// The job; absent if none was named.
    pub job: Option<String>,
    /// Exit status of the program.
    pub status: u8,
    /// The error, if the job failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Results of a job as they become known.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub struct Summary(Map<String, Value>);

impl Summary {
    /// Adds results; those of the same name are replaced.
    pub fn add(&mut self, results: &impl Serialize) {
        if let Ok(Value::Object(results)) = serde_json::to_value(results) {
            self.0.extend(results);
        }
    }
}

/// Returns the schema of what a job prints.
pub fn schema_of<R: JsonSchema>() -> Schema {
    schema_for!(Answer<R>)
}

/// Returns the JSON schema of a file, or of the results of a job.
pub fn schema(name: &str) -> Option<String> {
    if let Some((_, schema)) = FILES.iter().find(|(file, _)| *file == name) {
        return Some(schema.trim_end().to_owned());
    }
    let schema = (Job::find(name)?.results)();
    serde_json::to_string_pretty(&schema).ok()
}

/// Returns all names that [`schema`] takes.
pub fn names() -> Vec<&'static str> {
    let files = FILES.iter().map(|(name, _)| *name);
    files.chain(JOBS.iter().map(|job| job.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_schema() {
        for name in names() {
            let schema = schema(name).expect(name);
            let schema: Value = serde_json::from_str(&schema).expect(name);
            assert!(schema["$schema"].is_string(), "{name}");
            assert!(schema["properties"].is_object(), "{name}");
        }
        assert!(schema("nothing").is_none());
    }
}
