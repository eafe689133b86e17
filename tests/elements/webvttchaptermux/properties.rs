// SPDX-License-Identifier: MPL-2.0

//! Properties shape the file, and pads keep their numbers.

use gst::prelude::*;
use gst_check::Harness;

use super::{HEADER, UTF8, chapter, muxed};
use crate::harness::init;

#[test]
fn properties_shape_the_file() {
    let chapters = vec![
        chapter(5, Some(10), "Intro"),
        chapter(30, Some(2), "Blip"),
        chapter(40, Some(20), "Sets"),
    ];
    let properties = "fill-gaps=true start-at-zero=true min-duration=15000000000";
    let file = muxed(properties, &[("sink_0", UTF8, chapters)]);
    assert_eq!(
        file,
        format!(
            "{HEADER}\n00:00:00.000 --> 00:00:40.000\nIntro\n\
             \n00:00:40.000 --> 00:01:00.000\nSets\n"
        )
    );
}

#[test]
fn requested_pad_numbers_are_honoured_and_pads_are_children() {
    init();
    let mux = gst::ElementFactory::make("webvttchaptermux")
        .build()
        .expect("the element");
    let pad = mux.request_pad_simple("sink_7").expect("a pad");
    assert_eq!(pad.name(), "sink_7");
    let proxy = mux
        .dynamic_cast_ref::<gst::ChildProxy>()
        .expect("a child proxy");
    proxy.set_child_property("sink_7::level", 2u32);
    assert_eq!(pad.property::<u32>("level"), 2);
    mux.release_request_pad(&pad);
    assert_eq!(proxy.children_count(), 0);
}

#[test]
fn the_language_is_a_tag() {
    init();
    let mux = gst::ElementFactory::make("webvttchaptermux")
        .property("language", "de")
        .build()
        .expect("the element");
    let mut harness = Harness::with_element(&mux, Some("sink_0"), Some("src"));
    harness.set_src_caps_str(UTF8);
    let tag = loop {
        let event = harness.pull_event().expect("a tag");
        if event.type_() == gst::EventType::Tag {
            break event;
        }
    };
    let gst::EventView::Tag(tag) = tag.view() else {
        panic!("a tag");
    };
    let language = tag.tag().get::<gst::tags::LanguageCode>();
    assert_eq!(
        language.map(|language| language.get().to_owned()),
        Some("de".to_owned())
    );
}
