// SPDX-License-Identifier: MPL-2.0

//! Refusals and flushes downstream, and the end of each stream.

use std::sync::{Arc, Mutex};

use gst::prelude::*;

use super::{AUDIO, alone, begin, block, cut_list, push_segment, sources, take, wait_for};

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
