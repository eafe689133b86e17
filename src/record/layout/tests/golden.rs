// SPDX-License-Identifier: MPL-2.0

//! Every layout, compared with the committed files in tests/data/layouts. `UPDATE_GOLDEN=1` writes
//! them anew, for a person to read what changed.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use super::*;

const COUNTS: [usize; 10] = [1, 2, 3, 4, 5, 9, 10, 16, 25, 26];
const SIZES: [(u32, u32); 2] = [(1280, 720), (720, 1280)];

/// Slides with the speaker and the others at the right, as a user may write it.
pub(super) const LECTURE: &str = r##"{
  "version": 1,
  "background": "#202020",
  "regions": [
    {"x": 0, "y": 0, "width": 75, "height": 100, "show": "screen", "otherwise": "speaker"},
    {"x": 75, "y": 0, "width": 25, "height": 33.33, "show": "role:host", "otherwise": "speaker"},
    {"x": 75, "y": 33.33, "width": 25, "height": 66.67, "show": "rest"}
  ]
}"##;

fn tile_lines(picture: &Picture) -> String {
    let mut text = String::new();
    for tile in &picture.tiles {
        let Tile {
            participant,
            source,
            rect,
            fit,
            z,
        } = tile;
        let above = if *z > 0 {
            format!(" z{z}")
        } else {
            String::new()
        };
        let (source, fit) = (format!("{source:?}"), format!("{fit:?}"));
        let line = format!(
            "  {participant} {} {},{} {}x{} {}{above}",
            source.to_lowercase(),
            rect.x,
            rect.y,
            rect.width,
            rect.height,
            fit.to_lowercase(),
        );
        writeln!(text, "{line}").expect("a string");
    }
    text
}

fn describe(layout: &str) -> String {
    let mut text = String::new();
    for (width, height) in SIZES {
        for (with_screen, with_interpreter) in
            [(false, false), (true, false), (false, true), (true, true)]
        {
            let counts = match with_screen || with_interpreter {
                true => &[1, 2, 5, 26][..],
                false => &COUNTS[..],
            };
            for count in counts {
                let mut events = people(*count);
                let mut title = format!("{width}x{height}, {count} people");
                if with_screen {
                    events.push(at(0, publish("p01", Source::Screen)));
                    title.push_str(", screen");
                }
                if with_interpreter {
                    events.extend(interpreter("sign"));
                    title.push_str(", interpreter");
                }
                let file = LayoutFile::read(LECTURE.as_bytes()).expect("a layout file");
                let director = director(layout, width, height).with_file(Arc::new(file));
                let picture = last(director, &events);
                writeln!(text, "{title}\n{}", tile_lines(&picture)).expect("a string");
            }
        }
    }
    text
}

#[test]
fn every_layout_is_as_committed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/layouts");
    let is_update = std::env::var_os("UPDATE_GOLDEN").is_some();
    for layout in [
        "grid",
        "speaker",
        "single-speaker",
        "slides",
        "side-by-side",
        "interpreter",
        "custom",
    ] {
        let path = folder.join(format!("{layout}.txt"));
        let text = describe(layout);
        if is_update {
            std::fs::write(&path, &text).expect("a golden file");
        }
        let Ok(golden) = std::fs::read_to_string(&path) else {
            // A packaged crate has no tests/data.
            eprintln!("skipped: {} is missing", path.display());
            return;
        };
        assert_eq!(text, golden, "{}", path.display());
    }
}

fn rects(picture: &Picture) -> Vec<(u32, u32, u32, u32)> {
    let rects = picture.tiles.iter().map(|tile| tile.rect);
    rects.map(|r| (r.x, r.y, r.width, r.height)).collect()
}

#[test]
fn the_speaker_layout_has_the_figures_of_the_reference() {
    // 1280x720: thumbnails of 213x133 from the top left, a stage of 1067x720, to even pixels.
    let picture = last(director("speaker", 1280, 720), &people(3));
    assert_eq!(
        rects(&picture),
        [(214, 0, 1066, 720), (0, 0, 214, 134), (0, 134, 214, 134)]
    );
    // One track: full frame.
    let alone = last(director("speaker", 1280, 720), &people(1));
    assert_eq!(rects(&alone), [(0, 0, 1280, 720)]);
    // Up to 600 wide: the stage above the thumbnails.
    let narrow = last(director("speaker", 600, 338), &people(3));
    assert_eq!(
        rects(&narrow),
        [(0, 0, 600, 282), (0, 282, 90, 56), (90, 282, 90, 56)]
    );
}

#[test]
fn the_grid_shows_the_first_25_and_becomes_the_speaker_layout_for_a_screen() {
    let picture = last(director("grid", 1280, 720), &people(26));
    assert_eq!(picture.tiles.len(), 25);
    assert_eq!(picture.tiles[24].participant, "p25");
    let mut events = people(3);
    events.push(at(1000, publish("p02", Source::Screen)));
    events.push(at(2000, unpublish("p02", Source::Screen)));
    let shown = pictures(director("grid", 1280, 720), &events);
    let screens: Vec<Option<&str>> = shown.iter().map(|(_, p)| p.screen.as_deref()).collect();
    assert_eq!(screens, [None, Some("p02"), None]);
    let sources: Vec<TileSource> = shown[1].1.tiles.iter().map(|tile| tile.source).collect();
    assert_eq!(sources[0], TileSource::Screen);
    assert_eq!(sources[1..], [TileSource::Camera; 3]);
    assert_eq!(shown[0].1.tiles, shown[2].1.tiles);
}

#[test]
fn light_forms_are_white_and_otherwise_the_same() {
    for layout in ["grid", "speaker", "single-speaker"] {
        let dark = last(director(layout, 1280, 720), &people(5));
        let light = last(director(&format!("{layout}-light"), 1280, 720), &people(5));
        assert_eq!(dark.background, Color::BLACK);
        assert_eq!(light.background, Color::WHITE);
        assert_eq!(dark.tiles, light.tiles);
    }
}

#[test]
fn cameras_that_are_off_have_an_avatar_and_people_without_one_no_tile() {
    let mut events = people(2);
    events.push(at(0, join("listener", Role::Participant)));
    events.push(at(0, publish("listener", Source::Microphone)));
    events.push(at(1000, mute("p01", Source::Camera, true)));
    let picture = last(director("grid", 1280, 720), &events);
    let tiles: Vec<(&str, TileSource)> = picture
        .tiles
        .iter()
        .map(|tile| (tile.participant.as_str(), tile.source))
        .collect();
    assert_eq!(
        tiles,
        [("p01", TileSource::Avatar), ("p02", TileSource::Camera)]
    );
}

#[test]
fn portrait_cameras_are_contained_and_a_phone_may_be_turned() {
    let size = |width, height| Change::Size {
        participant: "p01".to_owned(),
        source: Source::Camera,
        width,
        height,
    };
    let rotation = |degrees| Change::Rotation {
        participant: "p01".to_owned(),
        source: Source::Camera,
        degrees,
    };
    let mut events = people(2);
    events.push(at(1000, size(640, 360)));
    events.push(at(2000, rotation(90)));
    events.push(at(3000, size(360, 640)));
    events.push(at(4000, rotation(180)));
    let shown = pictures(director("grid", 1280, 720), &events);
    let fits: Vec<(u64, Fit)> = shown
        .iter()
        .map(|(time, picture)| (time.millis(), picture.tiles[0].fit))
        .collect();
    assert_eq!(
        fits,
        [
            (0, Fit::Cover),
            (2000, Fit::Contain),
            (3000, Fit::Cover),
            (4000, Fit::Contain)
        ]
    );
}
