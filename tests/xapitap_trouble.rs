// SPDX-License-Identifier: MPL-2.0

//! Whatever is wrong with settings, journal, LRS, stream or clock: the stream plays to its end, one
//! message says what is wrong, and a counter counts it.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
};

use gst::prelude::*;
use gstlecture::{
    delivery::Journal,
    xapi::{Uuid, check, iri},
};
use serde_json::Value;

#[path = "support/player.rs"]
mod player;

use player::{ACTIVITY, ACTOR, Player, folder, near, wav};

const WATCHED: [&str; 5] = ["initialized", "played", "completed", "paused", "terminated"];

/// Plays a short file to its end.
fn watch(folder: &Path, properties: &str) -> Player {
    let mut player = Player::file(&wav(folder, "a.wav", 300), properties);
    player.play();
    player
}

#[track_caller]
fn warned(player: &Player, words: &str) {
    assert_eq!(player.warnings.len(), 1, "{:?}", player.warnings);
    assert!(player.warnings[0].contains(words), "{}", player.warnings[0]);
    assert_eq!(player.number("troubles"), 1);
}

#[test]
fn settings() {
    let folder = folder();
    for (properties, words, reports) in [
        ("actor=\"{}\"", "no identifier", false),
        ("actor=\"{oops\"", "neither mailto", false),
        ("actor=ada", "neither mailto", false),
        ("activity-id=seven", "no IRI", false),
        ("registration=7", "no UUID", false),
        ("min-rate=2 max-rate=1", "nothing would be watched", false),
        ("endpoint=lrs", "no http", true),
        (
            "endpoint=https://a:hunter2@lrs.example.org",
            "holds credentials",
            true,
        ),
        (
            "endpoint=http://127.0.0.1:9 token=env:LECTURE_NO_SUCH",
            "is not set",
            true,
        ),
        ("manifest-location=/no/such/file", "manifest", true),
    ] {
        let player = watch(folder.path(), properties);
        warned(&player, words);
        assert!(!player.warnings[0].contains("hunter2"));
        assert_eq!(player.statements.is_empty(), !reports, "{properties}");
    }
}

#[test]
fn a_threshold_out_of_range() {
    let folder = folder();
    let path = wav(folder.path(), "a.wav", 300);
    let program = Path::new(env!("CARGO_BIN_EXE_lecture"));
    let said = |command: &mut Command, status| {
        let output = command.output().expect("the program runs");
        assert_eq!(output.status.code(), Some(status), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    // GObject says it, and the default stays.
    let line = format!(
        "filesrc location={path} ! wavparse ! xapitap actor={ACTOR} activity-id={ACTIVITY} \
         completion-threshold=7 ! fakesink sync=true"
    );
    let mut launch = Command::new("gst-launch-1.0");
    launch.args(line.split(' ')).env_remove("G_DEBUG");
    // Beside a test's own binary lies the plugin that it was built with.
    let built = std::env::current_exe()
        .expect("the test")
        .with_file_name("libgstlecture.so");
    let plugins = folder.path().join("plugins");
    fs::create_dir(&plugins).expect("made");
    fs::copy(built, plugins.join("libgstlecture.so")).expect("copied");
    launch.env("GST_PLUGIN_PATH", plugins);
    launch.env("GST_REGISTRY", folder.path().join("registry.bin"));
    assert!(said(&mut launch, 0).contains("out of range"));
    // The program asks for another one.
    let mut play = Command::new(program);
    play.args(["play", "headless=true", "actor=mailto:ada@example.org"]);
    play.args([&format!("input={path}"), "completion-threshold=7"]);
    assert!(said(&mut play, 2).contains("completion-threshold cannot be 7"));
}

/// What a server answers to everything, or nothing at all.
fn server(answer: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let mut hanging = Vec::new();
        for mut stream in listener.incoming().flatten() {
            match answer {
                Some(answer) => {
                    let mut request = [0; 65536];
                    let _ = stream.read(&mut request);
                    let _ = stream.write_all(answer.as_bytes());
                }
                None => hanging.push(stream),
            }
        }
    });
    address.to_string()
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server whose certificate nobody vouches for.
fn self_signed(folder: &Path) -> (Killed, String) {
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(folder);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let made = openssl(
        "req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out cert.pem",
    )
    .status();
    assert!(made.is_ok_and(|status| status.success()), "openssl runs");
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port")
        .port();
    let server = openssl(&format!(
        "s_server -accept {port} -key key.pem -cert cert.pem -www"
    ))
    .stdin(Stdio::piped())
    .spawn()
    .expect("openssl runs");
    let address = format!("localhost:{port}");
    while std::net::TcpStream::connect(&address).is_err() {
        thread::yield_now();
    }
    (Killed(server), address)
}

#[test]
fn an_lrs_that_is_none() {
    let folder = folder();
    let (_server, unknown) = self_signed(folder.path());
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\n\
                Connection: close\r\n\r\n<html>x</html>";
    let moved = "HTTP/1.1 301 Moved\r\nLocation: https://elsewhere.example/\r\n\
                 Content-Length: 0\r\nConnection: close\r\n\r\n";
    let busy = "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops";
    for (endpoint, state, words) in [
        // Nobody listens on the discard port.
        ("http://127.0.0.1:9/".to_owned(), "retrying", "refused"),
        (format!("https://{unknown}/"), "retrying", "ertificate"),
        (format!("https://{}/", server(Some(html))), "retrying", ""),
        (format!("http://{}/", server(Some(html))), "held", "no LRS"),
        (
            format!("http://{}/", server(Some(moved))),
            "held",
            "elsewhere.example",
        ),
        (
            format!("http://{}/", server(Some(busy))),
            "retrying",
            "oops",
        ),
    ] {
        let journal = folder.path().join(endpoint.replace(['/', ':'], "-"));
        let player = watch(
            folder.path(),
            &format!("endpoint={endpoint} journal={}", journal.display()),
        );
        assert_eq!(player.verbs(), WATCHED);
        assert_eq!(player.warnings, [""; 0], "{endpoint}");
        let told: Vec<(String, String)> = player
            .deliveries
            .iter()
            .filter_map(|told| Some((told.get("state").ok()?, told.get("reason").ok()?)))
            .filter(|(state, _)| state != "working")
            .collect();
        assert_eq!(told.len(), 1, "{endpoint}: {told:?}");
        assert!(told[0].0 == state && told[0].1.contains(words), "{told:?}");
        assert!(player.number("failures") >= 1);
        assert_eq!((player.number("pending"), player.number("lost")), (5, 0));
    }
}

#[test]
fn an_lrs_that_hangs() {
    let folder = folder();
    let endpoint = format!("http://{}/", server(None));
    let player = watch(
        folder.path(),
        &format!("endpoint={endpoint} drain-timeout=100000000"),
    );
    assert_eq!(player.verbs(), WATCHED);
    assert_eq!(player.number("pending"), 5);
}

#[test]
fn a_journal_where_none_can_be() {
    let folder = folder();
    fs::write(folder.path().join("file"), "").expect("written");
    let journal = folder.path().join("file/journal");
    let player = watch(folder.path(), &format!("journal={}", journal.display()));
    warned(&player, "kept in memory");
    assert_eq!(player.verbs(), WATCHED);
    assert_eq!(player.number("unwritten"), 5);
}

#[test]
fn a_journal_that_was_hurt() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let file = journal.join("statements.journal");
    let properties = format!("journal={}", journal.display());
    watch(folder.path(), &properties);
    let whole = fs::read(&file).expect("a journal");

    // A last record that was never finished is no trouble: nothing of it was sent.
    fs::write(&file, &whole[..whole.len() - 5]).expect("written");
    let player = watch(folder.path(), &properties);
    assert_eq!(player.warnings, [""; 0]);
    assert_eq!(player.verbs()[0], "initialized");

    // Of a flipped bit in the middle, and of one at the end, a copy is kept.
    for at in [whole.len() / 2, whole.len() - 5] {
        let mut flipped = whole.clone();
        flipped[at] ^= 4;
        fs::write(&file, &flipped).expect("written");
        let player = watch(folder.path(), &properties);
        warned(&player, "a copy is kept");
        let copy = journal.join("statements.journal.damaged");
        assert_eq!(fs::read(&copy).expect("a copy"), flipped);
    }

    // A later version's is not touched.
    let newer = [b"LECTXAPI\x09\0\0\0".as_slice(), &whole[12..]].concat();
    fs::write(&file, &newer).expect("written");
    let player = watch(folder.path(), &properties);
    warned(&player, "of version 9");
    assert_eq!(player.verbs(), WATCHED);
    assert_eq!(fs::read(&file).expect("still there"), newer);
}

/// A file system of its own, taken away in the end.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn new(path: &'a Path, options: &str) -> Option<Self> {
        fs::create_dir_all(path).expect("a folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(path)
            .output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(Mounted(path));
        }
        println!("skipped: mounting a tmpfs needs root");
        None
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
fn a_disk_that_is_full_and_has_room_again() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let Some(_mounted) = Mounted::new(&journal, "size=64k") else {
        return;
    };
    let properties = format!("journal={}", journal.display());
    watch(folder.path(), &properties);
    let fill = || {
        let mut file = fs::File::create(journal.join("fill")).expect("a file");
        while file.write_all(&[7; 256]).is_ok() {}
    };
    fill();
    let player = watch(folder.path(), &properties);
    warned(&player, "cannot be written");
    assert_eq!(
        player.verbs(),
        ["initialized", "played", "paused", "terminated"]
    );
    // A last page may still have taken a record.
    assert!(player.number("unwritten") > 0);
    drop(player);

    // Room comes while the video plays: everything is on the disk in the end.
    let mut player = Player::file(&wav(folder.path(), "b.wav", 900), &properties);
    player.set(gst::State::Playing);
    player.to(300);
    fs::remove_file(journal.join("fill")).expect("removed");
    player.play_to_the_end();
    player.stop();
    assert_eq!(player.number("unwritten"), 0);
    let journal = Journal::open(&journal).expect("it opens");
    assert_eq!(
        journal.contents().pending.len(),
        5 + player.statements.len()
    );
}

#[test]
fn a_disk_that_cannot_be_written() {
    let folder = folder();
    let path = folder.path().join("mounted");
    let Some(_mounted) = Mounted::new(&path, "ro,size=64k") else {
        return;
    };
    let properties = format!("journal={}", path.join("journal").display());
    let player = watch(folder.path(), &properties);
    warned(&player, "kept in memory");
    assert_eq!(player.verbs(), WATCHED);
}

#[test]
fn a_journal_that_another_process_has() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let journal_is = format!("journal={}", journal.display());
    let mut first = Player::file(&wav(folder.path(), "a.wav", 300), &journal_is);
    first.set(gst::State::Paused);
    let lecture = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_lecture"))
            .args(arguments)
            .output()
            .expect("the program runs")
    };
    let input = format!("input={}", folder.path().join("a.wav").display());
    let actor = "actor=mailto:bob@example.org";
    let played = lecture(&[
        "play",
        &input,
        "headless=true",
        actor,
        &journal_is,
        "--json",
    ]);
    assert!(played.status.success());
    let result: Value = serde_json::from_slice(&played.stdout).expect("JSON");
    assert_eq!(result["verbs"], serde_json::json!(WATCHED));
    assert_eq!(result["troubles"], 1);
    assert!(String::from_utf8_lossy(&played.stderr).contains("is in use"));
    let endpoint = "endpoint=http://127.0.0.1:9/";
    let delivered = lecture(&["xapi-deliver", &journal_is, endpoint]);
    assert_eq!(delivered.status.code(), Some(75));
    first.play();
    assert_eq!(first.verbs(), WATCHED);
    assert_eq!(first.warnings, [""; 0]);
}

#[test]
fn a_live_stream_without_a_length() {
    let source = "audiotestsrc is-live=true num-buffers=20 samplesperbuffer=800 ! \
                  audio/x-raw,rate=16000";
    let mut player = Player::new(source, "");
    player.play();
    warned(&player, "set the property length");
    assert_eq!(player.verbs(), [""; 0]);

    let mut player = Player::new(source, "length=2000000000");
    player.play();
    assert_eq!(
        player.verbs(),
        ["initialized", "played", "paused", "terminated"]
    );
    assert_eq!(check::all(&player.statements), []);
    let played = player.played();
    assert!(played.len() == 1 && near(played[0].1, 1000), "{played:?}");
}

const APPLICATION: &str = "appsrc name=source format=time duration=1000000000 \
                           caps=audio/x-raw,format=S16LE,rate=8000,channels=1,layout=interleaved";

/// Media of so many tenths of a second.
fn feed(player: &Player, tenths: u64) -> gst::Element {
    let app = player.pipeline.by_name("source").expect("a source");
    for turn in 0..tenths {
        let mut buffer = gst::Buffer::with_size(1600).expect("memory");
        let fields = buffer.get_mut().expect("a new buffer");
        fields.set_pts(gst::ClockTime::from_mseconds(turn * 100));
        fields.set_duration(gst::ClockTime::from_mseconds(100));
        let flow: gst::FlowReturn = app.emit_by_name("push-buffer", &[&buffer]);
        assert_eq!(flow, gst::FlowReturn::Ok);
    }
    app
}

/// The network is slow: what did not arrive was not watched.
#[test]
fn a_stream_that_stalls() {
    let mut player = Player::new(APPLICATION, "length=4000000000");
    feed(&player, 10);
    player.set(gst::State::Playing);
    player.to(900);
    std::thread::sleep(std::time::Duration::from_millis(700));
    player.stop();
    assert_eq!(check::all(&player.statements), []);
    let played = player.played();
    assert!(played.len() == 1 && near(played[0].1, 1000), "{played:?}");
    assert!(played[0].1 <= 1000, "{played:?}");
}

#[test]
fn a_length_that_grows() {
    let mut player = Player::new(APPLICATION, "checkpoint-interval=100000000");
    let app = feed(&player, 20);
    let flow: gst::FlowReturn = app.emit_by_name("end-of-stream", &[]);
    assert_eq!(flow, gst::FlowReturn::Ok);
    player.set(gst::State::Playing);
    player.to(500);
    app.set_property("duration", 4_000_000_000_u64);
    player.play_to_the_end();
    player.stop();
    // Half of what it came to.
    assert_eq!(
        player.verbs(),
        ["initialized", "played", "paused", "terminated"]
    );
    assert_eq!(check::all(&player.statements), []);
    let played = player.played();
    assert!(played.len() == 1 && near(played[0].1, 2000), "{played:?}");
    let last = player.statements.last().expect("terminated");
    let progress = last["result"]["extensions"][iri::PROGRESS].as_f64();
    assert!(progress.is_some_and(|progress| (0.5..0.54).contains(&progress)));
    assert_eq!(last["context"]["extensions"][iri::LENGTH], 4);
    assert_eq!(player.warnings, [""; 0]);
}

#[test]
fn a_stream_that_runs_backwards() {
    let source = "videotestsrc num-buffers=200 ! video/x-raw,width=32,height=32,framerate=20/1";
    let mut player = Player::new(source, "length=3000000000");
    player.set(gst::State::Playing);
    player.to(600);
    let from = player.position();
    let turn = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
    player
        .pipeline
        .seek(
            -1.0,
            turn,
            gst::SeekType::Set,
            gst::ClockTime::ZERO,
            gst::SeekType::Set,
            gst::ClockTime::from_mseconds(2000),
        )
        .expect("it turns");
    player.play_to_the_end();
    player.stop();
    assert_eq!(check::all(&player.statements), []);
    let played = player.played();
    assert!(played.len() == 1 && near(played[0].1, from), "{played:?}");
    assert!(!player.verbs().contains(&"completed"));
    assert_eq!(player.warnings, [""; 0]);
}

#[test]
fn a_stream_without_buffers() {
    let mut player = Player::new("videotestsrc num-buffers=0", "length=3000000000");
    player.play();
    warned(&player, "no media");
    assert_eq!(check::all(&player.statements), []);
    assert_eq!(player.verbs().first(), Some(&"initialized"));
    assert_eq!(player.verbs().last(), Some(&"terminated"));
    assert_eq!(player.played(), []);
}

#[test]
fn a_segment_that_is_not_in_time() {
    let folder = folder();
    let path = wav(folder.path(), "a.wav", 300);
    let mut player = Player::new(&format!("filesrc location={path}"), "length=3000000000");
    player.play();
    warned(&player, "behind the demuxer");
}

/// The disk as it is at one moment of playback is all that a crash leaves.
#[test]
fn a_crash_costs_at_most_one_checkpoint() {
    let folder = folder();
    let (journal, copy) = (folder.path().join("journal"), folder.path().join("copy"));
    let properties = format!(
        "journal={} checkpoint-interval=1000000000",
        journal.display()
    );
    let mut player = Player::file(&wav(folder.path(), "a.wav", 5000), &properties);
    player.set(gst::State::Playing);
    player.to(3500);
    let at = player.position();
    fs::create_dir(&copy).expect("a folder");
    let file = "statements.journal";
    fs::copy(journal.join(file), copy.join(file)).expect("copied");
    player.stop();

    let mut left = Journal::open(&copy).expect("it opens");
    let mut ids = (1..).map(|number| Uuid::v4([number; 16]));
    let mut new_id = || ids.next().expect("enough");
    assert_eq!(left.close_abandoned(&mut new_id).expect("written"), 1);
    let statements: Vec<Value> = left
        .contents()
        .pending
        .values()
        .map(|entry| left.statement(entry).expect("it can be read"))
        .map(|json| serde_json::from_str(&json).expect("JSON"))
        .collect();
    assert_eq!(check::all(&statements), []);
    let last = &statements.last().expect("terminated")["result"]["extensions"];
    let said = last[iri::TIME].as_f64().expect("a time") * 1000.0;
    // The interval, and half a second for a busy machine.
    assert!(
        said <= at as f64 + 150.0 && said >= at as f64 - 1500.0,
        "{said} of {at}"
    );
}

/// After a re-cut nothing is claimed that was not seen.
#[test]
fn a_video_that_was_cut_anew() {
    let folder = folder();
    let manifest = folder.path().join("manifest.json");
    let cut =
        |kept: &str| fs::write(&manifest, format!(r#"{{"kept":[{kept}]}}"#)).expect("written");
    let properties = format!(
        "journal={} manifest-location={} completion-threshold=0.95",
        folder.path().join("journal").display(),
        manifest.display()
    );
    // Of the recording 10 s to 10.8 s are shown, and seen.
    cut(r#"{"start":10,"end":10.8}"#);
    let mut player = Player::file(&wav(folder.path(), "a.wav", 800), &properties);
    player.set(gst::State::Playing);
    player.to(700);
    player.set(gst::State::Paused);
    let seen = player.position();
    player.stop();
    // Now it begins half a second earlier, and ends 0.2 s earlier.
    cut(r#"{"start":9.5,"end":10.6}"#);
    let mut player = Player::file(&wav(folder.path(), "b.wav", 1100), &properties);
    player.set(gst::State::Playing);
    player.to(200);
    player.set(gst::State::Paused);
    player.stop();
    assert!(seen > 600, "{seen}");
    let played = player.played();
    assert_eq!(played[0], (500, 1100));
    assert!(played[1].0 == 0 && played[1].1 < 400, "{played:?}");
    assert!(!player.verbs().contains(&"completed"));
}
