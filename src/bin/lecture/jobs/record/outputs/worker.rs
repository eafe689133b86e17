// SPDX-License-Identifier: MPL-2.0

//! One output: its pipeline, its failures and what comes after them.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use gst::prelude::*;
use gstlecture::record::live::{Feed, Retry, Snapshots};
use gstlecture::record::session::OutputState;
use gstlecture::timeline::Time;

use super::super::composite::Composite;
use super::images::Images;
use super::intake::{Choice, connect};
use super::segments::Segments;
use super::target::Target;
use super::{describe, parts};
use crate::engine::gst_error;
use crate::engine::pipeline::{self, Running};
use crate::error::Error;
use crate::print;

/// Interval at which a pipeline and its end are looked at.
const POLL: gst::ClockTime = gst::ClockTime::from_mseconds(50);

/// Longest time for which a server takes nothing of what waits for it.
const LONGEST_STALL: Duration = Duration::from_secs(10);

/// A connection that has lasted this long counts as a good one: the next failure is tried again at once.
const GOOD: Duration = Duration::from_secs(10);

/// Time after the last data of an SRT stream: eight times its usual latency.
const SRT_LINGER: Duration = Duration::from_secs(1);

/// Buffers that a sink was handed when the first of them has surely arrived.
const ARRIVED: u64 = 3;

/// The state of an output, for the recorder.
pub struct Shared {
    state: Mutex<(OutputState, Option<String>)>,
    /// Number of buffers that have reached the sink.
    taken: AtomicU64,
    is_ending: AtomicBool,
    is_over: AtomicBool,
}

impl Default for Shared {
    fn default() -> Self {
        Shared {
            state: Mutex::new((OutputState::Starting, None)),
            taken: AtomicU64::new(0),
            is_ending: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, (OutputState, Option<String>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn state(&self) -> (OutputState, Option<String>) {
        self.lock().clone()
    }

    pub fn set(&self, state: OutputState, error: Option<String>) {
        *self.lock() = (state, error);
        let is_over = matches!(state, OutputState::Complete | OutputState::Failed);
        self.is_over.store(is_over, Ordering::Relaxed);
    }

    /// Asks the output to end.
    pub fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Returns a number that rises while the output goes on.
    pub fn progress(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Relaxed)
    }
}

/// An output that runs.
pub struct Worker {
    target: Target,
    /// Absent once the recorder has let go of it.
    composite: Weak<Composite>,
    shared: Arc<Shared>,
    started: Instant,
}

impl Worker {
    pub fn new(target: Target, composite: &Arc<Composite>, shared: Arc<Shared>) -> Self {
        Worker {
            target,
            composite: Arc::downgrade(composite),
            shared,
            started: Instant::now(),
        }
    }

    /// Runs the output until its end. A server is tried again, a file is not.
    pub fn run(self) {
        let mut retry = Retry::default();
        loop {
            let since = Instant::now();
            let Err(error) = self.run_once() else {
                self.shared.set(OutputState::Complete, None);
                return;
            };
            let text = self.words(&error);
            if self.target.address().is_none() || self.shared.is_ending() {
                self.note(&format!("{text}; the recording is whole without it"));
                self.shared.set(OutputState::Failed, Some(text));
                return;
            }
            let was_good = self.shared.state().0 == OutputState::Active && since.elapsed() >= GOOD;
            if was_good {
                retry = Retry::default();
            }
            // Said once, not at every attempt.
            if self.shared.state().0 != OutputState::Waiting {
                self.note(&format!(
                    "{text}; it is tried again, and the recording goes on"
                ));
            }
            self.shared.set(OutputState::Waiting, Some(text.clone()));
            retry.fail(self.now());
            while !retry.is_due(self.now()) {
                if self.shared.is_ending() {
                    self.shared.set(OutputState::Failed, Some(text));
                    return;
                }
                std::thread::sleep(POLL.into());
            }
        }
    }

    /// Returns an error in one line, without the place in the source of a plugin, without the name that
    /// stands before it, and without any key.
    fn words(&self, error: &Error) -> String {
        let text = self.target.hide(&error.finding());
        let text = text.split(" (../").next().unwrap_or_default();
        let own = format!("{}: ", self.target.shown());
        text.trim_start_matches(&own).to_owned()
    }

    fn note(&self, text: &str) {
        print::note(format_args!("warning: {}: {text}", self.target.shown()));
    }

    fn now(&self) -> Time {
        Time::from_nanos(u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    /// Makes the pipeline and runs it to its end.
    fn run_once(&self) -> Result<(), Error> {
        let made = pipeline::make(&describe(&self.target, false))?;
        let failed: Arc<Mutex<Option<Error>>> = Arc::default();
        let sources = self.attach(&made, &failed)?;
        let Some(bus) = made.bus() else {
            return Err(Error::request("the pipeline has no bus", "", "report this"));
        };
        let running = Running(&made);
        let started = made.set_state(gst::State::Playing);
        let mut watch = Watch::new(&self.shared);
        let mut is_ending = false;
        let ended = loop {
            if self.shared.is_ending() && !is_ending {
                is_ending = true;
                for source in &sources {
                    // One that has failed is reported as the error of the pipeline.
                    let _ = source.end_of_stream();
                }
            }
            let message = bus.timed_pop(POLL);
            let own = failed.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(error) = own {
                break Err(error);
            }
            match message.as_ref().map(|message| message.view()) {
                Some(gst::MessageView::Error(error)) => break Err(gst_error::first(error, &bus)),
                Some(gst::MessageView::Eos(_)) => {
                    self.linger();
                    break Ok(());
                }
                None if started.is_err() => {
                    break Err(Error::request("it does not start", "", gst_error::SEE_MORE));
                }
                _ => {}
            }
            self.check(&mut watch, &sources)?;
        };
        drop(running);
        ended
    }

    /// Waits until the last data has arrived: SRT delivers late on purpose, and a socket that is closed
    /// delivers nothing more.
    fn linger(&self) {
        if let Target::Srt(_) = self.target {
            std::thread::sleep(SRT_LINGER);
        }
    }

    /// Looks whether the sink goes on.
    fn check(&self, watch: &mut Watch, sources: &[gst_app::AppSrc]) -> Result<(), Error> {
        let taken = self.shared.progress();
        let is_new = matches!(
            self.shared.state().0,
            OutputState::Starting | OutputState::Waiting
        );
        if is_new && taken >= watch.first + ARRIVED {
            if self.target.address().is_some() {
                print::note(format_args!("{}: connected", self.target.shown()));
            }
            self.shared.set(OutputState::Active, None);
        }
        let has_backlog = sources
            .iter()
            .any(|source| source.current_level_bytes() > 0);
        if taken != watch.last || !has_backlog {
            (watch.last, watch.since) = (taken, Instant::now());
        }
        if self.target.address().is_some() && watch.since.elapsed() > LONGEST_STALL {
            let seconds = LONGEST_STALL.as_secs();
            let what = format!("the server took nothing for {seconds} s");
            return Err(Error::later(what, "", "see whether it runs"));
        }
        Ok(())
    }

    /// Connects the pipeline with the composite, and its sink with what writes. Returns its sources.
    fn attach(
        &self,
        made: &gst::Pipeline,
        failed: &Arc<Mutex<Option<Error>>>,
    ) -> Result<Vec<gst_app::AppSrc>, Error> {
        let gone = || Error::later("the composite has ended", "", "see its warning");
        let composite = self.composite.upgrade().ok_or_else(gone)?;
        let end = made.by_name("end");
        if let Some(pad) = end.as_ref().and_then(|end| end.static_pad("sink")) {
            let shared = self.shared.clone();
            let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
            pad.add_probe(mask, move |_, _| {
                shared.taken.fetch_add(1, Ordering::Relaxed);
                gst::PadProbeReturn::Ok
            });
        }
        let mut shots = None;
        if let Some(sink) = end.and_then(|end| end.downcast::<gst_app::AppSink>().ok()) {
            shots = self.attach_writer(&sink, failed.clone())?;
        }
        let mut sources = Vec::new();
        for (name, from) in [("video", composite.coded()), ("audio", composite.heard())] {
            let source = made.by_name(name);
            let source = source.and_then(|source| source.downcast::<gst_app::AppSrc>().ok());
            let Some((source, from)) = source.zip(from) else {
                continue;
            };
            let choice = match shots.clone() {
                Some(shots) => Choice::Snapshots(shots),
                None => Choice::All(Feed::new(name == "video")),
            };
            connect(&from, &source, choice, composite.holes());
            sources.push(source);
        }
        Ok(sources)
    }

    /// Connects a sink with what writes its data. Returns what chooses the images, if they are written.
    fn attach_writer(
        &self,
        sink: &gst_app::AppSink,
        failed: Arc<Mutex<Option<Error>>>,
    ) -> Result<Option<Arc<Mutex<Snapshots>>>, Error> {
        let fail = move |error| {
            let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.get_or_insert(error);
        };
        match &self.target {
            Target::Hls(playlist) => {
                make_folder(playlist.parent().unwrap_or(Path::new(".")))?;
                parts::attach(sink, Segments::new(playlist), fail);
                Ok(None)
            }
            Target::Images(folder, every) => {
                make_folder(folder)?;
                let shots = Arc::new(Mutex::new(Snapshots::new(*every)));
                let images = Images {
                    folder: folder.clone(),
                    shots: shots.clone(),
                };
                parts::attach(sink, images, fail);
                Ok(Some(shots))
            }
            Target::Mp4(_) | Target::Rtmp(_) | Target::Srt(_) => Ok(None),
        }
    }
}

/// How far a sink is.
struct Watch {
    first: u64,
    last: u64,
    since: Instant,
}

impl Watch {
    fn new(shared: &Shared) -> Self {
        let first = shared.progress();
        Watch {
            first,
            last: first,
            since: Instant::now(),
        }
    }
}

fn make_folder(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|error| Error::writing(folder, &error))
}
