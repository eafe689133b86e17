// SPDX-License-Identifier: MPL-2.0

//! Edit lists (ISO/IEC 14496-12, 8.6.6), written so that GStreamer obeys them.
//!
//! qtdemux (1.22) makes a segment of each edit, but it compares media times with the length of the
//! movie: a track is ended when its media reaches that length, so the end of all that an edit list
//! moves forward is lost. It also announces a gap for each empty edit of a second or more, on which
//! decoders put the frames they still hold into the wrong segment, and frames that an edit hides are
//! seen. Here a movie header is written anew that says the same edits without either: a longer movie,
//! and empty edits in shorter pieces. The media stay where they are.

use std::io::{self, Read, Seek, SeekFrom};

use super::boxes::{self, Atom, Content};
use super::pcm;

/// The largest movie header that is read, in bytes: a recording of a day has some 20 MB.
const LARGEST_HEADER: u64 = 256 << 20;

/// Seconds that a list may skip without harm: what encoders of sound put before the first sample.
const PRIMING: f64 = 0.05;

/// Seconds that the movie is made longer than its media reach.
const MARGIN: f64 = 1.0;

/// The length in seconds of an empty edit from which qtdemux announces a gap.
const ANNOUNCED: f64 = 1.0;

/// Seconds by which the first edits of two tracks may lie apart in their media. qtdemux sends streams by
/// their media times, and three seconds apart it announces gaps where data follow.
const APART: f64 = 2.5;

/// The most pieces that an empty edit is written in.
const MOST_PIECES: u64 = 20_000;

/// Bytes to be read in place of those of a file.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Overlay {
    parts: Vec<(u64, Vec<u8>)>,
    length: u64,
    edits: bool,
}

impl Overlay {
    /// Returns the length of the file with the overlay, in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Returns whether it changes edit lists; otherwise it changes only how samples are described.
    pub fn changes_edits(&self) -> bool {
        self.edits
    }

    /// Replaces what is changed of `bytes`, which were read at `offset`.
    pub fn apply(&self, offset: u64, bytes: &mut [u8]) {
        for (at, part) in &self.parts {
            let skip = usize::try_from(offset.saturating_sub(*at)).unwrap_or(usize::MAX);
            let to = usize::try_from(at.saturating_sub(offset)).unwrap_or(usize::MAX);
            let (Some(from), Some(to)) = (part.get(skip..), bytes.get_mut(to..)) else {
                continue;
            };
            let length = from.len().min(to.len());
            to[..length].copy_from_slice(&from[..length]);
        }
    }
}

/// Returns the overlay under which qtdemux obeys the edit lists of an MP4 and reads its uncompressed
/// audio; `None` for a file that it reads rightly as it is, or that is not an MP4.
pub fn overlay(file: &mut (impl Read + Seek)) -> Option<Overlay> {
    let length = file.seek(SeekFrom::End(0)).ok()?;
    let (at, size, is_closed) = find_movie(file, length)?;
    let bytes = read_at(file, at, size)?;
    let mut movie = boxes::read(&bytes)?.into_iter().next()?;
    let reorders = pcm::rewrite(&mut movie);
    let mut edited = movie.clone();
    let edits = rewrite(&mut edited).is_some();
    match (edits, reorders) {
        (true, _) => movie = edited,
        (false, true) => {}
        (false, false) => return None,
    }
    let mut written = Vec::with_capacity(bytes.len());
    movie.write(&mut written)?;
    if written.len() == bytes.len() {
        return Some(Overlay {
            parts: vec![(at, written)],
            length,
            edits,
        });
    }
    // The old header becomes free space, the new one follows the last box.
    is_closed.then(|| Overlay {
        length: length + written.len() as u64,
        parts: vec![(at + 4, b"free".to_vec()), (length, written)],
        edits,
    })
}

/// Returns the movie header of an MP4 and where it lies.
pub(super) fn read_movie(file: &mut (impl Read + Seek)) -> Option<(u64, Vec<u8>)> {
    let length = file.seek(SeekFrom::End(0)).ok()?;
    let (at, size, _) = find_movie(file, length)?;
    Some((at, read_at(file, at, size)?))
}

fn read_at(file: &mut (impl Read + Seek), at: u64, size: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(size).ok()?];
    file.seek(SeekFrom::Start(at)).ok()?;
    file.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

/// Finds the movie header: its offset and length, and whether the boxes of the file end where the file
/// does.
fn find_movie(file: &mut (impl Read + Seek), length: u64) -> Option<(u64, u64, bool)> {
    let mut found = None;
    let mut at = 0;
    while at < length {
        let (kind, size) = read_header(file, at).ok()??;
        if at == 0 && ![*b"ftyp", *b"moov", *b"wide", *b"mdat", *b"free"].contains(&kind) {
            return None;
        }
        let end = match size {
            0 => length,
            size => at.checked_add(size)?,
        };
        if kind == *b"moov" && found.is_none() {
            let is_whole = end <= length && end - at <= LARGEST_HEADER;
            found = is_whole.then_some((at, end - at));
        }
        // A last box without a length would take in what follows it.
        if size == 0 || end > length {
            return found.map(|(at, size)| (at, size, false));
        }
        at = end;
    }
    found.map(|(at, size)| (at, size, true))
}

fn read_header(file: &mut (impl Read + Seek), at: u64) -> io::Result<Option<([u8; 4], u64)>> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::with_capacity(16);
    file.by_ref().take(16).read_to_end(&mut bytes)?;
    Ok(boxes::header(&bytes).map(|(kind, _, size)| (kind, size)))
}

/// One edit. Times are in units of the movie and of the media.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Edit {
    /// 0: to the end of the media.
    duration: u64,
    /// `None`: an empty edit.
    media: Option<u64>,
    rate: [u8; 4],
}

/// A track of video or audio.
struct Track {
    /// Its place among the boxes of the movie.
    index: usize,
    is_video: bool,
    /// Units per second.
    scale: f64,
    /// Seconds of media.
    lasts: f64,
    /// Seconds from the first decoding to the first presentation.
    delay: f64,
    edits: Vec<Edit>,
}

impl Track {
    fn read(index: usize, track: &Atom) -> Option<Self> {
        let is_video = match track.find(&[b"mdia", b"hdlr"])?.bytes().get(8..12)? {
            b"vide" => true,
            b"soun" => false,
            _ => return None,
        };
        let clock = Clock::of(track.find(&[b"mdia", b"mdhd"])?.bytes())?;
        let offsets = track.find(&[b"mdia", b"minf", b"stbl", b"ctts"]);
        let delay = offsets.and_then(|offsets| int32(offsets.bytes(), 12));
        let edits = track.find(&[b"edts", b"elst"]);
        Some(Track {
            index,
            is_video,
            scale: clock.scale,
            lasts: clock.duration as f64 / clock.scale,
            delay: f64::from(delay.unwrap_or(0).max(0)) / clock.scale,
            edits: edits.map_or(Some(Vec::new()), |list| read_edits(list.bytes()))?,
        })
    }

    /// Calls `see` with each edit and the seconds at which it starts and ends.
    fn each_edit(&self, movie_scale: f64, mut see: impl FnMut(&Edit, f64, f64)) {
        let mut at = 0.0;
        for edit in &self.edits {
            let media = edit.media.unwrap_or(0) as f64 / self.scale;
            let end = match edit.duration {
                0 => at + (self.lasts - media).max(0.0),
                duration => at + duration as f64 / movie_scale,
            };
            see(edit, at, end);
            at = end;
        }
    }

    /// The second of its media at which the first edit that is not empty begins.
    fn first_media(&self) -> f64 {
        let media = self.edits.iter().find_map(|edit| edit.media);
        media.unwrap_or(0) as f64 / self.scale
    }

    /// Whether qtdemux loses or shows something that the list does not.
    fn is_misread(&self, movie_scale: f64) -> bool {
        let mut has_media = false;
        let mut is_misread = false;
        self.each_edit(movie_scale, |edit, start, end| match edit.media {
            Some(media) => {
                has_media = true;
                is_misread |= media as f64 / self.scale - self.delay > PRIMING;
            }
            None => is_misread |= has_media && end - start >= ANNOUNCED,
        });
        is_misread
    }

    /// The seconds of the movie that qtdemux compares the last sample of each edit with.
    fn reach(&self, movie_scale: f64) -> f64 {
        let mut reach = self.lasts;
        self.each_edit(movie_scale, |edit, _, end| {
            let media = edit.media.unwrap_or(0) as f64 / self.scale;
            reach = reach.max(end + media);
        });
        reach
    }
}

/// Changes the movie header; `None` if nothing has to be changed or it cannot be.
fn rewrite(movie: &mut Atom) -> Option<()> {
    if movie.find(&[b"mvex"]).is_some() {
        return None;
    }
    let clock = Clock::of(movie.find(&[b"mvhd"])?.bytes())?;
    let tracks: Vec<Track> = movie
        .boxes()
        .iter()
        .enumerate()
        .filter(|(_, atom)| atom.kind == *b"trak")
        .filter_map(|(index, track)| Track::read(index, track))
        .collect();
    if !tracks.iter().any(|track| track.is_misread(clock.scale)) {
        return None;
    }
    let first = tracks.iter().map(Track::first_media);
    let first = first.fold(f64::INFINITY, f64::min);
    let is_late = |track: &Track| !track.is_video && track.first_media() - first > APART;
    if tracks.iter().any(is_late) {
        return None;
    }
    let reach = tracks.iter().map(|track| track.reach(clock.scale));
    let reach = reach.fold(0.0, f64::max) + MARGIN;
    // qtdemux leaves out a track whose media last less than a fifth of the movie, and reckons the frame
    // rate of a video from the length of its media.
    let is_left_out = |track: &Track| track.lasts * 5.0 <= reach;
    if tracks
        .iter()
        .any(|track| track.is_video && is_left_out(track))
    {
        return None;
    }
    let header = movie.find_mut(&[b"mvhd"])?;
    set_duration(header, (reach * clock.scale).ceil() as u64)?;
    for track in &tracks {
        let lasts = is_left_out(track).then(|| (reach * track.scale).ceil() as u64);
        let pieces = in_pieces(&track.edits, clock.scale);
        let Content::Boxes(boxes) = &mut movie.content else {
            return None;
        };
        let atom = boxes.get_mut(track.index)?;
        if let Some(list) = atom.find_mut(&[b"edts", b"elst"]) {
            if pieces != track.edits {
                list.content = Content::Bytes(write_edits(&pieces)?);
            }
        } else if lasts.is_some() {
            let all = Edit {
                duration: (track.lasts * clock.scale).round() as u64,
                media: Some(0),
                rate: [0, 1, 0, 0],
            };
            let list = Atom::leaf(b"elst", write_edits(&[all])?);
            let Content::Boxes(boxes) = &mut atom.content else {
                return None;
            };
            boxes.push(Atom::parent(b"edts", vec![list]));
        }
        if let Some(lasts) = lasts {
            set_duration(atom.find_mut(&[b"mdia", b"mdhd"])?, lasts)?;
        }
    }
    Some(())
}

/// Splits the empty edits that follow media into pieces that are too short to be announced.
fn in_pieces(edits: &[Edit], scale: f64) -> Vec<Edit> {
    let piece = (ANNOUNCED * scale * 0.9) as u64;
    let mut has_media = false;
    let mut pieces = Vec::with_capacity(edits.len());
    for edit in edits {
        has_media |= edit.media.is_some();
        let count = edit.duration.checked_div(piece).unwrap_or(0);
        let is_announced = edit.duration as f64 >= ANNOUNCED * scale;
        if edit.media.is_some() || !has_media || !is_announced || count > MOST_PIECES {
            pieces.push(*edit);
            continue;
        }
        let rest = edit.duration - count * piece;
        let lengths = (0..count).map(|_| piece).chain((rest > 0).then_some(rest));
        pieces.extend(lengths.map(|duration| Edit { duration, ..*edit }));
    }
    pieces
}

/// The entries of an edit list box; `None` if it is cut short.
fn read_edits(list: &[u8]) -> Option<Vec<Edit>> {
    let is_long = *list.first()? == 1;
    let count = usize::try_from(uint32(list, 4)?).ok()?;
    let size = if is_long { 20 } else { 12 };
    let entries = list.get(8..)?.chunks_exact(size).take(count);
    let edits: Option<Vec<Edit>> = entries
        .map(|entry| {
            let (duration, media) = if is_long {
                (uint64(entry, 0)?, uint64(entry, 8)?.cast_signed())
            } else {
                (u64::from(uint32(entry, 0)?), i64::from(int32(entry, 4)?))
            };
            Some(Edit {
                duration,
                media: u64::try_from(media).ok(),
                rate: *entry.last_chunk()?,
            })
        })
        .collect();
    edits.filter(|edits| edits.len() == count)
}

/// Writes an edit list box of version 1.
fn write_edits(edits: &[Edit]) -> Option<Vec<u8>> {
    let mut list = vec![1, 0, 0, 0];
    list.extend(u32::try_from(edits.len()).ok()?.to_be_bytes());
    for edit in edits {
        list.extend(edit.duration.to_be_bytes());
        list.extend(edit.media.unwrap_or(u64::MAX).to_be_bytes());
        list.extend(edit.rate);
    }
    Some(list)
}

/// The clock in a header of a movie or of media (8.2.2, 8.4.2).
struct Clock {
    /// Units per second.
    scale: f64,
    duration: u64,
}

impl Clock {
    fn of(header: &[u8]) -> Option<Self> {
        let (scale, duration) = match header.first()? {
            1 => (uint32(header, 20)?, uint64(header, 24)?),
            _ => (uint32(header, 12)?, u64::from(uint32(header, 16)?)),
        };
        (scale > 0).then_some(Clock {
            scale: f64::from(scale),
            duration,
        })
    }
}

/// Sets the duration in a header of a movie or of media.
fn set_duration(header: &mut Atom, duration: u64) -> Option<()> {
    let Content::Bytes(bytes) = &mut header.content else {
        return None;
    };
    if bytes.first()? == &1 {
        bytes
            .get_mut(24..32)?
            .copy_from_slice(&duration.to_be_bytes());
    } else {
        // All ones stand for "unknown".
        let duration = u32::try_from(duration)
            .ok()
            .filter(|time| *time < u32::MAX)?;
        bytes
            .get_mut(16..20)?
            .copy_from_slice(&duration.to_be_bytes());
    }
    Some(())
}

fn uint32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn int32(bytes: &[u8], at: usize) -> Option<i32> {
    uint32(bytes, at).map(u32::cast_signed)
}

fn uint64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const MOVIE: u32 = 1000;
    const MEDIA: u32 = 12_800;

    fn header(scale: u32, seconds: u32) -> Vec<u8> {
        let mut bytes = vec![0; 12];
        bytes.extend(scale.to_be_bytes());
        bytes.extend((scale * seconds).to_be_bytes());
        bytes
    }

    fn edit(seconds: f64, media: Option<f64>) -> Edit {
        Edit {
            duration: (seconds * f64::from(MOVIE)) as u64,
            media: media.map(|media| (media * f64::from(MEDIA)) as u64),
            rate: [0, 1, 0, 0],
        }
    }

    fn track(kind: &[u8; 4], seconds: u32, edits: &[Edit]) -> Atom {
        let handler = [&[0; 8], &kind[..], &[0; 12]].concat();
        let media = vec![
            Atom::leaf(b"mdhd", header(MEDIA, seconds)),
            Atom::leaf(b"hdlr", handler),
        ];
        let list = Atom::leaf(b"elst", write_edits(edits).expect("few"));
        let edits = Atom::parent(b"edts", vec![list]);
        Atom::parent(b"trak", vec![edits, Atom::parent(b"mdia", media)])
    }

    fn mp4(seconds: u32, tracks: Vec<Atom>) -> Vec<u8> {
        let mut boxes = vec![Atom::leaf(b"mvhd", header(MOVIE, seconds))];
        boxes.extend(tracks);
        let mut bytes = b"\0\0\0\x10ftypiso5\0\0\0\0".to_vec();
        bytes.extend(b"\0\0\0\x0cmdatabcd");
        Atom::parent(b"moov", boxes)
            .write(&mut bytes)
            .expect("small");
        bytes
    }

    /// The file as it is read under its overlay.
    fn read(file: &[u8], overlay: &Overlay) -> Vec<u8> {
        let mut bytes = file.to_vec();
        bytes.resize(overlay.length() as usize, 0);
        overlay.apply(0, &mut bytes);
        bytes
    }

    /// The movie header of a file.
    fn movie(file: &[u8]) -> Atom {
        let found = boxes::read(file).expect("whole boxes").into_iter();
        let mut movies = found.filter(|atom| atom.kind == *b"moov");
        let movie = movies.next().expect("a movie");
        assert_eq!(movies.next(), None);
        movie
    }

    fn seconds(movie: &Atom) -> f64 {
        let header = movie.find(&[b"mvhd"]).expect("a header");
        let clock = Clock::of(header.bytes()).expect("whole");
        clock.duration as f64 / clock.scale
    }

    #[test]
    fn a_movie_becomes_longer_than_its_media_reach() {
        let skips = [edit(14.0, Some(6.0))];
        let file = mp4(14, vec![track(b"vide", 20, &skips)]);
        let overlay = overlay(&mut Cursor::new(&file)).expect("it is misread");
        assert_eq!(overlay.length(), file.len() as u64);
        let patched = read(&file, &overlay);
        let movie = movie(&patched);
        assert_eq!(seconds(&movie), 21.0);
        let list = movie.find(&[b"trak", b"edts", b"elst"]).expect("a list");
        assert_eq!(read_edits(list.bytes()), Some(skips.to_vec()));
        // In whatever pieces it is read.
        for size in [1, 3, 7, 64] {
            let pieces = file.chunks(size).enumerate().flat_map(|(n, piece)| {
                let mut piece = piece.to_vec();
                overlay.apply((n * size) as u64, &mut piece);
                piece
            });
            assert_eq!(pieces.collect::<Vec<_>>(), patched);
        }
    }

    #[test]
    fn an_empty_edit_in_the_middle_is_not_announced() {
        let edits = [edit(3.0, Some(0.0)), edit(2.0, None), edit(3.0, Some(3.0))];
        let file = mp4(8, vec![track(b"vide", 20, &edits)]);
        let overlay = overlay(&mut Cursor::new(&file)).expect("it is misread");
        assert!(overlay.length() > file.len() as u64);
        let movie = movie(&read(&file, &overlay));
        let list = movie.find(&[b"trak", b"edts", b"elst"]).expect("a list");
        let pieces = read_edits(list.bytes()).expect("whole");
        let empty = pieces.iter().filter(|edit| edit.media.is_none());
        assert!(empty.clone().all(|edit| edit.duration < 1000));
        assert_eq!(empty.map(|edit| edit.duration).sum::<u64>(), 2000);
        assert_eq!(pieces.len(), 5);
    }

    #[test]
    fn what_is_read_rightly_stays_as_it_is() {
        let priming = track(b"soun", 20, &[edit(19.9, Some(0.02))]);
        let late = track(b"vide", 18, &[edit(2.0, None), edit(18.0, Some(0.0))]);
        let file = mp4(20, vec![priming, late]);
        assert_eq!(overlay(&mut Cursor::new(&file)), None);
        assert_eq!(overlay(&mut Cursor::new(b"\x1aE\xdf\xa3 and so on")), None);
        assert_eq!(overlay(&mut Cursor::new(b"")), None);
    }

    #[test]
    fn a_track_of_video_that_would_be_left_out_is_not_touched() {
        let short = track(b"vide", 2, &[edit(30.0, None), edit(1.0, Some(1.0))]);
        let file = mp4(31, vec![short]);
        assert_eq!(overlay(&mut Cursor::new(&file)), None);
    }

    #[test]
    fn sound_that_begins_much_later_in_its_media_is_not_touched() {
        let tracks = |audio: f64, video: f64| {
            let audio = track(b"soun", 20, &[edit(12.0, Some(audio))]);
            vec![audio, track(b"vide", 20, &[edit(12.0, Some(video))])]
        };
        let overlay = |tracks| overlay(&mut Cursor::new(mp4(12, tracks)));
        assert_eq!(overlay(tracks(5.0, 1.0)), None);
        assert!(overlay(tracks(1.0, 5.0)).is_some());
    }

    #[test]
    fn whatever_is_cut_off_or_broken_ends_in_nothing_or_an_overlay() {
        let skips = [edit(14.0, Some(6.0))];
        let file = mp4(14, vec![track(b"vide", 20, &skips)]);
        for end in 0..file.len() {
            let _ = overlay(&mut Cursor::new(&file[..end]));
        }
        for at in 0..file.len() {
            let mut broken = file.clone();
            broken[at] ^= 0xff;
            let _ = overlay(&mut Cursor::new(&broken));
        }
    }
}
