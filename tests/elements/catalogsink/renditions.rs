// SPDX-License-Identifier: MPL-2.0

//! Whole packages: renditions of video and audio, and what their files contain.

use gst::prelude::*;

use super::{audio, package, probe, video};
use crate::harness::init;

#[test]
fn a_package_is_complete() {
    let branches = video((1280, 720), "15/1", 195) + &audio("audio_0", 13, 2);
    let settings = "keyframe-interval=2 keyframe-times=3.3,7 audio_0::language=en \
                    audio_0::label=English";
    let package = package(settings, &branches);
    assert_eq!(package.findings(), [""; 0]);

    let keys = package.key_frames("video/720p/playlist.m3u8");
    let expected = [
        "0.000000", "2.000000", "3.333333", "4.000000", "6.000000", "7.000000",
    ];
    assert_eq!(keys[..6], expected);
    for rung in ["540p", "360p"] {
        assert_eq!(
            package.key_frames(&format!("video/{rung}/playlist.m3u8")),
            keys
        );
    }
    let frames = package.packets("video/540p/playlist.m3u8", "duration_time");
    assert_eq!(frames.len(), 195);

    let manifest = package.manifest();
    let sizes: Vec<_> = manifest
        .video
        .iter()
        .map(|video| (video.width, video.height))
        .collect();
    assert_eq!(sizes, [(1280, 720), (960, 540), (640, 360)]);
    assert!(
        (manifest.duration - 13.0).abs() < 0.02,
        "{}",
        manifest.duration
    );
    for video in &manifest.video {
        let found = probe(
            &package.path(&video.media.playlist),
            &[
                "-show_entries",
                "stream=profile,width,height,level,r_frame_rate",
            ],
        );
        let level = u8::from_str_radix(&video.media.codec[9..], 16).expect("hexadecimal");
        assert!(video.media.codec.starts_with("avc1."));
        assert!(
            found[0].contains(&level.to_string()),
            "{found:?} {}",
            video.media.codec
        );
        assert!(found[0].contains(&"15/1".to_owned()), "{found:?}");
    }
    let [sound] = &manifest.audio[..] else {
        panic!("one rendition of sound")
    };
    assert_eq!(
        (sound.label.as_str(), sound.language.as_str()),
        ("English", "en")
    );
    assert_eq!(
        (sound.media.codec.as_str(), sound.channels),
        ("mp4a.40.2", 2)
    );
    assert_eq!(sound.media.playlist, "audio/english/playlist.m3u8");
    let first = package.text("master.m3u8");
    let first = first
        .lines()
        .find(|line| line.ends_with(".m3u8") && !line.starts_with('#'));
    // All of a test picture is far below 2 Mbit/s.
    assert_eq!(first, Some("video/720p/playlist.m3u8"));

    assert_eq!(manifest.dash.as_deref(), Some("manifest.mpd"));
    let dash = probe(
        &package.path("manifest.mpd"),
        &["-show_entries", "program_stream=codec_name,width,height"],
    );
    let expected = ["h264,1280,720", "h264,960,540", "h264,640,360", "aac"];
    let found: Vec<String> = dash.iter().map(|stream| stream.join(",")).collect();
    assert!(
        found.join(" ").starts_with(&expected.join(" ")),
        "{found:?}"
    );
    let times = |playlist| package.packets(playlist, "stream_index,pts_time");
    let of = |packets: &[Vec<String>], index: &str| -> Vec<String> {
        let of_stream = packets.iter().filter(|packet| packet[0] == index);
        of_stream.map(|packet| packet[1].clone()).collect()
    };
    let first = of(&times("video/720p/playlist.m3u8"), "0");
    assert_eq!(of(&times("manifest.mpd"), "0"), first);

    let files = package.files();
    let bytes: usize = files.values().map(Vec::len).sum();
    assert_eq!(package.message.get::<u64>("files"), Ok(files.len() as u64));
    assert_eq!(package.message.get::<u64>("bytes"), Ok(bytes as u64));
}

#[test]
fn sound_alone_is_a_package() {
    let package = package("", &(audio("audio_0", 8, 1) + &audio("audio_1", 8, 6)));
    let manifest = package.manifest();
    assert!(manifest.video.is_empty());
    let channels: Vec<u16> = manifest.audio.iter().map(|audio| audio.channels).collect();
    assert_eq!(channels, [1, 2]);
    assert!(
        package
            .text("master.m3u8")
            .contains("CODECS=\"mp4a.40.2\",AUDIO=\"audio\"")
    );
    let found = probe(
        &package.path("master.m3u8"),
        &["-show_entries", "stream=codec_name"],
    );
    assert!(
        found.iter().flatten().all(|name| name == "aac"),
        "{found:?}"
    );
}

#[test]
fn a_picture_alone_is_a_package() {
    let package = package("", &video((320, 180), "25/1", 60));
    assert!(!package.text("master.m3u8").contains("AUDIO"));
    assert!((package.duration() - 2.4).abs() < 1e-6);
    assert!(!package.path("chapters.vtt").exists());
}

#[test]
fn audio_renditions_are_told_apart() {
    let branches = (0..3).fold(video((320, 180), "15/1", 100), |branches, pad| {
        branches + &audio(&format!("audio_{pad}"), 7, 2)
    });
    let package = package(
        "audio_0::role=description audio_0::language=de audio_1::language=de \
         audio_2::language=en audio_2::label=\"Ünglish \\\"fast\\\"\"",
        &branches,
    );
    let manifest = package.manifest();
    let labels: Vec<_> = manifest
        .audio
        .iter()
        .map(|audio| audio.label.as_str())
        .collect();
    assert_eq!(
        labels,
        ["Deutsch", "Ünglish \"fast\"", "Deutsch (described video)"]
    );
    let master = package.text("master.m3u8");
    assert_eq!(master.matches("DEFAULT=YES").count(), 1);
    assert!(master.contains("CHARACTERISTICS=\"public.accessibility.describes-video\""));
    assert!(master.contains("NAME=\"Ünglish 'fast'\""));
    let ours = |finding: &String| !finding.starts_with("Apple 9.9");
    let findings: Vec<_> = package.findings().into_iter().filter(ours).collect();
    assert_eq!(findings, [""; 0]);
}

#[test]
fn the_description_is_complete() {
    init();
    let sink = gst::ElementFactory::make("catalogsink")
        .build()
        .expect("registered");
    for property in sink.list_properties() {
        if property.owner_type() == sink.type_() {
            assert!(
                property.blurb().is_some_and(|blurb| blurb.len() > 10),
                "{}",
                property.name()
            );
        }
    }
    let pad = sink.request_pad_simple("audio_7").expect("a pad");
    assert_eq!(pad.name(), "audio_7");
    let proxy = sink
        .dynamic_cast_ref::<gst::ChildProxy>()
        .expect("a child proxy");
    proxy.set_child_property("audio_7::language", "fr");
    assert_eq!(pad.property::<String>("language"), "fr");
    sink.release_request_pad(&pad);
    assert_eq!(sink.num_sink_pads(), 0);
}
