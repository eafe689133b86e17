// SPDX-License-Identifier: MPL-2.0

//! Layouts of a room: the file that describes one, and the draft that says when each is shown.

#![no_main]

use gstlecture::record::layout::{LayoutDraft, LayoutFile};
use gstlecture::timeline::Time;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    let _ = LayoutFile::read(file);
    let Ok(draft) = LayoutDraft::read(file, Some(Time::from_secs(100)), Some(&["ada", "bob"]))
    else {
        return;
    };
    for second in 0..20 {
        let _ = draft.decision_at(Time::from_secs(second));
        let _ = draft.next_boundary(Time::from_secs(second));
    }
});
