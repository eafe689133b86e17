// SPDX-License-Identifier: MPL-2.0

//! What comes from elsewhere in xAPI: statements, states of sessions, actors, answers of servers.

use gstlecture::xapi::{Input, Session, Uuid, actor, check, iri, outbox, report, segments, units};
use serde_json::Value;

pub fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let _ = actor(text);
    let _ = iri::is_iri(text);
    let _ = Uuid::parse(text);
    let _ = segments::from_text(text);
    let _ = (
        units::seconds_from_text(text),
        units::duration_from_text(text),
    );
    let _ = units::timestamp_from_text(text);
    let _ = outbox::retry_after(text, 1_700_000_000_000);
    let _ = (outbox::said(400, text), outbox::version(Some(text)));
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        let statements = match value {
            Value::Array(statements) => statements,
            statement => vec![statement],
        };
        let _ = check::all(&statements);
        let reports = report::reports(&report::of_statements(&statements), &[]);
        let _ = report::svg(&reports);
    }
    if let Ok(session) = serde_json::from_str::<Session>(text) {
        go_on(session);
    }
}

/// Closes a session that was read, as after a crash.
fn go_on(mut session: Session) {
    let mut seed = 0;
    let mut new_id = || {
        seed += 1;
        Uuid::from_bytes([seed; 16])
    };
    let _ = (session.due(), session.progress(), session.played());
    let _ = report::of_session(&session);
    session.apply(Input::Tick { at: 1000 }, 0, &mut new_id);
    session.apply(Input::Pause { at: 2000 }, 0, &mut new_id);
    session.abandon(&mut new_id);
}
