// SPDX-License-Identifier: MPL-2.0

//! The structures of `mjrdemux`'s element messages.

use super::index::{Index, clock_time};
use crate::record::mjr::{Loss, Rotation, Speaking};

/// `mjrdemux-stream`: the file's header and what the index found.
pub fn stream(index: &Index) -> gst::Structure {
    let header = index.recording.header();
    gst::Structure::builder("mjrdemux-stream")
        .field("kind", header.codec.kind().name())
        .field("codec", header.codec.name())
        .field_if_some("created", header.created)
        .field_if_some("first-frame", header.first_frame)
        .field_if_some("origin", index.timeline.origin())
        .field_if_some("description", header.description.clone())
        .field("packets", index.recording.packets().len() as u64)
        .field("duplicates", index.recording.duplicates())
        .field("duration", index.duration().nseconds())
        .build()
}

pub fn rotation(rotation: &Rotation) -> gst::Structure {
    gst::Structure::builder("mjrdemux-rotation")
        .field("time", rotation.time.nanos())
        .field("degrees", u32::from(rotation.degrees))
        .field("flipped", rotation.is_flipped)
        .build()
}

pub fn speaking(change: &Speaking) -> gst::Structure {
    gst::Structure::builder("mjrdemux-speaking")
        .field("time", change.time.nanos())
        .field("speaking", change.is_speaking)
        .build()
}

pub fn gap(loss: &Loss) -> gst::Structure {
    let duration = clock_time(loss.end).saturating_sub(clock_time(loss.start));
    gst::Structure::builder("mjrdemux-gap")
        .field("time", loss.start.nanos())
        .field("duration", duration.nseconds())
        .field("packets", loss.packets)
        .build()
}

/// Returns the value of the tag `image-orientation`.
pub fn orientation_tag(rotation: &Rotation) -> gst::TagList {
    let mut tags = gst::TagList::new();
    let flip = if rotation.is_flipped { "flip-" } else { "" };
    let value = format!("{flip}rotate-{}", rotation.degrees);
    if let Some(tags) = tags.get_mut() {
        tags.add::<gst::tags::ImageOrientation>(&value.as_str(), gst::TagMergeMode::Replace);
    }
    tags
}
