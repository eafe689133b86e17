// SPDX-License-Identifier: MPL-2.0

//! Whatever is wrong with settings, journal, LRS, stream or clock: the stream plays to its end, one
//! message says what is wrong, and a counter counts it.

mod journal;
mod lrs;
mod stream;

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::player::{ACTIVITY, ACTOR, Player, folder, wav};

const WATCHED: [&str; 5] = ["initialized", "played", "completed", "paused", "terminated"];

/// Plays a short file to its end.
fn watch(folder: &Path, properties: &str) -> Player {
    let mut player = Player::file(&wav(folder, "a.wav", 300), properties);
    player.play();
    player
}

#[track_caller]
fn warned(player: &Player, words: &str) {
    assert_eq!(player.warnings.len(), 1, "{:?}", player.warnings);
    assert!(player.warnings[0].contains(words), "{}", player.warnings[0]);
    assert_eq!(player.number("troubles"), 1);
}

#[test]
fn settings() {
    let folder = folder();
    for (properties, words, reports) in [
        ("actor=\"{}\"", "no identifier", false),
        ("actor=\"{oops\"", "neither mailto", false),
        ("actor=ada", "neither mailto", false),
        ("activity-id=seven", "is not an IRI", false),
        ("registration=7", "is not a UUID", false),
        ("min-rate=2 max-rate=1", "nothing would be watched", false),
        ("endpoint=lrs", "is not an http or https URL", true),
        (
            "endpoint=https://a:hunter2@lrs.example.org",
            "contains credentials",
            true,
        ),
        (
            "endpoint=http://127.0.0.1:9 token=env:LECTURE_NO_SUCH",
            "is not set",
            true,
        ),
        ("manifest-location=/no/such/file", "manifest", true),
    ] {
        let player = watch(folder.path(), properties);
        warned(&player, words);
        assert!(!player.warnings[0].contains("hunter2"));
        assert_eq!(player.statements.is_empty(), !reports, "{properties}");
    }
}

#[test]
fn a_threshold_out_of_range() {
    let folder = folder();
    let path = wav(folder.path(), "a.wav", 300);
    let program = Path::new(env!("CARGO_BIN_EXE_lecture"));
    let said = |command: &mut Command, status| {
        let output = command.output().expect("the program runs");
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    // GObject says it, and the default stays.
    let line = format!(
        "filesrc location={path} ! wavparse ! xapitap actor={ACTOR} activity-id={ACTIVITY} \
         completion-threshold=7 ! fakesink sync=true"
    );
    let mut launch = Command::new("gst-launch-1.0");
    launch.args(line.split(' ')).env_remove("G_DEBUG");
    // Beside a test's own binary lies the plugin that it was built with.
    let built = std::env::current_exe()
        .expect("the test")
        .with_file_name("libgstlecture.so");
    let plugins = folder.path().join("plugins");
    fs::create_dir(&plugins).expect("made");
    fs::copy(built, plugins.join("libgstlecture.so")).expect("copied");
    launch.env("GST_PLUGIN_PATH", plugins);
    launch.env("GST_REGISTRY", folder.path().join("registry.bin"));
    assert!(said(&mut launch, 0).contains("out of range"));
    // The program asks for another one.
    let mut play = Command::new(program);
    play.args(["play", "headless=true", "actor=mailto:ada@example.org"]);
    play.args([&format!("input={path}"), "completion-threshold=7"]);
    assert!(said(&mut play, 2).contains("completion-threshold cannot be 7"));
}
