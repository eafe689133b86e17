// SPDX-License-Identifier: MPL-2.0

//! P4: what the tap costs. `cargo bench --bench xapitap`
//!
//! A buffer: the median over batches of pushing buffers through xapitap, less the same through
//! identity. A pipeline: CPU of making and converting ten minutes of video with and without the tap,
//! in turns, once more with an LRS that refuses connections. A start: READY to PAUSED with a journal
//! of ten thousand sessions.

use std::time::{Duration, Instant};

use gst::prelude::*;
use gstlecture::xapi::{Facts, History, Input, Plan, Session, Uuid, actor, journal};

const BATCH: usize = 1000;
const BATCHES: usize = 301;
const TURNS: usize = 9;

fn median<T: Copy + PartialOrd>(mut values: Vec<T>) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).expect("comparable"));
    values[values.len() / 2]
}

/// Nanoseconds that one buffer takes through an element.
fn buffer(description: &str) -> f64 {
    let mut harness = gst_check::Harness::new_parse(description);
    harness.set_src_caps_str("video/x-raw");
    harness.set_drop_buffers(true);
    let mut at = 0;
    let batches = (0..BATCHES).map(|_| {
        let buffers: Vec<gst::Buffer> = (0..BATCH)
            .map(|_| {
                at += 20;
                let mut buffer = gst::Buffer::new();
                let fields = buffer.get_mut().expect("a new buffer");
                fields.set_pts(gst::ClockTime::from_mseconds(at));
                fields.set_duration(gst::ClockTime::from_mseconds(20));
                buffer
            })
            .collect();
        let began = Instant::now();
        for buffer in buffers {
            harness.push(buffer).expect("it passes");
        }
        began.elapsed().as_nanos() as f64 / BATCH as f64
    });
    median(batches.collect())
}

/// CPU seconds of the process so far, in the hundredths that Linux counts.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let fields: Vec<f64> = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .flat_map(str::parse)
        .collect();
    fields.iter().sum::<f64>() / 100.0
}

/// CPU seconds of a pipeline up to its end.
fn pipeline(tap: &str) -> f64 {
    let description = format!(
        "videotestsrc num-buffers=18000 ! video/x-raw,width=640,height=360,framerate=30/1 ! \
         videoconvert ! video/x-raw,format=RGB {tap} ! fakesink sync=false"
    );
    let pipeline = gst::parse::launch(&description).expect("a pipeline");
    let before = cpu();
    pipeline.set_state(gst::State::Playing).expect("it plays");
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let bus = pipeline.bus().expect("a bus");
    bus.timed_pop_filtered(gst::ClockTime::NONE, &ends);
    pipeline.set_state(gst::State::Null).expect("it stops");
    cpu() - before
}

/// How long the tap takes to start with a journal of so many sessions, none of them delivered.
fn start(sessions: u64) -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    let mut count = 0_u128;
    let mut new_id = || {
        count += 1;
        Uuid::v4(count.to_be_bytes())
    };
    let (mut bytes, mut number) = (journal::header(), 0);
    for viewer in 0..sessions {
        let plan = Plan {
            actor: actor(&format!("mailto:viewer-{viewer}@example.org")).expect("an actor"),
            activity_id: "https://example.org/1".into(),
            activity_name: None,
            threshold: 900,
            require_check: false,
            check_suffices: false,
            rates: (0.25, 4.0),
        };
        let history = History::new(new_id(), None);
        let mut session = Session::new(plan, history, Facts::default());
        let inputs = [
            Input::Length(600_000),
            Input::Play { at: 0, rate: 1.0 },
            Input::Tick { at: 540_000 },
            Input::Terminate { at: 600_000 },
        ];
        for (turn, input) in (0..).zip(inputs) {
            let said = session.apply(input, 1_800_000_000_000 + turn * 200_000, &mut new_id);
            let state = serde_json::to_vec(&session).expect("JSON");
            bytes.extend(journal::step(&format!("{viewer}"), &state, number, &said));
            number += said.len() as u64;
        }
    }
    std::fs::write(folder.path().join("statements.journal"), bytes).expect("written");
    let tap = gst::ElementFactory::make("xapitap")
        .property("actor", "mailto:ada@example.org")
        .property("activity-id", "https://example.org/1")
        .property("journal", folder.path().to_str())
        .build()
        .expect("a tap");
    let began = Instant::now();
    tap.set_state(gst::State::Paused).expect("it starts");
    let took = began.elapsed();
    tap.set_state(gst::State::Null).expect("it stops");
    took
}

fn main() {
    gst::init().expect("GStreamer starts");
    gstlecture::plugin_register_static().expect("the plugin registers");
    let settings =
        "actor=mailto:ada@example.org activity-id=https://example.org/1 length=600000000000";
    let tap = format!("xapitap {settings}");
    // In turns, so that both see the same machine.
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        with.push(buffer(&tap));
        without.push(buffer("identity silent=true"));
    }
    let (with, without) = (median(with), median(without));
    println!("a buffer: xapitap {with:.0} ns, identity {without:.0} ns");

    let took = median((0..5).map(|_| start(10_000)).collect());
    println!("a start with 10000 sessions of journal: {took:?}");

    let refusing = format!("! {tap} endpoint=http://127.0.0.1:9/ drain-timeout=0");
    let forms = ["".to_owned(), format!("! {tap}"), refusing];
    let mut spent = [const { Vec::new() }; 3];
    for _ in 0..TURNS {
        for (form, spent) in forms.iter().zip(&mut spent) {
            spent.push(pipeline(form));
        }
    }
    let [plain, tapped, refused] = spent.map(median);
    println!(
        "a pipeline: {plain:.2} s CPU, with the tap {:.3} of it, with an LRS that refuses {:.3}",
        tapped / plain,
        refused / plain
    );
}
