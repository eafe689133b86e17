// SPDX-License-Identifier: MPL-2.0

//! `check`: checks an HLS package, made by this program or another one, against numbered rules.

use std::fs;
use std::path::{Path, PathBuf};

use gstlecture::package::check::{self, Files, Finding, Level};
use schemars::JsonSchema;
use serde::Serialize;

use super::Request;
use super::summary::Summary;
use crate::error::Error;
use crate::options::{Options, options};
use crate::print;
use crate::print::counted;

pub const ABOUT: &str = "\
Checks an HLS package against the rules of RFC 8216 and of Apple's authoring specification.

Prints one line per finding: the rule, the file, what the rule asks, what is wrong. Rules that
a package should follow but need not are reported as advice. The package may come from any
program. MPEG transport streams and encrypted segments are measured but not parsed. Files on a
server are not fetched.";

options! {
    /// Variables of `check`.
    pub struct CheckOptions {
        /// the package's folder, or its playlist
        "input" (default "OUT/package") => input: PathBuf,
    }
}

/// Files by their paths from a folder, even outside of it: other packages may contain links, or
/// keep playlists in sibling folders.
struct OnDisk<'a>(&'a Path);

impl Files for OnDisk<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if !self.has(path) {
            return Err("there is no such file".to_owned());
        }
        fs::read(self.0.join(path)).map_err(|error| error.to_string())
    }

    fn has(&self, path: &str) -> bool {
        self.0.join(path).is_file()
    }
}

/// Results of `check`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CheckResults {
    /// The playlist from which the package was read.
    pub playlist: String,
    /// Number of playlists that were read.
    pub playlists: usize,
    /// Number of segments that were read.
    pub segments: usize,
    /// Files that were not parsed.
    pub not_looked_into: Vec<String>,
    /// Broken rules and advice, in the order of the files.
    pub findings: Vec<FoundRule>,
}

/// A rule that a package breaks, or advice.
#[derive(Serialize, JsonSchema)]
pub struct FoundRule {
    /// Number of the rule.
    rule: String,
    /// Whether a package must follow it.
    must: bool,
    /// The rule in words.
    asks: String,
    /// The file in which it was broken.
    file: String,
    /// The fault.
    what: String,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = CheckOptions::parse(&request.values)?;
    let playlist = playlist(&options.input)?;
    let name = playlist.file_name().unwrap_or_default();
    let folder = playlist.parent().unwrap_or(Path::new(""));
    let report = check::check(&OnDisk(folder), &name.to_string_lossy());

    for finding in &report.findings {
        print::answer(line(finding));
    }
    let (broken, advice) = (report.broken().count(), report.advice().count());
    request.note(&format!(
        "{}: {}, {}; {}, {}, {}",
        playlist.display(),
        counted(broken, "finding", "findings"),
        counted(advice, "piece of advice", "pieces of advice"),
        counted(check::RULES.len(), "rule", "rules"),
        counted(report.playlists, "playlist", "playlists"),
        counted(report.segments, "segment", "segments")
    ));
    if !report.not_looked_into.is_empty() {
        let count = report.not_looked_into.len();
        let said = counted(count, "file was", "files were");
        request.note(&format!("{said} not parsed"));
    }
    summary.add(&CheckResults {
        playlist: playlist.display().to_string(),
        playlists: report.playlists,
        segments: report.segments,
        not_looked_into: report
            .not_looked_into
            .iter()
            .map(ToString::to_string)
            .collect(),
        findings: report.findings.iter().map(FoundRule::from).collect(),
    });
    if broken > 0 {
        return Err(Error::request(
            format!(
                "the package breaks rules in {}",
                counted(broken, "place", "places")
            ),
            playlist.display().to_string(),
            "each one is listed on its own line",
        ));
    }
    Ok(())
}

fn line(finding: &Finding) -> String {
    let level = match finding.rule.level {
        Level::Must => "",
        Level::Should => "advice: ",
    };
    format!(
        "{level}{}\t{}\t{}: {}",
        finding.rule.number, finding.file, finding.rule.asks, finding.what
    )
}

impl From<&Finding> for FoundRule {
    fn from(finding: &Finding) -> Self {
        FoundRule {
            rule: finding.rule.number.to_string(),
            must: finding.rule.level == Level::Must,
            asks: finding.rule.asks.to_string(),
            file: finding.file.clone(),
            what: finding.what.clone(),
        }
    }
}

/// Returns the playlist to start from: the file itself, or the only multivariant playlist of a
/// folder.
fn playlist(input: &Path) -> Result<PathBuf, Error> {
    let metadata = fs::metadata(input).map_err(|error| Error::reading(input, &error))?;
    if !metadata.is_dir() {
        return Ok(input.to_owned());
    }
    let master = input.join("master.m3u8");
    if master.exists() {
        return Ok(master);
    }
    let entries = fs::read_dir(input).map_err(|error| Error::reading(input, &error))?;
    let multivariant = |path: &PathBuf| {
        let named = path.extension().is_some_and(|end| end == "m3u8");
        named && fs::read_to_string(path).is_ok_and(|text| text.contains("#EXT-X-STREAM-INF"))
    };
    let found: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(multivariant)
        .collect();
    match &found[..] {
        [one] => Ok(one.clone()),
        several => Err(Error::request(
            format!("{} multivariant playlists in the folder", several.len()),
            input.display().to_string(),
            "name the playlist: input=FILE",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_folders_above_lead_to_files() {
        let at = tempfile::tempdir().expect("temporary folder");
        let (video, audio) = (at.path().join("video"), at.path().join("audio"));
        for folder in [&video, &audio] {
            fs::create_dir(folder).expect("made");
        }
        fs::write(audio.join("a"), "a").expect("written");
        std::os::unix::fs::symlink("../audio/a", video.join("link")).expect("linked");
        let files = OnDisk(&video);
        for path in ["link", "../audio/a"] {
            assert_eq!(files.read(path), Ok(b"a".to_vec()), "{path}");
        }
        for path in ["", "../audio", "b"] {
            assert!(!files.has(path) && files.read(path).is_err(), "{path}");
        }
    }
}
