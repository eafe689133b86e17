// SPDX-License-Identifier: MPL-2.0

//! A folder for one test, the program run in it, and the readers of what a run leaves.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// The picture and the sound that recordings are made of; neither is speech.
pub const PICTURE: &str = "testsrc2=size=320x240:rate=25";

pub const SOUND: &str = "sine=frequency=440";

pub const H264: &[&str] = &["-c:v", "libx264", "-preset", "ultrafast", "-g", "25"];

pub const AAC: &[&str] = &["-c:a", "aac"];

pub const OPUS: &[&str] = &["-c:a", "libopus"];

/// A folder for one test.
pub struct Place(pub TempDir);

/// How a job ended.
#[derive(Debug)]
pub struct Ended {
    pub status: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        Place(tempfile::tempdir().expect("temporary folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("inside")).expect("made");
        fs::write(path, text).expect("written");
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn ffmpeg(&self, arguments: &[&[&str]]) {
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-y"])
            .args(arguments.concat())
            .current_dir(self.0.path())
            .output()
            .expect("ffmpeg is installed");
        assert!(made.status.success(), "{arguments:?}: {made:?}");
    }

    /// A recording of this many seconds with H.264 and AAC.
    pub fn recording(&self, name: &str, seconds: &str) {
        self.ffmpeg(&[
            &["-f", "lavfi", "-t", seconds, "-i", PICTURE],
            &["-f", "lavfi", "-t", seconds, "-i", SOUND],
            H264,
            AAC,
            &["-movflags", "+faststart", name],
        ]);
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lecture"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("G_DEBUG", "fatal-warnings")
            .stdin(Stdio::null());
        command
    }

    pub fn lecture(&self, arguments: &[&str]) -> Ended {
        let ended = self.command(arguments).output().expect("the program runs");
        if ended.status.success()
            && let Some(package) = super::package_of(arguments)
        {
            super::keeps_rules(&self.0.path().join(package));
        }
        Ended {
            status: ended.status.code(),
            out: String::from_utf8_lossy(&ended.stdout).into_owned(),
            err: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }
    }

    /// A job that must succeed; what `--json` says of it.
    pub fn done(&self, arguments: &[&str]) -> Value {
        let ended = self.lecture(&[arguments, &["--json"]].concat());
        assert_eq!(ended.status, Some(0), "{arguments:?}: {ended:?}");
        ended.json()
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs")
    }

    /// Runs a printed line with the plugin that was built for this test, whatever lies beside the
    /// program.
    pub fn shell(&self, said: &str) -> Output {
        let line = match said.split_once(" gst-launch-1.0 ") {
            Some((_, line)) => format!("gst-launch-1.0 {line}"),
            None => said.to_owned(),
        };
        let built = Path::new(env!("CARGO_BIN_EXE_lecture")).with_file_name("deps");
        // GStreamer finds the muxer's library by its plain name only.
        let muxer = fs::read_dir(&built)
            .expect("a folder")
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "so"))
            .filter(|path| path.display().to_string().contains("libgstfmp4"))
            .max_by_key(|path| path.metadata().and_then(|file| file.modified()).ok());
        let plugins = self.path("plugins");
        fs::create_dir_all(&plugins).expect("made");
        fs::copy(muxer.expect("it was built"), plugins.join("libgstfmp4.so")).expect("copied");
        let path = std::env::join_paths([built, plugins]).expect("paths");
        let run = || {
            Command::new("timeout")
                .args(["60", "sh", "-c", &line])
                .env("GST_PLUGIN_PATH", &path)
                .env("GST_REGISTRY", self.path("registry"))
                .current_dir(self.0.path())
                .output()
                .expect("timeout and a shell")
        };
        // gst-launch-1.0 misses the end now and then: it sets PLAYING while the thread that has
        // committed PAUSED is still telling of that, which makes GstBin withhold its EOS message.
        let mut ended = run();
        for _ in 0..2 {
            if ended.status.code() == Some(124) {
                ended = run();
            }
        }
        ended
    }

    /// The files of a folder with their content's length and inode.
    pub fn files(&self, name: &str) -> BTreeMap<PathBuf, (u64, u64)> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.path(name)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let metadata = path.metadata().expect("a file");
                    found.insert(path, (metadata.len(), metadata.ino()));
                }
            }
        }
        found
    }

    /// The names in a folder.
    pub fn names(&self, name: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(name))
            .expect("a folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .into_string()
                    .expect("UTF-8")
            })
            .collect();
        names.sort();
        names
    }

    /// Waits until a file is there, at most a minute.
    pub fn wait_for(&self, what: &str, mut is_there: impl FnMut() -> bool) {
        for _ in 0..12_000 {
            if is_there() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{what} has not come");
    }
}

impl Ended {
    pub fn json(&self) -> Value {
        let last = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It ended with this status and one line of error that says all of this.
    pub fn failed(&self, status: i32, says: &[&str]) {
        assert_eq!(self.status, Some(status), "{self:?}");
        let errors: Vec<&str> = self
            .err
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect();
        assert_eq!(errors.len(), 1, "{self:?}");
        for part in says {
            assert!(errors[0].contains(part), "{part} in {self:?}");
        }
    }
}

/// What ffprobe reads of a file or playlist.
pub fn probe(path: &Path) -> Value {
    let read = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-of",
            "json",
            "-show_streams",
            "-show_format",
            "-show_chapters",
        ])
        .arg(path)
        .output()
        .expect("ffprobe is installed");
    assert!(
        read.status.success() && read.stderr.is_empty(),
        "{path:?}: {read:?}"
    );
    serde_json::from_slice(&read.stdout).expect("JSON")
}

pub fn streams<'a>(probed: &'a Value, kind: &str) -> Vec<&'a Value> {
    probed["streams"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|stream| stream["codec_type"] == kind)
        .collect()
}

/// A number that ffprobe writes as text.
pub fn number(value: &Value) -> f64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or(f64::NAN)
}

/// What a rendition's packets span, in seconds.
pub fn span(playlist: &Path) -> (f64, f64) {
    let read = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-of",
            "csv=p=0",
            "-show_entries",
            "packet=pts_time,duration_time",
        ])
        .arg(playlist)
        .output()
        .expect("ffprobe is installed");
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    let mut packets: Vec<(f64, f64)> = text
        .lines()
        .filter_map(|line| {
            let mut parts = line.split(',');
            let start: f64 = parts.next()?.parse().ok()?;
            let length: f64 = parts.next()?.parse().ok()?;
            Some((start, start + length))
        })
        .collect();
    packets.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (Some(first), Some(last)) = (packets.first(), packets.last()) else {
        panic!("no packets in {playlist:?}");
    };
    (first.0, last.1)
}

pub const ENGLISH: &str = "\
WEBVTT

NOTE a remark for the editor

STYLE
::cue(v) { color: yellow }

one
00:00:01.000 --> 00:00:05.000 line:0 align:start
<v Ada>Hello &amp; welcome</v>
to the class

00:00:06.000 --> 00:00:08.000
cut away

00:00:09.000 --> 00:00:15.000
over the cut

00:00:16.000 --> 00:00:19.000
Bye
";

pub const ARABIC: &str = "\
1
00:00:02,000 --> 00:00:03,500
{\\an8}<i>مرحبا</i> & أهلا

2
00:00:16,000 --> 00:00:18,000
مع السلامة
";

/// A class of 20 seconds of which what lies from 5 to 11 is cut.
pub fn class_with_a_cut() -> Place {
    let place = Place::new();
    place.recording("class.mp4", "20");
    place.write(
        "OUT/drafts/trim.vtt",
        "WEBVTT\n\n00:05.000 --> 00:11.000\ncut: break\n",
    );
    place.write("en.vtt", ENGLISH);
    place.write("ar.srt", ARABIC);
    place
}

pub const PACKAGE: [&str; 4] = [
    "package",
    "input=class.mp4",
    "preset=ultrafast",
    "ladder=240,120",
];

pub fn package(more: &[&'static str]) -> Vec<&'static str> {
    [&PACKAGE, more].concat()
}

impl Place {
    pub fn manifest(&self) -> Value {
        serde_json::from_str(&self.read("OUT/package/manifest.json")).expect("JSON")
    }
}
