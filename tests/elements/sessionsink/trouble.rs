// SPDX-License-Identifier: MPL-2.0

//! Streams, folders and applications that do not do as they should.

use gst::prelude::*;
use gstlecture::record::session::State;

use super::{Class, MULAW, events};

#[test]
fn an_end_without_data_leaves_no_file() {
    let class = Class::new();
    let (ada, ben) = (class.track("audio_0", "ada"), class.track("video_0", "ben"));
    class.play();
    assert!(ada.pad.send_event(gst::event::StreamStart::new("a")));
    ada.end();
    ben.start("video/x-vp8,width=320,height=180").end();
    class.wait();
    let text = std::fs::read_to_string(class.folder.path().join("session.json")).expect("read");
    assert!(text.contains("EGRESS_ABORTED"), "{text}");
    let files = std::fs::read_dir(class.folder.path().join("tracks")).expect("a folder");
    assert_eq!(files.count(), 0);
}

/// An application ends a recording whose sources are gone or never end.
#[test]
fn an_end_that_is_sent_to_the_element_ends_every_track() {
    let class = Class::new();
    class.play();
    let ada = class.track("audio_0", "ada");
    let _silent = class.track("video_0", "ben");
    ada.start(MULAW).push(0, 50);
    class.end();
    assert_eq!(class.files()[0].times.len(), 50);
    assert_eq!(class.session().state, Some(State::Complete));
    let empty = Class::new();
    empty.play();
    empty.end();
}

#[test]
fn a_stop_without_an_end_writes_what_came() {
    let class = Class::new();
    class.play();
    let ada = class.track("audio_0", "ada");
    ada.start(MULAW).push(0, 500);
    class.stop();
    assert_eq!(class.files()[0].times.len(), 500);
    assert_eq!(class.session().state, Some(State::Complete));
}

#[test]
fn a_codec_that_is_not_known_disturbs_nobody() {
    let class = Class::new();
    let (ada, ben) = (class.track("audio_0", "ada"), class.track("audio_1", "ben"));
    class.play();
    ada.start(MULAW).push(0, 10);
    ben.start("application/x-rtp,media=audio,clock-rate=90000,encoding-name=MPA,payload=14")
        .push(0, 10);
    ada.push(200, 10);
    // It changes to one that is.
    ben.caps(MULAW);
    ben.push(200, 10);
    ada.end();
    ben.end();
    let told = class.wait();
    assert_eq!(told.warnings.len(), 1, "{told:?}");
    let unsupported = told
        .messages
        .iter()
        .find(|message| message.get("state") == Ok("unsupported"));
    let unsupported = unsupported.expect("a message");
    assert_eq!(unsupported.get("codec"), Ok("MPA"));
    assert_eq!(unsupported.get("participant"), Ok("ben"));
    let lengths: Vec<usize> = class.files().iter().map(|file| file.times.len()).collect();
    assert_eq!(lengths, [20, 10]);
}

#[test]
fn packets_of_noise_disturb_nobody() {
    for encoding in ["H264", "H265", "VP8", "VP9", "OPUS"] {
        let class = Class::new();
        let (ada, ben) = (class.track("audio_0", "ada"), class.track("video_0", "ben"));
        class.play();
        ada.start(MULAW).push(0, 10);
        // What is pushed is no RTP at all.
        ben.start(&format!(
            "application/x-rtp,media=video,clock-rate=90000,encoding-name={encoding},payload=96"
        ))
        .push(0, 200);
        ada.push(200, 10);
        let told = class.end();
        assert!(told.error.is_none(), "{encoding}: {told:?}");
        let session = class.session();
        let ada = session
            .tracks
            .iter()
            .find(|track| track.participant == "ada");
        let file = class.folder.path().join(&ada.expect("a track").file);
        assert_eq!(super::probe(&file).times.len(), 20, "{encoding}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_tried_again_as_another() {
    let class = Class::new();
    let (ada, ben) = (class.track("audio_0", "ada"), class.track("audio_1", "ben"));
    let blocked = class.folder.path().join("tracks/ada-microphone-0.mkv");
    std::fs::create_dir_all(blocked).expect("made");
    class.play();
    ada.start(MULAW).push(0, 1);
    ben.start(MULAW).push(0, 200);
    class.wait_for(gst::MessageType::Warning);
    ada.push(20, 199);
    ada.end();
    ben.end();
    let told = class.wait();
    assert!(told.error.is_none(), "{told:?}");
    let session = class.session();
    let find = |id: &str| {
        session
            .tracks
            .iter()
            .position(|track| track.participant == id)
    };
    let (ada, ben) = (find("ada").expect("a track"), find("ben").expect("a track"));
    assert_eq!(session.tracks[ada].file, "tracks/ada-microphone-1.mkv");
    let files = class.files();
    assert_eq!(files[ben].times.len(), 200);
    // A second is lost.
    assert!(
        (900..=1200).contains(&files[ada].times[0]),
        "{:?}",
        files[ada].times[0]
    );
    assert_eq!(files[ada].times.last(), Some(&3980));
    assert_eq!(events(&session).len(), 4);
}

#[test]
fn a_folder_that_cannot_be_used_is_one_clear_error() {
    let class = Class::new();
    class.play();
    let ada = class.track("audio_0", "ada");
    ada.start(MULAW).push(0, 10);
    let location = class.folder.path().to_str();
    let second = Class::new();
    let refused = |part: &str| {
        assert!(second.pipeline.set_state(gst::State::Playing).is_err());
        let told = second.wait_for(gst::MessageType::Error);
        assert!(
            told.error
                .as_ref()
                .is_some_and(|error| error.contains(part)),
            "{told:?}"
        );
        second.stop();
    };
    second.sink.set_property("location", location);
    refused("another recorder");
    class.end();
    refused("a recorded session already");
    second.sink.set_property("location", None::<&str>);
    refused("location is not set");
    second.sink.set_property("location", "/proc/none");
    refused("/proc/none");
    assert_eq!(class.files()[0].times.len(), 10);
}

#[test]
fn the_element_records_again_in_another_folder() {
    let class = Class::new();
    let ada = class.track("audio_0", "ada");
    class.play();
    ada.start(MULAW).push(0, 10).end();
    class.wait();
    let first = class.files();
    let second = tempfile::tempdir().expect("a folder");
    class.sink.set_property("location", second.path().to_str());
    class.play();
    ada.start(MULAW).push(0, 20).end();
    class.wait();
    assert_eq!(first[0].times.len(), 10);
    let session = super::read_session(second.path());
    assert_eq!(session.tracks.len(), 1);
    assert_eq!(
        super::probe(&second.path().join(&session.tracks[0].file))
            .times
            .len(),
        20
    );
}

#[test]
fn a_segment_of_bytes_is_refused() {
    let class = Class::new();
    let ada = class.track("audio_0", "ada");
    class.play();
    let segment = gst::FormattedSegment::<gst::format::Bytes>::new();
    assert!(ada.pad.send_event(gst::event::StreamStart::new("a")));
    assert!(!ada.pad.send_event(gst::event::Segment::new(&segment)));
    class.end();
}

#[test]
fn video_begins_with_a_key_frame_that_is_requested() {
    let class = Class::of(
        "videotestsrc num-buffers=40 ! video/x-raw,width=320,height=180,framerate=20/1 \
         ! vp8enc name=encoder deadline=1 keyframe-max-dist=1000 ! identity name=late drop-buffer-flags=0 \
         ! sessionsink name=session",
    );
    // The first key frame never comes.
    let late = class
        .pipeline
        .by_name("late")
        .and_then(|late| late.static_pad("sink"));
    let frames = std::sync::atomic::AtomicUsize::new(0);
    late.expect("a pad")
        .add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            match frames.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
                0 => gst::PadProbeReturn::Handled,
                _ => gst::PadProbeReturn::Ok,
            }
        });
    let told = class.run();
    assert!(told.error.is_none(), "{told:?}");
    let session = class.session();
    let file = class.folder.path().join(&session.tracks[0].file);
    let frames = super::decoded(&file);
    assert!((5..39).contains(&frames), "{frames}");
}
