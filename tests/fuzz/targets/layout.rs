// SPDX-License-Identifier: MPL-2.0

//! Layouts of a room: the file that describes one, and the draft that says when each is shown.

use gstlecture::record::layout::{LayoutDraft, LayoutFile};
use gstlecture::timeline::Time;

pub fn run(file: &[u8]) {
    let _ = LayoutFile::read(file);
    let Ok(draft) = LayoutDraft::read(file, Some(Time::from_secs(100)), Some(&["ada", "bob"]))
    else {
        return;
    };
    for second in 0..20 {
        let _ = draft.decision_at(Time::from_secs(second));
        let _ = draft.next_boundary(Time::from_secs(second));
    }
}
