// SPDX-License-Identifier: MPL-2.0

//! Measures the loudness of a recording's audio during the analysis, and calculates the gains that
//! level it.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;
use gstlecture::edit::Analysis;
use gstlecture::speech::loudness::{self, Meter, Phrase};
use gstlecture::timeline::{Content, CutList, Redaction, Span, Time};
use serde_json::{Value, json};

use crate::engine::pipeline;
use crate::engine::progress::Progress;
use crate::engine::run::run_to_end;
use crate::error::Error;
use crate::options::{FromText, Wrong};
use crate::stop::Stop;

/// Element of `analyse.launch` through which the audio passes, and its pads: one name for a
/// recording's first audio stream and one for the others.
const LISTENER: &str = "trim";
const FIRST: &str = "sink_1";
const OTHERS: &str = "sink_2";

/// Caps for the meter, which are also those to which a package's audio is mixed.
const MEASURED: &str = "audio/x-raw,format=F32LE,layout=interleaved,channels=[1,2]";

/// The target loudness of a package's audio, in LUFS; `None` leaves it unchanged.
#[derive(Clone, Copy, Debug)]
pub struct Target(pub Option<f64>);

impl FromText for Target {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        if text == "off" {
            return Ok(Target(None));
        }
        let target = text.parse().ok();
        let target = target.filter(|target| (-40.0..=-5.0).contains(target));
        match target {
            Some(_) => Ok(Target(target)),
            None => Err(Wrong::Form("write LUFS from -40 to -5, or off")),
        }
    }
}

/// Meters of a recording's audio streams, in order.
pub struct Meters(Vec<Arc<Mutex<Option<Meter>>>>);

impl Meters {
    /// Attaches meters to an analysis of this number of audio streams.
    pub fn listen(analysis: &gst::Pipeline, count: usize) -> Self {
        let trim = analysis.by_name(LISTENER);
        let meters = (0..count).map(|n| {
            let name = match n.checked_sub(1) {
                None => FIRST.to_owned(),
                Some(n) => format!("{OTHERS}{n}"),
            };
            let pad = trim.as_ref().and_then(|trim| trim.static_pad(&name));
            let meter = Arc::default();
            if let Some(pad) = pad {
                measure(&pad, &meter);
            }
            meter
        });
        Meters(meters.collect())
    }

    /// Returns the measurements for `analysis.json`: the phrases of each audio stream, in seconds
    /// and LUFS.
    pub fn to_json(&self) -> Value {
        let sounds = self.0.iter().map(|meter| {
            let phrases = lock(meter).as_ref().map(Meter::phrases);
            phrases.unwrap_or_default().iter().map(written).collect()
        });
        Value::Array(sounds.collect())
    }
}

fn lock(meter: &Mutex<Option<Meter>>) -> MutexGuard<'_, Option<Meter>> {
    meter.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Measures the buffers of a pad; its caps are [`MEASURED`].
fn measure(pad: &gst::Pad, meter: &Arc<Mutex<Option<Meter>>>) {
    let meter = meter.clone();
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(buffer) = info.buffer() else {
            return gst::PadProbeReturn::Ok;
        };
        let mut meter = lock(&meter);
        if meter.is_none() {
            let caps = pad.current_caps();
            let format = caps.and_then(|caps| gst_audio::AudioInfo::from_caps(&caps).ok());
            *meter = format
                .filter(|format| format.format() == gst_audio::AUDIO_FORMAT_F32)
                .and_then(|format| Meter::new(format.rate(), format.channels() as usize));
        }
        let segment = pad.sticky_event::<gst::event::Segment>(0);
        let time = segment.and_then(|event| {
            let segment = event.segment().downcast_ref::<gst::ClockTime>()?;
            segment.to_stream_time(buffer.pts()?)
        });
        if let (Some(meter), Some(time), Ok(map)) = (&mut *meter, time, buffer.map_readable()) {
            let sample = |bytes: &[u8]| Some(f32::from_ne_bytes(bytes.try_into().ok()?));
            let samples: Vec<f32> = map.chunks_exact(4).filter_map(sample).collect();
            meter.add(Time::from_nanos(time.nseconds()), &samples);
        }
        gst::PadProbeReturn::Ok
    });
}

/// Returns the phrases of a file's first audio stream.
pub fn of_file(path: &Path, stop: &Stop) -> Result<Vec<Phrase>, Error> {
    let made = pipeline::parse(&format!(
        "filesrc name=recording ! decodebin name={} ! audioconvert ! {MEASURED} ! fakesink name=end",
        pipeline::SOURCE
    ))?;
    let meter = Arc::default();
    if let Some(recording) = made.by_name("recording") {
        recording.set_property("location", path);
    }
    if let Some(pad) = made.by_name("end").and_then(|end| end.static_pad("sink")) {
        measure(&pad, &meter);
    }
    run_to_end(&made, Progress::start("loudness", None), stop, |_| {})?;
    let phrases = lock(&meter).as_ref().map(Meter::phrases);
    Ok(phrases.unwrap_or_default())
}

fn written(phrase: &Phrase) -> Value {
    let tenth = |level: f64| (level * 10.0).round() / 10.0;
    json!({
        "start": phrase.span.start.secs_f64(),
        "end": phrase.span.end.secs_f64(),
        "level": tenth(phrase.level),
        "above-noise": tenth(phrase.above_noise),
    })
}

/// Returns the gains of each audio stream that an analysis has measured, as catalogsink reads them.
pub fn gains(
    analysis: &Analysis,
    cuts: &CutList,
    redaction: &Redaction,
    target: f64,
) -> Vec<String> {
    let speech = analysis.speech.iter().flatten();
    let speech: Vec<Span> = speech
        .filter_map(|found| cuts.span_to_output(*found))
        .collect();
    let silent = redaction.silent(Content::Main);
    let streams = analysis.loudness.iter().map(|phrases| {
        let kept = kept(phrases.iter().cloned(), cuts, silent);
        loudness::plan(&kept, &speech, target).to_string()
    });
    streams.collect()
}

/// Returns the loudness, in LUFS, that an analysis has measured in the first audio stream.
pub fn of_analysis(analysis: &Analysis) -> Option<f64> {
    loudness::loudness(analysis.loudness.first()?)
}

/// Returns a single gain that brings the whole file to the target. It is for audio descriptions,
/// which are already mixed.
pub fn gain_of_whole(
    phrases: Vec<Phrase>,
    cuts: &CutList,
    redaction: &Redaction,
    target: f64,
) -> String {
    let silent = redaction.silent(Content::Description);
    let kept = kept(phrases.into_iter(), cuts, silent);
    loudness::plan_mix(&kept, target).to_string()
}

/// Returns the kept parts of phrases, in the package's time.
fn kept(phrases: impl Iterator<Item = Phrase>, cuts: &CutList, silent: &[Span]) -> Vec<Phrase> {
    let is_silent = |span: Span| {
        let middle = Time::from_nanos(span.start.nanos().midpoint(span.end.nanos()));
        silent.iter().any(|silent| silent.contains(middle))
    };
    let heard = phrases.filter(|phrase| !is_silent(phrase.span));
    heard
        .filter_map(|phrase| {
            let span = cuts.span_to_output(phrase.span)?;
            Some(Phrase { span, ..phrase })
        })
        .collect()
}
