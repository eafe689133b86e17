// SPDX-License-Identifier: MPL-2.0

//! The multivariant playlist (RFC 8216) by Apple's authoring specification, whose rule numbers are
//! in brackets.

use m3u8_rs::{
    AlternativeMedia, AlternativeMediaType, ClosedCaptionGroupId, MasterPlaylist, QuotedOrUnquoted,
    Resolution, SessionData, SessionDataField, VariantStream,
};

use super::{VERSION, quotable, written};
use crate::package::names;
use crate::package::programme::{Audio, Programme, Role, Video};
use crate::package::text;

/// Group of all audio renditions.
const AUDIO_GROUP: &str = "audio";

/// Bit rate in bit/s to which the first variant is closest: players start with the first one
/// [1.32].
const FIRST_RATE: u64 = 2_000_000;

impl Video {
    fn resolution(&self) -> Resolution {
        Resolution {
            width: self.width.into(),
            height: self.height.into(),
        }
    }
}

impl Programme {
    /// Writes the multivariant playlist as a file.
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

    /// Sets SCORE if there are several codecs. A player takes the highest SCORE that it can play
    /// (draft-pantos-hls-rfc8216bis section 4.4.6.2). Codecs that need fewer bytes for the same
    /// quality get a higher one.
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
            // Three decimals, as RFC 8216 section 4.3.4.2 requires.
            frame_rate: Some((f64::from(num) / f64::from(den) * 1e3).round() / 1e3),
            audio: (!self.audio.is_empty()).then(|| AUDIO_GROUP.into()),
            closed_captions: Some(ClosedCaptionGroupId::None),
            ..VariantStream::default()
        }
    }

    /// Returns the only variant of a programme without video.
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

/// Returns the difference between a variant's bit rate and [`FIRST_RATE`], in bit/s.
pub(in crate::package) fn from_first_rate(variant: &VariantStream) -> u64 {
    let rate = variant.average_bandwidth.unwrap_or(variant.bandwidth);
    rate.abs_diff(FIRST_RATE)
}

/// Returns the I-frame variant of a rendition, for trick play [6.1, 9.3, 9.4].
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

#[cfg(test)]
pub(in crate::package) mod tests {
    use super::*;
    use crate::package::track::KeyFrame;
    use crate::package::track::tests::track;

    pub fn video(lines: u32, bytes: u64) -> Video {
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

    pub fn as_text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).expect("playlists are UTF-8")
    }

    /// Adds a key frame at each segment's start.
    pub fn keyed(mut video: Video) -> Video {
        for segment in &mut video.track.segments {
            segment.keys.push(KeyFrame {
                start: segment.span.start,
                range: 28..3031,
            });
        }
        video
    }

    #[test]
    fn key_frames_are_listed_for_scanning() {
        let video = keyed(video(720, 1_000_000));
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
