// SPDX-License-Identifier: MPL-2.0

//! Makes a pipeline from a description and runs it to its end.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::time::{Duration, Instant};

use gst::glib;
use gst::prelude::*;
use gstlecture::timeline::{Span, Time};

use crate::engine::description::{Assignment, Pipeline};
use crate::engine::gst_error;
use crate::engine::ledger::{Ledger, Loss};
use crate::engine::memory;
use crate::engine::progress::Progress;
use crate::engine::repair;
use crate::engine::standing;
use crate::engine::watch::{Patience, Watch};
use crate::error::Error;
use crate::stop::Stop;

/// Name in a description of the element whose pads are the input's streams.
pub const SOURCE: &str = "source";
/// Name of the element that composes a session.
pub const ROOM: &str = "room";

/// Interval at which a running pipeline's freed memory is returned to the system.
const GIVE_BACK: Duration = Duration::from_secs(2);

/// Polling interval of anything that is waited for.
const POLL: Duration = Duration::from_millis(20);

/// Longest time until a pipeline that was set to PAUSED has reported it.
const SETTLING: Duration = Duration::from_secs(5);

/// Observations of a pipeline that has ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Start of the latest of the source's streams, after the data skipped before a part.
    pub began: Time,
    /// End of the longest of the source's streams.
    pub delivered: Time,
    /// Warnings of elements, each once.
    pub warnings: Vec<String>,
    /// Data of the source without a position in time.
    pub losses: Vec<Loss>,
}

/// Parses a description and sets its properties, so that wrong values are found before any work is
/// done.
pub fn make(pipeline: &Pipeline) -> Result<gst::Pipeline, Error> {
    let made = parse(&pipeline.text())?;
    for assignment in pipeline.assignments() {
        assign(&made, assignment)?;
    }
    Ok(made)
}

/// Makes the elements of a pipeline look for what they need, before any work is done.
pub fn prepare(pipeline: &gst::Pipeline) -> Result<(), Error> {
    let running = Running(pipeline);
    let prepared = pipeline.set_state(gst::State::Ready);
    let told = pipeline.bus().as_ref().and_then(gst_error::posted);
    drop(running);
    match (told, prepared) {
        (Some(error), _) => Err(error),
        (None, Ok(_)) => Ok(()),
        (None, Err(_)) => Err(Error::request(
            "the pipeline cannot be prepared",
            "",
            gst_error::SEE_MORE,
        )),
    }
}

/// Restricts decoding to the source's streams that become `media`.
pub fn decode_only(pipeline: &gst::Pipeline, media: &str) {
    if let Some(source) = pipeline.by_name(SOURCE) {
        source.set_property("expose-all-streams", false);
        source.set_property("caps", gst::Caps::new_empty_simple(media));
    }
}

/// Makes the pipeline of a description in the syntax of `gst-launch-1.0`.
pub fn parse(text: &str) -> Result<gst::Pipeline, Error> {
    let mut context = gst::ParseContext::new();
    let element = gst::parse::launch_full(text, Some(&mut context), gst::ParseFlags::FATAL_ERRORS)
        .map_err(|error| {
            let missing = context.missing_elements();
            if missing.is_empty() {
                Error::request(
                    format!("the pipeline cannot be made ({})", error.message()),
                    "",
                    "see the line that `--print` prints",
                )
            } else {
                Error::request(
                    format!("GStreamer elements are missing: {}", missing.join(", ")),
                    "",
                    "install the packages that pipelines/packages lists",
                )
            }
        })?;
    let made = element
        .downcast::<gst::Pipeline>()
        .unwrap_or_else(|element| {
            let made = gst::Pipeline::new();
            // A lone element has no parent that could refuse to release it.
            let _ = made.add(&element);
            made
        });
    begin_at_zero(&made);
    standing::keep(&made);
    Ok(made)
}

/// Demuxers of MPEG streams, whose timestamps count from a clock that starts before the first
/// frame. The lead is the buffering time of a decoder: half a second or more. Their segment starts
/// at the first timestamp, which is also its stream time.
const CLOCKED: [&str; 2] = ["tsdemux", "mpegpsdemux"];

/// Makes the stream time of a recording with a clock start at its first video or audio frame, as in
/// other formats. All its streams are shifted by the same amount.
fn begin_at_zero(pipeline: &gst::Pipeline) {
    pipeline.connect_deep_element_added(|_, _, element| {
        if !is_clocked(element) {
            return;
        }
        let lead = Arc::new(OnceLock::new());
        let late = Arc::new(OnceLock::new());
        element.connect_pad_added(move |_, pad| {
            let (lead, late) = (Arc::clone(&lead), Arc::clone(&late));
            let kinds = gst::PadProbeType::EVENT_DOWNSTREAM | gst::PadProbeType::BUFFER;
            pad.add_probe(kinds, move |_, info| {
                if let Some(event) = info.event()
                    && let Some(moved) = without_lead(event, &lead)
                {
                    info.data = Some(gst::PadProbeData::Event(moved));
                }
                if lead.get() == Some(&gst::ClockTime::ZERO)
                    && let Some(buffer) = info.buffer_mut()
                {
                    begin_with_first(buffer, &late);
                }
                gst::PadProbeReturn::Ok
            });
        });
    });
}

/// Makes a buffer earlier by the time of the first one. After a playlist's demuxer, the segment
/// begins at zero, but the clock of the streams still starts before the first frame.
fn begin_with_first(buffer: &mut gst::Buffer, late: &OnceLock<gst::ClockTime>) {
    let Some(first) = buffer.dts_or_pts() else {
        return;
    };
    let late = *late.get_or_init(|| first);
    if late > gst::ClockTime::ZERO {
        let buffer = buffer.make_mut();
        buffer.set_pts(buffer.pts().map(|time| time.saturating_sub(late)));
        buffer.set_dts(buffer.dts().map(|time| time.saturating_sub(late)));
    }
}

fn is_clocked(element: &gst::Element) -> bool {
    let factory = element.factory();
    factory.is_some_and(|factory| CLOCKED.contains(&factory.name().as_str()))
}

/// Returns a segment whose stream time is earlier by the start of the first one.
fn without_lead(event: &gst::Event, lead: &OnceLock<gst::ClockTime>) -> Option<gst::Event> {
    let gst::EventView::Segment(segment) = event.view() else {
        return None;
    };
    let mut segment = segment.segment().downcast_ref::<gst::ClockTime>()?.clone();
    let time = segment.time()?;
    let lead = lead.get_or_init(|| time);
    segment.set_time(time.saturating_sub(*lead));
    let moved = gst::event::Segment::builder(&segment).seqnum(event.seqnum());
    Some(moved.build())
}

fn assign(pipeline: &gst::Pipeline, set: &Assignment) -> Result<(), Error> {
    let place = format!("{}.{}", set.element, set.property);
    let wrong = |what: String| Error::usage(what, &*place, "see --help");
    let object = pipeline.by_name(&set.element);
    let (object, property) = match set.property.split_once("::") {
        Some((pad, property)) => (
            object
                .and_then(|element| element.static_pad(pad))
                .map(|pad| pad.upcast::<glib::Object>()),
            property,
        ),
        None => (object.map(|element| element.upcast()), &*set.property),
    };
    let Some((object, spec)) =
        object.and_then(|object| object.find_property(property).map(|spec| (object, spec)))
    else {
        return Err(wrong("there is no such property".into()));
    };
    let value = if spec.value_type() == String::static_type() {
        set.value.to_value()
    } else {
        glib::Value::deserialize_with_pspec(&set.value, &spec).map_err(|_| {
            wrong(format!(
                "{} is not a value of {property} ({})",
                set.value,
                spec.blurb().unwrap_or_default()
            ))
        })?
    };
    if !is_in_range(&spec, &value) {
        return Err(wrong(format!(
            "{property} cannot be {} ({})",
            set.value,
            spec.blurb().unwrap_or_default()
        )));
    }
    object.set_property_from_value(property, &value);
    Ok(())
}

/// Returns whether the value is in range: GObject panics on a value out of range.
fn is_in_range(spec: &glib::ParamSpec, value: &glib::Value) -> bool {
    let range = if let Some(spec) = spec.downcast_ref::<glib::ParamSpecUInt>() {
        (f64::from(spec.minimum()), f64::from(spec.maximum()))
    } else if let Some(spec) = spec.downcast_ref::<glib::ParamSpecInt>() {
        (f64::from(spec.minimum()), f64::from(spec.maximum()))
    } else if let Some(spec) = spec.downcast_ref::<glib::ParamSpecUInt64>() {
        (spec.minimum() as f64, spec.maximum() as f64)
    } else if let Some(spec) = spec.downcast_ref::<glib::ParamSpecDouble>() {
        (spec.minimum(), spec.maximum())
    } else {
        return true;
    };
    let number = value.transform::<f64>().map(|number| number.get::<f64>());
    matches!(number, Ok(Ok(number)) if (range.0..=range.1).contains(&number))
}

/// Runs a pipeline until its end. `on_message` is called with the messages of its elements.
pub fn run(
    pipeline: &gst::Pipeline,
    progress: Progress,
    stop: &Stop,
    on_message: impl FnMut(&gst::StructureRef),
) -> Result<Outcome, Error> {
    run_part(pipeline, None, progress, stop, on_message)
}

/// Like [`run`], for a part of the source. If its format is seekable, little more than that is
/// read. [`Outcome::began`] is where it really began.
pub fn run_part(
    pipeline: &gst::Pipeline,
    part: Option<Span>,
    progress: Progress,
    stop: &Stop,
    on_message: impl FnMut(&gst::StructureRef),
) -> Result<Outcome, Error> {
    run_watched(pipeline, part, Patience::FILE, progress, stop, on_message)
}

/// Like [`run_part`], with this patience for a pipeline without progress.
pub fn run_watched(
    pipeline: &gst::Pipeline,
    part: Option<Span>,
    patience: Patience,
    mut progress: Progress,
    stop: &Stop,
    mut on_message: impl FnMut(&gst::StructureRef),
) -> Result<Outcome, Error> {
    let reach = Arc::new(Reach::default());
    let ledger = Ledger::default();
    let source = pipeline.by_name(SOURCE);
    if let Some(source) = &source {
        repair::attach(pipeline, source, &ledger);
        measure(source, &reach);
    }
    if let Some(room) = pipeline.by_name(ROOM) {
        for pad in room.src_pads() {
            measure_pad(&pad, false, &reach);
        }
    }
    let mut watch = Watch::over(pipeline, patience);
    let Some(bus) = pipeline.bus() else {
        return Err(Error::request("the pipeline has no bus", "", "report this"));
    };
    let running = Running(pipeline);
    let mut outcome = Outcome::default();
    let mut hear = |message: &gst::MessageRef| match message.view() {
        gst::MessageView::Warning(warning) => {
            let text = gst_error::warning(warning);
            if !outcome.warnings.contains(&text) {
                outcome.warnings.push(text);
            }
        }
        gst::MessageView::Element(element) => {
            if let Some(structure) = element.structure() {
                on_message(structure);
            }
        }
        _ => {}
    };
    memory::give_back();
    let mut given_back = Instant::now();
    if let (Some(source), Some(part)) = (&source, part) {
        seek(pipeline, source, part, &bus, stop)?;
    }
    let started = pipeline.set_state(gst::State::Playing);
    loop {
        let wait = match started {
            // The reason is on the bus already.
            Err(_) => gst::ClockTime::ZERO,
            Ok(_) => gst::ClockTime::from_mseconds(100),
        };
        let message = bus.timed_pop(wait);
        if let Err(stopped) = stop.check() {
            last_words(pipeline, &bus, &mut hear);
            return Err(stopped);
        }
        if given_back.elapsed() >= GIVE_BACK {
            memory::give_back();
            given_back = Instant::now();
        }
        progress.at(Reach::time(&reach.end));
        watch.check(pipeline)?;
        let Some(message) = message else {
            if started.is_err() {
                return Err(Error::request(
                    "the pipeline does not start",
                    "",
                    "run it with GST_DEBUG=3 to see why",
                ));
            }
            continue;
        };
        match message.view() {
            gst::MessageView::Eos(_) => {
                last_words(pipeline, &bus, &mut hear);
                drop(running);
                outcome.began = Reach::time(&reach.start);
                outcome.delivered = Reach::time(&reach.end);
                outcome.losses = ledger.losses();
                return Ok(outcome);
            }
            gst::MessageView::Error(error) => return Err(gst_error::first(error, &bus)),
            gst::MessageView::Progress(work) => watch.note_progress(work),
            gst::MessageView::Warning(warning) => {
                if gst_error::is_failed_link(warning) {
                    return Err(Error::request(
                        "the input's streams have changed since it was opened",
                        "",
                        "wait until no program is writing to it",
                    ));
                }
                hear(&message);
            }
            _ => hear(&message),
        }
    }
}

/// Reads the messages that elements post as they stop; going down to NULL would discard them.
fn last_words(pipeline: &gst::Pipeline, bus: &gst::Bus, hear: &mut impl FnMut(&gst::MessageRef)) {
    // Going down does not fail.
    let _ = pipeline.set_state(gst::State::Ready);
    while let Some(message) = bus.pop() {
        hear(&message);
    }
}

/// A guard that stops the pipeline, however its run ends.
pub struct Running<'a>(pub &'a gst::Pipeline);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        // Going down to NULL does not fail.
        let _ = self.0.set_state(gst::State::Null);
    }
}

/// Extent of the source's streams, in nanoseconds.
#[derive(Default)]
struct Reach {
    start: AtomicU64,
    end: AtomicU64,
}

impl Reach {
    fn time(of: &AtomicU64) -> Time {
        Time::from_nanos(of.load(Ordering::Relaxed))
    }
}

/// Makes a source begin at the last key frame before a part and end after the part. A source that
/// cannot do that begins at its start.
fn seek(
    pipeline: &gst::Pipeline,
    source: &gst::Element,
    part: Span,
    bus: &gst::Bus,
    stop: &Stop,
) -> Result<(), Error> {
    let (found, all_found) = mpsc::channel();
    source.connect_no_more_pads(move |_| {
        // A failure means that nobody waits any more.
        let _ = found.send(());
    });
    let _ = pipeline.set_state(gst::State::Paused);
    while all_found.recv_timeout(POLL).is_err() {
        stop.check()?;
        if let Some(error) = gst_error::posted(bus) {
            return Err(error);
        }
    }
    settle(pipeline, bus, stop)?;
    let Some(pad) = source.src_pads().into_iter().next() else {
        return Ok(());
    };
    let clock = |time: Time| gst::ClockTime::from_nseconds(time.nanos());
    let end = (part.end != Time::MAX).then(|| clock(part.end));
    let seek = gst::event::Seek::new(
        1.0,
        gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT | gst::SeekFlags::SNAP_BEFORE,
        gst::SeekType::Set,
        clock(part.start),
        gst::SeekType::Set,
        end,
    );
    // A source that is not seekable is read from its start.
    pad.send_event(seek);
    Ok(())
}

/// Waits until a pipeline that is going to PAUSED has reported it. If PLAYING is set before that,
/// the bin withholds its EOS message.
fn settle(pipeline: &gst::Pipeline, bus: &gst::Bus, stop: &Stop) -> Result<(), Error> {
    let limit = Instant::now() + SETTLING;
    let kinds = [gst::MessageType::Error, gst::MessageType::AsyncDone];
    while Instant::now() < limit {
        stop.check()?;
        let message = bus.timed_pop_filtered(gst::ClockTime::try_from(POLL).ok(), &kinds);
        match message.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => return Err(gst_error::first(error, bus)),
            Some(gst::MessageView::AsyncDone(done))
                if done.src() == Some(pipeline.upcast_ref()) =>
            {
                return Ok(());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Records how far the streams of `source` get.
fn measure(source: &gst::Element, reach: &Arc<Reach>) {
    let reach = reach.clone();
    source.connect_pad_added(move |source, pad| {
        let from_first = source.downcast_ref::<gst::Bin>().is_some_and(|bin| {
            bin.iterate_recurse()
                .into_iter()
                .flatten()
                .any(|e| is_clocked(&e))
        }) || repair::follows_edits(source);
        measure_pad(pad, from_first, &reach);
    });
}

/// Measures how far a pad has come; `from_first` if headers count from its first timestamp.
fn measure_pad(pad: &gst::Pad, from_first: bool, reach: &Arc<Reach>) {
    let reach = reach.clone();
    let kinds = gst::PadProbeType::BUFFER
        | gst::PadProbeType::EVENT_DOWNSTREAM
        | gst::PadProbeType::EVENT_FLUSH;
    let segment = std::sync::Mutex::new(gst::FormattedSegment::<gst::ClockTime>::new());
    let is_first = AtomicBool::new(true);
    pad.add_probe(kinds, move |_, info| {
        let mut segment = segment
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        match &info.data {
            Some(gst::PadProbeData::Event(event)) => match event.view() {
                gst::EventView::Segment(event) => {
                    if let Some(new) = event.segment().downcast_ref::<gst::ClockTime>() {
                        *segment = new.clone();
                    }
                }
                gst::EventView::FlushStop(_) => is_first.store(true, Ordering::Relaxed),
                _ => {}
            },
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let start = segment.to_stream_time(buffer.pts().or(buffer.dts()));
                if is_first.swap(false, Ordering::Relaxed)
                    && let Some(start) = start
                {
                    reach.start.fetch_max(start.nseconds(), Ordering::Relaxed);
                }
                let end = buffer
                    .pts()
                    .or(buffer.dts())
                    .map(|pts| pts + buffer.duration().unwrap_or(gst::ClockTime::ZERO));
                let streamed = segment.to_stream_time(end);
                // Headers count from the first timestamp or from zero.
                let end = if from_first {
                    streamed
                } else {
                    end.max(streamed)
                };
                if let Some(end) = end {
                    reach.end.fetch_max(end.nseconds(), Ordering::Relaxed);
                }
            }
            _ => {}
        }
        gst::PadProbeReturn::Ok
    });
}
