// SPDX-License-Identifier: MPL-2.0

//! Chapters and subtitles that a recording holds become drafts, and go with it where it is cut.
//! Recordings are made by ffmpeg, results are read with ffprobe.

use serde_json::Value;

use crate::harness::place::{AAC, H264, PICTURE, Place, SOUND};
use crate::harness::tool;

const CHAPTERS: &str = ";FFMETADATA1\ntitle=Class\n\
    [CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=7000\ntitle=Welcome & <hello>\n\
    [CHAPTER]\nTIMEBASE=1/1000\nSTART=7000\nEND=14000\ntitle=Switching\n\
    [CHAPTER]\nTIMEBASE=1/1000\nSTART=14000\nEND=20000\ntitle=Übung\n";

const SRT: &str = "1\n00:00:01,000 --> 00:00:03,500\nHello <i>there</i> you\n\n\
    2\n00:00:05,250 --> 00:00:07,000\nTwo\nlines\n\n3\n00:00:09,000 --> 00:00:11,521\nLast\n";

const ASS: &str = "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize, \
    PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, StrikeOut, \
    ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, \
    MarginV, Encoding\nStyle: Default,Arial,16,&Hffffff,&Hffffff,&H0,&H0,0,0,0,0,100,100,0,0,1,1,0,2,\
    10,10,10,0\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, \
    Text\nDialogue: 0,0:00:01.00,0:00:03.50,Default,,0,0,0,,{\\fad(100,100)}Hello {\\i1}there{\\i0} you\nDialogue: 0,0:00:05.25,0:00:07.00,Default,,0,0,0,,Two\\Nlines\nDialogue: 0,0:00:09.00,\
    0:00:11.52,Default,,0,0,0,,{\\b1}Last\n";

/// The cues that all of these files hold.
const CUES: &str = "\
00:00:01.000 --> 00:00:03.500
Hello <i>there</i> you

00:00:05.250 --> 00:00:07.000
Two
lines

00:00:09.000 --> 00:00:11.52";

/// Twenty seconds with these inputs beside picture and sound, and what ffmpeg makes of them.
fn recording(place: &Place, name: &str, inputs: &[&str], options: &[&str]) {
    place.ffmpeg(&[
        &["-f", "lavfi", "-t", "20", "-i", PICTURE],
        &["-f", "lavfi", "-t", "20", "-i", SOUND],
        inputs,
        &["-map", "0:v", "-map", "1:a"],
        options,
        H264,
        // In Matroska FFmpeg moves everything by what an encoder puts before the first sample.
        if name.ends_with(".mkv") && options.contains(&"-c:s") {
            &["-c:a", "flac"]
        } else {
            AAC
        },
        &[name],
    ]);
}

fn chapters_of(place: &Place, name: &str) -> Vec<(f64, String)> {
    let path = place.path(name);
    let path = path.to_str().expect("a path in UTF-8");
    let json = tool("ffprobe", &["-show_chapters", "-of", "json", path]);
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    let chapters = json["chapters"].as_array().cloned().unwrap_or_default();
    let chapter = |chapter: &Value| {
        let start = chapter["start_time"]
            .as_str()
            .and_then(|start| start.parse().ok());
        let title = chapter["tags"]["title"].as_str().unwrap_or_default();
        (start.unwrap_or(-1.0), title.to_owned())
    };
    chapters.iter().map(chapter).collect()
}

#[test]
fn chapters_of_a_recording_are_its_draft_and_stay_in_what_is_cut() {
    let place = Place::new();
    place.write("chapters.txt", CHAPTERS);
    let with = &["-i", "chapters.txt"];
    let titles = ["Welcome & <hello>", "Switching", "Übung"];
    for (name, options) in [
        ("a.mkv", &["-map_chapters", "2"][..]),
        ("a.mp4", &["-map_chapters", "2"]),
        ("a.mov", &["-map_chapters", "2", "-movflags", "+faststart"]),
        (
            "list.mp4",
            &["-map_chapters", "2", "-movflags", "+disable_chpl"],
        ),
    ] {
        recording(&place, name, with, options);
        let input = format!("input={name}");
        let output = format!("output={name}.out");
        let ended = place.done(&["analyse", &input, &output]);
        assert_eq!(ended["chapters"], 3, "{name}");
        let draft = place.read(&format!("{name}.out/drafts/chapters.vtt"));
        assert!(draft.contains("status: draft"), "{name}: {draft}");
        let cues = "00:00:00.000 --> 00:00:07.000\nWelcome &amp; &lt;hello&gt;\n\n\
            00:00:07.000 --> 00:00:14.000\nSwitching\n\n00:00:14.000 --> 00:00:20";
        assert!(draft.contains(cues), "{name}: {draft}");

        let file = format!("output={name}.vtt");
        place.done(&["chapters", &input, &file]);
        assert!(place.read(&format!("{name}.vtt")).contains(cues), "{name}");

        for cut in ["cut.mkv", "cut.mp4"] {
            place.done(&["trim", &input, &format!("output={name}.{cut}")]);
            let chapters = chapters_of(&place, &format!("{name}.{cut}"));
            let found: Vec<&str> = chapters.iter().map(|(_, title)| title.as_str()).collect();
            assert_eq!(found, titles, "{name} {cut}");
            for ((start, _), expected) in chapters.iter().zip([0.0, 7.0, 14.0]) {
                assert!(
                    (start - expected).abs() < 0.05,
                    "{name} {cut}: {chapters:?}"
                );
            }
        }
    }
}

#[test]
fn subtitles_inside_a_recording_are_the_captions_draft_of_their_language() {
    let place = Place::new();
    place.write("s.srt", SRT);
    place.write("s.ass", ASS);
    for (name, file, codec) in [
        ("srt.mkv", "s.srt", "srt"),
        ("ass.mkv", "s.ass", "ass"),
        ("vtt.mkv", "s.srt", "webvtt"),
        ("text.mp4", "s.srt", "mov_text"),
        ("text.mov", "s.ass", "mov_text"),
    ] {
        let options = [
            "-map",
            "2:s",
            "-c:s",
            codec,
            "-metadata:s:s:0",
            "language=ger",
        ];
        recording(&place, name, &["-i", file], &options);
        let input = format!("input={name}");
        let output = format!("output={name}.out");
        place.done(&["analyse", &input, &output]);
        let path = format!("{name}.out/drafts/captions.de.vtt");
        let draft = place.read(&path);
        assert!(draft.contains("status: draft"), "{name}: {draft}");
        assert!(draft.contains(CUES), "{name}: {draft}");

        // Neither what a person corrects nor what a person gives is written over.
        let corrected = draft.replace("Last", "At last");
        place.write(&path, &corrected);
        place.done(&["analyse", &input, &output]);
        assert_eq!(place.read(&path), corrected, "{name}");
        let given = format!("output={name}.given");
        place.write("given.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nGiven\n");
        place.done(&["analyse", &input, &given, "captions.de=given.vtt"]);
        place.done(&["analyse", &input, &given]);
        let draft = place.read(&format!("{name}.given/drafts/captions.de.vtt"));
        assert!(
            draft.contains("Given") && !draft.contains("Hello"),
            "{draft}"
        );
    }
}

#[test]
fn subtitles_inside_are_packaged_and_those_left_out_are_named() {
    let place = Place::new();
    place.write("s.srt", SRT);
    place.write("forced.srt", "1\n00:00:04,000 --> 00:00:05,000\nForced\n");
    recording(
        &place,
        "several.mkv",
        &["-i", "s.srt", "-i", "forced.srt"],
        &[
            "-map",
            "3:s",
            "-map",
            "2:s",
            "-map",
            "2:s",
            "-c:s",
            "srt",
            "-metadata:s:s:0",
            "language=eng",
            "-disposition:s:0",
            "forced",
            "-metadata:s:s:1",
            "language=eng",
            "-metadata:s:s:1",
            "title=English SDH",
            "-metadata:s:s:2",
            "language=eng",
        ],
    );
    let arguments = ["package", "input=several.mkv", "output=out", "ladder=240"];
    let ended = place.lecture(&arguments);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    for words in [
        "forced",
        "captions of this language are made of another track",
    ] {
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    }
    let captions = place.read("out/package/captions/captions.en.vtt");
    assert!(captions.contains(CUES), "{captions}");
    assert!(!captions.contains("Forced"), "{captions}");
}
