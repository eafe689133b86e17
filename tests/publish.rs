// SPDX-License-Identifier: MPL-2.0

//! `publish` and `unpublish`: into folders, and through rclone into a folder that is a remote to it.
//! Object storage stands in tests/publish/run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde_json::Value;
use tempfile::TempDir;

mod support;
use support::{json, make, said, tool, value};

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
    support::said(&support::done(&words))
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

#[test]
fn a_package_is_published_whole_and_once() {
    let place = Place::new();
    let first = place.done(&["publish", "to=WWW/class-7"]);
    assert_eq!(first["sent-files"], first["files"]);
    let (package, published) = (place.files("OUT/package"), place.files("WWW/class-7"));
    for (path, bytes) in &package {
        assert!(published.contains_key(path), "{path} is not there");
        let same = published.get(path) == Some(bytes);
        assert_eq!(same, path != MASTER, "{path}");
    }
    // Beside it only copies under names that change with their content, and the listing.
    let listing = json(&place.path("WWW/class-7/published.json"));
    let listed = listing["files"].as_object().expect("files");
    for path in published.keys().filter(|path| !package.contains_key(*path)) {
        let stem = Path::new(path)
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let is_copy = stem.len() == 16 && stem.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_copy || path == "published.json", "{path}");
    }
    for (path, bytes) in published
        .iter()
        .filter(|(path, _)| *path != "published.json")
    {
        assert_eq!(listed[path]["bytes"], bytes.len(), "{path}");
    }
    // What it leads to is the class.
    assert!(is_whole(&place.path("WWW/class-7")));
    let (inside, there) = (place.path("OUT/package"), place.path("WWW/class-7"));
    assert_eq!(decoded(&there.join(MASTER)), decoded(&inside.join(MASTER)));
    let findings = |folder: &str| place.lecture(&["check", &format!("input={folder}"), "--json"]);
    let (found, expected) = (findings("WWW/class-7"), findings("OUT/package"));
    assert_eq!(found.status, expected.status, "{}", said(&found));
    // The second time nothing is left to be sent.
    let again = place.done(&["publish", "to=WWW/class-7"]);
    assert_eq!(
        (&again["sent-files"], &again["sent-bytes"]),
        (&0.into(), &0.into())
    );
    assert_eq!(place.files("WWW/class-7"), published);
    assert!(place.path("OUT/drafts").exists() && !place.path("OUT/.publication.new").exists());
}

#[test]
fn a_package_is_not_published_into_itself() {
    let place = Place::new();
    symlink(place.path("OUT"), place.path("link")).expect("linked");
    let before = place.files("OUT");
    for to in [
        "to=OUT/package",
        "to=OUT/package/www",
        "to=link/package/www/deep",
        "to=nothing/../link/package/www",
    ] {
        for output in ["output=OUT", "output=link"] {
            place.fails(&["publish", output, to], 2, &["the package itself"]);
        }
    }
    assert_eq!(place.files("OUT"), before);
}

#[test]
fn a_package_in_the_making_is_not_read() {
    let place = Place::new();
    let lock = fs::File::open(place.path("OUT")).expect("opened");
    flock(&lock, FlockOperation::LockExclusive).expect("locked");
    place.remove("OUT/package/manifest.json");
    place.fails(
        &["publish", "to=WWW"],
        75,
        &["another run is writing there"],
    );
}

#[test]
fn drafts_are_refused_and_listed() {
    let place = Place::new();
    let path = place.path("OUT/drafts/captions.en.vtt");
    let text = fs::read_to_string(&path).expect("read");
    fs::write(&path, text.replace("approved", "draft")).expect("written");
    place.change();
    let error = place.fails(
        &["publish", "to=WWW"],
        1,
        &["captions.en.vtt", "status: approved", "allow-drafts=true"],
    );
    assert!(!error.contains("chapters.vtt"), "{error}");
    assert!(!place.path("WWW").exists());
    place.done(&["publish", "to=WWW", "allow-drafts=true"]);
    assert!(is_whole(&place.path("WWW")));
}

#[test]
fn only_what_the_package_names_leaves() {
    let place = Place::new();
    fs::write(place.path("OUT/package/notes.txt"), "private").expect("written");
    let output = place.lecture(&["publish", "to=WWW"]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("notes.txt is not sent"),
        "{}",
        said(&output)
    );
    assert!(!place.path("WWW/notes.txt").exists());
    // Nothing is said of the files that are.
    assert_eq!(
        said(&output).matches("warning: ").count(),
        1,
        "{}",
        said(&output)
    );

    let printed = place.lecture(&["publish", "to=elsewhere", "--print"]);
    let lines = String::from_utf8(printed.stdout).expect("UTF-8");
    let published = place.files("WWW");
    assert_eq!(lines.lines().count(), published.len() - 1);
    let last = "master.m3u8\tapplication/vnd.apple.mpegurl\tpublic, max-age=60";
    assert_eq!(lines.lines().last(), Some(last));
    assert!(!place.path("elsewhere").exists());
}

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
            "all is encoded",
        ),
        (
            &|path| path.starts_with("audio/") && path.ends_with(".m4s"),
            false,
            "all is encoded",
        ),
        (
            &|path| path == "video/240p/iframes.m3u8",
            false,
            "all is encoded",
        ),
        (&|path| path == MASTER, false, "all is encoded"),
        (
            &|path| sheet(path) && path.ends_with(".jpg"),
            true,
            "the still pictures are made again",
        ),
        (
            &|path| path.starts_with("captions/"),
            true,
            "the media stay as they are",
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

#[test]
fn earlier_versions_stay_until_they_are_pruned() {
    let place = Place::new();
    place.done(&["publish", "to=WWW"]);
    let first = place.files("WWW");
    place.change();
    let second = place.done(&["publish", "to=WWW"]);
    let files = place.files("WWW");
    // Who has the first version's playlists goes on with it.
    for (path, bytes) in first.iter().filter(|(path, _)| path.contains('/')) {
        let stays = path.ends_with(".m4s") || path.split('/').count() > 2;
        if stays && !path.ends_with("playlist.m3u8") {
            assert_eq!(files.get(path), Some(bytes), "{path}");
        }
    }
    assert!(second["earlier"].as_u64() > Some(0), "{second}");
    // The picture and the sound are the same: they are not sent again.
    let sent = second["sent-files"].as_u64().expect("a number");
    assert!(sent > 0 && sent < 20, "{second}");
    assert_eq!(place.done(&["publish", "to=WWW", "prune=1"])["removed"], 0);
    let pruned = place.done(&["publish", "to=WWW", "prune=0"]);
    assert_eq!(pruned["removed"], second["earlier"]);
    assert!(is_whole(&place.path("WWW")));
    let other = Place(tempfile::tempdir().expect("temporary folder"));
    let words = [
        value("output", &place.path("OUT")),
        value("to", &other.path("WWW")),
    ];
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    other.done(&[&["publish"], &words[..]].concat());
    let names = |files: BTreeMap<String, Vec<u8>>| files.into_keys().collect::<Vec<_>>();
    assert_eq!(names(place.files("WWW")), names(other.files("WWW")));
    let text = String::from_utf8(place.files("WWW")["transcript.en.html"].clone());
    assert!(text.expect("UTF-8").contains("other words"));
}

#[test]
fn unpublish_leaves_what_others_put_there() {
    for to in ["WWW", ":local:WWW"] {
        if to.starts_with(':') && !has_rclone() {
            continue;
        }
        let place = Place::new();
        let to = to.replace("WWW", &place.path("WWW").display().to_string());
        let (publish, unpublish) = (format!("to={to}"), ["unpublish", &format!("to={to}")]);
        fs::create_dir_all(place.path("WWW")).expect("made");
        fs::write(place.path("WWW/index.html"), "another's").expect("written");
        place.fails(&unpublish, 1, &["publish has put nothing there"]);
        place.done(&["publish", &publish]);
        fs::write(place.path("WWW/video/other.m4s"), "another's").expect("written");
        place.change();
        place.done(&["publish", &publish]);
        place.done(&unpublish);
        let left: Vec<String> = place.files("WWW").into_keys().collect();
        assert_eq!(left, ["index.html", "video/other.m4s"]);
        let folders = Command::new("find")
            .arg(place.path("WWW"))
            .args(["-type", "d"])
            .output();
        let folders = String::from_utf8(folders.expect("find").stdout).expect("UTF-8");
        assert_eq!(folders.lines().count(), 2, "{folders}");
        // A folder in which another's file has the name of one of ours is not published to.
        place.fails(&["publish", &publish], 1, &["video is there already"]);
        fs::remove_dir_all(place.path("WWW")).expect("removed");
        place.fails(&unpublish, 1, &["publish has put nothing there"]);
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
    failed(&output, 75, &["stopped", "goes on"]);
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

#[test]
fn segments_are_encrypted_and_only_the_key_opens_them() {
    let place = Place::new();
    let key: Vec<u8> = (100..116).collect();
    fs::write(place.path("key"), &key).expect("written");
    fs::write(place.path("short"), "short").expect("written");
    let uri = format!("key-uri=file://{}", place.path("served/key").display());
    place.fails(
        &["publish", "to=WWW", "encrypt-key=key"],
        2,
        &["belong together"],
    );
    place.fails(
        &["publish", "to=WWW", "encrypt-key=short", &uri],
        1,
        &["16 bytes", "openssl"],
    );
    place.fails(
        &["publish", "to=WWW", "encrypt-key=key", "key-uri=k"],
        2,
        &["not a URI"],
    );
    place.fails(
        &["publish", "to=WWW", "encrypt-key=key", &uri, "clear=all"],
        2,
        &["all"],
    );
    let words = ["publish", "to=WWW", "encrypt-key=key", &uri];
    place.done(&words);
    assert_eq!(
        place.done(&words)["sent-files"],
        0,
        "the same key makes the same files"
    );

    // Every segment is the clear one by openssl, and its playlist says how.
    let (clear, published) = (place.files("OUT/package"), place.files("WWW"));
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut opened = 0;
    for (path, playlist) in published
        .iter()
        .filter(|(path, _)| path.ends_with("/playlist.m3u8"))
    {
        let folder = Path::new(path).parent().expect("a folder");
        let lines = String::from_utf8(playlist.clone()).expect("UTF-8");
        let plain = String::from_utf8(clear[path].clone()).expect("UTF-8");
        let names = |text: &str| -> Vec<String> {
            let lines =
                text.lines()
                    .filter_map(|line| match line.strip_prefix("#EXT-X-MAP:URI=\"") {
                        Some(rest) => rest.split('"').next(),
                        None => (!line.starts_with('#')).then_some(line),
                    });
            lines.map(str::to_owned).collect()
        };
        let vectors = lines
            .split("IV=0x")
            .skip(1)
            .filter_map(|rest| rest.get(..32));
        let pairs: Vec<_> = names(&lines)
            .into_iter()
            .zip(names(&plain))
            .zip(vectors)
            .collect();
        assert_eq!(pairs.len(), names(&plain).len(), "{path}: {lines}");
        for ((sealed, plain), iv) in pairs {
            let at = |name: &str| folder.join(name).display().to_string();
            let output = Command::new("openssl")
                .args(["enc", "-d", "-aes-128-cbc", "-K", &hex, "-iv", iv, "-in"])
                .arg(place.path("WWW").join(at(&sealed)))
                .output()
                .expect("openssl is installed");
            assert_eq!(output.stdout, clear[&at(&plain)], "{path}: {plain}");
            opened += 1;
        }
    }
    assert!(opened > 10, "{opened}");

    // In clear there is only what names the class, and the key is nowhere.
    let holds = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|found| found == part);
    for (path, bytes) in &published {
        assert!(
            !holds(bytes, &key) && !holds(bytes, b"secret words"),
            "{path}"
        );
        assert!(!holds(bytes, hex.as_bytes()), "{path}");
        let is_left_out = ["mpd", "jpg", "html"].iter().any(|end| path.ends_with(end));
        assert!(!is_left_out && !path.ends_with("class.mp4"), "{path}");
        let is_clear = clear.get(path) == Some(bytes);
        assert!(
            !is_clear || ["chapters.vtt"].contains(&path.as_str()),
            "{path} is in clear"
        );
    }
    let manifest = json(&place.path("WWW/manifest.json"));
    assert_eq!(manifest["encryption"]["method"], "AES-128");
    assert!(manifest["dash"].is_null() && manifest["captions"][0]["file"].is_null());

    // Nothing is said of what lies in an encrypted segment.
    let checked = place.lecture(&["check", "input=WWW", "--json"]);
    let checked = String::from_utf8_lossy(&checked.stdout).into_owned();
    let result = checked.lines().last().expect("a line of result");
    let checked: Value = serde_json::from_str(result).expect("JSON");
    let findings = checked["findings"].as_array().expect("findings");
    for rule in findings.iter().filter_map(|one| one["rule"].as_str()) {
        let about_segments = ["HLS", "Apple 5.", "Apple 7.", "Apple 8."];
        let is_one = about_segments.iter().any(|start| rule.starts_with(start));
        assert!(!is_one, "{checked}");
    }

    // A player plays it with the key, and not without or with another.
    let master = place.path("WWW").join(MASTER);
    fs::create_dir(place.path("served")).expect("made");
    fs::copy(place.path("key"), place.path("served/key")).expect("copied");
    assert_eq!(
        decoded(&master),
        decoded(&place.path("OUT/package").join(MASTER))
    );
    fs::write(place.path("served/key"), [7; 16]).expect("written");
    let refused = Command::new("ffprobe")
        .args(["-v", "error", "-allowed_extensions", "ALL", "-show_streams"])
        .arg(&master)
        .output()
        .expect("ffprobe is installed");
    assert!(!String::from_utf8_lossy(&refused.stdout).contains("codec_name=h264"));
    assert!(!refused.stderr.is_empty());

    // What is asked for in clear is there, too.
    place.done(&[&words[..], &["clear=texts,thumbnails", "prune=0"]].concat());
    let published = place.files("WWW");
    for path in [
        "transcript.en.html",
        "captions/captions.en.vtt",
        "thumbnails/poster.jpg",
    ] {
        assert_eq!(published.get(path), clear.get(path), "{path}");
    }
    assert!(!published.contains_key("class.mp4") && !published.contains_key("manifest.mpd"));
}

#[test]
fn the_manifest_says_what_it_costs() {
    let place = Place::new();
    let input = class().with_file_name("class.mp4");
    let more = ["views=2000000", "delivery-rate=0.05", "storage-rate=0.01"];
    package(&input, &place.path("OUT"), &more);
    let cost = &json(&place.path("OUT/package/manifest.json"))["cost"];
    let files = place.files("OUT/package");
    let size = |is_counted: &dyn Fn(&str) -> bool| -> u64 {
        let counted = files.iter().filter(|(path, _)| is_counted(path));
        counted.map(|(_, bytes)| bytes.len() as u64).sum()
    };
    assert_eq!(cost["stored-bytes"], size(&|path| path != "manifest.json"));
    let viewed = size(&|path| {
        path.ends_with(".m4s") && (path.starts_with("video/120p/") || path.starts_with("audio/"))
    });
    let rendition = &cost["renditions"][1];
    assert_eq!(
        (&rendition["name"], &rendition["bytes"]),
        (&"120p".into(), &viewed.into())
    );
    let is = |value: &Value, expected: f64| {
        let value = value.as_f64().expect("a number");
        // Written to a millionth of a dollar; the class is a sample longer than 20 s.
        let allowed = 2e-6 * expected.max(1.0);
        assert!(
            (value - expected).abs() <= allowed,
            "{value} is not {expected}"
        );
    };
    is(&rendition["delivery"], viewed as f64 / 1e9 * 2e6 * 0.05);
    // 1.5 Mbit/s for 20 s, and 1.8 times that.
    is(&cost["fixed"]["delivery"], 3.75e6 / 1e9 * 2e6 * 0.05);
    is(&cost["fixed"]["storage"], 1.8 * 3.75e6 / 1e9 * 0.01);
    assert!(cost["source"].is_null());
    for wrong in [
        "views=-1",
        "views=1.5",
        "storage-rate=-1",
        "delivery-rate=cheap",
    ] {
        let words = ["package", "output=OTHER", wrong];
        place.fails(&words, 2, &[wrong.split('=').next().unwrap_or_default()]);
    }
    assert!(!place.path("OTHER").exists());
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
