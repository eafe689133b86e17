// SPDX-License-Identifier: MPL-2.0

//! Shared by the tests of the program: the program itself, ffmpeg as the maker of inputs and the
//! reader of results.

pub mod media;
pub mod place;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gstlecture::package::check;
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

/// Runs a job that has to succeed. A package that it makes has to keep the rules.
pub fn done(arguments: &[std::ffi::OsString]) -> Output {
    let output = lecture(arguments);
    check_done(arguments, &output);
    output
}

/// Like [`done`], for recordings of which a parser of GStreamer 1.22 complains: mpeg4videoparse looks
/// past the end of some buffers, which it notices itself.
pub fn done_with_complaints(arguments: &[std::ffi::OsString]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_lecture"))
        .args(arguments)
        .env_remove("G_DEBUG")
        .output()
        .expect("the program runs");
    check_done(arguments, &output);
    output
}

fn check_done(arguments: &[std::ffi::OsString], output: &Output) {
    assert!(
        output.status.success(),
        "{arguments:?} ends with {}:\n{}",
        output.status,
        said(output)
    );
    let words: Vec<_> = arguments
        .iter()
        .map(|word| word.to_string_lossy())
        .collect();
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    if let Some(package) = package_of(&words) {
        keeps_rules(package.as_ref());
    }
}

/// The package that these arguments of the program make.
pub fn package_of(arguments: &[&str]) -> Option<PathBuf> {
    let makes = matches!(arguments.first(), Some(&("catalog" | "package")));
    let runs = !arguments.contains(&"--print") && !arguments.contains(&"--help");
    let folder = arguments
        .iter()
        .find_map(|word| word.strip_prefix("output="));
    (makes && runs).then(|| Path::new(folder.unwrap_or("OUT")).join("package"))
}

/// Holds a package against the rules of HLS and of Apple's authoring specification.
pub fn keeps_rules(package: &Path) {
    struct Folder<'a>(&'a Path);
    impl check::Files for Folder<'_> {
        fn read(&self, path: &str) -> Result<Vec<u8>, String> {
            std::fs::read(self.0.join(path)).map_err(|error| error.to_string())
        }
    }
    let report = check::check(&Folder(package), "master.m3u8");
    // A small picture has one rendition.
    let asked = |finding: &&check::Finding| finding.rule.number != "Apple 9.9";
    let broken: Vec<_> = report.broken().filter(asked).collect();
    assert!(broken.is_empty(), "{}: {broken:#?}", package.display());
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

/// The first sound of a file or playlist behind this filter: mono, 48 kHz.
pub fn samples(path: &Path, filter: &str) -> Vec<i16> {
    let name = path.to_str().expect("a path in UTF-8");
    let to = "-ac 1 -ar 48000 -f s16le -".split_whitespace();
    let arguments: Vec<&str> = ["-i", name, "-map", "0:a:0", "-af", filter]
        .into_iter()
        .chain(to)
        .collect();
    let bytes = tool("ffmpeg", &arguments);
    let pairs = bytes.chunks_exact(2);
    pairs
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

/// A field of each packet of the first picture.
pub fn picture_packets(path: &Path, field: &str) -> Vec<String> {
    let name = path.to_str().expect("a path in UTF-8");
    let entries = format!("packet={field}");
    let of = ["-select_streams", "v:0", "-show_entries", &entries];
    let packets = tool("ffprobe", &[&of[..], &["-of", "csv=p=0", name]].concat());
    let lines = String::from_utf8_lossy(&packets);
    let lines = lines.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| line.trim_matches(',').to_owned())
        .collect()
}

/// Whether Tesseract with its English model is installed; prints why a test is skipped.
pub fn has_tesseract() -> bool {
    let found = Command::new("tesseract").arg("--list-langs").output();
    let has = found.is_ok_and(|found| String::from_utf8_lossy(&found.stdout).contains("\neng"));
    if !has {
        println!("skipped: tesseract with its model eng is not installed");
    }
    has
}
