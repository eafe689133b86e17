// SPDX-License-Identifier: MPL-2.0

//! Runs that are killed, stopped, or started twice on one folder.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use rustix::fs::{FlockOperation, flock};

use crate::harness::place::Place;
use crate::recordings::{case, is_packaged};

#[test]
fn a_killed_run_is_made_good_by_the_same_command() {
    let place = Place::new();
    place.recording("class.mp4", "20");
    let slow = [
        "package",
        "input=class.mp4",
        "preset=veryslow",
        "keyframe-interval=1",
    ];
    let staging = place.path("OUT/.package.new");
    for _ in 0..2 {
        let mut job = place.start(&slow);
        place.wait_for("the first segments", || {
            place.files("OUT/.package.new").len() > 2 || place.path("OUT/package").exists()
        });
        job.kill().expect("killed");
        let _ = job.wait();
        assert!(!place.path("OUT/package").exists(), "killed too late");
        assert!(staging.exists());
    }
    place.done(&slow);
    assert_eq!(place.names("OUT"), ["package"]);
    let case = case("class.mp4", &[], Some((320, 240, "25/1")), 1, 20.0);
    is_packaged(&place, "OUT", &case);
}

#[test]
fn ctrl_c_leaves_nothing_behind() {
    let place = Place::new();
    place.recording("class.mp4", "20");
    let job = place
        .command(&["package", "input=class.mp4", "preset=veryslow"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    place.wait_for("the staging folder", || {
        place.path("OUT/.package.new/video").exists()
    });
    let interrupted = Command::new("kill")
        .args(["-INT", &job.id().to_string()])
        .status();
    assert!(interrupted.is_ok_and(|status| status.success()));
    let ended = job.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(75));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(
        said.contains("stopped: the package is unchanged;"),
        "{said}"
    );
    assert_eq!(place.names("."), ["class.mp4"]);
}

#[test]
fn the_second_run_on_a_folder_is_refused() {
    let place = Place::new();
    place.recording("class.mp4", "1");
    fs::create_dir(place.path("OUT")).expect("made");
    let other = File::open(place.path("OUT")).expect("opened");
    flock(&other, FlockOperation::LockExclusive).expect("locked");
    for job in ["package", "analyse", "catalog"] {
        place
            .lecture(&[job, "input=class.mp4"])
            .failed(75, &["another run is writing to this folder"]);
    }
    drop(other);
    place.done(&["package", "input=class.mp4"]);
}
