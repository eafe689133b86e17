// SPDX-License-Identifier: MPL-2.0

//! The NOTE in a machine-made file that records whether a person has approved it.

use std::fmt;

use crate::webvtt::{Block, Document, Problem, ProblemKind};

/// Approval of a file by a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Status {
    /// Made by a machine and not approved.
    #[default]
    Draft,
    /// Read and approved by a person.
    Approved,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Draft => "draft",
            Status::Approved => "approved",
        }
    }
}

/// The review NOTE after the first line of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Review {
    pub status: Status,
    /// Name of the person who approved it.
    pub by: Option<String>,
    /// What that person signed, in lower case: words, names, speakers, sounds, description.
    pub signed: Vec<String>,
    /// Date of the approval, as written.
    pub on: Option<String>,
    /// Fingerprint of the input that the file was made for: an approval is not valid for another
    /// one.
    pub input: Option<String>,
}

impl Review {
    /// Parses the text of a NOTE; returns `None` if it has no `status:` line. A status that is
    /// neither `draft` nor `approved` is returned as the error.
    pub(super) fn from_note(text: &str) -> Option<Result<Self, String>> {
        let mut status = None;
        let mut review = Review::default();
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let value = value.trim();
            match key.trim().to_ascii_lowercase().as_str() {
                "status" => status = Some(value),
                "by" if !value.is_empty() => review.by = Some(value.to_owned()),
                "signed" => review.signed = words(value),
                "on" if !value.is_empty() => review.on = Some(value.to_owned()),
                "input" if !value.is_empty() => review.input = Some(value.to_owned()),
                _ => {}
            }
        }
        review.status = match status?.to_ascii_lowercase().as_str() {
            "draft" => Status::Draft,
            "approved" => Status::Approved,
            _ => return Some(Err(status?.to_owned())),
        };
        Some(Ok(review))
    }
}

/// Returns the words of a list, which commas or spaces separate.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|character: char| character == ',' || character.is_whitespace());
    words
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Formats the text of the NOTE, without the word NOTE.
impl fmt::Display for Review {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status: {}", self.status.as_str())?;
        let signed = (!self.signed.is_empty()).then(|| self.signed.join(", "));
        let lines = [
            ("by", &self.by),
            ("signed", &signed),
            ("on", &self.on),
            ("input", &self.input),
        ];
        for (key, value) in lines {
            if let Some(value) = value {
                let line: Vec<&str> = value.split_ascii_whitespace().collect();
                write!(f, "\n{key}: {}", line.join(" "))?;
            }
        }
        Ok(())
    }
}

impl Document {
    /// Puts a review NOTE before all other blocks and removes the previous one.
    pub fn set_review(&mut self, review: &Review) {
        let is_review = |block: &Block| matches!(block, Block::Note { text, .. } if Review::from_note(text).is_some());
        self.blocks.retain(|block| !is_review(block));
        let note = Block::Note {
            text: review.to_string(),
            line: 0,
        };
        self.blocks.insert(0, note);
    }

    /// Returns the review NOTE: the first NOTE with a `status:` line before the first cue.
    pub fn review(&self) -> Result<Option<Review>, Problem> {
        for block in &self.blocks {
            match block {
                Block::Cue(_) => break,
                Block::Note { text, line } => match Review::from_note(text) {
                    Some(Ok(review)) => return Ok(Some(review)),
                    Some(Err(status)) => {
                        return Err(Problem {
                            line: *line,
                            kind: ProblemKind::Status(status),
                        });
                    }
                    None => {}
                },
                Block::Style { .. } | Block::Region { .. } => {}
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webvtt::read;

    #[test]
    fn the_review_note_is_found_and_checked() {
        let text = "WEBVTT\n\nNOTE\nStatus: Approved\nby: Ada L.\nSigned: Words, names\non: 2026-11-30\n\
             input: abc\n\nNOTE status: draft\n";
        let review = Review {
            status: Status::Approved,
            by: Some("Ada L.".to_owned()),
            signed: vec!["words".to_owned(), "names".to_owned()],
            on: Some("2026-11-30".to_owned()),
            input: Some("abc".to_owned()),
        };
        assert_eq!(document(text).review(), Ok(Some(review.clone())));
        let mut made = Document::default();
        made.set_review(&review);
        let made = made.to_string();
        assert_eq!(
            made,
            "WEBVTT\n\nNOTE\nstatus: approved\nby: Ada L.\nsigned: words, names\non: 2026-11-30\n\
             input: abc\n"
        );
        let bad = document("WEBVTT\n\nNOTE status: aproved\n").review();
        assert!(bad.is_err_and(|problem| problem.to_string().contains("aproved")));
        let late = "WEBVTT\n\n00:00.000 --> 00:01.000\nHi\n\nNOTE status: draft\n";
        assert_eq!(document(late).review(), Ok(None));
    }

    fn document(text: &str) -> Document {
        read(text.as_bytes()).expect("a document")
    }
}
