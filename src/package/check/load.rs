// SPDX-License-Identifier: MPL-2.0

//! Reads playlists and what they name.

use std::rc::Rc;

use m3u8_rs::{ByteRange, MediaPlaylist};

use super::media::{self, Fragment, Kind, Track};
use super::{Files, Report, Rule, rules};

/// A media playlist and its media.
pub(super) struct Rendition {
    pub path: String,
    pub text: String,
    pub playlist: MediaPlaylist,
    pub tracks: Vec<Track>,
    pub segments: Vec<Segment>,
}

pub(super) struct Segment {
    pub path: String,
    pub bytes: u64,
    /// EXTINF, in seconds.
    pub duration: f64,
    /// Of the main track; `None` where the media can't be looked into.
    pub fragment: Option<Fragment>,
    /// The start of a segment that is text.
    pub text: Option<String>,
}

impl Rendition {
    /// The track that the rendition is about: its video, else its audio.
    pub fn main_track(&self) -> Option<&Track> {
        main_track(&self.tracks)
    }

    pub fn has(&self, kind: Kind) -> bool {
        self.tracks.iter().any(|track| track.kind == kind)
    }

    /// In seconds, as the playlist says.
    pub fn duration(&self) -> f64 {
        self.segments.iter().map(|segment| segment.duration).sum()
    }

    /// Bits a second over the whole rendition.
    pub fn average_rate(&self) -> f64 {
        let bytes: u64 = self.segments.iter().map(|segment| segment.bytes).sum();
        match self.duration() {
            duration if duration > 0.0 => bytes as f64 * 8.0 / duration,
            _ => 0.0,
        }
    }

    /// The peak segment bit rate, RFC 8216 section 4.1: the largest rate of a contiguous set of
    /// segments whose duration is between 0.5 and 1.5 times the target duration.
    pub fn peak_rate(&self) -> f64 {
        let target = self.playlist.target_duration as f64;
        let mut peak: f64 = 0.0;
        for first in 0..self.segments.len() {
            let (mut bits, mut duration) = (0.0, 0.0);
            for segment in &self.segments[first..] {
                bits += segment.bytes as f64 * 8.0;
                duration += segment.duration;
                if duration > 1.5 * target {
                    break;
                }
                if duration >= 0.5 * target {
                    peak = peak.max(bits / duration);
                }
            }
        }
        // A rendition shorter than half a target has no such set.
        if peak > 0.0 {
            peak
        } else {
            self.average_rate()
        }
    }
}

fn main_track(tracks: &[Track]) -> Option<&Track> {
    let of = |kind| tracks.iter().find(|track| track.kind == kind);
    of(Kind::Video).or_else(|| of(Kind::Audio))
}

/// Reads files and writes down what can't be read.
pub(super) struct Loader<'a> {
    pub files: &'a dyn Files,
    pub report: Report,
    /// The last file: segments are often ranges of one.
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

    /// Reads a file that `named_by` names.
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

    /// Makes sure of a file that the file at `named_by` names; the rule is broken without it.
    pub fn has(&mut self, rule: Rule, named_by: &str, uri: &str) {
        let path = resolve(named_by, uri);
        if !self.files.has(&path) {
            let what = format!("{path} is not there");
            self.report.add(rule, named_by, what);
        }
    }

    /// Reads a playlist and checks what holds for every one.
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
            let what = "its first line is another";
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
                let what = "it is no media playlist";
                self.report.add(rules::PLAYLIST, path, what);
                return None;
            }
        };
        let mut rendition = Rendition {
            path: path.to_owned(),
            text: text.to_owned(),
            tracks: Vec::new(),
            segments: Vec::with_capacity(playlist.segments.len()),
            playlist,
        };
        let mut map = None;
        let mut encrypted = false;
        let mut next_byte = 0;
        let read = match rendition.playlist.i_frames_only {
            true => media::i_frame,
            false => media::fragment,
        };
        for segment in &rendition.playlist.segments {
            if let Some(key) = &segment.key {
                encrypted = key.method != m3u8_rs::KeyMethod::None;
            }
            if segment.map.is_some() && segment.map != map {
                map.clone_from(&segment.map);
                rendition.tracks = self.tracks(path, map.as_ref(), encrypted);
            }
            let file = resolve(path, &segment.uri);
            let Some(whole) = self.file(path, &file) else {
                continue;
            };
            self.report.segments += 1;
            let range = segment.byte_range.as_ref();
            let Some(bytes) = slice(&whole, range, &mut next_byte) else {
                let what = format!("{file} ends before the range that EXT-X-BYTERANGE names");
                self.report.add(rules::READABLE, path, what);
                continue;
            };
            let named_text = file.ends_with(".vtt");
            let text = !encrypted && (named_text || bytes.starts_with(b"WEBVTT"));
            let fragment = if text || encrypted {
                None
            } else {
                self.fragment(&file, bytes, &rendition.tracks, read)
            };
            if encrypted {
                self.report.not_looked_into.insert(file.clone());
            }
            rendition.segments.push(Segment {
                path: file,
                bytes: bytes.len() as u64,
                duration: segment.duration.into(),
                fragment,
                text: text.then(|| String::from_utf8_lossy(&bytes[..bytes.len().min(512)]).into()),
            });
        }
        Some(rendition)
    }

    fn tracks(&mut self, path: &str, map: Option<&m3u8_rs::Map>, encrypted: bool) -> Vec<Track> {
        let Some(map) = map else {
            return Vec::new();
        };
        let file = resolve(path, &map.uri);
        let Some(whole) = self.file(path, &file) else {
            return Vec::new();
        };
        let Some(bytes) = slice(&whole, map.byte_range.as_ref(), &mut 0) else {
            let what = format!("{file} ends before the range that EXT-X-MAP names");
            self.report.add(rules::READABLE, path, what);
            return Vec::new();
        };
        if encrypted {
            return Vec::new();
        }
        media::tracks(bytes).unwrap_or_else(|error| {
            let what = format!("{file}: {error}");
            self.report.add(rules::READABLE, path, what);
            Vec::new()
        })
    }

    fn fragment(
        &mut self,
        file: &str,
        bytes: &[u8],
        tracks: &[Track],
        read: fn(&[u8], &Track) -> Result<Fragment, media::Error>,
    ) -> Option<Fragment> {
        let Some(track) = main_track(tracks) else {
            self.report.not_looked_into.insert(file.to_owned());
            return None;
        };
        read(bytes, track)
            .map_err(|error| self.report.add(rules::READABLE, file, error))
            .ok()
    }
}

/// The bytes of a range, RFC 8216 section 4.3.2.2; a range without an offset follows the last one.
fn slice<'b>(whole: &'b [u8], range: Option<&ByteRange>, next: &mut u64) -> Option<&'b [u8]> {
    let Some(range) = range else {
        return Some(whole);
    };
    let start = range.offset.unwrap_or(*next);
    let end = start.checked_add(range.length)?;
    *next = end;
    whole.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

/// The path of a URI that stands in the playlist at `playlist`.
pub(in crate::package) fn resolve(playlist: &str, uri: &str) -> String {
    if uri.contains("://") {
        return uri.to_owned();
    }
    let uri = uri.split(['?', '#']).next().unwrap_or(uri);
    let folder = playlist.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(uri.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
