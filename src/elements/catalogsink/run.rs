// SPDX-License-Identifier: MPL-2.0

//! What is known of one run, from READY→PAUSED to PAUSED→READY.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::{fs, io};

use gst::prelude::*;

use super::CAT;
use super::finish::Finished;
use super::ladder::LadderElement;
use super::pad::CHAPTERS;
use super::pad::{AudioRole, AudioSettings, TextSettings};
use super::settings::Settings;
use super::writer::TrackWriter;
use crate::elements::shared::lock::lock;
use crate::language;
use crate::package::chapters::Mark;
use crate::package::coding::{Codecs, CodecsError, VideoCodec};
use crate::package::ladder::{Ladder, LadderError, Rung};
use crate::package::mp4::codec::Media;
use crate::package::names::{folder_name, unique};
use crate::package::programme::{Audio, Role, Video};
use crate::package::text::Text;
use crate::timeline::{FrameRate, Time};
use crate::webvtt::{Cue, Document};

/// The kind of rendition that a pad's stream becomes.
#[derive(Clone, Copy)]
pub enum Output {
    Video {
        rung: Rung,
        rate: (u32, u32),
        codec: VideoCodec,
    },
    Audio,
}

struct Track {
    input: String,
    folder: String,
    output: Output,
    writer: Arc<Mutex<TrackWriter>>,
}

/// The filling of the end of a stream if another one is longer: a player stops at the end of the
/// shortest.
#[derive(Clone)]
pub enum Tail {
    /// The last picture.
    Picture(LadderElement),
    /// Silence.
    Sound,
    /// Nothing: players do not wait for a text that ends early.
    Text,
}

/// The progress of a pad's stream.
pub struct Input {
    /// The elements behind the pad.
    branch: gst::Bin,
    /// Collectors that have not seen its end.
    open: usize,
    ended: bool,
    /// Its end has come and is kept until those of the others have.
    waiting: bool,
    /// Running time of the end of its last buffer.
    pub end: Option<gst::ClockTime>,
    tail: Tail,
    pub language: Option<String>,
    /// Sets what the stream becomes, by its first caps.
    pub format: Option<Format>,
}

pub type Format = Box<dyn FnOnce(&gst::CapsRef) + Send>;

impl Input {
    pub fn new(
        branch: &gst::Bin,
        tail: Tail,
        format: impl FnOnce(&gst::CapsRef) + Send + 'static,
    ) -> Self {
        Input {
            branch: branch.clone(),
            open: 0,
            ended: false,
            waiting: false,
            end: None,
            tail,
            language: None,
            format: Some(Box::new(format)),
        }
    }
}

/// A stream whose end was kept, and shall come now.
pub struct Due {
    pub input: String,
    pub tail: Tail,
    /// End of its own data; `None` if it had none.
    pub own_end: Option<gst::ClockTime>,
}

pub struct Run {
    location: PathBuf,
    pub ladder: Ladder,
    pub codecs: Codecs,
    pub asked: Vec<Time>,
    pub settings: Settings,
    inputs: BTreeMap<String, Input>,
    tracks: Vec<Track>,
    pub marks: Vec<Mark>,
    /// The cues of each text pad.
    pub cues: BTreeMap<String, Vec<Cue>>,
    /// Settings of audio pads that were released before the end.
    pub released_audio: BTreeMap<String, AudioSettings>,
    /// The same of text pads that had a stream.
    pub released_texts: BTreeMap<String, TextSettings>,
    pub seqnum: Option<gst::Seqnum>,
    pub probes: Vec<(gst::Pad, gst::PadProbeId)>,
    failed: bool,
    pub complete: bool,
    pub finishing: Option<JoinHandle<()>>,
}

impl Run {
    /// Checks everything that can be wrong before a stream arrives.
    pub fn start(settings: Settings) -> Result<Run, gst::ErrorMessage> {
        let wrong = |what: String| gst::error_msg!(gst::LibraryError::Settings, ("{what}"));
        let ladder = settings
            .ladder
            .parse()
            .map_err(|error: LadderError| wrong(error.to_string()))?;
        let codecs = settings
            .codecs
            .parse()
            .map_err(|error: CodecsError| wrong(error.to_string()))?;
        let asked = settings.asked().map_err(|part| {
            wrong(format!("\"{part}\" in keyframe-times is no time in seconds; write, for example, \"12.5,80\""))
        })?;
        let location = settings.location.clone().ok_or_else(|| {
            wrong("catalogsink has no location; set it to an empty folder".into())
        })?;
        open(&location)?;
        Ok(Run {
            location,
            ladder,
            codecs,
            asked,
            settings,
            inputs: BTreeMap::new(),
            tracks: Vec::new(),
            marks: Vec::new(),
            cues: BTreeMap::new(),
            released_audio: BTreeMap::new(),
            released_texts: BTreeMap::new(),
            seqnum: None,
            probes: Vec::new(),
            failed: false,
            complete: false,
            finishing: None,
        })
    }

    /// Notes a failure; `false` where there was one before.
    pub fn fails(&mut self) -> bool {
        !std::mem::replace(&mut self.failed, true)
    }

    pub fn add_input(&mut self, name: &str, input: Input) {
        self.inputs.insert(name.to_owned(), input);
    }

    /// Forgets what came of an input, and removes its files: its stream starts again.
    pub fn forget_input(&mut self, name: &str) -> Option<gst::Bin> {
        self.tracks.retain(|track| {
            let other = track.input != name;
            if !other {
                lock(&track.writer).remove();
            }
            other
        });
        if name == CHAPTERS {
            self.marks.clear();
        }
        self.cues.remove(name);
        self.inputs.remove(name).map(|input| input.branch)
    }

    pub fn input(&mut self, name: &str) -> Option<&mut Input> {
        self.inputs.get_mut(name)
    }

    /// Notes that a collector takes what comes of an input.
    pub fn open(&mut self, input: &str) {
        if let Some(input) = self.inputs.get_mut(input) {
            input.open += 1;
        }
    }

    /// Notes that a collector has seen the end; `true` where it is the input's last.
    pub fn close(&mut self, input: &str) -> bool {
        self.inputs.get_mut(input).is_some_and(|input| {
            input.open = input.open.saturating_sub(1);
            input.open == 0
        })
    }

    /// Notes that nothing more comes of an input; `true` where the package can be finished.
    pub fn end(&mut self, input: &str) -> bool {
        if let Some(input) = self.inputs.get_mut(input) {
            input.ended = true;
        }
        let open = self.inputs.values().any(|input| !input.ended);
        !open && !self.failed && self.finishing.is_none()
    }

    /// Keeps the end of an input's stream until the others' have come.
    pub fn keep_end(&mut self, input: &str) {
        if let Some(input) = self.inputs.get_mut(input) {
            input.waiting = true;
        }
    }

    /// Once no picture and no sound will come any more: the streams whose ends were kept, and
    /// where the programme ends, which is where the longest of them does. An audio description,
    /// which others mixed, does not make it longer.
    pub fn due(
        &mut self,
        settings: &BTreeMap<String, AudioSettings>,
    ) -> Option<(Vec<Due>, gst::ClockTime)> {
        let (mut end, mut described_end) = (None, None);
        for (name, input) in &self.inputs {
            if matches!(input.tail, Tail::Text) {
                continue;
            }
            if !input.waiting && !input.ended {
                return None;
            }
            let longest = match is_description(settings, name) {
                true => &mut described_end,
                false => &mut end,
            };
            *longest = input.end.max(*longest);
        }
        let end = end.or(described_end).unwrap_or_default();
        let told = self.settings.told_duration().unwrap_or_default();
        let end = end.max(gst::ClockTime::from_nseconds(told.nanos()));
        let waiting = self.inputs.iter_mut().filter(|(_, input)| input.waiting);
        let due: Vec<Due> = waiting
            .map(|(name, input)| {
                input.waiting = false;
                Due {
                    input: name.clone(),
                    tail: input.tail.clone(),
                    own_end: input.end,
                }
            })
            .collect();
        (!due.is_empty()).then_some((due, end))
    }

    /// Adds a rendition, and says where it is written.
    pub fn add_track(
        &mut self,
        input: &str,
        output: Output,
        settings: &AudioSettings,
    ) -> Arc<Mutex<TrackWriter>> {
        let folder = match output {
            Output::Video { rung, rate, codec } => {
                format!("video/{}", codec.named(rung.name(rate)))
            }
            Output::Audio => {
                let language = settings.language.as_deref();
                let language = language.filter(|tag| *tag != language::UNDETERMINED);
                let names = [settings.label.as_deref(), language];
                let mut names = names.into_iter().flatten().map(folder_name);
                let name = names.find(|name| !name.is_empty());
                let role = Role::from(settings.role).name();
                let name = match (name, settings.role, &settings.label) {
                    (Some(name), AudioRole::Description, None) => format!("{name}-{role}"),
                    (Some(name), ..) => name,
                    (None, ..) => role.to_owned(),
                };
                format!("audio/{name}")
            }
        };
        let taken = |folder: &str| self.tracks.iter().any(|track| track.folder == folder);
        let folder = unique(&folder, taken);
        let rate = match output {
            Output::Video { rate, .. } => FrameRate::new(rate.0, rate.1),
            Output::Audio => None,
        };
        let writer = TrackWriter::new(&self.location, &folder, rate);
        let writer = Arc::new(Mutex::new(writer));
        self.open(input);
        self.tracks.push(Track {
            input: input.to_owned(),
            folder,
            output,
            writer: writer.clone(),
        });
        writer
    }

    /// Leaves nothing behind but a complete package.
    pub fn clean(self) {
        for (pad, probe) in self.probes {
            pad.remove_probe(probe);
        }
        if self.complete {
            return;
        }
        // The folder was empty when the run started: what it holds is the run's.
        for entry in fs::read_dir(&self.location).into_iter().flatten().flatten() {
            if let Err(error) = remove(&entry) {
                gst::warning!(CAT, "{} is left behind: {error}", entry.path().display());
            }
        }
    }

    /// The writers of audio descriptions, and where the programme ends.
    pub fn described(
        &self,
        settings: &BTreeMap<String, AudioSettings>,
    ) -> (Vec<Arc<Mutex<TrackWriter>>>, Time) {
        let (described, programme): (Vec<&Track>, Vec<&Track>) = self
            .tracks
            .iter()
            .partition(|track| is_description(settings, &track.input));
        let end_of = |track: &Track| lock(&track.writer).end();
        let end = programme.into_iter().map(end_of).max();
        let end = end.max(self.settings.told_duration());
        let end = end.filter(|&end| end > Time::ZERO).unwrap_or(Time::MAX);
        let writers = described.into_iter().map(|track| track.writer.clone());
        (writers.collect(), end)
    }

    /// The writers of all renditions.
    pub fn writers(&self) -> Vec<Arc<Mutex<TrackWriter>>> {
        self.tracks
            .iter()
            .map(|track| track.writer.clone())
            .collect()
    }

    /// Returns the written tracks in the order of playlists: video by its codecs, of each from large to
    /// small, audio with the main one first.
    pub fn finished(
        &self,
        settings: &BTreeMap<String, AudioSettings>,
        texts: &[(String, TextSettings)],
    ) -> Finished {
        let mut finished = Finished {
            location: self.location.clone(),
            video: Vec::new(),
            audio: Vec::new(),
            texts: Vec::new(),
            chapters: self.marks.clone(),
        };
        for track in &self.tracks {
            let writer = lock(&track.writer);
            let Some((segments, description)) = writer.finished() else {
                continue;
            };
            match (&track.output, description.media) {
                (Output::Video { rung, rate, codec }, _) => finished.video.push(Video {
                    track: segments.clone(),
                    name: codec.named(rung.name(*rate)),
                    lines: rung.lines,
                    width: rung.width,
                    height: rung.height,
                    frame_rate: rung.frame_rate(*rate),
                }),
                (Output::Audio, Media::Audio { channels, rate }) => {
                    let settings = settings.get(&track.input).cloned().unwrap_or_default();
                    let told = self.inputs.get(&track.input);
                    let language = settings
                        .language
                        .or_else(|| told.and_then(|input| input.language.clone()))
                        .unwrap_or_else(|| language::UNDETERMINED.into());
                    let label = settings
                        .label
                        .unwrap_or_else(|| label(&language, settings.role));
                    let taken =
                        |label: &str| finished.audio.iter().any(|audio| audio.label == label);
                    finished.audio.push(Audio {
                        track: segments.clone(),
                        label: unique(&label, taken),
                        language,
                        role: settings.role.into(),
                        channels,
                        rate,
                    });
                }
                (Output::Audio, Media::Video { .. }) => {}
            }
        }
        let codec = |video: &Video| VideoCodec::of(&video.track.codec);
        finished.video.sort_by_key(codec);
        finished.audio.sort_by_key(|audio| audio.role);
        for (input, settings) in texts {
            let told = self.inputs.get(input);
            let language = settings.language.clone();
            let language = language.or_else(|| told.and_then(|input| input.language.clone()));
            let others: Vec<Text> = finished
                .texts
                .iter()
                .map(|(text, _)| text.clone())
                .collect();
            let text = Text::new(
                settings.role.into(),
                language,
                settings.label.clone(),
                &others,
            );
            let cues = self.cues.get(input).cloned().unwrap_or_default();
            finished.texts.push((text, Document::new(cues)));
        }
        finished
    }
}

fn is_description(settings: &BTreeMap<String, AudioSettings>, pad: &str) -> bool {
    let settings = settings.get(pad);
    settings.is_some_and(|settings| settings.role == AudioRole::Description)
}

/// The label of a rendition that nobody named.
fn label(language: &str, role: AudioRole) -> String {
    let language = match language {
        language::UNDETERMINED => "Audio".to_owned(),
        language => language::name(language),
    };
    match role {
        AudioRole::Main => language,
        AudioRole::Description => format!("{language} (described video)"),
    }
}

/// Removes a file, or a folder with what is in it. Of a link only the link is removed.
fn remove(entry: &fs::DirEntry) -> io::Result<()> {
    match entry.file_type()?.is_dir() {
        true => fs::remove_dir_all(entry.path()),
        false => fs::remove_file(entry.path()),
    }
}

/// Makes the folder where it is missing, and makes sure that it is empty and can be written.
fn open(location: &Path) -> Result<(), gst::ErrorMessage> {
    let cannot = |what: &str, error: io::Error| {
        gst::error_msg!(
            gst::ResourceError::OpenWrite,
            (
                "the folder {} cannot be {what}: {error}",
                location.display()
            )
        )
    };
    fs::create_dir_all(location).map_err(|error| cannot("made", error))?;
    let mut entries = fs::read_dir(location).map_err(|error| cannot("read", error))?;
    if entries.next().is_some() {
        return Err(gst::error_msg!(
            gst::ResourceError::OpenWrite,
            (
                "the folder {} is not empty; catalogsink writes a whole package into an empty one",
                location.display()
            )
        ));
    }
    let probe = location.join(".catalogsink");
    fs::write(&probe, b"")
        .and_then(|()| fs::remove_file(&probe))
        .map_err(|error| cannot("written", error))
}
