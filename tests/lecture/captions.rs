// SPDX-License-Identifier: MPL-2.0

//! Captions of a package: renditions, subtitles, corrections, errors.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::PathBuf;

use serde_json::Value;

use crate::harness::place::{ENGLISH, PACKAGE, class_with_a_cut, package};

#[test]
fn captions_are_renditions_and_corrected_without_encoding() {
    let place = class_with_a_cut();
    let given = ["captions.en=en.vtt", "captions.ar=ar.srt"];
    let ended = place.lecture(&package(&given));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(
        ended
            .err
            .contains("drafts/captions.en.vtt: cues that overlap a cut: 1, the first in line"),
        "{ended:?}"
    );
    let whole = place.read("OUT/package/captions/captions.en.vtt");
    let expected = "\
WEBVTT

STYLE
::cue(v) { color: yellow }

one
00:00:01.000 --> 00:00:05.000 line:0 align:start
<v Ada>Hello &amp; welcome</v>
to the class

00:00:05.000 --> 00:00:09.000
over the cut

00:00:10.000 --> 00:00:13.000
Bye
";
    assert_eq!(whole, expected);
    assert_eq!(
        place.read("OUT/package/captions/captions.ar.vtt"),
        "WEBVTT\n\n1\n00:00:02.000 --> 00:00:03.500 line:0\n<i>مرحبا</i> &amp; أهلا\n\n\
         2\n00:00:10.000 --> 00:00:12.000\nمع السلامة\n"
    );
    let transcript = place.read("OUT/package/transcript.ar.html");
    assert!(
        transcript.contains("<html lang=\"ar\" dir=\"rtl\">"),
        "{transcript}"
    );
    let manifest = place.manifest();
    assert_eq!(manifest["captions"][1]["label"], "English");
    assert_eq!(manifest["captions"][1]["approved"], false);
    assert_eq!(manifest["review"][1]["file"], "captions.ar.vtt");
    assert_eq!(
        place.done(&["check", "input=OUT/package"]).get("error"),
        None
    );

    // A person corrects the draft and approves it: the same command keeps that, and nothing else
    // is made again.
    let media = place.files("OUT/package");
    let draft = place.read("OUT/drafts/captions.en.vtt");
    assert!(draft.contains("NOTE\nstatus: draft\ninput: "), "{draft}");
    assert!(draft.contains("NOTE\na remark for the editor\n"), "{draft}");
    let corrected = draft
        .replace("Bye", "Good bye")
        .replace("status: draft", "status: approved\nby: Bo");
    place.write("OUT/drafts/captions.en.vtt", &corrected);
    let ended = place.lecture(&package(&given));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(
        ended
            .err
            .contains("captions.en.vtt was changed by a person and is kept"),
        "{ended:?}"
    );
    assert_eq!(place.read("OUT/drafts/captions.en.vtt"), corrected);
    assert!(
        place
            .read("OUT/package/captions/captions.en.vtt")
            .contains("Good bye")
    );
    assert!(
        place
            .read("OUT/package/transcript.en.html")
            .contains("Good bye")
    );
    let manifest = place.manifest();
    assert_eq!(manifest["captions"][1]["approved"], true);
    assert_eq!(manifest["review"][2]["by"], "Bo");
    let now = place.files("OUT/package");
    for (path, file) in &now {
        let said = path.display().to_string();
        let changes = said.contains("captions/en/")
            || said.contains("captions.en.vtt")
            || said.contains("transcript.en.html")
            || said.contains("manifest");
        assert!(changes || media.get(path) == Some(file), "{said}");
    }
    let segments = |files: &BTreeMap<PathBuf, (u64, u64)>| {
        let files = files
            .keys()
            .filter(|path| path.display().to_string().contains("/captions/en/"));
        files.cloned().collect::<Vec<_>>()
    };
    // Another name for other content, and the old files are gone.
    assert_eq!(segments(&now).len(), segments(&media).len());
    assert_ne!(segments(&now), segments(&media));

    // What a slip of the hand takes out of the package is told, each time.
    let slip = corrected.replace("00:00:16.000 -->", "00:00:16.000 ->");
    place.write("OUT/drafts/captions.en.vtt", &slip);
    let line = 1 + slip
        .lines()
        .position(|line| line.contains(" -> "))
        .expect("it is there");
    let warning = format!(
        "warning: {}",
        place.path("OUT/drafts/captions.en.vtt").display()
    );
    for job in [&PACKAGE[..], &package(&["quality=24"])] {
        let ended = place.lecture(job);
        let warned: Vec<&str> = ended
            .err
            .lines()
            .filter(|line| line.contains(" -> "))
            .collect();
        let [warned] = warned[..] else {
            panic!("{ended:?}");
        };
        assert!(
            warned.starts_with(&format!("{warning}: line {line}: ")),
            "{warned}"
        );
    }

    // Without the drafts there are none.
    for draft in ["captions.en.vtt", "captions.ar.vtt"] {
        fs::remove_file(place.path("OUT/drafts").join(draft)).expect("removed");
    }
    place.done(&PACKAGE);
    assert!(!place.path("OUT/package/captions").exists());
    assert!(!place.read("OUT/package/master.m3u8").contains("SUBTITLES"));
    assert_eq!(place.manifest().get("captions"), None);
}

#[test]
fn captions_in_another_language_than_the_class_are_subtitles() {
    let place = class_with_a_cut();
    place.write(
        "OUT/drafts/chapters.vtt",
        "WEBVTT\n\n00:00.000 --> 00:20.000\nAll\n",
    );
    let given = ["captions.en=en.vtt", "captions.ar=ar.srt"];
    let language = || {
        let chapters: Value =
            serde_json::from_str(&place.read("OUT/package/chapters.json")).expect("JSON");
        chapters[0]["titles"][0]["language"].clone()
    };
    let roles = || {
        let manifest = place.manifest();
        let captions = manifest["captions"].as_array().expect("a list").iter();
        let roles: Vec<String> = captions
            .map(|text| format!("{} {}", text["language"], text["role"]).replace('"', ""))
            .collect();
        roles
    };
    // Nothing says which language is spoken.
    place.done(&package(&given));
    assert_eq!(roles(), ["ar captions", "en captions"]);
    assert_eq!(language(), "und");

    // The user says it, and later packages know it.
    place.done(&["analyse", "input=class.mp4", "language=en-GB"]);
    place.done(&PACKAGE);
    assert_eq!(roles(), ["ar subtitles", "en captions"]);
    assert_eq!(language(), "en-GB");
    let master = place.read("OUT/package/master.m3u8");
    let mut sounds = master.lines().filter(|line| line.contains("TYPE=AUDIO"));
    assert!(sounds.all(|line| line.contains("LANGUAGE=\"en-GB\"")));
    for (language, is_for_the_deaf) in [("en", true), ("ar", false)] {
        let named = format!("TYPE=SUBTITLES,URI=\"captions/{language}/");
        let line = master.lines().find(|line| line.contains(&named));
        let line = line.expect("a rendition");
        assert_eq!(line.contains("CHARACTERISTICS"), is_for_the_deaf, "{line}");
    }

    // The recording says it.
    for (name, tag, arabic, english) in [
        ("arabic.mp4", "language=ara", "captions", "subtitles"),
        ("arabic.mkv", "language=ara", "captions", "subtitles"),
        ("english.mkv", "language=eng", "subtitles", "captions"),
    ] {
        place.ffmpeg(&[
            &["-i", "class.mp4", "-c", "copy"],
            &["-metadata:s:a:0", tag, name],
        ]);
        place.done(&[
            "package",
            &format!("input={name}"),
            &format!("output={name}.OUT"),
            "preset=ultrafast",
            "ladder=120",
            given[0],
            given[1],
        ]);
        let manifest = place.read(&format!("{name}.OUT/package/manifest.json"));
        let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
        assert_eq!(manifest["captions"][0]["role"], arabic, "{name}");
        assert_eq!(manifest["captions"][1]["role"], english, "{name}");
    }
}

#[test]
fn captions_of_what_was_published_go_back_to_the_source() {
    let place = class_with_a_cut();
    place.done(&PACKAGE);
    // Somebody cuts more before the vendor delivers.
    place.write(
        "OUT/drafts/trim.vtt",
        "WEBVTT\n\n00:00.000 --> 00:01.000\ncut: lobby\n\n00:05.000 --> 00:11.000\ncut: break\n",
    );
    place.write(
        "vendor.vtt",
        "WEBVTT\n\n00:02.000 --> 00:04.000\nfirst\n\n00:06.000 --> 00:08.000\nsecond\n",
    );
    let given = ["captions.en=vendor.vtt", "captions-time=output"];
    place.done(&package(&given));
    let draft = place.read("OUT/drafts/captions.en.vtt");
    assert!(
        draft.contains("00:00:02.000 --> 00:00:04.000\nfirst"),
        "{draft}"
    );
    assert!(
        draft.contains("00:00:12.000 --> 00:00:14.000\nsecond"),
        "{draft}"
    );
    assert_eq!(
        place.read("OUT/package/captions/captions.en.vtt"),
        "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nfirst\n\n00:00:05.000 --> 00:00:07.000\nsecond\n"
    );
    // What was published of another recording says nothing of this one.
    place.recording("other.mp4", "21");
    fs::remove_file(place.path("OUT/drafts/captions.en.vtt")).expect("removed");
    place.write(
        "OUT/drafts/trim.vtt",
        "WEBVTT\n\n00:03.011 --> 00:21.000\nkeep\n",
    );
    place.done(&[
        "package",
        "input=other.mp4",
        "preset=ultrafast",
        "ladder=120",
        given[0],
        given[1],
    ]);
    // It is cut between frames.
    let draft = place.read("OUT/drafts/captions.en.vtt");
    assert!(
        draft.contains("00:00:05.040 --> 00:00:07.040\nfirst"),
        "{draft}"
    );
    let wrong = place.lecture(&package(&["captions-time=later"]));
    wrong.failed(2, &["later is not a value of captions-time"]);
}

#[test]
fn odd_captions_are_warned_of_and_bad_ones_are_errors() {
    let place = class_with_a_cut();
    place.done(&PACKAGE);
    place.ffmpeg(&[&["-i", "class.mp4", "-an", "-c", "copy", "silent.mp4"]]);
    let write = |name: &str, bytes: &[u8]| fs::write(place.path(name), bytes).expect("written");
    write(
        "odd.vtt",
        b"\xef\xbb\xbfWEBVTT\r\n\r\n00:12.000 --> 00:14.000\r\nJos\xe9\r\n\r\n00:13.000 --> 00:15.000\r\n\
          second\r\n\r\n00:01.000 --> 00:02.000\r\nbackwards\r\n\r\n00:03,000 --> 00:04,000\r\ncomma\r\n\r\n\
          00:19.000 --> 00:25.000\r\nlong\r\n\r\n00:30.000 --> 00:31.000\r\nbehind\r\n",
    );
    for input in ["class.mp4", "silent.mp4"] {
        let out = input.trim_end_matches(".mp4");
        let ended = place.lecture(&[
            "package",
            &format!("input={input}"),
            &format!("output={out}"),
            "preset=ultrafast",
            "ladder=120",
            "captions.es=odd.vtt",
        ]);
        assert_eq!(ended.status, Some(0), "{ended:?}");
        for warning in [
            "odd.vtt: line 4: not UTF-8, read as windows-1252",
            "odd.vtt: line 12: \"00:03,000 --> 00:04,000\" is not a timing line",
            "odd.vtt: line 6: the cue overlaps the cue of line 3 by 1.000 s",
            "odd.vtt: line 9: the cue starts before the cue of line 6",
            "odd.vtt: line 15: the cue ends after the end of the recording",
            "odd.vtt: line 18: the cue starts after the end of the recording",
        ] {
            assert!(ended.err.contains(warning), "{warning} in {ended:?}");
        }
        assert_eq!(
            ended.err.contains("the recording has no audio"),
            input == "silent.mp4"
        );
        let packaged = place.read(&format!("{out}/package/captions/captions.es.vtt"));
        let text: Vec<&str> = packaged
            .lines()
            .filter(|line| !line.contains("-->"))
            .collect();
        assert_eq!(
            text.join(" "),
            "WEBVTT  backwards  comma  José  second  long"
        );
        assert!(packaged.contains("--> 00:00:20.0"), "{packaged}");
    }

    let good = place.files("OUT");
    write("letter.txt", b"Dear all,\n\nhello\n");
    write("empty.vtt", b"");
    write("large.vtt", ENGLISH.as_bytes());
    let large = File::options()
        .append(true)
        .open(place.path("large.vtt"))
        .and_then(|large| large.set_len((64 << 20) + 1));
    large.expect("written");
    write("nothing.vtt", b"WEBVTT\n\nNOTE nothing\n");
    write(
        "other.vtt",
        b"WEBVTT\n\nNOTE\nstatus: approved\ninput: another\n\n00:01.000 --> 00:02.000\na\n",
    );
    write(
        "status.vtt",
        b"WEBVTT\n\nNOTE\nstatus: done\n\n00:01.000 --> 00:02.000\na\n",
    );
    for (given, status, says) in [
        (
            "captions.en=letter.txt",
            1,
            &["not a caption file", "letter.txt"][..],
        ),
        (
            "captions.en=class.mp4",
            1,
            &["not a caption file", "class.mp4"],
        ),
        (
            "captions.en=empty.vtt",
            1,
            &["the file is empty", "empty.vtt"],
        ),
        (
            "captions.en=nothing.vtt",
            1,
            &["the file contains no cue", "nothing.vtt"],
        ),
        (
            "captions.en=missing.vtt",
            1,
            &["there is no such file", "missing.vtt"],
        ),
        ("captions.en=OUT", 1, &["this is a folder"]),
        (
            "captions.en=large.vtt",
            1,
            &["larger than 64 MiB", "large.vtt"],
        ),
        (
            "captions.english=en.vtt",
            2,
            &[
                "\"english\" is not a language",
                "write its code: captions.en",
            ],
        ),
        (
            "captions.en=other.vtt",
            1,
            &["another recording", "other.vtt"],
        ),
        (
            "captions.en=status.vtt",
            1,
            &["line 3", "neither draft nor approved", "status.vtt"],
        ),
        ("descriptions.en=letter.txt", 1, &["letter.txt"]),
        (
            "captions.en_GB=en.vtt",
            2,
            &["\"en_GB\" is not a language", "BCP 47"],
        ),
        ("captions=en.vtt", 2, &["no variable captions"]),
    ] {
        for job in ["package", "catalog", "analyse"] {
            let ended = place.lecture(&[job, "input=class.mp4", given]);
            ended.failed(status, says);
            assert_eq!(place.files("OUT"), good, "{job} {given}");
        }
    }
    let twice = package(&["captions.en=en.vtt", "captions.EN=en.vtt"]);
    place
        .lecture(&twice)
        .failed(2, &["captions.en is given twice"]);
}
