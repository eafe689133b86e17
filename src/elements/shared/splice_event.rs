// SPDX-License-Identifier: MPL-2.0

//! The event `lecture-splice`: the next frame is the first of a kept span of the recording. It is
//! sent downstream with the video.
//!
//! Fields, in ns (u64): `time`, the start of the span in the output; `source` and, if known,
//! `source-end`, its start and end in the recording.

use crate::package::grid::Splice;
use crate::timeline::{Span, Time};

const NAME: &str = "lecture-splice";

/// Makes the event's structure.
pub fn structure(splice: Splice) -> gst::Structure {
    let Splice { at, source } = splice;
    let end = (source.end < Time::MAX).then_some(source.end);
    gst::Structure::builder(NAME)
        .field("time", at.nanos())
        .field("source", source.start.nanos())
        .field_if_some("source-end", end.map(Time::nanos))
        .build()
}

/// Reads the event's structure; returns `None` for another event.
pub fn splice(structure: &gst::StructureRef) -> Option<Splice> {
    (structure.name() == NAME).then_some(())?;
    let time = |name| structure.get(name).ok().map(Time::from_nanos);
    let end = time("source-end").unwrap_or(Time::MAX);
    Some(Splice {
        at: time("time")?,
        source: Span::new(time("source")?, end),
    })
}
