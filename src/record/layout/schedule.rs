// SPDX-License-Identifier: MPL-2.0

//! A director that is asked about times ahead of the ones that are composed.
//!
//! Frames are fitted to their tiles before they are composed. Whoever fits a frame therefore needs
//! the picture of a later time than the one that is being composed: up to the [`Schedule::horizon`],
//! which moves with the composed time.

use super::{Director, Event, Picture};
use crate::timeline::Time;

/// The pictures of a room up to a horizon.
#[derive(Clone, Debug)]
pub struct Schedule {
    director: Director,
    /// Events beyond the horizon, in the order of their times.
    pending: Vec<Event>,
    horizon: Time,
    /// Each picture with the time from which it is shown; the first from zero.
    pictures: Vec<(Time, Picture)>,
}

impl Schedule {
    /// Starts with the director's picture and a horizon of zero: events at zero are still in time.
    pub fn new(director: Director) -> Self {
        let first = (Time::ZERO, director.picture().clone());
        Schedule {
            director,
            pending: Vec::new(),
            horizon: Time::ZERO,
            pictures: vec![first],
        }
    }

    /// Adds an event of any time. One before the horizon counts as being at the horizon.
    pub fn add(&mut self, event: Event) {
        let time = event.time;
        let place = self.pending.partition_point(|other| other.time <= time);
        self.pending.insert(place, event);
    }

    /// Returns the time up to which (exclusive) pictures are settled.
    pub fn horizon(&self) -> Time {
        self.horizon
    }

    /// Moves the horizon; returns whether a picture was settled that differs from the last one.
    pub fn advance(&mut self, horizon: Time) -> bool {
        if horizon <= self.horizon {
            return false;
        }
        let due = self.pending.partition_point(|event| event.time < horizon);
        let due: Vec<Event> = self.pending.drain(..due).collect();
        let mut is_changed = false;
        for event in &due {
            let time = event.time.max(self.horizon);
            is_changed |= self.run_until(time);
            if let Some(picture) = self.director.handle(event) {
                let picture = picture.clone();
                self.show(time, picture);
                is_changed = true;
            }
        }
        is_changed |= self.run_until(Time::from_nanos(horizon.nanos() - 1));
        self.horizon = horizon;
        is_changed
    }

    /// Applies everything that is due until `time` without an event; returns whether the picture
    /// changed.
    fn run_until(&mut self, time: Time) -> bool {
        let mut is_changed = false;
        while let Some(deadline) = self.director.deadline().filter(|due| *due <= time) {
            if let Some(picture) = self.director.advance(deadline) {
                let picture = picture.clone();
                self.show(deadline, picture);
                is_changed = true;
            }
        }
        // The director's own time follows, so that an event in the past counts as one of now.
        if let Some(picture) = self.director.advance(time) {
            let picture = picture.clone();
            self.show(time, picture);
            is_changed = true;
        }
        is_changed
    }

    fn show(&mut self, time: Time, picture: Picture) {
        while self
            .pictures
            .last()
            .is_some_and(|(start, _)| *start >= time)
        {
            self.pictures.pop();
        }
        if self
            .pictures
            .last()
            .is_none_or(|(_, last)| *last != picture)
        {
            self.pictures.push((time, picture));
        }
    }

    /// Returns the picture of a time; beyond the horizon the last one that is settled.
    pub fn picture_at(&self, time: Time) -> &Picture {
        let next = self.pictures.partition_point(|(start, _)| *start <= time);
        let picture = next.checked_sub(1).and_then(|last| self.pictures.get(last));
        picture.map_or_else(|| self.director.picture(), |(_, picture)| picture)
    }

    /// Returns the pictures that begin after `after` and at or before `until`.
    pub fn changes(&self, after: Time, until: Time) -> &[(Time, Picture)] {
        let first = self.pictures.partition_point(|(start, _)| *start <= after);
        let end = self.pictures.partition_point(|(start, _)| *start <= until);
        self.pictures.get(first..end).unwrap_or_default()
    }

    /// Returns all pictures so far, each with the time from which it is shown.
    pub fn pictures(&self) -> &[(Time, Picture)] {
        &self.pictures
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Change, LayoutName, Size, Source};
    use super::*;

    fn schedule() -> Schedule {
        let size = Size::new(1280, 720).expect("an even size");
        Schedule::new(Director::new(LayoutName::default(), size))
    }

    fn publish(millis: u64, participant: &str) -> Event {
        Event {
            time: Time::from_millis(millis),
            change: Change::Publish {
                participant: participant.into(),
                source: Source::Camera,
            },
        }
    }

    fn tiles(schedule: &Schedule, millis: u64) -> usize {
        let picture = schedule.picture_at(Time::from_millis(millis));
        picture.tiles.len()
    }

    #[test]
    fn events_before_the_horizon_are_exact_and_later_ones_wait() {
        let mut schedule = schedule();
        schedule.add(publish(500, "b"));
        schedule.add(publish(0, "a"));
        assert!(schedule.advance(Time::from_millis(200)));
        assert_eq!(tiles(&schedule, 0), 1);
        assert_eq!(tiles(&schedule, 900), 1);
        assert!(schedule.advance(Time::from_millis(501)));
        assert_eq!(tiles(&schedule, 499), 1);
        assert_eq!(tiles(&schedule, 500), 2);
        let changes = schedule.changes(Time::ZERO, Time::from_millis(500));
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].0, Time::from_millis(500));
    }

    #[test]
    fn an_event_that_comes_too_late_counts_at_the_horizon() {
        let mut schedule = schedule();
        schedule.advance(Time::from_millis(200));
        schedule.add(publish(50, "a"));
        schedule.advance(Time::from_millis(300));
        assert_eq!(tiles(&schedule, 199), 0);
        assert_eq!(tiles(&schedule, 200), 1);
    }

    #[test]
    fn the_horizon_never_moves_back() {
        let mut schedule = schedule();
        schedule.advance(Time::from_millis(200));
        assert!(!schedule.advance(Time::from_millis(100)));
        assert_eq!(schedule.horizon(), Time::from_millis(200));
    }
}
