// SPDX-License-Identifier: MPL-2.0

//! Advanced SubStation Alpha (`.ass`, `.ssa`) as Matroska holds it: a line of comma-separated fields a
//! cue, and the styles in the head of the track.

use std::collections::BTreeSet;

use crate::webvtt::{captions, escape};

/// Fields before the text: ReadOrder, Layer, Style, Name, three margins, Effect.
const FIELDS: usize = 8;
/// The field with the name of the style.
const STYLE: usize = 2;

/// Returns the names of the styles that are italic, out of the head of a script.
pub fn italic_styles(head: &str) -> BTreeSet<String> {
    let mut columns: Vec<String> = Vec::new();
    let mut italic = BTreeSet::new();
    for line in head.lines() {
        let Some((kind, fields)) = line.split_once(':') else {
            continue;
        };
        let fields: Vec<&str> = fields.split(',').map(str::trim).collect();
        match kind.trim() {
            "Format" if columns.is_empty() => {
                columns = fields.iter().map(|field| field.to_string()).collect();
            }
            "Style" => {
                let field = |name: &str| {
                    let at = columns.iter().position(|column| column == name)?;
                    fields.get(at).copied()
                };
                if let Some(name) = field("Name")
                    && field("Italic").is_some_and(|value| value == "-1" || value == "1")
                {
                    italic.insert(name.to_owned());
                }
            }
            _ => {}
        }
    }
    italic
}

/// Returns the text of a line as WebVTT writes it, and its cue settings; `None` if fields are missing.
pub fn cue_text(line: &str, italic: &BTreeSet<String>) -> Option<(String, String)> {
    let style = line.splitn(FIELDS + 1, ',').nth(STYLE)?;
    let text = line.splitn(FIELDS + 1, ',').nth(FIELDS)?;
    Some(styled(
        text,
        italic.contains(style.trim().trim_start_matches('*')),
    ))
}

fn styled(text: &str, is_italic: bool) -> (String, String) {
    let mut writer = Writer {
        italic: is_italic,
        ..Writer::default()
    };
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        writer.add(&rest[..open]);
        let Some(length) = rest[open..].find('}') else {
            rest = &rest[open..];
            break;
        };
        for code in rest[open + 1..open + length].split('\\').skip(1) {
            writer.apply(code.trim(), is_italic);
        }
        rest = &rest[open + length + 1..];
    }
    writer.add(rest);
    writer.finish()
}

#[derive(Default)]
struct Writer {
    written: String,
    settings: String,
    /// The style that the codes ask for, and the one that is open in the text.
    italic: bool,
    open: bool,
    /// Inside of a drawing, whose numbers are not text.
    draws: bool,
}

impl Writer {
    fn apply(&mut self, code: &str, is_italic: bool) {
        if let Some(place) = code.strip_prefix("an").filter(|place| place.len() == 1) {
            // The codes of SubRip are those of this format.
            self.settings = captions::from_srt(&format!("{{\\an{place}}}")).1;
        } else if let Some(on) = code.strip_prefix('i').and_then(|on| on.parse::<u8>().ok()) {
            self.italic = on != 0;
        } else if code == "i" || code.starts_with('r') {
            self.italic = is_italic;
        } else if let Some(scale) = code.strip_prefix('p').and_then(|p| p.parse::<u8>().ok()) {
            self.draws = scale > 0;
        }
    }

    fn add(&mut self, text: &str) {
        if text.is_empty() || self.draws {
            return;
        }
        if self.italic != self.open {
            self.written
                .push_str(if self.italic { "<i>" } else { "</i>" });
            self.open = self.italic;
        }
        let text = text
            .replace("\\N", "\n")
            .replace("\\n", "\n")
            .replace("\\h", "\u{a0}");
        self.written.push_str(&escape(&text));
    }

    fn finish(mut self) -> (String, String) {
        if self.open {
            self.written.push_str("</i>");
        }
        let lines = self.written.lines().map(str::trim);
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        (lines.join("\n"), self.settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_stripped_and_italic_kept() {
        let italic = italic_styles(
            "[V4+ Styles]\nFormat: Name, Fontname, Italic, Bold\nStyle: Default,Arial,0,0\n\
             Style: Thought,Arial,-1,0\n[Events]\nFormat: Layer, Start\n",
        );
        for (line, text, settings) in [
            (
                "0,0,Default,,0,0,0,,Hello, {\\b1}world{\\b0}\\Nagain",
                "Hello, world\nagain",
                "",
            ),
            (
                "1,0,Default,Ada,0,0,0,,{\\an8\\i1}Top{\\i0} & low",
                "<i>Top</i> &amp; low",
                "line:0",
            ),
            (
                "2,0,Thought,,0,0,0,,I think{\\r} so",
                "<i>I think so</i>",
                "",
            ),
            ("3,0,Default,,0,0,0,,{\\p1}m 0 0 l 10 10{\\p0}", "", ""),
            (
                "4,0,Default,,0,0,0,,{\\k20}ka{\\k30}ra{\\fad(1,2)}",
                "kara",
                "",
            ),
            ("5,0,Default,,0,0,0,,open { brace", "open { brace", ""),
        ] {
            let expected = Some((text.to_owned(), settings.to_owned()));
            assert_eq!(cue_text(line, &italic), expected, "{line}");
        }
        assert_eq!(cue_text("0,0,Default", &italic), None);
    }
}
