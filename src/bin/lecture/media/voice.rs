// SPDX-License-Identifier: MPL-2.0

//! Speaks texts with a program of the user's, and mixes them into audio.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gst::prelude::*;
use gstlecture::descriptions::{Mixer, Voice};
use gstlecture::timeline::Time;

use crate::engine::pipeline;
use crate::engine::program::{self, Failure, Limits};
use crate::engine::progress::Progress;
use crate::engine::run::run_to_end;
use crate::error::Error;
use crate::options::{FromText, Wrong};
use crate::stop::Stop;

/// Samples per second of spoken texts, and of the audio that they are mixed into.
pub const RATE: u32 = 48_000;
/// Placeholder of the language in the command.
const LANGUAGE: &str = "{language}";
/// Largest output of the command, in bytes: four minutes of 48 kHz in stereo.
const LARGEST: u64 = 48 << 20;
/// The program of Debian's package that is named if it is missing.
const ESPEAK: &str = "espeak-ng";
/// Samples of silence that are added at once after the end of the audio.
const PIECE: u64 = RATE as u64 / 10;

/// A program that speaks, and its arguments.
#[derive(Clone, Debug)]
pub struct SpeakCommand {
    program: String,
    arguments: Vec<String>,
    /// The command as it was written.
    pub text: String,
}

impl FromText for SpeakCommand {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let words = shlex::split(text).ok_or(Wrong::Form("close the quotes"))?;
        let mut words = words.into_iter();
        let program = words.next().filter(|program| !program.is_empty());
        Ok(SpeakCommand {
            program: program.ok_or(Wrong::Form("name a program and its arguments"))?,
            arguments: words.collect(),
            text: text.to_owned(),
        })
    }
}

impl SpeakCommand {
    /// Returns the WAV file that the program makes of a text in a language.
    ///
    /// # Errors
    /// The program is missing, fails, takes longer than `limit`, or writes something else.
    pub fn speak(
        &self,
        text: &str,
        language: &str,
        limit: Duration,
        stop: &Stop,
    ) -> Result<Vec<u8>, Error> {
        let arguments = self.arguments.iter();
        let mut command = Command::new(&self.program);
        command
            .args(arguments.map(|argument| argument.replace(LANGUAGE, language)))
            .stderr(Stdio::piped());
        let limits = Limits {
            time: limit,
            bytes: LARGEST,
        };
        let ended = program::run(command, text.into(), limits, stop)?;
        let wav = ended.map_err(|failure| self.error(&failure, limit))?;
        if wav.starts_with(b"RIFF") && wav.get(8..12) == Some(b"WAVE") {
            return Ok(wav);
        }
        Err(self.failed("the program wrote no WAV file to its output"))
    }

    fn failed(&self, what: impl Into<String>) -> Error {
        Error::request(
            what,
            format!("speak-command={}", self.text),
            "correct the command, or name another one",
        )
    }

    fn error(&self, failure: &Failure, limit: Duration) -> Error {
        let program = &self.program;
        match failure {
            Failure::Missing if program == ESPEAK => Error::request(
                format!("the program {ESPEAK} is not installed"),
                "",
                format!("apt-get install {ESPEAK}, or name another program: speak-command="),
            ),
            Failure::Missing => self.failed(format!("there is no program {program}")),
            Failure::Start(error) => self.failed(format!("the program does not start ({error})")),
            Failure::Time => self.failed(format!(
                "the program was ended because one text took longer than {} s (speak-timeout=)",
                limit.as_secs_f64()
            )),
            Failure::Bytes => self.failed(format!(
                "the program was ended because it wrote more than {} MiB for one text",
                LARGEST >> 20
            )),
            Failure::Status(status, why) => {
                let why = match &**why {
                    "" => String::new(),
                    why => format!(": {why}"),
                };
                self.failed(format!("the program failed ({status}){why}"))
            }
        }
    }
}

/// Returns the samples of a WAV file as one channel of [`RATE`], spoken faster by this factor.
///
/// # Errors
/// The file cannot be decoded.
pub fn samples(wav: &Path, speed: f64, stop: &Stop) -> Result<Vec<f32>, Error> {
    let tempo = match speed > 1.0 {
        true => "! pitch name=tempo",
        false => "",
    };
    let made = pipeline::parse(&format!(
        "filesrc name=wav ! wavparse ! audioconvert ! audioresample \
         ! audio/x-raw,format=F32LE,layout=interleaved,rate={RATE},channels=1 {tempo} ! fakesink name=end"
    ))?;
    if let Some(file) = made.by_name("wav") {
        file.set_property("location", wav);
    }
    if let Some(pitch) = made.by_name("tempo") {
        pitch.set_property("tempo", speed as f32);
    }
    let samples: Arc<Mutex<Vec<f32>>> = Arc::default();
    if let Some(pad) = made.by_name("end").and_then(|end| end.static_pad("sink")) {
        let samples = samples.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(Ok(map)) = info.buffer().map(|buffer| buffer.map_readable()) {
                let read = |bytes: &[u8]| Some(f32::from_le_bytes(bytes.try_into().ok()?));
                let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
                samples.extend(map.chunks_exact(4).filter_map(read));
            }
            gst::PadProbeReturn::Ok
        });
    }
    run_to_end(&made, Progress::start("voice", None), stop, |_| {})?;
    drop(made);
    let mut samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *samples))
}

/// Audio that voices are mixed into.
struct Mixed {
    /// Waits for the number of channels.
    voices: Vec<Voice>,
    mixer: Option<Mixer>,
    /// Number of the next sample.
    next: u64,
}

/// Mixes voices into the buffers of a sink pad, which has 32-bit samples at [`RATE`] without holes.
/// After the last buffer, silence is added until the last voice has ended.
pub fn mix_into(pad: &gst::Pad, voices: Vec<Voice>) {
    let mixed = Mutex::new(Mixed {
        voices,
        mixer: None,
        next: 0,
    });
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(kinds, move |pad, info| {
        if let Some(buffer) = info.buffer_mut() {
            mix_buffer(&mixed, pad, buffer);
        } else if info
            .event()
            .is_some_and(|event| event.type_() == gst::EventType::Eos)
        {
            add_silence(&mixed, pad);
        }
        gst::PadProbeReturn::Ok
    });
}

fn lock(mixed: &Mutex<Mixed>) -> std::sync::MutexGuard<'_, Mixed> {
    mixed.lock().unwrap_or_else(PoisonError::into_inner)
}

fn channels(pad: &gst::Pad) -> usize {
    let caps = pad.current_caps();
    let format = caps.and_then(|caps| gst_audio::AudioInfo::from_caps(&caps).ok());
    format.map_or(1, |format| format.channels() as usize)
}

/// Returns the segment of a pad in time.
fn segment(pad: &gst::Pad) -> Option<gst::FormattedSegment<gst::ClockTime>> {
    let event = pad.sticky_event::<gst::event::Segment>(0)?;
    event.segment().downcast_ref::<gst::ClockTime>().cloned()
}

fn mix_buffer(mixed: &Mutex<Mixed>, pad: &gst::Pad, buffer: &mut gst::Buffer) {
    let channels = channels(pad);
    let time = segment(pad).zip(buffer.pts());
    let time = time.and_then(|(segment, pts)| segment.to_stream_time(pts));
    let mut mixed = lock(mixed);
    let mixed = &mut *mixed;
    if let Some(time) = time {
        let first = sample_at(Time::from_nanos(time.nseconds()));
        // Times of containers are rounded to milliseconds; the samples have no holes.
        if first.abs_diff(mixed.next) > u64::from(RATE) / 100 {
            mixed.next = first;
        }
    }
    let mixer = mixed
        .mixer
        .get_or_insert_with(|| Mixer::new(RATE, channels, std::mem::take(&mut mixed.voices)));
    let buffer = buffer.make_mut();
    // audiorate marks what it adds as silence, and audioconvert makes it silent again.
    buffer.unset_flags(gst::BufferFlags::GAP);
    let Ok(mut map) = buffer.map_writable() else {
        return;
    };
    let read = |bytes: &[u8]| Some(f32::from_le_bytes(bytes.try_into().ok()?));
    let mut samples: Vec<f32> = map.chunks_exact(4).filter_map(read).collect();
    mixer.mix(mixed.next, &mut samples);
    for (bytes, sample) in map.chunks_exact_mut(4).zip(&samples) {
        bytes.copy_from_slice(&sample.to_le_bytes());
    }
    mixed.next += (samples.len() / channels.max(1)) as u64;
}

/// Sends silence to the pad, where it passes the probe again, until the last voice has ended. A source
/// pad refuses buffers as soon as it has the EOS event.
fn add_silence(mixed: &Mutex<Mixed>, pad: &gst::Pad) {
    let channels = channels(pad);
    let Some(segment) = segment(pad) else {
        return;
    };
    loop {
        let (next, end) = {
            let mut mixed = lock(mixed);
            let voices = std::mem::take(&mut mixed.voices);
            let mixer = mixed
                .mixer
                .get_or_insert_with(|| Mixer::new(RATE, channels, voices));
            let end = mixer.end();
            (mixed.next, end)
        };
        if next >= end {
            return;
        }
        let count = PIECE.min(end - next);
        let silence = vec![0; count as usize * channels * 4];
        let mut buffer = gst::Buffer::from_mut_slice(silence);
        let start = time_of(next);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(segment.position_from_stream_time(start));
            buffer.set_duration(time_of(next + count).saturating_sub(start));
        }
        if pad.chain(buffer).is_err() {
            return;
        }
    }
}

/// Returns the number of the sample at a time.
pub fn sample_at(time: Time) -> u64 {
    let samples = u128::from(time.nanos()) * u128::from(RATE) / 1_000_000_000;
    u64::try_from(samples).unwrap_or(u64::MAX)
}

fn time_of(sample: u64) -> gst::ClockTime {
    let nanos = u128::from(sample) * 1_000_000_000 / u128::from(RATE);
    gst::ClockTime::from_nseconds(u64::try_from(nanos).unwrap_or(u64::MAX - 1))
}
