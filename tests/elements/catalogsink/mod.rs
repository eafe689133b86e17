// SPDX-License-Identifier: MPL-2.0

//! catalogsink, its packages read back by ffprobe and ffmpeg.

mod feed;
mod pads;
mod pictures;
mod renditions;
mod seeking;
mod texts;
mod timing;
mod trouble;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gst::prelude::*;
use gstlecture::package::check::{self, Finding};
use gstlecture::package::manifest::Manifest;
use tempfile::TempDir;

use crate::harness::init;

/// How a run ended.
struct Ended {
    error: Option<(String, gst::glib::Error)>,
    package: Option<gst::Structure>,
    errors: usize,
}

/// Runs a description to its end or first error.
fn run(description: &str) -> Ended {
    init();
    let pipeline = gst::parse::launch(description).expect(description);
    ended(pipeline.downcast_ref().expect("a pipeline"))
}

fn ended(pipeline: &gst::Pipeline) -> Ended {
    let bus = pipeline.bus().expect("pipelines have a bus");
    let started = pipeline.set_state(gst::State::Playing);
    let mut ended = Ended {
        error: None,
        package: None,
        errors: 0,
    };
    loop {
        let wait = if started.is_err() || ended.error.is_some() {
            gst::ClockTime::from_mseconds(300)
        } else {
            gst::ClockTime::from_seconds(120)
        };
        let Some(message) = bus.timed_pop(wait) else {
            assert!(ended.error.is_some(), "neither end nor error");
            break;
        };
        match message.view() {
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(error) => {
                ended.errors += 1;
                let source = message.src().map(|src| src.name().to_string());
                if ended.error.is_none() {
                    ended.error = Some((source.unwrap_or_default(), error.error()));
                }
            }
            gst::MessageView::Element(element) => {
                let structure = element.structure().expect("element messages have one");
                if structure.name() == "catalogsink-package" {
                    ended.package = Some(structure.to_owned());
                }
            }
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null).expect("stops");
    ended
}

struct Package {
    folder: TempDir,
    message: gst::Structure,
}

/// Packages what `branches` deliver to the sink `p`; the package keeps the rules of HLS.
fn package(settings: &str, branches: &str) -> Package {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let location = folder.path().join("package");
    let ended = run(&format!(
        "catalogsink name=p location={} preset=ultrafast {settings} {branches}",
        location.display()
    ));
    if let Some((source, error)) = ended.error {
        panic!("{source}: {error}");
    }
    let package = Package {
        folder,
        message: ended.package.expect("told of the package"),
    };
    // What Apple asks beside, such as several renditions, a small package cannot keep.
    let mut findings = package.findings();
    findings.retain(|finding| finding.starts_with("HLS"));
    assert_eq!(findings, [""; 0], "{branches}");
    package
}

impl Package {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("package").join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect(name)
    }

    fn manifest(&self) -> Manifest {
        serde_json::from_str(&self.text("manifest.json")).expect("a manifest")
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let root = self.path("");
        let mut files = BTreeMap::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("readable").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&root).expect("inside").display();
                    files.insert(name.to_string(), fs::read(&path).expect("readable"));
                }
            }
        }
        files
    }

    /// What the rules find wrong, or advise of what is listed first.
    fn findings(&self) -> Vec<String> {
        let report = check::check(&self.files(), "master.m3u8");
        let first = |finding: &&Finding| finding.rule.number == "Apple 1.32";
        report
            .broken()
            .chain(report.advice().filter(first))
            .map(|finding| format!("{} {}: {}", finding.rule.number, finding.file, finding.what))
            .collect()
    }

    fn duration(&self) -> f64 {
        self.message.get::<u64>("duration").expect("told") as f64 / 1e9
    }

    /// Fields of the packets of a media playlist, a line a packet.
    fn packets(&self, playlist: &str, fields: &str) -> Vec<Vec<String>> {
        probe(
            &self.path(playlist),
            &["-show_entries", &format!("packet={fields}")],
        )
    }

    fn key_frames(&self, playlist: &str) -> Vec<String> {
        let packets = self.packets(playlist, "pts_time,flags");
        let keys = packets
            .into_iter()
            .filter(|packet| packet[1].starts_with('K'));
        keys.map(|packet| packet[0].clone()).collect()
    }
}

/// Asks ffprobe; it must have nothing to complain about.
fn probe(path: &Path, arguments: &[&str]) -> Vec<Vec<String>> {
    let output = Command::new("ffprobe")
        .args(["-v", "warning", "-of", "csv=p=0"])
        .args(arguments)
        .arg(path)
        .output()
        .expect("ffprobe is installed");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.trim().is_empty(), "{}: {told}", path.display());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

/// Decodes one stream to raw bytes.
fn decoded(path: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(arguments)
        .arg("-")
        .output()
        .expect("ffmpeg is installed");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// When samples rise over half of full scale after a second below, in seconds.
fn beeps(path: &Path) -> Vec<f64> {
    let bytes = decoded(
        path,
        &["-map", "0:a:0", "-ac", "1", "-ar", "48000", "-f", "s16le"],
    );
    let loud = bytes
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]).unsigned_abs() > 8000);
    rises(loud, 48_000.0)
}

/// When the picture turns bright, in seconds.
fn flashes(path: &Path, rate: f64) -> Vec<f64> {
    let arguments = [
        "-map",
        "0:v:0",
        "-vf",
        "scale=1:1",
        "-pix_fmt",
        "gray",
        "-f",
        "rawvideo",
    ];
    let bytes = decoded(path, &arguments);
    rises(bytes.into_iter().map(|level| level > 128), rate)
}

fn rises(levels: impl Iterator<Item = bool>, rate: f64) -> Vec<f64> {
    let mut found = Vec::new();
    let mut last = None;
    for (at, _) in levels.enumerate().filter(|(_, level)| *level) {
        let at = at as f64 / rate;
        if last.is_none_or(|last| at - last > 0.5) {
            found.push(at);
        }
        last = Some(at);
    }
    found
}

fn video(size: (u32, u32), rate: &str, frames: u32) -> String {
    let (width, height) = size;
    format!(
        "videotestsrc num-buffers={frames} pattern=ball ! \
         video/x-raw,format=I420,width={width},height={height},framerate={rate} ! p.video "
    )
}

fn audio(pad: &str, seconds: u32, channels: u32) -> String {
    format!(
        "audiotestsrc num-buffers={} samplesperbuffer=4800 volume=0.1 ! \
         audio/x-raw,rate=48000,channels={channels} ! p.{pad} ",
        seconds * 10
    )
}
