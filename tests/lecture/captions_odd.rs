// SPDX-License-Identifier: MPL-2.0

//! Caption files as people have them: other encodings, timecodes and times.

use std::fs;

use crate::harness::place::Place;

/// Polish in Windows-1250.
const POLISH: &[u8] =
    b"1\r\n00:00:01,000 --> 00:00:02,000\r\n\xafy\xb3 raz pewien \xbf\xf3\xb3w, kt\xf3ry \
    je\x9cd\x9fi\xb3 \xb3\xf3dk\xb1.\r\n";

fn recording() -> Place {
    let place = Place::new();
    place.recording("class.mp4", "6");
    place
}

const PACKAGE: [&str; 4] = ["package", "input=class.mp4", "output=out", "ladder=240"];

#[test]
fn captions_are_read_in_the_encoding_of_their_language() {
    let place = recording();
    let polish = POLISH.to_vec();
    // The last letter is ISO-8859-2's: Windows-1250 has it at another place.
    let polish: Vec<u8> = polish
        .into_iter()
        .map(|b| if b == 0xb1 { 0xb9 } else { b })
        .collect();
    fs::write(place.path("pl.srt"), &polish).expect("written");
    let ended = place.lecture(&[&PACKAGE[..], &["captions.pl=pl.srt"]].concat());
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.err.contains("windows-1250"), "{}", ended.err);
    let captions = place.read("out/package/captions/captions.pl.vtt");
    assert!(
        captions.contains("Żył raz pewien żółw, który jeśdźił łódką."),
        "{captions}"
    );

    // In a language that is not written so it is refused with the byte and the line.
    let ended = place.lecture(&[&PACKAGE[..], &["captions.ru=pl.srt"]].concat());
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(
        ended.err.contains("line 3") && ended.err.contains("0xaf"),
        "{}",
        ended.err
    );
}

#[test]
fn hours_before_the_class_are_taken_off_and_reported() {
    let place = recording();
    let text =
        "WEBVTT\n\n10:00:01.000 --> 10:00:02.000\nOne\n\n10:00:03.000 --> 10:00:04.000\nTwo\n";
    place.write("en.vtt", text);
    let ended = place.lecture(&[&PACKAGE[..], &["captions.en=en.vtt"]].concat());
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(
        ended.err.contains("10 hours are taken off"),
        "{}",
        ended.err
    );
    let captions = place.read("out/package/captions/captions.en.vtt");
    let cues = "00:00:01.000 --> 00:00:02.000\nOne\n\n00:00:03.000 --> 00:00:04.000\nTwo";
    assert!(captions.contains(cues), "{captions}");
}

#[test]
fn a_rendition_without_cues_is_never_published() {
    let place = recording();
    place.write("en.vtt", "WEBVTT\n\n00:10.000 --> 00:12.000\nToo late\n");
    let ended = place.lecture(&[&PACKAGE[..], &["captions.en=en.vtt"]].concat());
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(
        ended.err.contains("en.vtt") && ended.err.contains("past the end"),
        "{}",
        ended.err
    );

    // What is cut is not in the package either.
    place.write("en.vtt", "WEBVTT\n\n00:00.500 --> 00:01.500\nCut\n");
    place.write(
        "out/drafts/trim.vtt",
        "WEBVTT\n\n00:00.000 --> 00:02.000\ncut: silence\n\n00:02.000 --> 00:06.000\nkeep\n",
    );
    let ended = place.lecture(&[&PACKAGE[..], &["captions.en=en.vtt"]].concat());
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(
        ended.err.contains("captions.en.vtt is left out"),
        "{}",
        ended.err
    );
    let playlist = place.read("out/package/master.m3u8");
    assert!(!playlist.contains("SUBTITLES"), "{playlist}");
    assert!(!place.path("out/package/captions").exists());
}

#[test]
fn near_miss_times_are_read_or_named_with_line_and_reason() {
    let place = recording();
    place.write(
        "en.srt",
        "1\n00:00,500 --> 00:02,000\nOne\n\n2\n00:00:02,5 → 00:00:03\nTwo\n",
    );
    place.write("de.vtt", "WEBVTT\n\n00:00:01 --> 00:00:02\nEins\n");
    place.write("fr.srt", "1\n00:00:01:12 --> 00:00:02:00\nUn\n");
    let given = ["captions.en=en.srt", "captions.de=de.vtt"];
    let ended = place.lecture(&[&PACKAGE[..], &given].concat());
    assert_eq!(ended.status, Some(0), "{ended:?}");
    for words in [
        "line 2: \"00:00,500",
        "line 6: \"00:00:02,5",
        "line 3: \"00:00:01 -->",
    ] {
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    }
    let english = place.read("out/package/captions/captions.en.vtt");
    assert!(
        english.contains("00:00:00.500 --> 00:00:02.000\nOne"),
        "{english}"
    );
    assert!(
        english.contains("00:00:02.500 --> 00:00:03.000\nTwo"),
        "{english}"
    );
    let german = place.read("out/package/captions/captions.de.vtt");
    assert!(
        german.contains("00:00:01.000 --> 00:00:02.000\nEins"),
        "{german}"
    );
    let ended = place.lecture(&[&PACKAGE[..], &["captions.fr=fr.srt"]].concat());
    assert_eq!(ended.status, Some(1), "{ended:?}");
    assert!(
        ended.err.contains("line 2") && ended.err.contains("frames"),
        "{}",
        ended.err
    );
}

#[test]
fn an_srt_file_is_a_transcript() {
    let place = Place::new();
    let said = |number: usize| match number / 60 {
        0 => "We talk about volcanoes, lava and magma below the mountain",
        1 => "Now bread, flour and yeast rise in the warm oven",
        _ => "At last planets, orbits and moons around the distant star",
    };
    let cue = |number: usize| {
        let clock = |at: usize| format!("00:{:02}:{:02},000", at / 60, at % 60);
        let (start, end) = (clock(number * 5), clock(number * 5 + 5));
        format!(
            "{}\n{start} --> {end}\n{} {number}.\n\n",
            number + 1,
            said(number)
        )
    };
    let text: String = (0..180).map(cue).collect();
    place.write("said.srt", &text);
    place.done(&[
        "chapters",
        "transcript=said.srt",
        "language=en",
        "output=from-srt.vtt",
    ]);
    let vtt = text.replace(",000", ".000");
    place.write("said.vtt", &format!("WEBVTT\n\n{vtt}"));
    place.done(&[
        "chapters",
        "transcript=said.vtt",
        "language=en",
        "output=from-vtt.vtt",
    ]);
    assert_eq!(place.read("from-srt.vtt"), place.read("from-vtt.vtt"));
    assert!(place.read("from-srt.vtt").contains("-->"));
    place.recording("class.mp4", "6");
    place.done(&[
        "analyse",
        "input=class.mp4",
        "output=out",
        "transcript=said.srt",
    ]);
}
