// SPDX-License-Identifier: MPL-2.0

//! Answers to a browser.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use http_range_header::parse_range_header;
use serde::Serialize;

/// The page runs its own scripts only, asks this server only, and is shown in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// Headers of every answer.
const HEADERS: [(&str, &str); 5] = [
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
];

/// An answer.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Body,
}

/// The content of an answer.
pub enum Body {
    Bytes(Cow<'static, [u8]>),
    /// The next bytes of a file, and their number.
    Part(File, u64),
}

impl Reply {
    pub fn new(status: u16, kind: &str, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        let headers = HEADERS.map(|(name, value)| (name, value.to_owned()));
        let mut headers = Vec::from(headers);
        headers.push(("Content-Type", kind.to_owned()));
        Reply {
            status,
            headers,
            body: Body::Bytes(bytes.into()),
        }
    }

    /// Makes an answer of one sentence.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Reply::new(
            status,
            "text/plain; charset=utf-8",
            text.into().into_bytes(),
        )
    }

    pub fn json(status: u16, value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => Reply::new(status, "application/json", bytes),
            Err(error) => Reply::text(500, error.to_string()),
        }
    }

    /// Makes an answer of a file, or of the part that the `Range` header asks for.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn file(path: &Path, kind: &str, range: Option<&str>) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        // A header that is not understood, or asks for several parts, is answered with the whole.
        let ranges = range.and_then(|range| parse_range_header(range).ok());
        let ranges = ranges.map(|ranges| ranges.validate(size));
        let mut reply = Reply::new(200, kind, &[][..]);
        reply.headers.push(("Accept-Ranges", "bytes".into()));
        let part = match ranges {
            Some(Err(_)) => {
                reply.status = 416;
                reply
                    .headers
                    .push(("Content-Range", format!("bytes */{size}")));
                return Ok(reply);
            }
            Some(Ok(ranges)) if ranges.len() == 1 => ranges.into_iter().next(),
            _ => None,
        };
        let mut length = size;
        if let Some(part) = part {
            let (first, last) = part.into_inner();
            file.seek(SeekFrom::Start(first))?;
            length = last - first + 1;
            reply.status = 206;
            let range = format!("bytes {first}-{last}/{size}");
            reply.headers.push(("Content-Range", range));
        }
        reply.body = Body::Part(file, length);
        Ok(reply)
    }

    /// Adds a header.
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Returns the number of bytes and their reader.
    pub fn into_reader(self) -> (u64, Box<dyn Read + Send>) {
        match self.body {
            Body::Bytes(bytes) => (bytes.len() as u64, Box::new(io::Cursor::new(bytes))),
            Body::Part(file, length) => (length, Box::new(file.take(length))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_answered_with_that_part_of_the_file() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("file");
        std::fs::write(&path, "0123456789").expect("written");
        for (range, status, text) in [
            (None, 200, "0123456789"),
            (Some("bytes=2-4"), 206, "234"),
            (Some("bytes=7-"), 206, "789"),
            (Some("bytes=-2"), 206, "89"),
            (Some("bytes=7-99"), 206, "789"),
            (Some("bytes=10-"), 416, ""),
            (Some("bytes=0-1,3-4"), 200, "0123456789"),
            (Some("lines=1-2"), 200, "0123456789"),
        ] {
            let reply = Reply::file(&path, "video/mp4", range).expect("read");
            assert_eq!(reply.status, status, "{range:?}");
            let (length, mut reader) = reply.into_reader();
            let mut read = String::new();
            reader.read_to_string(&mut read).expect("read");
            assert_eq!(
                (read.as_str(), length),
                (text, text.len() as u64),
                "{range:?}"
            );
        }
    }
}
