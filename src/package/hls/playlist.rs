// SPDX-License-Identifier: MPL-2.0

//! HLS playlists (RFC 8216) by Apple's authoring specification, whose rule numbers stand in
//! brackets.

use std::ops::Range;

use m3u8_rs::{
    AlternativeMedia, AlternativeMediaType, ByteRange, ClosedCaptionGroupId, Map, MasterPlaylist,
    MediaPlaylist, MediaPlaylistType, MediaSegment, QuotedOrUnquoted, Resolution, SessionData,
    SessionDataField, VariantStream,
};
use serde::{Deserialize, Serialize};

use crate::package::dash;
use crate::package::names;
use crate::package::text::{self, Text};
use crate::package::track::{KeyFrame, Rates, Segment, Track};
use crate::timeline::{FrameRate, Span, Time};

/// EXT-X-MAP in a playlist with media segments asks for version 6, and 7 is what fragmented MP4
/// came with.
pub(in crate::package) const VERSION: usize = 7;

/// The BCP 47 tag of a language that nobody told.
pub const UNKNOWN_LANGUAGE: &str = "und";

/// The group that every audio rendition is in.
const AUDIO_GROUP: &str = "audio";

/// Players start with what is listed first: what is nearest to this many bits a second [1.32].
const FIRST_RATE: u64 = 2_000_000;

/// One rendition of the picture.
#[derive(Clone, PartialEq, Debug)]
pub struct Video {
    /// Its segments.
    pub track: Track,
    /// What it goes by beside the others, as in `720p`.
    pub name: String,
    /// The shorter side of the picture in pixels.
    pub lines: u32,
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames a second, as a fraction.
    pub frame_rate: (u32, u32),
}

impl Video {
    fn resolution(&self) -> Resolution {
        Resolution {
            width: self.width.into(),
            height: self.height.into(),
        }
    }
}

/// What an audio rendition is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The programme's sound.
    #[default]
    Main,
    /// The programme's sound with a description of what is seen.
    Description,
}

impl Role {
    /// The name that it goes by in files.
    pub fn name(self) -> &'static str {
        match self {
            Role::Main => "main",
            Role::Description => "description",
        }
    }
}

/// One rendition of the sound.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audio {
    /// Its segments.
    pub track: Track,
    /// What a listener chooses it by.
    pub label: String,
    /// A language tag of BCP 47, [`UNKNOWN_LANGUAGE`] where there is none: every rendition has a
    /// LANGUAGE [8.10].
    pub language: String,
    /// What it is for.
    pub role: Role,
    /// Number of channels.
    pub channels: u16,
    /// Samples a second.
    pub rate: u32,
}

/// What a multivariant playlist lists.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Programme {
    /// Renditions of the picture: those in H.264 first, of each codec the largest first.
    pub video: Vec<Video>,
    /// Renditions of the sound, the default first.
    pub audio: Vec<Audio>,
    /// Captions and other texts.
    pub text: Vec<Text>,
    /// Whether there are chapters beside the playlist.
    pub chapters: bool,
}

/// The media playlist of a track, as a file.
pub fn media(track: &Track) -> Vec<u8> {
    let segments = track.segments.iter().map(|segment| MediaSegment {
        uri: segment.name.clone(),
        duration: segment.span.duration().secs_f64() as f32,
        ..MediaSegment::default()
    });
    written_media(track, false, segments)
}

/// The names in a media playlist as [`media`] writes it: the initialization segment's, and those of
/// the segments. `None` for another file.
pub fn files(playlist: &[u8]) -> Option<(String, Vec<String>)> {
    let playlist = m3u8_rs::parse_media_playlist_res(playlist).ok()?;
    let init = playlist.segments.first()?.map.as_ref()?.uri.clone();
    let segments = playlist.segments.into_iter().map(|segment| segment.uri);
    Some((init, segments.collect()))
}

/// The I-frame playlist of a track, as a file: the key frames in the track's segments.
pub fn i_frames(track: &Track) -> Vec<u8> {
    let frames = track.keys().map(|(segment, key, span)| MediaSegment {
        uri: segment.name.clone(),
        duration: span.duration().secs_f64() as f32,
        byte_range: Some(ByteRange {
            length: key.range.end - key.range.start,
            offset: Some(key.range.start),
        }),
        ..MediaSegment::default()
    });
    written_media(track, true, frames)
}

/// A frame that an I-frame playlist names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedFrame {
    /// When it is shown.
    pub start: Time,
    /// The segment's name.
    pub segment: String,
    /// Its bytes of the segment.
    pub range: Range<u64>,
}

/// The frames in an I-frame playlist as [`i_frames`] writes it, and the initialization segment's
/// name. `None` for another file.
pub fn named_frames(playlist: &[u8]) -> Option<(String, Vec<NamedFrame>)> {
    let playlist = m3u8_rs::parse_media_playlist_res(playlist).ok()?;
    let init = playlist.segments.first()?.map.as_ref()?.uri.clone();
    let mut micros = 0;
    let frames = playlist.segments.into_iter().map(|frame| {
        let start = Time::from_nanos(micros * 1000);
        // A playlist has no finer times that could add up.
        micros += (f64::from(frame.duration) * 1e6).round() as u64;
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

/// The track in `folder` whose playlists, as [`media`] and [`i_frames`] write them, these are, and
/// which has this codec. Times are whole frames of this rate; of sound, samples. `size` says how
/// large a file of the folder is. `None` where something of it is not so.
pub fn track(
    folder: &str,
    codec: &str,
    rate: FrameRate,
    playlists: (&[u8], Option<&[u8]>),
    size: impl Fn(&str) -> Option<u64>,
) -> Option<Track> {
    let playlist = m3u8_rs::parse_media_playlist_res(playlists.0).ok()?;
    let mut end = 0;
    let segments = playlist.segments.iter().map(|segment| {
        let start = end;
        end += rate.nearest(Time::from_secs_f64(segment.duration.into()));
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

impl Programme {
    /// The tracks, in the order of the playlist.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        let video = self.video.iter().map(|video| &video.track);
        video.chain(self.audio.iter().map(|audio| &audio.track))
    }

    /// Where the longest track ends.
    pub fn duration(&self) -> Time {
        self.tracks().map(Track::end).max().unwrap_or_default()
    }

    /// All playlists and the DASH manifest: paths in the package and contents.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        for track in self.tracks() {
            files.push((track.playlist(), media(track)));
            if let Some(path) = track.i_frame_playlist() {
                files.push((path, i_frames(track)));
            }
        }
        files.push((names::MULTIVARIANT.into(), self.multivariant()));
        files.push((names::DASH.into(), dash::manifest(self, self.duration())));
        files
    }

    /// The rates that a viewer of this rendition of the picture gets, sound included: the sum
    /// with the dearest audio rendition [9.1–9.15].
    pub fn rates_with_sound(&self, video: Rates) -> Rates {
        video + self.dearest_sound()
    }

    fn dearest_sound(&self) -> Rates {
        let rates = || self.audio.iter().map(|audio| audio.track.rates());
        Rates {
            average: rates().map(|rates| rates.average).max().unwrap_or(0),
            peak: rates().map(|rates| rates.peak).max().unwrap_or(0),
        }
    }

    /// The multivariant playlist, as a file.
    pub fn multivariant(&self) -> Vec<u8> {
        let mut variants: Vec<VariantStream> = if self.video.is_empty() {
            self.audio.first().map(|audio| self.sound_only(audio))
        } else {
            None
        }
        .into_iter()
        .collect();
        let sets = || self.video_sets().zip(1..);
        for (set, score) in sets() {
            let of_set = set
                .iter()
                .map(|video| self.scored(self.variant(video), score));
            let mut of_set: Vec<VariantStream> = of_set.collect();
            let first = of_set
                .iter()
                .enumerate()
                .min_by_key(|(_, variant)| from_first_rate(variant));
            if let Some((first, _)) = first {
                of_set[..=first].rotate_right(1);
            }
            variants.extend(of_set);
        }
        for (set, score) in sets() {
            let of_set = set.iter().filter_map(i_frame_variant);
            variants.extend(of_set.map(|variant| self.scored(variant, score)));
        }
        let mut playlist = MasterPlaylist {
            version: Some(VERSION),
            independent_segments: true,
            alternatives: self.alternatives(),
            variants,
            session_data: self
                .chapters
                .then(|| SessionData {
                    data_id: "com.apple.hls.chapters".into(),
                    field: SessionDataField::Uri(names::CHAPTERS_JSON.into()),
                    language: None,
                    other_attributes: None,
                })
                .into_iter()
                .collect(),
            ..MasterPlaylist::default()
        };
        text::list(&mut playlist, &self.text);
        written(|bytes| playlist.write_to(bytes))
    }

    /// The renditions of the picture by their codecs, in the order in which they stand.
    pub fn video_sets(&self) -> impl Iterator<Item = &[Video]> {
        self.video.chunk_by(|one, other| {
            sample_format(&one.track.codec) == sample_format(&other.track.codec)
        })
    }

    /// Where there are several codecs: a player takes the highest SCORE that it can play
    /// (draft-pantos-hls-rfc8216bis section 4.4.6.2), so that of each codec stands above the one that
    /// takes more bytes for the same picture.
    fn scored(&self, mut variant: VariantStream, score: u32) -> VariantStream {
        if self.video_sets().nth(1).is_some() {
            let score = QuotedOrUnquoted::Unquoted(score.to_string());
            variant.other_attributes = Some([("SCORE".to_owned(), score)].into());
        }
        variant
    }

    fn variant(&self, video: &Video) -> VariantStream {
        let rates = self.rates_with_sound(video.track.rates());
        let mut codecs = vec![video.track.codec.as_str()];
        for audio in &self.audio {
            if !codecs.contains(&audio.track.codec.as_str()) {
                codecs.push(&audio.track.codec);
            }
        }
        let (num, den) = video.frame_rate;
        VariantStream {
            uri: video.track.playlist(),
            bandwidth: rates.peak,
            average_bandwidth: Some(rates.average),
            codecs: Some(codecs.join(",")),
            resolution: Some(video.resolution()),
            // Three decimals, as RFC 8216 section 4.3.4.2 says.
            frame_rate: Some((f64::from(num) / f64::from(den) * 1e3).round() / 1e3),
            audio: (!self.audio.is_empty()).then(|| AUDIO_GROUP.into()),
            closed_captions: Some(ClosedCaptionGroupId::None),
            ..VariantStream::default()
        }
    }

    /// The one variant of a programme without a picture.
    fn sound_only(&self, audio: &Audio) -> VariantStream {
        let rates = self.dearest_sound();
        VariantStream {
            uri: audio.track.playlist(),
            bandwidth: rates.peak,
            average_bandwidth: Some(rates.average),
            codecs: Some(audio.track.codec.clone()),
            audio: Some(AUDIO_GROUP.into()),
            ..VariantStream::default()
        }
    }

    fn alternatives(&self) -> Vec<AlternativeMedia> {
        self.audio
            .iter()
            .enumerate()
            .map(|(index, audio)| AlternativeMedia {
                media_type: AlternativeMediaType::Audio,
                uri: Some(audio.track.playlist()),
                group_id: AUDIO_GROUP.into(),
                language: Some(quotable(&audio.language)),
                name: quotable(&audio.label),
                default: index == 0,
                autoselect: true,
                channels: Some(audio.channels.to_string()),
                characteristics: (audio.role == Role::Description)
                    .then(|| "public.accessibility.describes-video".into()),
                ..AlternativeMedia::default()
            })
            .collect()
    }
}

/// How many bits a second a variant is away from [`FIRST_RATE`].
pub(in crate::package) fn from_first_rate(variant: &VariantStream) -> u64 {
    let rate = variant.average_bandwidth.unwrap_or(variant.bandwidth);
    rate.abs_diff(FIRST_RATE)
}

/// The sample format that a codec's name starts with, as `avc1` does (RFC 6381).
pub(in crate::package) fn sample_format(codec: &str) -> &str {
    codec.split('.').next().unwrap_or(codec)
}

/// The key frames of a rendition for those who scan through it [6.1, 9.3, 9.4].
fn i_frame_variant(video: &Video) -> Option<VariantStream> {
    let rates = video.track.i_frame_rates();
    Some(VariantStream {
        is_i_frame: true,
        uri: video.track.i_frame_playlist()?,
        bandwidth: rates.peak,
        average_bandwidth: Some(rates.average),
        codecs: Some(video.track.codec.clone()),
        resolution: Some(video.resolution()),
        ..VariantStream::default()
    })
}

/// A quoted string holds no quotes and no line ends (RFC 8216 section 4.2).
pub(in crate::package) fn quotable(text: &str) -> String {
    text.chars()
        .filter_map(|character| match character {
            '"' => Some('\''),
            character if character.is_control() => None,
            character => Some(character),
        })
        .collect()
}

pub(in crate::package) fn written(
    write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into memory cannot fail.
    let _ = write(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::track::KeyFrame;
    use crate::package::track::tests::track;

    fn video(lines: u32, bytes: u64) -> Video {
        Video {
            track: track(
                &format!("video/{lines}p"),
                "avc1.64001F",
                &[(6006, bytes), (4004, bytes)],
            ),
            name: format!("{lines}p"),
            lines,
            width: lines * 16 / 9 / 2 * 2,
            height: lines,
            frame_rate: (30000, 1001),
        }
    }

    fn audio(label: &str, role: Role) -> Audio {
        Audio {
            track: track(
                &format!("audio/{}", names::folder_name(label)),
                "mp4a.40.2",
                &[(6000, 72_000), (4010, 48_120)],
            ),
            label: label.into(),
            language: "en".into(),
            role,
            channels: 2,
            rate: 48000,
        }
    }

    fn as_text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("playlists are UTF-8")
    }

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

    /// The video with a key frame at each segment's start.
    fn keyed(mut video: Video) -> Video {
        for segment in &mut video.track.segments {
            segment.keys.push(KeyFrame {
                start: segment.span.start,
                range: 28..3031,
            });
        }
        video
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
        let programme = Programme {
            video: vec![video],
            ..Programme::default()
        };
        let listed = "\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=6000,AVERAGE-BANDWIDTH=4800,\
                      CODECS=\"avc1.64001F\",RESOLUTION=1280x720,URI=\"video/720p/iframes.m3u8\"\n";
        let playlist = as_text(programme.multivariant());
        assert!(playlist.contains(listed), "{playlist}");
    }

    #[test]
    fn a_multivariant_playlist_lists_first_what_is_nearest_to_two_megabits() {
        let programme = Programme {
            video: vec![video(720, 3_003_000), video(540, 2_002_000)],
            audio: vec![
                audio("English", Role::Main),
                audio("English \"described\"", Role::Description),
            ],
            text: Vec::new(),
            chapters: true,
        };
        let expected = "\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,URI=\"audio/english/playlist.m3u8\",GROUP-ID=\"audio\",LANGUAGE=\"en\",NAME=\"English\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\"
#EXT-X-MEDIA:TYPE=AUDIO,URI=\"audio/english-described/playlist.m3u8\",GROUP-ID=\"audio\",LANGUAGE=\"en\",NAME=\"English 'described'\",AUTOSELECT=YES,CHARACTERISTICS=\"public.accessibility.describes-video\",CHANNELS=\"2\"
#EXT-X-STREAM-INF:BANDWIDTH=4096000,AVERAGE-BANDWIDTH=3296000,CODECS=\"avc1.64001F,mp4a.40.2\",RESOLUTION=960x540,FRAME-RATE=29.97,AUDIO=\"audio\",CLOSED-CAPTIONS=NONE
video/540p/playlist.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=6096000,AVERAGE-BANDWIDTH=4896000,CODECS=\"avc1.64001F,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.97,AUDIO=\"audio\",CLOSED-CAPTIONS=NONE
video/720p/playlist.m3u8
#EXT-X-SESSION-DATA:DATA-ID=\"com.apple.hls.chapters\",URI=\"chapters.json\"
";
        assert_eq!(as_text(programme.multivariant()), expected);
    }

    #[test]
    fn the_largest_comes_first_where_all_take_little() {
        let programme = Programme {
            video: vec![video(720, 300_300), video(540, 200_200)],
            ..Programme::default()
        };
        let playlist = as_text(programme.multivariant());
        let mut uris = playlist.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(uris.next(), Some("video/720p/playlist.m3u8"));
    }

    #[test]
    fn another_codec_stands_behind_and_scores_higher() {
        let av1 = |mut video: Video| {
            video.track.folder += "-av1";
            video.track.codec = "av01.0.05M.08".into();
            keyed(video)
        };
        let (large, small) = (video(720, 3_003_000), video(540, 2_002_000));
        let programme = Programme {
            video: vec![large.clone(), small.clone(), av1(large), av1(small)],
            ..Programme::default()
        };
        let playlist = as_text(programme.multivariant());
        let lines: Vec<&str> = playlist.lines().collect();
        let uris: Vec<&str> = lines
            .iter()
            .copied()
            .filter(|line| !line.starts_with('#'))
            .collect();
        let expected = ["540p", "720p", "540p-av1", "720p-av1"];
        assert_eq!(
            uris,
            expected.map(|name| format!("video/{name}/playlist.m3u8"))
        );
        for line in lines.iter().filter(|line| line.contains("STREAM-INF")) {
            let score = if line.contains("avc1") { "1" } else { "2" };
            assert!(line.contains(&format!(",SCORE={score},")), "{line}");
        }
        assert_eq!(playlist.matches("I-FRAME-STREAM-INF").count(), 2);
    }

    #[test]
    fn sound_alone_and_picture_alone_are_programmes() {
        let sound = Programme {
            audio: vec![audio("Main", Role::Main)],
            ..Programme::default()
        };
        let text_of_sound = as_text(sound.multivariant());
        assert!(text_of_sound.contains("CODECS=\"mp4a.40.2\",AUDIO=\"audio\"\naudio/main/"));
        assert!(!text_of_sound.contains("RESOLUTION"));
        let picture = Programme {
            video: vec![video(360, 1000)],
            ..Programme::default()
        };
        let text_of_picture = as_text(picture.multivariant());
        assert!(text_of_picture.contains("CODECS=\"avc1.64001F\",RESOLUTION=640x360"));
        assert!(!text_of_picture.contains("AUDIO"));
        for whole in [text_of_sound, text_of_picture] {
            assert!(m3u8_rs::parse_master_playlist_res(whole.as_bytes()).is_ok());
        }
    }
}
