// SPDX-License-Identifier: MPL-2.0

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::edit::Review;
use crate::timeline::Span;

fn read(cues: &str) -> Result<LayoutDraft, Vec<String>> {
    let text = format!("WEBVTT\n\n{cues}");
    LayoutDraft::read(
        text.as_bytes(),
        Some(ms(60_000)),
        Some(&["p01", "p02", "Ada Lovelace"]),
    )
    .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

#[test]
fn errors_name_the_line_and_what_to_do() {
    let grid = "00:10.000 --> 00:20.000\nlayout: grid\n\n";
    for (cues, words) in [
        (
            "00:00.000 --> 00:01.000\nlayout: mosaic\n".to_owned(),
            "line 3: the layout \"mosaic\" is unknown; use grid",
        ),
        (
            "00:00.000 --> 00:01.000\nstage: p01\n".to_owned(),
            "line 3: \"stage: p01\" is unknown; write layout: NAME",
        ),
        (
            "00:00.000 --> 00:01.000\nspeaker:\n".to_owned(),
            "line 3: \"speaker:\" is unknown",
        ),
        (
            "00:00.000 --> 00:01.000\nspeaker: bob\n".to_owned(),
            "line 3: no participant \"bob\"",
        ),
        (
            "00:00.000 --> 00:01.000\nscreen: bob\n".to_owned(),
            "line 3: no participant \"bob\"",
        ),
        (
            "00:00.000 --> 00:01.000\nspeaker: p01\nspeaker: p02\n".to_owned(),
            "line 3: the cue has two lines speaker",
        ),
        (
            "00:00.000 --> 01:10.000\nspeaker: p01\n".to_owned(),
            "line 3: the cue ends at 00:01:10.000, the session at 00:01:00.000",
        ),
        (
            format!("{grid}00:15.000 --> 00:30.000\nlayout: slides\n"),
            "line 6: the cue overlaps the cue of line 3 and has another layout",
        ),
        (
            "00:00.000 -> 00:01.000\nlayout: grid\n".to_owned(),
            "line 3: \"00:00.000 -> 00:01.000\" belongs to no cue",
        ),
        (
            format!("NOTE status: ok\n\n{grid}"),
            "line 3: the status \"ok\"",
        ),
    ] {
        let errors = read(&cues).expect_err("an error");
        assert!(errors[0].starts_with(words), "{errors:?}");
        assert_eq!(errors.len(), 1, "{errors:?}");
    }
    let two = "00:01.000 --> 00:02.000\nlayout: x\n\n00:03.000 --> 00:04.000\nlayout: y\n";
    assert_eq!(read(two).expect_err("errors").len(), 2);
    assert!(LayoutDraft::read(b"layout: grid", None, None).is_err());
}

#[test]
fn cues_may_overlap_if_they_decide_different_things() {
    let draft = read(
        "00:00.000 --> 00:30.000\nLayout: slides-light\n\n00:10.000 --> 00:20.000\n\
         speaker: Ada Lovelace\nscreen: none\n\n00:20.000 --> 00:40.000\nscreen: p01\n",
    )
    .expect("a draft");
    let at_15 = draft.decision_at(ms(15_000));
    assert_eq!(at_15.layout, "slides-light".parse().ok());
    assert_eq!(at_15.speaker.as_deref(), Some("Ada Lovelace"));
    assert_eq!(at_15.screen, Some(ScreenChoice::Hidden));
    assert_eq!(draft.decision_at(ms(20_000)).speaker, None);
    assert_eq!(draft.next_boundary(ms(20_000)), Some(ms(30_000)));
}

#[test]
fn a_director_follows_a_corrected_draft() {
    let mut events = people(3);
    events.push(at(0, publish("p01", Source::Screen)));
    events.push(at(1000, speaking("p01", true)));
    let draft = read(
        "00:10.000 --> 00:20.000\nspeaker: p02\n\n00:20.000 --> 00:30.000\nlayout: grid\n\
         screen: none\n\n00:30.000 --> 00:31.000\nspeaker: Ada Lovelace\n",
    )
    .expect("a draft");
    let shown = pictures(
        director("slides", 1280, 720).following(Arc::new(draft)),
        &events,
    );
    let found: Vec<(u64, String, &str, usize)> = shown
        .iter()
        .map(|(time, picture)| {
            let speaker = picture.speaker.as_deref().unwrap_or_default();
            (
                time.millis(),
                picture.layout.to_string(),
                speaker,
                picture.tiles.len(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (0, "slides".to_owned(), "p01", 2),
            (10_000, "slides".to_owned(), "p02", 2),
            (20_000, "grid".to_owned(), "p01", 3),
            // Ada Lovelace is not in the room.
            (30_000, "slides".to_owned(), "p01", 2),
        ]
    );
}

#[test]
fn following_its_own_draft_a_director_shows_the_same() {
    let mut events = people(4);
    for (time, change) in [
        (2000, speaking("p02", true)),
        (8000, publish("p03", Source::Screen)),
        (9000, speaking("p02", false)),
        (10_000, speaking("p04", true)),
        (15_000, unpublish("p03", Source::Screen)),
    ] {
        events.push(at(time, change));
    }
    let own = pictures(director("speaker", 1280, 720), &events);
    let draft = LayoutDraft::from_pictures(Some(Review::default()), &own, ms(20_000));
    let draft = LayoutDraft::read(draft.to_string().as_bytes(), None, None).expect("a draft");
    assert_eq!(draft.entries.len(), 5);
    let followed = pictures(
        director("speaker", 1280, 720).following(Arc::new(draft)),
        &events,
    );
    assert_eq!(followed, own);
}

#[test]
fn a_draft_explains_how_to_correct_it() {
    let draft = LayoutDraft::from_pictures(
        Some(Review::default()),
        &pictures(director("grid", 1280, 720), &people(1)),
        ms(2000),
    );
    let text = draft.to_string();
    assert!(
        text.starts_with("WEBVTT\n\nNOTE\nstatus: draft\n\nNOTE\nEach cue decides"),
        "{text}"
    );
    assert!(
        text.ends_with("\n\n00:00:00.000 --> 00:00:02.000\nlayout: grid\nspeaker: p01\n"),
        "{text}"
    );
}

fn any_decision() -> impl Strategy<Value = Decision> {
    let id = "[a-zA-Z&<>:-]{1,8}( [a-z]{1,3})?";
    let layout = prop::sample::select(vec!["grid", "speaker-light", "slides", "custom"]);
    let screen = prop_oneof![
        Just(ScreenChoice::Hidden),
        id.prop_filter("none hides screens", |id| id != "none")
            .prop_map(ScreenChoice::Of)
    ];
    let decision = (layout, prop::option::of(id), prop::option::of(screen));
    decision.prop_map(|(layout, speaker, screen)| Decision {
        layout: layout.parse().ok(),
        speaker,
        screen,
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(
        decisions in prop::collection::vec((any_decision(), 1u64..100_000), 1..8))
    {
        let mut start = 0;
        let entries = decisions.into_iter().map(|(decision, length)| {
            let span = Span::new(ms(start), ms(start + length));
            start += length;
            Entry { span, decision, line: 0 }
        });
        let draft = LayoutDraft { review: None, entries: entries.collect() };
        let mut again = LayoutDraft::read(draft.to_string().as_bytes(), None, None).expect("valid");
        for entry in &mut again.entries {
            entry.line = 0;
        }
        prop_assert_eq!(again, draft);
    }

    #[test]
    fn no_bytes_are_too_odd(text in "(WEBVTT\n\n)?([0-9:.> -]{0,30}\n|layout: |speaker|\\PC{0,9}|\n){0,12}") {
        let _ = LayoutDraft::read(text.as_bytes(), Some(ms(1)), Some(&[]));
    }
}
