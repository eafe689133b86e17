// SPDX-License-Identifier: MPL-2.0

//! Recordings with odd timing, channels, rotation or names.

use tempfile::TempDir;

use super::{Expected, check, check_package, playlists};
use crate::harness::{self, done, json, make, tool, value};

/// Sound that begins long after its picture, or is missing for minutes, beside a picture of many
/// megabytes: the analysis reads little of a file ahead, and waits for neither.
#[test]
fn sound_far_from_its_picture_is_heard() {
    const PICTURE: &str =
        "-f lavfi -i testsrc2=size=640x360:rate=5:duration=190,noise=alls=60:allf=t";
    const CODED: &str = "-map 0:v -map 1:a -c:v libx264 -preset ultrafast -b:v 2M -c:a copy";
    // Between these seconds nobody speaks, or nothing is there at all.
    for (sound, silent) in [
        ("-itsoffset 20 -ss 60 -t 40 -i {sample}", 0.0..12.0),
        (
            "-ss 60 -t 40 -i {sample} -bsf:a setts=ts='if(gte(TS*TB,20),TS+150/TB,TS)'",
            28.5..177.5,
        ),
    ] {
        let out = TempDir::new().expect("a folder");
        let file = out.path().join("class.mkv");
        make(&file, &format!("{PICTURE} {sound} {CODED}"));
        let job = [
            "analyse".into(),
            value("input", &file),
            value("output", out.path()),
        ];
        done(&job);
        let analysis = json(&out.path().join("drafts/analysis.json"));
        let seconds = |value: &serde_json::Value| value.as_f64().expect("seconds");
        assert!(seconds(&analysis["input"]["seconds"]) > 189.0);
        let speech = analysis["speech"].as_array().expect("speech");
        let mut spoken = 0.0;
        for span in speech {
            let (start, end) = (seconds(&span["start"]), seconds(&span["end"]));
            assert!(end < silent.start || start > silent.end, "{start} to {end}");
            spoken += end - start;
        }
        assert!(spoken > 10.0, "{spoken} s of speech");
    }
}

/// Recorders of meetings write no pictures while nothing changes. What comes next is not seen before
/// its time.
#[test]
fn a_slide_after_a_hole_is_not_early() {
    const CHANGE: usize = 8;
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("class.mp4");
    make(
        &file,
        "-ss 30 -i {sample} -f lavfi -i color=black:size=320x180:rate=25 -t 10 -map 1:v -map 0:a \
         -vf drawbox=c=white:t=fill:enable='gte(t,8)',select='lt(t,1)+gte(t,8)' -fps_mode vfr \
         -c:v libx264 -preset ultrafast -c:a aac",
    );
    done(&[
        "catalog".into(),
        value("input", &file),
        value("output", folder.path()),
        "preset=ultrafast".into(),
    ]);
    let video = folder.path().join("package/video");
    let playlist = playlists(&video).pop().expect("a playlist");
    let name = playlist.to_str().expect("a path in UTF-8");
    let to_tenths = "fps=10,scale=1:1:flags=area,format=gray";
    let levels = tool(
        "ffmpeg",
        &[
            "-v", "error", "-i", name, "-vf", to_tenths, "-f", "rawvideo", "-",
        ],
    );
    assert!(levels.len() >= 10 * CHANGE + 15, "{}", levels.len());
    let change = levels.iter().position(|level| *level > 128);
    let change = change.expect("a white picture");
    assert!(
        change.abs_diff(10 * CHANGE) <= 1,
        "white after {change} tenths"
    );
}

/// Who speaks on one side is heard there.
#[test]
fn sound_of_one_side_stays_there() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("class.flac");
    make(
        &file,
        "-ss 30 -i {sample} -t 10 -vn -af pan=stereo|FL=c0 -c:a flac",
    );
    done(&[
        "catalog".into(),
        value("input", &file),
        value("output", folder.path()),
    ]);
    let sound = folder.path().join("package/audio/main/playlist.m3u8");
    let loudest = |side: &str| {
        let samples = harness::samples(&sound, &format!("pan=mono|c0={side}"));
        samples.into_iter().map(i16::unsigned_abs).max()
    };
    assert!(loudest("FL") > Some(3000), "{:?}", loudest("FL"));
    assert!(loudest("FR") < Some(100), "{:?}", loudest("FR"));
}

/// Pixels lie as the camera was held: the header says how to turn them.
#[test]
fn rotated_phone_video() {
    let folder = TempDir::new().expect("a folder");
    let (flat, turned) = (
        folder.path().join("flat.mp4"),
        folder.path().join("turned.mp4"),
    );
    make(
        &flat,
        "-ss 30 -i {sample} -t 10 -vf scale=640:360 -c:v libx264 -preset ultrafast -c:a aac",
    );
    make(
        &turned,
        &format!(
            "-i {} -c copy -metadata:s:v:0 rotate=90",
            flat.to_str().expect("a path in UTF-8")
        ),
    );
    let expected = Expected {
        picture: Some((360, 640)),
        sounds: 1,
        seconds: 10.0,
    };
    check(&turned, &expected, &[]);
}

/// Nothing in a name is taken for a part of a pipeline, a pattern or a shell's word.
#[test]
fn names_with_special_characters() {
    let folder = TempDir::new().expect("a folder");
    for name in [
        "a class.mkv",
        "it's \"the\" class.mkv",
        "100%d of $HOME !fakesink.mkv",
        "Vorlesung – 数学 é.mkv",
    ] {
        let file = folder.path().join(name);
        make(
            &file,
            "-ss 30 -i {sample} -t 5 -vf scale=320:180 -c:v libx264 -preset ultrafast -c:a libopus",
        );
        let output = folder.path().join(format!("out of {name}"));
        done(&[
            "catalog".into(),
            value("input", &file),
            value("output", &output),
            "preset=ultrafast".into(),
        ]);
        let expected = Expected {
            picture: Some((320, 180)),
            sounds: 1,
            seconds: 5.0,
        };
        check_package(&output.join("package"), &expected);
    }
}

/// The sample with its transcript: what people say before and after is gone, the class is not, and
/// its chapters have readable titles.
#[test]
fn sample_with_transcript() {
    let data = harness::sample().parent().expect("a folder").to_owned();
    let truth = json(&data.join("sample.truth.json"));
    let out = TempDir::new().expect("a folder");
    done(&[
        "catalog".into(),
        value("input", &harness::sample()),
        value("output", out.path()),
        value("transcript", &data.join("sample.vtt")),
        "language=en".into(),
        "preset=ultrafast".into(),
    ]);
    let seconds = |key: &str| truth[key].as_f64().expect("a time");
    let manifest = json(&out.path().join("package/manifest.json"));
    let duration = manifest["duration"].as_f64().expect("a duration");
    let class = seconds("class_end") - seconds("class_start");
    assert!(
        duration > class && duration < class + 5.0 + 8.0,
        "{duration} s are kept of a class of {class} s"
    );
    let chapters = json(&out.path().join("package/chapters.json"));
    let chapters = chapters["chapters"]
        .as_array()
        .or(chapters.as_array())
        .expect("chapters");
    assert!((2..=6).contains(&chapters.len()), "{chapters:?}");
    for chapter in chapters {
        let title = chapter["title"]
            .as_str()
            .or_else(|| chapter["titles"][0]["title"].as_str())
            .expect("a title");
        assert!(!title.is_empty() && title.chars().count() <= 49, "{title}");
    }
}
