// SPDX-License-Identifier: MPL-2.0

use proptest::prelude::*;

use super::*;

const MINUTE: u64 = 60;

fn secs(secs: u64) -> Time {
    Time::from_secs(secs)
}

fn slide(at: u64, difference: f64) -> SlideChange {
    SlideChange {
        time: secs(at),
        difference,
        seen_before: false,
        is_camera_cut: false,
    }
}

fn topic(at: u64, confidence: f64) -> TopicStart {
    TopicStart {
        time: secs(at),
        confidence,
    }
}

/// Speech over the whole length but for the pauses, given as start and length in seconds.
fn speech(duration: u64, pauses: &[(u64, u64)]) -> Vec<Span> {
    let mut at = 0;
    let mut spans = Vec::new();
    for &(start, length) in pauses {
        spans.push(Span::new(secs(at), secs(start)));
        at = start + length;
    }
    spans.push(Span::new(secs(at), secs(duration)));
    spans
}

fn starts(chapters: &[Chapter]) -> Vec<u64> {
    chapters
        .iter()
        .map(|chapter| chapter.span.start.millis() / 1000)
        .collect()
}

#[test]
fn nothing_found_is_one_chapter() {
    let material = Material {
        duration: secs(50 * MINUTE),
        speech: speech(50 * MINUTE, &[]),
        ..Material::default()
    };
    let chapters = plan(&material, &Options::default());
    assert_eq!(starts(&chapters), [0]);
    assert_eq!(chapters[0].span.end, material.duration);
    assert_eq!(chapters[0].evidence.to_string(), "start");
    assert!(plan(&Material::default(), &Options::default()).is_empty());
}

#[test]
fn a_topic_starts_with_its_slide_and_builds_start_nothing() {
    let material = Material {
        duration: secs(20 * MINUTE),
        slides: (1..40)
            .map(|n| slide(n * 30, if n % 10 == 0 { 0.3 } else { 0.01 }))
            .collect(),
        speech: speech(20 * MINUTE, &[(298, 3), (597, 3)]),
        topics: vec![topic(292, 0.8), topic(611, 0.8)],
        ..Material::default()
    };
    let chapters = plan(&material, &Options::default());
    assert_eq!(&starts(&chapters)[..3], [0, 300, 600]);
    assert_eq!(chapters[1].evidence.to_string(), "slide,pause,topic");
    assert!(chapters[1].confidence > 0.9);
    assert!(starts(&chapters).iter().all(|start| start % 300 == 0));
}

#[test]
fn a_camera_cut_starts_a_chapter_only_with_something_else() {
    let cut = |at| SlideChange {
        is_camera_cut: true,
        ..slide(at, 1.0)
    };
    let mut material = Material {
        duration: secs(40 * MINUTE),
        slides: (1..40).map(|n| cut(n * 60)).collect(),
        speech: speech(40 * MINUTE, &[]),
        ..Material::default()
    };
    assert_eq!(starts(&plan(&material, &Options::default())), [0]);
    // A long pause, and a new topic.
    material.speech = speech(40 * MINUTE, &[(715, 6)]);
    material.topics = vec![topic(1500, 0.9)];
    let chapters = plan(&material, &Options::default());
    assert_eq!(starts(&chapters), [0, 720, 1500]);
    assert_eq!(chapters[1].evidence.to_string(), "slide,pause");
}

#[test]
fn words_alone_start_a_chapter_after_the_pause() {
    let material = Material {
        duration: secs(30 * MINUTE),
        speech: speech(30 * MINUTE, &[(903, 2)]),
        topics: vec![topic(902, 0.9), topic(1300, 0.1)],
        ..Material::default()
    };
    let chapters = plan(&material, &Options::default());
    assert_eq!(starts(&chapters), [0, 905]);
    assert_eq!(chapters[1].evidence.to_string(), "pause,topic");
}

#[test]
fn a_slide_shown_again_outweighs_another() {
    let mut material = Material {
        duration: secs(12 * MINUTE),
        slides: vec![slide(340, 0.2), slide(370, 0.2)],
        ..Material::default()
    };
    material.slides[1].seen_before = true;
    let chapters = plan(&material, &Options::default());
    assert_eq!(starts(&chapters), [0, 370]);
}

#[test]
fn a_page_turned_between_sentences_outweighs_one_turned_within() {
    let slides = vec![slide(340, 0.2), slide(370, 0.2)];
    let pause = Span::new(Time::from_millis(369_400), Time::from_millis(370_300));
    let material = Material {
        duration: secs(12 * MINUTE),
        slides,
        speech: vec![
            Span::new(Time::ZERO, pause.start),
            Span::new(pause.end, secs(12 * MINUTE)),
        ],
        ..Material::default()
    };
    assert_eq!(starts(&plan(&material, &Options::default())), [0, 370]);
}

#[test]
fn a_page_turned_while_nobody_goes_on_says_nothing() {
    // Three pages are turned in silence; what is said next goes with the last one.
    let material = Material {
        duration: secs(12 * MINUTE),
        slides: vec![slide(300, 0.2), slide(310, 0.2), slide(319, 0.2)],
        speech: speech(12 * MINUTE, &[(290, 30)]),
        ..Material::default()
    };
    assert_eq!(starts(&plan(&material, &Options::default())), [0, 319]);
}

#[test]
fn a_long_break_is_a_chapter_by_itself() {
    let material = Material {
        duration: secs(40 * MINUTE),
        speech: speech(40 * MINUTE, &[(1200, 90)]),
        ..Material::default()
    };
    assert_eq!(starts(&plan(&material, &Options::default())), [0, 1290]);
}

#[test]
fn a_short_class_has_short_chapters_and_none_outside() {
    let material = Material {
        duration: secs(400),
        class: Some(Span::new(secs(90), secs(330))),
        slides: vec![
            slide(60, 0.9),
            slide(170, 0.3),
            slide(250, 0.3),
            slide(350, 0.9),
        ],
        topics: vec![topic(168, 0.9), topic(252, 0.9)],
        ..Material::default()
    };
    assert_eq!(starts(&plan(&material, &Options::default())), [0, 170, 250]);
}

#[test]
fn less_sensitivity_gives_no_more_chapters() {
    let material = Material {
        duration: secs(60 * MINUTE),
        slides: (1..30)
            .map(|n| slide(n * 117, 0.05 * (n % 5) as f64))
            .collect(),
        speech: speech(60 * MINUTE, &[(700, 3), (1600, 5), (2500, 2)]),
        topics: vec![topic(700, 0.7), topic(1450, 0.5), topic(2600, 0.6)],
        ..Material::default()
    };
    let found: Vec<usize> = [0.0, 0.25, 0.5, 0.75, 1.0]
        .into_iter()
        .map(|sensitivity| {
            let options = Options {
                sensitivity,
                ..Options::default()
            };
            plan(&material, &options).len()
        })
        .collect();
    assert!(found.is_sorted(), "{found:?}");
    assert!(found[0] < found[4] && found[4] <= 14, "{found:?}");
}

#[test]
fn chapters_are_named_from_what_is_said_in_them() {
    let said = |start: u64, text: &str| Sentence {
        span: Some(Span::new(secs(start), secs(start + 10))),
        text: text.to_owned(),
    };
    let mut sentences = Vec::new();
    for n in 0..10 {
        sentences.push(said(n * 10, "The water cycle begins where rain falls."));
        sentences.push(said(200 + n * 10, "Now a magnetic field bends the beam."));
    }
    sentences.sort_by_key(|sentence| sentence.span);
    let mut material = Material {
        duration: secs(400),
        ..Material::default()
    };
    material.topics = vec![topic(200, 0.95)];
    let mut chapters = plan(&material, &Options::default());
    name(&mut chapters, &sentences, Some("en"));
    let titles: Vec<String> = chapters
        .iter()
        .enumerate()
        .map(|(index, chapter)| chapter.shown_title(index))
        .collect();
    assert!(
        titles[0].to_lowercase().contains("water cycle"),
        "{titles:?}"
    );
    assert!(
        titles[1].to_lowercase().contains("magnetic field"),
        "{titles:?}"
    );

    name(&mut chapters, &[], None);
    assert!(chapters.iter().all(Chapter::needs_title));
    assert_eq!(chapters[1].shown_title(1), "Chapter 2");
}

fn shown(start: u64, end: u64, title: &str) -> Shown {
    Shown {
        span: Span::new(secs(start), secs(end)),
        title: titles::Title {
            text: title.to_owned(),
            number: None,
            confidence: 0.9,
        },
    }
}

#[test]
fn a_slide_with_a_new_title_outweighs_one_that_goes_on() {
    let mut material = Material {
        duration: secs(12 * MINUTE),
        slides: vec![slide(340, 0.2), slide(370, 0.2)],
        ..Material::default()
    };
    material.titles = vec![
        shown(0, 340, "Filters"),
        shown(340, 370, "FILTERS:"),
        shown(370, 720, "Edges"),
    ];
    let chapters = plan(&material, &Options::default());
    assert_eq!(starts(&chapters), [0, 370]);
    assert_eq!(chapters[1].evidence.to_string(), "slide,title");
    material.titles[1].title.text = "Kernel functions".to_owned();
    material.titles[2].title.text = "Kernel function".to_owned();
    assert_eq!(starts(&plan(&material, &Options::default())), [0, 340]);
}

#[test]
fn a_chapter_has_the_title_of_the_slide_with_which_it_begins() {
    let chapter = |start: u64, end: u64| Chapter {
        span: Span::new(secs(start), secs(end)),
        title: Some("something said".to_owned()),
        confidence: 0.8,
        evidence: Evidence::default(),
    };
    let mut chapters = [
        chapter(0, 300),
        chapter(300, 600),
        chapter(600, 900),
        chapter(900, 1200),
    ];
    let titles = [
        // The lobby page has none.
        shown(120, 298, "Welcome"),
        shown(298, 304, "Left over"),
        shown(304, 700, "Filters"),
        shown(700, 800, "Edges"),
    ];
    name_from_slides(&mut chapters, &titles);
    let named: Vec<&str> = chapters
        .iter()
        .filter_map(|chapter| chapter.title.as_deref())
        .collect();
    // The third one begins on the slide of the second one.
    assert_eq!(named, ["Welcome", "Filters", "Filters", "something said"]);
    chapters[2].span.start = secs(650);
    name_from_slides(&mut chapters, &titles);
    assert_eq!(chapters[2].title.as_deref(), Some("Edges"));
}

prop_compose! {
    fn any_material()(
        duration in 1u64..20_000,
        slides in prop::collection::vec((0u64..20_000, -0.5f64..1.5, any::<bool>(), any::<bool>()), 0..60),
        speech in prop::collection::vec((0u64..20_000, 0u64..100), 0..60),
        topics in prop::collection::vec((0u64..20_000, -0.5f64..1.5), 0..20),
        class in prop::option::of((0u64..20_000, 0u64..20_000)),
    ) -> Material {
        let mut material = Material {
            duration: secs(duration),
            class: class.map(|(start, length)| Span::new(secs(start), secs(start + length))),
            slides: slides.into_iter().map(|(at, difference, seen_before, is_camera_cut)| SlideChange {
                is_camera_cut,
                time: secs(at), difference, seen_before,
            }).collect(),
            speech: speech.into_iter().map(|(at, length)| Span::new(secs(at), secs(at + length))).collect(),
            topics: topics.into_iter().map(|(at, confidence)| topic(at, confidence)).collect(),
            titles: Vec::new(),
        };
        material.slides.sort_by_key(|slide| slide.time);
        material.speech.sort();
        material.topics.sort_by_key(|topic| topic.time);
        material
    }
}

proptest! {
    #[test]
    fn chapters_cover_the_recording_and_keep_their_limits(
        material in any_material(),
        min_chapter in 0u64..600,
        max_per_hour in 0u32..20,
        sensitivity in -0.5f64..1.5,
    ) {
        let options = Options { min_chapter: secs(min_chapter), max_per_hour, sensitivity };
        let chapters = plan(&material, &options);
        prop_assert_eq!(chapters[0].span.start, Time::ZERO);
        prop_assert_eq!(chapters[chapters.len() - 1].span.end, material.duration);
        prop_assert!(chapters.windows(2).all(|pair| pair[0].span.end == pair[1].span.start));
        let hours = (material.duration.secs_f64() / 3600.0).max(1.0);
        prop_assert!(chapters.len() <= ((hours * f64::from(max_per_hour)) as usize).max(1));
        let whole = Span::new(Time::ZERO, material.duration);
        let class = material.class.and_then(|class| class.intersection(whole)).unwrap_or(whole);
        let shortest = secs(min_chapter)
            .min(Time::from_nanos(class.duration().nanos() / 10))
            .max(secs(10));
        if chapters.len() > 1 {
            prop_assert!(chapters.iter().all(|chapter| chapter.span.duration() >= shortest));
            prop_assert!(chapters[1..].iter().all(|chapter| class.contains(chapter.span.start)));
        }
        prop_assert!(chapters.iter().all(|chapter| (0.0..=1.0).contains(&chapter.confidence)));
        prop_assert_eq!(&chapters, &plan(&material, &options));
    }
}
