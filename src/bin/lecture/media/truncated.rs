// SPDX-License-Identifier: MPL-2.0

//! Files that end before their header says so.

use std::fs::File;
use std::path::Path;

use gstlecture::timeline::Time;

use super::mp4;

/// Returns what is wrong with a recording or a track, `what`, if much less was delivered than its header
/// promises.
pub fn finding(what: &str, promised: Option<Time>, delivered: Time) -> Option<String> {
    let promised = promised?;
    // Headers round, and count streams that are not played to their end.
    let tolerance = Time::from_secs_f64((promised.secs_f64() * 0.01).max(1.0));
    (delivered.saturating_add(tolerance) < promised).then(|| {
        format!(
            "the {what} is cut off: its header declares {}, but only {} are present",
            promised.clock(),
            delivered.clock()
        )
    })
}

/// Returns what is wrong with an MP4 of fragments whose last one is cut off, as a recorder leaves it that
/// was killed: no header says how long it would be.
pub fn last_fragment(path: &Path) -> Option<String> {
    let missing = mp4::missing_of_fragments(&mut File::open(path).ok()?);
    (missing > 0).then(|| {
        format!(
            "the recording is cut off inside its last fragment: {:.1} kB of it are missing; all before \
             it is used",
            missing as f64 / 1e3
        )
    })
}
