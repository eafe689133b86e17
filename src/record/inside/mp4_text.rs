// SPDX-License-Identifier: MPL-2.0

//! Samples of text in MP4: timed text (3GPP TS 26.245), QuickTime text, WebVTT (ISO/IEC 14496-30).

use super::boxes::{Boxes, bytes, child, u32_at};
use crate::timeline::Span;
use crate::webvtt::{Cue, escape};

/// The flag of a sample entry of timed text whose samples are all forced.
const ALL_FORCED: u32 = 0x8000_0000;
/// Bytes of a sample entry before its own fields.
const ENTRY_HEAD: usize = 8;
/// The style flag of italic text.
const ITALIC: u8 = 2;

/// A format that is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A length, text, and boxes with its styles.
    Timed,
    WebVtt,
}

/// Returns the format as people call it.
pub fn format_name(kind: &[u8; 4]) -> String {
    match kind {
        b"tx3g" => "mov_text".to_owned(),
        b"text" => "QuickTime text".to_owned(),
        b"wvtt" => "WebVTT".to_owned(),
        b"stpp" => "TTML".to_owned(),
        b"c608" | b"c708" => "closed captions (CEA-608/708)".to_owned(),
        b"mp4s" => "pictures of text (VobSub)".to_owned(),
        other => String::from_utf8_lossy(other).into_owned(),
    }
}

/// Whether a sample entry makes all samples forced.
pub fn is_forced(kind: &[u8; 4], entry: &[u8]) -> bool {
    kind == b"tx3g" && u32_at(entry, ENTRY_HEAD).is_some_and(|flags| flags & ALL_FORCED != 0)
}

impl Format {
    pub fn of(kind: &[u8; 4]) -> Option<Self> {
        match kind {
            b"tx3g" | b"text" => Some(Format::Timed),
            b"wvtt" => Some(Format::WebVtt),
            _ => None,
        }
    }

    /// Returns the text of a sample without its styles.
    pub fn plain_text(self, sample: &[u8]) -> String {
        match self {
            Format::Timed => timed(sample).map(|(text, _)| text).unwrap_or_default(),
            Format::WebVtt => Boxes(sample)
                .filter_map(|(_, cue)| child(cue, b"payl"))
                .map(|text| crate::webvtt::plain_text(&String::from_utf8_lossy(text)))
                .collect(),
        }
    }

    /// Returns the cues of a sample that is shown at this time.
    pub fn cues(self, sample: &[u8], span: Span) -> Vec<Cue> {
        let cue = |text: String, settings: String| Cue {
            id: None,
            span,
            settings,
            text,
            line: 0,
        };
        match self {
            Format::Timed => {
                let text = timed(sample).map(|(text, boxes)| styled(&text, boxes));
                text.into_iter()
                    .map(|text| cue(text, String::new()))
                    .collect()
            }
            Format::WebVtt => Boxes(sample)
                .filter(|(kind, _)| kind == b"vttc")
                .filter_map(|(_, content)| {
                    let text = |kind| {
                        child(content, kind).map(|text| String::from_utf8_lossy(text).into_owned())
                    };
                    Some(cue(
                        text(b"payl")?.trim().to_owned(),
                        text(b"sttg").unwrap_or_default(),
                    ))
                })
                .collect(),
        }
    }
}

/// The text of a sample, in UTF-8 or UTF-16, and the boxes behind it.
fn timed(sample: &[u8]) -> Option<(String, &[u8])> {
    let length = usize::from(u16::from_be_bytes(bytes(sample, 0)?));
    let text = sample.get(2..2 + length)?;
    let boxes = sample.get(2 + length..)?;
    let text = match text {
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] => {
            let (text, _, _) = encoding_rs::UTF_16BE.decode(text);
            text.into_owned()
        }
        _ => match std::str::from_utf8(text) {
            Ok(text) => text.to_owned(),
            // QuickTime's text is in the characters of the Macintosh unless it says otherwise.
            Err(_) => encoding_rs::MACINTOSH.decode(text).0.into_owned(),
        },
    };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    Some((text.trim_matches('\0').to_owned(), boxes))
}

/// The text as WebVTT writes it, with what its styles make italic.
fn styled(text: &str, boxes: &[u8]) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut italic = vec![false; characters.len()];
    let styles = child(boxes, b"styl").and_then(|styles| styles.get(2..));
    for style in styles.unwrap_or_default().chunks_exact(12) {
        let number = |at| bytes(style, at).map(u16::from_be_bytes).map(usize::from);
        if let (Some(from), Some(to), Some(flags)) = (number(0), number(2), style.get(6))
            && flags & ITALIC != 0
        {
            italic
                .iter_mut()
                .take(to)
                .skip(from)
                .for_each(|on| *on = true);
        }
    }
    let mut written = String::new();
    let mut open = false;
    for (character, on) in characters.iter().zip(italic) {
        if on != open {
            written.push_str(if on { "<i>" } else { "</i>" });
            open = on;
        }
        written.push_str(&escape(&character.to_string()));
    }
    if open {
        written.push_str("</i>");
    }
    let lines: Vec<&str> = written
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Time;

    #[test]
    fn timed_text_keeps_italic() {
        let mut sample = vec![0, 11];
        sample.extend(b"A & it\nlast");
        sample.extend([0, 0, 0, 22]);
        sample.extend(b"styl");
        sample.extend([0, 1, 0, 4, 0, 6, 0, 1, ITALIC, 18, 255, 255, 255, 255]);
        let span = Span::new(Time::ZERO, Time::SECOND);
        let cues = Format::Timed.cues(&sample, span);
        let texts: Vec<&str> = cues.iter().map(|cue| cue.text.as_str()).collect();
        assert_eq!(texts, ["A &amp; <i>it</i>\nlast"]);
        assert_eq!(Format::Timed.plain_text(&sample), "A & it\nlast");
        assert!(Format::Timed.cues(&sample[..4], span).is_empty());
    }
}
