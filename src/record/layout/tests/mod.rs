// SPDX-License-Identifier: MPL-2.0

//! Rooms for the tests of this module.

mod draft;
mod file;
mod golden;
mod properties;
mod rules;
mod speaker;

use super::*;
use crate::timeline::Time;

pub(super) fn ms(millis: u64) -> Time {
    Time::from_millis(millis)
}

pub(super) fn at(millis: u64, change: Change) -> Event {
    Event {
        time: ms(millis),
        change,
    }
}

pub(super) fn name(index: usize) -> String {
    format!("p{index:02}")
}

pub(super) fn join(participant: &str, role: Role) -> Change {
    Change::Join {
        participant: participant.to_owned(),
        role,
    }
}

pub(super) fn leave(participant: &str) -> Change {
    Change::Leave {
        participant: participant.to_owned(),
    }
}

pub(super) fn publish(participant: &str, source: Source) -> Change {
    Change::Publish {
        participant: participant.to_owned(),
        source,
    }
}

pub(super) fn unpublish(participant: &str, source: Source) -> Change {
    Change::Unpublish {
        participant: participant.to_owned(),
        source,
    }
}

pub(super) fn mute(participant: &str, source: Source, muted: bool) -> Change {
    Change::Mute {
        participant: participant.to_owned(),
        source,
        muted,
    }
}

pub(super) fn speaking(participant: &str, speaking: bool) -> Change {
    Change::Speaking {
        participant: participant.to_owned(),
        speaking,
    }
}

pub(super) fn level(participant: &str, decibels: f32) -> Change {
    Change::Level {
        participant: participant.to_owned(),
        decibels,
    }
}

/// People with cameras who join at zero.
pub(super) fn people(count: usize) -> Vec<Event> {
    let names = (1..=count).map(name);
    let changes = names.flat_map(|name| {
        [
            join(&name, Role::Participant),
            publish(&name, Source::Camera),
        ]
    });
    changes.map(|change| at(0, change)).collect()
}

/// An interpreter with a camera who joins at zero.
pub(super) fn interpreter(participant: &str) -> Vec<Event> {
    vec![
        at(0, join(participant, Role::Interpreter)),
        at(0, publish(participant, Source::Camera)),
    ]
}

pub(super) fn director(layout: &str, width: u32, height: u32) -> Director {
    let size = Size::new(width, height).expect("an even size");
    Director::new(layout.parse().expect("a layout"), size)
}

/// The picture after all events.
pub(super) fn last(director: Director, events: &[Event]) -> Picture {
    let mut shown = pictures(director, events);
    shown.pop().expect("a picture").1
}

/// The times in milliseconds at which the active speaker changes, and who it is.
pub(super) fn speakers(layout: &str, events: &[Event]) -> Vec<(u64, String)> {
    let mut found: Vec<(u64, String)> = Vec::new();
    for (time, picture) in pictures(director(layout, 1280, 720), events) {
        let speaker = picture.speaker.unwrap_or_default();
        if found.last().is_none_or(|(_, last)| *last != speaker) {
            found.push((time.millis(), speaker));
        }
    }
    found
}

#[test]
fn a_layout_has_the_name_it_is_read_from() {
    for name in [
        "grid",
        "grid-light",
        "speaker",
        "single-speaker-light",
        "slides",
        "side-by-side",
        "interpreter-light",
        "custom",
    ] {
        let layout: LayoutName = name.parse().expect("a layout");
        assert_eq!(layout.to_string(), name);
    }
    for name in [
        "Grid",
        "",
        "grid-dark",
        "custom-light",
        "speaker-light-light",
    ] {
        let error = name.parse::<LayoutName>().expect_err("no layout");
        assert!(error.to_string().contains("use grid, speaker"), "{error}");
    }
}
