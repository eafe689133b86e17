// SPDX-License-Identifier: MPL-2.0

//! A whole file.

use std::fmt;

use super::{Block, Cue, Item, Problem, ReadError, Reader};

/// Text before the first block.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Header {
    /// Rest of the first line after `WEBVTT`.
    pub text: String,
    /// Lines below it, such as `X-TIMESTAMP-MAP=…`. A stand-alone file has none.
    pub lines: Vec<String>,
}

/// A WebVTT file: its usable blocks, and its problems.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Document {
    pub header: Header,
    /// Blocks in the order of the file.
    pub blocks: Vec<Block>,
    /// Problems in the order of the file.
    pub problems: Vec<Problem>,
}

/// Reads a whole file.
pub fn read(bytes: &[u8]) -> Result<Document, ReadError> {
    let mut reader = Reader::new();
    let mut items = reader.push(bytes)?;
    items.extend(reader.finish()?);
    let mut document = Document::default();
    for item in items {
        match item {
            Item::Header(header) => document.header = header,
            Item::Block(block) => document.blocks.push(block),
            Item::Problem(problem) => document.problems.push(problem),
        }
    }
    Ok(document)
}

impl Document {
    /// Returns a document of these cues alone.
    pub fn new(cues: impl IntoIterator<Item = Cue>) -> Self {
        Document {
            blocks: cues.into_iter().map(Block::Cue).collect(),
            ..Document::default()
        }
    }

    pub fn cues(&self) -> impl Iterator<Item = &Cue> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Cue(cue) => Some(cue),
            _ => None,
        })
    }
}

/// Writes the first line, the header block and the empty line after them.
impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |text: &str| text.replace(['\n', '\r', '\0'], " ").replace("-->", "-- >");
        match self.text.trim() {
            "" => writeln!(f, "WEBVTT")?,
            text => writeln!(f, "WEBVTT {}", line(text))?,
        }
        for text in self.lines.iter().filter(|text| !text.is_empty()) {
            writeln!(f, "{}", line(text))?;
        }
        writeln!(f)
    }
}

/// Writes the file. Styles and regions come before the first cue, since they have no effect later
/// (§4.1); all else keeps its order.
impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.header.fmt(f)?;
        let is_cue = |block: &Block| matches!(block, Block::Cue(_));
        let is_late = |block: &&Block| matches!(block, Block::Style { .. } | Block::Region { .. });
        let first_cue = self.blocks.iter().position(is_cue);
        let (head, body) = self.blocks.split_at(first_cue.unwrap_or(self.blocks.len()));
        let late = body.iter().filter(is_late);
        let body = body.iter().filter(|block| !is_late(block));
        for (index, block) in head.iter().chain(late).chain(body).enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            block.fmt(f)?;
        }
        Ok(())
    }
}
