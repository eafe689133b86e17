// SPDX-License-Identifier: MPL-2.0

//! Converts SubRip (.srt) to WebVTT. There is no standard; this reads what editors and vendors
//! write.
//!
//! The stock subparse returns neither the numbers nor the positions of cues. A `<` that opens no
//! tag ends the text there.

use super::near::{self, Timing};
use crate::webvtt::{Block, Cue, Document, Problem, ProblemKind, Timestamp, escape};

/// Returns whether the text is SubRip: its first lines are a number, which may be missing, and
/// times.
pub fn is_srt(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let is_timing = |line: &str| matches!(near::timing(line), Some(Ok(_)));
    let begins = |line: &str| is_timing(line) || near::has_arrow(line);
    is_timing(first) || (is_number(first) && lines.next().is_some_and(begins))
}

/// Parses the text. A block without readable times is a problem and is left out.
pub fn read(text: &str) -> Document {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let arrows = openings(&lines);
    let mut document = Document::default();
    for (index, &at) in arrows.iter().enumerate() {
        let numbered = |at: usize| at > 0 && is_number(lines[at - 1].trim());
        let end = match arrows.get(index + 1) {
            Some(&next) => next - usize::from(numbered(next) && next - 1 > at),
            None => lines.len(),
        };
        let first = at - usize::from(numbered(at));
        let Some(Ok(Timing {
            span,
            rest,
            is_usual,
        })) = near::timing(lines[at])
        else {
            document.problems.push(near::explain(Problem {
                line: at + 1,
                kind: ProblemKind::Timing(lines[at].trim().to_owned()),
            }));
            continue;
        };
        if !is_usual {
            let (start, end) = (Timestamp(span.start), Timestamp(span.end));
            let line = lines[at].trim();
            let what = format!(
                "\"{line}\" is not a timing line of SubRip; it is read as {start} --> {end}"
            );
            document.problems.push(Problem {
                line: at + 1,
                kind: ProblemKind::Caption(what),
            });
        }
        if !rest.is_empty() {
            document.problems.push(Problem {
                line: at + 1,
                kind: ProblemKind::Setting(rest.to_owned()),
            });
        }
        if span.is_empty() {
            document.problems.push(Problem {
                line: at + 1,
                kind: ProblemKind::EndsBeforeStart,
            });
        }
        let body = &lines[at + 1..end];
        let body: Vec<&str> = body
            .iter()
            .copied()
            .filter(|line| !line.trim().is_empty())
            .collect();
        let (text, settings) = cue_text(&body.join("\n"));
        document.blocks.push(Block::Cue(Cue {
            id: numbered(at).then(|| lines[at - 1].trim().to_owned()),
            span,
            settings,
            text,
            line: first + 1,
        }));
    }
    document
}

/// The lines that open a cue. Other arrows than that of SubRip are text but below a number or an
/// empty line.
fn openings(lines: &[&str]) -> Vec<usize> {
    let opens = |&at: &usize| {
        let line = lines.get(at).copied().unwrap_or_default();
        let before = at.checked_sub(1).and_then(|at| lines.get(at)).copied();
        let before = before.unwrap_or_default().trim();
        near::has_arrow(line)
            || (before.is_empty() || is_number(before)) && near::timing(line).is_some()
    };
    (0..lines.len()).filter(opens).collect()
}

fn is_number(line: &str) -> bool {
    !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text as WebVTT writes it, and the cue settings that its codes stand for.
pub fn cue_text(text: &str) -> (String, String) {
    let mut written = String::with_capacity(text.len());
    let mut settings = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['<', '{']) {
        let (before, from) = rest.split_at(at);
        written.push_str(&plain(before));
        let close = if from.starts_with('<') { '>' } else { '}' };
        let inside = from
            .find(close)
            .map(|end| (&from[1..end], &from[end + 1..]));
        rest = match inside {
            Some((code, after)) if close == '}' && code.starts_with('\\') => {
                if let Some(place) = code.strip_prefix("\\an").and_then(position) {
                    place.clone_into(&mut settings);
                }
                after
            }
            Some((tag, after)) if close == '>' && is_tag(tag) => {
                let tag = tag.to_ascii_lowercase();
                if matches!(&*tag, "b" | "i" | "u" | "/b" | "/i" | "/u") {
                    written.push_str(&format!("<{tag}>"));
                }
                after
            }
            _ => {
                written.push_str(&plain(&from[..1]));
                &from[1..]
            }
        };
    }
    written.push_str(&plain(rest));
    (written, settings)
}

/// Decodes references, which some converters write; most write characters.
fn plain(text: &str) -> String {
    escape(&htmlize::unescape(text))
}

/// Returns whether text between angle brackets is a SubRip tag.
fn is_tag(tag: &str) -> bool {
    let name = tag.trim_start_matches('/').to_ascii_lowercase();
    let name = name.split_ascii_whitespace().next().unwrap_or_default();
    matches!(name, "b" | "i" | "u" | "s" | "font")
}

/// Returns cue settings for a position on the number pad, as in `{\an8}`; 2 is the usual position
/// of captions.
fn position(place: &str) -> Option<&'static str> {
    Some(match place {
        "1" => "position:0% align:left",
        "2" => "",
        "3" => "position:100% align:right",
        "4" => "line:50% position:0% align:left",
        "5" => "line:50%",
        "6" => "line:50% position:100% align:right",
        "7" => "line:0 position:0% align:left",
        "8" => "line:0",
        "9" => "line:0 position:100% align:right",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
1
00:00:01,000 --> 00:00:02,500
Hello <i>there</i>,
<font color=\"#ff0000\">AT&T</font> &amp; 1 < 2

2
0:00:03.5 --> 00:00:04,000 X1:10 X2:20 Y1:1 Y2:2
{\\an8}Top

with a hole

4
00:00:05,000 --> 00:00:06
مرحبا
1984

00:61:05,000 --> 00:00:06,000
never
00:00:07,000 --> 00:00:06,000
back
";

    #[test]
    fn cues_keep_what_webvtt_can_say() {
        assert!(is_srt(FILE));
        let document = read(FILE);
        let cues: Vec<String> = document.cues().map(Cue::to_string).collect();
        assert_eq!(
            cues,
            [
                "1\n00:00:01.000 --> 00:00:02.500\nHello <i>there</i>,\nAT&amp;T &amp; 1 &lt; 2\n",
                "2\n00:00:03.500 --> 00:00:04.000 line:0\nTop\nwith a hole\n",
                "4\n00:00:05.000 --> 00:00:06.000\nمرحبا\n1984\n",
                "00:00:07.000 --> 00:00:07.001\nback\n",
            ]
        );
        let lines: Vec<usize> = document
            .problems
            .iter()
            .map(|problem| problem.line)
            .collect();
        assert_eq!(lines, [7, 17, 19]);
        assert_eq!(document.cues().next().map(|cue| cue.line), Some(1));
    }

    #[test]
    fn other_files_are_not_srt() {
        for text in [
            "",
            "WEBVTT\n",
            "Dear all,\n\n1\n00:00:01,000 --> 00:00:02,000\n",
            "1\n2\n",
        ] {
            assert!(!is_srt(text), "{text}");
        }
    }
}
