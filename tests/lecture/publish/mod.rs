// SPDX-License-Identifier: MPL-2.0

//! `publish` and `unpublish`: into folders, and through rclone into a folder that is a remote to it.
//! Object storage stands in tests/publish/run.

mod encryption;
mod folders;
mod trouble;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{self, make, said, tool, value};

/// What players enter by.
const MASTER: &str = "master.m3u8";

/// A class of 20 seconds with everything that a package can have; its drafts are approved.
fn class() -> &'static Path {
    static CLASS: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = CLASS.get_or_init(|| {
        let at = tempfile::tempdir().expect("temporary folder");
        let class = at.path().join("class.mp4");
        make(
            &class,
            "-f lavfi -t 20 -i testsrc2=size=320x240:rate=25 -f lavfi -t 20 -i sine=frequency=440 \
             -c:v libx264 -preset ultrafast -g 25 -c:a aac",
        );
        let output = at.path().join("OUT");
        let drafts = output.join("drafts");
        fs::create_dir_all(&drafts).expect("made");
        let draft = |name: &str, text: &str| {
            fs::write(drafts.join(name), text).expect("written");
        };
        draft(
            "chapters.vtt",
            "WEBVTT\n\nNOTE\nstatus: approved\n\n00:00.000 --> 00:10.000\nOne\n\n\
             00:10.000 --> 00:20.000\nTwo\n",
        );
        draft(
            "captions.en.vtt",
            "WEBVTT\n\nNOTE\nstatus: approved\n\n00:01.000 --> 00:08.000\nsecret words\n",
        );
        package(&class, &output, &["mp4=true"]);
        (at, output)
    });
    path
}

/// Makes the package; what is said of it.
fn package(class: &Path, output: &Path, more: &[&str]) -> String {
    let mut words = vec![
        "package".into(),
        value("input", class),
        value("output", output),
        "preset=ultrafast".into(),
        "ladder=240,120".into(),
    ];
    words.extend(more.iter().map(OsString::from));
    harness::said(&harness::done(&words))
}

/// A copy of the class, and a place to publish to.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let at = tempfile::tempdir().expect("temporary folder");
        let copied = Command::new("cp")
            .arg("-a")
            .args([class(), &at.path().join("OUT")])
            .status();
        assert!(copied.is_ok_and(|status| status.success()));
        Place(at)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lecture"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("RCLONE_CONFIG", "/dev/null")
            .stdin(Stdio::null());
        command
    }

    fn lecture(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    /// What `--json` says of a job that has to succeed.
    fn done(&self, arguments: &[&str]) -> Value {
        let output = self.lecture(&[arguments, &["--json"]].concat());
        assert!(
            output.status.success(),
            "{arguments:?} ends with {}:\n{}",
            output.status,
            said(&output)
        );
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// A job that has to fail with this status, and a line that says all of this.
    fn fails(&self, arguments: &[&str], status: i32, says: &[&str]) -> String {
        failed(&self.lecture(arguments), status, says)
    }

    /// The files of a folder by their paths in it.
    fn files(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let top = self.path(name);
        let mut found = BTreeMap::new();
        let mut folders = vec![top.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&top).expect("inside").to_string_lossy();
                    found.insert(name.into_owned(), fs::read(&path).expect("read"));
                }
            }
        }
        found
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("removed");
    }

    /// Makes another version of the package: other chapters, and other captions.
    fn change(&self) {
        let draft = |name: &str, from: &str, to: &str| {
            let path = self.path("OUT/drafts").join(name);
            let text = fs::read_to_string(&path).expect("read");
            fs::write(&path, text.replace(from, to)).expect("written");
        };
        draft("chapters.vtt", "Two", "Second");
        draft("captions.en.vtt", "secret words", "other words");
        let input = class().with_file_name("class.mp4");
        package(&input, &self.path("OUT"), &["mp4=true"]);
    }
}

fn failed(output: &Output, status: i32, says: &[&str]) -> String {
    let text = said(output);
    let errors: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("error: "))
        .collect();
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert_eq!(errors.len(), 1, "{text}");
    for part in says {
        assert!(errors[0].contains(part), "{part} in {text}");
    }
    text
}

/// Whether rclone is there for tests that need it.
fn has_rclone() -> bool {
    let is_there = Command::new("rclone").arg("version").output().is_ok();
    if !is_there {
        println!("skipped: rclone is not installed");
    }
    is_there
}

/// The hash of everything that a player decodes.
fn decoded(playlist: &Path) -> String {
    let path = playlist.display().to_string();
    let arguments = ["-allowed_extensions", "ALL", "-i", &path];
    let output = ["-map", "0:v:0", "-map", "0:a:0", "-f", "md5", "-"];
    let hash = tool("ffmpeg", &[&arguments[..], &output].concat());
    String::from_utf8_lossy(&hash).trim().to_owned()
}

/// Everything that the multivariant playlist of a published package leads to is there.
fn is_whole(folder: &Path) -> bool {
    let text = |path: &Path| fs::read_to_string(path).ok();
    let uris = |text: &str| -> Vec<String> {
        let attributes = text
            .split("URI=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        attributes.chain(lines).map(str::to_owned).collect()
    };
    let Some(master) = text(&folder.join(MASTER)) else {
        return false;
    };
    uris(&master).iter().all(|uri| {
        let path = folder.join(uri);
        let Some(playlist) = text(&path) else {
            return false;
        };
        let is_media = uri.ends_with("m3u8");
        !is_media
            || uris(&playlist)
                .iter()
                .all(|uri| path.with_file_name(uri).exists())
    })
}
