// SPDX-License-Identifier: MPL-2.0

//! A WebVTT file: read whole and in pieces, written and read again.

use gstlecture::webvtt::{self, Cue, Document, Item, Reader};

pub fn run(input: &[u8]) {
    let [size, file @ ..] = input else {
        return;
    };
    let whole = webvtt::read(file);
    let size = usize::from(*size) + 1;
    let in_pieces = read_in_pieces(file, size);
    assert_eq!(in_pieces.as_ref().ok(), whole.as_ref().ok());
    let Ok(document) = whole else {
        return;
    };
    let _ = document.review();
    for cue in document.cues() {
        let _ = (cue.settings(), cue.plain_text(), cue.voice());
    }
    let cues: Vec<Cue> = document.cues().map(Cue::canonical).collect();
    let written = Document::new(cues.clone()).to_string();
    let again = webvtt::read(written.as_bytes()).expect("what is written can be read");
    assert_eq!(again.cues().count(), cues.len(), "{written}");
    for (one, other) in again.cues().zip(&cues) {
        assert_eq!(one.span, other.span, "{written}");
        assert_eq!(one.text, other.text, "{written}");
    }
}

fn read_in_pieces(file: &[u8], size: usize) -> Result<Document, webvtt::ReadError> {
    let mut reader = Reader::new();
    let mut items = Vec::new();
    for piece in file.chunks(size) {
        items.extend(reader.push(piece)?);
    }
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
