// SPDX-License-Identifier: MPL-2.0

//! The event `lecture-slide`: a slide changed. It goes downstream with the pictures, and its times lie in
//! the past.
//!
//! Fields, in ns of stream time (u64): `time`, the first picture that shows what is new; `after`, the last
//! of what was shown before, by default the same.

use crate::timeline::{Span, Time};

const NAME: &str = "lecture-slide";

/// Builds the event's structure for a change from the last picture of what was shown to the first of
/// what is new.
pub fn structure(change: Span) -> gst::Structure {
    gst::Structure::builder(NAME)
        .field("time", change.end.nanos())
        .field("after", change.start.nanos())
        .build()
}

/// Reads the change from the event's structure; `None` for another event's.
pub fn change(structure: &gst::StructureRef) -> Option<Span> {
    (structure.name() == NAME).then_some(())?;
    let time = structure.get::<u64>("time").ok()?;
    let after = structure.get::<u64>("after").unwrap_or(time).min(time);
    Some(Span::new(Time::from_nanos(after), Time::from_nanos(time)))
}
