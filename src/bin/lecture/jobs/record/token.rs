// SPDX-License-Identifier: MPL-2.0

//! Secrets that are named, not given.

use gstlecture::delivery::Secret;

use crate::error::Error;
use crate::options::{FromText, Wrong};

/// The place of a token: other users of the machine can read command lines.
#[derive(Clone, Debug)]
pub struct Token(String);

impl FromText for Token {
    fn from_text(text: &str) -> Result<Self, Wrong> {
        if text.starts_with("env:") || text.starts_with("file:") {
            Ok(Token(text.to_owned()))
        } else {
            let words =
                "a secret on the command line can be read by others; write env:NAME or file:PATH";
            Err(Wrong::Because(words.into()))
        }
    }
}

impl Token {
    /// Returns the name of the place.
    pub fn place(&self) -> &str {
        &self.0
    }

    /// Reads the token.
    ///
    /// # Errors
    /// It is not there, or empty.
    pub fn read(&self) -> Result<String, Error> {
        let token = Secret::read(&self.0).map(|secret| secret.text().trim().to_owned());
        match token {
            Ok(token) if token.is_empty() => Err(Error::request(
                "the token is empty",
                &*self.0,
                "write one into it",
            )),
            Ok(token) => Ok(token),
            Err(words) => {
                let remedy = "correct the name of the variable or file";
                Err(Error::request(words, "", remedy))
            }
        }
    }
}
