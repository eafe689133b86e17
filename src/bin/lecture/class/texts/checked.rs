// SPDX-License-Identifier: MPL-2.0

//! The published part of captions, held against the rules for prerecorded captions.

use gstlecture::captions::{self as rules, Heard, Material, Profile, Report};
use gstlecture::timeline::{Content, CutList, Redaction, Span, Time, touches};
use gstlecture::webvtt::{Cue, Document, captions};

/// The report on captions, and the cues that it is about.
pub struct Checked {
    pub report: Report,
    /// Published cues, in the package's time.
    pub cues: Vec<Cue>,
    /// Whether the audio was analysed for the check.
    pub with_audio: bool,
}

/// Checks captions in the recording's time. `speech` is in the recording's time, too, if it is known;
/// `duration` is that of the package.
pub fn check(
    document: &Document,
    cuts: &CutList,
    redaction: &Redaction,
    duration: Time,
    speech: Option<&[Span]>,
) -> Checked {
    let silent = redaction.silent(Content::Main);
    let heard = speech.map(|speech| {
        let audible = speech.iter().filter(|span| !touches(silent, **span));
        Heard {
            speech: audible
                .filter_map(|span| cuts.span_to_output(*span))
                .collect(),
            ..Heard::default()
        }
    });
    let published = captions::retime(document, cuts, silent, duration);
    let cues: Vec<Cue> = published.cues().cloned().collect();
    let material = Material {
        cues: &cues,
        heard: heard.as_ref(),
        voices: &[],
    };
    Checked {
        report: rules::check(&material, &Profile::wcag()),
        with_audio: heard.is_some(),
        cues,
    }
}
