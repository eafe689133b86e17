// SPDX-License-Identifier: MPL-2.0

//! Muting, removal of cues and covering of frames, as the cut list requires.

use std::sync::Arc;

use gst_video::VideoCaptionMeta;

use super::audio;
use super::kind::{Kind, media_type};
use super::picture::Picture;
use super::times::clock;
use crate::timeline::{Content, Redaction, Span, Time, touches};

/// Returns why a stream of these caps cannot be redacted, and what to do.
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
            Some("encoded video cannot be covered; decode it first, for example with decodebin")
        }
        // The packets around a span contain some of its audio.
        Kind::Packets if media.starts_with("audio/") => mutes.then_some(
            "encoded audio cannot be muted; decode it first, for example with decodebin",
        ),
        Kind::Packets if mutes || covers => Some(
            "the cut list mutes or covers, but the content of this stream is unknown; \
             leave the stream out",
        ),
        // Captions are sent long before they are shown.
        Kind::Text if mutes && media.starts_with("closedcaption/") => Some(
            "captions inside the video stream cannot be left out one by one; leave the stream out",
        ),
        _ => None,
    }
}

/// Error for a stream that already passed without redaction: a flush makes the element read the cut
/// list again.
const CHANGED: &str = "the cut list hides more than at the start of the stream; start again";

/// Error for a cue with unknown end: it may be shown into a span that hides it.
const ENDLESS: &str = "the cut list mutes, but the duration of a cue is unknown; leave the \
                       stream out";

/// Returns whether any of `spans`, which are sorted and disjoint, is at or after `time`.
fn has_span_behind(spans: &[Span], time: Time) -> bool {
    touches(spans, Span::new(time, Time::MAX))
}

/// Time until which a frame is shown, and whether another one follows it then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shown {
    pub until: Time,
    pub then_another: bool,
}

/// Position of a buffer in the source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    pub span: Span,
    /// Known for video with covered frames.
    pub shown: Option<Shown>,
    /// Whether some of it is kept.
    pub is_kept: bool,
}

/// Memory of a pair's source side about earlier frames.
#[derive(Default)]
pub struct Redactor {
    /// The last frame that may replace a covered one.
    clean: Option<(Arc<Picture>, gst::Buffer)>,
    /// Layout of the latest frame.
    layout: Option<Arc<Picture>>,
}

impl Redactor {
    /// Returns the publishable form of a buffer, or `None` if a cue is left out.
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
                .ok_or("the samples are not writable"),
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

    /// Returns the frame for a span without data, if the frame before it, which would stay visible,
    /// has to be covered.
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

    /// Returns the clean frame or the card, in place of a frame.
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

/// Removes the captions (CEA-608, CEA-708) of a frame. If any have to be left out, all are:
/// captions are sent before they are shown.
fn without_captions(mut buffer: gst::Buffer) -> gst::Buffer {
    while buffer.meta::<VideoCaptionMeta>().is_some() {
        let meta = buffer.make_mut().meta_mut::<VideoCaptionMeta>();
        if meta.is_none_or(|meta| meta.remove().is_err()) {
            break;
        }
    }
    buffer
}
