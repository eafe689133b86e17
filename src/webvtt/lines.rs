// SPDX-License-Identifier: MPL-2.0

//! Splits bytes into lines as the W3C parser does (§6.1, first step): UTF-8 with U+FFFD for invalid
//! bytes, U+FFFD for NUL, and CR, LF or CRLF as the end of a line.

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Number, counted from one.
    pub number: usize,
    pub text: String,
    /// Whether bytes that are not UTF-8 were replaced.
    pub replaced: bool,
}

/// Splits a stream of bytes into lines; pieces of the stream may end anywhere.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    pending: Vec<u8>,
    after_cr: bool,
    lines: usize,
}

impl LineSplitter {
    /// Adds bytes; appends every line they complete.
    pub fn push(&mut self, bytes: &[u8], lines: &mut Vec<Line>) {
        let mut rest = bytes;
        if self.after_cr
            && let Some((&first, tail)) = rest.split_first()
        {
            // The LF of a CRLF pair that was split.
            if first == b'\n' {
                rest = tail;
            }
            self.after_cr = false;
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.pending.extend_from_slice(&rest[..end]);
            lines.push(self.take());
            let after = &rest[end + 1..];
            rest = match (rest[end], after.first()) {
                (b'\r', Some(b'\n')) => &after[1..],
                (b'\r', None) => {
                    self.after_cr = true;
                    after
                }
                _ => after,
            };
        }
        self.pending.extend_from_slice(rest);
    }

    /// Returns the last line, if the stream does not end with a line end.
    pub fn finish(&mut self) -> Option<Line> {
        (!self.pending.is_empty()).then(|| self.take())
    }

    /// Returns the bytes of the incomplete line.
    pub fn pending(&self) -> &[u8] {
        &self.pending
    }

    /// Returns the number of the incomplete line.
    pub fn pending_number(&self) -> usize {
        self.lines + 1
    }

    fn take(&mut self) -> Line {
        self.lines += 1;
        let bytes = std::mem::take(&mut self.pending);
        let (text, replaced) = match String::from_utf8(bytes) {
            Ok(text) => (text, false),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
        };
        let text = if text.contains('\0') {
            text.replace('\0', "\u{fffd}")
        } else {
            text
        };
        Line {
            number: self.lines,
            text,
            replaced,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(pieces: &[&[u8]]) -> Vec<String> {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for piece in pieces {
            splitter.push(piece, &mut lines);
        }
        lines.extend(splitter.finish());
        lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn every_line_end_counts_once() {
        assert_eq!(
            split(&[b"a\rb\nc\r\nd\n\re"]),
            ["a", "b", "c", "d", "", "e"]
        );
        assert_eq!(split(&[b"a\r", b"\nb"]), ["a", "b"]);
        assert_eq!(split(&[b"a\r", b"", b"\nb"]), ["a", "b"]);
        assert_eq!(split(&[b"a\r", b"b"]), ["a", "b"]);
    }

    #[test]
    fn what_is_no_text_is_replaced() {
        assert_eq!(split(&[b"caf\xe9\n\0"]), ["caf\u{fffd}", "\u{fffd}"]);
        assert_eq!(split(&["h\u{e9}".as_bytes(), b"!"]), ["h\u{e9}!"]);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(bytes in prop::collection::vec(
            prop::sample::select(b"a\r\n\xc3\xa9\0".to_vec()), 0..40), at in 0usize..40)
        {
            let at = at.min(bytes.len());
            prop_assert_eq!(split(&[&bytes]), split(&[&bytes[..at], &bytes[at..]]));
        }
    }
}
