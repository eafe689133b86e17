// SPDX-License-Identifier: MPL-2.0

//! Pads that are fed one by one, flushed after the end, or released.

use std::fs;

use gst::prelude::*;

use crate::catalogsink::feed::{
    Fed, PICTURES, SOUND, TEXT, feed_pictures, feed_sound, push_frames, timed, with_appsrc,
};
use crate::harness::init;

#[test]
fn a_flush_after_the_end_leaves_the_package_and_is_one_error() {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let location = folder.path().join("package");
    let description = format!(
        "catalogsink name=p location={} preset=ultrafast videotestsrc name=source num-buffers=20 ! \
         video/x-raw,format=I420,width=160,height=90,framerate=10/1 ! p.video",
        location.display()
    );
    let pipeline = gst::parse::launch(&description).expect("parses");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let source = pipeline.by_name("source").expect("named");
    let bus = pipeline.bus().expect("pipelines have a bus");
    pipeline.set_state(gst::State::Playing).expect("starts");
    let until = [gst::MessageType::Eos, gst::MessageType::Error];
    let ended = bus.timed_pop_filtered(gst::ClockTime::from_seconds(60), &until);
    assert_eq!(ended.map(|end| end.type_()), Some(gst::MessageType::Eos));
    let files = || fs::read_dir(location.join("video/90p")).map_or(0, Iterator::count);
    let written = files();

    let _ = source.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::ZERO);
    let refused = bus.timed_pop_filtered(gst::ClockTime::from_seconds(20), &until);
    let refused = refused.expect("an error");
    let gst::MessageView::Error(error) = refused.view() else {
        panic!("{refused:?}");
    };
    assert!(error.error().message().contains("READY"), "{error:?}");
    let more = bus.timed_pop_filtered(gst::ClockTime::from_mseconds(300), &until);
    assert!(more.is_none(), "{more:?}");
    pipeline.set_state(gst::State::Null).expect("stops");
    assert!(written > 0);
    assert_eq!(files(), written);
    assert!(location.join("manifest.json").exists());
}

/// An application that waits for PAUSED and then plays would otherwise overtake the thread that posts it.
#[test]
fn paused_is_reached_with_the_first_data() {
    let (_folder, pipeline, source) = with_appsrc("");
    let changed = pipeline.set_state(gst::State::Paused);
    assert_eq!(changed, Ok(gst::StateChangeSuccess::Async));
    let (waiting, ..) = pipeline.state(gst::ClockTime::from_mseconds(300));
    assert_eq!(waiting, Ok(gst::StateChangeSuccess::Async));
    push_frames(&source, &[(0, (160, 90)), (100, (160, 90))]);
    let (reached, ..) = pipeline.state(gst::ClockTime::from_seconds(20));
    assert_eq!(reached, Ok(gst::StateChangeSuccess::Success));
    pipeline.set_state(gst::State::Null).expect("stops");
}

#[test]
fn paused_is_reached_without_a_pad_to_wait_for() {
    let fed = Fed::new();
    let changed = fed.pipeline.set_state(gst::State::Paused);
    assert_eq!(changed, Ok(gst::StateChangeSuccess::Success));
    fed.pipeline.set_state(gst::State::Null).expect("stops");
}

#[test]
fn a_released_pad_is_written_to_its_end() {
    let fed = Fed::new();
    let pads = fed.play(&[("video", PICTURES)]);
    feed_pictures(&pads[0], 20);
    fed.sink.release_request_pad(&pads[0]);
    let package = fed.package();
    assert!(
        (package.duration() - 20.0).abs() < 0.01,
        "{}",
        package.duration()
    );
    let listed = package.manifest().video[0].media.segments;
    assert_eq!(listed, 4);
}

#[test]
fn a_released_pad_keeps_what_was_said_of_it() {
    let fed = Fed::new();
    let pads = fed.play(&[("audio_0", SOUND), ("audio_1", SOUND), ("text_0", TEXT)]);
    let [main, description, text] = &pads[..] else {
        panic!("three pads");
    };
    // As applications do that request pads while it plays.
    description.set_property_from_str("role", "description");
    description.set_property("language", "de");
    text.set_property("label", "What is said");
    text.set_property("language", "de");
    feed_sound(description, 3);
    text.chain(timed(b"Guten Tag".to_vec(), 1000, 1000))
        .expect("taken");
    for pad in [description, text] {
        fed.sink.release_request_pad(pad);
    }
    feed_sound(main, 3);
    main.send_event(gst::event::Eos::new());
    let package = fed.package();
    let manifest = package.manifest();
    let labels: Vec<_> = manifest.audio.iter().map(|audio| &audio.label).collect();
    assert_eq!(labels, ["Audio", "Deutsch (described video)"]);
    let captions: Vec<_> = manifest.captions.iter().map(|text| &text.label).collect();
    assert_eq!(captions, ["What is said"]);
    assert!(
        package
            .text("captions/captions.de.vtt")
            .contains("Guten Tag")
    );
}
