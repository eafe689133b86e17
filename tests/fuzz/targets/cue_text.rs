// SPDX-License-Identifier: MPL-2.0

//! The text and the settings of one cue.

use gstlecture::timeline::{CutList, Span, Time};
use gstlecture::webvtt::{CueSettings, captions, escape, plain_text, unescape, voice};

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = (unescape(text), voice(text), CueSettings::parse(text));
    let plain = plain_text(text);
    assert_eq!(plain_text(&escape(&plain)), plain);
    let seconds = |from, to| Span::new(Time::from_secs(from), Time::from_secs(to));
    let cuts = CutList::new([seconds(1, 2), seconds(4, 60)]).expect("in order");
    let _ = captions::retime_words(text, seconds(0, 10), &cuts);
}
