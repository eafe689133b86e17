// SPDX-License-Identifier: MPL-2.0

//! Draft descriptions: the titles of slides that nobody says, each in a pause of the speech.

use std::collections::HashSet;

use super::{FASTEST, RAMP, gaps, speaking_time};
use crate::timeline::{CutList, Span, Time};
use crate::topics::{Sentence, SpokenWords};
use crate::webvtt::{Block, Cue, Document};

/// Time before a slide in which its title may be said: it is often announced.
const BEFORE: Time = Time::from_secs(15);
/// Time after the start of a slide in which its title may be said.
const AFTER: Time = Time::from_secs(60);
/// Latest start of a description after that of its slide: a later one describes the past.
const LATEST: Time = Time::from_secs(60);

/// The word before a slide's title, by language.
const SLIDE: [(&str, &str); 12] = [
    ("en", "Slide"),
    ("da", "Dias"),
    ("de", "Folie"),
    ("es", "Diapositiva"),
    ("fr", "Diapositive"),
    ("it", "Diapositiva"),
    ("ja", "スライド"),
    ("nl", "Dia"),
    ("pl", "Slajd"),
    ("pt", "Slide"),
    ("sv", "Bild"),
    ("zh", "幻灯片"),
];

/// A slide whose title was read, and the time for which it is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slide {
    pub span: Span,
    pub title: String,
}

/// What is known of a class. Times are those of the recording.
#[derive(Clone, Copy, Debug)]
pub struct Class<'a> {
    /// Slides in order of time.
    pub slides: &'a [Slide],
    /// The transcript.
    pub said: &'a [Sentence],
    /// Detected speech, sorted and disjoint.
    pub speech: &'a [Span],
    /// Published spans.
    pub cuts: &'a CutList,
    /// Language of the class as a BCP 47 tag.
    pub language: Option<&'a str>,
    /// End of the recording.
    pub end: Time,
}

/// A draft description.
#[derive(Clone, PartialEq, Debug)]
pub struct Drafted {
    pub cue: Cue,
    /// Whether no pause is long enough for it.
    pub is_extended: bool,
}

/// Drafts a description for each slide whose title is new and is not said near its start.
pub fn draft(class: &Class) -> Vec<Drafted> {
    let spoken = SpokenWords::new(class.language, class.said);
    let mut described = HashSet::new();
    let mut drafted: Vec<Drafted> = Vec::new();
    for slide in class.slides {
        let start = slide.span.start;
        let near = Span::new(
            start.saturating_sub(BEFORE),
            slide.span.end.min(start.saturating_add(AFTER)),
        );
        let Some(shown) = shown(slide.span, class) else {
            continue;
        };
        let is_new = described.insert(slide.title.to_lowercase());
        if !is_new || spoken.names(&slide.title, near) {
            continue;
        }
        let text = text(&slide.title, class.language);
        let taken = drafted.iter().map(|other| other.cue.span);
        let taken = taken.map(|span| Span::new(span.start, span.end.saturating_add(RAMP)));
        let (span, is_extended) = place(speaking_time(&text), shown, class, taken);
        drafted.push(Drafted {
            cue: Cue::new(span, &text),
            is_extended,
        });
    }
    drafted.sort_by_key(|draft| draft.cue.span.start);
    drafted
}

/// Returns the time in which a slide may be described: while it is shown in what is published, soon
/// after its start.
fn shown(slide: Span, class: &Class) -> Option<Span> {
    let mut kept = class.cuts.kept();
    let first = kept.find_map(|kept| kept.intersection(slide))?;
    let end = slide.end.min(first.start.saturating_add(LATEST));
    Span::new(first.start, end).intersection(Span::new(Time::ZERO, class.end))
}

fn text(title: &str, language: Option<&str>) -> String {
    let primary = language.and_then(|tag| tag.split('-').next());
    let mut words = SLIDE.iter();
    match words.find(|(code, _)| Some(*code) == primary) {
        Some((_, word)) => format!("{word}: {title}"),
        None => title.to_owned(),
    }
}

/// Returns the span of a description that takes `needed`, and whether no pause is long enough for
/// it, even if it is spoken faster.
fn place(
    needed: Time,
    shown: Span,
    class: &Class,
    taken: impl Iterator<Item = Span>,
) -> (Span, bool) {
    let cuts = class.cuts.cuts(class.end).into_iter();
    let occupied = cuts.chain(class.speech.iter().copied()).chain(taken);
    let pauses: Vec<Span> = gaps(shown, occupied)
        .into_iter()
        .map(|pause| {
            let start = pause.start.saturating_add(RAMP);
            Span::new(start, pause.end.saturating_sub(RAMP))
        })
        .collect();
    let fits = |speed: f64| {
        let needed = Time::from_secs_f64(needed.secs_f64() / speed);
        let mut pauses = pauses.iter();
        pauses.find(|pause| pause.duration() >= needed)
    };
    match fits(1.0).or_else(|| fits(FASTEST)) {
        Some(pause) => {
            let end = pause.end.min(pause.start.saturating_add(needed));
            (Span::new(pause.start, end), false)
        }
        None => {
            let end = shown.start.saturating_add(needed);
            (Span::new(shown.start, end), true)
        }
    }
}

/// Returns drafts as a document: a NOTE stands before each one that fits no pause.
pub fn document(drafted: &[Drafted]) -> Document {
    let mut blocks = Vec::with_capacity(drafted.len());
    for draft in drafted {
        if draft.is_extended {
            let text = "no pause is long enough: extended description".to_owned();
            blocks.push(Block::Note { text, line: 0 });
        }
        blocks.push(Block::Cue(draft.cue.clone()));
    }
    Document {
        blocks,
        ..Document::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: u64, end: u64) -> Span {
        Span::new(Time::from_millis(start), Time::from_millis(end))
    }

    fn slide(start: u64, end: u64, title: &str) -> Slide {
        Slide {
            span: span(start, end),
            title: title.to_owned(),
        }
    }

    fn said(start: u64, text: &str) -> Sentence {
        Sentence {
            span: Some(span(start, start + 4000)),
            text: text.to_owned(),
        }
    }

    const END: Time = Time::from_secs(200);

    fn drafted(
        slides: &[Slide],
        said: &[Sentence],
        speech: &[Span],
    ) -> Vec<(u64, u64, String, bool)> {
        with_cuts(slides, said, speech, &CutList::keep_all())
    }

    fn with_cuts(
        slides: &[Slide],
        said: &[Sentence],
        speech: &[Span],
        cuts: &CutList,
    ) -> Vec<(u64, u64, String, bool)> {
        let class = Class {
            slides,
            said,
            speech,
            cuts,
            language: Some("en"),
            end: END,
        };
        let read = |draft: Drafted| {
            let span = draft.cue.span;
            let text = draft.cue.plain_text();
            (
                span.start.millis(),
                span.end.millis(),
                text,
                draft.is_extended,
            )
        };
        draft(&class).into_iter().map(read).collect()
    }

    #[test]
    fn a_slide_that_nobody_names_is_described_in_the_next_pause() {
        let slides = [
            slide(0, 60_000, "Sorting algorithms"),
            slide(60_000, 120_000, "Merge sort"),
            slide(120_000, 200_000, "Sorting algorithms"),
        ];
        let said = [said(3_000, "Today it is about sorting and its algorithms.")];
        // "Slide: Merge sort" takes 1.2 s; the pause at 70 s is too short for it and its ramps.
        let speech = [span(0, 70_000), span(71_000, 80_000), span(83_000, 200_000)];
        let expected = [(80_200, 81_400, "Slide: Merge sort".to_owned(), false)];
        assert_eq!(drafted(&slides, &said, &speech), expected);
    }

    #[test]
    fn a_short_pause_is_used_faster_before_a_description_is_extended() {
        let slides = [slide(0, 60_000, "Merge sort")];
        let speech = |end| [span(0, 5_000), span(end, 200_000)];
        let text = || "Slide: Merge sort".to_owned();
        // 0.93 s and 0.92 s between the ramps; 1.2 s / 1.3 is 0.923 s.
        let fast = [(5_200, 6_130, text(), false)];
        assert_eq!(drafted(&slides, &[], &speech(6_330)), fast);
        let extended = [(0, 1_200, text(), true)];
        assert_eq!(drafted(&slides, &[], &speech(6_320)), extended);
        let document = document(&draft(&Class {
            slides: &slides,
            said: &[],
            speech: &speech(6_320),
            cuts: &CutList::keep_all(),
            language: Some("de-AT"),
            end: END,
        }));
        let text = document.to_string();
        assert!(text.contains("NOTE\nno pause is long enough"), "{text}");
        assert!(text.contains("Folie: Merge sort"), "{text}");
    }

    #[test]
    fn what_is_cut_is_not_described_and_two_slides_share_no_pause() {
        let slides = [
            slide(0, 20_000, "Lobby card"),
            slide(20_000, 60_000, "Merge sort"),
            slide(21_000, 60_000, "Quick sort"),
        ];
        let cuts = CutList::new([span(30_000, 200_000)]).expect("disjoint");
        let found = with_cuts(&slides, &[], &[span(40_000, 200_000)], &cuts);
        let expected = [
            (30_200, 31_400, "Slide: Merge sort".to_owned(), false),
            (31_800, 33_000, "Slide: Quick sort".to_owned(), false),
        ];
        assert_eq!(found, expected);
    }
}
