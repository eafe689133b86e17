// SPDX-License-Identifier: MPL-2.0

//! Times of compressed audio blocks in WAV.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use gst::prelude::*;

use super::{Data, lock, on_data};

/// Sets the times of compressed audio blocks in WAV from their samples; the demuxer derives them
/// from a mean rate that recorders write incorrectly.
pub(super) fn count_blocks(pad: &gst::Pad) {
    // After a seek, the number of earlier samples is unknown.
    let next = Mutex::new(None);
    let begins = AtomicBool::new(true);
    on_data(pad, move |pad, data| match data {
        Data::Begins => begins.store(true, Ordering::Relaxed),
        Data::Caps => {}
        Data::Buffer(buffer) => {
            let caps = pad.current_caps();
            let length = caps.and_then(|caps| blocks_length(&caps, buffer.size() as u64));
            let Some(length) = length else {
                return;
            };
            let mut next = lock(&next);
            if begins.swap(false, Ordering::Relaxed) {
                *next = buffer.pts().filter(|start| start.is_zero());
            }
            if let Some(next) = &mut *next {
                let buffer = buffer.make_mut();
                buffer.set_pts(*next);
                buffer.set_duration(length);
                *next = next.saturating_add(length);
            }
        }
    });
}

/// Returns the duration of the ADPCM blocks in this many bytes ("Multimedia Data Standards Update",
/// Microsoft 1994). Each block begins with a header for each channel, and four bits are a sample.
fn blocks_length(caps: &gst::CapsRef, bytes: u64) -> Option<gst::ClockTime> {
    let stream = caps.structure(0).filter(|s| s.name() == "audio/x-adpcm")?;
    let field = |name: &str| u64::try_from(stream.get::<i32>(name).ok()?).ok();
    let (rate, channels) = (field("rate")?, field("channels")?);
    let block = field("block_align").filter(|block| *block > 0)?;
    let (header, in_header) = match stream.get::<&str>("layout").ok()? {
        "dvi" => (4 * channels, 1),
        "microsoft" => (7 * channels, 2),
        _ => return None,
    };
    let samples = |block: u64| match block.checked_sub(header) {
        Some(data) => (data * 2).checked_div(channels).unwrap_or_default() + in_header,
        None => 0,
    };
    let all = (bytes / block) * samples(block) + samples(bytes % block);
    let nanos = all.saturating_mul(1_000_000_000).checked_div(rate)?;
    Some(gst::ClockTime::from_nseconds(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_adpcm_last_as_long_as_their_samples() {
        gst::init().expect("GStreamer");
        let length = |layout: &str, channels: i32, bytes: u64| {
            let caps = gst::Caps::builder("audio/x-adpcm")
                .field("layout", layout)
                .field("rate", 8000i32)
                .field("channels", channels)
                .field("block_align", 256i32 * channels)
                .build();
            blocks_length(&caps, bytes).map(gst::ClockTime::mseconds)
        };
        // 505 and 500 samples a block.
        assert_eq!(length("dvi", 1, 256 * 16), Some(1010));
        assert_eq!(length("dvi", 2, 512 * 16), Some(1010));
        assert_eq!(length("microsoft", 1, 256 * 16), Some(1000));
        assert_eq!(length("g721", 1, 256), None);
        assert_eq!(length("dvi", 0, 256), None);
    }
}
