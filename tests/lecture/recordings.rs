// SPDX-License-Identifier: MPL-2.0

//! Recordings of all kinds, made by ffmpeg, become packages, read back with ffprobe.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::harness::place::{AAC, H264, OPUS, PICTURE, Place, SOUND, probe, span, streams};

/// A recording and what its package must hold.
pub struct Case {
    name: &'static str,
    make: &'static [&'static [&'static str]],
    picture: Option<(u64, u64, &'static str)>,
    audio: usize,
    /// In seconds; the longest stream.
    length: f64,
}

pub const fn case(
    name: &'static str,
    make: &'static [&'static [&'static str]],
    picture: Option<(u64, u64, &'static str)>,
    audio: usize,
    length: f64,
) -> Case {
    Case {
        name,
        make,
        picture,
        audio,
        length,
    }
}

const VIDEO_5: &[&str] = &["-f", "lavfi", "-t", "5", "-i", PICTURE];

const AUDIO_5: &[&str] = &["-f", "lavfi", "-t", "5", "-i", SOUND];

const CASES: &[Case] = &[
    case(
        "h264 aac.mp4",
        &[VIDEO_5, AUDIO_5, H264, AAC],
        Some((320, 240, "25/1")),
        1,
        5.0,
    ),
    case(
        "h264 opus.mkv",
        &[VIDEO_5, AUDIO_5, H264, OPUS],
        Some((320, 240, "25/1")),
        1,
        5.0,
    ),
    case("audio only.mka", &[AUDIO_5, OPUS], None, 1, 5.0),
    case(
        "video only.mp4",
        &[VIDEO_5, H264],
        Some((320, 240, "25/1")),
        0,
        5.0,
    ),
    case(
        "three tracks.mkv",
        &[
            VIDEO_5,
            AUDIO_5,
            AUDIO_5,
            AUDIO_5,
            &["-map", "0", "-map", "1", "-map", "2", "-map", "3"],
            &[
                "-metadata:s:a:0",
                "language=eng",
                "-metadata:s:a:1",
                "language=deu",
            ],
            &["-metadata:s:a:2", "language=fra"],
            H264,
            AAC,
        ],
        Some((320, 240, "25/1")),
        3,
        5.0,
    ),
    case("surround.m4a", &[AUDIO_5, &["-ac", "6"], AAC], None, 1, 5.0),
    case(
        "first timestamp not zero.mkv",
        &[VIDEO_5, AUDIO_5, H264, OPUS, &["-output_ts_offset", "7"]],
        Some((320, 240, "25/1")),
        1,
        5.0,
    ),
    case(
        "audio 800 ms late.mp4",
        &[VIDEO_5, &["-itsoffset", "0.8"], AUDIO_5, H264, AAC],
        Some((320, 240, "25/1")),
        1,
        5.8,
    ),
    case(
        "gaps.mkv",
        &[
            VIDEO_5,
            AUDIO_5,
            &["-vf", "select='lt(t,1)+gt(t,3.5)'", "-vsync", "vfr"],
            &["-af", "aselect='lt(t,2)+gt(t,4)'"],
            H264,
            OPUS,
        ],
        Some((320, 240, "25/1")),
        1,
        5.0,
    ),
    case(
        "15 fps.mp4",
        &[
            &[
                "-f",
                "lavfi",
                "-t",
                "5",
                "-i",
                "testsrc2=size=320x240:rate=15",
            ],
            AUDIO_5,
            H264,
            AAC,
        ],
        Some((320, 240, "15/1")),
        1,
        5.0,
    ),
    case(
        "29.97 fps.mp4",
        &[
            &[
                "-f",
                "lavfi",
                "-t",
                "5",
                "-i",
                "testsrc2=size=320x240:rate=30000/1001",
            ],
            AUDIO_5,
            H264,
            AAC,
        ],
        Some((320, 240, "30000/1001")),
        1,
        5.0,
    ),
    case(
        "60 fps.mp4",
        &[
            &[
                "-f",
                "lavfi",
                "-t",
                "5",
                "-i",
                "testsrc2=size=320x240:rate=60",
            ],
            AUDIO_5,
            H264,
            AAC,
        ],
        Some((320, 240, "30/1")),
        1,
        5.0,
    ),
    case(
        "wide pixels.mp4",
        &[VIDEO_5, AUDIO_5, &["-vf", "setsar=4/3"], H264, AAC],
        Some((426, 240, "25/1")),
        1,
        5.0,
    ),
    case(
        "interlaced.mkv",
        &[
            &[
                "-f",
                "lavfi",
                "-t",
                "5",
                "-i",
                "testsrc2=size=320x240:rate=50",
            ],
            AUDIO_5,
            &["-vf", "interlace", "-flags", "+ilme+ildct"],
            H264,
            AAC,
        ],
        Some((320, 240, "25/1")),
        1,
        5.0,
    ),
    case(
        "names \"quoted\" it's 100 % $HOME !x Übung 講義.mp4",
        &[VIDEO_5, AUDIO_5, H264, AAC],
        Some((320, 240, "25/1")),
        1,
        5.0,
    ),
];

/// The package has what the recording has, over its whole length.
pub fn is_packaged(place: &Place, folder: &str, case: &Case) {
    let package = place.path(folder).join("package");
    let probed = probe(&package.join("master.m3u8"));
    let video = streams(&probed, "video");
    match case.picture {
        Some((width, height, rate)) => {
            let top = video
                .first()
                .unwrap_or_else(|| panic!("{}: no video", case.name));
            assert_eq!(top["width"], width, "{}", case.name);
            assert_eq!(top["height"], height, "{}", case.name);
            assert_eq!(top["r_frame_rate"], rate, "{}", case.name);
            assert_eq!(top["sample_aspect_ratio"], "1:1", "{}", case.name);
        }
        None => assert!(video.is_empty(), "{}", case.name),
    }
    let manifest: Value =
        serde_json::from_slice(&fs::read(package.join("manifest.json")).expect("a manifest"))
            .expect("JSON");
    let audio = manifest["audio"].as_array().expect("a list");
    assert_eq!(audio.len(), case.audio, "{}", case.name);
    let mut longest = 0.0f64;
    for rendition in audio
        .iter()
        .chain(manifest["video"].as_array().expect("a list"))
    {
        let playlist = rendition["playlist"].as_str().expect("a path");
        longest = longest.max(span(&package.join(playlist)).1);
    }
    assert!(
        (longest - case.length).abs() < 0.15,
        "{}: {longest} s",
        case.name
    );
    let duration = manifest["duration"].as_f64().expect("a number");
    assert!(
        (duration - longest).abs() < 0.1,
        "{}: {duration} s",
        case.name
    );
}

#[test]
fn recordings_of_all_kinds_become_packages() {
    let place = Place::new();
    for case in CASES {
        place.ffmpeg(&[case.make, &[&[case.name]]].concat());
        let output = format!("output={}", case.name.replace('.', " "));
        let input = format!("input={}", case.name);
        place.done(&["catalog", &input, &output, "preset=ultrafast"]);
        is_packaged(&place, &case.name.replace('.', " "), case);
    }
    let tracks: Value =
        serde_json::from_str(&place.read("three tracks mkv/package/manifest.json")).expect("JSON");
    let languages: Vec<&Value> = tracks["audio"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|audio| &audio["language"])
        .collect();
    assert_eq!(languages, ["en", "de", "fr"]);
}

#[test]
fn a_phones_video_stands_upright() {
    let place = Place::new();
    place.recording("lying.mp4", "2");
    place.ffmpeg(&[&[
        "-i",
        "lying.mp4",
        "-c",
        "copy",
        "-metadata:s:v:0",
        "rotate=90",
        "phone.mp4",
    ]]);
    place.done(&["package", "input=phone.mp4"]);
    let probed = probe(&place.path("OUT/package/master.m3u8"));
    let video = streams(&probed, "video");
    assert_eq!(video[0]["width"], 240);
    assert_eq!(video[0]["height"], 320);
}

#[test]
fn sound_that_starts_late_stays_late() {
    let place = Place::new();
    place.ffmpeg(&[
        VIDEO_5,
        &["-itsoffset", "0.8"],
        AUDIO_5,
        H264,
        AAC,
        &["late.mp4"],
    ]);
    place.done(&["package", "input=late.mp4"]);
    let video = span(&place.path("OUT/package/video/240p/playlist.m3u8"));
    let audio = span(&place.path("OUT/package/audio/main/playlist.m3u8"));
    assert!(video.0.abs() < 0.04, "{video:?}");
    // Players want sound over the whole programme: silence comes before it.
    assert!(audio.0.abs() < 0.04, "{audio:?}");
    assert!((audio.1 - 5.8).abs() < 0.04, "{audio:?}");
    let heard = Command::new("ffmpeg")
        .args(["-nostdin", "-i"])
        .arg(place.path("OUT/package/audio/main/playlist.m3u8"))
        .args([
            "-af",
            "silencedetect=noise=-60dB:duration=0.3",
            "-f",
            "null",
            "-",
        ])
        .output()
        .expect("ffmpeg is installed");
    let heard = String::from_utf8_lossy(&heard.stderr);
    let silent_until: Vec<f64> = heard
        .split("silence_end: ")
        .skip(1)
        .filter_map(|found| found.split_whitespace().next()?.parse().ok())
        .collect();
    assert!(
        matches!(silent_until[..], [end] if (end - 0.8).abs() < 0.04),
        "{heard}"
    );
}
