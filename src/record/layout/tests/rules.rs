// SPDX-License-Identifier: MPL-2.0

//! The rules of the active speaker and of a full grid, judged by a second, simple model of them.

use proptest::prelude::*;

use super::*;

/// A person as the rules of the reference see them, kept apart from the code under test.
#[derive(Clone, Debug)]
struct Seen {
    since: Option<u64>,
    last_turn: Option<u64>,
    is_camera_on: bool,
    is_there: bool,
}

impl Seen {
    fn is_in_turn(&self, now: u64) -> bool {
        self.since.is_some_and(|since| now >= since + 1000)
    }

    /// Smaller is earlier in order.
    fn rank(&self, now: u64) -> (bool, std::cmp::Reverse<Option<u64>>, bool) {
        let turn = if self.is_in_turn(now) {
            self.since
        } else {
            self.last_turn
        };
        (
            !self.is_in_turn(now),
            std::cmp::Reverse(turn),
            !self.is_camera_on,
        )
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Speaking(bool),
    Camera(bool),
    Publish(bool),
}

fn any_steps(people: usize) -> impl Strategy<Value = Vec<(u64, usize, Step)>> {
    let step = prop_oneof![
        4 => any::<bool>().prop_map(Step::Speaking),
        1 => any::<bool>().prop_map(Step::Camera),
        1 => any::<bool>().prop_map(Step::Publish),
    ];
    let steps = prop::collection::vec((1u64..2500, 0..people, step), 1..80);
    steps.prop_map(|steps| {
        let mut time = 0;
        let absolute = steps.into_iter().map(|(length, index, step)| {
            time += length;
            (time, index, step)
        });
        absolute.collect()
    })
}

/// Everybody as they are at `now`, everything up to it applied.
fn seen_at(people: usize, steps: &[(u64, usize, Step)], now: u64) -> Vec<Seen> {
    let new = Seen {
        since: None,
        last_turn: None,
        is_camera_on: true,
        is_there: true,
    };
    let mut seen = vec![new; people];
    for (time, index, step) in steps.iter().filter(|(time, ..)| *time <= now) {
        let person = &mut seen[*index];
        match step {
            Step::Speaking(true) => person.since = person.since.or(Some(*time)),
            Step::Speaking(false) => {
                if person.is_in_turn(*time) {
                    person.last_turn = Some(*time);
                }
                person.since = None;
            }
            Step::Camera(on) => person.is_camera_on = *on && person.is_there,
            Step::Publish(on) => {
                person.is_camera_on = *on;
                person.is_there = *on;
            }
        }
    }
    seen
}

fn events_of(people_count: usize, steps: &[(u64, usize, Step)]) -> Vec<Event> {
    let mut events = people(people_count);
    events.extend(steps.iter().map(|(time, index, step)| {
        let name = name(index + 1);
        let change = match step {
            Step::Speaking(on) => speaking(&name, *on),
            Step::Camera(on) => mute(&name, Source::Camera, !on),
            Step::Publish(true) => publish(&name, Source::Camera),
            Step::Publish(false) => unpublish(&name, Source::Camera),
        };
        at(*time, change)
    }));
    events
}

fn index_of(name: &str) -> usize {
    name[1..].parse::<usize>().expect("a number") - 1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_speaker_changes_only_when_the_rule_allows_it(steps in any_steps(4)) {
        let events = events_of(4, &steps);
        let mut won_at = None;
        let mut last: Option<usize> = None;
        for (time, name) in speakers("speaker", &events) {
            let seen = seen_at(4, &steps, time);
            // Whoever stops in this moment may have won it just before.
            let before = seen_at(4, &steps, time.saturating_sub(1));
            if name.is_empty() {
                prop_assert!(seen.iter().all(|person| !person.is_there));
                last = None;
                continue;
            }
            let new = index_of(&name);
            prop_assert!(seen[new].is_there);
            let old = last.map(|old| &seen[old]).filter(|old| old.is_there);
            if let Some(old) = old {
                let is_weak = !old.is_camera_on && old.since.is_none() && old.last_turn.is_none();
                let has_spoken = |seen: &[Seen], old: &Seen| {
                    seen[new].is_in_turn(time) && old.since.is_none()
                };
                let old_before = last.map_or(old, |last| &before[last]);
                let is_won = (has_spoken(&seen, old) || has_spoken(&before, old_before))
                    && won_at.is_none_or(|won_at| time >= won_at + 3000);
                prop_assert!(is_won || (is_weak && seen[new].is_camera_on), "{time}: {seen:?}");
            } else {
                let best = (0..4).filter(|index| seen[*index].is_there).min_by_key(|index| seen[*index].rank(time));
                prop_assert_eq!(seen[new].rank(time), seen[best.expect("somebody")].rank(time));
            }
            let was_in_turn = seen[new].is_in_turn(time) || before[new].is_in_turn(time);
            won_at = was_in_turn.then_some(time);
            last = Some(new);
        }
    }

    #[test]
    fn whoever_alone_speaks_gets_the_stage(steps in any_steps(4), who in 0usize..4) {
        let mut steps = steps;
        let end = steps.last().map_or(0, |(time, ..)| *time);
        steps.extend((0..4).map(|index| (end + 1, index, Step::Speaking(false))));
        steps.push((end + 2, who, Step::Publish(true)));
        steps.push((end + 3, who, Step::Speaking(true)));
        let found = speakers("speaker", &events_of(4, &steps));
        let (time, last) = found.last().expect("a speaker");
        prop_assert_eq!(last, &name(who + 1));
        prop_assert!(*time <= end + 4003);
    }

    #[test]
    fn a_place_in_a_full_grid_goes_only_to_somebody_earlier_in_order(steps in any_steps(32)) {
        let shown = pictures(director("grid", 1280, 720), &events_of(32, &steps));
        for pair in shown.windows(2) {
            let [(_, before), (time, after)] = pair else { continue };
            let seen = seen_at(32, &steps, time.millis());
            let ids = |picture: &Picture| -> Vec<usize> {
                picture.tiles.iter().map(|tile| index_of(&tile.participant)).collect()
            };
            let (before, after) = (ids(before), ids(after));
            let dropped = before.iter().filter(|id| !after.contains(id) && seen[**id].is_there);
            let added: Vec<usize> = after.iter().filter(|id| !before.contains(id)).copied().collect();
            let dropped: Vec<usize> = dropped.copied().collect();
            prop_assert!(dropped.len() <= added.len());
            for (out, into) in dropped.iter().flat_map(|out| added.iter().map(move |into| (out, into))) {
                prop_assert!((seen[*into].rank(time.millis()), into) < (seen[*out].rank(time.millis()), out));
            }
            // Everybody else stays in place.
            if before.len() == after.len() {
                let moved = before.iter().zip(&after).filter(|(a, b)| a != b && after.contains(a));
                prop_assert_eq!(moved.count(), 0);
            }
        }
    }
}

/// Whoever is out of a full grid and back in it at the same time has not moved.
#[test]
fn what_happens_at_one_time_moves_nobody_else() {
    let steps = [
        (1, 25, Step::Speaking(true)),
        (1001, 0, Step::Camera(false)),
    ];
    let shown = pictures(director("grid", 1280, 720), &events_of(32, &steps));
    let ids = |picture: &Picture| -> Vec<usize> {
        let tiles = picture.tiles.iter();
        tiles.map(|tile| index_of(&tile.participant)).collect()
    };
    let (_, last) = shown.last().expect("a picture");
    let expected: Vec<usize> = [25].into_iter().chain(1..25).collect();
    assert_eq!(ids(last), expected);
}
