// SPDX-License-Identifier: MPL-2.0

//! What tests of whole jobs share: the program, ffmpeg as the maker of inputs and the reader of
//! results.

#![allow(dead_code, reason = "each test uses its part")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The sample class of the repository.
pub fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sample.mkv")
}

/// Runs the program; `KEY=VALUE` words may hold anything that a file name may.
pub fn lecture<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lecture"))
        .args(arguments)
        .output()
        .expect("the program runs")
}

/// `KEY=VALUE` of a path.
pub fn value(key: &str, path: &Path) -> std::ffi::OsString {
    let mut word = std::ffi::OsString::from(key);
    word.push("=");
    word.push(path);
    word
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a job that has to succeed.
pub fn done(arguments: &[std::ffi::OsString]) -> Output {
    let output = lecture(arguments);
    assert!(
        output.status.success(),
        "{arguments:?} ends with {}:\n{}",
        output.status,
        said(&output)
    );
    output
}

/// Runs ffmpeg or ffprobe and returns what it writes; anything it complains of is a failure.
pub fn tool(name: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(name)
        .args(["-v", "error"])
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{name} does not run: {error}"));
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{name} {arguments:?}:\n{}",
        said(&output)
    );
    output.stdout
}

/// Makes a file with ffmpeg: the arguments before the file, with `{sample}` standing for the sample
/// class.
pub fn make(file: &Path, arguments: &str) {
    let sample = sample();
    let words = arguments.split_whitespace().map(|word| {
        word.replace(
            "{sample}",
            sample.to_str().expect("a repository path in UTF-8"),
        )
    });
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-y"])
        .args(words)
        .arg(file)
        .status()
        .expect("ffmpeg runs");
    assert!(status.success(), "ffmpeg {arguments}");
}

/// What ffprobe knows of a file.
pub fn probe(path: &Path) -> Value {
    let json = tool(
        "ffprobe",
        &[
            "-show_streams",
            "-show_format",
            "-of",
            "json",
            path.to_str().expect("a path in UTF-8"),
        ],
    );
    serde_json::from_slice(&json).expect("ffprobe writes JSON")
}

pub fn json(path: &Path) -> Value {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
