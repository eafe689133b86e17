// SPDX-License-Identifier: MPL-2.0

//! Chapters through a cut list.

use crate::timeline::{CutList, Span, Time};
use crate::webvtt::Cue;

/// Moves chapters of the source through the cuts: what is left of each, in output time and in order.
///
/// A chapter that is cut whole disappears, and so does one inside another whose times become the
/// same. A chapter cut down to less than `shortest` is joined to the one before it, else to the one
/// after it. The first chapter starts at zero. The chapters must keep the rules of [`super::check`].
pub fn retime(chapters: &[Cue], cuts: &CutList, shortest: Time) -> Vec<Cue> {
    let mut moved: Vec<Moved> = chapters
        .iter()
        .filter_map(|chapter| {
            let span = cuts.span_to_output(chapter.span)?;
            let length = span.duration();
            Some(Moved {
                cue: Cue {
                    span,
                    ..chapter.clone()
                },
                remnant: length < shortest && length < chapter.span.duration(),
            })
        })
        .collect();
    // Stable: of two with the same times the outer one stays before the inner one.
    moved.sort_by_key(|moved| (moved.cue.span.start, std::cmp::Reverse(moved.cue.span.end)));
    while let Some(at) = moved.iter().position(|moved| moved.remnant) {
        join(&mut moved, at);
    }
    moved.dedup_by_key(|moved| moved.cue.span);
    if let Some(first) = moved.first_mut() {
        first.cue.span.start = Time::ZERO;
    }
    moved.into_iter().map(|moved| moved.cue).collect()
}

struct Moved {
    cue: Cue,
    /// So little is left of it that it is no chapter any more.
    remnant: bool,
}

/// Takes out a remnant and gives its time to a neighbour of the same depth that touches it.
fn join(moved: &mut Vec<Moved>, at: usize) {
    let gone = moved.remove(at).cue.span;
    let depth = |of: Span| {
        let holds = |outer: Span| {
            outer != of && outer.start <= of.start && of.end <= outer.end && outer != gone
        };
        moved.iter().filter(|moved| holds(moved.cue.span)).count()
    };
    let level = depth(gone);
    let beside = |span: Span| depth(span) == level;
    let before = moved
        .iter()
        .position(|other| other.cue.span.end == gone.start && beside(other.cue.span));
    let after = moved
        .iter()
        .position(|other| other.cue.span.start == gone.end && beside(other.cue.span));
    if let Some(before) = before {
        moved[before].cue.span.end = gone.end;
    } else if let Some(after) = after {
        moved[after].cue.span.start = gone.start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webvtt::Document;
    use crate::webvtt::chapters::check;

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
        let document = Document::new(None, moved.clone());
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
}
