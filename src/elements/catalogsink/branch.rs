// SPDX-License-Identifier: MPL-2.0

//! The stock elements behind each pad.

use std::sync::{Mutex, PoisonError};

use gst::glib;
use gst::prelude::*;

use super::bin::{add, make, static_pad};
use super::colour::ColourElement;
use super::encoder::{self, Coding};
use super::ladder::{EPOCH, LadderElement};
use super::settings::Settings;
use super::starts::{Segments, Starts};
use crate::elements::shared::level::LevelElement;
use crate::package::coding::Codecs;
use crate::package::grid::Grid;
use crate::package::ladder::frame_rate;
use crate::package::mp4::codec::complete_avc_configuration;
use crate::speech::loudness::Curve;
use crate::timeline::Time;

/// Samples a second of every audio rendition.
const SAMPLE_RATE: i32 = 48_000;
/// Samples that an AAC encoder puts before the first one: one frame.
const PRIMING: u64 = 1024;
/// Bits a second of AAC-LC by channels: speech in one channel, whatever else in two.
const MONO_RATE: i32 = 64_000;
const STEREO_RATE: i32 = 112_000;
/// By how much timestamps of sound may be off within a segment.
const JITTER: gst::ClockTime = gst::ClockTime::from_mseconds(40);
/// Frames between the scaler and an encoder.
const QUEUED: u32 = 2;

/// The elements that a run needs, whatever pads there are.
pub fn required<'a>(settings: &'a Settings, codecs: &Codecs) -> Vec<&'a str> {
    let mut required = vec![
        "videoconvert",
        "videoflip",
        "videorate",
        "capsfilter",
        "queue",
        "tee",
        "audioconvert",
        "audioresample",
        "audiorate",
        "avenc_aac",
        "cmafmux",
        "appsink",
    ];
    for codec in codecs.iter() {
        required.extend(encoder::elements(codec, settings));
    }
    required
}

/// The head of a branch: what a pad leads to, and the filter that fixes what comes out of it.
pub struct Head<E> {
    pub sink: gst::Pad,
    pub filter: gst::Element,
    pub end: E,
}

/// Makes upright SDR in I420 at a constant rate, up to where the sizes part.
pub fn video(bin: &gst::Bin) -> Result<Head<LadderElement>, glib::BoolError> {
    let convert = make("videoconvert")?;
    let colour = ColourElement::new();
    let flip = make("videoflip")?;
    flip.set_property_from_str("video-direction", "auto");
    let rate = make("videorate")?;
    let filter = make("capsfilter")?;
    let ladder = LadderElement::new();
    let elements = [
        &convert,
        colour.upcast_ref(),
        &flip,
        &rate,
        &filter,
        ladder.upcast_ref(),
    ];
    add(bin, &elements)?;
    show_until_next(&static_pad(&rate, "sink")?, &filter);
    Ok(Head {
        sink: static_pad(&convert, "sink")?,
        filter,
        end: ladder,
    })
}

/// Has each picture that comes to a videorate stand until the next one begins: `pad` gets it once
/// more, a frame before that. videorate takes the nearest picture, so that after a hole of a minute,
/// as recorders leave it while nothing changes, the next slide would be seen half a minute early.
/// `filter` says how long a frame lasts.
fn show_until_next(pad: &gst::Pad, filter: &gst::Element) {
    let filter = filter.downgrade();
    let last = Mutex::new(None::<gst::Buffer>);
    let mask = gst::PadProbeType::BUFFER
        | gst::PadProbeType::EVENT_DOWNSTREAM
        | gst::PadProbeType::EVENT_FLUSH;
    pad.add_probe(mask, move |pad, info| {
        let take = || last.lock().unwrap_or_else(PoisonError::into_inner).take();
        match &info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let again = take().and_then(|shown| {
                    let filter = filter.upgrade()?;
                    shown_again(&shown, buffer.pts()?, frame_length(&filter)?)
                });
                if let Some(again) = again {
                    // Its probe finds no picture before it. What is wrong the next one is told, too.
                    let _ = pad.chain(again);
                }
                *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(buffer.clone());
            }
            Some(gst::PadProbeData::Event(event)) => match event.type_() {
                gst::EventType::Caps
                | gst::EventType::Segment
                | gst::EventType::FlushStop
                | gst::EventType::Eos => drop(take()),
                _ => {}
            },
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// Returns the duration of a frame of a filter's caps.
fn frame_length(filter: &gst::Element) -> Option<gst::ClockTime> {
    let caps = filter.property::<gst::Caps>("caps");
    let rate: gst::Fraction = caps.structure(0)?.get("framerate").ok()?;
    let (num, den) = (rate.numer().try_into().ok()?, rate.denom().try_into().ok()?);
    gst::ClockTime::SECOND.mul_div_floor(den, num)
}

/// The picture a frame before `next`, where there is a hole between the two.
fn shown_again(
    picture: &gst::Buffer,
    next: gst::ClockTime,
    frame: gst::ClockTime,
) -> Option<gst::Buffer> {
    let at = next.checked_sub(frame)?;
    let is_hole = at > picture.pts()?.saturating_add(frame);
    is_hole.then(|| {
        let mut again = picture.clone();
        let data = again.make_mut();
        data.set_pts(at);
        data.set_dts(None);
        data.set_duration(frame);
        data.unset_flags(gst::BufferFlags::DISCONT);
        again
    })
}

/// Returns the format to which frames of these caps are converted before they are scaled.
pub fn video_format(caps: &gst::CapsRef) -> gst::Caps {
    let rate = caps.structure(0).and_then(|picture| {
        let rate = picture.get::<gst::Fraction>("framerate").ok()?;
        let most = picture.get::<gst::Fraction>("max-framerate").ok();
        let rate = most.filter(|_| rate.numer() == 0).unwrap_or(rate);
        Some((rate.numer().try_into().ok()?, rate.denom().try_into().ok()?))
    });
    let (num, den) = rate.unwrap_or((0, 1));
    let (num, den) = frame_rate(num, den);
    let part = |part: u32| i32::try_from(part).unwrap_or(i32::MAX);
    gst::Caps::builder("video/x-raw")
        .field("framerate", gst::Fraction::new(part(num), part(den)))
        .build()
}

/// A pad a codec that gives what `source` gives.
pub fn copies(
    bin: &gst::Bin,
    source: &gst::Pad,
    count: usize,
) -> Result<Vec<gst::Pad>, glib::BoolError> {
    if count == 1 {
        return Ok(vec![source.clone()]);
    }
    let tee = make("tee")?;
    add(bin, &[&tee])?;
    source
        .link(&static_pad(&tee, "sink")?)
        .map_err(|error| glib::bool_error!("a rendition cannot be linked: {error}"))?;
    let copy = || tee.request_pad_simple("src_%u");
    let copies: Option<Vec<gst::Pad>> = (0..count).map(|_| copy()).collect();
    copies.ok_or_else(|| glib::bool_error!("a tee gives no pad"))
}

/// Encodes one rendition of a picture into fragments.
pub fn rung(
    bin: &gst::Bin,
    source: &gst::Pad,
    coding: &Coding<'_>,
    starts: &Starts,
) -> Result<gst_app::AppSink, glib::BoolError> {
    let queue = gst::ElementFactory::make("queue")
        .property("max-size-buffers", QUEUED)
        .property("max-size-bytes", 0u32)
        .property("max-size-time", 0u64)
        .build()?;
    let encoder = coding.encoder(&static_pad(&queue, "src")?)?;
    let parser = coding.parser(&encoder)?;
    let (mux, sink) = fragments()?;
    let pad = static_pad(&mux, "sink")?;
    // The muxer derives its own from the rendition's rate and rounds it, but key frames may be at any
    // frame of the source.
    pad.set_property("trak-timescale", timescale(coding.rate));
    let mut elements = vec![&queue, &encoder];
    elements.extend(&parser);
    elements.extend([&mux, sink.upcast_ref()]);
    add(bin, &elements)?;
    pad.set_offset(-(EPOCH.nseconds() as i64));
    let last = parser.as_ref().unwrap_or(&encoder);
    split(&static_pad(last, "src")?, EPOCH, starts.taken(), None);
    source
        .link(&static_pad(&queue, "sink")?)
        .map_err(|error| glib::bool_error!("a rendition cannot be linked: {error}"))?;
    Ok(sink)
}

/// Returns the ticks per second in which every frame lasts a whole number of them.
fn timescale((num, den): (u32, u32)) -> u32 {
    /// Below, a frame's time lacks the room for frames that are decoded ahead.
    const TICKS: u32 = 100;
    match den < TICKS {
        true => num.saturating_mul(TICKS),
        false => num,
    }
}

/// Sound at one rate without holes, levelled by `gains`, encoded into fragments.
pub fn audio(
    bin: &gst::Bin,
    settings: &Settings,
    gains: Curve,
) -> Result<(Head<gst_app::AppSink>, gst::Element), glib::BoolError> {
    let convert = make("audioconvert")?;
    let resample = make("audioresample")?;
    let filter = make("capsfilter")?;
    let rate = make("audiorate")?;
    let encoder = make("avenc_aac")?;
    // Forced, as GStreamer has it, it takes the difference of the channels away: who speaks on one
    // side is heard on both, at half the loudness.
    if encoder.has_property("aac-ms") {
        encoder.set_property("aac-ms", false);
    }
    let (mux, sink) = fragments()?;
    let level = (!gains.is_empty()).then(|| LevelElement::new(gains));
    let mut elements: Vec<&gst::Element> = vec![&convert, &resample, &filter, &rate];
    elements.extend(
        level
            .as_ref()
            .map(|level| level.upcast_ref::<gst::Element>()),
    );
    elements.extend([&encoder, &mux, sink.upcast_ref()]);
    add(bin, &elements)?;
    begin_at_zero(&static_pad(&rate, "sink")?);
    let priming = gst::ClockTime::SECOND.mul_div_round(PRIMING, SAMPLE_RATE as u64);
    let grid = Grid::new(settings.segment(), Time::MAX);
    let zero = gst::ClockTime::ZERO;
    split(&static_pad(&encoder, "src")?, zero, grid, priming);
    let head = Head {
        sink: static_pad(&convert, "sink")?,
        filter,
        end: sink,
    };
    Ok((head, encoder))
}

/// The data that has arrived at a pad which gets all its audio in one segment.
#[derive(Default)]
struct Seen {
    segment: Option<gst::FormattedSegment<gst::ClockTime>>,
    /// The next buffer is the first of its segment.
    is_first: bool,
    /// The last buffer was the first of its segment.
    was_first: bool,
}

impl Seen {
    /// Notes a buffer, and returns the tolerance that audiorate is given for it if that changes: a
    /// segment begins at its sample, within one timestamps may jitter.
    fn tolerance(&mut self) -> Option<u64> {
        let was_first = std::mem::replace(&mut self.was_first, self.is_first);
        match std::mem::take(&mut self.is_first) {
            true => Some(0),
            false => was_first.then_some(JITTER.nseconds()),
        }
    }
}

/// Gives `pad` all sound in one segment of running times. audiorate fills a segment from its start,
/// so that sound which comes late, or in several segments, covers the whole programme. Events that do
/// not go on count as handled: GStreamer 1.22 releases those that a probe drops twice.
fn begin_at_zero(pad: &gst::Pad) {
    let seen = Mutex::new(Seen::default());
    let mask = gst::PadProbeType::BUFFER
        | gst::PadProbeType::EVENT_DOWNSTREAM
        | gst::PadProbeType::EVENT_FLUSH;
    pad.add_probe(mask, move |pad, info| {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let Some(segment) = &seen.segment else {
                    return gst::PadProbeReturn::Ok;
                };
                match by_running_time(pad, segment, buffer) {
                    Some(moved) => *buffer = moved,
                    None => return gst::PadProbeReturn::Handled,
                }
                let tolerance = seen.tolerance();
                drop(seen);
                if let Some((tolerance, rate)) = tolerance.zip(pad.parent_element()) {
                    rate.set_property("tolerance", tolerance);
                }
            }
            Some(gst::PadProbeData::Event(event)) => match event.view() {
                gst::EventView::FlushStop(_) => *seen = Seen::default(),
                gst::EventView::Segment(segment) => {
                    let Some(segment) = segment.segment().downcast_ref().cloned() else {
                        return gst::PadProbeReturn::Ok;
                    };
                    seen.is_first = true;
                    if seen.segment.replace(segment).is_some() {
                        return gst::PadProbeReturn::Handled;
                    }
                    let whole = gst::FormattedSegment::<gst::ClockTime>::new();
                    *event = gst::event::Segment::builder(&whole)
                        .seqnum(event.seqnum())
                        .build();
                }
                gst::EventView::Gap(gap) => {
                    let (start, length) = gap.get();
                    let start = seen
                        .segment
                        .as_ref()
                        .and_then(|segment| segment.to_running_time(start));
                    let Some(start) = start else {
                        return gst::PadProbeReturn::Handled;
                    };
                    *event = gst::event::Gap::builder(start)
                        .duration(length)
                        .seqnum(event.seqnum())
                        .build();
                }
                _ => {}
            },
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

/// The part of a buffer of sound that its segment shows, at its running time.
fn by_running_time(
    pad: &gst::Pad,
    segment: &gst::FormattedSegment<gst::ClockTime>,
    buffer: &gst::Buffer,
) -> Option<gst::Buffer> {
    let sound = gst_audio::AudioInfo::from_caps(pad.current_caps()?.as_ref()).ok()?;
    let mut shown = gst_audio::audio_buffer_clip(
        buffer.clone(),
        segment.upcast_ref(),
        sound.rate(),
        sound.bpf(),
    )?;
    let start = segment.to_running_time(shown.pts()?)?;
    let data = shown.make_mut();
    data.set_pts(start);
    data.set_dts(None);
    Some(shown)
}

/// Returns the format to which audio of these caps is converted: one channel stays one, more become
/// two. The rate is one that the encoder takes.
pub fn audio_format(caps: &gst::CapsRef, encoder: &gst::Element) -> gst::Caps {
    let channels = caps
        .structure(0)
        .and_then(|sound| sound.get::<i32>("channels").ok());
    let channels = if channels == Some(1) { 1 } else { 2 };
    let rate = if channels == 1 {
        MONO_RATE
    } else {
        STEREO_RATE
    };
    encoder.set_property_from_str("bitrate", &rate.to_string());
    gst::Caps::builder("audio/x-raw")
        .field("format", "F32LE")
        .field("layout", "interleaved")
        .field("rate", SAMPLE_RATE)
        .field("channels", channels)
        .build()
}

/// Takes texts as they are.
pub fn text(bin: &gst::Bin) -> Result<(gst::Pad, gst_app::AppSink), glib::BoolError> {
    let sink = collector();
    add(bin, &[sink.upcast_ref()])?;
    Ok((static_pad(sink.upcast_ref(), "sink")?, sink))
}

fn collector() -> gst_app::AppSink {
    gst_app::AppSink::builder()
        .sync(false)
        .async_(false)
        .buffer_list(true)
        .build()
}

fn fragments() -> Result<(gst::Element, gst_app::AppSink), glib::BoolError> {
    let mux = gst::ElementFactory::make("cmafmux")
        .property("manual-split", true)
        .property("send-force-keyunit", false)
        .build()?;
    let pad = static_pad(&mux, "sink")?;
    complete_configuration(&pad);
    drop_orientation(&pad);
    Ok((mux, collector()))
}

/// Drops the orientation of the source from the tags: the frames are upright, and the muxer would
/// write it into the track header, so that players turn them again.
fn drop_orientation(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| {
        let Some(gst::PadProbeData::Event(event)) = &mut info.data else {
            return gst::PadProbeReturn::Ok;
        };
        let gst::EventView::Tag(tag) = event.view() else {
            return gst::PadProbeReturn::Ok;
        };
        if tag.tag().get::<gst::tags::ImageOrientation>().is_some() {
            let mut tags = tag.tag_owned();
            tags.make_mut().remove::<gst::tags::ImageOrientation>();
            *event = gst::event::Tag::builder(tags)
                .seqnum(event.seqnum())
                .build();
        }
        gst::PadProbeReturn::Ok
    });
}

/// Completes the decoder configuration with what encoders leave out: the muxer would leave it out of the
/// file.
fn complete_configuration(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| {
        let Some(gst::PadProbeData::Event(event)) = &mut info.data else {
            return gst::PadProbeReturn::Ok;
        };
        let gst::EventView::Caps(caps) = event.view() else {
            return gst::PadProbeReturn::Ok;
        };
        if let Some(caps) = with_configuration(caps.caps()) {
            *event = gst::event::Caps::builder(&caps)
                .seqnum(event.seqnum())
                .build();
        }
        gst::PadProbeReturn::Ok
    });
}

/// These caps of H.264 with a complete decoder configuration; `None` where they have it.
fn with_configuration(caps: &gst::CapsRef) -> Option<gst::Caps> {
    let stream = caps.structure(0)?;
    if stream.name() != "video/x-h264" {
        return None;
    }
    let configuration = stream.get::<gst::Buffer>("codec_data").ok()?;
    let configuration = complete_avc_configuration(&configuration.map_readable().ok()?)?;
    let mut caps = caps.to_owned();
    caps.make_mut()
        .set("codec_data", gst::Buffer::from_mut_slice(configuration));
    Some(caps)
}

/// Tells the muxer behind a pad where segments start: at the first key frame (every frame of
/// sound is one) at or after each time that is said. Running times count from `zero`.
///
/// What the encoder puts before the stream (`priming`) is taken away, frame and time, so that no
/// player need know of it; what is lost is a fade of one frame at the very start.
fn split(
    pad: &gst::Pad,
    zero: gst::ClockTime,
    starts: impl Segments + Send + 'static,
    priming: Option<gst::ClockTime>,
) {
    let starts = Mutex::new((starts, true));
    let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_FLUSH;
    pad.add_probe(mask, move |pad, info| {
        let mut starts = starts.lock().unwrap_or_else(PoisonError::into_inner);
        let (segments, first) = &mut *starts;
        let Some(buffer) = info.buffer_mut() else {
            segments.restart();
            *first = true;
            return gst::PadProbeReturn::Ok;
        };
        let segment = pad
            .sticky_event::<gst::event::Segment>(0)
            .and_then(|event| {
                let segment = event.segment().downcast_ref::<gst::ClockTime>()?;
                Some(segment.clone())
            });
        if let (Some(pts), Some(priming)) = (buffer.pts(), priming) {
            // An edit list may have the stream start anywhere. Sample counts round by a nanosecond.
            let start = segment.as_ref().and_then(|segment| segment.start());
            let start = start.unwrap_or(gst::ClockTime::ZERO);
            if pts + priming / 2 < start + priming {
                // "Handled" and not "Drop": GStreamer would free again what is freed here.
                return gst::PadProbeReturn::Handled;
            }
            let buffer = buffer.make_mut();
            buffer.set_pts(pts.saturating_sub(priming).max(start));
            buffer.set_dts(None);
        }
        let time = segment.and_then(|segment| segment.to_running_time(buffer.pts()?));
        let time = time.map(|time| time.saturating_sub(zero));
        let delta = buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let starts_segment = match time {
            Some(time) if !delta => segments.start_at(Time::from_nanos(time.nseconds())),
            _ => false,
        };
        let first = std::mem::replace(first, false);
        drop(starts);
        if starts_segment && !first {
            let split = gst::Structure::new_empty("FMP4MuxSplitNow");
            pad.push_event(gst::event::CustomDownstream::new(split));
        }
        gst::PadProbeReturn::Ok
    });
}
