// SPDX-License-Identifier: MPL-2.0

//! Speech is found in what is listened to, and the class around it.

use gst::prelude::*;

use super::{HANG, collect, cuts, discovered, pipeline, run, sample, trim_file, truth, try_run};

#[test]
fn a_class_is_trimmed_while_it_streams() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("out.mkv");
    let (messages, warnings) = run(&trim_file(&sample(), &out, ""));
    assert_eq!(warnings, Vec::<String>::new());
    let truth = truth();
    let (start, end) = (
        truth["class_start"].as_f64().expect("start"),
        truth["class_end"].as_f64().expect("end"),
    );
    let cuts = cuts(&messages);
    let before = cuts
        .iter()
        .find(|cut| cut.0 == 0.0)
        .map_or(0.0, |cut| cut.1);
    assert!(before <= start, "{cuts:?}");
    let whole = truth["duration"].as_f64().expect("duration");
    let removed: f64 = cuts.iter().map(|cut| cut.1 - cut.0).sum();
    assert!(whole - removed >= end - start, "{cuts:?}");
    let length = discovered(&out);
    assert!(
        (length - (whole - removed)).abs() < 0.3,
        "{length} {whole} {removed}"
    );
    // Every frame decodes: nothing before its key frame is left.
    let check = std::process::Command::new("ffmpeg")
        .args(["-v", "warning", "-i"])
        .arg(&out)
        .args(["-f", "null", "-"])
        .output()
        .expect("ffmpeg");
    assert_eq!(String::from_utf8_lossy(&check.stderr), "");
}

#[test]
fn detecting_finds_the_class_and_writes_a_draft() {
    let folder = tempfile::tempdir().expect("folder");
    let report = folder.path().join("trim.vtt");
    let p = pipeline(&format!(
        "silencetrim name=trim mode=detect report-location={} filesrc location={} ! decodebin name=source \
         source. ! queue ! video/x-raw ! trim.sink_0 trim.src_0 ! fakesink name=v async=false sync=false \
         source. ! queue ! audio/x-raw ! trim.sink_1 trim.src_1 ! fakesink async=false sync=false",
        report.display(),
        sample().display()
    ));
    let video = collect(&p, "v");
    let (messages, _) = run(&p);
    let truth = truth();
    let number = |field: &str| truth[field].as_f64().expect("number");
    let cuts = cuts(&messages);
    assert_eq!(cuts.len(), 2, "{cuts:?}");
    let early = number("class_start") - cuts[0].1;
    let late = cuts[1].0 - number("class_end");
    assert!(
        (0.0..5.0).contains(&early) && (0.0..8.0).contains(&late),
        "{cuts:?}"
    );
    assert!(messages.iter().any(|m| m.name() == "silencetrim-speech"));
    let last = video
        .lock()
        .expect("lock")
        .last()
        .map(|frame| frame.0)
        .expect("video");
    assert!(last as f64 / 1e9 > number("duration") - 1.0);
    let bytes = std::fs::read(&report).expect("report");
    let file = gstlecture::edit::trim_file::TrimFile::read(&bytes, None).expect("valid");
    let kept: Vec<_> = file.cut_list(None).kept().collect();
    assert_eq!(kept.len(), 1);
    assert!((kept[0].start.secs_f64() - cuts[0].1).abs() < 0.002);
    assert!(String::from_utf8_lossy(&bytes).contains("status: draft"));
}

#[test]
fn a_silent_microphone_keeps_everything_and_warns() {
    let p = pipeline(
        "silencetrim name=trim audiotestsrc wave=silence num-buffers=500 ! audio/x-raw,rate=48000 ! trim.sink_0 trim.src_0 ! fakesink name=a async=false",
    );
    let audio = collect(&p, "a");
    let (messages, warnings) = run(&p);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let summary = messages
        .iter()
        .find(|m| m.name() == "silencetrim-summary")
        .expect("summary");
    assert!(summary.get::<bool>("microphone-silent").expect("flag"));
    assert_eq!(summary.get::<u64>("removed").expect("removed"), 0);
    assert_eq!(audio.lock().expect("lock").len(), 500);
}

#[test]
fn without_audio_everything_is_kept_and_nobody_hangs() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("video.mkv");
    let p = pipeline(&format!(
        "silencetrim name=trim matroskamux name=mux ! filesink location={} \
         videotestsrc num-buffers=400 ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc speed-preset=ultrafast key-int-max=25 ! queue ! trim.sink_0 trim.src_0 ! mux.",
        out.display()
    ));
    let (_, warnings) = run(&p);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!((discovered(&out) - 16.0).abs() < 0.2);
}

#[test]
fn what_is_sought_is_heard() {
    let p = pipeline(&format!(
        "silencetrim name=trim mode=detect filesrc location={} ! decodebin name=source \
         source. ! queue ! video/x-raw ! trim.sink_0 trim.src_0 ! fakesink sync=false \
         source. ! queue ! audio/x-raw ! trim.sink_1 trim.src_1 ! fakesink sync=false",
        sample().display()
    ));
    p.set_state(gst::State::Paused).expect("paused");
    p.state(HANG).0.expect("prerolled");
    p.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::ZERO)
        .expect("sought");
    let (messages, warnings) = run(&p);
    assert_eq!(cuts(&messages).len(), 2, "{warnings:?}");
}

#[test]
fn sound_that_starts_ten_seconds_late_is_listened_to() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("late.mkv");
    let made = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(sample())
        .args(["-itsoffset", "10", "-i"])
        .arg(sample())
        .args(["-map", "0:v", "-map", "1:a", "-c", "copy"])
        .arg(&file)
        .status()
        .expect("ffmpeg");
    assert!(made.success());
    let out = folder.path().join("out.mkv");
    let (messages, warnings) = run(&trim_file(&file, &out, ""));
    assert_eq!(warnings, Vec::<String>::new());
    let cuts = cuts(&messages);
    let start = truth()["class_start"].as_f64().expect("start") + 10.0;
    let before = cuts.iter().find(|cut| cut.0 == 0.0).expect("a cut before");
    assert!(before.1 > start - 10.0 && before.1 <= start, "{cuts:?}");
}

#[test]
fn a_report_replaces_nothing_but_a_draft() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("trim.vtt");
    let draft = "WEBVTT\n\nNOTE\nstatus: draft\n\n00:00.000 --> 00:09.000\nkeep\n";
    for (content, replaced) in [
        (draft.to_owned(), true),
        (String::new(), true),
        (draft.replace("draft", "approved"), false),
        (draft.replace("NOTE\nstatus: draft\n\n", ""), false),
        ("my notes, no cut list\n".to_owned(), false),
    ] {
        std::fs::write(&path, &content).expect("written");
        let p = pipeline(&format!(
            "audiotestsrc num-buffers=5 ! silencetrim mode=detect report-location={} ! fakesink",
            path.display()
        ));
        let result = try_run(&p);
        p.set_state(gst::State::Null).expect("null");
        assert_eq!(result.is_ok(), replaced, "{content}: {result:?}");
        let there = std::fs::read_to_string(&path).expect("a file");
        assert_eq!(there != content, replaced, "{there}");
    }
    let p = pipeline(&format!(
        "audiotestsrc num-buffers=5 ! silencetrim mode=detect report-location={}/no/trim.vtt ! fakesink",
        folder.path().display()
    ));
    let error = try_run(&p).expect_err("refused before it runs");
    assert!(error.contains("folder"), "{error}");
}

#[test]
fn speech_is_found_in_every_layout() {
    let whole = truth();
    let number = |field: &str| whole[field].as_f64().expect("number");
    for (layout, matrix) in [
        // Together the channels are silence.
        (
            "channels=2,layout=interleaved",
            "<<(float)1.0>,<(float)-1.0>>",
        ),
        // Front left, front right, centre, low frequencies, rear left and right.
        (
            "channels=6,channel-mask=(bitmask)0x3f,layout=non-interleaved",
            "<<(float)0.0>,<(float)0.0>,<(float)1.0>,<(float)0.0>,<(float)0.0>,<(float)0.0>>",
        ),
    ] {
        let p = pipeline(&format!(
            "filesrc location={} ! matroskademux ! audio/x-opus ! opusdec ! audioconvert \
             ! audio/x-raw,format=F32LE,channels=1,layout=interleaved ! audioconvert name=mix \
             ! audio/x-raw,{layout} ! silencetrim mode=detect ! fakesink async=false sync=false",
            sample().display()
        ));
        let mix = p.by_name("mix").expect("mix");
        mix.set_property_from_str("mix-matrix", matrix);
        let (messages, _) = run(&p);
        let cuts = cuts(&messages);
        assert_eq!(cuts.len(), 2, "{layout}: {cuts:?}");
        let early = number("class_start") - cuts[0].1;
        let late = cuts[1].0 - number("class_end");
        assert!(
            (0.0..5.0).contains(&early) && (0.0..8.0).contains(&late),
            "{layout}: {cuts:?}"
        );
    }
}
