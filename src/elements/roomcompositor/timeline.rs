// SPDX-License-Identifier: MPL-2.0

//! The timeline file, and the messages of a layout.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::edit::{Review, Status};
use crate::record::layout::{LayoutDraft, Picture, TileSource};
use crate::timeline::Time;

/// Returns whether a timeline can be written to `path`. Its folder must exist, and the file must be
/// missing, empty, or an earlier draft, which is replaced.
pub fn check(path: &Path) -> io::Result<()> {
    let refused = |kind, why: &str| Err(io::Error::new(kind, why.to_owned()));
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return refused(
            io::ErrorKind::NotFound,
            "its folder does not exist; make it",
        );
    }
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if bytes.is_empty() {
        return Ok(());
    }
    let review = LayoutDraft::read(&bytes, None, None).map(|draft| draft.review);
    match review.map(|review| review.map(|review| review.status)) {
        Ok(Some(Status::Draft)) => Ok(()),
        Ok(Some(Status::Approved)) => refused(
            io::ErrorKind::AlreadyExists,
            "the layout is approved and is kept; move it away to make a new one",
        ),
        _ => refused(
            io::ErrorKind::AlreadyExists,
            "the file is not a draft of a layout and is kept; choose another name or move it away",
        ),
    }
}

/// Writes pictures as a draft, if [`check`] allows it; the file is replaced atomically.
pub fn write(path: &Path, pictures: &[(Time, Picture)], end: Time) -> io::Result<()> {
    check(path)?;
    let draft = LayoutDraft::from_pictures(Some(Review::default()), pictures, end);
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(draft.to_string().as_bytes())?;
        file.sync_all()
    });
    let placed = written.and_then(|()| fs::rename(&beside, path));
    if placed.is_err() {
        // Already failed: a rest that cannot be removed either makes no difference.
        let _ = fs::remove_file(&beside);
    }
    placed
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
