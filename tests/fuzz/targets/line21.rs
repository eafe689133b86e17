// SPDX-License-Identifier: MPL-2.0

//! Closed captions (CEA-608) of a video: the first byte names the packing, the others are those of
//! frames, 30 a second.

use gstlecture::record::inside::line21::{Packing, Reader, pairs};
use gstlecture::timeline::Time;

/// Bytes of a frame: three triples.
const FRAME: usize = 9;

pub fn run(bytes: &[u8]) {
    let Some((kind, frames)) = bytes.split_first() else {
        return;
    };
    let packing = match kind % 4 {
        0 => Packing::Raw,
        1 => Packing::S334,
        2 => Packing::CcData,
        _ => Packing::Cdp,
    };
    let mut reader = Reader::default();
    let mut time = Time::ZERO;
    for frame in frames.chunks(FRAME) {
        for (field, pair) in pairs(packing, frame) {
            reader.push(time, field, pair);
        }
        time = time.saturating_add(Time::from_millis(33));
    }
    let tracks = reader.finish(time);
    assert!(tracks.len() <= 4);
    for track in tracks {
        let mut last = Time::ZERO;
        for cue in &track.cues {
            assert!(cue.span.start >= last && !cue.span.is_empty() && cue.span.end <= time);
            assert!(!cue.text.trim().is_empty());
            last = cue.span.end;
        }
    }
}
