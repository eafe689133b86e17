// SPDX-License-Identifier: MPL-2.0

//! The element in real pipelines: its statements are held against the validator and against what
//! the pipeline was told to do.

use gst::prelude::*;
use gstlecture::xapi::units::duration_from_text;
use gstlecture::xapi::{check, iri};

use crate::harness::init;
use crate::harness::player::{Player, folder, near, wav};

#[test]
fn watched_play_to_the_end() {
    let folder = folder();
    let mut player = Player::file(&wav(folder.path(), "a.wav", 800), "");
    player.play();
    assert_eq!(
        player.verbs(),
        ["initialized", "played", "completed", "paused", "terminated"]
    );
    assert_eq!(check::all(&player.statements), []);
    assert_eq!(player.played(), [(0, 800)]);
    assert_eq!(player.warnings, [""; 0]);
}

#[test]
fn play_pause_seek_and_rate_are_told_apart() {
    let folder = folder();
    let mut player = Player::file(
        &wav(folder.path(), "a.wav", 4000),
        "completion-threshold=0.9",
    );
    player.set(gst::State::Playing);
    player.to(800);
    player.set(gst::State::Paused);
    let paused = player.position();
    player.seek(1.0, 300);
    player.set(gst::State::Playing);
    player.to(1000);
    let turned = player.position();
    player.seek(2.0, turned);
    player.play_to_the_end();
    player.stop();
    assert_eq!(
        player.verbs(),
        [
            "initialized",
            "played",
            "paused",
            "seeked",
            "played",
            "interacted",
            "completed",
            "paused",
            "terminated"
        ]
    );
    assert_eq!(check::all(&player.statements), []);
    let played = player.played();
    assert_eq!(played.len(), 2, "{played:?}");
    assert!(
        played[0].0 == 0 && near(played[0].1, paused),
        "{played:?}, paused at {paused}"
    );
    assert!(played[1] == (300, 4000), "{played:?}");
    let speed = &player.statements[5]["context"]["extensions"][iri::SPEED];
    assert_eq!(speed, "2x");
    let completed = &player.statements[6]["result"];
    let progress = completed["extensions"][iri::PROGRESS].as_f64();
    assert!(
        progress.is_some_and(|progress| (0.9..0.95).contains(&progress)),
        "{progress:?}"
    );
    // Of the media up to 3.6 s, what was played at the single speed and at the double.
    let spent = completed["duration"]
        .as_str()
        .and_then(duration_from_text)
        .expect("a duration");
    let expected = paused + (turned - 300) + (3600 - turned) / 2;
    assert!(
        near(spent, expected),
        "{spent} ms spent, {expected} expected"
    );
}

#[test]
fn a_seek_while_playing_is_one_seek() {
    let folder = folder();
    let mut player = Player::file(&wav(folder.path(), "a.wav", 5000), "");
    player.set(gst::State::Playing);
    player.to(400);
    let from = player.position();
    for target in [1000, 2500, 3000] {
        player.seek(1.0, target);
    }
    player.to(3900);
    let at = player.position();
    player.set(gst::State::Paused);
    player.stop();
    assert_eq!(
        player.verbs(),
        [
            "initialized",
            "played",
            "seeked",
            "played",
            "paused",
            "terminated"
        ]
    );
    assert_eq!(check::all(&player.statements), []);
    let played = player.played();
    assert!(
        near(played[0].1, from) && played[1].0 == 3000 && near(played[1].1, at),
        "{played:?}"
    );
}

#[test]
fn a_registration_goes_on_after_a_restart_and_completes_once() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let path = wav(folder.path(), "a.wav", 700);
    let properties = format!("journal={} completion-threshold=0.5", journal.display());
    let mut statements = Vec::new();
    for turn in 0..3 {
        let mut player = Player::file(&path, &properties);
        player.play();
        let completed = player.verbs().contains(&"completed");
        assert_eq!(completed, turn == 0);
        assert_eq!(player.played().len(), turn + 1);
        statements.append(&mut player.statements);
    }
    assert_eq!(check::all(&statements), []);
    let sub = &statements.last().expect("said")["context"]["extensions"][iri::SUBREGISTRATION];
    assert!(sub.is_array());
}

#[test]
fn the_element_is_used_again_after_ready() {
    let folder = folder();
    let mut player = Player::file(&wav(folder.path(), "a.wav", 400), "");
    for _ in 0..2 {
        player.statements.clear();
        player.play();
        assert_eq!(
            player.verbs(),
            ["initialized", "played", "completed", "paused", "terminated"]
        );
        assert_eq!(check::all(&player.statements), []);
    }
}

#[test]
fn the_check_decides_where_it_is_required() {
    let folder = folder();
    let path = wav(folder.path(), "a.wav", 1500);
    for (passes, threshold) in [(false, "0.5"), (true, "0.5"), (true, "1")] {
        let properties = format!("require-check=true completion-threshold={threshold}");
        let mut player = Player::file(&path, &properties);
        player.set(gst::State::Playing);
        player.to(1200);
        if passes {
            player.tap.emit_by_name::<()>("check-passed", &[]);
        }
        player.set(gst::State::Paused);
        player.stop();
        let expected = passes && threshold == "0.5";
        assert_eq!(
            player.verbs().contains(&"completed"),
            expected,
            "{passes} {threshold}"
        );
        assert_eq!(check::all(&player.statements), []);
    }
}

#[test]
fn the_application_says_what_it_knows_and_ends_the_session() {
    let folder = folder();
    let mut player = Player::file(&wav(folder.path(), "a.wav", 3000), "");
    player.set(gst::State::Playing);
    player.to(300);
    let facts = gst::Structure::builder("player")
        .field("volume", 0.5)
        .field("captions", true)
        .field("captions-language", "de")
        .field("full-screen", true)
        .field("screen-size", "1920x1080")
        .field("playback-size", "1920x1080")
        .build();
    player.tap.emit_by_name::<()>("interacted", &[&facts]);
    player.tap.emit_by_name::<()>("terminate", &[]);
    player.to(600);
    player.stop();
    assert_eq!(
        player.verbs(),
        [
            "initialized",
            "played",
            "interacted",
            "paused",
            "terminated"
        ]
    );
    assert_eq!(check::all(&player.statements), []);
    let extensions = &player.statements[2]["context"]["extensions"];
    assert_eq!(extensions[iri::VOLUME], 0.5);
    assert_eq!(extensions[iri::CC_SUBTITLE_LANG], "de");
    assert_eq!(
        extensions[iri::CC_ENABLED],
        extensions[iri::CC_SUBTITLE_ENABLED]
    );
}

#[test]
fn another_medium_is_another_session() {
    let folder = folder();
    let (one, two) = (
        wav(folder.path(), "a.wav", 400),
        wav(folder.path(), "b.wav", 500),
    );
    let source = format!(
        "concat name=c filesrc location={one} ! wavparse ! c. \
         filesrc location={two} ! wavparse ! c. c."
    );
    let mut player = Player::new(&source, "");
    player.play();
    let session = ["initialized", "played", "completed", "paused", "terminated"];
    // The same activity: the second session completes nothing again.
    let mut expected = session.to_vec();
    expected.extend(["initialized", "played", "paused", "terminated"]);
    assert_eq!(player.verbs(), expected);
}

#[test]
fn secrets_cannot_be_read() {
    init();
    let tap = gst::ElementFactory::make("xapitap").build().expect("a tap");
    for name in ["username", "password", "token"] {
        let spec = tap.find_property(name).expect("a property");
        assert!(
            !spec.flags().contains(gst::glib::ParamFlags::READABLE),
            "{name}"
        );
    }
}

#[test]
fn buffers_events_and_gaps_pass_unchanged() {
    init();
    let mut harness = gst_check::Harness::new("xapitap");
    harness.set_src_caps_str("application/x-anything, version=(int)1");
    let buffer = |ms: u64| {
        let mut buffer = gst::Buffer::from_slice([1, 2, 3]);
        let fields = buffer.get_mut().expect("a new buffer");
        fields.set_pts(gst::ClockTime::from_mseconds(ms));
        fields.set_duration(gst::ClockTime::from_mseconds(20));
        fields.set_offset(7);
        buffer
    };
    let sent = buffer(0);
    harness.push(sent.clone()).expect("it passes");
    let received = harness.pull().expect("it arrives");
    assert_eq!(sent.as_ptr(), received.as_ptr());

    let gap = gst::event::Gap::builder(gst::ClockTime::from_mseconds(20))
        .duration(gst::ClockTime::from_mseconds(20))
        .build();
    assert!(harness.push_event(gap));
    harness.set_src_caps_str("application/x-anything, version=(int)2");
    harness
        .push(buffer(40))
        .expect("it passes after a change of caps");

    assert!(harness.push_event(gst::event::FlushStart::new()));
    assert!(harness.push_event(gst::event::FlushStop::new(true)));
    let bytes = gst::FormattedSegment::<gst::format::Bytes>::new();
    assert!(harness.push_event(gst::event::Segment::new(&bytes)));
    harness.push(buffer(0)).expect("it passes without times");
    assert!(harness.push_event(gst::event::Eos::new()));

    let mut empty = gst_check::Harness::new("xapitap");
    empty.set_src_caps_str("application/x-anything");
    assert!(empty.push_event(gst::event::Eos::new()));
}
