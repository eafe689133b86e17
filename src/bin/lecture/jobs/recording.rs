// SPDX-License-Identifier: MPL-2.0

//! Recordings as the input of a job: how they are opened, run through a pipeline, and accounted for.

use std::num::NonZeroUsize;
use std::path::Path;

use super::Request;
use super::session_input::RoomOptions;
use crate::engine::ledger::Loss;
use crate::engine::progress::Progress;
use crate::engine::run::{Outcome, run_to_end};
use crate::error::Error;
use crate::media::probe::Input;
use crate::media::session;
use crate::media::truncated;
use crate::options::{FromText, Wrong, options};

options! {
    /// Variables of the jobs that read a recording.
    pub struct RecordingOptions {
        /// number of the video to use if the recording has several, from 1; by default the largest is
        /// used and the others are named
        "video" (optional) => video: Option<VideoNumber>,
        /// true continues if the recording is cut off
        "accept-truncated" (default "false") => accept_truncated: bool,
    }
}

options! {
    /// Variables of the jobs that make a class of a recording or of a session.
    pub struct SourceOptions {}
    groups { recording: RecordingOptions, room: RoomOptions }
}

impl SourceOptions {
    /// Opens the recording `input`, or the sample class if none is named.
    pub fn open_or_sample(&self, input: Option<&str>, request: &Request) -> Result<Input, Error> {
        match input {
            Some(input) => self.open(input, request),
            None if Path::new(SAMPLE).exists() => self.open(SAMPLE, request),
            None => Err(Error::usage(
                "input= is missing",
                "",
                "name the recording: input=FILE",
            )),
        }
    }

    fn open(&self, input: &str, request: &Request) -> Result<Input, Error> {
        if !session::is_session(Path::new(input)) {
            return self.recording.open(input, request);
        }
        if let Some((file, session)) = session::composite(Path::new(input))? {
            let composite = self.recording.open(&file.to_string_lossy(), request)?;
            return Ok(composite.of_session(&session));
        }
        Ok(Input::of_room(self.room.open(Path::new(input), request)?))
    }
}

/// The number of a video in a recording, from 1.
#[derive(Clone, Copy, Debug)]
pub struct VideoNumber(NonZeroUsize);

impl FromText for VideoNumber {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let number = text.parse().map(VideoNumber);
        number.map_err(|_| Wrong::Form("write the number of a video, the first is 1"))
    }
}

/// The sample class of the repository from which the program was built.
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sample.mkv");
pub const SAMPLE_CAPTIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sample.vtt");

impl RecordingOptions {
    /// Opens a recording, and names the streams that are left out.
    pub fn open(&self, input: &str, request: &Request) -> Result<Input, Error> {
        let input = Input::probe(input, self.video.map(|number| number.0.get()))?;
        for codec in &input.undecodable {
            request.note(&format!(
                "warning: there is no decoder for {codec}: this track is left out"
            ));
        }
        if let Some(what) = truncated::last_fragment(&input.path) {
            request.note(&format!("warning: {what}"));
        }
        if let Some(video) = &input.video {
            for (number, size) in &input.other_videos {
                request.note(&format!(
                    "video {} is taken ({}x{}), not video {number} ({size}): video={number} takes that",
                    video.number, video.size.0, video.size.1,
                ));
            }
        }
        Ok(input)
    }

    /// Runs a pipeline over `input`, and checks that all of the input arrived.
    pub fn run(
        &self,
        request: &Request,
        step: &'static str,
        pipeline: &gst::Pipeline,
        input: &Input,
        on_message: impl FnMut(&gst::StructureRef),
    ) -> Result<Outcome, Error> {
        let progress = Progress::start(step, input.duration).watched(&request.watched);
        let outcome = run_to_end(pipeline, progress, &request.stop, on_message)?;
        for warning in &outcome.warnings {
            request.note(&format!("warning: {warning}"));
        }
        self.check_delivery(request, input, &outcome)?;
        self.check_losses(request, input, &outcome.losses)?;
        if let Some(room) = &input.room {
            room.warn_of_truncated();
        }
        Ok(outcome)
    }

    /// Reports frames and samples without a position in time, which are lost to everything that
    /// needs one.
    pub fn check_losses(
        &self,
        request: &Request,
        input: &Input,
        losses: &[Loss],
    ) -> Result<(), Error> {
        let Some(loss) = losses.first() else {
            return Ok(());
        };
        if self.accept_truncated {
            request.note(&format!("warning: {loss}"));
            return Ok(());
        }
        Err(Error::request(
            loss.to_string(),
            input.path.display().to_string(),
            "give them times: ffmpeg -fflags +genpts -i INPUT -c copy OUTPUT.mkv; or go on without \
             them: accept-truncated=true",
        ))
    }

    /// Compares the delivered length with the header: a truncated file ends like a whole one.
    fn check_delivery(
        &self,
        request: &Request,
        input: &Input,
        outcome: &Outcome,
    ) -> Result<(), Error> {
        let what = truncated::finding("recording", input.promised, outcome.delivered);
        let Some(what) = what else {
            return Ok(());
        };
        if self.accept_truncated {
            request.note(&format!("warning: {what}"));
            return Ok(());
        }
        Err(Error::request(
            what,
            input.path.display().to_string(),
            "copy it again, or use the part that is present: accept-truncated=true",
        ))
    }
}
