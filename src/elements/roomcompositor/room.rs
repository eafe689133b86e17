// SPDX-License-Identifier: MPL-2.0

//! The files that a run follows: layout, session, corrected draft.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::settings::Settings;
use crate::record::layout::{
    Change, Director, Event, Kind, LayoutDraft, LayoutFile, LayoutName, Role, Schedule, Source,
};
use crate::record::session::Session;
use crate::timeline::Time;

/// Everything that is known before the first frame.
pub struct Room {
    director: Director,
    events: Vec<Event>,
    rotations: Vec<Rotation>,
    session: Option<Session>,
    /// The session names the speakers: levels are not needed.
    pub has_speakers: bool,
}

struct Rotation {
    time: Time,
    participant: String,
    source: Source,
    degrees: u32,
}

fn refuse(path: &Path, text: impl std::fmt::Display) -> gst::ErrorMessage {
    gst::error_msg!(gst::ResourceError::Read, ("{}: {text}", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>, gst::ErrorMessage> {
    fs::read(path).map_err(|error| refuse(path, error))
}

impl Room {
    /// Reads the files that the settings name.
    ///
    /// # Errors
    /// Names the file, the place and the remedy.
    pub fn read(settings: &Settings) -> Result<Self, gst::ErrorMessage> {
        let invalid = |error: &dyn std::fmt::Display| {
            gst::error_msg!(gst::LibraryError::Settings, ("{error}"))
        };
        let layout: LayoutName = settings.layout.parse().map_err(|error| invalid(&error))?;
        let mut director = Director::new(layout, settings.size()?);
        match (&settings.layout_location, layout.kind) {
            (Some(path), _) => {
                let file = LayoutFile::read(&read(path)?).map_err(|error| refuse(path, error))?;
                director = director.with_file(Arc::new(file));
            }
            (None, Kind::Custom) => {
                return Err(invalid(
                    &"layout=custom needs layout-location, a layout file",
                ));
            }
            (None, _) => {}
        }
        let session = match &settings.session_location {
            Some(path) => {
                let session = Session::read(&read(path)?);
                Some(session.map_err(|error| refuse(path, error))?)
            }
            None => None,
        };
        if let Some(path) = &settings.follow_location {
            let draft = LayoutDraft::read(&read(path)?, None, None).map_err(|errors| {
                let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
                refuse(path, lines.join("; "))
            })?;
            director = director.following(Arc::new(draft));
        }
        Ok(Self::new(director, session))
    }

    fn new(director: Director, session: Option<Session>) -> Self {
        let mut rotations = Vec::new();
        let mut events = session
            .as_ref()
            .map(|session| session.room_events(&[]))
            .unwrap_or_default();
        // Pads know which tracks there are, and the size of their video.
        events.retain(|event| match &event.change {
            Change::Publish { .. } | Change::Unpublish { .. } | Change::Size { .. } => false,
            Change::Rotation {
                participant,
                source,
                degrees,
            } => {
                rotations.push(Rotation {
                    time: event.time,
                    participant: participant.clone(),
                    source: *source,
                    degrees: *degrees,
                });
                false
            }
            _ => true,
        });
        let has_speakers = events
            .iter()
            .any(|event| matches!(event.change, Change::Speaking { .. }));
        Room {
            director,
            events,
            rotations,
            session,
            has_speakers,
        }
    }

    /// Returns the pictures at the start of a run.
    pub fn schedule(&self) -> Schedule {
        let mut schedule = Schedule::new(self.director.clone());
        for event in &self.events {
            schedule.add(event.clone());
        }
        schedule
    }

    /// Returns the name of a participant.
    pub fn label(&self, participant: &str) -> Option<&str> {
        let session = self.session.as_ref()?;
        session.participant(participant)?.label.as_deref()
    }

    /// Returns the role of a participant.
    pub fn role(&self, participant: &str) -> Option<Role> {
        let session = self.session.as_ref()?;
        Some(session.participant(participant)?.role)
    }

    /// Returns the clockwise rotation in degrees that the session has for a track at a time.
    pub fn rotation_at(&self, time: Time, participant: &str, source: Source) -> u32 {
        let rotations = self.rotations.iter().rev();
        let mut rotations = rotations.filter(|rotation| {
            rotation.time <= time
                && rotation.participant == participant
                && rotation.source == source
        });
        rotations.next().map_or(0, |rotation| rotation.degrees)
    }
}
