// SPDX-License-Identifier: MPL-2.0

//! Chapters, captions and descriptions beside the media.

use std::fs;
use std::path::Path;
use std::process::Command;

use gst::prelude::*;

use super::{audio, ended, package, video};
use crate::harness::init;

#[test]
fn chapters_are_written_in_both_forms() {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let location = folder.path().join("package");
    let description = format!(
        "catalogsink name=p location={} {} \
         appsrc name=chapters format=time caps=text/x-raw,format=utf8 ! p.chapters",
        location.display(),
        video((160, 90), "10/1", 100)
    );
    let pipeline = gst::parse::launch(&description).expect("parses");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let chapters = pipeline.by_name("chapters").expect("named");
    let chapters = chapters.downcast::<gst_app::AppSrc>().expect("an appsrc");
    for (start, end, title) in [(0, 4, "Start & <end>"), (4, 30, "日本語\nzwei")] {
        let mut buffer = gst::Buffer::from_slice(title);
        let time = buffer.get_mut().expect("new");
        time.set_pts(gst::ClockTime::from_seconds(start));
        time.set_duration(gst::ClockTime::from_seconds(end - start));
        chapters.push_buffer(buffer).expect("taken");
    }
    chapters.end_of_stream().expect("taken");
    let ended = ended(&pipeline);
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let text = fs::read_to_string(location.join("chapters.vtt")).expect("written");
    let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:04.000\nStart &amp; &lt;end&gt;\n\n\
                    00:00:04.000 --> 00:00:10.000\n日本語 zwei\n";
    assert_eq!(text, expected);
    let json = fs::read_to_string(location.join("chapters.json")).expect("written");
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json[1]["titles"][0]["title"], "日本語 zwei");
    assert_eq!(json[1]["start-time"], 4.0);
    let master = fs::read_to_string(location.join("master.m3u8")).expect("written");
    assert!(master.contains("DATA-ID=\"com.apple.hls.chapters\",URI=\"chapters.json\""));
}

const CAPTIONS: &str = "\
WEBVTT

intro
00:00:01.000 --> 00:00:07.500 line:0 position:20%,line-left align:start
<v Ada>Hello &amp; <i>welcome</i></v>
second line

00:00:09.000 --> 00:00:10.000
over the next boundary? no

00:00:11.500 --> 00:00:40.000
past the end
";

/// What ffmpeg reads of a WebVTT file or playlist, as WebVTT.
fn cues(path: &Path) -> String {
    let read = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-f", "webvtt", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert_eq!(
        String::from_utf8_lossy(&read.stderr),
        "",
        "{}",
        path.display()
    );
    String::from_utf8(read.stdout).expect("UTF-8")
}

#[test]
fn texts_are_renditions_of_the_same_segments() {
    let sources = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = sources.path().join(name);
        fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let english = write("en.vtt", CAPTIONS);
    let arabic = write(
        "ar.srt",
        "1\n00:00:02,000 --> 00:00:03,000\n<i>مرحبا</i> &\n",
    );
    let seen = write(
        "seen.vtt",
        "WEBVTT\n\n00:04.000 --> 00:05.000\nA map of Europe.\n",
    );
    let package = package(
        "ladder=180,90 text_0::language=en text_1::language=ar text_1::role=subtitles \
         text_2::language=en text_2::role=descriptions",
        &format!(
            "{} {} filesrc location={english} ! webvttparse ! p.text_0 \
             filesrc location={arabic} ! subparse ! p.text_1 \
             filesrc location={seen} ! webvttparse ! p.text_2",
            video((320, 180), "10/1", 130),
            audio("audio_0", 13, 1)
        ),
    );
    let of_text = |finding: &String| finding.contains("captions") || finding.contains("SUBTITLES");
    let findings: Vec<_> = package.findings().into_iter().filter(of_text).collect();
    assert_eq!(findings, [""; 0]);

    let whole = package.text("captions/captions.en.vtt");
    assert_eq!(whole, CAPTIONS.replace("00:00:40.000", "00:00:13.000"));
    assert_eq!(
        package.text("captions/captions.ar.vtt"),
        "WEBVTT\n\n00:00:02.000 --> 00:00:03.000\n<i>مرحبا</i> &amp;\n"
    );
    assert!(
        package
            .text("descriptions/descriptions.en.vtt")
            .contains("Europe")
    );
    let playlist = package.path("captions/en/playlist.m3u8");
    assert_eq!(
        cues(&playlist),
        cues(&package.path("captions/captions.en.vtt"))
    );
    let durations = |name: &str| -> Vec<String> {
        let playlist = package.text(name);
        let lines = playlist
            .lines()
            .filter(|line| line.contains("DURATION") || line.contains("EXTINF"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(
        durations("captions/en/playlist.m3u8"),
        durations("video/180p/playlist.m3u8")
    );
    assert!(
        package
            .text("transcript.en.html")
            .contains("Hello &amp; welcome second line")
    );
    assert!(package.text("transcript.ar.html").contains("dir=\"rtl\""));

    let manifest = package.manifest();
    let labels: Vec<&str> = manifest
        .captions
        .iter()
        .map(|text| text.label.as_str())
        .collect();
    assert_eq!(labels, ["English", "العربية"]);
    assert_eq!(
        manifest.descriptions[0].file,
        Some("descriptions/descriptions.en.vtt".into())
    );
    let master = package.text("master.m3u8");
    assert_eq!(master.matches("TYPE=SUBTITLES").count(), 2);
    assert_eq!(master.matches(",SUBTITLES=\"text\"").count(), 2);
}

/// An audio description is as long as the programme, whatever was delivered.
#[test]
fn an_audio_description_covers_the_programme_and_no_more() {
    for seconds in [4, 21] {
        let package = package(
            "ladder=90 audio_0::language=de audio_1::language=de audio_1::role=description",
            &[
                &video((160, 90), "10/1", 160),
                &audio("audio_0", 16, 1),
                &audio("audio_1", seconds, 1),
            ]
            .map(String::as_str)
            .concat(),
        );
        assert!(
            (package.duration() - 16.0).abs() < 0.03,
            "{}",
            package.duration()
        );
        let end = |playlist: &str| -> f64 {
            let packets = package.packets(playlist, "pts_time,duration_time");
            let last = packets.last().expect("packets");
            last.iter()
                .map(|time| time.parse::<f64>().expect("a time"))
                .sum()
        };
        let described = "audio/de-description/playlist.m3u8";
        let (main, described_end) = (end("audio/de/playlist.m3u8"), end(described));
        // 16 s are whole frames of AAC: one sample too few is a frame too few, for which a player
        // that has the picture to the end waits.
        assert!(
            (main - 16.0).abs() < 1e-4 && (main - described_end).abs() < 1e-4,
            "{seconds}: {main} {described_end}"
        );
        let findings = package.findings();
        let of_sound = findings.iter().filter(|finding| finding.contains("audio"));
        assert_eq!(of_sound.count(), 0, "{seconds}: {findings:?}");
        // Every file is named.
        let named = package.text(described);
        for file in package
            .files()
            .keys()
            .filter(|file| file.contains("description"))
        {
            let name = file.rsplit('/').next().expect("a name");
            assert!(
                named.contains(name) || name == "playlist.m3u8",
                "{seconds}: {file}"
            );
        }
        let master = package.text("master.m3u8");
        assert!(
            master.contains(
                "LANGUAGE=\"de\",NAME=\"Deutsch (described video)\",AUTOSELECT=YES,\
             CHARACTERISTICS=\"public.accessibility.describes-video\""
            ),
            "{master}"
        );
    }
}
