// SPDX-License-Identifier: MPL-2.0

//! The event `lecture-splice`: the next picture is the first of a kept span of the recording. It goes
//! downstream with the pictures.
//!
//! Fields, in ns (u64): `time`, where the span begins in the output; `source` and, where it is known,
//! `source-end`, what it is of the recording.

use crate::package::grid::Splice;
use crate::timeline::{Span, Time};

const NAME: &str = "lecture-splice";

/// Builds the event's structure.
pub fn structure(splice: Splice) -> gst::Structure {
    let Splice { at, source } = splice;
    let end = (source.end < Time::MAX).then_some(source.end);
    gst::Structure::builder(NAME)
        .field("time", at.nanos())
        .field("source", source.start.nanos())
        .field_if_some("source-end", end.map(Time::nanos))
        .build()
}

/// Reads the event's structure; `None` for another event's.
pub fn splice(structure: &gst::StructureRef) -> Option<Splice> {
    (structure.name() == NAME).then_some(())?;
    let time = |name| structure.get(name).ok().map(Time::from_nanos);
    let end = time("source-end").unwrap_or(Time::MAX);
    Some(Splice {
        at: time("time")?,
        source: Span::new(time("source")?, end),
    })
}
