// SPDX-License-Identifier: MPL-2.0

use super::*;

fn span(start: u64, end: u64) -> Span {
    Span::new(Time::from_secs(start), Time::from_secs(end))
}

fn said(lines: &[(u64, u64, &str)]) -> Vec<Sentence> {
    let lines = lines.iter();
    let said = lines.map(|&(start, end, text)| Sentence {
        span: Some(span(start, end)),
        text: text.to_owned(),
    });
    said.collect()
}

fn caption(start: u64, end: u64, text: &str) -> Caption {
    Caption {
        span: span(start, end),
        text: text.to_owned(),
    }
}

/// A lecture on two topics, with cues that break sentences.
fn lecture() -> Vec<Sentence> {
    said(&[
        (
            0,
            5,
            "Okay, so can everyone hear me? Please send me an email",
        ),
        (5, 10, "if you have questions about the homework."),
        (
            10,
            16,
            "So, refraction is the change of direction of a wave between two media.",
        ),
        (16, 20, "It depends on that."),
        (
            20,
            26,
            "Glass slows a wave down, which is called the refractive index of",
        ),
        (26, 30, "the medium. Do you see this here?"),
        (
            100,
            108,
            "A lens is a piece of glass whose curved surfaces refract light to a focus.",
        ),
        (
            108,
            114,
            "I went to the beach yesterday and you guys should go there too, really.",
        ),
        (
            114,
            120,
            "The focal length of a lens depends on the refraction at its surfaces.",
        ),
    ])
}

#[test]
fn a_summary_has_whole_sentences_that_are_read_alone() {
    let transcript = lecture();
    let chapters = [caption(0, 100, "Refraction"), caption(100, 120, "Lenses")];
    let summary = summarise(&Source {
        language: Some("en"),
        transcript: &transcript,
        chapters: &chapters,
        ..Source::default()
    });
    let texts: Vec<&str> = summary.sentences.iter().map(|point| &*point.text).collect();
    let refraction = "Refraction is the change of direction of a wave between two media.";
    assert!(texts.contains(&refraction), "{texts:?}");
    for text in &texts {
        let is_good = text.contains("refract") || text.contains("Refraction");
        assert!(is_good && text.ends_with('.'), "{texts:?}");
    }
    let starts: Vec<Time> = summary
        .sentences
        .iter()
        .map(|point| point.span.start)
        .collect();
    assert!(starts.is_sorted());
    assert_eq!(summary.key_points.len(), 2);
    assert!(summary.key_points[0].text.starts_with("Refraction: "));
    assert!(summary.key_points[1].text.starts_with("Lenses: "));
    // The same again: no order of a hash table shows.
    for _ in 0..5 {
        let again = summarise(&Source {
            language: Some("en"),
            transcript: &transcript,
            chapters: &chapters,
            ..Source::default()
        });
        assert_eq!(again, summary);
    }
}

#[test]
fn without_a_transcript_the_key_points_are_what_the_slides_are_about() {
    let chapters = [caption(0, 60, "Optics"), caption(60, 90, "")];
    let titles = [
        caption(0, 20, "Optics"),
        caption(20, 40, "Lenses"),
        caption(40, 60, "Mirrors"),
    ];
    let slides = [caption(20, 40, "Lenses\nmade of curved glass")];
    let summary = summarise(&Source {
        chapters: &chapters,
        titles: &titles,
        slides: &slides,
        ..Source::default()
    });
    assert_eq!(summary.sentences, []);
    let points: Vec<(Span, &str)> = summary
        .key_points
        .iter()
        .map(|point| (point.span, &*point.text))
        .collect();
    let expected = "Optics: Lenses; Mirrors; made of curved glass";
    assert_eq!(points, [(span(0, 60), expected)]);
    assert_eq!(summarise(&Source::default()), Summary::default());
}

#[test]
fn sentences_are_joined_over_cues_and_timed_within_them() {
    let spoken = sentences::join(&lecture());
    let texts: Vec<&str> = spoken.iter().map(|one| &*one.text).collect();
    assert_eq!(
        texts[..3],
        [
            "Okay, so can everyone hear me?",
            "Please send me an email if you have questions about the homework.",
            "So, refraction is the change of direction of a wave between two media.",
        ]
    );
    assert!(spoken[1].span.start > Time::from_secs(2) && spoken[1].span.end == Time::from_secs(10));
    // Speech without punctuation is divided at pauses.
    let bare = said(&[(0, 2, "one two"), (2, 4, "three"), (9, 10, "four [music]")]);
    let spoken = sentences::join(&bare);
    let texts: Vec<&str> = spoken.iter().map(|one| &*one.text).collect();
    assert_eq!(texts, ["one two three", "four"]);
}

#[test]
fn words_that_only_speech_has_are_left_out() {
    let language = Language::new(Some("en"), &[]);
    for (said, expected) in [
        ("So, um, the the lens is round.", "The lens is round."),
        ("And of the of the same kind.", "Of the same kind."),
        ("Well", "Well"),
        ("Dr. Müller's lens", "Dr. Müller's lens"),
    ] {
        assert_eq!(clean::clean(said, &language), expected);
    }
    let spoken = sentences::join(&said(&[(0, 2, "Ask Dr. Who vs. Mr. X. now.")]));
    assert_eq!(spoken.len(), 1);
}
