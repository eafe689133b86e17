// SPDX-License-Identifier: MPL-2.0

//! Files that end before their header says so.

use gstlecture::timeline::Time;

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
