// SPDX-License-Identifier: MPL-2.0

//! Media playlists (RFC 8216) by Apple's authoring specification, whose rule numbers are in
//! brackets.

use std::ops::Range;

use m3u8_rs::{ByteRange, Map, MediaPlaylist, MediaPlaylistType, MediaSegment};

use super::{VERSION, written};
use crate::package::track::{KeyFrame, Segment, Track};
use crate::timeline::{FrameRate, Span, Time};

/// Writes the media playlist of a track as a file.
pub fn media(track: &Track) -> Vec<u8> {
    let segments = track.segments.iter().map(|segment| MediaSegment {
        uri: segment.name.clone(),
        duration: duration(segment.span),
        ..MediaSegment::default()
    });
    written_media(track, false, segments)
}

/// Returns the EXTINF of a span, in seconds. FFmpeg adds these up in whole microseconds and passes over
/// what is decoded before the sum, so that the sum up to a segment must not lie after its first frame.
fn duration(span: Span) -> f32 {
    let micros = |time: Time| time.nanos() / 1000;
    let duration = micros(span.end).saturating_sub(micros(span.start));
    (duration as f64 / 1e6) as f32
}

/// Returns the names in a media playlist written by [`media`]: the initialization segment's, and
/// those of the segments. Returns `None` for another file.
pub fn files(playlist: &[u8]) -> Option<(String, Vec<String>)> {
    let playlist = m3u8_rs::parse_media_playlist_res(playlist).ok()?;
    let init = playlist.segments.first()?.map.as_ref()?.uri.clone();
    let segments = playlist.segments.into_iter().map(|segment| segment.uri);
    Some((init, segments.collect()))
}

/// Writes the I-frame playlist of a track as a file: the key frames in the track's segments.
pub fn i_frames(track: &Track) -> Vec<u8> {
    let frames = track.keys().map(|(segment, key, span)| MediaSegment {
        uri: segment.name.clone(),
        duration: duration(span),
        byte_range: Some(ByteRange {
            length: key.range.end - key.range.start,
            offset: Some(key.range.start),
        }),
        ..MediaSegment::default()
    });
    written_media(track, true, frames)
}

/// A frame in an I-frame playlist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedFrame {
    /// Time at which it is shown.
    pub start: Time,
    /// Name of the segment.
    pub segment: String,
    /// Its bytes of the segment.
    pub range: Range<u64>,
}

/// Returns the frames in an I-frame playlist written by [`i_frames`], and the name of the
/// initialization segment. Returns `None` for another file.
pub fn named_frames(playlist: &[u8]) -> Option<(String, Vec<NamedFrame>)> {
    let playlist = m3u8_rs::parse_media_playlist_res(playlist).ok()?;
    let init = playlist.segments.first()?.map.as_ref()?.uri.clone();
    let mut micros = 0_u64;
    let frames = playlist.segments.into_iter().map(|frame| {
        let start = Time::from_nanos(micros.saturating_mul(1000));
        // No playlist has finer times that could add up.
        micros = micros.saturating_add((f64::from(frame.duration) * 1e6).round() as u64);
        let range = frame.byte_range?;
        let first = range.offset?;
        Some(NamedFrame {
            start,
            segment: frame.uri,
            range: first..first.checked_add(range.length)?,
        })
    });
    Some((init, frames.collect::<Option<_>>()?))
}

/// Returns the track in `folder` with this codec whose playlists were written by [`media`] and
/// [`i_frames`]. Times are whole frames of this rate, or samples for audio. `size` returns the size
/// of a file of the folder. Returns `None` if the playlists do not fit this.
pub fn track(
    folder: &str,
    codec: &str,
    rate: FrameRate,
    playlists: (&[u8], Option<&[u8]>),
    size: impl Fn(&str) -> Option<u64>,
) -> Option<Track> {
    let playlist = m3u8_rs::parse_media_playlist_res(playlists.0).ok()?;
    let mut end = 0_u64;
    let segments = playlist.segments.iter().map(|segment| {
        let start = end;
        end = end.saturating_add(rate.nearest(Time::from_secs_f64(segment.duration.into())));
        Some(Segment {
            name: segment.uri.clone(),
            span: Span::new(rate.start(start), rate.start(end)),
            bytes: size(&segment.uri)?,
            keys: Vec::new(),
        })
    });
    let mut track = Track {
        folder: folder.into(),
        init: playlist.segments.first()?.map.as_ref()?.uri.clone(),
        codec: codec.into(),
        segments: segments.collect::<Option<_>>()?,
        shared_target: 0,
    };
    let Some(i_frames) = playlists.1 else {
        return Some(track);
    };
    let (init, frames) = named_frames(i_frames)?;
    for frame in frames {
        let start = rate.start(rate.nearest(frame.start));
        let mut segments = track.segments.iter_mut();
        let segment = segments.find(|segment| segment.span.contains(start))?;
        (segment.name == frame.segment && frame.range.end <= segment.bytes).then_some(())?;
        segment.keys.push(KeyFrame {
            start,
            range: frame.range,
        });
    }
    (track.init == init).then_some(track)
}

fn written_media(
    track: &Track,
    i_frames_only: bool,
    segments: impl Iterator<Item = MediaSegment>,
) -> Vec<u8> {
    let mut segments: Vec<MediaSegment> = segments.collect();
    if let Some(first) = segments.first_mut() {
        first.map = Some(Map {
            uri: track.init.clone(),
            ..Map::default()
        });
    }
    let playlist = MediaPlaylist {
        version: Some(VERSION),
        independent_segments: true,
        target_duration: track.target_duration(),
        playlist_type: Some(MediaPlaylistType::Vod),
        i_frames_only,
        segments,
        end_list: true,
        ..MediaPlaylist::default()
    };
    written(|bytes| playlist.write_to(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::hls::multivariant::tests::{as_text, keyed, video};

    #[test]
    fn a_media_playlist_is_complete() {
        let expected = "\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:6
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-MAP:URI=\"init.mp4\"
#EXTINF:6.006,
0.m4s
#EXTINF:4.004,
1.m4s
#EXT-X-ENDLIST
";
        let playlist = media(&video(720, 1).track);
        let named = files(&playlist).expect("a media playlist");
        assert_eq!(named.0, "init.mp4");
        assert_eq!(named.1, ["0.m4s", "1.m4s"]);
        assert_eq!(as_text(playlist), expected);
    }

    #[test]
    fn an_i_frame_playlist_names_ranges() {
        let expected = "\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:6
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-I-FRAMES-ONLY
#EXT-X-MAP:URI=\"init.mp4\"
#EXT-X-BYTERANGE:3003@28
#EXTINF:6.006,
0.m4s
#EXT-X-BYTERANGE:3003@28
#EXTINF:4.004,
1.m4s
#EXT-X-ENDLIST
";
        let video = keyed(video(720, 1_000_000));
        let playlist = i_frames(&video.track);
        let (init, frames) = named_frames(&playlist).expect("an I-frame playlist");
        assert_eq!(init, "init.mp4");
        let last = NamedFrame {
            start: Time::from_millis(6006),
            segment: "1.m4s".into(),
            range: 28..3031,
        };
        assert_eq!((frames.len(), frames.last()), (2, Some(&last)));
        assert_eq!(as_text(playlist), expected);
    }

    #[test]
    fn durations_beyond_all_time_are_no_frames_of_ours() {
        let playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MAP:URI=\"i\"\n\
            #EXTINF:300000000000000000000000000000000000000,\n#EXT-X-BYTERANGE:1@0\na\n\
            #EXTINF:300000000000000000000000000000000000000,\n#EXT-X-BYTERANGE:1@0\nb\n\
            #EXTINF:1,\n#EXT-X-BYTERANGE:1@0\nc\n#EXT-X-ENDLIST\n";
        let (_, frames) = named_frames(playlist).expect("an I-frame playlist");
        assert_eq!(frames.len(), 3);
        let rate = FrameRate::new(25, 1).expect("a rate");
        let track = track("v", "avc1", rate, (playlist, Some(playlist)), |_| Some(1));
        assert_eq!(track, None);
    }
}
