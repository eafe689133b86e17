// SPDX-License-Identifier: MPL-2.0

//! The element in real pipelines: what it says is held against the validator and against what the
//! pipeline was told to do.

use std::{fs, path::Path, time::Duration};

use gst::prelude::*;
use gstlecture::xapi::{check, iri, segments, units::duration_from_text};
use serde_json::Value;

const ACTOR: &str = "mailto:ada@example.org";
const ACTIVITY: &str = "https://example.org/class/7";

fn init() {
    gst::init().expect("GStreamer starts");
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| gstlecture::plugin_register_static().expect("the plugin registers"));
}

/// A WAV file of silence: mono, 8 kHz, 16 bit.
fn wav(folder: &Path, name: &str, ms: u32) -> String {
    let data = ms * 16;
    let mut bytes = Vec::new();
    bytes.extend(b"RIFF");
    bytes.extend((36 + data).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(8000_u32.to_le_bytes());
    bytes.extend(16_000_u32.to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(data.to_le_bytes());
    bytes.resize(44 + data as usize, 0);
    let path = folder.join(name);
    fs::write(&path, bytes).expect("the file is written");
    path.display().to_string()
}

/// A pipeline with the tap in it, and what was heard from it.
struct Player {
    pipeline: gst::Pipeline,
    tap: gst::Element,
    statements: Vec<Value>,
    warnings: Vec<String>,
    deliveries: Vec<gst::Structure>,
}

impl Player {
    fn new(source: &str, properties: &str) -> Self {
        init();
        let description = format!(
            "{source} ! xapitap name=tap actor={ACTOR} activity-id={ACTIVITY} {properties} ! \
             fakesink name=sink sync=true"
        );
        let pipeline = gst::parse::launch(&description)
            .expect("the description is right")
            .downcast::<gst::Pipeline>()
            .expect("it is a pipeline");
        let tap = pipeline.by_name("tap").expect("it has a tap");
        Player {
            pipeline,
            tap,
            statements: vec![],
            warnings: vec![],
            deliveries: vec![],
        }
    }

    fn file(path: &str, properties: &str) -> Self {
        Player::new(
            &format!("filesrc location={path} blocksize=1600 ! wavparse"),
            properties,
        )
    }

    fn set(&mut self, state: gst::State) {
        self.pipeline.set_state(state).expect("the state changes");
        let (result, ..) = self.pipeline.state(gst::ClockTime::from_seconds(20));
        result.expect("the state is reached");
    }

    fn hear(&mut self, message: &gst::Message) {
        match message.view() {
            gst::MessageView::Error(error) => panic!("{error:?}"),
            gst::MessageView::Warning(warning) => self.warnings.push(warning.error().to_string()),
            gst::MessageView::Element(element) => {
                let structure = element.structure().expect("a structure");
                match structure.name().as_str() {
                    "xapitap-statement" => {
                        let json: String = structure.get("json").expect("json");
                        let value: Value = serde_json::from_str(&json).expect("JSON");
                        assert_eq!(value["id"], structure.get::<String>("id").expect("id"));
                        let verb: String = structure.get("verb").expect("verb");
                        assert!(
                            value["verb"]["id"]
                                .as_str()
                                .is_some_and(|id| id.ends_with(&verb))
                        );
                        self.statements.push(value);
                    }
                    "xapitap-delivery" => self.deliveries.push(structure.to_owned()),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Plays on until the end of the stream.
    fn play_to_the_end(&mut self) {
        let bus = self.pipeline.bus().expect("a bus");
        while let Some(message) = bus.timed_pop(gst::ClockTime::from_seconds(30)) {
            self.hear(&message);
            if message.type_() == gst::MessageType::Eos {
                return;
            }
        }
        panic!("the stream does not end");
    }

    /// Plays on until the position is reached.
    fn to(&self, ms: u64) {
        while self.position() < ms {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn position(&self) -> u64 {
        let position = self.pipeline.query_position::<gst::ClockTime>();
        position.map_or(0, gst::ClockTime::mseconds)
    }

    fn seek(&mut self, rate: f64, ms: u64) {
        self.pipeline
            .seek(
                rate,
                gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE,
                gst::SeekType::Set,
                gst::ClockTime::from_mseconds(ms),
                gst::SeekType::None,
                gst::ClockTime::NONE,
            )
            .expect("it seeks");
        let (result, ..) = self.pipeline.state(gst::ClockTime::from_seconds(20));
        result.expect("the seek is done");
    }

    /// Stops, and hears what was said until then.
    fn stop(&mut self) {
        self.set(gst::State::Ready);
        let bus = self.pipeline.bus().expect("a bus");
        while let Some(message) = bus.pop() {
            self.hear(&message);
        }
    }

    fn verbs(&self) -> Vec<&str> {
        self.statements
            .iter()
            .filter_map(|statement| statement["verb"]["display"]["en"].as_str())
            .collect()
    }

    fn played(&self) -> Vec<segments::Segment> {
        let last = self.statements.last().expect("something was said");
        let text = last["result"]["extensions"][iri::PLAYED_SEGMENTS]
            .as_str()
            .expect("a text");
        segments::from_text(text).expect("segments")
    }

    fn number(&self, name: &str) -> u64 {
        self.tap
            .property::<gst::Structure>("stats")
            .get(name)
            .expect("a number")
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// Positions are read, and states changed, a moment apart.
fn near(a: u64, b: u64) -> bool {
    a.abs_diff(b) <= 150
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn watched_play_to_the_end() {
    let folder = folder();
    let mut player = Player::file(&wav(folder.path(), "a.wav", 800), "");
    player.set(gst::State::Playing);
    player.play_to_the_end();
    player.stop();
    assert_eq!(
        player.verbs(),
        ["initialized", "played", "completed", "paused", "terminated"]
    );
    assert_eq!(check::all(&player.statements), []);
    assert_eq!(player.played(), [(0, 800)]);
    assert_eq!(player.warnings, [""; 0]);
}

#[test]
fn play_pause_seek_and_rate_are_told_apart() {
    let folder = folder();
    let mut player = Player::file(
        &wav(folder.path(), "a.wav", 4000),
        "completion-threshold=0.9",
    );
    player.set(gst::State::Playing);
    player.to(800);
    player.set(gst::State::Paused);
    let paused = player.position();
    player.seek(1.0, 300);
    player.set(gst::State::Playing);
    player.to(1000);
    let turned = player.position();
    player.seek(2.0, turned);
    player.play_to_the_end();
    player.stop();
    assert_eq!(
        player.verbs(),
        [
            "initialized",
            "played",
            "paused",
            "seeked",
            "played",
            "interacted",
            "completed",
            "paused",
            "terminated"
        ]
    );
    assert_eq!(check::all(&player.statements), []);
    let played = player.played();
    assert_eq!(played.len(), 2, "{played:?}");
    assert!(
        played[0].0 == 0 && near(played[0].1, paused),
        "{played:?}, paused at {paused}"
    );
    assert!(played[1] == (300, 4000), "{played:?}");
    let speed = &player.statements[5]["context"]["extensions"][iri::SPEED];
    assert_eq!(speed, "2x");
    let completed = &player.statements[6]["result"];
    let progress = completed["extensions"][iri::PROGRESS].as_f64();
    assert!(
        progress.is_some_and(|progress| (0.9..0.95).contains(&progress)),
        "{progress:?}"
    );
    // Of the media up to 3.6 s, what was played at the single speed and at the double.
    let spent = completed["duration"]
        .as_str()
        .and_then(duration_from_text)
        .expect("a duration");
    let expected = paused + (turned - 300) + (3600 - turned) / 2;
    assert!(
        near(spent, expected),
        "{spent} ms spent, {expected} expected"
    );
}

#[test]
fn a_seek_while_playing_is_one_seek() {
    let folder = folder();
    let mut player = Player::file(&wav(folder.path(), "a.wav", 5000), "");
    player.set(gst::State::Playing);
    player.to(400);
    let from = player.position();
    for target in [1000, 2500, 3000] {
        player.seek(1.0, target);
    }
    player.to(3900);
    let at = player.position();
    player.set(gst::State::Paused);
    player.stop();
    assert_eq!(
        player.verbs(),
        [
            "initialized",
            "played",
            "seeked",
            "played",
            "paused",
            "terminated"
        ]
    );
    assert_eq!(check::all(&player.statements), []);
    let played = player.played();
    assert!(
        near(played[0].1, from) && played[1].0 == 3000 && near(played[1].1, at),
        "{played:?}"
    );
}

#[test]
fn a_registration_goes_on_after_a_restart_and_completes_once() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let path = wav(folder.path(), "a.wav", 700);
    let properties = format!("journal={} completion-threshold=0.5", journal.display());
    let mut statements = Vec::new();
    for turn in 0..3 {
        let mut player = Player::file(&path, &properties);
        player.set(gst::State::Playing);
        player.play_to_the_end();
        player.stop();
        let completed = player.verbs().contains(&"completed");
        assert_eq!(completed, turn == 0);
        assert_eq!(player.played().len(), turn + 1);
        statements.append(&mut player.statements);
    }
    assert_eq!(check::all(&statements), []);
    let sub = &statements.last().expect("said")["context"]["extensions"][iri::SUBREGISTRATION];
    assert!(sub.is_array());
}

#[test]
fn the_element_is_used_again_after_ready() {
    let folder = folder();
    let mut player = Player::file(&wav(folder.path(), "a.wav", 400), "");
    for _ in 0..2 {
        player.statements.clear();
        player.set(gst::State::Playing);
        player.play_to_the_end();
        player.stop();
        assert_eq!(
            player.verbs(),
            ["initialized", "played", "completed", "paused", "terminated"]
        );
        assert_eq!(check::all(&player.statements), []);
    }
}

#[test]
fn the_check_decides_where_it_is_required() {
    let folder = folder();
    let path = wav(folder.path(), "a.wav", 1500);
    for (passes, threshold) in [(false, "0.5"), (true, "0.5"), (true, "1")] {
        let properties = format!("require-check=true completion-threshold={threshold}");
        let mut player = Player::file(&path, &properties);
        player.set(gst::State::Playing);
        player.to(1200);
        if passes {
            player.tap.emit_by_name::<()>("check-passed", &[]);
        }
        player.set(gst::State::Paused);
        player.stop();
        let expected = passes && threshold == "0.5";
        assert_eq!(
            player.verbs().contains(&"completed"),
            expected,
            "{passes} {threshold}"
        );
        assert_eq!(check::all(&player.statements), []);
    }
}

#[test]
fn the_application_says_what_it_knows_and_ends_the_session() {
    let folder = folder();
    let mut player = Player::file(&wav(folder.path(), "a.wav", 3000), "");
    player.set(gst::State::Playing);
    player.to(300);
    let facts = gst::Structure::builder("player")
        .field("volume", 0.5)
        .field("captions", true)
        .field("captions-language", "de")
        .field("full-screen", true)
        .field("screen-size", "1920x1080")
        .field("playback-size", "1920x1080")
        .build();
    player.tap.emit_by_name::<()>("interacted", &[&facts]);
    player.tap.emit_by_name::<()>("terminate", &[]);
    player.to(600);
    player.stop();
    assert_eq!(
        player.verbs(),
        [
            "initialized",
            "played",
            "interacted",
            "paused",
            "terminated"
        ]
    );
    assert_eq!(check::all(&player.statements), []);
    let extensions = &player.statements[2]["context"]["extensions"];
    assert_eq!(extensions[iri::VOLUME], 0.5);
    assert_eq!(extensions[iri::CC_SUBTITLE_LANG], "de");
    assert_eq!(
        extensions[iri::CC_ENABLED],
        extensions[iri::CC_SUBTITLE_ENABLED]
    );
}

/// Whatever is wrong with the settings, the stream plays to its end and one warning says what.
#[test]
fn trouble_never_stops_playback() {
    let folder = folder();
    let path = wav(folder.path(), "a.wav", 200);
    let blocked = folder.path().join("a.wav").join("journal");
    for (properties, words, reports) in [
        ("actor=\"{}\"".to_owned(), "no identifier", false),
        ("actor=ada".to_owned(), "neither mailto", false),
        ("activity-id=seven".to_owned(), "no IRI", false),
        ("registration=7".to_owned(), "no UUID", false),
        ("endpoint=lrs".to_owned(), "no http", true),
        (
            "endpoint=https://a:hunter2@lrs.example.org".to_owned(),
            "holds credentials",
            true,
        ),
        (
            "endpoint=http://127.0.0.1:9 token=env:LECTURE_NO_SUCH".to_owned(),
            "is not set",
            true,
        ),
        (
            format!("journal={}", blocked.display()),
            "kept in memory",
            true,
        ),
        (
            "manifest-location=/no/such/file".to_owned(),
            "manifest",
            true,
        ),
    ] {
        let mut player = Player::file(&path, &properties);
        player.set(gst::State::Playing);
        player.play_to_the_end();
        player.stop();
        assert_eq!(
            player.warnings.len(),
            1,
            "{properties}: {:?}",
            player.warnings
        );
        assert!(player.warnings[0].contains(words), "{}", player.warnings[0]);
        assert!(!player.warnings[0].contains("hunter2"));
        assert_eq!(player.statements.is_empty(), !reports, "{properties}");
        assert_eq!(player.number("troubles"), 1);
    }
}

#[test]
fn an_unreachable_lrs_costs_nothing() {
    let folder = folder();
    let journal = folder.path().join("journal");
    let path = wav(folder.path(), "a.wav", 300);
    // Nobody listens on the discard port.
    let properties = format!(
        "journal={} endpoint=http://127.0.0.1:9/xapi",
        journal.display()
    );
    let mut player = Player::file(&path, &properties);
    player.set(gst::State::Playing);
    player.play_to_the_end();
    player.stop();
    assert_eq!(player.number("pending"), 5);
    assert_eq!(player.number("lost"), 0);
    let states: Vec<&str> = player
        .deliveries
        .iter()
        .filter_map(|delivery| delivery.get("state").ok())
        .collect();
    assert!(states.contains(&"retrying"), "{states:?}");
}

#[test]
fn a_journal_belongs_to_one_player() {
    let folder = folder();
    let path = wav(folder.path(), "a.wav", 300);
    let properties = format!("journal={}", folder.path().join("journal").display());
    let mut first = Player::file(&path, &properties);
    first.set(gst::State::Paused);
    let mut second = Player::file(&path, &properties);
    second.set(gst::State::Playing);
    second.play_to_the_end();
    second.stop();
    assert!(
        second.warnings[0].contains("in use"),
        "{:?}",
        second.warnings
    );
    assert_eq!(second.verbs().len(), 5);
    first.stop();
}

#[test]
fn without_a_length_nothing_is_said_and_the_length_property_says_it() {
    let source = "audiotestsrc num-buffers=20 samplesperbuffer=800 ! audio/x-raw,rate=16000";
    let mut unknown = Player::new(source, "");
    unknown.set(gst::State::Playing);
    unknown.play_to_the_end();
    unknown.stop();
    assert_eq!(unknown.statements.len(), 0);

    let mut known = Player::new(source, "length=2000000000");
    known.set(gst::State::Playing);
    known.play_to_the_end();
    known.stop();
    assert_eq!(
        known.verbs(),
        ["initialized", "played", "paused", "terminated"]
    );
    assert_eq!(check::all(&known.statements), []);
    let played = known.played();
    assert!(
        played.len() == 1 && near(played[0].1, 1000) && played[0].1 <= 1000,
        "{played:?}"
    );
}

#[test]
fn another_medium_is_another_session() {
    let folder = folder();
    let (one, two) = (
        wav(folder.path(), "a.wav", 400),
        wav(folder.path(), "b.wav", 500),
    );
    let source = format!(
        "concat name=c filesrc location={one} ! wavparse ! c. \
         filesrc location={two} ! wavparse ! c. c."
    );
    let mut player = Player::new(&source, "");
    player.set(gst::State::Playing);
    player.play_to_the_end();
    player.stop();
    let session = ["initialized", "played", "completed", "paused", "terminated"];
    // The same activity: the second session completes nothing again.
    let mut expected = session.to_vec();
    expected.extend(["initialized", "played", "paused", "terminated"]);
    assert_eq!(player.verbs(), expected);
}

#[test]
fn secrets_cannot_be_read() {
    init();
    let tap = gst::ElementFactory::make("xapitap").build().expect("a tap");
    for name in ["username", "password", "token"] {
        let spec = tap.find_property(name).expect("a property");
        assert!(
            !spec.flags().contains(gst::glib::ParamFlags::READABLE),
            "{name}"
        );
    }
}

#[test]
fn buffers_events_and_gaps_pass_unchanged() {
    init();
    let mut harness = gst_check::Harness::new("xapitap");
    harness.set_src_caps_str("application/x-anything, version=(int)1");
    let buffer = |ms: u64| {
        let mut buffer = gst::Buffer::from_slice([1, 2, 3]);
        let fields = buffer.get_mut().expect("a new buffer");
        fields.set_pts(gst::ClockTime::from_mseconds(ms));
        fields.set_duration(gst::ClockTime::from_mseconds(20));
        fields.set_offset(7);
        buffer
    };
    let sent = buffer(0);
    harness.push(sent.clone()).expect("it passes");
    let received = harness.pull().expect("it arrives");
    assert_eq!(sent.as_ptr(), received.as_ptr());

    let gap = gst::event::Gap::builder(gst::ClockTime::from_mseconds(20))
        .duration(gst::ClockTime::from_mseconds(20))
        .build();
    assert!(harness.push_event(gap));
    harness.set_src_caps_str("application/x-anything, version=(int)2");
    harness
        .push(buffer(40))
        .expect("it passes after a change of caps");

    assert!(harness.push_event(gst::event::FlushStart::new()));
    assert!(harness.push_event(gst::event::FlushStop::new(true)));
    let bytes = gst::FormattedSegment::<gst::format::Bytes>::new();
    assert!(harness.push_event(gst::event::Segment::new(&bytes)));
    harness.push(buffer(0)).expect("it passes without times");
    assert!(harness.push_event(gst::event::Eos::new()));

    let mut empty = gst_check::Harness::new("xapitap");
    empty.set_src_caps_str("application/x-anything");
    assert!(empty.push_event(gst::event::Eos::new()));
}
