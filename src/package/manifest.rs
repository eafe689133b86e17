// SPDX-License-Identifier: MPL-2.0

//! `manifest.json`: the data that a platform reads before it shows a package. Its JSON schema is
//! `manifest.schema.json` in this folder.
//!
//! Times are in seconds, rates in bit/s, sizes in bytes. catalogsink writes what it knows about the
//! media; the code that knows the source and its drafts adds the rest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::chapters::Chapter;
use super::cost::{Cost, Pricing};
use super::ladder;
use super::names;
use super::programme::{Audio, Programme, Role, Video, sample_format};
use super::text::{Text, TextRole};
use super::track::{Rates, Track};
use crate::edit::summary_file::{Item, SummaryFile};
use crate::timeline::{CutList, FrameRate, Span, Time};

/// The JSON schema (draft 2020-12) that every manifest follows.
pub const SCHEMA: &str = include_str!("manifest.schema.json");

/// Version of the manifest's format.
const FORM: u32 = 1;

/// The manifest of a package.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// Version of this format, 1.
    pub form: u32,
    /// Program that made the package, and its version.
    pub generator: String,
    /// Title of the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Length of the longest track.
    pub duration: f64,
    /// Path of the multivariant playlist in the package.
    pub playlist: String,
    /// Path of the DASH manifest in the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dash: Option<String>,
    /// Video renditions: those in H.264 first, for each codec the largest first.
    pub video: Vec<VideoEntry>,
    /// Audio renditions, the default first.
    pub audio: Vec<AudioEntry>,
    /// Captions and subtitles, in the order of the playlist.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captions: Vec<TextEntry>,
    /// Descriptions of what is seen, as text that a player speaks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub descriptions: Vec<TextEntry>,
    /// Text of the slides, which a person approved: metadata tracks and readable pages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slides: Vec<TextEntry>,
    /// Summary of the class, which a person approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<SummaryEntry>,
    /// Chapters in the package's time.
    pub chapters: Vec<ChapterEntry>,
    /// Size of all media segments together.
    pub bytes: u64,
    /// Still images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnails: Option<ThumbnailsEntry>,
    /// The progressive MP4, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mp4: Option<MovieEntry>,
    /// The source's spans that are in the package, in the source's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Vec<SpanEntry>>,
    /// State of the drafts that the package was made with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub review: Vec<ReviewEntry>,
    /// Descriptions that a program has spoken into an audio rendition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spoken: Vec<SpokenEntry>,
    /// Results of checking captions. They do not state that a standard is met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checked: Vec<CheckEntry>,
    /// For each level of WCAG, `A` and `AA`, what is known to be missing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, Vec<String>>,
    /// Condition under which a viewer has completed the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion: Option<Completion>,
    /// Cost of storing and delivering the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Encryption of a published package's segments. Sizes and rates are those before encryption.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<EncryptionEntry>,
    /// Fingerprint of everything that the media are made from: if it is unchanged, they can be
    /// reused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_from: Option<String>,
    /// The same as `made_from`, for each kind of media.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each_made_from: Option<MadeFrom>,
}

/// Fingerprints of the inputs of each kind of media. The cuts, which they share, are separate:
/// media that another cut does not touch can be reused.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MadeFrom {
    /// Fingerprint of the recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<String>,
    /// Fingerprint of everything that the video is made from, except the cuts.
    pub picture: String,
    /// The same for the recording's audio.
    pub sound: String,
    /// The same for audio descriptions.
    pub descriptions: String,
    /// Kept spans of the cut list, start and end in nanoseconds. If the last one has no end, it
    /// ends with the recording.
    pub cuts: Vec<(u64, Option<u64>)>,
}

impl MadeFrom {
    /// Returns the spans of a cut list.
    pub fn spans(cuts: &CutList) -> Vec<(u64, Option<u64>)> {
        let end = |end: Time| (end != Time::MAX).then_some(end.nanos());
        let spans = cuts.kept().map(|span| (span.start.nanos(), end(span.end)));
        spans.collect()
    }

    /// Returns the cut list, or `None` if the spans are invalid.
    pub fn cut_list(&self) -> Option<CutList> {
        let spans = self.cuts.iter().map(|&(start, end)| {
            let end = end.map_or(Time::MAX, Time::from_nanos);
            Span::new(Time::from_nanos(start), end)
        });
        CutList::new(spans).ok()
    }
}

/// A video rendition.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VideoEntry {
    /// Name, such as `720p`; `720p5` if it shows fewer frames than the source, `720p-av1` if the
    /// codec is not H.264.
    pub name: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames per second.
    pub frame_rate: f64,
    #[serde(flatten)]
    pub media: MediaEntry,
}

/// An audio rendition.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AudioEntry {
    /// Label by which a listener chooses it.
    pub label: String,
    /// BCP 47 tag, `und` if the language is unknown.
    pub language: String,
    /// Purpose.
    pub role: Role,
    /// Number of channels.
    pub channels: u16,
    /// Samples per second.
    pub sample_rate: u32,
    #[serde(flatten)]
    pub media: MediaEntry,
}

/// Properties common to all renditions.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MediaEntry {
    /// Path of the media playlist in the package.
    pub playlist: String,
    /// Codec by RFC 6381.
    pub codec: String,
    /// Measured average bit rate of the whole rendition.
    pub average_rate: u64,
    /// Measured highest bit rate over about a segment's length.
    pub peak_rate: u64,
    /// Size of its media segments.
    pub bytes: u64,
    /// Number of its media segments.
    pub segments: usize,
}

/// Still images: paths in the package.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ThumbnailsEntry {
    /// Image that represents the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poster: Option<String>,
    /// WebVTT track with the sheet and the position of the image for each time.
    pub track: String,
    /// Layout of the sheets.
    pub tiles: TilesEntry,
    /// Sheets, in the order of their times.
    pub sheets: Vec<String>,
}

/// Layout of sheets of small images: all but the last are full.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TilesEntry {
    /// Images per row.
    pub columns: usize,
    /// Number of rows.
    pub rows: usize,
    /// Width of an image in pixels.
    pub width: usize,
    /// Height of an image in pixels.
    pub height: usize,
}

/// The progressive MP4.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MovieEntry {
    /// Path in the package.
    pub file: String,
    /// Size.
    pub bytes: u64,
    /// Name of the video rendition in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<String>,
    /// Label of the audio rendition in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<String>,
}

/// A text. Paths are in the package.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TextEntry {
    /// Purpose.
    pub role: TextRole,
    /// BCP 47 tag, `und` if the language is unknown.
    pub language: String,
    /// Label by which a viewer chooses it.
    pub label: String,
    /// The whole text as WebVTT; always in a package, but not in every encrypted publication of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The media playlist, if the text is a rendition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playlist: Option<String>,
    /// The text as a readable page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript: Option<String>,
    /// Whether a person approved it, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<bool>,
}

/// A summary.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SummaryEntry {
    /// Sentences about the whole class.
    pub sentences: Vec<PointEntry>,
    /// Main points, one or a few for each chapter.
    pub key_points: Vec<PointEntry>,
}

/// A sentence or a key point.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PointEntry {
    /// Time at which it is said or shown, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<f64>,
    pub text: String,
}

/// A chapter.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ChapterEntry {
    pub start: f64,
    pub end: f64,
    pub title: String,
    /// Path of its image in the package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

/// A span of time.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SpanEntry {
    pub start: f64,
    pub end: f64,
}

/// State of a draft that the package was made with.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReviewEntry {
    /// File name of the draft.
    pub file: String,
    /// Whether a person approved it.
    pub approved: bool,
    /// Name of that person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What that person signed, such as words, names, speakers, sounds or description.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed: Vec<String>,
    /// Date of the approval, as that person wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
}

/// Result of checking the published part of captions.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CheckEntry {
    /// File name of the draft.
    pub file: String,
    /// Name of the profile whose limits were used.
    pub profile: String,
    /// Whether the cues were compared with the speech of the recording.
    pub with_audio: bool,
    /// Number of findings that fail.
    pub fails: usize,
    /// Number of findings that a person should look at.
    pub warnings: usize,
    /// Names of the rules that fail, each once.
    pub failed: Vec<String>,
    /// Share of the speech under a cue, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<f64>,
}

/// The descriptions of a draft that a program has spoken.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SpokenEntry {
    /// File name of the draft.
    pub file: String,
    /// Number of texts that are spoken in the audio description.
    pub spoken: usize,
    /// Number of those that are spoken faster to fit their pauses.
    pub faster: usize,
    /// Texts that are too long for their pauses and are not spoken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extended: Vec<ExtendedEntry>,
}

/// A description for which a player has to pause the video.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExtendedEntry {
    /// Start and end of the time that it has, in the package's time.
    #[serde(flatten)]
    pub span: SpanEntry,
    /// Time that it takes to speak it at normal speed.
    pub needs: f64,
    /// The text.
    pub text: String,
}

/// Encryption of segments.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EncryptionEntry {
    /// Method as in EXT-X-KEY (RFC 8216 section 4.3.2.4).
    pub method: String,
    /// URI from which players get the key.
    pub key_uri: String,
}

/// Condition under which a viewer has completed the class.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Completion {
    /// Share of the class that has to be watched, 0 to 1.
    pub threshold: f64,
}

impl Manifest {
    /// Returns the manifest of these media. The duration is that of the longest track.
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
            slides: Vec::new(),
            summary: None,
            chapters: chapters.iter().map(ChapterEntry::from).collect(),
            bytes,
            thumbnails: None,
            mp4: None,
            kept: None,
            review: Vec::new(),
            spoken: Vec::new(),
            checked: Vec::new(),
            missing: BTreeMap::new(),
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

    /// Returns the video renditions that every player plays, largest first: those in the first
    /// one's codec.
    pub fn played_by_all(&self) -> &[VideoEntry] {
        let same = |one: &VideoEntry, other: &VideoEntry| {
            sample_format(&one.media.codec) == sample_format(&other.media.codec)
        };
        self.video.chunk_by(same).next().unwrap_or_default()
    }

    /// Returns the listed renditions, without texts and chapters. `track` reads a track whose times
    /// are whole frames of the given rate. `rate` is the frame rate of the video; a rendition may
    /// show every second, third … frame of it. Returns `None` if one cannot be read or was not
    /// written in this form.
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

    /// Writes the manifest as a file.
    pub fn to_json(&self) -> Vec<u8> {
        // Everything in a manifest can be written as JSON.
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
    /// Returns the entries of captions and of descriptions.
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

impl From<&SummaryFile> for SummaryEntry {
    fn from(file: &SummaryFile) -> Self {
        let entries = |items: &[Item]| {
            let entry = items.iter().map(|item| PointEntry {
                start: item.span.map(|span| span.start.secs_f64()),
                text: item.text.clone(),
            });
            entry.collect()
        };
        SummaryEntry {
            sentences: entries(&file.summary),
            key_points: entries(&file.key_points),
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
