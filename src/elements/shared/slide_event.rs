// SPDX-License-Identifier: MPL-2.0

//! The event `lecture-slide`: a slide changed. It is sent downstream with the video; its times are
//! in the past.
//!
//! Fields, in ns of stream time (u64): `time`, the first frame with the new content; `after`, the
//! last frame with the old content, by default the same.

use crate::timeline::{Span, Time};

const NAME: &str = "lecture-slide";

/// Makes the event's structure for a change from the last frame of the old content to the first of
/// the new.
pub fn structure(change: Span) -> gst::Structure {
    gst::Structure::builder(NAME)
        .field("time", change.end.nanos())
        .field("after", change.start.nanos())
        .build()
}

/// Reads the change from the event's structure; returns `None` for another event.
pub fn change(structure: &gst::StructureRef) -> Option<Span> {
    (structure.name() == NAME).then_some(())?;
    let time = structure.get::<u64>("time").ok()?;
    let after = structure.get::<u64>("after").unwrap_or(time).min(time);
    Some(Span::new(Time::from_nanos(after), Time::from_nanos(time)))
}
