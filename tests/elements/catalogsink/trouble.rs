// SPDX-License-Identifier: MPL-2.0

//! Errors, stops, flushes and use after READY.

use std::fs;
use std::process::Command;

use gst::prelude::*;
use gstlecture::package::manifest::Manifest;

use super::{audio, ended, run, video};
use crate::catalogsink::feed::{Fed, SOUND, begin, feed_sound, push_frames, with_appsrc};
use crate::harness::init;

#[test]
fn streams_without_data_are_absent() {
    let branches = video((160, 90), "10/1", 20)
        + "appsrc name=none ! audio/x-raw ! p.audio_0 \
           appsrc name=empty num-buffers=0 ! text/x-raw,format=utf8 ! p.chapters ";
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let location = folder.path().join("package");
    let description = format!(
        "catalogsink name=p location={} {branches}",
        location.display()
    );
    let pipeline = gst::parse::launch(&description).expect("parses");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    for name in ["none", "empty"] {
        let source = pipeline.by_name(name).expect("named");
        let source = source.downcast::<gst_app::AppSrc>().expect("an appsrc");
        source.end_of_stream().expect("taken");
    }
    let ended = ended(&pipeline);
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let master = fs::read_to_string(location.join("master.m3u8")).expect("written");
    assert!(!master.contains("AUDIO") && !master.contains("chapters"));
}

#[test]
fn nothing_at_all_is_an_error() {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let location = folder.path().join("package");
    let ended = run(&format!(
        "catalogsink name=p location={} videotestsrc num-buffers=0 ! p.video \
         audiotestsrc num-buffers=0 ! p.audio_0",
        location.display()
    ));
    let (_, error) = ended.error.expect("an error");
    assert!(error.matches(gst::StreamError::WrongType), "{error}");
    assert_eq!(fs::read_dir(&location).expect("made").count(), 0);
}

#[test]
fn what_cannot_be_written_is_one_error() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let full = folder.path().join("full");
    fs::create_dir(&full).expect("made");
    fs::write(full.join("other"), b"kept").expect("written");
    let file = folder.path().join("file");
    fs::write(&file, b"").expect("written");
    let branches = video((160, 90), "10/1", 20);
    for location in [full.clone(), file.join("below"), "/proc/catalogsink".into()] {
        let ended = run(&format!(
            "catalogsink name=p location={} {branches}",
            location.display()
        ));
        let (source, error) = ended.error.expect("an error");
        assert_eq!((source.as_str(), ended.errors), ("p", 1));
        assert!(error.matches(gst::ResourceError::OpenWrite), "{error}");
    }
    assert_eq!(fs::read(full.join("other")).expect("still there"), b"kept");
    for (settings, part) in [
        ("", "no location"),
        ("location=/tmp ladder=big", "\"big\""),
        ("location=/tmp keyframe-times=1,x", "\"x\""),
    ] {
        let ended = run(&format!("catalogsink name=p {settings} {branches}"));
        let (_, error) = ended.error.expect("an error");
        assert!(error.matches(gst::LibraryError::Settings), "{error}");
        assert!(error.message().contains(part), "{error}");
    }
}

#[test]
fn a_missing_encoder_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ended = run(&format!(
        "catalogsink name=p location={} video-encoder=nosuchenc {}",
        folder.path().display(),
        video((160, 90), "10/1", 20)
    ));
    let (_, error) = ended.error.expect("an error");
    assert!(error.matches(gst::CoreError::MissingPlugin), "{error}");
}

#[test]
fn a_full_disk_is_one_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=200k", "tmpfs"])
        .arg(folder.path())
        .stderr(std::process::Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("skipped: mounting a small disk takes root");
        return;
    }
    let location = folder.path().join("package");
    let ended = run(&format!(
        "catalogsink name=p location={} videotestsrc pattern=snow num-buffers=400 ! \
         video/x-raw,width=640,height=360,framerate=25/1 ! p.video",
        location.display()
    ));
    let left: Vec<_> = fs::read_dir(&location).expect("there").collect();
    let unmounted = Command::new("umount").arg(folder.path()).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    let (source, error) = ended.error.expect("an error");
    assert_eq!(source, "p");
    assert!(error.matches(gst::ResourceError::NoSpaceLeft), "{error}");
    assert!(left.is_empty(), "{left:?}");
}

/// A manifest without what x264 does not make alike twice: under a ceiling its threads look at how far
/// the others have come.
fn without_sizes(mut manifest: serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match &mut manifest {
        Value::Object(fields) => {
            fields
                .retain(|name, _| !matches!(name.as_str(), "bytes" | "average-rate" | "peak-rate"));
            fields
                .values_mut()
                .for_each(|field| *field = without_sizes(field.take()));
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| *item = without_sizes(item.take())),
        _ => {}
    }
    manifest
}

#[test]
fn the_element_can_be_used_again() {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let description = format!(
        "catalogsink name=p {} {}",
        video((160, 90), "10/1", 70),
        audio("audio_0", 7, 1)
    );
    let pipeline = gst::parse::launch(&description).expect("parses");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let sink = pipeline.by_name("p").expect("named");
    let mut manifests = Vec::new();
    for run in ["one", "two"] {
        let location = folder.path().join(run);
        sink.set_property("location", location.to_str().expect("UTF-8"));
        let ended = ended(&pipeline);
        assert!(ended.error.is_none(), "{:?}", ended.error);
        let text = fs::read_to_string(location.join("manifest.json")).expect("written");
        manifests.push(without_sizes(serde_json::from_str(&text).expect("JSON")));
    }
    assert_eq!(manifests[0], manifests[1]);
}

#[test]
fn stopping_in_the_middle_leaves_nothing() {
    init();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let location = folder.path().join("package");
    let description = format!(
        "catalogsink name=p location={} segment-duration=1 keyframe-interval=1 \
         videotestsrc ! video/x-raw,width=160,height=90,framerate=10/1 ! p.video",
        location.display()
    );
    let pipeline = gst::parse::launch(&description).expect("parses");
    pipeline.set_state(gst::State::Playing).expect("starts");
    let segments = location.join("video/90p");
    while fs::read_dir(&segments).map_or(0, Iterator::count) < 4 {
        std::thread::yield_now();
    }
    pipeline.set_state(gst::State::Null).expect("stops");
    assert_eq!(fs::read_dir(&location).expect("there").count(), 0);
}

#[test]
fn a_flush_starts_again() {
    let (folder, pipeline, source) = with_appsrc("segment-duration=1 keyframe-interval=1");
    let size = (160, 90);
    let frames = |count: u64| {
        (0..count)
            .map(|frame| (frame * 100, size))
            .collect::<Vec<_>>()
    };
    for &(millis, _) in &frames(40) {
        let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, 160, 90)
            .fps(gst::Fraction::new(10, 1))
            .build()
            .expect("valid");
        source.set_caps(Some(&info.to_caps().expect("valid")));
        let mut buffer = gst::Buffer::from_mut_slice(vec![90; info.size()]);
        buffer
            .get_mut()
            .expect("new")
            .set_pts(gst::ClockTime::from_mseconds(millis));
        source.push_buffer(buffer).expect("taken");
    }
    pipeline.set_state(gst::State::Playing).expect("starts");
    let segments = folder.path().join("package/video/90p");
    while fs::read_dir(&segments).map_or(0, Iterator::count) < 3 {
        std::thread::yield_now();
    }
    source.send_event(gst::event::FlushStart::new());
    source.send_event(gst::event::FlushStop::new(true));
    push_frames(&source, &frames(20));
    let ended = ended(&pipeline);
    assert!(ended.error.is_none(), "{:?}", ended.error);
    let package = folder.path().join("package");
    let manifest = fs::read_to_string(package.join("manifest.json")).expect("written");
    let manifest: Manifest = serde_json::from_str(&manifest).expect("a manifest");
    assert!(
        (manifest.duration - 2.0).abs() < 0.11,
        "{}",
        manifest.duration
    );
    let listed = manifest.video[0].media.segments + 3;
    assert_eq!(fs::read_dir(&segments).expect("there").count(), listed);
}

#[test]
fn a_start_that_failed_can_be_repeated() {
    let fed = Fed::new();
    let pad = fed.sink.request_pad_simple("audio_0").expect("a pad");
    pad.set_property("gains", "1:loud");
    assert!(fed.start().is_err());
    let bus = fed.pipeline.bus().expect("a bus");
    let failed = bus.timed_pop_filtered(gst::ClockTime::SECOND, &[gst::MessageType::Error]);
    assert!(failed.is_some());
    pad.set_property("gains", "0:1");
    fed.start().expect("starts");
    begin(&pad, SOUND);
    feed_sound(&pad, 2);
    pad.send_event(gst::event::Eos::new());
    assert_eq!(fed.package().manifest().audio.len(), 1);
}

#[test]
fn an_end_that_cannot_be_written_leaves_nothing() {
    let fed = Fed::new();
    let location = fed.folder.path().join("package");
    let pads = fed.play(&[("audio_0", SOUND)]);
    // Where the last file shall be there is a folder.
    fs::create_dir(location.join("manifest.json")).expect("made");
    feed_sound(&pads[0], 2);
    pads[0].send_event(gst::event::Eos::new());
    let ended = ended(&fed.pipeline);
    let (_, error) = ended.error.expect("an error");
    assert!(error.matches(gst::ResourceError::Write), "{error}");
    assert_eq!(fs::read_dir(&location).expect("there").count(), 0);
}
