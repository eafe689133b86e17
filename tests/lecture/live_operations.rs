// SPDX-License-Identifier: MPL-2.0

//! Recorders that run unattended: the command at the end, and the pages for a monitor.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use gstlecture::record::session::State;

use crate::harness::place::Place;
use crate::live::{session, signal, wait_for_tracks};

const RECORD: [&str; 4] = ["record", "from=test", "output=class", "duration=3"];

fn get(url: &str) -> (u16, String) {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let mut answer = agent.get(url).call().expect("an answer");
    (
        answer.status().as_u16(),
        answer.body_mut().read_to_string().expect("text"),
    )
}

/// Waits until a process that has written its identifier to a file is gone.
fn wait_for_end(place: &Place, file: &str) {
    let pid = place.read(file);
    place.wait_for("the end of the command", || {
        let status = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        // Nobody may have waited for it.
        status.is_empty() || status.contains(") Z ")
    });
}

#[test]
fn a_command_goes_on_with_every_recording() {
    let place = Place::new();
    let command = "on-complete=echo \"$LECTURE_STATE $LECTURE_SESSION\" >> done";
    let ended = place.done(&[&RECORD[..], &[command]].concat());
    assert_eq!(ended["on-complete"], 0);
    let folder = place.path("class");
    let folder = fs::canonicalize(&folder).expect("a folder");
    let line = |state: &str| format!("{state} {}\n", folder.display());
    assert_eq!(place.read("done"), line("EGRESS_LIMIT_REACHED"));
    assert_eq!(session(&place).state, Some(State::LimitReached));

    fs::remove_dir_all(&folder).expect("removed");
    let failing = "on-complete=exit 3";
    let ended = place.lecture(&[&RECORD[..], &[failing, "--json"]].concat());
    assert_eq!(
        (ended.status, ended.json()["on-complete"].as_i64()),
        (Some(1), Some(3))
    );
    assert!(
        ended.err.contains("status 3") && ended.err.contains("exit 3"),
        "{ended:?}"
    );
    assert_eq!(session(&place).state, Some(State::LimitReached));

    fs::remove_dir_all(&folder).expect("removed");
    let long = "on-complete=echo $$ > pid; sleep 600; true";
    place
        .lecture(&[&RECORD[..], &[long, "on-complete-timeout=0.3"]].concat())
        .failed(75, &["ended after 0.3 s", "on-complete-timeout="]);
    wait_for_end(&place, "pid");

    fs::remove_dir_all(&folder).expect("removed");
    fs::remove_file(place.path("pid")).expect("removed");
    let mut child =
        place.start(&[&RECORD[..], &["on-complete=echo $$ > pid; exec sleep 600"]].concat());
    place.wait_for("the command", || {
        fs::read_to_string(place.path("pid")).is_ok_and(|pid| pid.ends_with('\n'))
    });
    child.kill().expect("killed");
    child.wait().expect("it ends");
    wait_for_end(&place, "pid");
}

#[test]
fn a_command_goes_on_with_a_recovered_session() {
    let place = Place::new();
    let mut child = place.start(&[
        "record",
        "from=test",
        "output=class",
        "on-complete=touch early",
    ]);
    wait_for_tracks(&place, 2);
    std::thread::sleep(std::time::Duration::from_millis(500));
    child.kill().expect("killed");
    child.wait().expect("it ends");
    let command = "on-complete=echo $LECTURE_STATE >> done";
    assert_eq!(
        place.done(&["recover", "input=class", command])["on-complete"],
        0
    );
    place.done(&["recover", "input=class", command]);
    assert_eq!(place.read("done"), "EGRESS_COMPLETE\n");
    assert!(!Path::new(&place.path("early")).exists());
}

#[test]
fn a_monitor_reads_the_numbers_of_a_recorder() {
    let place = Place::new();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address");
    let listen = format!("metrics-listen={address}");
    let arguments = ["record", "from=test", "output=class", "room=math", &listen];
    place
        .lecture(&arguments)
        .failed(75, &["another program listens", "metrics-listen="]);
    assert!(!place.path("class").exists());
    place
        .lecture(&[
            "record",
            "from=test",
            "output=class",
            "metrics-listen=0.0.0.0:0",
        ])
        .failed(2, &["this machine alone"]);
    drop(free);
    let mut child = place.start(&arguments);
    wait_for_tracks(&place, 2);
    let read = || get(&format!("http://{address}/metrics")).1;
    let number = |text: &str, name: &str| -> f64 {
        let row = format!("lecture_{name}{{room=\"math\"}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&row));
        value
            .unwrap_or_else(|| panic!("{name} in {text}"))
            .parse()
            .expect("a number")
    };
    place.wait_for("frames", || {
        number(&read(), "recording_frames_total") > 50.0
    });
    let text = read();
    assert_eq!(number(&text, "recordings"), 1.0);
    assert_eq!(number(&text, "recording_tracks_total"), 2.0);
    // The video begins with a key frame that is asked for.
    assert!(
        number(&text, "recording_key_frame_requests_total") >= 1.0,
        "{text}"
    );
    assert_eq!(number(&text, "recording_losses_total"), 0.0);
    place.wait_for("the size", || number(&read(), "recording_bytes") > 1000.0);
    assert!(number(&read(), "disk_free_bytes") > 1e6);
    assert!(number(&text, "recording_seconds") > 0.5);
    assert_eq!(
        get(&format!("http://{address}/health")),
        (200, "EGRESS_ACTIVE\n".into())
    );
    assert_eq!(get(&format!("http://{address}/")).0, 404);
    signal(&child, "-INT");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}
