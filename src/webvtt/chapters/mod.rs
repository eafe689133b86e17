// SPDX-License-Identifier: MPL-2.0

//! Chapter files: their rules, chapters through a cut list, live chapters.

use std::collections::HashMap;

mod retime;
mod sequence;

pub use retime::retime;
pub use sequence::{Chapter, Dropped, Reason, Rules, Sequence};

use super::{Cue, Document, Problem, ProblemKind};

/// Checks the rules of a chapter file. Cues are disjoint or nested and no two are identical
/// (§4.5.1); titles have one line and no tags (§4.2.3). Starts never decrease, ends are after
/// starts, identifiers are unique (§4.1), and there is no header block. Problems reported by
/// [`super::read`] are not repeated.
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
            format!("\"{line}\" below WEBVTT is not part of a chapter file; remove it"),
        );
    }
    let mut ids = HashMap::new();
    let mut open: Vec<&Cue> = Vec::new();
    let mut latest: Option<&Cue> = None;
    for cue in document.cues() {
        let line = cue.line;
        check_title(cue, &mut broken);
        if let Some(id) = &cue.id
            && let Some(first) = ids.insert(id, line)
        {
            let rule = format!("the identifier \"{id}\" is already used in line {first}");
            broken(line, rule);
        }
        if cue.span.is_empty() {
            continue;
        }
        if let Some(before) = latest.filter(|before| cue.span.start < before.span.start) {
            let before = before.line;
            let rule = format!("the chapter starts before the one of line {before}; sort them");
            broken(line, rule);
            continue;
        }
        latest = Some(cue);
        open.retain(|outer| outer.span.end > cue.span.start);
        if let Some(rule) = nesting_fault(cue, &open) {
            broken(line, rule);
        }
        open.push(cue);
    }
    problems
}

fn check_title(cue: &Cue, broken: &mut impl FnMut(usize, String)) {
    let (line, title) = (cue.line, cue.plain_text());
    if title.trim().is_empty() {
        let rule = "the chapter has no title; write it below the timing line";
        broken(line, rule.into());
    }
    if cue.text.contains('\n') {
        let rule = format!("the title \"{title}\" has more than one line; make it one");
        broken(line, rule);
    }
    if cue.text.contains('<') {
        let rule = format!("the title \"{title}\" has tags; write < as &lt; or remove them");
        broken(line, rule);
    }
}

/// Returns why a chapter does not lie inside of those that are open when it starts.
fn nesting_fault(cue: &Cue, open: &[&Cue]) -> Option<String> {
    if let Some(same) = open.iter().find(|outer| outer.span == cue.span) {
        let line = same.line;
        return Some(format!(
            "the chapter has the same times as the one of line {line}"
        ));
    }
    let crosses =
        |outer: &&&Cue| cue.span.end > outer.span.end && cue.span.start > outer.span.start;
    let line = open.iter().find(crosses)?.line;
    Some(format!(
        "the chapter starts inside the one of line {line} and ends after it; end one where the \
         other starts, or one inside the other"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webvtt::read;

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
