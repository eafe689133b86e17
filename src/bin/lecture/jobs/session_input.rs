// SPDX-License-Identifier: MPL-2.0

//! Variables of the jobs that take a session.

use std::path::PathBuf;

use gstlecture::record::session::{Selection, SelectionError};

use crate::error::Error;
use crate::media::room::Room;
use crate::options::{FromText, Wrong, options};

options! {
    /// The session, and the participants who are wanted.
    pub struct SessionInput {
        /// the session: a folder with session.json, or that file
        "input" (required) => input: PathBuf,
        /// only these participants are seen and heard, for example ada,ben or role:host
        "only" (optional) => only: Option<Selection>,
        /// these participants are left out
        "without" (optional) => without: Option<Selection>,
    }
}

impl FromText for Selection {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        text.parse()
            .map_err(|error: SelectionError| Wrong::Because(error.to_string()))
    }
}

impl SessionInput {
    /// Reads the session, without those who are not wanted.
    pub fn open(&self) -> Result<Room, Error> {
        Room::open(&self.input, self.only.as_ref(), self.without.as_ref())
    }

    /// Returns whether nobody is left out.
    pub fn is_whole(&self) -> bool {
        self.only.is_none() && self.without.is_none()
    }
}
