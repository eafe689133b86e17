// SPDX-License-Identifier: MPL-2.0

//! The jobs from end to end: the sample class, the printed line, usage and errors.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::place::{H264, Place, number, probe, streams};

#[test]
fn a_transcript_gives_the_chapters_their_titles() {
    let place = Place::new();
    let mut transcript = String::from("WEBVTT\n");
    let topics = [
        "photosynthesis chlorophyll leaves sunlight",
        "volcano magma eruption lava",
    ];
    for minute in 0..12 {
        for part in 0..6 {
            let start = minute * 60 + part * 10;
            let words = topics[minute / 6];
            transcript.push_str(&format!(
                "\n{:02}:{:02}.000 --> {:02}:{:02}.000\nWe look at {words} and again {words}.\n",
                start / 60,
                start % 60,
                (start + 9) / 60,
                (start + 9) % 60,
            ));
        }
    }
    place.write("class.vtt", &transcript);
    let done = place.done(&["chapters", "transcript=class.vtt", "output=found.vtt"]);
    assert_eq!(done["chapters"], 2);
    let found = place.read("found.vtt");
    assert!(
        found.starts_with("WEBVTT\n\nNOTE\nstatus: draft\n"),
        "{found}"
    );
    assert_eq!(found.matches(" --> ").count(), 2, "{found}");
    assert!(found.contains("00:00.000 --> "), "{found}");
}

#[test]
fn the_sample_class_is_packaged_without_any_argument() {
    let place = Place::new();
    let done = place.done(&["catalog", "ladder=240", "preset=ultrafast"]);
    assert_eq!(done["status"], 0);
    assert_eq!(place.names("OUT"), ["drafts", "package"]);
    assert_eq!(
        place.names("OUT/drafts"),
        [
            "analysis.json",
            "captions.en.vtt",
            "chapters.vtt",
            "summary.md",
            "trim.vtt"
        ]
    );
    let chapters = place.read("OUT/package/chapters.vtt");
    // Its captions give titles where what is said makes one.
    let (all, numbered) = (chapters.matches(" --> "), chapters.matches("\nChapter "));
    assert!(all.count() > numbered.count(), "{chapters}");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sample.mkv");
    let source = number(&probe(&sample)["format"]["duration"]);
    let made = done["duration"].as_f64().expect("a number");
    let removed = done["removed"].as_f64().expect("a number");
    assert!(removed > 5.0, "{done}");
    assert!(
        (source - removed - made).abs() < 0.2,
        "{source} - {removed} = {made}"
    );
    // The lobby's page is up before and after: none of it is left, the first and last words are.
    let truth = fs::read_to_string(sample.with_extension("truth.json")).expect("what is in it");
    let truth: Value = serde_json::from_str(&truth).expect("JSON");
    let manifest: Value =
        serde_json::from_str(&place.read("OUT/package/manifest.json")).expect("JSON");
    let (slides, kept) = (&truth["video_class"], &manifest["kept"][0]);
    for (from, to) in [
        (&slides[0], &kept["start"]),
        (&kept["start"], &truth["class_start"]),
        (&truth["class_end"], &kept["end"]),
        (&kept["end"], &slides[1]),
    ] {
        let (from, to) = (from.as_f64().expect("s"), to.as_f64().expect("s"));
        assert!(from <= to, "{from} {to}: {kept}");
    }
}

#[test]
fn trim_copies_what_is_left_of_the_sample() {
    let place = Place::new();
    let sample = format!("{}/tests/data/sample.mkv", env!("CARGO_MANIFEST_DIR"));
    let source = probe(Path::new(&sample));
    for name in ["trimmed.mkv", "trimmed.mp4"] {
        let output = format!("output={name}");
        place.done(&["trim", &format!("input={sample}"), &output]);
        let trimmed = probe(&place.path(name));
        for kind in ["video", "audio"] {
            let codec = |probed: &Value| streams(probed, kind)[0]["codec_name"].clone();
            assert_eq!(codec(&trimmed), codec(&source));
        }
        let removed =
            number(&source["format"]["duration"]) - number(&trimmed["format"]["duration"]);
        assert!(removed > 3.0, "{name}: only {removed} s are cut");
    }
    assert_eq!(place.names("."), ["trimmed.mkv", "trimmed.mp4"]);
}

#[test]
fn the_printed_line_runs_in_a_shell() {
    let place = Place::new();
    let name = "it's 100 % \"$HOME\" !x ü.mp4";
    place.recording(name, "3");
    let output = "chapters of it's $x.vtt";
    let said = place.lecture(&[
        "chapters",
        &format!("input={name}"),
        &format!("output={output}"),
        "--print",
    ]);
    assert_eq!(said.status, Some(0), "{said:?}");
    let ran = place.shell(&said.out);
    assert!(ran.status.success(), "{said:?}: {ran:?}");
    assert!(place.read(output).starts_with("WEBVTT"));
}

#[test]
fn bad_input_is_one_clear_error_and_leaves_what_was_there() {
    let place = Place::new();
    place.recording("good.mp4", "4");
    place.done(&["package", "input=good.mp4"]);
    let good = place.files("OUT");

    let bytes = fs::read(place.path("good.mp4")).expect("read");
    fs::write(place.path("cut.mp4"), &bytes[..bytes.len() / 3]).expect("written");
    place.ffmpeg(&[&["-i", "good.mp4", "-c", "copy", "late index.mp4"]]);
    let bytes = fs::read(place.path("late index.mp4")).expect("read");
    fs::write(place.path("no index.mp4"), &bytes[..bytes.len() / 3]).expect("written");
    place.ffmpeg(&[&["-i", "good.mp4", "-c", "copy", "good.mkv"]]);
    let bytes = fs::read(place.path("good.mkv")).expect("read");
    fs::write(place.path("cut.mkv"), &bytes[..bytes.len() / 3]).expect("written");
    place.ffmpeg(&[
        &[
            "-i",
            "good.mp4",
            "-c",
            "copy",
            "-encryption_scheme",
            "cenc-aes-ctr",
        ],
        &["-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb"],
        &[
            "-encryption_kid",
            "a7e61c373e219033c21091fa607bf3b8",
            "encrypted.mp4",
        ],
    ]);
    place.write("words.srt", "1\n00:00:01,000 --> 00:00:02,000\nhello\n");
    place.ffmpeg(&[&["-i", "words.srt", "words.mkv"]]);
    place.write("text.mp4", "this is a letter\n");
    place.write("long text.mp4", &"this is a letter\n".repeat(99));
    place.write("empty.mp4", "");

    for (input, says) in [
        ("missing.mp4", &["there is no such file", "missing.mp4"][..]),
        ("empty.mp4", &["the file is empty"]),
        ("OUT", &["this is a folder"]),
        ("/dev/zero", &["this is a pipe or a device"]),
        ("text.mp4", &["this is not audio or video"]),
        ("long text.mp4", &["this is not audio or video"]),
        ("encrypted.mp4", &["encrypted", "decrypt it first"]),
        ("words.mkv", &["neither audio nor video"]),
        ("no index.mp4", &["cut off", "MB", "its index is missing"]),
        ("cut.mp4", &["cut off", "0:04", "accept-truncated=true"]),
        ("cut.mkv", &["cut off", "0:04", "accept-truncated=true"]),
    ] {
        for job in ["package", "analyse", "catalog"] {
            let ended = place.lecture(&[job, &format!("input={input}")]);
            ended.failed(1, says);
            assert_eq!(place.files("OUT"), good, "{job} {input}");
        }
        let trim = place.lecture(&["trim", &format!("input={input}"), "output=good.mkv"]);
        trim.failed(1, says);
        let chapters = place.lecture(&["chapters", &format!("input={input}")]);
        chapters.failed(1, says);
        assert!(!place.path("chapters.vtt").exists());
    }
    for input in ["cut.mp4", "cut.mkv"] {
        let input = format!("input={input}");
        place.done(&["catalog", &input, "output=cut", "accept-truncated=true"]);
    }
    assert!(place.names(".").iter().all(|name| !name.starts_with('.')));
}

#[test]
fn wrong_usage_has_its_own_status() {
    let place = Place::new();
    place.recording("good.mp4", "1");
    for (arguments, says) in [
        (&["pakage"][..], "no such job"),
        (&["package", "inptu=good.mp4"], "no variable inptu"),
        (&["package", "input=good.mp4", "quality=900"], "quality"),
        (&["catalog", "input=good.mp4", "preset=fastest"], "preset"),
        (
            &["catalog", "input=good.mp4", "completion-threshold=2"],
            "from 0 to 1",
        ),
        (
            &["package", "input=good.mp4", "accept-truncated=yes"],
            "true or false",
        ),
        (&["trim", "input=good.mp4"], "output= is missing"),
        (
            &["trim", "input=good.mp4", "output=good.mp4"],
            "output= and input= are the same file",
        ),
        (
            &["trim", "input=good.mp4", "output=good.avi"],
            "not that of a known container",
        ),
        (&["chapters"], "nothing to find chapters in"),
        (&["package", "--nope"], "no such option"),
    ] {
        place.lecture(arguments).failed(2, &[says]);
    }
    assert_eq!(place.names("."), ["good.mp4"]);
}

#[test]
fn help_lists_jobs_and_variables() {
    let place = Place::new();
    let overview = place.lecture(&[]);
    assert_eq!(overview.status, Some(0));
    let version = place.lecture(&["--version"]).out;
    assert_eq!(version, format!("lecture {}\n", env!("CARGO_PKG_VERSION")));
    for job in ["analyse", "package", "catalog", "trim", "chapters"] {
        assert!(
            overview.out.contains(&format!("\n  {job} ")),
            "{overview:?}"
        );
        let help = place.lecture(&[job, "--help"]);
        assert_eq!(help.status, Some(0));
        assert!(help.out.contains("  input ("), "{help:?}");
    }
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_any_work() {
    let place = Place::new();
    place.recording("good.mp4", "1");
    place.write("file", "");
    for output in ["output=file", "output=file/below"] {
        place
            .lecture(&["catalog", "input=good.mp4", output])
            .failed(1, &["cannot write", "file"]);
    }
    let trim = place.lecture(&["trim", "input=good.mp4", "output=no/such.mkv"]);
    trim.failed(1, &["cannot write", "such.mkv"]);
}

#[test]
fn a_full_disk_is_tried_again_later() {
    let place = Place::new();
    fs::create_dir(place.path("small")).expect("made");
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
        .arg(place.path("small"))
        .output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        println!("skipped: mounting a small tmpfs needs root");
        return;
    }
    place.ffmpeg(&[
        &[
            "-f",
            "lavfi",
            "-t",
            "10",
            "-i",
            "testsrc2=size=640x480:rate=25",
        ],
        H264,
        &["good.mp4"],
    ]);
    let package = place.lecture(&["package", "input=good.mp4", "output=small/OUT"]);
    let trim = place.lecture(&["trim", "input=good.mp4", "output=small/out.mkv"]);
    let left = place.names("small");
    let unmounted = Command::new("umount").arg(place.path("small")).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    package.failed(75, &["no space left"]);
    trim.failed(75, &["no space left"]);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn one_mp4_has_the_class_and_its_chapters() {
    let place = Place::new();
    place.recording("class.mp4", "20");
    place.write(
        "OUT/drafts/trim.vtt",
        "WEBVTT\n\n00:00.000 --> 00:04.000\ncut: silence\n",
    );
    let chapters = "WEBVTT\n\n00:00.000 --> 00:13.000\nFirst\n\n00:13.000 --> 00:20.000\n";
    let job = ["package", "input=class.mp4", "preset=ultrafast"];
    let movie = place.path("OUT/package/class.mp4");
    for title in ["Second", "Größen"] {
        place.write("OUT/drafts/chapters.vtt", &format!("{chapters}{title}\n"));
        place.done(&[&job[..], &["mp4=true"]].concat());
        let probed = probe(&movie);
        let told: Vec<_> = probed["chapters"]
            .as_array()
            .expect("chapters")
            .iter()
            .map(|chapter| (number(&chapter["start_time"]), &chapter["tags"]["title"]))
            .collect();
        assert_eq!(
            told,
            [(0.0, &Value::from("First")), (9.0, &Value::from(title))]
        );
        for kind in ["video", "audio"] {
            let [stream] = &streams(&probed, kind)[..] else {
                panic!("{kind}: {probed}");
            };
            assert!(
                (number(&stream["duration"]) - 16.0).abs() < 0.05,
                "{stream}"
            );
        }
        let manifest: Value =
            serde_json::from_str(&place.read("OUT/package/manifest.json")).expect("JSON");
        let bytes = fs::read(&movie).expect("there");
        assert_eq!(manifest["mp4"]["file"], "class.mp4");
        assert_eq!(manifest["mp4"]["bytes"], bytes.len());
        assert_eq!(manifest["mp4"]["video"], "240p");
        // What a player needs first stands first.
        let at = |kind: &[u8]| bytes.windows(4).position(|found| found == kind);
        assert!(at(b"moov") < at(b"mdat"));
    }
    place.done(&job);
    assert!(!movie.exists());
    let manifest: Value =
        serde_json::from_str(&place.read("OUT/package/manifest.json")).expect("JSON");
    assert!(manifest["mp4"].is_null(), "{manifest}");
    place
        .lecture(&["package", "mp4=perhaps"])
        .failed(2, &["mp4"]);
}
