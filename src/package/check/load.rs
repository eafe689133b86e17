// SPDX-License-Identifier: MPL-2.0

//! Reads playlists and the files that they refer to.

use std::ops::{Deref, Range};
use std::rc::Rc;

use m3u8_rs::{ByteRange, KeyMethod, MediaPlaylist, MediaSegment};

use super::media::{self, Fragment, Kind, Track};
use super::{Files, Report, Rule, rules};

/// A media playlist and its media.
pub(super) struct Rendition {
    pub path: String,
    pub text: String,
    pub playlist: MediaPlaylist,
    /// Tracks of each EXT-X-MAP, in the order of the playlist.
    pub maps: Vec<Vec<Track>>,
    pub segments: Vec<Segment>,
}

pub(super) struct Segment {
    pub path: String,
    /// The bytes, or `None` if the segment is not available for measuring.
    pub bytes: Option<u64>,
    /// EXTINF, in seconds.
    pub duration: f64,
    /// Whether EXT-X-DISCONTINUITY precedes it, after which times may start anew.
    pub discontinuity: bool,
    /// Index of the rendition's map that applies to it.
    pub map: Option<usize>,
    pub content: Content,
}

pub(super) enum Content {
    /// A fragment of the main track.
    Media(Fragment),
    /// The start of a segment that is text.
    Text(String),
    /// Media that does not match its EXT-X-MAP.
    Broken,
    /// Content that is missing, encrypted or in another container, so nothing is known about it.
    Unseen,
}

impl Segment {
    pub fn fragment(&self) -> Option<&Fragment> {
        match &self.content {
            Content::Media(fragment) => Some(fragment),
            _ => None,
        }
    }

    /// Returns whether the rendition is text, even if it was not parsed.
    pub fn is_text(&self) -> bool {
        matches!(self.content, Content::Text(_)) || is_named_text(&self.path)
    }
}

fn is_named_text(path: &str) -> bool {
    path.ends_with(".vtt")
}

impl Rendition {
    /// Iterates over the tracks of all maps.
    pub fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.maps.iter().flatten()
    }

    /// Returns the main track: the video, else the audio.
    pub fn main_track(&self) -> Option<&Track> {
        self.maps.iter().find_map(|tracks| main_track(tracks))
    }

    pub fn has(&self, kind: Kind) -> bool {
        self.tracks().any(|track| track.kind == kind)
    }

    /// Returns the decode time of the first sample in seconds, or `None` if it was not parsed.
    pub fn start(&self) -> Option<f64> {
        self.segments.first()?.fragment().map(Fragment::start)
    }

    /// Returns the duration that the playlist declares, in seconds.
    pub fn duration(&self) -> f64 {
        self.segments.iter().map(|segment| segment.duration).sum()
    }

    /// Returns the average bit rate of the rendition in bit/s, or `None` if a segment is missing.
    pub fn average_rate(&self) -> Option<f64> {
        let bytes: Option<u64> = self.segments.iter().map(|segment| segment.bytes).sum();
        let (bytes, duration) = (bytes?, self.duration());
        (duration > 0.0).then(|| bytes as f64 * 8.0 / duration)
    }

    /// Returns the peak segment bit rate of RFC 8216 section 4.1. This is the largest rate of a
    /// contiguous set of segments with 0.5 to 1.5 times the target duration. Returns `None` if a
    /// segment is missing.
    pub fn peak_rate(&self) -> Option<f64> {
        let target = self.playlist.target_duration as f64;
        let mut peak: Option<f64> = None;
        for first in 0..self.segments.len() {
            let (mut bits, mut duration) = (0.0, 0.0);
            for segment in &self.segments[first..] {
                bits += segment.bytes? as f64 * 8.0;
                duration += segment.duration;
                if duration > 1.5 * target {
                    break;
                }
                if duration >= 0.5 * target && duration > 0.0 {
                    peak = Some(peak.unwrap_or_default().max(bits / duration));
                }
            }
        }
        // A rendition shorter than half a target duration has no such set.
        peak.or_else(|| self.average_rate())
    }
}

pub(super) fn main_track(tracks: &[Track]) -> Option<&Track> {
    let of = |kind| tracks.iter().find(|track| track.kind == kind);
    of(Kind::Video).or_else(|| of(Kind::Audio))
}

/// Reads files and records a finding for those that cannot be read.
pub(super) struct Loader<'a> {
    pub files: &'a dyn Files,
    pub report: Report,
    /// The last file: segments are often ranges of one file.
    last: Option<(String, Rc<Vec<u8>>)>,
}

impl<'a> Loader<'a> {
    pub fn new(files: &'a dyn Files) -> Self {
        Loader {
            files,
            report: Report::default(),
            last: None,
        }
    }

    /// Reads a file that `named_by` refers to.
    pub fn file(&mut self, named_by: &str, path: &str) -> Option<Rc<Vec<u8>>> {
        if let Some((_, bytes)) = self.last.as_ref().filter(|(last, _)| last == path) {
            return Some(bytes.clone());
        }
        match self.files.read(path) {
            Ok(bytes) => {
                let bytes = Rc::new(bytes);
                self.last = Some((path.to_owned(), bytes.clone()));
                Some(bytes)
            }
            Err(error) => {
                let what = format!("{path}: {error}");
                self.report.add(rules::READABLE, named_by, what);
                None
            }
        }
    }

    /// Returns the path of a URI in the file at `named_by`, or `None` if it is not one of the
    /// package's files.
    pub fn path(&mut self, named_by: &str, uri: &str) -> Option<String> {
        let path = resolve(named_by, uri);
        if path.is_none() {
            self.report.not_looked_into.insert(uri.to_owned());
        }
        path
    }

    /// Checks that a file exists that the file at `named_by` refers to; records a finding for
    /// `rule` otherwise.
    pub fn has(&mut self, rule: Rule, named_by: &str, uri: &str) {
        let Some(path) = self.path(named_by, uri) else {
            return;
        };
        if !self.files.has(&path) {
            let what = format!("{path} is missing");
            self.report.add(rule, named_by, what);
        }
    }

    /// Reads a playlist and checks the rules that apply to every playlist.
    pub fn playlist_text(&mut self, path: &str) -> Option<String> {
        let bytes = self.file(path, path)?;
        self.report.playlists += 1;
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) => {
                let what = format!("byte {} is not UTF-8", error.valid_up_to());
                self.report.add(rules::PLAYLIST, path, what);
                return None;
            }
        };
        if text.starts_with('\u{feff}') {
            let what = "it starts with a byte order mark";
            self.report.add(rules::PLAYLIST, path, what);
        }
        let text = text.trim_start_matches('\u{feff}');
        if text.lines().next().map(str::trim_end) != Some("#EXTM3U") {
            let what = "its first line is not #EXTM3U";
            self.report.add(rules::EXTM3U, path, what);
        }
        Some(text.to_owned())
    }

    /// Reads a media playlist and its segments.
    pub fn rendition(&mut self, path: &str) -> Option<Rendition> {
        let text = self.playlist_text(path)?;
        self.rendition_of(path, &text)
    }

    pub fn rendition_of(&mut self, path: &str, text: &str) -> Option<Rendition> {
        let playlist = match m3u8_rs::parse_media_playlist_res(text.as_bytes()) {
            Ok(playlist) => playlist,
            Err(_) => {
                let what = "it is not a media playlist";
                self.report.add(rules::PLAYLIST, path, what);
                return None;
            }
        };
        let mut rendition = Rendition {
            path: path.to_owned(),
            text: text.to_owned(),
            maps: Vec::new(),
            segments: Vec::with_capacity(playlist.segments.len()),
            playlist,
        };
        let mut map = None;
        let mut encrypted = false;
        let mut next_byte = 0;
        for segment in &rendition.playlist.segments {
            if let Some(key) = &segment.key {
                encrypted = key.method != KeyMethod::None;
            }
            if segment.map.is_some() && segment.map != map {
                map.clone_from(&segment.map);
                let tracks = self.tracks(path, map.as_ref(), encrypted);
                rendition.maps.push(tracks);
            }
            // A tag that ends encryption follows an encrypted map.
            encrypted &= !ends_encryption(segment);
            let (file, bytes) = match self.path(path, &segment.uri) {
                Some(file) => {
                    let bytes = self.range(path, &file, segment, &mut next_byte);
                    (file, bytes)
                }
                None => (segment.uri.clone(), None),
            };
            let content = match &bytes {
                None => Content::Unseen,
                Some(_) if encrypted => {
                    self.report.not_looked_into.insert(file.clone());
                    Content::Unseen
                }
                Some(bytes) => self.content(&file, bytes, &rendition),
            };
            rendition.segments.push(Segment {
                path: file,
                bytes: bytes.map(|bytes| bytes.len() as u64),
                duration: segment.duration.into(),
                discontinuity: segment.discontinuity,
                map: rendition.maps.len().checked_sub(1),
                content,
            });
        }
        Some(rendition)
    }

    /// Returns the bytes of a segment in the file at `file`.
    fn range(
        &mut self,
        path: &str,
        file: &str,
        segment: &MediaSegment,
        next: &mut u64,
    ) -> Option<Bytes> {
        let whole = self.file(path, file)?;
        self.report.segments += 1;
        let bytes = Bytes::of(whole, segment.byte_range.as_ref(), next);
        if bytes.is_none() {
            let what = format!("{file} ends before the range of EXT-X-BYTERANGE");
            self.report.add(rules::READABLE, path, what);
        }
        bytes
    }

    fn tracks(&mut self, path: &str, map: Option<&m3u8_rs::Map>, encrypted: bool) -> Vec<Track> {
        let file = map.and_then(|map| Some((self.path(path, &map.uri)?, map)));
        let Some((file, map)) = file else {
            return Vec::new();
        };
        let Some(whole) = self.file(path, &file) else {
            return Vec::new();
        };
        let Some(bytes) = Bytes::of(whole, map.byte_range.as_ref(), &mut 0) else {
            let what = format!("{file} ends before the range of EXT-X-MAP");
            self.report.add(rules::READABLE, path, what);
            return Vec::new();
        };
        if encrypted {
            return Vec::new();
        }
        media::tracks(&bytes).unwrap_or_else(|error| {
            let what = format!("{file}: {error}");
            self.report.add(rules::READABLE, path, what);
            Vec::new()
        })
    }

    /// Parses a segment that follows the last map of `rendition`.
    fn content(&mut self, file: &str, bytes: &[u8], rendition: &Rendition) -> Content {
        if is_named_text(file) || bytes.starts_with(b"WEBVTT") {
            let start = &bytes[..bytes.len().min(512)];
            return Content::Text(String::from_utf8_lossy(start).into());
        }
        let Some(track) = rendition.maps.last().and_then(|tracks| main_track(tracks)) else {
            self.report.not_looked_into.insert(file.to_owned());
            return Content::Unseen;
        };
        let read = match rendition.playlist.i_frames_only {
            true => media::i_frame,
            false => media::fragment,
        };
        match read(bytes, track) {
            Ok(fragment) => Content::Media(fragment),
            Err(error) => {
                self.report.add(rules::READABLE, file, error);
                Content::Broken
            }
        }
    }
}

/// Returns whether EXT-X-KEY ends encryption from this segment on. The crate treats a tag with
/// METHOD=NONE, which has no other attributes, as an unknown tag.
pub(super) fn ends_encryption(segment: &MediaSegment) -> bool {
    segment.unknown_tags.iter().any(|tag| {
        let attributes = tag.rest.as_deref().unwrap_or_default();
        tag.tag == "X-KEY" && attributes.split(',').any(|one| one.trim() == "METHOD=NONE")
    })
}

/// Some bytes of a file.
struct Bytes {
    file: Rc<Vec<u8>>,
    range: Range<usize>,
}

impl Bytes {
    /// Returns the bytes of a range, RFC 8216 section 4.3.2.2. A range without an offset starts at
    /// `next`, where the previous one ends. Returns `None` if the file is shorter.
    fn of(file: Rc<Vec<u8>>, range: Option<&ByteRange>, next: &mut u64) -> Option<Self> {
        let range = match range {
            None => 0..file.len(),
            Some(range) => {
                let start = range.offset.unwrap_or(*next);
                let end = start.checked_add(range.length)?;
                *next = end;
                usize::try_from(start).ok()?..usize::try_from(end).ok()?
            }
        };
        (range.end <= file.len()).then_some(Bytes { file, range })
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.file[self.range.clone()]
    }
}

/// Resolves a URI in the playlist at `playlist`; it may leave the folder with `..`. Returns `None`
/// if it refers to a server, or starts at the root of one.
pub(in crate::package) fn resolve(playlist: &str, uri: &str) -> Option<String> {
    let uri = uri.split(['?', '#']).next().unwrap_or(uri);
    if uri.starts_with('/') || has_scheme(uri) {
        return None;
    }
    let folder = playlist.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<String> = Vec::new();
    let of_uri = uri.split('/').map(decoded);
    for part in folder.split('/').map(str::to_owned).chain(of_uri) {
        match &part[..] {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Returns whether a URI starts with a scheme, RFC 3986 section 3.1.
fn has_scheme(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| {
        let rest = |character: char| character.is_ascii_alphanumeric() || "+-.".contains(character);
        scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.chars().all(rest)
    })
}

/// Decodes percent-encoding in a part of a URI's path, RFC 3986 section 2.1. A part that is not
/// UTF-8 after that is returned as it is.
fn decoded(part: &str) -> String {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let encoded = match (first, after) {
            (b'%', [high, low, ..]) => digit(*high).zip(digit(*low)),
            _ => None,
        };
        match encoded {
            Some((high, low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            None => bytes.push(first),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| part.to_owned())
}
