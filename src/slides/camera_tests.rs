// SPDX-License-Identifier: MPL-2.0

//! Cameras that are pointed at something else, and pages beside and between them.

use super::tests::{FPS, HEIGHT, Screen, WIDTH, found, slide, times};

/// A scene that is larger than the picture: rough and even places, as in a photograph.
struct Scene {
    width: usize,
    pixels: Vec<u8>,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let (width, height) = (2 * WIDTH, 2 * HEIGHT);
        let mut scene = Scene {
            width,
            pixels: vec![0; width * height],
        };
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        for top in (0..height).step_by(12) {
            for left in (0..width).step_by(12) {
                state = state
                    .wrapping_mul(6364136223846793005)
                    .wrapping_add(1442695040888963407);
                let value = (state >> 57) as u8;
                // A quarter of the scene is sky.
                let is_rough = (left / 160 + top / 120) % 4 != 0;
                for row in top..(top + 12).min(height) {
                    for column in left..(left + 12).min(width) {
                        let shade = (60 + column / 16 + (row * 7 + column * 13) % 5) as u8;
                        let rough = if is_rough { value } else { 0 };
                        scene.pixels[row * width + column] = shade.saturating_add(rough);
                    }
                }
            }
        }
        scene
    }

    /// A board with words all over it.
    fn board() -> Self {
        let (width, height) = (2 * WIDTH, 2 * HEIGHT);
        let mut pixels = vec![225; width * height];
        for line in 0..18 {
            for column in 40 + line * 23 % 90..width - 60 {
                let is_word = (column / 90 + line) % 3 != 0;
                for row in 30 + line * 50..44 + line * 50 {
                    if is_word && (column / 3 + row / 5) % 3 == 0 {
                        pixels[row * width + column] = 60;
                    }
                }
            }
        }
        Scene { width, pixels }
    }

    /// Returns the view of a camera: its upper left corner, and how far it has zoomed in.
    fn view(&self, left: f64, top: f64, zoom: f64) -> Screen {
        let mut screen = Screen::blank();
        for (row, pixels) in screen.0.chunks_mut(WIDTH).enumerate() {
            for (column, pixel) in pixels.iter_mut().enumerate() {
                let x = (left + column as f64 / zoom) as usize;
                let y = (top + row as f64 / zoom) as usize;
                *pixel = self.pixels[y * self.width + x];
            }
        }
        screen
    }
}

/// Returns the position of something that moves for six seconds and rests for five, again and again.
fn way(frame: u64) -> f64 {
    let second = frame as f64 / FPS as f64;
    let rounds = (second / 11.0).floor();
    rounds + ((second - rounds * 11.0) / 6.0).min(1.0)
}

/// Returns the position of a camera in somebody's hand.
fn sway(frame: u64) -> (f64, f64) {
    let second = frame as f64 / FPS as f64;
    let x = 60.0 * (0.9 * second).sin() + 8.0 * (5.1 * second).sin();
    (200.0 + x, 200.0 + 8.0 * (4.3 * second).cos())
}

#[test]
fn a_camera_that_moves_is_no_slide() {
    for scene in [Scene::new(1), Scene::board()] {
        let pan = found(33, |frame| {
            let way = way(frame);
            scene.view(300.0 + 280.0 * way.sin(), 220.0 + 180.0 * way.cos(), 1.0)
        });
        assert!(pan.is_empty(), "{pan:?}");
        let zoom = found(33, |frame| {
            scene.view(200.0, 150.0, 1.5 + 0.5 * (1.5 * way(frame)).sin())
        });
        assert!(zoom.is_empty(), "{zoom:?}");
        let by_hand = found(20, |frame| {
            let (x, y) = sway(frame);
            scene.view(x, y, 1.0)
        });
        assert!(by_hand.is_empty(), "{by_hand:?}");
    }
}

#[test]
fn pages_between_pans_are_found() {
    let scene = Scene::new(2);
    // The camera is shown from 20 s to 45 s, and moves as it comes and when it goes.
    let changes = found(80, |frame| match frame {
        0..200 => slide(3),
        200..450 => scene.view(100.0 + 1.5 * (frame - 200) as f64, 100.0, 1.0),
        450..650 => slide(6),
        _ => slide(9),
    });
    assert_eq!(times(&changes).last(), Some(&65.0), "{changes:?}");
    assert!(changes.len() <= 3, "{changes:?}");
    assert!(changes.iter().all(|change| !change.is_camera_cut));
}

#[test]
fn a_cut_between_two_cameras_is_marked() {
    let (one, other) = (Scene::new(3), Scene::new(4));
    let changes = found(60, |frame| match frame {
        0..300 => one.view(100.0, 100.0, 1.0),
        _ => other.view(300.0, 200.0, 1.0),
    });
    assert_eq!(times(&changes), [30.0]);
    assert!(changes[0].is_camera_cut);
    let pages = found(60, |frame| slide(if frame < 300 { 2 } else { 9 }));
    assert!(!pages[0].is_camera_cut);
    let from_page = found(60, |frame| match frame {
        0..300 => slide(5),
        _ => other.view(300.0, 200.0, 1.0),
    });
    assert!(!from_page[0].is_camera_cut);
}

#[test]
fn a_page_of_few_words_beside_a_camera_that_pans_is_found() {
    let scene = Scene::new(5);
    let changes = found(60, |frame| {
        let mut screen = scene.view(600.0 * (1.0 + way(frame).sin()) / 2.0, 200.0, 1.0);
        let page = slide(if frame < 300 { 1 } else { 4 });
        for (row, from) in screen.0.chunks_mut(WIDTH).zip(page.0.chunks(WIDTH)) {
            row[..WIDTH * 11 / 20].copy_from_slice(&from[..WIDTH * 11 / 20]);
        }
        screen
    });
    assert_eq!(times(&changes), [30.0]);
}

#[test]
fn a_page_that_comes_slowly_is_found() {
    // Pushed in, and faded in, over a second and a half.
    for pushes in [true, false] {
        let (from, to) = (slide(8), {
            let mut page = slide(3);
            page.0.iter_mut().for_each(|pixel| *pixel = 255 - *pixel);
            page
        });
        let changes = found(50, |frame| {
            let part = frame.saturating_sub(250).min(15) as usize;
            let mut screen = from.clone();
            let gone = WIDTH * part / 15;
            for (row, next) in screen.0.chunks_mut(WIDTH).zip(to.0.chunks(WIDTH)) {
                if pushes {
                    row.copy_within(gone.., 0);
                    row[WIDTH - gone..].copy_from_slice(&next[..gone]);
                } else {
                    for (pixel, &next) in row.iter_mut().zip(next) {
                        let mixed = usize::from(*pixel) * (15 - part) + usize::from(next) * part;
                        *pixel = (mixed / 15) as u8;
                    }
                }
            }
            screen
        });
        assert_eq!(changes.len(), 1, "{pushes} {changes:?}");
        assert!((25.0..26.7).contains(&times(&changes)[0]), "{changes:?}");
    }
}
