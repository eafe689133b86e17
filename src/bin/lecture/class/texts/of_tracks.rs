// SPDX-License-Identifier: MPL-2.0

//! Captions that lie beside the tracks of a session: `TRACK.LANGUAGE.vtt`.

use std::collections::BTreeMap;
use std::fs;

use gstlecture::language;
use gstlecture::record::inside::TextTrack;
use gstlecture::record::session::captions::{TrackCaptions, join};
use gstlecture::timeline::Time;
use gstlecture::webvtt::captions;

use super::inside::Inside;
use crate::media::room::{Room, RoomTrack};
use crate::print;

/// Returns the captions of a session, one track per language, with the names of those who speak. What
/// cannot be read is reported.
pub fn find(room: &Room) -> Vec<Inside> {
    let mut found: BTreeMap<String, Vec<TrackCaptions>> = BTreeMap::new();
    for opened in room.tracks() {
        for (language, captions) in beside(room, opened) {
            found.entry(language).or_default().push(captions);
        }
    }
    let found = found.into_iter();
    let found = found.filter(|(_, tracks)| tracks.iter().any(|track| !track.cues.is_empty()));
    found
        .map(|(language, tracks)| Inside {
            track: TextTrack {
                language: Some(language.clone()),
                title: None,
                is_default: false,
                is_forced: false,
                is_for_the_deaf: false,
                cues: join(&tracks),
                format: "WebVTT".into(),
            },
            language,
        })
        .collect()
}

/// Returns the captions beside a track, with their languages.
fn beside(room: &Room, opened: &RoomTrack) -> Vec<(String, TrackCaptions)> {
    let file = &opened.file;
    let (Some(folder), Some(name), Some(stem)) =
        (file.parent(), file.file_name(), file.file_stem())
    else {
        return Vec::new();
    };
    let (name, stem) = (name.to_string_lossy(), stem.to_string_lossy());
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let Some(other) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let rest = other
            .strip_prefix(&*name)
            .or_else(|| other.strip_prefix(&*stem));
        let tag = rest.and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".vtt"));
        let Some(language) = tag.and_then(language::tag) else {
            continue;
        };
        let read = fs::read(&path)
            .map_err(|error| error.to_string())
            .and_then(|bytes| {
                captions::read_in(&bytes, Some(&language)).map_err(|error| error.to_string())
            });
        match read {
            Ok(document) => {
                let captions = TrackCaptions {
                    speaker: room.speaker(&opened.track.participant),
                    start: Time::from_nanos(opened.track.start),
                    cues: document.cues().cloned().collect(),
                };
                found.push((language, captions));
            }
            Err(error) => print::note(format_args!(
                "warning: {} is left out: {error}",
                path.display()
            )),
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found
}
