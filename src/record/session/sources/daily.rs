// SPDX-License-Identifier: MPL-2.0

//! Raw tracks of Daily: one file per track, named
//! `RECORDING-PARTICIPANT-MEDIA-START.webm` with both times in milliseconds since 1970, and files
//! `….event.json` beside them.
//!
//! Names and fields are those that daily-co/raw-tracks-tools reads; all fields may be missing.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Found, Happening, source_of};
use crate::timeline::Time;

/// Length of a participant's identifier, a UUID.
const ID: usize = 36;

#[derive(Deserialize)]
struct Log {
    events: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type", default)]
    kind: String,
    /// Seconds since 1970.
    #[serde(default)]
    ts: f64,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    track_session_num: Option<u64>,
    display_name: Option<String>,
    uri: Option<String>,
    #[serde(default)]
    paused: bool,
}

/// Reads the name of a track's file. Returns `None` if the file is of another kind.
pub fn track(file: &str) -> Option<Found> {
    let (name, _) = file.rsplit_once('.')?;
    let (recording, rest) = name.split_once('-')?;
    let id = rest.get(..ID)?;
    let is_id = id
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let (media, start) = rest.get(ID..)?.strip_prefix('-')?.rsplit_once('-')?;
    let start: i64 = start.parse().ok()?;
    let recording: u64 = recording.parse().ok()?;
    is_id.then_some(Found {
        file: file.to_owned(),
        room: Some(recording.to_string()),
        participant: id.to_owned(),
        label: None,
        source: source_of(media)?,
        codec: None,
        start: start.checked_mul(1_000_000)?,
        is_estimated: false,
        duration: None,
        events: Vec::new(),
    })
}

/// Adds the names of the participants, and when tracks were paused, from the content of a
/// `….event.json`. Returns whether it is one.
pub fn add_events(log: &[u8], found: &mut [Found]) -> bool {
    let Ok(log) = serde_json::from_slice::<Log>(log) else {
        return false;
    };
    let mut files: BTreeMap<u64, &str> = BTreeMap::new();
    for entry in &log.events {
        if let (Some(number), Some(uri)) = (entry.data.track_session_num, &entry.data.uri) {
            files.insert(number, uri.rsplit('/').next().unwrap_or(uri));
        }
    }
    for Entry { kind, ts, data } in &log.events {
        let file = data
            .track_session_num
            .and_then(|number| files.get(&number).copied());
        let Some(found) = found.iter_mut().find(|found| is_of(file, &found.file)) else {
            continue;
        };
        if let Some(name) = data.display_name.as_ref().filter(|name| !name.is_empty()) {
            found.label = Some(name.clone());
        }
        let is_muted = match kind.as_str() {
            "track-added" if data.paused => true,
            "track-paused" => true,
            "track-resumed" => false,
            _ => continue,
        };
        let since = ts * 1e9 - found.start as f64;
        found.events.push((
            Time::from_secs_f64((since / 1e9).max(0.0)),
            Happening::Muted(is_muted),
        ));
    }
    !log.events.is_empty()
}

/// Returns whether the name in a log is that of a file, whose extension it lacks.
fn is_of(logged: Option<&str>, file: &str) -> bool {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    logged.is_some_and(|logged| logged == stem || logged == file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::layout::Source;

    const NAME: &str =
        "1703174279145-02ce3bcb-bf5b-423f-9699-63fca113a952-cam-audio-1703174279270.webm";

    #[test]
    fn the_name_of_a_track_is_read() {
        let found = track(NAME).expect("a track");
        assert_eq!(found.participant, "02ce3bcb-bf5b-423f-9699-63fca113a952");
        assert_eq!(found.source, Source::Microphone);
        assert_eq!(found.start, 1_703_174_279_270_000_000);
        assert_eq!(found.room.as_deref(), Some("1703174279145"));
        for (media, source) in [
            ("cam-video", Source::Camera),
            ("screen-video", Source::Screen),
            ("screen-audio", Source::ScreenAudio),
        ] {
            let found = track(&NAME.replace("cam-audio", media)).expect("a track");
            assert_eq!(found.source, source);
        }
        for other in [
            "class.webm",
            "1-2-3.webm",
            "1703174279145-02ce3bcb.webm",
            "1703174279145-02ce3bcb-bf5b-423f-9699-63fca113a952-data-1703174279270.webm",
            "1703174279145-02ce3bcb-bf5b-423f-9699-63fca113é952-cam-audio-1.webm",
        ] {
            assert_eq!(track(other), None, "{other}");
        }
    }

    #[test]
    fn names_and_pauses_come_from_the_events() {
        let mut found = vec![track(NAME).expect("a track")];
        let uri = NAME.trim_end_matches(".webm");
        let log = format!(
            r#"{{"events": [
                {{"type": "track-added", "ts": 1703174279.2, "participant_id": "02ce",
                  "data": {{"trackSessionNum": 4, "kind": "audio", "displayName": "Ada"}}}},
                {{"type": "recording-media-started", "ts": 1703174279.27,
                  "data": {{"trackSessionNum": 4, "uri": "room/{uri}", "mediaStartTime": 1703174279.27}}}},
                {{"type": "track-paused", "ts": 1703174289.27, "data": {{"trackSessionNum": 4}}}},
                {{"type": "track-resumed", "ts": 1703174299.27, "data": {{"trackSessionNum": 4}}}},
                {{"type": "track-paused", "ts": 1703174299.27, "data": {{"trackSessionNum": 9}}}},
                {{"type": "chat-msg", "ts": 1703174299.27, "data": {{"event": "chat-msg"}}}}]}}"#
        );
        assert!(add_events(log.as_bytes(), &mut found));
        assert_eq!(found[0].label.as_deref(), Some("Ada"));
        let events: Vec<_> = found[0]
            .events
            .iter()
            .map(|(time, happening)| (time.millis().div_ceil(10) * 10, *happening))
            .collect();
        assert_eq!(
            events,
            [
                (10_000, Happening::Muted(true)),
                (20_000, Happening::Muted(false))
            ]
        );
        assert!(!add_events(b"{}", &mut found));
        assert!(!add_events(b"[1]", &mut found));
    }
}
