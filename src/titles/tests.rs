// SPDX-License-Identifier: MPL-2.0

use proptest::prelude::*;

use super::*;
use crate::timeline::{Span, Time};

/// Heights of a small and a capital letter and one with a descender, and width of a letter, in sizes
/// of the type.
const SMALL: f32 = 0.57;
const CAPITAL: f32 = 0.78;
const WHOLE: f32 = 1.0;
const LETTER: f32 = 0.45;

/// Words of a slide, laid out line by line.
#[derive(Clone, Default)]
struct Page(Vec<Word>);

impl Page {
    /// Adds a line whose type has this size, with its left edge and its middle at this place.
    fn line(self, text: &str, size: f32, (left, middle): (f32, f32)) -> Self {
        self.read_line(text, size, (left, middle), 0.95)
    }

    fn read_line(mut self, text: &str, size: f32, place: (f32, f32), confidence: f32) -> Self {
        let line = self.0.last().map_or(0, |word| word.line + 1);
        let (mut left, middle) = place;
        for text in text.split(' ') {
            let width = text.chars().count() as f32 * LETTER * size;
            let part = match text {
                _ if text.contains(['g', 'j', 'p', 'q', 'y']) => WHOLE,
                _ if text.contains(|c: char| !c.is_lowercase() || "bdfhiklt".contains(c)) => {
                    CAPITAL
                }
                _ => SMALL,
            };
            let high = size * part / 2.0;
            self.0.push(Word {
                text: text.to_owned(),
                left,
                top: middle - high,
                right: left + width,
                bottom: middle + high,
                confidence,
                line,
            });
            left += width + 0.3 * size;
        }
        self
    }

    /// Adds lines of running text below the title.
    fn body(mut self, seed: usize) -> Self {
        for row in 0..4 {
            let text = format!(
                "An item of the list {}",
                "word ".repeat((seed + row) % 3).trim()
            );
            self = self.line(text.trim(), 0.034, (0.15, 0.28 + 0.07 * row as f32));
        }
        self
    }
}

fn titles(pages: &[Page]) -> Vec<Option<Title>> {
    let words: Vec<Vec<Word>> = pages.iter().map(|page| page.0.clone()).collect();
    choose(&words)
}

/// Returns the titles that are certain.
fn sure(pages: &[Page]) -> Vec<Option<String>> {
    let sure = titles(pages).into_iter();
    sure.map(|title| title.filter(Title::is_sure).map(|title| title.text))
        .collect()
}

fn one(page: Page) -> Option<String> {
    sure(&[page]).remove(0)
}

#[test]
fn the_large_line_at_the_top_is_the_title() {
    let page = Page::default()
        .line("Digital Audio Systems", 0.022, (0.1, 0.04))
        .line("Sampling and Reconstruction", 0.06, (0.1, 0.12))
        .body(1);
    assert_eq!(one(page).as_deref(), Some("Sampling and Reconstruction"));
}

#[test]
fn lines_of_a_title_are_joined_and_a_subtitle_is_not() {
    let page = Page::default()
        .line("Service and Operations", 0.06, (0.1, 0.1))
        .line("Planning Definitions", 0.06, (0.1, 0.175))
        .line("Service Planning", 0.045, (0.1, 0.26))
        .body(0);
    let title = one(page);
    assert_eq!(
        title.as_deref(),
        Some("Service and Operations Planning Definitions")
    );
}

#[test]
fn a_title_alone_on_its_page_counts_in_the_middle_too() {
    let page = Page::default().line("Neural Networks", 0.08, (0.5, 0.42));
    assert_eq!(one(page).as_deref(), Some("Neural Networks"));
}

#[test]
fn what_stays_from_slide_to_slide_is_no_title() {
    let names = [
        "Forces", "Motion", "Energy", "Momentum", "Rotation", "Waves", "Optics",
    ];
    let pages: Vec<Page> = names
        .iter()
        .enumerate()
        .map(|(number, name)| {
            Page::default()
                .line("physics.pdf - Viewer", 0.03, (0.6, 0.02))
                .line("PHYSICS ONE", 0.05, (1.2, 0.06))
                .line(&format!("The Laws of {name}"), 0.055, (0.1, 0.13))
                .line(&format!("{number} / 7"), 0.03, (1.6, 0.6))
                .body(number)
        })
        .collect();
    let expected: Vec<Option<String>> = names
        .iter()
        .map(|name| Some(format!("The Laws of {name}")))
        .collect();
    assert_eq!(sure(&pages), expected);
    // The same without titles: the viewer's bar and the course are none.
    let bare: Vec<Page> = (0..7)
        .map(|number| {
            Page::default()
                .line("physics.pdf - Viewer", 0.03, (0.6, 0.02))
                .line("PHYSICS ONE", 0.05, (1.2, 0.06))
                .body(number)
        })
        .collect();
    assert_eq!(sure(&bare), vec![None; 7]);
}

#[test]
fn a_title_of_several_slides_stays_a_title() {
    let page = |title: &str, seed| Page::default().line(title, 0.06, (0.1, 0.12)).body(seed);
    let pages = [
        page("Introduction", 0),
        page("Histograms of Images", 1),
        page("Histograms of Images", 2),
        page("Histograms of Imagcs", 0),
        page("Filters and Kernels", 1),
    ];
    let expected = [
        "Introduction",
        "Histograms of Images",
        "Histograms of Images",
        "Histograms of Images",
        "Filters and Kernels",
    ];
    let found: Vec<Option<String>> = sure(&pages);
    assert_eq!(found, expected.map(|title| Some(title.to_owned())));
}

#[test]
fn a_large_figure_is_not_the_title() {
    let page = Page::default()
        .line("Growth of Cities", 0.055, (0.1, 0.1))
        .line("GOALS", 0.06, (0.9, 0.35))
        .line("STANDARDS", 0.06, (0.9, 0.5))
        .body(1);
    assert_eq!(one(page).as_deref(), Some("Growth of Cities"));
}

#[test]
fn programs_terminals_and_textures_have_no_title() {
    let mut code = Page::default().line("stack.py - Editor", 0.024, (0.1, 0.02));
    let mut terminal = Page::default();
    let mut photograph = Page::default();
    for row in 0..18 {
        let at = (0.1, 0.06 + 0.03 * row as f32);
        code = code.line("self.items[key] = {\"a\": (value or None)}", 0.026, at);
        terminal = terminal.line("user@host:~/src$ ls -la | grep target", 0.028, at);
        photograph = photograph.read_line("ii WT ~ae", 0.03 + 0.003 * row as f32, at, 0.3);
    }
    for page in [code, terminal, photograph, Page::default()] {
        assert_eq!(one(page), None);
    }
}

#[test]
fn a_misread_word_within_a_title_makes_it_doubtful() {
    let mut page = Page::default().line("The Relation of Word Lengths", 0.06, (0.1, 0.12));
    page.0[1].confidence = 0.1;
    assert_eq!(one(page.body(1)), None);
}

#[test]
fn other_scripts_have_titles_in_their_own_order() {
    let mut page = Page::default();
    for (index, word) in ["フー", "リエ", "変換"].into_iter().enumerate() {
        page = page.line(word, 0.06, (0.1 + 0.07 * index as f32, 0.12));
        page.0[index].right = page.0[index].left + 0.065;
        page.0[index].line = 0;
    }
    assert_eq!(one(page.body(1)).as_deref(), Some("フーリエ変換"));
    // Words of a line are in reading order; their boxes go to the left.
    let mut page = Page::default().line("משפט הדגימה", 0.06, (1.2, 0.12));
    page.0[1].left = 0.9;
    page.0[1].right = 1.18;
    assert_eq!(one(page).as_deref(), Some("משפט הדגימה"));
}

#[test]
fn a_table_of_words_is_read_and_rubbish_is_skipped() {
    let sheet = Sheet::of_frame(1280, 720, &[0; 1280 * 720]).expect("a sheet");
    let table = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n\
        4\t1\t1\t1\t1\t0\t10\t10\t99\t99\t-1\t\n\
        5\t1\t1\t1\t1\t1\t72\t36\t144\t36\t96.5\tTeam\n\
        5\t1\t1\t1\t1\t2\t230\t36\t90\t36\t91\tDy\u{202e}namics\n\
        5\t1\t1\t1\t2\t1\t230\t90\t90\t36\t300\tNext\n\
        5\t1\t1\t1\t2\t2\t230\t90\tNaN\t36\t91\tx\n\
        5\t1\t1\t1\t2\t2\t230\t90\t-4\t36\t91\tx\n\
        5\t1\t1\n\n5\t\t\t\t\t\t\t\t\t\t\t";
    let words = read_tsv(table, &sheet);
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(texts, ["Team", "Dynamics", "Next"]);
    assert_eq!((words[0].left, words[0].top), (0.1, 0.05));
    assert_eq!((words[0].right, words[0].bottom), (0.3, 0.1));
    assert_eq!([words[0].line, words[1].line, words[2].line], [0, 0, 1]);
    assert_eq!(words[2].confidence, 1.0);
}

#[test]
fn titles_last_from_change_to_change_and_come_back_with_their_slide() {
    let secs = Time::from_secs;
    let reading = |at, title: &str| Reading {
        time: secs(at),
        words: Page::default().line(title, 0.06, (0.1, 0.12)).body(1).0,
        is_again: false,
    };
    let start = |at, same_as: Option<u64>| SlideStart {
        time: secs(at),
        same_as: same_as.map(secs),
    };
    let starts = [start(60, None), start(120, None), start(180, Some(60))];
    let readings = [reading(62, "Agenda"), reading(4, "Welcome Everybody")];
    let shown = over_time(&starts, &readings, secs(240));
    let found: Vec<(Span, &str)> = shown
        .iter()
        .map(|shown| (shown.span, shown.title.text.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (Span::new(Time::ZERO, secs(60)), "Welcome Everybody"),
            (Span::new(secs(60), secs(120)), "Agenda"),
            (Span::new(secs(180), secs(240)), "Agenda"),
        ]
    );
}

#[test]
fn a_page_that_comes_between_two_changes_ends_the_title_before() {
    let secs = Time::from_secs;
    let reading = |at, title: &str| Reading {
        time: secs(at),
        words: Page::default().line(title, 0.06, (0.1, 0.12)).body(1).0,
        is_again: false,
    };
    let nothing = Reading {
        time: secs(30),
        words: Vec::new(),
        is_again: false,
    };
    let readings = [
        reading(3, "Forming"),
        nothing,
        reading(50, "Storming"),
        reading(60, "STORMING"),
        reading(80, "Performing"),
    ];
    let shown = over_time(&[], &readings, secs(100));
    let found: Vec<(u64, u64, &str)> = shown
        .iter()
        .map(|shown| {
            let seconds = |time: Time| time.millis() / 1000;
            let span = shown.span;
            (
                seconds(span.start),
                seconds(span.end),
                shown.title.text.as_str(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (0, 30, "Forming"),
            (50, 80, "Storming"),
            (80, 100, "Performing")
        ]
    );
}

#[test]
fn a_title_with_a_gap_is_read_again_alone() {
    let sheet = Sheet::of_frame(1280, 720, &[255; 1280 * 720]).expect("a sheet");
    let whole = Page::default().line("Setting Load Standards", 0.06, (0.1, 0.12));
    let mut gap = whole.clone().body(1);
    gap.0.remove(1);
    let mut seen = Vec::new();
    let words = read(&sheet, |sheet, arrangement| {
        seen.push((sheet.place(0.0, 0.0).1, arrangement));
        Ok::<_, ()>(match arrangement {
            Arrangement::Scattered => gap.0.clone(),
            Arrangement::Block => whole.0.clone(),
        })
    });
    let title = choose(&[words.expect("words")]).remove(0);
    assert_eq!(
        title.map(|title| title.text).as_deref(),
        Some("Setting Load Standards")
    );
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], (0.0, Arrangement::Scattered));
    assert!(seen[1].0 > 0.05 && seen[1].1 == Arrangement::Block);
}

#[test]
fn a_page_without_a_title_is_read_twice_and_a_failure_ends_it() {
    let sheet = Sheet::of_frame(640, 360, &[90; 640 * 360]).expect("a sheet");
    let mut count = 0;
    let words = read(&sheet, |_, _| {
        count += 1;
        Ok::<_, ()>(Vec::new())
    });
    assert_eq!((words, count), (Ok(Vec::new()), 2));
    assert_eq!(read(&sheet, |_, _| Err("broken")), Err("broken"));
}

prop_compose! {
    fn any_word()(
        text in "[A-Za-z0-9=({ア변א.-]{1,12}",
        place in (-0.5f32..2.5, -0.5f32..1.5),
        size in (-0.1f32..0.5, 0.0f32..0.5),
        confidence in 0.0f32..=1.0,
        line in 0usize..6,
    ) -> Word {
        let ((left, top), (width, height)) = (place, size);
        Word { text, left, top, right: left + width, bottom: top + height, confidence, line }
    }
}

proptest! {
    #[test]
    fn any_words_give_titles_within_their_limits(
        slides in prop::collection::vec(prop::collection::vec(any_word(), 0..25), 0..8),
    ) {
        let titles = choose(&slides);
        prop_assert_eq!(titles.len(), slides.len());
        for title in titles.iter().flatten() {
            prop_assert!(title.text.chars().count() <= MAX_TITLE);
            prop_assert!((0.0..=1.0).contains(&title.confidence));
        }
        prop_assert_eq!(titles, choose(&slides));
    }

    #[test]
    fn the_size_of_the_frame_does_not_matter(factor in 0.6f32..1.0, shift in 0.0f32..0.1) {
        let mut page = Page::default().line("Sampling and Aliasing", 0.06, (0.1, 0.12)).body(1);
        for word in &mut page.0 {
            word.left = word.left * factor + shift;
            word.right = word.right * factor + shift;
            word.top = word.top * factor + shift;
            word.bottom = word.bottom * factor + shift;
        }
        let title = one(page);
        prop_assert_eq!(title.as_deref(), Some("Sampling and Aliasing"));
    }

    #[test]
    fn any_table_is_read(table in "[0-9\\t\\n a-z.-]{0,300}") {
        let sheet = Sheet::of_frame(8, 8, &[0; 64]).expect("a sheet");
        read_tsv(&table, &sheet);
    }
}

#[test]
fn short_words_stay_in_a_line_whose_other_words_touch_a_rule() {
    // As Tesseract reads a title just above the edge of its bar: left, top, width, height in pixels.
    let read = [
        ("We", 23, 26, 42, 20),
        ("can", 77, 32, 43, 14),
        ("do", 134, 24, 30, 22),
        ("perfect", 178, 24, 89, 27),
        ("phylogeny", 280, 24, 129, 38),
        ("haplotyping", 423, 24, 150, 38),
        ("efficiently,", 585, 24, 129, 38),
        // A logo.
        ("ab", 880, 24, 30, 22),
    ];
    let words: Vec<Word> = read
        .iter()
        .map(|&(text, left, top, width, height)| {
            let part = |pixels: u16| f32::from(pixels) / 1280.0;
            Word {
                text: text.to_owned(),
                left: part(left),
                top: part(top),
                right: part(left + width),
                bottom: part(top + height),
                confidence: 0.96,
                line: 0,
            }
        })
        .collect();
    let lines: Vec<String> = lines::group(&words).iter().map(lines::Line::text).collect();
    let line = "We can do perfect phylogeny haplotyping efficiently,";
    assert!(lines.contains(&line.to_owned()), "{lines:?}");
}

/// Returns what was read at a time, and whether of the end of a slide.
fn seen(at: u64, page: Page, is_again: bool) -> Reading {
    Reading {
        time: Time::from_secs(at),
        words: page.0,
        is_again,
    }
}

#[test]
fn the_text_of_a_slide_is_all_that_it_shows_at_its_end_without_what_is_on_every_slide() {
    let secs = Time::from_secs;
    let page = |number: usize, title: &str| {
        Page::default()
            .line("Physics for Everybody", 0.025, (0.05, 0.03))
            .line(title, 0.06, (0.1, 0.12))
            .line(&format!("{number} of 5"), 0.025, (1.6, 0.97))
    };
    let item =
        |page: Page, text: &str, row: usize| page.line(text, 0.034, (0.15, 0.5 + 0.1 * row as f32));
    let lenses = item(page(2, "Lenses and Mirrors"), "made of glass", 0);
    let built = item(lenses.clone(), "or of water", 4);
    let readings = [
        seen(2, item(page(1, "Waves"), "known since Huygens", 0), false),
        seen(32, lenses, false),
        seen(58, built, true),
        seen(62, item(page(3, "The Eye"), "nerves", 1), false),
        // A photograph.
        seen(
            92,
            Page::default().read_line("~ =| Wie", 0.03, (0.4, 0.6), 0.3),
            false,
        ),
    ];
    let start = |at, same_as: Option<u64>| SlideStart {
        time: secs(at),
        same_as: same_as.map(secs),
    };
    let starts = [
        start(30, None),
        start(60, None),
        start(90, None),
        start(120, Some(30)),
    ];
    let texts = text_over_time(&starts, &readings, secs(150));
    let found: Vec<(u64, u64, String)> = texts
        .iter()
        .map(|text| {
            let seconds = |time: Time| time.millis() / 1000;
            let (start, end) = (seconds(text.span.start), seconds(text.span.end));
            (start, end, text.lines.join("/"))
        })
        .collect();
    let lenses = "Lenses and Mirrors/made of glass/or of water".to_owned();
    let expected = [
        (0, 30, "Waves/known since Huygens".to_owned()),
        (30, 60, lenses.clone()),
        (60, 90, "The Eye/nerves".to_owned()),
        (120, 150, lenses),
    ];
    assert_eq!(found, expected);
    // The end of a slide names no other title.
    let titles = over_time(&starts, &readings, secs(150));
    assert_eq!(titles.len(), 4);
}

#[test]
fn a_page_in_the_place_of_another_has_a_time_of_its_own() {
    let body = |text: &str| Page::default().line(text, 0.05, (0.1, 0.4));
    let readings = [
        seen(3, body("first page"), false),
        seen(20, body("something else"), false),
        seen(40, body("something else"), false),
    ];
    let texts = text_over_time(&[], &readings, Time::from_secs(60));
    let starts: Vec<u64> = texts
        .iter()
        .map(|text| text.span.start.millis() / 1000)
        .collect();
    assert_eq!(starts, [0, 20], "{texts:?}");
}
