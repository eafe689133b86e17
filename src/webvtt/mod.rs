// SPDX-License-Identifier: MPL-2.0

//! WebVTT: reading (with webvtt-parser), writing, checking.
//!
//! [`Reader`] takes bytes in pieces and returns blocks; [`Document`] contains a whole file.
//! Unusable parts are reported as a [`Problem`] with its line, and reading continues. This module
//! follows W3C WebVTT (<https://www.w3.org/TR/webvtt1/>); comments refer to its sections.

mod block;
pub mod captions;
pub mod chapters;
mod document;
mod lines;
mod problem;
mod reader;
mod settings;
mod text;
mod timing;

pub use block::{Block, Cue};
pub use document::{Document, Header, read};
pub use problem::{Problem, ProblemKind, ReadError};
pub use reader::{Item, Reader};
pub use settings::{
    Alignment, CueSettings, LinePosition, PositionAlignment, TextAlignment, Vertical,
};
pub use text::{escape, plain_text, unescape, voice};
pub use timing::Timestamp;
