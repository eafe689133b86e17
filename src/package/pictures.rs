// SPDX-License-Identifier: MPL-2.0

//! Still images of a package: their choice, the poster, sheets of small images, and the track with
//! their positions.

use std::fmt::Write as _;

use jpeg_encoder::{ColorType, Encoder, EncodingError, SamplingFactor};

use crate::timeline::{Span, Time};
use crate::webvtt::{Cue, Document};

/// Largest size of a tile, and the number of tiles per row and column of a sheet.
pub const TILE: (u32, u32) = (256, 144);
pub const COLUMNS: usize = 5;
pub const ROWS: usize = 5;
/// Largest size of a chapter's image.
pub const CHAPTER: (u32, u32) = (640, 360);
/// Largest size of the poster.
pub const POSTER: (u32, u32) = (1280, 720);

/// JPEG quality at which text stays clean; tiles may be rougher.
const QUALITY: u8 = 85;
const TILE_QUALITY: u8 = 75;

/// Shortest time between tiles.
const LEAST_SPACING: Time = Time::from_secs(5);
/// Largest number of tiles: a seek bar has hardly more pixels than this.
const MOST_TILES: u64 = 1000;

/// Difference in brightness between neighbouring pixels: above it is an edge, below it is flat.
const EDGE: u8 = 32;
const FLAT: u8 = 3;
/// Share of edges that only text and drawings reach; more edges do not count more.
const WRITTEN: f64 = 0.08;
/// Share of edges below which there is nothing to see.
const EMPTY: f64 = 0.004;
/// Weight of an image that is soon replaced, and of one from the first or last minutes, when people
/// come and go.
const REPLACED: f64 = 0.6;
const AT_AN_END: f64 = 0.5;
/// Fraction of a class that counts as its first and last minutes.
const END_PART: u64 = 20;
/// Average difference in brightness below which two images show the same slide.
const SAME: f64 = 4.0;

/// An image with 8-bit red, green and blue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    /// `width * height * 3` bytes in rows from the top.
    pub pixels: Vec<u8>,
}

/// Returns the size of an image of this shape that fits into `room`, at most its own size, with
/// even sides.
pub fn fit((width, height): (u32, u32), room: (u32, u32)) -> (u32, u32) {
    let scale = (f64::from(room.0) / f64::from(width.max(1)))
        .min(f64::from(room.1) / f64::from(height.max(1)))
        .min(1.0);
    let side = |length: u32| ((f64::from(length) * scale / 2.0).round() as u32 * 2).max(2);
    (side(width), side(height))
}

/// Returns the indices of the frames that become tiles, given the times of the available frames.
pub fn spaced(times: &[Time], duration: Time) -> Vec<usize> {
    let spacing = LEAST_SPACING.max(Time::from_nanos(duration.nanos() / MOST_TILES));
    let mut taken: Vec<usize> = Vec::new();
    for (index, time) in times.iter().enumerate() {
        let last = taken.last().map(|&last| times[last]);
        if last.is_none_or(|last| *time >= last.saturating_add(spacing)) {
            taken.push(index);
        }
    }
    taken
}

/// Returns the index of the frame that shows a chapter: the first in it, since a chapter begins
/// with its slide, else the last one before.
pub fn of_chapter(times: &[Time], chapter: Span) -> Option<usize> {
    let before = times.partition_point(|&time| time < chapter.start);
    match times.get(before) {
        Some(&time) if time < chapter.end => Some(before),
        _ => before.checked_sub(1),
    }
}

/// Chooses the poster: the most informative image. It depends on how much is drawn and written,
/// whether it stays, and when it is seen.
#[derive(Default, Debug)]
pub struct Poster {
    seen: Vec<Seen>,
    last: Vec<u8>,
}

#[derive(Debug)]
struct Seen {
    time: Time,
    detail: f64,
    stays: bool,
}

impl Poster {
    /// Examines the next image, a small one; all have the same size.
    pub fn look(&mut self, time: Time, picture: &Picture) {
        let luma: Vec<u8> = picture.pixels.chunks_exact(3).map(brightness).collect();
        if let Some(last) = self.seen.last_mut() {
            last.stays = difference(&self.last, &luma) < SAME;
        }
        self.seen.push(Seen {
            time,
            detail: detail(&luma, picture.width),
            stays: false,
        });
        self.last = luma;
    }

    /// Returns the number of the most informative image, the first of equals, or `None` if none was
    /// seen.
    pub fn best(&self, duration: Time) -> Option<usize> {
        let end_part = duration.nanos() / END_PART;
        let inside = end_part..duration.nanos() - end_part;
        let mut best: Option<(usize, f64)> = None;
        for (index, seen) in self.seen.iter().enumerate() {
            let is_inside = inside.contains(&seen.time.nanos());
            let score = seen.detail
                * if seen.stays { 1.0 } else { REPLACED }
                * if is_inside { 1.0 } else { AT_AN_END };
            if best.is_none_or(|(_, best)| score > best) {
                best = Some((index, score));
            }
        }
        best.map(|(index, _)| index)
    }
}

/// Returns how much is drawn and written, from 0 to 1: flat areas with sharp edges. A camera's
/// image has fewer of both; a black or empty one has no edges.
fn detail(luma: &[u8], width: usize) -> f64 {
    let (mut edges, mut flat, mut all) = (0, 0, 0);
    for row in luma.chunks_exact(width.max(1)) {
        for pair in row.windows(2) {
            let step = pair[0].abs_diff(pair[1]);
            edges += usize::from(step > EDGE);
            flat += usize::from(step < FLAT);
            all += 1;
        }
    }
    let share = |count: usize| count as f64 / all.max(1) as f64;
    match share(edges) {
        edges if edges < EMPTY => 0.0,
        edges => edges.min(WRITTEN) / WRITTEN * share(flat),
    }
}

/// Returns the brightness of 8-bit red, green and blue (Rec. ITU-R BT.601).
fn brightness(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [0, 1, 2].map(|at| u32::from(pixel[at]));
    ((red * 77 + green * 151 + blue * 28) >> 8) as u8
}

/// Returns the average difference in brightness.
fn difference(one: &[u8], other: &[u8]) -> f64 {
    let sum: u64 = one
        .iter()
        .zip(other)
        .map(|(one, other)| u64::from(one.abs_diff(*other)))
        .sum();
    sum as f64 / one.len().max(1) as f64
}

/// Joins tiles of equal size into a sheet, row by row from the top left. Returns `None` if there
/// are none.
pub fn sheet(tiles: &[Picture]) -> Option<Picture> {
    let first = tiles.first()?;
    let columns = tiles.len().min(COLUMNS);
    let rows = tiles.len().div_ceil(COLUMNS);
    let (line, width) = (first.width * 3, first.width * columns);
    let mut pixels = vec![0; width * 3 * first.height * rows];
    for (index, tile) in tiles.iter().enumerate() {
        let (column, row) = (index % COLUMNS, index / COLUMNS);
        for (number, from) in tile.pixels.chunks_exact(line).enumerate() {
            let at = ((row * first.height + number) * width + column * first.width) * 3;
            pixels.get_mut(at..at + line)?.copy_from_slice(from);
        }
    }
    Some(Picture {
        width,
        height: first.height * rows,
        pixels,
    })
}

/// Encodes an image as JPEG, at the quality for viewing.
pub fn jpeg(picture: &Picture) -> Result<Vec<u8>, EncodingError> {
    encoded(picture, QUALITY)
}

/// Encodes a sheet as JPEG.
pub fn jpeg_of_sheet(picture: &Picture) -> Result<Vec<u8>, EncodingError> {
    encoded(picture, TILE_QUALITY)
}

fn encoded(picture: &Picture, quality: u8) -> Result<Vec<u8>, EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_optimized_huffman_tables(true);
    // The encoder refuses an image that is too large.
    let side = |length: usize| u16::try_from(length).unwrap_or(0);
    let (width, height) = (side(picture.width), side(picture.height));
    encoder.encode(&picture.pixels, width, height, ColorType::Rgb)?;
    Ok(bytes)
}

/// Returns the size of a JPEG image from its frame header (ITU-T T.81 section B.2.2).
pub fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let mut at = 2;
    loop {
        let marker = number(at)?;
        // All frame headers, without the markers in the same range that begin tables.
        if matches!(marker, 0xffc0..=0xffcf) && !matches!(marker, 0xffc4 | 0xffc8 | 0xffcc) {
            return Some((number(at + 7)?.into(), number(at + 5)?.into()));
        }
        if marker >> 8 != 0xff {
            return None;
        }
        at += 2 + usize::from(number(at + 2)?);
    }
}

/// Writes a track whose cues refer to the part of a sheet for their time, by Media Fragments URI
/// 1.0 section 4.2.2. Shaka Player, video.js, Vidstack and JW Player read this form. Tiles start at
/// `times`, the last one lasts up to `duration`; `sheets` are names relative to the track.
pub fn track(times: &[Time], tile: (usize, usize), sheets: &[String], duration: Time) -> Vec<u8> {
    let ends = times.iter().skip(1).copied().chain([duration]);
    let cues = times.iter().zip(ends).enumerate();
    let cues = cues.filter_map(|(index, (&start, end))| {
        let sheet = sheets.get(index / (COLUMNS * ROWS))?;
        let place = index % (COLUMNS * ROWS);
        let (x, y) = (place % COLUMNS * tile.0, place / COLUMNS * tile.1);
        let mut text = sheet.clone();
        // Writing into a string cannot fail.
        let _ = write!(text, "#xywh={x},{y},{},{}", tile.0, tile.1);
        // The first image is shown from the start.
        let start = if index == 0 { Time::ZERO } else { start };
        Some(Cue::new(Span::new(start, end), &text))
    });
    Document::new(cues).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes an image from the brightness of each pixel.
    fn picture(brightness: impl Fn(usize, usize) -> u8) -> Picture {
        let (width, height) = (64, 36);
        let pixels = (0..width * height)
            .flat_map(|at| [brightness(at % width, at / width); 3])
            .collect();
        Picture {
            width,
            height,
            pixels,
        }
    }

    /// Draws letters on a bright ground, in some of the rows.
    fn slide(rows: usize) -> Picture {
        picture(|x, y| match y < rows && y % 4 < 2 && x % 9 < 2 {
            true => 20,
            false => 240,
        })
    }

    /// Makes an image like a camera's: soft, with noise.
    fn room() -> Picture {
        picture(|x, y| (60 + x + y * 2 + (x * 7919 + y * 104_729) % 13) as u8)
    }

    fn chosen(pictures: &[Picture]) -> Option<usize> {
        let mut poster = Poster::default();
        for (picture, index) in pictures.iter().zip(0..) {
            poster.look(Time::from_secs(index * 10), picture);
        }
        poster.best(Time::from_secs(pictures.len() as u64 * 10))
    }

    #[test]
    fn the_poster_is_a_slide_that_stays() {
        let (black, white) = (picture(|_, _| 16), picture(|_, _| 235));
        let lobby = slide(5);
        let pictures = [
            lobby.clone(),
            lobby,
            black,
            room(),
            white,
            slide(36),
            room(),
            slide(30),
            slide(30),
            room(),
        ];
        assert_eq!(chosen(&pictures), Some(7));
        assert_eq!(chosen(&[picture(|_, _| 0)]), Some(0));
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn tiles_are_spaced_by_the_length() {
        let times: Vec<Time> = (0..10).map(|index| Time::from_secs(index * 3)).collect();
        assert_eq!(spaced(&times, Time::from_secs(30)), [0, 2, 4, 6, 8]);
        assert_eq!(spaced(&times, Time::from_secs(9000)), [0, 3, 6, 9]);
        assert_eq!(spaced(&[], Time::from_secs(30)), [0_usize; 0]);
    }

    #[test]
    fn a_chapter_shows_its_first_frame() {
        let times = [0, 6, 9, 12].map(Time::from_secs);
        let chapter = |start, end| {
            let span = Span::new(Time::from_millis(start), Time::from_millis(end));
            of_chapter(&times, span)
        };
        assert_eq!(chapter(0, 9000), Some(0));
        assert_eq!(chapter(8900, 20_000), Some(2));
        // It contains no frame.
        assert_eq!(chapter(6500, 8000), Some(1));
        assert_eq!(chapter(13_000, 15_000), Some(3));
        assert_eq!(of_chapter(&[], Span::new(Time::ZERO, Time::SECOND)), None);
    }

    #[test]
    fn sizes_fit_and_are_even() {
        assert_eq!(fit((1280, 720), TILE), (256, 144));
        assert_eq!(fit((640, 480), TILE), (192, 144));
        assert_eq!(fit((406, 720), TILE), (82, 144));
        assert_eq!(fit((160, 90), TILE), (160, 90));
    }

    #[test]
    fn a_sheet_holds_tiles_in_rows() {
        let tiles: Vec<Picture> = (0..7).map(|tile| picture(|_, _| tile * 30)).collect();
        let sheet = sheet(&tiles).expect("tiles");
        assert_eq!((sheet.width, sheet.height), (64 * 5, 36 * 2));
        let at = |x: usize, y: usize| sheet.pixels[(y * sheet.width + x) * 3];
        assert_eq!(
            [at(0, 0), at(64 * 4 + 63, 35), at(70, 36), at(200, 71)],
            [0, 120, 180, 0]
        );
        let bytes = jpeg_of_sheet(&sheet).expect("encoded");
        assert!(bytes.starts_with(b"\xff\xd8") && bytes.ends_with(b"\xff\xd9"));
        assert_eq!(jpeg_size(&bytes), Some((320, 72)));
        assert_eq!(jpeg_size(&bytes[..20]), None);
        assert_eq!(jpeg_size(b"no picture"), None);
        assert!(super::sheet(&[]).is_none());
    }

    #[test]
    fn the_track_names_the_place_in_the_sheet() {
        let times: Vec<Time> = (0..27).map(|index| Time::from_secs(index * 6)).collect();
        let sheets = ["a.jpg".to_owned(), "b.jpg".to_owned()];
        let text = track(&times, (160, 90), &sheets, Time::from_millis(157_500));
        let text = String::from_utf8(text).expect("UTF-8");
        assert!(
            text.starts_with("WEBVTT\n\n00:00:00.000 --> 00:00:06.000\na.jpg#xywh=0,0,160,90\n")
        );
        assert!(text.contains("00:00:36.000 --> 00:00:42.000\na.jpg#xywh=160,90,160,90\n"));
        assert!(
            text.ends_with("00:02:36.000 --> 00:02:37.500\nb.jpg#xywh=160,0,160,90\n"),
            "{text}"
        );
    }
}
