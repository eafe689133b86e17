// SPDX-License-Identifier: MPL-2.0

//! A journal that cannot be written, was hurt, or belongs to another process; a crash.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use gstlecture::delivery::Journal;
use gstlecture::xapi::{Uuid, check, iri};
use serde_json::Value;

use super::{WATCHED, warned, watch};
use crate::harness::player::{Player, folder, wav};

#[test]
fn a_journal_where_none_can_be() {
    let folder = folder();
    fs::write(folder.path().join("file"), "").expect("written");
    let journal = folder.path().join("file/journal");
    let player = watch(folder.path(), &format!("journal={}", journal.display()));
    warned(&player, "statements stay in memory");
    assert_eq!(player.verbs(), WATCHED);
    assert_eq!(player.number("unwritten"), 5);
}

#[test]
fn a_journal_that_was_hurt() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let file = journal.join("statements.journal");
    let properties = format!("journal={}", journal.display());
    watch(folder.path(), &properties);
    let whole = fs::read(&file).expect("a journal");

    // A last record that was never finished is no trouble: nothing of it was sent.
    fs::write(&file, &whole[..whole.len() - 5]).expect("written");
    let player = watch(folder.path(), &properties);
    assert_eq!(player.warnings, [""; 0]);
    assert_eq!(player.verbs()[0], "initialized");

    // Of a flipped bit in the middle, and of one at the end, a copy is kept.
    for at in [whole.len() / 2, whole.len() - 5] {
        let mut flipped = whole.clone();
        flipped[at] ^= 4;
        fs::write(&file, &flipped).expect("written");
        let player = watch(folder.path(), &properties);
        warned(&player, "a copy is kept");
        let copy = journal.join("statements.journal.damaged");
        assert_eq!(fs::read(&copy).expect("a copy"), flipped);
    }

    // A later version's is not touched.
    let newer = [b"LECTXAPI\x09\0\0\0".as_slice(), &whole[12..]].concat();
    fs::write(&file, &newer).expect("written");
    let player = watch(folder.path(), &properties);
    warned(&player, "has version 9");
    assert_eq!(player.verbs(), WATCHED);
    assert_eq!(fs::read(&file).expect("still there"), newer);
}

/// A file system of its own, taken away in the end.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn new(path: &'a Path, options: &str) -> Option<Self> {
        fs::create_dir_all(path).expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(path)
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Mounted(path));
        }
        println!("skipped: mounting a tmpfs needs root");
        None
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_disk_that_is_full_and_has_room_again() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let Some(_mounted) = Mounted::new(&journal, "size=64k") else {
        return;
    };
    let properties = format!("journal={}", journal.display());
    watch(folder.path(), &properties);
    let fill = || {
        let mut file = fs::File::create(journal.join("fill")).expect("a file");
        while file.write_all(&[7; 256]).is_ok() {}
    };
    fill();
    let player = watch(folder.path(), &properties);
    warned(&player, "cannot be written");
    assert_eq!(
        player.verbs(),
        ["initialized", "played", "paused", "terminated"]
    );
    // A last page may still have taken a record.
    assert!(player.number("unwritten") > 0);
    drop(player);

    // Room comes while the video plays: everything is on the disk in the end.
    let mut player = Player::file(&wav(folder.path(), "b.wav", 900), &properties);
    player.set(gst::State::Playing);
    player.to(300);
    fs::remove_file(journal.join("fill")).expect("removed");
    player.play_to_the_end();
    player.stop();
    assert_eq!(player.number("unwritten"), 0);
    let journal = Journal::open(&journal).expect("it opens");
    assert_eq!(
        journal.contents().pending.len(),
        5 + player.statements.len()
    );
}

#[test]
fn a_disk_that_cannot_be_written() {
    let folder = folder();
    let path = folder.path().join("mounted");
    let Some(_mounted) = Mounted::new(&path, "ro,size=64k") else {
        return;
    };
    let properties = format!("journal={}", path.join("journal").display());
    let player = watch(folder.path(), &properties);
    warned(&player, "statements stay in memory");
    assert_eq!(player.verbs(), WATCHED);
}

#[test]
fn a_journal_that_another_process_has() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let journal_is = format!("journal={}", journal.display());
    let mut first = Player::file(&wav(folder.path(), "a.wav", 300), &journal_is);
    first.set(gst::State::Paused);
    let lecture = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_lecture"))
            .args(arguments)
            .output()
            .expect("the program runs")
    };
    let input = format!("input={}", folder.path().join("a.wav").display());
    let actor = "actor=mailto:bob@example.org";
    let played = lecture(&[
        "play",
        &input,
        "headless=true",
        actor,
        &journal_is,
        "--json",
    ]);
    assert!(played.status.success());
    let result: Value = serde_json::from_slice(&played.stdout).expect("JSON");
    assert_eq!(result["verbs"], serde_json::json!(WATCHED));
    assert_eq!(result["troubles"], 1);
    assert!(String::from_utf8_lossy(&played.stderr).contains("is in use"));
    let endpoint = "endpoint=http://127.0.0.1:9/";
    let delivered = lecture(&["xapi-deliver", &journal_is, endpoint]);
    assert_eq!(delivered.status.code(), Some(75));
    first.play();
    assert_eq!(first.verbs(), WATCHED);
    assert_eq!(first.warnings, [""; 0]);
}

/// The disk as it is at one moment of playback is all that a crash leaves.
#[test]
fn a_crash_costs_at_most_one_checkpoint() {
    let folder = folder();
    let (journal, copy) = (folder.path().join("journal"), folder.path().join("copy"));
    let properties = format!(
        "journal={} checkpoint-interval=1000000000",
        journal.display()
    );
    let mut player = Player::file(&wav(folder.path(), "a.wav", 5000), &properties);
    player.set(gst::State::Playing);
    player.to(3500);
    let at = player.position();
    fs::create_dir(&copy).expect("a folder");
    let file = "statements.journal";
    fs::copy(journal.join(file), copy.join(file)).expect("copied");
    player.stop();

    let mut left = Journal::open(&copy).expect("it opens");
    let mut ids = (1..).map(|number| Uuid::v4([number; 16]));
    let mut new_id = || ids.next().expect("enough");
    assert_eq!(left.close_abandoned(&mut new_id).expect("written"), 1);
    let statements: Vec<Value> = left
        .contents()
        .pending
        .values()
        .map(|entry| left.statement(entry).expect("it can be read"))
        .map(|json| serde_json::from_str(&json).expect("JSON"))
        .collect();
    assert_eq!(check::all(&statements), []);
    let last = &statements.last().expect("terminated")["result"]["extensions"];
    let said = last[iri::TIME].as_f64().expect("a time") * 1000.0;
    // The interval, and half a second for a busy machine.
    assert!(
        said <= at as f64 + 150.0 && said >= at as f64 - 1500.0,
        "{said} of {at}"
    );
}
