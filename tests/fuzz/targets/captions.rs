// SPDX-License-Identifier: MPL-2.0

//! A caption file as it is delivered: WebVTT or SubRip, in any characters.

use gstlecture::timeline::{CutList, Span, Time};
use gstlecture::webvtt::captions;

pub fn run(file: &[u8]) {
    let is_captions = captions::is_captions(file);
    let Ok(document) = captions::read(file) else {
        return;
    };
    // Bytes that are no text in Unicode may be one in another encoding; only the whole file shows it.
    assert!(is_captions || std::str::from_utf8(file).is_err());
    let length = Time::from_secs(100);
    let seconds = |from, to| Span::new(Time::from_secs(from), Time::from_secs(to));
    let cuts = CutList::new([seconds(1, 2), seconds(4, 90)]).expect("in order");
    let _ = captions::check(&document, Some(length));
    let _ = captions::over_cuts(&document, &cuts.cuts(length));
    let silent = [seconds(10, 11), seconds(20, 30)];
    let published = captions::retime(&document, &cuts, &silent, length);
    for cue in published.cues() {
        assert!(cue.span.end <= cuts.output_duration());
    }
    let _ = captions::to_source(&published, &cuts).to_string();
}
