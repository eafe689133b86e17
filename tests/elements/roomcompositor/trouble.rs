// SPDX-License-Identifier: MPL-2.0

//! Settings and files that cannot work: one clear error each.

use super::{RED, Show, camera};

fn error(properties: &str) -> String {
    let seen = Show::video(properties, &camera(0, RED, "640x360", 0.0, 0.5)).run();
    seen.error
        .unwrap_or_else(|| panic!("{properties}: no error"))
}

#[test]
fn a_wrong_setting_is_one_clear_error() {
    for (properties, part) in [
        ("layout=mosaic", "mosaic"),
        ("layout=custom", "layout-location"),
        ("width=641", "641"),
        ("background=blue", "#1a2b3c"),
        ("avatar=/nonexistent", "/nonexistent"),
        ("layout-location=/nonexistent.json", "/nonexistent.json"),
        ("session-location=/nonexistent.json", "/nonexistent.json"),
        (
            "timeline-location=/nonexistent/layout.vtt",
            "/nonexistent/layout.vtt",
        ),
    ] {
        let error = error(properties);
        assert!(error.contains(part), "{properties}: {error}");
    }
}

#[test]
fn a_bad_file_is_named_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    for (property, name, text, part) in [
        (
            "layout=custom layout-location",
            "layout.json",
            "{\n\"version\": 1,\n]",
            "line 3",
        ),
        ("session-location", "session.json", "{\n]", "line 2"),
        (
            "follow-location",
            "layout.vtt",
            "WEBVTT\n\n00:00.000 --> 00:01.000\nlayout: x\n",
            "line 3",
        ),
    ] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).expect("written");
        let error = error(&format!("{property}={}", file.display()));
        assert!(error.contains(name) && error.contains(part), "{error}");
    }
}
