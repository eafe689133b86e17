// SPDX-License-Identifier: MPL-2.0

use serde_json::{Value, json};

use super::*;
use crate::xapi::{
    Facts, History, Input, Session, Verb, iri,
    tests::{ids, plan},
};

/// A session in which every verb occurs.
fn valid() -> Vec<Value> {
    let mut ids = ids();
    let mut session = Session::new(
        plan(500, false),
        History::new(ids(), None),
        Facts::default(),
    );
    [
        Input::Length(20_000),
        Input::Play { at: 0, rate: 1.0 },
        Input::Seek {
            from: 4000,
            to: 2000,
        },
        Input::Interact {
            at: 5000,
            facts: Facts::default(),
        },
        Input::Tick { at: 15_000 },
        Input::Pause { at: 16_000 },
        Input::Terminate { at: 16_000 },
    ]
    .into_iter()
    .zip(0..)
    .flat_map(|(input, turn)| session.apply(input, 1_800_000_000_000 + turn * 1000, &mut ids))
    .map(|statement| serde_json::from_str(&statement.json).expect("JSON"))
    .collect()
}

/// initialized 0, played 1, seeked 2, played 3, interacted 4, completed 5, paused 6, terminated 7.
#[test]
fn a_session_of_ours_has_no_findings() {
    assert_eq!(all(&valid()), []);
    assert_eq!(valid().len(), 8);
}

fn remove(value: &mut Value, part: &str, name: &str) {
    value[part]["extensions"]
        .as_object_mut()
        .expect("extensions")
        .remove(name);
}

fn set(value: &mut Value, part: &str, name: &str, new: Value) {
    value[part]["extensions"][name] = new;
}

/// Breaks a valid session and says which rules find it.
fn broken(breaks: impl FnOnce(&mut Vec<Value>)) -> Vec<(Level, &'static str)> {
    let mut statements = valid();
    breaks(&mut statements);
    let mut found: Vec<_> = all(&statements)
        .into_iter()
        .map(|finding| (finding.level, finding.rule))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

macro_rules! finds {
    ($level:ident $rule:literal, $breaks:expr) => {
        assert_eq!(
            broken($breaks),
            [(Level::$level, $rule)],
            "{}",
            stringify!($breaks)
        );
    };
}

#[test]
fn each_rule_of_the_frame_is_found() {
    finds!(Must "id", |s| s[3]["id"] = json!("7"));
    finds!(Must "timestamp", |s| s[3]["timestamp"] = json!("yesterday"));
    finds!(Must "timestamp", |s| drop(s[3].as_object_mut().map(|s| s.remove("timestamp"))));
    finds!(Must "version", |s| s[3]["version"] = json!("0.95"));
    finds!(Must "null", |s| s[3]["context"]["platform"] = Value::Null);
    finds!(Must "activity-type", |s| s[3]["object"]["definition"]["type"] = json!("http://activitystrea.ms/schema/1.0/video"));
    finds!(Must "category", |s| s[3]["context"]["contextActivities"] = json!({}));
    finds!(Must "object", |s| for s in s { s["object"]["id"] = json!("video_123") });
    finds!(Must "object", |s| s[3]["object"]["objectType"] = json!("StatementRef"));
    finds!(Must "actor", |s| for s in s { s["actor"] = json!({"name": "Ada"}) });
    finds!(Must "format", |s| for s in s { s["context"]["registration"] = json!("7") });
    assert!(
        broken(|s| s[4]["verb"]["id"] = json!("http://id.tincanapi.com/verb/paused"))
            .contains(&(Level::Must, "verb"))
    );
}

#[test]
fn each_missing_part_is_found() {
    for (index, part, names) in [
        (0, "context", &[iri::LENGTH][..]),
        (4, "result", &[iri::TIME]),
        (
            5,
            "result",
            &[iri::TIME, iri::PROGRESS, iri::PLAYED_SEGMENTS],
        ),
        (5, "context", &[iri::LENGTH]),
        (6, "result", &[iri::PROGRESS, iri::PLAYED_SEGMENTS]),
        (6, "context", &[iri::LENGTH]),
        (
            7,
            "result",
            &[iri::TIME, iri::PROGRESS, iri::PLAYED_SEGMENTS],
        ),
        (7, "context", &[iri::LENGTH]),
    ] {
        for name in names {
            let found = broken(|s| remove(&mut s[index], part, name));
            assert!(
                found.contains(&(Level::Must, "included")),
                "{index} {name}: {found:?}"
            );
        }
    }
    for (index, name) in [
        (1, iri::TIME),
        (2, iri::TIME_FROM),
        (2, iri::TIME_TO),
        (6, iri::TIME),
    ] {
        let found = broken(|s| remove(&mut s[index], "result", name));
        assert!(
            found.contains(&(Level::Must, "included")),
            "{index} {name}: {found:?}"
        );
    }
    finds!(Should "recommended", |s| remove(&mut s[1], "context", iri::LENGTH));
    finds!(Should "recommended", |s| remove(&mut s[2], "result", iri::PROGRESS));
    finds!(Must "included", |s| s[5]["result"]["completion"] = json!(false));
    finds!(Must "included", |s| drop(s[5]["result"].as_object_mut().map(|r| r.remove("duration"))));
    finds!(Should "determining", |s| remove(&mut s[4], "context", iri::VOLUME));
    finds!(Must "determining", |s| for name in [iri::VOLUME, iri::FULL_SCREEN, iri::CC_ENABLED] {
        remove(&mut s[4], "context", name);
    });
}

#[test]
fn each_wrong_form_is_found() {
    for (index, part, name, wrong) in [
        (4, "result", iri::TIME, json!("12.5")),
        (4, "result", iri::TIME, json!(-1)),
        (4, "result", iri::TIME, json!(1.00001)),
        (5, "result", iri::PROGRESS, json!(50)),
        (4, "context", iri::VOLUME, json!(25)),
        (4, "context", iri::SPEED, json!("1")),
        (4, "context", iri::FULL_SCREEN, json!("false")),
        (4, "context", iri::SCREEN_SIZE, json!("1080")),
        (4, "context", iri::CC_SUBTITLE_LANG, json!("")),
        (4, "context", iri::CC_ENABLED, json!(0)),
        (0, "context", iri::FRAME_RATE, json!("23.98")),
        (0, "context", iri::QUALITY, json!("960x400")),
        (0, "context", iri::SUBREGISTRATION, json!("7")),
        (7, "result", iri::PLAYED_SEGMENTS, json!("0[.]30,32[.]45")),
        (4, "result", iri::TIME, json!(20.001)),
    ] {
        let found = broken(|s| set(&mut s[index], part, name, wrong.clone()));
        assert!(
            found.contains(&(Level::Must, "format")),
            "{name} {wrong}: {found:?}"
        );
    }
    finds!(Must "format", |s| s[5]["result"]["duration"] = json!("218"));
    finds!(Must "format", |s| set(&mut s[3], "context", "speed", json!("1x")));
    finds!(Should "format", |s| set(&mut s[3], "context", "https://w3id.org/xapi/video/extensions/mood", json!(1)));
    finds!(Must "format", |s| {
        let v1 = "c232ab00-9414-11ec-b3c8-9f6bdeced846";
        s[0]["id"] = json!(v1);
        for s in s { set(s, "context", iri::SESSION_ID, json!(v1)); }
    });
}

#[test]
fn each_wrong_claim_is_found() {
    finds!(Must "forbidden", |s| s[6]["result"]["completion"] = json!(true));
    finds!(Must "forbidden", |s| set(&mut s[6], "result", iri::TIME_TO, json!(1)));
    finds!(Must "forbidden", |s| set(&mut s[6], "result", iri::LENGTH, json!(20)));
    finds!(Must "threshold", |s| remove(&mut s[6], "context", iri::COMPLETION_THRESHOLD));
    finds!(Should "threshold", |s| for index in [0, 5, 6, 7] {
        set(&mut s[index], "context", iri::COMPLETION_THRESHOLD, json!(0.9));
    });
    finds!(Must "progress", |s| set(&mut s[7], "result", iri::PROGRESS, json!(0.801)));
    finds!(Should "progress", |s| set(&mut s[7], "result", iri::PROGRESS, json!(0.799)));
    let past_the_end = broken(|s| {
        let played = json!("16[.]21[,]0[.]4[,]2[.]16");
        set(&mut s[7], "result", iri::PLAYED_SEGMENTS, played);
    });
    assert!(past_the_end.contains(&(Level::Must, "segments")));
}

#[test]
fn each_wrong_order_is_found() {
    finds!(Must "order", |s| drop(s.remove(0)));
    finds!(Must "order", |s| drop(s.remove(6)));
    finds!(Must "session", |s| s[0]["id"] = s[1]["id"].clone());
    finds!(Must "session", |s| s[4]["actor"] = json!({"mbox": "mailto:bob@example.org"}));
    finds!(Must "session", |s| s[4]["object"]["id"] = json!("https://example.org/other"));
    finds!(Must "clock", |s| s[4]["timestamp"] = s[3]["timestamp"].clone());
    finds!(Must "clock", |s| s[4]["timestamp"] = json!("2020-01-01T00:00:00Z"));
    finds!(Must "said", |s| set(&mut s[3], "result", iri::TIME, json!(3)));
    finds!(Must "said", |s| set(&mut s[7], "result", iri::PLAYED_SEGMENTS, json!("0[.]16")));
    finds!(Must "once", |s| {
        let mut again = s[5].clone();
        again["timestamp"] = json!("2027-01-15T08:00:04.500Z");
        s.insert(6, again);
    });
    let late = broken(|s| {
        let last = s[4].clone();
        s.push(last)
    });
    assert!(late.contains(&(Level::Must, "order")), "{late:?}");
}

/// A statement as a client of the field publishes it, with what is its own.
fn published(verb: Verb, result: Value, extensions: Value) -> Value {
    json!({
        "id": "0b0c8f0e-5d0a-4c86-9a55-0d3b7a1d9f01",
        "actor": {"mbox": "mailto:viewer@example.com", "name": "Viewer", "objectType": "Agent"},
        "verb": {"id": verb.iri(), "display": {"en-US": verb.name()}},
        "timestamp": "2018-08-07T15:27:52.365Z",
        "object": {
            "id": "http://media.example.com/reef.mp4",
            "objectType": "Activity",
            "definition": {"type": iri::VIDEO, "name": {"en-US": "Reef"}},
        },
        "result": result,
        "context": {
            "contextActivities": {"category": [{"id": iri::PROFILE}]},
            "registration": "96094a33-cc66-4d9a-8810-a0850ae2a4e1",
            "extensions": extensions,
        },
    })
}

fn says(value: Value) -> Vec<String> {
    let mut findings = Vec::new();
    statement(&value, 0, &mut findings);
    findings
        .into_iter()
        .map(|finding| finding.message)
        .collect()
}

/// The examples beside the profile (adlnet, "Statement Template Examples"): those of
/// played, paused and volume are sound but for the length, initialized and completed are not.
#[test]
fn the_form_of_the_examples_of_the_profile() {
    let session = "86c5b148-4462-4da9-a13f-b570c27fa049";
    let initialized = published(
        Verb::Initialized,
        json!({}),
        json!({
            iri::VOLUME: 1, iri::PLAYBACK_SIZE: "640x264", iri::USER_AGENT: "Browser/68",
            iri::SPEED: "1x", iri::CC_SUBTITLE_LANG: "", iri::COMPLETION_THRESHOLD: "1.0",
            iri::SESSION_ID: session, iri::LENGTH: 46.613333, iri::QUALITY: "960x400",
            iri::SCREEN_SIZE: "2560x1440", iri::FRAME_RATE: "23.98", iri::CC_ENABLED: false,
            iri::FULL_SCREEN: false,
        }),
    );
    assert_eq!(
        says(initialized),
        [
            r#"cc-subtitle-lang is "", not a language tag"#,
            r#"completion-threshold is "1.0", not a number from 0 to 1 with three decimals at most"#,
            "length is 46.613333, not seconds with three decimals at most",
            r#"quality is "960x400", not a whole number"#,
            r#"frame-rate is "23.98", not a number"#,
        ]
    );
    let context = json!({iri::SESSION_ID: session, iri::LENGTH: 46.613});
    let played = |progress| {
        json!({"extensions": {
            iri::PLAYED_SEGMENTS: "0[.]2.997", iri::PROGRESS: progress, iri::TIME: 2.997,
        }})
    };
    assert_eq!(
        says(published(Verb::Paused, played(0.064), context.clone())),
        [""; 0]
    );
    assert_eq!(
        says(published(Verb::Paused, played(0.06), context.clone())),
        ["progress is 60 ‰, but the segments are 64 ‰"]
    );
    let completed = json!({"completion": true, "extensions": {
        iri::PLAYED_SEGMENTS: "0[.]46.613", iri::PROGRESS: 1, iri::TIME: 46.613,
    }});
    assert_eq!(
        says(published(Verb::Completed, completed, context)),
        ["completed has no duration"]
    );
    let muted = published(
        Verb::Interacted,
        json!({"extensions": {iri::TIME: 20.536}}),
        json!({iri::SESSION_ID: session, iri::VOLUME: 0}),
    );
    assert_eq!(
        says(muted),
        [
            "not every template of interacted fits: full-screen, screen-size, video-playback-size, \
          cc-enabled, cc-subtitle-lang missing"
        ]
    );
}

/// Faults that clients in use have: a video site's player (length in the result, segments that are
/// no segments), a course platform (no category, a key in place of an IRI, texts for numbers).
#[test]
fn the_form_of_clients_in_use() {
    let seeked = published(
        Verb::Seeked,
        json!({"extensions": {
            iri::TIME_FROM: 0, iri::TIME_TO: 0, iri::LENGTH: 104.304, iri::PROGRESS: 0,
            iri::PLAYED_SEGMENTS: "0",
        }}),
        json!({iri::SESSION_ID: "a6151456-18b7-43b4-8452-2037fed588df"}),
    );
    assert_eq!(
        says(seeked),
        [
            "seeked has no length in its context",
            r#"played-segments is "0", not segments such as 0[.]12.5[,]20[.]55"#,
            "length is in the result instead of the context",
        ]
    );
    let mut played = published(
        Verb::Played,
        json!({"extensions": {iri::TIME: "120.5"}}),
        json!({iri::SESSION_ID: "session_abc123", iri::SPEED: "1"}),
    );
    played["object"]["id"] = json!("video_123");
    played["context"]["contextActivities"] = json!({"parent": [{"id": "section_145"}]});
    assert_eq!(
        says(played),
        [
            r#""video_123" is not an IRI"#,
            "https://w3id.org/xapi/video is not among them",
            "played has no length in its context",
            r#"time is "120.5", not seconds with three decimals at most"#,
            r#"session-id is "session_abc123", not a UUID of version 4"#,
            r#"speed is "1", not a rate such as 1.5x"#,
        ]
    );
}
