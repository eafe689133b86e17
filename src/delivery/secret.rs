// SPDX-License-Identifier: MPL-2.0

//! Credentials, which must never be printed.

use std::{env, fmt, fs};

use base64::{Engine, prelude::BASE64_STANDARD};

/// A text that is never displayed.
#[derive(Clone, Default)]
pub struct Secret(String);

impl Secret {
    /// Reads a secret: the text itself, for `env:NAME` an environment variable, for `file:PATH` the
    /// first line of a file. The error names the one that cannot be read.
    pub fn read(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix("env:") {
            env::var(name)
                .map(Secret)
                .map_err(|_| format!("the environment variable {name} is not set"))
        } else if let Some(path) = text.strip_prefix("file:") {
            match fs::read_to_string(path) {
                Ok(content) => Ok(Secret(
                    content.lines().next().unwrap_or_default().to_owned(),
                )),
                Err(error) => Err(format!("cannot read the credentials in {path}: {error}")),
            }
        } else {
            Ok(Secret(text.to_owned()))
        }
    }

    /// Returns the secret itself, to compare with.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Credentials for an LRS.
#[derive(Clone, Debug, Default)]
pub enum Credentials {
    #[default]
    None,
    Basic {
        username: Secret,
        password: Secret,
    },
    Bearer(Secret),
}

impl Credentials {
    /// Returns the value of the Authorization header.
    pub(super) fn header(&self) -> Option<String> {
        match self {
            Credentials::None => None,
            Credentials::Basic { username, password } => Some(format!(
                "Basic {}",
                BASE64_STANDARD.encode(format!("{}:{}", username.0, password.0))
            )),
            Credentials::Bearer(token) => Some(format!("Bearer {}", token.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let credentials = Credentials::Basic {
            username: Secret::read("tap").expect("itself"),
            password: Secret::read("hunter2").expect("itself"),
        };
        assert!(!format!("{credentials:?}").contains("hunter2"));
        assert_eq!(
            credentials.header().as_deref(),
            Some("Basic dGFwOmh1bnRlcjI=")
        );
    }

    #[test]
    fn a_secret_comes_from_a_file() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), "t0ken\n").expect("written");
        let secret = Secret::read(&format!("file:{}", file.path().display())).expect("read");
        assert_eq!(
            Credentials::Bearer(secret).header().as_deref(),
            Some("Bearer t0ken")
        );
        assert!(Secret::read("file:/no/such/file").is_err());
        assert!(Secret::read("env:LECTURE_NO_SUCH_VARIABLE").is_err());
    }
}
