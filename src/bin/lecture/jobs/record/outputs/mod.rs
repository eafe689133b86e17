// SPDX-License-Identifier: MPL-2.0

//! Further outputs of a live composite: files, live HLS, servers, still images.
//!
//! Each is a pipeline of its own in a thread of its own that takes copies of what the composite encodes
//! once, so that nothing that happens to one reaches the others.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gstlecture::record::session::{Output, OutputState};
use once_cell::sync::Lazy;

pub use self::recover::recover;
pub use self::target::OutputOptions;
use self::target::Target;
use self::worker::{Shared, Worker};
use super::composite::Composite;
use crate::engine::description::{Description, Facts, Pipeline};
use crate::engine::pipeline;
use crate::error::Error;
use crate::options::Values;

mod images;
mod intake;
mod parts;
mod recover;
mod segments;
mod target;
mod worker;

/// Longest time for which the end waits while no output goes on.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Longest time for which the end waits at all.
const LONGEST_END: Duration = Duration::from_secs(60);

/// Interval at which the end looks after the outputs.
const POLL: Duration = Duration::from_millis(20);

static DESCRIPTION: Lazy<Description> = Lazy::new(|| {
    Description::read(include_str!(
        "../../../../../../pipelines/record-output.launch"
    ))
});

/// The outputs of a recording.
#[derive(Default)]
pub struct Outputs {
    all: Vec<(Target, Arc<Shared>)>,
    composite: Option<Arc<Composite>>,
    /// Whether the composite has failed before the end of the recording.
    is_cut_off: bool,
    reported: Vec<Output>,
}

/// Returns the pipeline of an output. With `shown`, its address has no key.
fn describe(target: &Target, shown: bool) -> Pipeline {
    let mut facts = Facts::default();
    facts.set(target.word(), true);
    let mut values = Values::default();
    match target {
        Target::Mp4(file) => values.set("file", file.display().to_string()),
        Target::Rtmp(address) | Target::Srt(address) if shown => values.set("url", address.shown()),
        Target::Rtmp(address) | Target::Srt(address) => values.set("url", address.secret()),
        Target::Hls(_) | Target::Images(..) => {}
    }
    DESCRIPTION.pipeline(&facts, &values)
}

/// Returns the lines of the outputs' pipelines to print, without keys.
pub fn lines(targets: &[Target]) -> Vec<Pipeline> {
    let lines = targets.iter().map(|target| describe(target, true));
    lines.collect()
}

impl Outputs {
    /// Prepares the outputs of a composite, so that missing elements and wrong addresses are found before
    /// anything is recorded.
    ///
    /// # Errors
    /// An output cannot be made.
    pub fn open(targets: Vec<Target>, composite: Option<&Arc<Composite>>) -> Result<Self, Error> {
        for target in &targets {
            pipeline::make(&describe(target, false)).map_err(|error| {
                let what = target.hide(&error.finding());
                Error::request(what, target.shown(), "correct the address, or see --help")
            })?;
        }
        let all = targets.into_iter().map(|target| (target, Arc::default()));
        Ok(Outputs {
            all: all.collect(),
            composite: composite.cloned(),
            is_cut_off: false,
            reported: Vec::new(),
        })
    }

    /// Starts the outputs, once the composite runs.
    pub fn start(&self) {
        let Some(composite) = &self.composite else {
            return;
        };
        for (target, shared) in &self.all {
            let worker = Worker::new(target.clone(), composite, shared.clone());
            let spawned = thread::Builder::new()
                .name(format!("output-{}", target.word()))
                .spawn(move || worker.run());
            if spawned.is_err() {
                shared.set(OutputState::Failed, Some("no thread can be started".into()));
            }
        }
    }

    /// Hands the states to the session if one has changed.
    pub fn check(&mut self, session: &gst::Element) {
        let now = self.states();
        if now != self.reported {
            let list = serde_json::to_string(&now).unwrap_or_default();
            session.set_property("outputs", list);
            self.reported = now;
        }
    }

    /// Notes that the composite has failed: what the outputs hold ends there.
    pub fn cut_off(&mut self) {
        self.is_cut_off = true;
    }

    /// Returns the outputs as they are now.
    pub fn states(&self) -> Vec<Output> {
        let states = self.all.iter().map(|(target, shared)| {
            let (state, error) = match shared.state() {
                (OutputState::Complete, _) if self.is_cut_off => {
                    let error = "it ends where the composite has failed";
                    (OutputState::Failed, Some(error.to_owned()))
                }
                as_it_is => as_it_is,
            };
            Output {
                kind: target.kind(),
                to: target.shown(),
                state,
                error,
            }
        });
        states.collect()
    }

    /// Ends all outputs with everything that the composite has given them. An output that does not go on
    /// is left alone.
    pub fn finish(&self) {
        for (_, shared) in &self.all {
            shared.end();
        }
        let started = Instant::now();
        let (mut before, mut since) = (self.progress(), started);
        while self.all.iter().any(|(_, shared)| !shared.is_over()) {
            let now = self.progress();
            if now != before {
                (before, since) = (now, Instant::now());
            }
            if since.elapsed() > LONGEST_WAIT || started.elapsed() > LONGEST_END {
                break;
            }
            thread::sleep(POLL);
        }
        for (_, shared) in &self.all {
            if !shared.is_over() {
                shared.set(OutputState::Failed, Some("it did not end in time".into()));
            }
        }
    }

    fn progress(&self) -> u64 {
        let all = self.all.iter();
        all.map(|(_, shared)| shared.progress())
            .fold(0, u64::wrapping_add)
    }
}
