// SPDX-License-Identifier: MPL-2.0

//! The room: who is in it, and which of their tracks can be seen.

use serde::{Deserialize, Serialize};

use super::voice::Voice;
use super::{Fit, LayoutName, TileSource};
use crate::timeline::Time;

/// The part that somebody has in the room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Host,
    #[default]
    Participant,
    /// Interprets into sign language: is seen at all times and never speaks.
    Interpreter,
}

/// A kind of track.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    Camera,
    Microphone,
    Screen,
    ScreenAudio,
}

/// Something that happens in the room.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    pub time: Time,
    pub change: Change,
}

/// The kinds of events. A participant who was never announced joins with their first track.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    Join {
        participant: String,
        role: Role,
    },
    Leave {
        participant: String,
    },
    /// A track starts. A screen share is a track of [`Source::Screen`].
    Publish {
        participant: String,
        source: Source,
    },
    Unpublish {
        participant: String,
        source: Source,
    },
    /// A muted camera shows an avatar, a muted screen nothing; a muted microphone never speaks.
    Mute {
        participant: String,
        source: Source,
        muted: bool,
    },
    /// Loudness of a microphone in dBFS (or dBov, RFC 6464, negated), -127 to 0. To be repeated
    /// at least every half second while somebody speaks.
    Level {
        participant: String,
        decibels: f32,
    },
    /// Somebody starts or stops speaking, as the source of the events has decided.
    Speaking {
        participant: String,
        speaking: bool,
    },
    /// The size of a video as it is coded, in pixels.
    Size {
        participant: String,
        source: Source,
        width: u32,
        height: u32,
    },
    /// The clockwise rotation with which a video is to be shown, in degrees.
    Rotation {
        participant: String,
        source: Source,
        degrees: u32,
    },
    Layout(LayoutName),
}

/// The state of a video track.
#[derive(Clone, Debug, Default)]
struct Video {
    is_published: bool,
    is_muted: bool,
    size: Option<(u32, u32)>,
    degrees: u32,
}

impl Video {
    fn is_portrait(&self) -> bool {
        let is_turned = self.degrees % 180 == 90;
        self.size.is_some_and(|(width, height)| {
            if is_turned {
                width > height
            } else {
                height > width
            }
        })
    }
}

/// Somebody in the room.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) id: String,
    pub(super) role: Role,
    pub(super) voice: Voice,
    is_microphone_muted: bool,
    camera: Video,
    screen: Video,
}

/// A video that can be shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Track<'a> {
    pub(super) participant: &'a str,
    pub(super) role: Role,
    pub(super) is_screen: bool,
    is_off: bool,
    is_portrait: bool,
}

impl Track<'_> {
    pub(super) fn source(&self) -> TileSource {
        match (self.is_screen, self.is_off) {
            (true, _) => TileSource::Screen,
            (false, true) => TileSource::Avatar,
            (false, false) => TileSource::Camera,
        }
    }

    /// Landscape cameras cover their tile. Nothing of a portrait camera, a screen or an
    /// interpreter is cropped.
    pub(super) fn fit(&self) -> Fit {
        if self.is_screen || self.is_interpreter() || (self.is_portrait && !self.is_off) {
            Fit::Contain
        } else {
            Fit::Cover
        }
    }

    /// Whether it is the camera of an interpreter.
    pub(super) fn is_interpreter(&self) -> bool {
        self.role == Role::Interpreter && !self.is_screen
    }
}

impl Person {
    fn new(id: &str) -> Self {
        Person {
            id: id.to_owned(),
            role: Role::default(),
            voice: Voice::default(),
            is_microphone_muted: false,
            camera: Video::default(),
            screen: Video::default(),
        }
    }

    fn video(&mut self, source: Source) -> Option<&mut Video> {
        match source {
            Source::Camera => Some(&mut self.camera),
            Source::Screen => Some(&mut self.screen),
            Source::Microphone | Source::ScreenAudio => None,
        }
    }

    /// The camera track, also while it is muted.
    pub(super) fn camera(&self) -> Option<Track<'_>> {
        self.camera.is_published.then_some(Track {
            participant: &self.id,
            role: self.role,
            is_screen: false,
            is_off: self.camera.is_muted,
            is_portrait: self.camera.is_portrait(),
        })
    }

    /// The screen that is shared and not muted.
    pub(super) fn screen(&self) -> Option<Track<'_>> {
        (self.screen.is_published && !self.screen.is_muted).then_some(Track {
            participant: &self.id,
            role: self.role,
            is_screen: true,
            is_off: false,
            is_portrait: false,
        })
    }

    pub(super) fn is_camera_on(&self) -> bool {
        self.camera.is_published && !self.camera.is_muted
    }
}

/// Everybody in the room, in the order in which they joined.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    pub(super) people: Vec<Person>,
}

impl Room {
    /// Applies an event. What it means for somebody who is not there is ignored.
    pub(super) fn apply(&mut self, now: Time, change: &Change) {
        match change {
            Change::Join { participant, role } => self.person_or_new(participant).role = *role,
            Change::Leave { participant } => self.people.retain(|person| person.id != *participant),
            Change::Publish {
                participant,
                source,
            } => self.publish(participant, *source),
            Change::Unpublish {
                participant,
                source,
            } => self.unpublish(now, participant, *source),
            Change::Mute {
                participant,
                source,
                muted,
            } => self.mute(now, participant, *source, *muted),
            Change::Level {
                participant,
                decibels,
            } => {
                if let Some(voice) = self.open_voice(participant) {
                    voice.hear(now, *decibels);
                }
            }
            Change::Speaking {
                participant,
                speaking,
            } => {
                if let Some(voice) = self.open_voice(participant) {
                    voice.set_speaking(now, *speaking);
                }
            }
            Change::Size {
                participant,
                source,
                width,
                height,
            } => {
                if let Some(video) = self.video(participant, *source) {
                    video.size = Some((*width, *height));
                }
            }
            Change::Rotation {
                participant,
                source,
                degrees,
            } => {
                if let Some(video) = self.video(participant, *source) {
                    video.degrees = *degrees;
                }
            }
            Change::Layout(_) => {}
        }
    }

    fn publish(&mut self, id: &str, source: Source) {
        let person = self.person_or_new(id);
        if let Some(video) = person.video(source) {
            video.is_published = true;
            video.is_muted = false;
        } else if source == Source::Microphone {
            person.is_microphone_muted = false;
        }
    }

    fn unpublish(&mut self, now: Time, id: &str, source: Source) {
        let Some(person) = self.person(id) else {
            return;
        };
        if let Some(video) = person.video(source) {
            *video = Video::default();
        } else if source == Source::Microphone {
            person.voice.silence(now);
        }
    }

    fn mute(&mut self, now: Time, id: &str, source: Source, muted: bool) {
        let Some(person) = self.person(id) else {
            return;
        };
        if let Some(video) = person.video(source) {
            video.is_muted = muted;
        } else if source == Source::Microphone {
            person.is_microphone_muted = muted;
            if muted {
                person.voice.silence(now);
            }
        }
    }

    fn video(&mut self, id: &str, source: Source) -> Option<&mut Video> {
        self.person(id).and_then(|person| person.video(source))
    }

    fn person(&mut self, id: &str) -> Option<&mut Person> {
        self.people.iter_mut().find(|person| person.id == id)
    }

    fn person_or_new(&mut self, id: &str) -> &mut Person {
        let index = self.people.iter().position(|person| person.id == id);
        let index = index.unwrap_or_else(|| {
            self.people.push(Person::new(id));
            self.people.len() - 1
        });
        &mut self.people[index]
    }

    /// The voice of somebody who can be heard. Interpreters never speak.
    fn open_voice(&mut self, id: &str) -> Option<&mut Voice> {
        self.person(id)
            .filter(|person| !person.is_microphone_muted && person.role != Role::Interpreter)
            .map(|person| &mut person.voice)
    }
}
