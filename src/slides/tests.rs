// SPDX-License-Identifier: MPL-2.0

use super::*;
use crate::timeline::Time;

pub(super) const WIDTH: usize = 640;
pub(super) const HEIGHT: usize = 480;
pub(super) const FPS: u64 = 10;

/// A screen to draw on.
#[derive(Clone)]
pub(super) struct Screen(pub Vec<u8>);

impl Screen {
    pub fn blank() -> Self {
        Screen(vec![230; WIDTH * HEIGHT])
    }

    /// Something like a line of text: strokes of 2 pixels, 14 high.
    fn text(&mut self, x: usize, y: usize, width: usize) -> &mut Self {
        for row in y..y + 14 {
            for column in x..x + width {
                if (column / 2 + row / 5) % 3 == 0 {
                    self.0[row * WIDTH + column] = 40;
                }
            }
        }
        self
    }

    fn fill(&mut self, x: usize, y: usize, width: usize, height: usize, value: u8) -> &mut Self {
        for row in self.0.chunks_mut(WIDTH).skip(y).take(height) {
            row[x..x + width].fill(value);
        }
        self
    }

    /// A picture in the picture that never holds still.
    fn webcam(&mut self, x: usize, y: usize, width: usize, height: usize, frame: u64) -> &mut Self {
        let mut seed = frame.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        for row in (y..y + height).step_by(8) {
            for column in (x..x + width).step_by(8) {
                seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1);
                self.fill(column, row, 8, 8, (seed >> 56) as u8);
            }
        }
        self
    }
}

fn push(detector: &mut Detector, screen: &Screen, time: Time) -> Vec<Change> {
    push_for(detector, screen, time, Time::from_millis(1000 / FPS))
}

fn push_for(detector: &mut Detector, screen: &Screen, time: Time, shown_for: Time) -> Vec<Change> {
    let planes = [Plane {
        data: &screen.0,
        stride: WIDTH,
        format: PlaneFormat::FULL,
    }];
    let picture = Picture {
        width: WIDTH,
        height: HEIGHT,
        planes: &planes,
    };
    detector.push(&picture, time, Some(shown_for))
}

/// Returns the changes found in `seconds` of frames that `draw` makes of their number.
pub(super) fn found(seconds: u64, mut draw: impl FnMut(u64) -> Screen) -> Vec<Change> {
    let mut detector = Detector::new(Sensitivity::default());
    let mut changes = Vec::new();
    for frame in 0..seconds * FPS {
        let time = Time::from_millis(frame * 1000 / FPS);
        changes.extend(push(&mut detector, &draw(frame), time));
    }
    changes.extend(detector.finish());
    changes
}

pub(super) fn times(changes: &[Change]) -> Vec<f64> {
    changes
        .iter()
        .map(|change| change.time.secs_f64())
        .collect()
}

pub(super) fn slide(lines: usize) -> Screen {
    let mut screen = Screen::blank();
    for line in 0..lines {
        screen.text(40, 60 + 40 * line, 300);
    }
    screen
}

#[test]
fn a_line_of_text_is_found_at_its_frame() {
    let changes = found(40, |frame| slide(if frame < 203 { 2 } else { 3 }));
    assert_eq!(times(&changes), [20.3]);
    assert_eq!(changes[0].after, Time::from_millis(20_200));
    assert!(changes[0].difference > 0.0 && changes[0].difference < 0.1);
}

#[test]
fn a_webcam_is_no_slide_wherever_it_is() {
    for (x, y, width, height) in [(480, 0, 160, 120), (0, 360, 160, 120), (320, 0, 320, 480)] {
        let changes = found(60, |frame| {
            let mut screen = slide(if frame < 300 { 2 } else { 5 });
            screen.webcam(x, y, width, height, frame);
            screen
        });
        assert_eq!(times(&changes), [30.0], "at {x} {y}");
    }
}

#[test]
fn a_webcam_that_goes_on_and_off_is_no_slide() {
    let changes = found(80, |frame| {
        let mut screen = slide(3);
        if (250..550).contains(&frame) {
            screen.webcam(440, 300, 200, 160, frame);
        }
        screen
    });
    assert!(changes.is_empty(), "{changes:?}");
}

#[test]
fn a_cursor_is_no_slide() {
    let changes = found(60, |frame| {
        let mut screen = slide(4);
        let stop = (frame / 70) as usize;
        screen.fill(50 + stop * 63 % 400, 70 + stop * 37 % 300, 10, 16, 0);
        screen
    });
    assert!(changes.is_empty(), "{changes:?}");
}

#[test]
fn a_fade_between_two_key_frames_does_not_hide_the_next_page() {
    // Key frames every ten seconds; the groups in which the page changes are decoded whole.
    let mut detector = Detector::new(Sensitivity::default());
    let mut changes = Vec::new();
    let page = |frame: u64| match frame {
        0..308 => slide(2),
        308..314 => {
            let mut screen = slide(2);
            for (pixel, to) in screen.0.iter_mut().zip(&slide(8).0) {
                let mix = frame - 307;
                *pixel = ((u64::from(*pixel) * (7 - mix) + u64::from(*to) * mix) / 7) as u8;
            }
            screen
        }
        314..505 => slide(8),
        _ => slide(1),
    };
    for frame in 0..800 {
        let is_key = frame % 100 == 0;
        let in_full = matches!(frame / 100, 3 | 5);
        if is_key || in_full {
            let time = Time::from_millis(frame * 1000 / FPS);
            let shown_for = Time::from_millis(if in_full { 1000 } else { 10_000 } / FPS);
            changes.extend(push_for(&mut detector, &page(frame), time, shown_for));
        }
    }
    changes.extend(detector.finish());
    assert_eq!(times(&changes).last(), Some(&50.5), "{changes:?}");
}

#[test]
fn a_fade_is_one_change() {
    let (from, mut to) = (slide(2), Screen::blank());
    to.fill(100, 100, 400, 300, 90);
    let changes = found(50, |frame| {
        let share = frame.saturating_sub(250).min(8);
        let mix = |(&a, &b): (&u8, &u8)| ((a as u64 * (8 - share) + b as u64 * share) / 8) as u8;
        Screen(from.0.iter().zip(&to.0).map(mix).collect())
    });
    assert_eq!(changes.len(), 1);
    assert!((times(&changes)[0] - 25.4).abs() < 0.5, "{changes:?}");
}

#[test]
fn flicker_of_the_codec_is_no_slide() {
    // Every 2 s a key frame shifts everything by a little.
    let changes = found(60, |frame| {
        let mut screen = slide(5);
        let shift = (frame / 20 % 2) as u8 * 12;
        screen.0.iter_mut().for_each(|byte| *byte -= shift);
        screen
    });
    assert!(changes.is_empty(), "{changes:?}");
}

#[test]
fn writing_by_hand_is_found_once_it_has_grown() {
    let changes = found(60, |frame| {
        let mut screen = slide(2);
        let strokes = (frame.saturating_sub(200) / 25).min(8) as usize;
        for stroke in 0..strokes {
            screen.fill(60 + stroke * 20, 300, 12, 4, 20);
        }
        screen
    });
    assert!(!changes.is_empty());
    assert!(
        times(&changes)
            .iter()
            .all(|time| (20.0..45.0).contains(time))
    );
}

#[test]
fn a_slide_shown_again_is_recognised() {
    let changes = found(80, |frame| slide([2, 5, 2, 7][frame as usize / 200]));
    assert_eq!(times(&changes), [20.0, 40.0, 60.0]);
    let same: Vec<_> = changes.iter().map(|change| change.same_as).collect();
    assert_eq!(same, [None, Some(Time::ZERO), None]);
}

#[test]
fn something_shown_for_a_moment_is_no_slide() {
    let changes = found(40, |frame| {
        slide(if (200..210).contains(&frame) { 6 } else { 2 })
    });
    assert!(changes.is_empty(), "{changes:?}");
}

#[test]
fn a_notice_that_pops_up_is_no_slide_and_hides_none() {
    let changes = found(60, |frame| {
        let mut screen = slide(if frame < 330 { 4 } else { 6 });
        if (300..345).contains(&frame) {
            screen.fill(400, 400, 220, 50, 20).text(420, 418, 180);
        }
        screen
    });
    assert_eq!(times(&changes), [33.0]);
}

#[test]
fn captions_are_no_slides_and_hide_none() {
    let changes = found(90, |frame| {
        let mut screen = slide(if frame < 400 { 3 } else { 6 });
        let second = frame / FPS;
        let caption = second / 3;
        // Nobody speaks for a while.
        if second >= 5 && !(50..60).contains(&second) {
            let half = 90 + (caption * 37 % 100) as usize;
            screen.fill(320 - half, 430, 2 * half, 30, 20);
            screen.text(330 - half, 438, 40 + (caption * 53 % 100) as usize);
            screen.fill(300 + (caption * 29 % 50) as usize, 436, 20, 18, 220);
        }
        screen
    });
    assert_eq!(times(&changes), [40.0]);
}

#[test]
fn bullets_that_come_quickly_are_no_captions() {
    let lines = |frame: u64| (frame.clamp(180, 300) - 180) / 30;
    let changes = found(60, |frame| slide(2 + lines(frame) as usize));
    assert_eq!(times(&changes), [21.0, 24.0, 27.0, 30.0]);
}

#[test]
fn a_bullet_shortly_before_the_next_slide_is_found() {
    let changes = found(60, |frame| match frame {
        0..300 => slide(3),
        300..350 => slide(4),
        _ => {
            let mut screen = Screen::blank();
            for line in 0..9 {
                screen.text(360, 40 + 40 * line, 260);
            }
            screen
        }
    });
    assert_eq!(times(&changes), [30.0, 35.0]);
}

#[test]
fn a_pointer_in_the_wake_of_a_slide_is_no_slide() {
    let changes = found(60, |frame| {
        let mut screen = slide(if frame < 300 { 2 } else { 9 });
        let way = frame.clamp(304, 316) as usize - 304;
        screen.fill(60 + 18 * way, 70 + 24 * way, 10, 16, 0);
        screen
    });
    assert_eq!(times(&changes), [30.0]);
}

#[test]
fn somebody_who_walks_past_the_screen_is_no_slide() {
    let changes = found(120, |frame| {
        let mut screen = slide(if frame < 800 { 6 } else { 8 });
        // At one place and another for half a minute, on the way for three seconds; never quite still.
        let step = (frame % 330).saturating_sub(300) as usize;
        let part = if frame / 330 % 2 == 0 {
            step
        } else {
            30 - step
        };
        let sway = [0, 3, 6, 3][frame as usize / 4 % 4];
        screen.fill(80 + 12 * part + sway, 330, 64, 150, 90);
        screen
    });
    assert_eq!(times(&changes), [80.0]);
}

#[test]
fn only_the_hue_may_change() {
    let mut detector = Detector::new(Sensitivity::default());
    let luma = slide(3);
    let mut changes = Vec::new();
    for frame in 0..40 * FPS {
        let chroma = vec![if frame < 200 { 128 } else { 60 }; WIDTH * HEIGHT / 4];
        let plane = |data, stride, format| Plane {
            data,
            stride,
            format,
        };
        let planes = [
            plane(&luma.0[..], WIDTH, PlaneFormat::FULL),
            plane(&chroma, WIDTH / 2, PlaneFormat::QUARTER),
            plane(&chroma, WIDTH / 2, PlaneFormat::QUARTER),
        ];
        let picture = Picture {
            width: WIDTH,
            height: HEIGHT,
            planes: &planes,
        };
        changes.extend(detector.push(&picture, Time::from_millis(frame * 100), None));
    }
    changes.extend(detector.finish());
    assert_eq!(times(&changes), [20.0]);
}

#[test]
fn any_size_will_do() {
    for (width, height) in [(0, 0), (1, 1), (17, 9), (40, 600)] {
        let data = vec![0; width * height];
        let planes = [Plane {
            data: &data,
            stride: width,
            format: PlaneFormat::FULL,
        }];
        let picture = Picture {
            width,
            height,
            planes: &planes,
        };
        let mut detector = Detector::new(Sensitivity::default());
        for second in 0..20 {
            assert!(
                detector
                    .push(&picture, Time::from_secs(second), None)
                    .is_empty()
            );
        }
        assert!(detector.finish().is_empty());
    }
}

#[test]
fn key_frames_only_still_tell() {
    let mut detector = Detector::new(Sensitivity::default());
    let mut changes = Vec::new();
    for second in (0..300).step_by(10) {
        let mut screen = slide(if second < 155 { 2 } else { 4 });
        screen.webcam(480, 0, 160, 120, second);
        changes.extend(push(&mut detector, &screen, Time::from_secs(second)));
    }
    changes.extend(detector.finish());
    assert_eq!(times(&changes), [160.0]);
    assert_eq!(changes[0].after, Time::from_secs(150));
}

/// A stream of 10 s groups, in which a slide changes at 155 s and a webcam moves.
fn surveyed(
    draw: impl Fn(u64) -> Screen,
    spike: Option<u64>,
) -> Option<Vec<crate::timeline::Span>> {
    let mut survey = Survey::new(Sensitivity::default());
    for frame in 0..300 * FPS {
        let key = frame % 100 == 0;
        let time = Time::from_millis(frame * 100);
        let bytes = match frame {
            _ if key => 40_000,
            _ if Some(frame) == spike => 30_000,
            _ => 500,
        };
        if survey.packet(time, bytes, key) {
            let screen = draw(frame);
            let planes = [Plane {
                data: &screen.0,
                stride: WIDTH,
                format: PlaneFormat::FULL,
            }];
            let picture = Picture {
                width: WIDTH,
                height: HEIGHT,
                planes: &planes,
            };
            survey.picture(&picture, time);
        }
    }
    survey.finish()
}

#[test]
fn only_groups_that_may_hold_a_change_are_decoded() {
    let draw = |frame| {
        let mut screen = slide(if frame < 1550 { 2 } else { 4 });
        screen.webcam(480, 0, 160, 120, frame);
        screen
    };
    let spans = surveyed(draw, Some(2345)).unwrap_or_default();
    let starts: Vec<f64> = spans.iter().map(|span| span.start.secs_f64()).collect();
    assert_eq!(starts, [150.0, 230.0, 290.0]);
    assert_eq!(spans[0].end, Time::from_secs(160));
}

#[test]
fn rare_key_frames_are_not_worth_a_survey() {
    let mut survey = Survey::new(Sensitivity::default());
    for frame in 0..1000u64 {
        survey.packet(Time::from_secs(frame), 100, frame % 500 == 0);
    }
    assert_eq!(survey.finish(), None);
}

#[test]
fn a_stream_of_key_frames_is_not_worth_a_survey() {
    let mut survey = Survey::new(Sensitivity::default());
    let wanted =
        (0..1000u64).filter(|&frame| survey.packet(Time::from_millis(frame * 100), 100, true));
    assert!(wanted.count() <= 100);
    assert_eq!(survey.finish(), None);
}
