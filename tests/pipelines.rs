// SPDX-License-Identifier: MPL-2.0

//! The jobs from end to end, on small recordings that ffmpeg makes, read back with ffprobe.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

mod support;

use rustix::fs::{FlockOperation, flock};
use serde_json::Value;
use tempfile::TempDir;

/// The picture and the sound that recordings are made of; neither is speech.
const PICTURE: &str = "testsrc2=size=320x240:rate=25";
const SOUND: &str = "sine=frequency=440";
const H264: &[&str] = &["-c:v", "libx264", "-preset", "ultrafast", "-g", "25"];
const AAC: &[&str] = &["-c:a", "aac"];
const OPUS: &[&str] = &["-c:a", "libopus"];

/// A folder for one test.
struct Place(TempDir);

/// How a job ended.
#[derive(Debug)]
struct Ended {
    status: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().expect("temporary folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("inside")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn ffmpeg(&self, arguments: &[&[&str]]) {
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-nostdin", "-y"])
            .args(arguments.concat())
            .current_dir(self.0.path())
            .output()
            .expect("ffmpeg is installed");
        assert!(made.status.success(), "{arguments:?}: {made:?}");
    }

    /// A recording of this many seconds with H.264 and AAC.
    fn recording(&self, name: &str, seconds: &str) {
        self.ffmpeg(&[
            &["-f", "lavfi", "-t", seconds, "-i", PICTURE],
            &["-f", "lavfi", "-t", seconds, "-i", SOUND],
            H264,
            AAC,
            &["-movflags", "+faststart", name],
        ]);
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lecture"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("G_DEBUG", "fatal-warnings")
            .stdin(Stdio::null());
        command
    }

    fn lecture(&self, arguments: &[&str]) -> Ended {
        let ended = self.command(arguments).output().expect("the program runs");
        if ended.status.success()
            && let Some(package) = support::package_of(arguments)
        {
            support::keeps_rules(&self.0.path().join(package));
        }
        Ended {
            status: ended.status.code(),
            out: String::from_utf8_lossy(&ended.stdout).into_owned(),
            err: String::from_utf8_lossy(&ended.stderr).into_owned(),
        }
    }

    /// A job that must succeed; what `--json` says of it.
    fn done(&self, arguments: &[&str]) -> Value {
        let ended = self.lecture(&[arguments, &["--json"]].concat());
        assert_eq!(ended.status, Some(0), "{arguments:?}: {ended:?}");
        ended.json()
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program runs")
    }

    /// Runs a printed line with the plugin that was built for this test, whatever lies beside the
    /// program.
    fn shell(&self, said: &str) -> Output {
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
    fn files(&self, name: &str) -> BTreeMap<PathBuf, (u64, u64)> {
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
    fn names(&self, name: &str) -> Vec<String> {
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
    fn wait_for(&self, what: &str, is_there: impl Fn() -> bool) {
        for _ in 0..6000 {
            if is_there() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{what} has not come");
    }
}

impl Ended {
    fn json(&self) -> Value {
        let last = self.out.lines().last().unwrap_or_default();
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// It ended with this status and one line of error that says all of this.
    fn failed(&self, status: i32, says: &[&str]) {
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
fn probe(path: &Path) -> Value {
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

fn streams<'a>(probed: &'a Value, kind: &str) -> Vec<&'a Value> {
    probed["streams"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|stream| stream["codec_type"] == kind)
        .collect()
}

/// A number that ffprobe writes as text.
fn number(value: &Value) -> f64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or(f64::NAN)
}

/// What a rendition's packets span, in seconds.
fn span(playlist: &Path) -> (f64, f64) {
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

/// A recording and what its package must hold.
struct Case {
    name: &'static str,
    make: &'static [&'static [&'static str]],
    picture: Option<(u64, u64, &'static str)>,
    audio: usize,
    /// In seconds; the longest stream.
    length: f64,
}

const fn case(
    name: &'static str,
    make: &'static [&'static [&'static str]],
    picture: Option<(u64, u64, &'static str)>,
    audio: usize,
    length: f64,
) -> Case {
    Case {
        name,
        make,
        picture,
        audio,
        length,
    }
}

const VIDEO_5: &[&str] = &["-f", "lavfi", "-t", "5", "-i", PICTURE];
const AUDIO_5: &[&str] = &["-f", "lavfi", "-t", "5", "-i", SOUND];

const CASES: &[Case] = &[
    case(
        "h264 aac.mp4",
        &[VIDEO_5, AUDIO_5, H264, AAC],
        Some((320, 240, "25/1")),
        1,
        5.0,
    ),
    case(
        "h264 opus.mkv",
        &[VIDEO_5, AUDIO_5, H264, OPUS],
        Some((320, 240, "25/1")),
        1,
        5.0,
    ),
    case("audio only.mka", &[AUDIO_5, OPUS], None, 1, 5.0),
    case(
        "video only.mp4",
        &[VIDEO_5, H264],
        Some((320, 240, "25/1")),
        0,
        5.0,
    ),
    case(
        "three tracks.mkv",
        &[
            VIDEO_5,
            AUDIO_5,
            AUDIO_5,
            AUDIO_5,
            &["-map", "0", "-map", "1", "-map", "2", "-map", "3"],
            &[
                "-metadata:s:a:0",
                "language=eng",
                "-metadata:s:a:1",
                "language=deu",
            ],
            &["-metadata:s:a:2", "language=fra"],
            H264,
            AAC,
        ],
        Some((320, 240, "25/1")),
        3,
        5.0,
    ),
    case("surround.m4a", &[AUDIO_5, &["-ac", "6"], AAC], None, 1, 5.0),
    case(
        "first timestamp not zero.mkv",
        &[VIDEO_5, AUDIO_5, H264, OPUS, &["-output_ts_offset", "7"]],
        Some((320, 240, "25/1")),
        1,
        5.0,
    ),
    case(
        "audio 800 ms late.mp4",
        &[VIDEO_5, &["-itsoffset", "0.8"], AUDIO_5, H264, AAC],
        Some((320, 240, "25/1")),
        1,
        5.8,
    ),
    case(
        "gaps.mkv",
        &[
            VIDEO_5,
            AUDIO_5,
            &["-vf", "select='lt(t,1)+gt(t,3.5)'", "-vsync", "vfr"],
            &["-af", "aselect='lt(t,2)+gt(t,4)'"],
            H264,
            OPUS,
        ],
        Some((320, 240, "25/1")),
        1,
        5.0,
    ),
    case(
        "15 fps.mp4",
        &[
            &[
                "-f",
                "lavfi",
                "-t",
                "5",
                "-i",
                "testsrc2=size=320x240:rate=15",
            ],
            AUDIO_5,
            H264,
            AAC,
        ],
        Some((320, 240, "15/1")),
        1,
        5.0,
    ),
    case(
        "29.97 fps.mp4",
        &[
            &[
                "-f",
                "lavfi",
                "-t",
                "5",
                "-i",
                "testsrc2=size=320x240:rate=30000/1001",
            ],
            AUDIO_5,
            H264,
            AAC,
        ],
        Some((320, 240, "30000/1001")),
        1,
        5.0,
    ),
    case(
        "60 fps.mp4",
        &[
            &[
                "-f",
                "lavfi",
                "-t",
                "5",
                "-i",
                "testsrc2=size=320x240:rate=60",
            ],
            AUDIO_5,
            H264,
            AAC,
        ],
        Some((320, 240, "30/1")),
        1,
        5.0,
    ),
    case(
        "wide pixels.mp4",
        &[VIDEO_5, AUDIO_5, &["-vf", "setsar=4/3"], H264, AAC],
        Some((426, 240, "25/1")),
        1,
        5.0,
    ),
    case(
        "interlaced.mkv",
        &[
            &[
                "-f",
                "lavfi",
                "-t",
                "5",
                "-i",
                "testsrc2=size=320x240:rate=50",
            ],
            AUDIO_5,
            &["-vf", "interlace", "-flags", "+ilme+ildct"],
            H264,
            AAC,
        ],
        Some((320, 240, "25/1")),
        1,
        5.0,
    ),
    case(
        "names \"quoted\" it's 100 % $HOME !x Übung 講義.mp4",
        &[VIDEO_5, AUDIO_5, H264, AAC],
        Some((320, 240, "25/1")),
        1,
        5.0,
    ),
];

/// The package has what the recording has, over its whole length.
fn is_packaged(place: &Place, folder: &str, case: &Case) {
    let package = place.path(folder).join("package");
    let probed = probe(&package.join("master.m3u8"));
    let video = streams(&probed, "video");
    match case.picture {
        Some((width, height, rate)) => {
            let top = video
                .first()
                .unwrap_or_else(|| panic!("{}: no video", case.name));
            assert_eq!(top["width"], width, "{}", case.name);
            assert_eq!(top["height"], height, "{}", case.name);
            assert_eq!(top["r_frame_rate"], rate, "{}", case.name);
            assert_eq!(top["sample_aspect_ratio"], "1:1", "{}", case.name);
        }
        None => assert!(video.is_empty(), "{}", case.name),
    }
    let manifest: Value =
        serde_json::from_slice(&fs::read(package.join("manifest.json")).expect("a manifest"))
            .expect("JSON");
    let audio = manifest["audio"].as_array().expect("a list");
    assert_eq!(audio.len(), case.audio, "{}", case.name);
    let mut longest = 0.0f64;
    for rendition in audio
        .iter()
        .chain(manifest["video"].as_array().expect("a list"))
    {
        let playlist = rendition["playlist"].as_str().expect("a path");
        longest = longest.max(span(&package.join(playlist)).1);
    }
    assert!(
        (longest - case.length).abs() < 0.15,
        "{}: {longest} s",
        case.name
    );
    let duration = manifest["duration"].as_f64().expect("a number");
    assert!(
        (duration - longest).abs() < 0.1,
        "{}: {duration} s",
        case.name
    );
}

#[test]
fn recordings_of_all_kinds_become_packages() {
    let place = Place::new();
    for case in CASES {
        place.ffmpeg(&[case.make, &[&[case.name]]].concat());
        let output = format!("output={}", case.name.replace('.', " "));
        let input = format!("input={}", case.name);
        place.done(&["catalog", &input, &output, "preset=ultrafast"]);
        is_packaged(&place, &case.name.replace('.', " "), case);
    }
    let tracks: Value =
        serde_json::from_str(&place.read("three tracks mkv/package/manifest.json")).expect("JSON");
    let languages: Vec<&Value> = tracks["audio"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|audio| &audio["language"])
        .collect();
    assert_eq!(languages, ["en", "de", "fr"]);
}

#[test]
fn a_phones_video_stands_upright() {
    let place = Place::new();
    place.recording("lying.mp4", "2");
    place.ffmpeg(&[&[
        "-i",
        "lying.mp4",
        "-c",
        "copy",
        "-metadata:s:v:0",
        "rotate=90",
        "phone.mp4",
    ]]);
    place.done(&["package", "input=phone.mp4"]);
    let probed = probe(&place.path("OUT/package/master.m3u8"));
    let video = streams(&probed, "video");
    assert_eq!(video[0]["width"], 240);
    assert_eq!(video[0]["height"], 320);
}

#[test]
fn sound_that_starts_late_stays_late() {
    let place = Place::new();
    place.ffmpeg(&[
        VIDEO_5,
        &["-itsoffset", "0.8"],
        AUDIO_5,
        H264,
        AAC,
        &["late.mp4"],
    ]);
    place.done(&["package", "input=late.mp4"]);
    let video = span(&place.path("OUT/package/video/240p/playlist.m3u8"));
    let audio = span(&place.path("OUT/package/audio/main/playlist.m3u8"));
    assert!(video.0.abs() < 0.04, "{video:?}");
    // Players want sound over the whole programme: silence comes before it.
    assert!(audio.0.abs() < 0.04, "{audio:?}");
    assert!((audio.1 - 5.8).abs() < 0.04, "{audio:?}");
    let heard = Command::new("ffmpeg")
        .args(["-nostdin", "-i"])
        .arg(place.path("OUT/package/audio/main/playlist.m3u8"))
        .args([
            "-af",
            "silencedetect=noise=-60dB:duration=0.3",
            "-f",
            "null",
            "-",
        ])
        .output()
        .expect("ffmpeg is installed");
    let heard = String::from_utf8_lossy(&heard.stderr);
    let silent_until: Vec<f64> = heard
        .split("silence_end: ")
        .skip(1)
        .filter_map(|found| found.split_whitespace().next()?.parse().ok())
        .collect();
    assert!(
        matches!(silent_until[..], [end] if (end - 0.8).abs() < 0.04),
        "{heard}"
    );
}

#[test]
fn a_transcript_gives_the_chapters_their_titles() {
    let place = Place::new();
    let mut transcript = String::from("WEBVTT\n");
    let topics = [
        "photosynthesis chlorophyll leaves sunlight",
        "volcano magma eruption lava",
    ];
    for minute in 0..12 {
        for part in 0..6 {
            let start = minute * 60 + part * 10;
            let words = topics[minute / 6];
            transcript.push_str(&format!(
                "\n{:02}:{:02}.000 --> {:02}:{:02}.000\nWe look at {words} and again {words}.\n",
                start / 60,
                start % 60,
                (start + 9) / 60,
                (start + 9) % 60,
            ));
        }
    }
    place.write("class.vtt", &transcript);
    let done = place.done(&["chapters", "transcript=class.vtt", "output=found.vtt"]);
    assert_eq!(done["chapters"], 2);
    let found = place.read("found.vtt");
    assert!(
        found.starts_with("WEBVTT\n\nNOTE\nstatus: draft\n"),
        "{found}"
    );
    assert_eq!(found.matches(" --> ").count(), 2, "{found}");
    assert!(found.contains("00:00.000 --> "), "{found}");
}

#[test]
fn the_sample_class_is_packaged_without_any_argument() {
    let place = Place::new();
    let done = place.done(&["catalog", "ladder=240", "preset=ultrafast"]);
    assert_eq!(done["status"], 0);
    assert_eq!(place.names("OUT"), ["drafts", "package"]);
    assert_eq!(
        place.names("OUT/drafts"),
        [
            "analysis.json",
            "captions.en.vtt",
            "chapters.vtt",
            "trim.vtt"
        ]
    );
    let chapters = place.read("OUT/package/chapters.vtt");
    // Its captions give titles where what is said makes one.
    let (all, numbered) = (chapters.matches(" --> "), chapters.matches("\nChapter "));
    assert!(all.count() > numbered.count(), "{chapters}");
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sample.mkv");
    let source = number(&probe(&sample)["format"]["duration"]);
    let made = done["duration"].as_f64().expect("a number");
    let removed = done["removed"].as_f64().expect("a number");
    assert!(removed > 5.0, "{done}");
    assert!(
        (source - removed - made).abs() < 0.2,
        "{source} - {removed} = {made}"
    );
    // The lobby's page is up before and after: none of it is left, the first and last words are.
    let truth = fs::read_to_string(sample.with_extension("truth.json")).expect("what is in it");
    let truth: Value = serde_json::from_str(&truth).expect("JSON");
    let manifest: Value =
        serde_json::from_str(&place.read("OUT/package/manifest.json")).expect("JSON");
    let (slides, kept) = (&truth["video_class"], &manifest["kept"][0]);
    for (from, to) in [
        (&slides[0], &kept["start"]),
        (&kept["start"], &truth["class_start"]),
        (&truth["class_end"], &kept["end"]),
        (&kept["end"], &slides[1]),
    ] {
        let (from, to) = (from.as_f64().expect("s"), to.as_f64().expect("s"));
        assert!(from <= to, "{from} {to}: {kept}");
    }
}

#[test]
fn trim_copies_what_is_left_of_the_sample() {
    let place = Place::new();
    let sample = format!("{}/tests/data/sample.mkv", env!("CARGO_MANIFEST_DIR"));
    let source = probe(Path::new(&sample));
    for name in ["trimmed.mkv", "trimmed.mp4"] {
        let output = format!("output={name}");
        place.done(&["trim", &format!("input={sample}"), &output]);
        let trimmed = probe(&place.path(name));
        for kind in ["video", "audio"] {
            let codec = |probed: &Value| streams(probed, kind)[0]["codec_name"].clone();
            assert_eq!(codec(&trimmed), codec(&source));
        }
        let removed =
            number(&source["format"]["duration"]) - number(&trimmed["format"]["duration"]);
        assert!(removed > 3.0, "{name}: only {removed} s are cut");
    }
    assert_eq!(place.names("."), ["trimmed.mkv", "trimmed.mp4"]);
}

#[test]
fn the_printed_line_runs_in_a_shell() {
    let place = Place::new();
    let name = "it's 100 % \"$HOME\" !x ü.mp4";
    place.recording(name, "3");
    let output = "chapters of it's $x.vtt";
    let said = place.lecture(&[
        "chapters",
        &format!("input={name}"),
        &format!("output={output}"),
        "--print",
    ]);
    assert_eq!(said.status, Some(0), "{said:?}");
    let ran = place.shell(&said.out);
    assert!(ran.status.success(), "{said:?}: {ran:?}");
    assert!(place.read(output).starts_with("WEBVTT"));
}

#[test]
fn bad_input_is_one_clear_error_and_leaves_what_was_there() {
    let place = Place::new();
    place.recording("good.mp4", "4");
    place.done(&["package", "input=good.mp4"]);
    let good = place.files("OUT");

    let bytes = fs::read(place.path("good.mp4")).expect("read");
    fs::write(place.path("cut.mp4"), &bytes[..bytes.len() / 3]).expect("written");
    place.ffmpeg(&[&["-i", "good.mp4", "-c", "copy", "late index.mp4"]]);
    let bytes = fs::read(place.path("late index.mp4")).expect("read");
    fs::write(place.path("no index.mp4"), &bytes[..bytes.len() / 3]).expect("written");
    place.ffmpeg(&[&["-i", "good.mp4", "-c", "copy", "good.mkv"]]);
    let bytes = fs::read(place.path("good.mkv")).expect("read");
    fs::write(place.path("cut.mkv"), &bytes[..bytes.len() / 3]).expect("written");
    let one_key_frame = ["-c:v", "libx264", "-g", "250", "rare.mp4"];
    place.ffmpeg(&[&["-i", "good.mp4"], &one_key_frame]);
    place.ffmpeg(&[&["-ss", "3", "-i", "rare.mp4", "-c", "copy", "skips.mp4"]]);
    place.ffmpeg(&[
        &[
            "-i",
            "good.mp4",
            "-c",
            "copy",
            "-encryption_scheme",
            "cenc-aes-ctr",
        ],
        &["-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb"],
        &[
            "-encryption_kid",
            "a7e61c373e219033c21091fa607bf3b8",
            "encrypted.mp4",
        ],
    ]);
    place.write("words.srt", "1\n00:00:01,000 --> 00:00:02,000\nhello\n");
    place.ffmpeg(&[&["-i", "words.srt", "words.mkv"]]);
    place.write("text.mp4", "this is a letter\n");
    place.write("long text.mp4", &"this is a letter\n".repeat(99));
    place.write("empty.mp4", "");

    for (input, says) in [
        ("missing.mp4", &["there is no such file", "missing.mp4"][..]),
        ("empty.mp4", &["the file is empty"]),
        ("OUT", &["this is a folder"]),
        ("/dev/zero", &["this is a pipe or a device"]),
        ("text.mp4", &["this is not audio or video"]),
        ("long text.mp4", &["this is not audio or video"]),
        ("encrypted.mp4", &["encrypted", "decrypt it first"]),
        ("skips.mp4", &["edit list", "0:03", "into Matroska"]),
        ("words.mkv", &["neither sound nor video"]),
        ("no index.mp4", &["cut off", "MB", "its index is missing"]),
        ("cut.mp4", &["cut off", "0:04", "accept-truncated=true"]),
        ("cut.mkv", &["cut off", "0:04", "accept-truncated=true"]),
    ] {
        for job in ["package", "analyse", "catalog"] {
            let ended = place.lecture(&[job, &format!("input={input}")]);
            ended.failed(1, says);
            assert_eq!(place.files("OUT"), good, "{job} {input}");
        }
        let trim = place.lecture(&["trim", &format!("input={input}"), "output=good.mkv"]);
        trim.failed(1, says);
        let chapters = place.lecture(&["chapters", &format!("input={input}")]);
        chapters.failed(1, says);
        assert!(!place.path("chapters.vtt").exists());
    }
    let chapters = place.lecture(&["chapters", "transcript=words.srt"]);
    chapters.failed(1, &["words.srt: not WebVTT"]);
    for input in ["cut.mp4", "cut.mkv"] {
        let input = format!("input={input}");
        place.done(&["catalog", &input, "output=cut", "accept-truncated=true"]);
    }
    assert!(place.names(".").iter().all(|name| !name.starts_with('.')));
}

#[test]
fn wrong_usage_has_its_own_status() {
    let place = Place::new();
    place.recording("good.mp4", "1");
    for (arguments, says) in [
        (&["pakage"][..], "no such job"),
        (&["package", "inptu=good.mp4"], "no variable inptu"),
        (&["package", "input=good.mp4", "quality=900"], "quality"),
        (&["catalog", "input=good.mp4", "preset=fastest"], "preset"),
        (
            &["catalog", "input=good.mp4", "completion-threshold=2"],
            "from 0 to 1",
        ),
        (
            &["package", "input=good.mp4", "accept-truncated=yes"],
            "true or false",
        ),
        (&["trim", "input=good.mp4"], "output= is missing"),
        (
            &["trim", "input=good.mp4", "output=good.mp4"],
            "output= is the input",
        ),
        (
            &["trim", "input=good.mp4", "output=good.avi"],
            "no container",
        ),
        (&["chapters"], "nothing to find chapters in"),
        (&["package", "--nope"], "no such option"),
    ] {
        place.lecture(arguments).failed(2, &[says]);
    }
    assert_eq!(place.names("."), ["good.mp4"]);
}

#[test]
fn help_lists_jobs_and_variables() {
    let place = Place::new();
    let overview = place.lecture(&[]);
    assert_eq!(overview.status, Some(0));
    let version = place.lecture(&["--version"]).out;
    assert_eq!(version, format!("lecture {}\n", env!("CARGO_PKG_VERSION")));
    for job in ["analyse", "package", "catalog", "trim", "chapters"] {
        assert!(
            overview.out.contains(&format!("\n  {job} ")),
            "{overview:?}"
        );
        let help = place.lecture(&[job, "--help"]);
        assert_eq!(help.status, Some(0));
        assert!(help.out.contains("  input ("), "{help:?}");
    }
}

#[test]
fn a_place_that_cannot_be_written_is_told_before_any_work() {
    let place = Place::new();
    place.recording("good.mp4", "1");
    place.write("file", "");
    for output in ["output=file", "output=file/below"] {
        place
            .lecture(&["catalog", "input=good.mp4", output])
            .failed(1, &["cannot write", "file"]);
    }
    let trim = place.lecture(&["trim", "input=good.mp4", "output=no/such.mkv"]);
    trim.failed(1, &["cannot write", "such.mkv"]);
}

#[test]
fn a_full_disk_is_tried_again_later() {
    let place = Place::new();
    fs::create_dir(place.path("small")).expect("made");
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
        .arg(place.path("small"))
        .output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        println!("skipped: mounting a small tmpfs needs root");
        return;
    }
    place.ffmpeg(&[
        &[
            "-f",
            "lavfi",
            "-t",
            "10",
            "-i",
            "testsrc2=size=640x480:rate=25",
        ],
        H264,
        &["good.mp4"],
    ]);
    let package = place.lecture(&["package", "input=good.mp4", "output=small/OUT"]);
    let trim = place.lecture(&["trim", "input=good.mp4", "output=small/out.mkv"]);
    let left = place.names("small");
    let unmounted = Command::new("umount").arg(place.path("small")).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    package.failed(75, &["no space left"]);
    trim.failed(75, &["no space left"]);
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn drafts_that_contradict_themselves_name_their_lines() {
    let place = Place::new();
    place.recording("good.mp4", "4");
    place.done(&["package", "input=good.mp4"]);
    let good = place.files("OUT/package");
    for (name, text, says) in [
        ("trim.vtt", "no file of cues\n", "trim.vtt"),
        (
            "trim.vtt",
            "WEBVTT\n\n00:00.000 --> 00:02.000\nkeep\n\n00:01.000 --> 00:03.000\ncut: silence\n",
            "line",
        ),
        (
            "trim.vtt",
            "WEBVTT\n\n00:00.000 -> 00:02.000\nkeep\n",
            "line 3",
        ),
        (
            "trim.vtt",
            "WEBVTT\n\n00:00.000 --> 00:04.000\ncut: all\n",
            "everything is cut",
        ),
        (
            "chapters.vtt",
            "WEBVTT\n\n00:00.000 -- 00:02.000\nTitle\n",
            "line 3",
        ),
        (
            "chapters.vtt",
            "WEBVTT\n\n00:00.000 --> 00:02.000\nOne\n\n00:01.000 --> 00:03.000\nTwo\n",
            "line 6",
        ),
    ] {
        place.write(&format!("OUT/drafts/{name}"), text);
        place
            .lecture(&["package", "input=good.mp4"])
            .failed(1, &[name, says]);
        assert_eq!(place.files("OUT/package"), good, "{text}");
        fs::remove_file(place.path(&format!("OUT/drafts/{name}"))).expect("removed");
    }
}

#[test]
fn the_package_follows_the_cuts_and_the_chapters() {
    let place = Place::new();
    place.recording("class.mp4", "20");
    place.write(
        "OUT/drafts/trim.vtt",
        "WEBVTT\n\nNOTE\nstatus: approved\nby: Ada\n\n\
         00:00.000 --> 00:04.000\ncut: silence\n\n00:12.000 --> 00:14.000\ncut: break\n",
    );
    place.write(
        "OUT/drafts/chapters.vtt",
        "WEBVTT\n\n00:00.000 --> 00:13.000\nFirst & <i>foremost</i>\n\n\
         00:13.000 --> 00:20.000\nSecond\n"
            .replace("<i>foremost</i>", "foremost")
            .as_str(),
    );
    let done = place.done(&["package", "input=class.mp4", "preset=ultrafast"]);
    assert_eq!(done["approved"], false);
    let playlist = place.path("OUT/package/video/240p/playlist.m3u8");
    assert!((span(&playlist).1 - 14.0).abs() < 0.05);
    let manifest: Value =
        serde_json::from_str(&place.read("OUT/package/manifest.json")).expect("JSON");
    assert_eq!(manifest["title"], "class");
    assert_eq!(manifest["kept"][0]["start"], 4.0);
    assert_eq!(manifest["kept"][0]["end"], 12.0);
    assert_eq!(manifest["kept"][1]["start"], 14.0);
    assert_eq!(manifest["review"][0]["approved"], true);
    assert_eq!(manifest["review"][0]["by"], "Ada");
    assert_eq!(manifest["review"][1]["approved"], false);
    let chapters = place.read("OUT/package/chapters.vtt");
    assert!(
        chapters.contains("00:00:00.000 --> 00:00:08.000\nFirst &amp; foremost")
            || chapters.contains("00:00.000 --> 00:08.000\nFirst &amp; foremost"),
        "{chapters}"
    );

    let media = place.files("OUT/package");
    let corrected = place
        .read("OUT/drafts/chapters.vtt")
        .replace("Second", "Third");
    place.write("OUT/drafts/chapters.vtt", &corrected);
    place.done(&[
        "package",
        "input=class.mp4",
        "preset=ultrafast",
        "title=New",
    ]);
    assert!(place.read("OUT/package/chapters.vtt").contains("Third"));
    let manifest: Value =
        serde_json::from_str(&place.read("OUT/package/manifest.json")).expect("JSON");
    assert_eq!(manifest["chapters"][1]["title"], "Third");
    assert_eq!(manifest["title"], "New");
    let corrected = place.files("OUT/package");
    assert!(corrected.keys().eq(media.keys()));
    for (path, file) in &corrected {
        let is_text = ["chapters.vtt", "chapters.json", "manifest.json"]
            .iter()
            .any(|name| path.ends_with(name));
        // The same inode: nothing was encoded, nor copied.
        assert_eq!(media[path].1 == file.1, !is_text, "{path:?}");
    }

    place.done(&["package", "input=class.mp4", "preset=superfast"]);
    assert!(!place.files("OUT/package").keys().eq(media.keys()));
}

const ENGLISH: &str = "\
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

const ARABIC: &str = "\
1
00:00:02,000 --> 00:00:03,500
{\\an8}<i>مرحبا</i> & أهلا

2
00:00:16,000 --> 00:00:18,000
مع السلامة
";

/// The times at which the frames of a picture's playlist are shown, in seconds.
fn frame_times(playlist: &Path) -> Vec<f64> {
    let read = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-of",
            "csv=p=0",
            "-show_entries",
            "packet=pts_time",
        ])
        .args(["-select_streams", "v"])
        .arg(playlist)
        .output()
        .expect("ffprobe is installed");
    assert!(read.stderr.is_empty(), "{playlist:?}: {read:?}");
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    let times = text.lines().map(|line| line.trim_matches(',').parse());
    let mut times: Vec<f64> = times.collect::<Result<_, _>>().expect("times");
    times.sort_by(f64::total_cmp);
    times
}

/// A recording of 56 seconds whose every picture is of another grey than those beside it.
const GREYS: &str = "color=black:size=16x16:rate=25,format=gray,geq=lum='40+mod(N*53,160)',\
    scale=320:240:flags=neighbor,format=yuv420p";

/// How light the pictures of a file or playlist are, 0 to 255.
fn greys(path: &Path) -> Vec<u8> {
    let read = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(path)
        .args(["-map", "0:v:0", "-vf", "scale=1:1:flags=area,format=gray"])
        .args(["-fps_mode", "passthrough", "-f", "rawvideo", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(read.status.success(), "{path:?}: {read:?}");
    read.stdout
}

/// Copies the files of a folder over those of another one.
fn copy_over(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    let copied = Command::new("cp").arg("-rT").args([from, to]).status();
    assert!(copied.expect("cp").success());
}

/// The segments in a rendition's playlist, in order.
fn segments_of(playlist: &str) -> Vec<&str> {
    playlist
        .lines()
        .filter(|line| line.ends_with(".m4s"))
        .collect()
}

#[test]
fn another_cut_encodes_no_more_than_what_it_touches() {
    let place = Place::new();
    place.ffmpeg(&[
        &["-f", "lavfi", "-t", "56", "-i", GREYS],
        &["-f", "lavfi", "-t", "56", "-i", SOUND],
        H264,
        AAC,
        &["class.mp4"],
    ]);
    let source = greys(&place.path("class.mp4"));
    // These frames of the source, and none else.
    let shows = |playlist: &Path, kept: &[std::ops::Range<usize>]| {
        let kept = kept.iter().flat_map(|kept| &source[kept.clone()]);
        let shown = greys(playlist);
        assert_eq!(shown.len(), kept.clone().count(), "{playlist:?}");
        for (number, (shown, wanted)) in shown.iter().zip(kept).enumerate() {
            assert!(
                shown.abs_diff(*wanted) < 16,
                "{playlist:?} {number}: {shown} {wanted}"
            );
        }
    };
    let trim = |kept: &[(&str, &str)]| {
        let cues = kept
            .iter()
            .map(|(start, end)| format!("{start} --> {end}\nkeep\n\n"));
        place.write(
            "OUT/drafts/trim.vtt",
            &format!("WEBVTT\n\n{}", cues.collect::<String>()),
        );
    };
    let video = "OUT/package/video/240p/playlist.m3u8";
    let made = |more: &[&'static str]| place.done(&package(more));
    trim(&[("00:03.010", "00:50.000")]);
    made(&[]);
    let first = place.read(video);
    assert_eq!(segments_of(&first).len(), 9);
    let cdn = place.path("CDN");
    copy_over(&place.path("OUT/package"), &cdn);
    let old_frames = frame_times(&place.path(video));
    let old_files = place.files("CDN");

    // A break is cut out of the middle: it lies in one segment, and a part of another.
    trim(&[("00:03.010", "00:31.500"), ("00:34.250", "00:50.000")]);
    // A run that is killed on the way leaves the old package, and is made good.
    let mut job = place.start(&PACKAGE);
    place.wait_for("a part", || place.files("OUT/.package.new").len() > 1);
    job.kill().expect("killed");
    let _ = job.wait();
    assert_eq!(place.read(video), first, "killed too late");
    let done = made(&[]);
    assert_eq!(
        (&done["segments-reused"], &done["segments"]),
        (&8.into(), &10.into())
    );
    let second = place.read(video);
    let (old, new) = (segments_of(&first), segments_of(&second));
    // What does not move keeps its name; what does is another file.
    assert_eq!(old[..5], new[..5]);
    assert!(new[5..].iter().all(|name| !old.contains(name)));
    assert_eq!(place.names("OUT"), ["drafts", "package"]);
    assert!(
        !place
            .names("OUT/package")
            .iter()
            .any(|name| name.starts_with('.'))
    );

    // It is the package that all would have been encoded for.
    copy_over(&place.path("OUT/drafts"), &place.path("WHOLE/drafts"));
    made(&["output=WHOLE"]);
    for rendition in ["240p", "120p"] {
        let one = place.path(&format!("OUT/package/video/{rendition}/playlist.m3u8"));
        let other = place.path(&format!("WHOLE/package/video/{rendition}/playlist.m3u8"));
        let times = frame_times(&one);
        assert_eq!(times, frame_times(&other));
        // 28.44 and 15.72 seconds: nothing that is cut, no half of a frame.
        assert_eq!(times.len(), 711 + 393);
        for (number, time) in times.iter().enumerate() {
            assert!(
                (time - number as f64 / 25.0).abs() < 1e-3,
                "{number}: {time}"
            );
        }
        shows(&one, &[76..787, 857..1250]);
        let durations = |playlist: &str| -> Vec<String> {
            let lines = playlist.lines().filter(|line| line.starts_with("#EXTINF"));
            lines.map(str::to_owned).collect()
        };
        let text = |path: &Path| fs::read_to_string(path).expect("a playlist");
        assert_eq!(durations(&text(&one)), durations(&text(&other)));
    }
    let report = place.done(&["check", "input=OUT/package"]);
    let whole = place.done(&["check", "input=WHOLE/package"]);
    assert_eq!(report["findings"], whole["findings"]);
    let streams = |name: &str| place.read(name).replace(|c: char| c.is_ascii_digit(), "");
    assert_eq!(
        streams("OUT/package/master.m3u8"),
        streams("WHOLE/package/master.m3u8")
    );

    // On a server the new one is laid over the old one, whose viewers go on.
    copy_over(&place.path("OUT/package"), &cdn);
    for (path, (length, _)) in &old_files {
        let is_media = path
            .extension()
            .is_some_and(|end| end == "m4s" || end == "mp4");
        let now = path.metadata().map(|file| file.len()).ok();
        assert!(!is_media || now == Some(*length), "{path:?}");
    }
    place.write("CDN/video/240p/old.m3u8", &first);
    assert_eq!(
        frame_times(&place.path("CDN/video/240p/old.m3u8")),
        old_frames
    );
    let new_frames = frame_times(&place.path("CDN/video/240p/playlist.m3u8"));
    assert_eq!(new_frames, frame_times(&place.path(video)));

    // Both edges are moved; the cut stays.
    trim(&[("00:01.500", "00:31.500"), ("00:34.250", "00:54.900")]);
    let done = made(&[]);
    assert_eq!(
        (&done["segments-reused"], &done["segments"]),
        (&8.into(), &11.into())
    );
    copy_over(&place.path("OUT/drafts"), &place.path("WHOLE/drafts"));
    made(&["output=WHOLE"]);
    let (one, other) = (
        place.path(video),
        place.path(&video.replace("OUT", "WHOLE")),
    );
    assert_eq!(frame_times(&one), frame_times(&other));
    shows(&one, &[38..787, 857..1372]);
    let sound = |package: &str| {
        let manifest = place.read(&format!("{package}/package/manifest.json"));
        let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
        span(
            &place
                .path(&format!("{package}/package"))
                .join(manifest["audio"][0]["playlist"].as_str().expect("a path")),
        )
    };
    assert_eq!(sound("OUT"), sound("WHOLE"));
}

#[test]
fn another_description_encodes_nothing_else() {
    let place = class_with_a_cut();
    for (name, tone) in [("one.ogg", "660"), ("two.ogg", "880")] {
        let tone = format!("sine=frequency={tone}");
        place.ffmpeg(&[&["-f", "lavfi", "-t", "20", "-i", &tone, name]]);
    }
    place.done(&package(&["descriptions.en=one.ogg"]));
    let is_description = |path: &Path| path.display().to_string().contains("description");
    let media = |described: bool| {
        let mut files = place.files("OUT/package/video");
        files.extend(place.files("OUT/package/audio"));
        files.retain(|path, _| {
            path.extension() != Some("m3u8".as_ref()) && is_description(path) == described
        });
        files
    };
    let (others, described) = (media(false), media(true));
    let master = place.read("OUT/package/master.m3u8");
    place.done(&package(&["descriptions.en=two.ogg"]));
    // The same inodes.
    assert_eq!(media(false), others);
    assert!(!described.is_empty());
    let is_init = |path: &Path| path.extension() == Some("mp4".as_ref());
    assert!(
        media(true)
            .keys()
            .all(|path| is_init(path) || !described.contains_key(path))
    );
    let rates = |master: &str| master.replace(|c: char| c.is_ascii_digit(), "");
    assert_eq!(
        rates(&place.read("OUT/package/master.m3u8")),
        rates(&master)
    );
    let manifest = place.manifest();
    let playlist = manifest["audio"][1]["playlist"].as_str().expect("a path");
    let (start, end) = span(&place.path("OUT/package").join(playlist));
    assert!(start < 0.05 && (end - 14.0).abs() < 0.05, "{start} {end}");

    // One sentence of it is recorded again.
    let stereo = ["-i", "two.ogg", "-ac", "2", "-ar", "48000", "three.wav"];
    place.ffmpeg(&[&stereo]);
    let mut bytes = fs::read(place.path("three.wav")).expect("read");
    bytes[2_500_000..2_700_000].fill(0);
    fs::write(place.path("four.wav"), bytes).expect("written");
    place.done(&package(&["descriptions.en=three.wav"]));
    let described = media(true);
    place.done(&package(&["descriptions.en=four.wav"]));
    assert_eq!(media(false), others);
    assert_ne!(media(true), described);

    // Once it is taken away there is none, and the rest stays.
    fs::remove_file(place.path("OUT/drafts/descriptions.en.wav")).expect("it was kept");
    place.done(&PACKAGE);
    assert_eq!(media(false), others);
    assert!(media(true).is_empty());
}

/// A rendition of a screen that shows a fifth of the frames is used again like others.
#[test]
fn a_screens_pictures_stay_with_another_sound() {
    let place = class_with_a_cut();
    place.ffmpeg(&[&["-f", "lavfi", "-t", "20", "-i", SOUND, "one.ogg"]]);
    let screen = [
        "package",
        "input=class.mp4",
        "preset=ultrafast",
        "ladder=screen",
    ];
    place.done(&screen);
    let manifest = place.manifest();
    let rates: Vec<Option<f64>> = (0..2)
        .map(|at| manifest["video"][at]["frame-rate"].as_f64())
        .collect();
    assert_eq!(rates, [Some(25.0), Some(5.0)]);
    let pictures = || {
        let mut files = place.files("OUT/package/video");
        files.retain(|path, _| path.extension() != Some("m3u8".as_ref()));
        files
    };
    let old = pictures();
    let done = place.done(&[&screen[..], &["descriptions.en=one.ogg"]].concat());
    assert_eq!(done["segments"], done["segments-reused"], "{done}");
    assert_eq!(pictures(), old);
    assert_eq!(place.manifest()["video"], manifest["video"]);

    // After a changed cut other frames would be those that it shows.
    let cuts = place
        .read("OUT/drafts/trim.vtt")
        .replace("00:11.000", "00:12.000");
    place.write("OUT/drafts/trim.vtt", &cuts);
    let done = place.done(&screen);
    assert!(done.get("segments-reused").is_none(), "{done}");
}

/// A class of 20 seconds of which what lies from 5 to 11 is cut.
fn class_with_a_cut() -> Place {
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

const PACKAGE: [&str; 4] = [
    "package",
    "input=class.mp4",
    "preset=ultrafast",
    "ladder=240,120",
];

fn package(more: &[&'static str]) -> Vec<&'static str> {
    [&PACKAGE, more].concat()
}

impl Place {
    fn manifest(&self) -> Value {
        serde_json::from_str(&self.read("OUT/package/manifest.json")).expect("JSON")
    }
}

#[test]
fn captions_are_renditions_and_corrected_without_encoding() {
    let place = class_with_a_cut();
    let given = ["captions.en=en.vtt", "captions.ar=ar.srt"];
    let ended = place.lecture(&package(&given));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(
        ended
            .err
            .contains("drafts/captions.en.vtt: cues that stand over a cut: 1, the first in line"),
        "{ended:?}"
    );
    let whole = place.read("OUT/package/captions/captions.en.vtt");
    let expected = "\
WEBVTT

STYLE
::cue(v) { color: yellow }

one
00:00:01.000 --> 00:00:05.000 line:0 align:start
<v Ada>Hello &amp; welcome</v>
to the class

00:00:05.000 --> 00:00:09.000
over the cut

00:00:10.000 --> 00:00:13.000
Bye
";
    assert_eq!(whole, expected);
    assert_eq!(
        place.read("OUT/package/captions/captions.ar.vtt"),
        "WEBVTT\n\n1\n00:00:02.000 --> 00:00:03.500 line:0\n<i>مرحبا</i> &amp; أهلا\n\n\
         2\n00:00:10.000 --> 00:00:12.000\nمع السلامة\n"
    );
    let transcript = place.read("OUT/package/transcript.ar.html");
    assert!(
        transcript.contains("<html lang=\"ar\" dir=\"rtl\">"),
        "{transcript}"
    );
    let manifest = place.manifest();
    assert_eq!(manifest["captions"][1]["label"], "English");
    assert_eq!(manifest["captions"][1]["approved"], false);
    assert_eq!(manifest["review"][1]["file"], "captions.ar.vtt");
    assert_eq!(
        place.done(&["check", "input=OUT/package"]).get("error"),
        None
    );

    // A person corrects the draft and approves it: the same command keeps that, and nothing else
    // is made again.
    let media = place.files("OUT/package");
    let draft = place.read("OUT/drafts/captions.en.vtt");
    assert!(draft.contains("NOTE\nstatus: draft\ninput: "), "{draft}");
    assert!(draft.contains("NOTE\na remark for the editor\n"), "{draft}");
    let corrected = draft
        .replace("Bye", "Good bye")
        .replace("status: draft", "status: approved\nby: Bo");
    place.write("OUT/drafts/captions.en.vtt", &corrected);
    let ended = place.lecture(&package(&given));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    assert!(
        ended
            .err
            .contains("captions.en.vtt stays as a person left it"),
        "{ended:?}"
    );
    assert_eq!(place.read("OUT/drafts/captions.en.vtt"), corrected);
    assert!(
        place
            .read("OUT/package/captions/captions.en.vtt")
            .contains("Good bye")
    );
    assert!(
        place
            .read("OUT/package/transcript.en.html")
            .contains("Good bye")
    );
    let manifest = place.manifest();
    assert_eq!(manifest["captions"][1]["approved"], true);
    assert_eq!(manifest["review"][2]["by"], "Bo");
    let now = place.files("OUT/package");
    for (path, file) in &now {
        let said = path.display().to_string();
        let changes = said.contains("captions/en/")
            || said.contains("captions.en.vtt")
            || said.contains("transcript.en.html")
            || said.contains("manifest");
        assert!(changes || media.get(path) == Some(file), "{said}");
    }
    let segments = |files: &BTreeMap<PathBuf, (u64, u64)>| {
        let files = files
            .keys()
            .filter(|path| path.display().to_string().contains("/captions/en/"));
        files.cloned().collect::<Vec<_>>()
    };
    // Another name for other content, and the old files are gone.
    assert_eq!(segments(&now).len(), segments(&media).len());
    assert_ne!(segments(&now), segments(&media));

    // What a slip of the hand takes out of the package is told, each time.
    let slip = corrected.replace("00:00:16.000 -->", "00:00:16.000 ->");
    place.write("OUT/drafts/captions.en.vtt", &slip);
    let line = 1 + slip
        .lines()
        .position(|line| line.contains(" -> "))
        .expect("it is there");
    let warning = format!(
        "warning: {}",
        place.path("OUT/drafts/captions.en.vtt").display()
    );
    for job in [&PACKAGE[..], &package(&["quality=24"])] {
        let ended = place.lecture(job);
        let warned: Vec<&str> = ended
            .err
            .lines()
            .filter(|line| line.contains(" -> "))
            .collect();
        let [warned] = warned[..] else {
            panic!("{ended:?}");
        };
        assert!(
            warned.starts_with(&format!("{warning}: line {line}: ")),
            "{warned}"
        );
    }

    // Without the drafts there are none.
    for draft in ["captions.en.vtt", "captions.ar.vtt"] {
        fs::remove_file(place.path("OUT/drafts").join(draft)).expect("removed");
    }
    place.done(&PACKAGE);
    assert!(!place.path("OUT/package/captions").exists());
    assert!(!place.read("OUT/package/master.m3u8").contains("SUBTITLES"));
    assert_eq!(place.manifest().get("captions"), None);
}

#[test]
fn captions_in_another_language_than_the_class_are_subtitles() {
    let place = class_with_a_cut();
    place.write(
        "OUT/drafts/chapters.vtt",
        "WEBVTT\n\n00:00.000 --> 00:20.000\nAll\n",
    );
    let given = ["captions.en=en.vtt", "captions.ar=ar.srt"];
    let language = || {
        let chapters: Value =
            serde_json::from_str(&place.read("OUT/package/chapters.json")).expect("JSON");
        chapters[0]["titles"][0]["language"].clone()
    };
    let roles = || {
        let manifest = place.manifest();
        let captions = manifest["captions"].as_array().expect("a list").iter();
        let roles: Vec<String> = captions
            .map(|text| format!("{} {}", text["language"], text["role"]).replace('"', ""))
            .collect();
        roles
    };
    // Nothing says which language is spoken.
    place.done(&package(&given));
    assert_eq!(roles(), ["ar captions", "en captions"]);
    assert_eq!(language(), "und");

    // The user says it, and later packages know it.
    place.done(&["analyse", "input=class.mp4", "language=en-GB"]);
    place.done(&PACKAGE);
    assert_eq!(roles(), ["ar subtitles", "en captions"]);
    assert_eq!(language(), "en-GB");
    let master = place.read("OUT/package/master.m3u8");
    let mut sounds = master.lines().filter(|line| line.contains("TYPE=AUDIO"));
    assert!(sounds.all(|line| line.contains("LANGUAGE=\"en-GB\"")));
    for (language, is_for_the_deaf) in [("en", true), ("ar", false)] {
        let named = format!("TYPE=SUBTITLES,URI=\"captions/{language}/");
        let line = master.lines().find(|line| line.contains(&named));
        let line = line.expect("a rendition");
        assert_eq!(line.contains("CHARACTERISTICS"), is_for_the_deaf, "{line}");
    }

    // The recording says it. Of a track of Matroska that says nothing English is said.
    for (name, tag, other) in [
        ("tagged.mp4", "language=ara", "subtitles"),
        ("tagged.mkv", "language=ara", "subtitles"),
        ("untagged.mkv", "language=eng", "captions"),
    ] {
        place.ffmpeg(&[
            &["-i", "class.mp4", "-c", "copy"],
            &["-metadata:s:a:0", tag, name],
        ]);
        place.done(&[
            "package",
            &format!("input={name}"),
            &format!("output={name}.OUT"),
            "preset=ultrafast",
            "ladder=120",
            given[0],
            given[1],
        ]);
        let manifest = place.read(&format!("{name}.OUT/package/manifest.json"));
        let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
        assert_eq!(manifest["captions"][0]["role"], "captions", "{name}");
        assert_eq!(manifest["captions"][1]["role"], other, "{name}");
    }
}

#[test]
fn what_cannot_be_packaged_changes_no_draft() {
    let place = class_with_a_cut();
    place.done(&package(&["captions.en=en.vtt"]));
    let drafts = place.files("OUT/drafts");
    place.write("new.vtt", "WEBVTT\n\n00:01.000 --> 00:02.000\nnew\n");
    for (wrong, status) in [("quality=900", 2), ("input=other.mp4", 1)] {
        place.recording("other.mp4", "6");
        let mut job = vec!["package", "captions.en=new.vtt", wrong];
        if status == 2 {
            job.push("input=class.mp4");
        } else {
            // It was approved for the class.
            let input = place.read("OUT/drafts/captions.en.vtt");
            let input = input.lines().find(|line| line.starts_with("input: "));
            let input = input.expect("it is imported").to_owned();
            place.write(
                "OUT/drafts/trim.vtt",
                &format!(
                    "WEBVTT\n\nNOTE\nstatus: draft\n{input}\n\n00:05.000 --> 00:06.000\ncut: it\n"
                ),
            );
        }
        let ended = place.lecture(&job);
        assert_eq!(ended.status, Some(status), "{ended:?}");
        let now = place.files("OUT/drafts");
        let captions = place.path("OUT/drafts/captions.en.vtt");
        assert_eq!(now.get(&captions), drafts.get(&captions), "{wrong}");
    }

    // Captions of another recording are told of before it is analysed.
    fs::remove_file(place.path("OUT/drafts/trim.vtt")).expect("removed");
    let before = place.files("OUT/drafts");
    place
        .lecture(&["catalog", "input=other.mp4"])
        .failed(1, &["another recording", "captions.en.vtt"]);
    assert_eq!(place.files("OUT/drafts"), before);
    let anew = [
        "catalog",
        "input=other.mp4",
        "captions.en=new.vtt",
        "preset=ultrafast",
        "ladder=120",
    ];
    place.done(&anew);

    // A class has the name that was given for it, wherever its file is kept.
    std::os::unix::fs::symlink(place.path("class.mp4"), place.path("Class 7.mp4")).expect("linked");
    place.done(&[
        "package",
        "input=Class 7.mp4",
        "output=LINKED",
        "preset=ultrafast",
        "ladder=120",
    ]);
    let manifest = place.read("LINKED/package/manifest.json");
    assert!(manifest.contains("\"title\": \"Class 7\""), "{manifest}");

    place
        .lecture(&["chapters", "input=class.mp4", "output=OUT"])
        .failed(1, &["this is a folder", "OUT"]);
}

#[test]
fn captions_of_what_was_published_go_back_to_the_source() {
    let place = class_with_a_cut();
    place.done(&PACKAGE);
    // Somebody cuts more before the vendor delivers.
    place.write(
        "OUT/drafts/trim.vtt",
        "WEBVTT\n\n00:00.000 --> 00:01.000\ncut: lobby\n\n00:05.000 --> 00:11.000\ncut: break\n",
    );
    place.write(
        "vendor.vtt",
        "WEBVTT\n\n00:02.000 --> 00:04.000\nfirst\n\n00:06.000 --> 00:08.000\nsecond\n",
    );
    let given = ["captions.en=vendor.vtt", "captions-time=output"];
    place.done(&package(&given));
    let draft = place.read("OUT/drafts/captions.en.vtt");
    assert!(
        draft.contains("00:00:02.000 --> 00:00:04.000\nfirst"),
        "{draft}"
    );
    assert!(
        draft.contains("00:00:12.000 --> 00:00:14.000\nsecond"),
        "{draft}"
    );
    assert_eq!(
        place.read("OUT/package/captions/captions.en.vtt"),
        "WEBVTT\n\n00:00:01.000 --> 00:00:03.000\nfirst\n\n00:00:05.000 --> 00:00:07.000\nsecond\n"
    );
    // What was published of another recording says nothing of this one.
    place.recording("other.mp4", "21");
    fs::remove_file(place.path("OUT/drafts/captions.en.vtt")).expect("removed");
    place.write(
        "OUT/drafts/trim.vtt",
        "WEBVTT\n\n00:03.011 --> 00:21.000\nkeep\n",
    );
    place.done(&[
        "package",
        "input=other.mp4",
        "preset=ultrafast",
        "ladder=120",
        given[0],
        given[1],
    ]);
    // It is cut between frames.
    let draft = place.read("OUT/drafts/captions.en.vtt");
    assert!(
        draft.contains("00:00:05.040 --> 00:00:07.040\nfirst"),
        "{draft}"
    );
    let wrong = place.lecture(&package(&["captions-time=later"]));
    wrong.failed(2, &["later is not a value of captions-time"]);
}

#[test]
fn odd_captions_are_warned_of_and_bad_ones_are_errors() {
    let place = class_with_a_cut();
    place.done(&PACKAGE);
    place.ffmpeg(&[&["-i", "class.mp4", "-an", "-c", "copy", "silent.mp4"]]);
    let write = |name: &str, bytes: &[u8]| fs::write(place.path(name), bytes).expect("written");
    write(
        "odd.vtt",
        b"\xef\xbb\xbfWEBVTT\r\n\r\n00:12.000 --> 00:14.000\r\nJos\xe9\r\n\r\n00:13.000 --> 00:15.000\r\n\
          second\r\n\r\n00:01.000 --> 00:02.000\r\nbackwards\r\n\r\n00:03,000 --> 00:04,000\r\ncomma\r\n\r\n\
          00:19.000 --> 00:25.000\r\nlong\r\n\r\n00:30.000 --> 00:31.000\r\nbehind\r\n",
    );
    for input in ["class.mp4", "silent.mp4"] {
        let out = input.trim_end_matches(".mp4");
        let ended = place.lecture(&[
            "package",
            &format!("input={input}"),
            &format!("output={out}"),
            "preset=ultrafast",
            "ladder=120",
            "captions.es=odd.vtt",
        ]);
        assert_eq!(ended.status, Some(0), "{ended:?}");
        for warning in [
            "odd.vtt: line 4: not UTF-8, read as Windows-1252",
            "odd.vtt: line 12: \"00:03,000 --> 00:04,000\" is no timing line",
            "odd.vtt: line 6: the cue overlaps that of line 3 by 1.000 s",
            "odd.vtt: line 9: the cue starts before that of line 6",
            "odd.vtt: line 15: the cue runs past the end of the recording",
            "odd.vtt: line 18: the cue lies behind the end of the recording",
        ] {
            assert!(ended.err.contains(warning), "{warning} in {ended:?}");
        }
        assert_eq!(
            ended.err.contains("the recording has no sound"),
            input == "silent.mp4"
        );
        let packaged = place.read(&format!("{out}/package/captions/captions.es.vtt"));
        let text: Vec<&str> = packaged
            .lines()
            .filter(|line| !line.contains("-->"))
            .collect();
        assert_eq!(text.join(" "), "WEBVTT  backwards  José  second  long");
        assert!(packaged.contains("--> 00:00:20.0"), "{packaged}");
    }

    let good = place.files("OUT");
    write("letter.txt", b"Dear all,\n\nhello\n");
    write("empty.vtt", b"");
    write("large.vtt", ENGLISH.as_bytes());
    let large = File::options()
        .append(true)
        .open(place.path("large.vtt"))
        .and_then(|large| large.set_len((64 << 20) + 1));
    large.expect("written");
    write("nothing.vtt", b"WEBVTT\n\nNOTE nothing\n");
    write(
        "other.vtt",
        b"WEBVTT\n\nNOTE\nstatus: approved\ninput: another\n\n00:01.000 --> 00:02.000\na\n",
    );
    write(
        "status.vtt",
        b"WEBVTT\n\nNOTE\nstatus: done\n\n00:01.000 --> 00:02.000\na\n",
    );
    for (given, status, says) in [
        (
            "captions.en=letter.txt",
            1,
            &["not a caption file", "letter.txt"][..],
        ),
        (
            "captions.en=class.mp4",
            1,
            &["not a caption file", "class.mp4"],
        ),
        (
            "captions.en=empty.vtt",
            1,
            &["the file is empty", "empty.vtt"],
        ),
        (
            "captions.en=nothing.vtt",
            1,
            &["no cue is in it", "nothing.vtt"],
        ),
        (
            "captions.en=missing.vtt",
            1,
            &["there is no such file", "missing.vtt"],
        ),
        ("captions.en=OUT", 1, &["this is a folder"]),
        (
            "captions.en=large.vtt",
            1,
            &["larger than 64 MiB", "large.vtt"],
        ),
        (
            "captions.english=en.vtt",
            2,
            &[
                "\"english\" is not a language",
                "write its code: captions.en",
            ],
        ),
        (
            "captions.en=other.vtt",
            1,
            &["another recording", "other.vtt"],
        ),
        (
            "captions.en=status.vtt",
            1,
            &["line 3", "neither draft nor approved", "status.vtt"],
        ),
        ("descriptions.en=letter.txt", 1, &["letter.txt"]),
        (
            "captions.en_GB=en.vtt",
            2,
            &["\"en_GB\" is not a language", "BCP 47"],
        ),
        ("captions=en.vtt", 2, &["no variable captions"]),
    ] {
        for job in ["package", "catalog", "analyse"] {
            let ended = place.lecture(&[job, "input=class.mp4", given]);
            ended.failed(status, says);
            assert_eq!(place.files("OUT"), good, "{job} {given}");
        }
    }
    let twice = package(&["captions.en=en.vtt", "captions.EN=en.vtt"]);
    place
        .lecture(&twice)
        .failed(2, &["captions.en is given twice"]);
}

#[test]
fn descriptions_are_sound_or_words() {
    let place = class_with_a_cut();
    place.ffmpeg(&[&[
        "-f",
        "lavfi",
        "-t",
        "30",
        "-i",
        "sine=frequency=880",
        "described.ogg",
    ]]);
    place.ffmpeg(&[&[
        "-f",
        "lavfi",
        "-t",
        "8",
        "-i",
        "sine=frequency=880",
        "short.ogg",
    ]]);
    place.ffmpeg(&[&["-i", "class.mp4", "-an", "-c", "copy", "silent.mp4"]]);
    place.write("seen.vtt", "WEBVTT\n\n00:12.000 --> 00:13.000\nA map.\n");
    let descriptions = [
        "descriptions.en=described.ogg",
        "descriptions.de=short.ogg",
        "descriptions.fr=seen.vtt",
    ];
    let ended = place.lecture(&package(&descriptions));
    assert_eq!(ended.status, Some(0), "{ended:?}");
    for warning in [
        "described.ogg lasts 30.0 s and the recording 20.0 s; the rest of it is left out",
        "short.ogg lasts 8.0 s and the recording 20.0 s; silence follows it",
    ] {
        assert!(ended.err.contains(warning), "{warning} in {ended:?}");
    }
    let manifest = place.manifest();
    let roles: Vec<&str> = manifest["audio"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|audio| audio["role"].as_str())
        .collect();
    assert_eq!(roles, ["main", "description", "description"]);
    for audio in manifest["audio"].as_array().expect("a list") {
        let playlist = place
            .path("OUT/package")
            .join(audio["playlist"].as_str().expect("a path"));
        let (start, end) = span(&playlist);
        assert!(
            start < 0.05 && (end - 14.0).abs() < 0.05,
            "{audio} {start} {end}"
        );
    }
    assert_eq!(
        manifest["descriptions"][0]["file"],
        "descriptions/descriptions.fr.vtt"
    );
    assert!(
        place
            .read("OUT/package/descriptions/descriptions.fr.vtt")
            .contains("00:00:06.000 --> 00:00:07.000\nA map.")
    );
    let report = place.lecture(&["check", "input=OUT/package"]).out;
    assert!(!report.contains("Apple 2."), "{report}");

    // Corrected words are written; the sound stays, without being named again.
    let media = place.files("OUT/package/audio");
    let draft = place
        .read("OUT/drafts/descriptions.fr.vtt")
        .replace("A map", "A plan");
    place.write("OUT/drafts/descriptions.fr.vtt", &draft);
    place.done(&package(&[]));
    assert!(
        place
            .read("OUT/package/descriptions/descriptions.fr.vtt")
            .contains("A plan")
    );
    assert_eq!(place.files("OUT/package/audio"), media);

    // What is taken away from the drafts is not published.
    fs::remove_file(place.path("OUT/drafts/descriptions.de.ogg")).expect("it was kept");
    place.done(&package(&[]));
    let languages = || -> Vec<String> {
        let manifest = place.manifest();
        let audio = manifest["audio"].as_array().expect("a list").iter();
        let described = audio.filter(|audio| audio["role"] == "description");
        described
            .map(|audio| audio["language"].to_string())
            .collect()
    };
    assert_eq!(languages(), ["\"en\""]);

    // What a person has changed stays, and so does the file that was given.
    let given = fs::read(place.path("described.ogg")).expect("there");
    let kept = place.path("OUT/drafts/descriptions.en.ogg");
    let mut edited = fs::read(place.path("short.ogg")).expect("there");
    fs::write(&kept, &edited).expect("written");
    assert_eq!(fs::read(place.path("described.ogg")).expect("there"), given);
    for other in ["descriptions.en=described.ogg", "descriptions.en=class.mp4"] {
        let ended = place.lecture(&package(&[other]));
        assert_eq!(ended.status, Some(0), "{ended:?}");
        let warning = "descriptions.en.ogg stays as a person left it";
        assert!(ended.err.contains(warning), "{ended:?}");
        assert_eq!(fs::read(&kept).expect("there"), edited);
    }
    fs::remove_file(&kept).expect("removed");
    place.done(&package(&["descriptions.en=described.ogg"]));
    edited = fs::read(&kept).expect("there");
    assert_eq!(edited, given);

    // Another file takes the place of the one before, whatever its kind.
    place.ffmpeg(&[&["-i", "short.ogg", "-c:a", "flac", "other.flac"]]);
    place.done(&package(&["descriptions.en=other.flac"]));
    assert!(!place.path("OUT/drafts/descriptions.en.ogg").exists());
    assert_eq!(languages(), ["\"en\""]);
    fs::copy(
        place.path("short.ogg"),
        place.path("OUT/drafts/descriptions.en.ogg"),
    )
    .expect("copied");
    let two = place.lecture(&package(&[]));
    two.failed(1, &["the second audio description", "descriptions.en.ogg"]);
    fs::remove_file(place.path("OUT/drafts/descriptions.en.ogg")).expect("removed");

    // It describes this recording and no other.
    place.recording("other.mp4", "21");
    for name in ["descriptions.fr.vtt", "trim.vtt"] {
        fs::remove_file(place.path("OUT/drafts").join(name)).expect("a person wrote it");
    }
    let other = place.lecture(&["analyse", "input=other.mp4"]);
    other.failed(1, &["given for another recording", "descriptions.en.flac"]);
    // Unless one is named for it.
    let other = [
        "catalog",
        "input=other.mp4",
        "preset=ultrafast",
        "ladder=120",
        "descriptions.en=short.ogg",
    ];
    let said = place.lecture(&[&other[..], &["--print"]].concat());
    assert_eq!(said.status, Some(0), "{said:?}");
    place.done(&other);

    let silent = place.lecture(&package(&["descriptions.en=silent.mp4"]));
    silent.failed(1, &["there is no sound in it", "silent.mp4"]);
}

#[test]
fn the_printed_line_has_captions_and_descriptions() {
    let place = class_with_a_cut();
    place.ffmpeg(&[&[
        "-f",
        "lavfi",
        "-t",
        "20",
        "-i",
        "sine=frequency=880",
        "it's described.ogg",
    ]]);
    let given = [
        "captions.en=en.vtt",
        "descriptions.en=it's described.ogg",
        "--print",
    ];
    let said = place.lecture(&package(&given));
    assert_eq!(said.status, Some(0), "{said:?}");
    assert!(!place.path("OUT/drafts/captions.en.vtt").exists());
    for part in [
        "it'\\''s described.ogg",
        "audio_90::role=description",
        "text_0::language=en text_0::role=captions",
        "en.vtt ! webvttparse ! trim.sink_40 trim.src_40 ! queue ! catalog.text_0",
    ] {
        assert!(said.out.contains(part), "{part} in {said:?}");
    }

    // Captions tell what is spoken about, unless several languages might.
    for (more, is_heard) in [
        ("language=en", true),
        ("language=EN", true),
        ("language=en-US", true),
        ("language=de", false),
        ("captions.de=en.vtt", false),
    ] {
        let said = place.lecture(&["analyse", "input=class.mp4", given[0], more, "--print"]);
        assert_eq!(said.out.contains("detect.text_sink"), is_heard, "{said:?}");
    }
    let wrong = place.lecture(&["analyse", "input=class.mp4", "language=german"]);
    wrong.failed(2, &["\"german\" is not a language", "language=de"]);
}

#[test]
fn one_mp4_has_the_class_and_its_chapters() {
    let place = Place::new();
    place.recording("class.mp4", "20");
    place.write(
        "OUT/drafts/trim.vtt",
        "WEBVTT\n\n00:00.000 --> 00:04.000\ncut: silence\n",
    );
    let chapters = "WEBVTT\n\n00:00.000 --> 00:13.000\nFirst\n\n00:13.000 --> 00:20.000\n";
    let job = ["package", "input=class.mp4", "preset=ultrafast"];
    let movie = place.path("OUT/package/class.mp4");
    for title in ["Second", "Größen"] {
        place.write("OUT/drafts/chapters.vtt", &format!("{chapters}{title}\n"));
        place.done(&[&job[..], &["mp4=true"]].concat());
        let probed = probe(&movie);
        let told: Vec<_> = probed["chapters"]
            .as_array()
            .expect("chapters")
            .iter()
            .map(|chapter| (number(&chapter["start_time"]), &chapter["tags"]["title"]))
            .collect();
        assert_eq!(
            told,
            [(0.0, &Value::from("First")), (9.0, &Value::from(title))]
        );
        for kind in ["video", "audio"] {
            let [stream] = &streams(&probed, kind)[..] else {
                panic!("{kind}: {probed}");
            };
            assert!(
                (number(&stream["duration"]) - 16.0).abs() < 0.05,
                "{stream}"
            );
        }
        let manifest: Value =
            serde_json::from_str(&place.read("OUT/package/manifest.json")).expect("JSON");
        let bytes = fs::read(&movie).expect("there");
        assert_eq!(manifest["mp4"]["file"], "class.mp4");
        assert_eq!(manifest["mp4"]["bytes"], bytes.len());
        assert_eq!(manifest["mp4"]["video"], "240p");
        // What a player needs first stands first.
        let at = |kind: &[u8]| bytes.windows(4).position(|found| found == kind);
        assert!(at(b"moov") < at(b"mdat"));
    }
    place.done(&job);
    assert!(!movie.exists());
    let manifest: Value =
        serde_json::from_str(&place.read("OUT/package/manifest.json")).expect("JSON");
    assert!(manifest["mp4"].is_null(), "{manifest}");
    place
        .lecture(&["package", "mp4=perhaps"])
        .failed(2, &["mp4"]);
}

/// The colour of a picture, or of a part of it, as the three parts of RGB are over 128.
fn colour(picture: &Path, part: &str) -> [bool; 3] {
    let read = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(picture)
        .args([
            "-vf",
            &format!("{part}scale=1:1:flags=area"),
            "-f",
            "rawvideo",
        ])
        .args(["-pix_fmt", "rgb24", "-"])
        .output()
        .expect("ffmpeg is installed");
    assert!(read.stderr.is_empty(), "{picture:?}: {read:?}");
    [0, 1, 2].map(|part| read.stdout[part] > 128)
}

#[test]
fn still_pictures_show_what_is_published() {
    const GREEN: [bool; 3] = [false, true, false];
    const BLUE: [bool; 3] = [false, false, true];
    let place = Place::new();
    let part = |colour: &str, seconds: u32| {
        format!("color=0x{colour}:s=640x360:r=10:d={seconds},drawgrid=w=20:h=90:c=white@0.9")
    };
    let (red, green, blue) = (part("FF0000", 8), part("00FF00", 10), part("0000FF", 13));
    place.ffmpeg(&[
        &["-f", "lavfi", "-i", &red, "-f", "lavfi", "-i", &green],
        &["-f", "lavfi", "-i", &blue],
        &[
            "-filter_complex",
            "concat=n=3",
            "-c:v",
            "libx264",
            "class.mkv",
        ],
    ]);
    place.write(
        "OUT/drafts/trim.vtt",
        "WEBVTT\n\n00:00.000 --> 00:08.000\ncut: silence\n",
    );
    let chapters = |second: &str| {
        format!("WEBVTT\n\n00:00.000 --> {second}\nGreen\n\n{second} --> 00:31.000\nSecond\n")
    };
    let job = [
        "package",
        "input=class.mkv",
        "preset=ultrafast",
        "keyframe-interval=1",
    ];
    place.write("OUT/drafts/chapters.vtt", &chapters("00:18.000"));
    place.done(&job);
    let package = place.path("OUT/package");
    let manifest = || -> Value {
        serde_json::from_str(&place.read("OUT/package/manifest.json")).expect("JSON")
    };
    let image_of = |chapter: usize| {
        let json: Value =
            serde_json::from_str(&place.read("OUT/package/chapters.json")).expect("JSON");
        let image = &json[chapter]["images"][0];
        assert_eq!(
            (&image["pixel-width"], &image["pixel-height"]),
            (&640.into(), &360.into())
        );
        assert_eq!(image["url"], manifest()["chapters"][chapter]["image"]);
        package.join(image["url"].as_str().expect("a path"))
    };
    assert_eq!(colour(&image_of(0), ""), GREEN);
    assert_eq!(colour(&image_of(1), ""), BLUE);
    let poster = package.join("thumbnails/poster.jpg");
    assert!([GREEN, BLUE].contains(&colour(&poster, "")));

    // Every tile shows what is seen at its time, and nothing shows what was cut.
    let track = place.read("OUT/package/thumbnails/thumbnails.vtt");
    let document = gstlecture::webvtt::read(track.as_bytes()).expect("WebVTT");
    let mut end = 0.0;
    for cue in document.cues() {
        let (start, text) = (cue.span.start.secs_f64(), cue.plain_text());
        assert!((start - end).abs() < 0.001, "{track}");
        end = cue.span.end.secs_f64();
        let (sheet, at) = text.split_once("#xywh=").expect("a place in a sheet");
        let numbers: Vec<&str> = at.split(',').collect();
        let [x, y, width, height] = numbers[..] else {
            panic!("{at}");
        };
        let part = format!("crop={width}:{height}:{x}:{y},");
        let seen = colour(&package.join("thumbnails").join(sheet), &part);
        assert_eq!(seen, if start < 10.0 { GREEN } else { BLUE }, "{start}");
    }
    assert!((end - 23.0).abs() < 0.05, "{track}");

    // A chapter that starts elsewhere has another picture, and nothing is encoded for it.
    let before = place.files("OUT/package");
    let old = image_of(1);
    place.write("OUT/drafts/chapters.vtt", &chapters("00:14.000"));
    place.done(&job);
    assert_eq!(colour(&image_of(1), ""), GREEN);
    assert!(!old.exists());
    let after = place.files("OUT/package");
    for (path, file) in &before {
        if path.starts_with(package.join("video")) || *path == poster {
            assert_eq!(after.get(path), Some(file), "{path:?}");
        }
    }
}

#[test]
fn a_persons_drafts_survive_another_analysis() {
    let place = Place::new();
    place.recording("class.mp4", "6");
    place.done(&["analyse", "input=class.mp4"]);
    let machine = place.read("OUT/drafts/trim.vtt");
    place.done(&["analyse", "input=class.mp4"]);
    assert_eq!(place.read("OUT/drafts/trim.vtt"), machine);
    let approved = machine.replace("status: draft", "status: approved");
    assert_ne!(approved, machine);
    place.write("OUT/drafts/trim.vtt", &approved);
    let chapters = "WEBVTT\n\n00:00.000 --> 00:06.000\nMine\n";
    place.write("OUT/drafts/chapters.vtt", chapters);
    let again = place.lecture(&["catalog", "input=class.mp4"]);
    assert_eq!(again.status, Some(0), "{again:?}");
    assert!(
        again.err.contains("trim.vtt stays as a person left it"),
        "{again:?}"
    );
    assert_eq!(place.read("OUT/drafts/trim.vtt"), approved);
    assert_eq!(place.read("OUT/drafts/chapters.vtt"), chapters);
    assert!(place.read("OUT/package/chapters.vtt").contains("Mine"));

    // The approval was not given for another recording.
    place.recording("other.mp4", "5");
    for job in ["analyse", "package", "catalog"] {
        place
            .lecture(&[job, "input=other.mp4"])
            .failed(1, &["another recording", "trim.vtt"]);
    }
    assert_eq!(place.read("OUT/drafts/trim.vtt"), approved);
}

#[test]
fn a_draft_edited_while_the_job_runs_survives() {
    let place = Place::new();
    place.recording("class.mp4", "20");
    place.done(&["analyse", "input=class.mp4"]);
    let mut job = place.start(&["analyse", "input=class.mp4"]);
    place.wait_for("the staging folder", || {
        place.path("OUT/.drafts.new").exists()
    });
    let mine = "WEBVTT\n\n00:00.000 --> 00:20.000\nMine\n";
    place.write("OUT/drafts/chapters.vtt", mine);
    assert!(job.wait().expect("it ends").success());
    assert_eq!(place.read("OUT/drafts/chapters.vtt"), mine);
}

#[test]
fn a_package_follows_the_drafts_it_was_begun_with() {
    let place = Place::new();
    place.recording("class.mp4", "40");
    let trim = |start: u32| {
        let text = format!("WEBVTT\n\n00:{start}.000 --> 00:40.000\ncut: silence\n");
        place.write("OUT/drafts/trim.vtt", &text);
    };
    trim(38);
    place.done(&PACKAGE);
    // Parts of the picture are encoded before the sound, which is read by the cut list again.
    trim(34);
    let mut job = place.start(&PACKAGE);
    place.wait_for("a part", || place.files("OUT/.package.new").len() > 1);
    trim(20);
    assert!(job.wait().expect("it ends").success());
    let manifest = place.manifest();
    assert_eq!(manifest["kept"][0]["end"], 34.0);
    let sound = manifest["audio"][0]["playlist"].as_str().expect("a path");
    for playlist in ["video/240p/playlist.m3u8", sound] {
        let (_, end) = span(&place.path("OUT/package").join(playlist));
        assert!((end - 34.0).abs() < 0.05, "{playlist} {end}");
    }
    assert_eq!(place.names("OUT"), ["drafts", "package"]);
    assert!(place.read("OUT/drafts/trim.vtt").contains("00:20.000"));
}

#[test]
fn a_killed_run_is_made_good_by_the_same_command() {
    let place = Place::new();
    place.recording("class.mp4", "20");
    let slow = [
        "package",
        "input=class.mp4",
        "preset=veryslow",
        "keyframe-interval=1",
    ];
    let staging = place.path("OUT/.package.new");
    for _ in 0..2 {
        let mut job = place.start(&slow);
        place.wait_for("the first segments", || {
            place.files("OUT/.package.new").len() > 2 || place.path("OUT/package").exists()
        });
        job.kill().expect("killed");
        let _ = job.wait();
        assert!(!place.path("OUT/package").exists(), "killed too late");
        assert!(staging.exists());
    }
    place.done(&slow);
    assert_eq!(place.names("OUT"), ["package"]);
    let case = case("class.mp4", &[], Some((320, 240, "25/1")), 1, 20.0);
    is_packaged(&place, "OUT", &case);
}

#[test]
fn ctrl_c_leaves_nothing_behind() {
    let place = Place::new();
    place.recording("class.mp4", "20");
    let job = place
        .command(&["package", "input=class.mp4", "preset=veryslow"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    place.wait_for("the staging folder", || {
        place.path("OUT/.package.new/video").exists()
    });
    let interrupted = Command::new("kill")
        .args(["-INT", &job.id().to_string()])
        .status();
    assert!(interrupted.is_ok_and(|status| status.success()));
    let ended = job.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(75));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(
        said.contains("stopped: the package is as it was;"),
        "{said}"
    );
    assert_eq!(place.names("."), ["class.mp4"]);
}

#[test]
fn the_second_run_on_a_folder_is_refused() {
    let place = Place::new();
    place.recording("class.mp4", "1");
    fs::create_dir(place.path("OUT")).expect("made");
    let other = File::open(place.path("OUT")).expect("opened");
    flock(&other, FlockOperation::LockExclusive).expect("locked");
    for job in ["package", "analyse", "catalog"] {
        place
            .lecture(&[job, "input=class.mp4"])
            .failed(75, &["another run is writing there"]);
    }
    drop(other);
    place.done(&["package", "input=class.mp4"]);
}
