// SPDX-License-Identifier: MPL-2.0

//! Runs a pipeline to the end of its data. What a run that is stopped has written is discarded by
//! whoever started it; a recording ends well instead: `jobs/record/course.rs`.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gstlecture::timeline::{Span, Time};

use crate::engine::gst_error;
use crate::engine::ledger::{Ledger, Loss};
use crate::engine::memory;
use crate::engine::pipeline::{ROOM, Running, SOURCE};
use crate::engine::progress::Progress;
use crate::engine::reach::{self, Reach};
use crate::engine::repair;
use crate::engine::watch::{Patience, Watch};
use crate::error::Error;
use crate::stop::Stop;

/// Longest wait for a message before the stop and the progress are looked at.
const WAIT: gst::ClockTime = gst::ClockTime::from_mseconds(100);

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

/// Runs a pipeline until its end. `on_message` is called with the messages of its elements.
pub fn run_to_end(
    pipeline: &gst::Pipeline,
    progress: Progress,
    stop: &Stop,
    on_message: impl FnMut(&gst::StructureRef),
) -> Result<Outcome, Error> {
    run_part(pipeline, None, progress, stop, on_message)
}

/// Like [`run_to_end`], for a part of the source. If its format is seekable, little more than that is
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
    progress: Progress,
    stop: &Stop,
    on_message: impl FnMut(&gst::StructureRef),
) -> Result<Outcome, Error> {
    let Some(bus) = pipeline.bus() else {
        return Err(Error::request("the pipeline has no bus", "", "report this"));
    };
    let mut run = Run {
        pipeline,
        bus,
        stop,
        watch: Watch::over(pipeline, patience),
        progress,
        reach: Arc::default(),
        ledger: Ledger::default(),
        given_back: Instant::now(),
        warnings: Vec::new(),
        on_message,
    };
    let source = run.attach();
    let running = Running(pipeline);
    memory::give_back();
    if let (Some(source), Some(part)) = (&source, part) {
        seek(pipeline, source, part, &run.bus, stop)?;
    }
    let is_started = pipeline.set_state(gst::State::Playing).is_ok();
    while !run.step(is_started)? {}
    run.read_last_messages();
    drop(running);
    Ok(Outcome {
        began: run.reach.start(),
        delivered: run.reach.end(),
        warnings: run.warnings,
        losses: run.ledger.losses(),
    })
}

/// A pipeline that runs until the end of its data.
struct Run<'a, F> {
    pipeline: &'a gst::Pipeline,
    bus: gst::Bus,
    stop: &'a Stop,
    watch: Watch,
    progress: Progress,
    reach: Arc<Reach>,
    ledger: Ledger,
    /// Time at which freed memory was last returned to the system.
    given_back: Instant,
    /// Warnings of elements, each once.
    warnings: Vec<String>,
    on_message: F,
}

impl<F: FnMut(&gst::StructureRef)> Run<'_, F> {
    /// Repairs and measures what the source delivers; returns the source.
    fn attach(&self) -> Option<gst::Element> {
        let source = self.pipeline.by_name(SOURCE);
        if let Some(source) = &source {
            repair::attach(self.pipeline, source, &self.ledger);
            reach::measure(source, &self.reach);
        }
        if let Some(room) = self.pipeline.by_name(ROOM) {
            for pad in room.src_pads() {
                reach::measure_pad(&pad, false, &self.reach);
            }
        }
        source
    }

    /// Waits a moment for the next message and handles it; returns whether all data have ended.
    fn step(&mut self, is_started: bool) -> Result<bool, Error> {
        // The reason why it does not start is on the bus already.
        let wait = if is_started {
            WAIT
        } else {
            gst::ClockTime::ZERO
        };
        let message = self.bus.timed_pop(wait);
        if let Err(stopped) = self.stop.check() {
            self.read_last_messages();
            return Err(stopped);
        }
        if self.given_back.elapsed() >= GIVE_BACK {
            memory::give_back();
            self.given_back = Instant::now();
        }
        self.progress.at(self.reach.end());
        self.watch.check(self.pipeline)?;
        let Some(message) = message else {
            return if is_started {
                Ok(false)
            } else {
                Err(not_started())
            };
        };
        match message.view() {
            gst::MessageView::Eos(_) => return Ok(true),
            gst::MessageView::Error(error) => return Err(gst_error::first(error, &self.bus)),
            gst::MessageView::Progress(work) => self.watch.note_progress(work),
            gst::MessageView::Warning(warning) if gst_error::is_failed_link(warning) => {
                return Err(Error::request(
                    "the input's streams have changed since it was opened",
                    "",
                    "wait until no program is writing to it",
                ));
            }
            _ => self.read(&message),
        }
        Ok(false)
    }

    /// Keeps a warning, or hands on the message of an element.
    fn read(&mut self, message: &gst::MessageRef) {
        match message.view() {
            gst::MessageView::Warning(warning) => {
                let text = gst_error::warning(warning);
                if !self.warnings.contains(&text) {
                    self.warnings.push(text);
                }
            }
            gst::MessageView::Element(element) => {
                if let Some(structure) = element.structure() {
                    (self.on_message)(structure);
                }
            }
            _ => {}
        }
    }

    /// Reads the messages that elements post as they stop; going down to NULL would discard them.
    fn read_last_messages(&mut self) {
        // Going down does not fail.
        let _ = self.pipeline.set_state(gst::State::Ready);
        while let Some(message) = self.bus.pop() {
            self.read(&message);
        }
    }
}

fn not_started() -> Error {
    Error::request(
        "the pipeline does not start",
        "",
        "run it with GST_DEBUG=3 to see why",
    )
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
