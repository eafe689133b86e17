// SPDX-License-Identifier: MPL-2.0

//! `record from=web`: real pages in a real Chromium, read back with ffmpeg.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gstlecture::record::session::{EventKind, Session, State};

use self::site::Site;
use crate::harness::place::{Place, number, probe, streams};
use crate::harness::tool;

mod site;

/// A recorder of a page; it is killed when this is dropped.
struct Recorder {
    place: Place,
    child: Child,
}

impl Recorder {
    fn start(url: &str, arguments: &[&str]) -> Self {
        let place = place();
        let url = format!("url={url}");
        // A browser takes long to start on a busy machine.
        let own = [&*url, "output=class", "ready-timeout=120"];
        let child = command(&place, &[&own[..], arguments].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        Recorder { place, child }
    }

    fn wait_for_session(&mut self) {
        let composite = self.place.path("class/composite.mkv");
        let mut ended = None;
        let child = &mut self.child;
        self.place.wait_for("the recording", || {
            ended = child.try_wait().expect("it is ours");
            ended.is_some() || fs::metadata(&composite).is_ok_and(|file| file.len() > 0)
        });
        if let Some(status) = ended {
            panic!("it ended ({status}): {}", self.wait().1);
        }
    }

    fn session(&self) -> Session {
        Session::read(self.place.read("class/session.json").as_bytes()).expect("a valid session")
    }

    /// Waits for its end. Returns its status and what it printed.
    fn wait(&mut self) -> (Option<i32>, String) {
        let mut printed = String::new();
        let mut pipe = self.child.stderr.take().expect("a pipe");
        pipe.read_to_string(&mut printed).expect("text");
        (self.child.wait().expect("it ends").code(), printed)
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &pid]).status();
        assert!(sent.expect("kill runs").success());
    }

    fn control(&self, request: &[&str]) {
        let ended = self
            .place
            .lecture(&[&["control", "input=class"], request].concat());
        assert_eq!(ended.status, Some(0), "{ended:?}");
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A place whose folder for temporary files the user of the browser reaches, too.
fn place() -> Place {
    let place = Place::new();
    for folder in ["", "tmp"] {
        let folder = place.path(folder);
        fs::create_dir_all(&folder).expect("made");
        fs::set_permissions(&folder, Permissions::from_mode(0o711)).expect("set");
    }
    place
}

fn command(place: &Place, arguments: &[&str]) -> Command {
    let size = ["record", "from=web", "width=640", "height=360"];
    let mut command = place.command(&[&size, arguments].concat());
    command
        .env("TMPDIR", place.path("tmp"))
        .env("ROOM_TOKEN", "open-sesame-17");
    command
}

/// The programs that still run on the stage of a recorder.
fn programs(place: &Place) -> Vec<u32> {
    let folder = place.path("tmp");
    let entries = fs::read_dir("/proc").expect("a folder").flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers
        .filter(|number| {
            let place = fs::read_link(format!("/proc/{number}/cwd"));
            place.is_ok_and(|place| place.starts_with(&folder))
        })
        .collect()
}

fn is_clean(place: &Place) -> bool {
    programs(place).is_empty() && fs::read_dir(place.path("tmp")).expect("a folder").count() == 0
}

/// The time and the brightness of each frame.
fn frames(file: &Path) -> Vec<(f64, u8)> {
    let file = file.display().to_string();
    let entries = [
        "-select_streams",
        "v",
        "-show_entries",
        "frame=best_effort_timestamp_time",
    ];
    let shown = tool(
        "ffprobe",
        &[&entries[..], &["-of", "csv=p=0", &file]].concat(),
    );
    let shown = String::from_utf8(shown).expect("text");
    let times = shown
        .lines()
        .filter_map(|line| line.trim_matches(',').parse::<f64>().ok());
    let levels = [
        "-map",
        "0:v",
        "-fps_mode",
        "passthrough",
        "-vf",
        "scale=1:1:flags=area,format=gray,settb=1/30,setpts=N",
    ];
    let input = ["-v", "error", "-i", &file];
    let levels = tool(
        "ffmpeg",
        &[&input[..], &levels, &["-f", "rawvideo", "-"]].concat(),
    );
    times.zip(levels).collect()
}

/// The loudest sample of every 5 ms, from the time 0 on.
fn peaks(file: &Path) -> Vec<i16> {
    let file = file.display().to_string();
    let input = ["-v", "error", "-copyts", "-i", &file, "-map", "0:a"];
    let form = [
        "-af",
        "aresample=async=1:first_pts=0",
        "-ac",
        "1",
        "-ar",
        "48000",
        "-f",
        "s16le",
        "-",
    ];
    let bytes = tool("ffmpeg", &[&input[..], &form].concat());
    let samples: Vec<i16> = bytes
        .chunks_exact(2)
        .map(|two| i16::from_le_bytes([two[0], two[1]]).saturating_abs())
        .collect();
    let windows = samples.chunks(240);
    windows
        .map(|window| window.iter().copied().max().unwrap_or(0))
        .collect()
}

/// The times at which the picture becomes bright and those at which a tone begins.
fn flashes_and_beeps(file: &Path) -> (Vec<f64>, Vec<f64>) {
    let frames = frames(file);
    let flashes = frames
        .windows(2)
        .filter(|pair| pair[0].1 <= 128 && pair[1].1 > 128)
        .map(|pair| pair[1].0)
        .collect();
    let peaks = peaks(file);
    let is_loud = |at: usize| peaks[at] > 3000;
    let beeps = (20..peaks.len())
        .filter(|at| is_loud(*at) && !(at - 20..*at).any(is_loud))
        .map(|at| at as f64 * 0.005)
        .collect();
    (flashes, beeps)
}

/// A page with a video of flashes and beeps; the class has a pause, a mark and a signal at its end.
#[test]
fn a_page_is_recorded_with_its_sound() {
    let site = Site::open();
    let mut recorder = Recorder::start(&site.url("film"), &["ready=signal", "room=math"]);
    recorder.wait_for_session();
    std::thread::sleep(Duration::from_secs(5));
    recorder.control(&["do=mark", "label=Questions"]);
    recorder.control(&["do=pause"]);
    std::thread::sleep(Duration::from_millis(1500));
    recorder.control(&["do=resume"]);
    std::thread::sleep(Duration::from_secs(2));
    recorder.signal("-INT");
    let (status, printed) = recorder.wait();
    assert_eq!(status, Some(0), "{printed}");
    assert!(!printed.contains("warning"), "{printed}");
    assert!(is_clean(&recorder.place));

    let session = recorder.session();
    assert_eq!(session.state, Some(State::Complete), "{session:?}");
    assert_eq!((session.tracks.len(), session.participants.len()), (0, 1));
    let file = recorder.place.path("class/composite.mkv");
    let probed = probe(&file);
    let video = streams(&probed, "video")[0];
    assert_eq!(
        (&video["width"], &video["height"]),
        (&640.into(), &360.into())
    );
    let (flashes, beeps) = flashes_and_beeps(&file);
    let mut steps: Vec<f64> = flashes
        .iter()
        .filter_map(|flash| {
            let steps = beeps.iter().map(|beep| beep - flash);
            steps.min_by(|a, b| a.abs().total_cmp(&b.abs()))
        })
        .collect();
    steps.sort_by(f64::total_cmp);
    assert!(steps.len() >= 4, "{flashes:?} {beeps:?}");
    assert!(steps[steps.len() / 2].abs() <= 0.08, "{steps:?}");
    // Nothing of the pause is in it.
    let time = |wanted: &EventKind| {
        let event = session.events.iter().find(|event| event.kind == *wanted);
        event.expect("an event").time as f64 / 1e9
    };
    let (pause, resume) = (time(&EventKind::Pause), time(&EventKind::Resume));
    let frames = frames(&file);
    let is_in = |time: f64| (pause + 0.001..resume - 0.001).contains(&time);
    assert!(
        !frames.iter().any(|(time, _)| is_in(*time)),
        "{pause} {resume}"
    );
    let after = frames.iter().filter(|(time, _)| *time >= resume).count();
    let before = frames.len() - after;
    assert!(before > 60 && after > 20, "{before} {after}");

    let made = recorder.place.done(&[
        "catalog",
        "input=class",
        "output=OUT",
        "ladder=360",
        "preset=ultrafast",
        "titles=none",
    ]);
    let trim = recorder.place.read("OUT/drafts/trim.vtt");
    assert!(trim.contains("cut: the recording was paused"), "{trim}");
    let chapters = recorder.place.read("OUT/drafts/chapters.vtt");
    assert!(chapters.contains("Questions"), "{chapters}");
    let whole = number(&probed["format"]["duration"]);
    let duration = recorder.place.manifest()["duration"]
        .as_f64()
        .expect("seconds");
    assert!(
        duration > 5.0 && (whole.is_nan() || duration < whole - 1.0),
        "{made} {whole}"
    );
}

/// The page opens a dialog, its script fails, it crashes, and is shown again; then it ends the recording.
#[test]
fn a_page_that_crashes_is_shown_again() {
    let site = Site::open();
    let mut recorder = Recorder::start(&site.url("trouble"), &["preset=ultrafast"]);
    recorder.wait_for_session();
    // It is painted by then, also on a busy machine.
    std::thread::sleep(Duration::from_secs(2));
    kill_pages(&recorder.place);
    recorder
        .place
        .wait_for("another visit", || site.visits("/trouble") == 2);
    let (status, printed) = recorder.wait();
    assert_eq!(status, Some(0), "{printed}");
    for part in [
        "a dialog (alert)",
        "Are you there?",
        "a script of the page failed",
        "boom",
        "has crashed",
    ] {
        assert!(printed.contains(part), "{part}: {printed}");
    }
    assert_eq!(recorder.session().state, Some(State::Complete));
    // The first visit is red, the second one is green.
    let file = recorder.place.path("class/composite.mkv");
    let frames = frames(&file);
    let is_red = |frame: &(f64, _)| frame.1 < 100;
    let last = frames[frames.len() - 2].1;
    assert!(frames.iter().any(is_red) && last > 120, "{frames:?}");
    assert!(is_clean(&recorder.place));
}

#[test]
fn a_page_that_crashes_ends_the_recording_if_it_is_to() {
    let site = Site::open();
    let mut recorder = Recorder::start(&site.url("plain"), &["on-crash=end", "mode=auto"]);
    recorder.wait_for_session();
    std::thread::sleep(Duration::from_secs(1));
    kill_pages(&recorder.place);
    let (status, printed) = recorder.wait();
    assert_eq!(status, Some(75), "{printed}");
    assert!(printed.contains("the page has crashed"), "{printed}");
    let session = recorder.session();
    assert_eq!(
        (session.state, session.tracks.len()),
        (Some(State::Failed), 2)
    );
    for track in &session.tracks {
        let shown = probe(&recorder.place.path("class").join(&track.file));
        assert_eq!(
            shown["streams"].as_array().map(Vec::len),
            Some(1),
            "{shown}"
        );
    }
    assert!(frames(&recorder.place.path("class/composite.mkv")).len() > 20);
    assert!(is_clean(&recorder.place));
}

/// Ends the processes of the pages of a browser, as a lack of memory does. Their sandbox hides the folder
/// that they run in; they are in the process group of the browser.
fn kill_pages(place: &Place) {
    let groups = programs(place);
    let entries = fs::read_dir("/proc").expect("a folder").flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    for number in numbers {
        let line = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        let stat = fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        let group = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split_whitespace().nth(2)?.parse().ok());
        let is_own = group.is_some_and(|group| groups.contains(&group));
        if is_own && String::from_utf8_lossy(&line).contains("--type=renderer") {
            let sent = Command::new("kill")
                .args(["-KILL", &number.to_string()])
                .status();
            sent.expect("kill runs");
        }
    }
}

#[test]
fn nothing_is_left_running_when_a_recorder_is_killed() {
    let site = Site::open();
    let mut recorder = Recorder::start(&site.url("plain"), &["preset=ultrafast"]);
    recorder.wait_for_session();
    std::thread::sleep(Duration::from_millis(1500));
    assert!(programs(&recorder.place).len() > 4);
    recorder.child.kill().expect("killed");
    recorder.place.wait_for("the end of all programs", || {
        programs(&recorder.place).is_empty()
    });
    assert!(frames(&recorder.place.path("class/composite.mkv")).len() > 15);
    let recovered = recorder.place.done(&["recover", "input=class"]);
    assert_eq!(recovered["recovered"], true);
    assert_eq!(recorder.session().state, Some(State::Complete));
}

#[test]
fn a_page_that_cannot_be_recorded_is_one_clear_error() {
    let site = Site::open();
    let place = place();
    let record = |arguments: &[&str]| {
        let ended = command(&place, &[&["output=none"], arguments].concat()).output();
        let ended = ended.expect("the program runs");
        let printed = String::from_utf8_lossy(&ended.stderr).into_owned();
        let errors: Vec<&str> = printed
            .lines()
            .filter(|line| line.starts_with("error: "))
            .collect();
        assert_eq!(errors.len(), 1, "{printed}");
        assert!(!printed.contains("open-sesame-17"), "{printed}");
        (ended.status.code(), printed)
    };
    let expect = |arguments: &[&str], status: i32, parts: &[&str]| {
        let (code, printed) = record(arguments);
        assert_eq!(code, Some(status), "{arguments:?}: {printed}");
        for part in parts {
            assert!(printed.contains(part), "{arguments:?}: {part} in {printed}");
        }
    };
    expect(&[], 2, &["url="]);
    expect(&["url=http://h/", "width=641"], 2, &["width=641"]);
    expect(&["template=http://h/", "url=ws://h"], 2, &["token="]);
    expect(
        &[&format!("url={}?key=1", site.url("missing"))],
        1,
        &["status 404", "/missing:"],
    );
    expect(
        &["url=http://127.0.0.1:9/"],
        1,
        &["cannot be opened", "127.0.0.1:9"],
    );
    let never = format!("url={}", site.url("plain"));
    expect(
        &[&never, "ready=signal", "ready-timeout=4"],
        75,
        &["not ready after 4 s"],
    );
    // A template of LiveKit gets its query, and reports its error.
    let template = format!("template={}", site.url("template"));
    let room = [
        &*template,
        "url=wss://h:1",
        "token=env:ROOM_TOKEN",
        "layout=speaker",
    ];
    expect(&room, 1, &["the page shows an error", "cannot join"]);
    let query = site.query("/template").expect("a visit");
    assert_eq!(
        query,
        "layout=speaker&url=wss%3A%2F%2Fh%3A1&token=open-sesame-17"
    );
    assert!(is_clean(&place) && !place.path("none").exists());
    // Each program that is missing is named with its package.
    let programs = place.path("programs");
    fs::create_dir(&programs).expect("made");
    for (program, package) in [
        ("chromium", "chromium"),
        ("pulseaudio", "pulseaudio"),
        ("Xvfb", "xvfb"),
    ] {
        let mut command = command(&place, &["output=none", &never]);
        let ended = command
            .env("PATH", &programs)
            .output()
            .expect("the program runs");
        let printed = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{printed}");
        assert!(
            printed.contains(program) && printed.contains(&format!("install {package}")),
            "{printed}"
        );
        symlink(format!("/usr/bin/{program}"), programs.join(program)).expect("linked");
    }
}
