// SPDX-License-Identifier: MPL-2.0

//! Mutes sound, leaves out cues and covers pictures, where a cut list says so.

use std::sync::Arc;

use gst_video::VideoCaptionMeta;

use super::audio;
use super::kind::{Kind, media_type};
use super::picture::Picture;
use super::times::clock;
use crate::timeline::{Content, Redaction, Span, Time, touches};

/// Why a stream of these caps cannot be made to hide what has to be hidden, and what to do.
pub fn refusal(
    caps: &gst::CapsRef,
    kind: &Kind,
    redaction: &Redaction,
    content: Content,
) -> Option<&'static str> {
    let media = media_type(caps);
    let mutes = !redaction.silent(content).is_empty();
    let covers = !redaction.covered().is_empty();
    match kind {
        Kind::EncodedVideo if covers => {
            Some("encoded pictures cannot be covered; decode them before, as decodebin does")
        }
        // The packets around a span hold something of what sounds in it.
        Kind::Packets if media.starts_with("audio/") => {
            mutes.then_some("encoded sound cannot be muted; decode it before, as decodebin does")
        }
        Kind::Packets if mutes || covers => Some(
            "the cut list mutes or covers, and what this stream says of such a span is not known; \
             leave the stream out",
        ),
        // Words are sent long before they are shown.
        Kind::Text if mutes && media.starts_with("closedcaption/") => Some(
            "captions inside the picture's stream cannot be left out one by one; leave the stream out",
        ),
        _ => None,
    }
}

/// Why nothing can be hidden of a stream that was let through: a flush has the cut list read again.
const CHANGED: &str = "the cut list hides more than when the stream began; start again";

/// Why a cue whose end is not known cannot be left out: it may be shown into a span that hides it.
const ENDLESS: &str = "the cut list mutes, and how long a cue is shown is not known; leave the \
                       stream out";

/// Whether any of `spans`, which are sorted and disjoint, lies at or behind `time`.
fn has_span_behind(spans: &[Span], time: Time) -> bool {
    touches(spans, Span::new(time, Time::MAX))
}

/// Until when a picture is shown, and whether another one follows it there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown {
    pub until: Time,
    pub then_another: bool,
}

/// Where a buffer stands in the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub span: Span,
    /// Known of pictures where some have to be covered.
    pub shown: Option<Shown>,
    /// Some of it is not cut.
    pub is_kept: bool,
}

/// What a pair's source side remembers of the pictures before.
#[derive(Default)]
pub struct Redactor {
    /// The last picture that may stand for a covered one.
    clean: Option<(Arc<Picture>, gst::Buffer)>,
    /// Of the latest picture.
    layout: Option<Arc<Picture>>,
}

impl Redactor {
    /// What of a buffer may be published: `None` where a cue is left out.
    pub fn apply(
        &mut self,
        buffer: gst::Buffer,
        place: Place,
        kind: &Kind,
        redaction: &Redaction,
        content: Content,
    ) -> Result<Option<gst::Buffer>, &'static str> {
        let silent = redaction.silent(content);
        match kind {
            _ if redaction.is_empty() => Ok(Some(buffer)),
            Kind::RawAudio(info) => audio::mute(buffer, info, place.span.start, silent)
                .map(Some)
                .ok_or("the samples cannot be written to"),
            Kind::Text if place.span.is_empty() && has_span_behind(silent, place.span.start) => {
                Err(ENDLESS)
            }
            Kind::Text => Ok((!touches(silent, place.span)).then_some(buffer)),
            Kind::RawVideo(layout) => {
                let buffer = match silent.is_empty() {
                    true => buffer,
                    false => without_captions(buffer),
                };
                Ok(Some(match layout {
                    Some(layout) => self.cover(buffer, place, layout, redaction),
                    None if !redaction.covered().is_empty() => return Err(CHANGED),
                    None => buffer,
                }))
            }
            Kind::EncodedVideo if !redaction.covered().is_empty() => Err(CHANGED),
            Kind::Packets if !silent.is_empty() => Err(CHANGED),
            Kind::EncodedVideo | Kind::Packets => Ok(Some(buffer)),
        }
    }

    fn cover(
        &mut self,
        buffer: gst::Buffer,
        place: Place,
        layout: &Arc<Picture>,
        redaction: &Redaction,
    ) -> gst::Buffer {
        let Place {
            span,
            shown,
            is_kept,
        } = place;
        self.layout = Some(Arc::clone(layout));
        let until = shown.map_or(span.end, |shown| shown.until.max(span.end));
        let whole = Span::new(span.start, until);
        if let Some(cover) = redaction.cover(whole) {
            return self.still(&buffer, layout, cover.card);
        }
        let followed = shown.is_some_and(|shown| shown.then_another);
        if is_kept && followed && redaction.is_clean(whole) {
            self.clean = Some((Arc::clone(layout), buffer.clone()));
        }
        buffer
    }

    /// The picture that is shown in a span for which nothing comes, where the one before it, which
    /// would stay, has to be covered.
    pub fn fill(&self, span: Span, redaction: &Redaction) -> Option<(gst::Buffer, Kind)> {
        let layout = self.layout.as_ref()?;
        let cover = redaction.cover(span)?;
        let mut frame = gst::Buffer::new();
        if let Some(frame) = frame.get_mut() {
            frame.set_pts(clock(span.start));
            let length = (!span.is_empty()).then(|| clock(span.duration()));
            frame.set_duration(length);
        }
        let kind = Kind::RawVideo(Some(Arc::clone(layout)));
        Some((self.still(&frame, layout, cover.card), kind))
    }

    /// The clean picture or the card, in the place of a frame.
    fn still(&self, frame: &gst::BufferRef, layout: &Picture, card: bool) -> gst::Buffer {
        let clean = self.clean.as_ref().filter(|_| !card);
        let clean = clean.filter(|(of, _)| of.info == layout.info);
        let mut still = without_captions(clean.map_or(&layout.card, |(_, clean)| clean).clone());
        let made = still.make_mut();
        made.set_pts(frame.pts());
        made.set_dts(frame.dts());
        made.set_duration(frame.duration());
        made.set_offset(frame.offset());
        made.set_offset_end(frame.offset_end());
        let marks = gst::BufferFlags::DISCONT | gst::BufferFlags::RESYNC;
        made.unset_flags(marks);
        made.set_flags(frame.flags() & marks);
        still
    }
}

/// A picture without the captions (CEA-608, CEA-708) that come with it. Where any are to be left
/// out all are: what is shown later is sent before.
fn without_captions(mut buffer: gst::Buffer) -> gst::Buffer {
    while buffer.meta::<VideoCaptionMeta>().is_some() {
        let meta = buffer.make_mut().meta_mut::<VideoCaptionMeta>();
        if meta.is_none_or(|meta| meta.remove().is_err()) {
            break;
        }
    }
    buffer
}
