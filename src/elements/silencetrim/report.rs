// SPDX-License-Identifier: MPL-2.0

//! Messages and the cut list's file.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use gst::prelude::*;

use super::session::Outcome;
use crate::speech::trim::Cut;
use crate::timeline::trim_file::{self, Action, Entry, TrimFile};
use crate::timeline::{CutList, Redaction, Span, Time};
use crate::webvtt::{Review, Status};

/// Reads a cut list and what of what it keeps is hidden; the error says what, where and what to do.
pub fn read(path: &Path) -> Result<(CutList, Redaction), String> {
    let name = path.display();
    let bytes = fs::read(path).map_err(|error| format!("{name}: {error}"))?;
    match TrimFile::read(&bytes, None) {
        Ok(file) => {
            let cuts = file.cut_list(None);
            let redaction = file.redaction().within(&cuts);
            Ok((cuts, redaction))
        }
        Err(errors) => {
            let lines: Vec<String> = errors
                .iter()
                .map(|error| format!("{name}: {error}"))
                .collect();
            Err(lines.join("\n"))
        }
    }
}

/// Writes the outcome as a draft. A file that a person has approved is left alone; what is there
/// is exchanged whole.
pub fn write(path: &Path, outcome: &Outcome) -> io::Result<()> {
    let approved = fs::read(path).ok().is_some_and(|bytes| {
        TrimFile::read(&bytes, None)
            .is_ok_and(|file| file.review.is_some_and(|r| r.status == Status::Approved))
    });
    if approved {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "the cut list is approved and stays; move it away to have it made anew",
        ));
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(file_of(outcome).to_string().as_bytes())?;
        file.sync_all()
    });
    let placed = written.and_then(|()| fs::rename(&beside, path));
    if placed.is_err() {
        // Already failed: that the rest cannot be removed either changes nothing.
        let _ = fs::remove_file(&beside);
    }
    placed
}

fn file_of(outcome: &Outcome) -> TrimFile {
    let entry = |span: Span, action| Entry {
        span: rounded(span),
        action,
        line: 0,
    };
    let keeps = outcome.kept.iter().map(|span| entry(*span, Action::Keep));
    let cuts = outcome.cuts.iter().map(|cut| {
        entry(
            cut.span,
            Action::Cut(trim_file::Cut {
                reason: cut.reason.clone(),
                confidence: Some(cut.confidence),
                speech: Some(cut.speech),
                review: cut.review,
            }),
        )
    });
    let mut entries: Vec<Entry> = keeps.chain(cuts).collect();
    entries.retain(|entry| !entry.span.is_empty());
    TrimFile {
        review: Some(Review::default()),
        entries,
    }
}

/// Cues are written to the millisecond; both sides of a boundary round the same way.
fn rounded(span: Span) -> Span {
    Span::new(
        Time::from_millis(span.start.millis()),
        Time::from_millis(span.end.millis()),
    )
}

pub fn speech(span: Span) -> gst::Structure {
    gst::Structure::builder("silencetrim-speech")
        .field("start", span.start.nanos())
        .field("end", span.end.nanos())
        .build()
}

pub fn cut(cut: &Cut) -> gst::Structure {
    gst::Structure::builder("silencetrim-cut")
        .field("start", cut.span.start.nanos())
        .field("end", cut.span.end.nanos())
        .field("reason", &cut.reason)
        .field("confidence", cut.confidence)
        .field("speech", cut.speech.nanos())
        .field("review", cut.review)
        .build()
}

pub fn summary(outcome: &Outcome) -> gst::Structure {
    let kept = outcome
        .kept
        .iter()
        .fold(Time::ZERO, |sum, span| sum.saturating_add(span.duration()));
    gst::Structure::builder("silencetrim-summary")
        .field("kept", kept.nanos())
        .field("removed", outcome.duration.saturating_sub(kept).nanos())
        .field("microphone-silent", outcome.silent)
        .build()
}

/// Posts what a session came to.
pub fn post(element: &super::SilenceTrim, outcome: &Outcome) {
    let structures = outcome
        .cuts
        .iter()
        .map(cut)
        .chain(std::iter::once(summary(outcome)));
    for structure in structures {
        let message = gst::message::Element::builder(structure)
            .src(element)
            .build();
        // Without a bus nobody wants to know.
        let _ = element.post_message(message);
    }
}
