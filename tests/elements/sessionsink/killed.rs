// SPDX-License-Identifier: MPL-2.0

//! A recorder that is killed.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use gst::prelude::*;
use gstlecture::record::session::State;

use super::{probe_killed, read_session};
use crate::harness::init;

/// The folder of the recorder, which this test is in another process.
const FOLDER: &str = "LECTURE_TEST_RECORDER";

/// Records until it is killed, if it is started by the other test.
#[test]
fn recorder_in_another_process() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    init();
    let line = "sessionsink name=session video_0::participant=ada audio_0::participant=ada \
         videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=15/1 \
           ! vp8enc deadline=1 cpu-used=8 target-bitrate=100000 ! rtpvp8pay name=video ! session.video_0 \
         audiotestsrc is-live=true ! opusenc ! rtpopuspay name=audio ! session.audio_0";
    let pipeline = gst::parse::launch(line).expect("a pipeline");
    let pipeline = pipeline.downcast::<gst::Pipeline>().expect("a pipeline");
    let session = pipeline.by_name("session").expect("a sessionsink");
    session.set_property("location", Path::new(&folder).to_str());
    for name in ["video", "audio"] {
        let pad = pipeline.by_name(name).and_then(|pay| pay.static_pad("src"));
        let pad = pad.expect("a pad");
        let mask = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        pad.add_probe(mask, move |_, info| {
            let time = match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => buffer.pts(),
                Some(gst::PadProbeData::BufferList(list)) => {
                    list.get(0).and_then(|first| first.pts())
                }
                _ => None,
            };
            if let Some(time) = time {
                println!("{name} {}", time.mseconds());
            }
            gst::PadProbeReturn::Ok
        });
    }
    pipeline.set_state(gst::State::Playing).expect("it plays");
    std::thread::sleep(Duration::from_secs(120));
}

#[test]
fn a_killed_recorder_loses_at_most_a_second() {
    for length in [2100, 3300, 4700] {
        let folder = tempfile::tempdir().expect("a folder");
        let mut child = Command::new(std::env::current_exe().expect("a program"))
            .args(["--exact", "--nocapture"])
            .arg("sessionsink::killed::recorder_in_another_process")
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut last = [0_i64; 2];
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut is_killed = false;
        // What it still had in the pipe comes after its death.
        for line in lines.map_while(Result::ok) {
            let Some((name, time)) = line.rsplit_once(' ') else {
                continue;
            };
            let Ok(time) = time.parse() else { continue };
            match name.rsplit(' ').next() {
                Some("video") => last[0] = time,
                Some("audio") => last[1] = time,
                _ => continue,
            }
            if !is_killed && last[0] >= length && last[1] > 0 {
                child.kill().expect("killed");
                is_killed = true;
            }
        }
        child.wait().expect("it ends");
        let session = read_session(folder.path());
        assert_eq!(session.state, Some(State::Active));
        assert_eq!(session.tracks.len(), 2, "{session:?}");
        for (track, sent) in [("vp8", last[0]), ("opus", last[1])] {
            let found = session
                .tracks
                .iter()
                .find(|other| other.codec.as_deref() == Some(track));
            let file = folder.path().join(&found.expect("a track").file);
            let written = *probe_killed(&file).times.last().expect("a frame");
            assert!(
                sent - written <= 1000,
                "{track}: {sent} ms sent, {written} ms written"
            );
        }
    }
}
