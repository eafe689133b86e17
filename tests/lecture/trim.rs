// SPDX-License-Identifier: MPL-2.0

//! trim: every track of a recording is in the file that it writes, at its place. ffmpeg makes the
//! recordings and reads the files back.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::place::Place;
use crate::harness::{self, done, json, lecture, make, probe, said, sample, tool, value};

/// A flash and a beep begin in every second that is odd.
const FLASHES: &str = "-f lavfi -i color=black:size=320x180:rate=25:duration=20,format=gray,\
    geq=lum='if(lt(mod(T+1,2),0.1),235,16)',format=yuv420p \
    -f lavfi -i aevalsrc='if(lt(mod(t+1,2),0.1),0.5*sin(880*2*PI*t),0)':sample_rate=48000:duration=20";

fn number(value: &Value) -> f64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("a number")
}

fn streams(path: &Path) -> Vec<(String, String, String)> {
    let found = probe(path);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    found["streams"]
        .as_array()
        .expect("streams")
        .iter()
        .map(|stream| {
            let tags = &stream["tags"];
            (
                text(&stream["codec_type"]),
                text(&stream["codec_name"]),
                text(&tags["language"]),
            )
        })
        .collect()
}

/// The cues of a track of subtitles, as ffmpeg writes them: (start and end in ms, text).
fn cues(path: &Path, track: usize) -> Vec<(u64, u64, String)> {
    let name = path.to_str().expect("a path in UTF-8");
    let map = format!("0:s:{track}");
    let srt = tool("ffmpeg", &["-i", name, "-map", &map, "-f", "srt", "-"]);
    let srt = String::from_utf8(srt).expect("UTF-8");
    let millis = |stamp: &str| {
        let parts: Vec<u64> = stamp
            .split([':', ','])
            .map(|part| part.trim().parse().expect("a number"))
            .collect();
        ((parts[0] * 60 + parts[1]) * 60 + parts[2]) * 1000 + parts[3]
    };
    srt.split("\n\n")
        .filter(|cue| !cue.trim().is_empty())
        .map(|cue| {
            let mut lines = cue.trim().lines().skip(1);
            let (start, end) = lines
                .next()
                .expect("times")
                .split_once("-->")
                .expect("an arrow");
            let text: Vec<&str> = lines.collect();
            (millis(start), millis(end), text.join("\n"))
        })
        .filter(|cue| !cue.2.trim().is_empty())
        .collect()
}

#[test]
fn all_tracks_are_kept_and_subtitles_move_with_the_cuts() {
    let folder = TempDir::new().expect("a folder");
    let srt = folder.path().join("cues.srt");
    std::fs::write(
        &srt,
        "1\n00:00:01,000 --> 00:00:03,000\nbefore the class\n\n\
         2\n00:00:50,000 --> 00:00:55,000\nQ & A in the <i>class</i>\n\n\
         3\n00:01:30,000 --> 00:01:32,000\nlate\n",
    )
    .expect("cues");
    let tracks = format!(
        "-i {{sample}} -i {0} -i {0} -map 0:v -map 0:a -map 0:a -map 1 -map 2 -c:v copy \
         -metadata:s:a:0 language=eng -metadata:s:a:1 language=ger \
         -metadata:s:s:0 language=eng -metadata:s:s:1 language=fre -metadata title=Class",
        srt.display()
    );
    let matroska = folder.path().join("class.mkv");
    make(
        &matroska,
        &format!("{tracks} -c:a copy -c:s:0 srt -c:s:1 ass"),
    );
    let mp4 = folder.path().join("class.mp4");
    make(&mp4, &format!("{tracks} -c:a aac -c:s mov_text"));
    for (input, name) in [
        (&matroska, "mkv.mkv"),
        (&matroska, "mkv.mp4"),
        (&mp4, "mp4.mkv"),
        (&mp4, "mp4.mp4"),
    ] {
        let output = folder.path().join(name);
        let ran = done(&[
            "trim".into(),
            value("input", input),
            value("output", &output),
            "--json".into(),
        ]);
        let result: Value = serde_json::from_slice(
            ran.stdout
                .split(|byte| *byte == b'\n')
                .rfind(|line| !line.is_empty())
                .expect("a line"),
        )
        .expect("JSON");
        assert!(result["removed-seconds"].as_f64().expect("seconds") > 20.0);
        let kinds = streams(&output);
        let of = |kind: &str| -> Vec<&str> {
            let found = kinds.iter().filter(|stream| stream.0 == kind);
            found.map(|stream| &*stream.2).collect()
        };
        assert_eq!(of("video").len(), 1, "{name}");
        // The names of German and French are two in ISO 639-2.
        let german = |tag: &str| ["ger", "deu"].contains(&tag);
        let french = |tag: &str| ["fre", "fra"].contains(&tag);
        let audio = of("audio");
        assert!(audio.len() == 2 && german(audio[1]), "{name}: {audio:?}");
        let texts = of("subtitle");
        assert!(
            texts.len() == 2 && texts[0] == "eng" && french(texts[1]),
            "{name}: {texts:?}"
        );
        let title = &probe(&output)["format"]["tags"];
        assert!(title.to_string().contains("Class"), "{name}: {title}");
        // The picture starts where its key frame was: all that was before is cut.
        let length = |path: &Path| number(&probe(path)["format"]["duration"]);
        let truth = json(&sample().with_extension("truth.json"));
        assert!(length(&output) < truth["duration"].as_f64().expect("a duration") - 20.0);
        let moved = cues(&output, 0);
        let start = 50_000 - moved[0].0;
        assert!((15_000..=24_000).contains(&start), "{name}: {moved:?}");
        for track in 0..2 {
            let found = cues(&output, track);
            assert_eq!(found.len(), 2, "{name}: {found:?}");
            for (cue, (from, to, says)) in found
                .iter()
                .zip([(50_000, 55_000, "Q & A in the"), (90_000, 92_000, "late")])
            {
                let near = |found: u64, source: u64| found.abs_diff(source - start) <= 20;
                assert!(near(cue.0, from) && near(cue.1, to), "{name}: {found:?}");
                assert!(cue.2.contains(says), "{name}: {found:?}");
            }
        }
        let italic = moved[0].2.contains("<i>class</i>");
        assert_eq!(italic, name == "mkv.mkv", "{name}: {moved:?}");
        let styles = said(&ran).contains("not their styles");
        assert_eq!(styles, input == &matroska, "{}", said(&ran));
    }
}

#[test]
fn a_track_that_cannot_be_cut_is_named() {
    let folder = TempDir::new().expect("a folder");
    let vtt = folder.path().join("cues.vtt");
    std::fs::write(&vtt, "WEBVTT\n\n00:02.000 --> 00:04.000\nwords\n").expect("cues");
    let input = folder.path().join("class.mkv");
    make(
        &input,
        &format!(
            "-t 10 -i {{sample}} -i {} -c copy -c:s webvtt",
            vtt.display()
        ),
    );
    let output = folder.path().join("out.mkv");
    let ran = done(&[
        "trim".into(),
        value("input", &input),
        value("output", &output),
    ]);
    assert!(said(&ran).contains("WebVTT in Matroska"), "{}", said(&ran));
    assert_eq!(streams(&output).len(), 2);
}

/// When the first flash is seen and the first beep heard, in seconds of a track's own frames.
fn first(path: &Path) -> (f64, f64) {
    let name = path.to_str().expect("a path in UTF-8");
    let frames = tool(
        "ffmpeg",
        &[
            "-i",
            name,
            "-map",
            "0:v:0",
            "-vf",
            "fps=25,scale=1:1:flags=area,format=gray",
            "-f",
            "rawvideo",
            "-",
        ],
    );
    let samples = harness::samples(path, "aresample=async=1:first_pts=0");
    let flash = frames.iter().position(|luma| *luma > 128).expect("a flash");
    let beep = samples
        .iter()
        .position(|sample| sample.unsigned_abs() > 3000)
        .expect("a beep");
    (flash as f64 / 25.0, beep as f64 / 48_000.0)
}

#[test]
fn mpeg_streams_start_at_zero_and_stay_in_step() {
    let folder = TempDir::new().expect("a folder");
    for (file, codecs) in [
        ("class.ts", "-c:v libx264 -preset ultrafast -g 50 -c:a aac"),
        (
            "frames.ts",
            "-c:v libx264 -preset medium -bf 3 -g 50 -c:a aac",
        ),
        (
            "late.ts",
            "-c:v libx264 -preset ultrafast -g 50 -c:a aac -muxdelay 3 -output_ts_offset 100",
        ),
        ("class.mpg", "-c:v mpeg2video -g 25 -c:a mp2"),
        ("frames.mpg", "-c:v mpeg2video -bf 2 -g 25 -c:a mp2"),
    ] {
        let input = folder.path().join(file);
        make(&input, &format!("{FLASHES} {codecs}"));
        let output = folder.path().join(format!("{file}.mkv"));
        done(&[
            "trim".into(),
            value("input", &input),
            value("output", &output),
        ]);
        let found = probe(&output);
        for stream in found["streams"].as_array().expect("streams") {
            let start = number(&stream["start_time"]);
            assert!(start.abs() < 0.09, "{file}: {start} s");
        }
        let duration = number(&found["format"]["duration"]);
        assert!((duration - 20.0).abs() < 0.15, "{file} lasts {duration} s");
        let (flash, beep) = first(&output);
        assert!(
            (flash - 1.0).abs() <= 0.09,
            "{file}: the flash at {flash} s"
        );
        assert!((flash - beep).abs() <= 0.041, "{file}: {flash} s, {beep} s");
        let count = |path: &Path| harness::picture_packets(path, "size").len();
        assert!(count(&output) >= 498, "{file}: {} pictures", count(&output));
        let out = folder.path().join(format!("{file}.out"));
        done(&[
            "analyse".into(),
            value("input", &input),
            value("output", &out),
        ]);
        let seconds = json(&out.join("drafts/analysis.json"))["input"]["seconds"]
            .as_f64()
            .expect("seconds");
        assert!(
            (seconds - 20.0).abs() < 0.1,
            "{file}: {seconds} s are analysed"
        );
    }
}

#[test]
fn a_short_track_behind_an_empty_edit_is_one_clear_error() {
    let folder = TempDir::new().expect("a folder");
    let plain = folder.path().join("plain.mp4");
    make(
        &plain,
        &format!("{FLASHES} -c:v libx264 -preset ultrafast -c:a aac"),
    );
    let late = folder.path().join("late.mp4");
    let name = plain.to_str().expect("a path in UTF-8");
    make(
        &late,
        &format!("-itsoffset 100 -i {name} -stream_loop 5 -i {name} -map 0:v -map 1:a -c copy"),
    );
    for job in ["trim", "analyse"] {
        let output = folder.path().join("out.mkv");
        let ran = lecture([job.into(), value("input", &late), value("output", &output)]);
        assert_eq!(ran.status.code(), Some(1), "{job}");
        assert!(
            said(&ran).contains("ffmpeg -i INPUT -crf 18"),
            "{}",
            said(&ran)
        );
        assert!(!output.join("drafts/trim.vtt").exists());
    }
    // What is advised helps: the pictures come 100 s late, as they are.
    let helped = folder.path().join("late.mkv");
    make(&helped, &format!("-i {} -c copy", late.display()));
    let output = folder.path().join("helped.mkv");
    done(&[
        "trim".into(),
        value("input", &helped),
        value("output", &output),
    ]);
    let packets = harness::picture_packets(&output, "pts_time");
    let start = packets.first().expect("a picture");
    let start: f64 = start.parse().expect("a number");
    assert!((start - 100.0).abs() < 0.1, "{start}");
}

#[test]
fn a_codec_that_the_container_cannot_hold_is_named() {
    let place = Place::new();
    let source = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2"];
    for (input, codec, output, name) in [
        ("a.avi", "adpcm_ms", "a.mkv", "ADPCM"),
        ("b.mkv", "flac", "b.mp4", "FLAC"),
        ("c.m4a", "alac", "c.mkv", "ALAC"),
    ] {
        place.ffmpeg(&[&source[..], &["-c:a", codec, input]]);
        let input = format!("input={input}");
        place
            .lecture(&["trim", &input, &format!("output={output}")])
            .failed(1, &[name, "cannot hold", output]);
        assert!(!place.path(output).exists());
    }
}
