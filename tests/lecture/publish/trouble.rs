// SPDX-License-Identifier: MPL-2.0

//! Damaged packages, killed publications and destinations that cannot be written.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use super::{MASTER, Place, class, decoded, failed, has_rclone, is_whole, package};
use crate::harness::value;

#[test]
fn a_damaged_package_is_refused() {
    let segment = |place: &Place| {
        let name = fs::read_dir(place.path("OUT/package/video/240p"))
            .expect("a folder")
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .find(|name| name.ends_with(".m4s"));
        place
            .path("OUT/package/video/240p")
            .join(name.expect("a segment"))
    };
    type Damage<'a> = (&'a str, &'a dyn Fn(&Path));
    let damages: [Damage<'_>; 3] = [
        ("a segment is missing", &|path| {
            fs::remove_file(path).expect("removed")
        }),
        ("a segment is damaged", &|path| {
            let mut bytes = fs::read(path).expect("read");
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            fs::write(path, bytes).expect("written");
        }),
        ("a segment is a link", &|path| {
            let moved = path.with_extension("moved");
            fs::rename(path, &moved).expect("moved");
            symlink(&moved, path).expect("linked");
        }),
    ];
    for (what, damage) in damages {
        let place = Place::new();
        let path = segment(&place);
        damage(&path);
        place.fails(&["publish", "to=WWW"], 1, &["again"]);
        assert!(!place.path("WWW").exists(), "{what}");
    }
    let place = Place::new();
    place.remove("OUT/package/captions/captions.en.vtt");
    place.fails(
        &["publish", "to=WWW"],
        1,
        &["captions.en.vtt", "incomplete"],
    );
    fs::remove_dir_all(place.path("OUT/package")).expect("removed");
    place.fails(&["publish", "to=WWW"], 1, &["there is no package"]);
    place.fails(
        &["publish", "output=nothing", "to=WWW"],
        1,
        &["there is no package"],
    );
    assert!(!place.path("nothing").exists() && !place.path("WWW").exists());
}

#[test]
fn a_damaged_package_is_made_good_by_the_same_command() {
    let sheet = |path: &str| path.starts_with("thumbnails/") && !path.contains("poster");
    type Finds<'a> = &'a dyn Fn(&str) -> bool;
    let damages: [(Finds<'_>, bool, &str); 6] = [
        (
            &|path| path.starts_with("video/240p/") && path.ends_with(".m4s"),
            true,
            "everything is encoded",
        ),
        (
            &|path| path.starts_with("audio/") && path.ends_with(".m4s"),
            false,
            "everything is encoded",
        ),
        (
            &|path| path == "video/240p/iframes.m3u8",
            false,
            "everything is encoded",
        ),
        (&|path| path == MASTER, false, "everything is encoded"),
        (
            &|path| sheet(path) && path.ends_with(".jpg"),
            true,
            "the still images are made again",
        ),
        (
            &|path| path.starts_with("captions/"),
            true,
            "the media stay unchanged",
        ),
    ];
    for (finds, is_gone, says) in damages {
        let place = Place::new();
        let files = place.files("OUT/package");
        let (name, bytes) = files.iter().find(|(name, _)| finds(name)).expect("a file");
        let path = place.path("OUT/package").join(name);
        // Another package may share the file.
        fs::remove_file(&path).expect("removed");
        if !is_gone {
            let mut bytes = bytes.clone();
            let middle = bytes.len() / 2;
            bytes[middle..].fill(0);
            fs::write(&path, bytes).expect("written");
        }
        let class = class().with_file_name("class.mp4");
        let said = package(&class, &place.path("OUT"), &["mp4=true"]);
        assert!(said.contains(says), "{name}: {said}");
        place.done(&["publish", "to=WWW"]);
        assert!(is_whole(&place.path("WWW")), "{name}");
    }
}

/// Starts to publish through rclone, slowly, and waits until something has come.
fn slow(place: &Place, to: &str) -> Child {
    let mut job = place
        .command(&["publish", to])
        .env("RCLONE_BWLIMIT", "60k")
        .env("RCLONE_TRANSFERS", "1")
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let before = place.files("WWW").len();
    for _ in 0..3000 {
        if place.files("WWW").len() > before + 2 {
            return job;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _ = (job.kill(), job.wait());
    panic!("nothing came");
}

#[test]
fn a_killed_publication_shows_nothing_half_and_goes_on() {
    if !has_rclone() {
        return;
    }
    let place = Place::new();
    let to = format!("to=:local:{}", place.path("WWW").display());
    let mut job = slow(&place, &to);
    job.kill().expect("killed");
    let _ = job.wait();
    assert!(!place.path("WWW").join(MASTER).exists(), "killed too late");
    let whole = place.done(&["publish", &to]);
    assert!(
        whole["sent-files"].as_u64() < whole["files"].as_u64(),
        "{whole}"
    );
    assert!(is_whole(&place.path("WWW")));
    let first = fs::read(place.path("WWW").join(MASTER)).expect("read");

    // The next version is interrupted by Ctrl-C: the first one still plays.
    let input = class().with_file_name("class.mp4");
    let cuts = "WEBVTT\n\nNOTE\nstatus: approved\n\n00:05.000 --> 00:11.000\ncut: break\n";
    fs::write(place.path("OUT/drafts/trim.vtt"), cuts).expect("written");
    package(&input, &place.path("OUT"), &[]);
    let job = slow(&place, &to);
    let pid = job.id().to_string();
    let interrupted = Command::new("kill").args(["-INT", &pid]).status();
    assert!(interrupted.is_ok_and(|status| status.success()));
    let output = job.wait_with_output().expect("it ends");
    failed(&output, 75, &["stopped", "run the same command again"]);
    assert_eq!(
        fs::read(place.path("WWW").join(MASTER)).expect("read"),
        first
    );
    assert!(is_whole(&place.path("WWW")));
    place.done(&["publish", &to]);
    let (there, inside) = (place.path("WWW"), place.path("OUT/package"));
    assert_eq!(decoded(&there.join(MASTER)), decoded(&inside.join(MASTER)));
}

#[test]
fn a_destination_that_cannot_be_written_is_one_clear_error() {
    let place = Place::new();
    fs::write(place.path("file"), "").expect("written");
    place.fails(&["publish", "to=file"], 1, &["cannot write", "file"]);
    place.fails(&["publish", "to=OUT/package"], 2, &["the package itself"]);
    place.fails(
        &["publish", "to=OUT/package/video/x"],
        2,
        &["the package itself"],
    );
    place.fails(&["publish"], 2, &["to= is missing"]);
    place.fails(&["publish", "to=WWW", "prune=soon"], 2, &["soon"]);
    let nothing = place
        .command(&["publish", "to=there:bucket"])
        .env("PATH", "/nothing")
        .output()
        .expect("the program runs");
    failed(
        &nothing,
        1,
        &["rclone is not installed", "apt-get install rclone"],
    );
    if !has_rclone() {
        return;
    }
    place.fails(
        &["publish", "to=nobody:bucket"],
        1,
        &["no such remote", "rclone config"],
    );
    let secret = "to=:s3,provider=Other,endpoint='http://127.0.0.1:1',secret_access_key=hunter2,\
                  access_key_id=x:bucket/class";
    for job in ["publish", "unpublish"] {
        let error = place.fails(&[job, secret], 75, &["cannot reach", ":s3:bucket/class"]);
        assert!(!error.contains("hunter2"), "{error}");
    }

    for (options, status, says) in [
        ("size=200k", 75, "no space left"),
        ("size=1m,ro", 1, "cannot write"),
    ] {
        let small = place.path("small");
        fs::create_dir_all(&small).expect("made");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&small)
            .output();
        if !mounted.is_ok_and(|mount| mount.status.success()) {
            println!("skipped: mounting a small tmpfs needs root");
            return;
        }
        let words = [
            "to=small/WWW".to_owned(),
            format!("to=:local:{}/RC", small.display()),
        ];
        let ended: Vec<Output> = words
            .iter()
            .map(|to| place.lecture(&["publish", to]))
            .collect();
        let has_playlist = small.join("WWW").join(MASTER).exists();
        let parts: Vec<String> = place.files("small").into_keys().collect();
        assert!(
            Command::new("umount")
                .arg(&small)
                .status()
                .is_ok_and(|status| status.success())
        );
        for output in &ended {
            failed(output, status, &[says]);
        }
        assert!(!has_playlist);
        assert!(
            !parts.iter().any(|path| path.ends_with(".part")),
            "{parts:?}"
        );
    }
}

/// Whoever was to read may have gone away, as `head -1` does.
#[test]
fn a_job_goes_on_where_nobody_reads() {
    let place = Place::new();
    let input = value("input", &class().with_file_name("class.mp4"));
    let input = input.to_str().expect("UTF-8");
    let package = ["package", input, "preset=ultrafast", "ladder=240,120"];
    let cases: [(&[&str], i32); 5] = [
        (&package, 0),
        (&["publish", "to=WWW", "--print"], 0),
        (&["publish", "to=WWW", "--json"], 0),
        (&["publish", "output=nothing", "to=WWW", "--json"], 1),
        (&["publish", "--json"], 2),
    ];
    for (arguments, status) in cases {
        let mut command = place.command(arguments);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        drop((child.stdout.take(), child.stderr.take()));
        let ended = child.wait().expect("it ends");
        assert_eq!(ended.code(), Some(status), "{arguments:?}");
    }
    assert!(is_whole(&place.path("WWW")));
}
