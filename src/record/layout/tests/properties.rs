// SPDX-License-Identifier: MPL-2.0

//! Rules that hold in every room.

use std::sync::Arc;

use proptest::prelude::*;

use super::golden::LECTURE;
use super::*;

const LAYOUTS: [&str; 8] = [
    "grid",
    "speaker",
    "single-speaker",
    "slides",
    "side-by-side",
    "interpreter",
    "custom",
    "grid-light",
];

/// Anything that may happen.
fn any_change(people: usize) -> impl Strategy<Value = Change> {
    let role = prop::sample::select(vec![
        Role::Host,
        Role::Participant,
        Role::Participant,
        Role::Interpreter,
    ]);
    let source = prop::sample::select(vec![
        Source::Camera,
        Source::Camera,
        Source::Camera,
        Source::Microphone,
        Source::Screen,
        Source::ScreenAudio,
    ]);
    let layout = prop::sample::select(LAYOUTS.to_vec());
    let kinds = (
        0..12u8,
        0..people,
        role,
        source,
        any::<bool>(),
        -130i16..10,
        layout,
    );
    kinds.prop_map(|(kind, index, role, source, flag, number, layout)| {
        let participant = name(index);
        match kind {
            0 | 1 => Change::Join { participant, role },
            2 if flag => Change::Leave { participant },
            2..=4 => Change::Publish {
                participant,
                source,
            },
            5 => Change::Unpublish {
                participant,
                source,
            },
            6 => Change::Mute {
                participant,
                source,
                muted: flag,
            },
            7 => Change::Level {
                participant,
                decibels: f32::from(number),
            },
            8 => Change::Speaking {
                participant,
                speaking: flag,
            },
            9 => Change::Size {
                participant,
                source,
                width: u32::from(number.unsigned_abs()),
                height: 64,
            },
            10 => Change::Rotation {
                participant,
                source,
                degrees: u32::from(number.unsigned_abs()) * 90,
            },
            _ if flag => Change::Layout(layout.parse().expect("a layout")),
            _ => Change::Publish {
                participant,
                source: Source::Camera,
            },
        }
    })
}

fn any_events(people: usize, count: usize) -> impl Strategy<Value = Vec<Event>> {
    let steps = prop::collection::vec((any_change(people), 0u64..3000), 1..count);
    steps.prop_map(|steps| {
        let mut time = 0;
        let events = steps.into_iter().map(|(change, step)| {
            time += step;
            at(time, change)
        });
        events.collect()
    })
}

fn any_size() -> impl Strategy<Value = (u32, u32)> {
    let length = || (32u32..1000).prop_map(|half| half * 2);
    prop_oneof![Just((1280, 720)), Just((720, 1280)), (length(), length())]
}

fn any_file() -> impl Strategy<Value = Arc<LayoutFile>> {
    let shows = [
        "screen",
        "speaker",
        "rest",
        "number:1",
        "number:2",
        "number:4",
        "participant:p01",
        "role:host",
        "role:participant",
        "role:interpreter",
    ];
    let region = || {
        let choice = prop::sample::select(shows.to_vec());
        (choice.clone(), prop::option::of(choice))
    };
    let regions = prop::collection::vec(region(), 5);
    let file = (20u32..80, 20u32..80, regions).prop_filter_map("valid", |(x, y, shows)| {
        let (right, bottom) = (100 - x, 100 - y);
        let places = [
            (0, 0, x, y, 0),
            (x, 0, right, y, 0),
            (0, y, x, bottom, 0),
            (x, y, right, bottom, 0),
            (x / 2, y / 2, 50, 50, 1),
        ];
        let regions: Vec<serde_json::Value> = shows
            .into_iter()
            .zip(places)
            .map(|((show, otherwise), (x, y, width, height, z))| {
                serde_json::json!({"x": x, "y": y, "width": width.min(100 - x),
                    "height": height.min(100 - y), "show": show, "otherwise": otherwise, "z": z})
            })
            .collect();
        let text = serde_json::json!({"version": 1, "regions": regions}).to_string();
        LayoutFile::read(text.as_bytes()).ok().map(Arc::new)
    });
    let lecture = Arc::new(LayoutFile::read(LECTURE.as_bytes()).expect("a file"));
    prop_oneof![Just(lecture), file]
}

/// The identifiers of the interpreters who must be seen.
#[derive(Default)]
struct Roles(Vec<(String, Role, bool)>);

impl Roles {
    fn apply(&mut self, change: &Change) {
        let mut person = |id: &String| -> usize {
            let found = self.0.iter().position(|(known, ..)| known == id);
            found.unwrap_or_else(|| {
                self.0.push((id.clone(), Role::Participant, false));
                self.0.len() - 1
            })
        };
        match change {
            Change::Join { participant, role } => {
                let index = person(participant);
                self.0[index].1 = *role;
            }
            Change::Publish {
                participant,
                source,
            } => {
                let index = person(participant);
                self.0[index].2 |= *source == Source::Camera;
            }
            Change::Unpublish {
                participant,
                source: Source::Camera,
            } => {
                if let Some(known) = self.0.iter_mut().find(|(id, ..)| id == participant) {
                    known.2 = false;
                }
            }
            Change::Leave { participant } => self.0.retain(|(id, ..)| id != participant),
            _ => {}
        }
    }

    fn interpreters(&self) -> Vec<&str> {
        let seen = self
            .0
            .iter()
            .filter(|(_, role, camera)| *camera && *role == Role::Interpreter);
        seen.map(|(id, ..)| id.as_str()).take(4).collect()
    }
}

fn check_picture(
    picture: &Picture,
    width: u32,
    height: u32,
    interpreters: &[&str],
) -> Result<(), TestCaseError> {
    let kind = picture.layout.kind;
    for (index, tile) in picture.tiles.iter().enumerate() {
        let Rect {
            x,
            y,
            width: w,
            height: h,
        } = tile.rect;
        prop_assert!(
            [x, y, w, h].iter().all(|length| length % 2 == 0),
            "odd: {tile:?}"
        );
        prop_assert!(
            w > 0 && h > 0 && x + w <= width && y + h <= height,
            "off: {tile:?}"
        );
        for other in &picture.tiles[..index] {
            let may_overlap = matches!(kind, Kind::Slides | Kind::Interpreter | Kind::Custom);
            let overlaps = tile.rect.overlaps(other.rect);
            prop_assert!(
                !overlaps || (may_overlap && tile.z != other.z),
                "{tile:?} on {other:?}"
            );
            let is_same_video = tile.participant == other.participant
                && (tile.source == TileSource::Screen) == (other.source == TileSource::Screen);
            prop_assert!(!is_same_video, "twice: {tile:?} {other:?}");
        }
    }
    for id in interpreters {
        let tile = picture
            .tiles
            .iter()
            .find(|tile| tile.participant == *id && tile.source != TileSource::Screen);
        prop_assert!(tile.is_some(), "{id} is not seen in {picture:?}");
        let tile = tile.expect("a tile");
        prop_assert!(tile.rect.width * 6 >= width, "narrow: {tile:?}");
        prop_assert_eq!(tile.fit, Fit::Contain);
        let covers =
            |other: &&Tile| other.z >= tile.z && *other != tile && other.rect.overlaps(tile.rect);
        prop_assert!(
            !picture.tiles.iter().any(|other| covers(&other)),
            "covered: {tile:?}"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn tiles_are_even_inside_apart_and_interpreters_are_always_seen(
        (width, height) in any_size(),
        layout in prop::sample::select(LAYOUTS.to_vec()),
        file in any_file(),
        count in 1usize..50,
        events in any_events(12, 60))
    {
        let mut all = people(count);
        all.extend(events);
        let mut director = director(layout, width, height).with_file(file);
        let mut roles = Roles::default();
        for event in &all {
            while let Some(deadline) = director.deadline().filter(|time| *time < event.time) {
                director.advance(deadline);
                check_picture(director.picture(), width, height, &roles.interpreters())?;
            }
            director.handle(event);
            roles.apply(&event.change);
            check_picture(director.picture(), width, height, &roles.interpreters())?;
        }
    }

    #[test]
    fn the_times_at_which_a_director_is_asked_do_not_matter(
        layout in prop::sample::select(LAYOUTS.to_vec()),
        events in any_events(5, 60),
        asked in prop::collection::vec(0u64..60_000, 0..40))
    {
        let mut plain = director(layout, 1280, 720);
        let mut asked_often = plain.clone();
        let mut asked = asked;
        asked.sort_unstable();
        for event in &events {
            for time in asked.iter().map(|time| ms(*time)).filter(|time| *time < event.time) {
                asked_often.advance(time);
            }
            plain.handle(event);
            asked_often.handle(event);
            prop_assert_eq!(plain.picture(), asked_often.picture());
        }
    }

    #[test]
    fn interpreters_stay_where_they_are(
        layout in prop::sample::select(LAYOUTS.to_vec()),
        file in any_file(),
        events in any_events(8, 60))
    {
        let mut all = people(6);
        all.extend(interpreter("sign"));
        let is_interpreter = |event: &Event| matches!(&event.change, Change::Join { role: Role::Interpreter, .. });
        all.extend(events.into_iter().filter(|event| !is_interpreter(event)));
        let shown = pictures(director(layout, 1280, 720).with_file(file), &all);
        let key = |picture: &Picture| {
            let mut who: Vec<(String, bool)> = picture
                .tiles
                .iter()
                .map(|tile| (tile.participant.clone(), tile.source == TileSource::Screen))
                .collect();
            who.sort();
            (picture.layout, who)
        };
        let place = |picture: &Picture| {
            let tile = picture.tiles.iter().find(|tile| tile.participant == "sign");
            tile.map(|tile| tile.rect)
        };
        for pair in shown.windows(2) {
            // Among the same people nobody else's speech moves them.
            if let [(_, a), (_, b)] = pair && key(a) == key(b) {
                prop_assert_eq!(place(a), place(b));
            }
        }
    }
}
