// SPDX-License-Identifier: MPL-2.0

//! Streams that are written: their codecs, times and sizes.

use gst::prelude::*;
use gstlecture::record::layout::{Role, Source};
use gstlecture::record::session::State;

use super::{Class, MULAW, decoded, events};

#[test]
fn a_room_of_two_becomes_files_and_a_session() {
    let class = Class::of(
        "sessionsink name=session room=math video_0::participant=ada video_0::label=Ada \
           video_0::role=host audio_0::participant=ada video_7::participant=ben video_7::source=screen \
         videotestsrc num-buffers=60 ! video/x-raw,width=320,height=180,framerate=30/1 ! vp8enc deadline=1 \
           ! rtpvp8pay ! session.video_0 \
         audiotestsrc num-buffers=100 samplesperbuffer=960 ! audio/x-raw,rate=48000 ! opusenc ! rtpopuspay \
           ! session.audio_0 \
         videotestsrc num-buffers=30 ! video/x-raw,width=640,height=360,framerate=15/1 ! vp8enc deadline=1 \
           ! session.video_7",
    );
    let told = class.run();
    assert!(told.error.is_none() && told.warnings.is_empty(), "{told:?}");
    let session = class.session();
    assert_eq!(
        (&*session.room, session.state),
        ("math", Some(State::Complete))
    );
    assert!(session.started.is_some());
    let mut participants: Vec<_> = session
        .participants
        .iter()
        .map(|other| (&*other.id, other.label.as_deref(), other.role))
        .collect();
    participants.sort_by_key(|other| other.0.to_owned());
    assert_eq!(
        participants,
        [
            ("ada", Some("Ada"), Role::Host),
            ("ben", None, Role::Participant)
        ]
    );
    let mut tracks: Vec<_> = session
        .tracks
        .iter()
        .zip(class.files())
        .map(|(track, file)| {
            let frames = decoded(&class.folder.path().join(&track.file));
            (
                &*track.file,
                track.source,
                file.codec,
                file.times.len(),
                frames,
            )
        })
        .collect();
    tracks.sort_by_key(|track| track.0.to_owned());
    let expected = [
        ("tracks/ada-camera-0.mkv", Source::Camera, "vp8", 60),
        (
            "tracks/ada-microphone-0.mkv",
            Source::Microphone,
            "opus",
            100,
        ),
        ("tracks/ben-screen-0.mkv", Source::Screen, "vp8", 30),
    ];
    assert_eq!(tracks.len(), 3);
    for (found, (file, source, codec, count)) in tracks.iter().zip(expected) {
        assert_eq!((found.0, found.1, &*found.2), (file, source, codec));
        // An Opus encoder adds a packet for its delay.
        assert!((count..=count + 1).contains(&found.3), "{found:?}");
        assert_eq!(found.3, found.4, "{found:?}");
    }
    let names: Vec<String> = events(&session).into_iter().map(|event| event.1).collect();
    for name in [
        "join ada",
        "join ben",
        "leave ada",
        "leave ben",
        "size 320x180",
    ] {
        assert_eq!(
            names.iter().filter(|other| *other == name).count(),
            1,
            "{names:?}"
        );
    }
    let started = told.messages.iter().filter(|message| {
        message.name() == "sessionsink-track" && message.get("state") == Ok("started")
    });
    assert_eq!(started.count(), 3);
    let ended: Vec<u64> = told
        .messages
        .iter()
        .filter(|message| message.get("state") == Ok("ended"))
        .filter_map(|message| message.get("frames").ok())
        .collect();
    assert_eq!(ended.len(), 3, "{told:?}");
    assert!(!class.folder.path().join(".recording").exists());
}

#[test]
fn every_codec_is_written_as_it_comes() {
    let video =
        "videotestsrc num-buffers=20 ! video/x-raw,format=I420,width=320,height=180,framerate=30/1";
    let audio = "audiotestsrc num-buffers=100 samplesperbuffer=160 ! audio/x-raw";
    let h264 = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10";
    for (needs, line, codec) in [
        (
            "vp8enc",
            format!("{video} ! vp8enc deadline=1 ! rtpvp8pay ! session.video_0"),
            "vp8",
        ),
        (
            "vp9enc",
            format!("{video} ! vp9enc deadline=1 cpu-used=8 ! rtpvp9pay ! session.video_0"),
            "vp9",
        ),
        (
            "vp9enc",
            format!("{video} ! vp9enc deadline=1 cpu-used=8 ! session.video_0"),
            "vp9",
        ),
        (
            "x264enc",
            format!("{video} ! {h264} ! rtph264pay ! session.video_0"),
            "h264",
        ),
        (
            "x264enc",
            format!("{video} ! {h264} ! video/x-h264,stream-format=avc ! session.video_0"),
            "h264",
        ),
        (
            "x264enc",
            format!("{video} ! x264enc ! session.video_0"),
            "h264",
        ),
        (
            "x265enc",
            format!(
                "{video} ! x265enc speed-preset=ultrafast tune=zerolatency ! rtph265pay ! session.video_0"
            ),
            "hevc",
        ),
        (
            "opusenc",
            format!("{audio},rate=48000 ! opusenc ! session.audio_0"),
            "opus",
        ),
        (
            "mulawenc",
            format!("{audio},rate=8000,channels=1 ! mulawenc ! rtppcmupay ! session.audio_0"),
            "pcm_mulaw",
        ),
        (
            "alawenc",
            format!("{audio},rate=8000,channels=1 ! alawenc ! rtppcmapay ! session.audio_0"),
            "pcm_alaw",
        ),
        (
            "avenc_g722",
            format!("{audio},rate=16000,channels=1 ! avenc_g722 ! rtpg722pay ! session.audio_0"),
            "flac",
        ),
        (
            "avenc_aac",
            format!("{audio},rate=48000,channels=2 ! avenc_aac ! session.audio_0"),
            "aac",
        ),
        (
            "av1enc",
            format!("{video} ! av1enc cpu-used=8 usage-profile=realtime ! session.video_0"),
            "av1",
        ),
    ] {
        crate::harness::init();
        if gst::ElementFactory::find(needs).is_none() {
            println!("skipped: {codec}: {needs} is missing");
            continue;
        }
        let class = Class::of(&format!("sessionsink name=session {line}"));
        let told = class.run();
        assert!(
            told.error.is_none() && told.warnings.is_empty(),
            "{line}: {told:?}"
        );
        let files = class.files();
        assert_eq!(files.len(), 1, "{line}");
        assert_eq!(files[0].codec, codec, "{line}");
        let file = class.folder.path().join(&class.session().tracks[0].file);
        let is_video = line.contains("videotestsrc");
        let frames = decoded(&file);
        assert!(
            frames > 0 && (!is_video || frames == 20),
            "{line}: {frames}"
        );
    }
}

#[test]
fn times_in_files_are_running_times() {
    let class = Class::new();
    let (ada, ben) = (class.track("audio_0", "ada"), class.track("audio_1", "ben"));
    ben.pad.set_offset(2_500_000_000);
    class.play();
    ada.start(MULAW).push(0, 10);
    ben.start(MULAW).push(100, 10);
    ada.end();
    ben.end();
    class.wait();
    let session = class.session();
    let starts: Vec<u64> = session
        .tracks
        .iter()
        .map(|track| track.start / 1_000_000)
        .collect();
    assert_eq!(starts, [0, 2600]);
    let files = class.files();
    assert_eq!((files[0].times[0], files[0].times[9]), (0, 180));
    assert_eq!((files[1].times[0], files[1].times[9]), (2600, 2780));
}

#[test]
fn a_hole_of_a_minute_stays_a_hole() {
    let class = Class::new();
    let ada = class.track("audio_0", "ada");
    class.play();
    ada.start(MULAW).push(0, 10);
    let gap = gst::event::Gap::builder(gst::ClockTime::from_mseconds(200))
        .duration(gst::ClockTime::from_seconds(60));
    assert!(ada.pad.send_event(gap.build()));
    ada.push(60_200, 10).end();
    class.wait();
    let files = class.files();
    assert_eq!(files.len(), 1);
    assert_eq!(&files[0].times[8..12], [160, 180, 60_200, 60_220]);
}

#[test]
fn a_flush_keeps_what_came_before_it() {
    let class = Class::new();
    let ada = class.track("audio_0", "ada");
    class.play();
    ada.start(MULAW).push(0, 100);
    assert!(ada.pad.send_event(gst::event::FlushStart::new()));
    assert!(ada.pad.send_event(gst::event::FlushStop::new(false)));
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::from_seconds(50));
    segment.set_base(gst::ClockTime::from_seconds(3));
    assert!(ada.pad.send_event(gst::event::Segment::new(&segment)));
    // The first is before the segment.
    ada.push(49_980, 11);
    // The running time starts again: another file.
    assert!(ada.pad.send_event(gst::event::FlushStart::new()));
    assert!(ada.pad.send_event(gst::event::FlushStop::new(true)));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(ada.pad.send_event(gst::event::Segment::new(&segment)));
    ada.push(0, 10).end();
    class.wait();
    let files = class.files();
    assert_eq!(files.len(), 2);
    assert_eq!(files[0].times.len(), 110);
    assert_eq!(&files[0].times[98..102], [1960, 1980, 3000, 3020]);
    assert_eq!((files[1].times[0], files[1].times.len()), (0, 10));
}

#[test]
fn a_change_of_size_stays_in_the_file_and_one_of_codec_does_not() {
    let source = |size: &str, encoder: &str| {
        format!(
            "videotestsrc num-buffers=20 ! video/x-raw,format=I420,{size},framerate=20/1 ! {encoder} \
             ! queue ! joined. "
        )
    };
    let (small, large) = ("width=320,height=180", "width=640,height=360");
    let h264 = "x264enc tune=zerolatency speed-preset=ultrafast";
    for encoder in ["vp8enc deadline=1", "vp9enc deadline=1 cpu-used=8", h264] {
        let class = Class::of(&format!(
            "sessionsink name=session concat name=joined ! session.video_0 {}{}",
            source(small, encoder),
            source(large, encoder)
        ));
        let told = class.run();
        assert!(
            told.error.is_none() && told.warnings.is_empty(),
            "{encoder}: {told:?}"
        );
        let session = class.session();
        assert_eq!(session.tracks.len(), 1, "{encoder}");
        assert_eq!(
            decoded(&class.folder.path().join(&session.tracks[0].file)),
            40,
            "{encoder}"
        );
        let sizes: Vec<_> = events(&session)
            .into_iter()
            .filter(|event| event.1.starts_with("size"))
            .collect();
        assert_eq!(
            sizes,
            [(0, "size 320x180".into()), (1000, "size 640x360".into())],
            "{encoder}"
        );
    }
    let class = Class::of(&format!(
        "sessionsink name=session concat name=joined ! session.video_0 {}{}",
        source(small, "vp8enc deadline=1"),
        source(small, h264)
    ));
    let told = class.run();
    assert!(told.error.is_none() && told.warnings.is_empty(), "{told:?}");
    let files = class.files();
    let codecs: Vec<&str> = files.iter().map(|file| &*file.codec).collect();
    assert_eq!(codecs, ["vp8", "h264"]);
    assert_eq!((files[0].times[19], files[1].times[0]), (950, 1000));
    assert_eq!(class.session().participants.len(), 1);
}

#[test]
fn pads_come_and_go_while_others_go_on() {
    let class = Class::new();
    let ada = class.track("audio_0", "ada");
    class.play();
    ada.start(MULAW).push(0, 10);
    for round in 1..=10 {
        let ben = class.track("audio_%u", "ben");
        ben.start(MULAW).push(round * 1000, 5);
        class.sink.release_request_pad(&ben.pad);
        ada.push(round * 1000, 5);
    }
    ada.end();
    let told = class.wait();
    assert!(told.warnings.is_empty(), "{told:?}");
    let session = class.session();
    assert_eq!((session.tracks.len(), session.participants.len()), (11, 2));
    for file in class.files() {
        assert!([5, 60].contains(&file.times.len()), "{file:?}");
    }
    let names = events(&session);
    let count = |name: &str| names.iter().filter(|event| event.1 == name).count();
    assert_eq!((count("join ben"), count("leave ben")), (10, 10));
    assert_eq!((count("join ada"), count("leave ada")), (1, 1));
}

#[test]
fn a_pause_is_a_hole_and_marks_have_their_times() {
    let class = Class::new();
    let ada = class.track("audio_0", "ada");
    class.play();
    let now = || {
        class
            .pipeline
            .current_running_time()
            .expect("it plays")
            .mseconds()
    };
    let event = |name: &str| class.emit(gst::Structure::new_empty(name));
    ada.start(MULAW).push(0, 1);
    assert!(
        class.emit(
            gst::Structure::builder("mark")
                .field("label", "Start")
                .build()
        )
    );
    std::thread::sleep(std::time::Duration::from_millis(100));
    let before = now();
    assert!(event("pause") && !event("pause"));
    ada.push(before + 40, 1);
    std::thread::sleep(std::time::Duration::from_millis(100));
    let middle = now();
    assert!(event("resume") && !event("resume"));
    // It was captured in the pause, and comes late.
    ada.push(middle - 20, 1);
    std::thread::sleep(std::time::Duration::from_millis(40));
    ada.push(now(), 1).end();
    assert!(!event("applause"));
    assert!(
        !class.emit(
            gst::Structure::builder("leave")
                .field("participant", "dan")
                .build()
        )
    );
    class.wait();
    let times = &class.files()[0].times;
    assert_eq!(times.len(), 2, "{times:?}");
    assert!(times[1] >= i64::try_from(middle).expect("small"));
    let names: Vec<String> = events(&class.session())
        .into_iter()
        .map(|event| event.1)
        .collect();
    assert_eq!(names, ["join ada", "mark", "pause", "resume", "leave ada"]);
}

/// Senders come in threads of their own.
#[test]
fn pads_that_are_requested_at_once_have_names_of_their_own() {
    crate::harness::init();
    for name in ["sessionsink", "roomcompositor"] {
        let element = gst::ElementFactory::make(name).build().expect("made");
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let element = element.clone();
                std::thread::spawn(move || {
                    (0..10)
                        .filter(|_| element.request_pad_simple("audio_%u").is_some())
                        .count()
                })
            })
            .collect();
        let made = threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"));
        assert_eq!(made.sum::<usize>(), 80, "{name}");
        let pads = element.sink_pads();
        let names: std::collections::BTreeSet<_> = pads.iter().map(|pad| pad.name()).collect();
        assert_eq!(names.len(), 80, "{name}");
    }
}
