// SPDX-License-Identifier: MPL-2.0

//! Recordings as their producers write them: each becomes a package that ffmpeg plays without a
//! complaint. What a browser records is tested in tests/players.

mod odd;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::harness::{done, json, make, probe, tool, value};

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
