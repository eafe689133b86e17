// SPDX-License-Identifier: MPL-2.0

//! Search in what is shown: the text of the slides, from the recording to the package.

use serde_json::Value;

use crate::harness::place::{H264, Place};
use crate::harness::{has_tesseract, keeps_rules};

/// Titles and items of three slides, 14 s each. The second slide gets its last item late.
const DECK: &str = "color=c=white:s=960x540:r=5:d=42,\
    drawtext=font=DejaVu Sans:fontcolor=black:fontsize=44:x=60:y=60:text=Waves and Light:enable='lt(t,14)',\
    drawtext=font=DejaVu Sans:fontcolor=black:fontsize=26:x=90:y=420:text=known since Huygens:enable='lt(t,14)',\
    drawtext=font=DejaVu Sans:fontcolor=black:fontsize=44:x=60:y=60:text=Lenses and Mirrors:enable='between(t,14,27.9)',\
    drawtext=font=DejaVu Sans:fontcolor=black:fontsize=26:x=90:y=200:text=made of glass & water:enable='between(t,14,27.9)',\
    drawtext=font=DejaVu Sans:fontcolor=black:fontsize=26:x=90:y=440:text=or of diamond:enable='between(t,22,27.9)',\
    drawtext=font=DejaVu Sans:fontcolor=black:fontsize=44:x=60:y=60:text=The Human Eye:enable='gte(t,28)',\
    drawtext=font=DejaVu Sans:fontcolor=black:fontsize=26:x=90:y=300:text=nerves and colours:enable='gte(t,28)'";

const JOB: [&str; 5] = [
    "package",
    "input=deck.mkv",
    "output=OUT",
    "ladder=180",
    "preset=ultrafast",
];

#[test]
fn a_learner_finds_a_slide_by_its_text_once_a_person_has_approved_it() {
    if !has_tesseract() {
        return;
    }
    let place = Place::new();
    place.ffmpeg(&[&["-f", "lavfi", "-i", DECK], H264, &["deck.mkv"]]);
    let answer = place.done(&[
        "analyse",
        "input=deck.mkv",
        "output=OUT",
        "slide-text=true",
        "titles=none",
    ]);
    assert_eq!(answer["slide-texts"], 3, "{answer}");
    let draft = place.read("OUT/drafts/slides.en.vtt");
    for text in [
        "status: draft",
        "Waves and Light\nknown since Huygens\n",
        "Lenses and Mirrors\nmade of glass &amp; water\nor of diamond\n",
        "The Human Eye\nnerves and colours\n",
    ] {
        assert!(draft.contains(text), "{text} in {draft}");
    }

    // Nobody has approved it.
    let packaged = place.lecture(&JOB);
    assert_eq!(packaged.status, Some(0), "{packaged:?}");
    let note = "slides.en.vtt is left out: it is not approved";
    assert!(packaged.err.contains(note), "{packaged:?}");
    let is_there = |name: &str| place.path("OUT/package").join(name).exists();
    assert!(!is_there("slides.json") && !is_there("slides"));

    let approved = draft.replacen("status: draft", "status: approved\nby: Ada", 1);
    place.write("OUT/drafts/slides.en.vtt", &approved);
    let cut = "WEBVTT\n\n00:00.000 --> 00:16.000\ncut: lobby\n\n00:16.000 --> 00:42.000\nkeep\n";
    place.write("OUT/drafts/trim.vtt", cut);
    place.done(&JOB);
    let package = place.path("OUT/package");
    keeps_rules(&package);
    let slides: Value = serde_json::from_str(&place.read("OUT/package/slides.json")).expect("JSON");
    let track = &slides["tracks"][0];
    assert_eq!(
        (&track["language"], &track["file"]),
        (&"en".into(), &"slides/slides.en.vtt".into())
    );
    let found = track["slides"].as_array().expect("slides");
    assert_eq!(found.len(), 2, "{slides}");
    assert_eq!(
        found[0]["text"],
        "Lenses and Mirrors\nmade of glass & water\nor of diamond"
    );
    let seconds = |value: &Value| value.as_f64().expect("seconds");
    assert!(seconds(&found[0]["start"]).abs() < 0.1, "{slides}");
    assert!((seconds(&found[1]["start"]) - 12.0).abs() < 0.6, "{slides}");
    for slide in found {
        let image = slide["image"].as_str().expect("an image");
        let (sheet, place) = image.split_once("#xywh=").expect("a place");
        assert!(is_there(sheet) && place.split(',').count() == 4, "{image}");
    }
    let page = place.read("OUT/package/transcript.en.html");
    assert!(
        page.contains("made of glass &amp; water<br>or of diamond</p>"),
        "{page}"
    );
    for name in ["slides.json", "slides/slides.en.vtt", "transcript.en.html"] {
        assert!(
            !place
                .read(&format!("OUT/package/{name}"))
                .contains("Huygens"),
            "{name}"
        );
    }
    let entry = &place.manifest()["slides"][0];
    assert_eq!(entry["role"], "slides");
    assert_eq!(entry["transcript"], "transcript.en.html");

    // What is damaged is found.
    let broken = place
        .read("OUT/package/slides.json")
        .replacen("glass", "brass", 1);
    place.write("OUT/package/slides.json", &broken);
    let checked = place.lecture(&["check", "input=OUT/package"]);
    assert_eq!(checked.status, Some(1), "{checked:?}");
    let report = checked.out + &checked.err;
    assert!(
        report.contains("slides/slides.en.vtt has other text or times"),
        "{report}"
    );

    // Another analysis keeps the approved text.
    place.done(&["analyse", "input=deck.mkv", "output=OUT", "slide-text=true"]);
    assert_eq!(place.read("OUT/drafts/slides.en.vtt"), approved);
}
