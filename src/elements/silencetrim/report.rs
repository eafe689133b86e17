// SPDX-License-Identifier: MPL-2.0

//! Messages and the file of the cut list.

use std::fs;
use std::io;
use std::path::Path;

use gst::prelude::*;

use super::session::Outcome;
use crate::edit::Review;
use crate::edit::trim_file::{self, Action, Entry, TrimFile};
use crate::elements::shared::draft_file;
use crate::speech::trim::Cut;
use crate::timeline::{CutList, Decision, Redaction, Span, Time};

/// Reads a cut list and its redaction; the error states the problem, the line and the remedy.
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

/// Returns whether a cut list can be written to `path`.
pub fn check(path: &Path) -> io::Result<()> {
    draft_file::check(path, "cut list", |bytes| {
        TrimFile::read(bytes, None).ok()?.review
    })
}

/// Writes the outcome as a draft, if [`check`] allows it.
pub fn write(path: &Path, outcome: &Outcome) -> io::Result<()> {
    check(path)?;
    draft_file::write(path, &file_of(outcome).to_string())
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

/// Cues are written to the millisecond; both sides of a boundary are rounded the same way.
fn rounded(span: Span) -> Span {
    Span::new(
        Time::from_millis(span.start.millis()),
        Time::from_millis(span.end.millis()),
    )
}

/// Returns a table of contents in the time of the output, without entries of which nothing is kept.
/// Returns `None` if it is not fully decided, or nothing is left.
pub fn moved_toc(toc: &gst::Toc, decision: &Decision) -> Option<gst::Toc> {
    if decision.until < Time::MAX {
        return None;
    }
    let cuts = CutList::new(decision.kept.iter().copied()).ok()?;
    let mut moved = gst::Toc::new(toc.scope());
    let list = moved.make_mut();
    if let Some(tags) = toc.tags() {
        list.set_tags(tags);
    }
    let entries = toc.entries();
    let kept: Vec<_> = entries
        .iter()
        .filter_map(|entry| moved_entry(entry, &cuts))
        .collect();
    if kept.is_empty() && !entries.is_empty() {
        return None;
    }
    for entry in kept {
        list.append_entry(entry);
    }
    Some(moved)
}

fn moved_entry(entry: &gst::TocEntryRef, cuts: &CutList) -> Option<gst::TocEntry> {
    let mut moved = gst::TocEntry::new(entry.entry_type(), entry.uid());
    let made = moved.make_mut();
    if let Some((start, stop)) = entry.start_stop_times() {
        let end = u64::try_from(stop).map_or(Time::MAX, Time::from_nanos);
        let start = Time::from_nanos(u64::try_from(start).unwrap_or(0));
        let span = cuts.span_to_output(Span::new(start, end.max(start)))?;
        let nanos = |time: Time| i64::try_from(time.nanos()).unwrap_or(i64::MAX);
        // An open end stays open.
        let stop = if stop < 0 { stop } else { nanos(span.end) };
        made.set_start_stop_times(nanos(span.start), stop);
    }
    if let Some(tags) = entry.tags() {
        made.set_tags(tags);
    }
    for inside in entry.sub_entries() {
        if let Some(inside) = moved_entry(&inside, cuts) {
            made.append_sub_entry(inside);
        }
    }
    Some(moved)
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
        .field("microphone-silent", outcome.nobody_spoke)
        .build()
}

/// Posts the outcome of a session.
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
        // Without a bus nobody reads messages.
        let _ = element.post_message(message);
    }
}
