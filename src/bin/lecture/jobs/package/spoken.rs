// SPDX-License-Identifier: MPL-2.0

//! Descriptions that a program speaks: each draft of texts becomes an audio description, unless there
//! is a recorded one.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gst::prelude::*;
use gstlecture::descriptions::{
    Fit, Passage, Scene, Voice, loud_as, passages, speaking_time, trimmed,
};
use gstlecture::package::manifest::{ExtendedEntry, SpokenEntry};
use gstlecture::timeline::{Content, Span, Time};
use once_cell::sync::Lazy;
use serde_json::json;

use crate::class::drafts::Corrected;
use crate::class::fingerprint::of_bytes;
use crate::class::texts::Described;
use crate::engine::description::Description;
use crate::engine::pipeline;
use crate::engine::progress::Progress;
use crate::engine::run::run_to_end;
use crate::error::Error;
use crate::jobs::session_input::room;
use crate::jobs::{Request, facts, set_input};
use crate::media::probe::Input;
use crate::media::voice::{self, RATE};

use super::PackageOptions;

static DESCRIPTION: Lazy<Description> = Lazy::new(|| {
    let text = include_str!("../../../../../pipelines/package-description.launch");
    Description::read(text).behind(room())
});

/// Number of texts that are reported one by one; the others are counted.
const REPORTED: usize = 10;
/// Speaking time, in parts of a text's room, from which the text is not even spoken: no voice is that
/// fast.
const HOPELESS: f64 = 4.0;

/// The descriptions of one language.
struct Texts {
    language: String,
    /// Name of the draft.
    file: String,
    passages: Vec<Passage>,
}

/// Descriptions to be spoken, and the files that they become.
pub struct Spoken {
    texts: Vec<Texts>,
    /// What the manifest lists, once they are spoken.
    entries: Option<Vec<SpokenEntry>>,
}

impl Spoken {
    /// Plans what is spoken, and adds each language to the audio descriptions. Their files will be
    /// made in `folder`.
    pub fn plan(
        request: &Request,
        options: &PackageOptions,
        (input, recording): (&Input, &str),
        corrected: &mut Corrected,
        folder: &Path,
    ) -> Self {
        let mut spoken = Spoken {
            texts: Vec::new(),
            entries: None,
        };
        if !options.speak {
            return spoken;
        }
        if input.audio.is_empty() {
            request.note("warning: the recording has no audio: its descriptions stay texts");
            return spoken;
        }
        let scene = Scene {
            speech: corrected.speech.as_deref(),
            cuts: &corrected.cuts,
            silent: corrected.redaction.silent(Content::Description),
            end: input.duration.unwrap_or(Time::MAX),
        };
        let is_recorded = |language: &str| {
            let mut described = corrected.described.iter();
            described.any(|described| described.language == language)
        };
        for (language, file, cues) in corrected.texts.descriptions() {
            let passages = passages(&cues, &scene);
            if !passages.is_empty() && !is_recorded(language) {
                spoken.texts.push(Texts {
                    language: language.to_owned(),
                    file: file.to_owned(),
                    passages,
                });
            }
        }
        for texts in &spoken.texts {
            let fingerprint = texts.fingerprint(options, recording, corrected.loudness);
            let path = texts.path(folder);
            let described = Described::to_be_spoken(&texts.language, path, fingerprint);
            corrected.described.push(described);
        }
        spoken
    }

    /// Speaks the texts and mixes them into the recording's audio, once. Languages of which no text
    /// fits its pause are no audio description.
    ///
    /// # Errors
    /// The program that speaks fails, or the recording cannot be read.
    pub fn make(
        &mut self,
        request: &Request,
        options: &PackageOptions,
        input: &Input,
        corrected: &mut Corrected,
        folder: &Path,
    ) -> Result<(), Error> {
        if self.entries.is_some() {
            return Ok(());
        }
        let mut entries = Vec::new();
        for texts in &self.texts {
            let (entry, voices) = texts.speak(request, options, corrected, folder)?;
            if voices.is_empty() {
                let language = &texts.language;
                corrected
                    .described
                    .retain(|described| described.language != *language);
            } else {
                mix(request, input, voices, &texts.path(folder))?;
            }
            entries.push(entry);
        }
        self.entries = Some(entries);
        Ok(())
    }

    /// Returns what the manifest lists, if the texts were spoken in this run.
    pub fn entries(&self) -> Option<&[SpokenEntry]> {
        self.entries.as_deref()
    }
}

/// Mixes voices into the audio of the recording.
fn mix(request: &Request, input: &Input, voices: Vec<Voice>, path: &Path) -> Result<(), Error> {
    let mut values = request.values.clone();
    set_input(&mut values, input);
    values.set("description", path.display().to_string());
    let mut facts = facts(input);
    facts.set("room-video", false);
    let made = pipeline::make(&DESCRIPTION.pipeline(&facts, &values))?;
    input.place(&made)?;
    pipeline::decode_only(&made, "audio/x-raw");
    if let Some(pad) = made
        .by_name("mixer")
        .and_then(|mixer| mixer.static_pad("sink"))
    {
        voice::mix_into(&pad, voices);
    }
    let progress = Progress::start("descriptions", input.duration).watched(&request.watched);
    run_to_end(&made, progress, &request.stop, |_| {})?;
    Ok(())
}

impl Texts {
    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("descriptions.{}.mka", self.language))
    }

    /// Returns the fingerprint of everything that the audio is made from.
    fn fingerprint(
        &self,
        options: &PackageOptions,
        recording: &str,
        loudness: Option<f64>,
    ) -> String {
        let passages = self.passages.iter();
        let passages: Vec<_> = passages
            .map(|passage| {
                let room = passage.room;
                (&passage.text, room.start.nanos(), room.end.nanos())
            })
            .collect();
        let command = &options.speak_command.text;
        let all = json!([recording, self.language, command, passages, loudness]);
        of_bytes(all.to_string().as_bytes())
    }

    /// Speaks the texts. Those that do not fit are reported.
    fn speak(
        &self,
        request: &Request,
        options: &PackageOptions,
        corrected: &Corrected,
        folder: &Path,
    ) -> Result<(SpokenEntry, Vec<Voice>), Error> {
        let speaker = Speaker {
            request,
            options,
            language: &self.language,
            wav: folder.join("spoken.wav"),
        };
        let mut entry = SpokenEntry {
            file: self.file.clone(),
            spoken: 0,
            faster: 0,
            extended: Vec::new(),
        };
        let mut voices = Vec::new();
        let mut notes = Vec::new();
        for passage in &self.passages {
            let (line, room) = (passage.line, passage.room);
            match speaker.speak(passage)? {
                Said::InTime { samples, is_faster } => {
                    entry.spoken += 1;
                    entry.faster += usize::from(is_faster);
                    let start = voice::sample_at(room.start);
                    voices.push(Voice { start, samples });
                }
                Said::TooLong { needs } => {
                    let seconds = room.duration().secs_f64();
                    notes.push(format!(
                        "line {line}: this text takes {needs:.1} s and has {seconds:.1} s: it is \
                         not spoken, and is marked for extended description"
                    ));
                    // The room of a text over speech is empty, and has no place in the package.
                    let end = room
                        .end
                        .max(room.start.saturating_add(Time::from_millis(1)));
                    let span = corrected.cuts.span_to_output(Span::new(room.start, end));
                    let span = span.unwrap_or_default();
                    entry.extended.push(ExtendedEntry {
                        span: span.into(),
                        needs,
                        text: passage.text.clone(),
                    });
                }
            }
        }
        for note in notes.iter().take(REPORTED) {
            request.note(&format!("{}: {note}", self.file));
        }
        if let more @ 1.. = notes.len().saturating_sub(REPORTED) {
            request.note(&format!("{}: and {more} more", self.file));
        }
        loud_as(&mut voices, corrected.loudness, RATE);
        Ok((entry, voices))
    }
}

/// A text as it was spoken.
enum Said {
    InTime {
        samples: Vec<f32>,
        is_faster: bool,
    },
    /// It takes this many seconds at normal speed.
    TooLong {
        needs: f64,
    },
}

/// The program that speaks, with the file in which it leaves each text.
struct Speaker<'a> {
    request: &'a Request,
    options: &'a PackageOptions,
    language: &'a str,
    wav: PathBuf,
}

impl Speaker<'_> {
    fn speak(&self, passage: &Passage) -> Result<Said, Error> {
        let room = passage.room.duration();
        let estimated = speaking_time(&passage.text).secs_f64();
        if estimated > HOPELESS * room.secs_f64() {
            return Ok(Said::TooLong { needs: estimated });
        }
        let (options, stop) = (self.options, &self.request.stop);
        let command = &options.speak_command;
        let limit = Duration::try_from_secs_f64(options.speak_timeout.0).unwrap_or(Duration::MAX);
        let wav = command.speak(&passage.text, self.language, limit, stop)?;
        fs::write(&self.wav, wav).map_err(|error| Error::writing(&self.wav, &error))?;
        let samples = |speed: f64| -> Result<Vec<f32>, Error> {
            let spoken = voice::samples(&self.wav, speed, stop);
            let spoken = spoken.map_err(|error| match error {
                Error::Request(_) => Error::request(
                    format!(
                        "the program wrote no readable WAV file ({})",
                        error.finding()
                    ),
                    format!("speak-command={}", command.text),
                    "correct the command, or name another one",
                ),
                other => other,
            });
            Ok(trimmed(&spoken?).to_vec())
        };
        let normal = samples(1.0)?;
        if normal.is_empty() {
            return Err(Error::request(
                "the program wrote only silence",
                format!("speak-command={}", command.text),
                "check that it speaks the text on its input",
            ));
        }
        let needs = length(&normal);
        let said = match Fit::new(needs, room) {
            Fit::Normal => Some((normal, false)),
            Fit::Faster(speed) => Some((samples(speed)?, true)),
            Fit::Extended => None,
        };
        // The last samples of faster speech may take a moment longer.
        let said = said.filter(|(samples, _)| length(samples) <= longest(passage.room));
        Ok(match said {
            Some((samples, is_faster)) => Said::InTime { samples, is_faster },
            None => Said::TooLong {
                needs: needs.secs_f64(),
            },
        })
    }
}

/// Returns the length of samples of one channel.
fn length(samples: &[f32]) -> Time {
    Time::from_secs_f64(samples.len() as f64 / f64::from(RATE))
}

/// Returns the longest time that fits a room, with the inexactness of faster speech.
fn longest(room: Span) -> Time {
    room.duration().saturating_add(Time::from_millis(20))
}
