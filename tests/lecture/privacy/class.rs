// SPDX-License-Identifier: MPL-2.0

//! The class whose private parts have to stay out, with its captions, descriptions and chapters.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{self, make, value};

/// The recording in its own time: two slides, and what nobody is to see over them, each for whole
/// seconds: cut, covered from the start, covered by the clean slide, covered by the card, cut.
pub const PICTURE: &str = "color=green:size=320x180:rate=25:duration=24,\
    drawbox=color=blue:t=fill:enable='gte(t,7.5)',\
    drawbox=color=red:t=fill:enable='lt(t,2)+between(t,18,19.99)',\
    drawbox=color=cyan:t=fill:enable='between(t,2,2.99)',\
    drawbox=color=magenta:t=fill:enable='between(t,8,11.99)',\
    drawbox=color=yellow:t=fill:enable='between(t,14,14.99)'";

/// The class at 440 Hz; what is muted at 3000 Hz, what is cut at 5000 Hz.
pub const SOUND: &str = "aevalsrc=0.1*sin(2*PI*440*t)+0.4*sin(2*PI*3000*t)*between(t\\,9\\,10.5)\
    +0.4*sin(2*PI*5000*t)*(lt(t\\,2)+between(t\\,18\\,20)):d=24:s=48000";

/// The same with somebody who tells what is seen, at 4000 Hz while the picture is covered.
pub const DESCRIBED: &str = "aevalsrc=0.1*sin(2*PI*440*t)+0.4*sin(2*PI*3000*t)*between(t\\,9\\,10.5)\
    +0.4*sin(2*PI*4000*t)*between(t\\,8.02\\,11.98)\
    +0.4*sin(2*PI*5000*t)*(lt(t\\,2)+between(t\\,18\\,20)):d=24:s=48000";

/// The cues lie off the grid of frames.
pub const TRIM: &str = "\
WEBVTT

NOTE
status: approved
by: Ada

00:00.000 --> 00:02.000
cut: Wilhelmina chats

00:02.000 --> 00:03.000
cover: Wilhelmina walks in

00:09.000 --> 00:10.500
mute: Wilhelmina says her name

00:08.013 --> 00:11.987
cover: Wilhelmina's face

00:14.000 --> 00:15.000
cover: Wilhelmina's desk
card

00:18.000 --> 00:20.000
cut: Wilhelmina again

00:18.500 --> 00:19.000
mute: Wilhelmina in the cut
";

pub const ENGLISH: &str = "\
WEBVTT

STYLE
::cue(v[voice=\"Zebulon Quux\"]) { color: yellow }

STYLE
::cue(v[voice=\"Teacher\"]) { color: white }

00:00.500 --> 00:01.500
<v Teacher>Balthasar, close the door

00:04.000 --> 00:08.500
<v Teacher>Recursion calls itself

00:08.600 --> 00:09.100
<v Teacher>Yes, Zebul-

zebulon-1
00:09.200 --> 00:10.400
<v Zebulon Quux>I am Zebulon

00:10.500 --> 00:13.000
<v Teacher>A good question

00:18.200 --> 00:19.800
<v Teacher>Balthasar again
";

pub const FRENCH: &str = "\
1
00:00:04,000 --> 00:00:08,500
La récursion s'appelle elle-même

2
00:00:10,400 --> 00:00:10,600
Zebulon, une bonne question
";

pub const GERMAN_DESCRIPTIONS: &str = "\
WEBVTT

00:04.000 --> 00:06.000
Eine grüne Folie

00:11.900 --> 00:13.000
Xanthippe tritt ein
";

/// Text of the slides, one of which is cut and one covered.
pub const SLIDES: &str = "\
WEBVTT

NOTE
status: approved
by: Ada

00:00.000 --> 00:01.900
Zenobia's list

00:03.000 --> 00:07.500
Call stacks

00:07.500 --> 00:12.500
Zenobia's marks

00:18.000 --> 00:19.900
Zenobia's room
";

/// The same in a language that nobody has approved.
pub const FRENCH_SLIDES: &str = "\
WEBVTT

00:03.000 --> 00:07.500
Pile de Zenobia
";

pub const CHAPTERS: &str = "\
WEBVTT

00:00.000 --> 00:07.600
Curtain

00:07.600 --> 00:15.500
What Zebulon asks

00:15.500 --> 00:24.000
Questions
";

/// Words that only stand in what is cut, muted or covered, or in the reasons for it.
pub const PRIVATE: [&str; 8] = [
    "Zenobia",
    "Curtain",
    "Zebul",
    "Quux",
    "Balthasar",
    "Xanthippe",
    "Wilhelmina",
    "walks in",
];

/// Words that have to be there.
pub const PUBLIC: [&str; 7] = [
    "Call stacks",
    "Recursion calls itself",
    "A good question",
    "s'appelle elle-même",
    "Eine grüne Folie",
    "Questions",
    "Teacher",
];

pub struct Class {
    pub folder: TempDir,
}

impl Class {
    pub fn new() -> Self {
        let class = Class {
            folder: tempfile::tempdir().expect("a folder"),
        };
        let sound = format!("-f lavfi -i {SOUND} -c:a flac -t 24");
        make(&class.path("sound.mka"), &sound);
        let described = format!("-f lavfi -i {DESCRIBED} -c:a flac -t 24");
        make(&class.path("described.mka"), &described);
        let status = Command::new("ffmpeg")
            .args([
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                PICTURE,
                "-i",
                "sound.mka",
            ])
            .args(["-i", "sound.mka", "-map", "0", "-map", "1", "-map", "2"])
            .args(["-metadata:s:a:1", "language=deu", "-c:a", "copy"])
            .args([
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-bf",
                "2",
                "class.mkv",
            ])
            .current_dir(class.folder.path())
            .status()
            .expect("ffmpeg runs");
        assert!(status.success());
        class.write("OUT/drafts/trim.vtt", TRIM);
        class.write("OUT/drafts/chapters.vtt", CHAPTERS);
        class.write("OUT/drafts/slides.en.vtt", SLIDES);
        class.write("OUT/drafts/slides.fr.vtt", FRENCH_SLIDES);
        class.write("en.vtt", ENGLISH);
        class.write("fr.srt", FRENCH);
        class.write("de.vtt", GERMAN_DESCRIPTIONS);
        class
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn package(&self) -> PathBuf {
        self.path("OUT/package")
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("inside")).expect("made");
        fs::write(path, text).expect("written");
    }

    pub fn job(&self) -> Vec<std::ffi::OsString> {
        vec![
            "package".into(),
            value("input", &self.path("class.mkv")),
            value("output", &self.path("OUT")),
            "preset=ultrafast".into(),
            "ladder=180,90".into(),
            "keyframe-interval=1".into(),
            "mp4=true".into(),
            value("captions.en", &self.path("en.vtt")),
            value("captions.fr", &self.path("fr.srt")),
            value("descriptions.de", &self.path("de.vtt")),
            value("descriptions.en", &self.path("described.mka")),
        ]
    }

    /// All files of the package.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.package()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push(path),
                }
            }
        }
        found.sort();
        found
    }

    pub fn manifest(&self) -> Value {
        harness::json(&self.package().join("manifest.json"))
    }

    /// The playlists of the renditions of a kind, and the MP4.
    pub fn renditions(&self, kind: &str) -> Vec<PathBuf> {
        let manifest = self.manifest();
        let entries = manifest[kind].as_array().expect("renditions");
        let playlists = entries
            .iter()
            .map(|entry| entry["playlist"].as_str().expect("a path"));
        let all = playlists.chain(["class.mp4"]);
        all.map(|path| self.package().join(path)).collect()
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

pub fn find(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes
        .windows(wanted.len())
        .any(|found| found.eq_ignore_ascii_case(wanted))
}

/// Whether a file or its name holds a word, in any of the usual characters.
pub fn holds(path: &Path, word: &str) -> bool {
    let bytes = fs::read(path).expect("a file");
    let wide: Vec<u8> = word.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = word.encode_utf16().flat_map(u16::to_be_bytes).collect();
    [word.as_bytes(), &wide, &big]
        .iter()
        .any(|wanted| find(&bytes, wanted))
        || find(text(path).as_bytes(), word.as_bytes())
}
