// SPDX-License-Identifier: MPL-2.0

//! A progressive MP4 is made of segments that ffmpeg writes and read back by ffprobe.

use std::path::Path;
use std::process::Command;

use gstlecture::package::mp4::progressive::Movie;
use gstlecture::timeline::Time;

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn probe(file: &Path, entries: &[&str]) -> String {
    let file = file.to_str().expect("UTF-8");
    let mut arguments = vec!["-v", "error", "-of", "csv=p=0"];
    arguments.extend(entries);
    arguments.push(file);
    run("ffprobe", &arguments)
}

/// Segments of one stream with B-frames, as CMAF has them.
fn segments(folder: &Path, name: &str, source: &[&str]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let file = |end: &str| {
        folder
            .join(format!("{name}{end}"))
            .to_str()
            .expect("UTF-8")
            .to_owned()
    };
    let (init, media, list) = (format!("{name}-init.mp4"), file("-%d.m4s"), file(".m3u8"));
    let mut arguments = vec!["-v", "error", "-f", "lavfi"];
    arguments.extend(source);
    arguments.extend([
        "-t",
        "9",
        "-f",
        "hls",
        "-hls_segment_type",
        "fmp4",
        "-hls_time",
        "3",
    ]);
    arguments.extend([
        "-hls_playlist_type",
        "vod",
        "-hls_fmp4_init_filename",
        &init,
    ]);
    arguments.extend(["-hls_segment_filename", &media, &list]);
    run("ffmpeg", &arguments);
    let read = |path: &Path| std::fs::read(path).expect("ffmpeg wrote it");
    let paths = (0..).map(|index| folder.join(format!("{name}-{index}.m4s")));
    let media = paths
        .take_while(|path| path.exists())
        .map(|path| read(&path))
        .collect();
    (read(&folder.join(&init)), media)
}

#[test]
fn ffprobe_reads_the_packets_and_chapters_that_went_in() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let video = [
        "-i",
        "testsrc2=size=320x180:rate=25",
        "-c:v",
        "libx264",
        "-bf",
        "2",
        "-g",
        "25",
    ];
    let audio = ["-i", "sine=frequency=440:sample_rate=48000", "-c:a", "aac"];
    let tracks = [
        segments(folder.path(), "video", &video),
        segments(folder.path(), "audio", &audio),
    ];

    let mut movie = Movie::new();
    let mut sources = Vec::new();
    for (init, media) in &tracks {
        let track = movie.add_track(init).expect("an initialization segment");
        for segment in media {
            movie.add_segment(track, segment).expect("a segment");
            sources.push(segment);
        }
    }
    movie.set_chapters([
        (Time::ZERO, "Greeting & agenda".to_owned()),
        (Time::from_millis(2500), "Größen, 単位".to_owned()),
        (Time::from_secs(6), "Questions".to_owned()),
    ]);
    let (mut bytes, parts) = movie.finish().expect("a movie");
    for part in parts {
        let range = part.range.start as usize..part.range.end as usize;
        bytes.extend_from_slice(&sources[part.segment][range]);
    }
    let file = folder.path().join("class.mp4");
    std::fs::write(&file, bytes).expect("written");

    let chapters = probe(
        &file,
        &[
            "-show_entries",
            "chapter=start_time,end_time:chapter_tags=title",
        ],
    );
    assert_eq!(
        chapters.lines().collect::<Vec<_>>(),
        [
            "0.000000,2.500000,Greeting & agenda",
            "2.500000,6.000000,\"Größen, 単位\"",
            // The last audio frame runs over 9 s.
            "6.000000,9.021000,Questions"
        ]
    );
    for (stream, list) in [("v:0", "video.m3u8"), ("a:0", "audio.m3u8")] {
        let packets = [
            "-select_streams",
            "0",
            "-show_entries",
            "packet=pts_time,size,flags",
        ];
        let wanted = probe(&folder.path().join(list), &packets);
        let of_movie = ["-select_streams", stream, packets[2], packets[3]];
        let found = probe(&file, &of_movie);
        assert!(wanted.lines().count() > 200);
        assert_eq!(found, wanted, "{stream}");
    }
    let path = file.to_str().expect("UTF-8");
    let warnings = Command::new("ffmpeg")
        .args(["-v", "warning", "-i", path, "-f", "null", "-"])
        .output();
    let warnings = warnings.expect("ffmpeg runs").stderr;
    assert_eq!(String::from_utf8_lossy(&warnings), "");
}
