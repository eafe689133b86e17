// SPDX-License-Identifier: MPL-2.0

//! Captions and other texts of a package: their files, and their entries in playlists.

use m3u8_rs::{
    AlternativeMedia, AlternativeMediaType, MasterPlaylist, MediaPlaylist, MediaPlaylistType,
    MediaSegment,
};
use serde::{Deserialize, Serialize};

use super::hls::{VERSION, quotable, written};
use super::names::{self, ContentName};
use super::track;
use crate::language;
use crate::timeline::{Span, Time};
use crate::webvtt::{Block, Document, Header};

/// Group of all subtitle renditions.
const GROUP: &str = "text";

/// Characteristics of a subtitle rendition for deaf people [Apple 4.5].
const FOR_THE_DEAF: &str =
    "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound";

/// Maps cue times, which count from the start of the programme, to media time zero (RFC 8216
/// section 3.5) [Apple 5.3].
const TIMESTAMP_MAP: &str = "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000";

/// Purpose of a text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextRole {
    /// Speech and other sounds, for deaf people.
    #[default]
    Captions,
    /// Speech, for people who do not understand the language.
    Subtitles,
    /// Descriptions of the video, which players speak to blind people.
    Descriptions,
    /// Text of the slides, for a search: a metadata track, which players do not show.
    Slides,
}

impl TextRole {
    /// Returns the first part of the names of its files.
    pub fn kind(self) -> &'static str {
        match self {
            TextRole::Captions | TextRole::Subtitles => "captions",
            TextRole::Descriptions => "descriptions",
            TextRole::Slides => "slides",
        }
    }
}

/// A text of a package.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Text {
    /// Purpose.
    pub role: TextRole,
    /// BCP 47 language tag.
    pub language: String,
    /// Label by which a viewer chooses it.
    pub label: String,
    /// Part of file names: the language, with a number if there are several.
    pub name: String,
}

impl Text {
    /// Makes a text with a name that differs from those of `others`, and a label if none is given.
    pub fn new(
        role: TextRole,
        language: Option<String>,
        label: Option<String>,
        others: &[Text],
    ) -> Self {
        let language = language.unwrap_or_else(|| language::UNDETERMINED.into());
        let in_words = match &*language {
            language::UNDETERMINED => "Captions".to_owned(),
            language => language::name(language),
        };
        let label = label.unwrap_or(in_words);
        let in_files = language::tag(&language).unwrap_or_else(|| language::UNDETERMINED.into());
        let others = || {
            let others = others.iter();
            others.filter(|other| other.role.kind() == role.kind())
        };
        Text {
            label: names::unique(&label, |label| others().any(|other| other.label == label)),
            name: names::unique(&in_files, |name| others().any(|other| other.name == name)),
            role,
            language,
        }
    }

    /// Returns whether it is a rendition of HLS; of others, players read the file.
    pub fn is_rendition(&self) -> bool {
        matches!(self.role, TextRole::Captions | TextRole::Subtitles)
    }

    fn folder(&self) -> String {
        format!("captions/{}", self.name)
    }

    /// Returns the path of its media playlist, if it is a rendition.
    pub fn playlist(&self) -> Option<String> {
        self.is_rendition()
            .then(|| format!("{}/{}", self.folder(), names::PLAYLIST))
    }

    /// Returns the path of the whole text as one WebVTT file.
    pub fn file(&self) -> String {
        let kind = self.role.kind();
        format!("{kind}/{kind}.{}.vtt", self.name)
    }

    /// Returns the path of the readable transcript, if there is one. Captions and the text of slides
    /// in one language share it.
    pub fn transcript(&self) -> Option<String> {
        (self.role != TextRole::Descriptions).then(|| format!("transcript.{}.html", self.name))
    }

    /// Returns the whole text, and for a rendition its segments and playlist: paths and contents.
    ///
    /// `document` is in the package's time; `grid` contains the times of the media segments, at
    /// which the text is split. Segments are named by their content. Equal segments, mostly those
    /// without text, are one file.
    pub fn files(&self, document: &Document, grid: &[Span]) -> Vec<(String, Vec<u8>)> {
        let whole = Document {
            header: Header::default(),
            ..document.clone()
        };
        let mut files = vec![(self.file(), whole.to_string().into_bytes())];
        let Some(playlist) = self.playlist() else {
            return files;
        };
        let mut entries = Vec::with_capacity(grid.len());
        for (index, &span) in grid.iter().enumerate() {
            let is_last = index + 1 == grid.len();
            // The empty line is for players that read concatenated segments.
            let text = format!("{}\n", segment(document, span, is_last));
            let bytes = text.into_bytes();
            let mut name = ContentName::default();
            name.update(&bytes);
            let name = name.finish("vtt");
            entries.push(MediaSegment {
                uri: name.clone(),
                duration: span.duration().secs_f64() as f32,
                ..MediaSegment::default()
            });
            let path = format!("{}/{name}", self.folder());
            if !files.iter().any(|(other, _)| *other == path) {
                files.push((path, bytes));
            }
        }
        let media = MediaPlaylist {
            version: Some(VERSION),
            target_duration: track::target_duration(grid),
            playlist_type: Some(MediaPlaylistType::Vod),
            segments: entries,
            end_list: true,
            ..MediaPlaylist::default()
        };
        files.push((playlist, written(|bytes| media.write_to(bytes))));
        files
    }

    /// Returns the playlist entry. It is not selected by default, since most viewers do not need
    /// it, but it is if the system's settings ask for it [4.6].
    fn media(&self) -> AlternativeMedia {
        AlternativeMedia {
            media_type: AlternativeMediaType::Subtitles,
            uri: self.playlist(),
            group_id: GROUP.into(),
            language: Some(quotable(&self.language)),
            name: quotable(&self.label),
            autoselect: true,
            characteristics: (self.role == TextRole::Captions).then(|| FOR_THE_DEAF.into()),
            ..AlternativeMedia::default()
        }
    }
}

/// Returns the part of a text for a media segment: every cue that overlaps it, with its own times
/// (RFC 8216 section 3.5). The last segment takes the rest.
fn segment(document: &Document, span: Span, is_last: bool) -> Document {
    let end = if is_last { Time::MAX } else { span.end };
    let shown = Span::new(span.start, end);
    let is_shown = |block: &&Block| match block {
        Block::Cue(cue) => cue.span.intersection(shown).is_some(),
        Block::Note { .. } => false,
        Block::Style { .. } | Block::Region { .. } => true,
    };
    Document {
        header: Header {
            text: String::new(),
            lines: vec![TIMESTAMP_MAP.into()],
        },
        blocks: document.blocks.iter().filter(is_shown).cloned().collect(),
        problems: Vec::new(),
    }
}

/// Replaces the texts in a multivariant playlist with these.
pub(super) fn list(playlist: &mut MasterPlaylist, texts: &[Text]) {
    let is_ours = |media: &AlternativeMedia| media.media_type == AlternativeMediaType::Subtitles;
    playlist.alternatives.retain(|media| !is_ours(media));
    let renditions = texts.iter().filter(|text| text.is_rendition());
    playlist.alternatives.extend(renditions.map(Text::media));
    let group = playlist.alternatives.iter().any(is_ours).then_some(GROUP);
    for variant in &mut playlist.variants {
        if !variant.is_i_frame {
            variant.subtitles = group.map(str::to_owned);
        }
    }
}

/// Replaces the texts that a multivariant playlist lists. Returns `None` if it is not one.
pub fn relist(multivariant: &[u8], texts: &[Text]) -> Option<Vec<u8>> {
    let mut playlist = m3u8_rs::parse_master_playlist_res(multivariant).ok()?;
    list(&mut playlist, texts);
    Some(written(|bytes| playlist.write_to(bytes)))
}

/// Returns the times of the segments of a media playlist, or `None` if it is not one.
pub fn grid(media_playlist: &[u8]) -> Option<Vec<Span>> {
    let playlist = m3u8_rs::parse_media_playlist_res(media_playlist).ok()?;
    let mut at = Time::ZERO;
    let spans = playlist.segments.iter().map(|segment| {
        // Written with milliseconds or less, kept as a 32-bit float.
        let micros = (f64::from(segment.duration) * 1e6).round() as u64;
        let start = at;
        at = at.saturating_add(Time::from_nanos(micros.saturating_mul(1000)));
        Span::new(start, at)
    });
    Some(spans.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webvtt::captions;

    fn text(role: TextRole, language: &str, others: &[Text]) -> Text {
        Text::new(role, Some(language.into()), None, others)
    }

    fn grid_of(secs: &[u64]) -> Vec<Span> {
        secs.windows(2)
            .map(|pair| Span::new(Time::from_secs(pair[0]), Time::from_secs(pair[1])))
            .collect()
    }

    const FILE: &str = "\
WEBVTT

STYLE
::cue { color: yellow }

a
00:00:01.000 --> 00:00:08.000 line:0
<v Ada>over a boundary</v>

00:00:06.000 --> 00:00:07.000
second

00:00:19.500 --> 00:00:20.500
last
";

    #[test]
    fn a_text_is_split_where_the_media_are() {
        let document = captions::read(FILE.as_bytes()).expect("captions");
        let files =
            text(TextRole::Captions, "en", &[]).files(&document, &grid_of(&[0, 6, 12, 18, 20]));
        let texts: Vec<(&str, &str)> = files
            .iter()
            .map(|(path, bytes)| (path.as_str(), std::str::from_utf8(bytes).expect("UTF-8")))
            .collect();
        assert_eq!(texts[0], ("captions/captions.en.vtt", FILE));
        let head = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n\
            STYLE\n::cue { color: yellow }\n";
        let over = "\na\n00:00:01.000 --> 00:00:08.000 line:0\n<v Ada>over a boundary</v>\n";
        let expected = [
            format!("{head}{over}\n"),
            format!("{head}{over}\n00:00:06.000 --> 00:00:07.000\nsecond\n\n"),
            format!("{head}\n"),
            format!("{head}\n00:00:19.500 --> 00:00:20.500\nlast\n\n"),
        ];
        for ((path, found), expected) in texts[1..].iter().zip(&expected) {
            assert_eq!(found, expected, "{path}");
        }
        let (path, playlist) = texts[5];
        assert_eq!(path, "captions/en/playlist.m3u8");
        let name = |index: usize| texts[index].0.trim_start_matches("captions/en/");
        assert_eq!(
            playlist,
            format!(
                "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n\
                 #EXTINF:6,\n{}\n#EXTINF:6,\n{}\n#EXTINF:6,\n{}\n#EXTINF:2,\n{}\n#EXT-X-ENDLIST\n",
                name(1),
                name(2),
                name(3),
                name(4)
            )
        );
        assert_eq!(
            grid(playlist.as_bytes()),
            Some(grid_of(&[0, 6, 12, 18, 20]))
        );
    }

    #[test]
    fn segments_that_say_nothing_are_one_file() {
        let document = captions::read(b"WEBVTT\n\n00:00.000 --> 00:01.000\na\n").expect("captions");
        let files = text(TextRole::Captions, "en", &[]).files(&document, &grid_of(&[0, 6, 12, 18]));
        assert_eq!(files.len(), 4);
    }

    #[test]
    fn every_text_has_its_own_files_and_label() {
        let mut texts = Vec::new();
        for (role, language) in [
            (TextRole::Captions, "en"),
            (TextRole::Subtitles, "en"),
            (TextRole::Descriptions, "en"),
            (TextRole::Captions, "../x"),
        ] {
            let one = text(role, language, &texts);
            texts.push(one);
        }
        let said: Vec<(&str, String)> = texts
            .iter()
            .map(|text| (text.label.as_str(), text.file()))
            .collect();
        let expected = [
            ("English", "captions/captions.en.vtt"),
            ("English-2", "captions/captions.en-2.vtt"),
            ("English", "descriptions/descriptions.en.vtt"),
            ("../x", "captions/captions.und.vtt"),
        ];
        assert_eq!(said, expected.map(|(label, file)| (label, file.to_owned())));
        assert_eq!(texts[2].playlist(), None);
    }

    const MASTER: &str = "\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,URI=\"audio/en/playlist.m3u8\",GROUP-ID=\"audio\",LANGUAGE=\"en\",NAME=\"English\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\"
#EXT-X-STREAM-INF:BANDWIDTH=4096000,AVERAGE-BANDWIDTH=3296000,CODECS=\"avc1.64001F,mp4a.40.2\",RESOLUTION=960x540,FRAME-RATE=29.97,AUDIO=\"audio\",CLOSED-CAPTIONS=NONE
video/540p/playlist.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,CODECS=\"avc1.64001F\",RESOLUTION=960x540,URI=\"video/540p/iframes.m3u8\"
#EXT-X-SESSION-DATA:DATA-ID=\"com.apple.hls.chapters\",URI=\"chapters.json\"
";

    #[test]
    fn a_playlist_lists_the_texts_of_now() {
        let english = text(TextRole::Captions, "en", &[]);
        let arabic = text(TextRole::Subtitles, "ar", std::slice::from_ref(&english));
        let described = text(TextRole::Descriptions, "de", &[]);
        let listed = relist(MASTER.as_bytes(), &[english, arabic, described]).expect("a playlist");
        let expected = MASTER
            .replace(
                "#EXT-X-STREAM-INF",
                "#EXT-X-MEDIA:TYPE=SUBTITLES,URI=\"captions/en/playlist.m3u8\",GROUP-ID=\"text\",LANGUAGE=\"en\",NAME=\"English\",AUTOSELECT=YES,CHARACTERISTICS=\"public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound\"\n\
                 #EXT-X-MEDIA:TYPE=SUBTITLES,URI=\"captions/ar/playlist.m3u8\",GROUP-ID=\"text\",LANGUAGE=\"ar\",NAME=\"العربية\",AUTOSELECT=YES\n\
                 #EXT-X-STREAM-INF",
            )
            .replace("AUDIO=\"audio\",C", "AUDIO=\"audio\",SUBTITLES=\"text\",C");
        assert_eq!(String::from_utf8(listed.clone()).expect("UTF-8"), expected);
        let without = relist(&listed, &[]).expect("a playlist");
        assert_eq!(String::from_utf8(without).expect("UTF-8"), MASTER);
    }
}
