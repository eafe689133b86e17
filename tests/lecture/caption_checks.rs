// SPDX-License-Identifier: MPL-2.0

//! `captions-check`: captions of the sample class, whose speech is known, and of classes without
//! audio.

use std::fs;
use std::path::Path;

use gstlecture::timeline::{Span, Time};
use gstlecture::webvtt::{Cue, Document};
use serde_json::Value;

use crate::harness::place::Place;
use crate::harness::{json, sample};

/// Captions of the sample class, one cue for each of its utterances, moved by `to` (ms).
fn captions(place: &Place, to: impl Fn(u64) -> u64) {
    let truth = json(&sample().with_file_name("sample.truth.json"));
    let spans = ["speech", "chatter"].map(|name| truth[name].as_array().expect("spans"));
    let time = |value: &Value| {
        let millis = value.as_f64().expect("seconds") * 1000.0;
        Time::from_millis(to(millis.round() as u64))
    };
    let mut spans: Vec<Span> = spans
        .into_iter()
        .flatten()
        .map(|span| Span::new(time(&span[0]), time(&span[1])))
        .collect();
    spans.sort();
    let cues = spans.into_iter().map(|span| Cue {
        text: "<v Ada>To hear it again</v>".to_owned(),
        span,
        ..Cue::default()
    });
    place.write("captions.vtt", &Document::new(cues).to_string());
}

fn check(place: &Place) -> (Option<i32>, Value) {
    let input = format!("input={}", sample().display());
    let ended = place.lecture(&["captions-check", &input, "captions=captions.vtt", "--json"]);
    (ended.status, ended.json())
}

fn rules(found: &Value) -> Vec<&str> {
    let findings = found["findings"].as_array().expect("findings");
    findings
        .iter()
        .filter_map(|finding| finding["rule"].as_str())
        .collect()
}

#[test]
fn the_offset_of_captions_is_found_to_100_ms() {
    for late in [0.0, 1.7, -1.2_f64] {
        let place = Place::new();
        captions(&place, |ms| {
            ms.saturating_add_signed((late * 1000.0) as i64)
        });
        let (status, found) = check(&place);
        let offset = found["offset"].as_f64().expect("an offset");
        assert!((offset - late).abs() < 0.1, "{late}: {found:#}");
        let is_found = rules(&found).contains(&"offset");
        assert_eq!(is_found, late != 0.0, "{found:#}");
        assert!(
            found["coverage"].as_f64().is_some_and(|share| share > 0.9),
            "{found:#}"
        );
        // One utterance of the class is longer than a cue may be shown.
        assert_eq!(status, Some(1));
    }
}

#[test]
fn speech_without_captions_fails_with_its_time() {
    let place = Place::new();
    captions(&place, |ms| ms);
    let text = place.read("captions.vtt");
    let blocks: Vec<&str> = text
        .split("\n\n")
        .filter(|block| !block.starts_with("00:00:31") && !block.starts_with("00:00:39"))
        .collect();
    place.write("captions.vtt", &blocks.join("\n\n"));
    let (_, found) = check(&place);
    let findings = found["findings"].as_array().expect("findings");
    let missing: Vec<&Value> = findings
        .iter()
        .filter(|finding| finding["rule"] == "uncaptioned")
        .collect();
    assert_eq!(missing.len(), 1, "{found:#}");
    let start = missing[0]["start"].as_f64().expect("a time");
    assert!((31.0..32.0).contains(&start), "{found:#}");
    assert!(
        found["longest-uncaptioned"]
            .as_f64()
            .is_some_and(|seconds| seconds > 9.0)
    );
}

#[test]
fn each_finding_is_a_line_and_a_fail_is_exit_status_1() {
    let place = Place::new();
    place.write(
        "captions.srt",
        "1\n00:00:01,000 --> 00:00:04,000\n- One\ntwo\nthree\n\n\
         2\n00:00:05,000 --> 00:00:08,000\nA line that is a little too long for it\n",
    );
    let arguments = [
        "captions-check",
        "captions=captions.srt",
        "report=findings.vtt",
    ];
    let ended = place.lecture(&arguments);
    ended.failed(1, &["the captions fail in 1 place", "captions.srt"]);
    let lines: Vec<&str> = ended.out.lines().collect();
    assert_eq!(
        lines,
        [
            "00:00:01.000\tfail\tlines\tcue 1: 3 lines; wcag allows 2",
            "00:00:05.000\twarn\tline-length\tcue 2: 39 characters in a line; wcag allows 32",
            "00:00:05.000\twarn\treading-speed\tcue 2: 200 words per minute; wcag allows 160",
        ]
    );
    assert!(place.read("findings.vtt").contains("fail: lines (cue 1)\n"));
    assert_eq!(fs::read_dir(place.path("")).expect("a folder").count(), 2);
    // A profile of one's own.
    place.write(
        "own.json",
        r#"{ "lines": {}, "line-length": { "fail": 38 } }"#,
    );
    let own = [&arguments[..2], &["profile=own.json", "--json"]].concat();
    let found = place.lecture(&own).json();
    assert_eq!(found["profile"], "own");
    assert_eq!(found["fails"], 1);
    assert_eq!(found["warnings"], 1);
    assert_eq!(rules(&found), ["line-length", "reading-speed"]);
}

#[test]
fn a_recording_without_audio_is_said_and_wrong_words_are_refused() {
    let place = Place::new();
    let silent = [
        "-f",
        "lavfi",
        "-t",
        "2",
        "-i",
        "testsrc2=size=320x240:rate=25",
        "silent.mkv",
    ];
    place.ffmpeg(&[&silent]);
    place.write(
        "captions.vtt",
        "WEBVTT\n\n00:00.000 --> 00:01.500\n- Hello\n",
    );
    let arguments = ["captions-check", "captions=captions.vtt"];
    let ended = place.lecture(&[&arguments[..], &["input=silent.mkv"]].concat());
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.err.contains("no audio"), "{ended:?}");
    let wrong = |more: &str| place.lecture(&[&arguments[..], &[more]].concat());
    wrong("profile=ebu").failed(2, &["ebu is not a value of profile", "netflix-en"]);
    wrong("input=none.mkv").failed(1, &["none.mkv"]);
    let missing = place.lecture(&["captions-check", "captions=none.vtt"]);
    missing.failed(1, &["none.vtt"]);
    place.write("broken.json", "{ \"lines\": 2 }");
    wrong("profile=broken.json").failed(1, &["broken.json: the profile cannot be read"]);
    assert!(Path::new(&place.path("captions.vtt")).exists());
}
