// SPDX-License-Identifier: MPL-2.0

//! Titles that are read from the slides, by the real Tesseract.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::harness::place::Place;
use crate::harness::{has_tesseract, json, sample, tool};

/// Titles of the slides, and whether the page is dark. The third slide continues the second one.
const SLIDES: [(&str, bool); 5] = [
    ("Waves and Light", false),
    ("Lenses and Mirrors", false),
    ("Lenses and Mirrors", false),
    ("The Human Eye", true),
    ("Questions for Next Week", false),
];

/// Time of one slide in seconds.
const EACH: usize = 40;

/// Makes a recording of the slides: a title in a bar, a course name above, items, a page number.
fn make_deck(place: &Place) {
    let mut filter = String::from("null");
    for (number, (title, is_dark)) in SLIDES.iter().enumerate() {
        let (start, end) = (number * EACH, (number + 1) * EACH);
        let when = format!("enable='gte(t,{start})*lt(t,{end})'");
        let (page, ink) = match is_dark {
            true => ("0x202028", "0xd0d0d8"),
            false => ("white", "0x202020"),
        };
        filter += &format!(",drawbox=c={page}:t=fill:{when}");
        filter += &format!(",drawbox=y=44:h=80:c=0x3030a0:t=fill:{when}");
        let mut text = |text: &str, colour: &str, size: usize, x: usize, y: usize| {
            filter += &format!(
                ",drawtext=font=DejaVu Sans:text='{text}':fontcolor={colour}:fontsize={size}:x={x}:y={y}:{when}"
            );
        };
        text("Physics for Everybody", ink, 20, 60, 12);
        text(title, "white", 44, 60, 62);
        for item in 0..3 + number % 2 {
            let words = [
                "some of it was known",
                "others had to be found",
                "as shown here",
            ];
            text(words[(item + number) % 3], ink, 28, 110, 190 + 70 * item);
        }
        text(&format!("{} of 5", number + 1), ink, 18, 1180, 690);
    }
    let graph = format!(
        "color=c=white:s=1280x720:r=5:d={}[v];[v]{filter},format=yuv420p",
        EACH * SLIDES.len()
    );
    let to = "-c:v libx264 -preset ultrafast -g 50";
    let path = place.path("deck.mkv");
    let path = path.to_str().expect("a path in UTF-8");
    let mut arguments = vec!["-f", "lavfi", "-i", &graph];
    arguments.extend(to.split(' ').chain([path]));
    tool("ffmpeg", &arguments);
}

/// Runs `analyse` where no other program is found than those in the folder `programs`.
fn analyse_with(place: &Place, titles: &str) -> Output {
    fs::create_dir_all(place.path("programs")).expect("a folder");
    Command::new(env!("CARGO_BIN_EXE_lecture"))
        .args(["analyse", "input=deck.mkv", "output=OUT", titles])
        .current_dir(place.path("."))
        .env("PATH", place.path("programs"))
        .output()
        .expect("the program runs")
}

/// Puts a program named tesseract into the folder `programs`: it lists its model, and does this with
/// a picture.
fn make_tesseract(place: &Place, reads: &str) {
    make_program(
        place,
        &format!("[ \"$1\" = --list-langs ] && echo eng && exit\n{reads}"),
    );
}

/// Puts a shell script named tesseract into the folder `programs`.
fn make_program(place: &Place, script: &str) {
    place.write("programs/tesseract", &format!("#!/bin/sh\n{script}\n"));
    let path = place.path("programs/tesseract");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions");
}

#[test]
fn titles_are_read_from_the_slides_and_name_the_chapters() {
    if !has_tesseract() {
        return;
    }
    let place = Place::new();
    make_deck(&place);
    place.done(&["analyse", "input=deck.mkv", "output=OUT", "titles=ocr"]);
    let analysis = json(&place.path("OUT/drafts/analysis.json"));
    let found = analysis["titles"].as_array().expect("titles");
    let texts: Vec<&str> = found
        .iter()
        .filter_map(|title| title["title"].as_str())
        .collect();
    assert_eq!(texts, SLIDES.map(|(title, _)| title));
    for (number, title) in found.iter().enumerate() {
        let start = title["start"].as_f64().expect("seconds");
        assert!((start - (number * EACH) as f64).abs() < 0.5, "{title}");
        assert_eq!(title["needs-title"], Value::Bool(false), "{title}");
    }
    let chapters = place.read("OUT/drafts/chapters.vtt");
    let named = chapters
        .split("\n\n")
        .filter_map(|cue| cue.trim_end().split_once('\n'))
        .filter(|(times, _)| times.contains(" --> "));
    let names: Vec<&str> = named.map(|(_, name)| name).collect();
    assert!(names.len() >= 2, "{chapters}");
    let is_title = |name: &&str| SLIDES.iter().any(|(title, _)| title == name);
    assert!(names.iter().all(is_title), "{chapters}");
    // Two slides with one title are one section.
    let mut once = names.clone();
    once.dedup();
    assert_eq!(names, once);

    // A person's titles stay.
    let edited = chapters.replacen(names[0], "Light, seen by Anna", 1);
    place.write("OUT/drafts/chapters.vtt", &edited);
    place.done(&["analyse", "input=deck.mkv", "output=OUT", "titles=ocr"]);
    assert_eq!(place.read("OUT/drafts/chapters.vtt"), edited);
}

#[test]
fn without_tesseract_the_job_goes_on_and_names_the_package_once() {
    let place = Place::new();
    make_deck(&place);
    for (titles, messages) in [("titles=ocr", 1), ("titles=auto", 0)] {
        let output = analyse_with(&place, titles);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        assert_eq!(told.matches("tesseract-ocr").count(), messages, "{told}");
        let chapters = place.read("OUT/drafts/chapters.vtt");
        assert!(chapters.contains("\nChapter 1"), "{chapters}");
    }
}

#[test]
fn a_tesseract_that_fails_or_writes_rubbish_spoils_nothing() {
    let place = Place::new();
    make_deck(&place);
    let rubbish =
        "printf '5\\t1\\t\\377\\000\\t-9\\n5\\t1\\t1\\t1\\t1\\t1\\t9\\t9\\t9\\t9\\t96\\t-->\\n'";
    for (reads, complaints) in [("exit 1", 1), ("kill -9 $$", 1), (rubbish, 0)] {
        make_tesseract(&place, reads);
        let output = analyse_with(&place, "titles=auto");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{reads}: {told}");
        let count = told.matches("Tesseract could not read").count();
        assert_eq!(count, complaints, "{reads}: {told}");
        let chapters = place.read("OUT/drafts/chapters.vtt");
        assert!(chapters.contains("\nChapter 1"), "{reads}: {chapters}");
    }
}

#[test]
fn an_interruption_ends_a_tesseract_that_hangs() {
    let hangs = "echo $$ > started; while :; do :; done";
    // Another process, which lives on, keeps the pipes open.
    let leaves = "/bin/sleep 90 & echo $$ > started; wait";
    let script = |reads: &str| format!("[ \"$1\" = --list-langs ] && echo eng && exit\n{reads}");
    // The last one hangs while it is asked for its models.
    for script in [script(hangs), script(leaves), hangs.to_owned()] {
        is_ended_by_an_interruption(&script);
    }
}

fn is_ended_by_an_interruption(script: &str) {
    let place = Place::new();
    make_deck(&place);
    make_program(&place, script);
    let mut child = Command::new(env!("CARGO_BIN_EXE_lecture"))
        .args(["analyse", "input=deck.mkv", "output=OUT", "titles=ocr"])
        .current_dir(place.path("."))
        .env("PATH", place.path("programs"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the program runs");
    let started = place.path("started");
    while !fs::read_to_string(&started).is_ok_and(|text| text.ends_with('\n')) {
        assert_eq!(
            child.try_wait().expect("a child"),
            None,
            "it has not waited"
        );
        thread::sleep(Duration::from_millis(50));
    }
    let stopped = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(stopped.expect("kill runs").success());
    assert!(!child.wait().expect("it ends").success());
    // Its Tesseract is gone too.
    let process = fs::read_to_string(&started).expect("a number");
    let path = format!("/proc/{}", process.trim());
    while fs::exists(&path).expect("a path") {
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_page_of_the_lobby_names_no_chapter() {
    if !has_tesseract() {
        return;
    }
    let place = Place::new();
    let input = format!("input={}", sample().display());
    place.done(&["analyse", &input, "output=OUT"]);
    let chapters = place.read("OUT/drafts/chapters.vtt");
    assert!(!chapters.contains("starts soon"), "{chapters}");
    assert!(
        chapters.contains("A telephone exchange speaks"),
        "{chapters}"
    );
    let analysis = json(&place.path("OUT/drafts/analysis.json"));
    assert_eq!(analysis["titles"][0]["title"], "The class starts soon");
    assert_eq!(
        analysis["chapters"][0]["title"],
        "A telephone exchange speaks"
    );
}
