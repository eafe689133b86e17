// SPDX-License-Identifier: MPL-2.0

//! Bad input, seeks, and input that is not a file.

use gst::prelude::*;

use super::{HANG, Player, Seen, header, mjr, opus, play, starts, vp8};

#[test]
fn a_file_cut_at_any_byte_ends_or_fails_and_never_hangs() {
    let whole = mjr(&header("a", "opus"), &opus()[..12]);
    let count = play(&whole).buffers.len();
    for length in 0..whole.len() {
        let seen = play(&whole[..length]);
        // Nothing at all is not typed by anybody; filesrc reports it.
        assert!(seen.eos != seen.error.is_some(), "at {length}: {seen:?}");
        assert!(seen.buffers.len() <= count);
        if seen.eos {
            assert!(seen.warnings.len() <= 1, "at {length}: {:?}", seen.warnings);
        }
    }
}

#[test]
fn bad_recordings_fail_with_one_clear_error() {
    let opus = opus();
    let cases = [
        (b"MJR00002".to_vec(), "empty recording"),
        (b"RIFF0000WAVE".to_vec(), "not a Janus recording"),
        (mjr("{\"t\":", &opus), "not JSON"),
        (
            mjr(r#"{"t":"a","c":"opus","s":1,"u":1,"e":true}"#, &opus),
            "encrypted",
        ),
        (mjr(r#"{"t":"a","c":"opus","u":1}"#, &opus), "\"s\""),
        (mjr(&header("a", "speex"), &opus), "speex"),
        (mjr(&header("x", "opus"), &opus), "type \"x\""),
        (
            mjr(&header("a", "opus"), &[vec![0; 11], vec![0; 40]]),
            "empty recording",
        ),
        // No key frame: nothing can be decoded.
        (
            mjr(&header("v", "vp8"), &vp8()[vp8().len() - 1..]),
            "no whole frame",
        ),
    ];
    for (file, expected) in cases {
        let error = play(&file).error.unwrap_or_default();
        assert!(
            error.contains(expected),
            "{error:?} instead of {expected:?}"
        );
    }
}

#[test]
fn a_seek_goes_on_from_the_key_frame_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.mjr");
    std::fs::write(&file, mjr(&header("v", "vp8"), &vp8())).expect("written");
    let player = Player::new(&file, "mjrdemux");
    player
        .pipeline
        .set_state(gst::State::Paused)
        .expect("it pauses");
    let (state, _, _) = player.pipeline.state(HANG);
    state.expect("it prerolls");
    let duration = player.pipeline.query_duration::<gst::ClockTime>();
    let expected = gst::ClockTime::SECOND;
    assert!(duration.is_some_and(|found| found.absdiff(expected) < gst::ClockTime::MSECOND));
    player.seen.lock().expect("no panic").buffers.clear();
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
    player
        .pipeline
        .seek_simple(flags, gst::ClockTime::from_mseconds(750))
        .expect("it seeks");
    let seen = player.run();
    assert_eq!(seen.error, None);
    // Key frames are 10 frames apart; 0.75 s lies in the third of those groups.
    let whole = starts(&Player::new(&file, "mjrdemux").run());
    assert_eq!(starts(&seen), whole[20..]);
}

#[test]
fn a_demuxer_is_used_again_after_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.mjr");
    std::fs::write(&file, mjr(&header("a", "opus"), &opus())).expect("written");
    let player = Player::new(&file, "mjrdemux name=demux identity name=next");
    let next = player
        .pipeline
        .by_name("next")
        .and_then(|next| next.static_pad("sink"));
    let next = next.expect("the pad of the next element");
    let demux = player.pipeline.by_name("demux").expect("the demuxer");
    demux.connect_pad_added(move |_, pad| {
        if pad.direction() == gst::PadDirection::Src {
            pad.link(&next).expect("it is free");
        }
    });
    let first = player.run();
    assert!(first.eos && first.buffers.len() >= 49, "{first:?}");
    player
        .pipeline
        .set_state(gst::State::Ready)
        .expect("it stops");
    assert_eq!(demux.num_src_pads(), 0);
    *player.seen.lock().expect("no panic") = Seen::default();
    assert_eq!(player.run().buffers, first.buffers);
}

#[test]
fn decodebin_takes_a_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("named-otherwise");
    std::fs::write(&file, mjr(&header("v", "vp8"), &vp8())).expect("written");
    let seen = Player::new(&file, "decodebin").run();
    assert_eq!((seen.error, seen.buffers.len()), (None, 30));
    assert!(seen.caps.starts_with("video/x-raw"), "{}", seen.caps);
}

#[test]
fn pushed_input_gives_what_a_file_gives() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("x.mjr");
    std::fs::write(&file, mjr(&header("v", "vp8"), &vp8())).expect("written");
    let pulled = Player::new(&file, "mjrdemux").run();
    let pushed = Player::new(&file, "queue ! mjrdemux").run();
    assert_eq!((pushed.error, &pushed.buffers), (None, &pulled.buffers));
    assert!(!pulled.buffers.is_empty());
}
