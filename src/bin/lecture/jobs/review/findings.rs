// SPDX-License-Identifier: MPL-2.0

//! Findings of the rules for captions, beside the cues of the draft.

use gstlecture::captions::Severity;
use gstlecture::timeline::Time;
use serde::Serialize;

use super::class::Class;
use crate::class::texts;
use crate::error::Error;

/// A finding. Times are in milliseconds of the recording.
#[derive(Serialize)]
pub struct Found {
    /// Index of the cue; absent for a passage without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    cue: Option<usize>,
    start: u64,
    end: u64,
    /// Whether it makes the captions unfit to be published.
    fails: bool,
    rule: String,
    text: String,
}

impl Class {
    /// Checks the published part of captions; returns `None` if there are none of this name.
    pub fn findings(&self, name: &str) -> Result<Option<Vec<Found>>, Error> {
        let Some((mut document, trim)) = self.captions(name)? else {
            return Ok(None);
        };
        number(&mut document);
        let duration = Some(self.duration);
        let rate = self
            .recording
            .as_ref()
            .and_then(|recording| recording.frame_rate);
        let cuts = match rate {
            Some(rate) => trim.cut_list(duration).aligned(rate),
            None => trim.cut_list(duration),
        };
        let redaction = trim.redaction().within(&cuts);
        let has_audio = self
            .recording
            .as_ref()
            .is_none_or(|recording| recording.has_audio);
        let checked = texts::check(
            &document,
            &cuts,
            &redaction,
            cuts.output_duration(),
            self.analysis.speech.as_deref().filter(|_| has_audio),
        );
        let found = checked.report.findings.iter().map(|finding| {
            let cue = finding.cue.and_then(|index| checked.cues.get(index));
            let cue = cue.and_then(|cue| cue.line.checked_sub(1));
            let millis = |time: Time| cuts.to_source(time).millis();
            Found {
                cue,
                start: millis(finding.span.start),
                end: millis(finding.span.end),
                fails: finding.severity == Severity::Fail,
                rule: finding.rule.to_string(),
                text: finding.text.clone(),
            }
        });
        Ok(Some(found.collect()))
    }
}

/// Writes the number of each cue, from 1, in the place of its line.
fn number(document: &mut gstlecture::webvtt::Document) {
    let mut number = 0;
    for block in &mut document.blocks {
        if let gstlecture::webvtt::Block::Cue(cue) = block {
            number += 1;
            cue.line = number;
        }
    }
}
