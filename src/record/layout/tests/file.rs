// SPDX-License-Identifier: MPL-2.0

use std::sync::Arc;

use serde_json::{Value, json};

use super::golden::LECTURE;
use super::*;

fn region(x: f64, y: f64, width: f64, height: f64, show: &str) -> Value {
    json!({"x": x, "y": y, "width": width, "height": height, "show": show})
}

fn read(regions: Value) -> Result<LayoutFile, String> {
    let file = json!({"version": 1, "regions": regions});
    LayoutFile::read(file.to_string().as_bytes()).map_err(|error| error.to_string())
}

fn custom(file: &str, events: &[Event]) -> Vec<(String, TileSource, Rect)> {
    let file = LayoutFile::read(file.as_bytes()).expect("a layout file");
    let director = director("custom", 1280, 720).with_file(Arc::new(file));
    let tiles = last(director, events).tiles.into_iter();
    tiles
        .map(|tile| (tile.participant, tile.source, tile.rect))
        .collect()
}

#[test]
fn errors_name_the_place_and_what_to_do() {
    let full = || region(0.0, 0.0, 100.0, 100.0, "speaker");
    for (regions, words) in [
        (json!([]), "the file has 0 regions; use 1 to 64"),
        (
            json!([region(80.0, 0.0, 25.0, 50.0, "screen")]),
            "region 1 lies partly off the picture; keep x",
        ),
        (
            json!([region(-1.0, 0.0, 25.0, 50.0, "screen")]),
            "region 1 lies partly off",
        ),
        (
            json!([region(0.0, 0.0, 25.0, 1e300, "screen")]),
            "region 1 lies partly off",
        ),
        (
            json!([full(), region(0.0, 0.0, 4.0, 50.0, "screen")]),
            "region 2 is too small; make",
        ),
        (
            json!([full(), region(10.0, 10.0, 20.0, 20.0, "screen")]),
            "region 2 overlaps region 1 with the same z; move it",
        ),
        (
            json!([
                region(0.0, 0.0, 50.0, 50.0, "rest"),
                region(50.0, 0.0, 50.0, 50.0, "rest")
            ]),
            "region 2 shows rest like region 1",
        ),
        (
            json!([region(0.0, 0.0, 16.6, 50.0, "role:interpreter")]),
            "region 1 is too narrow for an interpreter; make width at least 16.67",
        ),
        (
            json!([full(), region(0.0, 0.0, 50.0, 50.0, "number:26")]),
            "not a layout file: \"number:26\" fills no region",
        ),
        (
            json!([full(), region(0.0, 0.0, 50.0, 50.0, "nobody")]),
            "not a layout file: \"nobody\" fills no region, use screen",
        ),
        (json!([{"x": 0}]), "not a layout file: missing field"),
        (
            json!([{"colour": 0}]),
            "not a layout file: unknown field `colour`",
        ),
    ] {
        let error = read(regions).expect_err("an error");
        assert!(error.starts_with(words), "{error}");
    }
    let covered = json!([
        region(0.0, 0.0, 50.0, 50.0, "role:interpreter"),
        {"x": 10, "y": 10, "width": 20, "height": 20, "show": "screen", "z": 1}
    ]);
    let error = read(covered).expect_err("an error");
    assert!(
        error.starts_with("region 1 for an interpreter is covered by region 2"),
        "{error}"
    );
    let z = json!([{"x": 10, "y": 10, "width": 20, "height": 20, "show": "screen", "z": 101}]);
    assert!(
        read(z)
            .expect_err("an error")
            .starts_with("region 1 has z 101; use 0 to 100")
    );
    for text in [
        "",
        "{",
        "[]",
        "{\"version\": 1}",
        "{\"version\": 2, \"regions\": []}",
    ] {
        let error = LayoutFile::read(text.as_bytes())
            .expect_err("an error")
            .to_string();
        assert!(
            error.contains("line 1") || error.contains("version 2"),
            "{error}"
        );
    }
    let wrong = "{\"version\": 1,\n \"background\": \"red\",\n \"regions\": []}";
    let error = LayoutFile::read(wrong.as_bytes())
        .expect_err("an error")
        .to_string();
    assert!(
        error.contains("\"red\" is not a colour") && error.contains("line 2"),
        "{error}"
    );
}

#[test]
fn a_file_is_written_as_it_was_read() {
    let file = LayoutFile::read(LECTURE.as_bytes()).expect("a layout file");
    let text = serde_json::to_vec(&file).expect("JSON");
    assert_eq!(LayoutFile::read(&text), Ok(file));
}

#[test]
fn the_schema_knows_every_field_and_value() {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    let fields = |value: &Value| -> Vec<String> {
        let mut fields: Vec<String> = value
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect();
        fields.sort();
        fields
    };
    let mut file =
        serde_json::to_value(LayoutFile::read(LECTURE.as_bytes()).expect("a file")).expect("JSON");
    assert_eq!(fields(&file), fields(&schema["properties"]));
    file["regions"][0]["fit"] = json!("cover");
    assert_eq!(
        fields(&file["regions"][0]),
        fields(&schema["$defs"]["region"]["properties"])
    );
}

#[test]
fn everybody_is_shown_once() {
    let mut events = people(4);
    events.push(at(0, join("p02", Role::Host)));
    let shown = custom(LECTURE, &events);
    let names: Vec<&str> = shown.iter().map(|(name, ..)| name.as_str()).collect();
    // The grid of the rest first, then the regions of one; the host is not the speaker as well.
    assert_eq!(names, ["p03", "p04", "p01", "p02"]);
    assert_eq!(shown[2].2, Rect::new(0, 0, 960, 720));
    assert_eq!(shown[3].2, Rect::new(960, 0, 320, 240));
    events.push(at(1000, publish("p04", Source::Screen)));
    let shown = custom(LECTURE, &events);
    let stage = shown
        .iter()
        .find(|(_, source, _)| *source == TileSource::Screen);
    assert_eq!(stage.map(|tile| tile.2), Some(Rect::new(0, 0, 960, 720)));
    assert_eq!(shown.len(), 5);
}

#[test]
fn numbers_keep_their_people_and_empty_regions_stay_empty() {
    let file = r#"{"version": 1, "regions": [
        {"x": 0, "y": 0, "width": 50, "height": 100, "show": "participant:p03"},
        {"x": 50, "y": 0, "width": 50, "height": 50, "show": "number:1"},
        {"x": 50, "y": 50, "width": 50, "height": 50, "show": "number:2"}]}"#;
    let mut events = people(2);
    let names = |events: &[Event]| -> Vec<String> {
        custom(file, events)
            .into_iter()
            .map(|(name, ..)| name)
            .collect()
    };
    assert_eq!(names(&events), ["p01", "p02"]);
    events.extend(people(5));
    events.push(at(1000, speaking("p05", true)));
    assert_eq!(names(&events), ["p03", "p01", "p05"]);
}

#[test]
fn interpreters_have_their_region_or_a_strip() {
    let mut events = people(2);
    events.extend(interpreter("sign"));
    let shown = custom(LECTURE, &events);
    let sign = shown
        .iter()
        .find(|(name, ..)| name == "sign")
        .expect("the interpreter");
    assert_eq!(sign.2, Rect::new(1066, 586, 214, 134));
    assert!(
        shown
            .iter()
            .all(|(name, _, rect)| name == "sign" || rect.right() <= 1066)
    );
    let file = r#"{"version": 1, "regions": [
        {"x": 0, "y": 0, "width": 100, "height": 100, "show": "speaker"},
        {"x": 70, "y": 60, "width": 30, "height": 40, "show": "role:interpreter", "z": 1}]}"#;
    let shown = custom(file, &events);
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[1].2, Rect::new(896, 432, 384, 288));
}
