// SPDX-License-Identifier: MPL-2.0

//! Recordings of a Janus server: a folder of `.mjr` files, one per stream.
//!
//! The video room names them `videoroom-ROOM-user-ID-CREATED-KIND-MID.mjr`, or by a name that the
//! application gives, followed by `-KIND-MID.mjr` (meetecho/janus-gateway, plugins/janus_videoroom.c).
//! Servers before 1.0 leave `-MID` out.

use super::{Found, Happening};
use crate::record::layout::Source;
use crate::record::mjr::{Clock, Kind, Recording, Timeline};

/// The ends of the names of recordings; the second is of a server that was killed.
const ENDINGS: [&str; 2] = [".mjr", ".mjr.tmp"];

/// A file name taken apart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    pub room: Option<String>,
    /// The identifier of the participant.
    pub user: String,
    /// Whether the name itself calls the video a screen.
    pub is_screen: bool,
    /// The place of the stream among those of the participant.
    pub mid: Option<u32>,
}

/// Returns whether a file is a recording, by its name.
pub fn is_recording(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Takes a file name apart.
pub fn parse_name(name: &str) -> Name {
    let stem = ENDINGS
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name);
    let is_kind = |word: &str| ["audio", "video", "data"].contains(&word);
    let (base, mid) = match stem.rsplit_once('-') {
        Some((rest, mid)) if mid.bytes().all(|byte| byte.is_ascii_digit()) => {
            match rest.rsplit_once('-') {
                Some((base, kind)) if is_kind(kind) => (base, mid.parse().ok()),
                _ => (stem, None),
            }
        }
        Some((base, kind)) if is_kind(kind) => (base, None),
        _ => (stem, None),
    };
    let video_room = base
        .strip_prefix("videoroom-")
        .and_then(|rest| rest.split_once("-user-"));
    let (room, user) = match video_room {
        Some((room, user)) => {
            let is_time = |text: &str| text.len() >= 10 && text.bytes().all(|b| b.is_ascii_digit());
            let user = match user.rsplit_once('-') {
                Some((user, created)) if is_time(created) => user,
                _ => user,
            };
            (Some(room.to_owned()), user)
        }
        None => (None, base),
    };
    Name {
        room,
        user: user.to_owned(),
        is_screen: user.to_ascii_lowercase().contains("screen"),
        mid,
    }
}

/// Returns the track of a recording; `None` for data, and for formats without a time of day.
pub fn track(file: &str, name: &Name, recording: &Recording) -> Option<Found> {
    let header = recording.header();
    let timeline = Timeline::new(recording, Clock::Arrival);
    let start = timeline.origin()?.saturating_mul(1000);
    let described = header.description.as_deref().unwrap_or_default();
    let is_screen = name.is_screen || described.to_ascii_lowercase().contains("screen");
    let source = match (header.codec.kind(), is_screen) {
        (Kind::Video, false) => Source::Camera,
        (Kind::Video, true) => Source::Screen,
        (Kind::Audio, false) => Source::Microphone,
        (Kind::Audio, true) => Source::ScreenAudio,
        (Kind::Data, _) => return None,
    };
    let rotations = recording.rotations(&timeline).into_iter();
    let rotations = rotations.map(|rotation| {
        let degrees = u32::from(rotation.degrees);
        (rotation.time, Happening::Rotation(degrees))
    });
    let speaking = recording.speaking(&timeline).into_iter();
    let speaking = speaking.map(|change| (change.time, Happening::Speaking(change.is_speaking)));
    Some(Found {
        file: file.to_owned(),
        room: name.room.clone(),
        participant: name.user.clone(),
        label: None,
        source,
        codec: Some(header.codec.name().to_owned()),
        start,
        is_estimated: false,
        duration: Some(timeline.duration()),
        events: rotations.chain(speaking).collect(),
    })
}

/// Makes every further video of a participant, by its place, a screen: a camera comes first.
pub fn mark_screens(found: &mut [(Name, Found)]) {
    found.sort_by(|(a, x), (b, y)| (&a.user, a.mid, x.start).cmp(&(&b.user, b.mid, y.start)));
    let mut camera: Option<(String, Option<u32>)> = None;
    for (name, found) in found.iter_mut().filter(|(_, f)| f.source == Source::Camera) {
        match &camera {
            Some((user, mid)) if *user == name.user && *mid != name.mid => {
                found.source = Source::Screen;
            }
            _ => camera = Some((name.user.clone(), name.mid)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_video_room_are_taken_apart() {
        let name = |room: Option<&str>, user: &str, mid| Name {
            room: room.map(str::to_owned),
            user: user.to_owned(),
            is_screen: false,
            mid,
        };
        for (text, expected) in [
            (
                "videoroom-1234-user-55-1795978729856869-audio-0.mjr",
                name(Some("1234"), "55", Some(0)),
            ),
            (
                "videoroom-my-room-user-ada-7-1795978729856869-video-1.mjr.tmp",
                name(Some("my-room"), "ada-7", Some(1)),
            ),
            ("ada-video.mjr", name(None, "ada", None)),
            ("ada-audio-2.mjr", name(None, "ada", Some(2))),
            ("class-7.mjr", name(None, "class-7", None)),
            ("-.mjr", name(None, "-", None)),
        ] {
            assert_eq!(parse_name(text), expected, "{text}");
        }
        assert!(parse_name("ada-screen-video-0.mjr").is_screen);
    }
}
