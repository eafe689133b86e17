// SPDX-License-Identifier: MPL-2.0

//! Chapters and subtitles of Matroska and WebM (RFC 9559).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

use matroska_demuxer::{
    ContentCompAlgo, ContentEncoding, ContentEncodingValue, DemuxError, Frame, MatroskaFile,
    TrackEntry, TrackType,
};

use super::{Chapter, TextTrack, ass};
use crate::timeline::{Span, Time};
use crate::webvtt::{Cue, captions};

/// No block of text is larger.
const LARGEST: usize = 1 << 20;

/// A format of text that is read.
enum Format {
    SubRip,
    /// With the styles that are italic.
    Ass(BTreeSet<String>),
    /// The text of a cue alone.
    WebVtt,
    /// With its identifier and settings in two lines above (WebM).
    WebM,
}

/// A track that is read.
struct Reader<'a> {
    format: Format,
    encodings: &'a [ContentEncoding],
}

pub fn chapters(file: &mut (impl Read + Seek)) -> Result<Vec<Chapter>, String> {
    let file = open(file)?;
    let edition = file.chapters().and_then(|editions| editions.first());
    let atoms = edition.map_or(&[][..], |edition| edition.chapter_atoms());
    let chapters = atoms.iter().map(|atom| Chapter {
        start: Time::from_nanos(atom.time_start()),
        title: atom
            .displays()
            .first()
            .map(|display| display.string().to_owned())
            .unwrap_or_default(),
    });
    Ok(chapters.collect())
}

/// Returns the language in the header of each track; the element's default value, English, is that of
/// a recorder that knows none.
pub fn languages(file: &mut (impl Read + Seek)) -> Option<BTreeMap<u64, Option<String>>> {
    let file = open(file).ok()?;
    let tracks = file.tracks().iter();
    let languages = tracks.map(|entry| {
        let language = entry.language_bcp47().or(entry.language());
        (entry.track_number().get(), language.map(str::to_owned))
    });
    Some(languages.collect())
}

pub fn texts(file: &mut (impl Read + Seek)) -> Result<Vec<TextTrack>, String> {
    let mut file = open(file)?;
    let entries: Vec<TrackEntry> = file
        .tracks()
        .iter()
        .filter(|t| is_text(t))
        .cloned()
        .collect();
    let readers: BTreeMap<u64, Reader<'_>> = entries
        .iter()
        .filter_map(|entry| Some((entry.track_number().get(), reader(entry)?)))
        .collect();
    let mut tracks: BTreeMap<u64, TextTrack> = entries
        .iter()
        .map(|entry| (entry.track_number().get(), track(entry)))
        .collect();
    if !readers.is_empty() {
        let scale = file.info().timestamp_scale().get();
        let mut frame = Frame::default();
        // What cannot be read further ends the file: GStreamer reports it.
        while file.next_frame(&mut frame).unwrap_or(false) {
            if let (Some(reader), Some(track)) =
                (readers.get(&frame.track), tracks.get_mut(&frame.track))
            {
                track.cues.extend(reader.cue(&frame, scale));
            }
        }
    }
    Ok(tracks.into_values().collect())
}

fn open<R: Read + Seek>(mut file: R) -> Result<MatroskaFile<R>, String> {
    file.seek(SeekFrom::Start(0))
        .map_err(|error| error.to_string())?;
    MatroskaFile::open(file).map_err(|error: DemuxError| error.to_string())
}

fn is_text(track: &TrackEntry) -> bool {
    track.track_type() == TrackType::Subtitle || track.codec_id().starts_with("D_WEBVTT/")
}

fn track(entry: &TrackEntry) -> TextTrack {
    let language = entry.language_bcp47().or(entry.language());
    TextTrack {
        language: language.map(str::to_owned),
        title: entry.name().map(str::to_owned),
        is_default: entry.flag_default(),
        is_forced: entry.flag_forced(),
        is_for_the_deaf: entry.flag_hearing_impaired() || entry.codec_id() == "D_WEBVTT/CAPTIONS",
        cues: Vec::new(),
        format: format_name(entry.codec_id()),
    }
}

fn format_name(codec: &str) -> String {
    match codec {
        "S_TEXT/UTF8" | "S_TEXT/ASCII" => "SubRip",
        "S_TEXT/ASS" | "S_TEXT/SSA" | "S_ASS" | "S_SSA" => "ASS",
        "S_TEXT/WEBVTT" => "WebVTT",
        codec if codec.starts_with("D_WEBVTT/") => "WebVTT",
        "S_HDMV/PGS" => "pictures of text (PGS)",
        "S_VOBSUB" => "pictures of text (VobSub)",
        "S_DVBSUB" => "pictures of text (DVB)",
        other => other,
    }
    .to_owned()
}

fn reader(entry: &TrackEntry) -> Option<Reader<'_>> {
    let head = String::from_utf8_lossy(entry.codec_private().unwrap_or_default());
    let format = match entry.codec_id() {
        "S_TEXT/UTF8" | "S_TEXT/ASCII" => Format::SubRip,
        "S_TEXT/ASS" | "S_TEXT/SSA" | "S_ASS" | "S_SSA" => Format::Ass(ass::italic_styles(&head)),
        "S_TEXT/WEBVTT" => Format::WebVtt,
        codec if codec.starts_with("D_WEBVTT/") => Format::WebM,
        _ => return None,
    };
    Some(Reader {
        format,
        encodings: entry.content_encodings().unwrap_or_default(),
    })
}

impl Reader<'_> {
    fn cue(&self, frame: &Frame, scale: u64) -> Option<Cue> {
        let text = self.decoded(&frame.data)?;
        let text = String::from_utf8_lossy(&text).replace("\r\n", "\n");
        let text = text.trim_end_matches('\0');
        let (text, settings) = match &self.format {
            Format::SubRip => captions::from_srt(text.trim()),
            Format::Ass(italic) => ass::cue_text(text, italic)?,
            Format::WebVtt => (text.trim().to_owned(), String::new()),
            Format::WebM => {
                let mut lines = text.splitn(3, '\n');
                let settings = lines.nth(1)?.to_owned();
                (lines.next()?.trim().to_owned(), settings)
            }
        };
        let start = frame.timestamp.saturating_mul(scale);
        let end = frame.duration.map(|length| length.saturating_mul(scale));
        let end = end.map_or(Time::MAX, |length| {
            Time::from_nanos(start.saturating_add(length))
        });
        // An empty line would end the cue.
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        Some(Cue {
            id: None,
            span: Span::new(Time::from_nanos(start), end),
            settings,
            text: lines.join("\n"),
            line: 0,
        })
    }

    /// Undoes what was done to the blocks; `None` if that is not known.
    fn decoded(&self, data: &[u8]) -> Option<Vec<u8>> {
        let mut data = data.to_vec();
        for encoding in self.encodings.iter().rev() {
            let ContentEncodingValue::Compression(compression) = encoding.encoding() else {
                return None;
            };
            data = match compression.algo() {
                ContentCompAlgo::Zlib => {
                    miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(&data, LARGEST).ok()?
                }
                ContentCompAlgo::Stripping => {
                    let mut whole = compression.settings().unwrap_or_default().to_vec();
                    whole.append(&mut data);
                    whole
                }
                _ => return None,
            };
        }
        Some(data)
    }
}

/// Moves the chapters of a finished file, without moving anything else in it: times are written over
/// those that are there. Of a chapter without a span an empty element remains.
pub fn move_chapters(
    file: &mut (impl Read + Write + Seek),
    spans: &[Option<Span>],
) -> io::Result<()> {
    /// Chapters stand before the media.
    const HEAD: u64 = 1 << 20;
    file.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    Read::by_ref(file).take(HEAD).read_to_end(&mut head)?;
    let atoms = chapter_atoms(&head);
    let times: Vec<Vec<(u32, Range<usize>)>> = atoms
        .iter()
        .map(|atom| {
            elements(&head, atom.content..atom.end)
                .filter(|element| [TIME_START, TIME_END].contains(&element.id))
                .map(|element| (element.id, element.content..element.end))
                .collect()
        })
        .collect();
    let is_reserved = |(_, place): &(u32, Range<usize>)| place.len() == 8;
    if atoms.len() != spans.len() || !times.iter().flatten().all(is_reserved) {
        return Err(io::Error::other(
            "its chapters are not those of the recording",
        ));
    }
    for ((atom, times), span) in atoms.iter().zip(times).zip(spans) {
        let Some(span) = span else {
            head.get_mut(atom.start..=atom.start)
                .into_iter()
                .for_each(|id| id.fill(VOID));
            continue;
        };
        for (id, place) in times {
            let time = if id == TIME_START {
                span.start
            } else {
                span.end
            };
            if let Some(place) = head.get_mut(place) {
                place.copy_from_slice(&time.nanos().to_be_bytes());
            }
        }
    }
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&head)
}

const SEGMENT: u32 = 0x1853_8067;
const CHAPTERS: u32 = 0x1043_a770;
const CLUSTER: u32 = 0x1f43_b675;
const EDITION: u32 = 0x45b9;
const ATOM: u32 = 0xb6;
const TIME_START: u32 = 0x91;
const TIME_END: u32 = 0x92;
/// The identifier of an element without meaning: of one byte, as that of a chapter.
const VOID: u8 = 0xec;

/// The place of an element (RFC 8794).
struct Element {
    id: u32,
    start: usize,
    content: usize,
    end: usize,
}

/// The elements behind each other in a range of the bytes. One of unknown size ends with the range.
fn elements(bytes: &[u8], range: Range<usize>) -> impl Iterator<Item = Element> + '_ {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let start = at;
        let (id, size_at) = vint(bytes, start, true)?;
        let (size, content) = vint(bytes, size_at, false)?;
        let length = content - size_at;
        let is_unknown = size == (1u64 << (7 * length)) - 1;
        let end = match is_unknown {
            true => range.end,
            false => content.checked_add(usize::try_from(size).ok()?)?,
        };
        at = end;
        (start < range.end).then_some(Element {
            id: u32::try_from(id).ok()?,
            start,
            content,
            end: end.min(range.end),
        })
    })
}

/// A number of variable length and what is behind it; identifiers keep the mark of their length.
fn vint(bytes: &[u8], at: usize, keeps_mark: bool) -> Option<(u64, usize)> {
    let first = *bytes.get(at)?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let number = bytes.get(at..at + length)?;
    let number = number
        .iter()
        .fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let mark = 1u64 << (7 * length);
    Some((
        if keeps_mark { number } else { number & !mark },
        at + length,
    ))
}

fn chapter_atoms(head: &[u8]) -> Vec<Element> {
    let inside = |element: Element| element.content..element.end;
    let segment = elements(head, 0..head.len()).find(|element| element.id == SEGMENT);
    let segment = segment.map(inside).unwrap_or_default();
    let before_media = elements(head, segment).take_while(|element| element.id != CLUSTER);
    before_media
        .filter(|element| element.id == CHAPTERS)
        .flat_map(|chapters| elements(head, inside(chapters)).collect::<Vec<_>>())
        .filter(|element| element.id == EDITION)
        .flat_map(|edition| elements(head, inside(edition)).collect::<Vec<_>>())
        .filter(|element| element.id == ATOM)
        .collect()
}
