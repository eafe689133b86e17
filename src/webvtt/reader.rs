// SPDX-License-Identifier: MPL-2.0

//! The W3C parser (§6.1) as a state machine that takes bytes in pieces.

use super::lines::{Line, LineSplitter};
use super::timing;
use super::{Block, CueSettings, Header, Problem, ProblemKind, ReadError};

/// Largest block in bytes. No text, style sheet or embedded image is larger; a longer block is not
/// WebVTT.
const MAX_BLOCK_BYTES: usize = 16 << 20;
/// Number of characters of a bad line that a message quotes.
const QUOTED_CHARS: usize = 60;

/// Results of a reader, in the order of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// The first line and the header block; exactly one, before everything else but problems.
    Header(Header),
    Block(Block),
    Problem(Problem),
}

/// Reads WebVTT that arrives in pieces of any size.
///
/// A block is complete once the empty line after it, the next cue, or the end has arrived.
#[derive(Debug, Default)]
pub struct Reader {
    splitter: LineSplitter,
    stage: Stage,
    header: Header,
    open: Option<Open>,
    seen_cue: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Signature,
    /// The line after the signature: empty, or the first of the header block.
    AfterSignature,
    Header,
    Body,
}

/// The block to which lines are being added.
#[derive(Debug, Default)]
struct Open {
    /// Number of the first line.
    line: usize,
    /// Lines so far, including the one with the arrow.
    count: usize,
    /// The line with the arrow and its number.
    arrow: Option<(String, usize)>,
    /// The line before the arrow.
    id: String,
    /// All other lines.
    text: String,
}

impl Reader {
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes and returns the items they complete. After an error the reader cannot be used.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Item>, ReadError> {
        let mut lines = Vec::new();
        self.splitter.push(bytes, &mut lines);
        let mut items = Vec::new();
        for line in lines {
            self.line(line, &mut items)?;
        }
        if self.stage == Stage::Signature {
            check_signature_so_far(self.splitter.pending())?;
        }
        if self.splitter.pending().len() > MAX_BLOCK_BYTES {
            let line = self.splitter.pending_number();
            return Err(ReadError::TooLong { line });
        }
        Ok(items)
    }

    /// Ends the input and returns the items that were incomplete until then.
    pub fn finish(&mut self) -> Result<Vec<Item>, ReadError> {
        let mut items = Vec::new();
        if let Some(line) = self.splitter.finish() {
            self.line(line, &mut items)?;
        }
        match self.stage {
            Stage::Signature => return Err(ReadError::Empty),
            Stage::AfterSignature | Stage::Header => self.end_header(&mut items),
            Stage::Body => self.close(&mut items),
        }
        Ok(items)
    }

    fn line(&mut self, line: Line, items: &mut Vec<Item>) -> Result<(), ReadError> {
        if line.replaced && self.stage != Stage::Signature {
            items.push(Item::Problem(Problem {
                line: line.number,
                kind: ProblemKind::NotUtf8,
            }));
        }
        match self.stage {
            Stage::Signature => {
                let first = line.text.strip_prefix('\u{feff}').unwrap_or(&line.text);
                self.header.text = signature(first)?.trim().to_owned();
                self.stage = Stage::AfterSignature;
            }
            Stage::AfterSignature | Stage::Header => {
                if line.text.is_empty() {
                    self.end_header(items);
                } else if line.text.contains("-->") {
                    self.end_header(items);
                    self.body_line(line, items)?;
                } else {
                    self.header.lines.push(line.text);
                    self.stage = Stage::Header;
                }
            }
            Stage::Body => self.body_line(line, items)?,
        }
        Ok(())
    }

    fn end_header(&mut self, items: &mut Vec<Item>) {
        items.push(Item::Header(std::mem::take(&mut self.header)));
        self.stage = Stage::Body;
    }

    /// "Collect a WebVTT block", one line of it.
    fn body_line(&mut self, line: Line, items: &mut Vec<Item>) -> Result<(), ReadError> {
        if line.text.is_empty() {
            self.close(items);
            return Ok(());
        }
        let has_arrow = line.text.contains("-->");
        // An arrow belongs to this block only in its first line, or in its second after an
        // identifier; anywhere else it starts the next block.
        let opens = |open: &Open| open.count > 1 || open.arrow.is_some();
        if has_arrow && self.open.as_ref().is_some_and(opens) {
            self.close(items);
        }
        let open = self.open.get_or_insert_with(|| Open {
            line: line.number,
            ..Open::default()
        });
        open.count += 1;
        if has_arrow {
            open.id = std::mem::take(&mut open.text);
            open.arrow = Some((line.text, line.number));
        } else {
            if !open.text.is_empty() {
                open.text.push('\n');
            }
            open.text.push_str(&line.text);
        }
        if open.text.len() > MAX_BLOCK_BYTES {
            return Err(ReadError::TooLong { line: line.number });
        }
        Ok(())
    }

    /// Ends the open block and adds the item that it is.
    fn close(&mut self, items: &mut Vec<Item>) {
        let Some(open) = self.open.take() else {
            return;
        };
        let line = open.line;
        let problem = |line, kind| Item::Problem(Problem { line, kind });
        if let Some((arrow, number)) = open.arrow {
            let Some(cue) = timing::cue(&open.id, &arrow, &open.text, line) else {
                items.push(problem(number, ProblemKind::Timing(quoted(&arrow))));
                return;
            };
            self.seen_cue = true;
            CueSettings::parse_reporting(&cue.settings, |setting| {
                items.push(problem(number, ProblemKind::Setting(quoted(setting))));
            });
            if cue.span.is_empty() {
                items.push(problem(number, ProblemKind::EndsBeforeStart));
            }
            items.push(Item::Block(Block::Cue(cue)));
            return;
        }
        let (first, rest) = open.text.split_once('\n').unwrap_or((&open.text, ""));
        let rest = || rest.to_owned();
        items.push(match first.trim_end_matches(timing::is_space) {
            word @ ("STYLE" | "REGION") if self.seen_cue => {
                let word = if word == "STYLE" { "STYLE" } else { "REGION" };
                problem(line, ProblemKind::Late(word))
            }
            "STYLE" => Item::Block(Block::Style { css: rest(), line }),
            "REGION" => Item::Block(Block::Region {
                settings: rest(),
                line,
            }),
            _ => match note(&open.text) {
                Some(text) => Item::Block(Block::Note { text, line }),
                None => problem(line, ProblemKind::Stray(quoted(first))),
            },
        });
    }
}

/// Returns the text of a comment block, without the word NOTE (§4.1).
fn note(block: &str) -> Option<String> {
    let text = block.strip_prefix("NOTE")?;
    match text.chars().next() {
        None => Some(String::new()),
        Some(' ' | '\t' | '\n') => Some(text[1..].to_owned()),
        Some(_) => None,
    }
}

/// Returns the text after the signature in the first line (§6.1, steps 4 to 6).
fn signature(line: &str) -> Result<&str, ReadError> {
    let rest = line.strip_prefix("WEBVTT").ok_or(ReadError::NotWebVtt)?;
    if rest.is_empty() || rest.starts_with([' ', '\t']) {
        Ok(rest)
    } else {
        Err(ReadError::NotWebVtt)
    }
}

/// Refuses a stream that is not WebVTT as soon as its first bytes show it, however long its first
/// line is.
fn check_signature_so_far(bytes: &[u8]) -> Result<(), ReadError> {
    const BOM: &[u8] = "\u{feff}".as_bytes();
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(ReadError::Utf16);
    }
    let text = bytes.strip_prefix(BOM).unwrap_or(bytes);
    let expected = b"WEBVTT";
    let length = text.len().min(expected.len());
    if BOM.starts_with(bytes) || text[..length] == expected[..length] {
        Ok(())
    } else {
        Err(ReadError::NotWebVtt)
    }
}

fn quoted(line: &str) -> String {
    let line = line.trim();
    match line.char_indices().nth(QUOTED_CHARS) {
        Some((end, _)) => format!("{}\u{2026}", &line[..end]),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Document, read};
    use super::*;
    use crate::timeline::{Span, Time};
    use crate::webvtt::Cue;
    use proptest::prelude::*;

    const ONE: &str = "00:00:00.000 --> 00:00:01.000";

    fn document(text: &str) -> Document {
        read(text.as_bytes()).expect("WebVTT")
    }

    /// Returns identifier and text of every cue.
    fn cues(text: &str) -> Vec<(String, String)> {
        let document = document(text);
        let cue = |cue: &Cue| (cue.id.clone().unwrap_or_default(), cue.text.clone());
        document.cues().map(cue).collect()
    }

    fn problem_lines(document: &Document) -> Vec<usize> {
        document
            .problems
            .iter()
            .map(|problem| problem.line)
            .collect()
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|&(id, text)| (id.to_owned(), text.to_owned()))
            .collect()
    }

    #[test]
    fn the_signature_is_checked() {
        for bytes in [
            "WEBVTT",
            "WEBVTT\n",
            "WEBVTT\r",
            "WEBVTT ",
            "WEBVTT\t",
            "WEBVTT - a title\n",
            "\u{feff}WEBVTT",
            "\u{feff}WEBVTT\r\n\r\n",
        ] {
            assert_eq!(read(bytes.as_bytes()).map(|_| ()), Ok(()), "{bytes:?}");
        }
        for bytes in [
            "WEBVT",
            "webvtt\n",
            "WEBVTTX\n",
            " WEBVTT\n",
            "\nWEBVTT\n",
            "WEBVTT\u{c}\n",
            "\u{feff}\u{feff}WEBVTT\n",
            "1\n00:00:00,000 --> 00:00:01,000\nHi\n",
            "\u{feff}",
        ] {
            assert_eq!(
                read(bytes.as_bytes()),
                Err(ReadError::NotWebVtt),
                "{bytes:?}"
            );
        }
        assert_eq!(read(b""), Err(ReadError::Empty));
        assert_eq!(read(b"\xff\xfeW\0E\0B\0"), Err(ReadError::Utf16));
    }

    #[test]
    fn what_is_not_webvtt_is_refused_before_its_first_line_ends() {
        let mut reader = Reader::new();
        assert_eq!(reader.push(b"\x1a\x45\xdf\xa3"), Err(ReadError::NotWebVtt));
        let mut reader = Reader::new();
        assert_eq!(reader.push(b"\xef"), Ok(Vec::new()));
        assert_eq!(reader.push(b"\xbb\xbfWEB"), Ok(Vec::new()));
        assert_eq!(reader.push(b"M"), Err(ReadError::NotWebVtt));
    }

    #[test]
    fn the_header_block_ends_at_an_empty_line_or_an_arrow() {
        let text = format!("WEBVTT - title\nKind: captions\n\u{0}\n{ONE}\ntext");
        let document = document(&text);
        assert_eq!(document.header.text, "- title");
        assert_eq!(document.header.lines, ["Kind: captions", "\u{fffd}"]);
        assert_eq!(document.cues().count(), 1);
        assert_eq!(
            cues(&format!("WEBVTT\n{ONE}\ntext")),
            pairs(&[("", "text")])
        );
        assert_eq!(
            cues(&format!("WEBVTT\nid\n{ONE}\ntext")),
            pairs(&[("", "text")])
        );
        // A block that looks like a style sheet in the header is not one.
        let text = format!("WEBVTT\nSTYLE\n::cue {{}}\n\n{ONE}\ntext");
        assert_eq!(self::document(&text).blocks.len(), 1);
    }

    #[test]
    fn identifiers_are_kept_as_written() {
        let text = format!(
            "WEBVTT\n\n leading\n{ONE}\n1\n\ntrailing \n{ONE}\n2\n\n-- >\n{ONE}\n3\n\n \n{ONE}\n4\n\n\
             NOTE id\n{ONE}\n5\n\nSTYLE\n{ONE}\n6\n"
        );
        let expected = [
            (" leading", "1"),
            ("trailing ", "2"),
            ("-- >", "3"),
            (" ", "4"),
            ("NOTE id", "5"),
            ("STYLE", "6"),
        ];
        assert_eq!(cues(&text), pairs(&expected));
    }

    #[test]
    fn an_arrow_starts_a_cue_without_an_empty_line_before_it() {
        let text = format!(
            "WEBVTT\n\n-->\n{ONE}\n1\nfoo-->\n{ONE}\n2\n{ONE}\n3\nid\n{ONE}\n4\n\n00:00:00.000 - -->\n"
        );
        let document = document(&text);
        let texts: Vec<&str> = document.cues().map(|cue| cue.text.as_str()).collect();
        assert_eq!(texts, ["1", "2", "3\nid", "4"]);
        assert_eq!(problem_lines(&document), [3, 6, 15]);
    }

    #[test]
    fn bad_blocks_are_reported_and_reading_goes_on() {
        let text = format!(
            "WEBVTT\n\nstray\ntext\n\n1\n00:00 --> 00:01\nlost\n\n2\n{ONE} line:x\nfound\n\n\
             STYLE\n::cue {{}}\n\nREGION\nid:late\n\n00:00:02.000 --> 00:00:01.000\nbackwards\n\n\
             3\n{ONE}\nend"
        );
        let document = document(&text);
        let problems: Vec<String> = document.problems.iter().map(Problem::to_string).collect();
        for (problem, words) in problems.iter().zip([
            "line 3: \"stray\" belongs to no cue",
            "line 7: \"00:00 --> 00:01\" is not a timing line",
            "line 11: \"line:x\" is not a cue setting",
            "line 14: a STYLE block",
            "line 17: a REGION block",
            "line 20: the cue does not end after its start",
        ]) {
            assert!(problem.starts_with(words), "{problem}");
        }
        assert_eq!(problems.len(), 6);
        let texts: Vec<&str> = document.cues().map(|cue| cue.text.as_str()).collect();
        assert_eq!(texts, ["found", "backwards", "end"]);
        let lines: Vec<usize> = document.cues().map(|cue| cue.line).collect();
        assert_eq!(lines, [10, 20, 23]);
    }

    #[test]
    fn styles_regions_and_notes_are_kept() {
        let text = "WEBVTT\n\nSTYLE \t\n::cue {}\n.a {}\n\nREGION\nid:a width:40%\nlines:3\n\n\
            NOTE one line\n\nNOTE\ntwo\nlines\n\nNOTEworthy\n";
        let document = document(text);
        let style = |css: &str, line| Block::Style {
            css: css.to_owned(),
            line,
        };
        let note = |text: &str, line| Block::Note {
            text: text.to_owned(),
            line,
        };
        let region = Block::Region {
            settings: "id:a width:40%\nlines:3".to_owned(),
            line: 7,
        };
        let expected = [
            style("::cue {}\n.a {}", 3),
            region,
            note("one line", 11),
            note("two\nlines", 13),
        ];
        assert_eq!(document.blocks, expected);
        assert_eq!(problem_lines(&document), [17]);
        assert_eq!(
            document.to_string(),
            text.replace(" \t", "")
                .replace("NOTE one", "NOTE\none")
                .replace("\nNOTEworthy\n", "")
        );
    }

    #[test]
    fn white_space_is_that_of_ascii() {
        let text = "WEBVTT\n\nff\n\u{c}00:00:00.000\u{c}-->\u{c}00:00:01.000\u{c}align:end\n  text \n\n\
            vt\n\u{b}00:00:00.000 --> 00:00:01.000\nlost\n";
        assert_eq!(cues(text), pairs(&[("ff", "  text ")]));
        assert_eq!(
            document(text).cues().next().map(|cue| cue.settings.clone()),
            Some("align:end".into())
        );
    }

    #[test]
    fn bytes_that_are_no_utf8_are_replaced_and_reported() {
        let document =
            read(b"WEBVTT\n\n00:00.000 --> 00:01.000\ncaf\xe9 \xe2\x82\n").expect("WebVTT");
        let texts: Vec<&str> = document.cues().map(|cue| cue.text.as_str()).collect();
        assert_eq!(texts, ["caf\u{fffd} \u{fffd}"]);
        assert_eq!(problem_lines(&document), [4]);
    }

    #[test]
    fn a_nul_is_replaced_and_spoils_what_it_touches() {
        let text = "WEBVTT\n\n\0\n00:00:00.000 --> 00:00:01.000\0align:end\n\0text\n\n\
            00:00:00.\x0000 --> 00:00:01.000\nlost\n";
        let document = document(text);
        let cue = document.cues().next().expect("one cue");
        assert_eq!(cue.id.as_deref(), Some("\u{fffd}"));
        assert_eq!(cue.settings().align, None);
        assert_eq!(cue.text, "\u{fffd}text");
        assert_eq!(problem_lines(&document), [4, 7]);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut reader = Reader::new();
        reader.push(b"WEBVTT\n\n").expect("a header");
        let piece = vec![b'x'; MAX_BLOCK_BYTES + 1];
        assert_eq!(reader.push(&piece), Err(ReadError::TooLong { line: 3 }));
    }

    fn any_text() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec![
            "a",
            "\u{e9}",
            " ",
            "\n",
            "\n\n",
            "\r\n",
            "\r",
            "\0",
            "&",
            "&amp;",
            "<",
            ">",
            "-->",
            "--",
            "-",
            "NOTE",
            "STYLE",
            "REGION",
            "WEBVTT",
            "00:00.000 --> 00:01.000",
            "<v Ada>",
            "</v>",
            "<c.x>",
            "align:end",
            ":",
            "\t",
            "\u{c}",
            "\u{a0}",
            "\u{feff}",
            "\u{85}",
        ]);
        prop::collection::vec(word, 0..8).prop_map(|words| words.concat())
    }

    fn any_cue() -> impl Strategy<Value = Cue> {
        let ns = 0u64..400_000_000_000_000;
        (
            prop::option::of(any_text()),
            ns.clone(),
            ns,
            any_text(),
            any_text(),
        )
            .prop_map(|(id, start, end, settings, text)| Cue {
                id,
                span: Span::new(Time::from_nanos(start), Time::from_nanos(end)),
                settings,
                text,
                line: 0,
            })
    }

    fn without_lines(document: &Document) -> Vec<Cue> {
        let cue = |cue: &Cue| Cue {
            line: 0,
            ..cue.clone()
        };
        document.cues().map(cue).collect()
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            made in prop::collection::vec(any_cue(), 0..4), note in any_text(), css in any_text(),
            header in any_text())
        {
            let mut document = Document::new(made.clone());
            document.header.text = header.clone();
            document.header.lines = vec![header];
            document.blocks.push(Block::Note { text: note, line: 0 });
            document.blocks.push(Block::Style { css, line: 0 });
            let written = document.to_string();
            let again = read(written.as_bytes()).expect("what is written is WebVTT");
            let expected: Vec<Cue> = made.iter().map(Cue::canonical).collect();
            prop_assert_eq!(without_lines(&again), expected.clone(), "{}", written);
            let is_setting = |problem: &Problem| matches!(problem.kind, ProblemKind::Setting(_));
            prop_assert!(again.problems.iter().all(is_setting), "{:?}\n{}", again.problems, written);
            // Reading has nothing left to change.
            prop_assert_eq!(read(again.to_string().as_bytes()).expect("WebVTT").blocks, again.blocks);
            for cue in &expected {
                prop_assert_eq!(&cue.canonical(), cue);
            }
        }

        #[test]
        fn the_plain_text_of_a_cue_is_what_it_was_made_of(plain in "[a-z&<> -]{1,30}") {
            let span = Span::new(Time::ZERO, Time::SECOND);
            let written = Document::new([Cue::new(span, &plain)]).to_string();
            let again = read(written.as_bytes()).expect("WebVTT");
            let texts: Vec<String> = again.cues().map(Cue::plain_text).collect();
            prop_assert_eq!(texts, [plain]);
        }

        #[test]
        fn pieces_do_not_matter(text in any_text(), cut in 0usize..60) {
            let file = format!("WEBVTT\n\n{text}\n\n{ONE}\n{text}");
            let bytes = file.as_bytes();
            let cut = cut.min(bytes.len());
            let mut reader = Reader::new();
            let mut items = reader.push(&bytes[..cut]).expect("WebVTT");
            items.extend(reader.push(&bytes[cut..]).expect("WebVTT"));
            items.extend(reader.finish().expect("WebVTT"));
            let mut reader = Reader::new();
            let mut whole = reader.push(bytes).expect("WebVTT");
            whole.extend(reader.finish().expect("WebVTT"));
            prop_assert_eq!(items, whole);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut file = b"WEBVTT\n\n".to_vec();
            file.extend(bytes);
            prop_assert!(read(&file).is_ok());
        }
    }
}
