// SPDX-License-Identifier: MPL-2.0

//! Raw recordings of BigBlueButton: `session` of a meeting.

use std::fs;

use serde_json::Value;

use crate::harness::media::{is_green, is_red, level, pixel};
use crate::harness::place::{Place, number, probe, streams};

/// A PDF whose pages have one color each, red first and green last.
fn document() -> String {
    let colors = ["1 0 0", "0 0 1", "0 .6 0"];
    let mut pdf = String::from("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n");
    let kids: Vec<String> = (0..colors.len())
        .map(|n| format!("{} 0 R", 3 + 2 * n))
        .collect();
    let (kids, count) = (kids.join(" "), colors.len());
    pdf.push_str(&format!(
        "2 0 obj<</Type/Pages/Kids[{kids}]/Count {count}>>endobj\n"
    ));
    for (number, color) in colors.iter().enumerate() {
        let (page, content) = (3 + 2 * number, 4 + 2 * number);
        let drawing = format!("{color} rg 0 0 960 540 re f");
        pdf.push_str(&format!(
            "{page} 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 960 540]/Contents {content} 0 R>>endobj\n\
             {content} 0 obj<</Length {}>>stream\n{drawing}\nendstream endobj\n",
            drawing.len()
        ));
    }
    pdf.push_str("trailer<</Root 1 0 R>>\n");
    pdf
}

/// An event, with its time in seconds.
fn event(seconds: f64, name: &str, fields: &[(&str, &str)]) -> String {
    let millis = 13_749_000_000_i64 + (seconds * 1000.0) as i64;
    let utc = 1_630_430_000_000_i64 + (seconds * 1000.0) as i64;
    let fields: String = fields
        .iter()
        .map(|(name, value)| format!("<{name}>{value}</{name}>"))
        .collect();
    format!(
        "  <event timestamp=\"{millis}\" module=\"X\" eventname=\"{name}\">\
         <timestampUTC>{utc}</timestampUTC>{fields}</event>\n"
    )
}

/// The folder `raw` of a meeting: slides from the beginning, audio, a camera that starts at 2 s.
fn meeting(place: &Place) {
    for folder in ["raw/audio", "raw/video/m-1", "raw/presentation/deck"] {
        fs::create_dir_all(place.path(folder)).expect("made");
    }
    let events = [
        event(
            0.0,
            "ParticipantJoinEvent",
            &[("userId", "w_ann"), ("name", "Ann &amp; Co")],
        ),
        event(0.0, "AssignPresenterEvent", &[("userid", "w_ann")]),
        event(
            0.5,
            "SharePresentationEvent",
            &[("presentationName", "deck"), ("share", "true")],
        ),
        event(
            1.0,
            "StartRecordingEvent",
            &[
                ("filename", "/var/freeswitch/meetings/m-1.wav"),
                ("recordingTimestamp", "13749000500"),
            ],
        ),
        event(
            2.5,
            "StartWebRTCShareEvent",
            &[("filename", "/k/cam-w_ann-1.webm")],
        ),
        event(
            3.0,
            "ParticipantTalkingEvent",
            &[("participant", "w_ann"), ("talking", "true")],
        ),
        event(4.5, "GotoSlideEvent", &[("slide", "2"), ("id", "deck/3")]),
        event(
            5.0,
            "StartWebRTCShareEvent",
            &[("filename", "/k/lost-w_ann-2.webm")],
        ),
        event(8.5, "EndAndKickAllEvent", &[]),
    ];
    let xml = format!(
        "<?xml version=\"1.0\"?>\n<recording meeting_id=\"m-1\">\n<meeting name=\"Maths\"/>\n{}</recording>\n",
        events.concat()
    );
    place.write("raw/events.xml", &xml);
    place.write("raw/presentation/deck/deck.pdf", &document());
    place.ffmpeg(&[
        &["-f", "lavfi", "-t", "8", "-i", "sine=frequency=440"],
        &["-c:a", "libopus", "raw/audio/m-1.opus"],
    ]);
    let picture = "color=blue:size=320x240:rate=15";
    place.ffmpeg(&[
        &["-f", "lavfi", "-t", "6", "-i", picture],
        &[
            "-c:v",
            "libvpx",
            "-deadline",
            "realtime",
            "raw/video/m-1/cam-w_ann-1.webm",
        ],
    ]);
}

#[test]
fn a_raw_recording_of_bigbluebutton_becomes_a_session() {
    let place = Place::new();
    meeting(&place);
    let made = place.lecture(&["session", "input=raw", "output=class"]);
    let said = made.out + &made.err;
    for part in ["lost-w_ann-2.webm", "chat", "2 pages"] {
        assert!(said.contains(part), "{said}");
    }
    let session: Value = serde_json::from_str(&place.read("class/session.json")).expect("JSON");
    assert_eq!(session["room"], "Maths");
    assert_eq!(session["started"], "2021-08-31T17:13:20.500Z");
    let track = |source: &str, participant: &str| {
        let tracks = session["tracks"].as_array().expect("tracks").iter();
        let found = tracks.filter(|t| t["source"] == source && t["participant"] == participant);
        found.map(|t| t["start"].as_u64()).collect::<Vec<_>>()
    };
    assert_eq!(track("microphone", "room-audio"), [Some(0)]);
    assert_eq!(track("camera", "w_ann"), [Some(2_000_000_000)]);
    assert_eq!(track("screen", "presentation"), [Some(0)]);
    let people = session["participants"].as_array().expect("people");
    assert!(
        people
            .iter()
            .any(|p| p["label"] == "Ann & Co" && p["role"] == "host"),
        "{people:?}"
    );
    let slides = place.path("class/presentation.mkv");
    let length = number(&probe(&slides)["format"]["duration"]);
    assert!((length - 8.0).abs() < 0.1, "{length}");
    assert!(is_red(pixel(&slides, "3.4", (640, 360))));
    assert!(is_green(pixel(&slides, "4.1", (640, 360))));
    let left: Vec<_> = fs::read_dir(place.path("class"))
        .expect("a folder")
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");

    place.done(&[
        "compose",
        "input=class",
        "output=a.mkv",
        "layout=slides",
        "preset=ultrafast",
    ]);
    let file = place.path("a.mkv");
    assert_eq!(streams(&probe(&file), "video").len(), 1);
    assert!(is_red(pixel(&file, "3.4", (100, 360))));
    assert!(is_green(pixel(&file, "4.2", (100, 360))));
    assert!(level(&file, 440.0, "1") > 0.1);
}

#[test]
fn a_meeting_that_cannot_be_read_is_one_clear_error() {
    let place = Place::new();
    fs::create_dir(place.path("raw")).expect("made");
    for (text, part) in [
        ("<recording>\n<event>\n</wrong>\n</recording>", "line 3"),
        ("<recording></recording>", "no event"),
        ("", "no event"),
        (
            "<recording><event timestamp=\"1\" eventname=\"EndAndKickAllEvent\"/></recording>",
            "no recorded track",
        ),
    ] {
        place.write("raw/events.xml", text);
        place
            .lecture(&["session", "input=raw", "output=class"])
            .failed(1, &[part]);
        assert!(!place.path("class/session.json").exists());
    }
}
