// SPDX-License-Identifier: MPL-2.0

//! Faults of the network, the disk and the machine while a room is recorded: one clear error where
//! there is one, and nothing lost beyond the fault.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use gstlecture::record::session::{Session, State};

use crate::harness::place::Place;
use crate::harness::tool;
use crate::live::{free_ports, packets, record, sdp, session, signal, wait_for_tracks};

/// A packet, and whether it passed.
type Relayed = (Vec<u8>, bool);

/// Passes the packets of a port on to another one, with faults.
struct Relay {
    port: u16,
    /// Nothing passes.
    is_cut: Arc<AtomicBool>,
    passed: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    /// Returns the packets in the order of their sender.
    thread: Option<JoinHandle<Vec<Relayed>>>,
}

impl Relay {
    /// Loses each packet with a number that `loses`; `swaps` likewise changes places with the next.
    fn start(to: u16, loses: fn(u64) -> bool, swaps: fn(u64) -> bool) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let port = socket.local_addr().expect("an address").port();
        socket
            .set_read_timeout(Some(Duration::from_millis(100)))
            .expect("set");
        let (is_cut, is_over) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let passed = Arc::new(AtomicU64::new(0));
        let (cut, over, count) = (is_cut.clone(), is_over.clone(), passed.clone());
        let thread = std::thread::spawn(move || {
            let mut packet = vec![0; 65_536];
            let mut held = None;
            let mut number = 0;
            let mut packets: Vec<Relayed> = Vec::new();
            let pass = |(packet, passed): &mut Relayed| {
                // The recorder may be gone.
                if socket.send_to(packet, ("127.0.0.1", to)).is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                    *passed = true;
                }
            };
            while !over.load(Ordering::Relaxed) {
                let Ok(length) = socket.recv(&mut packet) else {
                    continue;
                };
                number += 1;
                let at = packets.len();
                packets.push((packet[..length].to_vec(), false));
                if cut.load(Ordering::Relaxed) || loses(number) {
                    continue;
                }
                if swaps(number) && held.is_none() {
                    held = Some(at);
                    continue;
                }
                pass(&mut packets[at]);
                if let Some(held) = held.take() {
                    pass(&mut packets[held]);
                }
            }
            packets
        });
        Relay {
            port,
            is_cut,
            passed,
            is_over,
            thread: Some(thread),
        }
    }

    fn passed(&self) -> u64 {
        self.passed.load(Ordering::Relaxed)
    }

    /// Ends the relay. Returns the packets in the order of their sender.
    fn end(&mut self) -> Vec<Relayed> {
        self.is_over.store(true, Ordering::Relaxed);
        let thread = self.thread.take();
        thread.map_or_else(Vec::new, |thread| thread.join().expect("no panic"))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.end();
    }
}

/// Returns whether a packet of VP8 begins a key frame (RFC 7741, section 4).
fn begins_key_frame(packet: &[u8]) -> bool {
    let payload = &packet[12..];
    let mut at = 1;
    if payload[0] & 0x80 != 0 {
        let extensions = payload[1];
        at += 1;
        if extensions & 0x80 != 0 {
            at += if payload[at] & 0x80 != 0 { 2 } else { 1 };
        }
        at += usize::from(extensions & 0x40 != 0);
        at += usize::from(extensions & 0x30 != 0);
    }
    payload[0] & 0x10 != 0 && payload[at] & 1 == 0
}

/// Returns the RTP times of the frames of VP8 that can be shown: whole, with all that they build on.
fn shown_frames(packets: &[Relayed]) -> Vec<u32> {
    let time = |packet: &[u8]| u32::from_be_bytes(packet[4..8].try_into().expect("four bytes"));
    let mut is_intact = false;
    let frames = packets.chunk_by(|a, b| time(&a.0) == time(&b.0));
    let shown = frames.filter(|frame| {
        let is_whole = frame.iter().all(|(_, passed)| *passed);
        is_intact = is_whole && (is_intact || begins_key_frame(&frame[0].0));
        is_intact
    });
    shown.map(|frame| time(&frame[0].0)).collect()
}

/// Sends the first seconds of a clip, which is encoded before: the machine may be busy.
fn send(place: &Place, (video, audio): (u16, u16), seconds: &str) -> Child {
    place.ffmpeg(&[
        &[
            "-f",
            "lavfi",
            "-t",
            seconds,
            "-i",
            "testsrc2=size=320x180:rate=30",
        ],
        &["-f", "lavfi", "-t", seconds, "-i", "sine=frequency=440"],
        &[
            "-c:v",
            "libvpx",
            "-deadline",
            "realtime",
            "-cpu-used",
            "8",
            "-b:v",
            "300k",
            "-g",
            "10",
        ],
        &["-c:a", "libopus", "clip.mkv"],
    ]);
    let to = |port: u16| format!("rtp://127.0.0.1:{port}?pkt_size=1200");
    Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-re", "-i", "clip.mkv"])
        .args([
            "-map",
            "0:v",
            "-c",
            "copy",
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
            "0:a",
            "-c",
            "copy",
            "-payload_type",
            "111",
            "-f",
            "rtp",
            &to(audio),
        ])
        .current_dir(place.0.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("ffmpeg is installed")
}

/// Ends a recorder. Returns its status and what it printed.
fn end(mut child: Child) -> (Option<i32>, String) {
    signal(&child, "-INT");
    let mut printed = String::new();
    let read = child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut printed);
    read.expect("text");
    (child.wait().expect("it ends").code(), printed)
}

/// Ends a recorder, which must end well. Returns the session that it leaves.
fn end_well(place: &Place, recorder: Child) -> Session {
    let (status, printed) = end(recorder);
    assert_eq!(status, Some(0), "{printed}");
    let session = session(place);
    assert_eq!(session.state, Some(State::Complete));
    session
}

/// The files of a session by codec; each codec has one.
fn files(place: &Place, session: &Session) -> BTreeMap<String, std::path::PathBuf> {
    let tracks = session.tracks.iter();
    let files: BTreeMap<String, _> = tracks
        .map(|track| {
            (
                track.codec.clone().expect("a codec"),
                place.path("class").join(&track.file),
            )
        })
        .collect();
    assert_eq!(files.len(), session.tracks.len(), "{session:?}");
    files
}

/// The times of the packets of a file in seconds.
fn times(file: &Path) -> Vec<f64> {
    let file = file.display().to_string();
    let shown = tool(
        "ffprobe",
        &["-show_entries", "packet=pts_time", "-of", "csv=p=0", &file],
    );
    let shown = String::from_utf8(shown).expect("text");
    let lines = shown.lines();
    lines
        .filter_map(|line| line.trim_matches(',').parse().ok())
        .collect()
}

/// One packet of twenty is lost, and one of seven comes after the next.
#[test]
fn loss_and_reordering_cost_what_was_lost_and_no_more() {
    let place = Place::new();
    let (video, audio) = (free_ports(), free_ports());
    let recorder = record(&place, (video, audio));
    let (loses, swaps) = (|number| number % 20 == 10, |number| number % 7 == 3);
    let mut relays = (
        Relay::start(video, loses, swaps),
        Relay::start(audio, loses, swaps),
    );
    let mut sender = send(&place, (relays.0.port, relays.1.port), "4");
    sender.wait().expect("it ends");
    std::thread::sleep(Duration::from_millis(800));
    let (status, printed) = end(recorder);
    assert_eq!(status, Some(0), "{printed}");
    assert!(!printed.contains("warning"), "{printed}");
    let session = session(&place);
    let files = files(&place, &session);
    // The sound misses what was lost, and is in order.
    let sound = times(&files["opus"]);
    let passed = relays.1.passed();
    assert!(
        (passed - 8..=passed).contains(&(sound.len() as u64)),
        "{} of {passed}",
        sound.len()
    );
    assert!(sound.is_sorted(), "{sound:?}");
    // A frame that lacks a packet is not written, nor those that build on it until the next key frame.
    let expected = shown_frames(&relays.0.end());
    let frames = times(&files["vp8"]);
    assert!(expected.len() > 20, "{expected:?}");
    assert_eq!(frames.len(), expected.len(), "{frames:?} {expected:?}");
    for (frame, rtp) in frames.iter().zip(&expected) {
        let wanted = f64::from(rtp.wrapping_sub(expected[0])) / 90_000.0;
        let given = frame - frames[0];
        // A busy machine passes packets on late, and times follow their arrival slowly.
        assert!((given - wanted).abs() < 0.25, "{given} {wanted}");
    }
    let file = files["vp8"].display().to_string();
    tool(
        "ffmpeg",
        &[
            "-i",
            &file,
            "-fps_mode",
            "passthrough",
            "-f",
            "rawvideo",
            "-y",
            "/dev/null",
        ],
    );
}

#[test]
fn two_seconds_without_media_are_a_gap_in_the_same_files() {
    let place = Place::new();
    let (video, audio) = (free_ports(), free_ports());
    let recorder = record(&place, (video, audio));
    let none = |_| false;
    let relays = (
        Relay::start(video, none, none),
        Relay::start(audio, none, none),
    );
    let mut sender = send(&place, (relays.0.port, relays.1.port), "6");
    wait_for_tracks(&place, 2);
    std::thread::sleep(Duration::from_secs(1));
    for is_cut in [true, false] {
        relays.0.is_cut.store(is_cut, Ordering::Relaxed);
        relays.1.is_cut.store(is_cut, Ordering::Relaxed);
        if is_cut {
            std::thread::sleep(Duration::from_secs(2));
        }
    }
    sender.wait().expect("it ends");
    std::thread::sleep(Duration::from_millis(800));
    let session = end_well(&place, recorder);
    for (codec, file) in files(&place, &session) {
        let times = times(&file);
        let gap = times
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .fold(0.0, f64::max);
        // The video goes on with a key frame, of which there is one each second.
        assert!((1.8..3.5).contains(&gap), "{codec}: {gap}");
        let length = times[times.len() - 1] - times[0];
        assert!((5.5..6.5).contains(&length), "{codec}: {length}");
    }
}

#[test]
fn a_recorder_that_was_stopped_for_five_seconds_goes_on() {
    let place = Place::new();
    let (video, audio) = (free_ports(), free_ports());
    let recorder = record(&place, (video, audio));
    let mut sender = send(&place, (video, audio), "8");
    wait_for_tracks(&place, 2);
    std::thread::sleep(Duration::from_millis(500));
    signal(&recorder, "-STOP");
    std::thread::sleep(Duration::from_secs(5));
    signal(&recorder, "-CONT");
    sender.wait().expect("it ends");
    std::thread::sleep(Duration::from_millis(800));
    let session = end_well(&place, recorder);
    for (codec, file) in files(&place, &session) {
        let times = times(&file);
        let length = times[times.len() - 1] - times[0];
        assert!((7.0..9.0).contains(&length), "{codec}: {length} {times:?}");
        // What came meanwhile waited in the system; the first packets may be missing.
        let sent = if codec == "opus" { 400 } else { 240 };
        assert!(
            times.len() + 40 > sent,
            "{codec}: {} of {sent}",
            times.len()
        );
    }
}

/// Sends parts of VP8 frames that are no key frames, until this is dropped.
struct Endless(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Endless {
    fn start(port: u16) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = is_over.clone();
        let thread = std::thread::spawn(move || {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
            let mut number: u16 = 0;
            while !over.load(Ordering::Relaxed) {
                let time = u32::from(number) * 3000;
                let mut packet = vec![0x80, 0x80 | 96];
                packet.extend(number.to_be_bytes());
                packet.extend(time.to_be_bytes());
                packet.extend(77u32.to_be_bytes());
                // RFC 7741: the start of a partition, and a frame that refers to another one.
                packet.extend([0x10, 0x01, 0, 0, 0, 0, 0, 0]);
                // Nobody may listen yet.
                let _ = socket.send_to(&packet, ("127.0.0.1", port));
                number = number.wrapping_add(1);
                std::thread::sleep(Duration::from_millis(33));
            }
        });
        Endless(is_over, Some(thread))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        if let Some(thread) = self.1.take() {
            let _ = thread.join();
        }
    }
}

#[test]
fn who_has_no_key_frame_holds_up_nobody_in_the_composite() {
    let place = Place::new();
    let (waiting, video) = (free_ports(), free_ports());
    let ben = sdp("video", waiting, "VP8/90000", 96, "a=ssrc:77 cname:ben\r\n");
    place.write("b.sdp", &ben.replace("s=ada", "s=ben"));
    place.write(
        "v.sdp",
        &sdp("video", video, "VP8/90000", 96, "a=ssrc:4242 cname:ada\r\n"),
    );
    let arguments = [
        "record",
        "from=rtp",
        "sdp=b.sdp,v.sdp",
        "output=class",
        "address=127.0.0.1",
        "mode=auto",
        "preset=ultrafast",
        "width=640",
        "height=360",
    ];
    let recorder = place
        .command(&arguments)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    place.wait_for("the recorder", || place.path("class/session.json").exists());
    let _endless = Endless::start(waiting);
    // Nothing of it is written that could be waited for.
    std::thread::sleep(Duration::from_secs(3));
    let audio = free_ports();
    let mut sender = send(&place, (video, audio), "6");
    assert!(sender.wait().expect("it ends").success());
    let (status, printed) = end(recorder);
    assert_eq!(status, Some(0), "{printed}");
    assert!(!printed.contains("may end early"), "{printed}");
    let session = session(&place);
    let tracks: Vec<&str> = session
        .tracks
        .iter()
        .map(|track| &*track.participant)
        .collect();
    assert_eq!(tracks, ["ada"]);
    // The test picture has bright colours; an empty room is grey.
    let file = place.path("class/composite.mkv").display().to_string();
    let form = [
        "-map",
        "0:v",
        "-vf",
        "scale=64:36",
        "-pix_fmt",
        "rgb24",
        "-f",
        "rawvideo",
        "-",
    ];
    let shown = tool(
        "ffmpeg",
        &[&["-v", "error", "-i", &file], &form[..]].concat(),
    );
    let is_bright = |pixel: &[u8]| {
        let range = pixel.iter().max().zip(pixel.iter().min());
        range.is_some_and(|(most, least)| most - least > 150)
    };
    let frames = shown.chunks_exact(64 * 36 * 3);
    let coloured = frames
        .filter(|frame| {
            frame
                .chunks_exact(3)
                .filter(|pixel| is_bright(pixel))
                .count()
                > 50
        })
        .count();
    assert!(coloured > 30, "{coloured} frames: {printed}");
}

/// A file system of this size in MB, until it is dropped.
struct Disk<'a>(&'a Place);

impl<'a> Disk<'a> {
    fn mount(place: &'a Place, size: u32) -> Option<Self> {
        let folder = place.path("disk");
        fs::create_dir_all(&folder).expect("made");
        let options = format!("size={size}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder)
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Disk(place))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("-l")
            .arg(self.0.path("disk"))
            .status();
    }
}

#[test]
fn a_full_disk_ends_the_recording_and_keeps_what_was_written() {
    let place = Place::new();
    let Some(_disk) = Disk::mount(&place, 8) else {
        eprintln!("skipped: only root may mount a file system");
        return;
    };
    let arguments = ["record", "from=test", "output=disk/class", "keep-free=2"];
    let mut child = place
        .command(&arguments)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let path = place.path("disk/class/session.json");
    place.wait_for("tracks", || {
        fs::read_to_string(&path).is_ok_and(|text| text.matches("\"file\"").count() == 2)
    });
    std::thread::sleep(Duration::from_secs(1));
    // Somebody else takes the rest, at once.
    let filled = fs::write(place.path("disk/other"), vec![1; 16 << 20]);
    assert!(filled.is_err(), "the disk is larger than it should be");
    let mut printed = String::new();
    let read = child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut printed);
    read.expect("text");
    let status = child.wait().expect("it ends").code();
    assert!(printed.contains("disk"), "{status:?} {printed}");
    fs::remove_file(place.path("disk/other")).expect("removed");
    place.done(&["recover", "input=disk/class"]);
    let session = Session::read(&fs::read(&path).expect("there")).expect("valid");
    assert!(
        matches!(session.state, Some(State::Complete | State::LimitReached)),
        "{status:?} {printed}"
    );
    for track in &session.tracks {
        // The last frame may be cut off.
        let file = place.path("disk/class").join(&track.file);
        let count = packets(&file);
        assert!(count > 15, "{count} packets in {}", track.file);
    }
}
