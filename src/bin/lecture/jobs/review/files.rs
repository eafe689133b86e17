// SPDX-License-Identifier: MPL-2.0

//! The files of the pages, and answers that all pages have.

use crate::error::Error;
use crate::serve::{Asked, Reply};

/// A file of a page: path, media type, content.
type PageFile = (&'static str, &'static str, &'static str);

/// The start of the page of a class.
pub const CLASS: PageFile = ("/", PAGE, include_str!("../../../../web/review/index.html"));
/// The start of the page of several classes.
pub const CLASSES: PageFile = (
    "/",
    PAGE,
    include_str!("../../../../web/review/classes.html"),
);

/// The files that the pages ask for.
const FILES: [PageFile; 12] = [
    (
        "/review.css",
        "text/css",
        include_str!("../../../../web/review/review.css"),
    ),
    (
        "/review.js",
        SCRIPT,
        include_str!("../../../../web/review/review.js"),
    ),
    (
        "/classes.js",
        SCRIPT,
        include_str!("../../../../web/review/classes.js"),
    ),
    (
        "/model.js",
        SCRIPT,
        include_str!("../../../../web/review/model.js"),
    ),
    (
        "/keys.js",
        SCRIPT,
        include_str!("../../../../web/review/keys.js"),
    ),
    (
        "/names.js",
        SCRIPT,
        include_str!("../../../../web/review/names.js"),
    ),
    (
        "/timeline.js",
        SCRIPT,
        include_str!("../../../../web/review/timeline.js"),
    ),
    (
        "/chapters.js",
        SCRIPT,
        include_str!("../../../../web/review/chapters.js"),
    ),
    (
        "/captions.js",
        SCRIPT,
        include_str!("../../../../web/review/captions.js"),
    ),
    (
        "/approve.js",
        SCRIPT,
        include_str!("../../../../web/review/approve.js"),
    ),
    ("/icon.svg", PICTURE, ICON),
    // A browser asks for it before it has read the page.
    ("/favicon.ico", PICTURE, ICON),
];
const ICON: &str = include_str!("../../../../web/review/icon.svg");
const PAGE: &str = "text/html; charset=utf-8";
const PICTURE: &str = "image/svg+xml";
const SCRIPT: &str = "text/javascript";

/// Returns the file with this path on the page that begins with `start`. A path is compared as a
/// whole, so that it cannot lead anywhere else.
pub fn find(path: &str, start: PageFile) -> Option<Reply> {
    let mut files = [start].into_iter().chain(FILES);
    let (_, kind, text) = files.find(|(known, ..)| *known == path)?;
    Some(Reply::new(200, kind, text.as_bytes()))
}

/// Returns the method of a request; the server leaves out the body of the answer to HEAD.
pub fn method(asked: &Asked) -> &str {
    match &*asked.method {
        "HEAD" => "GET",
        method => method,
    }
}

pub fn unknown() -> Reply {
    Reply::text(404, "There is nothing here.")
}

/// Answers with an error: one that another try may mend is told apart.
pub fn failed(error: &Error) -> Reply {
    let status = if error.status() == 75 { 503 } else { 500 };
    Reply::text(status, error.to_string())
}
