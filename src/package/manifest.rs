// SPDX-License-Identifier: MPL-2.0

//! `manifest.json`: what a platform reads before it shows a package. Its JSON schema is
//! `manifest.schema.json` beside this file.
//!
//! Times are in seconds, rates in bit/s, sizes in bytes. catalogsink writes what it knows of the
//! media; whoever knows the source and its drafts adds the rest.

use serde::{Deserialize, Serialize};

use super::chapters::Chapter;
use super::cost::{Cost, Pricing};
use super::ladder;
use super::names;
use super::programme::{Audio, Programme, Role, Video, sample_format};
use super::text::{Text, TextRole};
use super::track::{Rates, Track};
use crate::timeline::{CutList, FrameRate, Span, Time};

/// The JSON schema (draft 2020-12) that every manifest follows.
pub const SCHEMA: &str = include_str!("manifest.schema.json");

/// The version of the manifest's form.
const FORM: u32 = 1;

/// The manifest of a package.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// The version of this form, 1.
    pub form: u32,
    /// The program that made the package, and its version.
    pub generator: String,
    /// The class's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Length of the longest track.
    pub duration: f64,
    /// The multivariant playlist's path in the package.
    pub playlist: String,
    /// The DASH manifest's path in the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dash: Option<String>,
    /// Renditions of the picture: those in H.264 first, of each codec the largest first.
    pub video: Vec<VideoEntry>,
    /// Renditions of the sound, the default first.
    pub audio: Vec<AudioEntry>,
    /// Captions and subtitles, in the order of the playlist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captions: Vec<TextEntry>,
    /// Descriptions of what is seen, as text that a player speaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub descriptions: Vec<TextEntry>,
    /// Chapters in the package's time.
    pub chapters: Vec<ChapterEntry>,
    /// All media segments together.
    pub bytes: u64,
    /// Still pictures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnails: Option<ThumbnailsEntry>,
    /// The one progressive MP4, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mp4: Option<MovieEntry>,
    /// The source's spans that are in the package, in the source's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Vec<SpanEntry>>,
    /// By whom the drafts were approved that the package was made with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub review: Vec<ReviewEntry>,
    /// When a viewer has completed the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<Completion>,
    /// What it costs to keep and deliver the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Where a published package has encrypted segments. Sizes and rates are those before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<EncryptionEntry>,
    /// Changes with everything that the media are made from: where it is the same, they can be
    /// used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<String>,
    /// As `made_from`, for each kind of media.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each_made_from: Option<MadeFrom>,
}

/// What kinds of media are made from. The cuts, which they have in common, stand alone: what another
/// cut does not touch can be used again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MadeFrom {
    /// The fingerprint of the recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<String>,
    /// Changes with everything that the picture is made from but the cuts.
    pub picture: String,
    /// The same for the recording's sound.
    pub sound: String,
    /// The same for sound with a description of what is seen.
    pub descriptions: String,
    /// The kept spans of the cut list, start and end in nanoseconds. Where the last one has no end
    /// it is that of the recording.
    pub cuts: Vec<(u64, Option<u64>)>,
}

impl MadeFrom {
    /// The spans of a cut list.
    pub fn spans(cuts: &CutList) -> Vec<(u64, Option<u64>)> {
        let end = |end: Time| (end != Time::MAX).then_some(end.nanos());
        let spans = cuts.kept().map(|span| (span.start.nanos(), end(span.end)));
        spans.collect()
    }

    /// The cut list; `None` where the spans are none.
    pub fn cut_list(&self) -> Option<CutList> {
        let spans = self.cuts.iter().map(|&(start, end)| {
            let end = end.map_or(Time::MAX, Time::from_nanos);
            Span::new(Time::from_nanos(start), end)
        });
        CutList::new(spans).ok()
    }
}

/// A rendition of the picture.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VideoEntry {
    /// As in `720p`, of one that shows fewer pictures than the source as in `720p5`, in another codec
    /// than H.264 as in `720p-av1`.
    pub name: String,
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames a second.
    pub frame_rate: f64,
    #[serde(flatten)]
    pub media: MediaEntry,
}

/// A rendition of the sound.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AudioEntry {
    /// What a listener chooses it by.
    pub label: String,
    /// A tag of BCP 47, `und` where it is unknown.
    pub language: String,
    /// What it is for.
    pub role: Role,
    /// Number of channels.
    pub channels: u16,
    /// Samples a second.
    pub sample_rate: u32,
    #[serde(flatten)]
    pub media: MediaEntry,
}

/// What all renditions have.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MediaEntry {
    /// The media playlist's path in the package.
    pub playlist: String,
    /// The codec by RFC 6381.
    pub codec: String,
    /// Measured bits a second over the whole rendition.
    pub average_rate: u64,
    /// Measured highest bits a second over about a segment's length.
    pub peak_rate: u64,
    /// Size of its media segments.
    pub bytes: u64,
    /// Number of its media segments.
    pub segments: usize,
}

/// Still pictures: paths in the package.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ThumbnailsEntry {
    /// The picture that stands for the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster: Option<String>,
    /// The WebVTT track that says where in which sheet the picture of a time stands.
    pub track: String,
    /// How sheets are laid out.
    pub tiles: TilesEntry,
    /// The sheets, in the order of their times.
    pub sheets: Vec<String>,
}

/// How sheets of small pictures are laid out: all but the last are full.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TilesEntry {
    /// Pictures in a row.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
    /// Pixels a row of a picture.
    pub width: usize,
    /// Rows of pixels of a picture.
    pub height: usize,
}

/// The one progressive MP4.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MovieEntry {
    /// Its path in the package.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// The name of the picture's rendition that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<String>,
    /// The label of the sound's rendition that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<String>,
}

/// A text. Paths are in the package.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TextEntry {
    /// What it is for.
    pub role: TextRole,
    /// A tag of BCP 47, `und` where it is unknown.
    pub language: String,
    /// What a viewer chooses it by.
    pub label: String,
    /// The whole text as WebVTT; always in a package, not in every encrypted publication of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The media playlist, where the text is a rendition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playlist: Option<String>,
    /// The text to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
    /// Whether a person approved it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<bool>,
}

/// A chapter.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ChapterEntry {
    pub start: f64,
    pub end: f64,
    pub title: String,
    /// Its picture's path in the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// A span of time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SpanEntry {
    pub start: f64,
    pub end: f64,
}

/// The state of a draft that the package was made with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReviewEntry {
    /// The draft's file name.
    pub file: String,
    /// Whether a person approved it.
    pub approved: bool,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// How segments are encrypted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EncryptionEntry {
    /// As in EXT-X-KEY (RFC 8216 section 4.3.2.4).
    pub method: String,
    /// Where players get the key.
    pub key_uri: String,
}

/// When a viewer has completed the class.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Completion {
    /// The share of the class that has to be watched, 0 to 1.
    pub threshold: f64,
}

impl Manifest {
    /// What the media say. The duration is that of the longest track.
    pub fn of_media(programme: &Programme, chapters: &[Chapter], duration: Time) -> Self {
        let video: Vec<VideoEntry> = programme
            .video
            .iter()
            .map(|video| VideoEntry {
                name: video.name.clone(),
                width: video.width,
                height: video.height,
                frame_rate: f64::from(video.frame_rate.0) / f64::from(video.frame_rate.1),
                media: MediaEntry::of(&video.track),
            })
            .collect();
        let audio: Vec<AudioEntry> = programme
            .audio
            .iter()
            .map(|audio| AudioEntry {
                label: audio.label.clone(),
                language: audio.language.clone(),
                role: audio.role,
                channels: audio.channels,
                sample_rate: audio.rate,
                media: MediaEntry::of(&audio.track),
            })
            .collect();
        let bytes = video.iter().map(|video| video.media.bytes).sum::<u64>()
            + audio.iter().map(|audio| audio.media.bytes).sum::<u64>();
        let (captions, descriptions) = TextEntry::of(&programme.text);
        Manifest {
            form: FORM,
            generator: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).into(),
            title: None,
            duration: duration.secs_f64(),
            playlist: names::MULTIVARIANT.into(),
            dash: Some(names::DASH.into()),
            video,
            audio,
            captions,
            descriptions,
            chapters: chapters.iter().map(ChapterEntry::from).collect(),
            bytes,
            thumbnails: None,
            mp4: None,
            kept: None,
            review: Vec::new(),
            completion: None,
            cost: None,
            encryption: None,
            made_from: None,
            each_made_from: None,
        }
    }

    /// Returns the cost to keep and deliver this package, of which `stored_bytes` are stored.
    pub fn estimate_cost(&self, stored_bytes: u64, pricing: Pricing) -> Cost {
        let main_audio = self.audio.first().map_or(0, |audio| audio.media.bytes);
        let video = self.video.iter();
        let mut renditions: Vec<(String, u64)> = video
            .map(|video| (video.name.clone(), video.media.bytes + main_audio))
            .collect();
        if renditions.is_empty() {
            let audio = self.audio.iter();
            renditions = audio
                .map(|audio| (audio.label.clone(), audio.media.bytes))
                .collect();
        }
        let duration = (!self.video.is_empty()).then_some(self.duration);
        Cost::new(renditions, duration, stored_bytes, pricing)
    }

    /// The renditions of the picture that every player plays, largest first: those in the first one's
    /// codec.
    pub fn played_by_all(&self) -> &[VideoEntry] {
        let same = |one: &VideoEntry, other: &VideoEntry| {
            sample_format(&one.media.codec) == sample_format(&other.media.codec)
        };
        self.video.chunk_by(same).next().unwrap_or_default()
    }

    /// The renditions that it tells of, without texts and chapters. `track` reads one whose times
    /// are whole frames of this rate, `rate` is that of the picture, of whose frames a rendition may
    /// show every second, third … one. `None` where one cannot be read or is none that was written
    /// so.
    pub fn programme(
        &self,
        rate: Option<(u32, u32)>,
        track: impl Fn(&MediaEntry, FrameRate) -> Option<Track>,
    ) -> Option<Programme> {
        let video = self.video.iter().map(|entry| {
            let (num, den) = rate?;
            let every = (f64::from(num) / f64::from(den) / entry.frame_rate).round() as u32;
            let frame_rate = ladder::reduced(num, den.checked_mul(every)?);
            (entry.frame_rate == f64::from(frame_rate.0) / f64::from(frame_rate.1)).then_some(())?;
            Some(Video {
                track: track(&entry.media, FrameRate::new(num, den)?)?,
                name: entry.name.clone(),
                lines: entry.name.split_once('p')?.0.parse().ok()?,
                width: entry.width,
                height: entry.height,
                frame_rate,
            })
        });
        let audio = self.audio.iter().map(|entry| {
            Some(Audio {
                track: track(&entry.media, FrameRate::new(entry.sample_rate, 1)?)?,
                label: entry.label.clone(),
                language: entry.language.clone(),
                role: entry.role,
                channels: entry.channels,
                rate: entry.sample_rate,
            })
        });
        Some(Programme {
            video: video.collect::<Option<_>>()?,
            audio: audio.collect::<Option<_>>()?,
            ..Programme::default()
        })
    }

    /// The manifest as a file.
    pub fn to_json(&self) -> Vec<u8> {
        // Nothing in a manifest can fail to be written as JSON.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

impl MediaEntry {
    fn of(track: &Track) -> Self {
        let Rates { average, peak } = track.rates();
        MediaEntry {
            playlist: track.playlist(),
            codec: track.codec.clone(),
            average_rate: average,
            peak_rate: peak,
            bytes: track.bytes(),
            segments: track.segments.len(),
        }
    }
}

impl TextEntry {
    /// The entries of captions and of descriptions.
    pub fn of(texts: &[Text]) -> (Vec<TextEntry>, Vec<TextEntry>) {
        let (captions, descriptions): (Vec<&Text>, Vec<&Text>) =
            texts.iter().partition(|text| text.is_rendition());
        let entries = |texts: Vec<&Text>| texts.into_iter().map(TextEntry::from).collect();
        (entries(captions), entries(descriptions))
    }
}

impl From<&Text> for TextEntry {
    fn from(text: &Text) -> Self {
        TextEntry {
            role: text.role,
            language: text.language.clone(),
            label: text.label.clone(),
            file: Some(text.file()),
            playlist: text.playlist(),
            transcript: text.transcript(),
            approved: None,
        }
    }
}

impl From<&Chapter> for ChapterEntry {
    fn from(chapter: &Chapter) -> Self {
        ChapterEntry {
            start: chapter.span.start.secs_f64(),
            end: chapter.span.end.secs_f64(),
            title: chapter.title.clone(),
            image: None,
        }
    }
}

impl From<Span> for SpanEntry {
    fn from(span: Span) -> Self {
        SpanEntry {
            start: span.start.secs_f64(),
            end: span.end.secs_f64(),
        }
    }
}
