// SPDX-License-Identifier: MPL-2.0

//! Packages in several codecs, read back by ffprobe and ffmpeg.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use gstlecture::package::check::{self, Finding};
use gstlecture::package::manifest::Manifest;
use serde_json::Value;

use crate::harness::{self, lecture, said, tool, value};

/// Pictures that move, and sound.
const SOURCE: &str = "-f lavfi -i testsrc2=size=320x180:rate=15:duration=14 -f lavfi -i \
     sine=duration=14 -c:v libx264 -preset ultrafast -c:a libopus";

#[test]
fn every_codec_has_the_same_pictures() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (source, class) = (folder.path().join("class.mkv"), folder.path().join("class"));
    harness::make(&source, SOURCE);
    let output = harness::done(&[
        "package".into(),
        value("input", &source),
        value("output", &class),
        "ladder=180,90".into(),
        "codecs=av1,h264,h265".into(),
        "preset=ultrafast".into(),
    ]);
    let package = class.join("package");
    let manifest: Manifest =
        serde_json::from_slice(&fs::read(package.join("manifest.json")).expect("a manifest"))
            .expect("well formed");
    let names: Vec<&str> = manifest.video.iter().map(|video| &video.name[..]).collect();
    let expected = [
        "180p",
        "90p",
        "180p-h265",
        "90p-h265",
        "180p-av1",
        "90p-av1",
    ];
    assert_eq!(names, expected, "{}", said(&output));
    let first = frames(&package, &manifest.video[0].media.playlist);
    assert_eq!(first.1.len(), 14 * 15);
    for video in &manifest.video {
        let (codec, times) = frames(&package, &video.media.playlist);
        let (declared, codec_name) = match &video.media.codec[..4] {
            "avc1" => ("avc1.", "h264"),
            "hvc1" => ("hvc1.1.", "hevc"),
            _ => ("av01.0.", "av1"),
        };
        assert!(
            video.media.codec.starts_with(declared),
            "{}",
            video.media.codec
        );
        assert_eq!(codec, codec_name);
        assert_eq!(times, first.1, "{}", video.name);
    }
    let listed = fs::read_to_string(package.join("master.m3u8")).expect("a playlist");
    let of_h264 = listed.find("avc1.").expect("H.264");
    assert!(of_h264 < listed.find("hvc1.").expect("H.265"));
    let dash = fs::read_to_string(package.join("manifest.mpd")).expect("a manifest");
    assert_eq!(dash.matches("contentType=\"video\"").count(), 3);
    let cost = manifest.cost.expect("a cost");
    assert_eq!(cost.renditions.len(), expected.len());
    assert!(manifest.thumbnails.is_some());
    assert_eq!(broken(&package), [""; 0]);
}

/// What Apple's and HLS's rules find, and what they advise of the one that is listed first.
fn broken(package: &Path) -> Vec<String> {
    struct Files<'a>(&'a Path);
    impl check::Files for Files<'_> {
        fn read(&self, path: &str) -> Result<Vec<u8>, String> {
            fs::read(self.0.join(path)).map_err(|error| error.to_string())
        }
        fn has(&self, path: &str) -> bool {
            self.0.join(path).is_file()
        }
    }
    let report = check::check(&Files(package), "master.m3u8");
    let first = |finding: &&Finding| finding.rule.number == "Apple 1.32";
    let found = report.broken().chain(report.advice().filter(first));
    found
        .map(|finding| format!("{} {}: {}", finding.rule.number, finding.file, finding.what))
        .collect()
}

/// The codec that ffprobe reads, and the time of each picture with whether it is a key frame; ffmpeg
/// decodes all of them without complaint.
fn frames(package: &Path, playlist: &str) -> (String, Vec<(String, bool)>) {
    let path = package.join(playlist);
    let path = path.to_str().expect("a path in UTF-8");
    let entries = "stream=codec_name:frame=pts_time,key_frame";
    let said = tool(
        "ffprobe",
        &[
            "-select_streams",
            "v:0",
            "-show_entries",
            entries,
            "-of",
            "json",
            path,
        ],
    );
    let said: Value = serde_json::from_slice(&said).expect("JSON");
    let codec = said["streams"][0]["codec_name"]
        .as_str()
        .unwrap_or_default();
    let frames = said["frames"].as_array().expect("frames").iter();
    let frames = frames.map(|frame| {
        let time = frame["pts_time"].as_str().unwrap_or_default();
        let millis = (time.parse::<f64>().expect("a time") * 1000.0).round();
        (millis.to_string(), frame["key_frame"] == 1)
    });
    (codec.to_owned(), frames.collect())
}

#[test]
fn a_wrong_list_is_one_clear_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let class = folder.path().join("class");
    for (list, part) in [("h264,vp9", "\"vp9\""), ("av1", "no \"h264\"")] {
        let output = lecture([
            "catalog".into(),
            value("input", &harness::sample()),
            value("output", &class),
            format!("codecs={list}").into(),
        ]);
        assert_eq!(output.status.code(), Some(2), "{list}");
        assert!(said(&output).contains(part), "{}", said(&output));
        assert!(!class.exists(), "{list}");
    }
}

/// Without the encoder nothing is analysed and nothing written.
#[test]
fn a_missing_encoder_is_named_before_anything_is_done() {
    gst::init().expect("GStreamer starts");
    let plugin = gst::Registry::get()
        .find_plugin("x265")
        .expect("Debian's plugins");
    let installed = plugin.filename().expect("a file");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (plugins, class) = (folder.path().join("plugins"), folder.path().join("class"));
    fs::create_dir(&plugins).expect("a folder");
    for entry in fs::read_dir(installed.parent().expect("a folder")).expect("a folder") {
        let file = entry.expect("a file").path();
        if file != installed.as_path() {
            let link = plugins.join(file.file_name().expect("a name"));
            symlink(&file, link).expect("a link");
        }
    }
    let output = Command::new(env!("CARGO_BIN_EXE_lecture"))
        .args(["catalog".into(), value("input", &harness::sample())])
        .args([value("output", &class), "codecs=h264,h265".into()])
        .env("GST_PLUGIN_SYSTEM_PATH", &plugins)
        .env("GST_REGISTRY", folder.path().join("registry"))
        .output()
        .expect("the program runs");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("\"x265enc\"") && said.contains("gstreamer1.0-plugins-bad"),
        "{said}"
    );
    assert!(!class.exists());
}
