// SPDX-License-Identifier: MPL-2.0

//! silencetrim: what it cuts, what stays in step, and that nobody waits for ever.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use gst::prelude::*;

const SECOND: u64 = 1_000_000_000;
/// A pipeline that needs longer hangs.
const HANG: gst::ClockTime = gst::ClockTime::from_seconds(60);

fn init() {
    use std::sync::Once;
    static INIT: Once = Once::new();
    INIT.call_once(|| {
        gst::init().expect("GStreamer");
        gstlecture::plugin_register_static().expect("plugin");
    });
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/sample.mkv")
}

fn pipeline(description: &str) -> gst::Pipeline {
    init();
    let made = gst::parse::launch(description).expect("description");
    made.downcast::<gst::Pipeline>().expect("pipeline")
}

/// Runs to EOS; gives the element messages and the texts of warnings.
fn run(pipeline: &gst::Pipeline) -> (Vec<gst::Structure>, Vec<String>) {
    let result = try_run(pipeline);
    match result {
        Ok(found) => found,
        Err(error) => panic!("{error}"),
    }
}

fn try_run(pipeline: &gst::Pipeline) -> Result<(Vec<gst::Structure>, Vec<String>), String> {
    let bus = pipeline.bus().expect("bus");
    // A refused start says why on the bus.
    let _ = pipeline.set_state(gst::State::Playing);
    let (mut structures, mut warnings) = (Vec::new(), Vec::new());
    let result = loop {
        let Some(message) = bus.timed_pop(HANG) else {
            break Err("it hangs".to_owned());
        };
        match message.view() {
            gst::MessageView::Eos(_) => break Ok((structures, warnings)),
            gst::MessageView::Error(error) => break Err(error.error().to_string()),
            gst::MessageView::Warning(warning) => warnings.push(warning.error().to_string()),
            gst::MessageView::Element(element) => {
                structures.extend(element.structure().map(|s| s.to_owned()));
            }
            _ => {}
        }
    };
    pipeline.set_state(gst::State::Null).expect("null");
    result
}

/// What arrives at the fakesink or sink of this name: (pts, duration, bytes, discont).
type Got = Arc<Mutex<Vec<(u64, u64, Vec<u8>, bool)>>>;

fn collect(pipeline: &gst::Pipeline, sink: &str) -> Got {
    let got = Got::default();
    let copy = Arc::clone(&got);
    let pad = pipeline
        .by_name(sink)
        .and_then(|sink| sink.static_pad("sink"))
        .expect("sink");
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(buffer) = info.buffer() {
            let segment = pad
                .sticky_event::<gst::event::Segment>(0)
                .and_then(|event| event.segment().downcast_ref::<gst::ClockTime>().cloned())
                .expect("a time segment before the first buffer");
            let pts = segment
                .to_running_time(buffer.pts())
                .expect("inside the segment");
            let map = buffer.map_readable().expect("readable");
            copy.lock().expect("lock").push((
                pts.nseconds(),
                buffer.duration().map_or(0, gst::ClockTime::nseconds),
                map.to_vec(),
                buffer.flags().contains(gst::BufferFlags::DISCONT),
            ));
        }
        gst::PadProbeReturn::Ok
    });
    got
}

fn count_segments(pipeline: &gst::Pipeline, sink: &str) -> Arc<Mutex<Vec<gst::Event>>> {
    let segments = Arc::new(Mutex::new(Vec::new()));
    let copy = Arc::clone(&segments);
    let pad = pipeline
        .by_name(sink)
        .and_then(|sink| sink.static_pad("sink"))
        .expect("sink");
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(event) = info
            .event()
            .filter(|e| e.type_() == gst::EventType::Segment)
        {
            copy.lock().expect("lock").push(event.clone());
        }
        gst::PadProbeReturn::Ok
    });
    segments
}

/// A cut list that keeps these spans (in ms).
fn cut_list(folder: &Path, kept: &[(u64, u64)]) -> String {
    let stamp = |ms: u64| {
        format!(
            "{:02}:{:02}:{:02}.{:03}",
            ms / 3_600_000,
            ms / 60_000 % 60,
            ms / 1000 % 60,
            ms % 1000
        )
    };
    let cues: Vec<String> = kept
        .iter()
        .map(|(start, end)| format!("{} --> {}\nkeep\n", stamp(*start), stamp(*end)))
        .collect();
    let path = folder.join("trim.vtt");
    std::fs::write(&path, format!("WEBVTT\n\n{}", cues.join("\n"))).expect("cut list");
    path.to_str().expect("UTF-8").to_owned()
}

/// One frame of 40 ms is white at the start of every second; with it 20 ms of sound begin.
fn flash_and_beep(seconds: u64) -> (Vec<gst::Buffer>, Vec<gst::Buffer>) {
    let frames = (0..seconds * 25).map(|index| {
        let level = if index % 25 == 0 { 235 } else { 16 };
        let mut buffer = gst::Buffer::from_mut_slice(vec![level; 64 * 64]);
        let buffer_ref = buffer.make_mut();
        buffer_ref.set_pts(gst::ClockTime::from_mseconds(index * 40));
        buffer_ref.set_duration(gst::ClockTime::from_mseconds(40));
        buffer
    });
    // 20 ms blocks of 48 kHz.
    let blocks = (0..seconds * 50).map(|index| {
        let samples = (0..960).flat_map(|at| {
            let loud = index % 50 == 0;
            let sample = if loud {
                if at / 24 % 2 == 0 { 20_000i16 } else { -20_000 }
            } else {
                0
            };
            sample.to_le_bytes()
        });
        let mut buffer = gst::Buffer::from_mut_slice(samples.collect::<Vec<u8>>());
        let buffer_ref = buffer.make_mut();
        buffer_ref.set_pts(gst::ClockTime::from_mseconds(index * 20));
        buffer_ref.set_duration(gst::ClockTime::from_mseconds(20));
        buffer
    });
    (frames.collect(), blocks.collect())
}

const SOURCES: &str = "appsrc name=frames format=time max-bytes=0 \
     caps=video/x-raw,format=GRAY8,width=64,height=64,framerate=25/1 \
     appsrc name=blocks format=time max-bytes=0 \
     caps=audio/x-raw,format=S16LE,rate=48000,channels=1,layout=interleaved ";

fn feed(pipeline: &gst::Pipeline, seconds: u64) {
    let (frames, blocks) = flash_and_beep(seconds);
    pipeline.set_state(gst::State::Paused).expect("paused");
    push_all(pipeline, frames, blocks);
}

fn push_all(pipeline: &gst::Pipeline, frames: Vec<gst::Buffer>, blocks: Vec<gst::Buffer>) {
    for (name, buffers) in [("frames", frames), ("blocks", blocks)] {
        let source = pipeline.by_name(name).expect("source");
        for buffer in buffers {
            let flow = source.emit_by_name::<gst::FlowReturn>("push-buffer", &[&buffer]);
            assert_eq!(flow, gst::FlowReturn::Ok);
        }
        let flow = source.emit_by_name::<gst::FlowReturn>("end-of-stream", &[]);
        assert_eq!(flow, gst::FlowReturn::Ok);
    }
}

/// When the picture turns white.
fn flashes(got: &Got) -> Vec<u64> {
    let got = got.lock().expect("lock");
    let white = |frame: &&(u64, u64, Vec<u8>, bool)| frame.2[frame.2.len() / 3] > 120;
    got.iter().filter(white).map(|frame| frame.0).collect()
}

/// When sound begins after silence: S16LE mono, 48 kHz.
fn beeps(got: &Got) -> Vec<u64> {
    let mut beeps = Vec::new();
    let mut last = None;
    for (pts, _, bytes, _) in got.lock().expect("lock").iter() {
        for (index, sample) in bytes.chunks_exact(2).enumerate() {
            if i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > 4000 {
                let at = pts + index as u64 * SECOND / 48_000;
                if last.is_none_or(|last: u64| at > last + SECOND / 10) {
                    beeps.push(at);
                }
                last = Some(at);
            }
        }
    }
    beeps
}

#[test]
fn raw_streams_stay_in_step_at_every_splice() {
    let folder = tempfile::tempdir().expect("folder");
    // The cuts lie off the grid of frames, blocks and samples.
    let kept = [(1_513, 3_377), (4_901, 5_349), (7_777, 11_111)];
    let cuts = cut_list(folder.path(), &kept);
    let p = pipeline(&format!(
        "{SOURCES} silencetrim name=trim cuts-location={cuts} \
         frames. ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! trim.sink_0 trim.src_0 ! fakesink name=v async=false \
         blocks. ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! trim.sink_1 trim.src_1 ! fakesink name=a async=false"
    ));
    let (video, audio) = (collect(&p, "v"), collect(&p, "a"));
    let segments = count_segments(&p, "a");
    feed(&p, 13);
    run(&p);
    // Seconds 2, 3, 5, 8, 9, 10, 11 are kept; every one of them at its place.
    let place = |ms: u64| {
        let mut before = 0;
        for (start, end) in kept {
            if ms < end {
                return (before + ms - start) * 1_000_000;
            }
            before += end - start;
        }
        unreachable!()
    };
    let expected: Vec<u64> = [2, 3, 5, 8, 9, 10, 11]
        .iter()
        .map(|s| place(s * 1000))
        .collect();
    assert_eq!(flashes(&video), expected);
    let beeps = beeps(&audio);
    assert_eq!(beeps.len(), expected.len());
    for (beep, expected) in beeps.iter().zip(&expected) {
        assert!(
            beep.abs_diff(*expected) <= SECOND / 48_000 + 2,
            "{beep} {expected}"
        );
    }
    // Neither gap nor overlap of more than a sample, and the whole length is there.
    let audio = audio.lock().expect("lock");
    for pair in audio.windows(2) {
        let (end, next) = (pair[0].0 + pair[0].1, pair[1].0);
        assert!(end.abs_diff(next) <= SECOND / 48_000 + 2, "{end} {next}");
    }
    let total: u64 = kept.iter().map(|(a, b)| b - a).sum::<u64>() * 1_000_000;
    let end = audio.last().map(|last| last.0 + last.1).expect("audio");
    assert!(end.abs_diff(total) <= SECOND / 48_000 + 2, "{end} {total}");
    assert_eq!(segments.lock().expect("lock").len(), 1);
    let splices = audio.iter().filter(|block| block.3).count();
    assert!((2..=3).contains(&splices), "{splices}");
}

#[test]
fn encoded_streams_grow_to_key_frames_and_stay_in_step() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("flash.mkv");
    let p = pipeline(&format!(
        "{SOURCES} matroskamux name=mux ! filesink location={} \
         frames. ! videoconvert ! x264enc bframes=3 b-adapt=false key-int-max=20 speed-preset=ultrafast option-string=open-gop=0:scenecut=0 ! h264parse ! queue ! mux. \
         blocks. ! audioconvert ! audioresample ! opusenc ! queue ! mux.",
        file.display()
    ));
    feed(&p, 20);
    run(&p);
    let cuts = cut_list(folder.path(), &[(3_300, 6_100), (11_900, 15_100)]);
    for (muxer, name) in [
        ("matroskamux", "out.mkv"),
        // Matroska holds no decoding times, MP4 wants them.
        ("mp4mux", "out.mp4"),
    ] {
        let out = folder.path().join(name);
        let p = pipeline(&format!(
            "silencetrim name=trim cuts-location={cuts} {muxer} name=mux ! filesink location={} \
             filesrc location={} ! parsebin name=source \
             source. ! queue ! capsfilter caps=video/x-h264 ! trim.sink_0 trim.src_0 ! h264parse ! h264timestamper ! queue ! mux. \
             source. ! queue ! capsfilter caps=audio/x-opus ! trim.sink_1 trim.src_1 ! queue ! mux.",
            out.display(),
            file.display()
        ));
        let (messages, _) = run(&p);
        let summary = messages
            .iter()
            .find(|m| m.name() == "silencetrim-summary")
            .expect("summary");
        // 0.8 s GOPs: 3.2 to 6.4 and 11.2 to 15.2.
        let kept: u64 = summary.get("kept").expect("kept");
        assert!(kept.abs_diff(7200 * 1_000_000) < SECOND / 20, "{kept}");
        let p = pipeline(&format!(
            "filesrc location={} ! decodebin name=source \
             source. ! queue ! videoconvert ! video/x-raw,format=GRAY8 ! fakesink name=v async=false sync=false \
             source. ! queue ! audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=48000,channels=1 ! fakesink name=a async=false sync=false",
            out.display()
        ));
        let (video, audio) = (collect(&p, "v"), collect(&p, "a"));
        run(&p);
        let (flashes, beeps) = (flashes(&video), beeps(&audio));
        assert_eq!(flashes.len(), 3 + 4, "{name} {flashes:?}");
        assert_eq!(beeps.len(), flashes.len(), "{name} {beeps:?}");
        for (flash, beep) in flashes.iter().zip(&beeps) {
            assert!(
                flash.abs_diff(*beep) < SECOND / 25,
                "{name}: {flash} {beep}"
            );
        }
        let frames = video.lock().expect("lock").len();
        assert_eq!(frames, 180, "{name}");
    }
}

/// What `trim` does with a recording: streams from a parser, a decoded copy to listen to.
fn trim_file(input: &Path, output: &Path, properties: &str) -> gst::Pipeline {
    pipeline(&format!(
        "silencetrim name=trim {properties} matroskamux name=mux ! filesink location=\"{}\" \
         filesrc location=\"{}\" ! parsebin name=source \
         source. ! queue ! capsfilter caps=video/x-h264 ! trim.sink_0 trim.src_0 ! h264parse ! queue ! mux. \
         source. ! queue ! capsfilter caps=audio/x-opus ! tee name=t ! queue ! trim.sink_1 trim.src_1 ! queue ! mux. \
         t. ! queue ! decodebin ! audio/x-raw ! trim.sink_2 trim.src_2 ! fakesink async=false sync=false",
        output.display(),
        input.display()
    ))
}

fn truth() -> serde_json::Value {
    let bytes = std::fs::read(sample().with_extension("truth.json")).expect("truth");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn cuts(messages: &[gst::Structure]) -> Vec<(f64, f64)> {
    let seconds = |s: &gst::Structure, field| s.get::<u64>(field).expect("time") as f64 / 1e9;
    messages
        .iter()
        .filter(|m| m.name() == "silencetrim-cut")
        .map(|m| (seconds(m, "start"), seconds(m, "end")))
        .collect()
}

fn discovered(path: &Path) -> f64 {
    let output = std::process::Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-show_entries",
            "format=duration",
            "-of",
            "csv=p=0",
        ])
        .arg(path)
        .output()
        .expect("ffprobe");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().expect("duration")
}

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
    let file = gstlecture::timeline::trim_file::TrimFile::read(&bytes, None).expect("valid");
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
fn unlinked_and_sparse_pads_are_not_waited_for() {
    let p = pipeline(&format!(
        "silencetrim name=trim mode=detect \
         filesrc location={} ! decodebin name=source \
         source. ! queue ! video/x-raw ! trim.sink_0 trim.src_0 ! fakesink name=v async=false sync=false \
         source. ! queue ! audio/x-raw ! trim.sink_1 \
         appsrc name=text format=time caps=text/x-raw,format=utf8 ! trim.sink_2 trim.src_2 ! fakesink async=false sync=false",
        sample().display()
    ));
    let video = collect(&p, "v");
    let text = p.by_name("text").expect("text");
    let end = text.clone();
    p.by_name("v")
        .and_then(|v| v.static_pad("sink"))
        .expect("sink")
        .add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            // The text says nothing before the video has ended.
            if info
                .event()
                .is_some_and(|e| e.type_() == gst::EventType::Eos)
            {
                let flow = end.emit_by_name::<gst::FlowReturn>("end-of-stream", &[]);
                assert_eq!(flow, gst::FlowReturn::Ok);
            }
            gst::PadProbeReturn::Ok
        });
    run(&p);
    assert!(video.lock().expect("lock").len() > 100);
}

#[test]
fn a_dense_recording_behind_decodebin_passes_sinks_that_wait_for_each_other() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("dense.mkv");
    run(&pipeline(&format!(
        "matroskamux name=mux ! filesink location={} \
         videotestsrc pattern=snow num-buffers=300 ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc speed-preset=ultrafast bitrate=12000 key-int-max=250 ! h264parse ! queue ! mux. \
         audiotestsrc num-buffers=560 ! audio/x-raw,rate=48000 ! opusenc ! queue ! mux.",
        file.display()
    )));
    for mode in [
        "mode=detect".to_owned(),
        format!("cuts-location={}", cut_list(folder.path(), &[(2000, 9000)])),
    ] {
        // Sinks with preroll: each holds its branch until all have data.
        let p = pipeline(&format!(
            "silencetrim name=trim {mode} filesrc location={} ! decodebin name=source \
             source. ! video/x-raw ! queue ! trim.sink_0 trim.src_0 ! fakesink name=v sync=false \
             source. ! audio/x-raw ! queue ! trim.sink_1 trim.src_1 ! fakesink sync=false",
            file.display()
        ));
        let video = collect(&p, "v");
        run(&p);
        let frames = video.lock().expect("lock").len();
        assert_eq!(frames, if mode == "mode=detect" { 300 } else { 175 });
    }
}

#[test]
fn a_slow_sink_holds_the_source_back() {
    // The second sound is sent as it comes: none of it ever waits beside the picture.
    for sound in ["num-buffers=375", "num-buffers=80 is-live=true"] {
        let most = held_before_a_slow_sink(sound);
        // Four megabytes and what came before the sound had begun; all 200 frames are 276.
        assert!(most > 0 && most < 64 << 20, "{sound}: {most}");
    }
}

fn held_before_a_slow_sink(sound: &str) -> u64 {
    let folder = tempfile::tempdir().expect("folder");
    let p = pipeline(&format!(
        "silencetrim name=trim cuts-location={} \
         videotestsrc num-buffers=200 ! video/x-raw,width=1280,height=720,framerate=25/1 ! trim.sink_0 \
         trim.src_0 ! identity name=slow sleep-time=5000 ! fakesink async=false sync=false \
         audiotestsrc {sound} samplesperbuffer=1024 ! audio/x-raw,rate=48000 ! trim.sink_1 trim.src_1 ! fakesink async=false sync=false",
        cut_list(folder.path(), &[(0, 8000)])
    ));
    let trim = p.by_name("trim").expect("trim").downgrade();
    let most = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&most);
    p.by_name("slow")
        .and_then(|slow| slow.static_pad("sink"))
        .expect("sink")
        .add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            if let Some(trim) = trim.upgrade() {
                let stats: gst::Structure = trim.property("stats");
                let held: u64 = stats.get("held-bytes").expect("held-bytes");
                let mut most = seen.lock().expect("lock");
                *most = held.max(*most);
            }
            gst::PadProbeReturn::Ok
        });
    run(&p);
    *most.lock().expect("lock")
}

#[test]
fn a_hold_that_grows_too_large_keeps_and_warns() {
    let folder = tempfile::tempdir().expect("folder");
    let out = folder.path().join("out.mkv");
    let p = trim_file(&sample(), &out, "max-hold-time=8000000000");
    let (messages, warnings) = run(&p);
    assert!(!warnings.is_empty());
    assert!(
        cuts(&messages).iter().all(|cut| cut.0 > 0.0),
        "the start was given up"
    );
    assert!(discovered(&out) > truth()["class_end"].as_f64().expect("end"));
}

/// A muxer takes pictures no faster than sound, and one thread brings both.
#[test]
fn a_small_hold_does_not_stop_the_thread_that_feeds_all_pads() {
    let pipeline = pipeline(
        "silencetrim name=trim max-hold-bytes=4000 filesrc name=file ! matroskademux name=source \
         source.video_0 ! trim.sink_0 source.audio_0 ! opusdec ! trim.sink_1 \
         matroskamux name=mux ! fakesink name=sink \
         trim.src_0 ! h264parse ! mux. trim.src_1 ! audioconvert ! vorbisenc ! mux.",
    );
    let file = pipeline.by_name("file").expect("file");
    file.set_property("location", sample());
    let (structures, warnings) = run(&pipeline);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("max-hold-bytes"), "{warnings:?}");
    assert!(structures.iter().any(|s| s.name() == "silencetrim-summary"));
}

/// Sinks that preroll take nothing until both have something, and one thread brings the pictures of
/// five seconds before the sound.
#[test]
fn a_thread_that_feeds_two_pads_never_waits_for_itself() {
    for late in [false, true] {
        feed_two_pads(late);
    }
}

/// With the sound's stream begun at once or when its first block comes.
fn feed_two_pads(late: bool) {
    let folder = tempfile::tempdir().expect("folder");
    let p = pipeline(&format!(
        "silencetrim name=trim max-hold-bytes=20000 cuts-location={} \
         trim.src_0 ! fakesink name=v sync=false trim.src_1 ! fakesink name=a sync=false",
        cut_list(folder.path(), &[(1000, 19_000)])
    ));
    let (frames, sounds) = (collect(&p, "v"), collect(&p, "a"));
    let trim = p.by_name("trim").expect("trim");
    let pads = [
        (
            "sink_0",
            "video/x-raw,format=GRAY8,width=64,height=64,framerate=25/1",
        ),
        (
            "sink_1",
            "audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1",
        ),
    ]
    .map(|(name, caps)| {
        let pad = gst::Pad::builder(gst::PadDirection::Src).build();
        pad.set_active(true).expect("active");
        let sink = trim.request_pad_simple(name).expect("a pad");
        pad.link(&sink).expect("linked");
        let caps = caps.parse::<gst::Caps>().expect("caps");
        (pad, name, caps)
    });
    let (video, audio) = flash_and_beep(20);
    p.set_state(gst::State::Paused).expect("paused");
    let feeder = std::thread::spawn(move || {
        let begin = |(pad, name, caps): &(gst::Pad, &str, gst::Caps)| {
            pad.push_event(gst::event::StreamStart::new(name));
            pad.push_event(gst::event::Caps::new(caps));
            push_segment(pad);
        };
        begin(&pads[0]);
        if !late {
            begin(&pads[1]);
        }
        let fifths = |buffers: Vec<gst::Buffer>| {
            let part = buffers.len() / 4;
            buffers.chunks(part).map(<[_]>::to_vec).collect::<Vec<_>>()
        };
        for parts in fifths(video).into_iter().zip(fifths(audio)) {
            for (source, part) in pads.iter().zip([parts.0, parts.1]) {
                if late
                    && source
                        .0
                        .sticky_event::<gst::event::StreamStart>(0)
                        .is_none()
                {
                    begin(source);
                }
                for buffer in part {
                    source.0.push(buffer).expect("taken");
                }
            }
        }
        for (pad, ..) in &pads {
            pad.push_event(gst::event::Eos::new());
        }
    });
    run(&p);
    feeder.join().expect("fed");
    assert_eq!(frames.lock().expect("lock").len(), 18 * 25);
    assert!(!sounds.lock().expect("lock").is_empty());
}

fn harness(description: &str) -> gst_check::Harness {
    init();
    let element = gst::ElementFactory::make("silencetrim")
        .build()
        .expect("element");
    for setting in description.split_whitespace() {
        let (name, value) = setting.split_once('=').expect("name=value");
        element.set_property_from_str(name, value);
    }
    gst_check::Harness::with_element(&element, Some("sink_0"), Some("src_0"))
}

const AUDIO: &str = "audio/x-raw,format=S16LE,rate=48000,channels=1,layout=interleaved";

fn block(at: u64) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(vec![0u8; 9600]);
    let buffer_ref = buffer.make_mut();
    buffer_ref.set_pts(gst::ClockTime::from_mseconds(at));
    buffer_ref.set_duration(gst::ClockTime::from_mseconds(100));
    buffer
}

fn event_types(harness: &mut gst_check::Harness) -> Vec<gst::EventType> {
    let mut types = Vec::new();
    while let Some(event) = harness.try_pull_event() {
        types.push(event.type_());
    }
    types
}

#[test]
fn eos_without_data_passes() {
    let mut h = harness("");
    h.set_src_caps_str(AUDIO);
    assert!(h.push_event(gst::event::Eos::new()));
    let mut types = Vec::new();
    while types.last() != Some(&gst::EventType::Eos) {
        types.push(h.pull_event().expect("event").type_());
    }
    use gst::EventType::{Caps, Eos, Segment, StreamStart};
    assert_eq!(types, [StreamStart, Caps, Segment, Eos]);
}

#[test]
fn a_flush_forgets_and_the_stream_goes_on() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(200, 400)]);
    let mut h = harness(&format!("cuts-location={cuts}"));
    h.set_src_caps_str(AUDIO);
    for at in [0, 100, 200, 300] {
        h.push(block(at)).expect("push");
    }
    assert_eq!(h.pull().expect("first").pts(), Some(gst::ClockTime::ZERO));
    assert!(h.push_event(gst::event::FlushStart::new()));
    assert!(h.push_event(gst::event::FlushStop::builder(true).build()));
    while h.try_pull().is_some() {}
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(h.push_event(gst::event::Segment::new(&segment)));
    for at in [100, 200, 300, 400] {
        h.push(block(at)).expect("push");
    }
    h.push_event(gst::event::Eos::new());
    let first = h.pull().expect("after the flush");
    assert_eq!(first.pts(), Some(gst::ClockTime::ZERO));
    assert!(first.flags().contains(gst::BufferFlags::DISCONT));
    assert_eq!(
        h.pull().expect("second").pts(),
        Some(gst::ClockTime::from_mseconds(100))
    );
}

#[test]
fn a_gap_is_moved_and_new_caps_come_in_order() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(200, 1000)]);
    let mut h = harness(&format!("cuts-location={cuts}"));
    h.set_src_caps_str(AUDIO);
    h.push(block(100)).expect("push");
    h.push_event(
        gst::event::Gap::builder(gst::ClockTime::from_mseconds(150))
            .duration(gst::ClockTime::from_mseconds(150))
            .build(),
    );
    h.push(block(300)).expect("push");
    h.push_event(gst::event::Caps::new(
        &gst::Caps::builder("audio/x-raw")
            .field("format", "S16LE")
            .field("rate", 96_000)
            .field("channels", 1)
            .field("layout", "interleaved")
            .build(),
    ));
    let mut half = block(400);
    half.make_mut()
        .set_duration(gst::ClockTime::from_mseconds(50));
    h.push(half).expect("push");
    h.push_event(gst::event::Eos::new());
    let mut gap = None;
    let mut caps = 0;
    loop {
        let event = h.pull_event().expect("event");
        match event.view() {
            gst::EventView::Gap(event) => gap = Some(event.get()),
            gst::EventView::Caps(_) => caps += 1,
            gst::EventView::Eos(_) => break,
            _ => {}
        }
    }
    let ms = gst::ClockTime::from_mseconds;
    assert_eq!(gap, Some((ms(0), Some(ms(100)))));
    assert_eq!(caps, 2);
    let times: Vec<_> = std::iter::from_fn(|| h.try_pull())
        .map(|b| b.pts())
        .collect();
    assert_eq!(times, [Some(ms(100)), Some(ms(200))]);
}

#[test]
fn a_gap_keeps_its_seqnum_and_flags() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(200, 1000)]);
    for settings in [format!("cuts-location={cuts}"), "mode=detect".to_owned()] {
        let mut h = harness(&settings);
        h.set_src_caps_str(AUDIO);
        let sent = gst::event::Gap::builder(gst::ClockTime::from_mseconds(300))
            .duration(gst::ClockTime::from_mseconds(100))
            .gap_flags(gst::GapFlags::DATA)
            .build();
        let seqnum = sent.seqnum();
        h.push_event(sent);
        loop {
            let event = h.pull_event().expect("event");
            if let gst::EventView::Gap(gap) = event.view() {
                assert_eq!(gap.gap_flags(), gst::GapFlags::DATA);
                assert_eq!(event.seqnum(), seqnum);
                break;
            }
        }
    }
}

/// What is not in the cut list that is written would be cut by it.
#[test]
fn a_track_that_ends_in_gaps_is_as_long_as_they_are() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("trim.vtt");
    let mut h = harness(&format!("mode=detect report-location={}", path.display()));
    h.set_src_caps_str(AUDIO);
    h.push(block(0)).expect("taken");
    for at in [100, 5_000] {
        h.push_event(
            gst::event::Gap::builder(gst::ClockTime::from_mseconds(at))
                .duration(gst::ClockTime::from_mseconds(4_900))
                .build(),
        );
    }
    h.push_event(gst::event::Eos::new());
    let list = std::fs::read_to_string(&path).expect("a cut list");
    assert!(
        list.contains("00:00:00.000 --> 00:00:09.900\nkeep"),
        "{list}"
    );
}

#[test]
fn cues_are_clipped_and_moved() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(1000, 2000), (5000, 6000)]);
    let mut h = harness(&format!("cuts-location={cuts}"));
    h.set_src_caps_str("text/x-raw,format=utf8");
    for (start, end) in [
        (0, 900),
        (500, 1500),
        (1500, 5500),
        (2500, 3000),
        (5900, 7000),
    ] {
        let mut cue = gst::Buffer::from_slice(format!("{start}").into_bytes());
        let cue_ref = cue.make_mut();
        cue_ref.set_pts(gst::ClockTime::from_mseconds(start));
        cue_ref.set_duration(gst::ClockTime::from_mseconds(end - start));
        h.push(cue).expect("push");
    }
    h.push_event(gst::event::Eos::new());
    while h.pull_event().expect("event").type_() != gst::EventType::Eos {}
    let cues: Vec<_> = std::iter::from_fn(|| h.try_pull())
        .map(|cue| {
            let ms = |t: Option<gst::ClockTime>| t.expect("time").mseconds();
            (ms(cue.pts()), ms(cue.duration()))
        })
        .collect();
    assert_eq!(cues, [(0, 500), (500, 1000), (1900, 100)]);
}

/// Subtitles of DVB and titles of chapters come without an end, and so do pictures of some cameras.
#[test]
fn what_has_no_duration_is_moved_and_sent_without_one() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(1000, 2000), (5000, 6000)]);
    for caps in ["subpicture/x-dvb", "text/x-raw,format=utf8", PICTURES] {
        let mut h = harness(&format!("cuts-location={cuts}"));
        h.set_src_caps_str(caps);
        for at in [500, 1500, 3000, 5500, 7000] {
            let mut buffer = picture(at, 100);
            buffer.make_mut().set_duration(gst::ClockTime::NONE);
            h.push(buffer).expect("push");
            let gap = gst::ClockTime::from_mseconds(at + 200);
            h.push_event(gst::event::Gap::new(gap, gst::ClockTime::NONE));
        }
        h.push_event(gst::event::Eos::new());
        let mut gaps = Vec::new();
        loop {
            let event = h.pull_event().expect("event");
            match event.view() {
                gst::EventView::Gap(gap) => gaps.push(gap.get()),
                gst::EventView::Eos(_) => break,
                _ => {}
            }
        }
        let ms = gst::ClockTime::from_mseconds;
        assert_eq!(gaps, [(ms(700), None), (ms(1700), None)], "{caps}");
        let sent: Vec<_> = std::iter::from_fn(|| h.try_pull())
            .map(|buffer| (buffer.pts(), buffer.duration()))
            .collect();
        assert_eq!(
            sent,
            [(Some(ms(500)), None), (Some(ms(1500)), None)],
            "{caps}"
        );
    }
}

#[test]
fn a_cue_without_an_end_is_refused_before_what_is_muted() {
    let folder = tempfile::tempdir().expect("folder");
    let trim = redactions(folder.path(), "00:05.000 --> 00:07.000\nmute: a name\n");
    for (at, role, is_refused) in [
        (1_000, "main", true),
        (6_000, "main", true),
        (7_000, "main", false),
        (1_000, "chapters", false),
    ] {
        let mut h = harness(&trim);
        let element = h.element().expect("element");
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let pad = element.static_pad("sink_0").expect("pad");
        pad.set_property_from_str("role", role);
        h.set_src_caps_str("text/x-raw,format=utf8");
        let mut cue = picture(at, b'a');
        cue.make_mut().set_duration(gst::ClockTime::NONE);
        h.push(cue).expect("held");
        h.push_event(gst::event::Eos::new());
        if is_refused {
            let wait = gst::ClockTime::from_seconds(10);
            let error = bus.timed_pop_filtered(wait, &[gst::MessageType::Error]);
            assert!(error.is_some(), "{at} {role}");
        } else {
            h.pull().expect("a cue");
        }
    }
}

/// A cut list of these cues.
fn redactions(folder: &Path, cues: &str) -> String {
    let path = folder.join("trim.vtt");
    std::fs::write(&path, format!("WEBVTT\n\n{cues}")).expect("cut list");
    format!("cuts-location={}", path.display())
}

const PICTURES: &str = "video/x-raw,format=GRAY8,width=4,height=4,framerate=25/1";

/// A plain picture of 40 ms.
fn picture(at: u64, level: u8) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_mut_slice(vec![level; 16]);
    let buffer_ref = buffer.make_mut();
    buffer_ref.set_pts(gst::ClockTime::from_mseconds(at));
    buffer_ref.set_duration(gst::ClockTime::from_mseconds(40));
    buffer
}

/// When pictures come and how bright they are; a card is 0.
fn pictures(h: &mut gst_check::Harness) -> Vec<(u64, u8)> {
    h.push_event(gst::event::Eos::new());
    while h.pull_event().expect("event").type_() != gst::EventType::Eos {}
    std::iter::from_fn(|| h.try_pull())
        .map(|buffer| {
            let map = buffer.map_readable().expect("readable");
            assert!(map.iter().all(|&pixel| pixel == map[0]));
            let level = if map[0] < 90 { 0 } else { map[0] };
            (buffer.pts().expect("a time").mseconds(), level)
        })
        .collect()
}

#[test]
fn a_slide_that_stays_into_a_covered_span_is_covered_whole() {
    let folder = tempfile::tempdir().expect("folder");
    let trim = redactions(
        folder.path(),
        "00:06.000 --> 00:08.000\ncover: a face\n\n00:20.000 --> 00:21.000\ncover: a face\ncard\n\n\
         00:22.500 --> 00:23.000\ncover: a face\n\n00:40.000 --> 00:41.000\ncover: behind the last\n\n\
         00:15.000 --> 00:16.000\ncut: with a cover\n\n00:15.000 --> 00:16.000\ncover: cut\n",
    );
    let mut h = harness(&trim);
    h.set_src_caps_str(PICTURES);
    let shown = [
        (0, 100),
        (1_000, 101),
        // Its 40 ms lie before the span, but nothing else comes until 9 s.
        (5_000, 200),
        (9_000, 102),
        (14_000, 103),
        (17_000, 104),
        (20_980, 201),
        (21_020, 105),
        (22_490, 202),
        (23_000, 106),
        (30_000, 203),
    ];
    for (at, level) in shown {
        h.push(picture(at, level)).expect("push");
    }
    assert_eq!(
        pictures(&mut h),
        [
            (0, 100),
            (1_000, 101),
            (5_000, 101),
            (9_000, 102),
            (14_000, 103),
            (16_000, 0),
            (19_980, 0),
            (20_020, 105),
            (21_490, 103),
            (22_000, 106),
            (29_000, 103),
        ]
    );
}

#[test]
fn a_picture_that_a_gap_holds_over_is_covered() {
    let folder = tempfile::tempdir().expect("folder");
    let trim = redactions(folder.path(), "00:05.000 --> 00:06.000\ncover\n");
    let mut h = harness(&trim);
    h.set_src_caps_str(PICTURES);
    h.push(picture(0, 100)).expect("push");
    for (start, length) in [(40, 3_960), (4_000, 2_000), (6_000, 1_000)] {
        h.push_event(
            gst::event::Gap::builder(gst::ClockTime::from_mseconds(start))
                .duration(gst::ClockTime::from_mseconds(length))
                .build(),
        );
    }
    h.push(picture(7_000, 101)).expect("push");
    assert_eq!(pictures(&mut h), [(0, 100), (4_000, 0), (7_000, 101)]);
}

#[test]
fn captions_inside_pictures_are_left_out_where_anything_is_muted() {
    use gst_video::{VideoCaptionMeta, VideoCaptionType};
    let folder = tempfile::tempdir().expect("folder");
    for (cues, stay) in [("mute", false), ("cover", true)] {
        let trim = redactions(folder.path(), &format!("00:05.000 --> 00:06.000\n{cues}\n"));
        let mut h = harness(&trim);
        h.set_src_caps_str(PICTURES);
        let mut buffer = picture(0, 100);
        let words = [0xfc, 0x41, 0x42];
        VideoCaptionMeta::add(buffer.make_mut(), VideoCaptionType::Cea708Raw, &words);
        h.push(buffer).expect("push");
        h.push(picture(40, 100)).expect("push");
        let buffer = h.pull().expect("a picture");
        h.push_event(gst::event::Eos::new());
        assert_eq!(buffer.meta::<VideoCaptionMeta>().is_some(), stay, "{cues}");
    }
}

#[test]
fn sound_is_muted_to_the_sample() {
    let folder = tempfile::tempdir().expect("folder");
    let trim = redactions(
        folder.path(),
        "00:00.150 --> 00:00.250\nmute: a name\n\n00:00.500 --> 00:00.600\ncover: a face\n\n\
         00:00.000 --> 00:00.100\ncut: before\n",
    );
    for role in ["main", "description", "chapters"] {
        let mut h = harness(&trim);
        let pad = h
            .element()
            .expect("element")
            .static_pad("sink_0")
            .expect("pad");
        pad.set_property_from_str("role", role);
        h.set_src_caps_str(AUDIO);
        for at in (0..1000).step_by(100) {
            let mut loud = block(at);
            let loud_ref = loud.make_mut();
            for sample in loud_ref
                .map_writable()
                .expect("writable")
                .chunks_exact_mut(2)
            {
                sample.copy_from_slice(&10_000i16.to_le_bytes());
            }
            h.push(loud).expect("push");
        }
        h.push_event(gst::event::Eos::new());
        while h.pull_event().expect("event").type_() != gst::EventType::Eos {}
        let samples: Vec<i16> = std::iter::from_fn(|| h.try_pull())
            .flat_map(|buffer| buffer.map_readable().expect("readable").to_vec())
            .collect::<Vec<u8>>()
            .chunks_exact(2)
            .map(|sample| i16::from_le_bytes([sample[0], sample[1]]))
            .collect();
        assert_eq!(samples.len(), 900 * 48);
        // In the time of the output, 100 ms earlier; a fade of 5 ms is no part of a span.
        for (from, to, is_silent) in [
            (10, 45, false),
            (50, 150, role != "chapters"),
            (155, 395, false),
            (400, 500, role == "description"),
            (505, 900, false),
        ] {
            let part = &samples[from * 48..to * 48];
            let wanted = if is_silent { 0 } else { 10_000 };
            let found = part.iter().position(|sample| sample.abs_diff(wanted) > 1);
            assert_eq!(found, None, "{role}: {from} to {to}");
        }
    }
}

#[test]
fn a_ragged_buffer_of_sound_is_muted_and_cut() {
    let folder = tempfile::tempdir().expect("folder");
    let trim = redactions(
        folder.path(),
        "00:00.010 --> 00:00.020\nmute\n\n00:00.030 --> 00:10.000\ncut\n",
    );
    let mut h = harness(&trim);
    h.set_src_caps_str(AUDIO);
    let mut ragged = gst::Buffer::from_mut_slice(vec![9u8; 4001]);
    ragged.make_mut().set_pts(gst::ClockTime::ZERO);
    h.push(ragged).expect("taken");
    h.push_event(gst::event::Eos::new());
    let sent = h.pull().expect("what is kept of it");
    let map = sent.map_readable().expect("readable");
    assert_eq!(map.len(), 1440 * 2);
    assert!(map[480 * 2..960 * 2].iter().all(|&byte| byte == 0));
}

#[test]
fn cues_that_touch_a_hidden_span_are_left_out_by_their_role() {
    let folder = tempfile::tempdir().expect("folder");
    let trim = redactions(
        folder.path(),
        "00:05.000 --> 00:07.000\nmute: a name\n\n00:10.000 --> 00:11.000\ncover: a face\n",
    );
    for (role, expected) in [
        ("main", &["before", "after", "covered"][..]),
        ("description", &["before", "after"]),
        (
            "chapters",
            &["before", "half", "inside", "over", "after", "covered"],
        ),
    ] {
        let mut h = harness(&trim);
        let pad = h
            .element()
            .expect("element")
            .static_pad("sink_0")
            .expect("pad");
        pad.set_property_from_str("role", role);
        h.set_src_caps_str("text/x-raw,format=utf8");
        for (start, end, text) in [
            (3_000, 5_000, "before"),
            (3_500, 5_001, "half"),
            (5_500, 6_000, "inside"),
            (6_999, 9_000, "over"),
            (7_000, 9_000, "after"),
            (9_500, 10_500, "covered"),
        ] {
            let mut cue = gst::Buffer::from_slice(text);
            let cue_ref = cue.make_mut();
            cue_ref.set_pts(gst::ClockTime::from_mseconds(start));
            cue_ref.set_duration(gst::ClockTime::from_mseconds(end - start));
            h.push(cue).expect("push");
        }
        h.push_event(gst::event::Eos::new());
        while h.pull_event().expect("event").type_() != gst::EventType::Eos {}
        let said: Vec<String> = std::iter::from_fn(|| h.try_pull())
            .map(|cue| String::from_utf8_lossy(&cue.map_readable().expect("readable")).into_owned())
            .collect();
        assert_eq!(said, expected, "{role}");
    }
}

#[test]
fn what_cannot_be_hidden_is_refused() {
    let folder = tempfile::tempdir().expect("folder");
    const AAC: &str = "audio/mpeg,mpegversion=4,rate=48000,channels=2";
    const AVC: &str = "video/x-h264,stream-format=avc,alignment=au";
    for (action, caps, is_refused) in [
        ("mute", AAC, true),
        ("cover", AAC, false),
        ("mute", AVC, false),
        ("cover", AVC, true),
        ("mute", "closedcaption/x-cea-708,format=cdp", true),
        ("cover", "meta/x-klv,parsed=true", true),
        ("mute", "meta/x-klv,parsed=true", true),
        (
            "cover",
            "video/x-raw(memory:GLMemory),format=RGBA,width=4,height=4,framerate=25/1",
            true,
        ),
        // What is hidden lies in the cut.
        (
            "cut: all of it\n\n00:05.000 --> 00:06.000\nmute",
            AAC,
            false,
        ),
    ] {
        let trim = redactions(
            folder.path(),
            &format!("00:05.000 --> 00:06.000\n{action}\n"),
        );
        let mut h = harness(&trim);
        let bus = gst::Bus::new();
        h.element().expect("element").set_bus(Some(&bus));
        h.set_src_caps_str(caps);
        let pushed = h.push(block(0));
        assert_eq!(pushed.is_err(), is_refused, "{action} {caps}");
        let error = bus.pop_filtered(&[gst::MessageType::Error]);
        assert_eq!(error.is_some(), is_refused, "{action} {caps}");
    }
    // Without caps nobody knows what it is.
    let trim = redactions(folder.path(), "00:05.000 --> 00:06.000\nmute\n");
    let mut h = harness(&trim);
    h.push_event(gst::event::StreamStart::new("unknown"));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    h.push_event(gst::event::Segment::new(&segment));
    assert_eq!(h.push(block(0)), Err(gst::FlowError::NotNegotiated));
}

#[test]
fn a_flush_keeps_hiding() {
    let folder = tempfile::tempdir().expect("folder");
    let trim = redactions(folder.path(), "00:00.000 --> 00:10.000\nmute\n");
    let mut h = harness(&trim);
    h.set_src_caps_str(AUDIO);
    assert!(h.push_event(gst::event::FlushStart::new()));
    assert!(h.push_event(gst::event::FlushStop::builder(true).build()));
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    assert!(h.push_event(gst::event::Segment::new(&segment)));
    let mut loud = block(0);
    loud.make_mut().map_writable().expect("writable").fill(99);
    h.push(loud).expect("push");
    let silent = h.pull().expect("a block");
    assert!(
        silent
            .map_readable()
            .expect("readable")
            .iter()
            .all(|&byte| byte == 0)
    );
}

#[test]
fn a_segment_without_time_is_refused() {
    let mut h = harness("");
    h.set_src_caps_str(AUDIO);
    let bytes = gst::FormattedSegment::<gst::format::Bytes>::new();
    h.push_event(gst::event::Segment::new(&bytes));
    assert_eq!(h.push(block(0)), Err(gst::FlowError::Error));
    assert!(!event_types(&mut h).contains(&gst::EventType::Segment));
}

#[test]
fn a_cut_list_to_apply_is_refused_where_cuts_are_looked_for() {
    let folder = tempfile::tempdir().expect("folder");
    let p = pipeline(&format!(
        "audiotestsrc num-buffers=5 ! silencetrim mode=detect cuts-location={} ! fakesink",
        cut_list(folder.path(), &[(0, 1000)])
    ));
    let error = try_run(&p).expect_err("refused");
    assert!(error.contains("mode=detect looks for cuts"), "{error}");
}

#[test]
fn a_malformed_cut_list_is_one_clear_error() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("trim.vtt");
    std::fs::write(&path, "WEBVTT\n\n00:01.000 --> 00:02.000\nremove\n").expect("file");
    let p = pipeline(&format!(
        "audiotestsrc num-buffers=5 ! silencetrim cuts-location={} ! fakesink",
        path.display()
    ));
    let error = try_run(&p).expect_err("refused");
    assert!(error.contains("trim.vtt: line 3: "), "{error}");
}

#[test]
fn it_is_reusable_after_ready() {
    let p = pipeline(
        "audiotestsrc num-buffers=50 ! audio/x-raw,rate=16000 ! silencetrim mode=detect ! fakesink name=a async=false",
    );
    let got = collect(&p, "a");
    for round in 1..=2 {
        let (messages, _) = run(&p);
        assert_eq!(got.lock().expect("lock").len(), 50 * round);
        assert!(messages.iter().any(|m| m.name() == "silencetrim-summary"));
    }
}

#[test]
fn a_second_stream_after_eos_is_a_new_session() {
    let mut h = harness("mode=detect");
    for _ in 0..2 {
        h.push_event(gst::event::StreamStart::new("again"));
        h.set_src_caps_str(AUDIO);
        h.push_event(gst::event::Segment::new(&gst::FormattedSegment::<
            gst::ClockTime,
        >::new()));
        h.push(block(0)).expect("push");
        h.push_event(gst::event::Eos::new());
        while h.pull_event().expect("event").type_() != gst::EventType::Eos {}
        assert!(h.pull().is_ok());
    }
}

#[test]
fn a_requested_number_is_honoured() {
    init();
    let element = gst::ElementFactory::make("silencetrim")
        .build()
        .expect("element");
    let pad = element.request_pad_simple("sink_7").expect("pad");
    assert_eq!(pad.name(), "sink_7");
    assert!(element.static_pad("src_7").is_some());
    element.release_request_pad(&pad);
    assert!(element.static_pad("src_7").is_none());
}

/// Source pads of the test, each linked to a pad of the element `trim`.
fn sources(p: &gst::Pipeline, names: &[&str]) -> Vec<gst::Pad> {
    let trim = p.by_name("trim").expect("trim");
    let make = |name: &&str| {
        let pad = gst::Pad::builder(gst::PadDirection::Src).build();
        pad.set_active(true).expect("active");
        let sink = trim.request_pad_simple(name).expect("a pad");
        pad.link(&sink).expect("linked");
        pad
    };
    names.iter().map(make).collect()
}

/// A pipeline of nothing but the element `trim`.
fn alone() -> gst::Pipeline {
    init();
    let trim = gst::ElementFactory::make("silencetrim")
        .name("trim")
        .build()
        .expect("element");
    let made = gst::Pipeline::new();
    made.add(&trim).expect("added");
    made
}

/// Takes what `src_0` sends.
fn take(
    p: &gst::Pipeline,
    chain: impl Fn(gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> + Send + Sync + 'static,
) -> gst::Pad {
    let pad = gst::Pad::builder(gst::PadDirection::Sink)
        .chain_function(move |_, _, buffer| chain(buffer))
        .build();
    pad.set_active(true).expect("active");
    let trim = p.by_name("trim").expect("trim");
    let src = trim.static_pad("src_0").expect("src");
    src.link(&pad).expect("linked");
    pad
}

fn begin(pad: &gst::Pad, caps: &str) {
    pad.push_event(gst::event::StreamStart::new(caps));
    let caps = caps.parse::<gst::Caps>().expect("caps");
    pad.push_event(gst::event::Caps::new(&caps));
    push_segment(pad);
}

fn push_segment(pad: &gst::Pad) {
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    pad.push_event(gst::event::Segment::new(&segment));
}

/// Waits until `is` becomes true; a test that needs longer fails.
fn wait_for(what: &str, is: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !is() {
        assert!(start.elapsed().as_secs() < 20, "{what} does not come");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
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

/// A seek flushes one pad after the other, and the first one goes on before the last is flushed.
#[test]
fn a_flush_of_all_pads_is_one_and_pictures_lead_behind_it() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(1200, 1700)]);
    let p = pipeline(&format!(
        "silencetrim name=trim cuts-location={cuts} \
         trim.src_0 ! fakesink name=v sync=false async=false \
         trim.src_1 ! fakesink name=a sync=false async=false"
    ));
    let (frames, blocks) = (collect(&p, "v"), collect(&p, "a"));
    let pads = sources(&p, &["sink_0", "sink_1"]);
    p.set_state(gst::State::Paused).expect("paused");
    begin(
        &pads[0],
        "video/x-h264,stream-format=byte-stream,alignment=au",
    );
    begin(&pads[1], AUDIO);
    let seqnum = gst::Seqnum::next();
    for pad in &pads {
        pad.push_event(gst::event::FlushStart::builder().seqnum(seqnum).build());
        pad.push_event(gst::event::FlushStop::builder(true).seqnum(seqnum).build());
        push_segment(pad);
        for index in 0..20 {
            let mut buffer = block(index * 100);
            if index % 5 != 0 {
                buffer.make_mut().set_flags(gst::BufferFlags::DELTA_UNIT);
            }
            pad.push(buffer).expect("taken");
        }
    }
    for pad in &pads {
        pad.push_event(gst::event::Eos::new());
    }
    run(&p);
    // From the key frame at 1.0 s to that at 2.0 s.
    assert_eq!(frames.lock().expect("lock").len(), 10);
    assert_eq!(blocks.lock().expect("lock").len(), 10);
}

#[test]
fn a_pad_that_is_released_is_not_waited_for() {
    let p = pipeline("silencetrim name=trim trim.src_0 ! fakesink name=a async=false sync=false");
    let got = collect(&p, "a");
    let pads = sources(&p, &["sink_0", "sink_1"]);
    p.set_state(gst::State::Paused).expect("paused");
    for pad in &pads {
        begin(pad, AUDIO);
    }
    pads[0].push(block(0)).expect("taken");
    pads[0].push_event(gst::event::Eos::new());
    let trim = p.by_name("trim").expect("trim");
    trim.release_request_pad(&trim.static_pad("sink_1").expect("pad"));
    run(&p);
    assert_eq!(got.lock().expect("lock").len(), 1);
}

#[test]
fn a_stream_that_has_started_is_waited_for_until_it_ends() {
    let p = pipeline("silencetrim name=trim trim.src_0 ! fakesink name=a async=false sync=false");
    let got = collect(&p, "a");
    let pads = sources(&p, &["sink_0", "sink_1"]);
    p.set_state(gst::State::Playing).expect("playing");
    begin(&pads[0], AUDIO);
    pads[0].push(block(0)).expect("taken");
    pads[0].push_event(gst::event::Eos::new());
    pads[1].push_event(gst::event::StreamStart::new("late"));
    // Longer than a link that waits for a decoder may take.
    std::thread::sleep(std::time::Duration::from_millis(6000));
    assert_eq!(got.lock().expect("lock").len(), 0);
    pads[1].push_event(gst::event::Eos::new());
    run(&p);
    assert_eq!(got.lock().expect("lock").len(), 1);
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
fn streams_with_holes_stay_in_step() {
    let folder = tempfile::tempdir().expect("folder");
    let kept = [(1_200, 6_400), (7_720, 12_560)];
    let list = cut_list(folder.path(), &kept);
    // Nothing of a stream comes in these spans, in ms.
    for (what, video, audio) in [
        ("sound starts 800 ms late", 0..0, 0..800),
        ("sound starts 10 s late", 0..0, 0..10_000),
        ("a hole in the sound", 0..0, 2_900..5_940),
        ("a hole in the pictures", 3_040..5_960, 0..0),
    ] {
        let p = pipeline(&format!(
            "{SOURCES} silencetrim name=trim cuts-location={list} \
             frames. ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! trim.sink_0 trim.src_0 ! fakesink name=v async=false sync=false \
             blocks. ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! trim.sink_1 trim.src_1 ! fakesink name=a async=false sync=false"
        ));
        let (frames, blocks) = (collect(&p, "v"), collect(&p, "a"));
        let outside = |hole: &std::ops::Range<u64>| {
            let hole = hole.clone();
            move |buffer: &gst::Buffer| !hole.contains(&buffer.pts().expect("pts").mseconds())
        };
        let (mut all_frames, mut all_blocks) = flash_and_beep(13);
        all_frames.retain(outside(&video));
        all_blocks.retain(outside(&audio));
        p.set_state(gst::State::Paused).expect("paused");
        push_all(&p, all_frames, all_blocks);
        run(&p);
        let place = |hole: &std::ops::Range<u64>| -> Vec<u64> {
            (0..13)
                .map(|second| second * 1000)
                .filter(|ms| !hole.contains(ms))
                .filter_map(|ms| {
                    let (start, end) = kept[0];
                    let (start2, end2) = kept[1];
                    match ms {
                        ms if (start..end).contains(&ms) => Some(ms - start),
                        ms if (start2..end2).contains(&ms) => Some(end - start + ms - start2),
                        _ => None,
                    }
                })
                .map(|ms| ms * 1_000_000)
                .collect()
        };
        assert_eq!(flashes(&frames), place(&video), "{what}");
        let (beeps, expected) = (beeps(&blocks), place(&audio));
        assert_eq!(beeps.len(), expected.len(), "{what}: {beeps:?}");
        for (beep, expected) in beeps.iter().zip(&expected) {
            assert!(
                beep.abs_diff(*expected) <= SECOND / 48_000 + 2,
                "{what}: {beep} {expected}"
            );
        }
    }
}

/// What ffmpeg reads of a file, as raw bytes.
fn ffmpeg(file: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(arguments)
        .arg("-")
        .output()
        .expect("ffmpeg");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    output.stdout
}

#[test]
fn ffmpeg_finds_each_beep_at_the_sample_where_its_flash_begins() {
    let folder = tempfile::tempdir().expect("folder");
    let list = cut_list(
        folder.path(),
        &[(1_513, 3_377), (4_901, 5_349), (7_777, 11_111)],
    );
    let (seen, heard) = (folder.path().join("v.mkv"), folder.path().join("a.wav"));
    let p = pipeline(&format!(
        "{SOURCES} silencetrim name=trim cuts-location={list} frame-rate=25/1 \
         frames. ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! trim.sink_0 trim.src_0 \
         ! videoconvert ! x264enc qp-max=10 speed-preset=ultrafast ! matroskamux ! filesink location={} \
         blocks. ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! trim.sink_1 trim.src_1 \
         ! wavenc ! filesink location={}",
        seen.display(),
        heard.display()
    ));
    feed(&p, 13);
    run(&p);
    let frames = ffmpeg(&seen, &["-vf", "scale=1:1,format=gray", "-f", "rawvideo"]);
    let samples = ffmpeg(&heard, &["-f", "s16le"]);
    let flashes: Vec<usize> = (0..frames.len()).filter(|&at| frames[at] > 120).collect();
    let mut beeps: Vec<usize> = Vec::new();
    for (at, sample) in samples.chunks_exact(2).enumerate() {
        let loud = i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs() > 4000;
        if loud && beeps.last().is_none_or(|last| at > last + 9_600) {
            beeps.push(at);
        }
    }
    assert_eq!(flashes.len(), 7, "{flashes:?}");
    let expected: Vec<usize> = flashes.iter().map(|frame| frame * 48_000 / 25).collect();
    for (beep, expected) in beeps.iter().zip(&expected) {
        assert!(beep.abs_diff(*expected) <= 1, "{beeps:?} {expected:?}");
    }
    assert_eq!(beeps.len(), expected.len());
    assert_eq!(samples.len() / 2, frames.len() * 48_000 / 25);
}

#[test]
fn what_downstream_refuses_behind_the_end_is_an_error() {
    let p = alone();
    let pads = sources(&p, &["sink_0"]);
    let _refuses = take(&p, |_| Err(gst::FlowError::NotNegotiated));
    p.set_state(gst::State::Playing).expect("playing");
    begin(&pads[0], AUDIO);
    pads[0].push(block(0)).expect("held");
    pads[0].push_event(gst::event::Eos::new());
    let bus = p.bus().expect("bus");
    let error =
        bus.timed_pop_filtered(gst::ClockTime::from_seconds(10), &[gst::MessageType::Error]);
    p.set_state(gst::State::Null).expect("null");
    assert!(error.is_some());
}

/// As behind a queue: a sink that has enough of a stream takes its end and the next one.
#[test]
fn the_end_and_the_next_stream_pass_where_no_data_is_taken_any_more() {
    let folder = tempfile::tempdir().expect("folder");
    let p = alone();
    let cuts = cut_list(folder.path(), &[(0, 10_000)]);
    let trim = p.by_name("trim").expect("trim");
    trim.set_property("cuts-location", cuts);
    let pads = sources(&p, &["sink_0"]);
    let got = Arc::new(Mutex::new(0));
    let copy = Arc::clone(&got);
    let sink = take(&p, move |_| {
        let mut got = copy.lock().expect("lock");
        *got += 1;
        if *got == 1 {
            return Err(gst::FlowError::Eos);
        }
        Ok(gst::FlowSuccess::Ok)
    });
    let ends = Arc::new(Mutex::new(0));
    let copy = Arc::clone(&ends);
    sink.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let event = info.event().expect("an event");
        *copy.lock().expect("lock") += u64::from(event.type_() == gst::EventType::Eos);
        gst::PadProbeReturn::Ok
    });
    p.set_state(gst::State::Playing).expect("playing");
    begin(&pads[0], AUDIO);
    let mut at = 0;
    wait_for("what downstream says", || {
        let taken = pads[0].push(block(0));
        taken == Err(gst::FlowError::Eos)
    });
    assert!(pads[0].push_event(gst::event::Eos::new()));
    wait_for("the end", || *ends.lock().expect("lock") == 1);
    begin(&pads[0], AUDIO);
    while at < 3 {
        pads[0].push(block(at * 100)).expect("taken");
        at += 1;
    }
    assert!(pads[0].push_event(gst::event::Eos::new()));
    wait_for("the second end", || *ends.lock().expect("lock") == 2);
    assert_eq!(*got.lock().expect("lock"), 4);
    p.set_state(gst::State::Null).expect("null");
}

#[test]
fn a_query_does_not_wait_for_events_behind_what_downstream_flushes() {
    let folder = tempfile::tempdir().expect("folder");
    let p = alone();
    let cuts = cut_list(folder.path(), &[(0, 10_000)]);
    let trim = p.by_name("trim").expect("trim");
    trim.set_property("cuts-location", cuts);
    let pads = sources(&p, &["sink_0"]);
    let (arrived, goes_on) = (Arc::new(Mutex::new(false)), Arc::new(Mutex::new(())));
    let (came, held) = (Arc::clone(&arrived), Arc::clone(&goes_on));
    let _sink = take(&p, move |_| {
        *came.lock().expect("lock") = true;
        drop(held.lock());
        Err(gst::FlowError::Flushing)
    });
    p.set_state(gst::State::Playing).expect("playing");
    begin(&pads[0], AUDIO);
    let waits = goes_on.lock().expect("lock");
    pads[0].push(block(0)).expect("taken");
    wait_for("the buffer", || *arrived.lock().expect("lock"));
    pads[0].push_event(gst::event::Caps::new(&AUDIO.parse().expect("caps")));
    push_segment(&pads[0]);
    let pad = pads[0].clone();
    let asked = std::thread::spawn(move || {
        let mut query = gst::query::Allocation::new(None, false);
        pad.peer_query(&mut query)
    });
    std::thread::sleep(std::time::Duration::from_millis(200));
    drop(waits);
    wait_for("the answer", || asked.is_finished());
    assert!(!asked.join().expect("asked"));
    p.set_state(gst::State::Null).expect("null");
}

/// Whoever hears of an error may ask the element something at once.
#[test]
fn latency_is_what_may_be_held() {
    let upstream = gst::ClockTime::from_mseconds(20);
    let half_an_hour = gst::ClockTime::from_seconds(1800);
    for (settings, own) in [
        ("mode=detect", gst::ClockTime::ZERO),
        ("", half_an_hour),
        ("max-hold-time=7000000", gst::ClockTime::from_mseconds(7)),
    ] {
        let mut h = harness(settings);
        h.set_upstream_latency(upstream);
        h.set_src_caps_str(AUDIO);
        assert_eq!(h.query_latency(), Some(upstream + own), "{settings}");
    }
    let mut h = harness("max-hold-time=18446744073709551615");
    h.set_upstream_latency(upstream);
    h.set_src_caps_str(AUDIO);
    assert_eq!(
        h.query_latency(),
        Some(gst::ClockTime::from_nseconds(u64::MAX - 1))
    );
}

#[test]
fn a_live_stream_keeps_its_running_time() {
    let p = pipeline(
        "audiotestsrc is-live=true num-buffers=20 samplesperbuffer=960 ! audio/x-raw,rate=48000 \
         ! tee name=t t. ! queue ! silencetrim mode=detect ! fakesink name=a \
         t. ! queue ! fakesink name=source",
    );
    let (got, expected) = (collect(&p, "a"), collect(&p, "source"));
    run(&p);
    let times = |got: &Got| -> Vec<u64> {
        let got = got.lock().expect("lock");
        got.iter().map(|buffer| buffer.0).collect()
    };
    assert_eq!(times(&got), times(&expected));
    assert_eq!(times(&got).len(), 20);
}

#[test]
fn a_recording_is_sent_whole_before_the_next_one_begins() {
    let p = alone();
    let pads = sources(&p, &["sink_0"]);
    let got = Arc::new(Mutex::new(0));
    let copy = Arc::clone(&got);
    let sink = take(&p, move |_| {
        *copy.lock().expect("lock") += 1;
        Ok(gst::FlowSuccess::Ok)
    });
    let block_id = sink
        .add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, |_, _| {
            gst::PadProbeReturn::Ok
        })
        .expect("a probe");
    p.set_state(gst::State::Playing).expect("playing");
    begin(&pads[0], AUDIO);
    for at in [0, 100, 200] {
        pads[0].push(block(at)).expect("taken");
    }
    pads[0].push_event(gst::event::Eos::new());
    let pad = pads[0].clone();
    let second = std::thread::spawn(move || {
        begin(&pad, AUDIO);
        for at in [0, 100] {
            pad.push(block(at)).expect("taken");
        }
        pad
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    sink.remove_probe(block_id);
    wait_for("the first recording", || *got.lock().expect("lock") >= 3);
    let pad = second.join().expect("fed");
    pad.push_event(gst::event::Eos::new());
    wait_for("the second recording", || *got.lock().expect("lock") == 5);
    p.set_state(gst::State::Null).expect("null");
}

#[test]
fn quality_of_service_of_the_output_stays_behind() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(200, 400)]);
    for (settings, passes) in [
        (format!("cuts-location={cuts}"), false),
        ("mode=detect".to_owned(), true),
    ] {
        let mut h = harness(&settings);
        h.set_src_caps_str(AUDIO);
        h.push_upstream_event(gst::event::Qos::new(
            gst::QOSType::Underflow,
            2.0,
            10_000_000,
            Some(gst::ClockTime::SECOND),
        ));
        let mut found = false;
        while let Some(event) = h.try_pull_upstream_event() {
            found |= event.type_() == gst::EventType::Qos;
        }
        assert_eq!(found, passes, "{settings}");
    }
}

#[test]
fn a_table_of_contents_is_moved() {
    init();
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(1000, 2000), (5000, 6000)]);
    let mut toc = gst::Toc::new(gst::TocScope::Global);
    for (uid, start, stop) in [("a", 0, 1_500), ("b", 1_500, 5_500), ("cut", 2_500, 3_000)] {
        let mut entry = gst::TocEntry::new(gst::TocEntryType::Chapter, uid);
        entry
            .make_mut()
            .set_start_stop_times(start * 1_000_000, stop * 1_000_000);
        toc.make_mut().append_entry(entry);
    }
    let all = [("a", 0, 1_500), ("b", 1_500, 5_500), ("cut", 2_500, 3_000)];
    for (settings, expected) in [
        (
            format!("cuts-location={cuts}"),
            &[("a", 0, 500), ("b", 500, 1_500)][..],
        ),
        // It comes before anything is decided; nobody speaks, and all is kept.
        (String::new(), &all[..]),
        ("mode=detect".to_owned(), &all[..]),
    ] {
        let mut h = harness(&settings);
        h.set_src_caps_str(AUDIO);
        h.push_event(gst::event::Toc::new(&toc, false));
        h.push(block(1000)).expect("push");
        h.push_event(gst::event::Eos::new());
        let mut found = None;
        loop {
            let event = h.pull_event().expect("event");
            match event.view() {
                gst::EventView::Toc(toc) => {
                    let (toc, _) = toc.toc();
                    let entry = |entry: &gst::TocEntry| {
                        let (start, stop) = entry.start_stop_times().expect("times");
                        (entry.uid().to_owned(), start / 1_000_000, stop / 1_000_000)
                    };
                    found = Some(toc.entries().iter().map(entry).collect::<Vec<_>>());
                }
                gst::EventView::Eos(_) => break,
                _ => {}
            }
        }
        let owned = |&(uid, start, stop): &(&str, i64, i64)| (uid.to_owned(), start, stop);
        let expected: Vec<_> = expected.iter().map(owned).collect();
        assert_eq!(found, Some(expected), "{settings}");
    }
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
fn words_with_times_are_moved_and_cut() {
    let folder = tempfile::tempdir().expect("folder");
    let cuts = cut_list(folder.path(), &[(2000, 4000), (6000, 9000)]);
    let file = folder.path().join("words.vtt");
    std::fs::write(
        &file,
        "WEBVTT\n\nname\n00:03.000 --> 00:08.000 align:start\n<v Ada>One <00:03.500>two <00:04.200>three <00:05.800>four\n",
    )
    .expect("cues");
    let p = pipeline(&format!(
        "filesrc location={} ! webvttparse ! silencetrim cuts-location={cuts} ! fakesink name=t async=false sync=false",
        file.display()
    ));
    let got = collect(&p, "t");
    let texts = Arc::new(Mutex::new(Vec::new()));
    let copy = Arc::clone(&texts);
    p.by_name("t")
        .and_then(|sink| sink.static_pad("sink"))
        .expect("sink")
        .add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            let buffer = info.buffer().expect("a buffer");
            let meta = gst::meta::CustomMeta::from_buffer(buffer, "LectureCueMeta").expect("meta");
            let field = |name| meta.structure().get::<String>(name).expect("a field");
            copy.lock()
                .expect("lock")
                .push((field("id"), field("settings"), field("text")));
            gst::PadProbeReturn::Ok
        });
    run(&p);
    let got = got.lock().expect("lock");
    let plain: Vec<_> = got
        .iter()
        .map(|cue| {
            let text = String::from_utf8_lossy(&cue.2).into_owned();
            (cue.0 / 1_000_000, cue.1 / 1_000_000, text)
        })
        .collect();
    assert_eq!(plain, [(1000, 3000, "One two four".to_owned())]);
    let written = "<v Ada>One <00:00:01.500>two <00:00:02.000>four";
    assert_eq!(
        *texts.lock().expect("lock"),
        [(
            "name".to_owned(),
            "align:start".to_owned(),
            written.to_owned()
        )]
    );
}

#[test]
fn sound_in_planes_and_many_channels_is_cut_to_the_sample() {
    use gst_audio::{AudioBufferRef, AudioInfo, AudioLayout, AudioMeta};
    init();
    let folder = tempfile::tempdir().expect("folder");
    let list = cut_list(folder.path(), &[(151, 399), (550, 800)]);
    for (channels, layout) in [
        (1, AudioLayout::NonInterleaved),
        (2, AudioLayout::NonInterleaved),
        (6, AudioLayout::NonInterleaved),
        (6, AudioLayout::Interleaved),
    ] {
        let info = AudioInfo::builder(gst_audio::AUDIO_FORMAT_F32, 48_000, channels)
            .layout(layout)
            .build()
            .expect("info");
        // Says which sample of which channel it is.
        let value = |sample: usize, channel: usize| sample as f32 / 65_536.0 + channel as f32;
        let mut h = harness(&format!("cuts-location={list}"));
        let trim = h.element().expect("element");
        h.set_src_caps(info.to_caps().expect("caps"));
        for block in 0..10 {
            let mut bytes = Vec::new();
            let mut put = |at: usize, channel: usize| {
                bytes.extend(value(block * 4800 + at, channel).to_ne_bytes());
            };
            if layout == AudioLayout::Interleaved {
                (0..4800).for_each(|at| (0..channels as usize).for_each(|c| put(at, c)));
            } else {
                (0..channels as usize).for_each(|c| (0..4800).for_each(|at| put(at, c)));
            }
            let mut buffer = gst::Buffer::from_mut_slice(bytes);
            let plain = buffer.make_mut();
            plain.set_pts(gst::ClockTime::from_mseconds(block as u64 * 100));
            if layout == AudioLayout::NonInterleaved {
                AudioMeta::add(plain, &info, 4800, &[]).expect("planes");
            }
            h.push(buffer).expect("push");
        }
        h.push_event(gst::event::Eos::new());
        while h.pull_event().expect("event").type_() != gst::EventType::Eos {}
        drop(trim);
        let mut found = vec![Vec::new(); channels as usize];
        while let Some(buffer) = h.try_pull() {
            let audio = AudioBufferRef::from_buffer_ref_readable(&buffer, &info).expect("audio");
            let planes = if layout == AudioLayout::Interleaved {
                1
            } else {
                channels
            };
            for plane in 0..planes {
                let bytes = audio.plane_data(plane).expect("a plane");
                for (at, sample) in bytes.chunks_exact(4).enumerate() {
                    let sample = f32::from_ne_bytes(sample.try_into().expect("four bytes"));
                    let channel = match layout {
                        AudioLayout::Interleaved => at % channels as usize,
                        _ => plane as usize,
                    };
                    found[channel].push(sample);
                }
            }
        }
        let kept: Vec<usize> = (151 * 48..399 * 48).chain(550 * 48..800 * 48).collect();
        // 5 ms at each side of a splice fade.
        let fades = |at: usize| {
            [151, 399, 550, 800]
                .iter()
                .any(|edge: &usize| at.abs_diff(edge * 48) <= 240)
        };
        for (channel, found) in found.iter().enumerate() {
            assert_eq!(found.len(), kept.len(), "{channels} {layout:?}");
            for (found, at) in found.iter().zip(&kept).filter(|(_, at)| !fades(**at)) {
                let expected = value(*at, channel);
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{channels} {layout:?} {at}"
                );
            }
        }
    }
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
