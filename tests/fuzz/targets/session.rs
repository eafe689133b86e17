// SPDX-License-Identifier: MPL-2.0

//! The description of a session, and what recorders leave: manifests and the names of files.

#![no_main]

use gstlecture::record::session::sources::{assemble, janus, livekit, pattern::Pattern};
use gstlecture::record::session::{Selection, Session};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    if let Ok(session) = Session::read(file) {
        let again = Session::read(session.to_json().as_bytes());
        assert_eq!(again.as_ref(), Ok(&session));
        let _ = session.room_events(&[]);
        let only: Result<Selection, _> = "role:host".parse();
        let _ = session.select(only.ok().as_ref(), None);
    }
    if let Some(found) = livekit::read(file) {
        let _ = assemble(vec![found.clone(), found]);
    }
    let Ok(text) = std::str::from_utf8(file) else {
        return;
    };
    let _ = janus::parse_name(text);
    let _ = text.parse::<Selection>();
    let (pattern, name) = text.split_once('\n').unwrap_or((text, text));
    if let Ok(pattern) = pattern.parse::<Pattern>() {
        let _ = pattern.read(name);
    }
});
