// SPDX-License-Identifier: MPL-2.0

//! `session`: describes the files of another recorder as a session.

use std::fs;
use std::path::{Path, PathBuf};

use gstlecture::record::layout::Role;
use gstlecture::record::mjr;
use gstlecture::record::session::sources::pattern::Pattern;
use gstlecture::record::session::sources::{
    AssembleError, Found, assemble, bigbluebutton, daily, janus, livekit, shift,
};
use gstlecture::record::session::{FILE_NAME, Session};
use gstlecture::xapi::units;
use schemars::JsonSchema;
use serde::Serialize;

use super::summary::Summary;
use super::{Request, absolute};
use crate::error::Error;
use crate::fs::AtomicFile;
use crate::options::{ByFile, FromText, Options, Wrong, options};
use crate::print::counted;

mod copy;
mod meeting;

use meeting::Recorded;

pub const ABOUT: &str = "\
Describes the track recordings of a room as a session.

Takes a folder of Janus recordings (.mjr), of LiveKit track recordings with their JSON manifests, of
Daily's raw tracks, of a raw recording of BigBlueButton, or of files that a pattern describes. Writes
session.json, the input of catalog and compose. The media files stay where they are, or are copied. The presentation
of BigBlueButton becomes a video beside session.json.";

options! {
    /// Variables of `session`.
    pub struct SessionOptions {
        /// the folder with the recordings of one room
        "input" (required) => input: PathBuf,
        /// the folder to write session.json to; it may be the same
        "output" (required) => output: PathBuf,
        /// the file names, such as {room}-{participant}-{source}-{start-ms}.webm; {*} stands for anything,
        /// and start-s, start-ms or start-us for the time of the first frame
        "pattern" (optional) => pattern: Option<Pattern>,
        /// seconds from the start of the session to the first frame of a file, such as
        /// offset.ada-camera.webm=1.250; in place of what its recorder says
        "offset.<file>" (optional) => offsets: ByFile<Offset>,
        /// true copies the media files into output, so that the folder can be moved; false leaves them where
        /// they are
        "copy" (default "false") => copy: bool,
        /// only this room, if the folder has several
        "room" (optional) => room: Option<String>,
        /// the participant who gives the class
        "host" (optional) => host: Option<String>,
        /// the participant who interprets into sign language
        "interpreter" (optional) => interpreter: Option<String>,
    }
}

impl FromText for Pattern {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        text.parse()
            .map_err(|error| Wrong::Because(format!("pattern: {error}")))
    }
}

/// A time before or after the start of a session, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Offset(i64);

/// The longest one, in seconds.
const LONGEST_OFFSET: f64 = 24.0 * 3600.0;

impl FromText for Offset {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let seconds = text.parse().ok();
        let seconds = seconds.filter(|seconds: &f64| seconds.abs() <= LONGEST_OFFSET);
        seconds
            .map(|seconds| Offset((seconds * 1e9).round() as i64))
            .ok_or(Wrong::Form(
                "write seconds from -86400 to 86400, for example 1.250",
            ))
    }
}

/// Results of `session`.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SessionResults {
    /// The description that was written.
    pub session: String,
    /// Number of participants.
    pub participants: usize,
    /// Number of tracks.
    pub tracks: usize,
}

pub fn run(request: &Request, summary: &mut Summary) -> Result<(), Error> {
    let options = SessionOptions::parse(&request.values)?;
    let folder = absolute(&options.input)?;
    let output = absolute(&options.output)?;
    let names = list(&folder)?;
    let is_meeting = names.iter().any(|name| name == bigbluebutton::FILE_NAME);
    let mut recorded: Option<Recorded> = None;
    let mut found = match &options.pattern {
        Some(pattern) => by_pattern(request, &folder, &names, pattern, &options.offsets)?,
        None if is_meeting => {
            recorded = meeting::read(request, &folder, &output)?;
            match &mut recorded {
                Some(recorded) => std::mem::take(&mut recorded.tracks),
                None => return Ok(()),
            }
        }
        None => by_recorder(request, &folder, &names)?,
    };
    if let Some(room) = &options.room {
        found.retain(|found| found.room.as_ref() == Some(room));
    }
    set_starts(&mut found, &options.offsets, &folder)?;
    if options.copy {
        copy::files(request, &mut found, &folder, &output)?;
    }
    let is_utc = options.pattern.is_none();
    for found in &mut found {
        let file = folder.join(&found.file);
        found.file = match file.strip_prefix(&output) {
            Ok(inside) => inside.display().to_string(),
            Err(_) => file.display().to_string(),
        };
    }
    let (mut session, origin) = assemble(found).map_err(|error| not_one(&folder, &error))?;
    let started = match &recorded {
        Some(recorded) => recorded.meeting.utc(origin),
        None => is_utc.then_some(origin),
    };
    session.started = started
        .and_then(|nanos| u64::try_from(nanos / 1_000_000).ok())
        .map(units::timestamp);
    if let Some(recorded) = &recorded {
        recorded.meeting.describe(&mut session, origin);
    }
    give_role(&mut session, options.host.as_deref(), "host", Role::Host)?;
    let interpreter = options.interpreter.as_deref();
    give_role(&mut session, interpreter, "interpreter", Role::Interpreter)?;
    let file = write(&output, &session)?;
    if session.tracks.iter().any(|track| track.estimated) {
        request.note(
            "warning: the starts of some tracks are estimates: check that the participants are in sync, and correct \
             start in session.json",
        );
    }
    request.note(&format!(
        "{}: {}, {}",
        file.display(),
        counted(session.participants.len(), "participant", "participants"),
        counted(session.tracks.len(), "track", "tracks")
    ));
    summary.add(&SessionResults {
        session: file.display().to_string(),
        participants: session.participants.len(),
        tracks: session.tracks.len(),
    });
    Ok(())
}

/// Returns the names of the files in a folder, sorted.
fn list(folder: &Path) -> Result<Vec<String>, Error> {
    let failed = |error: &std::io::Error| Error::reading(folder, error);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        if let (true, Ok(name)) = (entry.path().is_file(), entry.file_name().into_string()) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Reads the files of the recorders that are known.
fn by_recorder(request: &Request, folder: &Path, names: &[String]) -> Result<Vec<Found>, Error> {
    let mut recordings = Vec::new();
    for name in names.iter().filter(|name| janus::is_recording(name)) {
        request.stop.check()?;
        let recording = match super::mjr::scan(&folder.join(name))? {
            Ok(recording) => recording,
            Err(error) => {
                request.note(&format!("warning: {name} is left out: {error}"));
                continue;
            }
        };
        for problem in recording.problems() {
            request.note(&format!("warning: {name}: {problem}"));
        }
        let parsed = janus::parse_name(name);
        match janus::track(name, &parsed, &recording) {
            Some(found) => recordings.push((parsed, found)),
            None if recording.header().codec.kind() == mjr::Kind::Data => {
                request.note(&format!("{name} holds messages and is left out"));
            }
            None => {
                return Err(Error::request(
                    "this old recording has no time of day, so that it cannot be aligned",
                    folder.join(name).display().to_string(),
                    "move it away, or name the files with their starts and give pattern=",
                ));
            }
        }
    }
    janus::mark_screens(&mut recordings);
    let mut found: Vec<Found> = recordings.into_iter().map(|(_, found)| found).collect();
    found.extend(names.iter().filter_map(|name| daily::track(name)));
    for name in names.iter().filter(|name| name.ends_with(".json")) {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(|error| Error::reading(&path, &error))?;
        let Some(track) = livekit::read(&bytes) else {
            daily::add_events(&bytes, &mut found);
            continue;
        };
        if names.contains(&track.file) {
            found.push(track);
        } else {
            request.note(&format!(
                "warning: {name} describes {}, which is not in the folder",
                track.file
            ));
        }
    }
    Ok(found)
}

/// Reads the files whose names fit the pattern.
fn by_pattern(
    request: &Request,
    folder: &Path,
    names: &[String],
    pattern: &Pattern,
    offsets: &ByFile<Offset>,
) -> Result<Vec<Found>, Error> {
    let has_offset = |name: &str| offsets.0.iter().any(|(file, _)| file == name);
    let mut found = Vec::new();
    let mut without_start = Vec::new();
    for name in names {
        match pattern.read(name) {
            Some(named) => match named.start {
                Some(start) => found.push(named.track(name, start, false)),
                None if has_offset(name) => found.push(named.track(name, 0, true)),
                None => without_start.push((name, named)),
            },
            None => request.note(&format!("{name} does not fit the pattern and is left out")),
        }
    }
    if let [(name, _)] = &*without_start
        && found.is_empty()
    {
        let name = (*name).clone();
        let only = without_start
            .pop()
            .map(|(_, named)| named.track(&name, 0, false));
        return Ok(only.into_iter().collect());
    }
    if without_start.is_empty() {
        return Ok(found);
    }
    let names: Vec<&str> = without_start
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    Err(Error::usage(
        format!(
            "these names have no start of the track: {}",
            names.join(", ")
        ),
        folder.display().to_string(),
        "put the start into the names and the pattern ({start-ms}, {start-s} or {start-us}), or give the seconds \
         from the start of the session for each: offset.FILE=1.250",
    ))
}

/// Sets the starts that a person gives.
fn set_starts(found: &mut [Found], offsets: &ByFile<Offset>, folder: &Path) -> Result<(), Error> {
    let offsets = offsets.0.iter();
    let offsets: Vec<(String, i64)> = offsets
        .map(|(file, Offset(nanos))| (file.clone(), *nanos))
        .collect();
    shift(found, &offsets).map_err(|file| {
        let known: Vec<&str> = found.iter().map(|found| found.file.as_str()).collect();
        Error::usage(
            format!("there is no track in the file {file}"),
            folder.display().to_string(),
            format!("name one of {}", known.join(", ")),
        )
    })
}

fn not_one(folder: &Path, error: &AssembleError) -> Error {
    let remedy = match error {
        AssembleError::NoTracks => {
            "name a folder of .mjr files, of LiveKit tracks with their manifests, of Daily's raw tracks or \
             of a raw recording of BigBlueButton, or describe the file names: pattern="
        }
        AssembleError::Rooms(_) => "choose one: room=NAME",
        AssembleError::Pause { .. } => "make two sessions of them",
    };
    Error::request(error.to_string(), folder.display().to_string(), remedy)
}

/// Gives a participant a role.
fn give_role(session: &mut Session, id: Option<&str>, name: &str, role: Role) -> Result<(), Error> {
    let Some(id) = id else {
        return Ok(());
    };
    if let Some(participant) = session.participants.iter_mut().find(|p| p.id == id) {
        participant.role = role;
        return Ok(());
    }
    let known: Vec<&str> = session.participants.iter().map(|p| p.id.as_str()).collect();
    Err(Error::usage(
        format!("nobody in the session is called {id}"),
        format!("{name}={id}"),
        format!("name one of {}", known.join(", ")),
    ))
}

/// Writes the description, and returns its place.
fn write(folder: &Path, session: &Session) -> Result<PathBuf, Error> {
    fs::create_dir_all(folder).map_err(|error| Error::writing(folder, &error))?;
    let path = folder.join(FILE_NAME);
    AtomicFile::write(&path, session.to_json())?;
    Ok(path)
}
