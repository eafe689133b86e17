// SPDX-License-Identifier: MPL-2.0

//! Who is on stage, and when that changes.

use super::*;

fn with(mut events: Vec<Event>, more: &[(u64, Change)]) -> Vec<Event> {
    events.extend(more.iter().map(|(time, change)| at(*time, change.clone())));
    events
}

/// Levels every 100 ms.
fn voice(participant: &str, start: u64, end: u64, decibels: f32) -> Vec<(u64, Change)> {
    (start..end)
        .step_by(100)
        .map(|time| (time, level(participant, decibels)))
        .collect()
}

fn named(found: &[(u64, String)]) -> Vec<(u64, &str)> {
    found
        .iter()
        .map(|(time, name)| (*time, name.as_str()))
        .collect()
}

#[test]
fn whoever_speaks_for_a_second_takes_the_stage_and_keeps_it_for_three() {
    let events = with(
        people(3),
        &[
            (10_000, speaking("p02", true)),
            (11_500, speaking("p02", false)),
            (11_500, speaking("p03", true)),
        ],
    );
    let found = speakers("speaker", &events);
    assert_eq!(
        named(&found),
        [(0, "p01"), (11_000, "p02"), (14_000, "p03")]
    );
}

#[test]
fn a_cough_and_talk_over_the_speaker_change_nothing() {
    let events = with(
        people(3),
        &[
            (10_000, speaking("p01", true)),
            (20_000, speaking("p02", true)),
            (30_000, speaking("p02", false)),
            (40_000, speaking("p01", false)),
            (41_000, speaking("p03", true)),
            (41_900, speaking("p03", false)),
            (50_000, speaking("p01", true)),
        ],
    );
    assert_eq!(named(&speakers("speaker", &events)), [(0, "p01")]);
}

#[test]
fn levels_have_hysteresis_and_a_louder_voice_wins() {
    let mut talk = voice("p01", 1000, 15_000, -30.0);
    // Neither a breath between the thresholds nor a voice that is a little louder.
    talk.extend(voice("p02", 2000, 5000, -45.0));
    talk.extend(voice("p02", 6000, 9000, -27.0));
    talk.extend(voice("p03", 10_000, 15_000, -15.0));
    talk.sort_by_key(|(time, _)| *time);
    let found = speakers("speaker", &with(people(3), &talk));
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[1].1, "p03");
    assert!((11_000..12_000).contains(&found[1].0), "{found:?}");
}

#[test]
fn short_pauses_between_words_do_not_end_a_turn() {
    let mut talk = voice("p02", 1000, 1500, -20.0);
    talk.extend(voice("p02", 1800, 2500, -20.0));
    let found = speakers("speaker", &with(people(2), &talk));
    assert_eq!(named(&found), [(0, "p01"), (2000, "p02")]);
}

#[test]
fn a_speaker_who_leaves_is_replaced_at_once_by_the_most_recent_one() {
    let events = with(
        people(4),
        &[
            (1000, speaking("p03", true)),
            (5000, speaking("p03", false)),
            (6000, speaking("p02", true)),
            (9000, speaking("p02", false)),
            (10_000, leave("p02")),
            (11_000, unpublish("p03", Source::Camera)),
        ],
    );
    let found = speakers("speaker", &events);
    assert_eq!(
        named(&found),
        [
            (0, "p01"),
            (2000, "p03"),
            (7000, "p02"),
            (10_000, "p03"),
            (11_000, "p01")
        ]
    );
}

#[test]
fn somebody_without_a_camera_or_with_a_muted_microphone_never_takes_the_stage() {
    let events = with(
        people(2),
        &[
            (0, publish("caller", Source::Microphone)),
            (1000, speaking("caller", true)),
            (2000, mute("p02", Source::Microphone, true)),
            (3000, speaking("p02", true)),
            (4000, level("p02", -10.0)),
        ],
    );
    assert_eq!(named(&speakers("speaker", &events)), [(0, "p01")]);
}

#[test]
fn a_camera_that_goes_off_before_any_speech_yields_to_one_that_is_on() {
    let events = with(
        people(2),
        &[
            (1000, mute("p01", Source::Camera, true)),
            (2000, mute("p01", Source::Camera, false)),
            (3000, speaking("p02", true)),
            (9000, mute("p02", Source::Camera, true)),
        ],
    );
    let found = speakers("speaker", &events);
    assert_eq!(named(&found), [(0, "p01"), (1000, "p02")]);
}

#[test]
fn a_shared_screen_comes_first_and_stays_while_another_is_shared() {
    let events = with(
        people(2),
        &[
            (1000, publish("p02", Source::Screen)),
            (2000, publish("p01", Source::Screen)),
            (3000, mute("p02", Source::Screen, true)),
            (4000, mute("p02", Source::Screen, false)),
            (5000, unpublish("p01", Source::Screen)),
        ],
    );
    let shown = pictures(director("single-speaker", 1280, 720), &events);
    let screens: Vec<(u64, Option<&str>)> = shown
        .iter()
        .map(|(time, picture)| (time.millis(), picture.screen.as_deref()))
        .collect();
    let expected = [
        (0, None),
        (1000, Some("p02")),
        (3000, Some("p01")),
        (5000, Some("p02")),
    ];
    assert_eq!(screens, expected);
}

#[test]
fn a_speaker_outside_a_full_grid_takes_one_place_and_nobody_else_moves() {
    let events = with(
        people(30),
        &[
            (1000, speaking("p25", true)),
            (3000, speaking("p25", false)),
            (4000, speaking("p28", true)),
            (9000, speaking("p28", false)),
        ],
    );
    let shown = pictures(director("grid", 1280, 720), &events);
    let places = |picture: &Picture| -> Vec<String> {
        let tiles = picture.tiles.iter();
        tiles.map(|tile| tile.participant.clone()).collect()
    };
    let first = places(&shown[0].1);
    let mut expected = first.clone();
    assert_eq!(first[23], "p24");
    // p25 has spoken, so that p24 is the last in order.
    expected[23] = "p28".to_owned();
    let last = places(&shown.last().expect("a picture").1);
    assert_eq!(last, expected);
    assert_eq!(
        shown
            .iter()
            .filter(|(_, p)| places(p) != first)
            .map(|(t, _)| t.millis())
            .min(),
        Some(5000)
    );
}

#[test]
fn the_thumbnails_swap_with_the_stage_and_keep_their_places() {
    let events = with(people(4), &[(1000, speaking("p03", true))]);
    let picture = last(director("speaker", 1280, 720), &events);
    let order: Vec<&str> = picture
        .tiles
        .iter()
        .map(|tile| tile.participant.as_str())
        .collect();
    assert_eq!(order, ["p03", "p02", "p01", "p04"]);
}

#[test]
fn events_out_of_order_and_for_nobody_are_harmless() {
    let mut director = director("speaker", 1280, 720);
    for (time, change) in [
        (5000, publish("p01", Source::Camera)),
        (1000, publish("p02", Source::Camera)),
        (0, leave("nobody")),
        (0, speaking("nobody", true)),
        (0, level("p01", f32::NAN)),
        (u64::MAX, speaking("p02", true)),
    ] {
        director.handle(&at(time, change));
    }
    assert_eq!(director.picture().tiles.len(), 2);
    assert!(director.deadline().is_none());
}

#[test]
fn interpreters_have_a_third_in_their_layout() {
    let mut events = people(3);
    events.extend(interpreter("sign"));
    events.push(at(0, publish("p01", Source::Screen)));
    for (width, height, expected) in [
        (1280, 720, Rect::new(852, 0, 428, 720)),
        (720, 1280, Rect::new(0, 854, 720, 426)),
    ] {
        let picture = last(director("interpreter", width, height), &events);
        let tile = picture.tiles.iter().find(|tile| tile.participant == "sign");
        let tile = tile.expect("the interpreter");
        assert_eq!((tile.rect, tile.fit), (expected, Fit::Contain));
        assert!(tile.rect.width * 3 >= width);
    }
}
