// SPDX-License-Identifier: MPL-2.0

//! Colours of a package are those of the recording: range, matrix, HDR. Recordings are made by ffmpeg;
//! what comes out is decoded by ffmpeg and compared with what ffmpeg makes of the source.

use std::path::Path;

use crate::harness::place::Place;
use crate::harness::tool;

/// Ten columns of grey, from black to white, in the values of full range.
const RAMP: [u8; 10] = [0, 7, 15, 31, 63, 127, 191, 239, 247, 255];
const WIDTH: usize = 320;
const HEIGHT: usize = 180;

/// The first frame of a file or playlist behind a filter, in this format.
fn frame(path: &Path, filter: &str, format: &str) -> Vec<u8> {
    let path = path.to_str().expect("a path in UTF-8");
    let filter = format!("{filter}format={format}");
    tool(
        "ffmpeg",
        &[
            "-i",
            path,
            "-frames:v",
            "1",
            "-vf",
            &filter,
            "-f",
            "rawvideo",
            "-",
        ],
    )
}

/// The middles of the ten columns of a frame, as red, green and blue for display.
fn columns(path: &Path) -> Vec<[u8; 3]> {
    let frame = frame(path, "scale=flags=accurate_rnd+full_chroma_int,", "rgb24");
    let column = |number: usize| {
        let at = (HEIGHT / 2 * WIDTH + number * WIDTH / 10 + WIDTH / 20) * 3;
        [frame[at], frame[at + 1], frame[at + 2]]
    };
    (0..10).map(column).collect()
}

/// The colour tags of the first video that ffprobe finds: range, matrix, transfer, primaries.
fn tags(path: &Path) -> String {
    let entries = "stream=color_range,color_space,color_transfer,color_primaries";
    let path = path.to_str().expect("a path in UTF-8");
    let tags = tool(
        "ffprobe",
        &[
            "-select_streams",
            "v:0",
            "-show_entries",
            entries,
            "-of",
            "csv=p=0",
            path,
        ],
    );
    let tags = String::from_utf8_lossy(&tags).into_owned();
    tags.lines().next().unwrap_or_default().trim().to_owned()
}

/// A ramp of grey whose samples span this range.
fn ramp(place: &Place, name: &str, options: &[&str]) {
    let steps: Vec<String> = RAMP
        .iter()
        .enumerate()
        .map(|(number, grey)| format!("between(X,{},{})*{grey}", number * 32, number * 32 + 31))
        .collect();
    let source = format!(
        "color=black:s={WIDTH}x{HEIGHT}:r=10:d=1,format=gray,geq=lum='{}'",
        steps.join("+")
    );
    place.ffmpeg(&[
        &["-f", "lavfi", "-i", &source],
        options,
        &["-preset", "ultrafast", "-qp", "4", name],
    ]);
}

fn package(place: &Place, name: &str) -> std::path::PathBuf {
    let input = format!("input={name}");
    let output = format!("output={name}.out");
    place.done(&[
        "package",
        &input,
        &output,
        "ladder=180",
        "mp4=true",
        "quality=8",
    ]);
    place.path(&format!("{name}.out/package"))
}

#[test]
fn a_grey_ramp_stays_what_it_is_in_every_range_and_container() {
    let place = Place::new();
    let full = "format=yuvj420p";
    let full_444 = "format=yuvj444p";
    for (name, filter) in [
        ("full.mp4", full),
        ("full.ts", full),
        ("full.mkv", full),
        ("full 444.mp4", full_444),
        ("video range.mp4", "scale=out_range=tv,format=yuv420p"),
        ("deep.mp4", "scale=out_range=tv,format=yuv420p10le"),
    ] {
        ramp(&place, name, &["-vf", filter, "-c:v", "libx264"]);
        let package = package(&place, name);
        for file in ["master.m3u8", "class.mp4", "thumbnails/poster.jpg"] {
            let shown = columns(&package.join(file));
            for (shown, grey) in shown.iter().zip(RAMP) {
                let near = shown.iter().all(|part| part.abs_diff(grey) <= 3);
                assert!(near, "{name} {file}: {shown:?}, {grey}");
            }
        }
        let tags = tags(&package.join("class.mp4"));
        assert!(tags.starts_with("tv,"), "{name}: {tags}");
    }
}

/// Bars of colour in a matrix, with tags or without.
fn bars(place: &Place, name: &str, size: &str, matrix: &str, options: &[&str]) {
    let source = format!("smptehdbars=s={size}:r=10:d=1");
    let filter = format!("scale=out_color_matrix={matrix}:out_range=tv,format=yuv420p");
    place.ffmpeg(&[
        &[
            "-f", "lavfi", "-i", &source, "-vf", &filter, "-c:v", "libx264",
        ],
        options,
        &["-preset", "ultrafast", "-qp", "4", name],
    ]);
}

#[test]
fn colours_keep_their_matrix_tagged_or_not() {
    let place = Place::new();
    let bt601 = &[
        "-colorspace",
        "smpte170m",
        "-color_primaries",
        "smpte170m",
        "-color_trc",
        "smpte170m",
    ][..];
    let bt709 = &[
        "-colorspace",
        "bt709",
        "-color_primaries",
        "bt709",
        "-color_trc",
        "bt709",
    ][..];
    for (name, size, matrix, options, expected) in [
        ("601.mp4", "320x180", "bt601", bt601, "smpte170m"),
        ("709.mp4", "320x180", "bt709", bt709, "bt709"),
        ("untagged sd.ts", "320x180", "bt601", &[][..], "smpte170m"),
        ("untagged hd.ts", "1280x720", "bt709", &[][..], "bt709"),
        ("601 hd.mkv", "1280x720", "bt601", bt601, "smpte170m"),
    ] {
        bars(&place, name, size, matrix, options);
        let package = package(&place, name);
        let tagged = tags(&package.join("class.mp4"));
        assert!(
            tagged.starts_with(&format!("tv,{expected},")),
            "{name}: {tagged}"
        );
        let filter = format!("scale={WIDTH}:{HEIGHT}:in_color_matrix={matrix}:flags=area,");
        let source = frame(&place.path(name), &filter, "rgb24");
        for file in ["master.m3u8", "thumbnails/poster.jpg"] {
            let filter = format!("scale={WIDTH}:{HEIGHT}:flags=area,");
            let shown = frame(&package.join(file), &filter, "rgb24");
            assert_near(&source, &shown, 6.0, &format!("{name} {file}"));
        }
    }
}

/// Compares frames but for edges, which are scaled and coded otherwise: nine of ten samples differ by
/// at most `most`.
fn assert_near(source: &[u8], shown: &[u8], most: f64, what: &str) {
    assert_eq!(source.len(), shown.len(), "{what}");
    let far = source
        .iter()
        .zip(shown)
        .filter(|(a, b)| f64::from(a.abs_diff(**b)) > most)
        .count();
    let share = far as f64 / source.len() as f64;
    assert!(
        share < 0.1,
        "{what}: {share:.3} of the samples differ by more than {most}"
    );
}

/// The chain of ffmpeg that the tone mapping is measured against.
const TONE_MAPPED: &str = "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,\
    tonemap=mobius,zscale=t=bt709:m=bt709:r=tv,";

#[test]
fn hdr_becomes_sdr_as_ffmpeg_maps_it() {
    let place = Place::new();
    let x265: &[&str] = &["-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"];
    let vp9: &[&str] = &[
        "-c:v",
        "libvpx-vp9",
        "-cpu-used",
        "8",
        "-deadline",
        "realtime",
    ];
    let av1: &[&str] = &["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime"];
    let prores: &[&str] = &["-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"];
    for (name, transfer, codec) in [
        ("hlg.mov", "arib-std-b67", x265),
        ("pq.mp4", "smpte2084", x265),
        ("hlg.webm", "arib-std-b67", vp9),
        ("pq.mkv", "smpte2084", av1),
        ("prores hlg.mov", "arib-std-b67", prores),
    ] {
        for pattern in [
            "gradients=c0=black:c1=white:x0=0:y0=0:x1=319:y1=0:",
            "smptehdbars=",
        ] {
            let source = format!("{pattern}s={WIDTH}x{HEIGHT}:r=10:d=1");
            let tagged = format!(
                "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p10le,\
                 setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=tv"
            );
            let tags = [
                "-color_primaries",
                "bt2020",
                "-color_trc",
                transfer,
                "-colorspace",
                "bt2020nc",
                "-color_range",
                "tv",
            ];
            place.ffmpeg(&[
                &["-f", "lavfi", "-i", &source, "-vf", &tagged],
                codec,
                &tags,
                &["-b:v", "4M", name],
            ]);
            let package = package(&place, name);
            let found = self::tags(&package.join("class.mp4"));
            assert_eq!(found, "tv,bt709,bt709,bt709", "{name}");
            let expected = frame(&place.path(name), TONE_MAPPED, "yuv420p");
            let shown = frame(&package.join("master.m3u8"), "", "yuv420p");
            // 3 % of 255.
            assert_near(&expected, &shown, 7.6, &format!("{name} {pattern}"));
        }
    }
}
