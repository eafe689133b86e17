// SPDX-License-Identifier: MPL-2.0

//! The job `record`: rooms that are recorded as they happen, read back with ffprobe and `compose`.

use std::fs;
use std::io::Read;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use gstlecture::record::session::{Session, State};
use serde_json::Value;

use crate::harness::place::{Place, number, probe, streams};
use crate::harness::tool;

pub fn session(place: &Place) -> Session {
    Session::read(place.read("class/session.json").as_bytes()).expect("a valid session")
}

/// Waits until this many tracks are being recorded.
pub fn wait_for_tracks(place: &Place, count: usize) {
    place.wait_for("a track", || {
        let text = fs::read_to_string(place.path("class/session.json")).unwrap_or_default();
        text.matches("\"file\"").count() >= count
    });
}

pub fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args([name, &pid]).status();
    assert!(sent.expect("kill runs").success());
}

/// Packets of the only stream of a file. The last one of a killed recorder may be cut off.
pub fn packets(file: &Path) -> usize {
    let shown = Command::new("ffprobe")
        .args([
            "-v",
            "quiet",
            "-show_entries",
            "packet=pts_time",
            "-of",
            "csv=p=0",
        ])
        .arg(file)
        .output()
        .expect("ffprobe runs");
    String::from_utf8_lossy(&shown.stdout).lines().count()
}

#[test]
fn a_recording_with_a_limit_becomes_a_video() {
    let place = Place::new();
    let ended = place.lecture(&[
        "record",
        "from=test",
        "output=class",
        "duration=3",
        "room=math",
        "--json",
    ]);
    assert_eq!(ended.status, Some(0), "{ended:?}");
    let states: Vec<String> = ended
        .out
        .lines()
        .filter_map(|line| {
            serde_json::from_str::<Value>(line).ok()?["state"]
                .as_str()
                .map(str::to_owned)
        })
        .collect();
    let expected = [
        "EGRESS_STARTING",
        "EGRESS_ACTIVE",
        "EGRESS_LIMIT_REACHED",
        "EGRESS_LIMIT_REACHED",
    ];
    assert_eq!(states, expected);
    assert_eq!(ended.json()["tracks"], 2);
    let session = session(&place);
    assert_eq!(
        (&*session.room, session.state),
        ("math", Some(State::LimitReached))
    );
    place.done(&[
        "compose",
        "input=class",
        "output=class.mkv",
        "preset=ultrafast",
    ]);
    let probed = probe(&place.path("class.mkv"));
    assert_eq!(
        (
            streams(&probed, "video").len(),
            streams(&probed, "audio").len()
        ),
        (1, 1)
    );
    let duration = number(&probed["format"]["duration"]);
    assert!((2.5..3.5).contains(&duration), "{duration}");
}

#[test]
fn a_signal_ends_a_recording_well_and_kill_loses_little() {
    for name in ["-INT", "-TERM", "-KILL"] {
        let place = Place::new();
        let mut child = place.start(&["record", "from=test", "output=class"]);
        wait_for_tracks(&place, 2);
        std::thread::sleep(std::time::Duration::from_millis(1500));
        // A second recorder leaves it alone.
        let second = place.lecture(&["record", "from=test", "output=class", "duration=1"]);
        second.failed(1, &["another recorder"]);
        signal(&child, name);
        let status = child.wait().expect("it ends");
        let is_killed = name == "-KILL";
        assert_eq!(status.code(), (!is_killed).then_some(0), "{name}");
        let state = if is_killed {
            State::Active
        } else {
            State::Complete
        };
        let session = session(&place);
        assert_eq!(session.state, Some(state), "{name}");
        for track in &session.tracks {
            let count = packets(&place.path(&format!("class/{}", track.file)));
            assert!(count > 15, "{name}: {count} packets in {}", track.file);
        }
        place.done(&["mix", "input=class", "output=class.opus"]);
        place
            .lecture(&["record", "from=test", "output=class", "duration=1"])
            .failed(1, &["a recorded session already"]);
    }
}

/// Two ports in a row that are free.
pub fn free_ports() -> u16 {
    for _ in 0..100 {
        let Ok(first) = UdpSocket::bind("127.0.0.1:0") else {
            continue;
        };
        let port = first.local_addr().expect("an address").port();
        if port < u16::MAX && UdpSocket::bind(("127.0.0.1", port + 1)).is_ok() {
            return port;
        }
    }
    panic!("no free ports");
}

/// A description of one stream.
pub fn sdp(kind: &str, port: u16, codec: &str, payload: u8, more: &str) -> String {
    format!(
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=ada\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m={kind} {port} RTP/AVPF {payload}\r\na=rtpmap:{payload} {codec}\r\n{more}"
    )
}

/// Sends a picture of 30 frames per second and a tone, for this many seconds.
fn send(video: u16, audio: u16, seconds: &str) -> Child {
    let to = |port: u16| format!("rtp://127.0.0.1:{port}?pkt_size=1200");
    Command::new("ffmpeg")
        .args([
            "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-t", seconds, "-i",
        ])
        .arg("testsrc2=size=320x180:rate=30")
        .args([
            "-re",
            "-f",
            "lavfi",
            "-t",
            seconds,
            "-i",
            "sine=frequency=440",
        ])
        .args([
            "-map",
            "0:v",
            "-c:v",
            "libvpx",
            "-deadline",
            "realtime",
            "-cpu-used",
            "8",
            "-g",
            "30",
        ])
        .args([
            "-payload_type",
            "96",
            "-ssrc",
            "4242",
            "-f",
            "rtp",
            &to(video),
        ])
        .args([
            "-map",
            "1:a",
            "-c:a",
            "libopus",
            "-payload_type",
            "111",
            "-f",
            "rtp",
            &to(audio),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("ffmpeg is installed")
}

/// Starts a recorder of a video and an audio stream.
pub fn record(place: &Place, (video, audio): (u16, u16)) -> Child {
    place.write(
        "v.sdp",
        &sdp("video", video, "VP8/90000", 96, "a=ssrc:4242 cname:ada\r\n"),
    );
    place.write("a.sdp", &sdp("audio", audio, "opus/48000/2", 111, ""));
    let arguments = [
        "record",
        "from=rtp",
        "sdp=v.sdp,a.sdp",
        "output=class",
        "address=127.0.0.1",
    ];
    let child = place
        .command(&arguments)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    place.wait_for("the recorder", || place.path("class/session.json").exists());
    child
}

#[test]
fn rtp_streams_become_a_session() {
    let place = Place::new();
    let (video, audio) = (free_ports(), free_ports());
    // It listens before it opens the session.
    let mut child = record(&place, (video, audio));
    let mut sender = send(video, audio, "4");
    wait_for_tracks(&place, 2);
    // Probes of another payload type and of another sender are not believed.
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    for (payload, ssrc) in [(127_u8, 1234_u32), (96, 99)] {
        for sequence in 0..50_u16 {
            let mut packet = vec![0x80, payload];
            packet.extend(sequence.to_be_bytes());
            packet.extend([0; 4]);
            packet.extend(ssrc.to_be_bytes());
            packet.extend([0x10; 100]);
            stranger
                .send_to(&packet, ("127.0.0.1", video))
                .expect("sent");
        }
    }
    place
        .lecture(&[
            "record",
            "from=rtp",
            "sdp=v.sdp",
            "output=other",
            "address=127.0.0.1",
        ])
        .failed(75, &[&video.to_string(), "another program listens"]);
    sender.wait().expect("it ends");
    // A room that everybody has left goes on.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert!(child.try_wait().expect("asked").is_none());
    signal(&child, "-INT");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let mut said = String::new();
    let printed = child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut said);
    printed.expect("text");
    assert!(!said.contains("warning"), "{said}");
    let session = session(&place);
    assert_eq!(session.tracks.len(), 2, "{session:?}");
    assert_eq!(session.participants.len(), 1, "{session:?}");
    for (codec, expected) in [("vp8", 120), ("opus", 201)] {
        let track = session
            .tracks
            .iter()
            .find(|track| track.codec.as_deref() == Some(codec));
        let count = packets(&place.path(&format!("class/{}", track.expect("a track").file)));
        assert!(
            (expected - 3..=expected + 1).contains(&count),
            "{codec}: {count}"
        );
    }
    // ffmpeg starts both at once, but each encoder has its own delay.
    let starts: Vec<u64> = session
        .tracks
        .iter()
        .map(|track| track.start / 1_000_000)
        .collect();
    assert!(starts[0].abs_diff(starts[1]) < 200, "{starts:?}");
    place.done(&[
        "compose",
        "input=class",
        "output=class.mkv",
        "preset=ultrafast",
    ]);
}

#[test]
fn streams_that_cannot_be_received_are_one_clear_error() {
    let place = Place::new();
    let record = |arguments: &[&str]| {
        place.lecture(
            &[
                &["record", "from=rtp", "output=class", "duration=1"],
                arguments,
            ]
            .concat(),
        )
    };
    record(&[]).failed(2, &["sdp="]);
    record(&["sdp=none.sdp"]).failed(1, &["none.sdp", "no such file"]);
    place.write("bad.sdp", "RIFF");
    record(&["sdp=bad.sdp"]).failed(1, &["bad.sdp", "not a session description"]);
    record(&["ports=ada:camera:VP8:96"]).failed(2, &["PARTICIPANT:SOURCE"]);
    let port = free_ports();
    let twice = format!("ports=ada:camera:VP8:96:{port},ada:microphone:opus:111:{port}");
    record(&[&twice]).failed(2, &["two streams"]);
    place
        .lecture(&["record", "from=telepathy", "output=class"])
        .failed(2, &["telepathy", "rtp"]);
    place
        .lecture(&[
            "record",
            "from=test",
            "output=class",
            "keep-free=1000000000",
        ])
        .failed(75, &["MB are free"]);
    assert!(!place.path("class").exists());
    let nobody = format!("ports=ada:camera:VP8:96:{port}");
    record(&[&nobody]).failed(1, &["no media came"]);
    place
        .lecture(&[
            "record",
            "from=rtp",
            "output=none",
            "duration=1",
            "mode=composite",
            &nobody,
        ])
        .failed(1, &["no media came"]);
    assert!(place.read("none/session.json").contains("EGRESS_ABORTED"));
    record(&["address=192.0.2.1", &nobody.replace("class", "x"), "room=x"])
        .failed(1, &["192.0.2.1"]);
}

#[test]
fn the_printed_line_records() {
    let place = Place::new();
    let printed = place.lecture(&["record", "from=test", "output=class", "--print"]);
    let line = printed.out.trim().replace("is-live=true", "num-buffers=60");
    let ran = place.shell(&line);
    assert!(ran.status.success(), "{line}: {ran:?}");
    assert_eq!(session(&place).tracks.len(), 2);
}

#[test]
fn a_recording_is_controlled_by_another_process() {
    let place = Place::new();
    place
        .lecture(&["control", "input=class", "do=stop"])
        .failed(1, &["nothing is recorded"]);
    let mut child = place.start(&["record", "from=test", "output=class"]);
    wait_for_tracks(&place, 2);
    let control = |request: &[&str]| {
        place.lecture(&[&["control", "input=class", "--json"], request].concat())
    };
    let status = control(&["do=status"]).json();
    assert_eq!(
        (&status["state"], &status["tracks"]),
        (&"EGRESS_ACTIVE".into(), &2.into())
    );
    assert_eq!(control(&["do=mark", "label=Questions"]).status, Some(0));
    assert_eq!(control(&["do=layout", "layout=speaker"]).status, Some(0));
    control(&["do=layout", "layout=mosaic"]).failed(1, &["no such layout"]);
    control(&["do=layout"]).failed(2, &["layout= is missing"]);
    control(&["do=resume"]).failed(1, &["does not pause"]);
    assert_eq!(control(&["do=pause"]).status, Some(0));
    control(&["do=pause"]).failed(1, &["pauses already"]);
    std::thread::sleep(std::time::Duration::from_millis(800));
    assert_eq!(control(&["do=resume"]).status, Some(0));
    place
        .lecture(&["recover", "input=class"])
        .failed(75, &["is being recorded"]);
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(control(&["do=stop"]).status, Some(0));
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    let session = session(&place);
    assert_eq!(session.state, Some(State::Complete));
    let time = |name: &str| {
        let kind = |event: &gstlecture::record::session::Event| {
            serde_json::to_value(&event.kind).expect("JSON")
        };
        let event = session
            .events
            .iter()
            .find(|event| kind(event)["type"] == name);
        event
            .unwrap_or_else(|| panic!("{name} in {session:?}"))
            .time as f64
            / 1e9
    };
    let (pause, resume) = (time("pause"), time("resume"));
    assert!(time("mark") <= time("layout") && time("layout") <= pause && pause + 0.8 <= resume);
    for track in &session.tracks {
        let file = place
            .path(&format!("class/{}", track.file))
            .display()
            .to_string();
        let times = tool(
            "ffprobe",
            &["-show_entries", "packet=pts_time", "-of", "csv=p=0", &file],
        );
        let times = String::from_utf8(times).expect("text");
        let times: Vec<f64> = times
            .lines()
            .filter_map(|line| line.trim_matches(',').parse().ok())
            .collect();
        let is_paused = |time: &&f64| (pause + 0.001..resume - 0.001).contains(*time);
        assert_eq!(
            times.iter().find(is_paused),
            None,
            "{pause} {resume} {file}"
        );
        assert!(
            times.iter().any(|time| *time < pause)
                && times.iter().any(|time| *time >= resume - 0.001)
        );
    }
    assert!(!place.path("class/control.socket").exists());
}

#[test]
fn what_a_killed_recorder_left_is_recovered() {
    let place = Place::new();
    let mut child = place.start(&["record", "from=test", "output=class"]);
    wait_for_tracks(&place, 2);
    std::thread::sleep(std::time::Duration::from_millis(1500));
    child.kill().expect("killed");
    child.wait().expect("it ends");
    assert!(place.path("class/control.socket").exists());
    let recovered = place.done(&["recover", "input=class"]);
    assert_eq!(
        (&recovered["recovered"], &recovered["tracks"]),
        (&true.into(), &2.into())
    );
    let end = recovered["duration"].as_f64().expect("a number");
    assert!(end > 1.2, "{end}");
    let session = session(&place);
    assert_eq!(session.state, Some(State::Complete));
    let last = session.events.last().expect("an event");
    assert_eq!(last.kind.participant(), Some("test"));
    assert!((last.time as f64 / 1e9 - end).abs() < 1e-6, "{last:?}");
    assert_eq!(place.names("class"), ["session.json", "tracks"]);
    assert_eq!(place.done(&["recover", "input=class"])["recovered"], false);
    place.done(&[
        "compose",
        "input=class",
        "output=class.mkv",
        "preset=ultrafast",
    ]);
    place
        .lecture(&["recover", "input=none"])
        .failed(1, &["none"]);
}

#[test]
fn a_killed_composite_is_recovered() {
    let place = Place::new();
    let more = [
        "mode=composite",
        "preset=ultrafast",
        "width=320",
        "height=180",
    ];
    let mut child = place.start(&[&["record", "from=test", "output=class"], &more[..]].concat());
    let file = place.path("class/composite.mkv");
    place.wait_for("the composite", || {
        fs::metadata(&file).is_ok_and(|file| file.len() > 20_000)
            && place.read("class/session.json").contains("EGRESS_ACTIVE")
    });
    child.kill().expect("killed");
    child.wait().expect("it ends");
    let recovered = place.done(&["recover", "input=class"]);
    assert_eq!(
        (&recovered["recovered"], &recovered["tracks"]),
        (&true.into(), &0.into())
    );
    let session = session(&place);
    assert_eq!(session.state, Some(State::Complete));
    let last = session.events.last().expect("an event");
    assert_eq!(last.kind.participant(), Some("test"));
    assert_eq!(
        last.time as f64 / 1e9,
        recovered["duration"].as_f64().expect("a number")
    );
}

#[test]
fn a_room_is_composed_while_its_tracks_are_recorded() {
    for (mode, tracks, file) in [
        ("auto", 2, "composite.mkv"),
        ("composite", 0, "composite.mkv"),
        ("audio", 0, "audio.mka"),
    ] {
        let place = Place::new();
        let mode_is = format!("mode={mode}");
        let made = place.done(&[
            "record",
            "from=test",
            "output=class",
            "duration=5",
            "preset=ultrafast",
            "width=640",
            "height=360",
            &mode_is,
        ]);
        assert_eq!(made["tracks"], tracks, "{mode}");
        let session = session(&place);
        let came = (
            session.state,
            session.composite.as_deref(),
            session.participants.len(),
        );
        assert_eq!(came, (Some(State::LimitReached), Some(file), 1), "{mode}");
        if tracks == 0 {
            place
                .lecture(&["compose", "input=class", "output=x.mkv"])
                .failed(1, &["no tracks, only a composite", file]);
        }
        let file = place.path(&format!("class/{file}"));
        let probed = probe(&file);
        let videos = streams(&probed, "video");
        assert_eq!(videos.len(), usize::from(mode != "audio"), "{mode}");
        assert_eq!(streams(&probed, "audio").len(), 1, "{mode}");
        let path = file.display().to_string();
        // A tick per second.
        let samples = tool(
            "ffmpeg",
            &[
                "-v", "error", "-i", &path, "-map", "0:a", "-f", "f32le", "-",
            ],
        );
        let samples = samples.chunks_exact(4);
        let loudest =
            samples.map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four")).abs());
        let loudest = loudest.fold(0.0, f32::max);
        assert!(loudest > 0.1, "{mode}: {loudest}");
        let last = |stream: &str| {
            let times = tool(
                "ffprobe",
                &[
                    "-select_streams",
                    stream,
                    "-show_entries",
                    "packet=pts_time",
                    "-of",
                    "csv=p=0",
                    &path,
                ],
            );
            let times = String::from_utf8(times).expect("text");
            let times = times
                .lines()
                .filter_map(|line| line.trim_matches(',').parse::<f64>().ok());
            times.fold(0.0, f64::max)
        };
        // The room starts empty, and the machine may be busy.
        assert!((3.0..6.0).contains(&last("a:0")), "{mode}: {}", last("a:0"));
        if mode != "audio" {
            assert!((3.0..6.0).contains(&last("v:0")), "{mode}: {}", last("v:0"));
            // The test picture is in the last frames, not only black.
            let pixels = tool(
                "ffmpeg",
                &[
                    "-ss",
                    "2.5",
                    "-i",
                    &path,
                    "-frames:v",
                    "1",
                    "-vf",
                    "scale=32:18",
                    "-pix_fmt",
                    "gray",
                    "-f",
                    "rawvideo",
                    "-",
                ],
            );
            let bright = pixels.iter().filter(|luma| **luma > 100).count();
            assert!(
                bright > pixels.len() / 4,
                "{mode}: {bright} of {}",
                pixels.len()
            );
        }
    }
}
