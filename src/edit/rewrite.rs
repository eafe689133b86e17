// SPDX-License-Identifier: MPL-2.0

//! New cues in a file whose other parts stay.

use crate::timeline::Time;
use crate::webvtt::{Block, Cue, Document};

/// Returns `before` with these cues in place of its own. Comments, styles and regions stay: each one
/// stands before the first cue that does not start earlier than the cue that followed it.
pub fn rewrite(before: &Document, cues: Vec<Cue>) -> Document {
    let mut waiting = Vec::new();
    let mut others: Vec<(Time, Block)> = Vec::new();
    for block in &before.blocks {
        match block {
            Block::Cue(cue) => {
                let start = cue.span.start;
                others.extend(waiting.drain(..).map(|block| (start, block)));
            }
            other => waiting.push(other.clone()),
        }
    }
    let has_cues = before.cues().next().is_some();
    // Notes of a file without cues explain the cues to come.
    let end = if has_cues { Time::MAX } else { Time::ZERO };
    others.extend(waiting.into_iter().map(|block| (end, block)));
    let first = before.cues().next().map(|cue| cue.span.start);
    let mut others = others.into_iter().peekable();
    let mut blocks = Vec::new();
    for (index, cue) in cues.into_iter().enumerate() {
        let is_due = |(start, _): &(Time, Block)| {
            *start <= cue.span.start || (index == 0 && Some(*start) == first)
        };
        while let Some((_, block)) = others.next_if(is_due) {
            blocks.push(block);
        }
        blocks.push(Block::Cue(cue));
    }
    blocks.extend(others.map(|(_, block)| block));
    Document {
        header: before.header.clone(),
        blocks,
        problems: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::Span;
    use crate::webvtt::read;

    #[test]
    fn comments_and_styles_stay_in_their_places() {
        let text = "WEBVTT a class\n\nSTYLE\n::cue {}\n\nNOTE head\n\n00:05.000 --> 00:06.000\nA\n\n\
            NOTE of B\n\n00:10.000 --> 00:11.000\nB\n\nNOTE end\n";
        let before = read(text.as_bytes()).expect("WebVTT");
        let cue = |start, text| {
            let start = Time::from_secs(start);
            Cue::new(Span::new(start, start.saturating_add(Time::SECOND)), text)
        };
        let after = rewrite(&before, vec![cue(1, "A"), cue(7, "new"), cue(10, "B")]);
        let expected = "WEBVTT a class\n\nSTYLE\n::cue {}\n\nNOTE\nhead\n\n\
            00:00:01.000 --> 00:00:02.000\nA\n\n00:00:07.000 --> 00:00:08.000\nnew\n\nNOTE\nof B\n\n\
            00:00:10.000 --> 00:00:11.000\nB\n\nNOTE\nend\n";
        assert_eq!(after.to_string(), expected);
        let same = rewrite(&before, before.cues().cloned().collect());
        assert_eq!(same.to_string(), before.to_string());
    }

    #[test]
    fn the_note_of_an_empty_file_stands_before_its_first_cue() {
        let before = read(b"WEBVTT\n\nNOTE status: draft\n").expect("WebVTT");
        let span = Span::new(Time::from_secs(1), Time::from_secs(2));
        let after = rewrite(&before, vec![Cue::new(span, "A")]).to_string();
        assert!(after.find("status") < after.find("-->"), "{after}");
    }
}
