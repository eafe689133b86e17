// SPDX-License-Identifier: MPL-2.0

//! Tracks that change, pause, come and go.

use gst::prelude::*;

use super::feed::Feed;
use super::{BLACK, BLUE, GREEN, RED, Seen, Show, camera};

/// Runs a show whose tracks are fed by threads.
fn run(show: &Show, feeds: Vec<Box<dyn FnOnce() + Send>>) -> Seen {
    let threads: Vec<_> = feeds.into_iter().map(std::thread::spawn).collect();
    let seen = show.run();
    for thread in threads {
        thread.join().expect("no panic");
    }
    seen
}

#[test]
fn a_video_may_change_its_size() {
    let show = Show::video("", "");
    let feed = Feed::new(&show.room, "video_0");
    let seen = run(
        &show,
        vec![Box::new(move || {
            feed.start(320, 180);
            for frame in 0..15 {
                feed.frame(frame * 33, (320, 180), RED).expect("taken");
            }
            feed.caps(360, 640);
            for frame in 15..30 {
                feed.frame(frame * 33, (360, 640), GREEN).expect("taken");
            }
            feed.end();
        })],
    );
    assert_eq!(seen.error, None);
    seen.frame(400).assert(10, 360, RED);
    let upright = seen.frame(800);
    upright.assert(10, 360, BLACK);
    upright.assert(640, 360, GREEN);
    upright.assert(640, 0, GREEN);
}

#[test]
fn a_gap_keeps_the_last_frame_and_stalls_nobody() {
    let show = Show::video("avatar=none", &camera(1, BLUE, "640x360", 0.0, 5.0));
    let feed = Feed::new(&show.room, "video_0");
    let seen = run(
        &show,
        vec![Box::new(move || {
            feed.start(640, 360);
            feed.frame(0, (640, 360), RED).expect("taken");
            assert!(feed.gap(33, 1000));
            feed.frame(1000, (640, 360), GREEN).expect("taken");
            assert!(feed.gap(1033, 5000));
            feed.end();
        })],
    );
    assert_eq!(seen.frames.len(), 150);
    // Who comes first has the first tile, whichever it is.
    let show = |millis: u64, color| {
        let frame = seen.frame(millis);
        assert!(
            frame.is(300, 360, color) || frame.is(900, 360, color),
            "{millis}"
        );
    };
    show(500, RED);
    show(1500, GREEN);
    // A camera that is silent for two seconds counts as off.
    let frame = seen.frame(4000);
    assert!(frame.is(300, 360, BLACK) || frame.is(900, 360, BLACK));
}

#[test]
fn a_still_screen_is_fitted_again_when_the_layout_changes() {
    let show = Show::video("layout=slides", &camera(1, BLUE, "640x360", 2.0, 2.0));
    let feed = Feed::new(&show.room, "video_0");
    feed.sink().set_property_from_str("source", "screen");
    let sharp = vec![Box::new(move || {
        feed.start(1280, 720);
        feed.frame(0, (1280, 720), RED).expect("taken");
        feed.frame(4000, (1280, 720), RED).expect("taken");
        feed.end();
    }) as Box<dyn FnOnce() + Send>];
    let seen = run(&show, sharp);
    seen.frame(1000).assert(1200, 660, RED);
    let both = seen.frame(3000);
    both.assert(300, 300, RED);
    both.assert(1150, 640, BLUE);
}

#[test]
fn a_pad_that_ends_without_data_is_nobody() {
    let show = Show::video("", &camera(1, BLUE, "640x360", 0.0, 1.0));
    let feed = Feed::new(&show.room, "video_0");
    let seen = run(&show, vec![Box::new(move || feed.end())]);
    assert_eq!(seen.error, None);
    assert_eq!(seen.frames.len(), 30);
    seen.frames[0].assert(10, 360, BLUE);
    seen.frames[0].assert(1270, 360, BLUE);
}

#[test]
fn pads_come_and_go_while_it_runs() {
    let show = Show::video("", "");
    let first = Feed::new(&show.room, "video_0");
    let room = show.room.clone();
    let seen = run(
        &show,
        vec![Box::new(move || {
            first.start(640, 360);
            for frame in 0..30 {
                first.frame(frame * 33, (640, 360), RED).expect("taken");
            }
            let second = Feed::new(&room, "video_7");
            second.start(640, 360);
            let sink = second.sink().clone();
            let other = std::thread::spawn(move || {
                for frame in 30..60 {
                    second.frame(frame * 33, (640, 360), GREEN).expect("taken");
                }
            });
            for frame in 30..60 {
                first.frame(frame * 33, (640, 360), RED).expect("taken");
            }
            other.join().expect("no panic");
            room.release_request_pad(&sink);
            for frame in 60..120 {
                first.frame(frame * 33, (640, 360), RED).expect("taken");
            }
            first.end();
        })],
    );
    assert_eq!(seen.error, None);
    seen.frame(500).assert(1200, 360, RED);
    let both = seen.frame(1700);
    both.assert(100, 360, RED);
    both.assert(1200, 360, GREEN);
    seen.frame(3500).assert(1200, 360, RED);
    assert_eq!(show.room.num_sink_pads(), 1);
}

#[test]
fn a_flush_on_the_way_is_survived() {
    let show = Show::video("", "");
    let feed = Feed::new(&show.room, "video_0");
    let seen = run(
        &show,
        vec![Box::new(move || {
            feed.start(640, 360);
            for frame in 0..10 {
                feed.frame(frame * 33, (640, 360), RED).expect("taken");
            }
            feed.event(gst::event::FlushStart::new());
            feed.event(gst::event::FlushStop::builder(true).build());
            feed.segment();
            for frame in 0..30 {
                feed.frame(frame * 33, (640, 360), GREEN).expect("taken");
            }
            feed.end();
        })],
    );
    assert_eq!(seen.error, None);
    let last = seen.frames.last().expect("frames");
    last.assert(10, 360, GREEN);
    last.assert(1270, 360, GREEN);
}

#[test]
fn it_can_be_used_again() {
    let show = Show::video("", &camera(0, RED, "640x360", 0.0, 0.5));
    for _ in 0..2 {
        let seen = show.play();
        assert_eq!(seen.error, None);
        assert_eq!(seen.frames.len(), 15);
        seen.frames[0].assert(640, 360, RED);
        assert_eq!(seen.layouts.len(), 1);
        show.pipeline.set_state(gst::State::Ready).expect("ready");
    }
}

#[test]
fn a_pipeline_can_be_stopped_in_the_middle() {
    let source = camera(0, RED, "640x360", 0.0, 0.5) + &camera(1, RED, "640x360", 100.0, 1.0);
    let show = Show::video("", &source);
    show.pipeline
        .set_state(gst::State::Playing)
        .expect("it plays");
    std::thread::sleep(std::time::Duration::from_millis(300));
    show.pipeline.set_state(gst::State::Null).expect("it stops");
}

#[test]
fn a_muted_camera_shows_initials_on_the_participants_color() {
    let show = Show::video(
        "video_0::participant=ada",
        &camera(0, RED, "640x360", 0.0, 0.5),
    );
    let pad = show.room.static_pad("video_0").expect("a pad");
    pad.set_property("label", "Ada Lovelace");
    pad.set_property("muted", true);
    let seen = show.run();
    let frame = seen.frames.last().expect("frames");
    assert!(!frame.is(20, 20, RED) && !frame.is(20, 20, BLACK));
    let letters = (300..980).filter(|x| frame.at(*x, 360)[0] > 200).count();
    assert!(letters > 20, "{letters}");
}
