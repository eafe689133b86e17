// SPDX-License-Identifier: MPL-2.0

//! Chapters and subtitles of MP4 and QuickTime files (ISO/IEC 14496-12).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::boxes::{self, Boxes, bytes, child, descend, u32_at, u64_at};
use super::mp4_text::{self, Format};
use super::{Chapter, TextTrack, read_at};
use crate::timeline::{Span, Time};

/// No track of text has more samples, and no sample is larger.
const MOST_SAMPLES: usize = 1 << 20;
const LARGEST_SAMPLE: u64 = 1 << 20;
/// Units of a time in `chpl` in a second.
const CHPL_SCALE: u64 = 10_000_000;
/// Languages by QuickTime's numbers (QuickTime File Format, language code values).
const COUNTED: [&str; 47] = [
    "en", "fr", "de", "it", "nl", "sv", "es", "da", "pt", "no", "he", "ja", "ar", "fi", "el", "is",
    "mt", "tr", "hr", "zh-Hant", "ur", "hi", "th", "ko", "lt", "pl", "hu", "et", "lv", "se", "fo",
    "fa", "ru", "zh-Hans", "nl-BE", "ga", "sq", "ro", "cs", "sk", "sl", "yi", "sr", "mk", "bg",
    "uk", "be",
];
/// The number from which packed letters are counted, and the first packed language.
const LETTERS: u16 = 0x60;
const FIRST_PACKED: u16 = 0x400;

pub fn chapters(file: &mut (impl Read + Seek)) -> Result<Vec<Chapter>, String> {
    let Some(moov) = boxes::moov(file) else {
        return Ok(Vec::new());
    };
    let wanted = chapter_tracks(&moov);
    let mut tracks = tracks(&moov).filter(|track| wanted.contains(&track.id));
    // Of chapters in several languages, and of their pictures, the first text is taken.
    if let Some(track) = tracks.find(|track| track.handler != *b"vide" && track.format.is_some()) {
        return track.chapters(file);
    }
    let list = descend(&moov, &[b"udta", b"chpl"]);
    Ok(list.and_then(chapter_list).unwrap_or_default())
}

pub fn texts(file: &mut (impl Read + Seek)) -> Result<Vec<TextTrack>, String> {
    let Some(moov) = boxes::moov(file) else {
        return Ok(Vec::new());
    };
    let chapters = chapter_tracks(&moov);
    let is_text = |track: &Track<'_>| {
        let handlers = [b"sbtl", b"text", b"subt", b"subp", b"clcp"];
        handlers.contains(&&track.handler) && !chapters.contains(&track.id)
    };
    let tracks = tracks(&moov).filter(is_text);
    tracks.map(|track| track.text(file)).collect()
}

/// Returns the language of each track by its identifier.
pub fn languages(file: &mut (impl Read + Seek)) -> Option<BTreeMap<u64, Option<String>>> {
    let counts = boxes::is_quicktime(file);
    let moov = boxes::moov(file)?;
    let languages = traks(&moov).filter_map(|trak| {
        let header = child(trak, b"tkhd")?;
        let at = if header.first()? == &1 { 20 } else { 12 };
        let media = child(trak, b"mdia")?;
        Some((
            u64::from(u32_at(header, at)?),
            language_of(media).filter(|_| counts || !is_counted(media)),
        ))
    });
    Some(languages.collect())
}

/// Adds chapters to a finished file whose index stands behind its media, in the form of Nero's
/// programs.
pub fn add_chapters(file: &mut (impl Read + Write + Seek), chapters: &[Chapter]) -> io::Result<()> {
    let unknown = || io::Error::other("its index does not stand behind its media");
    let (start, moov) = boxes::place_of_moov(file).ok_or_else(unknown)?;
    let mut whole = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    Read::by_ref(file)
        .take(boxes::LARGEST)
        .read_to_end(&mut whole)?;
    let mut boxes = Boxes(&whole);
    let is_index = boxes.next().is_some_and(|(kind, _)| kind == *b"moov");
    let behind = boxes.0.to_vec();
    if !is_index || boxes.any(|(kind, _)| kind == *b"mdat") {
        return Err(unknown());
    }
    let list = boxed(b"chpl", &written_list(chapters));
    let mut whole = Vec::with_capacity(moov.len() + list.len() + 8);
    let mut is_added = false;
    for (kind, content) in Boxes(&moov) {
        let mut content = content.to_vec();
        if kind == *b"udta" {
            content.extend(&list);
            is_added = true;
        }
        whole.extend(boxed(&kind, &content));
    }
    if !is_added {
        whole.extend(boxed(b"udta", &list));
    }
    file.seek(SeekFrom::Start(start))?;
    file.write_all(&boxed(b"moov", &whole))?;
    file.write_all(&behind)
}

/// A box; no index is so large that its size takes more than four bytes.
fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap_or(u32::MAX);
    [&size.to_be_bytes()[..], kind, content].concat()
}

/// The content of a `chpl` box. Titles and their number have one byte for their length.
fn written_list(chapters: &[Chapter]) -> Vec<u8> {
    let chapters = chapters.get(..255).unwrap_or(chapters);
    let mut list = vec![1, 0, 0, 0, 0, 0, 0, 0, chapters.len() as u8];
    for chapter in chapters {
        let mut length = chapter.title.len().min(255);
        while !chapter.title.is_char_boundary(length) {
            length -= 1;
        }
        let title = &chapter.title[..length];
        list.extend((chapter.start.nanos() / (1_000_000_000 / CHPL_SCALE)).to_be_bytes());
        list.push(title.len() as u8);
        list.extend(title.as_bytes());
    }
    list
}

/// The tracks that others name as their chapters.
fn chapter_tracks(moov: &[u8]) -> BTreeSet<u32> {
    let references = traks(moov).filter_map(|trak| descend(trak, &[b"tref", b"chap"]));
    references
        .flat_map(|ids| (0..ids.len() / 4).filter_map(|at| u32_at(ids, at * 4)))
        .collect()
}

fn traks(moov: &[u8]) -> impl Iterator<Item = &[u8]> {
    Boxes(moov)
        .filter(|(kind, _)| kind == b"trak")
        .map(|(_, trak)| trak)
}

fn tracks(moov: &[u8]) -> impl Iterator<Item = Track<'_>> {
    let scale = child(moov, b"mvhd").and_then(timescale).unwrap_or(1000);
    traks(moov).filter_map(move |trak| Track::of(trak, scale))
}

/// The units in a second of a header of a movie or of media.
fn timescale(header: &[u8]) -> Option<u64> {
    let at = if header.first()? == &1 { 20 } else { 12 };
    u32_at(header, at).map(u64::from).filter(|scale| *scale > 0)
}

/// Chapters as Nero's programs write them.
fn chapter_list(list: &[u8]) -> Option<Vec<Chapter>> {
    // Version 1 has four bytes without a meaning.
    let at = if list.first()? == &0 { 4 } else { 8 };
    let count = *list.get(at)?;
    let mut rest = list.get(at + 1..)?;
    let mut chapters = Vec::new();
    for _ in 0..count {
        let Some(start) = u64_at(rest, 0) else { break };
        let length = usize::from(*rest.get(8)?);
        chapters.push(Chapter {
            start: scaled(start, CHPL_SCALE),
            title: String::from_utf8_lossy(rest.get(9..9 + length)?).into_owned(),
        });
        rest = rest.get(9 + length..)?;
    }
    Some(chapters)
}

fn scaled(units: u64, scale: u64) -> Time {
    let nanos = u128::from(units) * 1_000_000_000 / u128::from(scale.max(1));
    Time::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// A track of an index.
struct Track<'a> {
    id: u32,
    is_enabled: bool,
    handler: [u8; 4],
    kind: [u8; 4],
    /// `None` for what is not text, or not read.
    format: Option<Format>,
    language: Option<String>,
    title: Option<String>,
    is_for_the_deaf: bool,
    is_forced: bool,
    scale: u64,
    edits: Vec<Edit>,
    table: &'a [u8],
}

/// A part of the movie: what of a track's media it shows, from where on.
struct Edit {
    start: Time,
    length: Time,
    /// `None`: nothing.
    media: Option<Time>,
}

/// A sample of a track.
struct Sample {
    span: Span,
    offset: u64,
    size: u64,
}

impl<'a> Track<'a> {
    fn of(trak: &'a [u8], movie_scale: u64) -> Option<Self> {
        let header = child(trak, b"tkhd")?;
        let media = child(trak, b"mdia")?;
        let media_header = child(media, b"mdhd")?;
        let table = descend(media, &[b"minf", b"stbl"])?;
        let is_long = header.first()? == &1;
        let (kind, entry) = Boxes(child(table, b"stsd")?.get(8..)?).next()?;
        let characteristics: Vec<&[u8]> = child(trak, b"udta")
            .into_iter()
            .flat_map(Boxes)
            .filter(|(kind, _)| kind == b"tagc")
            .map(|(_, text)| text)
            .collect();
        let has = |wanted: &str| {
            let mut all = characteristics.iter();
            all.any(|text| String::from_utf8_lossy(text).contains(wanted))
        };
        let name = descend(trak, &[b"udta", b"name"]);
        let name = name.map(|name| String::from_utf8_lossy(name).trim().to_owned());
        Some(Track {
            id: u32_at(header, if is_long { 20 } else { 12 })?,
            is_enabled: header.get(3)? & 1 == 1,
            handler: bytes(child(media, b"hdlr")?, 8)?,
            kind,
            format: Format::of(&kind),
            language: language_of(media),
            title: name.filter(|name| !name.is_empty()),
            is_for_the_deaf: has("describes-music-and-sound") || has("transcribes-spoken-dialog"),
            is_forced: has("subtitles.auxiliary-content") || mp4_text::is_forced(&kind, entry),
            scale: timescale(media_header)?,
            edits: descend(trak, &[b"edts", b"elst"])
                .map(|list| edits(list, movie_scale, timescale(media_header).unwrap_or(1)))
                .unwrap_or_default(),
            table,
        })
    }

    fn chapters(&self, file: &mut (impl Read + Seek)) -> Result<Vec<Chapter>, String> {
        let mut chapters = Vec::new();
        for (span, text) in self.samples(file)? {
            let text = self.format.map(|format| format.plain_text(&text));
            chapters.push(Chapter {
                start: span.start,
                title: text.unwrap_or_default(),
            });
        }
        Ok(chapters)
    }

    fn text(&self, file: &mut (impl Read + Seek)) -> Result<TextTrack, String> {
        let mut cues = Vec::new();
        if let Some(format) = self.format {
            for (span, sample) in self.samples(file)? {
                cues.extend(format.cues(&sample, span));
            }
        }
        Ok(TextTrack {
            language: self.language.clone(),
            title: self.title.clone(),
            is_default: self.is_enabled,
            is_forced: self.is_forced,
            is_for_the_deaf: self.is_for_the_deaf || self.handler == *b"clcp",
            cues,
            format: mp4_text::format_name(&self.kind),
        })
    }

    /// The samples with the times at which the movie shows them.
    fn samples(&self, file: &mut (impl Read + Seek)) -> Result<Vec<(Span, Vec<u8>)>, String> {
        let mut samples = Vec::new();
        for sample in table(self.table, self.scale).unwrap_or_default() {
            if sample.size > LARGEST_SAMPLE {
                return Err(format!(
                    "a sample of track {} is too large for text",
                    self.id
                ));
            }
            let mut data = vec![0; sample.size as usize];
            read_at(file, sample.offset, &mut data)
                .map_err(|error| format!("text of track {} is missing: {error}", self.id))?;
            for span in self.shown(sample.span) {
                samples.push((span, data.clone()));
            }
        }
        Ok(samples)
    }

    /// When the movie shows a part of the media (section 8.6.6).
    fn shown(&self, media: Span) -> Vec<Span> {
        if self.edits.is_empty() {
            return vec![media];
        }
        let shown = self.edits.iter().filter_map(|edit| {
            let from = edit.media?;
            // An edit without length lasts as long as the media.
            let end = match edit.length {
                Time::ZERO => Time::MAX,
                length => from.saturating_add(length),
            };
            let part = media.intersection(Span::new(from, end))?;
            let moved = |time: Time| edit.start.saturating_add(time.saturating_sub(from));
            Some(Span::new(moved(part.start), moved(part.end)))
        });
        shown.collect()
    }
}

/// Returns the language of a media box: its extended tag (section 8.4.6), else that of its header.
fn language_of(media: &[u8]) -> Option<String> {
    let extended = child(media, b"elng").and_then(|tag| tag.get(4..));
    let extended = extended.map(|tag| String::from_utf8_lossy(tag));
    let extended = extended.map(|tag| tag.trim_end_matches('\0').to_owned());
    extended
        .filter(|tag| !tag.is_empty())
        .or_else(|| language(language_code(media)?))
}

/// Returns whether the language is one that QuickTime counts: in other files that is none.
fn is_counted(media: &[u8]) -> bool {
    child(media, b"elng").is_none()
        && language_code(media).is_some_and(|packed| packed < FIRST_PACKED)
}

fn language_code(media: &[u8]) -> Option<u16> {
    let header = child(media, b"mdhd")?;
    let at = if header.first()? == &1 { 32 } else { 20 };
    bytes(header, at).map(u16::from_be_bytes)
}

/// A language of three packed letters, or one that QuickTime counts; `None` for none.
fn language(packed: u16) -> Option<String> {
    if packed < FIRST_PACKED {
        return COUNTED
            .get(usize::from(packed))
            .map(|tag| (*tag).to_owned());
    }
    if packed & 0x8000 != 0 {
        return None;
    }
    let letter = |shift: u16| char::from_u32(u32::from((packed >> shift & 0x1f) + LETTERS));
    let letters: Option<String> = [10, 5, 0].into_iter().map(letter).collect();
    letters.filter(|letters| letters.bytes().all(|letter| letter.is_ascii_lowercase()))
}

fn edits(list: &[u8], movie_scale: u64, scale: u64) -> Vec<Edit> {
    let is_long = list.first() == Some(&1);
    let size = if is_long { 20 } else { 12 };
    let entries = list.get(8..).unwrap_or_default().chunks_exact(size);
    let mut start = Time::ZERO;
    let edits = entries.filter_map(|entry| {
        let (length, media) = if is_long {
            (u64_at(entry, 0)?, i64::from_be_bytes(bytes(entry, 8)?))
        } else {
            let media = i32::from_be_bytes(bytes(entry, 4)?);
            (u64::from(u32_at(entry, 0)?), i64::from(media))
        };
        let edit = Edit {
            start,
            length: scaled(length, movie_scale),
            media: u64::try_from(media).ok().map(|media| scaled(media, scale)),
        };
        start = start.saturating_add(edit.length);
        Some(edit)
    });
    edits.collect()
}

/// Reads a sample table (section 8.5 to 8.7).
fn table(stbl: &[u8], scale: u64) -> Option<Vec<Sample>> {
    let sizes = child(stbl, b"stsz")?;
    let (same, count) = (u32_at(sizes, 4)?, u32_at(sizes, 8)? as usize);
    if count > MOST_SAMPLES {
        return None;
    }
    let size = |sample: usize| match same {
        0 => u32_at(sizes, 12 + sample * 4).map(u64::from),
        same => Some(u64::from(same)),
    };
    let offsets: Vec<u64> = match (child(stbl, b"stco"), child(stbl, b"co64")) {
        (Some(list), _) => list
            .get(8..)?
            .chunks_exact(4)
            .filter_map(|o| u32_at(o, 0))
            .map(u64::from)
            .collect(),
        (None, list) => list?
            .get(8..)?
            .chunks_exact(8)
            .filter_map(|o| u64_at(o, 0))
            .collect(),
    };
    let runs: Vec<(usize, usize)> = child(stbl, b"stsc")?
        .get(8..)?
        .chunks_exact(12)
        .filter_map(|run| Some((u32_at(run, 0)? as usize, u32_at(run, 4)? as usize)))
        .collect();
    let mut durations = child(stbl, b"stts")?
        .get(8..)?
        .chunks_exact(8)
        .filter_map(|run| Some((u32_at(run, 0)? as usize, u64::from(u32_at(run, 4)?))))
        .flat_map(|(count, duration)| std::iter::repeat_n(duration, count.min(MOST_SAMPLES)));
    let mut samples = Vec::with_capacity(count);
    let mut at = 0u64;
    for (chunk, offset) in offsets.iter().enumerate() {
        let mut before = runs.iter().rev();
        let (_, in_chunk) = *before.find(|(first, _)| *first <= chunk + 1)?;
        let mut offset = *offset;
        for _ in 0..in_chunk.min(count - samples.len()) {
            let size = size(samples.len())?;
            let end = at.saturating_add(durations.next().unwrap_or_default());
            samples.push(Sample {
                span: Span::new(scaled(at, scale), scaled(end, scale)),
                offset,
                size,
            });
            offset = offset.saturating_add(size);
            at = end;
        }
    }
    Some(samples)
}
