// SPDX-License-Identifier: MPL-2.0

//! Audio descriptions: recorded sound or texts, beside captions.

use std::fs;

use crate::harness::place::{class_with_a_cut, package, span};

#[test]
fn descriptions_are_sound_or_words() {
    let place = class_with_a_cut();
    place.ffmpeg(&[&[
        "-f",
        "lavfi",
        "-t",
        "30",
        "-i",
        "sine=frequency=880",
        "described.ogg",
    ]]);
    place.ffmpeg(&[&[
        "-f",
        "lavfi",
        "-t",
        "8",
        "-i",
        "sine=frequency=880",
        "short.ogg",
    ]]);
    place.ffmpeg(&[&["-i", "class.mp4", "-an", "-c", "copy", "silent.mp4"]]);
    place.write("seen.vtt", "WEBVTT\n\n00:12.000 --> 00:13.000\nA map.\n");
    let descriptions = [
        "descriptions.en=described.ogg",
        "descriptions.de=short.ogg",
        "descriptions.fr=seen.vtt",
    ];
    let ended = place.lecture(&package(&descriptions));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    for warning in [
        "described.ogg lasts 30.0 s and the recording 20.0 s; the rest is left out",
        "short.ogg lasts 8.0 s and the recording 20.0 s; silence is added",
    ] {
        assert!(ended.err.contains(warning), "{warning} in {ended:?}");
    }
    let manifest = place.manifest();
    let roles: Vec<&str> = manifest["audio"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|audio| audio["role"].as_str())
        .collect();
    assert_eq!(roles, ["main", "description", "description"]);
    for audio in manifest["audio"].as_array().expect("a list") {
        let playlist = place
            .path("OUT/package")
            .join(audio["playlist"].as_str().expect("a path"));
        let (start, end) = span(&playlist);
        assert!(
            start < 0.05 && (end - 14.0).abs() < 0.05,
            "{audio} {start} {end}"
        );
    }
    assert_eq!(
        manifest["descriptions"][0]["file"],
        "descriptions/descriptions.fr.vtt"
    );
    assert!(
        place
            .read("OUT/package/descriptions/descriptions.fr.vtt")
            .contains("00:00:06.000 --> 00:00:07.000\nA map.")
    );
    let report = place.lecture(&["check", "input=OUT/package"]).out;
    assert!(!report.contains("Apple 2."), "{report}");

    // Corrected words are written; the sound stays, without being named again.
    let media = place.files("OUT/package/audio");
    let draft = place
        .read("OUT/drafts/descriptions.fr.vtt")
        .replace("A map", "A plan");
    place.write("OUT/drafts/descriptions.fr.vtt", &draft);
    place.done(&package(&[]));
    assert!(
        place
            .read("OUT/package/descriptions/descriptions.fr.vtt")
            .contains("A plan")
    );
    assert_eq!(place.files("OUT/package/audio"), media);

    // What is taken away from the drafts is not published.
    fs::remove_file(place.path("OUT/drafts/descriptions.de.ogg")).expect("it was kept");
    place.done(&package(&[]));
    let languages = || -> Vec<String> {
        let manifest = place.manifest();
        let audio = manifest["audio"].as_array().expect("a list").iter();
        let described = audio.filter(|audio| audio["role"] == "description");
        described
            .map(|audio| audio["language"].to_string())
            .collect()
    };
    assert_eq!(languages(), ["\"en\""]);

    // What a person has changed stays, and so does the file that was given.
    let given = fs::read(place.path("described.ogg")).expect("there");
    let kept = place.path("OUT/drafts/descriptions.en.ogg");
    let mut edited = fs::read(place.path("short.ogg")).expect("there");
    fs::write(&kept, &edited).expect("written");
    assert_eq!(fs::read(place.path("described.ogg")).expect("there"), given);
    for other in ["descriptions.en=described.ogg", "descriptions.en=class.mp4"] {
        let ended = place.lecture(&package(&[other]));
        assert_eq!(ended.status, Some(0), "{ended:?}");
        let warning = "descriptions.en.ogg was changed by a person and is kept";
        assert!(ended.err.contains(warning), "{ended:?}");
        assert_eq!(fs::read(&kept).expect("there"), edited);
    }
    fs::remove_file(&kept).expect("removed");
    place.done(&package(&["descriptions.en=described.ogg"]));
    edited = fs::read(&kept).expect("there");
    assert_eq!(edited, given);

    // Another file takes the place of the one before, whatever its kind.
    place.ffmpeg(&[&["-i", "short.ogg", "-c:a", "flac", "other.flac"]]);
    place.done(&package(&["descriptions.en=other.flac"]));
    assert!(!place.path("OUT/drafts/descriptions.en.ogg").exists());
    assert_eq!(languages(), ["\"en\""]);
    fs::copy(
        place.path("short.ogg"),
        place.path("OUT/drafts/descriptions.en.ogg"),
    )
    .expect("copied");
    let two = place.lecture(&package(&[]));
    two.failed(1, &["the second audio description", "descriptions.en.ogg"]);
    fs::remove_file(place.path("OUT/drafts/descriptions.en.ogg")).expect("removed");

    // It describes this recording and no other.
    place.recording("other.mp4", "21");
    for name in ["descriptions.fr.vtt", "trim.vtt"] {
        fs::remove_file(place.path("OUT/drafts").join(name)).expect("a person wrote it");
    }
    let other = place.lecture(&["analyse", "input=other.mp4"]);
    other.failed(1, &["given for another recording", "descriptions.en.flac"]);
    // Unless one is named for it.
    let other = [
        "catalog",
        "input=other.mp4",
        "preset=ultrafast",
        "ladder=120",
        "descriptions.en=short.ogg",
    ];
    let said = place.lecture(&[&other[..], &["--print"]].concat());
    assert_eq!(said.status, Some(0), "{said:?}");
    place.done(&other);

    let silent = place.lecture(&package(&["descriptions.en=silent.mp4"]));
    silent.failed(1, &["the file has no audio", "silent.mp4"]);
}

#[test]
fn the_printed_line_has_captions_and_descriptions() {
    let place = class_with_a_cut();
    place.ffmpeg(&[&[
        "-f",
        "lavfi",
        "-t",
        "20",
        "-i",
        "sine=frequency=880",
        "it's described.ogg",
    ]]);
    let given = [
        "captions.en=en.vtt",
        "descriptions.en=it's described.ogg",
        "--print",
    ];
    let said = place.lecture(&package(&given));
    assert_eq!(said.status, Some(0), "{said:?}");
    assert!(!place.path("OUT/drafts/captions.en.vtt").exists());
    for part in [
        "it'\\''s described.ogg",
        "audio_90::role=description",
        "text_0::language=en text_0::role=captions",
        "en.vtt ! webvttparse ! trim.sink_40 trim.src_40 ! queue ! catalog.text_0",
    ] {
        assert!(said.out.contains(part), "{part} in {said:?}");
    }

    // Captions tell what is spoken about, unless several languages might.
    for (more, is_heard) in [
        ("language=en", true),
        ("language=EN", true),
        ("language=en-US", true),
        ("language=de", false),
        ("captions.de=en.vtt", false),
    ] {
        let said = place.lecture(&["analyse", "input=class.mp4", given[0], more, "--print"]);
        assert_eq!(said.out.contains("detect.text_sink"), is_heard, "{said:?}");
    }
    let wrong = place.lecture(&["analyse", "input=class.mp4", "language=german"]);
    wrong.failed(2, &["\"german\" is not a language", "language=de"]);
}
