// SPDX-License-Identifier: MPL-2.0

use super::super::super::{Event, EventKind, Session};
use super::super::assemble;
use super::*;

/// Events in the form of a sample of BigBlueButton 2.1; the clock starts at 1000 s.
fn meeting(events: &[(i64, &str, &str)]) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <recording meeting_id=\"m-1\" bbb_version=\"2.1.0\">\n\
         <meeting id=\"m-1\" externalId=\"x\" name=\"Maths &amp; more\" breakout=\"false\"/>\n\
         <metadata isBreakout=\"false\" meetingName=\"Maths\"/>\n",
    );
    for (seconds, name, fields) in events {
        let millis = 1_000_000 + seconds * 1000;
        let utc = 1_630_000_000_000 + seconds * 1000;
        xml.push_str(&format!(
            "<event timestamp=\"{millis}\" module=\"X\" eventname=\"{name}\">\n\
             <timestampUTC>{utc}</timestampUTC>{fields}</event>\n"
        ));
    }
    xml.push_str("</recording>\n");
    xml
}

fn join(id: &str, name: &str) -> String {
    format!("<name>{name}</name><role>MODERATOR</role><userId>{id}</userId>")
}

/// A meeting of a teacher with a camera, and a student who speaks.
fn class() -> Meeting {
    let (teacher, student) = (join("w_a", "Ann &lt;3"), join("w_b", "Bob"));
    let talking =
        |id: &str, is: bool| format!("<participant>{id}</participant><talking>{is}</talking>");
    let (ann, bob, hush) = (
        talking("w_a", true),
        talking("w_b", true),
        talking("w_b", false),
    );
    let events: Vec<(i64, &str, &str)> = vec![
        (0, "ParticipantJoinEvent", &teacher),
        (1, "AssignPresenterEvent", "<userid>w_a</userid>"),
        (2, "ParticipantJoinEvent", &student),
        (
            3,
            "SharePresentationEvent",
            "<presentationName>deck-1</presentationName><share>true</share>",
        ),
        (
            4,
            "StartRecordingEvent",
            "<filename>/var/freeswitch/meetings/m-1-1.opus</filename>\
             <recordingTimestamp>1003900</recordingTimestamp>",
        ),
        (
            5,
            "StartWebRTCShareEvent",
            "<filename>/k/medium-w_a-1.webm</filename>",
        ),
        (
            6,
            "RecordStatusEvent",
            "<status>true</status><userId>w_a</userId>",
        ),
        (7, "ParticipantTalkingEvent", &ann),
        (8, "GotoSlideEvent", "<slide>2</slide><id>deck-1/3</id>"),
        (9, "GotoSlideEvent", "<slide>2</slide><id>deck-1/3</id>"),
        (10, "RecordStatusEvent", "<status>false</status>"),
        (12, "RecordStatusEvent", "<status>true</status>"),
        (
            13,
            "StartWebRTCDesktopShareEvent",
            "<filename>/d/screen-1.webm</filename>",
        ),
        (14, "ParticipantTalkingEvent", &bob),
        (15, "ParticipantTalkingEvent", &hush),
        (
            16,
            "StopWebRTCDesktopShareEvent",
            "<filename>/d/screen-1.webm</filename>",
        ),
        (17, "RecordStatusEvent", "<status>false</status>"),
        (20, "EndAndKickAllEvent", ""),
    ];
    Meeting::read(&meeting(&events)).expect("a meeting")
}

fn described() -> Session {
    let meeting = class();
    let mut tracks = meeting.tracks().to_vec();
    tracks.push(Found {
        file: "presentation.mkv".into(),
        participant: PRESENTATION.into(),
        source: Source::Screen,
        ..tracks[0].clone()
    });
    let (mut session, origin) = assemble(tracks).expect("a session");
    meeting.describe(&mut session, origin);
    let read = Session::read(session.to_json().as_bytes()).expect("valid");
    assert_eq!(read, session);
    session
}

#[test]
fn tracks_have_the_time_and_the_owner_that_the_events_give() {
    let meeting = class();
    let tracks: Vec<(&str, &str, Source, i64)> = meeting
        .tracks()
        .iter()
        .map(|t| {
            (
                &*t.file,
                &*t.participant,
                t.source,
                t.start / NANOS_PER_MILLI,
            )
        })
        .collect();
    assert_eq!(
        tracks,
        [
            ("m-1-1.opus", MIX, Source::Microphone, 1_003_900),
            ("medium-w_a-1.webm", "w_a", Source::Camera, 1_005_000),
            ("screen-1.webm", "w_a", Source::Screen, 1_013_000),
        ]
    );
    let utc = meeting.utc(meeting.tracks()[1].start);
    assert_eq!(utc, Some(1_630_000_005_000 * NANOS_PER_MILLI));
}

#[test]
fn pages_are_those_that_were_shown() {
    let meeting = class();
    let pages: Vec<(i64, &str, u32)> = meeting
        .pages()
        .iter()
        .map(|page| {
            (
                page.time / 1_000_000_000 - 1000,
                &*page.presentation,
                page.page,
            )
        })
        .collect();
    assert_eq!(pages, [(3, "deck-1", 1), (8, "deck-1", 3)]);
}

#[test]
fn a_page_without_an_id_counts_from_zero() {
    let xml = meeting(&[
        (
            0,
            "SharePresentationEvent",
            "<presentationName>deck</presentationName>",
        ),
        (1, "GotoSlideEvent", "<slide>4</slide>"),
    ]);
    let meeting = Meeting::read(&xml).expect("a meeting");
    assert_eq!(meeting.pages().last().map(|page| page.page), Some(5));
}

#[test]
fn the_session_has_names_the_host_and_who_speaks() {
    let session = described();
    assert_eq!(session.room, "Maths & more");
    let people: Vec<(&str, Option<&str>, Role)> = session
        .participants
        .iter()
        .map(|p| (&*p.id, p.label.as_deref(), p.role))
        .collect();
    assert!(
        people.contains(&("w_a", Some("Ann <3"), Role::Host)),
        "{people:?}"
    );
    assert!(
        people.contains(&("w_b", Some("Bob"), Role::Participant)),
        "{people:?}"
    );
    let speakers: Vec<Option<&str>> = session
        .events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::Speaker { .. }))
        .map(|event| event.kind.participant())
        .collect();
    assert_eq!(speakers, [Some("w_a"), Some("w_b"), Some("w_a")]);
}

#[test]
fn what_the_moderators_recorded_is_the_class() {
    let at = |kind: fn(&EventKind) -> bool| -> Vec<u64> {
        let events: Vec<Event> = described().events;
        let times = events.iter().filter(|event| kind(&event.kind));
        times.map(|event| event.time / 100_000_000).collect()
    };
    // The session starts with the audio, at 3.9 s.
    assert_eq!(at(|kind| matches!(kind, EventKind::Mark { .. })), [21, 131]);
    assert_eq!(at(|kind| matches!(kind, EventKind::Pause)), [61]);
    assert_eq!(at(|kind| matches!(kind, EventKind::Resume)), [81]);
}

#[test]
fn a_shared_screen_covers_the_presentation() {
    let session = described();
    let covers: Vec<(u64, bool)> = session
        .events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Mute { .. } => Some((event.time / 100_000_000, true)),
            EventKind::Unmute { .. } => Some((event.time / 100_000_000, false)),
            _ => None,
        })
        .collect();
    assert_eq!(covers, [(91, true), (121, false)]);
}

#[test]
fn other_texts_are_refused_with_the_line() {
    assert_eq!(
        Meeting::read("<manifest/>").map(|_| ()),
        Err(MeetingError::NoEvents)
    );
    let error = Meeting::read("<recording>\n<event>\n</wrong>\n").map(|_| ());
    assert!(
        matches!(error, Err(MeetingError::Xml { line: 2 | 3, .. })),
        "{error:?}"
    );
}
