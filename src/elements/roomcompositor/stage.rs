// SPDX-License-Identifier: MPL-2.0

//! The pictures of a run, shared by all tracks and the compositor.
//!
//! One lock, `core`, which is never held while anything else is called. Offline a track waits here
//! until the picture of its frame is settled; the compositor moves the horizon with every frame.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use super::room::Room;
use crate::elements::shared::lock::lock;
use crate::record::layout::{Event, Picture, Schedule, Source, Tile, TileSource};
use crate::timeline::Time;

/// Pictures are settled this long after the end of the frame that is composed next. A track that waits
/// has pushed a frame near the horizon: one that the compositor keeps, so that it never lacks a buffer
/// of a waiting track while it drops frames of another.
const AHEAD: Time = Time::from_millis(200);

pub struct Stage {
    pub room: Room,
    core: Mutex<Core>,
    moved: Condvar,
    /// Nothing waits.
    is_live: bool,
    /// How far the horizon is ahead of the composed frame.
    ahead: Time,
}

struct Core {
    schedule: Schedule,
    /// The events of each pad, in the order of pads: for the start, where the order of arrival is
    /// chance, and for a run that starts again after a seek.
    told: BTreeMap<(u32, String), Vec<Event>>,
    /// Pads that are there from the start and have not delivered anything yet.
    waiting: BTreeSet<String>,
    composed: Option<Time>,
    announced: Option<Picture>,
}

/// The picture to compose, and those that were not announced yet.
pub struct Composed {
    pub picture: Picture,
    pub announcements: Vec<(Time, Picture)>,
    /// Whether later pictures were settled.
    pub is_changed: bool,
}

impl Stage {
    /// Starts a run. Offline, no picture is settled before each pad of `waiting` has delivered.
    /// `frame` is the duration of a frame, `latency` that of a live run.
    pub fn new(room: Room, waiting: BTreeSet<String>, frame: Time, latency: Option<Time>) -> Self {
        let ahead = AHEAD.saturating_add(frame);
        let schedule = room.schedule();
        Stage {
            room,
            core: Mutex::new(Core {
                schedule,
                told: BTreeMap::new(),
                waiting,
                composed: None,
                announced: None,
            }),
            moved: Condvar::new(),
            is_live: latency.is_some(),
            ahead: ahead.saturating_add(latency.unwrap_or_default()),
        }
    }

    pub fn is_live(&self) -> bool {
        self.is_live
    }

    /// Adds events of a pad.
    pub fn tell(&self, pad: &str, events: impl IntoIterator<Item = Event>) {
        let mut core = lock(&self.core);
        let has_started = core.waiting.is_empty();
        for event in events {
            if has_started {
                core.schedule.add(event.clone());
            }
            core.told.entry(key(pad)).or_default().push(event);
        }
    }

    /// Adds an event that a restart need not repeat.
    pub fn tell_once(&self, event: Event) {
        lock(&self.core).schedule.add(event);
    }

    /// Forgets the events of a pad that was flushed.
    pub fn forget(&self, pad: &str) {
        lock(&self.core).told.remove(&key(pad));
    }

    /// Notes that a pad has delivered something, or is gone.
    pub fn arrive(&self, pad: &str) {
        {
            let mut core = lock(&self.core);
            if !core.waiting.remove(pad) || !core.waiting.is_empty() {
                return;
            }
            core.add_told();
            core.schedule.advance(self.ahead);
        }
        self.moved.notify_all();
    }

    pub fn horizon(&self) -> Time {
        lock(&self.core).schedule.horizon()
    }

    /// Returns the time of the frame that was composed last.
    pub fn now(&self) -> Time {
        lock(&self.core).composed.unwrap_or_default()
    }

    /// Waits until the horizon is at `time` or later. Returns whether it is, rather than cancelled.
    pub fn wait_for(&self, time: Time, cancelled: &AtomicBool) -> bool {
        let mut core = lock(&self.core);
        while core.schedule.horizon() < time {
            if cancelled.load(Ordering::Acquire) {
                return false;
            }
            core = self
                .moved
                .wait(core)
                .unwrap_or_else(PoisonError::into_inner);
        }
        !cancelled.load(Ordering::Acquire)
    }

    /// Lets everybody look whether they are cancelled.
    pub fn wake(&self) {
        // A waiter that has just looked is either still before its wait, and holds the lock, or in it.
        drop(lock(&self.core));
        self.moved.notify_all();
    }

    /// Returns the tile of a track at a time.
    pub fn tile_at(&self, time: Time, participant: &str, source: Source) -> Option<Tile> {
        let core = lock(&self.core);
        tile_of(core.schedule.picture_at(time), participant, source).cloned()
    }

    /// Returns the times after `after` and at or before `until` at which the picture changes.
    pub fn changes(&self, after: Time, until: Time) -> Vec<Time> {
        let core = lock(&self.core);
        let changes = core.schedule.changes(after, until);
        changes.iter().map(|(time, _)| *time).collect()
    }

    /// Moves the horizon with the frame from `start` to `end`, and returns its picture: the frames of
    /// tracks that begin before its end are in it.
    pub fn compose(&self, start: Time, end: Time) -> Composed {
        let (composed, is_first) = {
            let mut core = lock(&self.core);
            let is_first = core.composed.is_none();
            if core.composed.is_some_and(|last| start < last) {
                core.restart(self.room.schedule());
            }
            core.composed = Some(start);
            let is_changed = core.schedule.advance(end.saturating_add(self.ahead));
            (core.announce(end, is_changed), is_first)
        };
        self.moved.notify_all();
        Composed {
            is_changed: composed.is_changed || is_first,
            ..composed
        }
    }

    /// Returns all pictures so far and the time of the last composed frame.
    pub fn pictures(&self) -> (Vec<(Time, Picture)>, Time) {
        let core = lock(&self.core);
        (
            core.schedule.pictures().to_vec(),
            core.composed.unwrap_or_default(),
        )
    }
}

impl Core {
    fn restart(&mut self, schedule: Schedule) {
        self.schedule = schedule;
        self.add_told();
        self.announced = None;
    }

    fn add_told(&mut self) {
        for event in self.told.values().flatten() {
            self.schedule.add(event.clone());
        }
    }

    fn announce(&mut self, end: Time, is_changed: bool) -> Composed {
        let shown = Time::from_nanos(end.nanos().saturating_sub(1));
        let picture = self.schedule.picture_at(shown).clone();
        let mut announcements = Vec::new();
        if self.announced.as_ref() != Some(&picture) {
            let pictures = self.schedule.pictures();
            let last = pictures.iter().rev().find(|(time, _)| *time <= shown);
            let time = last.map_or(Time::ZERO, |(time, _)| *time);
            announcements.push((time, picture.clone()));
            self.announced = Some(picture.clone());
        }
        Composed {
            picture,
            announcements,
            is_changed,
        }
    }
}

/// Returns the place of a pad among others: its number, then its name.
fn key(pad: &str) -> (u32, String) {
    let number = pad
        .rsplit('_')
        .next()
        .and_then(|number| number.parse().ok());
    (number.unwrap_or(u32::MAX), pad.to_owned())
}

/// Returns the tile that shows a track, or stands for it.
pub fn tile_of<'a>(picture: &'a Picture, participant: &str, source: Source) -> Option<&'a Tile> {
    let is_screen = source == Source::Screen;
    let mut tiles = picture.tiles.iter();
    tiles.find(|tile| {
        tile.participant == participant && (tile.source == TileSource::Screen) == is_screen
    })
}
