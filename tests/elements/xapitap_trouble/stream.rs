// SPDX-License-Identifier: MPL-2.0

//! Streams that are live, stall, grow, run backwards, or change.

use std::fs;

use gst::prelude::*;
use gstlecture::xapi::{check, iri};

use super::warned;
use crate::harness::player::{Player, folder, near, wav};

#[test]
fn a_live_stream_without_a_length() {
    let source = "audiotestsrc is-live=true num-buffers=20 samplesperbuffer=800 ! \
                  audio/x-raw,rate=16000";
    let mut player = Player::new(source, "");
    player.play();
    warned(&player, "set the property length");
    assert_eq!(player.verbs(), [""; 0]);

    let mut player = Player::new(source, "length=2000000000");
    player.play();
    assert_eq!(
        player.verbs(),
        ["initialized", "played", "paused", "terminated"]
    );
    assert_eq!(check::all(&player.statements), []);
    let played = player.played();
    assert!(played.len() == 1 && near(played[0].1, 1000), "{played:?}");
}

const APPLICATION: &str = "appsrc name=source format=time duration=1000000000 \
                           caps=audio/x-raw,format=S16LE,rate=8000,channels=1,layout=interleaved";

/// Media of so many tenths of a second.
fn feed(player: &Player, tenths: u64) -> gst::Element {
    let app = player.pipeline.by_name("source").expect("a source");
    for turn in 0..tenths {
        let mut buffer = gst::Buffer::with_size(1600).expect("memory");
        let fields = buffer.get_mut().expect("a new buffer");
        fields.set_pts(gst::ClockTime::from_mseconds(turn * 100));
        fields.set_duration(gst::ClockTime::from_mseconds(100));
        let flow: gst::FlowReturn = app.emit_by_name("push-buffer", &[&buffer]);
        assert_eq!(flow, gst::FlowReturn::Ok);
    }
    app
}

/// The network is slow: what did not arrive was not watched.
#[test]
fn a_stream_that_stalls() {
    let mut player = Player::new(APPLICATION, "length=4000000000");
    feed(&player, 10);
    player.set(gst::State::Playing);
    player.to(900);
    std::thread::sleep(std::time::Duration::from_millis(700));
    player.stop();
    assert_eq!(check::all(&player.statements), []);
    let played = player.played();
    assert!(played.len() == 1 && near(played[0].1, 1000), "{played:?}");
    assert!(played[0].1 <= 1000, "{played:?}");
}

#[test]
fn a_length_that_grows() {
    let mut player = Player::new(APPLICATION, "checkpoint-interval=100000000");
    let app = feed(&player, 20);
    let flow: gst::FlowReturn = app.emit_by_name("end-of-stream", &[]);
    assert_eq!(flow, gst::FlowReturn::Ok);
    player.set(gst::State::Playing);
    player.to(500);
    app.set_property("duration", 4_000_000_000_u64);
    player.play_to_the_end();
    player.stop();
    // Half of what it came to.
    assert_eq!(
        player.verbs(),
        ["initialized", "played", "paused", "terminated"]
    );
    assert_eq!(check::all(&player.statements), []);
    let played = player.played();
    assert!(played.len() == 1 && near(played[0].1, 2000), "{played:?}");
    let last = player.statements.last().expect("terminated");
    let progress = last["result"]["extensions"][iri::PROGRESS].as_f64();
    assert!(progress.is_some_and(|progress| (0.5..0.54).contains(&progress)));
    assert_eq!(last["context"]["extensions"][iri::LENGTH], 4);
    assert_eq!(player.warnings, [""; 0]);
}

#[test]
fn a_stream_that_runs_backwards() {
    let source = "videotestsrc num-buffers=200 ! video/x-raw,width=32,height=32,framerate=20/1";
    let mut player = Player::new(source, "length=3000000000");
    player.set(gst::State::Playing);
    player.to(600);
    let from = player.position();
    let turn = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
    player
        .pipeline
        .seek(
            -1.0,
            turn,
            gst::SeekType::Set,
            gst::ClockTime::ZERO,
            gst::SeekType::Set,
            gst::ClockTime::from_mseconds(2000),
        )
        .expect("it turns");
    player.play_to_the_end();
    player.stop();
    assert_eq!(check::all(&player.statements), []);
    let played = player.played();
    assert!(played.len() == 1 && near(played[0].1, from), "{played:?}");
    assert!(!player.verbs().contains(&"completed"));
    assert_eq!(player.warnings, [""; 0]);
}

#[test]
fn a_stream_without_buffers() {
    let mut player = Player::new("videotestsrc num-buffers=0", "length=3000000000");
    player.play();
    warned(&player, "no media");
    assert_eq!(check::all(&player.statements), []);
    assert_eq!(player.verbs().first(), Some(&"initialized"));
    assert_eq!(player.verbs().last(), Some(&"terminated"));
    assert_eq!(player.played(), []);
}

#[test]
fn a_segment_that_is_not_in_time() {
    let folder = folder();
    let path = wav(folder.path(), "a.wav", 300);
    let mut player = Player::new(&format!("filesrc location={path}"), "length=3000000000");
    player.play();
    warned(&player, "after the demuxer");
}

/// After a re-cut nothing is claimed that was not seen.
#[test]
fn a_video_that_was_cut_anew() {
    let folder = folder();
    let manifest = folder.path().join("manifest.json");
    let cut =
        |kept: &str| fs::write(&manifest, format!(r#"{{"kept":[{kept}]}}"#)).expect("written");
    let properties = format!(
        "journal={} manifest-location={} completion-threshold=0.95",
        folder.path().join("journal").display(),
        manifest.display()
    );
    // Of the recording 10 s to 10.8 s are shown, and seen.
    cut(r#"{"start":10,"end":10.8}"#);
    let mut player = Player::file(&wav(folder.path(), "a.wav", 800), &properties);
    player.set(gst::State::Playing);
    player.to(700);
    player.set(gst::State::Paused);
    let seen = player.position();
    player.stop();
    // Now it begins half a second earlier, and ends 0.2 s earlier.
    cut(r#"{"start":9.5,"end":10.6}"#);
    let mut player = Player::file(&wav(folder.path(), "b.wav", 1100), &properties);
    player.set(gst::State::Playing);
    player.to(200);
    player.set(gst::State::Paused);
    player.stop();
    assert!(seen > 600, "{seen}");
    let played = player.played();
    assert_eq!(played[0], (500, 1100));
    assert!(played[1].0 == 0 && played[1].1 < 400, "{played:?}");
    assert!(!player.verbs().contains(&"completed"));
}
