// SPDX-License-Identifier: MPL-2.0

//! Drafts: what a person corrected shapes the package and survives another run.

use std::fs;

use serde_json::Value;

use crate::harness::place::{PACKAGE, Place, class_with_a_cut, package, span};

#[test]
fn drafts_that_contradict_themselves_name_their_lines() {
    let place = Place::new();
    place.recording("good.mp4", "4");
    place.done(&["package", "input=good.mp4"]);
    let good = place.files("OUT/package");
    for (name, text, says) in [
        ("trim.vtt", "no file of cues\n", "trim.vtt"),
        (
            "trim.vtt",
            "WEBVTT\n\n00:00.000 --> 00:02.000\nkeep\n\n00:01.000 --> 00:03.000\ncut: silence\n",
            "line",
        ),
        (
            "trim.vtt",
            "WEBVTT\n\n00:00.000 -> 00:02.000\nkeep\n",
            "line 3",
        ),
        (
            "trim.vtt",
            "WEBVTT\n\n00:00.000 --> 00:04.000\ncut: all\n",
            "everything is cut",
        ),
        (
            "chapters.vtt",
            "WEBVTT\n\n00:00.000 -- 00:02.000\nTitle\n",
            "line 3",
        ),
        (
            "chapters.vtt",
            "WEBVTT\n\n00:00.000 --> 00:02.000\nOne\n\n00:01.000 --> 00:03.000\nTwo\n",
            "line 6",
        ),
    ] {
        place.write(&format!("OUT/drafts/{name}"), text);
        place
            .lecture(&["package", "input=good.mp4"])
            .failed(1, &[name, says]);
        assert_eq!(place.files("OUT/package"), good, "{text}");
        fs::remove_file(place.path(&format!("OUT/drafts/{name}"))).expect("removed");
    }
}

#[test]
fn the_package_follows_the_cuts_and_the_chapters() {
    let place = Place::new();
    place.recording("class.mp4", "20");
    place.write(
        "OUT/drafts/trim.vtt",
        "WEBVTT\n\nNOTE\nstatus: approved\nby: Ada\n\n\
         00:00.000 --> 00:04.000\ncut: silence\n\n00:12.000 --> 00:14.000\ncut: break\n",
    );
    place.write(
        "OUT/drafts/chapters.vtt",
        "WEBVTT\n\n00:00.000 --> 00:13.000\nFirst & <i>foremost</i>\n\n\
         00:13.000 --> 00:20.000\nSecond\n"
            .replace("<i>foremost</i>", "foremost")
            .as_str(),
    );
    let done = place.done(&["package", "input=class.mp4", "preset=ultrafast"]);
    assert_eq!(done["approved"], false);
    let playlist = place.path("OUT/package/video/240p/playlist.m3u8");
    assert!((span(&playlist).1 - 14.0).abs() < 0.05);
    let manifest: Value =
        serde_json::from_str(&place.read("OUT/package/manifest.json")).expect("JSON");
    assert_eq!(manifest["title"], "class");
    assert_eq!(manifest["kept"][0]["start"], 4.0);
    assert_eq!(manifest["kept"][0]["end"], 12.0);
    assert_eq!(manifest["kept"][1]["start"], 14.0);
    assert_eq!(manifest["review"][0]["approved"], true);
    assert_eq!(manifest["review"][0]["by"], "Ada");
    assert_eq!(manifest["review"][1]["approved"], false);
    let chapters = place.read("OUT/package/chapters.vtt");
    assert!(
        chapters.contains("00:00:00.000 --> 00:00:08.000\nFirst &amp; foremost")
            || chapters.contains("00:00.000 --> 00:08.000\nFirst &amp; foremost"),
        "{chapters}"
    );

    let media = place.files("OUT/package");
    let corrected = place
        .read("OUT/drafts/chapters.vtt")
        .replace("Second", "Third");
    place.write("OUT/drafts/chapters.vtt", &corrected);
    place.done(&[
        "package",
        "input=class.mp4",
        "preset=ultrafast",
        "title=New",
    ]);
    assert!(place.read("OUT/package/chapters.vtt").contains("Third"));
    let manifest: Value =
        serde_json::from_str(&place.read("OUT/package/manifest.json")).expect("JSON");
    assert_eq!(manifest["chapters"][1]["title"], "Third");
    assert_eq!(manifest["title"], "New");
    let corrected = place.files("OUT/package");
    assert!(corrected.keys().eq(media.keys()));
    for (path, file) in &corrected {
        let is_text = ["chapters.vtt", "chapters.json", "manifest.json"]
            .iter()
            .any(|name| path.ends_with(name));
        // The same inode: nothing was encoded, nor copied.
        assert_eq!(media[path].1 == file.1, !is_text, "{path:?}");
    }

    place.done(&["package", "input=class.mp4", "preset=superfast"]);
    assert!(!place.files("OUT/package").keys().eq(media.keys()));
}

#[test]
fn what_cannot_be_packaged_changes_no_draft() {
    let place = class_with_a_cut();
    place.done(&package(&["captions.en=en.vtt"]));
    let drafts = place.files("OUT/drafts");
    place.write("new.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nnew\n");
    for (wrong, status) in [("quality=900", 2), ("input=other.mp4", 1)] {
        place.recording("other.mp4", "6");
        let mut job = vec!["package", "captions.en=new.vtt", wrong];
        if status == 2 {
            job.push("input=class.mp4");
        } else {
            // It was approved for the class.
            let input = place.read("OUT/drafts/captions.en.vtt");
            let input = input.lines().find(|line| line.starts_with("input: "));
            let input = input.expect("it is imported").to_owned();
            place.write(
                "OUT/drafts/trim.vtt",
                &format!(
                    "WEBVTT\n\nNOTE\nstatus: draft\n{input}\n\n00:05.000 --> 00:06.000\ncut: it\n"
                ),
            );
        }
        let ended = place.lecture(&job);
        assert_eq!(ended.status, Some(status), "{ended:?}");
        let now = place.files("OUT/drafts");
        let captions = place.path("OUT/drafts/captions.en.vtt");
        assert_eq!(now.get(&captions), drafts.get(&captions), "{wrong}");
    }

    // Captions of another recording are told of before it is analysed.
    fs::remove_file(place.path("OUT/drafts/trim.vtt")).expect("removed");
    let before = place.files("OUT/drafts");
    place
        .lecture(&["catalog", "input=other.mp4"])
        .failed(1, &["another recording", "captions.en.vtt"]);
    assert_eq!(place.files("OUT/drafts"), before);
    let anew = [
        "catalog",
        "input=other.mp4",
        "captions.en=new.vtt",
        "preset=ultrafast",
        "ladder=120",
    ];
    place.done(&anew);

    // A class has the name that was given for it, wherever its file is kept.
    std::os::unix::fs::symlink(place.path("class.mp4"), place.path("Class 7.mp4")).expect("linked");
    place.done(&[
        "package",
        "input=Class 7.mp4",
        "output=LINKED",
        "preset=ultrafast",
        "ladder=120",
    ]);
    let manifest = place.read("LINKED/package/manifest.json");
    assert!(manifest.contains("\"title\": \"Class 7\""), "{manifest}");

    place
        .lecture(&["chapters", "input=class.mp4", "output=OUT"])
        .failed(1, &["this is a folder", "OUT"]);
}

#[test]
fn a_persons_drafts_survive_another_analysis() {
    let place = Place::new();
    place.recording("class.mp4", "6");
    place.done(&["analyse", "input=class.mp4"]);
    let machine = place.read("OUT/drafts/trim.vtt");
    place.done(&["analyse", "input=class.mp4"]);
    assert_eq!(place.read("OUT/drafts/trim.vtt"), machine);
    let approved = machine.replace("status: draft", "status: approved");
    assert_ne!(approved, machine);
    place.write("OUT/drafts/trim.vtt", &approved);
    let chapters = "WEBVTT\n\n00:00.000 --> 00:06.000\nMine\n";
    place.write("OUT/drafts/chapters.vtt", chapters);
    let again = place.lecture(&["catalog", "input=class.mp4"]);
    assert_eq!(again.status, Some(0), "{again:?}");
    assert!(
        again
            .err
            .contains("trim.vtt was changed by a person and is kept"),
        "{again:?}"
    );
    assert_eq!(place.read("OUT/drafts/trim.vtt"), approved);
    assert_eq!(place.read("OUT/drafts/chapters.vtt"), chapters);
    assert!(place.read("OUT/package/chapters.vtt").contains("Mine"));

    // The approval was not given for another recording.
    place.recording("other.mp4", "5");
    for job in ["analyse", "package", "catalog"] {
        place
            .lecture(&[job, "input=other.mp4"])
            .failed(1, &["another recording", "trim.vtt"]);
    }
    assert_eq!(place.read("OUT/drafts/trim.vtt"), approved);
}

#[test]
fn a_draft_edited_while_the_job_runs_survives() {
    let place = Place::new();
    place.recording("class.mp4", "20");
    place.done(&["analyse", "input=class.mp4"]);
    let mut job = place.start(&["analyse", "input=class.mp4"]);
    place.wait_for("the staging folder", || {
        place.path("OUT/.drafts.new").exists()
    });
    let mine = "WEBVTT\n\n00:00.000 --> 00:20.000\nMine\n";
    place.write("OUT/drafts/chapters.vtt", mine);
    assert!(job.wait().expect("it ends").success());
    assert_eq!(place.read("OUT/drafts/chapters.vtt"), mine);
}

#[test]
fn a_package_follows_the_drafts_it_was_begun_with() {
    let place = Place::new();
    place.recording("class.mp4", "40");
    let trim = |start: u32| {
        let text = format!("WEBVTT\n\n00:{start}.000 --> 00:40.000\ncut: silence\n");
        place.write("OUT/drafts/trim.vtt", &text);
    };
    trim(38);
    place.done(&PACKAGE);
    // Parts of the picture are encoded before the sound, which is read by the cut list again.
    trim(34);
    let mut job = place.start(&PACKAGE);
    place.wait_for("a part", || place.files("OUT/.package.new").len() > 1);
    trim(20);
    assert!(job.wait().expect("it ends").success());
    let manifest = place.manifest();
    assert_eq!(manifest["kept"][0]["end"], 34.0);
    let sound = manifest["audio"][0]["playlist"].as_str().expect("a path");
    for playlist in ["video/240p/playlist.m3u8", sound] {
        let (_, end) = span(&place.path("OUT/package").join(playlist));
        assert!((end - 34.0).abs() < 0.05, "{playlist} {end}");
    }
    assert_eq!(place.names("OUT"), ["drafts", "package"]);
    assert!(place.read("OUT/drafts/trim.vtt").contains("00:20.000"));
}
