// SPDX-License-Identifier: MPL-2.0

//! The timeline file, and the messages of a layout.

use std::io;
use std::path::Path;

use crate::edit::Review;
use crate::elements::shared::draft_file;
use crate::record::layout::{LayoutDraft, Picture, TileSource};
use crate::timeline::Time;

/// Returns whether a timeline can be written to `path`.
pub fn check(path: &Path) -> io::Result<()> {
    draft_file::check(path, "layout", |bytes| {
        LayoutDraft::read(bytes, None, None).ok()?.review
    })
}

/// Writes pictures as a draft, if [`check`] allows it.
pub fn write(path: &Path, pictures: &[(Time, Picture)], end: Time) -> io::Result<()> {
    check(path)?;
    let draft = LayoutDraft::from_pictures(Some(Review::default()), pictures, end);
    draft_file::write(path, &draft.to_string())
}

/// Returns the structure of the message `roomcompositor-layout`.
pub fn layout_message(time: Time, picture: &Picture) -> gst::Structure {
    let tiles = picture.tiles.iter().map(|tile| {
        let source = match tile.source {
            TileSource::Camera => "camera",
            TileSource::Screen => "screen",
            TileSource::Avatar => "avatar",
        };
        gst::Structure::builder("tile")
            .field("participant", tile.participant.as_str())
            .field("source", source)
            .field("x", tile.rect.x)
            .field("y", tile.rect.y)
            .field("width", tile.rect.width)
            .field("height", tile.rect.height)
            .build()
    });
    gst::Structure::builder("roomcompositor-layout")
        .field("time", time.nanos())
        .field("layout", picture.layout.to_string())
        .field("tiles", gst::Array::new(tiles))
        .build()
}

/// Returns the structure of the message `roomcompositor-speaker`.
pub fn speaker_message(time: Time, picture: &Picture) -> gst::Structure {
    let message = gst::Structure::builder("roomcompositor-speaker").field("time", time.nanos());
    match &picture.speaker {
        Some(participant) => message.field("participant", participant.as_str()).build(),
        None => message.build(),
    }
}
