// SPDX-License-Identifier: MPL-2.0

//! Checks an HLS package, made by this program or another one, against numbered rules ([`RULES`]).

use std::collections::{BTreeMap, BTreeSet, HashSet};

mod beside;
mod load;
mod media;
mod multivariant;
mod rendition;
mod rules;

pub use rules::{Level, RULES, Rule};

use load::Loader;
pub(super) use load::resolve;

/// Source of a package's files.
pub trait Files {
    /// Reads a file by its path in the package; the error states why it cannot be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// Returns whether there is such a file.
    fn has(&self, path: &str) -> bool {
        self.read(path).is_ok()
    }
}

/// Files held in memory, by path.
impl Files for BTreeMap<String, Vec<u8>> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        self.get(path)
            .cloned()
            .ok_or_else(|| "there is no such file".to_owned())
    }
}

/// One place where a package breaks a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    pub rule: Rule,
    /// Path in the package.
    pub file: String,
    pub what: String,
}

/// Result of a check.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Report {
    /// Findings in the order of the files; a rule that is broken many times in a file is listed
    /// once.
    pub findings: Vec<Finding>,
    pub playlists: usize,
    pub segments: usize,
    /// Files whose media cannot be parsed (MPEG transport streams, unknown boxes, encrypted).
    pub not_looked_into: BTreeSet<String>,
    /// Rule number and file of each finding.
    known: HashSet<(&'static str, String)>,
}

impl Report {
    /// Iterates over the findings of rules that a package must follow.
    pub fn broken(&self) -> impl Iterator<Item = &Finding> {
        self.of(Level::Must)
    }

    /// Iterates over the findings of rules that a package should follow.
    pub fn advice(&self) -> impl Iterator<Item = &Finding> {
        self.of(Level::Should)
    }

    fn of(&self, level: Level) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(move |finding| finding.rule.level == level)
    }

    /// Adds a finding unless the rule already has one for the file: one line is as useful as
    /// hundreds for the same rule.
    fn add(&mut self, rule: Rule, file: &str, what: impl Into<String>) {
        if self.known.insert((rule.number, file.to_owned())) {
            self.findings.push(Finding {
                rule,
                file: file.to_owned(),
                what: what.into(),
            });
        }
    }
}

/// Checks the package whose multivariant or media playlist is at `playlist`.
pub fn check(files: &dyn Files, playlist: &str) -> Report {
    let mut loader = Loader::new(files);
    if let Some(text) = loader.playlist_text(playlist) {
        if m3u8_rs::is_master_playlist(text.as_bytes()) {
            multivariant::check(&mut loader, playlist, &text);
            beside::check(&mut loader, playlist);
        } else if let Some(rendition) = loader.rendition_of(playlist, &text) {
            rendition::check(&mut loader.report, &rendition, false);
        }
    }
    loader.report
}

#[cfg(test)]
mod tests;
