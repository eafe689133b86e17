// SPDX-License-Identifier: MPL-2.0

//! What an MP4 says of its own media is obeyed: edit lists, languages, orientation, the duration of the
//! last frame. Each frame of the recordings shows its number in black and white.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::picture_packets;
use crate::harness::place::{Place, number, probe, streams};

/// Frames per second of the recordings.
const RATE: f64 = 10.0;

/// Eight squares in two rows, white for the ones of the frame's number: the lowest bit is at the top left.
const NUMBER: &str =
    "geq=lum='if(bitand(N,pow(2,floor(X/40)+4*floor(Y/48))),235,16)':cb=128:cr=128";

/// When the tone of a recording begins and ends, in seconds of its media.
const TONE: (f64, f64) = (7.0, 8.0);

/// Writes 12 seconds of numbered frames with one key frame every `group` frames, and a tone.
fn numbered(place: &Place, name: &str, group: &str, more: &[&str]) {
    let frames = format!("nullsrc=size=160x96:rate=10:duration=12,{NUMBER}");
    let tone = format!(
        "aevalsrc='0.5*sin(2000*PI*t)*between(t,{},{})':s=48000:d=12",
        TONE.0, TONE.1
    );
    place.ffmpeg(&[
        &["-f", "lavfi", "-i", &frames, "-f", "lavfi", "-i", &tone],
        &["-c:v", "libx264", "-preset", "veryfast", "-crf", "10"],
        &["-pix_fmt", "yuv420p", "-bf", "2", "-g", group],
        &["-keyint_min", group, "-sc_threshold", "0", "-c:a", "aac"],
        more,
        &[name],
    ]);
}

/// The numbers of the frames of a file or playlist, a tenth of a second apart from its start on.
fn frames(path: &Path) -> Vec<i64> {
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(path)
        .args(["-map", "0:v:0", "-vf", "fps=10,scale=4:2:flags=area"])
        .args(["-f", "rawvideo", "-pix_fmt", "gray", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(made.status.success(), "{made:?}");
    made.stdout.chunks_exact(8).map(shown_number).collect()
}

/// The number that a frame of eight pixels shows.
fn shown_number(frame: &[u8]) -> i64 {
    let squares = frame.iter().enumerate();
    squares.fold(0, |number, (bit, luma)| {
        number | i64::from(*luma > 128) << bit
    })
}

/// The second at which the tone of a file or playlist begins.
fn tone(path: &Path) -> f64 {
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(path)
        .args([
            "-map",
            "0:a:0",
            "-af",
            "aresample=48000:async=1:first_pts=0",
        ])
        .args(["-ac", "1", "-f", "s16le", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(made.status.success(), "{made:?}");
    let samples = made.stdout.chunks_exact(2);
    let mut samples = samples.map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
    let first = samples.position(|sample| sample.unsigned_abs() > 3000);
    first.map_or(f64::NAN, |first| first as f64 / 48_000.0)
}

/// The playlist of the package's only rendition of a kind.
fn playlist(place: &Place, kind: &str) -> std::path::PathBuf {
    let folder = place.path("OUT/package").join(kind);
    let mut renditions = fs::read_dir(&folder).expect("a folder").flatten();
    let rendition = renditions.next().expect("a rendition");
    rendition.path().join("playlist.m3u8")
}

/// Holds the frames shown against those that the edits show: `shown` is the media time of a time of the
/// package. One frame of rounding is allowed.
fn shows(place: &Place, seconds: f64, shown: impl Fn(f64) -> f64) {
    let found = frames(&playlist(place, "video"));
    let length = found.len() as f64 / RATE;
    assert!((length - seconds).abs() <= 0.15, "{length} of {seconds}");
    for (index, number) in found.iter().enumerate() {
        let time = (index as f64 + 0.5) / RATE;
        let expected = (shown(time.min(seconds - 0.01)) * RATE).floor() as i64;
        assert!(
            (number - expected).abs() <= 1,
            "frame {number} at {time}, not {expected}: {found:?}"
        );
    }
}

const PACKAGE: [&str; 5] = [
    "catalog",
    "input=class.mp4",
    "preset=ultrafast",
    "ladder=96",
    "loudness=off",
];

/// A time in a draft, which may not lie after the end of what is shown.
fn last_time(draft: &str) -> f64 {
    let lines = draft.lines().filter_map(|line| line.split_once(" --> "));
    let seconds = |time: &str| {
        let parts = time.split_whitespace().next().unwrap_or_default();
        let parts = parts
            .split(':')
            .map(|part| part.parse().unwrap_or(f64::NAN));
        parts.fold(0.0, |sum, part: f64| sum * 60.0 + part)
    };
    lines.map(|(_, end)| seconds(end)).fold(0.0, f64::max)
}

#[test]
fn what_a_cut_between_key_frames_hides_stays_hidden_and_the_end_is_whole() {
    let place = Place::new();
    numbered(&place, "whole.mp4", "250", &[]);
    place.ffmpeg(&[&["-ss", "4.5", "-i", "whole.mp4", "-c", "copy", "class.mp4"]]);
    place.done(&PACKAGE);
    shows(&place, 7.5, |time| time + 4.5);
    let begins = tone(&playlist(&place, "audio"));
    assert!((begins - (TONE.0 - 4.5)).abs() < 0.01, "{begins}");
    for draft in ["trim.vtt", "chapters.vtt"] {
        let last = last_time(&place.read(&format!("OUT/drafts/{draft}")));
        assert!(last < 7.7, "{draft}: {last}");
    }
    let trim = place.lecture(&["trim", "input=class.mp4", "output=copy.mkv"]);
    trim.failed(
        1,
        &["7.5 s of what it shows cannot be copied", "encode it first"],
    );
    assert!(!place.path("copy.mkv").exists());
    place.lecture(&["chapters", "input=class.mp4"]);
    assert!(place.path("chapters.vtt").exists());
}

/// The numbers of the frames that a file holds, whether they are shown or not.
fn all_frames(path: &Path) -> Vec<i64> {
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-ignore_editlist", "1", "-i"])
        .arg(path)
        .args(["-map", "0:v:0", "-vf", "scale=4:2:flags=area"])
        .args(["-fps_mode", "passthrough"])
        .args(["-f", "rawvideo", "-pix_fmt", "gray", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(made.status.success(), "{made:?}");
    made.stdout.chunks_exact(8).map(shown_number).collect()
}

#[test]
fn a_copy_holds_no_frame_that_an_edit_list_hides() {
    let place = Place::new();
    numbered(&place, "whole.mp4", "10", &[]);
    place.ffmpeg(&[
        &["-ss", "4.5", "-i", "whole.mp4", "-t", "6", "-c", "copy"],
        &["class.mp4"],
    ]);
    let trim = place.lecture(&["trim", "input=class.mp4", "output=copy.mp4"]);
    assert_eq!(trim.status, Some(0), "{trim:?}");
    assert!(trim.err.contains("0.50 s of video"), "{trim:?}");
    let copy = place.path("copy.mp4");
    let found = all_frames(&copy);
    // The first key frame that is shown is the frame 50.
    let shown = frames(&place.path("class.mp4"));
    assert_eq!(found.first(), Some(&50), "{found:?}");
    assert!(
        found.iter().all(|number| shown.contains(number)),
        "{found:?} of {shown:?}"
    );
    assert!(found.len() + 7 >= shown.len(), "{found:?} of {shown:?}");
    let first = picture_packets(&copy, "pts_time");
    let times = first.iter().filter_map(|time| time.parse::<f64>().ok());
    let first = times.fold(f64::INFINITY, f64::min);
    assert!((first - 0.5).abs() < 0.05, "{first}");
    let begins = tone(&copy);
    assert!((begins - (TONE.0 - 4.5)).abs() < 0.03, "{begins}");
}

#[test]
fn an_edit_that_begins_at_a_key_frame_is_copied_whole() {
    let place = Place::new();
    numbered(&place, "class.mp4", "20", &[]);
    set_edits(
        &place.path("class.mp4"),
        &[(3.0, Some(2.0)), (4.0, Some(6.0))],
    );
    let trim = place.lecture(&["trim", "input=class.mp4", "output=copy.mkv"]);
    assert_eq!(trim.status, Some(0), "{trim:?}");
    assert!(!trim.err.contains("edit list"), "{trim:?}");
    let copy = place.path("copy.mkv");
    let mut expected: Vec<i64> = (20..50).chain(60..100).collect();
    let mut found = frames(&copy);
    // Frames between references go with a reference that is hidden, at the end of an edit.
    let is_near = |number: &i64| !(46..50).contains(number) && *number < 96;
    expected.retain(is_near);
    found.retain(is_near);
    found.dedup();
    assert_eq!(found, expected);
    let begins = tone(&copy);
    assert!((begins - 4.0).abs() < 0.03, "{begins}");
}

#[test]
fn several_edits_and_empty_ones_are_shown_in_their_order() {
    let place = Place::new();
    numbered(&place, "class.mp4", "40", &[]);
    let edits = [
        (1.0, None),
        (2.0, Some(1.0)),
        (1.5, None),
        (3.0, Some(6.0)),
        (1.0, Some(3.5)),
    ];
    set_edits(&place.path("class.mp4"), &edits);
    place.done(&PACKAGE);
    shows(&place, 8.5, |time| match time {
        time if time < 1.0 => 1.0,
        time if time < 3.0 => time,
        time if time < 4.5 => 2.95,
        time if time < 7.5 => time + 1.5,
        time => time - 4.0,
    });
    let begins = tone(&playlist(&place, "audio"));
    assert!((begins - (TONE.0 - 1.5)).abs() < 0.01, "{begins}");
}

#[test]
fn a_last_frame_that_stands_is_shown_to_its_end() {
    let place = Place::new();
    let source = format!("nullsrc=size=160x96:rate=10:duration=4,{NUMBER}");
    // The frame at 2 s is the last one, and lasts until the one at 9 s that is cut off.
    place.ffmpeg(&[
        &["-f", "lavfi", "-i", &source],
        &[
            "-vf",
            "select='not(between(n,21,38))',setpts='if(eq(N,21),9,N/10)/TB'",
        ],
        &[
            "-vsync", "vfr", "-c:v", "libx264", "-preset", "veryfast", "-crf", "10",
        ],
        &["-pix_fmt", "yuv420p", "-bf", "0", "moves.mp4"],
    ]);
    place.ffmpeg(&[&["-t", "8", "-i", "moves.mp4", "-c", "copy", "class.mp4"]]);
    place.done(&PACKAGE);
    let found = frames(&playlist(&place, "video"));
    assert_eq!(found.last(), Some(&20), "{found:?}");
    let length = found.len() as f64 / RATE;
    assert!((length - 9.0).abs() < 0.15, "{length}");
    for output in ["output=a.mkv", "output=a.mp4", "output=a.mov"] {
        place.done(&["trim", "input=class.mp4", output]);
        let file = place.path(output.trim_start_matches("output="));
        let length = number(&probe(&file)["format"]["duration"]);
        assert!((length - 9.0).abs() < 0.15, "{output}: {length}");
    }
}

#[test]
fn a_language_that_is_none_is_undetermined() {
    let place = Place::new();
    numbered(&place, "class.mp4", "40", &[]);
    for code in [0xFFFF, 0, 0x7FFF] {
        change(&place.path("class.mp4"), b"mdhd", |header| {
            header[20..22].copy_from_slice(&u16::to_be_bytes(code));
        });
        place.done(&PACKAGE);
        let master = place.read("OUT/package/master.m3u8");
        assert!(master.contains("LANGUAGE=\"und\""), "{code}: {master}");
    }
}

#[test]
fn matroska_is_english_only_if_it_names_english() {
    let place = Place::new();
    // The Language element of the audio becomes a Void of the same size (RFC 8794, 11.3.2).
    let language = |path: &Path, code: Option<&[u8; 3]>| {
        let mut bytes = fs::read(path).expect("read");
        let element = |code: &[u8; 3]| [&[0x22, 0xb5, 0x9c, 0x83], &code[..]].concat();
        let places: Vec<usize> = (0..bytes.len() - 7)
            .filter(|at| bytes[*at..].starts_with(&element(b"eng")))
            .collect();
        assert_eq!(places.len(), 1);
        let new = code.map_or(vec![0xec, 0x85, 0, 0, 0, 0, 0], element);
        bytes[places[0]..places[0] + 7].copy_from_slice(&new);
        fs::write(path, bytes).expect("written");
    };
    for (code, expected) in [
        (Some(b"eng"), "en"),
        (Some(b"ger"), "de"),
        (Some(b"und"), "und"),
        (None, "und"),
    ] {
        let named = ["-metadata:s:a:0", "language=eng"];
        numbered(&place, "class.mkv", "40", &named);
        language(&place.path("class.mkv"), code);
        place.done(&[
            "package",
            "input=class.mkv",
            "preset=ultrafast",
            "ladder=96",
        ]);
        let master = place.read("OUT/package/master.m3u8");
        let named = format!("LANGUAGE=\"{expected}\"");
        assert!(master.contains(&named), "{code:?}: {master}");
    }
}

#[test]
fn a_recording_that_lies_on_its_side_is_seen_upright() {
    let place = Place::new();
    // White above, black below, once it is turned.
    place.ffmpeg(&[
        &[
            "-f",
            "lavfi",
            "-i",
            "color=white:size=96x160:rate=10:duration=4",
        ],
        &["-vf", "drawbox=y=80:h=80:c=black:t=fill,transpose=2"],
        &[
            "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
        ],
        &["flat.mp4"],
    ]);
    place.ffmpeg(&[
        &["-i", "flat.mp4", "-c", "copy"],
        &["-metadata:s:v:0", "rotate=270", "class.mp4"],
    ]);
    place.done(&PACKAGE);
    let video = playlist(&place, "video");
    let probed = probe(&video);
    let stream = streams(&probed, "video")[0];
    assert!(stream["side_data_list"].is_null(), "{stream}");
    assert!(stream["height"].as_u64() > stream["width"].as_u64());
    let line = place
        .lecture(&["analyse", "input=class.mp4", "--print"])
        .out;
    assert!(line.contains("videoflip video-direction=auto"), "{line}");
    assert!(number(&probed["format"]["duration"]) > 3.8);
}

#[test]
fn each_matrix_of_quarters_and_mirrors_is_obeyed() {
    let place = Place::new();
    let quarters = "nullsrc=size=160x96:rate=10:duration=1,\
        geq=lum='40+60*gt(X,79)+120*gt(Y,47)':cb=128:cr=128";
    let x264 = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
    ];
    place.ffmpeg(&[&["-f", "lavfi", "-i", quarters], &x264, &["class.mp4"]]);
    for [a, b, c, d] in [
        [1, 0, 0, 1],
        [-1, 0, 0, 1],
        [1, 0, 0, -1],
        [-1, 0, 0, -1],
        [0, 1, 1, 0],
        [0, -1, -1, 0],
        [0, 1, -1, 0],
        [0, -1, 1, 0],
    ] {
        change(&place.path("class.mp4"), b"tkhd", |header| {
            for (at, part) in [(40, a), (44, b), (52, c), (56, d)] {
                header[at..at + 4].copy_from_slice(&i32::to_be_bytes(part << 16));
            }
        });
        place.done(&[
            "package",
            "input=class.mp4",
            "preset=ultrafast",
            "ladder=96",
        ]);
        // A quarter at (x, y) is shown at (ax + cy, bx + dy): ISO/IEC 14496-12, 6.2.2.
        let mut expected = [0; 4];
        for (x, y) in [(-1, -1), (1, -1), (-1, 1), (1, 1)] {
            let (right, down) = (a * x + c * y, b * x + d * y);
            let shade = 40 + 30 * (x + 1) + 60 * (y + 1);
            expected[((right + 1) / 2 + down + 1) as usize] = shade;
        }
        let playlist = playlist(&place, "video");
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(playlist)
            .args(["-frames:v", "1", "-vf", "scale=2:2:flags=area"])
            .args(["-f", "rawvideo", "-pix_fmt", "yuv420p", "-"])
            .output()
            .expect("ffmpeg is installed");
        let shown = made.stdout.iter().take(4).map(|luma| i32::from(*luma));
        let shown: Vec<i32> = shown.collect();
        let is_close = |(shown, expected): (&i32, &i32)| (shown - expected).abs() < 12;
        assert!(
            shown.len() == 4 && shown.iter().zip(&expected).all(is_close),
            "{:?}: {shown:?}, not {expected:?}",
            [a, b, c, d]
        );
    }
}

#[test]
fn the_largest_of_several_videos_is_taken_unless_another_is_named() {
    let place = Place::new();
    let small = "testsrc=size=96x64:rate=10:duration=3";
    let large = "testsrc2=size=160x96:rate=10:duration=3";
    place.ffmpeg(&[
        &["-f", "lavfi", "-i", small, "-f", "lavfi", "-i", large],
        &["-f", "lavfi", "-i", "sine=duration=3"],
        &[
            "-map", "2:a", "-map", "0:v", "-map", "1:v", "-c:v", "libx264",
        ],
        &["-preset", "ultrafast", "-c:a", "aac", "class.mkv"],
    ]);
    let job = |more: &[&str]| {
        let package = ["package", "input=class.mkv", "preset=ultrafast"];
        let ended = place.lecture(&[&package[..], more].concat());
        assert_eq!(ended.status, Some(0), "{ended:?}");
        let height = place.manifest()["video"][0]["height"].as_u64();
        (height, ended.err)
    };
    let (height, said) = job(&[]);
    assert_eq!(height, Some(96));
    assert!(
        said.contains("not video 1 (96x64): video=1 takes that"),
        "{said}"
    );
    let (height, said) = job(&["video=1"]);
    assert_eq!(height, Some(64));
    assert!(said.contains("not video 2 (160x96)"), "{said}");
    for number in ["1", "2"] {
        let video = format!("video={number}");
        place.done(&["trim", "input=class.mkv", "output=one.mkv", &video]);
        let width = streams(&probe(&place.path("one.mkv")), "video")[0]["width"].clone();
        assert_eq!(width, if number == "1" { 96 } else { 160 });
    }
    let three = place.lecture(&["package", "input=class.mkv", "video=3"]);
    three.failed(1, &["there is no video 3, the recording has 2"]);
    let none = place.lecture(&["package", "input=class.mkv", "video=front"]);
    none.failed(2, &["front is not a value of video"]);
}

/// Applies `change` to the content of every box of this kind.
fn change(path: &Path, kind: &[u8; 4], change: impl Fn(&mut [u8])) {
    let mut bytes = fs::read(path).expect("read");
    let at: Vec<usize> = (4..bytes.len() - 4)
        .filter(|at| bytes[*at..].starts_with(kind))
        .collect();
    assert!(!at.is_empty(), "no {kind:?}");
    for at in at {
        let size = u32::from_be_bytes(bytes[at - 4..at].try_into().expect("four")) as usize;
        change(&mut bytes[at + 4..at - 4 + size]);
    }
    fs::write(path, bytes).expect("written");
}

/// Gives both tracks of an MP4 with its header at the end the same edits: seconds, and where they begin
/// in what is shown of the media.
fn set_edits(path: &Path, edits: &[(f64, Option<f64>)]) {
    let bytes = fs::read(path).expect("read");
    let moov = bytes.windows(4).rposition(|kind| kind == b"moov");
    let moov = moov.expect("a header") - 4;
    let scale = |header: &[u8]| u32::from_be_bytes(header[12..16].try_into().expect("four"));
    let movie_scale = scale(&content(&bytes[moov..], b"mvhd")[0]);
    let media_scales = content(&bytes[moov..], b"mdhd");
    let old_lists = content(&bytes[moov..], b"elst");
    let mut header = bytes[moov..].to_vec();
    for (old, media) in old_lists.iter().zip(&media_scales) {
        let media_scale = f64::from(scale(media));
        let first = u32::from_be_bytes(old[12..16].try_into().expect("four"));
        let mut list = vec![0; 4];
        list.extend((edits.len() as u32).to_be_bytes());
        for (seconds, begins) in edits {
            list.extend(((seconds * f64::from(movie_scale)) as u32).to_be_bytes());
            let begins = begins.map(|begins| (begins * media_scale) as u32 + first);
            list.extend(begins.unwrap_or(u32::MAX).to_be_bytes());
            list.extend([0, 1, 0, 0]);
        }
        grow(&mut header, old, &list);
    }
    let whole: f64 = edits.iter().map(|(seconds, _)| seconds).sum();
    let at = header
        .windows(4)
        .position(|kind| kind == b"mvhd")
        .expect("one")
        + 4;
    let whole = (whole * f64::from(movie_scale)) as u32;
    header[at + 16..at + 20].copy_from_slice(&whole.to_be_bytes());
    fs::write(path, [&bytes[..moov], &header].concat()).expect("written");
}

/// Replaces the first edit list with this content by a longer one, in all the boxes around it.
fn grow(header: &mut Vec<u8>, old: &[u8], new: &[u8]) {
    let old = [&b"elst"[..], old].concat();
    let at = header.windows(old.len()).position(|bytes| bytes == old);
    let at = at.expect("the old list");
    let more = (new.len() + 4 - old.len()) as u32;
    for kind in [b"moov", b"trak", b"edts", b"elst"] {
        let found = header[..at + 4].windows(4).rposition(|bytes| bytes == kind);
        let size = found.expect("a box around it") - 4;
        let grown = u32::from_be_bytes(header[size..size + 4].try_into().expect("four")) + more;
        header[size..size + 4].copy_from_slice(&grown.to_be_bytes());
    }
    header.splice(at + 4..at + old.len(), new.iter().copied());
}

/// The contents of the boxes of a kind.
fn content(bytes: &[u8], kind: &[u8; 4]) -> Vec<Vec<u8>> {
    let found = (4..bytes.len() - 4).filter(|at| bytes[*at..].starts_with(kind));
    found
        .map(|at| {
            let size = u32::from_be_bytes(bytes[at - 4..at].try_into().expect("four"));
            bytes[at + 4..at - 4 + size as usize].to_vec()
        })
        .collect()
}
