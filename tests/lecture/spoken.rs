// SPDX-License-Identifier: MPL-2.0

//! Audio descriptions that a program speaks: drafted from slides, mixed into pauses, measured in the
//! package.

use std::process::Command;

use serde_json::Value;

use crate::harness::place::{Ended, H264, OPUS, PICTURE, Place, SOUND};
use crate::harness::{json, sample, samples};

/// Samples per second of what is measured.
const RATE: usize = 48_000;
/// Tones of the class and of the voice.
const CLASS: f64 = 440.0;
const VOICE: f64 = 2000.0;

/// A class of a tone, 24 s long, of which the seconds from 2 to 4 are cut, and a program that speaks
/// every text as a tone of 2 s and writes down what it was given.
fn class() -> Place {
    let place = Place::new();
    place.recording("class.mp4", "24");
    place.ffmpeg(&[&[
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=2000:duration=2:sample_rate=22050",
        "voice.wav",
    ]]);
    place.write(
        "OUT/drafts/trim.vtt",
        "WEBVTT\n\n00:02.000 --> 00:04.000\ncut: break\n\n00:21.000 --> 00:21.500\nmute: a name\n",
    );
    place.write(
        "say.sh",
        "cat >> said.txt\necho >> said.txt\ncat voice.wav\n",
    );
    place
}

fn package(place: &Place, more: &[&str]) -> Ended {
    let fixed = [
        "package",
        "preset=ultrafast",
        "ladder=120",
        "loudness=off",
        "speak=true",
    ];
    let is_named = more.iter().any(|argument| argument.starts_with("input="));
    let input: &[&str] = if is_named { &[] } else { &["input=class.mp4"] };
    place.lecture(&[&fixed, input, more].concat())
}

/// The description rendition of the package, as samples.
fn described(place: &Place) -> Vec<f64> {
    let manifest = place.manifest();
    let audio = manifest["audio"].as_array().expect("a list").iter();
    let playlist = audio
        .filter(|audio| audio["role"] == "description")
        .find_map(|audio| audio["playlist"].as_str())
        .expect("a description");
    let read = samples(&place.path("OUT/package").join(playlist), "anull");
    read.iter()
        .map(|sample| f64::from(*sample) / 32768.0)
        .collect()
}

/// The level of a tone in dB in a part of 100 ms in the middle of which this second is.
fn level(samples: &[f64], frequency: f64, second: f64) -> f64 {
    let from = ((second - 0.05) * RATE as f64) as usize;
    let part = &samples[from..from + RATE / 10];
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (n, sample) in part.iter().enumerate() {
        let angle = std::f64::consts::TAU * frequency * n as f64 / RATE as f64;
        sine += sample * angle.sin();
        cosine += sample * angle.cos();
    }
    let amplitude = 2.0 * sine.hypot(cosine) / part.len() as f64;
    20.0 * amplitude.max(1e-6).log10()
}

/// The parts in seconds in which the voice is heard, to 10 ms.
fn heard(samples: &[f64]) -> Vec<(f64, f64)> {
    let mut found: Vec<(f64, f64)> = Vec::new();
    let end = samples.len() as f64 / RATE as f64 - 0.06;
    let mut second = 0.06;
    while second < end {
        if level(samples, VOICE, second) > -40.0 {
            match found.last_mut() {
                Some(last) if second - last.1 < 0.015 => last.1 = second,
                _ => found.push((second, second)),
            }
        }
        second += 0.01;
    }
    // A part of 100 ms is above the limit as soon as a tenth of it is.
    found
        .iter()
        .map(|(start, end)| (start + 0.05, end - 0.05))
        .collect()
}

fn assert_near(measured: f64, expected: f64, within: f64, what: &str) {
    assert!(
        (measured - expected).abs() <= within,
        "{what}: {measured}, expected {expected}"
    );
}

#[test]
fn audio_is_lowered_under_descriptions_that_lie_in_their_pauses() {
    let place = class();
    // 1 MB, an option, quotes, more than one line; 2 s of voice in 3 s, 1.6 s and 1 s; muted.
    let long = "very long text ".repeat(70_000);
    let cues = [
        (
            "00:05.000 --> 00:08.000",
            "-x \"quoted' $HOME `id`\n&lt;b&gt; [[ {language}",
        ),
        ("00:11.000 --> 00:12.600", "Faster"),
        ("00:15.000 --> 00:16.000", "Too long"),
        ("00:17.000 --> 00:20.000", &long),
        ("00:20.500 --> 00:23.000", "A name"),
        ("00:02.500 --> 00:03.500", "Cut"),
    ];
    let cues: String = cues
        .iter()
        .map(|(time, text)| format!("\n{time}\n{text}\n"))
        .collect();
    place.write("OUT/drafts/descriptions.en.vtt", &format!("WEBVTT\n{cues}"));
    let speak = ["speak-command=sh say.sh"];
    let ended = package(&place, &speak);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let samples = described(&place);

    // The cut moves everything by 2 s. The second text is spoken faster, 2 s in 1.6 s.
    let parts = heard(&samples);
    assert_eq!(parts.len(), 2, "{parts:?}");
    for ((start, end), (from, to)) in parts.iter().zip([(3.0, 5.0), (9.0, 10.6)]) {
        assert_near(*start, from, 0.06, "start of the voice");
        assert_near(*end, to, 0.08, "end of the voice");
    }
    let before = level(&samples, CLASS, 2.6);
    for (second, change) in [
        (2.7, 0.0),
        (2.9, -6.0),
        (3.1, -12.0),
        (4.0, -12.0),
        (4.9, -12.0),
        (5.1, -6.0),
        (5.3, 0.0),
        (7.0, 0.0),
        (9.8, -12.0),
        (13.5, 0.0),
    ] {
        assert_near(
            level(&samples, CLASS, second) - before,
            change,
            1.0,
            &second.to_string(),
        );
    }
    // Texts are only on the input, each on one line; what is cut, muted or far too long is not spoken.
    let said = place.read("said.txt");
    let expected = "-x \"quoted' $HOME `id` <b> [[ {language}\nFaster\nToo long\n";
    assert_eq!(said, expected);

    let manifest = place.manifest();
    let spoken = &manifest["spoken"][0];
    assert_eq!(spoken["file"], "descriptions.en.vtt");
    assert_eq!(
        (&spoken["spoken"], &spoken["faster"]),
        (&2.into(), &1.into())
    );
    let extended = spoken["extended"].as_array().expect("a list");
    let starts: Vec<_> = extended
        .iter()
        .map(|entry| entry["start"].as_f64())
        .collect();
    assert_eq!(starts, [Some(13.0), Some(15.0)]);
    assert_near(
        extended[0]["needs"].as_f64().unwrap_or_default(),
        2.0,
        0.05,
        "needs",
    );
    assert!(
        ended.err.contains("marked for extended description"),
        "{}",
        ended.err.len()
    );
    let missing = &manifest["missing"]["AA"].to_string();
    assert!(
        missing.contains("nobody has approved descriptions.en.vtt"),
        "{missing}"
    );
    assert!(!missing.contains("no audio description"), "{missing}");

    // The same again encodes nothing and keeps the list.
    let again = place.done(&[
        "package",
        "input=class.mp4",
        "preset=ultrafast",
        "ladder=120",
        "loudness=off",
        "speak=true",
        speak[0],
    ]);
    assert_eq!(
        (&again["spoken"], &again["extended"]),
        (&2.into(), &2.into())
    );
    assert_eq!(place.read("said.txt"), said);

    // A recorded file takes its place.
    place.ffmpeg(&[&[
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=880:duration=24",
        "own.ogg",
    ]]);
    let ended = package(&place, &[speak[0], "descriptions.en=own.ogg"]);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert_eq!(place.manifest()["spoken"], Value::Null);
    assert_eq!(heard(&described(&place)), []);
}

#[test]
fn descriptions_are_whole_before_the_audio_begins_and_after_it_ends() {
    let place = class();
    place.ffmpeg(&[
        &["-f", "lavfi", "-t", "12", "-i", PICTURE],
        &["-itsoffset", "2", "-f", "lavfi", "-t", "4", "-i", SOUND],
        H264,
        OPUS,
        &["class.mkv"],
    ]);
    place.write(
        "OUT/drafts/trim.vtt",
        "WEBVTT\n\n00:00.000 --> 00:12.000\nkeep\n",
    );
    place.write(
        "OUT/drafts/descriptions.en.vtt",
        "WEBVTT\n\n00:00.500 --> 00:03.000\nFirst\n\n00:08.000 --> 00:10.500\nLast\n",
    );
    let mkv = ["input=class.mkv", "speak-command=sh say.sh"];
    let ended = package(&place, &mkv);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let parts = heard(&described(&place));
    assert_eq!(parts.len(), 2, "{parts:?}");
    for ((start, end), (from, to)) in parts.iter().zip([(0.5, 2.5), (8.0, 10.0)]) {
        assert_near(*start, from, 0.06, "start of the voice");
        assert_near(*end, to, 0.06, "end of the voice");
    }
}

#[test]
fn a_program_that_does_not_speak_is_one_error() {
    let place = class();
    place.write(
        "OUT/drafts/descriptions.en.vtt",
        "WEBVTT\n\n00:05.000 --> 00:08.000\nA map\n",
    );
    place.ffmpeg(&[&["-f", "lavfi", "-i", "anullsrc", "-t", "1", "silence.wav"]]);
    place.write("cut.wav", "RIFF\0\0\0\0WAVE");
    for (command, says) in [
        (
            "no-such-program --loud",
            "there is no program no-such-program",
        ),
        ("sleep 60", "took longer than 1 s"),
        ("sh -c 'echo no voice >&2; exit 3'", "no voice"),
        ("cat", "wrote no WAV file"),
        ("cat cut.wav", ""),
        ("cat silence.wav", "only silence"),
        ("true", "wrote no WAV file"),
        ("''", "name a program"),
        ("say 'it", "close the quotes"),
    ] {
        let command = format!("speak-command={command}");
        let ended = package(&place, &[&command, "speak-timeout=1"]);
        let status = if says.starts_with("name") || says.starts_with("close") {
            2
        } else {
            1
        };
        ended.failed(status, &[says]);
        assert!(!place.path("OUT/package").exists(), "{command}");
        assert!(!place.path("OUT/.drafts.new").exists(), "{command}");
    }
    let ended = place
        .command(&["package", "input=class.mp4", "ladder=120", "speak=true"])
        .env("PATH", place.path("nothing"))
        .output()
        .expect("the program runs");
    let err = String::from_utf8_lossy(&ended.stderr);
    assert!(err.contains("apt-get install espeak-ng"), "{err}");
}

fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}

/// Spans of a list in `analysis.json`, in seconds.
fn spans(list: &Value) -> Vec<(f64, f64)> {
    let second = |value: &Value| value.as_f64().expect("seconds");
    let spans = list.as_array().into_iter().flatten();
    spans
        .map(|span| (second(&span["start"]), second(&span["end"])))
        .collect()
}

#[test]
fn slides_that_nobody_names_are_drafted_in_pauses_and_spoken_there() {
    if !has("tesseract") || !has("espeak-ng") {
        return;
    }
    let place = Place::new();
    let sample = sample().display().to_string();
    let clip = ["-ss", "50", "-t", "50", "-c", "copy", "clip.mkv"];
    place.ffmpeg(&[&["-i", &sample], &clip]);
    let input = "input=clip.mkv";
    let analyse = ["analyse", input, "descriptions=true", "titles=ocr"];
    place
        .lecture(&analyse)
        .failed(2, &["language of the descriptions", "language=en"]);
    let ended = place.lecture(&[&analyse[..], &["language=en"]].concat());
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(ended.err.contains("there is no transcript"), "{ended:?}");
    let draft = place.read("OUT/drafts/descriptions.en.vtt");
    assert!(draft.contains("status: draft"), "{draft}");
    let cues: Vec<(f64, f64)> = draft
        .lines()
        .filter_map(|line| line.split_once(" --> "))
        .map(|(start, end)| (seconds(start), seconds(end)))
        .collect();
    assert!(draft.contains("\nSlide: ") && !cues.is_empty(), "{draft}");
    let analysis = json(&place.path("OUT/drafts/analysis.json"));
    let is_extended = draft.contains("extended description");
    for (start, end) in &cues {
        let mut speech = spans(&analysis["speech"]).into_iter();
        let over = speech.find(|speech| speech.0 < *end && *start < speech.1);
        assert!(over.is_none() || is_extended, "{start} {end} {over:?}");
    }

    // A person's text is spoken by espeak-ng, inside its pause.
    let pause = longest_pause(&analysis);
    let times = format!("{} --> {}", clock(pause.0 + 0.2), clock(pause.1 - 0.2));
    let note = "WEBVTT\n\nNOTE\nstatus: approved\nby: Ada\n\n";
    let over = "00:30.000 --> 00:31.000\nOver speech\n\n";
    place.write(
        "OUT/drafts/descriptions.en.vtt",
        &format!("{note}{times}\nSlide: A map\n\n{over}"),
    );
    place.write(
        "OUT/drafts/trim.vtt",
        "WEBVTT\n\n00:00.000 --> 00:50.000\nkeep\n",
    );
    let fixed = [
        "preset=ultrafast",
        "ladder=120",
        "loudness=off",
        "speak=true",
    ];
    let done = place.done(&[&["package", input][..], &fixed].concat());
    assert_eq!((&done["spoken"], &done["extended"]), (&1.into(), &1.into()));
    let with = described(&place);
    let manifest = place.manifest();
    let main = manifest["audio"][0]["playlist"].as_str().expect("a path");
    let without = samples(&place.path("OUT/package").join(main), "anull");
    let without: Vec<f64> = without
        .iter()
        .map(|sample| f64::from(*sample) / 32768.0)
        .collect();
    let mut heard: f64 = -120.0;
    let mut tenth = 0.5;
    while tenth < 49.0 {
        let (with, without) = (loudness(&with, tenth), loudness(&without, tenth));
        let is_spoken = tenth > pause.0 + 0.3 && tenth < pause.0 + 0.8;
        let is_lowered = tenth > pause.0 - 0.1 && tenth < pause.1 + 0.1;
        if is_spoken {
            heard = heard.max(with);
        } else if !is_lowered && without > -40.0 {
            assert_near(with, without, 1.5, &tenth.to_string());
        }
        tenth += 0.1;
    }
    assert!(heard > -40.0, "{heard} dB");
    let missing = manifest["missing"]["AA"].to_string();
    assert!(!missing.contains("descri"), "{missing}");
}

/// The level in dB of a part of 100 ms in the middle of which this second is.
fn loudness(samples: &[f64], second: f64) -> f64 {
    let from = ((second - 0.05) * RATE as f64) as usize;
    let part = samples.get(from..from + RATE / 10).unwrap_or_default();
    let squares: f64 = part.iter().map(|sample| sample * sample).sum();
    10.0 * (squares / (RATE / 10) as f64).max(1e-12).log10()
}

/// The longest pause between two spans of speech.
fn longest_pause(analysis: &Value) -> (f64, f64) {
    let speech = spans(&analysis["speech"]);
    let pauses = speech.windows(2).map(|pair| (pair[0].1, pair[1].0));
    pauses
        .max_by(|one, other| (one.1 - one.0).total_cmp(&(other.1 - other.0)))
        .expect("a pause")
}

fn clock(seconds: f64) -> String {
    format!("{:02}:{:06.3}", (seconds / 60.0) as u32, seconds % 60.0)
}

fn seconds(clock: &str) -> f64 {
    let part = |text: &str| text.parse::<f64>().expect("a time");
    clock
        .split(':')
        .fold(0.0, |sum, text| 60.0 * sum + part(text))
}
