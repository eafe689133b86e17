// SPDX-License-Identifier: MPL-2.0

//! The timeline that is written, and the files that are followed.

use std::fs;

use super::{BLUE, GREEN, RED, Show, camera};

fn two() -> String {
    camera(0, RED, "640x360", 0.0, 3.0) + &camera(1, GREEN, "640x360", 0.0, 3.0)
}

#[test]
fn the_timeline_is_a_draft_that_a_person_corrects() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("layout.vtt");
    let write = format!("layout=speaker timeline-location={}", file.display());
    let seen = Show::video(&write, &two()).run();
    assert_eq!(seen.error, None);
    let text = fs::read_to_string(&file).expect("written");
    assert!(
        text.starts_with("WEBVTT") && text.contains("status: draft"),
        "{text}"
    );
    assert!(text.contains("layout: speaker"), "{text}");

    let corrected = "WEBVTT\n\nNOTE\nstatus: approved\n\n00:01.000 --> 00:02.000\n\
                     layout: single-speaker\nspeaker: 1\n";
    fs::write(&file, corrected).expect("written");
    let follow = format!("layout=grid follow-location={}", file.display());
    let seen = Show::video(&follow, &two()).run();
    assert_eq!(seen.error, None);
    for frame in &seen.frames {
        let is_alone = (1000..2000).contains(&frame.millis);
        frame.assert(100, 360, if is_alone { GREEN } else { RED });
        frame.assert(1200, 360, GREEN);
    }
    // What a person has approved is never replaced.
    let seen = Show::video(&write, &two()).run();
    let error = seen.error.expect("an error");
    assert!(
        error.contains("layout.vtt") && error.contains("approved"),
        "{error}"
    );
    assert_eq!(fs::read_to_string(&file).expect("there"), corrected);
}

#[test]
fn the_events_of_a_session_are_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("session.json");
    let json = r#"{"version": 1, "room": "7", "participants": [{"id": "0"}, {"id": "1"}],
        "tracks": [{"file": "a.mkv", "participant": "0", "source": "camera"},
                   {"file": "b.mkv", "participant": "1", "source": "camera"}],
        "events": [{"time": 1000000000, "type": "layout", "layout": "single-speaker"},
                   {"time": 1000000000, "type": "speaker", "participant": "1"}]}"#;
    fs::write(&file, json).expect("written");
    let properties = format!("session-location={}", file.display());
    let seen = Show::video(&properties, &two()).run();
    assert_eq!(seen.error, None);
    seen.frame(500).assert(1200, 360, GREEN);
    seen.frame(500).assert(100, 360, RED);
    seen.frame(2900).assert(100, 360, GREEN);
}

#[test]
fn the_video_lasts_at_least_the_duration() {
    let source = camera(0, BLUE, "640x360", 0.0, 1.0);
    let seen = Show::video("duration=2000000000", &source).run();
    assert_eq!(seen.frames.len(), 60);
}
