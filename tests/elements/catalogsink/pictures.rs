// SPDX-License-Identifier: MPL-2.0

//! Key frames, sizes and rates of the video.

use std::fs;

use super::{Package, audio, decoded, package, probe, video};

#[test]
fn key_frames_before_an_encoder_says_anything_use_up_no_other() {
    let branches = video((1280, 720), "15/1", 75);
    for preset in ["ultrafast", "veryfast", "slow"] {
        let settings = format!("keyframe-interval=2 keyframe-times=0.4,1,1.2 preset={preset}");
        let package = package(&settings, &branches);
        for rung in ["720p", "540p", "360p"] {
            let keys = package.key_frames(&format!("video/{rung}/playlist.m3u8"));
            let wanted = [
                "0.000000", "0.400000", "1.000000", "1.200000", "2.000000", "4.000000",
            ];
            assert_eq!(keys, wanted, "{preset} {rung}");
        }
    }
}

#[test]
fn a_screen_keeps_its_size_at_every_rate() {
    // 29.97 frames a second fall beside the segments' starts, and the last of five a second is cut
    // short by the end.
    for (rate, shown) in [
        ("30/1", "FRAME-RATE=5,"),
        ("30000/1001", "FRAME-RATE=4.995,"),
    ] {
        let branches = video((640, 360), rate, 391) + &audio("audio_0", 13, 1);
        let package = package("ladder=screen keyframe-times=3.31,7.05", &branches);
        assert_eq!(package.findings(), [""; 0]);
        let names: Vec<_> = package
            .manifest()
            .video
            .into_iter()
            .map(|v| v.name)
            .collect();
        assert_eq!(names, ["360p", "360p5"]);
        let (all, few) = ("video/360p/playlist.m3u8", "video/360p5/playlist.m3u8");
        // Counted anew from each key frame, the sixth is shown.
        for (playlist, count) in [(all, 391), (few, 68)] {
            let fields = ["-show_entries", "stream=width,height"];
            let found = probe(&package.path(playlist), &fields);
            assert_eq!(found[0][..2], ["640", "360"]);
            assert_eq!(package.key_frames(playlist), package.key_frames(all));
            let packets = package.packets(playlist, "pts_time");
            assert_eq!(packets.len(), count);
        }
        let keys = package.key_frames(all);
        let keys: Vec<f64> = keys
            .iter()
            .map(|key| key.parse().expect("a time"))
            .collect();
        assert_eq!(keys.len(), 5, "{keys:?}");
        // A slide that changes between two pictures of the lower one is seen at once in both.
        for (key, asked) in keys.iter().zip([0.0, 3.31, 6.0, 7.05, 12.0]) {
            assert!((key - asked).abs() < 0.5 / 29.97 + 1e-6, "{keys:?}");
        }
        let listed = package.text("master.m3u8");
        assert!(listed.contains(shown), "{listed}");
        // A player that switches shows the same picture at the same time.
        let at_last = |playlist| {
            let arguments = [
                "-ss",
                "12",
                "-frames:v",
                "1",
                "-pix_fmt",
                "gray",
                "-f",
                "rawvideo",
            ];
            decoded(&package.path(playlist), &arguments)
        };
        let (one, other) = (at_last(all), at_last(few));
        let apart = one
            .iter()
            .zip(&other)
            .map(|(a, b)| f64::from(a.abs_diff(*b)));
        assert_eq!(one.len(), other.len());
        assert!(apart.sum::<f64>() / (one.len() as f64) < 4.0, "{rate}");
    }
}

#[test]
fn every_key_frame_can_be_fetched_alone() {
    let branches = video((320, 180), "15/1", 195);
    each_key_frame_alone(&package("preset=veryfast keyframe-times=3.3,7", &branches));
}

/// hls.js stops before a last segment of one picture.
#[test]
fn a_last_segment_of_a_picture_is_joined_to_the_one_before() {
    let branches = [video((320, 180), "15/1", 181), audio("audio_0", 12, 1)].concat();
    let package = package("preset=veryfast", &branches);
    let lengths = |playlist: &str| {
        let text = package.text(playlist);
        let lengths = text
            .lines()
            .filter_map(|line| line.strip_prefix("#EXTINF:"));
        let seconds = |line: &str| line.trim_end_matches(',').parse::<f64>().expect("seconds");
        lengths
            .map(seconds)
            .map(|s| (s * 100.0).round() / 100.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(lengths("video/180p/playlist.m3u8"), [6.0, 6.07]);
    assert_eq!(lengths("audio/main/playlist.m3u8").len(), 2);
    each_key_frame_alone(&package);
}

/// The I-frame playlist against the pictures that ffmpeg finds.
fn each_key_frame_alone(package: &Package) {
    let folder = package.path("video/180p");
    let text = fs::read(folder.join("iframes.m3u8")).expect("written");
    let playlist = m3u8_rs::parse_media_playlist_res(&text).expect("a playlist");
    assert!(playlist.i_frames_only);
    let init = playlist.segments[0].map.as_ref().expect("a map");
    let init = fs::read(folder.join(&init.uri)).expect("there");
    let (mut at, mut starts) = (0.0, Vec::new());
    for frame in &playlist.segments {
        let range = frame.byte_range.as_ref().expect("a range");
        let start = range.offset.expect("an offset") as usize;
        let segment = fs::read(folder.join(&frame.uri)).expect("there");
        let alone = package.path("alone.mp4");
        fs::write(
            &alone,
            [&init, &segment[start..start + range.length as usize]].concat(),
        )
        .expect("written");
        let entries = "frame=key_frame,pts_time,pict_type";
        let frames = probe(&alone, &["-show_entries", entries]);
        let [found] = &frames[..] else {
            panic!("{} frames in {}", frames.len(), frame.uri);
        };
        assert_eq!((&found[0][..], &found[2][..]), ("1", "I"));
        let shown: f64 = found[1].parse().expect("a time");
        assert!((shown - at).abs() < 0.002, "{shown} is said to be {at}");
        starts.push(found[1].clone());
        at += f64::from(frame.duration);
    }
    assert!((at - package.duration()).abs() < 0.001, "{at}");
    assert_eq!(starts, package.key_frames("video/180p/playlist.m3u8"));
    let packets = package.packets("video/180p/iframes.m3u8", "flags");
    assert_eq!(packets.len(), starts.len());
}

#[test]
fn odd_sizes_and_pixels_become_even_and_square() {
    for (caps, size) in [
        ("width=319,height=241", (320, 242)),
        ("width=720,height=576,pixel-aspect-ratio=16/15", (720, 540)),
        ("width=506,height=900", (506, 900)),
    ] {
        let branch = format!(
            "videotestsrc num-buffers=10 ! video/x-raw,format=NV12,framerate=10/1,{caps} ! p.video"
        );
        let manifest = package("", &branch).manifest();
        assert_eq!(
            (manifest.video[0].width, manifest.video[0].height),
            size,
            "{caps}"
        );
    }
}

#[test]
fn an_orientation_tag_turns_the_picture() {
    let package = package(
        "",
        "videotestsrc num-buffers=10 ! video/x-raw,width=320,height=180,framerate=10/1 ! \
         taginject tags=image-orientation=rotate-90 ! p.video",
    );
    let video = &package.manifest().video[0];
    assert_eq!(
        (video.name.as_str(), video.width, video.height),
        ("180p", 180, 320)
    );
}
