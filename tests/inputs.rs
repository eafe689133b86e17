// SPDX-License-Identifier: MPL-2.0

//! Recordings as their producers really write them: each becomes a package that ffmpeg plays
//! without a complaint. What a browser records is tested in tests/players.

#![cfg(feature = "plugin")]

mod support;

use std::path::{Path, PathBuf};

use support::{done, json, make, probe, tool, value};
use tempfile::TempDir;

/// What a package must hold.
struct Expected {
    /// Width and height of its largest rendition; none without a picture.
    picture: Option<(u64, u64)>,
    sounds: usize,
    seconds: f64,
}

/// Makes a package of `input` and has it read back by others.
fn check(input: &Path, expected: &Expected, more: &[&str]) {
    let out = TempDir::new().expect("a folder");
    let mut arguments = vec![
        "catalog".into(),
        value("input", input),
        value("output", out.path()),
        "preset=ultrafast".into(),
    ];
    arguments.extend(more.iter().map(Into::into));
    done(&arguments);
    let package = out.path().join("package");
    check_package(&package, expected);
}

fn check_package(package: &Path, expected: &Expected) {
    let manifest = json(&package.join("manifest.json"));
    let duration = manifest["duration"].as_f64().expect("a duration");
    assert!(
        (duration - expected.seconds).abs() < 0.3,
        "the package lasts {duration} s instead of {} s",
        expected.seconds
    );
    let master = package.join("master.m3u8");
    let found = probe(&master);
    let streams = found["streams"].as_array().expect("streams");
    let of = |kind: &str| {
        let kind = kind.to_owned();
        streams
            .iter()
            .filter(move |stream| stream["codec_type"] == kind.as_str())
    };
    let largest = of("video")
        .map(|stream| {
            let size = |key: &str| stream[key].as_u64().expect("a size");
            (size("width"), size("height"))
        })
        .max_by_key(|(width, height)| width * height);
    assert_eq!(largest, expected.picture, "the largest rendition");
    let sounds = playlists(&package.join("audio"));
    assert_eq!(sounds.len(), expected.sounds, "tracks of sound");
    let pictures = playlists(&package.join("video"));
    assert_eq!(pictures.is_empty(), expected.picture.is_none());
    // Whole, and each as long as the others.
    for playlist in sounds.iter().chain(&pictures) {
        let name = playlist.to_str().expect("a path in UTF-8");
        tool("ffmpeg", &["-xerror", "-i", name, "-f", "null", "-"]);
        let lasts: f64 = probe(playlist)["format"]["duration"]
            .as_str()
            .and_then(|text| text.parse().ok())
            .expect("a duration");
        assert!(
            (lasts - duration).abs() < 0.2,
            "{name} lasts {lasts} s of {duration} s"
        );
    }
}

/// The media playlists below a folder of the package, I-frame playlists left out.
fn playlists(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .flat_map(|rendition| std::fs::read_dir(rendition).expect("a rendition's folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "m3u8")
        })
        .filter(|path| {
            let text = std::fs::read_to_string(path).expect("a playlist");
            !text.contains("#EXT-X-I-FRAMES-ONLY")
        })
        .collect();
    found.sort();
    found
}

/// A test that makes an input with ffmpeg and packages it.
macro_rules! input {
    ($(#[$about:meta])* $name:ident, $file:expr, $ffmpeg:expr, $picture:expr, $sounds:expr, $seconds:expr) => {
        $(#[$about])*
        #[test]
        fn $name() {
            let folder = TempDir::new().expect("a folder");
            let file = folder.path().join($file);
            make(&file, $ffmpeg);
            let expected = Expected { picture: $picture, sounds: $sounds, seconds: $seconds };
            check(&file, &expected, &[]);
        }
    };
}

input!(
    h264_aac_mp4,
    "class.mp4",
    "-ss 30 -i {sample} -t 12 -vf scale=640:360 -c:v libx264 -preset ultrafast -c:a aac",
    Some((640, 360)),
    1,
    12.0
);
input!(
    matroska_h264_opus,
    "class.mkv",
    "-ss 30 -i {sample} -t 12 -vf scale=640:360 -c:v libx264 -preset ultrafast -c:a libopus",
    Some((640, 360)),
    1,
    12.0
);
input!(
    webm_vp9_opus,
    "class.webm",
    "-ss 30 -i {sample} -t 8 -vf scale=640:360 -c:v libvpx-vp9 -cpu-used 8 -deadline realtime -c:a libopus",
    Some((640, 360)),
    1,
    8.0
);
input!(
    audio_only,
    "class.m4a",
    "-ss 30 -i {sample} -t 12 -vn -c:a aac",
    None,
    1,
    12.0
);
input!(
    video_only,
    "class.mkv",
    "-ss 30 -i {sample} -t 12 -an -vf scale=640:360 -c:v libx264 -preset ultrafast",
    Some((640, 360)),
    0,
    12.0
);
input!(
    several_audio_tracks,
    "class.mkv",
    "-ss 30 -i {sample} -t 12 -map 0:v -map 0:a -map 0:a -vf scale=640:360 -c:v libx264 -preset ultrafast \
     -c:a libopus -metadata:s:a:0 language=eng -metadata:s:a:1 language=deu",
    Some((640, 360)),
    2,
    12.0
);
input!(
    surround,
    "class.mkv",
    "-ss 30 -i {sample} -t 10 -vf scale=640:360 -c:v libx264 -preset ultrafast -af aformat=channel_layouts=5.1 -c:a aac",
    Some((640, 360)),
    1,
    10.0
);
input!(
    /// As a recorder that was started before the class leaves it.
    first_timestamp_not_zero,
    "class.mkv",
    "-ss 30 -i {sample} -t 10 -vf scale=640:360 -c:v libx264 -preset ultrafast -c:a libopus -output_ts_offset 1234.5",
    Some((640, 360)),
    1,
    10.0
);
input!(
    audio_starts_800_ms_after_video,
    "class.mkv",
    "-ss 30 -i {sample} -itsoffset 0.8 -ss 30 -i {sample} -t 12 -map 0:v -map 1:a -vf scale=640:360 \
     -c:v libx264 -preset ultrafast -c:a libopus",
    Some((640, 360)),
    1,
    12.0
);
input!(
    gap_in_video,
    "class.mkv",
    "-ss 30 -i {sample} -t 14 -vf scale=640:360,select='not(between(t,5,8.5))' -fps_mode vfr \
     -c:v libx264 -preset ultrafast -c:a libopus",
    Some((640, 360)),
    1,
    14.0
);
input!(
    gap_in_audio,
    "class.mkv",
    "-ss 30 -i {sample} -t 14 -vf scale=640:360 -c:v libx264 -preset ultrafast \
     -af aselect='not(between(t,5,8.5))' -c:a libopus",
    Some((640, 360)),
    1,
    14.0
);
input!(
    frames_29_97,
    "class.mp4",
    "-ss 30 -i {sample} -t 10 -vf scale=640:360 -r 30000/1001 -c:v libx264 -preset ultrafast -c:a aac",
    Some((640, 360)),
    1,
    10.0
);
input!(
    frames_60,
    "class.mp4",
    "-ss 30 -i {sample} -t 10 -vf scale=640:360 -r 60 -c:v libx264 -preset ultrafast -c:a aac",
    Some((640, 360)),
    1,
    10.0
);
input!(
    frames_25,
    "class.mp4",
    "-ss 30 -i {sample} -t 10 -vf scale=640:360 -r 25 -c:v libx264 -preset ultrafast -c:a aac",
    Some((640, 360)),
    1,
    10.0
);
input!(
    /// As OBS leaves it: no header says how long it is.
    fragmented_mp4,
    "class.mp4",
    "-ss 30 -i {sample} -t 14 -vf scale=640:360 -r 25 -g 75 -c:v libx264 -preset ultrafast -c:a aac \
     -movflags +frag_keyframe+empty_moov",
    Some((640, 360)),
    1,
    14.0
);
input!(
    /// As a server's recorder leaves it that was stopped by force.
    matroska_written_live,
    "class.mkv",
    "-ss 30 -i {sample} -t 14 -vf scale=640:360 -r 25 -g 75 -c:v libx264 -preset ultrafast -c:a aac \
     -live 1",
    Some((640, 360)),
    1,
    14.0
);
input!(
    /// As a camcorder leaves it: the sound lies in a form within a form.
    avchd,
    "class.mts",
    "-ss 30 -i {sample} -t 8 -vf scale=640:360 -r 25 -c:v libx264 -preset ultrafast -c:a ac3 \
     -mpegts_m2ts_mode 1 -f mpegts",
    Some((640, 360)),
    1,
    8.0
);
input!(
    dvd,
    "class.vob",
    "-ss 30 -i {sample} -t 8 -vf scale=640:360 -r 25 -c:v mpeg2video -q:v 3 -c:a ac3",
    Some((640, 360)),
    1,
    8.0
);
input!(
    five_seconds,
    "class.mkv",
    "-ss 30 -i {sample} -t 5 -vf scale=640:360 -c:v libx264 -preset ultrafast -c:a libopus",
    Some((640, 360)),
    1,
    5.0
);
input!(
    eight_megabit,
    "class.mp4",
    "-ss 30 -i {sample} -t 10 -vf noise=alls=40:allf=t,format=yuv420p -c:v libx264 -preset ultrafast \
     -b:v 10M -minrate 10M -maxrate 10M -bufsize 10M -c:a aac",
    Some((1280, 720)),
    1,
    10.0
);
input!(
    four_to_three,
    "class.mkv",
    "-ss 30 -i {sample} -t 8 -vf scale=640:480 -c:v libx264 -preset ultrafast -c:a libopus",
    Some((640, 480)),
    1,
    8.0
);
input!(
    smaller_than_the_smallest_rung,
    "class.mkv",
    "-ss 30 -i {sample} -t 8 -vf scale=320:240 -c:v libx264 -preset ultrafast -c:a libopus",
    Some((320, 240)),
    1,
    8.0
);
input!(
    /// A laptop's screen: the ladder stops below it, its aspect is kept.
    width_1366,
    "class.mkv",
    "-ss 30 -i {sample} -t 8 -vf scale=1366:768 -c:v libx264 -preset ultrafast -c:a libopus",
    Some((1280, 720)),
    1,
    8.0
);

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
        let samples = support::samples(&sound, &format!("pan=mono|c0={side}"));
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
    let data = support::sample().parent().expect("a folder").to_owned();
    let truth = json(&data.join("sample.truth.json"));
    let out = TempDir::new().expect("a folder");
    done(&[
        "catalog".into(),
        value("input", &support::sample()),
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
