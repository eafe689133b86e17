// SPDX-License-Identifier: MPL-2.0

//! Files that break the rules, end early, or are not WebVTT.

use super::Parser;

#[test]
fn bad_blocks_are_reported_with_their_line_and_the_rest_is_read() {
    let mut parser = Parser::new();
    let file = "\u{feff}WEBVTT\r\rstray\r\r00:00 --> 00:01\rlost\r\r\
        00:05.000 --> 00:04.000\rbackwards\r\r00:01.000-->0:00:02.000\rfound\r";
    parser.push(file.as_bytes()).expect("taken");
    parser
        .push(b"\r00:03.000 --> 00:04.000\rcaf\xe9")
        .expect("taken");
    parser.eos();
    let cues = parser.cues();
    let texts: Vec<&str> = cues.iter().map(|cue| cue.plain.as_str()).collect();
    assert_eq!(texts, ["found", "caf\u{fffd}"]);
    let messages = parser.messages();
    let starts = ["line 3:", "line 5:", "line 8:", "line 15:"];
    assert_eq!(messages.len(), starts.len(), "{messages:?}");
    for (message, start) in messages.iter().zip(starts) {
        assert!(
            message.starts_with(&format!("warning: {start}")),
            "{message}"
        );
    }
}

#[test]
fn a_flood_of_problems_does_not_fill_the_bus() {
    let mut parser = Parser::new();
    let file = format!("WEBVTT\n\n{}", "stray\n\n".repeat(5000));
    parser.push(file.as_bytes()).expect("taken");
    parser.eos();
    assert_eq!(parser.messages().len(), 100);
}

#[test]
fn what_is_not_webvtt_is_one_error() {
    let mut parser = Parser::new();
    assert_eq!(
        parser.push(b"1\n00:00:01,000 --> 00:00:02,000\nHi\n"),
        Err(gst::FlowError::Error)
    );
    parser.eos();
    assert_eq!(
        parser.messages(),
        ["error: not WebVTT: its first line is not WEBVTT"]
    );
}

#[test]
fn an_end_without_data_is_an_error_and_still_an_end() {
    let mut parser = Parser::new();
    parser.eos();
    assert_eq!(
        parser.messages(),
        ["error: the file is empty; WebVTT starts with a line WEBVTT"]
    );
    let events = parser.events();
    assert_eq!(
        events.last().map(|event| event.type_()),
        Some(gst::EventType::Eos)
    );
}

#[test]
fn a_segment_in_another_format_is_refused() {
    let mut parser = Parser::new();
    let segment = gst::FormattedSegment::<gst::format::Default>::new();
    parser
        .harness
        .push_event(gst::event::Segment::new(&segment));
    let messages = parser.messages();
    assert_eq!(messages.len(), 1);
    assert!(
        messages[0].starts_with("error: Segments in Default"),
        "{messages:?}"
    );
}
