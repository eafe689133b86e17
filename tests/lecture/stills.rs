// SPDX-License-Identifier: MPL-2.0

//! Poster and thumbnails show the published frames.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::place::Place;

/// The colour of a picture, or of a part of it, as the three parts of RGB are over 128.
fn colour(picture: &Path, part: &str) -> [bool; 3] {
    let read = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(picture)
        .args([
            "-vf",
            &format!("{part}scale=1:1:flags=area"),
            "-f",
            "rawvideo",
        ])
        .args(["-pix_fmt", "rgb24", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(read.stderr.is_empty(), "{picture:?}: {read:?}");
    [0, 1, 2].map(|part| read.stdout[part] > 128)
}

#[test]
fn still_pictures_show_what_is_published() {
    const GREEN: [bool; 3] = [false, true, false];
    const BLUE: [bool; 3] = [false, false, true];
    let place = Place::new();
    let part = |colour: &str, seconds: u32| {
        format!("color=0x{colour}:s=640x360:r=10:d={seconds},drawgrid=w=20:h=90:c=white@0.9")
    };
    let (red, green, blue) = (part("FF0000", 8), part("00FF00", 10), part("0000FF", 13));
    place.ffmpeg(&[
        &["-f", "lavfi", "-i", &red, "-f", "lavfi", "-i", &green],
        &["-f", "lavfi", "-i", &blue],
        &[
            "-filter_complex",
            "concat=n=3",
            "-c:v",
            "libx264",
            "class.mkv",
        ],
    ]);
    place.write(
        "OUT/drafts/trim.vtt",
        "WEBVTT\n\n00:00.000 --> 00:08.000\ncut: silence\n",
    );
    let chapters = |second: &str| {
        format!("WEBVTT\n\n00:00.000 --> {second}\nGreen\n\n{second} --> 00:31.000\nSecond\n")
    };
    let job = [
        "package",
        "input=class.mkv",
        "preset=ultrafast",
        "keyframe-interval=1",
    ];
    place.write("OUT/drafts/chapters.vtt", &chapters("00:18.000"));
    place.done(&job);
    let package = place.path("OUT/package");
    let manifest = || -> Value {
        serde_json::from_str(&place.read("OUT/package/manifest.json")).expect("JSON")
    };
    let image_of = |chapter: usize| {
        let json: Value =
            serde_json::from_str(&place.read("OUT/package/chapters.json")).expect("JSON");
        let image = &json[chapter]["images"][0];
        assert_eq!(
            (&image["pixel-width"], &image["pixel-height"]),
            (&640.into(), &360.into())
        );
        assert_eq!(image["url"], manifest()["chapters"][chapter]["image"]);
        package.join(image["url"].as_str().expect("a path"))
    };
    assert_eq!(colour(&image_of(0), ""), GREEN);
    assert_eq!(colour(&image_of(1), ""), BLUE);
    let poster = package.join("thumbnails/poster.jpg");
    assert!([GREEN, BLUE].contains(&colour(&poster, "")));

    // Every tile shows what is seen at its time, and nothing shows what was cut.
    let track = place.read("OUT/package/thumbnails/thumbnails.vtt");
    let document = gstlecture::webvtt::read(track.as_bytes()).expect("WebVTT");
    let mut end = 0.0;
    for cue in document.cues() {
        let (start, text) = (cue.span.start.secs_f64(), cue.plain_text());
        assert!((start - end).abs() < 0.001, "{track}");
        end = cue.span.end.secs_f64();
        let (sheet, at) = text.split_once("#xywh=").expect("a place in a sheet");
        let numbers: Vec<&str> = at.split(',').collect();
        let [x, y, width, height] = numbers[..] else {
            panic!("{at}");
        };
        let part = format!("crop={width}:{height}:{x}:{y},");
        let seen = colour(&package.join("thumbnails").join(sheet), &part);
        assert_eq!(seen, if start < 10.0 { GREEN } else { BLUE }, "{start}");
    }
    assert!((end - 23.0).abs() < 0.05, "{track}");

    // A chapter that starts elsewhere has another picture, and nothing is encoded for it.
    let before = place.files("OUT/package");
    let old = image_of(1);
    place.write("OUT/drafts/chapters.vtt", &chapters("00:14.000"));
    place.done(&job);
    assert_eq!(colour(&image_of(1), ""), GREEN);
    assert!(!old.exists());
    let after = place.files("OUT/package");
    for (path, file) in &before {
        if path.starts_with(package.join("video")) || *path == poster {
            assert_eq!(after.get(path), Some(file), "{path:?}");
        }
    }
}
