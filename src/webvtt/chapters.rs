// SPDX-License-Identifier: MPL-2.0

//! Chapter files: their rules, and chapters through a cut list.

use std::collections::HashMap;

use super::{Cue, Document, Problem, ProblemKind};
use crate::timeline::{CutList, Span, Time};

/// Checks the rules of a chapter file: cues disjoint or nested and no two identical (§4.5.1), titles
/// of one line and without tags (§4.2.3), starts that never decrease, ends after starts, identifiers
/// unique (§4.1), no header block. What [`super::read`] has reported is not repeated.
pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut broken = |line: usize, rule: String| {
        problems.push(Problem {
            line,
            kind: ProblemKind::Chapter(rule),
        });
    };
    if let Some(line) = document.header.lines.first() {
        broken(
            2,
            format!("\"{line}\" under WEBVTT is no part of a chapter file; remove it"),
        );
    }
    let mut ids = HashMap::new();
    let mut open: Vec<&Cue> = Vec::new();
    let mut latest: Option<&Cue> = None;
    for cue in document.cues() {
        let line = cue.line;
        let title = cue.plain_text();
        if title.trim().is_empty() {
            broken(
                line,
                "the chapter has no title; write it under the timing line".into(),
            );
        }
        if cue.text.contains('\n') {
            broken(
                line,
                format!("the title \"{title}\" has more than one line; make it one"),
            );
        }
        if cue.text.contains('<') {
            broken(
                line,
                format!("the title \"{title}\" has tags; write < as &lt; or remove them"),
            );
        }
        if let Some(id) = &cue.id
            && let Some(first) = ids.insert(id, line)
        {
            broken(
                line,
                format!("the identifier \"{id}\" is that of line {first} too"),
            );
        }
        if cue.span.is_empty() {
            continue;
        }
        if let Some(before) = latest.filter(|before| cue.span.start < before.span.start) {
            broken(
                line,
                format!(
                    "the chapter starts before that of line {}; sort them",
                    before.line
                ),
            );
            continue;
        }
        latest = Some(cue);
        open.retain(|outer| outer.span.end > cue.span.start);
        if let Some(same) = open.iter().find(|outer| outer.span == cue.span) {
            broken(
                line,
                format!("the chapter has the times of that of line {}", same.line),
            );
        } else if let Some(outer) = open
            .iter()
            .find(|outer| cue.span.end > outer.span.end && cue.span.start > outer.span.start)
        {
            broken(
                line,
                format!(
                    "the chapter starts inside that of line {} and ends after it; \
                     end one where the other starts, or one inside the other",
                    outer.line
                ),
            );
        }
        open.push(cue);
    }
    problems
}

/// Moves chapters of the source through the cuts: what is left of each, in output time and in order.
///
/// A chapter that is cut whole disappears, and so does one inside another whose times become the
/// same. A chapter cut down to less than `shortest` is joined to the one before it, else to the one
/// after it. The first chapter starts at zero. The chapters must keep the rules of [`check`].
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
    use crate::webvtt::read;

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

    #[test]
    fn every_broken_rule_is_named_with_its_line() {
        for (file, line, word) in [
            (
                "WEBVTT\nKind: chapters\n\n00:00.000 --> 00:01.000\nA\n",
                2,
                "Kind",
            ),
            ("WEBVTT\n\n00:00.000 --> 00:01.000\n\n", 3, "no title"),
            ("WEBVTT\n\n00:00.000 --> 00:01.000\nA\nB\n", 3, "one line"),
            ("WEBVTT\n\n00:00.000 --> 00:01.000\n<b>A</b>\n", 3, "tags"),
            (
                "WEBVTT\n\n1\n00:00.000 --> 00:01.000\nA\n\n1\n00:01.000 --> 00:02.000\nB\n",
                7,
                "line 3",
            ),
            (
                "WEBVTT\n\n00:01.000 --> 00:02.000\nA\n\n00:00.000 --> 00:01.000\nB\n",
                6,
                "line 3",
            ),
            (
                "WEBVTT\n\n00:00.000 --> 00:02.000\nA\n\n00:01.000 --> 00:03.000\nB\n",
                6,
                "line 3",
            ),
            (
                "WEBVTT\n\n00:00.000 --> 00:02.000\nA\n\n00:00.000 --> 00:02.000\nB\n",
                6,
                "line 3",
            ),
        ] {
            let problems = check(&read(file.as_bytes()).expect("WebVTT"));
            assert_eq!(problems.len(), 1, "{file}\n{problems:?}");
            assert_eq!(problems[0].line, line, "{file}");
            assert!(problems[0].to_string().contains(word), "{}", problems[0]);
        }
    }

    #[test]
    fn nested_and_disjoint_chapters_keep_the_rules() {
        let file = "WEBVTT\n\n00:00.000 --> 01:00.000\nA\n\n00:00.000 --> 00:30.000\nA1\n\n\
            00:30.000 --> 01:00.000\nA2\n\n01:10.000 --> 02:00.000\nB &lt; C\n";
        let document = read(file.as_bytes()).expect("WebVTT");
        assert_eq!(check(&document), []);
    }
}
