// SPDX-License-Identifier: MPL-2.0

//! `recover`: finishes a session whose recorder was killed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gst::prelude::*;
use gstlecture::record::live::{LOCK_NAME, SOCKET_NAME};
use gstlecture::record::session::{Event, EventKind, FILE_NAME, Session, State};
use rustix::fs::{FlockOperation, flock};
use schemars::JsonSchema;
use serde::Serialize;

use super::Request;
use super::record::{CompleteOptions, course, outputs};
use super::summary::Summary;
use crate::engine::pipeline;
use crate::engine::progress::Progress;
use crate::engine::run::run_to_end;
use crate::error::Error;
use crate::fs::{AtomicFile, files};
use crate::options::{Options, options};
use crate::print::counted;

pub const ABOUT: &str = "\
Finishes a recorded session whose recorder was killed.

Everybody leaves at the end of their last track, tracks without a frame are left out, and the session is
complete. A session that is complete, or is being recorded, is left as it is.";

/// What a recorder leaves beside the session when it is killed.
const REST: [&str; 3] = [LOCK_NAME, SOCKET_NAME, ".session.json.part"];

options! {
    /// Variables of `recover`.
    pub struct RecoverOptions {
        /// the folder of the session
        "input" (required) => input: PathBuf,
    }
    groups { complete: CompleteOptions }
}

/// Results of `recover`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct RecoverResults {
    /// The description of the session.
    pub session: String,
    /// Whether something had to be done.
    pub recovered: bool,
    /// Number of tracks.
    pub tracks: usize,
    /// End of the last track in seconds.
    pub duration: f64,
    /// Exit status of the command of on-complete=, if it was run: only for a session that was recovered.
    pub on_complete: Option<i32>,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = RecoverOptions::parse(&request.values)?;
    let folder = &*options.input;
    let lock = lock(folder)?;
    let path = folder.join(FILE_NAME);
    let bytes = fs::read(&path).map_err(|error| Error::reading(&path, &error))?;
    let mut session = Session::read(&bytes).map_err(|error| {
        Error::request(
            error.to_string(),
            path.display().to_string(),
            "nothing was recorded, or correct the file",
        )
    })?;
    let is_open = matches!(session.state, Some(State::Starting | State::Active));
    let mut end = 0;
    if is_open && !request.print {
        end = finish(request, folder, &mut session)?;
        outputs::recover(folder, &mut session)?;
        AtomicFile::write(&path, session.to_json())?;
    }
    if is_open {
        request.note(&format!(
            "{}: {}, recovered",
            path.display(),
            counted(session.tracks.len(), "track", "tracks")
        ));
    } else {
        request.note(&format!("{}: the session is complete", path.display()));
    }
    for name in REST {
        files::remove(&folder.join(name))?;
    }
    drop(lock);
    let completed = match is_open && !request.print {
        true => options
            .complete
            .run(folder, &session.state.map(course::name).unwrap_or_default()),
        false => Ok(None),
    };
    summary.add(&RecoverResults {
        session: path.display().to_string(),
        recovered: is_open,
        tracks: session.tracks.len(),
        duration: std::time::Duration::from_nanos(end).as_secs_f64(),
        on_complete: completed.clone().ok().flatten(),
    });
    options.complete.check(completed)
}

/// Makes sure that no recorder writes to the folder, for as long as the result is held.
fn lock(folder: &Path) -> Result<Option<File>, Error> {
    let path = folder.join(LOCK_NAME);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::reading(&path, &error)),
    };
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        Error::later(
            "the session is being recorded",
            folder.display().to_string(),
            "end the recorder first: lecture control do=stop",
        )
    })?;
    Ok(Some(file))
}

/// Completes a session. Returns the end of its last track in ns.
fn finish(request: &Request, folder: &Path, session: &mut Session) -> Result<u64, Error> {
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    let mut kept = Vec::new();
    for track in std::mem::take(&mut session.tracks) {
        request.stop.check()?;
        let file = folder.join(&track.file);
        match last_frame(request, &file)? {
            Some(end) => {
                let latest = ends.entry(track.participant.clone()).or_default();
                *latest = end.max(*latest);
                kept.push(track);
            }
            None => request.note(&format!(
                "warning: {} has no frame and is left out",
                file.display()
            )),
        }
    }
    session.tracks = kept;
    if let (true, Some(composite)) = (session.tracks.is_empty(), &session.composite)
        && let Some(end) = last_frame(request, &folder.join(composite))?
    {
        // Nobody's own end is known.
        let all = session.participants.iter();
        ends.extend(all.map(|participant| (participant.id.clone(), end)));
    }
    for (participant, end) in &ends {
        if is_present(session, participant) {
            let participant = participant.clone();
            session.events.push(Event {
                time: *end,
                kind: EventKind::Leave { participant },
            });
        }
    }
    session.events.sort_by_key(|event| event.time);
    session.state = Some(if ends.is_empty() {
        State::Aborted
    } else {
        State::Complete
    });
    Ok(ends.into_values().max().unwrap_or_default())
}

/// Returns whether a participant joined and has not left.
fn is_present(session: &Session, id: &str) -> bool {
    let own = session.events.iter().rev();
    let mut changes = own
        .filter(|event| event.kind.participant() == Some(id))
        .filter_map(|event| match event.kind {
            EventKind::Join { .. } => Some(true),
            EventKind::Leave { .. } => Some(false),
            _ => None,
        });
    changes.next().unwrap_or(false)
}

/// Returns the time of the last frame of a file in ns. Files of a recorder keep the time of the session.
fn last_frame(request: &Request, file: &Path) -> Result<Option<u64>, Error> {
    let is_empty = fs::metadata(file).map_or(0, |metadata| metadata.len()) == 0;
    if is_empty {
        return Ok(None);
    }
    let made = pipeline::parse("filesrc name=file ! matroskademux ! fakesink name=end sync=false")?;
    if let Some(source) = made.by_name("file") {
        source.set_property("location", file);
    }
    // Zero is no frame, so times are kept by one more.
    let last = Arc::new(AtomicU64::new(0));
    if let Some(pad) = made.by_name("end").and_then(|end| end.static_pad("sink")) {
        let last = last.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            if let Some(time) = info.buffer().and_then(|buffer| buffer.pts()) {
                last.fetch_max(time.nseconds().saturating_add(1), Ordering::Relaxed);
            }
            gst::PadProbeReturn::Ok
        });
    }
    let progress = Progress::start("recover", None);
    match run_to_end(&made, progress, &request.stop, |_| {}) {
        // What is cut off ends the file; its frames before count.
        Ok(_) | Err(Error::Request(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(last.load(Ordering::Relaxed).checked_sub(1))
}
