// SPDX-License-Identifier: MPL-2.0

//! Chapters and subtitles that a recording holds beside audio and video.
//!
//! GStreamer's demuxers (1.22) give neither the flags of subtitles nor the chapters of MP4, so the
//! containers that carry them, Matroska and MP4, are read here.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

mod ass;
mod boxes;
pub mod line21;
mod matroska;
mod mp4;
mod mp4_text;

use crate::timeline::{Span, Time};
use crate::webvtt::Cue;

/// The duration of a cue without an end.
const SHOWN: Time = Time::from_secs(5);
/// Titles of tracks that name what is heard, too.
const FOR_THE_DEAF: [&str; 7] = [
    "sdh",
    "cc",
    "hearing",
    "deaf",
    "gehörlose",
    "malentendants",
    "sordos",
];

/// A chapter, in the time of the recording.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chapter {
    pub start: Time,
    pub title: String,
}

/// A track of subtitles.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TextTrack {
    /// Language as the container names it.
    pub language: Option<String>,
    pub title: Option<String>,
    /// Shown first unless a viewer chooses.
    pub is_default: bool,
    /// Only what a viewer of the original language would not understand either.
    pub is_forced: bool,
    /// Whether it contains sounds, too.
    pub is_for_the_deaf: bool,
    /// In order of time; empty if the format cannot be read.
    pub cues: Vec<Cue>,
    /// The format as people call it.
    pub format: String,
}

impl TextTrack {
    fn finish(&mut self) {
        self.cues.retain(|cue| !cue.text.trim().is_empty());
        self.cues.sort_by_key(|cue| cue.span.start);
        for at in 0..self.cues.len() {
            let next = self.cues.get(at + 1).map(|cue| cue.span.start);
            if let Some(cue) = self.cues.get_mut(at)
                && cue.span.end == Time::MAX
            {
                let most = cue.span.start.saturating_add(SHOWN);
                cue.span.end = next.map_or(most, |next| next.min(most));
            }
        }
        self.cues.retain(|cue| !cue.span.is_empty());
        let title = self.title.as_deref().unwrap_or_default().to_lowercase();
        let mut words = title.split(|c: char| !c.is_alphanumeric());
        self.is_for_the_deaf |= words.any(|word| FOR_THE_DEAF.contains(&word));
    }
}

/// Returns the chapters of a recording in order of time; none if it has fewer than two, for one
/// divides nothing. An error names what is broken.
pub fn chapters(file: &mut (impl Read + Seek)) -> Result<Vec<Chapter>, String> {
    let mut chapters = match container(file) {
        Some(Container::Matroska) => matroska::chapters(file)?,
        Some(Container::Mp4) => mp4::chapters(file)?,
        None => Vec::new(),
    };
    chapters.sort_by_key(|chapter| chapter.start);
    chapters.dedup_by_key(|chapter| chapter.start);
    if chapters.len() < 2 {
        chapters.clear();
    }
    Ok(chapters)
}

/// Returns the tracks of subtitles of a recording. An error names what is broken.
pub fn texts(file: &mut (impl Read + Seek)) -> Result<Vec<TextTrack>, String> {
    let mut texts = match container(file) {
        Some(Container::Matroska) => matroska::texts(file)?,
        Some(Container::Mp4) => mp4::texts(file)?,
        None => Vec::new(),
    };
    texts.iter_mut().for_each(TextTrack::finish);
    Ok(texts)
}

/// Returns the language that the container names for each track, by the number of the track, or its
/// identifier in MP4. A track without one has `None`: GStreamer (1.22) takes it for English. Returns
/// `None` for containers that are not read.
pub fn languages(file: &mut (impl Read + Seek)) -> Option<BTreeMap<u64, Option<String>>> {
    match container(file)? {
        Container::Matroska => matroska::languages(file),
        Container::Mp4 => mp4::languages(file),
    }
}

/// Returns the number of a track, or its identifier in MP4, by which [`languages`] lists it: GStreamer
/// ends the identifier of its stream with it (`…/001`), and in Matroska with a second number (`…/001:7`).
pub fn track_number(stream_id: &str) -> Option<u64> {
    let (_, track) = stream_id.rsplit_once('/')?;
    track.split(':').next()?.parse().ok()
}

/// Returns chapters as cues of a chapter file: each lasts until the next, the last until `end`.
/// Those that start past it are left out.
pub fn cues(chapters: &[Chapter], end: Time) -> Vec<Cue> {
    let starts = chapters.iter().skip(1).map(|chapter| chapter.start);
    let ends = starts.chain([end]);
    let cues = chapters.iter().enumerate().zip(ends);
    let cues = cues.map(|((index, chapter), next)| {
        let title = chapter
            .title
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        let title = match title.is_empty() {
            true => format!("Chapter {}", index + 1),
            false => title,
        };
        Cue::new(Span::new(chapter.start, next.min(end)), &title)
    });
    cues.filter(|cue| !cue.span.is_empty()).collect()
}

/// Puts chapters with these spans into a finished file; of a chapter without one nothing is left. In
/// Matroska chapters with the same titles must be there, with times of eight bytes; an MP4 must end with
/// its index.
pub fn place_chapters(
    file: &mut (impl Read + Write + Seek),
    chapters: &[Chapter],
    spans: &[Option<Span>],
) -> io::Result<()> {
    match container(file) {
        Some(Container::Matroska) => matroska::move_chapters(file, spans),
        Some(Container::Mp4) => {
            let moved = chapters.iter().zip(spans);
            let moved = moved.filter_map(|(chapter, span)| {
                Some(Chapter {
                    start: span.as_ref()?.start,
                    title: chapter.title.clone(),
                })
            });
            mp4::add_chapters(file, &moved.collect::<Vec<_>>())
        }
        None => Ok(()),
    }
}

enum Container {
    Matroska,
    Mp4,
}

fn container(file: &mut (impl Read + Seek)) -> Option<Container> {
    let mut head = [0; 8];
    read_at(file, 0, &mut head).ok()?;
    match &head {
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(Container::Matroska),
        [_, _, _, _, kind @ ..] => {
            let kinds: [&[u8]; 5] = [b"ftyp", b"moov", b"wide", b"mdat", b"free"];
            kinds.contains(&&kind[..]).then_some(Container::Mp4)
        }
    }
}

fn read_at(file: &mut (impl Read + Seek), at: u64, bytes: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chapters_last_until_the_next() {
        let chapter = |seconds, title: &str| Chapter {
            start: Time::from_secs(seconds),
            title: title.to_owned(),
        };
        let chapters = [chapter(0, "A <b>\nB"), chapter(7, " "), chapter(30, "late")];
        let cues = cues(&chapters, Time::from_secs(20));
        let written: Vec<String> = cues.iter().map(Cue::to_string).collect();
        assert_eq!(
            written,
            [
                "00:00:00.000 --> 00:00:07.000\nA &lt;b&gt; B\n",
                "00:00:07.000 --> 00:00:20.000\nChapter 2\n"
            ]
        );
    }

    #[test]
    fn tracks_are_known_by_their_streams() {
        assert_eq!(track_number("1b03/002"), Some(2));
        assert_eq!(track_number("a/b/001:11002622735602695836"), Some(1));
        assert_eq!(track_number("73ce:1/00000100"), Some(100));
        assert_eq!(track_number("none"), None);
    }

    #[test]
    fn other_files_hold_nothing() {
        let mut file = io::Cursor::new(b"RIFF....WAVEfmt ".to_vec());
        assert_eq!(chapters(&mut file), Ok(Vec::new()));
        assert_eq!(texts(&mut file), Ok(Vec::new()));
        assert_eq!(languages(&mut file), None);
    }
}
