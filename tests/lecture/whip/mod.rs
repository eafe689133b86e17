// SPDX-License-Identifier: MPL-2.0

//! `record from=whip`: real senders publish to the endpoint of a recorder, and leave it.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gstlecture::record::layout::Source;
use gstlecture::record::session::{EventKind, Session, State, Track};

use self::sender::{Browser, Sender};
use crate::harness::place::{Place, number, probe, streams};
use crate::harness::tool;

mod sender;

const TOKEN: &str = "open-sesame-17";

/// An answer of the endpoint.
struct Answered {
    status: u16,
    location: String,
    body: String,
}

fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Answered {
    let mut request = ureq::http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .timeout_global(Some(Duration::from_secs(20)))
        .build()
        .new_agent();
    let request = request.body(body.to_owned()).expect("a request");
    let mut response = agent.run(request).expect("an answer");
    let location = response.headers().get("Location");
    Answered {
        status: response.status().as_u16(),
        location: location.map_or(String::new(), |location| {
            location.to_str().expect("text").to_owned()
        }),
        body: response.body_mut().read_to_string().expect("text"),
    }
}

fn post(url: &str, token: Option<&str>, offer: &str) -> Answered {
    let bearer = format!("Bearer {}", token.unwrap_or_default());
    let mut headers = vec![("Content-Type", "application/sdp")];
    headers.extend(token.map(|_| ("Authorization", &*bearer)));
    request("POST", url, &headers, offer)
}

/// A recorder with an endpoint; it is killed when this is dropped.
struct Recorder {
    place: Place,
    child: Child,
    /// The endpoint, without a participant.
    endpoint: String,
}

impl Recorder {
    fn start(arguments: &[&str]) -> Self {
        let place = Place::new();
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let listen = format!("listen={address}");
        let own = [
            "record",
            "from=whip",
            "output=class",
            "address=127.0.0.1",
            &listen,
        ];
        let child = place
            .command(&[&own[..], arguments].concat())
            .env("WHIP_TOKEN", TOKEN)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let recorder = Recorder {
            place,
            child,
            endpoint: format!("http://{address}/whip"),
        };
        recorder
            .place
            .wait_for("the endpoint", || TcpStream::connect(address).is_ok());
        recorder
    }

    fn session(&self) -> Session {
        Session::read(self.place.read("class/session.json").as_bytes()).expect("a valid session")
    }

    /// Waits until this is so of the session.
    fn wait_for(&self, what: &str, is_so: impl Fn(&Session) -> bool) {
        self.place.wait_for(what, || {
            let text = fs::read(self.place.path("class/session.json")).unwrap_or_default();
            Session::read(&text).is_ok_and(|session| is_so(&session))
        });
    }

    /// Ends the recording. Returns its status and what it printed.
    fn end(&mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status();
        assert!(sent.expect("kill runs").success());
        let mut printed = String::new();
        let mut pipe = self.child.stderr.take().expect("a pipe");
        pipe.read_to_string(&mut printed).expect("text");
        (self.child.wait().expect("it ends").code(), printed)
    }

    fn file(&self, track: &Track) -> String {
        self.place
            .path("class")
            .join(&track.file)
            .display()
            .to_string()
    }

    fn track(&self, participant: &str, source: Source) -> Track {
        let session = self.session();
        let own = |track: &&Track| track.participant == participant && track.source == source;
        let track = session.tracks.iter().find(own);
        track
            .unwrap_or_else(|| panic!("{participant} {source:?} in {session:?}"))
            .clone()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The times of the packets of a file, or of its key frames, in seconds.
fn times(file: &str, only_keys: bool) -> Vec<f64> {
    let shown = tool(
        "ffprobe",
        &[
            "-show_entries",
            "packet=pts_time,flags",
            "-of",
            "csv=p=0",
            file,
        ],
    );
    let shown = String::from_utf8(shown).expect("text");
    let lines = shown
        .lines()
        .filter(|line| !only_keys || line.contains(",K"));
    lines
        .filter_map(|line| line.split(',').next()?.parse().ok())
        .collect()
}

fn size(file: &Path) -> (u64, u64) {
    let probed = probe(file);
    let side = |name: &str| {
        streams(&probed, "video")[0][name]
            .as_u64()
            .expect("a number")
    };
    (side("width"), side("height"))
}

fn leaves(session: &Session, id: &str) -> usize {
    let left =
        |kind: &EventKind| matches!(kind, EventKind::Leave { participant } if participant == id);
    session
        .events
        .iter()
        .filter(|event| left(&event.kind))
        .count()
}

/// A browser and a GStreamer sender publish at the same time.
#[test]
fn a_browser_and_another_sender_are_recorded_until_they_leave() {
    let mut recorder = Recorder::start(&["token=env:WHIP_TOKEN"]);
    let ada = format!("{}/ada?label=Ada+Lovelace&role=host", recorder.endpoint);
    let browser = Browser::publish(&ada.replace('&', "%26"), TOKEN, 6);
    let ben = Sender::publish(&format!("{}/ben", recorder.endpoint), Some(TOKEN));
    assert_eq!(browser.report(), "connected");
    recorder.wait_for("four tracks", |session| session.tracks.len() == 4);
    std::thread::sleep(Duration::from_secs(1));
    ben.lose(30);
    assert_eq!(browser.report(), "deleted 200");
    recorder.wait_for("a leave", |session| leaves(session, "ada") == 1);
    assert_eq!(leaves(&recorder.session(), "ben"), 0);
    let session = recorder.endpoint.replace("/whip", &ben.location);
    assert_eq!(request("DELETE", &session, &[], "").status, 401);
    let bearer = format!("Bearer {TOKEN}");
    let authorization = [("Authorization", &*bearer)];
    assert_eq!(request("DELETE", &session, &authorization, "").status, 200);
    assert_eq!(leaves(&recorder.session(), "ben"), 1);
    assert_eq!(request("DELETE", &session, &authorization, "").status, 404);
    let (status, printed) = recorder.end();
    assert_eq!(status, Some(0), "{printed}");
    assert!(
        !printed.contains(TOKEN) && !printed.contains("warning"),
        "{printed}"
    );

    let session = recorder.session();
    assert_eq!(
        (session.state, session.tracks.len()),
        (Some(State::Complete), 4),
        "{session:?}"
    );
    let host = session.participant("ada").expect("she is there");
    assert_eq!(host.label.as_deref(), Some("Ada Lovelace"));
    for (participant, expected, seconds) in [("ada", (640, 360), 5.0), ("ben", (320, 240), 3.0)] {
        let video = recorder.track(participant, Source::Camera);
        let audio = recorder.track(participant, Source::Microphone);
        assert_eq!(
            (video.codec.as_deref(), audio.codec.as_deref()),
            (Some("vp8"), Some("opus"))
        );
        assert_eq!(
            size(Path::new(&recorder.file(&video))),
            expected,
            "{participant}"
        );
        assert!(
            video.start.abs_diff(audio.start) < 1_500_000_000,
            "{video:?} {audio:?}"
        );
        for track in [&video, &audio] {
            let times = times(&recorder.file(track), false);
            let (first, last) = (times[0], times[times.len() - 1]);
            assert!(
                (first - track.start as f64 / 1e9).abs() < 0.002,
                "{track:?} {first}"
            );
            assert!(last - first > seconds, "{participant}: {first} to {last}");
            let rate = times.len() as f64 / (last - first);
            let expected = if track.source == Source::Camera {
                10.0..35.0
            } else {
                40.0..55.0
            };
            assert!(expected.contains(&rate), "{track:?}: {rate} per second");
        }
        // It starts with a key frame, and the picture can be decoded to its end.
        let file = recorder.file(&video);
        assert_eq!(times(&file, true)[0], times(&file, false)[0]);
        let entries = [
            "-count_frames",
            "-show_entries",
            "stream=nb_read_frames",
            "-of",
            "csv=p=0",
        ];
        let decoded = tool("ffprobe", &[&entries[..], &[&file]].concat());
        let decoded = String::from_utf8(decoded).expect("text");
        let count = times(&file, false).len().to_string();
        assert_eq!(decoded.trim().trim_matches(','), count, "{participant}");
    }
    // The lost packets were followed by a key frame that was asked for.
    let video = recorder.file(&recorder.track("ben", Source::Camera));
    assert!(times(&video, true).len() >= 2, "{:?}", times(&video, true));
    recorder.place.done(&[
        "compose",
        "input=class",
        "output=class.mkv",
        "preset=ultrafast",
    ]);
    let composed = probe(&recorder.place.path("class.mkv"));
    assert!(number(&composed["format"]["duration"]) > 5.0, "{composed}");
}

/// Whatever a request has that it should not have, it is refused and nobody joins.
#[test]
fn a_bad_request_has_its_status() {
    let mut recorder = Recorder::start(&["token=env:WHIP_TOKEN"]);
    let endpoint = format!("{}/ada", recorder.endpoint);
    let offer = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
    assert_eq!(post(&endpoint, None, offer).status, 401);
    assert_eq!(post(&endpoint, Some("another"), offer).status, 401);
    let status = |method: &str, url: &str, more: &[(&str, &str)], body: &str| {
        let bearer = format!("Bearer {TOKEN}");
        let headers = [&[("Authorization", &*bearer)], more].concat();
        request(method, url, &headers, body).status
    };
    let sdp = ("Content-Type", "application/sdp");
    assert_eq!(status("GET", &endpoint, &[], ""), 405);
    assert_eq!(
        status("POST", &endpoint, &[("Content-Type", "text/plain")], offer),
        415
    );
    assert_eq!(
        status("POST", &endpoint, &[sdp, ("Accept", "text/html")], offer),
        406
    );
    assert_eq!(status("POST", &endpoint, &[sdp], "hello"), 400);
    assert_eq!(status("POST", &endpoint, &[sdp], offer), 422);
    let speech = "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 speex/8000\r\n";
    assert_eq!(
        status("POST", &endpoint, &[sdp], &format!("{offer}{speech}")),
        422
    );
    let unsecured = "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 opus/48000/2\r\na=mid:0\r\n";
    assert_eq!(
        status("POST", &endpoint, &[sdp], &format!("{offer}{unsecured}")),
        422
    );
    assert_eq!(
        status("POST", &endpoint, &[sdp], &"v=0".repeat(200_000)),
        413
    );
    assert_eq!(
        status(
            "POST",
            &recorder.endpoint.replace("whip", "other"),
            &[sdp],
            offer
        ),
        404
    );
    assert_eq!(
        status(
            "PATCH",
            &recorder.endpoint.replace("whip", "session/1"),
            &[],
            ""
        ),
        405
    );
    let preflight = request(
        "OPTIONS",
        &endpoint,
        &[("Origin", "https://example.org")],
        "",
    );
    assert_eq!(preflight.status, 204);

    let listen = recorder
        .endpoint
        .replace("http://", "listen=")
        .replace("/whip", "");
    let record = |arguments: &[&str]| {
        recorder
            .place
            .lecture(&[&["record", "from=whip", "output=other"], arguments].concat())
    };
    record(&[&listen]).failed(75, &["another program listens", "listen="]);
    record(&["listen=0.0.0.0:0"]).failed(2, &["everybody", "token="]);
    record(&["token=secret"]).failed(2, &["env:NAME or file:PATH"]);
    record(&["token=file:none"]).failed(1, &["none"]);
    record(&["listen=8090"]).failed(2, &["ADDRESS:PORT"]);
    record(&["listen=127.0.0.1:0", "duration=0.5"]).failed(1, &["nothing was recorded"]);
    let (status, printed) = recorder.end();
    assert_eq!(status, Some(1), "{printed}");
    assert!(
        printed.contains("nothing was recorded") && !printed.contains(TOKEN),
        "{printed}"
    );
    let session = recorder.place.read("class/session.json");
    assert!(session.contains("EGRESS_ABORTED"), "{session}");
}

/// Nobody tells the recorder that a browser was killed.
#[test]
fn a_sender_that_dies_leaves_and_the_recording_goes_on() {
    let mut recorder = Recorder::start(&[]);
    let browser = Browser::publish(&format!("{}/ada", recorder.endpoint), "none", 600);
    assert_eq!(browser.report(), "connected");
    recorder.wait_for("two tracks", |session| session.tracks.len() == 2);
    drop(browser);
    recorder.wait_for("a leave", |session| leaves(session, "ada") == 1);
    let _ben = Sender::publish(&format!("{}/ben", recorder.endpoint), None);
    recorder.wait_for("two more tracks", |session| session.tracks.len() == 4);
    let (status, printed) = recorder.end();
    assert_eq!(status, Some(0), "{printed}");
    assert_eq!(recorder.session().state, Some(State::Complete));
}
