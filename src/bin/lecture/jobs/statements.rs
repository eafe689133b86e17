// SPDX-License-Identifier: MPL-2.0

//! Sources of statements for the xAPI jobs: a file, a journal, an LRS.

use std::fs;
use std::path::Path;

use gstlecture::delivery::{Credentials, Endpoint, Journal, Lrs, Secret, Trouble};
use gstlecture::xapi::{Session, units::timestamp_from_text};
use serde_json::Value;

use crate::error::Error;
use crate::options::{FromText, Wrong, options};

/// The statements that were found.
pub enum Found {
    Statements(Vec<Value>),
    /// A journal: its pending statements, and the state of all its sessions.
    Journal(Vec<Value>, Vec<Session>),
}

options! {
    /// Variables of the jobs that may use a Learning Record Store.
    pub struct LrsOptions {
        /// user name for the LRS, or env:NAME or file:PATH
        "username" (optional) => username: Option<String>,
        /// password for the LRS, env:NAME or file:PATH
        "password" (optional) => password: Option<String>,
        /// bearer token for the LRS, env:NAME or file:PATH
        "token" (optional) => token: Option<String>,
        /// xAPI version to use: auto, 1.0.3 or 2.0.0
        "version" (default "auto") => version: Version,
    }
}

/// An xAPI version; `None` asks the LRS.
#[derive(Clone, Copy, Debug)]
pub struct Version(Option<&'static str>);

impl FromText for Version {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text {
            "auto" => Ok(Version(None)),
            "1.0.3" => Ok(Version(Some("1.0.3"))),
            "2.0.0" => Ok(Version(Some("2.0.0"))),
            _ => Err(Wrong::Form("write auto, 1.0.3 or 2.0.0")),
        }
    }
}

/// Reads the statements of a file, a journal or an LRS; from the latter only those about `activity`.
pub fn read(input: &str, activity: Option<&str>, lrs: &LrsOptions) -> Result<Found, Error> {
    if input.starts_with("http://") || input.starts_with("https://") {
        let mut lrs = lrs.at(input)?;
        let later = |words: String| {
            Error::later(
                words,
                input,
                "check that the LRS is up, and check the credentials",
            )
        };
        let mut statements = lrs.statements(activity).map_err(later)?;
        if let Some(activity) = activity
            && statements.is_empty()
        {
            // Ralph's file backend finds nothing by activity.
            statements = lrs.statements(None).map_err(later)?;
            statements.retain(|statement| statement["object"]["id"] == activity);
        }
        // Servers interpret "ascending" differently: by arrival, or reversed.
        let time = |statement: &Value| {
            statement["timestamp"]
                .as_str()
                .and_then(timestamp_from_text)
        };
        statements.sort_by_key(time);
        return Ok(Found::Statements(statements));
    }
    let path = Path::new(input);
    if path.is_dir() {
        let journal = open(path)?;
        let mut statements = Vec::new();
        for entry in journal.contents().pending.values() {
            let json = journal
                .statement(entry)
                .map_err(|error| Error::reading(path, &error))?;
            statements.extend(serde_json::from_str::<Value>(&json));
        }
        let sessions = journal.contents().states.keys();
        let sessions = sessions.filter_map(|key| journal.session(key)).collect();
        return Ok(Found::Journal(statements, sessions));
    }
    let text = fs::read_to_string(path).map_err(|error| Error::reading(path, &error))?;
    Ok(Found::Statements(parse(&text, input)?))
}

/// Parses a JSON array, the answer of an LRS, one statement, or one statement per line.
fn parse(text: &str, place: &str) -> Result<Vec<Value>, Error> {
    match serde_json::from_str(text) {
        Ok(Value::Array(statements)) => return Ok(statements),
        Ok(Value::Object(mut object)) => {
            return Ok(match object.remove("statements") {
                Some(Value::Array(statements)) => statements,
                _ => vec![Value::Object(object)],
            });
        }
        _ => {}
    }
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| {
            serde_json::from_str(line).map_err(|error| {
                Error::request(
                    format!("this is not JSON ({error})"),
                    format!("{place}, line {}", number + 1),
                    "give a JSON array of statements, or one statement on each line",
                )
            })
        })
        .collect()
}

/// Opens an existing journal.
pub fn open(folder: &Path) -> Result<Journal, Error> {
    let place = folder.display().to_string();
    if !folder.join("statements.journal").exists() {
        return Err(Error::request(
            "there is no journal here",
            place,
            "name the journal folder of a player",
        ));
    }
    Journal::open(folder).map_err(|trouble| match trouble {
        Trouble::Locked(_) => Error::later(
            trouble.to_string(),
            place,
            "stop the player, or wait until it ends",
        ),
        Trouble::Io(path, error) => Error::reading(&path, &error),
        Trouble::Unreadable(..) => {
            Error::request(trouble.to_string(), place, "use the program that wrote it")
        }
    })
}

impl LrsOptions {
    /// Returns the LRS at an endpoint, with the given credentials.
    pub fn at(&self, endpoint: &str) -> Result<Lrs, Error> {
        let wrong = |words: String| Error::usage(words, "", "see --help");
        let secret = |given: &Option<String>| {
            let read = given.as_deref().map(Secret::read);
            read.transpose().map_err(wrong)
        };
        let credentials = match (secret(&self.token)?, secret(&self.username)?) {
            (Some(token), _) => Credentials::Bearer(token),
            (None, Some(username)) => Credentials::Basic {
                username,
                password: secret(&self.password)?.unwrap_or_default(),
            },
            (None, None) => Credentials::None,
        };
        let endpoint = Endpoint::parse(endpoint).map_err(wrong)?;
        Ok(Lrs::new(endpoint, &credentials, self.version.0))
    }
}
