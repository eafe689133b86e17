// SPDX-License-Identifier: MPL-2.0

//! Repairs the output of demuxers and decoders of GStreamer 1.22: missing and wrong timestamps, and
//! parts of joined files that end the stream or overlap.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gst::prelude::*;
use gstlecture::timeline::{SampleClock, Time};

use crate::engine::frame_order::{Codec, order_frames};
use crate::engine::ledger::{Account, Ledger};

/// Demuxers of containers without timestamps, which derive them from a mean rate.
const WITHOUT_TIMESTAMPS: [&str; 3] = ["wavparse", "aiffparse", "auparse"];

/// Shortest duration of a frame. Frames without times of their own are a few nanoseconds apart.
const SHORTEST: gst::ClockTime = gst::ClockTime::from_useconds(500);

/// Largest step back that is ignored: frames are not stored in presentation order.
const STEP_BACK: gst::ClockTime = gst::ClockTime::from_mseconds(500);

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Repairs the streams of a pipeline's source and of the decoders in it. `ledger` gets an account
/// of each decoded stream.
pub fn attach(pipeline: &gst::Pipeline, source: &gst::Element, ledger: &Ledger) {
    pipeline.connect_deep_element_added(|_, _, element| {
        if is_made_by(element, &["matroskademux"]) {
            join_parts(element);
        }
        if is_made_by(element, &["wavparse"])
            && let Some(pad) = element.static_pad("src")
        {
            count_blocks(&pad);
        }
        let video = gst::ElementFactoryType::DECODER | gst::ElementFactoryType::MEDIA_VIDEO;
        let factory = element.factory();
        if factory.is_some_and(|factory| factory.has_type(video))
            && let Some(pad) = element.static_pad("sink")
        {
            order_frames(&pad, Codec::of_decoder);
        }
    });
    // Edit lists may show a part of the media twice, or a later one first.
    if follows_edits(source) {
        return;
    }
    let accounts = ledger.clone();
    source.connect_pad_added(move |source, pad| time_pad(source, pad, &accounts));
    relink_next_chain(source);
}

/// Returns whether timestamps are those of media that edit lists show parts of.
pub fn follows_edits(source: &gst::Element) -> bool {
    let sink = source.static_pad("sink");
    let reader = sink.and_then(|sink| sink.peer()?.parent_element()?.factory());
    reader.is_some_and(|factory| factory.name() == "mp4editsrc")
}

fn is_made_by(element: &gst::Element, factories: &[&str]) -> bool {
    let factory = element.factory();
    factory.is_some_and(|factory| factories.contains(&factory.name().as_str()))
}

/// Makes the second of two joined Matroska files follow the first: the demuxer begins a segment
/// where the first part ended, but its running time and the times of its packets begin again at zero.
fn join_parts(demuxer: &gst::Element) {
    demuxer.connect_pad_added(|_, pad| {
        let previous: Mutex<Option<gst::FormattedSegment<gst::ClockTime>>> = Mutex::default();
        let moved = Mutex::new(None);
        let kinds = gst::PadProbeType::BUFFER
            | gst::PadProbeType::EVENT_DOWNSTREAM
            | gst::PadProbeType::EVENT_FLUSH;
        pad.add_probe(kinds, move |_, info| {
            match &mut info.data {
                Some(gst::PadProbeData::Event(event)) => match event.view() {
                    gst::EventView::FlushStop(_) => *lock(&previous) = None,
                    gst::EventView::Segment(_) => {
                        if let Some(joined) = following(event, &mut lock(&previous)) {
                            *event = joined;
                        }
                        *lock(&moved) = None;
                    }
                    _ => {}
                },
                Some(gst::PadProbeData::Buffer(buffer)) => {
                    let begins = lock(&previous).as_ref().and_then(|segment| segment.start());
                    move_behind(buffer, begins.unwrap_or_default(), &mut lock(&moved));
                }
                _ => {}
            }
            gst::PadProbeReturn::Ok
        });
    });
}

/// Notes a segment; returns it with the running time that it has behind the one before.
fn following(
    event: &gst::Event,
    previous: &mut Option<gst::FormattedSegment<gst::ClockTime>>,
) -> Option<gst::Event> {
    let gst::EventView::Segment(new) = event.view() else {
        return None;
    };
    let mut segment = new.segment().downcast_ref::<gst::ClockTime>()?.clone();
    let base = previous
        .as_ref()
        .and_then(|previous| previous.to_running_time(segment.start()));
    let joined = base
        .filter(|base| segment.base() < Some(*base))
        .map(|base| {
            segment.set_base(base);
            gst::event::Segment::builder(&segment)
                .seqnum(event.seqnum())
                .build()
        });
    *previous = Some(segment);
    joined
}

/// Moves a packet that lies before its segment to its place in it.
fn move_behind(
    buffer: &mut gst::Buffer,
    begins: gst::ClockTime,
    moved: &mut Option<gst::ClockTime>,
) {
    let Some(time) = buffer.dts_or_pts() else {
        return;
    };
    let is_behind = time.saturating_add(STEP_BACK) < begins;
    let by = *moved.get_or_insert(match is_behind {
        true => begins,
        false => gst::ClockTime::ZERO,
    });
    if by > gst::ClockTime::ZERO {
        let buffer = buffer.make_mut();
        buffer.set_pts(buffer.pts().map(|time| time.saturating_add(by)));
        buffer.set_dts(buffer.dts().map(|time| time.saturating_add(by)));
    }
}

/// Sets the times of compressed audio blocks in WAV from their samples; the demuxer derives them
/// from a mean rate that recorders write incorrectly.
fn count_blocks(pad: &gst::Pad) {
    // After a seek, the number of earlier samples is unknown.
    let next = Mutex::new(None);
    let begins = AtomicBool::new(true);
    on_data(pad, move |pad, data| match data {
        Data::Begins => begins.store(true, Ordering::Relaxed),
        Data::Caps => {}
        Data::Buffer(buffer) => {
            let caps = pad.current_caps();
            let length = caps.and_then(|caps| blocks_length(&caps, buffer.size() as u64));
            let Some(length) = length else {
                return;
            };
            let mut next = lock(&next);
            if begins.swap(false, Ordering::Relaxed) {
                *next = buffer.pts().filter(|start| start.is_zero());
            }
            if let Some(next) = &mut *next {
                let buffer = buffer.make_mut();
                buffer.set_pts(*next);
                buffer.set_duration(length);
                *next = next.saturating_add(length);
            }
        }
    });
}

/// Returns the duration of the ADPCM blocks in this many bytes ("Multimedia Data Standards Update",
/// Microsoft 1994). Each block begins with a header for each channel, and four bits are a sample.
fn blocks_length(caps: &gst::CapsRef, bytes: u64) -> Option<gst::ClockTime> {
    let stream = caps.structure(0).filter(|s| s.name() == "audio/x-adpcm")?;
    let field = |name: &str| u64::try_from(stream.get::<i32>(name).ok()?).ok();
    let (rate, channels) = (field("rate")?, field("channels")?);
    let block = field("block_align").filter(|block| *block > 0)?;
    let (header, in_header) = match stream.get::<&str>("layout").ok()? {
        "dvi" => (4 * channels, 1),
        "microsoft" => (7 * channels, 2),
        _ => return None,
    };
    let samples = |block: u64| match block.checked_sub(header) {
        Some(data) => (data * 2).checked_div(channels).unwrap_or_default() + in_header,
        None => 0,
    };
    let all = (bytes / block) * samples(block) + samples(bytes % block);
    let nanos = all.saturating_mul(1_000_000_000).checked_div(rate)?;
    Some(gst::ClockTime::from_nseconds(nanos))
}

/// Connects each further link of a chained file to the elements of the one before: the demuxer
/// gives it pads of its own, and a description links the first ones only.
fn relink_next_chain(source: &gst::Element) {
    struct Link {
        pad: gst::Pad,
        to: gst::Pad,
    }
    let links: Arc<Mutex<Vec<Link>>> = Arc::default();
    source.connect_pad_added({
        let links = links.clone();
        move |_, pad| {
            if !pad.is_linked() {
                let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
                let own = media(Some(caps));
                let is_free = |to: &gst::Pad| !to.is_linked() && media(to.current_caps()) == own;
                let before: Vec<gst::Pad> =
                    lock(&links).iter().map(|link| link.to.clone()).collect();
                if let Some(to) = before.into_iter().find(is_free) {
                    // Incompatible data is reported by the element that receives it.
                    let _ = pad.link(&to);
                }
            }
            let Some(to) = pad.peer() else {
                return;
            };
            let mut links = lock(&links);
            links.retain(|link| link.to != to);
            links.push(Link {
                pad: pad.clone(),
                to,
            });
        }
    });
    source.connect_pad_removed(move |_, pad| {
        lock(&links).retain(|link| link.pad != *pad || !link.to.is_linked());
    });
}

/// Returns the part of a media type with the kind of stream.
fn media(caps: Option<gst::Caps>) -> Option<String> {
    let caps = caps?;
    Some(caps.structure(0)?.name().to_string())
}

/// Repairs the times of a stream that a source has decoded.
fn time_pad(source: &gst::Element, pad: &gst::Pad, ledger: &Ledger) {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    match media(Some(caps)).as_deref() {
        Some("audio/x-raw") => {
            let bin = source.downcast_ref::<gst::Bin>();
            let elements = bin.map(|bin| bin.iterate_recurse());
            let only_counts = elements
                .into_iter()
                .flat_map(|elements| elements.into_iter().flatten())
                .any(|element| is_made_by(&element, &WITHOUT_TIMESTAMPS));
            time_audio(pad, only_counts, ledger.open("audio"));
        }
        Some("video/x-raw") => time_video(pad, ledger.open("video")),
        _ => {}
    }
}

fn time_audio(pad: &gst::Pad, only_counts: bool, account: Account) {
    let clock = Mutex::new(match only_counts {
        true => SampleClock::counting(),
        false => SampleClock::default(),
    });
    let format = Mutex::new(None);
    on_data(pad, move |pad, data| match data {
        Data::Begins => lock(&clock).restart(),
        Data::Caps => {
            let caps = pad.current_caps();
            *lock(&format) = caps.and_then(|caps| gst_audio::AudioInfo::from_caps(&caps).ok());
        }
        Data::Buffer(buffer) => {
            let mut format = lock(&format);
            if format.is_none() {
                let caps = pad.current_caps();
                *format = caps.and_then(|caps| gst_audio::AudioInfo::from_caps(&caps).ok());
            }
            let Some(format) = &*format else {
                return;
            };
            let samples = buffer.size() as u64 / u64::from(format.bpf().max(1));
            let length = samples
                .saturating_mul(1_000_000_000)
                .checked_div(u64::from(format.rate()));
            let length = Time::from_nanos(length.unwrap_or_default());
            let mut clock = lock(&clock);
            let placed = clock.place(buffer.pts().map(time), length);
            if buffer.pts().map(time) != Some(placed) {
                let buffer = buffer.make_mut();
                buffer.set_pts(gst::ClockTime::from_nseconds(placed.nanos()));
            }
            account.add_samples(samples, length, clock.overlapped());
        }
    });
}

/// Sets the time of frames without one to the end of their predecessor, and counts those without a
/// time of their own.
fn time_video(pad: &gst::Pad, account: Account) {
    let last = Mutex::new(None);
    on_data(pad, move |pad, data| match data {
        Data::Begins => *lock(&last) = None,
        Data::Caps => {}
        Data::Buffer(buffer) => {
            let mut last = lock(&last);
            let length = || buffer.duration().filter(|length| !length.is_zero());
            let length = || length().or_else(|| frame_length(pad));
            let guess = match &*last {
                None => Some(gst::ClockTime::ZERO),
                Some(last) => length().map(|length| length.saturating_add(*last)),
            };
            if buffer.pts().is_none()
                && let Some(guess) = guess
            {
                buffer.make_mut().set_pts(guess);
            }
            let has_own_time = match (buffer.pts(), *last) {
                (Some(time), Some(last)) => time >= last + SHORTEST,
                (time, _) => time.is_some(),
            };
            // Otherwise the last frame would end at its start.
            if buffer.duration().is_none()
                && let (Some(time), Some(last)) = (buffer.pts(), *last)
                && time > last
                && time - last <= gst::ClockTime::SECOND
            {
                buffer.make_mut().set_duration(time - last);
            }
            *last = buffer.pts().max(*last);
            account.add_frame(has_own_time);
        }
    });
}

/// Counts the coded frames to be muxed: muxers drop those without a time.
pub fn count_frames(pad: &gst::Pad, account: Account) {
    on_data(pad, move |_, data| {
        if let Data::Buffer(buffer) = data
            && !buffer.flags().contains(gst::BufferFlags::HEADER)
        {
            account.add_frame(buffer.pts().is_some());
        }
    });
}

/// Returns the duration of a frame, by the frame rate in the caps.
fn frame_length(pad: &gst::Pad) -> Option<gst::ClockTime> {
    const HIGHEST: i32 = 240;
    let caps = pad.current_caps()?;
    let rate = caps.structure(0)?.get::<gst::Fraction>("framerate").ok()?;
    let is_real = rate.numer() > 0 && rate.numer() / rate.denom().max(1) <= HIGHEST;
    let nanos = u64::try_from(rate.denom()).ok()? * 1_000_000_000;
    let length = nanos / u64::try_from(rate.numer()).ok().filter(|_| is_real)?;
    Some(gst::ClockTime::from_nseconds(length))
}

enum Data<'a> {
    /// A segment, or data after a flush.
    Begins,
    Caps,
    Buffer(&'a mut gst::Buffer),
}

fn on_data(pad: &gst::Pad, see: impl Fn(&gst::Pad, Data) + Send + Sync + 'static) {
    let kinds = gst::PadProbeType::BUFFER
        | gst::PadProbeType::EVENT_DOWNSTREAM
        | gst::PadProbeType::EVENT_FLUSH;
    pad.add_probe(kinds, move |pad, info| {
        match &mut info.data {
            Some(gst::PadProbeData::Buffer(buffer)) => see(pad, Data::Buffer(buffer)),
            Some(gst::PadProbeData::Event(event)) => match event.type_() {
                gst::EventType::Segment | gst::EventType::FlushStop => see(pad, Data::Begins),
                gst::EventType::Caps => see(pad, Data::Caps),
                _ => {}
            },
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}

fn time(time: gst::ClockTime) -> Time {
    Time::from_nanos(time.nseconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_adpcm_last_as_long_as_their_samples() {
        gst::init().expect("GStreamer");
        let length = |layout: &str, channels: i32, bytes: u64| {
            let caps = gst::Caps::builder("audio/x-adpcm")
                .field("layout", layout)
                .field("rate", 8000i32)
                .field("channels", channels)
                .field("block_align", 256i32 * channels)
                .build();
            blocks_length(&caps, bytes).map(gst::ClockTime::mseconds)
        };
        // 505 and 500 samples a block.
        assert_eq!(length("dvi", 1, 256 * 16), Some(1010));
        assert_eq!(length("dvi", 2, 512 * 16), Some(1010));
        assert_eq!(length("microsoft", 1, 256 * 16), Some(1000));
        assert_eq!(length("g721", 1, 256), None);
        assert_eq!(length("dvi", 0, 256), None);
    }
}
