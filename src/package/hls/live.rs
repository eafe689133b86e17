// SPDX-License-Identifier: MPL-2.0

//! The playlist of a stream that is still growing (RFC 8216): an EVENT playlist, in which everything from
//! the start on stays.

use m3u8_rs::{Map, MediaPlaylist, MediaPlaylistType, MediaSegment};

use super::{VERSION, written};
use crate::timeline::Time;

/// The target duration in seconds from the start. It must not change while the playlist grows
/// (section 6.2.1), so it is twice the duration that segments should have.
const TARGET: u64 = 4;

/// A playlist and its segments so far.
#[derive(Debug)]
pub struct EventList {
    init: String,
    segments: Vec<(String, Time)>,
    has_ended: bool,
}

impl EventList {
    /// Starts a playlist whose segments have this initialization segment.
    pub fn new(init: &str) -> Self {
        EventList {
            init: init.into(),
            segments: Vec::new(),
            has_ended: false,
        }
    }

    /// Reads a playlist that a killed recorder left. Returns `None` for another file.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let playlist = m3u8_rs::parse_media_playlist_res(bytes).ok()?;
        let init = playlist.segments.first()?.map.as_ref()?.uri.clone();
        let segments = playlist.segments.into_iter().map(|segment| {
            let duration = Time::from_secs_f64(segment.duration.into());
            (segment.uri, duration)
        });
        Some(EventList {
            init,
            segments: segments.collect(),
            has_ended: playlist.end_list,
        })
    }

    /// Returns the name of a segment by its number.
    pub fn name(number: usize) -> String {
        format!("{number:05}.m4s")
    }

    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Returns the number of segments.
    pub fn len(&self) -> usize {
        self.segments.len()
    }

    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Adds the next segment.
    pub fn push(&mut self, name: String, duration: Time) {
        self.segments.push((name, duration));
    }

    /// Marks the stream as whole.
    pub fn end(&mut self) {
        self.has_ended = true;
    }

    /// Writes the playlist as a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut segments: Vec<MediaSegment> = self.segments.iter().map(segment).collect();
        if let Some(first) = segments.first_mut() {
            first.map = Some(Map {
                uri: self.init.clone(),
                ..Map::default()
            });
        }
        // Rounded, no segment may be longer than the target (section 4.3.3.1).
        let longest = self
            .segments
            .iter()
            .map(|(_, duration)| duration.secs_f64());
        let longest = longest.fold(0.0, f64::max).round() as u64;
        let playlist = MediaPlaylist {
            version: Some(VERSION),
            independent_segments: true,
            target_duration: TARGET.max(longest),
            playlist_type: Some(MediaPlaylistType::Event),
            end_list: self.has_ended,
            segments,
            ..MediaPlaylist::default()
        };
        written(|bytes| playlist.write_to(bytes))
    }
}

fn segment((name, duration): &(String, Time)) -> MediaSegment {
    MediaSegment {
        uri: name.clone(),
        duration: duration.secs_f64() as f32,
        ..MediaSegment::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(list: &EventList) -> String {
        String::from_utf8(list.to_bytes()).expect("text")
    }

    #[test]
    fn a_playlist_grows_at_its_end_alone() {
        let mut list = EventList::new("init.mp4");
        let mut before = String::new();
        for number in 0..3 {
            list.push(EventList::name(number), Time::from_millis(2000));
            let now = text(&list);
            assert!(now.starts_with(&before), "{now}");
            assert!(now.contains("#EXT-X-PLAYLIST-TYPE:EVENT"), "{now}");
            assert!(now.contains("#EXT-X-MAP:URI=\"init.mp4\""), "{now}");
            assert!(now.contains("#EXT-X-TARGETDURATION:4\n"), "{now}");
            assert!(!now.contains("ENDLIST"), "{now}");
            before = now;
        }
        list.end();
        let ended = text(&list);
        assert_eq!(ended, format!("{before}#EXT-X-ENDLIST\n"));
        let read = EventList::read(ended.as_bytes()).expect("a playlist");
        assert_eq!(text(&read), ended);
        assert!(read.has_ended() && read.len() == 3);
    }

    #[test]
    fn no_segment_is_longer_than_the_target() {
        let mut list = EventList::new("init.mp4");
        assert!(list.is_empty());
        list.push(EventList::name(0), Time::from_millis(4400));
        assert!(text(&list).contains("#EXT-X-TARGETDURATION:4\n"));
        list.push(EventList::name(1), Time::from_millis(7600));
        assert!(text(&list).contains("#EXT-X-TARGETDURATION:8\n"));
        assert!(EventList::read(b"#EXTM3U\n").is_none());
    }
}
