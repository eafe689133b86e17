// SPDX-License-Identifier: MPL-2.0

use proptest::prelude::*;

use super::*;
use crate::record::layout::{Change, Director, LayoutName, Size, TileSource, pictures};
use crate::timeline::Time;

const SECOND: u64 = 1_000_000_000;

const FILE: &str = r#"{
  "version": 1, "room": "class 7", "started": "2026-03-04T09:00:00Z", "later-field": [1],
  "participants": [
    {"id": "ada", "label": "Ada L.", "role": "host"},
    {"id": "bob", "shoe-size": 44}
  ],
  "tracks": [
    {"file": "tracks/ada-camera-0.mkv", "participant": "ada", "source": "camera", "codec": "vp8"},
    {"file": "tracks/ada-microphone-0.mkv", "participant": "ada", "source": "microphone", "languages": ["en"]},
    {"file": "tracks/bob-camera-0.mkv", "participant": "bob", "source": "camera", "start": 5000000000},
    {"file": "/srv/share.mkv", "stream": 1, "participant": "ada", "source": "screen", "start": 9000000000}
  ],
  "events": [
    {"time": 8000000000, "type": "speaker"},
    {"time": 2000000000, "type": "speaker", "participant": "ada"},
    {"time": 3000000000, "type": "applause", "loudness": 3},
    {"time": 7000000000, "type": "mute", "participant": "bob", "source": "camera"},
    {"time": 6000000000, "type": "mark", "label": "Questions"},
    {"time": 9500000000, "type": "layout", "layout": "slides"}
  ]
}"#;

fn session() -> Session {
    Session::read(FILE.as_bytes()).expect("a session")
}

#[test]
fn unknown_fields_and_events_are_ignored_and_times_sorted() {
    let session = session();
    assert_eq!(session.participants[0].role, Role::Host);
    assert_eq!(session.participants[1].role, Role::Participant);
    assert_eq!(session.tracks[3].stream, Some(1));
    let times: Vec<u64> = session
        .events
        .iter()
        .map(|event| event.time / SECOND)
        .collect();
    assert_eq!(times, [2, 6, 7, 8, 9]);
    let mark = EventKind::Mark {
        label: Some("Questions".into()),
    };
    assert_eq!(session.events[1].kind, mark);
}

#[test]
fn what_is_written_is_read_again() {
    let session = session();
    let text = session.to_json();
    assert!(text.ends_with("}\n"));
    assert_eq!(Session::read(text.as_bytes()), Ok(session));
}

#[test]
fn every_broken_rule_is_reported_with_its_place() {
    let broken = FILE
        .replace("\"version\": 1", "\"version\": 2")
        .replace("\"id\": \"bob\"", "\"id\": \"ada\"")
        .replace("tracks/ada-microphone-0.mkv", "tracks/ada-camera-0.mkv")
        .replace("[\"en\"]", "[\"english language\"]")
        .replace("\"layout\": \"slides\"", "\"layout\": \"mosaic\"");
    let Err(SessionError::Invalid(problems)) = Session::read(broken.as_bytes()) else {
        panic!("a broken session is read");
    };
    let places: Vec<&str> = problems.iter().map(|one| one.place.as_str()).collect();
    assert_eq!(
        places,
        [
            "version",
            "participants[1].id",
            "tracks[1].file",
            "tracks[1].languages",
            "tracks[2].participant",
            "events[2].participant",
            "events[4].layout"
        ]
    );
}

#[test]
fn broken_json_is_reported_with_its_line() {
    let error = Session::read(b"{\n  \"version\": 1,\n  \"room\": }").expect_err("broken");
    assert!(error.to_string().contains("line 3"), "{error}");
    for text in [
        r#"{"version":1,"room":"","tracks":[]}"#,
        r#"{"version":1,"room":"","tracks":[{"file":"","participant":"x","source":"camera"}]}"#,
        r#"{"version":1,"room":"","tracks":[{"file":"a","participant":"x","source":"hologram"}]}"#,
    ] {
        assert!(Session::read(text.as_bytes()).is_err(), "{text}");
    }
}

#[test]
fn a_session_becomes_the_events_of_a_room() {
    let session = session();
    let ends = [None, None, Some(Time::from_secs(12)), None];
    let events = session.room_events(&ends);
    assert!(events.is_sorted_by_key(|event| event.time));
    let joined: Vec<&str> = events
        .iter()
        .filter_map(|event| match &event.change {
            Change::Join { participant, .. } => Some(participant.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(joined, ["ada", "bob"]);
    let spoken: Vec<(u64, bool)> = events
        .iter()
        .filter_map(|event| match &event.change {
            Change::Speaking { speaking, .. } => Some((event.time.nanos() / SECOND, *speaking)),
            _ => None,
        })
        .collect();
    assert_eq!(spoken, [(2, true), (8, false)]);

    let end = events.last().expect("an event");
    assert_eq!(end.time, Time::from_secs(12));
    assert!(matches!(&end.change, Change::Unpublish { participant, .. } if participant == "bob"));

    let size = Size::new(1280, 720).expect("a size");
    let layout: LayoutName = "grid".parse().expect("a layout");
    let shown = pictures(Director::new(layout, size), &events);
    let (time, last) = shown.last().expect("a picture");
    assert_eq!(*time, Time::from_millis(9500), "the layout changes");
    assert_eq!(last.layout.to_string(), "slides");
    let sources: Vec<TileSource> = last.tiles.iter().map(|tile| tile.source).collect();
    assert!(sources.contains(&TileSource::Screen), "{sources:?}");
}

#[test]
fn the_schema_names_every_field_that_is_written() {
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
    let written: serde_json::Value = serde_json::from_str(&session().to_json()).expect("JSON");
    let fields = |value: &serde_json::Value| -> Vec<String> {
        value
            .as_object()
            .map(|object| object.keys().cloned().collect())
            .unwrap_or_default()
    };
    let known = |of: &serde_json::Value, value: &serde_json::Value| {
        for field in fields(value) {
            assert!(of["properties"].get(&field).is_some(), "{field}");
        }
    };
    known(&schema, &written);
    for (list, definition) in [
        ("participants", "participant"),
        ("tracks", "track"),
        ("events", "event"),
    ] {
        for entry in written[list].as_array().into_iter().flatten() {
            known(&schema["$defs"][definition], entry);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64), at in 0usize..1200) {
        let _ = Session::read(&bytes);
        // Damage inside of a whole file.
        let mut file = FILE.as_bytes().to_vec();
        let at = at.min(file.len());
        file.splice(at..at, bytes);
        if let Ok(session) = Session::read(&file) {
            let events = session.room_events(&[]);
            prop_assert!(events.is_sorted_by_key(|event| event.time));
        }
    }
}

#[test]
fn labelled_marks_are_chapters() {
    let mark = |seconds: u64, label: Option<&str>| Event {
        time: seconds * 1_000_000_000,
        kind: EventKind::Mark {
            label: label.map(str::to_owned),
        },
    };
    let session = Session {
        version: VERSION,
        room: "math".into(),
        state: None,
        started: None,
        participants: Vec::new(),
        composite: None,
        outputs: Vec::new(),
        tracks: Vec::new(),
        events: vec![
            mark(1, Some("class-start")),
            mark(5, Some("Sets")),
            mark(6, None),
            mark(9, Some("Questions")),
            mark(12, Some("class-end")),
        ],
    };
    let chapters = session.chapters().into_iter();
    let chapters: Vec<(u64, String)> = chapters
        .map(|(time, title)| (time.millis() / 1000, title))
        .collect();
    let title = |seconds, title: &str| (seconds, title.to_owned());
    assert_eq!(
        chapters,
        [title(0, "math"), title(5, "Sets"), title(9, "Questions")]
    );
    let session = Session {
        events: vec![mark(5, None)],
        ..session
    };
    assert!(session.chapters().is_empty());
}
