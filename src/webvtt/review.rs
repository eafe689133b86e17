// SPDX-License-Identifier: MPL-2.0

//! The NOTE by which a machine-made file says whether a person has approved it.

use std::fmt;

/// Whether a person has approved a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Status {
    /// Made by a machine and not approved.
    #[default]
    Draft,
    /// A person has read and approved it.
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

/// The review NOTE under the first line of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Review {
    pub status: Status,
    /// Who approved it.
    pub by: Option<String>,
    /// Fingerprint of the input that the file was made for: an approval holds for no other.
    pub input: Option<String>,
}

impl Review {
    /// Reads the text of a NOTE, `None` where it has no `status:` line. A status that is neither
    /// `draft` nor `approved` comes back as the error.
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

/// The text of the NOTE, without the word NOTE.
impl fmt::Display for Review {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status: {}", self.status.as_str())?;
        for (key, value) in [("by", &self.by), ("input", &self.input)] {
            if let Some(value) = value {
                let line: Vec<&str> = value.split_ascii_whitespace().collect();
                write!(f, "\n{key}: {}", line.join(" "))?;
            }
        }
        Ok(())
    }
}
