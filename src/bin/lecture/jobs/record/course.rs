// SPDX-License-Identifier: MPL-2.0

//! The course of a recording: from the first state to an end that keeps everything.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gstlecture::record::live::Metrics;
use gstlecture::record::session::{FILE_NAME, Session, State};

use super::super::Request;
use super::OutputResult;
use super::composite::Composite;
use super::control::{Answer, Command, Control};
use super::monitor::Monitor;
use super::outputs::Outputs;
use super::senders::Senders;
use super::session_of;
use super::space::Space;
use crate::engine::gst_error;
use crate::engine::pipeline::Running;
use crate::error::Error;
use crate::fs::AtomicFile;
use crate::print;
use crate::serve::Listen;

/// Interval at which the limits are checked.
const POLL: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// Longest time for which the end waits for files to be finished.
const LONGEST_END: Duration = Duration::from_secs(10);

/// When a recording ends by itself, and who watches it.
pub struct Limits {
    pub duration: Option<Duration>,
    pub space: Space,
    /// Tracks are written. Without them the end of the composite is that of the recording.
    pub has_tracks: bool,
    /// The address of the metrics, if they are asked for.
    pub monitor: Option<Listen>,
}

/// A recording that runs, or has ended.
pub struct Course<'a> {
    request: &'a Request,
    folder: PathBuf,
    limits: Limits,
    /// The whole room, until it fails.
    composite: Option<Arc<Composite>>,
    outputs: Outputs,
    state: State,
    duration: Duration,
    frames: u64,
    /// Number of tracks that were started.
    started: usize,
    /// The session is on the disk.
    is_begun: bool,
    /// The end was asked for, through the socket or by the senders.
    is_stopped: bool,
    monitor: Option<Monitor>,
    /// The session as it is on the disk in the end; absent if nothing was recorded.
    session: Option<Session>,
}

/// The name of a state in `session.json`.
pub fn name(state: State) -> String {
    word(state)
}

/// The name of a value in JSON.
fn word(value: impl serde::Serialize) -> String {
    let json = serde_json::to_value(value).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}

impl<'a> Course<'a> {
    pub fn new(
        request: &'a Request,
        folder: &Path,
        limits: Limits,
        composite: Option<Arc<Composite>>,
        outputs: Outputs,
    ) -> Result<Self, Error> {
        let monitor = limits.monitor.map(Monitor::open).transpose()?;
        Ok(Course {
            request,
            folder: folder.to_path_buf(),
            limits,
            composite,
            outputs,
            state: State::Starting,
            duration: Duration::ZERO,
            frames: 0,
            started: 0,
            is_begun: false,
            is_stopped: false,
            monitor,
            session: None,
        })
    }

    /// Returns the path of the description.
    pub fn file(&self) -> PathBuf {
        self.folder.join(FILE_NAME)
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// Returns whether there is a session on the disk.
    pub fn is_begun(&self) -> bool {
        self.is_begun
    }

    pub fn duration(&self) -> Duration {
        self.duration
    }

    pub fn frames(&self) -> u64 {
        self.frames
    }

    pub fn tracks(&self) -> usize {
        self.session
            .as_ref()
            .map_or(0, |session| session.tracks.len())
    }

    /// Returns how the further outputs of the composite ended.
    pub fn outputs(&self) -> Vec<OutputResult> {
        let outputs = self.outputs.states().into_iter();
        let results = outputs.map(|output| OutputResult {
            to: output.to,
            state: word(output.state),
        });
        results.collect()
    }

    pub fn participants(&self) -> usize {
        let session = self.session.as_ref();
        session.map_or(0, |session| session.participants.len())
    }

    /// Records until the user, a limit, the sources or an error end it. Whatever was recorded until
    /// then is complete on the disk.
    ///
    /// # Errors
    /// The recording cannot start, or it ended with an error.
    pub fn run(&mut self, pipeline: &gst::Pipeline, senders: &mut Senders) -> Result<(), Error> {
        let session = session_of(pipeline)?;
        self.limits.space.check()?;
        let Some(bus) = pipeline.bus() else {
            return Err(Error::request("the pipeline has no bus", "", "report this"));
        };
        let running = Running(pipeline);
        self.start(pipeline, &bus)?;
        let started = Instant::now();
        self.is_begun = true;
        let control = Control::open(&self.folder)?;
        self.enter(State::Starting);
        senders.start();
        let mut end: Option<(State, Instant)> = None;
        let mut ended_at = None;
        let mut failed = None;
        let last = loop {
            self.duration = started.elapsed();
            self.watch(&session);
            self.outputs.check(&session);
            // What happens to the composite does not end the tracks.
            let is_lost = self.composite.take_if(|composite| !composite.check());
            if is_lost.is_some() {
                self.outputs.cut_off();
                if !self.limits.has_tracks {
                    failed.get_or_insert_with(|| self.composite_error());
                }
            }
            while let Some(asked) = control.next() {
                let answer = self.answer(&session, &asked.command);
                // Whoever asked may be gone.
                let _ = asked.answer.send(answer);
            }
            match end {
                None => {
                    self.check(senders, &mut failed);
                    end = self.end_state(failed.is_some()).map(|last| {
                        ended_at = session.current_running_time();
                        session.send_event(gst::event::Eos::new());
                        (last, Instant::now() + LONGEST_END)
                    });
                }
                Some((last, deadline)) if Instant::now() >= deadline => {
                    self.request.note("warning: the last frames may be missing");
                    break last;
                }
                Some(_) => {}
            }
            let Some(message) = bus.timed_pop(POLL) else {
                continue;
            };
            match message.view() {
                gst::MessageView::Eos(_) => break end.map_or(State::Complete, |(last, _)| last),
                gst::MessageView::Error(error) if senders.fail(&message, error) => {}
                gst::MessageView::Error(error) => {
                    failed.get_or_insert_with(|| gst_error::first(error, &bus));
                }
                _ => self.take_message(&message),
            }
        };
        drop(control);
        self.stop(
            pipeline,
            &bus,
            ended_at.or_else(|| session.current_running_time()),
        );
        drop(running);
        self.finish(last)?;
        failed.map_or(Ok(()), Err)
    }

    /// Starts the pipeline, and the composite with its time.
    fn start(&self, pipeline: &gst::Pipeline, bus: &gst::Bus) -> Result<(), Error> {
        if pipeline.set_state(gst::State::Playing).is_err() {
            return Err(gst_error::posted(bus).unwrap_or_else(|| {
                Error::request("the recording does not start", "", gst_error::SEE_MORE)
            }));
        }
        if let Some(composite) = &self.composite {
            composite.start(pipeline)?;
            self.outputs.start();
        }
        Ok(())
    }

    /// Finishes the files, the composite's up to `end`.
    fn stop(&mut self, pipeline: &gst::Pipeline, bus: &gst::Bus, end: Option<gst::ClockTime>) {
        if let Some(composite) = &self.composite {
            composite.finish(end.unwrap_or_default());
        }
        self.outputs.finish();
        // Elements report the last files as they stop; going down to NULL discards the messages.
        let _ = pipeline.set_state(gst::State::Ready);
        while let Some(message) = bus.pop() {
            self.take_message(&message);
        }
    }

    /// Looks after the senders; they may end the recording.
    fn check(&mut self, senders: &mut Senders, failed: &mut Option<Error>) {
        match senders.check() {
            Ok(is_over) => self.is_stopped |= is_over,
            Err(error) => {
                failed.get_or_insert(error);
            }
        }
    }

    fn composite_error(&self) -> Error {
        Error::later(
            "the composite has failed, and no tracks are recorded",
            self.folder.display().to_string(),
            "see the warning; record with mode=auto to keep the tracks",
        )
    }

    /// Hands the numbers so far to those who watch.
    fn watch(&self, session: &gst::Element) {
        let Some(monitor) = &self.monitor else {
            return;
        };
        let stats = session.property::<gst::Structure>("stats");
        let number = |name| stats.get::<u64>(name).unwrap_or_default();
        monitor.update(Metrics {
            room: session.property("room"),
            state: name(self.state),
            seconds: self.duration.as_secs_f64(),
            tracks: u64::try_from(self.started).unwrap_or_default(),
            frames: number("frames"),
            dropped: number("dropped"),
            requests: number("key-frame-requests"),
            losses: number("losses"),
            size: self.limits.space.size,
            free: self.limits.space.free,
        });
    }

    /// Returns the state in which the recording is to end now, if it is to end.
    fn end_state(&mut self, has_failed: bool) -> Option<State> {
        let is_long = self
            .limits
            .duration
            .is_some_and(|limit| self.duration >= limit);
        if has_failed {
            Some(State::Failed)
        } else if self.is_stopped || self.request.stop.check().is_err() {
            Some(State::Complete)
        } else if is_long || self.limits.space.is_used_up() {
            Some(State::LimitReached)
        } else {
            None
        }
    }

    /// Does what is asked through the socket.
    fn answer(&mut self, session: &gst::Element, command: &Command) -> Answer {
        let event = match command {
            Command::Status => None,
            Command::Stop => {
                self.is_stopped = true;
                None
            }
            Command::Pause => Some(gst::Structure::new_empty("pause")),
            Command::Resume => Some(gst::Structure::new_empty("resume")),
            Command::Mark { label } => {
                let mark = gst::Structure::builder("mark");
                Some(mark.field_if_some("label", label.clone()).build())
            }
            Command::Layout { layout } => Some(
                gst::Structure::builder("layout")
                    .field("layout", layout)
                    .build(),
            ),
        };
        // The hole of the composite is that of the tracks, and not shorter.
        if *command == Command::Pause {
            self.pause_composite(session, true);
        }
        let is_refused =
            event.is_some_and(|event| !session.emit_by_name::<bool>("event", &[&event]));
        if *command == Command::Resume {
            self.pause_composite(session, false);
        }
        let error = match command {
            Command::Pause => "the recording pauses already",
            Command::Resume => "the recording does not pause",
            Command::Layout { .. } => "there is no such layout",
            _ => "the event is not recorded",
        };
        Answer {
            state: name(self.state),
            seconds: self.duration.as_secs_f64(),
            tracks: self.started,
            error: is_refused.then(|| error.to_owned()),
        }
    }

    fn pause_composite(&self, session: &gst::Element, is_paused: bool) {
        if let Some(composite) = &self.composite {
            let now = session.current_running_time();
            composite.pause(is_paused, now.unwrap_or_default());
        }
    }

    fn take_message(&mut self, message: &gst::MessageRef) {
        match message.view() {
            gst::MessageView::Warning(warning) => {
                let text = gst_error::warning(warning);
                self.request.note(&format!("warning: {text}"));
            }
            gst::MessageView::Element(element) => {
                if let Some(structure) = element.structure() {
                    self.take_report(structure);
                }
            }
            _ => {}
        }
    }

    /// Reports what happens to tracks.
    fn take_report(&mut self, structure: &gst::StructureRef) {
        let is_join = structure.name() == "sessionsink-event"
            && structure
                .get::<&str>("type")
                .is_ok_and(|kind| kind == "join");
        if is_join && !self.limits.has_tracks && self.state == State::Starting {
            self.enter(State::Active);
        }
        if structure.name() != "sessionsink-track" {
            return;
        }
        let text = |name| structure.get::<String>(name).unwrap_or_default();
        let frames = structure.get::<u64>("frames").unwrap_or_default();
        self.frames += frames;
        let state = text("state");
        let line = match &*state {
            "started" => format!("{} ({}) starts", text("file"), text("codec")),
            "ended" => format!("{} ends after {frames} frames", text("file")),
            // The warning is printed already.
            _ => return,
        };
        self.request.note(&line);
        if state == "started" {
            self.started += 1;
            if self.state == State::Starting {
                self.enter(State::Active);
            }
        }
    }

    /// Enters a state and reports it.
    fn enter(&mut self, state: State) {
        self.state = state;
        if self.request.json {
            print::answer(serde_json::json!({
                "state": name(state),
                "session": self.file().display().to_string(),
            }));
        }
    }

    /// Reads the session as it is now, and records how it ended.
    fn finish(&mut self, last: State) -> Result<(), Error> {
        let file = self.file();
        let bytes = fs::read(&file).map_err(|error| Error::reading(&file, &error))?;
        self.session = Session::read(&bytes).ok();
        let is_empty = self
            .session
            .as_ref()
            .is_none_or(|session| session.state == Some(State::Aborted));
        let last = match last {
            State::Failed => last,
            _ if is_empty => State::Aborted,
            _ => last,
        };
        let outputs = self.outputs.states();
        if let Some(session) = &mut self.session
            && (session.state != Some(last) || session.outputs != outputs)
        {
            session.state = Some(last);
            session.outputs = outputs;
            AtomicFile::write(&file, session.to_json())?;
        }
        self.enter(last);
        Ok(())
    }
}
