// SPDX-License-Identifier: MPL-2.0

//! The orientation of a video, written into files whose muxers (mp4mux and matroskamux 1.22) leave it out.
//!
//! MP4 has a matrix in the track header (ISO/IEC 14496-12, 8.3.2); Matroska has the roll of a
//! rectangular projection (RFC 9559, 5.1.4.1.28), which cannot say that a video is mirrored.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::boxes::{self, Atom, Content};
use super::edits;

/// Turns clockwise by so many quarters, after it is mirrored left to right.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Orientation {
    quarters: u8,
    is_mirrored: bool,
}

impl Orientation {
    /// Reads the value of GStreamer's tag `image-orientation`; `None` for an upright video.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let (is_mirrored, degrees) = match tag.strip_prefix("flip-") {
            Some(rest) => (true, rest),
            None => (false, tag),
        };
        let quarters = match degrees {
            "rotate-0" => 0,
            "rotate-90" => 1,
            "rotate-180" => 2,
            "rotate-270" => 3,
            _ => return None,
        };
        (is_mirrored || quarters > 0).then_some(Orientation {
            quarters,
            is_mirrored,
        })
    }

    /// Returns the value of GStreamer's tag `image-orientation`.
    pub fn tag(self) -> String {
        let flip = if self.is_mirrored { "flip-" } else { "" };
        format!("{flip}rotate-{}", u32::from(self.quarters) * 90)
    }

    /// Reads the orientation of a track of video of a Matroska file, of which `number` counts from 1;
    /// `None` for an upright video and for a file that is not Matroska. matroskademux (1.22) does not
    /// read it.
    pub fn read_matroska(file: &mut (impl Read + Seek), number: usize) -> Option<Self> {
        let bytes = headers(file).ok()?;
        let tracks = video_tracks(&bytes)?;
        let (_, video) = tracks.get(number.checked_sub(1)?)?;
        let projection = find(&bytes, video, PROJECTION)?;
        let content = |id| {
            let found = find(&bytes, &projection, id)?;
            bytes.get(found.content..found.end)
        };
        let is_flat =
            content(PROJECTION_TYPE).is_none_or(|kind| kind.iter().all(|byte| *byte == 0));
        let roll = content(POSE_ROLL).filter(|_| is_flat)?;
        let roll = match roll.len() {
            4 => f64::from(f32::from_be_bytes(*roll.first_chunk()?)),
            _ => f64::from_be_bytes(*roll.first_chunk()?),
        };
        // A whole number of quarters after rounding.
        let quarters = (-roll / 90.0).round().rem_euclid(4.0) as u8;
        (quarters > 0).then_some(Orientation {
            quarters,
            is_mirrored: false,
        })
    }

    /// Reads the orientation of a track of video of an MP4, of which `number` counts from 1; `None` for
    /// an upright video, for one that is turned by other than quarters, and for other files. qtdemux
    /// (1.22) knows all but a mirrored quarter.
    pub fn read_mp4(file: &mut (impl Read + Seek), number: usize) -> Option<Self> {
        let (_, bytes) = edits::read_movie(file)?;
        let movie = boxes::read(&bytes)?.into_iter().next()?;
        let is_wanted = |track: &&Atom| track.kind == *b"trak" && is_video(track);
        let mut videos = movie.boxes().iter().filter(is_wanted);
        let header = videos.nth(number.checked_sub(1)?)?.find(&[b"tkhd"])?;
        let header = header.bytes();
        let at = if header.first()? == &1 { 52 } else { 40 };
        let sign = |place: usize| {
            let part = i32::from_be_bytes(*header.get(at + place..)?.first_chunk()?);
            Some(part.signum())
        };
        let matrix = [sign(0)?, sign(4)?, sign(12)?, sign(16)?];
        let all = (0..8).map(|n| Orientation {
            quarters: n % 4,
            is_mirrored: n >= 4,
        });
        let mut turned = all.skip(1);
        turned.find(|orientation| orientation.matrix() == matrix)
    }

    /// The upper left of the matrix: a, b, c and d.
    fn matrix(self) -> [i32; 4] {
        let [a, b, c, d] = match self.quarters {
            0 => [1, 0, 0, 1],
            1 => [0, 1, -1, 0],
            2 => [-1, 0, 0, -1],
            _ => [0, -1, 1, 0],
        };
        match self.is_mirrored {
            // The mirror comes first: it turns the first row round.
            true => [-a, -b, c, d],
            false => [a, b, c, d],
        }
    }

    /// Degrees counterclockwise; `None` for a mirrored video.
    fn roll(self) -> Option<f32> {
        let degrees = [0.0, -90.0, 180.0, 90.0];
        let roll = degrees.get(usize::from(self.quarters))?;
        (!self.is_mirrored).then_some(*roll)
    }

    /// Writes the orientation into the track headers of video of an MP4 that holds none; `false` if
    /// there is no such track.
    ///
    /// # Errors
    /// Fails if the file cannot be read or written.
    pub fn write_mp4(self, file: &mut (impl Read + Write + Seek)) -> io::Result<bool> {
        let Some((at, bytes)) = edits::read_movie(file) else {
            return Ok(false);
        };
        let Some(written) = self.turned(&bytes) else {
            return Ok(false);
        };
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&written)?;
        Ok(true)
    }

    /// The movie header with its tracks of video turned.
    fn turned(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut movie = boxes::read(bytes)?.into_iter().next()?;
        let Content::Boxes(children) = &mut movie.content else {
            return None;
        };
        let mut is_any = false;
        for track in children.iter_mut().filter(|track| is_video(track)) {
            let Content::Bytes(header) = &mut track.find_mut(&[b"tkhd"])?.content else {
                return None;
            };
            let at = if header.first()? == &1 { 52 } else { 40 };
            let [a, b, c, d] = self.matrix().map(|part| (part << 16).to_be_bytes());
            for (place, part) in [(0, a), (4, b), (12, c), (16, d)] {
                let place = at + place;
                header.get_mut(place..place + 4)?.copy_from_slice(&part);
            }
            is_any = true;
        }
        let mut written = Vec::with_capacity(bytes.len());
        movie.write(&mut written)?;
        (is_any && written.len() == bytes.len()).then_some(written)
    }

    /// Writes the orientation into the first track of video of a Matroska file that holds none; `false`
    /// if there is no such track, no room in it, or no way to say it.
    ///
    /// matroskamux gives each length eight bytes; written in as few as it needs, lengths leave room for
    /// the element, and nothing else in the file moves.
    ///
    /// # Errors
    /// Fails if the file cannot be read or written.
    pub fn write_matroska(self, file: &mut (impl Read + Write + Seek)) -> io::Result<bool> {
        let bytes = headers(file)?;
        let Some((at, entry)) = self.roll().and_then(|roll| rolled(&bytes, roll)) else {
            return Ok(false);
        };
        file.seek(SeekFrom::Start(at as u64))?;
        file.write_all(&entry)?;
        Ok(true)
    }
}

const SEGMENT: u32 = 0x1853_8067;
const TRACKS: u32 = 0x1654_AE6B;
const TRACK_ENTRY: u32 = 0xAE;
const VIDEO: u32 = 0xE0;
const PROJECTION: u32 = 0x7670;
const PROJECTION_TYPE: u32 = 0x7671;
const POSE_ROLL: u32 = 0x7675;

/// ProjectionPoseRoll in a Projection of the default type, rectangular.
const ROLL: [u8; 6] = [0x76, 0x70, 0x87, 0x76, 0x75, 0x84];

/// An element of EBML (RFC 8794): its identifier, and where it, its content and its end lie.
struct Element {
    id: u32,
    start: usize,
    content: usize,
    end: usize,
}

/// The elements in a range; what is cut off or has no length ends at the end of the range.
fn elements(bytes: &[u8], mut at: usize, end: usize) -> Vec<Element> {
    let mut found = Vec::new();
    while at < end {
        let Some(element) = element(bytes, at, end) else {
            break;
        };
        at = element.end;
        found.push(element);
    }
    found
}

fn element(bytes: &[u8], start: usize, end: usize) -> Option<Element> {
    let (id, length) = number(bytes, start)?;
    let (size, size_length) = number(bytes, start + length)?;
    let size = size & !(1 << (7 * size_length));
    let content = start + length + size_length;
    let size = usize::try_from(size).ok()?;
    Some(Element {
        id: u32::try_from(id).ok()?,
        start,
        content,
        end: content.checked_add(size)?.min(end),
    })
}

/// A number of variable length with its marker, and how many bytes it has.
fn number(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let length = bytes.get(at)?.leading_zeros() as usize + 1;
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    let number = bytes
        .iter()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    (length <= 8).then_some((number, length))
}

/// Reads what precedes the first cluster, which is a few kilobytes.
fn headers(file: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
    const HEADERS: u64 = 1 << 20;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(HEADERS).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The first element of a kind in another.
fn find(bytes: &[u8], within: &Element, id: u32) -> Option<Element> {
    let found = elements(bytes, within.content, within.end);
    found.into_iter().find(|element| element.id == id)
}

/// The track entries of video, each with its video settings.
fn video_tracks(bytes: &[u8]) -> Option<Vec<(Element, Element)>> {
    let all = elements(bytes, 0, bytes.len());
    let segment = all.into_iter().find(|element| element.id == SEGMENT)?;
    let tracks = find(bytes, &segment, TRACKS)?;
    let entries = elements(bytes, tracks.content, tracks.end).into_iter();
    let entries = entries.filter(|element| element.id == TRACK_ENTRY);
    let videos = entries.filter_map(|entry| {
        let video = find(bytes, &entry, VIDEO)?;
        Some((entry, video))
    });
    Some(videos.collect())
}

/// The first track entry of video with this roll, as long as it was, and where it lies.
fn rolled(bytes: &[u8], roll: f32) -> Option<(usize, Vec<u8>)> {
    let (entry, video) = video_tracks(bytes)?.into_iter().next()?;
    let settings = bytes.get(video.content..video.end)?;
    let settings = [settings, &ROLL, &roll.to_be_bytes()].concat();
    let mut content = bytes.get(entry.content..video.start)?.to_vec();
    content.push(0xE0);
    content.extend(length(settings.len())?);
    content.extend(settings);
    content.extend(bytes.get(video.end..entry.end)?);
    let room = entry.end - entry.start;
    // A void element fills what is left.
    let head = 1 + length(content.len())?.len();
    let rest = room.checked_sub(head + content.len())?;
    match rest {
        0 => {}
        1 => return None,
        rest => {
            content.extend([
                0xEC,
                0x80 | u8::try_from(rest - 2).ok().filter(|rest| *rest < 127)?,
            ]);
            content.resize(content.len() + rest - 2, 0);
        }
    }
    let mut written = vec![0xAE];
    written.extend(length(content.len())?);
    written.extend(content);
    (written.len() == room).then_some((entry.start, written))
}

/// Returns whether a track of an MP4 is one of video.
pub(super) fn is_video(track: &Atom) -> bool {
    let handler = track.find(&[b"mdia", b"hdlr"]);
    handler.is_some_and(|handler| handler.bytes().get(8..12) == Some(b"vide"))
}

/// A length in as few bytes as a track entry needs: one or two.
fn length(length: usize) -> Option<Vec<u8>> {
    match length {
        0..127 => Some(vec![0x80 | u8::try_from(length).ok()?]),
        127..16_383 => Some(
            (0x4000 | u16::try_from(length).ok()?)
                .to_be_bytes()
                .to_vec(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn tags_are_read() {
        assert_eq!(Orientation::of_tag("rotate-0"), None);
        assert_eq!(Orientation::of_tag("upside-down"), None);
        let quarter = Orientation::of_tag("rotate-90").expect("turned");
        assert_eq!(quarter.tag(), "rotate-90");
        assert_eq!(quarter.matrix(), [0, 1, -1, 0]);
        assert_eq!(quarter.roll(), Some(-90.0));
        let mirrored = Orientation::of_tag("flip-rotate-0").expect("mirrored");
        assert_eq!(mirrored.matrix(), [-1, 0, 0, 1]);
        assert_eq!(mirrored.roll(), None);
        let both = Orientation::of_tag("flip-rotate-270").expect("both");
        assert_eq!(both.matrix(), [0, 1, 1, 0]);
    }

    /// A Matroska file with lengths of eight bytes, as matroskamux writes them.
    fn matroska() -> Vec<u8> {
        let element = |id: &[u8], content: &[u8]| {
            let length = (1 << 56 | content.len() as u64).to_be_bytes();
            [id, &length, content].concat()
        };
        let video = element(&[0xE0], &[0xB0, 0x81, 0x40, 0xBA, 0x81, 0x20]);
        let entry = element(
            &[0xAE],
            &[&[0xD7, 0x81, 1][..], &video, &[0x86, 0x81, b'V']].concat(),
        );
        let tracks = element(&[0x16, 0x54, 0xAE, 0x6B], &entry);
        let segment = element(&[0x18, 0x53, 0x80, 0x67], &[&tracks[..], b"rest"].concat());
        [&element(&[0x1A, 0x45, 0xDF, 0xA3], b"")[..], &segment].concat()
    }

    #[test]
    fn a_matroska_file_is_turned_in_place() {
        let before = matroska();
        let mut file = Cursor::new(before.clone());
        let turned = Orientation::of_tag("rotate-90").expect("turned");
        assert!(turned.write_matroska(&mut file).expect("written"));
        let after = file.into_inner();
        assert_eq!(after.len(), before.len());
        assert!(after.ends_with(b"rest"));
        let read = Orientation::read_matroska(&mut Cursor::new(&after), 1);
        assert_eq!(read, Some(turned));
        assert_eq!(
            Orientation::read_matroska(&mut Cursor::new(&before), 1),
            None
        );
        let roll = [&ROLL[..], &(-90.0f32).to_be_bytes()].concat();
        assert!(after.windows(roll.len()).any(|bytes| bytes == roll));
        let entry = after
            .iter()
            .position(|byte| *byte == 0xAE)
            .expect("an entry");
        assert!(entry > 0);
        for end in 0..before.len() {
            let mut file = Cursor::new(before[..end].to_vec());
            let _ = turned.write_matroska(&mut file);
        }
    }

    #[test]
    fn a_mirrored_video_cannot_be_said_in_matroska() {
        let mut file = Cursor::new(matroska());
        let mirrored = Orientation::of_tag("flip-rotate-0").expect("mirrored");
        assert!(
            !mirrored
                .write_matroska(&mut file)
                .expect("nothing to write")
        );
        assert_eq!(file.into_inner(), matroska());
    }

    #[test]
    fn a_movie_is_turned_in_place() {
        let handler = [&[0; 8][..], b"vide", &[0; 12]].concat();
        let media = Atom::parent(b"mdia", vec![Atom::leaf(b"hdlr", handler)]);
        let header = Atom::leaf(b"tkhd", vec![0; 84]);
        let track = Atom::parent(b"trak", vec![header, media]);
        let mut bytes = b"\0\0\0\x10ftypiso5\0\0\0\0".to_vec();
        let movie = Atom::parent(b"moov", vec![track]);
        movie.write(&mut bytes).expect("small");
        let mut file = Cursor::new(bytes.clone());
        let turned = Orientation::of_tag("rotate-180").expect("turned");
        assert!(turned.write_mp4(&mut file).expect("written"));
        let after = file.into_inner();
        assert_eq!(after.len(), bytes.len());
        let minus_one = (-65536i32).to_be_bytes();
        let count = after.windows(4).filter(|bytes| *bytes == minus_one).count();
        assert_eq!(count, 2);
    }
}
