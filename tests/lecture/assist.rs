// SPDX-License-Identifier: MPL-2.0

//! The summary of a class, and a command of the user's that proposes titles and a summary.

use std::path::Path;

use serde_json::Value;

use crate::harness::keeps_rules;
use crate::harness::place::{Ended, Place};

const TRANSCRIPT: &str = "\
WEBVTT

00:00.500 --> 00:03.000
Balthasar, is the microphone of the room on?

00:03.500 --> 00:07.000
So, refraction is the change of direction of a wave between two media.

00:07.000 --> 00:11.500
The focal length of a lens depends on the refraction at its curved surfaces.
";

/// A real program: it reads the request, and answers as its argument asks.
const PROGRAM: &str = r#"
import json, subprocess, sys, time
asked = json.load(sys.stdin)
kind = sys.argv[1]
first = asked["chapters"][0]["start"]
if kind == "good":
    words = " ".join(part["text"] for part in asked["transcript"])
    assert asked["version"] == 1 and asked["language"] == "en" and "focal length" in words
    print("thinking", file=sys.stderr)
    json.dump({"titles": [{"start": first, "title": "Lenses & <b>waves</b>\u202e"}],
               "summary": [{"start": 3.5, "end": 7, "text": "Light bends."}],
               "key-points": [{"text": "Lenses <script>bend</script> light."}]}, sys.stdout)
elif kind == "prose":
    print("Sure! Here are the chapters: ...")
elif kind == "status":
    print("{}")
    sys.exit(3)
elif kind == "late":
    open("late.pid", "w").write(str(subprocess.Popen(["sleep", "600"]).pid))
    time.sleep(600)
elif kind == "long":
    print("x" * 3_000_000)
elif kind == "many":
    json.dump({"chapters": [{"start": i / 1000, "title": "x"} for i in range(10_000)]}, sys.stdout)
elif kind == "outside":
    json.dump({"summary": [{"start": 99, "text": "Later."}]}, sys.stdout)
"#;

fn make_class() -> Place {
    let place = Place::new();
    place.recording("class.mp4", "12");
    place.write("words.vtt", TRANSCRIPT);
    place.write("assist.py", PROGRAM);
    place
}

const ANALYSE: [&str; 6] = [
    "analyse",
    "input=class.mp4",
    "output=OUT",
    "transcript=words.vtt",
    "language=en",
    "titles=transcript",
];

fn ask(place: &Place, kind: &str, more: &[&'static str]) -> Ended {
    let command = format!("assist-command=python3 assist.py {kind}");
    let arguments = [&ANALYSE, &[&*command][..], more].concat();
    place.lecture(&arguments)
}

const PACKAGE: [&str; 5] = [
    "package",
    "input=class.mp4",
    "output=OUT",
    "preset=ultrafast",
    "captions.en=words.vtt",
];

#[test]
fn a_summary_is_published_once_approved_without_what_is_cut() {
    let place = make_class();
    let answer = place.done(&ANALYSE);
    assert!(answer["summary-points"].as_u64() >= Some(1), "{answer}");
    let draft = place.read("OUT/drafts/summary.md");
    assert!(draft.starts_with("---\nstatus: draft\ninput: "), "{draft}");
    assert!(
        draft.contains("Refraction is the change of direction"),
        "{draft}"
    );
    assert!(!draft.contains("microphone"), "{draft}");

    let packaged = place.lecture(&PACKAGE);
    assert_eq!(packaged.status, Some(0), "{packaged:?}");
    assert!(
        packaged
            .err
            .contains("summary.md is left out: it is not approved"),
        "{packaged:?}"
    );
    assert_eq!(place.manifest()["summary"], Value::Null);

    let head = draft.split("\n---\n").next().expect("a head");
    let head = head.replacen("status: draft", "status: approved\nby: Ada", 1);
    let text = "\n---\n\n# Summary\n\n- [0:00:00.500-0:00:03.000] Balthasar has a microphone.\n\
        - [0:00:03.500-0:00:07.000] Light <i>bends</i>.\n\n# Key points\n\n- Lenses bend it.\n";
    let approved = head + text;
    place.write("OUT/drafts/summary.md", &approved);
    let cut = "WEBVTT\n\n00:00.000 --> 00:02.000\ncut: lobby\n\n00:02.000 --> 00:12.000\nkeep\n";
    place.write("OUT/drafts/trim.vtt", cut);
    place.done(&PACKAGE);
    keeps_rules(&place.path("OUT/package"));
    let manifest = place.manifest();
    let summary = &manifest["summary"];
    assert_eq!(
        summary["sentences"].as_array().map(Vec::len),
        Some(1),
        "{summary}"
    );
    assert_eq!(summary["sentences"][0]["text"], "Light <i>bends</i>.");
    let start = summary["sentences"][0]["start"].as_f64().expect("seconds");
    assert!((start - 1.5).abs() < 0.05, "{summary}");
    assert_eq!(
        summary["key-points"][0],
        serde_json::json!({ "text": "Lenses bend it." })
    );
    let reviews = manifest["review"].as_array().expect("a list");
    let of_summary = reviews.iter().find(|review| review["file"] == "summary.md");
    assert_eq!(of_summary.expect("a review")["by"], "Ada");
    let page = place.read("OUT/package/transcript.en.html");
    assert!(
        page.contains("</time> Light &lt;i&gt;bends&lt;/i&gt;.</li>"),
        "{page}"
    );
    assert!(!page.contains("Balthasar has"), "{page}");

    // Another analysis keeps it; a head that nobody understands is refused.
    place.done(&ANALYSE);
    assert_eq!(place.read("OUT/drafts/summary.md"), approved);
    place.write(
        "OUT/drafts/summary.md",
        &approved.replacen("[0:00:03.500-", "[3.x-", 1),
    );
    place
        .lecture(&PACKAGE)
        .failed(1, &["summary.md", "line 10", "is not a time"]);
}

#[test]
fn a_command_proposes_titles_and_a_summary_but_a_person_has_the_last_word() {
    let place = make_class();
    let asked = ask(&place, "good", &[]);
    assert_eq!(asked.status, Some(0), "{asked:?}");
    let chapters = place.read("OUT/drafts/chapters.vtt");
    assert!(
        chapters.contains("\nLenses &amp; &lt;b&gt;waves&lt;/b&gt;\n"),
        "{chapters}"
    );
    assert!(chapters.contains("status: draft"), "{chapters}");
    let summary = place.read("OUT/drafts/summary.md");
    for text in [
        "status: draft",
        "- [0:00:03.500-0:00:07.000] Light bends.\n",
        "- Lenses <script>bend</script> light.\n",
    ] {
        assert!(summary.contains(text), "{text} in {summary}");
    }
    for change in [
        "title at 0:00: \"Lenses & <b>waves</b>\" in place of",
        "summary: 1 sentence in place of",
        "1 key point in place of",
    ] {
        assert!(asked.err.contains(change), "{change}: {asked:?}");
    }

    let edited = chapters.replacen("Lenses", "Anna's lenses", 1);
    place.write("OUT/drafts/chapters.vtt", &edited);
    let asked = ask(&place, "good", &[]);
    let why = "titles and chapters left out: a person has changed chapters.vtt";
    assert!(asked.err.contains(why), "{asked:?}");
    assert_eq!(place.read("OUT/drafts/chapters.vtt"), edited);
}

#[test]
fn a_command_that_answers_badly_changes_nothing() {
    let place = make_class();
    place.done(&ANALYSE);
    let drafts = ["chapters.vtt", "summary.md"].map(|name| format!("OUT/drafts/{name}"));
    let own = drafts.each_ref().map(|name| place.read(name));
    for (kind, why) in [
        ("prose", "the reply is not as its schema asks"),
        ("status", "it ended with exit status: 3"),
        ("late", "it was ended because its time is over"),
        ("long", "it writes more than"),
        ("many", "chapters: 10000 entries, at most 200"),
        (
            "outside",
            "summary: entry 1: 99 s is outside of the recording",
        ),
        ("unknown", "the reply is not as its schema asks"),
    ] {
        let limit: &[&str] = if kind == "late" {
            &["assist-timeout=2"]
        } else {
            &[]
        };
        let asked = ask(&place, kind, limit);
        assert_eq!(asked.status, Some(0), "{kind}: {asked:?}");
        let warning = format!("warning: assist-command changes nothing: {why}");
        assert_eq!(
            asked.err.matches("warning: assist-command").count(),
            1,
            "{asked:?}"
        );
        assert!(asked.err.contains(&warning), "{warning}: {asked:?}");
        assert_eq!(
            drafts.each_ref().map(|name| place.read(name)),
            own,
            "{kind}"
        );
    }
    // What it had started has ended with it.
    let child = place.read("late.pid");
    let status = std::fs::read_to_string(Path::new("/proc").join(child).join("status"));
    let is_running = status.is_ok_and(|status| !status.contains("State:\tZ"));
    assert!(!is_running);
}
