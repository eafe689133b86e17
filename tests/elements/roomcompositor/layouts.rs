// SPDX-License-Identifier: MPL-2.0

//! Who is where.

use gst::prelude::*;

use super::{BLACK, BLUE, GRAY, GREEN, RED, Show, WHITE, camera};

#[test]
fn four_cameras_fill_the_grid() {
    let sources: String = [RED, GREEN, BLUE, GRAY]
        .iter()
        .zip(0..)
        .map(|(color, pad)| camera(pad, *color, "640x360", 0.0, 1.0))
        .collect();
    let seen = Show::video("", &sources).run();
    assert_eq!(seen.error, None);
    assert_eq!(seen.frames.len(), 30);
    for frame in &seen.frames {
        assert_eq!(frame.size(), (1280, 720));
        for (color, (x, y)) in
            [RED, GREEN, BLUE, GRAY]
                .into_iter()
                .zip([(0, 0), (640, 0), (0, 360), (640, 360)])
        {
            for (dx, dy) in [(0, 0), (320, 180), (638, 358)] {
                frame.assert(x + dx, y + dy, color);
            }
        }
    }
    let tiles: gst::Array = seen.layouts[0].get("tiles").expect("tiles");
    assert_eq!(seen.layouts.len(), 1);
    assert_eq!(tiles.len(), 4);
    assert_eq!(seen.layouts[0].get::<u64>("time"), Ok(0));
}

#[test]
fn a_camera_that_comes_later_has_its_tile_from_its_first_frame_on() {
    let sources = camera(0, RED, "640x360", 0.0, 2.0) + &camera(1, GREEN, "640x360", 1.0, 1.0);
    let seen = Show::video("", &sources).run();
    assert_eq!(seen.frames.len(), 60);
    for frame in &seen.frames {
        let is_alone = frame.millis < 1000;
        frame.assert(100, 360, RED);
        frame.assert(1200, 360, if is_alone { RED } else { GREEN });
    }
    assert_eq!(seen.layouts.len(), 2);
    assert_eq!(seen.layouts[1].get::<u64>("time"), Ok(1_000_000_000));
}

#[test]
fn few_frames_per_second_stall_nothing() {
    for rate in ["1/1", "5/1", "12/1"] {
        let sources = camera(0, RED, "640x360", 0.0, 3.0) + &camera(1, GREEN, "640x360", 1.0, 2.0);
        let seen = Show::video(&format!("framerate={rate}"), &sources).run();
        assert_eq!(seen.error, None);
        let last = seen.frames.last().expect("frames");
        last.assert(100, 360, RED);
        last.assert(1200, 360, GREEN);
    }
}

#[test]
fn a_shared_screen_takes_the_stage_and_gives_it_back() {
    let screen = "video_1::source=screen video_1::participant=0 ";
    let sources = camera(0, RED, "640x360", 0.0, 4.0) + &camera(1, BLUE, "1280x720", 1.0, 1.0);
    let seen = Show::video(screen, &sources).run();
    assert_eq!(seen.frames.len(), 120);
    seen.frame(900).assert(640, 360, RED);
    // A column of a sixth; the thumbnail is at its top, the screen is contained in the rest.
    let shared = seen.frame(1500);
    shared.assert(100, 60, RED);
    shared.assert(100, 600, BLACK);
    shared.assert(700, 360, BLUE);
    shared.assert(700, 20, BLACK);
    seen.frame(3000).assert(640, 360, RED);
}

#[test]
fn nothing_of_a_phone_held_upright_is_cut_off() {
    let sources = camera(0, GREEN, "360x640", 0.0, 0.5);
    let seen = Show::video("layout=grid-light", &sources).run();
    let frame = seen.frames.last().expect("frames");
    frame.assert(640, 0, GREEN);
    frame.assert(640, 718, GREEN);
    frame.assert(400, 360, WHITE);
    frame.assert(900, 360, WHITE);
}

#[test]
fn the_rotation_of_a_phone_is_undone() {
    let sources = camera(0, GREEN, "640x360", 0.0, 0.5).replace(
        "! queue",
        "! taginject tags=\"image-orientation=rotate-90\" ! queue",
    );
    let seen = Show::video("", &sources).run();
    let frame = seen.frames.last().expect("frames");
    frame.assert(640, 0, GREEN);
    frame.assert(400, 360, BLACK);
    frame.assert(900, 360, BLACK);
}

#[test]
fn a_layout_of_the_users_own_has_its_background() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("layout.json");
    let json = r##"{"version": 1, "background": "#808080",
        "regions": [{"x": 0, "y": 0, "width": 50, "height": 50, "show": "speaker"}]}"##;
    std::fs::write(&file, json).expect("written");
    let properties = format!("layout=custom layout-location={}", file.display());
    let seen = Show::video(&properties, &camera(0, RED, "640x360", 0.0, 0.5)).run();
    assert_eq!(seen.error, None);
    let frame = seen.frames.last().expect("frames");
    frame.assert(300, 200, RED);
    frame.assert(900, 500, [126, 128, 128]);
}

#[test]
fn any_format_of_video_is_taken() {
    for format in ["NV12", "BGRA", "YUY2", "GRAY8"] {
        let source = camera(0, GRAY, "640x360", 0.0, 0.3)
            .replace("format=I420", &format!("format={format}"))
            .replace(",colorimetry=bt601", "");
        let seen = Show::video("", &source).run();
        assert_eq!(seen.error, None, "{format}");
        seen.frames.last().expect("frames").assert(640, 360, GRAY);
    }
}

/// Applications set properties after a description is parsed, and its pads requested.
#[test]
fn names_are_shown_whenever_labels_are_set() {
    let show = Show::video("", &camera(0, RED, "640x360", 0.0, 1.0));
    let pad = show.room.static_pad("video_0").expect("a pad");
    pad.set_property("label", "Ada");
    for has_labels in [true, false, true] {
        show.room.set_property("labels", has_labels);
        let seen = show.run();
        assert_eq!(seen.error, None);
        assert_eq!(seen.frames.len(), 30);
        for frame in &seen.frames {
            let places = (0..200).flat_map(|x| (600..720).map(move |y| (x, y)));
            let lettered = places.filter(|(x, y)| !frame.is(*x, *y, RED)).count();
            assert_eq!(
                lettered > 100,
                has_labels,
                "{} ms: {lettered}",
                frame.millis
            );
            frame.assert(640, 200, RED);
        }
    }
}
