// SPDX-License-Identifier: MPL-2.0

//! Variables of the jobs that take a session.

use std::path::Path;

use gstlecture::record::session::{Selection, SelectionError};

use super::Request;
use crate::engine::description::Description;
use crate::error::Error;
use crate::media::room::Room;
use crate::media::session;
use crate::options::{FromText, Options, Wrong, options};

/// Returns the lines that read the tracks of a session, for descriptions to stand behind.
pub fn room() -> Description {
    Description::read(include_str!("../../../../pipelines/room.launch"))
}

options! {
    /// The participants of a session who are wanted.
    pub struct ParticipantOptions {
        /// of a session: only these participants are seen and heard, for example ada,ben or role:host
        "only" (optional) => only: Option<Selection>,
        /// of a session: these participants are left out
        "without" (optional) => without: Option<Selection>,
    }
}

options! {
    /// How a session is composed.
    pub struct RoomOptions {
        /// of a session: grid, speaker, single-speaker, slides, side-by-side or interpreter, each also with
        /// -light; or custom with layout-file=
        "layout" (default "grid"),
        /// a layout file (JSON), for layout=custom
        "layout-file" (optional) => layout_file: Option<String>,
        /// of a session: width of the video in pixels
        "width" (default "1280") => width: u64,
        /// of a session: height of the video in pixels
        "height" (default "720") => height: u64,
        /// of a session: frames per second
        "framerate" (default "30") => framerate: Rate,
        /// of a session: color of everything that no video fills, as #rrggbb; auto is that of the layout
        "background" (default "auto"),
        /// of a session: true shows the name of each participant
        "labels" (default "false") as bool,
        /// of a session: stand-in for a camera that is off: initials, none, or a folder of PNG files
        "avatar" (default "initials"),
    }
    groups { participants: ParticipantOptions }
}

/// Frames per second as a fraction.
#[derive(Clone, Copy, Debug)]
pub struct Rate(u32, u32);

impl FromText for Rate {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let (num, den) = text.split_once('/').unwrap_or((text, "1"));
        match (num.parse(), den.parse()) {
            (Ok(num), Ok(den)) if num > 0 && den > 0 && num / den <= 240 => Ok(Rate(num, den)),
            _ => Err(Wrong::Form(
                "write frames per second, for example 25 or 30000/1001",
            )),
        }
    }
}

impl FromText for Selection {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        text.parse()
            .map_err(|error: SelectionError| Wrong::Because(error.to_string()))
    }
}

impl ParticipantOptions {
    /// Reads the session that `input` names, without those who are not wanted.
    pub fn open(&self, input: &Path) -> Result<Room, Error> {
        session::open_room(input, self.only.as_ref(), self.without.as_ref())
    }
}

impl RoomOptions {
    /// Reads the session that `input` names, to be composed.
    pub fn open(&self, input: &Path, request: &Request) -> Result<Room, Error> {
        let mut room = self.participants.open(input)?;
        let pixels = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let Rate(num, den) = self.framerate;
        let mut options = String::new();
        for variable in RoomOptions::variables() {
            let value = request.values.get(variable.name).unwrap_or_default();
            options.push_str(&format!("{}={value}\n", variable.name));
        }
        if let Some(file) = &self.layout_file {
            let bytes =
                std::fs::read(file).map_err(|error| Error::reading(Path::new(file), &error))?;
            options.push_str(&String::from_utf8_lossy(&bytes));
        }
        let size = (pixels(self.width), pixels(self.height));
        room.compose(size, (num, den), &options)?;
        Ok(room)
    }
}
