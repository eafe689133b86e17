// SPDX-License-Identifier: MPL-2.0

//! Folders that are published into, kept, pruned and emptied again.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

use super::{MASTER, Place, class, decoded, has_rclone, is_whole, package};
use crate::harness::{json, said, value};

#[test]
fn a_package_is_published_whole_and_once() {
    let place = Place::new();
    let first = place.done(&["publish", "to=WWW/class-7"]);
    assert_eq!(first["sent-files"], first["files"]);
    let (package, published) = (place.files("OUT/package"), place.files("WWW/class-7"));
    for (path, bytes) in &package {
        assert!(published.contains_key(path), "{path} is missing");
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
        &["another run is writing to this folder"],
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
        said(&output).contains("notes.txt is not sent because"),
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
        place.fails(&unpublish, 1, &["nothing has been published there"]);
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
        place.fails(&unpublish, 1, &["nothing has been published there"]);
    }
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

#[test]
fn a_class_owes_its_viewers_captions_unless_no_standard_is_asked_for() {
    let place = Place::new();
    let manifest = fs::read(place.path("OUT/package/manifest.json")).expect("read");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    assert_eq!(manifest["checked"][0]["file"], "captions.en.vtt");
    assert_eq!(manifest["checked"][0]["fails"], 0);
    assert!(manifest["missing"].get("A").is_none(), "{manifest:#}");
    let missing = manifest["missing"]["AA"][0].as_str().expect("a text");
    assert!(missing.contains("no audio description"), "{missing}");
    let aa = ["publish", "to=WWW", "standard=AA"];
    place.fails(&aa, 1, &["no audio description", "standard=none"]);

    // A named person's word.
    let path = place.path("OUT/drafts/chapters.vtt");
    let text = fs::read_to_string(&path).expect("read");
    let signed = "status: approved\nby: Ada\nsigned: nothing-to-describe\non: 2026-11-30";
    fs::write(&path, text.replace("status: approved", signed)).expect("written");
    let input = class().with_file_name("class.mp4");
    package(&input, &place.path("OUT"), &["mp4=true"]);
    place.done(&aa);
    let manifest = fs::read(place.path("WWW/manifest.json")).expect("read");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    let review = &manifest["review"][0];
    assert_eq!(review["by"], "Ada");
    assert_eq!(review["on"], "2026-11-30");
    assert_eq!(review["signed"][0], "nothing-to-describe");

    // Captions that fail a rule, then none at all.
    let captions = place.path("OUT/drafts/captions.en.vtt");
    let text = fs::read_to_string(&captions).expect("read");
    fs::write(&captions, text.replace("00:08.000", "00:09.500")).expect("written");
    package(&input, &place.path("OUT"), &["mp4=true"]);
    place.fails(
        &["publish", "to=WWW"],
        1,
        &["captions.en.vtt fails in 1 place (too-long)"],
    );
    place.remove("OUT/drafts/captions.en.vtt");
    package(&input, &place.path("OUT"), &["mp4=true"]);
    place.fails(
        &["publish", "to=WWW"],
        1,
        &["no captions in the class's language"],
    );
    place.done(&["publish", "to=WWW", "standard=none"]);
    place.fails(
        &["publish", "to=WWW", "standard=B"],
        2,
        &["write A, AA or none"],
    );
}
