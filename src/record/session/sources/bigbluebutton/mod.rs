// SPDX-License-Identifier: MPL-2.0

//! Raw recordings of BigBlueButton: `events.xml` with the events of a meeting, and the media files
//! that it names in the folders `audio`, `video`, `deskshare` and `presentation` beside it.
//!
//! Events and fields as in bigbluebutton/bigbluebutton, record-and-playback/core (samples of 2.1,
//! and the code that reads those of 2.x and 3.0). Times are milliseconds of a clock without an epoch.
//! The audio of everybody is one file, unless a meeting was held over LiveKit. Chat and the strokes
//! on the whiteboard are left out.

use std::collections::BTreeMap;
use std::fmt;

use super::super::Participant;
use super::Found;
use crate::record::layout::{Role, Source};

mod describe;
mod xml;

use xml::Entry;

/// The name of the file with the events.
pub const FILE_NAME: &str = "events.xml";

/// The participant whose microphone is the mix of all voices.
pub const MIX: &str = "room-audio";

/// The participant whose screen is the presentation.
pub const PRESENTATION: &str = "presentation";

/// Nanoseconds per millisecond.
const NANOS_PER_MILLI: i64 = 1_000_000;

/// A reason why `events.xml` cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MeetingError {
    /// The text is not XML.
    Xml {
        /// The line, counted from one.
        line: usize,
        message: String,
    },
    /// The XML has no event of a meeting.
    NoEvents,
}

impl fmt::Display for MeetingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Xml { line, message } => write!(f, "line {line}: {message}"),
            Self::NoEvents => write!(f, "it has no event of a meeting of BigBlueButton"),
        }
    }
}

impl std::error::Error for MeetingError {}

/// A page of a presentation that everybody sees from a time on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// Nanoseconds of the meeting's clock.
    pub time: i64,
    /// The folder below `presentation`.
    pub presentation: String,
    /// Counted from one.
    pub page: u32,
}

/// A recorded meeting. All times are nanoseconds of its own clock.
#[derive(Default, Debug)]
pub struct Meeting {
    room: Option<String>,
    /// The difference between UTC and the clock of the meeting, in nanoseconds.
    utc: Option<i64>,
    /// The time of the last event.
    end: i64,
    people: Vec<Participant>,
    tracks: Vec<Found>,
    pages: Vec<Page>,
    /// The current page of each presentation.
    current: BTreeMap<String, u32>,
    shared: Option<String>,
    /// The times at which the recording was switched on (`true`) or off.
    switches: Vec<(i64, bool)>,
    /// The times at which a screen was shared (`true`) or no longer, with its file.
    screens: Vec<(i64, String, bool)>,
    speech: Vec<(i64, String, bool)>,
    /// Who presents, from which time on.
    presenters: Vec<(i64, String)>,
}

impl Meeting {
    /// Reads the events of a meeting.
    ///
    /// # Errors
    /// The text is not XML, or holds no events.
    pub fn read(text: &str) -> Result<Self, MeetingError> {
        let mut meeting = Self::default();
        let mut events = 0_usize;
        let room = xml::read(text, |entry| {
            events += 1;
            meeting.take(entry);
        })?;
        meeting.room = room;
        match events {
            0 => Err(MeetingError::NoEvents),
            _ => Ok(meeting),
        }
    }

    fn take(&mut self, entry: &Entry) {
        let time = entry.time;
        self.end = self.end.max(time);
        if self.utc.is_none() {
            let utc = entry.field("timestampUTC").and_then(|utc| utc.parse().ok());
            self.utc = utc.map(|utc: i64| {
                let utc = utc.saturating_mul(NANOS_PER_MILLI);
                utc.saturating_sub(time)
            });
        }
        match entry.name.as_str() {
            "ParticipantJoinEvent" => self.join(entry),
            "AssignPresenterEvent" => {
                if let Some(id) = entry.field("userid").or_else(|| entry.field("userId")) {
                    self.presenters.push((time, id.to_owned()));
                }
            }
            "RecordStatusEvent" => {
                let is_on = match entry.field("status") {
                    Some(status) => status == "true",
                    None => self.switches.len().is_multiple_of(2),
                };
                self.switches.push((time, is_on));
            }
            "StartRecordingEvent" => self.publish(entry, MIX, Source::Microphone),
            "AudioTrackPublishedEvent" => self.publish_own(entry, Source::Microphone),
            "StartWebRTCShareEvent" => self.publish_own(entry, Source::Camera),
            "StartWebRTCDesktopShareEvent" => {
                self.publish_own(entry, Source::Screen);
                self.switch_screen(entry, true);
            }
            "StopWebRTCDesktopShareEvent" => self.switch_screen(entry, false),
            "ParticipantTalkingEvent" => {
                if let Some(id) = entry.field("participant") {
                    self.speech.push((time, id.to_owned(), entry.is("talking")));
                }
            }
            "SharePresentationEvent" => self.share(entry),
            "GotoSlideEvent" => self.turn(entry),
            _ => {}
        }
    }

    fn join(&mut self, entry: &Entry) {
        let Some(id) = entry.field("userId") else {
            return;
        };
        if self.people.iter().all(|person| person.id != id) {
            self.people.push(Participant {
                id: id.to_owned(),
                label: entry.field("name").map(str::to_owned),
                role: Role::default(),
            });
        }
    }

    /// Adds the file that an event is about as a track of a participant.
    fn publish(&mut self, entry: &Entry, participant: &str, source: Source) {
        let Some(file) = entry.file() else {
            return;
        };
        // The audio server reports the start of its file in the same clock.
        let exact = entry.field("recordingTimestamp");
        let exact = exact.and_then(|millis| millis.parse::<i64>().ok());
        self.tracks.push(Found {
            file,
            room: None,
            participant: participant.to_owned(),
            label: None,
            source,
            codec: None,
            start: exact.map_or(entry.time, |millis| millis.saturating_mul(NANOS_PER_MILLI)),
            is_estimated: false,
            duration: None,
            events: Vec::new(),
        });
    }

    /// Adds the file that an event is about as a track of its owner: the event or the name of the
    /// file has their identifier. Without one, a screen is the presenter's.
    fn publish_own(&mut self, entry: &Entry, source: Source) {
        let file = entry.file().unwrap_or_default();
        let known = self.people.iter().map(|person| person.id.as_str());
        let named = known
            .filter(|id| file.contains(id))
            .max_by_key(|id| id.len());
        let presenter = self.presenters.last().map(|(_, id)| id.as_str());
        let owner = entry
            .field("userId")
            .or(named)
            .or(presenter.filter(|_| source == Source::Screen))
            .map_or_else(|| file.clone(), str::to_owned);
        self.publish(entry, &owner, source);
    }

    fn switch_screen(&mut self, entry: &Entry, is_on: bool) {
        if let Some(file) = entry.file() {
            self.screens.push((entry.time, file, is_on));
        }
    }

    /// Takes a presentation that is shown, or no longer.
    fn share(&mut self, entry: &Entry) {
        let Some(name) = entry.field("presentationName") else {
            return;
        };
        // Old versions do not have the field.
        let is_shown = entry.field("share").is_none_or(|share| share == "true");
        if is_shown {
            self.shared = Some(name.to_owned());
            self.show(entry.time);
        }
    }

    /// Takes a page that is turned to.
    fn turn(&mut self, entry: &Entry) {
        // `id` counts from one, `slide` from zero.
        let id = entry.field("id").and_then(|id| id.rsplit_once('/'));
        let by_id = id.and_then(|(name, page)| Some((name, page.parse().ok()?)));
        let slide = entry
            .field("slide")
            .and_then(|slide| slide.parse::<u32>().ok());
        let name = entry.field("presentationName");
        let name = name.or(by_id.map(|(name, _)| name));
        let page = by_id.map(|(_, page)| page);
        let page = page.or(slide.map(|slide| slide.saturating_add(1)));
        let name = name.map(str::to_owned).or_else(|| self.shared.clone());
        if let (Some(name), Some(page)) = (name, page) {
            self.current.insert(name.clone(), page);
            if self.shared.as_ref().is_none_or(|shared| *shared == name) {
                self.shared = Some(name);
                self.show(entry.time);
            }
        }
    }

    fn show(&mut self, time: i64) {
        let Some(presentation) = self.shared.clone() else {
            return;
        };
        let page = self.current.get(&presentation).copied().unwrap_or(1);
        let is_shown = |last: &Page| last.presentation == presentation && last.page == page;
        if !self.pages.last().is_some_and(is_shown) {
            self.pages.push(Page {
                time,
                presentation,
                page,
            });
        }
    }

    /// Returns the media files that the events name, without their folders.
    pub fn tracks(&self) -> &[Found] {
        &self.tracks
    }

    /// Returns the pages that were shown, in the order of their times.
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// Returns the time of the last event.
    pub fn end(&self) -> i64 {
        self.end
    }

    /// Returns the instant of UTC, in nanoseconds since 1970, at a time of the meeting's clock.
    pub fn utc(&self, time: i64) -> Option<i64> {
        self.utc?.checked_add(time)
    }
}

#[cfg(test)]
mod tests;
