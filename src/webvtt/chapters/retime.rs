// SPDX-License-Identifier: MPL-2.0

//! Chapters through a cut list.

use crate::timeline::{CutList, Span, Time};
use crate::webvtt::Cue;

/// Moves chapters of the source through the cuts: the rest of each one, in output time and in
/// order.
///
/// A chapter that is cut whole disappears, and so does an inner one whose times become those of the
/// outer one. A chapter with a rest shorter than `shortest` is joined to the one before it, else to
/// the one after it. The first chapter starts at zero. The chapters must follow the rules of
/// [`super::check`].
pub fn retime(chapters: &[Cue], cuts: &CutList, shortest: Time) -> Vec<Cue> {
    let mut moved = nested(chapters);
    for chapter in &mut moved {
        chapter.left = cuts.span_to_output(chapter.source.span);
    }
    // From the last to the first: inner chapters before those around them.
    for index in (0..moved.len()).rev() {
        let Some(left) = moved[index].left.map(Span::duration) else {
            continue;
        };
        if left < shortest && left < moved[index].source.span.duration() {
            join(&mut moved, index);
        }
    }
    let mut cues: Vec<Cue> = moved
        .into_iter()
        .filter_map(|chapter| {
            let span = chapter.left?;
            Some(Cue {
                span,
                ..chapter.source.clone()
            })
        })
        .collect();
    // An inner chapter follows the one around it.
    cues.dedup_by_key(|cue| cue.span);
    if let Some(first) = cues.first_mut() {
        first.span.start = Time::ZERO;
    }
    cues
}

struct Moved<'a> {
    source: &'a Cue,
    /// Index of the chapter around it.
    around: Option<usize>,
    /// Its rest in the output.
    left: Option<Span>,
}

/// Returns the chapters in order, each one before those inside it.
fn nested(chapters: &[Cue]) -> Vec<Moved<'_>> {
    let mut sorted: Vec<&Cue> = chapters.iter().collect();
    sorted.sort_by_key(|cue| (cue.span.start, std::cmp::Reverse(cue.span.end)));
    let mut nested: Vec<Moved<'_>> = Vec::with_capacity(sorted.len());
    for source in sorted {
        let holds = |outer: &Moved<'_>| source.span.end <= outer.source.span.end;
        let around = nested.iter().rposition(holds);
        nested.push(Moved {
            source,
            around,
            left: None,
        });
    }
    nested
}

/// Gives the rest of a chapter to the adjacent one inside the same outer chapter, and removes it
/// with its inner chapters. A single chapter stays.
fn join(moved: &mut [Moved<'_>], index: usize) {
    let Some(gone) = moved[index].left else {
        return;
    };
    let around = moved[index].around;
    let mut before = None;
    let mut after = None;
    let mut is_alone = around.is_none();
    for (other, chapter) in moved.iter().enumerate() {
        let Some(left) = chapter
            .left
            .filter(|_| other != index && chapter.around == around)
        else {
            continue;
        };
        is_alone = false;
        if left.end == gone.start {
            before = Some((other, Span::new(left.start, gone.end)));
        } else if left.start == gone.end {
            after = after.or(Some((other, Span::new(gone.start, left.end))));
        }
    }
    if is_alone {
        return;
    }
    if let Some((neighbour, joined)) = before.or(after) {
        moved[neighbour].left = Some(joined);
    }
    moved[index].left = None;
    for inner in index + 1..moved.len() {
        let is_inside = moved[inner]
            .around
            .is_some_and(|outer| outer >= index && moved[outer].left.is_none());
        if is_inside {
            moved[inner].left = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webvtt::Document;
    use crate::webvtt::chapters::check;
    use proptest::prelude::*;

    fn chapters(list: &[(u64, u64, &str)]) -> Vec<Cue> {
        let cue = |&(start, end, title): &(u64, u64, &str)| {
            Cue::new(
                Span::new(Time::from_secs(start), Time::from_secs(end)),
                title,
            )
        };
        list.iter().map(cue).collect()
    }

    fn cut(kept: &[(u64, u64)]) -> CutList {
        let span =
            |&(start, end): &(u64, u64)| Span::new(Time::from_secs(start), Time::from_secs(end));
        CutList::new(kept.iter().map(span)).expect("valid spans")
    }

    fn retimed(list: &[(u64, u64, &str)], kept: &[(u64, u64)]) -> Vec<(u64, u64, String)> {
        let moved = retime(&chapters(list), &cut(kept), Time::from_secs(10));
        let document = Document::new(moved.clone());
        assert_eq!(check(&document), [], "{document}");
        let seconds = |cue: &Cue| {
            let span = cue.span;
            (
                span.start.millis() / 1000,
                span.end.millis() / 1000,
                cue.plain_text(),
            )
        };
        moved.iter().map(seconds).collect()
    }

    fn titled(list: &[(u64, u64, &str)]) -> Vec<(u64, u64, String)> {
        list.iter()
            .map(|&(start, end, title)| (start, end, title.to_owned()))
            .collect()
    }

    #[test]
    fn chapters_follow_the_cuts() {
        let class = [
            (0, 100, "Lobby"),
            (100, 400, "Intro"),
            (400, 900, "Sets"),
            (900, 999, "Bye"),
        ];
        assert_eq!(
            retimed(&class, &[(100, 500), (600, 900)]),
            titled(&[(0, 300, "Intro"), (300, 700, "Sets")])
        );
    }

    #[test]
    fn a_remnant_joins_the_chapter_before_it_or_after_it() {
        let class = [(0, 100, "Lobby"), (100, 400, "Intro"), (400, 900, "Sets")];
        assert_eq!(retimed(&class, &[(95, 405)]), titled(&[(0, 310, "Intro")]));
        let short = [(0, 5, "Short"), (5, 400, "Intro")];
        assert_eq!(retimed(&short, &[(0, 400)]), titled(&short));
    }

    #[test]
    fn inner_chapters_stay_inside() {
        let class = [
            (0, 100, "Part 1"),
            (0, 50, "One"),
            (50, 100, "Two"),
            (100, 200, "Part 2"),
            (100, 195, "Three"),
            (195, 200, "Four"),
        ];
        assert_eq!(
            retimed(&class, &[(20, 50), (60, 199)]),
            titled(&[
                (0, 70, "Part 1"),
                (0, 30, "One"),
                (30, 70, "Two"),
                (70, 169, "Part 2"),
            ])
        );
        assert_eq!(
            retimed(&class, &[(0, 50), (100, 200)]),
            titled(&[
                (0, 50, "Part 1"),
                (50, 150, "Part 2"),
                (50, 145, "Three"),
                (145, 150, "Four"),
            ])
        );
    }

    /// Generates chapters in order, some with two inside.
    fn any_class() -> impl Strategy<Value = Vec<(u64, u64, &'static str)>> {
        prop::collection::vec((0u64..20, 2u64..60, any::<bool>()), 1..8).prop_map(|list| {
            let mut at = 0;
            let mut chapters = Vec::new();
            for (gap, length, has_parts) in list {
                let (start, end) = (at + gap, at + gap + length);
                chapters.push((start, end, "chapter"));
                if has_parts {
                    let middle = start + length / 2;
                    chapters.push((start, middle, "first part"));
                    chapters.push((middle, end, "second part"));
                }
                at = end;
            }
            chapters
        })
    }

    proptest! {
        #[test]
        fn moved_chapters_keep_the_rules(
            class in any_class(), kept in prop::collection::vec((1u64..40, 1u64..80), 1..6))
        {
            let mut at = 0;
            let kept: Vec<(u64, u64)> = kept
                .into_iter()
                .map(|(gap, length)| {
                    let start = at + gap;
                    at = start + length;
                    (start, at)
                })
                .collect();
            let moved = retimed(&class, &kept);
            let end: u64 = kept.iter().map(|(start, end)| end - start).sum();
            prop_assert!(moved.iter().all(|&(_, stop, _)| stop <= end));
            prop_assert!(moved.first().is_none_or(|&(start, ..)| start == 0));
        }
    }
}
