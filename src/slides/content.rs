// SPDX-License-Identifier: MPL-2.0

//! Distinguishes frames of a screen from frames of a camera.
//!
//! A screen is drawn: its ground is exactly even, and the strokes of letters have sharp contrast on
//! it. A camera's frame has grain, gradients and soft edges. A white wall is even, too, but the
//! head before it has an outline and no strokes. Both properties are required, over more than half
//! of the frame: slides next to a webcam are a screen, a slide on the wall of a hall is not. In
//! case of doubt it is not a screen: a face that jumps is worse than small text, which a larger
//! rendition shows.

use super::picture::{Picture, PlaneFormat};
use crate::timeline::{CutList, Time};

/// Side of a block in pixels: about one line of small text.
const BLOCK: usize = 16;
/// Largest difference in brightness that counts as even: the noise of a codec in a plain area.
const EVEN: u8 = 6;
/// Part of a block that must be ground for something to be drawn on it.
const GROUND: usize = 40;
/// Least difference in brightness between drawing and ground.
const CONTRAST: u8 = 80;
/// Least number of rows in which a stroke begins and ends.
const STROKE_ROWS: usize = 3;
/// Least percentage of a screen's blocks that are even or drawn on, and of those that are drawn on.
const SYNTHETIC: usize = 60;
const DRAWN: usize = 5;
/// Percentage of even blocks above which, with too few drawn ones, the frame is inconclusive: a
/// card before the class, darkness.
const BLANK: usize = 85;
/// Percentage of drawn blocks from which a frame with too few of them is inconclusive, if the rest
/// is as even as a screen: a page of few words next to a webcam.
const SPARSE: usize = 2;
/// Least number of conclusive frames.
const LEAST: usize = 5;
/// Time between the frames that are examined.
const APART: Time = Time::from_secs(2);
/// One in this many blocks is examined, in every row of blocks.
const LOOKED_AT: usize = 3;

/// The frames of a recording that look like a screen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Looks {
    /// Results of the conclusive frames.
    pictures: Vec<(Time, bool)>,
    /// Time of the last examined frame.
    last: Option<Time>,
}

impl Looks {
    /// Returns whether the frame of this time is to be examined: a few seconds after the last one.
    pub fn wants(&self, time: Time) -> bool {
        self.last.is_none_or(|last| time.abs_diff(last) >= APART)
    }

    /// Examines the frame of a time; a frame whose luma cannot be read is inconclusive.
    pub fn add(&mut self, picture: &Picture, time: Time) {
        self.last = Some(time);
        let found = looks_drawn(picture).map(|screen| (time, screen));
        self.pictures.extend(found);
    }

    /// Returns whether most of the kept part shows a screen: three quarters of at least five
    /// frames.
    pub fn is_screen(&self, cuts: &CutList) -> bool {
        let is_kept = |time: Time| cuts.to_output(time).kept().is_some();
        let kept = self.pictures.iter().filter(|&&(time, _)| is_kept(time));
        let (screens, pictures) = kept.fold((0, 0), |(screens, pictures), &(_, screen)| {
            (screens + usize::from(screen), pictures + 1)
        });
        pictures >= LEAST && screens * 4 >= pictures * 3
    }
}

/// Returns whether a frame is drawn, or `None` if it is inconclusive.
fn looks_drawn(picture: &Picture) -> Option<bool> {
    let luma = picture
        .planes
        .first()
        .filter(|plane| plane.format == PlaneFormat::FULL)?;
    let mut counts = Counts::default();
    for row in 0..picture.height / BLOCK {
        let columns = (0..picture.width / BLOCK).skip(row % LOOKED_AT);
        for column in columns.step_by(LOOKED_AT) {
            let mut rows = [&[][..]; BLOCK];
            for (line, bytes) in rows.iter_mut().enumerate() {
                let start = (row * BLOCK + line) * luma.stride + column * BLOCK;
                *bytes = luma.data.get(start..start + BLOCK)?;
            }
            counts.add(Block::look(&rows));
        }
    }
    let (is_drawn, is_synthetic) = (counts.is_drawn(), counts.is_synthetic());
    let is_sparse = !is_drawn && is_synthetic && counts.is_part(counts.drawn, SPARSE);
    let shows = counts.all > 0 && !counts.is_blank() && !is_sparse;
    shows.then_some(is_drawn && is_synthetic)
}

/// Returns whether blocks show a screen: most are even or drawn on, and some contain letters or the
/// rest is plain.
pub(super) fn is_screen(blocks: impl Iterator<Item = Option<Block>>) -> bool {
    let mut counts = Counts::default();
    blocks.for_each(|block| counts.add(block));
    counts.is_blank() || counts.is_drawn() && counts.is_synthetic()
}

/// Numbers of blocks by content.
#[derive(Default)]
struct Counts {
    even: usize,
    drawn: usize,
    all: usize,
}

impl Counts {
    fn add(&mut self, block: Option<Block>) {
        self.all += 1;
        match block {
            Some(Block::Even) => self.even += 1,
            Some(Block::Drawn) => self.drawn += 1,
            None => {}
        }
    }

    fn is_part(&self, count: usize, percent: usize) -> bool {
        count * 100 >= self.all * percent
    }

    fn is_drawn(&self) -> bool {
        self.is_part(self.drawn, DRAWN)
    }

    fn is_synthetic(&self) -> bool {
        self.is_part(self.even + self.drawn, SYNTHETIC)
    }

    fn is_blank(&self) -> bool {
        !self.is_drawn() && self.is_part(self.even + self.drawn, BLANK)
    }
}

/// Content of a screen in a block of luma.
pub(super) enum Block {
    Even,
    Drawn,
}

impl Block {
    /// Classifies a block of these rows; returns `None` for anything that may come from a camera.
    pub fn look(rows: &[&[u8]]) -> Option<Self> {
        let pixels: usize = rows.iter().map(|row| row.len()).sum();
        let mut counts = [0u16; 256];
        for &value in rows.iter().copied().flatten() {
            counts[usize::from(value)] += 1;
        }
        let darkest = counts.iter().position(|&count| count > 0)?;
        let brightest = counts.iter().rposition(|&count| count > 0)?;
        let contrast = brightest - darkest;
        if contrast <= usize::from(EVEN) {
            return Some(Block::Even);
        }
        let ground = counts
            .windows(usize::from(EVEN) + 1)
            .map(|near| near.iter().map(|&count| usize::from(count)).sum::<usize>())
            .max()?;
        if ground * 100 < pixels * GROUND || contrast < usize::from(CONTRAST) {
            return None;
        }
        let middle = (darkest + brightest) / 2;
        let is_bright = |value: &u8| usize::from(*value) > middle;
        let has_stroke = |row: &&&[u8]| {
            let steps = row
                .windows(2)
                .filter(|pair| is_bright(&pair[0]) != is_bright(&pair[1]));
            steps.count() >= 2
        };
        let strokes = rows.iter().filter(has_stroke).count();
        (strokes * BLOCK >= STROKE_ROWS * rows.len()).then_some(Block::Drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slides::Plane;
    use crate::timeline::Span;

    const WIDTH: usize = 320;
    const HEIGHT: usize = 192;

    fn looks(count: usize, pixel: impl Fn(usize, usize) -> u8) -> Looks {
        let data: Vec<u8> = (0..WIDTH * HEIGHT)
            .map(|at| pixel(at % WIDTH, at / WIDTH))
            .collect();
        let planes = [Plane {
            data: &data,
            stride: WIDTH,
            format: PlaneFormat::FULL,
        }];
        let picture = Picture {
            width: WIDTH,
            height: HEIGHT,
            planes: &planes,
        };
        let mut looks = Looks::default();
        for second in 0..count {
            looks.add(&picture, Time::from_secs(second as u64));
        }
        looks
    }

    fn is_screen(pixel: impl Fn(usize, usize) -> u8) -> bool {
        looks(LEAST, pixel).is_screen(&CutList::keep_all())
    }

    /// Returns the grain of a sensor, the same every time.
    fn grain(x: usize, y: usize) -> u8 {
        ((x * 7919 + y * 104_729) % 9) as u8
    }

    /// Draws lines of letters on an even ground.
    fn page(x: usize, y: usize) -> u8 {
        if y % 20 < 10 && x % 7 < 2 && (20..200).contains(&x) {
            30
        } else {
            235
        }
    }

    #[test]
    fn a_page_is_a_screen() {
        assert!(is_screen(page));
    }

    #[test]
    fn a_page_with_a_webcam_in_the_corner_is_a_screen() {
        assert!(is_screen(|x, y| if x > 250 && y > 140 {
            90 + grain(x, y)
        } else {
            page(x, y)
        }));
    }

    #[test]
    fn a_page_beside_a_webcam_column_is_a_screen() {
        assert!(is_screen(|x, y| if x > 240 && y < 96 {
            20 + (x * 31 + y * 17) as u8 % 200
        } else {
            page(x, y)
        }));
    }

    #[test]
    fn pages_of_few_words_beside_a_webcam_do_not_count() {
        let beside = |x: usize, y: usize| x > 240 && y < 140;
        let sparse = |x, y| match (beside(x, y), y < 40 && x < 80) {
            (true, _) => 20 + (x * 31 + y * 17) as u8 % 200,
            (_, true) => page(x, y),
            _ => 235,
        };
        assert!(!is_screen(sparse));
        let mut all = looks(LEAST, page);
        all.pictures.extend(looks(3 * LEAST, sparse).pictures);
        assert!(all.is_screen(&CutList::keep_all()));
        // A head before an even wall shows that it is not a screen.
        let head = |x: usize, y: usize| {
            if beside(x, y) {
                40 + grain(x, y) * 9
            } else {
                200
            }
        };
        all.pictures.extend(looks(LEAST, head).pictures);
        assert!(!all.is_screen(&CutList::keep_all()));
    }

    #[test]
    fn pictures_are_looked_at_some_seconds_apart() {
        let mut all = looks(1, page);
        assert!(!all.wants(Time::from_millis(1900)));
        assert!(all.wants(Time::from_secs(2)));
        // A stream that starts again.
        all.last = Some(Time::from_secs(60));
        assert!(all.wants(Time::ZERO));
    }

    #[test]
    fn a_page_on_the_wall_of_a_hall_is_none() {
        assert!(!is_screen(|x, y| {
            match (80..230).contains(&x) && (30..120).contains(&y) {
                true => page(x, y),
                false => 30 + (x / 9) as u8 + grain(x, y),
            }
        }));
    }

    #[test]
    fn what_is_cut_and_what_is_blank_do_not_count() {
        let room = |x: usize, y: usize| (60 + x / 4) as u8 + grain(x, y);
        let mut all = looks(LEAST, room);
        all.pictures.extend(looks(LEAST, |_, _| 235).pictures);
        let last = all.pictures.len();
        let pages = looks(LEAST, page).pictures;
        all.pictures.extend(
            pages
                .iter()
                .map(|&(time, screen)| (time.saturating_add(Time::from_secs(last as u64)), screen)),
        );
        assert_eq!(last, LEAST);
        assert!(!all.is_screen(&CutList::keep_all()));
        let class = Span::new(Time::from_secs(LEAST as u64), Time::MAX);
        let cuts = CutList::new([class]).expect("one span");
        assert!(all.is_screen(&cuts));
    }

    #[test]
    fn a_room_is_none() {
        assert!(!is_screen(|x, y| (60 + x / 4) as u8 + grain(x, y)));
    }

    #[test]
    fn a_face_before_an_even_wall_is_none() {
        assert!(!is_screen(|x, y| {
            let (dx, dy) = (x.abs_diff(160), y.abs_diff(100));
            if dx * dx + dy * dy < 3600 {
                40 + (dx + dy) as u8 + grain(x, y)
            } else {
                200
            }
        }));
    }

    #[test]
    fn black_is_none() {
        assert!(!is_screen(|_, _| 16));
    }
}
