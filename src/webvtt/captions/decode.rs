// SPDX-License-Identifier: MPL-2.0

//! Decodes the characters of a caption file in any common encoding.

use crate::webvtt::{Problem, ProblemKind};

/// Characters of Windows-1252 at 0x80 to 0x9F (WHATWG Encoding, index windows-1252); elsewhere it
/// equals Latin-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// Decodes a file in UTF-8, in UTF-16 with a byte order mark, or else in Windows-1252. The byte
/// order mark is removed, and lines end with LF. Also returns the first line that was not UTF-8.
pub fn decode(bytes: &[u8]) -> (String, Option<Problem>) {
    let (text, problem) = match bytes {
        [0xff, 0xfe, rest @ ..] => (utf16(rest, u16::from_le_bytes), None),
        [0xfe, 0xff, rest @ ..] => (utf16(rest, u16::from_be_bytes), None),
        _ => utf8(bytes),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    (text.replace("\r\n", "\n").replace('\r', "\n"), problem)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let pairs = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(pairs)
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

fn utf8(bytes: &[u8]) -> (String, Option<Problem>) {
    let mut text = String::with_capacity(bytes.len());
    let mut problem = None;
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() && problem.is_none() {
            problem = Some(Problem {
                line: text.replace("\r\n", "\n").matches(['\n', '\r']).count() + 1,
                kind: ProblemKind::Windows1252,
            });
        }
        let characters = chunk.invalid().iter().map(|&byte| match byte {
            0x80..0xa0 => WINDOWS_1252[usize::from(byte - 0x80)],
            byte => char::from(byte),
        });
        text.extend(characters);
    }
    (text, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_saving_gives_the_same_text() {
        let text = "WEBVTT\n\n“Übung” – 2 €\n";
        let windows = b"WEBVTT\r\n\r\n\x93\xdcbung\x94 \x96 2 \x80\r\n";
        let utf16 = |unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
            let marked = format!("\u{feff}{text}");
            marked.encode_utf16().flat_map(unit).collect()
        };
        for (bytes, line) in [
            (text.as_bytes(), None),
            (format!("\u{feff}{text}").as_bytes(), None),
            (text.replace('\n', "\r").as_bytes(), None),
            (windows, Some(3)),
            (&utf16(u16::to_le_bytes), None),
            (&utf16(u16::to_be_bytes), None),
        ] {
            let (decoded, problem) = decode(bytes);
            assert_eq!(decoded, text);
            assert_eq!(problem.map(|problem| problem.line), line);
        }
    }

    #[test]
    fn one_odd_byte_does_not_spoil_the_rest() {
        let (text, problem) = decode(
            "日本\n"
                .bytes()
                .chain([0xe9])
                .collect::<Vec<_>>()
                .as_slice(),
        );
        assert_eq!(text, "日本\né");
        assert_eq!(problem.expect("told").line, 2);
    }
}
