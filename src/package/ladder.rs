// SPDX-License-Identifier: MPL-2.0

//! The video renditions to make: size, frame rate and highest bit rate.

use std::fmt;

/// Heights of an automatic ladder, in pixels.
const HEIGHTS: [u32; 4] = [1080, 720, 540, 360];

/// Highest bit rates in kbit/s by the number of pixels.
///
/// From the table for 16:9 in Apple's HLS authoring specification, section "Video". 640x360 uses
/// the figure of the next rung (432p): the lowest rung shows slides, too, and a high limit costs
/// nothing while the video is still.
const CEILINGS: [(f64, f64); 5] = [
    (640.0 * 360.0, 730.0),
    (960.0 * 540.0, 2000.0),
    (1280.0 * 720.0, 3000.0),
    (1920.0 * 1080.0, 6000.0),
    (3840.0 * 2160.0, 16800.0),
];

/// Highest frame rate of a rendition, in frames per second.
const MAX_RATE: f64 = 30.0;

/// Least number of frames per second in the lower rendition of a screen.
const SCREEN_RATE: f64 = 5.0;
/// Its highest bit rate in kbit/s: a slide change is one frame of some 100 kB.
const SCREEN_CEILING: u32 = 1200;
/// Offsets to the requested quality for the renditions of a screen, as x264 rate factors. The upper
/// one looks no worse than a camera's, because its encoder searches longer and looks farther ahead.
/// The lower one can be coarser, because its frames are shown for long; text of 14 px in 1080 lines
/// stays as legible as before.
const SCREEN_QUALITY: [i32; 2] = [2, 20];

/// The same for the largest rendition of a camera and for the smaller ones. With rare key frames
/// the largest would look slightly worse than with one every two seconds. Viewers get a smaller one
/// because their bandwidth is low.
const CAMERA_QUALITY: [i32; 2] = [-1, 1];

/// Properties of a video before scaling. Width and height are those after any rotation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Width to height of one pixel, as a fraction; `(1, 1)` for square pixels.
    pub pixel_aspect: (u32, u32),
}

impl Picture {
    /// Returns the size in square pixels, never smaller in either direction than the stored one.
    fn display_size(self) -> (f64, f64) {
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let (num, den) = self.pixel_aspect;
        if num == 0 || den == 0 || num == den {
            (width, height)
        } else if num > den {
            (width * f64::from(num) / f64::from(den), height)
        } else {
            (width, height * f64::from(den) / f64::from(num))
        }
    }
}

/// A video rendition, with square pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rung {
    /// Height in its name, such as `720p`: the shorter side of the video, so that upright video
    /// (1080x1920) counts as 1080.
    pub lines: u32,
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Highest bit rate, in kbit/s.
    pub ceiling: u32,
    /// Decimation: it shows one of this many frames, at least 1, counted from every key frame. The
    /// dearest rung shows all frames.
    pub every: u32,
    /// Whether another rung has the same size, so that the frame rate is part of the name.
    pub named_by_rate: bool,
    /// Kind of content, for which the encoder is set.
    pub content: Content,
    /// Offset to the requested quality, as an x264 rate factor: above 0 means coarser.
    pub quality: i32,
}

/// Kind of content.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Content {
    /// People and rooms, or unknown content.
    #[default]
    Camera,
    /// Pages, code or a terminal, with or without a small webcam: sharp edges on even ground that
    /// do not move.
    Screen,
}

impl Rung {
    /// Returns the rendition's name for a source at this frame rate. It is the number of lines,
    /// such as `720p`, with the frame rate if another rendition has the same size, such as `720p5`.
    pub fn name(&self, rate: (u32, u32)) -> String {
        let (num, den) = self.frame_rate(rate);
        let own = (f64::from(num) / f64::from(den.max(1))).round();
        let rate = self.named_by_rate.then(|| own.to_string());
        format!("{}p{}", self.lines, rate.unwrap_or_default())
    }

    /// Returns the frame rate of the rendition for a source at this rate.
    pub fn frame_rate(&self, (num, den): (u32, u32)) -> (u32, u32) {
        reduced(num, den.saturating_mul(self.every.max(1)))
    }
}

/// Returns the number of encoder threads of each rendition for this many processors. The total is
/// what x264 uses for one stream, shared by pixels per second, because each thread holds frames of
/// its own.
pub fn threads(rungs: &[Rung], processors: usize) -> Vec<u32> {
    let pixels =
        |rung: &Rung| f64::from(rung.width) * f64::from(rung.height) / f64::from(rung.every.max(1));
    let all: f64 = rungs.iter().map(pixels).sum();
    let share = |rung: &Rung| (1.5 * processors as f64 * pixels(rung) / all.max(1.0)).round();
    rungs
        .iter()
        .map(|rung| share(rung).max(1.0) as u32)
        .collect()
}

/// The renditions that a user requests.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Ladder {
    /// Renditions that fit the content; [`Ladder::Camera`] if it is unknown.
    #[default]
    Auto,
    /// 1080, 720, 540 and 360 lines, up to the source's.
    Camera,
    /// Two renditions as large as the source, up to 1080 lines, so that text stays legible. The
    /// lower one has fewer frames and is coarser.
    Screen,
    /// These numbers of lines, up to the source's.
    Lines(Vec<u32>),
}

/// A ladder that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LadderError {
    /// The invalid part of the text.
    part: String,
}

impl fmt::Display for LadderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\"{}\" in the ladder is neither \"auto\", \"camera\" nor \"screen\" nor a number of lines \
             between 64 and 4320; write \"auto\" or, for example, \"720,540,360\"",
            self.part
        )
    }
}

impl std::error::Error for LadderError {}

impl std::str::FromStr for Ladder {
    type Err = LadderError;

    fn from_str(text: &str) -> Result<Self, LadderError> {
        match text.trim() {
            "auto" => return Ok(Ladder::Auto),
            "camera" => return Ok(Ladder::Camera),
            "screen" => return Ok(Ladder::Screen),
            _ => {}
        }
        let mut lines = text
            .split(',')
            .map(|part| {
                let part = part.trim();
                part.strip_suffix('p')
                    .unwrap_or(part)
                    .parse()
                    .ok()
                    .filter(|lines| (64..=4320).contains(lines))
                    .ok_or_else(|| LadderError {
                        part: part.to_owned(),
                    })
            })
            .collect::<Result<Vec<u32>, _>>()?;
        lines.sort_unstable_by(|a, b| b.cmp(a));
        lines.dedup();
        Ok(Ladder::Lines(lines))
    }
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ladder::Auto => f.write_str("auto"),
            Ladder::Camera => f.write_str("camera"),
            Ladder::Screen => f.write_str("screen"),
            Ladder::Lines(lines) => {
                for (index, lines) in lines.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(f, "{comma}{lines}")?;
                }
                Ok(())
            }
        }
    }
}

impl Ladder {
    /// Returns the renditions of a video at a constant frame rate, dearest first, at least one.
    /// None is larger than the source.
    ///
    /// A source at least a quarter larger than the largest fitting rung below 1080 is a rung
    /// itself. The small text of a 480-line screen recording is lost at 360 lines.
    pub fn rungs(&self, picture: Picture, rate: (u32, u32)) -> Vec<Rung> {
        let (width, height) = picture.display_size();
        let shorter = width.min(height);
        let own = even(shorter);
        let mut lines: Vec<u32> = match self {
            Ladder::Auto | Ladder::Camera => HEIGHTS.to_vec(),
            Ladder::Screen => vec![own.min(HEIGHTS[0])],
            Ladder::Lines(lines) => lines.clone(),
        };
        lines.retain(|&lines| f64::from(lines) <= shorter);
        let wants_own = match (self, lines.first()) {
            (_, None) => true,
            (Ladder::Auto | Ladder::Camera, Some(&top)) => {
                top < HEIGHTS[0] && shorter >= f64::from(top) * 1.25
            }
            (Ladder::Screen | Ladder::Lines(_), Some(_)) => false,
        };
        if wants_own {
            lines.insert(0, own);
        }
        let mut rungs = lines.into_iter().enumerate().map(|(number, lines)| {
            let scale = f64::from(lines) / shorter;
            let (width, height) = (even(width * scale), even(height * scale));
            Rung {
                lines,
                width,
                height,
                ceiling: ceiling(width, height),
                every: 1,
                named_by_rate: false,
                content: Content::Camera,
                quality: match self {
                    Ladder::Auto | Ladder::Camera => CAMERA_QUALITY[number.min(1)],
                    // A user who lists the lines sets the quality of all.
                    Ladder::Screen | Ladder::Lines(_) => 0,
                },
            }
        });
        match (self, rungs.next()) {
            (Ladder::Screen, Some(top)) => screen(top, rate),
            (_, top) => top.into_iter().chain(rungs).collect(),
        }
    }
}

/// Returns the renditions of a screen that is shown at the size of `top`.
fn screen(top: Rung, (num, den): (u32, u32)) -> Vec<Rung> {
    let rate = f64::from(num) / f64::from(den.max(1));
    let top = Rung {
        content: Content::Screen,
        quality: SCREEN_QUALITY[0],
        ..top
    };
    let lower = Rung {
        // 29.97 counts as 30.
        every: ((rate / SCREEN_RATE + 0.01) as u32).max(1),
        named_by_rate: true,
        ceiling: top.ceiling.min(SCREEN_CEILING),
        quality: SCREEN_QUALITY[1],
        ..top
    };
    vec![top, lower]
}

/// Returns the nearest even number, at least 2: 4:2:0 video has no odd sides.
fn even(length: f64) -> u32 {
    ((length / 2.0).round() as u32).max(1) * 2
}

/// Returns the highest bit rate of a video in kbit/s, interpolated between the table's rows along a
/// power of the pixels.
fn ceiling(width: u32, height: u32) -> u32 {
    let pixels = f64::from(width) * f64::from(height);
    let after = CEILINGS
        .partition_point(|&(row, _)| row < pixels)
        .clamp(1, CEILINGS.len() - 1);
    let ((p0, r0), (p1, r1)) = (CEILINGS[after - 1], CEILINGS[after]);
    let power = (r1 / r0).ln() / (p1 / p0).ln();
    let rate = r0 * (pixels / p0).powf(power);
    (rate.round() as u32).max(100)
}

/// Returns the constant frame rate of the renditions, as a fraction, for a source at `num`/`den`
/// frames per second (0 if it is unknown or varies).
///
/// A rate up to 30 stays. Above that, every second, third … frame is kept if at least 20 per second
/// remain, so that motion stays even. Otherwise the rate becomes 30, as it does if the rate is
/// unknown or is a time base (1000/1).
pub fn frame_rate(num: u32, den: u32) -> (u32, u32) {
    let rate = f64::from(num) / f64::from(den.max(1));
    if num == 0 || den == 0 || rate > 240.0 {
        return (30, 1);
    }
    let every = (rate / (MAX_RATE + 0.01)).ceil().max(1.0) as u32;
    if every == 1 {
        (num, den)
    } else if rate / f64::from(every) >= 20.0 {
        reduced(num, den.saturating_mul(every))
    } else {
        (30, 1)
    }
}

pub(super) fn reduced(num: u32, den: u32) -> (u32, u32) {
    let (mut a, mut b) = (num, den);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (num / a, den / a)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FULL_HD: Picture = Picture {
        width: 1920,
        height: 1080,
        pixel_aspect: (1, 1),
    };

    fn sizes(width: u32, height: u32, pixel_aspect: (u32, u32)) -> Vec<(u32, u32)> {
        let picture = Picture {
            width,
            height,
            pixel_aspect,
        };
        let rungs = Ladder::Auto.rungs(picture, (30, 1));
        rungs.iter().map(|rung| (rung.width, rung.height)).collect()
    }

    #[test]
    fn threads_are_shared_by_pixels() {
        let rung = |width, height| Rung {
            lines: height,
            width,
            height,
            ceiling: 1000,
            every: 1,
            named_by_rate: false,
            content: Content::Camera,
            quality: 0,
        };
        let rungs = [rung(1280, 720), rung(960, 540), rung(640, 360)];
        assert_eq!(threads(&rungs, 2), [2, 1, 1]);
        assert_eq!(threads(&rungs, 16), [13, 7, 3]);
        assert_eq!(threads(&rungs[..1], 4), [6]);
        assert!(threads(&[], 4).is_empty());
    }

    #[test]
    fn the_automatic_ladder_keeps_the_aspect() {
        let hd = [(1920, 1080), (1280, 720), (960, 540), (640, 360)];
        assert_eq!(sizes(1920, 1080, (1, 1)), hd);
        assert_eq!(sizes(3840, 2160, (1, 1)), hd);
        assert_eq!(sizes(1280, 720, (1, 1)), hd[1..]);
        assert_eq!(
            sizes(1366, 768, (1, 1)),
            [(1280, 720), (960, 540), (640, 360)]
        );
        assert_eq!(
            sizes(1024, 768, (1, 1)),
            [(960, 720), (720, 540), (480, 360)]
        );
    }

    #[test]
    fn an_upright_picture_goes_by_its_shorter_side() {
        assert_eq!(
            sizes(1080, 1920, (1, 1)),
            [(1080, 1920), (720, 1280), (540, 960), (360, 640)]
        );
    }

    #[test]
    fn pixels_become_square() {
        assert_eq!(sizes(720, 576, (16, 15)), [(720, 540), (480, 360)]);
        assert_eq!(sizes(1440, 1080, (4, 3))[0], (1920, 1080));
    }

    #[test]
    fn a_small_source_is_one_rung_of_its_own_size() {
        assert_eq!(sizes(320, 240, (1, 1)), [(320, 240)]);
        assert_eq!(sizes(319, 241, (1, 1)), [(320, 242)]);
        assert_eq!(sizes(1, 1, (1, 1)), [(2, 2)]);
    }

    #[test]
    fn a_source_far_above_its_largest_rung_is_a_rung() {
        assert_eq!(sizes(640, 480, (1, 1)), [(640, 480), (480, 360)]);
        assert_eq!(sizes(1600, 900, (1, 1))[0], (1600, 900));
        assert_eq!(sizes(2560, 1440, (1, 1))[0], (1920, 1080));
    }

    #[test]
    fn a_screen_keeps_its_size_and_gives_up_pictures() {
        let names = |picture, rate| -> Vec<(String, (u32, u32))> {
            let rungs = Ladder::Screen.rungs(picture, rate);
            let rungs = rungs.iter();
            rungs
                .map(|rung| (rung.name(rate), rung.frame_rate(rate)))
                .collect()
        };
        let expected = |names: &[(&str, (u32, u32))]| -> Vec<(String, (u32, u32))> {
            let names = names.iter();
            names.map(|&(name, rate)| (name.into(), rate)).collect()
        };
        let laptop = Picture {
            width: 1366,
            height: 768,
            ..FULL_HD
        };
        let thirty = names(FULL_HD, (30, 1));
        assert_eq!(thirty, expected(&[("1080p", (30, 1)), ("1080p5", (5, 1))]));
        assert_eq!(
            names(FULL_HD, (30_000, 1001)),
            expected(&[("1080p", (30_000, 1001)), ("1080p5", (5000, 1001))])
        );
        assert_eq!(
            names(laptop, (24, 1)),
            expected(&[("768p", (24, 1)), ("768p6", (6, 1))])
        );
        assert_eq!(
            names(laptop, (4, 1)),
            expected(&[("768p", (4, 1)), ("768p4", (4, 1))])
        );
        let large = Picture {
            width: 3840,
            height: 2160,
            ..FULL_HD
        };
        for rung in Ladder::Screen.rungs(large, (30, 1)) {
            assert_eq!((rung.width, rung.height), (1920, 1080));
        }
    }

    #[test]
    fn who_names_the_lines_names_the_quality_of_all() {
        let qualities = |ladder: Ladder| -> Vec<i32> {
            let rungs = ladder.rungs(FULL_HD, (30, 1));
            rungs.iter().map(|rung| rung.quality).collect()
        };
        assert_eq!(qualities(Ladder::Camera), [-1, 1, 1, 1]);
        assert_eq!(qualities(Ladder::Lines(vec![720, 540, 360])), [0, 0, 0]);
    }

    #[test]
    fn ceilings_are_those_of_the_table() {
        let rates: Vec<u32> = Ladder::Auto
            .rungs(FULL_HD, (30, 1))
            .iter()
            .map(|rung| rung.ceiling)
            .collect();
        assert_eq!(rates, [6000, 3000, 2000, 730]);
    }

    #[test]
    fn a_ladder_is_read_and_written() {
        let ladder: Ladder = "360, 720p,540,720".parse().expect("valid");
        assert_eq!(ladder, Ladder::Lines(vec![720, 540, 360]));
        assert_eq!(ladder.to_string(), "720,540,360");
        for ladder in [Ladder::Auto, Ladder::Camera, Ladder::Screen] {
            assert_eq!(ladder.to_string().parse(), Ok(ladder));
        }
        for wrong in ["", "720,", "full", "-1", "10", "99999"] {
            assert!(wrong.parse::<Ladder>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_frame_rate_is_the_sources_up_to_30() {
        assert_eq!(frame_rate(15, 1), (15, 1));
        assert_eq!(frame_rate(25, 1), (25, 1));
        assert_eq!(frame_rate(30000, 1001), (30000, 1001));
        assert_eq!(frame_rate(30, 1), (30, 1));
        assert_eq!(frame_rate(60, 1), (30, 1));
        assert_eq!(frame_rate(60000, 1001), (30000, 1001));
        assert_eq!(frame_rate(50, 1), (25, 1));
        assert_eq!(frame_rate(90, 1), (30, 1));
        assert_eq!(frame_rate(35, 1), (30, 1));
        assert_eq!(frame_rate(1000, 1), (30, 1));
        assert_eq!(frame_rate(0, 1), (30, 1));
    }

    proptest! {
        #[test]
        fn rungs_fall_and_fit(width in 1u32..8000, height in 1u32..8000, num in 1u32..4, den in 1u32..4) {
            let picture = Picture { width, height, pixel_aspect: (num, den) };
            let rungs = Ladder::Auto.rungs(picture, (30, 1));
            prop_assert!(!rungs.is_empty());
            for pair in rungs.windows(2) {
                prop_assert!(pair[0].lines > pair[1].lines);
                prop_assert!(pair[0].ceiling >= pair[1].ceiling);
            }
            for rung in rungs {
                prop_assert!(rung.width % 2 == 0 && rung.height % 2 == 0);
            }
        }

        #[test]
        fn the_lower_rendition_of_a_screen_is_cheaper(num in 1u32..61, den in 1u32..4) {
            let rate = frame_rate(num, den);
            let rungs = Ladder::Screen.rungs(FULL_HD, rate);
            prop_assert_eq!(rungs.len(), 2);
            prop_assert!(rungs[1].ceiling < rungs[0].ceiling);
            prop_assert!(rungs[1].quality > rungs[0].quality);
            prop_assert_ne!(rungs[0].name(rate), rungs[1].name(rate));
            let (num, den) = rungs[1].frame_rate(rate);
            prop_assert!(f64::from(num) / f64::from(den) >= SCREEN_RATE.min(f64::from(rate.0) / f64::from(rate.1)) - 0.01);
        }
    }
}
