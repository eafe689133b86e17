// SPDX-License-Identifier: MPL-2.0

//! The description of a session, and what recorders leave: manifests and the names of files.

use gstlecture::record::session::sources::{
    assemble, bigbluebutton::Meeting, janus, livekit, pattern::Pattern,
};
use gstlecture::record::session::{Selection, Session};

pub fn run(file: &[u8]) {
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
    if let Ok(meeting) = Meeting::read(text)
        && let Ok((mut session, origin)) = assemble(meeting.tracks().to_vec())
    {
        meeting.describe(&mut session, origin);
        let again = Session::read(session.to_json().as_bytes());
        assert!(again.is_ok(), "{again:?}");
    }
    let _ = text.parse::<Selection>();
    let (pattern, name) = text.split_once('\n').unwrap_or((text, text));
    if let Ok(pattern) = pattern.parse::<Pattern>() {
        let _ = pattern.read(name);
    }
}
