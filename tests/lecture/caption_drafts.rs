// SPDX-License-Identifier: MPL-2.0

//! `captions-draft`: from the transcript of the sample class to captions that pass the check.

use crate::harness::place::Place;
use crate::harness::sample;

#[test]
fn a_late_transcript_becomes_captions_in_time() {
    let place = Place::new();
    let input = format!("input={}", sample().display());
    let text = std::fs::read_to_string(sample().with_extension("vtt")).expect("captions");
    // As a live captioner leaves them: two seconds late.
    let late: Vec<String> = text.lines().map(|line| later(line, 2000)).collect();
    place.write("live.vtt", &late.join("\n"));
    let made = place.done(&[
        "captions-draft",
        &input,
        "transcript=live.vtt",
        "output=draft.vtt",
    ]);
    assert_eq!(made["words"], made["words-kept"]);
    let changes = made["changes"].as_array().expect("changes");
    let moved = changes[0]["text"].as_str().expect("a text");
    assert!(moved.starts_with("all words are moved by -"), "{moved}");

    let checked = |captions: &str| {
        let captions = format!("captions={captions}");
        place
            .lecture(&["captions-check", &input, &captions, "--json"])
            .json()
    };
    let (before, after) = (checked("live.vtt"), checked("draft.vtt"));
    let offset = after["offset"].as_f64().expect("an offset");
    assert!(offset.abs() < 0.15, "{after:#}");
    let fails = |found: &serde_json::Value| found["fails"].as_u64().expect("a number");
    assert!(
        fails(&before) > 5 && fails(&after) <= 1,
        "{before:#} {after:#}"
    );
    // Nothing is lost and nothing is added.
    let words = |text: &str| -> Vec<String> {
        let document = gstlecture::webvtt::read(text.as_bytes()).expect("captions");
        let cues = document.cues().map(|cue| cue.plain_text());
        let words = cues.collect::<Vec<_>>().join(" ");
        words.split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(words(&place.read("draft.vtt")), words(&text));
    assert!(
        place
            .read("draft.vtt")
            .starts_with("WEBVTT\n\nNOTE\nstatus: draft\n")
    );
}

/// A timing line, moved by so many milliseconds.
fn later(line: &str, millis: u64) -> String {
    let Some((start, end)) = line.split_once(" --> ") else {
        return line.to_owned();
    };
    let moved = |time: &str| {
        let (minutes, seconds) = time.split_once(':').expect("minutes");
        let seconds: f64 = seconds.parse().expect("seconds");
        let minutes: u64 = minutes.parse().expect("minutes");
        let all = minutes * 60_000 + (seconds * 1000.0).round() as u64 + millis;
        format!(
            "{:02}:{:02}.{:03}",
            all / 60_000,
            all / 1000 % 60,
            all % 1000
        )
    };
    format!("{} --> {}", moved(start), moved(end))
}

#[test]
fn approved_captions_and_other_files_are_not_replaced() {
    let place = Place::new();
    let words = r#"{"segments": [{"start": 1.0, "end": 3.0, "text": "So um, hello."}]}"#;
    place.write("words.json", words);
    let arguments = ["captions-draft", "transcript=words.json", "fillers=drop"];
    let made = place.done(&arguments);
    assert_eq!(made["words"], 3);
    assert_eq!(made["words-kept"], 2);
    let draft = place.read("captions.vtt");
    assert!(draft.contains("\nSo hello.\n"), "{draft}");
    place.write(
        "captions.vtt",
        &draft.replace("status: draft", "status: approved"),
    );
    place
        .lecture(&arguments)
        .failed(1, &["these captions are approved", "captions.vtt"]);
    place.write("captions.vtt", "a letter");
    place
        .lecture(&arguments)
        .failed(1, &["not a draft of captions"]);
    place.write("words.json", "{\"words\": 3}");
    let wrong = [
        "captions-draft",
        "transcript=words.json",
        "output=other.vtt",
    ];
    place.lecture(&wrong).failed(1, &["Whisper", "words.json"]);
    assert!(!place.path("other.vtt").exists());
}
