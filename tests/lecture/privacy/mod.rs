// SPDX-License-Identifier: MPL-2.0

//! Nothing of what a cut list cuts, mutes or covers is in a package, and all beside it is.

mod class;

use std::f64::consts::TAU;
use std::fs;
use std::path::{Path, PathBuf};

use crate::harness::{self, done, lecture, said, tool};
use crate::privacy::class::{CHAPTERS, Class, PRIVATE, PUBLIC, holds, text};

const SIZE: (usize, usize) = (32, 18);

/// What a picture of the recording shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    /// Two slides.
    Green,
    Blue,
    Card,
    /// Of what is cut or covered.
    Private,
}

/// The pictures of a file or playlist, made small.
fn pictures(path: &Path) -> Vec<Vec<u8>> {
    let (width, height) = SIZE;
    let scale = format!("scale={width}:{height}:flags=area");
    let bytes = tool(
        "ffmpeg",
        &[
            "-i",
            text(path),
            "-map",
            "0:v:0",
            "-fps_mode",
            "passthrough",
            "-vf",
            &scale,
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-",
        ],
    );
    bytes
        .chunks(width * height * 3)
        .map(<[u8]>::to_vec)
        .collect()
}

fn seen(pixel: &[u8]) -> Seen {
    match pixel {
        [r, g, b] if [r, g, b].iter().all(|part| (25..80).contains(*part)) => Seen::Card,
        [0..70, 90..170, 0..70] => Seen::Green,
        [0..70, 0..70, 170..=255] => Seen::Blue,
        _ => Seen::Private,
    }
}

/// What most of a picture shows; anything private in it is all that counts.
fn shows(picture: &[u8]) -> Seen {
    let pixels: Vec<Seen> = picture.chunks(3).map(seen).collect();
    match pixels.contains(&Seen::Private) {
        true => Seen::Private,
        false => pixels[pixels.len() / 2],
    }
}

/// What the package shows at a time of the recording.
fn wanted(source: f64) -> Seen {
    match source {
        ..3.0 => Seen::Card,
        ..7.5 => Seen::Green,
        ..8.0 => Seen::Blue,
        // The blue slide lies too near to stand for what is covered.
        ..12.0 => Seen::Green,
        ..14.0 => Seen::Blue,
        ..15.0 => Seen::Card,
        _ => Seen::Blue,
    }
}

/// The sound of a file or playlist: mono, 48 kHz.
fn sound(path: &Path) -> Vec<f64> {
    let samples = harness::samples(path, "anull").into_iter();
    samples.map(|sample| f64::from(sample) / 32_768.0).collect()
}

/// How loud a tone is in a part of a sound, 1 for full level (Goertzel).
fn level(samples: &[f64], frequency: f64) -> f64 {
    let turn = 2.0 * (TAU * frequency / 48_000.0).cos();
    let (mut before, mut last) = (0.0, 0.0);
    for sample in samples {
        (before, last) = (last, sample + turn * last - before);
    }
    let power: f64 = before * before + last * last - turn * before * last;
    2.0 * power.max(0.0).sqrt() / samples.len() as f64
}

/// The loudest that a tone gets in any 20 ms.
fn loudest(samples: &[f64], frequency: f64) -> f64 {
    let parts = samples.windows(960).step_by(480);
    parts.map(|part| level(part, frequency)).fold(0.0, f64::max)
}

fn part(samples: &[f64], from: f64, to: f64) -> &[f64] {
    &samples[(from * 48_000.0) as usize..(to * 48_000.0) as usize]
}

fn peak(samples: &[f64]) -> f64 {
    samples
        .iter()
        .fold(0.0, |loud: f64, sample| loud.max(sample.abs()))
}

#[test]
fn nothing_private_is_in_the_package() {
    let class = Class::new();
    // What is looked for can be found.
    let source = class.path("class.mkv");
    let found: Vec<Seen> = pictures(&source)
        .iter()
        .map(|picture| shows(picture))
        .collect();
    let private = found.iter().filter(|&&seen| seen == Seen::Private).count();
    assert_eq!((found.len(), private), (600, 25 * (2 + 1 + 4 + 1 + 2)));
    let loud = sound(&class.path("described.mka"));
    for tone in [440.0, 3000.0, 4000.0, 5000.0] {
        assert!(loudest(&loud, tone) > 0.05, "{tone} Hz");
    }

    let output = done(&class.job());
    for note in [
        "captions.en.vtt: cues left out because they touch a hidden passage: 2, the first in line",
        "captions.fr.vtt: cues left out because they touch a hidden passage: 1",
        "slides.en.vtt: cues left out because they touch a hidden passage: 1",
        "slides.fr.vtt is left out: it is not approved",
        "chapters.vtt: line 3: it may come from a hidden passage; the title is left out",
        "chapters.vtt: line 6: \"zebulon\" is said only in cut or hidden passages; the title is left out",
    ] {
        assert!(said(&output).contains(note), "{note}: {}", said(&output));
    }

    let files = class.files();
    for word in PRIVATE {
        for path in &files {
            assert!(!holds(path, word), "{word} in {path:?}");
        }
    }
    for word in PUBLIC {
        assert!(files.iter().any(|path| holds(path, word)), "{word}");
    }
    let chapters = fs::read_to_string(class.package().join("chapters.vtt")).expect("chapters");
    for title in ["Chapter 1", "Chapter 2", "Questions"] {
        assert!(chapters.contains(&format!("\n{title}\n")), "{chapters}");
    }

    for rendition in class.renditions("video") {
        let pictures = pictures(&rendition);
        assert_eq!(pictures.len(), 500, "{rendition:?}");
        for (index, picture) in pictures.iter().enumerate() {
            let at = 2.0 + index as f64 / 25.0;
            let source = if at < 18.0 { at } else { at + 2.0 };
            assert_eq!(shows(picture), wanted(source), "{rendition:?} at {source}");
        }
    }
    let stills: Vec<&PathBuf> = files
        .iter()
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with(".jpg") || name.contains("iframe")
        })
        .collect();
    // Poster, sheet, a picture a chapter, an I-frame playlist a rendition.
    assert!(stills.len() >= 6, "{stills:?}");
    for still in stills {
        for picture in pictures(still) {
            assert_ne!(shows(&picture), Seen::Private, "{still:?}");
        }
    }

    let renditions = class.renditions("audio");
    // Two of the recording, one described, the MP4.
    assert_eq!(renditions.len(), 4);
    for rendition in &renditions {
        let sound = sound(rendition);
        assert!(
            (sound.len() as f64 / 48_000.0 - 20.0).abs() < 0.1,
            "{rendition:?}"
        );
        for tone in [3000.0, 4000.0, 5000.0] {
            let level = loudest(&sound, tone);
            assert!(level < 0.003, "{rendition:?}: {tone} Hz at {level}");
        }
        let is_described = text(rendition).contains("descri");
        // In the package's time: silent spans, and the class beside them.
        let silent: &[(f64, f64)] = match is_described {
            true => &[(0.03, 0.97), (6.05, 9.95), (12.03, 12.97)],
            false => &[(7.03, 8.47)],
        };
        let heard: &[(f64, f64)] = match is_described {
            true => &[(1.05, 5.95), (10.05, 11.95), (13.05, 19.9)],
            false => &[(0.1, 6.95), (8.55, 19.9)],
        };
        for &(from, to) in silent {
            let loud = peak(part(&sound, from, to));
            assert!(loud < 0.002, "{rendition:?}: {from} to {to}: {loud}");
        }
        for &(from, to) in heard {
            let quietest = part(&sound, from, to)
                .windows(960)
                .step_by(960)
                .map(|part| level(part, 440.0))
                .fold(1.0, f64::min);
            assert!(quietest > 0.03, "{rendition:?}: {from} to {to}: {quietest}");
        }
    }
}

#[test]
fn what_is_hidden_later_is_taken_out_of_the_package() {
    let class = Class::new();
    let bare = "WEBVTT\n\n00:00.000 --> 00:02.000\ncut: lobby\n";
    class.write("OUT/drafts/trim.vtt", bare);
    done(&class.job());
    let again = done(&class.job());
    assert!(
        said(&again).contains("the media stay unchanged"),
        "{}",
        said(&again)
    );
    let old = class.renditions("audio");
    assert!(loudest(&sound(&old[0]), 3000.0) > 0.05);

    // A person approves the titles, then hides more.
    let approved = CHAPTERS.replacen("WEBVTT\n", "WEBVTT\n\nNOTE\nstatus: approved\n", 1);
    class.write("OUT/drafts/chapters.vtt", &approved);
    class.write(
        "OUT/drafts/trim.vtt",
        &format!("{bare}\n00:09.000 --> 00:10.500\nmute: a name\n"),
    );
    let muted = done(&class.job());
    assert!(
        said(&muted).contains("the title is kept because it is approved"),
        "{}",
        said(&muted)
    );
    for rendition in class.renditions("audio") {
        let loudest = peak(part(&sound(&rendition), 7.03, 8.47));
        assert!(loudest < 0.002, "{rendition:?}: {loudest}");
    }
    let shown = |at: usize| shows(&pictures(&class.renditions("video")[0])[at * 25]);
    assert_eq!(shown(8), Seen::Private);

    // Only the card is asked for now.
    let cover = |card: &str| {
        let cues = format!("{bare}\n00:08.000 --> 00:12.000\ncover: a face\n{card}");
        class.write("OUT/drafts/trim.vtt", &cues);
        done(&class.job());
        shown(8)
    };
    assert_eq!(cover(""), Seen::Green);
    assert_eq!(cover("card\n"), Seen::Card);

    let wrong = format!("{bare}\n00:20.000 --> 00:40.000\nmute: too late\n");
    class.write("OUT/drafts/trim.vtt", &wrong);
    let before = class.files();
    let refused = lecture(class.job());
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused)
            .contains("trim.vtt: line 6: the cue ends at 00:00:40.000, but the recording at"),
        "{}",
        said(&refused)
    );
    assert_eq!(class.files(), before);
}
