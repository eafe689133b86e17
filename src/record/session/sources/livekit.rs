// SPDX-License-Identifier: MPL-2.0

//! Track recordings of LiveKit Egress: one media file per track, with a JSON manifest beside it.
//!
//! Fields as in livekit/egress, pkg/config/manifest.go; all may be missing. The manifest has no time
//! of the first frame: `started_at` is an estimate of it.

use serde::Deserialize;

use super::{Found, source_of};
use crate::record::layout::Source;

#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    egress_id: String,
    #[serde(default)]
    room_name: String,
    /// Nanoseconds since 1970.
    started_at: Option<i64>,
    ended_at: Option<i64>,
    #[serde(default)]
    publisher_identity: String,
    #[serde(default)]
    track_kind: String,
    #[serde(default)]
    track_source: String,
    #[serde(default)]
    files: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    filename: String,
}

/// Reads a manifest. `None` if it is not the manifest of a track: other JSON, or a recording of a
/// whole room.
pub fn read(manifest: &[u8]) -> Option<Found> {
    let manifest: Manifest = serde_json::from_slice(manifest).ok()?;
    if manifest.egress_id.is_empty() || manifest.publisher_identity.is_empty() {
        return None;
    }
    let file = manifest.files.first()?;
    let source = source_of(&manifest.track_source).or_else(|| {
        let kind = manifest.track_kind.to_ascii_lowercase();
        match kind.as_str() {
            "video" => Some(Source::Camera),
            "audio" => Some(Source::Microphone),
            _ => None,
        }
    })?;
    let start = manifest.started_at?;
    let duration = manifest.ended_at.and_then(|end| end.checked_sub(start));
    let duration = duration.and_then(|nanos| u64::try_from(nanos).ok());
    Some(Found {
        // Names may have the folders of the store in front.
        file: file.filename.rsplit('/').next()?.to_owned(),
        room: Some(manifest.room_name).filter(|room| !room.is_empty()),
        participant: manifest.publisher_identity,
        label: None,
        source,
        codec: None,
        start,
        is_estimated: true,
        duration: duration.map(crate::timeline::Time::from_nanos),
        events: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_of_a_track_is_read() {
        let json =
            br#"{"egress_id": "EG_1", "room_name": "class", "started_at": 1795978729000000000,
            "ended_at": 1795978739000000000, "publisher_identity": "ada", "track_id": "TR_1",
            "track_kind": "video", "track_source": "SCREEN_SHARE",
            "files": [{"filename": "out/TR_1.mp4", "location": "s3://x"}]}"#;
        let found = read(json).expect("a track");
        assert_eq!(found.file, "TR_1.mp4");
        assert_eq!(found.source, Source::Screen);
        assert_eq!(found.participant, "ada");
        assert!(found.is_estimated);
        assert_eq!(found.duration, Some(crate::timeline::Time::from_secs(10)));
    }

    #[test]
    fn other_json_is_not_a_track() {
        for json in [
            "{}",
            "[]",
            "not json",
            r#"{"egress_id": "EG_1", "room_name": "class", "files": [{"filename": "a.mp4"}]}"#,
            r#"{"egress_id": "EG_1", "publisher_identity": "a", "started_at": 1, "files": []}"#,
        ] {
            assert_eq!(read(json.as_bytes()), None, "{json}");
        }
    }
}
