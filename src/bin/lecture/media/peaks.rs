// SPDX-License-Identifier: MPL-2.0

//! Peaks of a recording's audio, for a picture of its waveform.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use gst::prelude::*;

use crate::engine::pipeline;
use crate::engine::progress::Progress;
use crate::engine::run::run_to_end;
use crate::error::Error;
use crate::stop::Stop;

/// Samples per second that are looked at.
const RATE: usize = 8000;
/// Samples of a peak: there are ten peaks per second.
const PEAK: usize = RATE / 10;

/// Largest number of peaks, those of 100 hours: a time beyond is a fault of the file.
const MOST: usize = 3_600_000;

/// Largest samples of pieces of a stream, which may begin late or have holes.
#[derive(Default)]
struct Peaks {
    peaks: Vec<u8>,
}

impl Peaks {
    /// Adds samples that begin at `first`, counted from the start of the recording.
    fn add(&mut self, first: usize, samples: impl Iterator<Item = i16>) {
        for (index, sample) in samples.enumerate() {
            let place = (first + index) / PEAK;
            if place >= MOST {
                return;
            }
            if self.peaks.len() <= place {
                self.peaks.resize(place + 1, 0);
            }
            let level = u8::try_from(sample.unsigned_abs() >> 7).unwrap_or(u8::MAX);
            if let Some(peak) = self.peaks.get_mut(place) {
                *peak = level.max(*peak);
            }
        }
    }
}

/// Returns the peaks of a file's first audio stream, ten per second, 0 to 255.
///
/// # Errors
/// The file cannot be decoded.
pub fn of_file(path: &Path, stop: &Stop) -> Result<Vec<u8>, Error> {
    let made = pipeline::parse(&format!(
        "filesrc name=recording ! decodebin name={} ! audioconvert ! audioresample quality=0 ! \
         audio/x-raw,format=S16LE,channels=1,rate={RATE} ! fakesink name=end",
        pipeline::SOURCE
    ))?;
    pipeline::decode_only(&made, "audio/x-raw");
    let peaks: Arc<Mutex<Peaks>> = Arc::default();
    if let Some(recording) = made.by_name("recording") {
        recording.set_property("location", path);
    }
    if let Some(pad) = made.by_name("end").and_then(|end| end.static_pad("sink")) {
        let peaks = peaks.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some((first, map)) = info.buffer().and_then(samples) {
                let pairs = map.chunks_exact(2);
                let samples =
                    pairs.filter_map(|pair| Some(i16::from_le_bytes(pair.try_into().ok()?)));
                let mut peaks = peaks.lock().unwrap_or_else(PoisonError::into_inner);
                peaks.add(first, samples);
            }
            gst::PadProbeReturn::Ok
        });
    }
    run_to_end(&made, Progress::start("waveform", None), stop, |_| {})?;
    drop(made);
    let mut peaks = peaks.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut peaks.peaks))
}

/// Returns the position of a buffer's first sample, and its samples.
fn samples(buffer: &gst::Buffer) -> Option<(usize, gst::BufferMap<'_, gst::buffer::Readable>)> {
    let nanos = u128::from(buffer.pts()?.nseconds());
    let first = nanos * RATE as u128 / 1_000_000_000;
    Some((usize::try_from(first).ok()?, buffer.map_readable().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenth_of_a_second_has_its_largest_sample() {
        let mut peaks = Peaks::default();
        peaks.add(PEAK / 2, [100, -32768, 5].into_iter());
        peaks.add(2 * PEAK, [i16::MAX, 0].into_iter());
        peaks.add(2 * PEAK + 1, [128].into_iter());
        assert_eq!(peaks.peaks, [255, 0, 255]);
    }
}
