// SPDX-License-Identifier: MPL-2.0

//! Queued items, and the result of a decision for them.

use super::audio;
use super::kind::Kind;
use crate::elements::shared::cue_meta::CueMeta;
use crate::timeline::{CutList, Decision, Span, Time, touches};
use crate::webvtt::{self, captions};

pub enum Item {
    Event(gst::Event),
    /// A gap without data for this span, with the event.
    Gap(Span, gst::Event),
    Buffer(gst::Buffer, Span, Kind),
}

impl Item {
    pub fn bytes(&self) -> u64 {
        match self {
            Item::Buffer(buffer, ..) => buffer.size() as u64,
            Item::Event(_) | Item::Gap(..) => 0,
        }
    }

    pub fn event(self) -> Option<gst::Event> {
        match self {
            Item::Event(event) => Some(event),
            Item::Gap(..) | Item::Buffer(..) => None,
        }
    }

    /// Returns its span in the source; events have none.
    pub fn span(&self) -> Option<Span> {
        match self {
            Item::Event(_) => None,
            Item::Gap(span, _) | Item::Buffer(_, span, _) => Some(*span),
        }
    }

    /// Returns whether the decision covers all of it.
    pub fn is_decided(&self, decision: &Decision) -> bool {
        if decision.until == Time::MAX {
            return true;
        }
        match self {
            Item::Event(_) => true,
            Item::Gap(span, _) => span.start < decision.until && span.end <= decision.until,
            Item::Buffer(_, span, kind) => match kind {
                Kind::EncodedVideo | Kind::Packets => span.start < decision.until,
                Kind::RawVideo(_) | Kind::Text => {
                    span.start < decision.until && span.end <= decision.until
                }
                // The end of a span may turn out to be a splice.
                Kind::RawAudio(_) => span.end.saturating_add(audio::FADE) <= decision.until,
            },
        }
    }
}

/// A kept part of an item.
#[derive(Debug)]
pub struct Kept {
    pub buffer: gst::Buffer,
    /// Span in the output; empty if the buffer's duration is unknown.
    pub output: Span,
    /// Start of the kept span of the source to which it belongs: if it differs from the last one,
    /// there is a splice.
    pub source: Time,
}

/// Returns the kept parts of a buffer.
pub fn kept(buffer: gst::Buffer, span: Span, kind: &Kind, decision: &Decision) -> Vec<Kept> {
    let Ok(list) = CutList::new(decision.kept.iter().copied()) else {
        return Vec::new();
    };
    if let Kind::Text = kind {
        let output = span_to_output(&list, span);
        let end = if span.is_empty() { Time::MAX } else { span.end };
        let buffer = with_moved_words(buffer, Span::new(span.start, end), &list);
        let source = decision.kept.iter().find(|kept| kept.end > span.start);
        return output
            .zip(source)
            .map(|(output, source)| Kept {
                buffer,
                output,
                source: source.start,
            })
            .into_iter()
            .collect();
    }
    // Whole packets are kept or cut by their start time.
    let instant = Span::new(span.start, span.start.saturating_add(Time::from_nanos(1)));
    let wanted = match kind {
        Kind::RawAudio(_) | Kind::RawVideo(_) if !span.is_empty() => span,
        _ => instant,
    };
    let first = decision
        .kept
        .partition_point(|kept| kept.end <= wanted.start);
    let touched = decision.kept[first..]
        .iter()
        .take_while(|kept| kept.start < wanted.end);
    touched
        .filter_map(|kept| {
            let (buffer, source) = match kind {
                Kind::RawAudio(info) => {
                    let count = audio::count(&buffer, info);
                    let part = audio::part(span.start, count, info.rate(), *kept)?;
                    let goes_on = kept.end == decision.until;
                    let splices = (kept.start > Time::ZERO, !goes_on);
                    let cut = audio::cut(buffer.clone(), info, part, *kept, splices);
                    (cut, part.span)
                }
                Kind::RawVideo(_) if !span.is_empty() => {
                    (buffer.clone(), span.intersection(*kept)?)
                }
                _ => (buffer.clone(), span),
            };
            let start = list.to_output(source.start).kept()?;
            let output = Span::new(start, start.saturating_add(source.duration()));
            Some(Kept {
                buffer,
                output,
                source: kept.start,
            })
        })
        .collect()
}

/// Returns the cue with the times in its text moved, and without the cut words.
fn with_moved_words(mut buffer: gst::Buffer, span: Span, cuts: &CutList) -> gst::Buffer {
    let Some(mut meta) = CueMeta::get(&buffer) else {
        return buffer;
    };
    let text = captions::retime_words(&meta.text, span, cuts);
    if text == meta.text {
        return buffer;
    }
    meta.text = text;
    let plain = gst::Memory::from_slice(webvtt::plain_text(&meta.text).into_bytes());
    let cue = buffer.make_mut();
    cue.remove_all_memory();
    cue.append_memory(plain);
    meta.replace(cue);
    buffer
}

/// Returns whether any part of a span is kept.
pub fn is_kept(span: Span, decision: &Decision) -> bool {
    touches(&decision.kept, span)
}

/// Returns the rest of a gap.
pub fn kept_gap(span: Span, decision: &Decision) -> Option<Span> {
    let list = CutList::new(decision.kept.iter().copied()).ok()?;
    span_to_output(&list, span)
}

/// Returns the kept part of a span. An empty span, whose end is unknown, is represented by its
/// start.
fn span_to_output(list: &CutList, span: Span) -> Option<Span> {
    if span.is_empty() {
        let start = list.to_output(span.start).kept()?;
        return Some(Span::new(start, start));
    }
    list.span_to_output(span)
}

/// Returns the position of a source time in the output, if it is decided and kept.
pub fn moved(time: Time, decision: &Decision) -> Option<Time> {
    CutList::new(decision.kept.iter().copied())
        .ok()?
        .to_output(time)
        .kept()
}
